"""Names, units and meanings of every reported metric, computed from the ledger and nowhere else."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sim.accounting import books as accounting
from sim.accounting import posting, stages
from sim.accounting.books import STOCKS, Ledger
from sim.errors import InputError, nearest
from sim.touch import KINDS


@dataclass(frozen=True)
class Metric:
    """A column of daily.parquet. kind: `stock` (at the end of the day) or `flow` (during the day)."""

    name: str
    kind: str
    unit: str
    meaning: str


_STAGE_MEANING = {
    "new": "members with a first order at most, not yet dormant",
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
    Metric("first_orders", "flow", "orders", "first orders; most join with one"),
    Metric("repeat_orders", "flow", "orders", "orders that are not a member's first"),
    Metric("buyers", "flow", "member-days", "distinct members who ordered that day; a sum over days counts days"),
    Metric("revenue", "flow", "CNY", "value of orders"),
    Metric("revenue_existing", "flow", "CNY", "value of orders of members of day 0"),
    Metric("revenue_newcomers", "flow", "CNY", "value of orders of members who joined since day 0"),
    Metric("joined", "flow", "members", "persons who joined"),
    Metric("removed", "flow", "members", "members who were struck off"),
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

LOSS_WORDS = {
    "need": "the need went",
    "quality": "the goods",
    "service": "the service",
    "logistics": "delivery",
    "friend": "the friend who brought him has gone",
    "reward": "he had come for a reward",
    "neglect": "nobody had had a word for him of late",
    "tired": "distrust or weariness by messages too many",
    "irrelevant": "distrust by messages that were not for him",
    "disappointed": "distrust by orders or promises that disappointed",
    "stockout": "distrust by goods that had run out",
    "contact": "being written to at all",
}
"""What made members leave, in words, by `posting.CAUSES`; all add up to those lost."""

RESPONSE_METRICS = (
    Metric("reachable", "stock", "members", "listed members who neither muted nor blocked: the stock of permission"),
    Metric("muted_stock", "stock", "members", "listed members who have muted the operator"),
    Metric("blocked_stock", "stock", "members", "listed members who have blocked the operator"),
    Metric("engaged_7", "stock", "members", "listed members who opened, visited or ordered in the last 7 days"),
    Metric("engaged_30", "stock", "members", "listed members who opened, visited or ordered in the last 30 days"),
    Metric("messages", "flow", "messages", "messages sent"),
    Metric("messages_useful", "flow", "messages", "useful messages sent"),
    Metric("messages_fun", "flow", "messages", "amusing messages sent"),
    Metric("messages_benefit", "flow", "messages", "selling messages sent"),
    Metric("messages_care", "flow", "messages", "personal messages sent"),
    Metric("opens", "flow", "messages", "messages opened"),
    Metric("opens_useful", "flow", "messages", "useful messages opened"),
    Metric("opens_fun", "flow", "messages", "amusing messages opened"),
    Metric("opens_benefit", "flow", "messages", "selling messages opened"),
    Metric("opens_care", "flow", "messages", "personal messages opened"),
    Metric("message_visits", "flow", "visits", "visits after a message"),
    Metric("own_visits", "flow", "visits", "visits of members' own accord, without an order"),
    Metric("interactions", "flow", "answers", "answers, likes and posts after opening"),
    Metric("impulse_orders", "flow", "orders", "unplanned orders after a message"),
    Metric("coupon_orders", "flow", "orders", "orders with an offer"),
    Metric("muted", "flow", "members", "members who muted the operator"),
    Metric("blocked", "flow", "members", "members who blocked the operator"),
    Metric("left", "flow", "members", "members who left the membership of their own accord"),
    Metric("returned", "flow", "members", "latent: drifted members who came back"),
    Metric("drifted_need", "flow", "members", "latent: members who drifted away because the need went"),
    Metric("drifted_quality", "flow", "members", "latent: members who drifted away because of the goods"),
    Metric("drifted_service", "flow", "members", "latent: members who drifted away because of the service"),
    Metric("drifted_logistics", "flow", "members", "latent: members who drifted away because of delivery"),
    *(
        Metric(f"lost_{cause}", "flow", "members", f"latent: members who drifted away; cause: {words}")
        for cause, words in LOSS_WORDS.items()
        if cause != "contact"
    ),
    *(
        Metric(f"opted_out_{cause}", "flow", "members", f"latent: members who opted out; cause: {LOSS_WORDS[cause]}")
        for cause in ("tired", "irrelevant", "disappointed", "stockout", "contact")
    ),
    Metric("offers_issued", "flow", "offers", "offers given"),
    Metric("offers_redeemed", "flow", "offers", "offers used"),
    Metric("offers_expired", "flow", "offers", "offers that ended unused"),
    Metric("offers_issued_value", "flow", "CNY", "the most that offers given can take off"),
    Metric("offers_redeemed_value", "flow", "CNY", "the most that offers used could take off"),
    Metric("offers_expired_value", "flow", "CNY", "the most that offers ended unused could have taken off"),
    Metric("gmv", "flow", "CNY", "value of orders at list price"),
    Metric("discounts", "flow", "CNY", "taken off by offers"),
    Metric("markdowns", "flow", "CNY", "list price forgone on unsold goods"),
    Metric("goods_cost", "flow", "CNY", "cost of the goods ordered"),
    Metric("sample_cost", "flow", "CNY", "cost of samples"),
    Metric("message_cost", "flow", "CNY", "cost of sending"),
    Metric("content_cost", "flow", "CNY", "cost of producing content"),
    Metric("labour_cost", "flow", "CNY", "cost of staff time"),
    Metric("operation_cost", "flow", "CNY", "standing costs of levers"),
    Metric("acquisition_cost", "flow", "CNY", "paid for contacts of paid channels, trial packs and gifts"),
    Metric("winning_discounts", "flow", "CNY", "of discounts: coupons for joining and for bringing a friend"),
    Metric("reward_cost", "flow", "CNY", "rewards paid for bringing and for being brought, coupons apart"),
    Metric("benefit_cost", "flow", "CNY", "benefits of tiers, discounts apart"),
    Metric("points_cost", "flow", "CNY", "what redeemed points bought"),
    Metric(
        "cost",
        "flow",
        "CNY",
        "what the operator spent: discounts, samples, messages, content, staff, standing costs, newcomers, rewards, "
        "benefits, points",
    ),
    Metric("contribution", "flow", "CNY", "revenue less goods and less all that the operator spent but discounts"),
    Metric("capped", "flow", "messages", "messages not sent because of a cap"),
    Metric("over_quota", "flow", "messages", "messages not sent because of the platform's quota"),
    Metric("quiet", "flow", "messages", "messages not sent because of quiet hours"),
    Metric("over_budget", "flow", "messages", "messages not sent because the budget was spent"),
    Metric("turned_away", "flow", "persons", "persons who did not pass the gate"),
    Metric("attributed_revenue", "flow", "CNY", "revenue within 7 days of an opened message: last touch, not cause"),
    Metric("attributed_orders", "flow", "orders", "orders within 7 days of an opened message: last touch, not cause"),
    Metric("contacts", "flow", "persons", "persons whom a paid channel put in touch, each time"),
    Metric("already_members", "flow", "persons", "of contacts and invitations, those who were members already"),
    Metric("invitations", "flow", "persons", "persons whom members invited, told or showed an order"),
    Metric("unanswered", "flow", "persons", "of contacts and invitations, those who did not join"),
    Metric("signins", "flow", "times", "sign-ins for points"),
    Metric("points_earned", "flow", "points", "points earned"),
    Metric("points_redeemed", "flow", "points", "points redeemed"),
    Metric("points_expired", "flow", "points", "points that expired"),
    Metric("posts", "flow", "posts", "posts of members in community groups"),
    Metric("group_joined", "flow", "members", "members who came into a community group"),
    Metric("group_left", "flow", "members", "members who left a community group or were put out of it"),
    Metric("cleaned", "flow", "members", "silent members whom the operator struck off"),
    Metric("promoted", "flow", "members", "members who rose to a higher tier"),
    Metric("demoted", "flow", "members", "members who fell to a lower tier"),
    Metric("shares", "flow", "times", "orders that members showed to others"),
    Metric("idle_joined", "flow", "members", "latent: newcomers who had no use for the goods"),
    Metric("stockouts", "flow", "times", "members who came to order and found that the goods had run out"),
    Metric("sales_lost", "flow", "orders", "of these, orders that went elsewhere"),
    Metric("points_liability", "stock", "points", "points earned that are neither redeemed nor expired"),
    Metric("load", "flow", "", "sum over messages of the receiver's fatigue over his tolerance, in thousandths"),
)
"""Further columns where an operator speaks to members."""
RESPONSE_NAMES = tuple(metric.name for metric in RESPONSE_METRICS)
_RENAMED = {
    "offer_issued_cents": "offers_issued_value",
    "offer_redeemed_cents": "offers_redeemed_value",
    "offer_expired_cents": "offers_expired_value",
    "discount_cents": "discounts",
    "markdown_cents": "markdowns",
    "list_cents": "gmv",
    "goods_cents": "goods_cost",
    "sample_cents": "sample_cost",
    "message_cents": "message_cost",
    "content_cents": "content_cost",
    "labour_cents": "labour_cost",
    "operation_cents": "operation_cost",
    "fatigue_milli": "load",
    "attributed_cents": "attributed_revenue",
    "acquisition_cents": "acquisition_cost",
    "winning_cents": "winning_discounts",
    "reward_cents": "reward_cost",
    "benefit_cents": "benefit_cost",
    "points_cents": "points_cost",
}
_COSTS = (
    "discounts",
    "sample_cost",
    "message_cost",
    "content_cost",
    "labour_cost",
    "operation_cost",
    "acquisition_cost",
    "reward_cost",
    "benefit_cost",
    "points_cost",
)


def response_columns(ledger: Ledger, days: int, base: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every response metric of the first `days` days, by name; base: the columns of `daily_columns`."""
    assert ledger.responses is not None
    assert ledger.engaged is not None
    happened = ledger.responses[:days].sum(axis=1)
    out: dict[str, np.ndarray] = {}
    for place, name in enumerate(posting.RESPONSES):
        out[_RENAMED.get(name, name)] = happened[:, place]
    lost = np.cumsum(happened[:, posting.REACHABLE_LOST])
    muted, blocked = (np.cumsum(happened[:, event]) for event in (posting.MUTES, posting.BLOCKS))
    out["muted_stock"] = muted - np.cumsum(happened[:, posting.REMOVED_MUTED])
    out["blocked_stock"] = blocked - np.cumsum(happened[:, posting.REMOVED_BLOCKED])
    opening = int(ledger.opening[:, accounting.MEMBERS].sum())
    removed = base["removed"] - happened[:, posting.REMOVED_MUTED] - happened[:, posting.REMOVED_BLOCKED]
    out["reachable"] = opening + np.cumsum(base["joined"]) - lost - np.cumsum(removed)
    out["engaged_7"], out["engaged_30"] = ledger.engaged[:days, 0], ledger.engaged[:days, 1]
    redeemed, expired = happened[:, posting.POINTS_REDEEMED], happened[:, posting.POINTS_EXPIRED]
    out["points_liability"] = np.cumsum(happened[:, posting.POINTS_EARNED] - redeemed - expired)
    for group in ("messages", "opens"):
        out[group] = sum((out[f"{group}_{kind}"] for kind in KINDS), np.zeros(days, dtype=np.int64))
    out["cost"] = sum((out[name] for name in _COSTS), np.zeros(days, dtype=np.int64))
    out["contribution"] = base["revenue"] - out["goods_cost"] - out["cost"] + out["discounts"]
    return {name: out[name] for name in RESPONSE_NAMES}


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
    existing, newcomers = posting.EXISTING, slice(posting.ORGANIC, None)
    total = stocks.sum(axis=1)
    out: dict[str, np.ndarray] = {}
    out["members"] = total[:, accounting.MEMBERS]
    out["members_existing"] = stocks[:, existing, accounting.MEMBERS]
    out["members_newcomers"] = stocks[:, newcomers, accounting.MEMBERS].sum(axis=1)
    for name in (*_STAGE_MEANING, *(f"state_{state}" for state in stages.ACTIVITY), "attached"):
        out[name] = total[:, STOCKS.index(name)]
    happened = events.sum(axis=1)
    out["orders"] = happened[:, posting.ORDERS]
    out["orders_existing"] = events[:, existing, posting.ORDERS]
    out["orders_newcomers"] = events[:, newcomers, posting.ORDERS].sum(axis=1)
    out["first_orders"] = happened[:, posting.FIRST_ORDERS]
    out["repeat_orders"] = out["orders"] - out["first_orders"]
    out["buyers"] = happened[:, posting.BUYERS]
    out["revenue"] = happened[:, posting.REVENUE]
    out["revenue_existing"] = events[:, existing, posting.REVENUE]
    out["revenue_newcomers"] = events[:, newcomers, posting.REVENUE].sum(axis=1)
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
    columns = {name: out[name] for name in NAMES}
    return columns if ledger.responses is None else columns | response_columns(ledger, days, columns)


KNOWN = {metric.name: metric for metric in (*METRICS, *RESPONSE_METRICS)}
MONEY = tuple(name for name, metric in KNOWN.items() if metric.unit == "CNY")
LESS = frozenset({
    "at_risk", "dormant_30", "dormant_60", "dormant_90", "lost", "state_at_risk_wau", "state_at_risk_mau",
    "state_dormant", "removed", "drifted", "drifted_need", "drifted_quality", "drifted_service", "drifted_logistics",
    "active_churned", "muted", "muted_stock", "blocked", "blocked_stock", "left", "group_left", "demoted",
    "discounts", "markdowns", "winning_discounts", "goods_cost", "sample_cost", "message_cost", "content_cost",
    "labour_cost", "operation_cost", "acquisition_cost", "reward_cost", "benefit_cost", "points_cost", "cost",
    "points_liability", "load", "unanswered", "stockouts", "sales_lost", *posting.LOSSES,
})  # fmt: skip
"""Metrics of which less wins; of all others more does."""


def unit_of(name: str) -> float:
    """How many of what the books count make one of what is reported: 100 cents a yuan."""
    return 100.0 if name in MONEY else 1.0


def daily_frame(ledger: Ledger, days: int) -> pd.DataFrame:
    """One row per day with all metrics; money in CNY."""
    frame = pd.DataFrame({"day": np.arange(days, dtype=np.int32), **daily_columns(ledger, days)})
    for name in MONEY:
        if name in frame:
            frame[name] = frame[name] / 100.0
    return frame
