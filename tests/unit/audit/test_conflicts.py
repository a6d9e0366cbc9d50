"""Equal inputs with other labels, where a row has several of them."""

from __future__ import annotations

import pandas as pd

from upfit.audit.conflicts import conflicts


def test_equal_inputs_with_other_lists_of_labels(sentences_frame, subject_of):
    frame = sentences_frame[["text"]][:40].copy()
    frame["tags"] = [["long", "note"] if place % 2 else ["long"] for place in range(len(frame))]
    assert not conflicts(subject_of(frame, target="tags"))
    # One copy has another list, one has the same.
    copies = frame[:2].assign(tags=[["note"], ["note", "long"]])
    subject = subject_of(pd.concat([frame, copies], ignore_index=True), target="tags")
    (found,) = conflicts(subject)
    assert found.rows == (0, 40)
    assert found.examples[0].endswith("→ long; note (row 40)")
    assert found.actions[0].doubtful


def test_a_label_in_words(sentences_frame, subject_of):
    frame = sentences_frame[["text"]][:40].copy()
    frame["tags"] = [["long", "note"] if place % 2 else ["long"] for place in range(len(frame))]
    assert subject_of(frame, target="tags").label(1) == "long, note"
    frame["score"] = [place + 0.5 for place in range(len(frame))]
    assert subject_of(frame.drop(columns="tags"), target="score", task="regression").label(3) == "3.5"
    parts = {"train": sentences_frame[:200], "test": sentences_frame[200:].reset_index(drop=True)}
    divided = subject_of(parts=parts)
    assert (divided.label(0), divided.label(205)) == (sentences_frame["label"][0], "?")
