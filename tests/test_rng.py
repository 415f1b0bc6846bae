"""Luck is Philox4x32-10 with the stated convention, and draws that lie next to each other are independent.

The quality tests walk through two neighbouring coordinates of a draw at a time (persons, days or ordinals,
decisions, replications, seeds), a million draws each, with fixed seeds. The same battery must reject mixers
that are known to be weak: a test that cannot fail shows nothing.
"""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sim import rng
from sim.jit import kernel
from sim.numbers import normal_quantile
from tests.reference import luck as reference

# -- the convention
# Random123 1.14, tests/kat_vectors, "philox4x32 10": counter, key, result
PUBLISHED = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "result"), PUBLISHED)
def test_philox_gives_the_published_vectors(counter: Any, key: Any, result: Any) -> None:
    """Both implementations give the known answers that the authors of Philox publish with Random123."""
    assert reference.philox4x32(counter, key) == result
    words = [np.uint64(word) for word in (*counter, *key)]
    assert tuple(map(int, rng.philox(*words))) == reference.joined(result)


def _random_draws(count: int) -> Any:
    """Random 64-bit lucks and keys, decisions and indices, with the extremes of each among them."""
    source = np.random.default_rng(20260101)
    edges = [0, 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
    wide = [int(n) for n in source.integers(0, 2**64, 2 * count, dtype=np.uint64)]
    small = [int(n) for n in source.integers(0, 2**32, count)]
    corners = itertools.product(edges, edges, [1, 14, 255], [0, 1, 2**31, 2**32 - 1])
    drawn = zip(wide[:count], wide[count:], source.integers(1, 200, count).tolist(), small, strict=True)
    return itertools.chain(corners, drawn)


def test_draws_follow_the_convention() -> None:
    """`bits` and `uniform` equal the plain-integer reference bit by bit, for 2,768 inputs."""
    for luck, key, decision, index in _random_draws(2_000):
        first, second = rng.bits(np.uint64(luck), np.uint64(key), decision, index)
        assert (int(first), int(second)) == reference.bits(luck, key, decision, index)
        drawn = rng.uniform(np.uint64(luck), np.uint64(key), decision, index)
        assert drawn == reference.uniform(luck, key, decision, index)
        assert 0.0 < drawn < 1.0


def test_streams_follow_the_convention() -> None:
    """`stream` equals the reference for random seeds and replications up to 2^62 and 2^32."""
    source = np.random.default_rng(7)
    pairs = [(0, 0), (1, 0), (0, 1), (2**32, 1), (2**62, 2**32 - 1)]
    seeds, replications = source.integers(0, 2**62, 500).tolist(), source.integers(0, 2**32, 500).tolist()
    for seed, replication in [*pairs, *zip(seeds, replications, strict=True)]:
        assert int(rng.stream(seed, replication)) == reference.stream(seed, replication)


def test_unit_is_never_0_or_1() -> None:
    """The extreme words give the middles of the outermost cells, and all cells are equally wide."""
    lowest, highest = rng.unit(np.uint64(0)), rng.unit(np.uint64(2**64 - 1))
    assert lowest == 2.0**-53
    assert highest == 1.0 - 2.0**-53
    assert rng.unit(np.uint64(2**63)) == 0.5 + 2.0**-53


def test_named_decisions_have_different_numbers() -> None:
    """No two named decisions share a number: they would share their luck."""
    numbers = [value for name, value in vars(rng).items() if name.isupper() and type(value) is int]
    decisions = [number for number in numbers if number != rng.ATTEMPTS]
    assert len(decisions) >= 14
    assert len(set(decisions)) == len(decisions)


# -- the gamma draw
SHAPES = [0.05, 0.553, 1.0, 3.7, 250.0]


@kernel
def _gammas(luck: Any, decision: int, shape: float, out: Any) -> None:
    for i in range(out.shape[0]):
        out[i] = rng.gamma(luck, np.uint64(i), decision, i % 7, shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_gamma_uses_the_places_reserved_for_it(shape: float) -> None:
    """1,000 draws equal the reference's, which fixes which words an attempt and the last factor use."""
    luck = reference.stream(11, 2)
    for i in range(1_000):
        ours = rng.gamma(np.uint64(luck), np.uint64(i), rng.PURCHASE_GAP, i % 9, shape)
        theirs = reference.gamma(luck, i, rng.PURCHASE_GAP, i % 9, shape, normal_quantile)
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-290)


@pytest.mark.statistical
@pytest.mark.parametrize("shape", SHAPES)
def test_gamma_has_its_distribution(shape: float) -> None:
    """200,000 draws have the gamma distribution (Kolmogorov-Smirnov), mean and variance.

    False alarms: KS 1e-6; each of two moments 2e-9 in the normal limit (6 standard errors); over the five
    shapes together below 1e-5.
    """
    drawn = np.empty(200_000)
    _gammas(np.uint64(reference.stream(5, 0)), rng.PURCHASE_RATE, shape, drawn)
    assert drawn.min() >= 0.0
    assert stats.kstest(drawn, stats.gamma(shape).cdf).pvalue > 1e-6
    count = drawn.size
    assert abs(drawn.mean() - shape) < 6 * np.sqrt(shape / count)
    assert abs(drawn.var() - shape) < 6 * np.sqrt((2 * shape**2 + 6 * shape) / count)


@pytest.mark.statistical
def test_the_gamma_test_has_power() -> None:
    """Leaving out the last factor below shape 1, or a shape wrong by 1.5 %, is rejected at the same level."""
    drawn = np.empty(200_000)
    _gammas(np.uint64(reference.stream(5, 0)), rng.PURCHASE_RATE, 1.553, drawn)
    assert stats.kstest(drawn, stats.gamma(0.553).cdf).pvalue < 1e-6
    _gammas(np.uint64(reference.stream(5, 0)), rng.PURCHASE_RATE, 3.7, drawn)
    assert stats.kstest(drawn, stats.gamma(3.7 * 1.015).cdf).pvalue < 1e-6


# -- independence of neighbours
SIDE = 1024  # neighbours along each of the two coordinates of a walk: 2^20 draws, 2^21 words
AXES = ["seed", "replication", "person", "decision", "index"]
WALKS = list(itertools.combinations(range(5), 2))
BASE = (20_260_101, 3, 70_000, 4, 1)  # where walks start


@kernel
def _words(mixer: int, base: Any, rows: int, columns: int, row_axis: int, column_axis: int, out: Any) -> None:
    """Both words of each draw on a walk: mixer 0 is `sim.rng`, the others are weak on purpose."""
    at = base.copy()
    for i in range(rows):
        at[row_axis] = base[row_axis] + i
        for j in range(columns):
            at[column_axis] = base[column_axis] + j
            seed, replication, person, decision, index = at[0], at[1], at[2], at[3], at[4]
            if mixer == 0:
                first, second = rng.bits(rng.stream(seed, replication), np.uint64(person), decision, index)
            elif mixer == 1:  # seed times a hash constant, then a linear congruential step
                mixed = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(replication) * np.uint64(
                    0xBF58476D1CE4E5B9
                )
                mixed += np.uint64(person) * np.uint64(0x94D049BB133111EB) + np.uint64(decision) * np.uint64(
                    0xD6E8FEB86659FD93
                )
                mixed += np.uint64(index) * np.uint64(0xC2B2AE3D27D4EB4F)
                first = mixed * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                second = first * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            elif mixer == 2:  # the replication is added to the person: a good mixer does not help
                first, second = rng.bits(rng.stream(seed, 0), np.uint64(person + replication), decision, index)
            else:  # the right key, but the day is added to the person
                first, second = rng.bits(rng.stream(seed, replication), np.uint64(person + index), decision, 0)
            out[0, i, j] = first
            out[1, i, j] = second


def _walk(mixer: int, row_axis: int, column_axis: int, rows: int = SIDE, columns: int = SIDE) -> Any:
    out = np.empty((2, rows, columns), dtype=np.uint64)
    _words(mixer, np.array(BASE, dtype=np.int64), rows, columns, row_axis, column_axis, out)
    return out


def _two_sided(statistic: float, freedom: float) -> float:
    """The chance under a chi-square of a value at least as extreme on either side: too even is not luck."""
    return float(2 * min(stats.chi2.cdf(statistic, freedom), stats.chi2.sf(statistic, freedom)))


def _even(counts: Any) -> float:
    expected = counts.sum() / counts.size
    return _two_sided(((counts - expected) ** 2).sum() / expected, counts.size - 1)


def _pairs(a: Any, b: Any) -> float:
    """Chi-square on 64 x 64 cells of pairs of draws; both inputs are the top six bits."""
    return _even(np.bincount((a * 64 + b).ravel(), minlength=4096))


def _bit_counts(words: Any) -> Any:
    """How many ones each word has."""
    return np.bitwise_count(words).ravel()


BINOMIAL = stats.binom.pmf(np.arange(20, 45), 64, 0.5)


def _ones(words: Any) -> float:
    """Chi-square of the number of ones in a word against the binomial distribution (tails pooled)."""
    chance = BINOMIAL.copy()
    chance[0], chance[-1] = stats.binom.cdf(20, 64, 0.5), stats.binom.sf(43, 64, 0.5)
    counts = np.bincount(np.clip(_bit_counts(words).astype(np.int64), 20, 44) - 20, minlength=25)
    expected = chance * counts.sum()
    return _two_sided(((counts - expected) ** 2 / expected).sum(), 24)


def battery(words: Any) -> dict[str, float]:
    """The two-sided p-values of all tests on one walk (words: two words, rows, columns)."""
    found: dict[str, float] = {}
    for which in range(2):
        word = words[which]
        top = (word >> np.uint64(58)).astype(np.int64)
        found[f"uniform, top bits, word {which}"] = _even(
            np.bincount((word >> np.uint64(52)).astype(np.int64).ravel(), minlength=4096)
        )
        found[f"uniform, bits 12 to 23, word {which}"] = _even(
            np.bincount(((word >> np.uint64(12)) & np.uint64(4095)).astype(np.int64).ravel(), minlength=4096)
        )
        found[f"pairs of neighbours in a row, word {which}"] = _pairs(top[:, 0::2], top[:, 1::2])
        found[f"pairs of neighbours in a column, word {which}"] = _pairs(top[0::2], top[1::2])
        found[f"pairs on the diagonal, word {which}"] = _pairs(top[0::2, :-1], top[1::2, 1:])
        found[f"pairs on the other diagonal, word {which}"] = _pairs(top[0::2, 1:], top[1::2, :-1])
        found[f"ones, word {which}"] = _ones(word)
        found[f"bits that flip along a row, word {which}"] = _ones(word[:, 0::2] ^ word[:, 1::2])
        found[f"bits that flip along a column, word {which}"] = _ones(word[0::2] ^ word[1::2])
        unit = ((word >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52 - 0.5
        for name, axis in (("rows", 1), ("columns", 0)):
            length = unit.shape[axis]
            spread = float((unit.mean(axis=axis) ** 2).sum() * 12 * length)
            found[f"means of {name}, word {which}"] = _two_sided(spread, unit.shape[1 - axis])
    found["the two words of a draw"] = _pairs(
        (words[0] >> np.uint64(58)).astype(np.int64), (words[1] >> np.uint64(58)).astype(np.int64)
    )
    return found


LEVEL = 1e-8


@pytest.mark.statistical
@pytest.mark.parametrize(("row_axis", "column_axis"), WALKS, ids=[f"{AXES[a]}-{AXES[b]}" for a, b in WALKS])
def test_neighbours_are_uniform_and_independent(row_axis: int, column_axis: int) -> None:
    """2^20 draws next to each other in two coordinates pass all 23 chi-square tests.

    False alarms: 23 two-sided p-values at 1e-8 on each of 10 walks, 2.3e-6 together.
    """
    found = battery(_walk(0, row_axis, column_axis))
    assert len(found) == 23
    assert {name: p for name, p in found.items() if p < LEVEL} == {}


@pytest.mark.statistical
@pytest.mark.parametrize(("row_axis", "column_axis"), WALKS, ids=[f"{AXES[a]}-{AXES[b]}" for a, b in WALKS])
def test_the_battery_rejects_a_linear_mixer(row_axis: int, column_axis: int) -> None:
    """A hash constant times the seed and a linear congruential step fail on every walk, in several tests."""
    found = battery(_walk(1, row_axis, column_axis))
    assert sum(p < LEVEL for p in found.values()) >= 5


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("mixer", "row_axis", "column_axis"), [(2, 1, 2), (3, 2, 4)], ids=["replication-person", "person-day"]
)
def test_the_battery_rejects_coordinates_that_are_added(mixer: int, row_axis: int, column_axis: int) -> None:
    """A perfect mixer fed with the sum of two coordinates fails where these two are walked."""
    found = battery(_walk(mixer, row_axis, column_axis))
    assert min(found.values()) < LEVEL


# -- no draw is shared
def _grid(mixer: int) -> Any:
    """All words over 16 seeds x 16 replications x 64 persons x 64 indices, neighbours all."""
    seed, replication, person, decision, index = BASE
    blocks = []
    for i, j in itertools.product(range(16), range(16)):
        out = np.empty((2, 64, 64), dtype=np.uint64)
        base = np.array((seed + i, replication + j, person, decision, index), dtype=np.int64)
        _words(mixer, base, 64, 64, 2, 4, out)
        blocks.append(out.ravel())
    return np.concatenate(blocks)


def test_no_word_is_shared_between_seeds_replications_persons_and_days() -> None:
    """2,097,152 words of 64 bits are all different.

    False alarm: two of 2^21 random words of 64 bits are equal with chance 2^-23 = 1.2e-7.
    """
    words = _grid(0)
    assert words.size == 2**21
    assert np.unique(words).size == words.size


@pytest.mark.parametrize("mixer", [2, 3], ids=["replication added to person", "day added to person"])
def test_shared_words_would_be_noticed(mixer: int) -> None:
    """The trap: with added coordinates member m of replication k is member m + 1 of replication k - 1."""
    words = _grid(mixer)
    assert np.unique(words).size < 0.9 * words.size


@kernel
def _streams(seed: int, replication: int, out: Any) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = rng.stream(seed + i, replication + j)


def test_no_two_replications_share_a_stream() -> None:
    """The keys of 1,024 seeds x 1,024 replications are all different (false alarm 2^-25 = 3e-8)."""
    keys = np.empty((SIDE, SIDE), dtype=np.uint64)
    _streams(0, 0, keys)
    assert np.unique(keys).size == keys.size


@pytest.mark.statistical
def test_places_within_a_gamma_draw_are_independent_of_other_draws() -> None:
    """Neighbouring gamma draws of one person and of neighbouring persons are uncorrelated.

    2^20 exponential draws by `gamma` at shape 1 through their distribution function: pairs along both axes.
    False alarms: 3 tests at 1e-8.
    """
    drawn = np.empty((SIDE, SIDE))
    _gamma_grid(np.uint64(reference.stream(8, 1)), drawn)
    top = np.minimum((-np.expm1(-drawn) * 64).astype(np.int64), 63)
    tests: list[Callable[[], float]] = [
        lambda: _pairs(top[:, 0::2], top[:, 1::2]),
        lambda: _pairs(top[0::2], top[1::2]),
        lambda: _pairs(top[0::2, 1:], top[1::2, :-1]),
    ]
    assert min(test() for test in tests) > LEVEL


@kernel
def _gamma_grid(luck: Any, out: Any) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = rng.gamma(luck, np.uint64(i), rng.PURCHASE_GAP, j, 1.0)
