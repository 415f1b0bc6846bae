"""When a comparison is called: sequences of differences with a known truth, and shares and ranks by hand."""

import math
from collections.abc import Callable
from typing import get_args, get_type_hints

import numpy as np
import pytest
from scipy import stats

from sim.settings import Calling
from sim.study import calling, compare
from sim.study.bands import errors_within

MANY, MOST = 2000, 200
SMALLEST = 0.4
"""The smallest difference that matters, in standard deviations: a truth of 0 is found to be small after some 60."""
DEVIATIONS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "normal": lambda luck: luck.normal(0.0, 1.0, (MOST, MANY)),
    "heavy": lambda luck: luck.standard_t(4, (MOST, MANY)) / math.sqrt(2.0),
    "skewed": lambda luck: luck.gamma(2.0, 1.0, (MOST, MANY)) / math.sqrt(2.0) - math.sqrt(2.0),
}
"""Deviations with mean 0 and standard deviation 1, one sequence a column."""


def stopped(differences: np.ndarray, smallest: float, reach: calling.Reach) -> tuple[np.ndarray, ...]:
    """What each sequence says when it stops: how many were run, limits, and what is settled."""
    runs = np.zeros(MANY, dtype=int)
    low, high, said = np.zeros(MANY), np.zeros(MANY), np.full(MANY, "open", dtype=object)
    for count in calling.looks(MOST):
        going = said == "open"
        _, below, above = calling.interval(differences[:count], reach(count, calling.MISS))
        now = calling.settled(below, above, smallest)
        runs[going], low[going], high[going], said[going] = count, below[going], above[going], now[going]
    return runs, low, high, said


def most_misses(share: float) -> int:
    """What that share of MANY sequences exceeds by chance less than once in 10,000."""
    return int(stats.binom.isf(1e-4, MANY, share))


@pytest.mark.parametrize("truth", [0.0, 0.1, SMALLEST, 1.0])
@pytest.mark.parametrize("kind", DEVIATIONS)
def test_the_interval_holds_the_truth_when_it_stops(kind: str, truth: float) -> None:
    """Of 2,000 sequences that stop when they are settled at most 5 % miss; false alarm of the test < 1e-4."""
    differences = truth + DEVIATIONS[kind](np.random.default_rng(7))
    runs, low, high, said = stopped(differences, SMALLEST, calling.reach_at_any_time)
    missed = int(((low > truth) | (high < truth)).sum())
    wrong = (said == "apart") & ((low > 0.0) != (truth > 0.0)) if truth else said == "apart"
    wrong |= (said == "small") & (truth >= SMALLEST)
    print(f"{kind} {truth}: missed {missed / MANY:.4f}, wrong {wrong.mean():.4f}, runs {runs.mean():.0f}")
    assert missed <= most_misses(calling.MISS)
    assert int(wrong.sum()) <= most_misses(calling.MISS)


def test_looking_again_and_again_needs_more_than_an_interval() -> None:
    """The same sequences with Student's interval miss far too often: the test above can fail."""
    differences = DEVIATIONS["normal"](np.random.default_rng(7))
    _, low, high, _ = stopped(differences, 0.0, errors_within)
    assert int(((low > 0.0) | (high < 0.0)).sum()) > 2 * most_misses(calling.MISS)


def test_a_sequence_is_the_likelihood_ratio_solved_for_the_mean() -> None:
    """At its limits the ratio of effects N(0, WIDTH) to none is 1 / miss, found here by integration."""
    for count, miss in ((20, 0.05), (60, 0.05), (40, 0.05 / 190)):
        t = calling.reach_at_any_time(count, miss)
        ncp = np.linspace(-40.0, 40.0, 8001) * math.sqrt(calling.WIDTH * count) / 4.0
        prior = stats.norm.pdf(ncp, 0.0, math.sqrt(calling.WIDTH * count))
        mixed = float(np.trapezoid(stats.nct.pdf(t, count - 1, ncp) * prior, ncp))
        assert mixed / stats.t.pdf(t, count - 1) == pytest.approx(1.0 / miss, rel=1e-3)
    assert calling.reach_at_any_time(2) == math.inf


def test_looks_do_not_depend_on_anything_but_the_budget() -> None:
    assert calling.looks(20) == [20]
    assert calling.looks(50) == [20, 40, 50]
    assert calling.looks(100) == [20, 40, 60, 80, 100]


def test_what_limits_settle() -> None:
    low = np.array([0.0, 0.1, -3.0, -0.5, -0.5, -1.0])
    high = np.array([0.0, 0.2, -1.0, 0.5, 1.5, 0.5])
    assert calling.settled(low, high, 1.0).tolist() == ["same", "apart", "apart", "small", "open", "open"]
    assert calling.settled(-1e-9, 1e-9, 0.0) == "open"


def test_chances_by_hand() -> None:
    """19 of 20 won, Wilson: 76.4 to 99.1 %; ties count half; all ties have no interval."""
    nineteen = np.array([1.0] * 19 + [-1.0])
    halves = np.array([1.0] * 9 + [-1.0] * 9 + [0.0] * 2)
    told = calling.chances(np.stack([nineteen, halves, np.zeros(20)], axis=1))
    assert told["p_better"].tolist() == [0.95, 0.5, 0.5]
    assert told["ties"].tolist() == [0, 2, 20]
    known = stats.binomtest(19, 20).proportion_ci(method="wilson")
    assert (told["p_low95"][0], told["p_high95"][0]) == pytest.approx((known.low, known.high))
    assert told["p_low95"][1] == pytest.approx(1.0 - told["p_high95"][1])
    assert np.isnan([told["p_low95"][2], told["p_high95"][2]]).all()


def test_ranks_by_hand() -> None:
    """Three strategies in four worlds: a before b before c; c, b, a; a and b tie before c; all three tie."""
    values = np.array([[3.0, 1.0, 5.0, 2.0], [2.0, 2.0, 5.0, 2.0], [1.0, 3.0, 0.0, 2.0]])
    third = 1.0 / 3.0
    expected = np.array(
        [
            [1 + 0 + 0.5 + third, 0 + 0 + 0.5 + third, 0 + 1 + 0 + third],
            [0 + 0 + 0.5 + third, 1 + 1 + 0.5 + third, 0 + 0 + 0 + third],
            [0 + 1 + 0 + third, 0 + 0 + 0 + third, 1 + 0 + 1 + third],
        ]
    )
    assert calling.rank_shares(values) == pytest.approx(expected / 4.0)


def test_the_best_is_told_from_the_runner_up() -> None:
    """Less cost is better; the two best are a pair of their own where neither is the baseline."""
    luck = np.random.default_rng(2)
    base = 100.0 + luck.normal(0.0, 5.0, 40)
    values = {"base": base, "dear": base + 9.0 + luck.normal(0, 1, 40), "cheap": base - 9.0 + luck.normal(0, 1, 40),
              "cheaper": base - 11.0 + luck.normal(0, 1, 40)}  # fmt: skip
    said = calling.called(values, "cost", 1.0, calling.reach_at_any_time)
    assert (said["best"], said["runner_up"], said["wins_by"], said["settled"]) == ("cheaper", "cheap", "less", True)
    pairs = [(pair["strategy"], pair["baseline"], pair["settled"]) for pair in said["pairs"]]
    assert pairs == [("dear", "base", "apart"), ("cheap", "base", "apart"), ("cheaper", "base", "apart"),
                     ("cheaper", "cheap", "apart")]  # fmt: skip
    assert [pair["p_better"] for pair in said["pairs"]][:3] == [0.0, 1.0, 1.0]
    assert said["smallest"] == pytest.approx(base.mean() / 100.0)
    dear = said["pairs"][0]
    difference = values["dear"] - base
    reach = calling.reach_at_any_time(40, 0.05 / 6) * difference.std(ddof=1) / math.sqrt(40)
    assert (dear["low"], dear["high"]) == pytest.approx((difference.mean() - reach, difference.mean() + reach))
    more = calling.called(values, "orders", 1.0, calling.reach_at_any_time)
    assert (more["best"], more["runner_up"], len(more["pairs"])) == ("dear", "base", 3)


def test_a_strategy_against_itself_is_settled_as_the_same() -> None:
    luck = np.random.default_rng(2).normal(0.0, 5.0, 20)
    said = calling.called({"a": luck, "a#2": luck}, "orders", 1.0, calling.reach_at_any_time)
    assert said["settled"]
    assert said["pairs"][0]["settled"] == "same"
    assert (said["pairs"][0]["low"], said["pairs"][0]["high"], said["pairs"][0]["ties"]) == (0.0, 0.0, 20)


def test_what_can_be_called_is_what_is_headlined() -> None:
    words = get_args(get_args(get_type_hints(Calling, include_extras=True)["metric"])[0])
    assert set(words) == {name for name, _ in compare.HEADLINES}
    assert set(compare.KNOWN) >= calling.LESS
    assert {name for name in words if name in calling.LESS} == {"cost", "blocked", "dormant_90"}
