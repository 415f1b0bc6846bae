"""What `python -m tests.systems` adds to pytest: only marked tests run, and each leaves a line in a file.

In the folder that `--systems-folder` names, `collected.json` says which test shows which ids, and each line of
`outcomes.jsonl` how one test ended: `passed`, `failed` (the test itself said no), `error` (anything else broke) or
`skipped`. Workers collect, and the process they report to writes the outcomes.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CODE = (ROOT / "sim", ROOT / "experiments")
"""An assertion that fails in here is a broken run, and not a test's verdict."""

Failed = pytest.fail.Exception


def pytest_addoption(parser: pytest.Parser) -> None:
    """The two options that the runner sets."""
    group = parser.getgroup("systems")
    group.addoption("--systems-folder", default=".", help="where the outcomes are written")
    group.addoption("--systems-ids", default="", help="run only tests that show one of these ids; empty: all marked")


def pytest_configure(config: pytest.Config) -> None:
    """Register what writes the outcomes, on one process only."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(Path(str(config.getoption("--systems-folder")))))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that show a wanted id, and write down what each shows."""
    wanted = set(filter(None, str(config.getoption("--systems-ids")).split(",")))
    items[:] = [item for item in items if (ids := ids_of(item)) and (not wanted or wanted.intersection(ids))]
    folder = Path(str(config.getoption("--systems-folder")))
    part = folder / f"collected.{os.getpid()}.part"
    part.write_text(json.dumps({item.nodeid: ids_of(item) for item in items}), encoding="utf-8")
    part.replace(folder / "collected.json")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note in the report of a failed test whether the test itself said no."""
    report = yield
    if report.outcome == "failed":
        report.user_properties.append(("said_no", report.when == "call" and says_no(call.excinfo)))
    return report


def ids_of(item: pytest.Item) -> list[str]:
    """The ids that a test shows."""
    marker = item.get_closest_marker("shows")
    return [str(one) for one in marker.args] if marker else []


def says_no(raised: pytest.ExceptionInfo[BaseException] | None) -> bool:
    """Whether an assertion of the test, or `pytest.fail`, ended it."""
    if raised is None or not isinstance(raised.value, AssertionError | Failed):
        return False
    last = Path(str(raised.traceback[-1].path))
    return not any(last.is_relative_to(folder) for folder in CODE)


class Outcomes:
    """Writes one line per finished test, and one per file that could not be collected."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "outcomes.jsonl"
        self.path.touch()
        self.so_far: dict[str, str] = {}

    def write(self, **line: Any) -> None:
        """Append one line."""
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that could not be collected."""
        if report.failed:
            self.write(broken=report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of a test: a failure before or after the test itself is an error."""
        test = report.nodeid
        if report.failed:
            said_no = dict(report.user_properties).get("said_no", False)
            self.so_far[test] = "failed" if said_no else "error"
        elif report.skipped:
            self.so_far[test] = "skipped"
        elif report.when == "call":
            self.so_far[test] = "passed"
        if report.when not in ("setup", "call"):
            self.write(test=test, outcome=self.so_far.pop(test, "error"))
