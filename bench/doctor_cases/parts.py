"""Data, small networks, and the plain loop that all cases share."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import DATA


@dataclass
class Training:
    """A plain PyTorch training; the flags are the faults that a loop itself can have."""

    model: nn.Module
    optimizer: Any
    loss_fn: Callable[..., Any]
    train: Any
    validation: Any
    task: str = "classification"
    epochs: int = 10
    zero_grad: bool = True
    evaluation_mode: bool = True
    clip: float | None = None
    keep_graph: bool = False
    accumulate: int = 1
    scheduler: Any = None
    frozen: tuple[str, ...] = ()
    stop_on_error: bool = False
    doctor: dict[str, Any] = field(default_factory=dict)


def run(
    training: Training,
    doctor: Any = None,
    *,
    before_step: Callable[[int], None] | None = None,
    notes: Any = None,
) -> float:
    """Train to the end; returns the best validation score of the last three evaluations.

    `notes` (`others_seen.Notes`) record what the rules of other tools look at.
    """
    model, optimizer, scores, total, step = training.model, training.optimizer, [], 0.0, 0
    for _ in range(training.epochs):
        model.train()
        for number, (x, y) in enumerate(training.train):
            last = number == len(training.train) - 1
            if notes is not None:
                notes.begin(step + 1, last=last)
            answer = model(x)
            loss = training.loss_fn(answer, y)
            (loss / training.accumulate).backward() if loss.requires_grad else None
            if training.clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), training.clip)
            step += 1
            if notes is not None:
                right = score(answer.detach(), y, training.task)
                notes.end(step, float(loss.detach()), right, last=last)
            if doctor is not None:
                doctor.step(loss)
            if before_step is not None:
                before_step(step)
            total = total + (loss if training.keep_graph else loss.item())
            if (number + 1) % training.accumulate == 0:
                optimizer.step()
                if training.zero_grad:
                    optimizer.zero_grad()
                if training.scheduler is not None:
                    training.scheduler.step()
        loss_value, right = validate(training)
        scores.append(right)
        if notes is not None:
            notes.validated(loss_value, right)
        if doctor is not None:
            name = "r2" if training.task == "regression" else "accuracy"
            doctor.validated({"loss": loss_value, name: right})
    return float(np.nanmax(scores[-3:])) if np.isfinite(scores[-3:]).any() else math.nan


@torch.no_grad()
def validate(training: Training) -> tuple[float, float]:
    """Validation loss and accuracy (R² for values), as a user's loop would compute them."""
    if training.evaluation_mode:
        training.model.eval()
    losses, answers, targets = [], [], []
    for x, y in training.validation:
        answer = training.model(x)
        losses.append(float(training.loss_fn(answer, y)))
        answers.append(answer)
        targets.append(y)
    answer, target = torch.cat(answers), torch.cat(targets)
    return float(np.mean(losses)), score(answer, target, training.task)


def score(answer: torch.Tensor, target: torch.Tensor, task: str) -> float:
    """Accuracy, or R² for values."""
    if task == "regression":
        error = ((answer.reshape(-1) - target.reshape(-1)) ** 2).sum()
        return float(1 - error / ((target - target.mean()) ** 2).sum())
    if task == "multilabel":
        # What is above the middle of what the model can say counts as yes.
        middle = 0.5 if float(answer.min()) >= 0 and float(answer.max()) <= 1 else 0.0
        return float(((answer > middle).float() == target).float().mean())
    if answer.ndim == 3:
        answer, target = answer.reshape(-1, answer.shape[-1]), target.reshape(-1)
    if answer.ndim == 1 or answer.shape[1] == 1:
        flat = answer.reshape(-1)
        if float(target.max()) > 1:
            return float((flat.round() == target.reshape(-1)).float().mean())
        middle = 0.5 if float(flat.min()) >= 0 and float(flat.max()) <= 1 else 0.0
        return float(((flat > middle).float() == target.reshape(-1)).float().mean())
    if target.ndim == 2:
        target = target.argmax(1)
    return float((answer.argmax(1) == target).float().mean())


def loaders(
    x: torch.Tensor, y: torch.Tensor, seed: int, *, batch: int = 32, shuffle: bool = True, held: float = 0.25
) -> tuple[DataLoader, DataLoader]:
    """Training and validation loaders of a random split."""
    train, validation = train_test_split(np.arange(len(x)), test_size=held, random_state=seed)
    return (
        DataLoader(TensorDataset(x[train], y[train]), batch, shuffle=shuffle),
        DataLoader(TensorDataset(x[validation], y[validation]), 256),
    )


@cache
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """Real handwritten digits, (1797, 1, 8, 8) from 0 to 1."""
    found = datasets.load_digits()
    return torch.tensor(found.images / 16).float()[:, None], torch.tensor(found.target)


def table(name: str, *, scaled: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """One of scikit-learn's tables, standardised or raw."""
    found = getattr(datasets, f"load_{name}")()
    x, y = torch.tensor(found.data).float(), torch.tensor(found.target)
    x = (x - x.mean(0)) / x.std(0) if scaled else x
    return x, y.float() if name == "diabetes" else y


def circle(seed: int, rows: int = 800) -> tuple[torch.Tensor, torch.Tensor]:
    """Two rings."""
    x, y = datasets.make_circles(rows, noise=0.1, factor=0.4, random_state=seed)
    return torch.tensor(x).float(), torch.tensor(y)


def blobs(seed: int, rows: int = 800, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Clouds of points."""
    x, y = datasets.make_blobs(rows, centers=classes, n_features=2, cluster_std=1.5, random_state=seed)
    return torch.tensor((x - x.mean(0)) / x.std(0)).float(), torch.tensor(y)


@cache
def characters(length: int = 32, rows: int = 1200) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Rows of characters of real sentences, the same moved by one, and the size of the alphabet."""
    text = (DATA / "hwu64" / "train.csv").read_text(encoding="utf-8").lower()
    known = sorted(set(text))
    codes = torch.tensor([known.index(letter) for letter in text[: rows * length + 1]])
    x = codes[: rows * length].reshape(rows, length)
    return x, codes[1 : rows * length + 1].reshape(rows, length), len(known)


def stack(sizes: list[int], activation: Callable[[], nn.Module] | None) -> nn.Sequential:
    """Linear layers with an activation between them."""
    layers: list[nn.Module] = []
    for number, (a, b) in enumerate(pairwise(sizes)):
        layers.append(nn.Linear(a, b))
        if activation is not None and number < len(sizes) - 2:
            layers.append(activation())
    return nn.Sequential(*layers)


def cnn(
    *,
    norm: bool = False,
    dropout: float = 0.0,
    activation: Callable[[], nn.Module] = nn.ReLU,
    classes: int = 10,
) -> nn.Sequential:
    """A small convolutional network for digits."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3),
        *([nn.BatchNorm2d(8)] if norm else []),
        activation(),
        nn.Conv2d(8, 16, 3),
        *([nn.BatchNorm2d(16)] if norm else []),
        activation(),
        nn.Flatten(),
        nn.Linear(256, 32),
        activation(),
        *([nn.Dropout(dropout)] if dropout else []),
        nn.Linear(32, classes),
    )


class CharacterModel(nn.Module):
    """A one-layer transformer over characters."""

    def __init__(self, size: int, *, causal: bool = True, width: int = 32, length: int = 32) -> None:
        super().__init__()
        self.tokens = nn.Embedding(size, width)
        self.places = nn.Embedding(length, width)
        self.layer = nn.TransformerEncoderLayer(width, 2, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.head = nn.Linear(width, size)
        self.causal = causal

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) letters → (B, T, K) scores of the next."""
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.causal else None
        hidden = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        return self.head(self.layer(hidden, src_mask=mask))


class TextEncoder(nn.Module):
    """A small encoder that classifies whole rows of characters."""

    def __init__(self, size: int, classes: int, width: int = 32) -> None:
        super().__init__()
        self.tokens = nn.Embedding(size, width)
        self.layers = nn.ModuleList(
            [nn.TransformerEncoderLayer(width, 2, 64, dropout=0.0, batch_first=True) for _ in range(2)]
        )
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) letters → (B, K) scores."""
        hidden = self.tokens(x)
        for layer in self.layers:
            hidden = layer(hidden)
        return self.head(hidden.mean(1))


def next_token_loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over all places."""
    return nn.functional.cross_entropy(answer.reshape(-1, answer.shape[-1]), target.reshape(-1))


class Exponential(nn.Module):
    """exp(x)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Element by element."""
        return torch.exp(x)
