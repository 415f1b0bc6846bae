"""Settings: each says what it means, its default lies in its range, and a wrong value is answered with both."""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.behaviour.buying import Buying
from sim.engine import Behaviour
from sim.errors import InputError, nearest
from sim.settings import ActualsConfig, Config
from sim.units import STRICT, About, NonNegative, Positive, Share, between, checked, parameters, record

ALL = list(parameters(Config))
BEHAVIOURAL = [p for p in ALL if p.path.startswith(("population.", "market.")) and p.kind in (int, float)]


@dataclass(frozen=True)
class Inner:
    """A group of settings."""

    __pydantic_config__ = STRICT

    rate: Annotated[float, Positive, between(0.5, 10), About("per day", "how fast", "a book", "published")] = 2.0
    share: Annotated[float, Share, About("", "how much")] = 0.25
    count: Annotated[int, NonNegative, About("members", "how many")] = 3


@dataclass(frozen=True)
class Outer:
    """A whole configuration."""

    __pydantic_config__ = STRICT

    word: Annotated[Literal["red", "green"], About("", "which colour")] = "red"
    flag: Annotated[bool, About("", "whether")] = False
    maybe: Annotated[int | None, between(1, 9), About("days", "perhaps")] = None
    inner: Inner = field(default_factory=Inner)


# -- every declared setting ----------------------------------------------------------------------------------


@pytest.mark.parametrize("app", [Config, ActualsConfig])
def test_every_setting_says_what_it_means(app: type) -> None:
    declared = list(parameters(app))
    assert len({parameter.path for parameter in declared}) == len(declared)
    for parameter in declared:
        assert parameter.about.meaning.strip(), parameter.path
        assert not parameter.about.meaning.endswith("."), parameter.path
        assert parameter.about.confidence in ("measured", "published", "assumption", "choice"), parameter.path


def test_every_field_of_the_config_is_declared() -> None:
    def fields_of(value: Any, prefix: str = "") -> set[str]:
        out: set[str] = set()
        for each in dataclasses.fields(value):
            inner = getattr(value, each.name)
            path = f"{prefix}{each.name}"
            out |= fields_of(inner, f"{path}.") if dataclasses.is_dataclass(inner) else {path}
        return out

    assert fields_of(Config()) == {parameter.path for parameter in ALL}
    values = dataclasses.asdict(Config())
    for parameter in ALL:
        value: Any = values
        for key in parameter.path.split("."):
            value = value[key]
        assert value == parameter.default, parameter.path


@pytest.mark.parametrize("parameter", [p for p in ALL if p.kind in (int, float)], ids=lambda p: p.path)
def test_defaults_lie_in_their_ranges(parameter: Any) -> None:
    assert math.isfinite(parameter.low), "a lower limit"
    assert math.isfinite(parameter.high), "an upper limit"
    assert parameter.low < parameter.high
    if parameter.default is not None:
        assert parameter.low <= parameter.default <= parameter.high
        assert not (parameter.open_low and parameter.default == parameter.low)
    assert parameter.range.endswith("]")


@pytest.mark.parametrize("parameter", BEHAVIOURAL, ids=lambda p: p.path)
def test_numbers_of_behaviour_say_where_they_come_from(parameter: Any) -> None:
    assert isinstance(parameter.about.unit, str)
    assert parameter.about.source, "a source"
    assert parameter.about.confidence in ("measured", "published", "assumption", "choice")
    if parameter.path.startswith("population.") and not parameter.path.startswith("population.stages"):
        assert parameter.about.confidence != "choice"


def test_the_defaults_pass_the_checks() -> None:
    config = checked(Config, dataclasses.asdict(Config()))
    assert config == Config()
    config.cross_check()
    assert checked(Config, {}) == Config()


@pytest.mark.parametrize("parameter", [p for p in ALL if p.kind in (int, float)], ids=lambda p: p.path)
def test_the_ends_of_every_range_hold(parameter: Any) -> None:
    def given_value(value: float) -> Config:
        values: Any = parameter.kind(value) if parameter.kind is int else value
        for key in reversed(parameter.path.split(".")):
            values = {key: values}
        return checked(Config, values)

    low = parameter.low + (1 if parameter.kind is int else 1e-9) if parameter.open_low else parameter.low
    given_value(low)
    if parameter.high < 2**53:
        given_value(parameter.high)
    for value in (parameter.low - 1, parameter.high * 2 + 1, math.nan, math.inf, -math.inf):
        with pytest.raises(InputError) as problem:
            given_value(value) if math.isfinite(value) else checked_raw(parameter.path, value)
        assert parameter.path in str(problem.value)
        assert parameter.range in str(problem.value)
        assert parameter.about.meaning in str(problem.value)


def checked_raw(path: str, value: Any) -> Config:
    """The config with one value set."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return checked(Config, value)


# -- messages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "fragments"),
    [
        ({"wrod": "red"}, ["wrod: there is no such setting", "did you mean 'word'?"]),
        ({"inner": {"ratio": 1}}, ["inner.ratio: there is no such setting", "did you mean 'inner.rate'?"]),
        ({"zzz": 1}, ["zzz: there is no such setting", "allowed: "]),
        ({"inner": {"rate": 0.25}}, ["inner.rate=0.25", "a number in [0.5, 10] per day (how fast)"]),
        ({"inner": {"rate": "fast"}}, ["inner.rate='fast'", "a number"]),
        ({"inner": {"rate": None}}, ["inner.rate=None", "a number"]),
        ({"inner": {"rate": math.nan}}, ["inner.rate=nan", "a number"]),
        ({"inner": {"rate": math.inf}}, ["inner.rate=inf", "a number"]),
        ({"inner": {"count": 1.5}}, ["inner.count=1.5", "a whole number", "members (how many)"]),
        ({"inner": {"count": -1}}, ["inner.count=-1", "a whole number"]),
        ({"inner": {"share": 1.01}}, ["inner.share=1.01", "a number in [0, 1] (how much)"]),
        ({"inner": 3}, ["inner=3", "must be a group of keys", "inner.rate"]),
        ({"word": "gren"}, ["word='gren'", "'red' or 'green'", "did you mean 'green'?"]),
        ({"word": "mauve"}, ["word='mauve'", "one of 'red' or 'green' (which colour)"]),
        ({"flag": "maybe"}, ["flag='maybe'", "true or false (whether)"]),
        ({"maybe": 10}, ["maybe=10", "a whole number in [1, 9] days (perhaps)"]),
        ({"word": "x" * 200}, ["word='xxx", "..."]),
    ],
)
def test_what_is_said_of_a_wrong_value(values: dict[str, Any], fragments: list[str]) -> None:
    with pytest.raises(InputError) as problem:
        checked(Outer, values)
    message = str(problem.value)
    assert len(message.splitlines()) == 1
    for fragment in fragments:
        assert fragment in message
    assert "pydantic" not in message


def test_every_problem_has_a_line() -> None:
    with pytest.raises(InputError) as problem:
        checked(Outer, {"word": "mauve", "maybe": 0, "inner": {"rate": -1, "count": "x", "ratio": 2}})
    lines = str(problem.value).splitlines()
    assert {line.split("=")[0].split(":")[0] for line in lines} == {
        "word", "maybe", "inner.rate", "inner.count", "inner.ratio",
    }  # fmt: skip


def test_a_prefix_stands_before_every_key() -> None:
    with pytest.raises(InputError, match=r"^strategy\.inner\.rate=0"):
        checked(Outer, {"inner": {"rate": 0}}, prefix="strategy.")


@settings(deadline=None, max_examples=80, derandomize=True)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["inner", "rate", "word", "x", "maybe"]), inner, max_size=3)
        ),
        max_leaves=5,
    )
)
def test_any_value_is_taken_or_named(value: Any) -> None:
    values = value if isinstance(value, dict) else {"inner": value}
    try:
        taken = checked(Outer, values)
    except InputError as problem:
        said = str(problem)
    else:
        assert isinstance(taken, Outer)
        return
    assert said.strip()


def test_a_setting_without_a_meaning_is_a_mistake_of_ours() -> None:
    @dataclass(frozen=True)
    class Mute:
        silent: float = 1.0

    with pytest.raises(TypeError, match="silent of Mute does not say what it means"):
        list(parameters(Mute))


def test_the_nearest_name() -> None:
    assert nearest("ammount", ["date", "amount"]) == "did you mean 'amount'?"
    assert nearest("zzz", ["date", "amount"]) == "allowed: amount, date"


# -- records for compiled rules ------------------------------------------------------------------------------


def test_a_record_holds_the_numbers() -> None:
    row = record(Outer(inner=Inner(rate=1.5, share=0.75, count=8)))
    assert row.shape == (1,)
    assert (row[0].inner.rate, row[0].inner.share, row[0].inner.count) == (1.5, 0.75, 8.0)
    assert row[0].flag == 0.0
    assert "word" not in (row.dtype.names or ())


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.floats(0.01, 100), st.floats(0.01, 1e6), st.floats(0.2, 20))
def test_records_come_back_bit_by_bit(shape: float, scale: float, regularity: float) -> None:
    behaviour = Behaviour(buying=Buying(shape, scale, regularity))
    row = record(behaviour)[0]
    for group in dataclasses.fields(behaviour):
        said = getattr(behaviour, group.name)
        for each in dataclasses.fields(said):
            assert row[group.name][each.name] == getattr(said, each.name)
    assert row.dtype["buying"]["rate_shape"] == np.float64
