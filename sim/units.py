"""What numbers mean: every setting declares its unit, range, meaning, source and confidence, in one place.

Settings are frozen dataclasses whose fields are annotated with a range (pydantic) and an `About`. From them
come the checks (`checked`), the table in docs/MODEL.md (`parameters`), the keys of the command line, and the
flat records that compiled rules read (`record`).
"""

import copy
import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Literal, cast, get_args, get_origin, get_type_hints

import annotated_types
import numpy as np
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from sim.errors import InputError, nearest

Confidence = Literal["measured", "published", "assumption", "choice"]
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class About:
    """What a setting means.

    unit: of the number, "" for a pure number; meaning: one sentence; source: where the default comes from;
    confidence: `measured` on data by this project, `published`, `assumption`, or `choice` of the user.
    """

    unit: str
    meaning: str
    source: str = ""
    confidence: Confidence = "choice"


Positive = Field(gt=0)
Share = Field(ge=0, le=1)
NonNegative = Field(ge=0)


def between(low: float, high: float) -> Any:
    """A closed range."""
    return Field(ge=low, le=high)


@dataclass(frozen=True)
class Parameter:
    """One declared setting: where it stands in the config and what it means.

    words: what it may be, where it is a choice of words; hint: its annotated type, for checks of a value alone.
    """

    path: str
    default: Any
    low: float
    high: float
    open_low: bool
    about: About
    kind: type
    words: tuple[str, ...] = ()
    hint: Any = None

    @property
    def range(self) -> str:
        """The allowed range in mathematical notation; empty for words."""
        if self.kind not in (int, float):
            return ""
        left = "(" if self.open_low or math.isinf(self.low) else "["
        right = ")" if math.isinf(self.high) else "]"
        return f"{left}{self.low:g}, {self.high:g}{right}"


def parameters(settings: type, prefix: str = "") -> Iterator[Parameter]:
    """Every declared setting below a settings class, depth first, in order of declaration."""
    hints = get_type_hints(settings, include_extras=True)
    for field in dataclasses.fields(settings):
        hint = hints[field.name]
        path = f"{prefix}{field.name}"
        base = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        if dataclasses.is_dataclass(base):
            made: Any = field.default_factory() if field.default_factory is not dataclasses.MISSING else None
            for inner in parameters(base, path + "."):  # pyright: ignore[reportArgumentType]
                default = inner.default if made is None else attrgetter(inner.path[len(path) + 1 :])(made)
                yield dataclasses.replace(inner, default=default)
            continue
        extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        abouts = [extra for extra in extras if isinstance(extra, About)]
        if not abouts:
            raise TypeError(f"setting {path} of {settings.__name__} does not say what it means")
        low, high, open_low = -math.inf, math.inf, False
        for extra in extras:
            for limit in getattr(extra, "metadata", [extra]):
                if isinstance(limit, annotated_types.Ge) and float(limit.ge) > low:  # pyright: ignore
                    low, open_low = float(limit.ge), False  # pyright: ignore[reportArgumentType]
                elif isinstance(limit, annotated_types.Gt) and float(limit.gt) >= low:  # pyright: ignore
                    low, open_low = float(limit.gt), True  # pyright: ignore[reportArgumentType]
                elif isinstance(limit, annotated_types.Le):
                    high = min(high, float(limit.le))  # pyright: ignore[reportArgumentType]
        default = field.default
        if default is dataclasses.MISSING and field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        kind = next((k for k in (bool, int, float, str) if base is k or k in get_args(base)), str)
        words = get_args(base) if get_origin(base) is Literal else ()
        yield Parameter(path, default, low, high, open_low, abouts[0], kind, words, hint)


def checked[S](cls: type[S], values: dict[str, Any], prefix: str = "") -> S:
    """Build settings from plain values; every wrong key, type or range is named, all at once.

    Errors: `InputError` with one line per problem: the key, its value, what is allowed, the nearest name.
    """
    values = _plain(cls, values, prefix)
    try:
        return cast(S, _adapter(cls).validate_python(values))
    except ValidationError as error:
        lines = [_explain(cls, dict(problem), prefix) for problem in error.errors(include_url=False)]
        raise InputError("\n".join(lines)) from None


@cache
def _adapter(cls: type) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def _plain(cls: type, values: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Values with words as words (a name may look like a number); a truth value is not a number."""
    out = copy.deepcopy(values)
    wrong: list[str] = []
    for parameter in parameters(cls):
        *groups, last = parameter.path.split(".")
        place: Any = out
        for group in groups:
            place = place.get(group) if hasattr(place, "get") else None
        if not hasattr(place, "get") or last not in place:
            continue
        value: Any = place[last]
        if parameter.kind in (int, float) and isinstance(value, bool):
            said = str(value).lower()
            wrong.append(f"{prefix}{parameter.path}={said}: must be a number in {parameter.range}, not a truth value")
        elif parameter.kind is str and isinstance(value, int | float) and not isinstance(value, bool):
            place[last] = str(value)
    if wrong:
        raise InputError("\n".join(wrong))
    return out


def _explain(cls: type, problem: dict[str, Any], prefix: str) -> str:
    path = ".".join(str(part) for part in problem["loc"] if not str(part).startswith("function-"))
    known = {parameter.path: parameter for parameter in parameters(cls)}
    if problem["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        groups = {key.rsplit(".", depth)[0] for key in known for depth in range(key.count(".") + 1)}
        return f"{prefix}{path}: there is no such setting; {nearest(path, groups)}"
    said = repr(problem["input"])
    said = said if len(said) <= 40 else said[:37] + "..."
    parameter = known.get(path)
    if parameter is None:
        inside = [key for key in known if key.startswith(f"{path}.")]
        return f"{prefix}{path}={said}: must be a group of keys, such as {', '.join(inside[:3])}"
    unit = f" {parameter.about.unit}" if parameter.about.unit else ""
    names = {float: "a number", int: "a whole number", bool: "true or false", str: "a word"}
    allowed = f"{names[parameter.kind]}{' in ' + parameter.range if parameter.range else ''}{unit}"
    if problem["type"] == "literal_error":
        allowed = f"one of {problem['ctx']['expected']}"
        hint = nearest(str(problem["input"]), _words(problem))
        allowed += f"; {hint}" if hint.startswith("did") else ""
    return f"{prefix}{path}={said}: must be {allowed} ({parameter.about.meaning})"


def _words(problem: dict[str, Any]) -> list[str]:
    return [word.strip(" '") for word in problem["ctx"]["expected"].replace(" or ", ",").split(",")]


def record(settings: Any) -> np.ndarray:
    """The numbers of settings as an array of one record, nested as the settings are, for compiled rules."""
    out = np.zeros(1, dtype=np.dtype((np.record, _dtype(settings))))
    out[0] = _values(settings)
    return out


def _numbers(settings: Any) -> list[tuple[str, Any]]:
    pairs = ((f.name, getattr(settings, f.name)) for f in dataclasses.fields(settings))
    return [(k, v) for k, v in pairs if dataclasses.is_dataclass(v) or isinstance(v, int | float)]


def _dtype(settings: Any) -> list[Any]:
    return [
        (name, np.dtype((np.record, _dtype(value))) if dataclasses.is_dataclass(value) else np.float64)
        for name, value in _numbers(settings)
    ]


def _values(settings: Any) -> tuple[Any, ...]:
    return tuple(
        _values(value) if dataclasses.is_dataclass(value) else float(value) for _, value in _numbers(settings)
    )
