"""Exact duplicates within a part: they weigh double in training, and make a score too sure of itself."""

from __future__ import annotations

import numpy as np

from upfit.audit.finding import drop, of_rows, percent, times
from upfit.audit.subject import Subject
from upfit.values import Finding

NOTABLE = 0.01


def duplicates(subject: Subject) -> tuple[Finding, ...]:
    """Rows of one part whose inputs are the same, and whose labels (where they may be read) agree."""
    if subject.data.schema.modality == "table":
        return ()  # two people may well share all columns of a table
    codes = np.unique(subject.keys, return_inverse=True)[1]
    marks = codes * 4 + np.unique(subject.part_of, return_inverse=True)[1]
    targets = np.zeros(len(codes), np.int64)
    # "Cat" and "cat" are one label here, which another check tells of.
    targets[subject.open_rows] = 1 + subject.label_codes
    marks = marks * (targets.max() + 1) + targets
    first, counts = np.unique(marks, return_index=True, return_counts=True)[1:]
    again = np.setdiff1d(np.arange(len(codes)), first)
    if not len(again):
        return ()
    share = len(again) / len(codes)
    groups = int((counts > 1).sum())
    copied = times(len(again), "row repeats", "rows repeat")
    how = {"image": "pixel for pixel", "text": "word for word"}.get(
        subject.data.schema.modality, "in every cell"
    )
    message = f"{copied} an earlier row of the same part {how} ({percent(share)})"
    because = "exact copies of rows that stay"
    return (
        of_rows(
            subject,
            "exact_duplicates",
            "warning" if share >= NOTABLE else "info",
            message,
            rows=again,
            actions=[drop(again, because)],
            groups=groups,
            share=share,
        ),
    )
