"""Answering: what a member says of himself when he is asked. Near the truth, never the truth."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.jit import rule
from sim.numbers import exp, log
from sim.units import STRICT, About, NonNegative, Share, between

ANSWERS, HOW_OFTEN, WHEN = range(3)


@dataclass(frozen=True)
class Answering:
    """How members answer, and how far a reading of their traces can err."""

    __pydantic_config__ = STRICT

    answers: Annotated[
        float, Share, About("share", "of those who open a question who answer it", "assumed", "assumption")
    ] = 0.7
    how_often_error: Annotated[
        float,
        NonNegative,
        between(0, 3),
        About(
            "",
            "standard deviation of the log of the frequency that he says he wants",
            "assumed: people know themselves roughly",
            "assumption",
        ),
    ] = 0.4
    when_error: Annotated[
        float,
        NonNegative,
        between(0, 12),
        About("hours", "standard deviation of the hour that he says he likes", "assumed", "assumption"),
    ] = 1.5
    weekly: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About(
            "messages a week per unit of tolerance",
            "that he says he wants",
            "assumed: at that dose a tolerant member is half loaded",
            "assumption",
        ),
    ] = 0.8


@rule
def answer(r: Any, luck: np.uint64, key: np.uint64, a: Any) -> None:
    """He says how often and when he wants to hear."""
    if rng.uniform(luck, key, rng.SURVEY, ANSWERS) >= a.answers:
        return
    r.known_tolerance = a.weekly * r.tolerance * exp(a.how_often_error * rng.normal(luck, key, rng.SURVEY, HOW_OFTEN))
    r.known_hour = read_hour(r.hour, luck, key, a.when_error)


@rule
def read_hour(hour: float, luck: np.uint64, key: np.uint64, error: float) -> float:
    """The hour at which the operator takes him to read, within a decent day."""
    return min(max(hour + error * rng.normal(luck, key, rng.SURVEY, WHEN), 7.0), 21.99)


@rule
def read_need(need: int, luck: np.uint64, key: np.uint64, ordinal: int, error: float) -> int:
    """What the operator takes his need to be, who misreads a share `error` of needs, each need always alike."""
    right, which = rng.two_uniforms(luck, key, rng.TAGGING, ordinal)
    if right >= error:
        return need
    other = int(3.0 * which)
    return other + 1 if other >= need else other


@rule
def read_influence(social: float, luck: np.uint64, key: np.uint64, clarity: float) -> float:
    """How influential he looks: his sociality, seen as through frosted glass (clarity 1: as it is)."""
    shown = clarity * log(social) + math.sqrt(1.0 - clarity * clarity) * rng.normal(luck, key, rng.CHOOSING, 0)
    return exp(shown)
