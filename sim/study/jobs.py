"""Several runs of one command as one table: a row for each job of a multirun, beside the folders that they left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from sim.store import Results, RunFolder, content_hash, digest
from sim.study.sweep import HEAD


@dataclass(frozen=True)
class Job:
    """One job: its number, the keys that it was given, the folder that it left, or what was wrong."""

    number: int
    overrides: Mapping[str, str]
    folder: str = ""
    error: str = ""


def rows_of(job: Job, keys: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a job: one, or one for each strategy that it compared."""
    varied = {key: yaml.safe_load(job.overrides.get(key, "null")) for key in keys}
    varied = {
        key: value if isinstance(value, str | int | float | None) else str(value) for key, value in varied.items()
    }
    head = {"point": job.number, "status": "failed" if job.error else "done", "error": job.error}
    if job.error:
        return [head | {"config_hash": "", "seed": None, **varied, "folder": ""}]
    results = Results(job.folder)
    summary = results.summary
    head |= {"config_hash": results.manifest["config_hash"], "seed": results.manifest["seed"], **varied}
    rows: dict[str, dict[str, Any]] = {}
    for line in summary.get("headlines", []):
        of = str(line.get("strategy", ""))
        row = rows.setdefault(of, head | ({"of_strategy": of} if of else {}) | {"folder": results.path.name})
        row[line["metric"]] = line["mean"]
        row[f"{line['metric']}_se"] = line["monte_carlo_se"]
    return list(rows.values()) or [head | {"folder": results.path.name}]


def jobs_table(jobs: Sequence[Job]) -> pd.DataFrame:
    """One table of all jobs: the keys in which they differ, headline outcomes, then their Monte Carlo errors."""
    every = sorted({key for job in jobs for key in job.overrides})
    keys = [key for key in every if len({job.overrides.get(key) for job in jobs}) > 1]
    frame = pd.DataFrame([row for job in sorted(jobs, key=lambda job: job.number) for row in rows_of(job, keys)])
    first = [name for name in (*HEAD, *keys, "of_strategy", "folder") if name in frame]
    rest = [str(name) for name in frame if name not in first]
    frame = frame[[*first, *(n for n in rest if not n.endswith("_se")), *(n for n in rest if n.endswith("_se"))]]
    return frame.astype({name: str for name in keys if frame[name].map(type).nunique() > 1})


def write_jobs(app: str, jobs: Sequence[Job], root: Path) -> Path:
    """Write the table of a multirun into a folder of its own below `root`; returns the folder.

    The folder is named by what the jobs were; the same command writes it anew.
    """
    asked = {str(job.number): dict(job.overrides) for job in jobs}
    hash_ = digest({"app": app, "jobs": asked})
    folder = RunFolder(root, "multirun", f"{app}-{hash_[:6]}", kind="sweep")
    folder.begin({"run": {"seed": 0}, "jobs": asked}, hash_, {}, overwrite=folder.manifest() is not None)
    table = jobs_table(jobs)
    about = {name: HEAD[name] for name in HEAD} | {"folder": ("", "the run's own folder, below results/<app>")}
    folder.write_parquet("table.parquet", table, about)
    folder.write_csv("table.csv", table)
    folder.finish(content_hash({"table": table.drop(columns="folder")}, {}))
    return folder.path
