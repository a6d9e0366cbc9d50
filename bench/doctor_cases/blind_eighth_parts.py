"""What the eighth blind batch trains: sentences of a small grammar, sequences, forms, strokes; networks."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import Optimizer

from doctor_cases.blind_parts import Pair, scaled
from doctor_cases.parts import digits

MSE, BCE = nn.MSELoss(), nn.BCEWithLogitsLoss()
LETTERS = "abcdefghijklmnopqrstuvwxyz ."
WHO = ["miller", "baker", "widow", "captain", "shepherd"]
DID = ["saw", "found", "lost", "sold", "carried"]
HOW = ["old", "red", "small", "silver", "broken"]
WHAT = ["barn", "boat", "lamp", "wagon", "kettle"]
WHERE = ["river", "market", "forest", "harbour", "mill"]
STROKES = ("1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111",
           "1111011")  # fmt: skip
"""Which of the seven strokes of a pocket calculator light up for each digit."""


def tale(seed: int, rows: int = 500, length: int = 24) -> Pair:
    """Rows of letters of sentences that a grammar makes, and the letters one further on: (B, T)."""
    random = np.random.default_rng(seed)
    text = ""
    while len(text) < rows * length + 1:
        who, did, how, what, where = (random.choice(several) for several in (WHO, DID, HOW, WHAT, WHERE))
        text += f"the {who} {did} a {how} {what} near the {where}. "
    codes = torch.tensor([LETTERS.index(letter) for letter in text[: rows * length + 1]])
    return codes[:-1].reshape(rows, length), codes[1:].reshape(rows, length)


def first_of(seed: int, length: int, rows: int = 600) -> Pair:
    """Eight channels of faint noise; the first step says which of four kinds the row is: (B, T, 8)."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 4, rows)
    x = 0.1 * random.standard_normal((rows, length, 8))
    x[np.arange(rows), 0, y] += 1
    return torch.tensor(x).float(), torch.tensor(y)


def strokes() -> Pair:
    """Digits, and the strokes of each: (B, 64) and (B, 7)."""
    x, y = digits()
    lit = torch.tensor([[float(one) for one in row] for row in STROKES])
    return x.flatten(1), lit[y]


def classes(seed: int, kinds: int = 4, *, rows: int = 800, apart: float = 1.5) -> Pair:
    """Clouds in ten dimensions, two of each kind."""
    x, y = datasets.make_classification(
        rows, 10, n_informative=6, n_classes=kinds, class_sep=apart, flip_y=0.0, random_state=seed
    )
    return scaled(x), torch.tensor(y)


def forms(seed: int, rows: int = 700) -> tuple[np.ndarray, np.ndarray]:
    """Income, age, debts, years at work, size of the household, as people write them; how safe they are."""
    random = np.random.default_rng(seed)
    income = random.lognormal(10.6, 0.5, rows)
    age, years = random.uniform(20, 70, rows), random.uniform(0, 30, rows)
    debts, heads = random.lognormal(9.5, 0.8, rows), random.integers(1, 7, rows)
    safe = 1.6 * np.log(income / 4e4) - 1.2 * np.log(debts / 1.3e4) + 0.06 * (years - 15) - 0.3 * (heads - 3)
    return np.stack([income, age, debts, years, heads], 1), safe


class Deep(nn.Module):
    """Blocks of two layers that add to what goes through, with no normalisation."""

    def __init__(self, inputs: int, answers: int, *, width: int = 32, depth: int = 16) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(inputs, width), nn.Linear(width, answers)
        self.blocks = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)) for _ in range(depth)]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, K)."""
        hidden = self.first(x)
        for block in self.blocks:
            hidden = hidden + block(hidden)
        return self.last(hidden)


class ByHand(nn.Module):
    """A recurrent cell as somebody writes it the first time."""

    def __init__(self, inputs: int, answers: int, *, width: int = 32, spread: bool) -> None:
        super().__init__()
        drawn = ((inputs, width), (width, width), (width, answers))
        self.weights = nn.ParameterList(
            [nn.Parameter(torch.randn(a, b) / (1 if spread else a**0.5)) for a, b in drawn]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, F) → (B, K)."""
        into, over, out = self.weights
        hidden = torch.zeros(len(x), len(over))
        for step in x.unbind(1):
            hidden = torch.tanh(step @ into + hidden @ over)
        return hidden @ out


class Plain(nn.Module):
    """Letters to the next letter: a recurrent layer whose cell may be chosen."""

    def __init__(self, *, width: int = 48, tied: bool = False) -> None:
        super().__init__()
        self.tokens = nn.Embedding(len(LETTERS), width)
        self.cell = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, len(LETTERS), bias=not tied)
        if tied:
            nn.init.normal_(self.tokens.weight, std=width**-0.5)
            self.head.weight = self.tokens.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K)."""
        return self.head(self.cell(self.tokens(x))[0])


class Windows(nn.Module):
    """Letters to the next letter by convolutions over the letters around or before each place."""

    def __init__(self, padding: tuple[int, int], width: int = 40) -> None:
        super().__init__()
        self.tokens, self.padding = nn.Embedding(len(LETTERS), width), padding
        self.layers = nn.ModuleList([nn.Conv1d(width, width, 5) for _ in range(2)])
        self.head = nn.Linear(width, len(LETTERS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K)."""
        hidden = self.tokens(x).transpose(1, 2)
        for layer in self.layers:
            hidden = torch.relu(layer(F.pad(hidden, self.padding)))
        return self.head(hidden.transpose(1, 2))


class Writer(nn.Module):
    """A causal transformer over letters, normalised behind each addition as in the first paper."""

    def __init__(self, *, width: int = 32, depth: int = 2, length: int = 24) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(len(LETTERS), width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(width, 2, 64, 0.0, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, len(LETTERS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K)."""
        hidden = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return self.head(self.layers(hidden, mask=mask, is_causal=True))


class Signs(Optimizer):
    """Every weight moves by the same step; only the sign of its averaged gradient counts."""

    def __init__(self, parameters: object, lr: float, mean: float = 0.9) -> None:
        super().__init__(parameters, {"lr": lr, "mean": mean})  # type: ignore[arg-type]

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    kept = self.state[p].setdefault("mean", torch.zeros_like(p))
                    kept.lerp_(p.grad, 1 - group["mean"])
                    p.sub_(group["lr"] * kept.sign())
