"""What the loop works on: the Job, the Surroundings, and what has to happen again after a resume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from torch import nn

from upfit.models.groups import LayerGroup
from upfit.store import Checkpoints, Journal
from upfit.techniques.batch_norm import freeze_batch_norm
from upfit.techniques.frozen import hold_frozen
from upfit.train.compiling import bare
from upfit.train.objective import LossFunction
from upfit.train.pace import Pace
from upfit.train.recorder import Recorder
from upfit.train.rollback_plan import KIND as ROLLED_BACK
from upfit.train.rollback_signs import BadStep
from upfit.train.start import Start
from upfit.train.world import Batch, World
from upfit.values import Event, Recipe, Watcher

if TYPE_CHECKING:
    from upfit.train.watch import Watch


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
    watch: Watch
    pace: Pace
    checkpoints: Checkpoints | None = None
    asked_to_stop: Callable[[], bool] = lambda: False
    start: Start = field(default_factory=Start)

    def tell(self, event: Event) -> None:
        """Write an event down, and show it to who watches."""
        self.journal.add(event)
        self.watcher.event(event)

    def flush(self, total_steps: int) -> None:
        """Write down every step and every look so far."""
        self.recorder.flush(total_steps)
        self.watch.flush()


@dataclass(frozen=True)
class Replay:
    """What bent a run after the state that it goes on from, to happen again.

    Args:
        plan: Step → total steps.
        micro: Step → micro-batch.
        cures: Step → what is done from it on, because steps went bad.
        suspect: The bad step that is to be looked at when the run comes by again.
    """

    plan: dict[int, int] = field(default_factory=dict)
    micro: dict[int, int] = field(default_factory=dict)
    cures: dict[int, tuple[Event, ...]] = field(default_factory=dict)
    suspect: BadStep | None = None

    @classmethod
    def of(cls, events: Iterable[Event]) -> Replay:
        """Of the events that were written after that state."""
        events, cures = tuple(events), dict[int, tuple[Event, ...]]()
        for one in events:
            if one.kind == ROLLED_BACK:
                cures[one.step] = (*cures.get(one.step, ()), one)
        return cls(
            plan={one.step: int(one.data["total_steps"]) for one in events if one.kind == "plan"},
            micro={one.step: int(one.data["micro_size"]) for one in events if one.kind == "out_of_memory"},
            cures=cures,
        )


def set_training(job: Job) -> None:
    """Training mode, with BatchNorm statistics held where the recipe says so, and frozen layers still."""
    job.model.train()
    if job.freeze_norms:
        freeze_batch_norm(job.model)
    hold_frozen(bare(job.model), job.groups)
