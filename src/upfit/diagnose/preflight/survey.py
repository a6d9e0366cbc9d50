"""A short look through a data loader: inputs and targets as arrays, as far as time and memory allow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from upfit.diagnose.preflight.allowance import within
from upfit.diagnose.preflight.calls import Calls, Example, tensors_in
from upfit.diagnose.preflight.place import mapped

SECONDS = 3.0
EXAMPLES = 4096
WIDEST = 16384
"""Inputs with more numbers than that per example are thinned out."""
KEPT_NUMBERS = 2**24
NOTHING = object()


@dataclass
class Survey:
    """What a look through a loader found, in the order the examples came.

    Args:
        inputs: (N, D) the main input, flattened; empty where it is not a tensor.
        targets: (N, …) targets, empty where there are none.
        digests: One per example, of its inputs.
        sizes: Examples per batch.
        shape: Of one example's main input.
        whole: Whether the loader ended by itself.
        tokens: Whether the inputs are integers.
        not_finite: Examples with NaN or infinity in an input; `bad_targets` in a target.
    """

    inputs: npt.NDArray[Any] = field(default_factory=lambda: np.empty((0, 0)))
    targets: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0))
    digests: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    whole: bool = False
    tokens: bool = False
    not_finite: int = 0
    bad_targets: int = 0
    first_bad: int = -1

    @property
    def examples(self) -> int:
        """Examples seen."""
        return len(self.digests)

    @property
    def answers(self) -> npt.NDArray[Any]:
        """Targets, (N,) where there is one for each example, however they are shaped."""
        one_column = self.targets.ndim == 2 and self.targets.shape[1] == 1
        return self.targets[:, 0] if one_column else self.targets


def survey(calls: Calls, loader: Any, *, seconds: float = SECONDS, examples: int = EXAMPLES) -> Survey:
    """Look through a loader once; one that can be passed only once is left alone."""
    found = Survey()
    if loader is None or hasattr(loader, "__next__"):
        return found
    inputs: list[Any] = []
    targets: list[Any] = []
    device = torch.device("cpu")
    batches = iter(loader)
    for _ in within(seconds):
        batch = next(batches, NOTHING)
        if batch is NOTHING:
            found.whole = True
            break
        _note(found, _on(calls, batch, device), inputs, targets)
        if found.examples >= examples:
            break
    found.inputs = _stacked(inputs)
    found.targets = _stacked(targets)
    return found


def _on(calls: Calls, batch: Any, device: torch.device) -> Example:
    example = calls.split(batch)
    return (
        example if device.type == calls.device().type else Example(_cpu(example.inputs), _cpu(example.target))
    )


def _cpu(thing: Any) -> Any:
    return mapped(thing, lambda tensor: tensor.cpu())


def _note(found: Survey, example: Example, inputs: list[Any], targets: list[Any]) -> None:
    tensors = [one.detach() for one in tensors_in(example.inputs) if one.ndim]
    if not tensors:
        return
    size = len(tensors[0])
    found.sizes.append(size)
    main = tensors[0].reshape(size, -1)
    found.shape, found.tokens = tuple(tensors[0].shape[1:]), not main.is_floating_point()
    finite = torch.ones(size, dtype=torch.bool)
    for one in tensors:
        if one.is_floating_point() and len(one) == size:
            finite &= torch.isfinite(one.reshape(size, -1)).all(1)
    _mark(found, finite)
    rows = [one.reshape(size, -1).contiguous().numpy() for one in tensors if len(one) == size]
    found.digests += [_digest([row[i] for row in rows]) for i in range(size)]
    step = max(1, main.shape[1] // WIDEST)
    if sum(one.size for one in inputs) < KEPT_NUMBERS:
        inputs.append(main[:, ::step].float().numpy())
    answers = tensors_in(example.target)
    if answers and answers[0].ndim and len(answers[0]) == size:
        answer = answers[0].detach()
        if answer.is_floating_point():
            found.bad_targets += int((~torch.isfinite(answer.reshape(size, -1)).all(1)).sum())
        targets.append(answer.float().numpy() if answer.is_floating_point() else answer.numpy())


def _mark(found: Survey, finite: torch.Tensor) -> None:
    bad = (~finite).nonzero().flatten().tolist()
    if bad and found.first_bad < 0:
        found.first_bad = found.examples + bad[0]
    found.not_finite += len(bad)


def _digest(rows: list[npt.NDArray[Any]]) -> str:
    made = hashlib.blake2b(digest_size=12)
    for row in rows:
        made.update(row.tobytes())
    return made.hexdigest()


def _stacked(parts: list[Any]) -> npt.NDArray[Any]:
    """All batches as one array; batches of other widths (padding) are cut to the narrowest."""
    if not parts:
        return np.empty((0, 0))
    if parts[0].ndim > 1:
        widths = [tuple(one.shape[1:]) for one in parts]
        if len(set(widths)) > 1:
            narrow = tuple(min(w[i] for w in widths) for i in range(len(widths[0])))
            parts = [one[(slice(None), *(slice(0, n) for n in narrow))] for one in parts]
    return np.concatenate(parts)
