"""Community: groups of members, of three levels by what they spend; rules, reviews, and a founder's time for VIPs."""

from dataclasses import dataclass
from typing import Annotated

from sim.levers.lever import ALWAYS, Lever, Morning
from sim.touch import COMMUNITY, FORMATS, FUN, USEFUL, Send
from sim.units import STRICT, About, NonNegative, Positive, Share, between

FIRST_SLOT = 20
_MOST = 10_000
"""Groups of one level that a run can have."""


@dataclass(frozen=True)
class Community(Lever):
    """Community groups. While they stand, messages on the path `community` reach their members alone."""

    __pydantic_config__ = STRICT

    groups: Annotated[int, between(0, _MOST), About("groups", "ordinary ones, at most")] = 50
    seats: Annotated[
        int, between(1, 100_000), About("members", "that an ordinary group holds", "200: usual before approval")
    ] = 200
    high_groups: Annotated[int, between(0, _MOST), About("groups", "of high-value members, at most")] = 0
    high_seats: Annotated[int, between(1, 100_000), About("members", "that one of them holds")] = 100
    high_share: Annotated[
        float, Share, About("share of members", "who count as high-value, by spend a year; VIPs come on top")
    ] = 0.15
    vip_groups: Annotated[int, between(0, _MOST), About("groups", "of VIPs, at most")] = 0
    vip_seats: Annotated[int, between(1, 100_000), About("members", "that one of them holds")] = 50
    vip_share: Annotated[float, Share, About("share of members", "who count as VIPs, by spend a year")] = 0.05
    vip_hours: Annotated[
        float, NonNegative, between(0, 1000), About("hours a day", "that the founder gives to all VIPs together")
    ] = 1.0
    vip_minutes: Annotated[
        float,
        Positive,
        between(0.01, 600),
        About("minutes a day", "that each VIP needs of him; with less, each gains less", "assumed", "assumption"),
    ] = 1.0
    opening: Annotated[
        float,
        Share,
        About("share of members", "who speak in a new group: how lively it is opened", "assumed", "assumption"),
    ] = 0.3
    review: Annotated[
        int, between(1, 3650), About("days", "between reviews: members move up or down by what they spend a year")
    ] = 30
    clean_after: Annotated[
        int,
        between(0, 3650),
        About("days", "without a sign of life after which a review puts a member out of his group; 0: never"),
    ] = 0
    strike_off: Annotated[bool, About("", "whether whoever is put out is struck off the list as well")] = False
    moderated: Annotated[bool, About("", "whether somebody keeps members' own adverts out")] = False
    moderation: Annotated[
        float, Share, About("share of members' adverts", "that moderation keeps out", "90 %: claim", "assumption")
    ] = 0.9
    hours: Annotated[
        float,
        NonNegative,
        between(0, 100),
        About("hours a day", "of staff for each group with members, twice that with moderation", "assumed",
              "assumption"),
    ] = 0.1  # fmt: skip
    wake_day: Annotated[
        int, between(0, 100_000), About("day", "from which staff write in all groups to set members talking")
    ] = ALWAYS
    wake_days: Annotated[int, between(1, 3650), About("days", "for which they do")] = 14
    wake_posts: Annotated[
        int, between(1, 4), About("posts a day", "useful and amusing by turns, in the time of `hours`")
    ] = 3

    def sends(self, morning: Morning) -> list[Send]:
        """What staff write to set members talking."""
        if not self.wake_day <= morning.day < self.wake_day + self.wake_days:
            return []
        return [
            Send(
                slot=FIRST_SLOT + n,
                kind=(USEFUL, FUN)[n % 2],
                form=(morning.day + n) % len(FORMATS),
                path=COMMUNITY,
                hour=9.0 + 11.0 * n / 3.0,
            )
            for n in range(self.wake_posts)
        ]
