"""`compare`: twin worlds. The same persons with the same luck live each strategy; what differs is its effect.

The first strategy is the baseline. Replication r of every strategy meets the same luck, the same drawn parameters
and the same weeks, so most of what one future differs by from another drops out of the difference. The
replication is the unit of every interval, never the member or the day. There are as many as are asked for, or as it
takes to call it (`sim/study/calling.py`).
"""

import datetime as dt
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting.metrics import KNOWN, unit_of
from sim.engine import Plan
from sim.report.material import call_words, chance_words, effect_words, mean_words
from sim.settings import Calling, CompareConfig, named_groups
from sim.store import RunFolder, config_hash, content_hash
from sim.strategy import Strategy, read_strategy
from sim.study import calling
from sim.study.assumptions import check_among, examined
from sim.study.bands import errors_within, forecast_table, summarise
from sim.study.bridge import bridge, difference_words
from sim.study.ensemble import Ensemble, joined, run_ensemble
from sim.study.forecast import (
    Outcome,
    Prepared,
    Progress,
    coded,
    cohorts_table,
    daily_table,
    default_name,
    flows_table,
    parameters_document,
    population_table,
    prepare,
    reading,
    stage_limits,
    write_outcome,
)
from sim.study.growth import growth_tables, interval
from sim.study.losses import DEPARTURE_COLUMNS, loss_tables, loss_words
from sim.study.selection import selection_table
from sim.study.targets import goals_of, judged
from sim.targets import HOW, Goals, lived_part
from sim.units import checked

REPLICATIONS = 20
"""Twins tell effects apart with few replications."""
FEW = 5
"""Below this many replications an interval leans on its assumption of normal differences."""
MILESTONES = (30, 90, 180, 365)
HEADLINES = (
    ("orders", "orders until the end"),
    ("revenue", "revenue until the end"),
    ("contribution", "contribution until the end"),
    ("cost", "the operator's cost until the end"),
    ("members", "members at the end"),
    ("mau", "monthly active members at the end"),
    ("reachable", "reachable members at the end"),
    ("blocked", "members who blocked until the end"),
    ("joined", "newcomers until the end"),
    ("dormant_90", "members long silent at the end"),
)
"""What is told in sentences and drawn, where the run has it."""
EFFECT_COLUMNS = {
    "strategy": ("", "whose effect this is"),
    "baseline": ("", "the strategy it is compared with"),
    "metric": ("", "as in daily.parquet; a flow is added up since day 0, a stock is its level at the end of the day"),
    "replication": ("", "the twin worlds: same persons, same luck"),
    "day": ("day", "the last day of each week, days 30, 90, 180, 365 and the last day"),
    "effect": (
        "of the metric",
        "the strategy's number less the baseline's in the same replication and on the same day",
    ),
}


def read_strategies(specs: Sequence[str]) -> dict[str, Strategy]:
    """The strategies by their names in the tables: a varied one by its whole text, a repeated one with a suffix."""
    out: dict[str, Strategy] = {}
    for spec in specs:
        strategy = read_strategy(spec)
        name = spec if "=" in spec else strategy.name
        out[free_name(name, out)] = strategy
    return out


def free_name(name: str, taken: Any) -> str:
    """A name that is not taken: `a`, then `a#2`, `a#3` ..."""
    names = (name, *(f"{name}#{n}" for n in range(2, len(taken) + 2)))
    return next(free for free in names if free not in taken)


@dataclass(frozen=True)
class Twins:
    """A validated comparison, ready to go: nothing has been written yet.

    ready: the run of the baseline; plans, strategies: by name, the baseline first.
    """

    config: CompareConfig
    ready: Prepared
    strategies: dict[str, Strategy]
    plans: dict[str, Plan]
    goals: Goals

    @property
    def hash(self) -> str:
        """The hash of everything that changes results; a strategy counts by what it says, not by its file."""
        values = asdict(self.config) | {"strategies": {"in order": list(self.plans), **self.described}}
        values |= {kind: {"of all": values.pop(kind)} for kind in HOW}
        if not self.config.until_called and self.config.call == Calling():
            del values["call"]  # a number that is given is run, whatever is called
        return config_hash(values, self.ready.inputs)

    @property
    def reach(self) -> calling.Reach:
        """How far intervals reach: further where the data chose how many replications there are."""
        return calling.reach_at_any_time if self.config.until_called else errors_within

    @property
    def but_for(self) -> dict[str, str]:
        """What is otherwise in the baseline's world, as words, by strategy that differs from it."""
        (_, theirs), *others = self.strategies.items()
        return {name: words for name, ours in others if (words := difference_words(ours, theirs, name))}

    @property
    def described(self) -> dict[str, Any]:
        """The strategies as plain values."""
        return {name: asdict(strategy) for name, strategy in self.strategies.items()}


def prepare_twins(config: CompareConfig) -> Twins:
    """Check a comparison, read and fit the log once, and plan one run for each strategy. Errors: `InputError`."""
    check_among(config)
    strategies = read_strategies(config.strategies)
    for strategy in strategies.values():
        config.under(strategy).cross_check()
    ready = prepare(config.under(next(iter(strategies.values()))))
    plans = {name: under(ready.plan, strategy) for name, strategy in strategies.items()}
    return Twins(config, ready, strategies, plans, laid_on(config, strategies, ready.plan.days))


def laid_on(config: CompareConfig, strategies: dict[str, Strategy], days: int) -> Goals:
    """What every strategy is judged by: all targets and ceilings that any of them states, or those of the comparison.

    Errors: `InputError` for one that does not fit this run.
    """
    if config.targets or config.ceilings:
        own = Strategy(targets=config.targets, ceilings=config.ceilings)
        return goals_of(own, days, True, "")
    goals = [goals_of(strategy, days, True, f"{name}:") for name, strategy in strategies.items()]
    return sum(goals, Goals())


def under(plan: Plan, strategy: Strategy) -> Plan:
    """A plan with another strategy. Whoever does nothing counts as an operator too, so that all have all metrics."""
    return replace(plan, strategy=strategy, operated=True)


def run_compare(config: CompareConfig, root: Path, progress: Progress | None = None) -> Path:
    """Run a comparison and write its folder below `root`; returns the folder.

    Errors: `InputError`, before anything is written, when the input is wrong.
    """
    say = progress or (lambda what, done, of: None)
    began = time.perf_counter()
    if config.data.source != "none":
        say("fit the log", 0, 1)
    twins = prepare_twins(config)
    if config.data.source != "none":
        say("fit the log", 1, 1)
    run, hash_ = config.run, twins.hash
    folder = RunFolder(root, "compare", run.name or default_name(twins.ready.config, hash_))
    folder.begin(asdict(config) | {"strategies": list(config.strategies)}, hash_, twins.ready.inputs, run.overwrite)
    steps, times = ["read and fit", *(f"run {name}" for name in twins.plans)], [time.perf_counter() - began]
    lived, spent = live(twins, folder.parts, say)
    times += spent
    say("write results", 0, 1)
    began = time.perf_counter()
    tables, documents = comparison(twins, lived)
    with_bridge(tables, documents, twins, lived, folder.parts / "bridge", say)
    with_assumptions(tables, documents, twins, lived, folder.parts / "assumptions", say)
    content = content_hash(tables, documents)  # of the numbers; what follows from them may be put otherwise
    tables, documents = concluded(twins, lived, tables, documents)
    described = {"effects.parquet": EFFECT_COLUMNS, "departures.parquet": DEPARTURE_COLUMNS}
    write_outcome(folder, {name: table for name, table in tables.items() if name not in described}, documents)
    for name, columns in described.items():
        if name in tables:
            folder.write_parquet(name, tables[name], columns)
    from sim.report.comparison import write_comparison  # drawing is loaded only when something is drawn

    say("draw the page", 0, 1)
    write_comparison(folder.path)
    member_days = [int(ensemble.metric("members").sum()) for ensemble in lived.values()]
    timing = {
        "step": [*steps, "write and draw"],
        "seconds": [*times, time.perf_counter() - began],
        "member_days": [0, *member_days, 0],
    }
    folder.write_parquet("timing.parquet", pd.DataFrame(timing), {})
    folder.finish(content)
    say("draw the page", 1, 1)
    say("write results", 1, 1)
    return folder.path


def compare(strategies: Sequence[str], data: str = "none", **groups: Any) -> Outcome:
    """Compare, with the command line's names: `compare(strategies=["do_nothing", "other"], run={"days": 90})`.

    data, groups: as for `forecast`. Tables by name: `effects` has a row for each replication, `intervals` (the
    effects.csv of a folder) means and intervals. Nothing is printed or written. Errors: `InputError`.
    """
    groups = named_groups(groups)
    chosen_data = reading(data, groups.pop("data_options", {}))
    listed = [strategies] if isinstance(strategies, str) else list(strategies)
    twins = prepare_twins(checked(CompareConfig, {**groups, "data": chosen_data, "strategies": listed}))
    lived, _ = live(twins)
    tables, documents = comparison(twins, lived)
    with_bridge(tables, documents, twins, lived)
    with_assumptions(tables, documents, twins, lived)
    tables, documents = concluded(twins, lived, tables, documents)
    frames = {"intervals" if name == "effects.csv" else name.rsplit(".", 1)[0]: t for name, t in tables.items()}
    return Outcome(frames, documents["summary.json"], documents["parameters.json"])


def with_bridge(
    tables: dict[str, pd.DataFrame], documents: dict[str, Any], twins: Twins, lived: dict[str, Ensemble],
    parts: Path | None = None, say: Progress | None = None,
) -> None:  # fmt: skip
    """Add where the differences come from."""
    money = "CNY" if twins.ready.log is None else "in the log's currency"
    settings = twins.config.run, twins.config.bridge
    found, told = bridge(twins.ready.plan, twins.strategies, lived, *settings, money, parts, say)
    tables |= found
    documents["summary.json"]["bridge"] = told


def with_assumptions(
    tables: dict[str, pd.DataFrame], documents: dict[str, Any], twins: Twins, lived: dict[str, Ensemble],
    parts: Path | None = None, say: Progress | None = None,
) -> None:  # fmt: skip
    """Add which assumptions carry the result, where that is asked for."""
    if twins.config.assumptions.on:
        unused = documents["parameters.json"].get("fitted", {}).get("takes_the_place_of", ())
        found, told = examined(twins.config, twins.ready, twins.strategies, called(twins, lived), unused, parts, say)
        tables |= found
        documents["summary.json"]["assumptions"] = told


def called(twins: Twins, lived: dict[str, Ensemble]) -> dict[str, Any]:
    """What can be said of the number on which the comparison is called; see `calling.called`."""
    call = twins.config.call
    return calling.called(at_the_end(lived, call.metric), call.metric, call.smallest, twins.reach)


def live(
    twins: Twins, parts: Path | None = None, say: Progress | None = None
) -> tuple[dict[str, Ensemble], list[float]]:
    """Live every strategy as often as was said, or until it can be called; what was lived, and seconds of each.

    How often depends on what is lived alone: an interrupted run, which finds its `parts`, stops where it would have.
    """
    run, call = twins.config.run, twins.config.call
    counts = calling.looks(call.most) if run.replications is None else [run.replications]
    lived: dict[str, Ensemble] = {}
    seconds = dict.fromkeys(twins.plans, 0.0)
    for count in counts:
        for place, (name, plan) in enumerate(twins.plans.items()):
            began = time.perf_counter()
            more = run_ensemble(
                plan, run.seed, count, threads=run.threads, processes=run.processes,
                parts=parts and parts / f"{place:02d}", since=lived[name].replications if name in lived else 0,
                progress=say and (lambda n, name=name: say(f"live {name}", n, counts[-1])),
            )  # fmt: skip
            lived[name] = joined([lived[name], more]) if name in lived else more
            seconds[name] += time.perf_counter() - began
        if called(twins, lived)["settled"]:
            break
    for name, ensemble in lived.items():
        if say is not None:
            say(f"live {name}", ensemble.replications, ensemble.replications)
    return lived, list(seconds.values())


def at_the_end(lived: dict[str, Ensemble], name: str) -> dict[str, np.ndarray]:
    """A metric on the last day by strategy, float64 [replication], in its reported unit."""
    return {
        strategy: to_date(ensemble)[:, -1, ensemble.names.index(name)] / unit_of(name)
        for strategy, ensemble in lived.items()
    }


# ---------------------------------------------------------------------------- effects


def to_date(ensemble: Ensemble) -> np.ndarray:
    """What is compared, int64 [replication, day, metric]: flows added up since day 0, stocks; money in cents."""
    flows = np.array([KNOWN[name].kind == "flow" for name in ensemble.names])
    return np.where(flows, ensemble.daily.cumsum(axis=1), ensemble.daily)


def effect_days(days: int) -> np.ndarray:
    """On which days effects are told: the last of each week, the milestones, the last day of all."""
    return np.array(sorted({*range(6, days, 7), *milestones(days)}))


def milestones(days: int) -> list[int]:
    """Those of days 30, 90, 180, 365 that a run has, and its last day."""
    return sorted({*(day for day in MILESTONES if day < days), days - 1})


def paired(ours: np.ndarray, theirs: np.ndarray, reach_of: calling.Reach = errors_within) -> dict[str, np.ndarray]:
    """What pairs tell, over axis 0: twin replications of a strategy (`ours`) and of the baseline (`theirs`).

    effect, low95, high95: the mean difference and its interval, by Student's t if not said; monte_carlo_se: its
    standard error; relative_pct: effect and limits in % of the baseline's mean, its sign aside (NaN where that is 0);
    variance_ratio: how many times larger the variance of a difference would be with independent seeds, Var(ours)
    + Var(theirs) over Var(ours - theirs) (NaN where the difference is the same in every pair).
    """
    difference = ours - theirs
    count = len(difference)
    effect = difference.mean(axis=0)
    variance = difference.var(axis=0, ddof=1)
    error = np.sqrt(variance / count)
    reach = reach_of(count, calling.MISS) * error
    base = np.abs(theirs.mean(axis=0))
    apart = ours.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)
    nothing = np.full(np.shape(effect), np.nan)
    return {
        "effect": effect,
        "low95": effect - reach,
        "high95": effect + reach,
        "monte_carlo_se": error,
        "relative_pct": np.divide(100.0 * effect, base, out=nothing.copy(), where=base != 0),
        "relative_low95_pct": np.divide(100.0 * (effect - reach), base, out=nothing.copy(), where=base != 0),
        "relative_high95_pct": np.divide(100.0 * (effect + reach), base, out=nothing.copy(), where=base != 0),
        "variance_ratio": np.divide(apart, variance, out=nothing, where=variance > 0),
    }


def effects_table(lived: dict[str, Ensemble]) -> pd.DataFrame:
    """effects.parquet: the paired difference of every metric, by strategy, replication and day."""
    baseline, *others = lived
    names, told = list(lived), lived[baseline].names
    theirs = to_date(lived[baseline])
    count, span, _ = theirs.shape
    days = effect_days(span)
    units = np.array([unit_of(name) for name in told])
    parts = [((to_date(lived[name]) - theirs)[:, days] / units).transpose(2, 0, 1).reshape(-1) for name in others]
    pairs, each = len(others), count * len(days)
    return pd.DataFrame(
        {
            "strategy": coded(np.repeat(np.arange(1, len(names)), each * len(told)), names),
            "baseline": coded(np.zeros(each * len(told) * pairs, dtype=np.int64), names),
            "metric": coded(np.tile(np.repeat(np.arange(len(told)), each), pairs), told),
            "replication": np.tile(np.repeat(np.arange(count, dtype=np.int32), len(days)), len(told) * pairs),
            "day": np.tile(days.astype(np.int32), len(told) * count * pairs),
            "effect": np.concatenate(parts),
        }
    )


def intervals_table(
    lived: dict[str, Ensemble], days: Sequence[int], names: Sequence[str], reach: calling.Reach = errors_within
) -> pd.DataFrame:
    """Means and intervals of the effects on given days and metrics, one row for each; see `paired`."""
    baseline, *others = lived
    theirs = to_date(lived[baseline])
    at = np.asarray(days)
    rows: list[pd.DataFrame] = []
    for other in others:
        ours = to_date(lived[other])
        for name in names:
            place = lived[baseline].names.index(name)
            told = paired(ours[:, at, place], theirs[:, at, place], reach)
            told |= {key: told[key] / unit_of(name) for key in ("effect", "low95", "high95", "monte_carlo_se")}
            head = {"strategy": other, "baseline": baseline, "metric": name, "day": at}
            rows.append(pd.DataFrame(head | told))
    return pd.concat(rows, ignore_index=True)


# ---------------------------------------------------------------------------- tables and documents


def comparison(twins: Twins, lived: dict[str, Ensemble]) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """All tables and documents of a comparison, by file name."""
    ready = twins.ready
    days = ready.plan.days
    baseline, every = next(iter(lived)), next(iter(lived.values())).names
    told = [name for name, _ in headlines(every)]
    forecasts = []
    for name, ensemble in lived.items():
        table = forecast_table(ensemble, ready.plan.start)
        table.insert(0, "strategy", name)
        forecasts.append(table)
    intervals = intervals_table(lived, milestones(days), every, twins.reach)
    tables = {
        "population.parquet": population_table(ready),
        "daily.parquet": stacked([daily_table(e, name) for name, e in lived.items()], lived),
        "flows.parquet": stacked([flows_table(e, name) for name, e in lived.items()], lived),
        "cohorts.parquet": stacked([cohorts_table(ready, e, name) for name, e in lived.items()], lived),
        "forecast.csv": pd.concat(forecasts, ignore_index=True),
        "effects.parquet": effects_table(lived),
        "effects.csv": intervals,
        "effects_by_day.csv": intervals_table(lived, effect_days(days).tolist(), told, twins.reach),
        **growth_tables(lived),
        **loss_tables(lived),
        "selection.csv": selection_table(lived),
    }
    members = tables["members.csv"]
    losses = [
        loss_words({"strategy": name, "baseline": baseline}, members[members["strategy"] == name], words)
        for name, words in twins.but_for.items()
    ]
    return tables, {
        "parameters.json": declared(twins),
        "summary.json": summary_document(twins, lived, intervals) | {"losses": losses},
    }


def concluded(
    twins: Twins, lived: dict[str, Ensemble], tables: dict[str, pd.DataFrame], documents: dict[str, Any]
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Tables and documents with what follows from them: what is settled, who wins how often, ranks, the call."""
    call, money = twins.config.call, "CNY" if twins.ready.log is None else "in the log's currency"
    intervals = chances_table(tables["effects.csv"], lived, call.smallest)
    summary = documents["summary.json"]
    last = intervals[intervals["day"] == intervals["day"].max()].set_index(["strategy", "metric"])
    effects = []
    for entry in summary["effects"]:
        row = last.loc[(entry["strategy"], entry["metric"])]
        told = {name: known(row[name]) for name in ("p_better", "p_low95", "p_high95")}
        told |= {"settled": row["settled"], "wins_by": row["wins_by"], "ties": int(row["ties"])}
        more = entry | {"replications": summary["replications"], **told}
        effects.append(more | {"chance": chance_words(more)})
    verdict = called(twins, lived)
    verdict |= {"label": dict(HEADLINES)[call.metric], "unit": KNOWN[call.metric].unit, "most": call.most,
                "until_called": twins.config.until_called}  # fmt: skip
    for pair in verdict["pairs"]:
        pair |= {name: known(pair[name]) for name in ("p_low95", "p_high95")}
        pair |= {"unit": verdict["unit"], "wins_by": verdict["wins_by"], "replications": summary["replications"],
                 "smallest": verdict["smallest"]}  # fmt: skip
        pair |= {"sentence": mean_words(pair, money), "chance": chance_words(pair)}
    verdict["sentence"] = call_words(verdict, money)
    aims = judged(lived, twins.goals, twins.ready.plan.start, money)
    trial = trial_of(lived[str(verdict["best"])], lived[str(verdict["runner_up"])])
    summary = summary | {"effects": effects, "call": verdict, "targets": aims.targets, "ceilings": aims.ceilings,
                         "trial": trial}  # fmt: skip
    return {**tables, "effects.csv": intervals, "ranks.csv": ranks_table(lived), **aims.tables}, {
        **documents,
        "summary.json": summary,
    }


POWER = 0.8
"""How often a trial of the size that is told would find the difference, tested at 5 %."""


def trial_of(ours: Ensemble, theirs: Ensemble) -> dict[str, float] | None:
    """How many real members a trial needs that is to find what members of day 0 spend more, or less, than under
    another strategy; None where that is not told apart from nothing.

    effect, low95, high95: CNY a member, averaged over replications; spread: standard deviation of what members spend,
    CNY, within a world; each: members in each arm, drawn by lot, for a two-sided test of means at 5 % with POWER.
    """
    pairs = min(len(ours.spent), len(theirs.spent))
    spent = [ensemble.spent[:pairs].astype(float) / 100.0 for ensemble in (ours, theirs)]
    found = interval(spent[0].mean(axis=1) - spent[1].mean(axis=1))
    if not (found["low95"] > 0.0 or found["high95"] < 0.0):
        return None
    variance = float(np.mean([cents.var(axis=1, ddof=1) for cents in spent]))
    reach = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(POWER)
    effect = found.pop("mean")
    each = math.ceil(2.0 * variance * (reach / effect) ** 2)
    return {"effect": effect, **found, "spread": math.sqrt(variance), "each": max(each, 2)}


def chances_table(intervals: pd.DataFrame, lived: dict[str, Ensemble], smallest_pct: float) -> pd.DataFrame:
    """effects.csv: `intervals` with what is settled of the mean, and in what share of worlds the strategy wins.

    settled: `same` in every replication, `apart` from 0, `small` (within the smallest difference that matters), or
    `open`; wins_by: whether who has more or who has less wins; p_better, p_low95, p_high95: the share of
    replications that the strategy wins, a tie counting half, with Wilson's 95 % interval (none where all are ties).
    """
    baseline, names = next(iter(lived)), next(iter(lived.values())).names
    totals = {name: to_date(ensemble) for name, ensemble in lived.items()}
    parts: list[pd.DataFrame] = []
    for (strategy, metric), rows in intervals.groupby(["strategy", "metric"], sort=False):
        name, place, at = str(metric), names.index(str(metric)), rows["day"].to_numpy()
        ours, theirs = (totals[who][:, at, place] for who in (str(strategy), baseline))
        smallest = smallest_pct / 100.0 * np.abs(theirs.mean(axis=0)) / unit_of(name)
        sign = calling.sign_of(name)
        found = {
            "settled": calling.settled(rows["low95"], rows["high95"], smallest),
            "wins_by": "more" if sign > 0 else "less",
            **calling.chances(sign * (ours - theirs)),
        }
        parts.append(rows.assign(**found))
    return pd.concat(parts)


def ranks_table(lived: dict[str, Ensemble]) -> pd.DataFrame:
    """ranks.csv: in what share of replications each strategy has each rank by each headline metric at the end.

    Rank 1 is best; a tie shares its ranks evenly. low95, high95: Wilson's interval.
    """
    count = next(iter(lived.values())).replications
    rows: list[pd.DataFrame] = []
    for name, _ in headlines(next(iter(lived.values())).names):
        sign = calling.sign_of(name)
        shares = calling.rank_shares(sign * np.array(list(at_the_end(lived, name).values())))
        for strategy, share in zip(lived, shares, strict=True):
            low, high = calling.wilson(share * count, count)
            head = {"metric": name, "wins_by": "more" if sign > 0 else "less", "strategy": strategy}
            ranks = {"rank": np.arange(1, len(lived) + 1), "share": share, "low95": low, "high95": high}
            rows.append(pd.DataFrame(head | ranks))
    return pd.concat(rows, ignore_index=True)


def stacked(parts: list[pd.DataFrame], names: Any) -> pd.DataFrame:
    """Tables of strategies one below the other, the strategy being a column that stores each name once."""
    every = pd.CategoricalDtype(list(names))
    return pd.concat([part.assign(strategy=part["strategy"].astype(every)) for part in parts], ignore_index=True)


def headlines(names: Sequence[str]) -> list[tuple[str, str]]:
    """Headline metrics and their labels, those that there are."""
    return [(name, label) for name, label in HEADLINES if name in names]


def declared(twins: Twins) -> dict[str, Any]:
    """parameters.json: what all strategies share, and below `strategies` what each says."""
    document = parameters_document(twins.ready)
    kept = {path: entry for path, entry in document["declared"].items() if not path.startswith("strategy.")}
    return document | {"declared": kept, "strategies": {n: lived_part(s) for n, s in twins.strategies.items()}}


def summary_document(twins: Twins, lived: dict[str, Ensemble], intervals: pd.DataFrame) -> dict[str, Any]:
    """summary.json: levels of each strategy, effects with their sentences, variance ratios, warnings, notes."""
    ready, plan = twins.ready, twins.ready.plan
    baseline, *others = lived
    count, last = lived[baseline].replications, plan.days - 1
    names = lived[baseline].names
    money = "CNY" if ready.log is None else "in the log's currency"
    levels, effects = [], []
    for strategy, ensemble in lived.items():
        final = to_date(ensemble)[:, -1]
        for name, label in headlines(names):
            values = final[:, [names.index(name)]] / unit_of(name)
            numbers = {key: float(value[0]) for key, value in summarise(values).items()}
            levels.append({"strategy": strategy, "metric": name, "label": label, "unit": KNOWN[name].unit, **numbers})
    final_rows = intervals[intervals["day"] == last]
    pairs: dict[str, Any] = {}
    for strategy in others:
        rows = final_rows[final_rows["strategy"] == strategy].set_index("metric")
        ratios = {str(name): known(value) for name, value in rows["variance_ratio"].items()}
        pairs[strategy] = {"baseline": baseline, "variance_ratio": ratios}
        for name, label in headlines(names):
            told = {key: known(rows.at[name, key]) for key in rows.columns[3:]}
            head = {
                "strategy": strategy,
                "baseline": baseline,
                "metric": name,
                "label": label,
                "unit": KNOWN[name].unit,
            }
            entry: dict[str, Any] = {**head, "day": last, **told}
            apart = entry["low95"] > 0.0 or entry["high95"] < 0.0
            effects.append(entry | {"told_apart": apart, "sentence": effect_words(entry, money)})
    return {
        "title": ready.title,
        "app": "compare",
        "strategies": list(lived),
        "baseline": baseline,
        "market": ready.config.market.name,
        "start": plan.start.isoformat(),
        "end": (plan.start + dt.timedelta(last)).isoformat(),
        "days": plan.days,
        "replications": count,
        "seed": ready.config.run.seed,
        "members_at_start": plan.founders.count,
        "stage_limits_days": stage_limits(plan),
        "headlines": levels,
        "effects": effects,
        "variance_ratio": pairs[others[0]]["variance_ratio"],
        "pairs": pairs,
        "warnings": [
            *warnings(count, sum(entry["high95"] > entry["low95"] for entry in effects)),
            *sleeping(twins.strategies),
            *(dear_rewards(twins) if ready.log is None else []),
        ],
        "targets": [],
        "notes": [asdict(note) for note in ready.notes],
    }


def known(value: Any) -> float | None:
    """A number, None where there is none."""
    return float(value) if np.isfinite(value) else None


def too_few(replications: int, enough: int) -> list[str]:
    """A warning where replications are so few that intervals lean on their assumption."""
    if replications >= FEW:
        return []
    return [
        f"Only {replications} replications: the intervals are wide and lean on the assumption that differences "
        f"are normal. Run {enough} or more before deciding anything."
    ]


def warnings(replications: int, effects: int) -> list[str]:
    """What a reader of the intervals should know first."""
    out = too_few(replications, REPLICATIONS)
    if effects >= 20:
        out.append(
            f"These are {effects} intervals of 95 %: if nothing differed at all, about {round(effects / 20)} of them "
            "would leave out 0 by chance alone."
        )
    return out


def sleeping(strategies: Mapping[str, Strategy]) -> list[str]:
    """What a reader should know of variations in place of levers that are off."""
    out: list[str] = []
    for name, strategy in strategies.items():
        for path in (part.partition("=")[0] for part in name.split(":")[1:]):
            lever = path.split(".")[0]
            if path != f"{lever}.on" and not getattr(getattr(strategy, lever, None), "on", True):
                out.append(f"{name}: {path} changes nothing while {lever} is off; {lever}.on=true switches it on.")
    return out


def dear_rewards(twins: Twins) -> list[str]:
    """What a reader should know of schemes whose reward is more than a usual order of this market."""
    usual = twins.ready.config.population.spending.median_order
    out: list[str] = []
    for name, strategy in twins.strategies.items():
        scheme = strategy.referral
        most = max(scheme.reward, scheme.friend_reward)
        if scheme.on and most > usual:
            out.append(
                f"{name} rewards a friend's joining with {most:g} CNY, where a usual order is {usual:g} CNY. Rewards "
                "act by their share of an order, so this one draws many more people than where orders are larger."
            )
    return out


__all__ = ["compare", "prepare_twins", "run_compare"]
