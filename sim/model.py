"""The Mesa face: the same rows and the same rules, as a `mesa.Model` of `mesa.Agent`s.

`MembershipModel` runs the compiled day on all rows; its members become Python objects only when they are asked
for, each a view of one row. A member's `step` is the very rule that the kernel lifts, so activating objects in
any order gives the same bits as the kernel does. Uses only what stands in Mesa 3.5 and in Mesa 4.
"""

import datetime as dt
from typing import Any, ClassVar

import mesa
import numpy as np
import pandas as pd

from sim.accounting import metrics
from sim.accounting.posting import post_group_left, post_relation_end, post_removal
from sim.behaviour.day import (
    NEVER,
    empty_wallet,
    live_one_day,
    live_operated_day,
    next_day,
    next_operated_day,
    recall,
)
from sim.behaviour.response import Response
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.errors import InputError
from sim.population import FIELDS, RELATION_FIELDS
from sim.settings import market_config
from sim.strategy import Strategy, read_strategy
from sim.world.market import Market

WRITABLE = ("purchase_rate", "drift_hazard", "usual_value", "order_at", "drift_at")
"""What may be written: how he is and what is due to him; what has happened stands in the books."""


def _field(name: str) -> Any:
    about = next(field for field in FIELDS if field.name == name)
    unit = f" ({about.unit})" if about.unit else ""

    def read(self: "Member") -> Any:
        return self.row[name].item()

    def write(self: "Member", value: Any) -> None:
        if not float("-inf") < float(value) < float("inf"):
            raise InputError(f"{name}={value!r}: must be a finite number")
        if name in ("order_at", "drift_at") and self.row["attached"] == 0:
            return  # nothing is due any more to one who has drifted away or left
        self.row[name] = value
        due, place = self.model.world.population.due_day(self.number)
        due[place] = self.model.world.day  # whatever was changed, he is asked again today

    return property(read, write if name in WRITABLE else None, doc=f"{about.meaning}{unit}")


def _relation_field(name: str) -> Any:
    about = next(field for field in RELATION_FIELDS if field.name == name)
    unit = f" ({about.unit})" if about.unit else ""

    def read(self: "Member") -> Any:
        if not self.model.world.operated:
            raise AttributeError(f"{name}: no operator speaks to members in this model; name a strategy")
        value = self.model.world.population.relation(self.number)[name]
        return value.tolist() if about.count > 1 else value.item()

    return property(read, doc=f"{about.meaning}{unit}")


class Member(mesa.Agent):
    """A member: a view of one row of the population, which lives under `row`.

    Reading a property reads the row; writing one of `WRITABLE` changes the member's life (what is due to one who has
    drifted away or left stays as it is). Other attributes that you
    set stay on the object. `number` is the row's place in the population.
    """

    key = _field("key")
    purchase_rate = _field("purchase_rate")
    drift_hazard = _field("drift_hazard")
    usual_value = _field("usual_value")
    order_at = _field("order_at")
    drift_at = _field("drift_at")
    spend = _field("spend")
    orders = _field("orders")
    joined = _field("joined")
    last_order = _field("last_order")
    cohort = _field("cohort")
    last_month = _field("last_month")
    channel = _field("channel")
    activity = _field("activity")
    attached = _field("attached")
    listed = _field("listed")
    fit = _relation_field("fit")
    price_sensitivity = _relation_field("price_sensitivity")
    hour = _relation_field("hour")
    tolerance = _relation_field("tolerance")
    eagerness = _relation_field("eagerness")
    trust_rest = _relation_field("trust_rest")
    trust = _relation_field("trust")
    fatigue = _relation_field("fatigue")
    staleness = _relation_field("staleness")
    habit = _relation_field("habit")
    satisfaction = _relation_field("satisfaction")
    reference_price = _relation_field("reference_price")
    debt = _relation_field("debt")
    value_opens = _relation_field("value_opens")
    pace = _relation_field("pace")
    drift_pace = _relation_field("drift_pace")
    patience = _relation_field("patience")
    visit_at = _relation_field("visit_at")
    need_until = _relation_field("need_until")
    known_hour = _relation_field("known_hour")
    known_tolerance = _relation_field("known_tolerance")
    mass_days = _relation_field("mass_days")
    sent_days = _relation_field("sent_days")
    offer_until = _relation_field("offer_until")
    offer_cents = _relation_field("offer_cents")
    marked = _relation_field("marked")
    seen = _relation_field("seen")
    sent_upto = _relation_field("sent_upto")
    last_message = _relation_field("last_message")
    last_open = _relation_field("last_open")
    last_active = _relation_field("last_active")
    tag_day = _relation_field("tag_day")
    messages = _relation_field("messages")
    sold = _relation_field("sold")
    opens = _relation_field("opens")
    visits = _relation_field("visits")
    impulses = _relation_field("impulses")
    orders_before = _relation_field("orders_before")
    sent_month = _relation_field("sent_month")
    sent_in = _relation_field("sent_in")
    mark_count = _relation_field("mark_count")
    offer = _relation_field("offer")
    lapses = _relation_field("lapses")
    tags = _relation_field("tags")
    offer_known = _relation_field("offer_known")
    need = _relation_field("need")
    needs = _relation_field("needs")
    hunter = _relation_field("hunter")
    path = _relation_field("path")
    paused = _relation_field("paused")
    permission = _relation_field("permission")
    met = _relation_field("met")
    tag = _relation_field("tag")
    diagnosed = _relation_field("diagnosed")
    own_row = _relation_field("own_row")
    wants = _relation_field("wants")
    tired_share = _relation_field("tired_share")
    astray_share = _relation_field("astray_share")
    sold_out_share = _relation_field("sold_out_share")
    lost_by = _relation_field("lost_by")
    guarded = _relation_field("guarded")
    earned = _relation_field("earned")
    tier = _relation_field("tier")
    koc = _relation_field("koc")
    urge = _relation_field("urge")
    urge_rate = _relation_field("urge_rate")
    points = _relation_field("points")
    tier_spend = _relation_field("tier_spend")
    tier_until = _relation_field("tier_until")
    sign_habit = _relation_field("sign_habit")
    visit_pace = _relation_field("visit_pace")
    group = _relation_field("group")
    invites = _relation_field("invites")
    brought = _relation_field("brought")
    segment = _relation_field("segment")

    def __init__(self, model: "MembershipModel", number: int) -> None:
        super().__init__(model)
        self.number = number

    @property
    def row(self) -> Any:
        """His row in the model's population."""
        return self.model.world.population.row(self.number)

    def step(self) -> None:
        """Live today, by the same rule as the kernel; a day that has been lived is not lived twice."""
        world = self.model.world
        world.need_a_day()
        today = world.today(world.day)
        due, place = world.population.due_day(self.number)
        if not world.operated:
            live_one_day(self.row, today, world.settings[0], world.books)
            due[place] = next_day(self.row, today)
            return
        desk = world.desk_today()
        if due[place] <= today.day:
            relation, touch = world.population.relation(self.number), world.population.touch(self.number)
            if self.row["listed"] == 1:
                live_operated_day(
                    self.row, relation, touch, today, desk, world.settings[0], world.responses[0], world.books
                )
            due[place] = next_operated_day(self.row, relation, today, world.responses[0])

    def remove(self) -> None:
        """Leave the membership: a posted loss, of cause `removed`. The row is retired."""
        world = self.model.world
        if self.row["listed"] == 1:
            world.need_a_day()
            post_removal(self.row, world.today(world.day), world.books)
            if world.operated:
                world.reserve_news()
                relation = world.population.relation(self.number)
                due, place = world.population.due_day(self.number)
                if world._desk is not None and due[place] <= world.day:
                    recall(relation, world.population.touch(self.number), world._desk)
                empty_wallet(self.row, relation, world.today(world.day), world.books)
                if relation["group"] >= 0:
                    post_group_left(self.row, relation, world.today(world.day), world.books)
                post_relation_end(self.row, relation, world.today(world.day), world.books)
                relation["visit_at"] = NEVER
            self.row["listed"] = 0
            self.row["attached"] = 0
            self.row["order_at"] = NEVER
            self.row["drift_at"] = NEVER
            due, place = world.population.due_day(self.number)
            due[place] = NEVER
        super().remove()


class MembershipModel(mesa.Model):
    """A membership as a Mesa model; one `step` is one day.

    members: members at day 0, who joined over the year before and lived it by the same rules; strategy and
    market: by name (or a `Market`); rng: the seed, an integer (None takes one from the system); start: date of
    day 0; horizon: the most days that the model can run; threads: ranges of rows lived at once.

    Subclass `Member`, name it as the class attribute `member_class`, and override its `step`: the model then
    activates objects, in random order, instead of running the kernel.

    Errors: `InputError` for an unknown name, a number out of range, or a step beyond the horizon.
    """

    member_class: ClassVar[type[Member]] = Member

    def __init__(
        self,
        members: int = 1000,
        strategy: str | Strategy = "do_nothing",
        market: str | Market = "default",
        rng: Any = None,
        *,
        behaviour: Behaviour | None = None,
        response: Response | None = None,
        start: dt.date = dt.date(2026, 1, 1),
        horizon: int = 1096,
        history: int = 365,
        threads: int = 1,
    ) -> None:
        for name, number in (("members", members), ("horizon", horizon), ("history", history), ("threads", threads)):
            if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
                raise InputError(f"{name}={number!r}: must be a whole number from 1 on")
        if isinstance(rng, int | np.integer) and not 0 <= rng < 1 << 63:
            raise InputError(f"rng={rng!r}: must be a whole number from 0 to 2**63 - 1, or None")
        if isinstance(rng, str | float):
            raise InputError(f"rng={rng!r}: must be a whole number, a numpy generator, or None")
        super().__init__(rng=int(rng) if isinstance(rng, np.integer) else rng)
        plan_of = read_strategy(strategy, "strategy") if isinstance(strategy, str) else strategy
        config = market_config(market) if isinstance(market, str) else None
        market = config.market if config is not None else market
        if not isinstance(market, Market) or not isinstance(start, dt.date):
            raise InputError("market must be a name or a Market, and start a datetime.date")
        if not 1 <= members <= market.size:
            raise InputError(f"members={members}: must be 1 to the market's size of {market.size} persons")
        seed = int(rng) if isinstance(rng, int | np.integer) else int(self.rng.integers(1 << 32))
        if behaviour is None and config is not None:
            people = config.population
            behaviour = Behaviour(people.buying, people.drifting, people.spending)
        founders = EmbeddedFounders(members, behaviour or Behaviour(), history)
        plan = Plan(start, horizon, founders, market, strategy=plan_of, response=response or Response())
        self.world = World(plan, seed, threads=threads)
        self._objects: dict[int, Member] = {}
        self._made = 0

    @property
    def day(self) -> int:
        """How many days have been lived."""
        return self.world.day

    @property
    def agents(self) -> Any:
        """The AgentSet of the current members. Asking for it makes an object of every member who has none yet."""
        people = self.world.population
        while self._made < people.count:
            if self._made not in self._objects and people.row(self._made)["listed"] == 1:
                self.member(self._made)
            self._made += 1
        return super().agents

    @agents.setter
    def agents(self, agents: Any) -> None:
        raise AttributeError("model.agents holds the current members and cannot be set")

    @property
    def agents_by_type(self) -> Any:
        """AgentSets of the current members by their class, after an object was made of every member."""
        _ = self.agents
        return super().agents_by_type

    @property
    def agent_types(self) -> list[type]:
        """The classes of the current members."""
        _ = self.agents
        return super().agent_types

    def remove_all_agents(self) -> None:
        """Every member leaves: a posted loss each."""
        for member in list(self.agents):
            member.remove()

    def member(self, number: int) -> Member:
        """The member in row `number` of the population (existing members first, in order of their keys)."""
        if not 0 <= number < self.world.population.count:
            raise InputError(f"member {number}: there are {self.world.population.count} members, from 0 on")
        if number not in self._objects:
            self._objects[number] = self.member_class(self, number)
        return self._objects[number]

    def step(self) -> None:
        """Live one day: every member, then newcomers, then the books."""
        self.world.need_a_day()
        if self.member_class.step is not Member.step:
            if self.world.operated:
                self.world.desk_today()
            self.agents.shuffle_do("step")
            self.world.evening(self.world.today(self.world.day))
        else:
            self.world.step()

    def stock(self, name: str) -> int:
        """A stock at the end of the last day lived, for instance `members`, `active` or `dormant_90`."""
        return metrics.stock(self.world, name)

    def daily(self) -> pd.DataFrame:
        """One row per day lived, one column per metric; names, units and formulas in `accounting.metrics`."""
        return metrics.daily_frame(self.world.ledger(), self.day)
