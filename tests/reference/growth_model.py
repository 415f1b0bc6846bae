"""A growing membership, written a second time: who is reached, by whom, who joins, and what it does to both.

It follows sections 7.5, 7.18, 7.31, 7.37 and 7.42 to 7.44 of docs/MODEL.md on top of the plain operated model of this
folder, and shares with the simulator its luck, its elementary functions and the settings. Persons of the market are
looked up anew whenever somebody thinks of them. Not covered: gates, tiers, points, groups, group deals, budgets.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from sim import rng
from sim.numbers import exp, log
from sim.world.channels import Channel
from tests.reference.network_model import NOBODY, Circles
from tests.reference.null_model import NullModel
from tests.reference.operated_model import (
    BENEFIT,
    BLOCKED,
    NEVER,
    ORDINARY_TRUST,
    REACHABLE,
    Life,
    Message,
    OperatedModel,
    Terms,
    logistic,
)

PAID = ("trial_ads", "store_qr", "live_room", "content_platform", "ecommerce", "partner")
MONTH = 30.4375
SHOWN, SHOWN_TO = 1_000_000, 100
ENTRANCE = 900_000_000
CHANNEL = 18938268763440460 * 2**8
MOST_INVITED, MOST_TOLD = 30_000, 8
CHOSEN_EVERY = 30


@dataclass
class Company:
    """What stands between a member and those whom he knows."""

    row: int
    channel: str
    inviter: int = -1
    urge: float = 0.0
    rate: float = 0.0
    invites: int = 0
    brought: int = 0
    guarded: bool = False
    earned: bool = False
    cared: int | None = None
    children: list[Life] = field(default_factory=list)


@dataclass(frozen=True)
class Appeal:
    """What waits behind an entrance."""

    intent: float = 0.0
    reward: float = 0.0
    earn: float = 0.0
    push: float = 0.0
    price: int = 0
    kit: int = 0
    with_order: bool = False
    coupon: Terms | None = None
    coverage: float = 0.0
    contact: bool = True


@dataclass(frozen=True)
class Approach:
    """One person is reached."""

    place: int
    channel: str
    turn: float
    inviter: Life | None = None
    stays: bool = False
    tie: float = 0.0
    trust: float = 0.0


class GrowthModel(OperatedModel):
    """The lives of founders and of all who join, by themselves, through an entrance, or through each other."""

    GROWS = True

    def __init__(self, *settings: Any, **more: Any) -> None:
        self.company: dict[int, Company] = {}
        self.by_channel: dict[tuple[str, str], list[int]] = {}
        self.told_today: list[tuple[Life, str, int, int]] = []
        self.parted_today: list[Life] = []
        self.persuaded: dict[int, float] = {}
        self.rows: dict[int, Life] = {}
        self.known_people: dict[int, Life] = {}
        self.purse: dict[str, float] = {}
        self.bought: dict[str, int] = {}
        self.spent: dict[str, float] = {}
        self.advocates: list[Life] = []
        self.founders = settings[2]
        super().__init__(*settings, **more)
        for m in self.members:
            self._enter_company(m, "existing")

    def _enter_company(self, m: Life, channel: str) -> Company:
        own = Company(len(self.company), channel, urge=self._exponential(m.key, rng.URGE, 0))
        self.company[m.key] = own
        self.rows[m.key] = m
        return own

    @cached_property
    def circles(self) -> Circles:
        """Who knows whom."""
        return Circles(self.luck, self.market.network, self.market.size)

    def _circle(self, place: int, layer: int) -> int:
        return self.circles.key(place, layer)

    def _book(self, name: str, channel: str, amount: int = 1) -> None:
        self.by_channel.setdefault((name, channel), [0] * self.days)[self.day] += amount

    # -- what people of the market are like ------------------------------------------------------------------------
    def _public(self, place: int) -> bool:
        return place >= self.founders + self.market.joining.likely_share * (self.market.size - self.founders)

    def _kind(self, key: int) -> tuple[float, float]:
        if self._public(key):
            return self.response.temperament.public_fit, self.market.joining.public_hunters
        return 0.0, self.market.hunter_share

    def _person(self, place: int) -> Life:
        """What a person of the market is like, whether he ever joins or not."""
        if place not in self.known_people:
            self.known_people[place] = self._new_life(place, -1)
        return self.known_people[place]

    def _new_life(self, place: int, evening: int) -> Life:
        m = self._meet(self.clocked._join(place, 1, evening), evening)
        t = self.response.temperament
        alike = (t.alike_close, t.alike_friends, t.alike_acquaintances)
        m.wants = not self._public(place) or self._among(
            self._in_circles(place, 8, alike), self.market.joining.public_wants
        )
        return m

    @cached_property
    def clocked(self) -> NullModel:
        """The base life of whoever joins during the run."""
        model = NullModel.__new__(NullModel)
        model.behaviour, model.luck, model.clock = self.behaviour, self.luck, self.clock
        return model

    # -- hooks of the operated life --------------------------------------------------------------------------------
    def _company(self, m: Life) -> float:
        own = self.company.get(m.key)
        return self.response.joining.company if own is not None and own.guarded else 1.0

    def _ties(self, m: Life) -> tuple[float, float]:
        j = self.response.joining
        return 1.0 if m.wants else j.idle_pace, j.guard if self.company[m.key].guarded else 1.0

    def _acts_today(self, lever: Any, day: int) -> bool:
        return lever.on and lever.start <= day < lever.stop

    def _matched(self, lever: Any, day: int) -> float:
        """What a reward still weighs now that rivals have had time to answer."""
        rivals = self.market.rivals
        months = max(day - lever.start, 0) // 30
        return 1.0 - rivals.matched * (1.0 - exp(-30.0 * months / rivals.days))

    def _share_of_order(self, cny: float) -> float:
        return 100.0 * cny / (100.0 * self.behaviour.spending.median_order)

    def _scheme(self, day: int) -> tuple[float, ...]:
        """What members gain by telling others on a day."""
        refer, sharing = self.strategy.referral, self.strategy.sharing
        out: list[float] = [self._acts_today(self.strategy.advocates, day)]
        if self._acts_today(refer, day):
            out += [1.0, self._matched(refer, day) * refer.reward]
        out += [2.0] if self._acts_today(sharing, day) else []
        return tuple(out)

    def _desk_changes(self) -> bool:
        return super()._desk_changes() or self._scheme(self.day) != self._scheme(self.day - 1)

    def _recover(self, m: Life) -> None:
        own = self.company[m.key]
        own.urge -= (self.day - m.seen) * own.rate
        super()._recover(m)

    def _leaves(self, m: Life) -> bool:
        left = super()._leaves(m)
        if left and self.company[m.key].brought:
            self.parted_today.append(m)
        return left

    def _lapse(self, m: Life) -> None:
        super()._lapse(m)
        if m.key in self.company and self.company[m.key].brought:
            self.parted_today.append(m)

    def _live(self, m: Life, reached: list[Message]) -> None:
        self._recover(m)
        if self._leaves(m):
            return
        for message in reached:
            self._receive(m, message)
        own = self.company[m.key]
        if own.earned:
            self._use_earned(m, own)
        if m.attached:
            self._visit(m)
        if m.attached:
            self._order_in_time(m)
        if m.attached and m.drift_at < self.day + 1:
            m.attached = False
            self._count("drifted")
            self._lapse(m)
        self._tell(m, own)
        own.rate = float(np.float32(sum(self._urges(m, own))))
        if m.attached:
            self._set_pace(m)
        self._set_due(m)
        if own.rate > 0.0:
            m.due = min(m.due, self.day + 1 + math.floor(min(max(own.urge, 0.0) / own.rate, 1e6)))

    def _stirs(self, m: Life) -> bool:
        """So do those of one who has drifted away and has yet an urge to invite: for the reward."""
        return m.attached or self.company[m.key].rate > 0.0

    def _use_earned(self, m: Life, own: Company) -> None:
        """A coupon that he earned yesterday draws his next order, or him back."""
        own.earned = False
        depth = 1.0 - self._price(m)
        come, back = self._two(m.key, rng.EARNED, own.brought)
        if m.attached:
            self._draw(m, depth, come)
        elif m.paused:
            self._come_back(m, Message(0, BENEFIT, 0, 0.0, "direct", 1.0, 0), 1.0, depth, back)

    # -- inviting --------------------------------------------------------------------------------------------------
    def _sociality(self, m: Life) -> float:
        spread = self.response.inviting.spread
        return exp(spread * self._normal(m.key, rng.TEMPERAMENT, 9) - 0.5 * spread * spread)

    def _urges(self, m: Life, own: Company) -> tuple[float, float, float]:
        """His hazards of inviting: unasked, for the scheme, as an advocate."""
        i, refer = self.response.inviting, self.strategy.referral
        if self.market.joining.closed or own.invites > MOST_INVITED:
            return 0.0, 0.0, 0.0
        liking = i.ordinary * (m.trust / ORDINARY_TRUST) * (m.trust / ORDINARY_TRUST) * (i.fit_low + m.fit)
        unasked = scheme = advocate = 0.0
        if m.attached and m.trust > m.trust_rest:
            rest = m.trust_rest / m.trust
            unasked = liking * (1.0 - rest * rest)
        speaks = (m.attached or m.hunter) and m.permission == REACHABLE
        young = refer.window == 0 or self.day - m.joined < refer.window
        if self._acts(refer) and speaks and young and (refer.most == 0 or own.brought < refer.most):
            r = self._matched(refer, self.day) * self._share_of_order(refer.reward) / refer.needed
            gain = i.reward * r * self._taste(m) + i.privilege * refer.privilege * (1.0 if m.need == 2 else 0.5)
            scheme = i.prompted * liking * (1.0 + gain)
            if refer.reward > 0.0 and refer.friend_reward == 0.0:
                greed = i.hunter if m.hunter else i.bribe * m.price_sensitivity
                scheme = scheme * i.guilt + greed * r
        if own.cared is not None and self._acts(self.strategy.advocates) and m.attached:
            advocate = i.advocate * exp(-(self.day - own.cared) / i.fading)
        social = self._sociality(m)
        return social * unasked, social * scheme, social * advocate

    def _tell(self, m: Life, own: Company) -> None:
        """When his urge is spent he tells somebody, for one of his reasons."""
        times = 0
        while own.urge <= 0.0 and times < MOST_TOLD:
            unasked, scheme, advocate = self._urges(m, own)
            total = unasked + scheme + advocate
            if total <= 0.0:
                own.urge = 1.0
                return
            which = total * self._first(m.key, rng.INVITING, own.invites)
            channel, count, refer = "word_of_mouth", 1, self.strategy.referral
            if which >= unasked + scheme:
                channel = "advocate"
            elif which >= unasked:
                channel = "referral"
                if refer.reward > 0.0 and refer.friend_reward == 0.0:
                    count = math.floor(refer.needed * self.response.inviting.insists)
            self.told_today.append((m, channel, count, own.invites))
            own.invites += count
            own.urge += self._exponential(m.key, rng.URGE, own.invites)
            times += 1

    def _show(self, m: Life) -> None:
        lever, i = self.strategy.sharing, self.response.inviting
        if not self._acts(lever):
            return
        cash = self._share_of_order(lever.reward)
        chance = (
            i.shown * self._sociality(m) * m.trust / ORDINARY_TRUST * (1.0 + i.shown_reward * cash * self._taste(m))
        )
        if self._first(m.key, rng.SHOWING, m.orders) < min(chance, 0.95):
            self._book("shares", self.company[m.key].channel)
            self._book("reward_cents", "sharing", round(100.0 * lever.reward))
            self.told_today.append((m, "sharing", i.viewers, m.orders))

    def _asked(self, m: Life, channel: str, first: int, number: int) -> tuple[int, int]:
        """Whom he thinks of, and in which layer: (place or nobody, layer)."""
        i, refer, place = self.response.inviting, self.strategy.referral, m.key
        if channel in ("advocate", "sharing"):
            index = number if channel == "advocate" else SHOWN + first * SHOWN_TO + number - first
            return self.circles.contact(
                place, math.floor(self._first(place, rng.TOLD, index) * self.circles.degree(place))
            )
        selfish = channel == "referral" and self._acts(refer) and refer.reward > 0.0 and refer.friend_reward == 0.0
        best, found = -math.inf, (NOBODY, 0)
        for which in range(number * i.chooses, (number + 1) * i.chooses):
            other = self.circles.contact(place, which)
            if other[0] == NOBODY:
                continue
            who = self._person(other[0])
            likes = float(who.hunter) if selfish else who.fit + who.wants - who.hunter
            if likes > best:
                best, found = likes, other
        return found

    # -- entrances -------------------------------------------------------------------------------------------------
    def _cash(self, cny: float, life: int, way: str) -> Terms | None:
        return Terms("cash", 100.0 * cny, 0, round(100.0 * cny), life, way=way) if cny > 0.0 else None

    def _appeal(self, channel: str) -> Appeal:
        refer, paid, advocates = self.strategy.referral, self.strategy.acquisition, self.strategy.advocates
        if channel == "referral" and self._acts(refer):
            weight = self._matched(refer, self.day)
            alone = refer.reward > 0.0 and refer.friend_reward == 0.0
            return Appeal(
                reward=weight * self._share_of_order(refer.friend_reward),
                earn=weight * self._share_of_order(refer.reward / refer.needed) if alone else 0.0,
                coupon=self._cash(refer.friend_reward, refer.coupon_life, "invited"),
            )
        if channel == "advocate" and self._acts(advocates):
            weight = self._matched(advocates, self.day)
            return Appeal(
                reward=weight * self._share_of_order(advocates.friend_reward),
                coupon=self._cash(advocates.friend_reward, advocates.coupon_life, "told"),
            )
        if channel == "sharing" and self._acts(self.strategy.sharing):
            return Appeal(intent=-1.0)
        if channel in PAID:
            market: Channel = getattr(self.market.channels, channel)
            gift = paid.bait if paid.hook == "bait" else 0.0
            return Appeal(
                intent=market.intent,
                reward=self._matched(paid, self.day) * self._share_of_order(paid.coupon + gift),
                push=paid.push,
                price=round(100.0 * paid.trial_price) if paid.hook == "trial" else 0,
                kit=round(100.0 * paid.kit_cost) if paid.hook in ("trial", "bait") else 0,
                with_order=paid.hook == "order",
                coupon=self._cash(paid.coupon, paid.coupon_life, "won"),
                coverage=market.coverage,
                contact=paid.contact,
            )
        return Appeal()

    def _week_price(self, place: int) -> float:
        c, shock = self.market.channels, 0.0
        for week in range(self.day // 7 + 1):
            z = self._normal(CHANNEL + 2 + place, rng.CHANNEL_PRICE, week)
            shock = c.shock * z if week == 0 else c.memory * shock + c.shock * math.sqrt(1.0 - c.memory**2) * z
        return exp(shock - 0.5 * c.shock**2)

    def _buy(self, place: int, name: str) -> list[Approach]:
        """Contacts that today's money buys."""
        money = getattr(self.strategy.acquisition, name)
        if not self._acts(self.strategy.acquisition) or money <= 0.0:
            return []
        market: Channel = getattr(self.market.channels, name)
        audience = max(math.floor(market.reach * self.market.size), 1)
        seats = max(math.floor(audience * (self.circles.a * self.circles.b / self.market.size)), 1)
        before = self.bought.get(name, 0)
        price = 100.0 * market.cost * exp(self.market.channels.rise * (before / audience)) * self._week_price(place)
        if market.change.start <= self.day < market.change.stop:
            if market.change.closed:
                return []
            price *= market.change.price
        purse = self.purse.get(name, 0.0) + 100.0 * money / MONTH
        count = math.floor(purse / price)
        self.purse[name] = purse - count * price
        self.bought[name] = before + count
        paid = self.spent.get(name, 0.0)
        self.spent[name] = paid + count * price
        self._book("acquisition_cents", name, math.floor(self.spent[name]) - math.floor(paid))
        out: list[Approach] = []
        row = self._channel_row(5 + place)
        for number in range(before, before + count):
            person = row[number % seats]
            if person != NOBODY:
                out.append(Approach(person, name, self._first(CHANNEL + 2 + place, rng.APPROACH, number)))
        self._book("contacts", name, len(out))
        return out

    def _channel_row(self, layer: int) -> list[int]:
        if layer not in self.channel_rows:
            self.channel_rows[layer] = self.circles.row(layer)
        return self.channel_rows[layer]

    @cached_property
    def channel_rows(self) -> dict[int, list[int]]:
        """Rows of seats of channels, once asked for."""
        return {}

    # -- the operator's morning: advocates -------------------------------------------------------------------------
    def _messages(self) -> list[Message]:
        lever = self.strategy.advocates
        if self._acts(lever):
            self._keep_advocates()
        return super()._messages()

    def _keep_advocates(self) -> None:
        """Every 30 days vacancies are filled; all are cared for every so many days, and when they are chosen."""
        lever = self.strategy.advocates
        age, cared = self.day - lever.start, []
        if age % CHOSEN_EVERY == 0:
            gone = [m for m in self.advocates if not m.listed or m.permission != REACHABLE]
            self.advocates = [m for m in self.advocates if m not in gone]
            for m in gone:
                self.company[m.key].cared = None
            open_to = [m for m in self.members if m.listed and m.permission == REACHABLE]
            open_to = [m for m in open_to if self.company[m.key].cared is None]
            open_to.sort(key=lambda m: (-self._looks(m), m.key))
            cared = open_to[: lever.count - len(self.advocates)]
            self.advocates = self.advocates + cared
        if age > 0 and age % lever.care_every == 0:
            cared = self.advocates
        for m in cared:
            self.company[m.key].cared = self.day
            m.due = min(m.due, self.day)
            self._book("reward_cents", "advocate", round(100.0 * lever.cost))

    def _looks(self, m: Life) -> float:
        """How much of an advocate he looks like."""
        lever = self.strategy.advocates
        if lever.choose == "random":
            return self._first(m.key, rng.CHOOSING, 1 + self.day)
        seen = lever.clarity * log(self._sociality(m))
        seen += math.sqrt(1.0 - lever.clarity**2) * self._normal(m.key, rng.CHOOSING, 0)
        return exp(seen) + self.company[m.key].brought + 0.1 * m.opens

    # -- the evening -----------------------------------------------------------------------------------------------
    def step(self) -> None:
        """One day, and who joins in its evening."""
        self.told_today, self.parted_today = [], []
        super().step()
        self.day -= 1
        self._evening()
        self.day += 1

    @cached_property
    def arrivals(self) -> list[int]:
        """The days of those who come by themselves."""
        days: list[int] = []
        time, per_day = 0.0, self.market.joining.yearly_share * self.founders / 365.0
        while per_day > 0.0 and len(days) < self.market.size - self.founders:
            time += self._exponential(int(rng.MARKET_KEY), rng.ARRIVAL_GAP, len(days)) / per_day
            if time >= self.days:
                break
            days.append(math.floor(time))
        return days

    def _evening(self) -> None:
        approaches = [
            Approach(self.founders + n, "organic", -1.0) for n, day in enumerate(self.arrivals) if day == self.day
        ]
        if not self.market.joining.closed:
            for place, name in enumerate(PAID):
                approaches += self._buy(place, name)
            for m, channel, count, first in sorted(self.told_today, key=lambda told: self.company[told[0].key].row):
                for number in range(first, first + count):
                    self._book("invitations", channel)
                    place, layer = self._asked(m, channel, first, number)
                    if place == NOBODY:
                        self._book("unanswered", channel)
                        continue
                    turn = self._first(m.key, rng.APPROACH, number)
                    tie = self.circles.tie(layer)
                    approaches.append(Approach(place, channel, turn, m, m.attached, tie, m.trust))
        won: list[tuple[Approach, Life]] = []
        coming: set[int] = set()
        for one in sorted(approaches, key=lambda a: a.turn):
            if one.place in self.rows or one.place in coming:
                if one.channel != "organic":
                    self._book("already_members", one.channel)
            elif self._says_yes(one):
                coming.add(one.place)
                won.append((one, self._new_life(one.place, self.day)))
            else:
                self._book("unanswered", one.channel)
        for one, m in won:
            self._comes_in(one, m)
        for one, m in sorted(won, key=lambda w: self.company[w[0].inviter.key].row if w[0].inviter else -1):
            if one.inviter is not None:
                self._reward(one.inviter, m, one.channel)
        for m in self.parted_today:
            for child in self.company[m.key].children:
                own = self.company[child.key]
                if own.guarded:
                    own.guarded = False
                    child.due = min(child.due, self.day + 1)

    def _says_yes(self, one: Approach) -> bool:
        """Whether this approach spends what persuasion he bears."""
        if one.channel == "organic":
            return True
        j, who, appeal = self.response.joining, self._person(one.place), self._appeal(one.channel)
        idle = 0.0 if who.wants else 1.0
        wish = j.ordinary + appeal.intent + j.fit * (who.fit - 0.5) - j.idle * idle + j.pushed * appeal.push
        wish += j.reward * appeal.reward * self._taste(who)
        if who.hunter:
            wish += j.reward_hunter * appeal.reward + j.earn_hunter * appeal.earn
        if appeal.price > 0:
            wish -= j.price * (1.0 if idle else 0.2)
        if one.inviter is not None:
            wish += j.friend * one.tie * one.trust / ORDINARY_TRUST
            wish += j.favour * one.tie * idle if appeal.earn > 0.0 else 0.0
        chance = min(logistic(wish), 0.999999)
        self.persuaded[one.place] = self.persuaded.get(one.place, 0.0) - log(1.0 - chance)
        return self.persuaded[one.place] >= self._exponential(one.place, rng.JOINING, 0)

    def _comes_in(self, one: Approach, m: Life) -> None:
        """He becomes a member, in the way in which he was won."""
        j, appeal = self.response.joining, self._appeal(one.channel)
        own = self._enter_company(m, one.channel)
        self.members.append(m)
        self._book("joined", one.channel)
        m.seen, m.due = self.day, self.day + 1
        if one.channel == "organic" or appeal.with_order:
            self._first_order(m.spend)
        else:
            m.orders, m.spend = 0, 0
            m.order_at = self.clock[self.day + 1] + self._gap(m) / m.rate
        if one.channel == "organic":
            return
        if not m.wants or m.hunter:
            m.hazard += j.idle_hazard
            m.drift_at = self.day + 1.0 + self._exponential(m.key, rng.DRIFT_TIME, 0) / m.hazard
        self._book("idle_joined", one.channel, int(not m.wants))
        m.met = True
        m.trust += j.friend_trust * one.tie * max(one.trust - 0.2, 0.0) - j.pushed_trust * appeal.push
        m.trust = min(max(m.trust, 0.0), 1.0)
        m.reference_price -= j.anchor * min(appeal.reward + appeal.earn, 1.0)
        if one.inviter is not None:
            own.inviter = self.company[one.inviter.key].row
            if one.stays and one.channel != "sharing":
                own.guarded = True
                if m.visit_at < NEVER:
                    m.visit_at = self.day + 1.0 + (m.visit_at - self.day - 1.0) / j.company
        self._book("acquisition_cents", one.channel, appeal.kit)
        if appeal.price > 0:
            m.orders, m.spend = 1, appeal.price
            self._first_order(appeal.price)
        if appeal.coupon is not None:
            own.earned = self._gain(m, appeal.coupon)
        if self._first(m.key, rng.TAGGING, ENTRANCE) < appeal.coverage:
            m.tag, m.tag_day, m.tags = m.need, self.day, 1
        if not appeal.contact:
            m.permission = BLOCKED
            self._count("blocked")

    def _first_order(self, cents: int) -> None:
        for name, amount in (("orders", 1), ("gmv", cents), ("revenue", cents)):
            self._count(name, amount)

    def _gain(self, m: Life, terms: Terms) -> bool:
        """A coupon that he has earned goes into his wallet, known, where there is room."""
        coupon = self._put(m, terms)
        if coupon is not None:
            coupon.known = True
        return coupon is not None

    def _reward(self, m: Life, child: Life, channel: str) -> None:
        """His inviter is credited, and rewarded where the number is full."""
        own, refer = self.company[m.key], self.strategy.referral
        own.children.append(child)
        own.brought += 1
        if channel != "referral" or not m.listed or own.brought % refer.needed:
            return
        if refer.reward > 0.0 and refer.cash:
            self._book("reward_cents", channel, round(100.0 * refer.reward))
        elif refer.reward > 0.0:
            coupon = self._cash(refer.reward, refer.coupon_life, "inviter")
            assert coupon is not None
            if self._gain(m, coupon):
                own.earned = True
                m.due = self.day + 1
        if refer.privilege > 0.0:
            self._book("reward_cents", channel, round(100.0 * refer.privilege_cost))
