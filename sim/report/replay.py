"""Two lives of one member: the story of the days that mattered, a chart of both, and the page; reads files only."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.report.charts import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    VERMILION,
    Chart,
    Sheet,
    drawable,
    plain_axes,
    time_axis,
)  # fmt: skip
from sim.report.material import MONTHS, capital, date_words, short
from sim.report.page import embedded_image, publish

OF_THE_DAY, OF_THE_LIFE = 1, 2
"""Ranks of lines, as in life.csv."""
COLOURS = (BLUE, VERMILION)
MOST_DAYS = 60
"""Days whose decisions the page shows in full; life.csv has all."""
TOLD_IN_PARTS = ("decision", "clock", "message", "refusal")
"""Kinds of lines whose parts the page shows."""
WORTH_A_WORD = 0.03
"""A change of trust that is told in the story."""
NARROW = "\N{NO-BREAK SPACE}"
IDLE = {"–", "none", "0"}
"""Ends that are not told where there is nothing else."""
TURNS = {
    "joins": (GREEN, "joins"), "mutes": (ORANGE, "mutes"), "blocks": (INK, "blocks"), "leaves": (INK, "leaves"),
    "drifts away": (PURPLE, "drifts away"), "returned": (GREEN, "comes back"), "struck off": (INK, "struck off"),
}  # fmt: skip
"""Events that turn a life, with the colour of their marker."""
ENDS = (
    ("messages", "Messages sent to him", "{:,.0f}"),
    ("opens", "Messages that he opened", "{:,.0f}"),
    ("visits", "Visits of his own accord", "{:,.0f}"),
    ("orders", "Orders since day 0", "{:,.0f}"),
    ("spend", "Spent since day 0", "{:,.2f}"),
    ("trust", "Trust when last looked at (0 to 1)", "{:.2f}"),
    ("fatigue", "Fatigue when last looked at (in ordinary messages)", "{:.2f}"),
    ("satisfaction", "Satisfaction (0 to 1)", "{:.2f}"),
    ("permission", "Permission", "{}"),
    ("stage", "Lifecycle stage", "{}"),
    ("tier", "Tier", "{}"),
    ("brought", "Members whom he brought", "{:,.0f}"),
)
"""What is told of how lives end, and how."""


@dataclass(frozen=True)
class Stretch:
    """A day that mattered, or several on which nothing turned: what happened, by strategy."""

    first: int
    last: int
    words: dict[str, str]
    parts_here: bool

    @property
    def same(self) -> bool:
        """Whether both lives went alike."""
        return len(self.words) > 1 and len(set(self.words.values())) == 1


class Lives:
    """The files of a replay's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary: dict[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        words = dict.fromkeys(("strategy", "member", "outcome", "parts", "words", "decision"), str)
        self.life = pd.read_csv(folder / "life.csv", dtype=words, keep_default_na=False, na_values={"draw": [""], "threshold": [""]})  # fmt: skip  # noqa: E501
        self.state = pd.read_csv(folder / "state.csv", dtype={"member": str, "strategy": str})
        self.names: list[str] = list(self.summary["strategies"])
        self.start = dt.date.fromisoformat(self.summary["start"])
        (self.member, self.joined), *_ = self.summary["members"].items()
        self.parting: dict[str, Any] = self.summary["divergence"][0]

    @property
    def unit(self) -> str:
        """The unit of money."""
        return str(self.summary["unit_of_money"])

    def of(self, name: str) -> pd.DataFrame:
        """The lines of one life."""
        return self.life[self.life["strategy"] == name]

    def states(self, name: str) -> pd.DataFrame:
        """The days of one life."""
        return self.state[self.state["strategy"] == name]

    def date(self, day: int) -> dt.date:
        """The date of a day."""
        return self.start + dt.timedelta(day)

    def day_words(self, first: int, last: int) -> str:
        """Days and dates in short: `12, 17 Jan` or `13 to 19, 18 to 24 Jan`."""
        one, other = self.date(first), self.date(last)
        short_date = f"{other.day} {MONTHS[other.month - 1][:3]}"
        if first == last:
            return f"{first}, {short_date}"
        begin = f"{one.day}" + ("" if one.month == other.month else f" {MONTHS[one.month - 1][:3]}")
        return f"{first} to {last}, {begin} to {short_date}"

    def orders(self, name: str) -> tuple[int, float]:
        """Orders since day 0, and what they came to."""
        lines = self.of(name)
        paid = lines[(lines["kind"] == "event") & (lines["outcome"] == "orders")]["parts"]
        cents = [int(text.split()[0].removeprefix("cents=")) for text in paid]
        return len(cents), sum(cents) / 100.0


# ---------------------------------------------------------------------------- the story


def stretches(m: Lives) -> list[Stretch]:
    """The days on which something happened, those on which no life turned being drawn together."""
    told = m.life[m.life["rank"] >= OF_THE_DAY]
    turns = set(told[told["rank"] >= OF_THE_LIFE]["day"].tolist()) | {int(m.parting["day"])}
    groups: list[list[int]] = []
    for day in sorted(set(told["day"].tolist()) | ({int(m.parting["day"])} - {-1})):
        if groups and day not in turns and groups[-1][-1] not in turns:
            groups[-1].append(day)
        else:
            groups.append([day])
    out = []
    last: dict[str, float] = {}
    for days in groups:
        lines = told[told["day"].isin(days)]
        words = {}
        for name in m.names:
            parts = [story(lines[lines["strategy"] == name]), trust_words(m.states(name), days[-1], name, last)]
            words[name] = "; ".join(part for part in parts if part)
        if int(m.parting["day"]) in days and not any(words.values()):
            words = dict.fromkeys(m.names, "only a detail differs, as said above")
        out.append(Stretch(days[0], days[-1], words, int(m.parting["day"]) in days))
    return out


def trust_words(states: pd.DataFrame, day: int, name: str, last: dict[str, float]) -> str:
    """How his trust has moved since it was last told (`last`, by strategy), where that is worth a word."""
    known = states[(states["day"] <= day) & states["trust"].notna()]["trust"]
    if not len(known):
        return ""
    before, now = last.setdefault(name, float(known.iloc[0])), float(known.iloc[-1])
    if abs(now - before) < WORTH_A_WORD:
        return ""
    last[name] = now
    return f"trust {before:.2f} → {now:.2f}"


def story(lines: pd.DataFrame) -> str:
    """What happened in a life on some days, in a few words; empty where nothing did."""
    opening = (lines["decision"] == "OPENING") & (lines["part"] == 0)
    after = (lines["decision"] == "OPENING") & (lines["part"] == 1)
    messages, read = lines[lines["kind"] == "message"], lines[opening]
    out: list[str] = []
    if len(messages):
        out.append(messages_words(messages, read))
    visits = int((lines[after]["outcome"] == "yes").sum())
    if visits:
        out.append("visits after it" if visits == 1 else f"{visits} visits after them")
    rest = lines[(lines["kind"] != "message") & ~opening & ~after]
    for words, times in Counter(rest["words"].tolist()).items():
        out.append(words if times == 1 else f"{words} ({times} times)")
    return "; ".join(out)


def messages_words(messages: pd.DataFrame, read: pd.DataFrame) -> str:
    """Messages and whether they were opened: one with its draw and chance, several as a count."""
    opened = int((read["outcome"] == "yes").sum())
    if len(messages) == 1:
        name = str(messages["words"].iloc[0]).removeprefix("a ").removesuffix(" reaches him")
        if not len(read):
            return f"{name}, not seen"
        draw, chance = float(read["draw"].iloc[0]), float(read["threshold"].iloc[0])
        return f"{name} {'opened' if opened else 'not opened'} (draw {draw:.2f}, chance {chance:.2f})"
    kinds = Counter(str(words).removeprefix("a ").split(" at ")[0] for words in messages["words"])
    said = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in kinds.items())
    return f"{said}; {opened or 'none'} opened"


def terminal(folder: Path) -> list[str]:
    """The story as lines for a terminal."""
    m = Lives(folder)
    width = max(len(short(name, 28)) for name in [*m.names, "both"])
    out = [f"{title(m)}; {m.summary['run_app']} {m.summary['run']}, replication {m.summary['replication']}"]
    out += [*beginnings(m), ""]
    out += [m.parting["sentence"], ""] if m.parting["sentence"] else []
    for stretch in stretches(m):
        days = m.day_words(stretch.first, stretch.last)
        lines = {"both": stretch.words[m.names[0]]} if stretch.same else stretch.words
        for place, (name, words) in enumerate(lines.items()):
            mark = ">" if stretch.parts_here and place == 0 else " "
            said = short(name, 28) if len(m.names) > 1 else ""
            out.append(f"{mark} {days if place == 0 else '':27} {said:{width}}  {words or '-'}".rstrip())
    out += ["", *endings(m)]
    return out


def title(m: Lives) -> str:
    """What the page is called."""
    return f"Two lives of member {m.member}" if len(m.names) > 1 else f"The life of member {m.member}"


def beginnings(m: Lives) -> list[str]:
    """Since when he is a member, where that is worth a sentence."""
    out = []
    if len(set(m.joined.values())) == 1:
        day = next(iter(m.joined.values()))
        when = f"{-day} days before day 0" if day < 0 else f"on day {day}"
        under = "" if day < 0 or len(m.names) == 1 else " in both worlds"
        return [f"He joined {when}{under}."]
    for name, day in m.joined.items():
        if day is None:
            out.append(f"Under {name} he never becomes a member.")
        else:
            out.append(f"Under {name} he joins on day {day}, {date_words(m.date(day))}.")
    return out


def endings(m: Lives) -> list[str]:
    """How each life ends, a sentence each."""
    out = []
    for name in m.names:
        states = m.states(name)
        if not len(states):
            continue
        last, (count, spent) = states.iloc[-1], m.orders(name)
        what = f"{count} {'order' if count == 1 else 'orders'}, {spent:,.2f} {m.unit}"
        if isinstance(last["permission"], str):
            what += f"; {last['opens']:.0f} of {last['messages']:.0f} messages opened; trust {last['trust']:.2f}"
            what += f"; {last['permission']}"
        if not last["attached"]:
            what += "; drifted away" if last["stage"] != "lost" else ""
        out.append(
            f"{name if len(m.names) > 1 else 'The end'}: {what}; stage {str(last['stage']).replace('_', ' ')}."
        )
    return out


# ---------------------------------------------------------------------------- the chart


def chart(m: Lives) -> Chart:
    """Both lives on one time axis."""
    counts = {name: m.orders(name)[0] for name in m.names}
    told = " and ".join(f"{count} under {short(name)}" for name, count in counts.items())
    title = f"Member {m.member}: orders since day 0, {told}"
    if m.parting["day"] >= 0:
        title += f"; the lives part on day {m.parting['day']}"
    takeaway = m.parting["sentence"] or "One life, without a twin."
    how = (
        "Above: every message that reached him (a ring, filled where he opened it), every order (a diamond), and "
        "what turned his life. Below: the same days as states. States that fade are brought to date only when "
        "something can happen to him, so lines go by steps. The dashed line is where the lives part."
    )
    alt = f"Time lines of the lives of member {m.member}. {takeaway} {' '.join(endings(m))}"
    return Chart("lives", title, takeaway, how, alt, lambda: draw(m, title))


def draw(m: Lives, title: str) -> Any:
    """Draw the chart."""
    from matplotlib.lines import Line2D

    told = [(field, field) for field in ("trust", "fatigue") if m.state[field].max() > 0.0]
    told.append(("spend", f"spent, {m.unit}"))
    where = (m.summary[key] for key in ("run_app", "run", "replication", "seed"))
    source = "{} {}, replication {}, seed {}.".format(*where)
    sheet = Sheet(title, source, panels=(0.75 * len(m.names) + 0.25, *[1.35] * len(told)), left=2.3, gap=0.3)
    base = (m.start - dt.date(1970, 1, 1)).days
    last = m.date(int(m.summary["days"]) - 1)
    strip = sheet.axes[0]
    plain_axes(strip, "", grid="x")
    for place, name in enumerate(m.names):
        life(strip, m.of(name), -place, COLOURS[place], base)
        if m.joined[name] is None:
            strip.annotate("never becomes a member", (base, -place + 0.08), fontsize=8.5, color=GREY)
    strip.set_yticks([-place for place in range(len(m.names))], [drawable(short(name, 25)) for name in m.names])
    strip.set_ylim(0.55 - len(m.names), 0.6)
    strip.tick_params(axis="y", length=0)
    for axes, (field, label) in zip(sheet.axes[1:], told, strict=True):
        plain_axes(axes, label)
        for place, name in enumerate(m.names):
            states = m.states(name)
            values = states[field] - (spent_before(states) if field == "spend" else 0.0)
            axes.plot(states["day"] + base, values, color=COLOURS[place], linewidth=1.7, drawstyle="steps-post",
                      linestyle="-" if place else (0, (5, 1.5)))  # fmt: skip
        axes.set_ylim(bottom=0.0)
        if field != "spend":
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:.2g}")
    for axes in sheet.axes:
        time_axis(axes, m.start, last)
        if m.parting["day"] >= 0:
            axes.axvline(base + m.parting["day"], color=GREY, linewidth=1.0, linestyle=(0, (3, 3)))
        if axes is not sheet.axes[-1]:
            axes.tick_params(labelbottom=False)
    ticks = {"linestyle": "", "marker": "o", "markersize": 6}
    handles = [
        Line2D([], [], color=GREY, markerfacecolor="white", **ticks), Line2D([], [], color=GREY, **ticks),
        Line2D([], [], color=GREY, linestyle="", marker="D", markersize=7),
    ]  # fmt: skip
    names = ["message", "message opened", "order"]
    for place, name in enumerate(m.names if len(m.names) > 1 else []):
        handles.append(Line2D([], [], color=COLOURS[place], linewidth=1.7, linestyle="-" if place else (0, (5, 1.5))))
        names.append(drawable(short(name, 34)))
    sheet.legend(handles, names, 5)
    return sheet.figure


def spent_before(states: pd.DataFrame) -> float:
    """What he had spent when his days begin here."""
    first = states.iloc[0] if len(states) else None
    return float(first["spend"]) if first is not None and first["day"] == 0 else 0.0


def life(axes: Any, lines: pd.DataFrame, y: float, colour: str, base: int) -> None:
    """One life as a strip: messages, orders, turns."""
    axes.axhline(y, color="#DDDDDD", linewidth=1.0, zorder=0)
    read = lines[(lines["decision"] == "OPENING") & (lines["part"] == 0)]
    for yes in ("no", "yes"):
        days = read[read["outcome"] == yes]["day"].to_numpy(dtype=float)
        axes.plot(days + base, np.full(len(days), y - 0.13), linestyle="", marker="o", markersize=5, color=colour,
                  markerfacecolor=colour if yes == "yes" else "white", markeredgewidth=0.8)  # fmt: skip
    orders = lines[(lines["kind"] == "event") & (lines["outcome"] == "orders")]["day"].to_numpy(dtype=float)
    axes.plot(orders + base, np.full(len(orders), y + 0.16), linestyle="", marker="D", markersize=6.5, color=colour)
    for outcome, (shade, words) in TURNS.items():
        for day in lines[(lines["kind"] == "event") & (lines["outcome"] == outcome)]["day"].unique():
            axes.plot([day + base], [y], linestyle="", marker="X", markersize=9, color=shade, zorder=5)
            axes.annotate(words, (day + base, y), (7, -1), textcoords="offset points", va="center", fontsize=8.5,
                          color=INK)  # fmt: skip


# ---------------------------------------------------------------------------- the page


def write_replay(folder: Path) -> None:
    """Draw the chart of a replay and write its page, reading nothing but the folder's own files."""
    m = Lives(Path(folder))
    charts = [chart(m)]
    publish(m.folder, charts, "replay.html", lambda images: content(m, charts, images))


def content(m: Lives, charts: Sequence[Chart], images: dict[str, bytes]) -> dict[str, Any]:
    """Everything that the page says, by the template's names."""
    days = stretches(m)
    contents = [("ends", "How it ends"), ("charts", "Picture"), ("story", "The days that mattered"),
                ("decisions", "Every decision"), ("works", "How this works"),
                ("provenance", "Provenance")]  # fmt: skip
    lead = [m.parting["sentence"]] if m.parting["sentence"] else []
    return {
        "title": title(m),
        "subtitle": f"{m.summary['run_app']} {m.summary['run']}, replication {m.summary['replication']}",
        "lead": [*lead, *beginnings(m)],
        "warnings": [],
        "contents": contents,
        "names": m.names,
        "ends": ends(m),
        "charts": [embedded_image(one, images[one.name]) for one in charts],
        "days": [
            {
                "when": m.day_words(day.first, day.last).replace(" ", NARROW),
                "cells": [day.words[name] or "–" for name in m.names],
                "same": day.same,
                "parts_here": day.parts_here,
            }
            for day in days
        ],
        "decisions": decisions(m, days),
        "shown": MOST_DAYS,
        "provenance": provenance(m),
    }


def ends(m: Lives) -> list[dict[str, Any]]:
    """The table of how lives end."""
    out = []
    for field, label, form in ENDS:
        cells = []
        for name in m.names:
            states = m.states(name)
            value: Any = states[field].iloc[-1] if len(states) else None
            if field in ("orders", "spend") and value is not None:
                value = m.orders(name)[0 if field == "orders" else 1]
            there = value is not None and not (isinstance(value, float) and np.isnan(value))
            cells.append(form.format(value).replace("_", " ") if there else "–")
        if set(cells) - IDLE:
            out.append({"label": label + (f", {m.unit}" if field == "spend" else ""), "cells": cells})
    return out


def decisions(m: Lives, days: Sequence[Stretch]) -> list[dict[str, Any]]:
    """All lines of the days that mattered most: turns of a life and the day on which the lives part."""
    turns = m.life[m.life["rank"] >= OF_THE_LIFE]["day"].tolist()
    chosen = sorted({*turns, *(day.first for day in days if day.parts_here), *(day.first for day in days[:3])})
    out = []
    for day in chosen[:MOST_DAYS]:
        rows = []
        for line in m.life[m.life["day"] == day].to_dict("records"):
            if not line["words"] or line["words"].startswith("drawn:"):
                continue  # bookkeeping, and draws that met no threshold
            rows.append(
                {
                    "strategy": line["strategy"],
                    "moment": line["moment"],
                    "step": str(line["step"]).replace("_", " "),
                    "words": capital(str(line["words"])),
                    "decision": f"{line['decision']} {line['index']}" if line["index"] >= 0 else line["decision"],
                    "draw": "" if pd.isna(line["draw"]) else f"{line['draw']:.4g}",
                    "threshold": "" if pd.isna(line["threshold"]) else f"{line['threshold']:.4g}",
                    "outcome": line["outcome"] if line["kind"] in ("decision", "clock") else "",
                    "parts": line["parts"] if line["kind"] in TOLD_IN_PARTS else "",
                }
            )
        out.append({"when": m.day_words(day, day), "rows": rows, "open": day == m.parting["day"]})
    return out


def provenance(m: Lives) -> list[tuple[str, str]]:
    """Where the page comes from."""
    return [
        ("Results", f"{m.summary['run_app']} {m.summary['run']}: {m.summary['title']}"),
        ("Content of these results (hash)", str(m.summary["run_content_hash"])),
        ("Strategies", ", ".join(m.names)),
        ("Days", f"{m.summary['days']:,}, from {date_words(m.start)}"),
        ("Seed and replication", f"{m.summary['seed']}, {m.summary['replication']}"),
        ("Model version", f"{m.manifest.get('model')}, lives {m.manifest.get('lives')}"),
        ("Source code (commit)", str(m.manifest.get("commit") or "not known")),
        ("membersim", str(m.manifest.get("membersim"))),
        ("Files", "life.csv has every line of both lives, state.csv how he stands at the end of each day."),
    ]


__all__ = ["terminal", "write_replay"]
