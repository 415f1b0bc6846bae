"""Who knows whom: a function of luck and place, so that no tie is ever stored.

A person's place is his number in the addressable market, 0 <= place < size. In each of three layers (close, friends,
acquaintances) a keyed permutation seats all places in one long row, and the seats of a layer are parted into circles.
Whoever sits in one circle knows all the others of it: ties are mutual, and friends' friends are friends. One person
more in the market takes a seat that was empty and changes nothing but the three circles that he sits in.

The rules read `n`, a record of `known`: the settings of `Network` and the market's size.
"""

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.errors import InputError
from sim.jit import rule
from sim.units import STRICT, About, Positive, Share, between

CLOSE, FRIENDS, ACQUAINTANCES = range(3)
LAYERS = 3
NOBODY = -1
"""An empty seat, in the place of a person's place."""
ROUNDS = 6
"""Turns of the shuffle that seats a layer: six, where four already look like chance."""
LISTED = 64
"""Seats up to which a circle is gone through one by one; from larger ones a contact is drawn, with replacement."""
CIRCLES = np.uint64(1 << 62)
"""Where keys of circles begin: a person's key is below 2^30, or has its highest bit set where he comes from a log."""


@dataclass(frozen=True)
class Network:
    """Who knows whom in the market: how large circles are, and how strong their ties."""

    __pydantic_config__ = STRICT

    close: Annotated[
        int,
        between(1, 1_000_000_000),
        About(
            "seats", "in a close circle", "three to five people are close to one: Dunbar's innermost", "assumption"
        ),
    ] = 4
    friends: Annotated[
        int,
        between(1, 1_000_000_000),
        About("seats", "in a circle of friends", "about fifteen good friends: Dunbar's second circle", "assumption"),
    ] = 16
    acquaintances_least: Annotated[
        int,
        between(1, 1_000_000_000),
        About("seats", "in the smallest circles of acquaintances", "round number", "assumption"),
    ] = 8
    acquaintances_most: Annotated[
        int,
        between(1, 1_000_000_000),
        About(
            "seats",
            "that no circle of acquaintances exceeds; each size doubles the one below",
            "round number",
            "assumption",
        ),
    ] = 1024
    tail: Annotated[
        float,
        Positive,
        between(0.01, 1),
        About(
            "share",
            "seats in circles of one size, of those in circles of half that size; at 0.5 the share of people with k "
            "acquaintances or more falls like 1/k",
            "few know very many: heavy tails of acquaintance networks",
            "assumption",
        ),
    ] = 0.5
    tie_close: Annotated[float, Share, About("0 to 1", "strength of a close tie", "round number", "assumption")] = 0.9
    tie_friends: Annotated[
        float, Share, About("0 to 1", "strength of a tie between friends", "round number", "assumption")
    ] = 0.5
    tie_acquaintances: Annotated[
        float, Share, About("0 to 1", "strength of a tie between acquaintances", "round number", "assumption")
    ] = 0.15

    def cross_check(self) -> None:
        """Errors: `InputError` where the smallest circle of acquaintances is larger than the largest."""
        if self.acquaintances_least > self.acquaintances_most:
            raise InputError(
                f"market.network.acquaintances_least={self.acquaintances_least}: must be at most "
                f"market.network.acquaintances_most={self.acquaintances_most}"
            )


def known(network: Network, size: int) -> np.ndarray:
    """What the rules read of a market of `size` persons: an array of one record."""
    values = {"persons": size, **asdict(network)}
    out = np.zeros(1, dtype=KNOWN)
    out[0] = tuple(float(values[name]) for name in KNOWN.names or ())
    return out


KNOWN = np.dtype((np.record, [(name, "f8") for name in ("persons", *Network.__dataclass_fields__)]))
"""The record `n`: the market's size and the numbers of `Network`."""


@rule
def place_of(key: np.uint64, row: int, founders: float) -> int:
    """A person's place: founders take the first ones, in order of rows; everybody else's place is his key."""
    return int(row) if row < founders else int(key)


# -- seats ------------------------------------------------------------------------------------------------------


@rule
def hall(n: Any) -> tuple[int, int]:
    """(rows, columns) of the seats of a layer: about a square, with a seat for everybody and few more."""
    size = int(n.persons)
    rows = int(math.sqrt(float(size)))
    if rows * rows < size:
        rows += 1
    return rows, (size + rows - 1) // rows


@rule
def shift(luck: np.uint64, layer: int, turn: int, line: int, most: int) -> int:
    """By how many seats a turn of the shuffle moves whoever is in this row, or column."""
    index = ((layer * ROUNDS + turn) << 15) + line
    return int(rng.uniform(luck, rng.MARKET_KEY, rng.SEATING, index) * most)


@rule
def around(seat: int, seats: int) -> int:
    """A seat of 0 to 2 `seats` - 1 in a round of so many: the remainder, without a division."""
    return seat - seats if seat >= seats else seat


@rule
def position(luck: np.uint64, place: int, layer: int, n: Any) -> int:
    """The seat of a place in a layer: each row is moved by a draw of its column and each column by one of its row.

    A Feistel network of addition on Z_rows x Z_columns, so that `place_at` can go back (Luby & Rackoff 1988, SIAM
    Journal on Computing 17(2)).
    """
    rows, columns = hall(n)
    row, column = place // columns, place % columns
    for turn in range(0, ROUNDS, 2):
        row = around(row + shift(luck, layer, turn, column, rows), rows)
        column = around(column + shift(luck, layer, turn + 1, row, columns), columns)
    return row * columns + column


@rule
def place_at(luck: np.uint64, seat: int, layer: int, n: Any) -> int:
    """The place that sits there, from 0 on; it is an empty seat where that is `size` or more."""
    rows, columns = hall(n)
    row, column = seat // columns, seat % columns
    for back in range(2, ROUNDS + 1, 2):
        turn = ROUNDS - back
        column = around(column + columns - shift(luck, layer, turn + 1, row, columns), columns)
        row = around(row + rows - shift(luck, layer, turn, column, rows), rows)
    return row * columns + column


# -- circles ----------------------------------------------------------------------------------------------------


@rule
def circle(seat: int, layer: int, n: Any) -> tuple[int, int]:
    """(first seat, seats) of the circle to which a seat belongs."""
    rows, columns = hall(n)
    low, high, seats = 0, rows * columns, int(n.close)
    if layer == FRIENDS:
        seats = int(n.friends)
    elif layer == ACQUAINTANCES:
        low, high, seats = wing(seat, high, n)
    first = low + (seat - low) // seats * seats
    return first, min(seats, high - first)


@rule
def wing(seat: int, everyone: int, n: Any) -> tuple[int, int, int]:
    """(first seat, seat after the last, seats a circle): the part of the acquaintances' seats that holds this one.

    The small circles come first; each wing's circles are twice as large as those of the one before, and its seats
    are `tail` times as many.
    """
    seats, most = int(n.acquaintances_least), int(n.acquaintances_most)
    total, weight, size = 1.0, 1.0, 2 * seats
    while size <= most:
        weight *= n.tail
        total += weight
        size *= 2
    low, share, weight = 0, 1.0, 1.0
    while 2 * seats <= most:
        high = int(everyone * (share / total))
        if seat < high:
            return low, high, seats
        low, seats = high, 2 * seats
        weight *= n.tail
        share += weight
    return low, everyone, seats


@rule
def circle_key(luck: np.uint64, place: int, layer: int, n: Any) -> np.uint64:
    """The key of the circle that a person sits in: what its people have in common is drawn by it.

    It is nobody's own key (see `CIRCLES`), and differs between layers.
    """
    first, _ = circle(position(luck, place, layer, n), layer, n)
    return CIRCLES | np.uint64((layer << 32) + first)


# -- ties -------------------------------------------------------------------------------------------------------


@rule
def seats_of(luck: np.uint64, place: int, n: Any) -> tuple[int, int, int]:
    """Where he sits, by layer."""
    return (
        position(luck, place, CLOSE, n),
        position(luck, place, FRIENDS, n),
        position(luck, place, ACQUAINTANCES, n),
    )


@rule
def degree(seated: Any, n: Any) -> int:
    """With how many seats he shares circles; some may be empty, and somebody may sit with him twice."""
    others = 0
    for layer in range(LAYERS):
        _, seats = circle(seated[layer], layer, n)
        others += seats - 1
    return others


@rule
def contact(luck: np.uint64, place: int, seated: Any, number: int, n: Any) -> tuple[int, int]:
    """His contact `number` from 0 on, best first: (the other's place or `NOBODY`, the layer of the tie).

    seated: where he sits, of `seats_of`. His close circle comes first, then friends, then acquaintances. Each begins
    his round of a circle somewhere else, so that its people do not all call on the same one. From a circle of more
    than `LISTED` seats he thinks of somebody at random, perhaps of the same twice. After `degree` contacts there is
    nobody.
    """
    left = number
    for layer in range(LAYERS):
        seat = seated[layer]
        first, seats = circle(seat, layer, n)
        others = seats - 1
        if left < others:
            index = layer if seats <= LISTED else LAYERS + number
            turn = int(rng.uniform(luck, np.uint64(place), rng.CONTACT, index) * others)
            if seats <= LISTED:
                turn = (turn + left) % others
            other = place_at(luck, first + (seat - first + 1 + turn) % seats, layer, n)
            return (other if other < int(n.persons) else NOBODY), layer
        left -= others
    return NOBODY, ACQUAINTANCES


@rule
def tie(layer: int, n: Any) -> float:
    """How strong a tie of this layer is, from 0 to 1."""
    if layer == CLOSE:
        return n.tie_close
    return n.tie_friends if layer == FRIENDS else n.tie_acquaintances
