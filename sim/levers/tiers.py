"""Tiers: a ladder of silver, gold and diamond by what members spend, with a price and a service on each rung."""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.levers.lever import Lever
from sim.units import STRICT, About, NonNegative, Positive, Share, between

_ASSUMED = ("assumed", "assumption")


@dataclass(frozen=True)
class Tiers(Lever):
    """The ladder and its benefit matrix: thresholds of 0 and equal benefits are the same for all."""

    __pydantic_config__ = STRICT

    silver: Annotated[
        float,
        NonNegative,
        between(0, 1e7),
        About("CNY a year", "spent of late that make a silver member", *_ASSUMED),
    ] = 500.0
    gold: Annotated[
        float, NonNegative, between(0, 1e7), About("CNY a year", "spent of late that make a gold member", *_ASSUMED)
    ] = 1500.0
    diamond: Annotated[
        float, NonNegative, between(0, 1e7), About("CNY a year", "spent of late that make a diamond", *_ASSUMED)
    ] = 3000.0
    off_silver: Annotated[float, Share, About("share of price", "off every order of a silver member")] = 0.0
    off_gold: Annotated[float, Share, About("share of price", "off every order of a gold member")] = 0.02
    off_diamond: Annotated[float, Share, About("share of price", "off every order of a diamond")] = 0.04
    service_silver: Annotated[
        float,
        NonNegative,
        between(0, 10_000),
        About("CNY a member and month", "spent on how a silver member is met: words, firsts, service, events"),
    ] = 0.2
    service_gold: Annotated[
        float, NonNegative, between(0, 10_000), About("CNY a member and month", "spent on how a gold member is met")
    ] = 2.0
    service_diamond: Annotated[
        float, NonNegative, between(0, 10_000), About("CNY a member and month", "spent on how a diamond is met")
    ] = 6.0
    treat: Annotated[
        float,
        NonNegative,
        between(0, 100_000),
        About("CNY a member", "spent on a treat for gold members and diamonds now and then; 0: none"),
    ] = 0.0
    treat_every: Annotated[int, between(1, 3650), About("days", "from one treat to the next")] = 182
    memory: Annotated[
        float,
        Positive,
        between(1, 3650),
        About("days", "in which past spending fades to 1/e", "a year, as programmes count it", "choice"),
    ] = 365.0
    grace: Annotated[
        int, between(0, 3650), About("days", "that a tier is kept after his spending has fallen below its rung")
    ] = 60
    review: Annotated[int, between(1, 3650), About("days", "from one review to the next: tiers fall only then")] = 30

    def services(self) -> list[float]:
        """Cents a member and month, by tier."""
        return [0.0, 100.0 * self.service_silver, 100.0 * self.service_gold, 100.0 * self.service_diamond]

    def give(self, perks: Any, day: int, weekday: int) -> None:
        """Write the ladder into a day's `PERKS`."""
        perks.tiers = 1.0
        perks.rung[:] = [0.0, 100.0 * self.silver, 100.0 * self.gold, 100.0 * self.diamond]
        perks.price_off[:] = [0.0, self.off_silver, self.off_gold, self.off_diamond]
        perks.service[:] = self.services()
        due = day > self.start and (day - self.start) % self.treat_every == 0
        treat = 100.0 * self.treat if due else 0.0
        perks.treat[:] = [0.0, 0.0, treat, treat]
        perks.treat_every = self.treat_every
        perks.spend_memory, perks.grace, perks.review = self.memory, self.grace, self.review
