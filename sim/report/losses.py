"""Whom it costs: losses by cause, and members who would have stayed but for a strategy, from a run's files alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from sim.report.charts import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILION, Chart, Sheet, plain_axes
from sim.report.material import Material, capital, minus, number, read_words, short, signed, unsigned

CHARTS = ("losses", "verdicts", "members_by_lever")
FILES = ("losses.csv", "members.csv", "verdicts.csv", "members_by_lever.csv")
COLUMNS = ("strategy", "baseline", "lever", "segment", "measure", "cause", "verdict", "way")
GROUPS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "own": ("his need went", ("need",), GREY),
    "goods": ("goods, service, delivery", ("quality", "service", "logistics"), SKY),
    "won": ("friend gone, or came for a reward", ("friend", "reward"), GREEN),
    "neglect": ("nobody had a word for him", ("neglect",), INK),
    "messages": ("messages too many, or any at all", ("tired", "contact"), VERMILION),
    "astray": ("messages not for him", ("irrelevant",), ORANGE),
    "promise": ("disappointed, or goods ran out", ("disappointed", "stockout"), PURPLE),
    "struck": ("struck off by the operator", ("struck_off",), BLUE),
}
"""Causes that are drawn together, with their colour."""
WAYS = {"drifted": "drifted away", "opted_out": "opted out"}
SEGMENTS = {
    "all": "All members of day 0", "new": "New", "active": "Active", "at_risk": "At risk",
    "dormant_30": "Silent for a while", "dormant_60": "Silent for longer", "dormant_90": "Long silent",
    "need_knowledge": "Want knowledge", "need_price": "Want a good price", "need_status": "Want status",
    "need_convenience": "Want convenience", "spent_1": "Had spent least (a fifth)", "spent_2": "Second fifth",
    "spent_3": "Middle fifth", "spent_4": "Fourth fifth", "spent_5": "Had spent most (a fifth)",
}  # fmt: skip
"""Segments of members of day 0, in words; what they want is known to the laboratory alone."""

A_LETTER = 0.073
"""Inches that a letter of a label takes."""

type Tables = dict[str, pd.DataFrame]
"""Tables by the name of their file."""


def tables_of(m: Material, names: Sequence[str]) -> Tables:
    """The tables of losses of a folder that it has, with the rows of these strategies."""
    out: Tables = {}
    for name in FILES:
        table = read_words(m.folder / name, COLUMNS)
        if table is not None:
            out[name.removesuffix(".csv")] = table[table["strategy"].isin([*names])]
    return out


def charts_of(tables: Tables, names: Sequence[str], source: str) -> list[Chart]:
    """Every chart of losses that there is something for, the baseline being the first name; nothing is drawn yet."""
    made: list[Chart | None] = []
    if "losses" in tables:
        made.append(losses(tables["losses"], names, source))
    if "verdicts" in tables:
        made.append(verdicts(tables["verdicts"], names[0], names[1:], source))
    if "members_by_lever" in tables:
        made.append(by_lever(tables["members_by_lever"], names[1:], source))
    return [chart for chart in made if chart is not None]


def grouped(table: pd.DataFrame) -> dict[str, float]:
    """Members by group of causes, those that there are."""
    out = {key: float(table[table["cause"].isin(causes)]["mean"].sum()) for key, (_, causes, _) in GROUPS.items()}
    return {key: size for key, size in out.items() if size > 0.0}


type Row = tuple[str, int, Mapping[str, float]]
"""A bar: its label, to which side it goes, its parts by group of causes."""


def bars(title: str, source: str, rows: Sequence[Row], label: str, total: Callable[[float], str]) -> Sheet:
    """A sheet of horizontal bars of coloured parts, each with its total in words at its end."""
    from matplotlib.patches import Patch

    used = [key for key in GROUPS if any(key in parts for _, _, parts in rows)]
    sheet = Sheet(
        title, source, panels=(0.34 * len(rows) + 0.3,), legend_rows=math.ceil(len(used) / 3),
        left=max(3.3, 0.15 + A_LETTER * max(len(name) for name, _, _ in rows)), right=0.7,
    )  # fmt: skip
    axes = sheet.axes[0]
    plain_axes(axes, "", grid="x")
    for place, (_, side, parts) in enumerate(rows):
        at = 0.0
        for key, size in parts.items():
            style = {"color": GROUPS[key][2], "edgecolor": "white", "linewidth": 0.8}
            axes.barh(place, side * size, left=at, height=0.62, **style)
            at += side * size
        axes.annotate(
            total(at), (at, place), (4 * side, 0), textcoords="offset points", va="center",
            ha="left" if side > 0 else "right", fontsize=9,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(lambda value, _: minus(f"{value:,.0f}"))
    axes.tick_params(axis="y", length=0, labelsize=9, labelcolor=INK)
    axes.set_xlabel(label, fontsize=9, color=INK)
    sheet.legend([Patch(color=GROUPS[key][2]) for key in used], [GROUPS[key][0] for key in used], 3)
    return sheet


def losses(table: pd.DataFrame, names: Sequence[str], source: str) -> Chart | None:
    """Members lost until the end by cause, those who drifted away and those who opted out."""
    rows: list[Row] = []
    for name in names:
        for way, words in WAYS.items():
            parts = grouped(table[(table["strategy"] == name) & (table["way"] == way)])
            if parts:
                rows.append((f"{short(name, 34)}: {words}", 1, parts))
    if not rows:
        return None
    totals = {name: float(table[table["strategy"] == name]["mean"].sum()) for name in names}
    most = max(totals, key=lambda name: totals[name])
    first = f"{number(totals[names[0]])} under {short(names[0])}"
    title = f"Most are lost under {short(most)}: {number(totals[most])}"
    title += f" against {first}" if most != names[0] else ""
    takeaway = "; ".join(f"{name} {number(total)}" for name, total in totals.items())
    takeaway = f"Lost until the end, newcomers included, drifted away and opted out together: {takeaway}."
    how = (
        "Every loss has one cause, drawn by how much each added to the hazard; so the parts add up to the bar. "
        "Whoever drifts away orders no more and tells nobody; whoever opts out mutes, blocks or leaves. One member "
        "may do both."
    )
    alt = f"Bars of members lost by strategy and way, coloured by cause. {takeaway}"

    def draw() -> Any:
        return bars(title, source, rows, "members lost until the end, average", number).figure

    return Chart("losses", title, takeaway, how, alt, draw)


def verdicts(table: pd.DataFrame, baseline: str, names: Sequence[str], source: str) -> Chart | None:
    """Members of day 0 whom each strategy lost although they stay in the twin world, and whom it kept though not."""
    rows: list[Row] = []
    told: list[str] = []
    sizes: dict[str, float] = {}
    for name in names:
        of = table[table["strategy"] == name]
        for verdict, words, side in (("but_for", "lost by it", -1), ("saved", "kept by it", 1)):
            rows.append((f"{short(name, 34)}: {words}", side, grouped(of[of["verdict"] == verdict])))
        lost, saved = (sum(parts.values()) for _, _, parts in rows[-2:])
        sizes[name] = lost
        told.append(f"{name} loses {number(lost)} who stay under {baseline} and keeps {number(saved)} who do not")
    if not any(parts for _, _, parts in rows):
        return None
    worst = max(sizes, key=lambda name: sizes[name])
    title = f"But for {short(worst)}, {number(sizes[worst])} members would have stayed"
    takeaway = "Of the members of day 0: " + "; ".join(told) + "."
    how = (
        f"Both worlds have the same persons. To the left: lost at the end under the strategy, not under "
        f"{baseline}, by the cause of the loss. To the right: lost under {baseline}, by the cause there, "
        "not under the strategy."
    )
    alt = f"Bars to the left for members lost and to the right for members kept, by strategy and cause. {takeaway}"

    def draw() -> Any:
        what = "members of day 0 who make the difference, average"
        sheet = bars(title, source, rows, what, lambda total: minus(f"{round(total, 1):+,.4g}") if total else "0")
        axes = sheet.axes[0]
        axes.axvline(0.0, color=INK, linewidth=1.1)
        low, high = axes.get_xlim()
        axes.set_xlim(low - 0.08 * (high - low), high + 0.08 * (high - low))
        return sheet.figure

    return Chart("verdicts", title, takeaway, how, alt, draw)


def by_lever(table: pd.DataFrame, names: Sequence[str], source: str) -> Chart | None:
    """Members of day 0 whom each lever keeps and whom it loses, against the strategy without it."""
    every = table[table["segment"] == "all"]
    rows: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
    for name in names:
        for lever, some in every[every["strategy"] == name].groupby("lever", sort=False):
            at = {str(row["measure"]): {str(k): v for k, v in row.items()} for row in some.to_dict("records")}
            label = str(lever) if len(names) == 1 else f"{short(name, 26)}: {lever}"
            rows.append((label, at["disturbed"], at["persuaded"]))
    if not any(row["high95"] > 0.0 for _, *pair in rows for row in pair):
        return None
    lost = max(rows, key=lambda row: row[1]["mean"])
    kept = max(rows, key=lambda row: row[2]["mean"])
    title = f"{capital(kept[0])} keeps most members: {number(kept[2]['mean'])}"
    ends = "it loses most, too" if lost is kept else f"{lost[0]} loses most"
    title += f"; {ends}: {number(lost[1]['mean'])}" if lost[1]["mean"] > 0.0 else "; no lever loses any"
    told = [f"{label} keeps {number(b['mean'])} and loses {number(a['mean'])}" for label, a, b in rows]
    takeaway = f"Of the members of day 0: {'; '.join(told)}."
    how = (
        "Each lever against the same strategy without it, with the same persons and luck: lost by it, whoever stays "
        "without it; kept by it, whoever would be lost. Lines: 95 % intervals, over as many pairs of worlds as the "
        "bridge has. Levers that need each other claim the same members, so that the bars need not add up."
    )
    alt = f"Bars to the left for members lost by each lever and to the right for members kept. {takeaway}"

    def draw() -> Any:
        return lever_bars(title, source, rows).figure

    return Chart("members_by_lever", title, takeaway, how, alt, draw)


def lever_bars(title: str, source: str, rows: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]]) -> Sheet:
    """A sheet of bars to both sides with their intervals: lost by a lever to the left, kept by it to the right."""
    from matplotlib.patches import Patch

    sheet = Sheet(title, source, panels=(0.42 * len(rows) + 0.3,), legend_rows=1, left=2.9, right=0.7)
    axes = sheet.axes[0]
    plain_axes(axes, "", grid="x")
    for place, (_, *pair) in enumerate(rows):
        for side, row, colour in zip((-1, 1), pair, (VERMILION, GREEN), strict=True):
            size = float(row["mean"])
            low, high = max(float(row["low95"]), 0.0), float(row["high95"])
            axes.barh(place, side * size, height=0.56, color=colour, edgecolor="white", linewidth=0.8)
            if high > low:
                axes.plot([side * low, side * high], [place, place], color=INK, linewidth=1.1)
            axes.annotate(
                number(size), (side * max(size, high), place), (5 * side, 0), textcoords="offset points",
                va="center", ha="left" if side > 0 else "right", fontsize=9,
            )  # fmt: skip
    axes.axvline(0.0, color=INK, linewidth=1.1)
    low, high = axes.get_xlim()
    axes.set_xlim(low - 0.1 * (high - low), high + 0.1 * (high - low))
    axes.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    axes.tick_params(axis="y", length=0, labelsize=9, labelcolor=INK)
    axes.set_xlabel("members of day 0, average", fontsize=9, color=INK)
    sheet.legend([Patch(color=VERMILION), Patch(color=GREEN)], ["lost by the lever", "kept by it"], 2)
    return sheet


def sentences(m: Material, names: Sequence[str], levers: bool) -> list[str]:
    """Whom each strategy, or each of its levers, loses and keeps, but for what."""
    every = (m.summary.get("bridge") or {}).get("members", []) if levers else m.summary.get("losses", [])
    return [
        minus(f"{entry['strategy']}{', ' + entry['lever'] if levers else ''}: {entry['sentence']}.")
        for entry in every
        if entry["strategy"] in names
    ]


def segment_rows(tables: Tables, table: str = "members") -> list[dict[str, str]]:
    """Rows of a table of members by segment: whom a strategy (or a lever of it, in `members_by_lever`) keeps, whom it
    disturbs, and what that is in money."""
    if table not in tables:
        return []
    out = []
    keys = ["strategy", *(["lever"] if table == "members_by_lever" else []), "segment"]
    for (strategy, *of, segment), rows in tables[table].groupby(keys, sort=False):
        at = {
            str(measure): (float(mean), float(high) - float(low))
            for measure, mean, low, high in zip(
                rows["measure"], rows["mean"], rows["low95"], rows["high95"], strict=True
            )
        }
        told = {
            measure: f"{unsigned(mean, width)} ± {number(width / 2)}" if width > 0 else number(mean)
            for measure, (mean, width) in at.items()
        }
        net = at["gained_revenue"][0] - at["lost_revenue"][0]
        row = {
            "strategy": ": ".join(map(str, (strategy, *of))),
            "segment": SEGMENTS.get(str(segment), capital(str(segment))),
        }
        row |= told | {"net": minus(signed(net, abs(net) / 50.0))}
        out.append(row)
    return out


def terms(drawn: Sequence[str]) -> list[tuple[str, str]]:
    """Terms of the charts of losses that a page has."""
    if not drawn:
        return []
    return [
        ("Lost", "Drifted away (orders no more, silently) or opted out (muted, blocked, left), and not come back."),
        ("Persuaded, disturbed", "Kept by the strategy alone; lost by it alone. Sure things are kept, lost causes "
         "lost in both worlds. Nobody is guessed at: the same person was watched in both."),
    ]  # fmt: skip
