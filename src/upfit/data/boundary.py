"""Examples as a network sees them behind its frozen prefix: activations that were computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from upfit.data.examples import Batch, Examples

BOUNDARY = "boundary"
"""The key of kept activations (B, …) in a batch."""
PLAIN = -1
"""The number of the view that is not varied."""


@dataclass(frozen=True, eq=False)
class Activations:
    """Activations of every example of one view.

    Args:
        values: (N, …); of texts (tokens, D), one example behind the other. Float32, or the bits of
            bfloat16 as uint16. Images are kept channels-last (N, H, W, C).
        starts: (N+1,) where each text begins and the last one ends; None where all are of one shape.
    """

    values: npt.NDArray[Any]
    starts: npt.NDArray[np.int64] | None = None

    def get(self, position: int) -> npt.NDArray[Any]:
        """Those of one example."""
        if self.starts is None:
            found: npt.NDArray[Any] = self.values[position]
            return found
        tokens: npt.NDArray[Any] = self.values[self.starts[position] : self.starts[position + 1]]
        return tokens


class BoundaryExamples:
    """Activations at a boundary, with what the layers behind it need beside them.

    Args:
        inner: The examples that the activations were computed from; asked for tokens of texts, never for
            pixels.
        views: Activations by the number of the view; `PLAIN` are those of examples as they are.
        image_like: Activations are feature maps, kept channels-last.
    """

    def __init__(
        self, inner: Examples, views: Mapping[int, Activations], *, image_like: bool = False
    ) -> None:
        self.inner = inner
        self.views = views
        self.image_like = image_like
        self.lengths = inner.lengths

    def __len__(self) -> int:
        return len(self.inner)

    def get(self, position: int, rng: np.random.Generator | None) -> Any:
        """One example as it is."""
        return self.view(position, PLAIN, None)

    def view(self, position: int, number: int, rng: np.random.Generator | None) -> Any:
        """Tokens of a text (or None) and activations of one example in one view."""
        kept = self.views[number if number in self.views else PLAIN]
        tokens = self.inner.get(position, rng) if kept.starts is not None else None
        return tokens, kept.get(position)

    def collate(self, examples: Sequence[Any]) -> Batch:
        """`boundary` (B, …) beside tokens and masks; texts padded with zeros to the longest of the batch."""
        tokens, values = [one[0] for one in examples], [one[1] for one in examples]
        if tokens[0] is None:
            stacked = _as_floats(torch.from_numpy(np.stack(values)))
            # Strides tell the layout: the layers behind find channels-last, and nothing is copied.
            return {BOUNDARY: stacked.permute(0, 3, 1, 2) if self.image_like else stacked}
        longest = max(len(value) for value in values)
        padded_BTD = np.zeros((len(values), longest, values[0].shape[1]), values[0].dtype)
        for row, value in enumerate(values):
            padded_BTD[row, : len(value)] = value
        return {**self.inner.collate(tokens), BOUNDARY: _as_floats(torch.from_numpy(padded_BTD))}


def to_kept(hidden: torch.Tensor, *, bf16: bool) -> npt.NDArray[Any]:
    """A tensor of activations as it is kept: float32, or the bits of bfloat16 as uint16."""
    if bf16:
        bits: npt.NDArray[Any] = hidden.to(torch.bfloat16).contiguous().view(torch.uint16).numpy()
        return bits
    return hidden.float().contiguous().numpy()


def _as_floats(kept: torch.Tensor) -> torch.Tensor:
    return kept.view(torch.bfloat16).float() if kept.dtype == torch.uint16 else kept
