"""The first page of a comparison: what wins, by how much, how surely, why, whom it costs, and what to test first.

Sentences are put together from cells of the run's tables (`sim/report/cited.py`); nothing is computed here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.report.cited import Cell, Name, Number, Sentence, Tables, sentence
from sim.report.losses import SEGMENTS
from sim.report.material import capital, figures, number, percent, relative, signed, unsigned

PARTS = 2
"""Parts of a difference that are named on either side, and groups that are told of."""
MOST = 4
"""Strategies whose differences are taken apart, where the baseline is best."""
GROUPS = {
    "silver": "silver members", "gold": "gold members", "diamond": "diamond members",
    "ordinary group": "members of ordinary groups", "high group": "members of high-value groups",
    "vip group": "members of VIP groups", "messaged": "members who were sent messages",
    "word_of_mouth": "newcomers by word of mouth", "referral": "newcomers by a rewarded friend",
    "advocate": "newcomers by an advocate", "sharing": "newcomers by a shared order",
    "group_buying": "newcomers by a group deal",
}  # fmt: skip
"""Groups of selection.csv in words; others came by a paid channel."""
CAUSES = {
    "need": "that the need went", "quality": "the goods", "service": "the service", "logistics": "the delivery",
    "friend": "that a friend left", "reward": "having come for a reward",
    "neglect": "that nobody had had a word for them", "stockout": "goods that had run out",
    "tired": "messages too many",
    "contact": "any message at all", "irrelevant": "messages that were not for them",
    "disappointed": "a promise that was not kept", "struck_off": "being struck off",
}  # fmt: skip
"""Causes of verdicts.csv, after `at work was`."""
STAGES = ("new", "active", "at_risk", "dormant_30", "dormant_60", "dormant_90")
"""Segments of members.csv that are lifecycle stages."""
AGAIN = "assumptions_again.csv"
SMALLER = "These worlds are smaller: what costs the same for few members as for many weighs more in them."


@dataclass(frozen=True)
class Paragraph:
    """A question and the sentences that answer it."""

    head: str
    sentences: list[Sentence]


class Executive:
    """The first page of a folder's comparison, `money` being the unit of amounts."""

    def __init__(self, folder: Path, money: str = "CNY") -> None:
        self.tables, self.money = Tables(folder), money
        self.summary = self.tables.summary
        self.call: dict[str, Any] = self.summary["call"]
        self.best, self.second = str(self.call["best"]), str(self.call["runner_up"])
        self.metric, self.label = str(self.call["metric"]), str(self.call["label"])
        self.last = int(self.summary["days"]) - 1
        self.baseline = str(self.summary["baseline"])
        self.base = Name(self.baseline)
        self.who = self.best if self.best != self.baseline else self.second
        """Whose difference to the baseline is explained."""

    @property
    def same(self) -> bool:
        """Whether every number of every strategy is the baseline's, to the bit."""
        return all(nothing(self.summary, name) for name in self.summary["strategies"][1:])

    def paragraphs(self) -> list[Paragraph]:
        """The page, question by question."""
        if self.same:
            words = sentence(
                "Nothing: every number is the same as under {base}, to the bit, in every pair of twin worlds. Every "
                "difference is exactly nothing, and none is better in any of them.", base=self.base,
            )  # fmt: skip
            return [Paragraph("What wins", [words])]
        made = (
            ("What wins, and by how much", self.wins()),
            ("How surely", self.surely()),
            ("Why", self.why()),
            ("Whom it costs", self.costs()),
            ("What was done, and who they were anyway", self.chosen()),
            ("Which assumptions carry it", self.carried()),
            ("What to test first", self.tested()),
        )
        return [Paragraph(head, found) for head, sentences in made if (found := list(sentences))]

    # ------------------------------------------------------------------------ numbers

    def amount(self, cell: Cell, unit: str, width: float | None = None, sign: bool = False) -> Number:
        """A cell with as many figures as an interval of this width justifies (a fifth of itself, if not said)."""
        wide = abs(cell.value) / 5.0 if width is None else max(width, abs(cell.value) / 100.0)
        told = cell.say(lambda value: signed(value, wide) if sign else unsigned(abs(value), wide))
        return Number(told.text + (f" {self.money}" if unit.startswith("CNY") else ""), told.ref)

    def share(self, cell: Cell) -> Number:
        """A share as a percentage."""
        return cell.say(lambda value: percent(value / 100.0), 100.0)

    def cells(self, file: str, names: Sequence[str], **where: Any) -> list[Cell]:
        """Cells of one row."""
        return [self.tables.cell(file, name, **where) for name in names]

    # ------------------------------------------------------------------------ what wins, how surely

    @property
    def lead(self) -> tuple[int, dict[str, Any]]:
        """The best against the runner-up: its place among the pairs that are called, and the pair."""
        both = {self.best, self.second}
        return next((i, p) for i, p in enumerate(self.call["pairs"]) if {p["strategy"], p["baseline"]} == both)

    def apart(self, place: int, sign: bool) -> Sentence:
        """The mean difference of a pair that is called."""
        effect, low, high = (self.tables.told(f"call.pairs.{place}.{key}") for key in ("effect", "low", "high"))
        return self.size(effect, low, high, str(self.call["unit"]), sign)

    def size(self, effect: Cell, low: Cell, high: Cell, unit: str, sign: bool) -> Sentence:
        """`1,230 CNY (900 to 1,560)`; without a sign, that of the lead."""
        wide = abs(high.value - low.value)
        told = self.amount(effect, unit, wide, sign)
        return (told, *between(low, high, sign)) if wide else sentence("{told} in every pair", told=told)

    def wins(self) -> Iterator[Sentence]:
        """The best strategy by the number that is called, and every other against the baseline."""
        place, lead = self.lead
        size = self.apart(place, sign=float(lead["low"]) * float(lead["high"]) < 0.0)
        templates = {
            "same": "{best} and {second} are the same to the bit by {label}, on which this comparison is called.",
            "apart": "{best} is best by {label}, on which this comparison is called: on average {size} better than "
            "{second}, which is next.",
            "small": "{best} and {second} differ by less than what matters by {label}, on which this comparison is "
            "called: on average {size}.",
            "open": "It cannot be told yet whether {best} or {second} is best by {label}, on which this comparison "
            "is called: {one} less {other} is {size} on average.",
        }
        names = {"best": Name(self.best), "second": Name(self.second)}
        names |= {"one": Name(str(lead["strategy"])), "other": Name(str(lead["baseline"]))}
        yield sentence(templates[str(lead["settled"])], label=self.label, size=size, **names)
        for place, pair in enumerate(self.call["pairs"]):
            name, both = str(pair["strategy"]), {pair["strategy"], pair["baseline"]}
            if pair["baseline"] != self.baseline or (both == {self.best, self.second} and pair["settled"] != "same"):
                continue
            if pair["settled"] == "same":
                words = "{name} is the same as {base} to the bit: every difference is exactly nothing."
                if not nothing(self.summary, name):
                    words = "{name} is the same as {base} in {label}, in every pair of worlds."
                yield sentence(words, name=Name(name), base=self.base, label=self.label)
                continue
            row = {"strategy": name, "metric": self.metric, "day": self.last}
            part = self.tables.cell("effects.csv", "relative_pct", **row)
            percentage = (", ", part.say(relative)) if part else ()
            words = "{name} against {base}: {size}{part}."
            yield sentence(words, name=Name(name), base=self.base, size=self.apart(place, sign=True), part=percentage)
        if self.label.endswith("until the end"):
            yield ("What members bring after the last day is not counted.",)

    def surely(self) -> Iterator[Sentence]:
        """Two statements that are kept apart: is the mean settled, and who wins how often."""
        lead = self.lead[1]
        settled = {
            "apart": "The average is settled: its range leaves out that there is no difference. More runs would only "
            "make the range narrower.",
            "small": "The average is settled: it is smaller than what matters.",
            "same": "The average is settled: there is no difference in any world.",
            "open": "The average is not settled: its range holds no difference as well, and more runs would help.",
        }
        yield (settled[str(lead["settled"])],)
        if lead["p_low95"] is None:
            return
        columns = ("share", "low95", "high95")
        first, low, high = map(
            self.share, self.cells("ranks.csv", columns, metric=self.metric, strategy=self.best, rank=1)
        )
        yield sentence(
            "Another question is how often it wins: {best} is first of all in {first} of {count} simulated worlds "
            "({low} to {high}). More runs tell this share better, but do not raise it: it is how the worlds are.",
            best=Name(self.best), first=first, low=low, high=high,
            count=self.tables.told("call.replications").say(number),
        )  # fmt: skip

    # ------------------------------------------------------------------------ why, whom it costs

    def why(self) -> Iterator[Sentence]:
        """The largest flows of differences to the baseline, and levers where they were switched."""
        others = [str(name) for name in self.summary["strategies"][1:]]
        explained = others[:MOST] if self.best == self.baseline else [self.who]
        asked = [("contribution", name) for name in explained] + [("orders", self.who)]
        for metric, name in asked:
            told = self.largest(name, "bridge_flows.csv", "flow", metric=metric, kind="flow")
            if told:
                first = (metric, name) == asked[0]
                saved = ", a cost that is saved counting as more" if first else ""
                words = "What {who} changes against {base} in {metric}{saved}: {told}."
                yield sentence(words, who=Name(name), base=self.base, metric=metric, told=told, saved=saved)
        told = self.largest(self.who, "bridge_levers.csv", "lever", metric=self.metric, measure="share")
        if told:
            words = "By levers of {who}, in {label}: {told}."
            yield sentence(words, who=Name(self.who), label=self.label, told=told)

    def largest(self, who: str, file: str, key: str, **where: str) -> Sentence:
        """The largest parts that are told apart from 0, those that add before those that take away."""
        rows = [row for row in self.tables.rows(file, strategy=who, **where) if row[key] != "together"]
        apart = [row for row in rows if row["low95"] > 0.0 or row["high95"] < 0.0]
        apart.sort(key=lambda row: -abs(row["effect"]))
        out: list[Sentence] = []
        for side in (1.0, -1.0):
            for row in [row for row in apart if row["effect"] * side > 0.0][:PARTS]:
                (cell,) = self.cells(file, ("effect",), strategy=who, **where, **{key: row[key]})
                size = self.amount(cell, str(row["unit"]), row["high95"] - row["low95"], sign=True)
                out.append(sentence("{part} {size}", part=spoken(row[key]), size=size))
        return joined(out)

    def costs(self) -> Iterator[Sentence]:
        """Whom the strategy loses who would have stayed, what it was, who they are, and what it does to purses."""

        def members(measure: str, segment: str = "all") -> Cell:
            row = {"strategy": self.who, "segment": segment, "measure": measure}
            return self.tables.cell("members.csv", "mean", **row)

        who, disturbed, persuaded = Name(self.who), members("disturbed"), members("persuaded")
        if not disturbed:
            return
        if disturbed.value == persuaded.value == 0.0:
            words = "{who} loses and keeps the same members of the first day as {base}."
            yield sentence(words, who=who, base=self.base)
        else:
            words = "{who} loses {disturbed} members of the first day who stay under {base}, and keeps {persuaded} "
            words += "who are lost there."
            both = {"disturbed": disturbed.say(number), "persuaded": persuaded.say(number)}
            yield sentence(words, who=who, base=self.base, **both)
        every = self.tables.rows("members.csv", strategy=self.who, measure="disturbed")
        segments = [row for row in every if row["segment"] in STAGES]
        causes = self.tables.rows("verdicts.csv", strategy=self.who, verdict="but_for")
        if disturbed.value > 0.0 and segments and causes:
            segment = str(max(segments, key=lambda row: row["mean"])["segment"])
            cause = str(max(causes, key=lambda row: row["mean"])["cause"])
            row = {"strategy": self.who, "verdict": "but_for", "cause": cause}
            yield sentence(
                "The largest part of those lost were {segment} on the first day ({many}); at work when they went "
                "was, more than anything else, {cause} ({lost}).",
                segment=SEGMENTS.get(segment, segment).lower(), cause=CAUSES.get(cause, cause),
                many=members("disturbed", segment).say(number),
                lost=self.tables.cell("verdicts.csv", "mean", **row).say(number),
            )  # fmt: skip
        best = [members(kind, "spent_5") for kind in ("disturbed", "persuaded")]
        if any(cell.value > 0.0 for cell in best if cell):
            yield sentence(
                "Of the fifth who had spent most before the first day it loses {lost} and keeps {kept}.",
                lost=best[0].say(number), kept=best[1].say(number),
            )  # fmt: skip
        fewer, more = members("lost"), members("gained")
        if fewer.value > 0.0 or more.value > 0.0:
            yield sentence(
                "{fewer} members of the first day spend less than their twins, together {less}; {more} spend more, "
                "together {gain}.", fewer=fewer.say(number), less=self.amount(members("lost_revenue"), "CNY"),
                more=more.say(number), gain=self.amount(members("gained_revenue"), "CNY"),
            )  # fmt: skip

    def chosen(self) -> Iterator[Sentence]:
        """How much of what groups are worth was caused, of the largest groups that the strategies make."""
        rows = self.tables.rows("selection.csv", measure="share")
        mine = [row for row in rows if row["strategy"] == self.who] or rows
        for row in sorted(mine, key=lambda row: -float(row["mean"]))[:PARTS]:
            told = self.group(str(row["strategy"]), str(row["group"]), str(row["among"]))
            if told:
                yield told

    def group(self, strategy: str, group: str, among: str) -> Sentence:
        """What a report without twins would say of a group, and what twins say; nothing where that is not known."""

        def cell(measure: str, column: str = "mean") -> Cell:
            row = {"strategy": strategy, "group": group, "measure": measure}
            return self.tables.cell("selection.csv", column, **row)

        times, anyway, caused, low, high = (
            cell("times"), cell("anyway"), cell("caused"), cell("caused", "low95"), cell("caused", "high95")
        )  # fmt: skip
        if not (times and anyway and low and high):
            return ()
        others = "other newcomers" if among == "newcomers" else "the others"
        came: Sentence = ()
        if among == "newcomers":
            words = " {share} of them come under {base} as well."
            came = sentence(words, share=self.share(cell("came_anyway")), base=self.base)
        return sentence(
            "{group} under {strategy} ({share} of {among}) spend {times} times as much as {others}. The very same "
            "persons under {base}: {anyway} times. The first is what a report shows, the second is who they are; the "
            "programme caused the rest, {caused} ({low} to {high}), or {gain} a head.{came}",
            group=capital(GROUPS.get(group, f"newcomers by {group.replace('_', ' ')}")), strategy=Name(strategy),
            share=self.share(cell("share")), among=spoken(among), others=others, base=self.base, times=times.say(two),
            anyway=anyway.say(two), caused=caused.say(lambda value: f"{value:+.2f}"), low=low.say(two),
            high=high.say(two), gain=self.amount(cell("gain"), "CNY", sign=True), came=came,
        )  # fmt: skip

    # ------------------------------------------------------------------------ assumptions

    @property
    def moved(self) -> list[dict[str, Any]]:
        """Rows of the assumptions that were lived again, the first being that all stand as assumed."""
        return self.tables.rows(AGAIN) if "assumptions" in self.summary else []

    @property
    def unit(self) -> str:
        """The unit of leads."""
        unit = str(self.summary["assumptions"]["unit"])
        return self.money if unit == "CNY" else unit

    def ahead(self, **where: str) -> Sentence:
        """`+1,230 (900 to 1,560)`: the lead of the best strategy at a row."""
        lead, low, high = self.cells(AGAIN, ("lead", "low95", "high95"), **where)
        return self.size(lead, low, high, "", sign=True)

    def carried(self) -> Iterator[Sentence]:
        """How far the lead moves with each assumption, and which do not matter."""
        told = self.tables.told
        if "assumptions" not in self.summary:
            yield sentence(
                "This run did not look: what stands above holds if the model's assumptions do. The same command "
                "with {key} moves each of them and says which the result rests on.",
                key=Name("assumptions.on=true", "code"),
            )  # fmt: skip
            return
        yield sentence(
            "{declared} numbers are assumed, not known. Each was set {step} lower and higher, one at a time, in "
            "worlds of {members} members on the first day, with the same luck; {acting} of them act on this "
            "comparison at all.", declared=told("assumptions.declared").say(number),
            step=told("assumptions.step_pct").say(lambda value: f"{value:g} %"),
            members=told("assumptions.members").say(number), acting=told("assumptions.acting").say(number),
        )  # fmt: skip
        if self.summary["assumptions"]["members"] < self.summary["members_at_start"]:
            yield (SMALLER,)
        if self.summary["assumptions"]["among"]:
            yield ("Only some were looked at (assumptions.among); the others may matter more.",)
        base, ends = self.moved[0], self.moved[1:]
        yield sentence(
            "As assumed, {best} is ahead of {rival} by {lead} {unit} per {per} members there.", best=Name(self.best),
            rival=Name(str(base["rival"])), lead=self.ahead(end="as assumed"), unit=self.unit,
            per=told("assumptions.per").say(number),
        )  # fmt: skip
        by = {
            verdict: [str(row["path"]) for row in ends if row["verdict"] == verdict] for verdict in ("flips", "open")
        }
        flips, opened = (list(dict.fromkeys(by[verdict])) for verdict in ("flips", "open"))
        opened = [path for path in opened if path not in flips]
        if base["verdict"] != "holds":
            yield ("There that is not told apart from no lead, so no assumption can take it away.",)
        elif flips:
            yield sentence("Another strategy is best with {paths}.", paths=listed(flips))
        if opened and base["verdict"] == "holds":
            yield sentence("The lead is not told apart from none any more with {paths}.", paths=listed(opened))
        if ends and not flips and not opened:
            yield ("No assumption of those that move the lead most takes it away, one at a time.",)
        noise = told("assumptions.noise")
        if noise.value > 0.0:
            yield sentence(
                "The noise: the shifts by which those were chosen are known to ± {noise} {unit} each; a smaller "
                "shift may have been missed, and two assumptions wrong at once were not looked at.",
                noise=noise.say(lambda value: unsigned(value, value)), unit=self.unit,
            )  # fmt: skip

    def tested(self) -> Iterator[Sentence]:
        """The assumption to measure first, and how large a trial with real members must be."""
        yield from self.measured()
        if self.summary.get("trial"):
            each, effect, low, high = (
                self.tables.told(f"trial.{key}") for key in ("each", "effect", "low95", "high95")
            )
            yield sentence(
                "A trial with real members: {each} under {best} and as many under {rival}, by lot, for as many days. "
                "If a member spends {size} {way} under {best}, as here, four trials in five tell them apart. Friends "
                "belong in one half.",
                each=each.say(number), best=Name(self.best), rival=Name(self.second),
                size=self.size(effect, low, high, "CNY", False), way="more" if effect.value > 0.0 else "less",
            )  # fmt: skip

    def measured(self) -> Iterator[Sentence]:
        """The assumption to measure first: one that changes the winner, or else the one that moves the lead most."""
        ends = self.moved[1:]
        if not ends:
            return
        path = first_of(ends)
        mine = [row for row in ends if row["path"] == path]
        parts: list[Sentence] = []
        for row in mine:
            where = {"path": path, "end": str(row["end"])}
            value = self.tables.cell(AGAIN, "value", **where).say(figures)
            winner = sentence(", and {best} is best", best=Name(str(row["best"]))) if row["best"] != self.best else ()
            parts.append(
                sentence(
                    "at {value} the lead is {lead}{winner}", value=value, lead=self.ahead(**where), winner=winner
                )
            )
        why = "Of all assumptions that were moved, the result depends most on this one: measure it first."
        if path.startswith("strategy."):
            why = "Of all that was moved, the result depends most on this one, which the strategy sets: try it first."
        if all(row["verdict"] == "holds" for row in mine):
            why = "But its shift is not told apart from none: no assumption that was moved stands out."
        of = f" {mine[0]['unit']}" if str(mine[0]["unit"]).isalpha() else ""
        assumed = self.tables.cell(AGAIN, "assumed", path=path, end=str(mine[0]["end"])).say(figures)
        yield sentence(
            "{path}: {meaning}. Assumed is {assumed}{of}; {ends} ({unit} per {per} members). {why}",
            path=Name(path, "code"), meaning=Name(str(mine[0]["meaning"]).rstrip("."), "quote"), assumed=assumed,
            of=of, ends=joined(parts), unit=self.unit, per=self.tables.told("assumptions.per").say(number), why=why,
        )  # fmt: skip


def between(low: Cell, high: Cell, sign: bool) -> Sentence:
    """` (900 to 1,560)`, the limits in their order; without a sign, both are taken to lie on one side of 0."""
    wide = abs(high.value - low.value)
    ends = sorted((low, high), key=lambda cell: cell.value if sign else abs(cell.value))
    one, other = (cell.say(lambda value: unsigned(value if sign else abs(value), wide)) for cell in ends)
    return sentence(" ({one} to {other})", one=one, other=other)


def nothing(summary: dict[str, Any], strategy: str) -> bool:
    """Whether all of a strategy's numbers are the baseline's, to the bit."""
    mine = [entry for entry in summary["effects"] if entry["strategy"] == strategy]
    return all(entry["effect"] == entry["low95"] == entry["high95"] == 0.0 for entry in mine)


def spoken(name: Any) -> str:
    """A flow, lever or group as one says it."""
    return str(name).replace("_", " ").replace("day 0", "the first day")


def two(value: float) -> str:
    """Two decimals."""
    return f"{value:.2f}"


def joined(parts: Sequence[Sentence]) -> Sentence:
    """Parts with semicolons between them."""
    return tuple(piece for i, part in enumerate(parts) for piece in (*(("; ",) if i else ()), *part))


def listed(paths: Sequence[str]) -> Sentence:
    """Settings with commas between them."""
    return tuple(piece for i, path in enumerate(paths) for piece in (*((", ",) if i else ()), Name(path, "code")))


def first_of(ends: Sequence[dict[str, Any]]) -> str:
    """What to test first: what flips the winner, else what opens the lead, else what moves it; the largest shift."""
    order = ("flips", "open", "moves", "holds")
    return str(min(ends, key=lambda row: (order.index(str(row["verdict"])), -abs(float(row["shift"]))))["path"])


__all__ = ["Executive", "Paragraph"]
