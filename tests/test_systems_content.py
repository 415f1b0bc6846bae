"""Content, personal match and tags, seen as their systems are told: with the mechanism on, and gone with it off.

Every story is told in the market of beauty, in `REPLICATIONS` twin worlds of fixed seeds, the replication being the
unit; each test names the smallest effect that matters. Lifts are between strategies, never between parameters.
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from sim.behaviour.novelty import Novelty
from sim.engine import World
from sim.operation import Operator
from sim.population import FIELDS, RELATION_FIELDS
from sim.strategy import Strategy, read_strategy
from sim.study import nps, rfm
from tests.lab import SEED, Effect, Lab, Told, closed_lab, strategy  # noqa: F401

REPLICATIONS, MEMBERS = 8, 1500
NO_QUOTA = {"quota": "none"}
SNAPSHOT = (
    "trust", "last_open", "last_active", "permission", "listed", "attached", "tag", "need", "messages", "opens",
    "orders", "spend",
)  # fmt: skip

NO_MATCH = {
    "response.opening.match": 0.0,
    "response.opening.visit_match": 0.0,
    "response.trust.useful": 0.0,
    "response.trust.fun": 0.0,
    "response.trust.mismatch": 0.0,
    "response.trust.misjudged": 0.0,
}
NO_DEPOSITS = {"response.trust.useful": 0.0, "response.trust.care": 0.0, "response.trust.fun": 0.0}
NO_WEAR = {"response.novelty.worn": 0.0, "response.novelty.worn_repeat": 0.0}
NO_FATIGUE = {"response.temperament.tolerance": 1e9}
SELLING_IS_FREE = {"response.trust.selling": 0.0, "response.trust.ignored": 0.0, "response.trust.mismatch": 0.0}


# -- worlds, each lived once -----------------------------------------------------------------------------------


class Seen(NamedTuple):
    """A finished world, and how its members stood on the evenings asked for: at[day][field], and as observed."""

    told: Told
    at: dict[int, dict[str, np.ndarray]]
    observed: dict[int, pd.DataFrame]


_LIVED: dict[str, list[Seen]] = {}


def live(
    lab: Lab,
    what: Strategy | str,
    *,
    at: Sequence[int] = (),
    observed: Sequence[int] = (),
    then: Sequence[tuple[int, Strategy]] = (),
    **sizes: Any,
) -> list[Seen]:
    """Worlds of a strategy, kept by all that makes them; then: on these days the operator turns to other ones."""
    sizes = {"replications": REPLICATIONS, "members": MEMBERS, "days": 180} | sizes
    name = repr((sorted(lab.changes.items()), what, sorted(sizes.items()), at, observed, then))
    if name not in _LIVED:
        kept: list[tuple[dict[int, dict[str, np.ndarray]], dict[int, pd.DataFrame]]] = []

        def watch(world: World) -> None:
            if world.day == 1:
                kept.append(({}, {}))
            if world.day in at:
                kept[-1][0][world.day] = {field: world.population.column(field) for field in SNAPSHOT}
            if world.day in observed:
                kept[-1][1][world.day] = rfm.observe(world)
            for day, other in then:
                if world.day == day:
                    plan = lab.plan(other)
                    world.operator = Operator(plan.strategy, plan.start, plan.market, plan.founders.count)

        worlds = lab.worlds(what, watch=watch, **sizes)
        for told in worlds:
            trim(told.world)
        _LIVED[name] = [Seen(told, *seen) for told, seen in zip(worlds, kept, strict=True)]
    return _LIVED[name]


def trim(world: World) -> None:
    """Give back the room that a world that is kept, and lives no more, has for further members."""
    people = world.population
    for name in ("blocks", "relations", "touches", "due"):
        setattr(people, name, [part[: people.count].copy() for part in getattr(people, name)])


def programme(per_week: float, **given: Any) -> Strategy:
    """Messages `per_week`, of which three in ten sell, in four formats; given: settings of levers by name.

    own=True: about what each is tagged to want, at his hour; four in five are tagged, 15 % wrongly, monthly anew.
    """
    own = given.pop("own", False)
    content: dict[str, Any] = {"benefit": 0.3, "fun": 0.3, "formats": 4, "capacity": 300.0, "piece_cost": 0.0}
    content |= {"topics": "own" if own else "general"} | given.pop("content", {})
    messaging = {"per_week": per_week, "own_hour": own} | given.pop("messaging", {})
    tagged = own or "tags" in given
    tags = {"coverage": 0.8, "error": 0.15, "refresh": 30.0, "hours": True} | given.pop("tags", {})
    levers = {"messaging": messaging, "content": content, "guard": NO_QUOTA | given.pop("guard", {})} | given
    return strategy(**levers, **({"tags": tags} if tagged else {}))


def selling(per_week: float) -> Strategy:
    """Nothing but promotions, all alike."""
    return programme(per_week, content={"benefit": 1.0, "formats": 1})


NOTHING = strategy()


def morning() -> Strategy:
    """One general message a week, in one format, at 10:00."""
    return programme(1.0, content={"formats": 1}, messaging={"hour": 10.0})


def effect(first: Sequence[Seen], second: Sequence[Seen], measure: Callable[[Seen], float]) -> Effect:
    """Second less first, over twins."""
    return Effect(np.array([measure(s) for s in first], float), np.array([measure(s) for s in second], float))


def total(name: str, first: int = 0, last: int | None = None) -> Callable[[Seen], float]:
    """A flow over days."""
    return lambda seen: float(seen.told.total(name, first, last))


def per(name: str, other: str, first: int = 0, last: int | None = None) -> Callable[[Seen], float]:
    """One flow per another over days."""
    return lambda seen: seen.told.total(name, first, last) / seen.told.total(other, first, last)


def mean(worlds: Sequence[Seen], measure: Callable[[Seen], float]) -> float:
    """A measure averaged over worlds."""
    return float(np.mean([measure(seen) for seen in worlds]))


def opted_out(seen: Seen) -> float:
    """Members who muted, blocked or left."""
    return float(sum(seen.told.total(name) for name in ("muted", "blocked", "left")))


def readers(seen: Seen) -> float:
    """The share of listed members who opened a message in the last seven days of the run."""
    people = seen.told.members("listed") == 1
    return float(np.mean(seen.told.world.day - 1 - seen.told.members("last_open")[people] < 7))


# -- trust -----------------------------------------------------------------------------------------------------


def kept_by_decile(worlds: Sequence[Seen]) -> np.ndarray:
    """Of the members of day 0, by decile of the trust with which they began: who is kept at the end, by world.

    Kept is who is attached, reachable and has read within 30 days. Trust of a later day would not do: whoever reads
    much earns more of it, so that readers would be told from others whatever trust does.
    """
    out = np.zeros((len(worlds), 10))
    for n, (told, *_) in enumerate(worlds):
        trust = told.founders("trust_rest")
        decile = np.searchsorted(np.quantile(trust, np.arange(0.1, 1.0, 0.1)), trust)
        kept = (told.founders("attached") == 1) & (told.founders("permission") == 0)
        kept &= told.world.day - 1 - told.founders("last_open") < 30
        out[n] = np.bincount(decile, kept, 10) / np.bincount(decile, minlength=10)
    return out


@pytest.mark.shows(
    "A010",
    knockout={
        "response.opening.trust": 0.0,
        "response.returning.trust": 0.0,
        "response.visiting.trust_pace": 0.0,
        "response.permission.trust": 0.0,
        "response.fatigue.bear_trust": 0.0,
        "response.temperament.fit_stays": 0.0,
    },
)
def test_retention_rises_with_trust(lab: Lab) -> None:
    """Three promotions a week: the higher the decile of trust, the more are kept; smallest gap of thirds: a tenth."""
    kept = kept_by_decile(live(lab, selling(3.0), members=5000))
    assert scipy.stats.spearmanr(np.arange(10), kept.mean(axis=0)).statistic > 0.85
    assert Effect(kept[:, :3].mean(axis=1), kept[:, 7:].mean(axis=1)).at_least(0.10)


@pytest.mark.shows("A027", knockout=NO_DEPOSITS)
def test_a_campaign_converts_better_after_a_time_of_giving(lab: Lab) -> None:
    """A coupon for all on day 30; until then members are left alone, or given three pieces a week that they want.

    Smallest effects that matter: 4 % more open its message, and a tenth more use it.
    """
    campaign = {
        "tags": {"coverage": 1.0, "error": 0.05},
        "offers": {"kind": "cash", "value": 15.0, "start": 30, "every": 1000},
    }
    giving = {
        "messaging": {"per_week": 3, "stop": 27},
        "content": {"benefit": 0.0, "fun": 0.2, "first_format": 2, "topics": "own"},
    }
    size: dict[str, Any] = {"members": 3000, "days": 51, "replications": 16}
    cold, warm = (lab.worlds(strategy(**levers), **size) for levers in (campaign, campaign | giving))
    assert all(told.total("offers_issued") == told.total("offers_issued", 30, 31) > 0 for told in cold + warm)
    assert lab.effect(cold, warm, lambda told: told.total("opens_benefit")).at_least(0.04)
    used = lab.effect(cold, warm, lambda told: told.total("offers_redeemed") / told.total("offers_issued"))
    assert used.at_least(0.10)


@pytest.mark.shows("A010", knockout=NO_DEPOSITS)
def test_being_understood_earns_trust(lab: Lab) -> None:
    """Personal content shifts the whole histogram of trust to the right of general content's; smallest: 5 %."""
    general = live(lab, programme(3.0, content={"benefit": 0.0}))
    personal = live(lab, programme(3.0, own=True, content={"benefit": 0.0}))
    for quantile in (0.25, 0.5, 0.75, 0.9):
        assert effect(
            general, personal, lambda s, q=quantile: float(np.quantile(s.told.founders("trust"), q))
        ).at_least(0.05)


MONTHS = (1, 30, 60, 90, 120)


@pytest.mark.shows("B012", knockout=SELLING_IS_FREE)
def test_three_pushes_a_day_overdraw_trust(lab: Lab) -> None:
    """Three promotions a day: trust falls from month to month, and a fifth at least in all."""
    worlds = live(lab, selling(21.0), at=MONTHS)
    trust = np.array([[seen.at[day]["trust"][:MEMBERS].mean() for day in MONTHS] for seen in worlds])
    assert (np.diff(trust, axis=1) < 0.0).all()
    assert Effect(trust[:, 0], trust[:, -1]).at_least(-0.12)


@pytest.mark.shows("B012", knockout=NO_FATIGUE)
def test_three_pushes_a_day_drive_members_out(lab: Lab) -> None:
    """They mute, block and leave at least three times as often as under one promotion a week."""
    assert effect(live(lab, selling(1.0)), live(lab, selling(21.0), at=MONTHS), opted_out).at_least(2.0)


# -- variety, calendar, hours, match ---------------------------------------------------------------------------


@pytest.mark.shows("A019", "A052", knockout=NO_WEAR)
def test_variety_slows_the_wearing_of_content(lab: Lab) -> None:
    """At equal volume one format loses a tenth of its opens, and four formats are opened a tenth more."""
    one = live(lab, programme(7.0, content={"formats": 1}))
    four = live(lab, programme(7.0))
    early, late = per("opens", "messages", 0, 14), per("opens", "messages", 60)
    assert effect(one, four, late).at_least(0.10)
    fall = np.array([late(s) / early(s) for s in one]), np.array([late(s) / early(s) for s in four])
    assert fall[0].mean() < 0.90
    assert Effect(*fall).at_least(0.03)


@pytest.mark.shows("A052", knockout=NO_WEAR)
def test_a_fresh_format_wins_clicks(lab: Lab) -> None:
    """Pictures for two months, then video: in the fortnight after it a tenth more clicks at least."""
    old = live(lab, programme(7.0, content={"formats": 1}))
    new = live(lab, programme(7.0, content={"formats": 1, "switch_day": 60}))
    clicks = per("message_visits", "messages", 60, 74)
    assert effect(old, new, per("message_visits", "messages", 0, 60)).mean == 0.0
    assert effect(old, new, clicks).at_least(0.10)


@pytest.mark.shows("C017", knockout={"response.novelty.worn_repeat": Novelty().worn})
def test_a_stock_of_content_is_reused_and_ages(lab: Lab) -> None:
    """A piece a day out of one new one a week: 85 % less is spent on it, and after two months 5 % less opened."""
    fresh, stock = (
        live(lab, programme(7.0, content={"piece_cost": 200.0, "capacity": capacity})) for capacity in (300.0, 1.0)
    )
    assert effect(fresh, stock, total("content_cost")).at_least(-0.85)
    assert effect(fresh, stock, per("opens", "messages", 60)).at_least(-0.05)


@pytest.mark.shows("A050", knockout={"response.opening.expected": 0.0})
def test_expected_days_are_opened_more(lab: Lab) -> None:
    """The same messages on days that members know: 4 % more opens at least."""
    known = live(lab, programme(7.0, content={"week": "any+any+any+any+any+any+any"}))
    assert effect(live(lab, programme(7.0)), known, per("opens", "messages")).at_least(0.04)


@pytest.mark.shows("A028", knockout=NO_MATCH)
def test_a_better_recommender_earns_clicks_where_there_are_tags(lab: Lab) -> None:
    """Half of all members are tagged, half of the tags wrong or 5 %: a quarter more visits after messages, a quarter
    more opens among the tagged, and nothing at all among the others.
    """
    poor, good = (
        live(lab, programme(3.0, own=True, tags={"coverage": 0.5, "error": error, "refresh": 0.0}), at=(120,))
        for error in (0.5, 0.05)
    )

    def opened(tagged: bool) -> Callable[[Seen], float]:
        def measure(seen: Seen) -> float:
            then, count = seen.at[120], seen.told.world.plan.founders.count
            some = (then["tag"][:count] >= 0) == tagged
            return float(then["opens"][:count][some].sum() / then["messages"][:count][some].sum())

        return measure

    assert effect(poor, good, per("message_visits", "messages")).at_least(0.25)
    assert effect(poor, good, opened(True)).at_least(0.25)
    assert effect(poor, good, opened(False)).mean == 0.0


def scene(**given: Any) -> Strategy:
    """One scene push a week: about what each wants, when he reads."""
    return programme(1.0, own=True, content={"benefit": 0.1}, **given)


def permute_hours(lab: Lab) -> list[Seen]:
    """Scene pushes whose send hours are dealt anew among the members of day 0, so that their spread is the same."""
    name = repr((sorted(lab.changes.items()), "permuted"))
    if name not in _LIVED:

        def watch(world: World) -> None:
            if world.day == 7:  # the first message went out today, and with it hours were learnt
                relations = world.population.relations[0][:MEMBERS]
                known = np.flatnonzero(relations["known_hour"] >= 0.0)
                order = np.random.default_rng(1).permutation(len(known))
                relations["known_hour"][known] = relations["known_hour"][known][order]

        worlds = lab.worlds(scene(), watch=watch, replications=REPLICATIONS, members=MEMBERS, days=180)
        _LIVED[name] = [Seen(told, {}, {}) for told in worlds]
    return _LIVED[name]


def founders_opens(seen: Seen) -> float:
    """Opens per message of the members of day 0."""
    return float(seen.told.founders("opens").sum() / seen.told.founders("messages").sum())


@pytest.mark.shows("A039", knockout={"response.opening.match": 0.0})
def test_scene_pushes_lift_activity(lab: Lab) -> None:
    """Members who read in a week: below 28 % of the general push at 10:00, above 45 % of the scene push."""
    general = live(lab, morning())
    assert mean(general, readers) < 0.28
    assert mean(live(lab, scene()), readers) > 0.45
    assert effect(general, live(lab, scene()), readers).at_least(0.80)


@pytest.mark.shows("A039", knockout={"response.opening.hour": 0.0})
def test_permuted_hours_lose_the_gain_of_hours(lab: Lab) -> None:
    """Each at his hour is worth 10 % of opens over 20:00 for all; dealt to others, the hours lose more than that."""
    evening = live(lab, scene(messaging={"own_hour": False}))
    own, dealt = live(lab, scene()), permute_hours(lab)
    assert effect(evening, own, founders_opens).at_least(0.10)
    assert effect(own, dealt, founders_opens).at_least(-0.10)


@pytest.mark.shows("A091", knockout={"response.opening.hour": 0.0})
def test_an_experiment_finds_the_better_hour(lab: Lab) -> None:
    """20:00 against 10:00, tried on half of the members each: the interval holds the twins' truth, not zero."""
    ten = live(lab, programme(3.0, messaging={"hour": 10.0}))
    eight = live(lab, programme(3.0))
    found: list[float] = []
    for a, b in zip(ten, eight, strict=True):
        half = a.told.founders("key") % 2 == 0
        rates = [s.told.founders("opens") / np.maximum(s.told.founders("messages"), 1) for s in (a, b)]
        found.append(float(rates[1][~half].mean() / rates[0][half].mean() - 1.0))
    truth = effect(ten, eight, founders_opens).relative
    low, high = scipy.stats.t.interval(0.99, len(found) - 1, np.mean(found), scipy.stats.sem(found))
    assert 0.05 < low < truth < high


@pytest.mark.shows("A051", knockout=NO_MATCH)
def test_matched_content_is_clicked_more(lab: Lab) -> None:
    """The topic of each against the topic of most, at equal volume: 28 % more clicks at least, as is claimed."""
    uniform = live(lab, programme(3.0, content={"topics": "majority"}))
    matched = live(lab, programme(3.0, own=True, messaging={"own_hour": False}))
    assert effect(uniform, matched, per("message_visits", "messages")).at_least(0.28)


@pytest.mark.shows("A051", knockout=NO_MATCH)
def test_uniform_content_serves_the_majority_only(lab: Lab) -> None:
    """Members whose need has not changed: the topic of most is opened a third less by all but the majority."""
    uniform = live(lab, programme(3.0, content={"topics": "majority"}))
    matched = live(lab, programme(3.0, own=True, messaging={"own_hour": False}))
    for need in range(4):

        def opens(seen: Seen, need: int = need) -> float:
            people = seen.told
            same = (people.founders("need") == need) & (people.founders("needs") == 0)
            return float(people.founders("opens")[same].sum() / people.founders("messages")[same].sum())

        found = effect(matched, uniform, opens)
        assert found.at_least(0.05) if need == 0 else found.at_least(-0.33)


# -- how much selling, how often -------------------------------------------------------------------------------

ALIVE = {"response.trust.selling": 0.0, "response.opening.selling": 0.0} | NO_FATIGUE | NO_WEAR


@pytest.mark.shows("A022", knockout=ALIVE)
def test_a_community_lives_on_weak_marketing(lab: Lab) -> None:
    """A piece a day. Where one in ten sells, talk per reachable member holds its level from the second month on.

    Where all sell, it falls by a quarter and more; and at the end a third more members are engaged in the community.
    """
    weak = live(lab, read_strategy("weak_marketing_community"))
    strong = live(lab, read_strategy("broadcast_bombardment:messaging.per_week=7"))

    def talk(first: int) -> Callable[[Seen], float]:
        days = slice(first, first + 30)
        return lambda s: float(s.told.metric("interactions")[days].sum() / s.told.metric("reachable")[days].mean())

    assert Effect(*(np.array([talk(day)(s) for s in weak]) for day in (30, 150))).relative > 0.0
    assert Effect(*(np.array([talk(day)(s) for s in strong]) for day in (0, 150))).at_least(-0.25)
    assert effect(strong, weak, lambda s: s.told.metric("engaged_7")[-1]).at_least(0.30)


SIMPLEX = {
    "useful": {"benefit": 0.0, "fun": 0.0},
    "fun": {"benefit": 0.0, "fun": 1.0},
    "benefit": {"benefit": 1.0, "fun": 0.0},
    "useful and fun": {"benefit": 0.0, "fun": 0.5},
    "useful and benefit": {"benefit": 0.2, "fun": 0.0},
    "fun and benefit": {"benefit": 0.2, "fun": 1.0},
    "triad": {"benefit": 0.2, "fun": 0.5},
}


@pytest.mark.shows("A048", knockout={"response.trust.useful": 0.0, "response.trust.fun": 0.0})
def test_the_best_diet_has_something_of_everything(lab: Lab) -> None:
    """A piece a day: benefit alone has the best fortnight; over twelve months it is the worst of all mixes, and a
    triad beats the corners and the edges of the simplex, by 2 % of sales at least.
    """
    year = {
        name: live(lab, programme(7.0, own=True, content=mix), days=365, replications=8)
        for name, mix in SIMPLEX.items()
    }
    for other in SIMPLEX.keys() - {"benefit"}:
        assert effect(year[other], year["benefit"], total("gmv", 0, 14)).at_least(0.05)
        assert effect(year[other], year["benefit"], total("gmv")).at_least(-0.05)
    for other in SIMPLEX.keys() - {"triad"}:
        assert effect(year[other], year["triad"], total("gmv")).at_least(0.02)


@pytest.mark.shows("C007", knockout=NO_FATIGUE)
def test_frequency_has_a_best_value(lab: Lab) -> None:
    """One message a week, a day and six a day: both GMV and activity of a year are best in the middle, by 5 %."""
    rare, daily, often = (live(lab, programme(n), days=365, replications=6) for n in (1.0, 7.0, 42.0))
    for measure in (total("gmv"), lambda s: float(s.told.metric("engaged_7")[180:].mean())):
        assert effect(rare, daily, measure).at_least(0.05)
        assert effect(often, daily, measure).at_least(0.05)


@pytest.mark.shows("D017", knockout=NO_FATIGUE)
def test_over_broadcast_is_left_unread(lab: Lab) -> None:
    """Opens fall with the dose, below 15 % at three a day; opt-outs are then about three times as many."""
    doses = [live(lab, programme(n)) for n in (2.0, 7.0, 21.0)]
    for less, more in itertools.pairwise(doses):
        assert effect(less, more, per("opens", "messages")).at_least(-0.10)
        assert effect(less, more, opted_out).at_least(0.30)
    assert mean(doses[2], per("opens", "messages")) < 0.15
    assert 2.2 < mean(doses[2], opted_out) / mean(doses[0], opted_out) < 4.5


@pytest.mark.shows("D018", knockout={"guard.marketing_share": 1.0})
def test_the_cap_on_selling_is_kept_for_every_member(lab: Lab) -> None:
    """A programme that would sell seven times in ten, under a cap of 30 %: no member got more."""
    for seen in live(lab, programme(7.0, content={"benefit": 0.7}, guard={"marketing_share": 0.3})):
        sent, sold = seen.told.members("messages"), seen.told.members("sold")
        assert (sold <= 0.3 * sent + 1e-9).all()
        assert seen.told.total("messages_benefit") > 0.25 * seen.told.total("messages")
        assert seen.told.total("capped") > 0


@pytest.mark.shows("D018", knockout=SELLING_IS_FREE | {"response.opening.selling": 0.0} | NO_FATIGUE)
def test_much_selling_lowers_activity(lab: Lab) -> None:
    """Above 30 % of selling, six-month activity is lower the more is sold: by a twentieth at each step."""
    runs = [live(lab, programme(7.0, content={"benefit": share})) for share in (0.3, 0.6, 1.0)]
    for less, more in itertools.pairwise(runs):
        assert effect(less, more, lambda s: float(s.told.metric("engaged_7")[150:].mean())).at_least(-0.05)


CAMPAIGN = {"start": 60, "stop": 78, "every": 6, "life": 6, "value": 0.15}


@pytest.mark.shows("B017", knockout=NO_FATIGUE | SELLING_IS_FREE | NO_WEAR | {"response.opening.selling": 0.0})
def test_a_burst_is_paid_for_afterwards(lab: Lab) -> None:
    """Matched content; from day 60 on, 18 days of three promotions a day with a coupon a week; then as before.

    Opens fall from above 30 % to below 15 %, and are then, of the same members, 5 % below the twin's for a month;
    orders are up in the burst only; of those who used to read, half as many again as in the twin never read again.
    """
    calm, days = programme(3.0, own=True), (60, 78, 110)
    before = programme(3.0, own=True, offers=CAMPAIGN)
    loud = programme(21.0, own=True, content={"benefit": 1.0, "formats": 1}, offers=CAMPAIGN)
    peace = live(lab, calm, at=days)
    burst = live(lab, before, at=days, then=((60, loud), (78, before)))
    assert mean(burst, per("opens", "messages", 30, 60)) > 0.30
    assert mean(burst, per("opens", "messages", 60, 78)) < 0.15
    after: list[tuple[float, float]] = []
    for twins in zip(peace, burst, strict=True):
        same = np.all([seen.at[110]["permission"][:MEMBERS] == 0 for seen in twins], axis=0)
        rates = [
            (seen.at[110][field][:MEMBERS] - seen.at[78][field][:MEMBERS])[same].sum()
            for seen in twins
            for field in ("opens", "messages")
        ]
        after.append((rates[0] / rates[1], rates[2] / rates[3]))
    assert Effect(*np.array(after).T).at_least(-0.05)
    assert effect(peace, burst, total("orders", 60, 78)).at_least(0.05)
    assert effect(peace, burst, total("orders", 78)).at_least(-0.02)

    def lost(seen: Seen) -> float:
        """Of those who had read in the 30 days before day 60: who has not read since day 78."""
        readers_then = 59 - seen.at[60]["last_open"][:MEMBERS] < 30
        return float(np.mean(seen.told.founders("last_open")[readers_then] < 78))

    assert effect(peace, burst, lost).at_least(0.5)


ROUTING = (
    NO_DEPOSITS
    | SELLING_IS_FREE
    | {"response.returning.called_pull": 0.0, "response.pricing.pull": 0.0, "response.pricing.slope": 0.0}
    | {"response.pricing.slope_hunter": 0.0, "response.visiting.impulse": 0.0}
)


@pytest.mark.shows("C016", knockout=ROUTING)
def test_content_goes_to_whom_it_suits(lab: Lab) -> None:
    """Useful pieces to the active, offers to the dormant, against the reverse: GMV +3 %, returns +10 % at least."""

    def route(useful: str, offered: str) -> list[Seen]:
        given = {"stages": offered, "every": 4, "value": 0.15}
        content = {"benefit": 0.0}
        return live(lab, programme(2.0, content=content, messaging={"stages": useful}, offers=given))

    right, wrong = route("active+at_risk", "dormant"), route("dormant", "active+at_risk")
    assert effect(wrong, right, total("gmv")).at_least(0.03)
    assert mean(right, total("returned")) > 1.10 * mean(wrong, total("returned"))


# -- what content is worth -------------------------------------------------------------------------------------


@pytest.mark.shows(
    "D028",
    knockout={
        "response.visiting.impulse": 0.0,
        "response.visiting.trust_pace": 0.0,
        "response.returning.trust": 0.0,
        "response.returning.called": 0.0,
    },
)
def test_attribution_overstates_what_content_is_worth(lab: Lab) -> None:
    """Two returns on one cost: last touch within 7 days, and the twin's; the first is at least twice the second."""
    paid = programme(5.0, own=True, content={"piece_cost": 200.0})
    with_content, without = live(lab, paid), live(lab, NOTHING)
    cost = np.array([total("cost")(s) for s in with_content])
    told = np.array([total("attributed_revenue")(s) for s in with_content]) / cost
    gained = effect(without, with_content, total("revenue"))
    caused = (gained.other - gained.base) / cost
    assert gained.at_least(0.05)
    assert (cost > 0.0).all()
    assert Effect(caused, told).at_least(1.0)


# -- quiet hours and caps --------------------------------------------------------------------------------------


@pytest.mark.shows("D034", knockout={"guard.quiet_from": 0.0, "guard.quiet_to": 0.0})
def test_nothing_is_sent_in_quiet_hours(lab: Lab) -> None:
    """Each at his own hour, quiet from 21 to 8: on no day a message to one whose hour lies there."""
    what = programme(7.0, own=True, guard={"quiet_from": 21.0, "quiet_to": 8.0})
    sent = {"quiet": 0, "loud": 0}

    def watch(world: World) -> None:
        people = world.population
        rows, hour = people.count, people.column("known_hour")
        known = (people.touches[0][:rows] != 0) & (hour >= 0.0)
        quiet = (hour >= 21.0) | (hour < 8.0)
        sent["quiet"] += int((known & quiet).sum())
        sent["loud"] += int((known & ~quiet).sum())

    worlds = lab.worlds(what, replications=2, members=MEMBERS, days=60, watch=watch)
    assert sent["quiet"] == 0
    assert sent["loud"] > 0
    assert all(told.total("quiet") > 0 for told in worlds)


@pytest.mark.shows("D034", knockout=NO_FATIGUE | SELLING_IS_FREE | NO_DEPOSITS | {"response.trust.misjudged": 0.0})
def test_caps_and_quiet_hours_please(lab: Lab) -> None:
    """Four a day, against at most ten a week outside quiet hours: the NPS proxy is higher by 3 points and more."""
    loud = live(lab, programme(28.0, own=True))
    calm = live(lab, programme(28.0, own=True, guard={"per_week": 10.0}))
    scores = [np.array([nps.proxy(s.told.world) for s in worlds]) for worlds in (loud, calm)]
    assert (scores[1] - scores[0] > 3.0).all()
    assert Effect(*scores).at_least(0.05)


# -- tags ------------------------------------------------------------------------------------------------------


def targeted(lab: Lab, coverage: float, error: float) -> Effect:
    """Revenue of half a year with tags of this kind, over general content of the same volume at the same hour."""
    tags = {"coverage": coverage, "error": error, "refresh": 0.0, "hours": False}
    aimed = programme(5.0, own=True, tags=tags, messaging={"own_hour": False})
    sizes = {"replications": 14}
    return effect(live(lab, programme(5.0), **sizes), live(lab, aimed, **sizes), total("revenue"))


@pytest.mark.shows("A055", knockout={"strategy.tags.error": 0.0})
def test_targeting_is_as_good_as_its_tags(lab: Lab) -> None:
    """Coverage and error: the lift rises with the one, falls with the other, and is negative where error is high."""
    lift = {(c, e): targeted(lab, c, e) for c, e in ((1.0, 0.0), (0.4, 0.0), (1.0, 0.3), (1.0, 0.75))}
    assert lift[1.0, 0.0].at_least(0.10)
    assert lift[0.4, 0.0].at_least(0.03)
    assert Effect(lift[0.4, 0.0].other, lift[1.0, 0.0].other).at_least(0.05)
    assert Effect(lift[1.0, 0.0].other, lift[1.0, 0.3].other).at_least(-0.04)
    assert Effect(lift[1.0, 0.3].other, lift[1.0, 0.75].other).at_least(-0.10)
    assert lift[1.0, 0.75].at_least(-0.03)


@pytest.mark.shows("B011", knockout={"strategy.tags.error": 0.0})
def test_wrong_tags_hollow_out_data(lab: Lab) -> None:
    """30 % of tags wrong cost a third and more of the lift; wrong enough, every world is worse than broadcast."""
    right, some, most = (targeted(lab, 1.0, error) for error in (0.0, 0.3, 0.75))
    assert some.relative < 0.67 * right.relative
    assert (most.other < most.base).all()


AGED = 800
AGEING = {"coverage": 1.0, "error": 0.0, "hours": False}


def aged(lab: Lab, refresh: float) -> list[Seen]:
    """Eighteen months of content about what each was tagged to want, tags made anew every `refresh` days or never."""
    what = programme(3.0, own=True, tags=AGEING | {"refresh": refresh}, messaging={"own_hour": False})
    return live(lab, what, at=(30, 360), days=540, members=AGED, replications=6)


def accuracy(seen: Seen, day: int) -> float:
    """The share of members of day 0 whose tag is right."""
    then = seen.at[day]
    return float(np.mean((then["tag"] == then["need"])[:AGED]))


@pytest.mark.shows("A056", knockout={"response.temperament.need_change": 0.0})
def test_tags_age_and_can_be_refreshed(lab: Lab) -> None:
    """Perfect tags, never renewed, are right for fewer than 75 % after a year; renewed monthly, for over 90 %."""
    frozen, fresh = aged(lab, 0.0), aged(lab, 30.0)
    assert mean(frozen, lambda s: accuracy(s, 30)) > 0.9
    assert mean(frozen, lambda s: accuracy(s, 360)) < 0.75
    assert mean(fresh, lambda s: accuracy(s, 360)) > 0.9
    assert effect(frozen, fresh, per("opens", "messages", 360)).at_least(0.10)


@pytest.mark.shows("A056", "B043", knockout={"response.temperament.need_change": 0.0})
def test_a_frozen_policy_loses_its_lift(lab: Lab) -> None:
    """The lift of opens over general content: a quarter of it and more is gone after sixteen months."""
    general = live(lab, programme(3.0), days=540, members=AGED, replications=6)
    frozen = aged(lab, 0.0)
    early, late = (effect(general, frozen, per("opens", "messages", *span)) for span in ((0, 60), (480, 540)))
    lifts = [(e.other - e.base) / e.base for e in (early, late)]
    assert early.at_least(0.30)
    assert Effect(*lifts).at_least(-0.25)


@pytest.mark.shows("C014", knockout={"response.answering.answers": 0.0})
def test_what_members_say_covers_what_traces_do_not(lab: Lab) -> None:
    """Newcomers asked on joining, tags from traces, diagnoses of the silent: coverage and error of each source."""
    what = programme(
        1.0, own=True, messaging={"own_hour": False}, tags={"hours": False, "refresh": 0.0},
        welcome={"lessons": 0}, wakeup={"mode": "segmented", "touches": 1},
    )  # fmt: skip
    rows: list[list[float]] = []
    for seen in live(lab, what, days=120):
        people = seen.told
        new = np.arange(len(people.members("key"))) >= MEMBERS
        asked = new & (people.members("joined") < 110) & (people.members("permission") == 0)
        said, need = people.members("known_hour") >= 0.0, people.members("need")
        assert (asked & said).any()
        same = people.members("needs") == 0
        tagged, found = people.members("tag") >= 0, people.members("diagnosed") >= 0
        rows.append(
            [
                float(np.mean(said[asked])),
                float(np.mean(np.abs(people.members("known_hour") - people.members("hour"))[asked & said])),
                float(np.mean(tagged)),
                float(np.mean((people.members("tag") != need)[tagged & same])),
                float(np.mean((people.members("diagnosed") != need)[found & same])),
            ]
        )
    said, hours_off, tagged, wrong_tags, wrong_finds = np.mean(rows, axis=0)
    assert 0.2 < said < 0.7
    assert 0.5 < hours_off < 2.0
    assert 0.75 < tagged < 0.85
    assert 0.12 < wrong_tags < 0.18
    assert wrong_tags < wrong_finds < 0.25


# -- segments --------------------------------------------------------------------------------------------------


@pytest.mark.shows("C013", knockout={"strategy.tags.coverage": 0.0})
def test_segments_are_parted_by_what_is_observed(lab: Lab) -> None:
    """By source, spend and frequency, interest, stage and path: sizes, and how far apart members then behave."""
    what = programme(3.0, content={"topics": "majority"}, tags={"refresh": 0.0})
    tables: list[pd.DataFrame] = []
    for seen in live(lab, what, observed=(90, 180)):
        before = rfm.scores(seen.observed[90])
        tables.append(rfm.ways_apart(before, seen.observed[180]))
    table = pd.concat(tables).groupby(level=[0, 1]).mean()
    assert set(table.index.get_level_values(0)) == set(rfm.WAYS)
    for way in rfm.WAYS:
        sizes = table.loc[way, "share"]
        assert float(sizes.sum()) == pytest.approx(1.0, abs=0.02)
        assert (sizes > 0.05).sum() >= 2
    apart = table["separation"].groupby(level=0).first()
    assert (apart[["spend and frequency", "stage", "path"]] > 0.10).all()
    reading = table.loc["interest", "opens_each"]
    assert reading["knowledge"] > 1.5 * reading[["price", "status", "convenience"]].max()


def test_segments_read_nothing_latent(lab: Lab) -> None:
    """No field that is read is latent, and whatever becomes of the latent ones, the table is the same."""
    meaning = {field.name: field.meaning for field in (*FIELDS, *RELATION_FIELDS)}
    assert not [name for name in (*rfm.OBSERVED, *rfm.OBSERVED_RELATION) if "latent" in meaning[name]]
    world = lab.worlds(programme(3.0, own=True), replications=1, members=300, days=20)[0].world
    table = rfm.observe(world)
    for rows, fields in ((world.population.blocks[0], FIELDS), (world.population.relations[0], RELATION_FIELDS)):
        for field in fields:
            if "latent" in field.meaning:
                rows[field.name] = 0
    pd.testing.assert_frame_equal(rfm.observe(world), table)


WAKING = {
    "response.returning.called": 0.0,
    "response.pricing.pull": 0.0,
    "response.visiting.impulse": 0.0,
    "response.pricing.slope": 0.0,
    "response.visiting.trust_pace": 0.0,
    "response.returning.trust": 0.0,
}


@pytest.mark.shows("D024", knockout=WAKING)
def test_rfm_parts_members_by_value(lab: Lab) -> None:
    """Super, core and sleeping members: what each brings in 150 days, how they move, and whom a wake-up moves."""
    still, woken = (
        live(lab, what, observed=(30, 180))
        for what in (NOTHING, read_strategy("silent_wakeup_segmented:budget.monthly="))
    )
    sleepers = ["sleeping_core", "sleeping"]
    awake = ["super", "core", "casual"]

    def pair(seen: Seen) -> tuple[pd.DataFrame, pd.DataFrame]:
        cuts = rfm.cut_points(seen.observed[30])
        return rfm.scores(seen.observed[30], cuts), rfm.scores(seen.observed[180], cuts)

    each: list[pd.Series] = []
    for seen in still:
        before, after = pair(seen)
        table, moves = rfm.value(before, after), rfm.transitions(before, after)
        assert moves.loc[list(rfm.SEGMENTS)].sum(axis=1).to_dict() == table["members"].to_dict()
        assert moves[list(rfm.SEGMENTS)].sum().sum() == len(after)
        assert table.loc["super", "revenue_share"] > 2.0 * table.loc["super", "share"]
        each.append(table["revenue_each"])
    value = pd.concat(each, axis=1).mean(axis=1)[list(rfm.SEGMENTS)]
    assert (value.diff().dropna() < 0.0).all()
    assert value["super"] > 20.0 * value["sleeping"]

    def wakes(seen: Seen) -> float:
        return float(rfm.transitions(*pair(seen)).loc[sleepers, awake].to_numpy().sum())

    assert effect(still, woken, wakes).at_least(0.2)


@pytest.mark.shows("A057", knockout=WAKING)
def test_the_best_fifth_is_looked_after(lab: Lab) -> None:
    """Personal content to the fifth who spent most: they order a fifth more at least, the rest as if nothing were."""
    what = programme(3.0, own=True, messaging={"buyers": "heavy"})
    still, cared = live(lab, NOTHING), live(lab, what)
    lifts: list[tuple[float, float]] = []
    for a, b in zip(still, cared, strict=True):
        told = b.told.founders("messages") > 0
        assert 0.15 < told.mean() < 0.35
        np.testing.assert_array_equal(a.told.founders("spend")[~told], b.told.founders("spend")[~told])
        since = [s.told.founders("orders") - s.told.founders("orders_before") for s in (a, b)]
        lifts.append((float(since[0][told].sum()), float(since[1][told].sum())))
    assert Effect(*np.array(lifts).T).at_least(0.15)


FIVE = pd.DataFrame(
    {
        "recency": [1, 10, 20, 40, 200],
        "frequency": [9, 1, 5, 7, 1],
        "monetary": [900.0, 50.0, 300.0, 800.0, 100.0],
        "source": "existing",
        "stage": "active",
        "interest": "untagged",
        "path": "orders",
    },
    index=pd.Index([1, 2, 3, 4, 5], name="key"),
)
"""Five members, so that each fifth is one of them, but that two are equal in frequency."""


def test_rfm_scores_by_hand() -> None:
    """Cut points of recency lie at 8.2, 16, 28 and 72; of frequency at 1, 3.4, 5.8 and 7.4, of money at 90 …"""
    cuts = rfm.cut_points(FIVE)
    assert cuts["recency"].tolist() == pytest.approx([8.2, 16.0, 28.0, 72.0])
    assert cuts["frequency"].tolist() == pytest.approx([1.0, 3.4, 5.8, 7.4])
    assert cuts["monetary"].tolist() == pytest.approx([90.0, 220.0, 500.0, 820.0])
    table = rfm.scores(FIVE)
    assert table["r"].tolist() == [5, 4, 3, 2, 1]
    assert table["f"].tolist() == [5, 1, 3, 4, 1]
    assert table["m"].tolist() == [5, 1, 3, 4, 2]
    assert table["segment"].tolist() == ["super", "casual", "core", "sleeping_core", "sleeping"]


def test_rfm_moves_and_value_by_hand() -> None:
    """One member leaves, one joins, one wakes and buys twice for 250 CNY; the rest is as it was."""
    before = rfm.scores(FIVE)
    later = FIVE.drop(index=2).copy()
    later.loc[4, ["recency", "frequency", "monetary"]] = [3, 9, 1050.0]
    later.loc[6] = [2, 1, 60.0, "organic", "new", "untagged", "orders"]
    after = rfm.scores(later, rfm.cut_points(FIVE))
    moves = rfm.transitions(before, after)
    moved = {(a, b): int(moves.loc[a, b]) for a in moves.index for b in moves.columns if moves.loc[a, b]}
    assert moved == {
        ("super", "super"): 1,
        ("casual", "gone"): 1,
        ("core", "core"): 1,
        ("sleeping_core", "super"): 1,
        ("sleeping", "sleeping"): 1,
        ("joined", "casual"): 1,
    }
    worth = rfm.value(before, after)
    assert worth.loc["sleeping_core", ["members", "orders", "revenue"]].tolist() == [1, 2, 250.0]
    assert worth["revenue_share"].tolist() == [0.0, 0.0, 0.0, 1.0, 0.0] or worth["revenue_share"].sum() == 1.0
    assert worth["share"].tolist() == pytest.approx([0.2] * 5)


def test_rfm_of_a_membership_without_an_operator() -> None:
    """A world in which nobody speaks is observed, too: all are untagged, and whoever ordered is on that path."""
    plan = Lab({}).plan(NOTHING, members=200, days=5)
    world = World(dataclasses.replace(plan, operated=False), SEED, 0)
    world.run()
    table = rfm.scores(rfm.observe(world))
    assert len(table) == int(world.population.column("listed").sum())
    assert set(table["interest"]) == {"untagged"}
    assert set(table["path"]) == {"orders", "silent"}
    assert rfm.ways_apart(table, table)["opens_each"].isna().all()


def test_nps_by_hand() -> None:
    """Answers and scores that one can check in one's head."""
    satisfied, trust = np.array([1.0, 0.9, 0.8, 0.5, 0.0]), np.array([0.9, 0.4, 0.35, 0.25, 0.0])
    assert nps.answer(satisfied, trust).tolist() == [10, 9, 8, 5, 0]
    assert nps.net_promoter_score(nps.answer(satisfied, trust)) == pytest.approx(0.0)
    assert nps.net_promoter_score(np.array([10, 9, 7, 0])) == pytest.approx(25.0)
    assert np.isnan(nps.net_promoter_score(np.array([], dtype=np.int64)))
