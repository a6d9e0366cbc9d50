"""Progress on stderr: a live display for terminals, plain lines for logs."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text

from upfit.report.printable import printable
from upfit.report.words import METRICS, duration, metric_label, number
from upfit.values import Evaluation, Event, Step
from upfit.values.noted import Noted
from upfit.values.shortened import shortened


class RichWatcher:
    """A live line per stage: bar, steps, loss, learning rate, the validation metric, time left.

    Args:
        console: Where to draw; stderr by default.
        metric: The metric to show of every evaluation; the task's first by default.
    """

    def __init__(self, console: Console | None = None, *, metric: str | None = None) -> None:
        self._metric = metric
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}", style="dim", markup=False),
            console=console or Console(stderr=True),
            # Drawing costs time that training would use; four times a second looks alive.
            refresh_per_second=4,
            redirect_stdout=False,
        )
        self._task: TaskID | None = None
        self._began = time.monotonic()
        self._measured = ""
        self._noted = Noted()

    def stage(self, title: str) -> None:
        """Finish the line of the last stage and begin one."""
        self._finish()
        self._progress.start()
        self._began, self._measured = time.monotonic(), ""
        self._task = self._progress.add_task(shortened(title, 48).capitalize(), total=None, state="")

    def advance(self, done: int, total: int) -> None:
        """Move the bar."""
        left = _left(time.monotonic() - self._began, done, total)
        self._show(done, total, f"{done:,}/{total:,}{left}")

    def step(self, record: Step, total_steps: int) -> None:
        """Move the bar; show loss and learning rate."""
        left = _left(record.seconds, record.step, total_steps)
        loss = f"loss {number(record.loss)} · lr {record.lr:.1e}"
        state = f"{record.step:,}/{total_steps:,} · {loss}{self._measured}{left}"
        self._show(record.step, total_steps, state)

    def evaluation(self, record: Evaluation) -> None:
        """Show the validation metric from now on; it is kept while steps go by."""
        self._measured = f" · {_measured(record, self._metric)}"

    def event(self, record: Event) -> None:
        """A line above the display."""
        self._print(f"step {record.step}: {record.text}", style="yellow")

    def note(self, text: str) -> None:
        """A line above the display, the first time."""
        if self._noted.is_new(text):
            self._print(text)

    def close(self) -> None:
        """Leave the last state on the screen and stop drawing."""
        self._finish()
        self._progress.stop()

    def _show(self, done: int, total: int, state: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total, state=state)

    def _finish(self) -> None:
        if self._task is None:
            return
        took = duration(time.monotonic() - self._began)
        self._progress.update(self._task, total=1, completed=1, state=took + self._measured)
        self._progress.refresh()
        self._task = None

    def _print(self, text: str, style: str = "") -> None:
        # Text, not markup: class and file names may hold square brackets.
        self._progress.console.print(Text(printable(text), style=style), soft_wrap=True)


class PlainWatcher:
    """A line at every stage, evaluation and event, and one for steps every few seconds.

    Args:
        stream: Where to write; stderr by default.
        every: Seconds between lines about steps.
        metric: The metric to show of every evaluation; the task's first by default.
    """

    def __init__(
        self, stream: TextIO | None = None, *, every: float = 5.0, metric: str | None = None
    ) -> None:
        self._stream, self._every, self._metric = stream, every, metric
        self._last = self._began = time.monotonic()
        self._noted = Noted()

    def stage(self, title: str) -> None:
        """Say that a stage begins."""
        self._say(title)
        self._last = self._began = time.monotonic()

    def advance(self, done: int, total: int) -> None:
        """Say how far it is, now and then."""
        if self._due() and done < total:
            self._say(f"  {done:,} of {total:,}{_left(self._last - self._began, done, total)}")

    def step(self, record: Step, total_steps: int) -> None:
        """Say loss and learning rate, now and then."""
        if self._due():
            left = _left(record.seconds, record.step, total_steps)
            loss = f"loss {number(record.loss)}  lr {record.lr:.1e}"
            self._say(f"  step {record.step:,} of {total_steps:,}  {loss}{left}")

    def evaluation(self, record: Evaluation) -> None:
        """Say the validation loss and metric."""
        best = "  best so far" if record.best else ""
        measured = f"loss {number(record.loss)}  {_measured(record, self._metric)}"
        self._say(f"  validation at step {record.step:,}: {measured}{best}")

    def event(self, record: Event) -> None:
        """Say it."""
        self._say(f"  step {record.step:,}: {record.text}")

    def note(self, text: str) -> None:
        """Say it, the first time."""
        if self._noted.is_new(text):
            self._say(text)

    def close(self) -> None:
        """Nothing to close; what was said is flushed."""

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._every:
            return False
        self._last = now
        return True

    def _say(self, line: str) -> None:
        # stderr is looked up late, so that a redirection made after construction counts.
        print(printable(line), file=self._stream or sys.stderr, flush=True)


def _measured(record: Evaluation, metric: str | None) -> str:
    """The metric asked for, else the first that has a name here, else the loss."""
    known = [name for name in METRICS if name in record.metrics]
    name = metric if metric in record.metrics else next(iter(known), None)
    if name is None:
        return f"loss {number(record.loss)}"
    return f"{metric_label(name)} {number(record.metrics[name], name)}"


def _left(seconds: float, done: int, total: int) -> str:
    """The time left at the pace so far, once there is a pace."""
    if done < 2 or done >= total or seconds <= 0:
        return ""
    return f" · {duration(seconds / done * (total - done))} left"
