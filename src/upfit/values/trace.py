"""Trace: what was observed while a run trained, step by step."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One optimiser step.

    Args:
        step: Count of steps taken, from 1.
        epoch: Passes over the training rows so far, fractional.
        loss: Mean loss over the batch.
        lr: Learning rate of the head's parameters.
        gradient_norm: L2 norm over all gradients before clipping; NaN where nothing measured it.
        examples: Examples in the batch, over all processes.
        seconds: Training seconds so far, evaluations and earlier sessions included.
        rss_mb: Resident memory of this process, in MiB.
    """

    step: int
    epoch: float
    loss: float
    lr: float
    gradient_norm: float
    examples: int
    seconds: float
    rss_mb: float


@dataclass(frozen=True)
class Evaluation:
    """Validation after `step` steps: mean loss, metrics by name, and whether it is the best so far."""

    step: int
    epoch: float
    loss: float
    metrics: dict[str, float]
    best: bool
    seconds: float


@dataclass(frozen=True)
class Event:
    """Something that bent or ended the run: the plan changed, it was resumed, it stopped early.

    `data` holds what replaying needs, e.g. `{"total_steps": 180}` for kind `plan`.
    """

    step: int
    kind: str
    text: str
    data: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trace:
    """All records of a run, each kind in order of step."""

    steps: tuple[Step, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    events: tuple[Event, ...] = ()
