"""`actuals`: lay what happened over a forecast that was made before, without touching it."""

import datetime as dt
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd

from sim.data import PurchaseLog
from sim.errors import InputError
from sim.settings import ActualsConfig, Config, Run
from sim.store import Results, RunFolder, config_hash, content_hash
from sim.study.forecast import Progress, against_actuals, read_data, series_table

CARRIED = (
    "forecast.csv",
    "history.csv",
    "cohorts.parquet",
    "cohorts_history.csv",
    "growth.parquet",
    "daily.parquet",
    "parameters.json",
)
"""What the page needs of the old forecast: copied as it is."""


def series_since(log: PurchaseLog, start: dt.date, days: int, known: set[str]) -> pd.DataFrame:
    """What a log says day by day from `start` on: columns day, date, metric, value.

    known: hashed ids of the members that the forecast knew; everybody else is a newcomer, whose first order in
    the log is his joining. Errors: `InputError` where the log does not reach the forecast's days.
    """
    offset = (log.origin - start).days
    at = log.day + offset
    last = min(days, log.days + offset)
    first_day = max(0, offset)
    if last <= first_day:
        end = log.origin + dt.timedelta(log.days - 1)
        raise InputError(
            f"{log.source}: covers {log.origin} to {end} in whole weeks, the forecast begins on {start} and has "
            f"{days} days; no day is in both"
        )
    existing = np.array([name in known for name in log.hashed_ids()])[log.member]
    first = np.diff(log.member, prepend=-1) != 0
    joins = first & ~existing & (at >= 0)
    return series_table(log, at, existing, joins, start, first_day, last)


def lay_actuals(config: ActualsConfig, root: Path, progress: Progress | None = None) -> Path:
    """Write `results/actuals/<forecast>-<hash>/`: the old forecast, the new actuals, and a page of both.

    Errors: `InputError`, before anything is written, when a folder or a log cannot be used.
    """
    say = progress or (lambda what, done, of: None)
    if not config.run:
        raise InputError("run: which forecast? run=results/forecast/<name>")
    old = Results(config.run)
    if old.manifest.get("app") != "forecast":
        raise InputError(f"run={config.run}: holds results of {old.manifest.get('app')}, not of a forecast")
    config.data.cross_check()
    say("read the log", 0, 1)
    log = read_data(Config(data=config.data))
    if log is None:
        raise InputError("data: which log? data.path=orders.csv, or data=cdnow")
    if not old.has("history.csv"):
        raise InputError(f"run={config.run}: was made without a log, so no real member is in it")
    summary = old.summary
    start = dt.date.fromisoformat(summary["start"])
    known = set(old.table("population.parquet")["key"])
    actuals = series_since(log, start, summary["days"], known)
    say("read the log", 1, 1)
    summary["against_actuals"] = against_actuals(old.forecast, actuals)
    summary["notes"] = [*summary["notes"], *(asdict(note) for note in log.notes)]
    inputs = {"data": log.sha256, "forecast": str(old.manifest["content_hash"])}
    values = asdict(Config(run=replace(Run(), seed=summary["seed"]), data=config.data))
    hash_ = config_hash(values, inputs)
    folder = RunFolder(root, "actuals", f"{old.path.resolve().name}-{hash_[:6]}")
    folder.begin(values, hash_, inputs, overwrite=False)
    for name in CARRIED:
        if old.has(name):
            shutil.copyfile(old.path / name, folder.path / name)
    folder.write_csv("actuals.csv", actuals)
    folder.write_json("summary.json", summary)
    from sim.report.page import write_report  # drawing is loaded only when something is drawn

    say("draw the page", 0, 1)
    write_report(folder.path)
    folder.finish(content_hash({"actuals.csv": actuals}, {"summary.json": summary}))
    say("draw the page", 1, 1)
    return folder.path
