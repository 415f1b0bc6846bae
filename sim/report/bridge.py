"""Where the difference between strategies comes from: waterfalls of flows and of levers, from a run's files alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.report.charts import BLUE, GREY, INK, VERMILION, Chart, Sheet, drawable, plain_axes
from sim.report.growth import headed
from sim.report.material import Material, capital, minus, short, signed, unsigned

MOST = 5
"""Strategies that are drawn; the tables have all."""
STOCKS = ("members", "attached", "orders")
WORDS = {
    "members": "members at the end",
    "attached": "members who have not drifted away (latent)",
    "orders": "orders until the end",
    "contribution": "contribution until the end",
    "mau": "monthly active members at the end",
    "revenue": "revenue until the end",
}
TOGETHER = "together"


@dataclass(frozen=True)
class Bar:
    """One step of a waterfall: what it adds, with its 95 % interval."""

    name: str
    effect: float
    low: float
    high: float

    @property
    def nothing(self) -> bool:
        """Whether it is 0 in every pair of worlds."""
        return self.effect == self.low == self.high == 0.0

    @property
    def apart(self) -> bool:
        """Whether its interval leaves out 0."""
        return self.low > 0.0 or self.high < 0.0

    @property
    def text(self) -> str:
        """`+1,230 (900 to 1,560)`."""
        wide = self.high - self.low
        if self.nothing:
            return "0"
        if wide == 0.0:
            return minus(signed(self.effect, 0.0))
        return minus(f"{signed(self.effect, wide)} ({unsigned(self.low, wide)} to {unsigned(self.high, wide)})")


@dataclass(frozen=True)
class Panel:
    """A waterfall: steps that sum to a difference."""

    metric: str
    label: str
    unit: str
    steps: list[Bar]
    total: Bar


@dataclass(frozen=True)
class Bridge:
    """The tables of the bridge that a folder has, of the strategies that are drawn."""

    m: Material
    names: tuple[str, ...]
    baseline: str
    source: str
    flows: pd.DataFrame | None
    levers: pd.DataFrame | None
    interactions: pd.DataFrame | None

    def about(self) -> dict[str, Any]:
        """What summary.json says of it."""
        return dict(self.m.summary.get("bridge") or {})

    def exact(self, strategy: str) -> bool:
        """Whether all sets of levers were lived."""
        return all(p["exact"] for p in self.about().get("pairs", []) if p["strategy"] == strategy)

    def charts(self) -> list[Chart]:
        """Every chart that the folder has something for; nothing is drawn yet."""
        made: list[Chart | None] = []
        for place, name in enumerate(self.names[:MOST], 1):
            made += [
                waterfall(self, name, f"bridge_flows_{place}", self.flow_panels(name, STOCKS), "flows"),
                waterfall(self, name, f"bridge_money_{place}", self.flow_panels(name, ("contribution",)), "money"),
                waterfall(self, name, f"bridge_levers_{place}", self.lever_panels(name), "levers"),
                pairs_chart(self, name, f"bridge_pairs_{place}"),
            ]
        return [chart for chart in made if chart is not None]

    def panel(self, metric: str, rows: pd.DataFrame, key: str, total: pd.DataFrame) -> Panel | None:
        """A waterfall of rows; None where nothing differs in any pair."""
        steps = [bar(row, str(row[key])) for row in rows.to_dict("records")]
        if all(step.nothing for step in steps):
            return None
        unit = self.m.in_money(str(rows["unit"].iloc[0]))
        return Panel(metric, said_of(metric), unit, steps, bar(total.to_dict("records")[0], ""))

    def flow_panels(self, strategy: str, metrics: Sequence[str]) -> list[Panel]:
        """The waterfalls of flows of a strategy."""
        if self.flows is None:
            return []
        out = []
        for metric in metrics:
            rows = self.flows[(self.flows["strategy"] == strategy) & (self.flows["metric"] == metric)]
            found = self.panel(metric, rows[rows["kind"] == "flow"], "flow", rows[rows["kind"] == "difference"])
            if found is not None:
                found.steps[:] = [step for step in found.steps if not step.nothing]
                out.append(found)
        return out

    def lever_panels(self, strategy: str) -> list[Panel]:
        """The waterfalls of levers of a strategy, by metric."""
        if self.levers is None or not len(self.levers):
            return []
        mine = self.levers[(self.levers["strategy"] == strategy) & (self.levers["measure"] == "share")]
        out = []
        for metric in dict.fromkeys(mine["metric"]):
            rows = mine[mine["metric"] == metric]
            total = rows["lever"] == TOGETHER
            found = self.panel(str(metric), rows[~total], "lever", rows[total])
            if found is not None:
                out.append(found)
        return out


def bridge_of(m: Material, source: str, baseline: str, names: Sequence[str]) -> Bridge:
    """The tables of the bridge of a folder, of these strategies."""
    tables: dict[str, pd.DataFrame | None] = {}
    for name in ("flows", "levers", "interactions"):
        file = m.folder / f"bridge_{name}.csv"
        words = dict.fromkeys(("strategy", "baseline", "metric", "flow", "lever", "other"), str)
        tables[name] = pd.read_csv(file, dtype=words, keep_default_na=False) if file.exists() else None
    return Bridge(m, tuple(names), baseline, source, **tables)


def bar(row: Mapping[Any, Any], name: str) -> Bar:
    """A row of a table as a step."""
    return Bar(name.replace("_", " "), float(row["effect"]), float(row["low95"]), float(row["high95"]))


def said_of(metric: str) -> str:
    """A metric in words."""
    return WORDS[metric] if metric in WORDS else metric.replace("_", " ")


def headline(label: str, unit: str) -> str:
    """What a panel shows, with its unit where the words do not say it."""
    return capital(label) if unit in label else f"{capital(label)}, {unit}"


def unit_after(panel: Panel) -> str:
    """The unit of money after a number; nothing after a count that the words name."""
    return "" if panel.unit in panel.label else f" {panel.unit}"


# ---------------------------------------------------------------------------- waterfalls

HOW = {
    "flows": "The books conserve members and orders: what came in, went out or was ordered in the one world and not "
    "in its twin adds up to the whole difference, in every pair of worlds exactly. To leave, to drift away or to be "
    "struck off is a loss: such a bar is blue where fewer were lost.",
    "money": "Sales at list price, less what was taken off and what was spent, are the contribution: differences of "
    "the parts add up to the difference of the whole, in every pair of worlds to the cent.",
    "levers": "Each lever is switched from the baseline's setting to the strategy's in worlds with the same luck, on "
    "top of every set of the others; its bar is the average over all orders in which levers can be switched "
    "(Shapley's value). So levers that work only together share what they bring, and the bars add up to the whole "
    "difference exactly.",
}  # fmt: skip


def waterfall(b: Bridge, strategy: str, name: str, panels: list[Panel], what: str) -> Chart | None:
    """Steps from the baseline to a strategy, one panel below the other."""
    if not panels or (what == "levers" and max(len(panel.steps) for panel in panels) < 2):
        return None  # the whole difference is the one lever's
    first = panels[-1] if what != "flows" else panels[0]
    who, than = short(strategy), short(b.baseline)
    steps = sorted((step for step in first.steps if step.apart), key=lambda step: -abs(step.effect))
    total = first.total.text.split(" (")[0]
    title = f"{capital(first.label)}: {total}{unit_after(first)} under {who} against {than}"
    listed = ", ".join(f"{step.name} {step.text.split(' (')[0]}" for step in steps[:3])
    title += (
        f"; {'largest parts' if len(steps) > 3 else 'parts'}: {listed}" if steps else "; no part is told apart from 0"
    )
    said = []
    for panel in panels:
        parts = "; ".join(f"{step.name} {step.text}" for step in panel.steps)
        said.append(f"{headline(panel.label, panel.unit)}: {panel.total.text}, of this {parts}.")
    takeaway = f"{short(strategy)} against {than}: "
    takeaway += "; ".join(f"{panel.label} {panel.total.text}{unit_after(panel)}" for panel in panels) + "."
    unsure = [f"{step.name} ({panel.label})" for panel in panels for step in panel.steps if not step.apart]
    takeaway += f" Not told apart from 0: {', '.join(unsure)}." if unsure else ""
    worlds = int(b.about().get("replications", b.m.replications)) if what == "levers" else b.m.replications
    how = (
        f"Read from the top: {than} is 0; each bar begins where the one above it ended and adds its part, to the "
        "right (blue) more, to the left (orange, hatched) less; the grey bar is the whole difference. "
        f"{HOW[what]} A line through a bar's end is the 95 % interval of that bar over {worlds:,} pairs of twin "
        "worlds; numbers are the average with that interval."
    )
    if what == "levers" and not b.exact(strategy):
        how += " Of the orders some were drawn by chance; intervals hold that error too."
    if any(panel.metric == "attached" for panel in panels):
        how += " Whether somebody has drifted away is known to the laboratory alone."
    alt = f"Waterfalls from {b.baseline} to {strategy}. {' '.join(said)}"

    def draw() -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        longest = max(len(step.text) for panel in panels for step in (*panel.steps, panel.total))
        sheet = Sheet(
            title,
            b.source,
            panels=[0.28 * (len(panel.steps) + 1) + 0.1 for panel in panels],
            left=2.45,
            right=0.4 + 0.09 * longest,
            gap=0.86,
            above=0.42,
            below=0.36,
        )
        for panel, axes in zip(panels, sheet.axes, strict=True):
            steps_of(axes, panel, who)
        less = {"facecolor": VERMILION, "edgecolor": "white", "hatch": "////", "linewidth": 0}
        handles = [Patch(color=BLUE), Patch(**less), Patch(color="#9A9A9A"), Line2D([], [], color=INK, lw=1.6)]
        sheet.legend(handles, ["adds", "takes away", "the whole difference", "95 % interval"], 4)
        return sheet.figure

    return Chart(name, title, takeaway, how, alt, draw)


def steps_of(axes: Any, panel: Panel, who: str) -> None:
    """One waterfall on its axes, from top to bottom."""
    at, low, high = 0.0, 0.0, 0.0
    rows = [*panel.steps, panel.total]
    for y, step in enumerate(rows):
        last = y == len(rows) - 1
        start = 0.0 if last else at
        end = start + step.effect
        style: dict[str, Any] = {"color": "#9A9A9A"} if last else {"color": BLUE}
        if not last and step.effect < 0.0:
            style = {"facecolor": VERMILION, "edgecolor": "white", "hatch": "////", "linewidth": 0}
        axes.barh(y, step.effect, 0.66, left=start, zorder=3, **style)
        ends = (start + step.low, start + step.high)
        if ends[0] < ends[1]:
            axes.plot(ends, [y, y], color=INK, linewidth=1.6, solid_capstyle="butt", zorder=5)
        if not last:
            axes.plot([end, end], [y - 0.33, y + 1.33], color="#777777", linewidth=0.8, zorder=4)
            at = end
        low, high = min(low, start, end, ends[0]), max(high, start, end, ends[1])
        axes.annotate(
            f"  {step.text}", (1.0, y), xycoords=("axes fraction", "data"), va="center", fontsize=9,
            color=INK if step.apart or last else GREY, fontweight="bold" if last else "normal", annotation_clip=False,
        )  # fmt: skip
    span = (high - low) or 1.0
    plain_axes(axes, "", grid="x")
    axes.set_xlim(low - 0.03 * span, high + 0.03 * span)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    names = [*(step.name for step in panel.steps), f"{short(who, 24)}"]
    axes.set_yticks(range(len(rows)), [drawable(short(text)) for text in names])
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.spines["left"].set_visible(False)
    axes.axvline(0.0, color=INK, linewidth=1.0, zorder=4)
    digits = 0 if span >= 5 else 1 if span >= 0.5 else 2
    axes.xaxis.set_major_formatter(
        lambda value, _: "0" if abs(value) < 1e-9 * span else minus(f"{value:+,.{digits}f}")
    )
    axes.locator_params(axis="x", nbins=6)
    headed(axes, headline(panel.label, panel.unit))


# ---------------------------------------------------------------------------- pairs


def pairs_chart(b: Bridge, strategy: str, name: str) -> Chart | None:
    """What two levers bring together beyond each: a triangle for the first and for the last metric."""
    if b.interactions is None or not len(b.interactions):
        return None
    mine = b.interactions[b.interactions["strategy"] == strategy]
    if not len(mine):
        return None
    measure = "average" if (mine["measure"] == "average").any() else "alone"
    mine = mine[mine["measure"] == measure]
    metrics = list(dict.fromkeys(mine["metric"]))
    found: dict[str, dict[tuple[str, str], Bar]] = {}
    units = {}
    for metric in metrics:
        rows = mine[mine["metric"] == metric]
        found[metric] = {(str(r["lever"]), str(r["other"])): bar(r, "") for r in rows.to_dict("records")}
        units[metric] = b.m.in_money(str(rows["unit"].iloc[0]))
    shown = [metric for metric in metrics if not all(cell.nothing for cell in found[metric].values())]
    shown = [shown[0], shown[-1]] if len(shown) > 2 else shown
    if not shown:
        return None
    levers = list(dict.fromkeys(key for pair in found[shown[0]] for key in pair))
    last = shown[-1]
    apart = {pair: cell for pair, cell in found[last].items() if cell.apart}
    label = said_of(last)
    unit = f" {units[last]}" if units[last] not in ("members", "orders") else ""
    if apart:
        pair = max(apart, key=lambda key: abs(apart[key].effect))
        cell, both = apart[pair], " and ".join(lever.replace("_", " ") for lever in pair)
        verb = "bring more together than each alone" if cell.effect > 0 else "partly replace each other"
        title = f"{capital(both)} {verb}: {cell.text.split(' (')[0]}{unit} of {label} under {short(strategy)}"
    else:
        title = f"No two levers of {short(strategy)} are told to work on each other in {label}"
    said = []
    for metric in shown:
        cells = "; ".join(
            f"{one} with {other} {cell.text}" for (one, other), cell in found[metric].items() if cell.apart
        )
        said.append(f"{capital(said_of(metric))}: {cells or 'none told apart from 0'}.".replace("_", " "))
    over = "on average over all sets of the other levers (Shapley's interaction index)"
    over = over if measure == "average" else "on top of the baseline, without the other levers"
    how = (
        f"A cell says how much more two levers bring together than the sum of what each brings without the other, "
        f"{over}. Blue: they help each other; orange: they stand in each other's way, or do the same work. Grey "
        "numbers are not told apart from 0. bridge_interactions.csv has all intervals and metrics."
    )
    takeaway = " ".join(said)

    def draw() -> Any:
        from matplotlib.patches import Patch, Rectangle

        size = len(levers) - 1
        sheet = Sheet(
            title, b.source, panels=[0.36 * size for _ in shown], left=1.75, right=0.35, gap=0.95, above=0.42,
            below=0.4,
        )  # fmt: skip
        for metric, axes in zip(shown, sheet.axes, strict=True):
            cells = found[metric]
            peak = max(abs(cell.effect) for cell in cells.values()) or 1.0
            for (one, other), cell in cells.items():
                x, y = levers.index(one), levers.index(other) - 1
                tone = 0.14 + 0.46 * abs(cell.effect) / peak if cell.apart else 0.0
                base = (0.0, 0.447, 0.698) if cell.effect > 0 else (0.902, 0.475, 0.0)
                fill = tuple(1.0 - tone * (1.0 - c) for c in base) if tone else "#F4F4F4"
                axes.add_patch(Rectangle((x, y - 0.5), 1, 1, facecolor=fill, edgecolor="white", linewidth=1.2))
                half = (cell.high - cell.low) / 2
                text = "0" if cell.nothing else minus(signed(cell.effect, cell.high - cell.low))
                text += f" ± {unsigned(half, 2 * half)}" if half > 0.0 else ""
                axes.text(x + 0.5, y, text, ha="center", va="center", fontsize=min(9.0, 54.0 / size),
                          color=INK if cell.apart else GREY)  # fmt: skip
            headed(axes, headline(said_of(metric), units[metric]))
            axes.set_xlim(0, size)
            axes.set_ylim(size - 0.5, -0.5)
            axes.set_yticks(range(size), [lever.replace("_", " ") for lever in levers[1:]])
            axes.set_xticks([i + 0.5 for i in range(size)], [lever.replace("_", " ") for lever in levers[:-1]])
            axes.tick_params(length=0, labelsize=9, labelcolor=INK)
            for side in axes.spines.values():
                side.set_visible(False)
        labels = ["more together", "less together", "not told apart from 0"]
        sheet.legend([Patch(color="#66AAD1"), Patch(color="#F0AF66"), Patch(color="#F4F4F4")], labels, 3)
        return sheet.figure

    return Chart(name, title, takeaway, how, f"Tables of pairs of levers. {takeaway}", draw)


# ---------------------------------------------------------------------------- the page


def lever_rows(b: Bridge) -> list[dict[str, str]]:
    """The table of all levers, as the page prints it."""
    if b.levers is None or not len(b.levers):
        return []
    out = []
    for keys, rows in b.levers.groupby(["strategy", "metric", "lever"], sort=False):
        strategy, metric, lever = (str(key) for key in keys)
        cells = {str(row["measure"]): bar(row, "").text for row in rows.to_dict("records")}
        unit = b.m.in_money(str(rows["unit"].iloc[0]))
        row = {"strategy": strategy, "metric": headline(said_of(metric), unit)}
        row["lever"] = lever.replace("_", " ")
        out.append(row | {key: cells.get(key, "–") for key in ("share", "alone", "last")})
    return out


def paragraphs(b: Bridge) -> list[str]:
    """What the section says before its charts."""
    about = b.about()
    out = [
        "Two ways to take a difference apart. By flows: what came, went, was ordered or spent in the one world and "
        "not in its twin. By levers: which of the things that the operator does made the difference."
    ]
    if "levers" not in about:
        return [*out, "Levers were not told apart in this run; bridge.on=true lives the worlds that it takes."]
    for pair in about["pairs"]:
        named = ", ".join(lever.replace("_", " ") for lever in pair["levers"])
        if len(pair["levers"]) < 2:
            only = f"only in {named}: the whole difference is its" if named else "in no lever"
            out.append(f"{pair['strategy']} and {pair['baseline']} differ {only}.")
            continue
        ways = "all sets of them" if pair["exact"] else "sets along drawn orders"
        out.append(
            f"{pair['strategy']} and {pair['baseline']} differ in {len(pair['levers'])} levers ({named}); {ways} "
            f"were lived in {pair['worlds']} different worlds of {about['replications']} replications each, "
            "with the same luck."
        )
    return [*out, *about["decisions"]]


def section(b: Bridge, embedded: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page's section needs; empty where there is nothing to tell."""
    if b.flows is None:
        return {}
    left = list(b.names[MOST:])
    below = [f"Drawn are the first {MOST} strategies; in the tables only: {', '.join(left)}."] if left else []
    return {"words": paragraphs(b), "charts": embedded, "rows": lever_rows(b), "below": below}
