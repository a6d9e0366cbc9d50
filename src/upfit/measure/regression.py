"""Metrics of a predicted number, for the whole sample and for resamples."""

from __future__ import annotations

import numpy as np

from upfit.measure.arrays import Array, Floats
from upfit.measure.ranking import midranks, ranking
from upfit.measure.statistic import Statistic

# Variance below this fraction of the whole sample's is rounding, not spread.
ROUNDING = 1e-10


def errors(scores_N1: Floats, values_N: Floats) -> Statistic:
    """MAE, RMSE, R² and Pearson's correlation: sums of moments over examples.

    R² and Pearson are left out where a sample has no spread.
    """
    off = scores_N1[:, 0] - values_N
    # Centred, so that the variance is not the small difference of large numbers.
    said, true = scores_N1[:, 0] - scores_N1.mean(), values_N - values_N.mean()
    moments = np.stack([np.abs(off), off**2, said, true, said**2, true**2, said * true])
    floor_said, floor_true = ROUNDING * _scale(scores_N1[:, 0]), ROUNDING * _scale(values_N)

    def measure(counts_NR: Floats) -> dict[str, Floats]:
        total = counts_NR.sum(axis=0)
        mae, mse, said, true, said2, true2, both = moments @ counts_NR / total
        spread_said = _spread(said2 - said**2, floor_said)
        spread_true = _spread(true2 - true**2, floor_true)
        return {
            "mae": mae,
            "rmse": np.sqrt(mse),
            "r2": 1 - mse / spread_true,
            "pearson": np.clip((both - said * true) / np.sqrt(spread_said * spread_true), -1, 1),
        }

    return measure


def ranked(scores_N1: Floats, values_N: Floats) -> Statistic:
    """Spearman's rank correlation, the ranks taken anew in every resample."""
    said, true = ranking(scores_N1[:, 0]), ranking(values_N)

    def measure(counts_NR: Floats) -> dict[str, Floats]:
        ranks_said, ranks_true = midranks(said, counts_NR) - 0.5, midranks(true, counts_NR) - 0.5
        share = counts_NR / counts_NR.sum(axis=0)
        # A mean rank is always the middle, so the moments are central already.
        both = np.einsum("nr,nr,nr->r", share, ranks_said, ranks_true)
        said2 = np.einsum("nr,nr->r", share, ranks_said**2)
        true2 = np.einsum("nr,nr->r", share, ranks_true**2)
        spread = np.sqrt(_spread(said2, ROUNDING) * _spread(true2, ROUNDING))
        return {"spearman": np.clip(both / spread, -1, 1)}

    return measure


def _scale(values_N: Array) -> float:
    """The size of a variance that rounding could fake, or the variance itself, whichever is larger."""
    return float(np.var(values_N) + 1e-6 * np.mean(values_N**2)) or 1.0


def _spread(variance_R: Floats, floor: float) -> Floats:
    return np.where(variance_R > floor, variance_R, np.nan)
