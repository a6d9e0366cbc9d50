"""State: everything about a run that changes, in one object, saved and restored whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from upfit.techniques.parts import Parts, Remembered

Weights = dict[str, torch.Tensor]


@dataclass
class Best:
    """The best evaluation so far and the weights that it measured (on the CPU)."""

    step: int
    value: float
    loss: float
    weights: Weights


@dataclass
class State:
    """What a resumed run needs, beside the values that it was given.

    Args:
        network: The bare network (what Accelerate wraps, unwrapped).
        optimizer: Its optimizer.
        total_steps: The plan's end, as it stands.
        parts: The techniques.
        remembered: What they remember.
        step: Optimizer steps taken.
        stale: Evaluations since the last progress.
        bar: What the last progress reached.
        best: The evaluation whose weights are kept.
        peak: The greatest value of the metric so far.
        seconds: Training seconds, earlier sessions included.
        stopped: Why the run ended before its plan, or "".
        plateau_factor: What schedule `plateau` has multiplied the rate by.
        plateau_stale: Evaluations without progress since the last progress or cut.
        micro_size: Examples per forward pass and process; None for the whole batch.
        watch_every: Steps between looks inside the network; 0 until that is chosen.
        probe_size: Examples that are probed after evaluations; -1 until that is chosen.
        probe_gap: Evaluations from one probe to the next.
        rate_factor: What the rate is multiplied by since a bad step was taken back.
        clip_norm: Greatest gradient norm since then; None where nothing was changed.
        wary: Whether batches are searched for values that are no numbers, since one held some.
    """

    network: nn.Module
    optimizer: Optimizer
    total_steps: int
    parts: Parts
    remembered: Remembered = field(default_factory=dict)
    step: int = 0
    stale: int = 0
    bar: float | None = None
    best: Best | None = None
    peak: float | None = None
    seconds: float = 0.0
    stopped: str = ""
    plateau_factor: float = 1.0
    plateau_stale: int = 0
    micro_size: int | None = None
    watch_every: int = 0
    probe_size: int = -1
    probe_gap: int = 0
    rate_factor: float = 1.0
    clip_norm: float | None = None
    wary: bool = False

    def done(self) -> bool:
        """Whether no further step is due."""
        return bool(self.stopped) or self.step >= self.total_steps

    def weights(self) -> Weights:
        """The weights to evaluate and keep: the average where there is one, else the current ones."""
        return self.averaged() or self.network.state_dict()

    def averaged(self) -> Weights:
        """The weights of a technique that averages them; empty where none does."""
        return self.parts.averaged(self.remembered)

    @property
    def progress(self) -> float:
        """Fraction of the plan that is done, 0 to 1."""
        return min(1.0, self.step / max(1, self.total_steps))

    def remember_best(self, value: float, loss: float) -> None:
        """Keep a copy of the present weights as the best."""
        copied = {name: w.detach().to("cpu", copy=True) for name, w in self.weights().items()}
        self.best = Best(self.step, value, loss, copied)

    def waited(self, value: float, better: bool, *, least: float) -> None:
        """Count an evaluation without progress; progress has to be at least `least` since the last."""
        # Differences of decimal fractions fall short of them by rounding.
        enough = not least or self.bar is None or value - self.bar > least - 1e-9
        if better and enough:
            self.bar, self.stale = value, 0
        else:
            self.stale += 1

    def to_dict(self) -> dict[str, Any]:
        """Tensors and plain values, for a checkpoint."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "remembered": self.remembered,
            "counters": {
                "total_steps": self.total_steps,
                "step": self.step,
                "stale": self.stale,
                "bar": self.bar,
                "peak": self.peak,
                "seconds": self.seconds,
                "stopped": self.stopped,
                "plateau_factor": self.plateau_factor,
                "plateau_stale": self.plateau_stale,
                "micro_size": self.micro_size,
                "watch_every": self.watch_every,
                "probe_size": self.probe_size,
                "probe_gap": self.probe_gap,
                "rate_factor": self.rate_factor,
                "clip_norm": self.clip_norm,
                "wary": self.wary,
            },
            "best": None if self.best is None else vars(self.best),
            "random": {"torch": torch.get_rng_state(), "cuda": _cuda_random()},
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over everything that `to_dict` gave."""
        self.network.load_state_dict(saved["network"])
        self.optimizer.load_state_dict(saved["optimizer"])
        for technique, kept in saved["remembered"].items():
            for name, value in kept.items():
                self.remembered[technique][name].copy_(value)
        for name, value in saved["counters"].items():
            setattr(self, name, value)
        self.best = None if saved["best"] is None else Best(**saved["best"])
        torch.set_rng_state(saved["random"]["torch"])
        if saved["random"]["cuda"]:
            torch.cuda.set_rng_state_all(saved["random"]["cuda"])


def _cuda_random() -> list[torch.Tensor]:
    return list(torch.cuda.get_rng_state_all()) if torch.cuda.is_available() else []
