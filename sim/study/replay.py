"""`replay`: one member's life, lived once more from a folder of results, day by day, with what decided each thing.

The world of the folder is lived again by the compiled day. Beside it, the rows of the members asked for are copied
before each thing that happens to them and lived by the very rules uncompiled (`sim/study/recording.py`), which tell
what they do. The row that comes out must be the kernel's to the bit, and the world's books those of the folder.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from sim import delivery, engine, recruiting
from sim.accounting import metrics, posting, stages
from sim.behaviour import day as rules_of_the_day
from sim.behaviour import opening
from sim.engine import Plan, Today, World
from sim.errors import InputError, nearest
from sim.operation import Desk
from sim.population import BLOCK, MEMBER, RELATION
from sim.recruiting import NOBODY, Directory, Recruiter, slot_of
from sim.settings import CompareConfig, Config, ReplayConfig
from sim.store import MODEL_VERSION, Results, RunFolder, config_hash, content_hash, lives_hash
from sim.strategy import Strategy
from sim.study.compare import under
from sim.study.forecast import Prepared, Progress, parameters_document, prepare, read_data
from sim.study.recording import Mirror, Row, Stills, Trace, still
from sim.study.telling import (
    BOOKKEEPING,
    DETAIL,
    OF_THE_DAY,
    OF_THE_LIFE,
    PERMISSION,
    SHOWN,
    Line,
    Teller,
    change_line,
    line,
    message_parts,
    message_words,
)
from sim.touch import TIERS
from sim.units import checked

REFUSED = {
    posting.CAPPED: "a cap", posting.OVER_QUOTA: "the platform's quota", posting.QUIET: "quiet hours",
}  # fmt: skip
"""Why the guard holds a message back, by event."""
LEARNT = ("tag", "tag_day", "tags", "known_hour", "known_tolerance", "group", "permission")
"""What changes of a relation in the morning before messages are chosen."""
STATE = {
    "stage": "lifecycle stage, as the operator can see it",
    "permission": "reachable, muted, blocked or gone",
    "attached": "1 until he drifts away (latent)",
    "trust": "trust in the operator, 0 to 1",
    "fatigue": "how tired of messages he is, in ordinary messages",
    "habit": "the habit of opening, 0 to 1",
    "satisfaction": "how content he is with what he got, 0 to 1",
    "reference_price": "the price that he has got used to, as a share of list price",
    "pace": "the speed of his purchase clock; 1 at rest",
    "drift_pace": "the speed of his drifting away; 1 at rest",
    "tier": "his tier",
    "points": "points that he may still redeem",
    "group": "his community group; -1 none yet, -2 none for good",
    "messages": "messages sent to him so far",
    "opens": "messages that he opened so far",
    "visits": "visits of his own accord so far",
    "orders": "orders so far, those before day 0 included",
    "spend": "what he has spent so far, in units of the currency",
    "brought": "members whom he has brought so far",
}
"""Columns of state.csv beside strategy, member, day and date: his rows at the end of each day, as last touched.

States that fade (trust, fatigue, habit, reference price) are brought to date only when something can happen to him.
"""
RELATION_STATE = ("trust", "fatigue", "habit", "satisfaction", "reference_price", "pace", "drift_pace", "points",
                  "group", "messages", "opens", "visits", "brought")  # fmt: skip
SENT_AT = getattr(opening.sent_at, "py_func", opening.sent_at)
"""The rule uncompiled: it is asked with messages as `still` has them."""
ROOM = 256
"""How much one member can have to tell on one day, twice and more."""


class Watch:
    """The members of one world who are lived once more, and what was taken down of each.

    keys: who; rows: the row of each who is a member by now; life: lines by key; state: (key, day, member's row,
    relation's row or None) at the end of each day.
    """

    def __init__(self, world: World, keys: Sequence[int], unit: str) -> None:
        self.world, self.unit = world, unit
        self.trace = Trace()
        mirror = Mirror(self.trace)
        self.day, self.engine = mirror.module(rules_of_the_day), mirror.module(engine)
        self.entrance = mirror.module(recruiting)
        self.p, self.q = still(world.settings[0]), still(world.responses[0])
        books = world._new_books(world.plan.days)
        told = np.empty((ROOM, posting.NEWS), dtype=np.int64)
        self.books = books._replace(news=told, losses=np.zeros(ROOM, dtype=posting.LOST))
        founders = first_rows(world)
        self.rows = {key: founders[key] for key in keys if key in founders}
        self.strangers = {key for key in keys if key not in founders}
        self.life: dict[int, list[Line]] = {key: [] for key in keys}
        self.state: list[tuple[int, int, Any, Any]] = []
        self.expected = {key: self.copies(row) for key, row in self.rows.items()}
        self.offers: Any = ()
        if world.operator is not None:
            self.offers = Stills(map(still, world.operator.offers))

    def copies(self, row: int) -> tuple[Any, Any]:
        """Copies of a member's rows as they stand; the relation is None where no operator speaks."""
        people = self.world.population
        member = people.blocks[row // BLOCK][row % BLOCK].copy()
        return member, people.relations[row // BLOCK][row % BLOCK].copy() if people.operated else None

    def rewritten(self, copies: tuple[Any, Any]) -> tuple[Row, Row | None]:
        """Rows that rules can live on, with the spare books ready."""
        self.books.told[:] = 0
        member, relation = copies
        return Row(self.trace, member), None if relation is None else Row(self.trace, relation)

    def tell(self, key: int, teller: Teller, moment: str = "day") -> None:
        """Put what the trace has into words."""
        self.life[key] += teller.lines(self.trace.clear(), moment)

    # -- the day

    def lived(self, today: Today, desk: Desk | None) -> None:
        """The operator's morning, and the day of each, before the kernel lives it."""
        tables = self.tables(desk)
        for key, row in self.rows.items():
            before, now = self.expected[key], self.copies(row)
            teller = Teller(today.day, self.unit, offers=self.offers)
            touch = np.uint64(0)
            if tables is not None:
                touch = self.world.population.touch(row)
                teller.sends = cast(Any, tables.sends)
                self.morning(key, before, now, touch, teller)
            self.expected[key] = now
            due, place = self.world.population.due_day(row)
            if due[place] > today.day or (tables is not None and now[0]["listed"] == 0):
                continue
            m, r = self.rewritten(now)
            with np.errstate(all="ignore"):
                if tables is None:
                    self.day.live_one_day(m, today, self.p, self.books)
                else:
                    self.day.live_operated_day(m, r, touch, today, tables, self.p, self.q, self.books)
            self.expected[key] = (m.written(now[0]), r.written(now[1]) if r is not None else None)
            if self.expected[key][0]["listed"] == 0:
                self.life[key] = [recalled(told) if told.day == today.day else told for told in self.life[key]]
            self.tell(key, teller)

    def tables(self, desk: Desk | None) -> Desk | None:
        """A desk as uncompiled rules read it quickly."""
        if desk is None:
            return None
        sends, perks, groups = (Stills(map(still, table)) for table in (desk.sends, desk.perks, desk.groups))
        return Desk(cast(Any, sends), cast(Any, self.offers), desk.ops, cast(Any, perks), cast(Any, groups))

    def morning(self, key: int, before: Any, now: Any, touch: Any, teller: Teller) -> None:
        """What the operator did this morning: which messages are to reach him, and what else changed."""
        for bit, send in enumerate(teller.sends):
            if (touch >> np.uint64(bit)) & np.uint64(1):
                hour = teller.hours[bit] = float(SENT_AT(now[1], send))
                words = f"a {message_words(send, hour)} reaches him"
                parts = message_parts(send, hour, self.offers)
                self.life[key].append(
                    line(teller.day, "morning", "operator", "message", words, OF_THE_DAY, "sent", parts)
                )
        self.life[key] += self.held_back(before, now, touch, teller)
        told = change_line(teller.day, "morning", "operator", self.differing(before, now))
        self.life[key] += [told] if told else []

    def held_back(self, before: Any, now: Any, touch: Any, teller: Teller) -> list[Line]:
        """Messages that were meant for him this morning and not sent: chosen once more, one after the other."""
        operator, desk = self.world.operator, self.world.desk_today()
        assert operator is not None
        m, r = (np.array([rows], dtype=rows.dtype) for rows in before)
        for name in LEARNT:  # what the operator had learnt of him before it chose
            r[name] = now[1][name]
        unlearning = np.zeros_like(operator.tags)
        unlearning[0].diagnosis_error = operator.tags[0].diagnosis_error
        today, guard = self.world.today(teller.day), operator.guard_on(operator.start + dt.timedelta(teller.day))
        out: list[Line] = []
        for bit in range(len(desk.sends)):
            chosen, wanted, books = np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.int64), self.books
            due = np.full(1, today.day, dtype=np.int32)
            books.responses[today.row] = 0
            delivery.choose_rows(
                m, r, chosen, due, 0, 1, today, desk.sends[bit : bit + 1], guard, unlearning, wanted, books
            )
            reasons = [words for event, words in REFUSED.items() if books.responses[today.row, :, event].any()]
            if chosen[0] and not (touch >> np.uint64(bit)) & np.uint64(1):
                reasons = ["the budget does not reach him"]
            books.responses[today.row] = 0
            for reason in reasons:
                hour = float(SENT_AT(now[1], desk.sends[bit]))
                words = f"a {message_words(desk.sends[bit], hour)} is held back: {reason}"
                parts = message_parts(desk.sends[bit], hour, self.offers)
                out.append(line(teller.day, "morning", "operator", "refusal", words, DETAIL, "held back", parts))
        return out

    def differing(self, before: Any, now: Any) -> dict[str, tuple[Any, Any]]:
        """Fields of two copies of his rows that are not alike, those that are news."""
        out: dict[str, tuple[Any, Any]] = {}
        for old, new in zip(before, now, strict=True):
            if old is None or old.tobytes() == new.tobytes():
                continue
            for name, one, other in zip(old.dtype.names, old.item(), new.item(), strict=True):
                if name in BOOKKEEPING:
                    continue
                if isinstance(one, np.ndarray):
                    for place in np.nonzero(one != other)[0]:
                        out[f"{name}.{place}"] = (one[place].item(), other[place].item())
                elif one != other:
                    out[name] = (one, other)
        return out

    def agree(self, key: int, when: str) -> None:
        """Stop where the rules as they were watched and the compiled ones do not come to the same rows."""
        now, row = self.copies(self.rows[key]), self.rows[key]
        if all(a is None or a.tobytes() == b.tobytes() for a, b in zip(self.expected[key], now, strict=True)):
            return
        names = ", ".join(self.differing(self.expected[key], now)) or "bookkeeping"
        raise InputError(
            f"member {key} (row {row}), day {self.world.day}, {when}: the rules as they were watched and the "
            f"compiled ones disagree in {names}; this is a fault of the replay, and nothing was written"
        )

    def evening(self, today: Today) -> None:
        """After the evening: what changed beside what the entrance told, and the state of the day."""
        self.look_for_newcomers(today)
        for key, row in self.rows.items():
            now = self.copies(row)
            told = change_line(today.day, "evening", "books", self.differing(self.expected[key], now))
            self.life[key] += [told] if told else []
            self.expected[key] = now
            self.state.append((key, today.day, *now))

    # -- the entrance

    def look_for_newcomers(self, today: Today) -> None:
        """Where no operator speaks, newcomers come by themselves and in order."""
        if self.world.operator is not None or not self.strangers:
            return
        people = self.world.population
        for row in range(self.count_before, people.count):
            key = int(people.row(row)["key"])
            if key in self.strangers:
                m = Row(self.trace, np.zeros(1, dtype=MEMBER)[0])
                with np.errstate(all="ignore"):
                    self.engine.join_rows([m], [0], 0, 1, key, today, [self.p], self.books)
                self.becomes_member(key, row, (m, None), Teller(today.day, self.unit))

    def becomes_member(self, key: int, row: int, rows: tuple[Row, Row | None], teller: Teller) -> None:
        """A stranger has joined."""
        self.strangers.discard(key)
        self.rows[key] = row
        now = self.copies(row)
        m, r = rows
        self.expected[key] = (m.written(now[0]), r.written(now[1]) if r is not None else None)
        self.agree(key, "joining")
        self.tell(key, teller, "evening")

    @property
    def count_before(self) -> int:
        """How many rows there were this morning."""
        return self.world.watched_from  # type: ignore[attr-defined]


def recalled(told: Line) -> Line:
    """The line of a message whose receiver leaves before it comes."""
    if told.kind != "message":
        return told
    words = told.words.replace(" reaches him", " is held back: he leaves before it comes")
    return told._replace(kind="refusal", rank=DETAIL, outcome="held back", words=words)


def first_rows(world: World) -> dict[int, int]:
    """The rows of the members of day 0, by their keys."""
    count = world.plan.founders.count
    return {int(key): row for row, key in enumerate(world.population.column("key")[:count].tolist())}


class WatchedWorld(World):
    """A world some of whose members are lived once more beside it."""

    def __init__(self, plan: Plan, seed: int, replication: int, keys: Sequence[int], unit: str) -> None:
        self.watch: Watch | None = None
        super().__init__(plan, seed, replication)
        self.watched_from = self.population.count
        self.watch = Watch(self, keys, unit)
        if self.recruiter is not None:
            self.recruiter = WatchedRecruiter(self, self.watch)

    def live(self, today: Today, books: Sequence[Any]) -> None:
        """Everybody's day in the base life, those watched first."""
        if self.watch is not None:
            self.watch.lived(today, None)
        super().live(today, books)
        self._agree()

    def live_operated(self, today: Today, desk: Desk, books: Sequence[Any]) -> None:
        """Everybody's day where an operator speaks to members, those watched first."""
        if self.watch is not None:
            self.watch.lived(today, desk)
        super().live_operated(today, desk, books)
        self._agree()

    def _agree(self) -> None:
        for key in self.watch.rows if self.watch is not None else ():
            self.watch.agree(key, "the day")  # type: ignore[union-attr]

    def evening(self, today: Today) -> None:
        """The evening, and what it did to those watched."""
        self.watched_from = self.population.count
        super().evening(today)
        if self.watch is not None:
            self.watch.evening(today)


class WatchedRecruiter(Recruiter):
    """An entrance that tells who approached those watched, how they decided, and what bringing others earned them."""

    def __init__(self, world: Any, watch: Watch) -> None:
        super().__init__(world)
        self.watch = watch

    def _decide(self, world: Any, today: Any, approaches: Any) -> None:
        watch = self.watch
        strangers = [key for key in sorted(watch.strangers) if key in set(approaches["place"].tolist())]
        before = {key: self.persuasion(key) for key in strangers}
        count, told = world.population.count, {key: len(life) for key, life in watch.life.items()}
        super()._decide(world, today, approaches)
        desk = world.desk_today()
        for key in strangers:
            mine = approaches[approaches["place"] == key]
            self.approached(key, before[key], mine, today, desk, world)
        self.word_spread(today, approaches, count, told)

    def persuasion(self, key: int) -> float:
        """How far a stranger has been persuaded."""
        here = self.directory
        slot = slot_of(here.keys, np.uint64(key))
        return float(here.persuaded[slot]) if here.keys[slot] == np.uint64(key) else 0.0

    def approached(self, key: int, persuaded: float, mine: Any, today: Any, desk: Desk, world: Any) -> None:
        """One stranger's approaches of today, lived once more: he refuses, or joins."""
        watch, ops = self.watch, desk.ops
        teller = Teller(today.day, watch.unit, offers=watch.offers)
        own = Directory()
        slot = slot_of(own.keys, np.uint64(key))
        own.keys[slot], values = np.uint64(key), own.persuaded.tolist()
        values[slot] = persuaded
        order = np.argsort(mine["turn"], kind="stable")
        for one in mine[order]:
            watch.life[key].append(self.approach_line(today.day, one))
        joined = np.zeros(len(mine), dtype=np.int64)
        spare = [Row(watch.trace, np.zeros(1, dtype=RELATION)[0])]
        p, q = [watch.p], [watch.q]
        watch.books.told[:] = 0
        with np.errstate(all="ignore"):
            count, _ = watch.entrance.decide(
                mine, order, self.appeals, own.keys, own.rows, values, self.founders, 0, self.gate(world, today.day),
                today, ops, p, q, spare, watch.books, joined,
            )  # fmt: skip
        entries = watch.trace.clear()
        watch.life[key] += [told for told in teller.lines(entries, "evening") if told.kind == "decision"
                            and told.decision in ("JOINING", "GATE")]  # fmt: skip
        here = self.directory
        place = slot_of(here.keys, np.uint64(key))
        row = int(here.rows[place])
        if (row != NOBODY) != bool(count) or float(values[slot]) != float(here.persuaded[place]):
            raise InputError(f"person {key}, day {today.day}: the entrance as it was watched decides otherwise")
        if not count:
            return
        m = Row(watch.trace, np.zeros(1, dtype=MEMBER)[0])
        r = Row(watch.trace, np.zeros(1, dtype=RELATION)[0])
        with np.errstate(all="ignore"):
            watch.entrance.enter(
                [m], [r], [0], 0, 1, row, mine[joined[:1]], self.appeals, self.founders, today,
                watch.tables(desk), p, q, watch.books,
            )  # fmt: skip
        watch.becomes_member(key, row, (m, r), teller)

    def approach_line(self, day: int, one: Any) -> Line:
        """Who or what approached him."""
        channel = posting.CHANNELS[int(one["channel"])]
        said = channel.replace("_", " ")
        if one["channel"] == posting.ORGANIC:
            words = "comes by himself"
        elif one["inviter"] == NOBODY:
            words = f"is reached through {said}"
        else:
            words = f"is told of the membership by member {self.key_of(int(one['inviter']))} ({said})"
        parts = f"channel={channel}"
        if one["inviter"] != NOBODY:
            parts += f" inviter={self.key_of(int(one['inviter']))} tie={one['tie']:.6g} trust={one['trust']:.6g}"
        return line(day, "evening", "approach", "event", words, OF_THE_DAY, channel, parts)

    def key_of(self, row: int) -> str:
        """The key of a member, as replays name him."""
        return key_words(int(self.watch.world.population.row(row)["key"]))

    def word_spread(self, today: Any, approaches: Any, count: int, told: dict[int, int]) -> None:
        """What became of the approaches that members who are watched made; told: lines of each before them."""
        watch, here = self.watch, self.directory
        inviters = {row: key for key, row in watch.rows.items()}
        for one in approaches[np.isin(approaches["inviter"], list(inviters))]:
            place, inviter = int(one["place"]), int(one["inviter"])
            row = place if place < self.founders else int(here.rows[slot_of(here.keys, np.uint64(place))])
            fate = "is not persuaded yet"
            if row != NOBODY:
                fate = "is a member already"
                if row >= count and self.lineage.links[row, 0] == inviter:
                    fate = "joins"
            rank = OF_THE_LIFE if fate == "joins" else OF_THE_DAY
            channel = posting.CHANNELS[int(one["channel"])]
            words = f"his word reaches person {place}, who {fate}"
            parts = f"person={place} channel={channel}"
            key = inviters[inviter]
            watch.life[key].insert(told[key], line(today.day, "evening", "word", "event", words, rank, fate, parts))
            told[key] += 1

    def _credit(self, world: Any, today: Any, newcomers: Any, number: int) -> None:
        super()._credit(world, today, newcomers, number)
        watch = self.watch
        schemes, desk = self.schemes(world), world.desk_today()
        for key, row in watch.rows.items():
            mine = newcomers[newcomers["inviter"] == row]
            if len(mine) == 0:
                continue
            m, r = watch.rewritten(watch.expected[key])
            with np.errstate(all="ignore"):
                watch.entrance.reward([m], [r], [0], row, mine, schemes, today, watch.tables(desk), watch.books)
            member, relation = watch.expected[key]
            watch.expected[key] = (m.written(member), r.written(relation) if r is not None else None)
            watch.agree(key, "being credited")
            watch.tell(key, Teller(today.day, watch.unit, offers=watch.offers), "evening")


# -- from a folder ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Replay:
    """Members' lives as frames.

    life: one line of what happened, in order; state: one row a day; divergence: where two lives part, one row a
    member (day -1 where they do not); summary: a plain document.
    """

    life: pd.DataFrame
    state: pd.DataFrame
    divergence: pd.DataFrame
    summary: dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A folder of results, understood: the plans of the worlds that are to be lived again, by strategy."""

    results: Results
    ready: Prepared
    plans: dict[str, Plan]
    replication: int

    @property
    def unit(self) -> str:
        """The unit of money."""
        return "CNY" if self.ready.log is None else "in the log's currency"


def open_source(run: str | Path | None, strategy: str | None, replication: int, path: str | None) -> Source:
    """Read a folder and plan its worlds anew. Errors: `InputError`, also where the folder is of another model."""
    if not run:
        raise InputError("run: which results? run=results/compare/<name> or run=results/forecast/<name>")
    results = Results(run)
    manifest, app = results.manifest, results.manifest.get("app")
    if app not in ("compare", "forecast"):
        raise InputError(f"run={run}: holds results of {app}; a replay needs those of compare or forecast")
    same_model(run, manifest)
    summary = results.summary
    if replication >= summary["replications"]:
        raise InputError(f"replication={replication}: {run} has {summary['replications']}, from 0 on")
    names = pair_of(results, strategy)
    strategies = {name: strategy_of(results, name) for name in names}
    config = config_of(results, strategies[names[0]], path)
    ready = prepare(config)
    same_fit(results, ready)
    plans = {names[0]: ready.plan}
    if app == "compare":
        plans = {name: under(ready.plan, told) for name, told in strategies.items()}
    return Source(results, ready, plans, replication)


def same_model(run: Any, manifest: dict[str, Any]) -> None:
    """Refuse a folder whose members would live otherwise today."""
    theirs, ours = (manifest.get("model"), manifest.get("lives")), (MODEL_VERSION, lives_hash())
    if theirs != ours:
        said = [f"model {model}, lives {lives or 'not stated'}" for model, lives in (theirs, ours)]
        commit = f", commit {manifest['commit'][:12]}" if manifest.get("commit") else ""
        raise InputError(
            f"run={run}: was made by another version of the model ({said[0]}{commit}); this one is {said[1]}. "
            "Its members would not live the same lives; install that version, or run it again with this one"
        )


def pair_of(results: Results, strategy: str | None) -> list[str]:
    """The strategies to be lived: the baseline and one other, or one alone."""
    summary = results.summary
    if results.manifest["app"] == "forecast":
        names = [str(results.daily["strategy"].iloc[0])]
    else:
        names = list(summary["strategies"])
    if strategy is None:
        return names[:2]
    if strategy not in names:
        raise InputError(f"strategy={strategy}: is not in {results.path}; {nearest(strategy, names)}")
    return list(dict.fromkeys([names[0], strategy]))


def strategy_of(results: Results, name: str) -> Strategy:
    """A strategy as the folder says it, whatever became of its file."""
    if results.manifest["app"] == "forecast":
        return checked(Strategy, results.config["strategy"], "strategy.")
    return checked(Strategy, results.json("parameters.json")["strategies"][name], "strategy.")


def config_of(results: Results, strategy: Strategy, path: str | None) -> Config:
    """The configuration of one of a folder's worlds, its log where it lies now. Errors: `InputError`."""
    values = results.config
    was = values["data"].get("path")
    known = results.manifest.get("input_hashes", {}).get("data")
    if path is not None:
        if was is None:
            raise InputError(f"data.path={path}: {results.path} was not made from a log of your own")
        values["data"]["path"] = path
    if results.manifest["app"] == "compare":
        config = checked(CompareConfig, values).under(strategy)
    else:
        config = checked(Config, values)
    here = path or was
    if was is not None and not Path(here).is_file():
        raise InputError(
            f"data.path={here}: there is no such file; {results.path} was made from {was} (SHA-256 {known}); "
            "say where it lies now: data.path=orders.csv"
        )
    log = read_data(config)
    if log is not None and log.sha256 != known:
        raise InputError(
            f"data={here or config.data.name}: is not the log that {results.path} was made from: SHA-256 "
            f"{log.sha256}, and it was {known}"
        )
    return config


def same_fit(results: Results, ready: Prepared) -> None:
    """What was learned from the log must be what the folder says."""
    fitted = parameters_document(ready).get("fitted")
    if fitted is not None and content_hash({}, {"fit": fitted}) != content_hash(
        {}, {"fit": results.json("parameters.json").get("fitted")}
    ):
        raise InputError(f"run={results.path}: the log is learned from otherwise than its parameters.json says")


def key_words(key: int) -> str:
    """A key as one writes it: a number of the market, or the hash of a log's member as in population.parquet."""
    return str(key) if key < 1 << 48 else f"{key:016x}"


def number_of(said: str) -> int:
    """A number of the market, in decimal or in the 16 digits with which tables write keys; -1 where it is none."""
    if re.fullmatch("[0-9a-f]{16}", said):
        return int(said, 16)
    return int(said) if said.isdecimal() else -1


def key_of(source: Source, member: str | int) -> int:
    """The key of whoever is meant. Errors: `InputError` that says which keys there are."""
    said, log, count = str(member).strip(), source.ready.log, source.ready.plan.founders.count
    number = number_of(said)
    size = source.ready.plan.market.size
    if log is not None:
        assert source.ready.calibrated is not None
        members = log.histories(source.ready.calibrated.until)[0]
        hashes = log.hashed_ids()
        if source.ready.config.data.show_ids:
            for place in members:
                if log.ids[place] == said:
                    return int(hashes[place], 16)
        if said in {hashes[place] for place in members}:
            return int(said, 16)
        if count <= number < size:
            return number
        own = "by your own ids" if source.ready.config.data.show_ids else "by the key in population.parquet"
        raise InputError(
            f"member={said}: there is no such member; the {count} members of the log go {own}, those who join later "
            f"by numbers from {count} to {size - 1}"
        )
    if not 0 <= number < size:
        raise InputError(
            f"member={said}: there is no such person; the members of day 0 are 0 to {count - 1}, and whoever joins "
            f"later has a number from {count} to {size - 1}"
        )
    return number


def live_again(source: Source, keys: Sequence[int], say: Progress) -> dict[str, WatchedWorld]:
    """Live each world to its end, the members asked for being watched."""
    out: dict[str, WatchedWorld] = {}
    for name, plan in source.plans.items():
        world = WatchedWorld(plan, source.ready.config.run.seed, source.replication, keys, source.unit)
        world.run(lambda day, name=name, days=plan.days: say(f"live {name} again", day, days))
        same_books(source, name, world)
        out[name] = world
    return out


def same_books(source: Source, name: str, world: World) -> None:
    """The world lived again must be the one that the folder tells of. Errors: `InputError`."""
    daily = source.results.daily
    rows = daily[(daily["strategy"].astype(str) == name) & (daily["replication"] == source.replication)]
    for metric, values in metrics.daily_columns(world.ledger(), world.plan.days).items():
        if metric in rows and not np.array_equal(np.rint(rows[metric] * metrics.unit_of(metric)), values):
            raise InputError(
                f"run={source.results.path}: lived again, {name} has other numbers of {metric} than daily.parquet; "
                "nothing was written"
            )


LIFE = ("strategy", "member", "day", "date", *("index" if name == "at" else name for name in Line._fields[1:]))


def life_table(source: Source, lived: dict[str, WatchedWorld]) -> pd.DataFrame:
    """life.csv: every line of every life."""
    start = source.ready.plan.start
    rows = [
        (name, key_words(key), told.day, (start + dt.timedelta(told.day)).isoformat(), *told[1:])
        for name, world in lived.items() if world.watch is not None
        for key, life in world.watch.life.items() for told in life
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(LIFE))


def state_table(source: Source, lived: dict[str, WatchedWorld]) -> pd.DataFrame:
    """state.csv: how each member stands at the end of each day on which he is one."""
    start, parts = source.ready.plan.start, []
    for name, world in lived.items():
        assert world.watch is not None
        kept = world.watch.state
        m = np.array([rows[2] for rows in kept], dtype=MEMBER)
        day = np.array([rows[1] for rows in kept], dtype=np.int64)
        stage = [
            stages.STAGES[stages.lifecycle_stage(silent, orders, world._thresholds)] if listed else "lost"
            for silent, orders, listed in zip(
                np.maximum(day - m["last_order"], 0).tolist(), m["orders"].tolist(), m["listed"].tolist(), strict=True
            )
        ]
        columns: dict[str, Any] = {
            "strategy": name, "member": [key_words(rows[0]) for rows in kept], "day": day,
            "date": [(start + dt.timedelta(at)).isoformat() for at in day.tolist()], "stage": stage,
            "attached": m["attached"], "orders": m["orders"], "spend": m["spend"] / 100.0,
        }  # fmt: skip
        if world.operated:
            r = np.array([rows[3] for rows in kept], dtype=RELATION)
            columns |= {field: r[field] for field in RELATION_STATE}
            columns |= {"permission": np.array(PERMISSION)[r["permission"]], "tier": np.array(TIERS)[r["tier"]]}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True).reindex(columns=["strategy", "member", "day", "date", *STATE])


def first_divergence(one: Sequence[Line], other: Sequence[Line], names: Sequence[str]) -> dict[str, Any] | None:
    """Where two lives part: the first line that is in one and not in the other, in a sentence; None where none is.

    What only time does (`passing`) is left out: it is the same in both, and only seen when a member is looked at.
    """
    one, other = ([told for told in life if not passing(told)] for life in (one, other))
    pairs = zip([*one, None], [*other, None], strict=False)
    for a, b in pairs:
        if a == b or str(a) == str(b):  # as text, since what is not there (NaN) is not equal to itself
            continue
        day = min(told.day for told in (a, b) if told is not None)
        return {"day": day, "sentence": f"Day {day}: {parting(a, b, day, (one, other), names)}."}
    return None


def passing(told: Line) -> bool:
    """Whether a line is no more than time passing, or a draw that met no threshold, from which others follow."""
    return told.kind == "draw" or told.decision == "NEED_CHANGE" or (told.kind == "change" and told.step == "recover")


def parting(a: Line | None, b: Line | None, day: int, lives: Sequence[Sequence[Line]], names: Sequence[str]) -> str:
    """What is so in one life and not in the other, in words."""
    if a is not None and b is not None and a.day == b.day and a[2:8] == b[2:8] and a.decision:
        return both_words(a, b, names)
    for mine, (told, theirs) in enumerate(((a, lives[1]), (b, lives[0]))):
        if told is not None and told.day == day and str(told) not in {str(t) for t in theirs if t.day == day}:
            if told.kind == "decision":
                met = f"draw {told.draw:.3g}, threshold {told.threshold:.3g}"
                other = f"under {names[1 - mine]} the question does not arise"
                return f"under {names[mine]} he {told.words} ({met}); {other}"
            return f"{clause(told)} under {names[mine]} and not under {names[1 - mine]}"
    mine, told = (0, a) if b is None or (a is not None and a.day == day) else (1, b)
    assert told is not None
    return f"{clause(told)} under {names[mine]}, in another order than under {names[1 - mine]}"


def clause(told: Line) -> str:
    """A line as part of a sentence."""
    words = told.words or f"{told.step.replace('_', ' ')} ({told.parts[:80]})"
    if told.kind in ("message", "refusal"):
        return words.replace("a ", "the ", 1)
    if told.kind == "change" and words.split(" 0")[0].split(" 1")[0] in SHOWN.values():
        return f"his {words}"
    return words if words.split()[0] in ("his", "the", "what", "how", "a", told.step.split("_")[0]) else f"he {words}"


def both_words(a: Line, b: Line, names: Sequence[str]) -> str:
    """The same decision with another threshold."""
    if a.outcome == b.outcome:
        tail = f"{a.threshold:.3g} under {names[0]} and {b.threshold:.3g} under {names[1]}"
        return f"the same draw of {a.draw:.3g} meets another threshold, {tail}: he {a.words} in both"
    return (
        f"his draw of {a.draw:.3g} meets {a.threshold:.3g} under {names[0]}, where he {a.words}, and "
        f"{b.threshold:.3g} under {names[1]}, where he {b.words}"
    )


def divergence_table(lived: dict[str, WatchedWorld]) -> pd.DataFrame:
    """Where each member's two lives part."""
    names, rows = list(lived), []
    watches = [cast(Watch, world.watch) for world in lived.values()]
    for key in watches[0].life:
        found = None
        if len(names) > 1:
            found = first_divergence(watches[0].life[key], watches[1].life[key], names)
        nothing = {"day": -1, "sentence": "The two lives are the same to the last day." if len(names) > 1 else ""}
        rows.append({"member": key_words(key), **(found or nothing)})
    return pd.DataFrame(rows)


def joinings(lived: dict[str, WatchedWorld], key: int) -> dict[str, int | None]:
    """The day on which a person became a member in each world; None where he does not."""
    out: dict[str, int | None] = {}
    for name, world in lived.items():
        row = cast(Watch, world.watch).rows.get(key)
        out[name] = None if row is None else int(world.population.row(row)["joined"])
    return out


def need_a_member(source: Source, lived: dict[str, WatchedWorld], keys: Sequence[int]) -> None:
    """Refuse a person who is a member in no world, and say who is one. Errors: `InputError`."""
    for key in keys:
        if all(day is None for day in joinings(lived, key).values()):
            count = source.ready.plan.founders.count
            told: list[str] = []
            for name, world in lived.items():
                late = world.population.column("key")[count:].tolist()
                some = ", ".join(map(str, late[:5])) + (", ..." if len(late) > 5 else "")
                told.append(f"under {name} {len(late)} join" + (f" ({some})" if late else ""))
            raise InputError(
                f"member={key_words(key)}: joins in none of these worlds; members of day 0 are "
                f"{'0 to ' + str(count - 1) if source.ready.log is None else 'those of the log'}; {'; '.join(told)}"
            )


def replay(
    run: str | Path, member: str | int | Sequence[str | int], *, strategy: str | None = None, replication: int = 0,
    data_path: str | None = None, progress: Progress | None = None,
) -> Replay:  # fmt: skip
    """Live one member's life, or those of several, once more: `replay("results/compare/x", member=12)`.

    run: a finished folder of compare or forecast, wherever it lies; member: a key, or several; strategy: the world
    beside the baseline's, the first other one if not said; replication: which of the run's worlds; data_path: where
    the run's own log lies now. Nothing is printed or written. Errors: `InputError`.
    """
    source = open_source(run, strategy, replication, data_path)
    several = [member] if isinstance(member, str | int) else list(member)
    keys = list(dict.fromkeys(key_of(source, one) for one in several))
    lived = live_again(source, keys, progress or (lambda what, done, of: None))
    need_a_member(source, lived, keys)
    parted = divergence_table(lived)
    joined = {key_words(key): joinings(lived, key) for key in keys}
    return Replay(life_table(source, lived), state_table(source, lived), parted, summary(source, joined, parted))


def summary(source: Source, joined: dict[str, Any], parted: pd.DataFrame) -> dict[str, Any]:
    """summary.json of a replay."""
    plan, old = source.ready.plan, source.results
    return {
        "app": "replay",
        "title": old.summary["title"],
        "run": old.path.resolve().name,
        "run_app": old.manifest["app"],
        "run_content_hash": old.manifest["content_hash"],
        "strategies": list(source.plans),
        "start": plan.start.isoformat(),
        "end": (plan.start + dt.timedelta(plan.days - 1)).isoformat(),
        "days": plan.days,
        "seed": source.ready.config.run.seed,
        "replication": source.replication,
        "unit_of_money": source.unit,
        "members": joined,
        "divergence": parted.to_dict("records"),
    }


def run_replay(config: ReplayConfig, root: Path, progress: Progress | None = None) -> Path:
    """Replay one member and write `results/replay/<run>-<member>-<hash>/`; returns the folder.

    A replay that is there already is not made again. Errors: `InputError`, before anything is written.
    """
    if config.run and config.member is None:
        raise InputError("member: whose life? A member of a log by his id, any other by his key or number (member=0)")
    told = replay(
        config.run or "", config.member or "", strategy=config.strategy, replication=config.replication,
        data_path=config.data.path, progress=progress,
    )  # fmt: skip
    member = str(told.divergence["member"].iloc[0])
    said = told.summary
    values = {
        "run": {"name": said["run"], "seed": said["seed"]},
        "replay": {"member": member, "strategies": said["strategies"], "replication": said["replication"]},
    }
    inputs = {"run": said["run_content_hash"]}
    hash_ = config_hash(values, inputs)
    folder = RunFolder(root, "replay", f"{said['run'][:100]}-{member}-{hash_[:6]}")
    known = folder.manifest()
    if known is not None and known["status"] == "complete" and known["config_hash"] == hash_:
        return folder.path
    folder.begin(values, hash_, inputs, overwrite=False)
    folder.write_csv("life.csv", told.life)
    folder.write_csv("state.csv", told.state)
    folder.write_json("summary.json", said)
    from sim.report.replay import write_replay  # drawing is loaded only when something is drawn

    if progress is not None:
        progress("draw the page", 0, 1)
    write_replay(folder.path)
    if progress is not None:
        progress("draw the page", 1, 1)
    tables = {"life.csv": told.life.drop(columns="words"), "state.csv": told.state}
    folder.finish(content_hash(tables, {"summary.json": said}))
    return folder.path


__all__ = ["Replay", "replace", "replay", "run_replay"]
