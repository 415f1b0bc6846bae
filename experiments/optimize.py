"""`membersim optimize 'optimize.levers={strategy.messaging.per_week:[0,14]}'`: which plan is best within limits."""

import sys
from functools import partial
from pathlib import Path

from experiments.app import RESULTS, SOME_FAILED, launch, show_progress
from sim.settings import OptimizeConfig


def run(config: OptimizeConfig, short: list[bool]) -> Path:
    """Seek, and say which plan, how sure, and where the page is; note whether anything was left open."""
    from sim.store import read_results
    from sim.study.optimize import run_optimize

    with show_progress() as progress:
        folder = run_optimize(config, RESULTS, progress)
    summary = read_results(folder).summary
    limits = f", within {'; '.join(summary['limits'])}" if summary["limits"] else ""
    names = ", ".join(objective["name"] for objective in summary["objectives"])
    print(f"{summary['title']}: {names}{limits}; {summary['plans']} plans, {summary['search_runs']:,} runs")
    for sentence in summary["sentences"]:
        print(sentence)
    for note in summary["warnings"]:
        print(f"note: {note}")
    if summary["best"] is not None:
        print(f"plan {folder / 'best.yaml'}")
    print(f"open {folder / 'report.html'}")
    short.append(summary["best"] is None or summary["failed"] > 0)
    return folder


def main() -> int:
    """The console script's part: 3 where no plan keeps all limits, or some could not be lived."""
    short: list[bool] = []
    return launch("optimize", partial(run, short=short)) or (SOME_FAILED if any(short) else 0)


if __name__ == "__main__":
    sys.exit(main())
