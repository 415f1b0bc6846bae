"""The bridge: planted truths come back exactly, bars add up in every replication, a lever that never fires gets 0."""

import math
import re
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import compare
from sim.accounting import metrics, posting
from sim.engine import World
from sim.errors import InputError
from sim.report.bridge import bridge_of
from sim.report.comparison import Comparison
from sim.settings import BridgeSettings, CompareConfig, Run
from sim.strategy import known_strategies, read_strategy
from sim.study import bridge as study
from sim.study.bridge import Shares, Worlds, drawn_orders, interactions, sampled, shapley, share_out, whole
from sim.study.compare import prepare_twins, run_compare
from sim.study.ensemble import Ensemble, run_ensemble
from sim.study.losses import KINDS, kinds_of
from sim.units import checked
from tests.lab import FALSE_ALARM

relaxed = settings(deadline=None, max_examples=60, derandomize=True)
cents = st.integers(-(10**12), 10**12)
PLENTY = (
    "do_nothing:content.on=true:messaging.on=true:messaging.per_week=5:tags.on=true:content.topics=own:"
    "member_day.on=true:acquisition.on=true:wakeup.on=true:wakeup.start=30:wakeup.silent=20"
)
"""Five levers that act or would act, and one without money to act with; wakeup begins after the last day."""
IDLE = ("acquisition", "wakeup")
RUN = {"members": 250, "days": 28, "replications": 4, "threads": 1}


def game(levers: int, worth: Any) -> dict[int, np.ndarray]:
    """A value of every set of levers, of one replication and one metric."""
    return {
        s: np.array([[worth([i for i in range(levers) if s >> i & 1])]], dtype=object) for s in range(1 << levers)
    }


def shares(values: dict[int, np.ndarray], levers: int) -> list[Fraction]:
    """Shapley's value as fractions."""
    found, of = shapley(values, levers)
    return [Fraction(found[i, 0, 0], of) for i in range(levers)]


# -- planted truths ------------------------------------------------------------------------------------------


@relaxed
@given(st.lists(cents, min_size=1, max_size=8), cents)
def test_levers_that_add_up_get_what_they_add(effects: list[int], base: int) -> None:
    count = len(effects)
    values = game(count, lambda s: base + sum(effects[i] for i in s))
    assert shares(values, count) == effects
    assert all(not v.any() for v in interactions(values, count)[0].values())


@relaxed
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6))
def test_levers_that_multiply_share_by_the_closed_form(factors: list[int]) -> None:
    """A product of (1 + a) sums products of a over sets T, each shared evenly by T; pairs get 1 / (|T| - 1) of it."""
    count = len(factors)
    values = game(count, lambda s: math.prod(1 + factors[i] for i in s))
    sets = [c for size in range(1, count + 1) for c in combinations(range(count), size)]
    of = {c: math.prod(factors[i] for i in c) for c in sets}
    assert shares(values, count) == [sum(Fraction(of[c], len(c)) for c in sets if i in c) for i in range(count)]
    pairs, over = interactions(values, count)
    for (i, j), found in pairs.items():
        expected = sum(Fraction(of[c], len(c) - 1) for c in sets if i in c and j in c)
        assert Fraction(found[0, 0], over) == expected


@st.composite
def games(draw: Any) -> tuple[int, dict[int, np.ndarray]]:
    """Any game of 1 to 5 levers in whole numbers."""
    count = draw(st.integers(1, 5))
    worths = draw(st.lists(cents, min_size=1 << count, max_size=1 << count))
    return count, {s: np.array([[worth]], dtype=object) for s, worth in enumerate(worths)}


@relaxed
@given(games())
def test_shares_are_the_average_over_all_orders_and_sum_to_the_difference(drawn: Any) -> None:
    count, values = drawn
    found = shares(values, count)
    assert sum(found) == values[(1 << count) - 1][0, 0] - values[0][0, 0]
    orders = list(permutations(range(count)))
    for lever in range(count):
        gains = [
            values[before | 1 << lever][0, 0] - values[before][0, 0]
            for order in orders
            for i, before in study.steps(order)
            if i == lever
        ]
        assert found[lever] == Fraction(sum(gains), len(orders))


@relaxed
@given(games(), st.data())
def test_a_dummy_gets_what_it_adds_and_equals_get_the_same(drawn: Any, data: Any) -> None:
    count, values = drawn
    alone = data.draw(cents)
    wider = {**values, **{s | 1 << count: v + alone for s, v in values.items()}}  # it adds `alone` to every set
    assert shares(wider, count + 1) == [*shares(values, count), alone]
    assert all(not v.any() for (_, j), v in interactions(wider, count + 1)[0].items() if j == count)
    if count < 2:
        return
    i, j = data.draw(st.sampled_from(list(combinations(range(count), 2))))
    swap = {1 << i: 1 << j, 1 << j: 1 << i}
    mirror = {s: s ^ (1 << i) ^ (1 << j) if (s & (1 << i | 1 << j)) in swap else s for s in values}
    even = {s: values[s] + values[mirror[s]] for s in values}
    found = shares(even, count)
    assert found[i] == found[j]


# -- drawn orders --------------------------------------------------------------------------------------------


def test_orders_are_drawn_by_keyed_luck_each_with_its_reverse() -> None:
    orders = drawn_orders(5, 300, 4)
    assert orders == drawn_orders(5, 300, 4) != drawn_orders(6, 300, 4)
    assert drawn_orders(5, 7, 4) == orders[:14]
    assert all(a == tuple(reversed(b)) for a, b in zip(orders[::2], orders[1::2], strict=True))
    seen = {order: orders.count(order) for order in permutations(range(4))}
    assert min(seen.values()) > 8  # 25 expected of 600; 8 is 3.4 sd below
    assert sum(seen.values()) == 600


@relaxed
@given(games())
def test_all_orders_are_no_sample(drawn: Any) -> None:
    """Drawn orders sum to the difference exactly; when all are drawn, they give Shapley's value itself."""
    count, values = drawn
    if count < 3:
        return
    forward = [order for order in permutations(range(count)) if order <= tuple(reversed(order))]
    orders = [each for order in forward for each in (order, tuple(reversed(order)))]
    found, of, _ = sampled(values, count, orders)
    assert [Fraction(found[i, 0, 0], of) for i in range(count)] == shares(values, count)
    some, many, _ = sampled(values, count, drawn_orders(3, 2, count))
    assert Fraction(int(some[:, 0, 0].sum()), many) == values[(1 << count) - 1][0, 0] - values[0][0, 0]


def test_intervals_of_drawn_orders_cover_the_exact_shares() -> None:
    """Of 6 levers in 60 games, 95 % of intervals should hold; errors are known from 16 pairs only."""
    luck, levers, inside = np.random.default_rng(11), 6, []
    for seed in range(60):
        single, pair = luck.integers(-500, 500, levers), luck.integers(-300, 300, (levers, levers, levers))
        values = game(
            levers,
            lambda s, single=single, pair=pair: int(
                sum(single[i] for i in s) + sum(pair[c] for c in combinations(s, 3))
            ),
        )
        exact = shares(values, levers)
        found, of, error = sampled(values, levers, drawn_orders(seed, 16, levers))
        reach = study.errors_within(16) * error[:, 0]
        off = np.array([abs(float(Fraction(found[i, 0, 0], of) - exact[i])) for i in range(levers)])
        inside += (off <= reach + 1e-9).tolist()
    assert 0.9 < np.mean(inside) <= 1.0


# -- worlds --------------------------------------------------------------------------------------------------


def test_every_set_of_levers_is_a_strategy_that_stands() -> None:
    """Also where topics want tags and messages want content; all levers make the strategy, none the baseline."""
    named = {name: read_strategy(name) for name in known_strategies()}
    for ours in named.values():
        for theirs in (named["do_nothing"], named["matched_scenes"]):
            levers = study.differing(ours, theirs)
            assert study.mixed(ours, theirs, levers) == study.plain(ours)
            rules = {"budget": ours.budget, "guard": ours.guard}
            assert study.mixed(ours, theirs, []) == study.plain(replace(theirs, **rules))
            for lever in levers:
                study.mixed(ours, theirs, [lever]).cross_check()
                study.mixed(ours, theirs, [other for other in levers if other != lever]).cross_check()


def test_what_a_setting_needs_and_has_not_got_falls_back() -> None:
    ours, nothing = read_strategy(PLENTY), read_strategy("do_nothing")
    assert study.mixed(ours, nothing, ["messaging"]) == study.plain(nothing)
    assert study.mixed(ours, nothing, ["content"]).content.topics == "general"
    assert study.mixed(ours, nothing, ["content", "tags"]).content.topics == "own"
    paid = read_strategy("do_nothing:referral.on=true:points.on=true:referral.points=50")
    assert study.mixed(paid, nothing, ["referral"]).referral.points == 0.0
    off = read_strategy("do_nothing:messaging.per_week=9:guard.quota=day")
    assert study.differing(off, nothing) == []
    assert study.plain(off) == study.plain(nothing)


@pytest.fixture(scope="module")
def twins() -> Any:
    """A comparison, prepared."""
    values = {"run": RUN, "strategies": ["do_nothing", PLENTY, "two_sided_referral"]}
    return prepare_twins(checked(CompareConfig, values))


@pytest.fixture(scope="module")
def lived(twins: Any) -> dict[str, Ensemble]:
    """Its strategies, lived."""
    return {name: run_ensemble(plan, 1, RUN["replications"]) for name, plan in twins.plans.items()}


@pytest.fixture(scope="module")
def worlds(twins: Any) -> Worlds:
    """Where they are lived."""
    return Worlds(twins.ready.plan, twins.config.run, RUN["replications"], None)


@pytest.fixture(scope="module")
def shared(twins: Any, worlds: Worlds) -> Shares:
    """The difference that many levers make, shared out."""
    return share_out(twins.strategies[PLENTY], twins.strategies["do_nothing"], worlds, BridgeSettings(), print)


def test_flows_sum_to_the_difference_in_every_replication(lived: dict[str, Ensemble]) -> None:
    assert sorted(study.CHANNELS.values()) == list(range(len(posting.CHANNELS)))
    base = lived["do_nothing"]
    for name in (PLENTY, "two_sided_referral"):
        found = study.bars(lived[name], base)
        for stock in ("members", "attached", "orders", "contribution"):
            ours, theirs = (e.metric(stock) for e in (lived[name], base))
            flow = study.KNOWN[stock].kind == "flow"
            whole_difference = (ours - theirs).sum(axis=1) if flow else (ours - theirs)[:, -1]
            assert (sum(found[stock].values()) == whole_difference).all()
            assert all(values.dtype == np.int64 for values in found[stock].values())
    assert (study.bars(lived["two_sided_referral"], base)["members"]["referral"] > 0).any()
    assert (study.bars(lived[PLENTY], base)["contribution"]["content"] < 0).all()


def test_who_left_while_attached_is_what_the_books_say(twins: Any, lived: dict[str, Ensemble]) -> None:
    """That leg is what the others leave; the kernel counts it by itself."""
    for r in range(2):
        gone = []
        for name in ("do_nothing", PLENTY):
            ledger = World(twins.plans[name], 1, r).run()
            gone.append(int(ledger.events[:, :, posting.REMOVED_ATTACHED].sum()))
        leg = study.bars(lived[PLENTY], lived["do_nothing"])["attached"]["left while attached"]
        assert leg[r] == gone[0] - gone[1]


def test_flows_that_do_not_sum_are_refused(lived: dict[str, Ensemble]) -> None:
    base = lived["do_nothing"]
    wrong = base.daily.copy()
    wrong[1, -1, base.names.index("members")] += 1
    with pytest.raises(ArithmeticError, match="members"):
        study.bars(replace(base, daily=wrong), base)


def test_levers_sum_to_the_difference_in_every_replication(shared: Shares, lived: dict[str, Ensemble]) -> None:
    """To the count and the cent, for every metric; both ends are the strategies as they were compared."""
    assert shared.levers == ["wakeup", "messaging", "content", "tags", "acquisition", "member_day"]
    assert (shared.shares.sum(axis=0) == shared.of * shared.difference).all()
    assert not shared.rules.any()
    difference = study.outcomes(lived[PLENTY]) - study.outcomes(lived["do_nothing"])
    assert (shared.difference == whole(difference)).all()
    assert shared.difference[:, lived[PLENTY].names.index("orders")].any()


def test_a_lever_that_never_fires_gets_exactly_nothing(shared: Shares) -> None:
    for name in IDLE:
        at = shared.levers.index(name)
        for found in (shared.shares[at], shared.alone[at], shared.last[at]):
            assert not found.any()
        assert all(not values.any() for pair, values in (shared.index or {}).items() if at in pair)
    for name in ("messaging", "content", "member_day"):
        assert shared.shares[shared.levers.index(name)].any(), name


def test_messages_and_content_are_worth_the_same_without_each_other_nothing(shared: Shares) -> None:
    """Each needs the other, so what both bring is halved in every replication."""
    one, other = (shared.levers.index(name) for name in ("messaging", "content"))
    assert not shared.alone[one].any()
    assert (shared.shares[one] == shared.shares[other]).all()
    assert (shared.pairs[one, other] != 0).any()


class Planted(Worlds):
    """Worlds whose orders are planted: what each set of levers is worth, and luck that all worlds share."""

    def __init__(self, base: Worlds, worth: Any) -> None:
        super().__init__(base.plan, base.run, 400, None)
        self.worth = worth
        self.luck = np.random.default_rng(7).normal(10_000.0, 300.0, (2, self.replications))

    def live(self, strategies: Any, progress: Any, watched: Any = ()) -> None:
        for strategy in strategies:
            on = [name for name, lever in strategy.levers()]
            values = np.zeros((self.replications, len(NAMES)), dtype=np.int64)
            values[:, ORDERS] = (self.luck[0] + self.worth(on) * self.luck[1] / 10_000.0).round()
            self.lived[strategy] = values


NAMES = (*metrics.NAMES, *metrics.RESPONSE_NAMES)
ORDERS = NAMES.index("orders")
FREE = ["wakeup", "acquisition", "member_day", "offers"]
EFFECTS = {"wakeup": 40.0, "acquisition": -25.0, "member_day": 0.0, "offers": 300.0}


@pytest.mark.statistical
@pytest.mark.parametrize("exact", [True, False], ids=["all sets", "drawn orders"])
@pytest.mark.parametrize("pair", [0.0, 60.0], ids=["additive", "interacting"])
def test_planted_effects_of_levers_come_back(worlds: Worlds, exact: bool, pair: float) -> None:
    """Where levers add up, each gets its planted effect; where two bring `pair` together beyond that, each gets half.

    400 replications of luck: a bias of 1 order in 10,000 would be seen, by chance but once in 10,000 (16 tests).
    """
    ours = read_strategy("do_nothing:" + ":".join(f"{name}.on=true" for name in FREE))

    def worth(on: list[str]) -> float:
        return sum(EFFECTS[name] for name in on) + pair * ({"wakeup", "offers"} <= set(on))

    how = BridgeSettings(most=8 if exact else 2, pairs=20)
    found = share_out(ours, read_strategy("do_nothing"), Planted(worlds, worth), how, lambda done, of: None)
    assert found.levers == [*FREE[:1], "offers", *FREE[1:3]]
    assert (found.shares.sum(axis=0) == found.of * found.difference).all()
    for at, name in enumerate(found.levers):
        mine = (found.shares[at][:, ORDERS] / found.of).astype(float)
        expected = EFFECTS[name] + (pair / 2.0 if name in ("wakeup", "offers") else 0.0)
        error = mine.std(ddof=1) / math.sqrt(len(mine))
        reach = scipy.stats.norm.isf(FALSE_ALARM / 32) * error
        assert reach < 3.0
        assert abs(mine.mean() - expected) <= reach + 1e-9, name
    if exact and found.index is not None:
        for (i, j), values in found.index.items():
            planted = pair if {found.levers[i], found.levers[j]} == {"wakeup", "offers"} else 0.0
            assert abs((values[:, ORDERS] / found.index_of).astype(float).mean() - planted) < 1.0


def test_drawn_orders_live_fewer_worlds_and_still_sum(twins: Any, shared: Shares) -> None:
    worlds = Worlds(twins.ready.plan, twins.config.run, RUN["replications"], None)
    how = BridgeSettings(most=2, pairs=6)
    found = share_out(twins.strategies[PLENTY], twins.strategies["do_nothing"], worlds, how, lambda done, of: None)
    assert (found.shares.sum(axis=0) == found.of * found.difference).all()
    assert (found.difference == shared.difference).all()
    assert (found.alone == shared.alone).all()
    assert (found.last == shared.last).all()
    assert found.index is None
    assert found.worlds < shared.worlds
    assert not found.shares[shared.levers.index("wakeup")].any()


def test_intervals_of_drawn_orders_cover_the_exact_shares_of_real_levers(
    twins: Any, worlds: Worlds, shared: Shares
) -> None:
    """40 draws of 16 pairs of orders over worlds that are all known; the idle levers have no error to cover."""
    ours, theirs = twins.strategies[PLENTY], twins.strategies["do_nothing"]
    count = len(shared.levers)
    sets = range(1 << count)
    at = {s: study.mixed(ours, theirs, [name for i, name in enumerate(shared.levers) if s >> i & 1]) for s in sets}
    places = [NAMES.index(name) for name in BridgeSettings().metrics]
    values = {s: whole(worlds.lived[strategy])[:, places] for s, strategy in at.items()}
    acting = [i for i, name in enumerate(shared.levers) if name not in IDLE]
    exact = (shared.shares[acting][:, :, places].mean(axis=1) / shared.of).astype(float)
    inside = []
    for seed in range(40):
        found, of, error = sampled(values, count, drawn_orders(seed, 16, count))
        guess = (found[acting].mean(axis=1) / of).astype(float)
        inside.append(np.abs(guess - exact) <= study.errors_within(16) * error[acting] + 1e-9)
    covered = np.mean(inside, axis=(0, 2))
    assert covered.min() >= 0.85
    assert covered.mean() >= 0.93


def test_rules_of_another_strategy_are_a_bar_of_their_own(twins: Any) -> None:
    """The baseline's messages under the strategy's cap: that is neither lever's work."""
    ours = read_strategy(f"{PLENTY}:guard.per_week=1:messaging.per_week=4")
    worlds = Worlds(twins.ready.plan, twins.config.run, 2, None)
    found = share_out(ours, read_strategy(PLENTY), worlds, BridgeSettings(), lambda done, of: None)
    assert found.levers == ["messaging"]
    sent = len(metrics.NAMES) + metrics.RESPONSE_NAMES.index("messages")
    assert (found.rules[:, sent] < 0).all()
    assert (found.rules + found.shares[0] == found.difference).all()


def test_worlds_are_kept_and_not_lived_again(twins: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = twins.strategies["two_sided_referral"], twins.strategies["do_nothing"]
    said: list[tuple[int, int]] = []

    def first() -> Shares:
        worlds = Worlds(twins.ready.plan, twins.config.run, 2, tmp_path)
        return share_out(ours, theirs, worlds, BridgeSettings(), lambda done, of: said.append((done, of)))

    before = first()
    assert said == [(0, 2), (1, 2), (2, 2)]
    monkeypatch.setattr(study, "run_one", None)
    after = first()
    assert said[3:] == [(2, 2)]
    assert (after.shares == before.shares).all()
    next(tmp_path.glob("*.npz")).write_bytes(b"broken")
    with pytest.raises(TypeError):
        first()


def test_worlds_do_not_depend_on_processes(twins: Any, lived: dict[str, Ensemble]) -> None:
    names = "do_nothing", "two_sided_referral"
    worlds = Worlds(twins.ready.plan, replace(twins.config.run, processes=2), RUN["replications"], None)
    worlds.live([study.plain(twins.strategies[name]) for name in names], lambda done, of: None)
    for name in names:
        assert (worlds.lived[study.plain(twins.strategies[name])] == study.outcomes(lived[name])).all()


# -- a whole comparison --------------------------------------------------------------------------------------

FOLDED = {"on": True, "metrics": ["members", "orders", "contribution"], "replications": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison with its levers told apart, as the command line leaves it."""
    values = {"run": RUN | {"name": "b"}, "bridge": FOLDED, "strategies": ["do_nothing", PLENTY, "do_nothing"]}
    return run_compare(checked(CompareConfig, values), tmp_path_factory.mktemp("bridge"))


def test_the_bridge_does_not_depend_on_threads(folder: Path) -> None:
    found = compare(["do_nothing", PLENTY], run=RUN | {"threads": 3}, bridge=FOLDED)
    levers = pd.read_csv(folder / "bridge_levers.csv")
    mine = levers[levers["strategy"] == PLENTY].reset_index(drop=True)
    pd.testing.assert_frame_equal(found.bridge_levers, mine, rtol=1e-9)
    names = ["metric", "lever", "other", "measure", "effect"]
    pairs = pd.read_csv(folder / "bridge_interactions.csv")[names]
    pd.testing.assert_frame_equal(found.bridge_interactions[names], pairs, rtol=1e-9)


def test_tables_say_what_the_comparison_says(folder: Path) -> None:
    levers, flows = (pd.read_csv(folder / f"bridge_{name}.csv") for name in ("levers", "flows"))
    effects = pd.read_csv(folder / "effects.csv")
    end = effects[(effects["strategy"] == PLENTY) & (effects["day"] == 27)].set_index("metric")
    for metric, rows in flows[flows["strategy"] == PLENTY].groupby("metric"):
        found = rows.set_index("kind")
        assert found.loc["difference", "effect"] == pytest.approx(end.loc[str(metric), "effect"])
        assert found.loc["difference", "low95"] == pytest.approx(end.loc[str(metric), "low95"])
        assert found.loc["flow", "effect"].sum() == pytest.approx(found.loc["difference", "effect"])
    for metric, rows in levers[(levers["strategy"] == PLENTY) & (levers["measure"] == "share")].groupby("metric"):
        parts = rows.set_index("lever")["effect"]
        assert parts.drop("together").sum() == pytest.approx(parts["together"]), metric
    idle = levers[levers["lever"].isin(IDLE)]
    assert len(idle) == 2 * 3 * 3
    assert (idle[["effect", "low95", "high95"]] == 0.0).all(axis=None)
    itself = levers[levers["strategy"] == "do_nothing#2"]
    assert set(itself["lever"]) == {"together"}
    assert (itself["effect"] == 0.0).all()


def test_each_lever_has_a_twin_without_it(folder: Path, twins: Any) -> None:
    """members_by_lever.csv: everybody is of one kind, idle levers touch nobody, and the twin is that very world."""
    table = pd.read_csv(folder / "members_by_lever.csv")
    every = table[(table["segment"] == "all") & (table["strategy"] == PLENTY)].pivot(
        index="lever", columns="measure", values="mean"
    )
    assert set(every.index) == {"wakeup", "messaging", "content", "tags", "acquisition", "member_day"}
    assert (every[list(KINDS)].sum(axis=1) - RUN["members"]).abs().max() < 1e-6
    moved = ["persuaded", "disturbed", "gained", "lost", "gained_revenue", "lost_revenue"]
    assert (every.loc[list(IDLE), moved] == 0.0).all(axis=None)
    assert every.loc["messaging", "gained"] > 0
    assert (every.loc["messaging"] - every.loc["content"]).abs().max() < 1e-9  # neither acts without the other
    by_segment = table[table["segment"].isin(posting.SEGMENTS) & (table["strategy"] == PLENTY)]
    sums = by_segment.groupby(["lever", "measure"])["mean"].sum().unstack()
    assert np.allclose(sums[every.columns].loc[every.index], every)
    ours = twins.strategies[PLENTY]
    without = study.mixed(
        ours, twins.strategies["do_nothing"], ["wakeup", "messaging", "content", "tags", "acquisition"]
    )
    plan = replace(twins.ready.plan, strategy=without, operated=True)
    there = run_ensemble(plan, 1, FOLDED["replications"])
    mine = run_ensemble(twins.plans[PLENTY], 1, FOLDED["replications"])
    kinds = kinds_of(mine.fates, there.fates)
    for place, kind in enumerate(KINDS):
        assert every.loc["member_day", kind] == pytest.approx((kinds == place).sum(axis=1).mean())
    told = Comparison(folder).summary
    words = {entry["lever"]: entry["without"] for entry in told["bridge"]["members"] if entry["strategy"] == PLENTY}
    assert words["member_day"] == "without member_day"
    assert words["tags"] == "without content.topics=own (general instead) and without tags"
    assert [entry["without"] for entry in told["losses"]] == [f"without {PLENTY}"]
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "would have stayed without member_day" in text
    assert (folder / "charts" / "members_by_lever.png").stat().st_size > 20_000


def test_sentences_name_the_parts(folder: Path) -> None:
    about = Comparison(folder).summary["bridge"]
    words = {entry["metric"]: entry["sentence"] for entry in about["levers"] if entry["strategy"] == PLENTY}
    assert set(words) == {"members", "orders", "contribution"}
    assert "exactly 0: wakeup, acquisition" in words["contribution"]
    assert " CNY" in words["contribution"]
    assert " CNY" not in words["orders"]
    flows = {entry["metric"]: entry["sentence"] for entry in about["flows"] if entry["strategy"] == "do_nothing#2"}
    assert flows["members"] == "members, do_nothing#2 less do_nothing: nothing differs"
    assert [pair["exact"] for pair in about["pairs"]] == [True, True]


def test_the_page_shows_where_the_difference_comes_from(folder: Path) -> None:
    m = Comparison(folder)
    names = [chart.name for chart in m.bridge.charts()]
    assert names == ["bridge_flows_1", "bridge_money_1", "bridge_levers_1", "bridge_pairs_1"]
    for chart in m.bridge.charts():
        assert (folder / "charts" / f"{chart.name}.png").stat().st_size > 20_000
        assert not re.search(
            r"\b(nan|None|inf)\b|(?<![\w.])-\d", chart.title + chart.takeaway + chart.how + chart.alt
        )
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert text.index('id="charts"') < text.index('id="bridge"') < text.index('id="strategies"')
    after = min(text.index(f'<section id="{name}"') for name in ("losses", "strategies"))
    part = re.sub(r'src="[^"]*"', "", text[text.index('<section id="bridge"') : after])
    for word in ("Where the difference comes from", "(Shapley)", "do_nothing#2 and do_nothing differ in no lever"):
        assert word in part
    assert part.count("<figure id=") == 4
    levers = next(chart for chart in m.bridge.charts() if chart.name == "bridge_levers_1")
    assert "3 pairs of twin worlds" in levers.how
    assert "wakeup 0" in levers.alt


def test_without_levers_flows_are_told_all_the_same(tmp_path: Path) -> None:
    config = CompareConfig(
        run=Run(name="p", members=60, days=7, replications=2, threads=1), strategies=("do_nothing",) * 2
    )
    made = run_compare(config, tmp_path)
    text = (made / "report.html").read_text(encoding="utf-8")
    assert "bridge.on=true lives the worlds" in text
    assert "No flow differs in any pair" in text
    assert not (made / "bridge_levers.csv").exists()
    (made / "bridge_flows.csv").unlink()  # a folder of an earlier version
    m = Comparison(made)
    assert bridge_of(m, "", "do_nothing", ["do_nothing#2"]).charts() == []
    from sim.report.comparison import write_comparison

    write_comparison(made)
    assert 'id="bridge"' not in (made / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"metrics": ["member"]}, "there is no metric 'member'"),
        ({"metrics": []}, "must be a list in brackets"),
        ({"metrics": "members"}, "must be a list in brackets"),
        ({"most": 13}, "bridge.most=13"),
        ({"pairs": 1}, "bridge.pairs=1"),
        ({"replications": 1}, "bridge.replications=1"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        checked(CompareConfig, {"strategies": ["do_nothing", "do_nothing"], "bridge": values})
