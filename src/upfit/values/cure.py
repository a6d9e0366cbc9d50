"""Cure: one attempt to repair a run, and what it was worth."""

from __future__ import annotations

from typing import Literal

from upfit.values.base import Value
from upfit.values.change import Change
from upfit.values.estimate import Estimate

Outcome = Literal["kept", "undone", "failed", "impossible"]


class Cure(Value):
    """A line of the ledger: what was tried against which finding, and what validation said of it.

    Args:
        kind: Of the finding that it was tried against, a word of the vocabulary.
        outcome: `kept`: better beyond noise. `undone`: not better beyond noise. `failed`: the trial broke
            off. `impossible`: no Change can cure this; `why` says what can.
        why: Why it was tried, in a sentence.
        changes: What was changed; empty where nothing can be.
        metric: The validation metric that judged.
        before: The metric without the changes, after as many steps with the same seeds; None if unknown.
        after: The metric with them; None if unknown.
        gain: What the changes gain, in the metric's units, paired over validation examples, positive is
            better, with a 95 % interval.
        steps: Optimizer steps of each trial.
        seconds: What the trial cost.

    >>> cure = Cure(kind="lr_too_large", outcome="kept", gain=Estimate(0.31, 0.25, 0.37))
    >>> cure.is_kept, Cure(**cure.model_dump()) == cure
    (True, True)
    """

    kind: str
    outcome: Outcome
    why: str = ""
    changes: tuple[Change, ...] = ()
    metric: str = ""
    before: float | None = None
    after: float | None = None
    gain: Estimate | None = None
    steps: int = 0
    seconds: float = 0.0

    @property
    def is_kept(self) -> bool:
        """Whether the run goes on with these changes."""
        return self.outcome == "kept"

    @property
    def what(self) -> str:
        """The changes in one line."""
        return ", ".join(f"{one.path}={one.to}" for one in self.changes) or "nothing that a change can do"
