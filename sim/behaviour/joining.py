"""Joining: whoever is reached decides, from who he is, what is offered, how pushy the entrance is and who asks him.

Nobody is assigned. A person who has a use for the goods joins readily; one who has none comes for the reward or to
do a friend a favour, and goes when he has it. So what is offered to whom decides what kind of people come.

A person bears a certain sum of persuasion, his own; each approach adds to it, and he joins when it is spent. One who
is approached twice is then as likely to have joined as under two chances of their own, and is the same person whoever
comes first.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.behaviour.shapes import ORDINARY_TRUST, SET, TRIAL, logistic
from sim.jit import rule
from sim.numbers import exp, log
from sim.units import STRICT, About, NonNegative, Positive, Share, between


@dataclass(frozen=True)
class Joining:
    """How people decide to join, and what joining for another reason does."""

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
    trouble_idle: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("", "more for one who has no use for the goods", "assumed", "assumption"),
    ] = 1.0
    ordinary: Annotated[
        float,
        between(-20, 20),
        About("logits", "of joining at an ordinary entrance, in one whom the products suit half", SET, "assumption"),
    ] = -2.2
    fit: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("logits per unit of fit", "the products' suiting him", TRIAL, "assumption"),
    ] = 3.0
    idle: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("logits", "less for one who has no use for the goods", "assumed", "assumption"),
    ] = 3.0
    reward: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About(
            "logits per share of an order", "for a reward, times how much an offer means to him", TRIAL, "assumption"
        ),
    ] = 1.0
    reward_hunter: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("logits per share of an order", "more in a coupon hunter", TRIAL, "assumption"),
    ] = 2.5
    earn_hunter: Annotated[
        float,
        NonNegative,
        between(0, 50),
        About("logits per share of an order", "in a coupon hunter, for what he could earn by inviting in his turn",
              "assumed", "assumption"),
    ] = 10.0  # fmt: skip
    price: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("logits", "less for having to pay at all, in one who has no use for the goods; a fifth in others",
              "a price of any size filters intent; size assumed", "assumption"),
    ] = 2.0  # fmt: skip
    pushed: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("logits", "more at an entrance that pushes as hard as can be", "assumed", "assumption"),
    ] = 0.8
    pushed_trust: Annotated[
        float,
        Share,
        About("0 to 1", "trust that such an entrance costs from the start", "assumed", "assumption"),
    ] = 0.08
    friend: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("logits", "more when a close friend of ordinary trust asks", TRIAL, "assumption"),
    ] = 1.6
    favour: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("logits", "more, when a close friend asks for his own sake, in one who has no use for the goods", TRIAL,
              "assumption"),
    ] = 4.0  # fmt: skip
    friend_trust: Annotated[
        float,
        NonNegative,
        between(0, 2),
        About("0 to 1", "trust lent by a close friend, per unit of his own trust above a fifth", TRIAL, "assumption"),
    ] = 0.6
    guard: Annotated[
        float,
        Share,
        About("share", "of drifting away that is left while the friend who brought him stays",
              "referred customers churn 18 % less (Schmitt, Skiera & Van den Bulte 2011), only while the referrer "
              "stays (Van den Bulte et al. 2018)", "published"),
    ] = 0.8  # fmt: skip
    company: Annotated[
        float,
        Positive,
        between(0.1, 20),
        About("times", "as often he looks in while that friend stays", "a friend in the membership anchors, 1.2 to "
              "1.4 times as many are there on day 30: claims, to which the size is set", "assumption"),
    ] = 3.0  # fmt: skip
    anchor: Annotated[
        float,
        Share,
        About("share", "of an entrance's reward that his reference price starts below list price",
              "35 % off at acquisition halves later value (Lewis 2006); size set", "assumption"),
    ] = 0.3  # fmt: skip
    idle_hazard: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About(
            "per day",
            "more hazard of drifting away in one who was won without a use for the goods, or for a coupon alone",
            TRIAL,
            "assumption",
        ),
    ] = 0.08
    idle_pace: Annotated[
        float, Positive, Share, About("share", "of his buying that such a member does", "assumed", "assumption")
    ] = 0.2


@rule
def passes_gate(luck: np.uint64, key: np.uint64, fit: float, hunter: int, wants: int, gate: float, j: Any) -> bool:
    """Whether he takes the trouble: those whom the products suit do, coupon hunters seldom."""
    trouble = j.trouble * (1.0 - fit) + j.trouble_hunter * hunter + j.trouble_idle * (1 - wants)
    return rng.uniform(luck, key, rng.GATE, 0) < exp(-gate * trouble)


@rule
def join_probability(r: Any, taste: float, appeal: Any, tie: float, trust: float, j: Any) -> float:
    """The chance that one approach makes him join.

    r: who he is; taste: how much an offer means to him; appeal: of `touch.APPEAL`, what is offered and how; tie: how
    close the friend who asks stands to him, 0 for none; trust: what that friend thinks of the operator.
    """
    idle = 1.0 - r.wants
    wish = j.ordinary + appeal.intent + j.fit * (r.fit - 0.5) - j.idle * idle + j.pushed * appeal.push
    wish += j.reward * appeal.reward * taste
    if r.hunter == 1:
        wish += j.reward_hunter * appeal.reward + j.earn_hunter * appeal.earn
    if appeal.price > 0.0:
        wish -= j.price * (0.2 + 0.8 * idle)
    if tie > 0.0:
        wish += j.friend * tie * trust / ORDINARY_TRUST
        if appeal.earn > 0.0:  # he is asked to join for the other's sake
            wish += j.favour * tie * idle
    return logistic(wish)


@rule
def persuasion(chance: float) -> float:
    """How much of what a person bears an approach with this chance uses up."""
    return -log(1.0 - min(chance, 0.999999))


@rule
def joins(luck: np.uint64, key: np.uint64, persuaded: float) -> bool:
    """Whether so much persuasion, all told, makes him join."""
    return persuaded >= rng.exponential(luck, key, rng.JOINING, 0)


@rule
def starts(r: Any, appeal: Any, tie: float, trust: float, j: Any) -> None:
    """What the way in which he joined does to him: trust lent or lost, a price to go by."""
    r.trust += j.friend_trust * tie * max(trust - 0.2, 0.0) - j.pushed_trust * appeal.push
    r.trust = min(max(r.trust, 0.0), 1.0)
    r.reference_price -= j.anchor * min(appeal.reward + appeal.earn, 1.0)
