"""Selection apart from treatment: how much of what a chosen group is worth is who they are, not what was done.

Whoever holds the best tier, was written to, or came by a friend spends more than others. A report without a twin
takes all of it for the programme's work. The very same persons were watched in the baseline as well.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting import posting
from sim.communities import LEVELS
from sim.study.ensemble import ARRIVAL, GROUP, MESSAGED, Ensemble
from sim.study.growth import interval, ratio
from sim.touch import TIERS

COLUMNS = ["strategy", "baseline", "group", "among", "measure", "mean", "low95", "high95", "unit"]
NEARLY_ALL = 0.98
"""A group that holds more of the members than this has nobody to be compared with."""
UNITS = {
    "share": "share", "times": "times the others' spending", "anyway": "times the others' spending",
    "caused": "times the others' spending", "gain": "CNY a member", "came_anyway": "share",
}  # fmt: skip
"""Measures, by their unit; see `selection_table`."""


def groups_of(marks: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Groups of members of day 0 that the operator made, by name; bool [replication, member]."""
    for place, tier in reversed([*enumerate(TIERS)][1:]):
        yield tier, marks % GROUP == place
    for place, level in reversed([*enumerate(LEVELS, 1)]):
        yield f"{level} group", marks % MESSAGED // GROUP == place
    yield "messaged", marks >= MESSAGED


def spent_by(group: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, np.ndarray]:
    """What a group spends and would have spent without, beside the others, by replication; cents in, CNY out.

    group: bool [replication, person]; ours, theirs: cents of each person under the strategy and under the baseline.
    """
    inside, outside = group.sum(axis=1), (~group).sum(axis=1)
    means = [[ratio((cents * who).sum(axis=1), many) for who, many in ((group, inside), (~group, outside))]
             for cents in (ours.astype(float), theirs.astype(float))]  # fmt: skip
    times, anyway = (ratio(mine, rest) for mine, rest in means)
    unknown = ~np.isfinite(times - anyway)  # in one of the worlds the others spent nothing
    times[unknown] = anyway[unknown] = np.nan
    return {
        "share": ratio(inside.astype(float), inside + outside),
        "times": times, "anyway": anyway, "caused": times - anyway,
        "gain": (means[0][0] - means[1][0]) / 100.0,
    }  # fmt: skip


type Matched = list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]


def matched_newcomers(ours: np.ndarray, theirs: np.ndarray) -> Matched:
    """Newcomers beside themselves in the baseline, by replication: how they came, cents, cents there, came there.

    ours, theirs: rows of `ARRIVAL` under the strategy and the baseline; one who did not come spent nothing.
    """
    found: Matched = []
    which, key, how, cents, every = range(len(ARRIVAL))
    for replication in np.unique(ours[:, which]):
        mine, rest = (rows[rows[:, which] == replication] for rows in (ours, theirs))
        kept = max(int(mine[:, every].max(initial=1)), int(rest[:, every].max(initial=1)))
        mine, rest = (rows[rows[:, key] % kept == 0] for rows in (mine, rest))
        anyway, came = np.zeros(len(mine), dtype=np.int64), np.zeros(len(mine))
        _, own, others = np.intersect1d(mine[:, key], rest[:, key], assume_unique=True, return_indices=True)
        anyway[own], came[own] = rest[others, cents], 1.0
        found.append((mine[:, how], mine[:, cents], anyway, came))
    return found


def newcomers_of(matched: Matched, channel: int) -> dict[str, np.ndarray]:
    """`spent_by` of newcomers who came by a channel, beside all others; and how many would have come anyway."""
    found: list[dict[str, float]] = []
    for how, mine, anyway, came in matched:
        group = how == channel
        if group.any():
            told = spent_by(group[None], mine[None], anyway[None]) | {"came_anyway": came[group].mean()}
            found.append({name: float(np.squeeze(value)) for name, value in told.items()})
    return {name: np.array([row[name] for row in found]) for name in UNITS} if found else {}


def selection_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """selection.csv: strategy, baseline, group, among, measure, mean, low95, high95, unit.

    group: a tier, a level of community groups, `messaged`, or how newcomers came; as it stands at the end. among:
    `members of day 0` or `newcomers`. Measures: share: of them; times: how many times as much as the others they
    spend; anyway: the same of the same persons under the baseline, which is who they are; caused: times less anyway;
    gain: how much more one of them spends than his twin; came_anyway: newcomers who come under the baseline as well.
    """
    baseline, *others = lived
    base = lived[baseline]
    rows: list[dict[str, Any]] = []
    for strategy in others:
        ours = lived[strategy]
        found = [
            (name, "members of day 0", spent_by(group, ours.spent, base.spent))
            for name, group in groups_of(ours.marks)
            if group.any() and group.mean() <= NEARLY_ALL
        ]
        matched = matched_newcomers(ours.arrivals, base.arrivals)
        for channel in range(posting.FIRST_PAID, len(posting.CHANNELS)):
            told = newcomers_of(matched, channel)
            if told and np.nanmean(told["share"]) <= NEARLY_ALL:
                found.append((posting.CHANNELS[channel], "newcomers", told))
        for group, among, told in found:
            head = {"strategy": strategy, "baseline": baseline, "group": group, "among": among}
            for measure, values in told.items():
                rows.append(head | {"measure": measure} | interval(values) | {"unit": UNITS[measure]})
    return pd.DataFrame(rows, columns=COLUMNS)


__all__ = ["selection_table"]
