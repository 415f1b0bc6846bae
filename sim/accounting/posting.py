"""Every join, order, move, loss and cent is posted once, here, when it happens.

All books are integers, so that the order of posting and the number of threads cannot change a digit. What is
not an event (a member falling silent) follows from the recency book when the day is closed: `books.close_day`.
"""

from typing import Any, NamedTuple

import numpy as np

from sim.accounting import stages
from sim.jit import rule
from sim.touch import OWN_CHANNEL

PAID = ("trial_ads", "store_qr", "live_room", "content_platform", "ecommerce", "partner")
"""Channels that the operator pays for."""
CHANNELS = ("existing", "organic", *PAID, "word_of_mouth", "referral", "advocate", "sharing", "group_buying")
"""How members came: `existing` were members at day 0; `organic` newcomers came by themselves; those of `PAID`
channels through an entrance that the operator paid for; the rest because a member told them: unrewarded
(`word_of_mouth`), for a reward (`referral`), as an advocate (`advocate`), by showing an order (`sharing`), or to
order together (`group_buying`).
"""
EXISTING, ORGANIC, FIRST_PAID = range(3)
WORD_OF_MOUTH, REFERRAL, ADVOCATE, SHARING, GROUP_BUYING = range(FIRST_PAID + len(PAID), len(CHANNELS))

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
    ("new", "lost", "left"),
    ("active", "lost", "left"),
    ("at_risk", "lost", "left"),
    ("dormant_30", "lost", "left"),
    ("dormant_60", "lost", "left"),
    ("dormant_90", "lost", "left"),
    ("dormant_30", "new", "order"),
    ("dormant_60", "new", "order"),
    ("dormant_90", "new", "order"),
)
"""Every move between stages that exists: from, to, cause."""
JOINED = 0
BY_ORDER = np.array([-1, 1, -1, 2, 3, 4, 5, -1])
"""The flow of an order, by the stage that the member is in (-1: no move)."""
BY_FIRST_ORDER = np.array([-1, -1, -1, -1, 23, 24, 25, -1])
"""The flow of the first order of one who joined without one: the new stay new, the dormant are new once more."""
ACTIVE_SILENT, AT_RISK_SILENT, NEW_SILENT, DORMANT_30_SILENT, DORMANT_60_SILENT = 6, 7, 8, 9, 10
BY_REMOVAL = np.array([-1, 11, 12, 13, 14, 15, 16, -1])
LEFT = 6
"""From a removal to leaving of one's own accord, in FLOWS."""

COHORT = ("joined", "active", "orders", "revenue_cents")
COHORT_JOINED, COHORT_ACTIVE, COHORT_ORDERS, COHORT_REVENUE = range(4)

MONTHLY = ("new", "retained", "resurrected")
MONTH_NEW, MONTH_RETAINED, MONTH_RESURRECTED = range(3)

RESPONSES = (
    "messages_useful",
    "messages_fun",
    "messages_benefit",
    "messages_care",
    "opens_useful",
    "opens_fun",
    "opens_benefit",
    "opens_care",
    "message_visits",
    "own_visits",
    "interactions",
    "impulse_orders",
    "coupon_orders",
    "muted",
    "blocked",
    "left",
    "reachable_lost",
    "returned",
    "drifted_need",
    "drifted_quality",
    "drifted_service",
    "drifted_logistics",
    "lost_need",
    "lost_quality",
    "lost_service",
    "lost_logistics",
    "lost_friend",
    "lost_reward",
    "lost_neglect",
    "lost_tired",
    "lost_irrelevant",
    "lost_disappointed",
    "lost_stockout",
    "opted_out_tired",
    "opted_out_irrelevant",
    "opted_out_disappointed",
    "opted_out_stockout",
    "opted_out_contact",
    "offers_issued",
    "offers_redeemed",
    "offers_expired",
    "offer_issued_cents",
    "offer_redeemed_cents",
    "offer_expired_cents",
    "discount_cents",
    "markdown_cents",
    "list_cents",
    "goods_cents",
    "sample_cents",
    "message_cents",
    "content_cents",
    "labour_cents",
    "operation_cents",
    "capped",
    "over_quota",
    "quiet",
    "over_budget",
    "turned_away",
    "fatigue_milli",
    "removed_muted",
    "removed_blocked",
    "attributed_cents",
    "attributed_orders",
    "contacts",
    "already_members",
    "invitations",
    "unanswered",
    "acquisition_cents",
    "winning_cents",
    "reward_cents",
    "benefit_cents",
    "points_cents",
    "signins",
    "points_earned",
    "points_redeemed",
    "points_expired",
    "posts",
    "group_joined",
    "group_left",
    "cleaned",
    "promoted",
    "demoted",
    "shares",
    "idle_joined",
    "stockouts",
    "sales_lost",
)
"""What an operator brings about, in the order of the books; amounts in cents; see accounting.metrics for meanings."""
(
    SENT, _, _, _, OPENED, _, _, _, MESSAGE_VISITS, OWN_VISITS, INTERACTIONS, IMPULSE_ORDERS, COUPON_ORDERS, MUTES,
    BLOCKS, LEAVES, REACHABLE_LOST, RETURNS, DRIFT_CAUSE, _, _, _, LOSS, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _,
    ISSUED, REDEEMED, EXPIRED, ISSUED_CENTS,
    REDEEMED_CENTS, EXPIRED_CENTS, DISCOUNT, MARKDOWN, LIST, GOODS, SAMPLES, MESSAGE_COST, CONTENT_COST, LABOUR_COST,
    OPERATION_COST, CAPPED, OVER_QUOTA, QUIET, OVER_BUDGET, TURNED_AWAY, FATIGUE, REMOVED_MUTED,
    REMOVED_BLOCKED, ATTRIBUTED, ATTRIBUTED_ORDERS, CONTACTS, ALREADY_MEMBERS, INVITATIONS, UNANSWERED,
    ACQUISITION_COST, WINNING, REWARD_COST, BENEFIT_COST, POINTS_COST, SIGNINS, POINTS_EARNED, POINTS_REDEEMED,
    POINTS_EXPIRED, POSTS, GROUP_JOINED, GROUP_LEFT, CLEANED, PROMOTED, DEMOTED, SHARES, IDLE_JOINED, STOCKOUTS,
    SALES_LOST,
) = range(len(RESPONSES))  # fmt: skip

CAUSES = (
    "need", "quality", "service", "logistics", "friend", "reward", "neglect", "tired", "irrelevant", "disappointed",
    "stockout", "contact",
)  # fmt: skip
"""What makes members leave; each has a hazard of its own, and the hazards add up (`sim.behaviour.losing`)."""
(
    NEED, QUALITY, SERVICE, LOGISTICS, FRIEND, REWARD, NEGLECT, TIRED, IRRELEVANT, DISAPPOINTED, STOCKOUT, CONTACT,
) = range(len(CAUSES))  # fmt: skip
LOSSES = tuple(name for name in RESPONSES if name.startswith(("lost_", "opted_out_")))
"""The ledger of losses: who drifted away, and who opted out, by cause."""

SEGMENTS = ("new", "active", "at_risk", "dormant_30", "dormant_60", "dormant_90", "newcomer")
"""What results of an operated membership are told apart by: the lifecycle stage at day 0, or being a newcomer."""
NEWCOMER = 6
SEGMENT_EVENTS = ("orders", "revenue_cents", "list_cents", "messages", "opens", "opted_out", "returned", "drifted")
(
    SEGMENT_ORDERS, SEGMENT_REVENUE, SEGMENT_LIST, SEGMENT_MESSAGES, SEGMENT_OPENS, SEGMENT_OPTED_OUT,
    SEGMENT_RETURNED, SEGMENT_DRIFTED,
) = range(len(SEGMENT_EVENTS))  # fmt: skip
PERIOD = 30
"""Days of one row of the segments' book."""

OFFER_BOOK = ("issued", "redeemed", "expired", "issued_cents", "redeemed_cents", "expired_cents")

GROUP_BOOK = ("came", "present", "living", "posts", "opened", "adverts", "hawked")
"""What happens in a community group on a day: members who came less those who went; members who lived the day in it,
and of these, those who had not drifted away, muted or blocked; posts; useful and amusing posts of the operator's
opened; adverts of his received; members' own adverts."""
CAME, PRESENT, LIVING, GROUP_POSTS, GROUP_OPENED, ADVERTS, HAWKED = range(len(GROUP_BOOK))

NOBODY, GONE = 7, 8
"""Where a newcomer's activity comes from: no state; and from where on removals of members active today stand."""


class Books(NamedTuple):
    """The running books of one thread; added up when a day is closed or a run ends. All arrays are int64.

    events [day, channel, EVENTS]; flows [day, channel, FLOWS]; activity [day, channel, state yesterday, NOBODY or
    GONE + state today];
    cohorts [joining month, calendar month, COHORT]; monthly [calendar month, channel, MONTHLY];
    moved [channel, first order only or repeat, day of the last order]: change of the recency book today;
    thresholds [4]: days of silence at which the lifecycle stage changes; lookback [1]: days before day 0 that
    the recency book tells apart;
    responses [day, channel, RESPONSES]; segments [period of 30 days, SEGMENTS, SEGMENT_EVENTS]; offers [offer of the
    run, OFFER_BOOK]; engaged [day of the last sign of life]: change of the book of the engaged today; news [entry,
    (row, channel or DEPARTED, how many persons, number of the first)]: what members tell others today; losses [entry]
    (LOST): who is lost, or comes back, today; told [2]: how many entries news and losses have;
    ladder [day, tier left, tier reached]; groups [group, GROUP_BOOK]: of today. These nine are empty where no
    operator speaks, the last where there are no groups.
    """

    events: np.ndarray
    flows: np.ndarray
    activity: np.ndarray
    cohorts: np.ndarray
    monthly: np.ndarray
    moved: np.ndarray
    thresholds: np.ndarray
    lookback: np.ndarray
    responses: np.ndarray
    segments: np.ndarray
    offers: np.ndarray
    engaged: np.ndarray
    news: np.ndarray
    losses: np.ndarray
    told: np.ndarray
    groups: np.ndarray
    ladder: np.ndarray


LOST = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("key", "u8"), ("shares", "f8", (len(CAUSES),)), ("row", "i4"), ("day", "i4"), ("way", "i4"),
                ("cause", "i4"),
            ],
            align=True,
        ),
    )
)  # fmt: skip
"""An entry of the ledger of losses: who, how much of the hazard each cause made (sums to 1), in which row, on which
day, in which of WAYS, by which of CAUSES as drawn. One who comes back has an entry, too, without causes."""
WAYS = ("drifted", "opted_out", "returned")
AWAY, OUT, BACK = range(len(WAYS))
LOSSES_A_DAY = 2
"""The most entries of one member on a day: he opts out, and drifts away or comes back."""

NEWS = 4
DEPARTED = -1
"""Instead of a channel: a member who has brought others drifted away or left."""


@rule
def post_news(r: Any, channel: int, count: int, first: int, books: Any) -> None:
    """He tells `count` others of the membership, from number `first` of his on, or departs: the evening's work."""
    entry = books.news[books.told[0]]
    entry[0] = r.own_row
    entry[1] = channel
    entry[2] = count
    entry[3] = first
    books.told[0] += 1


@rule
def anchor(day: int, books: Any) -> int:
    """The place of a day in the recency book; all days before the look-back share the first place."""
    back = books.lookback[0]
    return day + back if day > -back else 0


@rule
def post_joining(m: Any, today: Any, books: Any) -> None:
    """He becomes a member today, with an order or without: his row says so, and counts no order yet."""
    at, channel = today.row, m.channel
    books.flows[at, channel, JOINED] += 1
    books.cohorts[m.cohort, today.month_row, COHORT_JOINED] += 1
    post_active_day(m, True, today, books)
    books.moved[channel, 0, anchor(today.day, books)] += 1


@rule
def post_order(m: Any, value: int, today: Any, books: Any) -> None:
    """An order of `value` cents, before the row is changed."""
    at, channel = today.row, m.channel
    books.events[at, channel, ORDERS] += 1
    books.events[at, channel, REVENUE] += value
    cohort = books.cohorts[m.cohort, today.month_row]
    cohort[COHORT_ORDERS] += 1
    cohort[COHORT_REVENUE] += value
    if m.last_order != today.day:
        post_active_day(m, False, today, books)
    stage = stages.lifecycle_stage(max(today.day - 1 - m.last_order, 0), m.orders, books.thresholds)
    flow = BY_ORDER[stage]
    if m.orders == 0:
        books.events[at, channel, FIRST_ORDERS] += 1
        flow = BY_FIRST_ORDER[stage]
    if flow >= 0:
        books.flows[at, channel, flow] += 1
    books.moved[channel, 1 if m.orders > 1 else 0, anchor(m.last_order, books)] -= 1
    books.moved[channel, 0 if m.orders == 0 else 1, anchor(today.day, books)] += 1


@rule
def post_active_day(m: Any, joins: bool, today: Any, books: Any) -> None:
    """A member joins, or orders for the first time on a day: he is active today, and in this month.

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
    post_departure(m, 0, today, books)


@rule
def post_departure(m: Any, kind: int, today: Any, books: Any) -> None:
    """He is struck off the list; kind: 0 where he was removed, LEFT where he left of his own accord."""
    stage = stages.lifecycle_stage(max(today.day - 1 - m.last_order, 0), m.orders, books.thresholds)
    books.flows[today.row, m.channel, BY_REMOVAL[stage] + kind] += 1
    books.events[today.row, m.channel, REMOVED_ATTACHED] += m.attached
    if m.last_order == today.day:  # he was active today, and is not here tonight
        books.activity[today.row, m.channel, GONE + m.activity] += 1
    books.moved[m.channel, 1 if m.orders > 1 else 0, anchor(m.last_order, books)] -= 1


@rule
def post_response(m: Any, event: int, amount: int, today: Any, books: Any) -> None:
    """One of RESPONSES, today."""
    books.responses[today.row, m.channel, event] += amount


@rule
def post_segment(r: Any, event: int, amount: int, today: Any, books: Any) -> None:
    """One of SEGMENT_EVENTS, in this period."""
    books.segments[today.row // PERIOD, r.segment, event] += amount


@rule
def post_sign_of_life(r: Any, today: Any, books: Any) -> None:
    """He opened, visited or ordered today."""
    if r.last_active != today.day:
        books.engaged[anchor(r.last_active, books)] -= 1
        books.engaged[anchor(today.day, books)] += 1
        r.last_active = today.day


@rule
def post_group(r: Any, event: int, books: Any) -> None:
    """One of GROUP_BOOK in his group, today."""
    books.groups[r.group, event] += 1


@rule
def post_group_joined(m: Any, r: Any, group: int, today: Any, books: Any) -> None:
    """He comes into a group."""
    r.group = group
    post_response(m, GROUP_JOINED, 1, today, books)
    books.groups[group, CAME] += 1


@rule
def post_group_left(m: Any, r: Any, today: Any, books: Any) -> None:
    """He leaves his group, or is put out of it, for good."""
    post_response(m, GROUP_LEFT, 1, today, books)
    books.groups[r.group, CAME] -= 1
    r.group = -2


@rule
def post_offer(m: Any, place: int, event: int, cents: int, today: Any, books: Any) -> None:
    """An offer of the run was issued (0), redeemed (1) or expired (2), with what it could take off at most."""
    books.responses[today.row, m.channel, ISSUED + event] += 1
    books.responses[today.row, m.channel, ISSUED_CENTS + event] += cents
    books.offers[place, event] += 1
    books.offers[place, 3 + event] += cents


@rule
def post_opt_out(m: Any, r: Any, way: int, today: Any, books: Any) -> None:
    """He mutes (1), blocks (2) or leaves (3): one fewer can be reached."""
    books.responses[today.row, m.channel, MUTES + way - 1] += 1
    books.responses[today.row, m.channel, REACHABLE_LOST] += 1
    post_segment(r, SEGMENT_OPTED_OUT, 1, today, books)
    if way == 3:
        post_departure(m, LEFT, today, books)
        books.engaged[anchor(r.last_active, books)] -= 1


@rule
def by_friend(channel: int) -> bool:
    """Whether whoever came through a channel was brought by a friend, who may hold him."""
    return channel >= WORD_OF_MOUTH and channel != SHARING


@rule
def post_loss(m: Any, r: Any, cause: int, opts_out: bool, shares: Any, today: Any, books: Any) -> None:
    """He is lost, by one of CAUSES: he drifts away, or opts out; shares: how much of the hazard each cause made."""
    post_response(m, LOSS + cause + (OPT_OUT if opts_out else 0), 1, today, books)
    if r.lost_by == 0:
        r.lost_by = 1 + cause
    at = post_entry(m, r, OUT if opts_out else AWAY, cause, today, books)
    if at >= 0:
        for c in range(CONTACT + 1):
            books.losses[at].shares[c] = shares[c]


@rule
def post_return(m: Any, r: Any, today: Any, books: Any) -> None:
    """One who had drifted away comes back."""
    post_response(m, RETURNS, 1, today, books)
    post_segment(r, SEGMENT_RETURNED, 1, today, books)
    at = post_entry(m, r, BACK, -1, today, books)
    if at >= 0:
        for c in range(CONTACT + 1):
            books.losses[at].shares[c] = 0.0


@rule
def post_entry(m: Any, r: Any, way: int, cause: int, today: Any, books: Any) -> int:
    """Begin an entry of the ledger of losses; returns its place, -1 where there is no room: the evening notices."""
    at = books.told[1]
    books.told[1] += 1
    if at >= books.losses.shape[0]:
        return -1
    entry = books.losses[at]
    entry.key = m.key
    entry.row = r.own_row
    entry.day = today.day
    entry.way = way
    entry.cause = cause
    return at


OPT_OUT = 4
"""From drifting away to opting out in the ledger of losses, which only the last five causes know."""


@rule
def post_relation_end(m: Any, r: Any, today: Any, books: Any) -> None:
    """A member who is struck off takes his permission and his signs of life with him."""
    if r.permission > 0:
        post_response(m, REMOVED_MUTED + r.permission - 1, 1, today, books)
    books.engaged[anchor(r.last_active, books)] -= 1


@rule
def post_winning(m: Any, wins: int, cents: int, today: Any, books: Any) -> None:
    """A discount that an entrance or a referral promised was used: `wins`: of `touch.Offer`."""
    if wins >= 0:
        books.responses[today.row, wins, WINNING] += cents
    elif wins == OWN_CHANNEL:
        books.responses[today.row, m.channel, WINNING] += cents


@rule
def post_ladder(r: Any, tier: int, today: Any, books: Any) -> None:
    """He moves to another tier; r.tier still says from where."""
    books.ladder[today.row, r.tier, tier] += 1
