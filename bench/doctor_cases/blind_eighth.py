"""The eighth blind batch: another sibling of each public case of `cases.py`; labels before rules.

Same kind of fault and same source; data, networks and the way in which the mistake comes about are again
others. The public case with two ranks has no sibling here: it needs two processes.
"""

from doctor_cases import blind_eighth_data as d
from doctor_cases import blind_eighth_training as t
from doctor_cases import blind_eighth_wiring as w
from doctor_cases.blind_parts import BUDGET, DATA, FAST, LABELS, LOADER, LOOP, LOSS, MISMATCH, OWN, Blind

SLOW = ("lr_too_small", "slow_convergence")
TRAINING = (
    # AutoTrainer: A2 (twice), A4 (twice), A6, A8, A10 (twice).
    Blind("drawn_as_in_a_paper", ("vanishing_gradient", "bad_init"), t.drawn_as_in_a_paper),
    Blind("forgets_the_first_step", ("vanishing_gradient", "bad_init"), t.forgets_the_first_step),
    Blind(
        "cubes_between_layers", ("exploding_gradient", "nan_loss", "wrong_activation"), t.cubes_between_layers
    ),
    Blind(
        "blocks_that_add_up", ("exploding_gradient", "bad_init", "nan_loss", "lr_too_large"),
        t.blocks_that_add_up,
    ),
    Blind("uniform_minus_one", ("dead_units", "bad_init"), t.uniform_minus_one),
    Blind("tuning_rate_from_nothing", (*SLOW, "underfit_budget"), t.tuning_rate_from_nothing),
    Blind(
        "margin_of_nought_and_one", ("loss_activation_mismatch", "label_corruption"),
        t.margin_of_nought_and_one,
    ),
    Blind("likelihood_of_raw_scores", MISMATCH, t.likelihood_of_raw_scores),
    # Posts: B1, B3, B7, B11, B13.
    Blind(
        "recurrent_net_by_hand",
        ("bad_init", "lr_too_large", "loss_activation_mismatch", "exploding_gradient", "nan_loss"),
        t.recurrent_net_by_hand,
    ),
    Blind("one_share_for_all_rows", (*MISMATCH, "broadcast_bug"), t.one_share_for_all_rows),
    Blind("two_passes_of_a_gru", BUDGET, t.two_passes_of_a_gru),
    Blind("softmax_of_three_values", MISMATCH, t.softmax_of_three_values),
    Blind("strokes_share_one_softmax", MISMATCH, t.strokes_share_one_softmax),
    # C9; TheDeepChecker: D2, D4 (twice), D8, D14 (twice); DeepCrime: F3, F5; G3.
    Blind("tuned_with_descent_of_two", FAST, t.tuned_with_descent_of_two),
    Blind("softmax_behind_blocks", MISMATCH, t.softmax_behind_blocks),
    Blind("decay_inside_the_gradient", ("over_regularised",), t.decay_inside_the_gradient),
    Blind("channels_mostly_dropped", ("over_regularised",), t.channels_mostly_dropped),
    Blind("mean_without_spread", ("bad_init",), t.mean_without_spread),
    Blind("adams_rate_for_descent", (*SLOW, "underfit_budget"), t.adams_rate_for_descent),
    Blind("warms_up_for_ever", SLOW, t.warms_up_for_ever, "the schedule is in the user's loop"),
    Blind("two_updates_a_pass", BUDGET, t.two_updates_a_pass),
    Blind(
        "norm_of_a_thousandth", ("clip_too_small", *SLOW), t.norm_of_a_thousandth,
        "the clipping is in the user's loop",
    ),
    Blind("writer_in_a_hurry", FAST, t.writer_in_a_hurry),
)  # fmt: skip
WIRING = (
    # TrainCheck: C1, C3, C5, C7.
    Blind("parentheses_forgotten", ("missing_zero_grad",), w.parentheses_forgotten, LOOP),
    Blind(
        "normed_after_the_optimizer", ("optimizer_model_mismatch", "frozen_params"),
        w.normed_after_the_optimizer, OWN,
    ),
    Blind(
        "dropout_that_hears_nothing", ("eval_mode_bug", "train_eval_skew"), w.dropout_that_hears_nothing, OWN
    ),
    Blind("every_step_overflows", ("optimizer_not_stepping", "frozen_params"), w.every_step_overflows, LOOP),
    # TheDeepChecker: D12, D18; UMLAUT: E2; G1 (twice), O1, O3; a body cut off, rows sorted by kind.
    Blind("column_against_row", ("broadcast_bug",), w.column_against_row, LOSS),
    Blind("validated_kind_by_kind", ("eval_mode_bug", "train_eval_skew"), w.validated_kind_by_kind, OWN),
    Blind(
        "score_taken_for_a_loss", ("flipped_gradient", "exploding_gradient", "nan_loss"),
        w.score_taken_for_a_loss, LOSS,
    ),
    Blind(
        "sees_two_letters_ahead", ("missing_causal_mask", "data_leakage"), w.sees_two_letters_ahead, OWN,
        silent=True,
    ),
    Blind("foretells_itself", ("data_leakage", "label_corruption"), w.foretells_itself, LABELS, silent=True),
    Blind("card_is_full", ("out_of_memory",), w.card_is_full, silent=True),
    Blind("average_of_losses", ("memory_leak",), w.average_of_losses, LOSS, silent=True),
    Blind("wrapped_anew", ("detached_graph", "frozen_params"), w.wrapped_anew, OWN),
    Blind("kind_after_kind", ("no_shuffle",), w.kind_after_kind, LOADER),
)  # fmt: skip
MATERIAL = (
    # Posts: B5, B9, B15; TheDeepChecker: D6 (twice), D10, D16; DeepCrime: F1; F7, G5; copied and few rows.
    Blind("encoded_part_by_part", ("label_corruption", "train_eval_skew"), d.encoded_part_by_part, LABELS),
    Blind("prices_and_incomes", ("wrong_preprocessing", *BUDGET), d.prices_and_incomes),
    Blind(
        "loan_as_filled_in", ("wrong_preprocessing", *MISMATCH, "dead_units"), d.loan_as_filled_in,
    ),
    Blind("sixteen_of_many", ("class_imbalance",), d.sixteen_of_many),
    Blind("weights_not_inverted", ("class_imbalance",), d.weights_not_inverted, LOSS),
    Blind("repeated_not_tiled", ("label_corruption", "label_noise"), d.repeated_not_tiled, LABELS),
    Blind("scaled_by_one_scaler_twice", ("wrong_preprocessing",), d.scaled_by_one_scaler_twice),
    Blind(
        "coins_for_nine_in_twenty", ("label_noise", "label_corruption"), d.coins_for_nine_in_twenty, LABELS
    ),
    Blind("columns_that_never_vary", ("nan_input", "nan_loss", "wrong_preprocessing"),
          d.columns_that_never_vary, DATA),
    Blind("cut_before_the_answer", ("label_corruption", "nan_loss"), d.cut_before_the_answer, LABELS),
    Blind("encoded_by_the_answer", ("data_leakage",), d.encoded_by_the_answer, DATA, silent=True),
    Blind("twenty_signals", ("too_little_data", "overfit"), d.twenty_signals, DATA),
)  # fmt: skip
EIGHTH = (*TRAINING, *WIRING, *MATERIAL)
