"""What techniques earned, as measured: the figures that a card quotes, losses and nulls included.

They come with the package in `measured.json`, which `bench/techniques.py` writes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from upfit.values import Value

FILE = Path(__file__).with_name("measured.json")


class Measured(Value):
    """The default recipe with a technique against the default recipe without it.

    Args:
        card: The card's name.
        switch: What was switched on.
        data: The data set.
        metric: What was measured on its test part; higher is better.
        gain: Mean difference over the seeds; low and high bound it with 95 % confidence.
        seeds: Paired runs.
        cost: Training time of the run with it, as a multiple of the run without.
        left_out: The default recipe has it, and `switch` takes it away: the gain is the default's.
        by_clock: The cost is by the clock of a shared machine, not by the processor's own time.
    """

    card: str
    switch: str
    data: str
    metric: str
    gain: float
    low: float
    high: float
    seeds: int
    cost: float
    left_out: bool = False
    by_clock: bool = False

    @property
    def verdict(self) -> Literal["gain", "loss", "noise", "no change"]:
        """What the interval allows to say.

        >>> Measured(card="x", switch="x", data="d", metric="accuracy", gain=0.01,
        ...          low=-0.01, high=0.03, seeds=5, cost=1.0).verdict
        'noise'
        """
        if self.low == self.high == 0:
            # Exact copies are no noise: there was nothing for it to act on, or it changes only the speed.
            return "no change"
        return "gain" if self.low > 0 else "loss" if self.high < 0 else "noise"

    def __str__(self) -> str:
        about = "about " if self.by_clock else ""
        cost = f"{about}{self.cost:.2f} times the training time"
        if self.verdict == "no change":
            return f"{self.data}: {self.metric} the same to the last digit on {self.seeds} seeds; {cost}"
        interval = f"{self.gain:+.3f} ({self.low:+.3f} to {self.high:+.3f}, {self.seeds} seeds)"
        inside = "" if self.verdict != "noise" else ", inside the noise"
        return f"{self.data}: {self.metric} {interval}{inside}; {cost}"

    def told(self, switch: str) -> str:
        """The same, with what was switched where a card that names `switch` would let its readers guess."""
        if self.left_out:
            return f"{self}; the default against {self.switch}"
        return str(self) if self.switch == switch else f"{self}; with {self.switch}"


def measured(card: str) -> tuple[Measured, ...]:
    """All figures of a card, in the order of the benchmark; none where it was not measured."""
    rows = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else []
    return tuple(Measured(**row) for row in rows if row["card"] == card)
