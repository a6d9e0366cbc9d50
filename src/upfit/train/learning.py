"""Which parameters learn, and which of them learn now."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import torch
from torch import nn

from upfit.errors import RecipeError, nearest
from upfit.models.groups import LayerGroup
from upfit.techniques.adapters import is_adapter, plain_name
from upfit.techniques.seams import Kept
from upfit.techniques.unfreezing import after_plateau, learning_count
from upfit.train.state import State
from upfit.values import Event
from upfit.values.layers import Gradual, Trained

UNFREEZING = "unfreezing"
"""Name under which the State remembers how many layer groups learn."""
WRAPPERS = ("backbone.net.", "module.")
"""What parameter names begin with that nobody writes into a recipe."""


def freeze(network: nn.Module, groups: tuple[LayerGroup, ...], train: Trained) -> None:
    """Let those parameters learn that will ever learn; no others."""
    learning = learning_names(groups, train)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in learning)


def learning_names(groups: tuple[LayerGroup, ...], train: Trained) -> set[str]:
    """Names of all parameters that learn at some time of a run.

    Args:
        groups: Layer groups, input first, the head last; the head always learns.
        train: `all`, `head`, a number of groups below the head, stages, or names and patterns.

    Raises:
        RecipeError: A name or pattern that nothing goes by, or more groups than there are.
    """
    assert train != "auto", "the recipe has to be settled first"
    *below, head = groups
    if isinstance(train, tuple):
        chosen = _named(below, train)
    else:
        count = 0 if train == "head" else _counted(train, below) if isinstance(train, int) else len(below)
        chosen = {name for group in below[len(below) - count :] for name in group.parameters}
    if any(is_adapter(name) for group in below for name in group.parameters):
        # Adapters learn in place of the weights beside them.
        chosen = {name for name in chosen if is_adapter(name)}
    return chosen | set(head.parameters)


def learning_from(network: nn.Module, groups: Sequence[LayerGroup], train: Trained, count: int) -> None:
    """Of all that will ever learn, let the head and `count` groups below it learn now."""
    ever = learning_names(tuple(groups), train)
    now = {name for group in groups[len(groups) - 1 - count :] for name in group.parameters}
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in ever and name in now)


def start_of(train: Trained) -> dict[str, Kept]:
    """What the State remembers of gradual unfreezing before the first step; nothing without it."""
    if not isinstance(train, Gradual):
        return {}
    return {UNFREEZING: {"learning": torch.tensor(train.start)}}


def learns_now(state: State) -> int:
    """How many groups below the head learn, of a run that unfreezes gradually."""
    return int(state.remembered[UNFREEZING]["learning"])


def due(gradual: Gradual, state: State, *, groups: int, per_epoch: int) -> int:
    """How many groups below the head have to learn from now on; never fewer than do.

    Args:
        gradual: The recipe's settings.
        state: Where the run stands.
        groups: Layer groups below the head.
        per_epoch: Steps of an epoch.
    """
    learning = min(groups, learns_now(state))
    if gradual.every == "plateau":
        return after_plateau(gradual, groups=groups, learning=learning, stale=state.stale)
    # A plan that moves its end must not freeze again what has begun to learn.
    return max(
        learning,
        learning_count(gradual, groups=groups, step=state.step, total=state.total_steps, per_epoch=per_epoch),
    )


def learns_more(train: Trained, state: State, groups: Sequence[LayerGroup], per_epoch: int) -> bool:
    """Whether gradual unfreezing lets further layer groups learn before the coming step."""
    if not isinstance(train, Gradual):
        return False
    return due(train, state, groups=len(groups) - 1, per_epoch=per_epoch) > learns_now(state)


def let_learn(train: Trained, state: State, groups: tuple[LayerGroup, ...], per_epoch: int) -> Event | None:
    """Let those layer groups learn that are due; the Event of it, where some have joined."""
    if not isinstance(train, Gradual):
        return None
    below = len(groups) - 1
    count = due(train, state, groups=below, per_epoch=per_epoch)
    learning_from(state.network, groups, train, count)
    if count <= learns_now(state):
        return None
    state.remembered[UNFREEZING]["learning"].fill_(count)
    state.stale = 0 if train.every == "plateau" else state.stale
    text = f"{count} of {below} layer groups below the head learn now"
    return Event(state.step, "unfreeze", text, {"learning": count})


def _counted(train: int, below: Sequence[LayerGroup]) -> int:
    """A number of layer groups that there are; a slip of the hand must not train all of them unsaid."""
    if train > len(below):
        raise RecipeError(
            f"layers.train={train}: there are {len(below)} layer groups below the head",
            expected=f"1 to {len(below)}, or all",
            hint="layers.train=all",
        )
    return train


def _named(below: Sequence[LayerGroup], wanted: tuple[str, ...]) -> set[str]:
    """Parameters of the groups, or that match the patterns, that a recipe names."""
    chosen: set[str] = set()
    for name in wanted:
        found = {p for group in below for p in group.parameters if group.name == name or _matches(p, name)}
        if not found:
            known = [group.name for group in below]
            guess = nearest(name, known)
            raise RecipeError(
                f"layers.train: nothing goes by {name!r}",
                expected="a layer group (" + ", ".join(known) + ") or a pattern of parameter names",
                hint=f"did you mean {guess}?" if guess else "",
            )
        chosen |= found
    return chosen


def _matches(parameter: str, pattern: str) -> bool:
    """Whether a parameter's name, with or without what wraps the network, fits a pattern."""
    parameter = plain_name(parameter)
    bare = next((parameter.removeprefix(w) for w in WRAPPERS if parameter.startswith(w)), parameter)
    return fnmatchcase(bare, pattern) or fnmatchcase(parameter, pattern)
