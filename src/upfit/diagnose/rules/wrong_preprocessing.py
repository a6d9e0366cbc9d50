"""Inputs or targets on a scale that networks do not learn from."""

from __future__ import annotations

from upfit.diagnose.rule import Rule, found
from upfit.diagnose.seen import Seen
from upfit.values import Finding

RAW = 30.0
"""Standard deviation: pixels 0 to 255 have about 70, digits 0 to 16 have 6 and train well."""
UNEVEN = 300.0
FAINT, LEVEL = 0.03, 10.0
"""Standard deviation of what hardly differs; standard deviations that its mean is away from nought."""
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


def is_padding_read(seen: Seen) -> bool:
    """Whether a network that does badly reads the padding behind its texts."""
    return seen.fact("padding.read") > READ and seen.is_poor


def _of_values(seen: Seen) -> str | None:
    """Raw units, columns of very different size, values scaled twice, row by row or beside absurd ones."""
    normalised, table = seen.fact("inputs.normalised_first") == 1, seen.fact("inputs.is_table") == 1
    spread, largest = seen.fact("inputs.spread"), seen.fact("inputs.largest_column")
    uneven = table and largest > 10 and largest > UNEVEN * seen.fact("inputs.smallest_column", largest)
    if not normalised and (spread > RAW or largest > 2 * RAW or uneven):
        top = max(abs(seen.fact("inputs.low")), abs(seen.fact("inputs.high")))
        return f"Inputs come in raw units (up to {top:.3g}): standardise them."
    # Rows of length one hardly differ by number either, but they lie around nought.
    level = abs(seen.fact("inputs.mean")) > LEVEL * spread
    faint = spread < FAINT and (level or seen.fact("inputs.norm_variation") > 0.01)
    if not normalised and faint:
        return f"Inputs hardly differ (standard deviation {spread:.2g}): were they scaled twice?"
    if table and seen.fact("inputs.rows_standardised") == 1 and seen.is_poor:
        return (
            "Every row has the same mean and spread, and columns lie far apart: standardise each column over "
            "the rows, not each row over the columns."
        )
    if table and seen.fact("inputs.squashed") > SQUASHED and seen.is_poor:
        return (
            f"A few absurd values squash all others in {seen.fact('inputs.squashed'):.0%} of the columns: "
            "take them out, or scale by quantiles."
        )
    return None


def _of_targets(seen: Seen) -> str | None:
    """Values to predict in the thousands, or farther away than the run came."""
    middle, spread = seen.fact("labels.middle"), seen.fact("labels.spread")
    if spread > TARGETS and not seen.is_well:
        return f"Targets have a standard deviation of {spread:.2g}: standardise them."
    if _are_far(seen):
        return (
            f"Targets lie around {middle:.3g} with a standard deviation of {spread:.2g}, and the model is "
            "still worse than a constant: standardise."
        )
    return None


def _of_tokens(seen: Seen) -> str | None:
    """Texts that were cut off, or mostly padding that is read."""
    if seen.fact("inputs.cut_short") == 1:
        return "All texts are cut off after a few tokens, so that different ones read alike."
    if is_padding_read(seen) and seen.fact("padding.share") > MOSTLY_PADDING:
        return (
            f"{seen.fact('padding.share'):.0%} of the tokens are padding, and the model reads it as text: "
            "give it the mask, pack the sequences, or pad in front of them."
        )
    return None


def _beside_what_was_learnt(seen: Seen) -> str | None:
    """Inputs on another scale than those that a trained network is used to."""
    ratio, shift = seen.fact("norms.ratio"), seen.fact("norms.shift")
    off = max(ratio, 1 / max(ratio, 1e-9)) > OFF_SCALE or shift > OFF_PLACE
    if not (off and seen.is_poor):
        return None
    return (
        f"The first batch norm gets {ratio:.2g} times the variance that it has learnt and means {shift:.2g} "
        "standard deviations off: prepare inputs as the pretrained network had them."
    )


def look(seen: Seen) -> Finding | None:
    """Inputs or targets that are scaled, cut or filled up otherwise than a network can use."""
    why = _of_values(seen) or _of_targets(seen) or _of_tokens(seen) or _beside_what_was_learnt(seen)
    if why is None:
        return None
    return found(
        "wrong_preprocessing",
        why,
        confidence=0.85,
        plot="activations",
        spread=seen.fact("inputs.spread"),
        largest_column=seen.fact("inputs.largest_column"),
        smallest_column=seen.fact("inputs.smallest_column"),
        target_spread=seen.fact("labels.spread"),
    )


RULE = Rule("wrong_preprocessing", ("inputs or labels or norms or padding",), look)
