"""Which ways of varying examples suit the data: each is tried on a sample, from weak to strong."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from upfit.measure import paired_gain, telling_metric
from upfit.models.backbone import Backbone
from upfit.train.firmness import Firmness
from upfit.train.label_keeping import (
    MOST_ROWS,
    Effect,
    Judge,
    Scores,
    effect_of,
    varied_features,
)
from upfit.train.ladders import LADDERS, Step
from upfit.train.logistic import Features
from upfit.train.objective import Objective
from upfit.train.probe import Probe, fit_probe
from upfit.train.workbench import Workbench
from upfit.values import Estimate, Rows, Transform

Verdict = Literal["keeps", "doubtful", "changes"]
FOLDS = 5
HEAD_ROWS = 1500
"""Rows that the heads learn from at most."""
KEPT, CHANGED = 0.1, 1.0
"""Growth of the loss, as a share of what it was, up to which a label is kept, and beyond which it is not."""


MIRRORS, ALIKE = ("flip", "upend"), 0.9
"""Encoders of photographs know mirrored ones: that a mirrored image is read otherwise, or worse, is then not
for want of practice. Answers that have to stay the same, as a share."""
STAY, SURELY = 0.97, 0.92
"""Of answers that were right and likely, the share that has to stay, and its lower bound. Mirrored, digits
turn one such answer in 17, letters one in 18, clothes one in 180; forty-odd that all stay are enough."""


@dataclass(frozen=True)
class Trial:
    """What trying one strength of one transform showed.

    Args:
        effect: What became of the answers of heads that never saw varied examples.
        gain: For the doubtful, what a head that learns from varied examples too gains on examples as they
            are, paired, with its interval; None where that was not asked.
        verdict: Whether the label is kept.
        used: The strength that a policy uses.
    """

    effect: Effect
    gain: Estimate | None
    verdict: Verdict
    used: float

    @property
    def accepted(self) -> bool:
        """Whether a policy may use it."""
        return self.verdict == "keeps"


@dataclass(frozen=True, eq=False)
class Sample:
    """Training rows that the probe works with.

    Args:
        rows: (N,) rows whose features the heads learn from.
        features_ND: Of a frozen backbone.
        targets: Of the same rows.
        varied: (M,) places among them of the examples that are varied.
    """

    rows: Rows
    features_ND: Features
    targets: npt.NDArray[Any]
    varied: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Held:
    """Validation rows, as they are.

    Args:
        features_ND: Of the same frozen backbone.
        targets: Of the same rows.
    """

    features_ND: Features
    targets: npt.NDArray[Any]


def sampled(
    rows: Rows, features_ND: Features, targets: npt.NDArray[Any], *, most: int = MOST_ROWS, seed: int = 0
) -> Sample:
    """A sample of training rows: some thousands to learn from, some hundreds of them to be varied."""
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(rows))[:HEAD_ROWS])
    varied = np.sort(rng.permutation(len(chosen))[:most])
    return Sample(rows[chosen], features_ND[chosen], targets[chosen], varied)


def judge_out_of_fold(
    sample: Sample, objective: Objective, *, outputs: int, firmness: Firmness | None = None
) -> Judge:
    """The varied examples of a sample, each answered for by a head that did not learn from it.

    Args:
        sample: Rows to learn from, some of them to be varied.
        objective: The task.
        outputs: Of a head.
        firmness: Of a probe of these rows; cross-validated where there is none.
    """
    firmness = firmness or _firmness(sample.features_ND, sample.targets, objective, outputs)
    fold_of = folds_of(sample.targets)[sample.varied]
    everywhere = folds_of(sample.targets)
    heads = [
        _fitted(
            sample.features_ND[everywhere != fold],
            sample.targets[everywhere != fold],
            objective,
            outputs,
            firmness,
        )
        for fold in range(FOLDS)
    ]

    def answer(features_MD: Features) -> Scores:
        return _by_fold(heads, fold_of, features_MD, objective)

    plain = answer(sample.features_ND[sample.varied])
    return Judge(sample.rows[sample.varied], sample.targets[sample.varied], plain, answer)


@dataclass(frozen=True, eq=False)
class Paired:
    """Heads that learn from varied examples too, against heads that learn from them as they are.

    Args:
        plain_MD: Features of the examples as they are.
        varied_MD: Varied.
        targets: Of both.
        objective: The task.
        outputs: Of a head.
    """

    plain_MD: Features
    varied_MD: Features
    targets: npt.NDArray[Any]
    objective: Objective
    outputs: int

    @staticmethod
    def of(sample: Sample, varied_MD: Features, objective: Objective, *, outputs: int) -> Paired:
        """From a sample and its varied examples."""
        chosen = sample.varied
        return Paired(sample.features_ND[chosen], varied_MD, sample.targets[chosen], objective, outputs)

    def out_of_fold(self) -> Estimate:
        """What is gained on the examples as they are, paired, of heads that did not learn from them."""
        fold_of = folds_of(self.targets)
        pairs = [self._heads(fold_of != fold) for fold in range(FOLDS)]
        answers = [
            _by_fold(heads, fold_of, self.plain_MD, self.objective) for heads in zip(*pairs, strict=True)
        ]
        return self._gain(answers, self.targets)

    def on(self, held: Held) -> Estimate:
        """What is gained on validation rows."""
        pair = self._heads(np.ones(len(self.targets), bool))
        answers = [self.objective.scores(head.logits(held.features_ND)) for head in pair]
        return self._gain(answers, held.targets)

    @cached_property
    def _firmness(self) -> Firmness | None:
        return _firmness(self.plain_MD, self.targets, self.objective, self.outputs)

    def _heads(self, learnt: npt.NDArray[np.bool_]) -> tuple[Probe, Probe]:
        x, y = self.plain_MD[learnt], self.targets[learnt]
        both = np.concatenate([x, self.varied_MD[learnt]])
        firmness = self._firmness
        # Twice the rows would otherwise count as half the regularisation.
        softened = None if firmness is None else replace(firmness, strength=firmness.strength / 2)
        varied = _fitted(both, np.concatenate([y, y]), self.objective, self.outputs, softened)
        return varied, _fitted(x, y, self.objective, self.outputs, firmness)

    def _gain(self, answers: Sequence[Scores], targets: npt.NDArray[Any]) -> Estimate:
        task, (both, plain) = self.objective.task, answers
        return paired_gain(task, telling_metric(task), both, plain, targets)


@dataclass(frozen=True, eq=False)
class Ground:
    """What the trials stand on.

    Args:
        bench: With settled inputs; its targets are not used.
        backbone: Frozen.
        sample: Training rows.
        objective: The task, with the units of these rows.
        held: Validation rows, which a policy must not harm; None where they are too few.
    """

    bench: Workbench
    backbone: Backbone
    sample: Sample
    objective: Objective
    held: Held | None = None

    @property
    def outputs(self) -> int:
        """Outputs of a head."""
        return self.bench.data.schema.outputs


def try_transforms(
    ground: Ground,
    *,
    seconds: float | None = None,
    names: Sequence[str] | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Trial, ...]:
    """Try every transform from weak to strong, as long as it keeps the label and there is time.

    Args:
        ground: Data, backbone and sample.
        seconds: No trial begins after so many; None for no limit.
        names: Which transforms; all of the modality, where missing.
        advance: Told how many transforms are done, and of how many.
    """
    started = time.monotonic()
    judge = judge_out_of_fold(ground.sample, ground.objective, outputs=ground.outputs)
    ladders = LADDERS[ground.backbone.modality]
    asked = [name for name in ladders if names is None or name in names]
    found: list[Trial] = []
    for done, name in enumerate(asked, start=1):
        for step in ladders[name]:
            late = seconds is not None and time.monotonic() - started > seconds
            if ground.bench.world.agree(late):
                return tuple(found)
            found.append(_tried(ground, judge, name, step))
            if not found[-1].accepted:
                break
        advance(done, len(asked))
    return tuple(found)


def _tried(ground: Ground, judge: Judge, name: str, step: Step) -> Trial:
    transform = Transform(name=name, strength=step.tried)
    varied = varied_features(ground.bench, ground.backbone, judge.rows, transform)
    effect = effect_of(judge, transform, varied, task=ground.objective.task)
    verdict, gain = verdict_of(effect), None
    if verdict == "doubtful":
        gain = Paired.of(ground.sample, varied, ground.objective, outputs=ground.outputs).out_of_fold()
        verdict = "keeps" if gain.value >= 0 else "doubtful"
    return Trial(effect, gain, verdict, step.used)


def verdict_of(effect: Effect) -> Verdict:
    """Whether labels are kept, as far as answers alone can tell."""
    share = effect.loss.value / max(effect.before, 1e-6)
    if effect.transform.name in MIRRORS:
        # Few examples leave a worse loss within noise: a mirror that is missed costs less than a wrong label.
        return "keeps" if _alike(effect) and effect.loss.low <= 0 and share <= KEPT else "changes"
    if effect.loss.low <= 0 or share <= KEPT:
        return "keeps"
    return "changes" if share > CHANGED else "doubtful"


def _alike(effect: Effect) -> bool:
    if effect.stayed is not None:
        return effect.stayed.value >= STAY and effect.stayed.low >= SURELY
    return effect.same is None or effect.same.value >= ALIKE


def policy_of(trials: Sequence[Trial]) -> tuple[Transform, ...]:
    """The strongest accepted strength of each transform, in the order in which they are done."""
    best = {one.effect.transform.name: one.used for one in trials if one.accepted}
    return tuple(Transform(name=name, strength=strength) for name, strength in best.items())


def weakest_of(trials: Sequence[Trial]) -> tuple[Transform, ...]:
    """The weakest accepted strength of each transform, in the same order."""
    return policy_of(trials[::-1])[::-1]


def folds_of(targets: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """(N,) fold of each example; the examples of a class are dealt out evenly."""
    rng = np.random.default_rng(0)
    order = rng.permutation(len(targets))
    if targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer):
        order = order[np.argsort(targets[order], kind="stable")]
    folds = np.empty(len(targets), np.int64)
    folds[order] = np.arange(len(targets)) % FOLDS
    return folds


def _fitted(
    x: Features, y: npt.NDArray[Any], objective: Objective, outputs: int, firmness: Firmness | None
) -> Probe:
    with warnings.catch_warnings():
        # That a class has a row or two is nothing new here.
        warnings.filterwarnings("ignore", message="The number of unique classes")
        return fit_probe(x, y, objective, outputs=outputs, firmness=firmness)


def _firmness(x: Features, y: npt.NDArray[Any], objective: Objective, outputs: int) -> Firmness | None:
    """The regularisation that suits these rows, chosen once for all folds; ridge chooses its own."""
    return None if objective.task == "regression" else _fitted(x, y, objective, outputs, None).firmness


def _by_fold(
    heads: Sequence[Probe], fold_of: npt.NDArray[np.int64], features_MD: Features, objective: Objective
) -> Scores:
    """Answers of each example's own head."""
    found: Scores | None = None
    for fold, head in enumerate(heads):
        mine = fold_of == fold
        scores = objective.scores(head.logits(features_MD[mine]))
        found = np.empty((len(fold_of), scores.shape[1]), np.float32) if found is None else found
        found[mine] = scores
    assert found is not None
    return found
