"""Community groups, seen as their systems are told: groups live by talk, die of adverts, and stay dead.

Every story is told with the default response in twin worlds of fixed seeds, the replication being the unit, in a
membership that nobody joins, so that the groups stay the same; each test names the smallest effect that matters.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from sim.communities import DAILY, DEAD
from sim.engine import World
from sim.strategy import Strategy
from tests.lab import Effect, Lab, Told, closed_lab, strategy  # noqa: F401

SIZE: dict[str, Any] = {"members": 4000, "days": 180, "replications": 8}
CLOSED = {"market.joining.yearly_share": 0.0}
UNHEARD = {"response.gathering.drowned": 0.0}
"""Adverts do not stand between members."""
MONTH = 30


def closed(lab: Lab) -> Lab:
    """The same laboratory without newcomers."""
    return Lab(CLOSED | lab.changes)


def groups(adverts: float = 0.0, value: float = 0.0, start: int = 0, stop: int = 10_000, **more: Any) -> Strategy:
    """Community groups in which so many adverts, and useful or amusing posts, are posted a day."""
    posts, period = adverts + value, {"start": start, "stop": stop}
    lever: dict[str, Any] = {"groups": 10, **more}
    if posts == 0.0:
        return strategy(guard={"quota": "none"}, community=lever)
    return strategy(
        guard={"quota": "none"},
        community=lever,
        messaging={"per_week": 7.0 * posts, "path": "community", **period},
        content={"benefit": adverts / posts, "fun": 0.4, "capacity": 500.0, "formats": 4, **period},
    )


def book(told: Told, name: str, first: int = 0, last: int | None = None) -> float:
    """A line of the groups' book summed over levels and days [first, last)."""
    daily = told.ledger.groups
    assert daily is not None
    return float(daily[first:last, :, DAILY.index(name)].sum())


def talk(first: int, last: int | None = None, of: str = "living") -> Callable[[Told], float]:
    """A measure: posts a member and day; of: the members of groups, or those of them who have not drifted away."""
    return lambda told: book(told, "posts", first, last) / max(book(told, of, first, last), 1.0)


def gone(first: int = 0, last: int | None = None) -> Callable[[Told], float]:
    """A measure: members who left their group, muted or blocked, on days [first, last); most blockers were inside."""
    return lambda told: told.total("group_left", first, last) + told.total("muted", first, last)


def values(worlds: Sequence[Told], measure: Callable[[Told], float]) -> np.ndarray:
    """A measure of each replication."""
    return np.array([measure(told) for told in worlds])


@functools.cache
def _doses(changes: tuple[tuple[str, Any], ...]) -> dict[tuple[float, float], list[Told]]:
    lab = Lab(dict(changes))
    arms = ((0, 0), (0, 1), (1, 0), (2, 0), (3, 0), (10, 0), (1, 1), (2, 1))
    return {(a, v): lab.worlds(groups(a, v), **SIZE) for a, v in arms}


def doses(lab: Lab) -> dict[tuple[float, float], list[Told]]:
    """Worlds by (adverts a day, value posts a day), lived once."""
    return _doses(tuple(sorted(closed(lab).changes.items())))


# -- groups die of adverts, and stay dead ----------------------------------------------------------------------------


@pytest.mark.shows("story-22", "A020", knockout=UNHEARD)
def test_groups_bear_two_adverts_a_day_and_die_of_three(lab: Lab) -> None:
    """Posts of those present in the third to the sixth month, by adverts a day.

    One a day costs at most 15 % and two 35 %; three cost 60 % at least, more than the first two together, and half of
    the groups are dead by the end; at ten fewer than one in twenty posts.
    """
    arms = {a: values(doses(lab)[a, 0], talk(90)) for a in (0, 1, 2, 3, 10)}
    none = arms[0]
    assert none.mean() > 0.35
    assert Effect(none, arms[1]).relative > -0.15
    assert Effect(none, arms[2]).relative > -0.35
    assert Effect(none, arms[3]).at_least(-0.60)
    assert Effect(arms[2] - none, arms[3] - arms[2]).mean < 0.0
    assert Effect(none, arms[10]).at_least(-0.85)
    assert arms[10].max() < DEAD
    dead = [book(t, "dead", -1) / book(t, "groups", -1) for t in doses(lab)[3, 0]]
    assert np.mean(dead) > 0.5
    assert sum(book(t, "dead", -1) for t in doses(lab)[2, 0]) == 0.0


ADS = {"adverts": 10.0, "start": 30, "stop": 60}


@pytest.mark.shows("story-22", "A020", knockout={"response.gathering.unasked": 0.1})
def test_a_dead_group_does_not_wake_when_the_adverts_stop(lab: Lab) -> None:
    """Ten adverts a day from day 30 to 60, lived for 300 days.

    Within ten days fewer than one in ten posts; without adverts it stays below one in twenty for the next 120
    days, twelve times as long as the fall took, where the twin that never had any posts seven times as much. Two
    weeks of staff posts wake it: from the fourth week after they began on, nine tenths of the twin's.
    """
    sizes = SIZE | {"days": 300}
    never = closed(lab).worlds(groups(), **sizes)
    loud = closed(lab).worlds(groups(**ADS), **sizes)
    woken = closed(lab).worlds(groups(**ADS, wake_day=180), **sizes)
    assert values(loud, talk(20, 30)).min() > 0.35
    assert values(loud, talk(37, 40)).max() < 0.10
    assert values(loud, talk(60, 180)).max() < DEAD
    assert lab.effect(never, loud, talk(60, 180)).at_least(-0.85)
    assert lab.effect(never, woken, talk(205, 300)).relative > -0.10
    assert lab.effect(loud, woken, talk(205, 300)).at_least(2.0)


@pytest.mark.shows("A013", knockout=UNHEARD)
def test_a_group_that_only_carries_adverts_is_left(lab: Lab) -> None:
    """Four adverts a day and nothing else, for half a year, and a twin in which nobody sells.

    More members are gone at the end of each month than at the end of the one before; in all two and a half times as
    many as in the twin. Posts a member fall under 2 %, and in the twin they stay above 30 %.
    """
    quiet, loud = doses(lab)[0, 1], closed(lab).worlds(groups(4.0), **SIZE)
    monthly = np.array([[gone(day, day + MONTH)(t) for day in range(0, 180, MONTH)] for t in loud])
    assert (monthly > 0).all()
    assert lab.effect(quiet, loud, gone()).at_least(1.5)
    assert values(loud, talk(150, of="members")).max() < 0.02
    assert values(quiet, talk(150, of="members")).min() > 0.30


@pytest.mark.shows("B012", knockout=UNHEARD | {"response.temperament.tolerance": 1e9})
def test_groups_bear_one_or_two_messages_a_day_and_three_cheap_offers_make_a_dump(lab: Lab) -> None:
    """Beside a group with a useful post a day: with an advert a day 1.4 times as many are gone after half a year at
    most, and 1.7 times with two; activity stays above 75 % of it. Where three cheap offers a day are all there is,
    twice as many are gone, and of the adverts a third of the opens is left in the last month at most.
    """
    useful, one, two, dump = (doses(lab)[arm] for arm in ((0, 1), (1, 1), (2, 1), (3, 0)))
    assert lab.effect(useful, one, gone()).relative < 0.40
    assert lab.effect(useful, two, gone()).relative < 0.70
    assert lab.effect(useful, two, talk(60)).relative > -0.25
    assert lab.effect(useful, dump, gone()).at_least(1.0)

    def opened(told: Told) -> float:
        return told.total("opens_benefit", 150) / told.total("messages_benefit", 150)

    assert lab.effect(doses(lab)[1, 0], dump, opened).at_least(-0.67)


@pytest.mark.shows("A022", knockout=UNHEARD)
def test_groups_live_on_weak_marketing(lab: Lab) -> None:
    """Two pieces a day, one in ten of which sells, against four adverts a day.

    Posts a present member rise from the first month to the sixth by 5 %, while under the broadcast they fall by nine
    tenths; half as many more are there at the end, not counting those who have drifted away.
    """
    weak = closed(lab).worlds(groups(0.2, 1.8), **SIZE)
    loud = closed(lab).worlds(groups(4.0), **SIZE)
    assert Effect(*(values(weak, talk(day, day + MONTH)) for day in (0, 150))).at_least(0.05)
    assert Effect(*(values(loud, talk(day, day + MONTH)) for day in (0, 150))).at_least(-0.90)
    assert lab.effect(loud, weak, lambda t: book(t, "living", -1)).at_least(0.50)


# -- levels ----------------------------------------------------------------------------------------------------

LEVELS: dict[str, Any] = {"high_groups": 8, "vip_groups": 2}


def first_evening(world: World) -> None:
    """Keep who was in which level, and what all had spent, on the first evening."""
    if world.day == 1 and world.operator is not None:
        group = world.population.column("group")
        communities = world.operator.communities
        level = np.full(len(group), -1)
        if communities is not None:
            level[group >= 0] = communities.state["level"][group[group >= 0]]
        vars(world)["kept"] = (level, world.population.column("spend"))


def spent(levels: np.ndarray, told: Told, level: int) -> float:
    """Mean spend since the first evening of those who were then in a level."""
    return float((told.members("spend") - vars(told.world)["kept"][1])[levels == level].mean())


@pytest.mark.shows("A067", knockout={"response.gathering.trust": 0.0})
def test_levels_differ_by_selection_first(lab: Lab) -> None:
    """A year of high-value groups: their members spend three times as much as those of ordinary groups.

    So they do in the twin in which there are no groups: that is whom they picked. What a group does to the same
    persons is seen by the twin alone: 5 % at least and 30 % at most.
    """
    sizes = SIZE | {"days": 365, "watch": first_evening}
    there = closed(lab).worlds(groups(**LEVELS), **sizes)
    nobody = closed(lab).worlds(strategy(), **sizes)
    levels = [vars(told.world)["kept"][0] for told in there]

    def means(worlds: Sequence[Told], level: int) -> np.ndarray:
        return np.array([spent(kept, told, level) for kept, told in zip(levels, worlds, strict=True)])

    selected = Effect(means(nobody, 0), means(nobody, 1))
    assert Effect(means(there, 0), means(there, 1)).at_least(2.0)
    assert selected.at_least(2.0)
    for level in (0, 1):
        effect = Effect(means(nobody, level), means(there, level))
        assert effect.at_least(0.05)
        assert effect.relative < 0.30
        assert effect.relative < 0.2 * selected.relative


@pytest.mark.shows("A046", knockout={"response.gathering.personal": 0.0})
def test_a_founder_has_only_so_many_hours(lab: Lab) -> None:
    """An hour a day of the founder's own for about fifty VIPs, and for about three hundred, for a year.

    With fifty, a fifth fewer of them at least drift away than where he gives no time; with three hundred the share
    kept is less than half of that, though more time in all would keep it.
    """
    sizes = SIZE | {"days": 365, "watch": first_evening, "replications": 12}

    def vips(share: float, hours: float) -> tuple[np.ndarray, float]:
        worlds = closed(lab).worlds(
            groups(vip_groups=1, vip_seats=400, high_share=0.0, vip_share=share, vip_hours=hours), **sizes
        )
        inside = [vars(told.world)["kept"][0] == 2 for told in worlds]
        left = [1.0 - told.founders("attached")[some].mean() for told, some in zip(worlds, inside, strict=True)]
        return np.array(left), float(np.mean([some.sum() for some in inside]))

    (few_alone, few), (few_kept, _) = vips(0.05, 0.0), vips(0.05, 1.0)
    (many_alone, many), (many_kept, _), (all_kept, _) = vips(0.30, 0.0), vips(0.30, 1.0), vips(0.30, 6.0)
    assert 40 < few < 60 < 250 < many
    kept = Effect(few_alone, few_kept)
    assert kept.at_least(-0.20)
    assert Effect(many_alone, many_kept).relative > 0.5 * kept.relative
    assert Effect(many_alone, all_kept).at_least(-0.20)


@pytest.mark.shows("A068", knockout={"strategy.community.review": 3650})
def test_members_move_between_levels_by_what_they_spend(lab: Lab) -> None:
    """Monthly reviews for a year: of ordinary members some rise, of high-value members some fall.

    Those who rise have spent twice as much since the last review as those who stay, and those who fall less
    than a third of what those who stay above have.
    """
    moves: list[list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = []

    def reviews(world: World) -> None:
        if world.day == 1:
            moves.append([])
        if world.day % MONTH == 1:  # the evening after a review
            group, spend = world.population.column("group"), world.population.column("spend")
            level = np.where(group < 0, -1, np.searchsorted([10, 18], group, side="right"))
            before = vars(world).get("kept")
            if before is not None:
                moves[-1].append((before[0], level, spend - before[1]))
            vars(world)["kept"] = (level, spend)

    closed(lab).worlds(groups(**LEVELS), watch=reviews, **(SIZE | {"days": 365}))

    def spends(at: int, to: int) -> np.ndarray:
        out = [np.concatenate([s[(a == at) & (b == to)] for a, b, s in world]) for world in moves]
        return np.array([some.mean() if len(some) else 0.0 for some in out])

    assert Effect(spends(0, 0), spends(0, 1)).at_least(1.0)
    assert Effect(spends(1, 1), spends(1, 0)).at_least(-0.67)
    count = np.zeros((3, 3))
    for world in moves:
        for a, b, _ in world:
            np.add.at(count, (a[(a >= 0) & (b >= 0)], b[(a >= 0) & (b >= 0)]), 1)
    stay = np.diag(count) / count.sum(axis=1)
    assert (stay[:2] > 0.8).all()
    assert count[0, 1] > 100
    assert count[1, 0] > 100


# -- rules and cleaning ----------------------------------------------------------------------------------------


@pytest.mark.shows("A069", knockout={"strategy.community.moderation": 0.0})
def test_moderation_keeps_members_own_adverts_out(lab: Lab) -> None:
    """Four fifths fewer adverts of members' own, and 0.5 % more posts that are none, a present member and day."""
    free = closed(lab).worlds(groups(), **SIZE)
    kept = closed(lab).worlds(groups(moderated=True), **SIZE)
    assert lab.effect(free, kept, lambda t: book(t, "hawked")).at_least(-0.80)
    useful = lab.effect(free, kept, lambda t: (book(t, "posts") - book(t, "hawked")) / book(t, "living"))
    assert useful.at_least(0.005)


@pytest.mark.shows("A071", knockout={"strategy.community.clean_after": 0})
@pytest.mark.parametrize("strike_off", [False, True])
def test_cleaning_raises_the_rate_and_not_the_number(lab: Lab, strike_off: bool) -> None:
    """A review on day 240 puts out whoever was silent for 30 days, in one of the twins.

    In the month after it posts a member of a group rise by 10 % over the twin's, and posts by less than 1 %. Where
    the silent are struck off the list as well, so does the share of members who are engaged, and not their number.
    """
    sizes = SIZE | {"days": 270}
    all_stay = closed(lab).worlds(groups(review=240), **sizes)
    cleaned = closed(lab).worlds(groups(review=240, clean_after=30, strike_off=strike_off), **sizes)
    assert lab.effect(all_stay, cleaned, talk(0, 240, of="members")).mean == 0.0
    assert lab.effect(all_stay, cleaned, talk(240, of="members")).at_least(0.10)
    assert abs(lab.effect(all_stay, cleaned, lambda t: book(t, "posts", 240)).relative) < 0.01
    if strike_off:
        assert all(t.total("cleaned") > 0 for t in cleaned)
        members = lab.effect(all_stay, cleaned, lambda t: t.end("engaged_7") / t.end("members"))
        assert members.mean > 0.0
        assert abs(lab.effect(all_stay, cleaned, lambda t: t.end("engaged_7")).relative) < 0.01
