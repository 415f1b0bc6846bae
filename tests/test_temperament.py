"""Friends resemble each other, the public differs from those who come by themselves, and who is met is who he is."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from sim import network, rng
from sim.behaviour import inviting, temperament
from sim.behaviour.drifting import drift_hazard, staying_score
from sim.behaviour.inviting import Inviting
from sim.behaviour.temperament import Temperament
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.errors import InputError
from sim.jit import kernel
from sim.network import ACQUAINTANCES, CLOSE, FRIENDS
from sim.operation import Operator
from sim.population import RELATION
from sim.settings import Config
from sim.strategy import Strategy
from sim.units import checked, record
from sim.world.market import Joining, Market
from tests.lab import MONDAY, strategy

LUCK = np.uint64(0xA11C_E000_0000_0001)
PEOPLE = 60_000
FREE = Temperament(fit_stays=0.0, public_fit=0.0)
"""Whom fit does not tie to how long they stay, so that its score is a standard normal."""


@kernel
def _meet(luck: Any, first: int, ops: Any, p: Any, t: Any, out: Any) -> None:
    """Meet the persons from `first` on, whose keys are their places."""
    for i in range(out.shape[0]):
        key = np.uint64(first + i)
        stays = staying_score(drift_hazard(luck, key, p[0].drifting), p[0].drifting)
        temperament.meet_temperament(out[i], luck, key, first + i, 0, stays, ops[0], t[0])


@kernel
def _circles(luck: Any, layer: int, n: Any, keys: Any) -> None:
    for place in range(keys.shape[0]):
        keys[place] = network.circle_key(luck, place, layer, n[0])


def ops_of(market: Market, founders: int) -> np.ndarray:
    """What the day reads of a market."""
    return Operator(Strategy(), MONDAY, market, founders).desk([], set()).ops


def met(t: Temperament, market: Market, founders: int = 0, first: int = 0, count: int = PEOPLE) -> Any:
    """Relations of `count` persons from place `first` on."""
    out = np.zeros(count, dtype=RELATION)
    _meet(LUCK, first, ops_of(market, founders), record(Behaviour()), record(t), out)
    return out


def of_the_kind(share: float, size: int = PEOPLE, **given: Any) -> Market:
    """A market of which so large a share comes by itself."""
    return Market(size=size, joining=Joining(likely_share=share, **given))


def score(relations: Any) -> np.ndarray:
    """The normal score of fit."""
    return special.logit(relations["fit"]) / FREE.fit_spread


def pairs(layer: int, size: int = PEOPLE) -> tuple[np.ndarray, np.ndarray]:
    """Places that sit together in a layer, each beside the next of his circle."""
    keys = np.zeros(size, dtype=np.uint64)
    _circles(LUCK, layer, network.known(network.Network(), size), keys)
    order = np.argsort(keys, kind="stable")
    together = keys[order[:-1]] == keys[order[1:]]
    return order[:-1][together], order[1:][together]


@pytest.mark.statistical
def test_people_as_a_whole_are_as_they_were() -> None:
    """What friends share does not change how many are of which kind: fit and hunters of 60,000 people.

    With circles of up to 1,024 that share a tenth of the variance the standard error of a mean is about .009 for fit
    and .003 for the share of hunters; allowed are 5 of them.
    """
    for t in (FREE, Temperament(fit_stays=0.0, alike_close=1.0, alike_friends=0.0, alike_acquaintances=0.0)):
        people = met(t, of_the_kind(1.0))
        scores = score(people)
        assert abs(scores.mean()) < 0.045
        assert abs(scores.std() - 1.0) < 0.02
        assert (
            np.abs(np.quantile(scores, [0.05, 0.25, 0.75, 0.95]) - stats.norm.ppf([0.05, 0.25, 0.75, 0.95])).max()
            < 0.06
        )
        assert abs(people["hunter"].mean() - 0.1) < 0.015
    alone = Temperament(
        fit_stays=0.0,
        alike_close=0.0,
        alike_friends=0.0,
        alike_acquaintances=0.0,
        hunters_close=0.0,
        hunters_friends=0.0,
        hunters_acquaintances=0.0,
    )
    people = met(alone, of_the_kind(1.0))
    assert stats.kstest(score(people), stats.norm.cdf).pvalue > 1e-5
    assert stats.binomtest(int(people["hunter"].sum()), PEOPLE, 0.1).pvalue > 1e-5


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("layer", "alike", "hunters"), [(CLOSE, 0.35, 0.3), (FRIENDS, 0.25, 0.2), (ACQUAINTANCES, 0.05, 0.1)]
)
def test_those_of_one_circle_are_alike(layer: int, alike: float, hunters: float) -> None:
    """Fit correlates as much as the circle shares, and hunters have hunters as friends as often as a copula says.

    About 50,000 pairs: a standard error below .01 for the correlation, below .002 for the chance that both hunt, of
    which 5 are allowed; strangers are not alike.
    """
    people = met(FREE, of_the_kind(1.0))
    one, other = pairs(layer)
    assert len(one) > 40_000
    scores = score(people)
    assert np.corrcoef(scores[one], scores[other])[0, 1] == pytest.approx(alike, abs=0.04)
    cut = stats.norm.ppf(0.1)
    both = float(stats.multivariate_normal([0, 0], [[1, hunters], [hunters, 1]]).cdf([cut, cut]))
    hunts = people["hunter"].astype(float)
    assert (hunts[one] * hunts[other]).mean() == pytest.approx(both, abs=0.005)
    assert both > 0.01 * 1.3
    strangers = np.roll(np.arange(PEOPLE), 1)
    assert abs(np.corrcoef(scores, scores[strangers])[0, 1]) < 0.03


@pytest.mark.statistical
def test_the_public_is_another_kind_of_people() -> None:
    """Who comes by himself has a use for the goods; of the public a quarter has, it hunts more and is suited less."""
    t, people = Temperament(fit_stays=0.0), met(Temperament(fit_stays=0.0), of_the_kind(0.3), founders=20_000)
    likely = 20_000 + 0.3 * 40_000
    kind = np.arange(PEOPLE) < likely
    assert (people["wants"][kind] == 1).all()
    assert people["wants"][~kind].mean() == pytest.approx(0.25, abs=0.03)
    assert people["hunter"][kind].mean() == pytest.approx(0.10, abs=0.02)
    assert people["hunter"][~kind].mean() == pytest.approx(0.25, abs=0.03)
    same = met(Temperament(fit_stays=0.0, public_fit=0.0), of_the_kind(0.3), founders=20_000)
    fallen = special.logit(people["fit"]) - special.logit(same["fit"])
    np.testing.assert_allclose(fallen, np.where(kind, 0.0, t.fit_spread * t.public_fit), atol=1e-9)
    one, other = pairs(CLOSE)
    public = ~kind[one] & ~kind[other]
    uses = people["wants"].astype(float)
    cut = stats.norm.ppf(0.25)
    both = float(stats.multivariate_normal([0, 0], [[1, 0.35], [0.35, 1]]).cdf([cut, cut]))
    assert (uses[one] * uses[other])[public].mean() == pytest.approx(both, abs=0.02)


@pytest.mark.statistical
def test_how_much_one_talks_goes_with_no_other_trait() -> None:
    """Sociality has a place in luck of its own: of the public as well it goes with nothing else that people are."""
    people = met(FREE, of_the_kind(0.0))
    settings = record(Inviting())[0]
    talks = np.log([inviting.sociality(LUCK, np.uint64(key), settings) for key in range(PEOPLE)])
    for trait in ("fit", "price_sensitivity", "hunter", "need", "hour", "tolerance", "eagerness", "path", "wants"):
        assert abs(np.corrcoef(talks, people[trait])[0, 1]) < 4.5 / math.sqrt(PEOPLE), trait


@pytest.mark.parametrize(("share", "count"), [(0.0, 0), (1.0, 1)])
def test_nobody_and_everybody(share: float, count: int) -> None:
    """Shares of 0 and 1 are nobody and everybody."""
    market = of_the_kind(0.0, 500, public_hunters=share, public_wants=share)
    people = met(Temperament(), market, count=500)
    assert people["hunter"].mean() == count
    assert people["wants"].mean() == count


def test_a_person_is_met_at_his_place() -> None:
    """Founders are met at the places of their rows, newcomers at those of their keys, though a gate turns some away.

    A membership of 300 in a market of 340, where a quarter of the others are of the kind that comes by itself.
    """
    market = Market(size=340, hunter_share=0.4, joining=Joining(yearly_share=2.0, likely_share=0.25))
    told = strategy(welcome={"gate": 1.0}, content={}, messaging={"per_week": 1.0})
    plan = Plan(MONDAY, 60, EmbeddedFounders(300, Behaviour(), 200), market, strategy=told, operated=True)
    world = World(plan, 3)
    world.run()
    people = world.population
    keys = people.column("key").astype(np.int64)
    assert 300 < len(keys) < 340
    assert keys[-1] != len(keys) - 1  # some were turned away
    expected = np.zeros(340, dtype=RELATION)
    _meet(world.luck, 0, ops_of(market, 300), world.settings, record(plan.response.temperament), expected)
    for trait in ("fit", "hunter", "wants"):
        assert people.column(trait).tolist() == expected[trait][keys].tolist(), trait
    newcomers = keys[300:]
    wants = people.column("wants")[300:]
    assert (wants[newcomers < 310] == 1).all()
    assert 0 < wants[newcomers >= 310].mean() < 1


def test_a_founder_of_a_log_has_a_place_of_his_own() -> None:
    """A founder's key may be a hash; his place is his row, and a newcomer's is his key, whatever his row."""
    assert network.place_of(np.uint64(2**63 + 12345), 7, 300.0) == 7
    assert network.place_of(np.uint64(305), 301, 300.0) == 305


def test_circles_cannot_have_more_in_common_than_there_is() -> None:
    """Shares of one trait beyond 1 are refused, in words that name the keys."""
    for trait in ("alike", "hunters"):
        config = checked(Config, {"response": {"temperament": {f"{trait}_close": 0.9}}})
        with pytest.raises(InputError, match=rf"{trait}_close, {trait}_friends and {trait}_acquaintances.*1\.2"):
            config.cross_check()
    all_of_it = Temperament(alike_close=0.5, alike_friends=0.3, alike_acquaintances=0.2)
    all_of_it.cross_check()
    assert math.isfinite(float(met(all_of_it, of_the_kind(1.0), count=100)["fit"].sum()))


def test_each_circle_has_its_own_luck() -> None:
    """What people of a circle have in common is drawn by its key: 256 circles, 256 draws."""
    n = network.known(network.Network(), 1000)[0]
    keys = {int(network.circle_key(LUCK, place, CLOSE, n)) for place in range(1000)}
    drawn = {float(rng.normal(LUCK, np.uint64(key), rng.ALIKE, temperament.FIT)) for key in keys}
    assert len(drawn) == len(keys) == 256
