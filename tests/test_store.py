"""Results on disk: whole or visibly unfinished, never overwritten by accident, and the same hash for the same."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import InputError
from sim.store import Results, RunFolder, config_hash, content_hash, digest, read_results

CONFIG: dict[str, Any] = {"run": {"seed": 7, "name": None, "threads": 2}, "market": {"size": 10}}


def begun(root: Path, hash_: str = "a", overwrite: bool = False, name: str = "mine") -> RunFolder:
    """A folder that was taken for a run."""
    folder = RunFolder(root, "forecast", name)
    folder.begin(CONFIG, hash_, {}, overwrite)
    return folder


def finished(root: Path, hash_: str = "a", content: str = "c") -> RunFolder:
    """A folder of a whole run."""
    folder = begun(root, hash_)
    folder.write_json("summary.json", {"title": "whole"})
    folder.finish(content)
    return folder


def listing(folder: Path) -> set[str]:
    """All files below a folder."""
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


# -- the folder ----------------------------------------------------------------------------------------------


def test_a_folder_says_running_until_it_is_finished(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    assert not folder.resumed
    assert folder.path == tmp_path / "forecast" / "mine"
    manifest = folder.manifest()
    assert manifest is not None
    assert (manifest["status"], manifest["seed"], manifest["content_hash"]) == ("running", 7, None)
    folder.parts.mkdir()
    (folder.parts / "batch.npz").write_bytes(b"1")
    folder.finish("abc")
    manifest = folder.manifest()
    assert manifest is not None
    assert (manifest["status"], manifest["content_hash"], manifest["config_hash"]) == ("complete", "abc", "a")
    assert not folder.parts.exists()


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "/tmp/x", "a/", "../x"])
def test_a_name_that_is_not_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"run\.name="):
        RunFolder(tmp_path, "forecast", name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["会员", "a b", "x-1_2.3", "été", "2024"])
def test_names_of_any_language(tmp_path: Path, name: str) -> None:
    assert begun(tmp_path, name=name).path.is_dir()


def test_an_unfinished_run_is_resumed_with_the_same_hash(tmp_path: Path) -> None:
    first = begun(tmp_path, "a")
    first.parts.mkdir()
    (first.parts / "batch.npz").write_bytes(b"1")
    again = begun(tmp_path, "a")
    assert again.resumed
    assert (again.parts / "batch.npz").read_bytes() == b"1"


def test_an_unfinished_run_of_another_hash_is_refused(tmp_path: Path) -> None:
    first = begun(tmp_path, "a")
    (first.path / "mark").write_text("1")
    before = listing(first.path)
    with pytest.raises(InputError, match="unfinished run of another configuration"):
        begun(tmp_path, "b")
    assert listing(first.path) == before
    other = begun(tmp_path, "b", overwrite=True)
    assert not (other.path / "mark").exists()
    assert not other.resumed


def test_an_unfinished_run_of_other_rules_is_refused(tmp_path: Path) -> None:
    folder = begun(tmp_path, "a")
    manifest = folder.manifest() or {}
    folder.write_json("manifest.json", {**manifest, "rules": "0" * 16})
    with pytest.raises(InputError, match="configuration or version"):
        begun(tmp_path, "a")


@pytest.mark.parametrize(("hash_", "said"), [("a", "the same configuration"), ("b", "another configuration")])
def test_a_complete_folder_is_refused(tmp_path: Path, hash_: str, said: str) -> None:
    folder = finished(tmp_path)
    before = {name: (folder.path / name).read_bytes() for name in listing(folder.path)}
    with pytest.raises(InputError, match=said):
        begun(tmp_path, hash_)
    assert {name: (folder.path / name).read_bytes() for name in listing(folder.path)} == before


def test_a_complete_folder_is_emptied_where_the_user_says_so(tmp_path: Path) -> None:
    finished(tmp_path)
    folder = begun(tmp_path, "b", overwrite=True)
    assert listing(folder.path) == {"manifest.json", "config.yaml"}
    assert not folder.resumed


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("content", [None, "not json", "", "{"])
def test_a_foreign_folder_is_never_touched(tmp_path: Path, overwrite: bool, content: str | None) -> None:
    path = tmp_path / "forecast" / "mine"
    path.mkdir(parents=True)
    (path / "thesis.txt").write_text("years of work")
    if content is not None:
        (path / "manifest.json").write_text(content)
    before = listing(path)
    with pytest.raises(InputError, match=r"not a folder of results|not empty and not"):
        begun(tmp_path, overwrite=overwrite)
    assert listing(path) == before


def test_somebody_elses_manifest_is_no_licence_to_delete(tmp_path: Path) -> None:
    path = tmp_path / "forecast" / "mine"
    path.mkdir(parents=True)
    (path / "thesis.txt").write_text("years of work")
    (path / "manifest.json").write_text(json.dumps({"name": "a web app", "start_url": "/"}))
    with pytest.raises(InputError):
        begun(tmp_path, overwrite=True)
    assert (path / "thesis.txt").exists()


def test_a_manifest_that_is_a_list(tmp_path: Path) -> None:
    path = tmp_path / "forecast" / "mine"
    path.mkdir(parents=True)
    (path / "manifest.json").write_text("[1, 2]")
    with pytest.raises(InputError):
        begun(tmp_path)


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "forecast" / "mine").mkdir(parents=True)
    assert not begun(tmp_path).resumed


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "forecast").mkdir()
    (tmp_path / "forecast" / "mine").write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        begun(tmp_path)
    assert (tmp_path / "forecast" / "mine").read_text() == "a file"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be written"):
            begun(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_no_permission_is_the_users_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"cannot be written \(Permission denied\)"):
        begun(tmp_path)


# -- files ---------------------------------------------------------------------------------------------------


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    before = listing(folder.path)

    class Unwritable:
        """What JSON cannot hold."""

    with pytest.raises(TypeError):
        folder.write_json("summary.json", {"a": 1, "b": Unwritable()})
    assert listing(folder.path) == before


@pytest.mark.parametrize("old", [None, "old"])
def test_an_interruption_in_the_middle_leaves_the_old_file(tmp_path: Path, old: str | None) -> None:
    folder = begun(tmp_path)
    if old is not None:
        folder.write_text("forecast.csv", old)

    class Interrupted(pd.DataFrame):
        """A table whose writing is interrupted."""

        def to_csv(self, path: Path, **_: object) -> None:  # pyright: ignore
            """Half a file."""
            Path(path).write_text("day,val")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.write_csv("forecast.csv", Interrupted({"day": [1], "value": [2]}))
    target = folder.path / "forecast.csv"
    assert (target.read_text() if target.exists() else None) == old
    visible = {name for name in listing(folder.path) if not name.startswith(".")}
    assert visible == {"manifest.json", "config.yaml"} | ({"forecast.csv"} if old else set())
    folder.write_csv("forecast.csv", pd.DataFrame({"day": [1], "value": [2.5]}))
    assert target.read_text() == "day,value\n1,2.5\n"
    assert not [name for name in listing(folder.path) if name.endswith(".tmp")]


def test_a_manifest_is_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = begun(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        folder.finish("c")
    manifest = folder.manifest()
    assert manifest is not None
    assert manifest["status"] == "running"


def test_columns_carry_their_unit_and_definition(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    frame = pd.DataFrame({"day": np.arange(3, dtype=np.int32), "revenue": [0.5, 1.0, 2.25], "word": list("abc")})
    frame["kind"] = pd.Categorical(["x", "y", "x"])
    folder.write_parquet("daily.parquet", frame, {"revenue": ("CNY", "value of orders"), "absent": ("", "")})
    schema = pq.read_schema(folder.path / "daily.parquet")
    metadata = schema.field("revenue").metadata
    assert {key: value for key, value in metadata.items() if not key.startswith(b"PARQUET")} == {
        b"unit": b"CNY",
        b"definition": b"value of orders",
    }
    back = pd.read_parquet(folder.path / "daily.parquet")
    pd.testing.assert_frame_equal(back, frame)


def test_csv_holds_ten_digits(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    folder.write_csv("a.csv", pd.DataFrame({"x": [1 / 3, 1e12, 0.0], "date": ["2026-01-01"] * 3, "n": [1, 2, 3]}))
    text = (folder.path / "a.csv").read_bytes()
    assert text == b"x,date,n\n0.3333333333,2026-01-01,1\n1e+12,2026-01-01,2\n0,2026-01-01,3\n"


# -- hashes --------------------------------------------------------------------------------------------------

FRAME = pd.DataFrame({"day": [0, 1, 2], "value": [1.5, -0.25, 3.0], "name": ["a", "b", "c"]})


def hashed(frame: pd.DataFrame) -> str:
    """The hash of one table."""
    return content_hash({"t": frame}, {})


def test_the_hash_of_the_same_is_the_same() -> None:
    assert hashed(FRAME) == hashed(FRAME.copy()) == hashed(FRAME.set_index(pd.Index([7, 8, 9])))
    documents = {"a": {"x": 1, "y": [1, 2]}, "b": None}
    turned = {"b": None, "a": {"y": [1, 2], "x": 1}}
    assert content_hash({}, documents) == content_hash({}, turned)
    assert content_hash({"a": FRAME, "b": FRAME}, {}) == content_hash({"b": FRAME, "a": FRAME}, {})


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.uint8, np.int64])
def test_the_width_of_an_integer_is_no_content(kind: Any) -> None:
    assert hashed(FRAME.astype({"day": kind})) == hashed(FRAME)


def test_the_width_of_a_float_is_no_content_where_the_value_is_the_same() -> None:
    assert hashed(FRAME.astype({"value": np.float32})) == hashed(FRAME)


def test_how_words_are_stored_is_no_content() -> None:
    for kind in ("object", "category", "string"):
        assert hashed(FRAME.astype({"name": kind})) == hashed(FRAME)


CHANGES = {
    "a value": FRAME.assign(value=[1.5, -0.25, 3.00000001]),
    "a whole number": FRAME.assign(day=[0, 1, 3]),
    "a word": FRAME.assign(name=["a", "b", "d"]),
    "the name of a column": FRAME.rename(columns={"day": "days"}),
    "the order of rows": FRAME.iloc[::-1],
    "the order of columns": FRAME[["value", "day", "name"]],
    "a row less": FRAME.iloc[:2],
    "a column less": FRAME[["day", "value"]],
    "a column more": FRAME.assign(more=0),
    "whole numbers as floats": FRAME.astype({"day": np.float64}),
    "nothing in a float": FRAME.assign(value=[1.5, np.nan, 3.0]),
}


def test_every_change_of_content_changes_the_hash() -> None:
    found = {what: hashed(frame) for what, frame in CHANGES.items()}
    found["nothing"] = hashed(FRAME)
    found["the name of the table"] = content_hash({"u": FRAME}, {})
    found["a document"] = content_hash({"t": FRAME}, {"d": 1})
    found["another document"] = content_hash({"t": FRAME}, {"d": 2})
    assert len(set(found.values())) == len(found)


def test_what_processors_may_differ_in_is_no_content() -> None:
    assert hashed(FRAME.assign(value=[1.5, np.nextafter(-0.25, 0), 3.0 + 1e-14])) == hashed(FRAME)
    assert hashed(FRAME.assign(value=[1.5, 0.0, 3.0])) == hashed(FRAME.assign(value=[1.5, -0.0, 3.0]))
    assert content_hash({}, {"a": [1 / 3, 2]}) == content_hash({}, {"a": [1 / 3 + 1e-14, 2]})


def test_the_words_of_a_document_are_no_content_and_its_keys_and_numbers_are() -> None:
    one = content_hash({}, {"d": {"note": "as it was", "n": 3, "x": [0.5, None, True]}})
    assert one == content_hash({}, {"d": {"note": "reworded", "n": 3, "x": [0.5, None, True]}})
    for other in (
        {"text": "as it was", "n": 3, "x": [0.5, None, True]},
        {"note": "", "n": 4, "x": [0.5, None, True]},
    ):
        assert one != content_hash({}, {"d": other})
    assert one != content_hash({}, {"d": {"note": "as it was", "n": 3, "x": [0.5001, None, True]}})


def test_words_that_hold_a_newline_are_told_apart() -> None:
    one = pd.DataFrame({"name": ["a\nb", "c"]})
    two = pd.DataFrame({"name": ["a", "b\nc"]})
    assert hashed(one) != hashed(two)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8), st.data())
def test_one_changed_integer_changes_the_hash(values: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(values) - 1))
    other = data.draw(st.integers(-(2**63), 2**63 - 1).filter(lambda value: value != values[at]))
    changed = [other if place == at else value for place, value in enumerate(values)]
    frames = [pd.DataFrame({"x": np.array(v, dtype=np.int64)}) for v in (values, changed)]
    assert hashed(frames[0]) != hashed(frames[1])


def test_large_keys_keep_every_bit() -> None:
    keys = np.array([2**63, 2**64 - 1], dtype=np.uint64)
    assert hashed(pd.DataFrame({"key": keys})) != hashed(pd.DataFrame({"key": keys - np.uint64(1)}))


def test_the_config_hash_leaves_out_how_a_run_is_done() -> None:
    def of(**run: Any) -> str:
        config = {"run": {"seed": 1, "days": 5, "name": None, "threads": 1, "processes": 1, "overwrite": False} | run}
        return config_hash(config, {})

    same = {of(), of(threads=8), of(processes=3), of(name="x"), of(overwrite=True)}
    assert len(same) == 1
    assert of(seed=2) not in same
    assert of(days=6) not in same


def test_a_log_counts_by_its_content_not_by_its_path() -> None:
    def of(path: str, content: str) -> str:
        return config_hash({"data": {"path": path, "refunds": "stop"}}, {"data": content})

    assert of("a.csv", "1") == of("/elsewhere/b.csv", "1")
    assert of("a.csv", "1") != of("a.csv", "2")


def test_hashing_a_config_leaves_the_config_as_it_is() -> None:
    config = {"data": {"path": "a.csv"}, "run": {"seed": 1, "name": "x"}}
    config_hash(config, {"data": "1"})
    assert config == {"data": {"path": "a.csv"}, "run": {"seed": 1, "name": "x"}}


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": {"c": 2, "d": 3}}) == digest({"b": {"d": 3, "c": 2}, "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.5})


# -- reading back --------------------------------------------------------------------------------------------


def test_results_read_back_what_was_written(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    daily = pd.DataFrame({"day": [0, 1], "orders": [3, 4]})
    folder.write_parquet("daily.parquet", daily, {})
    folder.write_csv("forecast.csv", daily)
    folder.write_json("summary.json", {"title": "会员"})
    folder.finish("c")
    for path in (folder.path, str(folder.path)):
        results = read_results(path)
        pd.testing.assert_frame_equal(results.daily, daily)
        pd.testing.assert_frame_equal(results.forecast, daily)
        assert results.summary == {"title": "会员"}
        assert results.config == CONFIG
        assert results.manifest["content_hash"] == "c"
        assert results.has("daily.parquet")
        assert not results.has("actuals.csv")


def test_no_such_results(tmp_path: Path) -> None:
    finished(tmp_path)
    with pytest.raises(InputError, match="there is no such folder") as problem:
        Results(tmp_path / "forecast" / "mind")
    assert "did you mean" in str(problem.value)
    assert str(tmp_path / "forecast" / "mine") in str(problem.value)
    with pytest.raises(InputError, match="there is no such folder"):
        Results(tmp_path / "nowhere" / "at" / "all")


@pytest.mark.parametrize("content", [None, "", "not json", "{"])
def test_not_a_folder_of_results(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError, match="not a folder of results"):
        Results(tmp_path)


def test_unfinished_results_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not finished"):
        Results(begun(tmp_path).path)
