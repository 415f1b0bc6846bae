"""Advocates: members who speak for the brand (key opinion consumers), chosen by what they did, equipped and cared
for.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from sim.accounting.posting import ADVOCATE
from sim.levers.lever import Lever, Morning
from sim.touch import CASH, NO_OFFER, Appeal, Entrance, Offer
from sim.units import STRICT, About, NonNegative, Positive, Share, between


@dataclass(frozen=True)
class Advocates(Lever):
    """Recruiting and keeping advocates."""

    __pydantic_config__ = STRICT

    count: Annotated[int, Positive, between(1, 1_000_000), About("members", "who are advocates at a time")] = 10
    choose: Annotated[
        Literal["record", "random"],
        About("", "record: those who look influential, brought others and open much; random: anybody"),
    ] = "record"
    clarity: Annotated[
        float, Share, About("0 to 1", "how well a person's influence shows, in groups and moments")
    ] = 0.5
    care_every: Annotated[
        int, between(1, 36_500), About("days", "between one sign of recognition and the next; 36500: never again")
    ] = 30
    cost: Annotated[
        float,
        NonNegative,
        between(0, 100_000),
        About("CNY", "of goods and recognition, for each, each time", "assumed", "assumption"),
    ] = 100.0
    friend_reward: Annotated[
        float, NonNegative, between(0, 100_000), About("CNY", "coupon to whoever joins through an advocate")
    ] = 0.0
    coupon_life: Annotated[int, between(1, 3650), About("days", "for which that coupon holds")] = 30

    def offers(self) -> list[Offer]:
        """The friend's coupon."""
        cents = 100.0 * self.friend_reward
        return [Offer(CASH, cents, 0.0, cents, self.coupon_life, wins=ADVOCATE)] if cents > 0 else []

    def entrances(self, morning: Morning) -> list[Entrance]:
        """What is offered to whom an advocate tells."""
        offer = morning.first_offer if self.friend_reward > 0 else NO_OFFER
        return [Entrance(ADVOCATE, Appeal(reward=morning.worth(self.friend_reward), offer=offer))]
