"""Novelty: the same format wears thin and, given rest, becomes fresh again. Variety is rest for each format."""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.behaviour.shapes import TRIAL
from sim.jit import rule
from sim.units import STRICT, About, Positive, Share, between


@dataclass(frozen=True)
class Novelty:
    """How formats wear."""

    __pydantic_config__ = STRICT

    worn: Annotated[
        float, Share, About("share", "novelty lost at each message of the same format", TRIAL, "assumption")
    ] = 0.06
    worn_repeat: Annotated[
        float,
        Share,
        About(
            "share",
            "novelty lost where the very piece was shown before",
            "assumed: more than twice as much",
            "assumption",
        ),
    ] = 0.15
    memory: Annotated[
        float,
        Positive,
        between(1, 3650),
        About("days", "how fast a format becomes fresh again", TRIAL, "assumption"),
    ] = 30.0


@rule
def wear(r: Any, form: int, repeat: int, n: Any) -> None:
    """One more message of this format."""
    share = n.worn_repeat if repeat == 1 else n.worn
    r.staleness[form] += share * (1.0 - r.staleness[form])
