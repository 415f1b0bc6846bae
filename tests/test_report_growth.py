"""Charts of growth say what the tables say, with holes in them too, and pages without such tables do not change."""

import dataclasses
import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.accounting import lineage, posting
from sim.report import charts, growth, page
from sim.report.comparison import Comparison, write_comparison
from sim.report.growth import growth_of
from sim.report.material import Material
from sim.settings import CompareConfig, Config, Run
from sim.study.compare import run_compare
from sim.study.forecast import run_forecast
from sim.touch import TIERS

TALK = "do_nothing:content.on=true:messaging.on=true:messaging.per_week=5"
PLAIN, LONG = "do_nothing", "koc_start:advocates.choose=random:referral.most_invites=3"
BARE = re.compile(r"\b(nan|NaN|None|inf|True|False)\b|(?<![\w.])-\d|\{\{|\}\}")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small comparison, really made, before anything in it grows."""
    config = CompareConfig(run=Run(name="grown", members=120, days=21, replications=3), strategies=(PLAIN, TALK))
    return run_compare(config, tmp_path_factory.mktemp("runs"))


def csv(file: Path, rows: list[tuple[object, ...]], columns: str) -> None:
    """A table as the study writes it."""
    pd.DataFrame(rows, columns=columns.split()).to_csv(file, index=False)


def around(mean: float, half: float) -> tuple[float, float, float]:
    return mean, mean - half, mean + half


def grow(
    folder: Path, rate: float = 0.4, half: float = 0.1, joined: float = 80.0, names: tuple[str, ...] = (LONG,)
) -> None:
    """Tables of growth by hand: one strategy or more, alike."""
    family, ways, moves = [], [], []
    for name in names:
        for at, (size, bred) in enumerate(((2000.0, 0.05), (90.0, rate), (3.0, 0.0))):
            family.append((name, at, "members", *around(size, 2 * half), "members"))
            family.append((name, at, "reproduction", *around(bred, half), "children a member"))
        for channel, size, cost, value in (
            ("organic", 500.0, 0.0, 170.0), ("referral", joined, 40.0, 120.0), ("trial_ads", joined, 100.0, 60.0),
            ("word_of_mouth", 2.0, 0.0, -7.0),
        ):  # fmt: skip
            ways.append((name, channel, "joined", *around(size, 5.0), "members"))
            ways.append((name, channel, "hunters", *around(0.3 if channel == "referral" else 0.1, half), "share"))
            ways.append((name, channel, "active_90", math.nan, math.nan, math.nan, "share"))
            ways.append((name, channel, "cac", *around(cost, half), "CNY a member"))
            ways.append((name, channel, "value", *around(value, 10 * half), "CNY a member"))
        moves += [(name, 0, "none", "silver", *around(30.0, 4.0)), (name, 0, "gold", "silver", *around(2.0, half))]
    columns = "measure mean low95 high95 unit"
    csv(folder / "genealogy.csv", family, f"strategy generation {columns}")
    csv(folder / "channels.csv", ways, f"strategy channel {columns}")
    csv(folder / "ladder.csv", moves, "strategy period from_tier to_tier mean low95 high95")
    groups = pd.DataFrame({"strategy": names[0], "replication": 0, "day": range(20), "level": "ordinary"})
    groups.assign(posts=30, members=100).to_parquet(folder / "groups.parquet")


def found(folder: Path, names: tuple[str, ...] = ()) -> dict[str, charts.Chart]:
    m = Material(folder)
    return {chart.name: chart for chart in growth_of(m, "A test.", names).charts()}


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    """A comparison's folder to change at will, without tables of growth."""
    target = tmp_path / "copy"
    shutil.copytree(run, target)
    for name in (*growth.FILES, "groups.parquet"):
        (target / name).unlink(missing_ok=True)
    return target


def test_a_page_without_tables_of_growth_says_nothing_of_it(folder: Path) -> None:
    write_comparison(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert found(folder) == {}
    assert not any(word in text for word in ("How it grew", "Reproduction", "channels.csv", 'id="growth"'))


def test_a_comparison_shows_how_it_grew(folder: Path) -> None:
    grow(folder, names=(TALK,))
    write_comparison(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    for word in ("How it grew", "All channels in numbers", "Reproduction R", "Coupon hunter", "channels.csv", "Tier"):
        assert word in text
    images = {file.stem for file in (folder / "charts").glob("*.png")}
    assert set(growth.CHARTS) <= images
    assert text.index('id="growth"') > text.index('id="charts"') > 0
    for name in growth.CHARTS:
        assert text.count(f'<figure id="{name}"') == 1
        assert text.index(f'<figure id="{name}"') > text.index('<section id="growth"')
    section = text[text.index('<section id="growth"') : text.index('<section id="strategies"')]
    assert not BARE.search(re.sub(r'src="[^"]*"', "", section))
    before = {file.name: file.read_bytes() for file in (folder / "charts").iterdir()}
    write_comparison(folder)
    assert (folder / "report.html").read_text(encoding="utf-8") == text
    assert {file.name: file.read_bytes() for file in (folder / "charts").iterdir()} == before


def test_a_forecast_shows_how_it_grew(tmp_path: Path) -> None:
    made = run_forecast(Config(run=Run(name="plain", members=120, days=21, replications=3)), tmp_path)
    assert "How it grew" not in (made / "report.html").read_text(encoding="utf-8")
    grow(made, names=("do_nothing",))
    page.write_report(made)
    text = (made / "report.html").read_text(encoding="utf-8")
    assert text.index('id="growth"') > text.index('id="charts"')
    assert text.count("<figure id=") == len(list((made / "charts").glob("*.png")))
    assert set(growth.CHARTS) <= {file.stem for file in (made / "charts").glob("*.png")}


@pytest.mark.parametrize(
    ("rate", "half", "words"),
    [
        (0.4, 0.1, "No membership grows by itself"),
        (0.8, 0.4, "So far no membership grows by itself"),
        (1.2, 0.4, "A generation may outgrow the one before"),
        (1.2, math.nan, "A generation may outgrow the one before"),
        (1.4, 0.2, "A generation outgrows the one before"),
        (math.nan, 0.1, "Members brought 93 others"),
    ],
)
def test_growing_by_itself_is_said_where_it_is_shown(folder: Path, rate: float, half: float, words: str) -> None:
    grow(folder, rate, half)
    chart = found(folder)["genealogy"]
    assert chart.title.startswith(words)
    assert "93 in 2 generations" in chart.takeaway
    assert not BARE.search(chart.title + chart.takeaway + chart.alt)


def test_what_a_channel_cost_and_brought_is_said(folder: Path) -> None:
    grow(folder)
    chart = found(folder)["channels"]
    assert chart.title.startswith(
        "1 of 2 channels that cost something have paid back so far; a newcomer by trial ads"
    )
    assert "cost 100 CNY to win and has brought 60" in chart.title
    assert "Most coupon hunters: referral" in chart.takeaway
    assert "3 channels with 10 members or more; the table below has all 4" in chart.takeaway
    rows = growth.channel_rows(growth_of(Material(folder), ""))
    assert [row["channel"] for row in rows] == ["organic", "referral", "trial ads", "word of mouth"]
    assert rows[3]["value"].startswith("−7")
    assert rows[0]["active_90"] == "–"
    grow(folder, half=5.0)
    assert "overlap" in found(folder)["channels"].takeaway
    grow(folder, joined=3.0)  # nobody but organic newcomers is worth a chart
    assert "channels" not in found(folder)


def test_moves_up_and_down_are_counted(folder: Path) -> None:
    grow(folder)
    chart = found(folder)["ladder"]
    assert chart.title.startswith("30 moves up the ladder and 2 down")
    assert "in 21 days" in chart.title
    table = pd.read_csv(folder / "ladder.csv")
    order = {tier: place for place, tier in enumerate(TIERS)}
    rows = growth.ladder_rows(table, 1, 1, order)
    assert [(words, up) for words, up, _ in rows] == [("none → silver", True), ("gold → silver", False)]
    np.testing.assert_allclose(rows[0][2], [[30.0, 4.0]])


def test_only_the_strategies_of_the_page_are_told(folder: Path) -> None:
    grow(folder, names=(PLAIN, LONG))
    assert LONG not in found(folder, (PLAIN,))["genealogy"].takeaway
    assert LONG in found(folder)["genealogy"].takeaway
    assert Comparison(folder).grown.names == (PLAIN, TALK)


@pytest.mark.parametrize("half", [0.1, math.nan, 1e6])
def test_everything_can_be_drawn(folder: Path, half: float) -> None:
    """Seven strategies with long names; and one future, or intervals without bounds."""
    names = tuple(f"{LONG}:guard.per_day={i}" for i in range(7))
    grow(folder, half=half, names=names)
    family = pd.read_csv(folder / "genealogy.csv")
    later = [family.assign(generation=family["generation"] + 3 * i) for i in range(4)]
    pd.concat(later).to_csv(folder / "genealogy.csv", index=False)
    moves = pd.read_csv(folder / "ladder.csv")
    pd.concat([moves.assign(period=i) for i in range(40)]).to_csv(folder / "ladder.csv", index=False)
    if math.isnan(half):
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        (folder / "summary.json").write_text(json.dumps(summary | {"replications": 1}), encoding="utf-8")
    drawn = found(folder)
    assert tuple(drawn) == growth.CHARTS
    for chart in drawn.values():
        charts.save(chart, folder / "chart.png")
        assert (folder / "chart.png").stat().st_size > 20_000
        assert not BARE.search(chart.title + chart.takeaway + chart.how)
        assert ("one future has no intervals" in chart.how.lower() or "has no intervals" in chart.how) == (
            math.isnan(half) and chart.name != "group_activity"
        )


def test_the_report_counts_as_the_books_do() -> None:
    """The report reads files alone; what it knows of them by heart is what the books write."""
    assert growth.LAST == lineage.GENERATIONS - 1
    assert growth.PERIOD == posting.PERIOD
    assert lineage.MATURE == 90
    assert {field.name for field in dataclasses.fields(growth.Growth)} >= {Path(name).stem for name in growth.FILES}
