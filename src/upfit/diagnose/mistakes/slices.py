"""Slices: groups of validation rows with more errors than the rest, beyond what trying many explains."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.stats import fisher_exact

from upfit.audit.finding import of_rows, percent
from upfit.audit.measurements import bands
from upfit.diagnose.mistakes.judged import Judged
from upfit.diagnose.mistakes.proposals import (
    collect,
    collect_classes,
    fairer_draws,
    heavier_class,
    larger_pictures,
    longer_texts,
    more_colour,
    softer_pictures,
)
from upfit.measure.proportions import LEVEL, clopper_pearson
from upfit.values import Action, Change, Estimate, Finding

FEWEST = 15
MOST = 6
"""Slices that are told of."""
RARE = "the rarer quarter of the classes"

Mask = npt.NDArray[np.bool_]


def slices(judged: Judged) -> tuple[Finding, ...]:
    """Slices by class frequency and by plain measurements, the worst first.

    Intervals are Clopper-Pearson at 95 % for all slices tried together (Bonferroni), and a slice has to
    differ from the rest by Fisher's test at the same level.
    """
    wrong = judged.wrong
    tried = [(name, mask) for name, mask in _candidates(judged) if FEWEST <= mask.sum() <= 0.8 * len(mask)]
    found = []
    for name, mask in tried:
        hits, count = int(wrong[mask].sum()), int(mask.sum())
        rest_hits, rest = int(wrong[~mask].sum()), int((~mask).sum())
        table = [[hits, count - hits], [rest_hits, rest - rest_hits]]
        p = float(fisher_exact(table, alternative="greater").pvalue)
        if p < LEVEL / len(tried):
            found.append(
                (hits / count - rest_hits / rest, name, mask, clopper_pearson(hits, count, len(tried)))
            )
    kept = _apart(sorted(found, key=lambda one: -one[0]))
    return tuple(_finding(judged, name, mask, rate, len(tried)) for _, name, mask, rate in kept[:MOST])


def _candidates(judged: Judged) -> Iterator[tuple[str, Mask]]:
    """Named groups: quarters of each measurement, values of each category, rare and single classes."""
    yield from bands(judged.measured)
    if judged.subject.single_class and len(judged.train_counts):
        targets = judged.predictions.targets
        rare = judged.train_counts <= np.quantile(judged.train_counts, 0.25)
        if judged.train_counts.max() >= 3 * judged.train_counts[rare].max():
            yield RARE, rare[targets]
        for index, name in enumerate(judged.subject.data.schema.classes):
            yield f"the class {name!r}", targets == index


def _apart(found: list[tuple[float, str, Mask, Estimate]]) -> list[tuple[float, str, Mask, Estimate]]:
    """Slices that are not mostly one that was told of before."""
    kept: list[tuple[float, str, Mask, Estimate]] = []
    for one in found:
        if all((one[2] & other[2]).sum() < 0.7 * min(one[2].sum(), other[2].sum()) for other in kept):
            kept.append(one)
    return kept


def _finding(judged: Judged, name: str, mask: Mask, rate: Estimate, tried: int) -> Finding:
    rest = float(judged.wrong[~mask].mean())
    places = np.flatnonzero(mask & judged.wrong)
    order = places[np.argsort(-judged.losses[places], kind="stable")]
    message = (
        f"{name}: {percent(rate.value)} wrong ({percent(rate.low)} to {percent(rate.high)}), "
        f"{percent(rest)} elsewhere; {mask.sum():,} validation rows"
    )
    found = of_rows(
        judged.subject,
        "weak_slice",
        "warning" if rate.value >= 2 * rest else "info",
        message,
        rows=judged.rows[order],
        examples=[judged.named(int(place)) for place in order],
        rate=rate.value,
        low=rate.low,
        high=rate.high,
        elsewhere=rest,
        tried=tried,
    )
    cures, wish, advice = proposal(judged, name, mask)
    return found.replace(cures=cures, actions=(wish,), advice=advice)


def proposal(judged: Judged, name: str, mask: Mask) -> tuple[tuple[Change, ...], Action, str]:
    """What may help a slice: changes of the recipe, the data to collect, and a word on both."""
    because = f"weak on {name}"
    wrong = judged.rows[mask & judged.wrong]
    if name.startswith("the class "):
        only = judged.subject.data.schema.classes[int(judged.predictions.targets[mask][0])]
        cures = (*heavier_class(judged, only, because), *fairer_draws(judged, because))
        return cures, collect_classes(judged, [only], because), "look whether its label means one thing"
    if name == RARE:
        classes, targets = judged.subject.data.schema.classes, judged.predictions.targets
        wish = collect_classes(judged, [classes[k] for k in np.unique(targets[mask])], because)
        return fairer_draws(judged, because), wish, ""
    column, equals, value = name.partition(" = ")
    if equals and column in judged.subject.data.schema.of_kind("category"):
        return (), collect(judged, because, rows=wrong, column=column, values=[value]), ""
    cures = _for_pictures(judged, name, mask, because)
    if name.startswith("words of"):
        words = float(np.median(judged.measured["words"][mask]))
        cures = longer_texts(judged, because, words)
    return cures, collect(judged, because, rows=wrong), ""


def _for_pictures(judged: Judged, name: str, mask: Mask, because: str) -> tuple[Change, ...]:
    """Training pictures that vary more in what the slice differs by, or show more of it."""
    if name.startswith(("brightness", "contrast")):
        return more_colour(judged, because)
    if name.startswith("sharpness up to"):
        return softer_pictures(judged, because)
    if name.startswith(("width (pixels) of", "height (pixels) of", "sharpness of")):
        side = float(np.median(judged.measured["width (pixels)"][mask]))
        return larger_pictures(judged, because, side)
    return ()
