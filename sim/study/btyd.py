"""The compiled core of the Pareto/NBD likelihood on an operational clock, one member at a time.

Model: while attached, a member orders with gaps Gamma(k, rate k * lambda) in operational time; the attachment
ends at rate mu per real day; lambda ~ Gamma(r, rate alpha), mu ~ Gamma(s, rate beta). k = 1 and a clock that
runs with the days is the Pareto/NBD of Schmittlein, Morrison & Colombo (1987); k != 1 follows Platzer &
Reutterer (2016), "Ticking away the moments", Marketing Science 35(5), with lambda and mu integrated out.

Given lambda and mu integrated out, the likelihood of a member is a constant times the bracket

    S(T) I(H) + integral over (tx, T) of -S'(tau) I(h(tau)) dtau,     S(tau) = (beta / (beta + tau))^s,

the two ways of having been silent since the last order at tx: still attached, or gone at tau. I(h) is the
probability of no order within operational time h after the last. With p = -I' the density of the next gap,
integration by parts turns the bracket into

    S(tx) * [ I(H) + integral over (0, H) of p(h) * (1 - S(tau(h)) / S(tx)) dh ],

a sum of positive terms (no cancellation), in which p is elementary for every k and I is needed once. This is
what is computed here; everything below is relative to S(tx). Only our own exp and log are used.
"""

import numpy as np
from numpy.typing import NDArray

from sim.jit import kernel, rule
from sim.numbers import exp, log

# Gauss-Legendre nodes and weights on (-1, 1), 16 points: the positive half
NODES = np.array(
    [
        0.09501250983763744,
        0.2816035507792589,
        0.45801677765722737,
        0.6178762444026438,
        0.755404408355003,
        0.8656312023878318,
        0.9445750230732326,
        0.9894009349916499,
    ]
)
WEIGHTS = np.array(
    [
        0.18945061045506864,
        0.18260341504492364,
        0.16915651939500265,
        0.1495959888165767,
        0.12462897125553407,
        0.0951585116824926,
        0.062253523938647456,
        0.027152459411754176,
    ]
)
NODE_3 = 0.7745966692414834  # of the 3-point rule: sqrt(3/5), weights 5/9; 8/9 in the middle
SAME_SLOPE = 1e-9  # days whose operational lengths differ by less are one stretch of the clock
THREE_POINTS = 0.5  # relative error below 0.5^6 / 2016000 = 8e-9 of the panel
OUTER_5, INNER_5 = 0.906179845938664, 0.5384693101056831  # of the 5-point rule
WEIGHT_5, MIDDLE_5, CENTRE_5 = 0.23692688505618908, 0.47862867049936647, 0.5688888888888889
FIVE_POINTS = 1.0  # of the log integrand in a panel; the next term is 5!^4 / (11 * 10!^3) = 4e-13 of it


@rule
def log1p(y: float) -> float:
    """log(1 + y) for y >= 0 without losing a small y (Kahan's correction)."""
    w = 1.0 + y
    if w == 1.0:
        return y
    return log(w) * (y / (w - 1.0))


@rule
def one_minus_exp(e: float) -> float:
    """1 - exp(-e) for e >= 0 without losing a small e."""
    if e < 0.01:
        p = 1.0 - e / 7.0
        p = 1.0 - e / 6.0 * p
        p = 1.0 - e / 5.0 * p
        p = 1.0 - e / 4.0 * p
        p = 1.0 - e / 3.0 * p
        return e * (1.0 - e / 2.0 * p)
    return 1.0 - exp(-e)


@rule
def log_gamma(z: float) -> float:
    """The log of the gamma function of z > 0: shifted to z >= 10, then Stirling's series (DLMF 5.11.1)."""
    shift = 1.0
    while z < 10.0:
        shift = shift * z
        z = z + 1.0
    w = 1.0 / (z * z)
    p = 1.0 / 156.0
    p = p * w - 691.0 / 360360.0
    p = p * w + 1.0 / 1188.0
    p = p * w - 1.0 / 1680.0
    p = p * w + 1.0 / 1260.0
    p = p * w - 1.0 / 360.0
    p = p * w + 1.0 / 12.0
    return (z - 0.5) * log(z) - z + 0.9189385332046727 + p / z - log(shift)


@rule
def beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function (DLMF 8.17.22), modified Lentz method.

    Converges fast for x below (a + 1) / (a + b + 2).
    """
    tiny = 1e-300
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    if abs(d) < tiny:
        d = tiny
    d = 1.0 / d
    value = d
    for m in range(1, 2000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 + even * d
        c = 1.0 + even / c
        if abs(d) < tiny:
            d = tiny
        if abs(c) < tiny:
            c = tiny
        d = 1.0 / d
        value = value * (d * c)
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 + odd * d
        c = 1.0 + odd / c
        if abs(d) < tiny:
            d = tiny
        if abs(c) < tiny:
            c = tiny
        d = 1.0 / d
        change = d * c
        value = value * change
        if abs(change - 1.0) < 3e-16:
            break
    return value


@rule
def silence_probability(y: float, a: float, k: float, log_beta: float) -> float:
    """I(h): the probability of no order within operational time h = y b / k after the last one.

    Args:
        y: k h / b, at least 0.
        a: r + k x, the shape of lambda given x repeat orders.
        k: regularity (1 = Poisson).
        log_beta: log of the beta function B(a, k); not used when k is 1.

    Returns:
        The regularised incomplete beta function at 1 / (1 + y) with parameters a and k; (1 + y)^-a for k = 1.
    """
    if y <= 0.0:
        return 1.0
    if k == 1.0:
        return exp(-a * log1p(y))
    front = exp(k * log(y) - (a + k) * log1p(y) - log_beta)
    x = 1.0 / (1.0 + y)
    if x < (a + 1.0) / (a + k + 2.0):
        return front * beta_fraction(x, a, k) / a
    return 1.0 - front * beta_fraction(y / (1.0 + y), k, a) / k


@rule
def gap_term(y: float, u: float, a: float, k: float, log_beta: float, s: float, past: float) -> float:
    """p * (1 - S(tau) / S(tx)): density of the next gap, in y, times the drop-out before it.

    `u` is the real days since the last order, `past` = beta + tx; for k = 1, exp(-log_beta) is a.
    """
    power = -(a + k) * log1p(y) - log_beta
    if k != 1.0:
        power = power + (k - 1.0) * log(y)
    return exp(power) * one_minus_exp(s * log1p(u / past))


@rule
def gone_before_next(
    last: int,
    until: int,
    clock: NDArray[np.float64],
    first_day: int,
    a: float,
    b: float,
    k: float,
    log_beta: float,
    s: float,
    past: float,
) -> float:
    """The integral over (0, H) of p(h) * (1 - S(tau(h)) / S(tx)) dh; see the module docstring.

    Composite Gauss-Legendre. Panels end where the clock bends (the season is a step function of the month)
    and are no longer than the scales on which the integrand changes: b / (k (a + k)) for the gap and beta + tx
    for drop-out, growing in proportion to the distance already covered. The point h = 0, where h^(k-1) is not
    smooth, gets the substitution z^4. Relative error of the bracket: see the tests.
    """
    season = clock.shape[0] > 0
    days = until - last
    origin = clock[last - first_day] if season else 0.0
    scale = b / (k * (a + k))
    to_y = k / b
    total = 0.0
    h = 0.0
    slope = 1.0
    stop = 0
    while stop < days:
        begin = stop
        stop = days
        if season:
            h = clock[last + begin - first_day] - origin
            slope = clock[last + begin + 1 - first_day] - origin - h
            stop = begin + 1
            while stop < days:
                place = last + stop - first_day
                if abs(clock[place + 1] - clock[place] - slope) > SAME_SLOPE * slope:
                    break
                stop += 1
            if slope <= 0.0:
                continue
        start = 1.0 * begin
        end = 1.0 * stop
        u = start
        term = 0.0
        while u < end:
            width = min((scale + 2.0 * h) / slope, past + 2.0 * u)
            if width >= 0.999 * (end - u):
                width = end - u
            factor = width * to_y * slope
            if h == 0.0 and k != 1.0:
                part = 0.0
                for i in range(16):
                    z = 0.5 + 0.5 * (NODES[i] if i < 8 else -NODES[i - 8])
                    z3 = z * z * z
                    v = width * z * z3
                    term = gap_term(to_y * slope * v, u + v, a, k, log_beta, s, past)
                    part += 0.5 * WEIGHTS[i % 8] * 4.0 * z3 * term
                # the density at the end of the panel, for the stopping rule
                term = gap_term(to_y * slope * width, u + width, a, k, log_beta, s, past)
            else:
                change = (a + k) * to_y * slope / (1.0 + to_y * h) + (s + 1.0) / (past + u)
                if k != 1.0:
                    change += abs(k - 1.0) * slope / h
                half = 0.5 * width
                v = u + half
                y = to_y * (h + slope * half)
                dy = to_y * slope * half
                if change * width < THREE_POINTS:
                    term = gap_term(y + dy * NODE_3, v + half * NODE_3, a, k, log_beta, s, past)
                    part = term + gap_term(y - dy * NODE_3, v - half * NODE_3, a, k, log_beta, s, past)
                    part = (5.0 * part + 8.0 * gap_term(y, v, a, k, log_beta, s, past)) / 18.0
                elif change * width < FIVE_POINTS:
                    term = gap_term(y + dy * OUTER_5, v + half * OUTER_5, a, k, log_beta, s, past)
                    part = WEIGHT_5 * (term + gap_term(y - dy * OUTER_5, v - half * OUTER_5, a, k, log_beta, s, past))
                    part += MIDDLE_5 * gap_term(y + dy * INNER_5, v + half * INNER_5, a, k, log_beta, s, past)
                    part += MIDDLE_5 * gap_term(y - dy * INNER_5, v - half * INNER_5, a, k, log_beta, s, past)
                    part = 0.5 * (part + CENTRE_5 * gap_term(y, v, a, k, log_beta, s, past))
                else:
                    part = 0.0
                    for i in range(8):
                        n = NODES[i]
                        term = gap_term(y + dy * n, v + half * n, a, k, log_beta, s, past)
                        low = gap_term(y - dy * n, v - half * n, a, k, log_beta, s, past)
                        part += 0.5 * WEIGHTS[i] * (low + term)
            total += factor * part
            if width == end - u:
                u = end
            else:
                u = u + width
            h = h + slope * width
            # what is left is about term * (1 + y) / a: stop when it cannot be seen
            if term * (1.0 + to_y * h) < 1e-18 * total:
                return total
    return total


@rule
def silence(
    birth: int,
    orders: int,
    last: int,
    until: int,
    clock: NDArray[np.float64],
    first_day: int,
    r: float,
    alpha: float,
    s: float,
    beta: float,
    k: float,
    log_beta: float,
) -> tuple[float, float]:
    """How likely the silence since the last order is, relative to S(tx): while attached, and in all.

    Args:
        birth, last, until: days of the first order, of the last one and of the end of observation.
        orders: repeat orders, at least 0.
        clock: operational time at the end of day first_day + j; empty where the clock runs with the days.
        first_day: day of clock[0].
        r, alpha: shape and rate (operational days) of lambda.
        s, beta: shape and rate (real days) of mu.
        k: regularity.
        log_beta: log B(r + k x, k), which is -log(r + x) for k = 1.

    Returns:
        (attached, whole); attached / whole is the probability of being attached at the end of `until`.
    """
    to_last = 1.0 * (last - birth)
    silent = 1.0 * (until - last)
    active = to_last
    quiet = silent
    if clock.shape[0] > 0:
        active = clock[last - first_day] - clock[birth - first_day]
        quiet = clock[until - first_day] - clock[last - first_day]
    a = r + k * orders
    b = alpha + k * active
    past = beta + to_last
    share = silence_probability(k * quiet / b, a, k, log_beta)
    attached = share * exp(-s * log1p(silent / past))
    if silent <= 0.0 or quiet <= 0.0:
        return attached, 1.0
    whole = share + gone_before_next(last, until, clock, first_day, a, b, k, log_beta, s, past)
    return attached, whole


@rule
def attached_probability(
    birth: int,
    orders: int,
    last: int,
    until: int,
    clock: NDArray[np.float64],
    first_day: int,
    r: float,
    alpha: float,
    s: float,
    beta: float,
    k: float,
) -> float:
    """The probability that a member is still attached at the end of day `until`, given the history.

    Arguments as in `silence`. For k = 1 without a season: Schmittlein, Morrison & Colombo (1987), in the form
    of Fader & Hardie (2005), "A note on deriving the Pareto/NBD model and related expressions".
    """
    a = r + k * orders
    # k = 1 needs no gamma function
    log_beta = -log(a) if k == 1.0 else log_gamma(a) + log_gamma(k) - log_gamma(a + k)
    attached, whole = silence(birth, orders, last, until, clock, first_day, r, alpha, s, beta, k, log_beta)
    return attached / whole


@kernel
def attached_rows(
    birth: NDArray[np.int64],
    orders: NDArray[np.int64],
    last: NDArray[np.int64],
    until: int,
    clock: NDArray[np.float64],
    first_day: int,
    r: float,
    alpha: float,
    s: float,
    beta: float,
    k: float,
    out: NDArray[np.float64],
) -> None:
    """`attached_probability` of each row, written to `out` (float64[n])."""
    for i in range(birth.shape[0]):
        out[i] = attached_probability(birth[i], orders[i], last[i], until, clock, first_day, r, alpha, s, beta, k)


@kernel
def log_silence_rows(
    birth: NDArray[np.int64],
    orders: NDArray[np.int64],
    last: NDArray[np.int64],
    until: NDArray[np.int64],
    clock: NDArray[np.float64],
    first_day: int,
    r: float,
    alpha: float,
    s: float,
    beta: float,
    k: float,
    log_beta: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """The log of the whole bracket of each row (S(tx) included), written to `out` (float64[n])."""
    for i in range(birth.shape[0]):
        _, whole = silence(
            birth[i], orders[i], last[i], until[i], clock, first_day, r, alpha, s, beta, k, log_beta[i]
        )
        out[i] = log(whole) - s * log1p((last[i] - birth[i]) / beta)
