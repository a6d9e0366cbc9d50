"""Turns what steps leave behind into Step records, some at a time, so that no step waits for a number."""

from __future__ import annotations

import math
import resource
from dataclasses import dataclass

import psutil
import torch

from upfit.store import Journal
from upfit.techniques.parts import UNMEASURED
from upfit.train.rollback_signs import BadStep, Signs
from upfit.train.world import World
from upfit.values import Step, Watcher

HELD = 10
"""Steps whose losses stay on the device before they are read."""


@dataclass(frozen=True)
class Pending:
    """One step, its loss and gradient norm still tensors on the device."""

    step: int
    epoch: float
    lr: float
    examples: int
    seconds: float
    loss: torch.Tensor
    norm: torch.Tensor


class Recorder:
    """Buffers steps, then writes them to the journal and shows them to the watcher.

    Args:
        journal: Where records are kept.
        watcher: Who sees them.
        world: Losses are summed over its processes.
    """

    def __init__(self, journal: Journal, watcher: Watcher, world: World) -> None:
        self.journal = journal
        self.watcher = watcher
        self.world = world
        self.signs = Signs()
        self._held: list[Pending] = []
        self._process = psutil.Process()

    def add(self, pending: Pending, total_steps: int) -> None:
        """Take note of a step."""
        self._held.append(pending)
        if len(self._held) >= HELD:
            self.flush(total_steps)

    def flush(self, total_steps: int) -> None:
        """Read the held numbers and pass them on; raises `BadStep` where they are not healthy."""
        if not self._held:
            return
        losses = self.world.sum(torch.stack([one.loss for one in self._held])).tolist()
        norms = torch.stack([one.norm for one in self._held]).tolist()
        rss_mb = self._process.memory_info().rss / 2**20
        for one, loss, norm in zip(self._held, losses, norms, strict=True):
            record = Step(
                step=one.step,
                epoch=one.epoch,
                loss=loss,
                lr=one.lr,
                gradient_norm=norm,
                examples=one.examples,
                seconds=one.seconds,
                rss_mb=rss_mb,
            )
            self.journal.add(record)
            self.watcher.step(record, total_steps)
        held, self._held = self._held, []
        for one, loss, norm in zip(held, losses, norms, strict=True):
            self._judge(one, loss, norm)

    def _judge(self, one: Pending, loss: float, norm: float) -> None:
        """Raise `BadStep` where a loss or a measured norm is no number, or the loss was thrown up."""
        unmeasured = one.norm is UNMEASURED
        if not math.isfinite(loss) or not (unmeasured or math.isfinite(norm)):
            raise BadStep(one.step, loss)
        spike = self.signs.spike(one.step, loss)
        if spike is not None:
            raise spike

    def drop(self) -> None:
        """Forget the steps that were not written yet: they are taken back."""
        self._held.clear()


def peak_rss_mb() -> float:
    """The greatest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
