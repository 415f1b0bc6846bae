"""Trust: a balance between member and operator, to which value deposits and from which selling withdraws.

Left alone it returns to its resting level. Deposits saturate: the tenth useful message of a week earns
hardly anything, without which more messages would be better for ever; an amusing one in between still does, so
that a mixed diet feeds trust better than either. Withdrawals grow with how tired he is: selling now and then costs
little, selling to the tired much.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.behaviour.shapes import SET, TRIAL
from sim.jit import rule
from sim.numbers import exp
from sim.touch import BENEFIT, CARE, FUN
from sim.units import STRICT, About, NonNegative, Positive, Share, between

VALUES = 2
"""Kinds of value messages that sate apart: useful (or personal) ones, and amusing ones."""


@dataclass(frozen=True)
class Trust:
    """How trust is earned and lost."""

    __pydantic_config__ = STRICT

    rest_low: Annotated[
        float, Share, About("0 to 1", "resting trust of those whom the products do not suit", TRIAL, "assumption")
    ] = 0.20
    rest_fit: Annotated[
        float, Share, About("0 to 1", "how much more it is for those whom they suit fully", TRIAL, "assumption")
    ] = 0.30
    memory: Annotated[
        float,
        Positive,
        between(1, 3650),
        About("days", "how long trust takes to return to rest", SET, "assumption"),
    ] = 90.0
    useful: Annotated[
        float, Share, About("0 to 1", "deposit of a useful, matched message that is opened", TRIAL, "assumption")
    ] = 0.03
    fun: Annotated[
        float, Share, About("0 to 1", "deposit of an amusing one", "less than a useful one", "assumption")
    ] = 0.018
    care: Annotated[
        float,
        Share,
        About("0 to 1", "deposit of a personal word about his own case", "more than a useful message", "assumption"),
    ] = 0.05
    saturation: Annotated[
        float,
        Positive,
        between(0.1, 1e9),
        About(
            "messages a week",
            "useful (or amusing) messages opened in a week at which a further deposit of the kind has fallen to 1/e",
            SET,
            "assumption",
        ),
    ] = 1.7
    selling: Annotated[
        float,
        Share,
        About(
            "share of trust",
            "lost at each promotion opened, by one who is tired out; less by others",
            SET,
            "assumption",
        ),
    ] = 0.1
    mismatch: Annotated[
        float,
        Share,
        About("share of trust", "lost at an opened message about something he does not want", TRIAL, "assumption"),
    ] = 0.03
    misjudged: Annotated[
        float,
        Share,
        About("share of trust", "lost where that message was addressed to him by a wrong tag", TRIAL, "assumption"),
    ] = 0.11
    ignored: Annotated[
        float,
        Share,
        About(
            "share of trust",
            "lost at a wearing message left unopened, by one who is tired out; less by others",
            SET,
            "assumption",
        ),
    ] = 0.0025
    bought: Annotated[
        float, Share, About("0 to 1", "deposit of a good order, by how well the products suit", TRIAL, "assumption")
    ] = 0.02
    disappointed: Annotated[
        float,
        Share,
        About(
            "share of trust",
            "lost at an order that went wrong",
            "assumed: more than several good orders earn",
            "assumption",
        ),
    ] = 0.15
    first_days: Annotated[
        float,
        NonNegative,
        between(0, 50),
        About(
            "",
            "how many times more a newcomer learns on his first day than later",
            "first days decide: claims of welcome practice",
            "assumption",
        ),
    ] = 5.0
    first_days_memory: Annotated[
        float,
        Positive,
        between(1, 365),
        About("days", "how fast that openness fades", "one to two weeks of welcome journeys", "assumption"),
    ] = 10.0

    saturation_memory: Annotated[
        float,
        Positive,
        between(0.1, 365),
        About("days", "how fast opened value messages stop counting", TRIAL, "assumption"),
    ] = 7.0


@rule
def resting_trust(fit: float, t: Any) -> float:
    """The trust to which a member returns when left alone."""
    return t.rest_low + t.rest_fit * fit


@rule
def trust_after(trust: float, rest: float, days: float, t: Any) -> float:
    """Trust after so many days left alone; within a hair of rest it is at rest."""
    if trust == rest:
        return rest
    now = rest + (trust - rest) * exp(-days / t.memory)
    return rest if abs(now - rest) < 1e-4 else now


@rule
def openness(age: float, t: Any) -> float:
    """How much more than later a member of `age` days learns from what he meets."""
    return 1.0 + t.first_days * exp(-age / t.first_days_memory)


TIRED, ASTRAY, DISAPPOINTED, SOLD_OUT = range(4)
"""What takes trust: messages too many, messages that were not for him, orders and promises that disappoint, goods
that had run out.
"""
WHOLE = 65_535.0
"""The shares of what took his trust are kept in so many parts."""


@rule
def lose_trust(r: Any, lost: float, why: int) -> None:
    """He loses trust, and remembers in what proportion what is missing was taken by which of the four."""
    missing = max(r.trust_rest - r.trust, 0.0) + lost
    r.trust -= lost
    if missing <= 0.0:
        return
    old, new = 1.0 - lost / missing, WHOLE * lost / missing
    tired, astray, sold_out = float(r.tired_share) * old, float(r.astray_share) * old, float(r.sold_out_share) * old
    if why == TIRED:
        tired += new
    elif why == ASTRAY:
        astray += new
    elif why == SOLD_OUT:
        sold_out += new
    r.tired_share, r.astray_share, r.sold_out_share = int(tired + 0.5), int(astray + 0.5), int(sold_out + 0.5)


@rule
def taken(r: Any) -> tuple[float, float, float, float]:
    """Which share of the trust that is missing each of the four took."""
    tired, astray, sold_out = r.tired_share / WHOLE, r.astray_share / WHOLE, r.sold_out_share / WHOLE
    some = tired + astray + sold_out
    all_ = max(some, 1.0)  # rounded parts may be more than the whole by a hair
    return tired / all_, astray / all_, max(1.0 - some, 0.0), sold_out / all_


@rule
def trust_learnt(r: Any, kind: int, match: float, addressed: int, open_mind: float, weary: float, t: Any) -> None:
    """An opened message teaches him: value deposits, selling withdraws, a message astray costs."""
    if kind == BENEFIT:
        lose_trust(r, t.selling * weary * r.trust, TIRED)
    else:
        gift, value = t.useful, 0
        if kind == FUN:
            gift, value = t.fun, 1
        elif kind == CARE:
            gift = t.care
        r.trust += gift * match * open_mind * (1.0 - r.trust) * exp(-r.value_opens[value] / t.saturation)
        r.value_opens[value] += 1.0
    if match < 0.4:
        cost = t.misjudged if addressed == 1 else t.mismatch
        lose_trust(r, cost * (1.0 - match / 0.4) * r.trust, ASTRAY)


@rule
def trust_worn(r: Any, weight: float, weary: float, t: Any) -> None:
    """A message left unopened wears a little trust, the more the more tiring it was and the more tired he is."""
    lose_trust(r, t.ignored * weight * weary * r.trust, TIRED)


@rule
def trust_from_order(r: Any, well: int, t: Any) -> None:
    """An order keeps a promise, or breaks one."""
    if well == 1:
        r.trust += t.bought * (0.1 + 0.8 * r.fit) * (1.0 - r.trust)
    else:
        lose_trust(r, t.disappointed * r.trust, DISAPPOINTED)
