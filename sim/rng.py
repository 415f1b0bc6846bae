"""Luck is a function, not a stream.

Every draw is a pure function of (seed, replication, entity key, decision, index): Philox4x32-10 (Salmon et
al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11) with the seed and the replication in its key
and the rest in its counter. There is no state: nobody's luck depends on who else lives, in which order, on
how many threads, or under which strategy.

The index is the day for a decision taken each day, and the ordinal of the event for one that recurs by count
(the n-th purchase gap), so that a lever that shifts events in time does not shuffle anybody's luck.
"""

import math

import numpy as np

from sim.jit import rule
from sim.numbers import exp, log, normal_quantile

# -- named decisions: one number each, never reused -----------------------------------------------------------
PURCHASE_RATE = 1  # a person's long-run purchase rate
DRIFT_HAZARD = 2  # a person's hazard of drifting away
SPEND_LEVEL = 3  # a person's usual order value
PURCHASE_GAP = 4  # index: ordinal of the order
DRIFT_TIME = 5  # the length of a membership, in units of its mean
ORDER_VALUE = 6  # index: ordinal of the order; a second uniform tells whether it is free
ARRIVAL_GAP = 7  # the market; index: ordinal of the newcomer
STILL_MEMBER = 8  # of an observed member: did he drift away before the log ends?
WEEK_SHOCK = 9  # the market; index: week
PARAMETER = 10  # the world; index: which parameter
FOUNDER_AGE = 11  # how long ago a founder joined
JOINING_LEVEL = 12  # the world: how many newcomers a day, given the log
FIRST_GAP = 13  # of an observed member: the rest of the gap that is open when the log ends

RESAMPLE = 14  # of a bootstrap; key: place, index: resample

TEMPERAMENT = 15  # index: which trait
OPENING = 16  # index: day and slot of the message; opening, and visiting after it
PULL = 17  # index: day and slot; buying on impulse, and interacting
COUPON = 18  # index: day and slot; how strongly an offer pulls, and whether a sleeper comes back
VISIT_GAP = 19  # index: ordinal of the visit
PATIENCE = 20  # index: 0; how much he bears before he opts out, and in which way he does
LEAVING_CAUSE = 21  # index: ordinal of drifting away; why
EXPERIENCE = 22  # index: ordinal of the order; whether it went well, and whether he finds his unread coupons
NEED_CHANGE = 23  # index: ordinal of the change; when, and to what
TAGGING = 24  # index: ordinal of the need; whether the operator misreads it, and as what
SURVEY = 25  # index: which question; what he answers
AUDIENCE = 26  # index: journey; whether he is in the drawn share of its audience, or within the tags' coverage
CUT = 27  # index: day and slot; who is left out where a budget binds
GATE = 28  # whether he passes the gate at the entrance
GOODS = 29  # index: ordinal of the order; which goods it was
SEATING = 30  # the market; index: layer, turn and line of the shuffle; who sits beside whom
CONTACT = 31  # index: layer, where his round of a circle begins; 3 + number, whom he thinks of in a large one
JOINING = 32  # how much persuasion a person bears before he joins
URGE = 33  # index: persons invited so far; how much hazard of inviting he bears before the next
INVITING = 34  # index: persons invited so far; for which reason he invites
TOLD = 35  # index: which of those whom he tells as an advocate or shows an order; who that is
APPROACH = 36  # of an inviter or channel; index: ordinal; which approach of a day comes first
CHANNEL_PRICE = 37  # a channel; index: week
SHOWING = 38  # index: ordinal of the order; whether he shows it
CHOOSING = 39  # index: month; who becomes an advocate where anybody may
ALIKE = 40  # a circle; index: which trait; what its people have in common
EARNED = 41  # index: members brought so far; whether an earned coupon draws an order, or him back
MEMBER_DAY = 42  # index: day; whether he thinks of the member day, and how strongly it pulls
PUT_OFF = 43  # index: ordinal of the order; whether he puts it off until the member day
SIGN_IN = 44  # index: day; whether he signs in when he visits
GROUP_ASKED = 45  # index: level and day on which he was asked into a group; whether he comes
GROUP_DAY = 46  # index: day; whether he posts in his group, and whether he leaves it
GROUP_HAWK = 47  # index: day; whether his post is an advert of his own
GROUP_DEAL = 48  # index: day; whether he gathers friends for a group deal
BRIDGE_ORDER = 49  # of a study; key: pair of orders, index: lever; in which order levers are switched
POINT_SEED = 50  # of a study; key: a point's content; the seed of a point with luck of its own
DESIGN_SEED = 51  # of a study; the seed with which a design is drawn
SEARCH_SEED = 52  # of a search for plans; key: round or world, index: what for; seeds of samplers and of fresh luck
RELABEL = 53  # of a study; key: a drawn world, index: which relabelling; what an unknown shows that means nothing
SOLD_OUT = 54  # index: day; whether he comes too late for the day's goods, and what he does then

MARKET_KEY = np.uint64(0x4D41524B4554)
"""The entity key of the market itself, in decisions that only the market takes."""

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_12 = np.uint64(12)
_52_BITS = 1.0 / 4503599627370496.0  # 2^-52


@rule
def philox(c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64):
    """Ten rounds of Philox4x32 on four counter words and two key words (each uint64 holding 32 bits).

    Returns two uint64, each made of two of the four output words (first word in the low half).
    """
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _32) ^ c1 ^ k0
        c1 = p1 & _LOW
        c2 = (p0 >> _32) ^ c3 ^ k1
        c3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0 | (c1 << _32), c2 | (c3 << _32)


@rule
def stream(seed: int, replication: int) -> np.uint64:
    """The key of one replication: the seed and the replication are mixed before they meet anything else."""
    s = np.uint64(seed)
    first, _ = philox(
        s & _LOW,
        s >> _32,
        np.uint64(replication),
        np.uint64(0x6D656D62),
        np.uint64(0x65727369),
        np.uint64(0x6D),
    )
    return first


@rule
def bits(luck: np.uint64, key: np.uint64, decision: int, index: int):
    """128 random bits, as two uint64, of one decision of one entity.

    `luck` is the replication's `stream`, `key` the entity's key, `index` an integer >= 0 below 2^32.
    """
    return philox(key & _LOW, key >> _32, np.uint64(index) & _LOW, np.uint64(decision), luck & _LOW, luck >> _32)


@rule
def unit(word: np.uint64) -> float:
    """A number in the open interval (0, 1) from the top 52 bits of a word; never 0 or 1."""
    return (float(np.int64(word >> _12)) + 0.5) * _52_BITS


@rule
def uniform(luck: np.uint64, key: np.uint64, decision: int, index: int) -> float:
    """A uniform draw in (0, 1)."""
    first, _ = bits(luck, key, decision, index)
    return unit(first)


@rule
def two_uniforms(luck: np.uint64, key: np.uint64, decision: int, index: int):
    """Two independent uniform draws in (0, 1) of one decision; the first is `uniform`'s."""
    first, second = bits(luck, key, decision, index)
    return unit(first), unit(second)


@rule
def exponential(luck: np.uint64, key: np.uint64, decision: int, index: int) -> float:
    """An exponential draw with mean 1."""
    return -log(uniform(luck, key, decision, index))


@rule
def normal(luck: np.uint64, key: np.uint64, decision: int, index: int) -> float:
    """A standard normal draw."""
    return normal_quantile(uniform(luck, key, decision, index))


ATTEMPTS = 64
"""Places that one gamma draw reserves in its index; its rejection needs more than 8 with chance < 1e-10."""


@rule
def gamma(luck: np.uint64, key: np.uint64, decision: int, index: int, shape: float) -> float:
    """A gamma draw with the given shape > 0 and scale 1.

    Marsaglia & Tsang (2000), ACM TOMS 26(3). Attempt j uses index `index * 64 + j`, so that the number of
    attempts that one draw takes moves no other draw. A shape below 1 is raised by 1 and multiplied by a
    uniform to the power 1/shape, which comes from the last place.
    """
    raised = shape if shape >= 1.0 else shape + 1.0
    d = raised - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    value = d
    for attempt in range(ATTEMPTS - 1):
        first, second = bits(luck, key, decision, index * ATTEMPTS + attempt)
        x = normal_quantile(unit(first))
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            if log(unit(second)) < 0.5 * x * x + d - d * v + d * log(v):
                value = d * v
                break
    if shape >= 1.0:
        return value
    return value * exp(log(uniform(luck, key, decision, index * ATTEMPTS + ATTEMPTS - 1)) / shape)
