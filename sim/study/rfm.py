"""RFM: how lately, how often and for how much members bought, in fifths, and what follows from it.

Everything here is read from what an operator sees: orders, messages, tags. No trait and no latent state is touched;
`OBSERVED` lists the fields. A member is scored 1 to 5 in recency, frequency and money, 5 being best, by the fifths of
the members of one day; a later day is scored with the same cut points, so that a move is a member's own.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting import posting, stages
from sim.touch import NEEDS

OBSERVED = ("key", "listed", "channel", "joined", "last_order", "orders", "spend")
"""Fields of a member that are read."""
OBSERVED_RELATION = ("tag", "messages", "opens", "last_open", "permission")
"""Fields of his relation to an operator that are read, where there is one."""
SCORES = {"recency": "r", "frequency": "f", "monetary": "m"}
CUTS = (0.2, 0.4, 0.6, 0.8)
SEGMENTS = ("super", "core", "casual", "sleeping_core", "sleeping")
"""From the best to the quietest; see `segment`."""
LATELY = 30
"""Days within which a sign of life puts a member on a path."""


def observe(world: Any) -> pd.DataFrame:
    """The listed members of a world tonight, one row each, by key.

    Columns: recency (days since the last order), frequency (orders), monetary (CNY), source, stage, interest (as
    tagged), path (whether he opened and ordered lately), messages, opens.
    """
    people, day = world.population, world.day - 1
    fields = {name: people.column(name) for name in OBSERVED}
    listed = fields["listed"] == 1
    seen = {name: values[listed] for name, values in fields.items()}
    silent = day - seen["last_order"].astype(np.int64)
    limits = stages.thresholds(world.plan.stages, world.plan.market.cycle_days)
    steps = [stages.lifecycle_stage(int(s), int(n), limits) for s, n in zip(silent, seen["orders"], strict=True)]
    table = pd.DataFrame(
        {
            "recency": silent,
            "frequency": seen["orders"].astype(np.int64),
            "monetary": seen["spend"] / 100.0,
            "source": np.array(posting.CHANNELS)[seen["channel"]],
            "stage": np.array(stages.STAGES)[steps],
        },
        index=pd.Index(seen["key"], name="key"),
    )
    buys = np.where(silent < LATELY, "orders", "")
    if not world.operated:
        return table.assign(interest="untagged", path=np.where(silent < LATELY, "orders", "silent"))
    told = {name: people.column(name)[listed] for name in OBSERVED_RELATION}
    reads = np.where(day - told["last_open"] < LATELY, "opens", "")
    both = np.char.strip(np.char.add(np.char.add(reads, " "), buys))
    return table.assign(
        interest=np.array([*NEEDS, "untagged"])[told["tag"]],  # -1, untagged, is the last
        path=np.where(both == "", "silent", both),
        messages=told["messages"].astype(np.int64),
        opens=told["opens"].astype(np.int64),
    )


def cut_points(table: pd.DataFrame) -> pd.DataFrame:
    """The four bounds between the fifths of recency, frequency and monetary: rows of `CUTS`."""
    return table[list(SCORES)].quantile(list(CUTS))


def scores(table: pd.DataFrame, cuts: pd.DataFrame | None = None) -> pd.DataFrame:
    """Columns r, f, m from 1 to 5 and `segment` beside a table; cuts: bounds of another day, else of this table.

    A member who stands on a bound belongs below it, so that equal members are scored alike; where many are equal,
    fifths are not of a size.
    """
    bounds = cut_points(table) if cuts is None else cuts
    out = table.copy()
    for column, score in SCORES.items():
        above = (table[column].to_numpy()[:, None] > bounds[column].to_numpy()[None, :]).sum(axis=1)
        out[score] = 5 - above if column == "recency" else 1 + above
    return out.assign(segment=segment(out["r"].to_numpy(), out["f"].to_numpy(), out["m"].to_numpy()))


def segment(r: np.ndarray, f: np.ndarray, m: np.ndarray) -> np.ndarray:
    """The names of scores: super where all are 4 or 5; core where he bought lately enough (r from 3) and f + m is 6
    or more, casual where it is less; with r of 1 or 2 he sleeps, and is `sleeping_core` where f + m is 6 or more.
    """
    heavy = f + m >= 6
    best = (r >= 4) & (f >= 4) & (m >= 4)
    return np.select([best, (r >= 3) & heavy, r >= 3, heavy], SEGMENTS[:4], SEGMENTS[4])


def transitions(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Members by their segment on two days: rows before, columns after.

    Row `joined` counts those who were not listed before, column `gone` those who no longer are.
    """
    pair = pd.concat([before["segment"].rename("before"), after["segment"].rename("after")], axis=1)
    rows, columns = [*SEGMENTS, "joined"], [*SEGMENTS, "gone"]
    table = pd.crosstab(pair["before"].fillna("joined"), pair["after"].fillna("gone"))
    return table.reindex(index=rows, columns=columns, fill_value=0)


def value(before: pd.DataFrame, after: pd.DataFrame, by: str = "segment") -> pd.DataFrame:
    """What the members of each segment of the earlier day were worth until the later day.

    Columns: members, share of members, orders and revenue (CNY) since, both a member, share of revenue. Whoever has
    left since counts with what is known of him: nothing.
    """
    later = after.reindex(before.index)
    since = pd.DataFrame(
        {
            by: before[by],
            "orders": (later["frequency"] - before["frequency"]).fillna(0.0),
            "revenue": (later["monetary"] - before["monetary"]).fillna(0.0),
        }
    )
    groups = since.groupby(by, observed=True)
    out = groups.sum()
    out.insert(0, "members", groups.size())
    out.insert(1, "share", out["members"] / max(len(before), 1))
    out["orders_each"] = out["orders"] / out["members"]
    out["revenue_each"] = out["revenue"] / out["members"]
    out["revenue_share"] = out["revenue"] / out["revenue"].sum()
    return out


WAYS: Mapping[str, Callable[[pd.DataFrame], "pd.Series[Any]"]] = {
    "source": lambda table: table["source"],
    "spend and frequency": lambda table: table["segment"],
    "interest": lambda table: table["interest"],
    "stage": lambda table: table["stage"],
    "path": lambda table: table["path"],
}
"""Ways to part members, each a function of what `observe` and `scores` show, and of nothing else."""


def ways_apart(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Every segment of every way: its size, and how its members behaved until the later day.

    Columns: members, share, orders_each, opens_each (per message; NaN without messages). The separation of a way, in
    column `separation`, is the share of the variance of members' later orders that lies between its segments.
    """
    later = after.reindex(before.index)
    orders = (later["frequency"] - before["frequency"]).fillna(0.0)
    parts: list[pd.DataFrame] = []
    for way, parted in WAYS.items():
        frame = pd.DataFrame({"segment": parted(before), "orders": orders})
        if "messages" in before:
            frame["messages"] = (later["messages"] - before["messages"]).fillna(0.0)
            frame["opens"] = (later["opens"] - before["opens"]).fillna(0.0)
        groups = frame.groupby("segment", observed=True)
        sums, sizes = groups.sum(), groups.size()
        mean = orders.mean()
        between = float((sizes * (sums["orders"] / sizes - mean) ** 2).sum())
        total = float(((orders - mean) ** 2).sum())
        part = pd.DataFrame(
            {
                "way": way,
                "members": sizes,
                "share": sizes / len(before),
                "orders_each": sums["orders"] / sizes,
                "opens_each": sums["opens"] / sums["messages"].replace(0.0, np.nan) if "opens" in sums else np.nan,
                "separation": between / total if total > 0.0 else 0.0,
            }
        )
        parts.append(part.reset_index())
    return pd.concat(parts, ignore_index=True).set_index(["way", "segment"])
