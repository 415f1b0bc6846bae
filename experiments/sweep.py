"""`membersim sweep design=lhs design.n=64 'design.values={key: [low, high]}'`: many points, one table.

Points are lived on processes of this machine. With `hydra/launcher=joblib`, `ray` or `submitit_slurm` (each an
installed plugin of Hydra) the design is shared into `design.blocks` jobs, which the launcher runs where it will; the
table is the same.
"""

import sys
from functools import partial
from pathlib import Path

from experiments.app import RESULTS, SOME_FAILED, launch, show_progress
from sim.settings import SweepConfig


def run(config: SweepConfig, failed: list[int]) -> None:
    """Sweep, and say where the table and the page are."""
    from sim.study.sweep import run_sweep

    with show_progress() as progress:
        folder = run_sweep(config, RESULTS, progress)
    failed.append(tell(folder))


def begin(config: SweepConfig, blocks: list[int]) -> None:
    """Check everything and take the folder, for the jobs of a launcher to write into."""
    from sim.study import sweep

    with show_progress() as progress:
        sweep.begin(sweep.prepare_sweep(config), RESULTS, progress)
    blocks += range(config.design.blocks)


def live_block(config: SweepConfig, root: Path) -> None:
    """One job of a launcher: the points of a block."""
    from sim.study import sweep

    swept = sweep.prepare_sweep(config)
    sweep.live(swept, sweep.open_folder(swept, root), lambda what, done, of: None)


def finish(config: SweepConfig, failed: list[int]) -> None:
    """Make the table of what the jobs left."""
    from sim.study import sweep

    swept = sweep.prepare_sweep(config)
    with show_progress() as progress:
        folder = sweep.finish(swept, sweep.open_folder(swept, RESULTS), progress)
    failed.append(tell(folder))


def tell(folder: Path) -> int:
    """Say what came out; how many points failed."""
    from sim.store import read_results

    summary = read_results(folder).summary
    print(f"{summary['title']}: {summary['points']:,} points, {summary['replications']} replications each")
    for error in summary["errors"]:
        print(f"failed, {error['points']:,} points: {error['error']}")
    for note in summary["warnings"]:
        print(f"note: {note}")
    print(f"table {folder / 'table.csv'}\nopen {folder / 'report.html'}")
    return summary["failed"]


def main() -> int:
    """The console script's part."""
    words = sys.argv[1:]
    failed: list[int] = []
    blocks: list[int] = []
    launched = any(word.startswith("hydra/launcher=") and not word.endswith("=basic") for word in words)
    if not launched or {"-m", "--multirun"} & set(words):
        code = launch("sweep", partial(run, failed=failed))
    else:
        code = launch("sweep", partial(begin, blocks=blocks))
        if not code:
            sys.argv[1:] = ["-m", *words, f"design.block={','.join(map(str, blocks))}"]
            code = launch("sweep", partial(live_block, root=RESULTS.resolve()))
            sys.argv[1:] = words
        code = code or launch("sweep", partial(finish, failed=failed))
    return code or (SOME_FAILED if any(failed) else 0)


if __name__ == "__main__":
    sys.exit(main())
