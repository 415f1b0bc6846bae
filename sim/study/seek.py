"""`seek`: the smallest change of one lever that reaches a target.

All values of the lever are lived by the same persons with the same luck, so that few replications tell them apart.
The search asks nothing of the response, which may rise, fall or have a hump: it scans the lever's range coarsely on
few replications, denser near the present value; tries what looks promising in full, nearest first; and halves the
interval between the last value that does not reach the target and the first that does. What lies between two values
of the scan is not seen where neither of them nor the way between looks promising.
"""

import datetime as dt
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from sim.accounting.metrics import KNOWN, unit_of
from sim.engine import Plan
from sim.errors import InputError, nearest
from sim.report.material import effect_words
from sim.report.seek import sentences
from sim.settings import SeekConfig, SeekSettings, named_groups
from sim.store import RunFolder, config_hash, content_hash
from sim.strategy import Strategy
from sim.study import calling
from sim.study.bands import errors_within
from sim.study.compare import headlines, paired, to_date, too_few, under
from sim.study.ensemble import BATCH, Ensemble, run_ensemble
from sim.study.forecast import (
    Outcome,
    Prepared,
    Progress,
    currency,
    default_name,
    parameters_document,
    prepare,
    reading,
    stage_limits,
)
from sim.study.targets import breaks, chance, course, described, goals_of, levels_of
from sim.targets import Ceiling, Goals, Target, entry
from sim.units import Parameter, checked, parameters

REPLICATIONS = 30
FINE = 50
"""The answer is closed in on to this part of the change that it asks for; whole levers to the next number."""
HALVINGS = 12
PEAK_STEPS = 4
"""How often the neighbourhood of the best value is halved where nothing that was tried reaches the target."""
HUGE = 1000.0
"""A range this many times as wide as the present value is large needs to be said."""


# ---------------------------------------------------------------------------- the search


@dataclass(frozen=True)
class Reading:
    """What one value of the lever came to: levels float64 [replication] of the metric on the due day; broken: bool
    [replication, ceiling]; ends: int64 [replication, metric] of all metrics at the end (empty where not needed)."""

    levels: np.ndarray
    broken: np.ndarray
    ends: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))


type Evaluate = Callable[[float, int], Reading]
"""Lives one value of the lever so many times, replication r with the same luck at every value."""


@dataclass(frozen=True)
class Lever:
    """What is turned: the present value, the values that may be tried, and whether they are whole numbers."""

    present: float
    low: float
    high: float
    whole: bool = False

    def grid(self, count: int) -> list[float]:
        """Values on either side of the present one, each half as far from it as the next, nearest first."""
        ways = [end - self.present for end in (self.low, self.high)]
        tried = {self.tidy(self.present + way * 0.5**k, abs(way) * 0.5**k) for way in ways for k in range(count)}
        return sorted(tried - {self.present}, key=lambda value: (abs(value - self.present), value))

    def tidy(self, value: float, width: float) -> float:
        """A value with no more digits than a step of this width needs, within the range; whole where it must be."""
        if self.whole:
            return float(min(max(round(value), math.ceil(self.low)), math.floor(self.high)))
        digits = 2 - math.floor(math.log10(width)) if width > 0 else 12
        return min(max(round(value, digits), self.low), self.high)


@dataclass(frozen=True)
class Aim:
    """What is to be reached: a level, on average or in a share of futures; sign: 1 for a floor, -1 for a roof."""

    value: float
    sign: float = 1.0
    chance: float | None = None

    def limits(self, found: Reading) -> tuple[float, float, float]:
        """How far beyond the aim a reading is (0: just reached), and the 95 % limits of that."""
        margin = self.sign * (found.levels - self.value)
        margin = np.where(np.isfinite(margin), margin, -np.inf)
        if self.chance is not None:
            hits = np.array((margin >= 0.0).sum(), dtype=float)
            low, high = calling.wilson(hits, len(margin))
            return float(hits / len(margin) - self.chance), float(low - self.chance), float(high - self.chance)
        if not np.isfinite(margin).all():
            return -math.inf, -math.inf, -math.inf
        mean, error = float(margin.mean()), float(margin.std(ddof=1)) / math.sqrt(len(margin))
        reach = errors_within(len(margin)) * error
        return mean, mean - reach, mean + reach

    @property
    def tolerated(self) -> float:
        """The share of futures that may break a ceiling."""
        return 0.5 if self.chance is None else 1.0 - self.chance


@dataclass(frozen=True)
class Found:
    """What a search came to.

    status: `already` (the present value reaches it), `reached`, `beyond` (nothing within the range does); value: the
    answer, or the best that was tried; near, far: the values between which chance leaves it, None where open; before:
    the last value that does not reach it; beyond: the next value of the scan on the far side, where there is one, and
    whether it reaches it as well.
    """

    status: str
    value: float
    before: float | None = None
    near: float | None = None
    far: float | None = None
    beyond: float | None = None
    beyond_reaches: bool | None = None


class Search:
    """One search; every value is lived once, on `few` replications and, where it matters, on `many`."""

    def __init__(
        self, evaluate: Evaluate, lever: Lever, aim: Aim, few: int, many: int, scan: int,
        say: Callable[[str, int, int], None] = lambda what, done, of: None,
    ) -> None:  # fmt: skip
        self.evaluate, self.lever, self.aim = evaluate, lever, aim
        self.few, self.many, self.say = min(few, many), many, say
        self.grid = lever.grid(scan)
        self.tried: dict[float, Reading] = {}
        self.closing = 0

    def full(self, value: float) -> Reading:
        """A value on all replications."""
        if value not in self.tried or len(self.tried[value].levels) < self.many:
            self.closing += 1
            self.say("close in", self.closing, self.closing + 1)
            self.tried[value] = self.evaluate(value, self.many)
        return self.tried[value]

    def quick(self, value: float) -> Reading:
        """A value on few replications, or on as many as it was lived."""
        if value not in self.tried:
            self.tried[value] = self.evaluate(value, self.few)
        return self.tried[value]

    def keeps(self, found: Reading) -> bool:
        """Whether no ceiling is broken more often than is tolerated."""
        return bool((found.broken.mean(axis=0) <= self.aim.tolerated).all()) if found.broken.size else True

    def reaches(self, value: float, guarded: bool) -> bool:
        """Whether a value reaches the aim and, if asked, keeps all ceilings; on all replications."""
        found = self.full(value)
        return self.aim.limits(found)[0] >= 0.0 and (not guarded or self.keeps(found))

    def promising(self, value: float, guarded: bool) -> bool:
        """Whether a value may reach the aim, as far as few replications tell."""
        found = self.quick(value)
        if self.aim.limits(found)[2] < 0.0:
            return False
        if not guarded or not found.broken.size:
            return True
        low, _ = calling.wilson(found.broken.sum(axis=0).astype(float), len(found.broken))
        return bool((low <= self.aim.tolerated).all())

    def run(self, guarded: bool = False) -> Found:
        """The value nearest to the present one that reaches the aim; guarded: and breaks no ceiling."""
        present = self.lever.present
        if self.reaches(present, guarded):
            return Found("already", present)
        for done, value in enumerate(self.grid):
            self.say("scan", done, len(self.grid))
            self.quick(value)
        self.say("scan", len(self.grid), len(self.grid))
        bracket = self.bracket(guarded) or (None if guarded else self.peak())
        if bracket is None:
            return Found("beyond", max(self.tried, key=lambda value: self.aim.limits(self.tried[value])[0]))
        before, value = self.closed(*bracket, guarded)
        beyond = next((v for v in self.grid if (v - value) * (value - self.lever.present) > 0.0), None)
        reaches = None if beyond is None else self.reaches(beyond, guarded)
        return Found("reached", value, before, *self.within(value), beyond, reaches)

    def bracket(self, guarded: bool) -> tuple[float, float] | None:
        """The nearest values, from the scan on, of which the inner does not reach the aim and the outer does."""
        best: tuple[float, float] | None = None
        present = self.lever.present
        for way in (-1.0, 1.0):
            inner = present
            for value in (v for v in self.grid if way * (v - present) > 0.0):
                if best is not None and abs(inner - present) >= abs(best[1] - present):
                    break
                if self.promising(value, guarded) and self.reaches(value, guarded):
                    before, value = self.closed(inner, value, guarded)
                    if best is None or abs(value - present) < abs(best[1] - present):
                        best = before, value
                    break
                inner = value
        return best

    def closed(self, before: float, value: float, guarded: bool) -> tuple[float, float]:
        """The same two values closed in on each other."""
        for _ in range(HALVINGS):
            width = abs(value - before)
            if width <= (1.0 if self.lever.whole else abs(value - self.lever.present) / FINE):
                break
            middle = self.lever.tidy((before + value) / 2.0, width / 2.0)
            if middle in (before, value):
                break
            if self.reaches(middle, guarded):
                value = middle
            else:
                before = middle
        return before, value

    def peak(self) -> tuple[float, float] | None:
        """A value between those of the scan that reaches the aim, and its neighbour that does not: the way up to the
        best of them is halved from both sides. None where it does not reach it either."""
        places = sorted([self.lever.present, *self.grid])

        def height(value: float) -> float:
            return self.aim.limits(self.full(value))[0]

        best = max(places, key=lambda value: self.aim.limits(self.quick(value))[0])
        at = places.index(best)
        sides = [places[at - 1] if at else best, places[min(at + 1, len(places) - 1)]]
        for _ in range(PEAK_STEPS):
            for place, side in enumerate(sides):
                middle = self.lever.tidy((best + side) / 2.0, abs(best - side) / 2.0)
                if middle in (best, side):
                    continue
                if height(middle) > height(best):
                    sides[1 - place], best = best, middle
                else:
                    sides[place] = middle
                if height(best) >= 0.0:
                    inner = min(sides, key=lambda value: abs(value - self.lever.present))
                    return inner, best
        return None

    def within(self, value: float) -> tuple[float | None, float | None]:
        """The values between which Monte Carlo noise leaves the answer: where the upper and where the lower 95 %
        limit of how far beyond the aim one is crosses 0, between values that were lived in full."""
        present = self.lever.present
        way = 1.0 if value > present else -1.0
        lived = [v for v in self.tried if len(self.tried[v].levels) >= self.many and way * (v - present) >= 0.0]
        places = sorted(lived, key=lambda v: abs(v - present))
        limits = np.array([self.aim.limits(self.tried[v]) for v in places])
        at = places.index(value)
        near = first_above(places[: at + 1], limits[: at + 1, 2])
        return near, first_above(places[max(at - 1, 0) :], limits[max(at - 1, 0) :, 1])


def first_above(places: Sequence[float], heights: np.ndarray) -> float | None:
    """Where a line through points first comes up to 0, None where it does not."""
    if heights[0] >= 0.0:
        return places[0]
    for n in range(1, len(places)):
        if heights[n] >= 0.0:
            part = heights[n - 1] / (heights[n - 1] - heights[n]) if np.isfinite(heights[n - 1]) else 1.0
            return float(places[n - 1] + part * (places[n] - places[n - 1]))
    return None


# ---------------------------------------------------------------------------- what is asked


@dataclass(frozen=True)
class Sought:
    """A validated search, ready to go: nothing has been written yet."""

    config: SeekConfig
    ready: Prepared
    about: Parameter
    lever: Lever
    target: Target
    goals: Goals

    @property
    def hash(self) -> str:
        """The hash of everything that changes results."""
        return config_hash(asdict(self.config), self.ready.inputs)

    @property
    def aim(self) -> Aim:
        """What is to be reached, in numbers."""
        return Aim(self.target.value, self.target.sign, self.config.seek.chance)

    def plan(self, value: float) -> Plan:
        """The run with the lever at a value."""
        return under(self.ready.plan, turned(self.config.strategy, self.about.path, self.typed(value)))

    def typed(self, value: float) -> float | int:
        """A value as the lever takes it."""
        return int(value) if self.lever.whole else value


def turned(strategy: Strategy, path: str, value: Any) -> Strategy:
    """A strategy with one setting at another value."""

    def inner(settings: Any, names: list[str]) -> Any:
        first, *rest = names
        new = inner(getattr(settings, first), rest) if rest else value
        return replace(settings, **{first: new})

    return inner(strategy, path.split("."))


def lever_of(seek: SeekSettings, strategy: Strategy) -> tuple[Parameter, Lever]:
    """The setting that is turned, and over which values. Errors: `InputError` that names the key."""
    known = {p.path: p for p in parameters(Strategy) if p.kind in (int, float)}
    if seek.lever is None:
        raise InputError("seek.lever: which number is turned? for instance seek.lever=messaging.per_week")
    about = known.get(seek.lever.removeprefix("strategy."))
    if about is None:
        raise InputError(f"seek.lever={seek.lever}: there is no number {seek.lever!r} in a strategy; "
                         f"{nearest(seek.lever, known)}")  # fmt: skip
    group, _, _ = about.path.partition(".")
    lever = getattr(strategy, group)
    if is_dataclass(lever) and not getattr(lever, "on", True):
        raise InputError(f"seek.lever={about.path}: {group} is off in {strategy.name}, so that turning it changes "
                         f"nothing; set strategy.{group}.on=true")  # fmt: skip
    present: Any = strategy
    for name in about.path.split("."):
        present = getattr(present, name)
    if present is None:
        raise InputError(f"seek.lever={about.path}: is empty in {strategy.name}; set strategy.{about.path}=...")
    low, high = (about.low if seek.low is None else seek.low), (about.high if seek.high is None else seek.high)
    for key, end, value in (("low", "below", low), ("high", "above", high)):
        outside = value < about.low or value > about.high or (about.open_low and value <= about.low)
        if getattr(seek, key) is not None and outside:
            raise InputError(f"seek.{key}={value:g}: {about.path} lies in {about.range} {about.about.unit}".rstrip())
        if not math.isfinite(value) or abs(value - present) > HUGE * max(abs(present), 1.0):
            raise InputError(f"seek.lever={about.path}: its range {about.range} is too wide to search {end} the "
                             f"present {present:g}; set seek.{key}")  # fmt: skip
    if about.open_low and low == about.low:
        low += (present - low) / 100.0
    if not low <= present <= high or low == high:
        raise InputError(f"seek.low={low:g} and seek.high={high:g}: must be two values with the present one, "
                         f"{about.path}={present:g}, among them")  # fmt: skip
    return about, Lever(float(present), float(low), float(high), about.kind is int)


def target_of(seek: SeekSettings, strategy: Strategy) -> Target:
    """What is to be reached: said outright, or a target of the strategy. Errors: `InputError`."""
    if seek.metric is not None and seek.value is not None:
        said = {"metric": seek.metric, "value": seek.value, "at": seek.at, "day": seek.day}
        return entry(Target, "seek.metric", 1, said)
    if seek.metric is not None:
        entry(Target, "seek.metric", 1, {"metric": seek.metric, "value": 0.0})
    own = [target for target in strategy.targets if seek.metric in (None, target.metric)]
    if not own:
        about = "no target" if seek.metric is None else f"no target on {seek.metric}"
        raise InputError(f"seek.value: {strategy.name} states {about}; set seek.metric=members seek.value=12000, or "
                         "strategy.targets")  # fmt: skip
    said = {key: value for key in ("value", "day", "at") if (value := getattr(seek, key)) is not None}
    return replace(own[0], **said)


def prepare_seek(config: SeekConfig) -> Sought:
    """Check a search, read and fit a log once. Errors: `InputError`."""
    seek, strategy = config.seek, config.strategy
    about, lever = lever_of(seek, strategy)
    target = target_of(seek, strategy)
    config.under(strategy).cross_check()
    for key, value in (("low", lever.low), ("high", lever.high)):
        try:
            turned(strategy, about.path, int(value) if lever.whole else value).cross_check()
        except InputError as wrong:
            raise InputError(f"seek.{key}: {about.path} cannot be {value:g} here: {wrong}") from None
    ready = prepare(config.under(strategy))
    goals = goals_of(replace(strategy, targets=(target,)), ready.plan.days, True, "seek, ")
    return Sought(config, ready, about, lever, goals.targets[0], goals)


# ---------------------------------------------------------------------------- living


class Lives:
    """Lives values of the lever, each replication once; what is wanted of them is kept, not they themselves."""

    def __init__(self, sought: Sought, parts: Path | None) -> None:
        self.sought, self.parts = sought, parts
        self.read: dict[float, Reading] = {}
        self.names: tuple[str, ...] = ()

    def __call__(self, value: float, count: int) -> Reading:
        """So many replications of a value."""
        before, run = self.read.get(value), self.sought.config.run
        since = 0 if before is None else len(before.levels)
        if before is None or since < count:
            lived = run_ensemble(
                self.sought.plan(value), run.seed, count, threads=run.threads, processes=run.processes,
                parts=self.parts and self.parts / f"{value:.12g}", since=since,
            )  # fmt: skip
            self.names = lived.names
            more = read_off(lived, self.sought.target, self.sought.goals.ceilings)
            self.read[value] = more if before is None else Reading(
                *(np.concatenate([getattr(before, f.name), getattr(more, f.name)]) for f in fields(Reading))
            )  # fmt: skip
        return self.read[value]


def read_off(ensemble: Ensemble, target: Target, ceilings: Sequence[Ceiling]) -> Reading:
    """What a search wants of an ensemble."""
    levels = course(ensemble, target.metric)[:, target.day]
    broken = [breaks(course(ensemble, ceiling.metric), ceiling).any(axis=1) for ceiling in ceilings]
    shape = (len(levels), len(broken))
    return Reading(
        levels, np.stack(broken, axis=1) if broken else np.zeros(shape, dtype=bool), to_date(ensemble)[:, -1]
    )


@dataclass(frozen=True)
class Answer:
    """A finished search: the nearest value that reaches the target, and, where that breaks a ceiling, the nearest
    that breaks none."""

    search: Search
    plain: Found
    guarded: Found | None

    @property
    def found(self) -> Found:
        """The answer that is given."""
        better = self.guarded is not None and self.guarded.status == "reached"
        return cast("Found", self.guarded) if better else self.plain


def searched(sought: Sought, lives: Evaluate, say: Progress) -> Answer:
    """Search, and search again under the ceilings where the first answer breaks one."""
    run = sought.config.run
    search = Search(lives, sought.lever, sought.aim, BATCH, run.replications, sought.config.seek.scan, say)
    plain = search.run()
    broken = plain.status == "reached" and not search.keeps(search.full(plain.value))
    guarded = search.run(guarded=True) if broken else None
    search.full(sought.lever.present)
    search.full((guarded if guarded is not None and guarded.status == "reached" else plain).value)
    say("close in", search.closing, search.closing)
    return Answer(search, plain, guarded)


def run_seek(config: SeekConfig, root: Path, progress: Progress | None = None) -> Path:
    """Run a search and write its folder below `root`; returns the folder.

    Errors: `InputError`, before anything is written, when the input is wrong.
    """
    say = progress or (lambda what, done, of: None)
    began = time.perf_counter()
    sought = prepare_seek(config)
    hash_ = sought.hash
    folder = RunFolder(root, "seek", config.run.name or default_name(sought.ready.config, hash_))
    folder.begin(asdict(config), hash_, sought.ready.inputs, config.run.overwrite)
    prepared = time.perf_counter()
    lives = Lives(sought, folder.parts)
    answer = searched(sought, lives, say)
    ran = time.perf_counter()
    say("write results", 0, 1)
    tables, documents = outcome(sought, lives, answer)
    for name, table in tables.items():
        folder.write_csv(name, table)
    for name, document in documents.items():
        folder.write_json(name, document)
    from sim.report.seek import write_seek  # drawing is loaded only when something is drawn

    write_seek(folder.path)
    days = sought.ready.plan.founders.count * sought.ready.plan.days
    timing = {
        "step": ["read and fit", "search", "write and draw"],
        "seconds": [prepared - began, ran - prepared, time.perf_counter() - ran],
        "member_days": [0, days * sum(len(found.levels) for found in lives.read.values()), 0],
    }
    folder.write_parquet("timing.parquet", pd.DataFrame(timing), {})
    folder.finish(content_hash(tables, documents))
    say("write results", 1, 1)
    return folder.path


def seek(
    lever: str, metric: str | None = None, value: float | None = None, data: str = "none", **groups: Any
) -> Outcome:
    """Search in memory: `seek("messaging.per_week", "members", 2100, strategy="matched_scenes", run={"days": 90})`.

    Without metric and value, the strategy's first target (or its target on the metric) is sought; further keys of
    the command line's group `seek` in a mapping of that name. data, groups: as for `forecast`. Tables: `tried`,
    `effects`. Nothing is printed or written. Errors: `InputError`.
    """
    groups = named_groups(groups)
    groups["run"] = {"replications": REPLICATIONS} | dict(groups.get("run", {}))
    said = {"lever": lever, "metric": metric, "value": value} | dict(groups.pop("seek", {}))
    chosen = reading(data, groups.pop("data_options", {}))
    sought = prepare_seek(checked(SeekConfig, {**groups, "seek": said, "data": chosen}))
    lives = Lives(sought, None)
    answer = searched(sought, lives, lambda what, done, of: None)
    tables, documents = outcome(sought, lives, answer)
    frames = {name.rsplit(".", 1)[0]: table for name, table in tables.items()}
    return Outcome(frames, documents["summary.json"], documents["parameters.json"])


# ---------------------------------------------------------------------------- tables and documents


def outcome(sought: Sought, lives: Lives, answer: Answer) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """All tables and documents of a search, by file name."""
    effects = effects_table(sought, lives, answer.found.value)
    return {"tried.csv": tried_table(sought, answer.search), "effects.csv": effects}, {
        "parameters.json": parameters_document(sought.ready),
        "summary.json": summary_document(sought, answer, effects),
    }


def tried_table(sought: Sought, search: Search) -> pd.DataFrame:
    """tried.csv: every value of the lever that was lived: how often, the level on the due day (mean with its 95 %
    interval, p10, p50, p90), the share of futures that meet the target with its interval, whether that reaches the
    aim, and how often each ceiling is broken."""
    rows: list[dict[str, Any]] = []
    for value in sorted(search.tried):
        found = search.tried[value]
        levels, count = levels_of(found.levels), len(found.levels)
        error = float(np.std(found.levels, ddof=1)) / math.sqrt(count) * errors_within(count)
        rows.append(
            {"value": value, "replications": count, "mean": levels["mean"]}
            | {"low95": found.levels.mean() - error, "high95": found.levels.mean() + error}
            | {key: levels[key] for key in ("p10", "p50", "p90")}
            | chance(search.aim.sign * (found.levels - search.aim.value) >= 0.0, "p_met")
            | {"reached": search.aim.limits(found)[0] >= 0.0}
            | {f"p_breach_{n}": float(share) for n, share in enumerate(found.broken.mean(axis=0), 1)}
        )
    return pd.DataFrame(rows)


def effects_table(sought: Sought, lives: Lives, value: float) -> pd.DataFrame:
    """effects.csv: what the answer changes against the present plan, by headline metrics at the end; see `paired`."""
    ours, theirs = lives.read[value].ends, lives.read[sought.lever.present].ends
    rows: list[dict[str, Any]] = []
    for name, label in headlines(lives.names):
        at = lives.names.index(name)
        told: dict[str, Any] = {key: float(found) for key, found in paired(ours[:, at], theirs[:, at]).items()}
        told |= {key: told[key] / unit_of(name) for key in ("effect", "low95", "high95", "monte_carlo_se")}
        present = float(theirs[:, at].mean()) / unit_of(name)
        rows.append({"metric": name, "label": label, "unit": KNOWN[name].unit, "present": present, **told})
    return pd.DataFrame(rows)


def summary_document(sought: Sought, answer: Answer, effects: pd.DataFrame) -> dict[str, Any]:
    """summary.json: the answer in numbers and in sentences, what it costs, guardrails, warnings, notes."""
    ready, plan, search = sought.ready, sought.ready.plan, answer.search
    money, about = currency(ready), sought.about.about
    at = {"present": sought.lever.present, "answer": answer.found.value, "nearest": answer.plain.value}
    target = described(sought.target, 1, plan.start, money) | {"chance": sought.config.seek.chance}
    readings = {who: search.full(value) for who, value in at.items()}
    fares = {
        who: levels_of(found.levels)
        | chance(search.aim.sign * (found.levels - search.aim.value) >= 0.0, "p_met")
        | {"replications": len(found.levels)}
        for who, found in readings.items()
    }
    ceilings = [
        {"strategy": ready.config.strategy.name, **described(ceiling, n + 1, plan.start, money)}
        | {who: chance(found.broken[:, n], "p_breach") for who, found in readings.items()}
        for n, ceiling in enumerate(sought.goals.ceilings)
    ]
    costs = [
        dict(row) | {"baseline": "the present plan", "sentence": ""}
        for row in cast("list[dict[str, Any]]", effects.to_dict("records"))
    ]
    for cost in costs:
        cost["sentence"] = effect_words(cost, money)
    document: dict[str, Any] = {
        "title": ready.title,
        "app": "seek",
        "strategy": ready.config.strategy.name,
        "market": ready.config.market.name,
        "start": plan.start.isoformat(),
        "end": (plan.start + dt.timedelta(plan.days - 1)).isoformat(),
        "days": plan.days,
        "replications": sought.config.run.replications,
        "seed": ready.config.run.seed,
        "members_at_start": plan.founders.count,
        "stage_limits_days": stage_limits(plan),
        "headlines": [],
        "lever": {"key": sought.about.path, "unit": about.unit, "meaning": about.meaning, **asdict(sought.lever)},
        "target": target,
        "status": answer.found.status,
        "present": at["present"],
        "answer": asdict(answer.found),
        "nearest": asdict(answer.plain),
        "keeps_ceilings": search.keeps(readings["answer"]),
        "tolerated": search.aim.tolerated,
        "fares": fares,
        "ceilings": ceilings,
        "effects": costs,
        "tried": len(search.tried),
        "targets": [],
        "notes": [asdict(note) for note in ready.notes],
        "warnings": too_few(sought.config.run.replications, REPLICATIONS),
    }
    return document | {"sentences": sentences(document)}


__all__ = ["prepare_seek", "run_seek", "seek"]
