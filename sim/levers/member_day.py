"""Member day: a day on which members expect an offer: a price, more points, or both."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from sim.levers.lever import Lever
from sim.units import STRICT, About, Share, between

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class MemberDay(Lever):
    """An announced offer of one day, each week or every few weeks on the same weekday."""

    __pydantic_config__ = STRICT

    weekday: Annotated[
        Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
        About("", "on which it falls"),
    ] = "wednesday"
    every: Annotated[int, between(1, 52), About("weeks", "from one member day to the next; 4 is about a month")] = 1
    discount: Annotated[
        float,
        Share,
        About("share of price", "off every order of the day", "a fifth: practice of member days", "assumption"),
    ] = 0.20
    points: Annotated[
        float, between(1, 100), About("times", "as many points as on other days, where points are given")
    ] = 1.0
    stock: Annotated[
        float | None,
        between(0, 1e6),
        About("orders a hundred members", "for which there are goods on the day; null: they never run out"),
    ] = None

    def give(self, perks: Any, day: int, weekday: int) -> None:
        """Write the member day into a day's `PERKS`."""
        # the first member day is that weekday's first day of the lever's period
        first = self.start + (WEEK.index(self.weekday) - weekday + day - self.start) % 7
        every = 7 * self.every
        perks.event = float(day >= first and (day - first) % every == 0)
        perks.event_first, perks.event_every = first, every
        perks.event_off, perks.event_points = self.discount, self.points
