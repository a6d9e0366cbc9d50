"""The tenth blind batch: half siblings of public cases, half what people who fine-tune get wrong; real data.

Written, labels and all, before any rule ran on it. Most can be cured from outside (rate, optimizer, decay,
schedule, clipping, passes, starting weights, activation, scaling or filling, last activation, loss, sampler):
they have no owner, so that repair can be counted.
"""

from doctor_cases import blind_tenth_data as d
from doctor_cases import blind_tenth_training as t
from doctor_cases import blind_tenth_wiring as w
from doctor_cases.blind_parts import BUDGET, DATA, FAST, LABELS, LOOP, LOSS, MISMATCH, OWN, SET, SLOW, Blind

SIBLINGS = (
    # AutoTrainer.
    Blind(
        "petals_through_hard_sigmoids", ("vanishing_gradient", "wrong_activation"),
        t.petals_through_hard_sigmoids,
    ),
    Blind("tangents_between", ("exploding_gradient", "wrong_activation", "nan_loss"), t.tangents_between),
    Blind("clamped_on_the_wrong_side", ("dead_units", "bad_init"), t.clamped_on_the_wrong_side),
    Blind("exponent_of_minus_seven", SLOW, t.exponent_of_minus_seven),
    Blind("taught_without_logarithms", MISMATCH, t.taught_without_logarithms),
    # Posts.
    Blind("ink_capped_at_six", MISMATCH, t.ink_capped_at_six),
    Blind("stopped_at_the_first_pause", BUDGET, t.stopped_at_the_first_pause),
    Blind("ward_sheets_as_written", ("wrong_preprocessing",), t.ward_sheets_as_written),
    Blind("attributes_divide_one", MISMATCH, t.attributes_divide_one),
    Blind("petals_in_kilometres", ("wrong_preprocessing",), t.petals_in_kilometres),
    # TrainCheck.
    Blind("cleared_where_there_is_none", ("missing_zero_grad",), w.cleared_where_there_is_none, LOOP),
    Blind(
        "vocabulary_grown_too_late", ("optimizer_model_mismatch", "frozen_params"),
        w.vocabulary_grown_too_late, OWN,
    ),
    Blind("attention_that_always_drops", ("eval_mode_bug", "train_eval_skew"), w.attention_that_always_drops,
          OWN),
    Blind("put_back_after_each_step", ("optimizer_not_stepping",), w.put_back_after_each_step, LOOP),
    Blind("kept_one_level_down", ("pretrained_not_loaded",), w.kept_one_level_down, "weights"),
    # TheDeepChecker, UMLAUT.
    Blind("three_layers_that_are_one", ("wrong_activation", "underfit_capacity"),
          t.three_layers_that_are_one),
    Blind("decay_copied_from_a_ridge", ("over_regularised",), t.decay_copied_from_a_ridge),
    Blind("nought_behind_nought", ("bad_init", "vanishing_gradient", "dead_units"), t.nought_behind_nought),
    Blind("rows_dropped_from_one_file", ("label_corruption", "label_noise"), d.rows_dropped_from_one_file,
          LABELS),
    Blind("likelihood_of_a_square", ("broadcast_bug",), w.likelihood_of_a_square, LOSS),
    Blind("nadam_at_three_tenths", (*FAST, "dead_units"), w.nadam_at_three_tenths),
    Blind(
        "only_the_last_batch_counts", ("tiny_last_batch", "eval_mode_bug", "train_eval_skew"),
        d.only_the_last_batch_counts,
    ),
    Blind("focus_turned_round", ("flipped_gradient",), w.focus_turned_round, LOSS),
    # DeepCrime and others.
    Blind("clipped_before_it_was_unscaled", ("clip_too_small", "lr_too_small"),
          w.clipped_before_it_was_unscaled),
    Blind("shares_of_an_empty_row", ("nan_input", "nan_loss"), d.shares_of_an_empty_row),
    Blind(
        "mask_of_noughts_and_ones", ("missing_causal_mask", "data_leakage"), w.mask_of_noughts_and_ones, OWN,
        silent=True,
    ),
    Blind("nothing_said_of_the_first", ("label_corruption", "class_imbalance"), d.nothing_said_of_the_first,
          LOSS),
    Blind("a_hook_for_every_batch", ("memory_leak",), w.a_hook_for_every_batch, OWN, silent=True),
)  # fmt: skip
FREE = (
    # Tuning what was learnt before.
    Blind("a_head_at_ten", FAST, w.a_head_at_ten),
    Blind("adapters_a_thousandfold", FAST, w.adapters_a_thousandfold),
    Blind("divided_once_more", ("wrong_preprocessing",), d.divided_once_more),
    Blind("teacher_and_pupil_are_one", ("frozen_params",), w.teacher_and_pupil_are_one, OWN),
    Blind(
        "checkpointed_from_the_first_layer", ("detached_graph", "frozen_params"),
        w.checkpointed_from_the_first_layer, OWN,
    ),
    # Optimizers, rates and schedules.
    Blind("adagrad_forgets_its_rate", SLOW, w.adagrad_forgets_its_rate),
    Blind("rate_multiplied_by_the_rate", SLOW, w.rate_multiplied_by_the_rate),
    Blind("polynomial_of_passes", (*SLOW, "optimizer_not_stepping"), w.polynomial_of_passes),
    # Sizes and losses.
    Blind("alcohol_by_heart", ("overfit", "too_little_data"), t.alcohol_by_heart),
    Blind("one_filter_for_ten_digits", ("underfit_capacity",), t.one_filter_for_ten_digits,
          "the network has to be wider"),
    Blind("apart_outweighs_the_picture", ("over_regularised",), t.apart_outweighs_the_picture, LOSS),
    # Rows, labels and the order in which they come.
    Blind("numbered_in_every_batch", ("label_corruption", "label_noise"), d.numbered_in_every_batch, LABELS),
    Blind("counted_from_one", ("label_corruption", "train_eval_skew"), d.counted_from_one, LABELS),
    Blind("two_files_two_codings", ("label_corruption", "label_noise"), d.two_files_two_codings, LABELS),
    Blind("values_on_two_scales", ("train_eval_skew", "label_corruption", "wrong_preprocessing"),
          d.values_on_two_scales, DATA),
    Blind("first_rows_of_a_sorted_file", ("class_imbalance",), d.first_rows_of_a_sorted_file),
    Blind("shouted_when_asked", ("train_eval_skew", "wrong_preprocessing"), d.shouted_when_asked, DATA),
    Blind("colours_thrown_about", ("wrong_augmentation", "train_eval_skew"), d.colours_thrown_about, SET),
    Blind("as_the_file_lies", ("no_shuffle",), d.as_the_file_lies),
    Blind("standardised_by_the_batch", ("tiny_last_batch", "nan_loss"), d.standardised_by_the_batch),
)  # fmt: skip
TENTH = (*SIBLINGS, *FREE)
