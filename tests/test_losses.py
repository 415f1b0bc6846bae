"""The ledger of losses: every loss has one cause, planted causes come back, and twins say who would have stayed."""

from typing import Any

import numpy as np
import pytest

from sim.accounting.posting import CAUSES, LOSSES
from sim.behaviour import trust
from sim.behaviour.trust import ASTRAY, DISAPPOINTED, TIRED, WHOLE
from sim.population import RELATION
from sim.study.ensemble import GONE, SEGMENT, run_ensemble
from sim.study.losses import KINDS, kinds_of, losses_table, members_table, verdicts_table
from tests.lab import Lab, Told, strategy

QUIET = {"market.joining.yearly_share": 0.0, "market.joining.closed": True}
SHARES = {"need": 0.1, "quality": 0.2, "service": 0.4, "logistics": 0.3}
PLANTED = QUIET | {f"response.returning.{name}_share": share for name, share in SHARES.items()}


def losses(told: Told, prefix: str) -> dict[str, int]:
    """Losses by cause."""
    return {name.removeprefix(prefix): told.total(name) for name in LOSSES if name.startswith(prefix)}


def relation(**fields: Any) -> Any:
    """A relation with these fields."""
    row = np.zeros(1, dtype=RELATION)[0]
    for name, value in fields.items():
        row[name] = value
    return row


def test_what_took_his_trust_is_kept_in_proportion() -> None:
    r = relation(trust=0.5, trust_rest=0.5)
    trust.lose_trust(r, 0.03, TIRED)
    assert (r.trust, r.tired_share, r.astray_share) == (pytest.approx(0.47), WHOLE, 0)
    trust.lose_trust(r, 0.01, ASTRAY)
    assert r.tired_share / WHOLE == pytest.approx(0.75, abs=1e-4)
    assert r.astray_share / WHOLE == pytest.approx(0.25, abs=1e-4)
    trust.lose_trust(r, 0.04, DISAPPOINTED)
    assert r.tired_share / WHOLE == pytest.approx(0.375, abs=1e-4)
    assert [trust.taken_by(r, u) for u in (0.37, 0.38, 0.49, 0.51)] == [TIRED, ASTRAY, ASTRAY, DISAPPOINTED]
    r = relation(trust=0.9, trust_rest=0.5, tired_share=int(WHOLE))  # what was given in excess is not missing
    trust.lose_trust(r, 0.1, ASTRAY)
    assert (r.tired_share, r.astray_share) == (0, WHOLE)


@pytest.mark.statistical
def test_planted_hazards_come_back_as_shares_of_the_ledger() -> None:
    """Members who are left alone, for a year: shares within four standard errors of the hazards'."""
    worlds = Lab(PLANTED).worlds(strategy(), members=4000, days=365, replications=4)
    found = [losses(told, "lost_") for told in worlds]
    total = sum(sum(of.values()) for of in found)
    assert total == sum(told.total("drifted") for told in worlds)
    for cause in CAUSES[:-1]:
        share = sum(of[cause] for of in found) / total
        planted = SHARES.get(cause, 0.0)
        assert abs(share - planted) <= 4.0 * (planted * (1.0 - planted) / total) ** 0.5, cause


@pytest.mark.statistical
@pytest.mark.parametrize("mended", ["quality", "service", "logistics"])
def test_losses_without_a_cause_equal_the_closed_form(mended: str) -> None:
    """One cause taken out: hazards compete, so losses fall by less than its share.

    Members who have just joined, hazards gamma with shape s and scale b: of them 1 - (b / (b + h T))^s are lost by T
    where a share h of the hazard is left. Within four standard errors.
    """
    lab, days = Lab(PLANTED | {"market.calendar.festivals": "none"}), 300
    what = strategy(mending={mended: 1.0})
    worlds = lab.worlds(what, members=5000, days=days, replications=3, history=1)
    drifting = lab.plan(what).founders.behaviour.drifting
    began = sum(int(told.metric("attached")[0] + told.metric("drifted")[0]) for told in worlds)
    lost = sum(told.total("drifted") for told in worlds)
    left = 1.0 - SHARES[mended]
    gone = 1.0 - (drifting.drift_scale / (drifting.drift_scale + left * days)) ** drifting.drift_shape
    assert abs(lost / began - gone) < 4.0 * (gone * (1.0 - gone) / began) ** 0.5
    assert sum(losses(told, "lost_")[mended] for told in worlds) == 0


def test_every_loss_has_one_cause_whatever_the_operator_does() -> None:
    """Messages without number, bribes and friends: the ledger adds up every day, and its causes are what was done."""
    lab = Lab({})
    size: dict[str, Any] = {"members": 1500, "days": 180, "replications": 1}
    for what in ("broadcast_bombardment", "bribed_referral", "two_sided_referral:referral.stop=10000"):
        told = lab.worlds(what, **size)[0]
        drifted = sum((told.metric(name) for name in LOSSES if name.startswith("lost_")), np.zeros(180, int))
        opted = sum((told.metric(name) for name in LOSSES if name.startswith("opted_")), np.zeros(180, int))
        assert np.array_equal(drifted, told.metric("drifted"))
        assert np.array_equal(opted, told.metric("muted") + told.metric("blocked") + told.metric("left"))
        lost = losses(told, "lost_")
        if what == "broadcast_bombardment":
            out = losses(told, "opted_out_")
            assert out["tired"] > 0.7 * sum(out.values())
            assert lost["tired"] > 0
        else:
            assert lost["reward"] > 0
            assert lost["friend"] > 0
            assert sum(losses(told, "opted_out_").values()) == 0


def test_without_fatigue_or_distrust_messages_are_not_to_blame() -> None:
    """Where nobody tires and trust moves no hazard, whoever opts out does so for being written to at all."""
    calm = {"response.permission.tired": 0.0, "response.permission.trust": 0.0, "response.returning.trust": 0.0}
    told = Lab(calm).worlds("broadcast_bombardment", members=1500, days=120, replications=1)[0]
    out, lost = losses(told, "opted_out_"), losses(told, "lost_")
    assert out["contact"] == sum(out.values()) > 0
    assert lost["tired"] + lost["irrelevant"] + lost["disappointed"] == 0


# -- what became of each member in the twin world -------------------------------------------------------------------


def test_kinds_by_hand() -> None:
    """Kept in both, by the strategy alone, by the baseline alone, in neither; a segment in the fate is no loss."""
    base = np.array([[0, 3, 0, 2, GONE + 2 * SEGMENT]])
    ours = np.array([[4 * SEGMENT, 0, 7, 1, 2 * SEGMENT]])
    assert [KINDS[k] for k in kinds_of(ours, base)[0]] == [
        "sure_thing", "persuaded", "disturbed", "lost_cause", "persuaded"
    ]  # fmt: skip


def test_members_verdicts_and_losses_add_up() -> None:
    """A short comparison: kinds make up the membership, gains less losses are the revenue, verdicts are the kinds."""
    lab = Lab(QUIET)
    lived = {
        name: run_ensemble(lab.plan(name, members=400, days=120), 3, 4)
        for name in ("do_nothing", "broadcast_bombardment", "do_nothing:tags.on=true")
    }
    members, verdicts = members_table(lived), verdicts_table(lived)
    for strategy_, rows in members[members["segment"] == "all"].groupby("strategy"):
        at = rows.set_index("measure")["mean"]
        assert sum(at[kind] for kind in KINDS) == pytest.approx(400.0)
        net = lived[strategy_].metric("revenue").sum(axis=1) - lived["do_nothing"].metric("revenue").sum(axis=1)
        assert at["gained_revenue"] - at["lost_revenue"] == pytest.approx(net.mean() / 100.0)
        by_segment = members[(members["strategy"] == strategy_) & (members["segment"] != "all")]
        assert by_segment.groupby("measure")["mean"].sum().to_dict() == pytest.approx(at.to_dict())
        told = verdicts[verdicts["strategy"] == strategy_].groupby("verdict")["mean"].sum()
        assert told.get("but_for", 0.0) == pytest.approx(at["disturbed"])
        assert told.get("anyway", 0.0) == pytest.approx(at["lost_cause"])
        assert told.get("saved", 0.0) == pytest.approx(at["persuaded"])
    same = members[(members["strategy"] == "do_nothing:tags.on=true") & (members["segment"] == "all")]
    assert same.set_index("measure")["mean"][["persuaded", "disturbed", "gained", "lost"]].tolist() == [0.0] * 4
    ledger = losses_table(lived).groupby(["strategy", "way"])["mean"].sum()
    for name, ensemble in lived.items():
        assert ledger[name, "drifted"] == pytest.approx(ensemble.metric("drifted").sum(axis=1).mean())
        opted = sum(ensemble.metric(way).sum(axis=1) for way in ("muted", "blocked", "left"))
        assert ledger[name, "opted_out"] == pytest.approx(opted.mean())
    loud = verdicts[verdicts["strategy"] == "broadcast_bombardment"]
    assert loud[loud["cause"] == "tired"]["mean"].sum() > 0
