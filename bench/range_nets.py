"""Small tasks for the range test: many copies of a network trained at once, each at a rate of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn import functional

from upfit.models import load_backbone
from upfit.techniques.holding import LOOKS, held_rates
from upfit.techniques.optimizers import make_optimizer
from upfit.techniques.schedules import multiplier
from upfit.testing import docstring_sentences
from upfit.values.recipe import Schedule

Rows = tuple[torch.Tensor, torch.Tensor]
DECAY = 0.05
TRAIN_SHARE = 0.7
EVALUATIONS = 10


@cache
def digits() -> Rows:
    """scikit-learn's digits (1797, 64), shuffled."""
    pixels, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    return torch.tensor(pixels / 16, dtype=torch.float32)[order], torch.tensor(labels)[order]


@cache
def image_features() -> Rows:
    """The packaged image backbone's features of 600 digits at 48 pixels, standardised."""
    x, y = digits()
    backbone = load_backbone("auto", "image").eval()
    images = functional.interpolate(x[:600].view(-1, 1, 8, 8), size=48, mode="bilinear").expand(-1, 3, -1, -1)
    with torch.no_grad():
        found = torch.cat([backbone({"image": (part - 0.5) / 0.25}) for part in images.split(50)])
    return (found - found.mean()) / found.std(), y[:600]


@cache
def text_features() -> Rows:
    """The packaged text backbone's features of docstring sentences, standardised; whose library are they?"""
    frame = docstring_sentences(per_class=120).sample(frac=1, random_state=0)
    texts, labels = frame["text"].tolist(), frame["label"].astype("category").cat.codes.to_numpy()
    backbone = load_backbone("auto", "text").eval()
    tokenizer = backbone.inputs.tokenizer
    found = []
    with torch.no_grad():
        for at in range(0, len(texts), 40):
            part = texts[at : at + 40]
            tokens = tokenizer(part, padding=True, truncation=True, max_length=32, return_tensors="pt")
            found.append(backbone(dict(tokens)))
    features = torch.cat(found)
    return (features - features.mean()) / features.std(), torch.tensor(labels, dtype=torch.long)


class Image8(nn.Module):
    """(B, 64) → (B, 1, 8, 8)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Images."""
        return x.view(x.shape[0], 1, 8, 8)


class Residual(nn.Module):
    """x + f(norm(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The sum."""
        return x + self.inner(x)


def perceptron(width: int, classes: int = 10, *, hidden: int = 24) -> nn.Module:
    """One hidden layer."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def tanh_net() -> nn.Module:
    """Three layers."""
    return nn.Sequential(nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 10))


def convolutions() -> nn.Module:
    """Two convolutions and a linear layer."""
    return nn.Sequential(
        Image8(), nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(48, 10),
    )  # fmt: skip


def residual() -> nn.Module:
    """Two residual blocks with layer norms."""
    return nn.Sequential(nn.Linear(64, 48), Residual(48), Residual(48), nn.LayerNorm(48), nn.Linear(48, 10))


@dataclass(frozen=True)
class Task:
    """A network, its data, an optimizer, and a length of training."""

    name: str
    make: Callable[[], nn.Module]
    rows: Callable[[], Rows]
    optimizer: str
    size: int
    steps: int


class Copies:
    """Copies of a task's network, one per seed, each step with batches and rates of their own.

    One real optimizer at a rate of 1 gives the step, which is then scaled: right for every optimizer that
    works element by element and whose step is proportional to the rate. Clipped at a norm of 1, each apart.
    """

    def __init__(self, task: Task, seeds: Sequence[int]) -> None:
        self.x, self.y = task.rows()
        self.count = int(TRAIN_SHARE * len(self.y))
        made = []
        for seed in seeds:
            torch.manual_seed(seed)
            made.append(task.make())
        stacked, _ = stack_module_state(made)  # type: ignore[arg-type]
        self.weights = {name: nn.Parameter(value.detach().clone()) for name, value in stacked.items()}
        base = task.make().to("meta")
        self.decay = DECAY if task.optimizer in ("adamw", "lion") else 0.0
        groups = [{"params": list(self.weights.values()), "lr": 1.0, "weight_decay": 0.0}]
        self.optimizer = make_optimizer(task.optimizer, groups)

        def loss(weights: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return functional.cross_entropy(functional_call(base, weights, (x,)), y)

        self.gradients = vmap(grad_and_value(loss))
        self.losses = vmap(loss, in_dims=(0, None, None))

    def step(self, rows_MB: torch.Tensor, rates_M: torch.Tensor) -> torch.Tensor:
        """The losses (M,) before the step."""
        detached = {name: weight.detach() for name, weight in self.weights.items()}
        gradients, losses_M = self.gradients(detached, self.x[rows_MB], self.y[rows_MB])
        norms_M = sum(g.flatten(1).pow(2).sum(1) for g in gradients.values()).sqrt()
        clip_M = (1 / (norms_M + 1e-6)).clamp(max=1)
        before = {name: weight.clone() for name, weight in detached.items()}
        for name, weight in self.weights.items():
            weight.grad = gradients[name] * _along(clip_M, weight)
        self.optimizer.step()
        with torch.no_grad():
            for name, weight in self.weights.items():
                rate = _along(rates_M, weight)
                decay = self.decay if weight.ndim > 2 else 0.0
                weight.copy_(before[name] + rate * (weight - before[name]) - rate * decay * before[name])
        return losses_M

    def validation(self) -> torch.Tensor:
        """Validation losses (M,), infinite where a copy diverged."""
        weights = {name: weight.detach() for name, weight in self.weights.items()}
        with torch.no_grad():
            losses_M = self.losses(weights, self.x[self.count :], self.y[self.count :])
        return torch.where(torch.isfinite(losses_M), losses_M, torch.tensor(torch.inf))


def batches(count: int, size: int, seed: int) -> Iterator[torch.Tensor]:
    """Rows of shuffled batches without an end."""
    generator = torch.Generator().manual_seed(seed)
    for _ in itertools.count():
        order = torch.randperm(count, generator=generator)
        yield from order[: count - count % size].split(size)


def grid_losses(task: Task, grid: Sequence[float], seeds: Sequence[int]) -> np.ndarray:
    """The best of ten validation losses of whole trainings (rates, seeds); warm-up and cosine.

    The best and not the last, since upfit keeps the best weights and not the last.
    """
    copies = Copies(task, [seed for _ in grid for seed in seeds])
    rates = torch.tensor([rate for rate in grid for _ in seeds], dtype=torch.float32)
    drawn = [batches(copies.count, task.size, seed) for seed in seeds]
    best = torch.full((len(rates),), torch.inf)
    for step in range(task.steps):
        rows = torch.stack([next(one) for one in drawn]).repeat(len(grid), 1)
        copies.step(rows, rates * multiplier(Schedule(), step, task.steps))
        if (step + 1) % (task.steps // EVALUATIONS) == 0:
            best = torch.minimum(best, copies.validation())
    return best.view(len(grid), len(seeds)).numpy()


def climb_losses(task: Task, rates: Sequence[float], repeats: int) -> np.ndarray:
    """The curves of a range test (repeats, rates), all from the same weights, on other batches."""
    copies = Copies(task, [0] * repeats)
    drawn = [batches(copies.count, task.size, 1000 + number) for number in range(repeats)]
    losses = [
        copies.step(torch.stack([next(one) for one in drawn]), torch.full((repeats,), float(rate)))
        for rate in rates
    ]
    return torch.stack(losses, dim=1).detach().numpy()


def held(task: Task, rate: float, steps: int, *, number: int) -> dict[str, list[float]]:
    """One rate, held from the same weights as the climbs, on other batches; looks at the validation part."""
    copies = Copies(task, [0])
    drawn = batches(copies.count, task.size, 1000 + number)
    looks, losses, found = [0], [], [float(copies.validation()[0])]
    for step, now in enumerate(held_rates(rate, steps), 1):
        losses.append(float(copies.step(next(drawn)[None], torch.tensor([now], dtype=torch.float32))[0]))
        if step % (steps // LOOKS) == 0:
            looks.append(step)
            found.append(float(copies.validation()[0]))
    return {"losses": losses, "looks": looks, "held": found}


def _along(values_M: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return values_M.view(-1, *[1] * (weight.ndim - 1))
