"""Designs and estimators of sensitivity: pure functions of numbers.

A design stands in blocks. The points of a block share their luck, so that they differ by their parameters alone, and
each block has luck of its own. So blocks are independent: whatever is estimated is a function of means over blocks,
and resampling blocks gives its error, that of the drawn parameters and that of luck together.

Outcomes are float64 [block, place, replication]. With R replications a mean is off by luck, and a square or a product
of two such means is off on average, by the Monte Carlo part. It is left out: products are taken between different
replications of a block (`across`), whose luck is independent, and the variance of luck over R is subtracted from the
variance of means. One replication is taken as free of luck, as a formula is.

Sources: Morris (1991), Technometrics 33(2); Campolongo, Cariboni & Saltelli (2007), Environmental Modelling &
Software 22(10); Saltelli et al. (2010), Computer Physics Communications 181(2). Designs are SALib's.
"""

from dataclasses import dataclass

import numpy as np

from sim import rng
from sim.study.bands import errors_within
from sim.study.jump_off import resample_draws

LEVELS = 4
"""Levels of an axis that trajectories visit; a step is 2/3 of the range."""
RESAMPLES = 1000


def _problem(axes: int) -> dict[str, object]:
    return {"num_vars": axes, "names": [f"x{n}" for n in range(axes)], "bounds": [[0.0, 1.0]] * axes}


def trajectories(axes: int, count: int, seed: int) -> np.ndarray:
    """Morris' trajectories in the unit cube, float64 [block, place, axis]: from place to place one axis moves."""
    from SALib.sample import morris

    return morris.sample(_problem(axes), count, num_levels=LEVELS, seed=seed).reshape(count, axes + 1, axes)


def saltelli(axes: int, count: int, seed: int) -> np.ndarray:
    """Saltelli's design on a scrambled Sobol' sequence, float64 [block, place, axis]; count: a power of 2.

    The first place of a block, A, and the last, B, are independent draws; those between are A with one axis from B.
    """
    from SALib.sample import sobol

    drawn = sobol.sample(_problem(axes), count, calc_second_order=False, seed=seed)
    return drawn.reshape(count, axes + 2, axes)


def resampled_weights(seed: int, blocks: int, resamples: int = RESAMPLES) -> np.ndarray:
    """How much each block counts in each resample, by keyed luck: float64 [resample, block], rows add to 1."""
    luck = np.uint64(rng.stream(seed, 0))
    out = np.empty((resamples, blocks))
    for at in range(resamples):
        picked = (resample_draws(luck, at, blocks) * blocks).astype(np.int64)
        out[at] = np.bincount(picked, minlength=blocks) / blocks
    return out


def reach(resampled: np.ndarray, blocks: int) -> np.ndarray:
    """Half the 95 % interval of estimates, from their resamples (axis 0): Student's t times the bootstrap's error."""
    return errors_within(blocks) * np.sqrt(blocks / (blocks - 1)) * resampled.std(axis=0)


def across(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The mean of x * y over pairs of different replications (last axis), which luck does not bias."""
    count = x.shape[-1]
    if count == 1:
        return (x * y)[..., 0]
    return (x.sum(axis=-1) * y.sum(axis=-1) - (x * y).sum(axis=-1)) / (count * (count - 1))


def luck_of(values: np.ndarray) -> np.ndarray:
    """The variance over replications (last axis); 0 of a single one."""
    return values.var(axis=-1, ddof=1) if values.shape[-1] > 1 else np.zeros(values.shape[:-1])


# ---------------------------------------------------------------------------- Morris


@dataclass(frozen=True)
class Screening:
    """Elementary effects by axis, each for a move over the whole range, in the outcome's unit.

    mu: their mean; mu_star: the mean of their sizes; sigma: how much they differ from place to place (curvature and
    interactions), luck taken off; `_reach`: half the 95 % interval.
    """

    mu: np.ndarray
    mu_reach: np.ndarray
    mu_star: np.ndarray
    mu_star_reach: np.ndarray
    sigma: np.ndarray
    sigma_reach: np.ndarray


def elementary_effects(units: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Effects of single moves on the whole range, float64 [block, axis, replication]."""
    steps = np.diff(units, axis=1)
    moved = np.abs(steps).argmax(axis=2)
    sizes = np.take_along_axis(steps, moved[..., None], axis=2)
    effects = np.diff(values, axis=1) / sizes
    return np.take_along_axis(effects, np.argsort(moved, axis=1)[..., None], axis=1)


def screened(units: np.ndarray, values: np.ndarray, weights: np.ndarray) -> Screening:
    """What trajectories tell; weights: of blocks in resamples, see `resampled_weights`."""
    effects = elementary_effects(units, values)
    blocks, axes, replications = effects.shape
    mean = effects.mean(axis=2)
    each = np.hstack([mean, np.abs(mean), mean**2, luck_of(effects) / replications])

    def told(means: np.ndarray) -> np.ndarray:
        mu, mu_star, square, luck = (means[..., n * axes : (n + 1) * axes] for n in range(4))
        spread = blocks / (blocks - 1) * (square - mu**2) - luck
        return np.concatenate([mu, mu_star, np.sqrt(np.maximum(spread, 0.0))], axis=-1)

    mu, mu_star, sigma = np.split(told(each.mean(axis=0)), 3)
    reaches = np.split(reach(told(weights @ each), blocks), 3)
    return Screening(mu, reaches[0], mu_star, reaches[1], sigma, reaches[2])


# ---------------------------------------------------------------------------- Sobol


@dataclass(frozen=True)
class Decomposition:
    """Where the variance of an outcome comes from, and the indices of its mean; `_reach`: half the 95 % interval.

    By the law of total variance: whole = variance of the mean over drawn parameters (`assumptions`) + mean variance
    over luck (`luck`). first, total [axis]: indices of the mean, of the axis alone and with all that it is part of;
    single [axis]: what each axis moves alone, in the outcome's unit squared; interactions: what is left of
    `assumptions`. Shares are of the whole: single_share [axis], interactions_share, luck_share.
    monte_carlo: the variance of luck over the number of replications, which was subtracted.
    """

    assumptions: float
    luck: float
    monte_carlo: float
    first: np.ndarray
    first_reach: np.ndarray
    total: np.ndarray
    total_reach: np.ndarray
    single: np.ndarray
    interactions: float
    single_share: np.ndarray
    single_share_reach: np.ndarray
    interactions_share: float
    interactions_share_reach: float
    luck_share: float
    luck_share_reach: float


def decomposed(values: np.ndarray, weights: np.ndarray) -> Decomposition:
    """What a Saltelli design tells; weights: of blocks in resamples, see `resampled_weights`.

    NaN for indices where the assumptions do not move it beyond luck, and for shares where nothing varies.
    """
    blocks, places, replications = values.shape
    axes = places - 2
    y = values - values.mean()
    a, mixed, b = y[:, 0], y[:, 1:-1], y[:, -1]
    apart = a[:, None] - mixed
    levels = np.stack([a.mean(axis=1), b.mean(axis=1)])
    each = np.column_stack(
        [
            levels.mean(axis=0),
            (levels**2).mean(axis=0),
            (luck_of(a) + luck_of(b)) / 2.0,
            across(b[:, None], -apart),
            across(apart, apart) / 2.0,
        ]
    )

    def told(means: np.ndarray) -> np.ndarray:
        luck = means[..., 2:3]
        assumptions = means[..., 1:2] - means[..., 0:1] ** 2 - luck / replications
        single, total = means[..., 3 : 3 + axes], means[..., 3 + axes :]
        rest = assumptions - single.sum(axis=-1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            of_mean = np.concatenate([single, total], axis=-1) / np.where(assumptions > 0.0, assumptions, np.nan)
            whole = assumptions + luck
            of_whole = np.concatenate([single, rest, luck], axis=-1) / np.where(whole > 0.0, whole, np.nan)
        return np.concatenate([of_mean, of_whole, assumptions, luck, single, rest], axis=-1)

    sizes = np.cumsum([axes, axes, axes, 1, 1, 1, 1, axes])
    found = np.split(told(each.mean(axis=0)), sizes)
    reaches = np.split(reach(told(weights @ each), blocks), sizes)
    first, total, single_share, interactions_share, luck_share, assumptions, luck, single, rest = found
    return Decomposition(
        float(assumptions[0]), float(luck[0]), float(luck[0]) / replications, first, reaches[0], total, reaches[1],
        single, float(rest[0]), single_share, reaches[2], float(interactions_share[0]), float(reaches[3][0]),
        float(luck_share[0]), float(reaches[4][0]),
    )  # fmt: skip
