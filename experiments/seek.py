"""`membersim seek seek.lever=messaging.per_week`: the smallest change of one lever that reaches a target."""

import sys

from experiments.app import RESULTS, launch, show_progress
from sim.settings import SeekConfig


def run(config: SeekConfig) -> None:
    """Search, and say the answer and where the page is."""
    from sim.store import read_results
    from sim.study.seek import run_seek

    with show_progress() as progress:
        folder = run_seek(config, RESULTS, progress)
    summary = read_results(folder).summary
    days, replications = summary["days"], summary["replications"]
    print(f"{summary['title']}: {summary['tried']} values tried, {days} days, {replications} replications at most")
    for sentence in summary["sentences"]:
        print(sentence)
    for warning in summary["warnings"]:
        print(f"note: {warning}")
    print(f"open {folder / 'report.html'}")


def main() -> int:
    """The console script's part."""
    return launch("seek", run)


if __name__ == "__main__":
    sys.exit(main())
