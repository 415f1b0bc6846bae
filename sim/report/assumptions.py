"""Which assumptions carry the result: how the lead moves with those that move it most, from a run's files alone."""

from typing import Any

from sim.report.charts import BLUE, GREY, INK, VERMILION, WIDE, Chart, Sheet, drawable, plain_axes
from sim.report.cited import Tables
from sim.report.executive import AGAIN, SMALLER, first_of
from sim.report.material import Material, capital, figures, minus, number, short, signed, unsigned

VERDICTS = {
    "flips": "another strategy is best",
    "open": "the lead is not told apart from none",
    "moves": "the lead moves",
    "holds": "no shift told apart from none",
}


class Assumed:
    """The tables of moved assumptions of a folder; `there`: whether it has them."""

    def __init__(self, m: Material) -> None:
        self.m = m
        self.about: dict[str, Any] = m.summary.get("assumptions") or {}
        self.tables = Tables(m.folder)
        rows = self.tables.rows(AGAIN) if self.about else []
        self.base, self.ends = (rows[0], rows[1:]) if rows else ({}, [])

    @property
    def source(self) -> str:
        """The line at the foot."""
        about = self.about
        worlds = f"{about['members']:,} members on the first day; {about['again']} pairs of twin worlds"
        return f"{worlds}, seed {self.m.summary['seed']}."

    @property
    def unit(self) -> str:
        """The unit of leads."""
        return f"{self.m.in_money(str(self.about['unit']))} per {self.about['per']:,} members"

    def chart(self) -> Chart | None:
        """The lead of the best strategy with each assumption at its lower and at its higher value."""
        if not self.ends:
            return None
        best, path = short(str(self.about["best"])), first_of(self.ends)
        verdict = min((str(row["verdict"]) for row in self.ends), key=[*VERDICTS].index)
        lead = f"the lead of {best}"
        title = {
            "flips": f"{best} is no longer best with another {path}",
            "open": f"{capital(lead)} is no longer sure with another {path}",
        }.get(str(verdict), f"{capital(lead)} moves most with {path}, but stays")
        if self.base["verdict"] == "open":
            title = f"{capital(lead)} is not sure even as assumed; it moves most with {path}"
        paths = list(dict.fromkeys(str(row["path"]) for row in self.ends))
        told = "; ".join(
            f"{row['path']} at {figures(float(row['value']))}: {size(row, 'lead', ('low95', 'high95'))}"
            for row in self.ends
        )
        takeaway = minus(f"As assumed, the lead is {size(self.base, 'lead', ('low95', 'high95'))} {self.unit}.")
        how = (
            f"A dot is the average lead of {best} over its rival with one assumption set lower or higher by "
            f"{self.about['step_pct']:g} %, within its allowed range, all others as assumed; the line is its 95 % "
            f"interval over {self.about['again']} worlds. Left of 0 another strategy is better. The dashed line is "
            "the lead as assumed."
        )

        def draw() -> Any:
            from matplotlib.lines import Line2D

            sheet = Sheet(title, self.source, width=WIDE, panels=(0.62 * len(paths) + 0.2,), left=4.0, right=1.0)
            axes = sheet.axes[0]
            plain_axes(axes, "", grid="x")
            axes.axvline(0.0, color=INK, linewidth=1.1, zorder=2)
            axes.axvline(float(self.base["lead"]), color=GREY, linewidth=1.1, linestyle=(0, (4, 3)), zorder=2)
            for row in self.ends:
                colour, shift = (BLUE, -0.15) if row["end"] == "lower" else (VERMILION, 0.15)
                y = paths.index(str(row["path"])) + shift
                axes.plot([row["low95"], row["high95"]], [y, y], color=colour, linewidth=2.2, solid_capstyle="butt")
                axes.plot(
                    [row["lead"]], [y], marker="o" if row["end"] == "lower" else "s", markersize=7, color=colour
                )
                at = minus(f" at {figures(float(row['value']))}")
                axes.annotate(at, (float(row["high95"]), y), va="center", fontsize=8.5, annotation_clip=False)
            axes.set_yticks(range(len(paths)), [drawable(name) for name in paths])
            axes.set_ylim(len(paths) - 0.5, -0.5)
            axes.tick_params(axis="y", length=0, labelsize=9, labelcolor=INK)
            axes.xaxis.set_major_formatter(lambda value, _: minus(f"{value:+,g}") if value else "0")
            axes.set_xlabel(drawable(f"lead of {best}, {self.unit}"), fontsize=9, color=INK)
            marks = [Line2D([], [], marker=m, ls="-", lw=2.2, color=c) for m, c in (("o", BLUE), ("s", VERMILION))]
            sheet.legend([*marks, Line2D([], [], color=GREY, ls=(0, (4, 3)))], ["lower", "higher", "as assumed"], 3)
            return sheet.figure

        alt = f"Dots with intervals of the lead by assumption. {minus(told)}."
        return Chart("assumptions", title, takeaway, how, alt, draw)

    def section(self, charts: list[dict[str, Any]]) -> dict[str, Any] | None:
        """What the template says; nothing where no assumption was moved."""
        if not self.about:
            return None
        about = self.about
        words = [
            f"{about['declared']:,} numbers of the model and of both strategies are assumptions. Each "
            f"was set {about['step_pct']:g} % lower and higher, within its allowed range, one at a time, in "
            f"worlds of {about['members']:,} members on the first day with the same persons and the same luck as "
            f"worlds in which all stand as assumed. {about['acting']:,} of them change anything at all.",
            f"All were moved in {about['replications']} replications of {about['best']} and {about['runner_up']} "
            f"first, where a shift is known to ± {unsigned(about['noise'], about['noise'])} {self.unit}. Those that "
            f"move the lead most were lived again in {about['again']} replications, with other luck and under all "
            "strategies: the largest of many shifts is partly luck.",
        ]
        below = [
            "All moved assumptions and their shifts stand in assumptions.csv. The step is a convention, not what is "
            "plausible of each: where a number is known better, a smaller step says more (assumptions.step)."
        ]
        if about["members"] < self.m.summary["members_at_start"]:
            below.append(SMALLER)
        if about["not_moved"]:
            below.append(f"Not moved, being 0 or bound to others: {', '.join(about['not_moved'])}.")
        rows = [
            {
                "path": row["path"], "meaning": capital(str(row["meaning"])),
                **{key: row[key] for key in ("best", "rival")},
                **{key: figures(float(row[key])) for key in ("assumed", "value")},
                "lead": minus(size(row, "lead", ("low95", "high95"))),
                "shift": minus(size(row, "shift", ("shift_low95", "shift_high95"))),
                "verdict": VERDICTS[str(row["verdict"])],
            }
            for row in self.ends
        ]  # fmt: skip
        return {"words": words, "charts": charts, "rows": rows, "below": below, "best": about["best"]}


def size(row: dict[str, Any], name: str, limits: tuple[str, str]) -> str:
    """`+1,230 (900 to 1,560)`."""
    value, low, high = (float(row[key]) for key in (name, *limits))
    wide = high - low
    if wide == 0.0:
        return number(value)
    return f"{signed(value, wide)} ({unsigned(low, wide)} to {unsigned(high, wide)})"


__all__ = ["Assumed"]
