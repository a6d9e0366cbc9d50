"""What rules have to know of a run of ours beside its curves: the probe's score, the recipe's numbers."""

from __future__ import annotations

import numpy as np

from upfit.measure import metrics
from upfit.models import Backbone
from upfit.techniques.optimizers import ADAM_LIKE, COUPLED
from upfit.train.fitted import Fitted
from upfit.train.infer import outputs
from upfit.train.label_keeping import View
from upfit.train.workbench import Workbench
from upfit.values import Event, Recipe

REFERENCE = "the linear probe, for comparison"
"""Marks the record of what tuning is compared with."""
SETTINGS = "the recipe's numbers that rules ask for"
USUAL = ("none", "light", "auto")
"""Policies that are not put to the test."""
FEWEST, MOST = 40, 100
"""Validation examples that are varied, to see whether they still look like their class."""


def reference_of(bench: Workbench, probe: Fitted) -> Event:
    """What the linear probe reaches, as the score that tuning has to be compared with."""
    truth = bench.validation_targets
    found = metrics(bench.data.schema.task, probe.scores, truth)
    name = "r2" if bench.data.schema.task == "regression" else "accuracy"
    facts = {"validation.examples": float(len(truth))}
    if name in found and np.isfinite(found[name]):
        facts["reference.score"] = float(found[name])
    return Event(0, "measured", REFERENCE, facts)


def settings_of(recipe: Recipe) -> Event:
    """The numbers of a settled recipe that rules ask for.

    >>> sorted(settings_of(Recipe()).data)
    ['recipe.decoupled', 'recipe.dropout']
    """
    chosen, clip = recipe.optimizer, recipe.technique("clip")
    dropouts = [value for value in (recipe.head.dropout, recipe.layers.dropout) if not isinstance(value, str)]
    facts = {
        "recipe.dropout": float(max(dropouts)),
        "recipe.decoupled": float(chosen.name.lower() not in COUPLED),
    }
    if not isinstance(recipe.loss.label_smoothing, str):
        facts["recipe.label_smoothing"] = float(recipe.loss.label_smoothing)
    if not isinstance(chosen.weight_decay, str):
        facts["recipe.weight_decay"] = float(chosen.weight_decay)
    penalty = recipe.technique("l2")
    if penalty is not None:
        facts["recipe.l2"] = float(penalty.settings.get("strength", 0.0))
    # Adam divides by the size of gradients: for it clipping is no matter of size.
    if clip is not None and chosen.name.lower() not in ADAM_LIKE and "norm" in clip.settings:
        facts["recipe.clip"] = float(clip.settings["norm"])
    return Event(0, "measured", SETTINGS, facts)


def augmentation_of(
    bench: Workbench, backbone: Backbone, probe: Fitted, *, seconds: float
) -> dict[str, float]:
    """Whether the probe still knows validation examples that are varied as training ones are (affinity).

    Only policies beyond the usual are tested, on at most a hundred examples, and nothing where that takes
    longer than `seconds`. Source: Gontijo-Lopes et al. 2020, arXiv:2002.08973.
    """
    augment, task = bench.recipe.augment, bench.data.schema.task
    if (augment.policy in USUAL and augment.flip is not True) or task not in ("binary", "multiclass"):
        return {}
    per_example = max(probe.facts.get("forward_seconds", 0.0), 1e-6)
    count = min(MOST, len(bench.validation_targets), int(seconds / per_example))
    if count < FEWEST:
        return {}
    chosen = np.linspace(0, len(bench.split.validation) - 1, count).astype(np.int64)
    loader = bench.evaluation_loader(bench.examples(backbone, bench.split.validation[chosen], varied=True))
    backbone.to(bench.world.device)
    varied = bench.objective.scores(probe.head().logits(outputs(backbone, View(loader, 0), bench.world)))
    truth = bench.validation_targets[chosen]
    return {
        "augment.varies": 1.0,
        "augment.plain_score": float(metrics(task, probe.scores[chosen], truth)["accuracy"]),
        "augment.score": float(metrics(task, varied, truth)["accuracy"]),
    }
