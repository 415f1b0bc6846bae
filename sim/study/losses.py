"""Whom a strategy costs, and whom it keeps: the ledger of losses, and what became of each member in the twin world.

A member of day 0 is *lost* when he has drifted away or opted out (muted, blocked, left, or was struck off) and has
not come back by the end. Both twins hold the same persons, so each is one of four: kept in both (a sure thing),
lost in both (a lost cause), kept by the strategy alone (persuaded), or lost by it alone (disturbed: but for the
strategy he would have stayed). A lever has a twin as well, the strategy without it: there the lever takes the
strategy's place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting import posting
from sim.accounting.metrics import LOSS_WORDS
from sim.report.material import unsigned
from sim.study.ensemble import FIFTH, GONE, SEGMENT, Ensemble
from sim.study.forecast import coded
from sim.study.growth import interval
from sim.touch import NEEDS

WAYS = {"drifted": "lost_", "opted_out": "opted_out_"}
KINDS = ("sure_thing", "persuaded", "disturbed", "lost_cause")
STRUCK_OFF = "struck_off"
"""Instead of a cause: the operator struck him off."""
VERDICTS = ("but_for", "anyway", "absent", "returned", "unknown")
"""Of a departure: he stays in the twin world; is lost there, too; does not join there; is back by the end; has no
twin that is known.
"""
DEPARTURE_COLUMNS = {
    "strategy": ("", "in whose world"),
    "replication": ("", "the twin worlds: same persons, same luck"),
    "key": ("", "who he is"),
    "newcomer": ("", "whether he joined since day 0"),
    "day": ("day", "on which he was lost"),
    "way": ("", "drifted away, silently, or opted out (muted, blocked, left)"),
    "cause": ("", "the one cause by which losses.csv counts him, drawn by the shares"),
    "verdict": ("", "but_for: he stays in the baseline's world; anyway: he is lost there, too; returned: he is back "
                    "by the end; absent: a newcomer who does not join there; unknown: his twin was not watched "
                    "(members beyond the first 20,000), or this is the baseline"),
    **{f"share_{cause}": ("share", f"of the hazard at that moment: {words}") for cause, words in LOSS_WORDS.items()},
}  # fmt: skip


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
    kept, kept_anyway = is_kept(ours), is_kept(theirs)
    return np.where(kept, np.where(kept_anyway, 0, 1), np.where(kept_anyway, 2, 3))


def is_kept(fates: np.ndarray) -> np.ndarray:
    """Whether members, by their fates, are not lost."""
    return fates % SEGMENT + fates // GONE == 0


def segments_of(fates: np.ndarray) -> np.ndarray:
    """The lifecycle stage at day 0: index in `posting.SEGMENTS`."""
    return fates % GONE // SEGMENT


@dataclass(frozen=True)
class Members:
    """What became of the members of day 0: fates and spent [replication, member], as in `Ensemble`."""

    fates: np.ndarray
    spent: np.ndarray


type Watched = Members | Ensemble


def groups_of(fates: np.ndarray, traits: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Members of day 0 by name of a segment, bool [replication, member]: all, by lifecycle stage, by what they mainly
    want (`need_...`, latent), and by fifths of what they had spent before (`spent_1`, the least, to `spent_5`)."""
    segments = segments_of(fates)
    yield "all", np.ones_like(segments, dtype=bool)
    for place, name in enumerate(posting.SEGMENTS[: posting.NEWCOMER]):
        yield name, segments == place
    for place, name in enumerate(NEEDS):
        yield f"need_{name}", traits % FIFTH == place
    for fifth in range(5):
        yield f"spent_{fifth + 1}", traits // FIFTH == fifth


def member_rows(head: Mapping[str, str], ours: Watched, theirs: Watched, traits: np.ndarray) -> list[dict[str, Any]]:
    """Rows of members.csv of one pair of worlds, each led by `head`; traits: of members, as in `Ensemble`.

    Measures: the four KINDS (members); gained, lost (members who spent more, less than in the twin);
    gained_revenue, lost_revenue (CNY, by how much, of these members).
    """
    rows: list[dict[str, Any]] = []
    kinds = kinds_of(ours.fates, theirs.fates)
    more = (ours.spent - theirs.spent) / 100.0
    measures = {name: (kinds == n, "members") for n, name in enumerate(KINDS)}
    measures |= {"gained": (more > 0.0, "members"), "lost": (more < 0.0, "members")}
    measures |= {
        "gained_revenue": (np.maximum(more, 0.0), "CNY"), "lost_revenue": (np.maximum(-more, 0.0), "CNY"),
    }  # fmt: skip
    for segment, here in groups_of(theirs.fates, traits):
        if not here.any():
            continue
        for measure, (values, unit) in measures.items():
            told = interval((values * here).sum(axis=1).astype(float))
            rows.append({**head, "segment": segment, "measure": measure, **told, "unit": unit})
    return rows


def members_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """members.csv: strategy, baseline, segment (of `groups_of`), measure, mean, low95, high95, unit; the measures are
    those of `member_rows`."""
    baseline, *others = lived
    base = lived[baseline]
    rows = [
        row for strategy in others
        for row in member_rows({"strategy": strategy, "baseline": baseline}, lived[strategy], base, base.traits)
    ]  # fmt: skip
    columns = ["strategy", "baseline", "segment", "measure", "mean", "low95", "high95", "unit"]
    return pd.DataFrame(rows, columns=columns)


def departures_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """departures.parquet: every loss of the replications whose ledger is kept, by strategy, replication, day and key;
    columns as in `DEPARTURE_COLUMNS`."""
    baseline = next(iter(lived))
    base = lived[baseline]
    names, causes = list(lived), list(posting.CAUSES)
    parts: list[pd.DataFrame] = []
    for place, (strategy, ensemble) in enumerate(lived.items()):
        lost = ensemble.departures
        verdict = np.full(len(lost), VERDICTS.index("unknown"))
        if strategy != baseline:
            came = lost["newcomer"] == 1
            known = ~came & (lost["row"] < base.fates.shape[1])
            verdict[known] = by_fate(base.fates[lost["replication"][known], lost["row"][known]])
            verdict[came] = newcomers_verdicts(lost[came], base.newcomers)
            verdict[(known | came) & (lost["back"] == 1)] = VERDICTS.index("returned")
        columns: dict[str, Any] = {
            "strategy": coded(np.full(len(lost), place), names),
            "replication": lost["replication"],
            "key": [f"{key:016x}" for key in lost["key"].tolist()],
            "newcomer": lost["newcomer"] == 1,
            "day": lost["day"],
            "way": coded(lost["way"], list(WAYS)),
            "cause": coded(lost["cause"], causes),
        }
        columns |= {f"share_{cause}": lost["shares"][:, n] for n, cause in enumerate(causes)}
        columns |= {"verdict": coded(verdict, VERDICTS)}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def newcomers_verdicts(lost: np.ndarray, twins: np.ndarray) -> np.ndarray:
    """The verdict on each newcomer who was lost, as an index of VERDICTS: lost: `DEPARTURE`; twins: `NEWCOMER`, who
    joined in the baseline's worlds, by replication and key."""
    out = np.full(len(lost), VERDICTS.index("absent"))
    for replication in np.unique(lost["replication"]):
        mine = np.flatnonzero(lost["replication"] == replication)
        there = twins[twins["replication"] == replication]
        if not len(there):
            continue
        keys = lost["key"][mine]
        place = np.minimum(np.searchsorted(there["key"], keys), len(there) - 1)
        joins = there["key"][place] == keys
        out[mine[joins]] = by_fate(there["fate"][place[joins]])
    return out


def by_fate(twins: np.ndarray) -> np.ndarray:
    """The verdict on those who were lost, by the fates of their twins, as an index of VERDICTS."""
    return np.where(is_kept(twins), VERDICTS.index("but_for"), VERDICTS.index("anyway"))


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


def loss_words(head: Mapping[str, str], rows: pd.DataFrame, without: str) -> dict[str, Any]:
    """An entry of summary.json: whom a strategy (or one of its levers) loses and keeps, but for what.

    rows: those of `member_rows`; without: what is otherwise in the twin world, `without content`.
    """
    every = rows[rows["segment"] == "all"].set_index("measure")
    stay, go = (with_interval(every.loc[kind]) for kind in ("disturbed", "persuaded"))
    text = f"{stay} members of day 0 would have stayed {without}, and {go} would be lost"
    return {**head, "without": without, "sentence": text}


def with_interval(row: Any) -> str:
    """`12.3 (95 %: 9.1 to 15.5)`, and `0` where it is 0 in every replication."""
    mean, low, high = (float(row[key]) for key in ("mean", "low95", "high95"))
    wide = high - low
    if not wide > 0.0:
        return unsigned(mean, 0.0)
    return f"{unsigned(mean, wide)} (95 %: {unsigned(low, wide)} to {unsigned(high, wide)})"


def loss_tables(lived: Mapping[str, Ensemble]) -> dict[str, pd.DataFrame]:
    """Tables of losses by file name."""
    tables = {
        "losses.csv": losses_table(lived), "members.csv": members_table(lived), "verdicts.csv": verdicts_table(lived),
        "departures.parquet": departures_table(lived),
    }  # fmt: skip
    return {name: table for name, table in tables.items() if len(table)}
