"""How a membership grew: family trees, channels, ladders and groups, from a run's files alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sim.report.charts import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PURPLE,
    VERMILION,
    Chart,
    Sheet,
    drawable,
    group_activity,
    plain_axes,
)
from sim.report.material import Material, capital, number, percent, read_words, short

CHARTS = ("genealogy", "channels", "ladder", "group_activity")
"""Names of the charts of growth, in the order of the page."""
FILES = ("channels.csv", "genealogy.csv", "ladder.csv")
FEW = 10
"""Members on average, below which a generation or a channel is hardly known: hollow, or not drawn."""
MOST_CHANNELS = 36
"""Rows of channels beyond which the smallest are only in the table."""
MOST_LADDERS = 4
MOST_PERIODS = 24
"""Columns of a ladder beyond which periods are taken together."""
LAST = 11
"""The last generation told apart; it holds all later ones."""
PERIOD = 30
"""Days of a period of the ladder."""


@dataclass(frozen=True)
class Growth:
    """The tables of growth of a run's folder that it has, with their rows of some strategies in this order."""

    m: Material
    names: tuple[str, ...]
    source: str
    channels: pd.DataFrame | None
    genealogy: pd.DataFrame | None
    ladder: pd.DataFrame | None
    groups: pd.DataFrame | None

    @property
    def futures(self) -> str:
        """What an interval is taken over."""
        return f"{self.m.replications:,} simulated futures" if self.m.replications > 1 else "one simulated future"

    def charts(self) -> list[Chart]:
        """Every chart that the folder has something for; nothing is drawn yet."""
        made = [genealogy(self), channels(self), ladder(self)]
        if self.groups is not None and len(self.groups):
            made.append(group_activity(self.groups, self.source))
        return [chart for chart in made if chart is not None]


def growth_of(m: Material, source: str, names: Sequence[str] = ()) -> Growth:
    """The tables of growth of a folder, of these strategies; of all where none are named."""
    found: dict[str, pd.DataFrame | None] = {}
    for name in FILES:
        words = ("strategy", "channel", "measure", "from_tier", "to_tier")
        found[name.removesuffix(".csv")] = read_words(m.folder / name, words)
    groups = m.folder / "groups.parquet"
    columns = ["strategy", "replication", "day", "posts", "members"]
    found["groups"] = pd.read_parquet(groups, columns=columns) if groups.exists() else None
    every = names or dict.fromkeys(
        name for table in found.values() if table is not None for name in table["strategy"]
    )
    kept = {
        key: None if table is None else table[table["strategy"].astype(str).isin([*every])]
        for key, table in found.items()
    }
    return Growth(m, tuple(every), source, **kept)


def with_intervals(chart: Growth, what: str) -> str:
    """How the lines through dots are to be read."""
    if chart.m.replications < 2:
        return "One simulated future has no intervals."
    return f"Lines through dots are 95 % intervals of that average over {chart.futures}{what}."


Told = tuple[float, float, float]
"""A mean and its 95 % interval."""
UNKNOWN: Told = (math.nan, math.nan, math.nan)


def rows_of(table: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[Any, ...], Told]:
    """Mean and interval by keys."""
    numbers = zip(table["mean"], table["low95"], table["high95"], strict=True)
    places = zip(*(table[key] for key in keys), strict=True)
    return {at: (float(mean), float(low), float(high)) for at, (mean, low, high) in zip(places, numbers, strict=True)}


def dot(axes: Any, x: float, y: float, **style: Any) -> None:
    """A dot; hollow where `markerfacecolor` says so."""
    axes.plot([x], [y], linestyle="none", **({"marker": "o", "markersize": 6.5, "zorder": 5} | style))


def beside(sheet: Sheet, axes: Any, share: float, gap: float) -> Any:
    """Axes to the right of others, which keep this share of their width; the gap in inches."""
    box = axes.get_position()
    axes.set_position((box.x0, box.y0, share * box.width, box.height))
    left = box.x0 + share * box.width + gap / sheet.width
    return sheet.figure.add_axes((left, box.y0, box.x1 - left, box.height))


def headed(axes: Any, text: str, above: float = 6.0) -> None:
    """A panel's heading, above its left edge."""
    axes.annotate(
        drawable(text), (0.0, 1.0), (0.0, above), xycoords="axes fraction", textcoords="offset points",
        fontsize=9.5, fontweight="bold", color=INK, va="bottom", parse_math=False,
    )  # fmt: skip


def reach(values: Sequence[Told], least: float = 0.0) -> float:
    """The top of an axis: all means, and their intervals as far as they do not press the means flat."""
    means = [mean for mean, _, _ in values if math.isfinite(mean)]
    highs = [high for _, _, high in values if math.isfinite(high)]
    top = max([*means, least, 0.0])
    return max(min(max([*highs, top]), 2.0 * top), 1e-9)


# ---------------------------------------------------------------------------- the family tree


def genealogy(g: Growth) -> Chart | None:
    """Members by generation, and how many others one of them brings."""
    if g.genealogy is None or not len(g.genealogy):
        return None
    found = rows_of(g.genealogy, ("strategy", "generation", "measure"))
    depth = {
        name: 1 + int(g.genealogy["generation"][g.genealogy["strategy"] == name].max())
        for name in g.names
        if (name, 0, "members") in found
    }
    brought = {
        name: sum(found[name, at, "members"][0] for at in range(1, deep)) for name, deep in depth.items() if deep > 1
    }
    every = sorted(brought, key=lambda name: -brought[name])
    if not every:
        return None
    names = [name for name in every if brought[name] >= FEW] or every[:1]

    def size(name: str, at: int) -> float:
        return found[name, at, "members"][0]

    def bred(name: str, at: int) -> Told:
        return found.get((name, at, "reproduction"), UNKNOWN)

    known = [
        (*bred(name, at), name, at)
        for name in names
        for at in range(1, depth[name])
        if size(name, at) >= FEW and math.isfinite(bred(name, at)[0])
    ]
    lead = names[0]
    if not known:
        title = f"Members brought {number(brought[lead])} others under {short(lead)}"
        title += "; no generation that was brought is large and old enough to say whether that feeds itself"
    else:
        mean, low, high, name, at = max(known)
        each = f"{children(mean)} others each within 90 days"
        who = f"members of generation {at} under {short(name)} bring {each}"
        if low > 1.0:
            title = f"A generation outgrows the one before: {who}"
        elif mean >= 1.0:
            reason = f" (95 %: {children(low)} to {children(high)})" if math.isfinite(low) else ""
            title = f"A generation may outgrow the one before: {who}{reason}"
        else:
            sure = all(not entry[2] > 1.0 for entry in known)
            title = f"{'No' if sure else 'So far no'} membership grows by itself: at most, {who}; it would take 1"
    listed = []
    for name in names:
        text = f"{name} {number(brought[name])} in {depth[name] - 1} generation" + ("s" if depth[name] > 2 else "")
        rate = bred(name, 0)
        text += f" (each of generation 0 brought {children(rate[0])})" if rate[0] > 0 else ""
        listed.append(text)
    takeaway = f"Members brought by members, on average: {'; '.join(listed)}."
    worth = [found.get((lead, 0, measure)) for measure in ("value", "family_value")]
    if all(worth):
        own, family = (f"{value[0]:,.2f}" for value in worth if value)
        takeaway += (
            f" Under {lead} one of generation 0 has brought {own} {g.m.unit_of_money} so far, and {family} with all "
        )
        takeaway += "who came of him, less what it cost to win these."
    hardly = [f"{name} {number(brought[name])}" for name in every if name not in names]
    takeaway += f" Hardly any, and not drawn: {', '.join(hardly)}." if hardly else ""
    how = (
        "Left: members by generation, each step of the scale ten times the last. Generation 0 was brought by nobody, "
        "generation 1 by generation 0, and so on. Right: reproduction R, how many others a member brought within 90 "
        "days of joining (of the first day for those who were members then). Above the line at 1 each generation is "
        f"larger than the one before it. {with_intervals(g, '')} Hollow: fewer than {FEW} members on average, hardly "
        "known. A dash: nobody has been a member for 90 days."
    )
    alt = "Dots by generation, of members and of how many others each brought. " + " ".join(
        f"{name}: "
        + "; ".join(
            f"generation {at}: {number(size(name, at))} members, each brought {children(bred(name, at)[0])}"
            for at in range(depth[name])
        )
        + "."
        for name in names
    )

    def draw() -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.ticker import FixedLocator, FuncFormatter

        longest = max(depth[name] for name in names)
        deep = longest > 6
        sheet = Sheet(title, g.source, panels=(1.3,) * len(names), gap=0.62, left=1.0, above=0.42, below=0.66)
        sizes = [size(name, at) for name in names for at in range(depth[name])]
        top = max(sizes)
        floor = min(0.5, min(value for value in sizes if value > 0) / 1.6)
        most = 1.12 * reach([bred(name, at) for name in names for at in range(depth[name])], 1.0)
        solid: dict[str, Any] = {"markerfacecolor": BLUE, "markeredgecolor": BLUE}
        hollow: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": BLUE, "markeredgewidth": 1.5}
        for row, (name, left) in enumerate(zip(names, sheet.axes, strict=True)):
            right = beside(sheet, left, 0.47, 0.85)
            headed(left, short(name, 70))
            for axes, label in ((left, "members"), (right, "brought by each")):
                plain_axes(axes, label)
                axes.set_xlim(-0.5, max(longest, 4) - 0.5)
                axes.set_xticks(range(longest), [f"{at}" + ("+" if at == LAST else "") for at in range(longest)])
                if row == len(names) - 1:
                    axes.set_xlabel("generation", fontsize=9.5, color=INK)
            left.set_yscale("log")
            left.set_ylim(floor, top * 6.0)
            left.yaxis.set_major_locator(
                FixedLocator([10.0**power for power in range(math.ceil(math.log10(top)) + 1)])
            )
            left.yaxis.set_minor_locator(FixedLocator([]))
            left.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            right.set_ylim(0.0, most)
            right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            right.axhline(1.0, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=3)
            for at in range(depth[name]):
                style = solid if size(name, at) >= FEW else hollow
                points = (
                    left,
                    found[name, at, "members"],
                    in_short(size(name, at)) if deep else number(size(name, at)),
                )
                for axes, (mean, low, high), text in (points, (right, bred(name, at), children(bred(name, at)[0]))):
                    if not mean > (0.0 if axes is left else -1.0):
                        if axes is right:
                            axes.annotate("–", (at, 0.0), (0, 3), textcoords="offset points", ha="center", color=GREY)
                        continue
                    if low < high:
                        axes.plot([at, at], [max(low, 1e-9), high], color=BLUE, linewidth=2.0, zorder=4,
                                  solid_capstyle="butt")  # fmt: skip
                    dot(axes, at, mean, clip_on=False, **style)
                    axes.annotate(
                        text.replace("under ", "<"),
                        (at, min(high, axes.get_ylim()[1]) if deep and high > mean else mean),
                        xytext=(0, 7) if deep else (7, 5), ha="center" if deep else "left", color=INK,
                        textcoords="offset points", fontsize=7.0 if deep else 8.5, annotation_clip=False, zorder=6,
                        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.8},
                    )  # fmt: skip
        marks = [
            Line2D([], [], marker="o", linestyle="none", **solid),
            Line2D([], [], marker="o", linestyle="none", **hollow),
            Line2D([], [], color=BLUE, linewidth=2.0),
            Line2D([], [], color=INK, linewidth=1.1, linestyle=(0, (4, 3))),
        ]
        labels = ["average", f"fewer than {FEW} members", "95 % interval", "above 1: grows by itself"]
        sheet.legend(marks, labels, 4)
        return sheet.figure

    return Chart("genealogy", title, takeaway, how, alt, draw)


def in_short(value: float) -> str:
    """A number in little room: `141k`."""
    return (
        number(value) if value < 9_999.5 else f"{value / 1e3:,.0f}k" if value < 9_999_500 else f"{value / 1e6:,.0f}M"
    )


def children(value: float) -> str:
    """Children of a member: two decimals, more for rare ones."""
    if not math.isfinite(value):
        return "not known"
    if 0.0 < value < 0.0005:
        return "under 0.001"
    return f"{value:.2f}" if value >= 0.1 or value == 0.0 else f"{value:.3f}"


# ---------------------------------------------------------------------------- channels


def money(value: float) -> str:
    """An amount, which may be below zero."""
    return number(value).replace("-", "−")


def words_of(channel: str) -> str:
    """A channel's name as words."""
    return channel.replace("_", " ")


def channels(g: Growth) -> Chart | None:
    """What a member of each channel cost and has brought, and who stays; None where all came by themselves."""
    if g.channels is None or not len(g.channels):
        return None
    found = rows_of(g.channels, ("strategy", "channel", "measure"))
    pairs = list(dict.fromkeys(key[:2] for key in found))
    size = {pair: found[*pair, "joined"][0] for pair in pairs if (*pair, "joined") in found}
    large = [pair for pair in pairs if size.get(pair, 0.0) >= FEW]
    if all(channel == "organic" for _, channel in large):
        return None
    kept = sorted(large, key=lambda pair: -size[pair])[:MOST_CHANNELS]
    shown = [pair for name in g.names for pair in pairs if pair in kept and pair[0] == name]
    unit = g.m.unit_of_money

    def of(pair: tuple[Any, ...], measure: str) -> Told:
        return found.get((*pair, measure), UNKNOWN)

    def paid(pair: tuple[Any, ...]) -> float:
        return of(pair, "value")[0] - of(pair, "cac")[0]

    costly = [pair for pair in shown if of(pair, "cac")[0] > 0.005 and math.isfinite(paid(pair))]
    if costly:
        back = [pair for pair in costly if paid(pair) >= 0]
        pick = min(costly, key=paid)
        sides = f"{money(of(pick, 'cac')[0])} {unit} to win and has brought {money(of(pick, 'value')[0])}"
        who = f"a newcomer by {words_of(pick[1])} under {short(pick[0])} cost {sides}"
        if len(costly) == 1:
            title = capital(who) + (" so far" if back else " so far: not yet paid back")
        elif len(back) == len(costly):
            title = f"Every channel that costs something has paid back so far; the least: {who}"
        elif back:
            title = f"{len(back)} of {len(costly)} channels that cost something have paid back so far; {who}"
        else:
            title = f"No channel that costs something has paid back so far; {who}"
    else:
        pick = max((pair for pair in shown if pair[1] != "organic"), key=lambda pair: size[pair])
        title = f"No channel cost anything; most came by {words_of(pick[1])}: {number(size[pick])} members under "
        title += short(pick[0])
    hunting = [pair for pair in shown if math.isfinite(of(pair, "hunters")[0])]
    takeaway = ""
    if hunting:
        worst = max(hunting, key=lambda pair: of(pair, "hunters")[0])
        stay = of(worst, "active_90")[0]
        takeaway = f"Most coupon hunters: {words_of(worst[1])} under {worst[0]}, {percent(of(worst, 'hunters')[0])}"
        takeaway += f"; of its newcomers {percent(stay)} are active at 90 days." if math.isfinite(stay) else "."
    unsure = [
        pair
        for pair in costly
        if of(pair, "cac")[2] > of(pair, "value")[1] and of(pair, "value")[2] > of(pair, "cac")[1]
    ]
    if unsure:
        listed = f"{len(unsure)} of the {len(costly)} channels that cost something"
        if len(unsure) <= 3:
            listed = ", ".join(f"{words_of(channel)} under {name}" for name, channel in unsure)
        takeaway += f" The intervals of cost and value overlap for {listed}: whether that pays is open."
    if len(shown) < len(pairs):
        takeaway += f" Drawn are the {len(shown)} channels with {FEW} members or more"
        takeaway += ", the largest of them" if len(large) > len(shown) else ""
        takeaway += f"; the table below has all {len(pairs)}."
    how = (
        f"Left, in {unit} a member, on average: what it cost to win one (CAC), and what one has brought so far, "
        "before that: revenue less goods and what was spent on him since. Where the dot lies right of the diamond, "
        "the channel has paid back; those who joined late have had little time. Right: shares of its newcomers: "
        "coupon hunters, and those who show a sign of life around their 30th and their 90th day. "
        f"{with_intervals(g, '; one that leaves the picture is wider still')}"
    )
    alt = "Dots by channel: cost, value, and shares of newcomers. " + " ".join(
        f"{words_of(pair[1])} under {pair[0]}: {number(size[pair])} members, "
        f"cost {money(of(pair, 'cac')[0])}, value {money(of(pair, 'value')[0])}."
        for pair in shown
    )

    def draw() -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.ticker import FuncFormatter

        heads = [name for name in g.names if any(pair[0] == name for pair in shown)]
        lines = len(shown) + len(heads)
        left, right = 2.05, 0.35
        sheet = Sheet(
            title,
            g.source,
            panels=(0.3 * lines + 0.1,),
            legend_rows=2,
            left=left,
            right=right,
            above=0.18,
            below=0.66,
        )
        amounts = sheet.axes[0]
        shares = beside(sheet, amounts, 0.46, 1.5)
        values = [of(pair, measure) for pair in shown for measure in ("cac", "value")]
        low = min([0.0, *(mean for mean, _, _ in values if math.isfinite(mean))])
        top = reach(values)
        amounts.set_xlim(1.25 * low - 0.03 * top, 1.06 * top)
        shares.set_xlim(-0.02, 1.02)
        looks = {
            "cac": (VERMILION, "D", VERMILION),
            "value": (BLUE, "o", BLUE),
            "hunters": (PURPLE, "D", PURPLE),
            "active_30": (GREEN, "o", "white"),
            "active_90": (GREEN, "o", GREEN),
        }
        at, ticks = 0.0, []
        for name in heads:
            for axes in (amounts, shares):
                axes.axhline(at + 0.5, color="#C8C8C8", linewidth=0.8)
            amounts.annotate(
                drawable(short(name, 70)), (0.16 / sheet.width, at), xycoords=("figure fraction", "data"),
                va="center",
                fontsize=9.5, fontweight="bold", color=INK, annotation_clip=False, parse_math=False, zorder=6,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
            )  # fmt: skip
            at += 1.0
            for pair in (pair for pair in shown if pair[0] == name):
                for axes, measures in ((amounts, ("cac", "value")), (shares, ("hunters", "active_30", "active_90"))):
                    for place, measure in enumerate(measures):
                        mean, least, most = of(pair, measure)
                        if not math.isfinite(mean):
                            continue
                        colour, marker, face = looks[measure]
                        y = at + 0.24 * (place - (len(measures) - 1) / 2)
                        if axes is shares:
                            least, most = max(least, 0.0), min(most, 1.0)
                        if least < most:
                            axes.plot([least, most], [y, y], color=colour, linewidth=1.7, solid_capstyle="butt",
                                      zorder=4)  # fmt: skip
                        dot(axes, mean, y, marker=marker, markersize=5.0 if marker == "D" else 6.0, color=colour,
                            markerfacecolor=face, markeredgewidth=1.3)  # fmt: skip
                cost, value = of(pair, "cac")[0], of(pair, "value")[0]
                amounts.annotate(
                    " – " if not math.isfinite(cost + value) else f"  {money(cost)} → {money(value)}", (1.0, at),
                    xycoords=("axes fraction", "data"), va="center", fontsize=9, annotation_clip=False,
                    color=VERMILION if value < cost else INK,
                )  # fmt: skip
                ticks.append((at, f"{words_of(pair[1])} ({number(size[pair])})"))
                at += 1.0
        for axes in (amounts, shares):
            plain_axes(axes, "", grid="x")
            axes.set_ylim(at - 0.4, -0.6)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
        amounts.set_yticks([place for place, _ in ticks], [text for _, text in ticks])
        amounts.tick_params(axis="y", length=0, labelsize=9)
        amounts.axvline(0.0, color="#999999", linewidth=0.9, zorder=2)
        amounts.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}".replace("-", "−")))
        shares.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
        for axes, text in ((amounts, f"{unit} a member so far"), (shares, "share of the channel's newcomers")):
            axes.set_xlabel(text, fontsize=9.5, color=INK)
        amounts.annotate("  cost → brought", (1.0, -0.1), xycoords=("axes fraction", "data"), va="center",
                         fontsize=8.5, color=GREY, annotation_clip=False)  # fmt: skip
        said = {
            "cac": "cost of winning one (CAC)",
            "value": "brought so far, before that",
            "hunters": "coupon hunters",
            "active_30": "active at 30 days",
            "active_90": "active at 90 days",
        }
        marks = [
            Line2D([], [], marker=marker, linestyle="none", color=colour, markerfacecolor=face, markeredgewidth=1.3)
            for colour, marker, face in (looks[measure] for measure in said)
        ]
        sheet.legend([*marks, Line2D([], [], color=GREY, linewidth=1.7)], [*said.values(), "95 % interval"], 3)
        return sheet.figure

    return Chart("channels", title, takeaway.strip(), how, alt, draw)


def channel_rows(g: Growth) -> list[dict[str, str]]:
    """The table of all channels, as the pages print it."""
    if g.channels is None or (g.channels["channel"] == "organic").all():
        return []
    found = rows_of(g.channels, ("strategy", "channel", "measure"))
    out = []
    for name, channel in dict.fromkeys(key[:2] for key in found):
        row = {"strategy": name, "channel": words_of(channel)}
        for measure in ("joined", "hunters", "active_30", "active_90", "cac", "value"):
            mean, low, high = found.get((name, channel, measure), UNKNOWN)
            put = percent if measure in ("hunters", "active_30", "active_90") else number
            text = f"{put(mean)} ± {put((high - low) / 2)}" if high > low else put(mean)
            text = text.replace("-", "−").replace(" % ±", " ±")
            row[measure] = text if math.isfinite(mean) else "–"
        out.append(row)
    return out


# ---------------------------------------------------------------------------- the ladder


def ladder(g: Growth) -> Chart | None:
    """Members who moved between tiers, by periods of 30 days."""
    if g.ladder is None or not len(g.ladder):
        return None
    order = {tier: place for place, tier in enumerate(("none", "silver", "gold", "diamond"))}
    table = g.ladder.assign(
        up=[order[b] > order[a] for a, b in zip(g.ladder["from_tier"], g.ladder["to_tier"], strict=True)]
    )
    sums = {
        name: tuple(float(rows["mean"][rows["up"] == up].sum()) for up in (True, False))
        for name in g.names
        if len(rows := table[table["strategy"] == name])
    }
    names = sorted(sums, key=lambda name: -sum(sums[name]))[:MOST_LADDERS]
    if not names:
        return None
    periods = 1 + int(table["period"].max())
    together = math.ceil(periods / MOST_PERIODS)
    columns = math.ceil(periods / together)
    span = together * PERIOD
    lead, last = names[0], table[table["period"] == max(g.m.days // PERIOD - 1, 0)]
    ups, downs = (number(value) for value in sums[lead])
    title = f"{ups} moves up the ladder and {downs} down under {short(lead)} in {g.m.days:,} days"
    if g.m.days >= 2 * PERIOD:
        late = last[last["strategy"] == lead]
        now = [number(float(late["mean"][late["up"] == up].sum())) for up in (True, False)]
        title += f"; {now[0]} up and {now[1]} down in the last whole 30 days"
    takeaway = f"Moves between tiers in {g.m.days:,} days, on average: "
    takeaway += "; ".join(f"{name} {number(up)} up, {number(down)} down" for name, (up, down) in sums.items()) + "."
    takeaway += f" Drawn are the {MOST_LADDERS} with most moves." if len(sums) > len(names) else ""
    banded = g.m.replications > 1 and together == 1 and columns <= 7
    how = (
        f"A number is how many members moved from one tier to another in the {span} days that begin on that date, on "
        f"average over {g.futures}; "
        + (
            "after ± half its 95 % interval"
            if banded
            else "ladder.csv has the 95 % intervals"
            if g.m.replications > 1
            else "one future has no intervals"
        )
        + ". Blue: up, orange: down; the darker, the more (a dot: nobody). The first column also holds those who had "
        "spent enough before the ladder began."
    )
    alt = f"Table of moves between tiers by {span} days, tinted by their number. {takeaway}"

    def draw() -> Any:
        from matplotlib.patches import Patch, Rectangle

        moves = {name: ladder_rows(table[table["strategy"] == name], together, columns, order) for name in names}
        sheet = Sheet(
            title,
            g.source,
            panels=[0.29 * max(len(rows), 1) for rows in moves.values()],
            gap=0.92,
            left=1.75,
            right=0.2,
            above=0.42,
            below=0.72,
        )
        peak = max([1.0, *(float(np.nanmax(cells[:, 0])) for rows in moves.values() for _, _, cells in rows)])
        wide = 1.085 * columns
        size = min(9.0, 9.0 * 16 / max(columns, 1))
        for (name, rows), axes in zip(moves.items(), sheet.axes, strict=True):
            headed(axes, short(name, 90))
            for row, (_, up, cells) in enumerate(rows):
                colour = np.array((0.0, 0.447, 0.698) if up else (0.902, 0.475, 0.0))
                for column, (mean, half) in enumerate(cells):
                    tone = 0.62 * math.sqrt(max(mean, 0.0) / peak) if math.isfinite(mean) else 0.0
                    fill = tuple(1.0 - tone * (1.0 - colour)) if mean > 0 else "#F7F7F7"
                    axes.add_patch(
                        Rectangle((column, row - 0.5), 1, 1, facecolor=fill, edgecolor="white", linewidth=1)
                    )
                    text = "–" if not math.isfinite(mean) else "·" if mean == 0 else number(mean)
                    if banded and mean > 0 and math.isfinite(half):
                        text += f" ± {number(half)}"
                    axes.text(column + 0.5, row, text, ha="center", va="center", fontsize=size,
                              color=INK if mean > 0 else GREY)  # fmt: skip
                total = number(float(np.nansum(cells[:, 0])))
                axes.text(wide, row, total, ha="right", va="center", fontsize=9, fontweight="bold", color=INK)
            axes.set_xlim(0, wide)
            axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
            axes.set_yticks(range(len(rows)), [words for words, _, _ in rows])
            step = math.ceil(columns / 13)
            ticks = range(0, columns, step)
            axes.set_xticks([*(at + 0.5 for at in ticks), wide], [*(begins(g.m, at, span) for at in ticks), "all"])
            axes.get_xticklabels()[-1].set_horizontalalignment("right")
            axes.tick_params(length=0, labelsize=8.5, labelcolor=INK)
            for side in axes.spines.values():
                side.set_visible(False)
        sheet.axes[-1].set_xlabel(f"{span} days that begin on", fontsize=9, color=INK)
        blue, orange = "#8BC0DF", "#F2C08A"
        labels = ["moved up", "moved down"]
        sheet.legend([Patch(color=blue), Patch(color=orange)], labels, 2)
        return sheet.figure

    return Chart("ladder", title, takeaway, how, alt, draw)


def ladder_rows(
    table: pd.DataFrame, together: int, columns: int, order: Mapping[str, int]
) -> list[tuple[str, bool, np.ndarray]]:
    """Of a strategy: words, whether up, and by period mean and half interval; pairs between which hardly anyone moved
    are left out. Periods taken together have no interval."""
    out = []
    pairs = {(str(a), str(b)) for a, b in zip(table["from_tier"], table["to_tier"], strict=True)}
    for left, reached in sorted(pairs, key=lambda p: (order[p[1]] < order[p[0]], order[p[0]], order[p[1]])):
        rows = table[(table["from_tier"] == left) & (table["to_tier"] == reached)]
        cells = np.full((columns, 2), np.nan)
        for period, mean, low, high in zip(rows["period"], rows["mean"], rows["low95"], rows["high95"], strict=True):
            at = int(period) // together
            before = cells[at, 0]
            cells[at] = (mean if math.isnan(before) else before + mean, (high - low) / 2 if together == 1 else np.nan)
        if np.nansum(cells[:, 0]) > 0:
            out.append((f"{left} → {reached}", order[reached] > order[left], cells))
    return out


def begins(m: Material, at: int, span: int) -> str:
    """The first day of a period in two lines, with its length where the run ends before it does."""
    from sim.report.material import MONTHS

    day, left = m.date(at * span), m.days - at * span
    year = f"{day.year}" if left >= span else f"{left} day" + ("s" if left > 1 else "")
    return f"{day.day} {MONTHS[day.month - 1][:3]}\n{year}"


# ---------------------------------------------------------------------------- words of the pages


def terms(drawn: Sequence[str]) -> list[tuple[str, str]]:
    """Terms of the charts of growth that a page has."""
    every = {
        "channels": (
            ("Channel", "How a newcomer came: by himself (organic), through an entrance that was paid for, or "
             "because a member told him (word of mouth, referral for a reward, an advocate, a shared order)."),
            ("CAC", "Cost of acquiring a customer: contacts, packs, rewards and coupons spent on winning a channel's "
             "newcomers, over their number."),
            ("Brought so far", "Revenue from a newcomer less goods and what was spent on him after he joined, up to "
             "the end of the run; what it cost to win him is not taken off."),
            ("Coupon hunter", "Buys for the offer and not for the brand. A trait of the simulated person; no shop "
             "can see it directly."),
            ("Active at 30 or 90 days", "Shows a sign of life (an opening, a visit or an order) in the fortnight up "
             "to his 30th day, in the month up to his 90th; of those who joined long enough ago."),
        ),
        "genealogy": (
            ("Generation", "0 was brought by no member; 1 by a member of generation 0; and so on."),
            ("Reproduction R", "How many others one member brings within 90 days of joining. Above 1, each "
             "generation is larger than the one before it, and the membership grows by itself."),
            ("Value with all who came of him", "Lifetime value so far, descendants included: revenue less goods and "
             "what was spent on members (that of their channel, shared in proportion to spending), less what it cost "
             "to win the descendants. The end of the run cuts it off."),
        ),
        "ladder": (
            ("Tier", "A rung of the membership (silver, gold, diamond), reached by spending that fades with time and "
             "lost at a review."),
        ),
        "group_activity": (
            ("Dead group", "A community group in which fewer than 5 % of the members post on a day."),
        ),
    }  # fmt: skip
    return [term for name, found in every.items() if name in drawn for term in found]
