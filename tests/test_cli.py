"""The command line: what a wrong word is answered with, what a run leaves behind, and that it can be trusted.

Most calls are in the process (the app's own `launch`, with the drawing of the page left out); the few that are
about processes, signals and the environment are subprocesses of `python -m experiments.forecast`.
"""

import csv
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

import sim.report.page
from experiments import app, cli, forecast
from sim.accounting.metrics import NAMES
from sim.errors import InputError
from sim.rng import stream
from sim.settings import Config, Data, Run
from sim.store import read_results
from sim.study.forecast import prepare
from sim.units import parameters
from tests.command import Call, Said, caller, environment, hash_of, only_folder, run_python, sleeper, write_stub

ROOT = Path(__file__).parents[1]
TINY = ("run.members=40", "run.days=10", "run.replications=12", "population.history_days=30", "run.threads=1")
"""A run of well under a second, in two batches."""
PROMISED = (
    "config.yaml", "parameters.json", "manifest.json", "population.parquet", "daily.parquet", "flows.parquet",
    "cohorts.parquet", "growth.parquet", "forecast.csv", "summary.json", "timing.parquet", "report.html",
)  # fmt: skip
PLAIN = """
import sys
import sim.report.page
from pathlib import Path
from experiments import forecast
if __name__ == "__main__":
    sim.report.page.write_report = lambda folder: Path(folder, "report.html").write_text("")
    sys.exit(forecast.main())
"""
"""The forecast app without the drawing of the page."""
DRIVER = sleeper("forecast", "sim.study.ensemble")
"""The forecast app, which falls asleep when its first batch has been written: time to interrupt it."""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call(*words)` is `membersim forecast *words` in an empty folder, the page being a stub."""
    monkeypatch.setattr(sim.report.page, "write_report", write_stub)
    return caller(forecast, tmp_path, monkeypatch, capsys)


def run_cli(folder: Path, *words: str, page: bool = False, **more: str) -> Said:
    """`python -m experiments.forecast *words` with `folder` as the current folder; without the page, if not asked."""
    what = ["-m", "experiments.forecast"] if page else ["-c", PLAIN]
    return run_python(folder, *what, *words, **more)


def is_refused(said: Said, *fragments: str) -> None:
    """Exit code 2, one short message on stderr with the given fragments, nothing written."""
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    assert len(said.err.strip().splitlines()) <= 3, said.err
    for fragment in fragments:
        assert fragment in said.err, (fragment, said.err)
    assert not Path("results").exists()
    assert not Path("outputs").exists()
    assert not Path("multirun").exists()


def plausible_log(
    file: Path, members: int = 400, weeks: int = 40, seed: int = 5, header: str = "", stay: float = 60.0
) -> Path:
    """A small shop's log: members come all along, buy at rates of their own, and stay for some `stay` days."""
    luck = np.random.default_rng(seed)
    origin, days = dt.date(2024, 1, 1), weeks * 7
    rows: list[tuple[str, dt.date, str]] = []
    for number in range(members):
        joined = 0.0 if number == 0 else luck.uniform(0, days)
        until = min(joined + luck.exponential(1 / luck.gamma(0.7, 1 / stay)), days)
        rate, level = luck.gamma(0.8, 1 / 40.0), luck.normal(3.5, 0.5)
        now = joined
        while now < until or now == joined:
            amount = np.exp(level + 0.6 * luck.normal())
            rows.append((f"m{number:05d}", origin + dt.timedelta(int(now)), f"{amount:.2f}"))
            now += luck.exponential(1 / rate)
    rows.append(("m00001", origin + dt.timedelta(days - 1), "20.00"))  # so that the last week is whole
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([header.split(",") if header else ["member_id", "date", "amount"], *rows])
    return file


# -- wrong words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "fragments"),
    [
        ("run.membrs=3", ["run.membrs", "did you mean 'run.members'?"]),
        ("+run.membrs=3", ["run.membrs", "did you mean 'run.members'?"]),
        ("++run.membrs=3", ["run.membrs", "did you mean 'run.members'?"]),
        ("replications=3", ["replications: there is no such key", "'run.replications'"]),
        ("market.seson.strength=0", ["did you mean 'market.season.strength'?"]),
        ("data.columns.member=uid", ["did you mean 'data.columns.member_id'?"]),
        ("markets=default", ["markets: there is no such key", "did you mean 'market'?"]),
        ("weather=fine", ["weather: there is no such key", "market", "population", "strategy"]),
        ("market=defualt", ["market=defualt", "did you mean 'default'?"]),
        ("strategy=do_nothin", ["there is no such strategy", "did you mean 'do_nothing'?"]),
        ("data=cdnw", ["there is no such data", "did you mean 'cdnow'?"]),
        ("population=zzz", ["population=zzz", "allowed: default"]),
        ("run=3", ["run=3", "must be a group of keys", "run.members"]),
        ("run={membrs:3}", ["membrs"]),
        ("run.members=ten", ["run.members='ten'", "a whole number", "members"]),
        ("run.members=1.5", ["run.members=1.5", "a whole number"]),
        ("run.members=[3]", ["run.members=[3]", "a whole number"]),
        ("run.overwrite=maybe", ["run.overwrite='maybe'", "true or false"]),
        ("run.members=nan", ["run.members=nan", "a whole number"]),
        ("market.cycle_days=nan", ["market.cycle_days=nan", "[1, 3650] days"]),
        ("market.cycle_days=inf", ["market.cycle_days=inf", "[1, 3650] days"]),
        ("market.season.strength=-inf", ["market.season.strength=-inf", "[0, 1.5]"]),
        ("market.cycle_days=1e400", ["market.cycle_days=inf", "[1, 3650] days"]),
        ("run.members=0", ["run.members=0", "[1, "]),
        ("run.members=-5", ["run.members=-5", "[1, "]),
        ("run.members=1000000000000", ["run.members=1000000000000", "members at day 0"]),
        ("run.members=1000001", ["run.members=1000001", "market.size=1000000"]),
        ("run.replications=1", ["run.replications=1", "[2, "]),
        ("run.days=3661", ["run.days=3661", "[1, 3660] days"]),
        ("run.seed=-1", ["run.seed=-1"]),
        ("run.seed=9223372036854775808", ["run.seed=9223372036854775808"]),
        ("run.threads=257", ["run.threads=257", "[1, 256]"]),
        ("run.members=", ["run.members=''", "a whole number"]),
        ("run.seed=null", ["run.seed=None", "a whole number"]),
        ("market.start=", ["market.start=''", "YYYY-MM-DD"]),
        ("market.start=2026-02-30", ["market.start='2026-02-30'", "YYYY-MM-DD"]),
        ("market.start=1500-01-01", ["market.start=1500-01-01", "1900-01-01"]),
        ("market.season.index=lgo", ["market.season.index='lgo'", "did you mean 'log'?"]),
        ("market.season.index=log", ["market.season.index=log", "needs a purchase log", "auto"]),
        ("population.stages.at_risk_after=40", ["population.stages", "must rise", "[40, 30, 60, 90]"]),
        ("run.name=a/b", ["run.name='a/b'", "without slashes"]),
        ("run.name=.hidden", ["run.name='.hidden'", "leading dot"]),
        ("run.name=..", ["run.name='..'"]),
        ("run.seed", ["run.seed"]),
        ("run.days=7 garbage", ["run.days='7 garbage'"]),
        ("run.seed=1,2", ["run.seed=1,2"]),
        ("--config-name=nope", ["nope"]),
    ],
)
def test_a_wrong_word_is_named_and_nothing_is_written(call: Call, word: str, fragments: list[str]) -> None:
    is_refused(call(*TINY, word) if "=" in word and not word.startswith("--") else call(word), *fragments)


def test_all_wrong_values_are_named_at_once(call: Call) -> None:
    said = call("run.members=0", "run.days=abc", "run.replications=1")
    is_refused(said, "run.members=0", "run.days='abc'", "run.replications=1")
    said = call("run.members=0", "run.days=abc", "run.replications=1", "market.cycle_days=-1", "fit.parameters=2")
    assert said.code == 2
    for key in ("run.members=0", "run.days='abc'", "run.replications=1", "market.cycle_days=-1", "fit.parameters=2"):
        assert key in said.err
    assert not Path("results").exists()


def test_all_unknown_keys_are_named_at_once(call: Call) -> None:
    said = call("run.membrs=3", "run.dys=3")
    assert "run.membrs" in said.err
    assert "run.dys" in said.err


def test_a_truth_is_not_a_number(call: Call) -> None:
    is_refused(call(*TINY, "run.members=true"), "run.members")


def test_an_empty_path_is_not_taken_for_no_log(call: Call) -> None:
    is_refused(call(*TINY, "data.path="), "data.path")


def test_a_name_may_look_like_a_number(call: Call) -> None:
    assert call(*TINY, "run.name=2024").code == 0


def test_a_name_may_be_in_chinese(call: Call) -> None:
    assert call(*TINY, "run.name=会员").code == 0


def test_a_group_without_a_choice(call: Call) -> None:
    is_refused(call(*TINY, "market=null"), "market")


def test_a_name_that_is_too_long(call: Call) -> None:
    is_refused(call(*TINY, "run.name=" + "x" * 300), "run.name")


def test_quoted_names_of_any_language(call: Call) -> None:
    said = call(*TINY, "run.name='会员 一'")
    assert (said.code, said.err) == (0, "")
    assert hash_of(Path("results/forecast/会员 一"))


# -- wrong logs ----------------------------------------------------------------------------------------------

GOOD = "".join(f"m{i % 60},2024-{1 + i // 28 % 6:02d}-{1 + i % 28:02d},{5 + i % 7}\n" for i in range(400))
HEADER = "member_id,date,amount\n"


@pytest.mark.parametrize(
    ("content", "words", "fragments"),
    [
        (None, [], ["orders.csv", "there is no such file"]),
        ("", [], ["orders.csv is empty", "member_id, date, amount"]),
        (HEADER, [], ["orders.csv", "no rows"]),
        ("customer,date,amount\nm1,2024-01-01,5\n", [], ["line 1", "member_id", "data.columns"]),
        (HEADER + "m1,2024-01-01,5\nm2,2024-13-01,5\n", [], ["orders.csv: line 3", "'2024-13-01'"]),
        (HEADER + "m1,2024-01-01,five\n", [], ["orders.csv: line 2", "'five'"]),
        (HEADER + GOOD + "m1,2024-02-03,-5\n", [], ["line 402", "data.refunds=net", "data.refunds=drop"]),
        (HEADER + "m1,2024-01-01,5\nm1,2024-03-01,5\n", [], ["only one member"]),
        (HEADER + "m1,2024-01-01,5\nm2,2024-03-01,5\nm1,2024-04-01,5\n", [], ["at least 50 members", "has 2"]),
        (HEADER + GOOD.replace("2024-02", "2024-01"), ["data.jump_off_week=3"], ["at least 4 weeks"]),
        (HEADER + GOOD, ["data.jump_off_week=900"], ["data.jump_off_week=900", "whole weeks"]),
        (HEADER + GOOD, ["data.columns.member_id=uid"], ["'uid'", "data.columns.member_id"]),
        (HEADER + GOOD, ["data.refunds=nett"], ["data.refunds='nett'", "did you mean 'net'?"]),
        (HEADER + GOOD, ["data=cdnow"], ["data.path", "data=cdnow"]),
        (HEADER + GOOD, ["market.season.index=log"], ["market.season.index=log", "two years"]),
        (HEADER + "".join(f"m{i},2024-0{1 + i % 5}-01,5\n" for i in range(90)), [], ["repeat orders"]),
    ],
)
def test_a_wrong_log(call: Call, content: str | None, words: list[str], fragments: list[str]) -> None:
    if content is not None:
        Path("orders.csv").write_text(content, encoding="utf-8")
    is_refused(call("data.path=orders.csv", "run.days=7", "run.replications=2", *words), *fragments)


def test_a_folder_and_no_path_are_no_logs(call: Call) -> None:
    Path("orders.csv").mkdir()
    is_refused(call("data.path=orders.csv"), "orders.csv is a folder")
    is_refused(call("data=log"), "data.path", "data=log")


# -- words that work -----------------------------------------------------------------------------------------


def test_help_lists_every_key(call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("--help", "-h"):
        said = call(word)
        assert (said.code, said.err) == (0, "")
        for parameter in parameters(Config):
            assert f"  {parameter.path}=" in said.out
            assert parameter.about.meaning in said.out
        for group in ("data", "market", "population", "strategy"):
            assert f"  {group}=" in said.out


@pytest.mark.parametrize(
    ("words", "code", "fragment"),
    [([], 0, "forecast"), (["--help"], 0, "forecast"), (["forcast"], 2, "did you mean 'forecast'?")],
)
def test_the_console_script(
    words: list[str],
    code: int,
    fragment: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["membersim", *words])
    assert cli.main() == code
    said = capsys.readouterr()
    assert fragment in said.out + said.err


def test_a_complete_folder_is_not_overwritten(call: Call) -> None:
    assert call(*TINY, "run.name=mine").code == 0
    folder = Path("results/forecast/mine")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    for words in ((), ("run.seed=2",), ("run.threads=2",)):
        said = call(*TINY, "run.name=mine", *words)
        assert said.code == 2
        assert "run.overwrite=true" in said.err
        assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    first = hash_of(folder)
    assert call(*TINY, "run.name=mine", "run.seed=2", "run.overwrite=true").code == 0
    assert hash_of(folder) != first
    assert read_results(folder).manifest["seed"] == 2


def test_a_folder_of_something_else_is_never_touched(call: Call) -> None:
    folder = Path("results/forecast/mine")
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work")
    for words in ((), ("run.overwrite=true",)):
        said = call(*TINY, "run.name=mine", *words)
        assert said.code == 2
        assert "not a folder of results" in said.err
        assert [file.name for file in folder.iterdir()] == ["thesis.txt"]


def test_several_runs_at_once(call: Call) -> None:
    said = call("-m", *TINY, "run.seed=1,2")
    assert (said.code, said.err) == (0, "")
    folders = list(Path("results/forecast").iterdir())
    assert sorted(read_results(folder).manifest["seed"] for folder in folders) == [1, 2]
    assert len({hash_of(folder) for folder in folders}) == 2


def test_several_wrong_runs_write_nothing(call: Call) -> None:
    is_refused(call("-m", *TINY, "run.threads=0,-1"), "run.threads=0", "run.threads=-1")
    assert list(Path().iterdir()) == []


def test_interrupted_by_hand(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sim.report.page, "write_report", stop)
    said = call(*TINY, "run.name=mine")
    assert said.code == 130
    assert "Traceback" not in said.err
    with pytest.raises(InputError, match="not finished"):
        read_results("results/forecast/mine")
    monkeypatch.setattr(sim.report.page, "write_report", write_stub)
    assert call(*TINY, "run.name=mine").code == 0
    assert read_results("results/forecast/mine").summary["replications"] == 12


def test_results_that_cannot_be_written(call: Call) -> None:
    Path("results").write_text("a file stands where the folder should be")
    said = call(*TINY)
    assert said.code == 2
    assert "Traceback" not in said.err
    assert "results" in said.err


# -- a whole run, as a user starts it ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run on one thread, by the command line."""
    root = tmp_path_factory.mktemp("plain")
    said = run_cli(root, *TINY, page=True)
    assert (said.code, said.err) == (0, "")
    assert "report.html" in said.out
    return only_folder(root, "forecast")


def test_every_promised_file_is_there(plain: Path) -> None:
    missing = [name for name in PROMISED if not (plain / name).is_file()]
    assert not missing
    assert not (plain / "parts").exists()
    assert not [file.name for file in plain.rglob("*") if file.name.endswith(".tmp")]


def test_the_manifest_says_where_the_numbers_come_from(plain: Path) -> None:
    manifest = read_results(plain).manifest
    assert manifest["status"] == "complete"
    assert (manifest["app"], manifest["name"], manifest["seed"]) == ("forecast", plain.name, 1)
    assert plain.name.endswith(manifest["config_hash"][:6])
    assert len(manifest["content_hash"]) == 64
    assert manifest["libraries"]["numpy"] == np.__version__


def test_the_tables_say_what_they_hold(plain: Path) -> None:
    results = read_results(plain)
    daily = results.daily
    assert list(daily.columns) == ["strategy", "replication", "day", *NAMES]
    assert len(daily) == 12 * 10
    schema = pq.read_schema(plain / "daily.parquet")
    for name in NAMES:
        about = schema.field(name).metadata
        assert about[b"unit"].decode()
        assert about[b"definition"].decode()
    people = results.table("population.parquet")
    assert len(people) == 40
    assert "member_id" not in people.columns
    flows = results.table("flows.parquet")
    assert list(flows.columns) == [
        "strategy", "replication", "day", "from_stage", "to_stage", "channel", "cause", "count",
    ]  # fmt: skip
    joined = flows[flows["cause"] == "joined"].groupby(["replication", "day"])["count"].sum()
    told = daily.set_index(["replication", "day"])["joined"]
    assert joined.equals(told[told > 0].reindex(joined.index))
    assert results.config["run"]["members"] == 40
    columns = ["day", "date", "metric", "mean", "p025", "p10", "p25", "p50", "p75", "p90", "p975", "monte_carlo_se"]
    assert list(results.forecast.columns) == columns
    assert results.forecast["date"].iloc[0] == "2026-01-01"
    assert set(results.summary) >= {"headlines", "targets", "notes"}
    orders = next(line for line in results.summary["headlines"] if line["metric"] == "orders_to_date")
    assert orders["mean"] == pytest.approx(daily.groupby("replication")["orders"].sum().mean())
    document = results.json("parameters.json")
    paths = {p.path for p in parameters(Config) if not p.path.startswith(("run.", "data."))}
    aims = {"strategy.targets", "strategy.ceilings"}  # conclusions: no result follows from them
    assert set(document["declared"]) == paths - aims
    assert results.table("timing.parquet")["seconds"].ge(0).all()


def test_the_same_command_leaves_the_same_bytes(call: Call, plain: Path) -> None:
    """Clock times stand in timing.parquet alone, and paths nowhere (the page and its charts are stubs here)."""
    assert call(*TINY).code == 0
    folder = only_folder(Path(), "forecast")
    for name in PROMISED:
        if name not in ("timing.parquet", "report.html"):
            assert (folder / name).read_bytes() == (plain / name).read_bytes(), name


@pytest.mark.parametrize(
    "words", [(), ("run.threads=2",), ("run.threads=3",), ("run.name=other",)], ids=["in-process", "2", "3", "name"]
)
def test_the_content_does_not_depend_on_how_it_was_run(call: Call, plain: Path, words: tuple[str, ...]) -> None:
    kept = [word for word in TINY if word.split("=")[0] not in {w.split("=")[0] for w in words}]
    assert call(*kept, *words).code == 0
    folder = only_folder(Path(), "forecast")
    assert hash_of(folder) == hash_of(plain)
    assert read_results(folder).manifest["config_hash"] == read_results(plain).manifest["config_hash"]


def test_the_content_does_not_depend_on_processes(plain: Path, tmp_path: Path) -> None:
    assert run_cli(tmp_path, *TINY, "run.processes=2").code == 0
    assert hash_of(only_folder(tmp_path, "forecast")) == hash_of(plain)


def test_the_content_does_not_depend_on_compilation(plain: Path, tmp_path: Path) -> None:
    said = run_cli(tmp_path, *TINY, NUMBA_DISABLE_JIT="1")
    assert said.code == 0, said.err
    assert hash_of(only_folder(tmp_path, "forecast")) == hash_of(plain)


@pytest.mark.parametrize("word", ["run.seed=2", "run.members=41", "run.days=11", "market.start=2026-06-01"])
def test_the_content_depends_on_what_is_asked(call: Call, plain: Path, word: str) -> None:
    kept = [other for other in TINY if other.split("=")[0] != word.split("=")[0]]
    assert call(*kept, word).code == 0
    folder = only_folder(Path(), "forecast")
    assert hash_of(folder) != hash_of(plain)
    assert read_results(folder).manifest["config_hash"] != read_results(plain).manifest["config_hash"]


# -- interruptions -------------------------------------------------------------------------------------------


@pytest.fixture
def halfway(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A forecast that has written its first batch and is not done."""
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, *TINY],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("results/*/*/parts/*/*.npz")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def is_unfinished(folder: Path) -> None:
    """Nothing in the folder looks like a finished run."""
    assert json.loads((folder / "manifest.json").read_text())["status"] == "running"
    assert not (folder / "report.html").exists()
    assert not (folder / "summary.json").exists()
    assert len(list((folder / "parts").glob("*/*.npz"))) == 1
    with pytest.raises(InputError, match="not finished"):
        read_results(folder)


def test_killed_and_finished_by_the_same_command(halfway: subprocess.Popen[str], plain: Path, tmp_path: Path) -> None:
    halfway.send_signal(signal.SIGKILL)
    halfway.wait(30)
    folder = only_folder(tmp_path, "forecast")
    is_unfinished(folder)
    said = run_cli(tmp_path, *TINY)
    assert (said.code, said.err) == (0, "")
    assert only_folder(tmp_path, "forecast") == folder
    assert hash_of(folder) == hash_of(plain)
    assert not (folder / "parts").exists()


def test_interrupted_and_finished(halfway: subprocess.Popen[str], plain: Path, tmp_path: Path, call: Call) -> None:
    halfway.send_signal(signal.SIGINT)
    _, err = halfway.communicate(timeout=60)
    assert halfway.returncode == 130
    assert "Traceback" not in err
    assert "interrupted" in err
    folder = only_folder(tmp_path, "forecast")
    is_unfinished(folder)
    other = call(*TINY, f"run.name={folder.name}", "run.seed=2")
    assert other.code == 2
    assert "unfinished run of another configuration" in other.err
    assert call(*TINY).code == 0
    assert hash_of(folder) == hash_of(plain)


# -- one's own log -------------------------------------------------------------------------------------------

OWN = ("data.path=orders.csv", "run.days=21", "run.replications=12")


def test_from_a_log_to_a_forecast(call: Call) -> None:
    log = plausible_log(Path("orders.csv"))
    said = call(*OWN, "data.jump_off_week=36", "run.threads=1", "run.name=one")
    assert (said.code, said.err) == (0, "")
    results = read_results("results/forecast/one")
    assert "orders.csv" in said.out
    for name in ("history.csv", "actuals.csv"):
        assert results.has(name)
    rows = pd.read_csv(log)
    origin = dt.date(2024, 1, 1)
    day = (pd.to_datetime(rows["date"]) - pd.Timestamp(origin)).dt.days
    known = rows[day < 36 * 7]
    people = results.table("population.parquet")
    assert len(people) == known["member_id"].nunique() == results.summary["members_at_start"]
    assert int(people["orders"].sum()) == len(known.drop_duplicates(["member_id", "date"]))
    assert int(people["spend"].sum()) == round(100 * known["amount"].sum())
    assert "m00001" not in (Path("results/forecast/one/population.parquet").read_bytes().decode("latin-1"))
    assert results.summary["start"] == (origin + dt.timedelta(36 * 7)).isoformat()
    actual = results.table("actuals.csv")
    later = rows[(day >= 36 * 7) & (day < 36 * 7 + 21)]
    orders = actual[actual["metric"] == "orders"]["value"].sum()
    assert orders == len(later.drop_duplicates(["member_id", "date"]))
    expected = results.forecast.query("metric == 'orders_to_date' and day == 20").iloc[0]
    assert expected["p025"] * 0.5 < orders < expected["p975"] * 2
    shares = results.summary["band_sources"]["orders"]
    assert sum(shares[key] for key in ("luck", "parameters", "disturbance")) == pytest.approx(1.0)

    again = call(*OWN, "data.jump_off_week=36", "run.threads=2", "run.name=two", "data.show_ids=false")
    assert again.code == 0
    assert hash_of(Path("results/forecast/two")) == hash_of(Path("results/forecast/one"))


def test_the_future_is_not_read(call: Call) -> None:
    """Rows after the jump-off change the actuals, and nothing of the forecast."""
    log = plausible_log(Path("orders.csv"))
    words = (*OWN, "data.jump_off_week=30", "run.replications=2")
    assert call(*words, "run.name=one").code == 0
    rows = pd.read_csv(log)
    later = rows["date"] >= (dt.date(2024, 1, 1) + dt.timedelta(30 * 7)).isoformat()
    rows.loc[later, "amount"] *= 3.0
    rows.to_csv(log, index=False)
    assert call(*words, "run.name=two").code == 0
    one, two = (read_results(f"results/forecast/{name}") for name in ("one", "two"))
    assert one.daily.equals(two.daily)
    assert one.table("population.parquet").equals(two.table("population.parquet"))
    assert one.json("parameters.json") == two.json("parameters.json")
    assert not one.table("actuals.csv").equals(two.table("actuals.csv"))


@pytest.mark.parametrize(
    "seed",
    [4, 6],
)
def test_a_log_of_members_who_stay(tmp_path: Path, seed: int) -> None:
    """Nobody drifts away, so the log says little of drifting: what is drawn must still be fit to run."""
    log = plausible_log(tmp_path / "orders.csv", seed=seed, stay=1e7)
    ready = prepare(Config(run=Run(days=28), data=Data(path=str(log))))
    for replication in range(30):
        drawn = ready.plan.founders.conditions(np.uint64(stream(1, replication)), ready.plan).behaviour
        buying, drifting = drawn.buying, drawn.drifting
        values = (buying.rate_shape, buying.rate_scale, drifting.drift_shape, drifting.drift_scale)
        assert all(1e-15 < value < 1e18 for value in values), (replication, values)


def test_a_log_in_which_hardly_anybody_returns(tmp_path: Path) -> None:
    luck = np.random.default_rng(2)
    days = [0, 1, *luck.integers(0, 280, 398).tolist()]
    rows = "".join(f"m{i},{dt.date(2024, 1, 1) + dt.timedelta(day)},{5 + i % 7}\n" for i, day in enumerate(days))
    (tmp_path / "orders.csv").write_text(HEADER + rows + "m1,2024-10-06,9\n")
    ready = prepare(Config(run=Run(days=28), data=Data(path=str(tmp_path / "orders.csv"))))
    fitted = ready.calibrated.fitted.purchasing  # type: ignore[union-attr]
    assert all(0.0 < fitted[name] < np.inf for name in fitted.names)


def test_own_column_names_refunds_and_ids(call: Call) -> None:
    log = plausible_log(Path("orders.csv"), header="uid,when,paid")
    with log.open("a") as out:
        out.write("m00002,2024-09-01,-3.00\n")
    names = ("data.columns.member_id=uid", "data.columns.date=when", "data.columns.amount=paid")
    words = (*OWN, *names, "run.replications=2", "fit.parameters=false", "fit.disturbance=false")
    said = call(*words)
    assert said.code == 2
    assert "data.refunds" in said.err
    assert not Path("results").exists()
    assert call(*words, "data.refunds=net", "data.show_ids=true").code == 0
    people = read_results(only_folder(Path(), "forecast")).table("population.parquet")
    assert set(people["member_id"]) == set(pd.read_csv(log)["uid"])


def test_schemas_and_configs_agree() -> None:
    """Every app has a config file, and every choice in `configs/` sets the name that it goes by."""
    for name in app.SCHEMAS:
        assert (app.CONFIGS / f"{name}.yaml").is_file()
    for file in app.CONFIGS.glob("*/*.yaml"):
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        label = "kind" if file.parent.name == "design" else "name"
        assert values.get(file.parent.name, values)[label] == file.stem


def test_a_reader_who_closes_the_pipe_has_seen_enough() -> None:
    """`membersim | head -1`: the list of apps goes into a pipe that nobody reads any more, without a traceback."""
    run = [sys.executable, "-m", "experiments.cli"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as out:
        done = subprocess.run(
            run, env=environment(), stdout=out, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (0, "")


# -- several runs, one table ---------------------------------------------------------------------------------


def test_several_runs_end_in_one_table(call: Call) -> None:
    said = call("-m", *TINY, "run.seed=1,2", "market.size=1000,10")
    assert said.code == 3
    assert "market.size=10" in said.err
    (folder,) = Path("results/multirun").glob("forecast-*")
    assert str(folder / "table.csv") in said.out
    table = read_results(folder).table
    assert table["point"].tolist() == [0, 1, 2, 3]
    assert table["status"].tolist() == ["done", "failed", "done", "failed"]
    assert table["run.seed"].tolist() == [1, 1, 2, 2]
    assert table["market.size"].tolist() == [1000, 10, 1000, 10]
    for row in table[table["status"] == "done"].itertuples():
        run = read_results(Path("results/forecast") / str(row.folder))
        told = {line["metric"]: line for line in run.summary["headlines"]}
        assert row.config_hash == run.manifest["config_hash"]
        assert row.orders_to_date == told["orders_to_date"]["mean"]
        assert row.orders_to_date_se == told["orders_to_date"]["monte_carlo_se"]
