"""Numbers that know where they stand: words are built from cells of a run's tables, and each number names its cell.

A cell's reference reads `effects.csv?strategy=a&metric=orders&day=364#effect*100@0.1`: the file, the row, the column;
what the number is multiplied by; to what it is rounded. Of a JSON document it is `summary.json#call.pairs.0.effect`.
So a reader may look every number up, and a machine can.
"""

import functools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd

from sim.report.material import minus, read_words

WORDS = ("strategy", "baseline", "best", "rival")
"""Columns of names, which may look like numbers."""


@dataclass(frozen=True)
class Number:
    """A number in a sentence, as it is printed, and the cell that it stands in."""

    text: str
    ref: str

    @property
    def where(self) -> str:
        """The cell in words."""
        file, _, cell = self.ref.partition("#")
        name, _, row = file.partition("?")
        keys = ", ".join(unquote(part.partition("=")[2]) for part in row.split("&") if part)
        return f"{name}: {keys + ', ' if keys else ''}{cell.partition('@')[0].partition('*')[0]}"


@dataclass(frozen=True)
class Name:
    """A strategy, a setting or command (`code`), or words of a declaration (`quote`): its digits are no numbers."""

    text: str
    kind: str = "name"


type Sentence = tuple[str | Number | Name, ...]
"""Words, numbers and names in their order."""


def sentence(template: str, **parts: "str | Number | Name | Sentence") -> Sentence:
    """A sentence: `{name}` in the template is the part of that name."""
    out: list[str | Number | Name] = []
    for words, name, _, _ in Formatter().parse(template):
        out.append(words)
        if name is not None:
            part = parts[name]
            out += part if isinstance(part, tuple) else (part,)
    return tuple(piece for piece in out if piece != "")


def plain(words: Sentence) -> str:
    """A sentence as text."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in words)


@dataclass(frozen=True)
class Cell:
    """A value of a table, and where it stands."""

    value: float
    ref: str

    def __bool__(self) -> bool:
        return math.isfinite(self.value)

    def say(self, words: Callable[[float], str], times: float = 1.0) -> Number:
        """The value, times a factor, in words. Errors: `ArithmeticError` where these say another number."""
        value = self.value * times
        text = minus(words(value))
        factor = "" if times == 1.0 else f"*{times:g}"
        return Number(text, f"{self.ref}{factor}@{step_of(text, value):g}")


def printed(text: str) -> float:
    """The number that a text begins with, of thousands separated by commas."""
    kept = text.replace("\u2212", "-").replace(",", "").replace("\u00a0", " ")
    return float(kept.split()[0].removesuffix("%").removesuffix("x"))


def agrees(text: str, value: float, step: float) -> bool:
    """Whether a text says a value rounded to a step; without a sign, whichever way it goes."""
    said = printed(text)
    if text.lstrip()[:1] not in "+-\u2212":
        value = abs(value)
    return math.isclose(said, round(value / step) * step, rel_tol=1e-9, abs_tol=1e-9)


def step_of(text: str, value: float) -> float:
    """The finest power of ten to which a text rounds a value. Errors: `ArithmeticError` where it does not."""
    for power in range(-6, 13):
        if agrees(text, value, 10.0**power):
            return 10.0**power
    raise ArithmeticError(f"{text!r} does not say {value!r}")


class Tables:
    """The tables of a folder, cell by cell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, pd.DataFrame | None] = {}

    def table(self, file: str) -> pd.DataFrame | None:
        """A CSV with its words as they stand; None where there is no such file."""
        if file not in self._read:
            self._read[file] = read_words(self.folder / file, WORDS)
        return self._read[file]

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json."""
        return json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))

    def rows(self, file: str, **where: Any) -> list[dict[str, Any]]:
        """The rows of a table that say so; none where there is no such table."""
        table = self.table(file)
        if table is None:
            return []
        for name, value in where.items():
            table = table[table[name].astype(str) == str(value)]
        return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]

    def cell(self, file: str, column: str, **where: Any) -> Cell:
        """One cell; not a number where there is none."""
        rows = self.rows(file, **where)
        keys = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in where.items())
        value = rows[0][column] if len(rows) == 1 else math.nan
        return Cell(float(value), f"{file}?{keys}#{column}")

    def told(self, path: str) -> Cell:
        """A number of summary.json by its dotted path; lists by place."""
        return Cell(float(at(self.summary, path)), f"summary.json#{path}")

    def look_up(self, ref: str) -> tuple[float, float]:
        """The value and the step of a reference. Errors: `KeyError`, `ValueError` where there is no such cell."""
        whole, _, step = ref.rpartition("@")
        whole, _, factor = whole.partition("*")
        file, _, column = whole.partition("#")
        name, _, row = file.partition("?")
        if name == "summary.json":
            value = float(at(self.summary, column))
        else:
            keys: Mapping[str, str] = dict(part.split("=", 1) for part in row.split("&"))
            (found,) = self.rows(name, **{key: unquote(value) for key, value in keys.items()})
            value = float(found[column])
        return value * float(factor or 1.0), float(step)


def at(document: Any, path: str) -> Any:
    """What stands at a dotted path of a document."""
    for key in path.split("."):
        document = document[int(key)] if isinstance(document, list) else document[key]
    return document


__all__ = ["Cell", "Name", "Number", "Sentence", "Tables", "agrees", "plain", "printed", "sentence"]
