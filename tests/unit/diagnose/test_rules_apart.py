"""Rules where two illnesses look alike, on made Traces: which is named, and which keeps quiet."""

from __future__ import annotations

from dataclasses import replace

import pytest

from upfit.diagnose import diagnose
from upfit.testing.traces import HEALTHY_FACTS, falling, healthy_trace, made_trace
from upfit.values.trace import Health

FLAT = [2.3] * 200
POOR = [(2.2, 0.3)] * 6


def poor(losses=FLAT, validation=POOR, healths=(), **facts):
    return made_trace(losses, validation=validation, facts={**HEALTHY_FACTS, **facts}, healths=healths)


def test_weights_that_never_move_between_evaluations_are_not_stepped():
    look = Health(3, gradient_norms={"a": 1.0}, update_ratios={"a": 0.0})
    same = made_trace(FLAT, validation=[(2.2, 0.3)] * 5, facts=HEALTHY_FACTS, healths=[look])
    assert diagnose(same).findings[0].kind == "optimizer_not_stepping"
    moved = replace(look, update_ratios={"a": 1e-4})
    moves = made_trace(FLAT, validation=[(2.2, 0.3)] * 5, facts=HEALTHY_FACTS, healths=[moved])
    assert "optimizer_not_stepping" not in [one.kind for one in diagnose(moves).findings]


def test_a_batch_that_cannot_be_learnt_by_heart_wants_another_model():
    held = {"one_batch.start": 2.3, "one_batch.end": 2.1, "one_batch.score": 0.3, "one_batch.steps": 60.0}
    kinds = [one.kind for one in diagnose(poor(falling(2.31, 1.9, 200), **held)).findings]
    assert kinds[0] == "underfit_capacity"
    assert "underfit_budget" not in kinds


@pytest.mark.parametrize(("last", "severity"), [(2.0, "info"), (1.0, "warning")])
def test_a_last_batch_of_two_that_did_no_harm_is_only_told(last, severity):
    facts = {"order.last_batch": last, "order.batch_norms": 1.0}
    [told] = [one for one in diagnose(healthy_trace(**facts)).findings if one.kind == "tiny_last_batch"]
    assert told.severity == severity


def test_a_loss_that_was_thrown_far_up_on_the_way_is_the_rate():
    losses = [2.3] * 50 + [400.0] * 10 + [2.4] * 100
    quiet = Health(150, update_ratios={"a": 0.0, "b": 1e-3}, dead={"relu": 1.0})
    found = diagnose(poor(losses, healths=[quiet])).findings
    assert found[0].kind == "lr_too_large"
    assert "lr_too_large" in next(one for one in found if one.kind == "dead_units").causes


def test_a_short_run_that_is_over_may_be_judged():
    short = poor(falling(2.31, 2.0, 12), validation=[(2.2, 0.2)] * 2)
    assert "underfit_budget" not in [one.kind for one in diagnose(short).findings]
    over = poor(falling(2.31, 2.0, 12), validation=[(2.2, 0.2)] * 2, **{"run.ended": 1.0})
    assert "underfit_budget" in [one.kind for one in diagnose(over).findings]


def test_a_swing_of_the_validation_loss_is_no_overfitting():
    swings = [0.6, 0.3, 0.24, 0.30, 0.25, 0.29, 0.27, 0.29]
    trace = made_trace(falling(2.3, 0.001, 200), validation=[(loss, 0.9) for loss in swings])
    assert "overfit" not in [one.kind for one in diagnose(trace).findings]


def test_one_look_at_stale_statistics_is_enough_where_validation_agrees():
    look = Health(90, train_mode_loss=0.1, evaluation_mode_loss=40.0)
    stale = poor(
        falling(2.31, 0.1, 90), validation=[(30.0, 0.2)] * 4, healths=[look], **{"modes.batch_norms": 2.0}
    )
    assert diagnose(stale).findings[0].kind == "eval_mode_bug"


def test_a_rate_that_stands_still_after_large_first_steps_is_too_small():
    looks = [
        Health(step, update_ratios={"a": ratio})
        for step, ratio in ((1, 3e-4), (2, 2e-4), (80, 2e-5), (150, 2e-5))
    ]
    assert "lr_too_small" in [one.kind for one in diagnose(poor(FLAT, healths=looks)).findings]


def test_a_rate_that_the_schedule_took_away_is_too_small():
    trace = poor(falling(2.31, 1.0, 150))
    steps = tuple(replace(one, lr=1e-3 if one.step <= 20 else 1e-9) for one in trace.steps)
    assert "lr_too_small" in [one.kind for one in diagnose(replace(trace, steps=steps)).findings]


def test_a_hundredfold_rate_that_would_have_got_far_in_all_steps():
    tried = {"rates.start": 1.393, "rates.as_set": 1.3929, "rates.ten": 1.3915, "rates.hundred": 1.3734}
    tried |= {"rates.steps": 16.0, "descent.update_ratio": 2e-4}
    long = diagnose(poor([1.393 - 1e-5 * i for i in range(200)], **tried)).findings
    assert long[0].kind == "lr_too_small"
    short = diagnose(poor([1.393 - 1e-5 * i for i in range(40)], **tried)).findings
    assert "lr_too_small" not in [one.kind for one in short]


def test_steps_that_are_large_because_of_decay_blame_no_rate():
    looks = [Health(step, update_ratios={"a": 0.21}) for step in (1, 2, 3)]
    decay = {"optimizer.weight_decay": 20.0, "optimizer.decoupled": 1.0, "optimizer.lr": 1e-2}
    trace = poor(healths=looks, **decay)
    trace = replace(trace, steps=tuple(replace(one, lr=1e-2) for one in trace.steps))
    assert diagnose(trace).findings[0].kind == "over_regularised"


def test_a_model_that_the_optimizer_holds_in_part_is_named_once_it_ends_badly():
    part = {"optimizer.covers": 0.06, "optimizer.only_top": 1.0, "trainable.share": 1.0}
    assert diagnose(poor(**part)).findings[0].kind == "optimizer_model_mismatch"
    assert "optimizer_model_mismatch" not in [one.kind for one in diagnose(healthy_trace(**part)).findings]


GUESSES = [(2.3, 0.1)] * 6


def test_units_that_lived_and_died_were_killed_by_a_step():
    died = Health(150, dead={"relu": 1.0})
    found = diagnose(poor(validation=GUESSES, healths=[died])).findings
    assert found[0].kind == "lr_too_large"
    # Dead from the start: no step did it. Taken off by decay: no step either.
    still = diagnose(poor(validation=GUESSES, healths=[died], **{"units.dead": 0.95})).findings
    assert "lr_too_large" not in [one.kind for one in still]
    shrunk = [Health(1, weight_norms={"a": 1.0}), Health(150, weight_norms={"a": 0.1}, dead={"relu": 1.0})]
    decayed = diagnose(poor(validation=GUESSES, healths=shrunk)).findings
    assert "lr_too_large" not in [one.kind for one in decayed]


def test_decay_that_is_most_of_every_step_need_not_ruin_a_run():
    decay = {"optimizer.weight_decay": 100.0, "optimizer.decoupled": 1.0, "descent.update_ratio": 0.1}
    known = {"reference.score": 0.9, "validation.examples": 1000.0}
    behind = poor(falling(2.3, 0.5, 200), validation=[(0.5, 0.86)] * 6, **decay, **known)
    assert "over_regularised" in [one.kind for one in diagnose(behind).findings]
    level = poor(falling(2.3, 0.5, 200), validation=[(0.5, 0.89)] * 6, **decay, **known)
    assert "over_regularised" not in [one.kind for one in diagnose(level).findings]


def test_a_handful_of_a_class_says_nothing_of_the_labels():
    lost = {"reference.score": 0.98, "reference.by_luck": 0.98, "reference.examples": 312.0}
    lost["reference.chance"] = 0.5
    few = {
        "labels.examples": 312.0,
        "labels.classes": 2.0,
        "labels.rarest_share": 0.019,
        "labels.ratio": 51.0,
    }
    trace = poor(validation=[(2.2, 0.47)] * 6, **lost, **few)
    assert diagnose(trace).findings[0].kind == "class_imbalance"
    even = poor(
        validation=[(2.2, 0.47)] * 6, **lost, **(few | {"labels.rarest_share": 0.4, "labels.ratio": 1.5})
    )
    assert diagnose(even).findings[0].kind == "label_corruption"


def test_what_is_too_narrow_for_its_classes_needs_width_not_time():
    facts = {"reference.score": 0.95, "labels.classes": 10.0, "one_batch.end": 0.1}
    kinds = [one.kind for one in diagnose(poor(falling(2.3, 1.2, 200), **facts)).findings]
    assert "underfit_budget" in kinds
    narrow = [
        one.kind for one in diagnose(poor(falling(2.3, 1.2, 200), **facts, **{"narrow.width": 2.0})).findings
    ]
    assert narrow[0] == "underfit_capacity"
    assert "underfit_budget" not in narrow


def test_inputs_on_another_scale_than_the_network_is_used_to():
    facts = {"norms.ratio": 0.2, "norms.shift": 0.3}
    assert "wrong_preprocessing" in [one.kind for one in diagnose(poor(**facts)).findings]
    assert "wrong_preprocessing" not in [one.kind for one in diagnose(healthy_trace(**facts)).findings]
    like = {"norms.ratio": 1.5, "norms.shift": 0.3}
    assert "wrong_preprocessing" not in [one.kind for one in diagnose(poor(**like)).findings]


def test_a_loss_without_a_floor_has_a_wrong_sign():
    kinds = [one.kind for one in diagnose(poor([2.3 - 0.5 * k for k in range(200)])).findings]
    assert kinds[0] == "flipped_gradient"
    # A likelihood may well be below zero.
    well = made_trace(
        [0.5 - 0.5 * k for k in range(200)], validation=[(-90.0, 0.95)] * 6, facts=HEALTHY_FACTS
    )
    assert "flipped_gradient" not in [one.kind for one in diagnose(well).findings]


def test_a_rate_of_nought_for_most_steps_is_a_schedule_that_ended_early():
    sick = poor([2.3] * 200)
    steps = [replace(one, lr=1e-3 if one.step < 10 else 0.0) for one in sick.steps]
    found = diagnose(replace(sick, steps=tuple(steps))).findings
    assert found[0].kind == "lr_too_small"
    assert "schedule" in found[0].message


def test_few_steps_that_taught_nothing_are_too_few():
    facts = {"reference.score": 0.27, "reference.chance": 0.16, "reference.by_luck": 0.17}
    short = poor(falling(2.4, 2.1, 17), validation=[(2.2, 0.16)] * 3, **facts)
    assert diagnose(short).findings[0].kind == "underfit_budget"


def test_a_linear_model_far_below_one_that_bends_lacks_a_layer():
    straight = {
        f"units.{kind}": 0.0 for kind in ("rectifiers", "squashers", "others", "exponentials", "bends")
    }
    for layers, kind in ((1.0, "underfit_capacity"), (2.0, "wrong_activation")):
        facts = {**straight, "weights.layers": layers}
        kinds = [one.kind for one in diagnose(poor(falling(2.3, 1.2, 200), **facts)).findings]
        assert kinds[0] == kind
        assert "underfit_budget" not in kinds


def test_augmentation_explains_why_validation_is_other_than_training():
    taught = {"augment.taught_plain": 0.95, "augment.taught_varied": 0.3, "augment.taught_error": 0.02}
    kinds = [
        one.kind for one in diagnose(poor(**{"skew.shift": 2.0, "augment.varies": 1.0}, **taught)).findings
    ]
    assert kinds[:2] == ["wrong_augmentation", "train_eval_skew"]


PADDED = {"padding.read": 0.6, "padding.share": 0.3, "padding.held_share": 0.8}


def test_padding_that_is_read_as_text():
    assert diagnose(poor(**PADDED)).findings[0].kind == "train_eval_skew"
    alike = {**PADDED, "padding.share": 0.8}
    assert diagnose(poor(**alike)).findings[0].kind == "wrong_preprocessing"
    for harmless in (poor(**{**alike, "padding.read": 1e-8}), healthy_trace(**PADDED)):
        kinds = [one.kind for one in diagnose(harmless).findings]
        assert not {"train_eval_skew", "wrong_preprocessing"} & set(kinds)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("vanishing_gradient", {"recall.first_over_last": 1e-7}),
        ("detached_graph", {"gradients.asleep": 0.9}),
        ("wrong_preprocessing", {"inputs.is_table": 1.0, "inputs.squashed": 0.7}),
        ("label_corruption", {"labels.apart": 0.5}),
        ("loss_activation_mismatch", {"silence.classes": 1.0}),
        ("frozen_params", {"trainable.share": 0.1, "fresh.frozen": 0.02, "fresh.frozen_beside_trained": 1.0}),
        ("bad_init", {"weights.nought": 1.0, "gradients.zero_share": 1.0, "one_batch.end": 2.3}),
        ("no_shuffle", {"order.chained": 0.7, "order.commonest": 0.1, "order.purity": 0.7}),
    ],
)
def test_what_a_fact_says_of_a_run_that_went_badly(kind, facts):
    assert diagnose(poor(**facts)).findings[0].kind == kind


def test_facts_that_did_no_harm_are_not_told():
    facts = {
        "recall.first_over_last": 1e-7,
        "gradients.asleep": 0.9,
        "inputs.is_table": 1.0,
        "inputs.squashed": 0.7,
        "labels.apart": 0.5,
        "fresh.frozen_beside_trained": 1.0,
        "order.chained": 0.7,
        "order.commonest": 0.1,
    }
    assert not diagnose(healthy_trace(**facts)).findings


def test_copies_with_noise_across_the_parts_are_leaks_however_good_the_score():
    assert diagnose(healthy_trace(**{"leaks.near": 0.95})).findings[0].kind == "data_leakage"
    assert not diagnose(healthy_trace(**{"leaks.near": 0.2})).findings


def test_training_labels_that_teach_less_than_validation_are_noisy():
    facts = {"reference.score": 0.51, "reference.chance": 0.5, "reference.by_luck": 0.54}
    held = {"reference.held_score": 0.91, "reference.held_by_luck": 0.57}
    noisy = poor([0.69] * 200, validation=[(0.6, 0.86)] * 6, **facts, **held)
    assert "label_noise" in [one.kind for one in diagnose(noisy).findings]
    # What nothing teaches, neither here nor there, is no noise.
    alike = poor([0.69] * 200, validation=[(0.6, 0.86)] * 6, **facts)
    assert "label_noise" not in [one.kind for one in diagnose(alike).findings]


def test_gaps_in_targets_that_the_loss_leaves_out_are_no_illness():
    gaps = {"labels.not_finite": 40.0}
    assert diagnose(healthy_trace(**gaps)).findings[0].kind == "nan_input"
    assert not diagnose(healthy_trace(**gaps, **{"labels.gaps_left_out": 1.0})).findings


def test_labels_are_not_blamed_where_training_inputs_were_ruined():
    lost = {"reference.score": 0.1, "reference.by_luck": 0.13, "reference.balanced_score": 0.09}
    held = {"reference.balanced_by_luck": 0.13, "reference.held_score": 0.94, "reference.held_by_luck": 0.13}
    guessing = {"losses": FLAT, "validation": [(2.3, 0.1)] * 6}
    assert diagnose(poor(**guessing, **lost, **held)).findings[0].kind == "label_corruption"
    ruined = poor(**guessing, **lost, **held, **{"skew.ratio": 4.0})
    assert "label_corruption" not in [one.kind for one in diagnose(ruined).findings]


def test_rare_classes_are_not_called_noisy_and_good_answers_to_them_not_nothing():
    rare = {"reference.score": 0.88, "reference.chance": 0.88, "reference.by_luck": 0.88}
    told = {"reference.balanced_score": 0.78, "reference.balanced_by_luck": 0.61}
    held = {"reference.held_score": 0.95, "reference.held_by_luck": 0.61}
    kinds = [
        one.kind for one in diagnose(poor([0.6] * 200, [(0.3, 0.93)] * 6, **rare, **told, **held)).findings
    ]
    assert "label_noise" not in kinds
    good = {"reference.score": 0.967, "reference.chance": 0.967, "reference.by_luck": 0.967}
    slow = poor(falling(1.0, 0.75, 400), [(0.3, 0.85)] * 6, **good)
    assert "underfit_budget" not in [one.kind for one in diagnose(slow).findings]
