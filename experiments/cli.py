"""`membersim <app> key=value ...`: the console script."""

import sys
from importlib import import_module

from sim.errors import nearest

APPS = {
    "forecast": "where members, orders and revenue are heading",
    "backtest": "score forecasts from a log's past beside the usual baselines",
    "actuals": "lay what happened over a forecast that was made before",
}
USAGE = "\n".join(
    [
        "membersim <app> [key=value ...]",
        "",
        *(f"  {name:10} {what}" for name, what in APPS.items()),
        "",
        "membersim <app> --help lists the keys of an app.",
    ]
)


def main() -> int:
    """Hand over to the app that the first word names."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print(USAGE)
        return 0
    if words[0] not in APPS:
        print(f"error: {words[0]}: there is no such app; {nearest(words[0], APPS)}", file=sys.stderr)
        return 2
    sys.argv = [f"membersim {words[0]}", *words[1:]]
    return import_module(f"experiments.{words[0]}").main()


if __name__ == "__main__":
    sys.exit(main())
