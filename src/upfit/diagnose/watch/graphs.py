"""Do the graphs of earlier losses stay alive?"""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any

import torch

REMEMBERED = 24
OLD = 3
"""A loop may hold the last losses; older ones are gone unless somebody keeps them."""
DEEPEST = 2000
"""Nodes that are walked down; deeper ones are marked there."""
ALL, SOME = 48, 8
"""So many losses are all marked, later ones now and then: a mark costs as much as a small layer."""


class _Mark:
    """Lives exactly as long as the graph node that it is tied to."""


def _bottom(node: Any) -> Any:
    """The last node on the way down from a loss, before weights are reached; None of no node."""
    for _ in range(DEEPEST):
        inner = () if node is None else node.next_functions
        further = next((one for one, _ in inner if one is not None and one.next_functions), None)
        if further is None:
            break
        node = further
    return node


class Graphs:
    """Ties a mark to each loss's graph node and counts how many old ones are still alive.

    `total += loss` keeps every graph: resident memory shows it after thousands of steps, the marks at once.
    Whoever keeps answers, or what a layer said, keeps the graph below, and not the loss: the mark is tied to
    the bottom.
    """

    def __init__(self) -> None:
        self._steps = 0
        self._marks: deque[weakref.ref[_Mark]] = deque(maxlen=REMEMBERED)

    def note(self, loss: torch.Tensor) -> int:
        """Take note of a loss; returns how many graphs older than three steps are alive."""
        self._steps += 1
        if self._steps > ALL and self._steps % SOME:
            return 0
        node = _bottom(loss.grad_fn)
        if node is not None:
            mark = _Mark()
            node.metadata[_Mark] = mark
            self._marks.append(weakref.ref(mark))
            del mark
        return sum(one() is not None for one in list(self._marks)[: -OLD or None])
