"""The page of a search: the response to a lever, the answer on it, and what it costs, from the folder's files alone.

The words of the answer are made here from numbers, for summary, terminal and page.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.report.charts import BLUE, GREEN, INK, VERMILION, Chart, Sheet, plain_axes
from sim.report.material import Material, capital, minus, number, relative, signed, unbroken, unsigned
from sim.report.page import embedded_image, ground, publish
from sim.report.targets import how_many, interval, level, named, on_day, share

type Document = Mapping[str, Any]
"""summary.json of a search."""


def figure(value: float | None) -> str:
    """A value of a lever: up to four digits behind the point, without those that say nothing."""
    if value is None:
        return "not known"
    return minus(f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) < 1e6 else f"{value:,.0f}")


def aim(document: Document) -> str:
    """`members, at least 10,500 by 31 March 2026, in 80 % of futures`."""
    target = document["target"]
    text = named("target", target)
    how = "on average" if target["chance"] is None else f"in {share(target['chance'])} of futures"
    return f"{text[:1].lower()}{text[1:]}, {how}"


def fares(document: Document, who: str) -> str:
    """What the level on the due day is, and how often the target is met."""
    found, target = document["fares"][who], document["target"]
    return f"{level(found['mean'], target)} on average, met {how_many(found, 'p_met')}"


def title(document: Document) -> str:
    """The finding."""
    key, answer = document["lever"]["key"], figure(document["answer"]["value"])
    present, target = figure(document["present"]), aim(document)
    if document["status"] == "already":
        return f"{key}={present} reaches the target as it is: {target}"
    if document["status"] == "beyond":
        return f"{key} cannot reach the target within {span(document)}: {target}"
    return f"{key} from {present} to {answer} reaches the target: {target}"


def span(document: Document) -> str:
    """The range that was searched."""
    return f"{figure(document['lever']['low'])} to {figure(document['lever']['high'])}"


def sentences(document: Document) -> list[str]:
    """The answer, how surely it is known, what guardrails say to it, and what it costs."""
    status, target = document["status"], document["target"]
    unit = document["lever"]["unit"]
    in_unit = f" {unit}" if unit else ""
    value, present = document["answer"]["value"], document["present"]
    out = [f"{title(document)}."]
    if status == "already":
        out.append(f"On {on_day(target, target['day'])}: {fares(document, 'present')}.")
    elif status == "beyond":
        best = f"{figure(value)}{in_unit}, with {fares(document, 'answer')}"
        now = f"at the present {figure(present)}, {fares(document, 'present')}"
        out.append(f"Best of {document['tried']} values that were tried: {best}; {now}.")
        edge = next((end for end in ("low", "high") if value == document["lever"][end]), None)
        if edge is not None and value != present:
            out.append(f"That is the edge of the range that was searched (seek.{edge}); beyond it may be more.")
    else:
        out.append(f"At {figure(value)}{in_unit}: {fares(document, 'answer')}; at the present {figure(present)}: "
                   f"{fares(document, 'present')}.")  # fmt: skip
        out.append(how_sure(document))
        beyond = document["answer"]["beyond"]
        if beyond is not None and not document["answer"]["beyond_reaches"]:
            out.append(
                f"It is no threshold: {figure(beyond)}, the next value that was lived beyond it, does not reach the "
                "target. The response bends back or is jagged there, so look at the chart before relying on it."
            )
        if document["nearest"]["value"] != value:
            smaller = figure(document["nearest"]["value"])
            out.append(f"A smaller change, to {smaller}, reaches the target as well, but breaks a guardrail.")
    return [*out, *guardrails(document), *costs(document)]


def how_sure(document: Document) -> str:
    """Between which values of the lever the answer lies, as far as so many replications tell."""
    key, found, count = document["lever"]["key"], document["answer"], document["replications"]
    near, far = found["near"], found["far"]
    if far is None:
        text = (
            f"is at least {figure(near)}" if found["value"] >= document["present"] else f"is at most {figure(near)}"
        )
        return f"From {count} replications {key} {text}; no value that was tried reaches it beyond chance (95 %)."
    low, high = sorted((near, far))
    return f"Known from {count} replications to lie between {figure(low)} and {figure(high)} (95 %)."


WHO = {"already": "the present plan", "reached": "the answer", "beyond": "the best value"}
"""Who is judged by the guardrails, by how the search ended."""


def guardrails(document: Document) -> list[str]:
    """How often each guardrail is broken, now and by the answer."""
    out = []
    for entry in document["ceilings"]:
        ours, now = entry["answer"]["p_breach"], entry["present"]["p_breach"]
        breaks = "breaks it" if ours > document["tolerated"] else "keeps it"
        who = WHO[document["status"]]
        text = f"Guardrail {named('ceiling', entry)}: {who} {breaks}, broken in {share(ours)} of futures"
        out.append(text + ("." if document["status"] == "already" else f" ({share(now)} in the present plan)."))
    if document["status"] == "reached" and not document["keeps_ceilings"]:
        out.append("No value that was tried reaches the target and keeps all guardrails.")
    return out


def costs(document: Document) -> list[str]:
    """What the answer changes by the money at the end, where it changes anything."""
    if document["status"] == "already":
        return []
    money = [entry for entry in document["effects"] if entry["metric"] in ("contribution", "cost")]
    return [capital(minus(entry["sentence"])) + "." for entry in money]


# ---------------------------------------------------------------------------- the page


class Sought(Material):
    """The files of a search's folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tried = pd.read_csv(folder / "tried.csv").sort_values("value")
        self.target: dict[str, Any] = self.summary["target"]
        self.lever: dict[str, Any] = self.summary["lever"]


def write_seek(folder: Path) -> None:
    """Draw the chart of a search and write its page, reading nothing but its own files."""
    m = Sought(Path(folder))
    charts = [response(m)]
    publish(m.folder, charts, "seek.html", lambda images: content(m, charts, images))


def response(m: Sought) -> Chart:
    """The level on the due day, and the share of futures that meet the target, against the lever's value."""
    head, target = title(m.summary), m.target
    factor = 100.0 if target["unit"] == "share" else 1.0
    unit = "%" if factor == 100.0 else m.in_money(str(target["unit"]))
    whole = m.tried["replications"] == m.tried["replications"].max()
    how = (
        f"Each dot is a value of {m.lever['key']}, lived by the same persons with the same luck: {m.replications} "
        "times where it is filled, fewer times where it is hollow. Above: the level on the due day, on average; the "
        "dark tint is the 95 % interval of the average, the light one holds 8 of 10 futures. Below: the share of "
        "futures that meet the target, with Wilson's interval. Vertical lines: the present value, and the answer "
        "with the values between which chance leaves it."
    )
    takeaway = " ".join(m.summary["sentences"][1:3])

    def draw() -> Any:
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        sheet = Sheet(head, f"{m.title}; {m.replications} replications at most, seed {m.summary['seed']}.",
                      panels=(2.9, 1.5), legend_rows=3, gap=0.3, right=0.6)  # fmt: skip
        above, below = sheet.axes
        x = m.tried["value"].to_numpy(dtype=float)
        at = {
            name: factor * m.tried[name].to_numpy(dtype=float) for name in ("mean", "low95", "high95", "p10", "p90")
        }
        met = {name: 100.0 * m.tried[name].to_numpy(dtype=float) for name in ("p_met", "p_met_low95", "p_met_high95")}
        plain_axes(above, f"{target['words']}" + (f" ({unit})" if unit and unit != target["words"] else ""))
        plain_axes(below, "futures (%)")
        above.fill_between(x, at["p10"], at["p90"], color=BLUE, alpha=0.15, linewidth=0)
        above.fill_between(x, at["low95"], at["high95"], color=BLUE, alpha=0.4, linewidth=0)
        below.fill_between(x, met["p_met_low95"], met["p_met_high95"], color=BLUE, alpha=0.2, linewidth=0)
        for axes, y in ((above, at["mean"]), (below, met["p_met"])):
            axes.plot(x, y, color=BLUE, linewidth=1.6, zorder=4)
            full = whole.to_numpy()
            axes.plot(x[full], y[full], "o", color=BLUE, markersize=5, zorder=5)
            axes.plot(x[~full], y[~full], "o", color=BLUE, markerfacecolor="white", markersize=5, zorder=5)
        goal = factor * float(target["value"])
        above.axhline(goal, color=VERMILION, linewidth=1.5, linestyle=(0, (5, 3)), zorder=3)
        if target["chance"] is not None:
            below.axhline(100.0 * float(target["chance"]), color=VERMILION, linewidth=1.5, linestyle=(0, (5, 3)))
        handles = [Line2D([], [], color=BLUE, marker="o", lw=1.6), Patch(color=BLUE, alpha=0.4),
                   Patch(color=BLUE, alpha=0.15), Line2D([], [], color=VERMILION, ls=(0, (5, 3)), lw=1.5),
                   Line2D([], [], color=INK, ls=(0, (1.5, 1.5)), lw=1.4)]  # fmt: skip
        labels = ["average", "95 % interval of the average; below: of the share", "8 of 10 futures",
                  f"target: at {target['at']} {level(target['value'], target)}",
                  f"present value: {figure(m.summary['present'])}"]  # fmt: skip
        found = m.summary["answer"]
        for axes in (above, below):
            axes.axvline(float(m.summary["present"]), color=INK, linewidth=1.4, linestyle=(0, (1.5, 1.5)), zorder=2)
            if m.summary["status"] == "reached":
                axes.axvline(float(found["value"]), color=GREEN, linewidth=1.8, zorder=2)
                if found["far"] is not None:
                    axes.axvspan(*sorted((found["near"], found["far"])), color=GREEN, alpha=0.15, linewidth=0)
        if m.summary["status"] == "reached":
            handles.append(Line2D([], [], color=GREEN, lw=1.8))
            labels.append(f"answer: {figure(found['value'])}")
        low, high = min(float(np.nanmin(at["p10"])), goal), max(float(np.nanmax(at["p90"])), goal)
        room = 0.08 * ((high - low) or abs(goal) or 1.0)
        above.set_ylim(max(low - room, 0.0) if low >= 0 else low - room, high + room)
        digits = 0 if high - low > 5 else 1 if high - low > 0.5 else 2
        above.yaxis.set_major_formatter(lambda value, _: minus(f"{value:,.{digits}f}"))
        above.tick_params(axis="x", labelbottom=False)
        below.set_ylim(0, 104)
        below.set_yticks([0, 50, 100])
        below.xaxis.set_major_formatter(lambda value, _: figure(value))
        label = m.lever["key"] + (f" ({m.in_money(m.lever['unit'])})" if m.lever["unit"] else "")
        below.set_xlabel(label, fontsize=9.5, color=INK, parse_math=False)
        sheet.legend(handles, labels, 2)
        return sheet.figure

    alt = f"The level on the due day and the share of futures that meet the target by {m.lever['key']}. {takeaway}"
    return Chart("response", head, takeaway, how, alt, draw)


def content(m: Sought, charts: list[Chart], images: dict[str, bytes]) -> dict[str, Any]:
    """Everything that the page says, by the template's names."""
    said = sentences(m.summary)
    page = {
        "title": said[0].removesuffix("."),
        "subtitle": m.title,
        "lead": said[1:],
        "warnings": [*standing(m), *m.summary["warnings"]],
        "contents": [("charts", "The response"), ("cost", "What it costs"), ("tried", "What was tried"),
                     ("sure", "How sure"), ("rests", "What it rests on"), ("odd", "Odd in the data"),
                     ("terms", "Terms"), ("provenance", "Provenance")],
        "charts": [embedded_image(chart, images[chart.name]) for chart in charts],
        "key": m.lever["key"],
        "meaning": capital(str(m.lever["meaning"])),
        "present": figure(m.summary["present"]),
        "answer": figure(m.summary["answer"]["value"]),
        "effects": [effect_row(m, entry) for entry in m.summary["effects"]],
        "changed": m.summary["answer"]["value"] != m.summary["present"],
        "ceilings": m.summary["ceilings"],
        "rows": [tried_row(m, row) for row in m.tried.to_dict("records")],
        "method": method(m),
    }  # fmt: skip
    return unbroken(page) | ground(m)


def standing(m: Sought) -> list[str]:
    """Whether these are the reader's own members."""
    if m.has_log:
        return []
    return ["This run does not use your data: the members are a simulated stand-in. Use it to explore, not to plan."]


def effect_row(m: Sought, entry: dict[str, Any]) -> dict[str, str]:
    """A headline metric: the present plan's, and what the answer changes."""
    width = float(entry["high95"]) - float(entry["low95"])
    return {
        "label": capital(str(entry["label"])),
        "unit": m.in_money(str(entry["unit"])),
        "present": minus(number(float(entry["present"]))),
        "effect": minus(signed(float(entry["effect"]), width)),
        "interval": minus(f"{unsigned(float(entry['low95']), width)} to {unsigned(float(entry['high95']), width)}"),
        "relative": minus(relative(entry["relative_pct"])) or "–",
    }


def tried_row(m: Sought, row: Any) -> dict[str, str]:
    """A value of the lever that was lived."""
    marks = {m.summary["answer"]["value"]: "the answer", m.summary["present"]: "the present plan"}
    return {
        "value": figure(float(row["value"])),
        "count": number(float(row["replications"])),
        "mean": level(float(row["mean"]), m.target),
        "band": f"{level(float(row['p10']), m.target)} to {level(float(row['p90']), m.target)}",
        "chance": f"{share(float(row['p_met']))} ({interval(row, 'p_met')})",
        "reached": "yes" if row["reached"] else "no",
        "mark": marks.get(row["value"], ""),
    }


def method(m: Sought) -> list[str]:
    """How it was searched, and what the answer does not hold."""
    return [
        f"Sought was {aim(m.summary)}. All values are lived by the same persons with the same luck, so that "
        "what differs between two of them is the lever's doing.",
        f"The range from {figure(m.lever['low'])} to {figure(m.lever['high'])} was scanned on few replications, "
        "denser near the present value; what looked promising was lived in full, nearest first; then the interval "
        "between the last value that does not reach the target and the first that does was halved. A narrow hump "
        "between two values of the scan can be missed: a larger seek.scan looks more closely.",
        "The interval of the answer holds Monte Carlo noise alone: whether the model is right is not in it.",
    ]
