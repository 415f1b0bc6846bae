"""Own exp, log and normal quantile: as exact as the library's, and the same bits compiled or not."""

import hashlib
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

from sim import rng
from sim.jit import kernel
from sim.numbers import exp, log, normal_quantile


@kernel
def _exps(x: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        out[i] = exp(x[i])


@kernel
def _logs(x: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        out[i] = log(x[i])


@kernel
def _quantiles(x: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        out[i] = normal_quantile(x[i])


def _over(loop: Callable[[Any, Any], None], x: Any) -> Any:
    out = np.empty(x.size)
    loop(np.ascontiguousarray(x), out)
    return out


def _ulps(ours: Any, true: Any) -> float:
    """The largest error in units in the last place of the true value (true: longdouble)."""
    unit = np.spacing(np.abs(true.astype(np.float64)))
    return float((np.abs(ours.astype(np.longdouble) - true) / unit).max())


needs_longdouble = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63, reason="numpy's longdouble is no wider than a double here"
)
random = np.random.default_rng(20260101)
SIGNED = np.concatenate([-np.logspace(-320, 0, 20_000), np.logspace(-320, 0, 20_000)])
EXP_RANGES = {
    "all": random.uniform(-707.9, 709.0, 300_000),
    "usual": random.uniform(-5.0, 5.0, 300_000),
    "near 0": SIGNED,
    "borders of the reduction": np.array(
        [(k + 0.5) * math.log(2) * (1 + e * 2.0**-50) for k in range(-1000, 1000) for e in range(-3, 4)]
    ),
}
LOG_RANGES = {
    "all": np.exp(random.uniform(-708.0, 709.7, 300_000)),
    "uniform draws": random.uniform(0.0, 1.0, 300_000),
    "near 1": 1.0 + np.concatenate([-np.logspace(-16, -0.31, 100_000), np.logspace(-15.6, 0.5, 100_000)]),
    "next to 1": 1.0 + np.arange(-2_000, 2_000) * 2.0**-52,
    "near 0": np.logspace(-323.3, -300, 20_000),
    "borders of the reduction": np.array(
        [math.sqrt(0.5) * 2.0**k * (1 + e * 2.0**-50) for k in range(-1000, 1000) for e in range(-3, 4)]
    ),
}


@needs_longdouble
@pytest.mark.parametrize("where", EXP_RANGES)
def test_exp_is_within_2_ulp(where: str) -> None:
    """The exponential is within 2 units in the last place of the 64-bit-mantissa value."""
    x = EXP_RANGES[where]
    assert _ulps(_over(_exps, x), np.exp(x.astype(np.longdouble))) <= 2.0


@needs_longdouble
@pytest.mark.parametrize("where", LOG_RANGES)
def test_log_is_within_2_ulp(where: str) -> None:
    """The logarithm is within 2 units in the last place, also where it is close to 0."""
    x = LOG_RANGES[where]
    x = x[x != 1.0]
    assert _ulps(_over(_logs, x), np.log(x.astype(np.longdouble))) <= 2.0


def _steps(start: float, count: int, every: int) -> Any:
    """`count` numbers from `start` upwards, `every` representable numbers apart."""
    first = np.array([start]).view(np.int64)[0]
    return (first + np.arange(count, dtype=np.int64) * every).view(np.float64)


GRIDS = [
    *(np.linspace(-700, 700, 400_001), np.linspace(-2, 2, 400_001), np.linspace(-1e-9, 1e-9, 100_001)),
    *(_steps(start, 100_000, 64) for start in (1e-12, 0.01, 0.3465735, 0.9999999, 1.0397, 7.3, 480.0)),
]


@pytest.mark.parametrize("grid", GRIDS, ids=lambda g: f"from {g[0]:.6g}")
def test_exp_never_falls(grid: Any) -> None:
    """The exponential never falls from one point of a fine grid to the next."""
    assert (np.diff(_over(_exps, grid)) >= 0).all()


@pytest.mark.parametrize("start", [1e-310, 1e-12, 0.01, 0.3535, 0.49999, 0.7071067, 0.99999, 1.0, 1.41421, 2.0, 1e9])
@pytest.mark.parametrize("every", [64, 2**30])
def test_log_never_falls(start: float, every: int) -> None:
    """The logarithm never falls from one point of a fine grid to the next."""
    assert (np.diff(_over(_logs, _steps(start, 100_000, every))) >= 0).all()


def test_quantile_never_falls() -> None:
    """The normal quantile never falls between neighbouring uniform draws, which are 2^-52 apart.

    Also where one approximation hands over to the next.
    """
    borders = [0.5 - 0.425, 0.5 + 0.425, math.exp(-25.0), 1 - math.exp(-25.0)]
    grids = [np.linspace(1e-9, 1 - 1e-9, 1_000_001)]
    cells = [math.floor(border * 2.0**52) + np.arange(-50_000, 50_000) for border in borders]
    grids += [(cell + 0.5) * 2.0**-52 for cell in cells]
    grids.append((np.arange(200_000) + 0.5) * 2.0**-52)
    for grid in grids:
        assert (np.diff(_over(_quantiles, grid)) >= 0).all()


def test_exact_values_and_edges() -> None:
    """exp and log are exact at 0 and 1, and documented where a double ends."""
    assert exp(0.0) == 1.0
    assert exp(-0.0) == 1.0
    assert log(1.0) == 0.0
    assert math.copysign(1.0, log(1.0)) == 1.0
    assert exp(1.0) == pytest.approx(math.e, rel=3e-16)
    assert log(0.0) == -math.inf
    assert log(5e-324) == pytest.approx(math.log(5e-324), rel=4e-16)
    assert log(sys.float_info.max) == pytest.approx(math.log(sys.float_info.max), rel=4e-16)
    assert exp(709.0) == pytest.approx(math.exp(709.0), rel=5e-16)
    assert exp(709.1) == math.inf
    assert exp(1e300) == math.inf
    assert exp(math.inf) == math.inf
    assert exp(-708.0) == pytest.approx(math.exp(-708.0), rel=5e-16)
    assert exp(-708.1) == 0.0
    assert exp(-math.inf) == 0.0
    assert [log(2.0**k) for k in (-3, 1, 10)] == pytest.approx([k * math.log(2) for k in (-3, 1, 10)], rel=2e-16)


def test_log_undoes_exp() -> None:
    """log(exp(x)) is x within the rounding of exp(x)."""
    x = random.uniform(-700.0, 700.0, 100_000)
    assert (np.abs(_over(_logs, _over(_exps, x)) - x) <= 4.5e-16 * np.maximum(1.0, np.abs(x))).all()


@pytest.mark.parametrize("where", ["all", "tails", "near one half", "draws"])
def test_normal_quantile_agrees_with_scipy(where: str) -> None:
    """The normal quantile is within 2e-15, relative, of scipy's, to the smallest uniform draw and beyond."""
    u = {
        "all": random.uniform(0.0, 1.0, 300_000),
        "tails": np.logspace(-300, -0.31, 200_000),
        "near one half": 0.5 + np.concatenate([-np.logspace(-16, -0.4, 50_000), np.logspace(-15, -0.4, 50_000)]),
        "draws": (np.concatenate([np.arange(5_000), 2**52 - 1 - np.arange(5_000)]) + 0.5) * 2.0**-52,
    }[where]
    ours, theirs = _over(_quantiles, u), special.ndtri(u)
    assert (np.abs(ours - theirs) <= 2e-15 * np.abs(theirs)).all()


def test_normal_quantile_is_antisymmetric() -> None:
    """Exactly, for every value that a uniform draw can take: 1 - u is then exact."""
    words = random.integers(0, 2**64, 200_000, dtype=np.uint64) >> np.uint64(12)
    words = np.concatenate([words, np.arange(1_000, dtype=np.uint64), words >> np.uint64(20)])
    u = (words.astype(np.float64) + 0.5) * 2.0**-52
    assert (_over(_quantiles, 1.0 - u) == -_over(_quantiles, u)).all()
    assert normal_quantile(0.5) == 0.0


def _hash_of_values() -> str:
    """A hash of the bits of 2,000 values of all functions, whatever runs them."""
    source = np.random.default_rng(3)
    luck, values = np.uint64(0x9D3B_11C5_77AA_0E1F), []
    for x, u, key in zip(
        source.uniform(-300, 300, 250).tolist(),
        source.uniform(0, 1, 250).tolist(),
        source.integers(0, 2**64, 250, dtype=np.uint64),
        strict=True,
    ):
        index = int(key) % 1_000
        values += [exp(x), exp(x / 100), log(u), normal_quantile(u)]
        values += [rng.uniform(luck, key, 4, index), rng.normal(luck, key, 6, index)]
        values += [rng.gamma(luck, key, 1, index, 0.2 + u), rng.gamma(luck, key, 2, index, 1 + abs(x))]
    assert len(values) == 2_000
    streams = np.array([rng.stream(int(seed), 5) for seed in range(50)], dtype=np.uint64)
    return hashlib.sha256(np.array(values).tobytes() + streams.tobytes()).hexdigest()


def test_compiled_and_uncompiled_give_the_same_bits() -> None:
    """2,000 values hash alike compiled and, in another process, under NUMBA_DISABLE_JIT=1."""
    code = "import json, numba; from tests.test_numbers import _hash_of_values as h; "
    code += "print(json.dumps([numba.config.DISABLE_JIT, h()]))"
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == [1, _hash_of_values()]
