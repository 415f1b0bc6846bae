"""How a membership grew: what each channel's newcomers cost and brought, who brought whom, who changed tier."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting import posting
from sim.accounting.lineage import JOINS, TREE
from sim.study.bands import errors_within
from sim.study.ensemble import BY_CHANNEL, Ensemble, groups_table
from sim.touch import TIERS


def interval(values: np.ndarray) -> dict[str, float]:
    """The mean of a number over replications and its 95 % interval; replications without one are left out."""
    known = values[np.isfinite(values)]
    if not len(known):
        return {"mean": np.nan, "low95": np.nan, "high95": np.nan}
    mean = float(known.mean())
    reach = errors_within(len(known)) * float(known.std(ddof=1)) / len(known) ** 0.5 if len(known) > 1 else np.nan
    return {"mean": mean, "low95": mean - reach, "high95": mean + reach}


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """A ratio by replication; not a number where there is nothing to divide by."""
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)


def channels_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """channels.csv: strategy, channel, measure, mean, low95, high95, unit; a channel that brought nobody is left out.

    Measures: joined; hunters (share of those who joined); active_30 and active_90 (share of those who joined long
    enough ago with a sign of life in the fortnight up to their 30th day, in the month up to their 90th); cac: what it
    cost to win one; value: what one has brought so far, before that (revenue less goods and what was spent on him).
    """
    rows: list[dict[str, Any]] = []
    for strategy, ensemble in lived.items():
        if ensemble.channels.ndim != 3:
            continue
        of = {name: ensemble.channels[:, :, n].astype(float) for n, name in enumerate(BY_CHANNEL)}
        for place in range(posting.ORGANIC, len(posting.CHANNELS)):
            here = {name: values[:, place] for name, values in of.items()}
            if not here["joined"].any():
                continue
            told = {
                "joined": (here["joined"], "members"),
                "hunters": (ratio(here["hunters"], here["joined"]), "share"),
                "active_30": (ratio(here["active_30"], here["aged_30"]), "share"),
                "active_90": (ratio(here["active_90"], here["aged_90"]), "share"),
                "cac": (ratio(here["winning"], here["joined"]) / 100.0, "CNY a member"),
                "value": (ratio(here["margin"], here["joined"]) / 100.0, "CNY a member"),
            }
            for measure, (values, unit) in told.items():
                head = {"strategy": strategy, "channel": posting.CHANNELS[place], "measure": measure}
                rows.append(head | interval(values) | {"unit": unit})
    return pd.DataFrame(rows, columns=["strategy", "channel", "measure", "mean", "low95", "high95", "unit"])


def genealogy_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """genealogy.csv: strategy, generation, measure, mean, low95, high95, unit.

    Measures: members; reproduction: children within 90 days of joining (of day 0 for founders), of those observed for
    as long; value, family_value: what one has brought so far (revenue less goods and what was spent on him: his
    channel's, shared in proportion to spending), alone and with all who came of him, less what it cost to win these.
    Only strategies under which somebody was brought have rows.
    """
    rows: list[dict[str, Any]] = []
    for strategy, ensemble in lived.items():
        if ensemble.tree.ndim != 3 or not ensemble.tree[:, 1:, 0].any():
            continue
        of = {name: ensemble.tree[:, :, n].astype(float) for n, name in enumerate(TREE)}
        for generation in range(ensemble.tree.shape[1]):
            here = {name: values[:, generation] for name, values in of.items()}
            if not here["members"].any():
                break
            told = {
                "members": (here["members"], "members"),
                "reproduction": (ratio(here["children"], here["observed"]), "children a member"),
                "value": (ratio(here["value"], here["members"]) / 100.0, "CNY a member"),
                "family_value": (ratio(here["family_value"], here["members"]) / 100.0, "CNY a member"),
            }
            for measure, (values, unit) in told.items():
                head = {"strategy": strategy, "generation": generation, "measure": measure}
                rows.append(head | interval(values) | {"unit": unit})
    return pd.DataFrame(rows, columns=["strategy", "generation", "measure", "mean", "low95", "high95", "unit"])


def ladder_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """ladder.csv: strategy, period (of 30 days), from_tier, to_tier, mean, low95, high95 (members who moved)."""
    rows: list[dict[str, Any]] = []
    for strategy, ensemble in lived.items():
        if ensemble.ladder.ndim != 4 or not ensemble.ladder.any():
            continue
        days = ensemble.ladder.shape[1]
        for period, first in enumerate(range(0, days, posting.PERIOD)):
            moved = ensemble.ladder[:, first : first + posting.PERIOD].sum(axis=1).astype(float)
            for left, reached in zip(*np.nonzero(ensemble.ladder.any(axis=(0, 1))), strict=True):
                head = {"strategy": strategy, "period": period, "from_tier": TIERS[left], "to_tier": TIERS[reached]}
                rows.append(head | interval(moved[:, left, reached]))
    return pd.DataFrame(rows, columns=["strategy", "period", "from_tier", "to_tier", "mean", "low95", "high95"])


JOIN_COLUMNS = {
    "day": ("day", "the day on which he joined"),
    "channel": ("", "how he came"),
    "inviter": ("", "key of the member who brought him; empty where nobody did"),
    "generation": ("", "0 where nobody brought him, or one more than his inviter's"),
    "cost": ("CNY", "his share of what winning through his channel cost: contacts, packs and gifts bought since "
                    "somebody joined through it, rewards and coupons used since he did"),
}  # fmt: skip


def joins_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """joins.parquet: everybody who joined in replication 0: strategy, key, and `JOIN_COLUMNS`."""
    parts: list[pd.DataFrame] = []
    for strategy, ensemble in lived.items():
        of = {name: ensemble.joins[:, n] for n, name in enumerate(JOINS)}
        keys, inviters = ([f"{key:016x}" for key in of[name].view(np.uint64).tolist()] for name in ("key", "inviter"))
        parts.append(
            pd.DataFrame(
                {
                    "strategy": strategy,
                    "key": keys,
                    "day": of["day"].astype(np.int32),
                    "channel": np.array(posting.CHANNELS)[of["channel"]],
                    "inviter": np.where(of["generation"] > 0, inviters, ""),
                    "generation": of["generation"].astype(np.int32),
                    "cost": of["cost_cents"] / 100.0,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def growth_tables(lived: Mapping[str, Ensemble]) -> dict[str, pd.DataFrame]:
    """Tables of growth by file name; those that would be empty are left out."""
    tables = {
        "channels.csv": channels_table(lived),
        "genealogy.csv": genealogy_table(lived),
        "ladder.csv": ladder_table(lived),
        "groups.parquet": groups_table(lived),
        "joins.parquet": joins_table(lived),
    }
    return {name: table for name, table in tables.items() if len(table)}
