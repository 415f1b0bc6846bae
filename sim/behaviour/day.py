"""A member's day, from morning to night: the whole model on one page.

Everything that a member does, he does here, in this order, reading his own row, the day and the settings, and
writing only his own row and the books. The rules themselves stand beside this file, one tendency each.
`live_one_day` is the base life. Where an operator speaks to members, `live_operated_day` is the same life with his
touches: whoever is left alone lives the base life to the bit.
"""

import math
from typing import Any

import numpy as np

from sim import network, rng
from sim.accounting import posting
from sim.accounting.posting import post_drift, post_order, post_response, post_segment
from sim.behaviour import (
    answering,
    buying,
    drifting,
    fatigue,
    gathering,
    goods,
    inviting,
    losing,
    novelty,
    occasion,
    opening,
    permission,
    pricing,
    returning,
    satisfaction,
    signing,
    spending,
    stockout,
    temperament,
    tier,
    trust,
    visiting,
    wallet,
)
from sim.behaviour.shapes import TRUST_UNIT
from sim.jit import rule
from sim.numbers import exp, log
from sim.population import WALLET
from sim.touch import BENEFIT, FORMATS, MARK_ADVOCATE, NO_OFFER, SAMPLE, SLOTS, THRESHOLD

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
    place_order(m, spending.order_value(today.luck, m.key, m.orders, m.usual_value, p.spending), today, books)
    m.order_at += buying.gap(today.luck, m.key, m.orders, p.buying) / m.purchase_rate


@rule
def place_order(m: Any, value: int, today: Any, books: Any) -> None:
    """An order of `value` cents goes into the books and his row."""
    post_order(m, value, today, books)
    m.orders += 1
    m.spend += value
    m.last_order = today.day


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
    enrol(m, key, channel, today, p, books)
    place_order(m, spending.order_value(today.luck, key, 0, m.usual_value, p.spending), today, books)
    m.order_at = today.clock[today.at + 1] + buying.gap(today.luck, key, 1, p.buying) / m.purchase_rate


@rule
def enrol(m: Any, key: Any, channel: int, today: Any, p: Any, books: Any) -> None:
    """In the evening of today a person becomes a member, before any order: his clock has yet to run."""
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
    posting.post_joining(m, today, books)
    m.orders = 0
    m.spend = 0
    m.order_at = today.clock[today.at + 1] + buying.gap(today.luck, key, 0, p.buying) / m.purchase_rate
    m.drift_at = today.day + 1.0 + drifting.days_attached(today.luck, key, 0, m.drift_hazard)


@rule
def next_day(m: Any, today: Any) -> int:
    """The first day after today on which anything can happen to him, so that he need not be asked before.

    Nothing happens to a member between his events: his clock is read, not wound. A member whom nothing can
    reach any more costs one comparison a day.
    """
    drift_day = NEVER
    if m.drift_at < NEVER:
        drift_day = math.floor(m.drift_at)
    return order_day(m, today, drift_day)


@rule
def order_day(m: Any, today: Any, before: int) -> int:
    """The day of his next order where it comes before the day `before`, and `before` where it does not."""
    clock = today.clock
    low = today.at + 1
    high = min(clock.shape[0] - 1, today.at + before - today.day)
    if m.order_at >= clock[high]:
        return before
    # the last entry of the clock that is not after his next order begins the day of that order
    while high - low > 1:
        middle = (low + high) // 2
        if clock[middle] <= m.order_at:
            low = middle
        else:
            high = middle
    return today.day + (low - today.at)


# -- the same life where an operator speaks to members ----------------------------------------------------------


@rule
def live_operated_day(m: Any, r: Any, touch: Any, today: Any, desk: Any, p: Any, q: Any, books: Any) -> None:
    """One member's day with the operator's touches.

    r: his relation to the operator; touch: which of today's messages reach him, a bit each; desk: `operation.Desk`,
    today's messages, the run's offers and how the business is run; q: how people respond.
    """
    recover(m, r, today, desk, q, books)
    think_of_leaving(m, r, today, q, books)
    r.seen = today.day
    if m.listed == 0:
        recall(r, touch, desk)
        return
    keep_account(m, r, today, desk, q, books)
    for n in range(desk.sends.shape[0]):
        if (touch >> np.uint64(n)) & np.uint64(1):
            receive(m, r, desk.sends[n], today, desk, p, q, books)
    if r.group >= 0:
        take_part(m, r, today, desk, q, books)
    if r.earned == 1:
        use_earned(m, r, today, desk, p, q, books)
    if r.visit_at < today.day + 1.0:
        sign_in(m, r, today, desk, q, books)
    while r.visit_at < today.day + 1.0:
        visit(m, r, today, q, books)
    if desk.perks[0].event > 0.0:
        think_of_member_day(m, r, today, desk, p, q, books)
    tonight = clock_tonight(m, today)
    while m.order_at < tonight and not waits(m, r, today, desk, q):
        found = finds(m, r, PLANNED, today, desk, q, books)
        if found == stockout.LATER:
            continue
        if found != stockout.ELSEWHERE:
            order(m, r, PLANNED, today, desk, p, q, books)
        m.order_at += buying.gap(today.luck, m.key, gap_number(m, r), p.buying) / (m.purchase_rate * r.pace)
    if m.drift_at < today.day + 1.0:
        lapse(m, r, today, desk, q, books)
    if r.urge <= 0.0:
        tell_friends(m, r, today, desk, q, books)
    if desk.ops[0].deal > 0.0:
        gather_friends(m, r, today, desk, q, books)
    set_pace(m, r, today, desk, p, q)


@rule
def gap_number(m: Any, r: Any) -> int:
    """Which of his gaps the clock is in: orders on impulse do not count, and each time he returns he starts anew."""
    return m.orders - r.impulses + ANEW * int(r.lapses)


ANEW = 1_000_000
"""Places in the luck of gaps that each of his spells of membership may use."""
PLANNED, IMPULSE, DRAWN = range(3)
"""What brought an order about: his own clock, a message, or an offer that drew the clock's next order forward."""
AT_REST = 1e-3
"""Speeds and prices closer to 1 than this are 1."""
LOOK_AGAIN = 7
"""Days after which a member who is not at rest is looked at again, though nothing has happened to him."""


@rule
def recover(m: Any, r: Any, today: Any, desk: Any, q: Any, books: Any) -> None:
    """Since he was last looked at: fatigue, wear, habit and trust return to rest; offers expire; needs change."""
    days = float(today.day - r.seen)
    if days <= 0.0:
        return
    # permission was at stake while he was tired: counted before the rest
    if r.met == 1 and r.permission == permission.REACHABLE:
        heard = min(days, max(q.permission.heard - (r.seen - r.last_message), 0.0))
        if heard > 0.0:
            tired = fatigue.load(r, float(r.seen - m.last_order), q.fatigue)
            r.patience -= permission.opt_out_hazard(r, tired, heard, q.fatigue.memory, m.attached, q.permission)
            if r.patience <= 0.0:
                tiring = permission.tired_days(tired, heard, q.fatigue.memory, q.permission)
                shares = losing.shares_of_opting_out(r, tiring / (heard + tiring), q)
                u = rng.uniform(today.luck, m.key, rng.PATIENCE, 1)
                cause = losing.drawn_cause(u, shares, posting.CONTACT)
                posting.post_loss(m, r, cause, True, shares, today, books)
    if r.urge_rate > 0.0:
        r.urge -= days * float(r.urge_rate)
    r.trust = trust.trust_after(r.trust, tier.resting_trust(r, desk.perks[0], q.tier), days, q.trust)
    if r.sign_habit > 0.0:
        habit = np.float64(r.sign_habit) * exp(-days / q.signing.memory)
        r.sign_habit = habit if habit > AT_REST else 0.0
    if r.met == 1:
        r.fatigue *= exp(-days / q.fatigue.memory)
        fresh = exp(-days / q.novelty.memory)
        for form in range(len(FORMATS)):
            r.staleness[form] *= fresh
        r.habit *= exp(-days / q.opening.habit_memory)
        sated = exp(-days / q.trust.saturation_memory)
        for kind in range(trust.VALUES):
            r.value_opens[kind] *= sated
    if r.reference_price != 1.0:
        r.reference_price += (1.0 - r.reference_price) * (1.0 - exp(-q.pricing.forgetting * days))
        if abs(r.reference_price - 1.0) < AT_REST:
            r.reference_price = 1.0
    if r.debt > 0.0:
        run = today.clock[today.at] - today.clock[today.at - int(days)]
        r.debt = max(r.debt - run * m.purchase_rate * r.pace, 0.0)
    temperament.needs_change(r, today.luck, m.key, float(today.day), desk.ops[0], q.temperament)
    for k in range(WALLET):
        if r.offer[k] != NO_OFFER and r.offer_until[k] < today.day:
            posting.post_offer(m, r.offer[k], 2, r.offer_cents[k], today, books)
            r.offer[k] = NO_OFFER


@rule
def think_of_leaving(m: Any, r: Any, today: Any, q: Any, books: Any) -> None:
    """When he has borne enough, he mutes, blocks or leaves."""
    if r.patience > 0.0 or r.permission != permission.REACHABLE:
        return
    _, u = rng.two_uniforms(today.luck, m.key, rng.PATIENCE, 0)
    if u < q.permission.leave_share:
        r.permission = permission.GONE
    elif u < q.permission.leave_share + q.permission.mute_share:
        r.permission = permission.MUTED
    else:
        r.permission = permission.BLOCKED
    posting.post_opt_out(m, r, r.permission, today, books)
    if r.group >= 0 and r.permission != permission.MUTED:
        posting.post_group_left(m, r, today, books)
    if r.permission == permission.GONE:
        empty_wallet(m, r, today, books)
        m.listed = 0
        m.attached = 0
        m.order_at = NEVER
        m.drift_at = NEVER
        r.visit_at = NEVER


@rule
def empty_wallet(m: Any, r: Any, today: Any, books: Any) -> None:
    """Whoever is no longer a member loses his offers and his points, and whom he brought are without him."""
    lose_points(m, r, today, books)
    if r.brought > 0:
        posting.post_news(r, posting.DEPARTED, 0, 0, books)
    for k in range(WALLET):
        if r.offer[k] != NO_OFFER:
            posting.post_offer(m, r.offer[k], 2, r.offer_cents[k], today, books)
            r.offer[k] = NO_OFFER


@rule
def strike_off(m: Any, r: Any, today: Any, books: Any) -> None:
    """The operator strikes him off the list."""
    posting.post_removal(m, today, books)
    empty_wallet(m, r, today, books)
    posting.post_relation_end(m, r, today, books)
    m.listed = 0
    m.attached = 0
    m.order_at = NEVER
    m.drift_at = NEVER
    r.visit_at = NEVER


@rule
def take_part(m: Any, r: Any, today: Any, desk: Any, q: Any, books: Any) -> None:
    """A day in his community group, as he finds it from yesterday: he gains by the life in it, speaks, or goes."""
    group = desk.groups[r.group]
    posting.post_group(r, posting.PRESENT, books)
    if m.attached == 0 or r.permission != permission.REACHABLE:
        return
    life = gathering.catches(group.activity, group.adverts, q.gathering)
    says, goes = rng.two_uniforms(today.luck, m.key, rng.GROUP_DAY, today.day)
    if goes < gathering.leave_hazard(life, group.adverts, q.gathering):
        posting.post_group_left(m, r, today, books)
        return
    posting.post_group(r, posting.LIVING, books)
    gathering.trust_gathered(r, life, group.care, q.gathering)
    if says < gathering.speak_probability(r, life, q.gathering):
        post_response(m, posting.POSTS, 1, today, books)
        posting.post_group(r, posting.GROUP_POSTS, books)
        earn(m, r, desk.perks[0].speak, today, books)
        posting.post_sign_of_life(r, today, books)
        own = q.gathering.hawks * (1.0 - group.kept_out)
        if rng.uniform(today.luck, m.key, rng.GROUP_HAWK, today.day) < own:
            posting.post_group(r, posting.HAWKED, books)


@rule
def keep_account(m: Any, r: Any, today: Any, desk: Any, q: Any, books: Any) -> None:
    """His tier and his points as they stand today: he enters the ladder or falls a rung, and points end."""
    perks = desk.perks[0]
    if r.points > 0 and (perks.points == 0.0 or perks.expires > 0.0):
        lose_points(m, r, today, books)
    if perks.tiers == 0.0:
        if r.tier > 0:  # the ladder has been taken away
            fall_to(m, r, 0, today, q, books)
        r.tier_until = 0
        return
    if r.tier_until == 0:
        # his past is known as a sum, so that it counts as if it had been even
        spent = tier.even_spend(float(m.spend), float(m.last_order - m.joined), perks.spend_memory)
        r.tier_spend = spending.cents(min(spent, MOST_SPENT))
        r.tier_until = NEVER
        climb(m, r, today, perks, books)
    elif r.tier > 0 and today.day >= r.tier_until:
        fall_to(m, r, min(tier.rung_reached(spent_of_late(m, r, today, perks), perks), r.tier - 1), today, q, books)
        set_review(m, r, today, perks)
    if perks.treat[r.tier] > 0.0:
        r.trust = tier.delighted(r.trust, perks.treat[r.tier], perks.treat_every, q.tier)
        post_response(m, posting.BENEFIT_COST, spending.cents(perks.treat[r.tier]), today, books)


MOST_SPENT = 2e9
"""No more cents than these are counted for a tier."""


@rule
def spent_of_late(m: Any, r: Any, today: Any, perks: Any) -> float:
    """What he has spent of late, in cents, as the ladder counts it today."""
    return float(r.tier_spend) * exp(-float(today.day - m.last_order) / perks.spend_memory)


@rule
def climb(m: Any, r: Any, today: Any, perks: Any, books: Any) -> None:
    """He rises to the rung that his spending reaches, if it is higher than his."""
    reached = tier.rung_reached(spent_of_late(m, r, today, perks), perks)
    if reached > r.tier:
        posting.post_ladder(r, reached, today, books)
        r.tier = reached
        r.met = 1
        post_response(m, posting.PROMOTED, 1, today, books)
    set_review(m, r, today, perks)


@rule
def set_review(m: Any, r: Any, today: Any, perks: Any) -> None:
    """He keeps his tier until the first review after his spending has faded below its rung and the grace is over."""
    if r.tier == 0 or perks.rung[r.tier] <= 0.0:
        r.tier_until = NEVER
        return
    spent = spent_of_late(m, r, today, perks)
    if spent >= perks.rung[r.tier]:
        lasts = perks.spend_memory * log(spent / perks.rung[r.tier]) + perks.grace
        r.tier_until = int(perks.review) * (1 + int((today.day + lasts) / perks.review))


@rule
def fall_to(m: Any, r: Any, lower: int, today: Any, q: Any, books: Any) -> None:
    """He falls to a lower tier, and takes it ill."""
    posting.post_ladder(r, lower, today, books)
    r.tier = lower
    trust.lose_trust(r, q.tier.fall * r.trust, trust.DISAPPOINTED)
    post_response(m, posting.DEMOTED, 1, today, books)


@rule
def lose_points(m: Any, r: Any, today: Any, books: Any) -> None:
    """All his points end unused."""
    if r.points > 0:
        post_response(m, posting.POINTS_EXPIRED, r.points, today, books)
        r.points = 0


@rule
def earn(m: Any, r: Any, points: float, today: Any, books: Any) -> None:
    """Points for something that he did."""
    some = int(points)
    if some > 0:
        r.points += some
        r.met = 1
        post_response(m, posting.POINTS_EARNED, some, today, books)


@rule
def sign_in(m: Any, r: Any, today: Any, desk: Any, q: Any, books: Any) -> None:
    """On the first visit of a day he may sign in for points: the more often, the more offers mean to him."""
    perks = desk.perks[0]
    if perks.signin == 0.0:
        return
    chance = signing.sign_chance(np.float64(r.sign_habit), pricing.taste(r, q.pricing), perks, q.signing)
    if rng.uniform(today.luck, m.key, rng.SIGN_IN, today.day) < chance:
        post_response(m, posting.SIGNINS, 1, today, books)
        earn(m, r, perks.signin * (perks.event_points if perks.event > 0.0 else 1.0), today, books)
        r.sign_habit += q.signing.gain * (1.0 - np.float64(r.sign_habit))


@rule
def think_of_member_day(m: Any, r: Any, today: Any, desk: Any, p: Any, q: Any, books: Any) -> None:
    """Some think of the member day, and it draws their next order forward."""
    push = push_of_the_day(m, r, today, desk, q)
    if push < 0.0:
        return
    r.met = 1
    pricing.price_seen(r, 1.0 - desk.perks[0].event_off, q.pricing)
    drawn(m, r, push, today, desk, p, q, books)


@rule
def push_of_the_day(m: Any, r: Any, today: Any, desk: Any, q: Any) -> float:
    """How far before its time (in mean gaps) the member day can draw his next order; -1 where he thinks of none."""
    off = desk.perks[0].event_off
    if m.attached == 0 or off <= 0.0:
        return -1.0
    notices, strength = rng.two_uniforms(today.luck, m.key, rng.MEMBER_DAY, today.day)
    return pricing.offer_push(r, off, strength, q.pricing) if notices < q.occasion.notices else -1.0


@rule
def wishes(m: Any, r: Any, today: Any, desk: Any, q: Any) -> bool:
    """Whether he wakes up on a member day meaning to order: his own order is due, or the day draws it."""
    if m.listed == 0 or m.attached == 0:
        return False
    if m.order_at < clock_tonight(m, today):
        return True
    return until_order(m, r, today) <= push_of_the_day(m, r, today, desk, q)


@rule
def until_order(m: Any, r: Any, today: Any) -> float:
    """How far off his next order is this morning, in mean gaps."""
    return (m.order_at - today.clock[today.at]) * m.purchase_rate * r.pace


@rule
def finds(m: Any, r: Any, why: int, today: Any, desk: Any, q: Any, books: Any) -> int:
    """What he finds when he comes to order: where today's goods have run out, he may go home without, aggrieved.

    Whoever comes again is due tomorrow; a whim does not last so long.
    """
    found = stockout.comes_of(today.luck, m.key, today.day, desk.perks[0].sold_out, q.stockout)
    if found == stockout.SERVED:
        return found
    post_response(m, posting.STOCKOUTS, 1, today, books)
    if found != stockout.SUBSTITUTES:
        r.met = 1
        trust.lose_trust(r, q.stockout.grievance * r.trust, trust.SOLD_OUT)
        satisfaction.satisfied(r, 0, q.satisfaction)
        if found == stockout.ELSEWHERE or why == IMPULSE:
            post_response(m, posting.SALES_LOST, 1, today, books)
        else:
            m.order_at = today.clock[today.at + 1]
    return found


@rule
def waits(m: Any, r: Any, today: Any, desk: Any, q: Any) -> bool:
    """Whether he waits with an order for the member day; he is asked each day until he places it."""
    if desk.perks[0].event_every == 0.0:
        return False
    taste = pricing.taste(r, q.pricing)
    return occasion.puts_off(today.luck, m.key, m.orders, today.day, taste, desk.perks[0], q.occasion)


@rule
def member_price(m: Any, r: Any, desk: Any, p: Any, q: Any) -> float:
    """The price, as a share of list price, that his tier and points give him on his usual order, coupons apart."""
    perks = desk.perks[0]
    price = 1.0 - perks.price_off[r.tier]
    if r.points > 0:
        usual = wallet.usual_cents(m, p.spending.median_order)
        price -= signing.batches(r.points, usual, perks, q.signing) * perks.worth / usual
    return price


@rule
def recall(r: Any, touch: Any, desk: Any) -> None:
    """Messages that were meant for one who left before they came are not sent."""
    for n in range(desk.sends.shape[0]):
        if (touch >> np.uint64(n)) & np.uint64(1):
            r.messages -= 1
            if desk.sends[n].kind == BENEFIT:
                r.sold -= 1


@rule
def receive(m: Any, r: Any, send: Any, today: Any, desk: Any, p: Any, q: Any, books: Any) -> None:
    """One message reaches him: he opens it or not, tires, learns, visits, buys, comes back."""
    post_response(m, posting.SENT + send.kind, 1, today, books)
    post_response(m, posting.MESSAGE_COST, spending.cents(send.cost), today, books)
    post_response(m, posting.LABOUR_COST, spending.cents(send.labour), today, books)
    post_segment(r, posting.SEGMENT_MESSAGES, 1, today, books)
    r.met = 1
    inside = send.grouped == 1 and r.group >= 0
    if inside and send.kind == BENEFIT:
        posting.post_group(r, posting.ADVERTS, books)
    place = take_offer(m, r, send, today, desk, p, books)
    if r.permission != permission.REACHABLE:
        return
    r.last_message = today.day
    topic = send.topic
    addressed = 0
    if send.personal == 1 and r.tag >= 0:
        topic, addressed = r.tag, 1
    elif send.diagnosed == 1 and r.diagnosed >= 0:
        topic, addressed = r.diagnosed, 1
    hour = opening.sent_at(r, send)
    match = opening.matched(topic, r.need, q.opening)
    hour_match = opening.hour_matched(hour, r.hour, q.opening)
    load = fatigue.load(r, float(today.day - m.last_order), q.fatigue)
    post_response(m, posting.FATIGUE, int(1000.0 * min(load, 1e6)), today, books)
    index = today.day * SLOTS + send.slot
    opens, follows = rng.two_uniforms(today.luck, m.key, rng.OPENING, index)
    chance = opening.open_probability(r, send, match, hour_match, load, m.attached, q.opening)
    tiring = fatigue.weight(send.kind, match, hour_match, q.fatigue)
    if inside:  # what is said to all is heard by those who look in, and tires less
        chance *= gathering.sees(desk.groups[r.group].activity, q.gathering)
        tiring *= q.gathering.tires
    r.fatigue += tiring
    novelty.wear(r, send.form, send.again, q.novelty)
    if opens >= chance:
        trust.trust_worn(r, tiring, fatigue.weariness(load), q.trust)
        return
    post_response(m, posting.OPENED + send.kind, 1, today, books)
    post_segment(r, posting.SEGMENT_OPENS, 1, today, books)
    posting.post_sign_of_life(r, today, books)
    r.opens += 1
    r.last_open = today.day
    r.habit += q.opening.habit_gain * (1.0 - r.habit)
    if inside and send.kind != BENEFIT:
        posting.post_group(r, posting.GROUP_OPENED, books)
    wants, answers = rng.two_uniforms(today.luck, m.key, rng.PULL, index)
    if answers < opening.interact_probability(r, send.kind, match, q.opening):
        post_response(m, posting.INTERACTIONS, 1, today, books)
        earn(m, r, desk.perks[0].speak, today, books)
    depth = 0.0
    if place >= 0:
        r.offer_known[place] = 1
    price = wallet.price_held(m, r, desk.offers, p.spending.median_order)
    if place >= 0:
        depth = 1.0 - price
        pricing.price_seen(r, price, q.pricing)
        if desk.offers[r.offer[place]].kind == SAMPLE:
            depth += q.pricing.sample_pull
            use_sample(m, r, place, today, q, books)
    if send.ask == 1:
        answering.answer(r, today.luck, m.key, q.answering)
    come, back = rng.two_uniforms(today.luck, m.key, rng.COUPON, index)
    if m.attached == 1 and depth > 0.0:
        drawn(m, r, pricing.offer_push(r, depth, come, q.pricing), today, desk, p, q, books)
    if follows < opening.visit_probability(match, q.opening):
        post_response(m, posting.MESSAGE_VISITS, 1, today, books)
        if m.attached == 1:
            cheap = pricing.price_factor(r, price * member_price(m, r, desk, p, q), q.pricing)
            tempted = wants < visiting.impulse_probability(r, send.pull * match, cheap, q.visiting)
            if tempted and finds(m, r, IMPULSE, today, desk, q, books) <= stockout.SUBSTITUTES:
                order(m, r, IMPULSE, today, desk, p, q, books)
                r.debt += q.visiting.borrowed
                m.order_at += q.visiting.borrowed / (m.purchase_rate * r.pace)
    if r.paused == 1 and back < returning.call_probability(
        r, match, send.pull, depth * pricing.taste(r, q.pricing), float(today.day - m.last_order), q.returning
    ):
        come_back(m, r, today, p, books)
    open_mind = trust.openness(float(today.day - m.joined), q.trust)
    trust.trust_learnt(r, send.kind, match, addressed, open_mind, fatigue.weariness(load), q.trust)


@rule
def take_offer(m: Any, r: Any, send: Any, today: Any, desk: Any, p: Any, books: Any) -> int:
    """The offer that came with a message goes into his wallet; returns its place, -1 where there is none."""
    if send.offer == NO_OFFER:
        return -1
    place = wallet.holds(r, send.offer)
    return place if place >= 0 else give_offer(m, r, send.offer, 0, today, desk, books)


@rule
def give_offer(m: Any, r: Any, number: int, known: int, today: Any, desk: Any, books: Any) -> int:
    """He gets an offer, and knows of it or not yet; returns its place in his wallet, -1 where that is full."""
    place = wallet.free_place(r)
    if place < 0:
        return -1
    offer = desk.offers[number]
    r.offer[place] = number
    r.offer_until[place] = today.day + offer.life - 1
    r.offer_cents[place] = wallet.face_value(offer, m.spend)
    r.offer_known[place] = known
    posting.post_offer(m, number, 0, r.offer_cents[place], today, books)
    return place


@rule
def use_earned(m: Any, r: Any, today: Any, desk: Any, p: Any, q: Any, books: Any) -> None:
    """Coupons that he earned yesterday were what he wanted: they draw his next order, or him back."""
    r.earned = 0
    price = wallet.price_held(m, r, desk.offers, p.spending.median_order)
    come, back = rng.two_uniforms(today.luck, m.key, rng.EARNED, int(r.brought))
    if m.attached == 1 and price < 1.0:
        drawn(m, r, pricing.offer_push(r, 1.0 - price, come, q.pricing), today, desk, p, q, books)
    elif r.paused == 1 and back < returning.call_probability(
        r, 1.0, 1.0, (1.0 - price) * pricing.taste(r, q.pricing), float(today.day - m.last_order), q.returning
    ):
        come_back(m, r, today, p, books)


@rule
def use_sample(m: Any, r: Any, place: int, today: Any, q: Any, books: Any) -> None:
    """He asks for the sample, gets it, and learns that the operator gives before it takes."""
    posting.post_offer(m, r.offer[place], 1, r.offer_cents[place], today, books)
    post_response(m, posting.SAMPLES, r.offer_cents[place], today, books)
    r.offer[place] = NO_OFFER
    r.trust += q.trust.care * r.fit * (1.0 - r.trust)


@rule
def drawn(m: Any, r: Any, push: float, today: Any, desk: Any, p: Any, q: Any, books: Any) -> None:
    """An offer draws his next order forward, if it was near enough; part of what was drawn is missing later."""
    missing = until_order(m, r, today)
    if 0.0 < missing <= push:
        found = finds(m, r, DRAWN, today, desk, q, books)
        if found == stockout.LATER:
            return
        if found != stockout.ELSEWHERE:
            order(m, r, DRAWN, today, desk, p, q, books)
        gap = buying.gap(today.luck, m.key, gap_number(m, r), p.buying)
        m.order_at = today.clock[today.at] + (gap + q.pricing.pull_debt * missing) / (m.purchase_rate * r.pace)


@rule
def visit(m: Any, r: Any, today: Any, q: Any, books: Any) -> None:
    """He looks in of his own accord."""
    post_response(m, posting.OWN_VISITS, 1, today, books)
    posting.post_sign_of_life(r, today, books)
    r.visits += 1
    hazard = q.visiting.visits_per_order * m.purchase_rate * r.pace * np.float64(r.visit_pace)
    if r.guarded == 1:
        hazard *= q.joining.company
    r.visit_at += visiting.visit_gap(today.luck, m.key, r.visits, hazard)


ATTRIBUTION = 7
"""Days after an opened message within which last-touch attribution credits it with an order, caused by it or not."""


@rule
def order(m: Any, r: Any, why: int, today: Any, desk: Any, p: Any, q: Any, books: Any) -> None:
    """He orders, at list price or with the best offer that he knows of, and is satisfied or not."""
    ops = desk.ops[0]
    at = m.orders
    kind = goods.ORDINARY
    if r.permission == permission.REACHABLE:
        kind = goods.which_goods(today.luck, m.key, at, ops.exclusive, ops.clearance)
    value = spending.order_value(today.luck, m.key, at, m.usual_value, p.spending)
    listed = value
    if kind == goods.CLEARANCE:
        value = spending.cents(q.goods.clearance_price * value)
    elif kind == goods.EXCLUSIVE:
        value = spending.cents(q.goods.exclusive_value * value)
        listed = value
    outcome, found = rng.two_uniforms(today.luck, m.key, rng.EXPERIENCE, at)
    perks = desk.perks[0]
    # what his tier and the day take off comes first, coupons off what is left
    cut = 1.0 - (1.0 - perks.price_off[r.tier]) * (1.0 - perks.event * perks.event_off)
    own = spending.cents(cut * value) if cut > 0.0 else 0
    off = redeem(m, r, value - own, found < q.pricing.found, today, desk, q, books)
    if off < 0:  # he filled his basket up to a threshold
        listed += -off - 1
        value += -off - 1
        off = redeem(m, r, value - own, found < q.pricing.found, today, desk, q, books)
    if off > 0:
        post_response(m, posting.COUPON_ORDERS, 1, today, books)
    off += own
    bought = pay_with_points(m, r, value - off, perks, today, q, books)
    since = float(today.day - m.last_order)
    post_response(m, posting.LIST, listed, today, books)
    post_response(m, posting.DISCOUNT, off, today, books)
    post_response(m, posting.MARKDOWN, listed - value, today, books)
    post_response(m, posting.GOODS, spending.cents((1.0 - ops.margin) * listed), today, books)
    if why == IMPULSE:
        post_response(m, posting.IMPULSE_ORDERS, 1, today, books)
        r.impulses += 1
    post_segment(r, posting.SEGMENT_ORDERS, 1, today, books)
    post_segment(r, posting.SEGMENT_REVENUE, value - off, today, books)
    post_segment(r, posting.SEGMENT_LIST, listed, today, books)
    if today.day - r.last_open <= ATTRIBUTION:
        post_response(m, posting.ATTRIBUTED, value - off, today, books)
        post_response(m, posting.ATTRIBUTED_ORDERS, 1, today, books)
    posting.post_sign_of_life(r, today, books)
    place_order(m, value - off, today, books)
    if perks.tiers > 0.0:
        spent = float(r.tier_spend) * exp(-since / perks.spend_memory) + (value - off)
        r.tier_spend = spending.cents(min(spent, MOST_SPENT))
        climb(m, r, today, perks, books)
    if perks.points > 0.0:
        times = perks.event_points if perks.event > 0.0 else 1.0
        earn(m, r, perks.per_yuan * times * (value - off) / 100.0, today, books)
    if kind != goods.ORDINARY or own > 0:
        r.met = 1
    if r.met == 0:
        return
    if listed > 0:
        pricing.price_paid(r, (value - off - bought) / listed, q.pricing)
    spoilt = q.goods.clearance_disappoints if kind == goods.CLEARANCE else 0.0
    went = satisfaction.order_went(
        outcome,
        spoilt + q.satisfaction.quality * (1.0 - ops.mended_quality),
        q.satisfaction.service * (1.0 - ops.mended_service),
        q.satisfaction.logistics * (1.0 - ops.mended_logistics),
    )
    well = 1 if went < 0 else 0
    satisfaction.satisfied(r, well, q.satisfaction)
    trust.trust_from_order(r, well, q.trust)
    if kind == goods.EXCLUSIVE:
        r.trust += q.goods.exclusive_trust * (1.0 - r.trust)
    if ops.sharing == 1.0 and well == 1:
        show(m, r, today, desk, q, books)


@rule
def pay_with_points(m: Any, r: Any, value: int, perks: Any, today: Any, q: Any, books: Any) -> int:
    """He redeems whole batches of points with an order; returns the cents that they buy, beside what he pays."""
    if r.points <= 0:
        return 0
    some = signing.batches(r.points, float(value), perks, q.signing)
    if some <= 0:
        return 0
    bought = spending.cents(some * perks.worth)
    r.points -= some * int(perks.batch)
    post_response(m, posting.POINTS_REDEEMED, some * int(perks.batch), today, books)
    post_response(m, posting.POINTS_COST, bought, today, books)
    return bought


@rule
def redeem(m: Any, r: Any, value: int, finds: bool, today: Any, desk: Any, q: Any, books: Any) -> int:
    """Use the best offer that he knows of, or finds, and all stackable ones beside it; returns the cents taken off.

    Where a basket a little larger would reach a threshold and nothing else helps, nothing is used and the answer is
    -1 - (the cents that are missing).
    """
    best, most, short = -1, 0, -1
    for k in range(WALLET):
        if r.offer[k] == NO_OFFER or not (r.offer_known[k] == 1 or finds):
            continue
        offer = desk.offers[r.offer[k]]
        off = wallet.discount(offer, r.offer_cents[k], value, m.orders)
        if off > most:
            best, most = k, off
        if offer.kind == THRESHOLD and value < offer.least and value >= q.pricing.tops_up * offer.least:
            missing = spending.cents(offer.least) - value
            short = missing if short < 0 else min(short, missing)
    if best < 0:
        return -1 - short if short > 0 else 0
    posting.post_offer(m, r.offer[best], 1, r.offer_cents[best], today, books)
    posting.post_winning(m, desk.offers[r.offer[best]].wins, most, today, books)
    r.offer[best] = NO_OFFER
    total = most
    for k in range(WALLET):
        if r.offer[k] == NO_OFFER or not (r.offer_known[k] == 1 or finds):
            continue
        offer = desk.offers[r.offer[k]]
        off = min(wallet.discount(offer, r.offer_cents[k], value, m.orders), value - total)
        if offer.stackable == 1 and off > 0:
            total += off
            posting.post_offer(m, r.offer[k], 1, r.offer_cents[k], today, books)
            posting.post_winning(m, offer.wins, off, today, books)
            r.offer[k] = NO_OFFER
    return total


@rule
def lapse(m: Any, r: Any, today: Any, desk: Any, q: Any, books: Any) -> None:
    """He drifts away for a cause; unless his need has gone, he is within reach and may come back."""
    ops = desk.ops[0]
    cause = returning.NEED_GONE
    if r.wants == 1:
        cause = returning.cause_of_drift(
            today.luck, m.key, r.lapses, ops.mended_quality, ops.mended_service, ops.mended_logistics, q.returning
        )
    shares = losing.shares_of_drifting(
        m, r, today.day, ops.mended_quality, ops.mended_service, ops.mended_logistics, q
    )
    _, u = rng.two_uniforms(today.luck, m.key, rng.LEAVING_CAUSE, r.lapses)
    posting.post_loss(m, r, losing.drawn_cause(u, shares, cause), False, shares, today, books)
    drift_away(m, today, books)
    if r.brought > 0:
        posting.post_news(r, posting.DEPARTED, 0, 0, books)
    post_response(m, posting.DRIFT_CAUSE + cause, 1, today, books)
    post_segment(r, posting.SEGMENT_DRIFTED, 1, today, books)
    r.lapses += 1
    r.paused = 0 if cause == returning.NEED_GONE else 1
    r.visit_at = NEVER


@rule
def come_back(m: Any, r: Any, today: Any, p: Any, books: Any) -> None:
    """He takes part again: his clocks start anew tomorrow."""
    r.paused = 0
    if r.permission == permission.REACHABLE:
        r.lost_by = 0
    m.attached = 1
    r.pace = 1.0
    r.drift_pace = 1.0
    m.drift_at = today.day + 1.0 + drifting.days_attached(today.luck, m.key, r.lapses, m.drift_hazard)
    gap = buying.gap(today.luck, m.key, gap_number(m, r), p.buying)
    m.order_at = today.clock[today.at + 1] + gap / m.purchase_rate
    r.visit_at = today.day + 1.0
    posting.post_return(m, r, today, books)


@rule
def urges(m: Any, r: Any, today: Any, desk: Any, q: Any) -> Any:
    """Why he would invite, as hazards: out of liking, for the scheme, as an advocate."""
    ops, unasked, asked, advocate = desk.ops[0], 0.0, 0.0, 0.0
    if ops.closed == 1.0 or r.invites > MOST_INVITED:
        return unasked, asked, advocate
    if m.attached == 1:
        unasked = inviting.spoken_of(r, q.inviting)
    if ops.refer == 1.0 and (m.attached == 1 or r.hunter == 1) and r.permission == permission.REACHABLE:
        young = ops.refer_window == 0.0 or today.day - m.joined < ops.refer_window
        if young and r.tier >= ops.refer_tier and (ops.refer_most == 0.0 or r.brought < ops.refer_most):
            asked = inviting.paid(r, pricing.taste(r, q.pricing), ops, q.inviting)
    if r.koc == 1 and ops.advocates == 1.0 and m.attached == 1:
        advocate = inviting.advocated(float(today.day - r.marked[MARK_ADVOCATE]), q.inviting)
    if unasked + asked + advocate > 0.0:
        social = inviting.sociality(today.luck, m.key, q.inviting)
        return social * unasked, social * asked, social * advocate
    return unasked, asked, advocate


MOST_INVITED, MOST_TOLD = 30_000, 8
"""The most persons whom one member ever invites, and how often at most on one day."""


@rule
def tell_friends(m: Any, r: Any, today: Any, desk: Any, q: Any, books: Any) -> None:
    """He has had it on his mind for long enough: he tells a friend, or as many as a reward asks for."""
    told = 0
    while r.urge <= 0.0 and told < MOST_TOLD:
        unasked, asked, advocate = urges(m, r, today, desk, q)
        total = unasked + asked + advocate
        if total <= 0.0:
            r.urge = 1.0
            return
        u = total * rng.uniform(today.luck, m.key, rng.INVITING, r.invites)
        channel, count = posting.WORD_OF_MOUTH, 1
        if u >= unasked + asked:
            channel = posting.ADVOCATE
        elif u >= unasked:
            channel = posting.REFERRAL
            if desk.ops[0].refer_one_sided == 1.0:
                count = int(desk.ops[0].refer_needed * q.inviting.insists)
        posting.post_news(r, channel, count, int(r.invites), books)
        r.invites += count
        r.urge += rng.exponential(today.luck, m.key, rng.URGE, r.invites)
        told += 1


@rule
def gather_friends(m: Any, r: Any, today: Any, desk: Any, q: Any, books: Any) -> None:
    """On the day of a group deal he may gather friends who are no members yet, to order together."""
    ops = desk.ops[0]
    if m.attached == 0 or r.permission != permission.REACHABLE or ops.closed == 1.0 or r.invites > MOST_INVITED:
        return
    social, taste = inviting.sociality(today.luck, m.key, q.inviting), pricing.taste(r, q.pricing)
    chance = inviting.gathers_probability(social, taste, ops.deal, q.inviting)
    if rng.uniform(today.luck, m.key, rng.GROUP_DEAL, today.day) < chance:
        count = int(ops.deal_needed * q.inviting.insists)
        posting.post_news(r, posting.GROUP_BUYING, count, int(r.invites), books)
        r.invites += count


@rule
def show(m: Any, r: Any, today: Any, desk: Any, q: Any, books: Any) -> None:
    """A good order is shown to others."""
    social, taste = inviting.sociality(today.luck, m.key, q.inviting), pricing.taste(r, q.pricing)
    chance = inviting.shows_probability(r, social, taste, desk.ops[0], q.inviting)
    if rng.uniform(today.luck, m.key, rng.SHOWING, m.orders) < chance:
        post_response(m, posting.SHARES, 1, today, books)
        earn(m, r, desk.perks[0].shown, today, books)
        books.responses[today.row, posting.SHARING, posting.REWARD_COST] += spending.cents(desk.ops[0].show_cents)
        posting.post_news(r, posting.SHARING, int(q.inviting.viewers), m.orders, books)


@rule
def set_pace(m: Any, r: Any, today: Any, desk: Any, p: Any, q: Any) -> None:
    """How fast his clocks run from tomorrow on: trust, price, permission and the goods shown; 1 at rest."""
    unasked, asked, advocate = urges(m, r, today, desk, q)
    r.urge_rate = unasked + asked + advocate
    if m.attached == 0:
        return
    ops = desk.ops[0]
    pace, drift = 1.0, 1.0
    if r.tier_until != 0:
        pace *= tier.pull(spent_of_late(m, r, today, desk.perks[0]), desk.perks[0], q.tier)
    if r.met == 1:
        if r.trust != r.trust_rest:
            pace *= exp(q.visiting.trust_pace * (r.trust - r.trust_rest) / TRUST_UNIT)
        price = wallet.price_held(m, r, desk.offers, p.spending.median_order) * member_price(m, r, desk, p, q)
        price *= occasion.price_expected(desk.perks[0], q.occasion)
        if price != 1.0 or r.reference_price != 1.0:
            pace *= pricing.price_factor(r, price, q.pricing)
        if r.permission == permission.BLOCKED:
            pace *= q.permission.blocked_pace
    if r.permission == permission.REACHABLE and ops.clearance > 0.0:
        pace *= goods.appeal(ops.exclusive, ops.clearance, q.goods)
    if r.wants == 0:
        pace *= q.joining.idle_pace
    pace = min(max(pace, q.visiting.slowest), q.visiting.fastest)
    if abs(pace - 1.0) < AT_REST:
        pace = 1.0
    drift = returning.drift_factor(r, ops.mended_quality, ops.mended_service, ops.mended_logistics, q.returning)
    if r.guarded == 1:
        drift *= q.joining.guard
    if abs(drift - 1.0) < AT_REST:
        drift = 1.0
    tomorrow = today.day + 1.0
    if pace != r.pace:
        now = today.clock[today.at + 1]
        m.order_at = now + (m.order_at - now) * (r.pace / pace)
        r.visit_at = tomorrow + (r.visit_at - tomorrow) * (r.pace / pace)
        r.pace = pace
    speed = signing.visit_speed(np.float64(r.sign_habit), pricing.taste(r, q.pricing), desk.perks[0], q.signing)
    before = np.float64(r.visit_pace)
    r.visit_pace = speed
    if np.float64(r.visit_pace) != before:
        r.visit_at = tomorrow + (r.visit_at - tomorrow) * (before / np.float64(r.visit_pace))
    if drift != r.drift_pace:
        m.drift_at = tomorrow + (m.drift_at - tomorrow) * (r.drift_pace / drift)
        r.drift_pace = drift


@rule
def meet(m: Any, r: Any, segment: int, today: Any, market: Any, p: Any, q: Any) -> None:
    """What a person is to the operator before the first word: his temperament, at rest, unknown."""
    stays = drifting.staying_score(m.drift_hazard, p.drifting)
    place = network.place_of(m.key, r.own_row, market.founders)
    temperament.meet_temperament(r, today.luck, m.key, place, today.day, stays, market, q.temperament)
    r.trust_rest = trust.resting_trust(r.fit, q.trust)
    r.trust = r.trust_rest
    r.satisfaction = q.satisfaction.rest_low + q.satisfaction.rest_fit * r.fit
    r.reference_price = 1.0
    r.pace = 1.0
    r.visit_pace = 1.0
    r.drift_pace = 1.0
    r.patience = rng.exponential(today.luck, m.key, rng.PATIENCE, 0)
    r.urge = rng.exponential(today.luck, m.key, rng.URGE, 0)
    r.known_hour = -1.0
    r.known_tolerance = -1.0
    r.tag = -1
    r.diagnosed = -1
    r.seen = today.day
    r.sent_upto = today.day
    r.sent_in = -1
    r.last_message = -NEVER
    r.last_open = -NEVER
    r.last_active = m.last_order
    r.orders_before = m.orders
    r.segment = segment
    r.group = -1
    for k in range(WALLET):
        r.offer[k] = NO_OFFER
    for k in range(r.marked.shape[0]):
        r.marked[k] = -NEVER
    if m.attached == 1:
        hazard = q.visiting.visits_per_order * m.purchase_rate
        r.visit_at = NEVER if hazard <= 0.0 else today.day + 1.0 + visiting.visit_gap(today.luck, m.key, 0, hazard)
    else:
        # whoever drifted away before the operator began did so for a cause as well
        cause = returning.cause_of_drift(today.luck, m.key, 0, 0.0, 0.0, 0.0, q.returning)
        r.paused = 0 if cause == returning.NEED_GONE else 1
        r.lost_by = 1 + cause
        r.lapses = 1
        r.visit_at = NEVER


@rule
def next_operated_day(m: Any, r: Any, today: Any, q: Any) -> int:
    """The first day after today on which he must be asked: as in the base life, or a visit, or an offer's end.

    Whoever is not at rest is looked at again within a week, so that his clocks keep pace with him.
    """
    if m.listed == 0:
        return NEVER
    if r.group >= 0:  # a group is there every day
        return today.day + 1
    day = NEVER
    if m.drift_at < NEVER:
        day = math.floor(m.drift_at)
    if r.visit_at < NEVER:
        day = min(day, math.floor(r.visit_at))
    for k in range(WALLET):
        if r.offer[k] != NO_OFFER:
            day = min(day, r.offer_until[k] + 1)
    if r.urge_rate > 0.0:
        day = min(day, today.day + 1 + math.floor(min(max(r.urge, 0.0) / float(r.urge_rate), 1e6)))
    heard = today.day - r.last_message < q.permission.heard and r.permission == permission.REACHABLE
    if r.tier > 0:
        day = min(day, r.tier_until)
    paced = r.pace != 1.0 or r.drift_pace != 1.0
    restless = m.attached == 1 and (paced or r.tier > 0 or r.visit_pace != 1.0)
    tempted = r.urge_rate > 0.0 and paced  # the speeds of one who has drifted away are nobody's concern otherwise
    if restless or tempted or heard:
        day = min(day, today.day + LOOK_AGAIN)
    return order_day(m, today, max(day, today.day + 1))
