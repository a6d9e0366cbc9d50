"""Trace: what was observed while a run trained, step by step."""

from __future__ import annotations

import math
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
class Health:
    """One look inside the network, just before optimiser step `step`.

    What was not looked at is empty or NaN: nothing may be concluded from it.

    Args:
        step: Count of steps taken when the look was made, this one included.
        gradient_norms: Layer → L2 norm of the gradient of its weights, layers from input to output.
        weight_norms: Layer → L2 norm of its weights.
        update_ratios: Layer → size of the last step's change of its weights over their size.
        rates: Layer → learning rate of its weights in that step, the greatest where there are several.
        dead: Rectifier → fraction of its units that are above zero on fewer than 1 % of the probe examples.
        saturated: Sigmoid or tanh → fraction of its outputs within 1 % of an end of its range.
        means: Layer → mean of its outputs on the probe examples; `spreads` their standard deviations.
        train_mode_loss: Loss of the probe examples in training mode; `evaluation_mode_loss` in the other.
        train_metric: Accuracy (R² for regression) on the probe examples in evaluation mode.
        examples: Probe examples; 0 where none were shown.
        every: Steps between looks at that time, as their measured cost made it; 0 before that was known.
        seconds: What a look at gradients and weights cost.
    """

    step: int
    gradient_norms: dict[str, float] = field(default_factory=dict)
    weight_norms: dict[str, float] = field(default_factory=dict)
    update_ratios: dict[str, float] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    dead: dict[str, float] = field(default_factory=dict)
    saturated: dict[str, float] = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    spreads: dict[str, float] = field(default_factory=dict)
    train_mode_loss: float = math.nan
    evaluation_mode_loss: float = math.nan
    train_metric: float = math.nan
    examples: int = 0
    every: int = 0
    seconds: float = math.nan


@dataclass(frozen=True)
class Trace:
    """All records of a run, each kind in order of step."""

    steps: tuple[Step, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    events: tuple[Event, ...] = ()
    healths: tuple[Health, ...] = ()

    def __repr__(self) -> str:
        counts = {
            "steps": self.steps,
            "evaluations": self.evaluations,
            "events": self.events,
            "looks": self.healths,
        }
        return f"Trace({', '.join(f'{len(kept):,} {name}' for name, kept in counts.items())})"

    def facts(self) -> dict[str, float]:
        """Numbers that one-step tests measured, by name; where one was measured twice, the later.

        They are carried by events of kind `measured`.
        """
        found: dict[str, float] = {}
        for event in self.events:
            if event.kind == "measured":
                found.update(event.data)
        return found
