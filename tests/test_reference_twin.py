"""The fast world and the plain reference model, written separately, live exactly the same lives.

Books are compared number by number (integers), rows bit by bit (floats): there is no tolerance anywhere.
"""

import dataclasses
import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sim.accounting import posting
from sim.accounting.books import STOCKS
from sim.behaviour.buying import Buying
from sim.behaviour.drifting import Drifting
from sim.behaviour.spending import Spending
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.errors import InputError
from sim.world.market import Disturbance, Joining, Market
from sim.world.season import Season
from tests.reference.null_model import NullModel

CHANNELS = 2
NEVER = 2e9
"""The date of what no longer happens to a member who has drifted away."""


@dataclass(frozen=True)
class Case:
    """One configuration of both models."""

    founders: int = 30
    history: int = 60
    days: int = 60
    start: dt.date = dt.date(2026, 1, 1)
    seed: int = 1
    replication: int = 0
    size: int = 1_000
    yearly_share: float = 1.0
    cycle_days: float = 30.0
    season: Season = Season("us_general_merchandise", 1.0)
    disturbance: Disturbance = Disturbance(0.05, 0.5)
    buying: Buying = Buying()
    drifting: Drifting = Drifting()
    spending: Spending = Spending()

    @property
    def behaviour(self) -> Behaviour:
        """How members behave."""
        return Behaviour(self.buying, self.drifting, self.spending)

    @property
    def market(self) -> Market:
        """Where they live."""
        return Market(
            size=self.size,
            cycle_days=self.cycle_days,
            season=self.season,
            disturbance=self.disturbance,
            joining=Joining(self.yearly_share),
        )

    def world(self, threads: int = 1) -> World:
        """The fast world."""
        founders = EmbeddedFounders(self.founders, self.behaviour, self.history)
        return World(Plan(self.start, self.days, founders, self.market), self.seed, self.replication, threads)

    def twin(self) -> NullModel:
        """The plain model."""
        return NullModel(
            self.start,
            self.days,
            self.founders,
            self.history,
            self.behaviour,
            self.market,
            self.seed,
            self.replication,
        )


def _book(fast: Any, names: Any, first: int = 0, second: int = 0) -> Counter[tuple[int, int, Any]]:
    """The entries of a posted array that are not zero, under their names."""
    found: Counter[tuple[int, int, Any]] = Counter()
    assert fast.shape[2] == len(names)
    for i, j, k in np.argwhere(fast).tolist():
        found[i + first, j + second, names[k]] = int(fast[i, j, k])
    return found


def _nonzero(book: Counter[tuple[int, int, Any]]) -> Counter[tuple[int, int, Any]]:
    return Counter({at: value for at, value in book.items() if value != 0})


def compare(case: Case) -> NullModel:
    """Assert that both models agree about everything."""
    twin, world = case.twin(), case.world()
    ledger = world.run()

    def column(name: str) -> list[Any]:
        return world.population.column(name)[: len(twin.members)].tolist()

    assert world.population.count == len(twin.members)
    assert column("key") == [member.key for member in twin.members]
    assert column("joined") == [member.joined for member in twin.members]
    assert column("orders") == [len(member.orders) for member in twin.members]
    assert column("last_order") == [member.orders[-1][0] for member in twin.members]
    assert column("spend") == [sum(cents for _, cents in member.orders) for member in twin.members]
    gone = [member.drifted is not None for member in twin.members]
    due = [NEVER if left else m.due for left, m in zip(gone, twin.members, strict=True)]
    drift = [NEVER if left else m.drift_at for left, m in zip(gone, twin.members, strict=True)]
    assert column("order_at") == due
    assert column("drift_at") == drift

    first_joining, first_month = twin.month(-case.history), twin.month(0)
    assert _book(ledger.events, posting.EVENTS) == _nonzero(twin.events())
    assert _book(ledger.flows, posting.FLOWS) == twin.flows()
    assert _book(ledger.stocks, STOCKS) == twin.stocks()
    monthly, cohorts = _nonzero(twin.monthly()), _nonzero(twin.cohorts())
    fast_monthly = _book(ledger.monthly, posting.MONTHLY, first_month)
    fast_cohorts = _book(ledger.cohorts, posting.COHORT, first_joining, first_month)
    assert fast_monthly == monthly
    assert fast_cohorts == cohorts
    return twin


CASES = {
    "default": Case(founders=120, history=180, days=120),
    "regular gaps, no season, no disturbance": Case(
        buying=Buying(2.0, 10.0, 1.7),
        season=Season("none", 1.0),
        disturbance=Disturbance(0.0, 0.5),
        yearly_share=3.0,
        history=90,
        days=90,
    ),
    "strong season and disturbance over a new year": Case(
        start=dt.date(2027, 11, 17),
        season=Season("us_general_merchandise", 1.5),
        disturbance=Disturbance(0.6, 0.9),
        buying=Buying(1.5, 20.0, 1.0),
        yearly_share=2.0,
        days=100,
        seed=77,
        replication=3,
    ),
    "several orders a day": Case(
        buying=Buying(3.0, 1.0, 0.6),
        drifting=Drifting(1.0, 40.0),
        spending=Spending(9.99, 0.8, 1.1, 0.3),
        founders=25,
        yearly_share=4.0,
    ),
    "closed membership": Case(founders=80, yearly_share=0.0, start=dt.date(2028, 2, 29), days=75),
    "a market that fills up": Case(
        founders=10, size=37, yearly_share=100.0, history=30, buying=Buying(1.0, 8.0, 2.5)
    ),
    "short thresholds": Case(
        cycle_days=3.0, buying=Buying(1.5, 8.0, 1.0), drifting=Drifting(2.0, 60.0), yearly_share=5.0
    ),
    "shortest thresholds": Case(cycle_days=1.0, buying=Buying(1.5, 5.0, 1.0), yearly_share=5.0, days=40),
    "one day of history, drifting fast": Case(
        founders=40,
        history=1,
        start=dt.date(2026, 3, 15),
        drifting=Drifting(1.0, 5.0),
        yearly_share=30.0,
        days=45,
    ),
    "thresholds beyond a year": Case(founders=50, cycle_days=140.0, history=500, days=60, buying=Buying(1.0, 60.0)),
    "long silence, hardly any rate": Case(
        founders=60, history=400, days=150, buying=Buying(0.05, 5.0, 1.0), drifting=Drifting(0.05, 5.0)
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_fast_world_equals_the_plain_model(name: str) -> None:
    """Every row and every book entry is the same in eleven very different worlds."""
    twin = compare(CASES[name])
    assert sum(len(member.orders) for member in twin.members) > len(twin.members)


def test_the_cases_reach_the_corners() -> None:
    """The hand-made cases contain what they are meant to: else they would show less than they say."""
    twins = {name: CASES[name].twin() for name in ("several orders a day", "a market that fills up")}
    busy = Counter((m.key, day) for m in twins["several orders a day"].members for day, _ in m.orders)
    assert max(busy.values()) >= 5
    assert any(cents == 0 for m in twins["several orders a day"].members for _, cents in m.orders)
    full = CASES["a market that fills up"]
    assert len(twins["a market that fills up"].members) == full.size
    assert max(m.joined for m in twins["a market that fills up"].members) < full.days - 10
    lives = CASES["short thresholds"].twin()
    kinds = {flow for _, _, flow in lives.flows()}
    never = {("removed", "lost"), ("left", "lost"), ("order", "new")}
    assert kinds == {flow for flow in posting.FLOWS if (flow[2], flow[1]) not in never}
    states = {name for twin in (lives, CASES["default"].twin()) for _, _, name in twin.stocks()}
    assert states == set(STOCKS) - {"lost"}


def test_twins_of_different_luck_differ() -> None:
    """The comparison can fail: another replication, another seed and another median are noticed."""
    case = Case(founders=20, days=20, history=20)
    other_worlds = [
        dataclasses.replace(case, replication=1),
        dataclasses.replace(case, seed=2),
        dataclasses.replace(case, spending=Spending(median_order=25.01)),
    ]
    events = _nonzero(case.twin().events())
    assert _book(case.world().run().events, posting.EVENTS) == events
    for other in other_worlds:
        assert _book(other.world().run().events, posting.EVENTS) != events


WITHIN = Case(founders=60, start=dt.date(2026, 3, 20), buying=Buying(2.0, 8.0, 1.0), yearly_share=3.0)


def test_cohorts_count_whoever_is_active_in_a_first_month_that_is_not_whole() -> None:
    """Who orders on the 18th, and again on the 25th of a run from the 20th, is active in that run."""
    twin, ledger = WITHIN.twin(), WITHIN.world().run()
    months = twin.month(-WITHIN.history), twin.month(0)
    assert _book(ledger.cohorts, posting.COHORT, *months) == _nonzero(twin.cohorts())


def test_monthly_books_count_whoever_is_active_in_a_first_month_that_is_not_whole() -> None:
    """Everybody active on days from 0 is new, retained or resurrected in the month of day 0, too."""
    twin, ledger = WITHIN.twin(), WITHIN.world().run()
    assert _book(ledger.monthly, posting.MONTHLY, twin.month(0)) == twin.monthly()


def test_founders_need_a_day_of_history_to_have_joined_on() -> None:
    """Without history there is no day on which founders could have joined: refused."""
    with pytest.raises(InputError, match="history=0"):
        Case(founders=40, history=0, days=70).world()


cases = st.builds(
    Case,
    founders=st.integers(1, 40),
    history=st.integers(1, 60),
    days=st.integers(1, 60),
    start=st.dates(dt.date(2023, 1, 1), dt.date(2029, 12, 31)),
    seed=st.integers(0, 2**40),
    replication=st.integers(0, 2**20),
    size=st.integers(40, 120),
    yearly_share=st.sampled_from([0.0, 0.3, 2.0, 10.0, 60.0]),
    cycle_days=st.floats(1.0, 60.0),
    season=st.builds(Season, st.sampled_from(["auto", "none", "us_general_merchandise"]), st.floats(0.0, 1.5)),
    disturbance=st.builds(Disturbance, st.sampled_from([0.0, 0.05, 0.8, 2.0]), st.floats(0.0, 0.99)),
    buying=st.builds(
        Buying, st.floats(0.05, 20.0), st.floats(0.5, 300.0), st.sampled_from([0.3, 0.9, 1.0, 1.0, 1.7, 12.0])
    ),
    drifting=st.builds(Drifting, st.floats(0.05, 20.0), st.floats(0.5, 300.0)),
    spending=st.builds(
        Spending,
        st.floats(0.01, 5_000.0),
        st.floats(0.0, 2.0),
        st.floats(0.0, 2.0),
        st.sampled_from([0.0, 0.2, 1.0]),
    ),
)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(case=cases)
@example(case=Case(founders=1, history=1, days=1, yearly_share=0.0))
def test_both_models_agree_about_random_worlds(case: Case) -> None:
    """Both models agree about small worlds with random parameters, calendars, seeds and replications."""
    compare(case)
