"""The table of docs/MARKETS.md, generated from configs/market/.

`python -m docs.markets` rewrites the block between its markers; with `--check` nothing is written, and the exit code
is 1 where the document says something else than the files.
"""

import re
import sys
from pathlib import Path
from typing import Any

import yaml

from docs.parameters import table
from sim.settings import Config
from sim.units import checked

FOLDER = Path(__file__).parents[1] / "configs" / "market"
DOCUMENT = Path(__file__).parent / "MARKETS.md"
BEGIN, END = "<!-- markets:begin -->", "<!-- markets:end -->"
NAMES = ("coffee", "beauty", "mother_and_baby", "apparel", "education", "home")
NEEDS = ("knowledge", "price", "status", "convenience")
HEADER = (
    "market",
    "orders a year while attached",
    "regularity",
    "cycle",
    "margin",
    "season",
    "calendar",
    " / ".join(NEEDS),
    "median order",
    "source and confidence of the rate",
    "numbers not assumed",
)


def read(name: str) -> Config:
    """A market's file as settings, read without Hydra and checked."""
    config = checked(Config, yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8")))
    config.market.cross_check()
    return config


def reasons(name: str) -> dict[str, str]:
    """What the file says of each of its numbers: the comment behind it, by the key's path; empty without one."""
    out: dict[str, str] = {}
    path: list[str] = []
    for line in (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").splitlines():
        found = re.fullmatch(r"( *)(\w+): *([^#]*?)(?: +# (.*))?", line)
        if not found:
            continue
        indent, key, value, reason = found.groups()
        path = [*path[: len(indent) // 2], key]
        if re.fullmatch(r"[-+.\d].*", value):
            out[".".join(path)] = reason or ""
    return out


def calendar(market: Any) -> str:
    """The festivals that a market feels, the strongest first."""
    felt = {name: peak for name, peak in vars(market.calendar.peaks).items() if peak}
    words = [f"{name} {felt[name]:+.0%}" for name in sorted(felt, key=lambda name: -abs(felt[name]))]
    return f"{', '.join(words)}; {market.calendar.borrowed:.0%} borrowed over {market.calendar.dip_days} days"


def row(name: str) -> tuple[str, ...]:
    """A market's line in the table."""
    config, why = read(name), reasons(name)
    market, people = config.market, config.population
    shares = (getattr(market.segments, need) for need in NEEDS)
    known = sum(not reason.startswith("assumption") for reason in why.values())
    return (
        f"`{name}`",
        f"{365 * people.buying.rate_shape / people.buying.rate_scale:.2g}",
        f"{people.buying.regularity:g}",
        f"{market.cycle_days:g} days",
        f"{market.margin:.0%}",
        market.season.index,
        calendar(market),
        " / ".join(f"{share:.0%}" for share in shares),
        f"{people.spending.median_order:g} CNY",
        why["population.buying.rate_scale"],
        f"{known} of {len(why)}",
    )


def rendered(text: str) -> str:
    """The document with its table as the files have it. Errors: `ValueError` without the markers."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{DOCUMENT.name}: needs {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table(HEADER, (row(name) for name in NAMES))}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Rewrite the table, or check it; returns the exit code."""
    if arguments not in ([], ["--check"]):
        print("python -m docs.markets [--check]", file=sys.stderr)
        return 2
    said = DOCUMENT.read_text(encoding="utf-8")
    true = rendered(said)
    if arguments and said != true:
        print(f"docs/{DOCUMENT.name} differs from configs/market: run python -m docs.markets", file=sys.stderr)
        return 1
    if said != true:
        DOCUMENT.write_text(true, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
