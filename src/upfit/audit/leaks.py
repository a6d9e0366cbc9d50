"""Leaks between parts: the same inputs in train and in what judges it."""

from __future__ import annotations

import numpy as np

from upfit.audit.finding import drop, of_rows, percent, times
from upfit.audit.subject import JUDGED, Subject
from upfit.values import Finding

NOTABLE = 0.01


def leaks(subject: Subject) -> tuple[Finding, ...]:
    """Exact duplicates across parts. The cure drops the copy that is used for learning or choosing."""
    if not subject.divided:
        return ()  # splits that upfit makes keep duplicates together
    return tuple(one for left, right in JUDGED for one in _between(subject, left, right))


def _between(subject: Subject, left: str, right: str) -> tuple[Finding, ...]:
    here, there = subject.rows_of(left), subject.rows_of(right)
    leaked = there[np.isin(subject.keys[there], subject.keys[here])]
    if not len(leaked):
        return ()
    copies = here[np.isin(subject.keys[here], subject.keys[leaked])]
    share = len(leaked) / len(there)
    table = subject.data.schema.modality == "table"
    verb = times(len(leaked), f"{right} row is", f"{right} rows are")
    message = f"{verb} also in {left} ({percent(share)} of {right}); "
    slight = "a little " if share < NOTABLE else ""
    message += (
        "for a table of few columns that can be chance" if table else f"the {right} score is {slight}too kind"
    )
    because = f"the same inputs are in {right}"
    return (
        of_rows(
            subject,
            "data_leakage",
            "info" if table else ("error" if share >= NOTABLE else "warning"),
            message,
            rows=leaked,
            actions=[] if table else [drop(copies, because)],
            share=share,
        ),
    )
