"""The null model, written a second time: one plain object per member, his whole life first, the books after.

It follows the specification of the null model and shares with the simulator only its luck (`sim.rng`) and its
two elementary functions (`sim.numbers`). It is slow and obvious on purpose: nothing is kept up to date from
day to day; every number in a book is looked up in finished lives by its definition.
"""

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from sim import rng
from sim.engine import Behaviour
from sim.numbers import exp
from sim.world.market import Market
from sim.world.season import INDICES

EXISTING, ORGANIC = 0, 1
DORMANT = ("dormant_30", "dormant_60", "dormant_90")


@dataclass
class Member:
    """One member and all that ever happened to him."""

    key: int
    channel: int
    joined: int
    rate: float
    usual: float
    drift_at: float
    due: float  # the clock's reading at which his next order falls
    orders: list[tuple[int, int]] = field(default_factory=list)  # day, cents
    drifted: int | None = None  # the day on which he drifted away
    days_of_orders: set[int] = field(default_factory=set)

    def order(self, day: int, cents: int) -> None:
        """He orders."""
        self.orders.append((day, cents))
        self.days_of_orders.add(day)

    def ordered(self, day: int) -> bool:
        """Whether he orders on this day."""
        return day in self.days_of_orders

    def silent(self, day: int) -> int:
        """Days since his last order, at the end of this day."""
        return day - max(d for d in self.days_of_orders if d <= day)


class NullModel:
    """The lives of all members of one world, and the books that follow from them."""

    def __init__(
        self,
        start: dt.date,
        days: int,
        founders: int,
        history: int,
        behaviour: Behaviour,
        market: Market,
        seed: int,
        replication: int,
    ) -> None:
        self.start, self.days, self.history = start, days, history
        self.behaviour, self.market = behaviour, market
        self.luck = np.uint64(rng.stream(seed, replication))
        self.clock = self._clock()
        self.thresholds = self._thresholds()
        self.per_day = market.joining.yearly_share * founders / 365.0
        self.members: list[Member] = []
        for i in range(founders):
            age = math.floor(history * self._uniform(i, rng.FOUNDER_AGE, 0))
            self.members.append(self._join(i, EXISTING, -1 - age))
        for n, day in enumerate(self._arrivals(market.size - founders)):
            self.members.append(self._join(founders + n, ORGANIC, day))
        for member in self.members:
            self._live(member)
        self.states = [self._states(member) for member in self.members]

    # -- luck ---------------------------------------------------------------------------------------------
    def _uniform(self, key: int, decision: int, index: int) -> float:
        return rng.uniform(self.luck, np.uint64(key), decision, index)

    def _normal(self, key: int, decision: int, index: int) -> float:
        return rng.normal(self.luck, np.uint64(key), decision, index)

    def _exponential(self, key: int, decision: int, index: int) -> float:
        return rng.exponential(self.luck, np.uint64(key), decision, index)

    def _gamma(self, key: int, decision: int, index: int, shape: float) -> float:
        return rng.gamma(self.luck, np.uint64(key), decision, index, shape)

    # -- the calendar and the clock -----------------------------------------------------------------------
    def month(self, day: int) -> int:
        """The calendar month of a day, in months since the year 0."""
        date = self.start + dt.timedelta(days=day)
        return date.year * 12 + date.month - 1

    def _clock(self) -> dict[int, float]:
        """The reading of the operational clock at the beginning of each day."""
        season, disturbance = self.market.season, self.market.disturbance
        no_log = season.index in ("auto", "log")  # there is no log to estimate an index from
        index = INDICES["us_general_merchandise" if no_log else season.index].months
        sd, memory = disturbance.weekly_sd, disturbance.memory
        reading = {-self.history: 0.0}
        shock = 0.0
        factor = 1.0
        for day in range(-self.history, self.days):
            if sd > 0.0 and day >= 0 and day % 7 == 0:
                week = day // 7
                z = rng.normal(self.luck, rng.MARKET_KEY, rng.WEEK_SHOCK, week)
                shock = sd * z if week == 0 else memory * shock + sd * math.sqrt(1.0 - memory * memory) * z
                factor = exp(shock - sd * sd / 2.0)
            speed = 1.0 + season.strength * (index[self.month(day) % 12] - 1.0)
            reading[day + 1] = reading[day] + speed * factor
        at_0 = reading[0]
        return {day: value - at_0 for day, value in reading.items()}

    # -- joining ------------------------------------------------------------------------------------------
    def _arrivals(self, room: int) -> list[int]:
        """The days on whose evening newcomers join, in the order of their coming."""
        days: list[int] = []
        time = 0.0
        while self.per_day > 0.0 and len(days) < room:
            time += rng.exponential(self.luck, rng.MARKET_KEY, rng.ARRIVAL_GAP, len(days)) / self.per_day
            if time >= self.days:
                break
            days.append(math.floor(time))
        return days

    def _join(self, key: int, channel: int, day: int) -> Member:
        buying, drifting, spending = self.behaviour.buying, self.behaviour.drifting, self.behaviour.spending
        rate = self._gamma(key, rng.PURCHASE_RATE, 0, buying.rate_shape) / buying.rate_scale
        hazard = self._gamma(key, rng.DRIFT_HAZARD, 0, drifting.drift_shape) / drifting.drift_scale
        usual = spending.spend_between * self._normal(key, rng.SPEND_LEVEL, 0)
        patience = self._exponential(key, rng.DRIFT_TIME, 0)
        drift_at = day + 1 + patience / hazard if hazard > 0.0 else math.inf
        member = Member(key, channel, day, rate, usual, drift_at, math.inf)
        member.order(day, self._cents(member, 0))
        member.due = self.clock[day + 1] + self._gap(member, 1)
        return member

    # -- a member's days ----------------------------------------------------------------------------------
    def _gap(self, member: Member, ordinal: int) -> float:
        """The length on the clock of the gap that leads to the order with this ordinal."""
        regularity = self.behaviour.buying.regularity
        if regularity == 1.0:
            gap = self._exponential(member.key, rng.PURCHASE_GAP, ordinal)
        else:
            gap = self._gamma(member.key, rng.PURCHASE_GAP, ordinal, regularity) / regularity
        return gap / member.rate if member.rate > 0.0 else math.inf

    def _cents(self, member: Member, ordinal: int) -> int:
        """The value of the order with this ordinal."""
        spending = self.behaviour.spending
        if (
            float(rng.two_uniforms(self.luck, np.uint64(member.key), rng.ORDER_VALUE, ordinal)[1])
            < spending.free_share
        ):
            return 0
        z = self._normal(member.key, rng.ORDER_VALUE, ordinal)
        return round(100.0 * spending.median_order * exp(member.usual + spending.spend_within * z))

    def _live(self, member: Member) -> None:
        for day in range(member.joined + 1, self.days):
            begin, end = self.clock[day], self.clock[day + 1]
            drifts = member.drift_at < day + 1
            if drifts:
                end = begin + (end - begin) * (member.drift_at - day)
            while member.due < end:
                ordinal = len(member.orders)
                member.order(day, self._cents(member, ordinal))
                member.due = member.due + self._gap(member, ordinal + 1)
            if drifts:
                member.drifted = day
                return

    # -- stages and states --------------------------------------------------------------------------------
    def _thresholds(self) -> list[int]:
        found: list[int] = []
        for days in (14, 30, 60, 90):
            lowest = found[-1] + 1 if found else 1
            found.append(max(lowest, round(days * self.market.cycle_days / 30.0)))
        return found

    def stage(self, member: Member, day: int) -> str:
        """The lifecycle stage at the end of a day."""
        if day < member.joined:
            return "prospect"
        silent = member.silent(day)
        t1, t2, t3, t4 = self.thresholds
        if silent >= t4:
            return "dormant_90"
        if silent >= t3:
            return "dormant_60"
        if silent >= t2:
            return "dormant_30"
        if sum(d <= day for d, _ in member.orders) == 1:
            return "new"
        return "at_risk" if silent >= t1 else "active"

    def _states(self, member: Member) -> dict[int, str]:
        """The activity state at the end of each day since he joined."""
        states = {member.joined: "new"}
        for day in range(member.joined + 1, self.days):
            silent, yesterday = member.silent(day), states[day - 1]
            if silent == 0:
                better = {"at_risk_mau": "reactivated", "dormant": "resurrected"}
                states[day] = better.get(yesterday, "current")
            elif silent < 7:
                states[day] = "at_risk_wau"
            elif silent < 30:
                states[day] = "at_risk_mau"
            else:
                states[day] = "dormant"
        return states

    # -- the books ----------------------------------------------------------------------------------------
    def events(self) -> Counter[tuple[int, int, str]]:
        """What happened: (day, channel, name) -> amount."""
        book: Counter[tuple[int, int, str]] = Counter()
        for member in self.members:
            if member.joined >= 0:
                book[member.joined, member.channel, "first_orders"] += 1
            for day, cents in member.orders:
                if day >= 0:
                    book[day, member.channel, "orders"] += 1
                    book[day, member.channel, "revenue_cents"] += cents
            for day in member.days_of_orders:
                if day >= 0:
                    book[day, member.channel, "buyers"] += 1
            if member.drifted is not None and member.drifted >= 0:
                book[member.drifted, member.channel, "drifted"] += 1
        return book

    def flows(self) -> Counter[tuple[int, int, tuple[str, str, str]]]:
        """Changes of stage: (day, channel, (from, to, cause)) -> members."""
        book: Counter[tuple[int, int, tuple[str, str, str]]] = Counter()
        for member in self.members:
            for day in range(max(member.joined, 0), self.days):
                before, after = self.stage(member, day - 1), self.stage(member, day)
                if before != after:
                    cause = "order" if member.ordered(day) else "silence"
                    if before == "prospect":
                        cause = "joined"
                    book[day, member.channel, (before, after, cause)] += 1
        return book

    def stocks(self) -> Counter[tuple[int, int, str]]:
        """Members in each stage and state at the end of each day: (day, channel, name) -> members."""
        book: Counter[tuple[int, int, str]] = Counter()
        for member, states in zip(self.members, self.states, strict=True):
            for day in range(max(member.joined, 0), self.days):
                book[day, member.channel, "members"] += 1
                book[day, member.channel, self.stage(member, day)] += 1
                book[day, member.channel, "state_" + states[day]] += 1
                if member.drifted is None or member.drifted > day:
                    book[day, member.channel, "attached"] += 1
        return book

    def cohorts(self) -> Counter[tuple[int, int, str]]:
        """What each joining month's members did on days from 0: (joining month, month, name) -> amount."""
        book: Counter[tuple[int, int, str]] = Counter()
        for member in self.members:
            joining = self.month(member.joined)
            if member.joined >= 0:
                book[joining, joining, "joined"] += 1
            for day, cents in member.orders:
                if day >= 0:
                    book[joining, self.month(day), "orders"] += 1
                    book[joining, self.month(day), "revenue_cents"] += cents
            for month in {self.month(day) for day in member.days_of_orders if day >= 0}:
                book[joining, month, "active"] += 1
        return book

    def monthly(self) -> Counter[tuple[int, int, str]]:
        """Monthly growth accounting on days from 0: (month, channel, name) -> members.

        Whoever was active before day 0 in the month of day 0 counts as retained in it.
        """
        book: Counter[tuple[int, int, str]] = Counter()
        for member in self.members:
            ever = {self.month(day) for day in member.days_of_orders}
            for month in {self.month(day) for day in member.days_of_orders if day >= 0}:
                if self.month(member.joined) == month:
                    book[month, member.channel, "new"] += 1
                elif month - 1 in ever or month in {self.month(day) for day in member.days_of_orders if day < 0}:
                    book[month, member.channel, "retained"] += 1
                else:
                    book[month, member.channel, "resurrected"] += 1
        return book
