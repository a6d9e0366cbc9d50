"""The subject of the one-step tests: a model with what trains it, and some batches it would see."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from upfit.diagnose.preflight.calls import Calls, Example, tensors_in
from upfit.diagnose.preflight.place import mapped
from upfit.diagnose.preflight.survey import SECONDS, Survey, survey
from upfit.measure.inside.scores import Task

PROBE_BATCHES = 8
PROBE_EXAMPLES = 256


@dataclass(eq=False)
class Subject:
    """What a one-step test may look at. Tests run inside `untouched`, and may change weights there.

    Args:
        calls: The model and how it is called.
        optimizers: What trains it; may be empty.
        task: What it is for.
        train: Loader of training batches, or None.
        validation: Loader of validation batches, or None.
        seconds: What the tests that train for some steps may take, each (see `within`).
        looking: Seconds of a look through a loader.
        examples: Examples that are enough for the tests of the model.
        pretrained: Whether the weights were meant to be pretrained; None where nobody said.
        frozen: Name prefixes of parameters that are frozen on purpose.
    """

    calls: Calls
    optimizers: tuple[Optimizer, ...]
    task: Task
    train: Any = None
    validation: Any = None
    seconds: float = 2.0
    looking: float = SECONDS
    examples: int = PROBE_EXAMPLES
    pretrained: bool | None = None
    frozen: tuple[str, ...] = ()
    _batches: dict[str, list[Example]] = field(default_factory=dict, repr=False)

    @property
    def model(self) -> nn.Module:
        """The model."""
        return self.calls.model

    @cached_property
    def batches(self) -> list[Example]:
        """The first training batches, at least 256 examples if there are so many."""
        return list(self._some(self.train))

    @cached_property
    def surveyed(self) -> Survey:
        """Inputs and targets of the training set, as far as a short look reaches."""
        return survey(self.calls, self.train, seconds=self.looking)

    @cached_property
    def surveyed_validation(self) -> Survey:
        """Inputs and targets of the validation set."""
        return survey(self.calls, self.validation, seconds=self.looking)

    @property
    def labels_are_classes(self) -> bool:
        """Whether targets are class indices."""
        return self.task in ("classification", "language_model")

    def _some(self, loader: Any) -> Iterator[Example]:
        seen = 0
        for batch in itertools.islice(fresh(loader), PROBE_BATCHES):
            example = self.calls.split(batch)
            yield example
            seen += batch_size(example)
            if seen >= self.examples:
                return


def fresh(loader: Any) -> Iterator[Any]:
    """A new pass over a loader; nothing from one that can only be passed once."""
    if loader is None:
        return
    passes = iter(loader)
    if passes is loader:
        return
    yield from passes


def can_be_repeated(loader: Any) -> bool:
    """Whether looking at a loader leaves its batches to the training loop."""
    return loader is not None and not hasattr(loader, "__next__")


def batch_size(example: Example) -> int:
    """Examples in a batch: the first dimension of its first tensor."""
    tensors = [tensor for tensor in tensors_in(example.inputs) if tensor.ndim]
    return len(tensors[0]) if tensors else 0


def first(example: Example, count: int) -> Example:
    """The first examples of a batch; what is not one for each example stays whole."""
    size = batch_size(example)

    def few(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[:count] if tensor.ndim and len(tensor) == size else tensor

    return Example(mapped(example.inputs, few), mapped(example.target, few))


def repeated(examples: list[Example]) -> Iterator[Example]:
    """The batches, over and over."""
    return itertools.cycle(examples)


def usable(example: Example) -> bool:
    """Whether the batch can be trained on: not empty, inputs and targets finite."""
    tensors = tensors_in(example.inputs) + tensors_in(example.target)
    return bool(tensors) and all(
        bool(torch.isfinite(one).all()) for one in tensors if one.is_floating_point()
    )
