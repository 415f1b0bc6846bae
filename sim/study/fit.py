"""Maximum likelihood fits of the null models, and the closed forms used as oracles and baselines.

Time is in days everywhere; published fits are often in weeks (divide rates' scales by 7; the log-likelihood
of a fit in weeks is this one plus log(7) times the number of repeat orders).

Sources: Schmittlein, Morrison & Colombo (1987) and Fader & Hardie (2005) for the Pareto/NBD; Fader, Hardie &
    Lee
(2005) for the BG/NBD; Wheat & Morrison (1990) for regularity; Fader & Hardie (2013) for the gamma-gamma
model. The compiled likelihood core is in `sim.study.btyd`.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

from sim.errors import InputError, nearest
from sim.study.btyd import attached_rows, log_silence_rows

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

MIN_MEMBERS = 50
PARETO_NBD_NAMES = ("rate_shape", "rate_scale", "drift_shape", "drift_scale")
BG_NBD_NAMES = ("rate_shape", "rate_scale", "drop_a", "drop_b")
SPEND_NAMES = ("spend_mean", "spend_between", "spend_within", "free_share")
GAMMA_GAMMA_NAMES = ("order_shape", "member_shape", "member_scale")
NO_CLOCK = np.zeros(0)


@dataclass(frozen=True)
class Histories:
    """What the log says of each member up to the jump-off.

    Several lines of one member on one day are one order. `last` equals `birth` where there is no repeat
    order.

    Attributes:
        birth: int64[n], day of the first order (any sign).
        orders: int64[n], repeat orders up to and including `until`.
        last: int64[n], day of the last order.
        until: the last observed day.
    """

    birth: Ints
    orders: Ints
    last: Ints
    until: int


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes:
        model: "pareto_nbd", "bg_nbd", "spend_lognormal", "spend_gamma_gamma" or "spend_gamma_gamma_orders".
        names: the parameters' names.
        values: their estimates, rounded to 6 significant digits (times in days, money in cents).
        log_covariance: covariance of the estimates' logarithms: the inverse of the observed information in
            the log-parameters, rounded to 6 significant digits; nan where it does not exist.
        standard_errors: of the values, by the delta method (value times the log's standard error).
        log_likelihood: at the unrounded estimates.
        members: how many members were used.
        converged: whether the gradient is negligible and the information positive definite.
        note: what to know when reading the numbers; may be empty.
    """

    model: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    log_covariance: tuple[tuple[float, ...], ...]
    standard_errors: tuple[float, ...]
    log_likelihood: float
    members: int
    converged: bool
    note: str

    def __getitem__(self, name: str) -> float:
        """The estimate of the parameter called `name`."""
        if name not in self.names:
            raise InputError(f"The fit {self.model} has no parameter '{name}': {nearest(name, self.names)}.")
        return self.values[self.names.index(name)]

    def to_dict(self) -> dict[str, Any]:
        """The fit as plain numbers, strings, lists and dictionaries (for JSON)."""
        plain = asdict(self)
        plain["log_covariance"] = [list(row) for row in self.log_covariance]
        for key in ("names", "values", "standard_errors"):
            plain[key] = list(plain[key])
        return plain


@dataclass(frozen=True)
class Disturbance:
    """The common week-to-week disturbance of a log of orders.

    Attributes:
        weekly_sd: stationary standard deviation of the log-rate's AR(1) disturbance.
        memory: its correlation from one week to the next, 0 to 0.95; 0 where weekly_sd is 0.
        weeks: how many weeks were used.
        note: what to know when reading the numbers; may be empty.
    """

    weekly_sd: float
    memory: float
    weeks: int
    note: str


type Params = Fit | Sequence[float] | Mapping[str, float]


def _rounded(value: float, digits: int = 6) -> float:
    return float(f"{value:.{digits}g}")


def _four(params: Params, names: tuple[str, ...]) -> tuple[float, float, float, float]:
    """The four parameters in the order of `names`, from a fit, a mapping or a plain sequence."""
    if isinstance(params, Fit | Mapping):
        values = [float(params[name]) for name in names]
    else:
        values = [float(value) for value in params]
    if len(values) != 4 or not all(math.isfinite(value) and value > 0 for value in values):
        raise InputError(f"Four positive parameters are needed ({', '.join(names)}), got {values}.")
    return values[0], values[1], values[2], values[3]


# ------------------------------------------------------------------------------------------
# Maximising a likelihood


@dataclass(frozen=True)
class _Optimum:
    theta: Floats  # log-parameters
    value: float  # log-likelihood
    covariance: Floats  # of theta; nan where the information is not positive definite
    converged: bool
    note: str


LOG_LOW, LOG_HIGH = -14.0, 18.0
GRADIENT_STEP = 1e-4
HESSIAN_STEP = 4e-3
GOOD_PROMISE = 1e-4  # rise of the log-likelihood still to be had: 0.014 standard errors away from the top


def _gradient(value: Callable[[Floats], float], theta: Floats) -> Floats:
    """Central differences."""
    out = np.empty(theta.size)
    for i in range(theta.size):
        step = np.zeros(theta.size)
        step[i] = GRADIENT_STEP
        out[i] = (value(theta + step) - value(theta - step)) / (2 * GRADIENT_STEP)
    return out


def _hessian(value: Callable[[Floats], float], theta: Floats, centre: float) -> Floats:
    """Central differences. The step of 0.4 % balances truncation (2e-4 relative) and rounding of the sum."""
    n = theta.size
    steps = np.eye(n) * HESSIAN_STEP
    out = np.empty((n, n))
    for i in range(n):
        up, down = value(theta + steps[i]), value(theta - steps[i])
        out[i, i] = (up - 2 * centre + down) / HESSIAN_STEP**2
        for j in range(i):
            same = value(theta + steps[i] + steps[j]) + value(theta - steps[i] - steps[j])
            cross = value(theta + steps[i] - steps[j]) + value(theta - steps[i] + steps[j])
            out[i, j] = out[j, i] = (same - cross) / (4 * HESSIAN_STEP**2)
    return out


def _positive_definite(matrix: Floats) -> bool:
    if not np.all(np.isfinite(matrix)):
        return False
    return bool(np.linalg.eigvalsh(matrix)[0] > 0)


def _climb(value: Callable[[Floats], float], start: Floats, weight: float) -> tuple[Floats, float]:
    """L-BFGS-B on the mean log-likelihood per member (`weight` members), so that its tolerances mean
    something."""

    def cost(theta: Floats) -> float:
        found = value(theta)
        return -found / weight if math.isfinite(found) else 1e10

    bounds = [(LOG_LOW, LOG_HIGH)] * start.size
    options = {"ftol": 1e-11, "gtol": 1e-6, "maxiter": 200, "eps": 1e-7}
    result = minimize(cost, start, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(result.x, dtype=np.float64), -float(result.fun) * weight


def _newton(value: Callable[[Floats], float], theta: Floats, best: float) -> tuple[Floats, float, Floats, float]:
    """Newton steps to the top. Returns theta, value, Hessian, and the rise a further step promises.

    The Hessian is kept while theta moves little and is taken afresh at the end if theta moved at all.
    """
    hessian = _hessian(value, theta, best)
    place, promise = theta, math.inf
    for _ in range(20):
        if not np.all(np.isfinite(hessian)):
            break
        definite = _positive_definite(-hessian)
        gradient = _gradient(value, theta)
        if not np.all(np.isfinite(gradient)):
            break
        if definite:
            try:
                step = np.linalg.solve(-hessian, gradient)
            except np.linalg.LinAlgError:  # positive by a rounding error only: nothing to climb
                break
            promise = float(gradient @ step) / 2
            if promise < 1e-7:
                break
        else:  # away from the top: uphill along every axis, scaled by how much it bends
            size, axes = np.linalg.eigh(hessian)
            size = np.maximum(np.abs(size), 1e-3 * float(np.max(np.abs(size))) + 1e-12)
            step, promise = axes @ ((axes.T @ gradient) / size), math.inf
        step = step / max(1.0, float(np.max(np.abs(step))))
        for shrink in (1.0, 0.5, 0.25, 0.1, 0.02):
            trial = theta + shrink * step
            if np.all(trial > LOG_LOW) and np.all(trial < LOG_HIGH):
                found = value(trial)
                if found > best:
                    theta, best = trial, found
                    break
        else:
            break
        if float(np.max(np.abs(theta - place))) > (0.1 if definite else 0.0):
            hessian, place = _hessian(value, theta, best), theta
    if float(np.max(np.abs(theta - place))) > 1e-3:
        hessian = _hessian(value, theta, best)
    return theta, best, hessian, promise


def _maximise(
    value: Callable[[Floats], float],
    starts: Sequence[ArrayLike],
    weight: float,
    near: Floats | None = None,
) -> _Optimum:
    """The maximum of `value` over log-parameters from several starting points (given as parameters).

    With `near`, log-parameters close to the maximum, Newton steps from there are tried first.
    """
    promise = math.inf
    theta, best, hessian = np.zeros(0), -math.inf, np.zeros(0)
    if near is not None:
        theta, best, hessian, promise = _newton(value, near, value(near))
    if not promise < GOOD_PROMISE:
        points = [np.log(np.asarray(start, dtype=np.float64)) for start in starts]
        if near is not None:  # the best that the Newton steps reached is as good a start as any
            points = [theta, *points[:1]]
        climbed = [_climb(value, point, weight) for point in points]
        theta, best = max(climbed, key=lambda pair: pair[1])
        theta, best, hessian, promise = _newton(value, theta, best)
    if not promise < GOOD_PROMISE:  # a ridge or a kink: search without derivatives, then try once more
        options = {"maxiter": 400, "xatol": 1e-6, "fatol": 1e-10}
        bounds = [(LOG_LOW, LOG_HIGH)] * theta.size
        result = minimize(lambda t: -value(t) / weight, theta, method="Nelder-Mead", bounds=bounds, options=options)
        if math.isfinite(result.fun) and -float(result.fun) * weight > best:
            theta, best = np.asarray(result.x, dtype=np.float64), -float(result.fun) * weight
        theta, best, hessian, promise = _newton(value, theta, best)
    definite = _positive_definite(-hessian)
    inside = bool(np.all(theta > LOG_LOW + 1) and np.all(theta < LOG_HIGH - 1))
    converged = definite and inside and promise < GOOD_PROMISE
    try:
        covariance = np.linalg.inv(-hessian) if definite else np.full(hessian.shape, math.nan)
    except np.linalg.LinAlgError:
        covariance = np.full(hessian.shape, math.nan)
    note = ""
    if not definite:
        note = "The information matrix is not positive definite: the data do not determine all parameters."
    elif not inside:
        note = "A parameter ran to the edge of what is searched: the data do not determine it."
    elif not converged:
        note = "The search did not reach the top of the likelihood."
    return _Optimum(theta, best, covariance, converged, note)


def _to_fit(model: str, names: tuple[str, ...], top: _Optimum, members: int, note: str = "") -> Fit:
    values = np.exp(top.theta)
    errors = values * np.sqrt(np.maximum(np.diag(top.covariance), 0.0))
    return Fit(
        model=model,
        names=names,
        values=tuple(_rounded(v) for v in values),
        log_covariance=tuple(tuple(_rounded(c) for c in row) for row in top.covariance),
        standard_errors=tuple(_rounded(e) for e in errors),
        log_likelihood=float(top.value),
        members=members,
        converged=top.converged,
        note=" ".join(part for part in (note, top.note) if part),
    )


# ------------------------------------------------------------------------------------------
# Histories and clocks


def _checked(h: Histories) -> Histories:
    """The same histories as int64 arrays, or a plain sentence on what is wrong with them."""
    birth = np.ascontiguousarray(h.birth, dtype=np.int64)
    orders = np.ascontiguousarray(h.orders, dtype=np.int64)
    last = np.ascontiguousarray(h.last, dtype=np.int64)
    if not birth.ndim == orders.ndim == last.ndim == 1 or not birth.size == orders.size == last.size:
        raise InputError("Histories need birth, orders and last as three one-dimensional arrays of one length.")
    if np.any(last < birth) or np.any(last > h.until):
        raise InputError(f"Every last order must lie between the first order and the last day, {h.until}.")
    if np.any(orders < 0) or np.any((orders == 0) != (last == birth)):
        raise InputError("A member has no repeat orders exactly when the last order is the first one.")
    return Histories(birth, orders, last, int(h.until))


def _enough(h: Histories) -> None:
    if h.birth.size < MIN_MEMBERS:
        raise InputError(f"A fit needs at least {MIN_MEMBERS} members, the log has {h.birth.size}.")
    if not np.any(h.orders > 0):
        raise InputError("A fit needs repeat orders: no member of the log ordered twice before the last day.")


def _checked_clock(clock: ArrayLike | None, first_day: int | None, low: int, high: int) -> tuple[Floats, int]:
    """The clock as float64, covering days low to high; empty when it runs with the days."""
    if clock is None:
        return NO_CLOCK, 0
    if first_day is None:
        raise InputError("A clock needs first_day, the day at whose end it shows its first value.")
    values = np.ascontiguousarray(clock, dtype=np.float64)
    if values.ndim != 1 or not np.all(np.isfinite(values)) or np.any(np.diff(values) < 0):
        raise InputError("The clock must be a one-dimensional array of finite values that never decrease.")
    if first_day > low or first_day + values.size - 1 < high:
        covered = f"{first_day} to {first_day + values.size - 1}"
        raise InputError(f"The clock covers days {covered}, the histories need {low} to {high}.")
    values = values[low - first_day : high - first_day + 1]
    if np.all(np.abs(np.diff(values) - 1.0) < 1e-9):
        return NO_CLOCK, 0
    return np.ascontiguousarray(values), low


def _on_clock(day: Ints, clock: Floats, first_day: int) -> Floats:
    """Operational time at the end of each day; the day itself without a clock."""
    return clock[day - first_day] if clock.size else day.astype(np.float64)


def _workers(rows: int) -> int:
    return max(1, min(4, os.cpu_count() or 1, rows // 500))


# ------------------------------------------------------------------------------------------
# Pareto/NBD


@dataclass(frozen=True)
class _Rows:
    """Distinct histories with their number of members, and where each one sits on the clock."""

    birth: Ints
    orders: Ints
    last: Ints
    until: Ints
    weight: Floats
    active: Floats  # operational time from the first to the last order
    clock: Floats
    first_day: int

    def thinned(self, step: int) -> "_Rows":
        """Every `step`-th row."""
        part = slice(None, None, step)
        cut = [np.ascontiguousarray(a[part]) for a in (self.birth, self.orders, self.last, self.until)]
        return _Rows(
            *cut,
            weight=np.ascontiguousarray(self.weight[part]),
            active=np.ascontiguousarray(self.active[part]),
            clock=self.clock,
            first_day=self.first_day,
        )


def _rows(h: Histories, clock: Floats, first_day: int) -> _Rows:
    """Group equal histories; without a season only the time since the first order matters."""
    shift = np.zeros_like(h.birth) if clock.size else h.birth
    table = np.column_stack((h.birth - shift, h.orders, h.last - shift, h.until - shift))
    unique, counts = np.unique(table, axis=0, return_counts=True)
    birth, orders, last, until = (np.ascontiguousarray(unique[:, i]) for i in range(4))
    active = _on_clock(last, clock, first_day) - _on_clock(birth, clock, first_day)
    return _Rows(birth, orders, last, until, counts.astype(np.float64), active, clock, first_day)


def _pareto_nbd_rows(
    theta: tuple[float, float, float, float], k: float, rows: _Rows, pool: ThreadPoolExecutor | None = None
) -> Floats:
    """The log-likelihood of each row, without (k - 1) times the sum of the logs of its gaps."""
    r, alpha, s, beta = theta
    x = rows.orders
    a = r + k * x
    log_beta = np.asarray(betaln(a, k)) if k != 1.0 else -np.log(a)
    out = np.empty(x.size)
    workers = _workers(x.size) if pool is not None else 1
    # interleaved parts are alike in cost; each row's value does not depend on the split
    parts = [slice(*edge) for edge in _ranges(x.size, workers)]

    def work(part: slice) -> None:
        log_silence_rows(
            rows.birth[part],
            x[part],
            rows.last[part],
            rows.until[part],
            rows.clock,
            rows.first_day,
            r,
            alpha,
            s,
            beta,
            k,
            log_beta[part],
            out[part],
        )

    if pool is None or workers == 1:
        work(slice(0, x.size))
    else:
        list(pool.map(work, parts))
    front = gammaln(a) - gammaln(r) + x * (k * math.log(k) - gammaln(k))
    # alpha^r / b^(r + k x), with b = alpha + k active
    scale = -r * np.log1p(k * rows.active / alpha) - k * x * np.log(alpha + k * rows.active)
    return np.asarray(front + scale + out, dtype=np.float64)


def _ranges(n: int, parts: int) -> list[tuple[int, int]]:
    edges = [n * i // parts for i in range(parts + 1)]
    return [(edges[i], edges[i + 1]) for i in range(parts)]


def pareto_nbd_log_likelihoods(
    params: Params,
    h: Histories,
    clock: ArrayLike | None = None,
    first_day: int | None = None,
    regularity: float = 1.0,
) -> Floats:
    """The log-likelihood of each member's history under the Pareto/NBD on a clock, time in days.

    Args:
        params: r, alpha (operational days), s, beta (days), or a fit.
        h: histories of n members.
        clock: operational time at the end of day first_day + j; None where it runs with the days.
        first_day: day of clock[0].
        regularity: k, the shape of the gaps (1 = Poisson).

    Returns:
        float64[n]; for k != 1 without the constant (k - 1) times the sum of the logs of the member's gaps.
    """
    h = _checked(h)
    low = int(h.birth.min()) if h.birth.size else 0
    ticks, start = _checked_clock(clock, first_day, low, h.until)
    active = _on_clock(h.last, ticks, start) - _on_clock(h.birth, ticks, start)
    until = np.full(h.birth.size, h.until, dtype=np.int64)
    rows = _Rows(h.birth, h.orders, h.last, until, np.ones(h.birth.size), active, ticks, start)
    return _pareto_nbd_rows(_four(params, PARETO_NBD_NAMES), float(regularity), rows)


def _starts(h: Histories) -> list[Floats]:
    """Starting points around the crude rate: few and many drop-outs, even and uneven members; no season."""
    days = float(np.mean(h.until - h.birth)) + 1.0
    rate = float(np.mean(h.orders)) / days
    points = [
        (0.6, 0.4 / rate, 0.6, 0.4 * days),
        (1.5, 0.7 / rate, 1.5, 4.0 * days),
        (0.4, 0.4 / rate, 0.3, 0.1 * days),
    ]
    return [np.array(point) for point in points]


def fit_pareto_nbd(
    h: Histories,
    clock: ArrayLike | None = None,
    first_day: int | None = None,
    regularity: float = 1.0,
) -> Fit:
    """Fit the Pareto/NBD on an operational clock by maximum likelihood.

    Args:
        h: histories of at least 50 members, some with repeat orders.
        clock: float64, operational time at the end of day first_day + j, never decreasing, covering every day
            from the first birth to `until`; None where operational time is real time.
        first_day: day of clock[0].
        regularity: k, the shape of the gaps between orders, held fixed (1 = Poisson).

    Returns:
        Fit with rate_shape r, rate_scale alpha (operational days), drift_shape s, drift_scale beta (days).

    Raises:
        InputError: with too little data, or a clock that does not cover them.

    Source: Schmittlein, Morrison & Colombo (1987); Platzer & Reutterer (2016) for k != 1.
    """
    h = _checked(h)
    _enough(h)
    k = float(regularity)
    if not 0.2 <= k <= 50.0:
        raise InputError(f"regularity must be between 0.2 and 50, got {k}.")
    ticks, start = _checked_clock(clock, first_day, int(h.birth.min()), h.until)
    rows = _rows(h, ticks, start)
    with ThreadPoolExecutor(_workers(rows.orders.size)) as pool:

        def total(theta: Floats, some: _Rows = rows) -> float:
            four = np.exp(theta)
            values = _pareto_nbd_rows((four[0], four[1], four[2], four[3]), k, some, pool)
            return float(np.sum(values * some.weight))

        # climb on a clock without a season, which is cheap, and on every m-th row first if there are many
        even = _rows(h, NO_CLOCK, 0) if ticks.size else rows
        step = even.orders.size // 600
        few = even.thinned(step) if step > 1 else even
        starts = _starts(h)
        near = None
        if few is not rows:
            weight = float(np.sum(few.weight))
            rough = _maximise(lambda theta: total(theta, few), starts, weight)
            near = rough.theta
            if ticks.size and few is not even:
                weight = float(np.sum(even.weight))
                near = _maximise(lambda theta: total(theta, even), [np.exp(near)], weight, near).theta
        if ticks.size:
            seen = _on_clock(rows.until, ticks, start) - _on_clock(rows.birth, ticks, start)
            days = float(np.sum((rows.until - rows.birth) * rows.weight))
            pace = max(float(np.sum(seen * rows.weight)) / max(days, 1.0), 1e-6)
            shift = np.array([0.0, math.log(pace), 0.0, 0.0])
            near = None if near is None else near + shift
            starts = [np.exp(np.log(point) + shift) for point in starts]
        top = _maximise(total, starts, h.birth.size, near)
    note = ""
    if k != 1.0:
        note = f"Regularity fixed at {k:g}; log-likelihood without (k - 1) times the sum of the log gaps."
    return _to_fit("pareto_nbd", PARETO_NBD_NAMES, top, h.birth.size, note)


def attached_probabilities(
    fit_or_params: Params,
    h: Histories,
    clock: ArrayLike | None = None,
    first_day: int | None = None,
    regularity: float = 1.0,
) -> Floats:
    """The probability that each member is still attached at the end of `until`, given the history.

    Args:
        fit_or_params: a Pareto/NBD fit, or r, alpha (operational days), s, beta (days).
        h: histories of n members.
        clock: operational time at the end of day first_day + j; None where it runs with the days.
        first_day: day of clock[0].
        regularity: k, the shape of the gaps (1 = Poisson).

    Returns:
        float64[n] in (0, 1].

    Source: Schmittlein, Morrison & Colombo (1987), carried over to a clock and k != 1 in `sim.study.btyd`.
    """
    h = _checked(h)
    r, alpha, s, beta = _four(fit_or_params, PARETO_NBD_NAMES)
    low = int(h.birth.min()) if h.birth.size else h.until
    ticks, start = _checked_clock(clock, first_day, low, h.until)
    out = np.empty(h.birth.size)
    k = float(regularity)
    attached_rows(h.birth, h.orders, h.last, h.until, ticks, start, r, alpha, s, beta, k, out)
    return out


def _attached_days(past: ArrayLike, t: ArrayLike, s: float) -> Floats:
    """The integral of (past / (past + u))^s over u in (0, t), s = 1 included; in days."""
    past = np.asarray(past, dtype=np.float64)
    z = np.log1p(np.asarray(t, dtype=np.float64) / past)
    if abs(s - 1.0) < 1e-12:
        return np.asarray(past * z)
    return np.asarray(-past * np.expm1(-(s - 1.0) * z) / (s - 1.0))


def expected_orders(params: Params, t: ArrayLike) -> Floats:
    """Expected repeat orders of a newcomer within t days of the first order: Pareto/NBD, no season, k = 1.

    Args:
        params: r, alpha, s, beta (days), or a fit.
        t: days, any shape.

    Returns:
        float64 of the shape of t. Source: Fader & Hardie (2005), E[X(t)] = r beta / (alpha (s - 1)) *
        (1 - (beta / (beta + t))^(s - 1)).
    """
    r, alpha, s, beta = _four(params, PARETO_NBD_NAMES)
    return np.asarray(r / alpha * _attached_days(beta, t, s))


def pareto_nbd_expected(
    params: Params,
    horizon_days: int,
    clock: ArrayLike | None = None,
    first_day: int | None = None,
    birth: int = 0,
) -> Floats:
    """Expected cumulative repeat orders of a newcomer, day by day, on a clock; k = 1.

    Args:
        params: r, alpha (operational days), s, beta (days), or a fit.
        horizon_days: H, days after the first order, at least 0.
        clock: operational time at the end of day first_day + j, covering birth to birth + H; None without
            season.
        first_day: day of clock[0].
        birth: day of the first order (matters only with a clock).

    Returns:
        float64[H + 1]: expected orders up to the end of day birth + j. Exact: the clock is linear within a
        day, so each day adds r / alpha times its operational length times the mean probability of being
        attached.
    """
    r, alpha, s, beta = _four(params, PARETO_NBD_NAMES)
    attached = _attached_days(beta, np.arange(horizon_days + 1), s)
    ticks, start = _checked_clock(clock, first_day, birth, birth + horizon_days)
    if not ticks.size:
        return r / alpha * attached
    lengths = np.diff(ticks[birth - start : birth - start + horizon_days + 1])
    return np.concatenate(([0.0], np.cumsum(r / alpha * lengths * np.diff(attached))))


def conditional_expectation(params: Params, h: Histories, t: float) -> Floats:
    """Expected orders of each member in (until, until + t] given the history: Pareto/NBD, no season, k = 1.

    Args:
        params: r, alpha, s, beta (days), or a fit.
        h: histories of n members.
        t: days, at least 0.

    Returns:
        float64[n]. Source: Schmittlein, Morrison & Colombo (1987), in the form of Fader & Hardie (2005).
    """
    r, alpha, s, beta = _four(params, PARETO_NBD_NAMES)
    age = (h.until - h.birth).astype(np.float64)
    rate = (r + h.orders) / (alpha + age)
    return attached_probabilities(params, h) * rate * _attached_days(beta + age, float(t), s)


# ------------------------------------------------------------------------------------------
# BG/NBD


def bg_nbd_log_likelihoods(params: Params, h: Histories) -> Floats:
    """The log-likelihood of each member's history under the BG/NBD, time in days.

    Args:
        params: r, alpha (days), a, b, or a fit.
        h: histories of n members.

    Returns:
        float64[n]. Source: Fader, Hardie & Lee (2005), Marketing Science 24(2), equation 6.
    """
    r, alpha, a, b = _four(params, BG_NBD_NAMES)
    x = h.orders.astype(np.float64)
    front = gammaln(r + x) - gammaln(r) + r * math.log(alpha)
    front = front + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    stayed = -(r + x) * np.log(alpha + (h.until - h.birth))
    repeat = x > 0
    left = math.log(a) - np.log(np.where(repeat, b + x - 1, 1.0)) - (r + x) * np.log(alpha + (h.last - h.birth))
    return np.asarray(front + np.where(repeat, np.logaddexp(stayed, left), stayed))


def fit_bg_nbd(h: Histories) -> Fit:
    """Fit the BG/NBD in real time by maximum likelihood: a baseline.

    A member drops out after each repeat order with a probability that differs between members as Beta(a, b).

    Args:
        h: histories of at least 50 members, some with repeat orders.

    Returns:
        Fit with rate_shape r, rate_scale alpha (days), drop_a a, drop_b b.

    Raises:
        InputError: with too little data.

    Source: Fader, Hardie & Lee (2005), "Counting your customers the easy way", Marketing Science 24(2).
    """
    h = _checked(h)
    _enough(h)
    rows = _rows(h, NO_CLOCK, 0)
    moved = Histories(rows.until * 0, rows.orders, rows.last, 0)
    # each group has its own length of observation: shift it so that all end on day 0
    moved = Histories(moved.birth - rows.until, rows.orders, rows.last - rows.until, 0)

    def total(theta: Floats) -> float:
        return float(np.sum(bg_nbd_log_likelihoods([float(v) for v in np.exp(theta)], moved) * rows.weight))

    days = float(np.mean(h.until - h.birth)) + 1.0
    rate = float(np.mean(h.orders)) / days
    starts = [(0.3, 0.2 / rate, 0.8, 2.5), (1.0, 0.7 / rate, 1.0, 10.0), (0.6, 0.4 / rate, 0.3, 1.0)]
    return _to_fit("bg_nbd", BG_NBD_NAMES, _maximise(total, starts, h.birth.size), h.birth.size)


def _not_one(a: float) -> float:
    """The closed forms have a removable singularity at a = 1; step around it."""
    return 1.0 + 1e-6 if abs(a - 1.0) < 1e-6 else a


def bg_nbd_expected_orders(params: Params, t: ArrayLike) -> Floats:
    """Expected repeat orders of a newcomer within t days of the first order under the BG/NBD.

    Args:
        params: r, alpha (days), a, b, or a fit.
        t: days, any shape.

    Returns:
        float64 of the shape of t. Source: Fader, Hardie & Lee (2005), equation 9.
    """
    r, alpha, a, b = _four(params, BG_NBD_NAMES)
    a = _not_one(a)
    t = np.asarray(t, dtype=np.float64)
    series = hyp2f1(r, b, a + b - 1, t / (alpha + t))
    return np.asarray((a + b - 1) / (a - 1) * (1 - (alpha / (alpha + t)) ** r * series))


def bg_nbd_conditional_expectation(params: Params, h: Histories, t: float) -> Floats:
    """Expected orders of each member in (until, until + t] given the history under the BG/NBD.

    Args:
        params: r, alpha (days), a, b, or a fit.
        h: histories of n members.
        t: days, at least 0.

    Returns:
        float64[n]. Source: Fader, Hardie & Lee (2005), equation 10.
    """
    r, alpha, a, b = _four(params, BG_NBD_NAMES)
    a = _not_one(a)
    x = h.orders.astype(np.float64)
    now = alpha + (h.until - h.birth)
    then = alpha + (h.last - h.birth)
    series = hyp2f1(r + x, b + x, a + b + x - 1, t / (now + t))
    orders = (a + b + x - 1) / (a - 1) * (1 - (now / (now + t)) ** (r + x) * series)
    odds_left = np.where(x > 0, a / np.where(x > 0, b + x - 1, 1.0), 0.0) * (now / then) ** (r + x)
    return np.asarray(orders / (1 + odds_left))


# ------------------------------------------------------------------------------------------
# Regularity


def regularity_wheat_morrison(
    member: ArrayLike,
    day: ArrayLike,
    clock: ArrayLike | None = None,
    first_day: int | None = None,
) -> tuple[float, float, int]:
    """The regularity k of the gaps between orders from the first two gaps of each member.

    With gaps t1, t2 ~ Gamma(k, rate k * lambda) of one member, M = t1 / (t1 + t2) ~ Beta(k, k) whatever
    lambda is, and Var M = 1 / (4 (2k + 1)), so k = (1 / (4 Var M) - 1) / 2; the mean of M is 1/2 and not
    estimated.

    That both gaps must have been observed does not bias this: M is independent of t1 + t2 (Lukacs), and
    whether the third order is seen depends on the gaps through t1 + t2 alone (it must come before the end of
    observation and before drop-out). Later pairs would not have that property for a fixed number of pairs,
    and pairs of one member share nothing only if they do not overlap; hence one pair a member, all
    independent. Whole days and merged orders of a day make short gaps a little less extreme, so k is slightly
    overstated for gaps of a few days.

    Args:
        member: n identifiers, equal for all orders of one member, sorted.
        day: int[n], days of the orders, increasing within a member (first order included, merged by day).
        clock: operational time at the end of day first_day + j, covering all days; None for real days.
        first_day: day of clock[0].

    Returns:
        (k, its standard error by the delta method, pairs used).

    Raises:
        InputError: with fewer than 50 members who have three orders.

    Source: Wheat & Morrison (1990), "Estimating purchase regularity with two interpurchase times", Journal of
    Marketing Research 27(1).
    """
    who = np.asarray(member)
    days = np.ascontiguousarray(day, dtype=np.int64)
    if who.shape != days.shape or who.ndim != 1:
        raise InputError("member and day must be one-dimensional arrays of one length.")
    if not days.size:
        raise InputError(f"Regularity needs at least {MIN_MEMBERS} members with three orders, found 0.")
    same = who[1:] == who[:-1]
    if np.any(same & (np.diff(days) <= 0)):
        raise InputError("The orders of a member must be on increasing days, one order a day.")
    ticks, start = _checked_clock(clock, first_day, int(days.min()), int(days.max()))
    first = np.flatnonzero(np.concatenate(([True], ~same)))
    count = np.diff(np.concatenate((first, [days.size])))
    first = first[count >= 3]
    time = _on_clock(days, ticks, start)
    one = time[first + 1] - time[first]
    both = time[first + 2] - time[first]
    one, both = one[both > 0], both[both > 0]  # a clock that stood still tells nothing
    pairs = int(both.size)
    if pairs < MIN_MEMBERS:
        raise InputError(f"Regularity needs at least {MIN_MEMBERS} members with three orders, found {pairs}.")
    square = (one / both - 0.5) ** 2
    variance = float(np.mean(square))
    if variance <= 0.0:
        raise InputError("All gaps are equal: the regularity is infinite and cannot be estimated.")
    error = float(np.std(square, ddof=1)) / math.sqrt(pairs)
    return (1.0 / (4.0 * variance) - 1.0) / 2.0, error / (8.0 * variance**2), pairs


# ------------------------------------------------------------------------------------------
# Spend


def _by_member(member: ArrayLike, amount_cents: ArrayLike) -> tuple[Ints, Floats, int]:
    """Members numbered 0, 1, ... and their amounts, with the number of members."""
    who = np.asarray(member)
    amount = np.asarray(amount_cents, dtype=np.float64)
    if who.shape != amount.shape or who.ndim != 1:
        raise InputError("member and amount_cents must be one-dimensional arrays of one length.")
    if np.any(~np.isfinite(amount)) or np.any(amount < 0):
        raise InputError("Amounts must be numbers of cents, 0 or more.")
    _, number = np.unique(who, return_inverse=True)
    number = number.astype(np.int64)
    return number, amount, int(number.max()) + 1 if number.size else 0


def fit_spend(member: ArrayLike, amount_cents: ArrayLike) -> Fit:
    """Fit order values: lognormal, with a level of its own for each member.

    log amount = level + within * z, level ~ Normal(mean, between^2) over members, z standard normal. Orders
    of 0 cents are counted in free_share and left out of the lognormal. Exact maximum likelihood for unequal
    numbers of
    orders: a member enters through the number, the mean and the squared deviations of the log amounts.

    Args:
        member: n identifiers.
        amount_cents: n amounts in cents, 0 or more.

    Returns:
        Fit with spend_mean (mean of log cents), spend_between and spend_within (standard deviations of logs)
        and free_share (share of orders with amount 0). log_likelihood is that of the positive amounts in
        cents (density of the amounts, not of their logs), without free_share's part; standard errors of
        free_share take orders as independent. All log-parameters as in `Fit` (spend_mean is a logarithm
        already, and its logarithm is taken once more).

    Raises:
        InputError: with fewer than 50 members with paid orders, or no member with two of them.

    Source: the one-way random-effects model, e.g. Searle, Casella & McCulloch (1992), Variance Components,
    chapter 3.
    """
    number, amount, _ = _by_member(member, amount_cents)
    paid = amount > 0
    logs = np.log(amount[paid])
    _, who = np.unique(number[paid], return_inverse=True)
    n = np.bincount(who).astype(np.float64)
    if not np.any(paid):
        return _known_spend(0.0, 0.0, 1.0, 0, "No order was paid for: revenue is forecast as 0.")
    if n.size < MIN_MEMBERS:
        raise InputError(f"A fit of spend needs at least {MIN_MEMBERS} members with paid orders, found {n.size}.")
    if not np.any(n > 1):
        raise InputError("A fit of spend needs members with two paid orders or more.")
    mean = np.bincount(who, logs) / n
    inside = float(np.sum((logs - mean[who]) ** 2))
    orders = float(n.sum())
    if float(np.mean(mean)) <= 0.0:
        raise InputError("The paid orders are all about one cent.")
    if inside <= 1e-9 * orders:
        note = "All orders of a member cost the same."
        return _known_spend(float(np.mean(mean)), float(np.std(mean)), float(np.mean(~paid)), int(n.size), note)
    # groups of members with the same number of orders share all but the mean
    sizes, where = np.unique(n, return_inverse=True)
    groups = np.bincount(where).astype(np.float64)
    first = np.bincount(where, mean)
    second = np.bincount(where, mean**2)
    constant = -0.5 * orders * math.log(2 * math.pi) - float(np.sum(logs))

    def total(theta: Floats) -> float:
        centre, between, within = (float(v) for v in np.exp(theta))
        spread = within**2 + sizes * between**2
        squares = second - 2 * centre * first + groups * centre**2
        value = (orders - n.size) * 2 * math.log(within) + float(np.sum(groups * np.log(spread)))
        value += inside / within**2 + float(np.sum(sizes * squares / spread))
        return constant - 0.5 * value

    within = math.sqrt(inside / max(orders - n.size, 1.0))
    between = math.sqrt(max(float(np.var(mean)) - within**2 * float(np.mean(1 / n)), 0.01 * within**2))
    centre = float(np.mean(mean))
    top = _maximise(total, [(centre, between, within), (centre, within / 3, within)], orders)
    share = float(np.mean(~paid))
    covariance = np.zeros((4, 4))
    covariance[:3, :3] = top.covariance
    # the free share is estimated apart from the rest; at 0 its logarithm does not exist
    covariance[3, 3] = (1 - share) / (share * amount.size) if share > 0 else 0.0
    errors = [float(np.exp(top.theta[i]) * math.sqrt(max(top.covariance[i, i], 0.0))) for i in range(3)]
    errors.append(math.sqrt(share * (1 - share) / amount.size))
    return Fit(
        model="spend_lognormal",
        names=SPEND_NAMES,
        values=(*(_rounded(float(v)) for v in np.exp(top.theta)), _rounded(share)),
        log_covariance=tuple(tuple(_rounded(float(c)) for c in row) for row in covariance),
        standard_errors=tuple(_rounded(e) for e in errors),
        log_likelihood=top.value,
        members=int(n.size),
        converged=top.converged,
        note=top.note,
    )


def _known_spend(mean: float, between: float, free_share: float, members: int, note: str) -> Fit:
    """Order values without chance within a member: nothing is estimated that could be uncertain."""
    return Fit(
        model="spend_lognormal",
        names=SPEND_NAMES,
        values=(_rounded(mean), _rounded(between), 0.0, _rounded(free_share)),
        log_covariance=((0.0,) * 4,) * 4,
        standard_errors=(0.0,) * 4,
        log_likelihood=0.0,
        members=members,
        converged=True,
        note=note,
    )


def fit_gamma_gamma(member: ArrayLike, amount_cents: ArrayLike, per_order: bool = False) -> Fit:
    """Fit the gamma-gamma model of order values: the published baseline for spend.

    Order values of a member are Gamma(p, rate nu), nu ~ Gamma(q, rate gamma) over members.

    Args:
        member: n identifiers; give repeat orders only, as the published fits do.
        amount_cents: n amounts in cents; members whose orders are all free are left out.
        per_order: False: the likelihood of each member's mean order value (published form, free orders enter
            the mean). True: the likelihood of the single orders (free orders left out), comparable with
            `fit_spend`.

    Returns:
        Fit with order_shape p, member_shape q, member_scale gamma (cents).

    Raises:
        InputError: with fewer than 50 members with paid orders.

    Source: Fader & Hardie (2013), "The gamma-gamma model of monetary value", equation 1a.
    """
    number, amount, members = _by_member(member, amount_cents)
    if per_order:
        number, amount = number[amount > 0], amount[amount > 0]
    n = np.bincount(number, minlength=members).astype(np.float64)
    total_spend = np.bincount(number, amount, minlength=members)
    used = total_spend > 0
    n, z = n[used], total_spend[used]
    if n.size < MIN_MEMBERS:
        raise InputError(f"A fit of spend needs at least {MIN_MEMBERS} members with paid orders, found {n.size}.")
    log_z = np.log(z)
    log_orders = float(np.sum(np.log(amount))) if per_order else 0.0
    log_mean = float(np.sum(log_z - np.log(n)))

    def total(theta: Floats) -> float:
        p, q, gamma = (float(v) for v in np.exp(theta))
        a = p * n + q
        value = float(np.sum(gammaln(a) + q * math.log(gamma) - a * np.log(gamma + z))) - n.size * float(gammaln(q))
        if per_order:
            return value + (p - 1) * log_orders - float(gammaln(p)) * float(n.sum())
        # density of the mean z / n: (z/n)^(pn - 1) n^(pn) / Gamma(pn)
        return value + float(np.sum(p * n * log_z - gammaln(p * n))) - log_mean

    typical = float(np.mean(z / n))
    starts = [(6.0, 4.0, 0.5 * typical), (2.0, 3.0, typical), (1.0, 10.0, 9.0 * typical)]
    top = _maximise(total, starts, float(n.size))
    model = "spend_gamma_gamma_orders" if per_order else "spend_gamma_gamma"
    return _to_fit(model, GAMMA_GAMMA_NAMES, top, int(n.size))


# ------------------------------------------------------------------------------------------
# Weekly disturbance


def _disturbance_likelihood(u: Floats, noise: Floats, sd: float, memory: float) -> float:
    """Exact log-likelihood of level + AR(1) + noise by a Kalman filter; the level has a flat prior.

    The filter runs on the data and on a constant 1 alike (both are linear in its gains); regressing the first
    innovations on the second gives the level, and integrating it out adds the last term. Weeks that are nan
    are stepped over.
    """
    state = one = 0.0
    spread = sd * sd
    logs = uu = u1 = ones = 0.0
    for value, extra in zip(u.tolist(), noise.tolist(), strict=True):
        if not math.isnan(value):
            f = spread + extra
            gain = spread / f
            v, w = value - state, 1.0 - one
            logs += math.log(f)
            uu, u1, ones = uu + v * v / f, u1 + v * w / f, ones + w * w / f
            state, one, spread = state + gain * v, one + gain * w, spread * (1.0 - gain)
        state, one = memory * state, memory * one
        spread = memory * memory * spread + (1.0 - memory * memory) * sd * sd
    return -0.5 * (logs + uu - u1 * u1 / ones + math.log(ones))


def fit_disturbance(actual_weekly: ArrayLike, expected_weekly: ArrayLike, dispersion: float = 1.0) -> Disturbance:
    """The weekly disturbance that all members share, after what counting noise explains.

    u = log(actual / expected) = level + e + noise. e is an AR(1) with stationary standard deviation weekly_sd
    and lag-1 correlation memory; noise has variance dispersion / expected, with expected scaled to the actual
    total (the level is a free constant). Exact Gaussian likelihood by a Kalman filter with the level
    integrated out over a flat prior (restricted maximum likelihood: it does not understate the sd for the
    estimated level).

    Args:
        actual_weekly: orders in each of w consecutive weeks.
        expected_weekly: float[w], the model's expected orders, positive.
        dispersion: variance of the counts over their mean given the disturbance (1 = Poisson).

    Returns:
        Disturbance. Weeks without orders are treated as missing and named in the note.

    Raises:
        InputError: with fewer than 8 weeks with orders.

    Source: Harvey (1989), Forecasting, Structural Time Series Models and the Kalman Filter, chapter 3.
    """
    actual = np.asarray(actual_weekly, dtype=np.float64)
    expected = np.asarray(expected_weekly, dtype=np.float64)
    if actual.shape != expected.shape or actual.ndim != 1:
        raise InputError("actual_weekly and expected_weekly must be one-dimensional arrays of one length.")
    if not np.all(np.isfinite(expected)) or np.any(expected <= 0) or not np.all(actual >= 0):
        raise InputError("Expected orders must be positive and actual orders not negative in every week.")
    seen = actual > 0
    weeks = int(seen.sum())
    if weeks < 8:
        raise InputError(f"A weekly disturbance needs at least 8 weeks with orders, found {weeks}.")
    u = np.where(seen, np.log(np.where(seen, actual, 1.0) / expected), math.nan)
    noise = dispersion / (expected * (actual.sum() / expected.sum()))
    ceiling = 2.0 * float(np.nanstd(u)) + 0.1

    def cost(point: Floats) -> float:
        return -_disturbance_likelihood(u, noise, float(point[0]), float(point[1]))

    best, sd, memory = cost(np.zeros(2)), 0.0, 0.0
    none = best
    bounds = [(0.0, ceiling), (0.0, 0.95)]
    for start in ((0.3 * ceiling, 0.1), (0.3 * ceiling, 0.6), (0.05 * ceiling, 0.3), (0.5 * ceiling, 0.9)):
        result = minimize(cost, np.array(start), method="L-BFGS-B", bounds=bounds)
        if float(result.fun) < best:
            best, sd, memory = float(result.fun), float(result.x[0]), float(result.x[1])
    notes = []
    if weeks < actual.size:
        notes.append(f"{actual.size - weeks} weeks without orders were left out.")
    if none - best < 1e-6:
        sd, memory = 0.0, 0.0
        notes.append("Counting noise explains all of the spread.")
    elif none - best < 2.0:
        notes.append("The spread hardly exceeds counting noise; memory is not determined.")
    return Disturbance(_rounded(sd), _rounded(memory), weeks, " ".join(notes))
