"""Who knows whom: mutual ties in circles, by luck and place alone, in markets of one person to a thousand million."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from sim import network, rng
from sim.errors import InputError
from sim.jit import kernel, rule
from sim.network import ACQUAINTANCES, CLOSE, FRIENDS, LAYERS, NOBODY, Network, known
from sim.settings import Config
from sim.units import checked

LUCK = np.uint64(0x5EA7_ED5E_A7ED_0001)
GONE_THROUGH = Network(acquaintances_most=64)
"""Circles small enough that each is gone through one by one."""


@rule
def degree_of(luck: Any, place: Any, n: Any) -> int:
    """The degree of whoever has a place."""
    return network.degree(network.seats_of(luck, place, n), n)


@rule
def contact_of(luck: Any, place: Any, number: int, n: Any) -> Any:
    """A contact of whoever has a place."""
    return network.contact(luck, place, network.seats_of(luck, place, n), number, n)


@kernel
def _seats(luck: Any, layer: int, n: Any, first: int, out: Any, back: Any) -> None:
    """The seats of places from `first` on, and the places that the seats lead back to."""
    for i in range(out.shape[0]):
        out[i] = network.position(luck, first + i, layer, n[0])
        back[i] = network.place_at(luck, out[i], layer, n[0])


@kernel
def _contacts(luck: Any, first: int, n: Any, out: Any, layers: Any) -> None:
    """The contacts of places from `first` on, and the layers of the ties."""
    for i in range(out.shape[0]):
        for number in range(out.shape[1]):
            out[i, number], layers[i, number] = contact_of(luck, first + i, number, n[0])


@kernel
def _circles(luck: Any, places: Any, layer: int, n: Any, keys: Any, seats: Any) -> None:
    """The key of each place's circle in a layer, and its seats."""
    for i in range(places.shape[0]):
        keys[i] = network.circle_key(luck, places[i], layer, n[0])
        seats[i] = network.circle(network.position(luck, places[i], layer, n[0]), layer, n[0])[1]


@kernel
def _degrees(luck: Any, places: Any, n: Any, out: Any) -> None:
    for i in range(places.shape[0]):
        out[i] = degree_of(luck, places[i], n[0])


def contacts(size: int, count: int, numbers: int, how: Network = GONE_THROUGH, first: int = 0) -> Any:
    """(contacts, layers) of `count` places from `first` on, int64 [place, number]."""
    out = np.zeros((count, numbers), dtype=np.int64)
    layers = np.zeros_like(out)
    _contacts(LUCK, first, known(how, size), out, layers)
    return out, layers


def circles(places: np.ndarray, layer: int, size: int, how: Network = GONE_THROUGH) -> Any:
    """(keys, seats) of the circles that places sit in."""
    keys, seats = np.zeros(len(places), dtype=np.uint64), np.zeros(len(places), dtype=np.int64)
    _circles(LUCK, places, layer, known(how, size), keys, seats)
    return keys, seats


# -- seats
@settings(deadline=None, max_examples=60, derandomize=True)
@given(size=st.integers(1, 5000), layer=st.integers(0, LAYERS - 1), luck=st.integers(0, 2**64 - 1))
@example(size=1, layer=0, luck=0)
@example(size=2, layer=1, luck=1)
@example(size=3, layer=2, luck=2)
@example(size=4999, layer=0, luck=3)
def test_each_has_a_seat_of_his_own(size: int, layer: int, luck: int) -> None:
    """Places and seats are the same set: all are taken once, and each leads back to whom it came from."""
    n = known(Network(), size)
    rows, columns = network.hall(n[0])
    assert size <= rows * columns < size + max(rows, 1)
    out, back = np.zeros(rows * columns, dtype=np.int64), np.zeros(rows * columns, dtype=np.int64)
    _seats(np.uint64(luck), layer, n, 0, out, back)
    assert np.sort(out).tolist() == list(range(rows * columns))
    assert back.tolist() == list(range(rows * columns))


def test_the_largest_market_has_seats() -> None:
    """In a market of a thousand million the first, the last and those between find their seats and back."""
    n = known(Network(), 10**9)
    for first in (0, 123_456_789, 10**9 - 1000):
        for layer in range(LAYERS):
            out, back = np.zeros(1000, dtype=np.int64), np.zeros(1000, dtype=np.int64)
            _seats(LUCK, layer, n, first, out, back)
            assert back.tolist() == list(range(first, first + 1000))
            assert len(set(out.tolist())) == 1000
            assert out.min() >= 0
            assert out.max() < 31_623 * 31_623


def _plain_seat(luck: int, place: int, layer: int, size: int, turns: int) -> int:
    """The shuffle once more, in plain integers and with any number of turns."""
    rows = next(root for root in range(1, size + 1) if root * root >= size)
    columns = -(-size // rows)
    row, column = divmod(place, columns)
    for turn in range(turns):
        line, most = (column, rows) if turn % 2 == 0 else (row, columns)
        drawn = rng.uniform(np.uint64(luck), rng.MARKET_KEY, rng.SEATING, (layer * 6 + turn) * 2**15 + line)
        moved = int(drawn * most)
        if turn % 2 == 0:
            row = (row + moved) % rows
        else:
            column = (column + moved) % columns
    return row * columns + column


def test_seats_follow_the_definition() -> None:
    """The shuffle equals one written in plain integers."""
    for size in (1, 2, 3, 50, 997):
        for layer in range(LAYERS):
            for place in range(0, size, 7):
                expected = _plain_seat(77, place, layer, size, 6)
                assert network.position(np.uint64(77), place, layer, known(Network(), size)[0]) == expected


@pytest.mark.statistical
@pytest.mark.parametrize(("turns", "like_chance"), [(6, True), (4, True), (2, False)])
def test_who_sits_with_whom_is_chance(turns: int, like_chance: bool) -> None:
    """Over 3,000 worlds of 47 persons (two empty seats) each other person is as likely in one's circle of four.

    A chi-square of the 46 others; those of one world exclude each other, which makes it smaller. False alarm below
    1e-5 for each of three persons. Two turns of the shuffle do not pass: nobody then meets his own column.
    """
    size, worlds = 47, 3000
    worst = 1.0
    for place in (0, 1, 23):
        met = np.zeros(size)
        for luck in range(worlds):
            seats = np.array([_plain_seat(luck, other, CLOSE, size, turns) for other in range(size)]) // 4
            met += seats == seats[place]
        others = np.delete(met, place)
        worst = min(worst, float(stats.chisquare(others).pvalue))
    assert (worst > 1e-5) == like_chance


# -- circles and ties
def test_ties_are_mutual_and_make_circles() -> None:
    """Whoever is a contact has him as a contact in the same layer; the contacts of a circle are all its people."""
    size = 3000
    most = int(max(degree_of(LUCK, place, known(GONE_THROUGH, size)[0]) for place in range(0, size, 10)))
    out, layers = contacts(size, size, most + 40)
    for layer in range(LAYERS):
        ties = {(p, int(q)) for p in range(size) for q in out[p][(layers[p] == layer) & (out[p] != NOBODY)]}
        assert ties
        assert ties == {(q, p) for p, q in ties}
        assert all(p != q for p, q in ties)
        keys = circles(np.arange(size), layer, size)[0]
        people: dict[int, set[int]] = {}
        for place, key in enumerate(keys.tolist()):
            people.setdefault(key, set()).add(place)
        assert ties == {(p, q) for group in people.values() for p in group for q in group if p != q}


def test_contacts_come_best_first() -> None:
    """Close ones, then friends, then acquaintances, as many as there are seats, and then nobody."""
    size, how = 20_000, Network(tie_close=0.8, tie_friends=0.4, tie_acquaintances=0.1)
    n = known(how, size)[0]
    out, layers = contacts(size, 300, 1200, how)
    assert (np.diff(layers, axis=1) >= 0).all()
    assert ((layers == CLOSE).sum(axis=1) == 3).all()
    assert ((layers == FRIENDS).sum(axis=1) == 15).all()
    degrees = [degree_of(LUCK, place, n) for place in range(300)]
    for place in range(300):
        assert (out[place, degrees[place] :] == NOBODY).all()
        assert (out[place, : degrees[place]] != NOBODY).mean() > 0.9
        listed = out[place, : degrees[place]][layers[place, : degrees[place]] != ACQUAINTANCES]
        assert len(set(listed.tolist()) - {NOBODY}) >= (listed != NOBODY).sum() - 1
    assert [network.tie(layer, n) for layer in range(LAYERS)] == [0.8, 0.4, 0.1]


@pytest.mark.statistical
def test_a_circle_does_not_call_on_one_person() -> None:
    """Each begins his round elsewhere: the first of 15 friends is any seat with one chance (chi-square, 1e-5)."""
    size, count = 10_000, 6000
    n = known(Network(), size)
    seats, back = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    _seats(LUCK, FRIENDS, n, 0, seats, back)
    out, layers = contacts(size, count, 4, Network(), 0)
    assert (layers[:, 3] == FRIENDS).all()
    theirs = np.array([network.position(LUCK, int(q), FRIENDS, n[0]) if q >= 0 else -1 for q in out[:, 3]])
    ahead = (theirs - seats)[theirs >= 0] % 16
    assert stats.chisquare(np.bincount(ahead, minlength=16)[1:]).pvalue > 1e-5
    called = np.bincount(theirs[theirs >= 0], minlength=size)[seats]
    assert called.max() < 12


@pytest.mark.statistical
def test_large_circles_are_drawn_from_and_one_circle_is_random_mixing() -> None:
    """Where all sit in one circle, each draw is anybody but himself with the same chance (chi-square, 1e-5)."""
    size = 900
    how = Network(close=1, friends=1, acquaintances_least=size, acquaintances_most=size)
    out, layers = contacts(size, 1000, 50, how)
    assert degree_of(LUCK, 5, known(how, size)[0]) == size - 1
    assert (layers == ACQUAINTANCES).all()
    assert out.min() >= 0
    assert stats.chisquare(np.bincount(out[:size].ravel(), minlength=size)).pvalue > 1e-5
    one = contacts(size, 1, size - 1, how, first=17)[0][0]
    assert 17 not in one
    assert len(set(one.tolist())) == pytest.approx((size - 1) * (1 - np.exp(-1)), rel=0.1)  # with replacement


@pytest.mark.statistical
def test_friends_know_each_other() -> None:
    """Two friends of one person know each other with chance (3 + 105) / 153; at random it would be 1 in 500.

    In circles of 4 and 16 that chance is exact but for empty seats and double ties; 4 standard errors of 300 persons.
    """
    size = 10_000
    out, _ = contacts(size, size, 18, Network())
    known_to = [set(row[row != NOBODY].tolist()) for row in out]
    shares: list[float] = []
    for place in range(0, size, 33):
        mine = sorted(known_to[place])
        pairs = [(a, b) for a in mine for b in mine if a < b]
        shares.append(sum(b in known_to[a] for a, b in pairs) / len(pairs))
    expected = (3 + 105) / 153
    assert abs(np.mean(shares) - expected) < 0.005 + 4 * np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) > 300 * 18 / size


def test_few_know_very_many() -> None:
    """Of a million, half share circles with 25 others, a tenth with 81 or more, a hundredth with 529.

    The share in circles of acquaintances of 8, 16 ... 1024 seats or more halves each time, as 1/k does, and with a
    tail of 1 all sizes have the same number of seats.
    """
    size, places = 1_000_000, np.arange(0, 1_000_000, 17)
    out = np.zeros(len(places), dtype=np.int64)
    _degrees(LUCK, places, known(Network(), size), out)
    assert np.quantile(out, [0.0, 0.49, 0.51, 0.7, 0.9, 0.98, 0.99, 0.998]).tolist() == [
        25,
        25,
        33,
        33,
        81,
        273,
        529,
        1041,
    ]
    seats = circles(places, ACQUAINTANCES, size, Network())[1]
    for doubling in range(8):
        expected = (2.0**-doubling - 2.0**-8) / (1 - 2.0**-8)
        assert (seats >= 8 * 2**doubling).mean() == pytest.approx(expected, abs=0.005)
    seats = circles(places, ACQUAINTANCES, size, Network(tail=1.0))[1]
    for doubling in range(8):
        assert (seats == 8 * 2**doubling).mean() == pytest.approx(1 / 8, abs=0.006)


# -- one more, small markets, keys
def test_one_person_more_changes_only_his_circles() -> None:
    """Between 9,800 and 9,801 persons only empty seats in the newcomer's circles fill, with him."""
    before, layers = contacts(9800, 9800, 60, Network())
    after, same = contacts(9801, 9800, 60, Network())
    assert (layers == same).all()
    changed = before != after
    assert set(before[changed].tolist()) == {NOBODY}
    assert set(after[changed].tolist()) == {9800}
    touched = np.flatnonzero(changed.any(axis=1))
    everyone = np.arange(9801)
    mates = [keys == keys[9800] for keys in (circles(everyone, layer, 9801, Network())[0] for layer in range(LAYERS))]
    assert set(touched.tolist()) <= set(np.flatnonzero(np.logical_or.reduce(mates)).tolist())
    assert len(touched) >= 18


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tiny_markets(size: int) -> None:
    """Whoever is alone knows nobody; two or three persons know at most each other."""
    out, _ = contacts(size, size, 30, Network())
    for place in range(size):
        assert place not in out[place]
        others = set(range(size)) - {place}
        assert set(out[place].tolist()) - {NOBODY} <= others
    if size > 1:
        assert (out != NOBODY).any()


def test_keys_of_circles_are_nobody_elses() -> None:
    """Those of one circle share a key; other circles, other layers, and persons have other keys."""
    everyone = np.arange(5000)
    seen: set[int] = set()
    for layer in range(LAYERS):
        keys, seats = circles(everyone, layer, 5000, Network())
        assert seen.isdisjoint(keys.tolist())
        seen |= set(keys.tolist())
        sizes = np.unique(keys, return_counts=True)[1]
        assert sizes.max() <= seats.max()
        assert (keys >= np.uint64(2**62)).all()  # above persons of the market, below those of a log
        assert (keys < np.uint64(2**63)).all()


def test_settings_are_checked() -> None:
    """Circles of no seats are refused, and so are smallest circles larger than the largest."""
    with pytest.raises(InputError, match=r"network\.close=0.*\[1, 1e\+09\]"):
        checked(Config, {"market": {"network": {"close": 0}}})
    with pytest.raises(InputError, match=r"acquaintances_least=32: must be at most"):
        checked(Config, {"market": {"network": {"acquaintances_least": 32, "acquaintances_most": 8}}}).cross_check()
    n = known(Network(), 7)[0]
    assert (n.persons, n.close, n.tail) == (7.0, 4.0, 0.5)


def _hash_of_ties() -> str:
    """A hash of contacts, layers, degrees and keys, whatever runs them."""
    values: list[int] = []
    for size in (3, 120, 10**6, 10**9):
        n = known(Network(), size)[0]
        for place in range(0, size, max(size // 12, 1)):
            values += [degree_of(LUCK, place, n)]
            values += [int(network.circle_key(LUCK, place, layer, n)) for layer in range(LAYERS)]
            for number in (0, 2, 3, 17, 20, 90):
                values += contact_of(LUCK, place, number, n)
    assert len(values) > 600
    return hashlib.sha256(json.dumps([int(value) for value in values]).encode()).hexdigest()


def test_compiled_and_uncompiled_ties_are_the_same() -> None:
    """Ties hash alike compiled and, in another process, under NUMBA_DISABLE_JIT=1."""
    code = "import json, numba; from tests.test_network import _hash_of_ties as h; "
    code += "print(json.dumps([numba.config.DISABLE_JIT, h()]))"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [1, _hash_of_ties()]
