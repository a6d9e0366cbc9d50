"""Missing cells: how many, in which columns, and whether being missing tells the label."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
from scipy.stats import chi2_contingency

from upfit.audit.finding import percent
from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.values import Action, Finding

NOTABLE, MOSTLY = 0.01, 0.6


def missing(subject: Subject) -> tuple[Finding, ...]:
    """One finding a column with at least one cell in a hundred missing."""
    found, only_text = [], len(subject.data.schema.of_kind("text")) == 1
    for column in subject.data.schema.columns:
        if column.kind == "image" or (column.kind == "text" and only_text):
            continue  # rows without any text are told of with the other faults of texts
        gaps = np.asarray(pc.is_null(cells(subject.data, column.name)).to_numpy(zero_copy_only=False), bool)
        share = float(gaps.mean())
        if share >= NOTABLE:
            found.append(_finding(subject, column.name, column.kind, gaps, share))
    return tuple(found)


def _finding(subject: Subject, name: str, kind: str, gaps: np.ndarray, share: float) -> Finding:
    filler = {"number": "median", "text": "missing"}.get(kind, "mode")
    message = f"{name!r} is missing in {percent(share)} of rows"
    tells = _tells(subject, gaps)
    if tells:
        message += f", and that tells something about the label ({tells}): keep a sign that it was missing"
        filler = filler if kind == "number" else "missing"
    rows = np.flatnonzero(gaps)
    action = Action(
        do="fill",
        column=name,
        to=filler,
        because=f"{percent(share)} missing; "
        + ("a word for it" if kind == "text" else "learnt on train alone"),
        doubtful=kind == "text",  # nothing written is often as good as a word for it
    )
    return Finding(
        kind="missing_values",
        severity="warning" if share >= MOSTLY else "info",
        message=message,
        evidence={"rows": float(len(rows)), "share": share},
        rows=tuple(rows.tolist()),
        actions=(action,),
    )


def _tells(subject: Subject, gaps: np.ndarray) -> str:
    """In words, how much oftener the cell is missing in one class than in another; "" where it is not."""
    if not subject.single_class or len(subject.data.schema.classes) > 20:
        return ""
    inside, labels = gaps[subject.open_rows], subject.labels
    table = np.stack(
        [np.bincount(labels[inside == flag], minlength=labels.max() + 1) for flag in (True, False)]
    )
    table = table[:, table.sum(0) >= 20]
    if table.shape[1] < 2 or (table.sum(1) == 0).any():
        return ""
    rates = table[0] / table.sum(0)
    if chi2_contingency(table).pvalue > 1e-6 or rates.max() - rates.min() < 0.02:
        return ""
    return f"{percent(float(rates.min()))} to {percent(float(rates.max()))} by class"
