"""Signing in: a visit that is paid for. The reward brings members more often, and what they do often becomes a habit.

A sign-in is activity that anybody can count, and no more: it brings neither an order nor trust. The habit stays when
the reward ends, and fades.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.jit import rule
from sim.numbers import exp
from sim.units import STRICT, About, NonNegative, Positive, Share, between


@dataclass(frozen=True)
class Signing:
    """How members answer to points."""

    __pydantic_config__ = STRICT

    lure: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About(
            "visits per visit",
            "that a full reward adds, for one to whom an offer means 1",
            "claim: sign-ins of a group from 30 to 70 % of members; set so that a day's share doubles",
            "assumption",
        ),
    ] = 3.0
    reward: Annotated[
        float,
        Positive,
        between(1e-4, 1000),
        About("CNY a sign-in", "at which the reward has reached 63 % of what it can do", "assumed", "assumption"),
    ] = 0.05
    signs: Annotated[
        float,
        Share,
        About(
            "share of visits",
            "on which he signs in for a full reward, if an offer means 1 to him",
            "assumed",
            "assumption",
        ),
    ] = 1.0
    gain: Annotated[
        float,
        Share,
        About("share of the gap", "to a full habit that a sign-in closes", "assumed: a month of days", "assumption"),
    ] = 0.03
    kept: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("visits per visit", "that a full habit adds, with a reward or without", "assumed", "assumption"),
    ] = 1.5
    memory: Annotated[
        float,
        Positive,
        between(1, 3650),
        About("days", "in which the habit fades to 1/e without sign-ins", "assumed: a season", "assumption"),
    ] = 90.0
    most: Annotated[
        float,
        Share,
        About("share of an order", "that points may pay for", "assumed: half", "assumption"),
    ] = 0.5


@rule
def reward(perks: Any, s: Any) -> float:
    """What a sign-in is worth to him, as a share of the most that a reward can do; 0 where points buy nothing."""
    if perks.points == 0.0:
        return 0.0
    return 1.0 - exp(-perks.signin * perks.worth / perks.batch / (100.0 * s.reward))


@rule
def visit_speed(habit: float, taste: float, perks: Any, s: Any) -> float:
    """How much more often than by himself he looks in."""
    return 1.0 + s.kept * habit + s.lure * taste * reward(perks, s)


@rule
def sign_chance(habit: float, taste: float, perks: Any, s: Any) -> float:
    """The chance that he signs in on a visit while there are points."""
    return s.signs * taste * reward(perks, s) + habit


@rule
def batches(points: int, value: float, perks: Any, s: Any) -> int:
    """How many batches of points he redeems with an order of `value` cents."""
    if perks.points == 0.0:
        return 0
    return int(min(float(points) // perks.batch, s.most * value // perks.worth))
