"""The numbers of docs/FREQUENCY.md and its picture, from a finished run.

`python -m docs.frequency results/frequency/<name>` rewrites the block between the markers and
docs/images/frequency.png.
"""

import re
import shutil
import sys
from pathlib import Path

from docs.parameters import table
from sim.report.frequency import Curve, capital, table_rows
from sim.store import read_results

DOCUMENT = Path(__file__).parent / "FREQUENCY.md"
PICTURE = Path(__file__).parent / "images" / "frequency.png"
HEADER = (
    "messages a week", "orders in 30 days, per 100", "active at the end, of 100", "GMV, CNY a member", "opened, %",
    "opened, %, same members", "opted out, of 100", "reachable at the end, of 100",
)  # fmt: skip


def block(folder: Path) -> str:
    """The run, its table and its sentences."""
    results = read_results(folder)
    m, manifest = Curve(folder), results.manifest
    run = results.config["run"]
    keys = " ".join(f"run.{key}={run[key]}" for key in ("members", "days", "replications", "seed"))
    rows = [(row["dose"], *(shown(cell) for cell in row["cells"])) for row in table_rows(m)]
    best = [f"- {capital(entry['label'])}: {entry['words']}." for entry in m.summary["best"]]
    said = [f"- {sentence}" for sentence in m.summary["sentences"]]
    lines = [
        f"The run: `membersim frequency {keys}`; all else as the command has it.",
        f"Rules `{manifest['rules']}`, content `{manifest['content_hash'][:16]}`. Means per member of day 0; bold:",
        "the best dose; with a star: not told apart from the best in pairs of replications.",
        "",
        table(HEADER, rows),
        "",
        "Best dose:",
        "",
        *best,
        "",
        "What it means for who plans messages:",
        "",
        *said,
    ]
    return "\n".join(lines)


def shown(cell: dict[str, object]) -> str:
    """A cell of the table."""
    mean = str(cell["mean"])
    return f"**{mean}**" if cell["best"] else f"{mean}\\*" if cell["alike"] else mean


def main(words: list[str]) -> int:
    """Rewrite the document; the exit code."""
    folder = Path(words[0])
    text = DOCUMENT.read_text(encoding="utf-8")
    parts = re.split(r"(<!-- run:begin -->\n|<!-- run:end -->)", text)
    parts[2] = block(folder) + "\n"
    DOCUMENT.write_text("".join(parts), encoding="utf-8")
    PICTURE.parent.mkdir(exist_ok=True)
    shutil.copyfile(folder / "charts" / "frequency_curve.png", PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
