"""The page of a sweep: how outcomes respond to what was varied, from the folder's files alone."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from scipy import stats

from sim.report.charts import BLUE, GREY, INK, VERMILION, Chart, Sheet, drawable, plain_axes
from sim.report.material import Material, capital, figures, minus, number, unbroken
from sim.report.page import embedded_image, ground, publish

MOST_DRAWN = 20_000
"""Points that are read for the page; of a longer table the first so many."""
MOST_PANELS = 8
MOST_CELLS = 400
"""Cells of a heat map; a larger grid is drawn as points."""
PREFERRED = ("contribution", "orders", "members", "mau")
"""The outcomes that are drawn, where the table has them; else its first ones."""
ROLES = {"lever": "lever: chosen", "uncertainty": "not known", "size": "size of the run"}


class Points(Material):
    """The files of a sweep's folder."""

    @functools.cached_property
    def table(self) -> pd.DataFrame:
        """The distinct points that were lived, at most `MOST_DRAWN` of them."""
        batch = next(pq.ParquetFile(self.folder / "table.parquet").iter_batches(MOST_DRAWN))
        frame = batch.to_pandas()
        return frame[frame["status"] == "done"].drop_duplicates("config_hash").reset_index(drop=True)

    @property
    def axes(self) -> list[dict[str, Any]]:
        """The keys that were varied, with role, unit, meaning and base."""
        return self.parameters["axes"]

    @functools.cached_property
    def varied(self) -> list[str]:
        """The keys that take more than one value."""
        return [axis["key"] for axis in self.axes if self.table[axis["key"]].nunique(dropna=False) > 1]

    @property
    def outcomes(self) -> dict[str, dict[str, Any]]:
        """The outcomes by name."""
        return {entry["metric"]: entry for entry in self.summary["outcomes"]}

    @property
    def drawn(self) -> list[str]:
        """The outcomes that are drawn, the most telling first."""
        return [name for name in PREFERRED if name in self.outcomes] or list(self.outcomes)[:4]

    def label(self, outcome: str) -> str:
        """An outcome in words."""
        return capital(str(self.outcomes[outcome]["label"]))

    def unit(self, outcome: str) -> str:
        """Its unit."""
        return self.in_money(str(self.outcomes[outcome]["unit"]))

    def told(self, row: pd.Series, outcome: str) -> str:
        """A mean with its interval."""
        reach = float(self.reach(pd.DataFrame([row]), outcome)[0])
        return number(float(row[outcome])) + (f" ± {number(reach)}" if reach else "") + f" {self.unit(outcome)}"

    def reach(self, rows: pd.DataFrame, outcome: str) -> np.ndarray:
        """Half the width of the 95 % interval of each mean, by Student's t; 0 where there is one replication."""
        lived = rows["run.replications"] if "run.replications" in rows else np.full(len(rows), self.replications)
        within = stats.t.ppf(0.975, np.maximum(np.asarray(lived, dtype=float) - 1.0, 1.0))
        return within * np.nan_to_num(rows[f"{outcome}_se"].to_numpy(dtype=float))

    def where(self, row: pd.Series) -> str:
        """A point in words."""
        return ", ".join(f"{key.split('.', 1)[-1]} {shown(row[key])}" for key in self.varied) or "the base"


def shown(value: Any) -> str:
    """A parameter's value as a reader wants it."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return "none"
    if isinstance(value, bool | np.bool_):
        return "on" if value else "off"
    return figures(float(value)) if isinstance(value, int | float | np.number) else str(value)


def numeric(m: Points, key: str) -> bool:
    """Whether a key takes numbers only."""
    return pd.api.types.is_numeric_dtype(m.table[key]) and not pd.api.types.is_bool_dtype(m.table[key])


def write_sweep(folder: Path) -> None:
    """Draw the charts of a sweep and write its page, reading nothing but the folder's own files."""
    material = Points(Path(folder))
    charts = all_charts(material)
    publish(material.folder, charts, "sweep.html", lambda images: content(material, charts, images))


def all_charts(m: Points) -> list[Chart]:
    """Lines for one key, maps for two keys on a grid, points against each key otherwise."""
    if len(m.table) < 2 or not m.varied:
        return []
    if len(m.varied) == 1:
        return [lines_chart(m, m.varied[0])]
    if len(m.varied) == 2 and gridded(m):
        return [map_chart(m, outcome) for outcome in m.drawn[:2]]
    return [points_chart(m, outcome) for outcome in m.drawn[:2]]


def gridded(m: Points) -> bool:
    """Whether the points fill a grid of two keys that can be read."""
    cells = m.table[m.varied[0]].nunique(dropna=False) * m.table[m.varied[1]].nunique(dropna=False)
    return len(m.table) == cells <= MOST_CELLS


def finding(m: Points, outcome: str) -> str:
    """Where an outcome is highest, and by how much the ends of the table differ."""
    worst, best = extremes(m, outcome)
    return minus(
        f"{m.label(outcome)}: most at {m.where(best)} ({m.told(best, outcome)}), least at {m.where(worst)} "
        f"({m.told(worst, outcome)})"
    )


def extremes(m: Points, outcome: str) -> tuple[pd.Series, pd.Series]:
    """The points at which an outcome is least and most."""
    order = m.table[outcome].to_numpy(dtype=float)
    return m.table.iloc[int(np.nanargmin(order))], m.table.iloc[int(np.nanargmax(order))]


def source(m: Points) -> str:
    """The line at the foot of a chart."""
    luck = "the same luck at every point" if m.summary["seeds"] == "common" else "each point with luck of its own"
    return f"{m.title}; {len(m.table):,} points, {m.replications:,} replications each, {luck}."


def ordered(m: Points, key: str) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """Rows in order of a key, their places along its axis, and the names of places (none for numbers)."""
    if numeric(m, key) and not m.table[key].isna().any():
        rows = m.table.sort_values(key)
        return rows, rows[key].to_numpy(dtype=float), []
    words = [shown(value) for value in m.table[key]]
    names = sorted(set(words))
    return m.table, np.array([names.index(word) for word in words], dtype=float), names


def name_places(axes: Any, names: Sequence[str]) -> None:
    """Put words in the place of numbers on the x axis."""
    if names:
        axes.set_xticks(range(len(names)), [drawable(name) for name in names], parse_math=False)
        axes.set_xlim(-0.5, len(names) - 0.5)


def with_unit(m: Points, key: str) -> str:
    """A key with its unit."""
    unit = next(axis["unit"] for axis in m.axes if axis["key"] == key)
    return f"{key} ({unit})" if unit else key


def lines_chart(m: Points, key: str) -> Chart:
    """Outcomes by one key: mean and 95 % Monte Carlo band."""
    outcomes = m.drawn
    title = finding(m, outcomes[0])
    how = (
        "Each dot is a point of the sweep: the mean over its replications. The tint (or bar) is its 95 % Monte Carlo "
        "interval: where it would lie in 19 of 20 repetitions with other luck. It says nothing about whether the "
        "assumptions hold."
    )
    rows, at, names = ordered(m, key)
    alt = f"By {key}: " + "; ".join(
        f"{m.label(name)}: "
        + ", ".join(f"{shown(row[key])}: {number(float(row[name]))}" for _, row in rows.iterrows())
        for name in outcomes
    )

    def draw() -> Any:
        sheet = Sheet(title, source(m), [1.9] * len(outcomes), legend_rows=0, left=1.25, gap=0.5, below=0.75)
        for axes, name in zip(sheet.axes, outcomes, strict=True):
            plain_axes(axes, m.unit(name))
            axes.set_title(drawable(m.label(name)), fontsize=10, fontweight="bold", loc="left", color=INK)
            mean = rows[name].to_numpy(dtype=float)
            reach = m.reach(rows, name)
            if names:
                axes.errorbar(at, mean, reach, fmt="o", color=BLUE, markersize=5, capsize=4)
            else:
                axes.fill_between(at, mean - reach, mean + reach, color=BLUE, alpha=0.2, linewidth=0)
                axes.plot(at, mean, color=BLUE, marker="o", markersize=4, linewidth=1.6)
            name_places(axes, names)
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        sheet.axes[-1].set_xlabel(drawable(with_unit(m, key)), fontsize=9.5, color=INK, parse_math=False)
        return sheet.figure

    return Chart("sweep_lines", title, f"{title}.", how, alt[:2000], draw)


def map_chart(m: Points, outcome: str) -> Chart:
    """An outcome over two keys on a grid, as a heat map with its numbers, and contours where both are numbers."""
    across, up = m.varied
    frame = m.table.assign(**{key: m.table[key] if numeric(m, key) else m.table[key].map(shown) for key in m.varied})
    grid = frame.pivot_table(index=up, columns=across, values=outcome, dropna=False)
    errors = m.table[f"{outcome}_se"]
    title = finding(m, outcome)
    largest = (
        f" Monte Carlo standard errors are at most {number(float(errors.max()))}." if errors.notna().any() else ""
    )
    how = (
        f"Each cell is a point of the sweep; its colour and number are the mean over replications, in "
        f"{m.unit(outcome)}.{largest} Cells that differ by less than three of them may differ by "
        "luck alone, unless all points share their luck: then differences are surer than the means."
    )
    whole = bool(np.isfinite(grid.to_numpy(dtype=float)).all()) and np.ptp(grid.to_numpy(dtype=float)) > 0.0
    contours = whole and min(grid.shape) >= 3 and all(numeric(m, key) for key in m.varied)
    if contours:
        how += " Lines join equal heights, those of the colour bar's ticks; between cells they go straight."
    alt = f"{m.label(outcome)} by {across} and {up}."

    def draw() -> Any:
        from matplotlib.patheffects import withStroke

        tall = min(max(0.42 * len(grid), 2.2), 5.5)
        sheet = Sheet(title, source(m), [tall], legend_rows=0, left=1.5, right=1.3, below=0.8)
        axes, values = sheet.axes[0], grid.to_numpy(dtype=float)
        image = axes.imshow(values, origin="lower", aspect="auto", cmap="cividis")
        axes.set_xticks(range(len(grid.columns)), [shown(value) for value in grid.columns])
        axes.set_yticks(range(len(grid.index)), [shown(value) for value in grid.index])
        axes.set_xlabel(drawable(with_unit(m, across)), fontsize=9.5, color=INK, parse_math=False)
        axes.set_ylabel(drawable(with_unit(m, up)), fontsize=9.5, color=INK, parse_math=False)
        axes.tick_params(labelsize=9, length=0)
        if values.size <= 120:
            middle = np.nanmean([np.nanmin(values), np.nanmax(values)])
            for (row, column), value in np.ndenumerate(values):
                if np.isfinite(value):
                    ink, paper = ("white", INK) if value < middle else (INK, "white")
                    text = axes.text(column, row, number(value), ha="center", va="center", fontsize=8, color=ink)
                    text.set_path_effects([withStroke(linewidth=2.4, foreground=paper)] if contours else [])
        bar = sheet.figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
        if contours:
            heights = [at for at in bar.get_ticks() if np.min(values) < at < np.max(values)]
            axes.contour(values, levels=heights, colors="white", linewidths=2.2, linestyles="solid")
            axes.contour(values, levels=heights, colors=INK, linewidths=0.9, linestyles="solid")
        bar.set_label(drawable(m.unit(outcome)), fontsize=9)
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        return sheet.figure

    return Chart(f"sweep_map_{outcome}", title, f"{title}.", how, alt, draw)


def points_chart(m: Points, outcome: str) -> Chart:
    """An outcome against each key that was varied, all others varying along."""
    keys = m.varied[:MOST_PANELS]
    title = finding(m, outcome)
    how = (
        "Each dot is a point of the sweep, with its 95 % Monte Carlo interval. In every panel all other keys vary "
        "along: a slope that can be seen is larger than what they do together. The line is a running mean over "
        "a fifth of the points."
    )
    if len(m.varied) > len(keys):
        how += f" Of {len(m.varied)} keys the first {len(keys)} are drawn."
    alt = f"{m.label(outcome)} against " + ", ".join(keys)

    def draw() -> Any:
        import matplotlib.ticker as ticker

        lines = (len(keys) + 1) // 2
        sheet = Sheet(title, source(m), [2.1] * lines, legend_rows=0, left=1.15, gap=0.75, below=0.75)
        places = []
        for axes in sheet.axes:
            box = axes.get_position()
            half = (box.width - 0.07) / 2
            axes.set_position((box.x0, box.y0, half, box.height))
            right = sheet.figure.add_axes((box.x0 + half + 0.07, box.y0, half, box.height))
            places += [axes, right]
        for axes, key in zip(places, keys, strict=False):
            rows, at, names = ordered(m, key)
            mean = rows[outcome].to_numpy(dtype=float)
            plain_axes(axes, m.unit(outcome))
            reach = m.reach(rows, outcome)
            spread = 0.25 * np.sin(np.arange(len(at)) * 2.399) if names else 0.0
            axes.errorbar(at + spread, mean, reach, fmt="o", color=BLUE, ecolor=GREY, markersize=2.5, elinewidth=0.6,
                          alpha=0.7 if len(at) < 300 else 0.3)  # fmt: skip
            if not names and len(at) >= 15:
                window = max(len(at) // 5, 5)
                run = pd.DataFrame({"x": at, "y": mean}).rolling(window, center=True).mean().dropna()
                axes.plot(run["x"], run["y"], color=VERMILION, linewidth=2)
            name_places(axes, names)
            axes.set_xlabel(drawable(with_unit(m, key)), fontsize=8.5, color=INK, parse_math=False)
            axes.xaxis.set_major_locator(ticker.MaxNLocator(6)) if not names else None
        for axes in places[len(keys) :]:
            axes.set_visible(False)
        return sheet.figure

    return Chart(f"sweep_points_{outcome}", title, f"{title}.", how, alt, draw)


def content(m: Points, charts: list[Chart], images: dict[str, bytes]) -> dict[str, Any]:
    """Everything that the page says, by the template's names."""
    base = ground(m)
    base["provenance"] = [
        (
            label,
            "table.parquet and table.csv hold every point; manifest.json the hashes." if label == "Files" else text,
        )
        for label, text in base["provenance"]
        if label != "Simulated futures"
    ]
    base["provenance"].append(("Citation", str(m.summary["citation"])))
    summary = m.summary
    title = finding(m, m.drawn[0]) if len(m.table) else "No point of this sweep could be lived"
    page = {
        "title": title,
        "subtitle": f"{m.title}, {summary['design']} design",
        "lead": [
            f"{summary['points']:,} points ({summary['distinct']:,} distinct), {m.replications:,} replications each; "
            f"{summary['done']:,} lived, {summary['failed']:,} failed."
        ],
        "warnings": [
            *(str(text) for text in summary["warnings"]),
            *(f"{entry['points']:,} points: {entry['error']}" for entry in summary["errors"]),
        ],
        "contents": [
            ("numbers", "Ends of the table"),
            *([("charts", "Pictures")] if charts else []),
            ("axes", "What was varied"),
            ("sure", "How sure"),
            ("rests", "What it rests on"),
            ("terms", "Terms"),
            ("provenance", "Provenance"),
        ],
        "above_numbers": above(m),
        "rows": ends(m),
        "charts": [embedded_image(chart, images[chart.name]) for chart in charts],
        "axes": [axis | {"role": ROLES[axis["role"]], "base": shown(axis["base"])} for axis in m.axes],
        "sure": sure(m),
        "citation": str(summary["citation"]),
    }
    return unbroken(page) | base


def above(m: Points) -> list[str]:
    """What the table of ends holds."""
    out = [
        "The points at which each outcome is most and least. The highest of many noisy means is a little too high."
    ]
    if int(m.summary["points"]) > MOST_DRAWN:
        out.append(f"This page reads the first {MOST_DRAWN:,} points; the table holds them all.")
    return out


def ends(m: Points) -> list[dict[str, str]]:
    """Where each outcome is most and least."""
    out: list[dict[str, str]] = []
    if not len(m.table):
        return out
    for name in m.outcomes:
        least, most = extremes(m, name)
        for what, end, row in ((m.label(name), "most", most), ("", "least", least)):
            out.append({"what": what, "end": end, "value": minus(m.told(row, name)), "where": minus(m.where(row))})
    return out


def sure(m: Points) -> list[str]:
    """What the errors are of."""
    out = [
        "The intervals are Monte Carlo: how far a mean may be off because only so many replications were lived. They "
        "do not say how well the model fits your members: the keys that are not known were varied for that."
    ]
    if m.summary["seeds"] == "common":
        out.append(
            "All points meet the same luck, so that they differ by what was varied: a difference between two points "
            "is surer than the two means."
        )
    else:
        out.append("Each point has luck of its own: errors of different points are independent.")
    return out


__all__ = ["write_sweep"]
