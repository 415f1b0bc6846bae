"""The search for the smallest change: planted responses with known answers, and one lever of the real model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import experiments.seek as seek_app
import sim.report.seek
from sim import seek
from sim.engine import Plan
from sim.store import read_results
from sim.study import ensemble
from sim.study import seek as seeking
from sim.study.seek import Aim, Lever, Reading, Search
from tests.command import Call, Said, caller, hash_of, write_stub

SMALL = ("run.members=200", "run.days=40", "run.replications=3", "seek.scan=2")
LUCK = np.random.default_rng(11).normal(0.0, 1.0, 200)
"""The luck of the planted worlds, the same at every value of the lever."""

type Response = Callable[[float], float]


def search(
    response: Response, aim: Aim, lever: Lever, noise: float = 0.5, many: int = 40, worse: Response | None = None
) -> Search:
    """A search over a planted response: the level is the response plus luck; worse: what the ceiling `<= 0` is on."""

    def evaluate(value: float, count: int) -> Reading:
        broken = np.zeros((count, 0), dtype=bool)
        if worse is not None:
            broken = (worse(value) + noise * LUCK[:count] > 0.0)[:, None]
        return Reading(response(value) + noise * LUCK[:count], broken)

    return Search(evaluate, lever, aim, 10, many, 6)


SHIFT = 0.5 * float(LUCK[:40].mean())
"""By how much the luck of 40 worlds lifts the average."""


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 9.0), st.floats(1.0, 89.0), st.sampled_from([1.0, -1.0]))
def test_a_rising_response_is_answered_where_it_crosses(slope: float, way: float, sign: float) -> None:
    """The answer lies at the crossing, within a fiftieth of the change, never short of it; so for roofs and falls."""
    level = slope * way
    aim = Aim(sign * (level + sign * SHIFT), sign)
    found = search(lambda x: sign * slope * (x - 10.0), aim, Lever(10, 0, 100)).run()
    assert found.status == "reached"
    assert found.before is not None
    assert 0.0 <= found.value - (10.0 + way) <= way / 50.0 + 0.01
    assert found.before < 10.0 + way <= found.value + 1e-9
    assert found.beyond_reaches is not False


def test_the_interval_is_where_noise_leaves_the_answer() -> None:
    """Student's interval of the average over the slope, to either side."""
    found = search(lambda x: 2.0 * x, Aim(40.0), Lever(10, 0, 100)).run()
    half = 2.0227 * 0.5 * float(LUCK[:40].std(ddof=1)) / 40**0.5 / 2.0
    middle = (40.0 - SHIFT) / 2.0
    assert found.near == pytest.approx(middle - half, abs=0.02)
    assert found.far == pytest.approx(middle + half, abs=0.02)


@pytest.mark.parametrize(("present", "answer"), [(2.0, 10.0), (60.0, 30.0), (18.0, None)])
def test_a_hump_is_reached_from_either_side(present: float, answer: float | None) -> None:
    """Between 10 and 30 it is high enough; from there nothing needs to change."""
    aim = Aim(-100.0 + SHIFT)
    found = search(lambda x: -((x - 20.0) ** 2), aim, Lever(present, 0, 200)).run()
    if answer is None:
        assert (found.status, found.value) == ("already", present)
    else:
        assert found.status == "reached"
        assert found.value == pytest.approx(answer, abs=abs(answer - present) / 50 + 0.01)


def test_a_hump_between_two_values_of_the_scan_is_found() -> None:
    """No value of the scan is high enough: 26 and 51 are not, 38 is."""
    found = search(lambda x: -abs(x - 38.0), Aim(-1.0 + SHIFT), Lever(1, 0, 101)).run()
    assert found.status == "reached"
    assert 37.0 - 1e-9 <= found.value <= 39.0
    assert (found.beyond, found.beyond_reaches) == (51.0, False), "it is no threshold, and that is said"


def test_the_smaller_of_two_changes_is_the_answer() -> None:
    """Falling reaches it after 3, rising after 8, though the scan meets the latter as early."""
    found = search(lambda x: max((x - 20.0) / 8.0, (20.0 - x) / 3.0), Aim(1.0 + SHIFT), Lever(20, 0, 40)).run()
    assert found.value == pytest.approx(17.0, abs=0.1)


def test_what_cannot_be_reached_is_said_with_the_best() -> None:
    found = search(lambda x: -((x - 20.0) ** 2), Aim(5.0 + SHIFT), Lever(2, 0, 200)).run()
    assert found.status == "beyond"
    assert found.value == pytest.approx(20.0, abs=1.0)
    flat = search(lambda x: 0.0, Aim(5.0), Lever(2, 0, 200)).run()
    assert (flat.status, flat.near, flat.far) == ("beyond", None, None)


def test_whole_levers_stay_whole() -> None:
    tried = search(lambda x: x, Aim(16.2 + SHIFT), Lever(3, 0, 50, whole=True))
    found = tried.run()
    assert (found.value, found.before) == (17.0, 16.0)
    assert all(value == int(value) for value in tried.tried)


def test_a_chance_asks_for_more_than_an_average() -> None:
    """In 9 of 10 worlds: the level at which the 36th of 40 worlds is just reached."""
    found = search(lambda x: x, Aim(20.0, chance=0.9), Lever(10, 0, 100)).run()
    needed = 20.0 - 0.5 * float(np.sort(LUCK[:40])[4])
    assert found.value == pytest.approx(needed, abs=0.25)
    assert found.value >= needed - 1e-9


def test_a_guardrail_sends_the_search_to_the_other_side() -> None:
    """Rising reaches it first, but breaks the guardrail; falling keeps it."""
    tried = search(
        lambda x: max((x - 20.0) / 3.0, (20.0 - x) / 8.0),
        Aim(1.0 + SHIFT),
        Lever(20, 0, 40),
        worse=lambda x: x - 22.0,
    )
    plain, guarded = tried.run(), tried.run(guarded=True)
    assert plain.value == pytest.approx(23.0, abs=0.1)
    assert not tried.keeps(tried.full(plain.value))
    assert guarded.value == pytest.approx(12.0, abs=0.2)
    assert tried.keeps(tried.full(guarded.value))


def test_few_replications_scan_and_all_decide() -> None:
    """Values far off are lived a few times only, the answer and the present one in full."""
    tried = search(lambda x: x, Aim(12.0), Lever(10, 0, 100))
    found = tried.run()
    assert len(tried.tried[found.value].levels) == len(tried.tried[10.0].levels) == 40
    assert len(tried.tried[100.0].levels) == 10


# ---------------------------------------------------------------------------- the model, and the command line


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`membersim seek`, without drawing."""
    monkeypatch.setattr(sim.report.seek, "write_seek", write_stub)
    return caller(seek_app, tmp_path, monkeypatch, capsys)


WRONG = {
    "seek.metric=members seek.value=9": ["seek.lever", "messaging.per_week"],
    "seek.lever=messaging.per_wek": ["seek.lever=messaging.per_wek", "did you mean 'messaging.per_week'"],
    "seek.lever=messaging.on": ["seek.lever=messaging.on", "there is no number"],
    "seek.lever=referral.reward": ["referral is off", "strategy.referral.on=true"],
    "seek.lever=budget.total": ["budget.total", "is empty", "strategy.budget.total"],
    "seek.lever=messaging.per_week seek.metric=membres seek.value=9": ["seek.metric", "did you mean 'members'"],
    "seek.lever=messaging.per_week seek.metric=orders": ["seek.value", "no target on orders"],
    "seek.lever=messaging.per_week seek.metric=orders seek.value=9 seek.day=40": ["day 40 lies beyond the run"],
    "seek.lever=messaging.per_week seek.low=9": ["seek.low=9", "messaging.per_week=5"],
    "seek.lever=messaging.per_week seek.high=999": ["seek.high=999", "[0, 280]"],
    "seek.lever=budget.wage": ["budget.wage", "too wide", "seek.high"],
    "seek.lever=messaging.per_week seek.chance=1.5": ["seek.chance=1.5", "[0.01, 0.99]"],
}


@pytest.mark.parametrize("words", WRONG)
def test_wrong_words_end_with_exit_code_2(call: Call, words: str) -> None:
    wide = ("strategy.budget.wage=0.5",) if "wage" in words else ()
    said: Said = call(*SMALL, *wide, *words.split())
    assert (said.code, said.out) == (2, "")
    for fragment in WRONG[words]:
        assert fragment in said.err
    assert "Traceback" not in said.err
    assert not Path("results").exists()


def test_a_lever_of_the_model_is_turned_until_the_target_is_met(call: Call) -> None:
    """More messages, more opened: the answer reaches it, the last value before it does not; all files are there, and
    the numbers do not depend on threads."""
    words = (*SMALL, "seek.lever=messaging.per_week", "seek.metric=opens", "seek.value=3000", "seek.high=40",
             "strategy.guard.quota=none", "strategy.ceilings=[opt_out_share<=90%]")  # fmt: skip
    said = call(*words, "run.name=a")
    assert said.code == 0, said.err
    results = read_results("results/seek/a")
    summary, tried = results.summary, results.table("tried.csv").set_index("value")
    answer = summary["answer"]
    assert summary["status"] == "reached"
    assert tried.loc[answer["value"], "mean"] >= 3000.0 > tried.loc[answer["before"], "mean"]
    assert tried.loc[5.0, "mean"] < 3000.0, "the present plan does not reach it"
    assert (tried.loc[[5.0, answer["value"]], "replications"] == 3).all()
    assert summary["ceilings"][0]["answer"]["p_breach"] == 0.0
    effects = {entry["metric"]: entry for entry in summary["effects"]}
    assert effects["cost"]["effect"] > 0.0, "messages cost"
    for sentence in summary["sentences"]:
        assert sentence in said.out
    assert call(*words, "run.name=b", "run.threads=1").code == 0
    assert hash_of(Path("results/seek/a")) == hash_of(Path("results/seek/b"))


def test_targets_of_the_strategy_are_sought_unless_said_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    """In memory; nothing is printed. Where all futures stand at it as they are, nothing needs to change."""
    told = seek(
        "messaging.per_week", strategy="matched_scenes:targets=[members>=1]", seek={"scan": 1},
        run={"members": 200, "days": 40, "replications": 3},
    )  # fmt: skip
    assert told.summary["status"] == "already"
    assert told.tables["tried"]["value"].tolist() == [5.0]
    assert (told.tables["effects"]["effect"] == 0.0).all()
    assert capsys.readouterr().out == ""


def test_an_interrupted_search_goes_on_where_it_stopped(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted when two values are lived, by the same command it lives the others only, to the same content."""
    words = (*SMALL, "seek.lever=messaging.per_week", "seek.metric=opens", "seek.value=3000", "seek.high=40",
             "strategy.guard.quota=none")  # fmt: skip
    lived: list[tuple[float, int]] = []
    live_one, live = ensemble.run_one, seeking.run_ensemble

    def counted(plan: Plan, seed: int, replication: int, *more: Any) -> Any:
        lived.append((plan.strategy.messaging.per_week, replication))
        return live_one(plan, seed, replication, *more)

    def interrupted(plan: Plan, *more: Any, **named: Any) -> Any:
        if len({value for value, _ in lived}) == 2:
            raise KeyboardInterrupt
        return live(plan, *more, **named)

    monkeypatch.setattr(ensemble, "run_one", counted)
    assert call(*words, "run.name=whole", "run.threads=1").code == 0
    whole = set(lived)
    assert len(lived) == len(whole)
    lived.clear()
    with monkeypatch.context() as patch:
        patch.setattr(seeking, "run_ensemble", interrupted)
        assert call(*words, "run.name=halved", "run.threads=1").code == 130
    folder, first = Path("results/seek/halved"), set(lived)
    assert list((folder / "parts").iterdir())
    assert 0 < len(first) < len(whole)
    lived.clear()
    assert call(*words, "run.name=halved", "run.threads=1").code == 0
    assert set(lived) == whole - first
    assert hash_of(folder) == hash_of(Path("results/seek/whole"))
    assert not (folder / "parts").exists()
