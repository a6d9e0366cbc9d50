"""Arrays in, numbers with intervals out."""

from upfit.measure.baselines import baseline_scores
from upfit.measure.calibration import Bin, calibration_bins
from upfit.measure.evidence import evidence
from upfit.measure.metrics import (
    best_value,
    higher_is_better,
    metric_names,
    metrics,
    primary_metric,
    telling_metric,
)
from upfit.measure.paired import paired_gain
from upfit.measure.tables import ClassRow, confusion, example_losses, per_class

__all__ = [
    "Bin",
    "ClassRow",
    "baseline_scores",
    "best_value",
    "calibration_bins",
    "confusion",
    "evidence",
    "example_losses",
    "higher_is_better",
    "metric_names",
    "metrics",
    "paired_gain",
    "per_class",
    "primary_metric",
    "telling_metric",
]
