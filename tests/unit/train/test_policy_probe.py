"""Trying transforms: none costs nothing, one that changes the label is refused, a policy takes the rest."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from upfit.measure.proportions import wilson
from upfit.testing.small import SHORT, small_backbone, small_bench
from upfit.train.label_keeping import effect_of, varied_features
from upfit.train.objective import Objective
from upfit.train.policy_probe import (
    FOLDS,
    Effect,
    Paired,
    Trial,
    folds_of,
    judge_out_of_fold,
    policy_of,
    sampled,
    verdict_of,
    weakest_of,
)
from upfit.values import Estimate, Transform


@pytest.fixture(scope="module")
def digit_sample():
    """300 digits by their pixels, 200 of them to be varied; and the pixels mirrored."""
    pixels, labels = load_digits(return_X_y=True)
    rows = np.arange(600)
    sample = sampled(rows, pixels[rows].astype(np.float32), labels[rows], most=200)
    mirrored = sample.features_ND.reshape(-1, 8, 8)[:, :, ::-1].reshape(-1, 64)
    return sample, mirrored[sample.varied], Objective("multiclass")


def test_heads_that_did_not_learn_from_an_example_answer_for_it(digit_sample):
    sample, _, objective = digit_sample
    judge = judge_out_of_fold(sample, objective, outputs=10)
    right = (judge.scores.argmax(1) == judge.targets).mean()
    assert 0.85 < right < 1
    unchanged = effect_of(
        judge, Transform(name="flip", strength=0), sample.features_ND[sample.varied], task="multiclass"
    )
    assert (unchanged.loss.value, unchanged.same.value) == (0, 1)
    assert verdict_of(unchanged) == "keeps"


def test_mirrored_digits_change_their_label(digit_sample):
    sample, mirrored, objective = digit_sample
    judge = judge_out_of_fold(sample, objective, outputs=10)
    effect = effect_of(judge, Transform(name="flip", strength=1), mirrored, task="multiclass")
    assert verdict_of(effect) == "changes"
    assert effect.same.high < 0.9


@pytest.mark.parametrize(("worse", "verdict"), [(0.05, "keeps"), (0.15, "changes")])
def test_a_mirror_that_few_examples_cannot_clear_is_refused(worse, verdict):
    """Both within noise: of 60 digits, mirrored ones were once read as well as that."""
    loss = Estimate(value=0.3 * worse, low=-0.1, high=0.2)
    same = Estimate(value=0.93, low=0.84, high=0.97)
    assert verdict_of(Effect(Transform(name="flip", strength=1), same, None, loss, 0.3)) == verdict


@pytest.mark.parametrize(
    ("stayed", "of", "verdict"),
    [(55, 55, "keeps"), (54, 55, "changes"), (182, 183, "keeps"), (260, 276, "changes"), (20, 20, "changes")],
)
def test_sure_answers_have_to_survive_a_mirror(stayed, of, verdict):
    """55 of 55 clothes; digits and letters turn one in 17."""
    transform, unharmed = Transform(name="flip", strength=1), Estimate(value=0, low=-0.1, high=0.1)
    effect = Effect(transform, wilson(of * 0.93, of), wilson(stayed, of), unharmed, 0.3)
    assert verdict_of(effect) == verdict


def test_learning_from_mirrored_digits_gains_nothing_from_moved_light_no_harm(digit_sample):
    sample, mirrored, objective = digit_sample
    assert Paired.of(sample, mirrored, objective, outputs=10).out_of_fold().value < 0
    darker = sample.features_ND[sample.varied] * 0.97
    assert Paired.of(sample, darker, objective, outputs=10).out_of_fold().low > -0.05


def test_folds_deal_every_class_out_evenly():
    labels = np.repeat(np.arange(4), (10, 15, 5, 20))
    folds = folds_of(labels)
    for label in range(4):
        counts = np.bincount(folds[labels == label], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
    assert np.bincount(folds_of(np.linspace(0, 1, 23))).max() == 5


def _trial(name, strength, verdict, used=None):
    effect = Effect(Transform(name=name, strength=strength), None, None, Estimate(0, 0, 0), 1.0)
    return Trial(effect, None, verdict, strength if used is None else used)


def test_a_policy_takes_the_strongest_that_keeps_the_label():
    trials = (
        _trial("crop", 0.15, "keeps"),
        _trial("crop", 0.3, "keeps"),
        _trial("crop", 0.5, "changes"),
        _trial("flip", 1, "keeps", used=0.5),
        _trial("blur", 1, "doubtful"),
    )
    assert [(one.name, one.strength) for one in policy_of(trials)] == [("crop", 0.3), ("flip", 0.5)]
    assert [(one.name, one.strength) for one in weakest_of(trials)] == [("crop", 0.15), ("flip", 0.5)]
    assert policy_of(()) == weakest_of(()) == ()


@pytest.mark.parametrize(("modality", "name"), [("image", "turn"), ("text", "drop")], ids=["images", "texts"])
def test_varied_features_are_those_of_varied_examples(modality, name):
    """At strength 0 they are the plain ones; otherwise the same view gives the same, another one another."""
    bench = small_bench(SHORT, modality=modality, task="multiclass", steps=1)
    backbone, rows = small_backbone(modality).eval(), bench.split.train

    def features(strength, view=0):
        transform = Transform(name=name, strength=strength)
        return varied_features(bench, backbone, rows, transform, view=view)

    plain, strong = features(0), features(90 if modality == "image" else 0.5)
    assert plain.shape == strong.shape == (len(rows), backbone.width)
    assert not np.allclose(plain, strong)
    np.testing.assert_array_equal(strong, features(90 if modality == "image" else 0.5))
    assert not np.allclose(strong, features(90 if modality == "image" else 0.5, view=1))
