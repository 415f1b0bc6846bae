"""Permission: the right to speak to a member is a stock that is used up and does not grow back by itself.

For a week after each message he may mute, block or leave, the more readily the more tired he is. He bears a
certain sum of hazard, his own, and opts out when it is spent.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.behaviour.shapes import ORDINARY_TRUST, TRIAL
from sim.jit import rule
from sim.numbers import exp, log
from sim.units import STRICT, About, NonNegative, Positive, Share, between

REACHABLE, MUTED, BLOCKED, GONE = range(4)


@dataclass(frozen=True)
class Permission:
    """When members opt out."""

    __pydantic_config__ = STRICT

    hazard: Annotated[
        float,
        NonNegative,
        between(0, 1),
        About("per day", "of opting out while messages come, untired, at ordinary trust", TRIAL, "assumption"),
    ] = 0.00035
    tired: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("", "the exponent of load", TRIAL + "; with its level not told apart by data", "assumption"),
    ] = 1.2
    trust: Annotated[
        float, NonNegative, between(0, 20), About("log hazard per unit of trust", "trust holds", TRIAL, "assumption")
    ] = 1.6
    drifted: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("", "times the hazard for one who has drifted away", TRIAL, "assumption"),
    ] = 1.5
    mute_share: Annotated[float, Share, About("share", "of those who opt out who mute", "assumed", "assumption")] = (
        0.30
    )
    leave_share: Annotated[
        float,
        Share,
        About("share", "of those who opt out who leave the membership; the rest block", "assumed", "assumption"),
    ] = 0.10
    blocked_pace: Annotated[
        float,
        Share,
        About(
            "share",
            "of his buying that is left when he has blocked",
            TRIAL + "; at 0.6 blocking costs nothing",
            "assumption",
        ),
    ] = 0.25

    heard: Annotated[
        float,
        Positive,
        between(0.1, 365),
        About("days", "after a message during which he may think of opting out", "assumed: a week", "assumption"),
    ] = 7.0


@rule
def opt_out_hazard(r: Any, load: float, days: float, memory: float, attached: int, p: Any) -> float:
    """The hazard of opting out summed over `days` days, while the load wears off with `memory` days."""
    sum_ = p.hazard * (days + tired_days(load, days, memory, p)) * exp(-p.trust * (r.trust - ORDINARY_TRUST))
    return sum_ * p.drifted if attached == 0 else sum_


@rule
def tired_days(load: float, days: float, memory: float, p: Any) -> float:
    """How many days of hazard his load adds to `days` days."""
    if load <= 0.0 or p.tired <= 0.0:
        return 0.0
    fading = p.tired / memory
    return exp(p.tired * log(load)) * (1.0 - exp(-fading * days)) / fading


@rule
def distrust_share(r: Any, p: Any) -> float:
    """The share of that hazard which there would not be had he the trust with which he rests."""
    return max(1.0 - exp(p.trust * (r.trust - r.trust_rest)), 0.0)
