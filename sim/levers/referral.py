"""Referral: members are asked to bring friends, for a reward to one or both, a privilege, or nothing."""

from dataclasses import dataclass
from typing import Annotated

from sim.accounting.posting import REFERRAL
from sim.levers.lever import Lever, Morning
from sim.touch import CASH, NO_OFFER, Appeal, Entrance, Offer
from sim.units import STRICT, About, NonNegative, Share, between


@dataclass(frozen=True)
class Referral(Lever):
    """A referral scheme. One that rewards the inviter alone is one-sided."""

    __pydantic_config__ = STRICT

    reward: Annotated[
        float,
        NonNegative,
        between(0, 100_000),
        About("CNY", "coupon to the inviter, each time he has brought enough"),
    ] = 0.0
    needed: Annotated[int, between(1, 50), About("friends", "whom he must bring for a reward")] = 1
    friend_reward: Annotated[
        float, NonNegative, between(0, 100_000), About("CNY", "coupon to the friend who joins")
    ] = 0.0
    privilege: Annotated[
        float, Share, About("0 to 1", "how attractive the privilege is that an inviter gets instead of money")
    ] = 0.0
    privilege_cost: Annotated[
        float, NonNegative, between(0, 100_000), About("CNY", "of that privilege, each time", "assumed", "assumption")
    ] = 5.0
    cash: Annotated[bool, About("", "whether the inviter's reward is paid in cash rather than as a coupon")] = False
    points: Annotated[int, NonNegative, between(0, 1_000_000), About("points", "to the inviter, each time")] = 0
    coupon_life: Annotated[int, between(1, 3650), About("days", "for which coupons hold")] = 30
    window: Annotated[
        int, NonNegative, between(0, 36_500), About("days", "after joining in which one may invite; 0: always")
    ] = 0
    most: Annotated[
        int, NonNegative, between(0, 30_000), About("friends", "after whom he is no longer rewarded; 0: no limit")
    ] = 0
    tier: Annotated[int, between(0, 3), About("tier", "from which on members may invite; 0: everybody")] = 0

    @property
    def one_sided(self) -> bool:
        """Whether the inviter alone gains."""
        return self.reward > 0.0 and self.friend_reward == 0.0

    def offers(self) -> list[Offer]:
        """The inviter's coupon, then the friend's."""
        both = (0.0 if self.cash else self.reward, self.friend_reward)
        return [Offer(CASH, 100.0 * v, 0.0, 100.0 * v, self.coupon_life, wins=REFERRAL) for v in both if v > 0]

    def entrances(self, morning: Morning) -> list[Entrance]:
        """What an invited friend is offered."""
        friend = morning.first_offer + int(self.reward > 0 and not self.cash) if self.friend_reward > 0 else NO_OFFER
        appeal = Appeal(
            reward=morning.worth(self.friend_reward),
            earn=morning.worth(self.reward / self.needed) if self.one_sided else 0.0,
            offer=friend,
        )
        return [Entrance(REFERRAL, appeal)]
