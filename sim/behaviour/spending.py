"""Spending: what an order is worth.

Order values are lognormal around a member's own usual value, and independent of how often he buys. A share of
orders costs nothing (free goods, full vouchers), as real logs show.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.jit import rule
from sim.numbers import exp, normal_quantile
from sim.units import STRICT, About, Positive, Share, between

_LOG = "lognormal random effects fitted to the CDNOW log, weeks 1-39 (its USD taken as they are)"


@dataclass(frozen=True)
class Spending:
    """What orders are worth."""

    __pydantic_config__ = STRICT

    median_order: Annotated[
        float,
        Positive,
        between(0.01, 1e7),
        About("CNY", "the median value of an order of a typical member", _LOG, "measured"),
    ] = 25.4
    spend_between: Annotated[
        float,
        between(0, 5),
        About("", "spread between members: standard deviation of log usual value", _LOG, "measured"),
    ] = 0.44
    spend_within: Annotated[
        float,
        between(0, 5),
        About("", "spread between one member's orders: standard deviation of log value", _LOG, "measured"),
    ] = 0.573
    free_share: Annotated[float, Share, About("share of orders", "orders that cost nothing", _LOG, "measured")] = (
        0.0015
    )


@rule
def usual_value(luck: np.uint64, key: np.uint64, p: Any) -> float:
    """A person's usual order value, relative to the typical member's, as a logarithm."""
    return p.spend_between * rng.normal(luck, key, rng.SPEND_LEVEL, 0)


MOST_CENTS = 1e12
"""No order is worth more: a bound that only a parameter gone wild can meet."""


@rule
def cents(amount: float) -> int:
    """Round an amount in cents to whole cents, half to even: the only place where a simulated order is rounded."""
    amount = min(amount, MOST_CENTS)
    low = math.floor(amount)
    rest = amount - low
    whole = int(low)
    if rest > 0.5 or (rest == 0.5 and whole % 2 == 1):
        return whole + 1
    return whole


@rule
def order_value(luck: np.uint64, key: np.uint64, ordinal: int, level: float, p: Any) -> int:
    """What order number `ordinal` of a person is worth, in cents."""
    value, free = rng.two_uniforms(luck, key, rng.ORDER_VALUE, ordinal)
    if free < p.free_share:
        return 0
    return cents(100.0 * p.median_order * exp(level + p.spend_within * normal_quantile(value)))
