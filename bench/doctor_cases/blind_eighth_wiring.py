"""Eighth blind batch, second part: gradients, optimizers, modes, shapes, masks and memory gone wrong."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm
from torch.optim import SGD, Adam, AdamW

from doctor_cases.blind_eighth_parts import Plain, Windows, classes, tale
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import Recurrent, conv1d, digit_rows, friedman, signals
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, loaders, next_token_loss, stack, table


def parentheses_forgotten(faulty: bool, seed: int) -> Training:
    """`optimizer.zero_grad` stands in the loop, and is not called."""
    model = conv1d()
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*signals(seed), seed), epochs=10, zero_grad=not faulty)


def normed_after_the_optimizer(faulty: bool, seed: int) -> Training:
    """Weight normalisation puts new parameters in the place of those that the optimizer was given."""
    model = stack([64, 24, 24, 10], nn.Tanh)
    early = Adam(model.parameters(), 5e-3)
    for layer in model:
        if isinstance(layer, nn.Linear):
            weight_norm(layer)
    optimizer = early if faulty else Adam(model.parameters(), 5e-3)
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=8)


class Dropping(nn.Module):
    """Linear layers with dropout between them, which is in a module list or in a plain one."""

    def __init__(self, *, plain: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(64, 96), nn.Linear(96, 96), nn.Linear(96, 10)])
        drops = [nn.Dropout(0.1), nn.Dropout(0.7), nn.Dropout(0.7)]
        self.drops = drops if plain else nn.ModuleList(drops)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, K)."""
        for number, (layer, drop) in enumerate(zip(self.layers, self.drops, strict=True)):
            x = layer(drop(torch.relu(x) if number else x))
        return x


def dropout_that_hears_nothing(faulty: bool, seed: int) -> Training:
    """A plain list of modules hears nothing of `eval()`."""
    model = Dropping(plain=faulty)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(*flat(), seed), epochs=12)


class Scaled(SGD):
    """Descent on gradients that were scaled up to fit half precision; a step that overflows is left out."""

    def __init__(self, parameters: Any, lr: float, *, adapts: bool) -> None:
        super().__init__(parameters, lr, momentum=0.9)
        self.scale, self.adapts = 2.0**30, adapts

    def step(self, closure: Any = None) -> None:
        """One step, if all gradients are finite."""
        given = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        if all((gradient * self.scale).half().isfinite().all() for gradient in given):
            super().step(closure)
        elif self.adapts:
            self.scale /= 2


def every_step_overflows(faulty: bool, seed: int) -> Training:
    """The scale of the gradients is never lowered (`scaler.update()` is missing), so no step is ever made."""
    model = Recurrent(nn.GRU)
    optimizer = Scaled(model.parameters(), 0.1, adapts=not faulty)
    return Training(model, optimizer, CE, *loaders(*digit_rows(), seed), epochs=8)


def column_against_row(faulty: bool, seed: int) -> Training:
    """A loss by hand, the logarithm of cosh, on answers (B, 1) and values (B,)."""

    def errors(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.log(torch.cosh(answer - y)).mean()

    x, y = friedman(seed)
    model = stack([10, 32, 32, 1], nn.Tanh)
    loaded = loaders(x, y[:, 0] if faulty else y, seed)
    return Training(model, Adam(model.parameters(), 5e-3), errors, *loaded, task="regression", epochs=15)


def validated_kind_by_kind(faulty: bool, seed: int) -> Training:
    """No `eval()`, and rows held out lie sorted: BatchNorm takes out what tells kinds apart."""
    train, (x, y) = split(*classes(seed, 3, rows=1000, apart=2.0), seed)
    order = y.argsort()
    model = nn.Sequential(nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
    return Training(
        model, Adam(model.parameters(), 4e-3), CE, both(train, train, 30)[0],
        both((x[order], y[order]), (x, y), 50, shuffle=False)[0], epochs=8, evaluation_mode=not faulty,
    )  # fmt: skip


def score_taken_for_a_loss(faulty: bool, seed: int) -> Training:
    """`neg_mean_squared_error`, as the library for tables calls it, is made smaller step by step."""

    def errors(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -F.mse_loss(answer, y) if faulty else F.mse_loss(answer, y)

    x, y = table("diabetes")
    model = stack([10, 24, 1], nn.ReLU)
    loaded = loaders(x, (y[:, None] - y.mean()) / y.std(), seed)
    return Training(model, Adam(model.parameters(), 2e-3), errors, *loaded, task="regression", epochs=12)


def sees_two_letters_ahead(faulty: bool, seed: int) -> Training:
    """Convolutions over letters that see two letters further on, of which the next is to be foretold."""
    model = Windows((2, 2) if faulty else (4, 0))
    optimizer = AdamW(model.parameters(), 3e-3)
    return Training(model, optimizer, next_token_loss, *loaders(*tale(seed), seed, batch=16), epochs=12)


def foretells_itself(faulty: bool, seed: int) -> Training:
    """Labels are the letters themselves, for somebody relied on the model to move them by one."""
    x, y = tale(seed)
    model = Plain(width=32)
    loaded = loaders(x, x if faulty else y, seed, batch=16)
    return Training(model, Adam(model.parameters(), 5e-3), next_token_loss, *loaded, epochs=10)


class Full(Recurrent):
    """Has room for sixteen rows while it learns."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, 8) → (B, K)."""
        if self.training and torch.is_grad_enabled() and len(x) > 16:
            raise RuntimeError("CUDA out of memory. Tried to allocate 1.17 GiB. GPU 0 has 312 MiB free.")
        return super().forward(x)


def card_is_full(faulty: bool, seed: int) -> Training:
    """A recurrent net on a card with too little memory for 64 rows at once."""
    model = Full(nn.GRU)
    loaded = loaders(*digit_rows(), seed, batch=64 if faulty else 16)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaded, epochs=6, stop_on_error=True)


class Averaged:
    """Cross-entropy, with a running average for the progress bar."""

    def __init__(self, *, keeps: bool) -> None:
        self.mean: Any = 0.0
        self.keeps = keeps

    def __call__(self, answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(B, K), (B,) → ()."""
        loss = CE(answer, y)
        self.mean = 0.95 * self.mean + 0.05 * (loss if self.keeps else loss.detach())
        return loss


def average_of_losses(faulty: bool, seed: int) -> Training:
    """A running average of losses that were not detached: every graph since the first step is kept."""
    model = stack([10, 64, 64, 4], nn.ReLU)
    loaded = loaders(*classes(seed, apart=2.0), seed)
    return Training(model, Adam(model.parameters(), 2e-3), Averaged(keeps=faulty), *loaded, epochs=10)


class Wrapped(nn.Module):
    """A recurrent body and a head; what goes between them may be wrapped anew."""

    def __init__(self, *, anew: bool) -> None:
        super().__init__()
        self.body, self.anew = nn.GRU(8, 24, num_layers=2, batch_first=True), anew
        self.head = nn.Linear(24, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, 8) → (B, K)."""
        hidden = self.body(x)[0][:, -1]
        return self.head(hidden.data if self.anew else hidden)


def wrapped_anew(faulty: bool, seed: int) -> Training:
    """`.data`, from a tutorial of years ago, between body and head."""
    model = Wrapped(anew=faulty)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*digit_rows(), seed), epochs=10)


def kind_after_kind(faulty: bool, seed: int) -> Training:
    """Rows lie sorted by kind, and the loader draws them as they lie."""
    (x, y), held = split(*flat(), seed)
    order = y.argsort()
    model = stack([64, 48, 10], nn.ReLU)
    loaded = both((x[order], y[order]), held, shuffle=not faulty)
    return Training(model, SGD(model.parameters(), 0.05, momentum=0.9), CE, *loaded, epochs=10)
