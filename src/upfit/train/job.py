"""What the loop works on: the Job, the Surroundings, and what has to happen again after a resume."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from torch import nn

from upfit.models.groups import LayerGroup
from upfit.store import Checkpoints, Journal
from upfit.techniques.batch_norm import freeze_batch_norm
from upfit.techniques.frozen import hold_frozen
from upfit.train.objective import LossFunction
from upfit.train.pace import Pace
from upfit.train.recorder import Recorder
from upfit.train.world import Batch, World, bare
from upfit.values import Event, Recipe, Watcher


class Source(Protocol):
    """Where training batches come from: the same for the same (epoch, start)."""

    def __len__(self) -> int:
        """Batches per epoch."""

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of one pass from batch `start` on."""


@dataclass(frozen=True)
class Job:
    """What to train, judged on `judged` examples; `moved` is told how many layer groups are frozen ahead."""

    recipe: Recipe
    model: nn.Module
    source: Source
    loss: LossFunction
    measure: Callable[[], tuple[float, dict[str, float]]]
    metric: str
    evaluate_every: int
    judged: int = 0
    freeze_norms: bool = False
    groups: tuple[LayerGroup, ...] = ()
    moved: Callable[[int], None] = lambda frozen: None


@dataclass(frozen=True)
class Surroundings:
    """The world outside the loop."""

    world: World
    journal: Journal
    recorder: Recorder
    watcher: Watcher
    pace: Pace
    checkpoints: Checkpoints | None = None
    asked_to_stop: Callable[[], bool] = lambda: False

    def tell(self, event: Event) -> None:
        """Write an event down, and show it to who watches."""
        self.journal.add(event)
        self.watcher.event(event)


@dataclass(frozen=True)
class Replay:
    """What bent the run that is resumed after its checkpoint: step → total steps, step → micro-batch."""

    plan: dict[int, int] = field(default_factory=dict)
    micro: dict[int, int] = field(default_factory=dict)


def set_training(job: Job) -> None:
    """Training mode, with BatchNorm statistics held where the recipe says so, and frozen layers still."""
    job.model.train()
    if job.freeze_norms:
        freeze_batch_norm(job.model)
    hold_frozen(bare(job.model), job.groups)
