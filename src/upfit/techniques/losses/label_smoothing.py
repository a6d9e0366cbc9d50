"""Label smoothing: targets that are not quite certain."""

from __future__ import annotations

import torch

from upfit.techniques.card import Card


def smooth_labels(targets_BK: torch.Tensor, label_smoothing: float) -> torch.Tensor:
    """0/1 targets (B, K) pulled towards 1/2: 0 becomes s/2, 1 becomes 1 - s/2.

    Classes that exclude each other are smoothed inside `cross_entropy`, towards 1/K.

    Example:
        >>> smooth_labels(torch.tensor([[0.0, 1.0]]), 0.2)
        tensor([[0.1000, 0.9000]])
    """
    return targets_BK * (1 - label_smoothing) + label_smoothing / 2


CARD = Card(
    name="label_smoothing",
    switch="loss.label_smoothing=",
    example="loss.label_smoothing=0.1",
    row="T3",
    what="Gives a fraction of every target to the other classes, so that no logit has to grow without end.",
    when="A network fits its training rows perfectly and is too sure of itself; a few labels are wrong.",
    when_not="Probabilities have to be sharp, or the model is to be a teacher: smoothing hides how classes "
    "resemble each other.",
    combine="With cross_entropy, binary_cross_entropy, class_balanced (gamma 0) and logit_adjusted; other "
    "losses refuse it. Beside mixup and cutmix a smaller value does.",
    source="Szegedy et al. 2016; Müller et al. 2019",
)
