"""Messaging: how often, when and to whom the content programme is sent."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from sim.levers.lever import Lever, Morning, Piece, Pieces, stage_bits
from sim.touch import BENEFIT, MARK_MESSAGE, PATHS, Send
from sim.units import STRICT, About, NonNegative, Share, between

FIRST_SLOT, MOST = 24, 40


@dataclass(frozen=True)
class Messaging(Lever):
    """Broadcast and segment messages."""

    __pydantic_config__ = STRICT

    per_week: Annotated[
        float, NonNegative, between(0, 280), About("messages a week", "to each member of the audience")
    ] = 3.0
    hour: Annotated[
        float, between(0, 23.99), About("hour of the day", "of a day's only message; several are spread over the day")
    ] = 20.0
    own_hour: Annotated[bool, About("", "whether each is reached at his own hour, where it is known")] = False
    stages: Annotated[str, About("", "whom: all, or lifecycle stages joined by +, such as new+active+at_risk")] = (
        "all"
    )
    buyers: Annotated[
        Literal["all", "heavy"], About("", "whom: all, or the fifth of members who have spent most")
    ] = "all"
    share: Annotated[float, Share, About("share of the audience", "drawn once per person; the rest are held out")] = (
        1.0
    )
    path: Annotated[Literal["direct", "community", "mini_program"], About("", "where messages arrive")] = "direct"
    ask: Annotated[
        int,
        between(0, 1000),
        About(
            "messages",
            "the first so many of which ask how often and when each wants to hear; guard.individual heeds it",
        ),
    ] = 0
    pull: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("", "how strongly selling messages ask to buy; 1 is an ordinary promotion"),
    ] = 1.0
    cost: Annotated[
        float,
        NonNegative,
        between(0, 1000),
        About(
            "CNY a message", "to send it", "mass messages in a private channel are almost free; assumed", "assumption"
        ),
    ] = 0.01

    def number(self, day: int, pieces: Pieces | None) -> int:
        """How many messages there were before this day of the run: evenly over the days on which any are sent."""
        week = [pieces is None or pieces.sending(self.start + n) for n in range(7)]
        weeks, rest = divmod(day - self.start, 7)
        return math.floor((weeks + sum(week[:rest]) / sum(week)) * self.per_week + 1e-9)

    def sends(self, morning: Morning) -> list[Send]:
        """Today's messages of the programme."""
        first = self.number(morning.day, morning.pieces)
        count = min(self.number(morning.day + 1, morning.pieces) - first, MOST)
        return [self._send(first + n, n, count, morning) for n in range(count)]

    def _send(self, number: int, place: int, count: int, morning: Morning) -> Send:
        piece = morning.pieces.piece(number, self.per_week) if morning.pieces else Piece()
        hour = self.hour if count == 1 else 9.0 + 12.5 * place / (count - 1)
        return Send(
            slot=FIRST_SLOT + place,
            kind=piece.kind,
            topic=piece.topic,
            form=piece.form,
            path=PATHS.index(self.path),
            hour=hour,
            own_hour=int(self.own_hour),
            personal=piece.personal,
            pull=self.pull if piece.kind == BENEFIT else 0.0,
            again=piece.repeat,
            expected=piece.expected,
            cost=100.0 * self.cost,
            stages=stage_bits(self.stages),
            spend_from=morning.heavy if self.buyers == "heavy" else 0.0,
            share=self.share,
            mark=MARK_MESSAGE,
            ask=int(number < self.ask),
        )
