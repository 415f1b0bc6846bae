"""Assortment: what goods members are shown in private: ordinary ones, exclusive ones, or what sold nowhere else."""

from dataclasses import dataclass
from typing import Annotated

from sim.levers.lever import Lever
from sim.units import STRICT, About, Share


@dataclass(frozen=True)
class Assortment(Lever):
    """The shares of exclusive and unsold goods; the rest is ordinary."""

    __pydantic_config__ = STRICT

    exclusive: Annotated[float, Share, About("share of goods shown", "made for members alone")] = 0.0
    clearance: Annotated[float, Share, About("share of goods shown", "unsold goods at a deep discount")] = 0.0
