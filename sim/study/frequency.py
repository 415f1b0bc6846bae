"""`frequency`: one strategy at several doses of messages a week, lived by the same persons with the same luck.

Replication r of every dose meets the same luck, so that doses are compared in pairs; the replication is the unit of
every interval. Shown are the members of day 0, who are the same at every dose; newcomers count in the segment `all`.
"""

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting import metrics, posting
from sim.behaviour.permission import REACHABLE
from sim.engine import Plan, World
from sim.report.frequency import sentences, words_of_best
from sim.settings import FrequencyConfig
from sim.store import RunFolder, config_hash, content_hash
from sim.study.bands import errors_within
from sim.study.compare import paired, too_few
from sim.study.ensemble import LARGE, new_pool
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
from sim.units import checked

REPLICATIONS, DAYS, MEMBERS = 8, 365, 5000
QUOTA = 7.0
"""WeCom's quota as a dose: as many mass messages a month as it has days."""
TWICE = 2.0
"""A dose is too much for the silent where they opt out this many times as fast as at one message a week."""
CLAIMED = 3.2
"""A claim of the trade: under bombardment opens fall from about 35 to 12-15 % and this many times as many opt out."""
BOMBARDMENT = 21.0
"""Three messages a day, as in configs/strategy/broadcast_bombardment.yaml."""
FIRST = posting.PERIOD
STAGES = posting.SEGMENTS[: posting.NEWCOMER]
GROUPS = {"founders": (0, 1, 2, 3, 4, 5), **{name: (i,) for i, name in enumerate(STAGES)}, "dormant": (3, 4, 5)}
"""Members of day 0: all of them, by lifecycle stage at day 0, and the three dormant stages together."""
DAILY = (
    "orders", "gmv", "engaged_30", "reachable", "messages", "opens", "muted", "blocked", "left", "cost",
    "contribution",
)  # fmt: skip
"""Metrics of the whole membership that are kept."""
PER_100, RATE = "per 100 members of day 0", "% of messages sent"
METRICS = {
    "orders_30": (PER_100, "orders in the first 30 days"),
    "orders": (PER_100, "orders until the end"),
    "gmv": ("CNY per member of day 0", "value of orders at list price until the end"),
    "engaged_30": (PER_100, "members who opened, visited or ordered in the last 30 days, at the end"),
    "reachable": (PER_100, "members who can be reached at the end"),
    "opted_out": (PER_100, "members who muted, blocked or left until the end"),
    "muted": (PER_100, "members who muted until the end"),
    "blocked": (PER_100, "members who blocked until the end"),
    "left": (PER_100, "members who left until the end"),
    "opt_out_month": ("% of reachable members a month", "members who opted out, per member who could be reached"),
    "open_rate": (RATE, "messages opened, of those sent"),
    "open_rate_same": (RATE, "messages opened, of those sent to members who can be reached at the end of all doses"),
    "messages": ("messages per member of day 0", "messages sent until the end"),
    "opens": ("messages per member of day 0", "messages opened until the end"),
    "cost": ("CNY per member of day 0", "what the operator spent until the end"),
    "contribution": ("CNY per member of day 0", "revenue less all costs until the end"),
}
"""Units and meanings of the metrics of curve.csv."""
TARGETS = (
    ("orders_30", "orders in the first 30 days"),
    ("engaged_30", "active members at the end"),
    ("gmv", "GMV until the end"),
)

type Values = dict[tuple[str, str], np.ndarray]
"""Numbers by metric and segment, float64 [dose, replication]; NaN where there is nothing to divide by."""


@dataclass
class Lived:
    """What the replications of one dose leave behind; the first axis is the replication.

    daily [replication, day, DAILY] (money in cents); segments [replication, period of 30 days, SEGMENTS,
    SEGMENT_EVENTS]; ends [replication, stage at day 0, (members, reachable and engaged at the end)]: int64; reachable
    (bool), messages and opens (int32) [replication, member of day 0].
    """

    daily: np.ndarray
    segments: np.ndarray
    ends: np.ndarray
    reachable: np.ndarray
    messages: np.ndarray
    opens: np.ndarray


@dataclass(frozen=True)
class Doses:
    """A validated curve, ready to go: nothing has been written yet. plans: by dose, 0 first."""

    config: FrequencyConfig
    ready: Prepared
    plans: dict[float, Plan]

    @property
    def hash(self) -> str:
        """The hash of everything that changes results."""
        return config_hash(asdict(self.config), self.ready.inputs)


def prepare_doses(config: FrequencyConfig) -> Doses:
    """Check a curve, read and fit a log once, and plan a run for each dose. Errors: `InputError`."""
    doses = config.frequency.doses
    for dose in doses:
        config.at(dose).cross_check()
    ready = prepare(config.at(doses[-1]))
    plans = {dose: replace(ready.plan, strategy=config.at(dose).strategy, operated=True) for dose in doses}
    return Doses(config, ready, plans)


def run_frequency(config: FrequencyConfig, root: Path, progress: Progress | None = None) -> Path:
    """Live all doses and write the folder of the curve below `root`; returns the folder.

    Errors: `InputError`, before anything is written, when the input is wrong.
    """
    say = progress or (lambda what, done, of: None)
    began = time.perf_counter()
    doses = prepare_doses(config)
    run, hash_ = config.run, doses.hash
    folder = RunFolder(root, "frequency", run.name or default_name(doses.ready.config, hash_))
    folder.begin(asdict(config), hash_, doses.ready.inputs, run.overwrite)
    steps, times = ["read and fit"], [time.perf_counter() - began]
    lived: dict[float, Lived] = {}
    with workers(doses.plans[0.0].founders.count, run.threads, run.processes) as (pool, threads):
        for place, (dose, plan) in enumerate(doses.plans.items()):
            began = time.perf_counter()
            what = f"live {dose:g} messages a week"
            file = folder.parts / f"dose-{place:02d}.npz"
            found = kept(file, Lived)
            if found is None or len(found.daily) != run.replications:
                found = live_dose(
                    plan, run.seed, run.replications, pool, threads,
                    lambda n, what=what: say(what, n, run.replications),
                )  # fmt: skip
                keep(file, found)
            lived[dose] = found
            say(what, run.replications, run.replications)
            steps.append(f"run {dose:g} a week")
            times.append(time.perf_counter() - began)
    say("write results", 0, 1)
    began = time.perf_counter()
    tables, documents = curve(doses, lived)
    for name, table in tables.items():
        folder.write_csv(name, table)
    for name, document in documents.items():
        folder.write_json(name, document)
    from sim.report.frequency import write_frequency  # drawing is loaded only when something is drawn

    say("draw the page", 0, 1)
    write_frequency(folder.path)
    days = doses.ready.plan.days
    member_days = [doses.ready.plan.founders.count * days * run.replications] * len(lived)
    timing = {
        "step": [*steps, "write and draw"],
        "seconds": [*times, time.perf_counter() - began],
        "member_days": [0, *member_days, 0],
    }
    folder.write_parquet("timing.parquet", pd.DataFrame(timing), {})
    folder.finish(content_hash(tables, documents))
    say("draw the page", 1, 1)
    say("write results", 1, 1)
    return folder.path


def frequency(doses: Sequence[float] | None = None, data: str = "none", **groups: Any) -> Outcome:
    """The curve in memory, with the command line's names: `frequency([1, 7, 21], run={"members": 500})`.

    data, groups: as for `forecast`; strategy: a strategy's groups. Market and strategy are those given, not the
    command line's. Tables: `curve` and `months`. Nothing is printed or written. Errors: `InputError`.
    """
    chosen_data = reading(data, groups.pop("data_options", {}))
    groups["run"] = {"replications": REPLICATIONS, "days": DAYS, "members": MEMBERS} | dict(groups.get("run", {}))
    chosen = {} if doses is None else {"frequency": {"doses": list(doses)}}
    ready = prepare_doses(checked(FrequencyConfig, {**groups, **chosen, "data": chosen_data}))
    run = ready.config.run
    with workers(ready.ready.plan.founders.count, run.threads, run.processes) as (pool, threads):
        lived = {d: live_dose(plan, run.seed, run.replications, pool, threads) for d, plan in ready.plans.items()}
    tables, documents = curve(ready, lived)
    frames = {name.rsplit(".", 1)[0]: table for name, table in tables.items()}
    return Outcome(frames, documents["summary.json"], documents["parameters.json"])


# ---------------------------------------------------------------------------- living


def live_one(plan: Plan, seed: int, replication: int, threads: int = 1) -> Lived:
    """One replication of one dose."""
    world = World(plan, seed, replication, threads)
    ledger = world.run()
    daily = metrics.daily_columns(ledger, plan.days)
    count, people = plan.founders.count, world.population
    at = {name: people.column(name)[:count] for name in ("segment", "permission", "last_active", "messages", "opens")}
    here = people.column("listed")[:count] == 1
    reachable = here & (at["permission"] == REACHABLE)
    engaged = here & (at["last_active"] > plan.days - 1 - 30)
    told = [np.ones(count, dtype=bool), reachable, engaged]
    ends = [np.bincount(at["segment"][who], minlength=len(STAGES)) for who in told]
    assert ledger.segments is not None
    return Lived(
        np.stack([daily[name] for name in DAILY], axis=1)[None],
        ledger.segments[None],
        np.stack(ends, axis=1)[None],
        reachable[None],
        at["messages"].astype(np.int32)[None],
        at["opens"].astype(np.int32)[None],
    )


@contextmanager
def workers(members: int, threads: int, processes: int) -> Iterator[tuple[Executor, int]]:
    """A pool for replications, and the threads that each of them gets: several where members are many."""
    shared = threads > 1 and members >= LARGE
    each = threads if shared else 1
    count = processes if shared else processes * threads
    with new_pool(processes, count) as pool:
        yield pool, each


def live_dose(
    plan: Plan, seed: int, replications: int, pool: Executor, threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Lived:  # fmt: skip
    """Replications 0 .. replications - 1 of one dose; the result does not depend on the workers."""
    say = progress or (lambda done: None)
    say(0)
    jobs: dict[Future[Lived], int] = {pool.submit(live_one, plan, seed, r, threads): r for r in range(replications)}
    done: dict[int, Lived] = {}
    try:
        for job in as_completed(jobs):
            done[jobs[job]] = job.result()
            say(len(done))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    parts = [done[r] for r in range(replications)]
    return Lived(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Lived)})


# ---------------------------------------------------------------------------- numbers


def measured(lived: Mapping[float, Lived]) -> Values:
    """Every metric by segment, float64 [dose, replication]."""
    every = list(lived.values())
    daily = np.stack([one.daily for one in every]).astype(float)
    books = np.stack([one.segments for one in every]).astype(float)
    ends = np.stack([one.ends for one in every]).astype(float)
    count = ends[..., 0].sum(axis=2)
    out: Values = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for place, name in enumerate(DAILY):
            flow = daily[:, :, :, place].sum(axis=2)
            value = daily[:, :, -1, place] if name in ("engaged_30", "reachable") else flow
            value = value / 100.0 if name in metrics.MONEY else value
            out[name, "all"] = value / count * (100.0 if METRICS[name][0] == PER_100 else 1.0)
        out["orders_30", "all"] = 100.0 * daily[:, :, :FIRST, DAILY.index("orders")].sum(axis=2) / count
        out["opted_out", "all"] = out["muted", "all"] + out["blocked", "all"] + out["left", "all"]
        out["open_rate", "all"] = 100.0 * out["opens", "all"] / out["messages", "all"]
        for group, places in GROUPS.items():
            book, end = books[:, :, :, list(places)].sum(axis=3), ends[:, :, list(places)].sum(axis=2)
            out |= of_group(group, book, end, daily.shape[2])
        messages, opens = same_members(every)
        out["open_rate_same", "founders"] = 100.0 * opens / messages
    return out


def of_group(group: str, book: np.ndarray, ends: np.ndarray, days: int) -> Values:
    """The metrics of one group of members of day 0: book [dose, replication, period, event], ends [.., 3]."""
    count = ends[..., 0]
    total = book.sum(axis=2)
    gone = book[..., posting.SEGMENT_OPTED_OUT]
    before = np.cumsum(gone, axis=2) - gone
    months = np.diff(np.minimum(posting.PERIOD * np.arange(book.shape[2] + 1), days)) / posting.PERIOD
    exposed = ((count[..., None] - before - 0.5 * gone) * months).sum(axis=2)
    sent, opened = total[..., posting.SEGMENT_MESSAGES], total[..., posting.SEGMENT_OPENS]
    values = {
        "orders_30": 100.0 * book[:, :, 0, posting.SEGMENT_ORDERS] / count,
        "orders": 100.0 * total[..., posting.SEGMENT_ORDERS] / count,
        "gmv": total[..., posting.SEGMENT_LIST] / 100.0 / count,
        "engaged_30": 100.0 * ends[..., 2] / count,
        "reachable": 100.0 * ends[..., 1] / count,
        "opted_out": 100.0 * total[..., posting.SEGMENT_OPTED_OUT] / count,
        "opt_out_month": 100.0 * total[..., posting.SEGMENT_OPTED_OUT] / exposed,
        "open_rate": 100.0 * opened / sent,
        "messages": sent / count,
        "opens": opened / count,
    }
    return {(name, group): value for name, value in values.items()}


def same_members(every: Sequence[Lived]) -> tuple[np.ndarray, np.ndarray]:
    """Messages and opens [dose, replication] of the members whom every dose of a replication leaves reachable."""
    cohort = np.all([one.reachable for one in every], axis=0)
    sums = [[(getattr(one, name) * cohort).sum(axis=1) for one in every] for name in ("messages", "opens")]
    return np.array(sums[0], dtype=float), np.array(sums[1], dtype=float)


def monthly(lived: Mapping[float, Lived], days: int) -> dict[str, np.ndarray]:
    """What members of day 0 do in each whole period of 30 days, float64 [dose, replication, period]."""
    whole = days // posting.PERIOD
    book = np.stack([one.segments for one in lived.values()]).astype(float)[:, :, :whole, : len(STAGES)].sum(axis=3)
    count = np.stack([one.ends for one in lived.values()])[..., 0].sum(axis=2)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "orders": 100.0 * book[..., posting.SEGMENT_ORDERS] / count,
            "gmv": book[..., posting.SEGMENT_LIST] / 100.0 / count,
            "open_rate": 100.0 * book[..., posting.SEGMENT_OPENS] / book[..., posting.SEGMENT_MESSAGES],
            "opted_out": 100.0 * book[..., posting.SEGMENT_OPTED_OUT] / count,
            "reachable": 100.0 * (1.0 - np.cumsum(book[..., posting.SEGMENT_OPTED_OUT], axis=2) / count),
        }


def interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean, 95 % limits by Student's t and standard error, over the last axis: the replications."""
    count = values.shape[-1]
    mean, error = values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(count)
    reach = errors_within(count) * error
    return mean, mean - reach, mean + reach, error


def rows_of(values: np.ndarray, doses: Sequence[float], head: dict[str, Any], unit: str) -> pd.DataFrame:
    """A metric's rows: values [dose, replication]; doses at which there is nothing to measure have none."""
    mean, low, high, error = interval(values)
    effects = paired(values.T, np.broadcast_to(values[0], values.shape).T)
    table = {"dose": list(doses), **head, "mean": mean, "low95": low, "high95": high, "effect": effects["effect"]}
    table |= {"effect_low95": effects["low95"], "effect_high95": effects["high95"]}
    table |= {"monte_carlo_se": error, "unit": unit}
    return pd.DataFrame(table).dropna(subset=["mean"])


def curve_table(values: Values, doses: Sequence[float]) -> pd.DataFrame:
    """curve.csv: a row for each dose, metric and segment; effects are against dose 0, in pairs."""
    parts = [
        rows_of(found, doses, {"metric": name, "segment": segment}, METRICS[name][0])
        for (name, segment), found in values.items()
    ]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def months_table(values: Mapping[str, np.ndarray], doses: Sequence[float]) -> pd.DataFrame:
    """months.csv: the same by whole periods of 30 days, for all members of day 0."""
    columns = ["dose", "month", "metric", "mean", "low95", "high95", "effect", "effect_low95", "effect_high95"]
    parts = [
        rows_of(found[:, :, month], doses, {"month": month + 1, "metric": name}, METRICS[name][0])
        for name, found in values.items()
        for month in range(found.shape[2])
    ]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=[*columns, "monte_carlo_se", "unit"])
    return pd.concat(parts, ignore_index=True)


def best_dose(values: np.ndarray, doses: Sequence[float]) -> dict[str, Any]:
    """The dose with the highest mean, its interval, and the doses that pairs do not tell from it."""
    mean, low, high, _ = interval(values)
    at = int(np.argmax(mean))
    apart = [paired(values[at], values[other])["low95"] > 0.0 for other in range(len(doses))]
    alike = [dose for dose, far in zip(doses, apart, strict=True) if not far]
    return {
        "dose": doses[at],
        "mean": float(mean[at]),
        "low95": float(low[at]),
        "high95": float(high[at]),
        "alike": alike,
        "from": alike[0],
        "to": alike[-1],
        "effect_pct": 100.0 * float(mean[at] / mean[0] - 1.0) if mean[0] else None,
        "at_edge": at == len(doses) - 1,
    }


def ratios(values: np.ndarray, doses: Sequence[float], base: int) -> list[dict[str, Any]]:
    """How many times the value of the dose at place `base`, for each dose above 0, with intervals over pairs."""
    if not (values[base] > 0.0).all():
        return []
    mean, low, high, _ = interval(values / values[base])
    told = zip(doses[1:], mean[1:].tolist(), low[1:].tolist(), high[1:].tolist(), strict=True)
    return [{"dose": dose, "times": times, "low95": lower, "high95": upper} for dose, times, lower, upper in told]


def crossing(times: Sequence[Mapping[str, Any]], level: float) -> float | None:
    """The dose at which a rising ratio passes a level, between doses on a log scale; None where it does not."""
    for here, there in pairwise(times):
        if here["times"] < level <= there["times"]:
            part = (level - here["times"]) / (there["times"] - here["times"])
            return float(np.exp(np.log(here["dose"]) + part * np.log(there["dose"] / here["dose"])))
    return None


def claimed(values: Values, doses: Sequence[float], one: int) -> dict[str, float] | None:
    """Where opt-outs until the end are as many times those of one a week as claimed, and what is opened there."""
    dose = crossing(ratios(values["opted_out", "founders"], doses, one), CLAIMED)
    if dose is None:
        return None
    rates = values["open_rate", "founders"].mean(axis=1)
    rate = np.interp(np.log(dose), np.log(doses[1:]), rates[1:])
    return {"times": CLAIMED, "dose": dose, "open_rate": float(rate)}


def like_active(values: Values, doses: Sequence[float], dose: float = 2.0) -> float | None:
    """The dose at which active members opt out as fast as dormant ones at `dose`; None where none was found."""
    if dose not in doses:
        return None
    rate = float(values["opt_out_month", "dormant"][doses.index(dose)].mean())
    active = values["opt_out_month", "active"].mean(axis=1).tolist()
    told = [{"dose": at, "times": value} for at, value in zip(doses[1:], active[1:], strict=True)]
    return crossing(told, rate)


# ---------------------------------------------------------------------------- tables and documents


def curve(doses: Doses, lived: Mapping[float, Lived]) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """All tables and documents of a curve, by file name."""
    values = measured(lived)
    tables = {
        "curve.csv": curve_table(values, list(lived)),
        "months.csv": months_table(monthly(lived, doses.ready.plan.days), list(lived)),
    }
    parameters = parameters_document(doses.ready)
    parameters["declared"].pop("strategy.messaging.per_week")
    return tables, {
        "parameters.json": parameters | {"doses": list(lived)},
        "summary.json": summary_document(doses, lived, values),
    }


def summary_document(doses: Doses, lived: Mapping[float, Lived], values: Values) -> dict[str, Any]:
    """summary.json: the best doses, opens, opt-outs and the silent, in numbers and in sentences; warnings, notes."""
    ready, plan = doses.ready, doses.ready.plan
    told = list(lived)
    one = nearest_place(told, 1.0)
    bombardment = next((dose for dose in told if dose >= BOMBARDMENT), told[-1])
    best = []
    for name, label in TARGETS:
        entry = {"metric": name, "label": label, "unit": METRICS[name][0]}
        entry |= best_dose(values[name, "founders"], told)
        best.append(entry | {"words": words_of_best(entry)})
    cohort = np.all([one.reachable for one in lived.values()], axis=0)
    silent = ratios(values["opt_out_month", "dormant"], told, one)
    document: dict[str, Any] = {
        "title": ready.title,
        "app": "frequency",
        "strategy": ready.config.strategy.name,
        "market": ready.config.market.name,
        "start": plan.start.isoformat(),
        "end": (plan.start + dt.timedelta(plan.days - 1)).isoformat(),
        "days": plan.days,
        "replications": len(next(iter(lived.values())).daily),
        "seed": ready.config.run.seed,
        "members_at_start": plan.founders.count,
        "stage_limits_days": stage_limits(plan),
        "headlines": [],
        "doses": told,
        "quota": QUOTA,
        "one": told[one],
        "bombardment": bombardment,
        "best": best,
        "best_contribution": best_dose(values["contribution", "all"], told),
        "same_members": {"count": float(cohort.sum(axis=1).mean()), "share": float(cohort.mean())},
        "opt_outs": ratios(values["opted_out", "founders"], told, one),
        "claimed": claimed(values, told, one),
        "opt_outs_month": ratios(values["opt_out_month", "founders"], told, one),
        "silent": {
            "level": TWICE,
            "times": silent,
            "dose": crossing(silent, TWICE),
            "like_active": like_active(values, told),
        },
        "points": points(values, told),
        "targets": [],
        "notes": [asdict(note) for note in ready.notes],
    }
    return document | {"warnings": warnings(doses, document), "sentences": sentences(document)}


def nearest_place(doses: Sequence[float], dose: float) -> int:
    """The place of the dose above 0 that is nearest, on a log scale."""
    return 1 + int(np.argmin(np.abs(np.log(np.array(doses[1:]) / dose))))


def points(values: Values, doses: Sequence[float]) -> list[dict[str, Any]]:
    """The curve of all members of day 0 and what of it is told of the dormant, a mean for each dose."""
    named = {name: values[name, "founders"] for name, group in values if group == "founders"}
    named |= {f"dormant_{name}": values[name, "dormant"] for name in ("opt_out_month", "open_rate")}
    means = {name: found.mean(axis=1) for name, found in named.items()}
    finite = {name: [float(x) if np.isfinite(x) else None for x in mean] for name, mean in means.items()}
    return [{"dose": dose} | {name: mean[i] for name, mean in finite.items()} for i, dose in enumerate(doses)]


def warnings(doses: Doses, document: Mapping[str, Any]) -> list[str]:
    """What a reader of the curve should know first."""
    guard = doses.config.strategy.guard
    out = too_few(document["replications"], REPLICATIONS)
    if guard.quota != "none":
        out.append(
            f"This world has a quota (strategy.guard.quota={guard.quota}): doses beyond it are planned, not sent. "
            "The messages sent stand in curve.csv."
        )
    if document["days"] < 180:
        out.append(
            f"{document['days']} days are too few to see what bombardment costs: permission and habits are used up "
            "over months. Run 365 days."
        )
    return out


__all__ = ["frequency", "prepare_doses", "run_frequency"]
