"""Growth held against closed forms: adoption by word of mouth is Bass's, families below 1 are Borel's.

Everybody is alike here, joins when asked, stays, buys next to nothing and knows everybody: what is left of the model
has a law that can be written down. All seeds are fixed, and each test says how often chance alone would fail it.
"""

import datetime as dt
import itertools
import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import scipy.stats

from sim.accounting.posting import ORGANIC, REFERRAL
from sim.behaviour.buying import Buying
from sim.behaviour.drifting import Drifting
from sim.behaviour.inviting import Inviting
from sim.behaviour.joining import Joining as Persuading
from sim.behaviour.response import Response
from sim.behaviour.shapes import ORDINARY_TRUST
from sim.behaviour.temperament import Temperament
from sim.behaviour.trust import Trust
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.levers.referral import Referral
from sim.network import Network
from sim.strategy import Strategy
from sim.world.market import Disturbance, Joining, Market

pytestmark = pytest.mark.statistical
HARDLY = Behaviour(Buying(1.0, 1e6), Drifting(1.0, 1e6))
"""One order and one drifting away in a million member-days."""
LIMIT = 4.5
"""A normal score beyond which chance alone gets with probability 7e-6."""


def alike(hazard: float) -> Response:
    """Everybody is the same, invites with this hazard a day where there is a scheme, and joins when asked."""
    return Response(
        temperament=Temperament(fit_spread=0.0),
        trust=Trust(rest_low=ORDINARY_TRUST, rest_fit=0.0, bought=0.0, disappointed=0.0),
        joining=Persuading(ordinary=20.0, friend_trust=0.0),
        inviting=Inviting(ordinary=hazard, prompted=1.0, spread=0.0, fit_low=0.5, chooses=1),
    )


def mixed(size: int, yearly_share: float = 0.0) -> Market:
    """A square market in which everybody knows everybody, and all are of one kind."""
    assert math.isqrt(size) ** 2 == size, "no seat is empty"
    return Market(
        size=size,
        hunter_share=0.0,
        disturbance=Disturbance(0.0),
        joining=Joining(yearly_share, public_hunters=0.0, public_wants=1.0),
        network=Network(close=1, friends=1, acquaintances_least=size, acquaintances_most=size),
    )


def world(market: Market, hazard: float, founders: int, days: int, seed: int, **scheme: Any) -> World:
    """A world with an unrewarded referral scheme, and nothing else."""
    strategy = Strategy(referral=Referral(on=True, **scheme))
    settled = EmbeddedFounders(founders, HARDLY, 10)
    plan = Plan(dt.date(2026, 1, 5), days, settled, market, strategy=strategy, response=alike(hazard), operated=True)
    return World(plan, seed)


# -- adoption ------------------------------------------------------------------------------------------------------

SIZE, FIRST, DAYS, HAZARD = 200 * 200, 400, 110, 0.1
SEED, WORLDS = 20260105, 4
SHARES = (0.0, 20.0)
"""Newcomers by themselves per founder and year: none, and some 22 a day."""


@cache
def adoption(share: float) -> tuple[np.ndarray, np.ndarray]:
    """(joined by themselves, joined on invitation), each [world, day]."""
    out = np.zeros((2, WORLDS, DAYS))
    for number in range(WORLDS):
        one = world(mixed(SIZE, share), HAZARD, FIRST, DAYS, SEED + number)
        joined = one.run().flows[:, :, 0]
        assert joined.sum() == joined[:, [ORGANIC, REFERRAL]].sum()
        out[:, number] = joined[:, ORGANIC], joined[:, REFERRAL]
    return out[0], out[1]


def told(members: np.ndarray, day: int) -> np.ndarray:
    """Who may invite on a day: members of two evenings before; who joined tonight looks about him tomorrow.

    members: at the end of each day, from day -1 on.
    """
    return members[..., day - 1] if day > 0 else np.zeros_like(members[..., 0])


def scores(share: float, hazard: float = HAZARD) -> np.ndarray:
    """How far adoption is from its law: normal scores of newcomers up to the half of the market, and beyond it.

    Given the past, invitations of a day are Poisson and meet each person alike, so that each of those who are no
    members is met by one or more with chance 1 - exp(-hazard members / (size - 1)), independently: the discrete Bass
    model. Newcomers by themselves come one by one in an order that has nothing to do with invitations, and find
    themselves members already as often as the others do. Differences from these expectations are a martingale.
    """
    alone, invited = adoption(share)
    came = share * FIRST / 365.0
    missing, spread = np.zeros(4), np.zeros(4)
    for number in range(WORLDS):
        members = FIRST + np.concatenate([[0.0], np.cumsum(alone[number] + invited[number])])
        for day in range(DAYS):
            outside, late = SIZE - members[day], int(members[day] > SIZE / 2)
            expected = came * outside / (SIZE - FIRST - came * day)
            missing[2 + late] += alone[number, day] - expected
            spread[2 + late] += expected
            outside -= alone[number, day]
            met = 1.0 - math.exp(-hazard * float(told(members, day)) / (SIZE - 1))
            missing[late] += invited[number, day] - outside * met
            spread[late] += outside * met * (1.0 - met)
    return missing[spread > 0.0] / np.sqrt(spread[spread > 0.0])


def bass(share: float) -> np.ndarray:
    """Members at the end of each day by the recursion alone."""
    came = share * FIRST / 365.0
    members = [float(FIRST)]
    for day in range(DAYS):
        outside = SIZE - members[-1]
        alone = came * outside / (SIZE - FIRST - came * day)
        met = 1.0 - math.exp(-HAZARD * float(told(np.array(members), day)) / (SIZE - 1))
        members.append(members[-1] + alone + (outside - alone) * met)
    return np.array(members[1:])


@pytest.mark.parametrize("share", SHARES)
def test_adoption_is_basss(share: float) -> None:
    """Day by day within chance, and the whole curve within 2.5 % of the market, four times its noise.

    Pre-stated: the largest of two (with newcomers by themselves: four) normal scores exceeds 4.5 by chance with
    probability below 3e-5. A hazard that were wrong by 4 % would be found out.
    """
    assert np.abs(scores(share)).max() < LIMIT
    for wrong in (0.96, 1.04):
        assert np.abs(scores(share, wrong * HAZARD)).max() > LIMIT
    alone, invited = adoption(share)
    curve = FIRST + np.cumsum(alone + invited, axis=1).mean(axis=0)
    assert np.abs(curve - bass(share)).max() < 0.025 * SIZE
    assert curve[-1] > 0.99 * SIZE
    peak = int(np.argmax(np.diff(bass(share))))
    assert 0.4 < curve[peak] / SIZE < 0.6


# -- families ------------------------------------------------------------------------------------------------------

CHILDREN, WINDOW = 0.7, 9
"""Members whom each brings on average, and the day after joining on which he may no longer invite."""


def test_families_below_one_are_borels() -> None:
    """Each brings a Poisson number of others, fewer than one on average: families end, and their sizes are Borel's.

    P(n) = exp(-K n) (K n)^(n - 1) / n!, with mean 1 / (1 - K) and variance K / (1 - K)^3. Whoever joins may invite
    from his second day up to the last of the window. Pre-stated: a chi-square test at 1e-5 and the mean at 4.5
    standard errors, 2e-5 together; were K 0.75, both would fail.
    """
    days, founders = 330, 1500
    one = world(mixed(10_000 * 10_000, 20.0), CHILDREN / (WINDOW - 2), founders, days, SEED, window=WINDOW)
    one.run()
    joined, channel = one.population.column("joined"), one.population.column("channel")
    assert one.recruiter is not None
    head = np.arange(one.population.count)
    for row, inviter in enumerate(one.recruiter.lineage.links[: len(head), 0]):
        if inviter >= 0:
            head[row] = head[inviter]
    sizes = np.bincount(head, minlength=len(head))
    heads = (channel == ORGANIC) & (joined < 100)
    found = sizes[heads]
    ended = np.isin(head, np.nonzero(heads)[0])
    assert joined[ended].max() < days - WINDOW, "all of these families have ended"
    assert len(found) > 7500

    def against(mean: float) -> tuple[float, float]:
        """(chance of sizes as far from Borel's, normal score of their mean)."""
        n = np.arange(1, 400)
        share = np.exp(-mean * n + (n - 1) * np.log(mean * n) - np.array([math.lgamma(k + 1) for k in n]))
        edges = [0, 1, 2, 3, 4, 6, 9, 14, 400]
        bins = list(itertools.pairwise(edges))
        seen = np.array([((found > a) & (found <= b)).sum() for a, b in bins])
        law = np.array([share[a:b].sum() for a, b in bins])
        law[-1] = 1.0 - law[:-1].sum()
        chance = scipy.stats.chisquare(seen, law * len(found)).pvalue
        score = (found.mean() - 1.0 / (1.0 - mean)) / math.sqrt(mean / (1.0 - mean) ** 3 / len(found))
        return float(chance), float(score)

    chance, score = against(CHILDREN)
    assert chance > 1e-5
    assert abs(score) < LIMIT
    wrong, off = against(0.75)
    assert wrong < 1e-5
    assert abs(off) > LIMIT


# -- the market has an end -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [400, 900])
def test_everybody_joins_once_and_nobody_twice(size: int) -> None:
    """Where all join when asked, the market is used up to the last person, and no further."""
    one = world(mixed(size, 5.0), 0.5, 20, 120, SEED)
    one.run()
    keys = one.population.column("key")
    assert sorted(keys.tolist()) == list(range(size))
