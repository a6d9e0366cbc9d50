"""Cases and controls that were written, with their accepted labels, before any rule was run on them."""

from doctor_cases import blind_training as t
from doctor_cases import blind_wiring as w
from doctor_cases.blind_eighth import EIGHTH
from doctor_cases.blind_eighth_healthy import EIGHTH_CONTROLS
from doctor_cases.blind_fifth import FIFTH
from doctor_cases.blind_fifth_healthy import FIFTH_CONTROLS
from doctor_cases.blind_fourth import FOURTH
from doctor_cases.blind_fourth_healthy import FOURTH_CONTROLS
from doctor_cases.blind_healthy import CONTROLS as FIRST_CONTROLS
from doctor_cases.blind_ninth import NINTH
from doctor_cases.blind_ninth_healthy import NINTH_CONTROLS
from doctor_cases.blind_parts import Blind
from doctor_cases.blind_second import SECOND, SECOND_CONTROLS
from doctor_cases.blind_seventh import SEVENTH
from doctor_cases.blind_seventh_healthy import SEVENTH_CONTROLS
from doctor_cases.blind_sixth import SIXTH
from doctor_cases.blind_sixth_healthy import SIXTH_CONTROLS
from doctor_cases.blind_tenth import TENTH
from doctor_cases.blind_tenth_healthy import TENTH_CONTROLS
from doctor_cases.blind_third import THIRD
from doctor_cases.blind_third_healthy import THIRD_CONTROLS

OWN = "user's loop or model"
WIRING = (
    Blind("never_zeroed", ("missing_zero_grad",), w.never_zeroed, OWN),
    Blind(
        "old_head", ("optimizer_model_mismatch", "frozen_params", "optimizer_not_stepping"), w.old_head, OWN
    ),
    Blind("body_frozen", ("frozen_params",), w.body_frozen, OWN),
    Blind("detached_body", ("detached_graph", "frozen_params"), w.detached_body, OWN),
    Blind("never_steps", ("optimizer_not_stepping",), w.never_steps, OWN),
    Blind("reversed_body", ("flipped_gradient",), w.reversed_body, OWN),
    Blind("negative_loss", ("flipped_gradient", "loss_activation_mismatch"), w.negative_loss, OWN),
    Blind("stale_statistics", ("eval_mode_bug", "train_eval_skew"), w.stale_statistics, OWN),
    Blind("dropout_always", ("eval_mode_bug", "train_eval_skew"), w.dropout_always, OWN),
    Blind("one_behind", ("label_corruption", "label_noise"), w.one_behind, "labels"),
    Blind("noisy_neighbours", ("label_noise", "label_corruption"), w.noisy_neighbours, "labels"),
    Blind("rare_class", ("class_imbalance",), w.rare_class),
    Blind("rare_yes", ("class_imbalance",), w.rare_yes),
    Blind("answer_inside", ("data_leakage",), w.answer_inside, "data"),
    Blind("in_order", ("no_shuffle",), w.in_order, "the user's loader"),
    Blind("played_backward", ("wrong_augmentation",), w.played_backward, "the user's data set"),
    Blind("raw_wine", ("wrong_preprocessing", "exploding_gradient"), w.raw_wine),
    Blind("other_scale", ("wrong_preprocessing", "train_eval_skew"), w.other_scale, "data"),
    Blind(
        "raw_target",
        ("wrong_preprocessing", "underfit_budget", "lr_too_small", "slow_convergence"),
        w.raw_target,
    ),
    Blind("infinite_row", ("nan_input", "nan_loss"), w.infinite_row),
    Blind("wrong_axis", ("broadcast_bug", "data_leakage", "train_eval_skew"), w.wrong_axis, OWN),
    Blind("lost_checkpoint", ("pretrained_not_loaded",), w.lost_checkpoint, "weights"),
    Blind("every_graph_kept", ("memory_leak",), w.every_graph_kept, OWN, silent=True),
)

FAST = ("lr_too_large", "oscillating_loss", "exploding_gradient", "nan_loss")
SLOW = ("slow_convergence", "underfit_budget")
TRAINING = (
    Blind("lstm_too_fast", ("lr_too_large", "oscillating_loss"), t.lstm_too_fast),
    Blind("summed_loss", FAST, t.summed_loss),
    Blind("undivided", FAST, t.undivided),
    Blind("cycled_too_high", FAST, t.cycled_too_high,
          "the schedule is in the user's loop"),
    Blind("heavy_momentum", FAST, t.heavy_momentum),
    Blind("conv_too_slow", ("lr_too_small", *SLOW), t.conv_too_slow),
    Blind("moderately_slow", ("lr_too_small", *SLOW), t.moderately_slow),
    Blind("dying_adagrad", ("lr_too_small", *SLOW), t.dying_adagrad),
    Blind("gone_at_once", ("lr_too_small", *SLOW), t.gone_at_once, "the schedule is in the user's loop"),
    Blind("tight_clip", ("clip_too_small", "lr_too_small"), t.tight_clip,
          "the clipping is in the user's loop"),
    Blind("two_epochs", ("underfit_budget", "lr_too_small", "slow_convergence"), t.two_epochs),
    Blind("faint_tanh", ("vanishing_gradient", "bad_init"), t.faint_tanh),
    Blind("sigmoid_convolutions", ("vanishing_gradient", "wrong_activation"), t.sigmoid_convolutions),
    Blind("growing_states", ("exploding_gradient", "bad_init", "nan_loss"), t.growing_states),
    Blind("shifted_down", ("dead_units", "bad_init"), t.shifted_down),
    Blind("loud_head", ("bad_init",), t.loud_head),
    Blind("all_alike", ("bad_init",), t.all_alike),
    Blind("bounded_values", ("loss_activation_mismatch", "wrong_activation"), t.bounded_values),
    Blind("rectified_values", ("loss_activation_mismatch", "wrong_activation"), t.rectified_values),
    Blind("one_of_many", ("loss_activation_mismatch", "wrong_activation"), t.one_of_many),
    Blind("sigmoid_scores", ("loss_activation_mismatch", "wrong_activation"), t.sigmoid_scores),
    Blind("log_of_nought", ("nan_loss", "exploding_gradient"), t.log_of_nought, "user's loss"),
    Blind("one_against_all", ("broadcast_bug",), t.one_against_all, "user's loss"),
    Blind("by_heart", ("overfit", "too_little_data"), t.by_heart),
    Blind("nearly_all_dropped", ("over_regularised",), t.nearly_all_dropped),
    Blind("decayed_away", ("over_regularised",), t.decayed_away),
    Blind("straight_line", ("underfit_capacity",), t.straight_line, "the network has to be larger"),
    Blind("through_one", ("underfit_capacity",), t.through_one, "the network has to be wider"),
    Blind("sees_ahead", ("missing_causal_mask", "data_leakage"), t.sees_ahead, "user's model", silent=True),
    Blind("softmax_inside", ("wrong_activation", "vanishing_gradient", "slow_convergence"), t.softmax_inside),
)  # fmt: skip
BATCHES = {
    "first": (*WIRING, *TRAINING),
    "second": SECOND,
    "third": THIRD,
    "fourth": FOURTH,
    "fifth": FIFTH,
    "sixth": SIXTH,
    "seventh": SEVENTH,
    "eighth": EIGHTH,
    "ninth": NINTH,
    "tenth": TENTH,
}
ALL = tuple(case for several in BATCHES.values() for case in several)
CONTROLS = {
    "first": FIRST_CONTROLS,
    "second": SECOND_CONTROLS,
    "third": THIRD_CONTROLS,
    "fourth": FOURTH_CONTROLS,
    "fifth": FIFTH_CONTROLS,
    "sixth": SIXTH_CONTROLS,
    "seventh": SEVENTH_CONTROLS,
    "eighth": EIGHTH_CONTROLS,
    "ninth": NINTH_CONTROLS,
    "tenth": TENTH_CONTROLS,
}
REMARKS = {
    **dict.fromkeys(
        (
            "clipped_at_a_hundredth",
            "encoded_without_gradient",
            "falls_at_a_tenth",
            "forgetful",
            "hot_squares",
            "rare_digits",
            "rounded_away",
            "wild_weights",
            "zeroed_now_and_then",
        ),
        "the healthy form is not done either: it ends a tenth or more below a plain reference, and rises",
    ),
    "never_thawed": "validation loss of the hand-repaired form rises by a sixth: overfit is right",
    "squares_between_layers": "validation of the hand-repaired form does swing, between 0.64 and 0.92",
    "text_too_slow": "validation loss of the hand-repaired form doubles: overfit is right",
    "average_left_behind": "an averaged copy has no gradients in both forms, and is well: frozen_params is a "
    "false alarm",
    "by_heart": "mended by hand it still has sixty rows: too_little_data is right there",
    "cut_after_two_words": "two words are alike in many rows of training and of validation: data_leakage is "
    "right of what came of it",
    "difference_is_linear": "encoder and head are two linear layers: wrong_activation is right too",
    "drawn_after_loading": "gradients of what was learnt before are left in both forms, which was not meant: "
    "missing_zero_grad was right of the first step",
    "drawn_again_then_split": "the hand-repaired form does overfit: its validation loss rises",
    "drawn_by_selu": "it ends at 0.80, and a plain reference at 0.95: no control, the alarm is right",
    "every_graph_kept": "three passes are too few in both forms: underfit_budget is right, and was not meant",
    "gone_at_once": "there is a last batch of two beside BatchNorm, in both forms, which was not meant",
    "growing_states": "the hand-repaired form is not done either (0.79 of 0.93): underfit_budget is right",
    "last_two_rows": "both forms end alike: the finding is there, and only told (info)",
    "log_of_nought": "the hand-repaired form ends at a loss of 1e21: lr_too_large is right there",
    "moderately_slow": "validation of the hand-repaired form does swing, between 0.74 and 0.94",
    "module_in_every_name": "mended by hand it has sixty rows: too_little_data is right there",
    "noise_to_remove": "its noise was left on in evaluation mode, so that eval_mode_bug is right: no control",
    "one_at_a_time": "no unit fires any more at the end: dead_units is right of what came of it",
    "padded_behind": "mended by hand it is not done either (0.49, and still rising)",
    "rate_that_climbs": "no unit fires any more at the end: dead_units is right of what came of it",
    "raw_behind_a_norm": "BatchNorm raises on its last batch of one row: no control, the alarm is right",
    "reversed_body": "validation of the hand-repaired form does swing, between 0.53 and 0.93",
    "sigmoids_all_the_way": "validation of the hand-repaired form does swing, between 0.51 and 0.82",
    "softmax_by_hand": "at that temperature gradients are in the hundreds at the start in both forms: "
    "exploding_gradient is right",
    "stale_statistics": "there is a last batch of two beside BatchNorm, in both forms, which was not meant",
    "weights_between_nought_and_one": "validation of the hand-repaired form dips once, from 0.88 to 0.83",
    "norm_of_a_thousandth": "validation of the hand-repaired form does swing, by four points at 0.93.",
    "sixteen_of_many": "by hand it still has sixteen rare rows, and is not done: underfit_budget is right.",
    "weights_not_inverted": "by hand it ends where classes overlap: underfit_capacity is a false alarm.",
}
"""What showed later of cases and controls; the figures keep labels and forms as they were written."""

__all__ = ["ALL", "BATCHES", "CONTROLS", "REMARKS"]
