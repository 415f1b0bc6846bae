"""A randomised e-mail experiment, and the same experiment in a simulated membership.

Hillstrom's e-mail experiment (2008): 64,000 customers who had bought within a year got, by lot, no e-mail, one that
featured men's goods or one that featured women's; visits, purchases and spend were counted over two weeks. Here
members shaped like these customers get one message on day 0, by the rules of every other message, and the same is
counted. The e-mail's parameters are set on one half of the customers and judged on the other.

A member's need stands for what he wants now: men's goods, women's goods, or neither. His past category says how
likely he is to want what, and a mail matches those who want what it features: match belongs to the mail and the
member together.
"""

import datetime as dt
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from sim import rng
from sim.accounting import posting
from sim.behaviour import buying, drifting, opening, spending, temperament, trust, visiting
from sim.behaviour.day import NEVER, next_day
from sim.behaviour.drifting import Drifting
from sim.behaviour.opening import Opening
from sim.behaviour.response import Response
from sim.behaviour.spending import Spending
from sim.behaviour.visiting import Visiting
from sim.engine import Behaviour, Conditions, EmbeddedFounders, Plan, World
from sim.errors import InputError
from sim.jit import kernel
from sim.levers.content import Content
from sim.levers.lever import Lever, Morning
from sim.levers.messaging import Messaging
from sim.network import Network, known
from sim.operation import OPS
from sim.population import RELATION
from sim.strategy import Strategy
from sim.study.jump_off import last_activity
from sim.touch import BENEFIT, SEND, SLOTS, Send, table
from sim.units import record
from sim.world.market import Disturbance, Joining, Market, Segments
from sim.world.season import Season

ARMS = ("no e-mail", "men's e-mail", "women's e-mail")
CATEGORIES = ("men's only", "women's only", "both")
BANDS = ((1, 3), (4, 6), (7, 9), (10, 12))
"""Months since the last purchase."""
CELLS = (len(BANDS), 2, len(CATEGORIES))
"""Kinds of customers: recency, known for more than a year or new, past category."""
DAYS = 14
START = dt.date(2008, 3, 3)
MENS, WOMENS, NEITHER = 0, 2, 3
"""Places in `touch.NEEDS` that stand for what a customer wants now."""
TOPICS = (MENS, WOMENS)
"""What the mails are about, in the order of the arms."""
LEAST_CHANCE = 0.002
"""A mail astray brings at least so many visits: half a sample may show none at all."""
PERSONS = 20_000
"""Persons over whose temperaments a chance is averaged."""
FILE = Path(__file__).parents[3] / "shared" / "data" / "hillstrom.csv.gz"
VARIABLE = "MEMBERSIM_HILLSTROM"
MONTH = 30.4375


# -- what happened ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Margins:
    """What parameters are set by: rates of groups, none of single cells.

    shares: of all customers in each cell [band, newbie, category]; visits: the rate without e-mail by band, by newbie
    and by category; gains: the share of visits that each mail
    adds, [category, mail]; visit, conversion: rates of the three arms; basket: dollars an order.
    """

    shares: np.ndarray
    visits: tuple[np.ndarray, np.ndarray, np.ndarray]
    gains: np.ndarray
    visit: np.ndarray
    conversion: np.ndarray
    basket: float


@dataclass(frozen=True)
class Counts:
    """What happened, by cell and arm: arrays [band, newbie, category, arm].

    customers, visits, conversions: how many; spend, squares: the sum of dollars, and of their squares.
    """

    customers: np.ndarray
    visits: np.ndarray
    conversions: np.ndarray
    spend: np.ndarray
    squares: np.ndarray

    def margins(self) -> Margins:
        """What parameters are set by."""
        others = ((1, 2), (0, 2), (0, 1))
        visits, customers = self.visits[..., 0], self.customers[..., 0]
        rates = [visits.sum(axis=rest) / customers.sum(axis=rest) for rest in others]
        told = self.visits.sum(axis=(0, 1)) / self.customers.sum(axis=(0, 1))
        people, came, bought, spent = (
            a.sum(axis=(0, 1, 2)) for a in (self.customers, self.visits, self.conversions, self.spend)
        )
        return Margins(
            customers / customers.sum(),
            (rates[0], rates[1], rates[2]),
            told[:, 1:] - told[:, :1],
            came / people,
            bought / people,
            float(spent.sum() / bought.sum()),
        )


def data_file(path: str | Path | None = None) -> Path | None:
    """Where the experiment's customers are: the path given, that of `MEMBERSIM_HILLSTROM`, or the usual place."""
    named = path or os.environ.get(VARIABLE)
    if named and not Path(named).is_file():
        raise InputError(f"{named}: there is no such file")
    return Path(named) if named else (FILE if FILE.is_file() else None)


def read_customers(path: Path) -> pd.DataFrame:
    """The experiment's customers: band, newbie, category and arm as numbers, visit, conversion, spend."""
    raw = pd.read_csv(path)
    arms = {"No E-Mail": 0, "Mens E-Mail": 1, "Womens E-Mail": 2}
    needed = ("recency", "mens", "womens", "newbie", "segment", "visit", "conversion", "spend")
    missing = [name for name in needed if name not in raw]
    if missing:
        raise InputError(f"{path}: has no column {missing[0]!r}; this is not the e-mail experiment")
    category = np.where(raw["mens"] * raw["womens"] == 1, 2, np.where(raw["mens"] == 1, 0, 1))
    return pd.DataFrame(
        {
            "band": (raw["recency"].to_numpy() - 1) // 3,
            "newbie": raw["newbie"],
            "category": category,
            "arm": raw["segment"].map(arms),
            "visit": raw["visit"],
            "conversion": raw["conversion"],
            "spend": raw["spend"],
        }
    )


def counted(customers: pd.DataFrame) -> Counts:
    """Customers counted by cell and arm."""
    place = np.ravel_multi_index(
        tuple(customers[name].to_numpy() for name in ("band", "newbie", "category", "arm")), (*CELLS, len(ARMS))
    )
    spend = customers["spend"].to_numpy(dtype=float)
    sums = (None, customers["visit"], customers["conversion"], spend, spend * spend)
    size = math.prod(CELLS) * len(ARMS)
    return Counts(*(np.bincount(place, weights, size).reshape(*CELLS, len(ARMS)).astype(float) for weights in sums))


def halves(customers: pd.DataFrame, split: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The setting half and the judged half of split number `split`: each customer falls by a keyed draw."""
    sets = setting_half(np.uint64(rng.stream(2008, 0)), len(customers), split)
    return customers[sets], customers[~sets]


@kernel
def setting_half(luck: Any, count: int, split: int) -> Any:
    """For each customer whether he is in the setting half."""
    out = np.zeros(count, dtype=np.bool_)
    for i in range(count):
        out[i] = rng.uniform(luck, np.uint64(i), rng.RESAMPLE, split) < 0.5
    return out


# -- what is judged ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Uplift:
    """What a mail added in a group of customers, in points (percent of customers) or dollars a customer.

    what: visit, conversion or spend; group: a category, a band of recency or `all`; arm: 1 men's, 2 women's mail;
    half: half the width of the 95 % interval.
    """

    what: str
    group: str
    arm: int
    observed: float
    half: float


def band_name(band: int) -> str:
    """A band of recency in words."""
    return f"{BANDS[band][0]}-{BANDS[band][1]} months"


GROUPS: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("all", (slice(None), slice(None), slice(None))),
    *((name, (slice(None), slice(None), k)) for k, name in enumerate(CATEGORIES)),
    *((band_name(b), (b, slice(None), slice(None))) for b in range(len(BANDS))),
    *((name, (slice(None), n, slice(None))) for n, name in enumerate(("known", "new"))),
)
"""Groups of customers by name, as places in an array of cells."""
WHAT = ("visit", "conversion", "spend")


def uplifts(of: Counts) -> list[Uplift]:
    """Every uplift of every group, with its interval."""
    out = []
    for group, place in GROUPS:
        cells = tuple(range(sum(isinstance(p, slice) for p in place)))
        n = of.customers[place].sum(axis=cells)
        for what, total in zip(WHAT, (of.visits, of.conversions, of.spend), strict=True):
            mean = total[place].sum(axis=cells) / n
            square = of.squares[place].sum(axis=cells) / n if what == "spend" else mean
            variance = (square - mean * mean) / n
            scale = 1.0 if what == "spend" else 100.0
            for arm in (1, 2):
                half = 1.96 * math.sqrt(variance[arm] + variance[0])
                out.append(Uplift(what, group, arm, float(scale * (mean[arm] - mean[0])), scale * half))
    return out


PUBLISHED_N = ((22_393, 14_192, 14_014, 13_401), (31_856, 32_144), (28_818, 28_734, 6_448))
PUBLISHED_VISITS = ((13.78, 10.58, 8.19, 7.90), (13.37, 7.88), (9.98, 9.58, 18.06))
PUBLISHED_ARMS = ((10.62, 18.28, 15.14), (0.573, 1.253, 0.884), (0.653, 1.423, 1.077))
PUBLISHED_SIZES = (21_306, 21_307, 21_387)
PUBLISHED = (
    # group, visits without e-mail, uplift and half interval of visits: men's, women's; the same of conversions
    ("all", 10.62, 7.66, 0.66, 4.52, 0.63, 0.68, 0.18, 0.31, 0.16),
    ("men's only", 9.98, 6.92, 0.96, 1.11, 0.87, 0.60, 0.26, 0.06, 0.21),
    ("women's only", 9.58, 7.06, 0.95, 7.40, 0.95, 0.57, 0.25, 0.51, 0.25),
    ("both", 18.06, 13.44, 2.54, 7.11, 2.46, 1.50, 0.76, 0.53, 0.65),
    ("1-3 months", 13.78, 8.50, 1.23, 4.40, 1.17, 0.73, 0.36, 0.27, 0.33),
    ("4-6 months", 10.58, 7.55, 1.41, 4.05, 1.33, 0.50, 0.36, 0.25, 0.33),
    ("7-9 months", 8.19, 7.04, 1.29, 5.38, 1.26, 0.79, 0.35, 0.33, 0.29),
    ("10-12 months", 7.90, 7.04, 1.31, 4.35, 1.24, 0.67, 0.33, 0.41, 0.29),
    ("known", 13.37, 7.78, 1.01, 4.01, 0.97, 0.62, 0.28, 0.09, 0.24),
    ("new", 7.88, 7.53, 0.85, 5.04, 0.81, 0.74, 0.23, 0.53, 0.21),
)  # fmt: skip
"""The experiment in one table, in percent and points: groups, not customers."""
PUBLISHED_SPEND = ((0.77, 0.28), (0.42, 0.26))


def published_margins() -> Margins:
    """What the published table says, taking recency, newbie and category as independent of each other."""
    n = [np.array(customers) / sum(customers) for customers in PUBLISHED_N]
    visit, conversion, spend = (np.array(rates) for rates in PUBLISHED_ARMS)
    people = np.array(PUBLISHED_SIZES)
    gains = np.array([(row[2], row[4]) for row in PUBLISHED[1:4]])
    rates = [np.array(values) / 100.0 for values in PUBLISHED_VISITS]
    return Margins(
        np.einsum("i,j,k->ijk", *n),
        (rates[0], rates[1], rates[2]),
        gains / 100.0,
        visit / 100.0,
        conversion / 100.0,
        float((spend @ people) / (conversion @ people / 100.0)),
    )


def published_uplifts() -> list[Uplift]:
    """The uplifts of the published table."""
    out = []
    for group, _, *cells in PUBLISHED:
        for n, (what, arm) in enumerate((("visit", 1), ("visit", 2), ("conversion", 1), ("conversion", 2))):
            out.append(Uplift(what, group, arm, cells[2 * n], cells[2 * n + 1]))
    out += [Uplift("spend", "all", arm + 1, *PUBLISHED_SPEND[arm]) for arm in range(2)]
    return out


# -- the parameters ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setting:
    """What the margins set.

    shares: of members in each cell; rates: each cell's purchase rate, orders a day; wants: of each category, the
    shares of members who want men's and women's goods now, [category, mail]; response: how people respond, with the
    e-mail's own opening, match and impulse; spending: what orders are worth; matched, astray: the chance that a mail
    brings a visit where it matches and where it does not.
    """

    shares: np.ndarray
    rates: np.ndarray
    wants: np.ndarray
    response: Response
    spending: Spending
    matched: float
    astray: float


def set_parameters(margins: Margins) -> Setting:
    """Set every parameter of the study by the margins, in closed form: nothing is simulated or tried out.

    Visits without e-mail give each cell's rate; their conversions, visits per order. A mail's visits in each category
    give how many want what it features, where two things must be said to tell the mail's strength from the number of
    those who want it: whoever bought both wants one or the other now, and whoever bought men's only wants nothing of
    women's. Conversions of both mails together give the impulse.
    """
    visits = main_effects(margins.shares, margins.visits)
    per_order = visits_per_order(margins.shares, visits, float(margins.conversion[0]))
    rates = -np.log1p(-visits) / DAYS / (1.0 + per_order)
    chance = margins.gains / (1.0 - margins.visits[2][:, None])
    astray = max(float(chance[0, 1]), LEAST_CHANCE)
    matched = float(chance[2].sum()) - astray
    if matched <= astray:
        raise InputError(
            "the mails bring no more visits to those who bought both than a mail astray: nothing matches"
        )
    wants = np.clip((chance - astray) / (matched - astray), 0.0, 1.0)
    wants /= np.maximum(wants.sum(axis=1, keepdims=True), 1.0)
    money = Spending(free_share=0.0)
    spread = 0.5 * (money.spend_between**2 + money.spend_within**2)
    money = replace(money, median_order=margins.basket / math.exp(spread))
    response = Response(opening=opening_for(astray, matched), visiting=Visiting(visits_per_order=per_order))
    setting = Setting(margins.shares, rates, wants, response, money, matched, astray)
    people = np.array([1.0, 1.0])
    gained = float(people @ (margins.conversion[1:] - margins.conversion[0]))
    now = expected(setting)[1]
    gains = float(people @ (np.einsum("ijk,ijka->a", margins.shares, now[..., 1:] - now[..., :1])))
    impulse = response.visiting.impulse * max(gained, 0.0) / gains
    return replace(
        setting, response=replace(response, visiting=replace(response.visiting, impulse=min(impulse, 1.0)))
    )


def main_effects(shares: np.ndarray, rates: Sequence[np.ndarray]) -> np.ndarray:
    """Rates of cells, additive in logits, whose means over each band, newbie and category are the rates given.

    The logit with main effects whose likelihood equations hold: fitted by Newton's method on the margins.
    """
    weights = shares.ravel()
    columns, targets = [], []
    for d, rest in enumerate(((1, 2), (0, 2), (0, 1))):
        people = shares.sum(axis=rest)
        for value in range(1 if d else 0, CELLS[d]):  # all bands; of the others all but the first
            columns.append((np.indices(CELLS)[d] == value).ravel())
            targets.append(float(people[value] * rates[d][value]))
    design, target = np.stack(columns, axis=1).astype(float), np.array(targets)
    beta = np.where(np.arange(design.shape[1]) < CELLS[0], -2.0, 0.0)
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-(design @ beta)))
        gap = target - design.T @ (weights * p)
        beta += np.linalg.solve(design.T @ (design * (weights * p * (1.0 - p))[:, None]), gap)
        if np.abs(gap).max() < 1e-12:
            break
    return (1.0 / (1.0 + np.exp(-(design @ beta)))).reshape(CELLS)


def visits_per_order(shares: np.ndarray, visits: np.ndarray, conversion: float) -> float:
    """Visits without an order for each order, so that this share of customers buys within the fortnight."""
    low, high = 0.0, 10_000.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        if float((shares * (1.0 - (1.0 - visits) ** (1.0 / (1.0 + middle)))).sum()) > conversion:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def opening_for(astray: float, matched: float) -> Opening:
    """The opening of a mail that brings these shares of visits where it does not match and where it does.

    Solved for its level and its match; what comes after opening, and everybody's temperament, stays as it is.
    """
    rest = Opening()
    levels = []
    for which, chance in enumerate((astray, matched)):

        def beyond(level: float, which: int = which, chance: float = chance) -> float:
            return float(mail_chances(Response(opening=Opening(ordinary=level, match=0.0)))[which, 0]) - chance

        if beyond(10.0) <= 0.0:
            raise InputError(f"a mail that brings a visit from {100 * chance:.0f} % cannot be: fewer than that visit")
        levels.append(float(brentq(beyond, -10.0, 10.0, xtol=1e-6)))  # pyright: ignore[reportArgumentType]
    match = levels[1] - levels[0]
    return Opening(ordinary=levels[0] + rest.general_match * match, match=match)


def mail_chances(response: Response) -> np.ndarray:
    """The chances that the mail brings a visit, and an order: float64 [astray or matched, visit or order].

    By the rules of opening, visiting and impulse, averaged over persons at rest who hear the first word.
    """
    ops, out = np.zeros(1, dtype=OPS), np.zeros((2, 2))
    ops["hunter_share"], ops["likely"] = Market().hunter_share, PERSONS
    ops["network"] = known(Network(1, 1, 1, 1), PERSONS)  # strangers to each other
    spare = np.zeros(1, dtype=RELATION)
    sends, people = table([mail(MENS)], SEND), (record(Drifting()), record(response))
    average_rows(np.uint64(rng.stream(1, 0)), PERSONS, sends, ops, *people, spare, out)
    return out / PERSONS


@kernel
def average_rows(luck: Any, persons: int, sends: Any, ops: Any, p: Any, q: Any, spare: Any, out: Any) -> None:
    """Add up the chances of `mail_chances` over persons."""
    r, send, how = spare[0], sends[0], q[0]
    for person in range(persons):
        key = np.uint64(person)
        stays = drifting.staying_score(drifting.drift_hazard(luck, key, p[0]), p[0])
        temperament.meet_temperament(r, luck, key, person, 0, stays, ops[0], how.temperament)
        r.trust = trust.resting_trust(r.fit, how.trust)
        hour = opening.hour_matched(send.hour, r.hour, how.opening)
        for matched in range(2):
            match = float(matched)
            comes = opening.open_probability(r, send, match, hour, 0.0, 1, how.opening)
            comes *= opening.visit_probability(match, how.opening)
            out[matched, 0] += comes
            out[matched, 1] += comes * visiting.impulse_probability(r, send.pull * match, 1.0, how.visiting)


def expected(setting: Setting) -> tuple[np.ndarray, np.ndarray]:
    """The chances of a visit and of an order within the fortnight, each [band, newbie, category, arm].

    In closed form: own visits and the mail's are independent given the cell; what an opened mail does to the pace of
    his own visits in a fortnight (two hundredths) is left out.
    """
    chance = mail_chances(setting.response)
    per_order = setting.response.visiting.visits_per_order
    own = [np.exp(-DAYS * setting.rates * share) for share in (1.0 + per_order, 1.0)]
    out = []
    for n in range(2):
        missed = np.ones((len(CATEGORIES), len(ARMS)))
        missed[:, 1:] = 1.0 - chance[0, n] - setting.wants * (chance[1, n] - chance[0, n])
        out.append(1.0 - own[n][..., None] * missed)
    return out[0], out[1]


# -- the simulation ---------------------------------------------------------------------------------------------


def mail(topic: int) -> Send:
    """The e-mail: an ordinary promotion without an offer, about men's or women's goods."""
    return Send(slot=0, kind=BENEFIT, topic=topic, hour=20.0, pull=1.0)


@dataclass(frozen=True)
class Mail(Lever):
    """A lever that sends one message to everybody on day 0."""

    topic: int = MENS
    stop: int = 1

    def sends(self, morning: Morning) -> list[Send]:
        """The mail."""
        return [mail(self.topic)]


@dataclass(frozen=True)
class OneMail(Strategy):
    """A strategy of one mail and nothing else."""

    mail: Mail = field(default_factory=Mail)


@dataclass(frozen=True)
class Customers:
    """Members shaped like the experiment's customers of one category, over recency and newbies by their shares.

    count: how many; category; setting: what they are like.
    """

    count: int
    category: int
    setting: Setting

    @property
    def earliest(self) -> int:
        return -int(2 * 12 * MONTH) - 1

    @property
    def history(self) -> int:
        return 0

    def conditions(self, luck: np.uint64, plan: Plan) -> Conditions:
        return Conditions(Behaviour(spending=self.setting.spending), 0.0, 0.0, np.zeros(plan.days))

    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """The band and newbie of each member."""
        shares = self.setting.shares[:, :, self.category].ravel()
        edges = np.cumsum(shares / shares.sum())
        place = np.searchsorted(edges[:-1], (np.arange(self.count) + 0.5) / self.count, side="right")
        return place // 2, place % 2

    def settle(self, world: World) -> None:
        band, new = self.cells()
        months = np.array(BANDS)[band]
        within = (np.arange(self.count) * 0.6180339887498949) % 1.0
        last = -1 - np.floor(MONTH * (months[:, 0] - 1 + 3.0 * within)).astype(np.int64)
        joined = np.where(new == 1, last, last - 365)
        people = world.population
        people.reserve(self.count)
        people.count = self.count
        month = world.plan.month_index(self.earliest, -self.earliest)
        key = (self.category * self.count + np.arange(self.count)).astype(np.uint64)
        rates = self.setting.rates[band, new, self.category]
        activity = last_activity(last - joined, -1 - last)
        start = 0
        for rows, due, low, high in people.ranges():
            here = slice(start, start + high - low)
            settle_rows(
                rows, due, low, high, key[here], joined[here], last[here], rates[here], activity[here],
                month[joined[here] - self.earliest], month[last[here] - self.earliest], world.today(-1),
                world.settings,
            )  # fmt: skip
            start = here.stop


@kernel
def settle_rows(
    rows: Any, due: Any, low: int, high: int, key: Any, joined: Any, last: Any, rates: Any, activity: Any,
    month_joined: Any, month_last: Any, eve: Any, p: Any,
) -> None:  # fmt: skip
    """Settle customers in rows [low, high); entry 0 of each array is of the member in row `low`.

    All are attached, and stay so for the fortnight: two weeks do not tell who has gone.
    """
    for i in range(low, high):
        j = i - low
        m = rows[i]
        m.key = key[j]
        m.channel = posting.EXISTING
        m.listed = 1
        m.attached = 1
        m.joined = joined[j]
        m.last_order = last[j]
        m.orders = 1 if joined[j] == last[j] else 2
        m.cohort = month_joined[j]
        m.last_month = month_last[j]
        m.activity = activity[j]
        m.purchase_rate = rates[j]
        m.usual_value = spending.usual_value(eve.luck, key[j], p[0].spending)
        m.spend = 0
        m.order_at = eve.clock[eve.at + 1] + buying.gap(eve.luck, key[j], m.orders, p[0].buying) / rates[j]
        m.drift_hazard = drifting.drift_hazard(eve.luck, key[j], p[0].drifting)  # goes with how the products suit him
        m.drift_at = NEVER
        due[i] = next_day(m, eve)


def experiment_plan(setting: Setting, category: int, arm: int, count: int) -> Plan:
    """The fortnight of one category in one arm: the market says how many want what."""
    mens, womens = (float(share) for share in setting.wants[category])
    wants = Segments(knowledge=mens, price=0.0, status=womens, convenience=max(1.0 - mens - womens, 0.0))
    market = Market(
        segments=wants, joining=Joining(closed=True), season=Season("none"), disturbance=Disturbance(weekly_sd=0.0)
    )
    strategy = OneMail(name=ARMS[arm], mail=Mail(on=True, topic=TOPICS[arm - 1])) if arm else Strategy()
    founders = Customers(count, category, setting)
    return Plan(START, DAYS, founders, market, strategy=strategy, response=setting.response, operated=True)


def simulate(setting: Setting, persons: int, seed: int = 1) -> Counts:
    """The experiment lived: `persons` of each category in each arm; the arms are the same persons in twin worlds."""
    out = Counts(*(np.zeros((*CELLS, len(ARMS))) for _ in range(5)))
    for category in range(len(CATEGORIES)):
        for arm in range(len(ARMS)):
            world = World(experiment_plan(setting, category, arm, persons), seed)
            before = world.population.column("orders")
            world.step()
            topic = TOPICS[arm - 1] if arm else NEITHER
            after = followed(world, 0, 0, topic)  # on the day itself: what he wants may change later
            world.run()
            band, new = Customers(persons, category, setting).cells()
            place = 2 * band + new
            bought = world.population.column("orders") > before
            came = (world.population.column("visits") > 0) | after | bought
            spent = world.population.column("spend") / 100.0
            totals = (out.customers, out.visits, out.conversions, out.spend, out.squares)
            for total, weights in zip(totals, (None, came, bought, spent, spent * spent), strict=True):
                total[:, :, category, arm] = np.bincount(place, weights, 2 * CELLS[0]).reshape(CELLS[:2])
    return out


def followed(world: World, day: int, slot: int, topic: int, before: np.ndarray | None = None) -> np.ndarray:
    """Who visited after the message of a day and slot: opened it, and followed it by the very draw of the rules.

    To be asked in the evening of that day. before: how many messages each had opened before.
    """
    people = world.population
    keys, opens = people.column("key"), people.column("opens")
    opened = opens > (0 if before is None else before)
    out = np.zeros(len(keys), dtype=np.bool_)
    follow_rows(world.luck, keys, people.column("need"), opened, day * SLOTS + slot, topic, world.responses, out)
    return out


@kernel
def follow_rows(luck: Any, keys: Any, needs: Any, opened: Any, index: int, topic: int, q: Any, out: Any) -> None:
    """Of those who opened a message, who followed it."""
    for i in range(keys.shape[0]):
        if opened[i]:
            _, follows = rng.two_uniforms(luck, keys[i], rng.OPENING, index)
            match = opening.matched(topic, needs[i], q[0].opening)
            out[i] = follows < opening.visit_probability(match, q[0].opening)


def simulated_uplifts(of: Counts, shares: np.ndarray) -> dict[tuple[str, str, int], float]:
    """The simulated uplift of each (what, group, arm), cells weighted by their shares of all customers."""
    rates = [total / of.customers for total in (of.visits, of.conversions, of.spend)]
    return weighted_uplifts(rates[0], rates[1], rates[2], shares)


def weighted_uplifts(
    visits: np.ndarray, conversions: np.ndarray, spend: np.ndarray, shares: np.ndarray
) -> dict[tuple[str, str, int], float]:
    """The uplift of each (what, group, arm) from means of cells [band, newbie, category, arm]."""
    out = {}
    for group, place in GROUPS:
        weight = shares[place] / shares[place].sum()
        for what, mean in zip(WHAT, (visits, conversions, spend), strict=True):
            total = (mean[place] * weight[..., None]).reshape(-1, len(ARMS)).sum(axis=0)
            for arm in (1, 2):
                out[what, group, arm] = float((1.0 if what == "spend" else 100.0) * (total[arm] - total[0]))
    return out


@dataclass(frozen=True)
class Verdict:
    """One uplift, observed and simulated."""

    of: Uplift
    simulated: float

    @property
    def within(self) -> bool:
        """Whether the simulated uplift lies in the observed 95 % interval."""
        return abs(self.simulated - self.of.observed) <= self.of.half


def judge(observed: Sequence[Uplift], simulated: dict[tuple[str, str, int], float]) -> list[Verdict]:
    """Every observed uplift beside the simulated one."""
    return [Verdict(u, simulated[u.what, u.group, u.arm]) for u in observed]


def cells_of(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The six of past category by mail."""
    return [v for v in verdicts if v.of.what == "visit" and v.of.group in CATEGORIES]


def overall_of(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The six of all customers: visits, conversions and spend by mail."""
    return [v for v in verdicts if v.of.group == "all"]


def bands_of(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The eight of recency by mail."""
    names = [band_name(b) for b in range(len(BANDS))]
    return [v for v in verdicts if v.of.what == "visit" and v.of.group in names]


# -- how tired messages make, at low and at high contact --------------------------------------------------------


@dataclass(frozen=True)
class Slope:
    """Points of opening (or of visiting after a message) for each further contact, of the same members.

    rates: by ordinal of the contact; slope: the mean over members of each one's own slope; error: its standard error;
    members: how many stayed attached and reachable throughout.
    """

    rates: np.ndarray
    slope: float
    error: float
    members: int


def contact_slopes(per_week: float, days: int, members: int, seed: int = 1) -> tuple[Slope, Slope]:
    """The default world with so many promotions a week: slopes of opening, and of visiting after them.

    Only members of day 0 who neither drift away nor opt out are compared with themselves, as in a panel.
    """
    strategy = Strategy(
        name="contacts",
        messaging=Messaging(on=True, per_week=per_week),
        content=Content(on=True, benefit=1.0, formats=4, capacity=1000.0),
    )
    market = Market(season=Season("none"))
    plan = Plan(START, days, EmbeddedFounders(members, Behaviour(), 365), market, strategy=strategy)
    world = World(plan, seed)
    opens, visits = [], []
    before = np.zeros(members, dtype=np.int64)
    for day in range(days):
        sends = world.desk_today().sends
        world.step()
        if len(sends):
            send = sends[0]
            came = followed(world, day, int(send.slot), int(send.topic), _padded(before, world.population.count))
            after = world.population.column("opens")[:members]
            opens.append(after > before)
            visits.append(came[:members])
            before = after
    people = world.population
    stay = (people.column("attached") == 1) & (people.column("lapses") == 0) & (people.column("permission") == 0)
    stay = stay[:members]
    return _slope(np.array(opens)[:, stay]), _slope(np.array(visits)[:, stay])


def _padded(values: np.ndarray, count: int) -> np.ndarray:
    """Values of members of day 0, with room for newcomers."""
    return np.concatenate([values, np.full(count - len(values), np.iinfo(np.int64).max)])


def _slope(happened: np.ndarray) -> Slope:
    """The slope over contacts of what happened, bool [contact, member], in points."""
    ordinal = np.arange(len(happened), dtype=float)
    ordinal -= ordinal.mean()
    own = 100.0 * (ordinal @ happened) / float(ordinal @ ordinal)
    error = float(own.std(ddof=1) / math.sqrt(len(own)))
    return Slope(100.0 * happened.mean(axis=1), float(own.mean()), error, happened.shape[1])
