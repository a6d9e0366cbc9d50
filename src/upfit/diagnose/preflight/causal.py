"""Does a language model see the token it has to predict?"""

from __future__ import annotations

import torch

from upfit.diagnose.preflight.calls import Example
from upfit.diagnose.preflight.place import mapped
from upfit.diagnose.preflight.subject import Subject


@torch.no_grad()
def measure(subject: Subject) -> dict[str, float]:
    """Change the last tokens of each row; what is said about earlier places must stay as it was.

    Only where the targets are the inputs moved by one place: labels of a whole text may look anywhere.
    """
    subject.model.eval()
    example = subject.batches[0]
    tokens = _tokens(example)
    if tokens is None:
        return {}
    length = tokens.shape[1]
    if length < 4 or not _is_next_token(tokens, example.target):
        return {"causal.next_token": 0.0}
    cut = length - length // 3

    def later(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.shape != tokens.shape or tensor.is_floating_point() or tensor.dtype == torch.bool:
            return tensor
        changed = tensor.clone()
        changed[:, cut:] = tensor[:, cut:].flip(1).roll(1, 0)
        return changed

    before = _by_place(subject.calls.answer(example), len(tokens), length)
    after = _by_place(
        subject.calls.answer(Example(mapped(example.inputs, later), example.target)), len(tokens), length
    )
    if before is None or after is None:
        return {"causal.next_token": 1.0}
    change = float((after - before)[:, :cut].abs().max())
    return {"causal.next_token": 1.0, "causal.change": change / max(float(before.std()), 1e-12)}


def foretells(example: Example) -> bool:
    """Whether the answer at each place is the next token: a language model, whatever it is called."""
    tokens = _tokens(example)
    return tokens is not None and tokens.shape[1] > 3 and _is_next_token(tokens, example.target)


def _tokens(example: Example) -> torch.Tensor | None:
    from upfit.diagnose.preflight.calls import tensors_in

    found = [t for t in tensors_in(example.inputs) if t.ndim == 2 and not t.is_floating_point()]
    return found[0] if found else None


def _is_next_token(tokens: torch.Tensor, target: object) -> bool:
    """Whether targets are the tokens moved by one, or the tokens themselves (moved by the model's loss)."""
    if not isinstance(target, torch.Tensor) or target.numel() != tokens.numel():
        return False
    target = target.reshape(tokens.shape)
    # Places that a loss leaves out (-100, usually) say nothing.
    known = target >= 0
    if not known[:, :-1].any():
        return False
    moved = float((target[:, :-1] == tokens[:, 1:])[known[:, :-1]].float().mean())
    same = float((target == tokens)[known].float().mean())
    return moved > 0.9 or same > 0.9


def _by_place(answer: torch.Tensor, rows: int, length: int) -> torch.Tensor | None:
    """Outputs as (rows, length, classes), from any usual layout."""
    if answer.ndim == 2 and len(answer) == rows * length:
        return answer.reshape(rows, length, -1).float()
    if answer.ndim == 3 and answer.shape[:2] == (rows, length):
        return answer.float()
    if answer.ndim == 3 and answer.shape[0] == rows and answer.shape[2] == length:
        return answer.transpose(1, 2).float()
    if answer.ndim == 3 and answer.shape[:2] == (length, rows):
        return answer.transpose(0, 1).float()
    return None
