"""Visiting: members look in of their own accord, some of the time without buying."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.behaviour.shapes import SET, TRIAL
from sim.jit import rule
from sim.units import STRICT, About, NonNegative, Share, between

_HILLSTROM = "visits and conversions without e-mail, Hillstrom's experiment: 0.573 of 10.62 %"


@dataclass(frozen=True)
class Visiting:
    """How members visit, and what visits after a message lead to."""

    __pydantic_config__ = STRICT

    visits_per_order: Annotated[
        float,
        NonNegative,
        between(0, 1000),
        About("visits", "without an order, for each order", _HILLSTROM, "measured"),
    ] = 17.5
    impulse: Annotated[
        float,
        Share,
        About(
            "share of visits",
            "that end in an unplanned order, after an ordinary promotion, at ordinary trust",
            "modeller's trial: 0.14 of opened promotions, half of them visited",
            "assumption",
        ),
    ] = 0.17
    impulse_value: Annotated[
        float,
        Share,
        About(
            "share",
            "of that strength, after a message that does not sell",
            "assumed: nobody was asked to buy",
            "assumption",
        ),
    ] = 0.1
    borrowed: Annotated[
        float,
        Share,
        About("mean gaps", "of an unplanned order that is missing later", "modeller's trial", "assumption"),
    ] = 0.55
    trust_pace: Annotated[
        float,
        NonNegative,
        between(0, 5),
        About(
            "log pace per 0.3 of trust",
            "trust above rest speeds the purchase clock",
            "modeller's trial",
            "assumption",
        ),
    ] = 0.4

    impulse_low: Annotated[
        float, NonNegative, between(0, 10), About("", "strength of the impulse without trust", TRIAL, "assumption")
    ] = 0.2
    impulse_trust: Annotated[
        float, NonNegative, between(0, 20), About("per unit of trust", "how trust adds to it", TRIAL, "assumption")
    ] = 2.0
    restraint: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("per mean gap", "how orders borrowed from later restrain the next impulse", SET, "assumption"),
    ] = 2.0
    slowest: Annotated[
        float,
        Share,
        About("", "the slowest that a purchase clock runs, all causes together", "assumed", "assumption"),
    ] = 0.01
    fastest: Annotated[float, between(1, 100), About("", "the fastest that it runs", "assumed", "assumption")] = 6.0


@rule
def visit_gap(luck: np.uint64, key: np.uint64, ordinal: int, hazard: float) -> float:
    """Days from one visit to the next."""
    return rng.exponential(luck, key, rng.VISIT_GAP, ordinal) / hazard


@rule
def impulse_probability(r: Any, pull: float, price: float, v: Any) -> float:
    """The chance that a visit after a message ends in an unplanned order: additive, whatever his own rate.

    The uplift of an e-mail is about the same for those who bought last month and last year (Hillstrom), so it does
    not multiply his rate. price: the price factor; whoever is in debt to his own clock seldom buys on impulse.
    """
    strength = v.impulse_value + (1.0 - v.impulse_value) * pull
    return min(
        v.impulse * strength * (v.impulse_low + v.impulse_trust * r.trust) * price / (1.0 + v.restraint * r.debt),
        0.95,
    )
