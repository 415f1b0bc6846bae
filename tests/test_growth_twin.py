"""The growing world and a plain one, written separately from the document alone, are equal to the bit."""

import dataclasses

import numpy as np
import pytest

from sim import network, rng
from sim.network import Network
from tests.reference.network_model import Circles

NETWORKS = {
    "the usual one": (2000, Network()),
    "of odd numbers": (997, Network(3, 7, 5, 90, tail=0.8)),
    "all know all": (150, Network(1, 2, 200, 200)),
    "a handful": (5, Network(2, 3, 1, 8, tail=1.0)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_who_knows_whom(name: str) -> None:
    """Seats, circles, their keys, and every contact of every person are the same, those that are nobody as well."""
    size, net = NETWORKS[name]
    luck = rng.stream(7, 1)
    circles, n = Circles(luck, net, size), network.known(net, size)[0]
    for place in range(0, size, max(size // 150, 1)):
        degree = circles.degree(place)
        assert network.degree(luck, place, n) == degree
        for layer in range(3):
            assert network.position(luck, place, layer, n) == circles.seat(place, layer)
            assert int(network.circle_key(luck, place, layer, n)) == circles.key(place, layer)
            assert network.tie(layer, n) == circles.tie(layer)
        for number in range(degree + 2):
            assert network.contact(luck, place, number, n) == circles.contact(place, number), (place, number)
    layer = 3 + 4  # of a channel
    seats = circles.row(layer)
    theirs = [int(network.place_at(luck, seat, layer, n)) for seat in range(len(seats))]
    assert [place if place < size else -1 for place in theirs] == seats


def test_another_network_differs() -> None:
    """The comparison can fail: one seat more in a circle of friends is noticed."""
    luck, (size, net) = rng.stream(7, 1), NETWORKS["the usual one"]
    n = network.known(dataclasses.replace(net, friends=net.friends + 1), size)[0]
    ours = [Circles(luck, net, size).contact(5, number)[0] for number in range(18)]
    assert [network.contact(luck, 5, number, n)[0] for number in range(18)] != ours
    assert np.unique(ours).size > 1
