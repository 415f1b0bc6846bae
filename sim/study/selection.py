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


def newcomers_of(ours: np.ndarray, theirs: np.ndarray, channel: int) -> dict[str, np.ndarray]:
    """The same of newcomers who came by a channel, beside all other newcomers; and who would have come anyway.

    ours, theirs: rows of `ARRIVAL` under the strategy and the baseline, where one who did not come spent nothing.
    """
    found: list[dict[str, float]] = []
    which, key, how, cents, every = range(len(ARRIVAL))
    for replication in np.unique(ours[:, which]):
        mine, rest = (rows[rows[:, which] == replication] for rows in (ours, theirs))
        kept = max(int(mine[:, every].max(initial=1)), int(rest[:, every].max(initial=1)))
        mine, rest = (rows[rows[:, key] % kept == 0] for rows in (mine, rest))
        spent = dict(zip(rest[:, key].tolist(), rest[:, cents].tolist(), strict=True))
        anyway = np.array([spent.get(person, 0) for person in mine[:, key].tolist()], dtype=np.int64)
        came = np.array([person in spent for person in mine[:, key].tolist()], dtype=float)
        group = mine[:, how] == channel
        if group.any():
            told = spent_by(group[None], mine[None, :, cents], anyway[None]) | {"came_anyway": came[group].mean()}
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
        for channel in range(posting.FIRST_PAID, len(posting.CHANNELS)):
            told = newcomers_of(ours.arrivals, base.arrivals, channel)
            if told and np.nanmean(told["share"]) <= NEARLY_ALL:
                found.append((posting.CHANNELS[channel], "newcomers", told))
        for group, among, told in found:
            head = {"strategy": strategy, "baseline": baseline, "group": group, "among": among}
            for measure, values in told.items():
                rows.append(head | {"measure": measure} | interval(values) | {"unit": UNITS[measure]})
    return pd.DataFrame(rows, columns=COLUMNS)


__all__ = ["selection_table"]
