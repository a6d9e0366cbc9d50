"""Gradients that fade on their way to the first layers."""

from __future__ import annotations

import math

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

FAINT = 1e-3
SMALL = 1e-4
DEEP = 4
SILENT = 1e-5
"""Of the loss: the gradient of all weights together, where only the last bias still learns."""
BLIND = 0.99
"""Of the loss without inputs: what a batch that was learnt by heart still costs a network that sees none."""
FORGOTTEN = 1e-5
"""Of the gradient of a sequence's end: what is left of it at its beginning."""


def is_silent(seen: Seen) -> bool:
    """Whether signals fade on the way up as well, so that no layer's weights get a gradient to speak of."""
    norm, loss = seen.fact("gradients.norm"), seen.fact("gradients.loss")
    return seen.fact("gradients.layers") >= DEEP and 0 < norm < SILENT * loss


def is_blind(seen: Seen) -> bool:
    """Whether a batch taught the network nothing that it does not say to inputs of nought as well.

    Asked where no reference knows what can be learnt, as of pictures that are to be drawn again.
    """
    learnt, blank = seen.fact("one_batch.end"), seen.fact("one_batch.blank")
    return math.isnan(seen.fact("reference.score")) and learnt > BLIND * blank > 0


def look(seen: Seen) -> Finding | None:
    """The first layer's gradient, beside the last one's, with a loss that does not fall."""
    ratio, first, layers = (
        seen.fact("gradients.first_over_last"),
        seen.fact("gradients.first"),
        seen.fact("gradients.layers"),
    )
    for health in seen.healths[:3]:
        norms = list(health.gradient_norms.values())
        if len(norms) >= DEEP and norms[-1] > 0:
            ratio, first = (
                min(ratio, norms[0] / norms[-1]) if ratio == ratio else norms[0] / norms[-1],
                norms[0],
            )
            layers = len(norms)
    silent = is_silent(seen)
    faint = silent or (ratio < FAINT and first < SMALL and layers >= DEEP)
    recalled = seen.fact("recall.first_over_last")
    forgets = recalled < FORGOTTEN and seen.has_had_time and seen.is_far_behind
    harmless = seen.steps and not seen.is_poor and not is_blind(seen)
    if not forgets and (not faint or first == 0 or harmless):
        return None
    if forgets:
        why = (
            f"What a sequence begins with has {recalled:.0e} of the gradient of its end: the recurrent layer "
            "cannot learn from it. Use a gated layer, pool over places, or shorten the sequences."
        )
    elif silent:
        why = "Signals fade from layer to layer, and gradients with them: no layer's weights learn."
    else:
        why = f"The first layer's gradient is {ratio:.0e} of the last one's: the lower layers hardly learn."
    return found(
        "vanishing_gradient",
        why,
        severity="error",
        confidence=0.9 if seen.steps else 0.7,
        step=seen.healths[0].step if seen.healths else None,
        plot="gradient_norm",
        first_over_last=ratio,
        first=first,
        layers=layers,
        first_place_over_last=recalled,
    )


RULE = Rule("vanishing_gradient", ("layers or gradients",), look)
