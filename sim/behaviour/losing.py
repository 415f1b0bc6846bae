"""Losing: which causes make up the hazard by which a member is lost, as shares that sum to 1.

Hazards add, so a cause's share is what it adds to the hazard of that moment. The shares go into the ledger of losses,
and the one cause by which he is told to be lost is drawn by them.
"""

from typing import Any

from sim.accounting.posting import CONTACT, FRIEND, ORGANIC, by_friend
from sim.behaviour import permission, returning, trust
from sim.behaviour.shapes import TRUST_UNIT
from sim.jit import rule
from sim.numbers import exp


@rule
def shares_of_drifting(
    m: Any, r: Any, day: int, mended_quality: float, mended_service: float, mended_logistics: float, q: Any
) -> Any:
    """What made him drift away: a share for each of `posting.CAUSES`.

    First what the friend who brought him would hold back were he here, then what distrust adds, then what came with
    the reward that won him, then what a word would hold back had he had one; the rest is his own, of which his need
    is all where he has no use for the goods.
    """
    held = q.joining.guard if r.guarded == 0 and by_friend(m.channel) else 1.0
    distrust, won = 0.0, 0.0
    if r.trust < r.trust_rest:
        calm = returning.causes_left(mended_quality, mended_service, mended_logistics, q.returning)
        if r.guarded == 1:
            calm *= q.joining.guard
        distrust = max(1.0 - calm / r.drift_pace, 0.0)
    if (r.wants == 0 or r.hunter == 1) and m.channel > ORGANIC:
        won = min(q.joining.idle_hazard / m.drift_hazard, 1.0)
    tired, astray, disappointed, sold_out = trust.taken(r)
    d, own = held * distrust, held * (1.0 - distrust) * (1.0 - won)
    alone = own * neglected(r, day, q)
    own -= alone
    a, b, c, e = 1.0, 0.0, 0.0, 0.0
    if r.wants == 1:
        a, b, c, e = returning.causes_at_work(mended_quality, mended_service, mended_logistics, q.returning)
        own /= a + b + c + e
    return (
        own * a, own * b, own * c, own * e, 1.0 - held, held * (1.0 - distrust) * won, alone, d * tired, d * astray,
        d * disappointed, d * sold_out, 0.0,
    )  # fmt: skip


@rule
def neglected(r: Any, day: int, q: Any) -> float:
    """The share of his own hazard that one personal word would hold back, had he had it; what he last opened, the
    less time ago the more, has held back already. Whoever shut the operator out, or is in a group, is not neglected.
    """
    if r.permission != permission.REACHABLE or r.group >= 0:
        return 0.0
    missed = q.trust.care * (1.0 - r.trust) * (1.0 - exp(-float(day - r.last_open) / q.trust.memory))
    return 1.0 - exp(-q.returning.trust * missed / TRUST_UNIT)


@rule
def shares_of_opting_out(r: Any, tiring: float, q: Any) -> Any:
    """What it was that he would not bear any longer: a share for each of `posting.CAUSES`.

    tiring: the share of the hazard at rest that his load made; the rest is being written to at all.
    """
    distrust = permission.distrust_share(r, q.permission)
    tired, astray, disappointed, sold_out = trust.taken(r)
    calm = 1.0 - distrust
    return (
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, distrust * tired + calm * tiring, distrust * astray,
        distrust * disappointed, distrust * sold_out, calm * (1.0 - tiring),
    )  # fmt: skip


@rule
def drawn_cause(u: float, shares: Any, own: int) -> int:
    """The one cause that his loss is told by, drawn by the shares; own: which of the first four, where it is."""
    for cause in range(FRIEND, CONTACT + 1):
        if u < shares[cause]:
            return cause
        u -= shares[cause]
    return own
