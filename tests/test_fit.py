"""Fits against published numbers (CDNOW), closed forms, brute-force quadrature and planted values."""

import importlib.metadata
import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import betainc, gammaincc, gammaln, hyp2f1

from sim.errors import InputError
from sim.study import btyd
from sim.study.fit import (
    Fit,
    Histories,
    attached_probabilities,
    bg_nbd_conditional_expectation,
    bg_nbd_expected_orders,
    conditional_expectation,
    expected_orders,
    fit_bg_nbd,
    fit_disturbance,
    fit_gamma_gamma,
    fit_pareto_nbd,
    fit_spend,
    pareto_nbd_expected,
    pareto_nbd_log_likelihoods,
    regularity_wheat_morrison,
)

UNTIL = 272  # 1997-09-30, day 0 = 1997-01-01
FALSE_ALARM = 4.5  # standard errors: two-sided probability 7e-6 per comparison


# ------------------------------------------------------------------------------------------
# CDNOW


def cdnow(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(member, day, cents), lines of one day merged, sorted, until day 272."""
    try:
        package = importlib.metadata.distribution("lifetimes")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package lifetimes, which holds the CDNOW data, is not installed")
    path = Path(str(package.locate_file(f"lifetimes/datasets/CDNOW_{name}.txt")))
    if not path.exists():
        pytest.skip("the CDNOW data are not there")
    lines = [line.split() for line in path.read_text().splitlines()]
    rows = [(int(f[0]), f[-3], float(f[-1])) for f in lines if len(f) >= 4 and f[0].isdigit()]
    member = np.array([row[0] for row in rows])
    iso = np.array([f"{row[1][:4]}-{row[1][4:6]}-{row[1][6:]}" for row in rows], dtype="datetime64[D]")
    day = (iso - np.datetime64("1997-01-01")).astype(np.int64)
    cents = np.array([round(row[2] * 100) for row in rows])
    key, where = np.unique(np.column_stack((member, day)), axis=0, return_inverse=True)
    total = np.bincount(where.ravel(), cents)
    seen = key[:, 1] <= UNTIL
    return key[seen, 0], key[seen, 1], total[seen]


def histories(member: np.ndarray, day: np.ndarray, until: int) -> Histories:
    _, first, count = np.unique(member, return_index=True, return_counts=True)
    return Histories(day[first], count - 1, day[first + count - 1], until)


def in_weeks(fit: Fit, h: Histories) -> tuple[list[float], float]:
    values = list(fit.values)
    values[1] /= 7
    if fit.model == "pareto_nbd":
        values[3] /= 7
    return values, fit.log_likelihood + math.log(7) * float(h.orders.sum())


def rounded_like(values: list[float], printed: str) -> str:
    """The values with as many decimals as the printed ones."""
    decimals = [len(word.split(".")[1]) for word in printed.split()]
    return " ".join(f"{v:.{d}f}".lstrip("0") for v, d in zip(values, decimals, strict=True))


@pytest.mark.parametrize(
    ("name", "pareto", "pareto_ll", "bg", "bg_ll"),
    [
        ("sample", ".553 10.58 .606 11.67", -9595.0, ".243 4.414 .793 2.426", -9582.4),
        ("master", ".5974 11.586 .5222 8.828", -95415.1, ".2516 4.789 .7234 2.161", -95368.4),
    ],
)
def test_cdnow_fits_equal_the_published_ones(name, pareto, pareto_ll, bg, bg_ll):
    member, day, _ = cdnow(name)
    h = histories(member, day, UNTIL)
    fit = fit_pareto_nbd(h)
    values, ll = in_weeks(fit, h)
    assert fit.converged
    assert rounded_like(values, pareto) == pareto
    assert ll == pytest.approx(pareto_ll, abs=0.06)
    fit = fit_bg_nbd(h)
    values, ll = in_weeks(fit, h)
    assert fit.converged
    assert rounded_like(values, bg) == bg
    assert ll == pytest.approx(bg_ll, abs=0.06)


def test_cdnow_gamma_gamma_equals_the_published_one():
    member, _, cents = cdnow("sample")
    _, first = np.unique(member, return_index=True)
    repeat = np.setdiff1d(np.arange(member.size), first)
    fit = fit_gamma_gamma(member[repeat], cents[repeat])
    assert fit.members == 946
    assert fit.converged
    assert [fit["order_shape"], fit["member_shape"]] == pytest.approx([6.25, 3.74], abs=0.006)
    assert fit["member_scale"] / 100 == pytest.approx(15.44, abs=0.01)


def test_standard_errors_equal_those_of_a_second_hessian():
    """The closed form, differenced in the parameters themselves with other steps."""
    member, day, _ = cdnow("sample")
    h = histories(member, day, UNTIL)
    fit = fit_pareto_nbd(h)
    centre = np.array(fit.values)
    rows, counts = np.unique(np.column_stack((h.birth, h.orders, h.last)), axis=0, return_counts=True)

    def value(p):
        few = Histories(rows[:, 0], rows[:, 1], rows[:, 2], UNTIL)
        return float(np.sum(counts * closed_form(p, few)))

    steps = np.diag(0.002 * centre)
    information = np.empty((4, 4))
    for i in range(4):
        for j in range(4):
            up = value(centre + steps[i] + steps[j]) + value(centre - steps[i] - steps[j])
            cross = value(centre + steps[i] - steps[j]) + value(centre - steps[i] + steps[j])
            information[i, j] = -(up - cross) / (4 * steps[i, i] * steps[j, j])
    errors = np.sqrt(np.diag(np.linalg.inv(information)))
    assert np.array(fit.standard_errors) == pytest.approx(errors, rel=1e-3)
    logs = np.sqrt(np.diag(np.array(fit.log_covariance)))
    assert logs * centre == pytest.approx(np.array(fit.standard_errors), rel=1e-4)


# ------------------------------------------------------------------------------------------
# the likelihood


def closed_form(params, h: Histories) -> np.ndarray:
    """Fader & Hardie (2005), log-likelihood of each member, k = 1, no season."""
    r, alpha, s, beta = params
    x, tx, T = h.orders, h.last - h.birth, h.until - h.birth
    big, power = max(alpha, beta), r + s + x
    second = s + 1 if alpha >= beta else r + x
    gap = abs(alpha - beta)

    def part(t):
        return hyp2f1(power, second, power + 1, gap / (big + t)) / (1 + t / big) ** power

    front = gammaln(r + x) - gammaln(r) + r * math.log(alpha) + s * math.log(beta)
    alive = -(r + x) * np.log(alpha + T) - s * np.log(beta + T)
    gone = math.log(s) - np.log(power) - power * math.log(big)
    with np.errstate(divide="ignore"):
        gone = gone + np.log(part(tx) - part(T))
    return front + np.logaddexp(alive, gone)


def brute_bracket(params, k, x, birth, last, until, clock, first_day, panels=40):
    """(attached, whole) of the original form, day by day, with scipy's incomplete beta."""
    r, alpha, s, beta = params
    nodes, weights = np.polynomial.legendre.leggauss(20)

    def g(u):  # operational time since the last order, u real days after it
        return np.interp(last + u, first_day + np.arange(clock.size), clock) - clock[last - first_day]

    a, b = r + k * x, alpha + k * (clock[last - first_day] - clock[birth - first_day])
    past = beta + last - birth

    def share(u):
        return betainc(a, k, b / (b + k * g(u)))

    attached = float(share(float(until - last)) * (past / (past + until - last)) ** s)
    whole = attached
    for j in range(until - last):
        edges = j + np.linspace(0, 1, (panels if j < 3 else 1) + 1) ** 2
        for low, high in itertools.pairwise(edges):
            u = low + (high - low) * (nodes + 1) / 2
            f = s / past * (1 + u / past) ** -(s + 1) * share(u)
            whole += float(np.sum(weights * f)) * (high - low) / 2
    return attached, whole


PARAMETERS = [
    (0.55, 74.0, 0.6, 82.0),
    (0.55, 82.0, 0.6, 74.0),
    (0.3, 5.0, 2.5, 400.0),
    (2.0, 300.0, 0.4, 3.0),
    (1.0, 50.0, 1.0, 50.0),
]


@pytest.mark.parametrize("params", PARAMETERS)
def test_likelihood_and_attachment_equal_the_closed_form(params):
    x, tx, T = (v.ravel() for v in np.meshgrid([0, 1, 3, 10, 40], [1, 30, 200, 900], [30, 270, 1000]))
    keep = (tx < T) | (x == 0)
    x, tx, T = x[keep], np.where(x == 0, 0, tx)[keep], T[keep]
    h = Histories(-T, x, tx - T, 0)
    ours, theirs = pareto_nbd_log_likelihoods(params, h), closed_form(params, h)
    # the closed form is a difference: judge where it has digits left
    r, alpha, s, beta = params
    front = gammaln(r + x) - gammaln(r) + r * math.log(alpha) - (r + x) * np.log(alpha + T)
    alive = front + s * np.log(beta / (beta + T))
    sound = (theirs - alive > 1e-3) & np.isfinite(theirs)
    assert sound.sum() > 20
    assert ours[sound] == pytest.approx(theirs[sound], abs=1e-8)
    assert attached_probabilities(params, h)[sound] == pytest.approx(np.exp(alive - theirs)[sound], rel=1e-8)


@pytest.mark.parametrize("params", PARAMETERS)
@pytest.mark.parametrize("k", [1.0, 0.5, 1.7, 4.0])
def test_bracket_equals_adaptive_quadrature(params, k):
    """The original form (not integrated by parts), orders from 0 to 1000, no season."""
    r, alpha, s, beta = params
    for x, tx, T in [(0, 0, 300), (1, 5, 300), (7, 250, 251), (30, 200, 1000), (1000, 900, 1000)]:
        a, b, past = r + k * x, alpha + k * tx, beta + tx
        points = [p for p in (b / (20 * k * a), b / (k * a), 5 * b / (k * a), past) if p < T - tx]

        def f(u, a=a, b=b, past=past):
            return s / past * (1 + u / past) ** -(s + 1) * betainc(a, k, b / (b + k * u))

        whole, attached = 0.0, betainc(a, k, b / (b + k * (T - tx))) * (past / (beta + T)) ** s
        for low, high in zip([0, *points], [*points, T - tx], strict=True):
            whole += quad(f, low, high, epsabs=0, epsrel=1e-12, limit=200)[0]
        log_beta = gammaln(a) + gammaln(k) - gammaln(a + k)
        got = btyd.silence(0, x, tx, T, np.zeros(0), 0, r, alpha, s, beta, k, float(log_beta))
        assert got[0] == pytest.approx(attached, rel=1e-10, abs=1e-300)
        assert got[1] == pytest.approx(whole + attached, rel=2e-10)


def bumpy_clock(first_day: int, last_day: int, rng: np.random.Generator) -> np.ndarray:
    """A weekly pattern, a yearly wave, closed days and rough days."""
    day = np.arange(first_day, last_day + 1)
    pace = np.where(day % 7 >= 5, 1.6, 0.8) * (1 + 0.4 * np.sin(2 * np.pi * day / 365))
    pace = np.where(day % 31 == 0, 0.0, pace * rng.lognormal(0, 0.2, day.size))
    return np.cumsum(pace)


@pytest.mark.parametrize("k", [1.0, 1.4, 0.6])
def test_season_equals_brute_force_by_day(k):
    rng = np.random.default_rng(5)
    clock = bumpy_clock(-20, 420, rng)
    worst = 0.0
    for params in PARAMETERS:
        for birth, x, last, until in [(0, 0, 0, 400), (-15, 3, 61, 300), (31, 40, 340, 400), (2, 9, 31, 33)]:
            attached, whole = brute_bracket(params, k, x, birth, last, until, clock, -20)
            r, alpha, s, beta = params
            log_beta = float(gammaln(r + k * x) + gammaln(k) - gammaln(r + k * x + k))
            got = btyd.silence(birth, x, last, until, clock, -20, r, alpha, s, beta, k, log_beta)
            worst = max(worst, abs(got[1] / whole - 1), abs(got[0] / attached - 1))
            h = Histories(np.array([birth]), np.array([x]), np.array([last]), until)
            p = attached_probabilities(params, h, clock, -20, k)
            assert p[0] == pytest.approx(attached / whole, rel=1e-6)
    assert worst < 1e-6


def test_a_clock_that_runs_with_the_days_changes_nothing():
    h = Histories(np.array([3, 5]), np.array([0, 4]), np.array([3, 90]), 200)
    plain = pareto_nbd_log_likelihoods(PARAMETERS[0], h)
    assert pareto_nbd_log_likelihoods(PARAMETERS[0], h, np.arange(300) + 7.5, 0) == pytest.approx(plain)
    # a constant pace of 2 is a change of unit: twice the scale, and a density per unit of operational time
    double = (0.55, 148.0, 0.6, 82.0)
    fast = pareto_nbd_log_likelihoods(double, h, 2.0 * np.arange(300), 0)
    assert fast + h.orders * math.log(2) == pytest.approx(plain, abs=1e-7)


@pytest.mark.statistical
@pytest.mark.parametrize("k", [0.6, 1.0, 2.5])
def test_probabilities_of_none_and_of_one_order_equal_a_simulation(k):
    """The likelihood of x = 1, summed over the day of the order, is P(X = 1)."""
    params, T, n = (0.8, 1500.0, 0.7, 2500.0), 2000, 400_000
    rng = np.random.default_rng(11)
    rate = rng.gamma(params[0], 1 / params[1], n)
    end = np.minimum(rng.exponential(1 / rng.gamma(params[2], 1 / params[3], n)), T)
    one = rng.gamma(k, 1 / (k * rate))
    two = one + rng.gamma(k, 1 / (k * rate))
    none, single = np.mean(one > end), np.mean((one <= end) & (two > end))
    h = Histories(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64), T)
    p_none = float(np.exp(pareto_nbd_log_likelihoods(params, h, regularity=k))[0])
    assert abs(p_none - none) < FALSE_ALARM * math.sqrt(none * (1 - none) / n)
    day = np.arange(1, T + 1)
    h = Histories(np.zeros_like(day), np.ones_like(day), day, T)
    density = np.exp(pareto_nbd_log_likelihoods(params, h, regularity=k) + (k - 1) * np.log(day))
    density[-1] /= 2
    p_one = float(density.sum())
    # the sum over whole days against the integral, where the density starts as t^(k - 1): zeta(1 - k)
    start = float(density[0]) * {0.6: -1.1347977838669825, 1.0: -0.5, 2.5: -0.025485201889833}[k]
    assert abs(p_one - start - single) < FALSE_ALARM * math.sqrt(single * (1 - single) / n)


@pytest.mark.statistical
@pytest.mark.parametrize("k", [0.7, 3.0])
def test_bracket_equals_a_monte_carlo_over_rate_and_drop_out(k):
    (r, alpha, s, beta), x, tx, T, n = PARAMETERS[0], 4, 100, 150, 300_000
    rng = np.random.default_rng(3)
    a, b, past = r + k * x, alpha + k * tx, beta + tx
    rate = rng.gamma(a, 1 / b, n)
    silent = past * (rng.random(n) ** (-1 / s) - 1)  # days from the last order to drop-out, given after tx
    draws = gammaincc(k, k * rate * np.minimum(silent, T - tx))
    attached = draws * (silent > T - tx)
    h = Histories(np.array([0]), np.array([x]), np.array([tx]), T)
    log_beta = float(gammaln(a) + gammaln(k) - gammaln(a + k))
    got = btyd.silence(0, x, tx, T, np.zeros(0), 0, r, alpha, s, beta, k, log_beta)
    for ours, theirs in zip(got, (attached, draws), strict=True):
        assert abs(ours - theirs.mean()) < FALSE_ALARM * theirs.std() / math.sqrt(n)
    assert attached_probabilities(PARAMETERS[0], h, regularity=k)[0] == pytest.approx(got[0] / got[1])


def test_log_gamma_equals_scipys():
    z = np.array([1e-3, 0.2, 0.5, 1.0, 1.5, 3.3, 9.9, 10.0, 57.3, 1e3])
    assert [btyd.log_gamma(float(v)) for v in z] == pytest.approx(gammaln(z), rel=1e-14, abs=1e-14)


def test_compiled_and_plain_rules_give_the_same_bits():
    clock = bumpy_clock(0, 200, np.random.default_rng(1))
    for k in (1.0, 1.3):
        args = (0, 3, 60, 190, clock, 0, 0.55, 74.0, 0.6, 82.0, k)
        plain = btyd.attached_probability.py_func(*args)  # pyright: ignore[reportFunctionMemberAccess]
        assert plain == btyd.attached_probability(*args)


# ------------------------------------------------------------------------------------------
# closed forms


@pytest.mark.parametrize("params", PARAMETERS)
def test_conditional_expectation_equals_numerical_integration(params):
    r, alpha, s, beta = params
    for x, tx, T in [(0, 0, 150), (5, 100, 150), (2, 30, 140)]:
        h = Histories(np.array([10]), np.array([x]), np.array([10 + tx]), 10 + T)
        got = conditional_expectation(params, h, 200.0)

        def f(u, x=x, b=alpha + tx, past=beta + tx):
            return s / past * (1 + u / past) ** -(s + 1) * (1 + u / b) ** -(r + x)

        def survival(u, now=beta + T):
            return (1 + u / now) ** -s

        attached = ((alpha + tx) / (alpha + T)) ** (r + x) * ((beta + tx) / (beta + T)) ** s
        p = attached / (attached + quad(f, 0, T - tx, epsabs=0, epsrel=1e-11)[0])
        days = quad(survival, 0, 200.0, epsabs=0, epsrel=1e-11)[0]
        assert got[0] == pytest.approx(p * (r + x) / (alpha + T) * days, rel=1e-9)


def test_expectation_of_newcomers():
    for r, alpha, s, beta in PARAMETERS:
        got = expected_orders((r, alpha, s, beta), [0.0, 50.0, 400.0])
        for value, t in zip(got, (0.0, 50.0, 400.0), strict=True):
            days = quad(lambda u: (1 + u / beta) ** -s, 0, t, epsrel=1e-11)[0]  # noqa: B023
            assert value == pytest.approx(r / alpha * days, rel=1e-10)
    params = PARAMETERS[0]
    assert pareto_nbd_expected(params, 400)[[0, 50, 400]] == pytest.approx(
        expected_orders(params, [0.0, 50.0, 400.0])
    )
    clock = np.cumsum(np.tile([2.0, 0.0], 200))
    on_clock = pareto_nbd_expected(params, 300, clock, 0, birth=9)
    by_hand = sum(2 * quad(lambda u: (1 + u / 82.0) ** -0.6, j, j + 1)[0] for j in range(0, 300, 2))
    assert on_clock[-1] == pytest.approx(0.55 / 74.0 * by_hand)
    assert on_clock.shape == (301,)


def simulated_histories(gaps, end, birth, until, clock=None, first_day=0):
    """Histories, and orders in the hold-out, from gaps (members x orders), rounded up to whole days.

    `gaps` are operational; `end` is the real time from birth to drop-out.
    """
    day = np.cumsum(gaps, axis=1)
    if clock is not None:
        ticks = first_day + np.arange(clock.size)
        keep = np.concatenate(([True], np.diff(clock) > 0))
        day = np.interp(day + clock[birth - first_day][:, None], clock[keep], ticks[keep], right=np.inf)
        day = day - birth[:, None]
    day = np.where(day <= end[:, None], np.maximum(np.ceil(day), 1), np.inf) + birth[:, None]
    day[:, 1:] = np.where(day[:, 1:] == day[:, :-1], np.inf, day[:, 1:])  # one order a day
    day = np.sort(day, axis=1)
    seen = day <= until
    orders = seen.sum(axis=1)
    last = np.where(orders > 0, np.max(np.where(seen, day, -np.inf), axis=1), birth).astype(np.int64)
    return Histories(birth, orders.astype(np.int64), last, until), day


@pytest.mark.statistical
def test_bg_nbd_expectations_equal_a_simulation():
    """Long times, so that whole days do not matter; the tower property for the conditional expectation."""
    params, n, until, more = (0.6, 4000.0, 0.8, 2.5), 60_000, 20_000, 15_000
    r, alpha, a, b = params
    rng = np.random.default_rng(8)
    rate = rng.gamma(r, 1 / alpha, n)
    leave = rng.beta(a, b, n)
    gaps = rng.exponential(1 / rate[:, None], (n, 80))
    gaps[:, 1:] = np.where(rng.random((n, 79)) < leave[:, None], np.inf, gaps[:, 1:])
    h, day = simulated_histories(gaps, np.full(n, np.inf), np.zeros(n, np.int64), until)
    expected = float(bg_nbd_expected_orders(params, until))
    assert abs(h.orders.mean() - expected) < FALSE_ALARM * h.orders.std() / math.sqrt(n)
    future = ((day > until) & (day <= until + more)).sum(axis=1)
    for group in (h.orders == 0, h.orders == 1, h.orders > 2):
        gap = future[group] - bg_nbd_conditional_expectation(params, h, more)[group]
        assert abs(gap.mean()) < FALSE_ALARM * gap.std() / math.sqrt(group.sum())


@pytest.mark.statistical
@pytest.mark.parametrize("k", [1.0, 2.0])
def test_planted_parameters_come_back_on_a_clock(k):
    """Estimates within 4.5 standard errors, attached probabilities calibrated; season and regularity."""
    params, n, until = (0.9, 60.0, 0.7, 150.0), 1800, 400
    rng = np.random.default_rng(21)
    clock = bumpy_clock(-100, until + 300, rng)
    birth = rng.integers(-90, 100, n)
    rate = rng.gamma(params[0], 1 / params[1], n)
    end = rng.exponential(1 / rng.gamma(params[2], 1 / params[3], n))
    gaps = rng.gamma(k, 1 / (k * rate[:, None]), (n, 400))
    h, _ = simulated_histories(gaps, end, birth, until, clock, -100)
    fit = fit_pareto_nbd(h, clock, -100, regularity=k)
    assert fit.converged
    z = (np.log(fit.values) - np.log(params)) / np.sqrt(np.diag(np.array(fit.log_covariance)))
    assert np.all(np.abs(z) < FALSE_ALARM)
    p = attached_probabilities(params, h, clock, -100, k)
    alive = birth + end > until
    for group in (p < 0.5, p >= 0.5):
        spread = math.sqrt(float(np.sum((p * (1 - p))[group])))
        assert abs(float(np.sum((alive - p)[group]))) < FALSE_ALARM * spread


# ------------------------------------------------------------------------------------------
# regularity, spend, disturbance


@pytest.mark.statistical
@pytest.mark.parametrize("k", [1.0, 1.6])
def test_regularity_comes_back_though_only_some_pairs_are_seen(k):
    rng = np.random.default_rng(2)
    n, until = 30_000, 4000
    rate = rng.gamma(0.8, 1 / 900.0, n)
    end = np.minimum(rng.exponential(2500.0, n), until)
    day = np.ceil(np.cumsum(rng.gamma(k, 1 / (k * rate[:, None]), (n, 4)), axis=1))
    day = np.column_stack((np.zeros(n), day))
    who, which = np.nonzero(day <= end[:, None])
    key = np.unique(np.column_stack((who, day[who, which].astype(np.int64))), axis=0)
    found, error, pairs = regularity_wheat_morrison(key[:, 0], key[:, 1])
    assert 3000 < pairs < 0.7 * n  # most members are censored
    assert abs(found - k) < FALSE_ALARM * error
    # the same orders on a clock that runs twice as fast
    again = regularity_wheat_morrison(key[:, 0], key[:, 1], 2.0 * np.arange(-5, until + 1), -5)
    assert again[0] == pytest.approx(found)


def test_spend_likelihood_equals_the_dense_normal_and_planted_values_come_back():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 7, 400)
    member = np.repeat(np.arange(400), sizes)
    logs = 8.0 + rng.normal(0, 0.5, 400)[member] + rng.normal(0, 0.7, member.size)
    cents = np.exp(logs)
    free = rng.random(member.size) < 0.1
    fit = fit_spend(member, np.where(free, 0.0, cents))
    assert fit.converged
    planted = (8.0, 0.5, 0.7, 0.1)
    assert np.all(np.abs(np.array(fit.values) - planted) < FALSE_ALARM * np.array(fit.standard_errors))
    total = -float(np.sum(logs[~free]))
    for i in range(400):
        own = logs[(member == i) & ~free]
        if own.size:
            cov = fit["spend_between"] ** 2 * np.ones((own.size, own.size))
            cov = cov + fit["spend_within"] ** 2 * np.eye(own.size)
            gap = own - fit["spend_mean"]
            total -= 0.5 * float(gap @ np.linalg.solve(cov, gap) + np.linalg.slogdet(2 * np.pi * cov)[1])
    assert fit.log_likelihood == pytest.approx(total, abs=1e-5)
    assert fit_spend(member, cents).log_covariance[3][3] == 0.0  # nothing free was seen: nothing to vary


@pytest.mark.parametrize(("cents", "within"), [(2500, 0.0), (0, 0.0)])
def test_orders_that_always_cost_the_same_have_no_chance_in_them(cents, within):
    """A fixed price, or a log without amounts, is a fit too: spread 0, and nothing to draw."""
    member = np.repeat(np.arange(80), 3)
    fit = fit_spend(member, np.full(240, cents))
    assert fit["spend_within"] == within
    assert fit["free_share"] == (0.0 if cents else 1.0)
    assert np.all(np.array(fit.log_covariance) == 0.0)


def test_gamma_gamma_of_single_orders_brings_planted_values_back():
    rng = np.random.default_rng(6)
    member = np.repeat(np.arange(3000), rng.integers(1, 8, 3000))
    nu = rng.gamma(3.0, 1 / 4000.0, 3000)
    cents = rng.gamma(2.0, 1 / nu[member])
    for per_order in (True, False):
        fit = fit_gamma_gamma(member, cents, per_order=per_order)
        assert fit.converged
        z = (np.array(fit.values) - (2.0, 3.0, 4000.0)) / np.array(fit.standard_errors)
        assert np.all(np.abs(z) < FALSE_ALARM)


def weekly(rng, weeks, mean, sd, memory):
    e = np.empty(weeks)
    e[0] = rng.normal(0, sd)
    for w in range(1, weeks):
        e[w] = memory * e[w - 1] + rng.normal(0, sd * math.sqrt(1 - memory**2))
    expected = mean * np.linspace(1.5, 0.7, weeks)
    return rng.poisson(expected * 1.2 * np.exp(e)), expected


@pytest.mark.statistical
def test_disturbance_comes_back_and_is_not_seen_in_poisson_counts():
    rng = np.random.default_rng(9)
    found = [fit_disturbance(*weekly(rng, 156, 900.0, 0.12, 0.6)) for _ in range(8)]
    sd, memory = np.array([f.weekly_sd for f in found]), np.array([f.memory for f in found])
    assert abs(sd.mean() - 0.12) < FALSE_ALARM * sd.std(ddof=1) / math.sqrt(8)
    assert abs(memory.mean() - 0.6) < FALSE_ALARM * memory.std(ddof=1) / math.sqrt(8)
    assert sd.std(ddof=1) < 0.04
    pure = [fit_disturbance(*weekly(rng, 156, 900.0, 0.0, 0.0)) for _ in range(8)]
    # counting noise alone is 1 / sqrt(900) = 0.033
    assert max(f.weekly_sd for f in pure) < 0.02
    assert min(f.weekly_sd for f in pure) < 0.005


def test_disturbance_likelihood_equals_the_dense_normal():
    from sim.study.fit import _disturbance_likelihood

    rng = np.random.default_rng(10)
    n, sd, memory = 12, 0.3, 0.7
    u, noise = rng.normal(0, 0.3, n), rng.uniform(0.01, 0.05, n)
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    cov = sd**2 * memory**lag + np.diag(noise)
    inverse = np.linalg.inv(cov)
    ones = np.ones(n)
    precision = ones @ inverse @ ones
    rest = u - ones @ inverse @ u / precision
    dense = -0.5 * (np.linalg.slogdet(cov)[1] + rest @ inverse @ rest + math.log(precision))
    assert _disturbance_likelihood(u, noise, sd, memory) == pytest.approx(dense)


# ------------------------------------------------------------------------------------------
# what is refused


def small() -> Histories:
    rng = np.random.default_rng(0)
    orders = rng.integers(0, 4, 80)
    last = np.where(orders > 0, rng.integers(10, 90, 80), 0)
    return Histories(np.zeros(80, np.int64), orders, last, 100)


def test_too_little_or_wrong_data_are_refused_in_plain_words():
    h = small()
    few = Histories(h.birth[:20], h.orders[:20], h.last[:20], 100)
    silent = Histories(h.birth, h.orders * 0, h.birth, 100)
    for fit in (fit_pareto_nbd, fit_bg_nbd):
        with pytest.raises(InputError, match="at least 50 members"):
            fit(few)
        with pytest.raises(InputError, match="repeat orders"):
            fit(silent)
        with pytest.raises(InputError, match="between the first order and the last day"):
            fit(replace(h, until=50))
    with pytest.raises(InputError, match="clock covers days"):
        fit_pareto_nbd(h, np.arange(50.0), 0)
    with pytest.raises(InputError, match="never decrease"):
        fit_pareto_nbd(h, -np.arange(500.0), 0)
    with pytest.raises(InputError, match="first_day"):
        fit_pareto_nbd(h, np.arange(500.0))
    with pytest.raises(InputError, match="Four positive parameters"):
        expected_orders((1.0, -1.0, 1.0, 1.0), 3.0)
    with pytest.raises(InputError, match="three orders"):
        regularity_wheat_morrison([1, 1, 1], [0, 4, 9])
    with pytest.raises(InputError, match="increasing days"):
        regularity_wheat_morrison([1, 1, 1], [0, 4, 4])
    with pytest.raises(InputError, match="two paid orders"):
        fit_spend(np.arange(60), np.full(60, 100))
    with pytest.raises(InputError, match="8 weeks"):
        fit_disturbance([3, 4], [3.0, 4.0])


def test_a_fit_is_read_by_name_and_as_a_dictionary():
    fit = fit_bg_nbd(small())
    assert fit["rate_shape"] == fit.values[0]
    with pytest.raises(InputError, match="did you mean 'rate_scale'"):
        fit["rate_scal"]
    plain = fit.to_dict()
    assert plain["model"] == "bg_nbd"
    assert plain["values"] == list(fit.values)
    assert len(plain["log_covariance"]) == 4
