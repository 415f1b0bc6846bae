"""What a member day brings: orders on the day itself, and how many of them come from other days."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Lift:
    """Shares of the orders of the world without the day. gross: more on member days; net: more in all; shifted: of
    the gross, what other days have lost.
    """

    gross: float
    net: float

    @property
    def shifted(self) -> float:
        """What came from other days."""
        return self.gross - self.net


def lift(without: np.ndarray, with_day: np.ndarray, first: int, every: int = 7) -> Lift:
    """The lift of member days from two series of orders by day: `first` is one, and every `every`-th day after it.

    Whole rounds only are counted, from half a round before the first member day on.
    """
    begin = max(first - every // 2, 0)
    rounds = (min(len(without), len(with_day)) - begin) // every
    base = np.asarray(without[begin : begin + rounds * every], dtype=float).reshape(rounds, every)
    other = np.asarray(with_day[begin : begin + rounds * every], dtype=float).reshape(rounds, every)
    place, total = first - begin, base.sum()
    return Lift(float((other - base)[:, place].sum() / total), float((other - base).sum() / total))
