"""Do weights answer that are neither in the model nor in the optimizer?"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from upfit.diagnose.preflight.subject import Subject

MOST = 100_000
"""Nodes of a graph that are gone through."""


def measure(subject: Subject) -> dict[str, float]:
    """Weights that the answer's graph ends in and that `parameters()` does not give, by element.

    Layers in a plain list or dict are called, get gradients, and are in no optimizer, no `state_dict`, no
    `.to(device)`. The graph of the answer is read, not that of the loss, which may have weights of its own;
    what an optimizer holds learns after all. Where several processes train one model it may answer with
    weights that were gathered for the pass alone, so that nothing is told there.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return {}
    subject.model.train()
    answer = subject.calls.answer(subject.batches[0])
    known = {id(p) for p in subject.model.parameters()}
    known |= {id(p) for one in subject.optimizers for group in one.param_groups for p in group["params"]}
    used = _leaves(answer.grad_fn)
    strange = sum(p.numel() for p in used if id(p) not in known)
    return {"outside.share": strange / max(1, sum(p.numel() for p in used))}


def _leaves(node: Any) -> list[nn.Parameter]:
    """The parameters at the ends of a graph."""
    seen, waiting, found = {node}, [node], {}
    while waiting and len(seen) < MOST:
        here = waiting.pop()
        leaf = getattr(here, "variable", None)
        if isinstance(leaf, nn.Parameter):
            found[id(leaf)] = leaf
        after = [one for one, _ in getattr(here, "next_functions", ()) if one is not None]
        new = [one for one in after if one not in seen]
        seen.update(new)
        waiting += new
    return list(found.values())
