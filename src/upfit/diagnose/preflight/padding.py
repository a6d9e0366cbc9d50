"""Is the padding behind short texts read as if it were text?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from upfit.diagnose.preflight.calls import Example, tensors_in
from upfit.diagnose.preflight.place import mapped
from upfit.diagnose.preflight.subject import Subject

SHORTEST = 2
"""Rows that are needed: of one alone it is not known what they differ by."""


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """Take off the padding that all of the shorter half have in common: do their answers change?

    The change is counted in units of what answers differ by. Shares of padding: among training tokens, and
    among validation tokens.
    """
    tokens = _tokens(subject.batches[0]) if subject.batches else None
    if tokens is None:
        return {}
    filler, lengths = _filler(tokens.cpu().numpy()), None
    if filler is None:
        return {}
    lengths = torch.as_tensor(_lengths(tokens.cpu().numpy(), filler))
    shorter = torch.argsort(lengths)[: max(SHORTEST, len(lengths) // 2)]
    length, full = int(lengths[shorter].max()), tokens.shape[1]
    if len(shorter) < SHORTEST or not 0 < length < full:
        return {}
    subject.model.eval()
    padded = _answer(subject, tokens, shorter, full)
    trimmed = _answer(subject, tokens, shorter, length)
    spread = float(trimmed.std(0).mean())
    if padded.shape != trimmed.shape or not spread:
        return {}
    facts = {"padding.read": float((padded - trimmed).abs().mean()) / spread}
    for name, found in (("share", subject.surveyed), ("held_share", subject.surveyed_validation)):
        if found.inputs.ndim == 2 and found.inputs.size:
            facts[f"padding.{name}"] = (
                1 - float(_lengths(found.inputs, filler).mean()) / found.inputs.shape[1]
            )
    return facts


def _tokens(example: Example) -> torch.Tensor | None:
    """The (B, T) integers of a batch whose targets are not tokens themselves."""
    found = [t for t in tensors_in(example.inputs) if t.ndim == 2 and not t.is_floating_point()]
    answers = [t for t in tensors_in(example.target) if found and t.numel() >= found[0].numel()]
    return found[0] if found and not answers else None


def _filler(tokens: npt.NDArray[np.generic]) -> float | None:
    """What most rows end with more than once: padding."""
    ends = tokens[tokens[:, -1] == tokens[:, -2], -1] if tokens.shape[1] > 1 else tokens[:0, 0]
    values, counts = np.unique(ends, return_counts=True)
    return float(values[counts.argmax()]) if len(values) and counts.max() >= SHORTEST else None


def _lengths(tokens: npt.NDArray[np.generic], filler: float) -> npt.NDArray[np.int64]:
    """Tokens of each row up to the last that is no padding."""
    is_text = tokens != filler
    return np.where(is_text.any(1), tokens.shape[1] - is_text[:, ::-1].argmax(1), 0)


def _answer(subject: Subject, tokens: torch.Tensor, rows: torch.Tensor, length: int) -> torch.Tensor:
    example, shape = subject.batches[0], tokens.shape

    def cut(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor[rows] if tensor.ndim and len(tensor) == shape[0] else tensor
        return tensor[:, :length] if tensor.ndim > 1 and tensor.shape[1] == shape[1] else tensor

    torch.manual_seed(0)
    return subject.calls.answer(Example(mapped(example.inputs, cut), example.target)).float()
