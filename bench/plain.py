"""The second baseline: a plain fine-tune, written by hand as tutorials do it.

`plain.py SET SEED SCORES.npz IMAGE_SIZE --budget SECONDS --epochs N` prints its test metrics. AdamW with one
rate for all layers, a fresh head, 10 % warm-up and a cosine to 0, batches of 32 in random order, the best
evaluation kept. It shares the split, the backbone and the image size or text length with `upfit fit`. Where a
choice was open, the better one was taken: fused AdamW, channels-last, standardised regression targets, and a
schedule that is moved when the machine's pace changes.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from common import SETS
from setting import keep_scores, lay_out, recipe_at
from torch import nn
from torch.utils.data import DataLoader

from upfit.data.read import read
from upfit.measure import higher_is_better, metrics, primary_metric
from upfit.train.infer import outputs
from upfit.train.workbench import Workbench

Batch = dict[str, torch.Tensor]
RATES = {"text": 5e-5, "image": 5e-4}
SIZE = 32
EVALUATION_SHARE = 0.12
"""Greatest part of the time for evaluations, as in `upfit fit`."""
LAST_SECONDS = 3.0
"""Kept for writing what was found."""


class Plain(nn.Module):
    """The backbone and a fresh linear layer."""

    def __init__(self, backbone: nn.Module, width: int, outputs: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(width, outputs)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Logits (B, K)."""
        logits: torch.Tensor = self.head(self.backbone(batch))
        return logits


@dataclass
class Progress:
    """Steps so far and wanted, seconds they took, and the best evaluation with its weights."""

    total: int
    step: int = 0
    seconds: float = 0.0
    best: float = -math.inf
    weights: dict[str, torch.Tensor] = field(default_factory=dict)


def batches_of(bench: Workbench, backbone: Any) -> DataLoader[Any]:
    """Training batches in a new random order each epoch, padded to their longest."""
    examples = bench.examples(backbone, bench.split.train)
    encoded = torch.as_tensor(bench.objective.encode(bench.train_targets))

    def collate(positions: list[int]) -> Batch:
        batch = examples.collate([examples.get(position, None) for position in positions])
        batch["target"] = encoded[positions]
        return batch

    generator = torch.Generator().manual_seed(bench.recipe.seed)
    positions: Any = range(len(examples))
    return DataLoader(positions, SIZE, shuffle=True, collate_fn=collate, generator=generator)


def multiplier(step: int, total: int) -> float:
    """10 % linear warm-up, then a cosine to 0."""
    warm = max(1, round(0.1 * total))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


def step_seconds(network: nn.Module, loader: DataLoader[Any], loss: Callable[..., torch.Tensor]) -> float:
    """What a step costs here; the weights are as before afterwards."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    seconds = []
    for batch in islice(loader, 4):
        started = time.monotonic()
        loss(network(batch), batch["target"]).mean().backward()
        seconds.append(time.monotonic() - started)
    network.zero_grad(set_to_none=True)
    network.load_state_dict(before)
    return 1.1 * min(seconds)


def endless(loader: DataLoader[Any]) -> Iterator[Batch]:
    """Epoch after epoch."""
    while True:
        yield from loader


@dataclass(frozen=True)
class Job:
    """What is trained, on what, how it is judged (greater is better), and the rows to predict."""

    network: nn.Module
    loader: DataLoader[Any]
    loss: Callable[..., torch.Tensor]
    evaluate: Callable[[], float]
    validation_rows: int
    test_rows: int


@dataclass
class Budget:
    """Turns the time left into a number of steps; the costs are corrected as they become known.

    Args:
        deadline: `time.monotonic()` when everything has to be over.
        wanted: Steps without a limit of time.
        step: Seconds of a training step.
        forward: Seconds to predict one row.
    """

    deadline: float
    wanted: int
    step: float
    forward: float

    def total(self, done: Progress, job: Job, every: int) -> int:
        """Steps in all that fit, evaluations, the last one and the test part included."""
        if done.step >= 10:
            self.step = done.seconds / done.step
        evaluation = self.forward * job.validation_rows
        left = self.deadline - time.monotonic() - evaluation - self.forward * job.test_rows - LAST_SECONDS
        fits = done.step + int(left / (self.step + evaluation / every))
        return max(1, done.step, min(self.wanted, fits))


def finetune(job: Job, *, lr: float, epochs: float, deadline: float) -> Progress:
    """Train until the epochs or the time are over, and load the best weights."""
    per_epoch, network = len(job.loader), job.network
    cost = step_seconds(network, job.loader, job.loss)
    budget = Budget(deadline, max(1, round(epochs * per_epoch)), cost, cost / SIZE / 3)
    evaluation = budget.forward * job.validation_rows
    every = max(per_epoch, math.ceil(evaluation / (EVALUATION_SHARE * cost)))
    done = Progress(0)
    done.total = budget.total(done, job, every)
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr, fused=True)
    network.train()
    mark = time.monotonic()
    for batch in endless(job.loader):
        for group in optimizer.param_groups:
            group["lr"] = lr * multiplier(done.step, done.total)
        job.loss(network(batch), batch["target"]).mean().backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        done.step += 1
        done.seconds += time.monotonic() - mark
        if done.step % 10 == 0 or time.monotonic() > deadline:
            done.total = budget.total(done, job, every)
        if done.step % every == 0 or done.step >= done.total:
            judge(job, done, budget)
        if done.step >= done.total:
            break
        mark = time.monotonic()
    network.load_state_dict(done.weights)
    return done


def judge(job: Job, done: Progress, budget: Budget) -> None:
    """Evaluate, and keep the weights if they are the best so far."""
    began = time.monotonic()
    value = job.evaluate()
    budget.forward = (time.monotonic() - began) / job.validation_rows
    if value > done.best:
        done.best = value
        done.weights = {name: one.clone() for name, one in job.network.state_dict().items()}


def main() -> None:
    """Lay out, train within the budget, score the test part, print."""
    started = time.time()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("seed", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("image_size", help="pixels, or auto")
    parser.add_argument("--budget", type=float, required=True)
    parser.add_argument("--epochs", type=float, default=20.0)
    parser.add_argument("--started", type=float, default=started, help="time.time() when the budget began")
    args = parser.parse_args()
    deadline = time.monotonic() + args.budget - (time.time() - args.started)
    torch.manual_seed(args.seed)
    data = read(**SETS[args.set].reading())
    with tempfile.TemporaryDirectory() as aside:
        bench, backbone = lay_out(data, Path(aside), recipe=recipe_at(args.seed, args.image_size))
    task, metric = data.schema.task, primary_metric(data.schema.task)
    network = Plain(backbone, backbone.width, data.schema.outputs)
    loader = batches_of(bench, backbone)
    held = bench.evaluation_loader(bench.examples(backbone, bench.split.validation))

    def scores(rows_loader: Any) -> Any:
        return bench.objective.scores(torch.from_numpy(outputs(network, rows_loader, bench.world)))

    def evaluate() -> float:
        found = metrics(task, scores(held), bench.validation_targets)[metric]
        return found if higher_is_better(metric) else -found

    done = finetune(
        Job(
            network=network,
            loader=loader,
            loss=bench.objective.loss(bench.recipe.loss.replace(label_smoothing=0.0)),
            evaluate=evaluate,
            validation_rows=len(bench.split.validation),
            test_rows=len(bench.split.test),
        ),
        lr=RATES[backbone.modality],
        epochs=args.epochs,
        deadline=deadline,
    )
    test = scores(bench.evaluation_loader(bench.examples(backbone, bench.split.test)))
    record = {
        "test": keep_scores(args.out, data, bench.split.test, test),
        "validation": {metric: abs(done.best)},
        "steps": done.step,
        "epochs": done.step / len(loader),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
