"""The tables of docs/STRATEGIES.md, generated from configs/strategy/, configs/lever/ and the levers' settings.

`python -m docs.strategies` rewrites the blocks between their markers; with `--check` nothing is written, and the exit
code is 1 where the document says something else than the files.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from docs.parameters import table
from sim.accounting.metrics import KNOWN
from sim.strategy import CONFIGS, Strategy, known_strategies, read_strategy
from sim.targets import MEASURES

DOCUMENT = Path(__file__).parent / "STRATEGIES.md"
ROOT = Path(__file__).parents[1]


def comment(file: Path) -> str:
    """What a file's first lines say of it."""
    lines = file.read_text(encoding="utf-8").splitlines()
    first = next((n for n, line in enumerate(lines) if not line.startswith("# ")), len(lines))
    return " ".join(line[2:] for line in lines[:first])


def marked(text: str) -> str:
    """Names of strategies, varied or not, in backticks."""
    names = "|".join(known_strategies())
    return re.sub(rf"\b(?:{names})(?::[\w.]+=[\w.]*\w)*\b", lambda found: f"`{found[0]}`", text)


def strategies() -> str:
    """One row for each strategy."""
    rows: list[tuple[str, ...]] = []
    for name in known_strategies():
        strategy = read_strategy(name)
        what, _, compared = comment(CONFIGS / "strategy" / f"{name}.yaml").partition("Compare with ")
        levers = ", ".join(lever for lever, _ in strategy.levers())
        budget = strategy.budget
        limits = [f"{budget.monthly:,.0f} a month"] if budget.monthly is not None else []
        limits += [f"{budget.total:,.0f} in all"] if budget.total is not None else []
        aims = "; ".join(f"`{aim.text}`" for aim in (*strategy.targets, *strategy.ceilings))
        compare = marked(compared.rstrip("."))
        rows.append((f"`{name}`", what.strip(), levers or "none", ", ".join(limits), aims, compare))
    header = ("strategy", "what it is", "levers", "budget, CNY", "targets; guardrails", "compare with")
    return table(header, rows)


def measures() -> str:
    """One row for each thing that can be aimed at and is no column of daily.parquet."""
    own = [measure for name, measure in MEASURES.items() if name not in KNOWN]
    rows = [(f"`{m.name}`", m.unit, m.meaning, "at most" if m.less else "at least") for m in own]
    return table(("name", "unit", "meaning", "if no side is said"), rows)


def levers() -> str:
    """One row for each lever."""
    rows: list[tuple[str, ...]] = []
    for f in fields(Strategy):
        lever = getattr(Strategy(), f.name)
        if not hasattr(lever, "sends"):
            continue
        module = type(lever).__module__
        says = " ".join((sys.modules[module].__doc__ or "").split("\n\n")[0].split())
        settings = ", ".join(f"`{s.name}`" for s in fields(lever) if s.name not in ("on", "start", "stop"))
        code = f"`{module.replace('.', '/')}.py`"
        file = CONFIGS / "lever" / f.name / "usual.yaml"
        usual = f"`configs/lever/{f.name}/usual.yaml`: {comment(file).partition(' as usual: ')[2]}"
        rows.append((f"`{f.name}`", says.partition(": ")[2], settings, code, usual))
    return table(("lever", "what it can do", "settings", "code", "usual setting"), rows)


BLOCKS: dict[str, Callable[[], str]] = {"strategies": strategies, "measures": measures, "levers": levers}


def rendered(text: str) -> str:
    """The document with its tables as the files have them."""
    for name, block in BLOCKS.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if begin not in text or end not in text:
            raise ValueError(f"{DOCUMENT.name} has no markers for {name}")
        text = text[: text.index(begin) + len(begin)] + "\n" + block() + "\n" + text[text.index(end) :]
    return text


def main(words: list[str]) -> int:
    """Write the document, or with `--check` say whether it is as the files are."""
    text = DOCUMENT.read_text(encoding="utf-8")
    new = rendered(text)
    if "--check" in words:
        return int(new != text)
    DOCUMENT.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
