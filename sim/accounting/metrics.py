"""Names, units and meanings of every reported metric, computed from the ledger and nowhere else."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting import books as accounting
from sim.accounting import posting, stages
from sim.accounting.books import STOCKS, Ledger
from sim.errors import InputError, nearest


@dataclass(frozen=True)
class Metric:
    """A column of daily.parquet. kind: `stock` (at the end of the day) or `flow` (during the day)."""

    name: str
    kind: str
    unit: str
    meaning: str


_STAGE_MEANING = {
    "new": "members with a first order only, not yet dormant",
    "active": "members who ordered again, not long ago for the category's cycle",
    "at_risk": "repeat members silent for longer than the first alarm",
    "dormant_30": "members silent for 30 to 60 days of a 30-day cycle",
    "dormant_60": "members silent for 60 to 90 days of a 30-day cycle",
    "dormant_90": "members silent for 90 days of a 30-day cycle or longer",
    "lost": "former members who have visibly left",
}

METRICS = (
    Metric("members", "stock", "members", "listed members: joined and not visibly left"),
    Metric("members_existing", "stock", "members", "listed members who were members at day 0"),
    Metric("members_newcomers", "stock", "members", "listed members who joined since day 0"),
    *(Metric(name, "stock", "members", meaning) for name, meaning in _STAGE_MEANING.items()),
    *(
        Metric(
            f"state_{name}",
            "stock",
            "members",
            f"members in the activity state {name} of the seven-state model",
        )
        for name in stages.ACTIVITY
    ),
    Metric("attached", "stock", "members", "latent: members who have not drifted away; not identified by a log"),
    Metric("orders", "flow", "orders", "orders placed, first orders included"),
    Metric("orders_existing", "flow", "orders", "orders of members of day 0"),
    Metric("orders_newcomers", "flow", "orders", "orders of members who joined since day 0"),
    Metric("first_orders", "flow", "orders", "first orders: each is a joining"),
    Metric("repeat_orders", "flow", "orders", "orders that are not a member's first"),
    Metric("buyers", "flow", "member-days", "distinct members who ordered that day; a sum over days counts days"),
    Metric("revenue", "flow", "CNY", "value of orders"),
    Metric("revenue_existing", "flow", "CNY", "value of orders of members of day 0"),
    Metric("revenue_newcomers", "flow", "CNY", "value of orders of members who joined since day 0"),
    Metric("joined", "flow", "members", "persons who joined"),
    Metric("removed", "flow", "members", "members who visibly left"),
    Metric("drifted", "flow", "members", "latent: members who silently drifted away"),
    Metric("dau", "stock", "members", "daily active: ordered that day (and left since, perhaps)"),
    Metric("wau", "stock", "members", "weekly active: ordered in the last 7 days"),
    Metric("mau", "stock", "members", "monthly active: ordered in the last 30 days"),
    Metric("active_new", "flow", "members", "growth accounting: active today for the first time"),
    Metric("active_retained", "flow", "members", "growth accounting: active today and yesterday"),
    Metric("active_resurrected", "flow", "members", "growth accounting: active today, not yesterday, but before"),
    Metric("active_churned", "flow", "members", "growth accounting: active yesterday, not today (activity churn)"),
)
NAMES = tuple(metric.name for metric in METRICS)


def stock(world: Any, name: str) -> int:
    """A stock at the end of the last day lived."""
    if name not in STOCKS:
        raise InputError(f"stock {name!r}: there is no such stock; {nearest(name, STOCKS)}")
    now = world.stocks[world.day - 1] if world.day else world.opening
    return int(now[:, STOCKS.index(name)].sum())


def daily_columns(ledger: Ledger, days: int) -> dict[str, np.ndarray]:
    """Every metric of the first `days` days, by name (int64; revenue in whole cents, see `daily_frame`)."""
    stocks, events = ledger.stocks[:days], ledger.events[:days]
    flows, activity = ledger.flows[:days], ledger.activity[:days]
    existing, newcomers = posting.EXISTING, posting.ORGANIC
    total = stocks.sum(axis=1)
    out: dict[str, np.ndarray] = {}
    out["members"] = total[:, accounting.MEMBERS]
    out["members_existing"] = stocks[:, existing, accounting.MEMBERS]
    out["members_newcomers"] = stocks[:, newcomers, accounting.MEMBERS]
    for name in (*_STAGE_MEANING, *(f"state_{state}" for state in stages.ACTIVITY), "attached"):
        out[name] = total[:, STOCKS.index(name)]
    happened = events.sum(axis=1)
    out["orders"] = happened[:, posting.ORDERS]
    out["orders_existing"] = events[:, existing, posting.ORDERS]
    out["orders_newcomers"] = events[:, newcomers, posting.ORDERS]
    out["first_orders"] = happened[:, posting.FIRST_ORDERS]
    out["repeat_orders"] = out["orders"] - out["first_orders"]
    out["buyers"] = happened[:, posting.BUYERS]
    out["revenue"] = happened[:, posting.REVENUE]
    out["revenue_existing"] = events[:, existing, posting.REVENUE]
    out["revenue_newcomers"] = events[:, newcomers, posting.REVENUE]
    moved = flows.sum(axis=1)
    out["joined"] = moved[:, posting.JOINED]
    out["removed"] = moved[:, [f for f in posting.BY_REMOVAL if f >= 0]].sum(axis=1)
    out["drifted"] = happened[:, posting.DRIFTED]
    here = sum((out[f"state_{state}"] for state in stages.ACTIVITY[:4]), np.zeros(days, dtype=np.int64))
    out["dau"] = here + activity[:, :, posting.GONE :].sum(axis=(1, 2))
    out["wau"] = out["dau"] + out["state_at_risk_wau"]
    out["mau"] = out["wau"] + out["state_at_risk_mau"]
    origins = activity.sum(axis=1)
    out["active_new"] = origins[:, posting.NOBODY]
    out["active_retained"] = origins[:, :4].sum(axis=1)
    out["active_resurrected"] = origins[:, 4:7].sum(axis=1)
    first = accounting.FIRST_STATE
    opening = ledger.opening[:, first : first + 4].sum()
    yesterday = np.concatenate([[opening], out["dau"][:-1]]) if days else out["dau"]
    out["active_churned"] = yesterday - out["active_retained"]
    return {name: out[name] for name in NAMES}


MONEY = tuple(metric.name for metric in METRICS if metric.unit == "CNY")


def daily_frame(ledger: Ledger, days: int) -> pd.DataFrame:
    """One row per day with all metrics; money in CNY."""
    frame = pd.DataFrame({"day": np.arange(days, dtype=np.int32), **daily_columns(ledger, days)})
    for name in MONEY:
        frame[name] = frame[name] / 100.0
    return frame
