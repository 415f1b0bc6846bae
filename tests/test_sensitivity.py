"""Sensitivity: published indices through the code of real runs, luck told apart, ranges, and the command line."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sim.report.sensitivity
from experiments import sensitivity as command
from sim import rng, sensitivity
from sim.errors import InputError
from sim.settings import SensitivityConfig, SensitivitySettings, SweepRun, market_config
from sim.store import read_results
from sim.strategy import read_strategy
from sim.study import indices
from sim.study import sensitivity as study
from sim.study.points import Axis, Living, Point, Task, declared, point_seed
from sim.units import About, Parameter, checked
from tests.command import Call, caller, hash_of, only_folder, write_stub

MEMORY, TIRED, DELIGHT = "response.fatigue.memory", "response.opening.tired", "response.tier.delight"
SMALL = (
    "run.members=120",
    "run.days=30",
    "run.replications=2",
    "run.processes=1",
    "strategy=matched_scenes",
    "market=beauty",
    f"sensitivity.parameters=[{MEMORY},{TIRED},{DELIGHT}]",
    "sensitivity.outcomes=[orders,contribution]",
    "sensitivity.trajectories=4",
    "sensitivity.n=8",
)


@dataclass(frozen=True)
class Formula:
    """Answers by a formula of the point's numbers x1, x2 ... (missing: 0.5), the same in each of two replications.

    of: the formula; noise: what is added, given the numbers and keyed standard normals [replication].
    """

    of: Callable[[np.ndarray], float]
    names: tuple[str, ...]
    noise: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    replications: int = 2

    def __call__(self, task: Task) -> Mapping[str, np.ndarray]:
        x = np.array([float(task.point.get(name, 0.5)) for name in self.names])
        luck = np.array([[normal(task.seed, r, n) for r in range(self.replications)] for n in range(2)])
        added = np.zeros(self.replications) if self.noise is None else self.noise(x, luck)
        return {"orders": self.of(x) + added}


def normal(seed: int, replication: int, number: int) -> float:
    """A keyed standard normal."""
    return float(rng.normal(np.uint64(rng.stream(seed, replication)), np.uint64(number), 1, 0))


def axes_of(count: int, low: float, high: float) -> tuple[Axis, ...]:
    """Axes x1, x2 ... of a formula."""
    about = About("", "an input", "assumed", "assumption")
    return tuple(Axis(Parameter(f"x{n + 1}", low, low, high, False, about, float), low, high) for n in range(count))


def told(
    formula: Formula, axes: tuple[Axis, ...], seed: int = 1, n: int = 512, trajectories: int = 20
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """indices.csv and variance.csv of a formula, by the code that explores the real model."""
    how = SensitivitySettings(
        parameters=dict.fromkeys(axis.path for axis in axes), outcomes=("orders",), n=n, trajectories=trajectories
    )

    def task(index: int, point: Point) -> Task:
        return Task(index, point, "", int(point.get("run.seed", seed)))

    stages = study.explore(axes, how, formula.replications, seed, task, formula)
    assert not any(stage.failed for stage in stages)
    return study.indices_table(stages, ("orders",), seed), study.variance_table(stages, ("orders",), seed)


def index(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """An index by parameter, with the half of its interval as `reach`."""
    rows = table[table["index"] == name].set_index("parameter")
    return rows.assign(reach=(rows["high95"] - rows["low95"]) / 2)


def ishigami(x: np.ndarray) -> float:
    """Ishigami & Homma (1990), a = 7, b = 0.1, on [-pi, pi]^3."""
    return float(np.sin(x[0]) + 7.0 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0]))


G = np.array([0.0, 1.0, 4.5, 9.0, 99.0, 99.0, 99.0, 99.0])


def sobol_g(x: np.ndarray) -> float:
    """Sobol's g (Saltelli & Sobol 1995), on [0, 1]^8."""
    return float(np.prod((np.abs(4.0 * x - 2.0) + G) / (1.0 + G)))


def g_indices() -> tuple[np.ndarray, np.ndarray]:
    """First and total indices of Sobol's g, in closed form."""
    single = 1.0 / 3.0 / (1.0 + G) ** 2
    whole = np.prod(1.0 + single) - 1.0
    return single / whole, single * np.prod(1.0 + single) / (1.0 + single) / whole


# -- published indices, through the code path of real runs -------------------------------------------------------

PUBLISHED = {
    "ishigami": (
        Formula(ishigami, ("x1", "x2", "x3")),
        axes_of(3, -math.pi, math.pi),
        np.array([0.3139, 0.4424, 0.0]),
        np.array([0.5576, 0.4424, 0.2437]),
    ),
    "g": (Formula(sobol_g, tuple(f"x{n}" for n in range(1, 9))), axes_of(8, 0.0, 1.0), *g_indices()),
}


@pytest.mark.statistical
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_indices_lie_within_the_intervals(name: str) -> None:
    """At 512 blocks each estimate within twice its 95 % half interval, about 4 standard errors, which is not wide."""
    formula, axes, first, total = PUBLISHED[name]
    table, _ = told(formula, axes, n=512)
    for label, truth in (("first", first), ("total", total)):
        found = index(table, label)
        assert (np.abs(found["value"] - truth) <= 2.0 * found["reach"] + 1e-3).all(), found.assign(truth=truth)
        assert found["reach"].max() < 0.15


@pytest.mark.statistical
def test_intervals_cover_as_often_as_they_say() -> None:
    """Of 40 seeds at 64 blocks, 95 % intervals of all 6 indices of Ishigami's function hold the truth in >= 85 %.

    A Sobol' sequence errs less than the resampled draws say, so that intervals are rather too wide.
    """
    formula, axes, first, total = PUBLISHED["ishigami"]
    inside = []
    for seed in range(40):
        table, _ = told(formula, axes, seed=seed, n=64, trajectories=4)
        for label, truth in (("first", first), ("total", total)):
            found = index(table, label)
            inside.append((np.abs(found["value"] - truth) <= found["reach"] + 1e-9).mean())
    assert np.mean(inside) >= 0.85


def test_a_linear_function_is_known_exactly() -> None:
    """mu of a linear function is its slope over the whole range, sigma 0; a curved one has the sign lost in mu*."""
    formula = Formula(lambda x: 3.0 * x[0] - 2.0 * x[1] + 0.0 * x[2], ("x1", "x2", "x3"))
    table, _ = told(formula, axes_of(3, 0.0, 1.0), n=8)
    assert index(table, "mu")["value"].tolist() == pytest.approx([3.0, -2.0, 0.0])
    assert index(table, "mu_star")["value"].tolist() == pytest.approx([3.0, 2.0, 0.0])
    assert index(table, "sigma")["value"].tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)
    assert index(table, "swing")["value"].tolist() == pytest.approx([3.0, -2.0, 0.0])
    assert index(table, "low")["value"].tolist() == pytest.approx([-1.5, 1.0, 0.0])
    total = index(table, "total")["value"]
    assert total["x3"] == 0.0
    assert total["x1"] > total["x2"] > 0.1


def test_without_luck_the_estimates_are_those_of_the_library() -> None:
    """On the same points: SALib's first and total indices, mu, mu_star and sigma, to rounding."""
    from SALib.analyze import morris, sobol

    rows = indices.saltelli(3, 128, 5)
    y = np.array([[ishigami(math.pi * (2 * x - 1)) for x in block] for block in rows])[..., None]
    found = indices.decomposed(y, indices.resampled_weights(1, 128, 10))
    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[0.0, 1.0]] * 3}
    theirs = sobol.analyze(problem, y.reshape(-1), calc_second_order=False, seed=1)
    assert found.first == pytest.approx(theirs["S1"], rel=1e-9)
    assert found.total == pytest.approx(theirs["ST"], rel=1e-9)
    units = indices.trajectories(3, 12, 5)
    y = np.array([[ishigami(math.pi * (2 * x - 1)) for x in block] for block in units])[..., None]
    effects = indices.screened(units, y, indices.resampled_weights(1, 12, 10))
    other = morris.analyze(problem, units.reshape(-1, 3), y.reshape(-1), num_levels=indices.LEVELS, seed=1)
    for name in ("mu", "mu_star", "sigma"):
        assert getattr(effects, name) == pytest.approx(np.asarray(other[name], dtype=float), rel=1e-9)


def test_nothing_touches_the_global_generators() -> None:
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    formula, axes, *_ = PUBLISHED["ishigami"]
    one, other = (told(formula, axes, n=8, trajectories=4)[0] for _ in range(2))
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    pd.testing.assert_frame_equal(one, other)
    assert not one.equals(told(formula, axes, seed=2, n=8, trajectories=4)[0])


# -- luck --------------------------------------------------------------------------------------------------------

NOISY = Formula(
    lambda x: 2.0 * x[0] + x[1],
    ("x1", "x2", "x3"),
    lambda x, luck: 0.5 * luck[0] + 2.0 * (x[1] - 0.5) * luck[1],  # luck for all alike, and luck that x2 enlarges
)
PARTS = {"x1": 4.0 / 12, "x2": 1.0 / 12, "x3": 0.0, "interactions": 0.0, "luck": 0.25 + 4.0 / 12}
"""Variances by hand: of 2 x1, of x2, of both luckes at a uniform x2."""


@pytest.mark.statistical
def test_the_law_of_total_variance_by_hand() -> None:
    """Parts of the variance at 64 blocks of two replications, on average over 30 seeds: within 4.5 standard errors.

    Without the correction the total index of x2 would be too large by half the variance of its luck over the two
    replications, a third of the variance over assumptions: that would be seen.
    """
    found = []
    for seed in range(30):
        _, table = told(NOISY, axes_of(3, 0.0, 1.0), seed=seed, n=64, trajectories=4)
        found.append(table.set_index("part")["variance"])
    frame = pd.DataFrame(found)
    error = frame.std(ddof=1) / math.sqrt(len(frame))
    for part, truth in PARTS.items():
        assert abs(frame[part].mean() - truth) <= 4.5 * error[part] + 1e-12, (part, frame[part].mean(), error[part])
    assert error["x1"] < 0.02
    assert frame["monte_carlo"].mean() == pytest.approx(PARTS["luck"] / 2, rel=0.1)


@pytest.mark.statistical
def test_luck_does_not_enter_total_indices_or_sigma() -> None:
    """Means over 30 seeds: total of x2 is 1/5, of the inert x3 exactly 0; sigma of linear effects is luck's no more.

    The luck of x2's effect has variance 4, 2 in a mean over two replications: uncorrected, sigma^2 would be 2.
    """
    totals, sigmas = [], []
    for seed in range(30):
        table, _ = told(NOISY, axes_of(3, 0.0, 1.0), seed=seed, n=64, trajectories=30)
        totals.append(index(table, "total")["value"])
        sigmas.append(index(table, "sigma")["value"] ** 2)
    total = pd.DataFrame(totals)
    error = total.std(ddof=1) / math.sqrt(len(total))
    assert abs(total["x2"].mean() - 0.2) <= 4.5 * error["x2"]
    assert error["x2"] < 0.05
    assert (total["x3"] == 0.0).all()
    assert pd.DataFrame(sigmas)["x1"].max() < 1e-12  # its luck is the same on both sides of a step
    assert pd.DataFrame(sigmas)["x2"].mean() < 1.0  # cut at 0 in each run, so not 0 on average


def test_shares_add_up() -> None:
    _, table = told(NOISY, axes_of(3, 0.0, 1.0), n=16)
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["part"].tolist() == ["x1", "x2", "x3", "interactions", "luck", "monte_carlo"]
    assert (table["low95"].dropna() <= table["share"].dropna()).all()


def test_products_across_replications() -> None:
    x, y = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 7.0])
    by_hand = np.mean([x[i] * y[j] for i in range(3) for j in range(3) if i != j])
    assert indices.across(x, y) == pytest.approx(by_hand)
    assert indices.across(x[:1], y[:1]) == 3.0


def test_a_block_that_lacks_a_point_is_left_out() -> None:
    """A failed point costs its block in each design, and the rest is told."""

    @dataclass(frozen=True)
    class Failing:
        def __call__(self, task: Task) -> Mapping[str, np.ndarray]:
            if task.index == 2:
                raise ArithmeticError("on purpose")
            return PUBLISHED["ishigami"][0](task)

    how = SensitivitySettings(parameters={"x1": None}, outcomes=("orders",), n=16, trajectories=6)
    axes = axes_of(3, -math.pi, math.pi)
    stages = study.explore(axes, how, 2, 1, lambda i, point: Task(i, point, "", 1), Failing())
    assert [stage.failed for stage in stages] == [1, 1, 1]
    assert [int(stage.whole.sum()) for stage in stages] == [0, 5, 15]
    table = study.indices_table(stages, ("orders",), 1)
    assert np.isfinite(table[table["design"] != "oat"]["value"]).all()
    assert table[table["design"] == "oat"].set_index(["parameter", "index"])["value"].isna().sum() == 2  # high, swing


# -- what is explored ----------------------------------------------------------------------------------------------


def test_plausible_ranges() -> None:
    axis = study.plausible(declared(MEMORY), 7.0, 1.5)
    assert (axis.low, axis.high, axis.log) == (pytest.approx(7 / 1.5), 10.5, True)
    assert axis.value(0.5) == pytest.approx(7.0)  # the middle of a factor is the value itself
    share = study.plausible(declared("market.network.tie_close"), 0.9, 1.5)
    assert (share.low, share.high) == (pytest.approx(0.6), 1.0)
    logits = study.plausible(declared("response.opening.ordinary"), -0.6, 1.5)
    assert (logits.low, logits.high, logits.log) == (pytest.approx(-0.9), pytest.approx(-0.4), False)
    days = study.plausible(declared("response.occasion.patience"), 4, 1.5)
    assert study.ends_of(days) == (3, 6)
    for value, factor, words in ((0.0, 1.5, "no factor moves"), (7.0, 1.0 + 1e-17, "no range")):
        with pytest.raises(InputError, match=words):
            study.plausible(declared(MEMORY), value, factor)


def small(**how: object) -> SensitivityConfig:
    """A small analysis of the market of beauty."""
    found = market_config("beauty")
    chosen = {"outcomes": ["orders"], "n": 8, "trajectories": 4} | how
    return SensitivityConfig(
        run=SweepRun(members=100, days=20, replications=2, processes=1),
        sensitivity=checked(SensitivitySettings, chosen),
        strategy=read_strategy("matched_scenes"),
        market=found.market,
        population=found.population,
    )


def test_without_a_list_all_numbers_that_are_assumptions_are_explored() -> None:
    question = study.prepare_question(small())
    explored = {axis.path: axis for axis in question.space.axes}
    assert MEMORY in explored
    assert "population.buying.rate_shape" not in explored  # published
    assert all(axis.parameter.about.confidence == "assumption" for axis in explored.values())
    assert "no factor" in question.left_out["market.channels.trial_ads.intent"]
    assert "word" in question.left_out["market.season.index"]
    base = question.space.base
    for axis in explored.values():
        for end in study.ends_of(axis):
            assert not question.living.task(0, {axis.path: end}).error
            assert end != study.base_value(base, axis.path) or axis.high == base_or_high(axis)


def base_or_high(axis: Axis) -> float:
    """The declared limit, at which a range may begin where its value stands there already."""
    return axis.parameter.high


def test_what_moves_outcomes_goes_on() -> None:
    """Screening and shares see the axes that moved most, in order of declaration, and none that moves nothing."""
    formula = Formula(lambda x: x[0] + 5.0 * x[1] + 0.0 * x[2] + 3.0 * x[3], ("x1", "x2", "x3", "x4"))
    how = SensitivitySettings(outcomes=("orders",), n=8, trajectories=4, most=3, top=2)

    def task(index: int, point: Point) -> Task:
        return Task(index, point, "", 1)

    ends, screen, shares = study.explore(axes_of(4, 0.0, 1.0), how, 2, 1, task, formula)
    assert [axis.path for axis in ends.design.axes] == ["x1", "x2", "x3", "x4"]
    assert [axis.path for axis in screen.design.axes] == ["x1", "x2", "x4"]
    assert [axis.path for axis in shares.design.axes] == ["x2", "x4"]
    only = study.explore(axes_of(4, 0.0, 1.0), replace(how, method="morris"), 2, 1, task, formula)
    assert [stage.design.name for stage in only] == ["oat", "morris"]
    nothing = Formula(lambda x: 1.0, ("x1", "x2"))
    assert len(study.explore(axes_of(2, 0.0, 1.0), how, 2, 1, task, nothing)) == 1


def test_blocks_share_luck_and_differ_in_it() -> None:
    design = study.drawn_design("sobol", axes_of(2, 0.0, 1.0), 8, 7)
    seeds = np.array([point["run.seed"] for point in design.points]).reshape(8, 4)
    assert (seeds == seeds[:, :1]).all()
    assert len(set(seeds[:, 0].tolist())) == 8
    assert seeds[3, 0] == point_seed(7, {"design": "sobol", "block": 3})


# -- the real model ------------------------------------------------------------------------------------------------


def test_a_contrast_is_the_difference_of_twins() -> None:
    """What a strategy has more than another at a point: the same seed, the same assumption, two plans."""
    config = small(baseline="do_nothing", parameters=[MEMORY])
    question = study.prepare_question(config)
    task = question.living.task(0, {MEMORY: 5.0, "run.seed": 9})
    base = config.base
    other = replace(base, strategy=read_strategy("do_nothing"))
    ours, theirs = (Living(plan, ("orders",))(task)["orders"] for plan in (base, other))
    assert question.model(task)["orders"].tolist() == (ours - theirs).tolist()
    assert ours.tolist() != theirs.tolist()
    with pytest.raises(InputError, match="is a lever"):
        study.prepare_question(small(baseline="do_nothing", parameters=["strategy.messaging.per_week"]))


def test_the_same_without_the_command_line() -> None:
    found = sensitivity(
        {MEMORY: [3, 14], TIRED: None},
        strategy="matched_scenes",
        market="beauty",
        run={"members": 100, "days": 20, "replications": 2, "processes": 1},
        sensitivity={"outcomes": ["messages"], "n": 8, "trajectories": 4, "method": "morris"},
    )
    assert set(found.indices["design"]) == {"oat", "morris"}
    assert found.summary["parameters"][0] | {} == found.summary["parameters"][0]
    assert found.summary["parameters"][0]["low"] == 3.0
    assert len(found.table) == 5 + 4 * 3
    assert (found.table["status"] == "done").all()


@pytest.mark.statistical
def test_ranks_are_stable_over_two_seeds() -> None:
    """The screening of four assumptions of the real model, each effect some times the luck of its neighbours' gap."""
    ranges = ["market.margin", "population.history_days", "response.visiting.impulse", "response.joining.ordinary"]
    found = [
        sensitivity(
            ranges,
            strategy="matched_scenes",
            market="beauty",
            run={"members": 600, "days": 60, "replications": 2, "processes": 1, "seed": seed},
            sensitivity={"outcomes": ["mau", "contribution"], "trajectories": 5, "method": "morris"},
        ).indices
        for seed in (1, 2)
    ]
    for outcome, order in (("mau", [1, 2, 3, 0]), ("contribution", [0, 1, 2, 3])):
        for table in found:
            rows = index(table[table["outcome"] == outcome], "mu_star")["value"]
            assert rows.sort_values(ascending=False).index.tolist() == [ranges[n] for n in order], rows


# -- the command line ----------------------------------------------------------------------------------------------


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call(*words)` is `membersim sensitivity *words` in an empty folder."""
    return caller(command, tmp_path, monkeypatch, capsys)


def test_a_run_leaves_its_files_and_goes_on_after_an_interruption(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = call(*SMALL)
    assert said.code == 0, said
    folder = only_folder(Path(), "sensitivity")
    results = read_results(folder)
    assert {file.name for file in folder.iterdir()} == {
        "table.parquet", "table.csv", "replications.parquet", "indices.csv", "variance.csv", "summary.json",
        "parameters.json", "manifest.json", "config.yaml", "timing.parquet", "report.html", "charts",
    }  # fmt: skip
    points = results.table("table.parquet")
    assert points["design"].value_counts().to_dict() == {"sobol": 8 * 5, "morris": 4 * 4, "oat": 7}
    assert points["config_hash"].nunique() == len(points.drop_duplicates([MEMORY, TIRED, DELIGHT, "seed"]))
    means = results.table("replications.parquet").groupby("point")["orders"].mean()
    assert points["orders"].tolist() == pytest.approx(means.tolist())
    idle = next(entry for entry in results.summary["parameters"] if entry["parameter"] == DELIGHT)
    assert not idle["moves"]  # there are no tiers under this strategy
    inert = results.table("indices.csv").query(f"parameter == '{DELIGHT}' and index in ('swing', 'mu_star')")
    assert (inert["value"] == 0.0).all()
    assert (results.table("variance.csv").query(f"part == '{DELIGHT}'")["variance"] == 0.0).all()
    assert {"variance", "tornado_orders", "indices_contribution", "screening_orders"} <= {
        file.stem for file in (folder / "charts").glob("*.png")
    }
    page = (folder / "report.html").read_text(encoding="utf-8")
    for words in ("What rests on what", "fatigue.memory", "How sure", "interactions"):
        assert words in page
    assert "0 move" not in said.out
    assert "1 move none of the outcomes" in said.out
    sim.report.sensitivity.write_sensitivity(folder)
    assert (folder / "report.html").read_text(encoding="utf-8") == page

    lived: list[int] = []
    keep = study.keep

    def interrupted(file: Path, part: object) -> None:
        keep(file, part)
        lived.append(1)
        if len(lived) == 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(study, "keep", interrupted)
    monkeypatch.setattr(sim.report.sensitivity, "write_sensitivity", write_stub)
    assert call(*SMALL, "run.name=other").code == 130
    assert call(*SMALL, "run.name=other").code == 0
    assert len(lived) == 7 + 16 + 40
    assert hash_of(Path("results/sensitivity/other")) == hash_of(folder)
    assert call(*SMALL, "run.name=other").code == 2  # it is complete


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sensitivity.parameters=[response.fatigue.memry]",), "did you mean 'response.fatigue.memory'?"),
        (("sensitivity.parameters={response.fatigue.memory:[14,3]}",), "the low end lies above the high one"),
        (("sensitivity.parameters={response.fatigue.memory:[0,3]}",), "[0.1, 365] days"),
        (("sensitivity.parameters=[market.channels.trial_ads.intent]",), "give a range"),
        (("sensitivity.parameters=[run.members]",), "belongs to the run"),
        (("sensitivity.parameters=7",), "must be keys"),
        (("sensitivity.outcomes=[member]",), "did you mean 'members'?"),
        (("run.replications=1",), "run 2 or more"),
        (("sensitivity.n=100",), "such as 64 or 128"),
        (("sensitivity.method=sobl",), "did you mean 'sobol'?"),
        (("sensitivity.baseline=do_nothin",), "did you mean 'do_nothing'?"),
        (("sensitivity.top=0",), "sensitivity.top"),
        (("sensitivity.parameter=[a]",), "did you mean 'sensitivity.parameters'?"),
    ],
)
def test_wrong_words_are_answered(call: Call, words: tuple[str, ...], said: str) -> None:
    found = call(*words)
    assert (found.code, found.out) == (2, "")
    assert said in found.err
    assert not Path("results").exists()


def test_a_failed_point_is_a_row_and_an_exit_code(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sim.report.sensitivity, "write_sensitivity", write_stub)
    live = Living.__call__

    def failing(self: Living, task: Task) -> dict[str, np.ndarray]:
        if task.index == 2:
            raise ArithmeticError("on purpose")
        return live(self, task)

    monkeypatch.setattr(Living, "__call__", failing)
    said = call(*SMALL, "sensitivity.method=oat")
    assert said.code == 3
    assert "1 of 7 points failed" in said.out
    table = read_results(only_folder(Path(), "sensitivity")).table("table.csv")
    assert table.loc[table["status"] == "failed", "error"].tolist() == ["ArithmeticError: on purpose"]
