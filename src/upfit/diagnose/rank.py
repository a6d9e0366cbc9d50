"""Causes before symptoms: which finding explains which."""

from __future__ import annotations

from upfit.diagnose.rules import RULES
from upfit.values import Finding

LEARNS_BADLY = {"underfit_budget", "underfit_capacity", "slow_convergence"}
HURTS = LEARNS_BADLY | {
    "clip_too_small",
    "dead_units",
    "exploding_gradient",
    "lr_too_large",
    "lr_too_small",
    "nan_loss",
    "oscillating_loss",
    "over_regularised",
    "overfit",
    "too_little_data",
    "vanishing_gradient",
    "wrong_activation",
}
"""What a model does that is wired wrongly, whatever the wire."""

EXPLAINS: dict[str, set[str]] = {
    "missing_zero_grad": HURTS,
    "optimizer_model_mismatch": HURTS | {"frozen_params", "optimizer_not_stepping"},
    "optimizer_not_stepping": HURTS | {"frozen_params"},
    "frozen_params": HURTS | {"detached_graph"},
    "detached_graph": HURTS | {"frozen_params"},
    "flipped_gradient": HURTS,
    "broadcast_bug": HURTS,
    "nan_input": HURTS,
    "label_corruption": HURTS | {"class_imbalance", "label_noise"},
    "missing_causal_mask": HURTS | {"data_leakage"},
    "loss_activation_mismatch": HURTS | {"bad_init", "detached_graph"},
    "bad_init": HURTS,
    "wrong_augmentation": LEARNS_BADLY
    | {"label_corruption", "label_noise", "oscillating_loss", "train_eval_skew"},
    "wrong_preprocessing": HURTS | {"bad_init", "detached_graph", "train_eval_skew"},
    "train_eval_skew": HURTS,
    "eval_mode_bug": HURTS,
    "no_shuffle": HURTS,
    "label_noise": LEARNS_BADLY | {"overfit", "oscillating_loss", "lr_too_large", "too_little_data"},
    "wrong_activation": LEARNS_BADLY | {"exploding_gradient", "dead_units", "nan_loss"},
    "lr_too_large": LEARNS_BADLY | {"dead_units", "exploding_gradient", "nan_loss", "oscillating_loss"},
    "exploding_gradient": {"nan_loss"},
    "clip_too_small": LEARNS_BADLY | {"lr_too_small"},
    "over_regularised": LEARNS_BADLY | {"lr_too_small", "vanishing_gradient", "dead_units"},
    "vanishing_gradient": LEARNS_BADLY | {"lr_too_small", "dead_units"},
    "dead_units": LEARNS_BADLY | {"lr_too_small", "vanishing_gradient"},
    "class_imbalance": LEARNS_BADLY | {"overfit"},
    "lr_too_small": LEARNS_BADLY,
    "underfit_budget": {"slow_convergence", "underfit_capacity"},
    "underfit_capacity": {"slow_convergence"},
    "too_little_data": {"overfit"},
    "tiny_last_batch": {"oscillating_loss", "nan_loss"},
    "out_of_memory": HURTS,
}
"""Cause → what it may bring about: a rate too large explains oscillation."""

GRAVE = {"error": 0, "warning": 1, "info": 2}
ORDER = {rule.kind: place for place, rule in enumerate(RULES)}


def ranked(findings: list[Finding]) -> tuple[Finding, ...]:
    """Findings with their causes named: unexplained ones first, then by gravity and confidence."""
    kinds = {finding.kind for finding in findings}
    linked = [finding.replace(causes=_causes(finding, kinds, findings)) for finding in findings]
    return tuple(sorted(linked, key=_place))


def _causes(finding: Finding, kinds: set[str], findings: list[Finding]) -> tuple[str, ...]:
    found = [kind for kind in kinds if finding.kind in explains(kind, findings)]
    return tuple(sorted(found, key=lambda kind: ORDER.get(kind, 99)))


def explains(kind: str, findings: list[Finding]) -> set[str]:
    """What a finding of that kind explains here: gradients that were enormous before step 1 blame no rate."""
    known = EXPLAINS.get(kind, set())
    at_start = any(one.kind == "exploding_gradient" and one.step is None for one in findings)
    if not at_start:
        return known
    if kind == "exploding_gradient":
        return known | {"lr_too_large"} | LEARNS_BADLY
    return known - {"exploding_gradient"} if kind == "lr_too_large" else known


def _place(finding: Finding) -> tuple[float, ...]:
    return (
        len(finding.causes) > 0,
        GRAVE[finding.severity],
        -finding.confidence,
        ORDER.get(finding.kind, 99),
    )
