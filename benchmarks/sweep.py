"""What a sweep costs: the machinery a point, and 2,000 runs of 5,000 members for 180 days against the engine alone.

`python -m benchmarks.sweep [--json FILE] [--quick]`; see benchmarks/README.md. `--quick` runs a twentieth of it.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sim.settings import SweepConfig, named_groups
from sim.study.ensemble import run_one
from sim.study.points import Task, plan_of, processors
from sim.study.sweep import prepare_sweep, run_sweep
from sim.units import checked

MEMBERS, DAYS, REPLICATIONS = 5_000, 180, 10
VALUES = {"strategy.messaging.per_week": [0, 14], "market.margin": [0.3, 0.7], "market.hunter_share": [0, 0.4]}


def config(name: str, points: int, processes: int) -> SweepConfig:
    """The sweep that is timed: a Latin hypercube of a lever and two uncertainties in beauty."""
    groups = named_groups({"strategy": "matched_scenes", "market": "beauty"})
    run = {"members": MEMBERS, "days": DAYS, "replications": REPLICATIONS, "processes": processes, "name": name}
    return checked(SweepConfig, {**groups, "run": run, "design": {"kind": "lhs", "n": points, "values": VALUES}})


class Nothing:
    """A model that lives nothing."""

    def __call__(self, task: Task) -> Mapping[str, np.ndarray]:
        from sim.study.points import OUTCOMES

        return {name: np.arange(REPLICATIONS, dtype=float) for name in OUTCOMES}


class Estimates:
    """What the bar said at a quarter, half and three quarters of the way, against what came."""

    def __init__(self) -> None:
        self.began, self.said = 0.0, {}

    def __call__(self, what: str, done: int, of: int) -> None:
        from experiments.progress import time_left

        now = time.perf_counter()
        if what == "live the points":
            self.began = self.began or now
            for share in (0.25, 0.5, 0.75):
                if done >= share * of and share not in self.said:
                    self.said[share] = (now, time_left(now - self.began, 0, done, of))
            self.ended = now


def overhead(root: Path, points: int) -> dict[str, float]:
    """Milliseconds a point of everything but living it."""
    began = time.perf_counter()
    run_sweep(config("nothing", points, 1), root, model=Nothing())
    return {"points": points, "ms_per_point": 1000 * (time.perf_counter() - began) / points}


def engine_alone(processes: int) -> float:
    """Seconds of one run by the engine alone, on as many processes at once as the sweep uses; the median of nine."""
    swept = prepare_sweep(config("alone", 9, processes))
    times = []
    for number in range(9):
        plan = plan_of(swept.living.config(swept.design.at(number)))
        run_one(plan, 1, 0)
        began = time.perf_counter()
        for replication in range(REPLICATIONS):
            run_one(plan, 1, replication)
        times.append((time.perf_counter() - began) / REPLICATIONS)
    return statistics.median(times)


def measured(points: int) -> dict[str, Any]:
    """The whole sweep: seconds, the ratio to the engine's own speed, peak memory, and whether the bar was right."""
    root, workers = Path(tempfile.mkdtemp()), processors()
    try:
        nothing = overhead(root, 1000)
        alone = engine_alone(workers)
        bar, began = Estimates(), time.perf_counter()
        run_sweep(config("runs", points, workers), root, progress=bar)
        seconds = time.perf_counter() - began
    finally:
        shutil.rmtree(root)
    runs = points * REPLICATIONS
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "runs": runs,
        "members": MEMBERS,
        "days": DAYS,
        "processes": workers,
        "overhead": nothing,
        "seconds": seconds,
        "seconds_per_run": seconds / runs,
        "engine_seconds_per_run": alone,
        "ratio_to_engine": seconds * workers / (runs * alone),
        "member_days_per_second": runs * MEMBERS * DAYS / seconds,
        "peak_mib": {"parent": peaks[0], "largest_worker": peaks[1]},
        "estimates": {
            f"{share:.0%}": {"said_seconds_left": left, "were": bar.ended - at}
            for share, (at, left) in bar.said.items()
        },
        "load": os.getloadavg(),
    }


def main() -> None:
    """Measure, print, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    found = measured(10 if asked.quick else 200)
    text = json.dumps(found, indent=2)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
