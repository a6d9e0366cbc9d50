"""Groups that training hardly has: of a class, or of what validation and test are made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from upfit.audit.finding import percent, times
from upfit.audit.measurements import bands, measurements
from upfit.audit.subject import Subject
from upfit.measure.proportions import clopper_pearson
from upfit.values import Action, Estimate, Finding

THIN = 30
"""Rows below which what is learnt of a group is luck."""
WANTED = 2 * THIN
"""Rows of a group that a class would have at the usual share, for next to none of them to be telling."""
FAR = 0.5
"""Part of the share that would be usual, below which even the upper end of the interval has to lie."""

Mask = npt.NDArray[np.bool_]
Group = tuple[float, str, Action]


def thin_pairs(subject: Subject) -> tuple[Finding, ...]:
    """Groups by measurement or category that a class, or that training, has next to nothing of.

    Groups are the lowest and highest quarters of lengths, brightnesses, sizes and numbers, and the frequent
    values of categories. Intervals are Clopper-Pearson at 95 % for all that were tried together (Bonferroni).
    """
    groups = list(bands(measurements(subject)))
    return tuple(
        one for one in (_of_classes(subject, groups), _of_training(subject, groups)) if one is not None
    )


def _of_classes(subject: Subject, groups: list[tuple[str, Mask]]) -> Finding | None:
    # In a bare table a class without high numbers is what there is to be learnt, not what is missing.
    if not subject.single_class or subject.data.schema.modality == "table":
        return None
    train = subject.rows_of("train")
    classes = subject.classes_of_rows[train]
    sizes = np.bincount(classes, minlength=len(subject.data.schema.classes))
    usual = {name: float(mask[train].mean()) for name, mask in groups}
    tried = [
        (k, name, mask)
        for name, mask in groups
        for k, size in enumerate(sizes)
        if size * usual[name] >= WANTED
    ]
    found: list[Group] = []
    for index, name, mask in tried:
        count = int((mask[train] & (classes == index)).sum())
        share = clopper_pearson(count, int(sizes[index]), len(tried))
        if count < THIN and share.high < FAR * usual[name]:
            label = subject.data.schema.classes[index]
            words = f"{label!r} with {name}: {_counted(count, share)}, {percent(usual[name])} of all"
            found.append((share.value / usual[name], words, _wish(subject, label, name)))
    what = "a class has next to no rows of a kind that is usual elsewhere, and a model takes that for a rule"
    return _finding("thin_pair", what, found, len(tried))


def _of_training(subject: Subject, groups: list[tuple[str, Mask]]) -> Finding | None:
    train, judging = subject.rows_of("train"), subject.rows_of("validation", "test")
    if len(judging) < WANTED or len(train) < WANTED:
        return None
    tried = [(name, mask) for name, mask in groups if mask[judging].sum() >= THIN]
    found: list[Group] = []
    for name, mask in tried:
        there = clopper_pearson(int(mask[judging].sum()), len(judging), 2 * len(tried))
        here = clopper_pearson(int(mask[train].sum()), len(train), 2 * len(tried))
        if here.high < FAR * there.low:
            count = _counted(int(mask[train].sum()), here)
            words = f"{name}: {count} of train, {percent(there.value)} of the rest"
            found.append((here.value / there.value, words, _wish(subject, "", name)))
    what = "validation and test have many rows of a kind that training hardly has"
    return _finding("thin_in_training", what, found, len(tried))


def _counted(count: int, share: Estimate) -> str:
    return f"{times(count, 'row')}, {percent(share.value)} ({percent(share.low)} to {percent(share.high)})"


def _wish(subject: Subject, label: str, name: str) -> Action:
    target = subject.data.schema.target[0] if label else ""
    because = f"those with {name}" if label else f"rows with {name}"
    return Action(do="collect", column=target, values=(label,) if label else (), to=THIN, because=because)


def _finding(kind: str, what: str, found: list[Group], tried: int) -> Finding | None:
    """All groups in one finding, the thinnest first."""
    if not found:
        return None
    found.sort(key=lambda one: one[0])
    names = [words for _, words, _ in found]
    return Finding(
        kind=kind,
        severity="info",
        message=f"{what}: {'; '.join(names[:2])}{f' and {len(names) - 2} more' if len(names) > 2 else ''}",
        evidence={"groups": float(len(found)), "tried": float(tried)},
        examples=tuple(names[:12]),
        actions=tuple(action for _, _, action in found[:12]),
    )
