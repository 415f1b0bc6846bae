"""Whom a strategy costs, and whom it keeps: the ledger of losses, and what became of each member in the twin world.

A member of day 0 is *lost* when he has drifted away or opted out (muted, blocked, left, or was struck off) and has
not come back by the end. Both twins hold the same persons, so each is one of four: kept in both (a sure thing),
lost in both (a lost cause), kept by the strategy alone (persuaded), or lost by it alone (disturbed: but for the
strategy he would have stayed).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting import posting
from sim.accounting.metrics import LOSS_WORDS
from sim.study.ensemble import GONE, SEGMENT, Ensemble
from sim.study.growth import interval

WAYS = {"drifted": "lost_", "opted_out": "opted_out_"}
KINDS = ("sure_thing", "persuaded", "disturbed", "lost_cause")
STRUCK_OFF = "struck_off"
"""Instead of a cause: the operator struck him off."""


def losses_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """losses.csv: strategy, way (drifted, opted_out), cause, words; mean, low95, high95 of members lost until the
    end, newcomers included; and the same of the difference from the baseline (`more_...`)."""
    baseline = next(iter(lived))
    rows: list[dict[str, Any]] = []
    for strategy, ensemble in lived.items():
        for way, prefix in WAYS.items():
            for cause, words in LOSS_WORDS.items():
                if prefix + cause not in posting.LOSSES:
                    continue
                ours, theirs = (
                    e.metric(prefix + cause).sum(axis=1).astype(float) for e in (ensemble, lived[baseline])
                )
                difference = {f"more_{key}": value for key, value in interval(ours - theirs).items()}
                head = {"strategy": strategy, "way": way, "cause": cause, "words": words}
                rows.append(head | interval(ours) | difference)
    return pd.DataFrame(rows)


def kinds_of(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Which of `KINDS` each member is: int [replication, member], from the fates in the strategy and the baseline."""
    lost, lost_anyway = (fates % SEGMENT + fates // GONE > 0 for fates in (ours, theirs))
    return np.where(lost, np.where(lost_anyway, 3, 2), np.where(lost_anyway, 1, 0))


def segments_of(fates: np.ndarray) -> np.ndarray:
    """The lifecycle stage at day 0: index in `posting.SEGMENTS`."""
    return fates % GONE // SEGMENT


def members_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """members.csv: strategy, baseline, segment (`all`, or stage at day 0), measure, mean, low95, high95, unit.

    Measures: the four KINDS (members); gained, lost (members who spent more, less than in the twin);
    gained_revenue, lost_revenue (CNY, by how much, of these members).
    """
    baseline, *others = lived
    base = lived[baseline]
    rows: list[dict[str, Any]] = []
    for strategy in others:
        ours = lived[strategy]
        kinds, segments = kinds_of(ours.fates, base.fates), segments_of(base.fates)
        more = (ours.spent - base.spent) / 100.0
        measures = {name: (kinds == n, "members") for n, name in enumerate(KINDS)}
        measures |= {"gained": (more > 0.0, "members"), "lost": (more < 0.0, "members")}
        measures |= {
            "gained_revenue": (np.maximum(more, 0.0), "CNY"), "lost_revenue": (np.maximum(-more, 0.0), "CNY"),
        }  # fmt: skip
        for place, segment in enumerate(("all", *posting.SEGMENTS[: posting.NEWCOMER])):
            here = np.ones_like(segments, dtype=bool) if place == 0 else segments == place - 1
            if not here.any():
                continue
            for measure, (values, unit) in measures.items():
                told = interval((values * here).sum(axis=1).astype(float))
                head = {"strategy": strategy, "baseline": baseline, "segment": segment, "measure": measure}
                rows.append(head | told | {"unit": unit})
    columns = ["strategy", "baseline", "segment", "measure", "mean", "low95", "high95", "unit"]
    return pd.DataFrame(rows, columns=columns)


def verdicts_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """verdicts.csv: strategy, baseline, cause (of the loss under the strategy, or struck_off), verdict, mean, low95,
    high95 (members of day 0).

    Verdicts: `but_for`: he would have stayed in the baseline; `anyway`: he is lost there as well. And, by the cause
    of the loss in the baseline, `saved`: he stays under the strategy.
    """
    baseline, *others = lived
    base = lived[baseline].fates
    rows: list[dict[str, Any]] = []
    for strategy in others:
        ours = lived[strategy].fates
        kinds = kinds_of(ours, base)
        for verdict, fates, kind in (("but_for", ours, 2), ("anyway", ours, 3), ("saved", base, 1)):
            for place, cause in enumerate((STRUCK_OFF, *posting.CAUSES)):
                found = ((kinds == kind) & (fates % SEGMENT == place)).sum(axis=1)
                if found.any():
                    head = {"strategy": strategy, "baseline": baseline, "cause": cause, "verdict": verdict}
                    rows.append(head | interval(found.astype(float)))
    return pd.DataFrame(rows, columns=["strategy", "baseline", "cause", "verdict", "mean", "low95", "high95"])


def loss_tables(lived: Mapping[str, Ensemble]) -> dict[str, pd.DataFrame]:
    """Tables of losses by file name."""
    tables = {
        "losses.csv": losses_table(lived), "members.csv": members_table(lived), "verdicts.csv": verdicts_table(lived),
    }  # fmt: skip
    return {name: table for name, table in tables.items() if len(table)}
