"""Who brought whom, read as a family tree: generations, children, what a member is worth with all who came of him.

And what each joining has cost.
"""

from typing import Any

import numpy as np

from sim.accounting import posting
from sim.jit import kernel

GENERATIONS = 12
"""Generations told apart; the last holds all later ones. Generation 0 was brought by nobody."""
MATURE = 90
"""Days within which children count: for members observed for so long, that is not cut off by the run's end."""
TREE = ("members", "observed", "children", "value", "family_value")
"""By generation: members; those observed for MATURE days; their children within those days; cents that members were
worth since day 0 (`values`), and with all their descendants, less what it cost to win these.
"""


@kernel
def generations(links: Any, out: Any) -> None:
    """The generation of each row: 0, or one more than his inviter's, who stands in an earlier row."""
    for row in range(out.shape[0]):
        inviter = links[row, 0]
        out[row] = 0 if inviter < 0 else out[inviter] + 1


@kernel
def tree_rows(links: Any, generation: Any, joined: Any, value: Any, cost: Any, today: int, tree: Any) -> None:
    """The book of the family tree [generation, TREE], as `family_tree` makes it."""
    family = value.copy()
    for place in range(joined.shape[0]):
        row = joined.shape[0] - 1 - place  # children stand in later rows than their inviters
        line = min(generation[row], tree.shape[0] - 1)
        tree[line, 0] += 1
        tree[line, 3] += value[row]
        tree[line, 4] += family[row]
        if today - joined[row] >= MATURE:
            tree[line, 1] += 1
        inviter = links[row, 0]
        if inviter >= 0:
            family[inviter] += family[row] - cost[row]
            if today - joined[inviter] >= MATURE and joined[row] - joined[inviter] <= MATURE:
                tree[min(generation[inviter], tree.shape[0] - 1), 2] += 1


def family_tree(links: np.ndarray, joined: np.ndarray, value: np.ndarray, cost: np.ndarray, today: int) -> np.ndarray:
    """The book of the family tree on a day, int64 [generation, TREE].

    By row: joined: day, of founders 0; value: cents since day 0, of `values`; cost: cents, of `costs`.
    """
    generation = np.zeros(len(joined), dtype=np.int64)
    generations(links, generation)
    tree = np.zeros((GENERATIONS, len(TREE)), dtype=np.int64)
    tree_rows(links, generation, joined, value, cost, today, tree)
    return tree


_SPENT_ON = [
    posting.GOODS, posting.SAMPLES, posting.MESSAGE_COST, posting.LABOUR_COST, posting.BENEFIT_COST,
    posting.POINTS_COST,
]  # fmt: skip


def margins(events: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """What each channel's members brought before they were won, int64 cents [channel].

    Revenue as it would be without the coupons that won them, less goods and what was spent on them. events,
    responses: the books, [day, channel, event].
    """
    happened = responses.sum(axis=0)
    return (
        events[:, :, posting.REVENUE].sum(axis=0) + happened[:, posting.WINNING] - happened[:, _SPENT_ON].sum(axis=1)
    )


def values(spend: np.ndarray, channel: np.ndarray, events: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """What each member was worth, int64 cents: his channel's margin, shared in proportion to spending.

    spend: cents since day 0, by row; channel: of each row; events, responses: the books, [day, channel, event].
    """
    revenue = events[:, :, posting.REVENUE].sum(axis=0)
    share = np.divide(margins(events, responses), revenue, out=np.zeros(len(revenue)), where=revenue > 0)
    return np.rint(spend * share[channel]).astype(np.int64)


def costs(joined: np.ndarray, channel: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """What it cost to win each newcomer, int64 cents, in order of joining; costs add up to those of his channel.

    joined: day, rising; channel: of each newcomer; responses: the books, [day, channel, event].
    """
    cost = np.zeros(len(joined), dtype=np.int64)
    for place in np.unique(channel):
        here, happened = channel == place, responses[:, place]
        rewards = happened[:, posting.REWARD_COST] + happened[:, posting.WINNING]
        came = np.bincount(joined[here], minlength=len(responses))
        cost[here] = cost_of_joining(came, happened[:, posting.ACQUISITION_COST], rewards)
    return cost


JOINS = ("key", "day", "channel", "inviter", "generation", "cost_cents")
"""Of each newcomer: who he is, when and how he came, the key of who brought him (of no meaning in generation 0, whom
nobody brought), what it cost to win him.
"""


def cost_of_joining(joined: np.ndarray, spent: np.ndarray, rewards: np.ndarray) -> np.ndarray:
    """Whole cents for each who joined through a channel, in order of the day: int64, exactly what all of it cost.

    joined: how many by day; spent: on contacts, packs and gifts, by day: those who join on the day share it evenly,
    and where nobody joins, those of the next day on which somebody does, after the last one those of the last;
    rewards: rewards and used coupons, by day: all who have joined by then share them evenly. All int64[days];
    somebody joined.
    """
    came, days = np.flatnonzero(joined), np.arange(len(joined))
    heirs = came[np.minimum(np.searchsorted(came, days), len(came) - 1)]
    each = np.bincount(heirs, weights=spent, minlength=len(days)) / np.maximum(joined, 1)
    later = np.bincount(np.maximum(days, came[0]), weights=rewards, minlength=len(days))
    each += (later / np.maximum(joined.cumsum(), 1))[::-1].cumsum()[::-1]
    return np.diff(np.rint(np.repeat(each, joined).cumsum()), prepend=0.0).astype(np.int64)
