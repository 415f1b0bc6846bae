"""Models that live nothing, in the place of the real one: they answer by a formula, or go wrong on purpose."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.settings import SweepConfig
from sim.study.points import Task
from sim.units import checked

NAMES = ("orders", "revenue")


@dataclass(frozen=True)
class Noop:
    """Answers by a formula of the point's values and the seed.

    seconds: how long a point takes; fails: every so many points raise; dies: this point kills its process; log: a
    file in which the index of every point lived is noted.
    """

    replications: int = 3
    seconds: float = 0.0
    fails: int = 0
    dies: int = -1
    log: Path | None = None

    def __call__(self, task: Task) -> Mapping[str, np.ndarray]:
        if self.seconds:
            time.sleep(self.seconds)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{task.index}\n")
        if task.index == self.dies:
            os._exit(9)
        if self.fails and task.index % self.fails == 0:
            raise ArithmeticError(f"point {task.index} does not work")
        total = sum(value for value in task.point.values() if isinstance(value, int | float))
        luck = (task.seed % 1000) / 1000.0
        values = total + luck + np.arange(self.replications, dtype=float)
        return dict.fromkeys(NAMES, values)


def many_points(name: str, count: int, processes: int = 1) -> SweepConfig:
    """A sweep of many points, for a model that lives nothing."""
    values = {"market.season.strength": [0, 1.5], "market.margin": [0.1, 0.9]}
    return checked(
        SweepConfig,
        {
            "run": {"members": 100, "days": 10, "name": name, "processes": processes},
            "design": {"kind": "lhs", "n": count, "values": values},
            "outcomes": {"metrics": list(NAMES)},
        },
    )
