"""Points: small rewards for signing in, speaking, showing and buying, redeemed at orders until they end."""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.levers.lever import Lever
from sim.units import STRICT, About, NonNegative, Positive, between

_PRACTICE = "sign-in 1, speaking 2, sharing 5: practice of community operators"


@dataclass(frozen=True)
class Points(Lever):
    """A points account for every member. The scheme's last day ends all points, too."""

    __pydantic_config__ = STRICT

    signin: Annotated[
        int, between(0, 10_000), About("points", "for the first sign-in of a day", _PRACTICE, "assumption")
    ] = 1
    speak: Annotated[int, between(0, 10_000), About("points", "for an answer or a post", _PRACTICE, "assumption")] = 2
    share: Annotated[
        int, between(0, 10_000), About("points", "for an order shown to others", _PRACTICE, "assumption")
    ] = 5
    per_yuan: Annotated[
        float, NonNegative, between(0, 1000), About("points per CNY", "for what is paid; 0: none")
    ] = 0.0
    batch: Annotated[
        int, between(1, 1_000_000), About("points", "that are redeemed together", "100: a round number", "choice")
    ] = 100
    worth: Annotated[
        float,
        Positive,
        between(0.01, 100_000),
        About("CNY", "that a batch buys at an order", "5 CNY: a round number", "assumption"),
    ] = 5.0
    life: Annotated[
        int, between(1, 100_000), About("days", "after which all points end: a year, say, at the year's end")
    ] = 365

    def give(self, perks: Any, day: int, weekday: int) -> None:
        """Write the scheme into a day's `PERKS`."""
        perks.points = 1.0
        perks.signin, perks.speak, perks.shown, perks.per_yuan = self.signin, self.speak, self.share, self.per_yuan
        perks.batch, perks.worth = self.batch, 100.0 * self.worth
        perks.expires = float(day > self.start and (day - self.start) % self.life == 0)
