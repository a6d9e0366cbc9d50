"""May images be mirrored? Asked of the probe before training, not assumed."""

from __future__ import annotations

import numpy as np
from PIL import ImageOps

from upfit.data.examples import ImageExamples
from upfit.measure import paired_gain
from upfit.models.image_backbone import ImageBackbone
from upfit.train.fitted import Fitted
from upfit.train.infer import outputs
from upfit.train.workbench import Workbench
from upfit.values import Estimate

IMAGES = 400
"""Validation images that are mirrored at most."""


def mirror_loss(bench: Workbench, backbone: ImageBackbone, probe: Fitted, metric: str) -> Estimate:
    """What the probe loses on mirrored validation images, with its interval.

    A loss beyond noise (`low > 0`) says that mirroring changes labels: a "b" would become a "d".
    """
    rows = bench.split.validation
    chosen = np.linspace(0, len(rows) - 1, min(IMAGES, len(rows))).astype(np.int64)
    size = bench.recipe.inputs.image_size
    assert size != "auto"
    examples = ImageExamples(
        bench.data,
        rows[chosen],
        size=size,
        mean=backbone.inputs.mean,
        std=backbone.inputs.std,
        always=ImageOps.mirror,
        decoder=bench.decoder(backbone),
    )
    features = outputs(backbone, bench.evaluation_loader(examples), bench.world)
    mirrored = bench.objective.scores(probe.head().logits(features))
    return paired_gain(
        bench.data.schema.task, metric, probe.scores[chosen], mirrored, bench.validation_targets[chosen]
    )
