"""The documents say what the code says: generated tables, names, paths, keys, sources and units."""

import configparser
import importlib
import inspect
import re
from pathlib import Path

import pytest

from docs import parameters as generated
from sim.accounting.metrics import METRICS, RESPONSE_METRICS
from sim.accounting.posting import FLOWS
from sim.behaviour import day
from sim.population import FIELDS, RELATION_FIELDS
from sim.settings import Config
from sim.units import parameters

ROOT = Path(__file__).parents[1]
DOCUMENTS = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]
FOLDERS = "sim|experiments|configs|tests|docs|benchmarks"
GROUPS = "run|strategy|market|population|data|fit|response"
DIMENSIONLESS = {
    "market.channels.memory",
    "market.channels.rise",
    "market.channels.shock",
    "market.disturbance.memory",
    "market.disturbance.weekly_sd",
    "market.season.strength",
    "population.buying.rate_shape",
    "population.buying.regularity",
    "population.drifting.drift_shape",
    "population.spending.spend_between",
    "population.spending.spend_within",
    "response.answering.how_often_error",
    "response.fatigue.bear_low",
    "response.fatigue.bear_trust",
    "response.goods.exclusive_value",
    "response.inviting.fit_low",
    "response.inviting.privilege",
    "response.inviting.spread",
    "response.joining.trouble",
    "response.joining.trouble_hunter",
    "response.joining.trouble_idle",
    "response.opening.general_match",
    "response.permission.drifted",
    "response.permission.tired",
    "response.pricing.most",
    "response.pricing.taste_hunter",
    "response.pricing.taste_low",
    "response.pricing.taste_sensitivity",
    "response.returning.called_pull",
    "response.returning.fastest",
    "response.returning.slowest",
    "response.temperament.tolerance_spread",
    "response.trust.first_days",
    "response.visiting.fastest",
    "response.visiting.impulse_low",
    "response.visiting.slowest",
}
"""Numbers without a unit: shapes, correlations, factors, exponents, and standard deviations of logarithms."""


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
        ("decisions", "`OPENING`", "16"),
        ("relation", "`fatigue`", "ordinary messages"),
        ("response.fatigue", "`response.fatigue.memory`", "7"),
        ("levers", "`strategy.guard.quiet_from`", "22"),
        ("response_metrics", "`reachable`", "stock"),
        ("flows", "`active` | `at_risk`", "silence"),
        ("constants", "`LOOK_AGAIN`", "7"),
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


def blocks_of_the_model() -> dict[str, str]:
    """The generated blocks as they stand in docs/MODEL.md, by name."""
    text = generated.MODEL.read_text(encoding="utf-8")
    return dict(re.findall(r"<!-- ([\w.]+):begin -->\n(.*?)\n<!-- \1:end -->", text, re.DOTALL))


def first_cells(block: str) -> list[str]:
    """The names in the first column of the tables of a block."""
    return re.findall(r"^\| `([^`]+)` \|", block, re.MULTILINE)


def test_every_setting_stands_in_one_table() -> None:
    """Every key of a run, of the response, of a lever stands in the generated tables, and in one of them only."""
    blocks = blocks_of_the_model()
    told = [name for block in blocks.values() for name in first_cells(block) if "." in name]
    assert sorted([*told, "strategy.name"]) == sorted(p.path for p in parameters(Config))
    assert "`strategy.name`" in blocks["levers"]
    for group in generated.TENDENCIES:
        paths = [p.path for p in parameters(Config) if p.path.startswith(f"response.{group}.")]
        assert paths
        assert first_cells(blocks[f"response.{group}"]) == paths
    for lever in generated.LEVERS:
        paths = [p.path for p in parameters(Config) if p.path.startswith(f"strategy.{lever}.")]
        assert paths
        assert set(paths) <= set(first_cells(blocks["levers"]))


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("fields", FIELDS),
        ("relation", RELATION_FIELDS),
        ("metrics", METRICS),
        ("response_metrics", RESPONSE_METRICS),
    ],
)
def test_every_field_and_metric_stands_in_its_table(name: str, listed: tuple[object, ...]) -> None:
    assert first_cells(blocks_of_the_model()[name]) == [getattr(each, "name") for each in listed]  # noqa: B009


def test_every_move_and_every_decision_stands_in_its_table() -> None:
    blocks = blocks_of_the_model()
    rows = [line.strip("| ").split(" | ") for line in blocks["flows"].splitlines()[2:]]
    moves = {(source, to.strip("`"), cause) for froms, to, cause in rows for source in re.findall(r"`(\w+)`", froms)}
    assert moves == set(FLOWS)
    numbers = [int(line.split("|")[1]) for line in blocks["decisions"].splitlines()[2:]]
    assert numbers == list(range(1, len(numbers) + 1))  # each has a comment, and none is used twice


def test_where_a_tendency_acts_is_where_the_day_calls_it() -> None:
    """Every function of the day that the document names exists, and every tendency stands in the table."""
    block = blocks_of_the_model()["tendencies"]
    rows = [line.strip("| ").split(" | ") for line in block.splitlines()[2:]]
    named = {function for _, _, lines in rows for function in re.findall(r"`(\w+)`", lines)}
    assert named
    for function in named:
        assert callable(getattr(day, function)), function
    files = {f"`{path.relative_to(ROOT).as_posix()}`" for path in (ROOT / "sim" / "behaviour").glob("*.py")}
    assert {file for _, file, _ in rows} <= files
    assert {"fatigue", "trust", "buying"} <= {name for name, _, _ in rows}
    fatigue = next(lines for name, _, lines in rows if name == "fatigue")
    assert re.findall(r"`(\w+)`", fatigue) == ["recover", "receive"]
    assert "fatigue.weight" in inspect.getsource(day.receive)


def test_the_model_speaks_of_every_file_of_rules() -> None:
    """Every file of behaviour, levers, world, accounting and the operator stands somewhere in the document."""
    said = paths_in(generated.MODEL.read_text(encoding="utf-8"))
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in ("behaviour", "levers", "world", "accounting")
        for path in (ROOT / "sim" / folder).glob("*.py")
        if path.name != "__init__.py"
    }
    files |= {f"sim/{name}.py" for name in ("touch", "population", "strategy", "operation", "delivery", "engine")}
    assert files - said == set()


def test_every_number_of_the_model_has_a_source_a_confidence_and_a_unit() -> None:
    groups = ("population.", "market.", "response.")
    numbers = [p for p in parameters(Config) if p.path.startswith(groups) and p.kind in (int, float)]
    assert numbers
    assert [p.path for p in numbers if not p.about.source] == []
    assert [p.path for p in numbers if not p.about.confidence] == []
    assert {p.path for p in numbers if not p.about.unit} == DIMENSIONLESS


def test_changes_of_the_model_have_a_section() -> None:
    changes = ROOT / "CHANGELOG.md"
    if not changes.exists():
        pytest.skip("there is no CHANGELOG.md yet")
    assert re.search(r"^#+ .*\bModel\b", changes.read_text(encoding="utf-8"), re.MULTILINE)


def test_every_lever_is_held_apart_from_the_others() -> None:
    """The contract that levers do not know each other names each file of `sim/levers/`."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    files = {file.stem for file in (ROOT / "sim" / "levers").glob("*.py")} - {"__init__", "lever"}
    assert set(contracts["importlinter:contract:lever"]["modules"].split()) == {
        f"sim.levers.{name}" for name in files
    }
