# ruff: noqa: D102 a case is named for its fault
"""Seventh blind batch, second part: what is not cleared, stepped, told, matched, masked or let go."""

from __future__ import annotations

from typing import Any

import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam

from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import conv1d, scaled, signals
from doctor_cases.blind_third_parts import Follower, letters, placewise
from doctor_cases.blind_wiring import CE
from doctor_cases.parts import Training, loaders, stack, table


class Clears(SGD):
    """Clears the gradients of all groups, or of the last alone."""

    since = 0

    def zero_grad(self, set_to_none: bool = True) -> None:
        for group in self.param_groups[self.since :]:
            for p in group["params"]:
                p.grad = None


def head_alone_is_cleared(faulty: bool, seed: int) -> Training:
    """The loop clears the gradients of the head, not those of the body."""
    model = conv1d()
    groups = [{"params": model[:-1].parameters()}, {"params": model[-1].parameters()}]
    optimizer = Clears(groups, 0.03, momentum=0.9)
    optimizer.since = 1 if faulty else 0
    return Training(model, optimizer, CE, *loaders(*signals(seed), seed), epochs=10)


def weights_made_anew(faulty: bool, seed: int) -> Training:
    """After the optimizer was made, each weight is brought to its type and becomes a new parameter."""
    model = stack([30, 24, 24, 2], nn.ReLU)
    optimizer = Adam(model.parameters(), 5e-3)
    for layer in model if faulty else ():
        if isinstance(layer, nn.Linear):
            layer.weight = nn.Parameter(layer.weight.detach().to(torch.float32).clone())
            layer.bias = nn.Parameter(layer.bias.detach().to(torch.float32).clone())
    return Training(model, optimizer, CE, *loaders(*table("breast_cancer"), seed), epochs=8)


class Dropping(nn.Sequential):
    """Has a word of its own in `train`, and may forget to hand on what it was told."""

    forgets = False

    def train(self, mode: bool = True) -> Dropping:
        super().train() if self.forgets else super().train(mode)
        return self


def train_without_its_argument(faulty: bool, seed: int) -> Training:
    """`train(mode)` was overridden and calls `super().train()`: `eval()` puts dropout on again."""
    model = Dropping(nn.Dropout(0.4), nn.Linear(64, 48), nn.ReLU(), nn.Dropout(0.5), nn.Linear(48, 10))
    model.forgets = faulty
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*flat(), seed), epochs=10)


def never_gathers_enough(faulty: bool, seed: int) -> Training:
    """Gradients are to be gathered over 64 batches, counted anew in each pass, and a pass has fifteen."""
    model = conv1d()
    optimizer = Adam(model.parameters(), 5e-3)
    loaded = loaders(*signals(seed), seed)
    return Training(model, optimizer, CE, *loaded, epochs=10, accumulate=64 if faulty else 1)


def absolute(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute error, as one writes it."""
    return (answer - target).abs().mean()


def flattened_answer(faulty: bool, seed: int) -> Training:
    """The network flattens its answer to (B,), and the values to foretell are (B, 1)."""
    x, y = datasets.make_regression(500, 8, n_informative=5, noise=10, random_state=seed)
    model = stack([8, 32, 1], nn.ReLU)
    model = nn.Sequential(*model, nn.Flatten(0)) if faulty else model
    return Training(
        model, Adam(model.parameters(), 1e-2), absolute, *loaders(scaled(x), scaled(y)[:, None], seed),
        task="regression", epochs=15,
    )  # fmt: skip


def statistics_hardly_move(faulty: bool, seed: int) -> Training:
    """BatchNorm's momentum was copied from a library in which it means the share that stays."""
    model = conv1d(norm=True)
    for layer in model:
        if isinstance(layer, nn.BatchNorm1d):
            layer.momentum = 0.001 if faulty else 0.1
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*signals(seed), seed), epochs=8)


def likelihood_without_its_minus(faulty: bool, seed: int) -> Training:
    """The mean log-likelihood is given to an optimizer that makes it smaller."""
    side = 1.0 if faulty else -1.0

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return side * answer.log_softmax(1)[torch.arange(len(target)), target].mean()

    model = stack([13, 16, 3], nn.ReLU)
    loaded = loaders(*table("wine"), seed, batch=16)
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaded, epochs=12)


def foretold_from_both_ends(faulty: bool, seed: int) -> Training:
    """A recurrent layer that foretells the next letter reads the text backward as well."""
    text = letters()
    model = Follower(30, 30, cell=nn.LSTM, bidirectional=faulty)
    return Training(
        model, Adam(model.parameters(), 5e-3), placewise, *loaders(text[:, :-1], text[:, 1:], seed),
        task="language_model", epochs=8,
    )  # fmt: skip


class Allocated(nn.Sequential):
    """Finds no memory for more than sixteen rows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and len(x) > 16:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: "
                "you tried to allocate 17179869184 bytes. Error code 12 (Cannot allocate memory)"
            )
        return super().forward(x)


def allocator_gives_up(faulty: bool, seed: int) -> Training:
    """The memory of the machine itself is full above sixteen rows."""
    model = Allocated(*conv1d())
    loaded = loaders(*signals(seed), seed, batch=64 if faulty else 16)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=6, stop_on_error=True)


def answers_kept_for_the_report(faulty: bool, seed: int) -> Training:
    """All answers are kept for a confusion matrix at the end, and each keeps its graph."""
    model = conv1d()
    kept: list[Any] = []

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if model.training:
            kept.append((answer if faulty else answer.detach().argmax(1), target))
        return F.cross_entropy(answer, target)

    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaders(*signals(seed), seed), epochs=8)
