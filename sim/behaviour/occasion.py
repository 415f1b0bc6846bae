"""Occasion: a day that members expect. Some think of it and order earlier than they would; some put an order off.

What comes on the day is therefore in part what would have come on others.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.jit import rule
from sim.units import STRICT, About, NonNegative, Share, between

ORDINARY_OFF = 0.2
"""The price cut for which `waits` is stated."""


@dataclass(frozen=True)
class Occasion:
    """How members live with a day that they expect."""

    __pydantic_config__ = STRICT

    notices: Annotated[
        float,
        Share,
        About("share of members", "who think of the day when it comes, each time anew", "assumed", "assumption"),
    ] = 0.3
    waits: Annotated[
        float,
        Share,
        About(
            "share of orders",
            "that an ordinary member puts off until the day for a fifth off; others in proportion",
            "part of member-day demand comes from other days; size assumed",
            "assumption",
        ),
    ] = 0.3
    patience: Annotated[
        int,
        NonNegative,
        between(0, 365),
        About("days", "before the day within which an order is put off at all", "assumed: half a week", "assumption"),
    ] = 4


@rule
def days_until(day: int, perks: Any) -> int:
    """Days until the next member day; 0 on one, -1 where there are none."""
    if perks.event_every <= 0.0:
        return -1
    first, every = int(perks.event_first), int(perks.event_every)
    if day <= first:
        return first - day
    return (every - (day - first) % every) % every


@rule
def price_expected(perks: Any, o: Any) -> float:
    """The price that he counts on from week to week: the day's, as often as he thinks of it."""
    if perks.event_every <= 0.0:
        return 1.0
    return 1.0 - o.notices * perks.event_off * 7.0 / perks.event_every


@rule
def puts_off(luck: np.uint64, key: np.uint64, ordinal: int, day: int, taste: float, perks: Any, o: Any) -> bool:
    """Whether he puts an order that is due off until the member day. taste: what an offer means to him."""
    ahead = days_until(day, perks)
    if ahead <= 0 or ahead > o.patience:
        return False
    return rng.uniform(luck, key, rng.PUT_OFF, ordinal) < o.waits * taste * perks.event_off / ORDINARY_OFF
