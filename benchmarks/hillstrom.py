"""A real e-mail experiment beside the simulated one: what docs/EVIDENCE.md says, its table and its chart.

`python -m benchmarks.hillstrom [file] [--persons N] [--splits N] [--write]`: `file` holds the experiment's customers
(or the variable MEMBERSIM_HILLSTROM names it); without it only the published table is judged. With `--write` the
block in docs/EVIDENCE.md and docs/images/hillstrom.png are made anew.
"""

import argparse
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.study.email_experiment import (
    ARMS,
    BANDS,
    CATEGORIES,
    CELLS,
    WHAT,
    Counts,
    Setting,
    Verdict,
    band_name,
    bands_of,
    cells_of,
    contact_slopes,
    counted,
    data_file,
    expected,
    halves,
    judge,
    overall_of,
    published_margins,
    published_uplifts,
    read_customers,
    set_parameters,
    simulate,
    simulated_uplifts,
    uplifts,
    weighted_uplifts,
)

ROOT = Path(__file__).parents[1]
DOCUMENT, PICTURE = ROOT / "docs" / "EVIDENCE.md", ROOT / "docs" / "images" / "hillstrom.png"
BEGIN, END = "<!-- hillstrom:begin -->", "<!-- hillstrom:end -->"
INK, BLUE, VERMILION, GREY = "#222222", "#0072B2", "#D55E00", "#6B6B6B"
MAILS = ("", "men's mail", "women's mail")
MONTHLY, DAILY = 12 * 7 / 365, 7.0


# -- baselines --------------------------------------------------------------------------------------------------


def design(kind: str) -> np.ndarray:
    """The columns of a logit over cells and arms: constant, arms, effects, or effects and arms crossed."""
    band, new, category, arm = (i.ravel() for i in np.indices((*CELLS, len(ARMS))))
    one = [np.ones(len(arm))]
    arms = [arm == a for a in (1, 2)]
    people = [band == b for b in range(1, len(BANDS))] + [new == 1] + [category == k for k in (1, 2)]
    columns: list[Any] = one
    if kind != "constant":
        columns = columns + arms
    if kind in ("effects", "crossed"):
        columns = columns + people
    if kind == "crossed":
        columns = columns + [a & p for a in arms for p in people]
    return np.stack(columns, axis=1).astype(float)


def logit(of: Counts, kind: str) -> np.ndarray:
    """The chances of a visit by a logit fitted to counts: [band, newbie, category, arm]."""
    x, n, y = design(kind), of.customers.ravel(), of.visits.ravel()
    beta = np.zeros(x.shape[1])
    beta[0] = -2.0
    for _ in range(30):
        p = 1.0 / (1.0 + np.exp(-(x @ beta)))
        beta += np.linalg.solve(x.T @ (x * (n * p * (1.0 - p))[:, None]), x.T @ (y - n * p))
    return (1.0 / (1.0 + np.exp(-(x @ beta)))).reshape(*CELLS, len(ARMS))


def log_loss(of: Counts, chance: np.ndarray) -> float:
    """Mean log-loss of visits, a customer."""
    n, y = of.customers, of.visits
    return float(-(y * np.log(chance) + (n - y) * np.log1p(-chance)).sum() / n.sum())


def cell_error(of: Counts, chance: np.ndarray) -> float:
    """Mean absolute error of the uplift of visits over all cells and both mails, in points."""
    rate = of.visits / of.customers
    gap = (rate[..., 1:] - rate[..., :1]) - (chance[..., 1:] - chance[..., :1])
    return float(100.0 * np.abs(gap).mean())


def noise_floor(of: Counts, chance: np.ndarray) -> float:
    """What `cell_error` would be for one who knew the chances: the judged customers' own luck."""
    spread = chance * (1.0 - chance) / of.customers
    return float(100.0 * np.sqrt(2.0 / math.pi * (spread[..., 1:] + spread[..., :1])).mean())


# -- the splits -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Split:
    """One split judged in closed form: how many uplifts lie within (cells, overall, by recency), and every score.

    repeat: how many of the twelve would lie within if the setting half's own uplifts were the forecast.
    """

    cells: int
    overall: int
    bands: int
    repeat: int
    loss: dict[str, float]
    error: dict[str, float]


def in_closed_form(setting: Setting) -> dict[tuple[str, str, int], float]:
    """The uplifts that the rules lead to on average, without luck."""
    visits, orders = expected(setting)
    basket = setting.spending.median_order * math.exp(
        0.5 * (setting.spending.spend_between**2 + setting.spending.spend_within**2)
    )
    return weighted_uplifts(visits, orders, basket * orders, setting.shares)


def judged_split(customers: Any, number: int) -> Split:
    """Set on one half, judge on the other; baselines are fitted on the same half."""
    first, second = (counted(half) for half in halves(customers, number))
    setting = set_parameters(first.margins())
    verdicts = judge(uplifts(second), in_closed_form(setting))
    again = judge(uplifts(second), {(u.what, u.group, u.arm): u.observed for u in uplifts(first)})
    repeat = sum(v.within for v in [*cells_of(again), *overall_of(again)])
    kinds = ("constant", "arms", "effects", "crossed")
    chances = {kind: logit(first, kind) for kind in kinds} | {"simulated": expected(setting)[0]}
    error = {kind: cell_error(second, chance) for kind, chance in chances.items()}
    error["floor"] = noise_floor(second, chances["crossed"])
    cells, overall, bands = (sum(v.within for v in group(verdicts)) for group in (cells_of, overall_of, bands_of))
    loss = {kind: log_loss(second, chance) for kind, chance in chances.items()}
    return Split(cells, overall, bands, repeat, loss, error)


def constant_logit(setting: Setting, visit: np.ndarray) -> dict[tuple[str, str, int], float]:
    """Uplifts of visits of a mail that moves everybody's logit by the same: what additivity is held against.

    visit: the rates of the three arms.
    """
    own = expected(setting)[0][..., 0]
    chance = np.stack([own] * len(ARMS), axis=-1)
    for arm in (1, 2):
        low, high = 0.0, 5.0
        for _ in range(60):
            shift = 0.5 * (low + high)
            chance[..., arm] = 1.0 / (1.0 + (1.0 / own - 1.0) * math.exp(-shift))
            if (setting.shares * chance[..., arm]).sum() < visit[arm]:
                low = shift
            else:
                high = shift
    nothing = np.zeros_like(chance)
    found = weighted_uplifts(chance, nothing, nothing, setting.shares)
    return {key: value for key, value in found.items() if key[0] == WHAT[0]}


# -- words ------------------------------------------------------------------------------------------------------


def lines_of(verdicts: Sequence[Verdict], extra: dict[tuple[str, str, int], float]) -> list[str]:
    """Rows of the table: observed with its interval, simulated, whether within, and a constant logit."""
    out = []
    for v in verdicts:
        unit = "$" if v.of.what == "spend" else ""
        also = extra.get((v.of.what, v.of.group, v.of.arm))
        other = f"{also:.2f}" if also is not None else ""
        out.append(
            f"| {v.of.what} | {v.of.group} | {MAILS[v.of.arm]} | {unit}{v.of.observed:.2f} "
            f"± {v.of.half:.2f} | {unit}{v.simulated:.2f} | {'yes' if v.within else '**no**'} | {other} |"
        )
    return out


def verdict_table(verdicts: Sequence[Verdict], extra: dict[tuple[str, str, int], float]) -> list[str]:
    """The table of the six cells, the six overall uplifts and the eight of recency."""
    head = ["| uplift of | customers | mail | observed, 95 % interval | simulated | within | a constant logit |"]
    head.append("|---|---|---|---|---|---|---|")
    return head + [line for group in (cells_of, overall_of, bands_of) for line in lines_of(group(verdicts), extra)]


def counts_of(verdicts: Sequence[Verdict]) -> str:
    """How many lie within, in words."""
    parts = []
    for name, group in (("cells", cells_of), ("overall", overall_of), ("recency", bands_of)):
        found = group(verdicts)
        parts.append(f"{name} {sum(v.within for v in found)} of {len(found)}")
    return ", ".join(parts)


def set_words(setting: Setting) -> str:
    """The parameters that were set, in one paragraph."""
    wants = "; ".join(
        f"{name} {100 * mens:.0f} % men's, {100 * womens:.0f} % women's"
        for name, (mens, womens) in zip(CATEGORIES, setting.wants, strict=True)
    )
    r = setting.response
    return (
        f"Who wants what now: {wants}. A mail brings a visit from {100 * setting.matched:.1f} % of those whom it "
        f"matches and from {100 * setting.astray:.1f} % of others: `opening.ordinary` "
        f"{r.opening.ordinary:.2f}, `opening.match` {r.opening.match:.2f}, `visiting.impulse` "
        f"{r.visiting.impulse:.3f}, `visiting.visits_per_order` "
        f"{r.visiting.visits_per_order:.1f}, `spending.median_order` {setting.spending.median_order:.1f}."
    )


def split_lines(splits: Sequence[Split]) -> list[str]:
    """What many random splits say."""

    def mean(values: Sequence[float]) -> float:
        return float(np.mean(values))

    kinds = {
        "constant": "a constant", "arms": "arm means", "effects": "logit, main effects",
        "crossed": "logit, arms crossed", "simulated": "**simulated**",
    }  # fmt: skip
    twelve = [s.cells + s.overall for s in splits]
    out = [
        f"{len(splits)} random splits: of the 12 uplifts {mean(twelve):.1f} lie within on average "
        f"(cells {mean([s.cells for s in splits]):.1f} of 6, overall {mean([s.overall for s in splits]):.1f} of 6; "
        f"least {min(twelve)}, most {max(twelve)}; sorted: {' '.join(map(str, sorted(twelve)))}); of the 8 of "
        f"recency {mean([s.bands for s in splits]):.1f}. Were the setting half's own uplifts the forecast, "
        f"{mean([s.repeat for s in splits]):.1f} of the 12 would lie within (split 0: {splits[0].repeat}; simulated "
        f"{twelve[0]}).",
        "",
        "| forecast of visits | log-loss | mean error of uplift over 48 cells and mails, points |",
        "|---|---|---|",
    ]
    for kind, words in kinds.items():
        loss, error = mean([s.loss[kind] for s in splits]), mean([s.error[kind] for s in splits])
        out.append(f"| {words} | {loss:.5f} | {error:.2f} |")
    out.append(f"| who knew the chances | | {mean([s.error['floor'] for s in splits]):.2f} |")
    return out


def contact_lines(members: int) -> list[str]:
    """Fatigue at low and at high contact, in a table."""
    out = [
        "| promotions | contacts | opening, points a further contact | visiting, points a further contact |",
        "|---|---|---|---|",
    ]
    for words, per_week, days in (("one a month, a year", MONTHLY, 365), ("one a day, two weeks", DAILY, 14)):
        opens, visits = contact_slopes(per_week, days, members)
        cells = [f"{s.slope:+.2f} ± {1.96 * s.error:.2f}" for s in (opens, visits)]
        out.append(f"| {words} | {len(opens.rates)} | {cells[0]} | {cells[1]} |")
    return out


# -- the chart --------------------------------------------------------------------------------------------------


def draw(verdicts: Sequence[Verdict], other: dict[tuple[str, str, int], float], file: Path, judged: str) -> None:
    """Observed intervals and simulated uplifts of visits: by past category, and by recency."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.67, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharey=True)
    groups = (
        (cells_of, CATEGORIES, "What was bought before"),
        (bands_of, [band_name(b) for b in range(4)], "Months since the last purchase"),
    )
    for axes, (group, names, words) in zip(panels, groups, strict=True):
        for v in group(verdicts):
            colour = BLUE if v.of.arm == 1 else VERMILION
            x = list(names).index(v.of.group) + (-0.13 if v.of.arm == 1 else 0.13)
            axes.errorbar(x, v.of.observed, v.of.half, color=colour, capsize=5, linewidth=2.2, zorder=2)
            axes.plot(x, v.of.observed, "_", color=colour, markersize=12, markeredgewidth=2.2, zorder=2)
            axes.plot(
                x, v.simulated, "o", color="white", markeredgecolor=INK, markeredgewidth=1.6, markersize=8, zorder=4
            )
            also = other.get((v.of.what, v.of.group, v.of.arm))
            if also is not None:
                axes.plot(x, also, "x", color=GREY, markersize=7, markeredgewidth=1.6, zorder=3)
        axes.axhline(0.0, color=GREY, linewidth=0.8)
        axes.set_xticks(range(len(names)), [name.replace(" months", "") for name in names])
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_title(words, fontsize=11, loc="left", color=INK)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#E4E4E4")
        axes.set_axisbelow(True)
    panels[0].set_ylabel("visits that the mail added, points")
    handles = [
        panels[1].errorbar([], [], [], color=BLUE, capsize=5, linewidth=2.2, label="men's mail, observed, 95 %"),
        panels[1].errorbar(
            [], [], [], color=VERMILION, capsize=5, linewidth=2.2, label="women's mail, observed, 95 %"
        ),
        *panels[1].plot([], [], "o", color="white", markeredgecolor=INK, markeredgewidth=1.6, label="simulated"),
    ]
    if other:
        handles += panels[1].plot([], [], "x", color=GREY, markeredgewidth=1.6, label="a constant logit")
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(f"Visits added by one e-mail within two weeks ({judged})", fontsize=12, x=0.01, ha="left")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150, metadata={"Software": None})


# -- the command ------------------------------------------------------------------------------------------------


def study(path: str | None, persons: int, splits: int, members: int) -> tuple[list[str], Any]:
    """Everything that the command says, as lines of Markdown, and what the chart shows."""
    out: list[str] = []
    published = set_parameters(published_margins())
    even = constant_logit(published, published_margins().visit)
    lived = simulated_uplifts(simulate(published, persons), published.shares)
    whole = judge(published_uplifts(), lived)
    file = data_file(path)
    shown: Any = (whole, even, "set and judged on all 64,000 customers")
    if file is not None:
        customers = read_customers(file)
        first, second = (counted(half) for half in halves(customers, 0))
        setting = set_parameters(first.margins())
        extra = constant_logit(setting, first.margins().visit)
        verdicts = judge(uplifts(second), simulated_uplifts(simulate(setting, persons), setting.shares))
        sizes = [int(half.customers.sum()) for half in (first, second)]
        out += [f"### Set on one half, judged on the other ({sizes[0]:,} and {sizes[1]:,} customers)", ""]
        out += [f"Split 0, {persons:,} simulated persons of each category in each arm. {set_words(setting)}", ""]
        out += [*verdict_table(verdicts, extra), "", f"Within: {counts_of(verdicts)}.", ""]
        out += ["### Other splits, and baselines", ""]
        out += [*split_lines([judged_split(customers, n) for n in range(splits)]), ""]
        shown = (verdicts, extra, f"set on one half of the customers, judged on the other: {sizes[1]:,}")
    out += ["### Set and judged on the published table of all 64,000", ""]
    out += [set_words(published), "", *verdict_table(whole, even), "", f"Within: {counts_of(whole)}.", ""]
    out += ["### Contact and fatigue", "", *contact_lines(members)]
    return out, shown


def main() -> None:
    """Print the study; with `--write`, write the document's block and the chart."""
    words = argparse.ArgumentParser(description="A real e-mail experiment beside the simulated one.")
    words.add_argument("file", nargs="?", help="the experiment's customers, a CSV")
    words.add_argument("--persons", type=int, default=70_000, help="simulated persons of each category in each arm")
    words.add_argument("--splits", type=int, default=20, help="random splits")
    words.add_argument("--members", type=int, default=10_000, help="members in the trial of contact")
    words.add_argument("--write", action="store_true", help="write docs/EVIDENCE.md and its chart")
    given = words.parse_args()
    lines, shown = study(given.file, given.persons, given.splits, given.members)
    text = "\n".join(lines)
    sys.stdout.write(text + "\n")
    if given.write:
        draw(shown[0], shown[1], PICTURE, shown[2])
        old = DOCUMENT.read_text(encoding="utf-8")
        block = f"{BEGIN}\n{text}\n{END}"
        DOCUMENT.write_text(re.sub(f"{BEGIN}.*?{END}", lambda _: block, old, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":
    main()
