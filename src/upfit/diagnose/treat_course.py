"""How a Job trains: its length, schedule, clipping and batches, as changes have them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import torch
from torch import nn

from upfit.diagnose.job import Job
from upfit.diagnose.preflight.calls import tensors_in
from upfit.diagnose.preflight.place import mapped
from upfit.diagnose.preflight.subject import fresh
from upfit.errors import DataError
from upfit.values import Change

LINEAR = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


@dataclass(frozen=True)
class Course:
    """What the loop does by itself.

    Args:
        epochs: Passes over the training batches.
        patience: Evaluations without progress that end the run, whose best weights are kept; None for never.
        clip: Greatest norm of all gradients together; None for no limit.
        warmup: Fraction of the run in which the rate rises.
        cosine: Whether the rate falls to zero.
        gather: Batches of the loader that make one step.
        cut: Pieces that a batch goes through in.
        apart: Steps that are made of one batch of the loader, where a smaller batch was asked for.
        reset: Whether weights are drawn anew by He's rule.
    """

    epochs: float
    patience: int | None = None
    clip: float | None = None
    warmup: float = 0.0
    cosine: bool = False
    gather: int = 1
    cut: int = 1
    apart: int = 1
    reset: bool = False

    def total(self, batches: int) -> int:
        """Optimizer steps in all."""
        return max(1, math.ceil(self.epochs * batches * self.apart / self.gather))

    def rate(self, step: int, total: int) -> float:
        """What rates are multiplied by at a step, from 0."""
        rising = self.warmup * total
        if step < rising:
            return (step + 1) / (math.floor(rising) + 1)
        if not self.cosine:
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1.0, total - rising)))


def course_of(job: Job, changes: Iterable[Change]) -> Course:
    """The course that the changes ask for; where one path is changed twice, the last counts."""
    to = {change.path: change.to for change in changes}
    size = getattr(job.train, "batch_size", None)
    wanted = to.get("batching.size", size)
    factor = wanted / size if size and wanted else 1.0
    micro = to.get("batching.micro_size", size)
    apart = round(1 / factor) if factor < 1 else 1
    cut = math.ceil(size / apart / micro) if size and micro else 1
    return Course(
        epochs=float(to.get("stopping.epochs", job.epochs)),
        patience=to.get("stopping.patience"),
        clip=to.get("techniques.clip.norm"),
        warmup=float(to.get("schedule.warmup", 0.0)),
        cosine=to.get("schedule.name") == "cosine",
        gather=max(1, round(factor)),
        cut=max(1, cut),
        apart=max(1, apart),
        reset=to.get("model.init") == "he" or "model.activation" in to,
    )


def count_batches(loader: Any) -> int:
    """Batches of one pass; counted where a loader does not know."""
    try:
        count = len(loader)
    except TypeError:
        count = sum(1 for _ in fresh(loader))
    if not count:
        raise DataError("the training loader gives no batches", expected="at least one batch")
    return count


def steps_of(loader: Any, gather: int, *, seed: int, apart: int = 1) -> Iterator[list[Any]]:
    """Lists of batches, one list a step, without end; each pass begins with its own random state."""
    epochs = (_pass(loader, seed * 10_007 + number) for number, _ in enumerate(repeat(None)))
    batches: Iterator[Any] = chain.from_iterable(epochs)
    if apart > 1:
        batches = (piece for batch in batches for piece, _ in cut_up(batch, apart))
    while True:
        yield [next(batches) for _ in range(gather)]


def cut_up(batch: Any, pieces: int) -> list[tuple[Any, float]]:
    """A batch in pieces with the share of its examples that each holds."""
    sizes = [len(one) for one in tensors_in(batch) if one.ndim]
    if pieces == 1 or not sizes or sizes[0] < 2:
        return [(batch, 1.0)]
    size, whole = math.ceil(sizes[0] / pieces), sizes[0]

    def part(start: int) -> Any:
        return mapped(batch, lambda t: t[start : start + size] if t.ndim and len(t) == whole else t)

    return [(part(start), min(size, whole - start) / whole) for start in range(0, whole, size)]


def reset_weights(model: nn.Module) -> None:
    """Draw the weights of linear and convolution layers anew by He's rule, biases zero.

    Recurrent layers, attention and norms get those that they begin with; tables of vectors stay.

    Source: He et al., Delving Deep into Rectifiers, 2015, equation 10.
    """
    for module in model.modules():
        if isinstance(module, LINEAR):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif (
            not isinstance(module, nn.Embedding) and next(module.parameters(recurse=False), None) is not None
        ):
            # Attention has it by another name.
            getattr(module, "reset_parameters", getattr(module, "_reset_parameters", lambda: None))()


def _pass(loader: Any, seed: int) -> Iterator[Any]:
    torch.manual_seed(seed)
    yield from fresh(loader)
