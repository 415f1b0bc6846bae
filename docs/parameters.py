"""The tables of docs/MODEL.md, generated from the code.

`python -m docs.parameters` rewrites the blocks between their markers; with `--check` nothing is written, and the
exit code is 1 where the document says something else than the code.
"""

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints

from sim import rng
from sim.accounting.metrics import METRICS, RESPONSE_METRICS, Metric
from sim.accounting.posting import FLOWS
from sim.behaviour import day
from sim.behaviour.response import Response
from sim.population import FIELDS, RELATION_FIELDS, RelationField
from sim.settings import Config
from sim.strategy import Strategy
from sim.units import Parameter, parameters

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "docs" / "MODEL.md"
MODELLED = ("population", "market", "fit")
"""Groups of keys that say how the world is."""
OPERATED = ("response", "strategy")
"""Groups that matter where an operator speaks to members; the rest says what is run, and on which data."""
TENDENCIES = tuple(field.name for field in dataclasses.fields(Response))
LEVERS = tuple(field.name for field in dataclasses.fields(Strategy) if dataclasses.is_dataclass(field.type))
KINDS = ("trait (latent)", "state (latent)", "state", "belief of the operator")
"""What a field of a row can be; whatever is none of these is fixed when he joins or is met."""
FIXED = ("behaviour/*.py", "network.py", "touch.py", "population.py", "delivery.py")
"""Where numbers stand that are no settings."""


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


def allowed(parameter: Parameter) -> str:
    """The range of a number, the words of a choice."""
    return parameter.range or ", ".join(parameter.words) or {bool: "true, false"}.get(parameter.kind, "")


def _settings(*groups: str) -> list[Parameter]:
    return [p for p in parameters(Config) if any(p.path.startswith(f"{group}.") for group in groups)]


def parameters_table(*groups: str) -> str:
    """Every key of some groups, with its source and confidence."""
    header = ("name", "default", "unit", "range", "meaning", "source", "confidence")
    return table(
        header,
        (
            (f"`{p.path}`", shown(p.default), p.about.unit, allowed(p), p.about.meaning, p.about.source,
             p.about.confidence)
            for p in _settings(*groups)
        ),
    )  # fmt: skip


def settings_table() -> str:
    """Every other key: what is run, and on which data."""
    told = _settings(*MODELLED, *OPERATED)
    return table(
        ("name", "default", "unit", "range", "meaning"),
        (
            (f"`{p.path}`", shown(p.default), p.about.unit, allowed(p), p.about.meaning)
            for p in parameters(Config)
            if p not in told
        ),
    )


def levers_tables() -> str:
    """Every key of a strategy: what each lever is, in its own words, and its settings."""
    name, *aims = (p for p in _settings("strategy") if p.path.count(".") == 1)
    out = [f"`{name.path}` ({shown(name.default)}): {name.about.meaning}."]
    out += [table(("name", "meaning"), ((f"`{p.path}`", p.about.meaning) for p in aims))]
    for lever in LEVERS:
        kind = get_type_hints(Strategy)[lever]
        said = " ".join((inspect.getdoc(kind) or "").split())
        out += [f"**{lever}** (`{inspect.getfile(kind)[len(str(ROOT)) + 1 :]}`): {said}"]
        out += [parameters_table(f"strategy.{lever}")]
    return "\n\n".join(out)


def fields_table(fields: Iterable[Any]) -> str:
    """The fields of a member's row, or of his relation to the operator; how many values, where it holds several."""

    def row(field: Any) -> tuple[str, ...]:
        kind, _, meaning = field.meaning.partition(": ")
        if kind not in KINDS:
            kind, meaning = "fixed", field.meaning
        count = field.count if isinstance(field, RelationField) else 1
        return (f"`{field.name}`", field.unit, kind, meaning + (f" ({count} values)" if count > 1 else ""))

    return table(("name", "unit", "kind", "meaning"), map(row, fields))


def metrics_table(metrics: Iterable[Metric]) -> str:
    """Metrics of daily.parquet."""
    return table(
        ("name", "kind", "unit", "definition"), ((f"`{m.name}`", *dataclasses.astuple(m)[1:]) for m in metrics)
    )


def flows_table() -> str:
    """Every move between stages, joined by cause."""
    ways: dict[tuple[str, str], list[str]] = {}
    for source, target, cause in FLOWS:
        ways.setdefault((target, cause), []).append(source)
    rows = ((", ".join(f"`{s}`" for s in sources), f"`{to}`", cause) for (to, cause), sources in ways.items())
    return table(("from", "to", "cause"), rows)


def decisions_table() -> str:
    """The named decisions of luck, from the constants of `sim.rng` and the comments beside them."""
    found = re.findall(r"^([A-Z_]+) = (\d+)  # (.*)$", inspect.getsource(rng), re.MULTILINE)
    return table(
        ("number", "decision", "what is drawn"), ((number, f"`{name}`", what) for name, number, what in found)
    )


def lines_of_the_day() -> dict[str, dict[str, list[str]]]:
    """Which functions of the day call which rules of each tendency: {tendency: {function of the day: [rules]}}.

    A setting of a tendency that the day reads itself counts as well, as `q.tendency.setting`.
    """
    tree = ast.parse(inspect.getsource(day))
    found: dict[str, dict[str, list[str]]] = {}
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        parts = [node for node in ast.walk(function) if isinstance(node, ast.Attribute)]
        for node in sorted(parts, key=lambda part: (part.lineno, part.col_offset)):
            words = ast.unparse(node)
            match = re.fullmatch(r"q\.(\w+)\.\w+|(\w+)\.[a-z]\w*", words)
            name = (match[1] or match[2]) if match else ""
            if (ROOT / "sim" / "behaviour" / f"{name}.py").is_file():
                lines = found.setdefault(name, {}).setdefault(function.name, [])
                lines += [] if words in lines else [words]
    return found


def tendencies_table() -> str:
    """Where each tendency acts: its file, and the functions of the day with the rules that they call."""
    return table(
        ("tendency", "file", "functions of the day, and what they call there"),
        (
            (name, f"`sim/behaviour/{name}.py`",
             "; ".join(f"`{function}`: {', '.join(rules)}" for function, rules in lines.items()))
            for name, lines in sorted(lines_of_the_day().items())
        ),
    )  # fmt: skip


def constants_table() -> str:
    """Numbers that are no settings: constants of the rules, from the words beside them."""
    files = [file for pattern in FIXED for file in sorted((ROOT / "sim").glob(pattern))]
    rows: list[tuple[str, ...]] = []
    for file in files:
        for number, said in pairwise(ast.parse(file.read_text(encoding="utf-8")).body):
            if not (isinstance(number, ast.Assign) and isinstance(said, ast.Expr)):
                continue
            meaning = said.value.value if isinstance(said.value, ast.Constant) else None
            name = ast.unparse(number.targets[0])
            value = number.value.value if isinstance(number.value, ast.Constant) else None
            if isinstance(value, int | float) and isinstance(meaning, str) and name.isupper():
                where = file.relative_to(ROOT).as_posix()
                rows.append((f"`{name}`", ast.unparse(number.value), " ".join(meaning.split()), f"`{where}`"))
    return table(("name", "value", "meaning", "file"), rows)


BLOCKS: dict[str, Callable[[], str]] = {
    "fields": lambda: fields_table(FIELDS),
    "relation": lambda: fields_table(RELATION_FIELDS),
    "decisions": decisions_table,
    "flows": flows_table,
    "tendencies": tendencies_table,
    **{f"response.{name}": partial(parameters_table, f"response.{name}") for name in TENDENCIES},
    "constants": constants_table,
    "levers": levers_tables,
    "metrics": lambda: metrics_table(METRICS),
    "response_metrics": lambda: metrics_table(RESPONSE_METRICS),
    "parameters": lambda: parameters_table(*MODELLED),
    "settings": settings_table,
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
