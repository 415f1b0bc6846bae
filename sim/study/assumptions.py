"""Which assumptions carry a comparison: move one at a time, and look how far the lead moves with it.

Most of the model's numbers are assumptions. Each is set lower and higher by a stated step, within its declared range,
in worlds with the same persons and the same luck as those in which all stand as assumed; so most luck drops out of
the shift. It is done twice. All are looked at with few replications, the best strategy against the runner-up.
Those that move the lead most are then lived again, under all strategies and with *other* luck: the largest of many
shifts is partly luck, and would look larger than it is.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting.metrics import KNOWN, NAMES, RESPONSE_NAMES, unit_of
from sim.engine import Plan
from sim.errors import InputError, nearest
from sim.settings import CompareConfig
from sim.strategy import Strategy
from sim.study.bands import errors_within
from sim.study.bridge import outcomes, told
from sim.study.calling import sign_of
from sim.study.ensemble import new_pool, run_one
from sim.study.forecast import Prepared, prepare
from sim.study.parts import keep, kept
from sim.units import Parameter, parameters

PER = 1000
"""Leads are told per so many members of day 0."""
HEAD = ["path", "meaning", "unit", "assumed", "end", "value"]
SHIFTS = [*HEAD, "shift", "low95", "high95", "lived_again"]
AGAIN = [*HEAD, "best", "rival", "lead", "low95", "high95", "shift", "shift_low95", "shift_high95", "verdict"]
OWN = "strategy."
"""Paths of what strategies themselves assume; all others are paths of the configuration."""

type Say = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Moved:
    """One assumption at one end of its step; assumed, value: of strategies' own, as `assumptions_of` says."""

    parameter: Parameter
    assumed: float
    end: str
    value: float


type World = tuple[Moved | None, str]
"""A world: which assumption is moved, if any, and whose strategy is lived."""


def value_at(settings: Any, path: str) -> Any:
    """The value of a setting by its dotted path."""
    for name in path.split("."):
        settings = getattr(settings, name)
    return settings


def with_value(settings: Any, path: str, value: Any) -> Any:
    """The same settings with another value at a dotted path."""
    name, _, rest = path.partition(".")
    return replace(settings, **{name: with_value(getattr(settings, name), rest, value) if rest else value})


def ends_of(parameter: Parameter, assumed: float, step: float) -> dict[str, float]:
    """Lower and higher than assumed by a share of it, within the declared range; no end that is as assumed."""
    found: dict[str, float] = {}
    for end, side in (("lower", -1.0), ("higher", 1.0)):
        value = min(max(assumed + side * step * abs(assumed), parameter.low), parameter.high)
        value = float(round(value)) if parameter.kind is int else float(f"{value:.6g}")
        if value != assumed and not (parameter.open_low and value <= parameter.low):
            found[end] = value
    return found


def assumptions_of(
    config: CompareConfig, strategies: Iterable[Strategy], unused: Sequence[str]
) -> dict[str, tuple[Parameter, float]]:
    """Numbers declared as assumptions, with their values, by path: those below `assumptions.among` (all, where it is
    empty) and not below `unused`; of strategies' own, those of levers that are on, as the first such strategy has it.
    """
    among = config.assumptions.among
    owners: dict[str, Strategy] = {}
    for strategy in strategies:
        for name in ("budget", *(name for name, _ in strategy.levers())):
            owners.setdefault(name, strategy)

    def below(path: str, groups: Iterable[str]) -> bool:
        return any(path == group or path.startswith(f"{group}.") for group in groups)

    found: dict[str, tuple[Parameter, float]] = {}
    for p in (*parameters(type(config)), *parameters(Strategy, OWN)):
        own = p.path.removeprefix(OWN)
        owner = config if own == p.path else owners.get(own.split(".")[0])
        weighed = p.about.confidence == "assumption" and p.kind in (int, float) and not below(p.path, unused)
        if weighed and owner is not None and (not among or below(p.path, among)):
            found[p.path] = p, float(value_at(owner, own))
    return found


def check_among(config: CompareConfig) -> None:
    """Errors: `InputError` where `assumptions.among` names what no assumption is, or stands below."""
    paths = [
        p.path
        for p in (*parameters(type(config)), *parameters(Strategy, OWN))
        if p.about.confidence == "assumption" and p.kind in (int, float)
    ]
    names = {path.rsplit(".", depth)[0] for path in paths for depth in range(path.count(".") + 1)}
    wrong = [entry for entry in config.assumptions.among if entry not in names]
    if wrong:
        raise InputError(f"assumptions.among: no assumption is called {wrong[0]!r}; {nearest(wrong[0], names)}")


def smaller(config: CompareConfig) -> CompareConfig:
    """The configuration with as many members as is said, in a market smaller by the same share."""
    members = min(config.assumptions.members or config.run.members, config.run.members)
    size = max(round(config.market.size * members / config.run.members), members)
    return replace(config, run=replace(config.run, members=members), market=replace(config.market, size=size))


@dataclass
class Outcomes:
    """What a world came to: all metrics at the end, int64 [replication, metric]."""

    values: np.ndarray


def lives(plan: Plan, seed: int, first: int, count: int) -> np.ndarray:
    """Outcomes of some replications of a world, int64 [replication, metric]."""
    return np.concatenate([outcomes(run_one(plan, seed, r)) for r in range(first, first + count)])


class Bench:
    """Worlds of a comparison under moved assumptions; kept in the folder `parts` when lived."""

    def __init__(
        self, config: CompareConfig, ready: Prepared, strategies: Mapping[str, Strategy], parts: Path | None
    ) -> None:
        self.config = config if ready.log is not None else smaller(config)
        self.ready, self.strategies, self.parts = ready, strategies, parts

    def plan(self, moved: Moved | None, name: str) -> Plan:
        """The plan of a world; what was learned from a log stays as it is. Errors: `InputError` if it cannot be."""
        config, strategy = self.config, self.strategies[name]
        if moved is not None:
            path = moved.parameter.path
            if path.startswith(OWN):
                path = path.removeprefix(OWN)
                own: float = value_at(strategy, path)
                ends = ends_of(moved.parameter, own, config.assumptions.step / 100.0)
                value = ends.get(moved.end, own)
                strategy = with_value(strategy, path, int(value) if moved.parameter.kind is int else value)
            else:
                config = with_value(config, path, int(moved.value) if moved.parameter.kind is int else moved.value)
        whole = config.under(strategy)
        whole.cross_check()
        if self.ready.log is None:
            return replace(prepare(whole).plan, operated=True)
        before = self.ready.plan
        market = replace(config.market, cycle_days=before.market.cycle_days, size=before.market.size)
        people = {"stages": config.population.stages, "response": config.response}
        return replace(before, market=market, strategy=strategy, operated=True, **people)

    def possible(self, moved: Moved) -> bool:
        """Whether an assumption can be moved so far with all others as they are."""
        try:
            for name in self.strategies:
                self.plan(moved, name)
        except InputError:
            return False
        return True

    def live(
        self, wanted: Iterable[World], first: int, count: int, say: Callable[[int, int], None]
    ) -> dict[World, np.ndarray]:
        """Outcomes at the end of each world, int64 [replication, metric]; first, count: whose replications' luck."""
        every = list(dict.fromkeys(wanted))
        out: dict[World, np.ndarray] = {}
        for world in every:
            found = kept(self._file(world, first, count), Outcomes) if self.parts else None
            if found is not None and len(found.values) == count:
                out[world] = found.values
        say(len(out), len(every))
        run = self.config.run
        with new_pool(run.processes, max(1, run.processes) * run.threads) as pool:
            jobs: dict[Future[np.ndarray], World] = {}
            try:
                for world in every:
                    if world not in out:
                        jobs[pool.submit(lives, self.plan(*world), run.seed, first, count)] = world
                for future in as_completed(jobs):
                    world = jobs[future]
                    out[world] = future.result()
                    if self.parts:
                        keep(self._file(world, first, count), Outcomes(out[world]))
                    say(len(out), len(every))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return out

    def _file(self, world: World, first: int, count: int) -> Path:
        moved, name = world
        at = None if moved is None else (moved.parameter.path, moved.value)
        text = json.dumps([at, asdict(self.strategies[name]), first, count], sort_keys=True)
        return (self.parts or Path()) / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.npz"


# ---------------------------------------------------------------------------- what moved how far


def examined(
    config: CompareConfig, ready: Prepared, strategies: Mapping[str, Strategy], call: Mapping[str, Any],
    unused: Sequence[str] = (), parts: Path | None = None, say: Say | None = None,
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:  # fmt: skip
    """Tables by file name, and what summary.json says; call: as `called`; unused: settings that a log replaces.

    assumptions.csv: every assumption that was moved, and the shift of the lead of the best over the runner-up (above
    0 in favour of the best) per `PER` members of day 0. assumptions_again.csv: those that move it most, lived again:
    who is best, the rival (the runner-up, or who is best instead), the lead over the rival, and the shift.
    """
    how, metric = config.assumptions, str(call["metric"])
    best, second = pair = str(call["best"]), str(call["runner_up"])
    place, sign = (NAMES + RESPONSE_NAMES).index(metric), sign_of(str(call["metric"]))
    bench = Bench(config, ready, strategies, parts)
    members = bench.plan(None, best).founders.count
    tell = say or (lambda what, done, of: None)
    among = assumptions_of(config, (strategies[best], strategies[second]), unused)
    possible: list[Moved] = []
    for parameter, assumed in among.values():
        every = [Moved(parameter, assumed, *end) for end in ends_of(parameter, assumed, how.step / 100.0).items()]
        possible += filter(bench.possible, every)

    def live(
        what: str, moved: Iterable[Moved | None], names: Sequence[str], first: int, count: int
    ) -> dict[Any, Any]:
        wanted = [(one, name) for one in moved for name in names]
        lived = bench.live(wanted, first, count, lambda done, of: tell(what, done, of))
        unit = sign * PER / members / unit_of(metric)
        return {world: (values, unit * values[:, place]) for world, values in lived.items()}

    def lead(lived: Mapping[World, Any], at: Moved | None, one: str, other: str) -> np.ndarray:
        return lived[at, one][1] - lived[at, other][1]

    every = [None, *possible]
    once = live("look which assumptions act", every, pair, 0, 1)
    acting = [m for m in possible if any((once[m, who][0] != once[None, who][0]).any() for who in pair)]
    more = live("move assumptions", [None, *acting], pair, 1, how.replications - 1)
    lived = {world: (None, np.concatenate([once[world][1], levels])) for world, (_, levels) in more.items()}
    rows: list[dict[str, Any]] = []
    sizes: dict[str, float] = {}
    spread: list[float] = []
    for moved in possible:
        shift = NOTHING
        if moved in acting:
            shifts = lead(lived, moved, *pair) - lead(lived, None, *pair)
            shift = interval(shifts)
            spread.append(float(shifts.var(ddof=1)))
        sizes[moved.parameter.path] = max(sizes.get(moved.parameter.path, 0.0), abs(shift["effect"]))
        rows.append(head_of(moved) | {"shift": shift["effect"], **limits(shift)})
    most = [path for path in sorted(sizes, key=lambda path: -sizes[path])[: how.most] if sizes[path] > 0.0]
    for row in rows:
        row["lived_again"] = row["path"] in most
    chosen = [moved for path in most for moved in acting if moved.parameter.path == path]
    again = [None, *chosen]
    lived = live("live again what moves most", again, [*strategies], how.replications, how.again)
    anew = [again_row(moved, {name: lived[moved, name][1] for name in strategies}, pair,
                      lead(lived, moved, *pair) - lead(lived, None, *pair)) for moved in again]  # fmt: skip
    noise = 0.0
    if spread:  # few replications tell little of the noise of one shift, but all together they do
        reach = errors_within(1 + len(spread) * (how.replications - 1))
        noise = float(reach * math.sqrt(np.mean(spread) / how.replications))
    moving = {moved.parameter.path for moved in possible}
    document = {
        "metric": metric, "unit": KNOWN[metric].unit, "per": PER, "best": best, "runner_up": second,
        "members": members, "replications": how.replications, "again": how.again, "step_pct": how.step,
        "among": list(how.among), "declared": len(among), "not_moved": [path for path in among if path not in moving],
        "acting": len({moved.parameter.path for moved in acting}), "noise": noise,
    }  # fmt: skip
    tables = {
        "assumptions.csv": pd.DataFrame(rows, columns=SHIFTS),
        "assumptions_again.csv": pd.DataFrame(anew, columns=AGAIN),
    }
    return tables, document


NOTHING = {"effect": 0.0, "low95": 0.0, "high95": 0.0}


def interval(values: np.ndarray) -> dict[str, float]:
    """Mean and 95 % interval over replications."""
    return told(values, 1.0)


def limits(numbers: Mapping[str, float], prefix: str = "") -> dict[str, float]:
    """The limits of an interval, as columns."""
    return {f"{prefix}{name}": numbers[name] for name in ("low95", "high95")}


def head_of(moved: Moved | None) -> dict[str, Any]:
    """The first columns of a row: which assumption, and where it was put; none: all stand as assumed."""
    if moved is None:
        return dict.fromkeys(HEAD[:3], "") | {"assumed": np.nan, "end": "as assumed", "value": np.nan}
    about = moved.parameter.about
    told = (moved.parameter.path, about.meaning.replace("`", ""), about.unit, moved.assumed, moved.end, moved.value)
    return dict(zip(HEAD, told, strict=True))


def again_row(
    moved: Moved | None, levels: Mapping[str, np.ndarray], pair: tuple[str, str], shift: np.ndarray
) -> dict[str, Any]:
    """A row of assumptions_again.csv; levels: by strategy, what is called, more being better, [replication]."""
    best, second = pair
    first = max(levels, key=lambda name: float(levels[name].mean()))
    rival = second if first == best else first
    lead, moves = interval(levels[best] - levels[rival]), interval(shift)
    told = {"best": first, "rival": rival, "lead": lead["effect"], **limits(lead)}
    told |= {"shift": moves["effect"], **limits(moves, "shift_")}
    return head_of(moved) | told | {"verdict": verdict(lead, moves)}


def verdict(lead: Mapping[str, float], shift: Mapping[str, float]) -> str:
    """What an assumption does to the result.

    flips: the best strategy is behind another, told apart from 0; open: it is not told apart from another;
    moves: it stays ahead, by another lead, told apart from what it was; holds: no shift is told apart from 0.
    """
    if lead["high95"] < 0.0:
        return "flips"
    if lead["low95"] <= 0.0:
        return "open"
    return "moves" if shift["low95"] > 0.0 or shift["high95"] < 0.0 else "holds"


__all__ = ["check_among", "examined"]
