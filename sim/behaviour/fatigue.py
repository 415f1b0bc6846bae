"""Fatigue: messages tire, by kind, match and hour; rest restores. It acts in opening, in losing trust and in opting
out.

`load` is fatigue over what he tolerates, and tolerance itself rises with trust: a trusted friend may call more often.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.behaviour.shapes import TRIAL
from sim.jit import rule
from sim.touch import BENEFIT, CARE
from sim.units import STRICT, About, NonNegative, Positive, Share, between


@dataclass(frozen=True)
class Fatigue:
    """How messages tire."""

    __pydantic_config__ = STRICT

    memory: Annotated[
        float,
        Positive,
        between(0.1, 365),
        About("days", "how fast fatigue wears off", TRIAL + "; not told apart from tolerance by data", "assumption"),
    ] = 7.0
    value_matched: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About(
            "ordinary messages",
            "weight of a value message that suits him",
            TRIAL + "; at 0.1 there is no best frequency",
            "assumption",
        ),
    ] = 0.20
    value_astray: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("ordinary messages", "weight of a value message about something else", TRIAL, "assumption"),
    ] = 0.50
    selling_matched: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("ordinary messages", "weight of a promotion that suits him", TRIAL, "assumption"),
    ] = 0.60
    selling_astray: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("ordinary messages", "weight of a promotion for something else", TRIAL, "assumption"),
    ] = 1.0
    wrong_hour: Annotated[
        float,
        NonNegative,
        between(0, 5),
        About("share", "how much more a message tires at a wrong hour", "assumed", "assumption"),
    ] = 0.3
    bear_low: Annotated[
        float,
        Positive,
        between(0.01, 10),
        About("", "tolerance without trust, as a share of his tolerance", TRIAL, "assumption"),
    ] = 0.35
    bear_trust: Annotated[
        float, NonNegative, between(0, 10), About("", "how much each unit of trust adds to it", TRIAL, "assumption")
    ] = 1.6
    silent_bear: Annotated[
        float,
        Share,
        About(
            "share",
            "what is left of tolerance in a member silent for longer than silent_days",
            "practice: at most 2 messages a week to the silent",
            "assumption",
        ),
    ] = 0.35
    silent_days: Annotated[
        float,
        Positive,
        between(1, 3650),
        About("days", "silence from which that holds", "90+ days: the deepest tier of practice", "assumption"),
    ] = 90.0


@rule
def weight(kind: int, match: float, hour_match: float, f: Any) -> float:
    """How much one message tires."""
    if kind == BENEFIT:
        tiring = f.selling_astray + (f.selling_matched - f.selling_astray) * match
    else:
        tiring = f.value_astray + (f.value_matched - f.value_astray) * match
        if kind == CARE:
            tiring = 0.5 * tiring
    return tiring * (1.0 + f.wrong_hour * (1.0 - hour_match))


@rule
def load(r: Any, silent: float, f: Any) -> float:
    """Fatigue over what he tolerates today."""
    bears = r.tolerance * (f.bear_low + f.bear_trust * r.trust)
    if silent > f.silent_days:
        bears = bears * f.silent_bear
    return r.fatigue / bears


@rule
def weariness(load: float) -> float:
    """How tired out he is: 0 at rest, half at a load of 1, 1 beyond all measure."""
    return load / (1.0 + load)
