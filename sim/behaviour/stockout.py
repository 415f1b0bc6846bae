"""Stock-out: the goods of a member day run out. Some take others, some come again tomorrow, some buy elsewhere.

Whoever goes home without is aggrieved: what was announced as a gift was not there.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.jit import rule
from sim.units import STRICT, About, Share

SERVED, SUBSTITUTES, LATER, ELSEWHERE = range(4)
"""What comes of an order: he gets what he wanted; takes other goods; comes again tomorrow; buys elsewhere."""
REACTIONS = "Gruen, Corsten & Bharadwaj 2002, worldwide average: "


@dataclass(frozen=True)
class Stockout:
    """How members take it that the goods have run out."""

    __pydantic_config__ = STRICT

    substitutes: Annotated[
        float,
        Share,
        About(
            "share",
            "of those who come too late who take other goods",
            REACTIONS + "26 % another brand, 19 % the same brand",
            "published",
        ),
    ] = 0.45
    delays: Annotated[
        float,
        Share,
        About(
            "share",
            "of the others who come again the next day; the rest buy elsewhere, or not at all",
            REACTIONS + "of 55 %, 15 delay, 31 buy in another store, 9 do not buy",
            "published",
        ),
    ] = 0.27
    grievance: Annotated[
        float,
        Share,
        About(
            "share of trust",
            "lost by whoever goes home without",
            "assumed: as much as at an order that went wrong",
            "assumption",
        ),
    ] = 0.15


@rule
def sold_out_chance(stock: float, wishes: float) -> float:
    """The chance that an order finds nothing left, where so many are wished for: each is as likely to be too late."""
    return 1.0 - stock / wishes if wishes > stock else 0.0


@rule
def comes_of(luck: np.uint64, key: np.uint64, day: int, chance: float, s: Any) -> int:
    """What comes of his order on this day: SERVED ... ELSEWHERE. One draw a day: what is gone stays gone."""
    if chance <= 0.0:
        return SERVED
    late, does = rng.two_uniforms(luck, key, rng.SOLD_OUT, day)
    if late >= chance:
        return SERVED
    if does < s.substitutes:
        return SUBSTITUTES
    return LATER if does < s.substitutes + (1.0 - s.substitutes) * s.delays else ELSEWHERE
