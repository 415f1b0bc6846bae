"""The frequency curve: intervals by hand, books that agree, the inverted U and its cause, and the command line."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import sim.report.frequency
from experiments import frequency as command
from sim.accounting import posting
from sim.errors import InputError
from sim.settings import FrequencyConfig, FrequencySettings, Run, market_config, rising
from sim.store import read_results
from sim.strategy import read_strategy
from sim.study import frequency as study
from sim.study.frequency import Lived
from sim.units import checked
from tests.command import Call, Said, caller, hash_of, only_folder, run_python, sleeper, write_stub

ROOT = Path(__file__).parents[1]
TINY = (
    "run.members=200", "run.days=30", "run.replications=3", "run.threads=1", "population.history_days=300",
    "frequency.doses=[1,7,30]",
)  # fmt: skip
PROMISED = (
    "config.yaml", "manifest.json", "parameters.json", "summary.json", "curve.csv", "months.csv", "timing.parquet",
    "report.html",
)  # fmt: skip
COLUMNS = (
    "dose", "metric", "segment", "mean", "low95", "high95", "effect", "effect_low95", "effect_high95",
    "monte_carlo_se", "unit",
)  # fmt: skip
DRIVER = sleeper("frequency", "sim.study.frequency")
"""The app, which falls asleep when the first dose has been lived."""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call(*words)` is `membersim frequency *words` in an empty folder, the page being a stub."""
    monkeypatch.setattr(sim.report.frequency, "write_frequency", write_stub)
    return caller(command, tmp_path, monkeypatch, capsys)


def run_cli(folder: Path, *words: str) -> Said:
    """`python -m experiments.frequency *words` with `folder` as the current folder."""
    return run_python(folder, "-m", "experiments.frequency", *words, timeout=400)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small curve as the command line leaves it."""
    root = tmp_path_factory.mktemp("curve")
    said = run_cli(root, *TINY)
    assert (said.code, said.err) == (0, ""), said
    assert "report.html" in said.out
    assert "best dose" in said.out
    return only_folder(root, "frequency")


def curve_of(doses: tuple[float, ...], members: int, days: int, replications: int, **groups: Any) -> dict[str, Any]:
    """Values of the default study at other sizes; groups: of the config, such as `response`."""
    found = market_config("beauty")
    config = FrequencyConfig(
        run=Run(members=members, days=days, replications=replications),
        frequency=FrequencySettings(rising(doses)),
        strategy=read_strategy("frequency_study"),
        **{"market": found.market, "population": found.population} | groups,
    )
    ready = study.prepare_doses(config)
    with study.workers(members, 2, 1) as (pool, threads):
        lived = {dose: study.live_dose(plan, 1, replications, pool, threads) for dose, plan in ready.plans.items()}
    return {"doses": ready, "lived": lived, "values": study.measured(lived)}


# -- statistics ----------------------------------------------------------------------------------------------


def test_an_interval_by_hand() -> None:
    mean, low, high, error = study.interval(np.array([[4.0, 5.0, 6.0], [1.0, 1.0, 1.0]]))
    reach = 4.302652729911275 / np.sqrt(3.0)  # Student's t with 2 degrees of freedom, 97.5 %
    assert mean.tolist() == [5.0, 1.0]
    assert error.tolist() == [pytest.approx(1.0 / np.sqrt(3.0)), 0.0]
    assert low.tolist() == [pytest.approx(5.0 - reach), 1.0]
    assert high.tolist() == [pytest.approx(5.0 + reach), 1.0]


def test_the_best_dose_and_those_not_told_apart() -> None:
    """Luck that all doses share does not hide a difference, and luck that they do not share does."""
    luck = np.array([0.0, 50.0, -30.0, 10.0])
    values = np.array([luck + 10.0, luck + 20.0, luck + np.array([22.0, 18.0, 23.0, 19.0]), luck + 19.0])
    best = study.best_dose(values, [0.0, 1.0, 3.0, 9.0])
    assert best["dose"] == 3.0
    assert best["alike"] == [1.0, 3.0, 9.0]
    assert (best["from"], best["to"], best["at_edge"]) == (1.0, 9.0, False)
    assert best["effect_pct"] == pytest.approx(100 * 10.5 / (10.0 + luck.mean()))
    assert study.best_dose(values[[0, 1, 3]], [0.0, 1.0, 9.0])["alike"] == [1.0]
    assert study.best_dose(values[:2], [0.0, 1.0])["at_edge"]


def test_ratios_and_where_they_pass_two() -> None:
    values = np.array([[0.0, 0.0], [2.0, 4.0], [3.0, 6.0], [5.0, 10.0]])
    times = study.ratios(values, [0.0, 1.0, 2.0, 8.0], 1)
    assert [entry["times"] for entry in times] == [1.0, 1.5, 2.5]
    assert [entry["dose"] for entry in times] == [1.0, 2.0, 8.0]
    assert study.crossing(times, 2.0) == pytest.approx(4.0)  # half way from 2 to 8 on a log scale
    assert study.crossing(times, 3.0) is None
    assert study.ratios(values * 0.0, [0.0, 1.0, 2.0, 8.0], 1) == []


def test_where_opt_outs_are_as_claimed() -> None:
    values = {("opted_out", "founders"): np.array([[0.0], [10.0], [22.0], [42.0]]).repeat(2, axis=1)}
    values["open_rate", "founders"] = np.array([[np.nan], [30.0], [20.0], [10.0]]).repeat(2, axis=1)
    found = study.claimed(values, [0.0, 1.0, 4.0, 16.0], 1)
    assert found is not None
    assert found["dose"] == pytest.approx(8.0)  # half way from 2.2 to 4.2 times, on a log scale
    assert found["open_rate"] == pytest.approx(15.0)
    assert study.claimed(values, [0.0, 1.0, 4.0, 16.0], 3) is None


def test_the_same_members_are_those_whom_all_doses_leave_reachable() -> None:
    none = np.zeros((1, 1, 1), dtype=np.int64)

    def one(reachable: list[int], messages: list[int], opens: list[int]) -> Lived:
        arrays = [np.array([values]) for values in (reachable, messages, opens)]
        return Lived(none, none, none, arrays[0] == 1, arrays[1], arrays[2])

    lived = [one([1, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]), one([1, 1, 0, 1], [9, 8, 7, 6], [3, 2, 1, 1])]
    lived.append(one([0, 1, 1, 1], [90, 80, 70, 60], [9, 8, 7, 6]))
    messages, opens = study.same_members(lived)
    assert messages.tolist() == [[0.0], [14.0], [140.0]]
    assert opens.tolist() == [[0.0], [3.0], [14.0]]


def test_the_monthly_rate_of_opting_out_counts_who_could_still_be_reached() -> None:
    book = np.zeros((1, 1, 2, len(posting.SEGMENT_EVENTS)))
    book[0, 0, :, posting.SEGMENT_OPTED_OUT] = (20, 10)
    book[0, 0, :, posting.SEGMENT_MESSAGES] = 1
    found = study.of_group("x", book, np.array([[[100.0, 70.0, 50.0]]]), 45)
    exposed = 90.0 + 0.5 * 75.0  # the second period has 15 days
    assert found["opt_out_month", "x"][0, 0] == pytest.approx(100 * 30 / exposed)
    assert found["opted_out", "x"][0, 0] == 30.0
    assert found["reachable", "x"][0, 0] == 70.0


# -- books ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def closed() -> dict[str, Any]:
    """A curve of a membership that nobody joins."""
    market = market_config("beauty").market
    joining = replace(market.joining, yearly_share=0.0, closed=True)
    return curve_of((2, 30), 400, 100, 3, market=replace(market, joining=joining))


def test_without_newcomers_members_of_day_0_are_all(closed: dict[str, Any]) -> None:
    """Numbers from the rows of members and from the segments' book are those of the daily books."""
    values = closed["values"]
    for name in ("orders_30", "orders", "gmv", "engaged_30", "reachable", "opted_out", "messages", "opens"):
        assert values[name, "founders"] == pytest.approx(values[name, "all"]), name


def test_segments_add_up_and_nobody_opts_out_twice(closed: dict[str, Any]) -> None:
    values, lived = closed["values"], closed["lived"]
    share = np.stack([one.ends[:, :, 0] for one in lived.values()]) / 400
    for name in ("orders", "orders_30", "opted_out", "messages"):
        parts = [share[:, :, i] * values[name, stage] for i, stage in enumerate(study.STAGES)]
        assert np.sum(parts, axis=0) == pytest.approx(values[name, "founders"]), name
    assert values["reachable", "founders"] == pytest.approx(100.0 - values["opted_out", "founders"])
    assert (values["opted_out", "founders"][0] == 0.0).all()
    assert (values["messages", "founders"][0] == 0.0).all()


def test_doses_share_their_persons_and_nothing_is_lost_to_quiet_hours(closed: dict[str, Any]) -> None:
    lived = closed["lived"]
    starts = [one.ends[:, :, 0].tolist() for one in lived.values()]
    assert starts[0] == starts[1] == starts[2]
    loyal = lived[30.0].reachable
    assert set(lived[30.0].messages[loyal].tolist()) == {30 * 100 // 7}
    assert set(lived[2.0].messages[lived[2.0].reachable].tolist()) == {2 * 100 // 7}


# -- the curve -----------------------------------------------------------------------------------------------


def test_activity_after_a_year_is_an_inverted_u() -> None:
    """More messages keep more members active, until they keep fewer, while a month's orders still rise."""
    values = curve_of((2, 70), 1500, 365, 3)["values"]
    nothing, few, many = values["engaged_30", "founders"]
    assert (few > 1.1 * nothing).all()
    assert (many < 0.9 * few).all()
    assert (values["orders_30", "founders"][2] > values["orders_30", "founders"][1]).all()
    assert (values["open_rate", "founders"][2] < 0.5 * values["open_rate", "founders"][1]).all()
    assert (values["open_rate_same", "founders"][2] < values["open_rate_same", "founders"][1]).all()
    assert (values["opted_out", "founders"][2] > 2.0 * values["opted_out", "founders"][1]).all()


def test_where_nobody_tires_more_is_more() -> None:
    """Without fatigue the curve does not bend: orders, GMV and activity rise from dose to dose."""
    found = market_config("beauty")
    calm = replace(found.response, temperament=replace(found.response.temperament, tolerance=1e9))
    values = curve_of((2, 14, 70), 1500, 180, 3, response=calm)["values"]
    for name in ("orders_30", "gmv", "engaged_30"):
        mean = values[name, "founders"].mean(axis=1)
        assert (np.diff(mean) > 0.0).all(), (name, mean)


# -- the command line ----------------------------------------------------------------------------------------


def test_a_folder_has_what_is_promised(folder: Path) -> None:
    assert [name for name in PROMISED if not (folder / name).is_file()] == []
    assert not (folder / "parts").exists()
    assert not list(folder.rglob("*.tmp"))
    manifest = read_results(folder).manifest
    assert (manifest["app"], manifest["status"]) == ("frequency", "complete")
    assert yaml.safe_load((folder / "config.yaml").read_text())["frequency"]["doses"] == [0.0, 1.0, 7.0, 30.0]


def test_the_table_says_what_it_should(folder: Path) -> None:
    table = pd.read_csv(folder / "curve.csv")
    assert tuple(table.columns) == COLUMNS
    assert sorted(set(table["dose"])) == [0.0, 1.0, 7.0, 30.0]
    assert {"founders", "all", "dormant", *study.STAGES} == set(table["segment"])
    assert set(table["metric"]) == set(study.METRICS)
    inside = table.dropna(subset=["effect"])
    assert ((inside["effect_low95"] <= inside["effect"]) & (inside["effect"] <= inside["effect_high95"])).all()
    rows = table[(table["metric"] == "open_rate") & (table["segment"] == "founders")]
    assert rows["dose"].tolist() == [1.0, 7.0, 30.0]  # where nothing is sent, nothing can be opened
    assert rows["effect"].isna().all()
    first = table[table["dose"] == 0.0].dropna(subset=["effect"])
    assert (first["effect"] == 0.0).all()


def test_the_summary_names_best_doses_and_says_what_they_mean(folder: Path) -> None:
    summary = read_results(folder).summary
    assert [best["metric"] for best in summary["best"]] == ["orders_30", "engaged_30", "gmv"]
    for best in summary["best"]:
        assert best["dose"] in best["alike"]
        assert best["from"] <= best["dose"] <= best["to"]
    assert summary["bombardment"] == 30.0
    assert len(summary["sentences"]) >= 3
    assert any("3 replications" in text for text in summary["warnings"])
    parameters = read_results(folder).json("parameters.json")
    assert "strategy.messaging.per_week" not in parameters["declared"]
    assert parameters["declared"]["strategy.guard.quota"]["value"] == "none"


def test_the_page_shows_charts_and_words(folder: Path) -> None:
    charts = {file.stem for file in (folder / "charts").glob("*.png")}
    assert {"frequency_curve", "silent_members", "segments"} <= charts
    page = (folder / "report.html").read_text(encoding="utf-8")
    for words in ("Why it bends", "quota", "What it means for who plans messages", "not told apart"):
        assert words in page
    before = page
    sim.report.frequency.write_frequency(folder)
    assert (folder / "report.html").read_text(encoding="utf-8") == before


def test_an_interrupted_curve_goes_on_where_it_was(folder: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *TINY], cwd=tmp_path, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        until = time.monotonic() + 240
        while not list(tmp_path.glob("results/*/*/parts/*.npz")):
            assert run.poll() is None, run.communicate()
            assert time.monotonic() < until
            time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    finally:
        run.kill()
    assert (run.returncode, err) == (130, "interrupted; the same command finishes the run\n")
    kept = list(only_folder(tmp_path, "frequency").glob("parts/*.npz"))
    assert len(kept) == 1
    kept[0].write_bytes(kept[0].read_bytes()[:100])  # and damaged since
    assert run_cli(tmp_path, *TINY).code == 0
    assert hash_of(only_folder(tmp_path, "frequency")) == hash_of(folder)


def test_results_do_not_depend_on_threads(folder: Path, call: Call) -> None:
    said = call(*TINY, "run.threads=3", "run.name=other")
    assert said.code == 0, said
    assert hash_of(only_folder(Path(), "frequency")) == hash_of(folder)
    assert call(*TINY, "run.threads=2", "run.name=other").code == 2  # it is complete


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("frequency.doses=7",), "must be a list"),
        (("frequency.doses=[1,often]",), "'often' is not a number in [0, 280]"),
        (("frequency.doses=[1,-2]",), "-2 is not a number in [0, 280]"),
        (("frequency.doses=[0]",), "1 to 39 doses above 0"),
        (("frequency.dose=[1,2]",), "did you mean 'frequency.doses'?"),
        (("strategy=do_nothing",), "messages need content"),
        (("strategy=nobody",), "there is no such strategy"),
        (("run.replications=1",), "run.replications"),
    ],
)
def test_wrong_words_are_answered(call: Call, words: tuple[str, ...], said: str) -> None:
    found = call(*words)
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert not Path("results").exists()


def test_doses_are_sorted_and_begin_with_none() -> None:
    assert rising([7, 1, 2.5, 7]) == (0.0, 1.0, 2.5, 7.0)
    assert checked(FrequencyConfig, {"frequency": {"doses": [3]}}).frequency.doses == (0.0, 3.0)
    with pytest.raises(InputError, match="not a number"):
        rising([True])


def test_a_quota_is_warned_of_and_holds() -> None:
    found = market_config("beauty")
    strategy = read_strategy("frequency_study:guard.quota=month")
    config = FrequencyConfig(
        run=Run(members=60, days=30, replications=2), frequency=FrequencySettings((0.0, 70.0)), strategy=strategy,
        market=found.market, population=found.population,
    )  # fmt: skip
    ready = study.prepare_doses(config)
    with study.workers(60, 1, 1) as (pool, threads):
        lived = {dose: study.live_dose(plan, 1, 2, pool, threads) for dose, plan in ready.plans.items()}
    assert lived[70.0].messages.max() <= 62
    assert any("quota" in text for text in study.curve(ready, lived)[1]["summary.json"]["warnings"])


def test_the_same_without_the_command_line() -> None:
    strategy = {"name": "own", "content": {"on": True}, "guard": {"quota": "none"}}
    found = study.frequency([1, 7], strategy=strategy, run={"members": 60, "days": 30, "replications": 2})
    assert tuple(found.curve.columns) == COLUMNS
    assert found.summary["strategy"] == "own"
