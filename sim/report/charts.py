"""The charts of a report: drawn from a run's files, each with its finding and a text alternative.

Colours are those of Okabe & Ito (told apart by colour-blind readers). Nested bands are opaque tints, so that
the legend shows exactly what the chart shows. Matplotlib is used through its objects, without pyplot.
"""

import datetime as dt
import functools
import math
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.report.material import MONTHS, STAGES, Material, date_words, month_words, number, percent, short

BLUE, SKY, GREEN, ORANGE, VERMILION, PURPLE = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
YELLOW, INK, GREY, PALE = "#F0E442", "#222222", "#6B6B6B", "#E4E4E4"
BANDS = (("p025", "p975", "#DCEAF5"), ("p10", "p90", "#A6CDE8"), ("p25", "p75", "#5FA8D6"))
BAND_WORDS = (
    "19 of 20 futures (95 % band)",
    "8 of 10 futures (80 % band)",
    "half of the futures (50 % band)",
)
MIDDLE = "#003F66"
STAGE_COLOURS = {
    "active": GREEN,
    "new": SKY,
    "at_risk": YELLOW,
    "dormant_30": ORANGE,
    "dormant_60": VERMILION,
    "dormant_90": "#BDBDBD",
    "lost": "#7F7F7F",
}
MOST_COHORTS = 18
WIDE, NARROW = 10.67, 6.4
"""Widths of charts in inches: both are drawn 1600 pixels wide."""


@dataclass(frozen=True)
class Chart:
    """A chart with its words: `title` is the finding, `takeaway` the sentence below, `how` how to read it."""

    name: str
    title: str
    takeaway: str
    how: str
    alt: str
    draw: Callable[[], Any]
    narrow: bool = False


def all_charts(material: Material) -> list[Chart]:
    """Every chart for which the folder holds the data, in the order of the page. Nothing is drawn yet."""
    made = (
        weekly_orders(material),
        *split_orders(material),
        cumulative_orders(material),
        weekly_revenue(material),
        members_by_stage(material),
        growth_accounting(material),
        cohort_triangle(material),
        activity_states(material),
        band_sources(material),
    )
    return [chart for chart in made if chart is not None]


def save(chart: Chart, file: Path) -> None:
    """Draw a chart and write it as PNG, 1600 pixels wide; the same bytes for the same data."""
    import matplotlib.style

    with matplotlib.style.context("default", after_reset=True):
        matplotlib.rcParams["font.family"] = list(_fonts()[0])
        figure = chart.draw()
        dpi = round(1600 / figure.get_size_inches()[0])
        figure.savefig(file, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})


# ---------------------------------------------------------------------------- paper, letters, axes


@functools.cache
def _fonts() -> tuple[tuple[str, ...], frozenset[int]]:
    """The font families to draw with, all of them installed, and the characters that they have."""
    from matplotlib import font_manager

    wanted = (
        "DejaVu Sans",
        "Noto Sans CJK SC",
        "Noto Sans SC",
        "Source Han Sans SC",
        "WenQuanYi Zen Hei",
        "WenQuanYi Micro Hei",
        "Microsoft YaHei",
        "SimHei",
        "PingFang SC",
        "Hiragino Sans GB",
    )
    installed = {font.name: font.fname for font in font_manager.fontManager.ttflist if font.weight in (400, "normal")}
    families = tuple(name for name in wanted if name in installed)[:2] or ("sans-serif",)
    letters: set[int] = set()
    for name in families:
        file = installed.get(name) or font_manager.findfont(name)
        letters |= set(font_manager.get_font(file).get_charmap())
    return families, frozenset(letters)


def drawable(text: str) -> str:
    """A text without letters that no installed font has: accents are taken off, what remains becomes `…`."""
    letters = _fonts()[1]
    out: list[str] = []
    for letter in unicodedata.normalize("NFC", text):
        if ord(letter) in letters and letter.isprintable():
            out.append(letter)
            continue
        plain = [c for c in unicodedata.normalize("NFKD", letter) if ord(c) in letters and c.isprintable()]
        if plain:
            out.extend(plain)
        elif not out or out[-1] != "…":
            out.append("…" if letter.isprintable() else " ")
    return "".join(out)


class Sheet:
    """A figure with a title, a legend below it, panels, and a line of source at the foot; sizes in inches."""

    def __init__(
        self,
        title: str,
        source: str,
        panels: Sequence[float] = (3.9,),
        width: float = WIDE,
        legend_rows: int = 1,
        left: float = 0.95,
        right: float = 0.3,
        gap: float = 0.42,
        below: float = 0.62,
        above: float = 0.2,
    ) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        size = 13.0 if width == WIDE else 11.0
        lines = textwrap.wrap(drawable(title), int(width * (117 if width == WIDE else 105) / size))
        head = 0.16 + 0.235 * len(lines) * size / 13 + 0.235 * legend_rows + above
        foot = below + 0.22
        height = head + sum(panels) + gap * (len(panels) - 1) + foot
        self.width, self.height, self.left = width, height, left
        self.figure = Figure(figsize=(width, height))
        FigureCanvasAgg(self.figure)
        text = "\n".join(lines)
        self.words(0.16 / width, 1 - 0.13 / height, text, fontsize=size, fontweight="bold", va="top", color=INK)
        short = textwrap.shorten(drawable(source), int(width * 15.5), placeholder=" …")
        self.words(0.16 / width, 0.1 / height, short, fontsize=7.5, va="bottom", color=GREY)
        self._legend_at = 1 - (0.2 + 0.235 * len(lines) * size / 13) / height
        self.axes: list[Any] = []
        top = height - head
        for tall in panels:
            box = (left / width, (top - tall) / height, (width - left - right) / width, tall / height)
            self.axes.append(self.figure.add_axes(box))
            top -= tall + gap

    def words(self, x: float, y: float, text: str, **style: Any) -> None:
        """Put a text on the figure, taken to the letter (a `$` is a `$`)."""
        self.figure.text(x, y, text, parse_math=False, **style)

    def legend(self, handles: Sequence[Any], labels: Sequence[str], columns: int) -> None:
        """Put the legend between title and panels; read row by row."""
        order = [i for column in range(columns) for i in range(column, len(handles), columns)]
        self.figure.legend(
            [handles[i] for i in order],
            [labels[i] for i in order],
            loc="upper left",
            bbox_to_anchor=(0.16 / self.width, self._legend_at),
            ncol=columns,
            frameon=False,
            borderaxespad=0.0,
            borderpad=0.2,
            fontsize=9,
            handlelength=1.6,
            columnspacing=1.6,
            labelspacing=0.45,
        )


def source_line(m: Material) -> str:
    return f"{m.title}; {m.replications:,} simulated futures, seed {m.summary['seed']}."


def plain_axes(axes: Any, label: str, grid: str = "y") -> None:
    """Axes as they are on every chart: y from 0 unless set later, a light grid behind, no box."""
    from matplotlib.ticker import FuncFormatter

    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#999999")
    axes.grid(axis=grid, color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9, color="#999999", labelcolor=INK)
    axes.set_ylabel(drawable(label), fontsize=9.5, color=INK, parse_math=False)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def time_axis(axes: Any, first: dt.date, last: dt.date, most: int = 13) -> None:
    """Ticks on the first of months, named in English, the year where it is new."""
    from matplotlib.dates import date2num

    span = (last.year - first.year) * 12 + last.month - first.month + 1
    if span <= 2:
        step_days = max(7, 7 * math.ceil((last - first).days / 7 / most * 1.6))
        ticks = [first + dt.timedelta(i) for i in range(0, (last - first).days + 1, step_days)]
        labels = [f"{day.day} {MONTHS[day.month - 1][:3]}\n{day.year}" for day in ticks]
    else:
        step = next((s for s in (1, 2, 3, 6, 12, 24, 60, 120) if span / s <= most), 240)
        months = [first.year * 12 + first.month - 1 + i for i in range(span + 1)]
        ticks = [dt.date(at // 12, at % 12 + 1, 1) for at in months if step == 1 or at % step == 0]
        ticks = [day for day in ticks if first <= day <= last]
        labels = []
        for i, day in enumerate(ticks):
            year = i == 0 or day.year != ticks[i - 1].year
            labels.append(f"{MONTHS[day.month - 1][:3]}" + (f"\n{day.year}" if year else ""))
    axes.set_xticks([float(date2num(day)) for day in ticks], labels)
    margin = max((last - first).days * 0.012, 1.0)
    axes.set_xlim(float(date2num(first)) - margin, float(date2num(last)) + margin)


def dates(m: Material, days: Sequence[int] | pd.Index) -> np.ndarray:
    """Days of the run as matplotlib's numbers of days since 1970."""
    base = (m.start - dt.date(1970, 1, 1)).days
    return np.asarray(days, dtype=float) + base


def fan(axes: Any, x: np.ndarray, rows: pd.DataFrame) -> tuple[list[Any], list[Any]]:
    """Nested bands in opaque tints and the mean; handles of the mean and of the bands, widest last."""
    from matplotlib.patches import Patch

    for low, high, tint in BANDS:
        axes.fill_between(x, rows[low], rows[high], color=tint, linewidth=0, zorder=2)
    (line,) = axes.plot(x, rows["mean"], color=MIDDLE, linewidth=1.8, zorder=4)
    return [line], [Patch(color=tint) for _, _, tint in reversed(BANDS)]


def _jump_off(axes: Any, m: Material) -> None:
    at = float(dates(m, [0])[0]) - 0.5
    axes.axvline(at, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), zorder=3)
    axes.text(
        at,
        1.015,
        f"forecast starts {date_words(m.start)}",
        transform=axes.get_xaxis_transform(),
        ha="center",
        va="bottom",
        fontsize=8.5,
        color=INK,
    )


def _ends(rows: pd.DataFrame) -> tuple[float, float, int]:
    """Means of the first and of the last weeks, and of how many weeks: four, or fewer of a short run."""
    weeks = min(4, len(rows) // 2) or 1
    return float(rows["mean"].iloc[:weeks].mean()), float(rows["mean"].iloc[-weeks:].mean()), weeks


def _course(first: float, last: float, weeks: int) -> str:
    """How a weekly number moves from the first weeks to the last, in words."""
    change = last / first - 1.0 if first > 0 else 1.0
    if abs(change) < 0.02:
        return f"stay near {number(first)} a week"
    verb = "rise" if change > 0 else "fall"
    return f"{verb} from {number(first)} a week (first {_weeks(weeks)}) to {number(last)} (last {_weeks(weeks)})"


def _weeks(count: int) -> str:
    return "week" if count == 1 else ("two", "three", "four")[count - 2] + " weeks"


# ---------------------------------------------------------------------------- charts over weeks


def _weekly(
    m: Material,
    name: str,
    metric: str,
    actual_metric: str,
    history: str | None,
    what: str,
    unit: str,
    title: str,
    narrow: bool = False,
    top: float | None = None,
) -> Chart | None:
    rows = m.forecast(f"{metric}_week")
    if rows is None or not m.trusted(f"{metric}_to_date"):
        return None
    past = m.history_weeks(history) if history else None
    truth = m.actual_weeks(actual_metric)
    first, last, weeks = _ends(rows)
    peak_day = int(rows.index[int(rows["mean"].to_numpy().argmax())])
    peak = float(rows["mean"].max())
    in_unit = f" ({unit})" if unit else ""
    takeaway = (
        f"Average {what} a week{in_unit}: {number(first)} in the first {_weeks(weeks)} of the forecast, "
        f"{number(last)} "
        f"in the last {_weeks(weeks)}; the highest week, with {number(peak)}, ends on "
        f"{date_words(m.date(peak_day))}."
    )
    if truth is not None:
        covered = rows.loc[truth.index]
        inside = int(((truth >= covered["p10"]) & (truth <= covered["p90"])).sum())
        takeaway += f" In {inside} of {len(truth)} weeks what happened lay inside the 80 % band."
    how = (
        "Each week has its own bands: in 8 of 10 simulated futures that week's number lies inside the middle "
        "tint. A band says nothing about how one week follows from another."
    )
    final = rows.iloc[-1]
    alt = (
        f"Fan chart of {what} per week from {date_words(m.start)} to {date_words(m.end)}. Mean "
        f"{number(first)} a week "
        f"in the first {_weeks(weeks)}, {number(last)} in the last {_weeks(weeks)}; in the last week 80 "
        "% of futures "
        f"lie between {number(final['p10'])} and {number(final['p90'])}."
    )
    if truth is not None:
        alt += f" What happened: {number(float(truth.iloc[0]))} in the first week, "
        alt += f"{number(float(truth.iloc[-1]))} in the last one covered."

    def draw() -> Any:
        entries = 4 + (past is not None) + (truth is not None)
        sheet = Sheet(
            title,
            source_line(m),
            width=NARROW if narrow else WIDE,
            legend_rows=math.ceil(entries / (2 if narrow else 3)),
            panels=(2.6,) if narrow else (3.9,),
            left=0.85 if narrow else 0.95,
            above=0.2 if past is None else 0.38,
        )
        axes = sheet.axes[0]
        plain_axes(axes, f"{what} per week" if unit == "" else f"{what} per week ({unit})")
        x = dates(m, rows.index)
        middle, tints = fan(axes, x, rows)
        handles, labels = [*middle, *tints], ["average of all simulated futures", *reversed(BAND_WORDS)]
        begin = m.date(0) if past is None else m.date(int(past.index[0]) - 6)
        if past is not None:
            (line,) = axes.plot(dates(m, past.index), past, color=INK, linewidth=1.5, zorder=4)
            handles.insert(0, line)
            labels.insert(0, "observed before the forecast")
            _jump_off(axes, m)
        if truth is not None:
            (line,) = axes.plot(
                dates(m, truth.index),
                truth,
                color=VERMILION,
                linewidth=1.2,
                marker="o",
                markersize=4.5,
                markeredgecolor="white",
                markeredgewidth=0.7,
                zorder=5,
            )
            handles.append(line)
            labels.append("what happened (not used by the forecast)")
        time_axis(axes, begin, m.end, 7 if narrow else 13)
        axes.set_ylim(0, top if top is not None else None)
        axes.set_xlabel("week ending", fontsize=9, color=INK)
        sheet.legend(handles, labels, 2 if narrow else 3)
        return sheet.figure

    return Chart(name, title, takeaway, how, alt, draw, narrow)


def weekly_orders(m: Material) -> Chart | None:
    """Orders by week: history, bands, what happened."""
    rows = m.forecast("orders_week")
    if rows is None:
        return None
    first, last, weeks = _ends(rows)
    who = "the existing members" if m.closed else "all members"
    title = f"Orders of {who} {_course(first, last, weeks)}"
    actual = "orders_existing" if m.closed and "orders_existing" in m.actuals else "orders"
    return _weekly(m, "weekly_orders", "orders", actual, "orders", "orders", "", title)


def split_orders(m: Material) -> list[Chart]:
    """Existing members and newcomers apart, on one scale; nothing where the membership is closed."""
    if m.closed:
        return []
    found = {who: m.forecast(f"orders_{who}_week") for who in ("existing", "newcomers")}
    top = 0.0
    for who, rows in found.items():
        truth = m.actual_weeks(f"orders_{who}")
        top = max(
            top,
            0.0 if rows is None else float(rows["p975"].max()),
            0.0 if truth is None else float(truth.max()),
        )
    words = {"existing": "members of the first day", "newcomers": "newcomers"}
    out = []
    for who, rows in found.items():
        if rows is None:
            continue
        first, last, weeks = _ends(rows)
        title = f"Orders of {words[who]} {_course(first, last, weeks).split(' (first')[0]}"
        title += f" to {number(last)}" if " (first" in _course(first, last, weeks) else ""
        chart = _weekly(
            m,
            f"weekly_orders_{who}",
            f"orders_{who}",
            f"orders_{who}",
            None,
            "orders",
            "",
            title,
            narrow=True,
            top=max(top * 1.06, 1.0),
        )
        if chart is not None:
            out.append(chart)
    return out


def weekly_revenue(m: Material) -> Chart | None:
    """Revenue by week: history, bands, what happened."""
    rows = m.forecast("revenue_week")
    if rows is None or not m.trusted("revenue_to_date"):
        return None
    first, last, weeks = _ends(rows)
    title = f"Revenue {_course(first, last, weeks)}".replace("Revenue rise", "Revenue rises")
    title = title.replace("Revenue fall", "Revenue falls").replace("Revenue stay", "Revenue stays")
    actual = "revenue_existing" if m.closed and "revenue_existing" in m.actuals else "revenue"
    return _weekly(m, "revenue", "revenue", actual, "revenue", "revenue", m.unit_of_money, title)


def cumulative_orders(m: Material) -> Chart | None:
    """Orders added up from the first day of the forecast."""
    rows = m.forecast("orders_to_date")
    if rows is None or not m.trusted("orders_to_date"):
        return None
    final = rows.iloc[-1]
    total = m.actual_to_date("orders_existing" if m.closed and "orders_existing" in m.actuals else "orders")
    mean, low, high = float(final["mean"]), float(final["p10"]), float(final["p90"])
    title = f"Orders added up: {number(mean)} by {date_words(m.end)}"
    takeaway = (
        f"By {date_words(m.end)} the orders add up to {number(mean)} on average; in 8 of 10 simulated "
        "futures to "
        f"between {number(low)} and {number(high)}."
    )
    alt = f"Cumulative orders with bands, ending at {number(mean)} (80 % band {number(low)} to {number(high)})."
    if total is not None and len(total):
        got, by = float(total.iloc[-1]), date_words(m.date(int(total.index[-1])))
        takeaway += f" {number(got)} were placed by {by}."
        alt += f" What happened: {number(got)} by {by}."
        if int(total.index[-1]) == m.days - 1:
            title += f" on average; {number(got)} were placed"
    how = (
        "The bands widen because the surprises of single weeks add up. The end of this chart is the headline number."
    )

    def draw() -> Any:
        sheet = Sheet(title, source_line(m), legend_rows=2, right=1.6)
        axes = sheet.axes[0]
        plain_axes(axes, f"orders since {date_words(m.start)}")
        x = dates(m, rows.index)
        middle, tints = fan(axes, x, rows)
        handles, labels = [*middle, *tints], ["average of all simulated futures", *reversed(BAND_WORDS)]
        if total is not None:
            (line,) = axes.plot(dates(m, total.index), total, color=VERMILION, linewidth=1.8, zorder=5)
            handles.append(line)
            labels.append("what happened (not used by the forecast)")
        time_axis(axes, m.start, m.end)
        axes.set_ylim(0, None)
        notes = [
            (float(final["p90"]), f"{number(high)} (80 % band)", BLUE),
            (mean, f"{number(mean)} average", MIDDLE),
            (float(final["p10"]), f"{number(low)} (80 % band)", BLUE),
        ]
        if total is not None and len(total) and int(total.index[-1]) == m.days - 1:
            notes.append((float(total.iloc[-1]), f"{number(float(total.iloc[-1]))} placed", VERMILION))
        right_labels(axes, x[-1], notes)
        sheet.legend(handles, labels, 3)
        return sheet.figure

    return Chart("cumulative_orders", title, takeaway, how, alt, draw)


def right_labels(axes: Any, x: float, notes: list[tuple[float, str, str]]) -> None:
    """Labels right of the last point, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    tall = axes.get_position().height * axes.figure.get_size_inches()[1]
    least = (high - low) * 0.17 / tall
    places = sorted(notes)
    at: list[float] = []
    for value, _, _ in places:
        at.append(value if not at else max(value, at[-1] + least))
    centred = sum(value for value, _, _ in places) / len(places) - sum(at) / len(at)
    floor = low + least / 2
    shift = max(centred, floor - at[0]) if at[-1] - at[0] < least * (len(at) + 1) else 0.0
    edge = axes.get_xlim()[1]
    for (value, text, colour), y in zip(places, at, strict=True):
        axes.plot([x, edge], [value, y + shift], color=colour, linewidth=0.6, clip_on=False, zorder=6)
        axes.text(edge, y + shift, f" {text}", color=colour, fontsize=9, va="center", ha="left", clip_on=False)


# ---------------------------------------------------------------------------- members


def members_by_stage(m: Material) -> Chart | None:
    """Mean members by lifecycle stage: all of them, and below without those long dormant."""
    found = {name: m.forecast(name) for name in STAGES}
    means = {name: rows["mean"] for name, rows in found.items() if rows is not None and float(rows["mean"].max()) > 0}
    if not means:
        return None
    end = {name: float(values.iloc[-1]) for name, values in means.items()}
    begin = {name: float(values.iloc[0]) for name, values in means.items()}
    listed = sum(value for name, value in end.items() if name != "lost")
    words = m.stage_words
    silent = end.get("dormant_90", 0.0)
    limit = int(m.summary["stage_limits_days"]["dormant_90"])
    title = f"On {date_words(m.end)}, {percent(silent / listed)} of members have been silent for {limit} days"
    title += " or more"
    takeaway = (
        f"Of {number(listed)} members on {date_words(m.end)}, {number(silent)} are long dormant, "
        f"{number(end.get('active', 0.0))} are active and {number(end.get('at_risk', 0.0))} at risk; on "
        "the first day "
        f"{number(begin.get('dormant_90', 0.0))} were long dormant and "
        f"{number(begin.get('active', 0.0))} active."
    )
    how = (
        "The height of a colour is the number of members in that stage, on average over all simulated "
        "futures. The "
        "lower panel shows the same members without the long dormant, on a larger scale. A stage says "
        "how long a "
        "member has been silent, not why."
    )
    parts = ", ".join(f"{words[name].split(':')[0].lower()} {number(value)}" for name, value in end.items())
    alt = f"Stacked areas of members by lifecycle stage; on the last day: {parts}."

    def draw() -> Any:
        from matplotlib.patches import Patch

        order = [name for name in STAGES if name in means]
        near = [name for name in order if name not in ("dormant_90", "lost")]
        small = bool(near) and sum(end[name] for name in near) < 0.7 * sum(end.values())
        sheet = Sheet(
            title,
            source_line(m),
            panels=(2.2, 3.0) if small else (4.2,),
            legend_rows=math.ceil(len(order) / 2),
            right=0.3,
            gap=0.5,
        )
        groups = [(order, "all members")]
        if small:
            groups.append((near, "without the long dormant"))
        for axes, (names, label) in zip(sheet.axes, groups, strict=True):
            plain_axes(axes, f"members\n({label})")
            x = dates(m, means[order[0]].index)
            base = np.zeros(len(x))
            for name in names:
                top = base + means[name].to_numpy()
                axes.fill_between(x, base, top, color=STAGE_COLOURS[name], linewidth=0, zorder=2)
                axes.plot(x, top, color="white", linewidth=0.8, zorder=3)
                base = top
            time_axis(axes, m.start, m.end)
            axes.margins(x=0)
            axes.set_xlim(x[0], x[-1])
            axes.set_ylim(0, float(base.max()) * 1.03)
        sheet.legend([Patch(color=STAGE_COLOURS[name]) for name in order], [words[name] for name in order], 2)
        return sheet.figure

    return Chart("members_by_stage", title, takeaway, how, alt, draw)


def growth_accounting(m: Material) -> Chart | None:
    """Monthly active members by where they come from, and those who were active the month before only."""
    table = m.growth[m.growth["whole"]]
    if table.empty:
        return None
    names = [str(month) for month in table.index]
    last = table.iloc[-1]
    gained = table["new"] + table["resurrected"]
    net = gained - table["churned"]
    takeaway = (
        f"In {month_words(names[-1])}, {number(last['active'])} members order on average: "
        f"{number(last['retained'])} "
        f"had ordered in the month before, {number(last['resurrected'])} come back after a pause"
    )
    takeaway += "." if m.closed else f" and {number(last['new'])} are new."
    known = net.dropna()
    if math.isfinite(last["churned"]):
        takeaway += f" {number(last['churned'])} of those who ordered in the month before do not."
    if len(known):
        title = f"Members who order in a month: {number(table['active'].iloc[0])} in {month_words(names[0])}, "
        title += f"{number(last['active'])} in {month_words(names[-1])}"
    else:
        title = f"{number(last['active'])} members order in {month_words(names[-1])}"
    how = (
        "Above the line: members who order in the month (new, again, or back after a pause). Below it: "
        "those who "
        "ordered in the month before and not in this one. The dots are the change in buyers: new and "
        "returned, less "
        "lapsed. Of the first month it is not known who lapsed: the month before is not part of the run. "
        "Whole calendar "
        "months only, averages of all simulated futures."
    )
    alt = f"Bars by month. {takeaway}"

    def draw() -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        sheet = Sheet(title, source_line(m), panels=(4.2,), legend_rows=2)
        axes = sheet.axes[0]
        plain_axes(axes, "members per month")
        x = np.arange(len(table), dtype=float)
        base = np.zeros(len(table))
        layers = [("retained", BLUE), ("resurrected", SKY), ("new", GREEN)]
        layers = [(name, colour) for name, colour in layers if float(table[name].max()) > 0]
        for name, colour in layers:
            values = table[name].to_numpy()
            axes.bar(x, values, 0.72, bottom=base, color=colour, edgecolor="white", linewidth=0.7, zorder=2)
            base = base + values
        lost = table["churned"].fillna(0.0).to_numpy()
        axes.bar(x, -lost, 0.72, color=ORANGE, edgecolor="white", linewidth=0.7, zorder=2)
        axes.plot(x, net, color=INK, linewidth=1.3, marker="o", markersize=6, markeredgecolor="white", zorder=5)
        high, low = float(base.max()), float(lost.max())
        axes.set_ylim(-low - 0.09 * (high + low), high + 0.07 * (high + low))
        axes.axhline(0, color=INK, linewidth=0.9, zorder=4)
        every = max(1, math.ceil(len(x) / 26))
        size = 8.5 if len(x) <= 16 else 7
        for i in range(0, len(x), every):
            axes.text(x[i], base[i], number(base[i]), ha="center", va="bottom", fontsize=size, color=INK)
            text = number(lost[i]) if math.isfinite(table["churned"].iloc[i]) else "not\nknown"
            axes.text(x[i], -lost[i] - 0.012 * (high + low), text, ha="center", va="top", fontsize=size, color=INK)
        shown = range(0, len(x), max(1, math.ceil(len(x) / 14)))
        axes.set_xticks([x[i] for i in shown], [month_words(names[i], True).replace(" ", "\n") for i in shown])
        axes.set_xlim(-0.6, len(x) - 0.4)
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
        meaning = {
            "retained": "ordered in the month before too",
            "resurrected": "back after skipping a month or more",
            "new": "first order ever",
        }
        handles: list[Any] = [Patch(color=colour) for _, colour in layers]
        labels = [meaning[name] for name, _ in layers]
        handles += [
            Patch(color=ORANGE),
            Line2D([], [], color=INK, linewidth=1.3, marker="o", markersize=6, markeredgecolor="white"),
        ]
        labels += [
            "lapsed: ordered the month before, not in this one",
            "change in buyers against the month before",
        ]
        sheet.legend(handles, labels, 3)
        return sheet.figure

    return Chart("growth_accounting", title, takeaway, how, alt, draw)


def cohort_triangle(m: Material) -> Chart | None:
    """Of those who joined in a month, the share that orders in each later month of the forecast."""
    table = m.cohorts
    if table[~table["observed"]].empty:
        return None
    cohorts = sorted(set(table["joining_month"]))[-MOST_COHORTS:]
    table = table[table["joining_month"].isin(cohorts)]
    ages = list(range(int(table["age_months"].min()), int(table["age_months"].max()) + 1))
    grid = table.pivot(index="joining_month", columns="age_months", values="share").reindex(cohorts, columns=ages)
    seen = {
        (c, a) for c, a, o in zip(*(table[k] for k in ("joining_month", "age_months", "observed")), strict=True) if o
    }
    last = str(table["month"].max())
    later = table[(table["age_months"] >= 1) & ~table["observed"]]
    if later.empty:
        return None
    final = later[later["month"] == last].sort_values("joining_month")
    oldest, youngest = final.iloc[0], final.iloc[-1]
    joined = table[(table["age_months"] == 0) & ~table["observed"]]["joining_month"]
    first_month = later[(later["age_months"] == 1) & later["joining_month"].isin(joined)]
    takeaway = (
        f"Of the members who joined in {month_words(oldest['joining_month'])}, "
        f"{percent(oldest['share'])} order in "
        f"{month_words(last)}, {int(oldest['age_months'])} months later."
    )
    title = f"{percent(oldest['share'])} of those who joined in {month_words(oldest['joining_month'])} order in "
    title += month_words(last)
    if len(first_month):
        share = float(first_month["share"].mean())
        takeaway += f" Of those who join during the forecast, {percent(share)} order again in the month after"
        takeaway += " joining."
        title = f"{percent(share)} of newcomers order again in the month after joining"
    elif len(final) > 1:
        takeaway += (
            f" Of those of {month_words(youngest['joining_month'])}, {percent(youngest['share'])} do, "
            f"{int(youngest['age_months'])} months after joining."
        )
    how = (
        "A row is a joining month, a column the number of calendar months since. Each cell is the share "
        "of the "
        "cohort that orders at least once in that month, on average. "
    )
    if seen:
        how += "Grey cells are what the log shows, blue ones the forecast; "
    else:
        how += "Hatched cells lie before the forecast starts and are not in these results; "
    how += "months that are covered only in part are left out (–)."
    if len(joined) or seen:
        how += " In the joining month itself everybody orders (100 %), by definition."
    alt = f"Heat map of {len(cohorts)} joining months by age in months. {takeaway}"
    start_month = m.start.year * 12 + m.start.month - 1
    part = {str(month) for month in m.growth.index[~m.growth["whole"]]}

    def draw() -> Any:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.patches import Patch, Rectangle

        sheet = Sheet(
            title,
            source_line(m),
            panels=(max(1.2, 0.29 * len(cohorts)),),
            legend_rows=1,
            left=1.4,
            below=0.6,
            right=0.3,
        )
        axes = sheet.axes[0]
        colours = LinearSegmentedColormap.from_list("ink", ["#F3F8FC", "#BBD9EE", "#7DB8DE", "#0B5A8F", "#003F66"])
        greys = LinearSegmentedColormap.from_list("seen", ["#F7F7F7", "#D5D5D5", "#A8A8A8", "#6A6A6A", "#3D3D3D"])
        scale = float(table[table["age_months"] >= 1]["share"].max()) or 1.0
        shares = grid.to_numpy(dtype=float)
        size = 8.5 if len(ages) <= 20 else max(4.5, 8.5 * 20 / len(ages))
        for row, cohort in enumerate(cohorts):
            for column, age in enumerate(ages):
                share = float(shares[row, column])
                box = (column - 0.5, row - 0.5)
                month = _months(cohort) + age
                if not math.isfinite(share):
                    if f"{month // 12}-{month % 12 + 1:02d}" in part:
                        axes.add_patch(Rectangle(box, 1, 1, facecolor="#F2F2F2", edgecolor="white", linewidth=0.8))
                        axes.text(column, row, "–", ha="center", va="center", fontsize=size, color=GREY)
                    elif month < start_month:
                        axes.add_patch(
                            Rectangle(box, 1, 1, facecolor="#F2F2F2", edgecolor="#CFCFCF", hatch="////", linewidth=0)
                        )
                    continue
                tone = min(share / scale, 1.0)
                fill = greys(tone) if (cohort, age) in seen else colours(tone)
                fill = "#E6E6E6" if age == 0 else fill
                axes.add_patch(Rectangle(box, 1, 1, facecolor=fill, edgecolor="white", linewidth=0.8))
                text = f"{100 * share:.1f}" if age and len(ages) <= 20 else f"{100 * share:.0f}"
                axes.text(column, row, text, ha="center", va="center", fontsize=size, color=_ink_on(fill))
        axes.set_xlim(-0.5, len(ages) - 0.5)
        axes.set_ylim(len(cohorts) - 0.5, -0.5)
        shown = range(0, len(ages), max(1, math.ceil(len(ages) / 30)))
        axes.set_xticks(list(shown), [str(ages[i]) for i in shown])
        axes.set_yticks(range(len(cohorts)), [month_words(cohort, True) for cohort in cohorts])
        axes.tick_params(length=0, labelsize=9, labelcolor=INK)
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set_xlabel("calendar months since joining", fontsize=9.5, color=INK)
        axes.set_ylabel("joined in", fontsize=9.5, color=INK, labelpad=8)
        handles = [Patch(color=colours(0.15)), Patch(color=colours(1.0))]
        labels = ["% of the cohort ordering: few", f"many (darkest: {percent(scale)})"]
        if seen:
            handles.append(Patch(color=greys(0.6)))
            labels.append("in grey: observed")
        elif len(joined):
            handles.append(Patch(color="#E6E6E6"))
            labels.append("joining month")
        if not seen and any(_months(cohort) + age < start_month for cohort in cohorts for age in ages):
            handles.append(Patch(facecolor="#F2F2F2", edgecolor="#CFCFCF", hatch="////"))
            labels.append("before the forecast")
        if part:
            handles.append(Patch(color="#F2F2F2"))
            labels.append("– month covered only in part")
        sheet.legend(handles, labels, len(handles))
        return sheet.figure

    return Chart("cohort_triangle", title, takeaway, how, alt, draw)


def _months(cohort: str) -> int:
    """A month such as `1997-10`, in months since year 0."""
    year, month = cohort.split("-")
    return int(year) * 12 + int(month) - 1


def _ink_on(fill: Any) -> str:
    """White or dark ink, whichever stands out more on a colour."""
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(fill)]
    bright = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if (bright + 0.05) ** 2 > 1.05 * 0.0673 else "white"


def activity_states(m: Material) -> Chart | None:
    """Members who ordered within a day, a week, a month: DAU, WAU, MAU."""
    found = [(name, m.forecast(name)) for name in ("mau", "wau", "dau")]
    rows = {name: table for name, table in found if table is not None}
    if len(rows) < 3:
        return None
    final = {name: table.iloc[-1] for name, table in rows.items()}
    words = {"mau": "last 30 days (MAU)", "wau": "last 7 days (WAU)", "dau": "same day (DAU)"}
    title = f"{number(final['mau']['mean'])} members have ordered in the 30 days up to {date_words(m.end)}"
    takeaway = (
        f"On {date_words(m.end)} on average {number(final['mau']['mean'])} members have ordered within "
        "30 days (8 of "
        f"10 futures: {number(final['mau']['p10'])} to {number(final['mau']['p90'])}), "
        f"{number(final['wau']['mean'])} within 7 days and {number(final['dau']['mean'])} on the day "
        "itself; on the "
        f"first day of the forecast {number(float(rows['mau']['mean'].iloc[0]))} had ordered within 30 days."
    )
    how = (
        "Each line counts members who ordered at least once in the window that ends on that day; the "
        "tint holds 8 of "
        "10 simulated futures of that day."
    )
    alt = f"Three lines with 80 % bands: monthly, weekly and daily active members. {takeaway}"

    def draw() -> Any:
        from matplotlib.patches import Patch

        sheet = Sheet(title, source_line(m), legend_rows=1, right=1.9)
        axes = sheet.axes[0]
        plain_axes(axes, "members who ordered")
        styles = {"mau": (BLUE, "#CFE3F1"), "wau": (GREEN, "#CBEADF"), "dau": (VERMILION, "#F8DCC8")}
        x = dates(m, rows["mau"].index)
        for name, table in rows.items():
            ink, tint = styles[name]
            axes.fill_between(x, table["p10"], table["p90"], color=tint, linewidth=0, zorder=2)
            axes.plot(x, table["mean"], color=ink, linewidth=1.8, zorder=4)
        time_axis(axes, m.start, m.end)
        axes.set_ylim(0, float(rows["mau"]["p90"].max()) * 1.05 or 1.0)
        notes = [
            (float(final[name]["mean"]), f"{words[name]}: {number(final[name]['mean'])}", styles[name][0])
            for name in rows
        ]
        right_labels(axes, x[-1], notes)
        handles = [Patch(color=styles[name][1]) for name in rows]
        labels = [f"8 of 10 futures, {words[name]}" for name in rows]
        sheet.legend(handles, labels, 3)
        return sheet.figure

    return Chart("activity_states", title, takeaway, how, alt, draw)


# ---------------------------------------------------------------------------- sources of the band


def sources(m: Material) -> dict[str, dict[str, float]]:
    """Shares of the variance of totals by source, only for metrics and sources that the run has."""
    found: dict[str, dict[str, float]] = {}
    for name, shares in (m.summary.get("band_sources") or {}).items():
        if m.trusted(f"{name}_to_date") and all(math.isfinite(value) for value in shares.values()):
            found[name] = {key: float(value) for key, value in shares.items()}
    return found


def varied(m: Material) -> list[str]:
    """What this run let vary: luck always, parameters and disturbance as configured."""
    out = ["luck"]
    if m.has_log and m.declared("fit.parameters", True):
        out.append("parameters")
    fitted = m.parameters.get("fitted")
    if fitted is not None:
        sd = float(fitted.get("weekly_sd", 0.0)) if m.declared("fit.disturbance", True) else 0.0
    else:
        sd = float(m.declared("market.disturbance.weekly_sd", 0.0))
    if sd > 0.0:
        out.append("disturbance")
    return out


SOURCE_WORDS = {
    "luck": "chance: what each member happens to do",
    "parameters": "not knowing the members' true tendencies",
    "disturbance": "shared ups and downs of whole weeks",
}


def band_sources(m: Material) -> Chart | None:
    """Where the width of the bands comes from."""
    found = sources(m)
    if not found:
        return None
    kinds = [kind for kind in SOURCE_WORDS if kind in varied(m) or any(s.get(kind, 0.0) > 0 for s in found.values())]
    main = found.get("orders") or next(iter(found.values()))
    what = "orders" if "orders" in found else next(iter(found))
    most = max(kinds, key=lambda kind: main.get(kind, 0.0))
    title = f"{percent(main[most])} of the uncertainty about {what} comes from {SOURCE_WORDS[most].split(':')[0]}"
    listed = "; ".join(f"{SOURCE_WORDS[kind]} {percent(main.get(kind, 0.0))}" for kind in kinds)
    takeaway = f"Uncertainty about total {what} (share of the variance): {listed}."
    error = float(main.get("error", 0.0))
    how = (
        "Each bar is the whole uncertainty about a total at the end, as variance, split by source. The "
        "shares are "
        f"themselves estimated from the simulated futures, to about {100 * error:.0f} percentage points "
        "either way."
    )
    alt = f"Stacked bars. {takeaway}"

    def draw() -> Any:
        from matplotlib.patches import Patch

        sheet = Sheet(title, source_line(m), panels=(0.55 * len(found) + 0.1,), legend_rows=1, below=0.55, right=0.45)
        axes = sheet.axes[0]
        tones = {"luck": SKY, "parameters": ORANGE, "disturbance": BLUE}
        for row, shares in enumerate(found.values()):
            base = 0.0
            for kind in kinds:
                share = shares.get(kind, 0.0)
                axes.barh(row, share, 0.68, left=base, color=tones[kind], edgecolor="white", linewidth=1)
                if share >= 0.035:
                    axes.text(
                        base + share / 2,
                        row,
                        percent(share),
                        ha="center",
                        va="center",
                        fontsize=9,
                        color="white" if kind == "disturbance" else INK,
                    )
                base += share
        axes.set_yticks(range(len(found)), list(found))
        axes.set_ylim(len(found) - 0.5, -0.5)
        axes.set_xlim(0, 1)
        ticks = [i / 4 for i in range(5)]
        axes.set_xticks(ticks, [f"{100 * tick:.0f} %" for tick in ticks])
        axes.tick_params(labelsize=9.5, labelcolor=INK, color="#999999")
        axes.tick_params(axis="y", length=0)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color("#999999")
        axes.set_xlabel("share of the variance of the total at the end", fontsize=9, color=INK)
        sheet.legend([Patch(color=tones[kind]) for kind in kinds], [SOURCE_WORDS[kind] for kind in kinds], len(kinds))
        return sheet.figure

    return Chart("band_sources", title, takeaway, how, alt, draw)


# ---------------------------------------------------------------------------- community groups

DEAD = 0.05
"""The share of members who post a day below which a group counts as dead."""
ARMS = (
    (BLUE, "-"),
    (VERMILION, (0, (5, 2))),
    (GREEN, (0, (1.5, 1.5))),
    (PURPLE, (0, (6, 2, 1.5, 2))),
    (INK, (0, (3, 1))),
)
"""Colour and dashes of each arm: told apart without colours, too."""


def group_activity(table: pd.DataFrame, source: str) -> Chart | None:
    """How many members of community groups post a day, by strategy; None where there are no groups.

    table: strategy, replication, day, level, groups, members, posts, dead (see `study.ensemble.groups_table`).
    """
    if not len(table):
        return None
    shares = activity_shares(table)
    every = list(dict.fromkeys(shares["strategy"]))
    arms = every[: len(ARMS)]
    if not arms:
        return None
    ends = {name: float(shares["mean"][shares["strategy"] == name].iloc[-7:].mean()) for name in arms}
    said = [f"{percent(end)} under {short(name)}" for name, end in ends.items()]
    title = f"Members of groups who post on a day, in the last week: {', '.join(said)}".replace(" %", "\u00a0%")
    still = [name for name, end in ends.items() if end < DEAD]
    takeaway = (
        f"Fallen silent: {', '.join(still)}. A group that has fallen silent seldom wakes by itself."
        if still
        else "No strategy has silenced its groups."
    )
    takeaway += f" Not drawn: {', '.join(every[len(ARMS) :])}." if len(every) > len(ARMS) else ""
    how = (
        "Posts of members on a day over members in groups, all levels together. Lines are means over replications, "
        "tints hold 8 of 10 of them. In the shaded strip, below 5 %, a group counts as dead."
    )
    alt = "Lines of the share of members who post, by day. " + " ".join(
        f"{name}: from {percent(float(shares['mean'][shares['strategy'] == name].iloc[0]))} to {percent(end)}."
        for name, end in ends.items()
    )

    def draw() -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch
        from matplotlib.ticker import FuncFormatter

        columns = 3
        entries = len(arms) + 2
        sheet = Sheet(title, source, panels=(3.4,), legend_rows=-(-entries // columns))
        axes = sheet.axes[0]
        plain_axes(axes, "members who post on a day, %")
        handles: list[Any] = []
        dead = {"facecolor": "#F2F2F2", "edgecolor": "#BBBBBB", "hatch": "////", "linewidth": 0}
        axes.axhspan(0.0, 100.0 * DEAD, zorder=1, **dead)
        top = 100.0 * DEAD
        for name, (colour, dashes) in zip(arms, ARMS, strict=False):
            rows = shares[shares["strategy"] == name]
            axes.fill_between(
                rows["day"], 100.0 * rows["p10"], 100.0 * rows["p90"], color=colour, alpha=0.2, linewidth=0, zorder=2
            )
            axes.plot(rows["day"], 100.0 * rows["mean"], color=colour, linestyle=dashes, linewidth=1.9, zorder=4)
            handles.append(Line2D([], [], color=colour, ls=dashes, lw=1.9))
            top = max(top, 100.0 * float(rows["p90"].max()))
        axes.set_ylim(0.0, 1.08 * top)
        axes.set_xlim(0, max(int(shares["day"].max()), 1))
        axes.set_xlabel("day of the run", fontsize=9.5, color=INK)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
        tints = [Patch(facecolor=GREY, alpha=0.3, linewidth=0), Patch(**dead)]
        sheet.legend([*handles, *tints], [*map(short, arms), "8 of 10 replications", "dead: below 5 %"], columns)
        return sheet.figure

    return Chart("group_activity", title, takeaway, how, alt, draw)


def activity_shares(table: pd.DataFrame) -> pd.DataFrame:
    """Posts over members by strategy and day: mean, p10 and p90 over the replications that have members in groups."""
    sums = table.groupby(["strategy", "replication", "day"], sort=False)[["posts", "members"]].sum().reset_index()
    sums = sums[sums["members"] > 0]
    share = sums.assign(share=sums["posts"] / sums["members"]).groupby(["strategy", "day"], sort=False)["share"]
    return pd.DataFrame({"mean": share.mean(), "p10": share.quantile(0.1), "p90": share.quantile(0.9)}).reset_index()
