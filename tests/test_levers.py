"""Levers: each reaches the audience that it declares, in its period, with what it says; wrong settings are refused.

Audiences are checked on the log of a world that is driven a day at a time (`tests.test_delivery.Watch`), against what
stood in members' rows that morning.
"""

import dataclasses
import datetime as dt
import itertools
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.behaviour.inviting import Inviting
from sim.behaviour.permission import Permission
from sim.behaviour.response import Response
from sim.behaviour.temperament import Temperament
from sim.engine import World
from sim.errors import InputError
from sim.levers.assortment import Assortment
from sim.levers.content import Content
from sim.levers.guard import Guard
from sim.levers.lever import Morning, stage_bits
from sim.levers.mending import Mending
from sim.levers.messaging import Messaging
from sim.levers.offers import Offers
from sim.levers.tags import Tags
from sim.levers.wakeup import Wakeup
from sim.levers.warning import EarlyWarning
from sim.levers.welcome import Welcome
from sim.operation import Programme
from sim.strategy import Budget, Strategy
from sim.touch import BENEFIT, CARE, FUN, OFFER_KINDS, PATHS, USEFUL, Offer, Send
from sim.units import checked
from tests.test_delivery import IMPATIENT, Sent, Watch, plan_of, world_of

PATIENT = Response(permission=Permission(hazard=0.0), inviting=Inviting(ordinary=0.0))
"""Members who never opt out, so that everybody in an audience can be counted."""
FREE = Guard(quota="none", quiet_from=0, quiet_to=0)
PIECES = Content(on=True)


def watched(strategy: Strategy, days: int = 45, **more: Any) -> Watch:
    """A world of patient members under one strategy, lived to its end."""
    return Watch(world_of(strategy, days=days, response=more.pop("response", PATIENT), **more)).run()


def rows_listed(watch: Watch) -> set[int]:
    """Rows of those who are members at the end."""
    return set(np.flatnonzero(watch.world.population.column("listed")).tolist())


def days_of(log: list[Sent]) -> list[int]:
    """Days on which something was sent."""
    return sorted({sent.day for sent in log})


# -- periods -------------------------------------------------------------------------------------------------------

SPEAKING = {
    "welcome": Welcome(on=True),
    "warning": EarlyWarning(on=True, mild=2.0, medium=20.0, severe=40.0, again_after=1),
    "wakeup": Wakeup(on=True, silent=5.0, per_week=7.0, touches=100),
    "offers": Offers(on=True, every=1),
    "messaging": Messaging(on=True, per_week=7.0),
}


@pytest.mark.parametrize("name", SPEAKING)
def test_a_lever_speaks_from_its_start_to_its_stop(name: str) -> None:
    """From the first day on, and from `stop` on no more."""
    lever = dataclasses.replace(SPEAKING[name], start=8, stop=21)
    log = watched(Strategy(guard=FREE, content=PIECES, **{name: lever}), joining=6.0, days=30).log
    assert days_of(log) == list(range(8, 21))


@pytest.mark.parametrize(
    "lever",
    [
        Assortment(on=True, exclusive=1.0, start=8, stop=21),
        Mending(on=True, quality=1.0, cost=300.0, start=8, stop=21),
    ],
    ids=["assortment", "mending"],
)
def test_a_lever_that_does_not_speak_acts_from_its_start_to_its_stop(lever: Assortment | Mending) -> None:
    """The desk of a day shows goods and mending in the period alone."""
    world = world_of(Strategy(**{"assortment" if isinstance(lever, Assortment) else "mending": lever}), days=30)
    acted = []
    while world.day < 30:
        ops = world.desk_today().ops[0]
        if ops.exclusive == 1.0 or ops.mended_quality == 1.0:
            acted.append(world.day)
        world.step()
    assert acted == list(range(8, 21))


def test_standing_costs_are_charged_in_the_period_and_to_the_cent() -> None:
    """Tags and mending cost so much a month, while they are on, and nothing is lost by rounding."""
    lever = Mending(on=True, quality=0.5, cost=304.375, start=5, stop=45)
    ledger = world_of(Strategy(mending=lever), days=60).run()
    assert ledger.responses is not None
    from sim.accounting.posting import OPERATION_COST

    daily = ledger.responses[:, :, OPERATION_COST].sum(axis=1)
    assert daily.tolist() == [0] * 5 + [1000] * 40 + [0] * 15


# -- messaging and content -----------------------------------------------------------------------------------------


def test_messaging_sends_so_many_a_week_to_everybody() -> None:
    """Over four weeks each member of day 0 hears four times as many as a week's, however they fall on days."""
    for per_week in (0.5, 3.0, 7.0, 16.5):
        watch = watched(
            Strategy(guard=FREE, messaging=Messaging(on=True, per_week=per_week), content=PIECES), days=28
        )
        told = Counter(sent.row for sent in watch.log)
        assert {told[row] for row in range(250)} == {round(4 * per_week)}


@pytest.mark.parametrize(
    "stages", ["new", "active", "at_risk", "dormant_30", "dormant", "new+active", "at_risk+dormant_90"]
)
def test_messaging_reaches_the_named_stages_and_all_of_them(stages: str) -> None:
    """Whoever was in a named stage on the evening before hears; nobody else does."""
    strategy = Strategy(guard=FREE, messaging=Messaging(on=True, per_week=7.0, stages=stages), content=PIECES)
    everybody = watched(dataclasses.replace(strategy, messaging=Messaging(on=True, per_week=7.0)), days=1).log
    wanted = {word if word != "dormant" else "dormant_" for word in stages.split("+")}
    meant = {sent.row for sent in everybody if any(sent.stage.startswith(word) for word in wanted)}
    first = Watch(world_of(strategy, response=PATIENT)).morning()
    assert {sent.row for sent in first} == meant
    assert 0 < len(meant) < len(everybody)
    assert all(any(s.stage.startswith(word) for word in wanted) for s in watched(strategy, days=40).log)


def test_heavy_buyers_are_the_fifth_who_spent_most() -> None:
    """Everybody reached has spent what parts the top fifth from the rest; it is looked up again each month."""
    strategy = Strategy(guard=FREE, messaging=Messaging(on=True, per_week=7.0, buyers="heavy"), content=PIECES)
    watch = Watch(world_of(strategy, response=PATIENT, days=32, joining=0.0))
    spend = watch.world.population.column("spend")
    first = {sent.row for sent in watch.morning()}
    assert first == set(np.flatnonzero(spend >= np.quantile(spend, 0.8)).tolist())
    assert len(first) == 50
    watch.log.clear()
    bounds = {}
    while watch.world.day < 32:
        bounds[watch.world.day] = np.quantile(watch.world.population.column("spend"), 0.8)
        watch.morning()
        watch.world.step()
    assert all(sent.spend >= bounds[0 if sent.day < 30 else 30] for sent in watch.log)
    assert bounds[30] > bounds[0]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_the_held_out_share_is_drawn_once_per_person(share: float) -> None:
    """The same persons hear each time; a larger share holds the smaller one; levers draw apart."""

    def reached(name: str, lever: Any, part: float) -> tuple[set[int], Watch]:
        strategy = Strategy(guard=FREE, content=PIECES, **{name: dataclasses.replace(lever, share=part)})
        watch = watched(strategy, days=12, joining=0.0, members=500)
        return {sent.row for sent in watch.log}, watch

    told, watch = reached("messaging", Messaging(on=True, per_week=7.0), share)
    assert len(told) == pytest.approx(500 * share, abs=4 * np.sqrt(500 * share * (1 - share)) + 1e-9)
    assert all(told == {s.row for s in watch.log if s.day == day} for day in range(12) if told)
    larger, _ = reached("messaging", Messaging(on=True, per_week=7.0), min(share + 0.1, 1.0))
    assert told <= larger
    other, _ = reached("offers", Offers(on=True, every=1), share)
    if share in (0.2, 0.5):
        assert len(told & other) == pytest.approx(500 * share * share, abs=50)


def test_messages_come_at_the_hour_on_the_path_and_at_the_own_hour_where_it_is_known() -> None:
    tagged = Strategy(
        guard=FREE,
        messaging=Messaging(on=True, per_week=7.0, hour=19.5, own_hour=True, path="community"),
        content=PIECES,
        tags=Tags(on=True, coverage=0.5, hours=True),
    )
    watch = Watch(world_of(tagged, response=PATIENT, days=3))
    told = watch.morning()
    assert set(watch.world.desk_today().sends["path"]) == {PATHS.index("community")}
    known = watch.world.population.column("known_hour")
    assert {s.hour for s in told if known[s.row] < 0} == {19.5}
    assert all(s.hour == known[s.row] for s in told if known[s.row] >= 0)
    assert 60 < (known >= 0).sum() < 190
    own = np.array([watch.world.population.relation(s.row)["hour"] for s in told if known[s.row] >= 0])
    off = np.array([s.hour for s in told if known[s.row] >= 0]) - own
    assert 0.5 < np.abs(off).mean() < 3.0  # a reading, not the truth


def kinds(content: Content, count: int = 1000, per_week: float = 7.0) -> Counter[int]:
    """The kinds of the first messages of a programme."""
    return Counter(content.piece(n, per_week, n, n % 7, 0).kind for n in range(count))


@pytest.mark.parametrize("benefit", [0.0, 0.1, 0.3, 0.55, 1.0])
@pytest.mark.parametrize("fun", [0.0, 0.3, 1.0])
def test_kinds_of_content_have_their_shares(benefit: float, fun: float) -> None:
    """Evenly, not only in the long run: every ten messages hold their share of promotions."""
    told = kinds(Content(benefit=benefit, fun=fun))
    assert told[BENEFIT] == pytest.approx(1000 * benefit, abs=1)
    assert told[FUN] == pytest.approx(1000 * (1 - benefit) * fun, abs=2)
    assert told[USEFUL] == pytest.approx(1000 * (1 - benefit) * (1 - fun), abs=2)
    content = Content(benefit=benefit, fun=fun)
    for first in range(0, 1000, 10):
        sold = sum(content.piece(n, 7.0, 0, 0, 0).kind == BENEFIT for n in range(first, first + 10))
        assert abs(sold - 10 * benefit) <= 1


def test_formats_rotate_switch_and_repeat() -> None:
    forms = [Content(formats=3, first_format=2).piece(n, 7.0, n, n % 7, 0).form for n in range(6)]
    assert forms == [2, 3, 0, 2, 3, 0]
    switched = [Content(switch_day=4).piece(n, 7.0, n, n % 7, 0).form for n in range(8)]
    assert switched == [0, 0, 0, 0, 1, 1, 1, 1]
    scarce = Content(capacity=7.0)
    assert sum(scarce.piece(n, 21.0, n, n % 7, 0).repeat for n in range(300)) == 200
    assert sum(scarce.piece(n, 7.0, n, n % 7, 0).repeat for n in range(300)) == 0
    assert sum(scarce.produced(1, 21.0) for _ in range(300)) == pytest.approx(100)


def test_a_week_says_what_each_day_brings() -> None:
    """The same number a week on fewer days, of the kinds that members expect of them."""
    content = Content(benefit=0.3, fun=0.0, week="useful+none+fun+none+benefit+any+none")
    kinds_of_days = {day: {content.piece(n, 7.0, 0, day, 0).kind for n in range(20)} for day in (0, 2, 4, 5)}
    assert kinds_of_days == {0: {USEFUL}, 2: {FUN}, 4: {BENEFIT}, 5: {USEFUL, BENEFIT}}
    assert content.piece(0, 7.0, 0, 0, 0).expected == 1
    assert Content().piece(0, 7.0, 0, 0, 0).expected == 0
    start = dt.date(2026, 1, 7)  # a Wednesday
    for per_week in (1.0, 4.0, 10.0):
        strategy = Strategy(messaging=Messaging(on=True, per_week=per_week), content=replace(content, on=True))
        sent: Counter[int] = Counter()
        for day in range(70):
            pieces = Programme(strategy.content, start, day, 0)
            count = len(strategy.messaging.sends(Morning(day, 0, pieces)))
            sent[(start + dt.timedelta(day)).weekday()] += count
        assert sum(sent.values()) == 10 * per_week
        assert not {day for day, count in sent.items() if count} & {1, 3, 6}
        if per_week == 4.0:
            assert {day: count for day, count in sent.items() if count} == {0: 10, 2: 10, 4: 10, 5: 10}


@pytest.mark.parametrize(
    ("week", "said"),
    [
        ("useful+fun", "seven words"),
        ("none+none+none+none+none+none+none", "one of them not none"),
        ("useful+fun+useful+benfit+any+any+any", "did you mean 'benefit'?"),
    ],
)
def test_a_week_that_is_none(week: str, said: str) -> None:
    with pytest.raises(InputError, match=r"strategy\.content\.week") as wrong:
        Strategy(content=Content(on=True, week=week)).cross_check()
    assert said in str(wrong.value)


def test_content_is_about_what_it_says() -> None:
    """In general, about what most want, or about what each is tagged to want."""
    assert {Content(topics="general").piece(n, 7.0, 0, 0, 0).topic for n in range(9)} == {-1}
    assert {Content(topics="majority").piece(n, 7.0, 0, 0, 0).topic for n in range(9)} == {0}
    own = Content(topics="own").piece(0, 7.0, 0, 0, 0)
    assert (own.topic, own.personal) == (-1, 1)


def test_content_stops_before_messaging_does() -> None:
    """Messages without a programme are plain: useful, about nothing, never a promotion."""
    content = Content(on=True, benefit=1.0, stop=10, piece_cost=2.0)
    watch = watched(Strategy(guard=FREE, messaging=Messaging(on=True, per_week=7.0), content=content), days=20)
    assert {sent.kind for sent in watch.log if sent.day < 10} == {BENEFIT}
    assert {sent.kind for sent in watch.log if sent.day >= 10} == {USEFUL}
    assert watch.count("content_cents") == 10 * 200  # and nothing is produced any more


# -- journeys ------------------------------------------------------------------------------------------------------


def test_welcome_meets_newcomers_on_their_first_days_once_each() -> None:
    """A personal welcome on the day after joining, lessons on days 2, 4 and 6; nobody else, nothing twice."""
    strategy = Strategy(guard=FREE, welcome=Welcome(on=True, offer=10.0))
    watch = watched(strategy, joining=6.0)
    assert {(s.slot, s.age, s.kind) for s in watch.log} == {
        (0, 1, CARE),
        (1, 2, USEFUL),
        (2, 4, USEFUL),
        (3, 6, USEFUL),
    }
    told = Counter((s.row, s.slot) for s in watch.log)
    assert set(told.values()) == {1}
    joined = watch.world.population.column("joined")
    came = {row for row in range(joined.size) if -1 <= joined[row] <= 43}
    assert {row for row, slot in told if slot == 0} == came
    assert all((s.offer >= 0) == (s.slot == 0) for s in watch.log)
    fewer = watched(dataclasses.replace(strategy, welcome=Welcome(on=True, lessons=1)), joining=6.0)
    assert {s.slot for s in fewer.log} == {0, 1}


def test_welcome_asks_and_some_answer() -> None:
    """Only those who were asked and opened the question have said how often they want to hear."""
    asked = watched(Strategy(guard=FREE, welcome=Welcome(on=True)), joining=6.0)
    known = asked.world.population.column("known_tolerance") >= 0
    met = {s.row for s in asked.log if s.slot == 0}
    assert 10 < known.sum() < len(met)
    assert set(np.flatnonzero(known).tolist()) <= met
    silent = watched(Strategy(guard=FREE, welcome=Welcome(on=True, ask=False)), joining=6.0)
    assert (silent.world.population.column("known_tolerance") < 0).all()


def test_a_gate_turns_people_away_and_counts_them() -> None:
    """Those who pass are a part of those who would have come, and the stricter the fewer."""
    came = []
    for gate in (0.0, 1.0, 3.0):
        world = world_of(Strategy(welcome=Welcome(on=True, gate=gate, start=0)), joining=6.0)
        ledger = world.run()
        from sim.accounting.posting import TURNED_AWAY

        assert ledger.responses is not None
        joined = world.population.count - 250
        came.append(joined)
        assert joined + ledger.responses[:, :, TURNED_AWAY].sum() == came[0]
    assert came[0] > came[1] > came[2] > 0


def test_warning_meets_each_tier_by_days_of_silence() -> None:
    """Silence within a tier's bounds, never beyond the last one, and not again before its time."""
    lever = EarlyWarning(on=True, mild=10.0, medium=20.0, severe=35.0, until=50.0, again_after=12)
    watch = watched(Strategy(guard=FREE, warning=lever), days=60)
    bounds = {8: (10, 20), 9: (20, 35), 10: (35, 50)}
    assert {s.slot for s in watch.log} == set(bounds)
    for sent in watch.log:
        low, high = bounds[sent.slot]
        assert low <= sent.silent < high
    by_row: dict[int, list[int]] = {}
    for sent in watch.log:
        by_row.setdefault(sent.row, []).append(sent.day)
    assert min(b - a for days in by_row.values() for a, b in itertools.pairwise(days)) >= 12
    assert {s.slot: s.kind for s in watch.log} == {8: BENEFIT, 9: CARE, 10: CARE}
    assert {s.slot: s.offer for s in watch.log} == {8: 0, 9: -1, 10: 1}
    first = {s.row for s in watch.log if s.day == 0}
    last = world_of(Strategy(guard=FREE, warning=lever))
    silent = -last.population.column("last_order")
    assert first == set(np.flatnonzero((silent >= 10) & (silent < 50)).tolist())


def test_warning_in_own_cycles_counts_in_the_members_own_gaps() -> None:
    """The same days of silence alarm for a frequent buyer and mean nothing for a rare one."""
    lever = EarlyWarning(on=True, clock="cycles", mild=1.5, medium=2.5, severe=4.0, until=6.0, again_after=5)
    watch = Watch(world_of(Strategy(guard=FREE, warning=lever), response=PATIENT, days=40))
    cycle = watch.world.plan.market.cycle_days
    silences = []
    while watch.world.day < 40:
        people = watch.world.population
        joined, last, orders = (people.column(name) for name in ("joined", "last_order", "orders"))
        own = ((last - joined) + 2 * cycle) / (orders - 1 + 2)
        for sent in watch.morning():
            low, high = {8: (1.5, 2.5), 9: (2.5, 4.0), 10: (4.0, 6.0)}[sent.slot]
            assert low <= sent.silent / own[sent.row] < high
            if sent.slot == 8:
                silences.append((own[sent.row], sent.silent))
        watch.world.step()
    frequent = [days for own, days in silences if own < 15]
    rare = [days for own, days in silences if own >= 25]
    assert np.mean(frequent) < 0.6 * np.mean(rare)


@pytest.mark.parametrize("tiers", ["mild", "medium", "severe", "mild+severe"])
def test_only_the_named_tiers_act(tiers: str) -> None:
    lever = EarlyWarning(on=True, mild=5.0, medium=10.0, severe=20.0, tiers=tiers, again_after=1)
    slots = {8 + ("mild", "medium", "severe").index(tier) for tier in tiers.split("+")}
    assert {s.slot for s in watched(Strategy(guard=FREE, warning=lever)).log} == slots


def test_a_gift_is_a_share_of_what_he_spent() -> None:
    """The third tier's gift is 30 % of past spend, up to the most it can be."""
    lever = EarlyWarning(
        on=True, mild=5.0, medium=10.0, severe=20.0, tiers="severe", gift=0.3, gift_most=40.0, life=300
    )
    watch = Watch(world_of(Strategy(guard=FREE, warning=lever), response=PATIENT, days=1))
    told = watch.morning()
    watch.world.step()
    for sent in told:
        relation = watch.world.population.relation(sent.row)
        if relation["offer"][0] >= 0:
            assert relation["offer_cents"][0] == min(round(0.3 * sent.spend), 4000)
    assert len(told) > 20


@pytest.mark.parametrize("mode", ["generic", "segmented"])
def test_wakeup_calls_the_long_silent_and_gives_up(mode: Any) -> None:
    """Silent for so many days, so often a week, so many times at most; by need where it is segmented."""
    lever = Wakeup(on=True, mode=mode, silent=30.0, per_week=2.0, touches=3)
    watch = watched(Strategy(guard=FREE, wakeup=lever), days=42)
    assert all(sent.silent >= 30 for sent in watch.log)
    assert len(days_of(watch.log)) == 12
    assert max(Counter(sent.row for sent in watch.log).values()) == 3
    first = watch.log[0].day
    silent = {s.row for s in watch.log if s.day == first}
    assert len(silent) > 50
    diagnosed = watch.world.population.column("diagnosed")
    assert ((diagnosed >= 0).sum() > 0) == (mode == "segmented")
    told = sorted({s.row for s in watch.log})
    if mode == "segmented":
        assert (diagnosed[told] >= 0).all()
        still = watch.world.population.column("needs")[told] == 0
        right = (diagnosed[told] == watch.world.population.column("need")[told])[still].mean()
        assert 0.6 < right < 0.95  # it errs in a fifth of cases


# -- offers --------------------------------------------------------------------------------------------------------


def test_offers_come_every_so_many_days_to_their_stages() -> None:
    lever = Offers(on=True, every=9, start=4, stages="active+at_risk", hour=11.0)
    watch = watched(Strategy(guard=FREE, offers=lever), days=45)
    assert days_of(watch.log) == [4, 13, 22, 31, 40]
    assert {s.stage for s in watch.log} == {"active", "at_risk"}
    assert {(s.kind, s.hour, s.offer) for s in watch.log} == {(BENEFIT, 11.0, 0)}


@pytest.mark.parametrize(
    ("lever", "offer"),
    [
        (Offers(kind="percent", value=0.2, most=50.0), Offer(3, 0.2, 0.0, 5000.0, 7)),
        (Offers(kind="cash", value=20.0, most=5.0), Offer(1, 2000.0, 0.0, 2000.0, 7)),
        (Offers(kind="threshold", value=30.0, least=100.0), Offer(2, 3000.0, 10_000.0, 3000.0, 7)),
        (Offers(kind="flash", value=0.3, life=20), Offer(5, 0.3, 0.0, 20_000.0, 1)),
        (Offers(kind="buy_one_get_one", most=80.0), Offer(4, 15.0, 0.0, 8000.0, 7)),
        (Offers(kind="sample", value=4.0), Offer(6, 400.0, 0.0, 400.0, 7)),
        (Offers(kind="gift", value=0.3, most=100.0), Offer(7, 0.3, 0.0, 10_000.0, 7)),
        (Offers(kind="first_order", value=12.0, stackable=True), Offer(0, 1200.0, 0.0, 1200.0, 7, 1)),
    ],
    ids=lambda value: value.kind if isinstance(value, Offers) else "",
)
def test_an_offer_is_what_its_settings_say(lever: Offers, offer: Offer) -> None:
    assert lever.offers() == [offer]
    assert OFFER_KINDS[offer.kind] == lever.kind


def test_offers_end_after_their_life() -> None:
    """An offer of five days given on day 0 can be used until day 4, and has ended on day 5."""
    world = world_of(Strategy(offers=Offers(on=True, every=1000, life=5)), days=8, response=PATIENT)
    held = []
    while world.day < 8:
        world.step()
        held.append(int((world.population.column("offer")[:, 0] >= 0).sum()))
    assert held[0] > 200
    assert held[4] > 0
    assert held[5] == 0


# -- tags ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("coverage", "error"), [(0.0, 0.0), (0.5, 0.3), (1.0, 0.0), (1.0, 1.0)])
def test_tags_are_as_many_and_as_wrong_as_declared(coverage: float, error: float) -> None:
    """A tag is a reading of the need with a share of errors; nobody else is tagged."""
    still = dataclasses.replace(PATIENT, temperament=Temperament(need_change=0.0))
    speak = Messaging(on=True, per_week=7.0)
    world = world_of(
        Strategy(tags=Tags(on=True, coverage=coverage, error=error), messaging=speak, content=PIECES, guard=FREE),
        members=500,
        days=3,
        joining=0.0,
        response=still,
    )
    world.run()
    tag, need = world.population.column("tag"), world.population.column("need")
    tagged = tag >= 0
    assert tagged.mean() == pytest.approx(coverage, abs=0.09)
    if coverage:
        assert (tag != need)[tagged].mean() == pytest.approx(error, abs=0.1)


def test_tags_are_renewed_by_age_and_by_traces() -> None:
    """Without renewal a tag is made once; `refresh` renews it by age, `learn` after orders and opens."""
    speak = Strategy(messaging=Messaging(on=True, per_week=7.0), content=PIECES, guard=FREE)

    def made(tags: Tags) -> np.ndarray:
        return watched(dataclasses.replace(speak, tags=tags), days=31, joining=0.0).world.population.column("tags")

    assert set(made(Tags(on=True, coverage=1.0)).tolist()) == {1}
    assert set(made(Tags(on=True, coverage=1.0, refresh=10.0)).tolist()) == {4}
    learnt = made(Tags(on=True, coverage=1.0, learn=True))
    assert learnt.min() == 1
    assert learnt.max() > 5


def test_no_tags_before_their_start_nor_after_their_stop() -> None:
    strategy = Strategy(
        messaging=Messaging(on=True, per_week=7.0),
        content=PIECES,
        guard=FREE,
        tags=Tags(on=True, coverage=1.0, start=5, stop=12, refresh=2.0),
    )
    world = world_of(strategy, days=20, joining=0.0, response=PATIENT)
    while world.day < 20:
        world.step()
        if world.day <= 5:
            assert (world.population.column("tag") < 0).all()
    assert set(world.population.column("tag_day").tolist()) <= set(range(5, 12))
    assert world.population.column("tags").min() >= 4


# -- goods and mending ---------------------------------------------------------------------------------------------


def test_goods_shown_are_the_goods_ordered() -> None:
    """Unsold goods go at their price, exclusive goods are worth twice, ordinary goods are as without the lever."""

    def totals(lever: Assortment) -> dict[str, int]:
        from sim.accounting.metrics import daily_columns

        ledger = world_of(Strategy(assortment=lever), days=60, response=PATIENT, joining=0.0).run()
        columns = daily_columns(ledger, 60)
        return {name: int(columns[name].sum()) for name in ("orders", "revenue", "gmv", "markdowns")}

    plain, unsold = totals(Assortment()), totals(Assortment(on=True, clearance=1.0))
    alone, none = totals(Assortment(on=True, exclusive=1.0)), totals(Assortment(on=True))
    assert none == plain
    assert unsold["revenue"] == pytest.approx(0.35 * unsold["gmv"], rel=0.01)
    assert unsold["orders"] < 0.6 * plain["orders"]
    assert alone["markdowns"] == 0
    assert alone["gmv"] / alone["orders"] == pytest.approx(2.0 * plain["gmv"] / plain["orders"], rel=0.1)


def test_mending_removes_its_own_cause() -> None:
    """With a cause mended wholly nobody drifts away because of it, and fewer drift away at all."""
    from sim.accounting.metrics import daily_columns

    def drifted(**mended: float) -> dict[str, int]:
        world = world_of(Strategy(mending=Mending(on=True, **mended)), days=60, members=500, joining=0.0)
        columns = daily_columns(world.run(), 60)
        return {
            cause: int(columns[f"drifted_{cause}"].sum()) for cause in ("need", "quality", "service", "logistics")
        }

    plain = drifted()
    assert min(plain.values()) > 0
    for cause in ("quality", "service", "logistics"):
        mended = drifted(**{cause: 1.0})
        # what was due before the first evening of the lever still comes
        assert mended[cause] <= 3
        assert sum(mended.values()) < sum(plain.values())


# -- guard and settings --------------------------------------------------------------------------------------------


def test_the_guard_knows_the_dormant_by_their_stage() -> None:
    record = Guard(per_week=9.0, silent_per_week=2.0, quota="month", quota_factor=2.0).record(28)[0]
    assert record.stage_caps.tolist() == [9.0, 9.0, 9.0, 9.0, 2.0, 2.0, 2.0, 2.0]
    assert record.quota_size == 56.0
    assert Guard(per_week=1.0, silent_per_week=2.0).record(30)[0].stage_caps.max() == 1.0


def test_words_for_stages_become_bits() -> None:
    assert stage_bits("all") == 255
    assert stage_bits("new") == 2
    assert stage_bits("new + active") == 6
    assert stage_bits("dormant") == stage_bits("dormant_30+dormant_60+dormant_90") == 0b1110000
    with pytest.raises(InputError, match="did you mean 'at_risk'"):
        stage_bits("at_riks")
    with pytest.raises(InputError, match="there is no stage ''"):
        stage_bits("")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"guard": {"quota": "year"}}, "guard.quota='year': must be one of"),
        ({"guard": {"quiet_from": 25}}, "guard.quiet_from=25: must be a number in [0, 24] hour of the day"),
        ({"guard": {"marketing_share": 1.5}}, "guard.marketing_share=1.5: must be a number in [0, 1]"),
        ({"guard": {"on": True}}, "guard.on: there is no such setting"),
        ({"welcome": {"lessons": 4}}, "welcome.lessons=4: must be a whole number in [0, 3]"),
        ({"welcome": {"offer": -5}}, "welcome.offer=-5"),
        ({"welcome": {"gate": 11}}, "welcome.gate=11"),
        ({"warning": {"clock": "weeks"}}, "warning.clock='weeks'"),
        ({"warning": {"again_after": 0}}, "warning.again_after=0"),
        ({"warning": {"gift": 30}}, "warning.gift=30: must be a number in [0, 1] share of past spend"),
        ({"wakeup": {"mode": "segment"}}, "did you mean 'segmented'?"),
        ({"wakeup": {"per_week": 8}}, "wakeup.per_week=8"),
        ({"wakeup": {"touches": 0}}, "wakeup.touches=0"),
        ({"offers": {"kind": "coupon"}}, "offers.kind='coupon'"),
        ({"offers": {"every": 0}}, "offers.every=0"),
        ({"offers": {"value": 0}}, "offers.value=0"),
        ({"messaging": {"per_week": 281}}, "messaging.per_week=281"),
        ({"messaging": {"buyers": "heavi"}}, "did you mean 'heavy'?"),
        ({"messaging": {"share": -0.1}}, "messaging.share=-0.1"),
        ({"content": {"formats": 5}}, "content.formats=5: must be a whole number in [1, 4] formats"),
        ({"content": {"topics": "mine"}}, "content.topics='mine'"),
        ({"content": {"capacity": 0}}, "content.capacity=0"),
        ({"tags": {"coverage": 80}}, "tags.coverage=80: must be a number in [0, 1] share of members"),
        ({"assortment": {"exclusive": 2}}, "assortment.exclusive=2"),
        ({"mending": {"cost": -1}}, "mending.cost=-1"),
        ({"mending": {"stop": "never"}}, "mending.stop='never': must be a whole number"),
        ({"budget": {"monthly": "much"}}, "budget.monthly='much'"),
    ],
    ids=str,
)
def test_wrong_settings_are_refused_with_a_clear_message(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as wrong:
        checked(Strategy, values)
    assert said in str(wrong.value)
    assert len(str(wrong.value).splitlines()) == 1


def test_no_day_holds_more_messages_than_there_is_room_for() -> None:
    """However many a week are asked for, a day's messages keep their slots apart, and nobody gets one twice."""
    levers = {name: dataclasses.replace(lever) for name, lever in SPEAKING.items()}
    levers["messaging"] = Messaging(on=True, per_week=280.0)
    strategy = Strategy(guard=FREE, content=PIECES, **levers)
    watch = Watch(world_of(strategy, response=PATIENT, days=3, members=60, joining=6.0))
    while watch.world.day < 3:
        slots = watch.world.desk_today().sends["slot"].tolist()
        assert len(slots) == len(set(slots)) <= 64
        watch.morning()
        watch.world.step()
    assert max(Counter((s.day, s.row) for s in watch.log).values()) <= 64


def test_levers_want_nothing_when_they_have_nothing_to_say() -> None:
    """Levers that only set something neither send nor give."""
    for lever in (Content(on=True), Tags(on=True), Assortment(on=True), Mending(on=True)):
        assert lever.sends(Morning(0, 0, 0)) == []
        assert lever.offers() == []


def test_an_audience_is_drawn_from_what_can_be_seen() -> None:
    """Changing what is hidden in a member (need, tolerance, hour, trust) changes nothing of whom levers reach."""
    strategy = Strategy(
        guard=Guard(per_week=4, marketing_share=0.5),
        warning=EarlyWarning(on=True, mild=5.0, medium=10.0, severe=20.0),
        wakeup=Wakeup(on=True, silent=30.0),
        messaging=Messaging(on=True, per_week=7.0, stages="new+active"),
        content=PIECES,
        budget=Budget(total=900.0),
    )
    one, two = (Watch(World(plan_of(strategy, response=IMPATIENT), 3)) for _ in range(2))
    for name, value in (("need", 3), ("tolerance", 0.1), ("hour", 3.0), ("trust", 0.01), ("fit", 0.5)):
        for row in range(two.world.population.count):
            two.world.population.relation(row)[name] = value
    assert one.morning() == two.morning()


def test_a_send_has_room_for_every_field() -> None:
    """What levers write is what delivery reads, field by field."""
    from sim.touch import SEND, table

    send = Send(slot=3, hour=7.25, share=0.5, limit=9, pull=2.0, ask=1)
    row = table([send], SEND)[0]
    assert {f.name: row[f.name] for f in dataclasses.fields(Send)} == dataclasses.asdict(send)
