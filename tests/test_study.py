"""Calibration, backtest and actuals on small logs with planted truths."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.accounting.stages import Stages
from sim.data import PurchaseLog, read_log
from sim.errors import InputError
from sim.settings import ActualsConfig, Config, Data, Fitting, Run
from sim.store import read_results
from sim.study import fit as fits
from sim.study.actuals import lay_actuals
from sim.study.backtest import run_backtest
from sim.study.calibrate import calibrate, expected_repeats, under_disturbance
from sim.study.ensemble import run_ensemble
from sim.study.forecast import run_forecast
from sim.study.jump_off import Uncertainty, cholesky, draw_parameters
from sim.world.market import Market
from sim.world.season import Season


def planted_log(
    seed: int, members: int, weeks: int, joining_weeks: int, speed: np.ndarray | None = None
) -> PurchaseLog:
    """A log of Pareto/NBD members; `speed` is the purchase clock's speed on each day."""
    chance = np.random.default_rng(seed)
    days = 7 * weeks
    speed = np.ones(days) if speed is None else speed
    clock = np.concatenate([[0.0], np.cumsum(speed)])
    who, when = [], []
    for i in range(members):
        born = int(chance.integers(0, 7 * joining_weeks))
        rate, hazard = chance.gamma(1.2, 1 / 30.0), chance.gamma(1.0, 1 / 300.0)
        end = min(days, born + 1 + chance.exponential(1 / hazard))
        at, seen = clock[born + 1], {born}
        while True:
            at += chance.exponential(1 / rate)
            day = int(np.searchsorted(clock, at, side="right")) - 1
            if day >= end or day >= days:
                break
            seen.add(day)
        who += [i] * len(seen)
        when += sorted(seen)
    cents = np.round(np.exp(chance.normal(8.0, 0.5, len(who)))).astype(np.int64)
    ids = tuple(f"m{i:05d}" for i in range(members))
    return PurchaseLog("planted", "", dt.date(2023, 1, 1), days, ids, np.array(who), np.array(when), cents, ())


def as_csv(log: PurchaseLog, path: Path) -> Path:
    """The same log as a user's file."""
    dates = [(log.origin + dt.timedelta(int(d))).isoformat() for d in log.day]
    rows = {"member_id": [log.ids[i] for i in log.member], "date": dates, "amount": log.amount / 100}
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_season_is_estimated_from_two_years_of_log() -> None:
    """Planted monthly speeds come back within 0.12 each (5 standard errors of the orders of a month)."""
    months = np.array([0.6, 0.8, 1.0, 1.0, 1.2, 1.2, 0.9, 0.9, 1.0, 1.0, 1.0, 1.4])
    days = np.datetime64("2023-01-01") + np.arange(7 * 108).astype("timedelta64[D]")
    log = planted_log(1, 1500, 108, 60, months[days.astype("datetime64[M]").astype(int) % 12])
    found = calibrate(log, log.days - 1, Market(), Fitting(regularity=1.0))
    assert np.abs(np.array(found.fitted.months) - months / months.mean()).max() < 0.12
    short = planted_log(1, 300, 40, 10)
    with pytest.raises(InputError, match="two years"):
        calibrate(short, short.days - 1, Market(season=Season("log")), Fitting())


def test_a_closed_membership_is_recognised_and_an_open_one_keeps_its_level() -> None:
    """Nobody joined for weeks: closed. People join every week: the level is that of the log, within 5 errors."""
    market = Market(season=Season("none"))
    closed = calibrate(planted_log(2, 400, 40, 12), 279, market, Fitting(1.0))
    assert closed.fitted.newcomers.level == 0.0
    open_ = calibrate(planted_log(3, 1200, 40, 40), 279, market, Fitting(1.0)).fitted.newcomers
    assert abs(np.log(open_.level / 30.0)) < 5.0 * max(open_.error, 0.05)


def test_forecast_from_a_log_covers_existing_and_newcomers_apart() -> None:
    """The forecast's mean of newcomers is the fitted level, and existing members order on."""
    log = planted_log(4, 900, 40, 40)
    market = Market(season=Season("none"))
    known = calibrate(log, log.days - 1, market, Fitting(1.0))
    plan = known.plan(56, market, Stages(), Uncertainty(False, False))
    ensemble = run_ensemble(plan, 1, 40)
    joined = ensemble.metric("joined").sum(axis=1)
    expected = 8.0 * known.fitted.newcomers.level
    assert abs(joined.mean() - expected) < 4.5 * joined.std() / np.sqrt(40)
    assert (ensemble.metric("orders_existing").sum(axis=1) > 0).all()
    both = ensemble.metric("orders_existing") + ensemble.metric("orders_newcomers")
    assert np.array_equal(both, ensemble.metric("orders"))


def test_expected_repeats_equal_the_closed_form() -> None:
    """Summed over members, the daily expectations are the closed form of Pareto/NBD."""
    log = planted_log(5, 500, 30, 8)
    birth = log.histories(log.days - 1)[1]
    history = fits.Histories(*log.histories(log.days - 1)[1:], until=log.days - 1)
    fit = fits.fit_pareto_nbd(history)
    daily = expected_repeats(fit, birth, np.cumsum(np.ones(log.days)))
    closed = fits.expected_orders(fit, (log.days - 1 - birth).astype(float)).sum()
    assert daily.sum() == pytest.approx(closed, rel=1e-9)


def test_a_shared_disturbance_widens_the_parameters() -> None:
    """A disturbance that stays the same in all weeks is a scale of the clock: it moves log rate_scale alone.

    With memory near 1 the added covariance is sd^2 in that entry and nothing elsewhere, up to the thinning of the
    members and the differences taken; without memory it is much smaller.
    """
    log = planted_log(5, 1500, 30, 8)
    history = fits.Histories(*log.histories(log.days - 1)[1:], until=log.days - 1)
    clock = np.cumsum(np.ones(log.days))
    fit = fits.fit_pareto_nbd(history)
    own = np.array(fit.log_covariance)
    same = np.array(under_disturbance(fit, history, clock, 1.0, 0.2, 0.9999).log_covariance) - own
    assert same[1][1] == pytest.approx(0.04, rel=0.1)
    same[1][1] = 0.0
    assert np.abs(same).max() < 0.004
    apart = np.array(under_disturbance(fit, history, clock, 1.0, 0.2, 0.0).log_covariance) - own
    assert 0.0 < apart[1][1] < 0.01


def test_drawn_parameters_have_the_fits_covariance() -> None:
    """Cholesky times its transpose is the matrix, and keyed draws show it."""
    matrix = ((0.04, 0.01), (0.01, 0.09))
    low = np.array(cholesky(matrix))
    assert np.allclose(low @ low.T, matrix)
    fit = fits.Fit("given", ("a", "b"), (2.0, 3.0), matrix, (0.0, 0.0), 0.0, 0, True, "")
    drawn = [draw_parameters(fit, np.uint64(n), 0) for n in range(4000)]
    logs = np.log([[d["a"] / 2.0, d["b"] / 3.0] for d in drawn])
    assert np.allclose(np.cov(logs.T), matrix, atol=0.006)
    assert np.abs(logs.mean(axis=0)).max() < 0.02


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's log of 44 weeks."""
    return as_csv(planted_log(6, 700, 44, 10), tmp_path_factory.mktemp("log") / "orders.csv")


def test_backtest_scores_the_simulator_beside_its_closed_form(orders: Path, tmp_path: Path) -> None:
    """All promised columns, models and metrics; `plain` lies within Monte Carlo error of Pareto/NBD (5 sigma)."""
    config = Config(run=Run(replications=60, threads=1), data=Data(path=str(orders), jump_off_week=24))
    folder = run_backtest(config, tmp_path)
    scores = pd.read_csv(folder / "scores.csv")
    assert list(scores.columns) == ["dataset", "task", "variant", "model", "metric", "value", "noise_sd"]
    assert set(scores["task"]) == {"tracking", "jump_off"}
    assert set(scores["variant"]) == {"plain", "default"}
    assert {"membersim", "pareto_nbd", "bg_nbd", "naive_last_4_weeks"} <= set(scores["model"])
    table = scores.set_index(["task", "variant", "model", "metric"])["value"]
    for task in ("tracking", "jump_off"):
        ours = table[task, "plain", "membersim", "total_error_pct"]
        closed = table[task, "plain", "pareto_nbd", "total_error_pct"]
        assert abs(ours - closed) < 5.0  # one replication's total varies by about 5 %, 60 of them by 0.7 %
    known = {"cum_mape_pct", "total_error_pct", "weekly_wape_pct", "cohort_mape_pct", "mse", "mae", "corr",
             "coverage80", "coverage95", "crps"}  # fmt: skip
    assert set(scores["metric"]) == known
    assert read_results(folder).manifest["status"] == "complete"


def test_new_actuals_are_laid_over_an_old_forecast_without_touching_it(orders: Path, tmp_path: Path) -> None:
    """A forecast from week 30; later the whole log comes in; the old folder stays as it was."""
    text = orders.read_text().splitlines()
    cut = (dt.date(2023, 1, 1) + dt.timedelta(7 * 30)).isoformat()
    early = tmp_path / "early.csv"
    early.write_text("\n".join([text[0], *(row for row in text[1:] if row.split(",")[1] < cut)]) + "\n")
    run = Run(name="then", replications=10, days=70, threads=1)
    folder = run_forecast(Config(run=run, data=Data(path=str(early))), tmp_path)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    laid = lay_actuals(ActualsConfig(run=str(folder), data=Data(path=str(orders))), tmp_path)
    assert before == {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    actuals = pd.read_csv(laid / "actuals.csv")
    log = read_log(orders)
    in_window = (log.day >= 210) & (log.day < 280)
    assert actuals[actuals["metric"] == "orders"]["value"].sum() == in_window.sum()
    assert (laid / "report.html").exists()
    with pytest.raises(InputError, match="no day is in both"):
        lay_actuals(ActualsConfig(run=str(folder), data=Data(path=str(early))), tmp_path)
