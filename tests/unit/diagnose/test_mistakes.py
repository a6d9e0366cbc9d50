"""Groups of errors: a planted weak slice is named, chance is not, and each group proposes something."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from upfit.audit.measurements import measurements
from upfit.audit.plan_check import check_plan
from upfit.audit.subject import Subject
from upfit.data.read import read
from upfit.diagnose.mistakes.analysis import analyse
from upfit.diagnose.mistakes.clusters import clusters
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.kinds import groups, kinds
from upfit.diagnose.mistakes.proposals import fairer_draws, heavier_class, larger_pictures, longer_texts
from upfit.diagnose.mistakes.slices import slices
from upfit.measure.proportions import clopper_pearson
from upfit.testing import docstring_sentences
from upfit.values import Change, Plan, Predictions, Recipe


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
    assert found[0].actions[0].do == "collect"


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


def test_every_group_proposes_something_that_can_be_applied(subject):
    """Whatever is found: its changes fit the recipe, its edits fit the data."""
    rng = np.random.default_rng(0)
    words = measurements(subject)["words"]
    wrong = rng.random(400) < np.where(subject.labels == 1, 0.45, 0.05) * np.where(words > 8, 1.0, 0.4)
    found = analyse(judged_with(subject, wrong, sure=0.99))
    assert {"weak_slice", "confusions", "suspected_labels", "miscalibrated"} <= {one.kind for one in found}
    for one in found:
        assert one.cures or one.actions, one.kind
        Recipe().apply(*one.cures)
    actions = tuple(action for one in found for action in one.actions)
    check_plan(subject.data, Plan(fingerprint=subject.data.fingerprint, actions=actions))


def test_a_weak_class_is_to_count_for_more_each_time(subject):
    rng = np.random.default_rng(0)
    wrong = rng.random(400) < np.where(subject.labels == 1, 0.5, 0.05)
    judged = judged_with(subject, wrong)
    name = subject.data.schema.classes[1]
    first = heavier_class(judged, name, "weak")
    assert [one.to for one in first] == [{name: 2.0}]
    second = heavier_class(replace(judged, recipe=judged.recipe.apply(*first)), name, "weak")
    assert [one.to for one in second] == [{name: 4.0}]
    heavy = judged.recipe.apply(Change(path="loss.class_weights", to={name: 8.0}))
    assert heavier_class(replace(judged, recipe=heavy), name, "weak") == ()
    (weak,) = [one for one in slices(judged) if one.message.startswith("the class")]
    assert weak.cures[0] == first[0].replace(because=f"weak on the class {name!r}")
    (wish,) = weak.actions
    assert (wish.do, wish.values, wish.to) == ("collect", (name,), 200)


def test_proposals_start_from_what_the_run_had(subject):
    judged = judged_with(subject, np.zeros(400, bool))
    drawn = judged.recipe.apply(Change(path="batching.sampler", to="balanced"))
    assert fairer_draws(judged, "")[0].to == "square_root"
    assert fairer_draws(replace(judged, recipe=drawn), "") == ()
    short = judged.recipe.apply(Change(path="inputs.max_length", to=16))
    cut = replace(judged, recipe=short, most_tokens=256)
    assert longer_texts(cut, "", words=60.0)[0].to == 32
    assert longer_texts(cut, "", words=6.0) == longer_texts(replace(cut, most_tokens=16), "", 60.0) == ()
    small = replace(judged, recipe=judged.recipe.apply(Change(path="inputs.image_size", to=80)))
    assert larger_pictures(small, "", side=144.0)[0].to == 128
    assert larger_pictures(small, "", side=80.0) == larger_pictures(judged, "", side=144.0) == ()


def test_no_group_asks_for_what_another_forbids(subject):
    """Where the model is not sure enough, errors between two classes are no reason for softer labels."""
    wrong = np.zeros(400, bool)
    wrong[:30] = True
    judged = judged_with(subject, wrong, sure=0.55)
    plain = analyse(replace(judged, recipe=Recipe().apply(Change(path="loss.label_smoothing", to=0.05))))
    wanted = {change.to for one in plain for change in one.cures if change.path == "loss.label_smoothing"}
    assert wanted == {0.0}
    (between,) = [one for one in plain if one.kind == "ambiguous_examples"]
    assert between.actions


def test_an_error_says_what_was_given_and_what_was_said_for_several_labels_too():
    frame = docstring_sentences(task="binary", per_class=10)[["text"]]
    frame["tags"] = [["short", "note"] if place % 2 else ["long"] for place in range(len(frame))]
    subject = Subject(read(frame, target="tags"))
    scores = np.where(subject.labels > 0, 0.9, 0.1).astype(np.float32)
    scores[3] = (0.2, 0.7, 0.1)  # long, note, short
    scores[4] = 0.1
    predictions = Predictions(subject.open_rows, scores, subject.labels)
    (found,) = kinds(Judged(subject, predictions))
    said = dict(zip(found.rows, found.examples, strict=True))
    assert said[3].endswith(": note, short, said note")
    assert said[4].endswith(": long, said none")


def test_an_error_says_what_was_given_and_what_was_said_for_numbers_too():
    frame = docstring_sentences(task="binary", per_class=10)[["text"]]
    frame["score"] = [float(place) + 0.5 for place in range(len(frame))]
    subject = Subject(read(frame, target="score", task="regression"))
    scores = subject.labels[:, None].astype(np.float32)
    scores[7] += 100
    (found,) = kinds(Judged(subject, Predictions(subject.open_rows, scores, subject.labels)))
    assert found.examples[0].endswith(": 7.5, said 107.5")
