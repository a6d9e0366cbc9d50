"""The histogram of the labels, and whether the loss makes up for it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import ks_2samp, mannwhitneyu

from upfit.diagnose.preflight.start import classes
from upfit.diagnose.preflight.subject import Subject
from upfit.errors import InputError
from upfit.measure.inside.scores import IGNORED

FEWEST = 30
"""Values of each part, for their distributions to be compared."""


def measure(subject: Subject) -> dict[str, float]:
    """Counts of classes as the loader delivers them: after whatever sampler balances them."""
    found = subject.surveyed
    targets = found.targets
    if not targets.size:
        return {}
    facts = {
        "labels.not_finite": float(found.bad_targets),
        "labels.examples": float(found.examples),
        "labels.gaps_left_out": float(_leaves_gaps_out(subject)),
    }
    if subject.task == "regression":
        finite = targets[np.isfinite(targets.astype(float))]
        spread = float(finite.std()) if finite.size else math.nan
        middle = float(finite.mean()) if finite.size else math.nan
        return (
            facts
            | {
                "labels.spread": spread,
                "labels.middle": middle,
                "labels.constant": float(spread == 0),
            }
            | _apart(finite, subject.surveyed_validation.targets)
        )
    several = targets.ndim == 2 and targets.shape[1] > 1 and targets.dtype.kind == "f"
    if subject.task == "multilabel" or several:
        return facts
    return facts | _histogram(subject, targets.reshape(-1)) | _unknown(subject) | _held(subject)


def _apart(values: npt.NDArray[Any], held: npt.NDArray[Any]) -> dict[str, float]:
    """How far the distributions of values to predict lie apart (Kolmogorov and Smirnov), beyond chance."""
    held = held[np.isfinite(held.astype(float))] if held.size else held
    if min(len(values), len(held)) < FEWEST:
        return {}
    found = ks_2samp(values, held)
    return {"labels.apart": float(found.statistic) if found.pvalue < 1e-4 else 0.0}


def _unknown(subject: Subject) -> dict[str, float]:
    """Share of validation examples whose class no training example has."""
    train, held = subject.surveyed, subject.surveyed_validation
    if not train.whole or not held.targets.size or subject.task != "classification":
        return {}
    kept = _judged(subject, held.targets.reshape(-1))
    if not len(kept):
        return {}
    unknown = ~np.isin(kept, train.targets)
    facts = {"labels.unknown": float(unknown.mean())}
    known, asked = train.inputs, held.inputs
    tables = known.ndim == asked.ndim == 2 and unknown.ndim == 1 and not held.tokens
    if not tables or known.shape[1] != asked.shape[1] or len(asked) != len(unknown):
        return facts
    return facts | _unlike(known, asked, unknown)


def _unlike(known: npt.NDArray[Any], asked: npt.NDArray[Any], strange: npt.NDArray[Any]) -> dict[str, float]:
    """How surely an example of an unknown class is further from training than one of a known class.

    0.5 where they are as near: then training shows such examples under another name.
    """
    from sklearn.neighbors import NearestNeighbors

    whole = np.isfinite(known).all() and np.isfinite(asked).all()
    if not whole or min(strange.sum(), (~strange).sum()) < FEWEST or not len(known):
        return {}
    far = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(asked)[0][:, 0]
    found = mannwhitneyu(far[strange], far[~strange]).statistic
    return {"labels.unknown_unlike": float(found / strange.sum() / (~strange).sum())}


def _held(subject: Subject) -> dict[str, float]:
    """Share of the rarest class among validation examples, where all of them were seen."""
    held = subject.surveyed_validation
    if not held.whole or not held.targets.size or subject.task != "classification":
        return {}
    counts = np.unique(_judged(subject, held.targets.reshape(-1)), return_counts=True)[1]
    return {"labels.held_rarest": float(counts.min() / counts.sum())} if len(counts) > 1 else {}


def _judged(subject: Subject, labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels without those that the loss leaves out."""
    ignored = getattr(subject.calls.loss_fn, "ignore_index", IGNORED)
    return np.asarray(labels[(labels != ignored) & (labels != IGNORED)])


def _histogram(subject: Subject, labels: np.ndarray) -> dict[str, float]:
    kept = _judged(subject, labels)
    facts = {"labels.ignored_share": 1 - len(kept) / max(1, len(labels))}
    if not len(kept):
        return facts
    values, counts = np.unique(kept, return_counts=True)
    # One output for several classes is the output's fault, not the labels'.
    width = max(classes(subject), int(kept.max()) + 1) if _is_single(subject) else classes(subject)
    facts |= {
        "labels.seen": float(len(values)),
        "labels.classes": float(max(width, len(values))),
        "labels.outside": float(((kept < 0) | (kept >= max(width, 2))).mean()),
        "labels.whole_numbers": float((kept == np.round(kept)).all()),
    }
    if subject.task == "language_model":
        # Tokens are as rare as they are.
        return facts
    facts |= {
        "labels.rarest_share": float(counts.min() / counts.sum()),
        "labels.commonest_share": float(counts.max() / counts.sum()),
        "labels.ratio": float(counts.max() / counts.min()),
        "labels.rare_classes": float((counts < 0.1 * counts.sum() / max(width, len(values))).sum()),
    }
    if subject.task == "classification" and not _is_single(subject) and facts["labels.outside"] == 0:
        facts["labels.weighted"] = float(
            _is_weighted(subject, values[counts.argmin()], values[counts.argmax()], width)
        )
    elif _is_single(subject) and len(values) == 2:
        facts["labels.weighted"] = float(_is_weighted_for(subject, values[counts.argmin()]))
    return facts


@torch.no_grad()
def _leaves_gaps_out(subject: Subject) -> bool:
    """Whether the loss of a batch with targets that are no numbers is one."""
    for example in subject.batches:
        target = example.target
        if isinstance(target, torch.Tensor) and target.is_floating_point() and not target.isfinite().all():
            return math.isfinite(float(subject.calls.measured(example)[1]))
    return False


def _is_single(subject: Subject) -> bool:
    answer = subject.calls.answer(subject.batches[0])
    return answer.ndim < 2 or answer.shape[1] == 1


def _is_weighted_for(subject: Subject, rare: float) -> bool:
    """The same for a single output that says yes or no."""
    example = subject.batches[0]
    if not isinstance(example.target, torch.Tensor):
        return False
    target = example.target.reshape(-1)
    target = torch.stack([torch.full_like(target[0], rare), torch.full_like(target[0], 1 - rare)])
    target = target.reshape(2, *[1] * (example.target.ndim - 1))
    answer = torch.zeros(2, *subject.calls.answer(example).shape[1:], device=target.device)
    return _pulls_harder(subject, answer, target)


def _is_weighted(subject: Subject, rare: float, common: float, width: int) -> bool:
    """Whether an example of the rare class pulls harder: the gradients of equal answers are compared."""
    target = torch.tensor([int(rare), int(common)], device=subject.calls.device())
    return _pulls_harder(subject, torch.zeros(2, width, device=target.device), target)


def _pulls_harder(subject: Subject, answer: torch.Tensor, target: torch.Tensor) -> bool:
    """Whether the first of two examples with equal answers has the larger gradient."""
    answer = answer.requires_grad_()
    try:
        with torch.enable_grad():
            subject.calls.loss(answer, target).backward()
    except (RuntimeError, ValueError, IndexError, TypeError, InputError):
        return False
    if answer.grad is None:
        return False
    pull = answer.grad.reshape(2, -1).norm(dim=1)
    return float(pull[0]) > 1.5 * float(pull[1])
