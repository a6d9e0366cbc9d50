"""Micro-batches: a batch cut into pieces that fit the memory; their gradients add up to those of the batch.

Every piece is divided by the count of the whole batch, so the pieces need not be equally long. What looks at
a batch as a whole sees a piece instead: BatchNorm in training mode normalises by the piece's statistics and
moves its running ones once a piece. With frozen BatchNorm, the default, cutting changes nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from upfit.errors import TrainingError
from upfit.train.world import Batch


def pieces(batch: Batch, size: int | None) -> list[Batch]:
    """The batch in about equal pieces of at most `size` examples; whole where size is None.

    Args:
        batch: Tensors with a row per example, nested ones included, and what is the same for all rows.
            `share` says how many rows count, from the first on.
        size: Most examples per piece. Pieces are even where it is, since some techniques pair neighbours;
            those of a batch that holds such pairs are even and hold at least one pair whatever it is.

    Returns:
        Batches with the rows of each piece in order and its own `share`; `count` stays that of the whole.
        Columns at the end that are padding in all rows of a piece are left out of it.

    Raises:
        TrainingError: The inputs do not have one row per example.

    Example:
        >>> mask = torch.tensor([[1, 1, 1], [1, 0, 0], [1, 0, 0]])
        >>> batch = {"input_ids": 7 * mask, "attention_mask": mask, "share": torch.tensor(3)}
        >>> [(tuple(piece["input_ids"].shape), int(piece["share"])) for piece in pieces(batch, 2)]
        [((2, 3), 2), ((1, 1), 1)]
    """
    rows = row_count(batch)
    if size is None or size >= rows:
        return [batch]
    if not can_be_cut(batch):
        raise TrainingError(
            "this batch cannot be cut: its inputs do not have one row per example",
            hint="a smaller batch, with --set batching.micro_size=auto",
        )
    share = int(batch["share"]) if "share" in batch else rows
    least = fewest(batch)
    size = max(least, size - size % least)
    # About equal: a batch of 33 in pieces of 16 would leave one example alone, which BatchNorm cannot read.
    each = -(-rows // -(-rows // size))
    each += each % 2 if each < size and size % 2 == 0 else 0
    parts = []
    for start in range(0, rows, each):
        stop = min(start + each, rows)
        part = {name: _cut(value, start, stop, rows) for name, value in batch.items()}
        part["share"] = torch.tensor(min(max(share - start, 0), stop - start))
        parts.append(part)
    return _trimmed(parts, batch) if "attention_mask" in batch else parts


def fewest(batch: Batch) -> int:
    """Examples that have to stay together in a micro-batch: 2 where features are mixed in pairs, else 1."""
    return 2 if "feature_pair" in batch else 1


def row_count(batch: Batch) -> int:
    """Examples in a batch: rows of its targets or positions, else of the first tensor that has rows."""
    for name in ("target", "position"):
        if name in batch:
            return len(batch[name])
    return next((len(tensor) for tensor in tensors_in(batch) if tensor.ndim), 0)


def can_be_cut(batch: Batch) -> bool:
    """Whether the inputs have a row per example; a graph, or pictures of many sizes, do not."""
    rows, inputs = row_count(batch), batch.get("inputs", batch)
    return any(tensor.ndim and len(tensor) == rows for tensor in tensors_in(inputs))


def tensors_in(value: Any) -> list[torch.Tensor]:
    """All tensors in nested containers."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return []
    return [tensor for item in value for tensor in tensors_in(item)]


def _cut(value: Any, start: int, stop: int, rows: int) -> Any:
    """Rows `start` to `stop` of nested tensors; what has other rows, or none, stays whole."""
    if isinstance(value, torch.Tensor):
        return value[start:stop] if value.ndim and len(value) == rows else value
    if isinstance(value, Mapping):
        return {name: _cut(item, start, stop, rows) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_cut(item, start, stop, rows) for item in value)
    return value


def _trimmed(parts: list[Batch], batch: Batch) -> list[Batch]:
    """The pieces of a padded batch without the columns that only longer rows of other pieces need."""
    mask_BT = batch["attention_mask"]
    columns = torch.arange(1, mask_BT.shape[1] + 1, device=mask_BT.device)
    # One read for all pieces: on a GPU each would wait for the device.
    lengths = ((mask_BT != 0) * columns).amax(1).tolist()
    done = []
    for part in parts:
        count = len(part["attention_mask"])
        longest, lengths = max(1, *lengths[:count]), lengths[count:]
        done.append({name: _columns(value, longest, mask_BT.shape[1]) for name, value in part.items()})
    return done


def _columns(value: torch.Tensor, longest: int, width: int) -> torch.Tensor:
    return value[:, :longest] if value.ndim > 1 and value.shape[1] == width else value
