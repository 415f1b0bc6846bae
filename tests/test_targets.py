"""Targets and guardrails: read from a strategy, judged by counts that one can check by hand, without any effect."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import experiments.compare as compare_app
import experiments.forecast as forecast_app
import sim.report.page
from sim import compare
from sim.accounting.metrics import NAMES, RESPONSE_NAMES
from sim.errors import InputError
from sim.store import read_results
from sim.strategy import read_strategy
from sim.study import targets as judging
from sim.study.ensemble import Ensemble, run_ensemble
from sim.targets import MEASURES, Ceiling, Goals, Target, due, reader
from tests.command import Call, Said, caller, write_stub
from tests.lab import MONDAY, SEED, Lab

SMALL = ("run.members=200", "run.days=40", "run.replications=3")


def planted(**columns: Any) -> Ensemble:
    """An ensemble with these metrics, [replication][day], all others being 0."""
    shape = np.array(next(iter(columns.values()))).shape
    names = NAMES + RESPONSE_NAMES
    daily = np.zeros((*shape, len(names)), dtype=np.int64)
    for name, values in columns.items():
        daily[:, :, names.index(name)] = values
    empty = np.zeros(0, dtype=np.int64)
    return Ensemble(**{f.name: empty for f in fields(Ensemble)} | {"daily": daily})


# ---------------------------------------------------------------------------- levels


def test_levels_are_what_their_columns_say() -> None:
    """Flows added up, stocks as they are, quotients, cash at its lowest; money in CNY."""
    ensemble = planted(
        members=[[10, 12, 11]], mau=[[5, 6, 0]], joined=[[0, 2, 0]], left=[[0, 0, 1]], blocked=[[1, 0, 2]],
        opted_out_tired=[[1, 0, 1]], opted_out_contact=[[0, 0, 1]], contribution=[[100, -300, 150]],
        revenue=[[1000, 0, 1000]], discounts=[[100, 0, 300]],
    )  # fmt: skip
    told = {name: judging.course(ensemble, name)[0].tolist() for name in MEASURES}
    assert told["members"] == [10, 12, 11]
    assert told["blocked"] == [1, 1, 3]
    assert told["mau_share"] == [0.5, 0.5, 0.0]
    assert told["members_growth"] == [0.0, 0.2, 0.1]
    assert told["opt_out_share"] == [0.1, 1 / 12, 3 / 12]
    assert told["cash_low"] == [1.0, -2.0, -2.0]
    assert np.isnan(told["coupon_share"][:2]).all()
    assert told["coupon_share"][2] == 0.2, "a run of a few days is judged on its last"
    assert np.isnan(told["open_share"]).all(), "no message was sent"


def test_a_quotient_of_flows_is_judged_once_it_has_thirty_days() -> None:
    course = judging.course(planted(revenue=np.ones((2, 40)), discounts=np.ones((2, 40))), "coupon_share")
    assert np.isnan(course[:, :29]).all()
    assert (course[:, 29:] == 1.0).all()


# ---------------------------------------------------------------------------- counts

LEVELS = st.lists(st.lists(st.integers(-5, 5), min_size=4, max_size=4), min_size=2, max_size=12)


@given(LEVELS, st.integers(-6, 6), st.integers(0, 3), st.sampled_from(["least", "most"]))
def test_a_target_is_met_by_the_futures_that_stand_at_it(
    levels: list[list[int]], value: int, day: int, at: Any
) -> None:
    """Against plain loops: the share on the due day, since when, and the share that passes it at some time."""
    target = Target("members", value, at, day)
    told = judging.of_target(np.array(levels, dtype=float), target)

    def good(level: int) -> bool:
        return level >= value if at == "least" else level <= value

    met = [future for future in levels if good(future[day])]
    since = sorted(next(d for d in range(day + 1) if all(map(good, future[d : day + 1]))) for future in met)
    assert told["p_met"] == len(met) / len(levels)
    assert told["p_met_low95"] <= told["p_met"] <= told["p_met_high95"]
    assert told["p_reached"] == sum(any(map(good, future[: day + 1])) for future in levels) / len(levels)
    assert told["day_p50"] == (since[(len(since) - 1) // 2] if since else None)
    assert told["p50"] == np.median([future[day] for future in levels])
    shares = judging.by_day(np.array(levels, dtype=float), target)["share"]
    assert shares.tolist() == [sum(good(future[d]) for future in levels) / len(levels) for d in range(4)]


@given(LEVELS, st.integers(-6, 6), st.integers(0, 3), st.sampled_from(["least", "most"]))
def test_a_ceiling_is_broken_by_the_futures_that_ever_pass_it(
    levels: list[list[int]], value: int, day: int, at: Any
) -> None:
    """Against plain loops: the share, the first day, the worst level; nothing after the last day counts."""
    ceiling = Ceiling("members", value, at, day)
    told = judging.of_ceiling(np.array(levels, dtype=float), ceiling)

    def bad(level: int) -> bool:
        return level < value if at == "least" else level > value

    first = sorted(next(d for d in range(4) if bad(f[d])) for f in levels if any(map(bad, f[: day + 1])))
    worst = [(min if at == "least" else max)(future[: day + 1]) for future in levels]
    assert told["p_breach"] == len(first) / len(levels)
    assert told["day_p50"] == (first[(len(first) - 1) // 2] if first else None)
    assert told["worst"] == (min if at == "least" else max)(worst)
    assert told["worst_p50"] == pytest.approx(np.median(worst))
    shares = judging.by_day(np.array(levels, dtype=float), ceiling)["share"]
    assert shares.tolist() == [sum(d <= until for d in first) / len(levels) for until in range(day + 1)]


@given(LEVELS, st.integers(-6, 5), st.integers(0, 3))
def test_a_higher_target_is_never_likelier(levels: list[list[int]], value: int, day: int) -> None:
    values = np.array(levels, dtype=float)
    low, high = (judging.of_target(values, Target("members", v, "least", day)) for v in (value, value + 1))
    assert high["p_met"] <= low["p_met"]
    assert high["p_reached"] <= low["p_reached"]
    loose, tight = (judging.of_ceiling(values, Ceiling("members", v, "most", day)) for v in (value + 1, value))
    assert loose["p_breach"] <= tight["p_breach"]


def test_no_level_meets_no_target_and_breaks_no_ceiling() -> None:
    nothing = np.full((3, 2), np.nan)
    target = judging.of_target(nothing, Target("open_share", 0.0, "least", 1))
    ceiling = judging.of_ceiling(nothing, Ceiling("open_share", 0.0, "most", 1))
    assert (target["p_met"], target["p50"], target["day_p50"]) == (0.0, None, None)
    assert (ceiling["p_breach"], ceiling["worst"], ceiling["day_p50"]) == (0.0, None, None)


# ---------------------------------------------------------------------------- reading


def test_words_and_keys_say_the_same() -> None:
    words = read_strategy("do_nothing:targets=[members >= 1.2e3 by day 9,dormant_90<=5]:ceilings=[mau_share>=12.5 %]")
    said = {"metric": "members", "value": 1200, "day": 9}
    assert words.targets == (Target("members", 1200.0, "least", 9), Target("dormant_90", 5.0, "most"))
    assert words.ceilings == (Ceiling("mau_share", 0.125, "least"),)
    assert judging.goals_of(replace(words, targets=(Target(**said, at="least"),)), 10, True, "").targets[0].day == 9
    assert due(words.targets, 30, True, "")[1].day == 29, "without a day it is the last"


def test_without_a_side_it_is_the_one_that_is_better() -> None:
    """A floor where more is better, a roof where less is."""
    said = [{"metric": name, "value": 0.1} for name in ("members", "blocked", "coupon_share")]
    read = reader(Target, "targets")(said)
    assert [target.at for target in read] == ["least", "most", "most"]


@pytest.mark.parametrize(
    ("said", "fragments"),
    [
        ("targets=[membres>=3]", ["targets", "membres", "did you mean 'members'"]),
        ("targets=[members=3]", ["targets", "'members=3' cannot be read", "members>=12000 by 179"]),
        ("targets=[mau_share>=45]", ["mau_share >= 45", "45%"]),
        ("targets=[members>=3 by 99999]", ["members", "day=99999", "[0, 3659]"]),
        ("targets=[members>=9 by 5,members<=3 by 5]", ["do_nothing.targets", "contradict"]),
        ("targets=[members>=9 by 5,members>=3 by 5]", ["do_nothing.targets", "twice"]),
        ("targets=[cost>=9 by 5]:ceilings=[cost<=3]", ["do_nothing.targets and do_nothing.ceilings", "contradict"]),
        ("ceilings=[cost<=3,cost<=4]", ["do_nothing.ceilings", "twice"]),
        ("ceilings=[cost>=5,cost<=4]", ["do_nothing.ceilings", "contradict"]),
        ("ceilings=7", ["ceilings", "opt_out_share<=10%"]),
    ],
)
def test_what_cannot_be_meant_is_refused(said: str, fragments: list[str]) -> None:
    with pytest.raises(InputError) as wrong:
        read_strategy(f"do_nothing:{said}")
    for fragment in fragments:
        assert fragment in str(wrong.value)


def test_what_goes_together_is_taken() -> None:
    read_strategy("do_nothing:targets=[cost>=9 by 5,cost<=20 by 5,cost>=12 by 8]:ceilings=[cost<=30,cost<=10 by 3]")


# ---------------------------------------------------------------------------- runs


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`membersim forecast`, without drawing."""
    monkeypatch.setattr(sim.report.page, "write_report", write_stub)
    return caller(forecast_app, tmp_path, monkeypatch, capsys)


def refused(said: Said, *fragments: str) -> None:
    """It ended with exit code 2 and one message, and nothing was written."""
    assert (said.code, said.out) == (2, "")
    for fragment in fragments:
        assert fragment in said.err
    assert "Traceback" not in said.err
    assert not Path("results").exists()


def test_wrong_targets_end_with_exit_code_2(call: Call) -> None:
    refused(call(*SMALL, "strategy.targets=[membres>=3]"), "targets", "did you mean 'members'")
    refused(call(*SMALL, "strategy.targets=[members>=3 by 40]"), "strategy.targets", "day 40 lies beyond the run",
            "run.days=41")  # fmt: skip
    refused(call(*SMALL, "strategy.ceilings=[opt_out_share<=10%]"), "strategy.ceilings", "all levers are off")


def test_targets_change_nothing_in_the_world(call: Call) -> None:
    """The same tables and the same content hash, with targets and without; only the folder says more."""
    aims = ("strategy.targets=[members>=200 by 20,{metric: orders, value: 1}]", "strategy.ceilings=[members>=100]")
    assert call(*SMALL, "run.name=plain").code == 0
    told = call(*SMALL, "run.name=aimed", *aims)
    plain, aimed = (read_results(f"results/forecast/{name}") for name in ("plain", "aimed"))
    assert plain.daily.equals(aimed.daily)
    assert plain.manifest["content_hash"] == aimed.manifest["content_hash"]
    assert plain.manifest["config_hash"] != aimed.manifest["config_hash"], "it is another folder's worth of words"
    assert plain.json("parameters.json") == aimed.json("parameters.json")
    assert not plain.has("targets.csv")
    table, entries = aimed.table("targets.csv"), aimed.summary["targets"] + aimed.summary["ceilings"]
    assert table["kind"].tolist() == ["target", "target", "ceiling"]
    assert table["text"].tolist() == ["members >= 200 by 20", "orders >= 1 by 39", "members >= 100 by 39"]
    last = aimed.daily.groupby("replication")["orders"].sum()
    assert entries[1]["p50"] == float(last.median())
    for entry in entries:
        assert entry["sentence"] in told.out
    shares = aimed.table("targets_by_day.csv").query("kind == 'target' and place == 1").set_index("day")["share"]
    assert shares[20] == entries[0]["p_met"]


def test_a_comparison_lays_all_targets_on_all_strategies() -> None:
    """Who does nothing never loses permission, so never breaks the tightest ceiling; who bombards does."""
    told = compare(
        ["do_nothing:targets=[members>=1 by 10]", "broadcast_bombardment:ceilings=[opt_out_share<=0%]"],
        run={"members": 300, "days": 40, "replications": 4, "seed": 3},
    )
    breach = {entry["strategy"]: entry["p_breach"] for entry in told.summary["ceilings"]}
    assert list(breach.values()) == [0.0, 1.0]
    assert [entry["p_met"] for entry in told.summary["targets"]] == [1.0, 1.0]
    assert len(told.tables["targets"]) == 4


def test_targets_of_a_comparison_take_the_place_of_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sim.report.comparison

    monkeypatch.setattr(sim.report.comparison, "write_comparison", write_stub)
    call = caller(compare_app, tmp_path, monkeypatch, capsys)
    words = (*SMALL, "strategies=[do_nothing,broadcast_bombardment]", "run.name=aimed")
    refused(call(*words, "ceilings=[opt_out_share<=10% by 99]"), "ceilings", "day 99 lies beyond the run")
    told = call(*words, "targets=[members>=150]")
    summary = read_results("results/compare/aimed").summary
    assert {entry["text"] for entry in summary["targets"]} == {"members >= 150 by 39"}
    assert summary["ceilings"] == []
    assert "Members, at least 150 by 9 February 2026: met in 100 % (44 to 100 %) do_nothing" in told.out


# ---------------------------------------------------------------------------- the system


@pytest.mark.shows("A004", knockout={"strategy.messaging.on": False})
def test_targets_of_the_short_middle_and_long_term_have_their_chances(lab: Lab) -> None:
    """Messages that suit their readers: of the members, 60 % active in any way after 60 and 100 days, 25 % buying.

    Each target has a median, an interval and the share of futures that meet it by its due day. Who does nothing meets
    none of them; an aim far beyond what the plan can do is met in no future, and said to be so.
    """
    goals = Goals((
        Target("engaged_share", 0.60, "least", 59), Target("engaged_share", 0.60, "least", 99),
        Target("mau_share", 0.24, "least", 119), Target("members_growth", 1.5, "least", 119),
    ))  # fmt: skip
    lived = {
        name: run_ensemble(lab.plan(name, members=600, days=120), SEED, 8)
        for name in ("do_nothing", "matched_scenes")
    }
    told = judging.judged(lived, goals, MONDAY, "CNY").targets
    chance = {(entry["place"], entry["strategy"]): entry["p_met"] for entry in told}
    for entry in told:
        assert entry["p025"] <= entry["p50"] <= entry["p975"]
        assert entry["p_met_low95"] <= entry["p_met"] <= entry["p_met_high95"]
    assert [chance[place, "do_nothing"] for place in (1, 2, 4)] == [0.0, 0.0, 0.0]
    assert [chance[place, "matched_scenes"] for place in (1, 2, 4)] == [1.0, 1.0, 0.0]
    assert chance[3, "matched_scenes"] >= 0.5 > chance[3, "do_nothing"]
    apart = {entry["strategy"]: entry for entry in told if entry["place"] == 2}
    assert apart["do_nothing"]["p_met_high95"] < apart["matched_scenes"]["p_met_low95"]
