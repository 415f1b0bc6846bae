"""Inviting: members tell friends, the more the better they think of the operator, and for a reward.

Three reasons, which add up. Trust above its resting level makes people talk, unpaid. A scheme reminds all who
take part, and pays some: where both friends gain, members invite whom they like as they would anyway, and more;
where only the inviter gains, asking a friend feels like selling him, which most leave be and coupon hunters do not.
Advocates whom the operator keeps up spread the word as long as they are cared for.

Word of mouth at rest is not here: it is part of the newcomers who come by themselves.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.behaviour.shapes import ORDINARY_TRUST, TRIAL
from sim.jit import rule
from sim.numbers import exp
from sim.units import STRICT, About, NonNegative, Positive, Share, between

SOCIALITY = 9
"""The place of sociality in the luck of temperament; the places before it are the temperament's own."""


@dataclass(frozen=True)
class Inviting:
    """What makes members invite."""

    __pydantic_config__ = STRICT

    ordinary: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("per day", "hazard of inviting a friend at ordinary trust, in one whom the products suit", TRIAL,
              "assumption"),
    ] = 0.0015  # fmt: skip
    spread: Annotated[
        float,
        NonNegative,
        between(0, 3),
        About("", "standard deviation of log sociality between people; its mean is 1", TRIAL, "assumption"),
    ] = 0.8
    fit_low: Annotated[
        float, Share, About("", "what is left of inviting in one whom the products do not suit", TRIAL, "assumption")
    ] = 0.3
    prompted: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("times", "as often as unasked is a friend invited who a scheme reminds of", "assumed", "assumption"),
    ] = 2.0
    reward: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("per share of an order", "how much more a reward to the inviter makes him invite", TRIAL, "assumption"),
    ] = 1.0
    privilege: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("", "the same for a privilege, in one who seeks status; half in others", "assumed", "assumption"),
    ] = 1.0
    guilt: Annotated[
        float,
        Share,
        About("share", "of inviting that is left where only the inviter gains: selling a friend", TRIAL,
              "assumption"),
    ] = 0.3  # fmt: skip
    bribe: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("per day and share of an order", "hazard of inviting for the reward alone, times price sensitivity",
              TRIAL, "assumption"),
    ] = 0.003  # fmt: skip
    hunter: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("per day and share of an order", "hazard of inviting for the reward alone, in a coupon hunter", TRIAL,
              "assumption"),
    ] = 0.12  # fmt: skip
    insists: Annotated[
        float,
        Positive,
        between(1, 20),
        About("friends asked per friend needed", "by one who wants a reward for himself alone",
              "assumed: about one in three says yes", "assumption"),
    ] = 3.0  # fmt: skip
    chooses: Annotated[
        int,
        Positive,
        between(1, 20),
        About("friends", "among whom he picks whom it suits best; or, for himself alone, who will do it", TRIAL,
              "assumption"),
    ] = 3  # fmt: skip
    advocate: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("per day", "hazard with which an advocate of ordinary sociality, just cared for, tells somebody",
              "ten advocates bring 500 and more a month, a quarter of those told: claim", "assumption"),
    ] = 4.0  # fmt: skip
    fading: Annotated[
        float,
        Positive,
        between(1, 3650),
        About("days", "how fast an advocate's zeal fades without care", "assumed: unrewarded advocates fade",
              "assumption"),
    ] = 45.0  # fmt: skip

    shown: Annotated[
        float,
        Share,
        About("share of good orders", "that one of ordinary sociality and trust shows to others when asked to",
              "assumed", "assumption"),
    ] = 0.05  # fmt: skip
    shown_reward: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("per share of an order", "how much more cash for it makes him show it, times what it means to him",
              "assumed", "assumption"),
    ] = 10.0  # fmt: skip
    deal: Annotated[
        float,
        Share,
        About("share of members", "of ordinary sociality who gather friends for a deal of a fifth off, times what an "
              "offer means to them", "assumed", "assumption"),
    ] = 0.03  # fmt: skip
    viewers: Annotated[
        int, Positive, between(1, 100), About("persons", "who see an order shown", "assumed", "assumption")
    ] = 5


@rule
def sociality(luck: np.uint64, key: np.uint64, i: Any) -> float:
    """How much he talks to others; 1 on average."""
    return exp(i.spread * rng.normal(luck, key, rng.TEMPERAMENT, SOCIALITY) - 0.5 * i.spread * i.spread)


@rule
def unpaid(r: Any, i: Any) -> float:
    """The hazard of inviting out of liking, for a person of ordinary sociality."""
    trust = r.trust / ORDINARY_TRUST
    return i.ordinary * trust * trust * (i.fit_low + r.fit)


@rule
def spoken_of(r: Any, i: Any) -> float:
    """The hazard of telling a friend unasked: what trust above rest adds to what has always been."""
    if r.trust <= r.trust_rest:
        return 0.0
    rest = r.trust_rest / r.trust
    return unpaid(r, i) * (1.0 - rest * rest)


@rule
def paid(r: Any, taste: float, ops: Any, i: Any) -> float:
    """The hazard of inviting under a referral scheme; taste: how much an offer means to him."""
    liking = i.prompted * unpaid(r, i)
    gain = i.reward * ops.refer_reward * taste + i.privilege * ops.refer_privilege * (1.0 if r.need == 2 else 0.5)
    if ops.refer_one_sided == 0.0:
        return liking * (1.0 + gain)
    greed = i.hunter if r.hunter == 1 else i.bribe * r.price_sensitivity
    return liking * i.guilt * (1.0 + gain) + greed * ops.refer_reward


@rule
def advocated(cared: float, i: Any) -> float:
    """The hazard of an advocate telling somebody; cared: days since he was last cared for."""
    return i.advocate * exp(-cared / i.fading)


@rule
def shows_probability(r: Any, social: float, taste: float, ops: Any, i: Any) -> float:
    """The chance that he shows a good order."""
    return min(i.shown * social * r.trust / ORDINARY_TRUST * (1.0 + i.shown_reward * ops.show_reward * taste), 0.95)


@rule
def suits(r: Any) -> float:
    """How much of a candidate a friend is: whom the goods suit. (For the reward alone, who is a hunter.)"""
    return r.fit + r.wants - r.hunter


@rule
def gathers_probability(social: float, taste: float, off: float, i: Any) -> float:
    """The chance that he gathers friends for a group deal; off: what it takes off, as a share of a usual order."""
    return min(i.deal * social * taste * off / 0.2, 0.95)
