"""`rule` and `kernel`: the only place that configures Numba.

A rule is written once, for one member, as plain Python on float64 and int64; `rule` compiles it. A kernel
lifts rules to many rows: serial, without the GIL, so that threads are ranges of rows in a pool. Neither uses
fastmath, so a rule gives the same bits compiled, uncompiled (`NUMBA_DISABLE_JIT=1`) and inside a Mesa step.

Compiled code is cached under a folder named by the hash of all source files, because Numba alone does not
notice when a rule in another file changes (numba issue 1833).
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numba


def source_hash() -> str:
    """The hash (16 hex digits) of every Python file of the library: the version of its rules."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for file in sorted(root.rglob("*.py")):
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    chosen = os.environ.get("MEMBERSIM_CACHE") or os.environ.get("XDG_CACHE_HOME")
    base = Path(chosen) if chosen else Path.home() / ".cache"
    folder = base / "membersim" / f"{source_hash()}-numba{numba.__version__}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a read-only home: compile afresh rather than fail
        return Path(tempfile.mkdtemp(prefix="membersim-"))


numba.config.CACHE_DIR = str(_cache_folder())  # pyright: ignore


def rule[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a pure rule on plain numbers and one row; the same function runs uncompiled."""
    return cast(Callable[P, R], numba.njit(cache=True, nogil=True, error_model="numpy")(function))


kernel = rule
"""Compile a loop over rows: the same settings, under the name that says what it is for."""
