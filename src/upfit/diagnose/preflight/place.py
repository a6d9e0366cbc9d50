"""Where a batch holds its target, for models that are called by a `forward` of their user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

TARGET_KEYS = ("labels", "label", "target", "targets", "y")
Path = tuple[Any, ...]


@dataclass(frozen=True)
class Place:
    """Where the target is in a batch.

    Args:
        path: Keys and numbers that lead there; None where it is not in the batch as it is.
        apart: Whether the model answers without it, so that it is no input.
        pair: Whether the batch is a plain pair, whose other half is the input.
    """

    path: Path | None
    apart: bool = False
    pair: bool = False

    def inputs(self, batch: Any) -> Any:
        """What is left of a batch without its target."""
        if self.path is None or not self.apart:
            return batch
        return batch[1 - self.path[0]] if self.pair else exchanged(batch, self.path, None)

    def joined(self, inputs: Any, target: Any) -> Any:
        """The batch again.

        Example:
            >>> place = Place((1,), apart=True)
            >>> place.joined(place.inputs(("x", "y", "weights")), "other y")
            ('x', 'other y', 'weights')
        """
        if self.path is None or not self.apart:
            return inputs
        if self.pair:
            return (inputs, target) if self.path[0] else (target, inputs)
        return exchanged(inputs, self.path, target)


def usual_path(batch: Any) -> Path | None:
    """Where targets usually are: under a name such as `labels`, or last of several."""
    if isinstance(batch, Mapping):
        key = next((name for name in TARGET_KEYS if name in batch), None)
        return None if key is None else (key,)
    return (len(batch) - 1,) if isinstance(batch, list | tuple) and len(batch) >= 2 else None


def place_of(batch: Any, target: Any, answers: Callable[[Any], torch.Tensor]) -> Place:
    """Where a batch holds the target that a forward pass gave back.

    Args:
        batch: As the forward pass had it.
        target: What it gave back.
        answers: Batch → the model's main output, the same for the same batch.
    """
    found = [path for path, node in nodes(batch) if path and _is_same(node, target)]
    usual = usual_path(batch)
    if target is None or not found:
        # Without a target of its own (the model returns its loss) the usual one is good enough for looks.
        return Place(usual) if target is None else Place(None)
    path = usual if usual in found else found[0]
    assert path is not None
    apart = _is_idle(batch, path, answers)
    pair = apart and len(path) == 1 and type(batch) in (list, tuple) and len(batch) == 2
    return Place(path, apart, pair)


def nodes(thing: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Everything in a nested batch with the path to it, the outermost first."""
    yield path, thing
    inside = thing if isinstance(thing, Mapping) else {}
    inside = dict(enumerate(thing)) if isinstance(thing, list | tuple) else inside
    for key, value in inside.items():
        yield from nodes(value, (*path, key))


def at(thing: Any, path: Path) -> Any:
    """What a path leads to."""
    for key in path:
        thing = thing[key]
    return thing


def exchanged(thing: Any, path: Path, value: Any) -> Any:
    """A nested batch with something else at a path; all else is the same.

    Example:
        >>> exchanged({"x": 1, "more": (2, 3)}, ("more", 0), "here")
        {'x': 1, 'more': ('here', 3)}
    """
    if not path:
        return value
    key, *rest = path
    inner = exchanged(thing[key], tuple(rest), value)
    if isinstance(thing, Mapping):
        return {**thing, key: inner}
    return rebuilt(thing, [inner if place == key else one for place, one in enumerate(thing)])


def mapped(thing: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """A nested batch with every tensor changed."""
    if isinstance(thing, torch.Tensor):
        return change(thing)
    if isinstance(thing, Mapping):
        return {name: mapped(value, change) for name, value in thing.items()}
    if isinstance(thing, list | tuple):
        return rebuilt(thing, [mapped(one, change) for one in thing])
    return thing


def rebuilt(like: list[Any] | tuple[Any, ...], values: list[Any]) -> Any:
    """Values as a list, a tuple or a named tuple, whatever they were."""
    if hasattr(like, "_fields"):
        return type(like)(*values)
    return values if isinstance(like, list) else tuple(values)


def _is_idle(batch: Any, path: Path, answers: Callable[[Any], torch.Tensor]) -> bool:
    """Whether the model answers the same where the target is blank."""
    blank = exchanged(batch, path, mapped(at(batch, path), torch.zeros_like))
    try:
        return torch.allclose(answers(batch), answers(blank), equal_nan=True)
    except Exception:
        # A forward pass that refuses other targets looks at them.
        return False


def _is_same(node: Any, target: Any) -> bool:
    if node is target:
        return True
    both = isinstance(node, torch.Tensor) and isinstance(target, torch.Tensor)
    return both and node.dtype == target.dtype and node.shape == target.shape and torch.equal(node, target)
