"""The probe against scikit-learn, what mirroring says about digits, and heads on cached features."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier

from upfit.testing import digits_folder
from upfit.train.features import cached_features
from upfit.train.feed import HeadOnly
from upfit.train.firmness import Firmness, best_firmness
from upfit.train.label_keeping import effect_of, judge_of, varied_features
from upfit.train.logistic import Rows
from upfit.train.measured_policy import MIRROR
from upfit.train.objective import Objective
from upfit.train.probe import fit_probe
from upfit.train.stages import fresh_network, probe_stage, training_parts
from upfit.values import Change

X, Y = load_digits(return_X_y=True)
X = X[:500].astype(np.float32)
Y = Y[:500]


def standard(features):
    return (features - features.mean(0)) / (features.std(0).mean() + 1e-12)


@pytest.mark.parametrize("classes", [2, 10])
def test_a_probe_of_classes_is_scikit_learns_logistic_regression(classes):
    x, y = (X, Y) if classes == 10 else (X, (Y > 4).astype(np.int64))
    probe = fit_probe(x, y, Objective("multiclass"), outputs=classes, firmness=Firmness(0.3))
    theirs = LogisticRegression(C=0.3, max_iter=200, tol=1e-3).fit(standard(x), y)
    ours = Objective("multiclass").scores(probe.logits(x))
    np.testing.assert_allclose(ours, theirs.predict_proba(standard(x)), atol=2e-3)
    assert probe.weight.shape == (classes, 64)


def test_a_probe_of_labels_is_one_logistic_regression_a_label():
    y = np.stack([Y > 4, Y % 2 == 0, np.zeros_like(Y)], 1).astype(np.float32)
    probe = fit_probe(X, y, Objective("multilabel"), outputs=3, firmness=Firmness(0.3))
    model = LogisticRegression(C=0.3, max_iter=200, tol=1e-3)
    theirs = OneVsRestClassifier(model).fit(standard(X), y[:, :2].astype(int)).predict_proba(standard(X))
    ours = Objective("multilabel").scores(probe.logits(X))
    np.testing.assert_allclose(ours[:, :2], theirs, atol=2e-3)
    assert (ours[:, 2] < 0.01).all(), "a label that is never there"


def test_a_probe_of_values_is_scikit_learns_ridge():
    y = Y.astype(np.float32) * 100 + 7
    objective = Objective.of("regression", y)
    probe = fit_probe(X, y, objective, outputs=1)
    theirs = Ridge(alpha=probe.firmness.strength).fit(standard(X), y).predict(standard(X))
    np.testing.assert_allclose(objective.scores(probe.logits(X))[:, 0], theirs, atol=0.5)


def test_answers_are_made_as_sure_as_they_are_right():
    """Rows that a probe never saw: a factor found by folds brings their log-loss down, whoever is right."""
    all_x, all_y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(all_y))
    x, y = all_x[order].astype(np.float32), all_y[order]
    learn, held, objective = slice(0, 300), slice(300, None), Objective("multiclass")
    probe = fit_probe(x[learn], y[learn], objective, outputs=10)
    plain = Firmness(probe.firmness.strength)
    raw = fit_probe(x[learn], y[learn], objective, outputs=10, firmness=plain)
    sure, unsure = (objective.scores(one.logits(x[held])) for one in (probe, raw))
    assert (sure.argmax(1) == unsure.argmax(1)).all()
    found, before = (log_loss(y[held], scores) for scores in (sure, unsure))
    assert probe.firmness.factor > 1
    assert found < before


def test_wrong_labels_are_answered_with_a_firmer_hold():
    rng = np.random.default_rng(0)
    wrong = np.where(rng.random(len(Y)) < 0.3, rng.integers(0, 10, len(Y)), Y)
    firm, loose = (best_firmness(Rows(standard(X), labels, None), seed=0) for labels in (wrong, Y))
    assert firm.strength < loose.strength


def test_what_the_choice_of_firmness_finds_is_scikit_learns_cross_validation():
    """Three folds, the log-loss at the best temperature of a fine grid."""
    x, folds = standard(X), StratifiedKFold(3, shuffle=True, random_state=0)
    found = best_firmness(Rows(x, Y, None), seed=0)
    order = np.random.default_rng(0).permutation(len(x))
    model = LogisticRegression(C=found.strength, max_iter=60, tol=1e-3)
    logits = cross_val_predict(model, x[order], Y[order], cv=folds, method="decision_function")
    losses = {
        power: log_loss(Y[order], softmax(np.exp(power) * logits, axis=1)) for power in np.arange(-1, 3, 0.05)
    }
    assert np.log(found.factor) == pytest.approx(min(losses, key=losses.get), abs=0.06)


def test_a_class_without_a_training_row_is_all_but_ruled_out():
    probe = fit_probe(X[Y != 3], Y[Y != 3], Objective("multiclass"), outputs=10)
    assert Objective("multiclass").scores(probe.logits(X))[:, 3].max() < 0.01


def test_a_probe_does_not_depend_on_the_unit_of_its_features():
    one = fit_probe(X, Y, Objective("multiclass"), outputs=10)
    other = fit_probe(X * 1000 + 5, Y, Objective("multiclass"), outputs=10)
    assert one.firmness.strength == other.firmness.strength
    torch.testing.assert_close(one.logits(X), other.logits(X * 1000 + 5), atol=0.02, rtol=0.01)


@pytest.mark.parametrize("counts", [(4, 4), (4, 1), (3, 0)])
def test_a_handful_of_rows_is_enough(counts):
    """Folds without a class, and a training part of one class only."""
    rows = [np.flatnonzero(k == Y)[j] for k in (0, 1) for j in range(counts[k])]
    probe = fit_probe(X[rows], Y[rows], Objective("binary"), outputs=2)
    scores = Objective("binary").scores(probe.logits(X[rows]))
    assert (scores.argmax(1) == Y[rows]).mean() >= 0.5
    if not counts[1]:
        assert scores[:, 0].min() > 0.99


def test_mirrored_digits_are_other_digits(lay_out, quickly, tmp_path):
    bench, backbone = lay_out(digits_folder(tmp_path / "digits"), "auto", quickly(inputs__image_size=48))
    judge = judge_of(bench, probe_stage(bench, backbone))
    effect = effect_of(judge, MIRROR, varied_features(bench, backbone, judge.rows, MIRROR), task="multiclass")
    assert effect.loss.low > 0
    assert effect.same.value < 1


def test_training_a_head_on_cached_features_is_training_it_on_the_frozen_backbone(
    lay_out, sentences, small_text_model, quickly
):
    """The same loss and gradient, with the backbone run once and not in every epoch."""
    changes = quickly(layers__train="head", layers__dropout=0.0)
    bench, backbone = lay_out(sentences("multiclass"), small_text_model, changes)
    network = fresh_network(bench, backbone).eval()
    model, source = training_parts(bench, network)
    assert isinstance(model, HeadOnly)
    batch = next(source.epoch(0))
    positions = batch["position"].numpy()
    examples = bench.examples(backbone, bench.split.train)
    whole = examples.collate([examples.get(int(position), None) for position in positions])
    torch.testing.assert_close(model(batch), network(whole), atol=1e-4, rtol=1e-4)
    assert bench.train_targets[positions].tolist() == batch["target"].tolist()


def test_features_come_from_the_cache_until_something_they_depend_on_changes(
    lay_out, sentences, small_text_model, quickly
):
    bench, backbone = lay_out(sentences("multiclass"), small_text_model, quickly())
    rows = bench.split.validation
    first, hit = cached_features(bench, backbone, rows)
    again, hit_again = cached_features(bench, backbone, rows)
    assert (hit, hit_again) == (False, True)
    assert np.array_equal(first, again)
    assert not cached_features(bench, backbone, rows[1:])[1]
    shorter = bench.with_recipe(bench.recipe.apply(Change(path="inputs.max_length", to=8)))
    assert not cached_features(shorter, backbone, rows)[1]
    with torch.no_grad():
        next(backbone.parameters()).add_(1)
    assert not cached_features(bench, backbone, rows)[1]


def test_a_row_that_counts_twice_is_two_rows():
    rows = np.arange(200)
    weights = np.where(rows % 3 == 0, 2.0, 1.0)
    twice = np.repeat(rows, weights.astype(int))
    objective, firmness = Objective("multiclass"), Firmness(0.1)
    weighted = fit_probe(X[rows], Y[rows], objective, outputs=10, firmness=firmness, weights=weights)
    # The same features, centred and scaled over other rows: compare what they say.
    doubled = fit_probe(X[twice], Y[twice], objective, outputs=10, firmness=firmness)
    ours, theirs = (objective.scores(one.logits(X)) for one in (weighted, doubled))
    np.testing.assert_allclose(ours, theirs, atol=0.05)
    assert (ours.argmax(1) == theirs.argmax(1)).mean() > 0.98


@pytest.mark.parametrize("targets", [Y, np.stack([Y > 4, Y % 2 == 0], 1).astype(np.float32)])
def test_weights_of_one_change_nothing(targets):
    objective = Objective("multiclass" if targets.ndim == 1 else "multilabel")
    outputs = 10 if targets.ndim == 1 else 2
    plain = fit_probe(X[:300], targets[:300], objective, outputs=outputs)
    even = fit_probe(X[:300], targets[:300], objective, outputs=outputs, weights=np.ones(targets[:300].shape))
    np.testing.assert_allclose(plain.weight, even.weight, atol=1e-5)
    assert plain.firmness == even.firmness


def test_weights_move_the_answers_towards_what_counts_more():
    rare = np.flatnonzero(Y == 3)[:4]
    rows = np.concatenate([np.flatnonzero(Y == 8)[:80], rare])
    classes = (Y[rows] == 3).astype(np.int64)
    weights = np.where(classes == 1, 20.0, 1.0)
    plain = fit_probe(X[rows], classes, Objective("binary"), outputs=2, firmness=Firmness(0.003))
    heavy = fit_probe(
        X[rows], classes, Objective("binary"), outputs=2, firmness=Firmness(0.003), weights=weights
    )
    chances = [Objective("binary").scores(one.logits(X[rows]))[:, 1].mean() for one in (plain, heavy)]
    assert chances[1] > chances[0] + 0.1
