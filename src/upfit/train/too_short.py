"""What a run is too short for: techniques that begin after its end are told before its first step."""

from __future__ import annotations

from collections.abc import Iterator

from upfit.techniques.schedules.moment import Moment
from upfit.techniques.unfreezing import learning_count
from upfit.train.tune import Plan
from upfit.values import Gradual, Recipe


def too_short(recipe: Recipe, plan: Plan, *, per_epoch: int, groups: int) -> Iterator[str]:
    """What the recipe asks for that will not happen within the plan, a line each.

    Args:
        recipe: Settled.
        plan: How long the run is.
        per_epoch: Steps of an epoch.
        groups: Layer groups below the head.

    Example:
        >>> slow = Recipe(schedule={"warmup": "9 steps"})
        >>> list(too_short(slow, Plan(5, 5, 5), per_epoch=5, groups=1))
        ['schedule.warmup=9 steps is not over before this run of 5 steps is: the full rate is never reached']
    """
    schedule, total = recipe.schedule, plan.total_steps
    if total > 1 and Moment.of(schedule, 0, total, per_epoch=per_epoch).warm >= total:
        yield (
            f"schedule.warmup={schedule.warmup} is not over before this run of {total:,} steps is: "
            "the full rate is never reached"
        )
    # The first evaluation is progress, the last one the end.
    if schedule.name == "plateau" and plan.evaluations < schedule.patience + 3:
        yield (
            f"schedule plateau never lowers the rate here: it waits for {schedule.patience + 1} evaluations "
            f"without progress, and this run has {plan.evaluations} in all (stopping.evaluations)"
        )
    if isinstance(recipe.layers.train, Gradual) and not _grows(
        recipe.layers.train, plan, per_epoch=per_epoch, groups=groups
    ):
        yield (
            f"gradual unfreezing never gets beyond its first stage: with every={recipe.layers.train.every} "
            f"no layers join within this run of {total:,} steps (layers.train={{gradual: {{every: 0.1}}}})"
        )


def _grows(gradual: Gradual, plan: Plan, *, per_epoch: int, groups: int) -> bool:
    """Whether layers join before the last step; where there are none left to join they need not."""
    total = plan.total_steps
    if gradual.start >= groups or total < 2:
        return True
    if gradual.every == "plateau":
        return plan.evaluations >= gradual.patience + 2
    last = learning_count(gradual, groups=groups, step=total - 1, total=total, per_epoch=per_epoch)
    return last > gradual.start
