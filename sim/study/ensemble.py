"""Many replications of one plan: independent lives of the same world, in any order, on any number of workers."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from sim.accounting import metrics, posting
from sim.accounting.books import Ledger
from sim.accounting.lineage import JOINS, costs, generations, margins
from sim.communities import DAILY, LEVELS
from sim.engine import Plan, World
from sim.study.parts import keep, kept

BATCH = 10
"""Replications that are finished, written and, after an interruption, found again together."""
LARGE = 200_000
"""Members from which on threads share one replication instead of running several."""


@dataclass
class Ensemble:
    """What replications leave behind; the first axis of each int64 array is the replication.

    daily [replication, day, names] (money in cents; names: `metrics.NAMES`, and `metrics.RESPONSE_NAMES` where an
    operator speaks); flows [replication, day, channel, FLOWS]; cohorts [replication, joining month, calendar month,
    COHORT]; monthly [replication, calendar month, channel, MONTHLY]; member_weeks [week, founder]: orders of each
    member of day 0, summed over replications, where asked for (otherwise empty). Where an operator speaks: segments
    [replication, period of 30 days, SEGMENTS, SEGMENT_EVENTS]; otherwise empty. groups [replication, day, level,
    `communities.DAILY`]; empty where there are no community groups. Of members of day 0, the first `FOLLOWED` of
    them: fates [replication, member] (int16, see `fate_of`), spent [replication, member] (int32, cents since day 0),
    traits [replication, member] (uint8, who they were on day 0, see `traits_of`) and marks [replication, member]
    (uint8, see `marks_of`). departures [loss] (`DEPARTURE`): every loss of the first replications, those in which
    `LEDGERS` members of day 0 live; newcomers [newcomer] (`NEWCOMER`): everybody who joined in these; arrivals
    [newcomer of any replication, `ARRIVAL`]; joins [newcomer of replication 0, `lineage.JOINS`]; founded
    [replication, joining month]: members of day 0.
    """

    daily: np.ndarray
    flows: np.ndarray
    cohorts: np.ndarray
    monthly: np.ndarray
    segments: np.ndarray
    groups: np.ndarray
    channels: np.ndarray
    tree: np.ndarray
    ladder: np.ndarray
    fates: np.ndarray
    spent: np.ndarray
    traits: np.ndarray
    departures: np.ndarray
    newcomers: np.ndarray
    marks: np.ndarray
    arrivals: np.ndarray
    joins: np.ndarray
    founded: np.ndarray
    member_weeks: np.ndarray

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics of `daily`, in order."""
        names = metrics.NAMES + metrics.RESPONSE_NAMES
        return names[: self.daily.shape[2]]

    @property
    def replications(self) -> int:
        """How many there are."""
        return len(self.daily)

    def metric(self, name: str) -> np.ndarray:
        """One metric, int64 [replication, day]."""
        return self.daily[:, :, self.names.index(name)]


def run_one(plan: Plan, seed: int, replication: int, threads: int = 1, members: bool = False) -> Ensemble:
    """One replication, as an ensemble of one."""
    world = World(plan, seed, replication, threads)
    weeks = np.zeros((0, 0), dtype=np.int64)
    followed = min(plan.founders.count, FOLLOWED) if plan.operated else 0
    before = world.population.column("spend")[:followed]
    traits = traits_of(world, before) if followed else np.zeros(0, dtype=np.uint8)
    founded = np.bincount(world.population.column("cohort"), minlength=len(world.books.cohorts))
    if members:
        weeks = _weeks_of_members(world)
    ledger = world.run()
    daily = np.stack(list(metrics.daily_columns(ledger, plan.days).values()), axis=1)
    none = np.zeros(0, dtype=np.int64)
    segments = none if ledger.segments is None else ledger.segments
    flows, cohorts, monthly = ledger.flows[None], ledger.cohorts[None], ledger.monthly[None]
    groups = none if ledger.groups is None else ledger.groups
    channels = none if ledger.responses is None else by_channel(ledger)
    tree = none if ledger.tree is None else ledger.tree
    ladder = ledger.ladder if ledger.ladder is not None and plan.strategy.tiers.on else none
    fates = fate_of(world, followed) if followed else np.zeros(0, dtype=np.int16)
    spent = (world.population.column("spend")[:followed] - before).astype(np.int32)
    departures = departures_of(world, replication, ledger)
    marks = marks_of(world, followed) if followed else np.zeros(0, dtype=np.uint8)
    arrivals = arrivals_of(world, replication) if plan.operated else np.zeros((0, len(ARRIVAL)), dtype=np.int64)
    joins = joins_of(world, ledger) if plan.operated and replication == 0 else np.zeros((0, len(JOINS)), np.int64)
    newcomers = newcomers_of(world, replication) if plan.operated else np.zeros(0, dtype=NEWCOMER)
    followed_up = (fates[None], spent[None], traits[None], departures, newcomers, marks[None])
    grown = (channels[None], tree[None], ladder[None], *followed_up, arrivals, joins, founded[None])
    return Ensemble(daily[None], flows, cohorts, monthly, segments[None], groups[None], *grown, weeks)


LEDGERS = 200_000
"""Members of day 0, over replications, whose departures are kept one by one; those of one replication at least."""
_LOST: tuple[str, ...] = posting.LOST.names or ()
DEPARTURE = np.dtype(
    [("replication", "i4"), ("newcomer", "i1"), ("back", "i1"), *((name, posting.LOST[name]) for name in _LOST)]
)
"""`posting.LOST`, in which replication, whether of a newcomer, and whether he has come back by the end."""


NEWCOMER = np.dtype([("replication", "i4"), ("key", "u8"), ("fate", "i2")])
"""One who joined since day 0: in which replication, who he is, and what became of him, as in `fate_of`."""


def departures_of(world: World, replication: int, ledger: Ledger) -> np.ndarray:
    """The losses of one replication, as `DEPARTURE`; none where they are not kept."""
    if ledger.losses is None or not is_told(world, replication):
        return np.zeros(0, dtype=DEPARTURE)
    lost = ledger.losses[ledger.losses["way"] != posting.BACK]
    out = np.zeros(len(lost), dtype=DEPARTURE)
    for name in _LOST:
        out[name] = lost[name]
    out["replication"] = replication
    out["newcomer"] = out["row"] >= world.plan.founders.count
    back = ledger.losses[ledger.losses["way"] == posting.BACK]
    last = np.full(world.population.count, -1)
    np.maximum.at(last, back["row"], back["day"])
    out["back"] = (out["way"] == posting.AWAY) & (last[out["row"]] > out["day"])  # nobody comes back from opting out
    return out


def newcomers_of(world: World, replication: int) -> np.ndarray:
    """Everybody who joined in one replication, as `NEWCOMER`, by key; none where departures are not kept."""
    first, people = world.plan.founders.count, world.population
    if not is_told(world, replication):
        return np.zeros(0, dtype=NEWCOMER)
    out = np.zeros(people.count - first, dtype=NEWCOMER)
    out["replication"], out["key"] = replication, people.column("key")[first:]
    out["fate"] = fate_of(world, people.count)[first:]
    return out[np.argsort(out["key"])]


def is_told(world: World, replication: int) -> bool:
    """Whether departures of a replication are kept one by one."""
    return replication * world.plan.founders.count < LEDGERS


FOLLOWED = 20_000
"""Members of day 0 whose fates are kept one by one; beyond, sums alone."""
SEGMENT, GONE = 16, 128
"""In a fate: what one step of the segment counts, and 1 for one who is no longer a member."""


def fate_of(world: World, count: int) -> np.ndarray:
    """What became of the first `count` members: int16, what he was lost by (1 + index in `posting.CAUSES`, 0 while he
    is not lost), plus `SEGMENT` times his lifecycle stage at day 0, plus `GONE` where he is no longer a member."""
    people = world.population
    lost, segment, listed = (
        people.column(name)[:count].astype(np.int16) for name in ("lost_by", "segment", "listed")
    )
    return lost + SEGMENT * segment + GONE * (1 - listed)


FIFTH = 4
"""In traits: what one step of the fifth counts, beside the need."""


def traits_of(world: World, spent: np.ndarray) -> np.ndarray:
    """Who the first members were on day 0: uint8, what each mainly wants (index in `touch.NEEDS`), plus `FIFTH` times
    the fifth in which his spending before day 0 puts him, from 0, the least, to 4. spent: cents, of each."""
    fifth = np.empty(len(spent), dtype=np.int64)
    fifth[np.argsort(spent, kind="stable")] = np.arange(len(spent)) * 5 // len(spent)
    return (world.population.column("need")[: len(spent)] + FIFTH * fifth).astype(np.uint8)


GROUP, MESSAGED = 4, 16
"""In a mark: what one step of the community group's level counts, and 1 for one to whom messages were sent."""


def marks_of(world: World, count: int) -> np.ndarray:
    """What the operator made of the first `count` members, as they stand: uint8, the tier, plus `GROUP` times 1 + the
    level of the community group (0 for none), plus `MESSAGED` where any message was sent."""
    people = world.population
    tier, group, messages = (people.column(name)[:count].astype(np.int64) for name in ("tier", "group", "messages"))
    level = np.zeros(count, dtype=np.int64)
    communities = world.operator.communities if world.operator is not None else None
    if communities is not None:
        level = np.where(group >= 0, communities.state["level"][group].astype(np.int64) + 1, 0)
    return (tier + GROUP * level + MESSAGED * (messages > 0)).astype(np.uint8)


ARRIVAL = ("replication", "key", "channel", "cents", "every")
"""What is kept of newcomers one by one: who he is, how he came, what he has spent; 1 person in `every` is kept."""


def arrivals_of(world: World, replication: int) -> np.ndarray:
    """Newcomers one by one, int64 [newcomer, ARRIVAL]; where they are many, those of every second, fourth … key."""
    people = world.population
    first = world.plan.founders.count
    keys, channel, cents = (people.column(name)[first:].astype(np.int64) for name in ("key", "channel", "spend"))
    every = 1
    while len(keys) > every * FOLLOWED:
        every *= 2
    here = keys % every == 0
    told = (np.full(len(keys), replication), keys, channel, cents, np.full(len(keys), every))
    return np.stack(told, axis=1)[here]


BY_CHANNEL = (
    "joined", "hunters", "aged_30", "active_30", "aged_90", "active_90", "orders", "revenue", "winning", "margin"
)  # fmt: skip
"""What is told of each channel's newcomers; aged: those who joined long enough ago.

In cents: revenue; winning: what it cost to win them (contacts, packs, rewards, coupons used); margin: revenue less
goods and what was spent on them, before winning.
"""


def by_channel(ledger: Ledger) -> np.ndarray:
    """What each channel's newcomers cost and brought, int64 [channel, BY_CHANNEL]."""
    assert ledger.responses is not None
    assert ledger.kept is not None
    kept, days = ledger.kept, len(ledger.kept)
    events, happened = ledger.events.sum(axis=0), ledger.responses.sum(axis=0)
    winning = happened[:, [posting.ACQUISITION_COST, posting.REWARD_COST, posting.WINNING]].sum(axis=1)
    margin = margins(ledger.events, ledger.responses)
    out = [kept[..., 0].sum(axis=0), kept[..., 1].sum(axis=0)]
    for place, age in ((2, 30), (3, 90)):
        old = kept[: max(days - age, 0)]
        out += [old[..., 0].sum(axis=0), old[..., place].sum(axis=0)]
    out += [events[:, posting.ORDERS], events[:, posting.REVENUE], winning, margin]
    return np.stack(out, axis=1)


def joins_of(world: World, ledger: Ledger) -> np.ndarray:
    """Everybody who joined since day 0, by day: int64 [newcomer, JOINS]; costs add up to those of his channel."""
    assert world.recruiter is not None
    assert ledger.responses is not None
    people, founders, days = world.population, world.plan.founders.count, world.day
    links = world.recruiter.lineage.links[: people.count]
    generation = np.zeros(people.count, dtype=np.int64)
    generations(links, generation)
    keys = people.column("key").view(np.int64)
    joined, channel = (people.column(name)[founders:].astype(np.int64) for name in ("joined", "channel"))
    cost = costs(joined, channel, ledger.responses[:days])
    own = slice(founders, None)
    return np.stack([keys[own], joined, channel, keys[links[own, 0]], generation[own], cost], axis=1)


def _weeks_of_members(world: World) -> np.ndarray:
    """Live all whole weeks, and count the orders of each member of day 0 in each: int64 [week, founder]."""
    founders = world.plan.founders.count
    before = world.population.column("orders")[:founders]
    weeks = []
    for _ in range(world.plan.days // 7):
        for _ in range(7):
            world.step()
        after = world.population.column("orders")[:founders]
        weeks.append(after - before)
        before = after
    return np.array(weeks, dtype=np.int64)


def run_batch(plan: Plan, seed: int, first: int, count: int, threads: int, members: bool) -> Ensemble:
    """Replications first .. first + count - 1."""
    return joined([run_one(plan, seed, first + i, threads, members) for i in range(count)])


def joined(parts: list[Ensemble]) -> Ensemble:
    """Ensembles one after the other."""
    names = [f.name for f in fields(Ensemble) if f.name != "member_weeks"]
    weeks = sum((part.member_weeks for part in parts[1:]), parts[0].member_weeks)
    stacked = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Ensemble(**stacked, member_weeks=weeks)


def groups_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """Community groups by strategy, replication, day and level; no rows for a strategy without groups."""
    parts: list[pd.DataFrame] = []
    for strategy, ensemble in lived.items():
        if ensemble.groups.ndim == 4 and ensemble.groups.shape[1] > 0:
            replications, days, levels, _ = ensemble.groups.shape
            counted = ensemble.groups.reshape(-1, len(DAILY))
            index = np.indices((replications, days, levels)).reshape(3, -1)
            head = {
                "strategy": strategy,
                "replication": index[0],
                "day": index[1],
                "level": np.array(LEVELS)[index[2]],
            }
            parts.append(pd.DataFrame(head | {name: counted[:, n] for n, name in enumerate(DAILY)}))
    names = ["strategy", "replication", "day", "level", *DAILY]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def run_ensemble(
    plan: Plan,
    seed: int,
    replications: int,
    *,
    threads: int = 1,
    processes: int = 1,
    members: bool = False,
    parts: Path | None = None,
    progress: Callable[[int], None] | None = None,
    since: int = 0,
) -> Ensemble:
    """Run replications since .. replications - 1; `since` is 0 or a multiple of BATCH.

    The result depends on the plan, the seed and the number of replications alone. With a folder `parts`,
    batches are written there as they finish, and batches found there are not run again. `progress` is called
    with the number of replications finished so far.
    """
    starts = list(range(since, replications, BATCH))
    done: dict[int, Ensemble] = {}
    for first in starts:
        found = kept(_file(parts, first), Ensemble) if parts else None
        if found is not None and found.replications == min(BATCH, replications - first):
            done[first] = found

    def finished() -> int:
        return since + sum(part.replications for part in done.values())

    if progress is not None:
        progress(finished())
    shared = threads > 1 and plan.founders.count >= LARGE
    missing = [first for first in starts if first not in done]
    jobs = ((plan, seed, f, min(BATCH, replications - f), threads if shared else 1, members) for f in missing)
    for first, part in _work(jobs, processes, 1 if shared else threads):
        done[first] = part
        if parts:
            keep(_file(parts, first), part)
        if progress is not None:
            progress(finished())
    return joined([done[first] for first in starts])


type _Job = tuple[Plan, int, int, int, int, bool]


def new_pool(processes: int, workers: int) -> Executor:
    """Workers for replications: threads of this process, or further processes."""
    if processes > 1:
        return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    return ThreadPoolExecutor(workers)


def _work(jobs: Iterator[_Job], processes: int, threads: int) -> Iterator[tuple[int, Ensemble]]:
    """Run jobs on workers, at most a few ahead, and hand out their results as they come."""
    workers = processes * threads if processes > 1 else threads
    if workers == 1:
        for job in jobs:
            yield job[2], run_batch(*job)
        return
    with new_pool(processes, workers) as pool:
        waiting: dict[Future[Ensemble], int] = {}
        try:
            for job in jobs:
                waiting[pool.submit(run_batch, *job)] = job[2]
                while len(waiting) > workers:
                    yield from _finished(waiting)
            while waiting:
                yield from _finished(waiting)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _finished(waiting: dict[Future[Ensemble], int]) -> Iterator[tuple[int, Ensemble]]:
    ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in ready:
        yield waiting.pop(future), future.result()


def _file(parts: Path, first: int) -> Path:
    return parts / f"replications-{first:07d}.npz"
