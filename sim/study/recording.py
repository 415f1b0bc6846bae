"""The rules once more, so that they can be watched: the very code that is compiled, run uncompiled and taken down.

`Mirror` gives a module of rules a twin. A rule's twin is its own code object among globals in which every rule is
again a twin, so that no rule is written twice. Twins tell a `Trace` of each call, each keyed draw, each comparison
of a draw or a clock with what decides it, each event that is posted and each field that is written. Draws, `exp` and
`log`, and the network stay compiled: they are functions of their arguments and have tests of their own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from sim import rng
from sim.accounting import posting

WATCHED = ("sim.behaviour", "sim.accounting", "sim.recruiting", "sim.engine", "sim.touch")
"""Rooms and modules whose rules are run uncompiled."""
DECISIONS = {value: name for name, value in vars(rng).items() if name.isupper() and type(value) is int and value < 64}
"""The names of decisions by their numbers in `sim.rng`."""
CLOCKS = ("order_at", "drift_at", "visit_at", "patience", "urge")
"""Fields that say when something is due, or how much is borne until it is: hazards run against a draw made before."""
UNTOLD = ("luck", "key")
"""Arguments that tell a reader nothing."""


@dataclass(slots=True)
class Call:
    """One call of a rule: its arguments by name, and what it read of the member's rows."""

    name: str
    room: str
    names: tuple[str, ...]
    args: tuple[Any, ...]
    parent: "Call | None"
    reads: dict[str, Any] = field(default_factory=dict)
    value: Any = None

    def arguments(self) -> Iterator[tuple[str, Any]]:
        """Arguments that are plain numbers."""
        for name, value in zip(self.names, self.args, strict=False):
            if name not in UNTOLD and isinstance(value, int | float | np.integer | np.floating):
                yield name, value

    def above(self) -> Iterator["Call"]:
        """This call, and those within which it was made, the innermost first."""
        call: Call | None = self
        while call is not None:
            yield call
            call = call.parent


@dataclass(slots=True)
class Draw:
    """One keyed draw: of which decision, at which index, the how-manieth of its numbers; key: whose luck it is."""

    kind: str
    decision: str
    key: int
    index: int
    part: int
    value: float
    used: bool = False
    compared: bool = False


class Entry(NamedTuple):
    """One line of a trace.

    kind: `draw`, `compared`, `event` or `set`; call: the rule in which it happened; what: the draw, the name of a
    clock, the event's call or the field; the rest by kind: a comparison's value, bound and outcome (whether the value
    was below), and the bound's own calls; a field's old and new value.
    """

    kind: str
    call: Call
    what: Any
    value: Any = None
    bound: Any = None
    below: bool = False
    calls: tuple[Call, ...] = ()


class Trace:
    """What was taken down since it was last cleared."""

    def __init__(self) -> None:
        self.root = Call("", "", (), (), None)
        self.top = self.root
        self.entries: list[Entry] = []

    def clear(self) -> list[Entry]:
        """Hand over what there is, and begin anew."""
        out, self.entries = self.entries, []
        self.top = self.root
        return out


class Number(np.float64):
    """A number that knows its draw or clock and the rules that made it, and notes what it is compared with.

    Its arithmetic is that of float64. A draw that is scaled or shifted (`scale`, `shift`) is still the same draw:
    what it is compared with is told in units of the draw.
    """

    teller: Trace
    plain: np.float64
    draw: Draw | None
    clock: str
    calls: tuple[Call, ...]
    scale: Any
    shift: Any

    @classmethod
    def of(
        cls, trace: Trace, value: Any, draw: Draw | None = None, clock: str = "", calls: tuple[Call, ...] = (),
        scale: Any = 1.0, shift: Any = 0.0,
    ) -> "Number":  # fmt: skip
        """A number with its memory."""
        out = cls(value)
        out.teller, out.plain, out.draw, out.clock, out.calls = trace, np.float64(value), draw, clock, calls
        out.scale, out.shift = scale, shift
        return out

    def _from(self, value: Any, other: Any, scale: Any, shift: Any) -> "Number":
        draw, clock, calls = self.draw, self.clock, self.calls
        if draw is not None:
            draw.used = True
        if type(other) is Number:
            calls = merged(calls, other.calls)
            if other.draw is not None:
                other.draw.used = True
        return Number.of(self.teller, value, draw if scale else None, clock, calls, scale, shift)

    def __mul__(self, other: Any) -> Any:
        b = plain(other)
        return self._from(self.plain * b, other, self.scale * b, self.shift * b)

    def __add__(self, other: Any) -> Any:
        b = plain(other)
        return self._from(self.plain + b, other, self.scale, self.shift + b)

    def __sub__(self, other: Any) -> Any:
        b = plain(other)
        return self._from(self.plain - b, other, self.scale, self.shift - b)

    def __truediv__(self, other: Any) -> Any:
        b = plain(other)
        return self._from(self.plain / b, other, self.scale / b, self.shift / b)

    __rmul__ = __mul__
    __radd__ = __add__

    def __rsub__(self, other: Any) -> Any:
        return self._from(plain(other) - self.plain, other, 0.0, 0.0)

    def __rtruediv__(self, other: Any) -> Any:
        return self._from(plain(other) / self.plain, other, 0.0, 0.0)

    def _compare(self, other: Any, outcome: Any, below: Any) -> Any:
        trace = self.teller
        if self.draw is not None:
            self.draw.compared = True
            bound = plain(other)
            if self.scale != 1.0 or self.shift != 0.0:
                bound = (bound - self.shift) / self.scale
            calls = other.calls if type(other) is Number else ()
            trace.entries.append(Entry("compared", trace.top, self.draw, self.draw.value, float(bound), below, calls))
        elif self.clock:
            calls = merged(self.calls, other.calls) if type(other) is Number else self.calls
            own, bound = float(self.plain), float(plain(other))
            trace.entries.append(Entry("compared", trace.top, self.clock, own, bound, bool(below and outcome), calls))
        elif type(other) is Number and (other.draw is not None or other.clock):
            return NotImplemented  # the other one has more to tell
        return bool(outcome)

    def __lt__(self, other: Any) -> Any:
        outcome = self.plain < plain(other)
        return self._compare(other, outcome, bool(outcome))

    def __le__(self, other: Any) -> Any:
        outcome = self.plain <= plain(other)
        return self._compare(other, outcome, bool(outcome))

    def __gt__(self, other: Any) -> Any:
        outcome = self.plain > plain(other)
        return self._compare(other, outcome, not outcome)

    def __ge__(self, other: Any) -> Any:
        outcome = self.plain >= plain(other)
        return self._compare(other, outcome, not outcome)


def plain(value: Any) -> Any:
    """A number without memory."""
    return value.plain if type(value) is Number else value


def used(value: Any) -> Any:
    """The same, of a number that goes where it is no longer watched."""
    if type(value) is not Number:
        return value
    if value.draw is not None:
        value.draw.used = True
    return float(value.plain)


def merged(one: tuple[Call, ...], other: tuple[Call, ...]) -> tuple[Call, ...]:
    """Calls of both, each once."""
    return one + tuple(call for call in other if all(call is not known for known in one))


# -- rows ------------------------------------------------------------------------------------------------------


def as_float(value: Any) -> np.float64:
    """As a float64 field keeps it."""
    return np.float64(plain(value))


def as_single(value: Any) -> np.float64:
    """As a float32 field keeps it, widened again."""
    return np.float64(np.float32(plain(value)))


def keeper(kind: np.dtype[Any]) -> Callable[[Any], Any]:
    """What a field of this type makes of a value."""
    if kind == np.float64:
        return as_float
    if kind == np.float32:
        return as_single
    return np.uint64 if kind == np.uint64 else int


KEEPERS: dict[Any, dict[str, Callable[[Any], Any]]] = {}


def keepers(kind: Any) -> dict[str, Callable[[Any], Any]]:
    """The keeper of every field of a row's type."""
    if kind not in KEEPERS:
        KEEPERS[kind] = {name: keeper(kind[name].base) for name in kind.names}
    return KEEPERS[kind]


class Places(list[Any]):
    """A field of several values, which notes what is read and written."""

    def __init__(self, trace: Trace, name: str, values: Iterable[Any], keep: Callable[[Any], Any]) -> None:
        super().__init__(map(keep, values))
        self.trace, self.name, self.keep, self.shape = trace, name, keep, (len(self),)

    def __getitem__(self, at: Any) -> Any:
        value = super().__getitem__(at)
        self.trace.top.reads[f"{self.name}.{at}"] = value
        return value

    def __setitem__(self, at: Any, value: Any) -> None:
        old, new = super().__getitem__(at), self.keep(value)
        super().__setitem__(at, new)
        if new != old:
            self.trace.entries.append(Entry("set", self.trace.top, f"{self.name}.{at}", old, new))


class Row:
    """A copy of a row: rules read and write it as they do a record, and it notes both."""

    __slots__ = ("_calls", "_keep", "_trace", "_values")

    def __init__(self, trace: Trace, record: Any) -> None:
        keep = keepers(record.dtype)
        values: dict[str, Any] = {}
        for (name, kept), value in zip(keep.items(), record.item(), strict=True):
            values[name] = Places(trace, name, value.tolist(), kept) if type(value) is np.ndarray else kept(value)
        object.__setattr__(self, "_calls", {})
        object.__setattr__(self, "_trace", trace)
        object.__setattr__(self, "_values", values)
        object.__setattr__(self, "_keep", keep)

    def __getattr__(self, name: str) -> Any:
        try:
            value = self._values[name]
        except KeyError:
            raise AttributeError(name) from None
        trace = self._trace
        trace.top.reads[name] = value
        return Number.of(trace, value, clock=name, calls=self._calls.get(name, ())) if name in CLOCKS else value

    def __setattr__(self, name: str, value: Any) -> None:
        old, new = self._values[name], self._keep[name](value)
        self._values[name] = new
        if name in CLOCKS and type(value) is Number:
            self._calls[name] = value.calls
        if new != old:
            self._trace.entries.append(Entry("set", self._trace.top, name, old, new))

    def written(self, record: Any) -> Any:
        """The record as this row has it: a copy of `record` with every field as it stands here."""
        out = record.copy()
        for name, value in self._values.items():
            out[name] = value
        return out


# -- rules -----------------------------------------------------------------------------------------------------


def still(record: Any) -> Any:
    """Settings that do not change, as plain attributes: a record reads slowly from Python."""
    out = SimpleNamespace()
    for name in record.dtype.names:
        value = record[name]
        if isinstance(value, np.void) and value.dtype.names is not None:
            value = still(value)
        elif isinstance(value, np.ndarray):
            value = list(value)
        elif isinstance(value, np.integer):
            value = int(value)
        setattr(out, name, value)
    return out


class Stills(list[Any]):
    """A table of such settings, as rules ask for it."""

    @property
    def shape(self) -> tuple[int]:
        """How many there are."""
        return (len(self),)


class Mirror:
    """Twins of modules of rules, which tell one trace."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._modules: dict[str, ModuleType] = {}
        self._rules: dict[int, Any] = {}

    def module(self, module: ModuleType) -> Any:
        """The twin of a module."""
        name = module.__name__
        if name not in self._modules:
            twin = self._modules[name] = ModuleType(f"{name} (watched)")
            for key, value in vars(module).items():
                twin.__dict__[key] = self._twin(value)
        return self._modules[name]

    def _twin(self, thing: Any) -> Any:
        if isinstance(thing, ModuleType):
            name = thing.__name__
            watched = name.startswith(WATCHED) or name in ("sim.rng", "sim.numbers", "sim.network")
            return self.module(thing) if watched else thing
        code = getattr(thing, "py_func", thing)
        if not isinstance(code, FunctionType):
            return thing
        if id(code) not in self._rules:
            room = code.__module__
            if room == "sim.rng":
                self._rules[id(code)] = self._drawn(thing, code.__name__)
            elif room in ("sim.numbers", "sim.network"):
                self._rules[id(code)] = unwatched(thing)
            elif room.startswith(WATCHED):
                self._rules[id(code)] = self._told(code)
            else:
                return thing
        return self._rules[id(code)]

    def _told(self, code: FunctionType) -> Any:
        """The twin of a rule."""
        import sys

        room = code.__module__
        home = self.module(sys.modules[room])
        twin = FunctionType(code.__code__, home.__dict__, code.__name__, code.__defaults__, code.__closure__)
        name, names, trace = code.__name__, code.__code__.co_varnames[: code.__code__.co_argcount], self.trace
        posts, short = room == posting.__name__ and name.startswith("post_"), room.rsplit(".", 1)[-1]

        def told(*args: Any) -> Any:
            above = trace.top
            call = trace.top = Call(name, short, names, args, above)
            if posts:
                trace.entries.append(Entry("event", above, call))
            value = twin(*args)
            trace.top = above
            if isinstance(value, float):
                draw, clock, scale, shift = None, "", 1.0, 0.0
                if type(value) is Number:
                    draw, clock, scale, shift = value.draw, value.clock, value.scale, value.shift
                call.value = plain(value)
                return Number.of(trace, call.value, draw, clock, (call,), scale, shift)
            call.value = value
            return value

        return told

    def _drawn(self, function: Any, kind: str) -> Any:
        """A draw, which is told."""
        trace = self.trace

        def draw(luck: Any, key: Any, decision: int, index: Any, *more: Any) -> Any:
            values = function(luck, np.uint64(key), int(decision), int(index), *map(float, more))
            out: list[Any] = []
            for part, value in enumerate(values if isinstance(values, tuple) else (values,)):
                told = Draw(kind, DECISIONS[int(decision)], int(key), int(index), part, float(value))
                trace.entries.append(Entry("draw", trace.top, told))
                even = kind in ("uniform", "two_uniforms", "exponential")
                out.append(Number.of(trace, value, told) if even else np.float64(value))
            return tuple(out) if isinstance(values, tuple) else out[0]

        return draw


def unwatched(function: Any) -> Any:
    """A compiled function called with plain numbers."""

    def call(*args: Any) -> Any:
        value = function(*map(used, args))
        return np.float64(value) if type(value) is float else value

    return call
