"""`membersim compare strategies=[a,b]`: what a strategy changes, for the same persons with the same luck."""

import sys
from pathlib import Path

from experiments.app import RESULTS, launch, show_progress
from sim.settings import CompareConfig


def run(config: CompareConfig) -> Path:
    """Compare, and say what differs and where the page is."""
    from sim.report.targets import lines_of
    from sim.store import read_results
    from sim.study.compare import run_compare

    with show_progress() as progress:
        folder = run_compare(config, RESULTS, progress)
    summary = read_results(folder).summary
    days, replications = summary["days"], summary["replications"]
    print(f"{summary['title']}: {days} days, {replications} pairs of twin worlds; baseline {summary['baseline']}")
    width = max(len(line["label"]) for line in summary["effects"])
    for name in summary["strategies"][1:]:
        print(f"\n{name}")
        for line in summary["effects"]:
            if line["strategy"] == name:
                label, _, words = line["sentence"].partition(": ")
                print(f"  {label:{width}}  {words}")
        for entry in summary["bridge"].get("levers", []):
            if entry["strategy"] == name:
                print(f"  by levers: {entry['sentence']}")
    print(f"\n{summary['call']['sentence']}.")
    for pair in summary["call"]["pairs"]:
        print(f"  {pair['sentence']}\n  {pair['chance']}")
    for line in lines_of(summary):
        print(line)
    if "assumptions" in summary:
        from sim.report.cited import plain
        from sim.report.executive import Executive
        from sim.report.material import Material

        page = Executive(folder, Material(folder).unit_of_money)
        for words in (*page.carried(), *page.tested()):
            print(plain(words))
    print()
    for warning in summary["warnings"]:
        print(f"note: {warning}")
    print(f"open {folder / 'report.html'}")
    return folder


def main() -> int:
    """The console script's part."""
    return launch("compare", run)


if __name__ == "__main__":
    sys.exit(main())
