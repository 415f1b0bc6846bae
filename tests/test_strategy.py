"""Strategies: found by name, varied in place, the same with Hydra and without; idle ones change not one bit.

The laws of luck for an operated membership stand here too: threads, objects, the compiler and other people do not
change what happens to anybody.
"""

import dataclasses
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hypothesis import given
from omegaconf import OmegaConf

import sim.report.page
import sim.strategy
from docs import strategies as generated
from experiments import app, forecast
from sim import engine
from sim.accounting import metrics
from sim.accounting.books import Ledger
from sim.behaviour.response import Response
from sim.engine import World
from sim.errors import InputError
from sim.levers.content import Content
from sim.levers.guard import GUARD, Guard
from sim.levers.mending import Mending
from sim.levers.messaging import Messaging
from sim.levers.offers import Offers
from sim.levers.tags import Tags
from sim.levers.wakeup import Wakeup
from sim.levers.warning import EarlyWarning
from sim.levers.welcome import Welcome
from sim.model import Member, MembershipModel
from sim.operation import OPS
from sim.population import MEMBER, RELATION
from sim.settings import Config
from sim.strategy import CONFIGS, Strategy, known_strategies, read_strategy
from sim.touch import OFFER, SEND
from sim.units import checked, parameters, record
from tests.test_delivery import BUSY, IMPATIENT, LOUD, plan_of, relaxed, seeds, unbudgeted, world_of

ROOT = Path(__file__).parents[1]
LEVERS = tuple(
    f.name for f in dataclasses.fields(Strategy) if f.name not in ("name", "budget", "targets", "ceilings")
)
NAMES = known_strategies()
KNOWN = {
    "broadcast_bombardment",
    "clearance",
    "do_nothing",
    "matched_scenes",
    "private_exclusive",
    "silent_wakeup_generic",
    "silent_wakeup_segmented",
    "stage_blind",
    "stage_matched",
    "subsidy_regime",
    "weak_marketing_community",
}
PAIRS = (
    ("stage_blind", "stage_matched"),
    ("silent_wakeup_generic", "silent_wakeup_segmented"),
    ("clearance", "private_exclusive"),
)
"""Strategies that are laid beside each other at equal cost."""


def composed(*words: str) -> Strategy:
    """The strategy that the forecast app gets from these words, by Hydra."""
    GlobalHydra.instance().clear()
    ConfigStore.instance().store(name="schema", node=dataclasses.asdict(Config()))
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        values: Any = OmegaConf.to_container(compose("forecast", list(words)), resolve=True)
    return checked(Config, {"strategy": values["strategy"]}).strategy


def refused(spec: str) -> str:
    """What is said of a strategy that cannot be used."""
    with pytest.raises(InputError) as wrong:
        read_strategy(spec)
    return str(wrong.value)


# -- the files -----------------------------------------------------------------------------------------------------


def test_these_are_the_strategies() -> None:
    assert set(NAMES) >= KNOWN


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_is_the_same_with_hydra_and_without(name: str) -> None:
    """Both readers put levers together alike, and the command line has the last word in both."""
    strategy = read_strategy(name)
    assert strategy.name == name
    assert composed(f"strategy={name}") == strategy
    varied = composed(f"strategy={name}", "strategy.messaging.per_week=5.5", "strategy.guard.quota=week")
    assert varied == read_strategy(f"{name}:messaging.per_week=5.5:guard.quota=week")
    assert (varied.messaging.per_week, varied.guard.quota) == (5.5, "week")


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_says_what_it_is(name: str) -> None:
    """Its file begins with what it is, who does it and what to compare it with, and every name in that exists."""
    text = (CONFIGS / "strategy" / f"{name}.yaml").read_text(encoding="utf-8")
    comment = [line for line in text.splitlines() if line.startswith("# ")]
    assert 2 <= len(comment) <= 4
    assert text.startswith("\n".join(comment))
    words = " ".join(line[2:] for line in comment)
    assert ("ompare with" in words) == (name != "do_nothing")
    for word in words.replace(",", " ").replace(";", " ").split():
        if word.partition(":")[0].rstrip(".") in NAMES:
            read_strategy(word.rstrip(".:"))
    levers = [key for entry in yaml.safe_load(text).get("defaults", []) if isinstance(entry, dict) for key in entry]
    assert yaml.safe_load(text).get("defaults", ["_self_"])[-1] == "_self_"
    on = {lever for lever, _ in read_strategy(name).levers()}
    assert {key.rpartition("@")[2] for key in levers} - {"guard"} == on


@pytest.mark.parametrize("lever", LEVERS)
def test_every_lever_has_a_usual_setting(lever: str, tmp_path: Path) -> None:
    """One file, a comment that says what it is, choices that are checked, and the lever is on."""
    file = CONFIGS / "lever" / lever / "usual.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# ")
    own = tmp_path / "mine.yaml"
    needs = "".join(f"  - /lever/{n}@{n}: usual\n" for n in ("content", "messaging", lever))
    own.write_text(f"defaults:\n{needs}  - _self_\n", encoding="utf-8")
    strategy = read_strategy(str(own))
    assert strategy.name == "mine"
    setting, default = getattr(strategy, lever), getattr(Strategy(), lever)
    assert getattr(setting, "on", True) is True
    chosen = yaml.safe_load(text)
    assert all(getattr(setting, key) == value for key, value in chosen.items())
    assert setting != default


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_pairs_have_equal_budgets_and_hear_as_much(one: str, other: str) -> None:
    """What is compared at equal cost may spend as much, gives as many coupons and sends as many messages."""
    told = np.array([volume(read_strategy(name)) for name in (one, other)])
    assert read_strategy(one).budget == read_strategy(other).budget
    assert told[0] == pytest.approx(told[1], rel=0.15)


def volume(strategy: Strategy) -> list[float]:
    """Messages sent and offers given in 180 days in the default market, in a fifth of a world of 10,000 members."""
    assert strategy.budget.monthly is not None
    strategy = dataclasses.replace(
        strategy,
        budget=dataclasses.replace(strategy.budget, monthly=0.2 * strategy.budget.monthly),
        content=dataclasses.replace(strategy.content, piece_cost=0.2 * strategy.content.piece_cost),
    )
    founders, config = engine.EmbeddedFounders(2000, engine.Behaviour(), 365), Config()
    columns: list[dict[str, np.ndarray]] = []
    for seed in (1, 2):
        plan = engine.Plan(config.start(), 180, founders, config.market, strategy=strategy)
        columns.append(metrics.daily_columns(World(plan, seed).run(), 180))
    return [float(sum(c[name].sum() for c in columns)) for name in ("messages", "offers_issued")]


def test_wakeups_differ_in_the_call_alone() -> None:
    generic, segmented = (read_strategy(f"silent_wakeup_{mode}") for mode in ("generic", "segmented"))
    assert dataclasses.replace(generic.wakeup, mode="segmented") == segmented.wakeup


def test_bombardment_and_subsidy_are_what_they_are_called() -> None:
    """The numbers that make a strategy what its name says."""
    loud, cheap = read_strategy("broadcast_bombardment"), read_strategy("subsidy_regime")
    assert (loud.messaging.per_week, loud.content.benefit, loud.content.formats, loud.guard.quota) == (
        21,
        1,
        1,
        "none",
    )
    assert (cheap.offers.start, cheap.offers.stop, cheap.offers.every, cheap.offers.stages) == (30, 210, 7, "all")
    assert 0.15 <= cheap.offers.value <= 0.20
    assert (
        read_strategy("clearance").assortment.clearance
        == read_strategy("private_exclusive").assortment.exclusive
        == 1
    )


def test_the_document_says_what_the_files_say() -> None:
    assert generated.main(["--check"]) == 0, "run python -m docs.strategies"


# -- wrong words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "fragments"),
    [
        ("matched_scene", ["there is no strategy 'matched_scene'", "did you mean 'matched_scenes'?"]),
        ("", ["there is no strategy ''", "do_nothing"]),
        ("nowhere.yaml", ["nowhere.yaml", "there is no such file"]),
        ("do_nothing:messaging", ["'messaging' must read lever.key=value"]),
        ("do_nothing:messaging.per_wek=5", ["messaging.per_wek", "did you mean 'messaging.per_week'?"]),
        ("do_nothing:messaging=5", ["there is no setting 'messaging'"]),
        ("do_nothing:messaging.per_week=many", ["messaging.per_week='many'", "a number in [0, 280]"]),
        ("do_nothing:messaging.per_week=-1", ["messaging.per_week=-1", "[0, 280] messages a week"]),
        ("do_nothing:messaging.per_week=[", ["'[' is not a value for messaging.per_week"]),
        ("do_nothing:messaging.per_week=true", ["not a truth value"]),
        ("do_nothing:messaging.on=perhaps", ["messaging.on='perhaps'", "true or false"]),
        ("do_nothing:offers.kind=cahs", ["offers.kind='cahs'", "did you mean 'cash'?"]),
        ("do_nothing:messaging.path=post", ["messaging.path='post'", "direct"]),
        ("do_nothing:messaging.hour=24", ["messaging.hour=24", "[0, 23.99]"]),
        ("do_nothing:tags.error=1.5", ["tags.error=1.5", "[0, 1]"]),
        ("do_nothing:budget.total=-1", ["budget.total=-1"]),
        ("do_nothing:messaging.start=1.5", ["messaging.start=1.5", "a whole number"]),
    ],
)
def test_a_wrong_strategy_is_refused_with_a_hint(spec: str, fragments: list[str]) -> None:
    said = refused(spec)
    for fragment in fragments:
        assert fragment in said


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("do_nothing:messaging.on=true", "messages need content; set do_nothing.content.on=true"),
        ("matched_scenes:tags.on=false", "topics=own: needs tags"),
        ("matched_scenes:tags.on=false:tags.refresh=30", "topics=own: needs tags"),
        ("do_nothing:welcome.on=true:welcome.own_topics=true", "own_topics=true: needs tags"),
        ("matched_scenes:messaging.stages=new+activ", "did you mean 'active'?"),
        ("do_nothing:offers.stages=newcomers", "there is no stage 'newcomers'"),
        ("do_nothing:warning.tiers=mild+hard", "any of mild+medium+severe"),
        ("do_nothing:warning.on=true:warning.mild=70", "mild, medium and severe must rise"),
        ("clearance:assortment.exclusive=0.5", "must not exceed 1 together"),
        ("do_nothing:offers.on=true:offers.value=15", "is a share where kind=percent"),
        ("stage_blind:messaging.hour=23", "messaging.hour=23: lies in the guard's quiet hours, 22 to 7"),
        ("subsidy_regime:offers.hour=3", "offers.hour=3: lies in the guard's quiet hours"),
        ("subsidy_regime:offers.stop=30", "stop=30 must come after start=30"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(spec: str, said: str) -> None:
    assert said in refused(spec)


@pytest.mark.parametrize(
    ("spec", "key", "value"),
    [
        ("matched_scenes:messaging.hour=23", "messaging.hour", 23),  # each is reached at his own hour, where known
        ("stage_blind:messaging.hour=23:guard.quiet_from=0:guard.quiet_to=0", "messaging.hour", 23),
        ("do_nothing:offers.on=true:offers.kind=cash:offers.value=15", "offers.value", 15),
        ("stage_blind:budget.monthly=", "budget.monthly", None),
        ("stage_blind:budget.total=1e5", "budget.total", 100_000),
    ],
)
def test_settings_that_go_together_are_taken(spec: str, key: str, value: Any) -> None:
    group, name = key.split(".")
    assert getattr(getattr(read_strategy(spec), group), name) == value


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("- messaging\n- content\n", "must hold keys and values"),
        ("messaging: [on\n", "cannot be read as YAML"),
        ("messaging: 5\n", "must be a group of keys"),
        ("messagin: {per_week: 3}\n", "did you mean 'messaging'?"),
        ("messaging: {per_wek: 3}\n", "did you mean 'messaging.per_week'?"),
        ("defaults: usual\n", "defaults must be a list"),
        ("defaults:\n  - /lever/content@content: usul\n", "did you mean '/lever/content: usual'?"),
        ("defaults:\n  - /lever/contents@content: usual\n", "did you mean '/lever/content: usual'?"),
        (b"name: \xff\xfe\n", "cannot be read as YAML"),
    ],
)
def test_a_file_that_is_no_strategy_is_refused(text: str | bytes, fragment: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = refused(str(file))
    assert fragment in said
    assert "mine.yaml" in said


def test_a_variation_of_a_broken_group_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("messaging: 5\n", encoding="utf-8")
    assert "messaging=5: must be a group of keys" in refused(f"{file}:messaging.per_week=3")


def test_a_folder_or_a_locked_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder.yaml"
    folder.mkdir()
    assert "there is no such file" in refused(str(folder))
    file = tmp_path / "locked.yaml"
    file.write_text("name: locked\n", encoding="utf-8")

    def locked(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", locked)
    assert "cannot be read as YAML ([Errno 13] Permission denied)" in refused(str(file))


def test_a_bare_on_is_understood(tmp_path: Path) -> None:
    """YAML takes a bare `on` for a truth value; in a file of one's own it means the switch."""
    file = tmp_path / "mine.yaml"
    file.write_text("content: {on: true}\nmessaging:\n  on: yes\n  per_week: 2\n", encoding="utf-8")
    strategy = read_strategy(str(file))
    assert [name for name, _ in strategy.levers()] == ["messaging", "content"]
    assert read_strategy(f"{file}:messaging.on=off:content.on=off").operated is False


# -- the command line ----------------------------------------------------------------------------------------------


def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """`membersim forecast *words` in this process, the page being a stub: exit code, output, errors."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr(sys, "argv", ["membersim forecast", *words])
    monkeypatch.setattr(sim.report.page, "write_report", lambda folder: (folder / "report.html").write_text(""))
    capsys.readouterr()
    code = forecast.main()
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "fragments"),
    [
        (["strategy=matched_scene"], ["there is no such strategy", "did you mean 'matched_scenes'?"]),
        (["strategy="], ["choose one of", "stage_matched"]),
        (["strategy.messaging.per_wek=5"], ["did you mean 'strategy.messaging.per_week'?"]),
        (["strategy.messagin.per_week=5"], ["did you mean 'strategy.messaging.per_week'?"]),
        (["strategy.messaging.per_week=999"], ["strategy.messaging.per_week=999", "[0, 280]"]),
        (["strategy.messaging=3"], ["must be a group of keys", "strategy.messaging.on"]),
        (["strategy.messaging.on=true"], ["set strategy.content.on=true"]),
        (["strategy=stage_blind", "strategy.messaging.stages=new+activ"], ["did you mean 'active'?"]),
        (["strategy=subsidy_regime", "strategy.offers.kind=cahs"], ["did you mean 'cash'?"]),
        (["lever=usual"], ["lever: there is no such key", "levers belong to a strategy"]),
        (["lever/content=usual"], ["lever/content: there is no such key", "levers belong to a strategy"]),
    ],
)
def test_wrong_words_end_with_exit_code_2(
    words: list[str],
    fragments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(monkeypatch, capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    for fragment in fragments:
        assert fragment in err
    assert not list(tmp_path.iterdir())


def test_a_bare_on_in_a_folder_of_strategies_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r'strategy\.content: write "on" in quotes'):
        app.no_bare_on({"strategy": {"content": {"on": False, True: True}}})
    app.no_bare_on({"strategy": {"content": {"on": False}}})


def test_a_strategy_is_run_with_a_setting_changed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`strategy=matched_scenes strategy.messaging.per_week=6` is what the results say was run."""
    monkeypatch.chdir(tmp_path)
    tiny = ["run.members=40", "run.days=8", "run.replications=2", "population.history_days=30", "run.name=x"]
    code, _, err = call(monkeypatch, capsys, "strategy=matched_scenes", "strategy.messaging.per_week=6", *tiny)
    assert code == 0, err
    written = yaml.safe_load((tmp_path / "results/forecast/x/config.yaml").read_text(encoding="utf-8"))
    assert checked(Config, {"strategy": written["strategy"]}).strategy == read_strategy(
        "matched_scenes:messaging.per_week=6"
    )


def test_help_names_strategies_and_no_levers() -> None:
    lines = app.help_text("forecast", Config).splitlines()
    choices = dict(line.strip().split("=  ", 1) for line in lines if "=  " in line)
    assert choices["strategy"].split(", ") == NAMES
    assert "lever" not in choices
    keys = {parameter.path for parameter in parameters(Strategy)}
    assert all(any(line.startswith(f"  strategy.{key}=") for line in lines) for key in keys)


# -- whoever is left alone lives the base life ---------------------------------------------------------------------


def bits(world: World, names: Any = None) -> str:
    """A fingerprint of all rows of the base life, and of relations where asked."""
    digest = hashlib.sha256()
    for name in names or MEMBER.names or ():
        digest.update(np.ascontiguousarray(world.population.column(name)).tobytes())
    return digest.hexdigest()


def same_base(world: World, other: World) -> None:
    """Books and rows of the base life are equal to the last bit."""
    one, two, days = world.ledger(), other.ledger(), world.day
    for name in ("opening", "stocks", "events", "flows", "activity", "cohorts", "monthly"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    ours, theirs = metrics.daily_columns(one, days), metrics.daily_columns(two, days)
    for name in metrics.NAMES:
        assert np.array_equal(ours[name], theirs[name]), name
    assert bits(world) == bits(other)


LATE = 1000
IDLE = {
    "nobody speaks": Strategy(),
    "guard": Strategy(guard=Guard(per_week=1, individual=0.5, quota="day")),
    "welcome": Strategy(welcome=Welcome(on=True, offer=20.0, gate=2.0, start=LATE)),
    "warning": Strategy(warning=EarlyWarning(on=True, start=LATE)),
    "warning of nobody": Strategy(warning=EarlyWarning(on=True, share=0.0)),
    "wakeup": Strategy(wakeup=Wakeup(on=True, start=LATE)),
    "wakeup of nobody": Strategy(wakeup=Wakeup(on=True, silent=9999.0)),
    "offers": Strategy(offers=Offers(on=True, start=LATE)),
    "offers to nobody": Strategy(offers=Offers(on=True, stages="lost")),
    "messaging": Strategy(messaging=Messaging(on=True, start=LATE), content=Content(on=True)),
    "messaging to nobody": Strategy(messaging=Messaging(on=True, share=0.0), content=Content(on=True)),
    "messaging never": Strategy(messaging=Messaging(on=True, per_week=0.0), content=Content(on=True)),
    "content": Strategy(content=Content(on=True)),
    "tags": Strategy(tags=Tags(on=True, learn=True, hours=True, cost=0.0)),
    "assortment": Strategy(assortment=dataclasses.replace(LOUD.assortment, start=LATE)),
    "mending": Strategy(mending=Mending(on=True, quality=1.0, start=LATE)),
    "no budget": dataclasses.replace(LOUD, budget=sim.strategy.Budget(total=0.0), assortment=Strategy().assortment,
                                     mending=Mending()),
}  # fmt: skip
"""Strategies of which no member notices anything."""


@pytest.mark.parametrize("name", IDLE)
def test_a_lever_that_never_fires_changes_not_one_bit(name: str) -> None:
    """Books, metrics and rows are those of the same world without an operator."""
    strategy = IDLE[name]
    if name == "no budget":  # personal words and lessons are free of charge: nothing may be sent at all
        strategy = dataclasses.replace(
            strategy, guard=Guard(per_week=0.0), tags=dataclasses.replace(strategy.tags, cost=0.0)
        )
    null = World(plan_of(Strategy(), operated=False, days=60), seed=4)
    assert not null.operated
    idle = world_of(strategy, seed=4, days=60)
    null.run()
    idle.run()
    same_base(idle, null)
    assert idle.ledger().responses is not None


@relaxed
@given(strategy=unbudgeted, seed=seeds)
def test_no_strategy_changes_anybody_before_it_starts(strategy: Strategy, seed: int) -> None:
    """Whatever the levers, a world in which all of them start after the end is the world without an operator."""
    later = {name: dataclasses.replace(lever, start=LATE) for name, lever in strategy.levers()}
    null = World(plan_of(Strategy(), operated=False, days=30, members=120), seed)
    idle = World(plan_of(dataclasses.replace(strategy, **later), operated=True, days=30, members=120), seed)
    null.run()
    idle.run()
    same_base(idle, null)


# -- threads, objects, the compiler, other people ------------------------------------------------------------------


def same_lives(world: World, other: World, count: int | None = None) -> None:
    """All rows and relations are equal to the last bit."""
    assert count is not None or world.population.count == other.population.count
    for name in (*(MEMBER.names or ()), *(RELATION.names or ())):
        ours, theirs = world.population.column(name)[:count], other.population.column(name)[:count]
        assert ours.tobytes() == theirs.tobytes(), name


def same_books(one: Ledger, two: Ledger) -> None:
    """All books are equal, the operator's too."""
    for f in dataclasses.fields(Ledger):
        assert np.array_equal(getattr(one, f.name), getattr(two, f.name)), f.name


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = world_of(LOUD, members=400, days=50)
    one = alone.run()
    monkeypatch.setattr(engine, "WORTH_A_THREAD", 1)
    together = world_of(LOUD, members=400, days=50, threads=threads)
    handed_out: list[int] = []
    live = together._live_operated_range

    def spy(start: int, stop: int, *rest: Any) -> None:
        handed_out.append(stop - start)
        live(start, stop, *rest)

    monkeypatch.setattr(together, "_live_operated_range", spy)
    same_books(together.run(), one)
    same_lives(together, alone)
    assert len(handed_out) == threads * 50


@relaxed
@given(strategy=unbudgeted, seed=seeds)
def test_threads_change_nothing_under_any_strategy(strategy: Strategy, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "WORTH_A_THREAD", 0)
        many, one = (world_of(strategy, seed, threads=n, days=20, members=90) for n in (3, 1))
        same_books(many.run(), one.run())
        same_lives(many, one)


class Stepped(Member):
    """A member whose own step is called, in random order."""

    def step(self) -> None:
        super().step()


class Stepping(MembershipModel):
    """A model that activates objects."""

    member_class = Stepped


@pytest.mark.parametrize("strategy", [LOUD, read_strategy("stage_matched"), read_strategy("matched_scenes")])
def test_stepping_objects_in_random_order_gives_the_same_bits(strategy: Strategy) -> None:
    """The Mesa face with a strategy: kernel and objects live the same lives, and the books are the same."""
    tight = dataclasses.replace(strategy, budget=dataclasses.replace(strategy.budget, monthly=400.0))
    models = [
        kind(150, tight, rng=9, behaviour=BUSY, response=IMPATIENT, horizon=40, history=120)
        for kind in (MembershipModel, Stepping)
    ]
    for model in models:
        for _ in range(40):
            model.step()
    same_books(models[0].world.ledger(), models[1].world.ledger())
    same_lives(models[0].world, models[1].world)
    assert models[0].daily()["messages"].sum() > 200


def fields_of(dtype: np.dtype) -> set[str]:
    """The names of a record's fields, those of records within it too."""
    names = set(dtype.names or ())
    return names.union(*(fields_of(dtype[name]) for name in names)) if names else names


def test_no_field_of_a_record_is_hidden_by_numpy() -> None:
    """A field called `base` or `repeat` is read as numpy's own attribute where rules are not compiled."""
    settings = (engine.Behaviour(), Response(), Tags())
    dtypes = [MEMBER, RELATION, SEND, OFFER, OPS, GUARD, *(record(each).dtype for each in settings)]
    assert {name for dtype in dtypes for name in fields_of(dtype)} & set(dir(np.record)) == set()


FINGERPRINT = """
import dataclasses, hashlib
import numpy as np
from sim.strategy import Budget
from tests.test_delivery import LOUD, world_of
world = world_of(dataclasses.replace(LOUD, budget=Budget(total=400.0)), members=60, days=20, history=60)
world.run()
digest = hashlib.sha256()
for blocks in (world.population.blocks, world.population.relations):
    for name in blocks[0].dtype.names:
        digest.update(np.ascontiguousarray(blocks[0][name][: world.population.count]).tobytes())
for f in dataclasses.fields(world.ledger()):
    digest.update(getattr(world.ledger(), f.name).tobytes())
print(digest.hexdigest())
"""


def test_the_compiler_changes_nothing() -> None:
    """With the JIT off, the same lives to the last bit, and no warning of an overflow."""

    def printed(off: str) -> str:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": off}
        command = [sys.executable, "-W", "error::RuntimeWarning", "-c", FINGERPRINT]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert printed("1") == printed("0")


@relaxed
@given(strategy=unbudgeted, seed=seeds)
def test_one_more_member_changes_nobody_else(strategy: Strategy, seed: int) -> None:
    """Without a budget, the first n members of a world of n + 1 live the very same lives."""
    if strategy.messaging.buyers == "heavy":
        return
    small, large = (world_of(strategy, seed, members=n, days=30, joining=0.0) for n in (100, 101))
    small.run()
    large.run()
    same_lives(small, large, 100)


@relaxed
@given(strategy=unbudgeted, seed=seeds)
def test_a_longer_run_begins_like_a_shorter_one(strategy: Strategy, seed: int) -> None:
    """What happens up to a day does not depend on how long the run goes on after it."""
    short, long = (world_of(strategy, seed, members=90, days=n) for n in (20, 45))
    short.run()
    for _ in range(20):
        long.step()
    same_lives(short, long)


def test_the_same_luck_meets_another_strategy() -> None:
    """A message of the same day and slot is opened with the same luck, whatever it costs."""
    one = world_of(Strategy(messaging=Messaging(on=True), content=Content(on=True)), days=30)
    two = world_of(Strategy(messaging=Messaging(on=True, cost=0.5), content=Content(on=True)), days=30)
    one.run()
    two.run()
    same_lives(one, two)
