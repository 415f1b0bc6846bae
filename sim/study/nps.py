"""A PROXY of the net promoter score: nobody in the model is asked whether he would recommend the membership.

What the model knows of a member, his satisfaction and his trust, is mapped to the answer that he would give from 0
to 10. The map is an assumption: it is good for laying twin worlds beside each other, never for a level that one could
hold against a survey. Nothing is drawn, so that the same member gives the same answer in every run.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SATISFACTION = 0.5
"""Weight of satisfaction in an answer; the rest is trust's (assumption)."""
FULL_TRUST = 0.5
"""Trust from which on it is no obstacle to recommending: the resting trust of a perfect fit (assumption)."""
PROMOTER, DETRACTOR = 9, 6
"""Answers from 9 on promote, answers to 6 detract: Reichheld's definition."""


def answer(satisfaction: NDArray[np.float64], trust: NDArray[np.float64]) -> NDArray[np.int64]:
    """The answers from 0 to 10 of members with this satisfaction and trust (0 to 1 each); halves are rounded up."""
    warmth = np.minimum(np.asarray(trust) / FULL_TRUST, 1.0)
    willing = SATISFACTION * np.asarray(satisfaction) + (1.0 - SATISFACTION) * warmth
    return np.floor(10.0 * np.clip(willing, 0.0, 1.0) + 0.5).astype(np.int64)


def net_promoter_score(answers: NDArray[np.int64]) -> float:
    """Promoters less detractors, in points from -100 to 100; NaN where nobody answers."""
    if len(answers) == 0:
        return float("nan")
    return 100.0 * float(np.mean(answers >= PROMOTER) - np.mean(answers <= DETRACTOR))


def proxy(world: Any) -> float:
    """The proxy of a world with an operator as it stands: all listed members, blocked and muted ones too."""
    people = world.population
    listed = people.column("listed") == 1
    return net_promoter_score(answer(people.column("satisfaction")[listed], people.column("trust")[listed]))
