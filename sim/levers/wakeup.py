"""Wake-up: a campaign to the long silent: the same for all, or by the need that a diagnosis found in each."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from sim.levers.lever import Lever, Morning
from sim.touch import CARE, CASH, FOREVER, MARK_WAKEUP, NO_OFFER, Offer, Send
from sim.units import STRICT, About, NonNegative, Positive, between

FIRST_SLOT = 12


@dataclass(frozen=True)
class Wakeup(Lever):
    """Waking the silent."""

    __pydantic_config__ = STRICT

    mode: Annotated[
        Literal["generic", "segmented"],
        About("", "the same call for all, or one about the need that a diagnosis found in each"),
    ] = "generic"
    silent: Annotated[
        float, Positive, between(1, 10_000), About("days", "of silence from which a member is called")
    ] = 90.0
    per_week: Annotated[float, NonNegative, between(0, 7), About("messages a week", "to each")] = 1.0
    touches: Annotated[int, between(1, 1000), About("messages", "to each, at most")] = 4
    gift: Annotated[
        float,
        NonNegative,
        between(0, 10_000),
        About("CNY", "off the next order; 0: none", "20 CNY: practice", "assumption"),
    ] = 20.0
    life: Annotated[int, between(1, 365), About("days", "that the gift lasts")] = 30
    minutes: Annotated[
        float,
        NonNegative,
        between(0, 600),
        About("minutes", "of staff for each segmented message", "assumed", "assumption"),
    ] = 1.0

    def offers(self) -> list[Offer]:
        """The gift."""
        return [Offer(CASH, 100.0 * self.gift, 0.0, 100.0 * self.gift, self.life)] if self.gift > 0 else []

    def sends(self, morning: Morning) -> list[Send]:
        """Today's call, on its days."""
        day = morning.day - self.start
        if math.floor((day + 1) * self.per_week / 7.0 + 1e-9) == math.floor(day * self.per_week / 7.0 + 1e-9):
            return []
        segmented = self.mode == "segmented"
        return [
            Send(slot=FIRST_SLOT, kind=CARE, hour=20.0, own_hour=int(segmented),
                 diagnosed=int(segmented), offer=morning.first_offer if self.gift > 0 else NO_OFFER,
                 pull=3.0 if segmented else 2.0, labour=self.minutes * morning.wage if segmented else 0.0, cost=1.0,
                 form=2 if segmented else 0, silent_from=self.silent, silent_to=FOREVER, mark=MARK_WAKEUP,
                 limit=self.touches)
        ]  # fmt: skip
