"""What a recipe leaves to be asked of the data about augmentation, answered before training."""

from __future__ import annotations

import numpy as np

from upfit.models.backbone import Backbone
from upfit.train.features import cached_features
from upfit.train.fitted import Fitted
from upfit.train.label_keeping import MOST_ROWS, Judge, effect_of, judge_of, varied_features
from upfit.train.policy_probe import (
    Ground,
    Held,
    Trial,
    judge_out_of_fold,
    sampled,
    try_transforms,
    verdict_of,
)
from upfit.train.whole_policy import Whole, whole_policy
from upfit.train.workbench import Workbench
from upfit.values import Finding, Transform

SHARE = 0.05
"""Greatest part of the time left that trying transforms may take."""
FEWEST = 60
"""Examples below which a trial tells nothing."""
TELLING = 200
"""Validation examples that are enough to ask."""
MIRROR = Transform(name="flip", strength=1)


def with_measured_policy(
    bench: Workbench, backbone: Backbone, probe: Fitted, *, left: float | None
) -> tuple[Workbench, tuple[Finding, ...]]:
    """The bench with the questions of `augment` answered: whether to mirror, or the whole policy.

    Args:
        bench: With settled inputs.
        backbone: Frozen.
        probe: Fitted on the training rows.
        left: Seconds left; None for no limit.

    Returns:
        The bench, and what was found.
    """
    augment = bench.recipe.augment
    if augment.policy == "measured":
        return _measured(bench, backbone, probe, bench.world.agree(left))
    if augment.asks_for_flip and backbone.modality == "image":
        # Without time nothing will be tuned that could be mirrored.
        spent = bench.world.agree(left is not None and left <= 0)
        augment = augment.replace(flip=not spent and may_mirror(bench, backbone, probe))
    return bench.with_recipe(bench.recipe.replace(augment=augment)), ()


def may_mirror(bench: Workbench, backbone: Backbone, probe: Fitted) -> bool:
    """Whether labels survive mirroring: asked on validation, and where that is small, of training rows."""
    judge = (
        judge_of(bench, probe)
        if len(bench.split.validation) >= TELLING
        else _judge_of_training(bench, backbone, probe)
    )
    varied = varied_features(bench, backbone, judge.rows, MIRROR)
    effect = effect_of(judge, MIRROR, varied, task=bench.data.schema.task)
    return verdict_of(effect) == "keeps"


def _judge_of_training(bench: Workbench, backbone: Backbone, probe: Fitted) -> Judge:
    features_ND, _ = cached_features(bench, backbone, bench.split.train)
    sample = sampled(bench.split.train, np.asarray(features_ND), bench.train_targets)
    outputs, firmness = bench.data.schema.outputs, probe.head().firmness
    return judge_out_of_fold(sample, bench.objective, outputs=outputs, firmness=firmness)


def _measured(
    bench: Workbench, backbone: Backbone, probe: Fitted, left: float | None
) -> tuple[Workbench, tuple[Finding, ...]]:
    rows = bench.split.train
    seconds = None if left is None else SHARE * left
    bench.watcher.stage("trying ways of varying examples")
    features_ND, _ = cached_features(bench, backbone, rows)
    most = _affordable(probe.facts["forward_seconds"], seconds)
    trials: tuple[Trial, ...] = ()
    whole = Whole()
    if min(most, len(rows)) >= FEWEST:
        sample = sampled(rows, np.asarray(features_ND), bench.train_targets, most=most)
        ground = Ground(bench, backbone, sample, bench.objective, _held(bench, backbone))
        trials = try_transforms(ground, seconds=seconds)
        whole = whole_policy(ground, trials)
    policy = whole.policy
    augment = bench.recipe.augment.replace(policy=policy or "none")
    used = ", ".join(f"{one.name} {one.strength:g}" for one in policy) or "none"
    refused = sorted({one.effect.transform.name for one in trials} - {one.name for one in policy})
    text = f"augmentation measured on these data: {used}"
    text += f"; refused: {', '.join(refused)}" if refused else ""
    text += f"; {whole.sentence}" if whole.sentence else ""
    bench.watcher.note(text)
    finding = Finding(kind="augmentation_measured", severity="info", message=text)
    return bench.with_recipe(bench.recipe.replace(augment=augment)), (finding,)


def _held(bench: Workbench, backbone: Backbone) -> Held | None:
    """Validation rows, whose features the probe left in the cache."""
    rows = bench.split.validation
    if len(rows) < FEWEST:
        return None
    return Held(np.asarray(cached_features(bench, backbone, rows)[0]), bench.validation_targets)


def _affordable(forward_seconds: float, seconds: float | None) -> int:
    """Examples that can be varied some twenty times in the time there is."""
    if seconds is None or forward_seconds <= 0:
        return MOST_ROWS
    return int(min(MOST_ROWS, seconds / (20 * forward_seconds)))
