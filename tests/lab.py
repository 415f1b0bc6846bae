"""The laboratory of the tests: worlds under one parameter set, and what their members did.

A test that shows a system or a story takes the fixture `lab` and asks it for worlds. All stories are told with
the defaults; what a test names is the strategy, the market and the size, never how people are. Under `--knockout`
the mechanism named in the test's marker is switched off in every world that it asks for.
"""

import copy
import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
import scipy.stats

from sim.accounting import metrics, posting
from sim.accounting.books import Ledger
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.recruiting import KEPT
from sim.settings import Config, market_config
from sim.strategy import Strategy, read_strategy
from sim.units import checked
from tests.systems import knockout

SEED = 20260105
"""The seed of all stories; replications 0, 1, 2 … are its worlds."""
MONDAY = dt.date(2026, 1, 5)
FALSE_ALARM = 1e-4
"""The chance that chance alone would look like the effect that a test asks for."""


def strategy(**levers: Any) -> Strategy:
    """A strategy from plain values: `strategy(messaging={"per_week": 7}, content={})`; a lever named is on."""
    values: dict[str, Any] = {"name": "told"}
    for name, settings in levers.items():
        values[name] = dict(settings)
        if name not in ("budget", "guard"):
            values[name].setdefault("on", True)
    told = checked(Strategy, values)
    told.cross_check()
    return told


@dataclass
class Told:
    """One finished (or stopped) world and its books."""

    world: World
    ledger: Ledger

    def metric(self, name: str) -> np.ndarray:
        """One metric by day, int64, money in cents."""
        return metrics.daily_columns(self.ledger, self.world.day)[name]

    def total(self, name: str, first: int = 0, last: int | None = None) -> int:
        """A flow metric summed over days [first, last)."""
        return int(self.metric(name)[first:last].sum())

    def end(self, name: str) -> int:
        """A stock metric at the end."""
        return int(self.metric(name)[-1])

    def members(self, field: str) -> np.ndarray:
        """A field of all rows, in order of rows: the founders first, the same persons in every twin."""
        return self.world.population.column(field)

    def founders(self, field: str) -> np.ndarray:
        """A field of the members of day 0."""
        return self.members(field)[: self.world.plan.founders.count]

    def came(self, channel: str, what: str = "joined", first: int = 0, last: int | None = None) -> int:
        """Newcomers of a channel of joining days [first, last): all, or one of `recruiting.KEPT` among them."""
        assert self.world.recruiter is not None
        return int(self.world.recruiter.kept[first:last, posting.CHANNELS.index(channel), KEPT.index(what)].sum())


class Founders(EmbeddedFounders):
    """Founders whose past is lived once for all twins: it is the same whatever is done to them from day 0 on."""

    def settle(self, world: World) -> None:
        people, plan = world.population, world.plan
        market = plan.market
        then = (plan.start, plan.season, plan.stages, market.season, market.calendar, market.cycle_days)
        name = repr((int(world.luck), self, then))
        if name in _PASTS:
            people.reserve(self.count)
            people.count = self.count
            for (rows, due, low, high), (lived, waiting) in zip(people.ranges(), _PASTS[name], strict=True):
                rows[low:high], due[low:high] = lived, waiting
            return
        super().settle(world)
        _PASTS[name] = [(rows[low:high].copy(), due[low:high].copy()) for rows, due, low, high in people.ranges()]
        while sum(len(rows) for past in _PASTS.values() for rows, _ in past) > KEPT_ROWS:
            del _PASTS[next(iter(_PASTS))]


_PASTS: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
KEPT_ROWS = 1_000_000
"""Rows of founders kept in memory, the oldest past going first."""


class Lab:
    """Worlds on demand. changes: settings by dotted path that are switched over in every world."""

    def __init__(self, changes: Mapping[str, Any]) -> None:
        self.changes = dict(changes)

    def plan(
        self,
        what: Strategy | str,
        *,
        market: str = "beauty",
        members: int = 4000,
        days: int = 180,
        history: int | None = None,
    ) -> Plan:
        """The plan of a strategy (itself, or by name with variations) in a market, with the default response."""
        config = market_config(market)
        values: dict[str, Any] = {"strategy": what if isinstance(what, Strategy) else read_strategy(what)}
        people = config.population
        behaviour = Behaviour(people.buying, people.drifting, people.spending)
        values |= {"response": config.response, "market": config.market, "population": behaviour}
        for path, value in self.changes.items():
            group, _, rest = path.partition(".")
            if group == "guard":
                group, rest = "strategy", path
            values[group] = changed(values[group], rest, value)
        founders = Founders(members, values["population"], history or people.history_days)
        return Plan(
            MONDAY, days, founders, values["market"], stages=people.stages, strategy=values["strategy"],
            response=values["response"], operated=True,
        )  # fmt: skip

    def worlds(
        self,
        what: Strategy | str,
        *,
        replications: int = 5,
        watch: Callable[[World], None] | None = None,
        **sizes: Any,
    ) -> list[Told]:
        """Replications of one strategy, lived to the end; watch: called with the world after every day."""
        plan = self.plan(what, **sizes)
        out: list[Told] = []
        for replication in range(replications):
            world = World(plan, SEED, replication)
            while world.day < plan.days:
                world.step()
                if watch is not None:
                    watch(world)
            out.append(Told(world, world.ledger()))
        return out

    def twins(
        self, first: Strategy | str, second: Strategy | str, measure: Callable[[Told], float], **sizes: Any
    ) -> "Effect":
        """The paired difference, second minus first, of a measure over the same replications."""
        a = [measure(told) for told in self.worlds(first, **sizes)]
        b = [measure(told) for told in self.worlds(second, **sizes)]
        return Effect(np.array(a, dtype=float), np.array(b, dtype=float))

    def effect(self, first: Sequence[Told], second: Sequence[Told], measure: Callable[[Told], float]) -> "Effect":
        """The same of worlds that are there already."""
        return Effect(np.array([measure(t) for t in first], float), np.array([measure(t) for t in second], float))


def changed(settings: Any, path: str, value: Any) -> Any:
    """Settings with one value changed, by dotted path. Errors: `AttributeError` for an unknown path."""
    name, _, rest = path.partition(".")
    if not is_dataclass(settings) or name not in {f.name for f in fields(settings)}:
        raise AttributeError(f"{type(settings).__name__} has no setting {name!r}")
    inner = changed(getattr(settings, name), rest, value) if rest else value
    return replace(copy.copy(settings), **{name: inner})  # pyright: ignore


@dataclass
class Effect:
    """A measure in twin worlds, one value a replication: the replication is the unit."""

    base: np.ndarray
    other: np.ndarray

    @property
    def mean(self) -> float:
        """The mean difference."""
        return float(np.mean(self.other - self.base))

    @property
    def error(self) -> float:
        """Its standard error."""
        return float(np.std(self.other - self.base, ddof=1) / math.sqrt(len(self.base)))

    @property
    def relative(self) -> float:
        """The mean difference as a share of the base's mean."""
        return self.mean / float(np.mean(self.base))

    def at_least(self, smallest: float) -> bool:
        """Whether the effect is at least `smallest`, a share of the base's mean (negative: at most), beyond noise.

        The mean must reach it, and a t test over replications must tell it from 0 at the level `FALSE_ALARM`: were
        there no effect, the test would see one with a smaller chance. Seeds are fixed, so the answer is fixed, too.
        """
        scale = abs(float(np.mean(self.base))) or 1.0
        sign = 1.0 if smallest > 0 else -1.0
        beyond = float(scipy.stats.t.ppf(1.0 - FALSE_ALARM, len(self.base) - 1))
        return sign * self.mean >= abs(smallest) * scale and sign * self.mean > beyond * self.error


def pooled(worlds: Sequence[Told], name: str) -> np.ndarray:
    """A metric by day, averaged over worlds."""
    return np.mean([told.metric(name) for told in worlds], axis=0)


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Lab:
    """The laboratory of one test, with the test's mechanism switched off under `--knockout`."""
    return Lab(knockout.active(request))


@pytest.fixture(name="lab")
def closed_lab(request: pytest.FixtureRequest) -> Lab:
    """The same where members bring nobody: for tests of those who are there, who must be the same in all twins."""
    return Lab({"market.joining.closed": True} | knockout.active(request))


__all__ = ["SEED", "Config", "Effect", "Lab", "Told", "closed_lab", "lab", "pooled", "posting", "strategy"]
