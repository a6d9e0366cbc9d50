"""What a loss means to a linear model fitted outside the loop: weights of rows, a shift of the biases."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.techniques.losses.class_balanced import ClassBalanced, effective_weights
from upfit.techniques.losses.class_weights import class_weights, label_weights
from upfit.techniques.losses.facts import Facts
from upfit.techniques.losses.logit_adjusted import LogitAdjusted, log_priors
from upfit.values.loss import Loss

Array = npt.NDArray[Any]


def row_weights(chosen: Loss, facts: Facts, targets: Array) -> Array | None:
    """How much each training row counts: (N,), for labels (N, K), or None where all count alike.

    Args:
        chosen: The recipe's loss.
        facts: About the training rows.
        targets: Their raw targets.

    Example:
        >>> targets = np.array([0, 0, 0, 1])
        >>> row_weights(Loss(class_weights="auto"), Facts.of("binary", targets), targets).round(2)
        array([0.67, 0.67, 0.67, 2.  ])
    """
    if chosen.name == "class_balanced":
        return effective_weights(facts.counts, beta=ClassBalanced(**chosen.settings).beta)[targets]
    if chosen.class_weights == "none":
        return None
    if facts.task == "multilabel":
        present, absent = label_weights(chosen.class_weights, facts)
        return np.where(targets > 0.5, present, absent)
    return np.asarray(class_weights(chosen.class_weights, facts)[targets])


def bias_shift(chosen: Loss, facts: Facts) -> Array | None:
    """(K,) that a plain classifier's biases need to be one of the loss; None for nothing.

    Training on logits + tau · log prior leaves logits - tau · log prior: Menon et al. 2021 apply the same
    shift to classifiers that were trained without it.
    """
    if chosen.name != "logit_adjusted":
        return None
    return -log_priors(facts.counts, tau=LogitAdjusted(**chosen.settings).tau)
