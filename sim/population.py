"""Who persons and members are: one row each, in blocks that never move.

A person is his key: an index of the addressable market, or the hash of a customer's id in a log. He is stored
only once he is touched. Rules read and write one row (`m`), and never know how rows are laid out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.touch import MARKS

BLOCK = 1 << 20
"""Rows in a block. Memory is taken from the system as rows are touched."""


@dataclass(frozen=True)
class RowField:
    """One field of a member's row."""

    name: str
    type: str
    unit: str
    meaning: str


FIELDS = (
    RowField("key", "u8", "", "who he is: index in the addressable market, or the hash of a customer's id"),
    RowField("purchase_rate", "f8", "orders per day", "trait (latent): his own purchase rate in operational time"),
    RowField("drift_hazard", "f8", "per day", "trait (latent): his own hazard of drifting away"),
    RowField("usual_value", "f8", "", "trait (latent): log of his usual order value over the typical member's"),
    RowField(
        "order_at", "f8", "days of operational time", "state (latent): where the clock stands at his next order"
    ),
    RowField("drift_at", "f8", "day", "state (latent): the moment when he drifts away"),
    RowField("spend", "i8", "cents", "state: what he has spent since he joined"),
    RowField("orders", "i4", "orders", "state: how often he has ordered since he joined"),
    RowField("joined", "i4", "day", "the day on which he joined; before day 0 for existing members"),
    RowField("last_order", "i4", "day", "state: the day of his last order"),
    RowField("cohort", "i2", "month", "the calendar month in which he joined, from the first cohort on"),
    RowField("last_month", "i2", "month", "state: the last calendar month in which he was active"),
    RowField("channel", "i1", "", "how he came: index in accounting.posting.CHANNELS"),
    RowField("activity", "i1", "", "state: his activity state on his last active day"),
    RowField("attached", "i1", "", "state (latent): 1 until he drifts away"),
    RowField("listed", "i1", "", "state: 1 while he is a member, 0 once he has left"),
)

WALLET = 4
"""The most offers that a member holds at once."""


@dataclass(frozen=True)
class RelationField(RowField):
    """One field of what stands between a member and the operator; count: how many values it holds."""

    count: int = 1


_T, _S, _B = "trait (latent): ", "state (latent): ", "belief of the operator: "
RELATION_FIELDS = (
    RelationField("fit", "f8", "0 to 1", _T + "how well the products suit him"),
    RelationField("price_sensitivity", "f8", "0 to 1", _T + "how much price moves him"),
    RelationField("hour", "f8", "hour of the day", _T + "when he likes to read"),
    RelationField("tolerance", "f8", "ordinary messages", _T + "how many recent messages he bears"),
    RelationField("eagerness", "f8", "logits", _T + "how readily he opens messages"),
    RelationField("trust_rest", "f8", "0 to 1", _T + "the trust to which he returns when left alone"),
    RelationField("trust", "f8", "0 to 1", _S + "trust in the operator"),
    RelationField("fatigue", "f8", "ordinary messages", _S + "how tired of messages he is"),
    RelationField("staleness", "f8", "0 to 1", _S + "how worn each format is to him", 4),
    RelationField("habit", "f8", "0 to 1", _S + "the habit of opening"),
    RelationField("satisfaction", "f8", "0 to 1", _S + "how content he is with what he got"),
    RelationField("reference_price", "f8", "share of list price", _S + "the price that he has got used to"),
    RelationField("debt", "f8", "mean gaps", _S + "orders borrowed from later and not yet paid back"),
    RelationField("value_opens", "f8", "messages", _S + "useful and amusing messages opened of late, fading", 2),
    RelationField("pace", "f8", "", _S + "the speed of his purchase clock; 1 at rest"),
    RelationField("drift_pace", "f8", "", _S + "the speed of his drifting away; 1 at rest"),
    RelationField("patience", "f8", "", _S + "how much hazard of opting out he still bears"),
    RelationField("urge", "f8", "", _S + "how much hazard of inviting he still bears before he invites again"),
    RelationField("visit_at", "f8", "day", _S + "the moment of his next visit of his own accord"),
    RelationField("need_until", "f8", "day", _S + "the moment when his need changes"),
    RelationField("known_hour", "f8", "hour of the day", _B + "when he likes to read; -1 unknown"),
    RelationField("known_tolerance", "f8", "messages a week", _B + "how often he wants to hear; -1 unknown"),
    RelationField("mass_days", "i8", "", _B + "of these, mass messages: all but personal ones"),
    RelationField("sent_days", "i8", "", _B + "messages sent on each of the last 7 days, a byte each, today lowest"),
    RelationField("offer_until", "i4", "day", "state: the last day of each offer in his wallet", WALLET),
    RelationField("offer_cents", "i4", "cents", "state: the most that each offer takes off", WALLET),
    RelationField("marked", "i4", "day", _B + "when each journey last spoke to him", MARKS),
    RelationField("seen", "i4", "day", _S + "the day up to which his states have been brought"),
    RelationField("sent_upto", "i4", "day", _B + "the day to which sent_days refers"),
    RelationField("last_message", "i4", "day", "state: the day of the last message that reached him"),
    RelationField("last_open", "i4", "day", "state: the day on which he last opened a message"),
    RelationField("last_active", "i4", "day", "state: the day on which he last opened, visited or ordered"),
    RelationField("tag_day", "i4", "day", _B + "when his need was last tagged"),
    RelationField("messages", "i4", "messages", "state: messages sent to him"),
    RelationField("sold", "i4", "messages", "state: promotions sent to him"),
    RelationField("opens", "i4", "messages", "state: messages that he opened"),
    RelationField("visits", "i4", "visits", "state: visits of his own accord"),
    RelationField("impulses", "i4", "orders", "state: orders that nothing but a message brought about"),
    RelationField("orders_before", "i4", "orders", "state: orders that he had placed before the operator began"),
    RelationField("sent_month", "i2", "messages", _B + "mass messages sent in this calendar month"),
    RelationField("sent_in", "i2", "month", _B + "the calendar month to which sent_month refers"),
    RelationField("own_row", "i4", "", "which row of the population is his"),
    RelationField("points", "i4", "points", "state: points that he may still redeem"),
    RelationField("tier_spend", "i4", "cents", _B + "what he has spent of late, as of his last order; fading"),
    RelationField("tier_until", "i4", "day", _B + "when his tier is reviewed; 0 before he is in the ladder"),
    RelationField("urge_rate", "f4", "per day", _S + "his hazard of inviting, as of when he was last looked at"),
    RelationField("sign_habit", "f4", "0 to 1", _S + "the habit of signing in"),
    RelationField("visit_pace", "f4", "", _S + "the speed of his visits beside that of his purchases; 1 at rest"),
    RelationField("mark_count", "i2", "times", _B + "how often each journey spoke to him", MARKS),
    RelationField(
        "offer", "i2", "", "state: the offers in his wallet, as places in the run's offers; -1 none", WALLET
    ),
    RelationField("tired_share", "u2", "1/65535", _S + "how much of the trust he has lost messages too many took"),
    RelationField("astray_share", "u2", "1/65535", _S + "how much of it messages that were not for him took"),
    RelationField("sold_out_share", "u2", "1/65535", _S + "how much of it goods that had run out took"),
    RelationField("lapses", "i2", "times", _S + "how often he has drifted away"),
    RelationField("tags", "i2", "times", _B + "how often his need was tagged"),
    RelationField("group", "i2", "", "state: the community group that he is in; -1 none yet, -2 none for good"),
    RelationField("invites", "i2", "persons", "state: persons whom he has invited"),
    RelationField("brought", "i2", "members", "state: members who joined at his invitation"),
    RelationField("offer_known", "i1", "", _S + "1 for an offer in his wallet that he knows of", WALLET),
    RelationField("need", "i1", "", _T + "what he wants of the membership: index in touch.NEEDS; may change"),
    RelationField("needs", "i1", "times", _S + "how often his need has changed"),
    RelationField("hunter", "i1", "", _T + "1 for one who, once used to coupons, buys only with one"),
    RelationField("path", "i1", "", _T + "where he likes to be reached: index in touch.PATHS"),
    RelationField("paused", "i1", "", _S + "1 while drifted away but within reach: he may come back"),
    RelationField("permission", "i1", "", "state: reachable 0, muted 1, blocked 2 or gone 3"),
    RelationField("met", "i1", "", "state: 1 once the operator has spoken to him"),
    RelationField("tag", "i1", "", _B + "his need; -1 untagged"),
    RelationField("diagnosed", "i1", "", _B + "his need as a diagnosis found it; -1 none"),
    RelationField(
        "wants", "i1", "", _T + "1 for one who has a use for the goods, 0 for one who came for something else"
    ),
    RelationField("guarded", "i1", "", _S + "1 while the member who brought him stays"),
    RelationField("earned", "i1", "", "state: 1 where he earned a coupon yesterday"),
    RelationField("tier", "i1", "", "state: his tier; 0 none"),
    RelationField("koc", "i1", "", "state: 1 while the operator counts him among its advocates"),
    RelationField("lost_by", "i1", "", _S + "what he was lost by: 1 + index in posting.CAUSES; 0 while he is not"),
    RelationField("segment", "i1", "", "his lifecycle stage at day 0, or newcomer: what results are told apart by"),
)

MEMBER = np.dtype((np.record, np.dtype([(field.name, field.type) for field in FIELDS], align=True)))
RELATION = np.dtype(
    (
        np.record,
        np.dtype(
            [(f.name, f.type, (f.count,)) if f.count > 1 else (f.name, f.type) for f in RELATION_FIELDS], align=True
        ),
    )
)


class Population:
    """Rows of all persons touched so far, in order of being touched.

    A block is an array of records and, beside it, the day on which each row is next due: the only thing
    read of a member on a day on which nothing can happen to him. Where an operator speaks to members, a block also
    has their relations to him and today's touches.
    """

    def __init__(self, operated: bool = False) -> None:
        self.operated = operated
        self.blocks: list[np.ndarray] = []
        self.due: list[np.ndarray] = []
        self.relations: list[np.ndarray] = []
        self.touches: list[np.ndarray] = []
        self.count = 0

    def reserve(self, more: int) -> None:
        """Make room for `more` further rows; rows already there stay where they are."""
        while len(self.blocks) * BLOCK < self.count + more:
            self.blocks.append(np.zeros(BLOCK, dtype=MEMBER))
            self.due.append(np.zeros(BLOCK, dtype=np.int32))
            if self.operated:
                self.relations.append(np.zeros(BLOCK, dtype=RELATION))
                self.touches.append(np.zeros(BLOCK, dtype=np.uint64))

    def ranges(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[Any, Any, int, int]]:
        """(rows, due, start, stop) of each block that holds rows of [start, stop)."""
        stop = self.count if stop is None else stop
        while start < stop:
            block, low = divmod(start, BLOCK)
            high = min(BLOCK, stop - block * BLOCK)
            yield self.blocks[block], self.due[block], low, high
            start = (block + 1) * BLOCK

    def operated_ranges(
        self, start: int = 0, stop: int | None = None
    ) -> Iterator[tuple[Any, Any, Any, Any, int, int]]:
        """(rows, relations, touches, due, start, stop) of each block that holds rows of [start, stop)."""
        stop = self.count if stop is None else stop
        while start < stop:
            block, low = divmod(start, BLOCK)
            high = min(BLOCK, stop - block * BLOCK)
            yield self.blocks[block], self.relations[block], self.touches[block], self.due[block], low, high
            start = (block + 1) * BLOCK

    def relation(self, number: int) -> Any:
        """What stands between person `number` and the operator, a view."""
        block, low = divmod(number, BLOCK)
        return self.relations[block][low]

    def touch(self, number: int) -> Any:
        """Which of today's messages reach person `number`: a bit each."""
        block, low = divmod(number, BLOCK)
        return self.touches[block][low]

    def row(self, number: int) -> Any:
        """The row of person `number`, a view: writing to it changes the population."""
        block, low = divmod(number, BLOCK)
        return self.blocks[block][low]

    def due_day(self, number: int) -> tuple[np.ndarray, int]:
        """Where the day on which a row is next due is kept."""
        block, low = divmod(number, BLOCK)
        return self.due[block], low

    def column(self, name: str) -> np.ndarray:
        """A copy of one field of all rows."""
        names: tuple[str, ...] = MEMBER.names or ()
        if name not in names:
            parts = [relations[name][low:high] for _, relations, _, _, low, high in self.operated_ranges()]
            return np.concatenate(parts) if parts else np.zeros(0, dtype=RELATION[name])
        parts = [rows[name][low:high] for rows, _, low, high in self.ranges()]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=MEMBER[name])

    @property
    def bytes_per_row(self) -> int:
        """Bytes that one row takes, its due day included."""
        null = MEMBER.itemsize + np.dtype(np.int32).itemsize
        return null + RELATION.itemsize + np.dtype(np.uint64).itemsize if self.operated else null
