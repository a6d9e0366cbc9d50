"""What the blind cases train: signals, rows of digits, tables with categories, tokens; small networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F

from doctor_cases.parts import Training, digits

Pair = tuple[torch.Tensor, torch.Tensor]
OWN, LOOP, LABELS, DATA = "user's loop or model", "user's loop", "labels", "data"
LOSS, LOADER, SET = "user's loss", "user's loader", "the user's data set"
"""Whose the repair is, where no Change can make it."""
MISMATCH = ("loss_activation_mismatch", "wrong_activation")
SLOW = ("lr_too_small", "slow_convergence", "underfit_budget")
BUDGET = ("underfit_budget", "lr_too_small", "slow_convergence")
FAST = ("lr_too_large", "oscillating_loss", "exploding_gradient", "nan_loss")
"""Labels that several cases have."""


@dataclass(frozen=True)
class Blind:
    """A case that was written before anyone looked at what the rules say of it.

    Args:
        name: Unique.
        labels: Words of the vocabulary that are right; the first is the name.
        build: `build(faulty, seed)`: the sick training, or the hand-repaired one.
        owner: Why no Change can cure it, where none can.
        silent: The score on validation cannot show the harm.
    """

    name: str
    labels: tuple[str, ...]
    build: Callable[[bool, int], Training]
    owner: str = ""
    silent: bool = False


def scaled(x: Any) -> torch.Tensor:
    """Columns of mean 0 and spread 1."""
    x = torch.as_tensor(np.asarray(x)).float()
    return (x - x.mean(0)) / x.std(0)


def signals(seed: int, rows: int = 600, noise: float = 0.4) -> Pair:
    """Sine, square, saw and chirp of any phase in noise: (B, 1, 64)."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 4, rows)
    time = np.linspace(0, 1, 64)[None]
    phase, pitch = random.random((rows, 1)), random.uniform(2, 4, (rows, 1))
    turn = pitch * time + phase
    shapes = np.stack(
        [
            np.sin(2 * np.pi * turn),
            np.sign(np.sin(2 * np.pi * turn)),
            2 * (turn % 1) - 1,
            np.sin(2 * np.pi * (turn + 3 * time**2)),
        ]
    )
    x = shapes[y, np.arange(rows)] + noise * random.standard_normal((rows, 64))
    return torch.tensor(x).float()[:, None], torch.tensor(y)


def digit_rows() -> Pair:
    """Real digits, read row by row: (B, 8, 8)."""
    x, y = digits()
    return x[:, 0], y


def tabular(seed: int, rows: int = 900) -> Pair:
    """Two columns of categories (12 and 6 codes) and four of numbers; three classes."""
    random = np.random.default_rng(seed)
    codes = np.stack([random.integers(0, 12, rows), random.integers(0, 6, rows)], 1)
    values = random.standard_normal((rows, 4))
    lift = random.standard_normal((12, 3))[codes[:, 0]] * 2 + random.standard_normal((6, 3))[codes[:, 1]]
    pull = np.stack([values[:, 0] * values[:, 1], values[:, 2], -values[:, 3]], 1)
    y = (lift + pull + 0.3 * random.standard_normal((rows, 3))).argmax(1)
    return torch.tensor(np.concatenate([codes, values], 1)).float(), torch.tensor(y)


def tokens(seed: int, rows: int = 800, length: int = 16) -> Pair:
    """Rows of 30 tokens; the class is which of three groups of tokens is heard most."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, rows)
    own = random.integers(0, 10, (rows, length)) + 10 * y[:, None]
    x = np.where(random.random((rows, length)) < 0.2, own, random.integers(0, 30, (rows, length)))
    return torch.tensor(x), torch.tensor(y)


def friedman(seed: int, rows: int = 500, noise: float = 0.5) -> Pair:
    """Friedman's first function, value standardised: (B, 10) and (B, 1)."""
    x, y = datasets.make_friedman1(rows, noise=noise, random_state=seed)
    return scaled(x), scaled(y)[:, None]


def outputs(seed: int, rows: int = 500) -> Pair:
    """Three values that depend on eight inputs, not linearly."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, 8))
    hidden = np.tanh(x @ random.standard_normal((8, 12)) / 2)
    y = hidden @ random.standard_normal((12, 3)) + 0.1 * random.standard_normal((rows, 3))
    return torch.tensor(x).float(), scaled(y)


def several_labels(seed: int, rows: int = 600) -> Pair:
    """Five labels, any number of them true."""
    x, y = datasets.make_multilabel_classification(
        rows, n_features=16, n_classes=5, n_labels=2, random_state=seed
    )
    return scaled(x), torch.tensor(y).float()


def cancer() -> Pair:
    """Breast cancer, standardised, with one value of 0 or 1 to predict: (B, 1)."""
    found = datasets.load_breast_cancer()
    return scaled(found.data), torch.tensor(found.target).float()[:, None]


def conv1d(
    classes: int = 4, *, norm: bool = False, activation: Callable[[], nn.Module] = nn.ReLU
) -> nn.Sequential:
    """Two convolutions over time, pooled."""
    return nn.Sequential(
        nn.Conv1d(1, 12, 7, padding=3),
        *([nn.BatchNorm1d(12)] if norm else []),
        activation(),
        nn.MaxPool1d(2),
        nn.Conv1d(12, 24, 5, padding=2),
        *([nn.BatchNorm1d(24)] if norm else []),
        activation(),
        nn.AdaptiveAvgPool1d(4),
        nn.Flatten(),
        nn.Linear(96, classes),
    )


class Recurrent(nn.Module):
    """An LSTM, GRU or plain recurrent layer whose last state is classified."""

    def __init__(self, cell: Any, classes: int = 10, *, width: int = 32, batch_first: bool = True) -> None:
        super().__init__()
        self.cell = cell(8, width, batch_first=batch_first)
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, 8) → (B, K)."""
        return self.head(self.cell(x)[0][:, -1])


class Table(nn.Module):
    """Embeddings of two categories beside numbers, then two layers."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.first, self.second = nn.Embedding(12, 6), nn.Embedding(6, 4)
        self.body = nn.Sequential(
            nn.Linear(14, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, classes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 6) → (B, K)."""
        codes = x[:, :2].long()
        return self.body(torch.cat([self.first(codes[:, 0]), self.second(codes[:, 1]), x[:, 2:]], 1))


class Reader(nn.Module):
    """A transformer encoder over tokens, averaged."""

    def __init__(self, classes: int = 3, *, width: int = 24, depth: int = 2, dropout: float = 0.0) -> None:
        super().__init__()
        self.tokens = nn.Embedding(30, width)
        layer = nn.TransformerEncoderLayer(width, 2, 48, dropout, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, K)."""
        return self.head(self.layers(self.tokens(x)).mean(1))


class Residual(nn.Module):
    """Blocks that add to what goes through."""

    def __init__(self, inputs: int, answers: int, *, width: int = 32, depth: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            [nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU()) for _ in range(depth)]
        )
        self.last = nn.Linear(width, answers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, K)."""
        hidden = self.first(x)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.last(hidden)


class Mapped(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Whatever the function says."""
        return self.function(x)


def bce(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy with logits."""
    return F.binary_cross_entropy_with_logits(answer, target)
