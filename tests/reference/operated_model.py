"""The operated day, written a second time: one plain object per member, one day after the other.

It follows sections 7.18 to 7.34 and 7.37 of docs/MODEL.md and shares with the simulator its luck (`sim.rng`), its
elementary functions (`sim.numbers`) and the settings; the founders' past and the clock are the null model's of this
folder. It is slow and obvious on purpose: an operator's record is a list of days, a wallet a list of coupons, and
whatever can be looked up is not kept. Not covered: newcomers, budgets, the lever welcome, content that rests while
messages go.
"""

import calendar
import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from sim import rng
from sim.engine import Behaviour
from sim.numbers import exp, log, normal_quantile
from sim.strategy import Strategy
from sim.world.market import Market
from tests.reference.null_model import Member as Past
from tests.reference.null_model import NullModel

NEVER = 2e9
SLOTS, WALLET, ANEW = 64, 4, 1_000_000
USEFUL, FUN, BENEFIT, CARE = range(4)
REACHABLE, MUTED, BLOCKED, GONE = range(4)
ORDINARY_TRUST, TRUST_UNIT, LEAST_MATCH = 0.35, 0.3, 0.4
AT_REST, TRUST_AT_REST = 1e-3, 1e-4
LOOK_AGAIN = 7
HEAVY_ANEW = 30
WARNING_SLOT, WAKEUP_SLOT, OFFERS_SLOT, MESSAGING_SLOT = 8, 12, 16, 24
TAGGED, TOLD_WARNING, TOLD_WAKEUP, TOLD_OFFERS, TOLD_MESSAGES = 64, 66, 67, 68, 69
"""Places in the luck of audiences: coverage of tags, and the drawn shares of the levers."""
DIAGNOSED = 1_000_000
HOUR_READ = 2
EARLIEST, LATEST = 7.0, 21.99


def logistic(x: float) -> float:
    """The share that belongs to a number of logits."""
    return 1.0 / (1.0 + exp(-x))


def kept_within(x: float, low: float, high: float) -> float:
    """The number of [low, high] that is nearest to x."""
    return min(max(x, low), high)


def power(x: float, exponent: float) -> float:
    """x to the exponent; x is at least 0."""
    return exp(exponent * log(x)) if x > 0.0 else float(exponent == 0.0)


@dataclass(frozen=True)
class Terms:
    """What an offer says. Money is in cents; the value of percent, flash and gift is a share."""

    kind: str
    value: float
    least: int
    most: int
    life: int
    stackable: bool = False
    way: str = ""


@dataclass(frozen=True)
class Message:
    """One message of one day, before it is known whom it reaches."""

    slot: int
    kind: int
    form: int
    hour: float
    path: str
    pull: float
    journey: int
    stages: str = "all"
    share: float = 1.0
    topic: int = -1
    personal: bool = False
    diagnosed: bool = False
    own_hour: bool = False
    again: bool = False
    offer: Terms | None = None
    expected: bool = False
    silent_from: float = 0.0
    silent_to: float = math.inf
    in_cycles: bool = False
    again_after: int = 0
    limit: int = 1_000_000
    asks: bool = False
    spend_from: float = 0.0


@dataclass
class Coupon:
    """One offer in a wallet: its last day, the most that it takes off, and whether its holder knows of it."""

    terms: Terms
    until: int
    most: int
    known: bool = False


@dataclass
class Life:
    """One member: his base life, what he is like, and how he and the operator stand to each other."""

    key: int
    joined: int
    rate: float
    hazard: float
    usual: float
    order_at: float
    drift_at: float
    orders: int
    last_order: int
    spend: int
    attached: bool
    fit: float
    price_sensitivity: float
    hunter: bool
    need: int
    hour: float
    tolerance: float
    eagerness: float
    path: int
    trust_rest: float
    satisfaction: float
    patience: float
    visit_at: float
    need_until: float
    trust: float = 0.0
    listed: bool = True
    paused: bool = False
    lapses: int = 0
    fatigue: float = 0.0
    staleness: list[float] = field(default_factory=lambda: [0.0] * 4)
    habit: float = 0.0
    reference_price: float = 1.0
    debt: float = 0.0
    value_opens: list[float] = field(default_factory=lambda: [0.0, 0.0])
    pace: float = 1.0
    drift_pace: float = 1.0
    needs: int = 0
    met: bool = False
    permission: int = REACHABLE
    seen: int = -1
    due: int = 0
    last_message: int = -2_000_000_000
    last_open: int = -2_000_000_000
    messages: int = 0
    sold: int = 0
    opens: int = 0
    visits: int = 0
    impulses: int = 0
    wallet: list[Coupon | None] = field(default_factory=lambda: [None] * WALLET)
    tag: int = -1
    tag_day: int = 0
    tags: int = 0
    known_hour: float = -1.0
    known_tolerance: float = -1.0
    diagnosed: int = -1
    wants: bool = True
    told: dict[int, list[int]] = field(default_factory=dict)
    sent: Counter[int] = field(default_factory=Counter)
    mass: Counter[int] = field(default_factory=Counter)


class OperatedModel:
    """The lives of the members of day 0 under one strategy, and the daily totals that follow from them."""

    GROWS = False

    def __init__(
        self,
        start: dt.date,
        days: int,
        founders: int,
        history: int,
        behaviour: Behaviour,
        market: Market,
        strategy: Strategy,
        response: Any,
        seed: int,
        replication: int = 0,
    ) -> None:
        messaging, content = strategy.messaging, strategy.content
        rests = messaging.on and (content.start > messaging.start or content.stop < messaging.stop)
        if (market.joining.yearly_share > 0.0 and not self.GROWS) or strategy.welcome.on or rests:
            raise ValueError("newcomers, welcome and content that rests are not covered")
        self.start, self.days = start, days
        self.behaviour, self.market, self.strategy, self.response = behaviour, market, strategy, response
        self.luck = np.uint64(rng.stream(seed, replication))
        self.null = NullModel(start, 0, founders, history, behaviour, market, seed, replication)
        self.clock = NullModel(start, days, 0, history, behaviour, market, seed, replication).clock
        self.heavy = 0.0
        self.totals: dict[str, list[int]] = {}
        self.day = -1
        self.members = [self._meet(past) for past in self.null.members]
        self.day = 0

    # -- luck ------------------------------------------------------------------------------------------------------
    def _two(self, key: int, decision: int, index: int) -> tuple[float, float]:
        first, second = rng.two_uniforms(self.luck, np.uint64(key), decision, index)
        return float(first), float(second)

    def _first(self, key: int, decision: int, index: int) -> float:
        return self._two(key, decision, index)[0]

    def _normal(self, key: int, decision: int, index: int) -> float:
        return normal_quantile(self._first(key, decision, index))

    def _exponential(self, key: int, decision: int, index: int) -> float:
        return -log(self._first(key, decision, index))

    # -- meeting the operator, on the evening before day 0 ---------------------------------------------------------
    def _kind(self, key: int) -> tuple[float, float]:
        """How much better the products suit one of his kind, and how many of it hunt for coupons."""
        return 0.0, self.market.hunter_share

    def _meet(self, past: Past, evening: int = -1) -> Life:
        q, key = self.response, past.key
        drifting = self.behaviour.drifting
        hazard = rng.gamma(self.luck, np.uint64(key), rng.DRIFT_HAZARD, 0, drifting.drift_shape)
        hazard /= drifting.drift_scale
        w = 1.0 / (9.0 * drifting.drift_shape)
        ratio = hazard * drifting.drift_scale / drifting.drift_shape
        stays = (1.0 - w - power(ratio, 1.0 / 3.0)) / math.sqrt(w)
        t = q.temperament
        alike = (t.alike_close, t.alike_friends, t.alike_acquaintances)
        hunting = (t.hunters_close, t.hunters_friends, t.hunters_acquaintances)
        own = math.sqrt(1.0 - t.fit_stays**2) * self._in_circles(key, 0, alike)
        suits, hunters = self._kind(key)
        fit = logistic(t.fit_spread * (t.fit_stays * stays + own + suits))
        need = self._need(self._first(key, rng.TEMPERAMENT, 3))
        likes_price = 1.0 if need == 1 else 0.0
        when, around = self._two(key, rng.TEMPERAMENT, 4)
        centre = 20.5
        if when < t.morning_share:
            centre = 8.0
        elif when < t.morning_share + t.noon_share:
            centre = 13.0
        way = self._first(key, rng.TEMPERAMENT, 7)
        attached = past.drifted is None
        member = Life(
            key=key,
            joined=past.joined,
            rate=past.rate,
            hazard=hazard,
            usual=past.usual,
            order_at=past.due,
            drift_at=past.drift_at,
            orders=len(past.orders),
            last_order=past.orders[-1][0],
            spend=sum(cents for _, cents in past.orders),
            attached=attached,
            fit=fit,
            price_sensitivity=logistic(self._normal(key, rng.TEMPERAMENT, 1) - 0.3 + likes_price),
            hunter=self._among(self._in_circles(key, 2, hunting), hunters),
            need=need,
            hour=centre + t.hour_spread * normal_quantile(around),
            tolerance=t.tolerance * exp(t.tolerance_spread * self._normal(key, rng.TEMPERAMENT, 5)),
            eagerness=t.eagerness_spread * self._normal(key, rng.TEMPERAMENT, 6),
            path=0 if way < 0.5 else 1 if way < 0.8 else 2,
            trust_rest=q.trust.rest_low + q.trust.rest_fit * fit,
            satisfaction=q.satisfaction.rest_low + q.satisfaction.rest_fit * fit,
            patience=self._exponential(key, rng.PATIENCE, 0),
            visit_at=NEVER,
            need_until=evening + self._need_lasts(key, 0),
        )
        member.trust = member.trust_rest
        if attached:
            member.visit_at = evening + 1.0 + self._visit_gap(member)
            member.due = self._next_day(member, evening)
        else:
            self._lapse(member)
            member.due = int(NEVER)
        return member

    @staticmethod
    def _among(score: float, share: float) -> bool:
        """Whether a normal score is among the lowest share of all."""
        return share >= 1.0 or (share > 0.0 and score < normal_quantile(share))

    def _in_circles(self, place: int, trait: int, shares: tuple[float, float, float]) -> float:
        """A normal score that circles have in common by these shares of variance; a founder's key is his place."""
        score = math.sqrt(1.0 - sum(shares)) * self._normal(place, rng.TEMPERAMENT, trait)
        for layer, share in enumerate(shares):
            score += math.sqrt(share) * self._normal(self._circle(place, layer), rng.ALIKE, trait)
        return score

    def _circle(self, place: int, layer: int) -> int:
        """The key of the circle in which a place sits."""
        net, size = self.market.network, self.market.size
        a = math.isqrt(size - 1) + 1
        b = -(-size // a)
        i, j = divmod(place, b)
        for turn in range(6):
            moved = self._first(int(rng.MARKET_KEY), rng.SEATING, (6 * layer + turn) * 32768 + (i if turn % 2 else j))
            if turn % 2:
                j = (j + math.floor(b * moved)) % b
            else:
                i = (i + math.floor(a * moved)) % a
        seat = b * i + j
        if layer < 2:
            return 2**62 + layer * 2**32 + seat - seat % (net.friends if layer else net.close)
        sizes = [net.acquaintances_least * 2**k for k in range(31)]
        sizes = [s for s in sizes if s <= net.acquaintances_most]
        weights = [net.tail**k for k in range(len(sizes))]
        ends = [math.floor(a * b * sum(weights[: k + 1]) / sum(weights)) for k in range(len(sizes) - 1)]
        wing = sum(seat >= end for end in ends)
        start = ends[wing - 1] if wing else 0
        return 2**62 + 2 * 2**32 + seat - (seat - start) % sizes[wing]

    def _need(self, u: float) -> int:
        segments = self.market.segments
        shares = (segments.knowledge, segments.price, segments.status)
        passed = 0.0
        for need, share in enumerate(shares):
            passed += share
            if u < passed:
                return need
        return 3

    def _need_lasts(self, key: int, ordinal: int) -> float:
        hazard = self.response.temperament.need_change
        return self._exponential(key, rng.NEED_CHANGE, 2 * ordinal) / hazard if hazard > 0.0 else NEVER

    # -- clocks ----------------------------------------------------------------------------------------------------
    def _visit_gap(self, m: Life) -> float:
        """Days to the next visit of his own accord, at his pace."""
        speed = self.response.visiting.visits_per_order * m.rate * m.pace * self._company(m)
        return self._exponential(m.key, rng.VISIT_GAP, m.visits) / speed if speed > 0.0 else NEVER

    def _company(self, m: Life) -> float:
        """How many times as often he looks in for somebody's sake."""
        return 1.0

    def _gap(self, m: Life) -> float:
        """The gap E_n before his next order, in mean gaps."""
        k, index = self.behaviour.buying.regularity, m.orders - m.impulses + ANEW * m.lapses
        if k == 1.0:
            return self._exponential(m.key, rng.PURCHASE_GAP, index)
        return float(rng.gamma(self.luck, np.uint64(m.key), rng.PURCHASE_GAP, index, k)) / k

    def _next_day(self, m: Life, today: int) -> int:
        """The first later day on which an order, his drifting away or a visit of his own falls."""
        day = min(m.drift_at, m.visit_at)
        found = math.floor(day) if day < self.days + 1 else self.days + 1
        later = today + 1
        while later < self.days and m.order_at >= self.clock[later + 1]:
            later += 1
        return max(min(found, later), today + 1)

    def _count(self, name: str, amount: int = 1) -> None:
        self.totals.setdefault(name, [0] * self.days)[self.day] += amount

    # -- the days --------------------------------------------------------------------------------------------------
    def run(self) -> Self:
        """All days."""
        while self.day < self.days:
            self.step()
        return self

    def step(self) -> None:
        """One day: the operator's morning, then the members' day. Members do not meet, so their order is free."""
        day, today = self.day, self._messages()
        for m in self.members:
            reached = self._deliver(m, today)
            if m.listed and (reached or m.due <= day or self._desk_changes()):
                self._live(m, reached)
        self.day += 1

    def _desk_changes(self) -> bool:
        """Whether goods or mending are others than yesterday."""
        return self._desk(self.day) != self._desk(self.day - 1)

    def _desk(self, day: int) -> tuple[float, ...]:
        """The shares of unsold and exclusive goods on a day, and what is mended of goods, service and delivery."""
        goods, mending = self.strategy.assortment, self.strategy.mending
        shown, mended = (0.0, 0.0), (0.0, 0.0, 0.0)
        if goods.on and goods.start <= day < goods.stop:
            shown = (goods.clearance, goods.exclusive)
        if mending.on and mending.start <= day < mending.stop:
            mended = (mending.quality, mending.service, mending.logistics)
        return shown + mended

    def _shown(self, m: Life) -> tuple[float, float]:
        """The shares of unsold and of exclusive goods shown to him."""
        clearance, exclusive = self._desk(self.day)[:2]
        return (clearance, exclusive) if m.permission == REACHABLE else (0.0, 0.0)

    def _left(self) -> tuple[float, float, float]:
        """What mending leaves of each cause: goods, service, delivery."""
        quality, service, logistics = self._desk(self.day)[2:]
        return 1.0 - quality, 1.0 - service, 1.0 - logistics

    # -- the operator's morning ------------------------------------------------------------------------------------
    def _acts(self, lever: Any) -> bool:
        return lever.on and lever.start <= self.day < lever.stop

    def _messages(self) -> list[Message]:
        """Today's messages, in the order in which they are taken."""
        out: list[Message] = []
        offers, messaging, content = self.strategy.offers, self.strategy.messaging, self.strategy.content
        if self._acts(self.strategy.warning):
            out += self._warnings()
        wakeup = self.strategy.wakeup
        if self._acts(wakeup):
            age = self.day - wakeup.start
            if math.floor((age + 1) * wakeup.per_week / 7.0) > math.floor(age * wakeup.per_week / 7.0):
                gift = Terms("cash", 100.0 * wakeup.gift, 0, round(100.0 * wakeup.gift), wakeup.life)
                segmented = wakeup.mode == "segmented"
                form, pull = (2, 3.0) if segmented else (0, 2.0)
                out.append(
                    Message(
                        WAKEUP_SLOT, CARE, form, 20.0, "direct", pull, TOLD_WAKEUP, own_hour=segmented,
                        diagnosed=segmented, offer=gift if wakeup.gift > 0.0 else None, silent_from=wakeup.silent,
                        limit=wakeup.touches,
                    )
                )  # fmt: skip
        if self._acts(offers) and (self.day - offers.start) % offers.every == 0:
            share = offers.kind in ("percent", "flash", "gift")
            life = 1 if offers.kind == "flash" else offers.life
            value = offers.value if share else 100.0 * offers.value
            least, most = round(100.0 * offers.least), round(100.0 * offers.most)
            terms = Terms(offers.kind, value, least, most, life, offers.stackable)
            out.append(
                Message(
                    OFFERS_SLOT, BENEFIT, 0, offers.hour, "direct", offers.pull, TOLD_OFFERS,
                    offers.stages, offers.share, offer=terms,
                )
            )  # fmt: skip
        if self._acts(messaging) and self._acts(content):
            if (self.day - messaging.start) % HEAVY_ANEW == 0:
                self.heavy = float(np.quantile([m.spend for m in self.members if m.listed], 0.8))
            first, come = self._come(self.day), self._come(self.day + 1)
            count = min(come - first, 40)
            out += [self._piece(first + place, place, count) for place in range(count)]
        return out

    def _warnings(self) -> list[Message]:
        """The tiers of the early warning, by silence."""
        w = self.strategy.warning
        coupon = Terms("cash", 100.0 * w.coupon, 0, round(100.0 * w.coupon), w.life) if w.coupon else None
        gift = Terms("gift", w.gift, 0, round(100.0 * w.gift_most), w.life) if w.gift else None
        tiers = (
            ("mild", BENEFIT, 1.0, coupon, w.mild, w.medium),
            ("medium", CARE, 2.0, None, w.medium, w.severe),
            ("severe", CARE, 3.0, gift, w.severe, w.until),
        )
        return [
            Message(
                WARNING_SLOT + place, kind, 0, 20.0, "direct", pull, TOLD_WARNING, share=w.share, own_hour=True,
                offer=offer, silent_from=low, silent_to=min(high, w.until), in_cycles=w.clock == "cycles",
                again_after=w.again_after,
            )
            for place, (name, kind, pull, offer, low, high) in enumerate(tiers)
            if name in w.tiers
        ]  # fmt: skip

    def _said(self, day: int) -> str:
        """What the week of the content programme says of a day."""
        week = self.strategy.content.week.replace(" ", "")
        return week.split("+")[(self.start + dt.timedelta(days=day)).weekday()] if week else "any"

    def _come(self, day: int) -> int:
        """How many messages of the programme have come before a day."""
        start, per_week = self.strategy.messaging.start, self.strategy.messaging.per_week
        speaking = sum(self._said(d) != "none" for d in range(start, day))
        return math.floor(per_week * speaking / sum(self._said(d) != "none" for d in range(7)))

    def _piece(self, number: int, place: int, count: int) -> Message:
        """Message `number` of the programme, today's `place` of `count`."""
        messaging, content = self.strategy.messaging, self.strategy.content

        def turns(n: int, share: float) -> bool:
            return math.floor((n + 1) * share + 1e-9) > math.floor(n * share + 1e-9)

        said = self._said(self.day)
        kind = USEFUL
        if said != "any":
            kind = ("useful", "fun", "benefit").index(said)
        elif turns(number, content.benefit):
            kind = BENEFIT
        elif turns(number - math.floor(number * content.benefit + 1e-9), content.fun):
            kind = FUN
        turn = number % content.formats
        if content.formats == 1 and self.day - content.start >= content.switch_day:
            turn = 1
        hour = messaging.hour if count == 1 else 9.0 + 12.5 * place / (count - 1)
        shares = self.market.segments
        needs = (shares.knowledge, shares.price, shares.status, shares.convenience)
        return Message(
            topic=needs.index(max(needs)) if content.topics == "majority" else -1,
            slot=MESSAGING_SLOT + place,
            kind=kind,
            form=(content.first_format + turn) % 4,
            hour=hour,
            path=messaging.path,
            pull=messaging.pull if kind == BENEFIT else 0.0,
            journey=TOLD_MESSAGES,
            stages=messaging.stages,
            share=messaging.share,
            personal=content.topics == "own",
            own_hour=messaging.own_hour,
            again=messaging.per_week > content.capacity and not turns(number, content.capacity / messaging.per_week),
            expected=content.week != "",
            asks=number < messaging.ask,
            spend_from=self.heavy if messaging.buyers == "heavy" else 0.0,
        )

    def _stage(self, m: Life) -> str:
        """His lifecycle stage on the evening before."""
        silent = self.day - 1 - m.last_order
        t1, t2, t3, t4 = self.null.thresholds
        if silent >= t4:
            return "dormant_90"
        if silent >= t3:
            return "dormant_60"
        if silent >= t2:
            return "dormant_30"
        if m.orders <= 1:
            return "new"
        return "at_risk" if silent >= t1 else "active"

    def _deliver(self, m: Life, today: list[Message]) -> list[Message]:
        """Which of today's messages are sent to him."""
        out: list[Message] = []
        if not m.listed or m.permission >= BLOCKED:
            return out
        if today or self.strategy.tags.learn:
            self._know(m)
        for message in today:
            if not self._in_audience(m, message):
                continue
            refused = self._refused(m, message, out)
            if refused:
                self._count(refused)
                continue
            m.sent[self.day] += 1
            if message.kind != CARE:
                m.mass[self.day] += 1
            told = m.told.setdefault(message.journey, [0, 0])
            told[0], told[1] = self.day, told[1] + 1
            if message.diagnosed and m.diagnosed < 0:
                m.diagnosed = self._read(m, DIAGNOSED, self.strategy.tags.diagnosis_error)
            out.append(message)
        return out

    def _in_audience(self, m: Life, message: Message) -> bool:
        """Whether a message is for him, by what the operator can see."""
        if message.stages != "all" and self._stage(m) not in message.stages.split("+"):
            return False
        if m.spend < message.spend_from:
            return False
        silent = float(self.day - m.last_order)
        if message.in_cycles:
            silent /= (m.last_order - m.joined + 2.0 * self.market.cycle_days) / (m.orders + 1)
        if not message.silent_from <= silent < message.silent_to:
            return False
        last, times = m.told.get(message.journey, (-1_000_000, 0))
        if self.day - last < message.again_after or times >= message.limit:
            return False
        return message.share >= 1.0 or self._first(m.key, rng.AUDIENCE, message.journey) < message.share

    def _refused(self, m: Life, message: Message, before: list[Message]) -> str:
        """Why the guard does not let a message through; empty where it does."""
        guard, day = self.strategy.guard, self.day
        hour = self._hour(m, message)
        low, high = guard.quiet_from, guard.quiet_to
        if low <= hour < high if low <= high else hour >= low or hour < high:
            return "quiet"
        week = 1 + sum(count for d, count in m.sent.items() if d > day - 7)
        if week > guard.per_week:
            return "capped"
        if self._stage(m).startswith("dormant") and week > guard.silent_per_week:
            return "capped"
        if guard.individual > 0.0 and m.known_tolerance >= 0.0 and week > guard.individual * m.known_tolerance:
            return "capped"
        if message.kind == BENEFIT:
            sold = m.sold + sum(earlier.kind == BENEFIT for earlier in before)
            if sold + 1 > guard.marketing_share * (m.messages + len(before) + 1):
                return "capped"
        if message.kind == CARE or guard.quota == "none":
            return ""
        date = self.start + dt.timedelta(days=day)
        if guard.quota == "week":
            wanted, most = 1 + sum(count for d, count in m.mass.items() if d > day - 7), 7
        elif guard.quota == "day":
            wanted, most = 1 + m.mass[day], 1
        else:
            wanted = 1 + sum(count for d, count in m.mass.items() if d > day - date.day)
            most = calendar.monthrange(date.year, date.month)[1]
        return "over_quota" if wanted > most * guard.quota_factor else ""

    def _hour(self, m: Life, message: Message) -> float:
        return m.known_hour if message.own_hour and m.known_hour >= 0.0 else message.hour

    def _know(self, m: Life) -> None:
        """The operator reads his need, with error."""
        tags = self.strategy.tags
        if not self._acts(tags):
            return
        if self._first(m.key, rng.AUDIENCE, TAGGED) >= tags.coverage:
            return
        fresh = m.tag < 0
        old = tags.refresh > 0 and self.day - m.tag_day >= tags.refresh
        traces = tags.learn and max(m.last_order, m.last_open) == self.day - 1
        if not (fresh or old or traces):
            return
        m.tag = self._read(m, m.needs, tags.error)
        if tags.hours and m.tags == 0:
            error = tags.hour_error * self._normal(m.key, rng.SURVEY, HOUR_READ)
            m.known_hour = kept_within(m.hour + error, EARLIEST, LATEST)
        m.tags += 1
        m.tag_day = self.day

    def _read(self, m: Life, place: int, error: float) -> int:
        """His need as the operator reads it."""
        wrong, which = self._two(m.key, rng.TAGGING, place)
        others = [need for need in range(4) if need != m.need]
        return others[math.floor(which * 3.0)] if wrong < error else m.need

    # -- a member's day --------------------------------------------------------------------------------------------
    def _live(self, m: Life, reached: list[Message]) -> None:
        self._recover(m)
        if self._leaves(m):
            return
        for message in reached:
            self._receive(m, message)
        if m.attached:
            self._visit(m)
        if m.attached:
            self._order_in_time(m)
        if m.attached and m.drift_at < self.day + 1:
            m.attached = False
            self._count("drifted")
            self._lapse(m)
        if m.attached:
            self._set_pace(m)
        self._set_due(m)

    def _load(self, m: Life, day: int) -> float:
        """How heavy his fatigue is on him."""
        f = self.response.fatigue
        bears = m.tolerance * (f.bear_low + f.bear_trust * m.trust)
        if day - m.last_order > f.silent_days:
            bears *= f.silent_bear
        return m.fatigue / bears if bears > 0.0 else 0.0

    def _recover(self, m: Life) -> None:
        """His states return to rest; needs change, offers end."""
        q, day = self.response, self.day
        t = float(day - m.seen)
        p = q.permission
        h = min(t, max(m.last_message + p.heard - m.seen, 0.0))
        if h > 0.0 and m.permission == REACHABLE:
            memory = q.fatigue.memory
            worn = power(self._load(m, m.seen), p.tired)
            fading = (1.0 - exp(-p.tired * h / memory)) * memory / p.tired if p.tired > 0.0 else 0.0
            hazard = p.hazard * (h + worn * fading) * exp(-p.trust * (m.trust - ORDINARY_TRUST))
            m.patience -= hazard * (1.0 if m.attached else p.drifted)
        m.fatigue *= exp(-t / q.fatigue.memory)
        m.staleness = [worn * exp(-t / q.novelty.memory) for worn in m.staleness]
        m.habit *= exp(-t / q.opening.habit_memory)
        m.value_opens = [opened * exp(-t / q.trust.saturation_memory) for opened in m.value_opens]
        m.trust = m.trust_rest + (m.trust - m.trust_rest) * exp(-t / q.trust.memory)
        if abs(m.trust - m.trust_rest) < TRUST_AT_REST:
            m.trust = m.trust_rest
        m.reference_price = 1.0 + (m.reference_price - 1.0) * exp(-q.pricing.forgetting * t)
        if abs(m.reference_price - 1.0) < AT_REST:
            m.reference_price = 1.0
        passed = self.clock[day] - self.clock[m.seen]
        m.debt = max(m.debt - m.rate * m.pace * passed, 0.0)
        while m.need_until <= day:
            m.need = self._need(self._first(m.key, rng.NEED_CHANGE, 2 * m.needs + 1))
            m.needs += 1
            m.need_until += self._need_lasts(m.key, m.needs)
        for place, coupon in enumerate(m.wallet):
            if coupon is not None and coupon.until < day:
                self._end(m, place)
        m.seen = day

    def _end(self, m: Life, place: int) -> None:
        coupon = m.wallet[place]
        assert coupon is not None
        self._count("offers_expired")
        self._count("offers_expired_value", coupon.most)
        m.wallet[place] = None

    def _leaves(self, m: Life) -> bool:
        """Whether he opts out today by leaving for good; muting and blocking are noted."""
        if m.patience > 0.0 or m.permission != REACHABLE:
            return False
        p = self.response.permission
        way = self._two(m.key, rng.PATIENCE, 0)[1]
        if way < p.leave_share:
            m.permission, m.listed, m.attached = GONE, False, False
            m.drift_at = m.order_at = m.visit_at = NEVER
            self._count("left")
            for place, coupon in enumerate(m.wallet):
                if coupon is not None:
                    self._end(m, place)
            return True
        m.permission = MUTED if way < p.leave_share + p.mute_share else BLOCKED
        self._count("muted" if m.permission == MUTED else "blocked")
        return False

    # -- messages --------------------------------------------------------------------------------------------------
    def _receive(self, m: Life, message: Message) -> None:
        m.messages += 1
        m.sold += message.kind == BENEFIT
        self._count("messages")
        if message.offer is not None:
            self._give(m, message.offer)
        if m.permission != REACHABLE:
            return
        q, day = self.response, self.day
        place = day * SLOTS + message.slot
        o = q.opening
        m.met = True
        m.last_message = day
        tagged = message.personal and m.tag >= 0
        topic = m.tag if tagged else message.topic
        if message.diagnosed and not tagged and m.diagnosed >= 0:
            topic, tagged = m.diagnosed, True
        match = o.general_match if topic < 0 else float(topic == m.need)
        apart = abs(self._hour(m, message) - m.hour) % 24.0
        apart = min(apart, 24.0 - apart)
        hour_match = exp(-0.5 * (apart / o.hour_width) ** 2)
        load = self._load(m, day)
        weight = self._weight(message, match, hour_match)
        sells = message.kind == BENEFIT
        logits = (
            o.ordinary + m.eagerness + o.match * (match - o.general_match) + o.hour * (hour_match - 0.5)
            + o.trust * (m.trust - ORDINARY_TRUST) - o.tired * log(1.0 + load) - o.novelty * m.staleness[message.form]
            + o.habit * m.habit
        )  # fmt: skip
        logits -= o.selling if sells else 0.0
        logits += o.fun if message.kind == FUN else 0.0
        logits += o.care if message.kind == CARE else 0.0
        logits += o.path if ("direct", "community", "mini_program")[m.path] == message.path else 0.0
        logits += o.expected if message.expected else 0.0
        logits -= 0.0 if m.attached else o.drifted
        logits -= o.hunter if m.hunter and message.offer is None else 0.0
        weary = load / (1.0 + load)
        opening, visiting = self._two(m.key, rng.OPENING, place)
        m.fatigue += weight
        worn = q.novelty.worn_repeat if message.again else q.novelty.worn
        m.staleness[message.form] += worn * (1.0 - m.staleness[message.form])
        self._count("load", math.floor(1000.0 * load))
        if opening >= logistic(logits):
            m.trust -= q.trust.ignored * weight * weary * m.trust
            return
        m.opens += 1
        m.last_open = day
        self._count("opens")
        m.habit += o.habit_gain * (1.0 - m.habit)
        _, interacting = self._two(m.key, rng.PULL, place)
        interacts = (
            o.interact + o.interact_trust * (m.trust - ORDINARY_TRUST) + o.interact_match * (match - o.general_match)
        )
        interacts += o.interact_fun * (message.kind == FUN) - o.interact_selling * sells
        if interacting < logistic(interacts):
            self._count("interactions")
        if message.asks:
            self._answer(m)
        depth = 0.0
        if message.offer is not None and any(c is not None and c.terms == message.offer for c in m.wallet):
            self._see(m, message.offer)
            depth = 1.0 - self._price(m)
            depth += self.response.pricing.sample_pull if message.offer.kind == "sample" else 0.0
        price = self._price(m)
        impulse = self._first(m.key, rng.PULL, place)
        drawing, returning = self._two(m.key, rng.COUPON, place)
        if m.attached:
            self._draw(m, depth, drawing)
        if visiting < logistic(o.visit + o.visit_match * (match - o.general_match)):
            self._count("message_visits")
            if m.attached:
                self._feel_impulse(m, message, match, price, impulse)
        if m.paused:
            self._come_back(m, message, match, depth, returning)
        self._learn(m, message, match, tagged, weary)

    def _answer(self, m: Life) -> None:
        """He says how often and when he wants to hear, if he is one who answers."""
        a = self.response.answering
        if self._first(m.key, rng.SURVEY, 0) < a.answers:
            often = exp(a.how_often_error * self._normal(m.key, rng.SURVEY, 1))
            m.known_tolerance = a.weekly * m.tolerance * often
            m.known_hour = kept_within(m.hour + a.when_error * self._normal(m.key, rng.SURVEY, 2), EARLIEST, LATEST)

    def _weight(self, message: Message, match: float, hour_match: float) -> float:
        f = self.response.fatigue
        astray, matched = f.value_astray, f.value_matched
        if message.kind == BENEFIT:
            astray, matched = f.selling_astray, f.selling_matched
        weight = (astray + (matched - astray) * match) * (0.5 if message.kind == CARE else 1.0)
        return weight * (1.0 + f.wrong_hour * (1.0 - hour_match))

    def _learn(self, m: Life, message: Message, match: float, tagged: bool, weary: float) -> None:
        """What an opened message does to trust."""
        c = self.response.trust
        if message.kind == BENEFIT:
            m.trust -= c.selling * weary * m.trust
        else:
            g = {USEFUL: c.useful, FUN: c.fun, CARE: c.care}[message.kind]
            sort = 1 if message.kind == FUN else 0
            fresh = 1.0 + c.first_days * exp(-(self.day - m.joined) / c.first_days_memory)
            m.trust += g * match * fresh * (1.0 - m.trust) * exp(-m.value_opens[sort] / c.saturation)
            m.value_opens[sort] += 1.0
        if match < LEAST_MATCH:
            lost = c.misjudged if tagged else c.mismatch
            m.trust -= lost * (1.0 - match / LEAST_MATCH) * m.trust
        m.trust = kept_within(m.trust, 0.0, 1.0)

    def _taste(self, m: Life) -> float:
        p = self.response.pricing
        return p.taste_hunter if m.hunter else p.taste_low + p.taste_sensitivity * m.price_sensitivity

    def _price_factor(self, m: Life, price: float) -> float:
        p = self.response.pricing
        slope = p.slope_hunter if m.hunter else p.slope * self._taste(m)
        return min(exp(slope * (m.reference_price - price)), p.most)

    def _draw(self, m: Life, depth: float, u: float) -> None:
        """An offer draws an order forward that was near enough."""
        p = self.response.pricing
        push = p.pull * depth * self._taste(m) * (0.5 + m.trust) * (0.5 + u)
        missing = (m.order_at - self.clock[self.day]) * m.rate * m.pace
        if push > 0.0 and 0.0 < missing <= push:
            self._order(m)
            m.order_at = self.clock[self.day] + (self._gap(m) + p.pull_debt * missing) / (m.rate * m.pace)

    def _feel_impulse(self, m: Life, message: Message, match: float, price: float, u: float) -> None:
        v = self.response.visiting
        strength = v.impulse_value + (1.0 - v.impulse_value) * message.pull * match
        chance = v.impulse * strength * (v.impulse_low + v.impulse_trust * m.trust) * self._price_factor(m, price)
        if u < min(chance / (1.0 + v.restraint * m.debt), 0.95):
            m.impulses += 1
            self._count("impulse_orders")
            self._order(m)
            m.debt += v.borrowed
            m.order_at += v.borrowed / (m.rate * m.pace)

    def _come_back(self, m: Life, message: Message, match: float, depth: float, u: float) -> None:
        r, day = self.response.returning, self.day
        near = exp(-max(day - m.last_order - r.remembers, 0.0) / r.forgets)
        call = 1.0 + r.called_pull * message.pull * (1.0 + depth * self._taste(m))
        if u < min(r.called * match * call * near * m.trust / ORDINARY_TRUST, 0.95):
            self._count("returned")
            m.attached, m.paused = True, False
            stays = self._exponential(m.key, rng.DRIFT_TIME, m.lapses) / m.hazard if m.hazard > 0.0 else NEVER
            m.drift_at = day + 1 + stays
            m.order_at = self.clock[day + 1] + self._gap(m) / m.rate
            m.visit_at = day + 1.0
            m.pace = m.drift_pace = 1.0

    # -- visits, orders, drifting away -----------------------------------------------------------------------------
    def _visit(self, m: Life) -> None:
        while m.visit_at < self.day + 1:
            m.visits += 1
            self._count("own_visits")
            m.visit_at += self._visit_gap(m)

    def _order_in_time(self, m: Life) -> None:
        begin, end = self.clock[self.day], self.clock[self.day + 1]
        if m.drift_at < self.day + 1:
            end = begin + (end - begin) * (m.drift_at - self.day)
        while m.order_at < end:
            self._order(m)
            m.order_at += self._gap(m) / (m.rate * m.pace)

    def _lapse(self, m: Life) -> None:
        """He drifts away, for a cause; unless his need has gone he is within reach."""
        m.drift_at = m.order_at = m.visit_at = NEVER
        r = self.response.returning
        quality, service, logistics = self._left()
        others = r.quality_share * quality + r.service_share * service + r.logistics_share * logistics
        cause = self._first(m.key, rng.LEAVING_CAUSE, m.lapses) * (r.need_share + others)
        m.paused = cause >= r.need_share and m.wants
        m.lapses += 1

    def _order(self, m: Life) -> None:
        """One order: its value, what his offers take off, and what he learns by it."""
        q, spending = self.response, self.behaviour.spending
        well, finds = self._two(m.key, rng.EXPERIENCE, m.orders)
        value = 0
        if self._two(m.key, rng.ORDER_VALUE, m.orders)[1] >= spending.free_share:
            z = self._normal(m.key, rng.ORDER_VALUE, m.orders)
            value = round(100.0 * spending.median_order * exp(m.usual + spending.spend_within * z))
        clearance, exclusive = self._shown(m)
        which = self._first(m.key, rng.GOODS, m.orders)
        unsold = which < clearance
        rare = not unsold and which < clearance + exclusive
        if rare:
            value = round(value * q.goods.exclusive_value)
        asked = round(value * q.goods.clearance_price) if unsold else value
        filled, off = self._redeem(m, asked, finds < q.pricing.found)
        paid = filled - off
        listed = value + filled - asked
        m.orders += 1
        m.spend += paid
        m.last_order = self.day
        self._count("orders")
        self._count("gmv", listed)
        self._count("revenue", paid)
        self._count("discounts", off)
        self._count("markdowns", value - asked)
        m.met = m.met or unsold or rare
        if m.met:
            if listed > 0:
                m.reference_price += q.pricing.learnt_paying * (paid / listed - m.reference_price)
            s = q.satisfaction
            quality, service, logistics = self._left()
            bad = s.quality * quality + s.service * service + s.logistics * logistics
            good = well >= bad + (q.goods.clearance_disappoints if unsold else 0.0)
            m.satisfaction += s.learnt * (float(good) - m.satisfaction)
            if good:
                m.trust += q.trust.bought * (0.1 + 0.8 * m.fit) * (1.0 - m.trust)
            else:
                m.trust -= q.trust.disappointed * m.trust
            if rare:
                m.trust += q.goods.exclusive_trust * (1.0 - m.trust)
            if good:
                self._show(m)

    def _show(self, m: Life) -> None:
        """A good order may be shown to others: here nobody asks for it."""

    # -- offers ----------------------------------------------------------------------------------------------------
    def _give(self, m: Life, terms: Terms) -> None:
        """The offer goes into the wallet, unless he holds it already or the wallet is full."""
        if not any(coupon is not None and coupon.terms == terms for coupon in m.wallet):
            self._put(m, terms)

    def _put(self, m: Life, terms: Terms) -> Coupon | None:
        """The offer goes into the wallet where there is room."""
        if None not in m.wallet:
            return None
        most = terms.value
        if terms.kind in ("percent", "flash", "buy_one_get_one"):
            most = terms.most
        elif terms.kind == "gift":
            most = min(terms.value * m.spend, terms.most)
        cents = round(most)
        coupon = Coupon(terms, self.day + terms.life - 1, cents)
        m.wallet[m.wallet.index(None)] = coupon
        self._count("offers_issued")
        self._count("offers_issued_value", cents)
        return coupon

    def _see(self, m: Life, terms: Terms) -> None:
        """He learns of the offer in an opened message; a sample is used at once."""
        p = self.response.pricing
        for place, coupon in enumerate(m.wallet):
            if coupon is not None and coupon.terms == terms:
                coupon.known = True
                if terms.kind == "sample":
                    self._use_sample(m, place, coupon)
        price = self._price(m)
        if price < m.reference_price:
            m.reference_price += p.learnt_seeing * (price - m.reference_price)

    def _use_sample(self, m: Life, place: int, coupon: Coupon) -> None:
        m.trust += self.response.trust.care * m.fit * (1.0 - m.trust)
        self._count("sample_cost", coupon.most)
        self._count("offers_redeemed")
        self._count("offers_redeemed_value", coupon.most)
        m.wallet[place] = None

    def _taken_off(self, m: Life, coupon: Coupon, cents: int) -> int:
        """What an offer takes off an order, in cents."""
        terms = coupon.terms
        if cents < terms.least or terms.kind == "sample" or (terms.kind == "first_order" and m.orders > 1):
            return 0
        off = coupon.most
        if terms.kind in ("percent", "flash"):
            off = round(terms.value * cents)
        elif terms.kind == "buy_one_get_one":
            off = round(0.5 * cents)
        return min(off, coupon.most, cents)

    def _price(self, m: Life) -> float:
        """The price of his usual order with the best offer that he knows of, as a share of list price."""
        usual = round(100.0 * self.behaviour.spending.median_order * exp(m.usual))
        off = [self._taken_off(m, coupon, usual) for coupon in m.wallet if coupon is not None and coupon.known]
        return 1.0 - max(off, default=0) / usual if usual > 0 else 1.0

    def _redeem(self, m: Life, value: int, finds: bool) -> tuple[int, int]:
        """His order's value, filled up to a threshold perhaps, and what is taken off it."""
        held = [(place, coupon) for place, coupon in enumerate(m.wallet) if coupon is not None]
        held = [(place, coupon) for place, coupon in held if coupon.known or finds]
        if not any(self._taken_off(m, coupon, value) for _, coupon in held):
            for _, coupon in held:
                least = coupon.terms.least
                if coupon.terms.kind == "threshold" and self.response.pricing.tops_up * least <= value < least:
                    value = least
                    break
        reckoned = [(self._taken_off(m, coupon, value), place, coupon) for place, coupon in held]
        reckoned.sort(key=lambda found: -found[0])
        off = 0
        for rank, (taken, place, coupon) in enumerate(reckoned):
            adds = min(taken, value - off) if rank == 0 or coupon.terms.stackable else 0
            if adds > 0:
                off += adds
                self._count("offers_redeemed")
                self._count("offers_redeemed_value", coupon.most)
                m.wallet[place] = None
        self._count("coupon_orders", int(off > 0))
        return value, off

    # -- the evening -----------------------------------------------------------------------------------------------
    def _set_pace(self, m: Life) -> None:
        """How fast his clocks run until he is looked at again."""
        q, day = self.response, self.day
        v, r = q.visiting, q.returning
        above = (m.trust - m.trust_rest) / TRUST_UNIT
        pace = 1.0
        if m.met:
            pace = exp(v.trust_pace * above) * self._price_factor(m, self._price(m))
            if m.permission == BLOCKED:
                pace *= q.permission.blocked_pace
        pace *= 1.0 - self._shown(m)[0] * (1.0 - q.goods.clearance_appeal)
        slower, held = self._ties(m)
        pace *= slower
        pace = kept_within(pace, v.slowest, v.fastest)
        quality, service, logistics = self._left()
        causes = 1.0 - r.quality_share * (1.0 - quality)
        causes -= r.service_share * (1.0 - service) + r.logistics_share * (1.0 - logistics)
        drift_pace = causes * kept_within(exp(-r.trust * above), r.slowest, r.fastest) * held
        pace = 1.0 if abs(pace - 1.0) < AT_REST else pace
        drift_pace = 1.0 if abs(drift_pace - 1.0) < AT_REST else drift_pace
        now, tomorrow = self.clock[day + 1], day + 1.0
        m.order_at = now + (m.order_at - now) * m.pace / pace
        m.visit_at = tomorrow + (m.visit_at - tomorrow) * m.pace / pace
        m.drift_at = tomorrow + (m.drift_at - tomorrow) * m.drift_pace / drift_pace
        m.pace, m.drift_pace = pace, drift_pace

    def _ties(self, m: Life) -> tuple[float, float]:
        """Factors of his pace and of his drifting away that come of how he joined."""
        return 1.0, 1.0

    def _stirs(self, m: Life) -> bool:
        """Whether his speeds matter to anything that he does."""
        return m.attached

    def _set_due(self, m: Life) -> None:
        """When he is looked at next, though no message may reach him."""
        day = self.day
        m.due = self._next_day(m, day)
        for coupon in m.wallet:
            if coupon is not None:
                m.due = min(m.due, coupon.until + 1)
        moved = (m.pace != 1.0 or m.drift_pace != 1.0) and self._stirs(m)
        heard = m.permission == REACHABLE and day - m.last_message < self.response.permission.heard
        if moved or heard:
            m.due = min(m.due, day + LOOK_AGAIN)
