"""Does common luck pay? For a 10 % change of a lever: how many times more worlds without it, for the same interval.


    python -m benchmarks.twins [LEVER ...] [--json FILE]

A strategy with one lever at its usual setting (and what that lever needs) is laid beside the same strategy with the
lever's main number changed by a tenth, both in the default market. The variance ratio is that of a difference between
independent worlds over that between twins, (Var a + Var b) / Var(a - b): so many times more replications would be
needed without common luck for the same interval.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats

from sim.settings import CompareConfig
from sim.study.compare import at_the_end, live, prepare_twins
from sim.units import checked

SIZE: dict[str, Any] = {"members": 1000, "days": 180, "replications": 30, "threads": 2}
METRICS = ("orders", "contribution", "members", "cost")
MESSAGES = ("content", "messaging")
LEVERS: dict[str, tuple[tuple[str, ...], str, float, float]] = {
    "guard": (MESSAGES, "silent_per_week", 2, 1),
    "welcome": ((), "offer", 20, 22),
    "warning": ((), "coupon", 20, 22),
    "wakeup": ((), "gift", 20, 22),
    "offers": ((), "value", 0.15, 0.165),
    "messaging": (MESSAGES, "per_week", 3, 3.3),
    "content": (MESSAGES, "benefit", 0.3, 0.33),
    "tags": (MESSAGES, "coverage", 0.8, 0.88),
    "assortment": ((), "exclusive", 0.3, 0.33),
    "mending": ((), "service", 0.2, 0.22),
    "acquisition": ((), "trial_ads", 20_000, 22_000),
    "referral": ((), "reward", 50, 55),
    "advocates": ((), "count", 10, 11),
    "sharing": (MESSAGES, "reward", 2, 2.2),
    "group_buying": ((), "value", 15, 16.5),
    "alliance": ((), "bundle", 15, 16.5),
    "tiers": ((), "silver", 500, 550),
    "member_day": ((), "discount", 0.2, 0.22),
    "points": ((), "worth", 5, 5.5),
    "community": (MESSAGES, "opening", 0.3, 0.33),
}
"""What each lever needs beside it, its main number, its usual value and a tenth more; of the guard's two messages a
week the least step is one."""
ALSO = {"tags": ":content.topics=own", "community": ":messaging.path=community"}
"""Without which a lever would have nothing to work on."""


def ratio(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float]:
    """The variance ratio of pairs and its 95 % interval; infinite where all differences are the same.

    Sums and differences of normal pairs with equal variances are independent (Pitman, Morgan), so that the ratio of
    their variances is F distributed about the true one; the ratio wanted is half of that, and a half.
    """
    sums, differences = float((ours + theirs).var(ddof=1)), float((ours - theirs).var(ddof=1))
    if differences == 0.0:
        return np.inf, np.inf, np.inf
    free = len(ours) - 1
    low, high = (float(scipy.stats.f.ppf(q, free, free)) for q in (0.975, 0.025))
    found = sums / differences
    return (1.0 + found) / 2.0, (1.0 + found / low) / 2.0, (1.0 + found / high) / 2.0


def strategies_of(lever: str, folder: Path) -> list[str]:
    """The lever at its usual setting, and with its main number changed."""
    needs, number, usual, changed = LEVERS[lever]
    used = dict.fromkeys((*needs, lever))
    file = folder / f"{lever}.yaml"
    file.write_text("defaults:\n" + "".join(f"  - /lever/{name}@{name}: usual\n" for name in used), encoding="utf-8")
    base = f"{file}{ALSO.get(lever, '')}:{lever}.{number}"
    return [f"{base}={usual}", f"{base}={changed}"]


def measured(lever: str, folder: Path) -> dict[str, Any]:
    """The variance ratios of one lever, by metric, each with its interval, and the mean effect."""
    config = {"run": SIZE, "strategies": strategies_of(lever, folder)}
    lived, _ = live(prepare_twins(checked(CompareConfig, config)))
    out: dict[str, Any] = {
        "lever": lever,
        "number": LEVERS[lever][1],
        "from": LEVERS[lever][2],
        "to": LEVERS[lever][3],
    }
    for metric in METRICS:
        theirs, ours = at_the_end(lived, metric).values()
        out[metric] = {"ratio": ratio(ours, theirs), "effect": float((ours - theirs).mean())}
    return out


def told(found: tuple[float, float, float]) -> str:
    """`14 (7 to 29)`."""
    if not np.isfinite(found[0]):
        return "same"
    return "{} ({} to {})".format(*(f"{value:,.0f}" if value >= 10 else f"{value:.1f}" for value in found))


def main() -> None:
    """The table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("levers", nargs="*", choices=[*LEVERS, []], metavar="LEVER")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    records = []
    print(f"| lever | main number | {' | '.join(METRICS)} |\n|---|---|{'---|' * len(METRICS)}")
    with tempfile.TemporaryDirectory() as folder:
        for lever in given.levers or LEVERS:
            found = measured(lever, Path(folder))
            records.append(found)
            cells = " | ".join(told(found[metric]["ratio"]) for metric in METRICS)
            change = f"`{found['number']}` {found['from']:g} to {found['to']:g}"
            print(f"| `{lever}` | {change} | {cells} |", flush=True)
    if given.json is not None:
        given.json.write_text(json.dumps(records, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
