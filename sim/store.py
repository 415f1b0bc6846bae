"""Results on disk: one folder per run, whole or visibly unfinished, with provenance and a content hash."""

import functools
import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from sim.errors import InputError, nearest
from sim.jit import source_hash

SPEED_KEYS = {
    ("run", "threads"), ("run", "processes"), ("run", "overwrite"), ("run", "name"),
    ("design", "block"), ("design", "blocks"),
}  # fmt: skip
"""Keys that change how a run is done but not what comes out."""
TABLES = ("population", "daily", "flows", "cohorts", "growth")
MODEL_VERSION = "1"
"""Raised when a rule or a default changes, so that results of different models are never mixed."""
FITTING = ("btyd.py", "calibrate.py", "fit.py", "jump_off.py")
"""Files of the room `study` on which lives depend: who the members of a log are."""
NO_LIVES = ("__init__.py", "errors.py", "model.py", "settings.py", "store.py", "accounting/metrics.py")
"""Files that change no life: they name, check, show and keep."""


def package_version() -> str:
    """The installed version of membersim."""
    try:
        return version("membersim")
    except PackageNotFoundError:
        return "unknown"


@functools.cache
def lives_hash() -> str:
    """The hash (16 hex digits) of the sources on which members' lives depend, so that a life can be lived again.

    Reports and studies may change without it: of these rooms only `FITTING` counts.
    """
    root, out = Path(__file__).parent, hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        name, room = file.relative_to(root).as_posix(), file.relative_to(root).parts[0]
        if room == "report" or name in NO_LIVES or (room == "study" and file.name not in FITTING):
            continue
        out.update(f"{name}\n".encode())
        out.update(file.read_bytes())
    return out.hexdigest()[:16]


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def config_hash(config: dict[str, Any], inputs: dict[str, str]) -> str:
    """The hash of everything in a config that changes results; an input file counts by its content."""
    kept = {
        group: {key: value for key, value in keys.items() if (group, key) not in SPEED_KEYS}
        for group, keys in config.items()
    }
    if "data" in kept:
        kept["data"]["path"] = inputs.get("data")
    if "design" in kept:
        kept["design"]["file"] = inputs.get("design")
    return digest({"config": kept, "inputs": inputs, "model": MODEL_VERSION})


def provenance() -> dict[str, Any]:
    """Versions and commit: where these numbers come from."""
    names = ("numpy", "numba", "pandas", "scipy", "mesa", "hydra-core", "matplotlib", "pyarrow", "salib")
    versions = {name: version(name) for name in names}
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            timeout=5,
        )
        commit: str | None = done.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        commit = None
    return {
        "membersim": package_version(),
        "model": MODEL_VERSION,
        "lives": lives_hash(),
        "rules": source_hash(),
        "commit": commit,
        "python": platform.python_version(),
        "libraries": versions,
    }


class RunFolder:
    """The folder of one run: `results/<app>/<name>/`; kind: `sweep` where it holds a table of points, else the app.

    `begin` takes it: a folder that is complete is refused (or emptied, with overwrite), one that is incomplete
    and has the same config hash is resumed, one with another hash is refused. Files appear whole, by renaming;
    `finish` marks the folder complete, as the last thing.

    Errors: `InputError` where the folder is taken or cannot be written.
    """

    def __init__(self, root: Path, app: str, name: str, kind: str = "") -> None:
        if not name or Path(name).name != name or name.startswith("."):
            raise InputError(f"run.name={name!r}: must be the name of a folder, without slashes or a leading dot")
        if len(name.encode()) > 200:
            raise InputError(f"run.name={name[:30]!r}...: must be the name of a folder, at most 200 bytes long")
        self.path = root / app / name
        self.app = app
        self.kind = kind or app
        self.resumed = False

    @property
    def parts(self) -> Path:
        """Where finished batches wait until the run is whole."""
        return self.path / "parts"

    def manifest(self) -> dict[str, Any] | None:
        """What manifest.json says; None where there is none, or none that can be read."""
        try:
            found = json.loads((self.path / "manifest.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and {"app", "config_hash", "status"} <= set(found) else None

    def begin(self, config: dict[str, Any], hash_: str, inputs: dict[str, str], overwrite: bool) -> None:
        """Take the folder for a run of this config; write config.yaml and a manifest that says `running`."""
        try:
            if self.path.exists() and any(self.path.iterdir()):
                self._take_over(hash_, overwrite)
            self.path.mkdir(parents=True, exist_ok=True)
            self._write_manifest("running", config["run"]["seed"], hash_, inputs, None)
            self.write_text("config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
        except OSError as problem:
            raise InputError(f"{self.path}: cannot be written ({problem.strerror or problem})") from None

    def _take_over(self, hash_: str, overwrite: bool) -> None:
        manifest = self.manifest()
        if overwrite:
            if manifest is None:
                raise InputError(
                    f"{self.path}: is not a folder of results, so it is not overwritten; pick a run.name"
                )
            shutil.rmtree(self.path)
        elif manifest is None:
            raise InputError(f"{self.path}: is not empty and not a folder of results; pick another run.name")
        elif manifest.get("status") == "complete":
            same = "the same configuration" if manifest.get("config_hash") == hash_ else "another configuration"
            raise InputError(
                f"{self.path}: holds complete results of {same}; open its report.html, pick another run.name, "
                "or set run.overwrite=true"
            )
        elif manifest.get("config_hash") != hash_ or manifest.get("rules") != source_hash():
            raise InputError(
                f"{self.path}: holds an unfinished run of another configuration or version; pick another run.name "
                "or set run.overwrite=true"
            )
        else:
            self.resumed = True

    def _write_manifest(
        self, status: str, seed: int, hash_: str, inputs: dict[str, str], content: str | None
    ) -> None:
        self.write_json(
            "manifest.json",
            {
                "app": self.app,
                "kind": self.kind,
                "name": self.path.name,
                "status": status,
                "seed": seed,
                "config_hash": hash_,
                "input_hashes": inputs,
                "content_hash": content,
                **provenance(),
            },
        )

    def finish(self, content: str) -> None:
        """Mark the folder complete; batches are dropped."""
        manifest = self.manifest() or {}
        self.write_json("manifest.json", {**manifest, "status": "complete", "content_hash": content})
        shutil.rmtree(self.parts, ignore_errors=True)

    def write_file(self, name: str, write: Callable[[Path], object]) -> None:
        """Let `write` make a file, whole or not at all."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".{target.name}.tmp")
        write(unfinished)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file, whole or not at all."""
        self.write_file(name, lambda path: path.write_text(text, encoding="utf-8"))

    def write_json(self, name: str, value: Any) -> None:
        """Write JSON, whole or not at all; a number that does not exist is written as null."""
        self.write_text(name, json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def write_csv(self, name: str, frame: pd.DataFrame) -> None:
        """Write a table as CSV with 10 significant digits."""
        self.write_file(name, lambda path: frame.to_csv(path, index=False, float_format="%.10g", lineterminator="\n"))

    def write_parquet(self, name: str, frame: pd.DataFrame, about: dict[str, tuple[str, str]]) -> None:
        """Write a table as Parquet; `about` gives unit and definition of columns, kept as column metadata."""
        table = pa.Table.from_pandas(frame, preserve_index=False)
        described = [
            field.with_metadata({"unit": about[field.name][0], "definition": about[field.name][1]})
            if field.name in about
            else field
            for field in table.schema
        ]
        table = table.cast(pa.schema(described))
        self.write_file(name, lambda path: pq.write_table(table, path, compression="zstd"))


def content_hash(tables: dict[str, pd.DataFrame], documents: dict[str, Any]) -> str:
    """The hash of results: values and column names of tables (rows in key order) and the numbers of plain documents.

    Numbers count to ten digits. Equal on every machine, for any number of threads and processes, with and without
    interruption or JIT.
    """
    out = hashlib.sha256()
    for name in sorted(tables):
        frame = tables[name]
        out.update(f"table {name} {len(frame)}\n".encode())
        for column in frame.columns:
            out.update(f"column {column}\n".encode())
            values = frame[column]
            if pd.api.types.is_integer_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
                out.update(values.to_numpy(dtype=np.int64).tobytes())
            elif pd.api.types.is_float_dtype(values.dtype):
                out.update(_ten_digits(values.to_numpy(dtype=np.float64)).tobytes())
            else:
                out.update(_words(values).encode())
    for name in sorted(documents):
        out.update(f"document {name}\n".encode())
        out.update(digest(_rounded(documents[name])).encode())
    return out.hexdigest()


def _words(values: pd.Series) -> str:
    """A column of words as a list of JSON; of categories each is written once."""
    if isinstance(values.dtype, pd.CategoricalDtype) and not values.isna().any():
        names = [json.dumps(str(name)) for name in values.cat.categories]
        return f"[{', '.join([names[code] for code in values.cat.codes.tolist()])}]"
    return json.dumps(values.astype(str).tolist())


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _ten_digits(values: np.ndarray) -> np.ndarray:
    """Values to 34 binary digits: summaries such as means may differ between processors beyond that."""
    fraction, exponent = np.frexp(values)
    return np.ldexp(np.round(fraction * 2.0**34) / 2.0**34, exponent) + 0.0


def _rounded(value: Any) -> Any:
    """The numbers of a document, rounded; its words are not content, so that an explanation may be reworded."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    if isinstance(value, str):
        return ""
    return f"{value:.9g}" if isinstance(value, float) else value


class Results:
    """A finished run's folder, read back: `results.daily`, `results.summary` … as they were written.

    Errors: `InputError` for a folder that is absent, unfinished, or not of results.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = _manifest_of(self.path)
        if self.manifest.get("status") != "complete":
            raise InputError(f"{self.path}: this run is not finished; run the same command again to finish it")

    def has(self, name: str) -> bool:
        """Whether a file is there."""
        return (self.path / name).exists()

    def json(self, name: str) -> Any:
        """A JSON file."""
        return json.loads((self.path / name).read_text(encoding="utf-8"))

    def table(self, name: str) -> pd.DataFrame:
        """A table by its file name, Parquet or CSV."""
        file = self.path / name
        return pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file)

    @property
    def config(self) -> dict[str, Any]:
        """The composed config."""
        return yaml.safe_load((self.path / "config.yaml").read_text(encoding="utf-8"))

    @property
    def summary(self) -> dict[str, Any]:
        """Headline numbers, notes, assumptions."""
        return self.json("summary.json")

    @property
    def daily(self) -> pd.DataFrame:
        """One row per strategy, replication, day."""
        return self.table("daily.parquet")

    @property
    def forecast(self) -> pd.DataFrame:
        """Means, quantiles and Monte Carlo errors by day and metric."""
        return self.table("forecast.csv")


class SweepResults(Results):
    """A sweep's folder, finished or not: `table` holds the points lived so far."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = _manifest_of(self.path)

    @property
    def finished(self) -> bool:
        """Whether every point has its row."""
        return self.manifest.get("status") == "complete"

    @property
    def table(self) -> pd.DataFrame:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One row for each point lived so far, in order of points: parameters, outcomes and their errors."""
        file = self.path / "table.parquet"
        if file.exists():
            return pd.read_parquet(file)
        rows = [pd.read_parquet(part) for part in sorted((self.path / "parts").glob("*/*.parquet"))]
        if not rows:
            raise InputError(f"{self.path}: no point of this sweep has been lived yet")
        whole = pd.concat([part for part in rows if len(part)], ignore_index=True).drop(columns="seconds")
        return whole.drop_duplicates("point").sort_values("point", ignore_index=True)


def _manifest_of(path: Path) -> dict[str, Any]:
    """The manifest of a folder of results. Errors: `InputError` where there is none."""
    if not path.is_dir():
        near = [str(p) for p in path.parent.glob("[!.]*/")] if path.parent.is_dir() else []
        raise InputError(f"{path}: there is no such folder; {nearest(str(path), near)}")
    try:
        return json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{path}: is not a folder of results (it has no readable manifest.json)") from None


class ResultsTree:
    """A folder of folders of results, such as `results/sweep` or `results`.

    runs: one row for each: app, name, status, seed, config_hash, content_hash; table: the rows of all sweeps below,
    one frame, each row with the app and the name of its folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.folders = sorted(file.parent for file in self.path.glob("**/manifest.json"))
        if not self.folders:
            raise InputError(f"{self.path}: holds no results (no folder below it has a manifest.json)")

    @property
    def runs(self) -> pd.DataFrame:
        """What there is, one row for each folder."""
        names = ("app", "name", "status", "seed", "config_hash", "content_hash")
        found = [_manifest_of(folder) for folder in self.folders]
        return pd.DataFrame([{name: manifest.get(name) for name in names} for manifest in found])

    @property
    def table(self) -> pd.DataFrame:
        """The tables of all sweeps, finished or not, one below the other; a column that one lacks is empty there."""
        parts: list[pd.DataFrame] = []
        for folder in self.folders:
            manifest = _manifest_of(folder)
            if manifest.get("kind", manifest.get("app")) == "sweep":
                table = SweepResults(folder).table
                table.insert(0, "app", str(manifest["app"]))
                table.insert(1, "name", folder.name)
                parts.append(table)
        if not parts:
            raise InputError(f"{self.path}: holds no sweep")
        return pd.concat(parts, ignore_index=True)


def read_results(path: str | Path) -> Any:
    """Open a run's folder: `Results`; that of a sweep, even unfinished: `SweepResults`; a folder of such folders:
    `ResultsTree`.

    Errors: `InputError` for a folder that is absent or not of results, or of an unfinished run that is no sweep.
    """
    folder = Path(path)
    if folder.is_dir() and not (folder / "manifest.json").exists() and any(folder.glob("**/manifest.json")):
        return ResultsTree(folder)
    manifest = _manifest_of(folder)
    return SweepResults(folder) if manifest.get("kind", manifest.get("app")) == "sweep" else Results(folder)
