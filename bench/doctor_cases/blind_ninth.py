"""The ninth blind batch: half siblings of public cases, half what people are known to get wrong.

Written, labels and all, before any rule ran on it. Most can be cured from outside (rate, optimizer, decay,
schedule, clipping, passes, starting weights, activation, scaling or filling, last activation, loss, sampler):
they have no owner, so that repair can be counted.
"""

from doctor_cases import blind_ninth_data as d
from doctor_cases import blind_ninth_training as t
from doctor_cases import blind_ninth_wiring as w
from doctor_cases.blind_parts import BUDGET, DATA, FAST, LABELS, LOOP, LOSS, MISMATCH, OWN, SET, SLOW, Blind

SIBLINGS = (
    # AutoTrainer: A2, A4, A6, A8, A10.
    Blind(
        "drawn_again_through_sigmoids", ("vanishing_gradient", "wrong_activation"),
        t.drawn_again_through_sigmoids,
    ),
    Blind(
        "hyperbolic_sine_between", ("exploding_gradient", "wrong_activation", "nan_loss"),
        t.hyperbolic_sine_between,
    ),
    Blind("drawn_mostly_below", ("dead_units", "bad_init"), t.drawn_mostly_below),
    Blind("letters_at_a_millionth", SLOW, w.letters_at_a_millionth),
    Blind("grades_by_one_share", MISMATCH, t.grades_by_one_share),
    # Posts: B1, B3, B7, B9, B11, B13, B15.
    Blind(
        "reader_of_ones_own", ("bad_init", "lr_too_large", "exploding_gradient", "nan_loss"),
        t.reader_of_ones_own,
    ),
    Blind("one_value_of_length_one", MISMATCH, t.one_value_of_length_one),
    Blind("table_read_twice", BUDGET, w.table_read_twice),
    Blind("powers_as_they_come", ("wrong_preprocessing",), d.powers_as_they_come),
    Blind("cut_off_at_one", MISMATCH, t.cut_off_at_one),
    Blind("logarithms_of_shares", MISMATCH, t.logarithms_of_shares),
    Blind("on_top_of_the_air", ("wrong_preprocessing",), d.on_top_of_the_air),
    # TrainCheck: C1, C3, C7; C9.
    Blind("detached_and_not_zeroed", ("missing_zero_grad",), w.detached_and_not_zeroed, LOOP),
    Blind(
        "built_at_the_first_look", ("optimizer_model_mismatch", "frozen_params"), w.built_at_the_first_look,
        OWN,
    ),
    Blind(
        "resumed_where_the_rate_had_ended", ("lr_too_small", "optimizer_not_stepping"),
        w.resumed_where_the_rate_had_ended,
    ),
    Blind("known_signals_shaken", FAST, w.known_signals_shaken),
    # TheDeepChecker: D4, D6, D8, D10, D12; DeepCrime: F1, F5; F7.
    Blind("a_tenth_off_at_each_step", ("over_regularised",), w.a_tenth_off_at_each_step),
    Blind("a_tongue_seldom_heard", ("class_imbalance",), d.a_tongue_seldom_heard),
    Blind("every_gate_alike", ("bad_init",), t.every_gate_alike),
    Blind("sorted_by_one_column_alone", ("label_corruption", "label_noise"), d.sorted_by_one_column_alone,
          LABELS),
    Blind("channel_left_in_place", ("broadcast_bug",), w.channel_left_in_place, OWN),
    Blind("every_second_form_guessed", ("label_noise", "label_corruption"), d.every_second_form_guessed,
          LABELS),
    Blind("held_on_a_short_leash", ("clip_too_small", "lr_too_small"), w.held_on_a_short_leash),
    Blind("not_measured_here_and_there", ("nan_input", "nan_loss"), d.not_measured_here_and_there),
)  # fmt: skip
FREE = (
    # Starting weights, activations and losses.
    Blind("gate_that_forgets", ("vanishing_gradient", "bad_init"), t.gate_that_forgets),
    Blind("gains_of_nought", ("bad_init", "dead_units", "vanishing_gradient"), t.gains_of_nought),
    Blind("shrunk_to_nought", ("dead_units", "wrong_activation", "vanishing_gradient"), t.shrunk_to_nought),
    Blind("exponential_of_an_exponential", MISMATCH, t.exponential_of_an_exponential),
    Blind("values_dropped_at_the_end", ("over_regularised", "train_eval_skew"), t.values_dropped_at_the_end),
    Blind("errors_beyond_a_hair", SLOW, t.errors_beyond_a_hair),
    # Optimizers, rates and schedules.
    Blind("divided_by_one_and_more", SLOW, w.divided_by_one_and_more),
    Blind("made_for_whole_tables", SLOW, w.made_for_whole_tables),
    Blind("rate_for_eight_thousand_rows", (*FAST, "dead_units"), w.rate_for_eight_thousand_rows),
    Blind("peak_of_one_cycle", FAST, w.peak_of_one_cycle),
    Blind("rates_that_shrink_with_depth", ("lr_too_small", "frozen_params"), w.rates_that_shrink_with_depth),
    # Rows, and the order in which they come.
    Blind("learnt_by_heart_in_time", ("overfit", "too_little_data"), d.learnt_by_heart_in_time),
    Blind("pairs_mostly_unlike", ("class_imbalance",), d.pairs_mostly_unlike),
    Blind("from_left_to_right", ("no_shuffle",), d.from_left_to_right),
    # What its owner alone can mend.
    Blind("blank_pictures", ("nan_loss",), d.blank_pictures, OWN),
    Blind("the_stranger_is_drawn_near", ("flipped_gradient",), w.the_stranger_is_drawn_near, LOSS),
    Blind("a_leaf_of_its_own", ("detached_graph", "frozen_params"), w.a_leaf_of_its_own, OWN),
    Blind("updated_a_dictionary", ("pretrained_not_loaded",), w.updated_a_dictionary, "weights"),
    Blind("noise_that_never_stops", ("eval_mode_bug", "train_eval_skew"), w.noise_that_never_stops, OWN),
    Blind("state_of_two_numbers", ("underfit_capacity",), w.state_of_two_numbers,
          "the network has to be wider"),
    Blind("moved_along_at_random", ("wrong_augmentation", "train_eval_skew"), d.moved_along_at_random, SET),
    Blind("smoothed_with_tomorrow", ("data_leakage",), d.smoothed_with_tomorrow, DATA, silent=True),
    Blind(
        "context_of_the_whole_row", ("missing_causal_mask", "data_leakage"), w.context_of_the_whole_row, OWN,
        silent=True,
    ),
    Blind("how_sure_it_was", ("memory_leak",), w.how_sure_it_was, LOSS, silent=True),
)  # fmt: skip
NINTH = (*SIBLINGS, *FREE)
