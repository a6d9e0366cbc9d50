"""A learning rate that goes nowhere."""

from __future__ import annotations

import numpy as np

from upfit.diagnose.group_rates import GroupRates, main_rate
from upfit.diagnose.preflight.one_batch import LEARNT
from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

CREEPING = 1e-5
"""Steps beside the weights (diagnosis: update/weight ratio)."""
ORDINARY = 1e-3
"""Size of a step beside the weights in healthy training (Karpathy)."""
LEAST = 0.02
"""Of the loss: what a hundredfold rate has to take off in sixteen steps."""
AUDIBLE, MUCH = 0.005, 0.1
"""The same where it would have taken off a tenth in as many steps as there were."""
MOST = 0.5
"""Share of weights, and of layers."""
STILL, SLOW = 0.02, 1e-4
"""A loss of which next to nothing is gone, on steps a tenth as large as they usually are."""
SLIGHT, LONG = 0.1, 100
"""Of the loss: what is gone where nothing was learnt; and the steps, after which that is the steps' fault."""


def learns_faster_alone(seen: Seen) -> bool:
    """Whether many steps taught nothing to a network that knows a batch by heart after sixty ordinary ones.

    It can hold what it is shown, so that capacity is not what it lacks; and its own steps are shorter than
    is usual. A range test of sixteen steps does not see over the plateau that such networks begin on.
    """
    alone = 0 < seen.fact("one_batch.end") < LEARNT * seen.fact("one_batch.start")
    nothing = seen.taken >= LONG and seen.is_at_chance and seen.fallen < SLIGHT
    return alone and nothing and seen.early_update_ratio < ORDINARY


def leaves_layers_behind(seen: Seen) -> bool:
    """Whether most weights have a rate far below the greatest one, with which their layers do not move."""
    moved = [list(one.update_ratios.values()) for one in seen.healths if one.update_ratios]
    creeping = [np.mean([ratio < CREEPING for ratio in ratios]) for ratios in moved]
    return seen.fact("optimizer.slow_share") > MOST and bool(creeping) and bool(min(creeping) >= MOST)


def look(seen: Seen) -> Finding | None:
    """A loss that barely falls, though ten or a hundred times the rate would make it fall."""
    if not seen.has_had_time or not seen.is_poor:
        return None
    start = seen.fact("rates.start")
    best = min(seen.fact("rates.ten", start), seen.fact("rates.hundred", start))
    here, faster = start - seen.fact("rates.as_set"), start - best
    would_help = faster > 5 * max(here, 0.0) and faster > 0.1 * abs(start)
    # Steps of an ordinary size that have led nowhere yet are too few, or something else holds them back.
    would_help = (would_help or _in_proportion(seen)) and not seen.early_update_ratio > ORDINARY
    # RMSprop's and Adam's first steps are their largest: of a loss that stands still all steps count.
    still = seen.fallen < STILL and min(seen.early_update_ratio, seen.update_ratio) < SLOW
    rates = GroupRates.of(seen)
    below = leaves_layers_behind(seen)
    creeps = seen.update_ratio < CREEPING or still or below or learns_faster_alone(seen)
    slow = seen.fallen < 0.5
    gone = seen.rate_was_gone_early
    if not ((slow and (would_help or creeps)) or gone) or seen.fact("gradients.zero_share", 0.0) > 0.9:
        return None
    return found(
        "lr_too_small",
        _why(seen, rates, behind=below),
        confidence=0.9 if would_help and creeps else 0.75,
        step=seen.step_number(-1),
        plot="loss",
        rate=main_rate(seen),
        head_rate=rates.head,
        rate_below_head=rates.body,
        fallen=seen.fallen,
        update_ratio=seen.update_ratio,
        loss_at_rate=seen.fact("rates.as_set"),
        loss_at_ten=seen.fact("rates.ten"),
        loss_at_hundred=seen.fact("rates.hundred"),
    )


def _why(seen: Seen, rates: GroupRates, *, behind: bool) -> str:
    rate, cost = main_rate(seen), f"{seen.taken} steps took only {max(seen.fallen, 0):.0%} off the loss."
    if seen.rate_was_gone_early:
        return "The schedule has taken the learning rate away before half of the steps were made."
    if behind:
        return f"Most layers have rates far below the greatest one ({rate:.1e}) and do not move: {cost}"
    of_whom = " of the head, which alone learns," if rates.too_small() == "head" else ""
    return f"The learning rate{of_whom} ({rate:.1e}) is too small: {cost}"


def _in_proportion(seen: Seen) -> bool:
    """Whether a larger rate makes the loss fall as many times faster: a hundredfold is not too large yet."""
    start = seen.fact("rates.start")
    once, ten, hundred = (start - seen.fact(f"rates.{name}") for name in ("as_set", "ten", "hundred"))
    in_all = hundred * seen.taken / seen.fact("rates.steps")
    enough = hundred > LEAST * abs(start) or (hundred > AUDIBLE * abs(start) and in_all > MUCH * abs(start))
    return ten > 3 * max(once, 0.0) and hundred > 3 * max(ten, 0.0) and enough


RULE = Rule("lr_too_small", ("loss", "rates or updates"), look)
