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
    return f"did you mean '{near[0]}'?" if near else f"allowed: {', '.join(choices)}"
