"""`optimize`: what is asked, what comes of it on a model that lives nothing, and a run through the command line."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from experiments import optimize as app
from sim import optimize as library
from sim import rng
from sim.errors import InputError
from sim.settings import OptimizeConfig
from sim.store import content_hash, read_results
from sim.strategy import read_strategy
from sim.study.compare import prepare_twins
from sim.study.optimize import (
    Asked,
    Optimum,
    distinct,
    outcome,
    prepare_optimize,
    solve,
    strategies_of,
    strategy_text,
)
from sim.study.points import Task
from sim.study.search import Crew, Stretch, Tried
from sim.units import checked
from tests.command import Call, caller, hash_of, write_stub

pytest.importorskip("optuna")

PER_WEEK = "strategy.messaging.per_week"
VALUE = "strategy.messaging.ask"
STRENGTH = "market.season.strength"
TRUST = "response.trust.selling"
REFERENCES = ["do_nothing", "matched_scenes", "broadcast_bombardment"]


def asked(**optimize: Any) -> Asked:
    """A search around matched scenes in the market of beauty; nothing is lived by asking."""
    sought = {
        "levers": {PER_WEEK: [0, 14]}, "plans": 24, "finalists": 4, "batch": 4, "references": REFERENCES,
    } | optimize  # fmt: skip
    strategy = {"name": "told", "messaging": {"on": True}, "content": {"on": True}}
    run = {"members": 100, "days": 60, "replications": 18}
    return prepare_optimize(checked(OptimizeConfig, {"run": run, "strategy": strategy, "optimize": sought}))


@dataclass(frozen=True)
class Formula:
    """Contribution peaks at 6 messages a week in a usual season, opt-outs rise with messages, cost is 10 a message.

    Named strategies are dominated: they send as many messages as they do and earn half of it. noise: of contribution.
    """

    names: tuple[str, ...]
    noise: float = 2.0

    def __call__(self, task: Task) -> Mapping[str, np.ndarray]:
        assert isinstance(task, Stretch)
        point = task.point
        dose = float(point.get(PER_WEEK, 1.0))
        worth = 100.0 - (dose - 6.0 * float(point.get(STRENGTH, 1.0))) ** 2
        share = 0.01 * dose
        if "strategy" in point:
            worth, share = worth / 2.0 - 20.0, 0.2 if point["strategy"] != "do_nothing" else 0.01
        luck = np.array([
            rng.normal(np.uint64(rng.stream(task.seed, r)), np.uint64(task.index + 9), rng.RELABEL, 3)
            for r in range(task.first, task.last)
        ])  # fmt: skip
        out = {name: np.full(len(luck), 1.0) for name in self.names}
        for name in self.names:
            if name.startswith("contribution"):
                out[name] = worth + self.noise * luck
            elif name.startswith("opt_out_share"):
                out[name] = share + 0.0001 * luck
            elif name.startswith("cost"):
                out[name] = 10.0 * dose + 0.01 * luck
        return out


def solved(told: Asked, noise: float = 2.0) -> Optimum:
    """What comes of a search on the formula."""
    return solve(told, Crew(Formula(told.lived.names, noise), told.lived.names), lambda what, done, of: None)


def best_of(told: Asked, optimum: Optimum) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Tables and summary."""
    tables, documents = outcome(told, optimum)
    return tables, documents["summary.json"]


# -- what comes of it ----------------------------------------------------------------------------------------


def test_the_best_plan_and_its_optimism() -> None:
    told = asked()
    tables, summary = best_of(told, solved(told))
    assert summary["best"]["values"][PER_WEEK] == pytest.approx(6.0, abs=0.7)
    front = tables["front.csv"].set_index("name")
    best = front[front["best"]].iloc[0]
    assert best["gain"] == pytest.approx(25.0, abs=5.0)
    assert best["optimism"] == pytest.approx(best["search_gain"] - best["gain"])
    assert abs(best["optimism"]) < 4.0 * best["optimism_se"]
    named = front.loc[REFERENCES]
    assert (named["dominated_by"] == best.name).all()
    assert named["surely"].all()
    assert summary["dominated"] == {"references": 3, "keep_limits": 3, "dominated": 3, "surely": 3, "equalled": 0}
    assert summary["search_runs"] < 0.6 * 25 * 18
    assert "plans" not in summary["errors"]


def test_limits_are_kept_with_fresh_luck_too() -> None:
    told = asked(subject_to=["cost <= 30", "contribution >= 60"])
    optimum = solved(told)
    tables, summary = best_of(told, optimum)
    assert 2.0 < summary["best"]["values"][PER_WEEK] < 3.0, "3 a week cost 30"
    limits = tables["limits.csv"].set_index("name")
    kept = limits.loc[[summary["best"]["name"]]]
    assert kept["kept"].all()
    cost = kept[kept["limit"].str.startswith("cost")].iloc[0]
    assert cost["mean"] < cost["sure"] <= 30.0


def test_where_no_plan_keeps_the_limits_none_is_returned_and_it_says_why() -> None:
    told = asked(subject_to=["cost <= 30", "contribution >= 95"])
    optimum = solved(told)
    _, summary = best_of(told, optimum)
    assert summary["best"] is None
    assert summary["front"] == []
    near = summary["nearest"]
    assert "contribution >= 95" in near["limit"] or "cost <= 30" in near["limit"]
    assert 0 < near["kept_by"]["cost <= 30 by 59"] < near["tried"]
    assert "No plan of 24 keeps all limits" in summary["sentences"][0]
    assert list(strategies_of(told, optimum)) == []


def test_several_objectives_make_a_front_that_dominates_the_named() -> None:
    told = asked(objectives=["contribution", "opt_out_share"], finalists=8)
    optimum = solved(told)
    tables, summary = best_of(told, optimum)
    assert len(optimum.front) >= 3
    front = tables["front.csv"]
    on = front[front["on_front"]].pivot_table(index="name", columns="objective", values="mean")
    assert on["contribution"].corr(on["opt_out_share"], method="spearman") > 0.7
    doses = [one.fresh.point[PER_WEEK] for one in optimum.verified if one.name in optimum.front]
    assert max(doses) < 6.8, "beyond the peak both get worse"
    assert summary["dominated"]["dominated"] >= 2
    files = [name for name, _, _ in strategies_of(told, optimum)]
    assert files == ["best.yaml", *(f"front/{n + 1}.yaml" for n in range(len(optimum.front)))]


def test_plans_that_come_to_the_same_are_one() -> None:
    same, other = ({"contribution": np.array(values)} for values in ([1.0, 2.0], [1.0, 3.0]))
    plans = [Tried(n, {}, values=values) for n, values in enumerate((same, other, same))]
    assert [plan.index for plan in distinct(plans, asked(objectives=["contribution"]).aims)] == [0, 1]


def test_regret_and_what_to_learn_first() -> None:
    told = asked(unknowns={STRENGTH: [0.2, 1.4], TRUST: [0.05, 0.2]}, worlds=27, world_replications=2)
    tables, summary = best_of(told, solved(told, noise=0.1))
    assert len(tables["worlds.csv"]) == 27 * len(tables["regret.csv"])
    worth = tables["information.csv"].set_index("unknown")
    assert worth.at[STRENGTH, "value"] > worth.at[STRENGTH, "by_luck"]
    assert worth.at[TRUST, "p"] > 0.05
    assert worth.loc[[STRENGTH, TRUST], "value"].max() <= worth.at["everything", "value"]
    assert worth.at["everything", "value_crossed"] <= worth.at["everything", "value"]
    regret = tables["regret.csv"].set_index("name")
    assert regret["p_best"].sum() == pytest.approx(1.0)
    assert worth.at["everything", "value"] == pytest.approx(regret["expected_regret"].min())
    assert (regret["worst_regret"] >= regret["expected_regret"]).all()
    assert any(f"learn {STRENGTH} first" in sentence for sentence in summary["sentences"])


def test_the_same_from_the_same_seed() -> None:
    hashes = {content_hash(*outcome(told, solved(told))) for told in (asked(), asked())}
    other = asked(batch=5)
    assert len(hashes) == 1
    assert content_hash(*outcome(other, solved(other))) not in hashes
    assert asked().hash == asked().hash != other.hash


def test_a_plan_reads_back_as_the_strategy_that_was_lived(tmp_path: Path) -> None:
    told = asked(levers={PER_WEEK: [0, 14], "strategy": ["matched_scenes", "tiers_status"]})
    optimum = solved(told)
    ((name, head, strategy),) = strategies_of(told, optimum)
    file = tmp_path / name
    file.write_text(strategy_text(strategy, head), encoding="utf-8")
    assert read_strategy(str(file)) == strategy
    assert strategy.messaging.per_week == _dose(optimum)
    text = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert text["name"] == "best"
    started = [plan.point for plan in optimum.found.plans if plan.origin == "start"]
    own = read_strategy("matched_scenes").messaging.per_week
    assert {"strategy": "matched_scenes", PER_WEEK: own} in started


def _dose(optimum: Optimum) -> float:
    return next(one.fresh.point[PER_WEEK] for one in optimum.verified if one.name == optimum.best)


# -- what is asked -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimize", "fragments"),
    [
        ({"levers": None}, ["optimize.levers", "is empty"]),
        ({"levers": [PER_WEEK]}, ["must be keys with their ranges"]),
        ({"levers": {"strategy.mesaging.per_week": [0, 7]}}, ["no such key", f"'{PER_WEEK}'"]),
        ({"levers": {PER_WEEK: [7, 7]}}, ["range is empty"]),
        ({"levers": {STRENGTH: [0, 1]}}, ["optimize.levers", STRENGTH, "is no lever"]),
        (
            {"levers": {"strategy.referral.reward": [0, 90]}},
            ["strategy.referral is off", "strategy.referral.on=true"],
        ),
        ({"unknowns": {PER_WEEK: [0, 7]}}, ["optimize.unknowns", "is no uncertainty"]),
        ({"objectives": ["contribtion"]}, ["'contribtion'", "did you mean 'contribution'"]),
        ({"objectives": []}, ["must be a list"]),
        ({"subject_to": ["cots<=5"]}, ["'cots'", "did you mean 'cost'"]),
        ({"subject_to": ["cost<=5 by 60"]}, ["day 60 lies beyond the run"]),
        ({"subject_to": ["cost<=5", "cost>=6"]}, ["contradict each other"]),
        ({"subject_to": ["opt_out_share<=150%"]}, ["from 0 to 1"]),
        ({"references": ["do_nothin"]}, ["no strategy 'do_nothin'", "'do_nothing'"]),
        ({"references": "do_nothing"}, ["must be a list"]),
        ({"plans": 1}, ["optimize.plans", "[2, 100000]"]),
    ],
)
def test_wrong_searches_are_named(optimize: dict[str, Any], fragments: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        asked(**optimize)
    assert all(fragment in str(caught.value) for fragment in fragments), caught.value


# -- the command line ----------------------------------------------------------------------------------------

SMALL = (
    "strategy=matched_scenes", "market=beauty", f"optimize.levers={{{PER_WEEK}:[1,10]}}", "strategy.ceilings=[]",
    "optimize.plans=3", "optimize.rungs=1", "optimize.finalists=2", "optimize.references=[do_nothing]",
    f"optimize.unknowns={{{STRENGTH}:[0.2,1]}}", "optimize.worlds=2", "optimize.world_replications=2",
    "run.members=120", "run.days=12", "run.replications=2",
)  # fmt: skip


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call(*words)` is `membersim optimize *words` in an empty folder."""
    return caller(app, tmp_path, monkeypatch, capsys)


def test_a_run_leaves_a_plan_that_compare_reads(call: Call, tmp_path: Path) -> None:
    """The page is drawn here, and not in the tests below; threads change nothing."""
    said = call(*SMALL, "run.name=one", "optimize.subject_to=[opt_out_share<=50%]")
    assert (said.code, said.err) == (0, "")
    folder = tmp_path / "results" / "optimize" / "one"
    found = read_results(folder)
    assert {"trials.csv", "front.csv", "regret.csv", "information.csv", "best.yaml", "report.html"} <= {
        file.name for file in folder.iterdir()
    }
    assert f"plan {Path('results/optimize/one/best.yaml')}" in said.out
    twins = prepare_twins(
        checked(
            type(prepare_config()), {"strategies": ["do_nothing", str(folder / "best.yaml")], "run": {"days": 12}}
        )
    )
    assert twins.strategies["best"].messaging.per_week == found.summary["best"]["values"][PER_WEEK]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Learn" in page or "No unknown alone" in page
    again = call(*SMALL, "run.name=two", "optimize.subject_to=[opt_out_share<=50%]", "run.threads=1")
    assert again.code == 0
    assert hash_of(folder) == hash_of(folder.parent / "two")


def prepare_config() -> Any:
    """The configuration of a comparison."""
    from sim.settings import CompareConfig

    return CompareConfig()


def test_no_plan_within_the_limits_ends_with_three(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.report.optimize.write_optimize", write_stub)
    small = [word for word in SMALL if "unknowns" not in word]
    said = call(*small, "run.name=none", "optimize.subject_to=[members>=100000]")
    assert said.code == 3
    assert "No plan of 3 keeps all limits" in said.out
    assert "members >= 100000 by 11" in said.out
    assert not (tmp_path / "results" / "optimize" / "none" / "best.yaml").exists()


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["optimize.levers={strategy.mesaging.per_week:[0,7]}"], ["no such key", PER_WEEK]),
        ([f"optimize.levers={{{PER_WEEK}:[7,7]}}"], ["range is empty"]),
        (["optimize.subject_to=[cost<=-1 by 5, cost>=2 by 5]"], ["contradict each other"]),
        (["optimize.plan=3"], ["no such key", "optimize.plans"]),
    ],
)
def test_errors_of_the_command_line(call: Call, tmp_path: Path, words: list[str], fragments: list[str]) -> None:
    said = call(*(word for word in SMALL if "levers" not in word or "levers" not in words[0]), *words)
    assert said.code == 2
    assert all(fragment in said.err for fragment in fragments), said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "results").exists()


def test_the_library_face() -> None:
    found = library(
        {PER_WEEK: [1, 10]}, "members", run={"members": 60, "days": 5, "replications": 2}, market="beauty",
        strategy="matched_scenes", optimize={"plans": 2, "rungs": 1, "finalists": 1, "references": []},
    )  # fmt: skip
    assert len(found.trials) == 2
    assert found.summary["objectives"][0]["name"] == "members"
    assert math.isfinite(found.front["mean"].iloc[0])
