"""Returning: of those who drift away some only pause, and can be called back; where the need has gone, nobody can.

Drifting away has causes that add up: the need goes, or the goods, the service or the delivery lost him. The sum is
the member's own hazard. Whoever was lost by a cause other than his need is paused. Trust slows drifting away.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.behaviour.shapes import ORDINARY_TRUST, SET, TRIAL, TRUST_UNIT
from sim.errors import InputError
from sim.jit import rule
from sim.numbers import exp
from sim.units import STRICT, About, NonNegative, Positive, Share, between

NEED_GONE, LOST_BY_QUALITY, LOST_BY_SERVICE, LOST_BY_LOGISTICS = range(4)


@dataclass(frozen=True)
class Returning:
    """Why members drift away, what slows it, and what brings them back."""

    __pydantic_config__ = STRICT

    need_share: Annotated[
        float, Share, About("share of drifting away", "because the need has gone", "assumed", "assumption")
    ] = 0.40
    quality_share: Annotated[
        float, Share, About("share of drifting away", "because of the goods", "assumed", "assumption")
    ] = 0.15
    service_share: Annotated[
        float, Share, About("share of drifting away", "because of the service", "assumed", "assumption")
    ] = 0.30
    logistics_share: Annotated[
        float,
        Share,
        About(
            "share of drifting away", "because of delivery", "mending delivery cut churn by 15 %: claim", "assumption"
        ),
    ] = 0.15
    trust: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("log hazard per 0.3 of trust", "trust above rest slows drifting away", TRIAL, "assumption"),
    ] = 2.2
    called: Annotated[
        float,
        Share,
        About(
            "chance",
            "that a matched message, opened, brings back one who paused, at ordinary trust",
            SET,
            "assumption",
        ),
    ] = 0.02
    called_pull: Annotated[
        float,
        NonNegative,
        between(0, 50),
        About(
            "",
            "how much a call to buy adds, per unit of pull",
            "wake-up claims: 35 % by need against 15 % in general",
            "assumption",
        ),
    ] = 6.0

    remembers: Annotated[
        float,
        NonNegative,
        between(0, 3650),
        About(
            "days", "of silence during which one who paused is as near as ever", "assumed: two months", "assumption"
        ),
    ] = 60.0
    forgets: Annotated[
        float,
        Positive,
        between(1, 1e9),
        About(
            "days",
            "in which the chance to call him back then falls to 1/e",
            "early is cheaper than late: practice of tiered intervention; size assumed",
            "assumption",
        ),
    ] = 240.0
    slowest: Annotated[
        float,
        Share,
        About("", "trust slows drifting away to this share of its own speed at most", "assumed", "assumption"),
    ] = 0.1
    fastest: Annotated[
        float, between(1, 100), About("", "distrust speeds it so many times at most", "assumed", "assumption")
    ] = 6.0

    def cross_check(self) -> None:
        """Errors: `InputError` where the causes do not add up to 1."""
        total = self.need_share + self.quality_share + self.service_share + self.logistics_share
        if abs(total - 1.0) > 1e-9:
            raise InputError(f"response.returning: the shares of the four causes must add up to 1, not {total:.10g}")


@rule
def causes_left(mended_quality: float, mended_service: float, mended_logistics: float, p: Any) -> float:
    """The share of the four causes that has not been mended."""
    causes = 1.0 - p.quality_share * mended_quality - p.service_share * mended_service
    return causes - p.logistics_share * mended_logistics


@rule
def causes_at_work(quality: float, service: float, logistics: float, p: Any) -> tuple[float, float, float, float]:
    """What is left of each of the four causes: the need, the goods, the service, delivery."""
    return (
        p.need_share, p.quality_share * (1.0 - quality), p.service_share * (1.0 - service),
        p.logistics_share * (1.0 - logistics),
    )  # fmt: skip


@rule
def drift_factor(r: Any, mended_quality: float, mended_service: float, mended_logistics: float, p: Any) -> float:
    """How fast he drifts away, relative to his own hazard: causes add, trust multiplies."""
    causes = causes_left(mended_quality, mended_service, mended_logistics, p)
    if r.trust == r.trust_rest:
        return causes
    return causes * min(max(exp(-p.trust * (r.trust - r.trust_rest) / TRUST_UNIT), p.slowest), p.fastest)


@rule
def cause_of_drift(
    luck: np.uint64, key: np.uint64, ordinal: int, quality: float, service: float, logistics: float, p: Any
) -> int:
    """Why he drifted away; quality, service, logistics: how far each cause was mended."""
    a, b, c, d = causes_at_work(quality, service, logistics, p)
    u = rng.uniform(luck, key, rng.LEAVING_CAUSE, ordinal) * (a + b + c + d)
    if u < a:
        return NEED_GONE
    if u < a + b:
        return LOST_BY_QUALITY
    if u < a + b + c:
        return LOST_BY_SERVICE
    return LOST_BY_LOGISTICS


@rule
def call_probability(r: Any, match: float, pull: float, wanted: float, silent: float, p: Any) -> float:
    """The chance that an opened message brings back one who paused; wanted: its offer's depth times his taste.

    silent: days since his last order. Whoever has been away for long has found another habit.
    """
    wish = 1.0 + p.called_pull * pull * (1.0 + wanted)
    near = exp(-max(silent - p.remembers, 0.0) / p.forgets)
    return min(p.called * match * wish * near * r.trust / ORDINARY_TRUST, 0.95)
