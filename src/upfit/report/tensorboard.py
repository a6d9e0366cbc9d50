"""TensorBoard event files, written while a run trains."""

from __future__ import annotations

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from upfit.values import Evaluation, Event, Step


class TensorBoardWatcher:
    """Writes training loss, learning rate, gradient norm, and validation loss and metrics.

    A resumed run goes on in a new event file, which TensorBoard joins to the first; values of steps that are
    taken again are dropped there. No file is made before there is something to write.

    Args:
        folder: Where the event files go, e.g. `RUN/tensorboard`.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._writer: SummaryWriter | None = None

    def stage(self, title: str) -> None:
        """Nothing to write."""

    def advance(self, done: int, total: int) -> None:
        """Nothing to write."""

    def step(self, record: Step, total_steps: int) -> None:
        """One point of each training curve."""
        writer = self._open(record.step)
        writer.add_scalar("train/loss", record.loss, record.step)
        writer.add_scalar("train/learning_rate", record.lr, record.step)
        if record.gradient_norm == record.gradient_norm:  # NaN where nothing measured it
            writer.add_scalar("train/gradient_norm", record.gradient_norm, record.step)

    def evaluation(self, record: Evaluation) -> None:
        """One point of each validation curve."""
        writer = self._open(record.step)
        writer.add_scalar("validation/loss", record.loss, record.step)
        for name, value in record.metrics.items():
            writer.add_scalar(f"validation/{name}", value, record.step)
        # A kill must not take what was measured with it.
        writer.flush()

    def event(self, record: Event) -> None:
        """The event as text."""
        self._open(record.step).add_text(f"events/{record.kind}", record.text, record.step)

    def note(self, text: str) -> None:
        """Nothing to write."""

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _open(self, step: int) -> SummaryWriter:
        if self._writer is None:
            self._writer = SummaryWriter(str(self._folder), purge_step=step)
        return self._writer
