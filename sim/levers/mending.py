"""Mending: a cause of disappointment and of drifting away is removed, at a cost."""

from dataclasses import dataclass
from typing import Annotated

from sim.levers.lever import Lever
from sim.units import STRICT, About, NonNegative, Share, between


@dataclass(frozen=True)
class Mending(Lever):
    """How far each cause is removed."""

    __pydantic_config__ = STRICT

    quality: Annotated[float, Share, About("share", "of what the goods do wrong that is mended")] = 0.0
    service: Annotated[float, Share, About("share", "of what the service does wrong that is mended")] = 0.0
    logistics: Annotated[float, Share, About("share", "of what delivery does wrong that is mended")] = 0.0
    cost: Annotated[
        float, NonNegative, between(0, 1e7), About("CNY a month", "of mending", "assumed", "assumption")
    ] = 0.0
