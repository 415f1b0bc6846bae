"""Rivals: what works is copied, and what everybody offers moves nobody.

A reward for joining or for inviting loses weight from month to month after its start, as rivals match it. What rests
on knowing one's members is not touched: tactics are copied, systems are not.
"""

from dataclasses import dataclass
from typing import Annotated

from sim.numbers import exp
from sim.units import STRICT, About, Positive, Share, between


@dataclass(frozen=True)
class Rivals:
    """How far, and how fast, rivals match the rewards of an operator."""

    __pydantic_config__ = STRICT

    matched: Annotated[
        float,
        Share,
        About("share", "of a reward's weight that is gone when rivals have answered", "tactics are copied, red "
              "packets grow: claim; size assumed", "assumption"),
    ] = 0.4  # fmt: skip
    days: Annotated[
        float, Positive, between(1, 100_000), About("days", "in which they do 63 % of that", "assumed", "assumption")
    ] = 180.0

    def weight(self, age: int) -> float:
        """What a reward still weighs on day `age` after its start; it changes from one 30 days to the next."""
        return 1.0 - self.matched * (1.0 - exp(-(age // 30) * 30.0 / self.days))
