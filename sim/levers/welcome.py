"""Welcome: a newcomer's first days: a personal welcome, first value, a first offer, a question,
and a gate before it all.
"""

from dataclasses import dataclass
from typing import Annotated

from sim.levers.lever import Lever, Morning
from sim.touch import CARE, CASH, MARK_WELCOME, NO_OFFER, USEFUL, Offer, Send
from sim.units import STRICT, About, NonNegative, between

FIRST_SLOT = 0
RITUAL, LESSONS = 1, (2, 4, 6)
"""Days after joining: the welcome, and three lessons that show what the membership is good for."""


@dataclass(frozen=True)
class Welcome(Lever):
    """The welcome journey of newcomers."""

    __pydantic_config__ = STRICT

    lessons: Annotated[int, between(0, 3), About("messages", "useful messages in the first week")] = 3
    ask: Annotated[bool, About("", "whether he is asked how often and when he wants to hear")] = True
    own_topics: Annotated[bool, About("", "whether the lessons are about what he is tagged to want")] = False
    offer: Annotated[
        float, NonNegative, between(0, 10_000), About("CNY", "off his next order, as a welcome pack; 0: none")
    ] = 0.0
    offer_life: Annotated[int, between(1, 365), About("days", "that the welcome offer lasts")] = 14
    gate: Annotated[
        float, NonNegative, between(0, 10), About("", "how strict the entrance is; 0: everybody who comes is let in")
    ] = 0.0
    minutes: Annotated[
        float,
        NonNegative,
        between(0, 120),
        About("minutes", "of staff for the personal welcome", "assumed", "assumption"),
    ] = 1.0

    def offers(self) -> list[Offer]:
        """The welcome pack."""
        return [Offer(CASH, 100.0 * self.offer, 0.0, 100.0 * self.offer, self.offer_life)] if self.offer > 0 else []

    def sends(self, morning: Morning) -> list[Send]:
        """The journey's messages to those who joined so many days ago."""
        pack = morning.first_offer if self.offer > 0 else NO_OFFER
        out = [
            Send(slot=FIRST_SLOT, kind=CARE, hour=20.0, offer=pack, pull=1.0 if self.offer > 0 else 0.0,
                 ask=int(self.ask), labour=self.minutes * morning.wage, joined_from=RITUAL, joined_to=RITUAL,
                 mark=MARK_WELCOME),
        ]  # fmt: skip
        for n, day in enumerate(LESSONS[: self.lessons]):
            out.append(
                Send(slot=FIRST_SLOT + 1 + n, kind=USEFUL, form=n, hour=20.0, own_hour=1,
                     personal=int(self.own_topics), joined_from=day, joined_to=day, mark=MARK_WELCOME)
            )  # fmt: skip
        return out
