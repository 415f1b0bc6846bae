"""The table of systems and the runner that says which of them are shown, on tiny suites of its own."""

import collections
import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.systems import CLASSES, table
from tests.systems.__main__ import main, verdict
from tests.systems.knockout import SWITCH

SETTINGS = """
[pytest]
markers = shows: what a test shows
addopts = --strict-markers
filterwarnings = error
"""

LAB = """
import pytest

from tests.systems import knockout
from tests.systems.knockout import pytest_generate_tests

@pytest.fixture
def lab(request):
    return knockout.active(request)
"""

SUITE = """
import pytest

@pytest.mark.shows("A017", "story-1", knockout={"response.trust.memory_days": 0.0, "guard.cap": None})
def test_says_no(lab):
    assert lab in ({}, {"response.trust.memory_days": 0.0, "guard.cap": None})
    if lab:
        pytest.fail("the mechanism is off")

@pytest.mark.shows("A018", "A019", knockout={"strategy.referral.reward": 0})
@pytest.mark.parametrize("seed", [1, 2])
def test_second_seed_does_not_care(lab, seed):
    assert not (lab and seed == 1)

@pytest.mark.shows("A019", "A020", knockout={"market.size": 1})
def test_breaks(lab):
    if lab:
        raise KeyError("market.size")

@pytest.mark.shows("A021", knockout={"market.size": 1})
def test_fails_anyway(lab):
    assert not "ever"

@pytest.fixture
def world(lab):
    assert not lab

@pytest.mark.shows("A022", knockout={"market.size": 1})
def test_its_fixture_asserts(world):
    pass

@pytest.mark.shows("A023", knockout={"market.size": 1})
def test_skipped(lab):
    pytest.skip("not here")

@pytest.mark.shows("A029", knockout={"market.size": 1})
class TestClass:
    def test_one(self, lab):
        assert not lab

def test_unmarked(lab):
    assert lab == {}

def test_unmarked_fails():
    assert False
"""


def suite(folder: Path, **files: str) -> Path:
    """A folder of tests with its own `lab`."""
    for name, text in {
        "conftest.py": LAB,
        "pytest.ini": SETTINGS,
        **{f"{k}.py": v for k, v in files.items()},
    }.items():
        (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def proved(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any]]:
    """The exit code and the report of the suite, with knockouts."""
    folder = suite(tmp_path_factory.mktemp("suite"), test_a=SUITE)
    code = main(["--tests", str(folder), "--json", str(folder / "out.json"), "--knockout", "--workers", "1"])
    return code, json.loads((folder / "out.json").read_text(encoding="utf-8"))


def test_the_table_is_whole() -> None:
    ids = list(table())
    systems = [one for one in ids if not one.startswith("story-")]
    numbers = {"A": 145, "B": 48, "C": 28, "D": 36}
    assert systems == [f"{part}{n:03d}" for part, last in numbers.items() for n in range(1, last + 1)]
    assert len(systems) == 257
    assert all(re.fullmatch(r"story-[1-9]\d?", one) for one in ids if one not in systems)
    lines = (Path(__file__).parent / "systems" / "table.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(ids), "an id stands twice"
    assert collections.Counter(one.kind for one in table().values()).keys() == set(CLASSES)
    assert all((one.kind == "story") == one.id.startswith("story-") for one in table().values())
    assert all(one.theme and 10 <= len(one.title) <= 90 for one in table().values())
    assert len({one.title for one in table().values()}) == len(ids)


def test_statuses(proved: tuple[int, dict[str, Any]]) -> None:
    code, found = proved
    assert code == 1
    shown = {name for name, one in found.items() if name != "totals" and one["status"] == "shown"}
    assert shown == {"A017", "story-1", "A018", "A019", "A020", "A022", "A029"}
    assert found["A021"]["status"] == "failed"
    assert found["A001"]["status"] == "not shown"
    assert found["A023"]["status"] == "not shown", "a skipped test shows nothing"
    assert found["A035"]["status"] == "out of scope"


def test_knockouts(proved: tuple[int, dict[str, Any]]) -> None:
    _, found = proved
    verdicts = {name: one["knockout"] for name, one in found.items() if name != "totals" and one["knockout"]}
    assert verdicts == {
        "A017": "proved",
        "story-1": "proved",
        "A018": "not proved",
        "A019": "error",
        "A020": "error",
        "A021": "not proved",
        "A022": "error",
        "A023": "not proved",
        "A029": "proved",
    }


def test_json(proved: tuple[int, dict[str, Any]]) -> None:
    _, found = proved
    assert list(found) == [*table(), "totals"]
    assert found["A018"] == {
        "status": "shown",
        "tests": [f"test_a.py::test_second_seed_does_not_care[{seed}]" for seed in (1, 2)],
        "class": "core",
        "knockout": "not proved",
        "theme": table()["A018"].theme,
        "title": table()["A018"].title,
    }
    totals = found["totals"]
    assert totals["core_total"] + totals["useful_total"] + totals["marginal_total"] == 257
    assert totals["story_total"] == len(table()) - 257
    assert sum(totals[f"{kind}_shown"] for kind in CLASSES) == 7
    assert totals["core"]["failed"] == 1
    assert totals["core"]["total"] == sum(n for status, n in totals["core"].items() if status != "total")
    assert totals["tests"] == {"passed": 6, "failed": 1, "error": 0, "skipped": 1, "total": 8}
    assert totals["knockout"] == {"proved": 3, "not proved": 3, "error": 3}


def test_only_some_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a knockout its column is empty; two workers say the same as one."""
    folder = suite(tmp_path, test_a=SUITE)
    out = folder / "out.json"
    code = main(["--tests", str(folder), "--ids", "story-1, A018", "--json", str(out), "--workers", "2"])
    found = json.loads(out.read_text(encoding="utf-8"))
    assert code == 0
    assert list(found) == ["A018", "story-1", "totals"]
    assert {found[one]["knockout"] for one in ("A018", "story-1")} == {""}
    assert found["totals"]["tests"]["passed"] == 3
    printed = capsys.readouterr().out
    assert table()["A018"].theme in printed
    assert re.search(r"A018 +core +shown +2 +\w", printed)


def test_proved_knockouts_end_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0, and the first round runs with all mechanisms whatever the surroundings say."""
    monkeypatch.setenv(SWITCH, "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    folder = suite(tmp_path, test_a=SUITE)
    assert main(["--tests", str(folder), "--ids", "A017,A029", "--knockout", "--workers", "1"]) == 0


def test_an_assertion_of_the_model_proves_nothing(tmp_path: Path) -> None:
    """A broken world is an error, also where it is an assertion that says so."""
    text = """
        import pytest

        from sim import numbers

        @pytest.mark.shows("A017", knockout={"market.size": 1})
        def test_world_breaks(lab):
            if lab:
                exec(compile("assert False", numbers.__file__, "exec"))
    """
    folder = suite(tmp_path, test_a=text)
    out = folder / "out.json"
    assert main(["--tests", str(folder), "--ids", "A017", "--knockout", "--workers", "1", "--json", str(out)]) == 1
    assert json.loads(out.read_text(encoding="utf-8"))["A017"]["knockout"] == "error"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--ids", "A01"], "'A01' is not in the table; did you mean 'A"),
        (["--ids", "story-33"], "did you mean 'story-3"),
        (["--ids", "everything"], "ids look like"),
        (["--ids", ","], "names no id"),
        (["--json", "/nowhere/out.json"], "cannot write"),
        (["--tests", "/nowhere"], "there is no"),
    ],
)
def test_a_wrong_argument(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


BAD_MARKERS = {
    'shows("A17x", knockout={"market.size": 1})': "'A17x' is not in the table; did you mean",
    'shows(knockout={"market.size": 1})': "names no id",
    'shows("A017")': "needs knockout",
    'shows("A017", knockout={})': "needs knockout",
    'shows("A017", knockout="source")': "needs knockout",
    'shows("A017", knockout={"trust.memory_days": 1})': "'trust.memory_days' is no path",
    'shows("A017", knockout={"market.size": 1}, by="source")': "'by' is unknown",
    'shows("A017", knockout={"market.a": 1})\n@pytest.mark.shows("A018", knockout={"market.a": 1})': "more than one",
}


def test_a_wrong_marker_stops_the_collection(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        f"test_{n}": f"import pytest\n@pytest.mark.{marker}\ndef test_it(lab): pass\n"
        for n, marker in enumerate(BAD_MARKERS)
    }
    files["test_lab"] = "import pytest\n@pytest.mark.shows('A017', knockout={'market.a': 1})\ndef test_it(): pass\n"
    folder = suite(tmp_path, **files)
    out = folder / "out.json"
    assert main(["--tests", str(folder), "--json", str(out), "--workers", "1"]) == 1
    said = capsys.readouterr().err
    assert [words for words in (*BAD_MARKERS.values(), "must take the fixture `lab`") if words not in said] == []
    assert not out.exists()


def test_a_wide_lab_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = suite(tmp_path, test_a=SUITE)
    (folder / "conftest.py").write_text(LAB.replace("@pytest.fixture", "@pytest.fixture(scope='module')"))
    assert main(["--tests", str(folder), "--ids", "A017", "--workers", "1"]) == 1
    assert "its scope must be 'function'" in capsys.readouterr().err


def test_verdicts() -> None:
    assert verdict([], []) == ""
    assert verdict(["passed"] * 2, ["failed"] * 2) == "proved"
    assert verdict(["passed"] * 2, ["failed", "passed"]) == "not proved"
    assert verdict(["passed"], ["skipped"]) == "not proved"
    assert verdict(["failed"], ["failed"]) == "not proved", "a test that fails anyway proves nothing"
    assert verdict(["passed"] * 2, ["passed", "error"]) == "error"
