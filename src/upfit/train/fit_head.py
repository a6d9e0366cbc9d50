"""The linear head that a recipe asks for, on features: weighted and shifted as its loss and sampler mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.techniques.losses.quantile import Quantile
from upfit.techniques.losses.rows import bias_shift, row_weights
from upfit.techniques.samplers import chances_of
from upfit.train.firmness import Firmness
from upfit.train.logistic import Features
from upfit.train.probe import Probe, fit_probe
from upfit.train.workbench import Workbench


def fit_head(bench: Workbench, features_ND: Features, *, firmness: Firmness | None = None) -> Probe:
    """Fit a linear head to the training rows.

    A weighted loss weighs rows here too, an adjusted one shifts the biases, and of a quantile the intercept
    is moved to that of the residuals: else candidates would compete that answer another question.

    Args:
        bench: Recipe, targets and objective.
        features_ND: (N, D) features of the training rows.
        firmness: How firmly it is held; cross-validated where missing.
    """
    loss, facts = bench.recipe.loss, bench.objective.known
    probe = fit_probe(
        features_ND,
        bench.train_targets,
        bench.objective,
        outputs=bench.data.schema.outputs,
        seed=bench.recipe.seed,
        firmness=firmness,
        weights=_weights(bench),
    )
    shift = bias_shift(loss, facts)
    if loss.name == "quantile":
        residuals = bench.objective.encode(bench.train_targets) - probe.logits(features_ND)[:, 0].numpy()
        shift = np.quantile(residuals, [Quantile(**loss.settings).quantile])
    return probe if shift is None else replace(probe, bias=(probe.bias + shift).astype(np.float32))


def _weights(bench: Workbench) -> npt.NDArray[Any] | None:
    """How much each row counts, by loss and sampler."""
    weights = row_weights(bench.recipe.loss, bench.objective.known, bench.train_targets)
    chances = chances_of(bench.recipe.batching.sampler, bench.train_targets)
    if chances is None:
        return weights
    drawn = chances * len(chances)
    return drawn if weights is None else drawn * weights
