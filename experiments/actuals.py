"""`membersim actuals`: lay what happened over a forecast that was made before."""

import sys

from experiments.app import RESULTS, launch, show_progress
from sim.settings import ActualsConfig


def run(config: ActualsConfig) -> None:
    """Lay actuals over a forecast, and say how it fared."""
    from sim.store import read_results
    from sim.study.actuals import lay_actuals

    with show_progress() as progress:
        folder = lay_actuals(config, RESULTS, progress)
    for line in read_results(folder).summary["against_actuals"]:
        total = f"{line['actual']:,.0f} in {line['weeks']} whole weeks, forecast {line['forecast']:,.0f}"
        inside = f"{line['weeks_inside_80_pct']:.0f} % and {line['weeks_inside_95_pct']:.0f} %"
        print(
            f"{line['metric']}: {total} ({line['error_pct']:+.1f} %); {inside} of weeks inside the 80 and 95 % bands"
        )
    print(f"open {folder / 'report.html'}")


def main() -> int:
    """The console script's part."""
    return launch("actuals", run)


if __name__ == "__main__":
    sys.exit(main())
