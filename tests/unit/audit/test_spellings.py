"""One name written in several ways is told once, and is one class to the other checks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from upfit.audit.conflicts import conflicts
from upfit.audit.duplicates import duplicates
from upfit.audit.label_errors import label_errors
from upfit.audit.label_names import label_names


def test_a_name_written_otherwise_is_no_wrong_label_and_no_conflict(digits_frame, subject_of, named_rows):
    pytest.importorskip("cleanlab")
    frame, pixels = digits_frame
    frame = frame.assign(label=["digit " + label for label in frame["label"]])
    rows = np.flatnonzero(frame["label"] == "digit 3")[:40]
    frame.loc[rows, "label"] = "Digit_3"
    copies = frame.iloc[rows[:5]].assign(label="digit 3")
    subject = subject_of(pd.concat([frame, copies], ignore_index=True), [*pixels, *pixels[rows[:5]]])
    assert len(named_rows(label_errors(subject)) & set(rows.tolist())) <= 1
    assert not conflicts(subject)
    assert named_rows(duplicates(subject)) >= set(range(len(frame), len(frame) + 5))
    assert named_rows(label_names(subject)) >= set(rows.tolist())
    assert subject.label(int(rows[0])) == "Digit_3"


def test_large_and_small_letters_may_be_two_classes(digits_frame, subject_of):
    frame, pixels = digits_frame
    frame = frame.assign(label=[{"3": "a", "4": "A"}.get(label, label) for label in frame["label"]])
    subject = subject_of(frame, pixels)
    (found,) = label_names(subject)
    assert (found.severity, found.actions[0].doubtful) == ("warning", True)
    assert len(np.unique(subject.classes_of_rows)) == 10
