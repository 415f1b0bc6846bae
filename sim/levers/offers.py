"""Offers: coupons to an audience, every so many days: cash, threshold, percent, two for one, flash sale, sample."""

from dataclasses import dataclass
from typing import Annotated, Literal

from sim.levers.lever import Lever, Morning, stage_bits
from sim.touch import BENEFIT, MARK_OFFER, OFFER_KINDS, Offer, Send
from sim.units import STRICT, About, NonNegative, Positive, Share, between

FIRST_SLOT = 16


@dataclass(frozen=True)
class Offers(Lever):
    """A regime of offers."""

    __pydantic_config__ = STRICT

    kind: Annotated[
        Literal["first_order", "cash", "threshold", "percent", "buy_one_get_one", "flash", "sample", "gift"],
        About("", "what it gives; first_order: off the first order after joining; gift: a share of past spend"),
    ] = "percent"
    value: Annotated[
        float,
        Positive,
        between(0.001, 100_000),
        About("CNY, or share for percent, flash and gift", "what it takes off, or what a sample costs"),
    ] = 0.15
    least: Annotated[float, NonNegative, between(0, 1e7), About("CNY", "the smallest order for which it counts")] = (
        0.0
    )
    most: Annotated[float, Positive, between(0.01, 1e6), About("CNY", "the most it takes off")] = 200.0
    life: Annotated[int, between(1, 3650), About("days", "from the day on which it is given, that day included")] = 7
    stackable: Annotated[bool, About("", "whether it adds to other stackable offers")] = False
    every: Annotated[int, between(1, 3650), About("days", "between one round and the next")] = 7
    stages: Annotated[str, About("", "to whom: all, or lifecycle stages joined by +")] = "all"
    share: Annotated[float, Share, About("share of the audience", "drawn once per person")] = 1.0
    hour: Annotated[float, between(0, 23.99), About("hour of the day", "at which it is sent")] = 20.0
    pull: Annotated[float, NonNegative, between(0, 10), About("", "how strongly its message asks to buy")] = 1.0
    cost: Annotated[
        float, NonNegative, between(0, 1000), About("CNY a message", "to send it", "assumed", "assumption")
    ] = 0.01

    def offers(self) -> list[Offer]:
        """The one offer."""
        shares = self.kind in ("percent", "flash", "gift")
        life = 1 if self.kind == "flash" else self.life
        value = self.value if shares else 100.0 * self.value
        most = value if not shares and self.kind != "buy_one_get_one" else 100.0 * self.most
        return [Offer(OFFER_KINDS.index(self.kind), value, 100.0 * self.least, most, life, int(self.stackable))]

    def sends(self, morning: Morning) -> list[Send]:
        """A round of offers, on its day."""
        if (morning.day - self.start) % self.every:
            return []
        return [
            Send(
                slot=FIRST_SLOT,
                kind=BENEFIT,
                hour=self.hour,
                offer=morning.first_offer,
                pull=self.pull,
                cost=100.0 * self.cost,
                stages=stage_bits(self.stages),
                share=self.share,
                mark=MARK_OFFER,
            )
        ]
