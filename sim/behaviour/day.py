"""A member's day, from morning to night: the whole model on one page.

Everything that a member does, he does here, in this order, reading his own row, the day and the settings, and
writing only his own row and the books. The rules themselves stand beside this file, one tendency each.
"""

import math
from typing import Any

from sim.accounting.posting import post_drift, post_order
from sim.behaviour import buying, drifting, spending
from sim.jit import rule

NEVER = 2_000_000_000
"""A day that never comes."""


@rule
def live_one_day(m: Any, today: Any, p: Any, books: Any) -> None:
    """One member's day. Orders fall at real times inside the day; several a day are possible.

    m: his row; today: `engine.Today`; p: the settings; books: where events are posted.
    """
    tonight = clock_tonight(m, today)
    while m.order_at < tonight:
        buy(m, today, p, books)
    if m.drift_at < today.day + 1.0:
        drift_away(m, today, books)


@rule
def clock_tonight(m: Any, today: Any) -> float:
    """How far his purchase clock runs today: to the end of the day, or to the moment when he drifts away."""
    begin, end = today.clock[today.at], today.clock[today.at + 1]
    if m.drift_at >= today.day + 1.0:
        return end
    return begin + (end - begin) * (m.drift_at - today.day)


@rule
def buy(m: Any, today: Any, p: Any, books: Any) -> None:
    """He orders; the books take it; his clock is set for the next order."""
    value = spending.order_value(today.luck, m.key, m.orders, m.usual_value, p.spending)
    post_order(m, value, today, books)
    m.orders += 1
    m.spend += value
    m.last_order = today.day
    m.order_at += buying.gap(today.luck, m.key, m.orders, p.buying) / m.purchase_rate


@rule
def drift_away(m: Any, today: Any, books: Any) -> None:
    """His need has gone: he stays on the list, silent, and orders no more."""
    post_drift(m, today, books)
    m.attached = 0
    m.order_at = NEVER
    m.drift_at = NEVER


@rule
def join(m: Any, key: Any, channel: int, today: Any, p: Any, books: Any) -> None:
    """In the evening of today a person becomes a member, with a first order; his own days begin tomorrow."""
    m.key = key
    m.channel = channel
    m.listed = 1
    m.attached = 1
    m.joined = today.day
    m.cohort = today.month
    m.last_order = today.day
    m.last_month = -1
    m.purchase_rate = buying.purchase_rate(today.luck, key, p.buying)
    m.drift_hazard = drifting.drift_hazard(today.luck, key, p.drifting)
    m.usual_value = spending.usual_value(today.luck, key, p.spending)
    value = spending.order_value(today.luck, key, 0, m.usual_value, p.spending)
    post_order(m, value, today, books)
    m.orders = 1
    m.spend = value
    m.order_at = today.clock[today.at + 1] + buying.gap(today.luck, key, 1, p.buying) / m.purchase_rate
    m.drift_at = today.day + 1.0 + drifting.days_attached(today.luck, key, m.drift_hazard)


@rule
def next_day(m: Any, today: Any) -> int:
    """The first day after today on which anything can happen to him, so that he need not be asked before.

    Nothing happens to a member between his events: his clock is read, not wound. A member whom nothing can
    reach any more costs one comparison a day.
    """
    drift_day = NEVER
    if m.drift_at < NEVER:
        drift_day = math.floor(m.drift_at)
    clock = today.clock
    low = today.at + 1
    high = clock.shape[0] - 1
    if m.order_at >= clock[high]:
        return drift_day
    # the last entry of the clock that is not after his next order begins the day of that order
    while high - low > 1:
        middle = (low + high) // 2
        if clock[middle] <= m.order_at:
            low = middle
        else:
            high = middle
    order_day = today.day + (low - today.at)
    return order_day if order_day < drift_day else drift_day
