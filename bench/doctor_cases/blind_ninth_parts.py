"""What the ninth blind batch trains: grades, counts, pairs, series, beats; twins, forecasters, letters."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from doctor_cases.blind_eighth_parts import LETTERS, forms
from doctor_cases.blind_parts import Pair, scaled
from doctor_cases.parts import digits, stack

MSE, BCE = nn.MSELoss(), nn.BCEWithLogitsLoss()


def pictures() -> Pair:
    """Digits to be drawn again: (B, 64), twice."""
    x = digits()[0].flatten(1)
    return x, x


def grades(seed: int, rows: int = 700) -> Pair:
    """Five grades, 0 to 4, of how safe a loan is: (B, 5) and (B, 1)."""
    x, safe = forms(seed, rows)
    x[:, [0, 2]] = np.log(x[:, [0, 2]])
    grade = np.digitize(safe, np.quantile(safe, [0.2, 0.4, 0.6, 0.8]))
    return scaled(x), torch.tensor(grade).float()[:, None]


def counts(seed: int, rows: int = 800) -> Pair:
    """How often something happens, from six columns: (B, 6) and (B, 1)."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, 6))
    rate = np.exp(1.8 + 0.7 * np.tanh(x[:, 0]) + 0.5 * np.sin(x[:, 1]) - 0.4 * x[:, 2].clip(-1.5, 1.5))
    return torch.tensor(x).float(), torch.tensor(random.poisson(rate)).float()[:, None]


def pairs(seed: int, alike: int, unlike: int, *, held: bool) -> Pair:
    """Two digits, and whether they are of one kind: (B, 2, 64) and (B, 1)."""
    x, y = digits()
    x, random = x.flatten(1), np.random.default_rng(seed + 1000 * held)
    rows = np.arange(len(y))[1200:] if held else np.arange(len(y))[:1200]
    found: list[tuple[int, int]] = []
    for same, number in ((True, alike), (False, unlike)):
        several = 0
        while several < number:
            a, b = random.choice(rows, 2, replace=False)
            if bool(y[a] == y[b]) == same:
                found.append((a, b))
                several += 1
    a, b = torch.tensor(np.array(found)).T
    return torch.stack([x[a], x[b]], 1), (y[a] == y[b]).float()[:, None]


def triples(seed: int, rows: int = 900) -> Pair:
    """A digit, then two more, one of them of its kind: (B, 3, 64); 1 where that is the first: (B, 1)."""
    x, y = digits()
    x, random = x.flatten(1), np.random.default_rng(seed)
    first, found = random.integers(0, 2, rows), []
    for comes_first in first:
        anchor = random.integers(len(y))
        own = random.choice(np.flatnonzero(y.numpy() == int(y[anchor])))
        other = random.choice(np.flatnonzero(y.numpy() != int(y[anchor])))
        found.append([anchor, own, other] if comes_first else [anchor, other, own])
    return x[torch.tensor(np.array(found))], torch.tensor(first).float()[:, None]


def series(seed: int, rows: int = 1200) -> np.ndarray:
    """Two waves and a walk that forgets, in noise; of spread 1."""
    random = np.random.default_rng(seed)
    time, walk = np.arange(rows), np.zeros(rows)
    for step in range(1, rows):
        walk[step] = 0.8 * walk[step - 1] + 0.3 * random.standard_normal()
    found = np.sin(2 * np.pi * time / 24) + 0.5 * np.sin(2 * np.pi * time / 7.3) + walk
    return (found - found.mean()) / found.std()


def windows(values: np.ndarray, seen: int = 24, ahead: int = 1) -> Pair:
    """Rows of a series and what comes next: (B, seen) and (B, ahead)."""
    cut = np.lib.stride_tricks.sliding_window_view(values, seen + ahead)
    cut = torch.tensor(cut.copy()).float()
    return cut[:, :seen], cut[:, seen:]


def beats(seed: int, rows: int = 600) -> Pair:
    """One beat in noise, and the quarter of the row in which it falls: (B, 1, 64) and (B,)."""
    random = np.random.default_rng(seed)
    place = random.uniform(2, 62, rows)
    x = 1.5 * np.exp(-0.5 * ((np.arange(64)[None] - place[:, None]) / 2.0) ** 2)
    x += 0.3 * random.standard_normal((rows, 64))
    return torch.tensor(x).float()[:, None], torch.tensor(place // 16).long()


class Twins(nn.Module):
    """Two rows go through one body; a head weighs where they differ."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.body, self.head = stack([64, 48, width], nn.ReLU), nn.Linear(width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 2, 64) → (B, 1)."""
        return self.head((self.body(x[:, 0]) - self.body(x[:, 1])).abs())


class Nearer(nn.Module):
    """How much nearer the second of three rows lies to the first than the third does."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.body = stack([64, 48, width], nn.ReLU)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, 64) → (B, 1)."""
        anchor, first, second = self.body(x).unbind(1)
        away = (anchor - second).square().sum(1, keepdim=True)
        return away - (anchor - first).square().sum(1, keepdim=True)


class Letters(nn.Module):
    """A recurrent layer over letters; the mean of a whole row may go in beside each of them."""

    def __init__(
        self, *, width: int = 32, state: int = 32, context: bool = False, tied: bool = False
    ) -> None:
        super().__init__()
        self.tokens, self.context = nn.Embedding(len(LETTERS), width), context
        self.cell = nn.GRU(width * (2 if context else 1), state, batch_first=True)
        self.head = nn.Linear(state, len(LETTERS), bias=not tied)
        if tied:
            nn.init.normal_(self.tokens.weight, std=width**-0.5)
            self.head.weight = self.tokens.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K)."""
        hidden = self.tokens(x)
        if self.context:
            # What comes next lies in the difference of the mean and what was read.
            hidden = torch.cat([hidden, 8 * hidden.mean(1, keepdim=True).expand_as(hidden)], 2)
        return self.head(self.cell(hidden)[0])


class Forecast(nn.Module):
    """Convolutions over a series, and the next hours: (B, T) → (B, 1, H) or (B, H)."""

    def __init__(self, ahead: int, *, keeps_channel: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 12, 5), nn.ReLU(), nn.Conv1d(12, 1, 5), nn.ReLU(), nn.Linear(16, 32), nn.ReLU(),
            nn.Linear(32, ahead),
        )  # fmt: skip
        self.keeps_channel = keeps_channel

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → hours."""
        hours = self.body(x[:, None])
        return hours if self.keeps_channel else hours[:, 0]


class Rescaled(nn.Module):
    """A body that works in spreads from the mean, and answers in what people count in."""

    def __init__(self, body: nn.Module, y: torch.Tensor) -> None:
        super().__init__()
        self.body = body
        self.register_buffer("mean", y.mean(0))
        self.register_buffer("spread", y.std(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, 1)."""
        return self.body(x) * self.spread + self.mean


class Together(torch.optim.Optimizer):
    """Two optimizers that step one after the other, as one object."""

    def __init__(self, *several: Any) -> None:
        super().__init__([{"params": [p]} for one in several for p in one.param_groups[0]["params"]], {})
        self.several = several
        self.param_groups = [group for one in several for group in one.param_groups]

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step of each."""
        for one in self.several:
            one.step()


def margin(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """What is asked as nought or one is to be one further on than the other: (B, 1), (B, 1) → ()."""
    return F.relu(1 - (2 * y - 1) * answer).mean()
