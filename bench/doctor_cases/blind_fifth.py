"""The fifth blind batch: what a set kept aside by others may hold; labels before any rule was looked at."""

from doctor_cases import blind_fifth_data as d
from doctor_cases import blind_fifth_training as t
from doctor_cases import blind_fifth_wiring as w
from doctor_cases.blind_parts import DATA, FAST, LABELS, LOOP, MISMATCH, OWN, SLOW, Blind

SKEW = ("train_eval_skew", "wrong_preprocessing")
TRAINING = (
    Blind(
        "weights_between_nought_and_one",
        ("exploding_gradient", "bad_init", "nan_loss", "lr_too_large"),
        t.weights_between_nought_and_one,
    ),
    Blind("clouds_in_the_dark", ("dead_units", "bad_init"), t.clouds_in_the_dark),
    Blind("digits_that_swing", ("oscillating_loss", *FAST[:1], *FAST[2:]), t.digits_that_swing),
    Blind("clouds_at_a_crawl", SLOW, t.clouds_at_a_crawl),
    Blind("sigmoids_all_the_way", ("vanishing_gradient", "wrong_activation"), t.sigmoids_all_the_way),
    Blind("xor_cut_below", MISMATCH, t.xor_cut_below),
    Blind("cosine_of_hundreds", ("wrong_preprocessing",), t.cosine_of_hundreds),
    Blind("bytes_as_they_are", ("wrong_preprocessing", *FAST), t.bytes_as_they_are),
    Blind("cancer_as_it_comes", ("wrong_preprocessing",), t.cancer_as_it_comes),
    Blind("digit_as_a_number", MISMATCH, t.digit_as_a_number, "user's loss"),
    Blind("three_kinds_as_yes_or_no", MISMATCH, t.three_kinds_as_yes_or_no, "user's loss"),
    Blind("scores_cut_below", (*MISMATCH, "dead_units"), t.scores_cut_below),
    Blind("two_looks_at_wine", ("underfit_budget", *SLOW[:2]), t.two_looks_at_wine),
    Blind("one_at_a_time", FAST, t.one_at_a_time),
    Blind("another_optimizer_at_a_thousandth", SLOW, t.another_optimizer_at_a_thousandth),
    Blind("all_noughts", ("bad_init", "dead_units", "vanishing_gradient"), t.all_noughts),
    Blind("dropped_twice", ("over_regularised",), t.dropped_twice),
    Blind(
        "dropped_before_the_norm",
        ("over_regularised", "train_eval_skew"),
        t.dropped_before_the_norm,
    ),
    Blind("through_two", ("underfit_capacity",), t.through_two, "user's network"),
    Blind(
        "rings_without_bends",
        ("wrong_activation", "underfit_capacity"),
        t.rings_without_bends,
        "user's network",
    ),
    Blind("rings_without_biases", ("underfit_capacity",), t.rings_without_biases, "user's network"),
    Blind("decay_of_eight", ("over_regularised",), t.decay_of_eight),
    Blind("gone_in_a_pass", SLOW, t.gone_in_a_pass, "the schedule is in the user's loop"),
    Blind(
        "warm_up_in_whole_numbers",
        ("lr_too_small", "optimizer_not_stepping", "frozen_params", *SLOW[1:]),
        t.warm_up_in_whole_numbers,
        "the schedule is in the user's loop",
    ),
    Blind("no_warm_up", FAST, t.no_warm_up),
    Blind("adam_at_one", (*FAST, "dead_units"), t.adam_at_one),
    Blind("root_of_nought", ("nan_loss", "exploding_gradient"), t.root_of_nought, "user's loss"),
    Blind("noise_by_heart", ("overfit", "too_little_data"), t.noise_by_heart),
    Blind("most_rows_removed", ("too_little_data", "overfit"), t.most_rows_removed, "needs data"),
    Blind("cut_to_a_ten_thousandth", ("clip_too_small", *SLOW), t.cut_to_a_ten_thousandth, LOOP),
    Blind("rate_that_climbs", FAST, t.rate_that_climbs, "the schedule is in the user's loop"),
)
MISSING = ("optimizer_model_mismatch", "frozen_params")
WIRING = (
    Blind(
        "gradients_dropped_on_the_way",
        ("frozen_params", "detached_graph", "vanishing_gradient"),
        w.gradients_dropped_on_the_way,
        OWN,
    ),
    Blind("groups_of_another_name", MISSING, w.groups_of_another_name, OWN),
    Blind("never_wakes", ("eval_mode_bug",), w.never_wakes, OWN, silent=True),
    Blind("tie_that_broke", MISSING, w.tie_that_broke, OWN),
    Blind(
        "cleared_before_the_step",
        ("optimizer_not_stepping", "frozen_params", "detached_graph"),
        w.cleared_before_the_step,
        LOOP,
    ),
    Blind("numpy_on_the_way", ("detached_graph", "frozen_params"), w.numpy_on_the_way, OWN),
    Blind(
        "average_left_behind",
        ("eval_mode_bug", "train_eval_skew", "optimizer_model_mismatch"),
        w.average_left_behind,
        OWN,
    ),
    Blind(
        "copy_for_the_device",
        (*MISSING, "detached_graph", "optimizer_not_stepping"),
        w.copy_for_the_device,
        OWN,
    ),
    Blind("zeroed_once_a_pass", ("missing_zero_grad",), w.zeroed_once_a_pass, LOOP),
    Blind(
        "minus_forgotten", ("flipped_gradient", "loss_activation_mismatch"), w.minus_forgotten, "user's loss"
    ),
    Blind(
        "softmax_over_the_batch",
        ("broadcast_bug", "data_leakage", *MISMATCH),
        w.softmax_over_the_batch,
        OWN,
        silent=True,
    ),
    Blind("loaded_then_drawn", ("pretrained_not_loaded",), w.loaded_then_drawn, "weights"),
    Blind("answers_kept_for_the_metric", ("memory_leak",), w.answers_kept_for_the_metric, LOOP, silent=True),
    Blind(
        "every_worker_seeded_alike",
        ("worker_seed_bug",),
        w.every_worker_seeded_alike,
        "user's loader",
        silent=True,
    ),
    Blind("no_room_on_the_laptop", ("out_of_memory",), w.no_room_on_the_laptop),
    Blind("one_row_left", ("tiny_last_batch",), w.one_row_left, "user's loader"),
    Blind("places_left_out", ("underfit_capacity",), w.places_left_out, "user's model"),
    Blind(
        "asked_of_the_target",
        ("detached_graph", "frozen_params", "vanishing_gradient"),
        w.asked_of_the_target,
        "user's loss",
    ),
)
MATERIAL = (
    Blind("noise_on_what_is_learnt", (*SKEW, "wrong_augmentation"), d.noise_on_what_is_learnt, DATA),
    Blind("pairs_that_overlap", ("label_corruption", "label_noise"), d.pairs_that_overlap, LABELS),
    Blind("two_encoders", ("label_corruption", "train_eval_skew"), d.two_encoders, LABELS),
    Blind("shuffled_in_part", ("label_corruption", "label_noise"), d.shuffled_in_part, LABELS),
    Blind("few_of_the_inner_ring", ("class_imbalance",), d.few_of_the_inner_ring),
    Blind("cloud_after_cloud", ("no_shuffle",), d.cloud_after_cloud, "user's loader"),
    Blind("validation_seen_before", ("data_leakage",), d.validation_seen_before, DATA, silent=True),
    Blind("answer_in_a_column", ("data_leakage",), d.answer_in_a_column, DATA, silent=True),
    Blind("ink_and_paper", ("wrong_preprocessing", "train_eval_skew"), d.ink_and_paper, DATA),
    Blind(
        "values_not_measured", ("nan_loss", "nan_input", "label_corruption"), d.values_not_measured, LABELS
    ),
    Blind("padded_longer_at_evaluation", SKEW, d.padded_longer_at_evaluation, DATA),
    Blind(
        "padded_behind",
        ("wrong_preprocessing", "vanishing_gradient", "underfit_capacity"),
        d.padded_behind,
        DATA,
    ),
    Blind("cut_after_two_words", ("wrong_preprocessing", "underfit_capacity"), d.cut_after_two_words, DATA),
    Blind("turned_any_way", ("wrong_augmentation", "train_eval_skew"), d.turned_any_way, "user's loader"),
    Blind("years_beside_shares", ("wrong_preprocessing",), d.years_beside_shares),
)
FIFTH = (*TRAINING, *WIRING, *MATERIAL)
