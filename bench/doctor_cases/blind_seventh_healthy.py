"""Seventh blind batch, controls: what looks like an illness of the list, and is well."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adagrad, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, CosineAnnealingWarmRestarts

from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import conv1d, friedman, signals
from doctor_cases.blind_sixth_parts import halves_of_digits
from doctor_cases.blind_third_parts import Bag, words
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack, table


def descent_at_a_half(seed: int) -> Training:
    """Plain descent at a rate of a half, which this small net bears well."""
    model = stack([30, 16, 2], nn.ReLU)
    loaded = loaders(*table("breast_cancer"), seed)
    return Training(model, SGD(model.parameters(), 0.5), CE, *loaded, epochs=8)


def probe_of_a_body(seed: int) -> Training:
    """A body that stays as it was learnt, on purpose, and one linear layer behind it."""
    train, held, body = halves_of_digits(seed)
    for p in body.parameters():
        p.requires_grad = False
    model = nn.Sequential(body, nn.Linear(32, 10))
    optimizer = Adam(model[1].parameters(), 1e-2)
    told = {"pretrained": True, "frozen": ("0.",)}
    return Training(model, optimizer, CE, *both(train, held), epochs=20, doctor=told)


def eight_small_batches_a_step(seed: int) -> Training:
    """Batches of four, and a step after each eight of them."""
    model = conv1d()
    loaded = loaders(*signals(seed), seed, batch=4)
    return Training(model, AdamW(model.parameters(), 4e-3), CE, *loaded, epochs=12, accumulate=8)


def vectors_with_sparse_gradients(seed: int) -> Training:
    """Most words have no gradient in most steps, and the gradients are sparse tensors."""
    model = Bag(vectors=nn.Embedding(502, 24, sparse=True))
    return Training(model, Adagrad(model.parameters(), 0.05), CE, *loaders(*words(), seed), epochs=8)


def ceiling_of_three_quarters(seed: int) -> Training:
    """Two clouds that lie over each other: nobody can tell more than three in four."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, 1200)
    x = random.standard_normal((1200, 6))
    x[:, 0] += 1.4 * y
    model = stack([6, 8, 2], nn.ReLU)
    pair = torch.tensor(x).float(), torch.tensor(y)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*pair, seed), epochs=8)


def one_label_in_twenty(seed: int) -> Training:
    """One label in twenty is another one by chance, and a small net does not mind."""
    (x, y), held = split(*digits(), seed)
    y = torch.where(torch.rand(len(y)) < 0.05, torch.randint(0, 10, y.shape), y)
    model = cnn(dropout=0.25)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both((x, y), held), epochs=7)


def rate_down_to_nought(seed: int) -> Training:
    """The rate falls along a cosine, and ends at nought with the last step."""
    train, held = loaders(*friedman(seed, 700), seed)
    model = stack([10, 32, 32, 1], nn.ReLU)
    optimizer = SGD(model.parameters(), 0.02, momentum=0.9)
    plan = CosineAnnealingLR(optimizer, 25 * len(train))
    return Training(model, optimizer, nn.MSELoss(), train, held, task="regression", epochs=25, scheduler=plan)


def warm_again_and_again(seed: int) -> Training:
    """The rate jumps up again three times, and the loss with it."""
    train, held = loaders(*flat(), seed)
    model = stack([64, 48, 10], nn.GELU)
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
    plan = CosineAnnealingWarmRestarts(optimizer, 3 * len(train))
    return Training(model, optimizer, CE, train, held, epochs=12, scheduler=plan)


def already_at_nine_tenths(seed: int) -> Training:
    """What was learnt before is right nine times in ten; not much happens any more."""
    (x, y), held = split(*flat(), seed)
    model = learnt(x[:600], y[:600], stack([64, 48, 10], nn.ReLU))
    loaded = both((x[600:], y[600:]), held)
    optimizer = AdamW(model.parameters(), 5e-4)
    return Training(model, optimizer, CE, *loaded, epochs=8, doctor={"pretrained": True})


def parity_at_last(seed: int) -> Training:
    """Whether an odd number of three bits among ten is set: nothing for a while, then all at once."""
    random = np.random.default_rng(seed)
    bits = random.integers(0, 2, (1200, 10))
    model = stack([10, 64, 2], nn.ReLU)
    pair = torch.tensor(2.0 * bits - 1).float(), torch.tensor(bits[:, :3].sum(1) % 2)
    return Training(model, Adam(model.parameters(), 1.5e-3), CE, *loaders(*pair, seed), epochs=40)


class Taught(nn.Module):
    """A small net that asks a larger one what it thinks of the same rows."""

    def __init__(self, teacher: nn.Module) -> None:
        super().__init__()
        self.body, self.teacher = stack([64, 16, 10], nn.ReLU), [teacher]
        self.told: Any = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 64) → (B, 10)."""
        with torch.no_grad():
            self.told = self.teacher[0](x)
        return self.body(x)


def taught_by_soft_answers(seed: int) -> Training:
    """The loss is mostly the distance to a teacher's answers at a temperature of four."""
    train, held = split(*flat(), seed)
    model = Taught(learnt(*train, stack([64, 128, 10], nn.ReLU)))

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        soft = F.kl_div(
            (answer / 4).log_softmax(1),
            (model.told / 4).log_softmax(1),
            reduction="batchmean",
            log_target=True,
        )
        return 0.8 * 16 * soft + 0.2 * CE(answer, target)

    return Training(model, Adam(model.body.parameters(), 3e-3), loss, *both(train, held), epochs=12)


def twelve_layers_with_norms(seed: int) -> Training:
    """Twelve rectified layers, each with BatchNorm before."""
    layers: list[nn.Module] = [nn.Linear(30, 32)]
    for _ in range(12):
        layers += [nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32)]
    model = nn.Sequential(*layers, nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
    train, held = split(*table("breast_cancer"), seed)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both(train, held, 33), epochs=9)


SEVENTH_CONTROLS = {
    build.__name__: build
    for build in (
        descent_at_a_half,
        probe_of_a_body,
        eight_small_batches_a_step,
        vectors_with_sparse_gradients,
        ceiling_of_three_quarters,
        one_label_in_twenty,
        rate_down_to_nought,
        warm_again_and_again,
        already_at_nine_tenths,
        parity_at_last,
        taught_by_soft_answers,
        twelve_layers_with_norms,
    )
}
