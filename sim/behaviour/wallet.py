"""The wallet: offers given to a member until he redeems them or they expire. He uses the best that he knows of."""

from typing import Any

from sim.behaviour.spending import cents
from sim.jit import rule
from sim.numbers import exp
from sim.population import WALLET
from sim.touch import CASH, FIRST_ORDER, FLASH, GIFT, NO_OFFER, PERCENT, SAMPLE, THRESHOLD, TWO_FOR_ONE


@rule
def usual_cents(m: Any, median_order: float) -> float:
    """His usual order at list price, in cents."""
    return 100.0 * median_order * exp(m.usual_value)


@rule
def face_value(offer: Any, spend: int) -> int:
    """The most that an offer can take off, in cents: what is set aside for it when it is given."""
    if offer.kind == PERCENT or offer.kind == FLASH or offer.kind == TWO_FOR_ONE:
        return cents(offer.most)
    if offer.kind == GIFT:
        return cents(min(offer.value * spend, offer.most))
    if offer.kind == SAMPLE:
        return cents(offer.value)
    return cents(min(offer.value, offer.most))


@rule
def free_place(r: Any) -> int:
    """An empty place in the wallet; -1 where it is full."""
    for k in range(WALLET):
        if r.offer[k] == NO_OFFER:
            return k
    return -1


@rule
def holds(r: Any, offer: int) -> int:
    """The place of an offer that he already holds; -1 where he does not."""
    for k in range(WALLET):
        if r.offer[k] == offer:
            return k
    return -1


@rule
def discount(offer: Any, face: int, value: int, orders: int) -> int:
    """What an offer takes off an order of `value` cents, in cents."""
    if offer.kind == SAMPLE or value < offer.least:
        return 0
    if offer.kind == FIRST_ORDER and orders > 1:
        return 0
    if offer.kind == CASH or offer.kind == THRESHOLD or offer.kind == FIRST_ORDER or offer.kind == GIFT:
        return min(face, value)
    if offer.kind == TWO_FOR_ONE:
        return min(face, cents(0.5 * value))
    return min(face, cents(offer.value * value))


@rule
def price_held(m: Any, r: Any, offers: Any, median_order: float) -> float:
    """The price, as a share of list price, that his best known offer gives him on his usual order."""
    best, usual = 0, 0
    for k in range(WALLET):
        if r.offer[k] != NO_OFFER and r.offer_known[k] == 1:
            if usual == 0:
                usual = cents(usual_cents(m, median_order))
            best = max(best, discount(offers[r.offer[k]], r.offer_cents[k], usual, m.orders))
    return 1.0 - best / usual if usual > 0 else 1.0
