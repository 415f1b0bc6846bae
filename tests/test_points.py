"""Points of a parameter space: axes, errors by name, seeds, workers, and outcomes that agree with a comparison's."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.accounting.metrics import KNOWN
from sim.errors import InputError
from sim.settings import Config, Run, market_config
from sim.strategy import read_strategy
from sim.study.compare import compare
from sim.study.points import (
    Axis,
    Living,
    Space,
    Task,
    answer,
    at_the_end,
    declared,
    levels_axis,
    point_seed,
    range_axis,
    run_points,
    varied,
)
from tests.noop import Noop

PER_WEEK = "strategy.messaging.per_week"
STRENGTH = "market.season.strength"


def beauty(**run: int) -> Config:
    """The market of beauty under a plan whose levers are on."""
    found = market_config("beauty")
    sizes = {"members": 200, "days": 20, "replications": 3, "threads": 1} | run
    strategy = read_strategy("matched_scenes")
    return Config(Run(**sizes), strategy, found.market, replace(found.population, history_days=100))


def tasks(count: int) -> list[Task]:
    """Tasks that only a model of the tests can live."""
    return [Task(n, {PER_WEEK: float(n), STRENGTH: 0.5}, f"hash {n}", 1) for n in range(count)]


# -- axes ----------------------------------------------------------------------------------------------------


@given(st.floats(0.0, 1.0), st.sampled_from(["linear", "log", "whole", "words"]))
def test_a_place_in_the_cube_and_back(unit: float, kind: str) -> None:
    axis = {
        "linear": range_axis(PER_WEEK, [2, 14]),
        "log": range_axis("market.size", {"low": 1000, "high": 1_000_000, "log": True}),
        "whole": range_axis("strategy.messaging.ask", [1, 4]),
        "words": range_axis("strategy.messaging.path"),
    }[kind]
    value = axis.value(unit)
    again = axis.value(axis.unit(value))
    assert again == (pytest.approx(value) if kind == "linear" else value)
    if kind == "linear":
        assert value == pytest.approx(2 + 12 * unit)
    if kind == "log":
        assert value == pytest.approx(1000 * 1000**unit, abs=0.51)
    if kind == "whole":
        assert value == min(1 + math.floor(4 * unit), 4)


def test_declared_ranges_are_the_default() -> None:
    assert (range_axis(STRENGTH).low, range_axis(STRENGTH).high) == (0.0, 1.5)
    assert range_axis("strategy.messaging.path").levels == ("direct", "community", "mini_program")
    assert range_axis("strategy.messaging.on").levels == (False, True)
    opened = range_axis("population.buying.regularity")
    assert 0.0 < opened.low < opened.high
    assert range_axis("run.members", [1, 10]).value(0.0) == 1


def test_levers_are_kept_apart_from_what_nobody_knows() -> None:
    space = Space.over(
        beauty(), {STRENGTH: None, PER_WEEK: [0, 7], "response.fatigue.bear_low": None, "run.days": [9, 12]}
    )
    assert [axis.path for axis in space.levers] == [PER_WEEK]
    assert [axis.path for axis in space.uncertainties] == [STRENGTH, "response.fatigue.bear_low"]
    assert space.axes[3].role == "size"


def test_levers_that_sleep_are_named() -> None:
    idle = replace(beauty(), strategy=read_strategy("do_nothing"))
    assert idle.market.season.index == "none"
    assert Space.over(idle, {PER_WEEK: [0, 7], STRENGTH: None}).sleeping == [PER_WEEK, STRENGTH]
    assert Space.over(idle, {PER_WEEK: [0, 7], "strategy.messaging.on": [True]}).sleeping == []
    assert Space.over(idle, {PER_WEEK: [0, 7], "strategy": ["matched_scenes"]}).sleeping == []
    assert Space.over(beauty(), {PER_WEEK: [0, 7]}).sleeping == []


@pytest.mark.parametrize(
    ("path", "given", "fragments"),
    [
        ("strategy.mesaging.per_week", None, ["no such key", f"'{PER_WEEK}'"]),
        ("season.strength", None, ["no such key", f"'{STRENGTH}'"]),
        ("run.threads", None, ["no such key to vary"]),
        ("data.path", ["a.csv"], ["no such key to vary"]),
        (PER_WEEK, [7, 3], [PER_WEEK, "low end lies above"]),
        (PER_WEEK, [7, 7], [PER_WEEK, "range is empty"]),
        (PER_WEEK, [0, 300], ["300", "[0, 280] messages a week"]),
        (PER_WEEK, [0, "many"], ["'many'", "must be a number"]),
        (PER_WEEK, [True, 7], ["not a truth value"]),
        (PER_WEEK, [1, 2, 3], ["a range is [low, high]"]),
        (PER_WEEK, {"low": 0, "high": 7, "log": True}, ["above 0"]),
        (PER_WEEK, {"low": 1, "hi": 7}, ["low, high and log, not hi"]),
        ("strategy.messaging.path", ["direct", "comunity"], ["'comunity'", "did you mean 'community'"]),
        ("strategy.messaging.path", [], ["list is empty"]),
        ("strategy.messaging.on", [1], ["must be true or false"]),
        ("market", ["beuty"], ["no such market", "'beauty'"]),
        ("strategy", ["matched_scenes:messaging.perweek=3"], ["no setting 'messaging.perweek'"]),
        ("strategy.messaging.stages", None, ["list the values"]),
    ],
)
def test_wrong_axes_are_named(path: str, given: object, fragments: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        Space.over(beauty(), {path: given})
    assert all(fragment in str(caught.value) for fragment in fragments), caught.value


def test_all_wrong_axes_are_named_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Space.over(beauty(), {"nothing.here": None, PER_WEEK: [2, 1]})
    assert len(str(caught.value).splitlines()) == 2


def test_outside_of_the_space_is_an_error() -> None:
    with pytest.raises(InputError, match="outside 0 to 7"):
        range_axis(PER_WEEK, [0, 7]).unit(8.0)
    with pytest.raises(InputError, match="none of direct"):
        range_axis("strategy.messaging.path").unit("telegram")


# -- points --------------------------------------------------------------------------------------------------


def test_a_whole_comes_before_its_keys() -> None:
    config = varied(
        beauty(), {PER_WEEK: 5.0, "strategy": "broadcast_bombardment", "market.margin": 0.3, "market": "coffee"}
    )
    assert config.strategy == replace(
        read_strategy("broadcast_bombardment"),
        messaging=replace(read_strategy("broadcast_bombardment").messaging, per_week=5.0),
    )
    coffee = market_config("coffee")
    assert config.market == replace(coffee.market, margin=0.3)
    assert config.population == coffee.population


def test_no_limit_is_a_level() -> None:
    assert levels_axis("strategy.budget.monthly", [None, 1000]).levels == (None, 1000.0)


def test_a_point_that_cannot_be_lived_is_answered_by_an_error() -> None:
    living = Living(beauty(), since=7)
    assert "messages need content" in living.task(0, {"strategy.content.on": False}).error
    assert "from day 7 on" in living.task(0, {"run.days": 7}).error
    wrong = living.task(4, {"run.days": 7})
    found = answer(Noop(), wrong)
    assert (found.done, found.values, found.error) == (False, {}, wrong.error)
    with pytest.raises(InputError, match="no metric 'order'; did you mean 'orders'"):
        Living(beauty(), outcomes=("order",))


def test_seeds_are_common_or_belong_to_the_content() -> None:
    points = [{PER_WEEK: float(n), STRENGTH: 1.0} for n in range(4)]
    assert {Living(beauty()).task(n, point).seed for n, point in enumerate(points)} == {1}
    own = Living(beauty(), seeds="independent")
    seeds = [own.task(n, point).seed for n, point in enumerate(points)]
    assert len(set(seeds)) == 4
    assert [own.task(9 - n, dict(reversed(point.items()))).seed for n, point in enumerate(points)] == seeds
    assert len({point_seed(seed, points[0]) for seed in range(8)}) == 8
    assert min(seeds) >= 0
    assert max(seeds) < 2**63


def test_hashes_tell_points_apart_and_know_the_same_one() -> None:
    living = Living(beauty())
    usual = read_strategy("matched_scenes").messaging.per_week
    base = living.task(0, {})
    assert living.task(5, {PER_WEEK: usual}).config_hash == base.config_hash
    assert living.task(0, {PER_WEEK: usual + 1.0}).config_hash != base.config_hash


# -- workers -------------------------------------------------------------------------------------------------


def test_answers_do_not_depend_on_workers_or_order() -> None:
    asked = tasks(40)
    alone = {a.task.index: a.means() for a in run_points(Noop(), asked)}
    crowd = {a.task.index: a.means() for a in run_points(Noop(), reversed(asked), 3)}
    assert alone == crowd
    assert list(alone) == list(range(40))


def test_points_that_fail_do_not_stop_the_others() -> None:
    found = {a.task.index: a for a in run_points(Noop(fails=5, dies=7), tasks(20), 2)}
    failed = sorted(index for index, a in found.items() if not a.done)
    assert failed == [0, 5, 7, 10, 15]
    assert found[5].error == "ArithmeticError: point 5 does not work"
    assert "process that lived it died" in found[7].error
    assert len(found) == 20


def test_tasks_are_taken_as_workers_become_free() -> None:
    taken: list[int] = []

    def endless():
        for task in tasks(1000):
            taken.append(task.index)
            yield task

    for n, _ in enumerate(run_points(Noop(), endless(), 2)):
        assert len(taken) <= n + 4
        if n == 20:
            break


# -- outcomes ------------------------------------------------------------------------------------------------


def test_flows_are_summed_and_stocks_read_at_the_end() -> None:
    daily = np.arange(12).reshape(2, 6) * 100
    assert KNOWN["revenue"].kind == "flow"
    assert at_the_end(daily, "revenue").tolist() == [15.0, 51.0]
    assert at_the_end(daily, "revenue", since=4).tolist() == [9.0, 21.0]
    assert at_the_end(daily, "members").tolist() == [500.0, 1100.0]


def test_outcomes_are_those_of_a_comparison() -> None:
    base = beauty()
    living = Living(base)
    lived = {a.task.point["strategy"]: a for a in run_points(
        living, [living.task(n, {"strategy": name}) for n, name in enumerate(["do_nothing", "matched_scenes"])]
    )}  # fmt: skip
    twins = compare(
        ["do_nothing", "matched_scenes"], market="beauty", population={"history_days": 100},
        run={"members": 200, "days": 20, "replications": 3, "threads": 1},
    )  # fmt: skip
    told = {(line["strategy"], line["metric"]): line for line in twins.summary["headlines"]}
    assert len(told) == 20
    for (strategy, metric), line in told.items():
        assert lived[strategy].means()[metric] == pytest.approx(line["mean"], rel=1e-12)
        assert lived[strategy].errors()[metric] == pytest.approx(line["monte_carlo_se"], rel=1e-12)


def test_a_single_replication_has_no_error() -> None:
    assert math.isnan(answer(Noop(replications=1), tasks(1)[0]).errors()["orders"])


def test_axes_know_their_declarations() -> None:
    axis = Axis(declared(PER_WEEK), 0.0, 7.0)
    assert axis.parameter.about.unit == "messages a week"
    assert axis.checked(3) == 3.0
