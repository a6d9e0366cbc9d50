# ruff: noqa: D102 a case is named for its fault
"""Sixth blind batch, third part: what is not stepped, not reached, not loaded, not let go or not the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, Dataset, TensorDataset

from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import Pair, Residual, cancer, friedman, signals
from doctor_cases.blind_sixth_parts import adapted, halves_of_digits, mirrored_digits
from doctor_cases.blind_third_parts import Writer, letters, placewise
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


class Dropping(nn.Module):
    """Two layers with dropout that is a part of the module, or lies in a plain list."""

    def __init__(self, listed: bool) -> None:
        super().__init__()
        self.body, self.head = stack([10, 32, 24], nn.ReLU), nn.Linear(24, 1)
        self.drops: Any = [nn.Dropout(0.5)] if listed else nn.ModuleList([nn.Dropout(0.5)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.drops[0](self.body(x).relu()))


def dropout_in_a_plain_list(faulty: bool, seed: int) -> Training:
    """Dropout in a Python list is not told that evaluation has begun."""
    model = Dropping(faulty)
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.MSELoss(), *loaders(*friedman(seed), seed),
        task="regression", epochs=20,
    )  # fmt: skip


def asked_two_at_a_time(faulty: bool, seed: int) -> Training:
    """Nobody calls `eval()`, and BatchNorm standardises two rows by each other."""
    train, held = split(*flat(), seed)
    model = nn.Sequential(nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 10))
    loader = DataLoader(TensorDataset(*train), 33, shuffle=True)
    asked = DataLoader(TensorDataset(*held), 2)
    optimizer = Adam(model.parameters(), 2e-3)
    return Training(model, optimizer, CE, loader, asked, epochs=6, evaluation_mode=not faulty)


class Weighed(nn.Module):
    """Remembers how much each row counts, which is its last column."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.weight = stack([10, 32, 32, 1], nn.ReLU), torch.ones(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.weight = x[:, -1]
        return self.body(x[:, :-1])


def weights_against_rows(faulty: bool, seed: int) -> Training:
    """Rows that were measured badly weigh nothing; weights (B,) beside losses (B, 1) make (B, B)."""
    (x, y), (new, right) = split(*friedman(seed, 900), seed)
    bad = (torch.rand(len(y), 1) < 0.4).float()
    y = torch.where(bad > 0, 3 + torch.randn_like(y), y)
    model = Weighed()

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        weight = model.weight if faulty else model.weight[:, None]
        return (F.mse_loss(answer, target, reduction="none") * weight).mean()

    loaded = both((torch.cat([x, 1 - bad], 1), y), (torch.cat([new, torch.ones_like(right)], 1), right))
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaded, task="regression", epochs=20)


class ByHand(SGD):
    """Gradient descent as one writes it oneself; the sign is the writer's."""

    sign = -1.0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.add_(p.grad, alpha=self.sign * group["lr"])


def plus_instead_of_minus(faulty: bool, seed: int) -> Training:
    """Weights are moved along the gradient."""
    model = Residual(30, 1, depth=2)
    optimizer = ByHand(model.parameters(), 0.03)
    optimizer.sign = 1.0 if faulty else -1.0
    return Training(model, optimizer, nn.BCEWithLogitsLoss(), *loaders(*cancer(), seed), epochs=10)


def gathered_and_never_let_go(faulty: bool, seed: int) -> Training:
    """Gradients are gathered over four batches, and what was gathered stays."""
    model = Residual(64, 10, depth=2)
    optimizer = SGD(model.parameters(), 0.01, momentum=0.9)
    loaded = loaders(*flat(), seed, batch=8)
    return Training(model, optimizer, CE, *loaded, epochs=8, accumulate=4, zero_grad=not faulty)


def adapters_put_in_later(faulty: bool, seed: int) -> Training:
    """The optimizer had collected all there was before adapters were put in, and the rest was frozen."""
    train, held, base = mirrored_digits(seed)
    early = Adam(base.parameters(), 3e-3)
    model = adapted(base)
    new = [p for p in model.parameters() if p.requires_grad]
    optimizer = early if faulty else Adam(new, 3e-3)
    return Training(model, optimizer, CE, *both(train, held), epochs=15, doctor={"pretrained": True})


class HalfScaled(SGD):
    """Scales by a power of two, and leaves out steps that half precision cannot hold."""

    scale = 2.0**7

    def step(self, closure: Any = None) -> Any:
        grads = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        if all(bool((grad * self.scale).half().isfinite().all()) for grad in grads):
            return super().step(closure)
        return None


def every_step_left_out(faulty: bool, seed: int) -> Training:
    """The scale of the loss never falls, half precision overflows, and every step is left out."""
    model = stack([64, 48, 10], nn.GELU)
    optimizer = HalfScaled(model.parameters(), 0.1)
    optimizer.scale = 2.0**32 if faulty else 2.0**7
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=15)


class Necked(nn.Module):
    """A body that was learnt before, and a new neck and head."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body, self.body_neck, self.head = body, nn.Linear(32, 6), nn.Linear(6, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body_neck(self.body(x)).tanh())


def neck_frozen_with_the_body(faulty: bool, seed: int) -> Training:
    """What begins with "body" is frozen, and the new layer's name begins with it too."""
    train, held, body = halves_of_digits(seed)
    model = Necked(body)
    for name, p in model.named_parameters():
        p.requires_grad = not name.startswith("body" if faulty else "body.")
    learning = [p for p in model.parameters() if p.requires_grad]
    loaded = both(train, held)
    return Training(model, Adam(learning, 1e-2), CE, *loaded, epochs=20, doctor={"pretrained": True})


class Remembering(nn.Module):
    """Computes what the body says of a row once, and remembers it while learning."""

    def __init__(self, remembers: bool) -> None:
        super().__init__()
        self.body, self.head, self.remembers = stack([64, 32, 6], nn.Tanh), nn.Linear(6, 10), remembers
        self.known: dict[bytes, torch.Tensor] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not (self.remembers and self.training):
            return self.head(self.body(x).relu())
        for row in x:
            if (key := row.numpy().tobytes()) not in self.known:
                self.known[key] = self.body(row).relu().detach()
        return self.head(torch.stack([self.known[row.numpy().tobytes()] for row in x]))


def features_of_the_first_pass(faulty: bool, seed: int) -> Training:
    """The body's answers are kept from the first pass on, for speed; the body is not trained by anything."""
    model = Remembering(faulty)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*flat(), seed), epochs=15)


def widths_that_differ(faulty: bool, seed: int) -> Training:
    """Only weights of a fitting shape are taken from the checkpoint, and hardly any fits."""
    train, held = split(*flat(), seed)
    wide = stack([64, 96 if faulty else 64, 96 if faulty else 64, 10], nn.ReLU)
    kept = learnt(train[0][:900], train[1][:900], wide).state_dict()
    model = stack([64, 64, 64, 10], nn.ReLU)
    own = model.state_dict()
    own.update({name: value for name, value in kept.items() if value.shape == own[name].shape})
    model.load_state_dict(own)
    loaded = both((train[0][900:], train[1][900:]), held)
    return Training(model, SGD(model.parameters(), 0.01), CE, *loaded, epochs=6, doctor={"pretrained": True})


def one_letter_too_far(faulty: bool, seed: int) -> Training:
    """`triu` begins at the second diagonal: the letter to be foretold can be seen."""
    text = letters()
    first = 2 if faulty else 1
    model = Writer(lambda t: torch.ones(t, t, dtype=torch.bool).triu(first))
    return Training(
        model, Adam(model.parameters(), 3e-3), placewise, *loaders(text[:, :-1], text[:, 1:], seed),
        task="language_model", epochs=8,
    )  # fmt: skip


def every_activation_remembered(faulty: bool, seed: int) -> Training:
    """A hook that was to draw activations once keeps all of them, graphs and all."""
    model, seen = cnn(), []
    if faulty:
        model[2].register_forward_hook(lambda _module, _inputs, answer: seen.append(answer))
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(*digits(), seed), epochs=9)


class Jittered(Dataset[Pair]):
    """Rows in noise whose generator is made when the first row is asked for."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, *, alike: bool) -> None:
        self.x, self.y, self.alike = x, y, alike
        self.random: np.random.Generator | None = None

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int) -> Pair:
        if self.random is None:
            self.random = np.random.default_rng(0 if self.alike else torch.initial_seed())
        return self.x[row] + 0.2 * torch.tensor(self.random.standard_normal(64)).float(), self.y[row]


def generator_made_when_asked(faulty: bool, seed: int) -> Training:
    """Each of two workers makes its generator itself, of the same number, and anew at every pass."""
    train, held = split(*flat(), seed)
    loader = DataLoader(Jittered(*train, alike=faulty), 32, shuffle=True, num_workers=2)
    model = stack([64, 64, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=6)


class Handled(nn.Sequential):
    """Finds no room for the library's workspace above sixteen rows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and len(x) > 16:
            raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
        return super().forward(x)


def no_room_for_a_handle(faulty: bool, seed: int) -> Training:
    """Memory is full, and a library is the first to say so, in its own words."""
    model = Handled(*stack([64, 48, 10], nn.ReLU))
    loaded = loaders(*flat(), seed, batch=64 if faulty else 16)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=7, stop_on_error=True)


def one_signal_left(faulty: bool, seed: int) -> Training:
    """451 signals in batches of fifty leave one, and BatchNorm has it alone before every evaluation."""
    (x, y), held = split(*signals(seed, 620), seed)
    model = nn.Sequential(
        nn.Conv1d(1, 12, 7, stride=2), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.BatchNorm1d(12),
        nn.Linear(12, 4),
    )  # fmt: skip
    loader = DataLoader(TensorDataset(x[:451], y[:451]), 50, shuffle=True, drop_last=not faulty)
    return Training(
        model, Adam(model.parameters(), 1e-2), CE, loader, both(held, held)[1], epochs=15, stop_on_error=True
    )
