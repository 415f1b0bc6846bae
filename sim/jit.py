"""`rule` and `kernel`: the only place that configures Numba.

A rule is written once, for one member, as plain Python on float64 and int64; `rule` compiles it. A kernel
lifts rules to many rows: serial, without the GIL, so that threads are ranges of rows in a pool. Neither uses
fastmath, so a rule gives the same bits compiled, uncompiled (`NUMBA_DISABLE_JIT=1`) and inside a Mesa step.

Compiled code is cached under a folder named by the hash of the source files, because Numba alone does not
notice when a rule in another file changes (numba issue 1833). It does notice when the file itself changes.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numba

MANY_WITHOUT_RULES = ("levers", "report", "study")
"""Rooms most of whose files hold no rules, so that editing those need not compile everything anew."""


def source_hash(rules_only: bool = False) -> str:
    """The hash (16 hex digits) of every Python file of the library, or of those that compiled code depends on."""
    digest = hashlib.sha256()
    root = Path(__file__).parent
    for file in sorted(root.rglob("*.py")):
        text = file.read_bytes()
        if rules_only and file.relative_to(root).parts[0] in MANY_WITHOUT_RULES and b"sim.jit" not in text:
            continue
        digest.update(file.relative_to(root).as_posix().encode())
        digest.update(text)
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    chosen = os.environ.get("MEMBERSIM_CACHE") or os.environ.get("XDG_CACHE_HOME")
    base = Path(chosen) if chosen else Path.home() / ".cache"
    folder = base / "membersim" / f"{source_hash(rules_only=True)}-numba{numba.__version__}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a read-only home: compile afresh rather than fail
        return Path(tempfile.mkdtemp(prefix="membersim-"))


numba.config.CACHE_DIR = str(_cache_folder())  # pyright: ignore


SETTINGS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
INLINE: dict[str, Any] = {**SETTINGS, "_nrt": False, "forceinline": True}


def rule[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a pure rule on plain numbers and one row; the same function runs uncompiled.

    A rule is laid into the kernel that calls it: a call hands over books and desk field by field, some hundred words.
    It makes no arrays, so those that it is lent need not be counted in and out, two locked additions each (numba
    issue 2350). Either took some 40 % of an operated day.
    """
    return cast(Callable[P, R], numba.njit(**INLINE)(function))


def kernel[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop over rows: like a rule, but it may make arrays."""
    return cast(Callable[P, R], numba.njit(**SETTINGS)(function))
