"""From replications to what is reported: means, quantiles, Monte Carlo errors, and where a band comes from."""

import datetime as dt

import numpy as np
import pandas as pd
from scipy import stats

from sim.accounting.metrics import METRICS, MONEY, RESPONSE_METRICS
from sim.study.ensemble import Ensemble

QUANTILES = {"p025": 0.025, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p975": 0.975}
FLOWS = tuple(metric.name for metric in (*METRICS, *RESPONSE_METRICS) if metric.kind == "flow")
_TOTALS = ("orders", "repeat", "revenue", "joined", "buyers", "blocked", "gmv", "cost", "contribution")
TOTALS = tuple(name for name in FLOWS if name.startswith(_TOTALS))


def series(ensemble: Ensemble, name: str) -> np.ndarray:
    """A metric in its reported unit, float64 [replication, day]: money in CNY."""
    values = ensemble.metric(name).astype(np.float64)
    return values / 100.0 if name in MONEY else values


def weekly(values: np.ndarray) -> np.ndarray:
    """Sums over whole weeks from day 0 on, [replication, week]; days beyond the last whole week are left out."""
    weeks = values.shape[1] // 7
    return values[:, : weeks * 7].reshape(len(values), weeks, 7).sum(axis=2)


def summarise(values: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, quantiles and the Monte Carlo standard error of the mean over replications (axis 0)."""
    out = {"mean": values.mean(axis=0)}
    levels = np.quantile(values, list(QUANTILES.values()), axis=0)
    out.update(zip(QUANTILES, levels, strict=True))
    out["monte_carlo_se"] = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return out


def forecast_table(ensemble: Ensemble, start: dt.date) -> pd.DataFrame:
    """forecast.csv: every metric by day, flows also as `<name>_week` on the last day of each week and as
    `<name>_to_date` from day 0 on; columns day, date, metric, mean, the quantiles, monte_carlo_se."""
    days = ensemble.daily.shape[1]
    dates = np.datetime64(start, "D") + np.arange(days).astype("timedelta64[D]")
    rows: list[pd.DataFrame] = []

    def add(name: str, at: np.ndarray, values: np.ndarray) -> None:
        columns = {"day": at, "date": dates[at].astype(str), "metric": name, **summarise(values)}
        rows.append(pd.DataFrame(columns))

    every = np.arange(days)
    ends = np.arange(6, days, 7)
    for name in ensemble.names:
        values = series(ensemble, name)
        add(name, every, values)
        if name in FLOWS and len(ends):
            add(f"{name}_week", ends, weekly(values))
        if name in TOTALS:
            add(f"{name}_to_date", every, values.cumsum(axis=1))
    return pd.concat(rows, ignore_index=True)


def variance_sources(everything: Ensemble, parameters: Ensemble, luck: Ensemble, name: str) -> dict[str, float]:
    """How much of the variance of a metric's total at the horizon is luck, parameters and disturbance.

    The three ensembles share their luck; they differ in which unknowns vary: all, luck and parameters, luck
    alone. Shares are differences of variances, each cut at 0, and sum to 1; `error` is the relative standard
    error of each variance, from the number of replications: shares are known to about that much.
    """
    totals = [series(e, name).sum(axis=1) for e in (luck, parameters, everything)]
    pure, both, full = (float(np.var(total, ddof=1)) for total in totals)
    parts = {"luck": pure, "parameters": max(both - pure, 0.0), "disturbance": max(full - both, 0.0)}
    whole = sum(parts.values()) or 1.0
    shares = {key: value / whole for key, value in parts.items()}
    shares["error"] = float(np.sqrt(2.0 / (min(len(total) for total in totals) - 1)))
    return shares


def errors_within(count: int, miss: float = 0.05) -> float:
    """How many standard errors of a mean of `count` replications an interval reaches, by Student's t: of 95 %."""
    return float(stats.t.ppf(1.0 - miss / 2.0, count - 1))
