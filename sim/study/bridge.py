"""The bridge: where the difference between two strategies comes from, by flows of the books and by levers.

Flows: the books conserve what they count, so the difference at the end is a sum of differences of flows, to the last
count and cent in every replication. Levers: the difference is shared out by Shapley's value over worlds in which some
levers are set as in the strategy and the others as in the baseline, all with the same luck.
"""

import hashlib
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import asdict, dataclass, fields, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim import rng
from sim.accounting import posting
from sim.accounting.metrics import KNOWN, unit_of
from sim.engine import Plan
from sim.levers.guard import Guard
from sim.levers.lever import Lever
from sim.report.material import signed, unsigned
from sim.settings import BridgeSettings, Run
from sim.strategy import Budget, Strategy
from sim.study.bands import errors_within
from sim.study.ensemble import BY_CHANNEL, LARGE, Ensemble, new_pool, run_one
from sim.study.losses import Members, loss_words, member_rows
from sim.study.parts import keep, kept

CHANNELS: dict[str, int] = {
    "members of day 0": posting.EXISTING,
    "walked in": posting.ORGANIC,
    **{name.replace("_", " "): posting.FIRST_PAID + place for place, name in enumerate(posting.PAID)},
    "friends unasked": posting.WORD_OF_MOUTH,
    "referral": posting.REFERRAL,
    "advocates": posting.ADVOCATE,
    "shown orders": posting.SHARING,
    "group buying": posting.GROUP_BUYING,
}
"""Channels by the words of a bar."""
DRIFTED = {
    "need": "need went", "quality": "goods", "service": "service", "logistics": "delivery", "friend": "friend gone",
    "reward": "came for a reward", "neglect": "no word for him", "stockout": "goods ran out",
    "tired": "messages too many", "irrelevant": "messages not for him",
    "disappointed": "disappointed",
}  # fmt: skip
"""Of `posting.CAUSES`, those by which members drift away, in few words."""
MONEY = {
    "sales at list price": "gmv",
    "discounts": "discounts",
    "markdowns": "markdowns",
    "goods": "goods_cost",
    "samples": "sample_cost",
    "messages": "message_cost",
    "content": "content_cost",
    "staff": "labour_cost",
    "standing costs": "operation_cost",
    "winning newcomers": "acquisition_cost",
    "rewards": "reward_cost",
    "benefits": "benefit_cost",
    "points": "points_cost",
}
"""From sales to contribution: all but the first are taken off."""
TOGETHER, RULES = "together", "budget and guard"
"""Rows of the table of levers that are no levers."""

Say = Callable[[str, int, int], None]
Counts = dict[str, np.ndarray]
"""int64 [replication] by name."""


# ---------------------------------------------------------------------------- flows


def legs(ensemble: Ensemble) -> dict[str, Counts]:
    """What a stock at the end (or a sum until it) is made of, with signs, by replication; cents where it is money.

    The last leg of `attached` also holds the stock of day 0, which is the same in twin worlds.
    """
    moved = ensemble.flows.sum(axis=1)
    to_end = {name: ensemble.metric(name).sum(axis=1) for name in ensemble.names if KNOWN[name].kind == "flow"}
    end = {name: ensemble.metric(name)[:, -1] for name in ("members", "attached")}
    struck = [int(flow) for flow in posting.BY_REMOVAL if flow >= 0]
    joined = {
        name: moved[:, channel, posting.JOINED] for name, channel in CHANNELS.items() if channel != posting.EXISTING
    }
    gone = {
        "left": -moved[:, :, [flow + posting.LEFT for flow in struck]].sum(axis=(1, 2)),
        "struck off": -moved[:, :, struck].sum(axis=(1, 2)),
    }
    drift = {f"drifted: {words}": -to_end[f"lost_{cause}"] for cause, words in DRIFTED.items()}
    known = {"joined": to_end["joined"], **drift, "came back": to_end["returned"]}
    orders = ensemble.channels[:, :, BY_CHANNEL.index("orders")]
    return {
        "members": {**joined, **gone},
        "attached": {**known, "left while attached": end["attached"] - sum(known.values())},
        "orders": {name: orders[:, channel] for name, channel in CHANNELS.items()},
        "contribution": {label: to_end[name] if name == "gmv" else -to_end[name] for label, name in MONEY.items()},
    }


def bars(ours: Ensemble, theirs: Ensemble) -> dict[str, Counts]:
    """How much each flow adds to the difference at the end, int64 [replication] by stock and flow.

    Errors: `ArithmeticError` where the bars of a replication do not sum to the difference: the books would be wrong.
    """
    count = min(ours.replications, theirs.replications)
    above, below = legs(ours), legs(theirs)
    out: dict[str, Counts] = {}
    for stock, flows in above.items():
        out[stock] = {name: values[:count] - below[stock][name][:count] for name, values in flows.items()}
        difference = outcome(ours, stock)[:count] - outcome(theirs, stock)[:count]
        if not np.array_equal(sum(out[stock].values()), difference):
            raise ArithmeticError(f"the flows of {stock} do not sum to the difference")
    return out


def outcome(ensemble: Ensemble, name: str) -> np.ndarray:
    """A metric at the end, int64 [replication]: a flow added up since day 0, a stock as it stands."""
    values = ensemble.metric(name)
    return values.sum(axis=1) if KNOWN[name].kind == "flow" else values[:, -1]


def outcomes(ensemble: Ensemble) -> np.ndarray:
    """All metrics at the end, int64 [replication, metric]."""
    return np.stack([outcome(ensemble, name) for name in ensemble.names], axis=1)


def told(values: np.ndarray, unit: float, more_error: float = 0.0) -> dict[str, float]:
    """Mean and 95 % interval over replications, in reported units.

    more_error: half an interval from another source of error, added in quadrature. Where all replications are the
    same, luck adds none.
    """
    count = len(values)
    numbers = values.astype(float) / unit
    mean = float(numbers.mean())
    if (values == values[0]).all():
        mean, error = float(numbers[0]), 0.0
    else:
        error = float(numbers.std(ddof=1)) / math.sqrt(count)
    reach = math.hypot(errors_within(count) * error, more_error / unit)
    return {"effect": mean, "low95": mean - reach, "high95": mean + reach}


def flows_table(lived: Mapping[str, Ensemble]) -> pd.DataFrame:
    """bridge_flows.csv: strategy, baseline, metric, kind, flow, effect, low95, high95, unit.

    kind: `from` (the baseline's number), `flow` (what it adds to the difference), `difference` (the sum of flows),
    `to` (the strategy's number).
    """
    baseline, *others = lived
    rows: list[dict[str, Any]] = []
    for strategy in others:
        for metric, flows in bars(lived[strategy], lived[baseline]).items():
            head = {"strategy": strategy, "baseline": baseline, "metric": metric}
            ends = {"from": lived[baseline], "to": lived[strategy]}
            levels = {kind: outcome(ensemble, metric) for kind, ensemble in ends.items()}
            every = [("from", baseline, levels["from"]), *(("flow", *pair) for pair in flows.items())]
            every += [("difference", strategy, sum(flows.values())), ("to", strategy, levels["to"])]
            for kind, flow, values in every:
                rows.append({**head, "kind": kind, "flow": flow, **told(values, unit_of(metric))})
                rows[-1]["unit"] = KNOWN[metric].unit
    return pd.DataFrame(rows)


# ---------------------------------------------------------------------------- Shapley's value

Values = Mapping[int, np.ndarray]
"""What each set of levers comes to, as arrays of Python's whole numbers; bit i of the key: lever i is in the set."""


def whole(values: np.ndarray) -> np.ndarray:
    """Whole numbers without a limit of size."""
    return values.astype(object)


def shapley(values: Values, levers: int) -> tuple[np.ndarray, int]:
    """Shapley's value as whole numerators [lever, ...] over a common denominator, the number of orders `levers`!.

    The numerators of all levers sum to the denominator times the difference between all levers and none, exactly.
    """
    weights = [math.factorial(size) * math.factorial(levers - size - 1) for size in range(levers)]
    out = []
    for lever in range(levers):
        without = [s for s in range(1 << levers) if not s >> lever & 1]
        out.append(sum(weights[s.bit_count()] * (values[s | 1 << lever] - values[s]) for s in without))
    return np.array(out, dtype=object), math.factorial(levers)


def interactions(values: Values, levers: int) -> tuple[dict[tuple[int, int], np.ndarray], int]:
    """Shapley's interaction index of each pair as whole numerators, and their denominator (`levers` - 1)!.

    What two levers bring together beyond what each brings without the other, on average over all sets of the rest.
    """
    weights = [math.factorial(size) * math.factorial(levers - size - 2) for size in range(levers - 1)]
    out = {}
    for i, j in combinations(range(levers), 2):
        a, b = 1 << i, 1 << j
        rest = [s for s in range(1 << levers) if not s & (a | b)]
        out[i, j] = sum(weights[s.bit_count()] * beyond(values, s, a, b) for s in rest)
    return out, math.factorial(levers - 1)


def beyond(values: Values, rest: int, a: int, b: int) -> np.ndarray:
    """What two levers bring to a set of others beyond what each brings alone."""
    return values[rest | a | b] - values[rest | a] - values[rest | b] + values[rest]


def drawn_orders(seed: int, pairs: int, levers: int) -> list[tuple[int, ...]]:
    """Orders of switching levers, by keyed luck: each drawn order is followed by its reverse."""
    luck, out = np.uint64(rng.stream(seed, 0)), []
    for pair in range(pairs):
        key = np.uint64(pair)
        order = sorted(range(levers), key=lambda i, key=key: float(rng.uniform(luck, key, rng.BRIDGE_ORDER, i)))
        out += [tuple(order), tuple(reversed(order))]
    return out


def steps(order: Sequence[int]) -> list[tuple[int, int]]:
    """The levers in an order, each with the set of those before it."""
    before, out = 0, []
    for lever in order:
        out.append((lever, before))
        before |= 1 << lever
    return out


def sampled(values: Values, levers: int, orders: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, int, np.ndarray]:
    """Shapley's value from some orders: whole numerators [lever, ...], their denominator, and errors [lever, ...].

    The sum over levers is exact as in `shapley`. The error of a lever is a standard error over orders, of numbers
    averaged over the first axis (replications): the larger one of pairs of orders and of single orders, since few
    pairs may by chance agree on what they all get wrong.
    """
    gains = []
    for order in orders:
        gained: list[Any] = [None] * levers
        for lever, before in steps(order):
            gained[lever] = values[before | 1 << lever] - values[before]
        gains.append(np.array(gained, dtype=object))
    means = np.array([gain.mean(axis=1) for gain in gains], dtype=float)
    pairs = (means[::2] + means[1::2]) / 2.0
    error = np.maximum(*(some.std(axis=0, ddof=1) / math.sqrt(len(some)) for some in (pairs, means)))
    return np.array(gains, dtype=object).sum(axis=0), len(orders), error


# ---------------------------------------------------------------------------- worlds

LEVERS = tuple(f.name for f in fields(Strategy) if isinstance(getattr(Strategy(), f.name), Lever))
NEEDS = (
    ("content", "topics", "own", "tags", "general"),
    ("welcome", "own_topics", True, "tags", False),
    ("messaging", "on", True, "content", False),
)
"""Settings that need another lever: where it is off, they fall back to what can be done without it."""
DECISIONS = (
    "Where a lever's setting needs another lever that is off in a world, it falls back to what can be done without: "
    "topics of one's own to general ones, messages without content and rewards in points without points to none.",
    "Budget and guard are no levers: all worlds keep the strategy's; what these change under the baseline's levers "
    "is a bar of its own.",
)


def standing(strategy: Strategy) -> Strategy:
    """The nearest strategy that can be carried out: see `DECISIONS`."""
    for lever, setting, value, needed, without in NEEDS:
        has = getattr(strategy, lever)
        if getattr(has, setting) == value and not getattr(strategy, needed).on:
            strategy = replace(strategy, **{lever: replace(has, **{setting: without})})
    if strategy.referral.points > 0 and not strategy.points.on:
        strategy = replace(strategy, referral=replace(strategy.referral, points=0.0))
    return strategy


def plain(strategy: Strategy) -> Strategy:
    """A strategy as its effects know it: without name, aims, what levers that are off would do, and idle rules."""
    off = {name: type(lever)() for name in LEVERS if not (lever := getattr(strategy, name)).on}
    if len(off) == len(LEVERS):
        off |= {"budget": Budget(), "guard": Guard()}
    return replace(strategy, name="", targets=(), ceilings=(), **off)


def differing(ours: Strategy, theirs: Strategy) -> list[str]:
    """The levers whose settings differ, in order of precedence; two that are off do not."""
    a, b = plain(ours), plain(theirs)
    return [name for name in LEVERS if getattr(a, name) != getattr(b, name)]


def mixed(ours: Strategy, theirs: Strategy, taken: Iterable[str]) -> Strategy:
    """The strategy with levers `taken` as in `ours` and the others as in `theirs`, under the rules of `ours`."""
    chosen = {name: getattr(ours if name in set(taken) else theirs, name) for name in LEVERS}
    return plain(standing(replace(ours, **chosen)))


def difference_words(ours: Strategy, theirs: Strategy, name: str) -> str:
    """What is otherwise under `theirs`: `without content`, `without messaging.per_week=3 (2 instead)`.

    Where more than `MOST_NAMED` settings differ it names the strategy as a whole, by `name`; nothing where none does.
    """
    a, b = plain(ours), plain(theirs)
    parts: list[str] = []
    for lever in (*LEVERS, "budget", "guard"):
        mine, other = getattr(a, lever), getattr(b, lever)
        if mine == other:
            continue
        if not getattr(other, "on", True):
            parts.append(f"without {lever}")
        elif not getattr(mine, "on", True):
            parts.append(f"with {lever}")
        else:
            pairs = [(f.name, getattr(mine, f.name), getattr(other, f.name)) for f in fields(mine)]
            parts += [f"without {lever}.{key}={said(x)} ({said(y)} instead)" for key, x, y in pairs if x != y]
    return " and ".join(parts) if len(parts) <= MOST_NAMED else f"without {name}"


MOST_NAMED = 3
"""Settings that a sentence names at most."""


def said(value: Any) -> str:
    """A setting's value as one writes it."""
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


@dataclass
class Lives:
    """What a world came to: all metrics at the end, int64 [replication, metric]; fates and spent of members as in
    `Members`, empty where nobody asks for them."""

    values: np.ndarray
    fates: np.ndarray
    spent: np.ndarray


def live(plan: Plan, seed: int, replications: int, threads: int, members: bool) -> Lives:
    """All replications of one world; members: whether what became of members is kept."""
    values, fates, spent = [], [], []
    for r in range(replications):
        one = run_one(plan, seed, r, threads)
        values.append(outcomes(one))
        fates.append(one.fates if members else one.fates[:0])
        spent.append(one.spent if members else one.spent[:0])
    return Lives(*(np.concatenate(each) for each in (values, fates, spent)))


class Worlds:
    """Worlds by their strategy, each lived once, all with the same luck; kept in the folder `parts` when lived.

    lived: all metrics at the end; members: what became of members, where it is watched.
    """

    def __init__(self, plan: Plan, run: Run, replications: int, parts: Path | None) -> None:
        self.plan, self.run, self.replications, self.parts = plan, run, replications, parts
        self.lived: dict[Strategy, np.ndarray] = {}
        self.members: dict[Strategy, Members] = {}

    def live(
        self, strategies: Iterable[Strategy], progress: Callable[[int, int], None],
        watched: Collection[Strategy] = (),
    ) -> None:  # fmt: skip
        """Live those that have not been lived yet; progress: how many are done, of how many; watched: of which
        strategies the members are followed."""
        every = list(dict.fromkeys(strategies))
        for strategy in every:
            found = kept(self._file(strategy), Lives) if not self._has(strategy, watched) and self.parts else None
            if found is not None and len(found.values) == self.replications:
                self._take(strategy, found)
        missing = [strategy for strategy in every if not self._has(strategy, watched)]
        done = len(every) - len(missing)
        progress(done, len(every))
        shared = self.run.threads > 1 and self.plan.founders.count >= LARGE
        workers = max(1, self.run.processes) * (1 if shared else self.run.threads)
        threads = self.run.threads if shared else 1
        with new_pool(self.run.processes, workers) as pool:
            jobs: dict[Future[Lives], Strategy] = {}
            try:
                for strategy in missing:
                    plan = replace(self.plan, strategy=strategy, operated=True)
                    how = self.run.seed, self.replications, threads, strategy in watched
                    jobs[pool.submit(live, plan, *how)] = strategy
                for future in as_completed(jobs):
                    strategy, lives = jobs[future], future.result()
                    self._take(strategy, lives)
                    if self.parts:
                        keep(self._file(strategy), lives)
                    done += 1
                    progress(done, len(every))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _has(self, strategy: Strategy, watched: Collection[Strategy]) -> bool:
        return strategy in self.lived and (strategy in self.members or strategy not in watched)

    def _take(self, strategy: Strategy, lives: Lives) -> None:
        self.lived[strategy] = lives.values
        if len(lives.fates):
            self.members[strategy] = Members(lives.fates, lives.spent)

    def _file(self, strategy: Strategy) -> Path:
        text = json.dumps(asdict(strategy), sort_keys=True)
        return (self.parts or Path()) / f"{hashlib.sha256(text.encode()).hexdigest()[:24]}.npz"


@dataclass
class Shares:
    """A difference shared out among levers; whole numbers [replication, metric] over `of` where they are shares.

    levers: their names; shares [lever, ...]: Shapley's value; error [lever, metric]: of sampled orders, 0 where all
    sets were lived; alone, last [lever, ...]: a lever on top of the baseline, and on top of all others; pairs: what
    two levers bring beyond each alone, on top of the baseline; index, index_of: Shapley's interaction index, None
    where orders were sampled; rules: what the strategy's budget and guard change under the baseline's levers; twins:
    the strategy without each of the levers.
    """

    levers: list[str]
    shares: np.ndarray
    of: int
    error: np.ndarray
    alone: np.ndarray
    last: np.ndarray
    pairs: dict[tuple[int, int], np.ndarray]
    index: dict[tuple[int, int], np.ndarray] | None
    index_of: int
    rules: np.ndarray
    difference: np.ndarray
    worlds: int
    twins: list[Strategy]


def share_out(
    ours: Strategy, theirs: Strategy, worlds: Worlds, how: BridgeSettings, progress: Callable[[int, int], None]
) -> Shares:
    """Share the difference between two strategies out among the levers in which they differ."""
    levers = differing(ours, theirs)
    count = len(levers)
    full = (1 << count) - 1
    exact = count <= how.most
    orders = [] if exact else drawn_orders(worlds.run.seed, how.pairs, count)
    wanted = set(range(full + 1)) if exact else {s for order in orders for _, s in steps(order)} | {full}
    bits = [1 << i for i in range(count)]
    wanted |= {0, full, *bits, *(full ^ bit for bit in bits), *(a | b for a, b in combinations(bits, 2))}
    at = {s: mixed(ours, theirs, [levers[i] for i in range(count) if s >> i & 1]) for s in sorted(wanted)}
    twins = [at[full ^ bit] for bit in bits]
    worlds.live([*at.values(), plain(theirs)], progress, watched={at[full], *twins} if count else ())
    values = {s: whole(worlds.lived[strategy]) for s, strategy in at.items()}
    base = whole(worlds.lived[plain(theirs)])
    shape = base.shape
    index, index_of, error = None, 1, np.zeros((count, shape[1]))
    if exact:
        shares, of = shapley(values, count)
        if count > 1:
            index, index_of = interactions(values, count)
    else:
        shares, of, error = sampled(values, count, orders)
    empty = np.zeros((0, *shape), dtype=object)
    return Shares(
        levers, shares if count else empty, of, error,
        np.array([values[bit] - values[0] for bit in bits], dtype=object) if count else empty,
        np.array([values[full] - values[full ^ bit] for bit in bits], dtype=object) if count else empty,
        {(i, j): beyond(values, 0, bits[i], bits[j]) for i, j in combinations(range(count), 2)},
        index, index_of, values[0] - base, values[full] - base, len(set(at.values())), twins,
    )  # fmt: skip


# ---------------------------------------------------------------------------- tables and words


def levers_rows(shared: Shares, head: dict[str, Any], places: Mapping[str, int], pairs: int) -> list[dict[str, Any]]:
    """Rows of bridge_levers.csv of one pair of strategies."""
    rows: list[dict[str, Any]] = []
    wide = errors_within(max(pairs, 2))
    for metric, at in places.items():
        unit = unit_of(metric)
        ends = {"metric": metric}
        found: list[tuple[str, str, np.ndarray, float, float]] = []
        if shared.rules.any():
            found.append((RULES, "share", shared.rules[:, at], 1.0, 0.0))
        for i, lever in enumerate(shared.levers):
            found.append((lever, "share", shared.shares[i][:, at], shared.of, wide * float(shared.error[i, at])))
            found.append((lever, "alone", shared.alone[i][:, at], 1.0, 0.0))
            found.append((lever, "last", shared.last[i][:, at], 1.0, 0.0))
        found.append((TOGETHER, "share", shared.difference[:, at], 1.0, 0.0))
        for lever, measure, values, of, error in found:
            numbers = told(values, unit * of, error * of)
            rows.append({**head, **ends, "lever": lever, "measure": measure, **numbers, "unit": KNOWN[metric].unit})
    return rows


def interaction_rows(shared: Shares, head: dict[str, Any], places: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows of bridge_interactions.csv of one pair of strategies."""
    rows: list[dict[str, Any]] = []
    for metric, at in places.items():
        for measure, pairs, of in (("average", shared.index or {}, shared.index_of), ("alone", shared.pairs, 1)):
            for (i, j), values in pairs.items():
                names = {"lever": shared.levers[i], "other": shared.levers[j], "measure": measure}
                numbers = told(values[:, at], unit_of(metric) * of)
                rows.append({**head, "metric": metric, **names, **numbers, "unit": KNOWN[metric].unit})
    return rows


def words_of(row: Mapping[str, Any], name: str, money: str) -> str:
    """`referral +312 (95 %: 280 to 344)`."""
    effect, low, high = (float(row[key]) for key in ("effect", "low95", "high95"))
    unit = f" {money}" if row["unit"] == "CNY" else ""
    if effect == low == high == 0.0:
        return f"{name} 0"
    if low == high:
        return f"{name} {signed(effect, 0.0)}{unit}"
    wide = high - low
    return f"{name} {signed(effect, wide)}{unit} (95 %: {unsigned(low, wide)} to {unsigned(high, wide)})"


def sentence(rows: pd.DataFrame, key: str, money: str) -> str:
    """The parts of a difference, the largest first; those that cannot be told from 0 are only named."""
    every: list[dict[str, Any]] = [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]
    some = [row for row in every if row["effect"] != 0.0 or row["low95"] != row["high95"]]
    apart = [row for row in some if row["low95"] > 0.0 or row["high95"] < 0.0]
    apart.sort(key=lambda row: -abs(float(row["effect"])))
    parts = [words_of(row, str(row[key]), money) for row in apart]
    unsure = [str(row[key]) for row in some if row not in apart]
    nothing = [str(row[key]) for row in every if row not in some]
    if unsure:
        parts.append(f"not told apart from 0: {', '.join(unsure)}")
    if nothing and key == "lever":
        parts.append(f"exactly 0: {', '.join(nothing)}")
    return "; ".join(parts) or "nothing differs"


def flow_words(table: pd.DataFrame, money: str) -> list[dict[str, Any]]:
    """Entries of summary.json: for each strategy and stock, what its difference is made of."""
    out = []
    for (strategy, metric), rows in table[table["kind"] == "flow"].groupby(["strategy", "metric"], sort=False):
        text = f"{metric}, {strategy} less {rows['baseline'].iloc[0]}: {sentence(rows, 'flow', money)}"
        out.append({"strategy": strategy, "metric": metric, "sentence": text})
    return out


def lever_words(table: pd.DataFrame, money: str) -> list[dict[str, Any]]:
    """Entries of summary.json: for each strategy and metric, how its difference is shared out among levers."""
    out = []
    shares = table[table["measure"] == "share"]
    for (strategy, metric), rows in shares.groupby(["strategy", "metric"], sort=False):
        whole_row = {str(k): v for k, v in rows[rows["lever"] == TOGETHER].iloc[0].items()}
        head = words_of(whole_row, f"{metric}, {strategy} less {rows['baseline'].iloc[0]}:", money)
        text = f"{head}, of this {sentence(rows[rows['lever'] != TOGETHER], 'lever', money)}"
        out.append({"strategy": strategy, "metric": metric, "sentence": text})
    return out


def bridge(
    plan: Plan, strategies: Mapping[str, Strategy], lived: Mapping[str, Ensemble], run: Run, how: BridgeSettings,
    money: str = "CNY", parts: Path | None = None, say: Say | None = None,
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:  # fmt: skip
    """Tables by file name, and what summary.json says: the baseline, the first of `lived`, against each other.

    Flows are always told. Levers where `how.on`: each pair lives up to 2 to the number of differing levers worlds.
    """
    flows = flows_table(lived)
    document: dict[str, Any] = {"flows": flow_words(flows, money)}
    tables = {"bridge_flows.csv": flows}
    if not how.on:
        return tables, document
    baseline, *others = lived
    replications = how.replications or min(ensemble.replications for ensemble in lived.values())
    places = {name: lived[baseline].names.index(name) for name in how.metrics}
    worlds = Worlds(plan, run, replications, parts)
    for name, ensemble in lived.items():
        if ensemble.replications >= replications:
            worlds.lived[plain(strategies[name])] = outcomes(ensemble)[:replications]
            followed = Members(ensemble.fates[:replications], ensemble.spent[:replications])
            worlds.members[plain(strategies[name])] = followed
    levers: list[dict[str, Any]] = []
    together: list[dict[str, Any]] = []
    members: list[dict[str, Any]] = []
    losses: list[dict[str, Any]] = []
    about = []
    for other in others:
        head = {"strategy": other, "baseline": baseline}
        shared = share_out(
            strategies[other], strategies[baseline], worlds, how,
            lambda done, of, other=other: say(f"bridge {other}", done, of) if say else None,
        )  # fmt: skip
        levers += levers_rows(shared, head, places, how.pairs)
        together += interaction_rows(shared, head, places)
        for lever, twin in zip(shared.levers, shared.twins, strict=True):
            of = {**head, "lever": lever}
            ours, theirs = (worlds.members[plain(s)] for s in (strategies[other], twin))
            rows = member_rows(of, ours, theirs, lived[baseline].traits[:replications])
            members += rows
            losses.append(loss_words(of, pd.DataFrame(rows), difference_words(strategies[other], twin, other)))
        exact = len(shared.levers) <= how.most
        about.append({**head, "levers": shared.levers, "worlds": shared.worlds, "exact": exact})
    columns = ["strategy", "baseline", "metric", "lever", "other", "measure", "effect", "low95", "high95", "unit"]
    tables["bridge_levers.csv"] = pd.DataFrame(levers)
    tables["bridge_interactions.csv"] = pd.DataFrame(together, columns=columns)
    if members:
        tables["members_by_lever.csv"] = pd.DataFrame(members)
    document |= {
        "members": losses,
        "levers": lever_words(tables["bridge_levers.csv"], money),
        "replications": replications,
        "pairs": about,
        "decisions": list(DECISIONS),
    }
    return tables, document


__all__ = ["bridge", "interactions", "sampled", "shapley"]
