"""Which is better, and how surely: two questions about paired differences, kept apart.

*Is the mean difference settled?* More runs answer it. Whoever looks again and again until an interval leaves out 0
needs one that holds at all looks at once: a confidence sequence (`reach_at_any_time`). It lets a comparison run
until it can be called, however it was looked at on the way. *In what share of the uncertain worlds does a strategy
win?* That is a property of the worlds: more runs tell the share better, but do not move it towards 1.

Pure functions of numbers, replications in their order along axis 0.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sim.accounting.metrics import LESS

STEP = 20
"""Replications between two looks, whatever the threads; the first look comes after as many."""
MISS = 0.05
"""How often an interval, or a call as a whole, may be wrong."""
WIDTH = 0.2
"""Variance of the mixture, in standard deviations of a difference: sharpest between 20 and 100 replications."""
Z95 = 1.959963984540054
"""The normal quantile of Wilson's interval."""

type Reach = Callable[[int, float], float]
"""How many standard errors an interval reaches, by the count of replications and how often it may miss."""


def looks(most: int) -> list[int]:
    """After how many replications one looks whether it can be called."""
    return [*range(STEP, most, STEP), most]


def reach_at_any_time(count: int, miss: float = MISS) -> float:
    """How many standard errors a confidence sequence reaches, in the place of Student's t quantile.

    Of all counts together the interval misses the mean at most in a share `miss` of runs, if differences are normal,
    their spread unknown: the t-statistic's likelihood under effects that are N(0, WIDTH) in standard deviations,
    over that under none, is a martingale, and by Ville's inequality seldom exceeds 1 / miss (Lai 1976; Wang &
    Ramdas 2025, anytime-valid t-tests). Infinite where replications are too few to say anything.
    """
    shrunk = 1.0 / (1.0 + count * WIDTH)
    bound = (1.0 / (miss * math.sqrt(shrunk))) ** (2.0 / count)
    if shrunk * bound >= 1.0:
        return math.inf
    return math.sqrt((count - 1) * (bound - 1.0) / (1.0 - shrunk * bound))


def interval(differences: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean difference over axis 0, and its limits at so many standard errors."""
    mean = differences.mean(axis=0)
    error = differences.std(axis=0, ddof=1) / math.sqrt(len(differences))
    return mean, mean - reach * error, mean + reach * error


def settled(low: Any, high: Any, smallest: Any) -> np.ndarray:
    """What limits of a mean difference settle: `same` to the bit, `apart` from 0, `small`, or `open`.

    small: it lies within the smallest difference that matters, on either side of 0.
    """
    low, high = np.asarray(low), np.asarray(high)
    same = (low == 0.0) & (high == 0.0)
    small = (-np.asarray(smallest) < low) & (high < smallest)
    return np.select([same, (low > 0.0) | (high < 0.0), small], ["same", "apart", "small"], "open")


def sign_of(metric: str) -> float:
    """1 where more of a metric wins, -1 where less does."""
    return -1.0 if metric in LESS else 1.0


def wilson(wins: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's 95 % interval of a share; halves may be counted."""
    share, weight = wins / count, Z95**2 / count
    middle = (share + weight / 2.0) / (1.0 + weight)
    half = Z95 * np.sqrt(share * (1.0 - share) / count + weight / (4.0 * count)) / (1.0 + weight)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def chances(differences: np.ndarray) -> dict[str, np.ndarray]:
    """In what share of worlds the winner's side of a difference is above 0; a tie counts half.

    There is no interval where every world is a tie: then both are the same, and neither is better half the time.
    """
    ties = (differences == 0.0).sum(axis=0)
    wins = (differences > 0.0).sum(axis=0) + ties / 2.0
    low, high = wilson(wins, len(differences))
    same = ties == len(differences)
    return {
        "p_better": wins / len(differences),
        "p_low95": np.where(same, np.nan, low),
        "p_high95": np.where(same, np.nan, high),
        "ties": ties,
    }


def rank_shares(values: np.ndarray) -> np.ndarray:
    """In what share of worlds each strategy has each rank, [strategy, rank], from [strategy, replication].

    The largest value has rank 1; those that tie share their ranks evenly, so that rows and columns add up to 1.
    """
    above = (values[None] > values[:, None]).sum(axis=1)
    level = (values[None] == values[:, None]).sum(axis=1)
    ranks = np.arange(len(values))[:, None]
    return np.array(
        [((a <= ranks) & (ranks < a + n)) @ (1.0 / n) / len(n) for a, n in zip(above, level, strict=True)]
    )


def called(values: Mapping[str, np.ndarray], metric: str, smallest_pct: float, reach: Reach) -> dict[str, Any]:
    """What can be said of one metric: of each strategy against the first, and of the best against the runner-up.

    values: by strategy, the metric in each replication. The limits hold for all pairs of strategies together, since
    it is the numbers that choose the two best; `settled` of the whole: no pair is `open`.
    """
    baseline, *others = values
    sign, count = sign_of(metric), len(values[baseline])
    best, second = sorted(values, key=lambda name: -sign * float(values[name].mean()))[:2]
    smallest = smallest_pct / 100.0 * abs(float(values[baseline].mean()))
    wide = reach(count, MISS / math.comb(len(values), 2))
    asked = [(name, baseline) for name in others]
    if baseline not in (best, second):
        asked.append((best, second))
    pairs: list[dict[str, Any]] = []
    for one, other in asked:
        difference = values[one] - values[other]
        mean, low, high = (float(value) for value in interval(difference, wide))
        told = {key: float(value) for key, value in chances(sign * difference).items()}
        state = str(settled(low, high, smallest))
        pairs.append({"strategy": one, "baseline": other, "effect": mean, "low": low, "high": high,
                      "settled": state, **told, "ties": int(told["ties"])})  # fmt: skip
    return {
        "metric": metric,
        "wins_by": "more" if sign > 0 else "less",
        "replications": count,
        "smallest_pct": smallest_pct,
        "smallest": smallest,
        "best": best,
        "runner_up": second,
        "settled": all(pair["settled"] != "open" for pair in pairs),
        "pairs": pairs,
    }
