"""Alliance: a bundle with a partner's goods for members, and an entrance at the partner's."""

from dataclasses import dataclass
from typing import Annotated

from sim.accounting.posting import FIRST_PAID, PAID
from sim.levers.lever import Lever, Morning
from sim.touch import BENEFIT, CASH, MARK_OFFER, Appeal, Entrance, Offer, Send
from sim.units import STRICT, About, NonNegative, Positive, between

FIRST_SLOT = 18
PARTNER = PAID.index("partner")


@dataclass(frozen=True)
class Alliance(Lever):
    """A partner: each side's customers get something of the other's."""

    __pydantic_config__ = STRICT

    bundle: Annotated[
        float, Positive, between(0.01, 100_000), About("CNY", "that the bundle is worth to a member, off an order")
    ] = 15.0
    every: Annotated[int, between(1, 3650), About("days", "between one bundle and the next")] = 30
    life: Annotated[int, between(1, 3650), About("days", "for which a bundle can be used")] = 14
    entrance: Annotated[
        float, NonNegative, between(0, 1e10), About("CNY a month", "for the entrance at the partner's")
    ] = 3000.0
    cost: Annotated[
        float, NonNegative, between(0, 1000), About("CNY a message", "to send word of it", "assumed", "assumption")
    ] = 0.01

    def offers(self) -> list[Offer]:
        """The bundle."""
        cents = 100.0 * self.bundle
        return [Offer(CASH, cents, 0.0, cents, self.life)]

    def sends(self, morning: Morning) -> list[Send]:
        """Word of the bundle, on its day."""
        if (morning.day - self.start) % self.every:
            return []
        return [
            Send(slot=FIRST_SLOT, kind=BENEFIT, hour=20.0, offer=morning.first_offer, pull=1.0,
                 cost=100.0 * self.cost, mark=MARK_OFFER)
        ]  # fmt: skip

    def entrances(self, morning: Morning) -> list[Entrance]:
        """The partner's customers are offered the bundle for joining."""
        if self.entrance <= 0.0:
            return []
        channel = morning.channels[PARTNER]
        appeal = Appeal(
            intent=channel.intent,
            reward=morning.worth(self.bundle),
            offer=morning.first_offer,
            coverage=channel.coverage,
        )
        daily = 100.0 * self.entrance / morning.month
        return [Entrance(FIRST_PAID + PARTNER, appeal, daily, 100.0 * channel.cost, morning.rise, channel.reach)]
