"""The documents say what the code says: generated tables, names, paths, keys, sources and units."""

import importlib
import re
from pathlib import Path

import pytest

from docs import parameters as generated
from sim.settings import Config
from sim.units import parameters

ROOT = Path(__file__).parents[1]
DOCUMENTS = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]
FOLDERS = "sim|experiments|configs|tests|docs|benchmarks"
GROUPS = "run|strategy|market|population|data|fit"
DIMENSIONLESS = {
    "market.season.strength",
    "market.disturbance.weekly_sd",
    "market.disturbance.memory",
    "population.buying.rate_shape",
    "population.buying.regularity",
    "population.drifting.drift_shape",
    "population.spending.spend_between",
    "population.spending.spend_within",
}
"""Numbers without a unit: shapes, correlations, factors, and standard deviations of logarithms."""


def quoted(text: str) -> list[str]:
    """What stands between single backticks outside fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def paths_in(text: str) -> set[str]:
    """Paths of the repository in backticks; what follows `::` is not part of one."""
    found = (re.fullmatch(rf"((?:{FOLDERS})/[\w./-]*)(?:::\w+)?", word) for word in quoted(text))
    return {match[1] for match in found if match}


def names_in(text: str) -> set[str]:
    """Dotted names of the library in backticks."""
    return {word.removesuffix("()") for word in quoted(text) if re.fullmatch(r"sim(\.\w+)+(\(\))?", word)}


def keys_in(text: str) -> set[str]:
    """Keys in backticks, with or without a value, and keys that are given a value anywhere."""
    found = (re.fullmatch(rf"\+?((?:{GROUPS})(?:\.\w+)+)(?:=.*)?", word) for word in quoted(text))
    keys = {match[1] for match in found if match}
    return keys | set(re.findall(rf"(?<![\w./])((?:{GROUPS})(?:\.\w+)+)(?==)", text))


def resolved(name: str) -> object:
    """What a dotted name means. Errors: ImportError or AttributeError where it means nothing."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError as problem:
            if not name.startswith(str(problem.name)):
                raise
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise ImportError(name)


def missing_keys(text: str) -> set[str]:
    """Keys of a text that are neither a setting nor a group of settings."""
    paths = {parameter.path for parameter in parameters(Config)}
    return {key for key in keys_in(text) if not any(p == key or p.startswith(f"{key}.") for p in paths)}


def test_tables_are_what_the_code_says() -> None:
    text = generated.MODEL.read_text(encoding="utf-8")
    assert text == generated.rendered(text), "run python -m docs.parameters"


@pytest.mark.parametrize(
    ("name", "row", "cell"),
    [
        ("parameters", "`population.buying.rate_shape`", "0.553"),
        ("settings", "`run.replications`", "200"),
        ("fields", "`drift_at`", "day"),
        ("metrics", "`mau`", "members"),
        ("decisions", "`PURCHASE_GAP`", "4"),
    ],
)
def test_another_default_would_be_noticed(
    name: str, row: str, cell: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A document with another cell differs, is refused by --check, and is put right without it."""
    text = generated.MODEL.read_text(encoding="utf-8")
    line = next(line for line in generated.BLOCKS[name]().splitlines() if row in line)
    assert f"| {cell} |" in line
    file = tmp_path / "MODEL.md"
    file.write_text(text.replace(line, line.replace(f"| {cell} |", "| another |", 1)), encoding="utf-8")
    monkeypatch.setattr(generated, "MODEL", file)
    assert generated.main(["--check"]) == 1
    assert generated.main([]) == 0
    assert generated.main(["--check"]) == 0
    assert file.read_text(encoding="utf-8") == text


def test_a_block_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="fields"):
        generated.rendered("no markers")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_and_names_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert {path for path in paths_in(text) if not (ROOT / path).exists()} == set()
    for name in sorted(names_in(text)):
        resolved(name)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_keys_exist(document: Path) -> None:
    assert missing_keys(document.read_text(encoding="utf-8")) == set()


def test_wrong_paths_names_and_keys_would_be_noticed() -> None:
    assert paths_in("see `sim/nothing.py` and `tests/test_fit.py::test_x`") == {"sim/nothing.py", "tests/test_fit.py"}
    assert names_in("see `sim.engine.World`, `sim.study.fit.fit_spend()`") == {
        "sim.engine.World",
        "sim.study.fit.fit_spend",
    }
    with pytest.raises(AttributeError):
        resolved("sim.engine.Nothing")
    with pytest.raises((ImportError, AttributeError)):
        resolved("sim.nothing.at_all")
    text = "`run.day`, `market.season`, `run.days=30`\n```\nmembersim forecast data.pth=o.csv hydra.run.dir=x\n```\n"
    assert missing_keys(text) == {"run.day", "data.pth"}


def test_the_model_speaks_of_every_file_of_rules() -> None:
    """Every file of behaviour, world, accounting and rules stands somewhere in the document."""
    said = paths_in(generated.MODEL.read_text(encoding="utf-8"))
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ("behaviour", "world", "accounting")
        for path in (ROOT / "sim" / folder).glob("*.py")
        if path.name != "__init__.py"
    }
    assert files - said == set()


def test_every_number_of_the_model_has_a_source_a_confidence_and_a_unit() -> None:
    numbers = [
        p for p in parameters(Config) if p.path.startswith(("population.", "market.")) and p.kind in (int, float)
    ]
    assert numbers
    assert [p.path for p in numbers if not p.about.source] == []
    assert [p.path for p in numbers if not p.about.confidence] == []
    assert {p.path for p in numbers if not p.about.unit} == DIMENSIONLESS


def test_changes_of_the_model_have_a_section() -> None:
    changes = ROOT / "CHANGELOG.md"
    if not changes.exists():
        pytest.skip("there is no CHANGELOG.md yet")
    assert re.search(r"^#+ .*\bModel\b", changes.read_text(encoding="utf-8"), re.MULTILINE)
