"""From a purchase log to a calibrated population: what is learned, in which order, and what is assumed.

Only days up to the jump-off are read. The season comes first (assumed, or estimated from two years or more),
then the regularity of gaps, the Pareto/NBD on the seasonal clock, what the weeks' residuals say of a shared
disturbance, how orders are worth, and how newcomers have been coming.
"""

import datetime as dt
import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from sim.accounting.stages import Stages
from sim.data import Note, PurchaseLog
from sim.engine import Plan
from sim.errors import InputError
from sim.settings import Fitting
from sim.study import fit as fits
from sim.study.jump_off import (
    Calibration,
    Newcomers,
    ObservedMembers,
    TrackedMembers,
    Uncertainty,
    last_activity,
    log_values,
)
from sim.world.calendar import festival_speed
from sim.world.market import Market
from sim.world.season import INDICES, calendar_month, daily_speed, monthly_speed

TWO_YEARS = 728
FEW_ORDERS = 30
"""A week with fewer expected orders says little of a shared disturbance."""


@dataclass(frozen=True)
class Calibrated:
    """A calibrated log: the fits, the plan's ingredients, and what to tell the reader.

    until: the last day read (from the log's origin); clock: operational time at the end of each day 0..until;
    expected: expected repeat orders of each of these days by the fitted model; notes: what was decided.
    """

    log: PurchaseLog
    until: int
    fitted: Calibration
    histories: fits.Histories
    clock: np.ndarray
    expected: np.ndarray
    cycle_days: float
    notes: tuple[Note, ...]

    @property
    def start(self) -> dt.date:
        """The first forecast day."""
        return self.log.origin + dt.timedelta(self.until + 1)

    def observed(self, uncertain: Uncertainty) -> ObservedMembers:
        """The members at the jump-off, to be drawn from their posteriors."""
        member, birth, orders, last = self.log.histories(self.until)
        keep = self.log.day <= self.until
        who, day, cents = self.log.member[keep], self.log.day[keep], self.log.amount[keep]
        n = len(self.log.ids)
        zero = self.until + 1
        # a day of the log is an instant at its end: the day before the jump-off is day -1
        before_last = np.full(n, -1, dtype=np.int64)
        is_last = day == last[np.searchsorted(member, who)]
        np.maximum.at(before_last, who[~is_last], day[~is_last])
        gap = np.where(orders > 0, last - before_last[member], 0)
        # summed member by member in a fixed order, so that the bits do not depend on the machine
        log_paid = np.bincount(who, weights=log_values(cents), minlength=n)[member]
        spend = np.zeros(n, dtype=np.int64)
        np.add.at(spend, who, cents)
        return ObservedMembers(
            fitted=self.fitted,
            uncertain=uncertain,
            key=self.log.keys()[member],
            birth=birth - zero,
            last=last - zero,
            orders=orders,
            spend=spend[member],
            paid=np.bincount(who[cents > 0], minlength=n)[member].astype(np.int64),
            log_paid=log_paid,
            activity=last_activity(gap, zero - last),
            clock=self.clock,
            first_day=-zero,
        )

    def tracked(self, uncertain: Uncertainty) -> TrackedMembers:
        """The same members, known by their joining days alone."""
        member, birth, _, _ = self.log.histories(self.until)
        return TrackedMembers(self.fitted, uncertain, self.log.keys()[member], birth - self.until - 1)

    def plan(self, days: int, market: Market, stages: Stages, uncertain: Uncertainty, tracked: bool = False) -> Plan:
        """The plan of a forecast from this log."""
        founders = self.tracked(uncertain) if tracked else self.observed(uncertain)
        return Plan(self.start, days, founders, market, self.fitted.months, stages)


def calibrate(log: PurchaseLog, until: int, market: Market, fitting: Fitting) -> Calibrated:
    """Learn all that a forecast needs from days 0..until of a log.

    Errors: `InputError` where the log is too small or too short to learn from.
    """
    if until < 27:
        raise InputError(f"{log.source}: {until + 1} days up to the jump-off; at least 4 weeks are needed to learn")
    notes: list[Note] = []
    history = fits.Histories(*log.histories(until)[1:], until=until)
    days = until + 1
    months, clock = _season(log, history, market, days, notes)
    known = log.day <= until
    k = _regularity(log.member[known], log.day[known], clock, fitting, notes)
    purchasing = _identified(fits.fit_pareto_nbd(history, clock, 0, k), notes)
    if k == 1.0 and len(set(months)) > 1:
        notes.append(_season_check(log, history, purchasing, clock))
    spending = _identified(fits.fit_spend(log.member[known], log.amount[known]), notes)
    expected = expected_repeats(purchasing, history.birth, clock)
    weekly_sd, memory, sd_error = _disturbance(log, history, expected, fitting, notes)
    if weekly_sd > 0.0:
        purchasing = under_disturbance(purchasing, history, clock, k, weekly_sd, memory)
    newcomers = _joining(history.birth, days, notes)
    fitted = Calibration(purchasing, k, spending, weekly_sd, memory, sd_error, newcomers, months)
    gaps = np.diff(log.day[known])[np.diff(log.member[known]) == 0]
    cycle = float(np.median(gaps)) if gaps.size else market.cycle_days
    return Calibrated(log, until, fitted, history, clock, expected, max(cycle, 1.0), tuple(notes))


def _identified(fit: fits.Fit, notes: list[Note]) -> fits.Fit:
    """The fit with parameters that the log hardly tells (log standard error above 1) taken as known, and noted.

    Their normal approximation in logs means nothing, and draws from it would run away.
    """
    matrix = np.array(fit.log_covariance)
    loose = ~np.isfinite(matrix).all(axis=1) | ~((np.diag(matrix) >= 0.0) & (np.diag(matrix) <= 1.0))
    if not loose.any():
        return fit
    names = ", ".join(name for name, unknown in zip(fit.names, loose, strict=True) if unknown)
    text = f"The log hardly tells {names}: taken as known, so the bands do not carry this uncertainty."
    notes.append(Note("identified", int(loose.sum()), text))
    matrix[loose, :] = 0.0
    matrix[:, loose] = 0.0
    return replace(fit, log_covariance=tuple(tuple(float(v) for v in row) for row in matrix))


def expected_repeats(purchasing: fits.Fit, birth: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Expected repeat orders on each day of the clock (float64), of members who joined on the given days.

    The rate times the day's length in operational time times the members expected to be attached in it; exact
    for regularity 1, and for other values once the first gaps are behind (the renewal theorem).
    """
    days = len(clock)
    r, alpha = purchasing["rate_shape"], purchasing["rate_scale"]
    s, beta = purchasing["drift_shape"], purchasing["drift_scale"]
    ends = np.arange(days + 1, dtype=np.float64)
    if abs(s - 1.0) < 1e-9:
        total = beta * np.log1p(ends / beta)
    else:
        total = beta / (s - 1.0) * (1.0 - (beta / (beta + ends)) ** (s - 1.0))
    attached = np.diff(total)
    joined = np.bincount(birth[birth >= 0], minlength=days)[:days].astype(np.float64)
    alive = np.concatenate([[0.0], np.convolve(joined, attached)[: days - 1]])
    return r / alpha * np.diff(clock, prepend=0.0) * alive


def _clock(months: tuple[float, ...], market: Market, origin: dt.date, days: int) -> np.ndarray:
    return np.cumsum(daily_speed(months, origin, days) * festival_speed(market.calendar, origin, days))


def _season(
    log: PurchaseLog, history: fits.Histories, market: Market, days: int, notes: list[Note]
) -> tuple[tuple[float, ...], np.ndarray]:
    season = market.season
    if season.index == "none" or season.strength == 0.0:
        notes.append(Note("season", 0, "No season: the clock runs evenly through the year."))
        months = (1.0,) * 12
        return months, _clock(months, market, log.origin, days)
    if season.index == "log" and days < TWO_YEARS:
        raise InputError(
            f"market.season.index=log: needs two years of log before the jump-off, {log.source} has {days} days; "
            "allowed here: auto, us_general_merchandise, none"
        )
    if season.index == "us_general_merchandise" or days < TWO_YEARS:
        months = monthly_speed(season)
        source = INDICES["us_general_merchandise"].source
        notes.append(
            Note(
                "season",
                0,
                f"Assumed season (the log is not used for it): {source}; strength {season.strength:g}.",
            )
        )
        return months, _clock(months, market, log.origin, days)
    months = _estimated_months(log, history, market, days)
    months = monthly_speed(season, months)
    notes.append(Note("season", 0, "The season was estimated from the log itself, which covers two years or more."))
    return months, _clock(months, market, log.origin, days)


def _season_check(log: PurchaseLog, history: fits.Histories, purchasing: fits.Fit, clock: np.ndarray) -> Note:
    """What the log's own days say of the season: its log-likelihood against that of a clock that runs evenly.

    A clock's likelihood is per unit of operational time; the log of its speed at each repeat order makes two
    clocks comparable.
    """
    speed = np.diff(clock, prepend=0.0)
    repeats = _repeats(log, history, len(clock))
    pace = float((repeats[speed > 0] * np.log(speed[speed > 0])).sum())
    gain = purchasing.log_likelihood + pace - fits.fit_pareto_nbd(history).log_likelihood
    if abs(gain) < 2.0:
        text = (
            f"The days up to the jump-off neither speak for this season nor against it ({gain:+.1f} log-likelihood)."
        )
    elif gain > 0:
        text = f"The days up to the jump-off speak for this season ({gain:+.1f} log-likelihood)."
    else:
        text = (
            f"The days up to the jump-off speak against this season ({gain:+.1f} log-likelihood): compare with "
            "market.season.index=none before relying on its shape."
        )
    return Note("season_check", 0, text)


def _estimated_months(log: PurchaseLog, history: fits.Histories, market: Market, days: int) -> tuple[float, ...]:
    """Monthly factors by which actual repeat orders exceed the model's, after four rounds of refitting."""
    month = calendar_month(log.origin, np.arange(days)) % 12
    actual = np.bincount(month, weights=_repeats(log, history, days), minlength=12)
    index, festivals = np.ones(12), festival_speed(market.calendar, log.origin, days)
    for _ in range(4):
        speed = index[month] * festivals
        clock = np.cumsum(speed)
        purchasing = fits.fit_pareto_nbd(history, clock, 0, 1.0)
        expected = np.bincount(month, weights=expected_repeats(purchasing, history.birth, clock), minlength=12)
        index = index * (actual + 1.0) / (expected + 1.0)
        weight = np.bincount(month, minlength=12)
        index = index * weight.sum() / (index * weight).sum()
    return tuple(float(f"{value:.6g}") for value in index)


def _repeats(log: PurchaseLog, history: fits.Histories, days: int) -> np.ndarray:
    first = np.bincount(history.birth, minlength=days)[:days]
    return np.bincount(log.day[log.day < days], minlength=days)[:days] - first


def _regularity(member: np.ndarray, day: np.ndarray, clock: np.ndarray, fitting: Fitting, notes: list[Note]) -> float:
    if fitting.regularity is not None:
        notes.append(Note("regularity", 0, f"Regularity of gaps set to {fitting.regularity:g}."))
        return fitting.regularity
    try:
        k, error, pairs = fits.regularity_wheat_morrison(member, day, clock, 0)
    except InputError as problem:
        notes.append(Note("regularity", 0, f"Regularity of gaps taken as 1 (Poisson): {problem}"))
        return 1.0
    chosen = 1.0 if abs(k - 1.0) < 2.0 * error else float(f"{min(max(k, 0.2), 20.0):.3g}")
    taken = "not told apart from 1, taken as 1 (Poisson)" if chosen == 1.0 else f"taken as {chosen:g}"
    text = f"Regularity of gaps (Wheat & Morrison): {k:.3f} with standard error {error:.3f}, {taken}."
    notes.append(Note("regularity", pairs, text))
    return chosen


def _disturbance(
    log: PurchaseLog,
    history: fits.Histories,
    expected: np.ndarray,
    fitting: Fitting,
    notes: list[Note],
) -> tuple[float, float, float]:
    """(standard deviation, memory, standard error of the log of the former) of the shared weekly disturbance."""
    if not fitting.disturbance:
        notes.append(Note("disturbance", 0, "No shared weekly disturbance."))
        return 0.0, 0.0, 0.0
    weeks = len(expected) // 7
    actual = _repeats(log, history, weeks * 7).reshape(weeks, 7).sum(axis=1)
    model = expected[: weeks * 7].reshape(weeks, 7).sum(axis=1)
    enough = model >= FEW_ORDERS
    if enough.sum() < 8:
        text = "Too few weeks with enough orders to see a shared weekly disturbance: none acts."
        notes.append(Note("disturbance", int(enough.sum()), text))
        return 0.0, 0.0, 0.0
    first = int(np.argmax(enough))
    last = len(enough) - int(np.argmax(enough[::-1]))
    # a week with too few orders in the middle counts as not seen, so that the others keep their distance
    seen = np.where(enough, actual, 0)[first:last]
    found = fits.fit_disturbance(seen, np.maximum(model[first:last], 1e-6))
    text = (
        f"Shared weekly disturbance from the residuals of {found.weeks} weeks: standard deviation "
        f"{found.weekly_sd:.3f}, memory {found.memory:.2f}. {found.note}"
    )
    notes.append(Note("disturbance", found.weeks, text.strip()))
    # weeks that repeat each other say less: the sample variance of an AR(1) has this many effective weeks
    effective = found.weeks * (1.0 - found.memory**2) / (1.0 + found.memory**2)
    error = min(1.0 / math.sqrt(2.0 * max(effective, 1.0)), 0.5)
    return float(f"{found.weekly_sd:.6g}"), float(f"{found.memory:.6g}"), float(f"{error:.6g}")


def under_disturbance(
    fit: fits.Fit, history: fits.Histories, clock: np.ndarray, k: float, weekly_sd: float, memory: float
) -> fits.Fit:
    """The fit with the covariance that its parameters have when a shared disturbance moved the weeks learned from.

    The likelihood takes members as independent, so its own covariance C leaves out that a run of good weeks looks
    like a higher rate. A disturbance e of the clock moves the estimate by C X e, where X is the mixed derivative
    of the log-likelihood by log-parameters and e; so C X cov(e) X' C is added (a sandwich). X is taken by central
    differences over stretches of weeks, on every n-th member.
    """
    step = max(1, len(history.birth) // 1500)
    few = fits.Histories(history.birth[::step], history.orders[::step], history.last[::step], history.until)
    scale = len(history.birth) / len(few.birth)
    speed = np.diff(clock, prepend=0.0)
    week = np.arange(len(speed)) // 7
    stretch = week * STRETCHES // (int(week[-1]) + 1)
    size, turn = 0.05, 0.1
    theta = np.log(np.array(fit.values))

    def value(parameter: int, up: float, part: int, faster: float) -> float:
        moved = theta.copy()
        moved[parameter] += up
        disturbed = np.cumsum(np.where(stretch == part, speed * math.exp(faster), speed))
        return scale * float(fits.pareto_nbd_log_likelihoods(tuple(np.exp(moved)), few, disturbed, 0, k).sum())

    mixed = np.zeros((4, STRETCHES))
    for parameter in range(4):
        for part in range(STRETCHES):
            corners = [a * b * value(parameter, a * size, part, b * turn) for a in (-1, 1) for b in (-1, 1)]
            mixed[parameter, part] = sum(corners) / (4.0 * size * turn)
    lag = np.abs(np.subtract.outer(np.arange(int(week[-1]) + 1), np.arange(int(week[-1]) + 1)))
    shared = weekly_sd**2 * memory**lag if memory > 0 else weekly_sd**2 * (lag == 0)
    of_week = np.arange(int(week[-1]) + 1) * STRETCHES // (int(week[-1]) + 1)
    average = (of_week[None, :] == np.arange(STRETCHES)[:, None]).astype(float)
    average /= np.maximum(average.sum(axis=1, keepdims=True), 1.0)
    own = np.array(fit.log_covariance)
    moves = own @ mixed @ average
    total = own + moves @ shared @ moves.T
    total = 0.5 * (total + total.T)
    rounded = tuple(tuple(float(f"{value:.6g}") for value in row) for row in total)
    errors = tuple(
        float(f"{v * math.sqrt(max(c, 0.0)):.6g}") for v, c in zip(fit.values, np.diag(total), strict=True)
    )
    note = "Standard errors include the shared weekly disturbance of the weeks learned from."
    return replace(fit, log_covariance=rounded, standard_errors=errors, note=f"{fit.note} {note}".strip())


STRETCHES = 10
"""Stretches of weeks in which a disturbance of the past is told apart."""


def _joining(birth: np.ndarray, days: int, notes: list[Note]) -> Newcomers:
    """How people have been joining: a local level model of the logs of weekly counts (Harvey 1989)."""
    weeks = days // 7
    joined = np.bincount(np.maximum(birth - (days - weeks * 7), 0) // 7, minlength=weeks)[-min(weeks, 104) :]
    recent = joined[-4:]
    if recent.sum() == 0:
        since = days - 1 - int(birth.max())
        text = f"Nobody has joined for {since} days before the jump-off: the membership is taken as closed."
        notes.append(Note("joining", 0, text))
        return Newcomers()
    start = int(np.argmax(joined > 0))
    y = np.log(joined[start:] + 0.5)
    noise = 1.0 / (joined[start:] + 0.5)
    if len(y) < 8:
        level = float(joined[-min(weeks, 8) :].mean())
        notes.append(Note("joining", int(joined.sum()), f"Newcomers: {level:.4g} a week, the mean of a short log."))
        error = min(1.0 / math.sqrt(max(float(joined.sum()), 1.0)), 1.0)
        return Newcomers(float(f"{level:.6g}"), float(f"{error:.6g}"))

    def filtered(walk: float, extra: float) -> tuple[float, float, float]:
        """(minus twice the log-likelihood, level and its variance at the end) of a walk seen through noise."""
        mean, variance, cost = float(y[0]), float(noise[0] + extra), 0.0
        for value, rough in zip(y[1:], noise[1:], strict=True):
            variance += walk
            total = variance + float(rough) + extra
            miss = float(value) - mean
            cost += math.log(total) + miss * miss / total
            gain = variance / total
            mean, variance = mean + gain * miss, variance * (1.0 - gain)
        return cost, mean, variance

    best = minimize(
        lambda v: filtered(math.exp(v[0]), math.exp(v[1]))[0], [-6.0, -4.0], method="Nelder-Mead",
        bounds=[(-14.0, 1.0), (-14.0, 1.0)],
    )  # fmt: skip
    walk, extra = (math.exp(v) for v in best.x)
    _, mean, variance = filtered(walk, extra)
    found = (math.exp(mean), math.sqrt(variance), math.sqrt(walk), math.sqrt(extra))
    newcomers = Newcomers(*(float(f"{value:.6g}") for value in found))
    text = (
        f"Newcomers: {newcomers.level:.4g} a week at the jump-off (known to {100 * newcomers.error:.0f} %), "
        f"drifting by {100 * newcomers.walk:.1f} % a week (local level model)."
    )
    notes.append(Note("joining", int(joined.sum()), text))
    return newcomers
