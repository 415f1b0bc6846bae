"""Designs: which points they make, that they are spread as promised, and what a wrong one is answered with."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc

from sim.errors import InputError
from sim.settings import Config, DesignSettings, Run
from sim.strategy import read_strategy
from sim.study.design import Design, design_of

PER_WEEK = "strategy.messaging.per_week"
PATH = "strategy.messaging.path"
STRENGTH = "market.season.strength"
ASK = "strategy.messaging.ask"
BASE = Config(strategy=read_strategy("matched_scenes"))


def design(kind: str, values: Any = None, base: Config = BASE, **more: Any) -> Design:
    """A design of the base."""
    return design_of(DesignSettings(kind=kind, values=values, **more), base)  # pyright: ignore[reportArgumentType]


def points(made: Design) -> list[Mapping[str, Any]]:
    """All its points."""
    return [made.at(number) for number in range(made.count)]


def test_a_grid_holds_every_combination_the_last_key_fastest() -> None:
    made = design("grid", {PER_WEEK: [1, 3], PATH: ["direct", "community"], STRENGTH: [0.5]})
    assert points(made) == [
        {PER_WEEK: 1.0, PATH: "direct", STRENGTH: 0.5},
        {PER_WEEK: 1.0, PATH: "community", STRENGTH: 0.5},
        {PER_WEEK: 3.0, PATH: "direct", STRENGTH: 0.5},
        {PER_WEEK: 3.0, PATH: "community", STRENGTH: 0.5},
    ]
    assert design("grid", {PATH: None}).count == 3
    assert design("grid", {"strategy": "do_nothing"}).count == 1


def test_zip_pairs() -> None:
    made = design("zip", {PER_WEEK: [1, 3], STRENGTH: [0, 1]})
    assert points(made) == [{PER_WEEK: 1.0, STRENGTH: 0.0}, {PER_WEEK: 3.0, STRENGTH: 1.0}]


def test_concat_puts_designs_one_after_the_other() -> None:
    made = design("concat", {PER_WEEK: [1, 3], STRENGTH: [0]})
    assert points(made) == [{PER_WEEK: 1.0}, {PER_WEEK: 3.0}, {STRENGTH: 0.0}]
    assert made.row(0) == {PER_WEEK: 1.0, STRENGTH: BASE.market.season.strength}
    assert made.row(2) == {PER_WEEK: BASE.strategy.messaging.per_week, STRENGTH: 0.0}
    several = design("concat", [{PER_WEEK: [1, 3], STRENGTH: [0, 1]}, {PATH: ["community"]}])
    assert several.count == 5
    assert several.at(4) == {PATH: "community"}


def test_one_at_a_time_goes_around_the_base() -> None:
    usual = BASE.strategy.messaging.per_week
    made = design("oat", {PER_WEEK: [1, usual, 30], STRENGTH: [0, 1]})
    assert points(made) == [{}, {PER_WEEK: 1.0}, {PER_WEEK: 30.0}, {STRENGTH: 0.0}]
    assert all(sum(made.row(n)[key] != made.row(0)[key] for key in made.row(0)) == 1 for n in range(1, 4))


def test_a_latin_hypercube_has_one_point_in_each_slice() -> None:
    made = design("lhs", {PER_WEEK: [0, 20], STRENGTH: None, ASK: [1, 4], PATH: None}, n=60)
    rows = pd.DataFrame(points(made))
    assert sorted((rows[PER_WEEK] / 20 * 60).astype(int)) == list(range(60))
    assert sorted((rows[STRENGTH] / 1.5 * 60).astype(int)) == list(range(60))
    assert rows[ASK].value_counts().to_dict() == {1: 15, 2: 15, 3: 15, 4: 15}
    assert rows[PATH].value_counts().to_dict() == {"direct": 20, "community": 20, "mini_program": 20}


def test_a_sobol_sequence_is_more_even_than_chance() -> None:
    made = design("sobol", {PER_WEEK: [0, 10], STRENGTH: None}, n=64)
    places = np.array([made.space.units(made.at(n)) for n in range(64)])
    assert made.notes == ()
    for column in places.T:
        assert sorted((column * 64).astype(int)) == list(range(64))
    chance = qmc.discrepancy(np.random.default_rng(1).random((64, 2)))
    assert qmc.discrepancy(places) < chance / 3


def test_what_is_not_a_power_of_two_is_run_as_asked_and_told() -> None:
    some, more = (design("sobol", {PER_WEEK: [0, 10]}, n=n) for n in (50, 64))
    assert points(some) == points(more)[:50]
    assert "64 points would be" in some.notes[0]


def test_draws_follow_the_seed() -> None:
    other = replace(BASE, run=Run(seed=2))
    for kind in ("lhs", "sobol"):
        made = points(design(kind, {PER_WEEK: [0, 10]}, n=8))
        assert made == points(design(kind, {PER_WEEK: [0, 10]}, n=8))
        assert made != points(design(kind, {PER_WEEK: [0, 10]}, other, n=8))


def test_a_file_brings_a_point_in_each_row(tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text(
        f"{PER_WEEK},{PATH},{ASK},strategy.messaging.own_hour\n3,community,2,true\n, direct ,2.5,False\n900,x,1,\n"
    )
    made = design("file", file=str(file))
    assert points(made) == [
        {PER_WEEK: 3.0, PATH: "community", ASK: 2, "strategy.messaging.own_hour": True},
        {PER_WEEK: "", PATH: "direct", ASK: 2.5, "strategy.messaging.own_hour": False},
        {PER_WEEK: 900.0, PATH: "x", ASK: 1, "strategy.messaging.own_hour": ""},
    ]
    pd.DataFrame({PER_WEEK: [3.0, np.nan], ASK: [2, 3]}).to_parquet(tmp_path / "points.parquet")
    made = design("file", file=str(tmp_path / "points.parquet"))
    assert points(made) == [{PER_WEEK: 3.0, ASK: 2}, {PER_WEEK: "", ASK: 3}]


def test_what_is_said_twice_is_known() -> None:
    made = design("grid", {PER_WEEK: [1, 3, 1.0], STRENGTH: [0, 0]})
    assert made.firsts.tolist() == [0, 0, 2, 2, 0, 0]
    assert made.distinct.tolist() == [0, 2]
    assert "4 of 6 points" in made.notes[0]


def test_levers_come_first() -> None:
    made = design("grid", {STRENGTH: [0], "run.days": [30], PER_WEEK: [1], "response.fatigue.memory": [7]})
    assert [axis.role for axis in made.space.axes] == ["lever", "uncertainty", "uncertainty", "size"]


def test_what_sleeps_is_told() -> None:
    idle = replace(BASE, strategy=read_strategy("do_nothing"))
    assert PER_WEEK in design("grid", {PER_WEEK: [1, 2], "strategy.messaging.hour": [9]}, idle).notes[0]


def test_a_large_design_is_not_made_before_it_is_lived() -> None:
    made = design("grid", {PER_WEEK: np.linspace(1, 9, 100).tolist(), STRENGTH: np.linspace(0, 1.5, 100).tolist()})
    assert made.count == 10_000
    assert made.at(9_999) == {PER_WEEK: 9.0, STRENGTH: 1.5}


@pytest.mark.parametrize(
    ("kind", "values", "more", "fragments"),
    [
        ("grid", None, {}, ["design.values", "is empty"]),
        ("grid", {}, {}, ["design.values", "is empty"]),
        ("grid", {PER_WEEK: []}, {}, [PER_WEEK, "list is empty"]),
        ("grid", {"strategy.mesaging.per_week": [1]}, {}, ["no such key", f"'{PER_WEEK}'"]),
        ("grid", {PER_WEEK: None}, {}, [PER_WEEK, "list the values"]),
        ("grid", [{PER_WEEK: [1]}, {STRENGTH: [1]}], {}, ["several mappings are for design=concat"]),
        ("zip", {PER_WEEK: [1, 2], STRENGTH: [1]}, {}, ["equally long", f"{PER_WEEK} has 2"]),
        ("lhs", {PER_WEEK: [0, 7]}, {}, ["design.n"]),
        ("lhs", {PER_WEEK: [7, 0]}, {"n": 4}, ["low end lies above"]),
        ("sobol", {PER_WEEK: [7, 7]}, {"n": 4}, ["range is empty"]),
        ("sobol", {PER_WEEK: [0, 999]}, {"n": 4}, ["999", "[0, 280]"]),
        ("grid", {PER_WEEK: list(range(1001)), ASK: list(range(1000))}, {}, ["1,001,000 points", "1,000,000"]),
        ("grid", {PER_WEEK: [1]}, {"file": "points.csv"}, ["design.file", "design=file"]),
        ("file", {PER_WEEK: [1]}, {"file": "points.csv"}, ["design.values"]),
        ("file", None, {}, ["design.file"]),
        ("file", None, {"file": "nowhere.csv"}, ["nowhere.csv", "no such file"]),
    ],
)
def test_wrong_designs(kind: str, values: Any, more: dict[str, Any], fragments: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        design(kind, values, **more)
    assert all(fragment in str(caught.value) for fragment in fragments), caught.value


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        (f"{PER_WEEK},strategy.mesaging.ask\n1,2\n", ["column strategy.mesaging.ask", "did you mean"]),
        (f"{PER_WEEK}\n", ["has no rows"]),
        ("", ["cannot be read"]),
        (f"{PER_WEEK},{PER_WEEK}\n1,2\n", ["twice"]),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, fragments: list[str]) -> None:
    file = tmp_path / "points.csv"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        design("file", file=str(file))
    assert all(fragment in str(caught.value) for fragment in fragments), caught.value
