"""What an exception says about the cause."""

from __future__ import annotations

import torch

MEMORY = (
    "out of memory",
    "cannot allocate memory",
    "can't allocate memory",
    "not enough memory",
    "alloc_failed",
)
UNIT_INTERVAL = ("between 0 and 1", "should be in range [0, 1]", "in the interval [0, 1]")
CLASS_RANGE = ("out of bounds", "index out of range in self")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out: by its type or the known texts, never a shape error."""
    if isinstance(error, torch.cuda.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError | OSError) and any(known in text for known in MEMORY)


def facts_of_failure(error: BaseException) -> dict[str, float]:
    """Numbers for the rules: what kind of failure a forward pass or a loss ended in."""
    text = str(error).lower()
    if is_out_of_memory(error):
        return {"failure.memory": 1.0}
    if any(known in text for known in UNIT_INTERVAL):
        return {"failure.not_shares": 1.0}
    if "target" in text and any(known in text for known in CLASS_RANGE):
        return {"failure.labels_outside": 1.0}
    return {}
