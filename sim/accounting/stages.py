"""Two readings of where a member stands, both from observable clocks alone.

`lifecycle_stage` is the operator's reading: how long a member has been silent, against the category's cycle.
`activity_state` is the seven-state daily growth model (after Duolingo 2023 and, before it, Zynga). Neither
reads a latent trait; a member who has drifted away is simply silent, and reads as dormant in time.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim.jit import rule
from sim.units import STRICT, About, between

STAGES = ("prospect", "new", "active", "at_risk", "dormant_30", "dormant_60", "dormant_90", "lost")
PROSPECT, NEW, ACTIVE, AT_RISK, DORMANT_30, DORMANT_60, DORMANT_90, LOST = range(8)

ACTIVITY = ("new", "current", "reactivated", "resurrected", "at_risk_wau", "at_risk_mau", "dormant")
FIRST_DAY, CURRENT, REACTIVATED, RESURRECTED, AT_RISK_WAU, AT_RISK_MAU, SILENT = range(7)

WEEK, MONTH = 7, 30
"""The windows of WAU and MAU, in days including today."""

_TIERS = "tiers of win-back practice: 30-60, 60-90 and 90+ days of silence, first alarm at 14 days"


@dataclass(frozen=True)
class Stages:
    """After how many days of silence a member changes stage, in a category whose cycle is 30 days."""

    __pydantic_config__ = STRICT

    at_risk_after: Annotated[
        int,
        between(1, 10000),
        About("days of a 30-day cycle", "active becomes at risk", _TIERS, "assumption"),
    ] = 14
    dormant_after: Annotated[
        int, between(2, 10000), About("days of a 30-day cycle", "becomes dormant_30", _TIERS, "assumption")
    ] = 30
    deep_dormant_after: Annotated[
        int, between(3, 10000), About("days of a 30-day cycle", "becomes dormant_60", _TIERS, "assumption")
    ] = 60
    long_dormant_after: Annotated[
        int, between(4, 10000), About("days of a 30-day cycle", "becomes dormant_90", _TIERS, "assumption")
    ] = 90


def thresholds(stages: Stages, cycle_days: float) -> np.ndarray:
    """The four thresholds in days of silence (int64, strictly increasing), scaled to the category's cycle."""
    days = (
        stages.at_risk_after,
        stages.dormant_after,
        stages.deep_dormant_after,
        stages.long_dormant_after,
    )
    out: list[int] = []
    for value in days:
        scaled = max(1, round(value * cycle_days / 30.0))
        out.append(max(scaled, out[-1] + 1) if out else scaled)
    return np.array(out, dtype=np.int64)


@rule
def lifecycle_stage(silent_days: int, orders: int, thresholds: Any) -> int:
    """The stage of a listed member who ordered `orders` times, the last `silent_days` days ago.

    A member with a first order only is `new` until he is dormant; from the second order on he is `active`,
    then `at_risk`, then dormant by degree.
    """
    if silent_days >= thresholds[3]:
        return DORMANT_90
    if silent_days >= thresholds[2]:
        return DORMANT_60
    if silent_days >= thresholds[1]:
        return DORMANT_30
    if orders < 2:
        return NEW
    if silent_days >= thresholds[0]:
        return AT_RISK
    return ACTIVE


@rule
def activity_state(silent_days: int, last_state: int) -> int:
    """The state at the end of a day; `last_state` is the state on the last active day."""
    if silent_days == 0:
        return last_state
    if silent_days < WEEK:
        return AT_RISK_WAU
    if silent_days < MONTH:
        return AT_RISK_MAU
    return SILENT


@rule
def activity_when_active(yesterday: int) -> int:
    """The state of a member who is active today, from his state at the end of yesterday."""
    if yesterday == AT_RISK_MAU:
        return REACTIVATED
    if yesterday == SILENT:
        return RESURRECTED
    return CURRENT
