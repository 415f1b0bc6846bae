"""What goes wrong when the input is wrong: one exception, and the nearest valid name."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """The user's input cannot be used; the message names the file and line or the key, and what is allowed.

    Command-line apps print the message alone and exit with code 2; nothing has been written by then.
    """


def nearest(name: str, allowed: Iterable[str], cutoff: float = 0.6) -> str:
    """A hint such as `did you mean 'amount'?`, or what is allowed when nothing is as near as `cutoff`, 0 to 1.

    >>> nearest("ammount", ["member_id", "date", "amount"])
    "did you mean 'amount'?"
    """
    choices = sorted(allowed)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=cutoff)
    if not choices:
        return "there is none to choose from"
    return f"did you mean '{near[0]}'?" if near else f"allowed: {', '.join(choices)}"


def nearest_path(key: str, paths: Iterable[str]) -> str:
    """The nearest dotted path: by the whole of it, else by its last part; else what is allowed beside it.

    >>> nearest_path("mesaging.per_week", ["strategy.messaging.per_week", "strategy.messaging.hour"])
    "did you mean 'strategy.messaging.per_week'?"
    """
    names = set(paths)
    hint = nearest(key, names)
    if hint.startswith("did"):
        return hint
    by_end = {name.rsplit(".", 1)[-1]: name for name in sorted(names)}
    hint = nearest(key.rsplit(".", 1)[-1], by_end, cutoff=0.7)  # an ending alone is weak evidence
    if hint.startswith("did"):
        return f"did you mean '{by_end[hint.split(chr(39))[1]]}'?"
    siblings = [name for name in names if name.startswith(key.split(".")[0] + ".")]
    return f"allowed: {', '.join(sorted(siblings or {name.split('.')[0] for name in names}))}"
