"""What may help a group of errors: changes of the recipe that the run had, and wishes for data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from upfit.diagnose.mistakes.judged import Judged
from upfit.values import Action, Change

Changes = tuple[Change, ...]

HEAVIER, HEAVIEST = 2.0, 8.0
"""What a weak class counts for more, each time it is asked for, and at most."""
SMOOTHER = 0.1
"""The usual label smoothing (Szegedy et al. 2016)."""
TOKENS_PER_WORD = 1.3
WANTED = 20
"""Examples to collect, where no count of training rows says how many would double them."""


def collect(
    judged: Judged,
    because: str,
    *,
    rows: Sequence[int] | npt.NDArray[np.int64] = (),
    column: str = "",
    values: Sequence[str] = (),
) -> Action:
    """The wish for more examples of a kind: as many again as there are to learn from.

    Args:
        judged: What the model said.
        because: The reason.
        rows: Examples of what is wanted.
        column: With `values`: what the new examples hold in it.
        values: Classes, or values of a category.
    """
    known = dict(zip(judged.subject.data.schema.classes, judged.train_counts.tolist(), strict=False))
    has = sum(known.get(one, 0) for one in values) if column in judged.subject.data.schema.target else 0
    return Action(
        do="collect",
        column=column,
        values=tuple(values),
        rows=tuple(int(row) for row in rows),
        to=int(has or max(WANTED, len(rows))),
        because=because,
    )


def collect_classes(judged: Judged, names: Sequence[str], because: str) -> Action:
    """The wish for more examples of some classes."""
    return collect(judged, because, column=judged.subject.data.schema.target[0], values=names)


def heavier_class(judged: Judged, name: str, because: str) -> Changes:
    """The class counts twice as much in the loss as it did; nothing where the loss weighs classes itself."""
    loss = judged.recipe.loss
    if not judged.subject.single_class or loss.name in ("class_balanced", "logit_adjusted", "own"):
        return ()
    given, classes = loss.class_weights, judged.subject.data.schema.classes
    weights: dict[str, float] = {}
    if not isinstance(given, str):
        weights = dict(given) if isinstance(given, dict) else dict(zip(classes, given, strict=True))
    if given == "auto" or weights.get(name, 1.0) >= HEAVIEST:
        return ()
    weights[name] = HEAVIER * weights.get(name, 1.0)
    return (Change(path="loss.class_weights", to=weights, because=because),)


def fairer_draws(judged: Judged, because: str) -> Changes:
    """Rare classes are drawn more often than they were."""
    after = {"shuffled": "square_root", "square_root": "balanced"}.get(judged.recipe.batching.sampler)
    if after is None or not judged.subject.single_class:
        return ()
    return (Change(path="batching.sampler", to=after, because=because),)


def more_colour(judged: Judged, because: str) -> Changes:
    """Brightness and contrast vary more in training than they did."""
    had = judged.recipe.augment.colour
    if had != "auto" and had >= 0.6:
        return ()
    to = 0.4 if had == "auto" or had < 0.2 else round(had + 0.2, 2)
    return (Change(path="augment.colour", to=to, because=because),)


def softer_pictures(judged: Judged, because: str) -> Changes:
    """Some training pictures are blurred: the policy of the run with a blur, or the one that has it."""
    policy = judged.recipe.augment.policy
    if isinstance(policy, str):
        return () if policy == "strong" else (Change(path="augment.policy", to="strong", because=because),)
    if any(one.name == "blur" for one in policy):
        return ()
    listed = [{one.name: one.strength} for one in policy]
    return (Change(path="augment.policy", to=[*listed, {"blur": 1.0}], because=because),)


def larger_pictures(judged: Judged, because: str, side: float) -> Changes:
    """Half as many pixels again to a side, as long as the files have them."""
    had = judged.recipe.inputs.image_size
    if had == "auto" or not had < side:
        return ()
    to = min(round(1.5 * had / 16) * 16, round(side / 16) * 16)
    return (Change(path="inputs.image_size", to=to, because=because),) if to > had else ()


def longer_texts(judged: Judged, because: str, words: float) -> Changes:
    """As many tokens as the backbone reads, where these texts were cut off and need not have been."""
    had = judged.recipe.inputs.max_length
    if had == "auto" or not had < min(TOKENS_PER_WORD * words, judged.most_tokens):
        return ()
    to = min(2 * had, judged.most_tokens)
    return (Change(path="inputs.max_length", to=to, because=because),)


def smoother_labels(judged: Judged, because: str, most: float = SMOOTHER) -> Changes:
    """Targets that leave the usual share to the other classes, or twice that, up to `most`."""
    loss = judged.recipe.loss
    if judged.subject.data.schema.task == "regression" or loss.name not in ("auto", "cross_entropy"):
        return ()
    had = 0.0 if loss.label_smoothing == "auto" else loss.label_smoothing
    to = SMOOTHER if had < SMOOTHER else 2 * SMOOTHER
    return (Change(path="loss.label_smoothing", to=to, because=because),) if had < to <= most else ()


def surer(judged: Judged, because: str) -> Changes:
    """Targets as they are, and no examples that are mixtures; else a longer run."""
    recipe, found = judged.recipe, []
    if recipe.loss.label_smoothing not in ("auto", 0.0):
        found.append(Change(path="loss.label_smoothing", to=0.0, because=because))
    for name in ("mixup", "cutmix", "mixup_features"):
        if recipe.technique(name):
            found.append(Change(path=f"techniques.{name}", to="off", because=because))
    return tuple(found) or more_learning(judged, because)


def more_learning(judged: Judged, because: str) -> Changes:
    """All layers where only some learnt; then longer, where the run came to the end that it was given."""
    recipe = judged.recipe
    if recipe.layers.train not in ("all", "auto"):
        return (Change(path="layers.train", to="all", because=because),)
    asked = recipe.stopping.epochs
    if asked == "auto" or judged.epochs < 0.9 * asked:
        return ()
    return (Change(path="stopping.epochs", to=float(2 * asked), because=because),)
