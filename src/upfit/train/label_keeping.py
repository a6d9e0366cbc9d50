"""Does varying an example keep its label? Asked of heads on frozen features that did not learn from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from upfit.data.loader import Loader
from upfit.measure import metrics, paired_gain, telling_metric
from upfit.measure.proportions import wilson
from upfit.models.backbone import Backbone
from upfit.train.fitted import Fitted
from upfit.train.infer import outputs
from upfit.train.logistic import Features
from upfit.train.workbench import Workbench
from upfit.train.world import Batch
from upfit.values import Augment, Estimate, Rows, Task, Transform

MOST_ROWS = 400
"""Examples that are varied at most: a few hundred tell a changed label from an unchanged one."""
Scores = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Judge:
    """Examples with someone who answers for them without having learnt from them.

    Args:
        rows: (N,) rows of the data.
        targets: (N,) or (N, K) their targets.
        scores: (N, K) answers for the examples as they are.
        answer: (N, D) features of the same examples, varied, → (N, K) answers.
    """

    rows: Rows
    targets: npt.NDArray[Any]
    scores: Scores
    answer: Callable[[Features], Scores]


@dataclass(frozen=True)
class Effect:
    """What became of the answers when every example was varied.

    Args:
        transform: How they were varied.
        same: Share of answers that stayed the same, with its interval; None for regression.
        stayed: The same of answers that were right and had more than half of the chances; None where classes
            are not what is predicted, or there were no such answers.
        loss: What the metric lost, paired over examples, with its interval; above 0 is worse.
        before: The metric before.
    """

    transform: Transform
    same: Estimate | None
    stayed: Estimate | None
    loss: Estimate
    before: float


def judge_of(bench: Workbench, probe: Fitted, *, most: int = MOST_ROWS) -> Judge:
    """Validation rows, answered for by the probe."""
    rows = bench.split.validation
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)
    head = probe.head()

    def answer(features_ND: Features) -> Scores:
        return bench.objective.scores(head.logits(features_ND))

    return Judge(rows[chosen], bench.validation_targets[chosen], probe.scores[chosen], answer)


def effect_of(
    judge: Judge, transform: Transform, features_ND: Features, *, task: Task, metric: str | None = None
) -> Effect:
    """What varying the judge's examples does to the answers.

    A loss beyond noise (`loss.low > 0`) of mirrored images says that mirroring changes labels: a "b" would
    become a "d".

    Args:
        judge: Examples with their answers.
        transform: How they were varied, every one of them.
        features_ND: Their features after that, from `varied_features`.
        task: What is predicted.
        metric: What is compared; the one that tells first, where missing.
    """
    metric = metric or telling_metric(task)
    varied = judge.answer(features_ND)
    loss = paired_gain(task, metric, judge.scores, varied, judge.targets)
    before = metrics(task, judge.scores, judge.targets, also=metric)[metric]
    stayed = _stayed(task, judge, varied)
    return Effect(transform, _same(task, judge.scores, varied), stayed, loss, before)


def varied_features(
    bench: Workbench, backbone: Backbone, rows: Rows, transform: Transform, *, view: int = 0
) -> Features:
    """(N, D) features of rows, each varied once by one transform; see `varied_by`."""
    return varied_by(bench, backbone, rows, (transform,), view=view)


def varied_by(
    bench: Workbench, backbone: Backbone, rows: Rows, policy: tuple[Transform, ...], *, view: int = 0
) -> Features:
    """(N, D) features of rows, each varied once by its own random numbers, just as training varies them.

    Args:
        bench: With settled inputs.
        backbone: Frozen.
        rows: (N,).
        policy: What is done to each, in order.
        view: Another number gives other variations.
    """
    varied = bench.with_recipe(bench.recipe.replace(augment=Augment(policy=policy)))
    loader = varied.evaluation_loader(varied.examples(backbone, rows, varied=True))
    backbone.to(bench.world.device)
    return outputs(backbone, View(loader, view), bench.world)


@dataclass(frozen=True, eq=False)
class View:
    """Every example once, in one of its variations."""

    loader: Loader
    number: int

    @property
    def count(self) -> int:
        """Number of examples."""
        return self.loader.count

    def once(self) -> Iterator[Batch]:
        """The batches."""
        return self.loader.once(view=self.number)


def _stayed(task: Task, judge: Judge, varied: Scores) -> Estimate | None:
    """Unsure answers turn when anything turns: sure ones only when the example becomes something else."""
    if task not in ("binary", "multiclass"):
        return None
    best = judge.scores.argmax(1)
    sure = (best == judge.targets) & (judge.scores.max(1) > 0.5)
    return wilson(float((varied.argmax(1) == best)[sure].sum()), int(sure.sum())) if sure.any() else None


def _same(task: Task, plain: Scores, varied: Scores) -> Estimate | None:
    if task == "regression":
        return None
    if task == "multilabel":
        agree = ((plain >= 0.5) == (varied >= 0.5)).all(1)
    else:
        agree = plain.argmax(1) == varied.argmax(1)
    return wilson(float(agree.sum()), len(agree))
