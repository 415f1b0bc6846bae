"""What reaches a member: messages and offers. Levers write them, members feel them; neither knows the other.

A day's messages are a short table of `SEND` records (at most 64); a member's touch is a word of 64 bits, one for
each message that reaches him. What offers there are in a run is a table of `OFFER` records.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

KINDS = ("useful", "fun", "benefit", "care")
USEFUL, FUN, BENEFIT, CARE = range(4)
"""What a message is for: to help, to please, to sell, or to speak to one person about his own case."""

NEEDS = ("knowledge", "price", "status", "convenience")
"""What a member mainly wants of the membership, and what content can be about."""
ANY_NEED = -1
"""A message about nothing in particular."""

FORMATS = ("article", "picture", "video", "live")
PATHS = ("direct", "community", "mini_program")
DIRECT, COMMUNITY, MINI_PROGRAM = range(3)
"""Where a message arrives: a direct message, a community post, a mini-program notice."""

OFFER_KINDS = ("first_order", "cash", "threshold", "percent", "buy_one_get_one", "flash", "sample", "gift")
FIRST_ORDER, CASH, THRESHOLD, PERCENT, TWO_FOR_ONE, FLASH, SAMPLE, GIFT = range(8)

SLOTS = 64
"""The most messages that one day can hold for one member."""
NO_OFFER = -1
NO_CHANNEL, OWN_CHANNEL = -1, -2
UNMARKED = -1
MARKS = 6
"""Journeys that remember when they last spoke to a member."""
MARK_WELCOME, MARK_WARNING, MARK_WAKEUP, MARK_OFFER, MARK_MESSAGE, MARK_ADVOCATE = range(6)

ALL_STAGES = 0xFF
ANY_TAG, UNTAGGED, TAGGED = -2, -1, -3
FOREVER = 1_000_000


def _records(kind: Any) -> Any:
    return np.dtype(
        (
            np.record,
            np.dtype(
                [(f.name, np.float64 if f.type in (float, "float") else np.int64) for f in fields(kind)], align=True
            ),
        )
    )


@dataclass(frozen=True)
class Send:
    """One message of one day, and whom it is meant for.

    slot: its place in the day's luck, the same in every strategy that sends it; kind, topic, form (format), path;
    hour: of the day; own_hour: 1 where the hour is the member's own as far as it is known; personal: 1 where the
    topic is the member's tag; offer: place in the run's offers; pull: how strongly it asks to buy, in units of an
    ordinary promotion; again: 1 for a piece shown before; expected: 1 on a day on which members expect it; cost:
    cents a message; labour: cents of staff time a message.

    The audience, by what the operator can see: stages: bits of lifecycle stages; joined_from, joined_to: days since
    joining; silent_from, silent_to: days of silence, or own cycles where in_cycles is 1; tag: a need, ANY_TAG,
    UNTAGGED or TAGGED; diagnosed: 1 where the topic is the need found by a diagnosis; spend_from: cents spent so far;
    share: of the audience, drawn once per person; mark, again_after: the journey, and the days before it speaks to
    him again; limit: the most times it does; ask: 1 where it asks how often and when he wants to hear;
    grouped: 1 where it is posted in groups, for their members alone.
    """

    slot: int
    kind: int = USEFUL
    topic: int = ANY_NEED
    form: int = 0
    path: int = 0
    hour: float = 20.0
    own_hour: int = 0
    personal: int = 0
    diagnosed: int = 0
    offer: int = NO_OFFER
    pull: float = 0.0
    again: int = 0
    expected: int = 0
    cost: float = 0.0
    labour: float = 0.0
    stages: int = ALL_STAGES
    joined_from: int = -FOREVER
    joined_to: int = FOREVER
    silent_from: float = 0.0
    silent_to: float = FOREVER
    in_cycles: int = 0
    tag: int = ANY_TAG
    spend_from: float = 0.0
    share: float = 1.0
    mark: int = UNMARKED
    again_after: int = 0
    limit: int = FOREVER
    ask: int = 0
    grouped: int = 0


SEND = _records(Send)


@dataclass(frozen=True)
class Offer:
    """One offer of a run.

    kind: of OFFER_KINDS; value: cents, or a share of the price for percent, flash and gift (of past spend); least:
    the smallest order in cents; most: the most it can take off, in cents; life: days; stackable: 1 where it adds to
    others; wins: what newcomers cost are charged with it: those of a channel, those of the holder's own where it is
    OWN_CHANNEL, none where it is NO_CHANNEL.
    """

    kind: int
    value: float
    least: float = 0.0
    most: float = 1e9
    life: int = 14
    stackable: int = 0
    wins: int = NO_CHANNEL


OFFER = _records(Offer)


@dataclass(frozen=True)
class Appeal:
    """What an entrance, or an invitation, offers to one who is not yet a member.

    intent: logits that those whom it reaches bring along; reward: what he gets for joining, as a share of a usual
    order; earn: what he could then earn by inviting, at
    his friends' expense, likewise; push: how pushy it is, 0 to 1; price: what he pays to
    come in, in cents, 0 for nothing; kit: what that costs the operator, in cents; orders: 1 where he comes to order;
    offer: place in the run's offers of the coupon that he gets; coverage: the share whose need is known from the
    start; contact: 1 where the operator may write to him.
    """

    intent: float = 0.0
    reward: float = 0.0
    earn: float = 0.0
    push: float = 0.0
    price: float = 0.0
    kit: float = 0.0
    orders: int = 0
    offer: int = NO_OFFER
    coverage: float = 0.0
    contact: int = 1


APPEAL = _records(Appeal)


@dataclass(frozen=True)
class Entrance:
    """One way in that is open today.

    channel: index in `accounting.posting.CHANNELS`; appeal: what it offers; budget: cents that may be spent on it
    today; cost: cents for each contact, of those to whom it is put for the first time; rise: log cost from the first
    contact to the last of all whom it can reach; reach: share of the market that it can reach.
    """

    channel: int
    appeal: Appeal
    budget: float = 0.0
    cost: float = 0.0
    rise: float = 0.0
    reach: float = 0.0


TIERS = ("none", "silver", "gold", "diamond")

PERKS = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("tiers", "f8"),
                ("rung", "f8", (len(TIERS),)),
                ("price_off", "f8", (len(TIERS),)),
                ("service", "f8", (len(TIERS),)),
                ("held", "f8", (len(TIERS),)),
                ("treat", "f8", (len(TIERS),)),
                ("treat_every", "f8"),
                ("spend_memory", "f8"),
                ("grace", "f8"),
                ("review", "f8"),
                ("event", "f8"),
                ("event_first", "f8"),
                ("event_every", "f8"),
                ("event_off", "f8"),
                ("event_points", "f8"),
                ("sold_out", "f8"),
                ("points", "f8"),
                ("signin", "f8"),
                ("speak", "f8"),
                ("shown", "f8"),
                ("per_yuan", "f8"),
                ("batch", "f8"),
                ("worth", "f8"),
                ("expires", "f8"),
            ],
            align=True,
        ),
    )
)
"""What membership gives today, beside messages and offers; all 0 where no lever gives any of it.

tiers: 1 while there are tiers; by tier: rung (cents of a year), price_off (share), service (cents a member and
month), held (share of members with the tier or a higher one, as last counted), treat (cents a member, today);
treat_every (days); spend_memory, grace, review (days).
event: 1 on a member day; event_first (day), event_every (days), event_off (share), event_points (times as many);
sold_out: the chance that an order finds nothing left today.
points: 1 while points are given; signin, speak, shown, per_yuan (points each); batch: points that are redeemed
together; worth: cents of a batch; expires: 1 on a day on which points end.
"""


def quiet_at(hour: float, begin: float, end: float) -> bool:
    """Whether an hour lies in quiet hours, which may go over midnight; equal ends mean none."""
    if begin <= end:
        return begin <= hour < end
    return hour >= begin or hour < end


def table(items: Sequence[Any], dtype: Any) -> np.ndarray:
    """Sends or offers as records for compiled rules."""
    out = np.zeros(len(items), dtype=dtype)
    for place, item in enumerate(items):
        out[place] = tuple(getattr(item, f.name) for f in fields(item))
    return out
