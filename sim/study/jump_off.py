"""Existing members at the end of a log: each one's state is drawn from its posterior, given his own history.

A forecast must start from *these* members. Given the fitted population and what a member did (how often he
ordered, when last, since when he is a member, what he spent), the model says how likely it is that he is still
attached and how his own rate is distributed. One keyed draw per unknown settles each member in each
replication; the same draws serve every strategy. Where parameters are uncertain, they are drawn first.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim import rng
from sim.accounting import posting, stages
from sim.behaviour.buying import Buying
from sim.behaviour.day import NEVER, next_day
from sim.behaviour.drifting import Drifting
from sim.behaviour.spending import Spending
from sim.engine import Behaviour, Conditions, Plan, World
from sim.jit import kernel, rule
from sim.numbers import exp, log, normal_quantile
from sim.study.btyd import attached_rows, log_gamma, silence_probability
from sim.study.fit import Fit


@dataclass(frozen=True)
class Uncertainty:
    """Which unknowns vary between replications, beyond the members' own luck."""

    parameters: bool = True
    disturbance: bool = True


@dataclass(frozen=True)
class Newcomers:
    """How people have been joining, from the log's weeks.

    level: expected newcomers per week at the jump-off (0: closed membership); error: standard error of its log;
    walk: standard deviation of its weekly change, in logs; noise: of what moves single weeks, in logs.
    """

    level: float = 0.0
    error: float = 0.0
    walk: float = 0.0
    noise: float = 0.0


@dataclass(frozen=True)
class Calibration:
    """What was fitted on a log: all that a forecast needs to know of the population and the market.

    purchasing: the Pareto/NBD fit on the seasonal clock; regularity: shape of the gaps; spending: the fit of
    order values; weekly_sd, memory: the shared weekly disturbance, and sd_error the standard error of the log of the
    former; newcomers: how people have been joining; months: the clock's speed in each calendar month.
    """

    purchasing: Fit
    regularity: float
    spending: Fit
    weekly_sd: float
    memory: float
    sd_error: float
    newcomers: Newcomers
    months: tuple[float, ...]


PURCHASING = ("rate_shape", "rate_scale", "drift_shape", "drift_scale")
SPENDING = ("spend_mean", "spend_between", "spend_within", "free_share")


def cholesky(matrix: tuple[tuple[float, ...], ...]) -> list[list[float]]:
    """The lower triangle L with L L' = matrix, in plain arithmetic (the same bits on every machine).

    A variance that is not positive leaves its row 0: that parameter is taken as known.
    """
    n = len(matrix)
    low = [[0.0] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(low[i][k] * low[j][k] for k in range(j))
            if i == j:
                low[i][i] = math.sqrt(rest) if rest > 0.0 else 0.0
            elif low[j][j] > 0.0:
                low[i][j] = rest / low[j][j]
    return low


def draw_parameters(fit: Fit, luck: np.uint64, first: int) -> dict[str, float]:
    """Parameters drawn from the fit's normal approximation in logs; keyed draws `first`, `first` + 1 ..."""
    low = cholesky(fit.log_covariance)
    z = [rng.normal(luck, rng.MARKET_KEY, rng.PARAMETER, first + i) for i in range(len(fit.names))]
    shift = [sum(low[i][k] * z[k] for k in range(i + 1)) for i in range(len(z))]
    return {name: value * exp(float(move)) for name, value, move in zip(fit.names, fit.values, shift, strict=True)}


def draw_conditions(fitted: Calibration, uncertain: Uncertainty, luck: np.uint64, days: int) -> Conditions:
    """The behaviour, disturbance and expected newcomers of one replication."""
    if uncertain.parameters:
        buying = draw_parameters(fitted.purchasing, luck, 0)
        money = draw_parameters(fitted.spending, luck, len(PURCHASING))
    else:
        buying = dict(zip(fitted.purchasing.names, fitted.purchasing.values, strict=True))
        money = dict(zip(fitted.spending.names, fitted.spending.values, strict=True))
    behaviour = Behaviour(
        Buying(buying["rate_shape"], buying["rate_scale"], fitted.regularity),
        Drifting(buying["drift_shape"], buying["drift_scale"]),
        Spending(
            exp(money["spend_mean"]) / 100.0,
            money["spend_between"],
            money["spend_within"],
            min(money["free_share"], 1.0),
        ),
    )
    coming = fitted.newcomers
    if not uncertain.parameters:
        coming = Newcomers(coming.level)
    arrivals = expected_arrivals(luck, coming.level / 7.0, coming.error, coming.walk, coming.noise, days)
    weekly_sd = fitted.weekly_sd if uncertain.disturbance else 0.0
    if uncertain.parameters:
        z = rng.normal(luck, rng.MARKET_KEY, rng.PARAMETER, len(PURCHASING) + len(SPENDING))
        weekly_sd *= exp(fitted.sd_error * float(z))
    return Conditions(behaviour, weekly_sd, fitted.memory, arrivals)


@kernel
def expected_arrivals(luck: Any, per_day: float, error: float, walk: float, noise: float, days: int) -> Any:
    """Expected newcomers of each day: a level in logs that walks week by week, and what moves single weeks.

    Each factor has mean 1, so that the mean of the forecast stays at the level.
    """
    out = np.zeros(days)
    level = error * rng.normal(luck, rng.MARKET_KEY, rng.JOINING_LEVEL, 0) - 0.5 * error * error
    week_only = 0.0
    for day in range(days):
        if day % 7 == 0:
            first, second = rng.two_uniforms(luck, rng.MARKET_KEY, rng.JOINING_LEVEL, 1 + day // 7)
            level += walk * normal_quantile(first) - 0.5 * walk * walk
            week_only = noise * normal_quantile(second) - 0.5 * noise * noise
        out[day] = per_day * exp(level + week_only)
    return out


@dataclass(frozen=True)
class ObservedMembers:
    """The members of a log at its jump-off, in order of the log's member ids.

    Days count from the jump-off: the first forecast day is 0, the last observed one -1. key: uint64[n]; birth,
    last: day of the first and of the last order (int64[n]); orders: repeat orders (int64[n]); spend: cents so
    far; paid, log_paid: how many orders were not free, and the sum of the logs of their cents; activity:
    activity state on the last active day; clock: operational time at the end of each day from `first_day` on,
    up to day -1.
    """

    fitted: Calibration
    uncertain: Uncertainty
    key: np.ndarray
    birth: np.ndarray
    last: np.ndarray
    orders: np.ndarray
    spend: np.ndarray
    paid: np.ndarray
    log_paid: np.ndarray
    activity: np.ndarray
    clock: np.ndarray
    first_day: int
    known: "Attached" = field(default_factory=lambda: Attached(), compare=False)

    @property
    def count(self) -> int:
        return len(self.key)

    @property
    def earliest(self) -> int:
        return int(self.birth.min())

    @property
    def history(self) -> int:
        return 0

    def conditions(self, luck: np.uint64, plan: Plan) -> Conditions:
        return draw_conditions(self.fitted, self.uncertain, luck, plan.days)

    def settle(self, world: World) -> None:
        people = world.population
        people.reserve(self.count)
        people.count = self.count
        months = world.plan.month_index(self.earliest, -self.earliest)
        month_of_birth = months[self.birth - self.earliest]
        month_of_last = months[self.last - self.earliest]
        stays = self.known.probabilities(self, world.conditions.behaviour)
        start = 0
        for rows, due, low, high in people.ranges():
            here = slice(start, start + high - low)
            observe_rows(
                rows, due, low, high,
                self.key[here], self.birth[here], self.last[here], self.orders[here], self.spend[here],
                self.paid[here], self.log_paid[here], self.activity[here],
                month_of_birth[here], month_of_last[here], stays[here],
                self.clock, self.first_day, world.today(-1), world.settings,
            )  # fmt: skip
            start = here.stop


class Attached:
    """Remembers how likely observed members are still attached, by the parameters drawn.

    Members with the same history share one computation, and so do runs that meet the same parameters: a
    forecast, and its twins that tell the sources of its band apart. Not carried to other processes.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[float, ...], np.ndarray] = {}
        self._histories: tuple[np.ndarray, np.ndarray] | None = None

    def __reduce__(self) -> Any:
        return (Attached, ())

    def probabilities(self, of: ObservedMembers, behaviour: Behaviour) -> np.ndarray:
        """For each member, float64[n], the probability of being attached at the end of day -1."""
        b, d = behaviour.buying, behaviour.drifting
        settings = (b.rate_shape, b.rate_scale, d.drift_shape, d.drift_scale, b.regularity)
        if self._histories is None:
            rows = np.stack([of.birth, of.orders, of.last], axis=1)
            self._histories = np.unique(rows, axis=0, return_inverse=True)  # pyright: ignore
        distinct, which = self._histories
        found = self._found.get(settings)
        if found is None:
            found = np.zeros(len(distinct))
            birth, orders, last = (np.ascontiguousarray(distinct[:, i]) for i in range(3))
            attached_rows(birth, orders, last, -1, of.clock, of.first_day, *settings, found)
            if len(self._found) >= REMEMBERED:
                self._found.pop(next(iter(self._found)), None)
            self._found[settings] = found
        return found[which.reshape(-1)]


REMEMBERED = 1000
"""Parameter draws whose probabilities are kept."""


@dataclass(frozen=True)
class TrackedMembers:
    """The members of a log of whom only the day of joining is known: they live from it by the fitted rules.

    The `tracking` task of a backtest: what the model says of a cohort without looking at what it did.
    """

    fitted: Calibration
    uncertain: Uncertainty
    key: np.ndarray
    birth: np.ndarray

    @property
    def count(self) -> int:
        return len(self.key)

    @property
    def earliest(self) -> int:
        return int(self.birth.min())

    @property
    def history(self) -> int:
        return -self.earliest

    def conditions(self, luck: np.uint64, plan: Plan) -> Conditions:
        return draw_conditions(self.fitted, self.uncertain, luck, plan.days)

    def settle(self, world: World) -> None:
        world.live_past(self.key, self.birth)


@rule
def silence_until_next(u: float, silent: float, a: float, b: float, k: float) -> float:
    """Operational time from the last order to the next, given that it is longer than `silent`.

    a, b: shape and rate of the posterior of the purchase rate at the last order; k: regularity; u: a uniform.
    Solves P(longer than t) = u P(longer than `silent`); for k = 1 the tail is Lomax and the root is explicit.
    """
    if k == 1.0:
        return (b + silent) * exp(-log(u) / a) - b
    log_beta = log_gamma(a) + log_gamma(k) - log_gamma(a + k)
    target = u * silence_probability(k * silent / b, a, k, log_beta)
    low, high = silent, 2.0 * silent + b
    while silence_probability(k * high / b, a, k, log_beta) > target and high < 1e12:
        low, high = high, 2.0 * high
    for _ in range(50):
        middle = 0.5 * (low + high)
        if silence_probability(k * middle / b, a, k, log_beta) > target:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@kernel
def observe_rows(
    rows: Any, due: Any, low: int, high: int,
    key: Any, birth: Any, last: Any, orders: Any, spend: Any, paid: Any, log_paid: Any, activity: Any,
    month_of_birth: Any, month_of_last: Any, stays: Any,
    clock: Any, first_day: int, eve: Any, p: Any,
) -> None:  # fmt: skip
    """Settle observed members in rows [low, high); entry 0 of each array is of the member in row `low`.

    Drawn are, in this order: whether he is still attached, when he would order next, his purchase rate given
    that, his hazard, and his usual order value.
    """
    buying, drifting, spending = p[0].buying, p[0].drifting, p[0].spending
    r, alpha, k = buying.rate_shape, buying.rate_scale, buying.regularity
    s, beta = drifting.drift_shape, drifting.drift_scale
    usual_cents = log(100.0 * spending.median_order)
    tonight = clock[-1 - first_day]
    for i in range(low, high):
        j = i - low
        m = rows[i]
        luck = eve.luck
        born, lately = clock[birth[j] - first_day], clock[last[j] - first_day]
        m.key = key[j]
        m.channel = posting.EXISTING
        m.listed = 1
        m.joined = birth[j]
        m.last_order = last[j]
        m.orders = orders[j] + 1
        m.spend = spend[j]
        m.cohort = month_of_birth[j]
        m.last_month = month_of_last[j]
        m.activity = activity[j]
        m.attached = 1 if rng.uniform(luck, key[j], rng.STILL_MEMBER, 0) < stays[j] else 0
        # his rate given the gaps so far is gamma(a, b); then the open gap is drawn, then the rate given it
        a, b = r + k * orders[j], alpha + k * (lately - born)
        silent = tonight - lately
        gap = silence_until_next(rng.uniform(luck, key[j], rng.FIRST_GAP, 0), silent, a, b, k)
        m.purchase_rate = rng.gamma(luck, key[j], rng.PURCHASE_RATE, 0, a + k) / (b + k * gap)
        m.drift_hazard = rng.gamma(luck, key[j], rng.DRIFT_HAZARD, 0, s) / (beta + (-1.0 - birth[j]))
        if spending.spend_between > 0.0:
            own = log_paid[j] - paid[j] * usual_cents
            if spending.spend_within > 0.0:
                within = spending.spend_within * spending.spend_within
                precision = paid[j] / within + 1.0 / (spending.spend_between * spending.spend_between)
                spread = rng.normal(luck, key[j], rng.SPEND_LEVEL, 0) / math.sqrt(precision)
                m.usual_value = own / within / precision + spread
            elif paid[j] > 0:  # he always pays the same
                m.usual_value = own / paid[j]
        if m.attached == 1:
            m.order_at = eve.clock[eve.at + 1] + gap - silent
            m.drift_at = rng.exponential(luck, key[j], rng.DRIFT_TIME, 0) / m.drift_hazard
        else:
            m.order_at = NEVER
            m.drift_at = NEVER
        due[i] = next_day(m, eve)


@kernel
def log_values(cents: Any) -> Any:
    """Our own logarithm of each positive amount, 0 for a free order."""
    out = np.zeros(cents.shape[0])
    for i in range(cents.shape[0]):
        if cents[i] > 0:
            out[i] = log(float(cents[i]))
    return out


def last_activity(gap_days: np.ndarray, silent: np.ndarray) -> np.ndarray:
    """The activity state on a member's last active day, from the gap before it (0: it was his first order).

    Only whoever was active lately can show it in a rate; a state older than a week never matters. The state
    before that gap is read as `at_risk` by its length.
    """
    states = np.full(len(gap_days), stages.CURRENT, dtype=np.int64)
    states[gap_days == 0] = stages.FIRST_DAY
    states[gap_days > stages.WEEK] = stages.REACTIVATED
    states[gap_days > stages.MONTH] = stages.RESURRECTED
    return states


@kernel
def resample_draws(luck: Any, resample: int, length: int) -> Any:
    """`length` keyed uniform draws of one bootstrap resample (float64)."""
    out = np.zeros(length)
    for i in range(length):
        out[i] = rng.uniform(luck, np.uint64(i), rng.RESAMPLE, resample)
    return out
