"""What the third blind batch trains: real digits, photographs, sentences and tables; other networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F

from doctor_cases.blind_parts import Pair, scaled
from doctor_cases.parts import digits

LETTERS = "_ abcdefghijklmnopqrstuvwxyz.,"


def flat_digits() -> Pair:
    """Real digits as 64 numbers."""
    x, y = digits()
    return x.flatten(1), y


@cache
def sentences() -> tuple[tuple[str, ...], torch.Tensor]:
    """Sentences of docstrings, and which of five libraries each is of."""
    from upfit.testing import docstring_sentences

    frame = docstring_sentences(task="multiclass", per_class=300)
    names = sorted(set(frame["label"]))
    return tuple(text.lower() for text in frame["text"]), torch.tensor(
        [names.index(n) for n in frame["label"]]
    )


@cache
def words(length: int = 16, known: int = 500) -> Pair:
    """Words of sentences as codes (0 nothing, 1 unknown) and their library."""
    texts, y = sentences()
    common = Counter(word for text in texts for word in text.split()).most_common(known)
    code = {word: number + 2 for number, (word, _) in enumerate(common)}
    rows = [[code.get(word, 1) for word in text.split()][:length] for text in texts]
    return torch.tensor([row + [0] * (length - len(row)) for row in rows]), y


@cache
def letters(length: int = 33, rows: int = 700) -> torch.Tensor:
    """Rows of letters of running text: (B, T)."""
    text = [LETTERS.index(c) for c in " ".join(sentences()[0]) if c in LETTERS]
    return torch.tensor(text[: rows * length]).reshape(rows, length)


@cache
def spacing(length: int = 24, rows: int = 700) -> Pair:
    """Letters without spaces, and after which of them a space stood: (B, T) and (B, T)."""
    text = [c for c in " ".join(sentences()[0]) if c in LETTERS]
    found = [(LETTERS.index(c), int(after == " ")) for c, after in pairwise(text) if c != " "]
    both = torch.tensor(found[: rows * length]).reshape(rows, length, 2)
    return both[..., 0], both[..., 1]


@cache
def photographs(rows: int = 900) -> Pair:
    """Squares of eight by eight of two photographs, which tell from which it is: (B, 3, 8, 8), 0 to 1."""
    parts = []
    for picture in datasets.load_sample_images().images:
        high, wide = (size // 8 for size in picture.shape[:2])
        squares = (
            picture[: high * 8, : wide * 8].reshape(high, 8, wide, 8, 3).swapaxes(1, 2).reshape(-1, 8, 8, 3)
        )
        chosen = np.random.default_rng(0).permutation(len(squares))[:rows]
        parts.append(torch.tensor(squares[chosen] / 255).float().permute(0, 3, 1, 2))
    return torch.cat(parts), torch.arange(2).repeat_interleave(rows)


@cache
def brightness(length: int = 12, rows: int = 2000) -> torch.Tensor:
    """Neighbouring pixels along lines of a photograph, standardised: (B, T)."""
    grey = datasets.load_sample_images().images[0].mean(2)
    grey = (grey - grey.mean()) / grey.std()
    random = np.random.default_rng(0)
    top = random.integers(0, grey.shape[0], rows)
    left = random.integers(0, grey.shape[1] - length, rows)
    return torch.tensor(grey[top[:, None], left[:, None] + np.arange(length)]).float()


def couples(seed: int, rows: int = 1500, same_row: float = 0.0) -> Pair:
    """Two digits, and whether they are the same number: (B, 2, 64) and (B, 1)."""
    x, y = flat_digits()
    random = np.random.default_rng(seed)
    first, wanted = random.integers(0, len(x), rows), random.random(rows) < 0.5
    second = np.empty(rows, dtype=int)
    for row, (one, alike) in enumerate(zip(first, wanted, strict=True)):
        second[row] = random.choice(np.flatnonzero((y == y[one]).numpy() == alike))
    second = np.where(wanted & (random.random(rows) < same_row), first, second)
    return torch.stack([x[first], x[second]], 1), torch.tensor(wanted).float()[:, None]


def attributes() -> Pair:
    """Digits, and whether each is even, five or more, a prime, and has a hole."""
    x, y = flat_digits()
    sets = ({0, 2, 4, 6, 8}, {5, 6, 7, 8, 9}, {2, 3, 5, 7}, {0, 4, 6, 8, 9})
    return x, torch.stack([torch.tensor([int(k) in one for k in y]) for one in sets], 1).float()


def lower_half() -> Pair:
    """The upper half of a digit, and the ink of the two lower quarters: (B, 32) and (B, 2)."""
    x, _ = digits()
    lower = x[:, 0, 4:]
    return x[:, 0, :4].flatten(1), scaled(
        torch.stack([lower[..., :4].sum((1, 2)), lower[..., 4:].sum((1, 2))], 1)
    )


def diabetes() -> Pair:
    """Progression of diabetes, standardised: (B, 10) and (B, 1)."""
    found = datasets.load_diabetes()
    return scaled(found.data), scaled(found.target)[:, None]


def attended(
    hidden: torch.Tensor, layer: nn.MultiheadAttention, mask: Any = None, pad: Any = None
) -> torch.Tensor:
    """Self-attention."""
    return layer(hidden, hidden, hidden, attn_mask=mask, key_padding_mask=pad, need_weights=False)[0]


class Vit(nn.Module):
    """A small vision transformer with a token for the class."""

    def __init__(self, classes: int = 10, *, channels: int = 1, width: int = 24, depth: int = 2) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, width, 2, stride=2)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(0.02 * torch.randn(1, 17, width))
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(2 * depth + 1)])
        self.looks = nn.ModuleList([nn.MultiheadAttention(width, 2, batch_first=True) for _ in range(depth)])
        self.thinks = nn.ModuleList(
            [nn.Sequential(nn.Linear(width, 48), nn.GELU(), nn.Linear(48, width)) for _ in range(depth)]
        )
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, 8, 8) → (B, K)."""
        hidden = self.patches(x).flatten(2).transpose(1, 2)
        hidden = torch.cat([self.token.expand(len(x), -1, -1), hidden], 1) + self.places
        for number, (look, think) in enumerate(zip(self.looks, self.thinks, strict=True)):
            hidden = hidden + attended(self.norms[2 * number](hidden), look)
            hidden = hidden + think(self.norms[2 * number + 1](hidden))
        return self.head(self.norms[-1](hidden[:, 0]))


class Mixer(nn.Module):
    """Mixes over the rows of an image, then over its columns."""

    def __init__(self, classes: int = 10, *, depth: int = 3) -> None:
        super().__init__()
        part = lambda: nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 24), nn.GELU(), nn.Linear(24, 8))  # noqa: E731
        self.across, self.down = (nn.ModuleList([part() for _ in range(depth)]) for _ in range(2))
        self.head = nn.Linear(64, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, 8, 8) → (B, K)."""
        hidden = x[:, 0]
        for across, down in zip(self.across, self.down, strict=True):
            hidden = hidden + across(hidden)
            hidden = hidden + down(hidden.transpose(1, 2)).transpose(1, 2)
        return self.head(hidden.flatten(1))


class Dilated(nn.Module):
    """A causal convolutional network over time, each layer looking twice as far back."""

    def __init__(self, answers: int, *, inputs: int = 1, width: int = 16, depth: int = 4) -> None:
        super().__init__()
        sizes = [inputs] + [width] * depth
        self.layers = nn.ModuleList(
            [nn.Conv1d(a, b, 3, dilation=2**n) for n, (a, b) in enumerate(pairwise(sizes))]
        )
        self.head = nn.Linear(width, answers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) numbers → (B, K)."""
        hidden = x[:, None]
        for number, layer in enumerate(self.layers):
            hidden = layer(F.pad(hidden, (2 * 2**number, 0))).relu()
        return self.head(hidden[..., -1])


class Bag(nn.Module):
    """The mean of the words' vectors, classified."""

    def __init__(self, *, width: int = 24, classes: int = 5, known: int = 502, vectors: Any = None) -> None:
        super().__init__()
        self.tokens = nn.Embedding(known, width) if vectors is None else vectors
        self.body = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, K)."""
        there = (x > 0).float()[..., None]
        return self.body((self.tokens(x) * there).sum(1) / there.sum(1).clamp_min(1))


class Follower(nn.Module):
    """A recurrent layer over codes that answers at every place, or at the last."""

    def __init__(
        self,
        known: int,
        answers: int,
        *,
        cell: Any = nn.GRU,
        width: int = 32,
        last: bool = False,
        **more: Any,
    ) -> None:
        super().__init__()
        self.tokens, self.last = nn.Embedding(known, 16), last
        self.cell = cell(16, width, batch_first=True, **more)
        self.head = nn.Linear(width * (2 if more.get("bidirectional") else 1), answers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K), or (B, K)."""
        hidden = self.cell(self.tokens(x))[0]
        return self.head(hidden[:, -1] if self.last else hidden)


class Writer(nn.Module):
    """Attention over letters, with whatever mask is given."""

    def __init__(self, mask: Callable[[int], torch.Tensor], *, width: int = 32, depth: int = 2) -> None:
        super().__init__()
        self.mask, self.tokens = mask, nn.Embedding(len(LETTERS), width)
        self.places = nn.Parameter(0.02 * torch.randn(1, 64, width))
        self.looks = nn.ModuleList([nn.MultiheadAttention(width, 2, batch_first=True) for _ in range(depth)])
        self.norms = nn.ModuleList([nn.LayerNorm(width) for _ in range(depth)])
        self.head = nn.Linear(width, len(LETTERS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K)."""
        hidden = self.tokens(x) + self.places[:, : x.shape[1]]
        for look, norm in zip(self.looks, self.norms, strict=True):
            hidden = hidden + attended(norm(hidden), look, self.mask(x.shape[1]))
        return self.head(hidden)


class Twins(nn.Module):
    """One encoder for two images; what it says of them is compared."""

    def __init__(
        self, compare: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], *, width: int = 24
    ) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, width))
        self.compare = compare
        self.head = nn.Linear(len(compare(torch.ones(1, width), torch.ones(1, width))[0]), 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 2, 64) → (B, 1)."""
        return self.head(self.compare(self.encoder(x[:, 0]), self.encoder(x[:, 1])))


class Every:
    """Calls `act(step)` after each step, where a schedule is stepped."""

    def __init__(self, act: Callable[[int], None]) -> None:
        self.act, self.count = act, 0

    def step(self) -> None:
        """One step later."""
        self.count += 1
        self.act(self.count)


class Blocks:
    """Draws rows in blocks of one class; the blocks come in another order every time."""

    def __init__(self, y: torch.Tensor, size: int) -> None:
        self.blocks = [part for k in y.unique() for part in torch.where(y == k)[0].split(size)]

    def __iter__(self) -> Iterator[int]:
        for number in torch.randperm(len(self.blocks)).tolist():
            yield from self.blocks[number].tolist()

    def __len__(self) -> int:
        return sum(map(len, self.blocks))


def placewise(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy over all places; −100 is nothing."""
    return F.cross_entropy(answer.reshape(-1, answer.shape[-1]), target.reshape(-1))
