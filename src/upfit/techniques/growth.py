"""Something that grows over a run in stages: image sides, lengths of texts."""

from __future__ import annotations


def stage(progress: float, *, start: float, until: float, stages: int) -> float:
    """The fraction of the full size at a moment of the run: `start` at first, 1 from `until` on.

    A pure function of its arguments, so that a resumed run goes on as it would have.

    Args:
        progress: Part of the run that is done, 0 to 1.
        start: The first fraction, 0 to 1.
        until: Part of the run after which nothing is small any more.
        stages: How many sizes there are before the full one.

    Example:
        >>> [stage(p, start=0.5, until=0.6, stages=2) for p in (0.0, 0.29, 0.31, 0.59, 0.6, 1.0)]
        [0.5, 0.5, 0.75, 0.75, 1.0, 1.0]
    """
    if progress >= until:
        return 1.0
    return start + (1 - start) * int(stages * progress / until) / stages
