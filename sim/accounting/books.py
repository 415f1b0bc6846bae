"""The books of a run: closed every day, added up over threads, and held against a census of the rows.

Stocks of a day follow from those of the day before and the day's flows; a census counts the rows afresh. Both
must agree on every day (`census`), and every number in every report is read from these books.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.accounting import posting, stages
from sim.accounting.posting import Books
from sim.jit import kernel
from sim.touch import TIERS

STOCKS = (
    "members",
    "new",
    "active",
    "at_risk",
    "dormant_30",
    "dormant_60",
    "dormant_90",
    "lost",
    "state_new",
    "state_current",
    "state_reactivated",
    "state_resurrected",
    "state_at_risk_wau",
    "state_at_risk_mau",
    "state_dormant",
    "attached",
)
"""Stocks at the end of a day: listed members by lifecycle stage and by activity state; `attached` is latent."""
MEMBERS, FIRST_STAGE, FIRST_STATE, ATTACHED = 0, 1, 8, 15


def new_books(
    days: int, cohorts: int, months: int, thresholds: np.ndarray, offers: int | None = None, groups: int = 0
) -> Books:
    """Empty books for a run of `days` days over `months` calendar months with `cohorts` joining months.

    offers: how many offers an operator of this run has; None where no operator speaks; groups: how many community
    groups he can have.
    """
    operated = 0 if offers is None else days
    channels = len(posting.CHANNELS)
    lookback = int(max(thresholds[-1], stages.MONTH)) + 2

    def zeros(*shape: int) -> np.ndarray:
        return np.zeros(shape, dtype=np.int64)

    return Books(
        events=zeros(days, channels, len(posting.EVENTS)),
        flows=zeros(days, channels, len(posting.FLOWS)),
        activity=zeros(days, channels, posting.GONE + 4),
        cohorts=zeros(cohorts, months, len(posting.COHORT)),
        monthly=zeros(months, channels, len(posting.MONTHLY)),
        moved=zeros(channels, 2, lookback + days),
        thresholds=np.asarray(thresholds, dtype=np.int64),
        lookback=np.array([lookback], dtype=np.int64),
        responses=zeros(operated, channels, len(posting.RESPONSES)),
        segments=zeros(-(-operated // posting.PERIOD), len(posting.SEGMENTS), len(posting.SEGMENT_EVENTS)),
        offers=zeros(max(offers or 0, 1), len(posting.OFFER_BOOK)),
        engaged=zeros(lookback + days),
        news=zeros(0, posting.NEWS),
        losses=np.zeros(0, dtype=posting.LOST),
        told=zeros(2),
        ladder=zeros(operated, len(TIERS), len(TIERS)),
        groups=zeros(groups, len(posting.GROUP_BOOK)),
    )


@kernel
def census(rows: Any, start: int, stop: int, day: int, thresholds: Any, counted: Any) -> None:
    """Count the rows as they stand at the end of `day` into `counted` [channel, STOCKS]: the books' witness."""
    for i in range(start, stop):
        m = rows[i]
        if m.listed == 0:
            counted[m.channel, FIRST_STAGE + stages.LOST - 1] += 1
            continue
        counted[m.channel, MEMBERS] += 1
        silent = day - m.last_order
        stage = stages.lifecycle_stage(silent, m.orders, thresholds)
        counted[m.channel, FIRST_STAGE + stage - 1] += 1
        counted[m.channel, FIRST_STATE + stages.activity_state(silent, m.activity)] += 1
        counted[m.channel, ATTACHED] += m.attached


@kernel
def recency(rows: Any, start: int, stop: int, books: Any, book: Any) -> None:
    """Enter listed rows into the recency book [channel, repeat, day of the last order]."""
    for i in range(start, stop):
        m = rows[i]
        if m.listed == 1:
            book[m.channel, 1 if m.orders > 1 else 0, posting.anchor(m.last_order, books)] += 1


@kernel
def close_day(day: int, at: int, books: Any, book: Any, before: Any, stocks: Any) -> None:
    """Post the day's silences and carry the stocks forward: stocks(t) = stocks(t-1) + flows(t).

    before: stocks of yesterday [channel, STOCKS]; stocks: written, the stocks of today.
    """
    limits = books.thresholds
    for channel in range(book.shape[0]):
        for repeat in range(2):
            for place in range(book.shape[2]):
                book[channel, repeat, place] += books.moved[channel, repeat, place]
                books.moved[channel, repeat, place] = 0
        flows = books.flows[at, channel]
        first, repeat = book[channel, 0], book[channel, 1]
        # whoever last ordered exactly this many days ago changes stage today, by silence
        a, b = posting.anchor(day - limits[0], books), posting.anchor(day - limits[1], books)
        c, d = posting.anchor(day - limits[2], books), posting.anchor(day - limits[3], books)
        flows[posting.ACTIVE_SILENT] += repeat[a]
        flows[posting.AT_RISK_SILENT] += repeat[b]
        flows[posting.NEW_SILENT] += first[b]
        flows[posting.DORMANT_30_SILENT] += first[c] + repeat[c]
        flows[posting.DORMANT_60_SILENT] += first[d] + repeat[d]
        today, yesterday = stocks[channel], before[channel]
        for s in range(today.shape[0]):
            today[s] = yesterday[s]
        for f in range(flows.shape[0]):
            source, target = FLOW_ENDS[f, 0], FLOW_ENDS[f, 1]
            if source == stages.PROSPECT:
                today[MEMBERS] += flows[f]
            else:
                today[FIRST_STAGE + source - 1] -= flows[f]
            today[FIRST_STAGE + target - 1] += flows[f]
            if target == stages.LOST:
                today[MEMBERS] -= flows[f]
        events, activity = books.events[at, channel], books.activity[at, channel]
        today[ATTACHED] += flows[posting.JOINED] - events[posting.DRIFTED] - events[posting.REMOVED_ATTACHED]
        if books.responses.shape[0] > 0:
            today[ATTACHED] += books.responses[at, channel, posting.RETURNS]
        for state in range(4):
            today[FIRST_STATE + state] = 0
        today[FIRST_STATE + stages.FIRST_DAY] = activity[posting.NOBODY]
        for state in range(7):
            today[FIRST_STATE + stages.activity_when_active(state)] += activity[state]
        for state in range(4):
            today[FIRST_STATE + state] -= activity[posting.GONE + state]
        week, month = 0, 0
        for gap in range(1, stages.MONTH):
            place = posting.anchor(day - gap, books)
            silent = first[place] + repeat[place]
            if gap < stages.WEEK:
                week += silent
            else:
                month += silent
        today[FIRST_STATE + stages.AT_RISK_WAU] = week
        today[FIRST_STATE + stages.AT_RISK_MAU] = month
        rest = today[MEMBERS] - week - month
        for state in range(4):
            rest -= today[FIRST_STATE + state]
        today[FIRST_STATE + stages.SILENT] = rest


KEPT = ("joined", "hunters", "active_30", "active_90")
"""What is counted of newcomers by joining day and channel.

active_30: with a sign of life in the fortnight up to their 30th day; active_90: in the 30 days up to their 90th.
"""
FLOW_ENDS = np.array([(stages.STAGES.index(a), stages.STAGES.index(b)) for a, b, _ in posting.FLOWS])


@dataclass
class Ledger:
    """Finished books of one replication (all int64): what every report is read from.

    opening [channel, STOCKS]: stocks before day 0; stocks [day, channel, STOCKS]; the rest as in `Books`. Where an
    operator speaks: engaged [day, window of 7 and 30 days]; kept [joining day, channel, KEPT]: newcomers, and who of
    them stayed active; tree [generation, `lineage.TREE`]; ladder [day, tier left, tier reached]; losses [entry]
    (`posting.LOST`), by day, key and way; None where none does. groups [day, level, `communities.DAILY`]: without
    days where there are no community groups.
    """

    opening: np.ndarray
    stocks: np.ndarray
    events: np.ndarray
    flows: np.ndarray
    activity: np.ndarray
    cohorts: np.ndarray
    monthly: np.ndarray
    responses: np.ndarray | None = None
    segments: np.ndarray | None = None
    offers: np.ndarray | None = None
    engaged: np.ndarray | None = None
    groups: np.ndarray | None = None
    kept: np.ndarray | None = None
    tree: np.ndarray | None = None
    ladder: np.ndarray | None = None
    losses: np.ndarray | None = None
