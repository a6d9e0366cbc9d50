"""Weights that start where nothing can be learnt."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

LARGE = 3.0
"""Times the size that keeps the variance of a signal; Xavier is 1, He is 1.4."""
SMALL = 0.02


def look(seen: Seen) -> Finding | None:
    """Identical rows, layers of zeros, one sign only, or sizes that let signals explode or fade."""
    same, one_sided = seen.fact("weights.identical", 0.0), seen.fact("weights.one_sided", 0.0)
    zero = seen.fact("weights.zero", 0.0) > 0.5 and seen.fact("gradients.zero_share", 0.0) > 0.3
    silent = seen.fact("weights.nought") > 0.5 and seen.fact("gradients.zero_share") == 1
    # A last layer of zeros is often meant; one that shouts never is.
    largest = max(seen.fact("weights.largest_scale", 0.0), seen.fact("weights.last_scale", 0.0))
    stuck = seen.fact("units.saturated_layers", 0.0) > 0.3
    large = largest > LARGE and (seen.is_loud or stuck)
    small = seen.fact("weights.scale", 1.0) < SMALL and seen.fact("gradients.first_over_last", 1.0) < 1e-2
    if same > 0 or zero:
        why = "The units of a layer start out identical, so that they learn the same and stay identical."
    elif silent:
        why = "What is to learn starts at zero on both sides of a product: no gradient ever moves it."
    elif one_sided >= 0.5:
        why = "Nearly all weights of a layer have one sign: its sums are all far above or far below zero."
    elif large:
        why = "The weights start far too large: outputs are extreme before anything is learnt."
    elif small:
        why = "The weights start far too small: the signal is gone after a few layers."
    else:
        return None
    return found(
        "bad_init",
        why,
        severity="error",
        confidence=0.95 if same > 0 or zero or silent else 0.8,
        plot="activations",
        identical=same,
        one_sided=one_sided,
        largest_scale=largest,
        loss_at_start=seen.fact("start.loss"),
    )


RULE = Rule("bad_init", ("weights",), look)
