"""A growing membership keeps its promises: books balance, a market has an end, and whom nobody told lives as before.

The minimally different world stands here: one channel more, one member more who invites, one person more in the
market; whoever is not reached by the difference, through whatever chain of people, lives the same life to the bit.
"""

import copy
import dataclasses
import hashlib
import os
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import engine, network
from sim.accounting import metrics, posting
from sim.accounting.lineage import cost_of_joining, costs, family_tree, margins
from sim.accounting.posting import CHANNELS, JOINED, ORGANIC, RESPONSES
from sim.behaviour.inviting import Inviting
from sim.behaviour.joining import Joining as Persuading
from sim.behaviour.response import Response
from sim.engine import EmbeddedFounders, Plan, World
from sim.errors import InputError
from sim.levers.acquisition import Acquisition
from sim.levers.advocates import Advocates
from sim.levers.community import Community
from sim.levers.content import Content
from sim.levers.guard import Guard
from sim.levers.lever import Morning
from sim.levers.member_day import MemberDay
from sim.levers.messaging import Messaging
from sim.levers.offers import Offers
from sim.levers.points import Points
from sim.levers.referral import Referral
from sim.levers.sharing import Sharing
from sim.levers.tags import Tags
from sim.levers.tiers import Tiers
from sim.levers.welcome import Welcome
from sim.model import MembershipModel
from sim.network import Network
from sim.population import MEMBER, RELATION
from sim.settings import Config
from sim.strategy import Budget, Strategy
from sim.study.ensemble import BY_CHANNEL, joins_of
from sim.study.ensemble import by_channel as by_channel_table
from sim.world.channels import Change, Channel, Channels
from sim.world.market import Joining, Market
from tests.lab import SEED, Lab
from tests.test_delivery import BUSY, IMPATIENT, START, plan_of, relaxed, seeds, wallets
from tests.test_strategy import LATE, Stepping, same_base, same_books, same_lives

ROOT = Path(__file__).parents[1]
TALKATIVE = Response(
    permission=dataclasses.replace(IMPATIENT.permission, hazard=0.003),
    joining=Persuading(ordinary=-0.5),
    inviting=Inviting(ordinary=0.02, hunter=0.3, shown=0.3),
)
"""Members who talk a lot, to people who are easily won."""
ADS = Acquisition(on=True, trial_ads=900.0, store_qr=500.0, ecommerce=300.0, hook="trial", coupon=20.0, push=0.4)
SCHEME = Referral(on=True, reward=30.0, friend_reward=20.0, needed=2, points=40)
GROWING = Strategy(
    guard=Guard(quota="none"),
    welcome=Welcome(on=True, offer=10.0, gate=0.5),
    offers=Offers(on=True, kind="cash", value=8.0, every=9),
    messaging=Messaging(on=True, per_week=10.0, path="community"),
    content=Content(on=True, benefit=0.5),
    acquisition=ADS,
    referral=SCHEME,
    advocates=Advocates(on=True, count=5, care_every=10, cost=20.0, friend_reward=10.0),
    sharing=Sharing(on=True, reward=2.0),
    tiers=Tiers(on=True, silver=80.0, gold=200.0, diamond=400.0, memory=90.0, grace=15, review=10),
    member_day=MemberDay(on=True, points=2.0),
    points=Points(on=True, worth=2.0, batch=10, life=25, per_yuan=0.3),
    community=Community(on=True, groups=3, seats=20, high_groups=1, high_seats=10, vip_groups=1, vip_seats=5,
                        review=10, clean_after=15),
)  # fmt: skip
"""Every way to grow at once."""


def plan(
    strategy: Strategy,
    members: int = 120,
    days: int = 40,
    size: int = 900,
    response: Response = TALKATIVE,
    **market: Any,
) -> Plan:
    """A small membership in a small market."""
    market = {"joining": Joining(2.0)} | market
    founders = EmbeddedFounders(members, BUSY, 100)
    return Plan(
        START, days, founders, Market(size=size, **market), strategy=strategy, response=response, operated=True
    )


def lived(strategy: Strategy, seed: int = 1, threads: int = 1, **more: Any) -> World:
    """A small world, lived to the end of its plan."""
    world = World(plan(strategy, **more), seed, threads=threads)
    world.run()
    return world


def same(one: World, two: World) -> None:
    """Rows, books, and all that the entrance remembers are equal to the bit."""
    same_books(one.ledger(), two.ledger())
    same_lives(one, two)
    mine, theirs = one.recruiter, two.recruiter
    assert mine is not None
    assert theirs is not None
    count = min(len(mine.lineage.links), len(theirs.lineage.links), one.population.count)
    assert mine.lineage.links[:count].tobytes() == theirs.lineage.links[:count].tobytes()
    for name in ("contacts", "purse", "spent", "kept"):
        assert getattr(mine, name).tobytes() == getattr(theirs, name).tobytes(), name
    assert mine.first_rows == theirs.first_rows
    assert [a.tobytes() for a in (mine.directory.keys, mine.directory.rows, mine.directory.persuaded)] == [
        a.tobytes() for a in (theirs.directory.keys, theirs.directory.rows, theirs.directory.persuaded)
    ]


# -- the books -----------------------------------------------------------------------------------------------------

TOLD = (posting.WORD_OF_MOUTH, posting.REFERRAL, posting.ADVOCATE, posting.SHARING)
"""Channels in which a member brings another."""


def by_channel(world: World, event: int) -> np.ndarray:
    """How often something happened so far, by channel."""
    responses = world.ledger().responses
    assert responses is not None
    return responses[: world.day, :, event].sum(axis=0)


def check_books(world: World) -> None:
    """What the books say of members, offers and points is what is in the rows."""
    ledger, days, people = world.ledger(), world.day, world.population
    assert (world.census(days - 1) == world.stocks[days - 1]).all()
    daily = metrics.daily_columns(ledger, days)
    stocks = tuple(daily[name][-1] for name in ("reachable", "muted_stock", "blocked_stock"))
    assert stocks == tuple(world.permissions().tolist())
    assert sum(stocks) == daily["members"][-1]
    count, cents = wallets(world)
    assert ledger.offers is not None
    for offer, book in enumerate(ledger.offers.tolist()):
        assert book[0] == book[1] + book[2] + count[offer]
        assert book[3] == book[4] + book[5] + cents[offer]
    assert daily["points_liability"][-1] == people.column("points").sum()
    assert (people.column("points")[people.column("listed") == 0] == 0).all()
    assert (
        daily["contribution"] == daily["revenue"] - daily["goods_cost"] - daily["cost"] + daily["discounts"]
    ).all()


def check_newcomers(world: World) -> None:
    """Everybody is there once, came by a channel, and was brought by somebody exactly where the channel says so."""
    recruiter, people = world.recruiter, world.population
    assert recruiter is not None
    count, founders = people.count, world.plan.founders.count
    keys, channel = people.column("key"), people.column("channel")
    assert len(set(keys.tolist())) == count <= world.plan.market.size
    assert keys.max() < world.plan.market.size
    assert ((channel == posting.EXISTING) == (np.arange(count) < founders)).all()
    recruiter.lineage.reserve(count)
    inviter = recruiter.lineage.links[:count, 0]
    assert ((inviter >= 0) == np.isin(channel, TOLD)).all()
    assert (inviter < np.arange(count)).all()
    assert (people.column("joined")[inviter[inviter >= 0]] < people.column("joined")[inviter >= 0]).all()
    assert people.column("brought").tolist() == np.bincount(inviter[inviter >= 0], minlength=count).tolist()
    for row in range(count):
        assert recruiter.lineage.children(np.array([row])).tolist() == np.nonzero(inviter == row)[0][::-1].tolist()
    joined = world.ledger().flows[: world.day, :, JOINED]
    assert (recruiter.kept[: world.day, :, 0] == joined).all()
    assert joined[:, posting.EXISTING].sum() == 0
    assert founders + joined.sum() == count
    hunters = np.bincount(channel[founders:], people.column("hunter")[founders:], len(CHANNELS))
    assert (recruiter.kept[: world.day, :, 1].sum(axis=0) == hunters).all()


def check_approaches(world: World) -> None:
    """Every approach ends in one of four ways, channel by channel, and nothing ends that was not begun."""
    already, unanswered, turned, contacts, invited = (
        by_channel(world, event)
        for event in (
            posting.ALREADY_MEMBERS, posting.UNANSWERED, posting.TURNED_AWAY, posting.CONTACTS, posting.INVITATIONS
        )
    )  # fmt: skip
    joined = world.ledger().flows[: world.day, :, JOINED].sum(axis=0)
    others = np.arange(len(CHANNELS)) != ORGANIC
    assert ((already + unanswered + turned + joined)[others] == (contacts + invited)[others]).all()
    assert joined[ORGANIC] + turned[ORGANIC] <= world._newcomers, "some who came were members already"
    assert already[ORGANIC] + unanswered[ORGANIC] + contacts[ORGANIC] + invited[ORGANIC] == 0
    assert (invited > 0).sum() <= len(TOLD)
    assert invited.sum() == invited[list(TOLD)].sum()


@dataclass
class Spent:
    """What the operator meant to spend on each channel so far."""

    cents: Counter[int]

    def note(self, world: World) -> None:
        """After a day."""
        assert world.operator is not None
        for entrance in world.operator.entrances:
            self.cents[entrance.channel] += entrance.budget  # pyright: ignore

    def check(self, world: World) -> None:
        """All of it was spent, but for less than the price of one more contact; packs and gifts come on top."""
        market, recruiter, strategy = world.plan.market, world.recruiter, world.plan.strategy
        assert recruiter is not None
        joined = world.ledger().flows[: world.day, :, JOINED].sum(axis=0)
        kit = round(100.0 * strategy.acquisition.kit_cost) if strategy.acquisition.hook in ("trial", "bait") else 0
        paid = by_channel(world, posting.ACQUISITION_COST) - kit * joined
        for place, channel in enumerate(market.channels.each()):
            at = posting.FIRST_PAID + place
            used = recruiter.contacts[at] / max(int(channel.reach * market.size), 1)
            dearest = 100.0 * channel.cost * np.exp(market.channels.rise * used) * recruiter.prices[at].max()
            assert -1.0 <= self.cents[at] - paid[at] <= dearest + 1.0
            assert (paid[at] > 0) <= (getattr(strategy.acquisition, posting.PAID[place]) > 0.0)


levers = st.fixed_dictionaries(
    {
        "acquisition": st.builds(
            Acquisition,
            on=st.booleans(),
            trial_ads=st.sampled_from([0.0, 600.0, 3000.0]),
            live_room=st.sampled_from([0.0, 400.0]),
            partner=st.sampled_from([0.0, 400.0]),
            hook=st.sampled_from(["none", "order", "trial", "bait"]),
            coupon=st.sampled_from([0.0, 25.0]),
            push=st.sampled_from([0.0, 1.0]),
            contact=st.booleans(),
            stop=st.sampled_from([12, 1000]),
        ),
        "referral": st.builds(
            Referral,
            on=st.booleans(),
            reward=st.sampled_from([0.0, 30.0, 100.0]),
            friend_reward=st.sampled_from([0.0, 30.0]),
            needed=st.integers(1, 3),
            cash=st.booleans(),
            privilege=st.sampled_from([0.0, 0.5]),
            points=st.sampled_from([0, 30]),
            window=st.sampled_from([0, 10]),
            most=st.sampled_from([0, 2]),
            tier=st.sampled_from([0, 1]),
        ),
        "advocates": st.builds(
            Advocates,
            on=st.booleans(),
            count=st.integers(1, 8),
            choose=st.sampled_from(["record", "random"]),
            care_every=st.sampled_from([5, 36500]),
            cost=st.sampled_from([0.0, 20.0]),
            friend_reward=st.sampled_from([0.0, 10.0]),
        ),
        "sharing": st.builds(Sharing, on=st.booleans(), reward=st.sampled_from([0.0, 2.0])),
        "welcome": st.builds(Welcome, on=st.booleans(), gate=st.sampled_from([0.0, 1.0]), offer=st.just(10.0)),
        "tiers": st.sampled_from([Tiers(), GROWING.tiers]),
        "points": st.sampled_from([Points(), GROWING.points]),
        "member_day": st.sampled_from([MemberDay(), GROWING.member_day]),
        "community": st.sampled_from([Community(), GROWING.community]),
        "budget": st.sampled_from([Budget(), Budget(), Budget(total=150.0), Budget(monthly=400.0)]),
    }
)
sizes = st.sampled_from([130, 300, 2000])


@relaxed
@given(some=levers, size=sizes, closed=st.sampled_from([False, False, True]), seed=seeds)
def test_the_books_of_growth_balance(some: dict[str, Any], size: int, closed: bool, seed: int) -> None:
    """Every day, under any levers, in markets that are soon used up and others."""
    world = World(
        plan(dataclasses.replace(GROWING, **some), days=25, size=size, joining=Joining(2.0, closed=closed)), seed
    )
    spent = Spent(Counter())
    for _ in range(25):
        world.step()
        spent.note(world)
        check_books(world)
        check_approaches(world)
    check_newcomers(world)
    if closed:
        channel = world.population.column("channel")
        assert set(channel.tolist()) <= {posting.EXISTING, ORGANIC}
        assert by_channel(world, posting.CONTACTS).sum() == by_channel(world, posting.ACQUISITION_COST).sum() == 0
    else:
        spent.check(world)


def test_the_books_balance_where_everything_grows() -> None:
    """The same over four months, in which people come by every open channel, and approaches end in every way."""
    world = World(plan(GROWING, members=250, days=120, size=4000), 3)
    spent = Spent(Counter())
    for _ in range(120):
        world.step()
        spent.note(world)
        check_books(world)
        check_approaches(world)
        check_newcomers(world)
    spent.check(world)
    joined = world.ledger().flows[:, :, JOINED].sum(axis=0)
    came = {CHANNELS[place] for place in np.nonzero(joined)[0]}
    assert came == {"organic", "trial_ads", "store_qr", "ecommerce", *(CHANNELS[place] for place in TOLD)}
    for event in (
        "already_members",
        "unanswered",
        "turned_away",
        "reward_cents",
        "shares",
        "idle_joined",
        "promoted",
    ):
        assert by_channel(world, RESPONSES.index(event)).sum() > 0, event
    assert world.population.column("guarded").sum() > 0


def test_every_joining_has_a_channel_an_inviter_and_a_cost() -> None:
    """Line by line the table of joinings is what the rows and the books say, and its costs are theirs to the cent."""
    world = lived(GROWING, members=250, days=90, size=4000)
    ledger, people, founders = world.ledger(), world.population, world.plan.founders.count
    assert ledger.responses is not None
    assert world.recruiter is not None
    table = joins_of(world, ledger)
    key, day, channel, inviter, generation, cost = table.T
    for place, told in enumerate(by_channel_table(ledger)):
        here = channel == place
        assert np.bincount(day[here], minlength=90).tolist() == ledger.flows[:90, place, JOINED].tolist()
        if here.any():
            assert cost[here].sum() == told[BY_CHANNEL.index("winning")]
    assert (cost >= 0).all()
    assert (cost[channel == ORGANIC] == 0).all()
    assert key.tolist() == people.column("key")[founders:].tolist()
    born = dict.fromkeys(people.column("key")[:founders].tolist(), 0)
    born |= dict(zip(key.tolist(), generation.tolist(), strict=True))
    brought = np.isin(channel, TOLD)
    assert (brought == (generation > 0)).all()
    assert brought.sum() > 100
    for child in np.flatnonzero(brought):
        assert generation[child] == born[int(inviter[child])] + 1
    per = [int(np.sum(inviter[brought] == who)) for who in people.column("key").tolist()]
    assert per == people.column("brought").tolist()


@given(joined=st.lists(st.integers(0, 4), min_size=1, max_size=30).filter(any), data=st.data())
def test_what_joining_costs_is_shared_out_to_the_cent(joined: list[int], data: Any) -> None:
    money = st.lists(st.integers(0, 10**9), min_size=len(joined), max_size=len(joined))
    spent, rewards = (np.array(data.draw(money)) for _ in range(2))
    cost = cost_of_joining(np.array(joined), spent, rewards)
    assert len(cost) == sum(joined)
    assert cost.sum() == spent.sum() + rewards.sum()
    assert (cost >= 0).all()


def test_what_joining_costs_by_hand() -> None:
    """Contacts fall to the next who join, and at the end to the last; coupons to all who have joined by then."""
    joined, none = np.array([0, 2, 0, 1, 0]), np.zeros(5, dtype=int)
    assert cost_of_joining(joined, np.array([10, 10, 7, 0, 5]), none).tolist() == [10, 10, 12]
    assert cost_of_joining(joined, none, np.array([0, 4, 6, 9, 0])).tolist() == [8, 8, 3]


def test_a_family_is_worth_its_members_less_what_winning_them_cost() -> None:
    """One is brought by the first, one by him, one by nobody: by hand, and in a world to the cent of its books."""
    links = np.array([[-1, -1], [0, -1], [1, -1], [-1, -1]])
    tree = family_tree(links, np.array([0, 5, 9, 9]), np.array([100, 20, -7, 3]), np.array([0, 4, 5, 50]), 10)
    assert tree[:4, 3].tolist() == [103, 20, -7, 0]
    assert tree[:4, 4].tolist() == [103 + 20 - 7 - 4 - 5, 20 - 7 - 5, -7, 0]

    world = lived(GROWING, size=4000)
    ledger, people, founders = world.ledger(), world.population, world.plan.founders.count
    assert world.recruiter is not None
    assert ledger.responses is not None
    assert ledger.tree is not None
    own = abs(ledger.tree[:, 3].sum() - margins(ledger.events, ledger.responses).sum())
    assert own <= people.count / 2  # each member's value is a whole number of cents
    joined, channel = (people.column(name)[founders:].astype(int) for name in ("joined", "channel"))
    brought = world.recruiter.lineage.links[founders : people.count, 0] >= 0
    assert brought.sum() > 20
    paid = costs(joined, channel, ledger.responses)[brought].sum()
    assert paid > 0
    assert ledger.tree[0, 4] == ledger.tree[:, 3].sum() - paid  # all descend from generation 0


CLOSED = Change(closed=True, start=20)


@pytest.mark.parametrize("change", [CLOSED, Change(price=3.0, start=20), dataclasses.replace(CLOSED, stop=30)])
def test_a_platform_that_changes_its_rules_sells_less_from_that_day_on(change: Change) -> None:
    """Until that day all is as it was, to the bit; the other entrance buys on, and what is not bought is not paid."""
    plain, changed = (
        lived(Strategy(acquisition=ADS), size=4000, channels=dataclasses.replace(Channels(), trial_ads=ads))
        for ads in (Channels().trial_ads, dataclasses.replace(Channels().trial_ads, change=change))
    )
    (before, now), place = (world.ledger().responses for world in (plain, changed)), CHANNELS.index("trial_ads")
    assert before is not None
    assert now is not None
    assert (before[:20] == now[:20]).all()
    bought, left = (r[:, :, posting.CONTACTS] for r in (before, now))
    others = np.arange(len(CHANNELS)) != place
    assert (bought[:, others] == left[:, others]).all()
    assert bought[20:, place].sum() > 100
    if change.closed:
        shut = slice(20, change.stop)
        assert left[shut, place].sum() == now[shut, place, posting.ACQUISITION_COST].sum() == 0
        assert change.stop > 40 or left[change.stop :, place].sum() > 30
    else:
        assert left[20:, place].sum() == pytest.approx(bought[20:, place].sum() / 3.0, rel=0.1)


def test_a_change_of_rules_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(InputError, match=r"market\.channels.partner\.change: stop=5 must come after start=9"):
        dataclasses.replace(Channels(), partner=Channel(change=Change(start=9, stop=5))).cross_check()


@pytest.mark.parametrize("size", [120, 121, 150, 400])
def test_no_market_is_exceeded(size: int) -> None:
    """All money and all friends bring in nobody who is not there; what is spent beyond the last one is in vain."""
    loud = dataclasses.replace(GROWING, acquisition=dataclasses.replace(ADS, trial_ads=20_000.0), welcome=Welcome())
    eager = dataclasses.replace(TALKATIVE, joining=Persuading(ordinary=6.0))
    world = lived(loud, size=size, days=120, response=eager, joining=Joining(20.0))
    check_newcomers(world)
    check_approaches(world)
    assert world.population.count >= 0.95 * size
    if size > 121:
        assert by_channel(world, posting.ALREADY_MEMBERS).sum() > 100


# -- idle levers ---------------------------------------------------------------------------------------------------

IDLE = {
    "acquisition": Strategy(acquisition=dataclasses.replace(ADS, start=LATE)),
    "no money for channels": Strategy(acquisition=Acquisition(on=True, coupon=20.0)),
    "no money at all": Strategy(acquisition=ADS, advocates=GROWING.advocates, budget=Budget(total=0.0)),
    "referral": Strategy(referral=dataclasses.replace(SCHEME, start=LATE)),
    "advocates": Strategy(advocates=Advocates(on=True, start=LATE)),
    "sharing": Strategy(sharing=Sharing(on=True, start=LATE)),
    "nobody is young enough": Strategy(referral=dataclasses.replace(SCHEME, window=1)),
    "nobody has the tier": Strategy(referral=dataclasses.replace(SCHEME, tier=1)),
    "a gate for nobody": Strategy(welcome=Welcome(on=True, offer=0.0, gate=0.0, start=LATE), referral=Referral()),
}
"""Ways to grow of which nobody notices anything."""


@pytest.mark.parametrize("name", IDLE)
def test_a_lever_that_never_fires_changes_not_one_bit(name: str) -> None:
    null = World(plan_of(Strategy(), operated=False, days=50), seed=4)
    idle = World(plan_of(IDLE[name], days=50), seed=4)
    null.run()
    idle.run()
    same_base(idle, null)


@relaxed
@given(some=levers, seed=seeds)
def test_nothing_grows_before_it_starts(some: dict[str, Any], seed: int) -> None:
    """Whatever the levers, where all of them start after the end, members live without an operator."""
    strategy = dataclasses.replace(GROWING, **some)
    later = {name: dataclasses.replace(lever, start=LATE) for name, lever in strategy.levers()}
    null = World(plan_of(Strategy(), operated=False, days=20, members=90), seed)
    idle = World(plan_of(dataclasses.replace(strategy, **later), days=20, members=90), seed)
    null.run()
    idle.run()
    same_base(idle, null)


def test_a_closed_membership_ignores_all_who_were_not_asked() -> None:
    """Channels, schemes and advocates bring nobody, cost nothing and change nobody's life."""
    loud = Strategy(acquisition=ADS, referral=SCHEME)
    null = lived(Strategy(), joining=Joining(2.0, closed=True))
    shut = lived(loud, joining=Joining(2.0, closed=True))
    wide = lived(loud)
    same_base(shut, null)
    assert wide.population.count > 1.2 * shut.population.count


# -- threads, objects, the compiler, an interruption ---------------------------------------------------------------


@relaxed
@given(some=levers, seed=seeds)
def test_threads_change_nothing(some: dict[str, Any], seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "WORTH_A_THREAD", 0)
        strategy = dataclasses.replace(GROWING, **some)
        one, two, three = (lived(strategy, seed, threads=n, days=20) for n in (1, 2, 3))
    same(one, two)
    same(one, three)


def test_stepping_objects_in_random_order_gives_the_same_bits() -> None:
    people = plan(GROWING).market
    models = [
        kind(120, GROWING, people, rng=9, behaviour=BUSY, response=TALKATIVE, horizon=40, history=100)
        for kind in (MembershipModel, Stepping)
    ]
    for model in models:
        for _ in range(40):
            model.step()
    same(models[0].world, models[1].world)
    assert models[0].world.population.count > 200


def test_the_laboratory_remembers_a_past_to_the_bit() -> None:
    """Twins of the laboratory share one past of their founders; it is the one that each would have lived."""
    lab = Lab({})
    size: dict[str, Any] = {"members": 200, "days": 20}
    lab.worlds("do_nothing", replications=1, **size)
    plan = lab.plan("two_sided_referral", **size)
    founders = plan.founders
    assert isinstance(founders, EmbeddedFounders)
    fresh = EmbeddedFounders(founders.count, founders.behaviour, founders.history)
    one, two = (World(dataclasses.replace(plan, founders=who), SEED) for who in (founders, fresh))
    for world in (one, two):
        world.run()
    same(one, two)


def test_an_interrupted_run_goes_on_as_if_it_had_not_been() -> None:
    """A copy taken on day 17, and a run planned for longer, live on as the original does."""
    whole = lived(GROWING)
    world = World(plan(GROWING), 1)
    for _ in range(17):
        world.step()
    again = copy.deepcopy(world)
    for _ in range(5):
        world.step()  # what goes on beside the copy does not touch it
    again.run()
    same(again, whole)
    longer = World(plan(GROWING, days=70), 1)
    for _ in range(40):
        longer.step()
    same_lives(longer, whole)


def fingerprint() -> str:
    """What a small growing world comes to."""
    world = lived(GROWING, members=50, days=25, size=400)
    digest = hashlib.sha256()
    for name in (*(MEMBER.names or ()), *(RELATION.names or ())):
        digest.update(world.population.column(name).tobytes())
    ledger = world.ledger()
    for f in dataclasses.fields(ledger):
        digest.update(getattr(ledger, f.name).tobytes())
    assert world.recruiter is not None
    digest.update(world.recruiter.directory.persuaded.tobytes())
    return f"{world.population.count} {digest.hexdigest()}"


def test_the_compiler_changes_nothing() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c",
               "from tests.test_growth import fingerprint; print(fingerprint())"]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == fingerprint()
    assert int(fingerprint().split()[0]) > 70


# -- the minimally different world ---------------------------------------------------------------------------------

NAMES = tuple(n for n in (*(MEMBER.names or ()), *(RELATION.names or ())) if n != "own_row")
"""All that is known of a person, but for where his row stands."""
TRAITS = (
    "purchase_rate", "usual_value", "fit", "hunter", "wants", "price_sensitivity", "hour", "tolerance", "eagerness",
    "path", "trust_rest",
)  # fmt: skip
"""What a person is, however he comes."""


@dataclass
class Story:
    """A world, and who was told what by whom in it."""

    world: World
    heard: dict[int, list[tuple[Any, ...]]]
    """Of each person, by key: day, turn, channel, inviter's key, whether he stays, tie, trust."""
    began: dict[int, tuple[Any, ...]]
    """Of each newcomer, by key: his thresholds on the evening of his joining, and the channel."""

    def people(self) -> dict[int, bytes]:
        """Everybody's row and relation by key."""
        columns = [self.world.population.column(name) for name in NAMES]
        keys = self.world.population.column("key").tolist()
        return {key: b"".join(c[row].tobytes() for c in columns) for row, key in enumerate(keys)}

    def children(self) -> dict[int, set[tuple[int, int]]]:
        """Whom each brought, and in which channel, by key."""
        keys, channel = (self.world.population.column(name).tolist() for name in ("key", "channel"))
        out: dict[int, set[tuple[int, int]]] = defaultdict(set)
        assert self.world.recruiter is not None
        self.world.recruiter.lineage.reserve(len(keys))
        for row, inviter in enumerate(self.world.recruiter.lineage.links[: len(keys), 0].tolist()):
            if inviter >= 0:
                out[keys[inviter]].add((keys[row], channel[row]))
        return out


def told(strategy: Strategy, **more: Any) -> Story:
    """Live a world and write down every approach, and how newcomers begin."""
    world = World(plan(strategy, **more), 1)
    story = Story(world, defaultdict(list), {})
    recruiter, people = world.recruiter, world.population
    assert recruiter is not None
    decide = recruiter._decide

    def noted(inner: World, today: Any, approaches: Any) -> None:
        keys = people.column("key")
        for one in approaches:
            who = int(keys[one.inviter]) if one.inviter >= 0 else -1
            told = (
                today.day,
                float(one.turn),
                int(one.channel),
                who,
                int(one.stays),
                float(one.tie),
                float(one.trust),
            )
            story.heard[int(one.place)].append(told)
        decide(inner, today, approaches)

    vars(recruiter)["_decide"] = noted
    while world.day < world.plan.days:
        first = people.count
        world.step()
        clock = float(world.clock[world.history + world.day])
        for row in range(first, people.count):
            m, r = people.row(row), people.relation(row)
            story.began[int(m["key"])] = (
                int(m["channel"]), int(m["orders"]),
                float((m["order_at"] - clock) * m["purchase_rate"]),
                float((m["drift_at"] - world.day) * m["drift_hazard"]),
                float(r["need_until"] - world.day), float(r["patience"]), float(r["urge"]),
            )  # fmt: skip
    for said in story.heard.values():
        said.sort()
    return story


def reached(one: Story, two: Story) -> set[int]:
    """Whom the difference between two worlds reaches: those who were told something else, or brought others, and
    those whom they brought.
    """
    keys = one.heard.keys() | two.heard.keys()
    out = {key for key in keys if one.heard.get(key) != two.heard.get(key)}
    mine, theirs = one.children(), two.children()
    out |= {key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)}
    while True:
        brought = {child for side in (mine, theirs) for key in out & side.keys() for child, _ in side[key]}
        if brought <= out:
            return out
        out |= brought


def check_difference(one: Story, two: Story) -> tuple[int, int]:
    """Whoever is not reached is the same to the bit, in both worlds: (newcomers not reached, lives that differ)."""
    differ, mine, theirs = reached(one, two), one.people(), two.people()
    apart = {key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)}
    assert apart <= differ
    founders = one.world.plan.founders.count
    alike = [key for key in mine if key >= founders and key not in differ]
    check_traits(one, two)
    return len(alike), len(apart)


def check_traits(one: Story, two: Story) -> None:
    """Whoever is a member in both worlds has the same traits in both."""
    rows = [
        {key: row for row, key in enumerate(story.world.population.column("key").tolist())} for story in (one, two)
    ]
    both = sorted(rows[0].keys() & rows[1].keys())
    for name in TRAITS:
        ours, theirs = (
            story.world.population.column(name)[[of[key] for key in both]]
            for story, of in zip((one, two), rows, strict=True)
        )
        assert ours.tobytes() == theirs.tobytes(), name


def test_each_channel_may_have_a_hook_of_its_own() -> None:
    """A trial pack for all but stores, which give a gift, and live rooms, where he joins with an order."""
    lever = Acquisition(
        on=True, trial_ads=900.0, store_qr=500.0, live_room=100.0, hook="trial", store_qr_hook="bait",
        live_room_hook="order", coupon=10.0,
    )  # fmt: skip
    morning = Morning(0, 3, channels=Config().market.channels.each(), usual=5000.0)
    appeals = {posting.CHANNELS[entrance.channel]: entrance.appeal for entrance in lever.entrances(morning)}
    assert list(appeals) == ["trial_ads", "store_qr", "live_room"]
    for channel, price, kit, orders, worth in (
        ("trial_ads", 990.0, 1500.0, 0, 10.0), ("store_qr", 0.0, 1500.0, 0, 40.0), ("live_room", 0.0, 0.0, 1, 10.0),
    ):  # fmt: skip
        appeal = appeals[channel]
        assert (appeal.price, appeal.kit, appeal.orders, appeal.offer) == (price, kit, orders, 3)
        assert appeal.reward == pytest.approx(worth / 50.0)


WIDE = {"size": 20_000, "days": 60, "members": 300}
RELAXED = dataclasses.replace(TALKATIVE, joining=Persuading())


def test_one_channel_more_changes_those_it_reaches_and_those_they_reach() -> None:
    """Codes in stores beside advertisements and a referral scheme."""
    ads = Acquisition(on=True, trial_ads=8000.0, hook="bait")
    with_codes = dataclasses.replace(ads, store_qr=1500.0)
    one, two = (told(Strategy(acquisition=a, referral=SCHEME), **WIDE) for a in (ads, with_codes))
    alike, apart = check_difference(one, two)
    assert alike > 150
    assert apart > 50
    codes = posting.CHANNELS.index("store_qr")
    reached_by_codes = {key for key, said in two.heard.items() if any(entry[2] == codes for entry in said)}
    assert reached_by_codes <= reached(one, two)
    assert reached(one, two) - reached_by_codes, "some are reached through others"


def test_one_advocate_more_changes_his_circle_and_no_more() -> None:
    """A scheme beside which one member speaks for the brand; nobody's recognition comes from what others do."""
    speaks = Advocates(on=True, count=1, care_every=36_500, cost=0.0)
    one, two = (told(Strategy(acquisition=ADS, referral=SCHEME, advocates=a), **WIDE) for a in (Advocates(), speaks))
    chosen = int(two.world.population.column("key")[two.world.population.column("koc") == 1][0])
    differ, mine, theirs = reached(one, two) | {chosen}, one.people(), two.people()
    apart = {key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)}
    assert chosen in apart
    assert apart <= differ
    assert len(theirs) > len(mine)
    assert len(mine) - len(differ) > 300


def test_one_person_more_in_the_market_changes_those_who_know_him_and_no_more() -> None:
    """He takes a seat that was empty: members may ask him rather than another."""
    rows = [network.hall(network.known(Network(), size)[0]) for size in (2399, 2400)]
    assert rows[0] == rows[1], "everybody else keeps his seat"
    one, two = (told(Strategy(referral=SCHEME), size=size, days=90) for size in (2399, 2400))
    assert any(2399 in story.heard for story in (one, two))
    alike, apart = check_difference(one, two)
    assert alike > 100
    assert 0 < apart < 60


def test_one_person_more_whom_nobody_knows_changes_nobody() -> None:
    alone = Network(close=1, friends=1, acquaintances_least=1, acquaintances_most=1)
    one, two = (told(Strategy(referral=SCHEME), size=size, network=alone) for size in (2399, 2400))
    assert by_channel(one.world, posting.INVITATIONS).sum() == by_channel(one.world, posting.UNANSWERED).sum() > 0
    same_books(one.world.ledger(), two.world.ledger())
    same_lives(one.world, two.world)


def test_the_same_newcomers_come_sooner_or_later() -> None:
    """Under another strategy a person is who he is: his traits, and every threshold that his luck set him."""
    ads = told(Strategy(acquisition=Acquisition(on=True, trial_ads=30_000.0)), days=60, size=2500)
    friends = told(Strategy(referral=dataclasses.replace(SCHEME, reward=60.0)), days=60, size=2500)
    both = [k for k in ads.began if k in friends.began and ORGANIC not in (ads.began[k][0], friends.began[k][0])]
    assert len(both) > 100
    for key in both:
        mine, theirs = ads.began[key], friends.began[key]
        assert mine[0] != theirs[0]
        assert mine[1] == theirs[1] == 0
        assert mine[2:] == pytest.approx(theirs[2:], rel=1e-9)
    days = [
        dict(
            zip(s.world.population.column("key").tolist(), s.world.population.column("joined").tolist(), strict=True)
        )
        for s in (ads, friends)
    ]
    sooner = [days[0][key] < days[1][key] for key in both]
    assert 0.1 < np.mean(sooner) < 0.9
    check_traits(ads, friends)


@pytest.mark.parametrize("budget", [500.0, 5000.0])
def test_members_live_on_as_they_would_whoever_is_bought(budget: float) -> None:
    """Strategies that differ in acquisition alone tell members nothing: their lives are equal to the bit."""
    null, some = (
        lived(Strategy(tags=Tags(), acquisition=a), days=60)
        for a in (Acquisition(), dataclasses.replace(ADS, trial_ads=budget))
    )
    same_lives(some, null, 120)
    assert some.population.count > null.population.count + 10
