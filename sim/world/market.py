"""The market: the addressable persons, the calendar, and what moves everybody at once."""

import math
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.errors import InputError
from sim.jit import kernel
from sim.network import Network
from sim.numbers import exp
from sim.units import STRICT, About, NonNegative, Positive, Share, between
from sim.world.calendar import Calendar
from sim.world.channels import Channels
from sim.world.rivals import Rivals
from sim.world.season import Season


@dataclass(frozen=True)
class Disturbance:
    """A shared weekly disturbance of the purchase clock: news, weather, rivals, a platform's mood.

    Its logarithm is a first-order autoregression; its mean is 1.
    """

    __pydantic_config__ = STRICT

    weekly_sd: Annotated[
        float,
        between(0, 2),
        About("", "standard deviation of the log of a week's speed", "residuals of a log's weeks", "assumption"),
    ] = 0.05
    memory: Annotated[
        float,
        between(0, 0.99),
        About(
            "",
            "correlation of one week's disturbance with the next",
            "residuals of a log's weeks",
            "assumption",
        ),
    ] = 0.5


@dataclass(frozen=True)
class Joining:
    """Newcomers who come by themselves: a Poisson process, independent of what the operator does.

    Those who come by themselves, the first places of the market, are like members; the others are the public.
    """

    __pydantic_config__ = STRICT

    yearly_share: Annotated[
        float,
        NonNegative,
        between(0, 1000),
        About(
            "newcomers per member of day 0 and year",
            "how fast newcomers come by themselves; 1 replaces every joining of the past year",
            "steady state of the embedded population",
            "choice",
        ),
    ] = 1.0
    closed: Annotated[bool, About("", "whether the membership takes in nobody but those who come by themselves")] = (
        False
    )
    likely_share: Annotated[
        float,
        Share,
        About(
            "share of persons who are no founders",
            "those of the kind that comes by itself, who come first; the others are the public",
            "assumed: most people would never come by themselves",
            "assumption",
        ),
    ] = 0.2
    public_hunters: Annotated[
        float,
        Share,
        About("share of the public", "coupon hunters", "assumed: more than among members", "assumption"),
    ] = 0.25
    public_wants: Annotated[
        float,
        Share,
        About("share of the public", "who have a use for the goods at all", "assumed", "assumption"),
    ] = 0.25

    def likely(self, founders: int, size: int) -> float:
        """The places below which a person is of the kind that comes by itself."""
        return founders + self.likely_share * max(size - founders, 0)


_SILENT = "a seed plan's silent members: 40 % look for knowledge, 30 % are price-sensitive"
_REST = "half of the 30 % that a seed plan does not name"


@dataclass(frozen=True)
class Segments:
    """What members look for in the brand: the shares of four needs, which add up to 1."""

    __pydantic_config__ = STRICT

    knowledge: Annotated[
        float, Share, About("share of members", "look for knowledge: advice, classes, recipes", _SILENT, "assumption")
    ] = 0.40
    price: Annotated[float, Share, About("share of members", "look for a low price", _SILENT, "assumption")] = 0.30
    status: Annotated[
        float,
        Share,
        About("share of members", "look for recognition: tiers, privileges, firsts", _REST, "assumption"),
    ] = 0.15
    convenience: Annotated[
        float, Share, About("share of members", "look for ease: service, delivery, reminders", _REST, "assumption")
    ] = 0.15

    def cross_check(self) -> None:
        """Errors: `InputError` where the shares do not add up to 1."""
        total = self.knowledge + self.price + self.status + self.convenience
        if abs(total - 1.0) > 1e-9:
            raise InputError(
                f"market.segments: knowledge, price, status and convenience must add up to 1, not {total:.10g} "
                f"({self.knowledge:g} + {self.price:g} + {self.status:g} + {self.convenience:g})"
            )


@dataclass(frozen=True)
class Market:
    """One market: who can be reached, how often the category is bought, and what moves all at once."""

    __pydantic_config__ = STRICT

    name: Annotated[str, About("", "the market's name")] = "default"
    size: Annotated[
        int,
        Positive,
        between(1, 1_000_000_000),
        About("persons", "the addressable market: nobody beyond it can join", "round number", "choice"),
    ] = 1_000_000
    start: Annotated[str, About("date", "the calendar date of day 0 of a run without a log")] = "2026-01-01"
    cycle_days: Annotated[
        float,
        Positive,
        between(1, 3650),
        About("days", "the category's usual time between orders: scales the lifecycle stages", "month", "choice"),
    ] = 30.0
    margin: Annotated[
        float,
        Share,
        About(
            "share of list price",
            "gross margin: what an order at list price leaves after the goods",
            "round number",
            "assumption",
        ),
    ] = 0.5
    hunter_share: Annotated[
        float,
        Share,
        About(
            "share of members",
            "coupon hunters, who buy for the offer and not for the brand",
            "round number",
            "assumption",
        ),
    ] = 0.10
    segments: Segments = field(default_factory=Segments)
    season: Season = field(default_factory=Season)
    calendar: Calendar = field(default_factory=Calendar)
    disturbance: Disturbance = field(default_factory=Disturbance)
    joining: Joining = field(default_factory=Joining)
    network: Network = field(default_factory=Network)
    channels: Channels = field(default_factory=Channels)
    rivals: Rivals = field(default_factory=Rivals)

    def cross_check(self) -> None:
        """What no single key can tell. Errors: `InputError` naming the keys that do not go together."""
        self.segments.cross_check()
        self.network.cross_check()
        self.channels.cross_check()


@kernel
def wind_clock(luck: Any, speed: Any, weekly_sd: float, memory: float, history: int) -> Any:
    """The shared operational clock: entry d is the time elapsed when day d of the run begins (entry 0 is 0).

    speed: the speed of each day by season and festivals (float64); the week's disturbance multiplies it. Weeks count
    from day 0, which is entry `history`; the disturbance is stationary and undisturbed before day 0.
    """
    clock = np.zeros(speed.shape[0] + 1)
    shock = 0.0
    factor = 1.0
    fresh = weekly_sd * math.sqrt(1.0 - memory * memory)
    for d in range(speed.shape[0]):
        day = d - history
        if weekly_sd > 0.0 and day >= 0 and day % 7 == 0:
            week = day // 7
            z = rng.normal(luck, rng.MARKET_KEY, rng.WEEK_SHOCK, week)
            shock = weekly_sd * z if week == 0 else memory * shock + fresh * z
            factor = exp(shock - 0.5 * weekly_sd * weekly_sd)
        clock[d + 1] = clock[d] + speed[d] * factor
    return clock
