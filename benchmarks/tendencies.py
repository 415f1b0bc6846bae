"""What a member's operated day costs by tendency: how often each rule is called, times what one call takes.

The calls are counted in a small run with the compiler off, where every rule that `sim.behaviour.day` calls is
watched; what a rule calls in its turn belongs to it. Some hundred calls of each are kept, drawn evenly from all, with
the rows as they then were. Each rule is then compiled and called with what was kept, over and over, in a loop of its
own; the time of an empty loop is taken off. The processor works on several of these calls at once. `waited_ns` is
what a call takes where it waits for the answer of the one before: in the day some rules wait for others and some do
not, so that the truth lies between. A rule that answers nothing is never waited for.

Costs measured one by one do not add up exactly. In the day the compiler puts rules into one another and drops what
it finds twice, and rules wait; alone in a loop a rule has its rows at hand and its branches guessed. What is left of
the members' time (finding who is due, reading rows from memory, the day's own lines) stands in a line of its own with
all that does not add up.
"""

import importlib
import os
import pickle
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from types import FunctionType, ModuleType
from typing import Any

import numba
import numpy as np

from sim import jit
from sim.accounting.books import Books
from sim.engine import Today, World
from sim.population import MEMBER, RELATION

KEPT, PASSES = 500, 400
"""Calls of a rule that are kept, and how often they are gone through."""
TENDENCIES = {
    "temperament": "temperament and needs",
    "wallet": "pricing and wallet",
    "pricing": "pricing and wallet",
    "rng": "luck that the day draws",
    "posting": "books",
    "numbers": "exp in the day's lines",
}
"""What the rules of a module are called in the table, where it is not the module's name."""
REST = "the day itself, memory and what does not add up"
TODAY = ("day", "at", "row", "month", "month_row")


# -- counting, with the compiler off ---------------------------------------------------------------------------


class Watch:
    """Counts the calls of rules and keeps some of them."""

    def __init__(self) -> None:
        self.on = False
        self.calls, self.draws = Counter[str](), Counter[str]()
        self.kept: dict[str, list[Any]] = {}
        self.answers: dict[str, str] = {}
        self._seen = Counter[str]()
        self._inside: list[str] = []
        self._luck = Random(1)

    def day(self) -> None:
        """Watch every rule of another file that the day calls."""
        from sim.behaviour import day

        for thing in list(vars(day).values()):
            if isinstance(thing, ModuleType) and thing.__name__.startswith("sim."):
                for rule, function in list(vars(thing).items()):
                    if isinstance(function, FunctionType) and function.__module__ == thing.__name__:
                        setattr(thing, rule, self.watched(function))
        for name, thing in list(vars(day).items()):
            own = not isinstance(thing, FunctionType) or thing.__module__ in (day.__name__, jit.__name__)
            if not own and thing.__module__.startswith("sim."):
                setattr(day, name, self.watched(thing))

    def watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same rule, watched."""
        name = f"{function.__module__}.{function.__name__}"
        luck = function.__module__ == "sim.rng"

        def call(*given: Any) -> Any:
            if not self.on:
                return function(*given)
            by_the_day = not self._inside
            draw = luck and "sim.rng" not in self._inside
            if by_the_day or draw:
                self.calls[name] += by_the_day
                self.draws[name] += draw
                self.keep(name, given)
            self._inside.append(function.__module__)
            answer = function(*given)
            self._inside.pop()
            self.answers[name] = "none" if answer is None else "pair" if isinstance(answer, tuple) else "number"
            return answer

        return call

    def keep(self, name: str, given: tuple[Any, ...]) -> None:
        """Keep this call, or not, so that all calls are as likely to be kept."""
        kept = self.kept.setdefault(name, [])
        self._seen[name] += 1
        place = len(kept) if len(kept) < KEPT else self._luck.randrange(self._seen[name])
        if place < KEPT:
            kept[place : place + 1] = [tuple(as_kept(value) for value in given)]


def as_kept(value: Any) -> Any:
    """An argument as it is now."""
    if isinstance(value, np.void):
        return value.dtype, value.tobytes()
    if isinstance(value, Today):
        return {name: int(getattr(value, name)) for name in TODAY}
    return "books" if isinstance(value, Books) else value


def count(lived: World, warm: int, days: int) -> dict[str, Any]:
    """Calls by the day, draws of luck, kept calls and kinds of answers of so many days.

    Runs only where the compiler is off: see `counted`.
    """
    watch = Watch()
    watch.day()
    for day in range(warm + days):
        today, desk = lived.today(lived.day), lived.desk_today()
        watch.on = day >= warm
        lived.live_operated(today, desk, [lived.books])
        watch.on = False
        lived.evening(today)
    return {"calls": watch.calls, "draws": watch.draws, "kept": watch.kept, "answers": watch.answers}


def counted(strategy: str, members: int, days: int) -> dict[str, Any]:
    """What `count` found in a process of its own whose compiler is off."""
    command = [sys.executable, "-m", "benchmarks.responses", "--count", strategy, str(members), str(days)]
    done = subprocess.run(command, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, stdout=subprocess.PIPE, check=True)
    return pickle.loads(done.stdout)


# -- timing, compiled ------------------------------------------------------------------------------------------

UNSTORED: dict[str, Any] = jit.INLINE | {"cache": False}
"""Loops are compiled as rules are, but not kept on disk."""
_compiled: dict[str, Any] = {}


def loop(call: str, answer: str, given: list[str], waits: bool, function: Any) -> Any:
    """A compiled loop that makes a call `count` times and adds up the answers, so that none can be left out.

    waits: which call is next depends on the sum so far, if only the processor knew that it never does.
    """
    step = {
        "none": f"{call}; total += float(i)",
        "pair": f"x = {call}; total += x[0] + x[1]",
        "number": f"total += float({call})",
    }[answer]
    place = "j + int(total == -1.5)" if waits else "j"
    text = f"""
def live({", ".join(["count", *given])}):
    total = 0.0
    for j in range(count):
        i = {place}
        {step}
    return total
"""
    key = f"{function}{text}"
    if key not in _compiled:
        room: dict[str, Any] = {"rule": function, "Today": Today}
        exec(text, room)
        _compiled[key] = numba.njit(**UNSTORED)(room["live"])
    return _compiled[key]


def ns_per_call(name: str, kept: list[Any], answer: str, lived: World) -> tuple[float, float]:
    """Nanoseconds a call of a rule, with the calls that were kept: many at once, and each waited for."""
    kept = (kept * KEPT)[:KEPT]
    values: dict[str, Any] = {"today": lived.today(0)}
    parts: list[str] = []
    rows: list[tuple[np.ndarray, np.ndarray]] = []
    for place, column in enumerate(zip(*kept, strict=True)):
        a, b, first = f"a{place}", f"b{place}", column[0]
        if isinstance(first, tuple) and isinstance(
            first[0], np.dtype
        ):  # records: members' own, others each once, and which call has which
            own = first[0] in (MEMBER, RELATION)
            names = [(number if own else 0, data) for number, (_, data) in enumerate(column)]
            different = {name: number for number, name in enumerate(dict.fromkeys(names))}
            values[a] = np.frombuffer(b"".join(data for _, data in different), dtype=first[0]).copy()
            values[b] = np.array([different[name] for name in names])
            rows.append((values[a], values[a].copy()))
            parts.append(f"{a}[{b}[i]]")
        elif isinstance(first, dict):
            values |= {field: np.array([now[field] for now in column]) for field in TODAY}
            fields = ", ".join(f"{field}[i]" for field in TODAY)
            parts.append(f"Today({fields}, today.luck, today.clock, today.cycle)")
        elif isinstance(first, str | np.ndarray):
            values[a] = lived.books if isinstance(first, str) else first
            parts.append(a)
        else:
            values[a] = np.array(column)
            parts.append(f"{a}[i]")
    module, rule = name.rsplit(".", 1)
    function = getattr(importlib.import_module(module), rule)
    call, given = f"rule({', '.join(parts)})", list(values)

    def seconds(waits: bool) -> float:
        runs = [loop(call, answer, given, waits, function), loop("0", "none", given, False, None)]
        spent: tuple[list[float], list[float]] = ([], [])
        for _ in range(PASSES + 1):
            for run, times in zip(runs, spent, strict=True):
                for row, before in rows:  # a rule may have changed them
                    row[:] = before
                began = time.perf_counter()
                run(KEPT, *values.values())
                times.append(time.perf_counter() - began)
        return max(statistics.median(spent[0]) - statistics.median(spent[1]), 0.0)

    return 1e9 * seconds(False) / KEPT, 1e9 * seconds(True) / KEPT


def by_tendency(found: dict[str, Any], lived: World, member_days: int, members_ns: float) -> dict[str, Any]:
    """Calls and nanoseconds a member-day by tendency and by rule; members_ns: what all of it takes."""
    ns = {name: ns_per_call(name, kept, found["answers"][name], lived) for name, kept in found["kept"].items()}
    rules: dict[str, Any] = {}
    table: dict[str, Any] = {}
    for name in found["kept"]:
        rules[name] = line(ns, {name: found["calls"][name] / member_days})
        module = str(name).rsplit(".", 2)[1]
        table.setdefault(TENDENCIES.get(module, module), {})[name] = found["calls"][name] / member_days
    table = {called: line(ns, calls) for called, calls in table.items()}
    table = dict(sorted(table.items(), key=lambda pair: -pair[1]["ns"]))
    rest = {part: members_ns - sum(here[part] for here in table.values()) for part in ("ns", "waited_ns")}
    table[REST] = {"calls": 0.0, **rest}
    luck = line(ns, {name: calls / member_days for name, calls in found["draws"].items()})
    for here in (*table.values(), luck, *rules.values()):
        here["share"] = here["ns"] / members_ns
    return {"tendencies": table, "all_luck": luck, "rules": rules}


def line(ns: dict[str, tuple[float, float]], calls: dict[str, float]) -> dict[str, float]:
    """So many calls a member-day of some rules, and what they take."""
    many, waited = (sum(count * ns[name][which] for name, count in calls.items()) for which in (0, 1))
    return {"calls": sum(calls.values()), "ns": many, "waited_ns": waited}


def show(found: dict[str, Any]) -> None:
    """The table."""
    print(f"  {'by tendency':48} {'calls a m-d':>11} {'ns a call':>9} {'waited':>6} {'ns a m-d':>9} {'share':>6}")
    lines = [*found["tendencies"].items(), ("(all draws of luck, inside tendencies too)", found["all_luck"])]
    for name, here in lines:
        calls = here["calls"]
        each = f"{calls:11.4f} {here['ns'] / calls:9.1f} {here['waited_ns'] / calls:6.1f}" if calls else f"{'':28}"
        print(f"  {name:48} {each} {here['ns']:9.2f} {here['share']:6.1%}")
    print(flush=True)
