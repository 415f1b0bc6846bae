"""`membersim replay run=results/compare/<name> member=12`: one member's life once more, and where it parts."""

import sys

from experiments.app import RESULTS, launch, show_progress
from sim.settings import ReplayConfig


def run(config: ReplayConfig) -> None:
    """Replay a member, and tell his story."""
    from sim.report.replay import terminal
    from sim.study.replay import run_replay

    with show_progress() as progress:
        folder = run_replay(config, RESULTS, progress)
    print("\n".join(terminal(folder)))
    print(f"\nopen {folder / 'report.html'}")


def main() -> int:
    """The console script's part."""
    return launch("replay", run)


if __name__ == "__main__":
    sys.exit(main())
