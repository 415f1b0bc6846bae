"""Channels: the entrances that an operator can pay for, each with its reach, price and kind of people.

A channel reaches a share of the market, in an order of its own that the market's luck shuffles: its n-th contact is
the same person under every strategy. The nearer its reach is to used up, the dearer the next contact; whoever is
reached again has heard it before, and whoever is a member already is reached in vain. Platforms have moods: a shock
of its own, from week to week, moves each channel's prices. They may also change their rules on a day that is set: a
channel grows dearer, or lets nobody through.
"""

import math
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

import numpy as np

from sim import rng
from sim.errors import InputError
from sim.jit import kernel
from sim.numbers import exp
from sim.units import STRICT, About, NonNegative, Positive, Share, between

_SIZE = "assumed; no source tells absolute costs, orders of size from practice"
_NONE = "nothing changes unless it is said"


@dataclass(frozen=True)
class Change:
    """A platform changes its rules on a day that is set, for good or for a time."""

    __pydantic_config__ = STRICT

    closed: Annotated[bool, About("", "whether the platform lets nobody through; money for it is not spent")] = False
    price: Annotated[
        float,
        Positive,
        between(0.001, 1000),
        About("times", "what a contact costs meanwhile, beside before", _NONE, "choice"),
    ] = 1.0
    start: Annotated[int, between(0, 100_000), About("day", "from which the new rules hold", _NONE, "choice")] = 0
    stop: Annotated[
        int, between(0, 100_000), About("day", "from which the old rules hold again", _NONE, "choice")
    ] = 100_000

    def holds(self, day: int) -> bool:
        """Whether the new rules hold on this day."""
        return self.start <= day < self.stop


@dataclass(frozen=True)
class Channel:
    """One paid entrance."""

    __pydantic_config__ = STRICT

    reach: Annotated[float, Share, About("share of the market", "whom it can reach at all", _SIZE, "assumption")] = (
        0.2
    )
    cost: Annotated[
        float,
        Positive,
        between(0.001, 100_000),
        About("CNY a contact", "at first: for a person who sees the entrance and makes up his mind", _SIZE,
              "assumption"),
    ] = 3.0  # fmt: skip
    intent: Annotated[
        float, between(-20, 20), About("logits", "of joining, that those reached bring along", _SIZE, "assumption")
    ] = 0.0
    coverage: Annotated[
        float,
        Share,
        About("share of those who join", "whose need the entrance tells from the start", _SIZE, "assumption"),
    ] = 0.2
    change: Change = field(default_factory=Change)


@dataclass(frozen=True)
class Channels:
    """The entrances of a market."""

    __pydantic_config__ = STRICT

    trial_ads: Channel = field(default_factory=lambda: Channel(0.3, 3.0, 0.0, 0.0))
    store_qr: Channel = field(default_factory=lambda: Channel(0.05, 1.5, 1.0, 0.1))
    live_room: Channel = field(default_factory=lambda: Channel(0.1, 4.0, 0.4, 0.2))
    content_platform: Channel = field(default_factory=lambda: Channel(0.2, 3.5, 0.2, 0.4))
    ecommerce: Channel = field(default_factory=lambda: Channel(0.08, 2.0, 0.8, 0.5))
    partner: Channel = field(default_factory=lambda: Channel(0.06, 2.0, 0.4, 0.3))
    rise: Annotated[
        float,
        NonNegative,
        between(0, 20),
        About("", "log cost of a contact from the first to the last of all whom a channel reaches",
              "public traffic grows dearer: claim; size assumed", "assumption"),
    ] = 1.5  # fmt: skip
    shock: Annotated[
        float,
        NonNegative,
        between(0, 3),
        About("", "standard deviation of the log of a channel's weekly prices", "platforms change their "
              "rules: claim; size assumed", "assumption"),
    ] = 0.2  # fmt: skip
    memory: Annotated[
        float, between(0, 0.99), About("", "correlation of one week's prices with the next", "assumed", "assumption")
    ] = 0.7

    def each(self) -> list[Channel]:
        """The channels, in the order of `accounting.posting.PAID`."""
        return [getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Channel)]

    def cross_check(self) -> None:
        """Errors: `InputError` where a change of rules ends before it begins."""
        for f in fields(self):
            change = getattr(getattr(self, f.name), "change", None)
            if change is not None and change.stop <= change.start:
                raise InputError(
                    f"market.channels.{f.name}.change: stop={change.stop} must come after start={change.start}"
                )


@kernel
def weekly_prices(luck: Any, key: Any, weeks: int, sd: float, memory: float) -> Any:
    """The price level of a channel in each week: a stationary log autoregression with mean 1, float64[weeks]."""
    out = np.ones(weeks)
    fresh, shock = sd * math.sqrt(1.0 - memory * memory), 0.0
    for week in range(weeks):
        z = rng.normal(luck, key, rng.CHANNEL_PRICE, week)
        shock = sd * z if week == 0 else memory * shock + fresh * z
        out[week] = exp(shock - 0.5 * sd * sd)
    return out
