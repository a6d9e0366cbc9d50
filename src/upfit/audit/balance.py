"""Class skew, and classes with too few examples to learn or to measure."""

from __future__ import annotations

import numpy as np

from upfit.audit.finding import of_rows, some, times
from upfit.audit.subject import Subject
from upfit.values import Finding

SKEWED = 5.0
FEW_TO_LEARN, FEW_TO_MEASURE = 10, 10


def balance(subject: Subject) -> tuple[Finding, ...]:
    """What the class counts of train and validation say; test is sealed."""
    schema = subject.data.schema
    if schema.task == "regression":
        return ()
    counts = _counts(subject, "train")
    return (*_skew(subject, counts), *_few(subject, counts), *_unmeasured(subject))


def _counts(subject: Subject, part: str) -> np.ndarray:
    inside = subject.part_of[subject.open_rows] == part
    labels = subject.labels[inside]
    if labels.ndim == 2:
        return np.asarray(labels.sum(0), np.int64)
    return np.bincount(labels, minlength=len(subject.data.schema.classes))


def _skew(subject: Subject, counts: np.ndarray) -> tuple[Finding, ...]:
    classes, present = subject.data.schema.classes, np.flatnonzero(counts)
    if len(present) < 2:
        return ()
    most, least = int(counts.argmax()), int(present[counts[present].argmin()])
    ratio = counts[most] / counts[least]
    if ratio < SKEWED:
        return ()
    message = (
        f"classes are skewed {ratio:.0f} to 1: {classes[most]!r} has {counts[most]:,} training rows, "
        f"{classes[least]!r} {counts[least]:,}; judge by balanced accuracy or macro F1"
    )
    return (
        Finding(
            kind="class_skew",
            severity="warning",
            message=message,
            evidence={"ratio": float(ratio), "classes": float(len(classes))},
            examples=tuple(f"{classes[k]}: {counts[k]:,}" for k in np.argsort(counts)[:12]),
        ),
    )


def _few(subject: Subject, counts: np.ndarray) -> tuple[Finding, ...]:
    classes = subject.data.schema.classes
    few = np.flatnonzero(counts < FEW_TO_LEARN)
    if not len(few):
        return ()
    order = few[np.argsort(counts[few], kind="stable")]
    names = [f"{classes[k]} ({counts[k]})" for k in order]
    shown = times(len(few), "class has", "classes have")
    message = f"{shown} fewer than {FEW_TO_LEARN} training rows: {some(names)}; collect more, or merge them"
    rows = subject.open_rows[np.isin(subject.labels, few)] if subject.single_class else ()
    many = len(few) > len(classes) / 2
    return (
        of_rows(
            subject,
            "too_few_per_class",
            "info" if many and counts.min() >= 5 else "warning",
            message,
            rows=rows,
            examples=names,
            classes=len(few),
        ),
    )


def _unmeasured(subject: Subject) -> tuple[Finding, ...]:
    """Classes whose validation score would be luck."""
    if not len(subject.rows_of("validation")):
        return ()
    counts, classes = _counts(subject, "validation"), subject.data.schema.classes
    few = np.flatnonzero(counts < FEW_TO_MEASURE)
    if not len(few):
        return ()
    names = [f"{classes[k]} ({counts[k]})" for k in few[np.argsort(counts[few], kind="stable")]]
    shown = times(len(few), "class has", "classes have")
    message = (
        f"{shown} fewer than {FEW_TO_MEASURE} validation rows, so their own scores are luck: {some(names)}"
    )
    return (
        Finding(
            kind="thin_slice",
            severity="info",
            message=message,
            evidence={"classes": float(len(few))},
            examples=tuple(names[:12]),
        ),
    )
