"""The seventh blind batch: a sibling of each public case of `cases.py`; labels before rules.

Same kind of fault and same source, other data, other networks, and another way for the fault to come about.
The sibling of the case with two ranks needs two processes, and is `blind_seventh_ranks.py`.
"""

from doctor_cases import blind_seventh_data as d
from doctor_cases import blind_seventh_training as t
from doctor_cases import blind_seventh_wiring as w
from doctor_cases.blind_parts import BUDGET, DATA, LABELS, LOADER, LOOP, LOSS, MISMATCH, OWN, Blind

SLOW = ("lr_too_small", "slow_convergence")
TRAINING = (
    # AutoTrainer: A2, A4, A6, A8, A10.
    Blind("tanh_drawn_narrowly", ("vanishing_gradient", "bad_init"), t.tanh_drawn_narrowly),
    Blind("weights_drawn_wide", ("exploding_gradient", "bad_init", "nan_loss"), t.weights_drawn_wide),
    Blind("biases_far_below", ("dead_units", "bad_init"), t.biases_far_below),
    Blind("adadelta_by_another_default", SLOW, t.adadelta_by_another_default),
    Blind("three_kinds_to_one_logit", ("loss_activation_mismatch",), t.three_kinds_to_one_logit),
    # Posts: B1, B3, B7, B11, B13.
    Blind(
        "first_network_by_hand",
        ("lr_too_large", "bad_init", "loss_activation_mismatch", "nan_loss"),
        t.first_network_by_hand,
    ),
    Blind("cross_entropy_of_one", ("loss_activation_mismatch",), t.cross_entropy_of_one),
    Blind("four_passes_of_xor", BUDGET, t.four_passes_of_xor),
    Blind("tanh_before_raw_values", MISMATCH, t.tanh_before_raw_values),
    Blind("shares_of_several_labels", ("loss_activation_mismatch",), t.shares_of_several_labels),
    # C9; TheDeepChecker: D2, D4, D8, D14; DeepCrime: F3, F5; G3.
    Blind("tuned_on_a_hundredfold", ("lr_too_large",), t.tuned_on_a_hundredfold),
    Blind("likelihood_of_probabilities", MISMATCH, t.likelihood_of_probabilities),
    Blind("every_weight_is_dear", ("over_regularised",), t.every_weight_is_dear, LOSS),
    Blind("nothing_but_noughts", ("bad_init", "vanishing_gradient"), t.nothing_but_noughts),
    Blind("decays_by_the_batch", SLOW, t.decays_by_the_batch, "the schedule is in the user's loop"),
    Blind("whole_table_at_once", BUDGET, t.whole_table_at_once, LOADER),
    Blind("clamped_by_hooks", ("clip_too_small", *SLOW), t.clamped_by_hooks, OWN),
    Blind("encoder_without_patience", ("lr_too_large",), t.encoder_without_patience),
)
WIRING = (
    # TrainCheck: C1, C3, C5, C7.
    Blind("head_alone_is_cleared", ("missing_zero_grad",), w.head_alone_is_cleared, LOOP),
    Blind("weights_made_anew", ("optimizer_model_mismatch", "frozen_params"), w.weights_made_anew, OWN),
    Blind("train_without_its_argument", ("eval_mode_bug",), w.train_without_its_argument, OWN),
    Blind("never_gathers_enough", ("optimizer_not_stepping", "frozen_params"), w.never_gathers_enough, LOOP),
    # TheDeepChecker: D12, D18; UMLAUT: E2; G1, O1, O3.
    Blind("flattened_answer", ("broadcast_bug",), w.flattened_answer, OWN),
    Blind("statistics_hardly_move", ("eval_mode_bug", "train_eval_skew"), w.statistics_hardly_move, OWN),
    Blind("likelihood_without_its_minus", ("flipped_gradient",), w.likelihood_without_its_minus, LOSS),
    Blind(
        "foretold_from_both_ends",
        ("missing_causal_mask", "data_leakage"),
        w.foretold_from_both_ends,
        OWN,
        silent=True,
    ),
    Blind("allocator_gives_up", ("out_of_memory",), w.allocator_gives_up, silent=True),
    Blind("answers_kept_for_the_report", ("memory_leak",), w.answers_kept_for_the_report, OWN, silent=True),
)
MATERIAL = (
    # Posts: B5, B9, B15; TheDeepChecker: D6, D10, D16; DeepCrime: F1; F7, G5.
    Blind("labels_scaled_with_the_columns", ("label_corruption",), d.labels_scaled_with_the_columns, LABELS),
    Blind("circuits_as_measured", ("wrong_preprocessing",), d.circuits_as_measured),
    Blind(
        "wine_through_a_rectifier",
        ("wrong_preprocessing", "loss_activation_mismatch", "wrong_activation"),
        d.wine_through_a_rectifier,
    ),
    Blind("two_libraries_hardly_heard", ("class_imbalance",), d.two_libraries_hardly_heard),
    Blind("listed_as_words", ("label_corruption",), d.listed_as_words, LABELS),
    Blind("bytes_that_were_none", ("wrong_preprocessing",), d.bytes_that_were_none),
    Blind("filed_under_the_next", ("label_noise", "label_corruption"), d.filed_under_the_next, LABELS),
    Blind("concavity_by_its_logarithm", ("nan_input", "nan_loss"), d.concavity_by_its_logarithm, DATA),
    Blind("mask_the_wrong_way_round", ("label_corruption",), d.mask_the_wrong_way_round, LABELS),
)
SEVENTH = (*TRAINING, *WIRING, *MATERIAL)
