"""Do the bands cover what they say? Logs simulated from a fitted model, refitted, forecast, and looked up.

`python -m benchmarks.coverage [logs] [members]`: each log is lived by the simulator itself with parameters like
CDNOW's and a shared weekly disturbance; 39 weeks are given to `calibrate`, 39 weeks are forecast, and
the share of weeks and of totals inside the 80 % and 95 % bands is counted over all logs.
"""

import datetime as dt
import json
import sys
import time
from dataclasses import replace

import numpy as np

from sim.accounting.stages import Stages
from sim.data import PurchaseLog
from sim.engine import Plan, World
from sim.settings import Fitting
from sim.study.bands import weekly
from sim.study.calibrate import calibrate
from sim.study.ensemble import run_ensemble
from sim.study.fit import Fit
from sim.study.jump_off import Calibration, Newcomers, TrackedMembers, Uncertainty
from sim.world.market import Market
from sim.world.season import Season, monthly_speed

WEEKS, JOINING_WEEKS = 39, 12
START = dt.date(1997, 1, 1)


def truth(months: tuple[float, ...]) -> Calibration:
    """The world that the logs come from."""

    def fit(names: tuple[str, ...], values: tuple[float, ...]) -> Fit:
        nothing = tuple((0.0,) * len(values) for _ in values)
        return Fit("given", names, values, nothing, (0.0,) * len(values), 0.0, 0, True, "")

    purchasing = fit(("rate_shape", "rate_scale", "drift_shape", "drift_scale"), (0.6, 75.0, 0.55, 62.0))
    spending = fit(("spend_mean", "spend_between", "spend_within", "free_share"), (7.84, 0.44, 0.57, 0.0015))
    return Calibration(purchasing, 1.0, spending, 0.15, 0.5, 0.0, Newcomers(), months)


def simulated_log(number: int, members: int, market: Market) -> PurchaseLog:
    """One log of 78 weeks: members join evenly over the first 12, and live on; the disturbance acts throughout."""
    months = monthly_speed(market.season)
    days = 7 * 2 * WEEKS
    chance = np.random.default_rng(number)
    birth = np.sort(chance.integers(0, 7 * JOINING_WEEKS, members))
    # everybody joins on the eve of day 0 of his own shifted life: live cohorts by their joining day
    founders = TrackedMembers(
        truth(months), Uncertainty(False, True), np.arange(members, dtype=np.uint64), birth - days
    )
    plan = Plan(START + dt.timedelta(days), 1, founders, market, months)
    world = _Recorder(plan, seed=1000 + number)
    who, day = world.order_days(birth)
    return PurchaseLog(
        "simulated", "", START, days, tuple(f"{i:06d}" for i in range(members)), who, day,
        np.round(np.exp(chance.normal(7.84, 0.7, len(who)))).astype(np.int64), (),
    )  # fmt: skip


class _Recorder(World):
    """A world that notes on which days each founder ordered while it lives the past, disturbed week by week."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self._who: list[np.ndarray] = []
        self._day: list[np.ndarray] = []
        self._before: np.ndarray | None = None
        super().__init__(plan, seed)

    def live(self, today, books) -> None:  # type: ignore[no-untyped-def]
        if self._before is None:
            self._disturb()
            self._before = self.population.column("orders")
        super().live(today, books)
        now = self.population.column("orders")
        changed = np.flatnonzero(now > self._before)
        self._who.append(changed)
        self._day.append(np.full(len(changed), today.at))
        self._before = now

    def _disturb(self) -> None:
        """Before day 0 the engine's market is calm; here the past is disturbed as the future would be."""
        luck = np.random.default_rng(int(self.luck % np.uint64(2**32)))
        sd, memory = self.conditions.weekly_sd, self.conditions.memory
        speed = np.diff(self.clock)
        shock = 0.0
        for week in range(len(speed) // 7):
            z = luck.normal()
            shock = sd * z if week == 0 else memory * shock + sd * np.sqrt(1 - memory**2) * z
            speed[7 * week : 7 * week + 7] *= np.exp(shock - sd * sd / 2)
        self.clock[1:] = np.cumsum(speed)
        self.clock -= self.clock[self.history]
        for rows, due, low, high in self.population.ranges():  # founders were set on the calm clock: set them again
            for i in range(low, high):
                m = rows[i]
                at = int(m.joined) + self.history
                calm = self._calm_clock[at + 1]
                m.order_at = self.clock[at + 1] + (m.order_at - calm)
                due[i] = m.joined + 1

    def order_days(self, birth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(member, day) of all order days, the joining included, sorted."""
        who = np.concatenate([np.arange(len(birth)), *self._who])
        day = np.concatenate([birth, *self._day])
        pairs = np.unique(np.stack([who, day], axis=1), axis=0)
        return pairs[:, 0].astype(np.int64), pairs[:, 1].astype(np.int64)

    @property
    def _calm_clock(self) -> np.ndarray:
        speed = np.concatenate([[0.0], np.cumsum(_speed_of(self.plan, self.history))])
        return speed - speed[self.history]


def _speed_of(plan: Plan, history: int) -> np.ndarray:
    from sim.world.season import daily_speed

    return daily_speed(plan.season, plan.start - dt.timedelta(history), history + plan.days)


def main() -> None:
    """Run the study and print, as JSON, the shares covered with their standard errors."""
    logs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    members = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
    market = Market(season=Season("none"), size=10_000_000)
    began = time.perf_counter()
    inside: dict[str, list[float]] = {
        key: [] for key in ("weeks80", "weeks95", "total80", "total95", "luck80", "luck95")
    }
    for number in range(logs):
        log = simulated_log(number, members, market)
        known = calibrate(log, 7 * WEEKS - 1, market, Fitting(regularity=1.0))
        late = log.day >= 7 * WEEKS
        actual = np.bincount((log.day[late] - 7 * WEEKS) // 7, minlength=WEEKS)[:WEEKS]
        for name, uncertain in (("", Uncertainty()), ("luck", Uncertainty(False, False))):
            plan = known.plan(7 * WEEKS, replace(market), Stages(), uncertain)
            paths = weekly(run_ensemble(plan, number, 200, threads=2).metric("buyers").astype(float))
            for level, tail in (("80", 0.1), ("95", 0.025)):
                low, high = np.quantile(paths, [tail, 1 - tail], axis=0)
                share = float(((actual >= low) & (actual <= high)).mean())
                if name:
                    inside[f"luck{level}"].append(share)
                    continue
                inside[f"weeks{level}"].append(share)
                low, high = np.quantile(paths.sum(axis=1), [tail, 1 - tail])
                inside[f"total{level}"].append(float(low <= actual.sum() <= high))
        print(
            number, {key: round(100 * float(np.mean(v)), 1) for key, v in inside.items()}, file=sys.stderr, flush=True
        )
    out = {
        key: {"share_pct": 100 * float(np.mean(v)), "standard_error": 100 * float(np.std(v) / np.sqrt(len(v)))}
        for key, v in inside.items()
    }
    print(json.dumps({"logs": logs, "members": members, "seconds": time.perf_counter() - began, **out}, indent=2))


if __name__ == "__main__":
    main()
