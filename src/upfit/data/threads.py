"""Threads for work that lets go of the interpreter, as decoding images does."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

THREADS = 8
AHEAD = 4
"""Results that wait to be taken, for each thread: images are large."""


def in_threads(items: Iterable[T], work: Callable[[T], R]) -> Iterator[R]:
    """What becomes of each item, in order; a few are worked on at once.

    Args:
        items: Asked for in this thread.
        work: Done in others; what it raises is raised here, in its turn.

    Example:
        >>> list(in_threads(range(4), lambda number: number**2))
        [0, 1, 4, 9]
    """
    threads = min(THREADS, os.cpu_count() or 1)
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > AHEAD * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
