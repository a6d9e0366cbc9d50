"""Before and after: two runs judged on the same validation rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from upfit.errors import RunFolderError
from upfit.measure import evidence, paired_gain
from upfit.report.words import metric_phrase
from upfit.values import Estimate, Predictions, Run


def compare(before: Run, after: Run) -> dict[str, Any]:
    """The metric of both runs on the validation rows that both were judged on, and the paired gain.

    Args:
        before: Trained on the data as they were.
        after: Trained with corrections.

    Returns:
        `metric`, `rows`, `before`, `after` and `gain` (value, low, high), `verdict` (-1, 0, 1: worse, within
        noise, better) and `sentence`.

    Raises:
        RunFolderError: They have no rows in common, or other labels on them.
    """
    old, new = _common(before.predictions, after.predictions)
    task, metric = before.schema.task, before.metric
    if not np.array_equal(old.targets, new.targets):
        raise RunFolderError("the two runs were judged on other labels, so they cannot be compared")
    gain = paired_gain(task, metric, new.scores, old.scores, old.targets)
    scores = [evidence(task, one.scores, one.targets, also=metric)[metric] for one in (old, new)]
    verdict = 1 if gain.low > 0 else -1 if gain.high < 0 else 0
    return {
        "metric": metric,
        "rows": len(old.rows),
        "before": _plain(scores[0]),
        "after": _plain(scores[1]),
        "gain": _plain(gain),
        "verdict": verdict,
        "sentence": _sentence(metric, gain, verdict, len(old.rows)),
    }


def _common(before: Predictions | None, after: Predictions | None) -> tuple[Predictions, Predictions]:
    if before is None or after is None:
        raise RunFolderError("one of the runs kept no predictions on validation")
    rows = np.intersect1d(before.rows, after.rows)
    if not len(rows):
        raise RunFolderError("the two runs have no validation row in common")
    return _of(before, rows), _of(after, rows)


def _of(predictions: Predictions, rows: np.ndarray) -> Predictions:
    order = np.argsort(predictions.rows)
    places = order[np.searchsorted(predictions.rows[order], rows)]
    return Predictions(rows, predictions.scores[places], predictions.targets[places])


def _plain(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _sentence(metric: str, gain: Estimate, verdict: int, rows: int) -> str:
    name, where = metric_phrase(metric), f"on the same {rows:,} validation rows"
    if gain.low == gain.high == 0:
        return f"Both models say exactly the same {where}."
    if verdict == 0:
        return f"The difference in {name} {where} may be noise: its interval holds 0."
    return f"The corrections {'improved' if verdict > 0 else 'worsened'} {name} {where}, beyond noise."
