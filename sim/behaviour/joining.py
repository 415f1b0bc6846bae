"""Joining: whether one who comes of his own accord passes a gate, such as a trial pack and a question."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.jit import rule
from sim.numbers import exp
from sim.units import STRICT, About, NonNegative, between


@dataclass(frozen=True)
class Joining:
    """How a gate at the entrance selects."""

    __pydantic_config__ = STRICT

    trouble: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About(
            "",
            "that a gate of 1 is to one whom the products do not suit; none to whom they suit fully",
            "assumed",
            "assumption",
        ),
    ] = 0.8
    trouble_hunter: Annotated[
        float, NonNegative, between(0, 20), About("", "more for a coupon hunter", "assumed", "assumption")
    ] = 0.5


@rule
def passes_gate(luck: np.uint64, key: np.uint64, fit: float, hunter: int, gate: float, j: Any) -> bool:
    """Whether he takes the trouble: those whom the products suit do, coupon hunters seldom."""
    trouble = j.trouble * (1.0 - fit) + j.trouble_hunter * hunter
    return rng.uniform(luck, key, rng.GATE, 0) < exp(-gate * trouble)
