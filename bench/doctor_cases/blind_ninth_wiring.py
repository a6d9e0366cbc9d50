"""Ninth blind batch, second part: rates, budgets, optimizers, gradients, modes, shapes and masks."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, RMSprop, Rprop
from torch.optim.lr_scheduler import OneCycleLR

from doctor_cases.blind_eighth_parts import classes, tale
from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_ninth_parts import MSE, Forecast, Letters, Nearer, margin, series, triples, windows
from doctor_cases.blind_parts import (
    Reader,
    Recurrent,
    Residual,
    Table,
    conv1d,
    digit_rows,
    friedman,
    signals,
    tabular,
    tokens,
)
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, next_token_loss, stack


def letters_at_a_millionth(faulty: bool, seed: int) -> Training:
    """Letters to the next letter, at a rate of a millionth."""
    model = Letters()
    optimizer = AdamW(model.parameters(), 1e-6 if faulty else 6e-3)
    loaded = loaders(*tale(seed), seed, batch=16)
    return Training(model, optimizer, next_token_loss, *loaded, task="language_model", epochs=12)


def table_read_twice(faulty: bool, seed: int) -> Training:
    """Categories and numbers, read twice in batches of a hundred."""
    model = Table()
    loaded = loaders(*tabular(seed), seed, batch=100)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=2 if faulty else 30)


def resumed_where_the_rate_had_ended(faulty: bool, seed: int) -> Training:
    """The optimizer's state was loaded from a finished run, whose rate had gone down to nothing."""
    model = Recurrent(nn.LSTM)
    optimizer = Adam(model.parameters(), 5e-3)
    kept = optimizer.state_dict()
    kept["param_groups"][0]["lr"] = 5e-3 * (1 + math.cos(math.pi * 0.9999)) / 2
    if faulty:
        optimizer.load_state_dict(kept)
    return Training(model, optimizer, CE, *loaders(*digit_rows(), seed), epochs=10)


def known_signals_shaken(faulty: bool, seed: int) -> Training:
    """Signals are known; such as run backward are to be learnt, at three tenths with RMSprop."""
    model = learnt(*signals(seed + 50), conv1d(), 300)
    x, y = signals(seed)
    optimizer = RMSprop(model.parameters(), 0.3 if faulty else 1e-3)
    loaded = loaders(x.flip(2), y, seed)
    return Training(model, optimizer, CE, *loaded, epochs=10, doctor={"pretrained": True})


def a_tenth_off_at_each_step(faulty: bool, seed: int) -> Training:
    """AdamW with a decay of 20: a tenth of each weight goes at each step."""
    model = Residual(10, 4)
    optimizer = AdamW(model.parameters(), 5e-3, weight_decay=20.0 if faulty else 0.01)
    return Training(model, optimizer, CE, *loaders(*classes(seed, apart=1.2), seed), epochs=10)


def held_on_a_short_leash(faulty: bool, seed: int) -> Training:
    """Gradients are clipped to a norm of a thousandth before plain steps."""
    model = conv1d()
    optimizer = SGD(model.parameters(), 0.02, momentum=0.9, nesterov=True)
    clip = 1e-3 if faulty else 0.5
    return Training(model, optimizer, CE, *loaders(*signals(seed), seed), epochs=14, clip=clip)


def divided_by_one_and_more(faulty: bool, seed: int) -> Training:
    """Adam whose epsilon is 1, as once advised for one large net of pictures."""
    model = Reader()
    optimizer = Adam(model.parameters(), 1e-3, eps=1.0 if faulty else 1e-8)
    return Training(model, optimizer, CE, *loaders(*tokens(seed + 7, 1000, 24), seed), epochs=8)


def made_for_whole_tables(faulty: bool, seed: int) -> Training:
    """`Rprop`, which goes by the signs of gradients over all rows, on gradients of some rows."""
    model = Recurrent(nn.GRU)
    optimizer = Rprop(model.parameters(), 0.01) if faulty else Adam(model.parameters(), 5e-3)
    return Training(model, optimizer, CE, *loaders(*digit_rows(), seed), epochs=10)


def rate_for_eight_thousand_rows(faulty: bool, seed: int) -> Training:
    """The rate of a paper with batches of 8,192 on many cards, here with 32 rows and no warm-up."""
    model = cnn()
    optimizer = SGD(model.parameters(), 3.2 if faulty else 0.02, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=8)


def peak_of_one_cycle(faulty: bool, seed: int) -> Training:
    """One cycle that climbs to a rate of a half with Adam in the middle of the run."""
    model = Residual(10, 1)
    optimizer = Adam(model.parameters(), 1e-3)
    x, y = friedman(seed, 600)
    loaded = loaders(x, y, seed)
    cycle = OneCycleLR(
        optimizer, 0.5 if faulty else 6e-3, total_steps=15 * len(loaded[0]) + 1, cycle_momentum=False,
        pct_start=0.7,
    )  # fmt: skip
    return Training(model, optimizer, MSE, *loaded, task="regression", epochs=15, scheduler=cycle)


def rates_that_shrink_with_depth(faulty: bool, seed: int) -> Training:
    """Each layer below the head has a thousandth of the rate of the one above; nothing was pretrained."""
    model = stack([2, 32, 32, 32, 2], nn.ReLU)
    layers = [layer for layer in model if isinstance(layer, nn.Linear)][::-1]
    factor = 1e-3 if faulty else 1.0
    optimizer = Adam(
        [{"params": layer.parameters(), "lr": 5e-3 * factor**depth} for depth, layer in enumerate(layers)]
    )
    random = torch.Generator().manual_seed(seed)
    x = 4 * torch.rand(800, 2, generator=random) - 2
    y = (torch.sin(2 * x[:, 0]) * torch.sin(2 * x[:, 1]) > 0).long()
    return Training(model, optimizer, CE, *loaders(x, y, seed), epochs=30)


class Detaching(SGD):
    """Descent that keeps half of what `zero_grad` once did: gradients are detached, and stay."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """No gradient becomes nought."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.detach_()


def detached_and_not_zeroed(faulty: bool, seed: int) -> Training:
    """A loop by hand in which gradients are detached, not zeroed."""
    model = stack([10, 48, 4], nn.ReLU)
    optimizer = (Detaching if faulty else SGD)(model.parameters(), 0.03, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*classes(seed, apart=1.5), seed), epochs=14)


class Built(nn.Module):
    """Makes its hidden layers when it sees its first row, as in another library."""

    def __init__(self, answers: int, width: int = 24) -> None:
        super().__init__()
        self.hidden, self.width, self.head = nn.ModuleList(), width, nn.Linear(width, answers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, K)."""
        if not self.hidden:
            for size in (x.shape[1], self.width, self.width):
                self.hidden.append(nn.Linear(size, self.width))
        for layer in self.hidden:
            x = torch.relu(layer(x))
        return self.head(x)


def built_at_the_first_look(faulty: bool, seed: int) -> Training:
    """Hidden layers come with the first row, when the optimizer has long been made."""
    model = Built(1)
    x, y = friedman(seed, 600)
    if not faulty:
        model(x[:1])
    optimizer = Adam(model.parameters(), 5e-3)
    return Training(model, optimizer, MSE, *loaders(x, y, seed), task="regression", epochs=15)


def channel_left_in_place(faulty: bool, seed: int) -> Training:
    """Answers (B, 1, 6) against values (B, 6): each row is held against the values of all others."""
    x, y = windows(series(seed), ahead=6)
    model = Forecast(6, keeps_channel=faulty)
    loaded = loaders(x, y, seed, batch=48)
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.SmoothL1Loss(), *loaded, task="regression", epochs=15
    )


def the_stranger_is_drawn_near(faulty: bool, seed: int) -> Training:
    """In a loss for what is alike, the near and the far row changed places."""

    def turned(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return margin(-answer, y)

    model = Nearer()
    optimizer = Adam(model.parameters(), 1e-3)
    return Training(model, optimizer, turned if faulty else margin, *loaders(*triples(seed), seed), epochs=10)


class Penalised(nn.Module):
    """A body and a head; what goes between them may be made a leaf that asks for gradients of its own."""

    def __init__(self, *, leaf: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 6, 7, stride=2), nn.ReLU(), nn.Conv1d(6, 8, 5, stride=2), nn.ReLU()
        )
        self.head, self.leaf = nn.Linear(8, 4), leaf

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, 64) → (B, K)."""
        hidden = self.body(x).mean(2)
        if self.leaf and torch.is_grad_enabled():
            hidden = hidden.clone().detach().requires_grad_()
        return self.head(hidden)


def a_leaf_of_its_own(faulty: bool, seed: int) -> Training:
    """`detach().requires_grad_()` between body and head, from a snippet about penalties on gradients."""
    model = Penalised(leaf=faulty)
    return Training(model, Adam(model.parameters(), 8e-3), CE, *loaders(*signals(seed), seed), epochs=18)


def updated_a_dictionary(faulty: bool, seed: int) -> Training:
    """`model.state_dict().update(kept)`: the dictionary was updated, and the model was not."""
    (x, y), held = split(*digits(), seed)
    kept = learnt(x[:1200], y[:1200], cnn(), 250).state_dict()
    model = cnn()
    model.state_dict().update(kept) if faulty else model.load_state_dict(kept)
    loaded = both((x[1200:], y[1200:]), held, 16)
    optimizer = AdamW(model.parameters(), 3e-4)
    return Training(model, optimizer, CE, *loaded, epochs=5, doctor={"pretrained": True})


class Noisy(nn.Module):
    """Noise on what goes through, whether the net learns or not."""

    def __init__(self, *, minds: bool) -> None:
        super().__init__()
        self.minds = minds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The same shape."""
        return x + 2.0 * torch.randn_like(x) if self.training or not self.minds else x


def noise_that_never_stops(faulty: bool, seed: int) -> Training:
    """A layer that adds noise, by hand, which never asks whether the net is being evaluated."""
    model = nn.Sequential(nn.Linear(64, 128), Noisy(minds=not faulty), nn.ReLU(), nn.Linear(128, 10))
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(*flat(), seed), epochs=12)


def context_of_the_whole_row(faulty: bool, seed: int) -> Training:
    """Beside each letter goes the mean of its whole row, which holds the letters that are to be foretold."""
    model = Letters(context=faulty)
    loaded = loaders(*tale(seed), seed, batch=16)
    return Training(model, AdamW(model.parameters(), 5e-3), next_token_loss, *loaded, epochs=10)


def state_of_two_numbers(faulty: bool, seed: int) -> Training:
    """A recurrent layer whose state has two numbers is to read ten digits row by row."""
    model = Recurrent(nn.GRU, width=2 if faulty else 32)
    return Training(model, Adam(model.parameters(), 8e-3), CE, *loaders(*digit_rows(), seed), epochs=12)


class Watched:
    """Cross-entropy that keeps every answer for a plot of how sure the net is."""

    def __init__(self, *, keeps: bool) -> None:
        self.seen: list[Any] = []
        self.keeps = keeps

    def __call__(self, answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(B, K), (B,) → ()."""
        sure = F.softmax(answer, 1).amax(1)
        self.seen.append(sure if self.keeps else sure.mean().item())
        return CE(answer, y)


def how_sure_it_was(faulty: bool, seed: int) -> Training:
    """How sure the net was of each row is kept for a plot, graph and all."""
    model = stack([64, 96, 96, 10], nn.ReLU)
    loaded = loaders(*flat(), seed)
    return Training(model, Adam(model.parameters(), 1e-3), Watched(keeps=faulty), *loaded, epochs=6)
