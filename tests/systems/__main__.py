"""Which domain systems and causal stories are shown by tests that pass, and which are proved by a knockout.

`python -m tests.systems [--json FILE] [--knockout] [--ids A017,story-3]` prints a table by theme. A system is `shown`
when its tests pass, `failed` when one does not, `not shown` without a test, and `out of scope` when it is marginal
besides. With `--knockout` the tests run a second time, each with its mechanism off: an id is `proved` when all its
tests then fail by an assertion of their own, `not proved` when one still passes, `error` when one breaks otherwise.
Exit codes: 0 all tests pass (and all ids with tests are proved), 1 some do not, 2 an argument was wrong.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from tests.systems import CLASSES, System, table
from tests.systems.knockout import SWITCH, near

ROOT = Path(__file__).parents[2]
STATUSES = ("shown", "failed", "not shown", "out of scope")
VERDICTS = ("proved", "not proved", "error")
COLLECTED_NOTHING = 5
"""How pytest exits without a test to run; 0 and 1 are the exit codes of a run that went to its end."""


class BrokenSuiteError(Exception):
    """The tests could not be run to the end; the message is what pytest said."""


@dataclass(frozen=True)
class Suite:
    """Which tests are run, and how."""

    path: Path
    ids: tuple[str, ...]
    workers: int

    def run(self, title: str, knockout: bool) -> "Round":
        """Run the marked tests once. Errors: `BrokenSuiteError`."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with (folder / "said").open("w", encoding="utf-8") as said:
                pytest = subprocess.Popen(
                    self.command(folder), cwd=ROOT, env=surroundings(knockout), stdout=said, stderr=said
                )
                try:
                    show_progress(pytest, folder, title)
                finally:
                    pytest.terminate()
                    code = pytest.wait()
            words = read(folder / "said")
            lines = [json.loads(line) for line in read(folder / "outcomes.jsonl").splitlines()]
            if code not in (0, 1, COLLECTED_NOTHING) or any("broken" in line for line in lines):
                raise BrokenSuiteError(words)
            shows = collected(folder)
        ended = {line["test"]: line["outcome"] for line in lines}
        return Round(shows, {test: ended.get(test, "error") for test in shows}, words)

    def command(self, folder: Path) -> list[str]:
        """How pytest is called."""
        parallel = ["-n", str(self.workers)] if self.workers > 1 and find_spec("xdist") else []
        options = ["-q", "-p", "no:cacheprovider", "-p", "tests.systems.plugin", *parallel]
        settings = [f"--systems-folder={folder}", f"--systems-ids={','.join(self.ids)}"]
        return [sys.executable, "-m", "pytest", str(self.path), *options, *settings]


@dataclass(frozen=True)
class Round:
    """What one run of the tests said: which ids each shows, how each ended, and the words of pytest."""

    shows: dict[str, list[str]]
    outcomes: dict[str, str]
    said: str

    def tests(self, name: str) -> list[str]:
        """The tests that show an id."""
        return [test for test, ids in self.shows.items() if name in ids]


def surroundings(knockout: bool) -> dict[str, str]:
    """The environment of a run: without what a surrounding pytest left there."""
    kept = {key: value for key, value in os.environ.items() if key != SWITCH and not key.startswith("PYTEST_")}
    paths = [str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)} | ({SWITCH: "1"} if knockout else {})


def read(path: Path) -> str:
    """The text of a file, empty where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def show_progress(pytest: "subprocess.Popen[bytes]", folder: Path, title: str) -> None:
    """Wait for the end; say on a terminal how many tests have ended."""
    terminal = sys.stderr.isatty()
    while pytest.poll() is None:
        time.sleep(0.2)
        if terminal:
            ended, all_tests = read(folder / "outcomes.jsonl").count("\n"), len(collected(folder))
            print(f"\r{title}: {ended} of {all_tests} tests", end="", file=sys.stderr, flush=True)
    if terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def collected(folder: Path) -> dict[str, list[str]]:
    """Which ids each collected test shows; empty before the collection has ended."""
    return json.loads(read(folder / "collected.json") or "{}")


def status(system: System, outcomes: list[str]) -> str:
    """Whether a system is shown, by the outcomes of its tests; a skipped test shows nothing."""
    ran = [outcome for outcome in outcomes if outcome != "skipped"]
    if ran:
        return "shown" if all(outcome == "passed" for outcome in ran) else "failed"
    return "out of scope" if system.kind == "marginal" else "not shown"


def verdict(plain: list[str], off: list[str]) -> str:
    """Whether the tests of an id need its mechanism: all pass with it, and all say no without it."""
    if not plain:
        return ""
    if "error" in off:
        return "error"
    proved = all(outcome == "passed" for outcome in plain) and all(outcome == "failed" for outcome in off)
    return "proved" if proved else "not proved"


def report(names: list[str], plain: Round, off: Round | None) -> dict[str, Any]:
    """The entry of each id, and the totals."""
    entries: dict[str, Any] = {}
    for name in names:
        system, tests = table()[name], plain.tests(name)
        outcomes = [plain.outcomes[test] for test in tests]
        entries[name] = {
            "status": status(system, outcomes),
            "tests": tests,
            "class": system.kind,
            "knockout": verdict(outcomes, [off.outcomes.get(test, "error") for test in tests]) if off else "",
            "theme": system.theme,
            "title": system.title,
        }
    return entries | {"totals": totals(list(entries.values()), plain)}


def totals(entries: list[dict[str, Any]], plain: Round) -> dict[str, Any]:
    """Counts by class and status, of tests by outcome, and of ids by the knockout's verdict."""
    counts: dict[str, Any] = {}
    for kind in CLASSES:
        of_kind = [entry["status"] for entry in entries if entry["class"] == kind]
        counts[kind] = {one: of_kind.count(one) for one in STATUSES} | {"total": len(of_kind)}
        counts[f"{kind}_shown"], counts[f"{kind}_total"] = counts[kind]["shown"], len(of_kind)
    ended = list(plain.outcomes.values())
    verdicts = [entry["knockout"] for entry in entries]
    return counts | {
        "tests": {one: ended.count(one) for one in ("passed", "failed", "error", "skipped")} | {"total": len(ended)},
        "knockout": {one: verdicts.count(one) for one in VERDICTS},
    }


def print_table(entries: dict[str, Any], plain: Round, off: Round | None, to: TextIO) -> None:
    """The table by theme, the totals, and the tests that need a look."""
    themes: dict[str, list[str]] = defaultdict(list)
    for name, entry in entries.items():
        if name != "totals":
            themes[entry["theme"]].append(name)
    for theme, names in themes.items():
        print(f"\n{theme}", file=to)
        for name in names:
            one = entries[name]
            cells = f"{name:<9} {one['class']:<8}  {one['status']:<12}  {len(one['tests']) or '':>3}"
            print(f"  {cells}  {one['knockout']:<10}  {one['title']}", file=to)
    counts = entries["totals"]
    print("", file=to)
    for kind in CLASSES:
        print(f"  {kind:<8}  {counts[f'{kind}_shown']:>3} of {counts[f'{kind}_total']:>3} shown", file=to)
    tests = counts["tests"]
    print(f"  {'tests':<8}  {tests['passed']:>3} of {tests['total']:>3} passed", file=to)
    if off:
        with_tests = sum(counts["knockout"].values())
        print(f"  {'knockout':<8}  {counts['knockout']['proved']:>3} of {with_tests:>3} proved", file=to)
    for test, words in concerns(plain, off):
        print(f"  {test}: {words}", file=to)


def concerns(plain: Round, off: Round | None) -> list[tuple[str, str]]:
    """Each test that does not do what it should, and in what."""
    found = [(test, outcome) for test, outcome in plain.outcomes.items() if outcome != "passed"]
    if off:
        words = {"passed": "still passes", "skipped": "is skipped", "error": "breaks, but not by its own assertion"}
        ended = {test: off.outcomes.get(test, "error") for test in plain.shows}
        found += [(test, f"with its mechanism off, {words[one]}") for test, one in ended.items() if one != "failed"]
    return found


def chosen(text: str | None) -> list[str]:
    """The ids to report. Errors: `ValueError` for one that is not in the table."""
    if text is None:
        return list(table())
    names = [name for name in (part.strip() for part in text.split(",")) if name]
    for name in names:
        if name not in table():
            raise ValueError(f"--ids: {name!r} is not in the table; {near(name)}")
    if not names:
        raise ValueError("--ids: names no id; ids look like A017 and story-3")
    return [name for name in table() if name in names]


def main(arguments: list[str] | None = None) -> int:
    """Run, print, write; the exit code."""
    cli = argparse.ArgumentParser(prog="python -m tests.systems", description=(__doc__ or "").split("\n", 1)[0])
    cli.add_argument("--json", type=Path, metavar="FILE", help="write the table and the totals to this file")
    cli.add_argument("--knockout", action="store_true", help="run again with each mechanism off: all tests must fail")
    cli.add_argument("--ids", metavar="A017,story-3", help="only these ids and their tests")
    cli.add_argument("--tests", type=Path, default=ROOT / "tests", metavar="PATH", help="where the tests lie")
    cli.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at work, if xdist is there")
    asked = cli.parse_args(arguments)
    try:
        names = chosen(asked.ids)
    except ValueError as wrong:
        cli.error(str(wrong))
    if asked.json and (asked.json.is_dir() or not asked.json.resolve().parent.is_dir()):
        cli.error(f"--json: cannot write a file {asked.json}")
    if not asked.tests.exists():
        cli.error(f"--tests: there is no {asked.tests}")
    suite = Suite(asked.tests.resolve(), tuple(names) if asked.ids is not None else (), asked.workers)
    try:
        plain = suite.run("with all mechanisms", knockout=False)
        off = suite.run("with mechanisms off", knockout=True) if asked.knockout else None
    except BrokenSuiteError as broken:
        print(f"{broken}\nThe tests could not be run to the end; nothing is reported.", file=sys.stderr)
        return 1
    entries = report(names, plain, off)
    print_table(entries, plain, off, sys.stdout)
    if asked.json:
        asked.json.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    ran_well = all(outcome in ("passed", "skipped") for outcome in plain.outcomes.values())
    if not ran_well:
        print(plain.said, file=sys.stderr)
    proved = off is None or all(entries[name]["knockout"] in ("", "proved") for name in names)
    return 0 if ran_well and proved else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
