"""Who knows whom, written a second time from section 7.37 of docs/MODEL.md: rows of seats, kept as plain lists.

It shares with the simulator its luck and the settings of the network. All seats of a layer are filled at once, and
whatever is asked of it is looked up.
"""

import math
from functools import cached_property

import numpy as np

from sim import rng
from sim.network import Network

NOBODY = -1
ONE_BY_ONE = 64


class Circles:
    """The seats of a market of `size` persons, and who calls upon whom."""

    def __init__(self, luck: np.uint64, network: Network, size: int) -> None:
        self.luck, self.network, self.size = luck, network, size
        self.a = math.isqrt(size - 1) + 1
        self.b = -(-size // self.a)

    def _uniform(self, key: int, decision: int, index: int) -> float:
        return float(rng.uniform(self.luck, np.uint64(key), decision, index))

    def seat(self, place: int, layer: int) -> int:
        """Where a place sits after the six turns."""
        i, j = divmod(place, self.b)
        for turn in range(6):
            index = (6 * layer + turn) * 2**15
            if turn % 2 == 0:
                i = (i + math.floor(self.a * self._uniform(int(rng.MARKET_KEY), rng.SEATING, index + j))) % self.a
            else:
                j = (j + math.floor(self.b * self._uniform(int(rng.MARKET_KEY), rng.SEATING, index + i))) % self.b
        return self.b * i + j

    def row(self, layer: int) -> list[int]:
        """Who sits on each seat of a layer; nobody on an empty one."""
        seats = [NOBODY] * (self.a * self.b)
        for place in range(self.size):
            seats[self.seat(place, layer)] = place
        return seats

    @cached_property
    def rows(self) -> list[list[int]]:
        """The three rows of seats."""
        return [self.row(layer) for layer in range(3)]

    @cached_property
    def circles(self) -> list[list[list[int]]]:
        """Of each layer its circles, as lists of seats in order."""
        net, everyone = self.network, self.a * self.b
        sizes = [net.acquaintances_least * 2**k for k in range(31)]
        sizes = [s for s in sizes if s <= net.acquaintances_most]
        weights = [net.tail**k for k in range(len(sizes))]
        ends = [math.floor(everyone * sum(weights[: k + 1]) / sum(weights)) for k in range(len(sizes) - 1)]
        parts = [[(0, everyone, net.close)], [(0, everyone, net.friends)], []]
        parts[2] = list(zip([0, *ends], [*ends, everyone], sizes, strict=True))
        return [
            [
                list(range(first, min(first + size, end)))
                for start, end, size in wings
                for first in range(start, end, size)
            ]
            for wings in parts
        ]

    @cached_property
    def place_of_seat(self) -> list[dict[int, tuple[list[int], int]]]:
        """Of each layer, by place: his circle and where in it he sits."""
        out: list[dict[int, tuple[list[int], int]]] = []
        for layer in range(3):
            sits = self.rows[layer]
            out.append({sits[s]: (c, n) for c in self.circles[layer] for n, s in enumerate(c) if sits[s] != NOBODY})
        return out

    def key(self, place: int, layer: int) -> int:
        """The key of the circle in which a place sits."""
        return 2**62 + layer * 2**32 + self.place_of_seat[layer][place][0][0]

    def degree(self, place: int) -> int:
        """How many contacts he has, those with nobody included."""
        return sum(len(self.place_of_seat[layer][place][0]) - 1 for layer in range(3))

    def contact(self, place: int, number: int) -> tuple[int, int]:
        """(place, layer) of his contact with this number, best first."""
        before = 0
        for layer in range(3):
            circle, own = self.place_of_seat[layer][place]
            others = len(circle) - 1
            if number < before + others:
                if len(circle) <= ONE_BY_ONE:
                    begin = math.floor(others * self._uniform(place, rng.CONTACT, layer))
                    which = (begin + number - before) % others
                else:
                    which = math.floor(others * self._uniform(place, rng.CONTACT, 3 + number))
                return self.rows[layer][circle[(own + 1 + which) % len(circle)]], layer
            before += others
        return NOBODY, 2

    def tie(self, layer: int) -> float:
        """How strong a tie of a layer is."""
        net = self.network
        return (net.tie_close, net.tie_friends, net.tie_acquaintances)[layer]
