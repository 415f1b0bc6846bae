"""The first page of a comparison: each number a cell of the run's tables, what was done apart from who they are, and
which assumptions carry the result."""

import dataclasses
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from sim import compare
from sim.errors import InputError
from sim.report import page as pages
from sim.report.cited import Cell, Tables, agrees, printed, sentence
from sim.report.comparison import write_comparison
from sim.report.executive import SMALLER, Executive
from sim.report.workbook import MOST_ROWS, contents, described, write_workbook
from sim.report.workbook import pages as sheets
from sim.settings import AssumptionSettings, CompareConfig, CompareRun, PopulationSettings
from sim.strategy import Strategy, read_strategy
from sim.study import assumptions, selection
from sim.study.compare import prepare_twins, run_compare
from sim.study.forecast import prepare
from sim.units import parameters

SOME = "matched_scenes:messaging.stages=new+active+at_risk"
"""It writes to some members only."""
TIERS = "tiers_status:tiers.silver=30:tiers.gold=60:tiers.diamond=120"
STRATEGIES = ("two_sided_referral", "do_nothing", TIERS, SOME)
AMONG = ("response.joining.friend", "response.opening.ordinary", "market.channels.store_qr.cost", "market.margin",
         "strategy.budget.wage", "population.stages")  # fmt: skip
SIZES = {"members": 250, "replications": 3, "most": 2, "again": 3}


def config_of(strategies: tuple[str, ...], **run: int | str) -> CompareConfig:
    """A small comparison with its assumptions moved."""
    return CompareConfig(
        run=CompareRun(**{"members": 300, "days": 40, "replications": 5, "threads": 1} | run),
        strategies=strategies,
        population=PopulationSettings(history_days=120),
        assumptions=AssumptionSettings(on=True, among=AMONG, **SIZES),
    )


@pytest.fixture(scope="module")
def undrawn() -> pytest.MonkeyPatch:
    """Charts are made but not drawn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "save", lambda chart, file: file.write_bytes(b"\x89PNG" + bytes(28)))
        yield patch


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, undrawn: pytest.MonkeyPatch) -> Path:
    """A comparison of four strategies, with its page."""
    return run_compare(config_of(STRATEGIES, name="told"), tmp_path_factory.mktemp("told"))


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory, undrawn: pytest.MonkeyPatch) -> Path:
    """A strategy against itself, twice."""
    config = dataclasses.replace(config_of(("matched_scenes",) * 3, name="alike"), assumptions=AssumptionSettings())
    return run_compare(config, tmp_path_factory.mktemp("alike"))


class Short(HTMLParser):
    """The section `short` of a page: its numbers with their cells, its words without names, all of its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.numbers: list[tuple[str, str]] = []
        self.words = ""
        self.text = ""
        self._open: list[str] = []
        self._ref = ""
        start = text.index('<section id="short">')
        self.feed(text[start : text.index("</section>", start)])
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        if tag == "data":
            self._ref = dict(attrs)["value"] or ""

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open[-1] == "data":
            self.numbers.append((data, self._ref))
        elif self._open[-1] not in ("b", "code", "q") and "soft" not in data:
            self.words += data


def short_of(folder: Path) -> Short:
    """The first page of a folder, read back."""
    return Short((folder / "report.html").read_text(encoding="utf-8"))


def wrong(folder: Path) -> list[str]:
    """Numbers of the first page that are not what their cell says."""
    tables = Tables(folder)
    return [text for text, ref in short_of(folder).numbers if not agrees(text, *tables.look_up(ref))]


# -- numbers -------------------------------------------------------------------------------------------------


def test_every_number_is_a_cell_of_the_tables(told: Path) -> None:
    short = short_of(told)
    assert len(short.numbers) > 40
    assert wrong(told) == []
    note = "1 of 20 such runs"
    assert re.findall(r"\d+", short.words.replace(note, "")) == []
    heads = ("What wins, and by how much", "How surely", "Why", "Whom it costs", "What was done, and who they were",
             "Which assumptions carry it", "What to test first")  # fmt: skip
    assert [head for head in heads if head not in short.text] == []


def test_no_digit_can_be_altered_unseen(told: Path) -> None:
    tables = Tables(told)
    for text, ref in short_of(told).numbers:
        value, step = tables.look_up(ref)
        for place, letter in enumerate(text):
            if letter.isdigit():
                other = f"{text[:place]}{(int(letter) + 1) % 10}{text[place + 1 :]}"
                assert not agrees(other, value, step), (text, other, ref)
        if printed(text) < 0.0:
            assert not agrees(text.replace("\u2212", "+"), value, step)


def test_a_table_cannot_be_altered_unseen(told: Path, tmp_path: Path) -> None:
    folder = tmp_path / "altered"
    shutil.copytree(told, folder)
    for name, column in (("bridge_flows.csv", "effect"), ("members.csv", "mean"), ("selection.csv", "mean")):
        table = pd.read_csv(folder / name)
        table[column] *= 1.5
        table.to_csv(folder / name, index=False)
        found = len(wrong(folder))
        assert found > 0, name
        shutil.copy(told / name, folder / name)


def test_a_number_that_is_not_its_cell_is_refused() -> None:
    with pytest.raises(ArithmeticError, match="does not say"):
        Cell(1234.4, "effects.csv?strategy=a#effect").say(lambda _: "1,235")
    number = Cell(1234.4, "effects.csv?strategy=a%2C%20b#effect").say(lambda _: "1,230")
    assert (number.ref, number.where) == ("effects.csv?strategy=a%2C%20b#effect@10", "effects.csv: a, b, effect")
    whole = sentence("{a} and {b}.", a=number, b=sentence("{c} more", c="some"))
    assert whole == (number, " and ", "some", " more", ".")


def test_two_questions_are_kept_apart(told: Path) -> None:
    text = short_of(told).text
    assert re.search(r"The average is (not )?settled", text)
    assert "Another question is how often it wins" in text
    assert "do not raise it" in text


def test_a_trial_with_real_members_is_told_where_spending_differs(told: Path) -> None:
    """Its numbers are cells of the summary; where spending is not told apart there is no such sentence."""
    shutil.copytree(told, copy := told.parent / "trial")
    summary = json.loads((copy / "summary.json").read_text())
    summary["trial"] = {"effect": -12.0, "low95": -15.0, "high95": -9.0, "spread": 100.0, "each": 1090}
    (copy / "summary.json").write_text(json.dumps(summary))
    text = str(list(Executive(copy).tested()))
    assert "1,090" in text
    assert "less" in text
    assert "trial.each" in text
    summary["trial"] = None
    (copy / "summary.json").write_text(json.dumps(summary))
    assert "real members" not in str(list(Executive(copy).tested()))


def test_what_was_not_looked_at_is_said(told: Path) -> None:
    page = Executive(told)
    page.summary.pop("assumptions")
    page.summary["trial"] = None
    words = [p.head for p in page.paragraphs()]
    assert "What to test first" not in words
    assert "Which assumptions carry it" in words
    assert "did not look" in str(list(page.carried()))


# -- the page ------------------------------------------------------------------------------------------------


def test_the_page_needs_nothing_else_and_has_words_for_pictures(told: Path) -> None:
    text = (told / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(src|href|srcset)=["'](?!data:|#)|url\(|@import|https?://""", text)
    assert "default-src 'none'" in text
    images = re.findall(r"<img [^>]*>", text)
    assert len(images) > 10
    for image in images:
        (alt,) = re.findall(r'alt="([^"]*)"', image)
        assert len(alt) > 40
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    inside = set(re.findall(r'<a href="#([^"]+)"', text))
    assert inside == set(re.findall(r'<section id="([^"]+)"', text))


def test_a_strategy_against_itself_is_nothing_in_words(alike: Path) -> None:
    text = short_of(alike).text
    assert "every number is the same as under matched_scenes, to the bit" in text
    assert "Every difference is exactly nothing" in text
    assert short_of(alike).numbers == []
    whole = (alike / "report.html").read_text(encoding="utf-8")
    assert "matched_scenes#2" in whole
    assert "matched_scenes#3" in whole


def test_a_repeated_strategy_is_said_to_be_the_same(tmp_path: Path, undrawn: pytest.MonkeyPatch) -> None:
    config = CompareConfig(
        run=CompareRun(name="some", members=150, days=20, replications=3, threads=1),
        strategies=("do_nothing", "two_sided_referral", "do_nothing"),
    )
    text = short_of(run_compare(config, tmp_path)).text
    assert "do_nothing#2 is the same as do_nothing to the bit: every difference is exactly nothing." in text


# -- selection apart from treatment --------------------------------------------------------------------------


def test_selection_by_hand() -> None:
    group = np.array([[True, True, False, False]])
    theirs = np.array([[3000, 3000, 1000, 1000]])
    found = selection.spent_by(group, np.array([[3200, 3000, 1000, 1000]]), theirs)
    assert {name: float(value[0]) for name, value in found.items()} == pytest.approx(
        {"share": 0.5, "times": 3.1, "anyway": 3.0, "caused": 0.1, "gain": 1.0}
    )


def test_newcomers_by_hand() -> None:
    """Of three who came by channel 3, one comes anyway; they are found by who they are, not by their place."""
    ours = np.array([[0, 11, 3, 400, 1], [0, 12, 3, 200, 1], [0, 13, 3, 0, 1], [0, 14, 1, 100, 1]])
    theirs = np.array([[0, 14, 1, 100, 1], [0, 12, 1, 100, 1], [0, 99, 1, 700, 1]])
    found = selection.newcomers_of(selection.matched_newcomers(ours, theirs), 3)
    assert {name: float(value[0]) for name, value in found.items()} == pytest.approx({
        "share": 0.75, "times": 2.0, "anyway": 1 / 3, "caused": 5 / 3, "gain": 5 / 3, "came_anyway": 1 / 3,
    })  # fmt: skip
    theirs[:, 4] = 2  # of the baseline every second person was kept: the others are not known to have stayed away
    assert selection.newcomers_of(selection.matched_newcomers(ours, theirs), 3)["share"].tolist() == [0.5]


def test_groups_that_a_strategy_makes(told: Path) -> None:
    table = pd.read_csv(told / "selection.csv")
    found = {(row.strategy, row.group) for row in table.itertuples()}
    assert {(TIERS, tier) for tier in ("silver", "gold", "diamond")} <= found
    assert (SOME, "messaged") in found
    assert not [group for strategy, group in found if strategy == "do_nothing" and group == "referral"]
    wide = table.pivot_table("mean", ["strategy", "group"], "measure")
    assert np.allclose(wide["caused"], wide["times"] - wide["anyway"], atol=1e-6)
    assert (wide["times"][TIERS][["silver", "gold", "diamond"]] > 1.0).any()


def test_a_group_against_itself_was_caused_nothing(alike: Path) -> None:
    table = pd.read_csv(alike / "selection.csv")
    assert (table[table["measure"].isin(["caused", "gain"])]["mean"] == 0.0).all()
    assert (table[table["measure"] == "came_anyway"]["mean"] == 1.0).all()


# -- assumptions ---------------------------------------------------------------------------------------------


def test_ends_of_a_step() -> None:
    known = {p.path: p for p in parameters(CompareConfig)}
    assert assumptions.ends_of(known["market.margin"], 0.5, 0.5) == {"lower": 0.25, "higher": 0.75}
    assert assumptions.ends_of(known["market.network.tie_close"], 0.9, 0.5) == {"lower": 0.45, "higher": 1.0}
    assert assumptions.ends_of(known["response.opening.ordinary"], -0.6, 0.5) == {"lower": -0.9, "higher": -0.3}
    assert assumptions.ends_of(known["market.channels.trial_ads.intent"], 0.0, 0.5) == {}
    assert assumptions.ends_of(known["response.inviting.chooses"], 3.0, 0.5) == {"lower": 2.0, "higher": 4.0}


@pytest.mark.parametrize(
    ("lead", "shift", "word"),
    [((-3, -5, -1), (-9, -9, -9), "flips"), ((-1, -4, 2), (-5, -6, -4), "open"), ((1, 0, 2), (-1, -2, -1), "open"),
     ((5, 4, 6), (1, 0.5, 2), "moves"), ((5, 4, 6), (0, -1, 1), "holds")],
)  # fmt: skip
def test_what_an_assumption_does(lead: tuple[float, ...], shift: tuple[float, ...], word: str) -> None:
    names = ("effect", "low95", "high95")
    assert assumptions.verdict(*(dict(zip(names, numbers, strict=True)) for numbers in (lead, shift))) == word


def test_assumptions_that_cannot_act_move_nothing_to_the_bit(told: Path) -> None:
    table = pd.read_csv(told / "assumptions.csv").set_index("path")
    about = Tables(told).summary["assumptions"]
    assert (table.loc["market.channels.store_qr.cost", ["shift", "low95", "high95"]] == 0.0).all(axis=None)
    assert not table.loc["market.channels.store_qr.cost", "lived_again"].any()
    assert 0 < about["acting"] < about["declared"]
    assert set(table[table["lived_again"]].index) == set(pd.read_csv(told / "assumptions_again.csv")["path"].dropna())
    assert about["members"] == 250


def test_a_shift_is_that_of_two_comparisons(told: Path) -> None:
    """The lead with another margin, less the lead as assumed, from comparisons that know nothing of assumptions."""
    about = Tables(told).summary["assumptions"]
    size = round(1_000_000 * 250 / 300)
    leads = []
    for margin in (0.5, 0.75):
        found = compare(
            strategies=[about["runner_up"], about["best"]],
            run={"members": 250, "days": 40, "replications": 3, "threads": 1},
            population={"history_days": 120}, market={"size": size, "margin": margin},
        )  # fmt: skip
        effects = found.effects.query("metric == 'contribution' and day == 39")["effect"]
        leads.append(effects.to_numpy(dtype=float) * 1000 / 250)
    row = pd.read_csv(told / "assumptions.csv").query("path == 'market.margin' and end == 'higher'").iloc[0]
    assert row["value"] == 0.75
    assert row["shift"] == pytest.approx(float((leads[1] - leads[0]).mean()), rel=1e-6)


def test_those_that_move_most_are_lived_again_with_other_luck(told: Path) -> None:
    table = pd.read_csv(told / "assumptions.csv", keep_default_na=False)
    again = pd.read_csv(told / "assumptions_again.csv", keep_default_na=False)
    largest = table.assign(size=table["shift"].astype(float).abs()).groupby("path")["size"].max()
    chosen = set(again["path"]) - {""}
    assert chosen == set(largest.nlargest(2).index)
    both = again.merge(table, on=["path", "end"], suffixes=("", "_first"))
    assert len(both)
    assert (both["shift"].astype(float) != both["shift_first"].astype(float)).all()
    assert again["end"].iloc[0] == "as assumed"
    assert float(again["shift"].iloc[0]) == 0.0


def test_moved_assumptions_do_not_depend_on_threads(told: Path) -> None:
    twins = prepare_twins(config_of(STRATEGIES, threads=3))
    call = Tables(told).summary["call"]
    tables, about = assumptions.examined(twins.config, twins.ready, twins.strategies, call)
    assert about == Tables(told).summary["assumptions"]
    written = pd.read_csv(told / "assumptions.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(tables["assumptions.csv"], written)


def test_assumptions_are_moved_in_worlds_of_the_comparisons_size_unless_said_otherwise(told: Path) -> None:
    """In smaller worlds what costs the same for few as for many would weigh more; then the page says so."""
    config = CompareConfig(run=CompareRun(members=80, days=7, replications=2), strategies=("a", "b"))
    strategies = {name: read_strategy("matched_scenes") for name in "ab"}
    ready = prepare(config.under(strategies["a"]))
    plan = assumptions.Bench(config, ready, strategies, None).plan(None, "a")
    assert (plan.founders.count, plan.market.size) == (80, config.market.size)
    assert SMALLER in (told / "report.html").read_text(encoding="utf-8")


def test_what_is_no_assumption_is_named() -> None:
    config = dataclasses.replace(
        CompareConfig(strategies=STRATEGIES), assumptions=AssumptionSettings(on=True, among=("response.joinin",))
    )
    with pytest.raises(InputError, match=r"assumptions\.among.*'response\.joining'"):
        prepare_twins(config)


def test_a_strategys_own_assumption_moves_in_all_of_them() -> None:
    """Each from its own value, whatever the others have."""
    strategies = {name: read_strategy(f"matched_scenes:tags.error={own}") for name, own in (("a", 0.2), ("b", 0.1))}
    config = CompareConfig(run=CompareRun(members=50, days=7, replications=2), strategies=("a", "b"))
    bench = assumptions.Bench(config, prepare(config.under(strategies["a"])), strategies, None)
    error = next(p for p in parameters(Strategy, "strategy.") if p.path == "strategy.tags.error")
    moved = assumptions.Moved(error, 0.2, "higher", 0.3)
    assert [round(bench.plan(moved, name).strategy.tags.error, 6) for name in "ab"] == [0.3, 0.15]


# -- the workbook --------------------------------------------------------------------------------------------


def test_the_workbook_reads_back(told: Path) -> None:
    book = openpyxl.load_workbook(told / "tables.xlsx")
    files = {file.stem: file for file in told.glob("*.csv")}
    assert set(book.sheetnames) == {"about", "headlines", "call", *files}
    assert book.sheetnames[0] == "about"
    for name, file in files.items():
        table = pd.read_csv(file, keep_default_na=False, na_values=[""])
        if len(table) > MOST_ROWS:
            table = table[table["day"] == table["day"].max()]
        sheet = book[name]
        assert sheet.freeze_panes == "A2"
        head, *rows = sheet.iter_rows(values_only=True)
        assert list(head) == list(table.columns)
        assert len(rows) == len(table)
        for place, column in enumerate(table.columns):
            found = [row[place] for row in rows]
            if pd.api.types.is_numeric_dtype(table[column].dtype) and table[column].dtype != bool:
                assert not [value for value in found if isinstance(value, str)], (name, column)
                assert np.allclose(np.array(found, dtype=float), table[column].to_numpy(dtype=float), equal_nan=True)
            assert 8 <= sheet.column_dimensions[openpyxl.utils.get_column_letter(place + 1)].width <= 122


def test_the_first_sheet_says_what_each_table_and_column_is(told: Path) -> None:
    _, *rows = openpyxl.load_workbook(told / "tables.xlsx")["about"].iter_rows(values_only=True)
    unsaid = [(sheet, column) for sheet, column, meaning, _ in rows if not meaning]
    assert unsaid == []
    left = {sheet for sheet, _, meaning, _ in rows if "not in this workbook" in meaning}
    assert {"daily.parquet", "effects.parquet"} <= left
    assert set(described()["left out"]) >= left


def test_the_same_files_give_the_same_bytes(told: Path) -> None:
    before = {name: (told / name).read_bytes() for name in ("tables.xlsx", "report.html")}
    write_workbook(told)
    write_comparison(told)
    assert {name: (told / name).read_bytes() for name in before} == before


def test_words_that_look_like_formulas_stay_words(told: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(told, folder)
    mine = pd.DataFrame({"strategy": ["=1+1", "none", "007"], "mean": [1.5, np.nan, 2.0]})
    mine.to_csv(folder / "mine.csv", index=False)
    write_workbook(folder)
    rows = list(openpyxl.load_workbook(folder / "tables.xlsx")["mine"].iter_rows(values_only=True))
    assert rows[1:] == [("=1+1", 1.5), ("none", None), ("007", 2)]
    assert ("mine", "mean") in {(row.sheet, row.column) for row in contents(sheets(folder), folder).itertuples()}
