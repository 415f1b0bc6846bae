"""Temperament: what a person is like before any operator speaks to him. Fixed by his key and place, but for his need.

People of one circle resemble each other in how well the products suit them, in hunting for coupons and in having a
use for the goods at all. Nothing here touches the purchase clock: a person of any temperament whom nobody speaks to
lives the base life.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import network, rng
from sim.behaviour.shapes import SET, TRIAL, logistic
from sim.errors import InputError
from sim.jit import rule
from sim.numbers import exp, normal_quantile
from sim.units import STRICT, About, NonNegative, Positive, Share, between

FIT, SENSITIVITY, HUNTER, NEED, HOUR, TOLERANCE, EAGERNESS, PATH, WANTS = range(9)


_LIKE = "friends resemble each other (homophily); shares assumed"


@dataclass(frozen=True)
class Temperament:
    """What people are like."""

    __pydantic_config__ = STRICT

    fit_spread: Annotated[
        float,
        NonNegative,
        between(0, 5),
        About("logits", "how differently the products suit people", TRIAL, "assumption"),
    ] = 1.1
    fit_stays: Annotated[
        float,
        Share,
        About(
            "correlation",
            "between how well the products suit a person and how long he is bound to stay",
            "assumed: whom they suit stays longer; the base life does not move with it",
            "assumption",
        ),
    ] = 0.4
    public_fit: Annotated[
        float,
        between(-5, 5),
        About(
            "standard deviations",
            "how much better the products suit one of the public, who would not come by himself",
            "assumed: whom they suit come by themselves",
            "assumption",
        ),
    ] = -0.6
    alike_close: Annotated[
        float,
        Share,
        About(
            "share of variance", "of whom the products suit that a close circle has in common", _LIKE, "assumption"
        ),
    ] = 0.35
    alike_friends: Annotated[
        float, Share, About("share of variance", "the same of a circle of friends", _LIKE, "assumption")
    ] = 0.25
    alike_acquaintances: Annotated[
        float, Share, About("share of variance", "the same of a circle of acquaintances", _LIKE, "assumption")
    ] = 0.05
    hunters_close: Annotated[
        float,
        Share,
        About("share of variance", "of who hunts for coupons that a close circle has in common", _LIKE, "assumption"),
    ] = 0.3
    hunters_friends: Annotated[
        float, Share, About("share of variance", "the same of a circle of friends", _LIKE, "assumption")
    ] = 0.2
    hunters_acquaintances: Annotated[
        float, Share, About("share of variance", "the same of a circle of acquaintances", _LIKE, "assumption")
    ] = 0.1
    tolerance: Annotated[
        float,
        Positive,
        between(0.1, 1e9),
        About(
            "ordinary messages",
            "recent messages that a typical member bears; very large: nobody tires",
            SET,
            "assumption",
        ),
    ] = 9.0
    tolerance_spread: Annotated[
        float,
        NonNegative,
        between(0, 3),
        About("", "standard deviation of log tolerance between members", TRIAL, "assumption"),
    ] = 0.8
    eagerness_spread: Annotated[
        float,
        NonNegative,
        between(0, 5),
        About("logits", "how differently people open messages", TRIAL, "assumption"),
    ] = 1.3
    morning_share: Annotated[
        float,
        Share,
        About(
            "share",
            "read at about 8:00",
            "pushes at 7:00, 14:00 and in the evening are practice; shares assumed",
            "assumption",
        ),
    ] = 0.25
    noon_share: Annotated[
        float, Share, About("share", "read at about 13:00; the rest at about 20:30", "as above", "assumption")
    ] = 0.25
    hour_spread: Annotated[
        float, NonNegative, between(0, 6), About("hours", "spread around those times", TRIAL, "assumption")
    ] = 1.2
    need_change: Annotated[
        float,
        NonNegative,
        between(0, 1),
        About(
            "per day",
            "hazard that a member's need changes",
            "portraits age: a fifth to a half of members in a year",
            "assumption",
        ),
    ] = 0.0015

    def cross_check(self) -> None:
        """Errors: `InputError` where circles would have more in common than there is."""
        for trait in ("alike", "hunters"):
            keys = [f"{trait}_{circle}" for circle in ("close", "friends", "acquaintances")]
            total = sum(getattr(self, key) for key in keys)
            if total > 1.0 + 1e-9:
                raise InputError(
                    f"response.temperament: {', '.join(keys[:2])} and {keys[2]} may add up to 1, not {total:.10g}"
                )


@rule
def meet_temperament(
    r: Any, luck: np.uint64, key: np.uint64, place: int, day: int, stays: float, market: Any, t: Any
) -> None:
    """Write a person's traits into his relation row.

    place: his place in the market; stays: his `drifting.staying_score`; market: who wants what, how many hunt for
    coupons, who comes by himself, and who knows whom.
    """
    meet_wishes(r, luck, key, place, stays, market, t)
    which, where = rng.two_uniforms(luck, key, rng.TEMPERAMENT, HOUR)
    usual = 20.5
    if which < t.morning_share:
        usual = 8.0
    elif which < t.morning_share + t.noon_share:
        usual = 13.0
    r.hour = usual + t.hour_spread * normal_quantile(where)
    r.tolerance = t.tolerance * exp(t.tolerance_spread * rng.normal(luck, key, rng.TEMPERAMENT, TOLERANCE))
    r.eagerness = t.eagerness_spread * rng.normal(luck, key, rng.TEMPERAMENT, EAGERNESS)
    path = rng.uniform(luck, key, rng.TEMPERAMENT, PATH)
    r.path = 0 if path < 0.5 else (1 if path < 0.8 else 2)
    r.needs = 0
    r.need_until = day + 1e9 if t.need_change == 0.0 else day + need_lasts(luck, key, 0, t)


@rule
def meet_wishes(r: Any, luck: np.uint64, key: np.uint64, place: int, stays: float, market: Any, t: Any) -> None:
    """The part of it that decides whether he joins: what suits him, what he wants, what an offer means to him."""
    by_himself = place < market.likely
    circles = circles_of(luck, place, market)
    r.hunter = hunts(luck, key, place, circles, market, t)
    fits = math.sqrt(max(1.0 - t.alike_close - t.alike_friends - t.alike_acquaintances, 0.0))
    uses = fits * rng.normal(luck, key, rng.TEMPERAMENT, WANTS)
    fits *= rng.normal(luck, key, rng.TEMPERAMENT, FIT)
    for layer in range(network.LAYERS):
        alike, _ = in_common(layer, t)
        fits += alike * rng.normal(luck, circles[layer], rng.ALIKE, FIT)
        uses += alike * rng.normal(luck, circles[layer], rng.ALIKE, WANTS)
    suits = t.fit_stays * stays + math.sqrt(1.0 - t.fit_stays * t.fit_stays) * fits
    r.fit = logistic(t.fit_spread * (suits if by_himself else suits + t.public_fit))
    r.wants = 1 if by_himself else among(uses, market.public_wants)
    r.need = draw_need(rng.uniform(luck, key, rng.TEMPERAMENT, NEED), market)
    r.price_sensitivity = logistic(
        rng.normal(luck, key, rng.TEMPERAMENT, SENSITIVITY) - 0.3 + (1.0 if r.need == 1 else 0.0)
    )


@rule
def circles_of(luck: np.uint64, place: int, market: Any) -> tuple[np.uint64, np.uint64, np.uint64]:
    """The keys of the circles that a person sits in, by layer."""
    return (
        network.circle_key(luck, place, network.CLOSE, market.network),
        network.circle_key(luck, place, network.FRIENDS, market.network),
        network.circle_key(luck, place, network.ACQUAINTANCES, market.network),
    )


@rule
def hunts(luck: np.uint64, key: np.uint64, place: int, circles: Any, market: Any, t: Any) -> int:
    """Whether he is a coupon hunter: 1 or 0."""
    score = math.sqrt(max(1.0 - t.hunters_close - t.hunters_friends - t.hunters_acquaintances, 0.0))
    score *= rng.normal(luck, key, rng.TEMPERAMENT, HUNTER)
    for layer in range(network.LAYERS):
        _, hunters = in_common(layer, t)
        score += hunters * rng.normal(luck, circles[layer], rng.ALIKE, HUNTER)
    return among(score, market.hunter_share if place < market.likely else market.public_hunters)


@rule
def in_common(layer: int, t: Any) -> tuple[float, float]:
    """The weights of what a circle of this layer has in common: (in fit and in use for the goods, in hunting)."""
    if layer == network.CLOSE:
        return math.sqrt(t.alike_close), math.sqrt(t.hunters_close)
    if layer == network.FRIENDS:
        return math.sqrt(t.alike_friends), math.sqrt(t.hunters_friends)
    return math.sqrt(t.alike_acquaintances), math.sqrt(t.hunters_acquaintances)


@rule
def among(score: float, share: float) -> int:
    """1 for one who is among the lowest `share` of people by a normal score."""
    if share <= 0.0 or share >= 1.0:
        return 1 if share >= 1.0 else 0
    return 1 if score < normal_quantile(share) else 0


@rule
def draw_need(u: float, shares: Any) -> int:
    """A need, from a uniform draw and the shares of needs."""
    if u < shares.knowledge:
        return 0
    if u < shares.knowledge + shares.price:
        return 1
    if u < shares.knowledge + shares.price + shares.status:
        return 2
    return 3


@rule
def need_lasts(luck: np.uint64, key: np.uint64, ordinal: int, t: Any) -> float:
    """How many days a need lasts."""
    return rng.exponential(luck, key, rng.NEED_CHANGE, 2 * ordinal) / t.need_change


@rule
def needs_change(r: Any, luck: np.uint64, key: np.uint64, until: float, market: Any, t: Any) -> None:
    """His need changes as life goes on; the operator's tags do not notice."""
    while r.need_until < until:
        r.needs += 1
        r.need = draw_need(rng.uniform(luck, key, rng.NEED_CHANGE, 2 * r.needs - 1), market)
        r.need_until += need_lasts(luck, key, r.needs, t)
