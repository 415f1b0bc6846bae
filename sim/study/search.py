"""A search for plans: asked of a sampler, lived under common luck, replications allotted by successive halving.

Every plan lives replications 0 .. r - 1 first; the best third of those that stand at a rung of the ladder r, 3 r, 9 r
... goes on to the next (asynchronous halving in fixed batches, Li et al. 2020, MLSys). Plans that stand at different
rungs are compared by their difference to one base plan in the same replications, so that common luck drops out.

What is asked next is a function of what is known, the seed and the round alone: a sampler is made anew in each round,
so that processes, order and interruptions change nothing.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from scipy.stats import qmc

from sim import rng
from sim.errors import InputError
from sim.store import digest
from sim.study.parts import keep, kept
from sim.study.points import Answer, Axis, Model, Point, Space, Task, answer

THIRD = 3
"""One in so many goes on to the next rung, and lives so many times as much."""
START = 10
"""At least so many plans are spread over the space before the sampler is asked."""
TRIES = 4
"""Times as many points are asked for as are wanted, at most, since some were tried before."""
DIGITS = 4
"""Significant digits of numbers that are asked for: plans that one can read."""
MISS = 0.05
"""How often a limit on the mean of a constrained number may be wrong."""
SAMPLER, SPREAD, FRESH, WORLD, DRAWN = range(5)
"""What a seed is derived for."""


def derived(seed: int, purpose: int, place: int = 0) -> int:
    """A seed in [0, 2^63) for a purpose of a search; place: which round or world."""
    first, _ = rng.bits(np.uint64(rng.stream(seed, 0)), np.uint64(place), rng.SEARCH_SEED, purpose)
    return int(first) >> 1


# ---------------------------------------------------------------------------- aims and limits


@dataclass(frozen=True)
class Aim:
    """What is to be much (sign 1) or little (sign -1), by its name among the outcomes."""

    name: str
    sign: float = 1.0


@dataclass(frozen=True)
class Limit:
    """What a plan must keep: an outcome, on average, at least (sign 1) or at most (sign -1) at a bound."""

    name: str
    bound: float
    sign: float = -1.0

    def short(self, values: np.ndarray) -> float:
        """By how much the surer end of the mean misses the bound, relative to the bound; 0: it is kept.

        The end of a one-sided 95 % interval by Student's t over replications. Infinite where there is no number.
        """
        slack = self.sign * (values - self.bound)
        if len(slack) < 2 or not np.isfinite(slack).all():
            return math.inf
        low = slack.mean() - surely(len(slack)) * slack.std(ddof=1) / math.sqrt(len(slack))
        return max(-float(low), 0.0) / (abs(self.bound) or 1.0)


@lru_cache(maxsize=64)
def surely(count: int) -> float:
    """How many standard errors a one-sided 95 % limit of a mean of `count` replications reaches."""
    return float(stats.t.ppf(1.0 - MISS, count - 1))


# ---------------------------------------------------------------------------- order


def dominates(scores: np.ndarray) -> np.ndarray:
    """Who dominates whom, bool [plan, plan]: nowhere worse and somewhere better; scores: [plan, aim], more wins."""
    ahead = scores[:, None] >= scores[None]
    return ahead.all(axis=2) & ~ahead.transpose(1, 0, 2).all(axis=2)


def fronts(scores: np.ndarray) -> np.ndarray:
    """The front that each plan stands on, int64 [plan]: 0 where none dominates it, 1 where only those of 0 do ..."""
    over = dominates(scores)
    out = np.full(len(scores), -1)
    level = 0
    while (out < 0).any():
        left = out < 0
        out[left & ~over[left].any(axis=0)] = level
        level += 1
    return out


def crowding(scores: np.ndarray) -> np.ndarray:
    """How far apart each plan of one front stands from its neighbours; infinite at the ends (Deb et al. 2002)."""
    out = np.zeros(len(scores))
    for column in scores.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        out[order[[0, -1]]] = np.inf
        if span > 0.0:
            out[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return out


def ordered(scores: np.ndarray, short: np.ndarray) -> list[int]:
    """Places of plans, best first: by front, then by room, those that keep all limits; by how short, all others."""
    rank = np.zeros(len(scores))
    room = np.zeros(len(scores))
    whole = np.flatnonzero(short == 0.0)
    if len(whole):
        rank[whole] = fronts(scores[whole])
        for level in np.unique(rank[whole]):
            mates = whole[rank[whole] == level]
            room[mates] = crowding(scores[mates])
    return [int(n) for n in np.lexsort((np.arange(len(scores)), -room, rank, short))]


# ---------------------------------------------------------------------------- plans and how they are lived


@dataclass(frozen=True)
class Stretch(Task):
    """A point, and which of its replications are to be lived: first .. last - 1."""

    first: int = 0
    last: int = 0


@dataclass
class Piece:
    """What was lived in a stretch, float64 [outcome, replication], outcomes in the order of their names."""

    values: np.ndarray


@dataclass(eq=False)
class Tried:
    """A plan that was tried. values: each outcome, float64 [replication]; origin: how one came to it."""

    index: int
    point: Point
    origin: str = "start"
    round: int = 0
    values: dict[str, np.ndarray] = field(default_factory=dict)
    error: str = ""
    since: int = 0
    """Replications that all plans together had lived before it was first tried."""

    @property
    def lived(self) -> int:
        """How many replications it has."""
        return len(next(iter(self.values.values()), ()))

    def short(self, limits: Sequence[Limit], count: int | None = None) -> float:
        """By how much it misses the limit that it misses most; 0: it keeps all."""
        return max((limit.short(self.values[limit.name][:count]) for limit in limits), default=0.0)


@dataclass
class Crew:
    """Lives stretches, some at a time, and keeps what is finished.

    model: gives the outcomes `names` of a stretch; task: checks a point; parts: a folder for what is finished; runs:
    replications that were asked for so far, found there or not.
    """

    model: Model
    names: tuple[str, ...]
    task: Callable[[int, Point], Task] = lambda index, point: Task(index, point, "", 0)
    pool: Executor | None = None
    parts: Path | None = None
    runs: int = 0

    def live(self, wanted: Sequence[tuple[Tried, int]], seed: int, say: Callable[[], None] = lambda: None) -> None:
        """Let each plan live up to so many replications, with the luck of a seed; one that cannot gets its error."""
        stretches: list[tuple[Tried, Stretch]] = []
        for plan, last in wanted:
            made = self.task(plan.index, plan.point)
            stretch = Stretch(plan.index, plan.point, made.config_hash, seed, made.error, plan.lived, last)
            stretches.append((plan, stretch))
            self.runs += 0 if made.error else last - plan.lived
        for (plan, _), piece in zip(stretches, self._lived([s for _, s in stretches]), strict=True):
            if piece.error:
                plan.error = piece.error
            else:
                nothing = np.zeros(0)
                plan.values = {
                    name: np.concatenate([plan.values.get(name, nothing), piece.values[name]]) for name in self.names
                }
            say()

    def _lived(self, stretches: Sequence[Stretch]) -> Iterator[Answer]:
        jobs = [(self.model, stretch, self.names, self._file(stretch)) for stretch in stretches]
        if self.pool is None:
            yield from (lived_once(*job) for job in jobs)
            return
        try:
            for waiting in [self.pool.submit(lived_once, *job) for job in jobs]:
                yield waiting.result()
        except BrokenProcessPool:
            raise InputError(
                "run.processes: a process died, perhaps for want of memory; the same command with fewer of them "
                "finishes the run"
            ) from None

    def _file(self, stretch: Stretch) -> Path | None:
        """Where a stretch is kept once it is finished."""
        if self.parts is None or stretch.error:
            return None
        told = digest({"point": dict(stretch.point), "seed": stretch.seed, "hash": stretch.config_hash})
        return self.parts / f"{told[:24]}-{stretch.first:06d}-{stretch.last:06d}.npz"


def lived_once(model: Model, stretch: Stretch, names: Sequence[str], file: Path | None) -> Answer:
    """The answer of a stretch: as it was kept, or lived, and kept at once."""
    found = kept(file, Piece) if file else None
    if found is not None:
        return Answer(stretch, dict(zip(names, found.values, strict=True)))
    lived = answer(model, stretch)
    if file and lived.done:
        keep(file, Piece(np.stack([lived.values[name] for name in names])))
    return lived


# ---------------------------------------------------------------------------- the search


@dataclass(frozen=True)
class Effort:
    """How much is tried.

    plans: how many; batch: asked for at a time; replications: at the top of the ladder; rungs: of the ladder;
    finalists: how many of the best must stand at its top in the end.
    """

    plans: int = 60
    batch: int = 6
    replications: int = 27
    rungs: int = 3
    finalists: int = 8

    @property
    def ladder(self) -> tuple[int, ...]:
        """Replications at each rung, rising."""
        down = (math.ceil(self.replications / THIRD**n) for n in range(self.rungs))
        return tuple(sorted({max(count, 2) for count in down}))


@dataclass
class Found:
    """What a search found.

    base: the plan that all are compared with; best: places in `plans` of those at the top of the ladder, best first;
    history: after each round, the replications lived so far and the place of the plan that led.
    """

    base: Tried
    plans: list[Tried]
    best: list[int]
    history: list[tuple[int, int]]

    @property
    def runs(self) -> int:
        """Replications lived, the base's among them."""
        return self.history[-1][0] if self.history else self.base.lived


@dataclass
class Search:
    """A search over the axes of a space.

    Two plans are compared by the replications that both have. The estimate of an aim is the base's mean over all its
    replications plus the mean difference to the base over those of the plan.
    """

    space: Space
    aims: Sequence[Aim]
    limits: Sequence[Limit]
    effort: Effort
    seed: int
    crew: Crew
    base: Tried = field(default_factory=lambda: Tried(-1, {}))
    plans: list[Tried] = field(default_factory=list)
    history: list[tuple[int, int]] = field(default_factory=list)

    def run(self, starts: Sequence[Point] = (), say: Callable[[int, int], None] = lambda done, of: None) -> Found:
        """Try plans until there are enough; `starts` are tried first. Errors: `InputError` where the base fails."""
        self._live([(self.base, self.effort.replications)])
        if self.base.error:
            raise InputError(f"strategy: the plan to start from cannot be lived: {self.base.error}")
        ladder, turn = self.effort.ladder, 0
        while True:
            promoted = self._promoted()
            asked = self._asked(turn, starts)
            if not promoted and not asked:
                break
            for place, plan in enumerate(asked):
                plan.since = self.crew.runs + place * ladder[0]
            self.plans += asked
            self._live([*promoted, *((plan, ladder[0]) for plan in asked)])
            turn += 1
            self._note()
            say(len(self.plans), self.effort.plans)
        while late := [(p, ladder[-1]) for p in self._leading() if p.lived < ladder[-1]]:
            self._live(late)
            self._note()
        best = [self._done()[n] for n in self._order(self._done())]
        return Found(self.base, self.plans, [p.index for p in best if p.lived == ladder[-1]], self.history)

    def _live(self, wanted: Sequence[tuple[Tried, int]]) -> None:
        """Live plans; one of which an aim is not a number in every replication counts as failed."""
        self.crew.live(wanted, self.seed)
        for plan, _ in wanted:
            unknown = [aim.name for aim in self.aims if not np.isfinite(plan.values.get(aim.name, 0.0)).all()]
            plan.error = plan.error or (f"{unknown[0]} is not a number in every replication" if unknown else "")

    def _note(self) -> None:
        if leading := self._leading():
            self.history.append((self.crew.runs, leading[0].index))

    # -- who goes on

    def _done(self) -> list[Tried]:
        return [plan for plan in self.plans if not plan.error]

    def estimate(self, plan: Tried, aim: Aim, count: int | None = None) -> float:
        """An aim of a plan: by its difference to the base in the same replications."""
        ours, theirs = plan.values[aim.name][:count], self.base.values[aim.name]
        return float(theirs.mean() + (ours - theirs[: len(ours)]).mean())

    def _order(self, plans: Sequence[Tried], count: int | None = None) -> list[int]:
        """Places of plans, best first, by their first `count` replications or by all."""
        if not plans:
            return []
        scores = np.array([[aim.sign * self.estimate(p, aim, count) for aim in self.aims] for p in plans])
        return ordered(scores, np.array([p.short(self.limits, count) for p in plans]))

    def _promoted(self) -> list[tuple[Tried, int]]:
        """Who goes on to the next rung: the best third of all that stand at a rung or have passed it."""
        out: list[tuple[Tried, int]] = []
        ladder = self.effort.ladder
        for here, there in pairwise(ladder):
            mates = [plan for plan in self._done() if plan.lived >= here]
            best = self._order(mates, here)[: len(mates) // THIRD]
            out += [(mates[n], there) for n in best if mates[n].lived == here]
        return out

    def _leading(self) -> list[Tried]:
        """The best so far by all that is known: as many as are to be finalists."""
        plans = self._done()
        return [plans[n] for n in self._order(plans)[: self.effort.finalists]]

    # -- what is asked

    def _asked(self, turn: int, starts: Sequence[Point]) -> list[Tried]:
        """New plans of a round: those to start with and a spread over the space first, then what a sampler asks."""
        left = self.effort.plans - len(self.plans)
        known = {digest(dict(plan.point)) for plan in self.plans}
        out: list[Tried] = []

        def add(points: Iterable[Point], origin: str, most: int) -> None:
            for point in points:
                if len(out) >= most:
                    return
                told = digest(dict(point))
                if told not in known:
                    known.add(told)
                    out.append(Tried(len(self.plans) + len(out), point, origin, turn))

        if turn == 0:
            count = min(left, max(START, THIRD * len(self.space.axes), len(starts)))
            add(starts, "start", count)
            add(self._spread(turn, count - len(out)), "spread", count)
            return out
        most = min(left, self.effort.batch)
        add(self._sampled(turn, TRIES * most), "asked", most)
        add(self._spread(turn, TRIES * (most - len(out))), "spread", most)  # where the sampler repeats itself
        return out

    def _spread(self, turn: int, count: int) -> Iterator[Point]:
        """Points spread over the space, by a Latin hypercube."""
        axes = self.space.axes
        sampler = qmc.LatinHypercube(len(axes), rng=derived(self.seed, SPREAD, turn))
        for units in sampler.random(count):
            yield {a.path: tidy(a, a.value(float(unit))) for a, unit in zip(axes, units, strict=True)}

    def _sampled(self, turn: int, most: int) -> Iterator[Point]:
        """Points by a tree-structured Parzen estimator (Bergstra et al. 2011; of several aims, Ozaki et al. 2022)."""
        if not most:
            return
        optuna = loaded()
        axes = self.space.axes
        spread = {axis.path: distribution(axis) for axis in axes}
        sampler = optuna.samplers.TPESampler(seed=derived(self.seed, SAMPLER, turn) >> 31, n_startup_trials=1)
        study = optuna.create_study(directions=["maximize"] * len(self.aims), sampler=sampler)
        for plan in self._done():
            study.add_trial(
                optuna.trial.create_trial(
                    params={axis.path: stored(axis, plan.point[axis.path]) for axis in axes},
                    distributions=spread,
                    values=[aim.sign * self.estimate(plan, aim) for aim in self.aims],
                    constraints={"short": min(plan.short(self.limits), 1e12)} if self.limits else None,
                )
            )
        for _ in range(most):
            asked = study.ask(spread).params
            yield {a.path: a.levels[asked[a.path]] if a.levels else tidy(a, asked[a.path]) for a in axes}


def loaded() -> Any:
    """Optuna, told to keep silent. Errors: `InputError` where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise InputError("optimize: needs Optuna; pip install 'membersim[optimize]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def distribution(axis: Axis) -> Any:
    """An axis as the sampler knows it; levels by their place."""
    from optuna import distributions

    if axis.levels:
        return distributions.CategoricalDistribution(tuple(range(len(axis.levels))))
    if axis.parameter.kind is int:
        return distributions.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return distributions.FloatDistribution(axis.low, axis.high, log=axis.log)


def stored(axis: Axis, value: Any) -> Any:
    """A value as the sampler knows it."""
    return axis.levels.index(value) if axis.levels else value


def tidy(axis: Axis, value: Any) -> Any:
    """A value of an axis with few digits, so that plans can be read; still within its range."""
    if axis.levels or axis.parameter.kind is int:
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), axis.low), axis.high)
