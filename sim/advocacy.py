"""Advocates: whom the operator makes one, by what it can see of them, and when it shows recognition."""

from typing import Any

import numpy as np

from sim import rng
from sim.accounting import posting
from sim.behaviour import answering, inviting
from sim.jit import kernel
from sim.levers.advocates import Advocates
from sim.population import Population
from sim.touch import MARK_ADVOCATE

REVIEW = 30
"""Days after which vacancies are filled."""


@kernel
def scores(
    rows: Any, relations: Any, low: int, high: int, today: Any, record: int, clarity: float, q: Any, out: Any
) -> None:
    """How much of an advocate each row looks like: by its record, or by a keyed draw; -inf for one out of reach."""
    for i in range(low, high):
        m, r = rows[i], relations[i]
        out[i - low] = -np.inf
        if m.listed == 0 or r.permission != 0 or r.koc == 1:
            continue
        if record == 0:
            out[i - low] = rng.uniform(today.luck, m.key, rng.CHOOSING, 1 + today.day)
            continue
        social = inviting.sociality(today.luck, m.key, q[0].inviting)
        out[i - low] = answering.read_influence(social, today.luck, m.key, clarity) + r.brought + 0.1 * r.opens


def keep_advocates(
    lever: Advocates, kept: list[int], today: Any, population: Population, q: Any, left: float, books: Any
) -> tuple[list[int], float]:
    """Fill vacancies and show recognition where it is due: (rows of the advocates, cents left)."""
    age = today.day - lever.start
    cared: list[int] = []
    if age % REVIEW == 0:
        here = [row for row in kept if population.row(row)["listed"] and population.relation(row)["permission"] == 0]
        for row in set(kept) - set(here):
            population.relation(row)["koc"] = 0
        score, first = np.empty(population.count), 0
        for rows, relations, _, _, low, high in population.operated_ranges():
            part = score[first : first + high - low]
            scores(rows, relations, low, high, today, int(lever.choose == "record"), lever.clarity, q, part)
            first += high - low
        keys = population.column("key")
        for row in np.lexsort((keys, -score))[: lever.count - len(here)]:
            if score[row] > -np.inf:
                here.append(int(row))
                cared.append(int(row))
        kept = here
    if age > 0 and age % lever.care_every == 0:
        cared = kept
    cost = round(100.0 * lever.cost)
    for row in cared:
        if left < cost:
            break
        relation = population.relation(row)
        relation["koc"] = 1
        relation["marked"][MARK_ADVOCATE] = today.day
        due, place = population.due_day(row)
        due[place] = min(due[place], today.day)
        books.responses[today.row, posting.ADVOCATE, posting.REWARD_COST] += cost
        left -= cost
    return kept, left
