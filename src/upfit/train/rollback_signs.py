"""Signs of a bad step: a loss or gradient that is no number, or a loss thrown far up that stays there."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from statistics import median

from upfit.errors import TrainingError

WINDOW = 10
"""Steps over which a loss has to stay up: one hard batch is no spike."""
BEFORE = 50
"""Steps before them that it is compared with; at least `FEWEST`."""
FEWEST = 20
TIMES = 3.0
"""Spike: so many times the median before."""
ABOVE_OPENING = 2.0
"""And so many times the loss of the first step: restarts and harder batches come near it, not above."""

FLOOR = 0.5
"""A loss below that is none to go back for; rollbacks cost time."""
EARLY, DIVERGED = (20, 60), 5.0
"""Between these steps a loss of so many times the first one means that the run has diverged."""


class BadStep(TrainingError):
    """A step after which the weights are worth nothing.

    Args:
        step: The first that shows it.
        loss: Its loss.
        is_spike: The loss is a number, but was thrown up.
        found: What in the step went wrong first, where that was looked for.
        final: Nothing more is to be done about it.
    """

    def __init__(
        self, step: int, loss: float, *, is_spike: bool = False, found: str = "", final: bool = False
    ) -> None:
        self.step, self.loss, self.is_spike, self.final = step, loss, is_spike, final
        what = f"rose to {loss:.3g}" if is_spike else f"became {loss}"
        what = f"the loss {what} at step {step}"
        if not is_spike and math.isfinite(loss):
            what = f"the gradient was no number at step {step}"
        what += f": {found}" if found else ""
        super().__init__(what, hint="a lower rate (--set optimizer.lr=…), or look for NaN in the inputs")


class Signs:
    """Remembers the latest losses, and tells when they were thrown up, as long as it is `on`.

    Example:
        >>> signs = Signs()
        >>> for step in range(1, 61):
        ...     assert signs.spike(step, 1.0) is None
        >>> found = [signs.spike(step, 9.0) for step in range(61, 71)]
        >>> found[-1].step
        61
    """

    def __init__(self) -> None:
        self.on = True
        self._opening: float | None = None
        self._latest: deque[tuple[int, float]] = deque(maxlen=BEFORE + WINDOW)

    def spike(self, step: int, loss: float) -> BadStep | None:
        """Take in a step's loss; the bad step where the latest ones stay far above those before."""
        # The first loss is of the weights as they were given; the next ones may be spoilt already.
        self._opening = loss if self._opening is None else self._opening
        self._latest.append((step, loss))
        recent = list(self._latest)[-WINDOW:]
        before = [one for _, one in self._latest][:-WINDOW]
        if not self.on:
            return None
        wild = max(DIVERGED * self._opening, FLOOR)
        if EARLY[0] <= step <= EARLY[1] and min(one for _, one in recent) > wild:
            return BadStep(recent[0][0], recent[0][1], is_spike=True)
        if len(before) < FEWEST:
            return None
        limit = max(TIMES * median(before), ABOVE_OPENING * self._opening, FLOOR)
        # All but one of them: the median alone would also answer to a bad half.
        if sum(one > limit for _, one in recent) < WINDOW - 1 or recent[0][1] <= limit:
            return None
        return BadStep(recent[0][0], recent[0][1], is_spike=True)

    def reset(self, losses: Iterable[tuple[int, float]]) -> None:
        """Begin anew with the losses of a run that goes on after some steps."""
        known = list(losses)
        self._latest.clear()
        self._opening = known[0][1] if known else None
        self._latest.extend(known[-BEFORE - WINDOW :])
