"""Selection apart from treatment, from a run's files alone: what groups spend, and what they would spend anyway."""

import math
from typing import Any

from sim.report.executive import GROUPS
from sim.report.material import Material, capital, minus, number, percent, read_words, signed, unsigned


def selection_rows(m: Material) -> list[dict[str, str]]:
    """Rows of the table of groups; none where no strategy makes any."""
    table = read_words(m.folder / "selection.csv", ("strategy", "baseline", "group", "among", "measure", "unit"))
    if table is None:
        return []
    out: list[dict[str, str]] = []
    for (strategy, group, among), rows in table.groupby(["strategy", "group", "among"], sort=False):
        of = {str(row["measure"]): row for row in rows.to_dict("records")}
        words = GROUPS.get(str(group), f"newcomers by {str(group).replace('_', ' ')}")
        told = {name: times(of[name]) if name in of else "–" for name in ("times", "anyway", "caused")}
        told |= {name: shared(of[name]) if name in of else "–" for name in ("share", "came_anyway")}
        told |= {"gain": amount(of["gain"])}
        out.append({"strategy": str(strategy), "group": capital(words), "among": str(among), **told})
    return out


def times(row: dict[Any, Any]) -> str:
    """`3.10 ± 0.05`; of what was caused, with its sign."""
    mean, half = float(row["mean"]), (float(row["high95"]) - float(row["low95"])) / 2.0
    if not math.isfinite(mean):
        return "–"
    shown = f"{mean:+.2f}" if row["measure"] == "caused" else f"{mean:.2f}"
    return minus(f"{shown} ± {half:.2f}" if half > 0.0 else shown)


def shared(row: dict[Any, Any]) -> str:
    """A share as a percentage."""
    return percent(float(row["mean"])) if math.isfinite(float(row["mean"])) else "–"


def amount(row: dict[Any, Any]) -> str:
    """`+12.3 (8.1 to 16.5)`."""
    mean, low, high = (float(row[name]) for name in ("mean", "low95", "high95"))
    if not math.isfinite(mean):
        return "–"
    if not high > low:
        return minus(signed(mean, abs(mean) / 5.0)) if mean else number(mean)
    wide = high - low
    return minus(f"{signed(mean, wide)} ({unsigned(low, wide)} to {unsigned(high, wide)})")


__all__ = ["selection_rows"]
