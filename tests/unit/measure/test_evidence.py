"""Intervals: parity with SciPy's bootstrap, coverage on simulated data, and degenerate samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import f1_score, roc_auc_score

from upfit.measure import evidence, metric_names, metrics
from upfit.measure.resample import plan


def model(rng, examples, *, count=3, skill=1.0):
    targets = rng.integers(0, count, examples)
    logits = rng.normal(size=(examples, count)) + skill * np.eye(count)[targets]
    powers = np.exp(logits)
    return powers / powers.sum(axis=1, keepdims=True), targets


def test_the_value_is_the_metric_itself():
    scores, targets = model(np.random.default_rng(0), 200)
    found = evidence("multiclass", scores, targets)
    assert {name: one.value for name, one in found.items()} == metrics("multiclass", scores, targets)
    assert list(found) == list(metric_names("multiclass"))


def test_equal_seeds_give_equal_intervals():
    scores, targets = model(np.random.default_rng(0), 60)
    first, second, other = (evidence("multiclass", scores, targets, seed=seed) for seed in (1, 1, 2))
    assert first == second
    assert first != other


@pytest.mark.parametrize(
    ("metric", "compute"),
    [
        ("macro_f1", lambda y, s: f1_score(y, s > 0.5, average="macro")),
        ("auroc", roc_auc_score),
        ("log_loss", lambda y, s: -np.mean(np.log(np.where(y == 1, s, 1 - s)))),
    ],
)
def test_intervals_equal_scipys_bootstrap_up_to_its_noise(metric, compute):
    scores, targets = model(np.random.default_rng(3), 150, count=2)
    ours = evidence("binary", scores, targets)[metric]
    theirs = stats.bootstrap(
        (targets, scores[:, 1]),
        compute,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=400,
        rng=np.random.default_rng(0),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.15 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.15 * width)


def test_spearman_interval_equals_scipys_bootstrap_up_to_its_noise():
    rng = np.random.default_rng(0)
    true = rng.normal(size=120)
    said = np.round(true + rng.normal(size=120), 1)
    ours = evidence("regression", said[:, None], true)["spearman"]
    theirs = stats.bootstrap(
        (said, true),
        lambda a, b: stats.spearmanr(a, b).statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        n_resamples=400,
        rng=np.random.default_rng(0),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.15 * width)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    scores, targets = model(rng, 40_000)
    truth = metrics("multiclass", scores, targets)
    held = dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "auroc"), 0)
    parts = np.split(np.arange(40_000), 200)
    for rows in parts:
        found = evidence("multiclass", scores[rows], targets[rows], resamples=400)
        for name in held:
            held[name] += found[name].low <= truth[name] <= found[name].high
    # 95 % is promised; 200 trials have a standard error of 1.5 points, and percentiles run a little short.
    assert all(0.90 <= count / len(parts) <= 0.99 for count in held.values()), held


@pytest.mark.parametrize("examples", [1, 2, 50])
def test_no_errors_does_not_mean_certainty(examples):
    scores = np.tile([0.9, 0.1], (examples, 1))
    scores[examples // 2 :] = [0.1, 0.9]
    targets = scores.argmax(axis=1)
    found = evidence("binary", scores, targets)
    for name in set(found) & {"accuracy", "balanced_accuracy", "macro_f1", "auroc"}:
        assert found[name].value == found[name].high == 1.0
        assert found[name].low < 1 - 1 / (examples + 1), name


def test_few_errors_get_at_least_wilsons_interval():
    scores = np.tile([0.9, 0.1], (50, 1))
    found = evidence("binary", scores, np.array([1] + [0] * 49))["accuracy"]
    assert found.low == pytest.approx(0.895, abs=1e-3)
    wrong = evidence("binary", scores, np.ones(50, int))["accuracy"]
    assert (wrong.value, wrong.low) == (0.0, 0.0)
    assert wrong.high > 0.05


def test_the_calibration_errors_interval_holds_its_value():
    scores, targets = model(np.random.default_rng(0), 40)
    found = evidence("multiclass", scores, targets)["calibration_error"]
    assert 0 <= found.low <= found.value <= found.high


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), examples=st.integers(1, 12), count=st.integers(2, 4))
def test_tiny_samples_give_ordered_finite_intervals(seed, examples, count):
    rng = np.random.default_rng(seed)
    scores, targets = model(rng, examples, count=count)
    labels = rng.integers(0, 2, (examples, count))
    values = np.round(rng.normal(size=examples), 1)
    for task, given_scores, given_targets in (
        ("multiclass", scores, targets),
        ("multilabel", scores, labels),
        ("regression", scores[:, :1], values),
    ):
        for name, one in evidence(task, given_scores, given_targets, resamples=100).items():
            assert np.isfinite([one.value, one.low, one.high]).all(), name
            assert one.low <= one.value + 1e-12, name
            assert one.value <= one.high + 1e-12, name


def test_a_large_sample_is_resampled_in_part_and_its_interval_scaled():
    rng = np.random.default_rng(0)
    how = plan(100_000, 10, resamples=1000, seed=0)
    assert (len(how.rows), how.resamples) == (15_000, 200)
    assert how.scale == pytest.approx((15_000 / 100_000) ** 0.5)
    right = rng.random(100_000) < 0.8
    scores = np.where(right[:, None], [0.7, 0.3], [0.3, 0.7])
    found = evidence("binary", scores, np.zeros(100_000, int))["accuracy"]
    exact = 1.96 * np.sqrt(0.8 * 0.2 / 100_000)
    assert found.high - found.value == pytest.approx(exact, rel=0.2)
