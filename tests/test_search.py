"""The search for plans: order of plans, halving, limits, determinism, and how soon it finds what is planted."""

import math
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import rng
from sim.errors import InputError
from sim.settings import Config
from sim.study.points import Point, Space, Task
from sim.study.search import (
    Aim,
    Crew,
    Effort,
    Found,
    Limit,
    Search,
    Stretch,
    crowding,
    derived,
    dominates,
    fronts,
    ordered,
    surely,
)

pytest.importorskip("optuna")

PER_WEEK = "strategy.messaging.per_week"
REWARD = "strategy.referral.reward"
ASK = "strategy.messaging.ask"
HOUR = "strategy.messaging.hour"
AXES = {PER_WEEK: [0, 14], REWARD: [0, 100], ASK: [1, 4], HOUR: [8, 20]}
PEAK = {PER_WEEK: 5.0, REWARD: 70.0, ASK: 3, HOUR: 11.0}


def planted(units: np.ndarray, peak: np.ndarray) -> float:
    """A smooth hill in the unit cube: 1 at its top, and a ridge that ties the first two axes."""
    far = units - peak
    return 1.0 - 1.6 * float((far**2).sum()) - 1.2 * float(far[0] * far[1])


@dataclass(frozen=True)
class Hill:
    """Gain has its top at a planted plan, cost rises with the first two axes; luck is common to all plans, and own.

    common: standard deviation of luck that all plans of a replication share; own: of each plan's.
    """

    space: Space
    common: float = 0.5
    own: float = 0.05
    fails: float = 2.0
    log: Path | None = None

    def truth(self, point: Mapping[str, float]) -> dict[str, float]:
        """What comes out on average."""
        units, peak = (self.space.units(p) for p in (point or dict(PEAK) | {PER_WEEK: 0.5}, PEAK))
        return {"gain": planted(units, peak), "cost": 10.0 * float(units[:2].sum())}

    def __call__(self, task: Task) -> Mapping[str, np.ndarray]:
        assert isinstance(task, Stretch)
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{task.index} {task.first} {task.last}\n")
        true = self.truth(task.point)
        if task.point and self.space.units(task.point)[-1] > self.fails:
            raise ArithmeticError("this plan cannot be lived")
        out: dict[str, list[float]] = {name: [] for name in true}
        for replication in range(task.first, task.last):
            luck = np.uint64(rng.stream(task.seed, replication))
            shared = self.common * rng.normal(luck, np.uint64(1), rng.RELABEL, 0)
            own = self.own * rng.normal(luck, np.uint64(task.index + 2), rng.RELABEL, 1)
            for name, value in true.items():
                out[name].append(value + shared + own)
        return {name: np.array(values) for name, values in out.items()}


def over(count: int = 4) -> Space:
    """The space of the first axes."""
    return Space.over(Config(), dict(list(AXES.items())[:count]))


def searched(
    model: Hill, effort: Effort, seed: int = 1,
    aims: tuple[Aim, ...] = (Aim("gain"),), limits: tuple[Limit, ...] = (),
    *, pool: ThreadPoolExecutor | None = None, parts: Path | None = None,
) -> Found:  # fmt: skip
    """A search on the hill."""
    crew = Crew(model, ("gain", "cost"), pool=pool, parts=parts)
    return Search(model.space, aims, limits, effort, seed, crew).run()


# -- order ---------------------------------------------------------------------------------------------------

points_2d = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12)


@given(points_2d)
def test_fronts_peel_off_what_nobody_dominates(rows: list[tuple[int, int]]) -> None:
    scores = np.array(rows, dtype=float)
    rank = fronts(scores)
    for n, mine in enumerate(scores):
        above = [m for m, theirs in enumerate(scores) if (theirs >= mine).all() and (theirs > mine).any()]
        assert dominates(scores)[:, n].nonzero()[0].tolist() == above
        assert rank[n] == max((rank[m] + 1 for m in above), default=0)


def test_crowding_is_the_room_between_neighbours() -> None:
    room = crowding(np.array([[0.0, 4.0], [1.0, 3.0], [4.0, 0.0]]))
    assert room[1] == pytest.approx(2.0)
    assert np.isinf(room[[0, 2]]).all()


def test_what_keeps_its_limits_comes_first_then_what_misses_least() -> None:
    scores = np.array([[9.0], [1.0], [2.0], [8.0]])
    assert ordered(scores, np.array([0.5, 0.0, 0.0, 0.1])) == [2, 1, 3, 0]


def test_a_limit_is_kept_with_a_margin_for_luck() -> None:
    values = np.array([3.0, 5.0, 4.0])
    error = values.std(ddof=1) / math.sqrt(3)
    roof = Limit("cost", 4.0 + 1.01 * surely(3) * error)
    assert roof.short(values) == 0.0
    assert Limit("cost", 4.0 + 0.99 * surely(3) * error).short(values) > 0.0
    assert Limit("cost", 4.0 - 0.99 * surely(3) * error, 1.0).short(values) > 0.0
    assert Limit("cost", 4.0, -1.0).short(np.array([4.0, 4.0])) == 0.0
    assert Limit("cost", 4.0).short(np.array([1.0])) == math.inf
    assert Limit("cost", 4.0).short(np.array([1.0, math.nan])) == math.inf


# -- halving -------------------------------------------------------------------------------------------------


def test_the_ladder_triples() -> None:
    assert Effort(replications=27, rungs=3).ladder == (3, 9, 27)
    assert Effort(replications=10, rungs=3).ladder == (2, 4, 10)
    assert Effort(replications=2, rungs=3).ladder == (2,)
    assert Effort(replications=30, rungs=1).ladder == (30,)


def test_a_third_goes_on_and_no_replication_is_lived_twice(tmp_path: Path) -> None:
    effort = Effort(plans=30, batch=6, replications=18, rungs=3, finalists=2)
    log = tmp_path / "lived.txt"
    found = searched(Hill(over(), log=log), effort)
    stands = [sum(plan.lived >= rung for plan in found.plans) for rung in effort.ladder]
    assert stands[0] == 30
    assert 30 // 3 <= stands[1] < 30, "plans that come later displace some that were promoted before"
    assert effort.finalists <= stands[2] <= stands[1]
    lived = [tuple(map(int, line.split())) for line in log.read_text().splitlines()]
    assert sum(last - first for _, first, last in lived) == found.runs
    each = [(index, r) for index, first, last in lived for r in range(first, last)]
    assert len(each) == len(set(each))
    assert found.runs < 0.6 * (30 + 1) * 18


def test_plans_at_different_rungs_are_compared_without_the_luck_they_share() -> None:
    model = Hill(over(), common=100.0, own=0.001)
    found = searched(model, Effort(plans=24, replications=9, rungs=2, finalists=3))
    search = Search(model.space, (Aim("gain"),), (), Effort(), 1, Crew(model, ("gain", "cost")), found.base)
    shift = search.estimate(found.plans[0], Aim("gain")) - model.truth(found.plans[0].point)["gain"]
    for plan in found.plans:
        assert search.estimate(plan, Aim("gain")) - model.truth(plan.point)["gain"] == pytest.approx(shift, abs=0.01)


# -- the same from the same seed -----------------------------------------------------------------------------


def told(found: Found) -> list[tuple[dict[str, object], list[float]]]:
    """What was tried and lived, as plain values."""
    return [(dict(plan.point), plan.values.get("gain", np.zeros(0)).tolist()) for plan in found.plans]


def test_workers_and_global_luck_change_nothing() -> None:
    effort = Effort(plans=24, batch=5, replications=9, rungs=2, finalists=3)
    model = Hill(over(), fails=0.9)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    before = (random.getstate(), np.random.get_state()[1].tolist())  # noqa: NPY002
    first = searched(model, effort)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before, "a global generator was used"  # noqa: NPY002
    random.seed(2)
    np.random.seed(2)  # noqa: NPY002
    with ThreadPoolExecutor(3) as pool:
        second = searched(model, effort, pool=pool)
    assert told(first) == told(second)
    assert first.best == second.best
    assert told(searched(model, effort, seed=2)) != told(first)
    failed = [plan for plan in first.plans if plan.error]
    assert failed
    assert all("cannot be lived" in plan.error for plan in failed)
    assert not {plan.index for plan in failed} & set(first.best)


def test_an_interrupted_search_goes_on_and_lives_nothing_twice(tmp_path: Path) -> None:
    effort = Effort(plans=18, batch=4, replications=6, rungs=2, finalists=2)
    log, parts = tmp_path / "lived.txt", tmp_path / "parts"
    whole = searched(Hill(over()), effort)
    searched(Hill(over(), log=log), Effort(plans=14, batch=4, replications=6, rungs=2, finalists=1), parts=parts)
    before = len(log.read_text().splitlines())
    again = searched(Hill(over(), log=log), effort, parts=parts)
    assert told(again) == told(whole)
    lived = log.read_text().splitlines()
    assert len(set(lived)) == len(lived) > before
    assert again.runs == whole.runs


def test_a_small_space_is_tried_out_and_the_search_ends() -> None:
    space = Space.over(Config(), {ASK: [1, 3], "strategy.messaging.path": None})

    class Flat:
        def __call__(self, task: Task) -> Mapping[str, np.ndarray]:
            assert isinstance(task, Stretch)
            return {"gain": np.full(task.last - task.first, float(task.point.get(ASK, 0)))}

    crew = Crew(Flat(), ("gain",))
    found = Search(space, (Aim("gain"),), (), Effort(plans=50, replications=2, rungs=1), 1, crew).run()
    assert len(found.plans) == 9
    assert found.plans[found.best[0]].point[ASK] == 3


def test_a_base_that_fails_is_an_error() -> None:
    class Bad:
        def __call__(self, task: Task) -> Mapping[str, np.ndarray]:
            raise ArithmeticError("no")

    with pytest.raises(InputError, match="cannot be lived"):
        Search(over(), (Aim("gain"),), (), Effort(), 1, Crew(Bad(), ("gain",))).run()


def test_seeds_are_derived_apart() -> None:
    made = {derived(seed, purpose, place) for seed in (1, 2) for purpose in range(5) for place in range(20)}
    assert len(made) == 200
    assert all(0 <= seed < 2**63 for seed in made)


# -- what it finds -------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    bounds=st.lists(st.floats(1.0, 19.0), min_size=1, max_size=2, unique=True),
    floor=st.floats(-2.0, 1.5),
    seed=st.integers(0, 10_000),
    several=st.booleans(),
)
def test_no_plan_that_breaks_a_limit_is_returned(bounds: list[float], floor: float, seed: int, several: bool) -> None:
    """Without luck of its own the margin is exact; what comes first keeps all limits, or nothing tried does."""
    limits = (*(Limit("cost", bound) for bound in bounds), Limit("gain", floor, 1.0))
    aims = (Aim("gain"), Aim("cost", -1.0)) if several else (Aim("gain"),)
    model = Hill(over(2), common=0.0, own=0.0)
    found = searched(model, Effort(plans=20, replications=4, rungs=2, finalists=3), seed, aims, limits)
    fine = [n for n in found.best if found.plans[n].short(limits) == 0.0]
    true = [
        all(limit.sign * (model.truth(plan.point)[limit.name] - limit.bound) >= -1e-9 for limit in limits)
        for plan in found.plans
    ]
    assert all(true[n] for n in fine)
    assert found.best[: len(fine)] == fine, "what keeps its limits comes first"
    assert bool(fine) == any(true)


def until_found(found: Found, model: Hill, enough: float) -> float:
    """Replications lived until the plan that leads is truly good enough, and stays so; infinite if it never is."""
    good = [model.truth(found.plans[place].point)["gain"] >= enough for _, place in found.history]
    late = len(good) - 1 - good[::-1].index(False) if False in good else -1
    return found.history[late + 1][0] if late + 1 < len(good) else math.inf


class Random(Search):
    """Random search with the same ladder: the sampler is never asked."""

    def _sampled(self, turn: int, most: int) -> Iterator[Point]:
        yield from ()


def test_it_finds_a_planted_plan_with_half_the_runs_of_random_search() -> None:
    """Median of ten repetitions; each random plan lives what a plan at the top of the ladder lives."""
    model = Hill(over(3))
    needed: dict[str, list[float]] = {}
    for kind, effort in (
        (Search, Effort(plans=72, batch=8, replications=9, rungs=2)),
        (Random, Effort(plans=200, batch=20, replications=9, rungs=1)),
    ):
        for seed in range(10):
            crew = Crew(model, ("gain", "cost"))
            found = kind(model.space, (Aim("gain"),), (), effort, 100 + seed, crew).run()
            needed.setdefault(kind.__name__, []).append(until_found(found, model, 0.97))
    middle = {name: float(np.median(runs)) for name, runs in needed.items()}
    assert middle["Search"] <= 0.5 * middle["Random"], middle
