"""Community groups: who is asked into which, how lively each is, and what the books say of them.

A group is no row but a line of one table, which members read as it stood last night. The operator seats members and
reviews them in the morning, by what he can see; in the evening each group becomes as lively as the day has left it.
"""

from typing import Any

import numpy as np

from sim import rng
from sim.accounting import posting
from sim.behaviour import gathering
from sim.behaviour.day import NEVER, strike_off
from sim.behaviour.permission import BLOCKED, REACHABLE
from sim.jit import kernel, rule
from sim.levers.community import Community
from sim.population import Population

LEVELS = ("ordinary", "high", "vip")
ORDINARY, HIGH, VIP = range(3)

GROUP = np.dtype(
    (
        np.record,
        np.dtype([(name, "f8") for name in ("level", "members", "activity", "adverts", "care", "kept_out")]),
    )
)
"""One group: its level; members; how lively it is, as a share of members who speak; adverts a day, members' own among
them; how much of the founder's time there is for each; the share of members' adverts that is kept out."""

DAILY = ("groups", "members", "living", "posts", "adverts", "hawked", "dead")
"""What the ledger keeps of each level and day: groups with members, these members, those of them who had not drifted
away or opted out, posts, adverts received, members' own adverts, dead groups."""
DEAD = 0.05
"""The share of members who speak below which a group counts as dead."""
LEAST_YEARS = 0.25
"""A quarter of a year is added to each membership before spend a year is told: no newcomer is a VIP by one order."""

NO_GROUPS = np.zeros(0, dtype=GROUP)


@rule
def yearly(spend: int, age: int) -> float:
    """Cents a year of one who has spent so much in so many days."""
    return float(spend) / (float(age) / 365.0 + LEAST_YEARS)


@rule
def free_group(level: int, first: Any, seats: Any, free: Any, members: Any, books: Any) -> int:
    """The first group of a level with a free seat, -1 where all are full."""
    while free[level] < first[level + 1]:
        group = free[level]
        if members[group] + books.groups[group, posting.CAME] < seats[level]:
            return group
        free[level] += 1
    return -1


@rule
def comes(m: Any, r: Any, level: int, today: Any, q: Any) -> bool:
    """Whether he comes into a group of this level when he is asked today; whoever has drifted away does not hear."""
    if m.attached == 0 or r.permission != REACHABLE:
        return False
    chance = gathering.accept_probability(r, q.gathering)
    return rng.uniform(today.luck, m.key, rng.GROUP_ASKED, today.day * len(LEVELS) + level) < chance


@kernel
def seat_rows(
    rows: Any, relations: Any, due: Any, low: int, high: int, today: Any, bounds: Any, review: int, clean_after: int,
    strike: int, state: Any, first: Any, seats: Any, free: Any, members: Any, q: Any, books: Any,
) -> None:  # fmt: skip
    """Ask those who were never asked; at a review put the silent out, and move the others by what they spend a year.

    bounds: cents a year from which a member belongs to each level; first: the first group of each level, and the end.
    """
    for i in range(low, high):
        m, r = rows[i], relations[i]
        if m.listed == 0 or r.permission >= BLOCKED or r.group < -1:
            continue
        at = -1
        if r.group >= 0:
            if review == 0:
                continue
            if clean_after > 0 and today.day - r.last_active >= clean_after:
                posting.post_group_left(m, r, today, books)
                if strike == 1:
                    posting.post_response(m, posting.CLEANED, 1, today, books)
                    strike_off(m, r, today, books)
                    due[i] = NEVER
                continue
            at = int(state[r.group].level)
        spent = yearly(m.spend, today.day - m.joined)
        level = 0
        for one in range(1, len(LEVELS)):
            if first[one + 1] > first[one] and spent >= bounds[one]:
                level = one
        if level < at:  # down, as far as there is room; nobody asks him
            while level < at:
                group = free_group(level, first, seats, free, members, books)
                if group >= 0:
                    posting.post_group_left(m, r, today, books)
                    posting.post_group_joined(m, r, group, today, books)
                    break
                level += 1
            continue
        while level > at:
            group = free_group(level, first, seats, free, members, books)
            if group >= 0:
                if comes(m, r, level, today, q[0]):
                    if at >= 0:
                        posting.post_group_left(m, r, today, books)
                    posting.post_group_joined(m, r, group, today, books)
                    r.met = 1
                    due[i] = min(due[i], today.day)
                elif at < 0:
                    r.group = -2
                break
            level -= 1


@kernel
def dissolve_rows(rows: Any, relations: Any, low: int, high: int, today: Any, books: Any) -> None:
    """All groups are closed."""
    for i in range(low, high):
        if relations[i].group >= 0:
            posting.post_group_left(rows[i], relations[i], today, books)


@kernel
def carry_groups(state: Any, members: Any, q: Any, books: Any, out: Any) -> None:
    """The evening: each group becomes as lively as its day was, and its book is carried forward."""
    for g in range(state.shape[0]):
        group, book = state[g], books.groups[g]
        if book[posting.PRESENT] > 0:
            spoken = float(book[posting.GROUP_POSTS]) + q[0].gathering.feeds * float(book[posting.GROUP_OPENED])
            share = min(spoken / float(max(book[posting.LIVING], 1)), 1.0)
            group.activity = gathering.livelier(group.activity, share, q[0].gathering)
            group.adverts = float(book[posting.ADVERTS]) / float(book[posting.PRESENT]) + float(book[posting.HAWKED])
        members[g] += book[posting.CAME]
        group.members = float(members[g])
        if members[g] == 0:
            group.activity, group.adverts = 0.0, 0.0
        else:
            day = out[int(group.level)]
            day[0] += 1
            day[1] += members[g]
            day[2] += book[posting.LIVING]
            day[3] += book[posting.GROUP_POSTS]
            day[4] += book[posting.ADVERTS]
            day[5] += book[posting.HAWKED]
            day[6] += 1 if group.activity < DEAD else 0
        book[:] = 0


class Communities:
    """The groups of one world."""

    def __init__(self, lever: Community) -> None:
        self.lever = lever
        counts = (lever.groups, lever.high_groups, lever.vip_groups)
        self.first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.seats = np.array([lever.seats, lever.high_seats, lever.vip_seats], dtype=np.int64)
        self.members = np.zeros(self.count, dtype=np.int64)
        self.state = np.zeros(self.count, dtype=GROUP)
        self.state["level"] = np.repeat(np.arange(len(LEVELS)), counts)
        self._bounds = np.zeros(len(LEVELS))
        self._asked = 0

    @property
    def count(self) -> int:
        """How many groups there can be."""
        return int(self.first[-1])

    def cost(self, wage: float) -> int:
        """Cents of today's staff; wage: cents an hour."""
        lever = self.lever
        hours = lever.hours * (1 + lever.moderated) * np.count_nonzero(self.members)
        if self.members[self.first[VIP] :].any():
            hours += lever.vip_hours
        return round(hours * wage)

    def morning(self, today: Any, population: Population, people: Any, books: Any) -> None:
        """Seat those who have joined, review all when a review is due, close the groups when the lever ends."""
        lever, age = self.lever, today.day - self.lever.start
        if age < 0:
            return
        if today.day >= lever.stop:
            if self.members.any():
                for rows, relations, _, _, low, high in population.operated_ranges():
                    dissolve_rows(rows, relations, low, high, today, books)
            return
        review = age % lever.review == 0
        if review:
            self._look_up(today.day, population)
        free = self.first[:-1].copy()
        for rows, relations, _, due, low, high in population.operated_ranges(0 if review else self._asked):
            seat_rows(
                rows, relations, due, low, high, today, self._bounds, int(review), lever.clean_after,
                int(lever.strike_off), self.state, self.first, self.seats, free, self.members, people, books,
            )  # fmt: skip
        self._asked = population.count
        new = (self.members == 0) & (books.groups[:, posting.CAME] > 0)
        self.state["activity"][new] = lever.opening

    def _look_up(self, day: int, population: Population) -> None:
        """What the best of the members spend a year: where the levels begin."""
        here = population.column("listed") == 1
        spend, age = population.column("spend")[here], day - population.column("joined")[here]
        value = spend / (age / 365.0 + LEAST_YEARS)
        shares = (self.lever.high_share + self.lever.vip_share, self.lever.vip_share)
        if len(value):
            self._bounds[HIGH:] = [np.quantile(value, 1.0 - share) for share in shares]

    def table(self, attended: bool) -> np.ndarray:
        """The groups as members find them today; attended: whether there is staff for them."""
        lever = self.lever
        vips = int(self.state["members"][self.first[VIP] :].sum())
        care = min(60.0 * lever.vip_hours / (lever.vip_minutes * max(vips, 1)), 1.0) if attended else 0.0
        self.state["care"][self.first[VIP] :] = care
        self.state["kept_out"] = lever.moderation if attended and lever.moderated else 0.0
        return self.state

    def evening(self, people: Any, books: Any, out: np.ndarray) -> None:
        """Carry the groups into tomorrow; out: the ledger's line of today, [level, DAILY]."""
        carry_groups(self.state, self.members, people, books, out)


__all__ = ["DAILY", "DEAD", "GROUP", "LEVELS", "NO_GROUPS", "Communities"]
