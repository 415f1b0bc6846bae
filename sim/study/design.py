"""Designs: which points of a parameter space a sweep lives.

    grid    every combination of the values of all keys, the last key running fastest
    zip     the first values of all keys together, then the second ones, and so on
    concat  one key after the other takes its values, the others being as in the base; of a list of mappings, the grid
            of each, one after the other
    oat     the base, then one key at a time as in concat, leaving out what the base has anyway
    lhs     a Latin hypercube of `n` points; sobol: the first `n` of a scrambled Sobol' sequence
    file    a point for each row of a table, a column for each key

A wrong key, an empty list or range, or a file that cannot be read is an error before anything runs. A value that is
not allowed is an error of its points alone.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim import rng
from sim.errors import InputError
from sim.settings import MOST_POINTS, Config, DesignSettings
from sim.study.points import Axis, Point, Space, declared, fitted, range_axis

SAMPLED = ("lhs", "sobol")
"""Designs that draw points from ranges."""


@dataclass(frozen=True)
class Design:
    """Points by number, made when asked for.

    space: the axes, levers first, then uncertainties, then sizes; count: how many points; at: the point of a number;
    firsts: for each point the number of the first one that says the same, int64 [point]; notes: what a reader should
    know of it.
    """

    space: Space
    count: int
    at: Callable[[int], Point]
    firsts: np.ndarray
    notes: tuple[str, ...] = ()

    @property
    def distinct(self) -> np.ndarray:
        """The numbers of points that are lived: the first of each content."""
        return np.flatnonzero(self.firsts == np.arange(self.count))

    def row(self, number: int) -> dict[str, Any]:
        """All keys of the space at a point: its own values, and the base's where it has none."""
        point = self.at(number)
        return {axis.path: point[axis.path] if axis.path in point else base_value(self.space.base, axis.path)
                for axis in self.space.axes}  # fmt: skip


def base_value(base: Config, path: str) -> Any:
    """What a key is in the base; a whole group by its name."""
    return attrgetter(path if "." in path else f"{path}.name")(base)


def design_of(settings: DesignSettings, base: Config) -> Design:
    """The design that settings describe. Errors: `InputError` naming the key, before anything runs."""
    if settings.kind == "file":
        columns, count, at, notes = _from_file(settings)
        axes = [Axis(declared(name)) for name in columns]
    else:
        if settings.file:
            raise InputError(f"design.file={settings.file}: is for design=file, and design is {settings.kind}")
        if not settings.values:
            raise InputError(
                "design.values: is empty; say what is varied, design.values={market.season.strength:[0,1]}"
            )
        if settings.kind in SAMPLED:
            axes, count, at, notes = _sampled(settings, base)
        else:
            axes, count, at, notes = _listed(settings, base)
    if count > MOST_POINTS:
        raise InputError(
            f"design: {count:,} points are more than {MOST_POINTS:,}; draw some of them (design=lhs or sobol), "
            "or make several sweeps"
        )
    order = ("lever", "uncertainty", "size")
    space = Space(base, tuple(sorted(axes, key=lambda axis: order.index(axis.role))))
    firsts = _firsts(count, at)
    repeated = count - int((firsts == np.arange(count)).sum())
    notes = [*notes]
    if repeated:
        notes.append(f"{repeated:,} of {count:,} points say what an earlier one says; what is said twice is lived "
                     "once, and all its rows have the result.")  # fmt: skip
    if space.sleeping:
        notes.append(f"Nothing changes with {', '.join(space.sleeping)}: in the base what it belongs to is off.")
    return Design(space, count, at, firsts, tuple(notes))


type _Made = tuple[list[Axis], int, Callable[[int], Point], list[str]]


def _mappings(settings: DesignSettings) -> list[Mapping[str, Any]]:
    return list(settings.values) if isinstance(settings.values, list | tuple) else [settings.values]


def _levels(path: str, given: Any) -> Axis:
    """The axis of listed values, each in its type where it is allowed, and as it stands where it is not."""
    parameter = declared(path)
    if given is None:
        return range_axis(path)
    listed = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not listed:
        raise InputError(f"design.values: {path}=[]: the list is empty; give the values that it takes")
    return Axis(parameter, levels=tuple(fitted(parameter, value) for value in listed))  # points say what is wrong


def _axes_of(mapping: Mapping[str, Any], make: Callable[[str, Any], Axis]) -> list[Axis]:
    """The axes of a mapping. Errors: `InputError`, all wrong keys at once."""
    axes: list[Axis] = []
    wrong: list[str] = []
    for path, given in mapping.items():
        try:
            axes.append(make(str(path), given))
        except InputError as problem:
            wrong.append(str(problem))
    if wrong:
        raise InputError("\n".join(wrong))
    return axes


def _listed(settings: DesignSettings, base: Config) -> _Made:
    """Designs of listed values."""
    kind, mappings = settings.kind, _mappings(settings)
    if len(mappings) > 1 and kind != "concat":
        raise InputError(f"design.values: several mappings are for design=concat, and design is {kind}")
    parts = [_axes_of(mapping, _levels) for mapping in mappings]
    for axis in (axis for axes in parts for axis in axes):
        if not axis.levels:
            raise InputError(f"design.values: {axis.path}: list the values that it takes")
    if kind == "zip":
        return _zipped(parts[0])
    grids = [[axis] for axis in parts[0]] if len(parts) == 1 and kind != "grid" else parts
    notes: list[str] = []
    if kind == "oat":
        kept = [_without_base(axes[0], base) for axes in grids]
        grids = [[], *([axis] for axis in kept if axis.levels)]
        notes = ["The first point is the base; each other one differs from it by a single key."]
    sizes = [math.prod(len(axis.levels) for axis in axes) for axes in grids]
    ends = list(accumulate(sizes))

    def at(number: int) -> Point:
        place = next(place for place, end in enumerate(ends) if number < end)
        rest, point = number - (ends[place] - sizes[place]), {}
        for axis in reversed(grids[place]):
            rest, level = divmod(rest, len(axis.levels))
            point[axis.path] = axis.levels[level]
        return dict(reversed(point.items()))

    every = {axis.path: axis for axes in parts for axis in axes}
    return list(every.values()), ends[-1], at, notes


def _without_base(axis: Axis, base: Config) -> Axis:
    own = base_value(base, axis.path)
    return Axis(axis.parameter, levels=tuple(level for level in axis.levels if level != own))


def _zipped(axes: list[Axis]) -> _Made:
    lengths = {axis.path: len(axis.levels) for axis in axes}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{path} has {length}" for path, length in lengths.items())
        raise InputError(f"design.values: lists that are zipped must be equally long; {told}")
    count = next(iter(lengths.values()))
    return axes, count, lambda number: {axis.path: axis.levels[number] for axis in axes}, []


def _sampled(settings: DesignSettings, base: Config) -> _Made:
    """A Latin hypercube or a Sobol' sequence, its scrambling a function of the run's seed."""
    from scipy.stats import qmc

    if settings.n is None:
        raise InputError(f"design.n: say how many points are drawn, design={settings.kind} design.n=64")
    if len(_mappings(settings)) > 1:
        raise InputError(f"design.values: several mappings are for design=concat, and design is {settings.kind}")
    axes = _axes_of(settings.values, range_axis)
    first, _ = rng.bits(rng.stream(base.run.seed, 0), rng.MARKET_KEY, rng.DESIGN_SEED, 0)
    seed, notes = int(first), []
    if settings.kind == "lhs":
        places = qmc.LatinHypercube(len(axes), rng=seed).random(settings.n)
    else:
        power = (settings.n - 1).bit_length()
        places = qmc.Sobol(len(axes), scramble=True, rng=seed).random_base2(power)[: settings.n]
        if settings.n != 2**power:
            notes.append(f"A Sobol' sequence is evenly spread at powers of 2: {2**power:,} points would be, "
                         f"{settings.n:,} are less so.")  # fmt: skip

    def at(number: int) -> Point:
        return {axis.path: axis.value(float(place)) for axis, place in zip(axes, places[number], strict=True)}

    return axes, settings.n, at, notes


def _from_file(settings: DesignSettings) -> tuple[list[str], int, Callable[[int], Point], list[str]]:
    """A point for each row of a table. A cell that is empty or not allowed is an error of its point alone."""
    if not settings.file:
        raise InputError("design.file: design=file needs the path of a CSV or Parquet file, design.file=points.csv")
    if settings.values:
        raise InputError("design.values: a design=file brings its values along; leave them out")
    table = read_points(Path(settings.file))
    wrong: list[str] = []
    for name in table.columns:
        try:
            declared(str(name))
        except InputError as problem:
            wrong.append(f"design.file={settings.file}: column {problem}")
    if wrong:
        raise InputError("\n".join(wrong))
    names = [str(name) for name in table.columns]
    values = table.to_numpy(dtype=object)

    def at(number: int) -> Point:
        return {name: _cell(name, value) for name, value in zip(names, values[number], strict=True)}

    return names, len(table), at, []


def read_points(file: Path) -> pd.DataFrame:
    """A table of points. Errors: `InputError` where there is none, or it has no rows or a column twice."""
    if not file.is_file():
        raise InputError(f"design.file={file}: there is no such file")
    try:
        if file.suffix == ".parquet":
            table = pd.read_parquet(file)
        else:
            table = pd.read_csv(file, dtype=str, keep_default_na=False, skipinitialspace=True)
            head = pd.read_csv(file, header=None, nrows=1, dtype=str, skipinitialspace=True).iloc[0].tolist()
            if len(set(head)) < len(head):
                twice = next(name for name in head if head.count(name) > 1)
                raise InputError(f"design.file={file}: has the column {twice} twice")
    except (ValueError, OSError) as problem:  # pandas' parser errors and arrow's are ValueErrors
        raise InputError(f"design.file={file}: cannot be read as a table ({str(problem).splitlines()[0]})") from None
    if not len(table) or not len(table.columns):
        raise InputError(f"design.file={file}: has no rows")
    return table


def _cell(path: str, value: Any) -> Any:
    """A cell's value in the type of its key; as it stands where it does not fit."""
    kind = declared(path).kind
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, str):
        value = text = value.strip()
        if kind is bool and text.lower() in ("true", "false"):
            value = text.lower() == "true"
        elif kind in (int, float) and text.lower() == "null":
            value = None
        elif kind in (int, float):
            try:
                value = float(text)
            except ValueError:
                return text
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    return fitted(declared(path), value)


def content(point: Point) -> bytes:
    """What a point says, as canonical JSON."""
    return json.dumps(point, sort_keys=True, separators=(",", ":"), default=str).encode()


def _firsts(count: int, at: Callable[[int], Point]) -> np.ndarray:
    """For each point the number of the first one with the same content."""
    marks = np.fromiter(
        (int.from_bytes(hashlib.blake2b(content(at(n)), digest_size=8).digest(), "little") for n in range(count)),
        dtype=np.uint64,
        count=count,
    )
    _, first, inverse = np.unique(marks, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int64)
