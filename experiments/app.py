"""What every app shares: compose with Hydra, check by name, unit and range, run, and say what went wrong."""

import errno
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

from sim.errors import InputError, nearest, nearest_path
from sim.settings import (
    ActualsConfig,
    CompareConfig,
    Config,
    FrequencyConfig,
    OptimizeConfig,
    ReplayConfig,
    SeekConfig,
    SensitivityConfig,
    SweepConfig,
)
from sim.units import checked, parameters

CONFIGS = next(p for p in (Path(__file__).parent / "configs", Path(__file__).parents[1] / "configs") if p.is_dir())
SCHEMAS: dict[str, type] = {
    "forecast": Config,
    "compare": CompareConfig,
    "frequency": FrequencyConfig,
    "seek": SeekConfig,
    "sensitivity": SensitivityConfig,
    "backtest": Config,
    "actuals": ActualsConfig,
    "replay": ReplayConfig,
    "sweep": SweepConfig,
    "optimize": OptimizeConfig,
}
LISTS = {"strategies", "targets", "ceilings", "strategy.targets", "strategy.ceilings", "optimize.subject_to",
         "optimize.references"}  # fmt: skip
"""Keys whose values are lists of words."""
RESULTS = Path("results")
WRONG_INPUT = 2
SOME_FAILED = 3
INTERRUPTED = 130


def launch(app: str, run: Callable[[Any], object]) -> int:
    """Compose the app's config from `configs/` and the command line, check it, and call `run` with it.

    Where `run` returns a folder, a multirun ends in one table of all jobs. Returns the exit code: 0 done, 2 wrong
    input (one short message on stderr, nothing written), 3 some jobs of a multirun failed, 130 interrupted.
    """
    schema = SCHEMAS[app]
    if any(word in ("--help", "-h") for word in sys.argv[1:]):
        print(help_text(app, schema))
        return 0
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us instead of being printed
    import hydra
    from hydra.core.config_store import ConfigStore
    from hydra.errors import HydraException
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    store = ConfigStore.instance()
    for name, node in (
        ("schema", Config()),
        ("schema_compare", CompareConfig()),
        ("schema_frequency", FrequencyConfig()),
        ("schema_seek", SeekConfig()),
        ("schema_sensitivity", SensitivityConfig()),
        ("schema_actuals", ActualsConfig()),
        ("schema_replay", ReplayConfig()),
        ("schema_sweep", SweepConfig()),
        ("schema_optimize", OptimizeConfig()),
    ):
        store.store(name=name, node=asdict(node))

    multirun = bool({"-m", "--multirun"} & set(sys.argv[1:]))
    with tempfile.TemporaryDirectory(prefix="membersim-") as notes:

        def job(composed: DictConfig) -> None:
            try:
                values = cast("dict[str, Any]", OmegaConf.to_container(composed, resolve=True))
                no_bare_on(values)
                if schema is ReplayConfig and isinstance(values["strategy"], dict):
                    values["strategy"] = values["strategy"]["named"]
                note(notes, run(checked(schema, values)))
            except InputError as wrong:  # kept from Hydra, which would print a line of its own
                note(notes, error=str(wrong))

        try:
            known_keys(sys.argv[1:], schema)
            sys.argv[1:] = [quoted(word, schema) for word in sys.argv[1:]]
            if multirun and not any(word.startswith("hydra.sweep.dir=") for word in sys.argv):
                sys.argv.append(f"hydra.sweep.dir={notes}/hydra")  # Hydra's own note is not part of the results
            hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name=app)(job)()
        except InputError as wrong:
            return fail(str(wrong))
        except (HydraException, OmegaConfBaseException) as wrong:
            return fail(explain(wrong))
        except KeyboardInterrupt:
            print("interrupted; the same command finishes the run", file=sys.stderr)
            return INTERRUPTED
        except ValueError as wrong:
            return fail(explain(wrong))
        except OSError as wrong:
            more = "; make room, and the same command finishes the run" if wrong.errno == errno.ENOSPC else ""
            return fail(f"{wrong.filename or 'results'}: {wrong.strerror or wrong}{more}")
        said = sorted((json.loads(file.read_text()) for file in Path(notes).glob("*.json")), key=itemgetter("number"))
    wrong = [entry["error"] for entry in said if entry["error"]]
    if wrong:
        fail("\n".join(wrong))
    if len(said) > 1 and any(entry["folder"] for entry in said):
        from sim.study.jobs import Job, write_jobs

        print(f"table {write_jobs(app, [Job(**entry) for entry in said], RESULTS) / 'table.csv'}")
        return SOME_FAILED if wrong else 0
    return WRONG_INPUT if wrong else 0


def note(notes: str, left: object = None, error: str = "") -> None:
    """Note the folder that a job left, or what was wrong: in a file, since a launcher may use other processes."""
    from hydra.core.hydra_config import HydraConfig

    task = HydraConfig.get()
    number = task.job.num if task.mode is not None and task.mode.name == "MULTIRUN" else 0
    words = (word.lstrip("+~").partition("=") for word in task.overrides.task)
    entry = {"number": number, "overrides": {key: value for key, _, value in words}}
    Path(notes).mkdir(parents=True, exist_ok=True)
    Path(notes, f"{number}.json").write_text(json.dumps(entry | {"folder": str(left or ""), "error": error}))


def quoted(word: str, schema: type = Config) -> str:
    """An override whose value is in another script than Latin, quoted, since Hydra's grammar knows ASCII only.

    A replay's strategy is one of the run's, by name: as a mapping it is not taken for a choice of `configs/strategy`.
    """
    key, equals, value = word.partition("=")
    if schema is ReplayConfig and key == "strategy" and equals:
        return f"strategy={{named:{as_entry(value)}}}"
    if key in LISTS:
        return f"{key}={quoted_lists(value)}"
    odd = any(c in " ()=~" for c in value) and key in ("run.name", "data.path", "run")
    odd = odd or (key == "member" and "," not in value)  # a hash may look like a number
    if not equals or value[:1] in "'\"[{" or not (odd or not value.isascii()):
        return word
    return f"{key}='" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted_lists(text: str) -> str:
    """Lists of strategies with every entry quoted: `[a,b:x.y=1]` is not in Hydra's grammar, `['a','b:x.y=1']` is.

    A shell takes the user's own quotes away, unless he quotes the whole word. Several lists are a sweep.
    """
    lists = parted(text)
    if not all(part[:1] == "[" and part[-1:] == "]" for part in lists):
        return as_entry(text)
    return ",".join("[" + ",".join(map(as_entry, parted(part[1:-1]))) + "]" for part in lists)


def as_entry(entry: str) -> str:
    """One entry of a list in quotes, whether or not it had any."""
    if len(entry) > 1 and entry[0] in "'\"" and entry[-1] == entry[0]:
        entry = entry[1:-1].replace(f"\\{entry[0]}", entry[0])
    return "'" + entry.replace("'", "\\'") + "'"


def parted(text: str) -> list[str]:
    """What stands between commas, outside quotes and brackets; nothing for an empty text."""
    out: list[str] = []
    depth, quote, start = 0, "", 0
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote and text[at - 1] != "\\" else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[{(":
            depth += 1
        elif letter in "]})":
            depth -= 1
        elif letter == "," and depth == 0:
            out.append(text[start:at].strip())
            start = at + 1
    return [*out, text[start:].strip()] if text.strip() else []


def fail(message: str) -> int:
    """Print what was wrong, and give the exit code for it."""
    print(f"error: {message}", file=sys.stderr)
    return WRONG_INPUT


def known_keys(words: list[str], schema: type) -> None:
    """Refuse an override whose key does not exist, `+` or not, before anything is composed."""
    paths = {parameter.path for parameter in parameters(schema)}
    groups = groups_of(schema)
    names = paths | groups | {path.rsplit(".", n)[0] for path in paths for n in range(1, path.count(".") + 1)}
    wrong: list[str] = []
    for word in words:
        if word.startswith("-") or "=" not in word:
            continue
        key, value = word.split("=", 1)
        key = key.lstrip("+~")
        if key in groups and value in ("", "null"):
            options = sorted(file.stem for file in (CONFIGS / key).glob("*.yaml"))
            wrong.append(f"{word}: choose one of {', '.join(options)}")
        if key.split(".")[0].split("/")[0] == "hydra" or key in names:
            continue
        hint = nearest_path(key, names)
        if key.split("/")[0] == "lever":
            hint = "levers belong to a strategy: strategy.messaging.per_week=5"
        wrong.append(f"{key}: there is no such key; {hint}")
    if wrong:
        raise InputError("\n".join(wrong))


def no_bare_on(values: dict[Any, Any], path: str = "") -> None:
    """Refuse the key that YAML makes of a bare `on`. Errors: `InputError`."""
    for key, value in values.items():
        if isinstance(key, bool):
            raise InputError(f'{path}: write "on" in quotes; YAML takes it for a truth value without them')
        if isinstance(value, dict):
            no_bare_on(cast("dict[Any, Any]", value), f"{path}.{key}".lstrip("."))


def groups_of(schema: type) -> set[str]:
    """The groups of choices in `configs/` that an app takes."""
    if schema is ActualsConfig:
        return {"data"}
    if schema is ReplayConfig:
        return set()
    # levers stand a folder deeper: a strategy brings them in
    folders = {folder.name for folder in CONFIGS.iterdir() if any(folder.glob("*.yaml"))}
    return folders - {"strategy", "lever"} if schema is CompareConfig else folders


def explain(wrong: Exception) -> str:
    """The useful half of a Hydra or OmegaConf error, in one or two lines."""
    text = str(wrong)
    if wrong.__cause__ is not None and str(wrong.__cause__) not in text:
        text += "\n" + str(wrong.__cause__)
    found = re.search(r"Could not find '([^']*)/([^']*)'", text)
    if found:
        group, choice = found.groups()
        if group == "hydra/launcher":
            return f"{group}={choice}: this launcher is not installed; pip install 'membersim[{choice}]'"
        options = [file.stem for file in (CONFIGS / group).glob("*.yaml")] if (CONFIGS / group).is_dir() else []
        return f"{group}={choice}: there is no such {group}; {nearest(choice, options)}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    useful = [line for line in lines if not line.startswith(("full_key", "object_type", "See ", "To ", "Set the"))]
    return "\n".join(useful[:3]) or type(wrong).__name__


def help_text(app: str, schema: type) -> str:
    """Every key of an app with its default, range, unit and meaning."""
    lines = [f"membersim {app} [key=value ...]", ""]
    for group in sorted(groups_of(schema)):
        options = ", ".join(sorted(file.stem for file in (CONFIGS / group).glob("*.yaml")))
        lines.append(f"  {group}=  {options}")
    if schema is CompareConfig:
        options = ", ".join(sorted(file.stem for file in (CONFIGS / "strategy").glob("*.yaml")))
        lines.append(f"  strategies=[...]  of {options}")
    lines.append("")
    chosen = choices(app)
    for parameter in parameters(schema):
        default = chosen.get(parameter.path, parameter.default)
        default = "" if default in (None, ()) else default
        unit = f" {parameter.about.unit}" if parameter.about.unit else ""
        allowed = f" {parameter.range}" if parameter.range and "inf" not in parameter.range else ""
        lines.append(f"  {parameter.path}={default}{unit}{allowed}")
        lines.append(f"      {parameter.about.meaning}")
    lines += ["", "Any Hydra override works, for instance -m run.seed=1,2,3 for several runs."]
    return "\n".join(lines)


def choices(app: str) -> dict[str, Any]:
    """The keys of `run` that an app's own file sets, by their paths."""
    import yaml

    written: dict[str, Any] = yaml.safe_load((CONFIGS / f"{app}.yaml").read_text(encoding="utf-8"))
    run: dict[str, Any] = written.get("run", {})
    return {f"run.{key}": value for key, value in run.items()}


def show_progress() -> Any:
    """A progress callback that draws bars on a terminal and is silent elsewhere; use it as a context manager."""
    from experiments.progress import Bars

    return Bars()
