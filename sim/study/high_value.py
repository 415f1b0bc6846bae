"""High-value members: those whose spending of recent months is above a cut, and how much of all value they carry.

Read from what an operator sees: what each member has spent by the end of each month.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.errors import InputError

MONTH = 30
"""Days between two statements."""


@dataclass
class Statements:
    """What every member had spent by each month's end, in CNY; `note` is called with the world after each day."""

    months: list[np.ndarray] = field(default_factory=list)
    listed: list[np.ndarray] = field(default_factory=list)

    def note(self, world: Any) -> None:
        """Keep a statement at the end of each month; the first is that of day 0."""
        if (world.day - 1) % MONTH == 0:
            self.months.append(world.population.column("spend") / 100.0)
            self.listed.append(world.population.column("listed") == 1)

    def high_value(self, cut: float, over: int = 3) -> list[np.ndarray]:
        """Who is of high value at the end of each month: more than `cut` CNY a month on average over `over` months.

        The first answer is that of month `over`. Errors: `InputError` where `over` is no number of months.
        """
        if over < 1:
            raise InputError(f"over={over}: must be at least 1 month")
        out: list[np.ndarray] = []
        for place in range(over, len(self.months)):
            before = np.zeros_like(self.months[place])
            before[: len(self.months[place - over])] = self.months[place - over]  # others came since
            out.append(((self.months[place] - before) / over > cut) & self.listed[place])
        return out

    def share(self, cut: float, over: int = 3) -> np.ndarray:
        """The share of listed members that is of high value, at the end of each month from month `over` on."""
        flags = self.high_value(cut, over)
        return np.array([f.sum() / max(here.sum(), 1) for f, here in zip(flags, self.listed[over:], strict=True)])


def concentration(spent: np.ndarray, top: float = 0.2) -> tuple[float, float]:
    """The share of all spending that the top members hold, and the mean of theirs over the mean of the rest."""
    ranked = np.sort(np.asarray(spent, dtype=float))[::-1]
    count = max(round(top * len(ranked)), 1)
    held, rest = ranked[:count], ranked[count:]
    total = max(ranked.sum(), 1e-9)
    return float(held.sum() / total), float(held.mean() / max(rest.mean() if len(rest) else 0.0, 1e-9))
