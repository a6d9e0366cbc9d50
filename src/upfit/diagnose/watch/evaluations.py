"""In which mode does the model run while it is trained, and while it is validated?"""

from __future__ import annotations

from typing import Any

from torch import nn

from upfit.diagnose.watch.wiring import Quiet
from upfit.measure.inside.layers import has_random_or_batch_layers

FEWEST = 20
"""Steps, after which the share of those in evaluation mode is told."""


class Evaluations:
    """Notes the mode of each forward pass between a training step and the end of an evaluation."""

    def __init__(self, model: nn.Module) -> None:
        self.facts: dict[str, float] = {}
        self.paused = False
        self._model = model
        self._modes: list[bool] = []
        self._passes = self._asleep = 0
        self._handle: Any = model.register_forward_pre_hook(Quiet(self._note))

    def stepped(self) -> None:
        """A training step was taken: what ran before it was training.

        Passes of a validation that was not told of may lie before it as well; a step counts as one in
        evaluation mode only where no pass was in training mode.
        """
        if self._modes:
            self._passes += 1
            self._asleep += not any(self._modes)
            if self._passes >= FEWEST and has_random_or_batch_layers(self._model):
                self.facts["wiring.trained_in_evaluation_mode"] = self._asleep / self._passes
        self._modes.clear()

    def validated(self) -> None:
        """An evaluation is over: what ran since the last step was validation."""
        if not self._modes:
            return
        self.facts["wiring.evaluations"] = self.facts.get("wiring.evaluations", 0.0) + 1
        if has_random_or_batch_layers(self._model):
            in_training = sum(self._modes) > len(self._modes) / 2
            # The last evaluation counts: whoever mends the loop is told so.
            self.facts["wiring.evaluated_in_training_mode"] = float(in_training)
        self._modes.clear()

    def close(self) -> None:
        """Remove the hook."""
        self._handle.remove()

    def _note(self, module: nn.Module, _inputs: Any) -> None:
        if not self.paused:
            self._modes.append(module.training)
