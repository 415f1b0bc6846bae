"""The same rules in plain Mesa: one Python object per member, written to be fast.

This is the yardstick of `benchmarks.engine`, so nothing is left slow on purpose: a member's day is one
comparison unless something is due, lives before day 0 go from event to event, luck comes from
`random.Random`, nothing is collected from agents daily, and lifecycle stages and activity states are counted
from a recency book (a list indexed by the day of the last order), as the engine counts them. Less is done
than by the engine, in plain Mesa's favour: no channels, no books by joining month and by calendar month, and
one shared stream of luck, so that runs are not comparable member by member.

Three ways to live a day (`ORDERS_OF_PLAY`): `do` asks every member, as the engine does; `shuffle_do`, the
Mesa idiom, asks them in a new random order; `calendar` is another algorithm, a list of members for each day
on which they are due, which passes over all others at no cost and is open to the null model only.

`python -m benchmarks.plain_mesa` compares its counts with the engine's.
"""

import argparse
import datetime as dt
import math
from bisect import bisect_right
from collections import defaultdict
from random import Random
from statistics import mean, stdev
from typing import Any

import mesa

from sim.accounting import posting
from sim.accounting import stages as readings
from sim.accounting.books import STOCKS
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.world.market import Joining, Market

NEVER = 2_000_000_000
ORDERS_OF_PLAY = ("do", "shuffle_do", "calendar")
COUNTS = ("orders", "buyers", "revenue_cents", "drifted")


class Member(mesa.Agent):
    """A member: his traits, his purchase clock, the moment when he drifts away, and when he is next due."""

    def __init__(self, model: "Club", day: int) -> None:
        """He joins in the evening of `day`, with a first order."""
        super().__init__(model)
        p, luck = model.behaviour, model.luck
        rate = luck.gammavariate(p.buying.rate_shape, 1.0 / p.buying.rate_scale)
        hazard = luck.gammavariate(p.drifting.drift_shape, 1.0 / p.drifting.drift_scale)
        self.purchase_rate = rate
        self.level = p.spending.spend_between * luck.gauss(0.0, 1.0)
        self.spend = model.order_value(self.level)
        self.orders = 1
        self.last_order = day
        self.activity = readings.FIRST_DAY
        self.attached = True
        self.order_at = model.clock[day + model.history + 1] + model.gap() / rate
        self.drift_at = day + 1.0 + luck.expovariate(1.0) / hazard
        model.post_join(day, self.spend)
        self.due = self.next_day(day)

    def step(self) -> None:
        """A day on which nothing is due costs one comparison."""
        today = self.model.day
        if self.due <= today:
            self.live(today)

    def live(self, day: int) -> None:
        """The orders of the day, then drifting away; afterwards the next day on which anything can happen."""
        model = self.model
        at = day + model.history
        tonight = model.clock[at + 1]
        drifts = self.drift_at < day + 1.0
        if drifts:
            begin = model.clock[at]
            tonight = begin + (tonight - begin) * (self.drift_at - day)
        while self.order_at < tonight:
            value = model.order_value(self.level)
            model.post_order(self, day, value)
            self.orders += 1
            self.spend += value
            self.last_order = day
            self.order_at += model.gap() / self.purchase_rate
        if drifts:
            model.drifted += 1
            model.attached -= 1
            self.attached = False
            self.order_at = self.drift_at = NEVER
        self.due = self.next_day(day)

    def next_day(self, day: int) -> int:
        """The first day after `day` on which anything can happen to him."""
        model = self.model
        drift_day = int(self.drift_at)
        if self.order_at >= model.clock[-1]:
            return drift_day
        at = bisect_right(model.clock, self.order_at, day + model.history + 1)
        return min(at - 1 - model.history, drift_day)


class Club(mesa.Model):
    """A membership: founders who joined evenly over `history` days, and newcomers as a Poisson process.

    clock: operational time at the beginning of each day from -history on, 0 at day 0 (the engine's
    `World.clock`); newcomers: expected number of each day; play: one of ORDERS_OF_PLAY.
    """

    def __init__(
        self,
        plan: Plan,
        founders: EmbeddedFounders,
        clock: list[float],
        newcomers: list[float],
        seed: int,
        play: str = "do",
    ) -> None:
        super().__init__(rng=seed)
        self.luck = Random(seed)
        self.behaviour = founders.behaviour
        self.history = founders.history
        self.clock = clock
        self.newcomers = newcomers
        self.play = play
        self.limits = [int(limit) for limit in readings.thresholds(plan.stages, plan.market.cycle_days)]
        self.back = max(self.limits[-1], readings.MONTH) + 2
        self.recency = [[0] * (self.back + plan.days) for _ in range(2)]
        self.members = self.attached = 0
        self.day = -1
        self._clear()
        for _ in range(founders.count):
            member = Member(self, -1 - int(self.history * self.luck.random()))
            while member.due < 0:
                member.live(member.due)
        self._clear()
        self.day = 0
        self.expected = 0.0
        self.next_newcomer = self.luck.expovariate(1.0)
        self.daily: list[dict[str, int]] = []
        self.calendar: defaultdict[int, list[Member]] = defaultdict(list)
        if play == "calendar":
            for member in self.agents:
                self.calendar[member.due].append(member)

    def step(self) -> None:
        """One day: the members in any order, then newcomers, then the counts."""
        if self.play == "do":
            self.agents.do("step")
        elif self.play == "shuffle_do":
            self.agents.shuffle_do("step")
        else:
            for member in self.calendar.pop(self.day, ()):
                member.live(self.day)
                self.calendar[member.due].append(member)
        self.expected += self.newcomers[self.day]
        while self.next_newcomer < self.expected:
            member = Member(self, self.day)
            if self.play == "calendar":
                self.calendar[member.due].append(member)
            self.next_newcomer += self.luck.expovariate(1.0)
        self.daily.append(self.counts())
        self._clear()
        self.day += 1

    def gap(self) -> float:
        """The time on the clock between two orders, in units of a member's mean gap."""
        regularity = self.behaviour.buying.regularity
        if regularity == 1.0:
            return self.luck.expovariate(1.0)
        return self.luck.gammavariate(regularity, 1.0 / regularity)

    def order_value(self, level: float) -> int:
        """What an order is worth, in cents."""
        p, luck = self.behaviour.spending, self.luck
        if luck.random() < p.free_share:
            return 0
        return round(100.0 * p.median_order * math.exp(level + p.spend_within * luck.gauss(0.0, 1.0)))

    def place(self, day: int) -> int:
        """The place of a day in the recency book; days long ago share the first place."""
        return max(day + self.back, 0)

    def post_join(self, day: int, value: int) -> None:
        """Count a first order."""
        self.members += 1
        self.attached += 1
        self.orders += 1
        self.buyers += 1
        self.revenue_cents += value
        self.woken[posting.NOBODY] += 1
        self.recency[0][self.place(day)] += 1

    def post_order(self, member: Member, day: int, value: int) -> None:
        """Count an order, before the member is changed; the first of a day also moves his activity state."""
        self.orders += 1
        self.revenue_cents += value
        last = member.last_order
        if last != day:
            self.buyers += 1
            yesterday = readings.activity_state(day - 1 - last, member.activity)
            self.woken[yesterday] += 1
            member.activity = readings.activity_when_active(yesterday)
        self.recency[member.orders > 1][self.place(last)] -= 1
        self.recency[1][self.place(day)] += 1

    def counts(self) -> dict[str, int]:
        """What the day brought, and how many members stand in each stage and state at its end."""
        first, repeat = self.recency
        at_risk, d30, d60, d90 = (self.day + self.back + 1 - limit for limit in self.limits)
        now = self.day + self.back + 1
        out = {name: getattr(self, name) for name in COUNTS}
        out["members"], out["attached"] = self.members, self.attached
        out["new"], out["active"] = sum(first[d30:now]), sum(repeat[at_risk:now])
        out["at_risk"] = sum(repeat[d30:at_risk])
        out["dormant_30"] = sum(first[d60:d30]) + sum(repeat[d60:d30])
        out["dormant_60"] = sum(first[d90:d60]) + sum(repeat[d90:d60])
        out["dormant_90"] = sum(first[:d90]) + sum(repeat[:d90])
        woken = self.woken
        out["state_new"] = woken[posting.NOBODY]
        out["state_current"] = sum(woken[: readings.AT_RISK_WAU + 1])
        out["state_reactivated"] = woken[readings.AT_RISK_MAU]
        out["state_resurrected"] = woken[readings.SILENT]
        week, month = now - readings.WEEK, now - readings.MONTH
        out["state_at_risk_wau"] = sum(first[week : now - 1]) + sum(repeat[week : now - 1])
        out["state_at_risk_mau"] = sum(first[month:week]) + sum(repeat[month:week])
        out["state_dormant"] = sum(first[:month]) + sum(repeat[:month])
        return out

    def _clear(self) -> None:
        self.orders = self.buyers = self.revenue_cents = self.drifted = 0
        self.woken = [0] * (len(readings.ACTIVITY) + 1)


def null_plan(members: int, days: int, joining: float, history: int = 365) -> Plan:
    """The null model with default behaviour.

    members: founders, who joined over `history` days; joining: newcomers a year per founder.
    """
    market = Market(size=1_000_000_000, joining=Joining(yearly_share=joining))
    return Plan(dt.date(2026, 1, 1), days, EmbeddedFounders(members, Behaviour(), history), market)


def club_beside(world: World, seed: int, play: str = "do") -> Club:
    """A club under the plan, behaviour and clock of an engine's world of embedded founders."""
    founders: Any = world.plan.founders
    newcomers = world.conditions.arrivals.tolist()
    return Club(world.plan, founders, world.clock.tolist(), newcomers, seed, play)


def compare(
    members: int, days: int, replications: int, joining: float, play: str = "do"
) -> dict[str, tuple[float, float]]:
    """Means over replications of plain Mesa's counts over the engine's: ratio and its standard error.

    Both meet the same clock in each replication; members' luck differs. Compared are sums over all days: of
    events (so the mean weekly orders) and of stocks (member-days in each stage and state).
    """
    ratios: dict[str, list[float]] = {}
    for replication in range(replications):
        world = World(null_plan(members, days, joining), 1, replication)
        club = club_beside(world, 1000 + replication, play)
        ledger = world.run()
        for _ in range(days):
            club.step()
        events = dict(zip(posting.EVENTS, ledger.events.sum(axis=(0, 1)), strict=True))
        stocks: dict[str, Any] = dict(zip(STOCKS, ledger.stocks.sum(axis=(0, 1)), strict=True))
        for name in club.daily[0]:
            theirs = sum(day[name] for day in club.daily)
            ours = int(events[name] if name in events else stocks[name])
            if ours > 0:
                ratios.setdefault(name, []).append(theirs / ours)
    return {name: (mean(r), stdev(r) / math.sqrt(len(r))) for name, r in ratios.items()}


def main() -> None:
    """Print plain Mesa's counts over the engine's."""
    parser = argparse.ArgumentParser(description="Compare the counts of plain Mesa with those of the engine.")
    parser.add_argument("--members", type=int, default=20_000)
    parser.add_argument("--days", type=int, default=364)
    parser.add_argument("--replications", type=int, default=8)
    parser.add_argument("--joining", type=float, default=1.0, help="newcomers a year per founder")
    parser.add_argument("--play", choices=ORDERS_OF_PLAY, default="do")
    args = parser.parse_args()
    compared = compare(args.members, args.days, args.replications, args.joining, args.play)
    for name, (ratio, error) in compared.items():
        z = (ratio - 1.0) / error if error > 0.0 else 0.0
        print(f"{name:20} plain Mesa / engine {ratio:.4f} +- {error:.4f}  ({z:+.1f} standard errors)")


if __name__ == "__main__":
    main()
