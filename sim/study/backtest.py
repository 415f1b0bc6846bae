"""`backtest`: forecasts from the past of a log, scored on what happened, beside the usual baselines.

Two tasks. `tracking`: of each member only the day of joining is known; weekly repeat orders of everybody are
forecast. `jump_off`: everything up to the jump-off is known, and the rest is forecast member by member. Two
variants: `plain` is Pareto/NBD inside the simulator (no season, no disturbance, regularity 1, parameters taken
as known); `default` is what `forecast` does. Baselines are computed in the same run, from the same fit.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim import rng
from sim.errors import InputError
from sim.settings import Config, Fitting
from sim.store import RunFolder, config_hash, content_hash
from sim.study import fit as fits
from sim.study.bands import weekly
from sim.study.calibrate import Calibrated, calibrate
from sim.study.ensemble import Ensemble, run_ensemble
from sim.study.forecast import CDNOW_JUMP_OFF, Progress, default_name, read_data
from sim.study.jump_off import Uncertainty, resample_draws
from sim.world.season import Season

RESAMPLES = 1000
BLOCK_WEEKS = 4
COHORT_DAYS = 7
PLAIN = Fitting(regularity=1.0, parameters=False, disturbance=False)


@dataclass(frozen=True)
class Split:
    """A log cut at the jump-off: histories before it, and repeat orders by member and week after it.

    actual: int64 [member, week] of the hold-out; past: repeat orders of each week up to the jump-off, all
    members together; cohort: number of each member's joining week; t: days of the hold-out.
    """

    histories: fits.Histories
    member: np.ndarray
    actual: np.ndarray
    past: np.ndarray
    cohort: np.ndarray
    t: int

    @property
    def weeks(self) -> int:
        """Weeks of the hold-out."""
        return self.actual.shape[1]


@dataclass(frozen=True)
class Candidate:
    """A forecast to be scored.

    members: expected repeat orders, float64 [member, week], or None where a baseline has no view of single
    members; weeks: expected repeat orders of everybody in each week of the hold-out; past: its own account of
    the weeks before the jump-off (tracking: what the fit expects), or None to take what happened (jump-off); paths:
    simulated weekly totals [replication, week] for bands, or None.
    """

    name: str
    weeks: np.ndarray
    members: np.ndarray | None = None
    past: np.ndarray | None = None
    paths: np.ndarray | None = None


def split(calibrated: Calibrated, log_days: int) -> Split:
    """Cut the log of a calibration at its jump-off."""
    log, until = calibrated.log, calibrated.until
    t = (log_days - until - 1) // 7 * 7
    if t < 28:
        raise InputError(
            f"{log.source}: only {t} days lie beyond the jump-off; set data.jump_off_week so that at least 4 weeks do"
        )
    h = calibrated.histories
    member = log.histories(until)[0]
    place = np.full(len(log.ids), -1)
    place[member] = np.arange(len(member))
    late = (log.day > until) & (log.day <= until + t) & (place[log.member] >= 0)
    actual = np.zeros((len(member), t // 7), dtype=np.int64)
    np.add.at(actual, (place[log.member[late]], (log.day[late] - until - 1) // 7), 1)
    repeat = np.bincount(log.day[log.day <= until], minlength=until + 1) - np.bincount(h.birth, minlength=until + 1)
    past = repeat.reshape(-1, 7).sum(axis=1)
    return Split(h, member, actual, past, h.birth // COHORT_DAYS, t)


def baselines(s: Split, pareto: fits.Fit, bg: fits.Fit, task: str) -> list[Candidate]:
    """Pareto/NBD and BG/NBD in closed form, and what a planner would do by hand."""
    h, ends = s.histories, 7 * np.arange(0, s.weeks + 1)
    age = h.until - h.birth
    out = []
    if task == "tracking":
        births, which = np.unique(age, return_inverse=True)
        begin = 7 * np.arange(0, (h.until + 1) // 7 + 1) - 1 - h.until  # ends of past weeks, days before the jump-off
        for name, expected, fit in (
            ("pareto_nbd", fits.expected_orders, pareto),
            ("bg_nbd", fits.bg_nbd_expected_orders, bg),
        ):
            ahead = np.stack([expected(fit, births + float(end)) for end in ends])
            before = np.stack([expected(fit, np.maximum(births + float(end), 0.0)) for end in begin])
            members = np.diff(ahead, axis=0).T[which]
            past = (np.diff(before, axis=0).T * np.bincount(which)[:, None]).sum(axis=0)
            out.append(Candidate(name, members.sum(axis=0), members, past))
    else:
        for name, expected, fit in (
            ("pareto_nbd", fits.conditional_expectation, pareto),
            ("bg_nbd", fits.bg_nbd_conditional_expectation, bg),
        ):
            cumulative = np.stack([expected(fit, h, float(end)) if end else np.zeros(len(age)) for end in ends])
            members = np.diff(cumulative, axis=0).T
            out.append(Candidate(name, members.sum(axis=0), members))
        rate = h.orders / np.maximum(age, 1) * 7.0
        out.append(_flat("naive_own_rate", rate, s.weeks))
    level = s.past[-4:].mean()
    out.append(Candidate("naive_last_4_weeks", np.full(s.weeks, level)))
    return out


def _flat(name: str, per_week: np.ndarray, weeks: int) -> Candidate:
    members = np.repeat(per_week[:, None], weeks, axis=1)
    return Candidate(name, members.sum(axis=0), members)


def simulated(ensemble: Ensemble, task: str, expected: np.ndarray) -> Candidate:
    """What the simulator says, as a mean over replications, with its weekly paths for the bands.

    expected: repeat orders of each day before the jump-off, as the fit expects them: the tracking curve begins with
    them, since what is uncertain of the future is not uncertain of the past that was fitted.
    """
    paths = weekly(ensemble.metric("orders_existing").astype(np.float64))
    members = ensemble.member_weeks.T / ensemble.replications
    past = expected if task == "tracking" else None
    return Candidate("membersim", paths.mean(axis=0), members, past, paths)


def scores(s: Split, c: Candidate, task: str, weight: np.ndarray | None = None) -> dict[str, float]:
    """Every score of a candidate; `weight` resamples members (float64 [member], mean 1).

    cum_mape_pct: mean over the weeks of |cumulative forecast / cumulative actual - 1|, from the first week of
    the log on; total_error_pct: of the hold-out's total; weekly_wape_pct: sum |error| / sum actual;
    cohort_mape_pct: mean over weekly joining cohorts of the hold-out's |error|; mse, mae, corr: of members'
    totals (jump-off only).
    """
    actual, forecast, past, own_past = s.actual.sum(axis=0).astype(float), c.weeks, s.past, c.past
    if weight is not None:
        actual = weight @ s.actual
        forecast = weight @ c.members if c.members is not None else forecast
    out = weekly_scores(actual, forecast, float(past.sum()), float((past if own_past is None else own_past).sum()))
    if c.members is not None:
        w = np.ones(len(s.cohort)) if weight is None else weight
        truth, said = s.actual.sum(axis=1), c.members.sum(axis=1)
        real = np.bincount(s.cohort, weights=w * truth)
        told = np.bincount(s.cohort, weights=w * said)
        seen = real > 0
        out["cohort_mape_pct"] = 100.0 * float(np.mean(np.abs(told[seen] / real[seen] - 1.0)))
        if task == "jump_off":
            miss = said - truth
            out["mse"] = float((w * miss**2).sum() / w.sum())
            out["mae"] = float((w * np.abs(miss)).sum() / w.sum())
            centre_s, centre_t = (w * said).sum() / w.sum(), (w * truth).sum() / w.sum()
            joint = (w * (said - centre_s) * (truth - centre_t)).sum()
            spread = np.sqrt((w * (said - centre_s) ** 2).sum() * (w * (truth - centre_t) ** 2).sum())
            out["corr"] = float(joint / spread) if spread > 0 else 0.0
    return out


def weekly_scores(actual: np.ndarray, forecast: np.ndarray, past: float, own_past: float) -> dict[str, float]:
    """Scores that need weekly totals only."""
    cumulative = np.abs((own_past + forecast.cumsum()) / (past + actual.cumsum()) - 1.0)
    return {
        "cum_mape_pct": 100.0 * float(cumulative.mean()),
        "total_error_pct": 100.0 * float(forecast.sum() / actual.sum() - 1.0),
        "weekly_wape_pct": 100.0 * float(np.abs(forecast - actual).sum() / actual.sum()),
    }


def band_scores(s: Split, c: Candidate) -> dict[str, float]:
    """Share of weeks inside the 80 % and 95 % bands, and the CRPS of weekly totals (in orders)."""
    if c.paths is None:
        return {}
    actual = s.actual.sum(axis=0)
    low80, high80, low95, high95 = np.quantile(c.paths, [0.1, 0.9, 0.025, 0.975], axis=0)
    ordered = np.sort(c.paths, axis=0)
    n = len(ordered)
    # E|X - y| - E|X - X'| / 2, the second term from order statistics
    spread = (ordered * (2 * np.arange(1, n + 1) - n - 1)[:, None]).sum(axis=0) / (n * (n - 1))
    crps = np.abs(c.paths - actual).mean(axis=0) - spread
    return {
        "coverage80": 100.0 * float(((actual >= low80) & (actual <= high80)).mean()),
        "coverage95": 100.0 * float(((actual >= low95) & (actual <= high95)).mean()),
        "crps": float(crps.mean()),
    }


MEMBER_SCORES = ("cum_mape_pct", "total_error_pct", "cohort_mape_pct", "mse", "mae", "corr")


def resampled(
    s: Split, candidates: list[Candidate], task: str, draw: Callable[[int, int], np.ndarray]
) -> list[pd.DataFrame]:
    """Bootstrap scores of each candidate, one row per resample, the same resamples for all.

    Members are resampled for all scores but the weekly one, weeks in blocks of four for that one: a weekly
    score errs mostly by what moves whole weeks, which resampling members does not show. A simulated forecast
    has its replications resampled too, so that its Monte Carlo error is part of the interval (in members'
    forecasts as a factor of the week). draw: uniform keyed draws of a length.
    """
    n = len(s.cohort)
    tables: list[list[dict[str, float]]] = [[] for _ in candidates]
    for b in range(RESAMPLES):
        weight = np.bincount((draw(3 * b, n) * n).astype(np.int64), minlength=n).astype(np.float64)
        starts = (draw(3 * b + 1, -(-s.weeks // BLOCK_WEEKS)) * s.weeks).astype(np.int64)
        weeks = ((starts[:, None] + np.arange(BLOCK_WEEKS)) % s.weeks).reshape(-1)[: s.weeks]
        actual = s.actual.sum(axis=0)[weeks].astype(float)
        for table, whole in zip(tables, candidates, strict=True):
            c = _redrawn(whole, draw, 3 * b + 2)
            row = {k: v for k, v in scores(s, c, task, weight).items() if k in MEMBER_SCORES}
            own = weekly_scores(actual, c.weeks[weeks], 1.0, 1.0)
            row["weekly_wape_pct"] = own["weekly_wape_pct"]
            table.append(row)
    return [pd.DataFrame(table) for table in tables]


def _redrawn(c: Candidate, draw: Callable[[int, int], np.ndarray], b: int) -> Candidate:
    """A simulated forecast as other replications would have had it."""
    if c.paths is None:
        return c
    r = len(c.paths)
    weeks = (np.bincount((draw(b, r) * r).astype(np.int64), minlength=r) / r) @ c.paths
    factor = weeks / np.maximum(c.weeks, 1e-9)
    return replace(c, weeks=weeks, members=None if c.members is None else c.members * factor)


def run_backtest(config: Config, root: Path, progress: Progress | None = None) -> Path:
    """Score forecasts on the rest of a log and write scores.csv, differences.csv and summary.json.

    Errors: `InputError`, before anything is written, when the input is wrong.
    """
    say = progress or (lambda what, done, of: None)
    began = time.perf_counter()
    config.cross_check()
    log = read_data(config)
    if log is None:
        raise InputError("data: a backtest needs a purchase log; data=cdnow, or data.path=orders.csv")
    week = config.data.jump_off_week
    if week is None:
        week = CDNOW_JUMP_OFF if config.data.source.startswith("cdnow") else log.days // 14
    if week * 7 + 28 > log.days:
        raise InputError(f"data.jump_off_week={week}: {log.source} has {log.days // 7} weeks; leave at least 4")
    until = week * 7 - 1
    say("fit the log", 0, 2)
    flat = replace(config.market, season=Season("none"))
    variants = {"plain": (calibrate(log, until, flat, PLAIN), flat, Uncertainty(False, False))}
    say("fit the log", 1, 2)
    uncertain = Uncertainty(config.fit.parameters, config.fit.disturbance)
    variants["default"] = (calibrate(log, until, config.market, config.fit), config.market, uncertain)
    say("fit the log", 2, 2)
    values = asdict(config)
    inputs = {"data": log.sha256}
    hash_ = config_hash(values, inputs)
    folder = RunFolder(root, "backtest", config.run.name or default_name(config, hash_))
    folder.begin(values, hash_, inputs, config.run.overwrite)
    s = split(variants["plain"][0], log.days)
    pareto = variants["plain"][0].fitted.purchasing
    bg = fits.fit_bg_nbd(s.histories)
    rows: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    weeks_out: list[pd.DataFrame] = []
    dataset = config.data.source if config.data.source != "log" else log.source
    run = config.run
    for task in ("tracking", "jump_off"):
        candidates = [("baseline", c) for c in baselines(s, pareto, bg, task)]
        for variant, (calibrated, market, unknown) in variants.items():
            plan = calibrated.plan(s.t, market, config.population.stages, unknown, tracked=task == "tracking")
            ensemble = run_ensemble(
                plan, run.seed, run.replications, threads=run.threads, processes=run.processes, members=True,
                parts=folder.parts / f"{task}-{variant}",
                progress=lambda n, t=task, v=variant: say(f"{t}, {v}", n, run.replications),
            )  # fmt: skip
            candidates.append((variant, simulated(ensemble, task, calibrated.expected)))
        say(f"resample, {task}", 0, 1)
        boot = resampled(s, [c for _, c in candidates], task, _uniforms(run.seed))
        say(f"resample, {task}", 1, 1)
        for (variant, c), table in zip(candidates, boot, strict=True):
            found = scores(s, c, task) | band_scores(s, c)
            for metric, value in found.items():
                noise = float(table[metric].std(ddof=1)) if metric in table else float("nan")
                shown = ("plain", "default") if variant == "baseline" else (variant,)
                rows += [_row(dataset, task, v, c.name, metric, value, noise) for v in shown]
            frame = {"task": task, "variant": variant, "model": c.name, "week": week + 1 + np.arange(s.weeks)}
            weeks_out.append(pd.DataFrame(frame | {"forecast": c.weeks, "actual": s.actual.sum(axis=0)}))
        differences += _differences(dataset, task, s, candidates, boot)
    tables = {
        "scores.csv": pd.DataFrame(rows),
        "differences.csv": pd.DataFrame(differences),
        "weeks.csv": pd.concat(weeks_out, ignore_index=True),
    }
    documents = {"summary.json": _summary(config, log.source, s, variants, pareto, bg, tables)}
    for name, table in tables.items():
        folder.write_csv(name, table)
    folder.write_json("summary.json", documents["summary.json"])
    timing = pd.DataFrame({"step": ["all"], "seconds": [time.perf_counter() - began]})
    folder.write_parquet("timing.parquet", timing, {})
    folder.finish(content_hash(tables, documents))
    return folder.path


def _row(
    dataset: str, task: str, variant: str, model: str, metric: str, value: float, noise: float
) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "task": task,
        "variant": variant,
        "model": model,
        "metric": metric,
        "value": value,
        "noise_sd": noise,
    }


def _uniforms(seed: int) -> Callable[[int, int], np.ndarray]:
    """Keyed uniform draws for the bootstrap: a function of the seed, the resample and the place alone."""
    luck = np.uint64(rng.stream(seed, 0))
    return lambda resample, length: resample_draws(luck, resample, length)


def _differences(
    dataset: str, task: str, s: Split, candidates: list[tuple[str, Candidate]], boot: list[pd.DataFrame]
) -> list[dict[str, Any]]:
    """Simulator minus Pareto/NBD for each score, with the 90 % interval of the paired bootstrap.

    Errors are compared by size. `better` or `worse` is said only where the interval leaves out zero.
    """
    names = [c.name for _, c in candidates]
    base = names.index("pareto_nbd")
    out = []
    for i, (variant, c) in enumerate(candidates):
        if c.name != "membersim":
            continue
        mine, other = scores(s, c, task), scores(s, candidates[base][1], task)
        for metric in boot[i].columns:
            sign = -1.0 if metric == "corr" else 1.0
            gaps = sign * (boot[i][metric].abs() - boot[base][metric].abs())
            low, high = (float(v) for v in np.quantile(gaps, [0.05, 0.95]))
            verdict = "better" if high < 0 else "worse" if low > 0 else "not told apart"
            gap = sign * (abs(mine[metric]) - abs(other[metric]))
            row = {
                "dataset": dataset,
                "task": task,
                "variant": variant,
                "metric": metric,
                "against": "pareto_nbd",
            }
            out.append(row | {"excess_error": gap, "low90": low, "high90": high, "verdict": verdict})
    return out


def _summary(
    config: Config,
    source: str,
    s: Split,
    variants: dict[str, Any],
    pareto: fits.Fit,
    bg: fits.Fit,
    tables: dict[str, pd.DataFrame],
) -> dict[str, Any]:
    known = variants["default"][0]
    return {
        "title": f"Backtest on {source}: {len(s.cohort):,} members, {len(s.past)} weeks learned, {s.weeks} scored",
        "app": "backtest",
        "replications": config.run.replications,
        "actual_repeat_orders": int(s.actual.sum()),
        "fits": {"pareto_nbd": pareto.to_dict(), "bg_nbd": bg.to_dict(),
                 "default": known.fitted.purchasing.to_dict()},
        "season": list(known.fitted.months),
        "disturbance": {"weekly_sd": known.fitted.weekly_sd, "memory": known.fitted.memory},
        "notes": [asdict(note) for note in (*known.log.notes, *known.notes)],
        "verdicts": tables["differences.csv"].groupby(["task", "variant"])["verdict"].value_counts()
        .rename("n").reset_index().to_dict("records"),
    }  # fmt: skip
