"""`membersim backtest`: score forecasts from a log's past beside the usual baselines."""

import sys

from experiments.app import RESULTS, launch, show_progress
from sim.settings import Config


def run(config: Config) -> None:
    """Backtest, and print the scores."""
    import pandas as pd

    from sim.study.backtest import run_backtest

    with show_progress() as progress:
        folder = run_backtest(config, RESULTS, progress)
    scores = pd.read_csv(folder / "scores.csv")
    order = list(dict.fromkeys(scores["metric"]))
    for (task, variant), part in scores.groupby(["task", "variant"], sort=False):
        print(f"\n{task}, {variant}")
        wide = part.pivot(index="model", columns="metric", values="value")[
            [m for m in order if m in set(part["metric"])]
        ]
        print(wide.round(3).to_string(na_rep="-"))
    verdicts = pd.read_csv(folder / "differences.csv")
    print("\nmembersim against Pareto/NBD (excess error, 90 % interval of a paired bootstrap)")
    print(verdicts.drop(columns=["dataset", "against"]).round(3).to_string(index=False))
    print(f"\nsee {folder}")


def main() -> int:
    """The console script's part."""
    return launch("backtest", run)


if __name__ == "__main__":
    sys.exit(main())
