"""Goods: what the operator offers to members in private: ordinary, exclusive or unsold goods."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.jit import rule
from sim.units import STRICT, About, NonNegative, Positive, Share, between

ORDINARY, EXCLUSIVE, CLEARANCE = range(3)


@dataclass(frozen=True)
class Goods:
    """How members take exclusive and unsold goods."""

    __pydantic_config__ = STRICT

    clearance_price: Annotated[
        float,
        Share,
        About(
            "share of list price",
            "at which unsold goods go",
            "order value a third of public sales: claim",
            "assumption",
        ),
    ] = 0.35
    clearance_appeal: Annotated[
        float,
        Share,
        About(
            "share of ordinary appeal",
            "of unsold goods: few need what nobody wanted",
            "repurchase of 3 % where only unsold goods are shown: claim",
            "assumption",
        ),
    ] = 0.12
    clearance_disappoints: Annotated[
        float,
        Share,
        About("share of orders", "of unsold goods that disappoint, besides the usual", "assumed", "assumption"),
    ] = 0.25
    exclusive_value: Annotated[
        float,
        Positive,
        between(0.1, 20),
        About(
            "",
            "order value of exclusive goods over ordinary ones",
            "order value twice that of public sales: claim",
            "assumption",
        ),
    ] = 2.0
    exclusive_trust: Annotated[
        float,
        NonNegative,
        between(0, 1),
        About("0 to 1", "trust earned by an order of exclusive goods", "as much as a personal word", "assumption"),
    ] = 0.04


@rule
def which_goods(luck: np.uint64, key: np.uint64, ordinal: int, exclusive: float, clearance: float) -> int:
    """Which goods an order is of, given their shares of what is shown."""
    if exclusive + clearance <= 0.0:
        return ORDINARY
    u = rng.uniform(luck, key, rng.GOODS, ordinal)
    if u < clearance:
        return CLEARANCE
    if u < clearance + exclusive:
        return EXCLUSIVE
    return ORDINARY


@rule
def appeal(exclusive: float, clearance: float, g: Any) -> float:
    """How much of ordinary demand finds something among the goods shown."""
    return 1.0 - clearance * (1.0 - g.clearance_appeal)
