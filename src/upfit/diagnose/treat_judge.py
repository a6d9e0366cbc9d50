"""Is a cure worth keeping? Only beyond noise, on validation, in every pair of seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from upfit.measure import telling_metric
from upfit.values import Cure, Estimate

if TYPE_CHECKING:
    from upfit.diagnose.treat_attempt import Attempt

TOO_LITTLE = frozenset({"underfit_budget", "slow_convergence", "lr_too_small"})
"""Illnesses of training that did not get far."""
MISFIT = "loss_activation_mismatch"
TELLING = telling_metric("multiclass")
"""What judges classifiers before their answers change."""


def judging_metric(kind: str, before: Attempt, after: Attempt, metric: str) -> str:
    """What judges a cure: the metric; while neither side does better than guessing in it, the log-loss.

    Only where training did not get far: there a lower loss is half the way, elsewhere it may be no more than
    milder mistakes. Answers that compete where several may be true can be ranked well and yet all be noes.
    """
    if kind == MISFIT and metric == "map":
        return "micro_f1"
    early = kind in TOO_LITTLE and before.is_guessing(metric) and after.is_guessing(metric)
    return TELLING if early else metric


def judged(gains: Sequence[Estimate]) -> tuple[Estimate, bool]:
    """The gain over pairs of trials with one seed each, and whether it is beyond noise.

    The interval is the mean of the pairs' intervals, which is wider than that of their mean: what is kept
    stays, so a wrong yes costs more than a wrong no.

    Args:
        gains: One a seed, paired over the same validation examples, positive is better.

    >>> judged([Estimate(0.1, 0.05, 0.2), Estimate(0.2, 0.1, 0.3)])[1]
    True
    >>> judged([Estimate(0.3, 0.2, 0.4), Estimate(-0.01, -0.05, 0.03)])[1]
    False
    """
    count = len(gains)
    mean = Estimate(
        sum(gain.value for gain in gains) / count,
        sum(gain.low for gain in gains) / count,
        sum(gain.high for gain in gains) / count,
    )
    return mean, mean.low > 0 and all(gain.value > 0 for gain in gains)


def best_alone(lines: Sequence[Cure], *, lost: str) -> tuple[Cure, ...]:
    """The lines of a round of trials with at most one kept: cures of one illness do not add up.

    Args:
        lines: One for each candidate.
        lost: What is added to the reasons of those that gained too, but less.

    >>> kept = [Cure(kind="overfit", outcome="kept", gain=Estimate(gain, 0.01, 0.3)) for gain in (0.1, 0.2)]
    >>> [line.outcome for line in best_alone(kept, lost=" Another cure gained more.")]
    ['undone', 'kept']
    """
    # What gains in the metric itself goes before what gains in the log-loss.
    kept = [line for line in lines if line.is_kept]
    winner = max(kept, key=lambda line: (line.metric != TELLING, _gained(line)), default=None)
    return tuple(
        line.replace(outcome="undone", why=f"{line.why}{lost}")
        if line.is_kept and line is not winner
        else line
        for line in lines
    )


def _gained(line: Cure) -> float:
    return line.gain.value if line.gain is not None else 0.0
