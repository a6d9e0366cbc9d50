"""The third blind batch: names and accepted labels, written down before any rule was looked at."""

from doctor_cases import blind_third_data as d
from doctor_cases import blind_third_training as t
from doctor_cases import blind_third_wiring as w
from doctor_cases.blind_parts import DATA, FAST, LABELS, LOOP, MISMATCH, OWN, SLOW, Blind

TRAINING = (
    Blind("vit_too_fast", FAST, t.vit_too_fast),
    Blind("scaled_with_the_batch", FAST, t.scaled_with_the_batch),
    Blind("hot_squares", FAST, t.hot_squares),
    Blind("two_at_a_time", FAST, t.two_at_a_time),
    Blind("text_too_slow", SLOW, t.text_too_slow),
    Blind("adadelta_like_adam", SLOW, t.adadelta_like_adam),
    Blind("warms_forever", SLOW, t.warms_forever, "the schedule is in the user's loop"),
    Blind("falls_at_a_tenth", SLOW, t.falls_at_a_tenth, "the schedule is in the user's loop"),
    Blind("divided_by_the_rows", SLOW, t.divided_by_the_rows),
    Blind("series_too_slow", SLOW, t.series_too_slow),
    Blind("clamped_gradients", ("clip_too_small", *SLOW), t.clamped_gradients, OWN),
    Blind(
        "clipped_before_backward",
        ("exploding_gradient", "lr_too_large", "nan_loss", "bad_init", "oscillating_loss"),
        t.clipped_before_backward,
        "the clipping is in the user's loop",
    ),
    Blind("one_pass_over_letters", ("underfit_budget", *SLOW), t.one_pass_over_letters),
    Blind("skips_forgotten", ("vanishing_gradient", "bad_init"), t.skips_forgotten, "user's network"),
    Blind(
        "skips_doubled",
        ("exploding_gradient", "bad_init", "nan_loss", "lr_too_large"),
        t.skips_doubled,
        "user's network",
    ),
    Blind("forgetful", ("vanishing_gradient", "bad_init"), t.forgetful),
    Blind(
        "saturated_clamps",
        ("dead_units", "bad_init", "vanishing_gradient", "wrong_activation"),
        t.saturated_clamps,
    ),
    Blind("silent_logits", (*MISMATCH, "dead_units"), t.silent_logits),
    Blind("probabilities_as_logarithms", MISMATCH, t.probabilities_as_logarithms),
    Blind("squashed_brightness", MISMATCH, t.squashed_brightness),
    Blind("one_choice_of_attributes", MISMATCH, t.one_choice_of_attributes, "user's loss"),
    Blind("decayed_patches", ("over_regularised",), t.decayed_patches),
    Blind("punished", ("over_regularised",), t.punished, "user's loss"),
    Blind("dropped_words", ("over_regularised",), t.dropped_words),
    Blind("only_points", ("underfit_capacity",), t.only_points, "user's network"),
    Blind("difference_is_linear", ("underfit_capacity",), t.difference_is_linear, "user's network"),
    Blind("patients_by_heart", ("overfit", "too_little_data"), t.patients_by_heart),
    Blind("twenty_digits", ("too_little_data", "overfit"), t.twenty_digits, "needs data"),
)
WIRING = (
    Blind(
        "remade_late",
        ("optimizer_model_mismatch", "frozen_params", "optimizer_not_stepping"),
        w.remade_late,
        OWN,
    ),
    Blind("emptied_before_step", ("optimizer_not_stepping", "frozen_params"), w.emptied_before_step, LOOP),
    Blind("zeroed_now_and_then", ("missing_zero_grad",), w.zeroed_now_and_then, LOOP),
    Blind("one_head_climbs", ("flipped_gradient", "loss_activation_mismatch"), w.one_head_climbs, OWN),
    Blind(
        "rounded_codes",
        ("detached_graph", "vanishing_gradient", "frozen_params", "wrong_activation", "dead_units"),
        w.rounded_codes,
        OWN,
    ),
    Blind("never_thawed", ("frozen_params", "pretrained_not_loaded"), w.never_thawed, OWN),
    Blind("encoded_without_gradient", ("detached_graph", "frozen_params"), w.encoded_without_gradient, OWN),
    Blind("drawn_after_loading", ("pretrained_not_loaded",), w.drawn_after_loading, "weights"),
    Blind("outputs_kept", ("memory_leak",), w.outputs_kept, OWN, silent=True),
    Blind(
        "same_noise_in_workers", ("worker_seed_bug",), w.same_noise_in_workers, "user's loader", silent=True
    ),
    Blind("too_long_a_row", ("out_of_memory",), w.too_long_a_row),
    Blind("single_last_image", ("tiny_last_batch",), w.single_last_image, "user's loader", silent=True),
    Blind("rounded_away", ("optimizer_not_stepping", *SLOW), w.rounded_away, "precision of the user's model"),
    Blind("distance_of_nought", ("nan_loss", "exploding_gradient"), w.distance_of_nought, OWN),
    Blind("softmax_over_rows", ("broadcast_bug", "data_leakage", *MISMATCH), w.softmax_over_rows, OWN),
    Blind(
        "mask_turned_round", ("missing_causal_mask", "data_leakage"), d.mask_turned_round, OWN, silent=True
    ),
    Blind(
        "shift_forgotten",
        ("data_leakage", "missing_causal_mask", "label_corruption"),
        d.shift_forgotten,
        LABELS,
        silent=True,
    ),
    Blind("copies_across", ("data_leakage",), d.copies_across, DATA, silent=True),
    Blind(
        "smoothed_over_the_target",
        ("data_leakage", "train_eval_skew", "wrong_preprocessing"),
        d.smoothed_over_the_target,
        DATA,
    ),
    Blind("other_vocabulary", ("train_eval_skew", "wrong_preprocessing"), d.other_vocabulary, DATA),
    Blind("encoded_apart", ("label_corruption", "train_eval_skew"), d.encoded_apart, LABELS),
    Blind(
        "mixed_to_the_other",
        ("wrong_augmentation", "label_corruption", "label_noise"),
        d.mixed_to_the_other,
        "user's loader",
    ),
    Blind("upside_down", ("wrong_augmentation",), d.upside_down, "user's data set"),
    Blind("weights_inverted", ("class_imbalance",), d.weights_inverted, "user's loss"),
    Blind("rare_digits", ("class_imbalance",), d.rare_digits),
    Blind("raw_progression", ("wrong_preprocessing", *FAST), d.raw_progression),
    Blind("normalised_across", ("wrong_preprocessing",), d.normalised_across),
    Blind("code_for_missing", ("wrong_preprocessing", "nan_input"), d.code_for_missing, DATA),
    Blind("gaps_left", ("nan_input", "nan_loss"), d.gaps_left),
    Blind("blocks_of_a_class", ("no_shuffle",), d.blocks_of_a_class, "user's loader"),
    Blind("swapped_pairs", ("label_noise", "label_corruption"), d.swapped_pairs, LABELS),
    Blind("far_averaged", ("eval_mode_bug", "train_eval_skew"), w.far_averaged, OWN),
    Blind("statistics_of_the_batch", ("eval_mode_bug", "train_eval_skew"), w.statistics_of_the_batch, OWN),
    Blind("other_camera", ("train_eval_skew", "wrong_preprocessing"), d.other_camera, DATA),
    Blind("spaces_of_another_line", ("label_corruption", "label_noise"), d.spaces_of_another_line, LABELS),
    Blind("tagged_backward", ("broadcast_bug", "label_corruption"), d.tagged_backward, "user's loss"),
)
THIRD = (*TRAINING, *WIRING)
