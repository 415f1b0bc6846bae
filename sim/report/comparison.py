"""The page of a comparison: what each strategy changes against the first one, from the folder's files alone."""

import functools
import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.report.assumptions import Assumed
from sim.report.bridge import Bridge, bridge_of, section
from sim.report.charts import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MIDDLE,
    NARROW,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    WIDE,
    Chart,
    Sheet,
    dates,
    drawable,
    plain_axes,
    right_labels,
    time_axis,
)
from sim.report.executive import Executive
from sim.report.growth import CHARTS as GROWTH
from sim.report.growth import Growth, channel_rows, growth_of, terms
from sim.report.losses import CHARTS as LOSSES
from sim.report.losses import Tables, segment_rows, sentences, tables_of
from sim.report.losses import charts_of as loss_charts
from sim.report.losses import terms as loss_terms
from sim.report.material import (
    Material,
    capital,
    date_words,
    minus,
    number,
    percent,
    relative,
    short,
    signed,
    unbroken,
    unsigned,
)
from sim.report.page import embedded_image, ground, publish
from sim.report.selection import selection_rows
from sim.report.targets import PREFIX as TARGETS
from sim.report.targets import charts_of as target_charts
from sim.report.targets import section as goals_section
from sim.report.workbook import write_workbook

STYLES = (
    (BLUE, "-"), (VERMILION, (0, (6, 2))), (GREEN, (0, (3, 1.5))), (PURPLE, (0, (6, 1.5, 1.5, 1.5))),
    (ORANGE, (0, (1.5, 1.5))), (SKY, (0, (8, 3))),
)  # fmt: skip
"""Colours of Okabe & Ito, and dashes for whoever sees or prints no colours."""
MOST = len(STYLES)
NOUNS = {
    "orders": "orders",
    "revenue": "revenue",
    "members": "members",
    "contribution": "contribution",
    "cost": "cost",
    "reachable": "reachable members",
    "blocked": "members who blocked",
    "joined": "newcomers",
    "mau": "monthly active members",
    "dormant_90": "long silent members",
}
LEVELS = (("orders_week", "orders", "orders per week"), ("mau", "mau", "members who ordered in the last 30 days"))
FAR = 200
"""Changes in % beyond which a row would press all others flat."""
PLACES = ((MIDDLE, "white"), ("#5FA8D6", INK), ("#A6CDE8", INK), ("#E4EEF6", INK))
"""Colours of ranks 1, 2 and 3 and of all lower ones, and of the words on them."""
SHORT_NOTE = (
    "In brackets behind a number: its range, which misses the average in 1 of 20 such runs, if the model is right; "
    "in the first paragraph all ranges hold together so often. "
    "Each number is a cell of the run's tables and says which when it is pointed at; tables.xlsx has all tables."
)
PLENTY = 60
"""Rows of settings beyond which a table is no longer read."""


class Comparison(Material):
    """The files of a comparison's folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.strategies = [str(name) for name in self.summary["strategies"]]
        self.baseline = self.strategies[0]
        self.effects: list[dict[str, Any]] = self.summary["effects"]
        self.call: dict[str, Any] = self.summary["call"]

    @functools.cached_property
    def grown(self) -> Growth:
        """What the folder says of how the memberships grew, of the strategies that are drawn."""
        return growth_of(self, source(self), [self.baseline, *self.shown])

    @functools.cached_property
    def bridge(self) -> Bridge:
        """What the folder says of where the differences come from."""
        return bridge_of(self, source(self), self.baseline, self.shown)

    @functools.cached_property
    def assumed(self) -> Assumed:
        """What the folder says of assumptions that were moved."""
        return Assumed(self)

    @functools.cached_property
    def lost(self) -> Tables:
        """What the folder says of losses, of the strategies that are drawn."""
        return tables_of(self, [self.baseline, *self.shown])

    @functools.cached_property
    def shown(self) -> list[str]:
        """The strategies that are drawn: all, or those whose orders differ most from the baseline's."""
        others = self.strategies[1:]
        if len(others) <= MOST:
            return others
        size = {entry["strategy"]: abs(float(entry["effect"])) for entry in self.of("orders")}
        most = sorted(others, key=lambda name: -size.get(name, 0.0))[:MOST]
        return [name for name in others if name in most]

    def style(self, strategy: str) -> tuple[str, Any]:
        """Colour and dashes of a strategy, the same on every chart."""
        return (INK, "-") if strategy == self.baseline else STYLES[self.shown.index(strategy)]

    def of(self, metric: str) -> list[dict[str, Any]]:
        """The final effects on a metric, in the order of the strategies."""
        return [entry for entry in self.effects if entry["metric"] == metric]

    @functools.cached_property
    def metrics(self) -> list[str]:
        """The headline metrics: that on which the comparison is called, then the others as in the summary."""
        return list(dict.fromkeys([str(self.call["metric"]), *(str(entry["metric"]) for entry in self.effects)]))

    @functools.cached_property
    def ranks(self) -> pd.DataFrame:
        """ranks.csv: metric, strategy, rank, and in what share of worlds, with its interval."""
        return pd.read_csv(self.folder / "ranks.csv", dtype={"strategy": str})

    @functools.cached_property
    def _courses(self) -> dict[tuple[str, str], pd.DataFrame]:
        frame = pd.read_csv(self.folder / "effects_by_day.csv", dtype={"strategy": str})
        parts = frame.groupby(["strategy", "metric"], sort=False)
        return {(str(key[0]), str(key[1])): rows.set_index("day") for key, rows in parts}

    def course(self, strategy: str, metric: str) -> pd.DataFrame:
        """Effect and interval by day."""
        return self._courses[strategy, metric]

    @functools.cached_property
    def _levels(self) -> dict[tuple[str, str], pd.DataFrame]:
        frame = pd.read_csv(self.folder / "forecast.csv", dtype={"strategy": str})
        parts = frame[frame["metric"].isin([name for name, _, _ in LEVELS])].groupby(["strategy", "metric"])
        return {(str(key[0]), str(key[1])): rows.set_index("day").sort_index() for key, rows in parts}

    def level(self, strategy: str, metric: str) -> pd.DataFrame | None:
        """Means and quantiles of one strategy by day; None where the run is too short for them."""
        return self._levels.get((strategy, metric))

    def unit(self, entry: Mapping[str, Any]) -> str:
        """The unit of an effect, that of the log where it is money."""
        return self.in_money(str(entry.get("unit", "")))


def write_comparison(folder: Path) -> None:
    """Draw the charts of a comparison, write its page and its workbook, reading nothing but its own files."""
    m = Comparison(Path(folder))
    charts = all_charts(m)
    publish(m.folder, charts, "comparison.html", lambda images: content(m, charts, images))
    write_workbook(m.folder)


# ---------------------------------------------------------------------------- the finding


def identical(entry: Mapping[str, Any]) -> bool:
    """Whether nothing differed in any pair."""
    return float(entry["effect"]) == float(entry["low95"]) == float(entry["high95"]) == 0.0


def noun(m: Comparison, metric: str) -> str:
    """What is counted, as in `more orders`."""
    label = next((str(entry["label"]) for entry in m.of(metric)), metric)
    return NOUNS.get(metric, label.removesuffix(" until the end").removesuffix(" at the end"))


def when(m: Comparison, metric: str) -> str:
    """`by` the last day for what is added up, `on` it for a level."""
    label = next((str(entry["label"]) for entry in m.of(metric)), "")
    flow = label.endswith("until the end")
    return f"{'by' if flow else 'on'} {date_words(m.end)}"


def more(m: Comparison, entry: Mapping[str, Any], what: str = "") -> str:
    """`1,230 more`, or with `what`, `1,230 more orders`."""
    effect, width = float(entry["effect"]), float(entry["high95"]) - float(entry["low95"])
    size, fewer = unsigned(abs(effect), width), "fewer"
    if entry.get("unit") == "CNY":
        size, fewer = f"{size} {m.unit_of_money}", "less"
    return f"{size} {'more' if effect > 0 else fewer}" + (f" {what}" if what else "")


def share(entry: Mapping[str, Any]) -> str:
    """` (+12 %)`, nothing where there is nothing to take it of."""
    text = minus(relative(entry.get("relative_pct")))
    return f" ({text})" if text else ""


def finding(m: Comparison, metric: str) -> str:
    """What the effects on a metric come to, as a title."""
    found = m.of(metric)
    what, at, than = noun(m, metric), when(m, metric), short(m.baseline)
    apart = sorted((entry for entry in found if entry["told_apart"]), key=lambda entry: -float(entry["effect"]))
    if all(identical(entry) for entry in found):
        return f"No difference at all in {what} {at}"
    if not apart:
        who = short(str(found[0]["strategy"])) if len(found) == 1 else "No strategy"
        verb = "is not told apart" if len(found) == 1 else "is told apart"
        return f"{who} {verb} from {than} in {what} {at}"
    best, worst = apart[0], apart[-1]
    first, last = short(str(best["strategy"])), short(str(worst["strategy"]))
    if len(found) == 1:
        return f"{first}: {more(m, best, what)} than {than} {at}{share(best)}"
    if float(best["effect"]) < 0:
        less = "less" if best.get("unit") == "CNY" else "fewer"
        who = "Every strategy has" if len(apart) == len(found) else f"{len(apart)} of {len(found)} strategies have"
        return f"{who} {less} {what} than {than} {at}: {last} {more(m, worst)}{share(worst)}"
    lead = [entry for entry in apart if float(entry["high95"]) >= float(best["low95"])]
    text = f"{first} has the most {what}: {more(m, best)} than {than} {at}{share(best)}"
    if len(lead) == 2:
        text = f"{first} and {short(str(lead[1]['strategy']))} have the most {what}: {effect_of(best)} and "
        text += f"{effect_of(lead[1])}{money(m, best)} on {than} {at}"
    elif len(lead) > 2:
        text = f"{len(lead)} strategies share the lead in {what}: up to {more(m, best)} than {than} {at}"
    return text + (f"; {last} has {more(m, worst)}{share(worst)}" if float(worst["effect"]) < 0 else "")


def headline(m: Comparison) -> str:
    """What the comparison comes to, as the page's title: the best against the runner-up, where that is settled."""
    best, second = m.call["best"], m.call["runner_up"]
    lead = next(pair for pair in m.call["pairs"] if {pair["strategy"], pair["baseline"]} == {best, second})
    if len(m.strategies) == 2 or lead["settled"] != "apart":
        return finding(m, m.metrics[0])
    size = unsigned(abs(float(lead["effect"])), float(lead["high"]) - float(lead["low"])) + money(m, lead)
    most, than = ("most", "more") if m.call["wins_by"] == "more" else ("least", "less")
    what, at = noun(m, m.metrics[0]), when(m, m.metrics[0])
    return f"{short(best)} has the {most} {what} {at}: {size} {than} than {short(second)}, which is next"


def money(m: Comparison, entry: Mapping[str, Any]) -> str:
    """The unit of money after a number; nothing after a count."""
    return f" {m.unit_of_money}" if entry.get("unit") == "CNY" else ""


def said(m: Comparison, metric: str) -> str:
    """The sentences of all drawn strategies on a metric."""
    rows = [entry for entry in m.of(metric) if entry["strategy"] in m.shown]
    if len(rows) == 1:
        return minus(capital(str(rows[0]["sentence"]))) + "."
    if len(rows) > 3:
        apart = sum(bool(entry["told_apart"]) for entry in rows)
        return f"{apart} of the {len(rows)} effects are told apart from 0; the tables above have the numbers."
    label = capital(str(rows[0]["label"])) if rows else ""
    parts = [f"{entry['strategy']} {str(entry['sentence']).split(': ', 1)[1]}" for entry in rows]
    return minus(f"{label}: " + "; ".join(parts) + ".")


# ---------------------------------------------------------------------------- charts


def all_charts(m: Comparison) -> list[Chart]:
    """Every chart that the folder has something for; nothing is drawn yet."""
    made = [
        *(effect_chart(m, metric, wide=i == 0) for i, metric in enumerate(m.metrics)),
        ranks_chart(m),
        final_effects(m),
        *(levels_chart(m, *what) for what in LEVELS),
    ]
    found = [chart for chart in made if chart is not None]
    narrow = [chart for chart in found if chart.narrow]
    if len(narrow) % 2 == 1:
        last = narrow[-1]  # alone in its row: it takes all of it
        found = [
            effect_chart(m, last.name.removeprefix("effect_"), wide=True) or c if c is last else c for c in found
        ]
    lost = loss_charts(m.lost, [m.baseline, *m.shown], source(m))
    moved = m.assumed.chart()
    aimed = target_charts(m, [m.baseline, *m.shown], m.style, source(m))
    return [*found, *aimed, *m.bridge.charts(), *lost, *([moved] if moved else []), *m.grown.charts()]


class Legend:
    """Names of strategies and the meanings of tint and zero line, in as many columns as fit."""

    def __init__(self, labels: Sequence[str], width: float) -> None:
        self.labels = [drawable(short(label, 44)) for label in labels]
        longest = max(len(label) for label in self.labels)
        self.columns = max(1, min(len(labels), int((width - 0.3) / (0.6 + 0.085 * longest))))

    @property
    def rows(self) -> int:
        """How many rows it takes."""
        return math.ceil(len(self.labels) / self.columns)

    def put(self, sheet: Sheet, handles: Sequence[Any]) -> None:
        """Draw it, one handle for each label."""
        sheet.legend(handles, self.labels, self.columns)


def effect_chart(m: Comparison, metric: str, wide: bool) -> Chart | None:
    """An effect over time: the mean difference between twin worlds with its 95 % interval."""
    found = m.of(metric)
    if not found or all(identical(entry) for entry in found):
        return None
    title = finding(m, metric)
    flow = str(found[0]["label"]).endswith("until the end")
    unit = m.unit(found[0])
    what = noun(m, metric)
    added = "added up since the first day" if flow else "on each day"
    how = (
        f"A line is the average difference in {what} to {m.baseline}, {added}; 0 means no difference. The tint is "
        f"the 95 % interval of that average over {m.replications} pairs of twin worlds: where it covers 0, chance "
        "alone may have made the difference. Its width says how well the average is known, not how much "
        "futures differ."
    )
    alt = f"Lines of the effect on {what} over time, with 95 % intervals and a line at 0. {said(m, metric)}"

    def draw() -> Any:
        from matplotlib.lines import Line2D

        names = m.shown
        width = WIDE if wide else NARROW
        legend = Legend([*names, f"{m.baseline} (0)", "95 % interval"], width)
        sheet = Sheet(
            title,
            source(m, wide),
            width=width,
            panels=(3.7,) if wide else (2.7,),
            legend_rows=legend.rows,
            left=1.1 if wide else 1.0,
            right=1.15 if wide else 0.95,
        )
        axes = sheet.axes[0]
        label = f"difference in {what}" + (f" ({unit})" if found[0].get("unit") == "CNY" else "")
        plain_axes(axes, label if wide else textwrap.fill(label, 30))
        handles, notes, x = [], [], np.zeros(0)
        for name in names:
            colour, dashes = m.style(name)
            rows = m.course(name, metric)
            x = dates(m, rows.index)
            axes.fill_between(x, rows["low95"], rows["high95"], color=colour, alpha=0.2, linewidth=0, zorder=2)
            axes.plot(x, rows["effect"], color=colour, linestyle=dashes, linewidth=1.9, zorder=4)
            handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.9))
            final = rows.iloc[-1]
            width95 = float(final["high95"] - final["low95"])
            notes.append((float(final["effect"]), minus(signed(float(final["effect"]), width95)), colour))
        zero_line(axes)
        time_axis(axes, m.start, m.end, 13 if wide else 6)
        axes.yaxis.set_major_formatter(lambda value, _: ticks_of(axes, value))
        right_labels(axes, x[-1], notes)
        legend.put(sheet, [*handles, Line2D([], [], color=INK, lw=1.1), tint()])
        return sheet.figure

    return Chart(f"effect_{metric}", title, said(m, metric), how, alt, draw, narrow=not wide)


def source(m: Comparison, wide: bool = True) -> str:
    """The line at the foot."""
    pairs = f"{m.replications:,} pairs of twin worlds, seed {m.summary['seed']}"
    return f"{m.title}; {pairs}." if wide else f"{pairs[:1].upper()}{pairs[1:]}."


def tint() -> Any:
    """What stands for every band in a legend."""
    from matplotlib.patches import Patch

    return Patch(facecolor=GREY, alpha=0.3, linewidth=0)


def zero_line(axes: Any) -> None:
    """The line of no difference, which is the baseline, with room above and below."""
    low, high = axes.get_ylim()
    span = (high - low) or 1.0
    axes.set_ylim(min(low, -0.06 * span), max(high, 0.06 * span))
    axes.axhline(0, color=INK, linewidth=1.1, zorder=3)


def ticks_of(axes: Any, value: float) -> str:
    """A tick of differences, with its sign, and decimals where ticks are closer than 1."""
    low, high = axes.get_ylim()
    digits = 0 if high - low >= 5 else 1 if high - low >= 0.5 else 2
    return "0" if abs(value) < 1e-9 * (high - low) else minus(f"{value:+,.{digits}f}")


def final_effects(m: Comparison) -> Chart | None:
    """Effects at the end with their 95 % intervals, in % of the baseline."""
    groups, beyond = [], []
    for metric in m.metrics:
        rows = [e for e in m.of(metric) if e["strategy"] in m.shown and e["relative_pct"] is not None]
        if any(abs(float(entry["relative_pct"])) > FAR for entry in rows):
            beyond.append(noun(m, metric))
        elif rows and not all(identical(entry) for entry in rows):
            groups.append((capital(noun(m, metric)), rows))
    if not groups:
        return None
    everything = [entry for _, rows in groups for entry in rows]
    apart = [entry for entry in everything if entry["told_apart"]]
    most = max(apart or everything, key=lambda entry: abs(float(entry["relative_pct"])))
    if apart:
        size = minus(relative(most["relative_pct"]))
        title = f"Largest change in relative terms: {noun(m, most['metric'])} {size} under {short(most['strategy'])}"
    else:
        title = f"On {date_words(m.end)} nothing can be told apart from {short(m.baseline)}"
    count = f"{len(apart)} of {len(everything)} effects are told apart from 0"
    takeaway = f"{count}: their 95 % intervals leave out the line of no difference."
    if beyond:
        takeaway += f" Not drawn, because it changes by more than {FAR} %: {', '.join(beyond)}."
    how = (
        f"A dot is the average effect by {date_words(m.end)} in % of the average of {m.baseline}, the line its 95 % "
        f"interval over {m.replications} pairs of twin worlds. Filled dots are told apart from 0, hollow ones are "
        "not. The scale is the same for all rows, the units are not: 1 % of members is not worth 1 % of revenue."
    )
    said_all = "; ".join(
        f"{label} {entry['strategy']} {relative(entry['relative_pct'])}" for label, rows in groups for entry in rows
    )
    alt = f"Dots with intervals. {said_all}."

    def draw() -> Any:
        many = len(m.shown) > 1
        count = sum(len(rows) for _, rows in groups)
        legend = Legend(m.shown, WIDE)
        sheet = Sheet(
            title,
            source(m),
            panels=(max(1.0, 0.27 * count + 0.16 * len(groups)) if many else max(1.0, 0.42 * count),),
            legend_rows=legend.rows if many else 0,
            left=2.3,
            right=2.1,
            above=0.1 if many else 0.25,
        )
        axes = sheet.axes[0]
        plain_axes(axes, "", grid="x")
        axes.axvline(0, color=INK, linewidth=1.1, zorder=3)
        y, places = 0.0, []
        low = min(float(entry["relative_low95_pct"]) for entry in everything)
        high = max(float(entry["relative_high95_pct"]) for entry in everything)
        span = max(high, 0.0) - min(low, 0.0) or 1.0
        axes.set_xlim(min(low, 0.0) - 0.04 * span, max(high, 0.0) + 0.04 * span)
        for label, rows in groups:
            for entry in rows:
                colour, _ = m.style(entry["strategy"])
                ends = [float(entry["relative_low95_pct"]), float(entry["relative_high95_pct"])]
                axes.plot(ends, [y, y], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=4)
                axes.plot(
                    [float(entry["relative_pct"])], [y], marker="o", markersize=7, color=colour, zorder=5,
                    markerfacecolor=colour if entry["told_apart"] else "white", markeredgewidth=1.6, linestyle="none",
                )  # fmt: skip
                text = f" {float(entry['relative_pct']):+,.1f} %  ({ends[0]:+,.1f} to {ends[1]:+,.1f})"
                axes.annotate(minus(text), (1.0, y), xycoords=("axes fraction", "data"), va="center", fontsize=9,
                              color=INK if entry["told_apart"] else "#6B6B6B", annotation_clip=False)  # fmt: skip
                y += 1.0
            places.append((y - (len(rows) + 1) / 2, label))
            y += 0.6 if many else 0.0
            if many:
                axes.axhline(y - 0.8, color="#E4E4E4", linewidth=0.8)
        axes.set_ylim(y - (1.1 if many else 0.5), -0.6)
        axes.set_yticks([at for at, _ in places], [drawable(label) for _, label in places])
        axes.tick_params(axis="y", length=0, labelsize=9.5)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(lambda value, _: "0" if abs(value) < 1e-9 * span else minus(f"{value:+,g} %"))
        axes.set_xlabel(drawable(f"effect in % of {short(m.baseline)}, 95 % interval"), fontsize=9, color=INK)
        if many:
            from matplotlib.lines import Line2D

            dots = [Line2D([], [], marker="o", ls="-", lw=2.2, color=m.style(name)[0]) for name in m.shown]
            legend.put(sheet, dots)
        return sheet.figure

    return Chart("final_effects", title, takeaway, how, alt, draw)


def ranks_chart(m: Comparison) -> Chart | None:
    """In what share of worlds each strategy is first, second, third by the number that is called."""
    metric, what = m.call["metric"], noun(m, m.call["metric"])
    if all(identical(entry) for entry in m.of(metric)):
        return None
    rows = m.ranks[m.ranks["metric"] == metric].pivot_table("share", "strategy", "rank", sort=False)
    shares = {str(name): row for name, row in zip(rows.index, rows.to_numpy(dtype=float), strict=True)}
    order = sorted(shares, key=lambda name: float(shares[name] @ np.arange(len(shares))))
    first = max(order, key=lambda name: float(shares[name][0]))
    least = "least" if m.call["wins_by"] == "less" else "most"
    title = f"{short(first)} has the {least} {what} in {percent(float(shares[first][0]))} of {m.replications} worlds"
    takeaway = f"Share of worlds with the {least} {what}: "
    takeaway += "; ".join(f"{name} {percent(float(shares[name][0]))}" for name in order) + "."
    how = (
        f"In each world the strategies are ranked by {what}; a bar says in what share of {m.replications} worlds a "
        "strategy has each rank, a tie sharing its ranks evenly. More simulated worlds make the shares better known; "
        "they do not make a strategy win more often."
    )

    def draw() -> Any:
        from matplotlib.patches import Patch

        places = PLACES[: len(order)]
        names = ["first", "second", "third", "lower" if len(order) > 4 else "fourth"][: len(places)]
        sheet = Sheet(title, source(m), panels=(max(0.8, 0.42 * len(order)),), left=2.9, right=0.5)
        axes = sheet.axes[0]
        plain_axes(axes, "", grid="x")
        for y, name in enumerate(order):
            parts = [*shares[name][: len(places) - 1], shares[name][len(places) - 1 :].sum()]
            begin = 0.0
            for part, (colour, ink) in zip(parts, places, strict=True):
                axes.barh(y, 100.0 * part, left=begin, height=0.7, color=colour, linewidth=0, zorder=3)
                if part >= 0.06:
                    axes.text(begin + 50.0 * part, y, percent(part), ha="center", va="center", fontsize=9, color=ink,
                              zorder=4)  # fmt: skip
                begin += 100.0 * part
        axes.set_xlim(0, 100)
        axes.set_ylim(len(order) - 0.5, -0.5)
        axes.set_yticks(range(len(order)), [drawable(short(name)) for name in order])
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} %")
        axes.set_xlabel("share of worlds", fontsize=9, color=INK)
        sheet.legend([Patch(color=colour) for colour, _ in places], names, len(names))
        return sheet.figure

    return Chart(f"ranks_{metric}", title, takeaway, how, f"Stacked bars of ranks. {takeaway}", draw)


def levels_chart(m: Comparison, series: str, metric: str, label: str) -> Chart | None:
    """The level of a metric under each strategy: means with 80 % bands."""
    names = [m.baseline, *m.shown]
    found = {name: m.level(name, series) for name in names}
    rows = {name: table for name, table in found.items() if table is not None}
    if not rows:
        return None
    tail = 4 if series.endswith("_week") else 1
    ends = {name: float(table["mean"].iloc[-tail:].mean()) for name, table in rows.items()}
    best = max(ends, key=lambda name: ends[name])
    base = ends[m.baseline]
    kind = "a week in the last four weeks" if tail == 4 else f"on {date_words(m.end)}"
    what = noun(m, metric) if metric in m.metrics else label
    if len(set(ends.values())) == 1:
        title = f"All strategies alike: {number(base)} {what} {kind}"
    elif len(rows) == 2:
        other = names[1]
        title = f"{capital(what)} {kind}: {number(ends[other])} under {short(other)}, {number(base)} under "
        title += short(m.baseline)
    else:
        title = f"{capital(what)} {kind}: most under {short(best)} ({number(ends[best])}), "
        title += f"{number(base)} under {short(m.baseline)}"
    takeaway = f"{capital(what)} {kind}, on average: "
    takeaway += "; ".join(f"{name} {number(value)}" for name, value in ends.items()) + "."
    banded = set(rows)
    if len(rows) > 4:
        banded = {m.baseline, best, min(ends, key=lambda name: ends[name])}
    some = "" if len(banded) == len(rows) else f" (drawn only for {', '.join(n for n in rows if n in banded)})"
    how = (
        f"A line is the average of a strategy's simulated futures; its tint{some} holds 8 of 10 of them. Tints may "
        "overlap although an effect is sure: most of their width is luck that all strategies share, a good week "
        "being good for all of them. The charts of effects compare like with like."
    )
    alt = f"Lines with 80 % bands for each strategy. {takeaway}"

    def draw() -> Any:
        from matplotlib.lines import Line2D

        legend = Legend([*rows, "8 of 10 futures"], WIDE)
        sheet = Sheet(title, source(m), legend_rows=legend.rows, right=1.1)
        axes = sheet.axes[0]
        plain_axes(axes, label)
        handles, notes, x, top = [], [], np.zeros(0), 1.0
        for name, table in rows.items():
            colour, dashes = m.style(name)
            x = dates(m, table.index)
            if name in banded:
                axes.fill_between(x, table["p10"], table["p90"], color=colour, alpha=0.17, linewidth=0, zorder=2)
                top = max(top, float(table["p90"].max()))
            axes.plot(x, table["mean"], color=colour, linestyle=dashes, linewidth=1.7, zorder=4)
            top = max(top, float(table["mean"].max()))
            handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.7))
            notes.append((float(table["mean"].iloc[-1]), number(float(table["mean"].iloc[-1])), colour))
        time_axis(axes, m.start, m.end)
        axes.set_ylim(0, top * 1.05)
        if tail == 4:
            axes.set_xlabel("week ending", fontsize=9, color=INK)
        right_labels(axes, x[-1], notes)
        legend.put(sheet, [*handles, tint()])
        return sheet.figure

    return Chart(f"levels_{metric}", title, takeaway, how, alt, draw)


# ---------------------------------------------------------------------------- the page


def content(m: Comparison, charts: list[Chart], images: dict[str, bytes]) -> dict[str, Any]:
    """Everything that the page says, by the template's names."""
    plans = settings_that_differ(m)
    base = ground(m)
    skip = ("Strategy of the operator", "Days forecast", "Simulated futures")
    rows = [(label, value) for label, value in base["provenance"] if label not in skip]
    at = next((i for i, (label, _) in enumerate(rows) if label == "Market"), len(rows))
    rows[at:at] = [
        ("Strategies", ", ".join(m.strategies)),
        ("Baseline", m.baseline),
        ("Days", f"{m.days:,}, from {date_words(m.start)} to {date_words(m.end)}"),
        ("Pairs of twin worlds", f"{m.replications:,}"),
    ]
    base["provenance"] = [
        (label, value.replace("forecast.csv", "effects.csv, forecast.csv") if label == "Files" else value)
        for label, value in rows
    ]
    grown = [chart.name for chart in charts if chart.name in GROWTH]
    bridged = [chart for chart in charts if chart.name.startswith("bridge_")]
    lost = [chart.name for chart in charts if chart.name in LOSSES]
    moved = [chart for chart in charts if chart.name == "assumptions"]
    aimed = [chart for chart in charts if chart.name.startswith(TARGETS)]
    aims = [embedded_image(chart, images[chart.name]) for chart in aimed]
    goals = goals_section(m, aims, m.strategies)
    apart = {*grown, *lost, *(chart.name for chart in (*bridged, *aimed)), "assumptions"}
    short_page, selected = Executive(m.folder, m.unit_of_money), selection_rows(m)
    base["glossary"] = [*own_terms(m), *base["glossary"], *terms(grown), *loss_terms(lost)]
    page = {
        "title": headline(m),
        "subtitle": m.title,
        "lead": [],
        "warnings": [*standing(m), *(str(text) for text in m.summary.get("warnings", []))],
        "contents": [
            ("short", "In short"),
            ("call", "Which, and how surely"),
            ("numbers", "Effects"),
            *([("targets", "Targets")] if goals is not None else []),
            ("charts", "Pictures"),
            *([("bridge", "Where it comes from")] if m.bridge.flows is not None else []),
            *([("losses", "Whom it costs")] if lost else []),
            *([("selection", "Who they were anyway")] if len(selected) else []),
            *([("assumptions", "Which assumptions carry it")] if m.assumed.about else []),
            *([("growth", "How it grew")] if grown else []),
            ("strategies", "The strategies"),
            ("sure", "How sure"),
            ("rests", "What it rests on"),
            ("odd", "Odd in the data"),
            ("terms", "Terms"),
            ("provenance", "Provenance"),
        ],
        "start": date_words(m.start),
        "end": date_words(m.end),
        "baseline": m.baseline,
        "cards": cards(m),
        "call": call(m),
        "blocks": [{"strategy": name, "rows": table_rows(m, name)} for name in m.strategies[1:]],
        "below_numbers": below_numbers(m),
        "method": method(m),
        "selection": selected,
        "assumed": m.assumed.section([embedded_image(chart, images[chart.name]) for chart in moved]),
        "short": short_page.paragraphs(),
        "short_note": SHORT_NOTE,
        "goals": goals,
        "charts": [embedded_image(chart, images[chart.name]) for chart in charts if chart.name not in apart],
        "bridge": section(m.bridge, [embedded_image(chart, images[chart.name]) for chart in bridged]),
        "losses": [embedded_image(chart, images[chart.name]) for chart in charts if chart.name in LOSSES],
        "loss_words": sentences(m, m.shown, levers=False),
        "lever_words": sentences(m, m.shown, levers=True),
        "segment_rows": segment_rows(m.lost),
        "lever_rows": segment_rows(m.lost, "members_by_lever"),
        "money": m.unit_of_money,
        "growth": [embedded_image(chart, images[chart.name]) for chart in charts if chart.name in GROWTH],
        "channel_rows": channel_rows(m.grown) if grown else [],
        "not_drawn": not_drawn(m, charts),
        "names": m.strategies,
        "plans": plans[:PLENTY],
        "plans_words": plans_words(m, plans),
        "sure": sure(m),
    }
    return unbroken(page) | base


def call(m: Comparison) -> dict[str, Any]:
    """What is settled of the mean, and who wins how often, by the number that is called; who is best by each."""
    count, metric, label = m.replications, m.call["metric"], m.call["label"]
    rows = []
    for pair in m.call["pairs"]:
        entry = pair | {"low95": pair["low"], "high95": pair["high"]}
        same = pair["settled"] == "same"
        rows.append(
            {
                "pair": f"{pair['strategy']} against {pair['baseline']}",
                "effect": "0" if same else effect_of(entry),
                "interval": "0" if same else spread(entry),
                "settled": SETTLED[pair["settled"]],
                "chance": chance(pair),
            }
        )
    unit = m.unit(m.call)
    matters = f"{m.call['smallest_pct']:g} % of the average of {m.baseline}, {number(m.call['smallest'])} {unit}"
    words = [
        f"{m.call['sentence']}.",
        f"Two questions are kept apart. Is the average difference in {label} settled? Where it is not, more "
        "replications help. In what share of the uncertain worlds does a strategy win? More replications tell that "
        f"share better, but do not move it: it is how the worlds are. Whoever has {m.call['wins_by']} wins; a tie "
        "counts half.",
        f"A difference is small where it is shown to be less than {matters} (call.smallest). The intervals of this "
        "table hold for all pairs of strategies together, 19 times in 20.",
    ]
    if m.call["until_called"]:
        words.append(
            f"Nobody chose {count} replications: after each 20 it was looked whether every pair is settled, up to "
            f"{m.call['most']:,} (call.most). The intervals of all effects are wider for it: they hold however often "
            "one looks."
        )
    best = [
        {
            "label": capital(noun(m, name)) + (" (less is best)" if entry["wins_by"] == "less" else ""),
            "cells": ["the same"] * len(m.strategies) if all(identical(e) for e in m.of(name)) else firsts(m, name),
        }
        for name in m.metrics
        for entry in m.of(name)[:1]
    ]
    head = f"{capital(label)}, {unit}" if unit else capital(label)
    return {"words": words, "rows": rows, "best": best, "head": head, "metric": metric}


SETTLED = {
    "same": "the same in every pair",
    "apart": "yes: told apart from 0",
    "small": "yes: smaller than what matters",
    "open": "not yet: more replications help",
}
"""Whether a mean difference is settled, in a table's cell."""
APART = {"same": "the same in every pair", "apart": "yes", "small": "no, it is small", "open": "no"}
"""The same in short, for a table of many numbers."""


def firsts(m: Comparison, metric: str) -> list[str]:
    """In what share of worlds each strategy is first by a metric, with its interval."""
    rows = m.ranks[(m.ranks["metric"] == metric) & (m.ranks["rank"] == 1)].set_index("strategy")
    told = {
        str(name): row for name, row in zip(rows.index, rows[["share", "low95", "high95"]].to_numpy(), strict=True)
    }
    return [within(*map(float, told[name])) for name in m.strategies]


def within(share: float, low: float, high: float) -> str:
    """`68 % (56 to 79 %)`."""
    return f"{percent(share)} ({percent(low).removesuffix(' %')} to {percent(high)})"


def chance(entry: Mapping[str, Any]) -> str:
    """In what share of worlds a strategy wins, in a table's cell."""
    if entry["p_low95"] is None:
        return "the same in every pair"
    return within(*(float(entry[key]) for key in ("p_better", "p_low95", "p_high95")))


def standing(m: Comparison) -> list[str]:
    """Whether these are the reader's own members."""
    if m.has_log:
        return []
    return [
        "This run does not use your data: the members are a simulated stand-in. Use it to explore how strategies "
        "work, not to plan."
    ]


def level_of(m: Comparison, strategy: str, metric: str) -> float:
    """The average of a headline metric under a strategy."""
    return next(
        float(line["mean"])
        for line in m.summary["headlines"]
        if line["strategy"] == strategy and line["metric"] == metric
    )


def spread(entry: Mapping[str, Any]) -> str:
    """`900 to 1,560`."""
    low, high = float(entry["low95"]), float(entry["high95"])
    return minus(f"{unsigned(low, high - low)} to {unsigned(high, high - low)}")


def effect_of(entry: Mapping[str, Any]) -> str:
    """`+1,230`."""
    return minus(signed(float(entry["effect"]), float(entry["high95"]) - float(entry["low95"])))


def cards(m: Comparison) -> list[dict[str, str]]:
    """The largest numbers: several metrics of one strategy, or one metric of several."""
    if len(m.strategies) == 2:
        picked = [entry for entry in m.effects if entry["metric"] in m.metrics[:2] or entry["metric"] == "mau"]
        what = {id(entry): f"{capital(str(entry['label']))}, {m.unit(entry)}" for entry in picked}
        if any(entry["metric"] == "members" for entry in m.effects):
            picked.insert(2, m.of("members")[0])
            what[id(picked[2])] = "Members at the end"
    else:
        picked = [entry for entry in m.of(m.metrics[0]) if entry["strategy"] in m.shown]
        what = {id(entry): f"{capital(str(entry['label']))}, {short(str(entry['strategy']))}" for entry in picked}
    out = []
    for entry in picked:
        reach = "the same in every pair" if identical(entry) else f"95 %: {spread(entry)}"
        reach += share(entry) if not identical(entry) else ""
        reach += "" if entry["told_apart"] or identical(entry) else "; not told apart from 0"
        unit = what[id(entry)].removesuffix(", members").removesuffix(", orders")
        out.append({"what": unit, "big": effect_of(entry), "range": reach})
    return out


def table_rows(m: Comparison, strategy: str) -> list[dict[str, str]]:
    """One row per headline metric of a strategy."""
    out = []
    for entry in m.effects:
        if entry["strategy"] != strategy:
            continue
        same, ratio = identical(entry), entry["variance_ratio"]
        out.append(
            {
                "label": capital(str(entry["label"])),
                "unit": m.unit(entry),
                "level": number(level_of(m, m.baseline, entry["metric"])),
                "effect": "0" if same else effect_of(entry),
                "interval": "0" if same else spread(entry),
                "relative": minus(relative(entry["relative_pct"])) or "–",
                "apart": APART[entry["settled"]],
                "chance": "–" if same else percent(float(entry["p_better"])),
                "reach": "" if same else chance(entry).partition("(")[2].removesuffix(")"),
                "gain": "–" if ratio is None else f"{ratio:,.1f} x" if ratio < 9.95 else f"{ratio:,.0f} x",
            }
        )
    return out


def below_numbers(m: Comparison) -> list[str]:
    """What the table's words mean."""
    less = [noun(m, name) for name in m.metrics if m.of(name)[0]["wins_by"] == "less"]
    money = "CNY" if not m.has_log else f"the {m.unit_of_money}".replace("the US", "US")
    return [
        f"An effect is a strategy's number less that of {m.baseline}, averaged over {m.replications} pairs of twin "
        "worlds. Effects are rounded to what their interval justifies. Told apart from 0: the 95 % interval leaves "
        "out 0; small: the interval lies within the smallest difference that matters. Better in: the share of worlds "
        f"that the strategy wins, with its 95 % interval; a tie counts half. Less wins by {', '.join(less)}. "
        f"Amounts are in {money}.",
        "Gain from twins: by how many times more simulated futures one would have to pay for the same sharpness if "
        "each strategy had luck of its own.",
    ]


def method(m: Comparison) -> list[str]:
    """How twins work."""
    return [
        "Each pair of twin worlds holds the same persons with the same traits, the same good and bad weeks and the "
        "same luck; only the strategy differs. A member who would have ordered anyway orders in both, and drops out "
        f"of the difference. This was done {m.replications:,} times, each time with other luck.",
        "The interval says within what range the average effect lies, with 95 % confidence, if the model is right. "
        + ("It is a confidence sequence" if m.call["until_called"] else "It is Student's interval")
        + " over the pairs: the pair is the unit, not the member and not the day.",
    ]


def not_drawn(m: Comparison, charts: list[Chart]) -> list[str]:
    """What has no chart, and why."""
    have = {chart.name for chart in charts}
    alike = [noun(m, metric) for metric in m.metrics if f"effect_{metric}" not in have]
    out = []
    if alike:
        out.append(f"No chart of the effect on {', '.join(alike)}: the same in every pair of twin worlds.")
    left = [name for name in m.strategies[1:] if name not in m.shown]
    if left:
        out.append(
            f"Drawn are the {MOST} strategies whose orders differ most from those of {m.baseline}; in the tables "
            f"only: {', '.join(left)}."
        )
    return out


def flat(value: Any, path: str = "") -> dict[str, str]:
    """The settings of a strategy by dotted keys."""
    if isinstance(value, dict):
        out: dict[str, str] = {}
        off = value.get("on") is False  # what a lever that is off would do does not matter
        for key, item in value.items():
            if off and key != "on":
                continue
            out |= flat(item, f"{path}.{key}" if path else str(key))
        return out
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return flat({str(i + 1): item for i, item in enumerate(value)}, path)
    if value is None or value == []:
        shown = "–"
    elif isinstance(value, bool):
        shown = "yes" if value else "no"
    elif isinstance(value, list):
        shown = ", ".join(str(item) for item in value)
    else:
        shown = f"{value:g}" if isinstance(value, float) else str(value)
    return {path: shown}


def settings_that_differ(m: Comparison) -> list[dict[str, Any]]:
    """Settings that are not the same in all strategies: key, and the value in each."""
    plans = m.parameters.get("strategies") or {}
    every = [flat(plans.get(name) or {}) for name in m.strategies]
    keys = dict.fromkeys(key for one in every for key in one)
    rows = [{"key": key, "cells": [one.get(key, "–") for one in every]} for key in keys if key != "name"]
    return [row for row in rows if len(set(row["cells"])) > 1]


def plans_words(m: Comparison, plans: list[dict[str, Any]]) -> str:
    """What the table of settings holds."""
    if not plans:
        return f"No setting differs between {', '.join(m.strategies)}."
    text = "The settings in which the strategies differ; all others are the same in all of them."
    left = len(plans) - PLENTY
    return text + (f" {left} more stand in parameters.json." if left > 0 else "")


def sure(m: Comparison) -> list[str]:
    """What the intervals hold and what they do not."""
    out = []
    entry = next((e for e in m.effects if e["variance_ratio"] is not None), None)
    if entry is not None:
        ratio = float(entry["variance_ratio"])
        error = math.sqrt(4.0 / max(m.replications - 1, 1))
        out.append(
            f"Twins at work: with luck of its own for each strategy, the variance of the difference in "
            f"{noun(m, entry['metric'])} of {entry['strategy']} would have been {number(ratio)} times as large. "
            f"(From {m.replications} pairs this is itself known to about {percent(error)} either way.)"
        )
    out += [
        "Where an interval covers 0, the run has not shown that the strategy changes anything; nor has it shown that "
        "it changes nothing. More pairs of worlds (call.most, or run.replications) make intervals narrower.",
        "Each interval misses the truth 1 time in 20, also if the model is right. Whoever compares many strategies "
        "or many numbers will find some that look told apart by chance alone, and the best of many looks better than "
        "it is.",
        "Not in any interval: whether the model itself is right, whether members answer to messages and offers as "
        "strongly as assumed below, and whether a strategy is carried out as it is written.",
    ]
    return out


def own_terms(m: Comparison) -> list[tuple[str, str]]:
    """Terms of comparisons."""
    return [
        ("Baseline", f"The first strategy, {m.baseline}: what the others are measured against."),
        ("Twin worlds", "Two simulated futures of the same persons with the same luck under two strategies."),
        (
            "Better in",
            "The share of twin worlds in which a strategy has the better number; more runs do not raise it.",
        ),
        ("Effect", "What a strategy has more, or less, than the baseline in twin worlds; on average over pairs."),
    ]


__all__ = ["write_comparison"]
