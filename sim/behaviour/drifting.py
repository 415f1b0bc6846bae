"""Drifting away: the need goes, silently. Nothing tells the operator; only the orders stop.

A member's hazard of drifting away is his own and constant in real time (the drop-out process of Pareto/NBD,
Schmittlein, Morrison & Colombo 1987). A purchase log does not identify whether the silent have drifted away
or merely pause: on the CDNOW log Pareto/NBD and BG/NBD forecast alike, and yet put the mean chance of being still
attached at 0.45 and at 0.81. So the number of attached members is a latent quantity and is labelled so wherever it
is shown.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.behaviour.buying import _CDNOW
from sim.jit import rule
from sim.numbers import exp, log
from sim.units import STRICT, About, Positive, between


@dataclass(frozen=True)
class Drifting:
    """How long members stay attached."""

    __pydantic_config__ = STRICT

    drift_shape: Annotated[
        float,
        Positive,
        between(0.01, 100),
        About("", "how alike members' hazards of drifting away are (gamma shape s)", _CDNOW, "published"),
    ] = 0.606
    drift_scale: Annotated[
        float,
        Positive,
        between(0.01, 1e6),
        About("days", "the mean hazard is drift_shape / drift_scale a day (beta)", _CDNOW, "published"),
    ] = 81.69


@rule
def drift_hazard(luck: np.uint64, key: np.uint64, p: Any) -> float:
    """A person's own hazard of drifting away, per day of real time."""
    return rng.gamma(luck, key, rng.DRIFT_HAZARD, 0, p.drift_shape) / p.drift_scale


@rule
def staying_score(hazard: float, p: Any) -> float:
    """How long he is bound to stay among his like, as a normal score: the Wilson-Hilferty form of his hazard."""
    spread = 1.0 / (9.0 * p.drift_shape)
    root = exp(log(hazard * p.drift_scale / p.drift_shape) / 3.0) if hazard > 0.0 else 0.0
    return (1.0 - spread - root) / math.sqrt(spread)


@rule
def days_attached(luck: np.uint64, key: np.uint64, ordinal: int, hazard: float) -> float:
    """How many days from now a member stays attached who has come back `ordinal` times.

    The hazard is constant, so it does not matter when now is.
    """
    return rng.exponential(luck, key, rng.DRIFT_TIME, ordinal) / hazard
