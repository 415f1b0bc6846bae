"""Every join, order, move, loss and cent is posted once, here, when it happens.

All books are integers, so that the order of posting and the number of threads cannot change a digit. What is
not an event (a member falling silent) follows from the recency book when the day is closed: `books.close_day`.
"""

from typing import Any, NamedTuple

import numpy as np

from sim.accounting import stages
from sim.jit import rule

CHANNELS = ("existing", "organic")
"""How members came: `existing` were members at day 0; `organic` newcomers came by themselves."""
EXISTING, ORGANIC = range(2)

EVENTS = ("orders", "first_orders", "buyers", "revenue_cents", "drifted", "removed_attached")
ORDERS, FIRST_ORDERS, BUYERS, REVENUE, DRIFTED, REMOVED_ATTACHED = range(6)

FLOWS = (
    ("prospect", "new", "joined"),
    ("new", "active", "order"),
    ("at_risk", "active", "order"),
    ("dormant_30", "active", "order"),
    ("dormant_60", "active", "order"),
    ("dormant_90", "active", "order"),
    ("active", "at_risk", "silence"),
    ("at_risk", "dormant_30", "silence"),
    ("new", "dormant_30", "silence"),
    ("dormant_30", "dormant_60", "silence"),
    ("dormant_60", "dormant_90", "silence"),
    ("new", "lost", "removed"),
    ("active", "lost", "removed"),
    ("at_risk", "lost", "removed"),
    ("dormant_30", "lost", "removed"),
    ("dormant_60", "lost", "removed"),
    ("dormant_90", "lost", "removed"),
)
"""Every move between stages that exists: from, to, cause."""
JOINED = 0
BY_ORDER = np.array([-1, 1, -1, 2, 3, 4, 5, -1])
"""The flow of an order, by the stage that the member is in (-1: no move)."""
ACTIVE_SILENT, AT_RISK_SILENT, NEW_SILENT, DORMANT_30_SILENT, DORMANT_60_SILENT = 6, 7, 8, 9, 10
BY_REMOVAL = np.array([-1, 11, 12, 13, 14, 15, 16, -1])

COHORT = ("joined", "active", "orders", "revenue_cents")
COHORT_JOINED, COHORT_ACTIVE, COHORT_ORDERS, COHORT_REVENUE = range(4)

MONTHLY = ("new", "retained", "resurrected")
MONTH_NEW, MONTH_RETAINED, MONTH_RESURRECTED = range(3)

NOBODY, GONE = 7, 8
"""Where a newcomer's activity comes from: no state; and from where on removals of members active today stand."""


class Books(NamedTuple):
    """The running books of one thread; added up when a day is closed or a run ends. All arrays are int64.

    events [day, channel, EVENTS]; flows [day, channel, FLOWS]; activity [day, channel, state yesterday, NOBODY or
    GONE + state today];
    cohorts [joining month, calendar month, COHORT]; monthly [calendar month, channel, MONTHLY];
    moved [channel, first order only or repeat, day of the last order]: change of the recency book today;
    thresholds [4]: days of silence at which the lifecycle stage changes; lookback [1]: days before day 0 that
    the recency book tells apart.
    """

    events: np.ndarray
    flows: np.ndarray
    activity: np.ndarray
    cohorts: np.ndarray
    monthly: np.ndarray
    moved: np.ndarray
    thresholds: np.ndarray
    lookback: np.ndarray


@rule
def anchor(day: int, books: Any) -> int:
    """The place of a day in the recency book; all days before the look-back share the first place."""
    back = books.lookback[0]
    return day + back if day > -back else 0


@rule
def post_order(m: Any, value: int, today: Any, books: Any) -> None:
    """An order of `value` cents, before the row is changed; a member's first order is his joining."""
    at, channel = today.row, m.channel
    books.events[at, channel, ORDERS] += 1
    books.events[at, channel, REVENUE] += value
    cohort = books.cohorts[m.cohort, today.month_row]
    cohort[COHORT_ORDERS] += 1
    cohort[COHORT_REVENUE] += value
    joins = m.orders == 0
    if joins:
        books.events[at, channel, FIRST_ORDERS] += 1
        books.flows[at, channel, JOINED] += 1
        cohort[COHORT_JOINED] += 1
    if joins or m.last_order != today.day:
        post_active_day(m, joins, today, books)
    repeat = 0 if joins else 1
    if not joins:
        books.moved[channel, 1 if m.orders > 1 else 0, anchor(m.last_order, books)] -= 1
        stage = stages.lifecycle_stage(max(today.day - 1 - m.last_order, 0), m.orders, books.thresholds)
        flow = BY_ORDER[stage]
        if flow >= 0:
            books.flows[at, channel, flow] += 1
    books.moved[channel, repeat, anchor(today.day, books)] += 1


@rule
def post_active_day(m: Any, joins: bool, today: Any, books: Any) -> None:
    """The first order of a member on a day: he is active today, and in this month.

    By calendar months he is `new` in the month in which he joined, `retained` if he was active in the month
    before, else `resurrected`. A run that begins within a month counts that month from day 0 on; whoever was
    active earlier in it is `retained`.
    """
    at, channel = today.row, m.channel
    books.events[at, channel, BUYERS] += 1
    if joins:
        books.activity[at, channel, NOBODY] += 1
        m.activity = stages.FIRST_DAY
    else:
        yesterday = stages.activity_state(max(today.day - 1 - m.last_order, 0), m.activity)
        books.activity[at, channel, yesterday] += 1
        m.activity = stages.activity_when_active(yesterday)
    if m.last_month != today.month or m.last_order < 0:
        books.cohorts[m.cohort, today.month_row, COHORT_ACTIVE] += 1
        kind = MONTH_RESURRECTED
        if m.cohort == today.month:
            kind = MONTH_NEW
        elif m.last_month >= today.month - 1:
            kind = MONTH_RETAINED
        books.monthly[today.month_row, channel, kind] += 1
        m.last_month = today.month


@rule
def post_drift(m: Any, today: Any, books: Any) -> None:
    """He drifts away: known to the laboratory alone, since nobody outside can see it."""
    books.events[today.row, m.channel, DRIFTED] += 1


@rule
def post_removal(m: Any, today: Any, books: Any) -> None:
    """A visible departure: he is struck off the list."""
    stage = stages.lifecycle_stage(max(today.day - 1 - m.last_order, 0), m.orders, books.thresholds)
    books.flows[today.row, m.channel, BY_REMOVAL[stage]] += 1
    books.events[today.row, m.channel, REMOVED_ATTACHED] += m.attached
    if m.last_order == today.day:  # he was active today, and is not here tonight
        books.activity[today.row, m.channel, GONE + m.activity] += 1
    books.moved[m.channel, 1 if m.orders > 1 else 0, anchor(m.last_order, books)] -= 1
