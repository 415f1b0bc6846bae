"""Tags: what the operator believes of members: how many are tagged, how often wrongly,
and how tags are kept fresh.
"""

from dataclasses import dataclass
from typing import Annotated

from sim.levers.lever import Lever
from sim.units import STRICT, About, NonNegative, Share, between


@dataclass(frozen=True)
class Tags(Lever):
    """The tags of members' needs. A tag is a reading that errs; belief is never truth by construction."""

    __pydantic_config__ = STRICT

    coverage: Annotated[
        float,
        Share,
        About(
            "share of members",
            "whose need is tagged",
            "70 % where tagging is weak, 80 % as a mark of health: claims",
            "assumption",
        ),
    ] = 0.8
    error: Annotated[
        float,
        Share,
        About("share of tags", "that are wrong when made", "30 % wrong is the warning in claims", "assumption"),
    ] = 0.15
    refresh: Annotated[
        float, NonNegative, between(0, 3650), About("days", "after which a tag is made anew; 0: never")
    ] = 0.0
    learn: Annotated[bool, About("", "whether orders and opened messages renew tags")] = False
    hours: Annotated[bool, About("", "whether the hour at which a member reads is learnt too")] = False
    hour_error: Annotated[
        float,
        NonNegative,
        between(0, 12),
        About("hours", "standard deviation of that reading", "assumed", "assumption"),
    ] = 1.5
    diagnosis_error: Annotated[
        float,
        Share,
        About("share", "of diagnoses of silent members that are wrong", "assumed: few traces are left", "assumption"),
    ] = 0.2
    cost: Annotated[
        float,
        NonNegative,
        between(0, 1000),
        About("CNY a month and 1000 members", "of keeping tags", "assumed", "assumption"),
    ] = 50.0
