"""The books balance every day, and lives do not depend on threads, on the end of the run or on other people.

Every identity is checked day by day in random small worlds; facts about members are read from their rows
before and after each day, never from the books that they are held against.
"""

import dataclasses
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim import engine
from sim.accounting.books import STOCKS, Ledger
from sim.accounting.posting import CHANNELS, COHORT, EVENTS, EXISTING, FLOWS, MONTHLY, NOBODY, ORGANIC
from sim.behaviour.buying import Buying
from sim.behaviour.drifting import Drifting
from sim.engine import World
from sim.population import MEMBER
from sim.world.market import Disturbance
from sim.world.season import Season
from tests.test_reference_twin import Case, cases

STAGES = ("new", "active", "at_risk", "dormant_30", "dormant_60", "dormant_90", "lost")
STATES = tuple(name for name in STOCKS if name.startswith("state_"))
ACTIVE_STATES = ("state_new", "state_current", "state_reactivated", "state_resurrected")
NAMES = tuple(MEMBER.names or ())
relaxed = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def stock(stocks: Any, *names: str) -> Any:
    """The sum of the named stocks, over whatever axes come before."""
    return sum(stocks[..., STOCKS.index(name)] for name in names)


def event(ledger: Ledger, name: str) -> Any:
    """One event's book [day, channel]."""
    return ledger.events[:, :, EVENTS.index(name)]


def rows_of(world: World, count: int | None = None) -> dict[str, list[Any]]:
    """All fields of the first `count` rows."""
    return {name: world.population.column(name)[:count].tolist() for name in NAMES}


@dataclass
class Lived:
    """A run, and what was seen of its members on the way."""

    case: Case
    world: World
    ledger: Ledger
    active: list[set[int]] = field(default_factory=list)  # rows that ordered on each day
    joined: list[set[int]] = field(default_factory=list)  # rows that joined on each day
    before: dict[str, Any] = field(default_factory=dict)  # columns at the end of day -1
    after: dict[str, Any] = field(default_factory=dict)  # columns at the end of the last day

    def month(self, day: int) -> int:
        """The calendar month of a day, counted from the month of day 0."""
        date, start = self.case.start + dt.timedelta(days=day), self.case.start
        return (date.year - start.year) * 12 + date.month - start.month

    def of(self, rows: set[int], channel: int) -> set[int]:
        """Those of the rows that came by one channel."""
        return {row for row in rows if self.after["channel"][row] == channel}


def live(case: Case) -> Lived:
    """Run a case a day at a time, holding every day's stocks against a fresh count of the rows."""
    world = case.world()
    run = Lived(case, world, world.ledger())
    run.before = {name: world.population.column(name) for name in NAMES}
    assert (world.census(-1) == world.opening).all()
    orders = run.before["orders"]
    for day in range(case.days):
        world.step()
        assert (world.census(day) == world.stocks[day]).all()
        now = world.population.column("orders")
        more = now - np.pad(orders, (0, now.size - orders.size))
        run.active.append(set(np.flatnonzero(more > 0).tolist()))
        run.joined.append(set(range(orders.size, now.size)))
        orders = now
    run.after = {name: world.population.column(name) for name in NAMES}
    run.ledger = world.ledger()
    return run


def check_stages(run: Lived) -> None:
    """Today's stocks are yesterday's plus the day's flows; stages and states each add up to all members."""
    ledger = run.ledger
    before = np.concatenate([ledger.opening[None], ledger.stocks[:-1]])
    change = ledger.stocks - before
    for stage in STAGES:
        coming = sum(ledger.flows[:, :, i] for i, flow in enumerate(FLOWS) if flow[1] == stage)
        going = sum(ledger.flows[:, :, i] for i, flow in enumerate(FLOWS) if flow[0] == stage)
        assert (stock(change, stage) == coming - going).all(), stage
    assert (ledger.flows >= 0).all()
    assert (ledger.stocks >= 0).all()
    members = stock(ledger.stocks, "members")
    assert (stock(ledger.stocks, *STAGES) == members).all()
    assert (stock(ledger.stocks, *STATES) == members).all()
    assert (stock(change, "members") == event(ledger, "first_orders")).all()
    lost = event(ledger, "drifted")
    assert (stock(change, "attached") == event(ledger, "first_orders") - lost).all()
    assert (stock(ledger.stocks, "attached") <= members).all()


def check_activity(run: Lived) -> None:
    """A day's active members are its buyers, and yesterday's are retained or churned, by sets of rows."""
    ledger, nobody = run.ledger, set[int]()
    assert (stock(ledger.stocks, *ACTIVE_STATES) == event(ledger, "buyers")).all()
    assert (ledger.activity.sum(axis=2) == event(ledger, "buyers")).all()
    assert (event(ledger, "orders") >= event(ledger, "buyers")).all()
    for channel in range(len(CHANNELS)):
        yesterday = nobody
        if run.case.days:
            last = run.before["last_order"]
            yesterday = run.of(set(np.flatnonzero(last == -1).tolist()), channel)
        for day, (active, joined) in enumerate(zip(run.active, run.joined, strict=True)):
            today, new = run.of(active, channel), run.of(joined, channel)
            book = ledger.activity[day, channel]
            retained = today & yesterday
            assert len(today) == event(ledger, "buyers")[day, channel]
            assert len(new) == event(ledger, "first_orders")[day, channel] == book[NOBODY]
            assert len(retained) == book[:4].sum()
            assert len(today - yesterday - new) == book[4:7].sum()
            churned = yesterday - today
            silent_since_yesterday = stock(ledger.stocks[day, channel], "state_at_risk_wau")
            assert len(retained) + len(churned) == len(yesterday)
            assert len(churned) <= silent_since_yesterday
            yesterday = today


def check_months(run: Lived) -> None:
    """A month's active members are new, retained or resurrected; the month before's are retained or churned.

    When the run begins within a month, the kinds of that month need the members' pasts: test_reference_twin.
    """
    ledger, months = run.ledger, run.month(run.case.days - 1) + 1
    assert ledger.monthly.shape == (months, len(CHANNELS), len(MONTHLY))
    last = run.before["last_order"]
    for channel in range(len(CHANNELS)):
        past = {i: run.month(int(day)) for i, day in enumerate(last)} if channel == EXISTING else {}
        earlier = {row for row, month in past.items() if month == -1}
        for month in range(months):
            days = [day for day in range(run.case.days) if run.month(day) == month]
            active = run.of(set().union(*(run.active[day] for day in days)), channel)
            new = run.of(set().union(*(run.joined[day] for day in days)), channel)
            posted = dict(zip(MONTHLY, ledger.monthly[month, channel].tolist(), strict=True))
            assert len(active) == sum(posted.values())
            if month > 0 or run.case.start.day == 1 or channel == ORGANIC:
                assert posted["new"] == len(new)
                assert posted["retained"] == len(active & earlier)
                assert posted["resurrected"] == len(active - earlier - new)
                assert len(earlier) == posted["retained"] + len(earlier - active)
            earlier = active
            if month == 0:
                earlier = active | {row for row, of_order in past.items() if of_order == 0}


def check_cohorts(run: Lived) -> None:
    """Cohorts add up to the events of each month, to the joinings, and to each month's active members."""
    ledger = run.ledger
    months = np.array([run.month(day) for day in range(run.case.days)])
    cohorts = {name: ledger.cohorts[:, :, i].sum(axis=0) for i, name in enumerate(COHORT)}
    pairs = {"orders": "orders", "revenue_cents": "revenue_cents", "joined": "first_orders"}
    for month in range(months[-1] + 1):
        for cohort, name in pairs.items():
            assert cohorts[cohort][month] == event(ledger, name)[months == month].sum()
    assert (cohorts["active"] == ledger.monthly.sum(axis=(1, 2))).all()
    by_cohort = np.bincount(run.after["cohort"], minlength=ledger.cohorts.shape[0])
    assert (ledger.cohorts[:, :, COHORT.index("active")] <= by_cohort[:, None]).all()


def check_money(run: Lived) -> None:
    """Every cent and every order in the rows is in the books of the row's channel, and no other."""
    ledger, count = run.ledger, run.before["key"].size
    for name, column in (("revenue_cents", "spend"), ("orders", "orders")):
        gained = run.after[column].astype(np.int64)
        gained[:count] -= run.before[column]
        for channel in range(len(CHANNELS)):
            assert gained[run.after["channel"] == channel].sum() == event(ledger, name)[:, channel].sum()
    assert run.after["spend"][count:].sum() == event(ledger, "revenue_cents")[:, ORGANIC].sum()


def check_persons(run: Lived) -> None:
    """Founders are persons 0 to N-1, newcomers the next ones, and nobody is beyond the market's size."""
    keys, founders = run.after["key"], run.case.founders
    assert keys.tolist() == list(range(keys.size))
    assert keys.size <= max(run.case.size, founders)
    assert (run.after["channel"][:founders] == EXISTING).all()
    assert (run.after["channel"][founders:] == ORGANIC).all()
    assert (run.after["joined"][:founders] < 0).all()
    assert (run.after["joined"][:founders] >= -run.case.history).all()
    assert (np.diff(run.after["joined"][founders:]) >= 0).all()


CHECKS = [check_stages, check_activity, check_months, check_cohorts, check_money, check_persons]


@relaxed
@given(case=cases)
def test_all_books_balance_in_random_worlds(case: Case) -> None:
    """Census and stocks agree every day, and every identity holds, in small worlds of every kind."""
    run = live(case)
    for check in CHECKS:
        check(run)


BUSY = Case(
    founders=400,
    history=200,
    days=150,
    yearly_share=4.0,
    size=900,
    buying=Buying(0.8, 12.0, 1.4),
    drifting=Drifting(0.6, 40.0),
    disturbance=Disturbance(0.3, 0.7),
    cycle_days=10.0,
    seed=5,
)


def test_all_books_balance_in_a_busy_world() -> None:
    """The same over five months of a market that fills up, with every stage, state and flow in use."""
    run = live(BUSY)
    for check in CHECKS:
        check(run)
    assert run.after["key"].size == BUSY.size
    used = {flow for flow, total in zip(FLOWS, run.ledger.flows.sum(axis=(0, 1)), strict=True) if total}
    assert used == {flow for flow in FLOWS if flow[2] not in ("removed", "left") and flow[1:] != ("new", "order")}
    assert (run.ledger.monthly.sum(axis=0)[EXISTING, 1:] > 0).all()


def _same_books(a: Ledger, b: Ledger) -> None:
    for name in (f.name for f in dataclasses.fields(Ledger)):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two or three threads leave the same books and the same rows as one, to the last bit."""
    alone = BUSY.world()
    one = alone.run()
    monkeypatch.setattr(engine, "WORTH_A_THREAD", 1)
    together = BUSY.world(threads)
    handed_out: list[int] = []
    live_range = together._live_range

    def spy(start: int, stop: int, today: Any, books: Any) -> None:
        handed_out.append(stop - start)
        live_range(start, stop, today, books)

    monkeypatch.setattr(together, "_live_range", spy)
    _same_books(together.run(), one)
    assert rows_of(together) == rows_of(alone)
    assert len(handed_out) == threads * BUSY.days  # the work was really shared out


@relaxed
@given(case=cases, threads=st.integers(2, 4))
def test_threads_change_nothing_in_random_worlds(case: Case, threads: int) -> None:
    """However few members there are, threads change nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "WORTH_A_THREAD", 0)
        _same_books(case.world(threads).run(), case.world().run())


@relaxed
@given(case=cases, more=st.integers(1, 40))
def test_a_longer_run_begins_like_a_shorter_one(case: Case, more: int) -> None:
    """What happens up to a day does not depend on how long the run goes on after it: books and rows."""
    short, long = case.world(), dataclasses.replace(case, days=case.days + more).world()
    first = short.run()
    for _ in range(case.days):
        long.step()
    assert rows_of(long) == rows_of(short)
    for _ in range(more):
        long.step()
    whole = long.ledger()
    for name in ("stocks", "events", "flows", "activity"):
        assert np.array_equal(getattr(whole, name)[: case.days], getattr(first, name)), name
    months = first.monthly.shape[0] - 1  # the last month of the shorter run may go on in the longer one
    assert np.array_equal(whole.monthly[:months], first.monthly[:months])
    assert np.array_equal(whole.cohorts[: first.cohorts.shape[0], :months], first.cohorts[:, :months])


@relaxed
@given(case=cases, more=st.integers(1, 30))
def test_more_founders_change_nobody_who_was_there(case: Case, more: int) -> None:
    """The first n founders of a world with n + k live the very same lives as in the world of n."""
    small, large = case.world(), dataclasses.replace(case, founders=case.founders + more).world()
    small.run()
    large.run()
    assert rows_of(large, case.founders) == rows_of(small, case.founders)


@relaxed
@given(case=cases)
def test_newcomers_do_not_notice_what_founders_do(case: Case) -> None:
    """If every founder falls silent on day 0, newcomers' rows and books stay the same to the last bit."""
    usual, silent = case.world(), case.world()
    for number in range(case.founders):
        row = silent.population.row(number)
        row.order_at = row.drift_at = engine.NEVER
    first, second = usual.run(), silent.run()
    for name in ("events", "flows", "activity"):
        assert np.array_equal(getattr(first, name)[:, ORGANIC], getattr(second, name)[:, ORGANIC]), name
    assert not second.events[:, EXISTING].any()
    ours, theirs = rows_of(usual), rows_of(silent)
    assert all(ours[name][case.founders :] == theirs[name][case.founders :] for name in NAMES)


@relaxed
@given(case=cases, more=st.integers(1, 400))
def test_newcomers_do_not_notice_how_old_the_membership_is(case: Case, more: int) -> None:
    """A longer past changes founders, never newcomers (an even clock: so that no rounding of it differs)."""
    even = dataclasses.replace(case, season=Season("none", 1.0), disturbance=Disturbance(0.0, 0.0))
    young, old = even.world(), dataclasses.replace(even, history=even.history + more).world()
    young.run()
    old.run()
    ours, theirs = rows_of(young), rows_of(old)
    counted = {"cohort", "last_month"}  # months are counted from the first cohort
    for name in set(NAMES) - counted:
        assert ours[name][case.founders :] == theirs[name][case.founders :], name


@relaxed
@given(case=cases, scale=st.floats(0.5, 300.0))
def test_one_tendency_does_not_shuffle_the_luck_of_another(case: Case, scale: float) -> None:
    """With other drifting, everybody joins on the same day, with the same purchase rate and usual value."""
    other = dataclasses.replace(case, drifting=Drifting(case.drifting.drift_shape, scale))
    one, two = case.world(), other.world()
    one.run()
    two.run()
    ours, theirs = rows_of(one), rows_of(two)
    for name in ("key", "joined", "purchase_rate", "usual_value", "channel", "cohort"):
        assert ours[name] == theirs[name], name


def test_the_same_run_twice_and_another_replication() -> None:
    """A run repeats itself exactly; another replication or seed is another world."""
    case = dataclasses.replace(BUSY, days=20, history=30)
    first = case.world().run()
    _same_books(first, case.world().run())
    for other in (dataclasses.replace(case, replication=1), dataclasses.replace(case, seed=6)):
        assert not np.array_equal(other.world().run().events, first.events)
