"""Clusters of validation rows, alike in a frozen backbone's features, where errors gather; in plain words."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from scipy.stats import fisher_exact
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import TfidfVectorizer

from upfit.audit.finding import of_rows, percent
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.proposals import collect, heavier_class
from upfit.diagnose.mistakes.slices import FEWEST
from upfit.measure.proportions import LEVEL, clopper_pearson
from upfit.values import Change, Finding

ROWS_PER_CLUSTER, MOST = 40, 20
MAINLY = 0.7
"""Share of the errors of a cluster from which on they are those of one class."""

Mask = npt.NDArray[np.bool_]


def clusters(judged: Judged) -> tuple[Finding, ...]:
    """Clusters with more errors than the rest, beyond what trying many explains."""
    if judged.features_MD is None or len(judged.rows) < 4 * ROWS_PER_CLUSTER:
        return ()
    count = min(MOST, len(judged.rows) // ROWS_PER_CLUSTER)
    unit = judged.features_MD - judged.features_MD.mean(0)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = KMeans(count, n_init=3, random_state=0).fit(unit)
    found = []
    for index in range(count):
        mask = model.labels_ == index
        hits, rest_hits = int(judged.wrong[mask].sum()), int(judged.wrong[~mask].sum())
        table = [[hits, int(mask.sum()) - hits], [rest_hits, int((~mask).sum()) - rest_hits]]
        if mask.sum() >= FEWEST and fisher_exact(table, alternative="greater").pvalue < LEVEL / count:
            distance = np.linalg.norm(unit - model.cluster_centers_[index], axis=1)
            found.append(_finding(judged, mask, distance, count))
    return tuple(sorted(found, key=lambda one: -one.evidence["rate"]))


def _finding(judged: Judged, mask: Mask, distance: npt.NDArray[np.float32], tried: int) -> Finding:
    rate = clopper_pearson(int(judged.wrong[mask].sum()), int(mask.sum()), tried)
    wrong = np.flatnonzero(mask & judged.wrong)
    # The most typical errors of the cluster come first: they say what it is about.
    wrong = wrong[np.argsort(distance[wrong], kind="stable")]
    message = (
        f"rows alike in content ({described(judged, mask)}): {percent(rate.value)} wrong "
        f"({percent(rate.low)} to {percent(rate.high)}), {percent(float(judged.wrong[~mask].mean()))} "
        f"elsewhere; {mask.sum():,} validation rows"
    )
    found = of_rows(
        judged.subject,
        "weak_cluster",
        "warning",
        message,
        rows=judged.rows[wrong],
        examples=[judged.named(int(place)) for place in wrong],
        rate=rate.value,
        low=rate.low,
        high=rate.high,
        tried=tried,
    )
    because = f"rows alike in content: {described(judged, mask)}"
    wish = collect(judged, because, rows=judged.rows[wrong])
    advice = "relabel them if their classes overlap"
    return found.replace(cures=_main_class(judged, mask), actions=(wish,), advice=advice)


def _main_class(judged: Judged, mask: Mask) -> tuple[Change, ...]:
    """More weight for the class that most errors of a cluster belong to."""
    if not judged.subject.single_class:
        return ()
    counts = np.bincount(judged.predictions.targets[mask & judged.wrong])
    if counts.max() < MAINLY * counts.sum():
        return ()
    name = judged.subject.data.schema.classes[int(counts.argmax())]
    return heavier_class(judged, name, f"{percent(counts.max() / counts.sum())} of these errors are of it")


def described(judged: Judged, mask: Mask) -> str:
    """What sets a group apart: its words, else its classes, else what measures differently."""
    parts = [*_words(judged, mask), *_classes(judged, mask)]
    return "; ".join(parts) if parts else "no words for it"


def _words(judged: Judged, mask: Mask) -> list[str]:
    """Words that are much more frequent inside than outside."""
    if not judged.subject.data.schema.of_kind("text"):
        return []
    texts = [judged.subject.written[row] for row in judged.rows]
    vectoriser = TfidfVectorizer(min_df=2, stop_words="english", max_features=5000)
    try:
        weights = vectoriser.fit_transform(texts)
    except ValueError:
        return []
    inside = np.asarray(weights[np.flatnonzero(mask)].mean(0)).ravel()
    outside = np.asarray(weights[np.flatnonzero(~mask)].mean(0)).ravel()
    order = np.argsort(outside - inside)[:5]
    names = vectoriser.get_feature_names_out()
    return ["words " + ", ".join(str(names[k]) for k in order if inside[k] > 0)]


def _classes(judged: Judged, mask: Mask) -> list[str]:
    if not judged.subject.single_class:
        return []
    classes, targets = judged.subject.data.schema.classes, judged.predictions.targets[mask]
    names, counts = np.unique(targets, return_counts=True)
    order = np.argsort(-counts)[:3]
    shown = [f"{classes[int(names[k])]} {percent(counts[k] / len(targets))}" for k in order]
    return ["classes " + ", ".join(shown)]
