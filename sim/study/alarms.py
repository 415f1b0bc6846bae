"""Alarms: who is about to be lost, as an operator reads it from members' clocks, and how often he is right.

A member is yellow when he has shown no sign of life for some time, and red when he has not ordered for some time.
Time is counted in days, or in the member's own cycles: two weeks without an order alarm of one who buys weekly and
mean nothing of one who buys twice a year. The clocks are the operator's; only the verdict knows who has drifted away.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd

from sim import delivery
from sim.accounting.stages import thresholds
from sim.jit import kernel
from sim.units import STRICT, About, Positive, between

COLOURS = ("green", "yellow", "red")
GREEN, YELLOW, RED = range(3)


@dataclass(frozen=True)
class Rule:
    """When a member turns yellow and red. In cycles, the same numbers are shares of the member's own cycle."""

    __pydantic_config__ = STRICT

    clock: Annotated[
        Literal["days", "cycles"], About("", "what silence is counted in: days, or the member's own cycles")
    ] = "days"
    yellow: Annotated[
        float, Positive, between(0.01, 10_000), About("days or cycles", "without a sign of life: yellow")
    ] = 7.0
    red: Annotated[float, Positive, between(0.01, 10_000), About("days or cycles", "without an order: red")] = 14.0

    def colours(self, alive: np.ndarray, ordered: np.ndarray, cycle: np.ndarray) -> np.ndarray:
        """Each member's colour (int8).

        alive, ordered: days since his last sign of life and since his last order; cycle: his own cycle in days.
        """
        unit = cycle if self.clock == "cycles" else np.ones(len(cycle))
        out = np.where(alive / unit >= self.yellow, YELLOW, GREEN)
        return np.where(ordered / unit >= self.red, RED, out).astype(np.int8)


@kernel
def cycles_of_rows(rows: Any, low: int, high: int, category: float, out: Any) -> None:
    """The own cycle of the members in rows [low, high), as the operator's deliveries reckon it."""
    for i in range(low, high):
        out[i - low] = delivery.own_cycle(rows[i], category)


def own_cycles(world: Any) -> np.ndarray:
    """The own cycle of every member in days, in order of rows: from his orders, leaning on the category's."""
    parts: list[np.ndarray] = []
    for rows, _, low, high in world.population.ranges():
        part = np.zeros(high - low)
        cycles_of_rows(rows, low, high, world.plan.market.cycle_days, part)
        parts.append(part)
    return np.concatenate(parts) if parts else np.zeros(0)


@dataclass(frozen=True)
class Verdict:
    """How good the red alarm was. raised, losses: how many alarms and losses were judged.

    precision: share of alarms whose member had drifted away, since his last order, by the end of the horizon;
    recall: share of those who drifted away who were red at the end of the horizon; lead: median days from a right
    alarm to the day on which its member is long dormant for all to see.
    """

    raised: int
    losses: int
    precision: float
    recall: float
    lead: float


NEVER = -1_000_000


class Watch:
    """The colours of the members of day 0: shown every evening's world, from the first on.

    horizon: days after an alarm by which its member must have drifted away, and after a loss by which he must be red.
    """

    def __init__(self, rule: Rule, horizon: int = 30) -> None:
        self.rule, self.horizon = rule, horizon
        self._evenings: list[np.ndarray] = []
        self._alarms: list[np.ndarray] = []
        self._losses: list[np.ndarray] = []
        self._right: list[np.ndarray] = []
        self._caught: list[np.ndarray] = []

    def look(self, world: Any) -> None:
        """Take in the evening of the day just lived."""
        day, people = world.day - 1, world.population
        one = {name: people.column(name)[: world.plan.founders.count] for name in _READ}
        here, attached = one["listed"] == 1, one["attached"] == 1
        silent = day - one["last_order"]
        cycle = own_cycles(world)[: len(here)]
        self.colours = np.where(here, self.rule.colours(day - one["last_active"], silent, cycle), GREEN)
        red = self.colours == RED
        if not self._evenings:
            # who is red or has drifted away by the first evening is no event to judge
            self._red, self._attached = red, attached
            self._drifted = np.where(attached, NEVER, day)
            self._long = int(thresholds(world.plan.stages, world.plan.market.cycle_days)[3])
        gone = np.flatnonzero(self._attached & ~attached & here)
        self._drifted[gone] = day
        new = np.flatnonzero(red & ~self._red)
        self._alarms.append(np.stack([new, one["last_order"][new], self._long - silent[new]]))
        self._losses.append(gone)
        self._evenings.append(np.bincount(self.colours[here], minlength=len(COLOURS)))
        self._red, self._attached = red, attached
        if len(self._evenings) > self.horizon:
            rows, orders, leads = self._alarms[-1 - self.horizon]
            right = self._drifted[rows] >= orders
            self._right.append(np.stack([right, leads]))
            self._caught.append(red[self._losses[-1 - self.horizon]])

    def counts(self) -> pd.DataFrame:
        """Listed members of day 0 by colour: columns day, green, yellow, red."""
        seen = np.array(self._evenings, dtype=np.int64).reshape(-1, len(COLOURS))
        frame = pd.DataFrame(seen, columns=list(COLOURS))
        frame.insert(0, "day", np.arange(len(frame), dtype=np.int32))
        return frame

    def verdict(self) -> Verdict:
        """Judge all alarms and losses that are a horizon or more ago; shares of nothing are 0."""
        right, lead = np.concatenate(self._right, axis=1) if self._right else np.zeros((2, 0), dtype=np.int64)
        caught = np.concatenate(self._caught) if self._caught else np.zeros(0, dtype=bool)
        return Verdict(
            raised=len(right),
            losses=len(caught),
            precision=float(right.mean()) if len(right) else 0.0,
            recall=float(caught.mean()) if len(caught) else 0.0,
            lead=float(np.median(lead[right == 1])) if right.any() else 0.0,
        )


_READ = ("last_order", "last_active", "attached", "listed")
