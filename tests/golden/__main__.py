"""`python -m tests.golden --update` writes the golden numbers anew: an explicit act, with a line in CHANGELOG.md."""

import sys

from tests.golden.runs import FILE, golden_numbers, write

if __name__ == "__main__":
    if "--update" not in sys.argv[1:]:
        sys.exit(
            "nothing done; --update writes the golden numbers anew, and the change goes into CHANGELOG.md under Model"
        )
    write(golden_numbers())
    print(f"wrote {FILE}")
