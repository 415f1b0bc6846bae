"""What it costs to ask who knows whom: nanoseconds a call, in markets of several sizes.

Nothing about ties is stored, so that each question costs some draws of luck: six for a seat, whatever the market's
size. A call is timed in a loop over places drawn at random, the median of nine.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from sim import network, rng
from sim.jit import kernel
from sim.network import ACQUAINTANCES, CLOSE, FRIENDS, Network, known

CALLS, PASSES = 100_000, 9


@kernel
def _position(luck: Any, places: Any, n: Any) -> int:
    total = 0
    for place in places:
        total += network.position(luck, place, FRIENDS, n[0])
    return total


@kernel
def _circle_key(luck: Any, places: Any, n: Any) -> Any:
    total = np.uint64(0)
    for place in places:
        total ^= network.circle_key(luck, place, FRIENDS, n[0])
    return total


@kernel
def _degree(luck: Any, places: Any, n: Any) -> int:
    total = 0
    for place in places:
        total += network.degree(network.seats_of(luck, place, n[0]), n[0])
    return total


@kernel
def _contact(luck: Any, places: Any, number: int, n: Any) -> int:
    total = 0
    for place in places:
        total += network.contact(luck, place, network.seats_of(luck, place, n[0]), number, n[0])[0]
    return total


def nanoseconds(ask: Callable[..., Any], *asked: Any) -> float:
    """What a call takes, the median of some passes."""
    took: list[float] = []
    for _ in range(PASSES + 1):  # the first one compiles
        begun = time.perf_counter()
        ask(*asked)
        took.append((time.perf_counter() - begun) / CALLS * 1e9)
    return statistics.median(took[1:])


def main() -> None:
    """Print a line for each size of the market."""
    names = ("seat", "circle key", "degree", "close contact", "friend", "acquaintance")
    print(f"{'persons':>13}" + "".join(f"{name:>15}" for name in names) + "   ns a call")
    for size in (10**4, 10**6, 10**9):
        luck, n = np.uint64(rng.stream(1, 0)), known(Network(), size)
        places = np.random.default_rng(1).integers(0, size, CALLS)
        numbers = {CLOSE: 0, FRIENDS: 5, ACQUAINTANCES: 20}
        took = [nanoseconds(ask, luck, places, n) for ask in (_position, _circle_key, _degree)]
        took += [nanoseconds(_contact, luck, places, numbers[layer], n) for layer in numbers]
        print(f"{size:>13,}" + "".join(f"{each:>15.0f}" for each in took))


if __name__ == "__main__":
    main()
