"""Markets: plain files whose every number has a reason, the same with Hydra and without, and plausible when lived."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from docs import markets
from docs.markets import FOLDER, NAMES, read, reasons
from sim.engine import Behaviour, EmbeddedFounders, Plan, World
from sim.errors import InputError
from sim.settings import Config
from sim.units import checked
from sim.world.calendar import SLOWEST, festival_speed
from sim.world.market import Market, Segments


def plain(name: str) -> dict[str, Any]:
    """A market's file as plain YAML gives it."""
    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def numbers(values: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Every number of nested mappings, by its path."""
    out: dict[str, float] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            out |= numbers(value, f"{prefix}{key}.")
        elif not isinstance(value, str):
            out[f"{prefix}{key}"] = value
    return out


def open_world(name: str, members: int = 2000) -> World:
    """A market's members on day 0."""
    config = read(name)
    people = config.population
    behaviour = Behaviour(people.buying, people.drifting, people.spending)
    founders = EmbeddedFounders(members, behaviour, people.history_days)
    return World(Plan(config.start(), 1, founders, config.market, stages=people.stages), seed=1)


# -- the files -----------------------------------------------------------------------------------------------------


def test_these_are_the_markets() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {"default", *NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_number_has_a_source_or_is_called_an_assumption(name: str) -> None:
    why = reasons(name)
    assert set(why) == set(numbers(plain(name)))
    for key, reason in why.items():
        assert re.match(r"(claim C\d{3}, |source [A-Z]+: |assumption: )\S+( \S+)+", reason), (
            f"{name}: {key}: {reason!r}"
        )


def test_a_number_without_a_reason_would_be_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = (FOLDER / "coffee.yaml").read_text(encoding="utf-8")
    (tmp_path / "coffee.yaml").write_text(re.sub(r"(  margin: [\d.]+).*", r"\1", text), encoding="utf-8")
    monkeypatch.setattr(markets, "FOLDER", tmp_path)
    assert reasons("coffee")["market.margin"] == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_market_is_read_without_hydra(name: str) -> None:
    config = read(name)
    assert config.market.name == name
    assert config.population.name == "default"
    values = numbers(plain(name))
    for key, value in values.items():
        place: Any = config
        for part in key.split("."):
            place = getattr(place, part)
        assert place == value, key


@pytest.mark.parametrize("app", ["forecast", "backtest"])
@pytest.mark.parametrize("name", ["default", *NAMES])
def test_hydra_composes_the_same(name: str, app: str) -> None:
    """The groups composed after the market leave its numbers alone, and the command line has the last word."""
    GlobalHydra.instance().clear()
    ConfigStore.instance().store(name="schema", node=dataclasses.asdict(Config()))
    with initialize_config_dir(str(FOLDER.parent), version_base="1.3"):
        composed = compose(app, [f"market={name}", "data=none", "population.spending.median_order=77"])
    values: Any = OmegaConf.to_container(composed, resolve=True)
    config = checked(Config, {key: values[key] for key in ("market", "population")})
    other = Config() if name == "default" else read(name)
    spending = dataclasses.replace(other.population.spending, median_order=77.0)
    assert config.market == other.market
    assert config.population == dataclasses.replace(other.population, spending=spending)


def test_default_stays_as_it_is() -> None:
    """No festivals, and no number but those of the code."""
    market = checked(Config, {"market": plain("default")}).market
    assert market == Market()
    assert market.calendar.festivals == "none"
    assert market.segments == Segments(0.40, 0.30, 0.15, 0.15)
    assert (market.margin, market.hunter_share) == (0.5, 0.1)


# -- what is in them -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_dips_never_reach_the_floor(name: str) -> None:
    """So what is borrowed is exact, in every year; the clock's mean stays within a few per cent of 1."""
    market = read(name).market
    start = np.datetime64("2000-01-01")
    speed = festival_speed(market.calendar, start.item(), 18263)
    assert speed.min() > 1.2 * SLOWEST
    assert abs(speed.mean() - 1) < 0.03
    assert market.season.index == "none", "no published index of this category: see docs/MARKETS.md"


@pytest.mark.parametrize("name", NAMES)
def test_newcomers_replace_the_joinings_of_the_past(name: str) -> None:
    config = read(name)
    assert config.market.joining.yearly_share == pytest.approx(365 / config.population.history_days, abs=0.01)


def test_rates_agree_with_what_is_claimed() -> None:
    rate = {name: read(name).population.buying for name in NAMES}
    yearly = {name: 365 * buying.rate_shape / buying.rate_scale for name, buying in rate.items()}
    assert yearly["mother_and_baby"] / 12 == pytest.approx(1.2, rel=0.03), "claim C013: 1.2 a month"
    assert 4.2 < yearly["beauty"] < 12 * 1.2, "between 4.2 a year and 1.2 a month"
    assert yearly["home"] < 1 / 3, "every few years"
    assert sorted(NAMES, key=lambda name: -yearly[name]) == [
        "coffee",
        "mother_and_baby",
        "beauty",
        "apparel",
        "education",
        "home",
    ]


@pytest.mark.statistical
def test_one_in_eight_buys_again_for_the_home() -> None:
    """Claim C252: a repurchase of 12 % before the service pack, read as within a year; standard error 0.03 points."""
    people = read("home").population
    luck = np.random.default_rng(1)
    count = 1_000_000
    rate = luck.gamma(people.buying.rate_shape, 1 / people.buying.rate_scale, count)
    hazard = luck.gamma(people.drifting.drift_shape, 1 / people.drifting.drift_scale, count)
    days = luck.exponential(size=count) / np.maximum(rate, 1e-300)
    attached = luck.exponential(size=count) / np.maximum(hazard, 1e-300)
    assert ((days < 365) & (days < attached)).mean() == pytest.approx(0.12, abs=0.005)


@pytest.mark.parametrize("name", NAMES)
def test_the_document_says_how_active_members_are(name: str) -> None:
    """Buyers of the last 30 days and the silent on day 0, against the table; other replications differ by luck."""
    text = markets.DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"\| `{name}` \| [\d.]+ \| (\d+) % \| (\d+) % \| [\d,]+ \|", text)
    assert found, "a row of the table"
    world = open_world(name)
    rows = np.concatenate([rows[low:high]["last_order"] for rows, _, low, high in world.population.ranges()])
    cycle = read(name).market.cycle_days
    active, silent = 100 * np.mean(rows >= -30), 100 * np.mean(rows < -cycle)
    assert active == pytest.approx(float(found[1]), abs=3.5)
    assert silent == pytest.approx(float(found[2]), abs=3.5)


def test_table_is_what_the_files_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a document with another number is refused by --check, and put right without it."""
    text = markets.DOCUMENT.read_text(encoding="utf-8")
    assert text == markets.rendered(text), "run python -m docs.markets"
    file = tmp_path / "MARKETS.md"
    file.write_text(text.replace("| 60 days | 60% |", "| 61 days | 60% |", 1), encoding="utf-8")
    monkeypatch.setattr(markets, "DOCUMENT", file)
    assert markets.main(["--check"]) == 1
    assert "run python -m docs.markets" in capsys.readouterr().err
    assert markets.main([]) == 0
    assert file.read_text(encoding="utf-8") == text
    assert markets.main(["--chek"]) == 2


# -- wrong values --------------------------------------------------------------------------------------------------


def test_shares_must_add_up() -> None:
    Market().cross_check()
    Market(segments=Segments(0.1, 0.2, 0.3, 0.4)).cross_check()
    market = checked(Market, {"segments": {"price": 0.5}}, prefix="market.")
    with pytest.raises(InputError, match=r"market\.segments: .* must add up to 1, not 1\.2 \(0\.4 \+ 0\.5"):
        market.cross_check()
    with pytest.raises(InputError):
        Segments(0.40, 0.30, 0.15, 0.15 + 2e-9).cross_check()
    Segments(0.40, 0.30, 0.15, 0.15 + 5e-10).cross_check()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"margin": 1.2}, ["market.margin=1.2", "[0, 1]", "gross margin"]),
        ({"hunter_share": -0.1}, ["market.hunter_share=-0.1", "[0, 1]"]),
        ({"segments": {"prize": 0.3}}, ["market.segments.prize", "did you mean 'segments.price'?"]),
        ({"segments": {"price": 2}}, ["market.segments.price=2", "[0, 1]"]),
        ({"calender": {}}, ["market.calender", "did you mean 'calendar'?"]),
    ],
)
def test_wrong_values_are_answered(values: dict[str, object], said: list[str]) -> None:
    with pytest.raises(InputError) as wrong:
        checked(Market, values, prefix="market.")
    for words in said:
        assert words in str(wrong.value)
