"""Who persons and members are: one row each, in blocks that never move.

A person is his key: an index of the addressable market, or the hash of a customer's id in a log. He is stored
only once he is touched. Rules read and write one row (`m`), and never know how rows are laid out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

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

MEMBER = np.dtype((np.record, np.dtype([(field.name, field.type) for field in FIELDS], align=True)))


class Population:
    """Rows of all persons touched so far, in order of being touched.

    A block is an array of records and, beside it, the day on which each row is next due: the only thing
    read of a member on a day on which nothing can happen to him.
    """

    def __init__(self) -> None:
        self.blocks: list[np.ndarray] = []
        self.due: list[np.ndarray] = []
        self.count = 0

    def reserve(self, more: int) -> None:
        """Make room for `more` further rows; rows already there stay where they are."""
        while len(self.blocks) * BLOCK < self.count + more:
            self.blocks.append(np.zeros(BLOCK, dtype=MEMBER))
            self.due.append(np.zeros(BLOCK, dtype=np.int32))

    def ranges(self, start: int = 0, stop: int | None = None) -> Iterator[tuple[Any, Any, int, int]]:
        """(rows, due, start, stop) of each block that holds rows of [start, stop)."""
        stop = self.count if stop is None else stop
        while start < stop:
            block, low = divmod(start, BLOCK)
            high = min(BLOCK, stop - block * BLOCK)
            yield self.blocks[block], self.due[block], low, high
            start = (block + 1) * BLOCK

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
        parts = [rows[name][low:high] for rows, _, low, high in self.ranges()]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=MEMBER[name])

    @property
    def bytes_per_row(self) -> int:
        """Bytes that one row takes, its due day included."""
        return MEMBER.itemsize + np.dtype(np.int32).itemsize
