"""The command line as the tests call it: inside this process, or as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from sim.store import read_results

ROOT = Path(__file__).parents[1]


class Said(NamedTuple):
    """How a call ended."""

    code: int
    out: str
    err: str


type Call = Callable[..., Said]


def write_stub(folder: Path) -> None:
    """In place of the page, which takes seconds to draw."""
    (folder / "report.html").write_text("<html></html>", encoding="utf-8")


def caller(
    app: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """`call(*words)` is `membersim <app> *words` in `folder`, within this process."""
    name = app.__name__.rsplit(".", 1)[-1]
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # set by the app; put back when the test is over

    def call(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", [f"membersim {name}", *words])
        capsys.readouterr()
        code = app.main()
        return Said(code, *capsys.readouterr())

    return call


def environment(**more: str) -> dict[str, str]:
    """The environment of a subprocess: this checkout's packages."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def run_python(folder: Path, *command: str, timeout: float = 240, **more: str) -> Said:
    """`python *command` with `folder` as the current folder."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def sleeper(app: str, keeper: str) -> str:
    """A program that is the app and falls asleep when `keeper` has kept a first part: time to interrupt it."""
    return f"""
import sys, time
import {keeper} as keeper
from experiments import {app}
keep = keeper.keep
def keep_and_wait(*what):
    keep(*what)
    time.sleep(300)
keeper.keep = keep_and_wait
sys.exit({app}.main())
"""


def only_folder(root: Path, app: str) -> Path:
    """The one folder of an app's results below `root`."""
    (folder,) = (root / "results" / app).iterdir()
    return folder


def hash_of(folder: Path) -> str:
    """The content hash of a finished run."""
    return read_results(folder).manifest["content_hash"]
