"""Sharing: members show what they bought and made of it, as user content, and are thanked for it."""

from dataclasses import dataclass
from typing import Annotated

from sim.accounting.posting import SHARING
from sim.levers.lever import Lever, Morning
from sim.touch import Appeal, Entrance
from sim.units import STRICT, About, NonNegative, between


@dataclass(frozen=True)
class Sharing(Lever):
    """Showing orders."""

    __pydantic_config__ = STRICT

    reward: Annotated[
        float, NonNegative, between(0, 1000), About("CNY", "cash to whoever shows an order; 0: a thank-you")
    ] = 0.0

    def entrances(self, morning: Morning) -> list[Entrance]:
        """Whoever sees the order may join."""
        return [Entrance(SHARING, Appeal(intent=-1.0))]
