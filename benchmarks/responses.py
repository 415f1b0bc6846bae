"""What the operated day costs: against plain Mesa on the same rules, by part of the day and by tendency.

`python -m benchmarks.responses [--quick] [--json FILE]`. Plain Mesa here is a model of ordinary Python objects, one
agent a member, whose step is the very text of the rules, uncompiled, with `random.Random` for luck and `math.exp`:
what one would write without this engine. It is played in two ways: members are asked when due, which is the engine's
algorithm, or every listed member lives his whole day every day, which is the common idiom. All live the same days of
the same strategy in the same market; the objects start from the engine's rows. Contestants live stretches of days in
turn, and ratios are taken stretch by stretch.

What each tendency costs is found by `benchmarks.tendencies`; costs measured one by one do not add up exactly.
"""

import argparse
import datetime as dt
import gc
import json
import math
import os
import pickle
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import mesa

from benchmarks import tendencies
from sim import delivery, rng
from sim.accounting import posting
from sim.behaviour import day as verbs
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.population import MEMBER, RELATION_FIELDS
from sim.settings import market_config
from sim.strategy import read_strategy

STRATEGIES = ("do_nothing", "silent_wakeup_segmented", "matched_scenes", "broadcast_bombardment")
WARM = 10
"""Days lived before the clock starts."""
PARTS = ("morning", "members", "evening")


def world(strategy: str, members: int, days: int) -> World:
    """A world of the beauty market under a strategy, without newcomers, so that the members stay as many.

    Without a budget either, which would reach fewer of many members than of few.
    """
    config = market_config("beauty")
    people = config.population
    behaviour = Behaviour(people.buying, people.drifting, people.spending)
    market = config.market
    joining = type(market.joining)(0.0)
    market = type(market)(**{**vars(market), "joining": joining})
    founders = EmbeddedFounders(members, behaviour, people.history_days)
    read = read_strategy(strategy)
    free = replace(read, budget=replace(read.budget, total=None, monthly=None))
    plan = Plan(dt.date(2026, 1, 5), days, founders, market, strategy=free, operated=True)
    return World(plan, seed=1)


def live(lived: World, days: int) -> dict[str, float]:
    """Nanoseconds a member-day of the engine on one thread, by part."""
    spent = dict.fromkeys(PARTS, 0.0)
    for _ in range(days):
        today = lived.today(lived.day)
        times = [time.perf_counter()]
        desk = lived.desk_today()
        times.append(time.perf_counter())
        lived.live_operated(today, desk, [lived.books])
        times.append(time.perf_counter())
        lived.evening(today)
        times.append(time.perf_counter())
        for place, part in enumerate(PARTS):
            spent[part] += times[place + 1] - times[place]
    out = {part: 1e9 * seconds / (lived.population.count * days) for part, seconds in spent.items()}
    return out | {"all": sum(out.values())}


def happened(lived: World) -> dict[str, float]:
    """Messages, opens and orders a member-day since the clock started: contestants must agree in the mean."""
    responses = lived.books.responses[WARM:]
    counts = {
        "messages": responses[:, :, posting.SENT : posting.SENT + 4].sum(),
        "opens": responses[:, :, posting.OPENED : posting.OPENED + 4].sum(),
        "orders": lived.books.events[WARM:, :, posting.ORDERS].sum(),
    }
    return {name: int(count) / (lived.population.count * (lived.day - WARM)) for name, count in counts.items()}


# -- plain Mesa, in a process whose compiler is off --------------------------------------------------------------


class Person(mesa.Agent):
    """One member as an ordinary object."""

    def __init__(self, model: mesa.Model, row: Any, relation: Any) -> None:
        super().__init__(model)
        names: tuple[str, ...] = MEMBER.names or ()
        self.m = SimpleNamespace(**{name: row[name].item() for name in names})
        values = {field.name: relation[field.name] for field in RELATION_FIELDS}
        self.r = SimpleNamespace(**{k: v.tolist() if v.ndim else v.item() for k, v in values.items()})


class Club:
    """Members as ordinary objects, asked when due or every day."""

    def __init__(self, strategy: str, members: int, days: int, every_day: bool) -> None:
        self.world, self.every_day = world(strategy, members, days), every_day
        people, model = self.world.population, mesa.Model(rng=1)
        self.people = [Person(model, people.row(number), people.relation(number)) for number in range(members)]
        self.rows, self.relations = [person.m for person in self.people], [person.r for person in self.people]
        self.due = [int(people.due[0][number]) for number in range(members)]
        self.touches: list[Any] = [0] * members

    def live(self, days: int) -> float:
        """Nanoseconds a member-day; the evening is the engine's and is not counted."""
        lived, due, touches, books = self.world, self.due, self.touches, self.world.books
        assert lived.operator is not None
        guard, tags = (
            [as_objects(one[0])] for one in (lived.operator.strategy.guard.record(30), lived.operator.tags)
        )
        spent = 0.0
        for _ in range(days):
            today, desk = lived.today(lived.day), lived.desk_today()
            sends = _Table(as_objects(send) for send in desk.sends)
            offers = [as_objects(offer) for offer in desk.offers]
            table = SimpleNamespace(sends=sends, offers=offers, ops=[as_objects(desk.ops[0])])
            p, q = as_objects(lived.settings[0]), as_objects(lived.responses[0])
            began = time.perf_counter()
            if sends:
                wanted = [0] * len(sends)
                delivery.choose_rows(
                    self.rows, self.relations, touches, due, 0, len(due), today, sends, guard, tags, wanted, books
                )
            for number, person in enumerate(self.people):
                m, r = person.m, person.r
                if self.every_day:
                    if m.listed == 1:
                        verbs.live_operated_day(m, r, touches[number], today, table, p, q, books)
                elif due[number] <= today.day:
                    if m.listed == 1:
                        verbs.live_operated_day(m, r, touches[number], today, table, p, q, books)
                    due[number] = verbs.next_operated_day(m, r, today, q)
                touches[number] = 0
            spent += time.perf_counter() - began
            lived.evening(today)
        return 1e9 * spent / (len(due) * days)


class _Table(list[Any]):
    """A list that says how long it is as an array does."""

    @property
    def shape(self) -> tuple[int]:
        """As of an array of one dimension."""
        return (len(self),)


def as_objects(record: Any) -> Any:
    """A nested record as nested ordinary objects."""
    if record.dtype.names is None:
        return record.tolist()
    return SimpleNamespace(**{name: as_objects(record[name]) for name in record.dtype.names})


def ordinary_python() -> None:
    """From now on rules draw from one stream of Python's own, and take its exp, log and int."""
    luck = Random(1)
    ordinary: dict[str, Any] = {
        "uniform": lambda *_: luck.random(),
        "two_uniforms": lambda *_: (luck.random(), luck.random()),
        "exponential": lambda *_: luck.expovariate(1.0),
        "normal": lambda *_: luck.gauss(0.0, 1.0),
        "gamma": lambda _a, _b, _c, _d, shape: luck.gammavariate(shape, 1.0),
    }
    for name, function in ordinary.items():
        setattr(rng, name, function)
    for module in (verbs, delivery):
        setattr(module, "np", SimpleNamespace(uint64=int))  # noqa: B010
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("sim.behaviour"):
            for name, function in (("exp", math.exp), ("log", math.log)):
                if hasattr(module, name):
                    setattr(module, name, function)


def plain(strategy: str, members: int, days: int) -> None:
    """Both clubs live as many days as each line that comes in says, and answer; at the end what happened."""
    clubs = [Club(strategy, members, days, every_day) for every_day in (False, True)]
    ordinary_python()
    gc.collect()
    gc.freeze()  # in plain Mesa's favour: its members are not looked through again
    for asked in sys.stdin:
        print(json.dumps([club.live(int(asked)) for club in clubs]), flush=True)
    print(json.dumps([happened(club.world) for club in clubs]))


# -- a strategy ---------------------------------------------------------------------------------------------------


def beside(strategy: str, members: int, few: int, stretches: int, days: int) -> dict[str, Any]:
    """The engine and both plain Mesas live stretches of days in turn; nanoseconds a member-day of each stretch."""
    total = WARM + stretches * days
    command = [sys.executable, "-m", "benchmarks.responses", "--plain", strategy, str(few), str(total)]
    off = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    lived = world(strategy, members, total)
    found: dict[str, Any] = {"engine": [], "mesa": []}
    with subprocess.Popen(command, env=off, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        for stretch in (WARM, *[days] * stretches):
            print(stretch, file=other.stdin, flush=True)
            mesa_ns = json.loads(other.stdout.readline())  # one after the other, so that one core is enough
            engine_ns = live(lived, stretch)
            found["mesa"].append(mesa_ns)
            found["engine"].append(engine_ns)
        other.stdin.close()
        happenings = json.loads(other.stdout.readline())
    found["happened"] = dict(zip(("engine", "when_due", "every_day"), (happened(lived), *happenings), strict=True))
    found["bytes"] = lived.population.bytes_per_row
    return found | {"engine": found["engine"][1:], "mesa": found["mesa"][1:]}


def middle(values: list[float], digits: int = 0) -> str:
    """The median of some values, and the least and the greatest."""
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


def measure(quick: bool) -> list[dict[str, Any]]:
    """Measure and print; one record for each strategy."""
    members, few, stretches, days = (5_000, 150, 3, 6) if quick else (50_000, 600, 9, 6)
    for strategy in STRATEGIES:  # compile
        live(world(strategy, 100, WARM), WARM)
    print(f"load average {os.getloadavg()}; median (least-greatest) of {stretches} stretches\n")
    out: list[dict[str, Any]] = []
    for strategy in STRATEGIES:
        found = beside(strategy, members, few, stretches, days)
        ns = {part: [stretch[part] for stretch in found["engine"]] for part in (*PARTS, "all")}
        record: dict[str, Any] = {
            "case": f"operated day, {strategy}",
            "members": members,
            "days": stretches * days,
            "threads": 1,
            "member_days_per_second": 1e9 / statistics.median(ns["all"]),
            "bytes_per_member": found["bytes"],
            "messages_per_member_day": found["happened"]["engine"]["messages"],
            "ns_per_member_day": {part: statistics.median(values) for part, values in ns.items()},
            "happened_per_member_day": found["happened"],
        }
        parts = ", ".join(f"{part} {middle(values)}" for part, values in ns.items())
        print(f"{record['case']}: {parts} ns a member-day")
        for place, (yard, ending) in enumerate((("when due", ""), ("every day", "_every_day"))):
            mesa_ns = [stretch[place] for stretch in found["mesa"]]
            ratios = [theirs / ours for theirs, ours in zip(mesa_ns, ns["all"], strict=True)]
            record[f"plain_mesa_ns_per_member_day{ending}"] = statistics.median(mesa_ns)
            record[f"ratio_to_mesa{ending}"] = statistics.median(ratios)
            record[f"ratio_to_mesa{ending}_range"] = [min(ratios), max(ratios)]
            print(f"  plain Mesa, asked {yard:10} {middle(mesa_ns)} ns a member-day: {middle(ratios)} x")
        for name, each in found["happened"].items():
            counts = ", ".join(f"{count:.4f} {what}" for what, count in each.items())
            print(f"  {name.replace('_', ' '):10} {counts} a member-day")
        small = few // 2, stretches * days
        counted = tendencies.counted(strategy, *small)
        lived = world(strategy, small[0], WARM + small[1])
        all_days = statistics.fmean(ns["members"])  # as the calls are, which differ from stretch to stretch
        record |= tendencies.by_tendency(counted, lived, small[0] * small[1], all_days)
        tendencies.show(record)
        out.append(record)
    print(f"load average after {os.getloadavg()}")
    return out


def main() -> None:
    """Measure and print; with --json also write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the records to this file")
    parser.add_argument("--quick", action="store_true", help="fewer members and days")
    parser.add_argument("--plain", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--count", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.plain or chosen.count:
        strategy, members, days = chosen.plain or chosen.count
        if chosen.plain:
            plain(strategy, int(members), int(days))
            return
        found = tendencies.count(world(strategy, int(members), WARM + int(days)), WARM, int(days))
        sys.stdout.buffer.write(pickle.dumps(found))
        return
    records = measure(chosen.quick)
    if chosen.json:
        chosen.json.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
