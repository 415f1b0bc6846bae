"""`membersim frequency`: how many messages a week are best, in the short run and in the long."""

import sys
from pathlib import Path

from experiments.app import RESULTS, launch, show_progress
from sim.settings import FrequencyConfig


def run(config: FrequencyConfig) -> Path:
    """Draw the curve, and say which dose is best and where the page is."""
    from sim.store import read_results
    from sim.study.frequency import run_frequency

    with show_progress() as progress:
        folder = run_frequency(config, RESULTS, progress)
    summary = read_results(folder).summary
    days, replications = summary["days"], summary["replications"]
    print(f"{summary['title']}: {len(summary['doses'])} doses, {days} days, {replications} replications")
    print("\nbest dose")
    width = max(len(best["label"]) for best in summary["best"])
    for best in summary["best"]:
        print(f"  {best['label']:{width}}  {best['words']}")
    print()
    for sentence in summary["sentences"]:
        print(sentence)
    print()
    for warning in summary["warnings"]:
        print(f"note: {warning}")
    print(f"open {folder / 'report.html'}")
    return folder


def main() -> int:
    """The console script's part."""
    return launch("frequency", run)


if __name__ == "__main__":
    sys.exit(main())
