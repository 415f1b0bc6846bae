"""What every lever has: a period in which it acts, offers that it needs, and messages that it wants to send today.

Levers write touches, never members. They know neither how people behave nor each other: a lever sees the `Morning`
and says what is to reach whom.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from sim.touch import ANY_NEED, USEFUL, Entrance, Offer, Send
from sim.units import About, between

ALWAYS = 100_000
"""A day after every run."""


@dataclass(frozen=True)
class Piece:
    """A piece of content, ready to be sent: what for, about what, in which format; repeat: 1 where shown before."""

    kind: int = USEFUL
    topic: int = ANY_NEED
    personal: int = 0
    form: int = 0
    repeat: int = 0
    expected: int = 0


@dataclass(frozen=True)
class Morning:
    """What the operator knows in the morning.

    day: of the run; first_offer: where this lever's offers stand in the run's offers; pieces: a
    function from (number of the message since the start, messages a week) to the piece that is sent; wage: cents a
    minute of staff; heavy: the spend, in cents, that parts the top fifth of members from the rest; channels: the
    market's paid entrances, and rise: how their prices rise; usual: cents of a usual order; month: days of a month.
    """

    day: int
    first_offer: int
    pieces: "Pieces | None" = None
    wage: float = 100.0
    heavy: float = 0.0
    channels: Sequence[Any] = ()
    rise: float = 0.0
    usual: float = 10_000.0
    month: float = 30.4375

    def worth(self, value: float) -> float:
        """CNY as a share of a usual order."""
        return 100.0 * value / self.usual


class Pieces(Protocol):
    """Where a message's content comes from, today."""

    def sending(self, day: int) -> bool:
        """Whether the programme sends on this day of the run."""
        ...

    def piece(self, number: int, per_week: float) -> Piece:
        """The piece sent as message `number` of the run."""
        ...


@dataclass(frozen=True)
class Rule:
    """What a strategy may set that neither gives offers nor sends messages by itself."""

    def offers(self) -> list[Offer]:
        """The offers that it gives: none."""
        return []

    def sends(self, morning: Morning) -> list[Send]:
        """The messages that it wants to send today: none."""
        return []

    def entrances(self, morning: Morning) -> list[Entrance]:
        """The ways in that it opens today: none."""
        return []


@dataclass(frozen=True)
class Lever(Rule):
    """A lever of a strategy, with its period; its settings are its fields."""

    on: Annotated[bool, About("", "whether the lever is used")] = False
    start: Annotated[int, between(0, 100_000), About("day", "the first day on which it acts")] = 0
    stop: Annotated[int, between(0, 100_000), About("day", "the day from which it no longer acts")] = ALWAYS


def stage_bits(words: str) -> int:
    """The bits of lifecycle stages named in a text: `all`, or names joined by `+`."""
    from sim.accounting.stages import STAGES
    from sim.errors import InputError, nearest

    if words == "all":
        return (1 << len(STAGES)) - 1
    groups = {"dormant": ("dormant_30", "dormant_60", "dormant_90")}
    bits = 0
    for word in words.replace(" ", "").split("+"):
        for name in groups.get(word, (word,)):
            if name not in STAGES:
                raise InputError(
                    f"stages={words!r}: there is no stage {word!r}; {nearest(word, [*STAGES, 'all', 'dormant'])}"
                )
            bits |= 1 << STAGES.index(name)
    return bits
