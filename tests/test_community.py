"""Community groups: seats and books that balance, lives that do not depend on threads, rules that do as they say."""

import dataclasses
import itertools
from typing import Any, ClassVar

import numpy as np
import pytest

from sim import Member, MembershipModel
from sim.accounting import metrics
from sim.behaviour import gathering
from sim.behaviour.gathering import Gathering
from sim.communities import DAILY, DEAD, HIGH, VIP, Communities
from sim.engine import World
from sim.errors import InputError
from sim.levers.community import Community
from sim.levers.content import Content
from sim.levers.guard import Guard
from sim.levers.messaging import Messaging
from sim.population import RELATION, RELATION_FIELDS
from sim.report import charts
from sim.strategy import Budget, Strategy, read_strategy
from sim.study.ensemble import groups_table, run_ensemble
from sim.touch import BENEFIT, COMMUNITY, FUN, USEFUL
from sim.units import record
from tests.test_delivery import BUSY, IMPATIENT, LOUD, check_books, plan_of, world_of

GROUPS = Community(
    on=True, groups=4, seats=20, high_groups=2, high_seats=10, vip_groups=1, vip_seats=5, review=10, clean_after=15,
    moderated=True,
)  # fmt: skip
TALK = Messaging(on=True, per_week=21.0, path="community")
MIXED = Strategy(guard=Guard(quota="none"), community=GROUPS, messaging=TALK, content=Content(on=True))
EVERYTHING = dataclasses.replace(LOUD, community=GROUPS, messaging=TALK)


def check_groups(world: World) -> None:
    """What the books say of groups is what is in the rows."""
    communities = world.operator.communities  # pyright: ignore[reportOptionalMemberAccess]
    assert communities is not None
    group, listed = world.population.column("group"), world.population.column("listed")
    assert (group[listed == 0] < 0).all()
    assert group.max() < communities.count
    count = np.bincount(group[group >= 0], minlength=communities.count)
    assert (count == communities.members).all()
    assert (count == communities.state["members"]).all()
    for level in range(3):
        some = slice(communities.first[level], communities.first[level + 1])
        assert (count[some] <= communities.seats[level]).all()
    days = metrics.daily_columns(world.ledger(), world.day)
    daily = world.groups[: world.day].sum(axis=1)
    assert (daily[:, DAILY.index("posts")] == days["posts"]).all()
    assert (daily[:, DAILY.index("members")] == np.cumsum(days["group_joined"] - days["group_left"])).all()
    assert (daily[:, DAILY.index("living")] >= daily[:, DAILY.index("posts")]).all()
    assert (world.books.groups == 0).all()


@pytest.mark.parametrize("strike_off", [False, True])
def test_the_books_balance(strike_off: bool) -> None:
    """Every day, with all levers at once; members of every kind come, move, leave, are put out and struck off."""
    community = dataclasses.replace(GROUPS, strike_off=strike_off)
    world = world_of(dataclasses.replace(EVERYTHING, community=community), members=300, days=60, joining=2.0)
    levels: set[tuple[int, int]] = set()
    place = np.array([-1] * 2 + [0] * 4 + [1] * 2 + [2])
    before = np.full(world.population.count, -1)
    for _ in range(60):
        world.step()
        check_books(world)
        check_groups(world)
        now = world.population.column("group")
        levels |= set(zip(place[before + 2].tolist(), place[now[: len(before)] + 2].tolist(), strict=True))
        before = now
    total = {name: values.sum() for name, values in metrics.daily_columns(world.ledger(), 60).items()}
    assert total["posts"] > 500
    assert (total["cleaned"] > 0) == strike_off
    assert total["cleaned"] == total["removed"]
    assert {(0, 1), (1, 0), (1, 2), (0, -1), (-1, 0), (-1, 1)} <= levels
    assert total["labour_cost"] > 0


def same(one: World, two: World) -> None:
    """Rows, relations, groups and books agree to the bit."""
    for field in ("key", "orders", "spend", "order_at", "drift_at", "listed", *(f.name for f in RELATION_FIELDS)):
        assert one.population.column(field).tobytes() == two.population.column(field).tobytes(), field
    mine, theirs = one.ledger(), two.ledger()
    for name in vars(mine):
        assert np.array_equal(getattr(mine, name), getattr(theirs, name)), name
    for world in (one, two):
        assert world.operator is not None
    assert one.operator.communities.state.tobytes() == two.operator.communities.state.tobytes()  # pyright: ignore


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.engine.WORTH_A_THREAD", 1)
    one, three = (world_of(EVERYTHING, threads=threads, days=40) for threads in (1, 3))
    one.run()
    three.run()
    same(one, three)
    check_groups(three)


class Stepped(Member):
    """A member whose step is overridden, and does what it did."""

    def step(self) -> None:
        """As before."""
        super().step()


class SteppedModel(MembershipModel):
    """A model that must activate objects."""

    member_class: ClassVar[type[Member]] = Stepped


def test_objects_live_as_the_kernel_does() -> None:
    kernel, objects = (
        kind(150, EVERYTHING, rng=3, response=IMPATIENT, behaviour=BUSY) for kind in (MembershipModel, SteppedModel)
    )
    for day in range(30):
        for model in (kernel, objects):
            model.step()
            members = [n for n in range(150) if model.world.population.relation(n)["group"] >= 0]
            if day % 5 == 0 and members:
                model.member(members[day % len(members)]).remove()
    same(kernel.world, objects.world)
    kernel.step()  # whoever was removed after a day leaves the groups' books with the next
    check_groups(kernel.world)


def never(**lever: Any) -> Strategy:
    """All levers, and groups that never stand, or into which nobody ever comes."""
    return dataclasses.replace(EVERYTHING, community=dataclasses.replace(GROUPS, **lever))


def test_groups_that_never_stand_change_nothing() -> None:
    """To the bit; the path of a message alone brings nobody into a group."""
    without = world_of(dataclasses.replace(EVERYTHING, community=Community()), days=40)
    late = world_of(never(start=40, strike_off=True), days=40)
    without.run()
    late.run()
    for field in ("order_at", "spend", *(f.name for f in RELATION_FIELDS)):
        assert without.population.column(field).tobytes() == late.population.column(field).tobytes(), field
    one, two = without.ledger(), late.ledger()
    assert all(np.array_equal(getattr(one, n), getattr(two, n)) for n in vars(one) if n != "groups")


def test_groups_end_with_their_lever() -> None:
    world = world_of(never(start=5, stop=20), days=30)
    for day in range(30):
        world.step()
        check_groups(world)
        assert (world.population.column("group") >= 0).any() == (5 <= day < 20)


def test_messages_in_groups_reach_their_members_alone() -> None:
    world = world_of(dataclasses.replace(MIXED, guard=Guard(quota="none", quiet_from=0, quiet_to=0)), days=12)
    for _ in range(12):
        desk = world.desk_today()
        assert set(desk.sends["path"]) == {COMMUNITY}
        told = np.array([int(world.population.touch(n)) != 0 for n in range(world.population.count)])
        inside = world.population.column("group") >= 0
        assert told[inside & (world.population.column("permission") < 2)].all()
        assert not told[~inside].any()
        world.step()


def test_what_cannot_be_paid_is_not_attended() -> None:
    """Without money nobody moderates and no founder speaks; the groups stand."""
    world = world_of(dataclasses.replace(MIXED, budget=Budget(total=0.0)), days=5)
    world.run()
    assert metrics.daily_columns(world.ledger(), 5)["labour_cost"].sum() == 0
    communities = world.operator.communities  # pyright: ignore[reportOptionalMemberAccess]
    assert communities is not None
    assert (communities.state["care"] == 0).all()
    assert (communities.state["kept_out"] == 0).all()
    assert communities.members.sum() > 0


def test_levels_are_those_of_the_best_spenders() -> None:
    """On the first day nobody in an ordinary group spends more a year than anybody in a full level above."""
    lever = dataclasses.replace(GROUPS, groups=50, high_groups=50, vip_groups=50)
    world = world_of(Strategy(community=lever), members=800, days=1)
    world.desk_today()
    group, spend = world.population.column("group"), world.population.column("spend")
    age = -world.population.column("joined")
    value = spend / (age / 365.0 + 0.25)
    some = [value[(group >= 50 * level) & (group < 50 * level + 50)] for level in range(3)]
    assert all(len(one) > 5 for one in some)
    assert all(low.max() <= high.min() for low, high in itertools.pairwise(some))
    share = (value >= some[VIP].min()).mean()
    assert share == pytest.approx(lever.vip_share, abs=0.02)
    assert (value >= some[HIGH].min()).mean() == pytest.approx(lever.vip_share + lever.high_share, abs=0.03)


# -- rules -------------------------------------------------------------------------------------------------------


def relation(**values: float) -> Any:
    """A relation row with these fields."""
    row = np.zeros(1, dtype=RELATION)
    row["trust"] = 0.35
    for name, value in values.items():
        row[name] = value
    return row[0]


SETTINGS: Any = record(Gathering())[0]


def share_tomorrow(activity: float, adverts: float) -> float:
    """The share of typical members who speak, one step on."""
    return gathering.speak_probability(relation(), gathering.catches(activity, adverts, SETTINGS), SETTINGS)


def rest(activity: float, adverts: float, days: int = 2000) -> float:
    """Where a very large group comes to rest."""
    for _ in range(days):
        activity = gathering.livelier(activity, share_tomorrow(activity, adverts), SETTINGS)
    return activity


def test_a_group_has_two_states() -> None:
    """Lively or dead, parted near 0.05; two adverts a day leave the lively one, three take it away; the dead one
    outlives them.
    """
    assert rest(0.30, 0.0) == pytest.approx(0.450, abs=0.002)
    assert rest(0.01, 0.0) == pytest.approx(0.007, abs=0.001)
    assert rest(0.06, 0.0) > 0.4
    assert rest(0.04, 0.0) < 0.01
    assert rest(0.43, 1.0) > 0.38
    assert rest(0.43, 2.0) > 0.30
    assert rest(0.43, 3.0) < DEAD
    assert rest(rest(0.43, 10.0), 0.0) < 0.01


def test_a_linear_contagion_would_have_one_state_only() -> None:
    """What the form is for: were speaking in proportion to what is heard, every group would come to the same rest."""

    def linear(activity: float) -> float:
        for _ in range(2000):
            activity += (min(SETTINGS.unasked + 0.9 * activity, 1.0) - activity) / SETTINGS.memory
        return activity

    assert linear(0.01) == pytest.approx(linear(0.5), abs=1e-6)
    assert rest(0.01, 0.0) != pytest.approx(rest(0.5, 0.0), abs=0.1)


def test_members_differ_around_one() -> None:
    """Sociability averages 1 over members, and both doors, in and out, are where they are said to be."""
    eager = np.random.default_rng(1).normal(0.0, 1.3, 20_000)
    assert np.mean([gathering.sociable(relation(eagerness=e)) for e in eager]) == pytest.approx(1.0, abs=0.01)
    assert gathering.accept_probability(relation(), SETTINGS) == pytest.approx(0.35)
    assert gathering.accept_probability(relation(trust=0.7), SETTINGS) == pytest.approx(0.70)
    leave = gathering.leave_hazard
    assert leave(1.0, 4.0, SETTINGS) == pytest.approx(2.0 * leave(1.0, 0.0, SETTINGS))
    assert leave(0.0, 0.0, SETTINGS) == pytest.approx(3.0 * leave(1.0, 0.0, SETTINGS))


def test_a_founders_day_is_divided() -> None:
    """60 minutes for 60 VIPs are enough, for 120 half."""
    communities = Communities(Community(on=True, vip_groups=1, vip_seats=200))
    for vips, care in ((0, 1.0), (60, 1.0), (120, 0.5)):
        communities.state["members"][-1] = vips
        assert communities.table(True)["care"][-1] == care
    assert communities.table(False)["care"][-1] == 0.0


def test_staff_write_for_two_weeks() -> None:
    world = world_of(Strategy(community=dataclasses.replace(GROUPS, wake_day=3, wake_days=2, wake_posts=2)), days=7)
    for day in range(7):
        sends = world.desk_today().sends
        assert list(sends["kind"]) == ([USEFUL, FUN] if day in (3, 4) else [])
        world.step()
    assert BENEFIT not in sends["kind"]


@pytest.mark.parametrize(
    ("variation", "said"),
    [
        ("community.groups=0:community.high_groups=0:community.vip_groups=0", "there are no groups"),
        ("community.high_share=0.7:community.vip_share=0.6", "must not exceed 1 together"),
        ("community.clean_after=0:community.strike_off=true", "set community_lively.community.clean_after"),
        ("community.seats=0", "seats=0: must be a whole number in [1, 100000]"),
        ("community.start=9:community.stop=9", "stop=9 must come after start=9"),
    ],
)
def test_what_cannot_be_is_refused(variation: str, said: str) -> None:
    with pytest.raises(InputError) as wrong:
        read_strategy(f"community_lively:{variation}")
    assert said in str(wrong.value)


# -- the chart -----------------------------------------------------------------------------------------------------


def test_the_chart_says_which_groups_are_dead(tmp_path: Any) -> None:
    """From lives that were lived; a strategy without groups has no line, and no groups no chart."""
    lever = dataclasses.replace(GROUPS, groups=3, seats=100, high_groups=0, vip_groups=0, clean_after=0)
    quiet = Strategy(guard=Guard(quota="none"), community=lever)
    loud = dataclasses.replace(
        quiet, messaging=Messaging(on=True, per_week=70.0, path="community"), content=Content(on=True, benefit=1.0)
    )
    lived = {
        name: run_ensemble(plan_of(strategy, members=600, days=40), 1, 3)
        for name, strategy in (("quiet", quiet), ("loud", loud), ("nobody", Strategy()))
    }
    table = groups_table(lived)
    assert set(table["strategy"]) == {"quiet", "loud"}
    assert len(table) == 2 * 3 * 40 * 3
    assert table["posts"].sum() == sum(int(lived[n].metric("posts").sum()) for n in ("quiet", "loud"))
    chart = charts.group_activity(table, "A test.")
    assert chart is not None
    assert chart.takeaway.startswith("Fallen silent: loud.")
    charts.save(chart, tmp_path / "chart.png")
    assert (tmp_path / "chart.png").stat().st_size > 20_000
    assert charts.group_activity(groups_table({"nobody": lived["nobody"]}), "A test.") is None
    assert charts.DEAD == DEAD
