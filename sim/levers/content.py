"""Content programme: what is produced: useful, amusing and selling pieces, about what, in which formats, how many."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from sim.errors import InputError, nearest
from sim.levers.lever import ALWAYS, Lever, Piece
from sim.touch import ANY_NEED, BENEFIT, FORMATS, FUN, KINDS, USEFUL
from sim.units import STRICT, About, NonNegative, Positive, Share, between

DAYS = ("useful", "fun", "benefit", "any", "none")


@dataclass(frozen=True)
class Content(Lever):
    """The content programme; messaging sends what it produces."""

    __pydantic_config__ = STRICT

    benefit: Annotated[float, Share, About("share of messages", "that sell; guidance is 30 % at most")] = 0.30
    fun: Annotated[float, Share, About("share of the rest", "that amuses; what is left is useful")] = 0.30
    topics: Annotated[
        Literal["general", "majority", "own"],
        About("", "about nothing in particular, about what most want, or about what each is tagged to want"),
    ] = "general"
    formats: Annotated[int, between(1, 4), About("formats", "in rotation: 1 is the same for ever")] = 1
    first_format: Annotated[int, between(0, 3), About("", f"the first of them: {', '.join(FORMATS)}")] = 0
    switch_day: Annotated[
        int,
        between(0, 100_000),
        About("day of the programme", "from which the next format takes over, where there is one only"),
    ] = ALWAYS
    week: Annotated[
        str,
        About(
            "",
            "what each day brings, Monday first: seven of useful, fun, benefit, any (by the shares) and none, joined "
            "by +; members learn to expect it. Empty: every day is alike and none is expected",
        ),
    ] = ""
    capacity: Annotated[
        float,
        Positive,
        between(0.1, 1000),
        About("pieces a week", "that can be produced; beyond it pieces are shown again"),
    ] = 21.0
    piece_cost: Annotated[
        float,
        NonNegative,
        between(0, 1e6),
        About("CNY a piece", "to produce it", "assumed: an hour or two of an editor", "assumption"),
    ] = 200.0

    def days(self) -> list[str]:
        """What each day of the week brings, Monday first."""
        return self.week.replace(" ", "").split("+") if self.week else ["any"] * 7

    def cross_check(self, prefix: str) -> None:
        """Errors: `InputError` for a week that is none."""
        for word in self.days():
            if word not in DAYS:
                raise InputError(f"{prefix}.week={self.week!r}: {word!r} is none of {', '.join(DAYS)}; "
                                 f"{nearest(word, DAYS)}")  # fmt: skip
        if len(self.days()) != 7 or set(self.days()) == {"none"}:
            raise InputError(f"{prefix}.week={self.week!r}: needs seven words joined by +, one of them not none")

    def piece(self, number: int, per_week: float, day: int, weekday: int, majority: int) -> Piece:
        """The piece sent as message `number`, on this day of the programme: kinds are spread evenly by their shares.

        weekday: 0 is Monday; majority: what most want.
        """
        kind, planned = USEFUL, self.days()[weekday]
        if planned in KINDS:
            kind = KINDS.index(planned)
        elif _comes(number, self.benefit):
            kind = BENEFIT
        else:
            value = number - math.floor(number * self.benefit + 1e-9)
            kind = FUN if _comes(value, self.fun) else USEFUL
        form = self.first_format + number % self.formats
        if self.formats == 1 and day >= self.switch_day:
            form += 1
        fresh = self.capacity / per_week if per_week > self.capacity else 1.0
        return Piece(
            kind=kind,
            topic=majority if self.topics == "majority" else ANY_NEED,
            personal=int(self.topics == "own"),
            form=form % len(FORMATS),
            repeat=int(not _comes(number, fresh)),
            expected=int(self.week != ""),
        )

    def produced(self, sent: int, per_week: float) -> float:
        """Pieces produced for `sent` messages of a programme of `per_week`."""
        return sent * min(1.0, self.capacity / per_week) if per_week > 0 else 0.0


def _comes(number: int, share: float) -> bool:
    """Whether number is one of those that, evenly spread, make up a share of all."""
    return math.floor((number + 1) * share + 1e-9) > math.floor(number * share + 1e-9)
