"""`membersim sweep`: tables that can be read while they grow, survive kills, and cite what they are of."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import sim.report.sweep
from experiments import sweep as command
from experiments.progress import time_left
from sim.errors import InputError
from sim.report.sweep import Points, all_charts
from sim.settings import SweepConfig
from sim.store import ResultsTree, read_results
from sim.study import points, sweep
from sim.study.sweep import memories, prepare_sweep, run_sweep, warm_up_days
from sim.units import checked
from tests.command import Call, Said, caller, environment, hash_of, only_folder, write_stub
from tests.noop import Noop, many_points

PER_WEEK = "strategy.messaging.per_week"
STRENGTH = "market.season.strength"
GRID = "design.values={strategy.messaging.per_week:[1,4],market.margin:[0.3,0.6]}"
TINY = (
    "run.members=60", "run.days=12", "run.replications=2", "run.processes=1", "population.history_days=40",
    "strategy=matched_scenes", "market=beauty",
)  # fmt: skip
DRIVER = """
import sys
from pathlib import Path
import sim.report.sweep
from sim.study import sweep
from tests.noop import Noop, many_points

if __name__ == "__main__":
    sim.report.sweep.write_sweep = lambda folder: None
    sweep.BUCKET = 150
    sweep.run_sweep(many_points("cut", 1000), Path("results"), model=Noop(log=Path("log"), fails=20))
"""
"""A sweep of many points, by a model that lives nothing."""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call(*words)` is `membersim sweep *words` in an empty folder, the page being a stub."""
    monkeypatch.setattr(sim.report.sweep, "write_sweep", write_stub)
    return caller(command, tmp_path, monkeypatch, capsys)


@pytest.fixture
def noop(monkeypatch: pytest.MonkeyPatch) -> Noop:
    """The model that lives nothing, in the place of the real one; every 20th point fails."""
    model = Noop(fails=20)
    monkeypatch.setattr(sweep, "run_points", lambda _, tasks, workers: points.run_points(model, tasks, 1))
    return model


def is_refused(said: Said, *fragments: str) -> None:
    """Exit code 2, a message on stderr with the given fragments, nothing written."""
    assert said.code == 2, said
    assert said.out == ""
    assert "Traceback" not in said.err
    for fragment in fragments:
        assert fragment in said.err, (fragment, said.err)
    assert not Path("results").exists()


# -- a table -------------------------------------------------------------------------------------------------


def test_a_sweep_leaves_one_table(call: Call) -> None:
    said = call(*TINY, "design=grid", GRID, "run.name=mine")
    assert said.code == 0, said
    assert "4 points" in said.out
    folder = Path("results/sweep/mine")
    table = read_results(folder).table
    assert table.columns[:7].tolist() == [
        "point",
        "status",
        "error",
        "config_hash",
        "seed",
        PER_WEEK,
        "market.margin",
    ]
    assert table["point"].tolist() == [0, 1, 2, 3]
    assert set(table["status"]) == {"done"}
    assert table[PER_WEEK].tolist() == [1, 1, 4, 4]
    assert table["config_hash"].nunique() == 4
    assert (table["orders"] > 0).all()
    assert (table["orders_se"] > 0).all()
    assert table["orders"][0] == table["orders"][1], "a margin changes no order"
    assert table["contribution"][0] < table["contribution"][1]
    csv = pd.read_csv(folder / "table.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(csv, table, check_dtype=False, rtol=1e-9)
    again = sweep.sweep(
        "grid", {PER_WEEK: [1, 4], "market.margin": [0.3, 0.6]}, strategy="matched_scenes", market="beauty",
        population={"history_days": 40},
        run={"members": 60, "days": 12, "replications": 2, "processes": 1},
    )  # fmt: skip
    pd.testing.assert_frame_equal(again, table)


def test_a_table_can_be_cited_and_explains_itself(call: Call, noop: Noop) -> None:
    call(*TINY, "design=grid", GRID, "run.name=mine", "outcomes.metrics=[orders,members]", "outcomes.since=5")
    folder = Path("results/sweep/mine")
    manifest, schema = read_results(folder).manifest, pq.read_schema(folder / "table.parquet")
    said = pq.read_metadata(folder / "table.parquet").metadata
    assert said[b"content_hash"].decode() == manifest["content_hash"]
    assert said[b"config_hash"].decode() == manifest["config_hash"]
    assert manifest["content_hash"] in said[b"citation"].decode()
    assert manifest["content_hash"] in read_results(folder).summary["citation"]
    assert schema.field(PER_WEEK).metadata[b"role"] == b"lever"
    assert schema.field("market.margin").metadata[b"role"] == b"uncertainty"
    assert schema.field(PER_WEEK).metadata[b"unit"] == b"messages a week"
    assert b"summed from day 5" in schema.field("orders").metadata[b"definition"]
    axes = json.loads((folder / "parameters.json").read_text())["axes"]
    assert [(axis["key"], axis["role"]) for axis in axes] == [(PER_WEEK, "lever"), ("market.margin", "uncertainty")]


def test_the_page_tells_intervals_by_students_t(tmp_path: Path) -> None:
    """Three replications reach 4.3 standard errors, not 2; the page draws one key as a line."""
    config = checked(
        SweepConfig,
        {
            "run": {"members": 100, "days": 10, "replications": 3, "name": "page", "processes": 1},
            "design": {"kind": "grid", "values": {"market.margin": [0.1, 0.3]}},
            "outcomes": {"metrics": ["orders", "revenue"]},
        },
    )
    folder = run_sweep(config, tmp_path, model=Noop())
    material = Points(folder)
    error = 1.0 / np.sqrt(3.0)  # the model answers with x, x + 1 and x + 2
    assert material.reach(material.table, "orders").tolist() == pytest.approx([4.302652729911275 * error] * 2)
    assert [chart.name for chart in all_charts(material)] == ["sweep_lines"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "± 2.5" in page
    assert read_results(folder).summary["citation"] in page


def test_points_that_fail_are_rows(call: Call, noop: Noop) -> None:
    said = call(*TINY, "design=lhs", "design.n=1000", f"design.values={{{STRENGTH}:[0,1]}}", "run.name=mine")
    assert said.code == 3
    assert "50 of 1,000 points failed" in said.out
    table = read_results("results/sweep/mine").table
    assert table["status"].value_counts().to_dict() == {"done": 950, "failed": 50}
    failed = table[table["status"] == "failed"]
    assert failed["error"].tolist() == [f"ArithmeticError: point {n} does not work" for n in range(0, 1000, 20)]
    assert failed["orders"].isna().all()
    assert table.loc[table["status"] == "done", "orders"].notna().all()


def test_wrong_points_are_rows_too(call: Call) -> None:
    said = call(
        *TINY,
        "design=grid",
        f"design.values={{{PER_WEEK}:[1,999],strategy.content.on:[true,false]}}",
        "run.name=mine",
    )
    assert said.code == 3
    table = read_results("results/sweep/mine").table
    assert table["status"].tolist() == ["done", "failed", "failed", "failed"]
    assert "messages need content" in table["error"][1]
    assert "999" in table["error"][2]
    assert table[PER_WEEK].tolist() == [1, 1, 999, 999]


def test_what_is_said_twice_is_lived_once(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(sweep, "BUCKET", 2)
    monkeypatch.setattr(sweep, "run_points", lambda _, tasks, workers: points.run_points(Noop(log=log), tasks, 1))
    said = call(*TINY, "design=zip", f"design.values={{{STRENGTH}:[0,1,0,1,0.5,0]}}", "run.name=mine")
    assert said.code == 0
    assert "3 of 6 points say what an earlier one says" in said.out
    assert log.read_text().split() == ["0", "1", "4"]
    table = read_results("results/sweep/mine").table
    assert table["point"].tolist() == list(range(6))
    assert table["orders"][0] == table["orders"][2] == table["orders"][5]


def test_common_and_independent_luck(call: Call) -> None:
    values = "design.values={market.margin:[0.3,0.6]}"
    for seeds in ("common", "independent"):
        assert call(*TINY, "design=grid", values, f"design.seeds={seeds}", f"run.name={seeds}").code == 0
    common, apart = (read_results(f"results/sweep/{seeds}").table for seeds in ("common", "independent"))
    assert common["seed"].tolist() == [1, 1]
    assert common["orders"].nunique() == 1
    assert apart["seed"].nunique() == 2
    assert apart["orders"].nunique() == 2


def test_a_tree_of_results_is_one_frame(call: Call, noop: Noop) -> None:
    for name in ("a", "b"):
        call(*TINY, "design=grid", GRID, f"run.name={name}", f"run.seed={len(name)}")
    tree = read_results("results/sweep")
    assert isinstance(tree, ResultsTree)
    assert tree.runs["name"].tolist() == ["a", "b"]
    assert len(tree.table) == 8
    assert tree.table["name"].tolist() == ["a"] * 4 + ["b"] * 4
    assert len(read_results("results").runs) == 2
    Path("empty").mkdir()
    with pytest.raises(InputError, match="not a folder of results"):
        read_results("empty")


# -- what is wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["design=grid", "design.values={strategy.mesaging.per_week:[1]}"], ["no such key", f"'{PER_WEEK}'"]),
        (["design=grid"], ["design.values"]),
        (["design=grid", f"design.values={{{PER_WEEK}:[]}}"], ["list is empty"]),
        (["design=lhs", "design.n=8", f"design.values={{{PER_WEEK}:[9,1]}}"], ["low end lies above"]),
        (["design=sobol", "design.n=8", f"design.values={{{PER_WEEK}:[9,9]}}"], ["range is empty"]),
        (["design=lhs", "design.n=2000000", f"design.values={{{PER_WEEK}:[1,9]}}"], ["design.n=2000000", "1e+06]"]),
        (["design=latin", GRID], ["design=latin", "lhs"]),
        (["design=grid", "design.values=7"], ["design.values=7", "keys with their values"]),
        (["design=grid", GRID, "outcomes.metrics=[order]"], ["no metric 'order'", "'orders'"]),
        (["design=grid", GRID, "outcomes.since=12"], ["outcomes are counted from day 12"]),
        (["design=grid", f"design.values={{{PER_WEEK}:[900]}}"], ["900", "[0, 280]"]),
        (["design=file", "design.file=points.csv"], ["column strategy.mesaging.ask"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_written(call: Call, words: list[str], fragments: list[str]) -> None:
    Path("points.csv").write_text("strategy.mesaging.ask\n1\n")
    is_refused(call(*TINY, *words), *fragments)


def test_a_complete_sweep_is_not_overwritten(call: Call, noop: Noop) -> None:
    assert call(*TINY, GRID, "run.name=mine").code == 3
    said = call(*TINY, GRID, "run.name=mine")
    assert said.code == 2
    assert "run.overwrite=true" in said.err


def test_a_folder_that_cannot_be_written(call: Call, noop: Noop) -> None:
    Path("results").write_text("a file stands where the folder should be")
    said = call(*TINY, GRID)
    assert said.code == 2
    assert "cannot be written" in said.err


def test_a_full_disk_loses_nothing(call: Call, noop: Noop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(*TINY, GRID, "run.name=whole").code == 3
    write, left = pq.write_table, [2]

    def fill(table: object, path: Path, **more: object) -> None:
        if not left[0]:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        left[0] -= 1
        write(table, path, **more)

    monkeypatch.setattr(pq, "write_table", fill)
    said = call(*TINY, GRID, "run.name=mine")
    assert said.code == 2
    assert "No space left on device" in said.err
    assert "the same command" in said.err
    unfinished = read_results("results/sweep/mine")
    assert not unfinished.finished
    assert unfinished.table["point"].tolist() == [0, 1]
    assert not list(Path("results/sweep/mine/parts").rglob("*.tmp"))
    monkeypatch.setattr(pq, "write_table", write)
    assert call(*TINY, GRID, "run.name=mine").code == 3
    assert hash_of(Path("results/sweep/mine")) == hash_of(Path("results/sweep/whole"))


# -- interrupted and resumed ---------------------------------------------------------------------------------


def test_killed_five_times_and_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No point is lost, none that was written is lived again, and the table is that of an uninterrupted sweep."""
    monkeypatch.setattr(sim.report.sweep, "write_sweep", write_stub)
    monkeypatch.setattr(sweep, "BUCKET", 150)
    cut, log = tmp_path / "results/sweep/cut", tmp_path / "log"

    def lived() -> list[str]:
        return log.read_text().split() if log.exists() else []

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", DRIVER], cwd=tmp_path, env=environment())

    for until in (40, 230, 380, 610, 890):
        process = start()
        while len(lived()) < until and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        unfinished = read_results(cut)
        assert not unfinished.finished
        assert unfinished.table["point"].is_unique
        assert len(unfinished.table) >= len(set(lived())) - 1  # the point that was being written
    assert start().wait() == 0
    assert len(set(lived())) == 1000
    assert len(lived()) <= 1000 + 5  # of each life the point that was being written
    whole = run_sweep(many_points("whole", 1000), tmp_path / "results", model=Noop(fails=20))
    assert hash_of(cut) == hash_of(whole)
    table = read_results(cut).table
    assert table["status"].value_counts().to_dict() == {"done": 950, "failed": 50}


def test_blocks_make_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What jobs of a launcher do: each lives its block, in any order, and the table is made of what they left."""
    monkeypatch.setattr(sim.report.sweep, "write_sweep", write_stub)
    monkeypatch.setattr(sweep, "BUCKET", 7)

    def config(name: str, block: int | None) -> SweepConfig:
        run = {"members": 100, "days": 10, "name": name, "processes": 1}
        design = {"kind": "lhs", "n": 40, "values": {STRENGTH: None}, "block": block, "blocks": 3}
        return checked(SweepConfig, {"run": run, "design": design})

    def quiet(what: str, done: int, of: int) -> None:
        pass

    model = Noop()
    monkeypatch.setattr(sweep, "OUTCOMES", ("orders", "revenue"))
    whole = run_sweep(config("whole", None), tmp_path, model=model)
    folder = sweep.begin(prepare_sweep(config("parts", None)), tmp_path, quiet)
    for block in (2, 0):
        sweep.live(prepare_sweep(config("parts", block)), folder, quiet, model)
    with pytest.raises(InputError, match="some points have not been lived"):
        sweep.finish(prepare_sweep(config("parts", None)), folder, quiet)
    sweep.live(prepare_sweep(config("parts", 1)), folder, quiet, model)
    parts = sweep.finish(prepare_sweep(config("parts", None)), folder, quiet)
    assert hash_of(parts) == hash_of(whole)


# -- time and warm-up ----------------------------------------------------------------------------------------


def test_the_time_left_goes_by_what_was_done_here() -> None:
    assert time_left(60.0, 0, 10, 100) == pytest.approx(540.0)
    assert time_left(60.0, 90, 95, 100) == pytest.approx(60.0)
    assert time_left(60.0, 90, 90, 100) is None


def test_warm_up_is_three_times_the_longest_memory(call: Call, noop: Noop) -> None:
    swept = prepare_sweep(checked(SweepConfig, {"design": {"values": {STRENGTH: [0, 1]}}, "run": {"days": 30}}))
    known = memories(swept)
    assert known["response.trust.memory"] == max(known.values()) == 90.0
    assert warm_up_days(swept) == 270
    assert len(known) >= 6
    said = call(*TINY, GRID, "run.name=mine")
    assert "outcomes.since=270" in said.out
    said = call(*TINY, GRID, "run.name=later", "run.days=200", "outcomes.since=90")
    assert "37 % is left" in said.out
    assert np.exp(-270 / 90) < 0.05


def test_the_folder_is_named_by_the_hash(call: Call, noop: Noop) -> None:
    assert call(*TINY, GRID).code == 3
    folder = only_folder(Path(), "sweep")
    assert folder.name.endswith(read_results(folder).manifest["config_hash"][:6])
    assert partial(call, *TINY, GRID)().code == 2
