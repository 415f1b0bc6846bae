"""Targets and guardrails of a strategy: what is to be reached by when, and what must not be broken on the way.

They are read, checked and put into words here; `sim/study/targets.py` judges simulated futures by them. Nobody in the
simulated world knows of them, so that they change nothing in it.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, cast

import yaml

from sim.accounting.metrics import KNOWN, LESS, NAMES
from sim.accounting.posting import LOSSES
from sim.errors import InputError, nearest
from sim.units import STRICT, About, between, checked

CASH_LOW = "cash_low"
SETTLED_AFTER = 29
"""A quotient of two flows is judged from this day on: before it, a few orders make it jump."""


@dataclass(frozen=True)
class Measure:
    """What can be aimed at.

    over, under: columns of daily.parquet, added up (`-` before a name: taken off), flows since day 0; nothing under:
    not a quotient. less: whether less is better; bounded: whether it lies between 0 and 1.
    """

    name: str
    unit: str
    words: str
    meaning: str
    over: tuple[str, ...]
    under: tuple[str, ...] = ()
    less: bool = False
    bounded: bool = False

    @property
    def needs(self) -> frozenset[str]:
        """The columns that it is made of."""
        return frozenset(name.lstrip("-") for name in (*self.over, *self.under))

    @property
    def since(self) -> int:
        """The first day on which it is judged, in a run that is long enough."""
        flows = all(KNOWN[name.lstrip("-")].kind == "flow" for name in self.under)
        return SETTLED_AFTER if self.under and flows else 0


WORDS = {
    "mau": "monthly active members",
    "wau": "weekly active members",
    "dau": "daily active members",
    "reachable": "reachable members",
    "joined": "newcomers",
    "blocked": "members who blocked",
    "muted": "members who muted",
    "left": "members who left",
    "drifted": "members who drifted away",
    "at_risk": "members at risk",
    "dormant_30": "dormant members",
    "dormant_60": "deeply dormant members",
    "dormant_90": "long silent members",
    "engaged_7": "members engaged in the last 7 days",
    "engaged_30": "members engaged in the last 30 days",
}
EVER = ("members", "left", "removed")
"""Whoever is or was a member: those who are, and those who left or were struck off."""
OPTED_OUT = tuple(name for name in LOSSES if name.startswith("opted_out_"))

_RATIOS = (
    Measure("members_growth", "share", "growth of members", "members more than on day 0, as a share of these",
            ("joined", "-left", "-removed"), (*EVER, "-joined")),
    Measure("mau_share", "share", "monthly active share", "members who ordered in the last 30 days, of all members",
            ("mau",), ("members",), bounded=True),
    Measure("engaged_share", "share", "engaged share",
            "members who opened, visited or ordered in the last 30 days, of all members",
            ("engaged_30",), ("members",), bounded=True),
    Measure("reachable_share", "share", "reachable share", "members who can be reached, of all members",
            ("reachable",), ("members",), bounded=True),
    Measure("dormant_share", "share", "dormant share", "dormant members of all three grades, of all members",
            ("dormant_30", "dormant_60", "dormant_90"), ("members",), less=True, bounded=True),
    Measure("opt_out_share", "share", "opt-out share",
            "members who muted, blocked or left until the day, of all who are or were members",
            OPTED_OUT, EVER, less=True, bounded=True),
    Measure("repeat_share", "share", "share of repeat orders", "orders that are not a member's first, of all orders",
            ("repeat_orders",), ("orders",), bounded=True),
    Measure("open_share", "share", "open rate", "messages opened, of messages sent",
            ("opens",), ("messages",), bounded=True),
    Measure("order_value", "CNY", "value of an order", "revenue per order, until the day", ("revenue",), ("orders",)),
    Measure("coupon_share", "share", "coupon cost", "discounts until the day, as a share of revenue",
            ("discounts",), ("revenue",), less=True),
    Measure("cost_share", "share", "cost share", "all that the operator spent until the day, as a share of revenue",
            ("cost",), ("revenue",), less=True),
)  # fmt: skip
MEASURES: dict[str, Measure] = {
    **{
        name: Measure(name, metric.unit, WORDS.get(name, name.replace("_", " ")), metric.meaning, (name,),
                      less=name in LESS)
        for name, metric in KNOWN.items()
    },
    **{ratio.name: ratio for ratio in _RATIOS},
    CASH_LOW: Measure(CASH_LOW, "CNY", "lowest cash", "the lowest that contribution, added up, has been by the day",
                      ("contribution",)),
}  # fmt: skip
"""Everything that can be aimed at, by name: all metrics (a flow is added up since day 0), quotients, lowest cash."""

METRIC = About(
    "",
    f"a column of daily.parquet (a flow is added up since day 0), or one of {', '.join(r.name for r in _RATIOS)}, "
    f"{CASH_LOW}",
)
VALUE = About("of the metric", "the level; a share is a number from 0 to 1, or has a percent sign")
SIDE = About("", "whether the level is a floor (least) or a roof (most); if not said, by which of them is better")


@dataclass(frozen=True)
class Target:
    """A level that a metric is to stand at on the due day."""

    __pydantic_config__ = STRICT

    metric: Annotated[str, METRIC]
    value: Annotated[float, between(-1e15, 1e15), VALUE]
    at: Annotated[Literal["least", "most"], SIDE]
    day: Annotated[
        int | None, between(0, 3659), About("day", "the due day, day 0 being the first; empty: the last of the run")
    ] = None

    @property
    def sign(self) -> float:
        """1 where the level is a floor, -1 where it is a roof."""
        return 1.0 if self.at == "least" else -1.0

    @property
    def measure(self) -> Measure:
        """What it is about."""
        return MEASURES[self.metric]

    @property
    def text(self) -> str:
        """As one writes it: `mau_share >= 0.45 by 179`."""
        due = "" if self.day is None else f" by {self.day}"
        return f"{self.metric} {'>=' if self.at == 'least' else '<='} {self.value:.12g}{due}"


@dataclass(frozen=True)
class Ceiling(Target):
    """A guardrail: a level that a metric must not pass on any day up to the last one."""

    __pydantic_config__ = STRICT

    day: Annotated[
        int | None, between(0, 3659), About("day", "the last day that is guarded; empty: the last of the run")
    ] = None


HOW = {
    "targets": "targets=[members>=12000 by 179, mau_share>=45%]",
    "ceilings": "ceilings=[opt_out_share<=10%, cash_low>=-50000 by 89]",
}
"""How the aims of a strategy are written, by their keys."""
EXAMPLES = HOW | {"optimize.subject_to": "optimize.subject_to=[cost<=50000, opt_out_share<=5%]"}
"""How lists of targets are written, by their keys."""
_TEXT = re.compile(
    r"(?P<metric>\w+)\s*(?P<sign>>=|<=)\s*(?P<value>[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?)\s*(?P<percent>%?)"
    r"(?:\s+(?:by|until)\s+(?:day\s+)?(?P<day>\d+))?",
    re.IGNORECASE,
)


def reader[T: Target](kind: type[T], key: str) -> Callable[[object], tuple[T, ...]]:
    """What turns a list of a strategy into targets: entries as words, `members >= 12000 by 179`, or as keys.

    Errors of what it gives: `InputError` that names the key, the entry, what is wrong, and the nearest metric.
    """

    def read(value: object) -> tuple[T, ...]:
        if isinstance(value, str | Mapping):
            value = [value]
        if not isinstance(value, list | tuple):
            raise InputError(f"{key}={value}: must be a list, {EXAMPLES[key]}")
        return tuple(entry(kind, key, n, one) for n, one in enumerate(cast("Sequence[object]", value), 1))

    return read


def entry[T: Target](kind: type[T], key: str, place: int, one: object) -> T:
    """One target of a list. Errors: `InputError`."""
    if isinstance(one, kind):
        return one
    if isinstance(one, str) and one.strip().startswith("{"):
        one = yaml.safe_load(one)
    if isinstance(one, str):
        found = _TEXT.fullmatch(one.strip())
        if found is None:
            raise InputError(f"{key}: {one!r} cannot be read; write it as in {EXAMPLES[key]}")
        values: dict[str, Any] = {"metric": found["metric"], "at": "least" if found["sign"] == ">=" else "most"}
        values |= {"value": float(found["value"]) / (100.0 if found["percent"] else 1.0)}
        values |= {"day": int(found["day"])} if found["day"] else {}
    elif isinstance(one, Mapping):
        values = {str(name): item for name, item in cast("Mapping[object, object]", one).items()}
    else:
        raise InputError(f"{key}: {one!r} is no target; write it as in {EXAMPLES[key]}")
    metric = str(values.get("metric"))
    if "metric" not in values or metric not in MEASURES:
        said = "says no metric" if "metric" not in values else f"there is no metric {metric!r}"
        raise InputError(f"{key}, entry {place}: {said}; {nearest(metric, MEASURES)}")
    if values.get("at") is None:
        values["at"] = usual_side(metric)
    made = checked(kind, values, prefix=f"{key}, entry {place}, {metric}: ")
    if made.measure.bounded and not 0.0 <= made.value <= 1.0:
        raise InputError(f"{key}: {made.text}: {metric} is a share, from 0 to 1; 45 % is written 45% or 0.45")
    return made


def usual_side(metric: str) -> Literal["least", "most"]:
    """Whether a level of this metric is a floor or a roof, if nobody says."""
    return "most" if MEASURES[metric].less else "least"


@dataclass(frozen=True)
class Goals:
    """The targets and ceilings of one run: every due day is a day of it."""

    targets: tuple[Target, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.targets or self.ceilings)

    def __add__(self, other: "Goals") -> "Goals":
        """Those of both, each once."""
        return Goals(
            tuple(dict.fromkeys((*self.targets, *other.targets))),
            tuple(dict.fromkeys((*self.ceilings, *other.ceilings))),
        )


def due(limits: Sequence[Target], days: int, operated: bool, key: str) -> list[Any]:
    """The same limits with their due days filled in.

    Errors: `InputError` for a due day beyond the run, and for a metric that only an operated run has.
    """
    out: list[Target] = []
    for limit in limits:
        if limit.day is not None and limit.day >= days:
            raise InputError(
                f"{key}: {limit.text}: day {limit.day} lies beyond the run, whose last day is {days - 1} "
                f"(run.days={days}); set run.days={limit.day + 1}, or an earlier day"
            )
        missing = sorted(limit.measure.needs - set(NAMES))
        if missing and not operated:
            raise InputError(
                f"{key}: {limit.text}: needs {missing[0]}, which is counted only where an operator acts; here all "
                "levers are off"
            )
        out.append(dataclasses.replace(limit, day=days - 1 if limit.day is None else limit.day))
    return out


def contradictions(targets: Sequence[Target], ceilings: Sequence[Ceiling], prefix: str) -> None:
    """Errors: `InputError` where two limits cannot hold together, or one is said twice; an empty day is the last."""
    day = {id(limit): math.inf if limit.day is None else limit.day for limit in (*targets, *ceilings)}
    for n, one in enumerate(targets):
        for other in targets[n + 1 :]:
            if one.metric == other.metric and day[id(one)] == day[id(other)]:
                _together(one, other, f"{prefix}targets")
        for guard in ceilings:
            if one.metric == guard.metric and day[id(one)] <= day[id(guard)] and one.at != guard.at:
                _together(one, guard, f"{prefix}targets and {prefix}ceilings")
    for n, one in enumerate(ceilings):
        for other in ceilings[n + 1 :]:
            if one.metric == other.metric:
                _together(one, other, f"{prefix}ceilings", twice=day[id(one)] == day[id(other)])


def _together(one: Target, other: Target, key: str, twice: bool = True) -> None:
    if one.at == other.at and twice:
        raise InputError(f"{key}: {one.text} and {other.text}: the same is said twice; keep one of them")
    low, high = (one, other) if one.at == "least" else (other, one)
    if one.at != other.at and low.value > high.value:
        raise InputError(f"{key}: {low.text} and {high.text} contradict each other: both cannot hold")


def lived_part(strategy: Any) -> dict[str, Any]:
    """What a strategy says of the world, as plain values: all but its targets and ceilings."""
    return {key: value for key, value in asdict(strategy).items() if key not in HOW}
