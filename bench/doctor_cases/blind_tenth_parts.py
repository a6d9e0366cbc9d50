"""What the tenth blind batch trains: real flowers, wine, wards, photographs and sentences; small networks."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from doctor_cases.blind_parts import Pair, scaled
from doctor_cases.blind_third_parts import LETTERS, letters, sentences
from doctor_cases.parts import digits

BCE, MSE = nn.BCEWithLogitsLoss(), nn.MSELoss()


def alcohol() -> Pair:
    """The alcohol of a wine, from the twelve other measures: (B, 12) and (B, 1)."""
    found = scaled(datasets.load_wine().data)
    return found[:, 1:], found[:, :1]


def worst_area() -> Pair:
    """The largest area of a tumour's cells, from the ten means over all of them: (B, 10) and (B, 1)."""
    found = scaled(datasets.load_breast_cancer().data)
    return found[:, :10], found[:, 23:24]


def ink_below() -> Pair:
    """The upper half of a digit, and how many pixels' worth of ink the lower has: (B, 32) and (B, 1)."""
    x = digits()[0][:, 0]
    return x[:, :4].flatten(1), x[:, 4:].sum((1, 2))[:, None]


def next_letters() -> Pair:
    """Rows of running text, and the letters one further on: (B, 32), twice."""
    found = letters()
    return found[:, :-1], found[:, 1:]


def word_counts(known: int = 120, spared: int = 30) -> Pair:
    """How often each of some words stands in a sentence, and its library; the commonest are spared."""
    texts, y = sentences()
    common = Counter(word for text in texts for word in text.split()).most_common(known + spared)[spared:]
    place = {word: number for number, (word, _) in enumerate(common)}
    x = torch.zeros(len(texts), known)
    for row, text in enumerate(texts):
        for word in text.split():
            if word in place:
                x[row, place[word]] += 1
    return x, y


def squares_net(*, channels: int = 8) -> nn.Sequential:
    """A small convolutional net for squares of photographs: (B, 3, 8, 8) → (B, 2)."""
    return nn.Sequential(
        nn.Conv2d(3, channels, 3), nn.ReLU(), nn.Conv2d(channels, 16, 3, stride=2), nn.ReLU(), nn.Flatten(),
        nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 2),
    )  # fmt: skip


class Glance(nn.Module):
    """Attention of one question to all words, some of which may be left out while it learns."""

    def __init__(self, *, dropped: float = 0.0, minds: bool = True, width: int = 24) -> None:
        super().__init__()
        self.tokens, self.asked = nn.Embedding(502, width), nn.Parameter(torch.zeros(1, 1, width))
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.head, self.dropped, self.minds = nn.Linear(width, 5), dropped, minds

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, 5)."""
        hidden = self.tokens(x)
        dropped = self.dropped if self.training or not self.minds else 0.0
        mask = (x > 0)[:, None]
        asked = self.asked.expand(len(x), -1, -1)
        found = F.scaled_dot_product_attention(
            asked, self.key(hidden), self.value(hidden), mask, dropout_p=dropped
        )
        return self.head(found[:, 0])


class Lines(nn.Module):
    """A causal reader of letters whose mask is added to what attention says."""

    def __init__(self, mask: torch.Tensor, width: int = 32) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(len(LETTERS), width), nn.Embedding(len(mask), width)
        self.norm, self.three = nn.LayerNorm(width), nn.Linear(width, 3 * width)
        self.think = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))
        self.head = nn.Linear(width, len(LETTERS))
        self.register_buffer("mask", mask)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K)."""
        hidden = self.tokens(x) + self.places.weight[: x.shape[1]]
        three = self.three(self.norm(hidden)).chunk(3, -1)
        mask = self.mask[: x.shape[1], : x.shape[1]]
        hidden = hidden + F.scaled_dot_product_attention(*three, attn_mask=mask)
        return self.head(hidden + self.think(hidden))


class Coder(nn.Module):
    """A variational autoencoder of digits, which keeps how far its codes are from a normal."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.into = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 2 * width))
        self.out = nn.Sequential(nn.Linear(width, 96), nn.ReLU(), nn.Linear(96, 64))
        self.apart: Any = 0.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 64) → (B, 64)."""
        mean, spread = self.into(x).chunk(2, 1)
        self.apart = 0.5 * (mean.square() + spread.exp() - spread - 1)
        drawn = mean + (spread / 2).exp() * torch.randn_like(mean) if self.training else mean
        return self.out(drawn)


class Cosines(nn.Module):
    """How much alike a row and the direction of each class are, times a scale."""

    def __init__(self, body: nn.Module, width: int, answers: int, scale: float) -> None:
        super().__init__()
        self.body, self.ways, self.scale = body, nn.Parameter(torch.randn(answers, width)), scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, K)."""
        return self.scale * F.linear(F.normalize(self.body(x)), F.normalize(self.ways))


class Changed(Dataset):
    """Rows that are changed each time somebody asks for them."""

    def __init__(self, rows: Pair, change: Any) -> None:
        self.rows, self.change = rows, change

    def __len__(self) -> int:
        """How many rows."""
        return len(self.rows[1])

    def __getitem__(self, row: int) -> Pair:
        """A row and its label."""
        return self.change(self.rows[0][row]), self.rows[1][row]


def shares_of_rows(x: np.ndarray | torch.Tensor, least: float) -> torch.Tensor:
    """Each row divided by its sum, or by `least` where that is larger."""
    x = torch.as_tensor(x)
    whole = x.sum(1, keepdim=True)
    return x / whole.clamp_min(least)
