"""The operator's morning: ask the levers, choose whom to reach, and keep to the budget."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import Any, NamedTuple

import numpy as np

from sim import delivery
from sim.accounting import posting
from sim.advocacy import keep_advocates
from sim.behaviour import stockout
from sim.communities import NO_GROUPS, Communities
from sim.levers.content import Content
from sim.levers.lever import Morning, Piece
from sim.network import KNOWN, known
from sim.population import Population
from sim.strategy import Strategy
from sim.touch import COMMUNITY, OFFER, PERKS, SEND, SLOTS, TIERS, Entrance, Offer, Send, table
from sim.units import record
from sim.world.market import Market

OPS = np.dtype(
    (
        np.record,
        np.dtype(
            [
                (name, "f8")
                for name in (
                    "margin",
                    "knowledge",
                    "price",
                    "status",
                    "convenience",
                    "hunter_share",
                    "exclusive",
                    "clearance",
                    "mended_quality",
                    "mended_service",
                    "mended_logistics",
                    "founders",
                    "likely",
                    "public_hunters",
                    "public_wants",
                    "closed",
                    "refer",
                    "refer_one_sided",
                    "refer_reward",
                    "refer_needed",
                    "refer_privilege",
                    "refer_window",
                    "refer_most",
                    "refer_tier",
                    "advocates",
                    "sharing",
                    "show_reward",
                    "show_cents",
                    "deal",
                    "deal_needed",
                )
            ]
            + [("network", KNOWN)]
        ),
    )
)
COSTS = (
    posting.DISCOUNT,
    posting.SAMPLES,
    posting.MESSAGE_COST,
    posting.CONTENT_COST,
    posting.LABOUR_COST,
    posting.OPERATION_COST,
    posting.ACQUISITION_COST,
    posting.REWARD_COST,
    posting.BENEFIT_COST,
    posting.POINTS_COST,
)
"""What is charged to a strategy's budget, besides the offers that are still open."""
MONTH = 30.4375
COUNT_AGAIN = 30
"""Days after which it is counted anew how many members hold each tier."""


class Desk(NamedTuple):
    """What a member's day needs to know of the operator's: sends [n] of `SEND`; offers [n] of `OFFER`; ops [1] of
    `OPS`: the market, and how the business is run today; perks [1] of `PERKS`: what membership gives today;
    groups [n] of `communities.GROUP`.
    """

    sends: np.ndarray
    offers: np.ndarray
    ops: np.ndarray
    perks: np.ndarray
    groups: np.ndarray = NO_GROUPS


class Programme:
    """A content programme on a given day, as messaging sees it."""

    def __init__(self, content: Content, start: dt.date, day: int, majority: int) -> None:
        self.content, self.start, self.day, self.majority = content, start, day, majority
        self.days = content.days()

    def weekday(self, day: int) -> int:
        """The weekday of a day of the run: 0 is Monday."""
        return (self.start.weekday() + day) % 7

    def sending(self, day: int) -> bool:
        """Whether the programme sends on this day of the run."""
        return self.days[self.weekday(day)] != "none"

    def piece(self, number: int, per_week: float) -> Piece:
        """Today's piece for message `number`."""
        weekday = self.weekday(self.day)
        return self.content.piece(number, per_week, self.day - self.content.start, weekday, self.majority)


class Operator:
    """One strategy at work in one world.

    start: the date of day 0; founders: how many members there are on it; usual: cents of a usual order; q: how people
    respond, for what shows on their faces. The operator reads members' rows only where a lever's audience, the guard
    or the tags do, which is in `delivery`.
    """

    def __init__(
        self,
        strategy: Strategy,
        start: dt.date,
        market: Market,
        founders: int,
        usual: float = 10_000.0,
        q: Any = None,
    ) -> None:
        self.strategy = strategy
        self.start = start
        self.founders = founders
        self.usual = usual
        self.responses = q
        self.entrances: list[Entrance] = []
        self.levers = list(strategy.levers())
        offers: list[Offer] = []
        self.first_offer: dict[str, int] = {}
        for name, lever in self.levers:
            self.first_offer[name] = len(offers)
            offers += lever.offers()
        self.offers = table(offers or [Offer(0, 0.0)], OFFER)
        self.market = market
        self.channels = market.channels.each()
        self.network = known(market.network, max(market.size, founders))[0].item()
        self.majority = int(np.argmax(astuple(market.segments)))  # what most want: market research, not the rows
        self.tags = record(strategy.tags)
        self._advocates: list[int] = []
        self.communities = Communities(strategy.community) if strategy.community.on else None
        self._heavy, self._heavy_until = 0.0, -1
        joining = market.joining
        self._sold_to = (market.margin, *astuple(market.segments), market.hunter_share)
        self._entrance = (
            self.founders,
            joining.likely(self.founders, market.size),
            joining.public_hunters,
            joining.public_wants,
            float(joining.closed),
        )
        self._month_opening = (-1, 0)
        self._produced = 0.0
        self._held = np.zeros(len(TIERS))
        self._counted = -1
        self._owed = np.zeros(len(posting.CHANNELS))

    def desk(self, sends: Sequence[Send], names: set[str], day: int = -1, served: bool = True) -> Desk:
        """The desk of a day, with the levers of these names at work; served: whether services of tiers are paid."""
        ops = np.zeros(1, dtype=OPS)
        goods = self.strategy.assortment if "assortment" in names else None
        mending = self.strategy.mending if "mending" in names else None
        ops[0] = (
            *self._sold_to,
            goods.exclusive if goods else 0.0,
            goods.clearance if goods else 0.0,
            mending.quality if mending else 0.0,
            mending.service if mending else 0.0,
            mending.logistics if mending else 0.0,
            *self._entrance,
            *self._telling(names, day),
            self.network,
        )
        groups = self.communities.table("community" in names) if self.communities is not None else NO_GROUPS
        return Desk(table(sends, SEND), self.offers, ops, self._perks(names, day, served), groups)

    def _perks(self, names: set[str], day: int, served: bool) -> np.ndarray:
        """What membership gives on a day."""
        perks = np.zeros(1, dtype=PERKS)
        weekday = (self.start.weekday() + day) % 7
        for name in ("tiers", "member_day", "points"):
            if name in names:
                getattr(self.strategy, name).give(perks[0], day, weekday)
        if "tiers" in names:
            perks[0].held[:] = self._held
            if not served:
                perks[0].service[:] = 0.0
        return perks

    def _serve(self, day: int, left: float, today: Any, population: Population, books: Any) -> tuple[bool, float]:
        """Pay for what tiers are given beside prices, by those who hold them this morning; count them each month.

        Whether it could be paid, and what is left: prices and points are promises, a service can rest.
        """
        counts = np.zeros((len(posting.CHANNELS), len(TIERS)), dtype=np.int64)
        for rows, relations, _, _, low, high in population.operated_ranges():
            delivery.tier_rows(rows, relations, low, high, counts)
        tiers = self.strategy.tiers
        if self._counted < tiers.start or day - self._counted >= COUNT_AGAIN:
            total = counts.sum(axis=0)
            self._held = total[::-1].cumsum()[::-1] / max(total.sum(), 1)
            self._counted = day if day > tiers.start else self._counted  # on the first day nobody holds a tier yet
        owed = self._owed + counts @ np.array(tiers.services()) / MONTH
        cost = np.floor(owed).astype(np.int64) - np.floor(self._owed).astype(np.int64)
        if cost.sum() > left:
            return False, left
        self._owed = owed
        books.responses[today.row, :, posting.BENEFIT_COST] += cost
        return True, left - float(cost.sum())

    def _telling(self, names: set[str], day: int) -> tuple[float, ...]:
        """What members gain by telling others, as fields of OPS."""
        refer, share = self.strategy.referral, self.strategy.sharing
        weight = self.market.rivals.weight(max(day - refer.start, 0))
        scheme = (
            1.0,
            float(refer.one_sided),
            weight * 100.0 * refer.reward / refer.needed / self.usual,
            float(refer.needed),
            refer.privilege,
            float(refer.window),
            float(refer.most),
            float(refer.tier),
        )
        group = self.strategy.group_buying
        deal = (self.market.rivals.weight(max(day - group.start, 0)) * 100.0 * group.value / self.usual, group.needed)
        shows = (1.0, 100.0 * share.reward / self.usual, 100.0 * share.reward)
        return (
            *(scheme if "referral" in names else (0.0,) * len(scheme)),
            float("advocates" in names),
            *(shows if "sharing" in names else (0.0,) * len(shows)),
            *(deal if "group_buying" in names and group.open(day) else (0.0,) * len(deal)),
        )

    def morning(self, today: Any, population: Population, books: Any) -> Desk:
        """Choose today's messages and whom they reach; write touches, and costs into the books."""
        day = today.day
        date = self.start + dt.timedelta(day)
        acting = [(name, lever) for name, lever in self.levers if lever.start <= day < lever.stop]
        names = {name for name, _ in acting}
        if self.communities is not None:
            self.communities.morning(today, population, self.responses, books)
        left = self._left(today, date, books)
        left = self._run_business(names, day, population.count, left, today, books)
        if left <= 0.0:
            names.discard("member_day")
        acting = [(name, lever) for name, lever in acting if name in names]
        served = True
        if "tiers" in names:
            served, left = self._serve(day, left, today, population, books)
        sends: list[Send] = []
        self.entrances = []
        programme = Programme(self.strategy.content, self.start, day, self.majority) if "content" in names else None
        for name, lever in acting:
            morning = Morning(
                day=day,
                first_offer=self.first_offer[name],
                pieces=programme,
                wage=100.0 * self.strategy.budget.wage / 60.0,
                heavy=self._heavy_spend(day, population) if name == "messaging" else 0.0,
                channels=self.channels,
                rise=self.market.channels.rise,
                usual=self.usual,
                month=MONTH,
            )
            if name == "advocates":
                self._advocates, left = keep_advocates(
                    self.strategy.advocates, self._advocates, today, population, self.responses, left, books
                )
            for entrance in lever.entrances(morning):
                spent = min(entrance.budget, max(left, 0.0))
                left -= spent
                weight, appeal = self.market.rivals.weight(day - lever.start), entrance.appeal
                appeal = replace(appeal, reward=weight * appeal.reward, earn=weight * appeal.earn)
                self.entrances.append(replace(entrance, appeal=appeal, budget=spent))
            wished = lever.sends(morning)
            if name == "messaging" and "content" in names:
                wished, left = self._produce(wished, left, today, books)
            sends += wished
        if self.communities is not None and self.communities.lever.start <= day < self.communities.lever.stop:
            sends = [replace(send, grouped=1) if send.path == COMMUNITY else send for send in sends]
        sends = sends[:SLOTS]
        desk = self.desk(sends, names, day, served)
        if desk.perks[0].event > 0.0 and self.strategy.member_day.stock is not None:
            desk.perks[0].sold_out = self._sold_out(self.strategy.member_day.stock, desk, today, population)
        if sends or ("tags" in names and self.strategy.tags.learn):
            self._deliver(desk, date, left, today, population, books, "tags" in names)
        return desk

    def _sold_out(self, stock: float, desk: Desk, today: Any, population: Population) -> float:
        """The chance that an order of this member day finds nothing left; stock: orders a hundred members."""
        counts = [
            delivery.count_wishes(rows, relations, low, high, today, desk, self.responses)
            for rows, relations, _, _, low, high in population.operated_ranges()
        ]
        wished, listed = (float(sum(some)) for some in zip(*counts, strict=True))
        return stockout.sold_out_chance(stock * listed / 100.0, wished)

    def _left(self, today: Any, date: dt.date, books: Any) -> float:
        """Cents that may still be committed today."""
        budget = self.strategy.budget
        if budget.total is None and budget.monthly is None:
            return np.inf
        booked = books.responses[: today.row].sum(axis=(0, 1))
        spent = int(booked[list(COSTS)].sum())
        open_ = int(booked[posting.ISSUED_CENTS] - booked[posting.REDEEMED_CENTS] - booked[posting.EXPIRED_CENTS])
        month = date.year * 12 + date.month
        if self._month_opening[0] != month:
            self._month_opening = (month, spent)
        left = np.inf
        if budget.total is not None:
            left = min(left, 100.0 * budget.total - spent - open_)
        if budget.monthly is not None:
            left = min(left, 100.0 * budget.monthly - (spent - self._month_opening[1]) - open_)
        return left

    def _run_business(self, names: set[str], day: int, members: int, left: float, today: Any, books: Any) -> float:
        """Standing costs of the day: tags and mending; what cannot be paid does not act today."""
        costs = {
            "tags": 100.0 * self.strategy.tags.cost * members / 1000.0 / MONTH,
            "mending": 100.0 * self.strategy.mending.cost / MONTH,
        }
        for name in sorted(names & set(costs)):
            cost = int(costs[name] * (day + 1)) - int(costs[name] * day)  # whole cents, exact over the run
            if cost > left:
                names.discard(name)
                continue
            books.responses[today.row, posting.EXISTING, posting.OPERATION_COST] += cost
            left -= cost
        if self.communities is not None and "community" in names:
            cost = self.communities.cost(100.0 * self.strategy.budget.wage)
            if cost > left:
                names.discard("community")
            else:
                books.responses[today.row, posting.EXISTING, posting.LABOUR_COST] += cost
                left -= cost
        return left

    def _produce(self, sends: list[Send], left: float, today: Any, books: Any) -> tuple[list[Send], float]:
        """Produce the content of today's messages; without money for it there are none."""
        content, per_week = self.strategy.content, self.strategy.messaging.per_week
        if not sends:
            return sends, left
        produced = self._produced + content.produced(len(sends), per_week)
        cost = int(100.0 * content.piece_cost * produced) - int(100.0 * content.piece_cost * self._produced)
        if cost > left:
            return [], left
        self._produced = produced
        books.responses[today.row, posting.EXISTING, posting.CONTENT_COST] += cost
        return sends, left - cost

    def _heavy_spend(self, day: int, population: Population) -> float:
        """The spend in cents that parts the top fifth of members from the rest, looked up each month."""
        if self.strategy.messaging.buyers == "heavy" and day > self._heavy_until:
            here = population.column("listed") == 1
            self._heavy = float(np.quantile(population.column("spend")[here], 0.8))
            self._heavy_until = day + 29
        return self._heavy

    def guard_on(self, date: dt.date) -> np.ndarray:
        """What the guard allows on a day: a record, for compiled rules."""
        first = date.replace(day=1)
        return self.strategy.guard.record(((first + dt.timedelta(32)).replace(day=1) - first).days)

    def _deliver(
        self, desk: Desk, date: dt.date, left: float, today: Any, population: Population, books: Any, tagging: bool
    ) -> None:
        guard = self.guard_on(date)
        tags = self.tags.copy()
        tags[0].on = float(tagging)
        wanted = np.zeros(len(desk.sends), dtype=np.int64)
        for rows, relations, touches, due, low, high in population.operated_ranges():
            delivery.choose_rows(
                rows, relations, touches, due, low, high, today, desk.sends, guard, tags, wanted, books
            )
        if left == np.inf:
            return
        cut = False
        for bit, send in enumerate(desk.sends):
            most = float(self.offers["most"][send.offer]) if send.offer >= 0 else 0.0
            unit = round(float(send.cost)) + round(float(send.labour)) + most
            affordable = int(max(left, 0.0) // unit) if unit > 0 else int(wanted[bit])
            if wanted[bit] > affordable:
                cut = True
                self._cut(bit, int(wanted[bit]), affordable, desk, today, population, books)
            left -= unit * min(int(wanted[bit]), affordable)
        if cut and self.strategy.guard.marketing_share < 1.0:
            for rows, relations, touches, _, low, high in population.operated_ranges():
                delivery.keep_share_rows(rows, relations, touches, low, high, today, desk.sends, guard, books)

    def _cut(
        self, bit: int, wanted: int, affordable: int, desk: Desk, today: Any, population: Population, books: Any
    ) -> None:
        """Keep the affordable number of a message's receivers: those with the lowest keyed draws."""
        draws, count = np.zeros(wanted), 0
        slot = int(desk.sends[bit].slot)
        for rows, _, touches, _, low, high in population.operated_ranges():
            count = delivery.draws_of(rows, touches, low, high, today, slot, bit, draws, count)
        below = float(np.partition(draws, affordable)[affordable])
        for rows, relations, touches, _, low, high in population.operated_ranges():
            delivery.cut_rows(rows, relations, touches, low, high, today, desk.sends, bit, below, books)


__all__ = ["COSTS", "OPS", "Desk", "Operator", "Programme"]
