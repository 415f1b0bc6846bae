"""The domain systems and causal stories that the laboratory is asked to show, and which tests show them.

`table.csv` names them all, one line each. A test says which it shows, and what switches the mechanism off:

    @pytest.mark.shows("A017", "story-1", knockout={"response.trust.memory_days": 0.0})
    def test_hunters_leave(lab): ...

`python -m tests.systems` runs these tests and prints what is shown; with `--knockout` it also proves that each of
them fails when its mechanism is off.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CLASSES = ("core", "useful", "marginal", "story")
"""How much a system matters for a credible laboratory; a causal story is a class of its own."""


@dataclass(frozen=True)
class System:
    """One line of the table."""

    id: str
    kind: str
    """The class, one of `CLASSES`."""
    theme: str
    title: str


@cache
def table() -> dict[str, System]:
    """All domain systems and causal stories by id, in the order of the file."""
    with (Path(__file__).parent / "table.csv").open(encoding="utf-8", newline="") as lines:
        rows = [System(row["id"], row["class"], row["theme"], row["title"]) for row in csv.DictReader(lines)]
    return {row.id: row for row in rows}
