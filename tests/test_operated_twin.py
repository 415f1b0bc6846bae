"""The fast operated world and the plain one, written separately, live the same lives under the same strategies.

Members are compared one by one at the end, the books day by day: whole numbers exactly, others to a billionth.
"""

import dataclasses
import datetime as dt
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sim.accounting import metrics
from sim.behaviour.buying import Buying
from sim.behaviour.drifting import Drifting
from sim.behaviour.permission import Permission
from sim.behaviour.response import Response
from sim.behaviour.returning import Returning
from sim.behaviour.spending import Spending
from sim.behaviour.temperament import Temperament
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.levers.assortment import Assortment
from sim.levers.content import Content
from sim.levers.guard import Guard
from sim.levers.mending import Mending
from sim.levers.messaging import Messaging
from sim.levers.offers import Offers
from sim.levers.tags import Tags
from sim.levers.wakeup import Wakeup
from sim.levers.warning import EarlyWarning
from sim.network import Network
from sim.strategy import Strategy
from sim.world.market import Disturbance, Joining, Market
from sim.world.season import Season
from tests.reference.operated_model import OperatedModel

START = dt.date(2026, 1, 5)
FAR = 9e8
"""Days beyond this never come, whatever number stands for it."""
WHOLE = (
    "orders", "last_order", "spend", "attached", "listed", "messages", "sold", "opens", "visits", "impulses", "tag",
    "lapses", "tags", "need", "needs", "paused", "permission", "met", "last_message", "last_open", "diagnosed",
    "seen", "hunter",
)  # fmt: skip
REAL = (
    "fit", "price_sensitivity", "hour", "tolerance", "eagerness", "trust_rest", "trust", "fatigue", "habit",
    "satisfaction", "reference_price", "debt", "pace", "drift_pace", "patience", "visit_at", "need_until",
    "known_hour", "known_tolerance", "order_at", "drift_at", "staleness", "value_opens",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One configuration of both models."""

    strategy: Strategy
    founders: int = 80
    days: int = 75
    history: int = 200
    seed: int = 1
    behaviour: Behaviour = Behaviour(Buying(), Drifting(), Spending())
    market: Market = Market(joining=Joining(0.0, closed=True))
    response: Response = Response()

    def world(self) -> World:
        """The fast world."""
        founders = EmbeddedFounders(self.founders, self.behaviour, self.history)
        plan = Plan(
            START, self.days, founders, self.market, strategy=self.strategy, response=self.response, operated=True
        )
        return World(plan, self.seed)

    def twin(self) -> OperatedModel:
        """The plain model."""
        return OperatedModel(
            START, self.days, self.founders, self.history, self.behaviour, self.market, self.strategy, self.response,
            self.seed,
        )  # fmt: skip


def same_members(world: World, twin: OperatedModel) -> None:
    """Assert that every member stands where his twin stands."""
    for name in WHOLE:
        theirs = [int(getattr(member, name)) for member in twin.members]
        assert world.population.column(name).tolist() == theirs, name
    for name in REAL:
        ours = np.minimum(world.population.column(name), FAR)
        theirs = np.minimum(np.array([getattr(member, name) for member in twin.members]), FAR)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, err_msg=name)


def compare(case: Case) -> dict[str, int]:
    """Assert that both models agree; what happened in all, by metric."""
    world, twin = case.world(), case.twin()
    same_members(world, twin)
    ledger = world.run()
    twin.run()
    same_members(world, twin)
    daily = metrics.daily_columns(ledger, case.days)
    for name in COUNTED:
        assert daily[name].tolist() == twin.totals.get(name, [0] * case.days), name
    assert set(twin.totals) <= set(COUNTED)
    return {name: sum(values) for name, values in twin.totals.items()}


COUNTED = (
    "messages", "load", "opens", "interactions", "message_visits", "own_visits", "impulse_orders", "orders", "gmv",
    "revenue", "discounts", "markdowns", "coupon_orders", "offers_issued", "offers_issued_value", "offers_redeemed",
    "offers_redeemed_value", "offers_expired", "offers_expired_value", "sample_cost", "muted", "blocked", "left",
    "drifted", "returned", "capped", "over_quota", "quiet",
)  # fmt: skip

BUSY = Behaviour(Buying(1.0, 15.0, 1.5), Drifting(1.0, 80.0), Spending(free_share=0.05))
OPEN = Guard(quota="none")
RESTLESS = Response(
    temperament=Temperament(need_change=0.02),
    permission=Permission(hazard=0.002, leave_share=0.3),
    returning=Returning(called=0.3),
)
WAVY = Market(
    joining=Joining(0.0, closed=True),
    hunter_share=0.4,
    season=Season("us_general_merchandise", 1.5),
    disturbance=Disturbance(0.5),
)

WEEK = "useful+none+benefit+any+any+fun+none"


def programme(per_week: float, **content: Any) -> dict[str, Any]:
    """Messages of a content programme."""
    return {"messaging": Messaging(on=True, per_week=per_week), "content": Content(on=True, **content)}


CASES = {
    "three messages a week": Case(Strategy(**programme(3.0)), founders=150, days=120),
    "promotions every day": Case(Strategy(**programme(7.0, benefit=0.8, formats=4)), seed=3),
    "many, against the quota of the month": Case(Strategy(**programme(16.5, fun=0.6, formats=2)), behaviour=BUSY),
    "a week that is expected, and few pieces": Case(
        Strategy(
            **programme(5.0, week="useful+none+benefit+any+any+fun+none", capacity=2.0, formats=3, first_format=3)
        )
    ),
    "tags that err, at own hours": Case(
        Strategy(
            guard=OPEN,
            tags=Tags(on=True, coverage=0.7, error=0.4, learn=True, refresh=20, hours=True),
            content=Content(on=True, topics="own", formats=1, switch_day=30),
            messaging=Messaging(on=True, per_week=5.0, own_hour=True, path="community"),
        ),
        response=RESTLESS,
    ),
    "everybody is asked, and heard": Case(
        Strategy(
            guard=Guard(individual=0.6, per_week=6, silent_per_week=2, marketing_share=0.3),
            content=Content(on=True, topics="majority"),
            messaging=Messaging(on=True, per_week=14.0, ask=4, own_hour=True, share=0.8, start=4, stop=60),
        ),
        behaviour=BUSY,
    ),
    "the quota of the day, and the active alone": Case(
        Strategy(
            guard=Guard(quota="day", quiet_from=20.0, quiet_to=10.0),
            content=Content(on=True, benefit=0.5),
            messaging=Messaging(on=True, per_week=16.5, hour=12.0, stages="new+active+at_risk"),
        )
    ),
    "percent off, every five days": Case(
        Strategy(offers=Offers(on=True, value=0.3, most=6.0, every=5), **programme(3.0)), behaviour=BUSY
    ),
    "a threshold to fill up to": Case(
        Strategy(offers=Offers(on=True, kind="threshold", value=10.0, least=30.0)), behaviour=BUSY, market=WAVY
    ),
    "samples": Case(Strategy(offers=Offers(on=True, kind="sample", value=5.0, life=20, every=10)), behaviour=BUSY),
    "warnings and stacked coupons": Case(
        Strategy(
            warning=EarlyWarning(
                on=True, clock="cycles", mild=0.5, medium=1.0, severe=2.0, until=9.0, again_after=10
            ),
            offers=Offers(on=True, kind="cash", value=9.0, stackable=True, every=3),
        ),
        behaviour=BUSY,
        response=RESTLESS,
        market=WAVY,
    ),
    "heavy buyers": Case(
        Strategy(
            content=Content(on=True, benefit=1.0),
            messaging=Messaging(on=True, per_week=2.0, buyers="heavy", pull=2.0),
        ),
        behaviour=BUSY,
    ),
    "calls to the silent, by diagnosis": Case(
        Strategy(wakeup=Wakeup(on=True, mode="segmented", silent=20, per_week=2.0, touches=6)), response=RESTLESS
    ),
    "few people, many of whom hunt, in circles of other sizes": Case(
        Strategy(offers=Offers(on=True, value=0.3, most=6.0, every=5), **programme(3.0)),
        days=40,
        market=Market(
            size=83, hunter_share=0.3, joining=Joining(0.0), network=Network(3, 7, 2, 40, tail=0.8, tie_close=0.5)
        ),
        response=Response(temperament=Temperament(hunters_close=0.9, hunters_friends=0.1, hunters_acquaintances=0.0)),
    ),
    "other goods and mending": Case(
        Strategy(
            assortment=Assortment(on=True, exclusive=0.3, clearance=0.5, start=10, stop=60),
            mending=Mending(on=True, quality=0.5, service=1.0, start=20),
            offers=Offers(on=True, kind="flash", value=0.4, every=2),
        ),
        behaviour=BUSY,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_operated_world_equals_the_plain_one(name: str) -> None:
    """Every member and every daily total is the same in very different strategies."""
    assert compare(CASES[name])["orders"] > 0


def test_the_cases_reach_the_corners() -> None:
    """The hand-made cases contain what they are meant to: else they would show less than they say."""
    reached: dict[str, int] = {}
    for name in ("warnings and stacked coupons", "tags that err, at own hours", "everybody is asked, and heard"):
        for metric, count in CASES[name].twin().run().totals.items():
            reached[metric] = reached.get(metric, 0) + sum(count)
    for metric in ("returned", "left", "muted", "blocked", "impulse_orders", "coupon_orders", "capped", "drifted"):
        assert reached[metric] > 0, metric


def test_a_twin_of_other_people_differs() -> None:
    """The comparison can fail: a hundredth more or less in how people are is noticed."""
    case = dataclasses.replace(CASES["three messages a week"], founders=60, days=40)
    world = case.world()
    world.run()
    same_members(world, case.twin().run())
    trust = dataclasses.replace(case.response.trust, selling=case.response.trust.selling * 1.01)
    other = dataclasses.replace(case, response=dataclasses.replace(case.response, trust=trust))
    with pytest.raises(AssertionError):
        same_members(world, other.twin().run())


def share() -> st.SearchStrategy[float]:
    """A share, its ends more often than chance would have them."""
    return st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0, 1.0))


@st.composite
def operated(draw: Any) -> Case:
    """A small world with a random strategy among members of a random kind."""
    own = draw(st.booleans())
    kind = draw(st.sampled_from(["cash", "percent", "flash", "threshold", "buy_one_get_one", "first_order", "gift"]))
    strategy = Strategy(
        guard=draw(
            st.builds(
                Guard,
                per_week=st.sampled_from([5, 1_000_000]),
                marketing_share=st.sampled_from([0.3, 1.0]),
                quota=st.sampled_from(["none", "month", "week", "day"]),
            )
        ),
        messaging=draw(
            st.builds(
                Messaging,
                on=st.just(True),
                per_week=st.floats(0.2, 40.0),
                own_hour=st.booleans(),
                share=st.sampled_from([0.5, 1.0]),
                ask=st.sampled_from([0, 3]),
            )
        ),
        content=draw(
            st.builds(
                Content,
                on=st.just(True),
                benefit=share(),
                fun=share(),
                formats=st.integers(1, 4),
                capacity=st.sampled_from([3.0, 21.0]),
                topics=st.just("own" if own else "general"),
            )
        ),
        tags=Tags(on=own, error=draw(share()), learn=draw(st.booleans()), hours=draw(st.booleans())),
        offers=Offers(
            on=draw(st.booleans()),
            kind=kind,
            value=draw(st.floats(0.05, 0.9)) * (1.0 if kind in ("percent", "flash", "gift") else 20.0),
            least=draw(st.sampled_from([0.0, 25.0])),
            life=draw(st.integers(1, 30)),
            every=draw(st.integers(1, 20)),
        ),
    )
    return Case(
        strategy,
        founders=60,
        days=60,
        seed=draw(st.integers(0, 2**40)),
        behaviour=draw(st.sampled_from([BUSY, Behaviour(Buying(), Drifting(), Spending())])),
        market=draw(st.sampled_from([WAVY, Market(joining=Joining(0.0, closed=True))])),
        response=draw(st.sampled_from([RESTLESS, Response()])),
    )


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(case=operated())
@example(case=Case(Strategy(offers=Offers(on=True, every=1, kind="cash", value=500.0)), founders=60, days=60))
def test_both_models_agree_about_random_strategies(case: Case) -> None:
    """Both agree about random frequencies, shares of selling, formats, errors of tags and offers."""
    totals = compare(case)
    assert math.isfinite(totals.get("orders", 0))
