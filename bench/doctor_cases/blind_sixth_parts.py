"""What the sixth blind batch trains beside older parts: messages, headlines, a census; adapters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pandas as pd
import torch
from common import DATA
from torch import nn

from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_parts import Pair
from doctor_cases.blind_wiring import split
from doctor_cases.parts import cnn, digits

MEASURES = ["age", "fnlwgt", "education_num", "capital_gain", "capital_loss", "hours_per_week"]


def coded(texts: Sequence[str], *, length: int = 16, known: int = 500) -> torch.Tensor:
    """Words as codes (0 nothing, 1 unknown): (B, T)."""
    common = Counter(word for text in texts for word in text.lower().split()).most_common(known)
    code = {word: number + 2 for number, (word, _) in enumerate(common)}
    rows = [[code.get(word, 1) for word in text.lower().split()][:length] for text in texts]
    return torch.tensor([row + [0] * (length - len(row)) for row in rows])


@cache
def messages(rows: int = 1600) -> Pair:
    """Short messages as codes of words, and whether each is spam: (B, 20) and (B, 1)."""
    frame = pd.read_csv(DATA / "sms_spam_imbalanced" / "train.csv").iloc[:rows]
    spam = torch.tensor((frame["label"] == "spam").to_numpy())
    return coded(frame["text"].tolist(), length=20), spam.float()[:, None]


@cache
def census(rows: int = 700) -> Pair:
    """Six measures of as many well paid people as others, as they were counted: (B, 6) and (B,)."""
    frame = pd.read_csv(DATA / "adult" / "train.csv")
    rich = frame["income"].str.contains(">50K")
    frame = pd.concat([frame[~rich].iloc[:rows], frame[rich].iloc[:rows]])
    return torch.tensor(frame[MEASURES].to_numpy()).float(), torch.arange(2).repeat_interleave(rows)


class LowRank(nn.Module):
    """A layer that stays, and a small product that is added to it."""

    def __init__(self, base: nn.Linear, rank: int = 8, *, spread: float = 0.1) -> None:
        super().__init__()
        self.base = base
        self.down = nn.Parameter(spread * torch.randn(base.in_features, rank))
        self.up = nn.Parameter(torch.zeros(rank, base.out_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, K)."""
        return self.base(x) + x @ self.down @ self.up


def adapted(model: nn.Sequential, **more: Any) -> nn.Sequential:
    """The model with all that it has frozen, and adapters on its linear layers."""
    for p in model.parameters():
        p.requires_grad = False
    return nn.Sequential(*[LowRank(one, **more) if isinstance(one, nn.Linear) else one for one in model])


def mirrored_digits(seed: int) -> tuple[Pair, Pair, nn.Sequential]:
    """Digits as in a mirror, to learn from and held out, and a net that knows the usual ones."""
    (x, y), held = split(*digits(), seed)
    model = cnn()
    learnt(x[:700], y[:700], model)
    return (x[700:].flip(3), y[700:]), (held[0].flip(3), held[1]), model


def halves_of_digits(seed: int, rows: int = 700) -> tuple[Pair, Pair, nn.Sequential]:
    """Digits to learn from and held out, and a body that has learnt which two a digit is one of."""
    (x, y), held = split(*digits(), seed)
    model = cnn(classes=5)
    learnt(x[:700], y[:700] // 2, model)
    return (x[700:][:rows], y[700:][:rows]), held, model[:-1]


class Recaller(nn.Module):
    """Reads steps one after another; answers from the last state, or from the largest of all."""

    def __init__(self, cell: Callable[..., nn.Module], *, inputs: int, answers: int, pooled: bool) -> None:
        super().__init__()
        self.cell, self.pooled = cell(inputs, 24, batch_first=True), pooled
        self.head = nn.Linear(24, answers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, F) → (B, K)."""
        states = self.cell(x)[0]
        return self.head(states.amax(1) if self.pooled else states[:, -1])
