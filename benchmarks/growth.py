"""What a growing membership costs: referral all year, from ten thousand members to a million.

`python -m benchmarks.growth [--members 10000,100000,1000000] [--days 365] [--json FILE]`. Each size runs in a process
of its own, on one thread in the beauty market, with a referral scheme that never stops (50 CNY for
both friends) and an addressable market of ten persons for each founder, so that all sizes live the same course per
member. A size below the largest is lived as several worlds, one after another, until it has lived as many member-days
as one world of the largest. Told are nanoseconds of the processor a member-day (a busy machine adds little to it),
the peak of resident memory, and how many joined by referral.
"""

import argparse
import datetime as dt
import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from sim.accounting import posting
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.settings import market_config
from sim.strategy import read_strategy


def run(members: int, days: int, worlds: int) -> dict[str, float]:
    """Worlds of this size, each lived to its end; counts are of the last."""
    config = market_config("beauty")
    people = config.population
    behaviour = Behaviour(people.buying, people.drifting, people.spending)
    market = replace(config.market, size=10 * members)
    strategy = read_strategy("two_sided_referral:referral.stop=100000")
    small = EmbeddedFounders(500, behaviour, people.history_days)
    plan = Plan(dt.date(2026, 1, 5), days, small, market, strategy=strategy, response=config.response)
    World(plan, 1).run()  # compiled
    plan = replace(plan, founders=replace(small, count=members))
    lived, seconds, setup = 0, 0.0, 0.0
    world = None
    for replication in range(worlds):
        del world
        began = time.process_time()
        world = World(plan, 1, replication)
        settled = time.process_time()
        while world.day < days:
            world.step()
        seconds += time.process_time() - settled
        setup += settled - began
        lived += int(world.stocks[:, :, 0].sum())
    assert world is not None
    assert world.recruiter is not None
    joined = world.ledger().flows[:, :, posting.JOINED].sum(axis=0)
    beside = world.recruiter.directory.bytes + world.recruiter.lineage.links.nbytes
    return {
        "members": members,
        "days": days,
        "worlds": worlds,
        "member_days": lived,
        "ns_per_member_day": 1e9 * seconds / lived,
        "seconds": seconds,
        "setup_seconds": setup,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        "row_bytes": world.population.bytes_per_row,
        "bytes_beside_a_row": beside / world.population.count,
        "members_at_end": int(world.stocks[-1, :, 0].sum()),
        **{f"joined_{name}": int(n) for name, n in zip(posting.CHANNELS, joined, strict=True) if n},
    }


def main() -> int:
    """Run all sizes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # pyright: ignore[reportOptionalMemberAccess]
    parser.add_argument("--members", default="10000,100000,1000000")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", type=int, nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one:
        members, worlds = said.one
        print(json.dumps(run(members, said.days, worlds)))
        return 0
    records = []
    sizes = [int(size) for size in said.members.split(",")]
    print("members   worlds   ns a member-day   seconds   peak MiB   at the end   joined by referral")
    for size in sizes:
        one = [str(size), str(max(sizes) // size), "--days", str(said.days)]
        command = [sys.executable, "-m", "benchmarks.growth", "--one", *one]
        told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        records.append(told)
        print(
            f"{told['members']:9,d} {told['worlds']:6d} {told['ns_per_member_day']:17.0f} {told['seconds']:9.1f} "
            f"{told['peak_mib']:10.0f} {told['members_at_end']:12,d} {told.get('joined_referral', 0):12,d}",
            flush=True,
        )
    ratio = records[-1]["ns_per_member_day"] / records[0]["ns_per_member_day"]
    print(f"from the smallest to the largest the cost of a member-day changes by {ratio:.2f}")
    if said.json:
        said.json.write_text(json.dumps(records, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
