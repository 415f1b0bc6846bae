"""`membersim forecast`: where members, orders and revenue are heading."""

import sys
from pathlib import Path

from experiments.app import RESULTS, launch, show_progress
from sim.settings import Config


def run(config: Config) -> Path:
    """Forecast, and say where the page is."""
    from sim.store import read_results
    from sim.study.forecast import run_forecast

    with show_progress() as progress:
        folder = run_forecast(config, RESULTS, progress)
    summary = read_results(folder).summary
    print(f"{summary['title']}: {summary['days']} days, {summary['replications']} replications")
    own = config.data.source != "none"
    closed = not any(line["mean"] for line in summary["headlines"] if line["metric"] == "joined_to_date")
    for line in summary["headlines"]:
        if not line["mean"] or (closed and line["metric"] == "orders_existing_to_date"):
            continue
        unit = "(log's currency)" if own and line["unit"] == "CNY" else line["unit"]
        futures = f"8 in 10 futures: {line['p10']:,.0f} to {line['p90']:,.0f}"
        print(f"  {line['label']:36} {line['mean']:>12,.0f} {unit:16} {futures}")
    for line in [*summary["targets"], *summary["ceilings"]]:
        print(f"  {line['sentence']}")
    print(f"open {folder / 'report.html'}")
    return folder


def main() -> int:
    """The console script's part."""
    return launch("forecast", run)


if __name__ == "__main__":
    sys.exit(main())
