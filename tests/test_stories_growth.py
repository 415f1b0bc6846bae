"""Stories of growth: what is offered to whom decides who comes, and who comes decides what is left.

Every test says its horizon and the smallest effect that matters; the people are the defaults in every story, and
whoever is asked decides for himself. A reward lasts for a month; newcomers are followed for 90 days.
"""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise, product
from typing import Any

import numpy as np
import pytest

from sim.accounting.posting import CHANNELS, REFERRAL
from sim.engine import World
from sim.strategy import Strategy
from tests.lab import Effect, Lab, Told, strategy

MONTH = 30
BOTH = {"reward": 50.0, "friend_reward": 50.0}
ONE = {"reward": 50.0, "needed": 3}


def referral(**how: Any) -> Strategy:
    """A referral scheme for a month."""
    return strategy(referral={"stop": MONTH, **how})


def adverts(budget: float = 30_000.0, entrance: str = "trial_ads", **how: Any) -> Strategy:
    """A paid entrance for a month."""
    return strategy(acquisition={entrance: budget, "stop": MONTH, **how})


ARMS: dict[str, tuple[str, Strategy]] = {
    "unpaid": ("referral", referral()),
    "two_sided": ("referral", referral(**BOTH)),
    "public": ("trial_ads", adverts()),
    "join_bribe": ("trial_ads", adverts(coupon=50.0)),
    "one_sided": ("referral", referral(**ONE)),
}
"""Five ways to win newcomers, by the channel that they come through: the rest is who says yes."""


def rate(channel: str, what: str, last: int | None = MONTH + 1) -> Callable[[Told], float]:
    """The share of a channel's newcomers who are hunters, or active after 30 or 90 days."""
    return lambda told: told.came(channel, what, 0, last) / max(told.came(channel, "joined", 0, last), 1)


def each(worlds: Sequence[Told], measure: Callable[[Told], float]) -> np.ndarray:
    """A measure of each replication."""
    return np.array([measure(told) for told in worlds], dtype=float)


def shares(lab: Lab, what: str, names: Sequence[str] = tuple(ARMS), **sizes: Any) -> dict[str, np.ndarray]:
    """`rate` of the newcomers of each arm, by replication; members: of each arm, where they differ."""
    members = sizes.pop("members")
    out = {}
    for name in names:
        channel, how = ARMS[name]
        count = members[name] if isinstance(members, dict) else members
        out[name] = each(lab.worlds(how, members=count, **sizes), rate(channel, what))
    return out


# -- cash for inviting: up like a rocket, down like a stick ----------------------------------------------------------


@pytest.mark.shows("story-1", "A018", knockout={"response.inviting.hunter": 0.0, "response.inviting.bribe": 0.0})
def test_cash_for_inviting_fills_the_base_for_as_long_as_it_is_paid(lab: Lab) -> None:
    """Bring three and get 50 CNY, for a month; 150 days.

    Smallest effects that matter: three times as many join in that month as in the twin, and from the next month on as
    many as there, within 3 %. Of those it won beyond the twin fewer than 15 in a hundred are engaged 120 days after
    its end, where two-sided rewards keep half: members who count have hardly grown for all the joining.
    """
    size: dict[str, Any] = {"members": 4000, "days": MONTH + 120, "replications": 16}
    never, bribed, both = (lab.worlds(how, **size) for how in (strategy(), "bribed_referral", "two_sided_referral"))
    assert lab.effect(never, bribed, lambda told: told.total("joined", 0, MONTH)).at_least(2.0)
    for first in range(MONTH, 120, MONTH):
        month = lab.effect(never, bribed, lambda told, at=first: told.total("joined", at, at + MONTH))
        assert abs(month.relative) < 0.03

    def left(worlds: Sequence[Told]) -> np.ndarray:
        engaged, joined = (
            lab.effect(never, worlds, one)
            for one in (lambda told: told.end("engaged_30"), lambda told: told.total("joined", 0, MONTH + 1))
        )
        return (engaged.other - engaged.base) / (joined.other - joined.base)

    assert left(bribed).mean() < 0.15
    assert left(both).mean() > 0.50
    assert Effect(left(both), left(bribed)).at_least(-0.70)


@pytest.mark.shows("story-1", "A017", knockout={"response.joining.idle_hazard": 0.0})
def test_whom_cash_brought_leave_when_it_is_spent(lab: Lab) -> None:
    """The same month, in a membership of 4,000; newcomers followed for 90 days, costs for 120 more.

    Fewer than 15 in a hundred are active on day 90, less than half as many as of walk-ins (smallest effect that
    matters: 60 % fewer), and hunters among them have drifted away more than those who want the goods. Each member
    more who is engaged 120 days after the end costs 10 % more than by rewards for both.
    """
    size: dict[str, Any] = {"members": 4000, "days": MONTH + 120, "replications": 24}
    never, bribed, both = (lab.worlds(how, **size) for how in (strategy(), "bribed_referral", "two_sided_referral"))
    won, walked = each(bribed, rate("referral", "active_90")), each(never, rate("organic", "active_90"))
    assert won.mean() < 0.15
    assert Effect(walked, won).at_least(-0.60)

    def stays(hunter: int) -> Callable[[Told], float]:
        def share(told: Told) -> float:
            own = (told.members("channel") == REFERRAL) & (told.members("wants") == 1)
            return float(told.members("attached")[own & (told.members("hunter") == hunter)].mean())

        return share

    assert Effect(each(bribed, stays(0)), each(bribed, stays(1))).at_least(-0.50)
    more = [
        each(w, lambda t: t.end("engaged_30")) - each(never, lambda t: t.end("engaged_30")) for w in (both, bribed)
    ]
    costs = [each(w, lambda t: t.total("cost")) for w in (both, bribed)]
    assert Effect(costs[0] / more[0], costs[1] / more[1]).at_least(0.10)


HALF_AN_ORDER = {"beauty": 50, "apparel": 130, "default": 12.7, "education": 900}
"""CNY that are half of a market's median order."""
LEAD = {"beauty": 0.08, "apparel": 0.17, "default": 0.28, "education": 0.33}
"""How much more of those whom rewards for both brought are active on day 30 than of walk-ins, at least."""
MOST_LEAD = 0.45


@pytest.mark.parametrize("market", HALF_AN_ORDER)
@pytest.mark.shows("story-1", "A018", "A025", knockout={"response.joining.idle_hazard": 0.0})
def test_half_an_order_does_the_same_everywhere(lab: Lab, market: str) -> None:
    """Half of a usual order to who brings three, and to both friends, for a month, in four markets; 90 days more.

    Of friends invited for both 30 to 42 in a hundred join, and on day 30 they lead walk-ins: by 8 % in beauty, where
    seven walk-ins in ten are active, by 17, 28 and 33 % where fewer are, and nowhere by more than 45 %. Of those whom
    the bribe brought fewer than 15 in a hundred are active on day 90, and each of them costs 10 % more.
    """
    size: dict[str, Any] = {"members": 8000, "days": MONTH + 92, "replications": 12, "market": market}
    half = HALF_AN_ORDER[market]
    two_sided = f"two_sided_referral:referral.reward={half}:referral.friend_reward={half}"
    ways = (strategy(), f"bribed_referral:referral.reward={half}", two_sided)
    never, bribed, both = (lab.worlds(how, **size) for how in ways)
    asked = each(both, lambda t: t.total("invitations") - t.total("already_members"))
    assert 0.30 < (each(both, lambda t: t.came("referral")) / asked).mean() < 0.42
    stay = each(never, rate("organic", "active_30")), each(both, rate("referral", "active_30"))
    assert Effect(*stay).at_least(LEAD[market])
    assert (stay[1] / stay[0]).mean() < 1.0 + MOST_LEAD
    assert each(bribed, rate("referral", "active_90")).mean() < 0.15
    costs = [
        each(w, lambda t: t.total("cost")) / each(w, lambda t: t.came("referral", "active_90", 0, MONTH + 1))
        for w in (both, bribed)
    ]
    assert Effect(*costs).at_least(0.10)


# -- the reward's shape decides who comes ----------------------------------------------------------------------------

SIZES = {"unpaid": 30_000, "two_sided": 30_000, "public": 8000, "join_bribe": 2000, "one_sided": 2000}
"""Members of each arm, so that about as many newcomers come in each."""


@pytest.mark.shows(
    "story-2", "A017", "A025", knockout={"response.joining.reward": 0.0, "response.joining.reward_hunter": 0.0}
)
def test_who_comes_depends_on_what_is_offered_to_whom(lab: Lab) -> None:
    """A month of each of five ways to win newcomers.

    Coupon hunters among those won grow from a friend's word to rewards for both, adverts, a coupon for joining and
    cash for the inviter alone; smallest effects that matter: by 20, 10, 50 and 50 %.
    """
    hunters = shares(lab, "hunters", members=SIZES, days=MONTH + 1, replications=16)
    for (fewer, more), least in zip(pairwise(ARMS), (0.20, 0.10, 0.50, 0.50), strict=True):
        assert Effect(hunters[fewer], hunters[more]).at_least(least), (fewer, more)


WITHOUT_TRAITS: dict[str, Any] = {
    "response.temperament.fit_spread": 0.0,
    "response.temperament.hunters_close": 0.0,
    "response.temperament.hunters_friends": 0.0,
    "response.temperament.hunters_acquaintances": 0.0,
    "market.hunter_share": 0.2,
    "market.joining.public_hunters": 0.2,
    "market.joining.public_wants": 1.0,
    "response.joining.reward_hunter": 0.0,
    "response.joining.earn_hunter": 0.0,
    "response.inviting.hunter": 0.0,
    "response.inviting.chooses": 1,
    "response.pricing.taste_low": 1.0,
    "response.pricing.taste_sensitivity": 0.0,
    "response.pricing.taste_hunter": 1.0,
}
"""Hunters are one in five everywhere and want what others want; nobody looks whom the goods suit, or who is
greedy.
"""


@pytest.mark.shows(
    "story-2",
    knockout={"response.inviting.hunter": 0.0, "response.joining.earn_hunter": 0.0, "response.inviting.chooses": 1,
              "response.joining.reward_hunter": 0.0, "response.joining.reward": 0.0},
)  # fmt: skip
def test_the_order_is_selection_and_nothing_else(lab: Lab) -> None:
    """Where people do not differ in what draws them, all five ways bring the same people.

    Hunters' shares then lie within 0.03 of each other and within four standard errors, where with the people as they
    are the last is 50 points above the first. Nothing of what a channel is called makes anybody stay or go.
    """
    sizes: dict[str, Any] = {"days": MONTH + 1, "replications": 16}
    alike = shares(Lab(WITHOUT_TRAITS | lab.changes), "hunters", members=SIZES, **sizes)
    for one, other in combinations(ARMS, 2):
        gap = Effect(alike[one], alike[other])
        assert abs(gap.mean) < 0.03, (one, other)
        assert abs(gap.mean) < 4.0 * gap.error, (one, other)
    real = shares(lab, "hunters", ("unpaid", "one_sided"), members=SIZES, **sizes | {"replications": 4})
    assert (real["one_sided"] - real["unpaid"]).mean() > 0.50


@pytest.mark.shows(
    "story-2",
    knockout={"response.joining.reward_hunter": 0.0, "response.joining.reward": 0.0, "response.inviting.hunter": 0.0,
              "response.joining.earn_hunter": 0.0, "response.inviting.bribe": 0.0},
)  # fmt: skip
def test_hunters_follow_the_reward_from_channel_to_channel(lab: Lab) -> None:
    """Three entrances, each with a bribe and without: members' invitations, adverts and a content platform.

    Whichever has the bribe brings half as many hunters again as any that has none. Under another name the same
    rewards bring the same people, to the last.
    """
    ways: dict[str, tuple[Strategy, Strategy]] = {
        "referral": (referral(), referral(**ONE)),
        "trial_ads": (adverts(), adverts(coupon=50.0)),
        "content_platform": (
            adverts(entrance="content_platform"), adverts(entrance="content_platform", hook="bait", bait=50.0)
        ),
    }  # fmt: skip
    size: dict[str, Any] = {"members": 4000, "days": MONTH + 1, "replications": 16}
    hunters = {
        name: [each(lab.worlds(how, **size), rate(name, "hunters")) for how in both] for name, both in ways.items()
    }
    for plain, bribed in product(ways, ways):
        assert Effect(hunters[plain][0], hunters[bribed][1]).at_least(0.50), (plain, bribed)

    swapped = "bribed_referral:referral.friend_reward=50:referral.needed=1:referral.cash=false"
    size["replications"] = 2
    for a, b in zip(lab.worlds(swapped, **size), lab.worlds("two_sided_referral", **size), strict=True):
        assert a.world.recruiter is not None
        assert b.world.recruiter is not None
        assert np.array_equal(a.world.recruiter.kept, b.world.recruiter.kept)
        assert np.array_equal(a.members("key"), b.members("key"))


# -- friends' friends fit, and stay ------------------------------------------------------------------------------

RATIOS = {"beauty": 0.08, "apparel": 0.20, "default": 0.15, "education": 0.30}
"""The same for 50 CNY, which are a fifth of an order in apparel, two orders in the default market and little in
education."""


@pytest.mark.parametrize("market", RATIOS)
@pytest.mark.shows(
    "A025", "A103", "story-2", knockout={"response.joining.friend": 0.0, "response.inviting.chooses": 1}
)
def test_friends_whom_both_gain_by_fit_and_stay(lab: Lab, market: str) -> None:
    """Rewards for both friends, for a month; walk-ins of the twin in which nobody is rewarded.

    Of invited friends who are no members 28 to 42 in a hundred join, and more for a reward of two orders. The goods
    suit them better than walk-ins (smallest effect that matters: 10 %), and more of them are active on day 30: by 8 %
    in beauty, where seven walk-ins in ten are, by 15 to 30 % where fewer are.
    """
    size: dict[str, Any] = {"members": 20_000, "days": MONTH + 32, "replications": 16, "market": market}
    never, both = lab.worlds(strategy(), **size), lab.worlds("two_sided_referral", **size)
    asked = each(both, lambda t: t.total("invitations") - t.total("already_members"))
    converted = (each(both, lambda t: t.came("referral")) / asked).mean()
    assert converted > 0.50 if market == "default" else 0.28 < converted < 0.42

    def fit(channel: str) -> Callable[[Told], float]:
        return lambda told: float(told.members("fit")[told.members("channel") == CHANNELS.index(channel)].mean())

    assert Effect(each(never, fit("organic")), each(both, fit("referral"))).at_least(0.10)
    stay = each(never, rate("organic", "active_30")), each(both, rate("referral", "active_30"))
    assert Effect(*stay).at_least(RATIOS[market])


@pytest.mark.parametrize("market", ["beauty", "apparel", "education"])
@pytest.mark.shows("A103", "story-2", knockout={"response.joining.idle_hazard": 0.0})
def test_newcomers_stay_by_how_they_were_won(lab: Lab, market: str) -> None:
    """Active on day 90 of those who came in a month: walk-ins, and those won by each of the five ways.

    A tenth fewer of those whom adverts brought than of walk-ins, half as many again as of those whom the bribe for
    the inviter brought. In education, where few walk in to stay, friends' friends lead by a tenth.
    """
    size: dict[str, Any] = {"members": 12_000, "days": MONTH + 92, "replications": 16, "market": market}
    kept = shares(lab, "active_90", ("two_sided", "public", "join_bribe", "one_sided"), **size)
    walked = each(lab.worlds(strategy(), **size), rate("organic", "active_90"))
    assert Effect(walked, kept["public"]).at_least(-0.10)
    assert Effect(kept["one_sided"], kept["public"]).at_least(0.50)
    assert Effect(kept["one_sided"], kept["join_bribe"]).at_least(0.50)
    assert Effect(kept["public"], kept["two_sided"]).at_least(0.10)
    if market == "education":
        assert Effect(walked, kept["two_sided"]).at_least(0.10)


@pytest.mark.shows("A103", knockout={"response.joining.guard": 1.0, "response.joining.company": 1.0})
def test_a_friend_holds_him_only_while_the_friend_is_there(lab: Lab) -> None:
    """Rewards for both friends, for a year, in one membership: hazards of drifting away of whom friends brought.

    While the friend stays it is a tenth smaller than after he has gone or where he had gone before; beside a
    twin in which friends do not hold each other, the one is a tenth smaller and the other the same within 5 %.
    """
    days: dict[int, np.ndarray] = {}

    def watch(world: World) -> None:
        column = world.population.column
        now = [column(name).copy() for name in ("attached", "guarded", "channel")]
        before = vars(world).get("kept")
        if before is not None:
            attached, guarded, channel = before
            here = (attached == 1) & (channel == REFERRAL)
            gone = here & (now[0][: len(here)] == 0)
            seen = days.setdefault(id(world), np.zeros((2, 2)))
            for held in (0, 1):
                seen[held] += ((gone & (guarded == held)).sum(), (here & (guarded == held)).sum())
        vars(world)["kept"] = now

    def hazards(where: Lab, held: int) -> np.ndarray:
        return each(worlds[where is lab], lambda t: days[id(t.world)][held, 0] / days[id(t.world)][held, 1])

    loose = Lab({"response.joining.guard": 1.0} | lab.changes)
    size: dict[str, Any] = {"members": 8000, "days": 365, "replications": 12, "watch": watch}
    worlds = {where is lab: where.worlds("two_sided_referral:referral.stop=10000", **size) for where in (loose, lab)}
    assert Effect(hazards(lab, 0), hazards(lab, 1)).at_least(-0.10)
    assert Effect(hazards(loose, 1), hazards(lab, 1)).at_least(-0.10)
    assert abs(Effect(hazards(loose, 0), hazards(lab, 0)).relative) < 0.05
