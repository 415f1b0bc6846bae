"""Tier: what a rung of the ladder means to whoever stands on it, and to whoever stands a little below it.

A tier is a price and a feeling. The price acts as any price does, and he gets used to it. The feeling raises the
trust to which he returns, the more the better he is met and the more he wants recognition, and the less the more
members hold the same tier. Below a rung that gives more he buys faster, the nearer the faster.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.jit import rule
from sim.numbers import exp
from sim.touch import TIERS
from sim.units import STRICT, About, NonNegative, Positive, Share, between

STATUS_NEED = 2
"""Place in `touch.NEEDS` of those who mainly want recognition."""


@dataclass(frozen=True)
class Tier:
    """What tiers mean to members."""

    __pydantic_config__ = STRICT

    status: Annotated[
        float,
        Share,
        About(
            "share of the gap to full trust",
            "by which a rare tier with the best service raises the resting trust of one who wants recognition",
            "assumed: about as much as the products suiting him fully instead of half",
            "assumption",
        ),
    ] = 0.30
    others: Annotated[
        float,
        Share,
        About("share", "of that for whoever mainly wants something else", "assumed: half", "assumption"),
    ] = 0.5
    service: Annotated[
        float,
        Positive,
        between(0.01, 1e6),
        About(
            "CNY a member and month",
            "at which a service has reached 63 % of what it can do",
            "assumed: a card, a call and a small gift now and then",
            "assumption",
        ),
    ] = 3.0
    crowding: Annotated[
        float,
        Positive,
        between(0.001, 1e9),
        About(
            "share of members",
            "with the tier or a higher one at which its feeling has fallen to 1/e; very large: a crowd takes nothing",
            "status is what others have not; size assumed",
            "assumption",
        ),
    ] = 0.2
    gradient: Annotated[
        float,
        NonNegative,
        between(0, 5),
        About(
            "log pace",
            "by which he buys faster right below a rung",
            "Kivetz, Urminsky & Zheng 2006: a fifth less time between purchases at the last stamp than at the first",
            "published",
        ),
    ] = 0.22
    delight: Annotated[
        float,
        Share,
        About(
            "share of the gap to full trust",
            "that a rare and generous treat closes",
            "assumed: as much as the best status does in the long run",
            "assumption",
        ),
    ] = 0.30
    generous: Annotated[
        float,
        Positive,
        between(0.01, 1e6),
        About("CNY", "at which a treat has reached 63 % of what it can do", "assumed", "assumption"),
    ] = 40.0
    rare: Annotated[
        float,
        Positive,
        between(0.1, 3650),
        About("days", "between treats at which one is 63 % as surprising as the first", "assumed", "assumption"),
    ] = 90.0
    fall: Annotated[
        float,
        Share,
        About(
            "share of trust",
            "lost at a demotion",
            "demotion hurts more than promotion helps (Wagner et al. 2009, direction); size assumed",
            "assumption",
        ),
    ] = 0.05


@rule
def even_spend(spend: float, days: float, memory: float) -> float:
    """What of a sum that was spent evenly over `days` has not faded at their end: of a past without dates."""
    if days < 1.0:
        return spend
    return spend * memory / days * (1.0 - exp(-days / memory))


@rule
def rung_reached(spent: float, perks: Any) -> int:
    """The highest tier whose rung this spending reaches."""
    reached = 0
    for k in range(1, len(TIERS)):
        if spent >= perks.rung[k]:
            reached = k
    return reached


@rule
def nearness(spent: float, perks: Any) -> float:
    """How near, from 0 to 1, he is to the next rung that gives more than where his spending puts him."""
    here = rung_reached(spent, perks)
    for k in range(here + 1, len(TIERS)):
        if perks.price_off[k] > perks.price_off[here] or perks.service[k] > perks.service[here]:
            return spent / perks.rung[k]
    return 0.0


@rule
def pull(spent: float, perks: Any, t: Any) -> float:
    """The factor on his pace: hardly any far below a rung, the whole right below it."""
    near = nearness(spent, perks)
    return exp(t.gradient * near * near)


@rule
def resting_trust(r: Any, perks: Any, t: Any) -> float:
    """The trust to which he returns: his own, raised by how his tier makes him feel."""
    if r.tier == 0:
        return r.trust_rest
    wish = 1.0 if r.need == STATUS_NEED else t.others
    met = 1.0 - exp(-perks.service[r.tier] / (100.0 * t.service))
    lift = t.status * wish * met * exp(-perks.held[r.tier] / t.crowding)
    return r.trust_rest + lift * (1.0 - r.trust_rest)


@rule
def delighted(trust: float, treat: float, every: float, t: Any) -> float:
    """Trust after a treat of so many cents: what comes often is expected, and what is small is hardly felt."""
    felt = (1.0 - exp(-treat / (100.0 * t.generous))) * (1.0 - exp(-every / t.rare))
    return trust + t.delight * felt * (1.0 - trust)
