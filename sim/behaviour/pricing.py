"""Price: members get used to what they pay. Whoever is used to coupons finds the list price dear.

The reference price starts at the list price, falls towards what he pays and sees, and recovers slowly. At list
price with no coupons ever seen it does nothing.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.behaviour.shapes import SET, TRIAL
from sim.jit import rule
from sim.numbers import exp
from sim.units import STRICT, About, NonNegative, Positive, Share, between


@dataclass(frozen=True)
class Pricing:
    """How price moves members."""

    __pydantic_config__ = STRICT

    slope: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About(
            "log pace per share of list price",
            "how much a price below the reference speeds buying",
            TRIAL,
            "assumption",
        ),
    ] = 1.5
    slope_hunter: Annotated[
        float,
        NonNegative,
        between(0, 50),
        About(
            "log pace per share of list price",
            "the same for a hunter",
            "chosen so that a hunter used to 20 % off hardly buys at list price",
            "assumption",
        ),
    ] = 18.0
    most: Annotated[
        float,
        Positive,
        between(1, 20),
        About("", "the most that price speeds buying", "three times, as in the trial", "assumption"),
    ] = 3.0
    learnt_paying: Annotated[
        float, Share, About("share of the gap", "reference price moves at each order", TRIAL, "assumption")
    ] = 0.10
    learnt_seeing: Annotated[
        float,
        Share,
        About("share of the gap", "reference price moves at each offer seen", SET + " (exposure)", "assumption"),
    ] = 0.02
    forgetting: Annotated[
        float,
        Share,
        About("share of the gap per day", "reference price recovers towards list price", TRIAL, "assumption"),
    ] = 0.004
    pull: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About(
            "mean gaps per share of price", "how far before its time an offer can draw an order", TRIAL, "assumption"
        ),
    ] = 0.9
    pull_debt: Annotated[
        float, Share, About("share", "of what was drawn forward that is missing later", TRIAL, "assumption")
    ] = 0.5

    taste_low: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("", "what an offer means to one whom price does not move", TRIAL, "assumption"),
    ] = 0.4
    taste_sensitivity: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("", "how much more it means to one whom price moves fully", TRIAL, "assumption"),
    ] = 1.2
    taste_hunter: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("", "what it means to a hunter", "as to the most sensitive", "assumption"),
    ] = 1.6
    sample_pull: Annotated[
        float,
        Share,
        About("share of price", "off, that draws an order as strongly as a sample does", "assumed", "assumption"),
    ] = 0.15
    found: Annotated[
        float,
        Share,
        About(
            "share of orders",
            "at which he finds an offer whose message he left unopened",
            "assumed: checkouts show some",
            "assumption",
        ),
    ] = 0.2
    tops_up: Annotated[
        float,
        Share,
        About(
            "share of a threshold",
            "from which he fills his basket up to it",
            "bunching at thresholds; assumed",
            "assumption",
        ),
    ] = 0.75


@rule
def taste(r: Any, p: Any) -> float:
    """How much an offer means to him."""
    return p.taste_hunter if r.hunter == 1 else p.taste_low + p.taste_sensitivity * r.price_sensitivity


@rule
def price_factor(r: Any, price: float, p: Any) -> float:
    """How much faster or slower he buys at `price` (a share of list price) than at the price he is used to."""
    slope = p.slope_hunter if r.hunter == 1 else p.slope * taste(r, p)
    return min(exp(slope * (r.reference_price - price)), p.most)


@rule
def price_seen(r: Any, price: float, p: Any) -> None:
    """An offer that he sees teaches him what things can cost."""
    if price < r.reference_price:
        r.reference_price += p.learnt_seeing * (price - r.reference_price)


@rule
def price_paid(r: Any, price: float, p: Any) -> None:
    """What he pays teaches him more."""
    r.reference_price += p.learnt_paying * (price - r.reference_price)


@rule
def offer_push(r: Any, depth: float, chance: float, p: Any) -> float:
    """How far before its time (in mean gaps) an offer of this depth can draw his next order."""
    return p.pull * depth * taste(r, p) * (0.5 + r.trust) * (0.5 + chance)
