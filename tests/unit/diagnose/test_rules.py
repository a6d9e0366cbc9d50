"""Every rule on made Traces: it speaks on its illness, is quiet on a healthy run, says what it lacks."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from upfit.diagnose import RULES, diagnose
from upfit.diagnose.seen import Seen
from upfit.testing.traces import HEALTHY_FACTS, falling, healthy_trace, made_trace
from upfit.values import Recipe, Trace
from upfit.values.trace import Health

VOCABULARY = [
    "vanishing_gradient",
    "exploding_gradient",
    "nan_loss",
    "nan_input",
    "dead_units",
    "bad_init",
    "lr_too_large",
    "lr_too_small",
    "oscillating_loss",
    "slow_convergence",
    "underfit_budget",
    "underfit_capacity",
    "overfit",
    "over_regularised",
    "too_little_data",
    "class_imbalance",
    "label_noise",
    "label_corruption",
    "data_leakage",
    "missing_causal_mask",
    "wrong_preprocessing",
    "train_eval_skew",
    "wrong_augmentation",
    "eval_mode_bug",
    "loss_activation_mismatch",
    "wrong_activation",
    "broadcast_bug",
    "flipped_gradient",
    "missing_zero_grad",
    "optimizer_model_mismatch",
    "optimizer_not_stepping",
    "frozen_params",
    "detached_graph",
    "pretrained_not_loaded",
    "clip_too_small",
    "no_shuffle",
    "out_of_memory",
    "memory_leak",
    "replica_divergence",
    "worker_seed_bug",
    "tiny_last_batch",
]

FLAT = [2.3] * 200
SLOW = [2.31 - 0.001 * i for i in range(200)]
POOR = [(2.2, 0.3)] * 6
FEW = {**HEALTHY_FACTS, "inputs.examples": 60.0}


def poor(losses=FLAT, validation=POOR, healths=(), **facts):
    return made_trace(losses, validation=validation, facts={**HEALTHY_FACTS, **facts}, healths=healths)


SICK = {
    "nan_loss": made_trace([2.3, 2.2, math.nan], facts=HEALTHY_FACTS),
    "nan_input": healthy_trace(**{"inputs.not_finite": 1.0, "inputs.first_bad": 17.0}),
    "exploding_gradient": made_trace([2.0] * 30 + [50.0] * 30, norms=[1.0] * 30 + [400.0] * 30),
    "vanishing_gradient": poor(
        **{"gradients.first_over_last": 1e-6, "gradients.first": 1e-8, "gradients.layers": 9.0}
    ),
    "dead_units": poor(healths=[Health(50, dead={"relu": 0.97})]),
    "bad_init": healthy_trace(**{"weights.identical": 0.5}),
    "lr_too_large": poor([2.3] + [4.0] * 50, **{"rates.as_set": 9.0, "rates.worst": 9.0, "rates.tenth": 1.9}),
    "lr_too_small": poor(SLOW, **{"rates.as_set": 2.299, "rates.hundred": 1.2, "descent.update_ratio": 2e-5}),
    "oscillating_loss": made_trace(FLAT, validation=[(0.5, 0.9 if i % 2 else 0.6) for i in range(12)]),
    "slow_convergence": poor(SLOW),
    "underfit_budget": poor(falling(2.31, 1.0, 40)),
    "underfit_capacity": poor(**{"one_batch.end": 2.2, "one_batch.score": 0.2}),
    "overfit": made_trace(falling(2.3, 0.001, 200), validation=[(0.6 + 0.1 * i, 0.8) for i in range(8)]),
    "over_regularised": poor(**{"modes.dropout": 0.8}),
    "too_little_data": made_trace(falling(2.3, 0.01, 100), validation=[(1.5, 0.6)] * 4, facts=FEW),
    "class_imbalance": healthy_trace(**{"labels.ratio": 60.0, "labels.rarest_share": 0.003}),
    "label_noise": healthy_trace(**{"reference.contradicted": 0.4}),
    "label_corruption": healthy_trace(**{"labels.seen": 1.0}),
    "data_leakage": healthy_trace(**{"leaks.shared": 0.8}),
    "missing_causal_mask": healthy_trace(**{"causal.next_token": 1.0, "causal.change": 0.4}),
    "wrong_preprocessing": healthy_trace(**{"inputs.spread": 70.0, "inputs.high": 255.0}),
    "train_eval_skew": healthy_trace(**{"skew.ratio": 16.0}),
    "wrong_augmentation": poor(**{"augment.varies": 1.0, "augment.plain_score": 0.9, "augment.score": 0.5}),
    "eval_mode_bug": healthy_trace(**{"modes.disagree": 0.3}),
    "loss_activation_mismatch": healthy_trace(**{"output.least": 1.46}),
    "wrong_activation": healthy_trace(**{"output.sums_over_batch": 1.0}),
    "broadcast_bug": healthy_trace(**{"shapes.differ": 1.0, "shapes.whole": 2.0, "shapes.one_by_one": 0.5}),
    "flipped_gradient": healthy_trace(**{"descent.cosine": -0.8}),
    "missing_zero_grad": healthy_trace(**{"wiring.carried_over_at": 2.0, "wiring.left_over": 1.0}),
    "optimizer_model_mismatch": healthy_trace(**{"optimizer.in_model": 0.0, "optimizer.covers": 0.0}),
    "optimizer_not_stepping": healthy_trace(**{"wiring.not_stepping_at": 1.0}),
    "frozen_params": healthy_trace(**{"trainable.tensors": 0.0}),
    "detached_graph": healthy_trace(**{"gradients.attached": 0.0}),
    "pretrained_not_loaded": healthy_trace(**{"fresh.below_trained": 0.5, "fresh.share": 0.5}),
    "clip_too_small": poor(**{"wiring.clip_ratio": 800.0}),
    "no_shuffle": healthy_trace(**{"order.repeated": 1.0, "order.chained": 0.9}),
    "out_of_memory": healthy_trace(**{"failure.memory": 1.0}),
    "memory_leak": healthy_trace(**{"wiring.kept_graphs": 21.0}),
    "replica_divergence": healthy_trace(**{"replicas.differ_at": 1.0, "replicas.difference": 0.1}),
    "worker_seed_bug": healthy_trace(**{"workers.same_stream": 1.0, "workers.count": 4.0}),
    "tiny_last_batch": poor(**{"order.last_batch": 1.0, "order.batch_norms": 1.0}),
}


def test_there_is_a_rule_for_every_word():
    assert sorted(rule.kind for rule in RULES) == sorted(VOCABULARY)


@pytest.mark.parametrize("kind", VOCABULARY)
def test_a_rule_speaks_on_its_illness(kind):
    [finding] = [one for one in diagnose(SICK[kind]).findings if one.kind == kind]
    assert finding.message
    assert finding.severity in ("warning", "error")
    assert finding.evidence
    assert finding.cures or finding.advice


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_a_rule_keeps_quiet_on_a_healthy_run(rule):
    assert rule.look(Seen(healthy_trace())) is None


@pytest.mark.parametrize(
    ("norm", "loss", "speaks"), [(150.0, 2.4, False), (150.0, 50.0, True), (2e4, 2.4, True)]
)
def test_a_steep_start_explodes_only_where_the_answers_are_far_off_too(norm, loss, speaks):
    """The first layers of a pretrained network are steep where later ones normalise."""
    begins = healthy_trace(**{"gradients.norm": norm, "start.loss": loss, "start.chance": 2.3})
    assert ("exploding_gradient" in [one.kind for one in diagnose(begins).findings]) == speaks


FELL = [(1.5, 0.5), (0.3, 0.9), (0.4, 0.87), (0.3, 0.89), (4.0, 0.46), (1.1, 0.71)]


@pytest.mark.parametrize(
    ("curve", "speaks"),
    [
        (FELL, True),
        ([*FELL[:5], (0.3, 0.9)], False),  # made good
        ([*FELL[:4], (0.6, 0.75), (0.6, 0.75)], False),  # no worse than untrained
        ([*FELL[4:5], *FELL[:4], *FELL[1:2]], False),  # a bad start
    ],
)
def test_one_fall_that_is_not_made_good_is_enough(curve, speaks):
    found = diagnose(made_trace(falling(2.3, 0.2, 200), validation=curve, facts=HEALTHY_FACTS)).findings
    assert ("oscillating_loss" in [one.kind for one in found]) == speaks


@pytest.mark.parametrize(("rises", "speaks"), [(0.3, True), (0.0, False)])
def test_scores_that_change_sides_while_the_loss_only_falls_do_not_swing(rises, speaks):
    curve = [(1.0 - 0.05 * n + rises * (n % 2), 0.9 if n % 2 else 0.8) for n in range(12)]
    found = diagnose(made_trace(falling(2.3, 0.2, 200), validation=curve, facts=HEALTHY_FACTS)).findings
    assert ("oscillating_loss" in [one.kind for one in found]) == speaks


def test_far_below_a_rate_that_is_too_large_one_between_is_offered():
    seen = poor([2.3] + [4.0] * 50, **{"rates.as_set": 9.0, "rates.tenth": 1.9, "descent.update_ratio": 1.0})
    [finding] = [one for one in diagnose(seen).findings if one.kind == "lr_too_large"]
    rates = [cure.to for cure in finding.cures if cure.path == "optimizer.lr"]
    assert rates[1] < rates[0] < rates[2] < seen.steps[0].lr


def test_what_was_not_recorded_is_not_called_healthy():
    diagnosis = diagnose(Trace())
    assert set(diagnosis.not_measured) == set(VOCABULARY)
    assert diagnosis.healthy == ()
    assert "nothing can be said" in diagnosis.verdict


def test_curves_alone_leave_wiring_unjudged():
    diagnosis = diagnose(made_trace(falling(2.3, 0.1, 200), validation=[(0.4, 0.9)] * 5))
    assert {"missing_zero_grad", "missing_causal_mask", "dead_units"} <= set(diagnosis.not_measured)
    assert {"nan_loss", "overfit", "oscillating_loss"} <= set(diagnosis.healthy)
    assert diagnosis.findings == ()


@pytest.mark.parametrize(
    ("facts", "first", "explained"),
    [
        (
            {"rates.as_set": 9.0, "rates.worst": 9.0, "rates.tenth": 1.9, "inputs.spread": 300.0},
            "wrong_preprocessing",
            "lr_too_large",
        ),
        ({"causal.next_token": 1.0, "causal.change": 0.4}, "missing_causal_mask", "data_leakage"),
    ],
)
def test_causes_come_before_what_they_explain(facts, first, explained):
    findings = diagnose(poor([2.3] + [4.0] * 50, **facts)).findings
    assert findings[0].kind == first
    assert findings[0].causes == ()
    [symptom] = [one for one in findings if one.kind == explained]
    assert first in symptom.causes


@pytest.mark.parametrize("kind", VOCABULARY)
def test_every_cure_fits_a_recipe(kind):
    for finding in diagnose(SICK[kind]).findings:
        for change in finding.cures:
            Recipe().apply(change)
            assert change.because


def test_steps_of_an_ordinary_size_are_not_too_small():
    trace = poor(SLOW, **{"rates.as_set": 2.299, "rates.hundred": 1.2, "descent.update_ratio": 5e-3})
    assert "lr_too_small" not in [one.kind for one in diagnose(trace).findings]


def test_overlapping_classes_are_no_label_noise():
    facts = {"reference.contradicted": 0.25, "reference.clear_share": 0.3, "reference.score": 0.55}
    assert "label_noise" not in [one.kind for one in diagnose(healthy_trace(**facts)).findings]
    noisy = facts | {"reference.score": 0.74}
    assert "label_noise" in [one.kind for one in diagnose(healthy_trace(**noisy)).findings]


def test_texts_that_are_cut_off_leak_nothing():
    facts = {"leaks.shared": 0.3, "leaks.distinct": 0.9, "inputs.tokens": 1.0}
    assert "data_leakage" in [one.kind for one in diagnose(healthy_trace(**facts)).findings]
    cut = [one.kind for one in diagnose(healthy_trace(**facts, **{"inputs.cut_short": 1.0})).findings]
    assert "data_leakage" not in cut
    assert "wrong_preprocessing" in cut


def test_three_easy_batches_at_the_start_are_no_divergence():
    random = np.random.default_rng(0)
    losses = [0.5, 0.3, 0.3, *(np.linspace(0.9, 0.5, 200) + 0.3 * random.standard_normal(200)).clip(0.1)]
    looks = [Health(step, update_ratios={"0": 0.12}) for step in (1, 2, 3)]
    trace = made_trace(losses, validation=[(0.55, 0.4), (0.5, 0.47)], healths=looks)
    assert "lr_too_large" not in [one.kind for one in diagnose(trace).findings]


def test_labels_that_only_validation_can_learn_are_corrupt():
    facts = {"reference.score": 0.4, "reference.by_luck": 0.43, "reference.examples": 130.0}
    unknown = poor(validation=[(1.2, 0.3)] * 4, **facts)
    assert "label_corruption" not in [one.kind for one in diagnose(unknown).findings]
    held = {"reference.held_score": 0.95, "reference.held_by_luck": 0.5, "reference.chance": 0.38}
    found = diagnose(poor(validation=[(1.2, 0.3)] * 4, **facts, **held)).findings
    assert "label_corruption" in [one.kind for one in found]


def test_a_loss_that_asks_for_other_classes_is_named_and_cured():
    found = diagnose(poor(**{"recipe.label_smoothing": 0.95})).findings[0]
    assert found.kind == "over_regularised"
    assert found.cures[0].path == "loss.label_smoothing"
    assert "over_regularised" not in [one.kind for one in diagnose(poor(**{"loss.smoothing": 0.1})).findings]


def test_a_penalty_that_makes_up_the_gradient_is_named_and_taken_off():
    def found(strength):
        looks = [
            Health(n, weight_norms={"a": 12.0, "b": 5.0}, gradient_norms={"a": 3.0, "b": 4.0}) for n in (1, 9)
        ]
        return diagnose(poor(healths=looks, **{"recipe.l2": strength})).findings

    first = found(0.36)[0]
    assert first.kind == "over_regularised"
    assert first.evidence["penalty_of_gradient"] == pytest.approx(0.36 * 13 / 5)
    assert (first.cures[0].path, first.cures[0].to) == ("techniques.l2", "off")
    assert "over_regularised" not in [one.kind for one in found(0.1)]


def test_weights_that_decay_takes_are_named_before_half_is_gone():
    looks = [Health(1, weight_norms={"0": 10.0}), Health(60, weight_norms={"0": 6.0})]
    decay = {"recipe.weight_decay": 10.0, "recipe.decoupled": 1.0}
    rate = {"optimizer.decoupled": 1.0, "optimizer.weight_decay": 10.0}
    found = diagnose(poor(FLAT, healths=looks, **decay, **rate)).findings
    assert "over_regularised" in [one.kind for one in found]
    mild = rate | {"optimizer.weight_decay": 0.01}
    kinds = [one.kind for one in diagnose(poor(FLAT, healths=looks, **mild)).findings]
    assert "over_regularised" not in kinds


def test_steps_that_are_mostly_decay_are_named():
    looks = [Health(step, update_ratios={"0": 0.003}) for step in (1, 20, 40)]
    rate = made_trace(FLAT).steps[-1].lr
    decay = {"optimizer.decoupled": 1.0, "optimizer.weight_decay": 0.002 / rate}
    assert "over_regularised" in [one.kind for one in diagnose(poor(healths=looks, **decay)).findings]
    mild = decay | {"optimizer.weight_decay": 0.0002 / rate}
    assert "over_regularised" not in [one.kind for one in diagnose(poor(healths=looks, **mild)).findings]


@pytest.mark.parametrize(("examples", "first"), [(2, "batching.size"), (32, "optimizer.lr")])
def test_steps_of_tiny_batches_that_lead_nowhere_want_larger_batches_first(examples, first):
    sick = SICK["lr_too_small"]
    tiny = replace(sick, steps=tuple(replace(step, examples=examples) for step in sick.steps))
    found = next(one for one in diagnose(tiny).findings if one.kind == "lr_too_small")
    assert found.cures[0].path == first


@pytest.mark.parametrize(("kept", "first"), [(0.9, "optimizer.lr"), (0.3, "schedule.name")])
def test_a_rate_that_was_gone_early_is_to_last_first(kept, first):
    sick = SICK["lr_too_small"]
    high = round(kept * len(sick.steps))
    steps = [replace(step, lr=step.lr if n < high else 1e-6 * step.lr) for n, step in enumerate(sick.steps)]
    found = next(
        one for one in diagnose(replace(sick, steps=tuple(steps))).findings if one.kind == "lr_too_small"
    )
    assert found.cures[0].path == first
