"""The report says what the tables say, loads nothing, escapes everything, and is the same twice."""

import html
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim.report import charts, material, page
from sim.report.material import Material
from sim.settings import Config, Data, Fitting, Run
from sim.study.forecast import run_forecast

HOSTILE = "<script>alert(1)</script> & $x_1$ 会员 {{ 7*7 }}"


def simulated_log(path: Path) -> Path:
    """A year of a growing membership, in CSV."""
    dice = np.random.default_rng(11)
    rows = []
    for member in range(150):
        day, gap = int(dice.integers(0, 250)), dice.gamma(1.0, 30.0) + 3.0
        level, life = dice.normal(3.4, 0.5), dice.gamma(0.8, 160.0)
        last = min(252.0, day + life)
        while day <= last:
            date = np.datetime64("2024-01-01") + np.timedelta64(int(day), "D")
            rows.append((f"m{member}", str(date), round(float(np.exp(dice.normal(level, 0.5))), 2)))
            day += 1 + int(dice.exponential(gap))
    frame = pd.DataFrame(rows, columns=["member_id", "date", "amount"])
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small runs, really made: without a log, and from a log with and without what happened after."""
    root = tmp_path_factory.mktemp("runs")
    log = simulated_log(root / "orders & refunds.csv")
    out = {"none": run_forecast(Config(run=Run(name="none", members=300, days=70, replications=8)), root)}
    config = Config(
        run=Run(name="held", replications=8, days=77),
        data=Data("log", path=str(log), jump_off_week=24),
        fit=Fitting(regularity=1.0),
    )
    out["held"] = run_forecast(config, root)
    out["future"] = root / "future"
    shutil.copytree(out["held"], out["future"])
    (out["future"] / "actuals.csv").unlink()
    summary = json.loads((out["future"] / "summary.json").read_text(encoding="utf-8"))
    del summary["against_actuals"]
    (out["future"] / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    page.write_report(out["future"])
    return out


@pytest.fixture
def copy(runs: dict[str, Path], tmp_path: Path):
    """A run's folder to change at will."""

    def make(name: str) -> Path:
        target = tmp_path / name
        shutil.copytree(runs[name], target)
        return target

    return make


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts are made but not drawn: for tests that read words alone."""
    monkeypatch.setattr(page, "save", lambda chart, file: file.write_bytes(b"\x89PNG" + bytes(28)))


class Reader(HTMLParser):
    """What a page loads, its images, its visible text, and whether its tags close."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.images: list[dict[str, str]] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {key: value or "" for key, value in attrs}
        self.tags.add(tag)
        self.loads += [value for key, value in found.items() if key in ("src", "href", "srcset", "data")]
        self.ids += [found["id"]] if "id" in found else []
        if tag == "img":
            self.images.append(found)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def read(folder: Path) -> tuple[Reader, str]:
    """The page of a folder and its visible text on one line."""
    reader = Reader((folder / "report.html").read_text(encoding="utf-8"))
    assert reader.open == []
    return reader, " ".join(" ".join(reader.text).split())


@pytest.mark.parametrize("name", ["none", "held", "future"])
def test_the_page_is_self_contained_and_in_words(runs: dict[str, Path], name: str) -> None:
    folder = runs[name]
    reader, text = read(folder)
    assert all(load.startswith(("data:image/png;base64,", "#")) for load in reader.loads)
    assert {load[1:] for load in reader.loads if load.startswith("#")} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.tags.isdisjoint({"script", "link", "iframe", "object"})
    assert "url(" not in (folder / "report.html").read_text(encoding="utf-8")
    files = sorted(file.stem for file in (folder / "charts").glob("*.png"))
    assert len(reader.images) == len(files) >= 8
    assert not list(folder.rglob("*.tmp"))
    for image in reader.images:
        assert len(image["alt"]) > 60
        assert re.search(r"\d", image["alt"])
        assert abs(int(image["width"]) - 1600) <= 2
    words = text + " ".join(image["alt"] for image in reader.images)
    assert not re.search(r"\b(nan|NaN|None|inf|True|False)\b|-0(?![.\d])\b|\{\{|\}\}", words)


@pytest.mark.parametrize("name", ["none", "held", "future"])
def test_every_headline_is_on_the_page_as_the_tables_have_it(runs: dict[str, Path], name: str) -> None:
    text = read(runs[name])[1]
    summary = json.loads((runs[name] / "summary.json").read_text(encoding="utf-8"))
    table = pd.read_csv(runs[name] / "forecast.csv").groupby("metric").last()
    for entry in summary["headlines"]:
        row = table.loc[entry["metric"]]
        mean, low, high = (material.number(float(row[key])) for key in ("mean", "p10", "p90"))
        assert (mean, low) == (material.number(entry["mean"]), material.number(entry["p10"]))
        far = f"{material.number(entry['p025'])} to {material.number(entry['p975'])}"
        assert f"{mean} {low} to {high} {far}" in text
    orders = next(entry for entry in summary["headlines"] if entry["metric"] == "orders_to_date")
    step = material.rounding(orders["p10"], orders["p90"])
    low, high = (material.rounded(orders[key], step) for key in ("p10", "p90"))
    assert f"in 8 of 10 simulated futures between {low} and {high}" in text
    assert material.rounded(orders["mean"], step) in text


def test_what_happened_is_compared_where_it_is_known(runs: dict[str, Path]) -> None:
    text = read(runs["held"])[1]
    summary = json.loads((runs["held"] / "summary.json").read_text(encoding="utf-8"))
    assert "How it fared" in text
    for entry in summary["against_actuals"]:
        assert f"{material.number(entry['forecast'])} {material.number(entry['actual'])}" in text
    truth = pd.read_csv(runs["held"] / "actuals.csv")
    orders = truth[truth["metric"] == "orders"]["value"].sum()
    assert f"{orders:,.0f} were placed" in text
    for name in ("none", "future"):
        assert "How it fared" not in read(runs[name])[1]
        assert "were placed" not in read(runs[name])[1]


def test_currency_sources_and_stand_in_are_said(runs: dict[str, Path]) -> None:
    log, none = read(runs["held"])[1], read(runs["none"])[1]
    assert "the log's own currency" in log
    assert "CNY" not in log.replace("in CNY", "")
    assert "orders & refunds.csv" in log
    assert str(runs["held"].parent) not in log
    assert "does not use your data" in none
    assert "parameters" not in charts.varied(Material(runs["none"]))
    assert "not knowing the members' true tendencies" not in none
    assert "not identified by a log" in log


def test_two_reports_are_the_same_to_the_byte(copy) -> None:
    folder = copy("held")
    before = {file.name: file.read_bytes() for file in (folder / "charts").iterdir()}
    text = (folder / "report.html").read_bytes()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"status": "running", "content_hash": None}))
    (folder / "charts" / "old.png").write_bytes(b"")
    page.write_report(folder)
    assert {file.name: file.read_bytes() for file in (folder / "charts").iterdir()} == before
    assert (folder / "report.html").read_bytes() == text


def test_hostile_words_are_only_words(copy) -> None:
    folder = copy("held")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    summary["title"] = HOSTILE
    summary["notes"].append({"code": HOSTILE, "count": 1, "text": HOSTILE})
    summary["market"] = HOSTILE
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    config = (folder / "config.yaml").read_text(encoding="utf-8")
    config = re.sub(r"path: .*", "path: '/secret/\"><script>alert(2)</script>.csv'", config)
    (folder / "config.yaml").write_text(config, encoding="utf-8")
    page.write_report(folder)
    raw = (folder / "report.html").read_text(encoding="utf-8")
    reader, text = read(folder)
    assert "script" not in reader.tags
    assert "<script" not in raw
    assert html.escape(HOSTILE, quote=False) in raw
    assert HOSTILE in text
    assert "/secret" not in text


@pytest.mark.usefixtures("quick")
def test_a_closed_membership_has_no_chart_of_newcomers(copy) -> None:
    folder = copy("held")
    table = pd.read_csv(folder / "forecast.csv")
    nobody = table["metric"].str.startswith(("joined", "orders_newcomers", "revenue_newcomers"))
    table.loc[nobody, ["mean", "p025", "p10", "p25", "p50", "p75", "p90", "p975", "monte_carlo_se"]] = 0.0
    table.to_csv(folder / "forecast.csv", index=False)
    page.write_report(folder)
    text = read(folder)[1]
    assert "Closed membership: there is no chart of newcomers" in text
    assert not list((folder / "charts").glob("weekly_orders_*.png"))
    assert (folder / "charts" / "weekly_orders.png").exists()
    assert "newcomers came: they placed" in text


def test_a_report_without_extras_and_of_a_few_days(tmp_path: Path) -> None:
    short = run_forecast(Config(run=Run(name="s", members=40, days=5, replications=2)), tmp_path)
    for name in ("parameters.json", "manifest.json"):
        (short / name).unlink()
    summary = json.loads((short / "summary.json").read_text(encoding="utf-8"))
    (short / "summary.json").write_text(json.dumps(summary | {"band_sources": None}), encoding="utf-8")
    page.write_report(short)
    text = read(short)[1]
    assert "the run covers no whole calendar month" in text
    assert "did not tell the sources of its bands apart" in text
    assert "Only 2 futures were simulated" in text


@pytest.mark.usefixtures("quick")
def test_actuals_that_begin_later_are_not_filled_with_zeros(copy) -> None:
    folder = copy("held")
    truth = pd.read_csv(folder / "actuals.csv")
    truth[truth["day"] >= 10].to_csv(folder / "actuals.csv", index=False)
    found = Material(folder)
    weeks = found.actual_weeks("orders")
    assert weeks is not None
    assert weeks.index[0] == 20
    first = truth[(truth["metric"] == "orders") & truth["day"].between(14, 20)]["value"].sum()
    assert weeks.loc[20] == first
    assert found.actual_total("orders") is None
    assert found.actual_to_date("orders") is None
    page.write_report(folder)
    assert "were placed" not in read(folder)[1]


@pytest.mark.usefixtures("quick")
def test_impossible_amounts_are_not_printed(copy) -> None:
    folder = copy("none")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    for entry in summary["headlines"]:
        if entry["metric"] == "revenue_to_date":
            entry["mean"] = entry["p025"] = -9.2e18
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    table = pd.read_csv(folder / "forecast.csv")
    table.loc[table["metric"].str.startswith("revenue"), ["mean", "p025"]] = -9.2e18
    table.to_csv(folder / "forecast.csv", index=False)
    page.write_report(folder)
    text = read(folder)[1]
    assert "Not usable in this run: Revenue." in text
    assert "9,200,000" not in text
    assert not (folder / "charts" / "revenue.png").exists()


def test_numbers_dates_and_letters() -> None:
    assert [material.number(value) for value in (18370.565, -0.2, 3.04, 9.96, 0.0, -12.4, 2.0)] == [
        "18,371", "-0.2", "3.0", "10", "0", "-12", "2"]  # fmt: skip
    assert material.number(float("nan")) == "not known"
    assert material.rounded(18370.565, material.rounding(16309.1, 20322.3)) == "18,400"
    assert material.rounded(23570.0, material.rounding(23570.0, 23570.0)) == "23,570"
    assert [material.figures(v) for v in (0.623289, 75.4545, 1.0, 1000000.0, 3e-7)] == [
        "0.6233", "75.45", "1", "1,000,000", "3e-07"]  # fmt: skip
    assert material.month_words("1997-10") == "October 1997"
    assert material.usable({"mean": 2.0, "p025": 1.0, "p975": 3.0})
    assert not material.usable({"mean": 9.0, "p025": 1.0, "p975": 3.0})
    assert not material.usable({"mean": float("nan"), "p025": 1.0, "p975": 3.0})
    known = charts._fonts()[1]
    assert {ord(letter) for letter in charts.drawable(HOSTILE + "\x07\n\U0001f600é")} <= known


def test_drawing_never_loads_pyplot_and_reading_never_loads_matplotlib() -> None:
    code = (
        "import sys, sim.report.page\n"
        "assert not [m for m in sys.modules if m.startswith(('matplotlib', 'jinja2', 'sim.engine', 'sim.study'))]\n"
        "from sim.report.charts import Sheet\n"
        "Sheet('a $title$', 'source')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
