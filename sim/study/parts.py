"""Finished parts of a long run, kept in files, so that an interrupted run does not live them again."""

import os
import zipfile
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np


def keep(file: Path, part: Any) -> None:
    """Write a finished part, a dataclass of arrays, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".tmp")
    with unfinished.open("wb") as out:
        np.savez(out, **{f.name: getattr(part, f.name) for f in fields(part)})
        out.flush()
        os.fsync(out.fileno())
    unfinished.replace(file)


def kept[T](file: Path, kind: type[T]) -> T | None:
    """A part that was finished before an interruption; None where there is none, or it is damaged."""
    if not file.exists():
        return None
    try:
        with file.open("rb") as opened, np.load(opened) as stored:
            return kind(**{f.name: stored[f.name] for f in fields(kind)})  # pyright: ignore
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None  # it is run again
