"""Will we meet our targets, and which guardrails break? Futures judged by a strategy's targets and ceilings.

A *target* is met by a future in which its metric stands at the level on the due day; whoever only passes it earlier
does not meet it. A *ceiling* is broken by a future in which its metric passes the level on any day up to the last one
guarded. The share of futures is the chance; Wilson's interval says how well so many futures tell it. Levels are those
of `sim.targets.MEASURES`: stocks as they are, flows added up since day 0.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting.metrics import KNOWN, unit_of
from sim.report.targets import sentence_of
from sim.strategy import Strategy
from sim.study import calling
from sim.study.bands import QUANTILES
from sim.study.ensemble import Ensemble
from sim.targets import CASH_LOW, MEASURES, Ceiling, Goals, Target, contradictions, due

TABLES = ("targets.csv", "targets_by_day.csv")
"""What follows from what was lived, and is no part of its content hash."""
DAYS = {"day_p10": 0.1, "day_p50": 0.5, "day_p90": 0.9}


def goals_of(strategy: Strategy, days: int, operated: bool, prefix: str) -> Goals:
    """The targets and ceilings of a strategy in a run of so many days; prefix: of their keys, in errors.

    Errors: `InputError`, see `sim.targets.due`.
    """
    goals = Goals(
        tuple(due(strategy.targets, days, operated, f"{prefix}targets")),
        tuple(due(strategy.ceilings, days, operated, f"{prefix}ceilings")),
    )
    contradictions(goals.targets, goals.ceilings, prefix)
    return goals


# ---------------------------------------------------------------------------- levels


def course(ensemble: Ensemble, metric: str) -> np.ndarray:
    """The level of a measure, float64 [replication, day], in its reported unit.

    NaN where it is not judged: nothing to divide by, or a quotient of flows in its first days.
    """
    measure = MEASURES[metric]
    if metric == CASH_LOW:
        return np.minimum.accumulate(_summed(ensemble, measure.over), axis=1)
    over = _summed(ensemble, measure.over)
    if not measure.under:
        return over
    under = _summed(ensemble, measure.under)
    out = np.divide(over, under, out=np.full_like(over, np.nan), where=under > 0)
    out[:, : min(measure.since, out.shape[1] - 1)] = np.nan
    return out


def _summed(ensemble: Ensemble, names: Sequence[str]) -> np.ndarray:
    """Metrics added up, `-` before a name: taken off; flows since day 0."""
    total = np.zeros(ensemble.daily.shape[:2])
    for term in names:
        name = term.lstrip("-")
        values = ensemble.metric(name)
        values = values.cumsum(axis=1) if KNOWN[name].kind == "flow" else values
        total += (-1.0 if term.startswith("-") else 1.0) * values / unit_of(name)
    return total


# ---------------------------------------------------------------------------- what is judged


def holds(values: np.ndarray, limit: Target) -> np.ndarray:
    """Where a level is on the right side of a limit, bool like `values`; nowhere where there is no level."""
    return limit.sign * (values - limit.value) >= 0.0


def breaks(values: np.ndarray, ceiling: Ceiling) -> np.ndarray:
    """Where a level is beyond a ceiling, bool [replication, day], on the days that are guarded."""
    assert ceiling.day is not None
    out = ceiling.sign * (values - ceiling.value) < 0.0
    out[:, ceiling.day + 1 :] = False
    return out


def since_when(met: np.ndarray, day: int) -> np.ndarray:
    """The day since which each future meets a target without a break up to the due day; only futures that meet it."""
    kept = met[met[:, day], : day + 1]
    backwards = np.logical_and.accumulate(kept[:, ::-1], axis=1)
    return day + 1 - backwards.sum(axis=1)


def chance(hits: np.ndarray, name: str) -> dict[str, float]:
    """A share of futures and Wilson's 95 % interval of it; hits: bool [replication]."""
    value = float(hits.mean())
    low, high = (float(limit) for limit in calling.wilson(np.array(hits.sum(), dtype=float), len(hits)))
    return {name: value, f"{name}_low95": min(low, value), f"{name}_high95": max(high, value)}  # but for rounding


def days_of(days: np.ndarray) -> dict[str, float | None]:
    """Days that a tenth, half and nine tenths of some futures are at, each a day of one of them; None without any."""
    return {
        name: float(np.quantile(days, share, method="inverted_cdf")) if len(days) else None
        for name, share in DAYS.items()
    }


def levels_of(values: np.ndarray) -> dict[str, float | None]:
    """Mean and quantiles of the levels on one day; None where no future has one."""
    known = values[np.isfinite(values)]
    if not len(known):
        return dict.fromkeys(("mean", *QUANTILES))
    levels = np.quantile(known, list(QUANTILES.values())).tolist()
    return {"mean": float(known.mean()), **dict(zip(QUANTILES, levels, strict=True))}


def of_target(values: np.ndarray, target: Target) -> dict[str, Any]:
    """How a target fares, from levels [replication, day].

    Levels on the due day (mean, quantiles); p_met with its interval; the days since which it is met, of the futures
    that meet it; p_reached: the share of futures that stand at it on some day up to the due day.
    """
    assert target.day is not None
    met = holds(values, target)
    return {
        **levels_of(values[:, target.day]),
        **chance(met[:, target.day], "p_met"),
        **days_of(since_when(met, target.day)),
        "p_reached": float(met[:, : target.day + 1].any(axis=1).mean()),
    }


def of_ceiling(values: np.ndarray, ceiling: Ceiling) -> dict[str, Any]:
    """How a ceiling fares, from levels [replication, day].

    p_breach with its interval; the first day beyond it, of the futures that break it; the worst level up to the last
    day: in half of the futures it is worse than worst_p50, in one of 20 than worst_p95, in none than worst.
    """
    assert ceiling.day is not None
    broken = breaks(values, ceiling)
    ever = broken.any(axis=1)
    slack = np.where(np.isfinite(values), ceiling.sign * values, np.inf)[:, : ceiling.day + 1].min(axis=1)
    known = slack[np.isfinite(slack)]
    worst = np.quantile(known, [0.5, 0.05, 0.0]) * ceiling.sign + 0.0 if len(known) else [None] * 3
    return {
        **chance(ever, "p_breach"),
        **days_of(broken[ever].argmax(axis=1)),
        **{name: None if level is None else float(level)
           for name, level in zip(("worst_p50", "worst_p95", "worst"), worst, strict=True)},
    }  # fmt: skip


def by_day(values: np.ndarray, limit: Target) -> pd.DataFrame:
    """Day by day: mean and quantiles of the level; and the share of futures that stand at a target, or that have
    broken a ceiling by then, with its interval."""
    if isinstance(limit, Ceiling):
        assert limit.day is not None
        hits = np.logical_or.accumulate(breaks(values, limit), axis=1)[:, : limit.day + 1]
        values = values[:, : limit.day + 1]
    else:
        hits = holds(values, limit)
    levels = pd.DataFrame([levels_of(values[:, day]) for day in range(values.shape[1])], dtype=float)
    low, high = calling.wilson(hits.sum(axis=0).astype(float), len(hits))
    shares = {"share": hits.mean(axis=0), "share_low95": low, "share_high95": high}
    return pd.concat([pd.DataFrame({"day": np.arange(values.shape[1])}), levels, pd.DataFrame(shares)], axis=1)


# ---------------------------------------------------------------------------- tables


@dataclass(frozen=True)
class Judged:
    """Targets and ceilings judged: entries of summary.json, and tables by file name (none without any)."""

    targets: list[dict[str, Any]]
    ceilings: list[dict[str, Any]]
    tables: dict[str, pd.DataFrame]


def judged(lived: Mapping[str, Ensemble], goals: Goals, start: dt.date, money: str) -> Judged:
    """Every target and ceiling under every strategy; targets.csv, and targets_by_day.csv for the charts."""
    found: dict[str, list[dict[str, Any]]] = {"target": [], "ceiling": []}
    days: list[pd.DataFrame] = []
    limits = [*(("target", n, t) for n, t in enumerate(goals.targets, 1)),
              *(("ceiling", n, c) for n, c in enumerate(goals.ceilings, 1))]  # fmt: skip
    for kind, place, limit in limits:
        for strategy, ensemble in lived.items():
            values = course(ensemble, limit.metric)
            entry = {"strategy": strategy, **described(limit, place, start, money), "replications": len(values)}
            entry |= of_ceiling(values, limit) if isinstance(limit, Ceiling) else of_target(values, limit)
            found[kind].append(entry | {"sentence": sentence_of(kind, entry)})
            head = {"kind": kind, "place": place, "strategy": strategy, "metric": limit.metric}
            days.append(pd.DataFrame(head | dict(by_day(values, limit))))
    if not days:
        return Judged([], [], {})
    rows = [{"kind": kind, **entry} for kind, entries in found.items() for entry in entries]
    table = pd.DataFrame(rows).drop(columns=["start", "words", "sentence", "money"])
    return Judged(
        found["target"], found["ceiling"], {TABLES[0]: table, TABLES[1]: pd.concat(days, ignore_index=True)}
    )


def described(limit: Target, place: int, start: dt.date, money: str) -> dict[str, Any]:
    """What a limit is, in plain values."""
    measure = limit.measure
    return {
        "place": place, "text": limit.text, "metric": limit.metric, "words": measure.words, "unit": measure.unit,
        "money": money, "at": limit.at, "value": limit.value, "day": limit.day, "start": start.isoformat(),
    }  # fmt: skip
