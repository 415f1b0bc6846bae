"""How fast the engine is: against plain Mesa, against the floor, in bytes, at start-up.

`python -m benchmarks.engine [--json FILE] [--quick]` prints tables and, asked to, writes
`{"machine", "versions", "records", ...}`. Contestants of a case live the same stretches of days in turn
(engine, plain Mesa, engine, plain Mesa, ...), so that a busy machine disturbs all of them; ratios are taken
stretch by stretch and their median, least and greatest are printed. README.md beside this file says what is
measured.
"""

import argparse
import gc
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plain_mesa import Club, club_beside, compare, null_plan
from sim import rng
from sim.accounting import posting
from sim.accounting.books import MEMBERS
from sim.engine import World
from sim.jit import kernel
from sim.numbers import exp
from sim.population import Population

STRETCHES = 9
"""Into how many stretches of days a case is cut."""

NOTHING_DUE = 1_000_000_000
"""A due day for the floor's array: never within a case."""

TINY = """
import datetime as dt
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.world.market import Market
World(Plan(dt.date(2026, 1, 1), 3, EmbeddedFounders(100, Behaviour(), 30), Market()), 1).run()
"""


@dataclass(frozen=True)
class Case:
    """One size of the null model: founders, newcomers a year per founder, days, who runs beside."""

    members: int
    joining: float
    days: int
    mesa: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the case is called in tables and records."""
        beside = " beside plain Mesa" if self.mesa else ""
        return f"null model, {'newcomers' if self.joining else 'closed'}{beside}"


# Plain Mesa at 10^5 lives few days where newcomers or time do not allow a year.
FULL = (
    Case(10_000, 0.0, 365, ("do", "shuffle_do", "calendar")),
    Case(10_000, 1.0, 365, ("do",)),
    Case(100_000, 0.0, 60, ("do", "shuffle_do", "calendar")),
    Case(100_000, 1.0, 60, ("do",)),
    Case(100_000, 0.0, 365),
    Case(100_000, 1.0, 365),
    Case(1_000_000, 0.0, 10, ("do",)),
    Case(1_000_000, 0.0, 365),
    Case(1_000_000, 1.0, 365),
)
QUICK = (
    Case(10_000, 0.0, 100, ("do", "shuffle_do")),
    Case(10_000, 1.0, 100, ("do",)),
    Case(100_000, 0.0, 18, ("do", "calendar")),
    Case(100_000, 0.0, 365),
    Case(100_000, 1.0, 365),
    Case(1_000_000, 0.0, 50),
)


# -- the floor -----------------------------------------------------------------------------------------------


@kernel
def scan(due: Any, start: int, stop: int, first_day: int, last_day: int) -> int:
    """Read every due day once a day and compare it: what no engine that asks each member can avoid."""
    found = 0
    part = due[start:stop]
    for day in range(first_day, last_day):
        today = np.int32(day)
        here = np.int32(0)
        for i in range(part.shape[0]):
            here += np.int32(part[i] <= today)
        found += int(here)
    return found


@kernel
def luck_of_orders(luck: Any, count: int) -> float:
    """The least luck of an order, drawn and not used: a gap (log) and a value (normal, exp)."""
    total = 0.0
    for i in range(count):
        key = np.uint64(i)
        total += rng.exponential(luck, key, rng.PURCHASE_GAP, 1)
        total += exp(0.6 * rng.normal(luck, key, rng.ORDER_VALUE, 1))
    return total


@kernel
def luck_of_joinings(luck: Any, count: int) -> float:
    """The least luck of a joining: two gammas, a usual value, a first order, a gap and a time of drifting."""
    total = 0.0
    for i in range(count):
        key = np.uint64(i)
        total += rng.gamma(luck, key, rng.PURCHASE_RATE, 0, 0.553)
        total += rng.gamma(luck, key, rng.DRIFT_HAZARD, 0, 0.606)
        total += rng.normal(luck, key, rng.SPEND_LEVEL, 0)
        total += exp(0.6 * rng.normal(luck, key, rng.ORDER_VALUE, 0))
        total += rng.exponential(luck, key, rng.PURCHASE_GAP, 1)
        total += rng.exponential(luck, key, rng.DRIFT_TIME, 0)
    return total


def seconds(action: Callable[[], object]) -> float:
    """How long it takes, by the wall clock."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def middle(action: Callable[[], object], times: int = 5) -> float:
    """The median time of some runs: short runs are easily disturbed."""
    return statistics.median(seconds(action) for _ in range(times))


class Floor:
    """The time that cannot be avoided: one comparison per member-day, and the luck of events."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.pool = ThreadPoolExecutor(threads)
        scan(np.zeros(1, np.int32), 0, 1, 0, 1)
        luck_of_orders(rng.stream(1, 0), 1)
        luck_of_joinings(rng.stream(1, 0), 1)

    def scan_seconds(self, due: np.ndarray, days: int) -> float:
        """Seconds to compare all due days on `days` days, a range of rows to each thread."""
        shares = [len(due) * n // self.threads for n in range(self.threads + 1)]

        def all_days() -> None:
            jobs = [self.pool.submit(scan, due, low, high, 0, days) for low, high in pairwise(shares)]
            for job in jobs:
                job.result()

        return middle(all_days)

    @staticmethod
    def event_seconds(draws: int = 10_000) -> tuple[float, float]:
        """Seconds that the luck of one order, and of one joining, takes now."""
        luck = rng.stream(1, 0)
        order = middle(lambda: luck_of_orders(luck, draws)) / draws
        return order, middle(lambda: luck_of_joinings(luck, draws // 4)) / (draws // 4)


# -- a case --------------------------------------------------------------------------------------------------


def live_seconds(lived: World | Club, days: int) -> float:
    """Seconds to live `days` days."""
    start = time.perf_counter()
    for _ in range(days):
        lived.step()
    return time.perf_counter() - start


def member_days(world: World, first: int, last: int) -> int:
    """Listed members, added up over the ends of days."""
    return int(world.stocks[first:last, :, MEMBERS].sum())


def events(world: World, first: int, last: int) -> tuple[int, int]:
    """(orders of members, joinings) in a stretch; a joining's first order counts with the joining."""
    sums = world.books.events[first:last].sum(axis=(0, 1))
    joinings = int(sums[posting.FIRST_ORDERS])
    return int(sums[posting.ORDERS]) - joinings, joinings


def run_case(case: Case, threads: tuple[int, ...]) -> list[dict[str, Any]]:
    """Set everybody up, then live the stretches in turn; one record per contestant."""
    plan = null_plan(case.members, case.days, case.joining)
    worlds: dict[int, World] = {}
    clubs: dict[str, Club] = {}
    setup: dict[Any, float] = {}
    for n in threads:
        start = time.perf_counter()
        worlds[n] = World(plan, 1, 0, n)
        setup[n] = time.perf_counter() - start
    for play in case.mesa:
        start = time.perf_counter()
        clubs[play] = club_beside(worlds[threads[0]], 1, play)
        setup[play] = time.perf_counter() - start
    gc.collect()
    gc.freeze()  # in plain Mesa's favour: its members are not looked through again
    floors = {n: Floor(n) for n in threads}
    speeds: dict[Any, list[float]] = {key: [] for key in (*threads, *case.mesa)}
    over_floor: dict[int, list[float]] = {n: [] for n in threads}
    marks = [case.days * n // STRETCHES for n in range(STRETCHES + 1)]
    for first, last in pairwise(marks):
        for n, world in worlds.items():
            spent = live_seconds(world, last - first)
            lived = member_days(world, first, last)
            speeds[n].append(lived / spent)
            due = np.full(max(lived // (last - first), 1), NOTHING_DUE, dtype=np.int32)
            order, joining = Floor.event_seconds()
            orders, joinings = events(world, first, last)
            least = floors[n].scan_seconds(due, last - first)
            least += (orders * order + joinings * joining) / n
            over_floor[n].append(spent / least)
        for play, club in clubs.items():
            spent = live_seconds(club, last - first)
            speeds[play].append(sum(day["members"] for day in club.daily[first:last]) / spent)
    gc.unfreeze()

    def record(key: Any, name: str, threads: int) -> dict[str, Any]:
        out: dict[str, Any] = {"case": name, "members": case.members, "days": case.days, "threads": threads}
        out["member_days_per_second"] = round(statistics.median(speeds[key]))
        out["bytes_per_member"] = None
        out["ratio_to_mesa"] = out["ratio_to_floor"] = None
        if case.mesa:
            pairs = [ours / theirs for ours, theirs in zip(speeds[key], speeds["do"], strict=True)]
            out["ratio_to_mesa"] = round(statistics.median(pairs), 2)
            out["ratio_to_mesa_range"] = [round(min(pairs), 2), round(max(pairs), 2)]
        if key in over_floor:
            pairs = over_floor[key]
            out["ratio_to_floor"] = round(statistics.median(pairs), 2)
            out["ratio_to_floor_range"] = [round(min(pairs), 2), round(max(pairs), 2)]
        out["setup_seconds"] = round(setup[key], 3)
        return out

    kind = case.name.removesuffix(" beside plain Mesa")
    records = [record(n, f"engine, {case.name}", n) for n in threads]
    records += [record(play, f"plain Mesa {play}, {kind}", 1) for play in case.mesa]
    return records


# -- subprocesses: memory, a year at 10^6, start-up ----------------------------------------------------------


def resident() -> int:
    """Bytes of this process that are in memory now (Linux), else its peak so far."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak()


def peak() -> int:
    """The most bytes this process has had in memory."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def probe_engine(members: int, days: int, joining: float, threads: int) -> dict[str, Any]:
    """In a process of its own: bytes per founder, and the year's wall time and peak memory."""
    World(null_plan(100, 3, 1000.0), 1).run()  # compile, newcomers too
    before = resident()
    start = time.perf_counter()
    world = World(null_plan(members, days, joining), 1, 0, threads)
    setup = time.perf_counter() - start
    grown = resident() - before
    spent = seconds(world.run)
    return {
        "members": members,
        "days": days,
        "joining": joining,
        "threads": threads,
        "bytes_per_member": round(grown / members, 1),
        "setup_seconds": round(setup, 3),
        "run_seconds": round(spent, 3),
        "peak_mib": round(peak() / 2**20, 1),
    }


def probe_mesa(members: int) -> dict[str, Any]:
    """In a process of its own: bytes per founder of plain Mesa."""
    world = World(null_plan(100, 3, 0.0), 1)
    club_beside(world, 1)
    world.plan = null_plan(members, 3, 0.0)  # the same clock, more founders
    gc.collect()
    before = resident()
    club = club_beside(world, 1)
    gc.collect()
    return {"members": len(club.agents), "bytes_per_member": round((resident() - before) / members, 1)}


def probe(which: str, *numbers: float) -> dict[str, Any]:
    """Run a probe in a process of its own and return what it found."""
    command = [sys.executable, "-m", "benchmarks.engine", "--probe", which, *map(str, numbers)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def command_seconds(command: list[str], times: int, **environment: str) -> float:
    """The median wall time of a command in a fresh process."""
    env = {**os.environ, **environment}
    return statistics.median(
        seconds(lambda: subprocess.run(command, check=True, capture_output=True, env=env)) for _ in range(times)
    )


def start_up(times: int) -> dict[str, float | None]:
    """Seconds until something can be done: import, first run ever (compiles), first run of a process."""
    python = [sys.executable, "-c"]
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, float | None] = {
            "python_alone": command_seconds([*python, "pass"], times),
            "cold_tiny_run": command_seconds([*python, TINY], 1, MEMBERSIM_CACHE=folder),
            "warm_import_sim_engine": command_seconds([*python, "import sim.engine"], times, MEMBERSIM_CACHE=folder),
            "warm_tiny_run": command_seconds([*python, TINY], times, MEMBERSIM_CACHE=folder),
            "import_mesa": command_seconds([*python, "import mesa"], times),
            "warm_forecast_help": None,
        }
    script = Path(sys.executable).parent / "membersim"
    if script.exists():
        command = [str(script), "forecast", "--help"]
        try:
            command_seconds(command, 1)
            found["warm_forecast_help"] = command_seconds(command, 5)
        except subprocess.CalledProcessError:
            pass
    return {name: None if value is None else round(value, 3) for name, value in found.items()}


# -- keyed luck against a stream -----------------------------------------------------------------------------


@kernel
def draw_uniform(luck: Any, count: int) -> float:
    """Keyed uniforms, one entity after the other."""
    total = 0.0
    for i in range(count):
        total += rng.uniform(luck, np.uint64(i), 1, 0)
    return total


@kernel
def draw_exponential(luck: Any, count: int) -> float:
    """Keyed exponentials."""
    total = 0.0
    for i in range(count):
        total += rng.exponential(luck, np.uint64(i), 1, 0)
    return total


@kernel
def draw_normal(luck: Any, count: int) -> float:
    """Keyed normals."""
    total = 0.0
    for i in range(count):
        total += rng.normal(luck, np.uint64(i), 1, 0)
    return total


@kernel
def draw_gamma(luck: Any, count: int) -> float:
    """Keyed gammas of shape 0.55."""
    total = 0.0
    for i in range(count):
        total += rng.gamma(luck, np.uint64(i), 1, 0, 0.55)
    return total


def luck_speed(count: int, times: int = 7) -> dict[str, dict[str, float]]:
    """Nanoseconds a draw: keyed, in a scalar loop, and numpy's Generator filling an array; in turn."""
    luck, generator = rng.stream(1, 0), np.random.default_rng(1)
    pairs: dict[str, tuple[Any, Callable[[], object]]] = {
        "uniform": (draw_uniform, lambda: generator.random(count)),
        "exponential": (draw_exponential, lambda: generator.standard_exponential(count)),
        "normal": (draw_normal, lambda: generator.standard_normal(count)),
        "gamma 0.55": (draw_gamma, lambda: generator.standard_gamma(0.55, count)),
    }
    found: dict[str, dict[str, float]] = {}
    for name, (keyed, stream) in pairs.items():
        keyed(luck, 1)
        timed = [(seconds(lambda keyed=keyed: keyed(luck, count)), seconds(stream)) for _ in range(times)]
        found[name] = {
            "keyed_ns": round(statistics.median(a for a, _ in timed) / count * 1e9, 2),
            "numpy_ns": round(statistics.median(b for _, b in timed) / count * 1e9, 2),
            "ratio": round(statistics.median(a / b for a, b in timed), 2),
        }
    return found


# -- all of it -----------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Where this is measured, and how busy it is."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        cpu = names[0] if names else cpu
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """What it is measured with."""
    names = ("numba", "numpy", "mesa")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def show(record: dict[str, Any]) -> None:
    """One line of the table of cases."""

    def cell(name: str) -> str:
        if record[name] is None:
            return f"{'':24}"
        low, high = record[f"{name}_range"]
        return f"{record[name]:8.2f} ({low:.2f}-{high:.2f})".ljust(24)

    memory = record["bytes_per_member"]
    print(
        f"{record['case']:52} {record['members']:>9,} {record['days']:>4} {record['threads']:>2}"
        f" {record['member_days_per_second'] / 1e6:>9.2f} {1e9 / record['member_days_per_second']:>9.2f}"
        f" {record['setup_seconds']:>8.2f} {'' if memory is None else memory:>7} "
        f" {cell('ratio_to_mesa')} {cell('ratio_to_floor')}",
        flush=True,
    )


def measure(quick: bool) -> dict[str, Any]:
    """Measure and print everything."""
    result: dict[str, Any] = {"machine": machine(), "versions": versions(), "quick": quick}
    print(" ".join(f"{key}={value}" for key, value in {**result["machine"], **result["versions"]}.items()))
    World(null_plan(100, 3, 1000.0), 1).run()  # compile, newcomers too

    cases = QUICK if quick else FULL
    row = Population().bytes_per_row
    years = [(0.0, 1)] if quick else [(0.0, 1), (0.0, 2), (1.0, 1)]
    million = [probe("engine", 1_000_000, 365, joins, threads) for joins, threads in years]
    hundred_thousand = probe("engine", 100_000, 1, 0.0, 1)["bytes_per_member"]
    mesa_memory = probe("mesa", 100_000)["bytes_per_member"]
    result["row_bytes"] = row
    print(f"\nA row and its due day take {row} bytes; bytes is the growth of the process per founder.")
    print("Speed in million member-days a second; ratios are medians of stretches (least-greatest).\n")
    print(
        f"{'case':52} {'members':>9} {'days':>4} {'th':>2} {'M m-d/s':>9} {'ns/m-d':>9} {'setup s':>8}"
        f" {'bytes':>7}  {'times plain Mesa (do)':24} times the floor"
    )
    result["records"] = []
    for case in cases:
        for record in run_case(case, (1, 2)):
            memory = million[0]["bytes_per_member"] if case.members >= 1_000_000 else hundred_thousand
            record["bytes_per_member"] = memory if record["case"].startswith("engine") else mesa_memory
            result["records"].append(record)
            show(record)

    order, joining = Floor.event_seconds(200_000)
    result["event_floor_ns"] = {"order": round(order * 1e9, 1), "joining": round(joining * 1e9, 1)}
    print(f"\nThe least luck of an order takes {order * 1e9:.0f} ns, of a joining {joining * 1e9:.0f} ns.")

    print("\nA year of 10^6 members in a process of its own:")
    result["million_for_a_year"] = million
    for found in million:
        print(
            f"  joining {found['joining']:.0f} a year per founder, threads {found['threads']}:"
            f" set-up {found['setup_seconds']:.2f} s, year {found['run_seconds']:.2f} s,"
            f" peak {found['peak_mib']:.0f} MiB"
        )

    result["start_up_seconds"] = start_up(2 if quick else 5)
    print("\nStart-up, seconds of a fresh process:")
    for name, value in result["start_up_seconds"].items():
        print(f"  {name:28} {'not there yet' if value is None else format(value, '.2f')}")

    result["luck_ns_per_draw"] = luck_speed(200_000 if quick else 1_000_000)
    print("\nLuck, ns a draw: keyed in a scalar loop / numpy's Generator filling an array")
    for name, found in result["luck_ns_per_draw"].items():
        print(f"  {name:12} {found['keyed_ns']:8.1f} / {found['numpy_ns']:6.1f}  ratio {found['ratio']:.1f}")

    same = compare(2_000, 182, 10 if quick else 40, 1.0)
    ratio, error = same["orders"]
    result["mesa_over_engine_weekly_orders"] = {"ratio": round(ratio, 4), "standard_error": round(error, 4)}
    print(f"\nMean weekly orders, plain Mesa over engine: {ratio:.4f} +- {error:.4f}")
    result["machine"]["load_average_after"] = [round(load, 2) for load in os.getloadavg()]
    print(f"load average before {result['machine']['load_average']}, after {os.getloadavg()}")
    return result


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure the engine against plain Mesa and against the floor.")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--quick", action="store_true", help="fewer cases and days: under two minutes")
    parser.add_argument("--probe", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.probe:
        which, *numbers = args.probe
        if which == "mesa":
            found = probe_mesa(int(numbers[0]))
        else:
            members, days, joining, threads = numbers
            found = probe_engine(int(members), int(days), float(joining), int(threads))
        print(json.dumps(found))
        return
    result = measure(args.quick)
    if args.json is not None:
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
