"""What knowing more would be worth: regret of plans over uncertain worlds, and the value of information.

Pure functions of `values`, float64 [plan, world]: what each plan is worth in each drawn world, more being better, all
worlds equally likely. Whoever must choose before he knows the world takes the plan with the best mean; *regret* is
what he then misses against the plan that is best in that world.

EVPI, the expected value of perfect information, is the least expected regret of any plan: what it would be worth to
know the world before choosing. EVPPI, of partial information, is what it would be worth to know one unknown of it
(Raiffa & Schlaifer 1961; Strong & Oakley 2013 on estimating it from one sample of worlds).
"""

from dataclasses import dataclass

import numpy as np

from sim import rng
from sim.study.calling import rank_shares

DRAWS = 200
"""Random relabellings of worlds, for what EVPPI would show by luck."""


def regret(values: np.ndarray) -> np.ndarray:
    """What each plan misses in each world against the best there, float64 [plan, world], >= 0."""
    return values.max(axis=0) - values


def chance_best(values: np.ndarray) -> np.ndarray:
    """In what share of worlds each plan is the best, float64 [plan]; those that tie share a world evenly."""
    return rank_shares(values)[:, 0]


def perfect(values: np.ndarray) -> float:
    """EVPI, >= 0: the mean of the best in each world, less the best mean."""
    return float(regret(values).mean(axis=1).min())


def perfect_error(values: np.ndarray) -> float:
    """The standard error of EVPI over drawn worlds."""
    missed = regret(values)
    best = missed[missed.mean(axis=1).argmin()]
    return float(best.std(ddof=1) / np.sqrt(len(best)))


def perfect_crossed(halves: np.ndarray) -> float:
    """EVPI, chosen by one half of the luck and paid by the other: float64 [2, plan, world] to a number >= 0.

    Where values are means over few replications, the best of a world is partly the luckiest: `perfect` is too high by
    that, this one too low, since a choice by half the luck is at times wrong.
    """
    worlds = np.arange(halves.shape[2])
    gains = [halves[1 - a][halves[a].argmax(axis=0), worlds].mean() for a in (0, 1)]
    return max(float(np.mean(gains) - halves.mean(axis=0).mean(axis=1).max()), 0.0)


def bins(count: int) -> int:
    """Into how many parts so many worlds are cut: the cube root, at least two."""
    return max(2, round(count ** (1.0 / 3.0)))


def parts_of(places: np.ndarray, parts: int) -> list[np.ndarray]:
    """Worlds by an unknown: those of one value together where it takes few, else parts of equal size in its order."""
    levels, which = np.unique(places, return_inverse=True)
    if len(levels) <= parts:
        return [np.flatnonzero(which == n) for n in range(len(levels))]
    return np.array_split(np.argsort(places, kind="stable"), parts)


def partial(values: np.ndarray, groups: list[np.ndarray]) -> float:
    """EVPPI of an unknown whose parts are known: in each, the plan with the best mean there is taken.

    0 <= it <= `perfect(values)` whatever the values, since a mean of maxima lies above the maximum of means.
    """
    told = sum(values[:, group].sum(axis=1).max() for group in groups) / values.shape[1]
    return min(max(float(told - values.mean(axis=1).max()), 0.0), perfect(values))


@dataclass(frozen=True)
class Worth:
    """What knowing one unknown is worth.

    value: EVPPI by parts, a little low since parts are coarse (about a tenth with 64 worlds); by_luck: what 95 in 100
    meaningless unknowns stay below; p: the share of meaningless unknowns that show as much.
    """

    value: float
    by_luck: float
    p: float


def worth(values: np.ndarray, places: np.ndarray, seed: int, draws: int = DRAWS) -> Worth:
    """What knowing an unknown is worth; places: its value in each world, float64 [world].

    What luck shows is not taken off: it is largest where plans are level, and they are not where an unknown matters.
    """
    groups = parts_of(places, bins(values.shape[1]))
    found = partial(values, groups)
    orders = _shuffled(values.shape[1], seed, draws)
    luck = np.array([partial(values, [order[group] for group in groups]) for order in orders])
    return Worth(found, float(np.quantile(luck, 0.95)), float((1 + (luck >= found).sum()) / (1 + draws)))


def _shuffled(count: int, seed: int, draws: int) -> np.ndarray:
    """Orders of worlds by keyed luck, int64 [draw, world]."""
    luck = np.uint64(rng.stream(seed, 0))
    units = [[rng.uniform(luck, np.uint64(n), rng.RELABEL, draw) for n in range(count)] for draw in range(draws)]
    return np.argsort(np.array(units), axis=1, kind="stable")
