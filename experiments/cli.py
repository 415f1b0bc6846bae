"""`membersim <app> key=value ...`: the console script."""

import contextlib
import hashlib
import os
import sys
from importlib import import_module
from pathlib import Path

from sim.errors import nearest

APPS = {
    "forecast": "where members, orders and revenue are heading",
    "compare": "what a strategy changes, for the same persons with the same luck",
    "sweep": "how outcomes respond to levers and to what nobody knows: many points, one table",
    "optimize": "which plan is best within limits, how sure, and what to learn first",
    "frequency": "how many messages a week are best, in the short run and in the long",
    "seek": "the smallest change of one lever that reaches a target",
    "sensitivity": "which assumptions a forecast, or a strategy's lead, rests on, and how much of it is luck",
    "backtest": "score forecasts from a log's past beside the usual baselines",
    "actuals": "lay what happened over a forecast that was made before",
    "replay": "one member's life once more, day by day, and where it parts from his twin's",
}
USAGE = "\n".join(
    [
        "membersim <app> [key=value ...]",
        "",
        *(f"  {name:11} {what}" for name, what in APPS.items()),
        "",
        "membersim <app> --help lists the keys of an app.",
    ]
)


def kept_help(app: str) -> Path:
    """Where an app's help is kept, named by the state of the sources: making it loads the compiler."""
    root = Path(__file__).parents[1]
    sources = sorted([*root.glob("sim/**/*.py"), *root.glob("experiments/*.py"), *root.glob("configs/*/*.yaml")])
    state = "".join(f"{file.name}{file.stat().st_mtime_ns}{file.stat().st_size}" for file in sources)
    chosen = os.environ.get("MEMBERSIM_CACHE") or os.environ.get("XDG_CACHE_HOME")
    base = Path(chosen) if chosen else Path.home() / ".cache"
    return base / "membersim" / f"help-{app}-{hashlib.sha256(state.encode()).hexdigest()[:16]}.txt"


def show_help(app: str) -> int:
    """Print an app's help, kept from the last time if the sources are as they were."""
    kept = kept_help(app)
    with contextlib.suppress(OSError):
        text = kept.read_text(encoding="utf-8")
        return say(text)
    from experiments.app import SCHEMAS, help_text

    text = help_text(app, SCHEMAS[app])
    with contextlib.suppress(OSError):  # a home that cannot be written costs a second, no more
        kept.parent.mkdir(parents=True, exist_ok=True)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(kept)
    return say(text)


def say(text: str) -> int:
    """Print a text; a reader who closes the pipe has seen enough."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def main() -> int:
    """Hand over to the app that the first word names."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        return say(USAGE)
    if words[0] not in APPS:
        print(f"error: {words[0]}: there is no such app; {nearest(words[0], APPS)}", file=sys.stderr)
        return 2
    if {"-h", "--help"} & set(words[1:]):
        return show_help(words[0])
    sys.argv = [f"membersim {words[0]}", *words[1:]]
    return import_module(f"experiments.{words[0]}").main()


if __name__ == "__main__":
    sys.exit(main())
