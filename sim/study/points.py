"""Points of a parameter space: what a run may be varied by, and what comes out at one point.

A `Space` is spanned by axes, each a key of the configuration: levers (`strategy.*`, what the operator chooses),
uncertainties (`market.*`, `population.*`, `response.*`, `fit.*`, what nobody knows) and sizes of the run itself.
`Living` lives one point; `run_points` lives many on worker processes and hands out each answer as it comes. An answer
depends on the point alone: never on its place, on other points, or on how many processes are at work.
"""

import hashlib
import json
import math
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, lru_cache
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from operator import attrgetter
from typing import Any, Literal, cast

import numpy as np
from pydantic import TypeAdapter

from sim import rng
from sim.accounting.metrics import KNOWN, unit_of
from sim.engine import Plan
from sim.errors import InputError, nearest, nearest_path
from sim.settings import Config, Run, market_config
from sim.store import config_hash
from sim.strategy import read_strategy
from sim.study.compare import HEADLINES, under
from sim.study.ensemble import run_ensemble
from sim.study.forecast import Prepared, prepare
from sim.units import About, Parameter, checked, parameters

type Role = Literal["lever", "uncertainty", "size"]
type Point = Mapping[str, Any]
"""Values by key: what a configuration is varied by."""

ROLES: dict[str, Role] = {
    "strategy": "lever",
    "market": "uncertainty",
    "population": "uncertainty",
    "response": "uncertainty",
    "fit": "uncertainty",
    "run": "size",
}
"""What a key is, by the group that it stands in: chosen, unknown, or how much is run."""
SIZES = ("run.members", "run.days", "run.replications", "run.seed")
"""Keys of the run that change what comes out."""
OUTCOMES = tuple(name for name, _ in HEADLINES)
"""What is told of a point unless other metrics are asked for: the headlines of a comparison."""
WHOLE = {
    "strategy": About("", "the whole strategy, by name, with variations if need be: name:lever.key=value"),
    "market": About("", "the whole market with its members, by name"),
}
"""Groups that may be varied as a whole, by name."""


# ---------------------------------------------------------------------------- the space


@dataclass(frozen=True)
class Axis:
    """One direction of a space: a key, and the values that it takes.

    parameter: the key's declaration; low, high: the range that is explored, of a number; log: whether evenly in its
    logarithm; levels: the values themselves, of words and wherever they are listed (otherwise empty).
    """

    parameter: Parameter
    low: float = math.nan
    high: float = math.nan
    log: bool = False
    levels: tuple[Any, ...] = ()

    @property
    def path(self) -> str:
        """The key."""
        return self.parameter.path

    @property
    def role(self) -> Role:
        """Whether it is chosen, unknown, or the run's own."""
        return ROLES[self.path.split(".")[0]]

    def value(self, unit: float) -> Any:
        """The value at a place in [0, 1]: numbers by the range, whole numbers and levels in equal parts."""
        if self.levels:
            return self.levels[min(int(unit * len(self.levels)), len(self.levels) - 1)]
        whole = self.parameter.kind is int
        low, high = (self.low - 0.5, self.high + 0.5) if whole and not self.log else (self.low, self.high)
        if self.log:
            found = math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
        else:
            found = low + unit * (high - low)
        if whole:
            found = math.floor(found + 0.5)
        found = min(max(found, self.low), self.high)
        return int(found) if whole else found

    def unit(self, value: Any) -> float:
        """The place of a value in [0, 1]: the middle of its part, where values have parts.

        Errors: `InputError` where it lies outside the range or is none of the levels.
        """
        if self.levels:
            if value not in self.levels:
                raise InputError(f"{self.path}={value}: is none of {', '.join(map(str, self.levels))}")
            return (self.levels.index(value) + 0.5) / len(self.levels)
        if not self.low <= value <= self.high:
            raise InputError(f"{self.path}={value}: lies outside {self.low:g} to {self.high:g}")
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        if self.parameter.kind is int:
            return (value - self.low + 0.5) / (self.high - self.low + 1.0)
        return (value - self.low) / (self.high - self.low)

    def checked(self, value: Any) -> Any:
        """A value of this key in its type. Errors: `InputError`, in the words of a wrong configuration."""
        return fitting(self.parameter, value)


def fitting(parameter: Parameter, value: Any) -> Any:
    """A value that fits a declaration, in its type. Errors: `InputError`, in the words of a wrong configuration."""
    group, _, rest = parameter.path.partition(".")
    if not rest:  # a whole group, by name
        if not isinstance(value, str):
            raise InputError(f"{group}={value!r}: must be a name")
        return _whole(group, value) and value
    try:
        return _typed(parameter, value)
    except ValueError:
        pass
    try:
        complaint = _complaint(parameter.path, value)
    except TypeError:  # not even hashable
        complaint = f"{parameter.path}={value!r}: must be a single value ({parameter.about.meaning})"
    raise InputError(complaint)


def fitted(parameter: Parameter, value: Any) -> Any:
    """A value in its type where it fits a declaration, else as it stands; what is wrong with it is not looked for."""
    try:
        return _typed(parameter, value) if "." in parameter.path else fitting(parameter, value)
    except (ValueError, InputError):
        return value


def _typed(parameter: Parameter, value: Any) -> Any:
    """A value of a single key in its type. Errors: `ValueError` where it does not fit."""
    if isinstance(value, int | float) and not isinstance(value, bool) and parameter.kind is str:
        value = str(value)
    if isinstance(value, bool) != (parameter.kind is bool):
        raise ValueError
    return _adapter(parameter.path).validate_python(value)


@lru_cache(maxsize=1024, typed=True)
def _complaint(path: str, value: Any) -> str:
    """What is wrong with a value, in the words of a wrong configuration."""
    nested: Any = value
    for part in reversed(path.split(".")):
        nested = {part: nested}
    try:
        checked(Config, nested)
    except InputError as wrong:
        return str(wrong)
    return f"{path}={value!r}: must be true or false ({known_axes()[path].about.meaning})"


@lru_cache(maxsize=1024)
def _adapter(path: str) -> TypeAdapter[Any]:
    return TypeAdapter(known_axes()[path].hint)


@lru_cache(maxsize=1)
def known_axes() -> dict[str, Parameter]:
    """Every key that may be varied: of strategy, market, population, response and fit; sizes; wholes by name."""
    out = {
        parameter.path: parameter
        for parameter in parameters(Config)
        if (parameter.path.split(".")[0] in ROLES and not parameter.path.startswith("run."))
        or parameter.path in SIZES
    }
    for name in ("strategy.name", "market.name", "population.name"):
        del out[name]  # a label changes nothing
    wholes = {name: Parameter(name, "", math.nan, math.nan, False, about, str) for name, about in WHOLE.items()}
    return wholes | out


def declared(path: str) -> Parameter:
    """The declaration of a key. Errors: `InputError` naming the nearest, where there is no such key to vary."""
    known = known_axes()
    if path not in known:
        raise InputError(f"{path}: there is no such key to vary; {nearest_path(path, known)}")
    return known[path]


def range_axis(path: str, given: Any = None) -> Axis:
    """The axis of a key that is explored over a range.

    given: empty for the declared range or all words; [low, high] for a number; a list of words; or {low, high, log}.
    Errors: `InputError` naming the key.
    """
    parameter = declared(path)
    number = parameter.kind in (int, float)
    if given is None and not number:
        levels = parameter.words or ((False, True) if parameter.kind is bool else ())
        if not levels:
            raise InputError(f"{path}: list the values that it takes, {path}: [a, b]")
        return Axis(parameter, levels=levels)
    if not number:
        return levels_axis(path, given)
    log = False
    if isinstance(given, Mapping):
        extra = set(given) - {"low", "high", "log"}
        if extra:
            raise InputError(f"{path}: a range has low, high and log, not {', '.join(sorted(map(str, extra)))}")
        log = bool(given.get("log", False))
        given = [given.get("low", parameter.low), given.get("high", parameter.high)]
    if given is None:
        given = [parameter.low, parameter.high]
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        raise InputError(f"{path}={given}: a range is [low, high]")
    low, high = (limit if isinstance(limit, float) and math.isinf(limit) else fitting(parameter, limit)
                 for limit in _opened(parameter, given))  # fmt: skip
    if low is None or high is None or math.isinf(low) or math.isinf(high):
        raise InputError(f"{path}: has no limits of its own; give a range, {path}: [low, high]")
    if low > high:
        raise InputError(f"{path}=[{low:g}, {high:g}]: the low end lies above the high one")
    if low == high:
        raise InputError(f"{path}=[{low:g}, {high:g}]: the range is empty; set {path}={low:g} in its place")
    if log and low <= 0:
        raise InputError(f"{path}=[{low:g}, {high:g}]: a logarithmic range must lie above 0")
    return Axis(parameter, float(low), float(high), log)


def _opened(parameter: Parameter, given: Sequence[Any]) -> list[Any]:
    """Limits, where a declared low end that is itself not allowed gives way to the next number."""
    low, high = given
    if parameter.open_low and low == parameter.low:
        low = 1 if parameter.kind is int else (math.nextafter(low, math.inf) if low else high * 1e-6)
    return [int(x) if parameter.kind is int and isinstance(x, float) and x == int(x) else x for x in (low, high)]


def levels_axis(path: str, given: Any) -> Axis:
    """The axis of a key that takes listed values. Errors: `InputError` naming the key."""
    parameter = declared(path)
    listed = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not listed:
        raise InputError(f"{path}=[]: the list is empty; give the values that it takes, {path}: [a, b]")
    return Axis(parameter, levels=tuple(fitting(parameter, value) for value in listed))


@lru_cache(maxsize=256)
def _whole(group: str, name: str) -> Any:
    """A whole group by name: a strategy, or the config that a market stands for."""
    return read_strategy(name, "strategy") if group == "strategy" else market_config(name)


def varied(config: Config, point: Point) -> Config:
    """A configuration with the values of a point in their places, and not yet cross-checked.

    A whole strategy or market comes first, so that single keys of it vary what it says.
    """
    out = config
    for path in sorted(point, key=lambda path: "." in path):
        group, _, rest = path.partition(".")
        if rest:
            out = _replaced(out, path.split("."), point[path])
        elif group == "strategy":
            out = replace(out, strategy=_whole(group, point[path]))
        else:
            named = _whole(group, point[path])
            out = replace(out, market=named.market, population=named.population)
    return out


def _replaced(settings: Any, path: list[str], value: Any) -> Any:
    name, *rest = path
    inner = _replaced(getattr(settings, name), rest, value) if rest else value
    return replace(settings, **{name: inner})


@dataclass(frozen=True)
class Space:
    """Axes around a base: what is varied, and what all points share."""

    base: Config
    axes: tuple[Axis, ...]

    @classmethod
    def over(cls, base: Config, ranges: Mapping[str, Any]) -> "Space":
        """The space of keys and their ranges, see `range_axis`. Errors: `InputError`, all wrong keys at once."""
        axes, wrong = [], []
        for path, given in ranges.items():
            try:
                axes.append(range_axis(path, given))
            except InputError as problem:
                wrong.append(str(problem))
        if wrong:
            raise InputError("\n".join(wrong))
        return cls(base, tuple(axes))

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The keys, in order."""
        return tuple(axis.path for axis in self.axes)

    @property
    def levers(self) -> tuple[Axis, ...]:
        """What the operator chooses."""
        return tuple(axis for axis in self.axes if axis.role == "lever")

    @property
    def uncertainties(self) -> tuple[Axis, ...]:
        """What nobody knows."""
        return tuple(axis for axis in self.axes if axis.role == "uncertainty")

    def point(self, units: Sequence[float] | np.ndarray) -> dict[str, Any]:
        """The point at a place in the unit cube."""
        return {axis.path: axis.value(float(unit)) for axis, unit in zip(self.axes, units, strict=True)}

    def units(self, point: Point) -> np.ndarray:
        """The place of a point in the unit cube, float64 [axis]. Errors: `InputError` where it lies outside."""
        return np.array([axis.unit(point[axis.path]) for axis in self.axes])

    @property
    def sleeping(self) -> list[str]:
        """Keys that change nothing, because what they belong to is off in the base and no axis switches it on."""
        return [path for path in self.paths if (switch := _switch_of(path)) and self._off(switch)]

    def _off(self, switch: str) -> bool:
        whole = switch.split(".")[0]
        off = attrgetter(switch)(self.base) in (False, "none")
        return off and switch not in self.paths and whole not in self.paths


def _switch_of(path: str) -> str:
    """The key that switches on what a key belongs to; empty where it needs none."""
    group, _, rest = path.partition(".")
    part = rest.partition(".")[0]
    switches = {"market.season": "market.season.index", "market.calendar": "market.calendar.festivals"}
    switch = f"{group}.{part}.on" if group == "strategy" else switches.get(f"{group}.{part}", "")
    return switch if switch in known_axes() and switch != path else ""


# ---------------------------------------------------------------------------- living a point


@dataclass(frozen=True)
class Task:
    """A validated point, ready to be lived. error: what is wrong with it, where it cannot be."""

    index: int
    point: Point
    config_hash: str
    seed: int
    error: str = ""


@dataclass(frozen=True)
class Answer:
    """What came out at a point: the outcomes in each replication, float64 [replication], by name; or an error."""

    task: Task
    values: Mapping[str, np.ndarray]
    error: str = ""
    seconds: float = 0.0

    @property
    def done(self) -> bool:
        """Whether it was lived."""
        return not self.error

    def means(self) -> dict[str, float]:
        """The mean of each outcome over replications."""
        return {name: float(values.mean()) for name, values in self.values.items()}

    def errors(self) -> dict[str, float]:
        """The Monte Carlo standard error of each mean; not a number where there is a single replication."""
        return {
            name: float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
            for name, values in self.values.items()
        }


type Seeds = Literal["common", "independent"]


@dataclass(frozen=True)
class Living:
    """How points are lived: the injectable model of a sweep, called with a task, `Living(...)(task)`.

    base: what all points share; outcomes: columns of daily.parquet; since: flows are summed from this day on (stocks
    are levels at the end); seeds: `common` gives all points the run's seed, so that they differ by their parameters
    and not by luck; `independent` gives each a seed of its own, from the run's seed and the point's content.
    """

    base: Config
    outcomes: tuple[str, ...] = OUTCOMES
    since: int = 0
    seeds: Seeds = "common"

    def __post_init__(self) -> None:
        for name in self.outcomes:
            if name not in KNOWN:
                raise InputError(f"outcomes: there is no metric {name!r}; {nearest(name, KNOWN)}")

    def config(self, point: Point) -> Config:
        """The configuration at a point, checked. Errors: `InputError`."""
        config = varied(self.base, {path: fitting(declared(path), value) for path, value in point.items()})
        config.cross_check()
        days = config.run.days
        if days is not None and days <= self.since:
            raise InputError(f"run.days={days}: outcomes are counted from day {self.since} on; nothing would be left")
        if self.seeds == "independent":
            config = replace(config, run=replace(config.run, seed=point_seed(config.run.seed, point)))
        return config

    def task(self, index: int, point: Point) -> Task:
        """A point, validated: nothing is run. A point that cannot be lived says why in `error`."""
        try:
            config = self.config(point)
        except InputError as wrong:
            return Task(index, point, "", self.base.run.seed, str(wrong))
        return Task(index, point, config_hash(asdict(config), _inputs(self.base)), config.run.seed)

    def __call__(self, task: Task) -> dict[str, np.ndarray]:
        """Live the replications of a point: each outcome in its reported unit (money in CNY), [replication].

        Whoever does nothing counts as an operator too, as in a comparison, so that all points have all metrics.
        """
        config = self.config(task.point)
        run = config.run
        lived = run_ensemble(plan_of(config), run.seed, run.replications, threads=run.threads)
        return {name: at_the_end(lived.metric(name), name, self.since) for name in self.outcomes}


def at_the_end(daily: np.ndarray, name: str, since: int = 0) -> np.ndarray:
    """An outcome in its reported unit, float64 [replication], from int64 [replication, day]."""
    total = daily[:, since:].sum(axis=1) if KNOWN[name].kind == "flow" else daily[:, -1]
    return total / unit_of(name)


def point_seed(seed: int, point: Point) -> int:
    """A seed in [0, 2^63) of a point's own, by what it says and not by where it stands."""
    text = json.dumps(point, sort_keys=True, separators=(",", ":"))
    key = np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))
    first, _ = rng.bits(np.uint64(rng.stream(seed, 0)), key, rng.POINT_SEED, 0)
    return int(first) >> 1


def plan_of(config: Config) -> Plan:
    """The plan of a configuration; a log is read and fitted once for all points that differ by other things."""
    if config.data.source == "none":
        return under(prepare(config).plan, config.strategy)
    ready = _fitted(_fit_key(config))
    return replace(under(ready.plan, config.strategy), response=config.response, stages=config.population.stages)


def _fit_key(config: Config) -> Config:
    """What a fit depends on: the rest as it is by default."""
    plain = Config()
    run = Run(days=config.run.days)
    return replace(config, run=run, strategy=plain.strategy, response=plain.response, population=plain.population)


@lru_cache(maxsize=8)
def _fitted(config: Config) -> Prepared:
    return prepare(config)


def _inputs(config: Config) -> dict[str, str]:
    return {} if config.data.source == "none" else _fitted(_fit_key(config)).inputs


# ---------------------------------------------------------------------------- many points

type Model = Callable[[Task], Mapping[str, np.ndarray]]
"""Lives a task; it must be picklable, since workers are processes of their own."""


def answer(model: Model, task: Task) -> Answer:
    """The answer at a point: an error of any kind is an answer too."""
    if task.error:
        return Answer(task, {}, task.error)
    began = time.perf_counter()
    try:
        values = model(task)
    except InputError as wrong:
        return Answer(task, {}, str(wrong), time.perf_counter() - began)
    except Exception as wrong:
        return Answer(task, {}, f"{type(wrong).__name__}: {wrong}", time.perf_counter() - began)
    return Answer(task, values, "", time.perf_counter() - began)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_points(model: Model, tasks: Iterable[Task], workers: int = 1) -> Iterator[Answer]:
    """Live tasks on worker processes, and hand out each answer as it comes, in no promised order.

    Tasks are taken as workers become free, so that a long series is never held in memory. With one worker all is done
    in this process. A worker that dies (out of memory, say) costs the point that it was at, which is answered by an
    error; another worker takes its place.
    """
    if workers <= 1:
        for task in tasks:
            yield answer(model, task)
        return
    waiting = iter(tasks)
    crew: dict[Connection, _Worker] = {}
    try:
        for task in waiting:
            crew_member = _Worker(model)
            crew_member.give(task)
            crew[crew_member.pipe] = crew_member
            if len(crew) == workers:
                break
        while crew:
            for pipe in cast("list[Connection]", wait(list(crew))):
                worker = crew[pipe]
                found = worker.take()
                if found.error == _DIED:
                    crew.pop(pipe).stop()
                    worker = _Worker(model)
                    crew[worker.pipe] = worker
                task = next(waiting, None)
                if task is None:
                    crew.pop(worker.pipe).stop()
                else:
                    worker.give(task)
                yield found
    finally:
        for worker in crew.values():
            worker.stop()


_DIED = "the process that lived it died, perhaps for want of memory"


class _Worker:
    """A process that lives one task after the other."""

    def __init__(self, model: Model) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(theirs, model), daemon=True)
        self.process.start()
        theirs.close()
        self.task: Task | None = None

    def give(self, task: Task) -> None:
        """Let it live a task."""
        self.task = task
        self.pipe.send(task)

    def take(self) -> Answer:
        """Its answer; if it is dead, one that says so."""
        assert self.task is not None
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            return Answer(self.task, {}, _DIED)

    def stop(self) -> None:
        """End it, whatever it is at."""
        self.pipe.close()
        self.process.terminate()
        self.process.join()


def _serve(pipe: Connection, model: Model) -> None:
    """What a worker does until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever interrupts speaks to the parent, who ends us
    while True:
        try:
            task = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            pipe.send(answer(model, task))
        except OSError:
            return
