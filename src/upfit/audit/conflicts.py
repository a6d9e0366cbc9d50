"""Equal inputs with different labels: at least one of them is wrong, or the inputs do not decide."""

from __future__ import annotations

import numpy as np

from upfit.audit.finding import Severity, drop, of_rows, percent, some, times
from upfit.audit.subject import Subject
from upfit.values import Finding

APART = 0.1
"""Numbers closer than this share of their deviation say the same."""


def conflicts(subject: Subject) -> tuple[Finding, ...]:
    """Groups of rows with the same inputs and more than one class or value, in train and validation."""
    rows = subject.open_rows
    codes = np.unique(subject.keys[rows], return_inverse=True)[1]
    if subject.data.schema.task == "regression":
        return _values(subject, codes)
    pairs = np.unique(np.stack([codes, subject.label_codes]), axis=1)
    torn = np.flatnonzero(np.bincount(pairs[0]) > 1)
    inside = np.isin(codes, torn)
    if not inside.any():
        return ()
    order = np.flatnonzero(inside)[np.argsort(codes[inside], kind="stable")]
    found = rows[order]
    share = len(found) / len(rows)
    examples = [_example(subject, rows[codes == code]) for code in torn[:12]]
    severity: Severity = "warning" if share >= 0.002 and subject.data.schema.modality != "table" else "info"
    table = subject.data.schema.modality == "table"
    one_label = "label" if subject.single_class else "list of labels"
    message = (
        f"{times(len(torn), 'input')} with more than one {one_label}: {times(len(found), 'row')} "
        f"({percent(share)}) that {'these columns do not decide' if table else 'cannot all be right'}"
    )
    because = "the same input has several labels; keep the right one, delete the others"
    return (
        of_rows(
            subject,
            "conflicting_labels",
            severity,
            message,
            rows=found,
            examples=examples,
            actions=[] if table else [drop(found, because, doubtful=True)],
            groups=len(torn),
            share=share,
        ),
    )


def _values(subject: Subject, codes: np.ndarray) -> tuple[Finding, ...]:
    """Groups of rows with the same inputs and numbers that differ: what no model can tell apart."""
    rows, values = subject.open_rows, np.asarray(subject.labels, float)
    low, high = np.full(codes.max() + 1, np.inf), np.full(codes.max() + 1, -np.inf)
    np.minimum.at(low, codes, values)
    np.maximum.at(high, codes, values)
    apart = high - low
    torn = apart > APART * max(float(values.std()), 1e-12)
    inside = torn[codes]
    if not inside.any():
        return ()
    share = float(inside.mean())
    target = subject.data.schema.target[0]
    worst = np.argsort(-apart)[: min(12, int(torn.sum()))].tolist()
    examples = [
        f"{subject.show(int(rows[np.argmax(codes == code)]))} → {low[code]:g} to {high[code]:g}"
        for code in worst
    ]
    message = (
        f"{times(int(torn.sum()), 'input')} with more than one {target!r}: {times(int(inside.sum()), 'row')} "
        f"({percent(share)}) that these columns do not decide, {np.median(apart[torn]):.3g} apart as a rule"
    )
    return (
        of_rows(
            subject,
            "conflicting_labels",
            "warning" if share >= 0.02 else "info",
            message,
            rows=rows[inside],
            scores=apart[codes][inside],
            share=share,
        ).replace(examples=tuple(examples)),
    )


def _example(subject: Subject, rows: np.ndarray) -> str:
    """The first of some rows with the same input, its label, and the first row of each other label."""
    firsts: dict[str, int] = {}
    for row in rows.tolist():
        firsts.setdefault(subject.label(row), row)
    (label, row), *others = firsts.items()
    pictures = subject.data.schema.of_kind("image")
    named = [f"{name} ({subject.show(other) if pictures else f'row {other}'})" for name, other in others]
    return f"{subject.show(row)} → {label}; {some(named)}"
