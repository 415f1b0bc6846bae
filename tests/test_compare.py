"""Twin worlds: effects and intervals by hand, a strategy that is compared with itself, and the command line."""

import dataclasses
import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import scipy.stats
import yaml

import sim.report.comparison
from experiments import app
from experiments import compare as command
from sim import compare, forecast
from sim.accounting import metrics
from sim.errors import InputError
from sim.report.material import effect_words
from sim.settings import Calling, CompareConfig, CompareRun, Config, Run, named_groups
from sim.store import read_results
from sim.strategy import read_strategy
from sim.study import calling
from sim.study import compare as study
from sim.study.ensemble import Ensemble, run_ensemble
from sim.study.forecast import prepare
from sim.units import checked
from tests.command import Call, Said, caller, hash_of, only_folder, run_python, sleeper, write_stub

ROOT = Path(__file__).parents[1]
TALK = "do_nothing:content.on=true:messaging.on=true:messaging.per_week=5"
"""A plan varied in place that does something."""
TINY = ("run.members=300", "run.days=30", "run.replications=5", "run.threads=1", "population.history_days=90")
PROMISED = (
    "config.yaml", "parameters.json", "manifest.json", "population.parquet", "daily.parquet", "flows.parquet",
    "cohorts.parquet", "forecast.csv", "summary.json", "effects.parquet", "effects.csv", "effects_by_day.csv",
    "bridge_flows.csv", "selection.csv", "timing.parquet", "report.html", "tables.xlsx",
)  # fmt: skip
DRIVER = sleeper("compare", "sim.study.ensemble")
"""The app, which falls asleep when the first strategy has been lived."""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call(*words)` is `membersim compare *words` in an empty folder, the page being a stub."""
    monkeypatch.setattr(sim.report.comparison, "write_comparison", write_stub)
    return caller(command, tmp_path, monkeypatch, capsys)


def run_cli(folder: Path, *words: str) -> Said:
    """`python -m experiments.compare *words` with `folder` as the current folder."""
    return run_python(folder, "-m", "experiments.compare", *words)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a baseline, a plan that talks, and the baseline again, as the command line leaves it."""
    root = tmp_path_factory.mktemp("twins")
    said = run_cli(root, *TINY, f"strategies=[do_nothing,{TALK},do_nothing]")
    assert (said.code, said.err) == (0, ""), said
    assert "report.html" in said.out
    assert "the same as do_nothing in every replication" in said.out
    return only_folder(root, "compare")


# -- statistics ----------------------------------------------------------------------------------------------


def test_an_interval_by_hand() -> None:
    ours, theirs = np.array([[5], [7], [9]]), np.array([[4], [5], [6]])
    told = {key: float(value[0]) for key, value in study.paired(ours, theirs).items()}
    assert told["effect"] == 2.0
    assert told["monte_carlo_se"] == pytest.approx(1.0 / np.sqrt(3.0))
    reach = 4.302652729911275 / np.sqrt(3.0)  # Student's t with 2 degrees of freedom, 97.5 %
    assert told["low95"] == pytest.approx(2.0 - reach)
    assert told["high95"] == pytest.approx(2.0 + reach)
    assert told["relative_pct"] == pytest.approx(40.0)
    assert told["relative_low95_pct"] == pytest.approx(100 * (2.0 - reach) / 5.0)
    assert told["variance_ratio"] == pytest.approx((4.0 + 1.0) / 1.0)


def test_of_equals_nothing_is_told() -> None:
    values = np.array([[3, 0], [5, 0], [10, 0]])
    told = study.paired(values, values)
    for key in ("effect", "low95", "high95", "monte_carlo_se"):
        assert told[key].tolist() == [0.0, 0.0]
    assert told["relative_pct"][0] == 0.0
    assert np.isnan(told["relative_pct"][1])
    assert np.isnan(told["variance_ratio"]).all()


def test_a_constant_difference_is_sure_and_has_no_ratio() -> None:
    told = study.paired(np.array([4, 6, 11]), np.array([1, 3, 8]))
    assert (told["effect"], told["low95"], told["high95"]) == (3.0, 3.0, 3.0)
    assert np.isnan(told["variance_ratio"])


def test_a_negative_baseline_keeps_the_sign_of_the_effect() -> None:
    told = study.paired(np.array([-5, -7]), np.array([-10, -10]))
    assert told["relative_pct"] == pytest.approx(40.0)


def test_intervals_hold_what_they_say() -> None:
    """Of 4,000 intervals over 5 normal pairs, 95 % hold the truth; sd 0.34 %, so 5 sd are allowed."""
    luck = np.random.default_rng(3)
    theirs = luck.normal(10.0, 3.0, (5, 4000))
    ours = theirs + luck.normal(0.7, 1.0, (5, 4000))
    told = study.paired(ours, theirs)
    inside = float(((told["low95"] <= 0.7) & (told["high95"] >= 0.7)).mean())
    assert abs(inside - 0.95) < 5 * np.sqrt(0.95 * 0.05 / 4000)


def test_the_ratio_is_that_of_independent_seeds() -> None:
    luck = np.random.default_rng(4)
    shared = luck.normal(0.0, 3.0, (20_000, 1))
    ours, theirs = (shared + luck.normal(0.0, 1.0, (20_000, 1)) for _ in range(2))
    assert float(study.paired(ours, theirs)["variance_ratio"][0]) == pytest.approx(10.0, rel=0.05)


@pytest.fixture(scope="module")
def lived() -> dict[str, Ensemble]:
    """Two fabricated strategies of two replications and ten days: only orders, revenue and members are not 0."""
    plan = prepare(Config(run=Run(members=20, days=10))).plan
    empty = run_ensemble(plan, 1, 2)
    out = {}
    for name, orders, cents, members in (("a", (1, 2), (100, 300), (7, 9)), ("b", (2, 5), (150, 500), (7, 11))):
        daily = np.zeros_like(empty.daily)
        for metric, values in (("orders", orders), ("revenue", cents), ("members", members)):
            daily[:, :, empty.names.index(metric)] = np.array(values)[:, None]
        out[name] = dataclasses.replace(empty, daily=daily)
    return out


def test_effects_of_flows_add_up_and_those_of_stocks_do_not(lived: dict[str, Ensemble]) -> None:
    table = study.effects_table(lived)
    assert list(table.columns) == ["strategy", "baseline", "metric", "replication", "day", "effect"]
    assert set(table["strategy"]) == {"b"}
    assert set(table["baseline"]) == {"a"}
    assert sorted(set(table["day"])) == [6, 9]
    assert len(table) == len(lived["a"].names) * 2 * 2
    found = table.set_index(["metric", "replication", "day"])["effect"]
    expected = {
        ("orders", 0): (7.0, 10.0), ("orders", 1): (21.0, 30.0), ("revenue", 0): (3.5, 5.0),
        ("revenue", 1): (14.0, 20.0), ("members", 0): (0.0, 0.0), ("members", 1): (2.0, 2.0), ("mau", 1): (0.0, 0.0),
    }  # fmt: skip
    for (metric, replication), (week, last) in expected.items():
        assert found[metric, replication, 6] == week
        assert found[metric, replication, 9] == last


def test_intervals_are_those_of_the_pairs(lived: dict[str, Ensemble]) -> None:
    table = study.intervals_table(lived, [9], ["revenue", "members"]).set_index("metric")
    revenue = table.loc["revenue"]
    assert revenue["effect"] == 12.5
    reach = 12.706204736174694 * 15.0 / np.sqrt(2.0) / np.sqrt(2.0)  # t with 1 degree of freedom; sd of (5, 20)
    assert revenue["high95"] == pytest.approx(12.5 + reach)
    assert revenue["relative_pct"] == pytest.approx(100 * 12.5 / 20.0)
    assert revenue["variance_ratio"] == pytest.approx((20.0**2 + 35.0**2) / 2 / (15.0**2 / 2))
    assert table.loc["members", "effect"] == 1.0


def test_effects_are_told_on_these_days() -> None:
    assert study.milestones(20) == [19]
    assert study.milestones(31) == [30]
    assert study.milestones(400) == [30, 90, 180, 365, 399]
    assert study.effect_days(32).tolist() == [6, 13, 20, 27, 30, 31]


# -- words ---------------------------------------------------------------------------------------------------


def entry(effect: float, low: float, high: float, share: float | None = 12.3, unit: str = "orders") -> dict[str, Any]:
    """An effect as summary.json has it."""
    return {
        "label": "orders until the end", "baseline": "do_nothing", "unit": unit, "effect": effect, "low95": low,
        "high95": high, "relative_pct": share,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (entry(1234.4, 903.1, 1562.0), "orders until the end: +1,230 (95 %: 900 to 1,560), +12 % on do_nothing"),
        (entry(-1234.4, -1562.0, -903.1, -3.21), "orders until the end: -1,230 (95 %: -1,560 to -900), -3.2 % on do"),
        (entry(30.0, -120.0, 190.0), "orders until the end: not told apart from 0: +30 (95 %: -120 to 190)"),
        (entry(0.0, 0.0, 0.0), "orders until the end: the same as do_nothing in every replication"),
        (entry(-3.0, -3.0, -3.0), "orders until the end: -3 in every replication"),
        (entry(12.0, 8.0, 16.0, None), "orders until the end: +12.0 (95 %: 8.0 to 16.0)"),
        (entry(1234.4, 903.1, 1562.0, unit="CNY"), "orders until the end: +1,230 CNY (95 %: 900 to 1,560), +12 %"),
    ],
)
def test_an_effect_in_words(told: dict[str, Any], words: str) -> None:
    assert effect_words(told).startswith(words)


def test_few_replications_and_many_intervals_are_warned_of() -> None:
    assert study.warnings(5, 6) == []
    assert "Only 4 replications" in study.warnings(4, 6)[0]
    assert "about 2 of them" in study.warnings(20, 40)[0]


def test_a_reward_of_more_than_an_order_is_warned_of() -> None:
    """50 CNY are two usual orders of the default market and half of one in beauty."""
    strategies = ("do_nothing", "bribed_referral")
    for market, notes in (("default", 1), ("beauty", 0)):
        config = checked(CompareConfig, named_groups({"market": market, "strategies": strategies}))
        found = study.dear_rewards(study.prepare_twins(config))
        assert len(found) == notes
        assert all("bribed_referral rewards a friend's joining with 50 CNY" in text for text in found)


def test_the_size_of_a_trial_is_that_of_the_textbook() -> None:
    """Two arms of normal spending with means half a standard deviation apart: 63 in each for 80 % at 5 %, and as many
    find it in 80 of 100 simulated trials, within noise."""
    luck = np.random.default_rng(4)
    spent = [luck.normal(100_000 + 5_000 * arm, 10_000, (20, 4_000)) for arm in (0, 1)]
    ours, theirs = (SimpleNamespace(spent=cents) for cents in reversed(spent))
    trial = study.trial_of(cast("Any", ours), cast("Any", theirs))
    assert trial is not None
    assert trial["effect"] == pytest.approx(50.0, abs=2.0)
    assert trial["spread"] == pytest.approx(100.0, rel=0.02)
    assert abs(trial["each"] - 63) <= 4
    arms = luck.normal(0.0, 1.0, (2, 4_000, trial["each"])) + np.array([0.5, 0.0])[:, None, None]
    found = (scipy.stats.ttest_ind(*arms, axis=1).pvalue < 0.05).mean()
    assert found == pytest.approx(study.POWER, abs=0.04)
    assert study.trial_of(cast("Any", ours), cast("Any", ours)) is None


def test_variations_of_levers_that_are_off_are_warned_of() -> None:
    names = ("do_nothing:member_day.stock=2", "do_nothing:member_day.on=true:member_day.stock=2", "do_nothing",
             "do_nothing:guard.quota=none", "do_nothing:member_day.on=false")  # fmt: skip
    found = study.sleeping({name: read_strategy(name) for name in names})
    assert len(found) == 1
    assert "member_day.stock changes nothing while member_day is off" in found[0]


# -- names ---------------------------------------------------------------------------------------------------


def test_names_are_texts_and_repeats_get_suffixes(tmp_path: Path) -> None:
    own = tmp_path / "own plan.yaml"
    own.write_text("messaging: {per_week: 2}\n", encoding="utf-8")
    specs = ["do_nothing", "do_nothing:messaging.per_week=5", "do_nothing", str(own), "do_nothing"]
    named = study.read_strategies([*specs, specs[1]])
    assert list(named) == [
        "do_nothing", specs[1], "do_nothing#2", "own plan", "do_nothing#3", f"{specs[1]}#2",
    ]  # fmt: skip
    assert named[specs[1]].messaging.per_week == 5
    assert named["own plan"].messaging.per_week == 2


@pytest.mark.parametrize(
    ("said", "entries"),
    [
        ("[a,b]", ["a", "b"]),
        ('[a,"a:x.y=80",b]', ["a", "a:x.y=80", "b"]),
        ("[a,a:x.y=80:z.w=[1,2],b]", ["a", "a:x.y=80:z.w=[1,2]", "b"]),
        ("['a', plans/my plan.yaml , 'o\\'b']", ["a", "plans/my plan.yaml", "o'b"]),
        ("[什么都不做,a]", ["什么都不做", "a"]),
        ('["a,b",c]', ["a,b", "c"]),
        ("[]", []),
    ],
)
def test_lists_are_read_with_and_without_quotes(said: str, entries: list[str]) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser

    override = OverridesParser.create().parse_override(app.quoted(f"strategies={said}"))
    assert override.value() == entries


def test_several_lists_are_a_sweep(call: Call) -> None:
    words = ("run.members=30", "run.days=7", "run.replications=2", "population.history_days=30")
    said = call("-m", "strategies=[do_nothing,do_nothing],[do_nothing,do_nothing:messaging.per_week=4]", *words)
    assert (said.code, said.err) == (0, "")
    names = [read_results(folder).summary["strategies"] for folder in Path("results/compare").iterdir()]
    assert sorted(names) == [["do_nothing", "do_nothing#2"], ["do_nothing", "do_nothing:messaging.per_week=4"]]


def test_the_groups_of_a_comparison_are_those_of_a_run() -> None:
    ours, theirs = ({field.name for field in dataclasses.fields(cls)} for cls in (CompareConfig, Config))
    own = {"strategies", "call", "bridge", "assumptions", "targets", "ceilings"}
    assert ours - own == theirs - {"strategy"}
    chosen = yaml.safe_load((app.CONFIGS / "compare.yaml").read_text(encoding="utf-8"))
    assert chosen["run"]["replications"] is None


# -- wrong words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        ([], ["strategies", "2 to 20", "strategies=[do_nothing,"]),
        (["strategies=[do_nothing]"], ["strategies", "2 to 20", "not 1"]),
        (["strategies=[" + ",".join(["do_nothing"] * 21) + "]"], ["strategies", "2 to 20", "not 21"]),
        (["strategies=do_nothing"], ["strategies=do_nothing", "in brackets"]),
        (["strategies=do_nothing,do_nothing"], ["strategies=do_nothing,do_nothing", "in brackets"]),
        (["strategies=[do_nothing,]"], ["strategies", "not the name of a strategy"]),
        (["strategies="], ["strategies", "in brackets"]),
        (["strategies=[do_nothing,do_nothin]"], ["strategies", "'do_nothin'", "did you mean 'do_nothing'?"]),
        (["strategies=[do_nothing,nowhere.yaml]"], ["strategies", "nowhere.yaml", "no such file"]),
        (
            ["strategies=[do_nothing,do_nothing:messaging.per_wek=5]"],
            ["strategies", "messaging.per_wek", "did you mean 'messaging.per_week'?"],
        ),
        (["strategies=[do_nothing,do_nothing:messaging.per_week=lots]"], ["messaging.per_week", "a number in"]),
        (["strategies=[do_nothing,do_nothing]", "strategy=do_nothing"], ["strategy", "did you mean 'strategies'?"]),
        (["strategis=[do_nothing,do_nothing]"], ["strategis", "did you mean 'strategies'?"]),
        (["strategies=[do_nothing,do_nothing]", "run.members=0"], ["run.members=0"]),
        (["strategies=[do_nothing,do_nothing]", "run.members=2000000"], ["market.size"]),
        (["strategies=[do_nothing,do_nothing]", "run.name=a/b"], ["run.name"]),
        (["strategies=[do_nothing,do_nothing]", "run.replications=1"], ["run.replications=1", "[2, 1e+06]"]),
        (["strategies=[do_nothing,do_nothing]", "call.most=19"], ["call.most=19", "[20, 1e+06]"]),
        (["strategies=[do_nothing,do_nothing]", "call.smallest=-1"], ["call.smallest=-1", "[0, 100]", "baseline"]),
        (["strategies=[do_nothing,do_nothing]", "call.metric=order"], ["call.metric", "did you mean 'orders'?"]),
        (["strategies=[do_nothing,do_nothing]", "call.moist=40"], ["call.moist", "did you mean 'call.most'?"]),
        (["strategies=[do_nothing,do_nothing]", "data.path=nowhere.csv"], ["nowhere.csv"]),
    ],
)
def test_a_wrong_word_is_named_and_nothing_is_written(call: Call, words: list[str], fragments: list[str]) -> None:
    said = call(*words, "run.days=7")
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert len(said.err.strip().splitlines()) == 1, said.err
    for fragment in fragments:
        assert fragment in said.err
    assert list(Path().iterdir()) == []


def test_a_library_call_is_checked_too() -> None:
    with pytest.raises(InputError, match="2 to 20"):
        compare(strategies=["do_nothing"])
    with pytest.raises(InputError, match="did you mean 'do_nothing'"):
        compare(strategies=["do_nothing", "do_nothin"])


def test_help_lists_every_key(call: Call) -> None:
    said = call("--help")
    assert said.code == 0
    assert "strategies=" in said.out
    assert "run.replications= [2" in said.out
    assert "call.most=60 [20" in said.out
    assert "call.metric=contribution" in said.out
    assert "  strategy=" not in said.out


# -- a whole comparison --------------------------------------------------------------------------------------


def test_every_promised_file_is_there(twins: Path) -> None:
    assert [name for name in PROMISED if not (twins / name).is_file()] == []
    assert not (twins / "parts").exists()
    assert not list(twins.rglob("*.tmp"))
    manifest = read_results(twins).manifest
    assert (manifest["app"], manifest["status"], len(manifest["content_hash"])) == ("compare", "complete", 64)
    assert read_results(twins).config["strategies"] == ["do_nothing", TALK, "do_nothing"]
    plans = read_results(twins).json("parameters.json")["strategies"]
    assert list(plans) == ["do_nothing", TALK, "do_nothing#2"]
    assert plans[TALK]["messaging"]["per_week"] == 5


def test_a_strategy_against_itself_is_exactly_nothing(twins: Path) -> None:
    results = read_results(twins)
    itself = results.table("effects.parquet").query("strategy == 'do_nothing#2'")
    assert len(itself)
    assert (itself["effect"] == 0.0).all()
    intervals = results.table("effects.csv").query("strategy == 'do_nothing#2'")
    assert set(intervals["day"]) == {29}
    for column in ("effect", "low95", "high95", "monte_carlo_se"):
        assert (intervals[column] == 0.0).all()
    summary = results.summary
    assert set(summary["pairs"]["do_nothing#2"]["variance_ratio"].values()) == {None}
    for line in summary["effects"]:
        if line["strategy"] == "do_nothing#2":
            assert not line["told_apart"]
            assert line["sentence"].endswith("the same as do_nothing in every replication")
        if line["strategy"] == "do_nothing#2":
            assert (line["settled"], line["p_better"], line["p_low95"], line["ties"]) == ("same", 0.5, None, 5)
            assert line["chance"] == "do_nothing#2 and do_nothing are the same in every replication"
    daily = results.daily.set_index("strategy")
    assert daily.loc["do_nothing"].reset_index(drop=True).equals(daily.loc["do_nothing#2"].reset_index(drop=True))


def test_effects_are_differences_of_the_daily_numbers(twins: Path) -> None:
    results = read_results(twins)
    daily, effects = results.daily, results.table("effects.parquet")
    last = daily["day"].max()
    kinds = {metric.name: metric.kind for metric in (*metrics.METRICS, *metrics.RESPONSE_METRICS)}
    assert set(effects["metric"].astype(str)) == set(daily.columns[3:])
    for name in ("orders", "revenue", "members", "mau", "messages", "reachable", "contribution"):
        groups = daily.groupby(["strategy", "replication"], observed=True)[name]
        value = groups.sum() if kinds[name] == "flow" else daily[daily["day"] == last].groupby(
            ["strategy", "replication"], observed=True)[name].sum()  # fmt: skip
        rows = effects[(effects["metric"] == name) & (effects["day"] == last) & (effects["strategy"] == TALK)]
        found = rows.set_index("replication")["effect"]
        difference = value[TALK] - value["do_nothing"]
        assert np.allclose(found.sort_index(), difference.sort_index(), rtol=0, atol=1e-6), name
        told = results.table("effects.csv").query("strategy == @TALK and metric == @name and day == @last").iloc[0]
        assert told["effect"] == pytest.approx(float(difference.mean()), abs=1e-6)
        assert told["baseline"] == "do_nothing"
        unpaired = value[TALK].var() + value["do_nothing"].var()
        if difference.var() > 0:
            assert told["variance_ratio"] == pytest.approx(unpaired / difference.var())
            assert results.summary["pairs"][TALK]["variance_ratio"][name] == pytest.approx(told["variance_ratio"])
    assert results.summary["variance_ratio"] == results.summary["pairs"][TALK]["variance_ratio"]


def test_the_tables_say_what_they_hold(twins: Path) -> None:
    results = read_results(twins)
    schema = pq.read_schema(twins / "effects.parquet")
    assert schema.names == ["strategy", "baseline", "metric", "replication", "day", "effect"]
    for name in schema.names:
        assert schema.field(name).metadata[b"definition"]
    assert "added up since day 0" in schema.field("metric").metadata[b"definition"].decode()
    assert sorted(set(results.table("effects.parquet")["day"])) == [6, 13, 20, 27, 29]
    assert results.forecast.columns[0] == "strategy"
    names = ["do_nothing", TALK, "do_nothing#2"]
    for table in ("daily.parquet", "flows.parquet", "cohorts.parquet", "forecast.csv"):
        assert list(dict.fromkeys(results.table(table)["strategy"])) == names, table
    assert len(results.daily) == 3 * 5 * 30
    assert len(results.table("population.parquet")) == 300
    assert results.summary["baseline"] == "do_nothing"


def test_the_page_is_self_contained_and_in_words(twins: Path) -> None:
    text = (twins / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert "<script" not in text
    words = re.sub(r"<style>.*?</style>", "", re.sub(r'src="data:[^"]*"', "", text), flags=re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", words)
    assert not re.search(r"\b(nan|NaN|None|inf|True|False)\b|\{\{|\}\}", words)
    assert "messaging.per_week" in words
    assert "the same in every pair" in words
    assert "5 replications" in words
    charts = {file.stem for file in (twins / "charts").glob("*.png")}
    assert {"effect_orders", "ranks_contribution", "final_effects", "levels_orders", "levels_mau"} <= charts
    before = {file.name: file.read_bytes() for file in (twins / "charts").iterdir()}
    sim.report.comparison.write_comparison(twins)
    assert (twins / "report.html").read_text(encoding="utf-8") == text
    assert {file.name: file.read_bytes() for file in (twins / "charts").iterdir()} == before


def test_the_baseline_is_the_forecast_of_that_strategy(twins: Path) -> None:
    """What a comparison says of a strategy is what a forecast says of it: twins do not touch each other."""
    run = {"members": 300, "days": 30, "replications": 5}
    alone = forecast(run=run, population={"history_days": 90})
    shared = [name for name in alone.daily.columns[3:] if name in metrics.NAMES]
    ours = read_results(twins).daily.query("strategy == 'do_nothing'")
    for name in shared:
        assert ours[name].tolist() == alone.daily[name].tolist(), name


def test_the_library_says_what_the_folder_says(twins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strategies = ["do_nothing", TALK, "do_nothing"]
    run = {"members": 300, "days": 30, "replications": 5}
    told = compare(strategies=strategies, run=run, population={"history_days": 90})
    assert capsys.readouterr() == ("", "")
    results = read_results(twins)
    pd.testing.assert_frame_equal(told.effects, results.table("effects.parquet"), check_categorical=False)
    assert told.summary["variance_ratio"] == pytest.approx(results.summary["variance_ratio"])
    assert [line["sentence"] for line in told.summary["effects"]] == [
        line["sentence"] for line in results.summary["effects"]
    ]
    assert set(told.intervals["metric"]) == set(told.daily.columns[3:])


@pytest.mark.parametrize("words", [("run.threads=2",), ("run.threads=3",), ("run.name=other",), ("run.processes=2",)])
def test_the_content_does_not_depend_on_how_it_was_run(call: Call, twins: Path, words: tuple[str, ...]) -> None:
    kept = [word for word in TINY if word.split("=")[0] not in {w.split("=")[0] for w in words}]
    assert call(*kept, f'strategies=[do_nothing,"{TALK}",do_nothing]', *words).code == 0
    assert hash_of(only_folder(Path(), "compare")) == hash_of(twins)


def test_another_baseline_is_another_comparison(call: Call, twins: Path) -> None:
    assert call(*TINY, f"strategies=[{TALK},do_nothing,do_nothing]").code == 0
    folder = only_folder(Path(), "compare")
    assert hash_of(folder) != hash_of(twins)
    ours, theirs = (read_results(f).summary for f in (folder, twins))
    assert ours["baseline"] == TALK
    assert ours["effects"][0]["effect"] == -theirs["effects"][0]["effect"]


def test_a_plan_counts_by_what_it_says(call: Call) -> None:
    """The same file with other content is another configuration; another file with the same content is not."""
    words = ("run.members=30", "run.days=7", "run.replications=2", "population.history_days=30")
    hashes = []
    for place, rate in (("a", 2), ("b", 2), ("a", 3)):
        Path(place).mkdir(exist_ok=True)
        Path(place, "plan.yaml").write_text(f"messaging: {{per_week: {rate}}}\n", encoding="utf-8")
        name = f"{place}{rate}"
        assert call(*words, f"strategies=[do_nothing,{place}/plan.yaml]", f"run.name={name}").code == 0
        hashes.append(read_results(f"results/compare/{name}").manifest["config_hash"])
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_complete_folder_is_not_overwritten(call: Call) -> None:
    words = ("run.members=30", "run.days=7", "run.replications=2", "run.name=mine", "population.history_days=30")
    assert call(*words, "strategies=[do_nothing,do_nothing]").code == 0
    before = hash_of(Path("results/compare/mine"))
    for more in ((), ("run.seed=2",)):
        said = call(*words, "strategies=[do_nothing,do_nothing]", *more)
        assert said.code == 2
        assert "run.overwrite=true" in said.err
    assert hash_of(Path("results/compare/mine")) == before
    assert call(*words, "strategies=[do_nothing,do_nothing]", "run.seed=2", "run.overwrite=true").code == 0
    assert hash_of(Path("results/compare/mine")) != before


def test_killed_and_finished_by_the_same_command(twins: Path, tmp_path: Path, call: Call) -> None:
    words = [*TINY, f"strategies=[do_nothing,{TALK},do_nothing]"]
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *words], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("results/*/*/parts/00/*.npz")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    folder = only_folder(tmp_path, "compare")
    assert json.loads((folder / "manifest.json").read_text())["status"] == "running"
    with pytest.raises(InputError, match="not finished"):
        read_results(folder)
    assert call(*words).code == 0
    assert only_folder(tmp_path, "compare") == folder
    assert hash_of(folder) == hash_of(twins)
    assert not (folder / "parts").exists()


UNTIL = ("run.members=200", "run.days=21", "run.threads=1", "population.history_days=90", "call.most=50")
"""Small worlds, in which a plan that talks cannot be told apart from itself with one message more at once."""
CLOSE = "do_nothing:content.on=true:messaging.on=true:messaging.per_week=5.5"


@pytest.fixture(scope="module")
def unsure(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two plans that are nearly the same, run until they can be called or 50 replications are over."""
    root = tmp_path_factory.mktemp("unsure")
    said = run_cli(root, *UNTIL, f"strategies=[{TALK},{CLOSE}]", "call.metric=orders", "call.smallest=0.01")
    assert (said.code, said.err) == (0, ""), said
    assert "Cannot tell yet, after 50 replications, by orders until the end" in said.out
    return only_folder(root, "compare")


def test_what_cannot_be_called_stops_at_the_budget_and_says_so(unsure: Path) -> None:
    results = read_results(unsure)
    call, row = results.summary["call"], results.table("effects.csv").query("metric == 'orders'").iloc[0]
    (pair,) = call["pairs"]
    assert (call["settled"], pair["settled"], row["settled"]) == (False, "open", "open")
    assert results.summary["replications"] == call["replications"] == 50
    rows = results.table("effects.parquet").query("metric == 'orders' and day == 20").sort_values("replication")
    effects = rows["effect"].to_numpy(dtype=float)
    for count in (20, 40, 50):  # at no look could it have been called
        _, low, high = calling.interval(effects[:count], calling.reach_at_any_time(count))
        assert calling.settled(low, high, 0.0) == "open"
    assert (pair["low"], pair["high"]) == pytest.approx((float(low), float(high)))
    assert (row["low95"], row["high95"]) == pytest.approx((float(low), float(high)))
    ties, wins = int((effects == 0).sum()), int((effects > 0).sum())
    assert pair["p_better"] == row["p_better"] == pytest.approx((wins + ties / 2) / 50)
    assert pair["ties"] == row["ties"] == ties
    assert "no average difference larger than" in pair["sentence"]
    text = re.sub(r"<[^>]+>", " ", (unsure / "report.html").read_text(encoding="utf-8"))
    assert "Cannot tell yet, after 50 replications" in text
    assert "not yet: more replications help" in text


def test_the_number_run_depends_on_nothing_but_what_was_lived(unsure: Path, tmp_path: Path, call: Call) -> None:
    """Two threads, and an interruption after the first batch: the same number, the same content."""
    words = [*UNTIL, f'strategies=[{TALK},"{CLOSE}"]', "call.metric=orders", "call.smallest=0.01", "run.threads=2"]
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *words], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("results/*/*/parts/00/*.npz")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert call(*words).code == 0
    assert hash_of(only_folder(tmp_path, "compare")) == hash_of(unsure)


def test_what_is_sure_is_called_at_the_first_look(call: Call) -> None:
    """A plan against itself, and one that costs money against none; the same numbers as 20 that are asked for."""
    strategies = f'strategies=[do_nothing,do_nothing,"{TALK}"]'
    assert call(*UNTIL, strategies, "call.metric=cost", "run.name=until").code == 0
    assert call(*UNTIL, strategies, "call.metric=cost", "run.name=fixed", "run.replications=20").code == 0
    until, fixed = (read_results(f"results/compare/{name}") for name in ("until", "fixed"))
    assert until.summary["replications"] == 20
    pd.testing.assert_frame_equal(until.daily, fixed.daily)
    same, dear = until.summary["call"]["pairs"]
    assert (same["settled"], same["effect"], same["ties"], same["p_low95"]) == ("same", 0.0, 20, None)
    assert same["chance"] == "do_nothing#2 and do_nothing are the same in every replication"
    assert (dear["settled"], dear["p_better"], dear["wins_by"]) == ("apart", 0.0, "less")
    assert "is worse than do_nothing" in dear["sentence"]
    assert "having less, in 0 % of 20 worlds" in dear["chance"]
    wide, narrow = (results.table("effects.csv").query("metric == 'cost'").iloc[-1] for results in (until, fixed))
    assert wide["effect"] == narrow["effect"]
    assert wide["low95"] < narrow["low95"] < narrow["high95"] < wide["high95"]
    ranks = until.table("ranks.csv").query("metric == 'cost'").pivot(index="strategy", columns="rank", values="share")
    assert ranks.loc[TALK].tolist() == [0.0, 0.0, 1.0]
    assert ranks.loc["do_nothing"].tolist() == ranks.loc["do_nothing#2"].tolist() == [0.5, 0.5, 0.0]


def test_a_page_of_nothing_but_the_same_says_so(tmp_path: Path) -> None:
    run = CompareRun(name="same", members=60, days=7, replications=2)
    folder = study.run_compare(CompareConfig(run=run, strategies=("do_nothing", "do_nothing")), tmp_path)
    text = " ".join(re.sub(r"<[^>]+>", " ", (folder / "report.html").read_text(encoding="utf-8")).split())
    assert "to the bit, in every pair of twin worlds. Every difference is exactly nothing, and none is better" in text
    assert "do_nothing and do_nothing#2 are the same in every replication" in text
    assert not list((folder / "charts").glob("ranks_*"))


def test_what_is_called_is_part_of_the_configuration() -> None:
    """Without a number of replications it may change them; a number that is given stands as before."""
    default = study.prepare_twins(CompareConfig(strategies=("do_nothing", "do_nothing")))
    other = study.prepare_twins(CompareConfig(strategies=("do_nothing", "do_nothing"), call=Calling("orders")))
    assert default.hash != other.hash
    assert default.config.under(default.strategies["do_nothing"]).run.replications == 60


def test_from_a_log(call: Call) -> None:
    """Strategies act on a user's own members: the log is fitted once, and its population is written once."""
    luck = np.random.default_rng(5)
    rows = []
    for member in range(120):
        day = float(luck.uniform(0, 60))
        while day < 210:
            rows.append(
                (f"m{member}", str(dt.date(2024, 1, 1) + dt.timedelta(int(day))), round(float(luck.gamma(4, 9)), 2))
            )
            day += float(luck.exponential(20 + member % 40))
    pd.DataFrame(rows, columns=["member_id", "date", "amount"]).to_csv("orders.csv", index=False)
    said = call("data.path=orders.csv", "run.days=21", "run.replications=3", f"strategies=[do_nothing,{TALK}]")
    assert (said.code, said.err) == (0, ""), said
    results = read_results(only_folder(Path(), "compare"))
    assert "in the log's currency" in next(e["sentence"] for e in results.summary["effects"] if e["metric"] == "cost")
    assert results.summary["members_at_start"] == len(results.table("population.parquet"))
    assert results.manifest["input_hashes"]["data"]
