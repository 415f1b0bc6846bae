"""`optimize`: which plan is best within limits, how good it really is, and what it would be worth to know more.

Plans are sought with one luck (`sim/study/search.py`) and judged with another that the search has not seen: what they
lose by that is the search's optimism. Named strategies are laid beside them. Where unknowns are given, plans are laid
over worlds drawn from them: regret, and the value of information (`sim/study/information.py`).
"""

import datetime as dt
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from scipy.stats import qmc

from sim.accounting.metrics import KNOWN
from sim.errors import InputError
from sim.report.optimize import sentences
from sim.settings import Config, OptimizeConfig, OptimizeSettings, named_groups
from sim.store import RunFolder, config_hash, content_hash
from sim.strategy import Strategy, known_strategies, read_strategy
from sim.study import information
from sim.study.bands import errors_within
from sim.study.ensemble import Ensemble, run_ensemble
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
from sim.study.frequency import workers
from sim.study.points import OUTCOMES, Living, Point, Space, Task, plan_of, varied
from sim.study.search import (
    DRAWN,
    FRESH,
    WORLD,
    Aim,
    Crew,
    Effort,
    Found,
    Limit,
    Search,
    Stretch,
    Tried,
    derived,
    dominates,
    fronts,
    loaded,
    surely,
)
from sim.study.targets import course
from sim.targets import MEASURES, Ceiling, Target, contradictions, due
from sim.units import checked

RIVALS = 4
"""Named strategies that are laid over uncertain worlds: so many of the best by the first objective."""
BASE = "base"


# ---------------------------------------------------------------------------- what is asked


@dataclass(frozen=True)
class Asked:
    """A validated search, ready to go: nothing has been written yet.

    space, unknowns: levers, and what nobody knows; limits: with their due days; references: strategies by name.
    """

    config: OptimizeConfig
    ready: Prepared
    space: Space
    unknowns: Space
    limits: tuple[Target, ...]
    references: dict[str, Strategy]
    lived: "Lived"

    @property
    def settings(self) -> OptimizeSettings:
        """What is sought, and how."""
        return self.config.optimize

    @property
    def aims(self) -> tuple[Aim, ...]:
        """What is to be much or little."""
        return tuple(Aim(name, -1.0 if MEASURES[name].less else 1.0) for name in self.settings.objectives)

    @property
    def bounds(self) -> tuple[Limit, ...]:
        """The limits by the names of their outcomes."""
        return tuple(Limit(name_of(limit), limit.value, limit.sign) for limit in self.limits)

    @property
    def effort(self) -> Effort:
        """How much is tried."""
        asked = self.settings
        return Effort(asked.plans, asked.batch, self.config.run.replications, asked.rungs, asked.finalists)

    @property
    def hash(self) -> str:
        """The hash of everything that changes results; references count by what they say."""
        values = asdict(self.config) | {"references": {name: asdict(s) for name, s in self.references.items()}}
        return config_hash(values, self.ready.inputs)


def name_of(limit: Target) -> str:
    """What a limit is called among the outcomes."""
    return f"{limit.text}, on every day" if isinstance(limit, Ceiling) else limit.text


def prepare_optimize(config: OptimizeConfig) -> Asked:
    """Check a search: base, levers, unknowns, limits, references. Errors: `InputError`; nothing is written."""
    loaded()
    base, asked = config.base, config.optimize
    ready = prepare(base)
    if not asked.levers:
        raise InputError("optimize.levers: is empty; say what may be chosen, {strategy.messaging.per_week:[0,14]}")
    space, unknowns = Space.over(base, asked.levers), Space.over(base, asked.unknowns or {})
    for key, axes, wanted in (("levers", space.axes, "lever"), ("unknowns", unknowns.axes, "uncertainty")):
        other = [axis.path for axis in axes if axis.role != wanted]
        if other:
            hint = "optimize.levers takes keys of strategy, optimize.unknowns all others but run"
            raise InputError(f"optimize.{key}: {', '.join(other)}: is no {wanted}; {hint}")
    if space.sleeping:
        lever = ".".join(space.sleeping[0].split(".")[:2])
        raise InputError(
            f"optimize.levers: {', '.join(space.sleeping)}: change nothing while {lever} is off; set {lever}.on=true "
            f"or let it be chosen, {lever}.on:[false,true]"
        )
    days = ready.plan.days
    targets = tuple(due(asked.subject_to, days, True, "optimize.subject_to"))
    ceilings = tuple(due(config.strategy.ceilings, days, True, "strategy.ceilings"))
    contradictions(targets, ceilings, "optimize.")
    names = known_strategies() if asked.references is None else asked.references
    references = {name: read_strategy(name, "optimize.references") for name in names}
    aims = tuple(dict.fromkeys((*asked.objectives, *OUTCOMES)))
    lived = Lived(Living(base), aims, (*targets, *ceilings))
    return Asked(config, ready, space, unknowns, (*targets, *ceilings), references, lived)


@dataclass(frozen=True)
class Lived:
    """The model of the search: lives a stretch of replications of a point, `Lived(...)(stretch)`.

    levels: measures told at the end; limits: those told on their due day, or where they are nearest to being broken.
    """

    living: Living
    levels: tuple[str, ...]
    limits: tuple[Target, ...]
    threads: int = 1

    @property
    def names(self) -> tuple[str, ...]:
        """The outcomes, in order."""
        return (*self.levels, *map(name_of, self.limits))

    def task(self, index: int, point: Point) -> Task:
        """A point, checked."""
        return self.living.task(index, point)

    def __call__(self, task: Task) -> dict[str, np.ndarray]:
        """Each outcome, float64 [replication]."""
        assert isinstance(task, Stretch)
        plan = plan_of(self.living.config(task.point))
        lived = run_ensemble(plan, task.seed, task.last, threads=self.threads, since=task.first)
        out = {name: course(lived, name)[:, -1] for name in self.levels}
        return out | {name_of(limit): level_of(lived, limit) for limit in self.limits}


def level_of(lived: Ensemble, limit: Target) -> np.ndarray:
    """The level that a limit is about, float64 [replication]: on the due day; of a ceiling, the worst up to it."""
    assert limit.day is not None
    values = course(lived, limit.metric)
    if not isinstance(limit, Ceiling):
        return values[:, limit.day]
    slack = np.where(np.isfinite(values), limit.sign * values, np.inf)[:, : limit.day + 1]
    return limit.sign * slack.min(axis=1)


# ---------------------------------------------------------------------------- what comes of it


@dataclass(frozen=True)
class Verified:
    """A plan with fresh luck. sought: as the search knew it (not a reference); fresh: the same point lived anew."""

    name: str
    kind: str
    fresh: Tried
    sought: Tried | None = None


@dataclass(frozen=True)
class Optimum:
    """What a search came to.

    found: all that was tried; base: with fresh luck; verified: finalists and references with fresh luck; front: names
    of finalists that keep all limits with both lucks and that none of them dominates; best: the one that is returned
    (nothing where none keeps all limits); worlds: drawn points and, by plan, what was lived in each.
    """

    found: Found
    base: Verified
    verified: list[Verified]
    front: list[str]
    best: str | None
    worlds: list[Point]
    laid: dict[str, list[Tried]]


def solve(asked: Asked, crew: Crew, say: Progress) -> Optimum:
    """Seek, verify, and lay over worlds."""
    run, effort = asked.config.run, asked.effort
    search = Search(asked.space, asked.aims, asked.bounds, effort, run.seed, crew)
    found = search.run(starts(asked), lambda done, of: say("try plans", done, of))
    fresh = derived(run.seed, FRESH)
    sought = distinct([found.plans[place] for place in found.best], asked.aims)[: effort.finalists]
    verified = [Verified(f"plan {p.index}", "plan", Tried(p.index, p.point), p) for p in sought]
    verified += [Verified(n, "reference", Tried(-2 - i, {"strategy": n})) for i, n in enumerate(asked.references)]
    base = Verified(BASE, BASE, Tried(-1, {}), found.base)
    lives = [base, *verified]
    done = iter(range(1, len(lives) + 1))
    crew.live([(v.fresh, run.replications) for v in lives], fresh, lambda: say("fresh luck", next(done), len(lives)))
    fine = [v for v in verified if v.sought is not None and v.sought.short(asked.bounds) == 0.0 and keeps(v, asked)]
    front = front_of(fine, search)
    best = best_of(front, search)
    worlds = drawn(asked)
    laid = laid_over(asked, crew, worlds, rivals(asked, base, front, verified), say)
    return Optimum(found, base, verified, [v.name for v in front], best, worlds, laid)


def distinct(plans: Sequence[Tried], aims: Sequence[Aim]) -> list[Tried]:
    """Plans without those that come to the same as an earlier one in every replication."""
    seen: dict[bytes, Tried] = {}
    for plan in plans:
        seen.setdefault(b"".join(plan.values[aim.name].tobytes() for aim in aims), plan)
    return list(seen.values())


def keeps(one: Verified, asked: Asked) -> bool:
    """Whether a plan keeps all limits with fresh luck."""
    return not one.fresh.error and one.fresh.short(asked.bounds) == 0.0


def starts(asked: Asked) -> list[Point]:
    """Points of the space that are plans already: the base, and named strategies where strategies may be chosen."""
    out: list[Point] = []
    named = asked.references if "strategy" in asked.space.paths else {}
    for name, strategy in [("", asked.config.strategy), *named.items()]:
        told = {"strategy": strategy}
        point = {
            path: name or strategy.name if path == "strategy" else attrgetter(path)(_Holder(**told))
            for path in asked.space.paths
        }
        try:
            asked.space.units(point)
        except (InputError, TypeError):
            continue  # it lies outside
        out.append(point)
    return out


@dataclass(frozen=True)
class _Holder:
    """So that `strategy.x.y` can be read of a strategy."""

    strategy: Strategy


def front_of(fine: Sequence[Verified], search: Search) -> list[Verified]:
    """Of plans that keep all limits, those that none dominates, as the search knew them."""
    if not fine:
        return []
    levels = fronts(scores_of(fine, search))
    return [one for one, level in zip(fine, levels, strict=True) if level == 0]


def scores_of(plans: Sequence[Verified], search: Search) -> np.ndarray:
    """What the search knew of plans, float64 [plan, aim], more being better."""
    return np.array(
        [[aim.sign * search.estimate(one.sought, aim) for aim in search.aims] for one in plans if one.sought]
    )


def best_of(front: Sequence[Verified], search: Search) -> str | None:
    """The plan that is returned: the best, or on a front the one whose largest shortfall from the best is least.

    A shortfall is told as a share of the front's span in that objective.
    """
    if not front:
        return None
    scores = scores_of(front, search)
    span = np.ptp(scores, axis=0)
    short = (scores.max(axis=0) - scores) / np.where(span > 0.0, span, 1.0)
    return front[int(short.max(axis=1).argmin())].name


# ---------------------------------------------------------------------------- uncertain worlds


def drawn(asked: Asked) -> list[Point]:
    """Worlds drawn evenly from the unknowns' ranges, by a Latin hypercube; none where there are no unknowns."""
    axes = asked.unknowns.axes
    if not axes:
        return []
    sampler = qmc.LatinHypercube(len(axes), rng=derived(asked.config.run.seed, DRAWN))
    return [asked.unknowns.point(units) for units in sampler.random(asked.settings.worlds)]


def rivals(asked: Asked, base: Verified, front: Sequence[Verified], verified: Sequence[Verified]) -> list[Verified]:
    """Who is laid over worlds: the front, the base, the best named strategies; of those that keep all limits."""
    aim = asked.aims[0]
    named = [one for one in verified if one.kind == "reference" and keeps(one, asked)]
    named.sort(key=lambda one: -aim.sign * float(one.fresh.values[aim.name].mean()))
    return [*front, *([base] if keeps(base, asked) else []), *named[:RIVALS]]


def laid_over(
    asked: Asked, crew: Crew, worlds: Sequence[Point], plans: Sequence[Verified], say: Progress
) -> dict[str, list[Tried]]:
    """Each plan in each world; all plans share the luck of a world, and each world has its own."""
    count = asked.settings.world_replications
    out: dict[str, list[Tried]] = {one.name: [] for one in plans} if worlds else {}
    for n, world in enumerate(worlds):
        tried = [Tried(one.fresh.index, {**one.fresh.point, **world}) for one in plans]
        crew.live([(plan, count) for plan in tried], derived(asked.config.run.seed, WORLD, n))
        for one, plan in zip(plans, tried, strict=True):
            out[one.name].append(plan)
        say("draw worlds", n + 1, len(worlds))
    return out


def worth_in_worlds(laid: Mapping[str, Sequence[Tried]], aim: Aim) -> tuple[np.ndarray, np.ndarray]:
    """What each plan is worth in each world where all could be lived: halves [2, plan, world], and those worlds."""
    count = len(next(iter(laid.values())))
    usable = [n for n in range(count) if not any(plans[n].error for plans in laid.values())]
    values = np.array([[aim.sign * plans[n].values[aim.name] for n in usable] for plans in laid.values()])
    return np.stack([values[..., 0::2].mean(axis=2), values[..., 1::2].mean(axis=2)]), np.array(usable, dtype=int)


# ---------------------------------------------------------------------------- tables


def trials_table(asked: Asked, found: Found) -> pd.DataFrame:
    """trials.csv: a row for each plan that was tried.

    Levels are told as the search knew them: by the difference to the base in the same replications; `_se` is the
    standard error of that difference. Levels of limits are plain means. A plan that failed has none.
    """
    search = Search(asked.space, asked.aims, asked.bounds, asked.effort, 0, Crew(asked.lived, ()), found.base)
    rows: list[dict[str, Any]] = []
    top = set(found.best)
    for plan in found.plans:
        done = not plan.error
        row = {
            "plan": plan.index, "origin": plan.origin, "round": plan.round, "runs_before": plan.since,
            "status": "done" if done else "failed", "error": plan.error, "replications": plan.lived,
            "keeps_limits": done and plan.short(asked.bounds) == 0.0, "finalist": plan.index in top,
        } | dict(plan.point)  # fmt: skip
        for name in asked.lived.levels if done else ():
            difference = plan.values[name] - found.base.values[name][: plan.lived]
            row[name] = search.estimate(plan, Aim(name))
            row[f"{name}_se"] = float(difference.std(ddof=1) / math.sqrt(len(difference)))
        for limit in asked.bounds if done else ():
            row[limit.name] = float(plan.values[limit.name].mean())
        rows.append(row)
    return pd.DataFrame(rows)


def front_table(asked: Asked, optimum: Optimum) -> pd.DataFrame:
    """front.csv: finalists, the base and named strategies by objective, with fresh luck and as the search knew them.

    gain: the mean difference to the base, with its interval by Student's t; optimism: the gain that the search knew
    less that with fresh luck, in the objective's own direction, and its standard error.
    """
    rows: list[dict[str, Any]] = []
    beaten = {one.name: beaten_by(one, optimum, asked.aims) for one in optimum.verified if one.kind == "reference"}
    for one in (optimum.base, *optimum.verified):
        head: dict[str, Any] = {
            "name": one.name, "kind": one.kind, "plan": one.fresh.index if one.kind == "plan" else None,
            "error": one.fresh.error, "keeps_limits": keeps(one, asked), "on_front": one.name in optimum.front,
            "best": one.name == optimum.best,
        }  # fmt: skip
        head["dominated_by"], head["surely"] = beaten.get(one.name, ("", False))
        head["equals"] = equalled_by(one, optimum, asked.aims) if one.kind == "reference" else ""
        for aim in asked.aims:
            row = {**head, "objective": aim.name, "wins_by": "more" if aim.sign > 0 else "less"}
            rows.append(row if one.fresh.error else row | told(one, optimum.base, aim))
    return pd.DataFrame(rows)


def told(one: Verified, base: Verified, aim: Aim) -> dict[str, Any]:
    """An objective of a plan: level and gain with fresh luck, and what the search had promised."""
    values = one.fresh.values[aim.name]
    gain, error = difference(values, base.fresh.values[aim.name])
    reach = errors_within(len(values))
    spread = reach * float(values.std(ddof=1)) / math.sqrt(len(values))
    out = {
        "mean": float(values.mean()), "low95": float(values.mean()) - spread, "high95": float(values.mean()) + spread,
        "gain": gain, "gain_low95": gain - reach * error, "gain_high95": gain + reach * error,
    }  # fmt: skip
    if one.sought is not None and base.sought is not None:
        hoped, other = difference(one.sought.values[aim.name], base.sought.values[aim.name])
        out |= {"search_gain": hoped, "optimism": aim.sign * (hoped - gain), "optimism_se": math.hypot(error, other)}
    return out


def difference(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """The mean difference in pairs, and its standard error."""
    found = ours - theirs
    return float(found.mean()), float(found.std(ddof=1) / math.sqrt(len(found)))


def beaten_by(one: Verified, optimum: Optimum, aims: Sequence[Aim]) -> tuple[str, bool]:
    """Which plan of the front dominates a named strategy with fresh luck, and whether surely: in every objective the
    lower 95 % limit of the paired difference is not below 0."""
    best: tuple[float, str, bool] = (-math.inf, "", False)
    for plan in optimum.verified:
        if plan.name not in optimum.front or one.fresh.error:
            continue
        ours, theirs = ([aim.sign * v.fresh.values[aim.name] for aim in aims] for v in (plan, one))
        pairs = [difference(a, b) for a, b in zip(ours, theirs, strict=True)]
        gains = np.array([[gain for gain, _ in pairs], [0.0] * len(pairs)])
        if dominates(gains)[0, 1]:
            lowest = min(gain / error if error else math.copysign(math.inf, gain) if gain else 0.0
                         for gain, error in pairs)  # fmt: skip
            sure = all(gain - errors_within(len(ours[0])) * error >= 0.0 for gain, error in pairs)
            best = max(best, (lowest, plan.name, sure))
    return best[1], best[2]


def equalled_by(one: Verified, optimum: Optimum, aims: Sequence[Aim]) -> str:
    """Which plan of the front a named strategy comes to the same as, in every replication; empty: none."""
    if one.fresh.error:
        return ""

    def same(plan: Verified) -> bool:
        return all(np.array_equal(plan.fresh.values[aim.name], one.fresh.values[aim.name]) for aim in aims)

    return next((plan.name for plan in optimum.verified if plan.name in optimum.front and same(plan)), "")


def limits_table(asked: Asked, optimum: Optimum) -> pd.DataFrame:
    """limits.csv: each limit of finalists, the base and named strategies with fresh luck: mean, and surer end.

    sure: the end of the one-sided 95 % interval that must be on the right side of the bound.
    """
    rows: list[dict[str, Any]] = []
    for one in (optimum.base, *optimum.verified):
        for limit in asked.bounds if not one.fresh.error else ():
            values = one.fresh.values[limit.name]
            mean, error = float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
            rows.append({
                "name": one.name, "kind": one.kind, "limit": limit.name, "bound": limit.bound, "mean": mean,
                "sure": mean - limit.sign * surely(len(values)) * error, "kept": limit.short(values) == 0.0,
            })  # fmt: skip
    return pd.DataFrame(rows, columns=["name", "kind", "limit", "bound", "mean", "sure", "kept"])


def regret_table(asked: Asked, optimum: Optimum) -> pd.DataFrame:
    """regret.csv: what each plan misses over the drawn worlds, by objective.

    mean: of the objective over worlds; keeps_limits: the share of worlds in which its means keep all limits.
    """
    rows: list[dict[str, Any]] = []
    for aim in asked.aims if len(optimum.laid) else ():
        halves, usable = worth_in_worlds(optimum.laid, aim)
        values = halves.mean(axis=0)
        missed, first = information.regret(values), information.chance_best(values)
        for place, (name, plans) in enumerate(optimum.laid.items()):
            kept = [all(limit.sign * (plans[n].values[limit.name].mean() - limit.bound) >= 0.0
                        for limit in asked.bounds) for n in usable]  # fmt: skip
            rows.append({
                "objective": aim.name, "name": name, "mean": aim.sign * float(values[place].mean()),
                "expected_regret": float(missed[place].mean()),
                "expected_regret_se": float(missed[place].std(ddof=1) / math.sqrt(len(usable))),
                "worst_regret": float(missed[place].max()), "worst_world": int(usable[missed[place].argmax()]),
                "p_best": float(first[place]), "keeps_limits": float(np.mean(kept)),
            })  # fmt: skip
    return pd.DataFrame(rows)


def information_table(asked: Asked, optimum: Optimum) -> pd.DataFrame:
    """information.csv: what it would be worth to know everything, or one unknown, before choosing, by objective.

    Of everything: value is EVPI with its standard error over worlds; value_crossed chooses by one half of the luck
    and pays by the other, so that the truth lies between. Of one: value is EVPPI; by_luck, p: what luck alone shows.
    """
    rows: list[dict[str, Any]] = []
    for aim in asked.aims if len(optimum.laid) > 1 else ():
        halves, usable = worth_in_worlds(optimum.laid, aim)
        values = halves.mean(axis=0)
        rows.append({
            "objective": aim.name, "unknown": "everything", "value": information.perfect(values),
            "se": information.perfect_error(values), "value_crossed": information.perfect_crossed(halves),
        })  # fmt: skip
        for n, axis in enumerate(asked.unknowns.axes):
            places = np.array([axis.unit(optimum.worlds[place][axis.path]) for place in usable])
            found = information.worth(values, places, derived(asked.config.run.seed, DRAWN, n + 1))
            rows.append({"objective": aim.name, "unknown": axis.path, **asdict(found)})
    return pd.DataFrame(rows)


def worlds_table(optimum: Optimum, aims: Sequence[Aim]) -> pd.DataFrame:
    """worlds.csv: each plan in each drawn world: the unknowns, and the mean of each objective."""
    rows = [
        {"world": n, "name": name, "error": plans[n].error, **world}
        | ({} if plans[n].error else {aim.name: float(plans[n].values[aim.name].mean()) for aim in aims})
        for name, plans in optimum.laid.items()
        for n, world in enumerate(optimum.worlds)
    ]
    return pd.DataFrame(rows)


def history_table(asked: Asked, found: Found) -> pd.DataFrame:
    """history.csv: after each round, replications lived so far and the plan that led, as it is known in the end."""
    search = Search(asked.space, asked.aims, asked.bounds, asked.effort, 0, Crew(asked.lived, ()), found.base)
    rows = [
        {"runs": runs, "plan": place} | {aim.name: search.estimate(found.plans[place], aim) for aim in asked.aims}
        for runs, place in found.history
    ]
    return pd.DataFrame(rows)


def tables_of(asked: Asked, optimum: Optimum) -> dict[str, pd.DataFrame]:
    """All tables by file name; those without a row are left out."""
    found = {
        "trials.csv": trials_table(asked, optimum.found),
        "front.csv": front_table(asked, optimum),
        "limits.csv": limits_table(asked, optimum),
        "history.csv": history_table(asked, optimum.found),
        "regret.csv": regret_table(asked, optimum),
        "information.csv": information_table(asked, optimum),
        "worlds.csv": worlds_table(optimum, asked.aims),
    }
    return {name: table for name, table in found.items() if len(table)}


# ---------------------------------------------------------------------------- plans as strategies


def strategy_at(config: Config, point: Point, name: str) -> Strategy:
    """The strategy of a plan."""
    return replace(varied(config, point).strategy, name=name)


def said(settings: Any, usual: Any) -> dict[str, Any]:
    """What settings say that the usual ones do not, as plain values."""
    out: dict[str, Any] = {}
    for field in fields(settings):
        ours, theirs = getattr(settings, field.name), getattr(usual, field.name)
        if ours == theirs:
            continue
        if is_dataclass(ours):
            out[field.name] = said(ours, theirs)
        else:
            out[field.name] = [limit.text for limit in ours] if isinstance(ours, tuple) else ours
    return out


def strategy_text(strategy: Strategy, head: str) -> str:
    """A strategy as the YAML that `strategies=[best.yaml]` reads."""
    values = {"name": strategy.name} | said(strategy, Strategy())
    return f"# {head}\n" + yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def strategies_of(asked: Asked, optimum: Optimum) -> Iterator[tuple[str, str, Strategy]]:
    """File, heading and strategy of the plan that is returned, and of the whole front where there are several."""
    run = f"found by membersim optimize, seed {asked.config.run.seed}"
    places = {one.name: one.fresh.point for one in optimum.verified}
    if optimum.best is not None:
        yield "best.yaml", f"{optimum.best}, {run}", strategy_at(asked.config.base, places[optimum.best], "best")
    if len(asked.aims) > 1:
        for n, name in enumerate(optimum.front, 1):
            yield f"front/{n}.yaml", f"{name}, {run}", strategy_at(asked.config.base, places[name], f"front_{n}")


# ---------------------------------------------------------------------------- documents


def summary_document(asked: Asked, optimum: Optimum, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """summary.json: what was sought, what came of it in numbers and sentences, warnings, notes."""
    ready, plan, found = asked.ready, asked.ready.plan, optimum.found
    document: dict[str, Any] = {
        "title": ready.title,
        "app": "optimize",
        "strategy": ready.config.strategy.name,
        "market": ready.config.market.name,
        "start": plan.start.isoformat(),
        "end": (plan.start + dt.timedelta(plan.days - 1)).isoformat(),
        "days": plan.days,
        "replications": asked.config.run.replications,
        "seed": asked.config.run.seed,
        "fresh_seed": derived(asked.config.run.seed, FRESH),
        "members_at_start": plan.founders.count,
        "stage_limits_days": stage_limits(plan),
        "headlines": [],
        "money": currency(ready),
        "objectives": [
            {"name": aim.name, "wins_by": "more" if aim.sign > 0 else "less", "unit": MEASURES[aim.name].unit,
             "words": MEASURES[aim.name].words, "meaning": MEASURES[aim.name].meaning,
             "kind": KNOWN[aim.name].kind if aim.name in KNOWN else "quotient"}
            for aim in asked.aims
        ],
        "levers": [
            {"name": axis.path, "unit": axis.parameter.about.unit, "meaning": axis.parameter.about.meaning,
             "values": list(axis.levels) or [axis.low, axis.high], "range": not axis.levels}
            for axis in asked.space.axes
        ],
        "limits": [limit.name for limit in asked.bounds],
        "plans": len(found.plans),
        "failed": sum(bool(p.error) for p in found.plans) + sum(bool(v.fresh.error) for v in optimum.verified),
        "errors": sorted({p.error for p in found.plans if p.error}),
        "keep_limits": sum(not p.error and p.short(asked.bounds) == 0.0 for p in found.plans),
        "search_runs": found.runs,
        "ladder": list(asked.effort.ladder),
        "front": optimum.front,
        "best": best_document(asked, optimum),
        "nearest": nearest_document(asked, optimum) if optimum.best is None else None,
        "dominated": dominated(tables["front.csv"]),
        "worlds": len(optimum.worlds),
        "targets": [],
        "ceilings": [],
        "notes": [asdict(note) for note in ready.notes],
    }  # fmt: skip
    document["warnings"] = warnings(asked, optimum, document)
    return document | {"sentences": sentences(document, tables)}


def best_document(asked: Asked, optimum: Optimum) -> dict[str, Any] | None:
    """The plan that is returned: its values, those of the base, and what a strategy file says of it."""
    if optimum.best is None:
        return None
    point = next(one.fresh.point for one in optimum.verified if one.name == optimum.best)
    base = asked.config.base
    usual = {path: strategy.name if path == "strategy" else attrgetter(path)(base)
             for path in asked.space.paths for strategy in (base.strategy,)}  # fmt: skip
    return {
        "name": optimum.best, "values": dict(point), "base": usual,
        "strategy": {"name": "best"} | said(strategy_at(base, point, "best"), Strategy()),
    }  # fmt: skip


def nearest_document(asked: Asked, optimum: Optimum) -> dict[str, Any] | None:
    """Where no plan keeps all limits: the plan that misses least, and the limit that it misses most."""
    plans = [p for p in optimum.found.plans if not p.error]
    fallen = [one for one in optimum.verified if one.kind == "plan" and not one.fresh.error]
    if not plans or not asked.bounds:
        return None
    seen = [(max(one.fresh.short(asked.bounds), one.sought.short(asked.bounds) if one.sought else 0.0),
             one.fresh.index, one.fresh) for one in fallen]  # fmt: skip
    missed, _, plan = min(seen or [(p.short(asked.bounds), p.index, p) for p in plans], key=lambda entry: entry[:2])
    binding = max(asked.bounds, key=lambda limit: limit.short(plan.values[limit.name]))
    return {
        "plan": plan.index, "values": dict(plan.point), "limit": binding.name, "bound": binding.bound,
        "level": float(plan.values[binding.name].mean()), "missed_by": missed,
        "kept_by": {b.name: sum(b.short(p.values[b.name]) == 0.0 for p in plans) for b in asked.bounds},
        "tried": len(plans),
    }  # fmt: skip


def dominated(front: pd.DataFrame) -> dict[str, int]:
    """How many named strategies there are, keep the limits, are dominated by the front, surely so, or stand on it."""
    rows = front[front["kind"] == "reference"].drop_duplicates("name")
    beaten = rows["dominated_by"] != ""
    return {
        "references": len(rows), "keep_limits": int(rows["keeps_limits"].sum()), "dominated": int(beaten.sum()),
        "surely": int((beaten & rows["surely"].astype(bool)).sum()), "equalled": int((rows["equals"] != "").sum()),
    }  # fmt: skip


def warnings(asked: Asked, optimum: Optimum, document: Mapping[str, Any]) -> list[str]:
    """What a reader should know first."""
    out: list[str] = []
    best = next((p for p in optimum.found.plans if f"plan {p.index}" == optimum.best), None)
    for axis in asked.space.axes if best is not None else ():
        value = best.point[axis.path] if best is not None else None
        if not axis.levels and value in (axis.low, axis.high):
            out.append(f"The plan stands at the edge of {axis.path}={value:g}: a wider range may hold a better one.")
    if document["failed"]:
        out.append(f"{document['failed']} plans could not be lived; trials.csv and front.csv say why.")
    if len(optimum.laid) == 1:
        out.append("Only one plan keeps the limits, so that there is nothing to choose among in uncertain worlds.")
    return out


# ---------------------------------------------------------------------------- the runs


def run_optimize(config: OptimizeConfig, root: Path, progress: Progress | None = None) -> Path:
    """Seek and write the folder below `root`; returns the folder.

    Errors: `InputError`, before anything is written, when the input is wrong.
    """
    say = progress or (lambda what, done, of: None)
    began = time.perf_counter()
    asked = prepare_optimize(config)
    run, hash_ = config.run, asked.hash
    folder = RunFolder(root, "optimize", run.name or default_name(asked.ready.config, hash_))
    folder.begin(asdict(config), hash_, asked.ready.inputs, run.overwrite)
    optimum = lived_through(asked, say, folder.parts)
    sought = time.perf_counter()
    say("write results", 0, 1)
    tables, documents = outcome(asked, optimum)
    for name, table in tables.items():
        folder.write_csv(name, table)
    for name, document in documents.items():
        folder.write_json(name, document)
    for name, head, strategy in strategies_of(asked, optimum):
        folder.write_text(name, strategy_text(strategy, head))
    from sim.report.optimize import write_optimize  # drawing is loaded only when something is drawn

    write_optimize(folder.path)
    timing = {"step": ["seek and verify", "write and draw"],
              "seconds": [sought - began, time.perf_counter() - sought]}  # fmt: skip
    folder.write_parquet("timing.parquet", pd.DataFrame(timing), {})
    folder.finish(content_hash(tables, documents))
    say("write results", 1, 1)
    return folder.path


def lived_through(asked: Asked, say: Progress, parts: Path | None = None) -> Optimum:
    """Solve on the workers that were asked for."""
    run = asked.config.run
    with workers(asked.ready.plan.founders.count, run.threads, run.processes) as (pool, threads):
        lived = replace(asked.lived, threads=threads)
        try:
            return solve(asked, Crew(lived, lived.names, lived.task, pool, parts), say)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def outcome(asked: Asked, optimum: Optimum) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """All tables and documents, by file name."""
    tables = tables_of(asked, optimum)
    summary = summary_document(asked, optimum, tables)
    return tables, {"parameters.json": parameters_document(asked.ready), "summary.json": summary}


def optimize(
    levers: Mapping[str, Any], objectives: str | Sequence[str] = "contribution",
    subject_to: Sequence[str] = (), data: str = "none", **groups: Any,
) -> Outcome:  # fmt: skip
    """Seek in memory, with the command line's names: `optimize({"strategy.messaging.per_week": [0, 14]}, "gmv")`.

    data, groups: as for `forecast`; `optimize={...}` takes further keys of the search. Tables by file name without
    its ending: `trials`, `front`, `limits` ...; `summary["best"]` holds the plan, None where none keeps all limits.
    Nothing is printed or written. Errors: `InputError`.
    """
    groups = named_groups(groups)
    chosen = reading(data, groups.pop("data_options", {}))
    sought = {
        "levers": levers,
        "objectives": objectives,
        "subject_to": list(subject_to),
        **groups.pop("optimize", {}),
    }
    asked = prepare_optimize(checked(OptimizeConfig, {**groups, "data": chosen, "optimize": sought}))
    tables, documents = outcome(asked, lived_through(asked, lambda what, done, of: None))
    frames = {name.rsplit(".", 1)[0]: table for name, table in tables.items()}
    return Outcome(frames, documents["summary.json"], documents["parameters.json"])


__all__ = ["optimize", "prepare_optimize", "run_optimize"]
