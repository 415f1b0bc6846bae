"""The report of a run: `charts/*.png` and a self-contained `report.html`, from its files alone."""

import base64
import math
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sim.report.charts import Chart, all_charts, save, source_line, sources, varied
from sim.report.growth import CHARTS as GROWTH
from sim.report.growth import FILES, channel_rows, growth_of, terms
from sim.report.material import (
    MONTHS,
    STAGES,
    Headline,
    Material,
    date_words,
    figures,
    number,
    percent,
    standing,
)
from sim.report.targets import PREFIX as TARGETS
from sim.report.targets import charts_of as target_charts
from sim.report.targets import plain_style, section, summed_up

MODEL_NOTES = {"population", "season", "regularity", "disturbance", "joining", "cycle"}
"""Codes of notes that say what the model assumes or learned; all others are about the data."""
FEW = 100
"""With fewer simulated futures than this, the limits of the 95 % interval rest on a handful of them."""
LABELS = {
    "orders_to_date": "Orders",
    "orders_existing_to_date": "Orders of members of the first day",
    "orders_newcomers_to_date": "Orders of newcomers",
    "revenue_to_date": "Revenue",
    "members": "Members at the end",
    "joined_to_date": "Newcomers",
    "mau": "Members who ordered in the last 30 days (MAU), at the end",
    "dormant_90": "Long dormant members at the end",
}
FLOW_LABELS = {
    "orders": "Orders",
    "orders_existing": "Orders of members of the first day",
    "orders_newcomers": "Orders of newcomers",
    "revenue": "Revenue",
    "revenue_existing": "Revenue from members of the first day",
    "revenue_newcomers": "Revenue from newcomers",
}
FITTED_WORDS = {
    "rate_shape": "How alike members are in how often they order (larger: more alike)",
    "rate_scale": "Scale of the ordering rate, days",
    "drift_shape": "How alike members are in how soon they drift away (larger: more alike)",
    "drift_scale": "Scale of drifting away, days",
    "spend_mean": "Typical order value, as the natural logarithm of an amount in cents",
    "spend_between": "Spread of order values between members (standard deviation of logarithms)",
    "spend_within": "Spread between orders of one member (standard deviation of logarithms)",
    "free_share": "Share of orders with amount 0",
    "regularity": "Regularity of gaps between orders (1: pure chance; larger: more regular)",
    "weekly_sd": "Shared ups and downs of weeks (standard deviation of logarithms)",
    "memory": "How much of a week's ups and downs carries into the next week (0 to 1)",
    "newcomers_per_week": "Newcomers a week when the forecast starts",
    "newcomers_walk": "How far newcomers wander from week to week (standard deviation of logarithms)",
    "cycle_days": "Usual time between orders, days",
}
CODES = {
    "Configuration (hash)",
    "Rules (hash)",
    "Source code (commit)",
    "Purchase log (SHA-256)",
    "Forecast that was made before (hash)",
}
"""Rows of provenance that are shown as code."""


def write_report(folder: Path) -> None:
    """Draw the charts of a run and write its page, reading nothing but the run's own files.

    Writes `charts/*.png` and `report.html`. The same files give the same bytes, before and after
    the folder is marked complete. Charts that an earlier report left there and this one does not have are removed.
    """
    material = Material(Path(folder))
    source = source_line(material)
    aimed = target_charts(material, [str(material.summary.get("strategy"))], plain_style, source)
    charts = [*all_charts(material), *aimed, *growth_of(material, source).charts()]
    publish(material.folder, charts, "template.html", lambda images: content(material, charts, images))


def publish(
    folder: Path, charts: list[Chart], template: str, fill: Callable[[dict[str, bytes]], dict[str, Any]]
) -> None:
    """Draw charts and write a page: `fill` gives what the template says from the charts' images by name."""
    place = folder / "charts"
    place.mkdir(exist_ok=True)
    images: dict[str, bytes] = {}
    for chart in charts:
        target = place / f"{chart.name}.png"
        unfinished = target.with_name(f".{target.name}.tmp")
        save(chart, unfinished)
        images[chart.name] = unfinished.read_bytes()
        unfinished.replace(target)
    for old in place.glob("*.png"):
        if old.stem not in images:
            old.unlink()
    target = folder / "report.html"
    unfinished = target.with_name(f".{target.name}.tmp")
    unfinished.write_text(render(template, fill(images)), encoding="utf-8", newline="\n")
    unfinished.replace(target)


def render(template: str, page: dict[str, Any]) -> str:
    """A page as HTML; every text from data or config is escaped."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(page=page)


def content(m: Material, charts: list[Chart], images: dict[str, bytes]) -> dict[str, Any]:
    """Everything that the page says, by the template's names."""
    embedded = [embedded_image(chart, images[chart.name]) for chart in charts]
    fared = _fared(m)
    grown = [chart.name for chart in charts if chart.name in GROWTH]
    aims = [image for image in embedded if image["name"].startswith(TARGETS)]
    goals = section(m, aims, [str(m.summary.get("strategy"))])
    contents = [
        ("numbers", "Key numbers"),
        ("targets", "Targets"),
        ("charts", "Pictures"),
        ("growth", "How it grew"),
        ("fared", "Against what happened"),
        ("sure", "How sure"),
        ("rests", "What it rests on"),
        ("odd", "Odd in the data"),
        ("terms", "Terms"),
        ("provenance", "Provenance"),
    ]
    absent = {"fared": not fared, "charts": len(charts) == len(grown) + len(aims), "growth": not grown}
    absent["targets"] = goals is None
    base = ground(m)
    base["glossary"] = [*base["glossary"], *terms(grown)]
    return {
        "title": _title(m),
        "subtitle": m.title,
        "lead": _lead(m),
        "warnings": _warnings(m),
        "contents": [entry for entry in contents if not absent.get(entry[0], False)],
        "start": date_words(m.start),
        "end": date_words(m.end),
        "cards": _cards(m),
        "rows": _rows(m),
        "below_numbers": _below_numbers(m),
        "bands": _bands(m),
        "charts": [
            image for image in embedded if image not in aims and image["name"] not in ("band_sources", *GROWTH)
        ],
        "goals": goals,
        "growth": [image for image in embedded if image["name"] in GROWTH],
        "channel_rows": channel_rows(growth_of(m, "")) if grown else [],
        "source_charts": [image for image in embedded if image["name"] == "band_sources"],
        "not_drawn": _not_drawn(m, charts),
        "fared": fared,
        "fared_intro": _fared_intro(m),
        "fared_words": _fared_words(m, fared),
        "sure": _sure(m),
        **base,
    }


def ground(m: Material) -> dict[str, Any]:
    """What numbers rest on, oddities of the data, terms and provenance: the last part of every page."""
    assumptions, choices = settings_in_force(m)
    notes = [note for note in m.summary.get("notes", []) if isinstance(note, dict)]
    fitted = m.parameters.get("fitted")
    return {
        "rests": _rests(m),
        "model_notes": [sentence_of(note) for note in notes if note.get("code") in MODEL_NOTES],
        "data_notes": [sentence_of(note) for note in notes if note.get("code") not in MODEL_NOTES],
        "nothing_odd": "Nothing that needed a decision was found in the log."
        if m.has_log
        else "This run reads no data: its members are simulated from the settings above.",
        "fitted": _fitted(fitted) if fitted else [],
        "months": [
            (MONTHS[i][:3], f"{float(value):.2f}") for i, value in enumerate((fitted or {}).get("months", []))
        ],
        "assumptions": assumptions,
        "choices": choices,
        "glossary": _glossary(m),
        "provenance": provenance(m),
        "as_code": CODES,
    }


def embedded_image(chart: Chart, data: bytes) -> dict[str, Any]:
    """A chart's image and words, as the templates take them."""
    width, height = struct.unpack(">II", data[16:24])
    return {
        "name": chart.name,
        "src": "data:image/png;base64," + base64.b64encode(data).decode("ascii"),
        "width": width,
        "height": height,
        "alt": f"{chart.title}. {chart.alt}",
        "takeaway": chart.takeaway,
        "how": chart.how,
        "narrow": chart.narrow,
    }


# ---------------------------------------------------------------------------- the finding


def _period(m: Material) -> str:
    return f"from {date_words(m.start)} to {date_words(m.end)}"


def _actual_orders(m: Material) -> float | None:
    """Orders that were placed in the whole period, of those whom the forecast covers; None if not known."""
    return m.actual_total("orders_existing" if m.closed and "orders_existing" in m.actuals else "orders")


def _title(m: Material) -> str:
    orders = m.headlines.get("orders_to_date")
    if orders is None or not orders.usable:
        return f"A forecast {_period(m)}"
    actual = _actual_orders(m)
    if actual is not None:
        return f"About {orders.about} orders were forecast {_period(m)}; {number(actual)} were placed"
    return f"We expect about {orders.about} orders {_period(m)}"


def _lead(m: Material) -> list[str]:
    out = []
    orders, revenue = m.headlines.get("orders_to_date"), m.headlines.get("revenue_to_date")
    if orders is not None and orders.usable:
        actual = _actual_orders(m)
        who = "We expect" if actual is None else "The forecast expected"
        text = (
            f"{who} {orders.about} orders by {date_words(m.end)}; in 8 of 10 simulated futures "
            f"{orders.between80}, in 19 of 20 {orders.between95}."
        )
        if actual is not None:
            text += f" What happened, {number(actual)} orders, lies {orders.standing(actual)}."
        out.append(text)
    if revenue is not None and revenue.usable:
        text = f"Revenue: {revenue.about} ({m.unit_of_money}) on average; in 8 of 10 simulated futures "
        text += f"{revenue.between80}."
        closed = m.closed and "revenue_existing" in m.actuals
        actual = m.actual_total("revenue_existing" if closed else "revenue")
        if actual is not None:
            text += f" What happened, {number(actual)}, lies {revenue.standing(actual)}."
        out.append(text)
    count = int(m.summary["members_at_start"])
    members = m.headlines.get("members")
    joined = m.headlines.get("joined_to_date")
    if m.closed:
        out.append(
            f"The membership is taken as closed: these are the {count:,} members of the first day, nobody joins."
        )
    elif members is not None and members.usable and joined is not None and joined.usable:
        out.append(
            f"The {count:,} members of the first day become {members.about} by {date_words(m.end)}: "
            f"{joined.about} persons join ({joined.between80} in 8 of 10 simulated futures)."
        )
    targets, ceilings = m.summary.get("targets") or [], m.summary.get("ceilings") or []
    return [*out, summed_up(targets, ceilings, str(m.summary.get("strategy")))] if targets or ceilings else out


def _warnings(m: Material) -> list[str]:
    out = []
    if not m.has_log:
        out.append(
            "This run does not use your data: the members are a simulated stand-in. Use it to explore "
            "how such a "
            "membership behaves, not to plan."
        )
    if m.replications < FEW:
        out.append(
            f"Only {m.replications} futures were simulated: the edges of the bands, above all of the 95 "
            "% band, are "
            "themselves rough. For a decision, run at least 200."
        )
    broken = [_label(line) for line in m.headlines.values() if not line.usable]
    if broken:
        out.append(
            f"Not usable in this run: {', '.join(broken)}. Some simulated futures gave impossible "
            "amounts or ran far "
            "away from all others, so no number is shown; please report this run."
        )
    if m.closed:
        came = m.actuals.get("orders_newcomers")
        strangers = 0.0 if came is None else float(came.sum())
        if strangers > 0:
            out.append(
                "The forecast took the membership as closed, but newcomers came: they placed "
                f"{number(strangers)} "
                "orders, which are not part of the comparisons on this page."
            )
    return out


# ---------------------------------------------------------------------------- the numbers


def _label(line: Headline) -> str:
    return LABELS.get(line.metric, str(line.entry.get("label", line.metric)))


def _unit(m: Material, line: Headline) -> str:
    unit = str(line.entry.get("unit", ""))
    return m.in_money(unit)


def _shown(m: Material) -> list[Headline]:
    """Headlines worth a row: in a closed membership what newcomers do is nothing, and is left out."""
    skip = {"orders_existing_to_date", "orders_newcomers_to_date", "joined_to_date"} if m.closed else set()
    return [line for line in m.headlines.values() if line.metric not in skip]


def _cards(m: Material) -> list[dict[str, str]]:
    wanted = ("orders_to_date", "revenue_to_date", "members", "mau")
    words = {
        "orders_to_date": f"Orders by {date_words(m.end)}",
        "revenue_to_date": f"Revenue by {date_words(m.end)}, {m.unit_of_money}",
        "members": f"Members on {date_words(m.end)}",
        "mau": "Members who ordered in the last 30 days",
    }
    out = []
    for name in wanted:
        line = m.headlines.get(name)
        if line is None or not line.usable:
            continue
        spread = "the same in every future" if line.fixed else f"8 of 10 futures: {line.between80}"
        out.append({"what": words[name], "big": line.about, "range": spread})
    return out


def _rows(m: Material) -> list[dict[str, str]]:
    out = []
    for line in _shown(m):
        row = {"label": _label(line), "unit": _unit(m, line)}
        if not line.usable:
            row |= dict.fromkeys(("mean", "band80", "band95", "error"), "not usable")
        else:
            row |= {
                "mean": number(line.mean),
                "band80": number(line.low80) if line.fixed else f"{number(line.low80)} to {number(line.high80)}",
                "band95": number(line.low95) if line.fixed else f"{number(line.low95)} to {number(line.high95)}",
                "error": "exact" if line.error == 0 else f"± {number(2 * line.error)}",
            }
        out.append(row)
    return out


def _below_numbers(m: Material) -> list[str]:
    out = [
        "Sentences and cards round to what the width of the band justifies; the table does not. Amounts "
        "are in "
        f"{_money_words(m)}."
    ]
    orders = m.headlines.get("orders_to_date")
    if orders is not None and orders.usable and orders.error > 0:
        width = orders.high80 - orders.low80
        text = (
            f"Monte Carlo error: from {m.replications:,} simulated futures the average of the orders, "
            f"{number(orders.mean)}, is known to about {number(2 * orders.error)} either way (two "
            "standard errors)"
        )
        text += f", {percent(2 * orders.error / width)} of the width of the 80 % band" if width > 0 else ""
        out.append(text + ". More futures would sharpen the average, not narrow the band.")
    if m.closed:
        out.append("No row for newcomers: the membership is closed, nobody joins in any simulated future.")
    return out


def _money_words(m: Material) -> str:
    if not m.has_log:
        return "CNY"
    extra = " (US dollars)" if m.data_name.startswith("cdnow") else ""
    return f"the log's own currency{extra}"


def _bands(m: Material) -> str:
    return (
        f"The same membership was lived through {m.replications:,} times, each time with other luck"
        + (_others(m) + ". ")
        + "Each of these runs is a simulated future. A band of 80 % holds the middle 8 of 10; 1 in 10 lies "
        "below it and 1 in 10 above. A 95 % band leaves 1 in 40 on either side. Bands speak about what "
        "the model knows "
        "it does not know; a war, a new rival or a change of prices is not in them."
    )


def _others(m: Material) -> str:
    kinds = varied(m)
    out = ""
    if "parameters" in kinds:
        out += ", with members' tendencies drawn anew from what the log leaves open"
    if "disturbance" in kinds:
        out += ", with other ups and downs of whole weeks"
    return out


def _not_drawn(m: Material, charts: list[Chart]) -> list[str]:
    have = {chart.name for chart in charts}
    out = []
    if m.closed:
        out.append("Closed membership: there is no chart of newcomers, because nobody joins in any simulated future.")
    if "revenue" not in have:
        out.append("No chart of revenue: this run has no usable weekly amounts.")
    if "growth_accounting" not in have:
        out.append("No chart of monthly buyers: the run covers no whole calendar month.")
    if "cohort_triangle" not in have:
        out.append("No chart of joining months: the run covers no whole month after a joining month.")
    return out


# ---------------------------------------------------------------------------- against what happened


def _fared(m: Material) -> list[dict[str, str]]:
    out = []
    for entry in m.summary.get("against_actuals") or []:
        name, weeks = str(entry["metric"]), int(entry["weeks"])
        totals = m.forecast(f"{name}_to_date")
        values = (entry["forecast"], entry["actual"], entry["error_pct"])
        if not m.trusted(f"{name}_to_date") or not all(math.isfinite(float(value)) for value in values):
            continue
        where = "not known"
        whole = m.actual_to_date(name)
        if totals is not None and whole is not None and 7 * weeks <= len(whole) and 7 * weeks - 1 in totals.index:
            bounds = [float(totals[key].to_numpy()[7 * weeks - 1]) for key in ("p10", "p90", "p025", "p975")]
            where = standing(float(entry["actual"]), *bounds)
        out.append(
            {
                "metric": name,
                "label": FLOW_LABELS.get(name, name),
                "weeks": number(weeks),
                "forecast": number(float(entry["forecast"])),
                "actual": number(float(entry["actual"])),
                "error": f"{float(entry['error_pct']):+.1f} %".replace("-", "−"),
                "missed": f"{abs(float(entry['error_pct'])):.1f} % too "
                + ("low" if float(entry["error_pct"]) < 0 else "high"),
                "standing": where,
                "inside80": f"{float(entry['weeks_inside_80_pct']):.0f} %",
                "inside95": f"{float(entry['weeks_inside_95_pct']):.0f} %",
            }
        )
    return out


def _fared_intro(m: Material) -> str:
    return (
        f"The log goes on after {date_words(m.date(-1))}, the last day that the forecast was allowed to "
        "read. What "
        "happened then was kept aside and is compared here."
    )


def _fared_words(m: Material, fared: list[dict[str, str]]) -> list[str]:
    out = []
    for row in fared:
        text = f"{row['label']}: {row['forecast']} forecast, {row['actual']} happened. The forecast was "
        text += f"{row['missed']}"
        text += "" if row["standing"] == "not known" else f"; the total lies {row['standing']}"
        text += f". Of single weeks, {row['inside80']} lay inside "
        text += f"the 80 % band and {row['inside95']} inside the 95 % band."
        out.append(text)
    if fared:
        out.append(
            "If the bands are right, about 80 % and 95 % of single weeks lie inside them in the long "
            "run. Weeks that "
            "follow one another share their ups and downs, so these counts are worth less than as many "
            "independent "
            "trials, and one period is one trial of the total."
        )
    return out


# ---------------------------------------------------------------------------- how sure


def _sure(m: Material) -> list[str]:
    kinds = varied(m)
    out = [] if sources(m) else ["This run did not tell the sources of its bands apart."]
    if "parameters" not in kinds:
        reason = (
            "the run was told to take the fitted tendencies as known (fit.parameters is off)"
            if m.has_log
            else "nothing was fitted, the tendencies are taken as known"
        )
        out.append(f"The bands contain no uncertainty about the members' tendencies: {reason}.")
    if "disturbance" not in kinds:
        out.append("The bands contain no shared ups and downs of weeks: none were found or none were asked for.")
    out.append(
        "Not in any band: whether the model itself is right, whether the season assumed below fits this "
        "business, and "
        "what an operator does differently from before."
    )
    out.append(
        "What can never be seen in a purchase log: whether a silent member is still attached or has "
        "drifted away. The "
        "tables have such a column (attached); it is a product of the model, not identified by a log, "
        "and no number "
        "on this page is taken from it."
    )
    return out


# ---------------------------------------------------------------------------- what it rests on


def _rests(m: Material) -> list[str]:
    if m.parameters.get("fitted"):
        purchasing = m.parameters["fitted"].get("purchasing", {})
        members = int(purchasing.get("members", m.summary["members_at_start"]))
        out = [
            "How often members order, how soon they drift away and what they spend was learned from the "
            "orders of "
            f"{members:,} members up to {date_words(m.date(-1))}; the tables give what was learned and "
            "how sure that "
            "is. The limits of the lifecycle stages are assumptions."
        ]
        months = [float(value) for value in m.parameters["fitted"].get("months", [])]
        if len(months) == 12 and max(months) > min(months):
            high, low = months.index(max(months)), months.index(min(months))
            out.append(
                f"The season matters for single weeks: with it {MONTHS[high]} runs at {months[high]:.2f} "
                "times the "
                f"average speed of a year and {MONTHS[low]} at {months[low]:.2f}. Whether it was assumed "
                "or learned "
                "is said below; if this business has another season, those weeks will be wrong, in every "
                "band."
            )
        return out
    return [
        "Nothing was learned from a log. The members' tendencies are published or measured on other "
        "data; season, "
        "newcomers and the limits of the lifecycle stages are assumptions or choices. All of them are below."
    ]


def sentence_of(note: dict[str, Any]) -> str:
    """A note as a sentence."""
    text = " ".join(str(note.get("text", "")).split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def _fitted(fitted: dict[str, Any]) -> list[dict[str, str]]:
    out = []

    def add(name: str, value: Any, error: Any = None) -> None:
        if not isinstance(value, int | float):
            return
        sure = isinstance(error, int | float) and math.isfinite(error)
        out.append(
            {
                "what": FITTED_WORDS.get(name, name),
                "name": name,
                "value": figures(float(value)),
                "error": f"± {figures(float(error))}" if sure and error > 0 else "not given",
            }
        )

    for part in ("purchasing", "spending"):
        fit = fitted.get(part) or {}
        for name, value, error in zip(
            fit.get("names", []), fit.get("values", []), fit.get("standard_errors", []), strict=False
        ):
            add(str(name), value, error)
    for name in ("regularity", "weekly_sd", "memory", "newcomers_per_week", "newcomers_walk", "cycle_days"):
        add(name, fitted.get(name))
    return out


def _meanings() -> dict[str, str]:
    """What each setting means, as the program declares it."""
    from sim.settings import Config
    from sim.units import parameters

    return {parameter.path: parameter.about.meaning for parameter in parameters(Config)}


def settings_in_force(m: Material) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Settings in force: those with a standing to be weighed, assumptions first, and mere choices."""
    declared = m.parameters.get("declared", {})
    fitted = m.parameters.get("fitted") or {}
    replaced = tuple(str(path) for path in fitted.get("takes_the_place_of", []))
    unused = ("market.start", "population.history_days", "population.name") if m.has_log else ("fit",)
    unused = (*unused, *idle_settings(declared))
    known = _meanings() if declared else {}
    kinds: dict[str, list[dict[str, str]]] = {}
    for path, entry in declared.items():
        if any(path == gone or path.startswith(f"{gone}.") for gone in (*replaced, *unused)):
            continue
        meaning = str(entry.get("meaning") or known.get(path) or path.rsplit(".", 1)[-1].replace("_", " "))
        meaning = meaning.replace("`", "")
        row = {
            "what": meaning[:1].upper() + meaning[1:],
            "name": path,
            "value": _value(entry.get("value")),
            "unit": m.in_money(str(entry.get("unit") or "")),
            "source": str(entry.get("source") or "not stated"),
            "confidence": str(entry.get("confidence") or "not stated"),
        }
        kinds.setdefault(row["confidence"], []).append(row)
    choices = kinds.pop("choice", [])
    weighed: Iterable[str] = ("assumption", "published", "measured", *sorted(set(kinds)))
    order = dict.fromkeys(kind for kind in weighed if kind in kinds)
    return [row for kind in order for row in kinds[kind]], choices


def idle_settings(declared: dict[str, Any]) -> list[str]:
    """Groups of settings that cannot act in this run: of levers that are off, and all of them without an operator."""
    switches = {path: entry for path, entry in declared.items() if path.endswith(".on")}
    on = {path.removesuffix(".on") for path, entry in switches.items() if entry.get("value")}
    idle = [path.removesuffix(".on") for path in switches if path.removesuffix(".on") not in on]
    if not on:
        idle += ["strategy", "response", "market.margin", "market.hunter_share", "market.segments"]
        idle += [f"market.{group}" for group in ("channels", "network", "rivals")]
        idle += [f"market.joining.{name}" for name in ("closed", "likely_share", "public_hunters", "public_wants")]
    if declared.get("market.calendar.festivals", {}).get("value") == "none":
        idle.append("market.calendar")
    return idle


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return figures(value) if isinstance(value, float) else str(value)


# ---------------------------------------------------------------------------- terms, provenance


def _glossary(m: Material) -> list[tuple[str, str]]:
    words = m.stage_words
    out = [
        (
            "Simulated future",
            "One complete run of the model: every member lives through every day, by chance.",
        ),
        ("Member", "A person who has placed a first order and has not visibly left."),
        ("Order", "All purchases of a member on one day count as one order."),
    ]
    for name in STAGES:
        stage, meaning = words[name].split(": ", 1)
        out.append((f"{stage} ({name})", f"{meaning[:1].upper()}{meaning[1:]}."))
    out += [
        (
            "Activity churn (lapsed)",
            "Ordered in one period and not in the next. A lapsed member may come back.",
        ),
        (
            "Silent churn (drifted away)",
            "Will never order again but says nothing. It cannot be seen, only inferred.",
        ),
        ("Visible churn (left)", "Has given up the membership, so that everybody knows."),
        (
            "Retained, resurrected, new",
            "Of those who order in a month: ordered in the month before as well; did not, "
            "but ordered earlier; orders for the first time.",
        ),
        (
            "DAU, WAU, MAU",
            "Members who ordered on the day, in the last 7 days, in the last 30 days, each including today.",
        ),
        ("Cohort", "All members who joined in the same calendar month."),
        (
            "Shared ups and downs (disturbance)",
            "What makes all members order more or less in the same week: news, weather, rivals.",
        ),
        ("Monte Carlo error", "How far an average may be off because only so many futures were simulated."),
    ]
    return out


def provenance(m: Material) -> list[tuple[str, str]]:
    """Where the numbers come from: data, run, versions, hashes."""
    manifest, out = m.manifest, []
    data = m.config.get("data") or {}
    if not m.has_log:
        out.append(("Data", "none: members simulated from the settings"))
    elif m.data_name == "log":
        out.append(("Data", f"purchase log {Path(str(data.get('path') or '')).name or 'of unknown name'}"))
    else:
        out.append(("Data", f"purchase log {m.data_name} (the public CDNOW log, US dollars)"))
    inputs = manifest.get("input_hashes") or {}
    if inputs.get("data"):
        out.append(("Purchase log (SHA-256)", str(inputs["data"])))
    if inputs.get("forecast"):
        out[0] = ("What happened", out[0][1])
        out.append(("Forecast that was made before (hash)", str(inputs["forecast"])))
    out += [
        ("Run", str(manifest.get("name") or m.folder.name)),
        ("Strategy of the operator", str(m.summary.get("strategy", "not stated")).replace("_", " ")),
        ("Market", str(m.summary.get("market", "not stated"))),
        ("Days forecast", f"{m.days:,}, {_period(m)}"),
        ("Simulated futures", f"{m.replications:,}"),
        ("Seed", str(m.summary.get("seed", manifest.get("seed", "not stated")))),
    ]
    for label, key in (
        ("Configuration (hash)", "config_hash"),
        ("Rules (hash)", "rules"),
        ("Source code (commit)", "commit"),
        ("membersim", "membersim"),
        ("Model version", "model"),
        ("Python", "python"),
    ):
        if manifest.get(key):
            out.append((label, str(manifest[key])))
    libraries = manifest.get("libraries") or {}
    if libraries:
        out.append(("Libraries", ", ".join(f"{name} {libraries[name]}" for name in sorted(libraries))))
    growth = "".join(f"{name}, " for name in FILES if (m.folder / name).exists())
    out.append(
        (
            "Files",
            f"summary.json, forecast.csv, {growth}parameters.json and the Parquet tables beside this page hold every "
            "number shown; manifest.json holds the hash of their content, written after this page.",
        )
    )
    return out


__all__ = ["write_report"]
