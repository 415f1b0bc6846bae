"""The page of a sensitivity analysis: what an outcome rests on, from the folder's files alone."""

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.report.charts import (
    BLUE,
    GREEN,
    GREY,
    INK,
    NARROW,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    Chart,
    Sheet,
    drawable,
    plain_axes,
)
from sim.report.material import Material, capital, date_words, figures, minus, percent, short, signed, unbroken
from sim.report.page import embedded_image, ground, publish

COLOURS = (BLUE, ORANGE, GREEN, VERMILION, SKY, PURPLE, YELLOW)
MOST_BARS = 14
"""Assumptions of a tornado."""
MOST_LABELS = 10
"""Assumptions that are named among the dots of a screening."""
NEXT_TO_NOTHING = 0.005
"""A share that is not named in a sentence."""
TELLS = 3
"""Assumptions that a sentence names."""
DESIGNS = {
    "oat": "one at a time, both ends of each range",
    "morris": "Morris' trajectories",
    "sobol": "Saltelli's design on a Sobol' sequence",
}


class Analysis(Material):
    """The files of an analysis."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.outcomes: list[dict[str, Any]] = self.summary["outcomes"]
        self.explored: dict[str, dict[str, Any]] = {entry["parameter"]: entry for entry in self.summary["parameters"]}

    @functools.cached_property
    def _indices(self) -> pd.DataFrame:
        return pd.read_csv(self.folder / "indices.csv")

    def rows(self, outcome: str, design: str, index: str) -> pd.DataFrame | None:
        """An index of an outcome by parameter: value, low95, high95; None where there is none."""
        table = self._indices
        rows = table[(table["outcome"] == outcome) & (table["design"] == design) & (table["index"] == index)]
        rows = rows.dropna(subset=["value"]).set_index("parameter")
        return rows if len(rows) else None

    @property
    def lead(self) -> bool:
        """Whether outcomes are what one strategy has more than another."""
        return bool(self.summary["baseline"])


def write_sensitivity(folder: Path) -> None:
    """Draw the charts of an analysis and write its page, reading nothing but its own files."""
    m = Analysis(Path(folder))
    charts = all_charts(m)
    publish(m.folder, charts, "sensitivity.html", lambda images: content(m, charts, images))


# ---------------------------------------------------------------------------- words


def brief(path: str) -> str:
    """A key as charts name it: what people do needs no group."""
    return path.removeprefix("response.")


def share_words(entry: Mapping[str, Any]) -> str:
    """`62 % (95 %: 50 to 74)`; what is estimated beyond 0 and 100 % is told as that."""
    share, low, high = (percent(min(max(float(entry[key]), 0.0), 1.0)) for key in ("share", "low95", "high95"))
    return f"{share} (95 %: {low.removesuffix(' %')} to {high})"


def outcome_words(document: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    """An outcome as one says it."""
    if not document["baseline"]:
        return str(outcome["label"])
    return f"{outcome['label']}, {short(str(document['strategy']))} less {short(str(document['baseline']))}"


def shares(outcome: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Parts of the variance that have a share, those of assumptions first, the largest first."""
    told = [entry for entry in outcome["variance"] if known(entry["share"])]
    return sorted(told, key=lambda entry: (entry["part"] in ("interactions", "luck"), -float(entry["share"])))


def known(value: Any) -> bool:
    """Whether there is a number."""
    return value is not None and math.isfinite(float(value))


def sentences(document: Mapping[str, Any]) -> list[str]:
    """What rests on what; every number is this run's."""
    out = [said_of_lead(document, outcome) for outcome in document["outcomes"]]
    out += [said_of_shares(document, outcome) or said_of_first(document, outcome) for outcome in document["outcomes"]]
    return [sentence for sentence in [*out, said_of_idle(document)] if sentence]


def said_of_shares(document: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    """Of an outcome's variance, the shares of assumptions, interactions and luck."""
    told = shares(outcome)
    if not told:
        return ""
    large = [entry for entry in told[: len(told) - 2][:TELLS] if float(entry["share"]) > NEXT_TO_NOTHING]
    parts = [f"{share_words(entry)} on {brief(entry['part'])} alone" for entry in large]
    rest = {str(entry["part"]): share_words(entry) for entry in told[-2:]}
    text = f"{capital(outcome_words(document, outcome))}: of its variance over the assumptions' ranges and over luck "
    parts += [f"{rest['interactions']} on interactions", f"{rest['luck']} on luck"]
    text += f"rest {'; '.join(parts)}."
    drawn = outcome.get("drawn")
    if drawn:
        levels = {key: figures(float(drawn[key])) for key in ("p10", "p50", "p90")}
        text += f" In 8 of 10 draws of the assumptions its mean lies between {levels['p10']} and {levels['p90']}."
    return text


def said_of_first(document: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    """Where there are no shares: what moves an outcome most."""
    if not outcome["first"]:
        return f"{capital(outcome_words(document, outcome))}: no assumption moves it."
    named = [brief(path) for path in outcome["first"][:TELLS]]
    return f"{capital(outcome_words(document, outcome))} is moved most by {', then '.join(named)}."


def said_of_lead(document: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    """Whether a strategy is better whatever the assumptions."""
    if not document["baseline"]:
        return ""
    one, other = short(str(document["strategy"])), short(str(document["baseline"]))
    base, found = float(outcome["base"]), outcome.get("better")
    better = "better" if base * float(outcome["sign"]) > 0.0 else "worse" if base else "no better"
    text = f"{capital(str(outcome['label']))}: as assumed {one} is {better} than {other} on average"
    if found:
        low, high = (percent(float(found[key])).removesuffix(" %") for key in ("low95", "high95"))
        text += f"; it is better in {percent(float(found['share']))} of {outcome['drawn']['draws']} draws of the "
        text += f"assumptions (95 %: {low} to {high} %)"
    turned = [brief(path) for path in outcome["turned_by"]]
    if turned:
        return f"{text}; moved alone, {', '.join(turned)} turn{'s' if len(turned) == 1 else ''} it."
    return f"{text}; no assumption moved alone turns it."


def said_of_idle(document: Mapping[str, Any]) -> str:
    """How many assumptions matter at all."""
    explored = document["parameters"]
    idle = sum(not entry["moves"] for entry in explored)
    if not idle:
        return ""
    return (
        f"Of {len(explored)} assumptions explored, {idle} move none of the outcomes under this strategy, to the last "
        "digit."
    )


def finding(document: Mapping[str, Any]) -> str:
    """The title of the page."""
    outcome = document["outcomes"][0]
    label = outcome_words(document, outcome)
    better = outcome.get("better")
    if better:
        one, other = short(str(document["strategy"])), short(str(document["baseline"]))
        share = percent(float(better["share"]))
        return f"{one} is better than {other} by {outcome['label']} in {share} of draws of the assumptions"
    if outcome["first"] and not shares(outcome):
        return f"{capital(label)}: moved most by {brief(str(outcome['first'][0]))}"
    return finding_of_shares(document) or f"{capital(label)}: no assumption moves it"


def finding_of_shares(document: Mapping[str, Any]) -> str:
    """What the first outcome's variance rests on; empty where there are no shares."""
    outcome = document["outcomes"][0]
    told = shares(outcome)
    if not told:
        return ""
    luck = next(entry for entry in told if entry["part"] == "luck")
    first, most = (percent(max(float(entry["share"]), 0.0)) for entry in (told[0], luck))
    return (
        f"{capital(outcome_words(document, outcome))}: {first} of the variance rests on "
        f"{brief(str(told[0]['part']))} alone, {most} on luck"
    )


# ---------------------------------------------------------------------------- charts


def all_charts(m: Analysis) -> list[Chart]:
    """Every chart that the folder has something for; nothing is drawn yet."""
    made: list[Chart | None] = [variance_chart(m)]
    for outcome in m.outcomes:
        made += [tornado(m, outcome), indices_chart(m, outcome), screening_chart(m, outcome)]
    return [chart for chart in made if chart is not None]


def source(m: Analysis, wide: bool = False) -> str:
    """The line at the foot."""
    run = f"{m.replications} replications a point, seed {m.summary['seed']}."
    names = f"strategy {m.summary['strategy']}" + (f" less {m.summary['baseline']}" if m.lead else "")
    return f"{m.title}; {names}; {run}" if wide else f"{capital(names)}; {run}"


def bar_axes(sheet: Sheet, names: Sequence[str], label: str) -> Any:
    """Axes of horizontal bars, the first at the top."""
    axes = sheet.axes[0]
    plain_axes(axes, "", grid="x")
    axes.set_yticks(range(len(names)), [drawable(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelsize=8.5, labelcolor=INK)
    axes.set_xlabel(label, fontsize=9, color=INK)
    return axes


def variance_chart(m: Analysis) -> Chart | None:
    """Each outcome's variance in parts: assumptions, their interactions, luck."""
    told = {str(outcome["metric"]): shares(outcome) for outcome in m.outcomes if shares(outcome)}
    if not told:
        return None
    largest: dict[str, float] = {}
    for parts in told.values():
        for entry in parts:
            if entry["part"] not in ("interactions", "luck"):
                largest[entry["part"]] = max(largest.get(entry["part"], 0.0), float(entry["share"]))
    named = sorted(largest, key=lambda path: -largest[path])[: len(COLOURS)]
    looks = {path: (COLOURS[n], "", brief(path)) for n, path in enumerate(named)}
    looks["others"] = ("#8C8C8C", "", "other assumptions")
    looks["interactions"] = ("#BDBDBD", "", "interactions of assumptions")
    looks["luck"] = ("white", "////", "luck")
    title = finding_of_shares(m.summary)
    takeaway = " ".join(
        f"{capital(str(outcome['label']))}: "
        + ", ".join(
            f"{brief(str(e['part']))} {percent(max(float(e['share']), 0.0))}" for e in (parts[0], *parts[-2:])
        )
        + "."
        for outcome in m.outcomes
        if (parts := shares(outcome))
    )
    how = (
        "Each bar is the whole variance of an outcome over the ranges of the assumptions and over luck. A coloured "
        "part is what one assumption moves by itself; interactions are what assumptions move only together; luck is "
        "what different futures of the same assumptions differ by. Estimates below 0 are not drawn, so that a bar "
        "may be longer than 100 %."
    )

    def draw() -> Any:
        from matplotlib.patches import Patch

        used = [
            part for part in looks
            if any(str(entry["part"]) == part or (part == "others" and entry["part"] not in looks)
                   for parts in told.values() for entry in parts)
        ]  # fmt: skip
        sheet = Sheet(
            title, source(m, wide=True), panels=(0.55 * len(told) + 0.3,), legend_rows=math.ceil(len(used) / 4),
            left=2.6, right=0.4,
        )  # fmt: skip
        names = [str(outcome["label"]) for outcome in m.outcomes if str(outcome["metric"]) in told]
        axes = bar_axes(sheet, names, "% of the variance")
        for place, parts in enumerate(told.values()):
            sizes = dict.fromkeys(looks, 0.0)
            for entry in parts:
                part = str(entry["part"]) if entry["part"] in looks else "others"
                sizes[part] += 100.0 * max(float(entry["share"]), 0.0)
            at = 0.0
            for part, size in sizes.items():
                colour, hatch, _ = looks[part]
                axes.barh(place, size, left=at, height=0.62, color=colour, hatch=hatch,
                          edgecolor=GREY if hatch else "white", linewidth=0.8)  # fmt: skip
                if size >= 6.0:
                    style = {"facecolor": "white", "edgecolor": "none", "pad": 1.2} if hatch else None
                    axes.text(at + size / 2, place, f"{size:.0f}", ha="center", va="center", fontsize=8.5,
                              color=INK if hatch or colour in (SKY, YELLOW, ORANGE, "#BDBDBD") else "white",
                              bbox=style)  # fmt: skip
                at += size
        axes.set_xlim(0.0, max(100.0, axes.get_xlim()[1]))
        handles = [
            Patch(facecolor=looks[p][0], hatch=looks[p][1], edgecolor=GREY if looks[p][1] else "none") for p in used
        ]
        sheet.legend(handles, [drawable(looks[part][2]) for part in used], 4)
        return sheet.figure

    return Chart("variance", title, takeaway, how, f"Stacked bars. {takeaway}", draw)


def tornado(m: Analysis, outcome: Mapping[str, Any]) -> Chart | None:
    """What each assumption does to an outcome at the ends of its range."""
    name = str(outcome["metric"])
    low, high, swing = (m.rows(name, "oat", index) for index in ("low", "high", "swing"))
    if low is None or high is None or swing is None:
        return None
    reach = pd.concat([low["value"].abs(), high["value"].abs(), swing["value"].abs()], axis=1).max(axis=1)
    order = [path for path in reach.sort_values(ascending=False, kind="stable").index if reach[path] > 0][:MOST_BARS]
    if not order:
        return None
    label = outcome_words(m.summary, outcome)
    base, unit = float(outcome["base"]), m.in_money(str(outcome["unit"]))
    first = order[0]
    title = f"{capital(label)}: {brief(first)} moves it most, moved alone"
    said = [
        f"{brief(path)} at {figures(float(m.explored[path]['low']))}: {change(low['value'][path], reach[path])}, at "
        f"{figures(float(m.explored[path]['high']))}: {change(high['value'][path], reach[path])}"
        for path in order[:TELLS]
        if isinstance(m.explored[path]["low"], int | float)
    ]
    takeaway = (
        f"As assumed: {figures(base)} {unit}. " + "; ".join(said) + "." if said else f"As assumed: {figures(base)}."
    )
    how = (
        "A bar reaches from the outcome as assumed to the outcome with one assumption at the low or the high end of "
        "its range and all others as they are, with the same luck. Black lines are 95 % intervals."
    )
    zero = f" Beyond the dashed line {short(str(m.summary['baseline']))} has more." if m.lead else ""
    how += " Long ones reach beyond the picture." + zero

    def draw() -> Any:
        from matplotlib.patches import Patch

        sheet = Sheet(
            title, source(m), panels=(0.27 * len(order) + 0.3,), width=NARROW, legend_rows=1, left=2.35, right=0.3
        )
        axes = bar_axes(sheet, [brief(path) for path in order], f"change against the outcome as assumed, {unit}")
        for rows, colour, shift in ((low, BLUE, -0.17), (high, ORANGE, 0.17)):
            for place, path in enumerate(order):
                value = float(rows["value"][path])
                axes.barh(place + shift, value, height=0.34, color=colour, zorder=2)
                axes.plot(
                    [rows["low95"][path], rows["high95"][path]], [place + shift] * 2, color=INK, lw=0.9, zorder=3
                )
        axes.axvline(0.0, color=INK, linewidth=1.0, zorder=4)
        bars = [float(rows["value"][path]) for rows in (low, high) for path in order]
        left, right = min(*bars, 0.0), max(*bars, 0.0)
        axes.set_xlim(left - 0.35 * (right - left), right + 0.35 * (right - left))
        if m.lead and axes.get_xlim()[0] < -base < axes.get_xlim()[1]:
            axes.axvline(-base, color=VERMILION, linewidth=1.3, linestyle=(0, (4, 2)), zorder=4)
        axes.xaxis.set_major_locator(_few())
        axes.xaxis.set_major_formatter(lambda value, _: minus(f"{value:+,g}") if value else "0")
        sheet.legend([Patch(color=BLUE), Patch(color=ORANGE)], ["low end of the range", "high end of the range"], 2)
        return sheet.figure

    alt = f"Pairs of bars by assumption, sorted. {takeaway}"
    return Chart(f"tornado_{name}", title, takeaway, how, alt, draw, narrow=True)


def _few() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5)


def change(value: float, width: float) -> str:
    """A change with its sign, rounded by the size of the largest."""
    return minus(signed(float(value), float(width)))


def indices_chart(m: Analysis, outcome: Mapping[str, Any]) -> Chart | None:
    """Sobol indices, first order and total."""
    name = str(outcome["metric"])
    first, total = (m.rows(name, "sobol", index) for index in ("first", "total"))
    if first is None or total is None:
        return None
    order = total["value"].sort_values(ascending=False, kind="stable").index.tolist()[:MOST_BARS]
    label, top = outcome_words(m.summary, outcome), order[0]
    alone, whole = float(first["value"][top]), float(total["value"][top])
    title = f"{capital(label)}: {brief(top)} leads among the assumptions"
    takeaway = (
        f"Of what the assumptions move, {brief(top)} moves {percent(max(alone, 0.0))} alone and has a part in "
        f"{percent(min(max(whole, 0.0), 1.0))}."
    )
    how = (
        "Sobol indices of the mean outcome, luck taken off: a filled dot is the share of its variance that an "
        "assumption moves alone, a hollow one with all that it is part of; what lies between are interactions. Lines "
        "are 95 % intervals (bootstrap); there are none where luck is too large to tell the parts."
    )
    alt = "Dots by assumption. " + " ".join(
        f"{brief(path)}: {first['value'][path]:.2f} alone, {total['value'][path]:.2f} in all." for path in order
    )

    def draw() -> Any:
        from matplotlib.lines import Line2D

        sheet = Sheet(
            title, source(m), panels=(0.34 * len(order) + 0.3,), width=NARROW, legend_rows=1, left=2.35, right=0.3
        )
        axes = bar_axes(sheet, [brief(path) for path in order], "share of the variance over assumptions")
        for rows, fill, shift in ((first, BLUE, -0.14), (total, "white", 0.14)):
            for place, path in enumerate(order):
                axes.plot(
                    [rows["low95"][path], rows["high95"][path]], [place + shift] * 2, color=BLUE, lw=1.3, zorder=3
                )
                axes.plot([rows["value"][path]], [place + shift], marker="o", markersize=5.5, color=BLUE,
                          markerfacecolor=fill, zorder=4)  # fmt: skip
        low, high = axes.get_xlim()
        axes.set_xlim(max(min(low, -0.02), -0.3), min(max(high, 1.0), 1.3))
        axes.axvline(0.0, color=INK, linewidth=1.0, zorder=2)
        axes.xaxis.set_major_formatter(lambda value, _: minus(f"{value:.1f}"))
        marks = [
            Line2D([], [], color=BLUE, marker="o", markersize=5.5, lw=1.3, markerfacecolor=fill)
            for fill in (BLUE, "white")
        ]
        sheet.legend(marks, ["alone (first order)", "with interactions (total)"], 2)
        return sheet.figure

    return Chart(f"indices_{name}", title, takeaway, how, alt, draw, narrow=True)


def screening_chart(m: Analysis, outcome: Mapping[str, Any]) -> Chart | None:
    """Morris: how much an assumption matters, and how much that depends on the others."""
    name = str(outcome["metric"])
    size, spread = (m.rows(name, "morris", index) for index in ("mu_star", "sigma"))
    if size is None or spread is None or not float(size["value"].max()) > 0.0:
        return None
    order = size["value"].sort_values(ascending=False, kind="stable").index.tolist()
    label, unit = outcome_words(m.summary, outcome), m.in_money(str(outcome["unit"]))
    bent = [path for path in order if spread["value"][path] > size["value"][path] > 0.1 * size["value"][order[0]]]
    title = f"{capital(label)}: {brief(order[0])} first in the screening"
    takeaway = f"Over its whole range {brief(order[0])} moves it by {figures(float(size['value'][order[0]]))} {unit}"
    takeaway += " on average"
    takeaway += (
        f"; what {', '.join(map(brief, bent[:TELLS]))} do depends most on the others or is most bent."
        if bent
        else "; no assumption of weight has effects that differ from place to place by more than their size."
    )
    how = (
        "To the right: how much an assumption matters, the average size of its effect over the whole range (mu*), "
        "with its 95 % interval. Up: how much that effect differs with where the others stand (sigma, luck taken "
        "off). Above the dashed line the differences are larger than the effect."
    )
    alt = "Dots by assumption. " + " ".join(
        f"{brief(path)}: {figures(float(size['value'][path]))}, {figures(float(spread['value'][path]))}."
        for path in order[:MOST_LABELS]
    )

    def draw() -> Any:
        sheet = Sheet(title, source(m), panels=(3.6,), width=NARROW, legend_rows=0, left=0.85, right=0.3)
        axes = sheet.axes[0]
        plain_axes(axes, f"differs from place to place (sigma), {unit}"[:60])
        right = 1.3 * float(size["high95"].max())
        top = 1.15 * max(float(spread["value"].max()), 0.12 * right)
        axes.set_xlim(-0.02 * right, right)
        axes.set_ylim(-0.04 * top, top)
        axes.plot([0.0, min(right, top)], [0.0, min(right, top)], color=GREY, lw=1.0, ls=(0, (4, 2)), zorder=1)
        for path in order:
            x, y = float(size["value"][path]), float(spread["value"][path])
            axes.plot([size["low95"][path], size["high95"][path]], [y, y], color=SKY, lw=1.2, zorder=2)
            axes.plot([x], [y], marker="o", markersize=5, color=BLUE, zorder=3)
        inches = (NARROW - 1.15) / (1.02 * right), 3.6 / (1.04 * top)
        dots = np.array([[size["value"][path] * inches[0], spread["value"][path] * inches[1]] for path in order])
        for path, (x, y) in label_places([brief(path) for path in order[:MOST_LABELS]], dots).items():
            axes.text(x / inches[0], y / inches[1], drawable(path), fontsize=8, color=INK, va="center", zorder=5)
        axes.set_xlabel(f"how much it matters (mu*), {unit}"[:70], fontsize=9, color=INK)
        axes.xaxis.set_major_locator(_few())
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: minus(f"{value:,g}"))
        return sheet.figure

    return Chart(f"screening_{name}", title, takeaway, how, alt, draw, narrow=True)


def label_places(names: Sequence[str], dots: np.ndarray) -> dict[str, tuple[float, float]]:
    """Where names stand beside their dots, in inches, so that none lies on another or on a dot; without room, none.

    dots: [dot, (x, y)], those of the names first.
    """
    boxes = [(x - 0.04, y - 0.05, x + 0.04, y + 0.05) for x, y in dots.tolist()]
    out: dict[str, tuple[float, float]] = {}
    for name, (x, y) in zip(names, dots.tolist(), strict=False):
        wide = 0.062 * len(name)
        for left, middle in ((x + 0.04, y + 0.12), (x + 0.04, y - 0.12), (x - wide, y + 0.12), (x - wide, y - 0.12)):
            box = (left, middle - 0.06, left + wide, middle + 0.06)
            if left > 0 and not any(overlap(box, other) for other in boxes):
                boxes.append(box)
                out[name] = (left, middle)
                break
    return out


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two boxes (left, bottom, right, top) overlap."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# ---------------------------------------------------------------------------- the page


def content(m: Analysis, charts: list[Chart], images: dict[str, bytes]) -> dict[str, Any]:
    """Everything that the page says, by the template's names."""
    base = ground(m)
    base["provenance"] = [
        (label, value.replace("forecast.csv", "table.csv, indices.csv, variance.csv") if label == "Files" else value)
        for label, value in base["provenance"]
        if label not in ("Days forecast", "Simulated futures")
    ]
    at = next((i for i, (label, _) in enumerate(base["provenance"]) if label == "Market"), 0)
    base["provenance"][at:at] = [
        *([("Against", str(m.summary["baseline"]))] if m.lead else []),
        ("Days", f"{m.days:,}, from {date_words(m.start)} to {date_words(m.end)}"),
        *((capital(DESIGNS[d["design"]]), f"{d['points']:,} points") for d in m.summary["designs"]),
        ("Replications of each point", f"{m.replications:,}"),
    ]
    base["glossary"] = [*own_terms(), *base["glossary"]]
    page = {
        "title": finding(m.summary),
        "subtitle": m.title,
        "lead": [str(m.summary["sentences"][0])],
        "warnings": [str(text) for text in m.summary["warnings"]],
        "contents": [
            ("found", "What rests on what"),
            ("charts", "Pictures"),
            ("ranges", "What was moved, how far"),
            ("sure", "How sure"),
            ("rests", "What it rests on"),
            ("terms", "Terms"),
            ("provenance", "Provenance"),
        ],
        "cards": cards(m),
        "found": [str(text) for text in m.summary["sentences"][1:]],
        "charts": [embedded_image(chart, images[chart.name]) for chart in charts],
        "labels": [str(outcome["label"]) for outcome in m.outcomes],
        "rows": range_rows(m),
        "idle": [brief(path) for path, entry in m.explored.items() if not entry["moves"]],
        "left_out": [f"{brief(path)}: {reason}" for path, reason in m.summary["left_out"].items()],
        "sure": sure(m),
    }
    return unbroken(page) | base


def cards(m: Analysis) -> list[dict[str, str]]:
    """For each outcome what it rests on most."""
    out = []
    for outcome in m.outcomes:
        told, better = shares(outcome), outcome.get("better")
        if better:
            what = f"{capital(str(outcome['label']))}: better than {m.summary['baseline']}"
            big, below = percent(float(better["share"])), f"of {outcome['drawn']['draws']} draws of the assumptions"
        elif told:
            what = f"{capital(str(outcome['label']))}: share of the variance on luck"
            big = percent(max(float(next(e["share"] for e in told if e["part"] == "luck")), 0.0))
            below = f"most on {brief(str(told[0]['part']))}: {percent(max(float(told[0]['share']), 0.0))}"
        else:
            what = f"{capital(str(outcome['label']))}, as assumed"
            big = figures(float(outcome["base"]))
            below = f"moved most by {brief(outcome['first'][0])}" if outcome["first"] else "moved by no assumption"
        out.append({"what": what, "big": big, "range": below})
    return out


def range_rows(m: Analysis) -> list[dict[str, Any]]:
    """The assumptions that move something, with their ranges and what they do to each outcome."""
    swings = [m.rows(str(outcome["metric"]), "oat", "swing") for outcome in m.outcomes]
    largest = [0.0 if rows is None else float(rows["value"].abs().max()) for rows in swings]
    out = []
    for path, entry in m.explored.items():
        if not entry["moves"]:
            continue
        cells, weight = [], 0.0
        for rows, most in zip(swings, largest, strict=True):
            there = rows is not None and path in rows.index
            value = float(rows["value"][path]) if there and rows is not None else math.nan
            cells.append(change(value, most) if known(value) else "–")
            weight = max(weight, abs(value) / most if known(value) and most > 0 else 0.0)
        values = {key: range_value(entry[key]) for key in ("value", "low", "high")}
        row = {
            "name": path,
            "what": capital(str(entry["meaning"]).replace("`", "")),
            "unit": m.in_money(str(entry["unit"])),
        }
        out.append((weight, row | values | {"cells": cells}))
    return [row for _, row in sorted(out, key=lambda found: -found[0])]


def range_value(value: Any) -> str:
    """A value of a range."""
    return figures(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def sure(m: Analysis) -> list[str]:
    """What the numbers do and do not tell."""
    listed, factor = m.summary["listed"], float(m.summary["factor"])
    ranges = (
        "Ranges are those that were asked for"
        if listed
        else f"Every range is a convention, the value divided by {factor:g} to the value times {factor:g}, within "
        "what is allowed"
    )
    out = [
        f"{ranges}. An assumption with a wider range weighs more: give the ranges that you believe in, and the "
        "shares are those of your own doubt.",
        f"Each point is a mean over {m.replications} replications. Points that are compared with one another share "
        "their luck, so that they differ by their assumptions alone; each block of a design has luck of its own, so "
        "that luck is measured too. The Monte Carlo part of the variance of means is subtracted.",
    ]
    if not listed:
        out.append(
            "Only assumptions that move an outcome when moved alone are screened, and only the first of the "
            "screening have shares. All others stand still there: what they would add is not in any share."
        )
    out.append("Not in any number: whether the model itself is right, and what is not an assumption of it.")
    return out


def own_terms() -> list[tuple[str, str]]:
    """Terms of the analysis."""
    return [
        ("Assumption", "A number of the model that was neither measured nor published, with a range to explore."),
        ("Luck", "What different futures of the same assumptions differ by."),
        ("Interaction", "What assumptions move only together: the effect of one depends on where another stands."),
        ("First order, total (Sobol)", "Share of the variance an assumption moves alone; with all it is part of."),
        ("mu*, sigma (Morris)", "Average size of an assumption's effect over its range; how much that effect differs "
         "from place to place."),
    ]  # fmt: skip


__all__ = ["sentences", "write_sensitivity"]
