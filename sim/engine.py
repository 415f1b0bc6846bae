"""The run: the members' day and the books' evening, for one replication of one world.

`Plan` says what is to be run, `World` runs it a day at a time. A day's work on members is a kernel over ranges
of rows; only the evening sees more than one member. Which luck, parameters
and disturbance a replication meets is a pure function of (seed, replication).
"""

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from sim import rng
from sim.accounting import books as accounting
from sim.accounting import lineage, posting
from sim.accounting.books import Books, Ledger
from sim.accounting.stages import Stages, lifecycle_stage, thresholds
from sim.behaviour.buying import Buying
from sim.behaviour.day import NEVER, join, live_one_day, live_operated_day, meet, next_day, next_operated_day
from sim.behaviour.drifting import Drifting
from sim.behaviour.response import Response
from sim.behaviour.spending import Spending
from sim.communities import DAILY, LEVELS
from sim.errors import InputError
from sim.jit import kernel
from sim.operation import Desk, Operator
from sim.population import Population
from sim.recruiting import Recruiter
from sim.strategy import Strategy
from sim.units import STRICT, record
from sim.world.calendar import festival_speed
from sim.world.market import Market, wind_clock
from sim.world.season import calendar_month, daily_speed, monthly_speed

ENGAGED = (7, 30)
"""Windows in days within which a member with a sign of life counts as engaged."""
NEWS_A_DAY = 16
"""The most that one member can have to tell on a day."""
WORTH_A_THREAD = 200_000
"""Rows below which handing a range to a thread costs more than it saves."""


@dataclass(frozen=True)
class Behaviour:
    """How people are: the settings of every tendency."""

    __pydantic_config__ = STRICT

    buying: Buying = field(default_factory=Buying)
    drifting: Drifting = field(default_factory=Drifting)
    spending: Spending = field(default_factory=Spending)


class Today(NamedTuple):
    """What a member's day needs to know of the day.

    day: from 0 on, negative before; at: its place in `clock`; row: its place in the books (of the run from day
    0 on, of the past before it); month: calendar
    month from the first cohort on; month_row: its place in the monthly books; luck: the replication's stream;
    clock: operational time at the beginning of each day; cycle: the category's usual days between orders.
    """

    day: int
    at: int
    row: int
    month: int
    month_row: int
    luck: np.uint64
    clock: np.ndarray
    cycle: float


@dataclass(frozen=True)
class Conditions:
    """What one replication meets: drawn once per replication when parameters are uncertain.

    weekly_sd, memory: the shared weekly disturbance; arrivals: expected newcomers of each day, float64[days].
    """

    behaviour: Behaviour
    weekly_sd: float
    memory: float
    arrivals: np.ndarray


class Founders(Protocol):
    """Where the members of day 0 come from."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    @property
    def earliest(self) -> int:
        """The first day on which one of them joined (negative)."""
        ...

    @property
    def history(self) -> int:
        """How many days before day 0 must be lived by the rules (0 where their states are known)."""
        ...

    def conditions(self, luck: np.uint64, plan: "Plan") -> Conditions:
        """The behaviour, disturbance and joining of the replication with this luck."""
        ...

    def settle(self, world: "World") -> None:
        """Put them into the world's population, each with the day on which he is next due."""
        ...


@dataclass(frozen=True)
class Plan:
    """What is to be run: who, where, from when, how long.

    start: the date of day 0; days: days to run; founders: the members of day 0; market: the market; season: the
    clock's speed in each calendar month, empty for the market's own index; stages: when silence changes a stage;
    strategy: what the operator does; response: how people respond to it; operated: whether members have relations to
    an operator even if he does nothing, as in a comparison with a strategy.
    """

    start: dt.date
    days: int
    founders: Founders
    market: Market
    season: tuple[float, ...] = ()
    stages: Stages = field(default_factory=Stages)
    strategy: Strategy = field(default_factory=Strategy)
    response: Response = field(default_factory=Response)
    operated: bool = False

    def month_index(self, first: int, days: int) -> np.ndarray:
        """The calendar month of each day from `first` on, counted from the month of the first cohort."""
        return calendar_month(self.start, np.arange(first, first + days)) - self.base_month

    @property
    def base_month(self) -> int:
        """The calendar month of the earliest joining, in months since 1970."""
        earliest = min(self.founders.earliest, -self.founders.history, 0)
        return int(calendar_month(self.start, np.array([earliest]))[0])


@dataclass(frozen=True)
class EmbeddedFounders:
    """A population from declared parameters: founders joined evenly over the past and lived by the same rules."""

    count: int
    behaviour: Behaviour
    history: int

    def __post_init__(self) -> None:
        if self.history < 1:
            raise InputError(f"history={self.history}: founders must have joined on at least 1 day before day 0")

    @property
    def earliest(self) -> int:
        return -self.history

    def conditions(self, luck: np.uint64, plan: Plan) -> Conditions:
        market = plan.market
        per_day = market.joining.yearly_share * self.count / 365.0
        return Conditions(
            self.behaviour,
            market.disturbance.weekly_sd,
            market.disturbance.memory,
            np.full(plan.days, per_day),
        )

    def settle(self, world: "World") -> None:
        keys = np.arange(self.count, dtype=np.uint64)
        world.live_past(keys, joining_days(world.luck, keys, self.history))


@kernel
def joining_days(luck: Any, keys: Any, history: int) -> Any:
    """The day on which each founder joined: a keyed draw, even over the `history` days before day 0."""
    days = np.zeros(keys.shape[0], dtype=np.int64)
    for i in range(keys.shape[0]):
        days[i] = -1 - int(history * rng.uniform(luck, keys[i], rng.FOUNDER_AGE, 0))
    return days


@kernel
def found_rows(
    rows: Any, due: Any, low: int, high: int, keys: Any, days: Any, months: Any, eve: Any, p: Any, spare: Any
) -> None:
    """Founders join, each on his day of the past; keys[0] and days[0] are of the person in row `low`."""
    history = eve.at + 1
    for i in range(low, high):
        day = days[i - low]
        at = day + history
        then = Today(day, at, at, months[at], 0, eve.luck, eve.clock, eve.cycle)
        join(rows[i], keys[i - low], posting.EXISTING, then, p[0], spare)
        due[i] = next_day(rows[i], then)


@kernel
def live_rows(rows: Any, due: Any, low: int, high: int, today: Any, p: Any, books: Any) -> int:
    """The day of the members in rows [low, high): those to whom nothing can happen today are passed over.

    Returns a number that means nothing: it keeps the early reads of rows from being optimised away.
    """
    part, these = due[low:high], rows[low:high]
    waiting = np.empty(GATHER, dtype=np.int64)
    at, met = 0, 0
    while at < part.shape[0]:
        at, count = gather_due(part, at, np.int32(today.day), waiting)
        for n in range(count):  # independent reads overlap, so that the rows are there when they are lived
            met += these[waiting[n]].orders
        for n in range(count):
            m = these[waiting[n]]
            live_one_day(m, today, p[0], books)
            part[waiting[n]] = next_day(m, today)
    return met


GATHER, STRETCH = 1024, 64
"""Rows lived together, and rows whose due days are compared at once."""


@kernel
def gather_due(part: Any, at: int, day: Any, waiting: Any) -> Any:
    """Collect rows from `at` on that are due by `day` into `waiting`; returns (where to go on, how many)."""
    count = 0
    while at < part.shape[0] and count <= GATHER - STRETCH:
        piece = part[at : min(at + STRETCH, part.shape[0])]
        some = np.int32(0)
        for j in range(piece.shape[0]):  # without a branch, so that it is compared many at a time
            some += np.int32(piece[j] <= day)
        if some > 0:
            for j in range(piece.shape[0]):
                if piece[j] <= day:
                    waiting[count] = at + j
                    count += 1
        at += STRETCH
    return at, count


@kernel
def join_rows(rows: Any, due: Any, low: int, high: int, first: int, today: Any, p: Any, books: Any) -> None:
    """Newcomers join in the evening: persons of the market from index `first` on, in rows [low, high)."""
    for i in range(low, high):
        join(rows[i], np.uint64(first + i - low), posting.ORGANIC, today, p[0], books)
        due[i] = next_day(rows[i], today)


@kernel
def live_operated_rows(
    rows: Any, relations: Any, touches: Any, due: Any, low: int, high: int, today: Any, desk: Any, p: Any, q: Any,
    books: Any,
) -> float:  # fmt: skip
    """The day of the members in rows [low, high) where an operator speaks to them.

    Returns a number that means nothing, as `live_rows` does.
    """
    part, these, known, touched = due[low:high], rows[low:high], relations[low:high], touches[low:high]
    waiting = np.empty(GATHER, dtype=np.int64)
    at, met = 0, 0.0
    while at < part.shape[0]:
        at, count = gather_due(part, at, np.int32(today.day), waiting)
        for n in range(count):  # a field of each line of memory that a relation takes
            r = known[waiting[n]]
            met += these[waiting[n]].orders + r.trust + r.debt + r.pace + r.known_tolerance + r.seen + r.permission
        for n in range(count):
            m, r = these[waiting[n]], known[waiting[n]]
            if m.listed == 1:
                live_operated_day(m, r, touched[waiting[n]], today, desk, p[0], q[0], books)
            part[waiting[n]] = next_operated_day(m, r, today, q[0])
    return met


@kernel
def meet_rows(
    rows: Any, relations: Any, due: Any, low: int, high: int, number: int, eve: Any, ops: Any, p: Any, q: Any,
    books: Any,
) -> None:  # fmt: skip
    """Members of day 0 become known to the operator on the evening before it; row `low` is row `number` of all."""
    for i in range(low, high):
        m = rows[i]
        stage = stages_of(m, eve, books)
        relations[i].own_row = number + i - low
        meet(m, relations[i], stage, eve, ops[0], p[0], q[0])
        due[i] = next_operated_day(m, relations[i], eve, q[0])
        if m.listed == 1:
            books.engaged[posting.anchor(m.last_order, books)] += 1


@kernel
def stages_of(m: Any, eve: Any, books: Any) -> int:
    """The segment of a member of day 0: his lifecycle stage."""
    return min(lifecycle_stage(eve.day - m.last_order, m.orders, books.thresholds) - 1, posting.NEWCOMER - 1)


@kernel
def engaged_rows(engaged: Any, moved: Any, today: int, windows: Any, out: Any) -> None:
    """Carry the book of the engaged forward and count those with a sign of life within each window."""
    for place in range(engaged.shape[0]):
        engaged[place] += moved[place]
        moved[place] = 0
    for w in range(windows.shape[0]):
        total = 0
        for place in range(max(today - windows[w] + 1, 0), today + 1):
            total += engaged[place]
        out[w] = total


@kernel
def permission_rows(rows: Any, relations: Any, low: int, high: int, out: Any) -> None:
    """Listed members by permission: the witness of the books' reachable, muted and blocked."""
    for i in range(low, high):
        if rows[i].listed == 1:
            out[relations[i].permission] += 1


@kernel
def newcomers_until(luck: Any, expected: float, count: int, next_at: float) -> Any:
    """How many newcomers have come once `expected` have been expected: (count, when the next one comes).

    The clock of arrivals counts expected newcomers; the n-th comes when it passes the sum of n keyed
    exponential gaps: a Poisson process whose rate may change from day to day.
    """
    while next_at < expected:
        count += 1
        next_at += rng.exponential(luck, rng.MARKET_KEY, rng.ARRIVAL_GAP, count)
    return count, next_at


class World:
    """One replication of a plan, lived a day at a time.

    threads: ranges of rows that are lived at once; the result does not depend on it.
    """

    def __init__(self, plan: Plan, seed: int, replication: int = 0, threads: int = 1) -> None:
        self.plan = plan
        self.luck = np.uint64(rng.stream(seed, replication))
        self.threads = threads
        self.operated = plan.operated or plan.strategy.operated
        self.population = Population(self.operated)
        self.history = plan.founders.history
        self.day = 0
        self.conditions = plan.founders.conditions(self.luck, plan)
        self.settings = record(self.conditions.behaviour)
        self.responses = record(plan.response)
        usual = 100.0 * self.conditions.behaviour.spending.median_order
        known = plan.founders.count, usual, self.responses
        self.operator = Operator(plan.strategy, plan.start, plan.market, *known) if self.operated else None
        self._communities = self.operator.communities if self.operator is not None else None
        speed = daily_speed(
            plan.season or monthly_speed(plan.market.season),
            plan.start - dt.timedelta(self.history),
            self.history + plan.days,
        )
        speed *= festival_speed(plan.market.calendar, plan.start - dt.timedelta(self.history), len(speed))
        self.clock = wind_clock(self.luck, speed, self.conditions.weekly_sd, self.conditions.memory, self.history)
        self.clock -= self.clock[self.history]
        self._months = plan.month_index(-self.history, self.history + plan.days)
        self._month_zero = int(plan.month_index(0, 1)[0])
        self._thresholds = thresholds(plan.stages, plan.market.cycle_days)
        self.books = self._new_books(plan.days)
        self._helpers = [self._new_books(plan.days) for _ in range(threads - 1)]
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self._desk: Desk | None = None
        self._losses = [np.zeros(0, dtype=posting.LOST)]
        self._newcomers = 0
        self._expected = 0.0
        self._next_newcomer = float(rng.exponential(self.luck, rng.MARKET_KEY, rng.ARRIVAL_GAP, 0))
        plan.founders.settle(self)
        self.recruiter = Recruiter(self) if self.operated else None
        self._open_books()

    def _new_books(self, days: int) -> Books:
        months = int(self._months[-1]) - self._month_zero + 1
        offers = len(self.operator.offers) if self.operator is not None else None
        groups = 0 if self._communities is None else self._communities.count
        return accounting.new_books(days, int(self._months[-1]) + 1, months, self._thresholds, offers, groups)

    def _open_books(self) -> None:
        self._recency = np.zeros_like(self.books.moved)
        for rows, _, low, high in self.population.ranges():
            accounting.recency(rows, low, high, self.books, self._recency)
        self.opening = self.census(-1)
        self.stocks = np.zeros((self.plan.days, *self.opening.shape), dtype=np.int64)
        grouped = self.plan.days if self._communities is not None else 0
        self.groups = np.zeros((grouped, len(LEVELS), len(DAILY)), dtype=np.int64)
        self.engaged = np.zeros((self.plan.days if self.operated else 0, len(ENGAGED)), dtype=np.int64)
        if self.operator is not None:
            self._spent_before = self.population.column("spend")
            desk = self.operator.desk([], set())
            self._ops, self._perks = desk.ops, desk.perks
            number = 0
            for rows, relations, _, due, low, high in self.population.operated_ranges():
                eve, people = self.today(-1), (self.settings, self.responses)
                meet_rows(rows, relations, due, low, high, number, eve, self._ops, *people, self.books)
                number += high - low
            self._engaged = self.books.engaged.copy()
            self.books.engaged[:] = 0

    def today(self, day: int) -> Today:
        """The day `day` as members see it."""
        at = day + self.history
        month = int(self._months[at]) if at >= 0 else self._month_zero
        row, month_row = day if day >= 0 else at, max(month - self._month_zero, 0)
        return Today(day, at, row, month, month_row, self.luck, self.clock, self.plan.market.cycle_days)

    def need_a_day(self) -> None:
        """Refuse to go on beyond the plan's last day."""
        if self.day >= self.plan.days:
            raise InputError(f"day {self.day}: this run was planned for {self.plan.days} days; plan more")

    def step(self) -> None:
        """Live one day: the members, then newcomers, then the books."""
        self.need_a_day()
        today = self.today(self.day)
        if self.operator is None:
            self.live(today, [self.books, *self._helpers])
        else:
            desk = self.desk_today()
            self.live_operated(today, desk, [self.books, *self._helpers])
        self.evening(today)

    def desk_today(self) -> Desk:
        """The operator's desk of today; the first to ask for it has him decide whom to reach with what."""
        assert self.operator is not None
        if self._desk is None:
            self.reserve_news()
            desk = self._desk = self.operator.morning(self.today(self.day), self.population, self.books)
            if desk.ops.tobytes() != self._ops.tobytes() or desk.perks.tobytes() != self._perks.tobytes():
                # business is run another way from today on: everybody notices
                self._ops, self._perks = desk.ops, desk.perks
                for _, _, _, due, low, high in self.population.operated_ranges():
                    np.minimum(due[low:high], self.day, out=due[low:high])
        return self._desk

    def reserve_news(self) -> None:
        """Room for whatever all members may tell, and be lost by, today; memory is taken as it is written to."""
        need = NEWS_A_DAY * self.population.count
        if len(self.books.news) < need:
            lost = 2 * posting.LOSSES_A_DAY * self.population.count

            def wider(books: Books) -> Books:
                news = np.empty((2 * need, posting.NEWS), dtype=np.int64)
                return books._replace(news=news, losses=np.empty(lost, dtype=posting.LOST))

            self.books = wider(self.books)
            self._helpers = [wider(books) for books in self._helpers]

    def live(self, today: Today, books: Sequence[Books]) -> None:
        """Everybody's day in the base life."""
        self._spread(self._live_range, WORTH_A_THREAD, books, today)

    def live_operated(self, today: Today, desk: Desk, books: Sequence[Books]) -> None:
        """Everybody's day where an operator speaks to members; a member is four times the work and more."""
        self._spread(self._live_operated_range, WORTH_A_THREAD // 4, books, today, desk)

    def _spread(self, life: Callable[..., None], worth: int, books: Sequence[Books], *known: Any) -> None:
        """Live ranges of rows, at once where that is worth it, each with books of its own; worth: rows a thread."""
        count, shares = self.population.count, len(books)
        if self._pool is None or shares == 1 or count < worth * self.threads:
            life(0, count, *known, books[0])
            return
        bounds = [count * n // shares for n in range(shares + 1)]
        jobs = [self._pool.submit(life, bounds[n], bounds[n + 1], *known, books[n]) for n in range(shares)]
        for job in jobs:
            job.result()

    def _live_range(self, start: int, stop: int, today: Today, books: Books) -> None:
        for rows, due, low, high in self.population.ranges(start, stop):
            live_rows(rows, due, low, high, today, self.settings, books)

    def _live_operated_range(self, start: int, stop: int, today: Today, desk: Desk, books: Books) -> None:
        for rows, relations, touches, due, low, high in self.population.operated_ranges(start, stop):
            live_operated_rows(
                rows, relations, touches, due, low, high, today, desk, self.settings, self.responses, books
            )

    def evening(self, today: Today) -> None:
        """Newcomers join, threads' books are added up, the day is closed."""
        self._welcome(today)
        self._count_losses()
        for other in self._helpers:
            self.books.moved[:] += other.moved
            other.moved[:] = 0
            for name in ("events", "flows", "activity", *(("responses", "ladder") if self.operated else ())):
                getattr(self.books, name)[today.row] += getattr(other, name)[today.row]
                getattr(other, name)[today.row] = 0
            self.books.engaged[:] += other.engaged
            other.engaged[:] = 0
            self.books.groups[:] += other.groups
            other.groups[:] = 0
        before = self.stocks[today.row - 1] if today.row else self.opening
        accounting.close_day(today.day, today.row, self.books, self._recency, before, self.stocks[today.row])
        if self.operated:
            place = int(posting.anchor(today.day, self.books))
            engaged_rows(self._engaged, self.books.engaged, place, np.array(ENGAGED), self.engaged[today.row])
        if self._communities is not None:
            self._communities.evening(self.responses, self.books, self.groups[today.row])
        self.day += 1
        self._desk = None

    def live_past(self, keys: np.ndarray, joined: np.ndarray) -> None:
        """Settle founders who joined on known days (negative) and lived since by the rules of this world.

        keys: uint64[n]; joined: int64[n], none before `-history`. What they do goes into books that are thrown away.
        """
        people = self.population
        people.reserve(len(keys))
        people.count = len(keys)
        spare = self._new_books(self.history)
        first = 0
        for rows, due, low, high in people.ranges():
            part = slice(first, first + high - low)
            found_rows(
                rows,
                due,
                low,
                high,
                keys[part],
                joined[part],
                self._months,
                self.today(-1),
                self.settings,
                spare,
            )
            first = part.stop
        for day in range(-self.history, 0):
            self.live(self.today(day), [spare])

    def _welcome(self, today: Today) -> None:
        founders = self.plan.founders.count
        start, most = self._newcomers, self.plan.market.size - founders
        came = start
        if start < most:
            self._expected += float(self.conditions.arrivals[today.row])
            came, self._next_newcomer = newcomers_until(self.luck, self._expected, start, self._next_newcomer)
            came = self._newcomers = min(came, most)
        person = founders + start
        if self.recruiter is not None:
            assert self.operator is not None
            self.recruiter.evening(self, today, range(person, founders + came), self.operator.entrances, self._news())
            return
        people = self.population
        people.reserve(came - start)
        row = people.count
        people.count += came - start
        for rows, due, low, high in people.ranges(row):
            join_rows(rows, due, low, high, person, today, self.settings, self.books)
            person += high - low

    def _news(self) -> np.ndarray:
        """What members told others today, by all threads; the page is turned."""
        parts: list[np.ndarray] = []
        for books in (self.books, *self._helpers):
            parts.append(books.news[: books.told[0]].copy())
            books.told[0] = 0
        return np.concatenate(parts)

    def _count_losses(self) -> None:
        """Today's entries of the ledger of losses, by all threads, in order of keys."""
        parts: list[np.ndarray] = []
        for books in (self.books, *self._helpers):
            if books.told[1] > len(books.losses):
                raise ArithmeticError("more losses today than there is room for in the ledger")
            parts.append(books.losses[: books.told[1]])
            books.told[1] = 0
        lost = np.concatenate(parts)
        if len(lost):
            self._losses.append(lost[np.lexsort((lost["way"], lost["key"]))])

    def run(self, progress: Callable[[int], None] | None = None) -> Ledger:
        """Live all days of the plan and return the finished books."""
        while self.day < self.plan.days:
            self.step()
            if progress is not None:
                progress(self.day)
        return self.ledger()

    def census(self, day: int) -> np.ndarray:
        """Count the rows as they stand at the end of `day`: int64 [channel, STOCKS]."""
        counted = np.zeros((len(posting.CHANNELS), len(accounting.STOCKS)), dtype=np.int64)
        for rows, _, low, high in self.population.ranges():
            accounting.census(rows, low, high, day, self._thresholds, counted)
        return counted

    def ledger(self) -> Ledger:
        """The books so far."""
        cohorts, monthly = self.books.cohorts.copy(), self.books.monthly.copy()
        for other in self._helpers:
            cohorts += other.cohorts
            monthly += other.monthly
        books = self.books
        base = (self.opening, self.stocks, books.events, books.flows, books.activity, cohorts, monthly)
        if not self.operated:
            return Ledger(*base)
        segments, offers = books.segments.copy(), books.offers.copy()
        for other in self._helpers:
            segments += other.segments
            offers += other.offers
        assert self.recruiter is not None
        people, founders = self.population, self.plan.founders.count
        self.recruiter.lineage.reserve(people.count)
        spend, channel = people.column("spend"), people.column("channel")
        spend[: len(self._spent_before)] -= self._spent_before
        joined = np.maximum(people.column("joined").astype(np.int64), 0)
        happened = books.responses[: self.day]
        value = lineage.values(spend, channel, books.events[: self.day], happened)
        cost = np.zeros(people.count, dtype=np.int64)
        cost[founders:] = lineage.costs(joined[founders:], channel[founders:], happened)
        tree = lineage.family_tree(self.recruiter.lineage.links, joined, value, cost, self.day)
        grown = (self.recruiter.kept, tree, books.ladder, np.concatenate(self._losses))
        return Ledger(*base, books.responses, segments, offers, self.engaged, self.groups, *grown)

    def permissions(self) -> np.ndarray:
        """Count the listed members by permission as they stand: reachable, muted, blocked."""
        out = np.zeros(4, dtype=np.int64)
        for rows, relations, _, _, low, high in self.population.operated_ranges():
            permission_rows(rows, relations, low, high, out)
        return out[:3]


__all__ = ["NEVER", "Behaviour", "Conditions", "EmbeddedFounders", "Founders", "Plan", "Today", "World"]
