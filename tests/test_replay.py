"""Replays: the life told is the life lived, to the bit; where two lives part; and whose lives cannot be told."""

import ast
import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sim.report.comparison
import sim.report.page
import sim.report.replay
from experiments import replay as command
from sim import replay, rng, store
from sim.accounting import posting
from sim.engine import World
from sim.errors import InputError
from sim.settings import CompareConfig, Config, Data, Run
from sim.study import compare as comparing
from sim.study.forecast import run_forecast
from sim.study.recording import Draw, Number, Row, Trace
from sim.units import checked
from tests.command import Call, caller, write_stub
from tests.test_cli import plausible_log

TALK = "content.on=true:messaging.on=true:messaging.per_week=7"
LATE = f"do_nothing:{TALK}:content.start=30:messaging.start=30"
DAYS = "member_day.on=true:member_day.stock=1"
EARLY = f"do_nothing:{TALK}:{DAYS}:offers.on=true:tags.on=true:points.on=true:referral.on=true"
"""A plan that uses many rules."""


def compared(
    root: Path, strategies: list[str], groups: dict[str, Any] | None = None, **run: Any
) -> tuple[Path, CompareConfig]:
    """The folder of a comparison, moved from where it was written, and its configuration."""
    values = {"run": {"replications": 2, "threads": 1, **run}, "strategies": strategies}
    config = checked(CompareConfig, values | {"population": {"history_days": 200}} | (groups or {}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sim.report.comparison, "write_comparison", write_stub)
        folder = comparing.run_compare(config, root / "here")
    moved = root / "elsewhere" / folder.name
    moved.parent.mkdir(exist_ok=True)
    return Path(shutil.move(folder, moved)), config


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do nothing, a plan that begins on day 30, and nothing again."""
    root = tmp_path_factory.mktemp("parted")
    return compared(root, ["do_nothing", LATE, "do_nothing"], members=150, days=40, name="late")[0]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call(*words)` is `membersim replay *words` in an empty folder."""
    return caller(command, tmp_path, monkeypatch, capsys)


def read(parts: str) -> dict[str, float]:
    """Parts by their names."""
    return {name: float(value) for name, value in re.findall(r"(\S+?)=(\S+)", parts)}


# -- the life lived ------------------------------------------------------------------------------------------


def test_a_thousand_lives_are_those_of_the_world(tmp_path: Path) -> None:
    """Final states and counted events against worlds of the original configuration; the folder was moved."""
    folder, config = compared(tmp_path, ["do_nothing", EARLY], members=1200, days=30, seed=5)
    whose = random.Random(3).sample(range(1200), 1000)
    told = replay(folder, whose)
    twins = comparing.prepare_twins(config)
    for name, plan in twins.plans.items():
        world = World(plan, 5)
        before = world.population.column("orders")
        world.run()
        last = told.state[(told.state["strategy"] == name) & (told.state["day"] == plan.days - 1)]
        last = last.set_index(last["member"].astype(int)).loc[whose]
        for field in ("orders", "trust", "fatigue", "habit", "points", "messages", "opens", "visits", "attached"):
            assert np.array_equal(last[field], world.population.column(field)[whose]), (name, field)
        life = told.life[told.life["strategy"] == name]
        who = life["member"].astype(int)
        opened = life[(life["decision"] == "OPENING") & (life["part"] == 0) & (life["outcome"] == "yes")]
        events = life[life["kind"] == "event"]
        for lines, field, start in (
            (opened, "opens", np.zeros(1200)),
            (life[life["kind"] == "message"], "messages", np.zeros(1200)),
            (events[events["outcome"] == "orders"], "orders", before),
            (events[events["outcome"] == "own_visits"], "visits", np.zeros(1200)),
        ):
            counted = who[lines.index].value_counts().reindex(whose, fill_value=0)
            lived = world.population.column(field)[whose] - start[whose]
            assert np.array_equal(counted, lived), (name, field)
        paid = events[events["outcome"] == "orders"]
        cents = paid["parts"].map(read).map(lambda parts: parts["cents"]).groupby(who[paid.index]).sum()
        first = World(plan, 5).population.column("spend")
        spent = world.population.column("spend")[whose] - first[whose]
        assert np.array_equal(cents.reindex(whose, fill_value=0.0), spent)
        assert len(paid) > 25
        assert name == "do_nothing" or len(opened) > 200


def test_draws_and_thresholds_are_those_of_the_rules(parted: Path) -> None:
    told = replay(parted, range(60), replication=1).life
    luck = np.uint64(rng.stream(1, 1))
    met = told[told["kind"] == "decision"]
    assert {"OPENING", "PULL", "ORDER_VALUE", "EXPERIENCE"} <= set(met["decision"])
    for line in met.to_dict("records"):
        number = getattr(rng, line["decision"])
        drawn = rng.two_uniforms(luck, np.uint64(line["member"]), number, line["index"])[line["part"]]
        assert line["draw"] == drawn, line
        assert (line["outcome"] == "yes") == (line["draw"] < line["threshold"]), line
    opening = met[(met["decision"] == "OPENING") & (met["part"] == 0)]
    for line in opening.to_dict("records"):
        parts = read(line["parts"])
        assert parts["open_probability"] == pytest.approx(line["threshold"], rel=1e-5)
        assert {"match", "hour_match", "load", "trust", "habit", "eagerness", "load.fatigue"} <= set(parts)
    free = met[(met["decision"] == "ORDER_VALUE")]
    assert set(free["threshold"]) == {Config().population.spending.free_share}
    gaps = told[told["decision"] == "PURCHASE_GAP"]
    for line in gaps.to_dict("records"):
        drawn = rng.exponential(luck, np.uint64(line["member"]), rng.PURCHASE_GAP, line["index"])
        assert line["draw"] == drawn
    assert len(gaps) > 10


GUARDS = {
    "caps": "guard.per_week=3:guard.silent_per_week=1",
    "quota": "guard.quota=week:guard.quota_factor=0.4",
    "quiet hours": "guard.quiet_from=21",
    "budget": "content.piece_cost=0:messaging.cost=1:budget.monthly=1500",
}


@pytest.mark.parametrize("what", GUARDS)
def test_what_was_held_back_is_what_the_books_say(tmp_path: Path, what: str) -> None:
    """Every member of a small world: as many refusals as the books count, each for its reason."""
    plan = f"do_nothing:{TALK}:messaging.per_week=14:{GUARDS[what]}"
    shut = {"market": {"joining": {"closed": True, "yearly_share": 0.0}}}
    folder, config = compared(tmp_path, ["do_nothing", plan], shut, members=60, days=30)
    life = replay(folder, range(60)).life
    plans = comparing.prepare_twins(config).plans
    world = World(plans[plan], config.run.seed)
    world.run()
    booked = world.books.responses.sum(axis=(0, 1))
    counted = life[life["kind"] == "refusal"]["words"].str.split(": ").str[1].value_counts()
    for words, event in (
        ("a cap", posting.CAPPED),
        ("the platform's quota", posting.OVER_QUOTA),
        ("quiet hours", posting.QUIET),
        ("the budget does not reach him", posting.OVER_BUDGET),
    ):
        assert counted.get(words, 0) == booked[event], words
    assert counted.sum() > 50


# -- where two lives part ------------------------------------------------------------------------------------


def test_lives_part_when_the_strategies_do(parted: Path) -> None:
    """A plan that begins on day 30 parts nobody's lives before, and most people's soon after."""
    found = replay(parted, range(100)).divergence
    days = found["day"]
    assert ((days == -1) | (days >= 30)).all()
    assert (days == 30).mean() > 0.8
    first = found[days == 30].iloc[0]["sentence"]
    assert re.fullmatch(r"Day 30: the (useful message|amusing message|promotion) at \d\d:\d\d reaches him under "
                        r"do_nothing:.* and not under do_nothing\.", first), first  # fmt: skip


def test_a_strategy_against_itself_parts_nothing(parted: Path) -> None:
    told = replay(parted, range(100), strategy="do_nothing#2")
    assert (told.divergence["day"] == -1).all()
    assert set(told.divergence["sentence"]) == {"The two lives are the same to the last day."}
    assert list(told.summary["strategies"]) == ["do_nothing", "do_nothing#2"]


def test_whoever_a_friend_brought_joined_in_one_world_only(tmp_path: Path) -> None:
    folder, config = compared(
        tmp_path, ["do_nothing", "do_nothing:referral.on=true:referral.reward=100"], members=900, days=15
    )
    twins = comparing.prepare_twins(config)
    name = list(twins.plans)[1]
    world = World(twins.plans[name], 1)
    world.run()
    assert world.recruiter is not None
    channels = world.population.column("channel")
    (row, *_) = (int(row) for row in np.nonzero(channels == 9)[0])
    inviter, key = int(world.recruiter.lineage.links[row, 0]), str(world.population.column("key")[row])
    base = World(twins.plans["do_nothing"], 1)
    base.run()
    told = replay(folder, [key, str(inviter)], strategy=name)
    joined = int(world.population.column("joined")[row])
    there = key in set(base.population.column("key").astype(str))
    assert told.summary["members"][key][name] == joined
    assert (told.summary["members"][key]["do_nothing"] is None) == (not there)
    his = told.life[(told.life["member"] == key) & (told.life["strategy"] == name)]
    assert f"is told of the membership by member {inviter} (referral)" in set(his["words"])
    decided = his[his["decision"] == "JOINING"].iloc[-1]
    assert decided["outcome"] == "yes"
    luck = np.uint64(rng.stream(1, 0))
    assert decided["draw"] == rng.exponential(luck, np.uint64(key), rng.JOINING, 0)
    assert {"chance", "chance.fit", "persuasion"} <= set(read(decided["parts"]))
    assert "becomes a member" in set(his["words"])
    others = told.life[(told.life["member"] == str(inviter)) & (told.life["strategy"] == name)]
    assert f"his word reaches person {key}, who joins" in set(others["words"])
    assert "is credited with a member whom he brought" in set(others["words"])


# -- whose lives cannot be told ------------------------------------------------------------------------------


def test_another_version_of_the_model_is_refused(parted: Path, tmp_path: Path) -> None:
    old = Path(shutil.copytree(parted, tmp_path / "old"))
    manifest = json.loads((old / "manifest.json").read_text())
    assert manifest["lives"] == store.lives_hash()
    (old / "manifest.json").write_text(json.dumps(manifest | {"lives": "0123456789abcdef"}))
    with pytest.raises(InputError, match=f"0123456789abcdef.*{store.lives_hash()}"):
        replay(old, 1)
    (old / "manifest.json").write_text(json.dumps(manifest | {"model": "0"}))
    with pytest.raises(InputError, match=r"model 0, .* this one is model"):
        replay(old, 1)


def test_the_hash_of_lives_knows_every_source_of_them() -> None:
    """What the engine and the fit of a log import counts, but for files that name, check and keep; reports do not."""
    root = Path(store.__file__).parent
    wanted, reached = ["engine.py", "study/calibrate.py"], set[str]()
    while wanted:
        name = wanted.pop()
        if name in reached or name in store.NO_LIVES or not (root / name).is_file():
            continue
        reached.add(name)
        for node in ast.walk(ast.parse((root / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sim":
                place = "/".join((node.module or "").split(".")[1:])
                wanted += [f"{place}.py", *(f"{place}/{part.name}.py".lstrip("/") for part in node.names)]
    assert {"behaviour/trust.py", "levers/messaging.py", "delivery.py", "data.py"} <= reached
    assert {name for name in reached if name.startswith("study/")} == {f"study/{name}" for name in store.FITTING}
    assert not any(name.startswith("report/") for name in reached)


def test_a_folder_whose_numbers_are_not_those_of_its_world_is_refused(parted: Path, tmp_path: Path) -> None:
    """An end-to-end proof: the world that is lived again must keep the books that the folder has."""
    other = Path(shutil.copytree(parted, tmp_path / "other"))
    daily = pd.read_parquet(other / "daily.parquet")
    daily.loc[daily.index[5], "orders"] += 1
    daily.to_parquet(other / "daily.parquet")
    with pytest.raises(InputError, match="other numbers of orders"):
        replay(other, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "run: which results?"),
        (("run={run}",), "member: whose life?"),
        (("run={run}", "member=4321"), "joins in none of these worlds; members of day 0 are 0 to 149"),
        (("run={run}", "member=anna"), "the members of day 0 are 0 to 149"),
        (("run={run}", "member=-1"), "the members of day 0 are 0 to 149"),
        (("run={run}", "member=1_0"), "the members of day 0 are 0 to 149"),
        (("run={run}", "member=0x00000000000003"), "the members of day 0 are 0 to 149"),
        (("run={run}", "member=1", "strategy=do_nothin"), "did you mean 'do_nothing"),
        (("run={run}", "member=1", "replication=2"), "has 2, from 0 on"),
        (("run={run}", "member=1", "data.path=x.csv"), "was not made from a log of your own"),
        (("run={run}x", "member=1"), "there is no such folder"),
        (("run={run}", "mamber=1"), "did you mean 'member'"),
    ],
)
def test_wrong_words_are_answered(call: Call, parted: Path, words: tuple[str, ...], said: str) -> None:
    answer = call(*(word.format(run=parted) for word in words))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("error: ")
    assert said in answer.err
    assert not Path("results").exists()


# -- the folder of a replay ----------------------------------------------------------------------------------


def test_a_replay_leaves_a_page_and_tells_the_story(call: Call, parted: Path) -> None:
    answer = call(f"run={parted}", "member=3")
    assert (answer.code, answer.err) == (0, "")
    (folder,) = Path("results/replay").iterdir()
    assert "Two lives of member 3" in answer.out
    summary = json.loads((folder / "summary.json").read_text())
    sentence = summary["divergence"][0]["sentence"]
    assert sentence in answer.out
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert sentence in page
    assert 'alt="Member 3' in page
    assert "http" not in re.sub(r"Content-Security-Policy|http-equiv", "", page)
    assert {"life.csv", "state.csv", "manifest.json", "charts"} <= {file.name for file in folder.iterdir()}
    hash_ = json.loads((folder / "manifest.json").read_text())["content_hash"]
    again = call(f"run={parted}", "member=3", f"strategy={LATE}")
    assert (again.code, again.out) == (0, answer.out), "the first other strategy, and the same folder"
    shutil.rmtree(folder)
    assert call(f"run={parted}", "member=3").code == 0
    assert json.loads((folder / "manifest.json").read_text())["content_hash"] == hash_
    assert sentence in call(f"run={parted}", f"member={3:016x}").out, "a key as the tables write it"


def test_members_of_a_log_and_a_log_that_has_moved(tmp_path: Path) -> None:
    """A forecast of a log: one world, without an operator; members go by their hashes, and by their ids if shown."""
    log = plausible_log(tmp_path / "orders.csv", members=80, weeks=20)
    said = {"path": str(log), "show_ids": True}
    config = Config(run=Run(days=28, replications=2, name="log"), data=Data(**said))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sim.report.page, "write_report", write_stub)
        folder = run_forecast(config, tmp_path)
    people = store.read_results(folder).table("population.parquet")
    name, key = people[["member_id", "key"]].iloc[7]
    told = replay(folder, [name, key])
    assert list(told.summary["members"]) == [key]
    assert list(told.divergence["day"]) == [-1]
    assert set(told.state["orders"].diff().dropna()) <= {0, 1, 2, 3}
    assert told.state["trust"].isna().all()
    everybody = replay(folder, people["key"].tolist())
    orders = (everybody.life["outcome"] == "orders").sum()
    daily = store.read_results(folder).daily
    assert orders == daily[daily["replication"] == 0]["orders_existing"].sum()
    with pytest.raises(InputError, match="by your own ids"):
        replay(folder, "0")
    moved = Path(shutil.move(log, tmp_path / "moved.csv"))
    with pytest.raises(InputError, match=f"there is no such file.*{re.escape(str(log))}"):
        replay(folder, key)
    assert replay(folder, key, data_path=str(moved)).life.equals(told.life)
    changed = tmp_path / "changed.csv"
    changed.write_text(moved.read_text() + "m00001,2024-03-01,9.00\n")
    known = store.read_results(folder).manifest["input_hashes"]["data"]
    with pytest.raises(InputError, match=f"is not the log.*{known}"):
        replay(folder, key, data_path=str(changed))


# -- the recording -------------------------------------------------------------------------------------------


def test_a_number_remembers_and_computes_like_any_other() -> None:
    trace = Trace()
    draw = Draw("uniform", "OPENING", 1, 2, 0, 0.3)
    u = Number.of(trace, 0.3, draw)
    for value, plain in ((2.5 * u, 2.5 * 0.3), (u / 0.7, 0.3 / 0.7), (u - 0.1, 0.3 - 0.1), (1.0 - u, 1.0 - 0.3)):
        assert float(value) == plain
    assert u < np.float64(0.4)
    assert np.float64(0.2) < u
    assert not 2.0 * u >= 0.8
    told = [(entry.value, entry.bound, entry.below) for entry in trace.clear()]
    assert told == [(0.3, 0.4, True), (0.3, 0.2, False), (0.3, 0.4, True)], (
        "scaled bounds are told in units of the draw"
    )


def test_a_row_keeps_what_its_record_would() -> None:
    kind = np.dtype((np.record, [("trust", "f8"), ("urge_rate", "f4"), ("orders", "i4"), ("offer", "i2", (3,))]))
    record = np.zeros(1, dtype=kind)[0]
    row = Row(Trace(), record)
    row.trust, row.urge_rate, row.orders = 0.1, 0.1, row.orders + 2
    row.offer[1] = 7
    assert row.urge_rate == float(np.float32(0.1))
    written = row.written(record)
    assert (written["trust"], written["urge_rate"], written["orders"]) == (0.1, np.float32(0.1), 2)
    assert written["offer"].tolist() == [0, 7, 0]
    assert record["orders"] == 0
