"""Every key of a run: what the command line takes, what YAML may hold, what is validated before anything runs."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Annotated, Any, Literal, cast

import yaml
from pydantic import BeforeValidator

from sim.accounting.metrics import KNOWN
from sim.accounting.stages import Stages
from sim.behaviour.buying import Buying
from sim.behaviour.drifting import Drifting
from sim.behaviour.response import Response
from sim.behaviour.spending import Spending
from sim.errors import InputError, nearest
from sim.strategy import CONFIGS, Strategy, read_strategy
from sim.targets import MEASURES, Ceiling, Target, reader
from sim.units import STRICT, About, NonNegative, Positive, between, checked
from sim.world.market import Market


@dataclass(frozen=True)
class Run:
    """How much is run, and where it is written."""

    __pydantic_config__ = STRICT

    name: Annotated[
        str | None,
        About("", "the folder under results/<app>/; from the data and a hash of the config if empty"),
    ] = None
    members: Annotated[
        int,
        Positive,
        between(1, 100_000_000),
        About("members", "members at day 0 of a run without a log; a log brings its own"),
    ] = 10_000
    days: Annotated[
        int | None,
        between(1, 3660),
        About("days", "days to forecast; empty: 365, or the rest of the log, or 182 beyond its end"),
    ] = None
    replications: Annotated[
        int, Positive, between(2, 1_000_000), About("", "independent replications of the whole run")
    ] = 200
    seed: Annotated[
        int, between(0, 2**63 - 1), About("", "the seed of all luck: the same seed, the same numbers")
    ] = 1
    threads: Annotated[
        int, Positive, between(1, 256), About("threads", "threads at work; the results do not depend on it")
    ] = 2
    processes: Annotated[
        int,
        Positive,
        between(1, 256),
        About("processes", "processes at work, each with its threads; the results do not depend on it"),
    ] = 1
    overwrite: Annotated[bool, About("", "whether a folder of results that stands there may be replaced")] = False

    def plain(self, **changes: Any) -> "Run":
        """The same of a single run, with some values in the place of its own."""
        return Run(**{value.name: getattr(self, value.name) for value in fields(Run)} | changes)


@dataclass(frozen=True)
class PopulationSettings:
    """Who the members are, in a run without a log; a log's own fit takes the place of the three tendencies."""

    __pydantic_config__ = STRICT

    name: Annotated[str, About("", "the population's name")] = "default"
    history_days: Annotated[
        int,
        Positive,
        between(1, 3650),
        About("days", "members of day 0 joined evenly over so many days before it", "one year", "assumption"),
    ] = 365
    buying: Buying = field(default_factory=Buying)
    drifting: Drifting = field(default_factory=Drifting)
    spending: Spending = field(default_factory=Spending)
    stages: Stages = field(default_factory=Stages)


@dataclass(frozen=True)
class Columns:
    """What the user's log calls the three columns that are needed."""

    __pydantic_config__ = STRICT

    member_id: Annotated[str, About("", "the column that says who ordered")] = "member_id"
    date: Annotated[str, About("", "the column that says on which day")] = "date"
    amount: Annotated[str, About("", "the column that says what the order was worth, in CNY")] = "amount"


@dataclass(frozen=True)
class Data:
    """The purchase log that a forecast starts from, and how it is read."""

    __pydantic_config__ = STRICT

    name: Annotated[
        Literal["none", "cdnow", "cdnow_sample", "log"], About("", "which log: none, an example, or your own")
    ] = "none"
    path: Annotated[str | None, About("", "your own log: a CSV file with a header")] = None
    columns: Columns = field(default_factory=Columns)
    duplicates: Annotated[
        Literal["keep", "drop"], About("", "what to do with rows that are the same to the letter")
    ] = "keep"
    refunds: Annotated[
        Literal["stop", "net", "drop"],
        About("", "what to do with negative amounts: stop, net them, or drop them"),
    ] = "stop"
    complete_until: Annotated[
        str | None,
        About("date", "the last date on which your log is complete; later rows are left out; empty: judged from it"),
    ] = None
    jump_off_week: Annotated[
        int | None,
        between(2, 10_000),
        About("weeks", "forecast from the end of this week of the log; empty: from its end"),
    ] = None
    show_ids: Annotated[
        bool, About("", "write your own member ids to the results; otherwise only their hashes are written")
    ] = False

    def cross_check(self) -> None:
        """Errors: `InputError` where the name and the path do not go together."""
        if self.path == "":
            raise InputError("data.path: is empty; give the path of your CSV, data.path=orders.csv, or leave it out")
        if self.name == "log" and not self.path:
            raise InputError("data.path: data=log needs the path of your CSV, data.path=orders.csv")
        if self.name not in ("none", "log") and self.path:
            raise InputError(f"data.path={self.path!r}: is for your own log, and data={self.name} is another one")

    @property
    def source(self) -> str:
        """Which log is meant: a path alone means your own."""
        return "log" if self.path else self.name


@dataclass(frozen=True)
class Fitting:
    """What is learned from a log, and which unknowns widen the bands."""

    __pydantic_config__ = STRICT

    regularity: Annotated[
        float | None,
        Positive,
        between(0.2, 20),
        About("", "shape of the gaps between orders; empty: estimated, 1 where the log does not tell it from 1"),
    ] = None
    parameters: Annotated[bool, About("", "whether the uncertainty of the fitted parameters enters the bands")] = True
    disturbance: Annotated[bool, About("", "whether the shared weekly disturbance is fitted and acts")] = True


@dataclass(frozen=True)
class Config:
    """The whole configuration of a run."""

    __pydantic_config__ = STRICT

    run: Run = field(default_factory=Run)
    strategy: Strategy = field(default_factory=Strategy)
    market: Market = field(default_factory=Market)
    population: PopulationSettings = field(default_factory=PopulationSettings)
    data: Data = field(default_factory=Data)
    fit: Fitting = field(default_factory=Fitting)
    response: Response = field(default_factory=Response)

    def alone(self, **groups: Any) -> "Config":
        """What a single run of it lives under; groups: in the place of its own."""
        return Config(**{group.name: getattr(self, group.name) for group in fields(Config)} | groups)

    def start(self) -> dt.date:
        """The date of day 0 of a run without a log."""
        try:
            return dt.date.fromisoformat(self.market.start)
        except ValueError:
            raise InputError(f"market.start={self.market.start!r}: must be a date, YYYY-MM-DD") from None

    def cross_check(self) -> None:
        """What no single key can tell: raises `InputError` naming the keys that do not go together."""
        start = self.start()
        if not dt.date(1900, 1, 1) <= start <= dt.date(2200, 1, 1):
            raise InputError(f"market.start={start}: must be between 1900-01-01 and 2200-01-01")
        if self.data.source == "none" and self.run.members > self.market.size:
            raise InputError(
                f"run.members={self.run.members}: more than market.size={self.market.size} persons; raise "
                "market.size or lower run.members"
            )
        stages = self.population.stages
        steps = [
            stages.at_risk_after,
            stages.dormant_after,
            stages.deep_dormant_after,
            stages.long_dormant_after,
        ]
        if sorted(set(steps)) != steps:
            raise InputError(f"population.stages: the four thresholds must rise, not {steps}")
        self.data.cross_check()
        self.market.cross_check()
        self.strategy.cross_check()
        self.response.returning.cross_check()
        self.response.temperament.cross_check()


@dataclass(frozen=True)
class ActualsConfig:
    """The configuration of laying new actuals over an old forecast."""

    __pydantic_config__ = STRICT

    run: Annotated[str | None, About("", "the folder of a finished forecast, results/forecast/<name>")] = None
    data: Data = field(default_factory=Data)


@dataclass(frozen=True)
class LogPlace:
    """Where the purchase log of a run lies now."""

    __pydantic_config__ = STRICT

    path: Annotated[str | None, About("", "where the run's own log lies now; empty: where it lay then")] = None


@dataclass(frozen=True)
class ReplayConfig:
    """The configuration of living one member's life once more."""

    __pydantic_config__ = STRICT

    run: Annotated[str | None, About("", "a finished folder, results/compare/<name> or results/forecast/<name>")] = (
        None
    )
    member: Annotated[
        str | None,
        About(
            "",
            "whose life: a key as in the tables, or a number, 0 to members - 1 of day 0; of a log as in "
            "population.parquet",
        ),
    ] = None
    strategy: Annotated[
        str | None, About("", "which strategy's world beside the baseline's; empty: the first other one")
    ] = None
    replication: Annotated[int, between(0, 1_000_000), About("", "which of the run's worlds, from 0 on")] = 0
    data: LogPlace = field(default_factory=LogPlace)


MOST_STRATEGIES = 20
"""More would be a sweep."""


def several(value: object) -> tuple[str, ...]:
    """The strategies of a comparison as words. Errors: `InputError` where they are not 2 to 20 of them."""
    how = "strategies=[do_nothing,other], the baseline first"
    if not isinstance(value, list | tuple):
        raise InputError(f"strategies={value}: must be a list in brackets, {how}")
    entries = list(cast("Sequence[object]", value))
    words = [str(entry).strip() if isinstance(entry, str | int) else "" for entry in entries]
    if not all(words):
        raise InputError(f"strategies: {entries[words.index('')]!r} is not the name of a strategy; {how}")
    if not 2 <= len(words) <= MOST_STRATEGIES:
        raise InputError(f"strategies: 2 to {MOST_STRATEGIES} can be compared, not {len(words)}; {how}")
    return tuple(words)


def metrics_of(key: str) -> BeforeValidator:
    """The check of a key that lists metrics, each once. Errors: `InputError` where there is no such metric."""

    def listed(value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise InputError(f"{key}={value}: must be a list in brackets, {key}=[members,contribution]")
        names = [str(entry) for entry in cast("Sequence[object]", value)]
        for name in names:
            if name not in KNOWN:
                raise InputError(f"{key}: there is no metric {name!r}; {nearest(name, KNOWN)}")
        return tuple(dict.fromkeys(names))

    return BeforeValidator(listed)


@dataclass(frozen=True)
class BridgeSettings:
    """Whether and how the difference to the baseline is shared out among the levers in which strategies differ."""

    __pydantic_config__ = STRICT

    on: Annotated[
        bool,
        About("", "whether the difference is shared out among levers; k levers that differ take 2 to the k worlds"),
    ] = False
    replications: Annotated[
        int | None,
        between(2, 1_000_000),
        About("", "replications of each of these worlds; empty: as many as the comparison has"),
    ] = None
    metrics: Annotated[
        tuple[str, ...],
        metrics_of("bridge.metrics"),
        About("", "what is shared out, in brackets: columns of daily.parquet, at the end"),
    ] = ("members", "mau", "orders", "revenue", "contribution")
    most: Annotated[
        int,
        Positive,
        between(1, 12),
        About("levers", "that differ, up to which all their sets are lived; beyond it some orders are drawn"),
    ] = 8
    pairs: Annotated[
        int, between(2, 10_000), About("pairs", "of orders that are drawn then, each one and its reverse")
    ] = 16


def groups_named(value: object) -> tuple[str, ...]:
    """Settings or groups of settings as words. Errors: `InputError` where it is no list."""
    if not isinstance(value, list | tuple):
        raise InputError(f"assumptions.among={value}: must be a list in brackets, assumptions.among=[response.trust]")
    return tuple(str(entry) for entry in cast("Sequence[object]", value))


@dataclass(frozen=True)
class AssumptionSettings:
    """Whether and how it is looked which assumptions carry a comparison's result."""

    __pydantic_config__ = STRICT

    on: Annotated[
        bool,
        About("", "whether each assumption is moved, to see which of them the lead of the best strategy rests on"),
    ] = False
    step: Annotated[
        float,
        Positive,
        between(1, 100),
        About("% of what is assumed", "how far each is set lower and higher, within its declared range"),
    ] = 50.0
    members: Annotated[
        int | None,
        Positive,
        between(1, 100_000_000),
        About(
            "members",
            "of these worlds, at most run.members; empty: as many. Fewer are faster, but what costs the same for few "
            "as for many (content, budgets) weighs more in smaller worlds; a log brings its own members",
        ),
    ] = None
    replications: Annotated[
        int, between(2, 1_000_000), About("", "replications in which all assumptions are moved, the two best alone")
    ] = 2
    most: Annotated[
        int, Positive, between(1, 100), About("assumptions", "that move the lead most are lived again")
    ] = 6
    again: Annotated[
        int, between(2, 1_000_000), About("", "replications, with other luck and of all strategies, of these")
    ] = 20
    among: Annotated[
        tuple[str, ...],
        BeforeValidator(groups_named),
        About("", "settings, or groups of them, that are looked at, in brackets; empty: all that are assumptions"),
    ] = ()


@dataclass(frozen=True)
class CompareRun(Run):
    """How much is run: a comparison may run until it can be called."""

    __pydantic_config__ = STRICT

    replications: Annotated[  # pyright: ignore[reportIncompatibleVariableOverride]
        int | None,
        Positive,
        between(2, 1_000_000),
        About("", "exactly so many pairs of twin worlds; empty: until it can be called, at most call.most"),
    ] = None


@dataclass(frozen=True)
class Calling:
    """When a comparison is called, and on which number."""

    __pydantic_config__ = STRICT

    metric: Annotated[
        Literal[
            "orders", "revenue", "contribution", "cost", "members", "mau", "reachable", "blocked", "joined",
            "dormant_90",
        ],
        About("", "the number at the end on which strategies are told apart"),
    ] = "contribution"  # fmt: skip
    smallest: Annotated[
        float,
        between(0, 100),
        About("% of the baseline", "a mean difference shown to be smaller does not matter: it is called small"),
    ] = 1.0
    most: Annotated[
        int,
        Positive,
        between(20, 1_000_000),
        About("", "replications after which nothing more is run, called or not; a look after each 20"),
    ] = 60


@dataclass(frozen=True)
class CompareConfig:
    """The configuration of a comparison: that of a run, with several strategies in the place of one."""

    __pydantic_config__ = STRICT

    run: CompareRun = field(default_factory=CompareRun)
    call: Calling = field(default_factory=Calling)
    strategies: Annotated[
        tuple[str, ...],
        BeforeValidator(several),
        About("", "the strategies, in brackets, the baseline first: name, file.yaml, or name:key=value, varied"),
    ] = ()
    market: Market = field(default_factory=Market)
    population: PopulationSettings = field(default_factory=PopulationSettings)
    data: Data = field(default_factory=Data)
    fit: Fitting = field(default_factory=Fitting)
    response: Response = field(default_factory=Response)
    bridge: BridgeSettings = field(default_factory=BridgeSettings)
    assumptions: AssumptionSettings = field(default_factory=AssumptionSettings)
    targets: Annotated[
        tuple[Target, ...],
        BeforeValidator(reader(Target, "targets")),
        About("", "laid on every strategy in place of all that the strategies state: members>=12000 by 179"),
    ] = ()
    ceilings: Annotated[
        tuple[Ceiling, ...],
        BeforeValidator(reader(Ceiling, "ceilings")),
        About("", "laid on every strategy in place of all that the strategies state: opt_out_share<=10%"),
    ] = ()

    def under(self, strategy: Strategy) -> Config:
        """The configuration of a run of one strategy alone."""
        groups: dict[str, Any] = {
            group.name: getattr(self, group.name) for group in fields(Config) if group.name not in ("run", "strategy")
        }
        run = self.run.plain(replications=self.run.replications or self.call.most)
        return Config(run=run, strategy=strategy, **groups)

    @property
    def until_called(self) -> bool:
        """Whether the number of replications is left to what they say."""
        return self.run.replications is None


def named_groups(groups: Mapping[str, Any]) -> dict[str, Any]:
    """Groups of a configuration, where `market` and `strategy` may be names, as on the command line."""
    out = dict(groups)
    if isinstance(out.get("strategy"), str):
        out["strategy"] = asdict(read_strategy(out["strategy"], "strategy"))
    if isinstance(out.get("market"), str):
        named = market_config(out["market"])
        out["market"] = asdict(named.market)
        out["population"] = asdict(named.population) | dict(out.get("population", {}))
    return out


def market_config(name: str) -> Config:
    """The configuration that a market's file stands for: the market, and the base rates of its members.

    Errors: `InputError` where there is no such market.
    """
    file = CONFIGS / "market" / f"{name}.yaml"
    if not file.is_file():
        known = sorted(found.stem for found in (CONFIGS / "market").glob("*.yaml"))
        raise InputError(f"market={name!r}: there is no such market; {nearest(name, known)}")
    values = yaml.safe_load(file.read_text(encoding="utf-8"))
    return checked(Config, values if "market" in values else {"market": values})


MOST_DOSES = 40
"""More would be a curve that nobody reads."""


def rising(value: object) -> tuple[float, ...]:
    """Doses in rising order, with 0 before them. Errors: `InputError` where they cannot be used."""
    how = "frequency.doses=[1,2,7,21] in messages a week"
    if not isinstance(value, list | tuple):
        raise InputError(f"frequency.doses={value}: must be a list in brackets, {how}")
    entries = list(cast("Sequence[object]", value))
    numbers: set[float] = {0.0}
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, int | float) or not 0 <= entry <= 280:
            raise InputError(f"frequency.doses: {entry!r} is not a number in [0, 280]; {how}")
        numbers.add(float(entry))
    if not 2 <= len(numbers) <= MOST_DOSES:
        raise InputError(f"frequency.doses: 1 to {MOST_DOSES - 1} doses above 0, not {len(numbers) - 1}; {how}")
    return tuple(sorted(numbers))


@dataclass(frozen=True)
class FrequencySettings:
    """Which doses are laid beside each other."""

    __pydantic_config__ = STRICT

    doses: Annotated[
        tuple[float, ...],
        BeforeValidator(rising),
        About("messages a week", "in brackets; 0 is always among them, since all are compared with it"),
    ] = (0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 21.0, 28.0, 42.0, 70.0)


@dataclass(frozen=True)
class FrequencyConfig(Config):
    """The configuration of a frequency curve: that of a run, whose strategy is lived at several doses."""

    __pydantic_config__ = STRICT

    frequency: FrequencySettings = field(default_factory=FrequencySettings)

    def at(self, dose: float) -> Config:
        """The configuration of a run at one dose: the strategy with so many messages a week."""
        messaging = replace(self.strategy.messaging, on=True, per_week=dose)
        strategy = replace(self.strategy, messaging=messaging)
        return self.alone(strategy=strategy)


MOST_POINTS = 1_000_000
"""More are two sweeps."""


def spanned(value: Any) -> Any:
    """What a design varies: a mapping of keys to values, or a list of such mappings. Errors: `InputError`."""
    how = "design.values={market.season.strength:[0,0.5,1]}, in quotes on a command line"
    entries: list[Any] = list(value) if isinstance(value, list | tuple) else [value]  # pyright: ignore
    for entry in entries:
        if not isinstance(entry, dict | None):
            raise InputError(f"design.values={value}: must be keys with their values, {how}")
    return cast("Any", value)


@dataclass(frozen=True)
class DesignSettings:
    """Which points of the parameter space are lived."""

    __pydantic_config__ = STRICT

    kind: Annotated[
        Literal["grid", "zip", "concat", "lhs", "sobol", "oat", "file"],
        About("", "how values become points: design=grid and so on"),
    ] = "grid"
    values: Annotated[
        Any,
        BeforeValidator(spanned),
        About("", "what is varied: {key: [values]}, or {key: [low, high]} for lhs and sobol; their ranges if empty"),
    ] = None
    n: Annotated[
        int | None, Positive, between(1, MOST_POINTS), About("points", "of a Latin hypercube or a Sobol' sequence")
    ] = None
    file: Annotated[
        str | None, About("", "a CSV or Parquet file with a column for each key and a row for each point")
    ] = None
    seeds: Annotated[
        Literal["common", "independent"],
        About("", "whether all points meet the same luck, or each its own, by the point's content"),
    ] = "common"
    block: Annotated[
        int | None,
        between(0, MOST_POINTS),
        About("", "the part of the design that this job lives; set by the launcher"),
    ] = None
    blocks: Annotated[
        int, Positive, between(1, 10_000), About("blocks", "into which a launcher's jobs share the design")
    ] = 8


def asked(value: object) -> tuple[str, ...]:
    """Metrics by name. Errors: `InputError` where there is no such metric."""
    listed = [value] if isinstance(value, str) else list(cast("Sequence[object]", value or ()))
    for name in listed:
        if name not in KNOWN:
            raise InputError(f"outcomes.metrics: there is no metric {name!r}; {nearest(str(name), KNOWN)}")
    return tuple(dict.fromkeys(str(name) for name in listed))


@dataclass(frozen=True)
class OutcomeSettings:
    """What is told of each point."""

    __pydantic_config__ = STRICT

    metrics: Annotated[
        tuple[str, ...],
        BeforeValidator(asked),
        About(
            "", "columns of daily.parquet, in brackets: flows are summed, stocks read at the end; empty: headlines"
        ),
    ] = ()
    since: Annotated[
        int,
        NonNegative,
        between(0, 3660),
        About("day", "flows are summed from this day on; the days before are warm-up"),
    ] = 0


@dataclass(frozen=True)
class SweepRun(Run):
    """How much is run at each point, and on how many processes."""

    __pydantic_config__ = STRICT

    replications: Annotated[  # pyright: ignore[reportIncompatibleVariableOverride]
        int, Positive, between(1, 1_000_000), About("", "independent replications of each point")
    ] = 10
    threads: Annotated[
        int, Positive, between(1, 256), About("threads", "at work on each point; the results do not depend on it")
    ] = 1
    processes: Annotated[  # pyright: ignore[reportIncompatibleVariableOverride]
        int | None,
        between(1, 1024),
        About("processes", "at work, a point each; empty: one for each processor; the results do not depend on it"),
    ] = None


@dataclass(frozen=True)
class SweepConfig(Config):
    """The configuration of a sweep: that of a run, which is varied, and the points."""

    __pydantic_config__ = STRICT

    run: SweepRun = field(default_factory=SweepRun)  # pyright: ignore[reportIncompatibleVariableOverride]
    design: DesignSettings = field(default_factory=DesignSettings)
    outcomes: OutcomeSettings = field(default_factory=OutcomeSettings)

    @property
    def base(self) -> Config:
        """The configuration that points vary."""
        return self.alone(run=self.run.plain(processes=1))


@dataclass(frozen=True)
class SeekSettings:
    """Which lever is turned, and what it is to reach."""

    __pydantic_config__ = STRICT

    lever: Annotated[
        str | None, About("", "the number of the strategy that is turned, such as messaging.per_week")
    ] = None
    metric: Annotated[
        str | None,
        About("", "what is to be reached, as in targets; empty: the strategy's first target, or its target on it"),
    ] = None
    value: Annotated[
        float | None, between(-1e15, 1e15), About("of the metric", "the level to be reached; empty: the target's own")
    ] = None
    day: Annotated[
        int | None, between(0, 3659), About("day", "the due day; empty: the target's own, or the last of the run")
    ] = None
    at: Annotated[
        Literal["least", "most"] | None,
        About("", "whether the level is a floor or a roof; empty: by which of them is better"),
    ] = None
    chance: Annotated[
        float | None, between(0.01, 0.99), About("", "the share of futures that shall reach it; empty: on average")
    ] = None
    low: Annotated[
        float | None, between(-1e12, 1e12), About("of the lever", "the least that is tried; empty: its own range")
    ] = None
    high: Annotated[
        float | None, between(-1e12, 1e12), About("of the lever", "the most that is tried; empty: its own range")
    ] = None
    scan: Annotated[
        int,
        between(1, 20),
        About("values", "tried at first on either side of the present one, each half as far from it as the next"),
    ] = 6


@dataclass(frozen=True)
class SeekConfig(Config):
    """The configuration of a search: that of a run, one of whose levers is turned until a target is reached."""

    __pydantic_config__ = STRICT

    seek: SeekSettings = field(default_factory=SeekSettings)

    def under(self, strategy: Strategy) -> Config:
        """The configuration of a run of a strategy."""
        return self.alone(strategy=strategy)


def sought(value: object) -> tuple[str, ...]:
    """What is optimised, by name. Errors: `InputError` where there is no such metric."""
    how = "optimize.objectives=[members,contribution,opt_out_share]"
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not names:
        raise InputError(f"optimize.objectives={value}: must be a list in brackets, {how}")
    told = [str(name) for name in cast("Sequence[object]", names)]
    for name in told:
        if name not in MEASURES:
            raise InputError(f"optimize.objectives: there is no metric {name!r}; {nearest(name, MEASURES)}")
    return tuple(dict.fromkeys(told))


def keyed(key: str, how: str) -> Callable[[object], Any]:
    """What turns keys with their ranges into a mapping; nothing into an empty one. Errors: `InputError`."""

    def read(value: object) -> Any:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise InputError(f"{key}={value}: must be keys with their ranges, {how}")
        return {str(name): given for name, given in cast("Mapping[object, object]", value).items()}

    return read


def named(value: object) -> tuple[str, ...] | None:
    """Strategies by name, or nothing. Errors: `InputError`."""
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise InputError(f"optimize.references={value}: must be a list in brackets, [do_nothing,matched_scenes]")
    return tuple(str(name).strip() for name in cast("Sequence[object]", value))


@dataclass(frozen=True)
class OptimizeSettings:
    """What is sought, by which levers, within which limits, and how much is tried."""

    __pydantic_config__ = STRICT

    objectives: Annotated[
        tuple[str, ...],
        BeforeValidator(sought),
        About("", "what is to be best at the end, in brackets; of several, the front on which none beats another"),
    ] = ("contribution",)
    levers: Annotated[
        Any,
        BeforeValidator(keyed("optimize.levers", "{strategy.messaging.per_week:[0,14]}")),
        About("", "what may be chosen: {key:[low,high]}, {key:[words]}, or {key:null} for all of its own range"),
    ] = None
    subject_to: Annotated[
        tuple[Target, ...],
        BeforeValidator(reader(Target, "optimize.subject_to")),
        About("", "limits on averages, in brackets: cost<=50000, members>=12000 by 179; besides strategy.ceilings"),
    ] = ()
    plans: Annotated[int, between(2, 100_000), About("plans", "that are tried")] = 60
    batch: Annotated[
        int,
        between(1, 1000),
        About("plans", "asked for at a time; they may be lived at once, whatever the processes"),
    ] = 6
    rungs: Annotated[
        int,
        between(1, 6),
        About("", "steps up to run.replications, a third each: the best third goes on; 1: all plans live all"),
    ] = 3
    finalists: Annotated[
        int, between(1, 100), About("plans", "that live all replications, and are lived again with fresh luck")
    ] = 8
    references: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(named),
        About("", "strategies laid beside them, in brackets; empty: all that come with it; []: none"),
    ] = None
    unknowns: Annotated[
        Any,
        BeforeValidator(keyed("optimize.unknowns", "{market.season.strength:[0.2,1]}")),
        About("", "what nobody knows, with its range: plans are laid over worlds drawn from it"),
    ] = None
    worlds: Annotated[int, between(2, 100_000), About("worlds", "drawn from the unknowns, if there are any")] = 64
    world_replications: Annotated[
        int, between(2, 100_000), About("", "replications of each finalist in each of these worlds")
    ] = 4


@dataclass(frozen=True)
class OptimizeRun(Run):
    """How much is run for each plan at the most."""

    __pydantic_config__ = STRICT

    replications: Annotated[
        int, Positive, between(2, 1_000_000), About("", "of each finalist; most plans live a part of them")
    ] = 27


@dataclass(frozen=True)
class OptimizeConfig(Config):
    """The configuration of a search: that of a run, whose strategy is what plans vary."""

    __pydantic_config__ = STRICT

    run: OptimizeRun = field(default_factory=OptimizeRun)  # pyright: ignore[reportIncompatibleVariableOverride]
    optimize: OptimizeSettings = field(default_factory=OptimizeSettings)

    @property
    def base(self) -> Config:
        """The configuration that plans vary."""
        return self.alone(run=self.run.plain())


def explored(value: object) -> Any:
    """What is explored: keys, or keys with their ranges. Errors: `InputError` where it is neither."""
    how = "sensitivity.parameters={response.fatigue.memory:[3,14]} or [response.fatigue.memory], in quotes"
    if value is None or isinstance(value, dict):
        return cast("dict[str, object] | None", value) or None
    if not isinstance(value, list | tuple) or not all(
        isinstance(key, str) for key in cast("Sequence[object]", value)
    ):
        raise InputError(f"sensitivity.parameters={value}: must be keys, or keys with their ranges, {how}")
    return dict.fromkeys(cast("Sequence[str]", value)) or None


def power_of_two(value: object) -> object:
    """Errors: `InputError` where a Sobol' sequence of so many points is not evenly spread."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0 and value & (value - 1):
        lower = 1 << (value.bit_length() - 1)
        raise InputError(f"sensitivity.n={value}: must be a power of 2, such as {lower} or {2 * lower}")
    return value


@dataclass(frozen=True)
class SensitivitySettings:
    """Which assumptions are moved, how far, and by which designs."""

    __pydantic_config__ = STRICT

    method: Annotated[
        Literal["oat", "morris", "sobol"],
        About("", "one at a time; then also screening (Morris); then also shares of the variance (Sobol)"),
    ] = "sobol"
    parameters: Annotated[
        Any,
        BeforeValidator(explored),
        About("", "what is explored: [keys], or {key: [low, high]}; empty: every number that is an assumption"),
    ] = None
    factor: Annotated[
        float,
        between(1.01, 100),
        About("times", "a range that is not given goes from the value over this to the value times this"),
    ] = 1.5
    outcomes: Annotated[
        tuple[str, ...],
        metrics_of("sensitivity.outcomes"),
        About("", "columns of daily.parquet, in brackets: flows are summed, stocks read at the end"),
    ] = ("members", "mau", "contribution")
    baseline: Annotated[
        str | None,
        About("", "a strategy by name; outcomes are then what the strategy has more than this one, in pairs"),
    ] = None
    most: Annotated[
        int,
        Positive,
        between(1, 200),
        About("parameters", "that are screened, those that moved outcomes most; all of them where they are listed"),
    ] = 16
    trajectories: Annotated[int, between(4, 10_000), About("trajectories", "of the screening")] = 10
    top: Annotated[
        int,
        Positive,
        between(1, 100),
        About("parameters", "whose shares are told, the first of the screening; all of them where they are listed"),
    ] = 6
    n: Annotated[
        int,
        BeforeValidator(power_of_two),
        between(8, 65_536),
        About("", "base points of the Sobol design, a power of 2; it has this times parameters + 2 points"),
    ] = 64


@dataclass(frozen=True)
class SensitivityConfig(Config):
    """The configuration of a sensitivity analysis: that of a run, and what is moved."""

    __pydantic_config__ = STRICT

    run: SweepRun = field(default_factory=SweepRun)  # pyright: ignore[reportIncompatibleVariableOverride]
    sensitivity: SensitivitySettings = field(default_factory=SensitivitySettings)

    @property
    def base(self) -> Config:
        """The configuration that points vary."""
        return self.alone(run=self.run.plain(processes=1))
