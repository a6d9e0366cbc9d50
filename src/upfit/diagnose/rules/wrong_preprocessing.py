"""Inputs or targets on a scale that networks do not learn from."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

RAW = 30.0
"""Standard deviation: pixels 0 to 255 have about 70, digits 0 to 16 have 6 and train well."""
UNEVEN = 300.0
FAINT = 0.03
TARGETS = 1000.0
SQUASHED = 0.3
OFF_SCALE, OFF_PLACE = 2.5, 1.5
"""What the first batch norm gets beside what it has learnt: variance (times, or part of it), and standard
deviations that its mean lies away. Digits and letters as a net for photographs wants them: 1.5, 0.3."""
FAR = 10.0
"""Size of targets that a fresh output of about 1 is far from: such runs end worse than a constant."""


READ, MOSTLY_PADDING = 0.1, 0.5
"""How much answers change without padding, in units of what they differ by (with a mask: nothing); the share
of tokens that is padding."""


def _are_far(seen: Seen) -> bool:
    """Whether values to predict are so large that the run did not even reach their mean."""
    largest = max(abs(seen.fact("labels.middle", 0.0)), seen.fact("labels.spread", 0.0))
    return largest > FAR and seen.metric == "r2" and seen.score < 0


def _is_off(seen: Seen) -> bool:
    """Whether inputs are on another scale than those that a trained network is used to."""
    ratio = seen.fact("norms.ratio")
    return max(ratio, 1 / max(ratio, 1e-9)) > OFF_SCALE or seen.fact("norms.shift") > OFF_PLACE


def _is_padding_read(seen: Seen) -> bool:
    return seen.fact("padding.read") > READ and seen.fact("padding.share") > MOSTLY_PADDING


def look(seen: Seen) -> Finding | None:
    """Raw units, columns of very different size, values scaled twice, or targets in the thousands."""
    normalised = seen.fact("inputs.normalised_first") == 1
    spread, largest = seen.fact("inputs.spread"), seen.fact("inputs.largest_column")
    top = max(abs(seen.fact("inputs.low")), abs(seen.fact("inputs.high")))
    table = seen.fact("inputs.is_table") == 1
    uneven = table and largest > 10 and largest > UNEVEN * seen.fact("inputs.smallest_column", largest)
    if not normalised and (spread > RAW or largest > 2 * RAW or uneven):
        why = f"Inputs come in raw units (up to {top:.3g}): standardise them."
    elif not normalised and spread < FAINT and seen.fact("inputs.norm_variation") > 0.01:
        why = f"Inputs hardly differ (standard deviation {spread:.2g}): were they scaled twice?"
    elif table and seen.fact("inputs.rows_standardised") == 1 and bool(seen.steps) and seen.is_poor:
        why = (
            "Every row has the same mean and spread, and columns lie far apart: standardise each column over "
            "the rows, not each row over the columns."
        )
    elif table and seen.fact("inputs.squashed") > SQUASHED and bool(seen.steps) and seen.is_poor:
        why = (
            f"A few absurd values squash all others in {seen.fact('inputs.squashed'):.0%} of the columns: "
            "take them out, or scale by quantiles."
        )
    elif seen.fact("labels.spread") > TARGETS:
        why = f"Targets have a standard deviation of {seen.fact('labels.spread'):.2g}: standardise them."
    elif _are_far(seen):
        why = (
            f"Targets lie around {seen.fact('labels.middle'):.3g} with a standard deviation of "
            f"{seen.fact('labels.spread'):.2g}, and the model is still worse than a constant: standardise."
        )
    elif seen.fact("inputs.cut_short") == 1:
        why = "All texts are cut off after a few tokens, so that different ones read alike."
    elif _is_padding_read(seen) and bool(seen.steps) and seen.is_poor:
        why = (
            f"{seen.fact('padding.share'):.0%} of the tokens are padding, and the model reads it as text: "
            "give it the mask, pack the sequences, or pad in front of them."
        )
    elif _is_off(seen) and bool(seen.steps) and seen.is_poor:
        why = (
            f"The first batch norm gets {seen.fact('norms.ratio'):.2g} times the variance that it has learnt "
            f"and means {seen.fact('norms.shift'):.2g} standard deviations off: prepare inputs as the "
            "pretrained network had them."
        )
    else:
        return None
    return found(
        "wrong_preprocessing",
        why,
        confidence=0.85,
        plot="activations",
        spread=spread,
        largest_column=largest,
        smallest_column=seen.fact("inputs.smallest_column"),
        target_spread=seen.fact("labels.spread"),
    )


RULE = Rule("wrong_preprocessing", ("inputs or labels or norms or padding",), look)
