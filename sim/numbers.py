"""exp, log and the normal quantile in our own arithmetic.

The C library's versions differ between processors in the last bit; these use only + - x /, comparison,
sqrt and exact scaling by powers of two, so that a run has the same bits everywhere. Errors are at most
2 units in the last place (exp, log: measured 1.0) and 1e-15 relative (normal quantile), see the tests.
"""

import math

import numpy as np

from sim.jit import rule

LOG2_E = 1.4426950408889634
LN2_HIGH = 0.6931471803691238  # 33 leading bits of ln 2, so that k * LN2_HIGH is exact
LN2_LOW = 1.9082149292705877e-10
MANTISSA, HALF = (1 << 52) - 1, 1022 << 52
"""Bits of a float64: of its fraction, and those that make a fraction a number in [1/2, 1)."""
SQRT_HALF = 0.7071067811865476
EXP_MAX = 709.0
EXP_MIN = -708.0
POWERS = np.array([math.ldexp(1.0, k) for k in range(-1022, 1024)])
"""2^k for k from -1022 on: scaling by one of them is exact."""


@rule
def exp(x: float) -> float:
    """e to the x. Below -708 it is 0; above 709 it is infinite."""
    if x < EXP_MIN:
        return 0.0
    if x > EXP_MAX:
        return math.inf
    k = math.floor(x * LOG2_E + 0.5)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    # Taylor series of e^r on |r| <= ln(2)/2: the first term left out is 4e-18. Summed in pairs (Estrin's scheme), so
    # that a processor need not wait for one product before it begins the next
    r2 = r * r
    r4 = r2 * r2
    p = (0.5 + r * (1.0 / 6.0)) + (1.0 / 24.0 + r * (1.0 / 120.0)) * r2
    p += ((1.0 / 720.0 + r * (1.0 / 5040.0)) + (1.0 / 40320.0 + r * (1.0 / 362880.0)) * r2) * r4
    high = (1.0 / 3628800.0 + r * (1.0 / 39916800.0)) + (1.0 / 479001600.0 + r * (1.0 / 6227020800.0)) * r2
    p += high * (r4 * r4)
    return (1.0 + (r + r2 * p)) * POWERS[int(k) + 1022]


@rule
def log(x: float) -> float:
    """The natural logarithm of a positive, finite x; minus infinity at 0."""
    if x <= 0.0:
        return -math.inf
    bits = np.float64(x).view(np.int64)
    e = (bits >> 52) - 1022
    if e == -1022:  # subnormal
        m, e = math.frexp(x)
    else:
        m = np.int64((bits & MANTISSA) | HALF).view(np.float64)
    if m < SQRT_HALF:
        m = m * 2.0
        e = e - 1
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    # log(1 + f) = 2 atanh(s) = 2s + 2s (z/3 + z^2/5 + ...), |s| <= 0.172
    z2 = z * z
    z4 = z2 * z2
    p = (1.0 / 3.0 + z * (1.0 / 5.0)) + (1.0 / 7.0 + z * (1.0 / 9.0)) * z2
    p += ((1.0 / 11.0 + z * (1.0 / 13.0)) + (1.0 / 15.0 + z * (1.0 / 17.0)) * z2) * z4
    p += ((1.0 / 19.0 + z * (1.0 / 21.0)) + (1.0 / 23.0) * z2) * (z4 * z4)
    # 2s = f - f s, so that the small correction is added to the exact f
    half = f * s - 2.0 * s * z * p
    return e * LN2_HIGH + (f - (half - e * LN2_LOW))


@rule
def pairs(r: float, c0: float, c1: float, c2: float, c3: float, c4: float, c5: float, c6: float, c7: float) -> float:
    """c0 + c1 r + ... + c7 r^7, summed in pairs."""
    r2 = r * r
    return ((c0 + c1 * r) + (c2 + c3 * r) * r2) + ((c4 + c5 * r) + (c6 + c7 * r) * r2) * (r2 * r2)


@rule
def normal_quantile(u: float) -> float:
    """The standard normal value below which a share u of (0, 1) lies.

    Rational approximations of Wichura (1988), Applied Statistics 37(3), algorithm AS 241 (PPND16).
    """
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        top = pairs(
            r,
            3.387132872796366608,
            133.14166789178437745,
            1971.5909503065514427,
            13731.693765509461125,
            45921.953931549871457,
            67265.770927008700853,
            33430.575583588128105,
            2509.0809287301226727,
        )
        low = pairs(
            r,
            1.0,
            42.313330701600911252,
            687.1870074920579083,
            5394.1960214247511077,
            21213.794301586595867,
            39307.89580009271061,
            28729.085735721942674,
            5226.495278852854561,
        )
        return q * top / low
    tail = u if q < 0.0 else 1.0 - u
    r = math.sqrt(-log(tail))
    if r <= 5.0:
        r = r - 1.6
        top = pairs(
            r,
            1.42343711074968357734,
            4.6303378461565452959,
            5.7694972214606914055,
            3.64784832476320460504,
            1.27045825245236838258,
            0.24178072517745061177,
            0.0227238449892691845833,
            7.7454501427834140764e-4,
        )
        low = pairs(
            r,
            1.0,
            2.05319162663775882187,
            1.6763848301838038494,
            0.68976733498510000455,
            0.14810397642748007459,
            0.0151986665636164571966,
            5.475938084995344946e-4,
            1.05075007164441684324e-9,
        )
    else:
        r = r - 5.0
        top = pairs(
            r,
            6.6579046435011037772,
            5.4637849111641143699,
            1.7848265399172913358,
            0.29656057182850489123,
            0.026532189526576123093,
            0.0012426609473880784386,
            2.71155556874348757815e-5,
            2.01033439929228813265e-7,
        )
        low = pairs(
            r,
            1.0,
            0.59983220655588793769,
            0.13692988092273580531,
            0.0148753612908506148525,
            7.868691311456132591e-4,
            1.8463183175100546818e-5,
            1.4215117583164458887e-7,
            2.04426310338993978564e-15,
        )
    value = top / low
    return -value if q < 0.0 else value
