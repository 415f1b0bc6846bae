"""Guard: the rules of sending that the operator and the platform impose.

Whatever breaks one is not sent, and counted.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from sim.accounting import stages
from sim.levers.lever import Rule
from sim.touch import FOREVER
from sim.units import STRICT, About, NonNegative, Positive, Share, between

QUOTAS = ("none", "month", "week", "day")


@dataclass(frozen=True)
class Guard(Rule):
    """Caps, quiet hours, the share of selling and the platform's quota."""

    __pydantic_config__ = STRICT

    per_week: Annotated[
        float, NonNegative, between(0, FOREVER), About("messages in 7 days", "the most to any member")
    ] = FOREVER
    new_per_week: Annotated[
        float, NonNegative, between(0, FOREVER), About("messages in 7 days", "the most to a new member")
    ] = FOREVER
    at_risk_per_week: Annotated[
        float, NonNegative, between(0, FOREVER), About("messages in 7 days", "the most to a member at risk")
    ] = FOREVER
    silent_per_week: Annotated[
        float,
        NonNegative,
        between(0, FOREVER),
        About("messages in 7 days", "the most to a dormant member; practice is 2"),
    ] = FOREVER
    individual: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("", "the most to a member who was asked, as a multiple of what he said he wants; 0: not heeded"),
    ] = 0.0
    quiet_from: Annotated[
        float, between(0, 24), About("hour of the day", "from which no message is sent; as quiet_to: no quiet hours")
    ] = 22.0
    quiet_to: Annotated[float, between(0, 24), About("hour of the day", "until which no message is sent")] = 7.0
    marketing_share: Annotated[float, Share, About("share of the messages to a member", "that may sell")] = 1.0
    quota: Annotated[
        Literal["none", "month", "week", "day"],
        About(
            "",
            "how the platform limits mass messages to one customer: so many as the month has days, 7 a week, 1 a day",
            "WeCom: a customer receives at most as many mass messages a month as it has days, "
            "settable to 7 a week or 1 a day",
            "published",
        ),
    ] = "month"
    quota_factor: Annotated[
        float, Positive, between(0.01, 1000), About("", "times that quota, for another platform's")
    ] = 1.0

    def record(self, month_days: int) -> np.ndarray:
        """The rules of a day of a month of so many days, as a record for delivery."""
        own = {"new": self.new_per_week, "at_risk": self.at_risk_per_week}
        own |= dict.fromkeys(stages.STAGES[stages.DORMANT_30 :], self.silent_per_week)
        caps = [min(self.per_week, own.get(stage, FOREVER)) for stage in stages.STAGES]
        size = {"none": FOREVER, "month": month_days, "week": 7, "day": 1}[self.quota] * self.quota_factor
        out = np.zeros(1, dtype=GUARD)
        out[0] = (
            caps,
            self.individual,
            self.quiet_from,
            self.quiet_to,
            self.marketing_share,
            QUOTAS.index(self.quota),
            size,
        )
        return out


GUARD = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("stage_caps", "f8", (len(stages.STAGES),)),
                ("individual", "f8"),
                ("quiet_from", "f8"),
                ("quiet_to", "f8"),
                ("marketing_share", "f8"),
                ("quota", "i8"),
                ("quota_size", "f8"),
            ],
            align=True,
        ),
    )
)
