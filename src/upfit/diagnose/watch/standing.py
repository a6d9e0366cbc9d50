"""Do the weights still move, from evaluation to evaluation?"""

from __future__ import annotations

from torch import nn
from torch.optim import Optimizer

from upfit.diagnose.watch.wiring import samples_of


class Standing:
    """Counts evaluations in a row between which no weight moved, though gradients came and rates were set.

    The wiring of the first steps may be sound and end later: a scaler that meets no finite gradient any more
    leaves out every step. Weights are looked at twice per evaluation: at the first step after it, and at the
    next one.

    Args:
        model: The model.
        optimizers: What trains it.
    """

    def __init__(self, model: nn.Module, optimizers: tuple[Optimizer, ...]) -> None:
        self.facts: dict[str, float] = {}
        self._samples = samples_of(model, optimizers)
        self._is_first = True

    def step(self) -> None:
        """After a backward pass, before the optimizer's step."""
        if not self._is_first:
            return
        self._is_first = False
        for sample in self._samples:
            sample.note()

    def validated(self) -> None:
        """An evaluation is over."""
        able = [one for one in self._samples if one.able] if not self._is_first else []
        still = bool(able) and not any(one.changed() for one in able)
        self.facts["wiring.stood_still"] = self.facts.get("wiring.stood_still", 0.0) + 1 if still else 0.0
        self._is_first = True
