"""Satisfaction: orders go well or wrong; a wrong one has a cause, and a cause can be mended."""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.jit import rule
from sim.units import STRICT, About, Share

QUALITY, SERVICE, LOGISTICS = range(3)


@dataclass(frozen=True)
class Satisfaction:
    """How orders turn out."""

    __pydantic_config__ = STRICT

    quality: Annotated[
        float, Share, About("share of orders", "that disappoint by the goods", "assumed", "assumption")
    ] = 0.03
    service: Annotated[
        float, Share, About("share of orders", "that disappoint by the service", "assumed", "assumption")
    ] = 0.03
    logistics: Annotated[
        float, Share, About("share of orders", "that disappoint by delivery", "assumed", "assumption")
    ] = 0.03
    learnt: Annotated[
        float, Share, About("share of the gap", "satisfaction moves at each order", "assumed", "assumption")
    ] = 0.2

    rest_low: Annotated[
        float, Share, About("0 to 1", "satisfaction before any order, without fit", "assumed", "assumption")
    ] = 0.5
    rest_fit: Annotated[
        float,
        Share,
        About("0 to 1", "how much more it is for those whom the products suit fully", "assumed", "assumption"),
    ] = 0.4


@rule
def order_went(u: float, quality: float, service: float, logistics: float) -> int:
    """How an order went: its cause of disappointment, or -1 where it went well."""
    if u < quality:
        return QUALITY
    if u < quality + service:
        return SERVICE
    if u < quality + service + logistics:
        return LOGISTICS
    return -1


@rule
def satisfied(r: Any, well: int, s: Any) -> None:
    """Satisfaction follows his orders."""
    r.satisfaction += s.learnt * (well - r.satisfaction)
