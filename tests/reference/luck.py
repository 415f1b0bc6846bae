"""Luck, written a second time: Philox4x32-10 and the draw convention in plain Python integers.

From the definition in Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3",
SC11, section 3.3, and the convention stated in the documentation; it shares no code with `sim.rng`.
"""

import math
from collections.abc import Callable

WORD = 0xFFFFFFFF
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)  # the golden ratio and the square root of 3 minus 1

Words = tuple[int, int, int, int]


def philox4x32(counter: Words, key: tuple[int, int], rounds: int = 10) -> Words:
    """`rounds` rounds of the Philox bijection on four 32-bit counter words under two 32-bit key words."""
    left0, right0, left1, right1 = counter
    key0, key1 = key
    for done in range(rounds):
        if done > 0:
            key0, key1 = (key0 + WEYL[0]) & WORD, (key1 + WEYL[1]) & WORD
        high0, low0 = divmod(MULTIPLIERS[0] * left0, 1 << 32)
        high1, low1 = divmod(MULTIPLIERS[1] * left1, 1 << 32)
        left0, right0, left1, right1 = high1 ^ right0 ^ key0, low1, high0 ^ right1 ^ key1, low0
    return left0, right0, left1, right1


def halves(number: int) -> tuple[int, int]:
    """The low and the high 32 bits of an unsigned 64-bit number."""
    return number & WORD, number >> 32


def joined(words: Words) -> tuple[int, int]:
    """Two 64-bit numbers of four 32-bit words, the first word of each pair in the low half."""
    w0, w1, w2, w3 = words
    return w0 | w1 << 32, w2 | w3 << 32


def stream(seed: int, replication: int) -> int:
    """The 64-bit luck of one replication."""
    low, high = halves(seed)
    return joined(philox4x32((low, high, replication, 0x6D656D62), (0x65727369, 0x6D)))[0]


def bits(luck: int, key: int, decision: int, index: int) -> tuple[int, int]:
    """The two 64-bit words of one decision of one entity."""
    low, high = halves(key)
    return joined(philox4x32((low, high, index & WORD, decision), halves(luck)))


def unit(word: int) -> float:
    """A number strictly between 0 and 1: the middle of the cell that the top 52 bits name."""
    return ((word >> 12) + 0.5) * 2.0**-52


def uniform(luck: int, key: int, decision: int, index: int) -> float:
    """A uniform draw."""
    return unit(bits(luck, key, decision, index)[0])


def gamma(luck: int, key: int, decision: int, index: int, shape: float, quantile: Callable[[float], float]) -> float:
    """A gamma draw by Marsaglia and Tsang's method (2000), 64 places of the index reserved for each draw."""
    if shape < 1.0:
        larger = gamma(luck, key, decision, index, shape + 1.0, quantile)
        return larger * uniform(luck, key, decision, index * 64 + 63) ** (1.0 / shape)
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    for attempt in range(63):
        first, second = bits(luck, key, decision, index * 64 + attempt)
        x = quantile(unit(first))
        v = (1.0 + c * x) ** 3
        if v > 0.0 and math.log(unit(second)) < x * x / 2.0 + d - d * v + d * math.log(v):
            return d * v
    raise AssertionError("63 rejections in a row")
