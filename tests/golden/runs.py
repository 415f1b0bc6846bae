"""Small runs whose numbers are pinned: they move only when a rule or a default does."""

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from sim import forecast
from sim.store import content_hash

FILE = Path(__file__).parent / "numbers.json"
RUNS: dict[str, dict[str, Any]] = {
    "embedded": {"run": {"members": 400, "days": 60, "replications": 4, "seed": 5}},
    "regular gaps, small market": {
        "run": {"members": 300, "days": 45, "replications": 3, "seed": 6},
        "market": {"size": 320, "cycle_days": 10.0, "season": {"index": "none"}},
        "population": {"buying": {"rate_shape": 2.0, "rate_scale": 10.0, "regularity": 1.7}},
    },
    "matched scenes in beauty": {
        "market": "beauty",
        "strategy": "matched_scenes",
        "run": {"members": 300, "days": 60, "replications": 3, "seed": 8},
    },
    "stages matched in coffee": {
        "market": "coffee",
        "strategy": "stage_matched",
        "run": {"members": 300, "days": 60, "replications": 3, "seed": 9},
    },
    "cdnow_sample": {"data": "cdnow_sample", "run": {"days": 28, "replications": 3}, "fit": {"regularity": 1.0}},
}


def have_log() -> bool:
    """Whether the example log is installed."""
    try:
        return distribution("lifetimes") is not None
    except PackageNotFoundError:
        return False


def golden_numbers() -> dict[str, dict[str, Any]]:
    """What the runs say now: totals, which tell a reader what moved, and the content hash."""
    out: dict[str, dict[str, Any]] = {}
    for name, config in RUNS.items():
        if "data" in config and not have_log():
            continue
        result = forecast(**config)
        daily = result.daily
        lived = {file: table for file, table in result.tables.items() if not file.startswith("targets")}
        summary = {key: value for key, value in result.summary.items() if key != "ceilings"} | {"targets": []}
        last = daily[daily["day"] == daily["day"].max()]
        out[name] = {
            "orders": int(daily["orders"].sum()),
            "revenue_cents": round(100 * float(daily["revenue"].sum())),
            "drifted": int(daily["drifted"].sum()),
            "members": int(last["members"].sum()),
            "dormant_90": int(last["dormant_90"].sum()),
            "content_hash": content_hash(lived, {"summary": summary, "parameters": result.parameters}),
        }
    return out


def write(numbers: dict[str, dict[str, Any]]) -> None:
    """Pin the numbers."""
    FILE.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
