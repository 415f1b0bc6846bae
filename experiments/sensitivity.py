"""`membersim sensitivity`: what a forecast, or the lead of one strategy over another, rests on."""

import sys
from functools import partial
from pathlib import Path

from experiments.app import RESULTS, SOME_FAILED, launch, show_progress
from sim.settings import SensitivityConfig


def run(config: SensitivityConfig, failed: list[int]) -> Path:
    """Analyse, and say what rests on what and where the page is."""
    from sim.store import read_results
    from sim.study.sensitivity import run_sensitivity

    with show_progress() as progress:
        folder = run_sensitivity(config, RESULTS, progress)
    summary = read_results(folder).summary
    print(f"{summary['title']}: {summary['points']:,} points, {summary['replications']} replications each")
    print()
    for sentence in summary["sentences"]:
        print(sentence)
    print()
    for warning in summary["warnings"]:
        print(f"note: {warning}")
    print(f"open {folder / 'report.html'}")
    failed.append(summary["failed"])
    return folder


def main() -> int:
    """The console script's part."""
    failed: list[int] = []
    return launch("sensitivity", partial(run, failed=failed)) or (SOME_FAILED if any(failed) else 0)


if __name__ == "__main__":
    sys.exit(main())
