"""Regret and the value of information against closed forms: arms whose worth is normal, or a coin."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from sim.study.information import (
    bins,
    chance_best,
    partial,
    parts_of,
    perfect,
    perfect_crossed,
    perfect_error,
    regret,
    worth,
)

MEAN, A, B = -0.4, 0.9, 0.6
"""The second of two arms is worth MEAN + A x + B y, x and y standard normal; the first is worth 0."""


def normal_loss(mean: float, deviation: float) -> float:
    """E[max(0, N(mean, deviation^2))] - max(0, mean): what knowing it is worth."""
    z = abs(mean) / deviation
    return deviation * float(stats.norm.pdf(z)) - abs(mean) * float(stats.norm.sf(z))


def grid(count: int) -> np.ndarray:
    """The quantiles of a standard normal at evenly spaced probabilities."""
    return stats.norm.ppf((np.arange(count) + 0.5) / count)


def two_arms(count: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values [plan, world], x and y on a grid of quantiles: closed forms hold but for the grid."""
    x, y = (side.reshape(-1) for side in np.meshgrid(grid(count), grid(count), indexing="ij"))
    return np.stack([np.zeros(len(x)), MEAN + A * x + B * y]), x, y


def test_perfect_information_is_worth_the_normal_loss() -> None:
    values, _, _ = two_arms()
    assert perfect(values) == pytest.approx(normal_loss(MEAN, math.hypot(A, B)), rel=2e-3)


@pytest.mark.parametrize(("place", "deviation"), [(1, A), (2, B)])
def test_partial_information_is_worth_the_normal_loss_of_its_part(place: int, deviation: float) -> None:
    values, *unknowns = two_arms()
    found = partial(values, parts_of(unknowns[place - 1], 100))
    assert found == pytest.approx(normal_loss(MEAN, deviation), rel=5e-3)
    assert found < perfect(values)


def test_regret_and_the_chance_to_be_best() -> None:
    values, _, _ = two_arms()
    missed = regret(values)
    second = stats.norm.sf(-MEAN / math.hypot(A, B))
    assert chance_best(values) == pytest.approx([1.0 - second, second], abs=2e-3)
    loss = normal_loss(MEAN, math.hypot(A, B))
    assert missed.mean(axis=1) == pytest.approx([loss, loss - MEAN], rel=2e-3)
    assert missed.min(axis=0).max() == 0.0


def test_two_coins_by_hand() -> None:
    values = np.array([[1.0, 1.0, 1.0, 1.0], [3.0, 0.0, 3.0, 0.0], [3.0, 0.0, 0.0, 0.0]])
    assert regret(values).mean(axis=1).tolist() == [1.0, 0.5, 1.25]
    assert regret(values).max(axis=1).tolist() == [2.0, 1.0, 3.0]
    assert perfect(values) == 0.5
    assert chance_best(values).tolist() == [0.5, 0.375, 0.125]
    assert partial(values, parts_of(np.array([0, 1, 0, 1]), 2)) == 0.5
    assert partial(values, parts_of(np.array([0, 0, 1, 1]), 2)) == 0.0
    assert perfect_error(values) == pytest.approx(np.std([0, 1, 0, 1], ddof=1) / 2.0)


worlds = arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(2, 40)), elements=st.floats(-1e6, 1e6))


@given(worlds, st.integers(0, 2**32), st.integers(2, 12))
def test_no_part_is_worth_more_than_the_whole(values: np.ndarray, seed: int, parts: int) -> None:
    places = np.random.default_rng(seed).integers(0, 30, values.shape[1]).astype(float)
    raw = sum(values[:, g].sum(axis=1).max() for g in parts_of(places, parts)) / values.shape[1]
    scale = 1.0 + np.abs(values).max()
    assert -1e-9 * scale <= raw - values.mean(axis=1).max() <= perfect(values) + 1e-9 * scale
    assert 0.0 <= partial(values, parts_of(places, parts)) <= perfect(values)


@given(st.integers(2, 300), st.integers(1, 20))
def test_every_world_is_in_one_part(count: int, levels: int) -> None:
    groups = parts_of(np.arange(count) % levels, bins(count))
    assert sorted(np.concatenate(groups).tolist()) == list(range(count))


def test_what_means_nothing_is_told_from_what_matters() -> None:
    """64 worlds, as in a run. Fixed draws: a meaningless unknown shows less than luck does."""
    draws = np.random.default_rng(5).standard_normal((3, 64))
    x, y, nothing = draws
    values = np.stack([np.zeros(64), A * x + 0.5 * y])
    matters, idle = worth(values, x, 1), worth(values, nothing, 1)
    assert matters.p < 0.01 < 0.05 < idle.p
    assert idle.value <= idle.by_luck
    assert 0.0 < matters.by_luck < matters.value <= perfect(values)
    assert matters.value == pytest.approx(normal_loss(0.0, A), rel=0.5)
    assert worth(values, x, 1) == matters
    assert worth(values, x, 2).by_luck != matters.by_luck


def test_luck_of_few_replications_is_bracketed() -> None:
    """Two arms alike in every world: knowing it is worth nothing, but few replications make one look better."""
    noise = np.random.default_rng(1).standard_normal((2, 2, 4000))
    assert perfect(noise.mean(axis=0)) > 0.3
    assert perfect_crossed(noise) < 0.03
    clear = np.stack([two_arms(60)[0]] * 2)
    assert perfect_crossed(clear) == pytest.approx(perfect(clear[0]))
