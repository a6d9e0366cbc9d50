"""Groups of errors: a planted weak slice is named, chance is not, and each group proposes something."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.audit.measurements import measurements
from upfit.audit.subject import Subject
from upfit.data.read import read
from upfit.diagnose.mistakes.analysis import analyse
from upfit.diagnose.mistakes.clusters import clusters
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.kinds import groups, kinds
from upfit.diagnose.mistakes.slices import clopper_pearson, slices
from upfit.testing import docstring_sentences
from upfit.values import Predictions


@pytest.fixture(scope="module")
def subject():
    """400 real sentences of two libraries."""
    return Subject(read(docstring_sentences(task="binary", per_class=200)))


def judged_with(subject, wrong, *, sure=0.8, features=None):
    """Predictions that are wrong exactly where `wrong` says."""
    targets = subject.labels
    said = np.where(wrong, 1 - targets, targets)
    scores = np.full((len(targets), 2), 1 - sure, np.float32)
    scores[np.arange(len(targets)), said] = sure
    predictions = Predictions(subject.open_rows, scores, targets)
    return Judged(subject, predictions, features, measurements(subject), np.bincount(targets))


def test_a_weak_slice_is_named(subject):
    rng = np.random.default_rng(0)
    words = measurements(subject)["words"]
    wrong = rng.random(len(words)) < np.where(words >= np.quantile(words, 0.75), 0.5, 0.05)
    found = slices(judged_with(subject, wrong))
    assert found[0].message.startswith("words of")
    assert found[0].evidence["low"] > found[0].evidence["elsewhere"]
    assert found[0].advice


def test_chance_makes_no_slice(subject):
    rng = np.random.default_rng(1)
    told = [len(slices(judged_with(subject, rng.random(400) < 0.15))) for _ in range(10)]
    assert sum(told) <= 1


def test_intervals_widen_with_the_number_tried():
    one, many = clopper_pearson(5, 20), clopper_pearson(5, 20, tried=40)
    assert many.low < one.low < one.value < one.high < many.high


def test_a_weak_cluster_is_described_by_its_words(subject):
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [subject.written[row] for row in subject.open_rows]
    features = np.asarray(TfidfVectorizer(max_features=300).fit_transform(texts).todense(), np.float32)
    about = np.array(["array" in text.casefold() or "tensor" in text.casefold() for text in texts])
    features[about] += 3 * features[about].mean(0)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(texts)) < np.where(about, 0.6, 0.03)
    found = clusters(judged_with(subject, wrong, features=features))
    assert found
    assert "tensor" in found[0].message or "array" in found[0].message


def test_noise_ambiguous_and_hard_are_told_apart():
    scores = np.array(
        [[0.99, 0.005, 0.005], [0.48, 0.45, 0.07], [0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], np.float32
    )
    noise, ambiguous = groups(scores, np.array([1, 1, 1, 1]))
    assert noise.tolist() == [True, False, False, False]
    assert ambiguous.tolist() == [False, True, False, False]


def test_suspected_labels_propose_the_other_class(subject):
    wrong = np.zeros(400, bool)
    wrong[[5, 9]] = True
    (found,) = [
        one for one in kinds(judged_with(subject, wrong, sure=0.99)) if one.kind == "suspected_labels"
    ]
    assert set(found.rows) == set(subject.open_rows[[5, 9]].tolist())
    (action,) = found.actions
    assert [to != subject.label(row) for row, to in zip(action.rows, action.to, strict=True)] == [True, True]


def test_a_model_too_sure_of_itself_is_told(subject):
    rng = np.random.default_rng(0)
    found = analyse(judged_with(subject, rng.random(400) < 0.3, sure=0.97))
    (told,) = [one for one in found if one.kind == "miscalibrated"]
    assert "too sure" in told.message
    assert told.cures[0].path == "loss.label_smoothing"
