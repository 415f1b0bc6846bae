"""Buying: each member has a clock; when it has run long enough, he orders.

A member's purchase rate is his own; gaps between orders are gamma distributed in *operational time*, which a
season, a market disturbance and, later, levers make run faster or slower. Levers change the clock's speed,
never its threshold. With regularity 1 and an even clock this is the purchase process of Pareto/NBD
(Schmittlein, Morrison & Colombo 1987, Management Science 33(1)).
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.jit import rule
from sim.units import STRICT, About, Positive, between

_CDNOW = "Pareto/NBD fitted to the CDNOW sample, Fader, Hardie & Lee 2005, Marketing Science 24(2)"


@dataclass(frozen=True)
class Buying:
    """How often members buy."""

    __pydantic_config__ = STRICT

    rate_shape: Annotated[
        float,
        Positive,
        between(0.01, 100),
        About("", "how alike members' purchase rates are (gamma shape r)", _CDNOW, "published"),
    ] = 0.553
    rate_scale: Annotated[
        float,
        Positive,
        between(0.01, 1e6),
        About("days", "the mean purchase rate is rate_shape / rate_scale a day (alpha)", _CDNOW, "published"),
    ] = 74.06
    regularity: Annotated[
        float,
        Positive,
        between(0.2, 20),
        About(
            "",
            "shape of the gaps between orders: 1 is Poisson, above 1 more regular",
            "Poisson, as in Pareto/NBD; grocery panels show about 2 (Wheat & Morrison 1990)",
            "published",
        ),
    ] = 1.0


@rule
def purchase_rate(luck: np.uint64, key: np.uint64, p: Any) -> float:
    """A person's own purchase rate, in orders per day of operational time."""
    return rng.gamma(luck, key, rng.PURCHASE_RATE, 0, p.rate_shape) / p.rate_scale


@rule
def gap(luck: np.uint64, key: np.uint64, ordinal: int, p: Any) -> float:
    """The threshold of the clock before order number `ordinal`, in units of the member's mean gap."""
    if p.regularity == 1.0:
        return rng.exponential(luck, key, rng.PURCHASE_GAP, ordinal)
    return rng.gamma(luck, key, rng.PURCHASE_GAP, ordinal, p.regularity) / p.regularity
