"""Looking up a transform that a policy names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from upfit.errors import RecipeError, nearest
from upfit.values.augment import Transform

T = TypeVar("T")


def known_transform(transform: Transform, known: Mapping[str, T], *, of: str) -> T:
    """What `known` holds for a transform of images or texts; raises `RecipeError` with the nearest name."""
    if transform.name not in known:
        guess = nearest(transform.name, known)
        raise RecipeError(
            f"augment.policy: {of} have no transform {transform.name!r}",
            expected="one of " + ", ".join(known),
            hint=f"did you mean {guess}?" if guess else "",
        )
    return known[transform.name]
