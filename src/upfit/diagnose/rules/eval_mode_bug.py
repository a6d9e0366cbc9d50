"""An evaluation that is not one."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.rules.broadcast_bug import MIXED
from upfit.diagnose.seen import Seen
from upfit.values import Finding

MOST_STEPS = 0.5
"""Of the training steps: what ran in evaluation mode now and then is a pass of a metric."""


def look(seen: Seen) -> Finding | None:
    """Dropout or batch statistics at work while validating, or batch statistics that were never kept up."""
    in_training = seen.fact("wiring.evaluated_in_training_mode") == 1
    random = seen.fact("modes.disagree", 0.0) > 1e-3
    stuck = seen.fact("modes.stuck_norms", 0.0) > 0
    late = [h for h in seen.healths if h.step > 20 and h.evaluation_mode_loss == h.evaluation_mode_loss]
    norms = seen.fact("modes.batch_norms", 0.0) > 0
    apart = [
        # Of losses below nought no multiple tells anything.
        h.evaluation_mode_loss > 3 * h.train_mode_loss > 0
        and h.evaluation_mode_loss > h.train_mode_loss + 0.5
        for h in late
    ]
    # One look is enough where validation itself says the same of the model in evaluation mode.
    agrees = len(seen.validation_losses) > 0 and seen.validation_losses[-1] > 3 * seen.closing
    # Nothing sound makes a model worse in evaluation: dropout and noise make it better. Without batch norms
    # there is no known cause, so that the run has to have ended badly too.
    skewed = all(apart[-2:]) and (
        (len(apart) >= 2 and (norms or seen.is_poor)) or (len(apart) == 1 and agrees and seen.is_poor)
    )
    untracked = seen.fact("modes.untracked_norms", 0.0) > 0 and seen.fact("mixing.change", 0.0) > MIXED
    untracked = untracked and (not seen.steps or seen.is_poor)
    # Whoever trains a head on frozen layers may leave them all in evaluation mode.
    asleep = seen.fact("wiring.trained_in_evaluation_mode", 0.0) > MOST_STEPS and not seen.is_probe
    if asleep:
        why = (
            "Training steps run in evaluation mode: dropout is off, and batch statistics are neither used "
            "nor kept up. Call model.train() before each step."
        )
    elif in_training:
        why = (
            "Validation ran in training mode, with dropout or batch statistics at work: call "
            "model.eval() before it."
        )
    elif random:
        why = "Two passes in evaluation mode differ: something random is left on."
    elif untracked:
        why = (
            "Batch normalisation keeps no statistics here: in evaluation, what is said of an example "
            "depends on the others of its batch."
        )
    elif stuck or (skewed and norms):
        why = (
            "Batch statistics are not kept up, so that the model behaves otherwise in evaluation than "
            "in training."
        )
    elif skewed:
        why = (
            "The model is far worse in evaluation mode than in training mode, on the same examples: other "
            "weights or another path answer there."
        )
    else:
        return None
    last = late[-1] if late else None
    return found(
        "eval_mode_bug",
        why,
        severity="warning" if asleep else "error",
        confidence=0.95 if not skewed else 0.8,
        step=seen.evaluations[0].step if in_training and seen.evaluations else None,
        plot="validation",
        disagree=seen.fact("modes.disagree"),
        stuck_norms=seen.fact("modes.stuck_norms"),
        train_mode_loss=last.train_mode_loss if last else float("nan"),
        evaluation_mode_loss=last.evaluation_mode_loss if last else float("nan"),
    )


RULE = Rule("eval_mode_bug", ("modes or wiring.evaluations",), look)
