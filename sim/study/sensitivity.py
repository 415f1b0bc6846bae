"""`sensitivity`: what a forecast, or the lead of one strategy over another, rests on.

Three designs, each of which tells the next what to look at. One at a time: every assumption at both ends of its
range, the rest as it is. Screening: those that moved outcomes most, on Morris' trajectories. Shares: the first of
them, on Saltelli's design. Outcomes of points are means over replications under common luck; see `sim.study.indices`.
"""

import datetime as dt
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting.metrics import KNOWN
from sim.errors import InputError
from sim.report.sensitivity import sentences
from sim.settings import SensitivityConfig, SensitivitySettings, named_groups
from sim.store import RunFolder, config_hash, content_hash
from sim.strategy import read_strategy
from sim.study import indices
from sim.study.bands import errors_within
from sim.study.calling import sign_of, wilson
from sim.study.compare import HEADLINES
from sim.study.design import base_value
from sim.study.forecast import (
    Outcome,
    Prepared,
    Progress,
    default_name,
    parameters_document,
    prepare,
    reading,
    stage_limits,
)
from sim.study.parts import keep, kept
from sim.study.points import (
    Axis,
    Living,
    Model,
    Point,
    Space,
    Task,
    declared,
    known_axes,
    point_seed,
    processors,
    range_axis,
    run_points,
)
from sim.units import Parameter, checked

MEMBERS, DAYS, REPLICATIONS = 2000, 180, 4
STEPS = {"oat": "one at a time", "morris": "screening", "sobol": "shares"}
"""The designs, in the order in which they are lived, in words."""
FAMILIES = ("market", "population", "response")
"""Groups whose assumptions are explored where none are listed."""
POINT_COLUMNS = {
    "point": ("", "its number"),
    "design": ("", "oat, morris or sobol"),
    "block": ("", "points of a block share their luck"),
    "status": ("", "done or failed"),
    "error": ("", "what was wrong, of a point that failed"),
    "config_hash": ("", "hash of the configuration at the point"),
    "seed": ("", "the seed of its luck"),
}
"""The columns of table.parquet before the parameters."""


@dataclass(frozen=True)
class Contrast:
    """Lives a point under two strategies with the same luck, and tells what the first has more."""

    ours: Living
    theirs: Living

    def __call__(self, task: Task) -> dict[str, np.ndarray]:
        """Differences in pairs, by outcome, float64 [replication]."""
        ours, theirs = self.ours(task), self.theirs(task)
        return {name: ours[name] - theirs[name] for name in ours}


@dataclass(frozen=True)
class Question:
    """A validated analysis, ready to go: nothing has been written yet. left_out: why, by key."""

    config: SensitivityConfig
    ready: Prepared
    living: Living
    model: Model
    space: Space
    left_out: Mapping[str, str]

    @property
    def hash(self) -> str:
        """The hash of everything that changes results."""
        values = asdict(self.config)
        if isinstance(self.model, Contrast):
            values["baseline"] = asdict(self.model.theirs.base.strategy)
        return config_hash(values, self.ready.inputs)


@dataclass(frozen=True)
class Design:
    """Points in blocks, in the order of `places` per block; units: their places in the unit cube, None for ends."""

    name: str
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    places: int
    units: np.ndarray | None = None


@dataclass(frozen=True)
class Stage:
    """A design that was lived; values: float64 [point, outcome, replication], NaN where a point failed."""

    design: Design
    tasks: tuple[Task, ...]
    values: np.ndarray
    errors: tuple[str, ...]
    seconds: float

    @cached_property
    def blocks(self) -> np.ndarray:
        """Values by block, float64 [block, place, outcome, replication]."""
        return self.values.reshape(-1, self.design.places, *self.values.shape[1:])

    @cached_property
    def whole(self) -> np.ndarray:
        """Which blocks have all their points, bool [block]."""
        return np.isfinite(self.blocks).all(axis=(1, 2, 3))

    @property
    def failed(self) -> int:
        """Points that failed."""
        return sum(map(bool, self.errors))


# ---------------------------------------------------------------------------- what is explored


def plausible(parameter: Parameter, value: Any, factor: float) -> Axis:
    """The axis of an assumption from its value over `factor` to its value times it, within its declared range.

    Evenly in the logarithm where both ends lie above 0. Errors: `InputError` where that is no range.
    """
    if parameter.kind not in (int, float):
        raise InputError("is a word")
    if not value:
        raise InputError("is not set" if value is None else "is 0, which no factor moves")
    ends = sorted((value / factor, value * factor))
    if parameter.kind is int:
        ends = [math.floor(ends[0] + 0.5), math.floor(ends[1] + 0.5)]
    low, high = max(ends[0], parameter.low), min(ends[1], parameter.high)
    if low >= high:
        raise InputError(f"is {value:g}, which leaves no range")
    return Axis(parameter, float(low), float(high), log=low > 0)


def given_axis(path: str, given: Any, config: Any, factor: float) -> Axis:
    """The axis of a key that was asked for. Errors: `InputError`."""
    parameter = declared(path)
    if path.partition(".")[0] not in ("strategy", "fit", *FAMILIES):
        raise InputError(f"{path}: belongs to the run; what is explored are levers and what nobody knows")
    if given is not None or parameter.kind not in (int, float):
        return range_axis(path, given)
    try:
        return plausible(parameter, base_value(config, path), factor)
    except InputError as problem:
        raise InputError(f"{path}: {problem}; give a range, {path}: [low, high]") from None


def ends_of(axis: Axis) -> tuple[Any, Any]:
    """The first and the last value of an axis."""
    return axis.value(0.0), axis.value(1.0)


def explored_space(config: SensitivityConfig, living: Living) -> tuple[Space, dict[str, str]]:
    """What is explored around a base, and what is not, with the reason. Errors: `InputError`."""
    asked, factor, base = config.sensitivity.parameters, config.sensitivity.factor, config.base
    automatic = asked is None
    if automatic:
        asked = {
            path: None
            for path, parameter in known_axes().items()
            if path.partition(".")[0] in FAMILIES and parameter.about.confidence == "assumption"
        }
    axes: list[Axis] = []
    left_out: dict[str, str] = {}
    for path, given in asked.items():
        try:
            if automatic:
                axis = plausible(declared(path), base_value(base, path), factor)
            else:
                axis = given_axis(str(path), given, base, factor)
            for end in ends_of(axis):
                living.config({str(path): end})
            axes.append(axis)
        except InputError as problem:
            left_out[path] = str(problem)
    if left_out and not automatic:
        raise InputError("\n".join(left_out.values()))
    if config.sensitivity.baseline is not None:
        for axis in axes:
            if axis.role == "lever":
                raise InputError(
                    f"sensitivity.parameters: {axis.path} is a lever; against a baseline only what nobody knows is "
                    "explored, the same for both"
                )
    return Space(base, tuple(axes)), left_out


def prepare_question(config: SensitivityConfig, model: Model | None = None) -> Question:
    """Check an analysis. model: in place of the real one. Errors: `InputError`, before anything is written."""
    base, how = config.base, config.sensitivity
    if base.run.replications < 2:
        raise InputError("run.replications=1: luck does not show in a single replication; run 2 or more")
    ready = prepare(base)
    living = Living(base, how.outcomes)
    space, left_out = explored_space(config, living)
    if how.baseline is not None:
        theirs = replace(base, strategy=read_strategy(how.baseline, "sensitivity.baseline"))
        theirs.cross_check()
        model = model or Contrast(living, Living(theirs, how.outcomes))
    return Question(config, ready, living, model or living, space, left_out)


# ---------------------------------------------------------------------------- designs


def ends_design(axes: Sequence[Axis]) -> Design:
    """The base, then each axis at its low and at its high end: one block, with the luck of the run itself."""
    points: list[Point] = [{}]
    for axis in axes:
        points += [{axis.path: end} for end in ends_of(axis)]
    return Design("oat", tuple(axes), tuple(points), len(points))


def drawn_design(name: str, axes: Sequence[Axis], count: int, seed: int) -> Design:
    """Trajectories (`morris`) or Saltelli's design (`sobol`) of so many blocks, each with a seed of its own."""
    draw = indices.trajectories if name == "morris" else indices.saltelli
    units = draw(len(axes), count, point_seed(seed, {"design": name}))
    points: list[Point] = []
    for block, places in enumerate(units):
        luck = point_seed(seed, {"design": name, "block": block})
        drawn = [
            {axis.path: axis.value(float(unit)) for axis, unit in zip(axes, place, strict=True)} for place in places
        ]
        points += [point | {"run.seed": luck} for point in drawn]
    return Design(name, tuple(axes), tuple(points), units.shape[1], units)


@dataclass
class Found:
    """What a point came to, kept: values [outcome, replication], and what was wrong."""

    values: np.ndarray
    error: np.ndarray


def live_design(
    design: Design, outcomes: Sequence[str], replications: int, task: Callable[[int, Point], Task], model: Model,
    workers: int = 1, parts: Path | None = None, say: Progress | None = None,
) -> Stage:  # fmt: skip
    """Live the points of a design; those that are found in the folder `parts` are not lived again."""
    began = time.perf_counter()
    tasks = [task(index, point) for index, point in enumerate(design.points)]
    values = np.full((len(tasks), len(outcomes), replications), np.nan)
    errors = [""] * len(tasks)
    missing: list[Task] = []
    for one in tasks:
        found = kept(_file(parts, design, one.index), Found) if parts else None
        if found is None:
            missing.append(one)
        else:
            values[one.index], errors[one.index] = found.values, str(found.error)
    done = len(tasks) - len(missing)
    for answer in run_points(model, missing, min(workers, max(len(missing), 1))):
        at = answer.task.index
        errors[at] = answer.error
        if answer.done:
            values[at] = [answer.values[name] for name in outcomes]
        if parts:
            keep(_file(parts, design, at), Found(values[at], np.array(answer.error)))
        done += 1
        if say is not None:
            say(STEPS[design.name], done, len(tasks))
    return Stage(design, tuple(tasks), values, tuple(errors), time.perf_counter() - began)


def _file(parts: Path, design: Design, index: int) -> Path:
    return parts / design.name / f"{index:06d}.npz"


def explore(
    axes: Sequence[Axis], how: SensitivitySettings, replications: int, seed: int,
    task: Callable[[int, Point], Task], model: Model, workers: int = 1, parts: Path | None = None,
    say: Progress | None = None,
) -> list[Stage]:  # fmt: skip
    """Live the designs one after the other; where axes were not listed, those that move outcomes most go on."""
    listed = how.parameters is not None
    live = [how.outcomes, replications, task, model, workers, parts, say]
    stages = [live_design(ends_design(axes), *live)]
    for name, most, count in (("morris", how.most, how.trajectories), ("sobol", how.top, how.n)):
        if how.method == "oat" or (how.method == "morris" and name == "sobol"):
            break
        axes = axes if listed else foremost(stages[-1], most)
        if not axes:
            break
        stages.append(live_design(drawn_design(name, axes, count, seed), *live))
    return stages


def foremost(stage: Stage, most: int) -> list[Axis]:
    """The axes that move some outcome most, up to `most`; none that moves nothing. In the order of declaration.

    Movements of an outcome count against the largest, or against what two futures differ by where that is more: an
    outcome that is mostly luck sends no axes on.
    """
    sizes = movements(stage)
    luck = np.sqrt(np.nan_to_num(np.nanmean(indices.luck_of(stage.values), axis=0)))
    scale = np.maximum(sizes.max(axis=0), luck)
    score = (sizes / np.where(scale > 0.0, scale, 1.0)).max(axis=1)
    first = np.argsort(-score, kind="stable")[:most]
    return [stage.design.axes[at] for at in sorted(first.tolist()) if score[at] > 0.0]


def movements(stage: Stage) -> np.ndarray:
    """How far each axis moves each outcome, float64 [axis, outcome]: between ends, or by elementary effects."""
    if stage.design.units is None:
        means = stage.values.mean(axis=2)
        low, high, base = means[1::2], means[2::2], means[0]
        sizes = np.nanmax(
            np.stack([np.abs(low - base), np.abs(high - base), np.abs(high - low)]), axis=0, initial=0.0
        )
        return np.nan_to_num(sizes)
    if not stage.whole.any():
        return np.zeros((len(stage.design.axes), stage.values.shape[1]))
    units = stage.design.units[stage.whole]
    each = [indices.elementary_effects(units, values) for values in np.moveaxis(stage.blocks[stage.whole], 2, 0)]
    return np.stack([np.abs(effects.mean(axis=2)).mean(axis=0) for effects in each], axis=1)


# ---------------------------------------------------------------------------- numbers


def indices_table(stages: Sequence[Stage], outcomes: Sequence[str], seed: int) -> pd.DataFrame:
    """indices.csv: one row for each outcome, design, parameter and index, with its 95 % interval."""
    rows: list[dict[str, Any]] = []
    for stage in stages:
        name, blocks = stage.design.name, int(stage.whole.sum())
        if name != "oat" and blocks < 2:
            continue
        weights = None if name == "oat" else indices.resampled_weights(seed, blocks)
        for at, outcome in enumerate(outcomes):
            told = ends_told(stage, at) if weights is None else drawn_told(stage, at, weights)
            for index, (values, reaches) in told.items():
                rows += [
                    {"outcome": outcome, "design": name, "parameter": axis.path, "index": index, "value": value,
                     "low95": value - reach, "high95": value + reach}
                    for axis, value, reach in zip(stage.design.axes, values.tolist(), reaches.tolist(), strict=True)
                ]  # fmt: skip
    return pd.DataFrame(rows)


type Told = dict[str, tuple[np.ndarray, np.ndarray]]
"""Indices by axis and half their 95 % intervals, by name."""


def ends_told(stage: Stage, at: int) -> Told:
    """What the ends do to an outcome, in pairs with the base: low, high, and swing, from low to high."""
    values = stage.values[:, at]
    low, high = values[1::2] - values[0], values[2::2] - values[0]
    reach = errors_within(values.shape[1]) / math.sqrt(values.shape[1])
    return {
        name: (change.mean(axis=1), reach * change.std(axis=1, ddof=1))
        for name, change in (("low", low), ("high", high), ("swing", high - low))
    }


def drawn_told(stage: Stage, at: int, weights: np.ndarray) -> Told:
    """mu, mu_star and sigma of trajectories; first and total of Saltelli's design."""
    assert stage.design.units is not None
    values = stage.blocks[stage.whole][:, :, at]
    if stage.design.name == "morris":
        found = indices.screened(stage.design.units[stage.whole], values, weights)
        names = ("mu", "mu_star", "sigma")
    else:
        found = indices.decomposed(values, weights)
        names = ("first", "total")
    return {name: (getattr(found, name), getattr(found, f"{name}_reach")) for name in names}


VARIANCE_COLUMNS = ["outcome", "part", "variance", "share", "low95", "high95"]


def variance_table(stages: Sequence[Stage], outcomes: Sequence[str], seed: int) -> pd.DataFrame:
    """variance.csv: what of an outcome's variance each assumption moves alone, their interactions, and luck.

    Shares add to 1. The row `monte_carlo` is what was subtracted: the variance of luck in a mean over replications.
    """
    rows: list[tuple[Any, ...]] = []
    for stage in stages:
        blocks = int(stage.whole.sum())
        if stage.design.name != "sobol" or blocks < 2:
            continue
        weights = indices.resampled_weights(seed, blocks)
        for at, outcome in enumerate(outcomes):
            found = indices.decomposed(stage.blocks[stage.whole][:, :, at], weights)
            parts = [
                (axis.path, found.single[n], found.single_share[n], found.single_share_reach[n])
                for n, axis in enumerate(stage.design.axes)
            ]
            parts += [
                ("interactions", found.interactions, found.interactions_share, found.interactions_share_reach),
                ("luck", found.luck, found.luck_share, found.luck_share_reach),
            ]
            rows += [(outcome, part, size, share, share - reach, share + reach) for part, size, share, reach in parts]
            rows.append((outcome, "monte_carlo", found.monte_carlo, math.nan, math.nan, math.nan))
    return pd.DataFrame(rows, columns=VARIANCE_COLUMNS)


def points_table(stages: Sequence[Stage], outcomes: Sequence[str], space: Space) -> pd.DataFrame:
    """table.parquet: a row for each point: parameters, means over replications, and their Monte Carlo errors."""
    paths = [axis.path for axis in space.axes]
    base = {path: base_value(space.base, path) for path in paths}
    rows: list[dict[str, Any]] = []
    for stage in stages:
        with np.errstate(invalid="ignore"):
            means = stage.values.mean(axis=2)
            errors = np.sqrt(indices.luck_of(stage.values) / stage.values.shape[2])
        for at, (task, error) in enumerate(zip(stage.tasks, stage.errors, strict=True)):
            head = {"point": len(rows), "design": stage.design.name, "block": at // stage.design.places}
            head |= {"status": "failed" if error else "done", "error": error}
            row = head | {"config_hash": task.config_hash, "seed": task.seed}
            row |= {path: task.point.get(path, base[path]) for path in paths}
            row |= dict(zip(outcomes, means[at].tolist(), strict=True))
            rows.append(row | {f"{name}_se": se for name, se in zip(outcomes, errors[at].tolist(), strict=True)})
    return pd.DataFrame(rows)


def replications_table(stages: Sequence[Stage], outcomes: Sequence[str]) -> pd.DataFrame:
    """replications.parquet: each outcome in each replication of each point; from it all indices follow."""
    values = np.concatenate([stage.values for stage in stages])
    points, _, replications = values.shape
    table = {
        "point": np.repeat(np.arange(points), replications),
        "replication": np.tile(np.arange(replications, dtype=np.int32), points),
    }
    return pd.DataFrame(table | {name: values[:, at].reshape(-1) for at, name in enumerate(outcomes)})


def draws(stages: Sequence[Stage], at: int) -> np.ndarray:
    """An outcome's means at independent draws of the parameters, float64 [draw]; empty where there are no shares."""
    for stage in stages:
        if stage.design.name == "sobol":
            means = stage.blocks[stage.whole][:, [0, -1], at].mean(axis=2)
            return means.reshape(-1)
    return np.empty(0)


# ---------------------------------------------------------------------------- tables and documents


def analysed(question: Question, stages: Sequence[Stage]) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """All tables and documents of an analysis, by file name."""
    outcomes, seed = question.living.outcomes, question.config.run.seed
    points = points_table(stages, outcomes, question.space)
    tables = {
        "table.parquet": points,
        "table.csv": points,
        "replications.parquet": replications_table(stages, outcomes),
        "indices.csv": indices_table(stages, outcomes, seed),
        "variance.csv": variance_table(stages, outcomes, seed),
    }
    documents = {
        "parameters.json": parameters_document(question.ready),
        "summary.json": summary_document(question, stages, tables),
    }
    return tables, documents


def summary_document(question: Question, stages: Sequence[Stage], tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """summary.json: what is explored and how far, what rests on what, warnings, notes."""
    config, ready = question.config, question.ready
    how, run, plan = config.sensitivity, config.run, ready.plan
    document: dict[str, Any] = {
        "title": ready.title,
        "app": "sensitivity",
        "strategy": ready.config.strategy.name,
        "baseline": how.baseline,
        "market": ready.config.market.name,
        "start": plan.start.isoformat(),
        "end": (plan.start + dt.timedelta(plan.days - 1)).isoformat(),
        "days": plan.days,
        "replications": run.replications,
        "seed": run.seed,
        "members_at_start": plan.founders.count,
        "stage_limits_days": stage_limits(plan),
        "headlines": [],
        "targets": [],
        "method": how.method,
        "listed": how.parameters is not None,
        "factor": how.factor,
        "designs": [
            {"design": stage.design.name, "points": len(stage.tasks), "blocks": len(stage.whole),
             "whole_blocks": int(stage.whole.sum()), "failed": stage.failed}
            for stage in stages
        ],
        "points": sum(len(stage.tasks) for stage in stages),
        "failed": sum(stage.failed for stage in stages),
        "parameters": explored_parameters(question, stages),
        "left_out": dict(question.left_out),
        "outcomes": [outcome_told(question, stages, tables, at) for at in range(len(how.outcomes))],
        "notes": [asdict(note) for note in ready.notes],
    }  # fmt: skip
    return document | {"warnings": warnings(document), "sentences": sentences(document)}


def explored_parameters(question: Question, stages: Sequence[Stage]) -> list[dict[str, Any]]:
    """What is explored, from where to where, whether it moves any outcome, and the last design it is part of."""
    moved = movements(stages[0]).max(axis=1) if len(question.space.axes) else np.empty(0)
    last = {axis.path: stage.design.name for stage in stages for axis in stage.design.axes}
    out = []
    for axis, size in zip(question.space.axes, moved.tolist(), strict=True):
        low, high = ends_of(axis)
        about = axis.parameter.about
        out.append(
            {"parameter": axis.path, "value": base_value(question.space.base, axis.path), "low": low, "high": high,
             "log": axis.log, "unit": about.unit, "meaning": about.meaning, "confidence": about.confidence,
             "moves": size > 0.0, "design": last[axis.path]}
        )  # fmt: skip
    return out


def outcome_told(
    question: Question, stages: Sequence[Stage], tables: dict[str, pd.DataFrame], at: int
) -> dict[str, Any]:
    """What is told of one outcome: its base, what moves it, its spread over assumptions, whether it stays above 0."""
    name = question.living.outcomes[at]
    base = stages[0].values[0, at]
    found: dict[str, Any] = {
        "metric": name,
        "label": dict(HEADLINES).get(name, KNOWN[name].meaning),
        "unit": KNOWN[name].unit,
        "sign": sign_of(name),
        "base": float(base.mean()),
        "base_se": float(base.std(ddof=1) / math.sqrt(len(base))),
        "first": [],
        "variance": [],
    }
    table = tables["indices.csv"]
    for design, index in (("sobol", "total"), ("morris", "mu_star"), ("oat", "swing")):
        rows = table[(table["outcome"] == name) & (table["design"] == design) & (table["index"] == index)]
        rows = rows.dropna(subset=["value"])
        if len(rows) and not found["first"]:
            order = rows["value"].abs().sort_values(ascending=False, kind="stable").index
            found |= {"by": index, "first": rows.loc[order, "parameter"].tolist()}
    variance = tables["variance.csv"]
    found["variance"] = variance[variance["outcome"] == name].drop(columns="outcome").to_dict("records")
    drawn = draws(stages, at)
    if len(drawn):
        levels = zip(("p10", "p50", "p90"), np.quantile(drawn, [0.1, 0.5, 0.9]).tolist(), strict=True)
        found["drawn"] = {"draws": len(drawn), "sd": float(drawn.std(ddof=1))} | dict(levels)
    if question.config.sensitivity.baseline is not None:
        found |= lead_told(stages[0], at, sign_of(name) * drawn, sign_of(name))
    return found


def lead_told(ends: Stage, at: int, drawn: np.ndarray, sign: float) -> dict[str, Any]:
    """Whether the strategy is better whatever the assumptions: of draws, in what share; of ends, which turn it."""
    means = sign * ends.values[:, at].mean(axis=1)
    turned = [
        axis.path
        for axis, low, high in zip(ends.design.axes, means[1::2], means[2::2], strict=True)
        if min(low, high) * np.sign(means[0]) < 0.0
    ]
    out: dict[str, Any] = {"turned_by": turned}
    if len(drawn):
        wins = (drawn > 0.0).sum() + (drawn == 0.0).sum() / 2.0
        low, high = wilson(np.asarray(wins), len(drawn))
        out["better"] = {"share": float(wins / len(drawn)), "low95": float(low), "high95": float(high)}
    return out


def warnings(document: Mapping[str, Any]) -> list[str]:
    """What a reader should know first."""
    out = []
    if document["failed"]:
        out.append(
            f"{document['failed']:,} of {document['points']:,} points failed; table.csv says why. Blocks that lack a "
            "point are left out of screening and shares."
        )
    out += [
        f"Too few blocks of {STEPS[design['design']]} have all their points; there are no numbers of it."
        for design in document["designs"]
        if design["design"] != "oat" and design["whole_blocks"] < 2
    ]
    out += [
        f"{outcome['label']}: the assumptions do not move it beyond luck; there are no indices among them."
        for outcome in document["outcomes"]
        if any(entry["part"] == "luck" and not entry["share"] < 1.0 for entry in outcome["variance"])
    ]
    return out


# ---------------------------------------------------------------------------- the faces


def lived(question: Question, parts: Path | None = None, say: Progress | None = None) -> list[Stage]:
    """Live all designs of a question."""
    how, run = question.config.sensitivity, question.config.run
    workers = run.processes or max(processors() // run.threads, 1)
    return explore(
        question.space.axes,
        how,
        run.replications,
        run.seed,
        question.living.task,
        question.model,
        workers,
        parts,
        say,
    )


def run_sensitivity(
    config: SensitivityConfig, root: Path, progress: Progress | None = None, model: Model | None = None
) -> Path:
    """Analyse and write the folder below `root`; returns the folder. model: in place of the real one.

    Errors: `InputError`, before anything is written, when the input is wrong.
    """
    say = progress or (lambda what, done, of: None)
    question = prepare_question(config, model)
    hash_ = question.hash
    folder = RunFolder(root, "sensitivity", config.run.name or default_name(question.ready.config, hash_))
    folder.begin(asdict(config), hash_, question.ready.inputs, config.run.overwrite)
    stages = lived(question, folder.parts, say)
    say("write results", 0, 1)
    tables, documents = analysed(question, stages)
    outcomes = {name: (KNOWN[name].unit, KNOWN[name].meaning) for name in question.living.outcomes}
    abouts = {axis.path: (axis.parameter.about.unit, axis.parameter.about.meaning) for axis in question.space.axes}
    for name, table in tables.items():
        if name.endswith(".csv"):
            folder.write_csv(name, table)
        else:
            folder.write_parquet(name, table, POINT_COLUMNS | outcomes | abouts)
    for name, document in documents.items():
        folder.write_json(name, document)
    from sim.report.sensitivity import write_sensitivity  # drawing is loaded only when something is drawn

    say("draw the page", 0, 1)
    write_sensitivity(folder.path)
    timing = {"step": [stage.design.name for stage in stages], "seconds": [stage.seconds for stage in stages]}
    folder.write_parquet("timing.parquet", pd.DataFrame(timing), {})
    folder.finish(content_hash(tables, documents))
    say("draw the page", 1, 1)
    say("write results", 1, 1)
    return folder.path


def sensitivity(parameters: Any = None, data: str = "none", **groups: Any) -> Outcome:
    """Analyse in memory: `sensitivity({"response.fatigue.memory": [3, 14]}, strategy="matched_scenes")`.

    parameters: keys, or keys with their ranges; all assumptions where it is left out. data, groups: as for
    `forecast`, and `sensitivity`, its further keys. Tables: `indices`, `variance`, `table`, `replications`. Nothing
    is printed or written. Errors: `InputError`.
    """
    groups = named_groups(groups)
    chosen_data = reading(data, groups.pop("data_options", {}))
    groups["run"] = {"members": MEMBERS, "days": DAYS, "replications": REPLICATIONS} | dict(groups.get("run", {}))
    groups["sensitivity"] = {"parameters": parameters} | dict(groups.get("sensitivity", {}))
    question = prepare_question(checked(SensitivityConfig, {**groups, "data": chosen_data}))
    tables, documents = analysed(question, lived(question))
    frames = {name.rsplit(".", 1)[0]: table for name, table in tables.items()}
    return Outcome(frames, documents["summary.json"], documents["parameters.json"])


__all__ = ["prepare_question", "run_sensitivity", "sensitivity"]
