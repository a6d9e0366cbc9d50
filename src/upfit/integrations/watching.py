"""What both callbacks do with a Doctor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn

from upfit.diagnose.doctor import Doctor
from upfit.diagnose.preflight.calls import Forward
from upfit.integrations.twin import twin_of
from upfit.values import Finding

LOG = logging.getLogger("upfit")
SHARE = 0.005
"""Fraction of the training time that looks inside the network may take. The step after a look is slower, too,
because the look has taken its place in the caches: together that is about 1 %."""


@dataclass(frozen=True)
class Wishes:
    """What the user of a callback may say; the rest is read from the trainer.

    Args:
        task: As in `Doctor`.
        loss_fn: `loss_fn(model(x), y)`, where the model does not return its loss.
        forward: `forward(model, batch) -> (output, target)`.
        preflight: Seconds that each one-step test which trains a little may take; 0 runs none of them.
        pretrained: Whether the weights were to be loaded from a checkpoint.
        frozen: Name prefixes of parameters that are frozen on purpose.
    """

    task: str = "classification"
    loss_fn: Callable[..., Any] | None = None
    forward: Forward | None = None
    preflight: float = 0.0
    pretrained: bool | None = None
    frozen: Iterable[str] = ()


class Attended:
    """What both callbacks are: the wishes of their user, and a Doctor once training has begun."""

    wishes: Wishes
    doctor: Doctor | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, causes first; empty before training."""
        return () if self.doctor is None else self.doctor.findings

    def report(self) -> str:
        """The diagnosis as text."""
        return "Nothing was watched yet." if self.doctor is None else self.doctor.report()


def begin(
    wishes: Wishes, model: nn.Module, optimizers: tuple[Any, ...], *, train: Any, validation: Any
) -> Doctor:
    """A Doctor at the model's bedside, its one-step tests done where they were asked for."""
    doctor = Doctor(
        model,
        optimizers,
        wishes.loss_fn,
        twin_of(train),
        twin_of(validation),
        task=wishes.task,
        forward=wishes.forward,
        pretrained=wishes.pretrained,
        frozen=wishes.frozen,
        share=SHARE,
    )
    if wishes.preflight:
        _tell(doctor.preflight(seconds=wishes.preflight))
    return doctor


def end(doctor: Doctor) -> None:
    """Take the hooks away, and say what was found."""
    doctor.close()
    # What was seen has to do: another look inside would be time of the training.
    _tell(doctor.diagnosis.findings)


def _tell(findings: Iterable[Any]) -> None:
    for finding in findings:
        if not finding.causes:
            LOG.warning("%s: %s", finding.kind, finding.message)
