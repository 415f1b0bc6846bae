"""Acquisition: paid entrances, with a budget each and a hook, for all or its own: trial pack, coupon, free gift."""

from dataclasses import dataclass
from typing import Annotated, Literal

from sim.accounting.posting import FIRST_PAID, PAID
from sim.levers.lever import Lever, Morning
from sim.touch import CASH, NO_OFFER, OWN_CHANNEL, Appeal, Entrance, Offer
from sim.units import STRICT, About, NonNegative, Share, between

_Hook = Literal["none", "order", "trial", "bait"]
_OwnHook = Literal["same", "none", "order", "trial", "bait"]
_BUDGET = (NonNegative, between(0, 1e10))


@dataclass(frozen=True)
class Acquisition(Lever):
    """Paid entrances and what waits behind them."""

    __pydantic_config__ = STRICT

    trial_ads: Annotated[float, *_BUDGET, About("CNY a month", "for advertisements")] = 0.0
    store_qr: Annotated[float, *_BUDGET, About("CNY a month", "for codes in stores")] = 0.0
    live_room: Annotated[float, *_BUDGET, About("CNY a month", "for codes in live rooms")] = 0.0
    content_platform: Annotated[float, *_BUDGET, About("CNY a month", "for posts on content platforms")] = 0.0
    ecommerce: Annotated[float, *_BUDGET, About("CNY a month", "for inserts in parcels of a shop")] = 0.0
    partner: Annotated[float, *_BUDGET, About("CNY a month", "for entrances at a partner's")] = 0.0
    hook: Annotated[
        _Hook,
        About("", "none: he joins and may order later; order: he joins with an order; trial: he buys a trial pack; "
              "bait: he gets a free gift; each channel may have a hook of its own instead of `same`"),
    ] = "none"  # fmt: skip
    trial_ads_hook: Annotated[_OwnHook, About("", "of advertisements")] = "same"
    store_qr_hook: Annotated[_OwnHook, About("", "of codes in stores")] = "same"
    live_room_hook: Annotated[_OwnHook, About("", "of codes in live rooms")] = "same"
    content_platform_hook: Annotated[_OwnHook, About("", "of posts on content platforms")] = "same"
    ecommerce_hook: Annotated[_OwnHook, About("", "of inserts in parcels")] = "same"
    partner_hook: Annotated[_OwnHook, About("", "of entrances at a partner's")] = "same"
    trial_price: Annotated[float, NonNegative, between(0, 10_000), About("CNY", "price of the trial pack")] = 9.9
    kit_cost: Annotated[
        float,
        NonNegative,
        between(0, 10_000),
        About("CNY", "what a trial pack or gift costs", "assumed", "assumption"),
    ] = 15.0
    bait: Annotated[float, NonNegative, between(0, 10_000), About("CNY", "what the gift is worth to him")] = 30.0
    coupon: Annotated[float, NonNegative, between(0, 10_000), About("CNY", "coupon for joining; 0: none")] = 0.0
    coupon_life: Annotated[int, between(1, 3650), About("days", "for which the coupon holds")] = 30
    push: Annotated[float, Share, About("0 to 1", "how pushy the entrance is")] = 0.0
    contact: Annotated[
        bool, About("", "whether those who join may be written to; false: they stay customers of the platform")
    ] = True

    def offers(self) -> list[Offer]:
        """The coupon for joining."""
        cents = 100.0 * self.coupon
        return [Offer(CASH, cents, 0.0, cents, self.coupon_life, wins=OWN_CHANNEL)] if cents > 0 else []

    def entrances(self, morning: Morning) -> list[Entrance]:
        """Each channel that has money, with today's share of it."""
        out = []
        for place, name in enumerate(PAID):
            budget, channel = getattr(self, name), morning.channels[place]
            if budget <= 0.0:
                continue
            own = getattr(self, f"{name}_hook")
            hook = self.hook if own == "same" else own
            gift = self.bait if hook == "bait" else 0.0
            appeal = Appeal(
                intent=channel.intent,
                reward=morning.worth(self.coupon + gift),
                push=self.push,
                price=100.0 * self.trial_price if hook == "trial" else 0.0,
                kit=100.0 * self.kit_cost if hook in ("trial", "bait") else 0.0,
                orders=int(hook == "order"),
                offer=morning.first_offer if self.coupon > 0 else NO_OFFER,
                coverage=channel.coverage,
                contact=int(self.contact),
            )
            daily = 100.0 * budget / morning.month
            out.append(Entrance(FIRST_PAID + place, appeal, daily, 100.0 * channel.cost, morning.rise, channel.reach))
        return out
