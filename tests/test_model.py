"""The Mesa face: a model of agents as Mesa users know them, and the very lives that the kernel runs."""

import copy
import datetime as dt
import gc
import pickle
import time
from typing import Any, ClassVar

import mesa
import numpy as np
import pytest

import sim
from sim import Member, MembershipModel
from sim.accounting.books import STOCKS
from sim.accounting.posting import CHANNELS
from sim.behaviour.day import NEVER
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.errors import InputError
from sim.population import FIELDS, RELATION_FIELDS
from sim.world.market import Joining, Market

DAYS = 20
NAMES = [field.name for field in FIELDS]
BUSY = Market(joining=Joining(6.0))
"""A market in which newcomers come every few days, even to a small membership."""


class Stepped(Member):
    """A member whose step is overridden, and does what it did."""

    def step(self) -> None:
        """As before."""
        super().step()


class SteppedModel(MembershipModel):
    """A model that must activate objects."""

    member_class: ClassVar[type[Member]] = Stepped


def small(kind: type[MembershipModel] = MembershipModel, **more: Any) -> MembershipModel:
    """A hundred members with a past of forty days."""
    options = {"members": 100, "rng": 7, "market": BUSY, "horizon": 30, "history": 40} | more
    return kind(**options)


def assert_same(one: MembershipModel, two: MembershipModel) -> None:
    """Rows, books and reports agree to the bit."""
    assert one.world.population.count == two.world.population.count
    for name in NAMES:
        a, b = one.world.population.column(name), two.world.population.column(name)
        assert a.tobytes() == b.tobytes(), name
    mine, theirs = one.world.ledger(), two.world.ledger()
    for name in vars(mine):
        assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name
    assert one.daily().equals(two.daily())


def books_balance(model: MembershipModel) -> bool:
    """Whether a census of the rows gives the stocks in the books."""
    day = model.day - 1
    return bool((model.world.census(day) == model.world.stocks[day]).all())


def now(model: MembershipModel) -> float:
    """Where the purchase clock stands as the next day begins."""
    return float(model.world.clock[model.world.today(model.day).at])


# -- the same lives ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1, 7, 2**40])
def test_objects_live_as_the_kernel_does(seed: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.engine.WORTH_A_THREAD", 1)
    kernel = small(rng=seed, threads=threads)
    objects = small(rng=seed)  # all members by hand, then the kernel finds nothing left to do
    overridden = small(SteppedModel, rng=seed, threads=threads)
    for day in range(DAYS):
        kernel.step()
        objects.agents.shuffle_do("step")
        if day % 3 == 0:
            objects.agents.do("step")  # a day that has been lived is not lived twice
        objects.step()
        overridden.step()
    assert kernel.day == DAYS
    assert kernel.daily()["joined"].sum() > 0
    assert kernel.daily()["orders_existing"].sum() > 0
    assert_same(kernel, objects)
    assert_same(kernel, overridden)
    assert books_balance(kernel)


def test_it_is_the_engine_that_runs() -> None:
    model = MembershipModel(members=120, rng=11, start=dt.date(2026, 5, 3), horizon=15, history=50)
    plan = Plan(dt.date(2026, 5, 3), 15, EmbeddedFounders(120, Behaviour(), 50), Market())
    world = World(plan, 11)
    ledger = world.run()
    while model.day < 15:
        model.step()
    assert np.array_equal(model.world.ledger().stocks, ledger.stocks)
    assert np.array_equal(model.world.ledger().events, ledger.events)


def test_half_of_the_members_by_hand() -> None:
    kernel, mixed = small(), small()
    for _ in range(DAYS):
        kernel.step()
        for number in range(0, mixed.world.population.count, 2):
            mixed.member(number).step()
        mixed.step()
    assert_same(kernel, mixed)


def test_two_models_do_not_disturb_each_other() -> None:
    alone = small(rng=3)
    for _ in range(DAYS):
        alone.step()
    one, two = small(rng=3), small(SteppedModel, rng=4)
    for _ in range(DAYS):
        one.step()
        two.step()
        next(iter(two.agents)).usual_value += 0.1
    assert_same(alone, one)
    assert not one.daily().equals(two.daily())


# -- seeds ---------------------------------------------------------------------------------------------------


def test_a_seed_is_a_life() -> None:
    one, again, other = small(rng=5), small(rng=5), small(rng=6)
    for model in (one, again, other):
        for _ in range(5):
            model.step()
    assert_same(one, again)
    assert not one.daily().equals(other.daily())


def test_no_seed_is_a_fresh_life() -> None:
    lives = {small(rng=None).world.population.column("purchase_rate").tobytes() for _ in range(3)}
    assert len(lives) == 3
    generators = [small(rng=np.random.default_rng(3)) for _ in range(2)]
    assert_same(*generators)


def test_a_numpy_integer_is_a_seed() -> None:
    assert_same(small(rng=np.int64(5)), small(rng=5))


# -- members as agents ---------------------------------------------------------------------------------------


def test_members_show_every_field_of_their_rows() -> None:
    properties = {name for name, value in vars(Member).items() if isinstance(value, property)}
    relations = {field.name for field in RELATION_FIELDS}
    assert properties == {*NAMES, *relations, "row"}
    for field in (*FIELDS, *RELATION_FIELDS):
        doc = getattr(Member, field.name).__doc__
        assert field.meaning in doc
        assert field.unit in doc
    model = small()
    for member in model.agents:
        row = model.world.population.row(member.number)
        for name in NAMES:
            value = getattr(member, name)
            assert type(value) in (int, float), name
            assert value == row[name], name


def test_agents_are_the_current_members() -> None:
    model = small()
    assert type(model.agents) is type(mesa.Model(rng=1).agents)
    first = list(model.agents)
    assert len(first) == model.stock("members") == 100
    assert {member.number for member in first} == set(range(100))
    assert all(isinstance(member, mesa.Agent) for member in first)
    assert len({member.unique_id for member in first}) == 100
    for _ in range(DAYS):
        model.step()
    later = list(model.agents)
    assert len(later) == model.stock("members") > 100
    assert later[:100] == first
    assert {CHANNELS[member.channel] for member in later[100:]} == {"organic"}
    assert all(member.joined >= 0 for member in later[100:])
    with pytest.raises(AttributeError):
        model.agents = []


def test_a_member_by_his_number() -> None:
    model = small()
    assert model.member(3) is model.member(3)
    assert model.member(3) in model.agents
    for number in (-1, 100, 10**9):
        with pytest.raises(InputError, match=f"member {number}: there are 100 members"):
            model.member(number)


def test_what_a_user_sets_stays() -> None:
    model = small()
    for member in model.agents:
        member.mood = member.number % 7  # type: ignore[attr-defined]
    for _ in range(5):
        model.step()
    assert [member.mood for member in list(model.agents)[:100]] == [n % 7 for n in range(100)]
    assert len(model.agents.select(lambda m: getattr(m, "mood", None) == 3)) == 14


def test_sets_of_agents_work_as_they_do_in_mesa() -> None:
    model = small()
    for _ in range(DAYS):
        model.step()
    people = model.world.population
    orders = people.column("orders")
    assert model.agents.get("orders") == orders.tolist()
    assert model.agents.agg("orders", sum) == orders.sum()
    assert model.agents.agg("spend", max) == people.column("spend").max()
    assert len(model.agents.select(lambda member: member.orders > 1)) == (orders > 1).sum()
    assert len(model.agents.select(at_most=5)) == 5
    groups = model.agents.groupby("channel")
    assert {key: len(members) for key, members in groups} == dict(enumerate(np.bincount(people.column("channel"))))
    by_spend = model.agents.sort("spend", ascending=False)
    assert next(iter(by_spend)).spend == people.column("spend").max()
    assert model.agents.map(lambda member: member.number) == list(range(people.count))
    model.agents.set("mark", 1)
    assert model.agents.agg("mark", sum) == people.count


def test_a_data_collector_collects() -> None:
    model = small()
    collector = mesa.DataCollector(
        model_reporters={"members": lambda m: m.stock("members"), "day": "day", "seen": lambda m: len(m.agents)},
        agent_reporters={"orders": "orders", "who": lambda member: member.number},
    )
    collector.collect(model)
    for _ in range(DAYS):
        model.step()
        collector.collect(model)
    frame = collector.get_model_vars_dataframe()
    assert frame["day"].tolist() == list(range(DAYS + 1))
    assert frame["members"].tolist() == frame["seen"].tolist() == [100, *model.daily()["members"]]
    agents = collector.get_agent_vars_dataframe()
    assert len(agents) == frame["members"].sum()
    assert agents["orders"].groupby(level=0).sum().diff().dropna().tolist() == model.daily()["orders"].tolist()


def test_running_for_a_while() -> None:
    model = small()
    if not hasattr(model, "run_for"):
        pytest.skip("this Mesa has no run_for")
    model.run_for(12)
    assert model.day == 12
    stepped = small()
    for _ in range(12):
        stepped.step()
    assert_same(model, stepped)


def test_agents_by_type_are_all_members() -> None:
    model = small()
    assert model.agent_types == [Member]
    assert len(model.agents_by_type[Member]) == 100


def test_a_data_collector_collects_by_type() -> None:
    model = small()
    collector = mesa.DataCollector(agenttype_reporters={Member: {"orders": "orders"}})
    for _ in range(DAYS):
        model.step()
        collector.collect(model)
    frame = collector.get_agenttype_vars_dataframe(Member)
    assert len(frame) == model.daily()["members"].sum()


# -- leaving -------------------------------------------------------------------------------------------------


def test_removing_is_a_posted_loss() -> None:
    model = small()
    model.step()
    members, attached = model.stock("members"), model.stock("attached")
    leaver = next(member for member in model.agents if member.attached == 1)
    leaver.remove()
    assert leaver not in model.agents
    assert (leaver.listed, leaver.attached, leaver.order_at, leaver.drift_at) == (0, 0, NEVER, NEVER)
    model.step()
    day = model.daily().iloc[-1]
    assert day["removed"] == 1
    assert day["members"] == members + day["joined"] - 1
    assert model.stock("lost") == 1
    assert model.stock("attached") <= attached + day["joined"] - 1
    assert books_balance(model)
    orders = leaver.orders
    for _ in range(DAYS):
        model.step()
        assert books_balance(model)
    assert leaver.orders == orders
    assert leaver not in model.agents
    assert len(model.agents) == model.stock("members")
    assert model.daily()["removed"].sum() == 1


def test_removing_twice_is_removing_once() -> None:
    model = small()
    leaver = model.member(4)
    leaver.remove()
    leaver.remove()
    leaver.step()
    model.step()
    assert model.stock("lost") == model.daily()["removed"].sum() == 1
    assert len(model.agents) == model.stock("members")
    assert books_balance(model)


def test_removing_everybody_one_by_one() -> None:
    model = small(market=Market(joining=Joining(0.0)))
    for member in list(model.agents):
        member.remove()
    assert len(model.agents) == 0
    for _ in range(3):
        model.step()
        assert books_balance(model)
    assert (model.stock("members"), model.stock("attached"), model.stock("lost")) == (0, 0, 100)
    assert model.daily()["orders"].sum() == 0


def test_removing_one_who_ordered_today() -> None:
    model = small()
    busy = next(iter(model.agents))
    busy.order_at = now(model)
    busy.drift_at = model.day + 100.0
    busy.step()
    assert busy.last_order == 0
    busy.remove()
    model.step()
    assert books_balance(model)
    assert model.daily()["removed"].tolist() == [1]
    model.step()
    assert books_balance(model)


def test_remove_all_agents_removes_all() -> None:
    model = small(market=Market(joining=Joining(0.0)))
    model.remove_all_agents()
    model.step()
    assert model.stock("members") == 0


@pytest.mark.parametrize("order", ["self", "others"])
def test_removing_during_a_step_of_objects(order: str) -> None:
    class Leaver(Member):
        def step(self) -> None:
            super().step()
            if order == "self" and self.number % 3 == self.model.day % 3:
                self.remove()
            if order == "others" and self.number == 0:
                for number in range(1, 60):
                    self.model.member(number).remove()

    class Leaving(MembershipModel):
        member_class: ClassVar[type[Member]] = Leaver

    model = small(Leaving)
    for _ in range(4):
        model.step()
        assert books_balance(model)
        assert len(model.agents) == model.stock("members")
    assert model.stock("members") == 100 - model.stock("lost") + model.daily()["joined"].sum()
    assert model.stock("lost") >= 59


# -- changing a life -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [MembershipModel, SteppedModel])
def test_who_is_made_to_drift_orders_no_more(kind: type[MembershipModel]) -> None:
    model = small(kind, market=Market(joining=Joining(0.0)))
    attached = model.stock("attached")
    for member in model.agents:
        if member.attached == 1:
            member.drift_at = float(model.day)
    for _ in range(DAYS):
        model.step()
        assert books_balance(model)
    assert model.daily()["orders"].sum() == 0
    assert model.daily()["drifted"].tolist() == [attached] + [0] * (DAYS - 1)
    assert model.stock("members") == 100
    assert all(member.attached == 0 for member in model.agents)


@pytest.mark.parametrize("kind", [MembershipModel, SteppedModel])
def test_who_is_made_to_order_orders_today(kind: type[MembershipModel]) -> None:
    model, plain = small(kind), small(kind)
    for _ in range(3):
        model.step()
        plain.step()
    chosen = [member for member in model.agents if member.attached == 1][:10]
    before = [member.orders for member in chosen]
    for member in chosen:
        member.drift_at = model.day + 1000.0
        member.order_at = now(model)
    model.step()
    plain.step()
    assert all(member.last_order == 3 for member in chosen)
    assert all(member.orders > was for member, was in zip(chosen, before, strict=True))
    untouched = set(range(100)) - {member.number for member in chosen}
    for number in untouched:
        assert model.member(number).orders == plain.member(number).orders
    assert books_balance(model)


def test_who_is_made_a_keen_buyer_buys_often() -> None:
    model = small()
    keen = next(member for member in model.agents if member.attached == 1)
    keen.purchase_rate = 20.0
    keen.drift_at = 1000.0
    keen.order_at = now(model)
    for _ in range(DAYS):
        model.step()
    assert 200 < keen.orders < 700
    assert books_balance(model)


def test_who_is_made_to_wait_waits() -> None:
    model = small()
    model.agents.set("order_at", float(NEVER))
    for _ in range(DAYS):
        model.step()
    assert model.daily()["orders_existing"].sum() == 0
    assert books_balance(model)


def test_his_spending_level_moves_his_orders() -> None:
    model, plain = small(market=Market(joining=Joining(0.0))), small(market=Market(joining=Joining(0.0)))
    for member in model.agents:
        member.usual_value += 2.0
    for _ in range(DAYS):
        model.step()
        plain.step()
    assert model.daily()["orders"].equals(plain.daily()["orders"])
    assert model.daily()["revenue"].sum() == pytest.approx(np.exp(2.0) * plain.daily()["revenue"].sum(), rel=1e-3)


def test_one_who_has_drifted_cannot_drift_again() -> None:
    model = small()
    for _ in range(3):
        model.step()
    gone = next(member for member in model.agents if member.attached == 0)
    gone.drift_at = float(model.day)
    model.step()
    assert books_balance(model)


def test_one_who_has_left_does_not_order() -> None:
    model = small()
    gone = model.member(2)
    gone.remove()
    gone.order_at = now(model)
    model.step()
    assert books_balance(model)


@pytest.mark.parametrize(("name", "value"), [("orders", 5), ("listed", 0), ("channel", 1), ("attached", 0)])
def test_what_the_books_hold_is_not_written_past_them(name: str, value: int) -> None:
    model = small()
    model.step()
    member = next(m for m in model.agents if m.orders == 1 and m.attached == 1)
    try:
        setattr(member, name, value)
    except (AttributeError, InputError):
        return
    model.step()
    assert books_balance(model)


def test_a_value_of_the_wrong_type_is_refused() -> None:
    member = small().member(0)
    with pytest.raises((TypeError, ValueError)):
        member.order_at = "soon"
    with pytest.raises(InputError, match="order_at=inf"):
        member.order_at = float("inf")
    with pytest.raises(AttributeError):
        member.orders = 5


# -- many members --------------------------------------------------------------------------------------------


def test_many_members_are_not_many_objects() -> None:
    began = time.perf_counter()
    model = MembershipModel(members=200_000, rng=1, history=30, horizon=5)
    for _ in range(3):
        model.step()
    model.member(77).mood = "curious"  # type: ignore[attr-defined]
    took = time.perf_counter() - began
    assert model.stock("members") > 200_000
    made = [o for o in gc.get_objects() if isinstance(o, Member) and o.__dict__.get("model") is model]
    assert len(made) == 1
    assert took < 30
    assert model.world.population.bytes_per_row <= 100


# -- what is said of a wrong argument ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"strategy": "do_nothin"}, "did you mean 'do_nothing'"),
        ({"market": "defualt"}, "did you mean 'default'"),
        ({"market": "mars"}, "there is no such market; allowed: apparel"),
        ({"members": 0}, "members=0: must be"),
        ({"members": -3}, "members=-3: must be"),
        ({"members": 1_000_001}, "1000000 persons"),
        ({"members": 11, "market": Market(size=10)}, "size of 10 persons"),
        ({"history": 0}, "history=0"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        MembershipModel(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"members": 10.5}, {"members": "ten"}, {"members": True}, {"rng": -1}, {"rng": 2**70}, {"rng": "seven"},
        {"horizon": 0, "start": dt.date(2026, 1, 15)}, {"horizon": -1}, {"threads": 0}, {"market": None},
        {"start": "2026-01-01"},
    ],
    ids=str,
)  # fmt: skip
def test_arguments_of_the_wrong_kind_are_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        MembershipModel(**({"members": 10, "history": 5, "horizon": 5} | arguments))


def test_a_stock_that_does_not_exist() -> None:
    model = small()
    with pytest.raises(InputError, match="did you mean 'members'"):
        model.stock("member")
    assert {name: model.stock(name) for name in STOCKS}["members"] == 100


@pytest.mark.parametrize("kind", [MembershipModel, SteppedModel])
def test_no_day_beyond_the_horizon(kind: type[MembershipModel]) -> None:
    model = small(kind, horizon=2)
    model.step()
    model.step()
    before = model.daily()
    with pytest.raises(InputError, match="planned for 2 days"):
        model.step()
    model.step()  # Mesa schedules no more steps after one that has failed, and says nothing
    with pytest.raises(InputError, match="planned for 2 days"):
        model.member(0).remove()
    assert model.daily().equals(before)
    assert model.day == 2


def test_no_members_day_beyond_the_horizon() -> None:
    model = small(horizon=1)
    model.step()
    with pytest.raises(InputError, match="planned for 1 days"):
        model.agents.shuffle_do("step")


# -- copies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["copy", "pickle"])
def test_a_copy_goes_its_own_way(way: str) -> None:
    model = small()
    model.step()
    twin = copied(model, way)
    for _ in range(5):
        model.step()
    assert twin.day == 1
    for _ in range(5):
        twin.step()
    assert_same(model, twin)


@pytest.mark.parametrize("way", ["copy", "pickle"])
def test_members_of_a_copy_are_views_of_its_rows(way: str) -> None:
    model = small()
    assert len(model.agents) == 100
    twin = copied(model, way)
    member = next(iter(twin.agents))
    member.usual_value = 1.5
    assert twin.world.population.row(member.number)["usual_value"] == 1.5


def test_a_copy_of_stepped_objects_goes_the_same_way() -> None:
    model = small(SteppedModel)
    model.step()
    twin = copied(model, "copy")
    for _ in range(DAYS):
        model.step()
        twin.step()
    assert_same(model, twin)
    assert books_balance(twin)


def copied(model: MembershipModel, way: str) -> MembershipModel:
    """A copy of a model, where Mesa's models can be copied."""
    try:
        return copy.deepcopy(model) if way == "copy" else pickle.loads(pickle.dumps(model))
    except (TypeError, pickle.PicklingError, AttributeError) as problem:
        pytest.skip(f"models of this Mesa cannot be copied: {problem}")


def test_public_names() -> None:
    assert {"Member", "MembershipModel"} <= set(sim.__all__)
    assert sim.MembershipModel is MembershipModel
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sim.nothing  # type: ignore[attr-defined]
