"""`sweep`: many points of a parameter space, one table.

Each point that has been lived is written at once, whole, as a part file of its own; whoever interrupts a sweep loses
only the points that were being lived. Parts stand in buckets of `BUCKET` points, which are merged when they are full
and read one after the other at the end, so that memory does not grow with the number of points.
"""

import datetime as dt
import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sim.accounting.metrics import KNOWN
from sim.data import Note
from sim.errors import InputError
from sim.settings import SweepConfig
from sim.store import MODEL_VERSION, RunFolder, config_hash, content_hash, package_version
from sim.study.compare import HEADLINES
from sim.study.design import Design, base_value, design_of
from sim.study.forecast import Prepared, Progress, default_name, parameters_document, prepare, stage_limits
from sim.study.points import OUTCOMES, Answer, Living, Model, Task, processors, run_points

BUCKET = 1000
"""Points whose part files stand together."""
HEAD = {
    "point": ("", "the point's number in the design"),
    "status": ("", "done or failed"),
    "error": ("", "what was wrong, of a point that failed"),
    "config_hash": ("", "hash of the configuration at the point"),
    "seed": ("", "the seed of its luck"),
}
"""The columns before the parameters."""


@dataclass(frozen=True)
class Swept:
    """A validated sweep, ready to go: nothing has been written yet."""

    config: SweepConfig
    ready: Prepared
    design: Design
    living: Living
    inputs: dict[str, str]

    @property
    def hash(self) -> str:
        """The hash of everything that changes results; a file of points counts by its content."""
        return config_hash(asdict(self.config), self.inputs)

    @property
    def outcomes(self) -> tuple[str, ...]:
        """What is told of each point."""
        return self.living.outcomes

    @property
    def workers(self) -> int:
        """Processes at work: one for each processor, but a single one in a launcher's job."""
        run, design = self.config.run, self.config.design
        if run.processes is not None:
            return run.processes
        return 1 if design.block is not None else max(processors() // run.threads, 1)


def prepare_sweep(config: SweepConfig) -> Swept:
    """Check a sweep: the base and the design. Errors: `InputError`, before anything is written."""
    base = config.base
    ready = prepare(base)
    design = design_of(config.design, base)
    living = Living(base, config.outcomes.metrics or OUTCOMES, config.outcomes.since, config.design.seeds)
    inputs = dict(ready.inputs)
    if config.design.file:
        inputs["design"] = hashlib.sha256(Path(config.design.file).read_bytes()).hexdigest()
    return Swept(config, ready, design, living, inputs)


def check_points(swept: Swept, say: Progress) -> int:
    """Check every point before anything runs; how many of them cannot be lived, each of which will be a row.

    Errors: `InputError` where not a single one can be lived.
    """
    distinct = swept.design.distinct
    wrong, first = 0, ""
    for done, number in enumerate(distinct.tolist()):
        try:
            swept.living.config(swept.design.at(number))
        except InputError as problem:
            wrong, first = wrong + 1, first or str(problem)
        if done % 1000 == 999:
            say("check the points", done + 1, len(distinct))
    if wrong == len(distinct):
        raise InputError(first if wrong == 1 else f"no point of the design can be lived; the first: {first}")
    return wrong


# ---------------------------------------------------------------------------- the table


def schema_of(swept: Swept, timed: bool = False) -> pa.Schema:
    """The columns of the table, each with its unit and definition, and of parameters their role.

    timed: as in part files, which also say how many seconds a point took.
    """
    kinds = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}
    head = {"point": pa.int64(), "seed": pa.int64()}
    out = [
        pa.field(name, head.get(name, pa.string()), metadata={"unit": unit, "definition": words})
        for name, (unit, words) in HEAD.items()
    ]
    out += [
        pa.field(
            axis.path,
            kinds[axis.parameter.kind],
            metadata={
                "unit": axis.parameter.about.unit,
                "definition": axis.parameter.about.meaning,
                "role": axis.role,
            },
        )
        for axis in swept.design.space.axes
    ]
    span = f", summed from day {swept.config.outcomes.since} on"
    for name in swept.outcomes:
        metric = KNOWN[name]
        words = metric.meaning + (span if metric.kind == "flow" else ", at the end")
        out.append(pa.field(name, pa.float64(), metadata={"unit": metric.unit, "definition": f"mean: {words}"}))
    for name in swept.outcomes:
        words = f"Monte Carlo standard error of the mean of {name}"
        out.append(pa.field(f"{name}_se", pa.float64(), metadata={"unit": KNOWN[name].unit, "definition": words}))
    return pa.schema([*out, pa.field("seconds", pa.float64())] if timed else out)


def rows_of(swept: Swept, answer: Answer, numbers: Sequence[int], schema: pa.Schema) -> pa.Table:
    """The rows of an answer, one for each point that it is the answer of; what a failed point lacks is empty."""
    row: dict[str, Any] = {
        "status": "done" if answer.done else "failed",
        "error": answer.error,
        "config_hash": answer.task.config_hash,
        "seed": answer.task.seed,
        **swept.design.row(answer.task.index),
        "seconds": answer.seconds,
    }
    if answer.done:
        row |= answer.means() | {f"{name}_se": error for name, error in answer.errors().items()}
    columns = []
    for field in schema:
        value = row.get(field.name)
        try:
            cell = pa.scalar(value, field.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            cell = pa.scalar(None, field.type)  # not of the column's type: its error says so
        columns.append(pa.array(numbers) if field.name == "point" else pa.array([cell] * len(numbers), field.type))
    return pa.Table.from_arrays(columns, schema=schema)


class Shelf:
    """The part files of a sweep: which points have been lived, and their rows.

    Errors: `OSError` where nothing can be written; what was there stays.
    """

    def __init__(self, folder: RunFolder, swept: Swept) -> None:
        self.folder, self.swept = folder, swept
        self.schema = schema_of(swept, timed=True)
        self.there = np.zeros(swept.design.count, dtype=bool)
        order = np.argsort(swept.design.firsts, kind="stable")
        self._rows = order, swept.design.firsts[order]
        for part in sorted(folder.parts.glob("*/*.parquet")):
            try:
                self.there[pq.read_table(part, columns=["point"])["point"].to_numpy()] = True
            except (OSError, pa.ArrowInvalid):
                part.unlink()  # damaged: lived again

    def place(self, number: int) -> str:
        """The bucket of a point, below the folder."""
        return f"parts/{number // BUCKET:06d}"

    def same(self, first: int) -> np.ndarray:
        """All points of which a first one is the answer."""
        order, firsts = self._rows
        return np.sort(order[slice(*np.searchsorted(firsts, [first, first + 1]))])

    def add(self, answer: Answer) -> None:
        """Write the rows of an answer, the one of its own point last, so that its being there says that all are."""
        numbers = self.same(answer.task.index)
        buckets = np.unique(numbers // BUCKET)[::-1]
        for bucket in buckets.tolist():
            inside = numbers[numbers // BUCKET == bucket].tolist()
            table = rows_of(self.swept, answer, inside, self.schema)
            self.folder.write_file(f"{self.place(inside[0])}/{inside[0]:07d}.parquet", _writer(table))
        self.there[numbers] = True
        for bucket in buckets.tolist():
            if self.there[bucket * BUCKET : (bucket + 1) * BUCKET].all():
                self.merge(bucket)

    def merge(self, bucket: int) -> None:
        """Make one file of a full bucket."""
        name = self.place(bucket * BUCKET)
        parts = [part for part in (self.folder.path / name).glob("*.parquet") if part.stem != "whole"]
        if parts:
            self.folder.write_file(f"{name}/whole.parquet", _writer(self.read(bucket)))
            for part in parts:
                part.unlink()

    def read(self, bucket: int) -> pa.Table:
        """The rows of a bucket, in order of points. Errors: `InputError` where some are missing."""
        parts = sorted((self.folder.path / self.place(bucket * BUCKET)).glob("*.parquet"))
        table = pa.concat_tables([pq.read_table(part, schema=self.schema) for part in parts])
        numbers, first = np.unique(table["point"].to_numpy(), return_index=True)
        if len(numbers) != min(BUCKET, len(self.there) - bucket * BUCKET):
            raise InputError(f"{self.folder.path}: some points have not been lived; the same command lives them")
        return table.take(first)

    @property
    def buckets(self) -> range:
        """All buckets."""
        return range((len(self.there) + BUCKET - 1) // BUCKET)


def _writer(table: pa.Table) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        try:
            pq.write_table(table, path, compression="zstd")
        except OSError:
            path.unlink(missing_ok=True)
            raise

    return write


# ---------------------------------------------------------------------------- the sweep


def open_folder(swept: Swept, root: Path) -> RunFolder:
    """The folder of a sweep below `root`."""
    name = swept.config.run.name or default_name(swept.config.base, swept.hash)
    return RunFolder(root, "sweep", name)


def begin(swept: Swept, root: Path, say: Progress) -> RunFolder:
    """Check all points and take the folder. Errors: `InputError`, before anything is written."""
    check_points(swept, say)
    folder = open_folder(swept, root)
    folder.begin(asdict(swept.config), swept.hash, swept.inputs, swept.config.run.overwrite)
    return folder


def live(swept: Swept, folder: RunFolder, say: Progress, model: Model | None = None) -> None:
    """Live the points that have not been lived, of one block or of all, and write each as it is answered."""
    shelf, design = Shelf(folder, swept), swept.design
    block, blocks = swept.config.design.block, swept.config.design.blocks
    asked = design.distinct if block is None else design.distinct[block::blocks]
    missing = asked[~shelf.there[asked]]
    done = len(asked) - len(missing)

    def tasks() -> Iterator[Task]:
        for number in missing.tolist():
            yield swept.living.task(number, design.at(number))

    say("live the points", done, len(asked))
    for answer in run_points(model or swept.living, tasks(), min(swept.workers, max(len(missing), 1))):
        shelf.add(answer)
        done += 1
        say("live the points", done, len(asked))


def finish(swept: Swept, folder: RunFolder, say: Progress) -> Path:
    """Make one table of all parts, bucket by bucket, and mark the folder complete."""
    shelf = Shelf(folder, swept)
    schema, columns = schema_of(swept), schema_of(swept).names
    hashed, counts, errors = hashlib.sha256(), Counter[str](), Counter[str]()
    names = "table.parquet", "table.csv", "timing.parquet"
    table_file, csv_file, timing_file = (folder.path / f".{name}.making" for name in names)
    timed = pa.schema([pa.field("point", pa.int64()), pa.field("seconds", pa.float64())])
    with (
        pq.ParquetWriter(table_file, schema, compression="zstd") as table,
        pq.ParquetWriter(timing_file, timed, compression="zstd") as timing,
        csv_file.open("w", encoding="utf-8", newline="") as csv,
    ):
        for bucket in shelf.buckets:
            rows = shelf.read(bucket)
            timing.write_table(rows.select(timed.names).cast(timed))
            rows = rows.select(columns).cast(schema)
            table.write_table(rows)
            frame = rows.to_pandas()
            hashed.update(content_hash({f"bucket {bucket}": frame}, {}).encode())
            frame.to_csv(csv, index=False, header=bucket == 0, float_format="%.10g", lineterminator="\n")
            counts.update(frame["status"])
            errors.update(frame.loc[frame["status"] == "failed", "error"])
            say("write the table", bucket + 1, len(shelf.buckets))
        content = hashed.hexdigest()
        table.add_key_value_metadata(cited(swept, content))
    for unfinished, name in zip((table_file, csv_file, timing_file), names, strict=True):
        folder.write_file(name, lambda path, made=unfinished: shutil.move(made, path))
    folder.write_json("parameters.json", declared(swept))
    folder.write_json("summary.json", summary_document(swept, counts, errors, content))
    from sim.report.sweep import write_sweep  # drawing is loaded only when something is drawn

    write_sweep(folder.path)
    folder.finish(content)
    return folder.path


def run_sweep(config: SweepConfig, root: Path, progress: Progress | None = None, model: Model | None = None) -> Path:
    """Run a sweep and write its folder below `root`; returns the folder. model: in place of the real one.

    Errors: `InputError`, before anything is written, when the input is wrong.
    """
    say = progress or (lambda what, done, of: None)
    swept = prepare_sweep(config)
    folder = begin(swept, root, say)
    live(swept, folder, say, model)
    return finish(swept, folder, say)


def sweep(design: str, values: Any = None, **groups: Any) -> pd.DataFrame:
    """Sweep in memory, with the command line's names: `sweep("lhs", {key: [low, high]}, design={"n": 64})`.

    groups: run, design, outcomes, strategy, market, … as in the config; strategy and market may be names. The frame
    has the columns of table.parquet. Nothing is printed or written. Errors: `InputError`.
    """
    from sim.settings import named_groups
    from sim.units import checked

    options = {**groups.pop("design", {}), "kind": design, "values": values}
    swept = prepare_sweep(checked(SweepConfig, {**named_groups(groups), "design": options}))
    check_points(swept, lambda what, done, of: None)
    made, order = swept.design, schema_of(swept)
    tasks = (swept.living.task(number, made.at(number)) for number in made.distinct.tolist())
    same = {int(first): np.flatnonzero(made.firsts == first).tolist() for first in made.distinct}
    found = [
        rows_of(swept, answer, same[answer.task.index], order)
        for answer in run_points(swept.living, tasks, min(swept.workers, len(made.distinct)))
    ]
    return pa.concat_tables(found).sort_by("point").to_pandas()


# ---------------------------------------------------------------------------- documents


def cited(swept: Swept, content: str) -> dict[str, str]:
    """What a table says of itself, so that it can be cited away from its folder."""
    return {
        "membersim": package_version(),
        "model": MODEL_VERSION,
        "config_hash": swept.hash,
        "content_hash": content,
        "citation": citation(content),
    }


def citation(content: str) -> str:
    """One line by which the numbers can be cited."""
    return f"membersim {package_version()}, model {MODEL_VERSION}, content hash {content}"


def declared(swept: Swept) -> dict[str, Any]:
    """parameters.json: what all points share, and the axes by role: levers, uncertainties, sizes."""
    document = parameters_document(swept.ready)
    axes = [
        {
            "key": axis.path,
            "role": axis.role,
            "unit": axis.parameter.about.unit,
            "meaning": axis.parameter.about.meaning,
            "base": base_value(swept.design.space.base, axis.path),
        }
        for axis in swept.design.space.axes
    ]
    return document | {"axes": axes}


def summary_document(swept: Swept, counts: Counter[str], errors: Counter[str], content: str) -> dict[str, Any]:
    """summary.json: how many points of what, what failed and why, notes, and how to cite it."""
    config, plan, labels = swept.config, swept.ready.plan, dict(HEADLINES)
    failed = counts["failed"]
    notes = [*swept.design.notes, warm_up_note(swept)]
    if failed:
        notes.append(f"{failed:,} of {swept.design.count:,} points failed; their rows say why.")
    return {
        "title": swept.ready.title,
        "app": "sweep",
        "design": config.design.kind,
        "points": swept.design.count,
        "distinct": len(swept.design.distinct),
        "done": counts["done"],
        "failed": failed,
        "errors": [{"error": error, "points": count} for error, count in errors.most_common(10)],
        "seeds": config.design.seeds,
        "seed": config.run.seed,
        "replications": config.run.replications,
        "since": config.outcomes.since,
        "outcomes": [
            {"metric": name, "label": labels.get(name, KNOWN[name].meaning), "unit": KNOWN[name].unit,
             "kind": KNOWN[name].kind}
            for name in swept.outcomes
        ],
        "strategy": config.strategy.name,
        "market": config.market.name,
        "start": plan.start.isoformat(),
        "end": (plan.start + dt.timedelta(plan.days - 1)).isoformat(),
        "days": plan.days,
        "headlines": [],
        "members_at_start": plan.founders.count,
        "stage_limits_days": stage_limits(plan),
        "citation": citation(content),
        "warnings": notes,
        "notes": [asdict(note) for note in (*swept.ready.notes, Note("design", 0, "Whoever does nothing counts as an "
                  "operator too, as in a comparison."))],
    }  # fmt: skip


def memories(swept: Swept) -> dict[str, float]:
    """How long members remember what an operator does, in days: every memory of how people respond, by its key."""
    response = asdict(swept.config.response)
    return {
        f"response.{group}.{name}": value
        for group, settings in response.items()
        if isinstance(settings, dict)
        for name, value in settings.items()
        if name == "memory" or name.endswith("_memory")
    }


def warm_up_days(swept: Swept) -> int:
    """Days after which 5 % are left of what members bring along: three times the longest memory."""
    return int(np.ceil(3.0 * max(memories(swept).values())))


def warm_up_note(swept: Swept) -> str:
    """From which day on outcomes count, and from which they would tell a programme that has long been running."""
    since, settled = swept.config.outcomes.since, warm_up_days(swept)
    longest = max(memories(swept).items(), key=lambda entry: entry[1])
    if since == 0:
        return (
            "Outcomes count from day 0, when nobody has heard of the operator yet: they tell the launch. Of a "
            f"programme that has long been running, outcomes.since={settled} tells: three times {longest[0]}, the "
            "longest memory, so that 5 % is left of how members began."
        )
    left = 100.0 * float(np.exp(-since / longest[1]))
    return f"Outcomes count from day {since}: {left:.0f} % is left then of how members began ({longest[0]})."


__all__ = ["prepare_sweep", "run_sweep", "sweep"]
