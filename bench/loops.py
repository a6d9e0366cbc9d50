"""Our loop and a hand-written one, each stopping after so many steps, so that they can take turns."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from upfit.data.examples import Examples
from upfit.data.loader import Loader
from upfit.data.order import epoch_batches
from upfit.models import Backbone
from upfit.models.groups import LayerGroup
from upfit.techniques.batch_norm import freeze_batch_norm
from upfit.train.job import Job, set_training
from upfit.train.loop import train_loop
from upfit.train.objective import LossFunction
from upfit.train.stages import fresh_network, training_parts
from upfit.train.tune import Places, Plan, freeze, prepare, surroundings
from upfit.train.workbench import Workbench
from upfit.values import Silent

Batch = dict[str, torch.Tensor]
FAR = 10**9


class OurLoop:
    """`upfit.train.loop` as `tune` sets it up, its journal on disk, without evaluations and checkpoints.

    Args:
        bench: With a settled recipe.
        network: What to train.
        groups: Its layer groups.
        source: Training batches.
        loss: (logits, targets) → (B,).
        folder: For `trace.jsonl`.
        total_steps: Length of the schedule.
    """

    def __init__(
        self,
        bench: Workbench,
        network: nn.Module,
        groups: tuple[LayerGroup, ...],
        *,
        source: Loader,
        loss: LossFunction,
        folder: Path,
        total_steps: int,
    ) -> None:
        recipe = bench.recipe
        folder.mkdir(parents=True, exist_ok=True)
        freeze(network, groups, recipe.layers.train)
        for name, parameter in network.named_parameters():
            known = any(name in group.parameters for group in groups)
            parameter.requires_grad_(known and parameter.requires_grad)
        # One step more than will be taken: a run that is done would evaluate.
        plan = Plan(total_steps=total_steps + 1, evaluate_every=FAR, wanted_steps=FAR)
        self.state, model = prepare(recipe, network, groups, plan, bench.world)
        self.job = Job(
            recipe=recipe,
            model=model,
            source=source,
            loss=loss,
            measure=lambda: (0.0, {}),
            metric="accuracy",
            evaluate_every=FAR,
            freeze_norms=recipe.layers.batch_norm == "frozen",
            groups=groups,
        )
        self.goal = 0
        places = Places(folder, None, lambda: self.state.step >= self.goal)
        self.around = replace(surroundings(bench.world, Silent(), plan, places), checkpoints=None)
        set_training(self.job)

    def run(self, steps: int) -> float:
        """Take some steps; returns seconds."""
        self.goal = self.state.step + steps
        started = time.perf_counter()
        train_loop(self.job, self.state, self.around)
        return time.perf_counter() - started


def our_loop_on(bench: Workbench, backbone: Backbone, folder: Path, *, total_steps: int) -> OurLoop:
    """Our loop on a fresh network of a bench."""
    network = fresh_network(bench, backbone)
    _, source = training_parts(bench, network)
    return OurLoop(
        bench,
        network,
        network.groups,
        source=source,
        loss=bench.objective.loss(bench.recipe.loss),
        folder=folder,
        total_steps=total_steps,
    )


class PlainLoop:
    """The loop that a user writes: AdamW over all parameters, a scheduler, nothing else.

    Args:
        network: What to train.
        batches: Training batches, without end.
        loss: (logits, targets) → (B,).
        lr: The rate.
        total_steps: Length of the schedule.
        freeze_norms: Hold BatchNorm statistics, where the other loop does.
        clip: Greatest norm of the gradient; None does not clip.
        fused: Whether AdamW is; None leaves that to torch.
    """

    def __init__(
        self,
        network: nn.Module,
        batches: Iterator[Batch],
        loss: LossFunction,
        *,
        lr: float,
        total_steps: int,
        freeze_norms: bool,
        clip: float | None = None,
        fused: bool | None = True,
    ) -> None:
        self.network, self.clip = network, clip
        self.batches = batches
        self.loss = loss
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=0.05, fused=fused)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, total_steps)
        network.train()
        if freeze_norms:
            freeze_batch_norm(network)

    def run(self, steps: int) -> float:
        """Take some steps; returns seconds."""
        started = time.perf_counter()
        for _ in range(steps):
            batch = next(self.batches)
            loss = self.loss(self.network(batch), batch["target"]).mean()
            loss.backward()
            if self.clip is not None:
                torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
            self.optimizer.step()
            self.scheduler.step()
            self.optimizer.zero_grad(set_to_none=True)
            loss.item()
        return time.perf_counter() - started


class _Rows(torch.utils.data.Dataset[Any]):
    """Rows with their targets, as people write a Dataset."""

    def __init__(self, examples: Examples, targets: torch.Tensor) -> None:
        self.examples, self.targets = examples, targets

    def __getitem__(self, position: int) -> tuple[Any, torch.Tensor]:
        return self.examples.get(position, None), self.targets[position]

    def collate(self, items: list[tuple[Any, torch.Tensor]]) -> Batch:
        batch = self.examples.collate([example for example, _ in items])
        batch["target"] = torch.stack([target for _, target in items])
        return batch


def plain_batches(examples: Examples, targets: torch.Tensor, *, size: int, seed: int) -> Iterator[Batch]:
    """Batches in our order without bucketing, padded to their longest, through a plain DataLoader."""
    rows, epoch = _Rows(examples, targets), 0
    while True:
        order = epoch_batches(len(examples), size=size, seed=seed, epoch=epoch)
        positions = [batch.tolist() for batch in order]
        yield from DataLoader(rows, batch_sampler=positions, collate_fn=rows.collate)
        epoch += 1
