"""Gathering: how members behave in a community group. They speak where others speak, and go where they are sold to.

Speaking is catching, and more than in proportion: where few speak, hardly anybody begins. So a group has two states
in which it stays, a lively one and a dead one. Adverts stand between those who would hear each other; a few are
borne, more tip the group over, and taking them away does not tip it back.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from sim.behaviour.shapes import ORDINARY_TRUST, TRIAL, logistic
from sim.jit import rule
from sim.units import STRICT, About, NonNegative, Positive, Share, between


@dataclass(frozen=True)
class Gathering:
    """How members join groups, speak in them, gain from them and leave them."""

    __pydantic_config__ = STRICT

    accepts: Annotated[
        float,
        Share,
        About(
            "chance",
            "that one of ordinary trust comes into a group when he is asked",
            "35 % of invitations to VIP groups: claim; taken for all groups",
            "assumption",
        ),
    ] = 0.35
    unasked: Annotated[
        float,
        Share,
        About("chance per day", "of speaking in a group in which nobody does", TRIAL, "assumption"),
    ] = 0.006
    speaks: Annotated[
        float, Share, About("chance per day", "of speaking, more, where everybody does", TRIAL, "assumption")
    ] = 0.5
    catching: Annotated[
        float,
        Positive,
        between(0.001, 1),
        About("share of members", "who speak, at which half of that is reached", TRIAL, "assumption"),
    ] = 0.16
    drowned: Annotated[
        float,
        NonNegative,
        between(0, 10),
        About("per advert a day", "how adverts dilute what members hear of each other", TRIAL, "assumption"),
    ] = 0.25
    memory: Annotated[
        float,
        Positive,
        between(1, 365),
        About("days", "over which a group's liveliness follows what is said", TRIAL, "assumption"),
    ] = 5.0
    feeds: Annotated[
        float,
        NonNegative,
        between(0, 5),
        About(
            "posts of members",
            "that a useful or amusing post of the operator's counts as with each who opens it",
            "assumed: two or three a day for two weeks wake a dead group",
            "assumption",
        ),
    ] = 0.15
    trust: Annotated[
        float,
        Share,
        About("0 to 1 per day", "deposit of trust in a group full of life", "assumed: a useful message a fortnight",
              "assumption"),
    ] = 0.002  # fmt: skip
    personal: Annotated[
        float,
        Share,
        About("0 to 1 per day", "deposit of a founder who has time for each of his group", "assumed: two times that",
              "assumption"),
    ] = 0.004  # fmt: skip
    tires: Annotated[
        float,
        Share,
        About(
            "share", "of its weight that a message has in a group, beside one sent to him", "assumed", "assumption"
        ),
    ] = 0.15
    unseen: Annotated[
        float,
        Share,
        About("share", "of what is posted in a dead group that he still comes across", "assumed", "assumption"),
    ] = 0.35
    leaves: Annotated[
        float,
        Share,
        About("per day", "hazard of leaving a group full of life, without adverts", "assumed: one in seven a year",
              "assumption"),
    ] = 0.0004  # fmt: skip
    dull: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("times", "more than that where nobody speaks", "assumed", "assumption"),
    ] = 2.0
    bears: Annotated[
        float,
        Positive,
        between(0.01, 1e9),
        About(
            "adverts a day",
            "at which that hazard has doubled; it grows with the cube",
            "one or two a day are borne, three make a dump: claims",
            "assumption",
        ),
    ] = 4.0
    hawks: Annotated[
        float,
        Share,
        About("share of posts", "of members that advertise something of their own, where nobody moderates",
              "assumed", "assumption"),
    ] = 0.002  # fmt: skip


@rule
def sociable(r: Any) -> float:
    """How sociable he is, 1 on average: whoever likes to read likes to write."""
    return 0.5 + logistic(r.eagerness)


@rule
def accept_probability(r: Any, g: Any) -> float:
    """The chance that he comes into a group when he is asked: trust and sociability bring him."""
    return min(g.accepts * sociable(r) * r.trust / ORDINARY_TRUST, 0.95)


@rule
def catches(activity: float, adverts: float, g: Any) -> float:
    """How much life he meets in a group, 0 to 1: what members say, among the adverts."""
    heard = activity / (1.0 + g.drowned * adverts)
    return heard * heard / (heard * heard + g.catching * g.catching)


@rule
def speak_probability(r: Any, life: float, g: Any) -> float:
    """The chance that he posts today."""
    return min((g.unasked + g.speaks * life) * sociable(r) * (1.0 + 0.5 * (r.trust - ORDINARY_TRUST)), 0.95)


@rule
def leave_hazard(life: float, adverts: float, g: Any) -> float:
    """The hazard of leaving his group today: where nobody speaks there is little to stay for."""
    dose = adverts / g.bears
    return g.leaves * (1.0 + g.dull * (1.0 - life)) * (1.0 + dose * dose * dose)


@rule
def sees(activity: float, g: Any) -> float:
    """The share of what is posted that he comes across: who looks in to hear the others sees the rest as well."""
    return g.unseen + (1.0 - g.unseen) * catches(activity, 0.0, g)


@rule
def trust_gathered(r: Any, life: float, care: float, g: Any) -> None:
    """A day in a group: the life in it deposits trust, and so does a founder's word."""
    r.trust += (g.trust * life + g.personal * care) * (1.0 - r.trust)


@rule
def livelier(activity: float, share: float, g: Any) -> float:
    """A group's liveliness tomorrow, after a day on which this share of those present spoke."""
    return activity + (share - activity) / g.memory
