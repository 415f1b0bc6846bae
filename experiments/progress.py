"""Progress bars on a terminal's stderr; silence elsewhere."""

import datetime as dt

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text


def time_left(elapsed: float, begun: float, done: float, total: float) -> float | None:
    """Seconds left, if what is left goes as what was done: what was there when the bar began does not count.

    None where nothing has been done yet.
    """
    return None if done <= begun else elapsed / (done - begun) * (total - done)


class TimeLeft(ProgressColumn):
    """The time left, by the mean speed so far: steps may be minutes long."""

    def render(self, task: Task) -> Text:
        left = time_left(task.elapsed or 0.0, task.fields["begun"], task.completed, task.total or 0.0)
        return Text("-:--:--" if left is None else str(dt.timedelta(seconds=round(left))), style="progress.remaining")


class Bars:
    """One bar per step of a run. Call it with what is being done, how much is done, and how much there is."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeLeft(),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, what: str, done: int, of: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=of, completed=done, begun=done)
        self._progress.update(self._tasks[what], completed=done, total=of)
