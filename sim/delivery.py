"""Delivery: which of today's messages reach whom. It reads what the operator can see, and obeys the guard.

Messages are taken in the order of the day's table, so that a more important one is not crowded out. No message
is sent in quiet hours, over a cap or over the platform's quota: what is refused is counted, with its reason.
"""

from typing import Any

import numpy as np

from sim import rng
from sim.accounting import posting, stages
from sim.behaviour import answering, opening
from sim.behaviour.day import wishes
from sim.behaviour.permission import BLOCKED
from sim.jit import kernel, rule
from sim.touch import ANY_TAG, BENEFIT, CARE, FOREVER, SLOTS, TAGGED, UNMARKED, UNTAGGED, quiet_at

NO_QUOTA, A_MONTH, A_WEEK, A_DAY = range(4)
DIAGNOSED = 1_000_000
"""Place of a diagnosis in the luck of tagging."""
in_quiet_hours = rule(quiet_at)


@rule
def sent_last_week(r: Any, day: int) -> int:
    """Messages sent to him in the last seven days, today included."""
    bring_forward(r, day)
    return week_of(r.sent_days)


@rule
def week_of(days: int) -> int:
    """The sum of seven bytes."""
    total = 0
    for _ in range(7):
        total += days & 255
        days >>= 8
    return total


@rule
def bring_forward(r: Any, day: int) -> None:
    """Move the record of messages sent to today."""
    passed = day - r.sent_upto
    if passed > 0:
        r.sent_days = 0 if passed >= 7 else (r.sent_days << (8 * passed)) & 0xFFFFFFFFFFFFFF
        r.mass_days = 0 if passed >= 7 else (r.mass_days << (8 * passed)) & 0xFFFFFFFFFFFFFF
        r.sent_upto = day


@rule
def allowed(m: Any, r: Any, send: Any, stage: int, hour: float, today: Any, guard: Any) -> int:
    """The event of the refusal where the guard refuses a message, -1 where it lets it pass."""
    if in_quiet_hours(hour, guard.quiet_from, guard.quiet_to):
        return posting.QUIET
    week = sent_last_week(r, today.day)
    cap = guard.stage_caps[stage]
    if guard.individual > 0.0 and r.known_tolerance >= 0.0:
        cap = min(cap, guard.individual * r.known_tolerance)
    if week + 1 > cap:
        return posting.CAPPED
    if send.kind == BENEFIT and r.sold + 1 > guard.marketing_share * (r.messages + 1):
        return posting.CAPPED
    if send.kind != CARE:  # the platform's quota is for mass messages
        if guard.quota == A_DAY and (r.mass_days & 255) + 1 > guard.quota_size:
            return posting.OVER_QUOTA
        if guard.quota == A_WEEK and week_of(r.mass_days) + 1 > guard.quota_size:
            return posting.OVER_QUOTA
        if guard.quota == A_MONTH:
            sent = r.sent_month if r.sent_in == today.month else 0
            if sent + 1 > guard.quota_size:
                return posting.OVER_QUOTA
    return -1


@rule
def in_audience(m: Any, r: Any, send: Any, stage: int, today: Any) -> bool:
    """Whether the operator means this member, by what he can see."""
    if not (send.stages >> stage) & 1:
        return False
    if send.grouped == 1 and r.group < 0:
        return False
    age = today.day - m.joined
    if age < send.joined_from or age > send.joined_to:
        return False
    silent = float(today.day - m.last_order)
    if send.in_cycles == 1:
        # his own usual gap, as far as his orders show it; the category's until he has ordered three times
        silent = silent / own_cycle(m, today.cycle)
    if silent < send.silent_from or silent >= send.silent_to:
        return False
    if send.tag != ANY_TAG:
        if send.tag == UNTAGGED:
            if r.tag >= 0:
                return False
        elif send.tag == TAGGED:
            if r.tag < 0:
                return False
        elif r.tag != send.tag:
            return False
    if float(m.spend) < send.spend_from:
        return False
    if send.mark != UNMARKED and (
        today.day - r.marked[send.mark] < send.again_after or r.mark_count[send.mark] >= send.limit
    ):
        return False
    # whoever is held out of a journey is held out of all its messages
    drawn = send.slot if send.mark == UNMARKED else SLOTS + 1 + send.mark
    return send.share >= 1.0 or rng.uniform(today.luck, m.key, rng.AUDIENCE, drawn) < send.share


@rule
def own_cycle(m: Any, category: float) -> float:
    """A member's usual days between orders as his record shows them, leaning on the category's while it is short."""
    span = float(m.last_order - m.joined)
    return (span + 2.0 * category) / (float(m.orders - 1) + 2.0)


@rule
def know(m: Any, r: Any, today: Any, tags: Any) -> None:
    """The operator learns about a member: tags come from traces, err, and age."""
    if tags.on == 0.0:
        return
    covered = rng.uniform(today.luck, m.key, rng.AUDIENCE, SLOTS) < tags.coverage
    if not covered:
        return
    due = r.tags == 0 or (tags.refresh > 0.0 and today.day - r.tag_day >= tags.refresh)
    if tags.learn > 0.0 and (m.last_order == today.day - 1 or r.last_open == today.day - 1):
        due = True
    if tags.learn > 0.0 and r.group >= 0 and r.last_active == today.day - 1:
        due = True  # what he says in his group is a trace as well
    if due:
        r.tag = answering.read_need(r.need, today.luck, m.key, r.needs, tags.error)
        r.tags += 1
        r.tag_day = today.day
        if tags.hours > 0.0 and r.known_hour < 0.0:
            r.known_hour = answering.read_hour(r.hour, today.luck, m.key, tags.hour_error)


@kernel
def choose_rows(
    rows: Any, relations: Any, touches: Any, due: Any, low: int, high: int, today: Any, sends: Any, guard: Any,
    tags: Any, wanted: Any, books: Any,
) -> None:  # fmt: skip
    """Write today's touch of each row in [low, high), and count by message how many it is for in `wanted`."""
    g, t = guard[0], tags[0]
    for i in range(low, high):
        m, r = rows[i], relations[i]
        touches[i] = np.uint64(0)
        if m.listed == 0 or r.permission >= BLOCKED:
            continue
        know(m, r, today, t)
        stage = stages.lifecycle_stage(max(today.day - 1 - m.last_order, 0), m.orders, books.thresholds)
        touch = np.uint64(0)
        for n in range(sends.shape[0]):
            send = sends[n]
            if not in_audience(m, r, send, stage, today):
                continue
            refused = allowed(m, r, send, stage, opening.sent_at(r, send), today, g)
            if refused >= 0:
                posting.post_response(m, refused, 1, today, books)
                continue
            touch |= np.uint64(1) << np.uint64(n)
            wanted[n] += 1
            log_sent(m, r, send, today, t)
        if touch != np.uint64(0):
            touches[i] = touch
            due[i] = min(due[i], today.day)


@rule
def log_sent(m: Any, r: Any, send: Any, today: Any, tags: Any) -> None:
    """The operator's record of a message: what caps and quotas are counted by."""
    bring_forward(r, today.day)
    r.sent_days += 1  # at most SLOTS a day, so that a byte holds it
    r.messages += 1
    if send.kind == BENEFIT:
        r.sold += 1
    if send.kind != CARE:
        r.mass_days += 1
        if r.sent_in != today.month:
            r.sent_in = today.month
            r.sent_month = 0
        r.sent_month += 1
    if send.mark != UNMARKED:
        r.marked[send.mark] = today.day
        r.mark_count[send.mark] += 1
    if send.diagnosed == 1 and r.diagnosed < 0:
        r.diagnosed = answering.read_need(r.need, today.luck, m.key, DIAGNOSED, tags.diagnosis_error)


@kernel
def tier_rows(rows: Any, relations: Any, low: int, high: int, counts: Any) -> None:
    """Count the listed members of rows [low, high) by channel and tier in `counts`."""
    for i in range(low, high):
        if rows[i].listed == 1:
            counts[rows[i].channel, relations[i].tier] += 1


@kernel
def count_wishes(rows: Any, relations: Any, low: int, high: int, today: Any, desk: Any, q: Any) -> Any:
    """On a member day: how many of rows [low, high) wake up meaning to order, and how many are members."""
    wished, listed = 0, 0
    for i in range(low, high):
        listed += rows[i].listed
        if wishes(rows[i], relations[i], today, desk, q[0]):
            wished += 1
    return wished, listed


@kernel
def draws_of(
    rows: Any, touches: Any, low: int, high: int, today: Any, slot: int, bit: int, draws: Any, count: int
) -> int:
    """Add the keyed draws of all whom message `bit` is for to `draws` from place `count` on;
    returns the new count.
    """
    one = np.uint64(1) << np.uint64(bit)
    for i in range(low, high):
        if touches[i] & one:
            draws[count] = rng.uniform(today.luck, rows[i].key, rng.CUT, today.day * SLOTS + slot)
            count += 1
    return count


@kernel
def cut_rows(
    rows: Any,
    relations: Any,
    touches: Any,
    low: int,
    high: int,
    today: Any,
    sends: Any,
    bit: int,
    below: float,
    books: Any,
) -> None:
    """Take message `bit` back from members whose keyed draw is not below a bound: the budget does not reach them."""
    one = np.uint64(1) << np.uint64(bit)
    send = sends[bit]
    for i in range(low, high):
        if not touches[i] & one:
            continue
        m, r = rows[i], relations[i]
        if rng.uniform(today.luck, m.key, rng.CUT, today.day * SLOTS + send.slot) >= below:
            touches[i] &= ~one
            posting.post_response(m, posting.OVER_BUDGET, 1, today, books)
            log_unsent(r, send)


@kernel
def keep_share_rows(
    rows: Any, relations: Any, touches: Any, low: int, high: int, today: Any, sends: Any, guard: Any, books: Any
) -> None:
    """After a cut, take back the promotions that leaned on messages which are no longer sent."""
    share = guard[0].marketing_share
    for i in range(low, high):
        if touches[i] == np.uint64(0):
            continue
        m, r = rows[i], relations[i]
        messages, sold = r.messages, r.sold
        for n in range(sends.shape[0]):
            if (touches[i] >> np.uint64(n)) & np.uint64(1):
                messages -= 1
                if sends[n].kind == BENEFIT:
                    sold -= 1
        for n in range(sends.shape[0]):
            if not (touches[i] >> np.uint64(n)) & np.uint64(1):
                continue
            if sends[n].kind == BENEFIT:
                if sold + 1 > share * (messages + 1):
                    touches[i] &= ~(np.uint64(1) << np.uint64(n))
                    posting.post_response(m, posting.CAPPED, 1, today, books)
                    log_unsent(r, sends[n])
                    continue
                sold += 1
            messages += 1


@rule
def log_unsent(r: Any, send: Any) -> None:
    """Take a message of today out of the operator's record."""
    r.messages -= 1
    r.sent_days -= 1
    if send.kind == BENEFIT:
        r.sold -= 1
    if send.kind != CARE:
        r.mass_days -= 1
        r.sent_month -= 1
    if send.mark != UNMARKED:
        r.marked[send.mark] = -FOREVER
        r.mark_count[send.mark] -= 1
