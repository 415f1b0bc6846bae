"""Golden runs: the same numbers as when they were pinned, to the bit, on every machine."""

import json

import pytest

from tests.golden.runs import FILE, golden_numbers


def test_golden_numbers_have_not_moved() -> None:
    """Moved on purpose? `python -m tests.golden --update`, and a line in CHANGELOG.md under Model."""
    pinned = json.loads(FILE.read_text(encoding="utf-8"))
    now = golden_numbers()
    assert now, "no golden run could be made"
    for name, numbers in now.items():
        assert numbers == pinned[name], name


def test_golden_numbers_are_not_rewritten_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --update the command refuses."""
    import runpy

    monkeypatch.setattr("sys.argv", ["tests.golden"])
    with pytest.raises(SystemExit):
        runpy.run_module("tests.golden", run_name="__main__")
