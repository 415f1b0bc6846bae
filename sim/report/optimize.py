"""The page of a search for plans: which is best, against what, how sure, and what to learn first."""

import functools
import math
from collections.abc import Mapping
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
    VERMILION,
    Chart,
    Sheet,
    drawable,
    plain_axes,
)
from sim.report.material import Material, capital, minus, number, percent, short, unbroken
from sim.report.page import embedded_image, ground, publish

MOST = 16
"""Strategies beyond which no more are named in a chart."""


class Sought(Material):
    """The files of a search's folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.objectives: list[dict[str, Any]] = self.summary["objectives"]

    @functools.lru_cache(maxsize=16)  # noqa: B019
    def table(self, name: str) -> pd.DataFrame | None:
        """A table of the folder; None where it is not there."""
        file = self.folder / name
        return pd.read_csv(file) if file.exists() else None

    def rows(self, objective: str) -> pd.DataFrame:
        """front.csv of one objective, those that could be lived."""
        front = self.table("front.csv")
        assert front is not None
        return front[(front["objective"] == objective) & front["error"].isna()]


# ---------------------------------------------------------------------------- words


def amount(value: float, objective: Mapping[str, Any], money: str = "CNY", sign: bool = False) -> str:
    """A level of an objective with its unit: `12,300 CNY`, `4.2 %`; with its sign where asked for."""
    if not math.isfinite(value):
        return "not known"
    if objective["unit"] == "share":
        text = f"{100.0 * value:{'+' if sign else ''}.1f} %"
    elif abs(value) >= 100.0:
        text = ("+" if sign and value > 0 else "") + number(value)
    else:
        text = f"{value:{'+' if sign else ''}.3g}"
    return minus(text) + (f" {money}" if objective["unit"] == "CNY" else "")


def ends(objective: Mapping[str, Any], days: int) -> str:
    """What an objective is: `contribution until day 179`, `members on day 179`."""
    when = "until" if objective["kind"] == "flow" else "on"
    return f"{objective['words']} {when} day {days - 1}"


def values_words(values: Mapping[str, Any]) -> str:
    """A plan's values: `messaging.per_week 4.2, referral.reward 60`."""
    return ", ".join(f"{key.removeprefix('strategy.')} {shown(value)}" for key, value in values.items())


def shown(value: Any) -> str:
    """A value of a lever."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def sentences(document: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What came of a search; every number is this run's."""
    found = (said_of_best(document, tables["front.csv"]), said_of_optimism(document, tables["front.csv"]),
             said_of_named(document), said_of_regret(document, tables.get("regret.csv")),
             said_of_information(document, tables.get("information.csv")))  # fmt: skip
    return [sentence for sentence in found if sentence]


def said_of_best(document: Mapping[str, Any], front: pd.DataFrame) -> str:
    """The plan that is returned and what it gains; or that there is none, what binds, and what comes nearest."""
    best, tried = document["best"], document["plans"]
    if best is None:
        near = document["nearest"]
        if near is None:
            return f"None of {tried} plans could be lived."
        return (
            f"No plan of {tried} keeps all limits. Nearest is plan {near['plan']} ({values_words(near['values'])}): "
            f"{near['limit']} binds, its average is {near['level']:.4g}; "
            + "; ".join(f"{limit}: kept by {count} of {near['tried']}" for limit, count in near["kept_by"].items())
            + "."
        )
    rows = front[front["best"]].set_index("objective")
    gains = []
    for objective in document["objectives"]:
        row = rows.loc[objective["name"]]
        low, high = (amount(float(row[key]), objective, document["money"], True).removesuffix(f" {document['money']}")
                     for key in ("gain_low95", "gain_high95"))  # fmt: skip
        gain = amount(float(row["gain"]), objective, document["money"], True)
        gains.append(f"{gain} {objective['words']} (95 %: {low} to {high})")
    kind = "Best" if len(document["objectives"]) == 1 else "The front's middle"
    head = f"{kind}, {best['name']}: {values_words(best['values'])}."
    return f"{head} With fresh luck, against the base: {', '.join(gains)}."


def said_of_optimism(document: Mapping[str, Any], front: pd.DataFrame) -> str:
    """How much of what the search promised is left with fresh luck."""
    if "optimism" not in front or document["best"] is None:
        return ""
    parts = []
    for objective in document["objectives"]:
        rows = front[(front["kind"] == "plan") & (front["objective"] == objective["name"])].dropna(
            subset=["optimism"]
        )
        if len(rows):
            lead = rows[rows["best"]]
            value, error = float(lead["optimism"].iloc[0]), float(lead["optimism_se"].iloc[0])
            parts.append(
                f"{objective['words']} {amount(value, objective, document['money'], True)} "
                f"(standard error {amount(error, objective, document['money'])})"
            )
    return (
        f"Optimism, what the search promised of it less what fresh luck gives: {', '.join(parts)}." if parts else ""
    )


def said_of_named(document: Mapping[str, Any]) -> str:
    """How the named strategies fare against the front."""
    count = document["dominated"]
    if not count["references"] or not document["front"]:
        return ""
    what = "the best plan is at least as good as" if len(document["objectives"]) == 1 else "the front dominates"
    breaking = count["references"] - count["keep_limits"]
    one = "is a plan of it itself" if count["equalled"] == 1 else "are plans of it themselves"
    stands = f"; {count['equalled']} {one}" if len(document["objectives"]) > 1 and count["equalled"] else ""
    return (
        f"Of {count['references']} named strategies {what} {count['dominated']} on average, {count['surely']} of "
        f"them surely (95 % in each objective){stands}; {breaking} break{'s' if breaking == 1 else ''} a limit."
    )


def said_of_regret(document: Mapping[str, Any], regret: pd.DataFrame | None) -> str:
    """Which plan is safest over the drawn worlds."""
    objective, money = document["objectives"][0], document["money"]
    rows = None if regret is None else regret[regret["objective"] == objective["name"]]
    if rows is None or len(rows) < 2:
        return ""
    mean, worst = (rows.loc[rows[key].idxmin()] for key in ("expected_regret", "worst_regret"))
    least = amount(float(worst["worst_regret"]), objective, money)
    text = (
        f"Over {document['worlds']} drawn worlds {mean['name']} has the least expected regret, "
        f"{amount(float(mean['expected_regret']), objective, money)} of {objective['words']}, and is the best in "
        f"{percent(float(mean['p_best']))} of worlds"
    )
    if mean["name"] == worst["name"]:
        return f"{text}; its worst regret, {least}, is the least too."
    return f"{text}; {worst['name']} has the least worst regret, {least}."


def said_of_information(document: Mapping[str, Any], worth: pd.DataFrame | None) -> str:
    """What to learn first."""
    if worth is None:
        return ""
    objective, money = document["objectives"][0], document["money"]
    rows = worth[worth["objective"] == objective["name"]].set_index("unknown")
    whole, parts = rows.loc["everything"], rows.drop(index="everything")
    value, error = (amount(float(whole[key]), objective, money) for key in ("value", "se"))
    text = f"Knowing the world before choosing would be worth {value} (EVPI; standard error {error})"
    clear = parts[parts["value"] > parts["by_luck"]]
    if clear.empty:
        return f"{text}; no unknown alone is worth more than luck shows."
    name = str(clear["value"].idxmax())
    return f"{text}; learn {name} first, worth {amount(float(clear.loc[name, 'value']), objective, money)} alone."


# ---------------------------------------------------------------------------- charts


def write_optimize(folder: Path) -> None:
    """Draw the charts of a search and write its page, reading nothing but its own files."""
    m = Sought(Path(folder))
    charts = all_charts(m)
    publish(m.folder, charts, "optimize.html", lambda images: content(m, charts, images))


def source(m: Sought) -> str:
    """The line at a chart's foot."""
    return f"{m.title}; {m.days} days, {m.replications} replications of fresh luck, seed {m.summary['seed']}."


def all_charts(m: Sought) -> list[Chart]:
    """Every chart for which the folder holds the data."""
    first, *others = m.objectives
    made = [front_chart(m, first, other) for other in others] or [ranking(m)]
    return [chart for chart in (*made, information_chart(m), history(m)) if chart is not None]


def scale(objective: Mapping[str, Any]) -> float:
    """Shares are drawn in per cent."""
    return 100.0 if objective["unit"] == "share" else 1.0


def axis_words(m: Sought, objective: Mapping[str, Any]) -> str:
    """An axis: what, in which unit, and which way is good."""
    unit = "%" if objective["unit"] == "share" else m.in_money(str(objective["unit"]))
    name = ends(objective, m.days)
    unit = "" if unit in (objective["words"], "") else f", {unit}"
    return capital(f"{name}{unit} ({'more' if objective['wins_by'] == 'more' else 'less'} is better)")


def grouped(axis: Any) -> None:
    """Ticks of an axis with thousands apart; decimals where they are small."""
    from matplotlib.ticker import FuncFormatter

    said = FuncFormatter(lambda value, _: minus(f"{value:,.0f}" if abs(value) >= 100 else f"{value:g}"))
    axis.set_major_formatter(said)


def kinds(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame, str, str, bool]]:
    """Groups of points of a chart: label, rows, colour, marker, whether filled."""
    plan, named, kept = rows["kind"] == "plan", rows["kind"] == "reference", rows["keeps_limits"]
    made = [
        ("named strategies", rows[named & kept], GREY, "o", True),
        ("named strategies that break a limit", rows[named & ~kept], GREY, "x", True),
        ("other finalists", rows[plan & kept & ~rows["on_front"]], BLUE, "o", False),
        ("finalists that break a limit", rows[plan & ~kept], VERMILION, "x", True),
        ("the base", rows[rows["kind"] == "base"], INK, "s", True),
        ("the front", rows[rows["on_front"] & ~rows["best"]], BLUE, "o", True),
        ("the plan that is returned", rows[rows["best"]], GREEN, "D", True),
    ]
    return [entry for entry in made if len(entry[1])]


def front_chart(m: Sought, first: Mapping[str, Any], other: Mapping[str, Any]) -> Chart:
    """Two objectives of finalists, the base and named strategies, with fresh luck."""
    x, y = (m.rows(str(o["name"])).set_index("name") for o in (first, other))
    count = m.summary["dominated"]
    title = (
        f"{len(m.summary['front'])} plans stand on the front; of {count['references']} named strategies they "
        f"dominate {count['dominated']}"
        if m.summary["front"]
        else "No plan keeps all limits"
    )
    best = x[x["best"]]
    takeaway = str(m.summary["sentences"][0])
    how = (
        "Each point is a plan, averaged over replications that the search has not seen; bars are 95 % intervals. A "
        f"plan dominates another that is worse in {first['words']} and in {other['words']}. The line joins the front."
    )
    alt = "; ".join(
        f"{name}: {x.at[name, 'mean']:.4g} and {y.at[name, 'mean']:.4g}" for name in m.summary["front"][:6]
    )

    def draw() -> Any:
        sheet = Sheet(title, source(m), panels=(4.6,), legend_rows=2, below=0.75, left=1.1)
        axes = sheet.axes[0]
        plain_axes(axes, axis_words(m, other), grid="both")
        handles, labels = [], []
        kx, ky = scale(first), scale(other)
        for label, rows, colour, marker, filled in kinds(x):
            names = list(rows.index)
            px, py = x.loc[names], y.loc[names]
            if label not in ("named strategies", "named strategies that break a limit"):
                axes.errorbar(px["mean"] * kx, py["mean"] * ky,
                              xerr=_bars(px) * kx, yerr=_bars(py) * ky,
                              fmt="none", ecolor=colour, elinewidth=0.9, alpha=0.6, zorder=3)  # fmt: skip
            points = axes.scatter(
                px["mean"] * kx,
                py["mean"] * ky,
                s=46,
                marker=marker,
                linewidths=1.4,
                zorder=4,
                **({"color": colour} if filled else {"edgecolors": colour, "facecolors": "white"}),
            )
            handles.append(points)
            labels.append(label)
        line = x[x["on_front"]].sort_values("mean").index
        axes.plot(x.loc[line, "mean"] * kx, y.loc[line, "mean"] * ky, color=BLUE, linewidth=1.0, alpha=0.7, zorder=2)
        for name in _told_apart(x, y, m):
            at = (float(x["mean"][name]) * kx, float(y["mean"][name]) * ky)
            far = at[0] > float(np.quantile(axes.get_xlim(), 0.85))  # its label goes to the left, where there is room
            axes.annotate(drawable(short(name, 26)), at, textcoords="offset points", xytext=(-6 if far else 6, 4),
                          ha="right" if far else "left", fontsize=7.5, zorder=5,
                          color=BLUE if x.at[name, "on_front"] else GREY)  # fmt: skip
        axes.set_xlabel(drawable(axis_words(m, first)), fontsize=9.5, color=INK)
        grouped(axes.xaxis)
        grouped(axes.yaxis)
        sheet.legend(handles, labels, 4)
        return sheet.figure

    name = f"front_{other['name']}"
    return Chart(name, title, takeaway, how, alt or f"{len(best)} plan is returned", draw)


def _bars(rows: pd.DataFrame) -> np.ndarray:
    mean = rows["mean"].to_numpy()
    return np.stack([mean - rows["low95"].to_numpy(), rows["high95"].to_numpy() - mean])


def _told_apart(x: pd.DataFrame, y: pd.DataFrame, m: Sought) -> list[str]:
    """Plans of the front, then named strategies, whose labels have room: none too near to one before it."""
    px, py = x["mean"] / (np.ptp(x["mean"]) or 1.0), y["mean"] / (np.ptp(y["mean"]) or 1.0)
    taken: list[tuple[float, float]] = []
    out: list[str] = []
    for name in [*m.summary["front"], *x.index[(x["kind"] == "reference") | (x["kind"] == "base")]]:
        here = (float(px[name]), float(py[name]))
        if all(abs(here[1] - b) > 0.035 or abs(here[0] - a) > 0.22 for a, b in taken):
            taken.append(here)
            out.append(str(name))
    return out


def ranking(m: Sought) -> Chart:
    """One objective of the finalists, the base and named strategies, with fresh luck."""
    objective = m.objectives[0]
    rows = m.rows(str(objective["name"]))
    keep = rows[rows["kind"] != "plan"].sort_values("mean", ascending=objective["wins_by"] == "less")
    plan = rows[rows["kind"] == "plan"].sort_values(
        ["best", "mean"], ascending=[False, objective["wins_by"] == "less"]
    )
    base = keep[keep["kind"] == "base"]
    told = pd.concat([plan.iloc[:3], base, keep[keep["kind"] == "reference"].iloc[: MOST - 4]])
    told = told.sort_values("mean", ascending=objective["wins_by"] == "more").reset_index(drop=True)
    best = m.summary["best"]
    named = keep[(keep["kind"] == "reference") & keep["keeps_limits"]]
    title = "No plan keeps all limits"
    if best is not None:
        title = f"The best plan found: {values_words(best['values'])}"
        if len(named):
            level = float(rows[rows["best"]]["mean"].iloc[0])
            gap = level - float(named["mean"].iloc[0])
            better = gap > 0 if objective["wins_by"] == "more" else gap < 0
            title = (
                f"The best plan found {'beats' if better else 'does not beat'} all named strategies that keep the "
                f"limits: {amount(gap, objective, m.summary['money'], True)} {objective['words']} against the best"
            )
    how = "Means over replications that the search has not seen; bars are 95 % intervals. Crosses break a limit."
    alt = "; ".join(f"{row['name']}: {row['mean']:.4g}" for _, row in told.iloc[::-1].head(6).iterrows())

    def draw() -> Any:
        k = scale(objective)
        sheet = Sheet(title, source(m), panels=(0.3 * len(told) + 0.4,), legend_rows=1, left=2.6, below=0.75)
        axes = sheet.axes[0]
        plain_axes(axes, "", grid="x")
        handles, labels = [], []
        for label, group, colour, marker, filled in kinds(told):
            at = group.index.to_numpy()
            axes.hlines(at, group["low95"] * k, group["high95"] * k, color=colour, linewidth=1.4, zorder=3)
            points = axes.scatter(
                group["mean"] * k,
                at,
                s=42,
                marker=marker,
                linewidths=1.4,
                zorder=4,
                **({"color": colour} if filled else {"edgecolors": colour, "facecolors": "white"}),
            )
            handles.append(points)
            labels.append(label)
        axes.set_yticks(range(len(told)), [drawable(short(str(name), 30)) for name in told["name"]])
        axes.set_ylim(-0.7, len(told) - 0.3)
        axes.set_xlabel(drawable(axis_words(m, objective)), fontsize=9.5, color=INK)
        grouped(axes.xaxis)
        sheet.legend(handles, labels, 4)
        return sheet.figure

    return Chart("ranking", title, str(m.summary["sentences"][0]), how, alt, draw)


def information_chart(m: Sought) -> Chart | None:
    """What it would be worth to know each unknown, beside knowing everything."""
    table = m.table("information.csv")
    if table is None:
        return None
    objective = m.objectives[0]
    rows = table[table["objective"] == objective["name"]].set_index("unknown")
    whole, parts = rows.loc["everything"], rows.drop(index="everything").sort_values("value")
    clear = parts[parts["value"] > parts["by_luck"]]
    title = "No unknown alone is worth learning before choosing, as far as so many worlds tell"
    if len(clear):
        name = str(clear["value"].idxmax())
        most = amount(float(clear["value"].max()), objective, m.summary["money"])
        title = f"Learn {name} first: it is worth up to {most}"
    how = (
        f"Bars: what knowing one unknown before choosing would add to {objective['words']} on average (EVPPI), from "
        f"{m.summary['worlds']} drawn worlds. The tick is what 19 of 20 meaningless unknowns stay below. The dashed "
        "line is knowing everything (EVPI), its band one standard error to either side."
    )
    alt = "; ".join(f"{name}: {value:.4g}" for name, value in parts["value"].iloc[::-1].items())
    takeaway = next(s for s in m.summary["sentences"] if "EVPI" in s)

    def draw() -> Any:
        k = scale(objective)
        sheet = Sheet(title, source(m), panels=(0.45 * len(parts) + 0.4,), legend_rows=1, left=3.1, below=0.75)
        axes = sheet.axes[0]
        plain_axes(axes, "", grid="x")
        places = np.arange(len(parts))
        bars = axes.barh(places, parts["value"] * k, height=0.55, color=BLUE, zorder=3)
        luck = axes.scatter(parts["by_luck"] * k, places, marker="|", s=260, color=ORANGE, linewidths=2.2, zorder=4)
        value, error = float(whole["value"]) * k, float(whole["se"]) * k
        line = axes.axvline(value, color=INK, linestyle=(0, (5, 2)), linewidth=1.4, zorder=4)
        axes.axvspan(max(value - error, 0.0), value + error, color="#EDEDED", zorder=1)
        axes.set_yticks(places, [drawable(short(str(name), 40)) for name in parts.index])
        unit = "%" if objective["unit"] == "share" else m.in_money(str(objective["unit"]))
        axes.set_xlabel(drawable(f"worth in {objective['words']}, {unit}"), fontsize=9.5, color=INK)
        axes.set_xlim(0.0, 1.06 * max(k * float(parts[["value", "by_luck"]].to_numpy().max()), value + error) or 1.0)
        grouped(axes.xaxis)
        sheet.legend([bars, luck, line], ["one unknown (EVPPI)", "what luck shows", "everything (EVPI)"], 3)
        return sheet.figure

    return Chart("information", title, takeaway, how, alt, draw)


def history(m: Sought) -> Chart | None:
    """Every plan that was tried, when, and the plan that led."""
    trials, led = m.table("trials.csv"), m.table("history.csv")
    objective = m.objectives[0]
    name = str(objective["name"])
    if trials is None or led is None or name not in trials:
        return None
    done = trials[trials["status"] == "done"]
    last = int(led["runs"].iloc[-1])
    full = m.replications * (len(trials) + 1)
    title = f"{len(trials)} plans were tried in {last:,} runs; with all replications each it had been {full:,}"
    how = (
        "Each point is a plan, where it was first lived; filled ones were finalists, crosses break a limit as the "
        f"search knew them. The line is the plan that led, by {objective['words']} as known in the end."
    )
    lead = next(int(row["runs"]) for _, row in led.iterrows() if row["plan"] == led["plan"].iloc[-1])
    takeaway = f"The plan that led in the end was first in front after {lead:,} runs."

    def draw() -> Any:
        k = scale(objective)
        sheet = Sheet(title, source(m), panels=(3.4,), legend_rows=1, below=0.75, left=1.1)
        axes = sheet.axes[0]
        plain_axes(axes, axis_words(m, objective))
        handles, labels = [], []
        kept, final = done["keeps_limits"].astype(bool), done["finalist"].astype(bool)
        for label, rows, marker, style in (
            ("tried", done[kept & ~final], "o", {"edgecolors": BLUE, "facecolors": "white"}),
            ("breaks a limit", done[~kept], "x", {"color": VERMILION}),
            ("finalist", done[kept & final], "o", {"color": BLUE}),
        ):
            if len(rows):
                handles.append(
                    axes.scatter(rows["runs_before"], rows[name] * k, s=34, marker=marker, zorder=3, **style)
                )
                labels.append(label)
        (line,) = axes.step(led["runs"], led[name] * k, where="post", color=GREEN, linewidth=1.6, zorder=2)
        axes.set_xlabel("replications lived by all plans together", fontsize=9.5, color=INK)
        grouped(axes.xaxis)
        grouped(axes.yaxis)
        sheet.legend([*handles, line], [*labels, "in the lead"], 4)
        return sheet.figure

    return Chart("history", title, takeaway, how, f"{len(done)} plans, {int(final_count(done))} finalists", draw)


def final_count(done: pd.DataFrame) -> int:
    """How many plans lived all replications."""
    return int(done["finalist"].astype(bool).sum())


# ---------------------------------------------------------------------------- the page


def content(m: Sought, charts: list[Chart], images: dict[str, bytes]) -> dict[str, Any]:
    """Everything that the page says, by the template's names."""
    base = ground(m)
    left_out = ("Days forecast", "Simulated futures")
    base["provenance"] = [
        (label, value.replace("forecast.csv", "trials.csv, front.csv") if label == "Files" else value)
        for label, value in base["provenance"]
        if label not in left_out
    ]
    base["glossary"] = [*own_terms(m), *base["glossary"]]
    regret = regret_rows(m)
    best = m.summary["best"]
    page = {
        "title": title_of(m),
        "subtitle": m.title,
        "lead": [str(sentence) for sentence in m.summary["sentences"][:2]],
        "warnings": [*standing(m), *(str(text) for text in m.summary["warnings"])],
        "contents": [
            ("plan", "The plan"),
            ("numbers", "Finalists"),
            ("charts", "Pictures"),
            *([("regret", "Uncertain worlds")] if regret else []),
            ("sure", "How sure"),
            ("rests", "What it rests on"),
            ("terms", "Terms"),
            ("provenance", "Provenance"),
        ],
        "levers": lever_rows(m),
        "returned": best is not None,
        "objectives": [capital(ends(objective, m.days)) for objective in m.objectives],
        "rows": finalist_rows(m),
        "limits": limit_rows(m),
        "below": [str(sentence) for sentence in m.summary["sentences"][2:]],
        "charts": [embedded_image(chart, images[chart.name]) for chart in charts],
        "regret": regret,
        "worlds": m.summary["worlds"],
        "first": m.objectives[0]["words"],
        "sure": sure(m),
    }
    return unbroken(page) | base


def title_of(m: Sought) -> str:
    """The finding."""
    best = m.summary["best"]
    if best is None:
        near = m.summary["nearest"]
        return f"No plan keeps all limits; {near['limit']} binds" if near else "No plan could be lived"
    if len(m.objectives) > 1:
        count = m.summary["dominated"]
        text = f"{len(m.summary['front'])} plans from which to choose"
        return (
            f"{text}; they dominate {count['dominated']} of {count['references']} named strategies"
            if count["references"]
            else text
        )
    return f"Best of {m.summary['plans']} plans for {m.objectives[0]['words']}: {values_words(best['values'])}"


def standing(m: Sought) -> list[str]:
    """Whether these are the reader's own members."""
    if m.has_log:
        return []
    return ["This run does not use your data: the members are a simulated stand-in. Trust directions, not decimals."]


def lever_rows(m: Sought) -> list[dict[str, str]]:
    """What the plan says of each lever, beside the base."""
    best = m.summary["best"] or m.summary["nearest"] or {"values": {}}
    return [
        {
            "name": lever["name"], "meaning": lever["meaning"], "unit": lever["unit"],
            "value": shown(best["values"].get(lever["name"], "–")),
            "base": shown(best.get("base", {}).get(lever["name"], "–")),
            "values": f"{shown(lever['values'][0])} to {shown(lever['values'][1])}"
            if lever["range"] else ", ".join(map(shown, lever["values"])),
        }
        for lever in m.summary["levers"]
    ]  # fmt: skip


def finalist_rows(m: Sought) -> list[dict[str, Any]]:
    """Finalists, the base and the named strategies, by objective."""
    by_name: dict[str, dict[str, Any]] = {}
    money = m.summary["money"]
    for objective in m.objectives:
        for _, row in m.rows(str(objective["name"])).iterrows():
            entry = by_name.setdefault(
                str(row["name"]),
                {"name": str(row["name"]), "best": bool(row["best"]), "cells": [],
                 "standing": "returned" if row["best"] else "front" if row["on_front"]
                 else "" if row["keeps_limits"] else "breaks a limit",
                 "beaten": f"the same as {row['equals']}" if isinstance(row["equals"], str) else
                 "" if not isinstance(row["dominated_by"], str) else
                 f"{row['dominated_by']}{', surely' if row['surely'] else ''}"},
            )  # fmt: skip
            hoped = row.get("optimism", math.nan)
            entry["cells"].append(
                {
                    "mean": amount(float(row["mean"]), objective, money),
                    "gain": amount(float(row["gain"]), objective, money, True),
                    "range": " to ".join(
                        amount(float(row[key]), objective, "", True).strip() for key in ("gain_low95", "gain_high95")
                    ),
                    "optimism": amount(float(hoped), objective, money, True) if math.isfinite(hoped) else "",
                }
            )
    return list(by_name.values())


def limit_rows(m: Sought) -> list[dict[str, str]]:
    """How the returned plan, or the nearest, stands to each limit with fresh luck."""
    table = m.table("limits.csv")
    if table is None or not m.summary["front"]:
        return []
    rows = table[table["name"].isin(m.summary["front"])]
    return [
        {
            "name": str(row["name"]),
            "limit": str(row["limit"]),
            "mean": f"{row['mean']:.4g}",
            "sure": f"{row['sure']:.4g}",
        }
        for _, row in rows.iterrows()
    ]


def regret_rows(m: Sought) -> list[dict[str, str]]:
    """Regret over the drawn worlds, by the first objective, least first."""
    table = m.table("regret.csv")
    if table is None:
        return []
    objective, money = m.objectives[0], m.summary["money"]
    rows = table[table["objective"] == objective["name"]].sort_values("expected_regret")
    return [
        {
            "name": str(row["name"]),
            "mean": amount(float(row["mean"]), objective, money),
            "expected": " ± ".join(
                amount(float(row[key]), objective, unit).strip()
                for key, unit in (("expected_regret", money), ("expected_regret_se", ""))
            ),
            "worst": f"{amount(float(row['worst_regret']), objective, money)} (world {int(row['worst_world'])})",
            "best": percent(float(row["p_best"])),
            "keeps": percent(float(row["keeps_limits"])),
        }
        for _, row in rows.iterrows()
    ]


def sure(m: Sought) -> list[str]:
    """What the numbers hold and what they do not."""
    ladder = ", ".join(str(count) for count in m.summary["ladder"])
    out = [
        f"Plans lived {ladder} replications, the best third going on, all with the same luck. "
        f"{m.summary['keep_limits']} of {m.summary['plans']} keep all limits as the search knew them. Finalists were "
        f"lived again with luck that the search had not seen (seed {m.summary['fresh_seed']}); all numbers above are "
        "from that. The best of many looks better than it is: the optimism says by how much.",
        "A limit is kept where the surer end of its average, the end of a one-sided 95 % interval, is on the right "
        "side of the bound, with both lucks. It speaks of the average over futures: a single future may break it.",
        "Not in any interval: whether the model is right, and whether a better plan lies where none was tried.",
    ]
    if m.summary["worlds"]:
        out.append(
            f"EVPI from {m.summary['worlds']} worlds holds the luck of few replications; value_crossed in "
            "information.csv does not, and is too low where luck makes the wrong plan look best: the truth lies "
            "between. EVPPI cuts worlds into parts by each unknown, and is a little low for it."
        )
    return out


def own_terms(m: Sought) -> list[tuple[str, str]]:
    """Terms of the page."""
    out = [
        ("Dominates", "Is nowhere worse and somewhere better: in one objective, better; in several, none is worse."),
        ("Front", "Plans that keep all limits and that no other such plan dominates, as the search knew them."),
        ("Optimism", "The gain on the base that the search promised, less that with fresh luck."),
        *((capital(str(o["words"])), capital(str(o["meaning"])) + ".") for o in m.objectives),
    ]
    if m.summary["worlds"]:
        out += [
            ("Regret", "What a plan misses in a world against the plan that is best there."),
            ("EVPI", "What knowing the world before choosing would be worth: the least expected regret."),
            ("EVPPI", "What knowing one unknown before choosing would be worth; never more than EVPI."),
        ]
    return out


__all__ = ["sentences", "write_optimize"]
