"""The page of a frequency curve: what so many messages a week do, from the folder's files alone."""

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
    VERMILION,
    Chart,
    Sheet,
    drawable,
    plain_axes,
)
from sim.report.material import Material, capital, date_words, unbroken
from sim.report.page import embedded_image, ground, publish

PANELS = (
    ("orders_30", "Orders in the first 30 days", "orders per 100 members"),
    ("engaged_30", "Active members at the end", "members of 100"),
    ("gmv", "GMV until the end", "CNY per member"),
    ("open_rate", "Messages opened", "% of messages sent"),
    ("opted_out", "Opted out: muted, blocked or left", "members of 100"),
    ("reachable", "Can be reached at the end", "members of 100"),
)
SEGMENT_ROWS = (
    ("orders", "orders more than\nat 0 a week, per 100"),
    ("open_rate", "opened,\n% of sent"),
    ("opt_out_month", "opt-outs, % of\nreachable a month"),
)
SEGMENT_WORDS = {
    "new": "New",
    "active": "Active",
    "at_risk": "At risk",
    "dormant_30": "Dormant",
    "dormant_60": "Deeply dormant",
    "dormant_90": "Long dormant",
}
PAIR = ("active", "dormant")
STYLES = (
    (BLUE, "-", "o"),
    (GREEN, (0, (4, 1.5)), "s"),
    (ORANGE, (0, (1.5, 1.2)), "^"),
    (VERMILION, (0, (6, 2)), "D"),
)


class Curve(Material):
    """The files of a curve's folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.doses = [float(dose) for dose in self.summary["doses"]]
        self.best = {str(entry["metric"]): entry for entry in self.summary["best"]}

    @functools.cached_property
    def _rows(self) -> dict[tuple[str, str], pd.DataFrame]:
        frame = pd.read_csv(self.folder / "curve.csv")
        parts = frame.groupby(["metric", "segment"], sort=False)
        return {(str(key[0]), str(key[1])): rows.set_index("dose").sort_index() for key, rows in parts}

    def rows(self, metric: str, segment: str = "founders") -> pd.DataFrame | None:
        """A metric of a segment by dose; None where it was not measured."""
        return self._rows.get((metric, segment))

    @functools.cached_property
    def months(self) -> pd.DataFrame:
        """months.csv."""
        return pd.read_csv(self.folder / "months.csv")

    def month(self, metric: str, dose: float) -> pd.DataFrame:
        """A metric of one dose by month."""
        rows = self.months[(self.months["metric"] == metric) & (self.months["dose"] == dose)]
        return rows.set_index("month").sort_index()


def write_frequency(folder: Path) -> None:
    """Draw the charts of a curve and write its page, reading nothing but its own files."""
    m = Curve(Path(folder))
    charts = all_charts(m)
    publish(m.folder, charts, "frequency.html", lambda images: content(m, charts, images))


# ---------------------------------------------------------------------------- words


def dose_words(dose: float) -> str:
    """A dose as one says it."""
    return "no messages" if dose == 0 else f"{dose:g} a week"


def level(value: float | None) -> str:
    """A level as in tables: whole from 100 on, one decimal below, two below 1."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    return f"{value:,.0f}" if size >= 99.5 else f"{value:,.1f}" if size >= 0.995 else f"{value:,.2f}"


def change(value: float | None) -> str:
    """A change in %, with its sign."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:+,.0f} %" if abs(value) >= 9.95 else f"{value:+,.1f} %"
    return text.replace("-", "−")


def span(entry: Mapping[str, Any]) -> str:
    """The doses that are not told apart from the best."""
    low, high = float(entry["from"]), float(entry["to"])
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def words_of_best(entry: Mapping[str, Any]) -> str:
    """The best dose for one thing, and which doses are not told from it."""
    text = dose_words(float(entry["dose"]))
    if len(entry["alike"]) > 1:
        text += f"; not told apart from the best: {span(entry)} a week"
    else:
        text += "; every other dose is told apart from it"
    if float(entry["dose"]) > 0 and entry["effect_pct"] is not None:
        text += f"; {change(float(entry['effect_pct']))} on no messages"
    return text + ("; the highest dose that was run: the peak may lie beyond" if entry["at_edge"] else "")


def point(document: Mapping[str, Any], dose: float) -> Mapping[str, Any]:
    """The curve at one dose."""
    return next(entry for entry in document["points"] if float(entry["dose"]) == dose)


def at_dose(times: Sequence[Mapping[str, Any]], dose: float) -> Mapping[str, Any] | None:
    """A ratio at one dose."""
    return next((entry for entry in times if float(entry["dose"]) == dose), None)


def times_words(entry: Mapping[str, Any]) -> str:
    """`3.4 times (95 %: 3.2 to 3.6)`."""
    return f"{entry['times']:.1f} times (95 %: {entry['low95']:.1f} to {entry['high95']:.1f})"


def against(here: float, there: float) -> float:
    """How much more there is here than there, in %."""
    return 100.0 * (here / there - 1.0) if there else math.nan


def sentences(document: Mapping[str, Any]) -> list[str]:
    """What the curve means for who plans messages; every number is this run's."""
    best = {entry["metric"]: entry for entry in document["best"]}
    found = (
        said_of_best(best),
        said_of_bombardment(document, best),
        said_of_opens(document),
        said_of_opt_outs(document),
        said_of_silent(document),
        said_of_quota(document, best),
    )
    return [sentence for sentence in found if sentence]


def said_of_best(best: Mapping[str, Mapping[str, Any]]) -> str:
    """Where short run and long run disagree."""
    short, active, gmv = (float(best[name]["dose"]) for name in ("orders_30", "engaged_30", "gmv"))
    text = f"Best for orders in the first 30 days: {dose_words(short)}"
    text += " (the highest dose that was run)" if best["orders_30"]["at_edge"] else ""
    text += f"; for GMV until the end: {dose_words(gmv)}; for active members at the end: {dose_words(active)}."
    if short > max(active, gmv):
        text += " A month's test that counts orders picks too high a dose."
    elif short == active == gmv:
        text += " Short run and long run agree."
    return text


def said_of_bombardment(document: Mapping[str, Any], best: Mapping[str, Mapping[str, Any]]) -> str:
    """What bombardment wins and loses against the dose that keeps most members active."""
    high, low = float(document["bombardment"]), float(best["engaged_30"]["dose"])
    if high <= low:
        return ""
    ours, theirs = point(document, high), point(document, low)
    told = [
        f"{change(against(ours[name], theirs[name]))} {label}"
        for name, label in (("orders_30", "orders in the first 30 days"), ("gmv", "GMV until the end"),
                            ("engaged_30", "active members"), ("reachable", "members who can be reached"))
    ]  # fmt: skip
    text = f"{dose_words(high)} against {dose_words(low)}"
    return f"{capital(text)}: {', '.join(told[:-1])} and {told[-1]} at the end."


def said_of_opens(document: Mapping[str, Any]) -> str:
    """How opens fall, over all members and over the same members."""
    one, high = float(document["one"]), float(document["bombardment"])
    if high <= one:
        return ""
    low, top = point(document, one), point(document, high)
    text = f"Opens fall from {low['open_rate']:.0f} % at {dose_words(one)} to {top['open_rate']:.0f} % at {high:g}"
    same = (low["open_rate_same"], top["open_rate_same"])
    if None not in same:
        text += (
            f"; among the {100 * document['same_members']['share']:.0f} % of members who can be reached at the end "
            f"of every dose, from {same[0]:.0f} % to {same[1]:.0f} %, so that it is fatigue and not only who is left"
            if same[1] < same[0]
            else f"; among the members who can be reached at the end of every dose, from {same[0]:.0f} % to "
            f"{same[1]:.0f} %"
        )
    return text + "."


def said_of_opt_outs(document: Mapping[str, Any]) -> str:
    """How opt-outs rise, and at which doses they are about 3.2 times those of one message a week."""
    one, high = float(document["one"]), float(document["bombardment"])
    entry = at_dose(document["opt_outs"], high)
    if entry is None or high <= one:
        return ""
    base = point(document, one)["opted_out"]
    text = f"Until the end {level(base)} of 100 members opt out at {dose_words(one)} and "
    text += f"{level(point(document, high)['opted_out'])} at {high:g}: {times_words(entry)} as many"
    monthly, claim = at_dose(document["opt_outs_month"], high), document["claimed"]
    if monthly is not None:
        text += f"; {times_words(monthly)} as many of those who could still be reached"
    if claim is not None:
        text += f". They are {claim['times']:g} times as many at about {claim['dose']:.2g} a week, where "
        text += f"{claim['open_rate']:.0f} % are opened (the trade tells of {claim['times']:g} times and 12 to 15 %)"
    return text + "."


def said_of_silent(document: Mapping[str, Any]) -> str:
    """What dormant members bear."""
    silent, one = document["silent"], float(document["one"])
    if not silent["times"]:
        return ""
    base = point(document, one)["dormant_opt_out_month"]
    text = f"Of members dormant at day 0, {level(base)} % of those who can be reached opt out a month at "
    text += f"{dose_words(one)}"
    two = at_dose(silent["times"], 2.0)
    text += f", {times_words(two)} as many at 2" if two is not None and one != 2.0 else ""
    if silent["dose"] is not None:
        text += f"; they are twice as many from about {silent['dose']:.2g} a week on"
    elif silent["times"][-1]["times"] < silent["level"]:
        text += "; at no dose that was run are they twice as many"
    if silent["like_active"] is not None and two is not None:
        text += f". At 2 a week the silent opt out as fast as the active at about {silent['like_active']:.2g}"
    return text + "."


def said_of_quota(document: Mapping[str, Any], best: Mapping[str, Mapping[str, Any]]) -> str:
    """What the platform's quota prevents and what it does not."""
    quota, doses = float(document["quota"]), document["doses"]
    if quota not in doses or quota >= max(doses):
        return ""
    active, gmv = best["engaged_30"], best["gmv"]
    text = f"The platform's quota, about {quota:g} a week, "
    if float(gmv["dose"]) > quota:
        return text + f"stands below the best dose for GMV, {dose_words(float(gmv['dose']))}."
    text += f"keeps bombardment out, but is no target: at {quota:g} a week "
    here, there = point(document, quota), point(document, float(active["dose"]))
    text += f"{change(against(here['engaged_30'], there['engaged_30']))} active members at the end against "
    return text + f"{dose_words(float(active['dose']))}."


def finding(m: Curve) -> str:
    """The title of the page."""
    short, active, gmv = (m.best[name] for name in ("orders_30", "engaged_30", "gmv"))
    if float(short["dose"]) > max(float(active["dose"]), float(gmv["dose"])):
        return (
            f"A month's orders call for {dose_words(float(short['dose']))}; a year's GMV is highest at "
            f"{float(gmv['dose']):g}, active members at {float(active['dose']):g}"
            if m.days >= 360
            else f"The first 30 days call for {dose_words(float(short['dose']))}; until the end GMV is highest at "
            f"{float(gmv['dose']):g}, active members at {float(active['dose']):g}"
        )
    return (
        f"Most orders in 30 days at {dose_words(float(short['dose']))}, most GMV at {float(gmv['dose']):g}, most "
        f"active members at {float(active['dose']):g}"
    )


# ---------------------------------------------------------------------------- the axis


def place(dose: float, least: float) -> float:
    """Where a dose stands on the axis: its logarithm, and 0 apart, left of the least dose above it."""
    return math.log2(dose) if dose > 0 else math.log2(least) - 1.1


def dose_axis(axes: Any, doses: Sequence[float], tall: float, wide: float, label: str = "") -> None:
    """Ticks at doses where they find room (`wide` inches), a gap in the axis after 0."""
    least = next(dose for dose in doses if dose > 0)
    zero = doses[0] == 0
    low, high = place(doses[0], least) - (0.45 if zero else 0.3), place(doses[-1], least) + 0.3
    axes.set_xlim(low, high)
    inch = wide / (high - low)
    kept: list[float] = []
    for dose in (doses[0], least, doses[-1], *(d for d in (7.0, 2.0, 21.0) if d in doses), *doses):
        width = 0.075 * len(f"{dose:g}") + 0.07
        if dose not in kept and all(
            abs(place(dose, least) - place(d, least)) * inch > width / 2 + (0.075 * len(f"{d:g}") + 0.07) / 2
            for d in kept
        ):
            kept.append(dose)
    axes.set_xticks([place(dose, least) for dose in kept], [f"{dose:g}" for dose in kept])
    axes.set_xticks([place(dose, least) for dose in doses], minor=True)
    axes.tick_params(axis="x", which="minor", length=2, color="#999999")
    gap = (place(0.0, least) + math.log2(least)) / 2 + 0.05
    for shift in (-0.5, 0.5) if zero else ():
        x = gap + shift * 0.05 / inch
        axes.plot(
            [x - 0.025 / inch, x + 0.025 / inch], [-0.045 / tall, 0.045 / tall], color="#777777", linewidth=1.0,
            transform=axes.get_xaxis_transform(), clip_on=False, zorder=7,
        )  # fmt: skip
    if label:
        axes.set_xlabel(label, fontsize=9, color=INK)


def quota_line(axes: Any, m: Curve, words: str = "") -> None:
    """The platform's quota as a vertical line, with a label where there is room."""
    quota = float(m.summary["quota"])
    least = next(dose for dose in m.doses if dose > 0)
    if not least <= quota <= m.doses[-1]:
        return
    at = place(quota, least)
    axes.axvline(at, color=GREY, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1.5)
    if words:
        axes.text(at, 1.0, words, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=7.5,
                  color=GREY)  # fmt: skip


def draw_curve(
    axes: Any, rows: pd.DataFrame, least: float, colour: str, dashes: Any = "-", marker: str = "o", size: float = 3.5
) -> None:
    """A curve with its band; the point at 0 stands apart."""
    x = np.array([place(float(dose), least) for dose in rows.index])
    above = np.array([float(dose) > 0 for dose in rows.index])
    mean, low, high = (rows[name].to_numpy(dtype=float) for name in ("mean", "low95", "high95"))
    axes.fill_between(x[above], low[above], high[above], color=colour, alpha=0.22, linewidth=0, zorder=2)
    axes.plot(x[above], mean[above], color=colour, linestyle=dashes, linewidth=1.7, marker=marker, markersize=size,
              zorder=4)  # fmt: skip
    if not above.all():
        zero = ~above
        reach = [mean[zero] - low[zero], high[zero] - mean[zero]]
        style = {"color": colour, "marker": marker, "markersize": size, "linewidth": 1.2, "capsize": 2}
        axes.errorbar(x[zero], mean[zero], yerr=reach, zorder=4, linestyle="none", **style)


# ---------------------------------------------------------------------------- charts


def all_charts(m: Curve) -> list[Chart]:
    """Every chart that the folder has something for; nothing is drawn yet."""
    made = (curve_chart(m), months_chart(m), silent_chart(m), segments_chart(m))
    return [chart for chart in made if chart is not None]


def source(m: Curve, wide: bool = True) -> str:
    """The line at the foot."""
    run = f"{m.replications} replications, seed {m.summary['seed']}."
    return (
        f"{m.title}; strategy {m.summary['strategy']}; {run}" if wide else f"Strategy {m.summary['strategy']}; {run}"
    )


def grid_sheet(
    title: str, foot: str, rows: int, columns: int, tall: float, left: float, between: float, gap: float,
    legend_rows: int, above: float, right: float = 0.2,
) -> tuple[Sheet, list[list[Any]], float]:  # fmt: skip
    """A sheet of small multiples: rows of axes, and how wide each is in inches."""
    sheet = Sheet(title, foot, panels=(tall,) * rows, legend_rows=legend_rows, left=left, right=right, gap=gap,
                  below=0.5, above=above)  # fmt: skip
    wide = (sheet.width - left - right - between * (columns - 1)) / columns
    out = []
    for axes in sheet.axes:
        box = axes.get_position()
        axes.remove()
        out.append(
            [
                sheet.figure.add_axes(
                    ((left + i * (wide + between)) / sheet.width, box.y0, wide / sheet.width, box.height)
                )
                for i in range(columns)
            ]
        )
    return sheet, out, wide


def curve_chart(m: Curve) -> Chart:
    """Six small multiples of the curve."""
    title = finding(m)
    takeaway = " ".join(f"{capital(str(e['label']))}: {e['words']}." for e in m.summary["best"])
    how = (
        "Each panel shows the same doses: messages a week on a logarithmic axis, and no messages apart at the left. "
        "A line is the mean over replications, per member of day 0, the tint its 95 % interval. The large dot is the "
        "best dose; the bar below marks the doses that are not told apart from it. The dashed line is the quota of "
        "the platform, which does not hold in this world. Squares: the same members at every dose, namely those whom "
        "all doses leave reachable."
    )
    alt = "Six panels by messages a week. " + " ".join(
        f"{label} ({unit}): " + ", ".join(f"{dose:g}: {level(float(v))}" for dose, v in rows["mean"].items()) + "."
        for name, label, unit in PANELS
        if (rows := m.rows(name)) is not None
    )

    def draw() -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        sheet, grid, wide = grid_sheet(title, source(m), 2, 3, 2.15, 0.75, 0.72, 1.02, 1, 0.52)
        least = next(dose for dose in m.doses if dose > 0)
        flat = [axes for row in grid for axes in row]
        for axes, (name, label, unit) in zip(flat, PANELS, strict=True):
            plain_axes(axes, unit)
            axes.set_title(label, fontsize=10, fontweight="bold", loc="left", color=INK, pad=17)
            rows = m.rows(name)
            if rows is None:
                continue
            draw_curve(axes, rows, least, BLUE)
            top, bottom = float(rows["high95"].max()), float(rows["low95"].min())
            same = m.rows("open_rate_same") if name == "open_rate" else None
            if same is not None:
                draw_curve(axes, same, least, ORANGE, (0, (4, 1.5)), "s")
                top = max(top, float(same["high95"].max()))
            floor = 0.0 if name in ("open_rate", "opted_out", "reachable") or bottom < 0.5 * top else None
            if floor is None:
                reach = top - bottom
                axes.set_ylim(bottom - 0.28 * reach, top + 0.1 * reach)
            else:
                axes.set_ylim(0, top * 1.07)
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
            entry = m.best.get(name)
            if entry is not None:
                mark_best(axes, rows, entry, least)
            quota_line(axes, m, f"quota: about {float(m.summary['quota']):g} a week")
            dose_axis(axes, m.doses, 2.15, wide, "messages a week")
        handles = [
            Line2D([], [], color=BLUE, marker="o", markersize=4, lw=1.7),
            Patch(facecolor=GREY, alpha=0.3, linewidth=0),
            Line2D([], [], color=VERMILION, marker="o", markersize=8, lw=0),
            Line2D([], [], color=VERMILION, lw=3),
            Line2D([], [], color=ORANGE, ls=(0, (4, 1.5)), marker="s", markersize=4, lw=1.7),
        ]
        labels = [
            "mean",
            "95 % interval",
            "best dose",
            "not told apart from the best",
            "the same members at every dose",
        ]
        sheet.legend(handles, labels, 5)
        return sheet.figure

    return Chart("frequency_curve", title, takeaway, how, alt, draw)


def mark_best(axes: Any, rows: pd.DataFrame, entry: Mapping[str, Any], least: float) -> None:
    """The best dose as a large dot, and a bar at the foot over the doses that are not told apart from it."""
    dose = float(entry["dose"])
    axes.plot([place(dose, least)], [float(rows["mean"][dose])], marker="o", markersize=8, color=VERMILION, zorder=6,
              markeredgecolor="white", markeredgewidth=0.8)  # fmt: skip
    low, high = place(float(entry["from"]), least), place(float(entry["to"]), least)
    axes.plot([low - 0.08, high + 0.08], [0.045, 0.045], color=VERMILION, linewidth=3.2, solid_capstyle="butt",
              transform=axes.get_xaxis_transform(), zorder=6)  # fmt: skip


def told_doses(m: Curve) -> list[float]:
    """The doses whose course over months is drawn: best for activity, best for GMV, bombardment, the highest."""
    wanted = [float(m.best["engaged_30"]["dose"]), float(m.best["gmv"]["dose"]), float(m.summary["bombardment"])]
    return sorted({dose for dose in (*wanted, m.doses[-1]) if dose > 0})


def months_chart(m: Curve) -> Chart | None:
    """How the effect on orders turns over the months."""
    shown = told_doses(m)
    if m.days < 90 or m.months.empty or not shown:
        return None
    courses = {dose: m.month("orders", dose) for dose in shown}
    base = m.month("orders", 0.0)["mean"]
    high = shown[-1]
    effects = 100.0 * courses[high]["effect"] / base
    sure_loss = courses[high]["effect_high95"].to_numpy() < 0
    below = courses[high].index.to_numpy()[sure_loss]
    first, last = float(effects.iloc[0]), float(effects.iloc[-1])
    title = f"{capital(dose_words(high))}: {change(first)} orders in month 1, {change(last)} in month {len(effects)}"
    takeaway = f"Orders against no messages at {dose_words(high)}: {change(first)} in the first month and "
    takeaway += f"{change(last)} in the last"
    takeaway += f"; the first month in which they are surely fewer is {below[0]}." if len(below) else "."
    how = (
        "A line is the difference in orders of members of day 0 to the same members without messages, in % of "
        "theirs, month by month (30 days); the tint is its 95 % interval over pairs of replications."
    )
    alt = "Lines of the effect on orders by month. " + " ".join(
        f"{dose:g} a week: " + ", ".join(change(v) for v in 100.0 * rows["effect"] / base) + "."
        for dose, rows in courses.items()
    )

    def draw() -> Any:
        from matplotlib.lines import Line2D

        sheet = Sheet(title, source(m, wide=False), panels=(3.0,), width=NARROW, legend_rows=1, left=0.8, right=0.25)
        axes = sheet.axes[0]
        plain_axes(axes, "orders against no messages, %")
        for (dose, rows), (colour, dashes, marker) in zip(courses.items(), STYLES[-len(courses) :], strict=True):
            x = rows.index.to_numpy(dtype=float)
            low, high95, mean = (100.0 * rows[n] / base for n in ("effect_low95", "effect_high95", "effect"))
            axes.fill_between(x, low, high95, color=colour, alpha=0.2, linewidth=0, zorder=2)
            axes.plot(x, mean, color=colour, linestyle=dashes, marker=marker, markersize=3.5, linewidth=1.7, zorder=4)
            del dose
        axes.axhline(0, color=INK, linewidth=1.0, zorder=3)
        axes.set_xticks(list(base.index))
        axes.set_xlim(0.6, len(base) + 0.4)
        axes.set_xlabel("month of 30 days", fontsize=9, color=INK)
        axes.yaxis.set_major_formatter(lambda value, _: "0" if value == 0 else f"{value:+.0f}".replace("-", "−"))
        handles = [
            Line2D([], [], color=c, ls=d, marker=k, markersize=4, lw=1.7) for c, d, k in STYLES[-len(courses) :]
        ]
        sheet.legend(handles, [f"{dose:g} a week" for dose in courses], len(courses))
        return sheet.figure

    return Chart("orders_by_month", title, takeaway, how, alt, draw, narrow=True)


def silent_chart(m: Curve) -> Chart | None:
    """What dormant members bear, beside active ones."""
    found = {name: m.rows("opt_out_month", name) for name in PAIR}
    rows = {name: table for name, table in found.items() if table is not None and len(table) > 1}
    if "dormant" not in rows:
        return None
    silent, one = m.summary["silent"], float(m.summary["one"])
    base = float(rows["dormant"]["mean"].get(one, math.nan))
    if silent["dose"] is not None:
        title = f"At about {silent['dose']:.2g} a week the silent opt out twice as fast as at {one:g}"
    else:
        title = f"Opt-outs of the silent by dose: {level(base)} % a month at {one:g} a week"
    takeaway = said_of_silent(m.summary)
    how = (
        "How many of the members who can still be reached opt out in a month, by lifecycle stage at day 0 (dormant: "
        "all three dormant stages). A member who opted out is no longer counted, so that high doses are not "
        "flattered by having nobody left to lose. Both axes are logarithmic. The dotted line is twice the rate of "
        f"the dormant at {one:g} a week. Tints are 95 % intervals."
    )
    alt = "Lines of opt-outs a month by dose. " + " ".join(
        f"{name}: " + ", ".join(f"{d:g}: {level(float(v))} %" for d, v in table["mean"].items()) + "."
        for name, table in rows.items()
    )

    def draw() -> Any:
        from matplotlib.lines import Line2D

        sheet = Sheet(
            title, source(m, wide=False), panels=(3.0,), width=NARROW, legend_rows=1, left=0.8, right=0.25, above=0.3
        )
        axes = sheet.axes[0]
        plain_axes(axes, "opt-outs, % of reachable a month")
        least = next(dose for dose in m.doses if dose > 0)
        styles: dict[str, tuple[str, Any, str]] = {}
        styles |= {"active": (BLUE, (0, (4, 1.5)), "s"), "dormant": (VERMILION, "-", "o")}
        for name, table in rows.items():
            draw_curve(axes, table[table["mean"] > 0], least, *styles[name])
        axes.axhline(silent["level"] * base, color=INK, linewidth=1.1, linestyle=(0, (1, 2)), zorder=3)
        values = np.concatenate([table["mean"].to_numpy() for table in rows.values()])
        low, high = float(values[values > 0].min()), float(values.max())
        axes.set_yscale("log")
        axes.set_ylim(0.7 * low, 1.4 * high)
        ticks = [n * 10.0**k for k in range(-3, 3) for n in (1, 2, 5) if 0.7 * low <= n * 10.0**k <= 1.4 * high]
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_yticks([], minor=True)
        quota_line(axes, m, f"quota: about {float(m.summary['quota']):g} a week")
        dose_axis(axes, [dose for dose in m.doses if dose > 0], 3.0, NARROW - 1.05, "messages a week")
        looks = [styles[name] for name in rows]
        handles = [Line2D([], [], color=c, ls=d, marker=k, markersize=4, lw=1.7) for c, d, k in looks]
        labels = [f"{name} at day 0" for name in rows]
        sheet.legend([*handles, Line2D([], [], color=INK, lw=1.1, ls=(0, (1, 2)))],
                     [*labels, f"twice the dormant at {one:g}"], 3)  # fmt: skip
        return sheet.figure

    return Chart("silent_members", title, takeaway, how, alt, draw, narrow=True)


def effect_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Effects against dose 0 as if they were levels."""
    names = {"effect": "mean", "effect_low95": "low95", "effect_high95": "high95"}
    return rows[list(names)].rename(columns=names)


def segments_chart(m: Curve) -> Chart | None:
    """Orders, opens and opt-outs of each lifecycle stage at day 0."""
    shown = [
        name for name in SEGMENT_WORDS if (rows := m.rows("orders", name)) is not None and rows["mean"].iloc[0] > 0
    ]
    if not shown:
        return None
    best = {}
    for name in shown:
        rows = m.rows("orders", name)
        if rows is not None:
            best[name] = float(rows["mean"].index[int(np.argmax(rows["mean"].to_numpy()))])
    low, high = min(best, key=lambda name: best[name]), max(best, key=lambda name: best[name])
    if best[low] == best[high]:
        title = f"Orders until the end peak at {dose_words(best[low])} in every stage"
    else:
        title = f"Orders until the end peak at {best[low]:g} a week for members {stage(low)} at day 0, at "
        title += f"{best[high]:g} for those {stage(high)}"
    takeaway = "Best dose for orders until the end, by stage at day 0: "
    takeaway += ", ".join(f"{stage(name)} {best[name]:g}" for name in shown) + " a week."
    how = (
        "A column is a lifecycle stage at day 0; the panels of a row share their scale. Orders are those that the "
        "same members place more than without messages until the end, per 100 members of the stage. Opens are those "
        "of the messages sent to the stage; opt-outs are of those who can still be reached. Tints are 95 % "
        "intervals; the dashed line is the platform's quota."
    )
    alt = takeaway

    def draw() -> Any:
        sheet, grid, wide = grid_sheet(title, source(m), 3, len(shown), 1.45, 0.95, 0.13, 0.22, 0, 0.5)
        least = next(dose for dose in m.doses if dose > 0)
        for y, (line, (metric, label)) in enumerate(zip(grid, SEGMENT_ROWS, strict=True)):
            found = []
            for name in shown:
                rows = m.rows(metric, name)
                rows = rows if rows is None or metric != "orders" else effect_rows(rows)
                found.append(rows)
            top = max(float(rows["high95"].max()) for rows in found if rows is not None)
            bottom = min(float(rows["low95"].min()) for rows in found if rows is not None)
            for x, (axes, name, rows) in enumerate(zip(line, shown, found, strict=True)):
                plain_axes(axes, "")
                axes.set_ylabel(label if x == 0 else "", fontsize=9, color=INK)
                if y == 0:
                    axes.set_title(
                        drawable(SEGMENT_WORDS[name]), fontsize=10, fontweight="bold", loc="left", color=INK
                    )
                if rows is not None:
                    draw_curve(axes, rows, least, BLUE if y == 0 else GREEN if y == 1 else VERMILION, size=2.4)
                reach = top - min(bottom, 0.0)
                axes.set_ylim(min(bottom - 0.05 * reach, 0.0) if metric == "orders" else 0.0, top + 0.06 * reach)
                if metric == "orders":
                    axes.axhline(0, color=INK, linewidth=1.0, zorder=3)
                    axes.yaxis.set_major_formatter(
                        lambda value, _: "0" if value == 0 else f"{value:+.0f}".replace("-", "−")
                    )
                else:
                    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
                if x > 0:
                    axes.tick_params(axis="y", labelleft=False, length=0)
                quota_line(axes, m, "quota" if y == 0 and x == 0 else "")
                dose_axis(axes, m.doses, 1.45, wide)
                if y < 2:
                    axes.tick_params(axis="x", labelbottom=False)
        middle = 0.95 + (sheet.width - 1.15) / 2
        sheet.words(middle / sheet.width, 0.3 / sheet.height, "messages a week", fontsize=9, color=INK, ha="center")
        return sheet.figure

    return Chart("segments", title, takeaway, how, alt, draw)


def stage(name: str) -> str:
    """A stage within a sentence."""
    return SEGMENT_WORDS[name].lower()


# ---------------------------------------------------------------------------- the page


def content(m: Curve, charts: list[Chart], images: dict[str, bytes]) -> dict[str, Any]:
    """Everything that the page says, by the template's names."""
    base = ground(m)
    base["provenance"] = [
        (label, value.replace("forecast.csv", "curve.csv, months.csv") if label == "Files" else value)
        for label, value in base["provenance"]
        if label not in ("Days forecast", "Simulated futures")
    ]
    at = next((i for i, (label, _) in enumerate(base["provenance"]) if label == "Market"), 0)
    base["provenance"][at:at] = [
        ("Doses", ", ".join(f"{dose:g}" for dose in m.doses) + " messages a week"),
        ("Days", f"{m.days:,}, from {date_words(m.start)} to {date_words(m.end)}"),
        ("Replications", f"{m.replications:,}, the same luck at every dose"),
    ]
    base["glossary"] = [*own_terms(m), *base["glossary"]]
    sure_of = sure(m)
    page = {
        "title": finding(m),
        "subtitle": m.title,
        "lead": [str(m.summary["sentences"][0])],
        "warnings": [*standing(m), *(str(text) for text in m.summary["warnings"])],
        "contents": [
            ("numbers", "The curve in numbers"),
            ("charts", "Pictures"),
            ("why", "Why it bends"),
            ("plan", "What to do with it"),
            ("sure", "How sure"),
            ("rests", "What it rests on"),
            ("terms", "Terms"),
            ("provenance", "Provenance"),
        ],
        "cards": cards(m),
        "rows": table_rows(m),
        "below_numbers": below_numbers(m),
        "charts": [embedded_image(chart, images[chart.name]) for chart in charts],
        "why": why(m),
        "plan": [str(text) for text in m.summary["sentences"][1:]],
        "sure": sure_of,
    }
    return unbroken(page) | base


def standing(m: Curve) -> list[str]:
    """Whether these are the reader's own members."""
    if m.has_log:
        return []
    return [
        "This run does not use your data: the members are a simulated stand-in. The shape of the curve is what to "
        "take from it, not its numbers."
    ]


def cards(m: Curve) -> list[dict[str, str]]:
    """The best doses, and how opens fall."""
    out = []
    for entry in m.best.values():
        alike = f"not told apart: {span(entry)} a week" if len(entry["alike"]) > 1 else "told apart from all others"
        edge = "; the highest that was run" if entry["at_edge"] else ""
        out.append(
            {
                "what": f"Best for {entry['label']}, messages a week",
                "big": f"{float(entry['dose']):g}",
                "range": alike + edge,
            }
        )
    one, high = float(m.summary["one"]), float(m.summary["bombardment"])
    rates = [point(m.summary, dose)["open_rate"] for dose in (one, high)]
    entry = at_dose(m.summary["opt_outs"], high)
    if None not in rates and high > one:
        text = f"{entry['times']:.1f} times the opt-outs" if entry else ""
        out.append(
            {
                "what": f"Opens at {one:g} and at {high:g} a week",
                "big": f"{rates[0]:.0f} → {rates[1]:.0f} %",
                "range": text,
            }
        )
    return out


def table_rows(m: Curve) -> list[dict[str, Any]]:
    """One row for each dose."""
    out = []
    for dose in m.doses:
        cells = []
        for name in ("orders_30", "engaged_30", "gmv", "open_rate", "open_rate_same", "opted_out", "reachable"):
            rows = m.rows(name)
            there = rows is not None and dose in rows.index
            keys = ("mean", "low95", "high95")
            mean, low, high = [math.nan if rows is None or not there else float(rows[key][dose]) for key in keys]
            entry = m.best.get(name)
            cells.append(
                {
                    "mean": level(mean),
                    "range": f"{level(low)}–{level(high)}" if rows is not None and there else "",
                    "best": entry is not None and float(entry["dose"]) == dose,
                    "alike": entry is not None and dose in entry["alike"],
                }
            )
        out.append({"dose": f"{dose:g}", "cells": cells})
    return out


def below_numbers(m: Curve) -> list[str]:
    """What the table's words mean."""
    same = m.summary["same_members"]
    return [
        f"Means over {m.replications} replications with their 95 % intervals. All numbers are of the "
        f"{int(m.summary['members_at_start']):,} members of day 0, and per member of day 0; newcomers are in "
        "curve.csv, segment all. Bold: the best dose. Shaded: not told apart from the best in pairs of replications.",
        f"Opened, same members: of messages to the {100 * same['share']:.0f} % of members (about "
        f"{same['count']:,.0f} a replication) who can be reached at the end of every dose. They bear more than "
        "others do, so their rates are higher; but they are the same persons at every dose.",
    ]


def month_share(m: Curve, dose: float, metric: str, month: int) -> float:
    """A metric of one dose in one month; NaN where there is none."""
    rows = m.month(metric, dose)
    return float(rows["mean"][month]) if month in rows.index else math.nan


def month_change(m: Curve, dose: float, month: int) -> float:
    """Orders of one dose in one month against no messages, in %."""
    rows, base = m.month("orders", dose), m.month("orders", 0.0)
    return 100.0 * float(rows["effect"][month] / base["mean"][month]) if month in rows.index else math.nan


def why(m: Curve) -> list[str]:
    """Why the curve bends, with this run's numbers."""
    high, points = m.doses[-1], m.summary["points"]
    sent = {float(entry["dose"]): entry["opens"] for entry in points}
    most = max(sent, key=lambda dose: sent[dose])
    out = [
        "Three things happen at once. A message that is opened brings a visit, and some visits an order: more "
        "messages, more orders, at once. Every message also tires, and a tired member opens the next one less "
        "readily. And on every message he may mute, block or leave, the more readily the more tired he is; that does "
        "not come back."
    ]
    if m.days >= 90 and not m.months.empty:
        months = m.days // 30
        reach = [month_share(m, high, "reachable", month) for month in (1, months)]
        moved = [month_change(m, high, month) for month in (1, months)]
        out.append(
            f"In the short run the gain is there and the price is not yet paid. At {dose_words(high)}, after the "
            f"first 30 days {reach[0]:.0f} % of members can still be reached, and orders of that month are "
            f"{change(moved[0])} against no messages. In month {months} there are {reach[1]:.0f} % left, and orders "
            f"are {change(moved[1])}: who has blocked is not only silent to messages, he also buys less "
            f"(response.permission.blocked_pace = {m.declared('response.permission.blocked_pace', 0.25):g}). That is "
            "why short-run orders peak at a higher dose than activity and GMV over the whole run."
            if moved[1] < moved[0]
            else f"At {dose_words(high)} orders are {change(moved[0])} against no messages in the first month and "
            f"{change(moved[1])} in month {months}: in this run the price of messages does not catch up."
        )
    low = next(dose for dose in m.doses if dose > 0)
    if sent[low] is not None and sent[most] is not None:
        text = (
            f"More messages are not as much more attention. A member opens {level(sent[low])} messages until the end "
        )
        text += f"at {dose_words(low)}, {level(sent[most])} at {dose_words(most)}"
        text += (
            f" and {level(sent[high])} at {dose_words(high)}." if most != high else ", the highest dose that was run."
        )
        out.append(text)
    out.append(
        "Active members peak below GMV: GMV adds up the whole run, the good first months included, while activity is "
        "counted at its end, when permission has been spent."
        if float(m.best["engaged_30"]["dose"]) < float(m.best["gmv"]["dose"])
        else "GMV and activity peak at about the same dose here: what is won early does not make up for what is lost."
    )
    out.append(
        "The silent bear less than others: after long silence, "
        f"{100 * float(m.declared('response.fatigue.silent_bear', 0.45)):.0f} % of a member's tolerance is left "
        "(response.fatigue.silent_bear), and who has drifted away opts out more readily. " + said_of_silent(m.summary)
    )
    return out


def sure(m: Curve) -> list[str]:
    """What the intervals hold and what they do not."""
    contribution = m.summary["best_contribution"]
    return [
        f"All doses share persons, luck and weeks; doses are compared in {m.replications} pairs of replications, by "
        "Student's t. A dose is not told apart from the best if the 95 % interval of their difference covers 0. Each "
        "such interval misses 1 time in 20, there are many of them, and the best of many looks better than it is: "
        "take the range, not the dot.",
        "Up to 7 a week a day's only message comes at 20:00; above, several are spread over 9:00 to 21:30, where "
        "fewer like to read. Part of the fall of opens between 7 and 14 a week is the hour, not fatigue. With "
        "strategy.messaging.own_hour=true each is reached at his own hour, where it is known.",
        "GMV is at list price and before costs. With this run's prices of messages and pieces, and a membership of "
        f"this size to share the pieces, contribution is highest at {dose_words(float(contribution['dose']))} (not "
        f"told apart: {span(contribution)}); it stands in curve.csv.",
        "Not in any interval: whether the model is right. How fast messages tire, when members opt out and what "
        "blocking costs are assumptions, listed below with their standing; they were set so that known stories come "
        "out, and the place of the peak moves with them. Nobody tires with response.temperament.tolerance=1e9; then "
        "the curve does not bend.",
    ]


def own_terms(m: Curve) -> list[tuple[str, str]]:
    """Terms of the curve."""
    return [
        ("Dose", "Messages a week to each member, as planned. Members who opted out get none."),
        ("Active member (engaged_30)", "Opened, visited or ordered in the last 30 days."),
        ("Opted out", "Muted, blocked or left of his own accord. Nobody opts out where no messages come."),
        ("Reachable", "Has neither muted nor blocked nor left."),
        (
            "Platform quota",
            "WeCom lets a customer receive at most as many mass messages a month as it has days: about 7 a week.",
        ),
        ("GMV", "Value of orders at list price."),
    ]


__all__ = ["sentences", "words_of_best", "write_frequency"]
