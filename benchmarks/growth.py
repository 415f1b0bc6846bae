"""What a growing membership costs: referral all year, from ten thousand members to a million.

`python -m benchmarks.growth [--members 10000,100000,1000000] [--days 365] [--json FILE]`. Each size runs in a process
of its own, one replication on one thread in the beauty market, with a referral scheme that never stops (50 CNY for
both friends) and an addressable market of ten persons for each founder, so that all sizes live the same course per
member. Told are nanoseconds of the processor a member-day (a busy machine adds little to it), the peak of resident
memory, and who joined how.
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


def run(members: int, days: int) -> dict[str, float]:
    """One world of this size, lived to its end."""
    config = market_config("beauty")
    people = config.population
    behaviour = Behaviour(people.buying, people.drifting, people.spending)
    market = replace(config.market, size=10 * members)
    strategy = read_strategy("two_sided_referral:referral.stop=100000")
    small = EmbeddedFounders(500, behaviour, people.history_days)
    plan = Plan(dt.date(2026, 1, 5), days, small, market, strategy=strategy, response=config.response)
    World(replace(plan, days=40), 1).run()  # compiled
    began = time.process_time()
    world = World(replace(plan, founders=replace(small, count=members)), 1)
    settled = time.process_time()
    lived = 0
    while world.day < days:
        world.step()
        lived += int(world.stocks[world.day - 1, :, 0].sum())
    seconds = time.process_time() - settled
    joined = world.ledger().flows[:, :, posting.JOINED].sum(axis=0)
    assert world.recruiter is not None
    beside = world.recruiter.directory.bytes + world.recruiter.lineage.links.nbytes
    return {
        "members": members,
        "days": days,
        "member_days": lived,
        "ns_per_member_day": 1e9 * seconds / lived,
        "seconds": seconds,
        "setup_seconds": settled - began,
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
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one:
        print(json.dumps(run(said.one, said.days)))
        return 0
    records = []
    print("members    ns a member-day   seconds   peak MiB   at the end   joined by referral")
    for size in said.members.split(","):
        command = [sys.executable, "-m", "benchmarks.growth", "--one", size, "--days", str(said.days)]
        told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        records.append(told)
        print(
            f"{told['members']:9,d} {told['ns_per_member_day']:16.0f} {told['seconds']:9.1f} "
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
