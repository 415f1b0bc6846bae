"""Targets and guardrails on the page: in how many futures they are met or broken, when, and at which level.

Words are made here from numbers, for summary, terminal and page; charts are drawn from the folder's files.
"""

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from sim.report.charts import (
    BLUE,
    INK,
    VERMILION,
    Chart,
    Sheet,
    dates,
    drawable,
    fan,
    plain_axes,
    right_labels,
    time_axis,
)
from sim.report.material import Material, capital, date_words, minus, number, read_words, short

PREFIX = "target_"
"""How the names of these charts begin."""
MOST = 8
"""Targets and ceilings beyond which no more are drawn."""

type Style = Callable[[str], tuple[str, Any]]
"""Colour and dashes of a strategy."""
type Entry = Mapping[str, Any]
"""A target or a ceiling under one strategy, as summary.json has it."""


# ---------------------------------------------------------------------------- words


def level(value: float | None, entry: Entry) -> str:
    """A level with its unit: `46.2 %`, `12,300 CNY`, `10,400`."""
    if value is None or not math.isfinite(value):
        return "not known"
    if entry["unit"] == "share":
        return minus(f"{100.0 * value:.1f}".removesuffix(".0") + " %")
    return minus(number(value)) + (f" {entry['money']}" if entry["unit"] == "CNY" else "")


def share(value: float) -> str:
    """A share of futures: whole percents, one decimal where whole ones would say none or all."""
    return f"{100.0 * value:.1f} %" if 0.0 < value < 0.005 or 0.995 <= value < 1.0 else f"{100.0 * value:.0f} %"


def interval(entry: Entry, name: str) -> str:
    """`65 to 78 %`."""
    return f"{share(entry[f'{name}_low95']).removesuffix(' %')} to {share(entry[f'{name}_high95'])}"


def how_many(entry: Entry, name: str) -> str:
    """`in 72 % of 200 futures (95 %: 65 to 78 %)`, `in none of 200 futures (...)`."""
    value = float(entry[name])
    some = {0.0: "none", 1.0: "all"}.get(value, share(value))
    return f"in {some} of {entry['replications']} futures (95 %: {interval(entry, name)})"


def on_day(entry: Entry, day: float | None) -> str:
    """The date of a day of the run."""
    if day is None or not math.isfinite(day):
        return "–"
    return date_words(dt.date.fromisoformat(entry["start"]) + dt.timedelta(int(day)))


def named(kind: str, entry: Entry) -> str:
    """`Monthly active share, at least 45 % by 29 June 2026`."""
    value, day = level(entry["value"], entry), on_day(entry, entry["day"])
    floor = entry["at"] == "least"
    if kind == "target":
        return f"{capital(entry['words'])}, at {'least' if floor else 'most'} {value} by {day}"
    return f"{capital(entry['words'])}, never {'below' if floor else 'above'} {value} until {day}"


def sentence_of(kind: str, entry: Entry) -> str:
    """How a target or a ceiling fares, in one or two sentences."""
    head = named(kind, entry)
    if kind == "target":
        text = f"{head}: met {how_many(entry, 'p_met')}. On that day the median is {level(entry['p50'], entry)}"
        if entry["p10"] is not None:
            text += f", and 8 of 10 futures lie between {level(entry['p10'], entry)} and {level(entry['p90'], entry)}"
        text += "."
        if entry["day_p50"] is not None:
            begin = entry["day_p50"] == 0 and entry["day_p90"] == 0
            text += " Futures that meet it do so from the first day on." if begin else (
                f" Half of the futures that meet it do so from {on_day(entry, entry['day_p50'])} on."
            )  # fmt: skip
        if entry["p_reached"] > entry["p_met"]:
            text += f" It is reached on some day in {share(entry['p_reached'])}, but not kept in all of these."
        return text
    text = f"{head}: broken {how_many(entry, 'p_breach')}"
    if entry["day_p50"] is not None:
        text += f", in half of these for the first time by {on_day(entry, entry['day_p50'])}"
    return f"{text}. Worst level: {level(entry['worst_p50'], entry)} in the median future, " \
           f"{level(entry['worst'], entry)} in the worst one."  # fmt: skip


def summed_up(targets: Sequence[Entry], ceilings: Sequence[Entry], name: str) -> str:
    """In one sentence, in what share of futures a strategy meets each target and breaks each guardrail."""
    parts: list[str] = []
    said = ((targets, "p_met", "meets the target on"), (ceilings, "p_breach", "breaks the guardrail on"))
    for entries, key, verb in said:
        ours = [f"{entry['words']} in {share(entry[key])}" for entry in entries if entry["strategy"] == name]
        if ours:
            ours[0] += " of futures"
            parts.append(f"{verb} {', on '.join(ours)}")
    return f"{name} {' and '.join(parts)}."


def limits_of(summary: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Each target and ceiling of a summary, with its entry under every strategy."""
    out: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for kind in ("target", "ceiling"):
        for entry in summary.get(f"{kind}s") or []:
            out.setdefault((kind, int(entry["place"])), []).append(entry)
    return [(kind, entries) for (kind, _), entries in out.items()]


def lines_of(summary: Mapping[str, Any]) -> list[str]:
    """A line for each target and ceiling: in what share of futures each strategy meets or breaks it."""
    out: list[str] = []
    for kind, entries in limits_of(summary):
        key, verb = ("p_met", "met") if kind == "target" else ("p_breach", "broken")
        each = ", ".join(f"{share(entry[key])} ({interval(entry, key)}) {entry['strategy']}" for entry in entries)
        out.append(f"{named(kind, entries[0])}: {verb} in {each}")
    return out


# ---------------------------------------------------------------------------- charts


def charts_of(m: Material, names: Sequence[str], style: Style, source: str) -> list[Chart]:
    """A chart of each target and each ceiling; nothing is drawn yet."""
    table = read_words(m.folder / "targets_by_day.csv", ("kind", "strategy", "metric"))
    if table is None:
        return []
    out: list[Chart] = []
    for kind, entries in limits_of(m.summary)[:MOST]:
        place = table[(table["kind"] == kind) & (table["place"] == entries[0]["place"])]
        rows = {name: place[place["strategy"] == name].set_index("day") for name in names}
        shown = [entry for entry in entries if entry["strategy"] in names]
        out.append(chart(m, kind, shown, rows, style, source))
    return out


def title_of(kind: str, entries: Sequence[Entry]) -> str:
    """The finding of one target or ceiling."""
    key, verb = ("p_met", "met") if kind == "target" else ("p_breach", "broken")
    head = named(kind, entries[0])
    if len(entries) == 1:
        value = float(entries[0][key])
        some = {0.0: "none", 1.0: "all"}.get(value, share(value))
        return f"{head}: {verb} in {some} of {entries[0]['replications']:,} futures"
    chances = [f"{share(entry[key])} under {short(entry['strategy'])}" for entry in entries]
    if len(entries) == 2:
        return f"{head}: {verb} in {chances[0]} and in {chances[1]}"
    values = [float(entry[key]) for entry in entries]
    if len(set(values)) == 1:
        return f"{head}: {verb} in {share(values[0])} of the futures under every strategy"
    most, least = (values.index(pick(values)) for pick in (max, min))
    return f"{head}: {verb} most often, in {chances[most]}, and least often, in {chances[least]}"


def chart(
    m: Material, kind: str, entries: Sequence[Entry], rows: Mapping[str, pd.DataFrame], style: Style, source: str
) -> Chart:
    """Above the level by day with the line that is aimed at, below the share of futures that meet or broke it."""
    first, title = entries[0], title_of(kind, entries)
    many = len(entries) > 1
    aim = "target" if kind == "target" else "limit"
    what = "meet the target that day" if kind == "target" else "have broken the limit by then"
    band = "its tint holds 8 of 10 of them" if many else "the tints hold half, 8 of 10 and 19 of 20 of them"
    how = (
        f"Above: a line is the {'average' if not many else 'average of a strategy'} of {m.replications:,} simulated "
        f"futures, {band}; the broken straight line is the {aim}"
        + (f", the mark on it the due day. Below: the share of futures that {what}; at the dot it is the chance of "
           "meeting it by the due day." if kind == "target" else f". Below: the share of futures that {what}.")
        + " The tint there is Wilson's 95 % interval: how well so many futures tell the share."
    )  # fmt: skip
    key, verb = ("p_met", "Met") if kind == "target" else ("p_breach", "Broken")
    each = "; ".join(f"{entry['strategy']} {how_many(entry, key)}" for entry in entries)
    takeaway = f"{verb} under {each}." if many else str(first["sentence"])
    percent = first["unit"] == "share"
    factor = 100.0 if percent else 1.0
    unit = "%" if percent else m.in_money(str(first["unit"]))

    def draw() -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        sheet = Sheet(
            title, source, panels=(2.7, 1.25), legend_rows=math.ceil((len(entries) + 2) / 3), right=1.25, gap=0.5
        )
        above, below = sheet.axes
        plain_axes(above, f"{first['words']}" + (f" ({unit})" if unit and unit != first["words"] else ""))
        plain_axes(below, "share of futures (%)")
        goal, due = factor * float(first["value"]), float(dates(m, [int(first["day"])])[0])
        handles: list[Any] = []
        labels: list[str] = []
        notes, ends = [], []
        low, high = goal, goal
        for entry in entries:
            table = rows[entry["strategy"]]
            known = table[table["mean"].notna()]
            scaled = known[["mean", "p025", "p10", "p25", "p75", "p90", "p975"]] * factor
            x, colour, dashes = dates(m, known.index), *style(entry["strategy"])
            if many:
                above.fill_between(x, scaled["p10"], scaled["p90"], color=colour, alpha=0.17, linewidth=0, zorder=2)
                above.plot(x, scaled["mean"], color=colour, linestyle=dashes, linewidth=1.8, zorder=4)
                handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.8))
                labels.append(drawable(short(entry["strategy"], 44)))
            else:
                lines, tints = fan(above, x, scaled)
                handles += [*lines, *tints]
                labels += ["average", "half of the futures", "8 of 10", "19 of 20"]
            edge = ("p10", "p90") if many else ("p025", "p975")
            if len(scaled):
                ends_of = scaled[list(edge)].to_numpy(dtype=float)
                low, high = min(low, float(ends_of.min())), max(high, float(ends_of.max()))
                notes.append((float(scaled["mean"].iloc[-1]), level(float(known["mean"].iloc[-1]), entry), colour))
            days = dates(m, table.index)
            below.fill_between(days, 100 * table["share_low95"], 100 * table["share_high95"], color=colour, alpha=0.2,
                               linewidth=0, zorder=2)  # fmt: skip
            below.plot(days, 100 * table["share"], color=colour, linestyle=dashes, linewidth=1.8, zorder=4)
            chance = 100.0 * float(table["share"].to_numpy(dtype=float)[int(entry["day"])])
            if kind == "target":
                below.plot([due], [chance], "o", color=colour, markersize=5, zorder=5)
            ends.append((chance, share(chance / 100.0), colour))
        mark, dots = (INK, (0, (1, 1.2))) if many else (VERMILION, (0, (5, 3)))
        above.axhline(goal, color=mark, linewidth=1.6, linestyle=dots, zorder=5)
        if kind == "target":
            above.plot([due], [goal], "D" if many else "o", color=mark, markersize=6, zorder=6)
        for axes in (above, below):
            axes.axvline(due, color="#999999", linewidth=0.9, linestyle=(0, (1.5, 2)), zorder=1)
            time_axis(axes, m.start, m.end)
        handles.append(Line2D([], [], color=mark, ls=dots, lw=1.6))
        labels.append(f"{aim}: {'at least' if first['at'] == 'least' else 'at most'} {level(first['value'], first)}")
        if many:
            handles.append(Patch(facecolor="#6B6B6B", alpha=0.3, linewidth=0))
            labels.append("8 of 10 futures; below: 95 % interval")
        room = 0.08 * ((high - low) or abs(goal) or 1.0)
        above.set_ylim(max(low - room, 0.0) if low >= 0 else low - room, high + room)
        digits = 0 if high - low > 5 else 1 if high - low > 0.5 else 2
        above.yaxis.set_major_formatter(lambda value, _: minus(f"{value:,.{digits}f}"))
        above.tick_params(axis="x", labelbottom=False)
        below.set_ylim(0, 104)
        below.set_yticks([0, 50, 100])
        right_labels(above, float(dates(m, [m.days - 1])[0]), notes)
        right_labels(below, float(dates(m, [m.days - 1])[0]), ends)
        sheet.legend(handles, labels, 3)
        return sheet.figure

    alt = f"Above the level by day and the {aim} as a line; below the share of futures that {what}. {takeaway}"
    return Chart(f"{PREFIX}{kind}_{first['place']}", title, takeaway, how, alt, draw)


def plain_style(_: str) -> tuple[str, Any]:
    """The style where there is one strategy alone."""
    return BLUE, "-"


# ---------------------------------------------------------------------------- the section


def section(m: Material, images: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any] | None:
    """What the page says of targets and guardrails; None where nobody stated any."""
    targets, ceilings = m.summary.get("targets") or [], m.summary.get("ceilings") or []
    if not (targets or ceilings):
        return None
    left = [kind for kind, _ in limits_of(m.summary)[MOST:]]
    return {
        "words": [summed_up(targets, ceilings, name) for name in names],
        "targets": [table(kind, entries, target_row) for kind, entries in limits_of(m.summary) if kind == "target"],
        "ceilings": [
            table(kind, entries, ceiling_row) for kind, entries in limits_of(m.summary) if kind == "ceiling"
        ],
        "charts": list(images),
        "seek": sought(targets),
        "below": (
            f"Shares are of {m.replications:,} simulated futures; in brackets Wilson's 95 % interval of the share. "
            "A target is met by a future that stands at it on the due day; met since: the day from which it stays "
            "so, in the median of the futures that meet it. A guardrail is broken by a future that passes it on any "
            "day. Counts and amounts are added up since the first day; quotients of these are judged from day 29 on. "
            "Targets and guardrails change nothing in the simulated world."
            + (f" {len(left)} more are not drawn." if left else "")
        ),
    }


def sought(targets: Sequence[Entry]) -> list[dict[str, str]]:
    """For each target that some strategies miss in most futures: how to seek the change that reaches it, from the one
    that is nearest."""
    out: list[dict[str, str]] = []
    for kind, entries in limits_of({"targets": targets}):
        missed = [entry for entry in entries if entry["p_met"] < 0.5]
        if missed:
            near = max(missed, key=lambda entry: float(entry["p_met"]))
            command = (
                f"membersim seek strategy='{near['strategy']}' seek.metric={near['metric']} "
                f"seek.value={near['value']:.6g} seek.day={near['day']} seek.lever=LEVER.NUMBER"
            )
            out.append({"name": named(kind, near), "strategy": str(near["strategy"]), "command": command})
    return out


def table(kind: str, entries: Sequence[Entry], row: Callable[[Entry], dict[str, str]]) -> dict[str, Any]:
    """A target or a guardrail with its rows, one for each strategy."""
    return {"name": named(kind, entries[0]), "rows": [row(entry) for entry in entries]}


def target_row(entry: Entry) -> dict[str, str]:
    """One row of the table of targets."""
    return {
        "strategy": str(entry["strategy"]),
        "median": level(entry["p50"], entry),
        "band": f"{level(entry['p10'], entry)} to {level(entry['p90'], entry)}",
        "chance": f"{share(entry['p_met'])} ({interval(entry, 'p_met')})",
        "since": on_day(entry, entry["day_p50"]),
    }


def ceiling_row(entry: Entry) -> dict[str, str]:
    """One row of the table of guardrails."""
    return {
        "strategy": str(entry["strategy"]),
        "chance": f"{share(entry['p_breach'])} ({interval(entry, 'p_breach')})",
        "first": on_day(entry, entry["day_p50"]),
        "median": level(entry["worst_p50"], entry),
        "worst": level(entry["worst"], entry),
    }
