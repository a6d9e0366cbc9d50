"""The sixth blind batch: ports of published faults, and what people do who fine-tune; labels before rules."""

from doctor_cases import blind_sixth_data as d
from doctor_cases import blind_sixth_rates as r
from doctor_cases import blind_sixth_training as t
from doctor_cases import blind_sixth_wiring as w
from doctor_cases.blind_parts import DATA, FAST, LABELS, LOADER, LOOP, LOSS, MISMATCH, OWN, SLOW, Blind

NET = "user's network"
SWING = ("oscillating_loss", "lr_too_large", "exploding_gradient")
MISSING = ("optimizer_model_mismatch", "frozen_params")
STILL = ("optimizer_not_stepping", "frozen_params")
SKEW = ("train_eval_skew", "wrong_preprocessing")
TRAINING = (
    Blind("values_through_sigmoids", ("vanishing_gradient", "wrong_activation"), t.values_through_sigmoids),
    Blind("first_step_forgotten", ("vanishing_gradient",), t.first_step_forgotten, NET),
    Blind(
        "squares_between_layers",
        ("exploding_gradient", "nan_loss", "wrong_activation"),
        t.squares_between_layers,
    ),
    Blind("weights_above_pixels_below", ("dead_units", "bad_init"), t.weights_above_pixels_below),
    Blind("tied_to_loud_vectors", ("bad_init", "exploding_gradient"), t.tied_to_loud_vectors),
    Blind(
        "adapters_of_two_noughts",
        ("bad_init", "vanishing_gradient", "frozen_params"),
        t.adapters_of_two_noughts,
    ),
    Blind(
        "softmax_over_channels",
        ("wrong_activation", "vanishing_gradient", "slow_convergence"),
        t.softmax_over_channels,
    ),
    Blind("sigmoid_twice", MISMATCH, t.sigmoid_twice),
    Blind(
        "margins_of_noughts_and_ones",
        ("loss_activation_mismatch", "label_corruption"),
        t.margins_of_noughts_and_ones,
        LOSS,
    ),
    Blind("vectors_of_one_number", ("underfit_capacity",), t.vectors_of_one_number, NET),
    Blind(
        "kept_within_two_hundredths",
        ("over_regularised", "underfit_capacity"),
        t.kept_within_two_hundredths,
        LOOP,
    ),
    Blind("sparse_by_heart", ("overfit", "too_little_data"), t.sparse_by_heart),
    Blind("twenty_five_sentences", ("too_little_data", "overfit"), t.twenty_five_sentences, "needs data"),
    Blind("exponents_beyond_half", ("nan_loss", "exploding_gradient"), t.exponents_beyond_half, LOSS),
    Blind("nothing_but_padding", ("nan_loss", "wrong_preprocessing"), t.nothing_but_padding, DATA),
)
RATES = (
    Blind("nesterov_at_one", (*FAST, "dead_units"), r.nesterov_at_one),
    Blind("rates_by_depth_turned_round", (*FAST, "dead_units"), r.rates_by_depth_turned_round),
    Blind("squares_that_swing", SWING, r.squares_that_swing),
    Blind("rate_of_a_large_model", SLOW, r.rate_of_a_large_model),
    Blind("head_at_the_bodys_rate", SLOW, r.head_at_the_bodys_rate),
    Blind(
        "falls_when_it_gets_better", SLOW, r.falls_when_it_gets_better, "the schedule is in the user's loop"
    ),
    Blind("dampened", ("slow_convergence", "lr_too_small", "underfit_budget"), r.dampened),
    Blind("two_batches_a_pass", ("underfit_budget", *SLOW[:2]), r.two_batches_a_pass, LOADER),
    Blind("attention_clipped_to_nothing", ("clip_too_small", *SLOW), r.attention_clipped_to_nothing, LOOP),
)
WIRING = (
    Blind("dropout_in_a_plain_list", ("eval_mode_bug", "train_eval_skew"), w.dropout_in_a_plain_list, OWN),
    Blind("asked_two_at_a_time", ("eval_mode_bug", "train_eval_skew"), w.asked_two_at_a_time, LOOP),
    Blind("weights_against_rows", ("broadcast_bug",), w.weights_against_rows, LOSS),
    Blind("plus_instead_of_minus", ("flipped_gradient",), w.plus_instead_of_minus, OWN),
    Blind("gathered_and_never_let_go", ("missing_zero_grad",), w.gathered_and_never_let_go, LOOP),
    Blind("adapters_put_in_later", (*MISSING, "optimizer_not_stepping"), w.adapters_put_in_later, OWN),
    Blind("every_step_left_out", STILL, w.every_step_left_out, LOOP),
    Blind("neck_frozen_with_the_body", ("frozen_params",), w.neck_frozen_with_the_body, OWN),
    Blind(
        "features_of_the_first_pass", ("detached_graph", "frozen_params"), w.features_of_the_first_pass, OWN
    ),
    Blind("widths_that_differ", ("pretrained_not_loaded",), w.widths_that_differ, "weights"),
    Blind(
        "one_letter_too_far", ("missing_causal_mask", "data_leakage"), w.one_letter_too_far, OWN, silent=True
    ),
    Blind("every_activation_remembered", ("memory_leak",), w.every_activation_remembered, OWN, silent=True),
    Blind(
        "generator_made_when_asked", ("worker_seed_bug",), w.generator_made_when_asked, LOADER, silent=True
    ),
    Blind("no_room_for_a_handle", ("out_of_memory",), w.no_room_for_a_handle),
    Blind("one_signal_left", ("tiny_last_batch",), w.one_signal_left, LOADER),
)
MATERIAL = (
    Blind("photographs_by_guess", ("label_noise", "label_corruption"), d.photographs_by_guess, LABELS),
    Blind("progression_in_a_byte", ("label_corruption",), d.progression_in_a_byte, LABELS),
    Blind("made_many_before_the_split", ("data_leakage",), d.made_many_before_the_split, DATA, silent=True),
    Blind("census_as_it_was_counted", ("wrong_preprocessing",), d.census_as_it_was_counted),
    Blind("one_reading_of_a_million", ("wrong_preprocessing",), d.one_reading_of_a_million, DATA),
    Blind("codes_of_another_model", ("wrong_preprocessing",), d.codes_of_another_model, DATA),
    Blind("smaller_when_asked", SKEW, d.smaller_when_asked, DATA),
    Blind("corners_of_images", ("wrong_augmentation", "train_eval_skew"), d.corners_of_images, LOADER),
    Blind("one_square_in_sixty", ("class_imbalance",), d.one_square_in_sixty),
    Blind("buffer_of_thirty", ("no_shuffle",), d.buffer_of_thirty, LOADER),
    Blind("column_without_spread", ("nan_input", "nan_loss"), d.column_without_spread, DATA),
)
SIXTH = (*TRAINING, *RATES, *WIRING, *MATERIAL)
