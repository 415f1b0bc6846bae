"""`forecast`: where members, orders and revenue are heading, with honest bands."""

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting import metrics, posting
from sim.accounting.stages import thresholds
from sim.data import Note, PurchaseLog, read_cdnow, read_log
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.errors import InputError, nearest
from sim.population import FIELDS
from sim.settings import Config, named_groups
from sim.store import RunFolder, config_hash, content_hash
from sim.study.bands import forecast_table, series, summarise, variance_sources
from sim.study.calibrate import Calibrated, calibrate
from sim.study.ensemble import Ensemble, run_ensemble
from sim.study.growth import JOIN_COLUMNS, growth_tables
from sim.study.jump_off import ObservedMembers, Uncertainty
from sim.study.targets import goals_of, judged
from sim.targets import HOW, Goals
from sim.units import checked, parameters
from sim.world.calendar import check_dates
from sim.world.season import INDICES, calendar_month, monthly_speed

BEYOND = 182
"""Days that a forecast goes beyond the end of a log, unless told otherwise."""
CDNOW_JUMP_OFF = 39
"""The customary split of the CDNOW log, in weeks (Fader, Hardie & Lee 2005)."""
HEADLINES = (
    ("orders_to_date", "Orders until the end"),
    ("orders_existing_to_date", "… of existing members"),
    ("orders_newcomers_to_date", "… of newcomers"),
    ("revenue_to_date", "Revenue until the end"),
    ("members", "Members at the end"),
    ("joined_to_date", "Newcomers until the end"),
    ("mau", "Monthly active members at the end"),
    ("dormant_90", "Members long silent at the end"),
)

VARIANTS = {
    "all": "live the replications",
    "parameters": "tell the disturbance apart",
    "luck": "tell luck apart",
}

type Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Prepared:
    """A validated run, ready to go: nothing has been written yet."""

    config: Config
    plan: Plan
    log: PurchaseLog | None
    calibrated: Calibrated | None
    inputs: dict[str, str]
    title: str
    notes: tuple[Note, ...]


def read_data(config: Config) -> PurchaseLog | None:
    """The purchase log that a config names, if any."""
    data = config.data
    if data.path:
        names = asdict(data.columns)
        return read_log(
            data.path,
            duplicates=data.duplicates,
            refunds=data.refunds,
            columns=names,
            complete_until=data.complete_until,
        )
    if data.name == "none":
        return None
    return read_cdnow("full" if data.name == "cdnow" else "sample")


def jump_off_day(config: Config, log: PurchaseLog) -> int:
    """The last day of the log that a forecast may read."""
    week = config.data.jump_off_week
    if week is None:
        week = CDNOW_JUMP_OFF if config.data.name.startswith("cdnow") else log.days // 7
    if week * 7 > log.days:
        raise InputError(f"data.jump_off_week={week}: {log.source} has {log.days // 7} whole weeks")
    return week * 7 - 1


def prepare(config: Config) -> Prepared:
    """Check a config, read the log, fit it, and plan the run. Errors: `InputError`."""
    config.cross_check()
    log = read_data(config)
    market, people, run = config.market, config.population, config.run
    if log is None:
        check_dates(
            market.calendar,
            config.start() - dt.timedelta(people.history_days),
            people.history_days + (run.days or 365),
        )
    else:
        check_dates(market.calendar, log.origin, log.days + (run.days or BEYOND))
    if log is None:
        if market.season.index == "log":
            raise InputError("market.season.index=log: needs a purchase log; allowed here: auto, "
                             f"{', '.join(name for name in INDICES)}")  # fmt: skip
        behaviour = Behaviour(people.buying, people.drifting, people.spending)
        founders = EmbeddedFounders(run.members, behaviour, people.history_days)
        plan = Plan(
            config.start(), run.days or 365, founders, market, stages=people.stages, strategy=config.strategy,
            response=config.response,
        )  # fmt: skip
        note = Note("population", 0, "The embedded population is a stand-in, not your members: use it to explore.")
        title = f"{run.members:,} members of the embedded population, market {market.name}"
        return Prepared(config, plan, None, None, {}, title, (note,))
    until = jump_off_day(config, log)
    calibrated = calibrate(log, until, market, config.fit)
    days = run.days or (log.days - until - 1 if log.days > until + 1 else BEYOND)
    market = replace(market, cycle_days=calibrated.cycle_days, size=max(market.size, 2 * len(log.ids)))
    uncertain = Uncertainty(config.fit.parameters, config.fit.disturbance)
    plan = calibrated.plan(days, market, people.stages, uncertain)
    plan = replace(plan, strategy=config.strategy, response=config.response)
    cycle = Note(
        "cycle", 0, f"Stages are scaled to this log's median time between orders: {market.cycle_days:g} days."
    )
    week = (until + 1) // 7
    title = f"{plan.founders.count:,} members of {log.source}, from the end of week {week} ({calibrated.start})"
    notes = (*log.notes, *calibrated.notes, cycle)
    return Prepared(config, plan, log, calibrated, {"data": log.sha256}, title, notes)


def default_name(config: Config, hash_: str) -> str:
    """The folder's name when none is given: the data or the population, and the beginning of the config's hash."""
    what = config.data.name if config.data.source != "none" else config.population.name
    if config.data.path:
        what = Path(config.data.path).stem
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in what)[:40]
    return f"{kept or 'run'}-{hash_[:6]}"


def run_forecast(config: Config, root: Path, progress: Progress | None = None) -> Path:
    """Run a forecast and write its folder below `root`; returns the folder.

    Errors: `InputError`, before anything is written, when the input is wrong.
    """
    say = progress or (lambda what, done, of: None)
    began = time.perf_counter()
    if config.data.source != "none":
        say("fit the log", 0, 1)
    ready = prepare(config)
    goals = aimed_at(ready)
    if config.data.source != "none":
        say("fit the log", 1, 1)
    fitted = time.perf_counter()
    values = asdict(config)
    hash_ = config_hash(values, ready.inputs)
    folder = RunFolder(root, "forecast", config.run.name or default_name(config, hash_))
    folder.begin(values, hash_, ready.inputs, config.run.overwrite)
    run = config.run
    lived: dict[str, Ensemble] = {}
    for key, plan in _variants(ready).items():
        lived[key] = run_ensemble(
            plan, run.seed, run.replications, threads=run.threads, processes=run.processes,
            parts=folder.parts / key, progress=lambda n, key=key: say(VARIANTS[key], n, run.replications),
        )  # fmt: skip
    ran = time.perf_counter()
    say("write results", 0, 1)
    tables, documents = outcome(ready, lived)
    content = content_hash(tables, documents)  # of what was lived; how targets fare follows from it
    tables, documents = with_targets(ready, goals, lived["all"], tables, documents)
    write_outcome(folder, tables, documents)
    from sim.report.page import write_report  # drawing is loaded only when something is drawn

    say("draw the page", 0, 1)
    write_report(folder.path)
    drawn = time.perf_counter()
    member_days = int(lived["all"].metric("members").sum())
    timing = {
        "step": ["read and fit", "run", "write and draw"],
        "seconds": [fitted - began, ran - fitted, drawn - ran],
        "member_days": [0, member_days * len(lived), 0],
    }
    folder.write_parquet("timing.parquet", pd.DataFrame(timing), {})
    folder.finish(content)
    say("write results", 1, 1)
    return folder.path


@dataclass(frozen=True)
class Outcome:
    """A forecast in memory: what the command line writes to a folder, as frames.

    tables: by file name without its ending, as attributes too (`outcome.forecast`, `outcome.daily` ...); summary,
    parameters: plain documents.
    """

    tables: dict[str, pd.DataFrame]
    summary: dict[str, Any]
    parameters: dict[str, Any]

    def __getattr__(self, name: str) -> pd.DataFrame:
        tables = self.__dict__.get("tables", {})
        if name in tables:
            return tables[name]
        raise AttributeError(f"this forecast has no table {name!r}; {nearest(name, tables)}")


def reading(data: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The group `data` of a config: a log by name or path, and further options."""
    named = data in ("none", "cdnow", "cdnow_sample")
    return {**options, **({"name": data} if named else {"name": "log", "path": data})}


def stage_limits(plan: Plan) -> dict[str, int]:
    """Days of silence from which a member counts as of each stage."""
    limits = (int(value) for value in thresholds(plan.stages, plan.market.cycle_days))
    return dict(zip(("at_risk", "dormant_30", "dormant_60", "dormant_90"), limits, strict=True))


def forecast(data: str = "none", **groups: Any) -> Outcome:
    """Forecast, with the command line's names: `forecast(data="cdnow", run={"days": 90})`.

    data: none, cdnow, cdnow_sample, or the path of a CSV; groups: run, market, strategy, population, data_options,
    fit, response, each a mapping of its keys as in the config; market and strategy may be names. Nothing is
    printed or written. Errors: `InputError`.
    """
    groups = named_groups(groups)
    config = checked(Config, {**groups, "data": reading(data, groups.pop("data_options", {}))})
    ready = prepare(config)
    goals, run = aimed_at(ready), config.run
    lived = {
        key: run_ensemble(plan, run.seed, run.replications, threads=run.threads, processes=run.processes)
        for key, plan in _variants(ready).items()
    }
    tables, documents = with_targets(ready, goals, lived["all"], *outcome(ready, lived))
    frames = {name.rsplit(".", 1)[0]: table for name, table in tables.items()}
    return Outcome(frames, documents["summary.json"], documents["parameters.json"])


def aimed_at(ready: Prepared) -> Goals:
    """The targets and ceilings of a run's strategy, with their due days. Errors: `InputError`."""
    operated = ready.plan.operated or ready.config.strategy.operated
    return goals_of(ready.config.strategy, ready.plan.days, operated, "strategy.")


def with_targets(
    ready: Prepared, goals: Goals, whole: Ensemble, tables: dict[str, pd.DataFrame], documents: dict[str, Any]
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Tables and documents with how targets and ceilings fare: a conclusion from what was lived."""
    found = judged({ready.config.strategy.name: whole}, goals, ready.plan.start, currency(ready))
    summary = documents["summary.json"] | {"targets": found.targets, "ceilings": found.ceilings}
    return tables | found.tables, documents | {"summary.json": summary}


def currency(ready: Prepared) -> str:
    """What amounts are in, in words."""
    return "CNY" if ready.log is None else "in the log's currency"


def _variants(ready: Prepared) -> dict[str, Plan]:
    """The run itself, and, where unknowns vary, the runs that tell their shares of the band apart."""
    out = {"all": ready.plan}
    founders = ready.plan.founders
    if isinstance(founders, ObservedMembers):
        if founders.uncertain.parameters or founders.uncertain.disturbance:
            out["parameters"] = replace(
                ready.plan,
                founders=replace(founders, uncertain=replace(founders.uncertain, disturbance=False)),
            )
            out["luck"] = replace(ready.plan, founders=replace(founders, uncertain=Uncertainty(False, False)))
    elif ready.plan.market.disturbance.weekly_sd > 0.0:
        calm = replace(ready.plan.market, disturbance=replace(ready.plan.market.disturbance, weekly_sd=0.0))
        out["luck"] = replace(ready.plan, market=calm)
    return out


def outcome(ready: Prepared, lived: dict[str, Ensemble]) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """All tables and documents of a run, by file name."""
    whole = lived["all"]
    strategy, start = ready.config.strategy.name, ready.plan.start
    tables = {
        "population.parquet": population_table(ready),
        "daily.parquet": daily_table(whole, strategy),
        "flows.parquet": flows_table(whole, strategy),
        "cohorts.parquet": cohorts_table(ready, whole, strategy),
        "growth.parquet": growth_table(ready, whole, strategy),
        "forecast.csv": forecast_table(whole, start),
        **growth_tables({strategy: whole}),
    }
    if ready.log is not None and ready.calibrated is not None:
        tables["history.csv"] = log_series(ready.log, ready.calibrated.until, before=True)
        tables["cohorts_history.csv"] = log_cohorts(ready.log, ready.calibrated.until)
        after = log_series(ready.log, ready.calibrated.until, before=False)
        after = after[after["day"] < ready.plan.days]
        if len(after):
            tables["actuals.csv"] = after.reset_index(drop=True)
    documents = {
        "parameters.json": parameters_document(ready),
        "summary.json": summary_document(ready, lived, tables),
    }
    return tables, documents


def write_outcome(folder: RunFolder, tables: dict[str, pd.DataFrame], documents: dict[str, Any]) -> None:
    """Write tables and documents into a run's folder."""
    known = (*metrics.METRICS, *metrics.RESPONSE_METRICS)
    about = {metric.name: (metric.unit, metric.meaning) for metric in known}
    about |= {field.name: (field.unit, field.meaning) for field in FIELDS if field.name not in about}
    for name, table in tables.items():
        if name.endswith(".csv"):
            folder.write_csv(name, table)
        else:
            folder.write_parquet(name, table, about | (JOIN_COLUMNS if name == "joins.parquet" else {}))
    for name, document in documents.items():
        folder.write_json(name, document)


def population_table(ready: Prepared) -> pd.DataFrame:
    """population.parquet: keys, traits and states of the members at day 0, in replication 0."""
    world = World(ready.plan, ready.config.run.seed, 0)
    people = world.population
    count = ready.plan.founders.count
    columns: dict[str, Any] = {field.name: people.column(field.name)[:count] for field in FIELDS}
    columns["key"] = [f"{key:016x}" for key in columns["key"].tolist()]
    if ready.config.data.show_ids and ready.log is not None and ready.calibrated is not None:
        members = ready.log.histories(ready.calibrated.until)[0]
        columns["member_id"] = [ready.log.ids[i] for i in members]
    return pd.DataFrame(columns)


def coded(codes: np.ndarray, names: Sequence[str]) -> Any:
    """Words by their code, as a column that stores each word once."""
    return pd.Categorical.from_codes(codes.tolist(), categories=pd.Index(names))


def _index(strategy: str, replications: int, per: int) -> dict[str, Any]:
    return {
        "strategy": coded(np.zeros(replications * per, dtype=np.int8), [strategy]),
        "replication": np.repeat(np.arange(replications, dtype=np.int32), per),
    }


def daily_table(ensemble: Ensemble, strategy: str) -> pd.DataFrame:
    """daily.parquet: one row per strategy, replication and day; one column per metric."""
    r, days, _ = ensemble.daily.shape
    columns = _index(strategy, r, days) | {"day": np.tile(np.arange(days, dtype=np.int32), r)}
    for name in ensemble.names:
        values = ensemble.metric(name).reshape(-1)
        columns[name] = values / 100.0 if name in metrics.MONEY else values
    return pd.DataFrame(columns)


def flows_table(ensemble: Ensemble, strategy: str) -> pd.DataFrame:
    """flows.parquet: every move between stages, by replication, day and channel, with its cause; no zeros."""
    at = np.nonzero(ensemble.flows)
    ends = [[flow[i] for flow in posting.FLOWS] for i in range(3)]

    def words(codes: np.ndarray, names: list[str]) -> pd.Categorical:
        known = sorted(set(names))
        place = np.array([known.index(name) for name in names], dtype=np.int8)
        return coded(place[codes], known)

    return pd.DataFrame(
        {
            "strategy": coded(np.zeros(len(at[0]), dtype=np.int8), [strategy]),
            "replication": at[0].astype(np.int32),
            "day": at[1].astype(np.int32),
            "from_stage": words(at[3], ends[0]),
            "to_stage": words(at[3], ends[1]),
            "channel": words(at[2], list(posting.CHANNELS)),
            "cause": words(at[3], ends[2]),
            "count": ensemble.flows[at],
        }
    )


def _month_names(base: int, count: int) -> np.ndarray:
    return (np.datetime64("1970-01", "M") + np.arange(base, base + count).astype("timedelta64[M]")).astype(str)


def cohorts_table(ready: Prepared, ensemble: Ensemble, strategy: str) -> pd.DataFrame:
    """cohorts.parquet: what each joining month's members did in each calendar month of the forecast.

    size: members of the cohort by the end of the month; age_months: calendar months since the joining month.
    A month that the forecast covers only in part is there with what falls into it (see growth.parquet).
    """
    cohorts, months = ensemble.cohorts.shape[1:3]
    plan = ready.plan
    base = plan.base_month
    first = int(plan.month_index(0, 1)[0])
    size = ensemble.founded[:, :, None] + ensemble.cohorts[:, :, :, posting.COHORT_JOINED].cumsum(axis=2)
    age = first + np.arange(months)[None, :] - np.arange(cohorts)[:, None]
    keep = (age >= 0)[None] & (size > 0)
    at = np.nonzero(keep)
    return pd.DataFrame(
        {
            "strategy": coded(np.zeros(len(at[0]), dtype=np.int8), [strategy]),
            "replication": at[0].astype(np.int32),
            "joining_month": coded(at[1], _month_names(base, cohorts).tolist()),
            "age_months": age[at[1], at[2]].astype(np.int32),
            "size": size[at],
            "active": ensemble.cohorts[*at, posting.COHORT_ACTIVE],
            "orders": ensemble.cohorts[*at, posting.COHORT_ORDERS],
            "revenue": ensemble.cohorts[*at, posting.COHORT_REVENUE] / 100.0,
        }
    )


def growth_table(ready: Prepared, ensemble: Ensemble, strategy: str) -> pd.DataFrame:
    """growth.parquet: growth accounting by calendar month.

    active = new + retained + resurrected; churned = active in the month before - retained, -1 where the run does
    not cover the whole month before; whole: whether the run covers the whole month.
    """
    plan = ready.plan
    sums = ensemble.monthly.sum(axis=2)
    r, months, _ = sums.shape
    first = plan.base_month + int(plan.month_index(0, 1)[0])
    names = _month_names(first, months)
    end = plan.start + dt.timedelta(plan.days)
    opening = np.array(names, dtype="datetime64[M]").astype("datetime64[D]")
    closing = (np.array(names, dtype="datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[D]")
    whole = (opening >= np.datetime64(plan.start, "D")) & (closing <= np.datetime64(end, "D"))
    active = sums.sum(axis=2)
    churned = np.full((r, months), -1, dtype=np.int64)
    after_whole = np.flatnonzero(whole[:-1]) + 1
    churned[:, after_whole] = active[:, after_whole - 1] - sums[:, after_whole, posting.MONTH_RETAINED]
    return pd.DataFrame(
        _index(strategy, r, months)
        | {
            "month": coded(np.tile(np.arange(months), r), names.tolist()),
            "new": sums[:, :, posting.MONTH_NEW].reshape(-1),
            "retained": sums[:, :, posting.MONTH_RETAINED].reshape(-1),
            "resurrected": sums[:, :, posting.MONTH_RESURRECTED].reshape(-1),
            "churned": churned.reshape(-1),
            "active": active.reshape(-1),
            "whole": np.tile(whole, r),
        }
    )


def log_series(log: PurchaseLog, until: int, before: bool) -> pd.DataFrame:
    """What the log itself says, day by day: before the jump-off (days < 0), or after it (from day 0 on).

    Columns day, date, metric, value; metrics named as in the forecast; same-day lines count as one order.
    """
    days = log.days
    first = np.flatnonzero(np.diff(log.member, prepend=-1) != 0)
    birth = log.day[first][np.cumsum(np.diff(log.member, prepend=-1) != 0) - 1]
    joins = np.zeros(len(log.day), dtype=bool)
    joins[first] = True
    at, start = log.day - until - 1, log.origin + dt.timedelta(until + 1)
    first_day, last = (-until - 1, 0) if before else (0, days - until - 1)
    table = series_table(log, at, birth <= until, joins, start, first_day, last)
    if before:  # before the jump-off the split has no meaning
        table = table[~table["metric"].str.endswith(("_existing", "_newcomers"))].reset_index(drop=True)
    return table


def series_table(
    log: PurchaseLog, at: np.ndarray, existing: np.ndarray, joins: np.ndarray, start: dt.date, first: int, last: int
) -> pd.DataFrame:
    """Daily sums of a log's lines on days first .. last - 1, counted from `start`: day, date, metric, value.

    at, existing, joins: of each line its day, whether its member was known at the jump-off, whether he joins by it.
    """
    span, every, money = np.arange(first, last), np.ones(len(at), dtype=bool), log.amount / 100.0

    def daily(which: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        here = which & (at >= first) & (at < last)
        picked = None if weights is None else weights[here]
        return np.bincount(at[here] - first, weights=picked, minlength=len(span)).astype(np.float64)

    out = {
        "orders": daily(every),
        "orders_existing": daily(existing),
        "orders_newcomers": daily(~existing),
        "repeat_orders": daily(~joins),
        "first_orders": daily(joins),
        "joined": daily(joins),
        "buyers": daily(every),
        "revenue": daily(every, money),
        "revenue_existing": daily(existing, money),
        "revenue_newcomers": daily(~existing, money),
    }
    dates = (np.datetime64(start, "D") + span.astype("timedelta64[D]")).astype(str)
    parts = [pd.DataFrame({"day": span, "date": dates, "metric": k, "value": v}) for k, v in out.items()]
    return pd.concat(parts, ignore_index=True)


def log_cohorts(log: PurchaseLog, until: int) -> pd.DataFrame:
    """cohorts_history.csv: what the log shows of each joining month's members, in whole months up to the jump-off.

    Columns joining_month, age_months, size, active, orders, revenue, as in cohorts.parquet.
    """
    known = log.day <= until
    member, day, cents = log.member[known], log.day[known], log.amount[known]
    first = np.diff(member, prepend=-1) != 0
    month = calendar_month(log.origin, day)
    cohort = month[first][np.cumsum(first) - 1]
    ends = calendar_month(log.origin, np.array([until, until + 1]))
    last = int(ends[0]) if ends[0] != ends[1] else int(ends[0]) - 1
    base = int(calendar_month(log.origin, np.array([0]))[0])
    count = int(cohort.max()) - base + 1
    months = last - base + 1
    rows = []
    size = np.bincount(cohort[first] - base, minlength=count)
    distinct = np.unique(np.stack([member, cohort, month], axis=1), axis=0)
    for c in range(count):
        for k in range(c, months):
            here = (cohort == base + c) & (month == base + k)
            active = int(((distinct[:, 1] == base + c) & (distinct[:, 2] == base + k)).sum())
            rows.append((c, k - c, int(size[c]), active, int(here.sum()), float(cents[here].sum()) / 100.0))
    columns = ["joining_month", "age_months", "size", "active", "orders", "revenue"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame[frame["size"] > 0].reset_index(drop=True)
    frame["joining_month"] = _month_names(base, count)[frame["joining_month"].to_numpy(dtype=np.int64)]
    return frame


def parameters_document(ready: Prepared) -> dict[str, Any]:
    """parameters.json: every declared setting with its value, and what was fitted; all results follow from it."""
    values = asdict(ready.config)
    declared = {}
    for parameter in parameters(Config):
        group = parameter.path.split(".", 1)[0]
        if group in ("run", "data") or parameter.path.removeprefix("strategy.") in HOW:
            continue  # targets say nothing of the world
        value: Any = values
        for key in parameter.path.split("."):
            value = value[key]
        declared[parameter.path] = {
            "value": value,
            "unit": parameter.about.unit,
            "meaning": parameter.about.meaning,
            "source": parameter.about.source,
            "confidence": parameter.about.confidence,
        }
    out: dict[str, Any] = {"declared": declared}
    if ready.calibrated is None:
        out["months"] = list(monthly_speed(ready.plan.market.season))
    if ready.calibrated is not None:
        fitted = ready.calibrated.fitted
        out["fitted"] = {
            "purchasing": fitted.purchasing.to_dict(),
            "regularity": fitted.regularity,
            "spending": fitted.spending.to_dict(),
            "weekly_sd": fitted.weekly_sd,
            "memory": fitted.memory,
            "weekly_sd_error": fitted.sd_error,
            "newcomers_per_week": fitted.newcomers.level,
            "newcomers_error": fitted.newcomers.error,
            "newcomers_walk": fitted.newcomers.walk,
            "newcomers_noise": fitted.newcomers.noise,
            "months": list(fitted.months),
            "cycle_days": ready.calibrated.cycle_days,
            "takes_the_place_of": ["population.buying", "population.drifting", "population.spending",
                                   "market.disturbance", "market.joining", "market.cycle_days"],
        }  # fmt: skip
    return out


def summary_document(ready: Prepared, lived: dict[str, Ensemble], tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """summary.json: headline numbers with intervals and Monte Carlo errors, sources of the band, notes."""
    whole, plan = lived["all"], ready.plan
    headlines = []
    for name, label in HEADLINES:
        base = name.removesuffix("_to_date")
        values = series(whole, base)
        last = values.sum(axis=1) if name != base else values[:, -1]
        numbers = {key: float(value[0]) for key, value in summarise(last[:, None]).items()}
        unit = next(metric.unit for metric in metrics.METRICS if metric.name == base)
        headlines.append({"metric": name, "label": label, "unit": unit, **numbers})
    sources = None
    if "luck" in lived:
        middle = lived.get("parameters", lived["luck"])
        sources = {name: variance_sources(whole, middle, lived["luck"], name) for name in ("orders", "revenue")}
    out: dict[str, Any] = {
        "title": ready.title,
        "app": "forecast",
        "strategy": ready.config.strategy.name,
        "market": ready.config.market.name,
        "start": plan.start.isoformat(),
        "end": (plan.start + dt.timedelta(plan.days - 1)).isoformat(),
        "days": plan.days,
        "replications": whole.replications,
        "seed": ready.config.run.seed,
        "members_at_start": plan.founders.count,
        "stage_limits_days": stage_limits(plan),
        "headlines": headlines,
        "band_sources": sources,
        "targets": [],
        "notes": [asdict(note) for note in ready.notes],
    }
    if "actuals.csv" in tables:
        out["against_actuals"] = against_actuals(tables["forecast.csv"], tables["actuals.csv"])
    return out


def against_actuals(forecast: pd.DataFrame, actuals: pd.DataFrame) -> list[dict[str, Any]]:
    """How a forecast fared: the total over all whole weeks covered, and how many weeks lay inside the bands."""
    out = []
    for name in ("orders_existing", "orders_newcomers", "revenue_existing"):
        truth = actuals[actuals["metric"] == name].set_index("day")["value"].sort_index()
        weeks = forecast[forecast["metric"] == f"{name}_week"].set_index("day")
        weeks = weeks[[all(day - i in truth.index for i in range(7)) for day in weeks.index]]
        if weeks.empty:
            continue
        actual = np.array([truth.loc[day - 6 : day].sum() for day in weeks.index])
        if actual.sum() == 0:
            continue
        inside = {
            level: float(((actual >= weeks[low]) & (actual <= weeks[high])).mean())
            for level, low, high in (("80", "p10", "p90"), ("95", "p025", "p975"))
        }
        expected = float(weeks["mean"].sum())
        out.append(
            {
                "metric": name,
                "weeks": len(weeks),
                "actual": float(actual.sum()),
                "forecast": expected,
                "error_pct": 100.0 * (expected / float(actual.sum()) - 1.0),
                "weeks_inside_80_pct": 100.0 * inside["80"],
                "weeks_inside_95_pct": 100.0 * inside["95"],
            }
        )
    return out


__all__ = ["Outcome", "Prepared", "forecast", "prepare", "run_forecast"]
