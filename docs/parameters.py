"""The tables of docs/MODEL.md, generated from the code.

`python -m docs.parameters` rewrites the blocks between their markers; with `--check` nothing is written, and the
exit code is 1 where the document says something else than the code.
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from sim import rng
from sim.accounting.metrics import METRICS
from sim.population import FIELDS
from sim.settings import Config
from sim.units import Parameter, parameters

MODEL = Path(__file__).parent / "MODEL.md"
MODELLED = ("population", "market", "fit")
"""Groups of keys that say how the world is; the other groups say what is run, and on which data."""


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(_cell(text) for text in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def shown(value: Any) -> str:
    """A default as one writes it on the command line."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def words(settings: type, path: str) -> str:
    """The words that a setting takes, where it takes a choice of words."""
    first, _, rest = path.partition(".")
    hint = get_type_hints(settings, include_extras=True)[first]
    base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if rest:
        return words(base, rest)
    return ", ".join(get_args(base)) if get_origin(base) is Literal else ""


def allowed(parameter: Parameter) -> str:
    """The range of a number, the words of a choice."""
    return parameter.range or words(Config, parameter.path) or {bool: "true, false"}.get(parameter.kind, "")


def _settings(modelled: bool) -> list[Parameter]:
    return [p for p in parameters(Config) if (p.path.split(".", 1)[0] in MODELLED) == modelled]


def parameters_table() -> str:
    """Every key that says how the world is and what is learned of it."""
    header = ("name", "default", "unit", "range", "meaning", "source", "confidence")
    return table(
        header,
        (
            (f"`{p.path}`", shown(p.default), p.about.unit, allowed(p), p.about.meaning, p.about.source,
             p.about.confidence)
            for p in _settings(modelled=True)
        ),
    )  # fmt: skip


def settings_table() -> str:
    """Every other key: what is run, by whom, on which data."""
    return table(
        ("name", "default", "unit", "range", "meaning"),
        (
            (f"`{p.path}`", shown(p.default), p.about.unit, allowed(p), p.about.meaning)
            for p in _settings(modelled=False)
        ),
    )


def fields_table() -> str:
    """The fields of a member's row; those that are neither trait nor state are fixed when he joins."""

    def row(field: Any) -> tuple[str, ...]:
        kind, _, meaning = field.meaning.rpartition(": ")
        if not kind.startswith(("trait", "state")):
            kind, meaning = "fixed", field.meaning
        return (f"`{field.name}`", field.unit, kind, meaning)

    return table(("name", "unit", "kind", "meaning"), map(row, FIELDS))


def metrics_table() -> str:
    """Every metric of daily.parquet."""
    return table(
        ("name", "kind", "unit", "definition"), ((f"`{m.name}`", *dataclasses.astuple(m)[1:]) for m in METRICS)
    )


def decisions_table() -> str:
    """The named decisions of luck, from the constants of `sim.rng` and the comments beside them."""
    found = re.findall(r"^([A-Z_]+) = (\d+)  # (.*)$", inspect.getsource(rng), re.MULTILINE)
    return table(
        ("number", "decision", "what is drawn"), ((number, f"`{name}`", what) for name, number, what in found)
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "fields": fields_table,
    "decisions": decisions_table,
    "parameters": parameters_table,
    "settings": settings_table,
    "metrics": metrics_table,
}


def rendered(text: str) -> str:
    """The document with all its blocks as the code has them. Errors: `ValueError` for a block without markers."""
    for name, block in BLOCKS.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
            raise ValueError(f"{MODEL.name}: needs {begin} and {end}, once each and in this order")
        before, after = text.split(begin)[0], text.split(end)[1]
        text = f"{before}{begin}\n{block()}\n{end}{after}"
    return text


def main(arguments: list[str]) -> int:
    """Rewrite the blocks of docs/MODEL.md, or check them; returns the exit code."""
    if arguments not in ([], ["--check"]):
        print("python -m docs.parameters [--check]", file=sys.stderr)
        return 2
    said = MODEL.read_text(encoding="utf-8")
    true = rendered(said)
    if arguments and said != true:
        print(f"docs/{MODEL.name} differs from the code: run python -m docs.parameters", file=sys.stderr)
        return 1
    if said != true:
        MODEL.write_text(true, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
