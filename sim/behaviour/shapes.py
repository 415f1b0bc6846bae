"""Shapes that several tendencies share."""

from sim.jit import rule
from sim.numbers import exp

TRIAL = "modeller's trial: a value with which the causal stories come out together"
"""The source of numbers taken from a trial of the forms."""
SET = "form of a modeller's trial; value set so that the causal stories come out together"
"""The source of numbers that moved away from it."""
ORDINARY_TRUST = 0.35
"""The trust at which intercepts are stated: that of a member whom the products suit half."""
TRUST_UNIT = 0.3
"""The span of trust for which effects on speeds are stated."""


@rule
def logistic(x: float) -> float:
    """The chance whose logit is x."""
    return 1.0 / (1.0 + exp(-x))


@rule
def hour_distance(a: float, b: float) -> float:
    """Hours between two times of the day, the shorter way round."""
    apart = abs(a - b)
    return 24.0 - apart if apart > 12.0 else apart
