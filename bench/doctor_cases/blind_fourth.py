"""The fourth blind batch: after public sources, names and accepted labels before any rule was looked at."""

from doctor_cases import blind_fourth_data as d
from doctor_cases import blind_fourth_training as t
from doctor_cases import blind_fourth_wiring as w
from doctor_cases.blind_parts import DATA, FAST, LABELS, LOOP, MISMATCH, OWN, SLOW, Blind

TRAINING = (
    Blind("rings_of_tanh", ("vanishing_gradient", "bad_init"), t.rings_of_tanh),
    Blind("rings_gone_dark", ("dead_units", "bad_init"), t.rings_gone_dark),
    Blind("killed_by_the_rate", ("lr_too_large", "dead_units", *FAST[1:]), t.killed_by_the_rate),
    Blind("blob_blows_up", ("exploding_gradient", "bad_init", "nan_loss", "lr_too_large"), t.blob_blows_up),
    Blind("swings_on_moons", ("oscillating_loss", "lr_too_large", "exploding_gradient"), t.swings_on_moons),
    Blind("xor_at_a_crawl", SLOW, t.xor_at_a_crawl),
    Blind(
        "xor_without_bends", ("underfit_capacity", "wrong_activation"), t.xor_without_bends, "user's network"
    ),
    Blind("spiral_with_three", ("underfit_capacity",), t.spiral_with_three, "user's network"),
    Blind("wave_cut_off", MISMATCH, t.wave_cut_off),
    Blind("one_column_categorical", MISMATCH, t.one_column_categorical, "user's loss"),
    Blind("nll_of_scores", MISMATCH, t.nll_of_scores, "user's loss"),
    Blind("prices_as_they_are", ("wrong_preprocessing", *FAST), t.prices_as_they_are),
    Blind("row_against_column", ("broadcast_bug",), t.row_against_column, "user's model"),
    Blind("four_looks_at_moons", ("underfit_budget", *SLOW[:2]), t.four_looks_at_moons),
    Blind("softmax_by_hand", ("nan_loss", "exploding_gradient"), t.softmax_by_hand, "user's loss"),
    Blind("drawn_five_wide", ("bad_init", "vanishing_gradient", "dead_units"), t.drawn_five_wide),
    Blind("nine_of_ten_dropped", ("over_regularised",), t.nine_of_ten_dropped),
    Blind("diabetes_by_heart", ("overfit", "too_little_data"), t.diabetes_by_heart),
    Blind("forty_digits", ("too_little_data", "overfit"), t.forty_digits, "needs data"),
    Blind("cut_to_a_thousandth", ("clip_too_small", *SLOW), t.cut_to_a_thousandth, LOOP),
    Blind("last_two_rows", ("tiny_last_batch",), t.last_two_rows, "user's loader", silent=True),
)
MISSING = ("optimizer_model_mismatch", "frozen_params")
WIRING = (
    Blind("matrices_frozen", ("frozen_params",), w.matrices_frozen, OWN),
    Blind("plain_list", MISSING, w.plain_list, OWN),
    Blind("drawn_anew_later", (*MISSING, "optimizer_not_stepping"), w.drawn_anew_later, OWN),
    Blind("loss_made_anew", ("detached_graph", "optimizer_not_stepping"), w.loss_made_anew, LOOP),
    Blind("head_zeroed_alone", ("missing_zero_grad",), w.head_zeroed_alone, LOOP),
    Blind("steps_left_out", ("optimizer_not_stepping",), w.steps_left_out, LOOP),
    Blind(
        "determination_made_small",
        ("flipped_gradient", "loss_activation_mismatch"),
        w.determination_made_small,
        "user's loss",
    ),
    Blind("asleep_while_learning", ("eval_mode_bug",), w.asleep_while_learning, LOOP, silent=True),
    Blind(
        "steps_between",
        ("wrong_activation", "detached_graph", "vanishing_gradient", "frozen_params"),
        w.steps_between,
    ),
    Blind("module_in_every_name", ("pretrained_not_loaded",), w.module_in_every_name, "weights"),
    Blind("one_generator_copied", ("worker_seed_bug",), w.one_generator_copied, "user's loader", silent=True),
    Blind("losses_in_a_list", ("memory_leak",), w.losses_in_a_list, LOOP, silent=True),
    Blind("no_room_for_sixty_four", ("out_of_memory",), w.no_room_for_sixty_four),
    Blind("branch_cut", ("detached_graph", "frozen_params"), w.branch_cut, OWN),
    Blind("turned_by_view", ("broadcast_bug", "data_leakage"), w.turned_by_view, OWN),
)
MATERIAL = (
    Blind("one_sick_in_fifty", ("class_imbalance",), d.one_sick_in_fifty),
    Blind("a_third_of_another", ("label_noise", "label_corruption"), d.a_third_of_another, LABELS),
    Blind("class_after_class", ("no_shuffle",), d.class_after_class, "user's loader"),
    Blind(
        "noise_for_bytes",
        ("wrong_augmentation", "train_eval_skew", "wrong_preprocessing"),
        d.noise_for_bytes,
        "user's loader",
    ),
    Blind("scaled_where_learnt", ("train_eval_skew", "wrong_preprocessing"), d.scaled_where_learnt, DATA),
    Blind("drawn_again_then_split", ("data_leakage",), d.drawn_again_then_split, DATA, silent=True),
    Blind(
        "padded_on_both_sides",
        ("missing_causal_mask", "data_leakage"),
        d.padded_on_both_sides,
        OWN,
        silent=True,
    ),
    Blind("shifted_twice", ("label_corruption", "train_eval_skew"), d.shifted_twice, LABELS),
    Blind("logarithm_of_nought", ("nan_input", "nan_loss"), d.logarithm_of_nought),
)
FOURTH = (*TRAINING, *WIRING, *MATERIAL)
