"""Target leakage: something in the input that gives the answer away and will not be there in use."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from upfit.audit.finding import percent, some
from upfit.audit.marks import marks
from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.values import Action, Finding

TELLS = 0.97
"""Cross-validated balanced accuracy (or R²) of one column alone that is too good to be true."""
IN_CLASS, ELSEWHERE = 0.9, 0.01
MOST_ROWS = 4000
LEAST = 6
"""Rows of a class that a column is judged by."""
LOOKED_AT, HOPEFUL = 1000, 0.9
"""A column that a tree cannot even learn by heart from so many rows as well as this is not looked at further:
nearly all columns are none that tell, and there may be thousands."""


def giveaways(subject: Subject) -> tuple[Finding, ...]:
    """Columns, words, image borders and marks that tell the label by themselves."""
    if subject.data.schema.task == "multilabel" or len(subject.open_rows) < 100:
        return ()
    return (*_columns(subject), *_words(subject), *_borders(subject), *marks(subject))


def _sampled(subject: Subject) -> npt.NDArray[np.int64]:
    count = len(subject.open_rows)
    rng = np.random.default_rng(0)
    return np.arange(count) if count <= MOST_ROWS else np.sort(rng.choice(count, MOST_ROWS, replace=False))


def _columns(subject: Subject) -> list[Finding]:
    places = _sampled(subject)
    rows, labels = subject.open_rows[places], np.asarray(subject.labels)[places]
    found = []
    for name in subject.data.schema.of_kind("number", "category"):
        score = _told(_codes(subject, name, rows), labels, subject.single_class)
        if score < TELLS:
            continue
        unit = "balanced accuracy" if subject.single_class else "R²"
        message = (
            f"{name!r} alone gives the target away ({unit} {score:.2f}); "
            "leave it out unless it is really known when predicting"
        )
        action = Action(do="drop", column=name, because="it gives the target away")
        found.append(
            Finding(
                kind="target_leakage",
                severity="error",
                message=message,
                evidence={"score": score},
                actions=(action,),
            )
        )
    return found


def _codes(subject: Subject, name: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """A column as numbers; categories by their place in the alphabet."""
    column = cells(subject.data, name, rows)
    if name in subject.data.schema.of_kind("number"):
        values = np.asarray(column.to_numpy(zero_copy_only=False), float)
        return np.asarray(np.nan_to_num(values, nan=-1e9, posinf=1e9, neginf=-1e9))
    return np.asarray(pc.fill_null(column.dictionary_encode().indices, -1).to_numpy(), float)


def _told(values: npt.NDArray[np.float64], labels: npt.NDArray[np.float64], classes: bool) -> float:
    """How well one column predicts the target on rows that the tree has not seen; 0 where it hardly can."""
    x = values[:, None]
    if not classes:
        model = DecisionTreeRegressor(min_samples_leaf=3, random_state=0)
        if model.fit(x[:LOOKED_AT], labels[:LOOKED_AT]).score(x[:LOOKED_AT], labels[:LOOKED_AT]) < HOPEFUL:
            return 0.0
        return float(np.mean(cross_val_score(model, x, labels, cv=3, scoring="r2")))
    kept = np.isin(labels, np.flatnonzero(np.bincount(labels) >= LEAST))
    x, labels = x[kept], labels[kept]
    some_of_each = _some_of_each(labels.astype(np.int64))
    if len(np.unique(labels)) < 2:
        return 0.0
    tree = DecisionTreeClassifier(min_samples_leaf=2, class_weight="balanced", random_state=0)
    true = labels[some_of_each].astype(np.int64)
    hit = tree.fit(x[some_of_each], true).predict(x[some_of_each]) == true
    recalls = np.bincount(true, weights=hit) / np.maximum(1, np.bincount(true))
    if recalls[np.unique(true)].mean() < HOPEFUL:
        return 0.0
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    return float(np.mean(cross_val_score(tree, x, labels, cv=folds, scoring="balanced_accuracy")))


def _some_of_each(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Places of about a thousand rows, of each class as many, or all that it has."""
    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    number_in_class = np.arange(len(labels)) - np.repeat(starts, counts)
    return np.asarray(order[number_in_class < max(LEAST, LOOKED_AT // max(1, len(counts)))])


def _words(subject: Subject) -> list[Finding]:
    """Words in nearly every text of a class and in next to none of the others."""
    if not (subject.single_class and subject.data.schema.of_kind("text")):
        return []
    written = [subject.written[row] for row in subject.open_rows]
    vectoriser = CountVectorizer(binary=True, min_df=0.002, token_pattern=r"(?u)\S+", max_features=50_000)
    try:
        flags = vectoriser.fit_transform(written)
    except ValueError:
        return []  # nothing but stop signs
    names, told = vectoriser.get_feature_names_out(), []
    totals = np.asarray(flags.sum(0)).ravel()
    for index, label in enumerate(subject.data.schema.classes):
        mask = np.asarray(subject.labels) == index
        if mask.sum() < 10 or mask.all():
            continue
        inside = np.asarray(flags[np.flatnonzero(mask)].sum(0)).ravel()
        outside = (totals - inside) / (~mask).sum()
        giving = np.flatnonzero((inside / mask.sum() >= IN_CLASS) & (outside <= ELSEWHERE))
        told += [f"{names[k]!r} in {percent(inside[k] / mask.sum())} of {label!r}" for k in giving[:3]]
    if not told:
        return []
    message = f"single words give a class away: {some(told, 3)}; right if they belong there, a leak if not"
    return [Finding(kind="target_leakage", severity="warning", message=message, examples=tuple(told))]


def _borders(subject: Subject) -> list[Finding]:
    """Classes that the rim of the picture tells: a frame, a mark, a background of their own."""
    if subject.pictures is None or not subject.single_class:
        return []
    places = _sampled(subject)
    rims = subject.pictures.border[subject.open_rows[places]].reshape(len(places), -1).astype(float) / 255
    labels = np.asarray(subject.labels)[places]
    kept = np.isin(labels, np.flatnonzero(np.bincount(labels) >= 10))
    if len(np.unique(labels[kept])) < 2 or float(rims.std()) < 1e-6:
        return []
    said = _from_rims(rims[kept], labels[kept])
    told = []
    for index in np.unique(labels[kept]).tolist():
        true, claimed = labels[kept] == index, said == index
        hits = int((true & claimed).sum())
        recall, precision = hits / true.sum(), hits / max(1, claimed.sum())
        if recall >= IN_CLASS and precision >= 0.95 and true.mean() < 0.8:
            told.append(
                f"{subject.data.schema.classes[index]!r} (recall {recall:.2f}, precision {precision:.2f})"
            )
    if not told:
        return []
    message = (
        f"the rim of the image alone tells {some(told, 3)}: a frame, a mark or a background that gives the "
        "class away; crop it off, or have all classes photographed alike"
    )
    evidence = {"classes": float(len(told))}
    severity = "error" if len(told) >= 0.5 * len(np.unique(labels)) else "warning"
    return [
        Finding(
            kind="target_leakage",
            severity=severity,  # type: ignore[arg-type]
            message=message,
            evidence=evidence,
            examples=tuple(told),
        )
    ]


def _from_rims(rims: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    model = LogisticRegression(C=1.0, max_iter=60)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folds = StratifiedKFold(3, shuffle=True, random_state=0)
        return np.asarray(cross_val_predict(model, rims, labels, cv=folds))
