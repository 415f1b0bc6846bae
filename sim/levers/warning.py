"""Early warning: members who fall silent are met in tiers: a coupon, then a personal word, then a gift.

Silence is counted in days or in the member's own cycles: ten days without an order are an alarm for one who
buys weekly and nothing for one who buys twice a year.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from sim.levers.lever import Lever, Morning
from sim.touch import BENEFIT, CARE, CASH, FOREVER, GIFT, MARK_WARNING, NO_OFFER, Offer, Send
from sim.units import STRICT, About, NonNegative, Positive, Share, between

FIRST_SLOT = 8


@dataclass(frozen=True)
class EarlyWarning(Lever):
    """Tiered intervention against churn."""

    __pydantic_config__ = STRICT

    clock: Annotated[
        Literal["days", "cycles"], About("", "what silence is counted in: days, or the member's own cycles")
    ] = "days"
    mild: Annotated[
        float, Positive, between(0.01, 10_000), About("days or cycles", "silence at which the first tier begins")
    ] = 30.0
    medium: Annotated[
        float, Positive, between(0.01, 10_000), About("days or cycles", "silence at which the second tier begins")
    ] = 60.0
    severe: Annotated[
        float, Positive, between(0.01, 10_000), About("days or cycles", "silence at which the third tier begins")
    ] = 90.0
    until: Annotated[
        float, Positive, between(0.01, FOREVER), About("days or cycles", "silence from which he is left in peace")
    ] = FOREVER
    coupon: Annotated[
        float,
        NonNegative,
        between(0, 10_000),
        About("CNY", "the first tier's coupon", "20 CNY: practice", "assumption"),
    ] = 20.0
    gift: Annotated[
        float, Share, About("share of past spend", "the third tier's gift", "30 %: practice", "assumption")
    ] = 0.3
    gift_most: Annotated[float, Positive, between(0.01, 1e6), About("CNY", "the most it can be")] = 100.0
    minutes: Annotated[
        float, NonNegative, between(0, 600), About("minutes", "of staff for a personal word", "assumed", "assumption")
    ] = 5.0
    tiers: Annotated[str, About("", "which tiers act: any of mild+medium+severe")] = "mild+medium+severe"
    again_after: Annotated[int, between(1, 3650), About("days", "before the same member is met again")] = 30
    life: Annotated[int, between(1, 365), About("days", "that its offers last")] = 14
    share: Annotated[float, Share, About("share of the audience", "who are met; the rest are held out")] = 1.0

    def offers(self) -> list[Offer]:
        """The coupon and the gift."""
        return [
            Offer(CASH, 100.0 * self.coupon, 0.0, 100.0 * self.coupon, self.life),
            Offer(GIFT, self.gift, 0.0, 100.0 * self.gift_most, self.life),
        ]

    def sends(self, morning: Morning) -> list[Send]:
        """One message a tier."""
        words = self.tiers.replace(" ", "").split("+")
        bounds = {
            "mild": (self.mild, self.medium),
            "medium": (self.medium, self.severe),
            "severe": (self.severe, self.until),
        }
        what = {
            "mild": {"kind": BENEFIT, "offer": morning.first_offer if self.coupon > 0 else NO_OFFER, "pull": 1.0},
            "medium": {"kind": CARE, "pull": 2.0, "labour": self.minutes * morning.wage},
            "severe": {
                "kind": CARE,
                "offer": morning.first_offer + 1 if self.gift > 0 else NO_OFFER,
                "pull": 3.0,
                "labour": self.minutes * morning.wage,
            },
        }
        out: list[Send] = []
        for n, tier in enumerate(bounds):
            low, high = bounds[tier]
            if tier in words and low < min(high, self.until):
                out.append(
                    Send(slot=FIRST_SLOT + n, own_hour=1, silent_from=low, silent_to=min(high, self.until),
                         in_cycles=int(self.clock == "cycles"), share=self.share, mark=MARK_WARNING,
                         again_after=self.again_after, **what[tier])
                )  # fmt: skip
        return out
