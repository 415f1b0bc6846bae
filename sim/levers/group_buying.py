"""Group buying: on some days a deal for those who order together; members gather friends for it."""

from dataclasses import dataclass
from typing import Annotated

from sim.accounting.posting import GROUP_BUYING
from sim.levers.lever import Lever, Morning
from sim.touch import CASH, Appeal, Entrance, Offer
from sim.units import STRICT, About, Positive, between


@dataclass(frozen=True)
class GroupBuying(Lever):
    """Deals for groups: friends who join get theirs at once, the one who gathers them when the group is full."""

    __pydantic_config__ = STRICT

    value: Annotated[float, Positive, between(0.01, 100_000), About("CNY", "off an order, for each of the group")] = (
        15.0
    )
    needed: Annotated[int, between(1, 20), About("friends", "who must join him for the deal")] = 2
    every: Annotated[int, between(1, 3650), About("days", "between one deal and the next")] = 14
    life: Annotated[int, between(1, 365), About("days", "for which the deal can be used")] = 3

    def open(self, day: int) -> bool:
        """Whether there is a deal on this day."""
        return (day - self.start) % self.every == 0

    def offers(self) -> list[Offer]:
        """The deal."""
        cents = 100.0 * self.value
        return [Offer(CASH, cents, 0.0, cents, self.life, wins=GROUP_BUYING)]

    def entrances(self, morning: Morning) -> list[Entrance]:
        """A friend who joins has the deal."""
        if not self.open(morning.day):
            return []
        return [Entrance(GROUP_BUYING, Appeal(reward=morning.worth(self.value), offer=morning.first_offer))]
