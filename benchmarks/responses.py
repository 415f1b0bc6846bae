"""What the operated day costs: against plain Mesa on the same rules, and by part of the day.

`python -m benchmarks.responses [--quick] [--json FILE]`. Plain Mesa here is a model of ordinary Python objects, one
agent a member, whose step is the very text of the rules, uncompiled, with `random.Random` for luck and `math.exp`:
what one would write without this engine. Both live the same strategy in the same market; the objects start from the
engine's rows.
"""

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np

from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.settings import market_config
from sim.strategy import read_strategy

STRATEGIES = ("do_nothing", "silent_wakeup_segmented", "matched_scenes", "broadcast_bombardment")
WARM = 10
"""Days lived before the clock starts."""


def world(strategy: str, members: int, days: int) -> World:
    """A world of the beauty market under a strategy, without newcomers, so that the members stay as many."""
    config = market_config("beauty")
    people = config.population
    behaviour = Behaviour(people.buying, people.drifting, people.spending)
    market = config.market
    joining = type(market.joining)(0.0)
    market = type(market)(**{**vars(market), "joining": joining})
    founders = EmbeddedFounders(members, behaviour, people.history_days)
    plan = Plan(dt.date(2026, 1, 5), days, founders, market, strategy=read_strategy(strategy), operated=True)
    return World(plan, seed=1)


def engine_ns(strategy: str, members: int, days: int) -> dict[str, float]:
    """Nanoseconds a member-day of the engine on one thread, by part: morning, members, evening."""
    lived = world(strategy, members, WARM + days)
    spent = {"morning": 0.0, "members": 0.0, "evening": 0.0}
    for day in range(WARM + days):
        today = lived.today(lived.day)
        times = [time.perf_counter()]
        desk = lived.desk_today()
        times.append(time.perf_counter())
        lived.live_operated(today, desk, [lived.books])
        times.append(time.perf_counter())
        lived.evening(today)
        times.append(time.perf_counter())
        if day >= WARM:
            for place, part in enumerate(spent):
                spent[part] += times[place + 1] - times[place]
    out = {part: 1e9 * seconds / (members * days) for part, seconds in spent.items()}
    assert lived.books.responses is not None
    sent = int(lived.books.responses[WARM:, :, :4].sum()) / (members * days)
    return out | {"all": sum(out.values()), "messages": sent, "bytes": float(lived.population.bytes_per_row)}


def plain(strategy: str, members: int, days: int) -> float:
    """Nanoseconds a member-day of plain Mesa. Runs only where the compiler is off: see `plain_ns`."""
    import math

    import mesa

    from sim import delivery, rng
    from sim.behaviour import day as verbs
    from sim.population import MEMBER, RELATION_FIELDS

    lived = world(strategy, members, days)
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
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("sim.behaviour"):
            for name, function in (("exp", math.exp), ("log", math.log)):
                if hasattr(module, name):
                    setattr(module, name, function)
    names: tuple[str, ...] = MEMBER.names or ()

    class Person(mesa.Agent):
        """One member as an ordinary object."""

        def __init__(self, model: mesa.Model, number: int) -> None:
            super().__init__(model)
            row, relation = lived.population.row(number), lived.population.relation(number)
            self.m = SimpleNamespace(**{name: row[name].item() for name in names})
            values = {field.name: relation[field.name] for field in RELATION_FIELDS}
            self.r = SimpleNamespace(**{k: v.tolist() if v.ndim else v.item() for k, v in values.items()})

    model = mesa.Model(rng=1)
    people = [Person(model, number) for number in range(members)]
    rows, relations = [p.m for p in people], [p.r for p in people]
    due = [int(lived.population.due[0][number]) for number in range(members)]
    touches: list[Any] = [np.uint64(0)] * members
    assert lived.operator is not None
    month = 30
    guard, tags = lived.operator.strategy.guard.record(month), lived.operator.tags
    plain_choose = delivery.choose_rows
    spent = 0.0
    for _ in range(days):
        today = lived.today(lived.day)
        desk = lived.desk_today()
        sends = [as_objects(send) for send in desk.sends]
        offers = [as_objects(offer) for offer in desk.offers]
        ops = [as_objects(desk.ops[0])]
        table = SimpleNamespace(sends=_Table(sends), offers=offers, ops=ops)
        p, q = as_objects(lived.settings[0]), as_objects(lived.responses[0])
        began = time.perf_counter()
        if sends:
            wanted = [0] * len(sends)
            plain_choose(
                rows, relations, touches, due, 0, members, today, table.sends, guard, tags, wanted, lived.books
            )
        for number, person in enumerate(people):
            if due[number] <= today.day:
                verbs.live_operated_day(person.m, person.r, touches[number], today, table, p, q, lived.books)
                due[number] = verbs.next_operated_day(person.m, person.r, today, q)
            touches[number] = np.uint64(0)
        spent += time.perf_counter() - began
        lived.evening(today)
    return 1e9 * spent / (members * days)


class _Table(list[Any]):
    """A list that says how long it is as an array does."""

    @property
    def shape(self) -> tuple[int]:
        """As of an array of one dimension."""
        return (len(self),)


def as_objects(record: Any) -> Any:
    """A nested record as nested ordinary objects."""
    if record.dtype.names is None:
        return record.item()
    return SimpleNamespace(**{name: as_objects(record[name]) for name in record.dtype.names})


def plain_ns(strategy: str, members: int, days: int) -> float:
    """The same, in a process of its own whose compiler is off."""
    command = [sys.executable, "-m", "benchmarks.responses", "--plain", strategy, str(members), str(days)]
    done = subprocess.run(
        command, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def measure(quick: bool) -> list[dict[str, Any]]:
    """One record for each strategy; engine and plain Mesa take turns, and medians of three are kept."""
    members, days, few, turns = (5_000, 30, 150, 1) if quick else (50_000, 60, 400, 3)
    engine_ns("matched_scenes", 100, 5)  # compile
    out: list[dict[str, Any]] = []
    for strategy in STRATEGIES:
        engine, mesa = [], []
        for _ in range(turns):
            engine.append(engine_ns(strategy, members, days))
            mesa.append(plain_ns(strategy, few, 15))
        engine.sort(key=lambda found: found["all"])
        middle, yard = engine[turns // 2], sorted(mesa)[turns // 2]
        record = {
            "case": f"operated day, {strategy}",
            "members": members,
            "days": days,
            "threads": 1,
            "member_days_per_second": 1e9 / middle["all"],
            "bytes_per_member": middle["bytes"],
            "ratio_to_mesa": yard / middle["all"],
            "messages_per_member_day": middle["messages"],
            "ns_per_member_day": {part: middle[part] for part in ("morning", "members", "evening", "all")},
            "plain_mesa_ns_per_member_day": yard,
        }
        out.append(record)
        parts = ", ".join(f"{part} {value:,.0f}" for part, value in record["ns_per_member_day"].items())
        print(f"{record['case']:45} {parts} ns a member-day ({middle['messages']:.2f} messages)")
        print(f"{'':45} plain Mesa {yard:,.0f} ns: {record['ratio_to_mesa']:,.0f} x", flush=True)
    return out


def main() -> None:
    """Measure and print; with --json also write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the records to this file")
    parser.add_argument("--quick", action="store_true", help="fewer members and days")
    parser.add_argument("--plain", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.plain:
        print(plain(chosen.plain[0], int(chosen.plain[1]), int(chosen.plain[2])))
        return
    records = measure(chosen.quick)
    if chosen.json:
        chosen.json.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
