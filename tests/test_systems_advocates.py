"""Advocates, referral without end, privileged codes and bundles: growth that compounds, and where it bends.

Twin worlds of fixed seeds under the default response; the replication is the unit, and each test names the smallest
effect that matters.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sim.accounting.posting import ADVOCATE, INVITATIONS, JOINED, REFERRAL
from tests.lab import Effect, Lab, Told, strategy

MONTH = 30


def joined(told: Told, channel: int, first: int, last: int) -> float:
    """Who joined through a channel on days [first, last)."""
    return float(told.ledger.flows[first:last, channel, JOINED].sum())


def asked(told: Told, channel: int, first: int, last: int) -> float:
    """Persons whom members told of it in that channel on days [first, last)."""
    assert told.ledger.responses is not None
    return float(told.ledger.responses[first:last, channel, INVITATIONS].sum())


def within(worlds: Sequence[Told], measure: Any, before: tuple[int, int], after: tuple[int, int]) -> Effect:
    """A later stretch of days against an earlier one of the same worlds, as a mean per day."""
    one, two = (np.array([measure(told, *days) / (days[1] - days[0]) for told in worlds]) for days in (before, after))
    return Effect(one, two)


# -- advocates -------------------------------------------------------------------------------------------------------

SPEAK = {"advocates.count": 20}
SEVERAL: dict[str, Any] = {"members": 2000, "days": 180, "replications": 12}


def koc(**settings: Any) -> str:
    """A start with twenty advocates, varied."""
    return ":".join(["koc_start", *(f"{key}={value}" for key, value in {**SPEAK, **settings}.items())])


def through(first: int, last: int) -> Any:
    """A measure: who joined through advocates on days [first, last)."""
    return lambda told: joined(told, ADVOCATE, first, last)


@pytest.mark.shows("story-20", knockout={"response.inviting.advocate": 0.0})
def test_a_few_advocates_carry_growth_until_their_circles_are_used_up(lab: Lab) -> None:
    """Twenty advocates beside two thousand members who are left alone.

    Smallest effects that matter: a hundredth of the members adds a fourth to the newcomers of the first month; in the
    fifth and sixth month advocates bring less than half as many as in the first.
    """
    nothing, some = (lab.worlds(what, **SEVERAL) for what in ("do_nothing", koc()))
    assert lab.effect(nothing, some, lambda told: float(told.total("joined", 0, MONTH))).at_least(0.25)
    assert within(some, lambda told, *days: joined(told, ADVOCATE, *days), (0, 30), (120, 180)).at_least(-0.5)


@pytest.mark.shows(
    "A073",
    knockout={
        "market.network.close": 1,
        "market.network.friends": 1,
        "market.network.acquaintances_least": 1_000_000,
        "market.network.acquaintances_most": 1_000_000,
    },
)
def test_circles_of_advocates_fill(lab: Lab) -> None:
    """Advocates who are cared for go on telling people, of whom ever fewer are new to it.

    Smallest effect that matters: of those told in the fifth and sixth month less than half the share joins of those
    told in the first; meanwhile advocates tell at least half as many a day. Where everybody knew everybody, circles
    would not fill.
    """
    worlds = lab.worlds(koc(), **SEVERAL)

    def share(told: Told, first: int, last: int) -> float:
        return joined(told, ADVOCATE, first, last) / asked(told, ADVOCATE, first, last) * (last - first)

    words = within(worlds, lambda told, *days: asked(told, ADVOCATE, *days), (0, 30), (120, 180))
    assert words.relative > -0.5
    assert within(worlds, share, (0, 30), (120, 180)).at_least(-0.5)


@pytest.mark.shows("A072", knockout={"response.inviting.spread": 0.0})
def test_advocates_chosen_by_what_they_did_beat_a_random_choice(lab: Lab) -> None:
    """Ten of each, cared for alike. Smallest effect that matters: 25 % more joins in three months."""
    ten: dict[str, Any] = {"members": 2000, "days": 90, "replications": 24}
    drawn = koc(**{"advocates.count": 10, "advocates.choose": "random"})
    assert lab.twins(drawn, koc(**{"advocates.count": 10}), through(0, 90), **ten).at_least(0.25)


@pytest.mark.shows("A074", knockout={"response.inviting.fading": 3650.0})
def test_advocates_without_recognition_fade(lab: Lab) -> None:
    """Recognition each month against none after the first.

    Smallest effects that matter: from the second month on, those without bring 30 % fewer in four months, and in the
    last month tell a tenth of those whom they told in the first.
    """
    some, none = (lab.worlds(what, **SEVERAL) for what in (koc(), koc(**{"advocates.care_every": 36500})))
    assert lab.effect(some, none, through(60, 180)).at_least(-0.3)
    assert within(none, lambda told, *days: asked(told, ADVOCATE, *days), (0, 30), (150, 180)).at_least(-0.9)


# -- referral without end --------------------------------------------------------------------------------------------

POOL = {"market.size": 30_000}
ENDLESS = "bribed_referral:referral.stop=100000:referral.reward=100"
"""Bring three, get 100 CNY, for ever."""
SPREADING: dict[str, Any] = {"members": 300, "days": 240, "replications": 16}


def pool(lab: Lab, **changes: Any) -> Lab:
    """The laboratory with a market of thirty thousand persons."""
    return Lab(POOL | changes | lab.changes)


def reproduction(told: Told, first: int, last: int, days: int = 60) -> float:
    """How many others each newcomer of days [first, last) brought within so many days."""
    recruiter, day = told.world.recruiter, told.members("joined")
    assert recruiter is not None
    assert last + days <= told.world.day
    recruiter.lineage.reserve(len(day))
    inviter = recruiter.lineage.links[: len(day), 0]
    child = np.nonzero(inviter >= 0)[0]
    soon = child[day[child] - day[inviter[child]] < days]
    brought = np.bincount(inviter[soon], minlength=len(day))
    return float(brought[(day >= first) & (day < last)].mean())


@pytest.mark.shows("story-21", knockout={"response.inviting.hunter": 0.0, "response.inviting.bribe": 0.0})
def test_referral_grows_on_itself(lab: Lab) -> None:
    """Three hundred members and a scheme that pays, in a market of thirty thousand.

    Smallest effects that matter: newcomers of the first month bring more than one other each within sixty days, and
    three times as many join in the third month as in the first.
    """
    worlds = pool(lab).worlds(ENDLESS, **SPREADING)
    each = np.array([reproduction(told, 0, 30) for told in worlds])
    assert Effect(np.ones(len(each)), each).at_least(0.25)
    assert within(worlds, lambda told, *days: joined(told, REFERRAL, *days), (0, 30), (60, 90)).at_least(2.0)


@pytest.mark.shows("story-21", knockout={"market.size": 300_000})
def test_referral_bends_before_everybody_is_reached(lab: Lab) -> None:
    """The same: what grew on itself ends, though most of the market has not joined.

    Smallest effects that matter: newcomers of the fourth month bring less than 0.8 others each, while fewer than a
    third of all persons are members; in the last month a third join of those who joined in the third; never more than
    half of the market. In a market ten times as large it would go on.
    """
    worlds = pool(lab).worlds(ENDLESS, **SPREADING)
    each = np.array([reproduction(told, 90, 120) for told in worlds])
    assert Effect(np.ones(len(each)), each).at_least(-0.2)
    size = worlds[0].world.plan.market.size
    for told in worlds:
        assert told.metric("members")[90] < size / 3
        assert told.world.population.count < size / 2
        assert len(set(told.members("key").tolist())) == told.world.population.count
    assert within(worlds, lambda told, *days: joined(told, REFERRAL, *days), (60, 90), (210, 240)).at_least(-0.66)


@pytest.mark.shows("A121", knockout={"market.size": 1_000_000})
def test_privileged_codes_start_fast_and_end_at_the_pool(lab: Lab) -> None:
    """Codes for tier members alone, worth 300 CNY to both, in a market of five thousand, of whom two are members.

    Smallest effects that matter: in the last four months 60 % fewer join a day than in the first four, though as many
    are asked; of those asked, 70 % fewer join. Members without a tier bring nobody by a code.
    """
    codes = strategy(tiers={}, referral={"tier": 1, "privilege": 1.0, "reward": 300, "friend_reward": 300})
    lab = Lab({"market.size": 5000} | lab.changes)
    worlds = lab.worlds(codes, members=2000, days=540, replications=6)
    first, last = (0, 120), (420, 540)
    assert within(worlds, lambda told, *days: joined(told, REFERRAL, *days), first, last).at_least(-0.6)
    assert within(worlds, lambda told, *days: asked(told, REFERRAL, *days), first, last).relative > 0.0

    def share(told: Told, begin: int, end: int) -> float:
        return joined(told, REFERRAL, begin, end) / asked(told, REFERRAL, begin, end) * (end - begin)

    assert within(worlds, share, first, last).at_least(-0.7)
    for told in worlds:
        assert told.world.population.count < told.world.plan.market.size


# -- bundles and archetypes ------------------------------------------------------------------------------------------

NO_GROUPS, NO_DAY = "community.on=false", "member_day.on=false"
NO_WORDS = "messaging.on=false:content.on=false:tags.on=false"


@pytest.mark.shows("A006", knockout={"response.visiting.impulse": 0.0, "response.visiting.trust_pace": 0.0})
def test_a_bundle_does_more_than_each_part_of_it(lab: Lab) -> None:
    """Groups, mini-program and member day in coffee: together, each alone, and nothing, for half a year.

    Smallest effects that matter, in repeat orders of members of day 0: 15 % more than without, and 3 % more than
    under the best of the three alone.
    """
    sizes: dict[str, Any] = {"market": "coffee", "members": 2000, "days": 180, "replications": 10}

    def orders(told: Told) -> float:
        return float((told.founders("orders") - told.founders("orders_before")).sum())

    nothing, bundle, groups, words, days = (
        np.array([orders(told) for told in lab.worlds(what, **sizes)])
        for what in (
            "do_nothing",
            "coffee_bundle",
            f"coffee_bundle:{NO_WORDS}:{NO_DAY}",
            f"coffee_bundle:{NO_GROUPS}:{NO_DAY}",
            f"coffee_bundle:{NO_GROUPS}:{NO_WORDS}",
        )
    )
    assert Effect(nothing, bundle).at_least(0.15)
    for alone in (groups, words, days):
        assert Effect(alone, bundle).at_least(0.03)


@pytest.mark.shows(
    "A015", knockout={"response.signing.lure": 0.0, "response.signing.kept": 0.0, "response.gathering.speaks": 0.0}
)
def test_three_archetypes_are_best_at_three_things(lab: Lab) -> None:
    """Membership, community and expert at one budget, for a year; the same members in each.

    Smallest effects that matter: members come most often under the membership (20 % more visits than under the
    others), most is said and most newcomers come in the community (50 % more), and the expert is trusted
    most (5 % more).
    """
    sizes: dict[str, Any] = {"members": 1500, "days": 365, "replications": 6}
    member, group, expert = (lab.worlds(f"archetype_{name}", **sizes) for name in ("membership", "community", "ip"))

    def visits(told: Told) -> float:
        return float(told.total("own_visits") + told.total("message_visits"))

    def said(told: Told) -> float:
        return float(told.total("posts") + told.total("interactions"))

    def trust(told: Told) -> float:
        return float(told.founders("trust").mean())

    for one, other in ((group, member), (expert, member)):
        assert lab.effect(one, other, visits).at_least(0.2)
    for one in (member, expert):
        assert lab.effect(one, group, said).at_least(0.5)
        assert lab.effect(one, group, lambda told: float(told.total("joined"))).at_least(0.5)
    for one in (member, group):
        assert lab.effect(one, expert, trust).at_least(0.05)
