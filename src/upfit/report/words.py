"""How metrics, candidates and numbers are written, the same in every report."""

from __future__ import annotations

import math

from upfit.measure.metrics import LOWER_IS_BETTER, PROPORTIONS
from upfit.measure.pinball import pinball_level
from upfit.values import Estimate

METRICS = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "micro_f1": "Micro F1",
    "log_loss": "Log-loss",
    "calibration_error": "Calibration error",
    "auroc": "AUROC",
    "map": "Mean average precision",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "r2": "R²",
    "spearman": "Spearman correlation",
    "pearson": "Pearson correlation",
}
CANDIDATES = {
    "majority": "Majority class",
    "mean": "Mean of the training targets",
    "probe": "Linear probe",
    "tuned": "Fine-tuned",
    "refitted": "Fine-tuned, probe refitted",
}
PHRASES = {
    "majority": "the majority class",
    "mean": "the mean of the training targets",
    "probe": "the linear probe",
    "tuned": "the fine-tuned model",
    "refitted": "the probe refitted on the fine-tuned model",
}
_UNITLESS = PROPORTIONS | {"calibration_error", "r2", "spearman", "pearson", "log_loss"}


def metric_label(metric: str) -> str:
    """A metric's name in words.

    >>> metric_label("macro_f1")
    'Macro F1'
    """
    level = pinball_level(metric)
    if level is not None:
        return f"Pinball loss at {level:g}"
    return METRICS.get(metric, metric.replace("_", " "))


def metric_phrase(metric: str) -> str:
    """A metric within a sentence: lower case, but for names that are abbreviations.

    >>> metric_phrase("accuracy"), metric_phrase("auroc"), metric_phrase("r2"), metric_phrase("macro_f1")
    ('accuracy', 'AUROC', 'R²', 'macro F1')
    """
    label = metric_label(metric)
    return label if metric in ("auroc", "r2", "pearson", "spearman") else label[0].lower() + label[1:]


def better_is(metric: str) -> str:
    """Which way is better, in a word."""
    return "lower" if metric in LOWER_IS_BETTER or pinball_level(metric) else "higher"


def candidate_label(name: str) -> str:
    """A candidate's name in words."""
    return CANDIDATES.get(name, name)


def candidate_phrase(name: str) -> str:
    """A candidate within a sentence."""
    return PHRASES.get(name, name)


def number(value: float, metric: str = "", *, sign: bool = False) -> str:
    """A value with three decimals, or four significant digits where it carries the target's unit.

    >>> number(0.97214, "accuracy"), number(1234.567, "mae"), number(0.0123, "accuracy", sign=True)
    ('0.972', '1235', '+0.012')
    """
    return _written(value, _decimals(metric, value), sign=sign)


def interval(estimate: Estimate, metric: str = "", *, sign: bool = False) -> str:
    """The interval without the value: `0.955 to 0.986`."""
    decimals = _decimals(metric, estimate.low, estimate.high)
    low, high = (_written(end, decimals, sign=sign) for end in (estimate.low, estimate.high))
    return f"{low} to {high}"


def with_interval(estimate: Estimate, metric: str = "", *, sign: bool = False) -> str:
    """A value and its 95 % interval.

    >>> with_interval(Estimate(0.972, 0.955, 0.986), "accuracy")
    '0.972 (0.955 to 0.986)'
    >>> with_interval(Estimate(52.91, 43.9, 61.912), "rmse")
    '52.91 (43.90 to 61.91)'
    """
    decimals = _decimals(metric, estimate.low, estimate.high)
    value = _written(estimate.value, decimals, sign=sign)
    return f"{value} ({interval(estimate, metric, sign=sign)})"


def _decimals(metric: str, *values: float) -> int:
    """Decimals for values that stand together."""
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if metric in _UNITLESS or largest == 0:
        return 3
    return min(9, max(0, 3 - math.floor(math.log10(largest))))


def _written(value: float, decimals: int, *, sign: bool) -> str:
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 1e9:
        return f"{value:.3e}"
    value = 0.0 if abs(value) < 0.5 * 10**-decimals else value
    return f"{value:{'+' if sign and value else ''}.{decimals}f}"


def duration(seconds: float) -> str:
    """A length of time as people say it.

    >>> duration(0.4), duration(75), duration(4000)
    ('0.4 s', '1 min 15 s', '1 h 6 min')
    """
    if not math.isfinite(seconds) or seconds < 0:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
