"""How people respond to an operator: the settings of every tendency, beside those of the base life."""

from dataclasses import dataclass, field

from sim.behaviour.answering import Answering
from sim.behaviour.fatigue import Fatigue
from sim.behaviour.gathering import Gathering
from sim.behaviour.goods import Goods
from sim.behaviour.inviting import Inviting
from sim.behaviour.joining import Joining
from sim.behaviour.novelty import Novelty
from sim.behaviour.occasion import Occasion
from sim.behaviour.opening import Opening
from sim.behaviour.permission import Permission
from sim.behaviour.pricing import Pricing
from sim.behaviour.returning import Returning
from sim.behaviour.satisfaction import Satisfaction
from sim.behaviour.signing import Signing
from sim.behaviour.stockout import Stockout
from sim.behaviour.temperament import Temperament
from sim.behaviour.tier import Tier
from sim.behaviour.trust import Trust
from sim.behaviour.visiting import Visiting
from sim.units import STRICT


@dataclass(frozen=True)
class Response:
    """How people respond: one group of settings for each tendency."""

    __pydantic_config__ = STRICT

    temperament: Temperament = field(default_factory=Temperament)
    opening: Opening = field(default_factory=Opening)
    fatigue: Fatigue = field(default_factory=Fatigue)
    novelty: Novelty = field(default_factory=Novelty)
    trust: Trust = field(default_factory=Trust)
    visiting: Visiting = field(default_factory=Visiting)
    pricing: Pricing = field(default_factory=Pricing)
    goods: Goods = field(default_factory=Goods)
    satisfaction: Satisfaction = field(default_factory=Satisfaction)
    permission: Permission = field(default_factory=Permission)
    joining: Joining = field(default_factory=Joining)
    inviting: Inviting = field(default_factory=Inviting)
    returning: Returning = field(default_factory=Returning)
    answering: Answering = field(default_factory=Answering)
    tier: Tier = field(default_factory=Tier)
    occasion: Occasion = field(default_factory=Occasion)
    stockout: Stockout = field(default_factory=Stockout)
    signing: Signing = field(default_factory=Signing)
    gathering: Gathering = field(default_factory=Gathering)
