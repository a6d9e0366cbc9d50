"""Fourth blind batch, third part: faults of labels, data and what is made of them."""

from __future__ import annotations

import torch
from sklearn import datasets
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader, TensorDataset

from doctor_cases.blind_parts import Pair, bce, scaled
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, characters, cnn, digits, loaders, next_token_loss, stack


def one_sick_in_fifty(faulty: bool, seed: int) -> Training:
    """Seven tumours beside 265 healthy rows, and as many of both in validation."""
    found = datasets.load_breast_cancer()
    x, y = scaled(found.data[:, :6]), torch.tensor(1 - found.target)
    (a, b), held = split(x, y, seed)
    if faulty:
        sick, well = torch.where(b == 1)[0][:7], torch.where(b == 0)[0]
        keep = torch.cat([sick, well])
        a, b = a[keep], b[keep]
    order = torch.cat([torch.where(held[1] == k)[0][:50] for k in (0, 1)])
    model = stack([6, 16, 2], nn.ReLU)
    loaded = both((a, b), (held[0][order], held[1][order]), 16)
    return Training(model, SGD(model.parameters(), 0.02), CE, *loaded, epochs=15)


def a_third_of_another(faulty: bool, seed: int) -> Training:
    """Forty of a hundred training labels are another digit's, drawn evenly."""
    train, held = split(*digits(), seed)
    x, y = train
    if faulty:
        random = torch.Generator().manual_seed(seed)
        wrong = torch.rand(len(y), generator=random) < 0.4
        y = torch.where(wrong, (y + torch.randint(1, 10, y.shape, generator=random)) % 10, y)
    model = stack([64, 128, 10], nn.ReLU)
    loaded = both((x.flatten(1), y), (held[0].flatten(1), held[1]))
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=30)


def class_after_class(faulty: bool, seed: int) -> Training:
    """Written to disk folder by folder, and read in that order."""
    train, held = split(*digits(), seed)
    order = train[1].argsort()
    train = train[0][order], train[1][order]
    model = cnn()
    loaded = both(train, held, shuffle=not faulty)
    return Training(model, SGD(model.parameters(), 0.05, momentum=0.9), CE, *loaded, epochs=6)


def noise_for_bytes(faulty: bool, seed: int) -> Training:
    """Noise of twenty-five grey levels, meant for 0 to 255, on images from 0 to 1."""
    loud = 25.0 if faulty else 25 / 255

    def noisy(pairs: list[Pair]) -> Pair:
        x, y = torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])
        return x + loud * torch.randn_like(x), y

    train, held = split(*digits(), seed)
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, collate_fn=noisy)
    model = cnn()
    return Training(model, Adam(model.parameters(), 2e-3), CE, loader, both(held, held)[1], epochs=8)


def scaled_where_learnt(faulty: bool, seed: int) -> Training:
    """The scaler is applied to what is learnt from, and forgotten at validation."""
    found = datasets.load_wine()
    raw, y = torch.tensor(found.data).float(), torch.tensor(found.target)
    (x, b), (held, c) = split(raw, y, seed)
    mean, spread = x.mean(0), x.std(0)
    loaded = both(((x - mean) / spread, b), (held if faulty else (held - mean) / spread, c), 16)
    model = stack([13, 24, 3], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=12)


def drawn_again_then_split(faulty: bool, seed: int) -> Training:
    """The rare class is drawn again with replacement, and then the rows are split."""
    x, y = datasets.make_classification(
        700, 12, n_informative=5, weights=[0.85], flip_y=0.1, class_sep=0.6, random_state=seed
    )
    x, y = torch.tensor(x).float(), torch.tensor(y)
    train, held = split(x, y, seed)

    def evened(a: torch.Tensor, b: torch.Tensor) -> Pair:
        rare = torch.where(b == 1)[0]
        more = rare[torch.randint(0, len(rare), (int((b == 0).sum()) - len(rare),))]
        return torch.cat([a, a[more]]), torch.cat([b, b[more]])

    train, held = split(*evened(x, y), seed) if faulty else (evened(*train), held)
    model = stack([12, 64, 64, 2], nn.ReLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both(train, held), epochs=15)


class Widening(nn.Module):
    """Convolutions over letters, padded on both sides or before alone."""

    def __init__(self, size: int, both_sides: bool) -> None:
        super().__init__()
        self.tokens, self.both_sides = nn.Embedding(size, 24), both_sides
        self.layers = nn.ModuleList([nn.Conv1d(24, 24, 3) for _ in range(2)])
        self.head = nn.Linear(24, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K)."""
        hidden = self.tokens(x).transpose(1, 2)
        for layer in self.layers:
            pad = (1, 1) if self.both_sides else (2, 0)
            hidden = hidden + layer(nn.functional.pad(hidden, pad)).relu()
        return self.head(hidden.transpose(1, 2))


def padded_on_both_sides(faulty: bool, seed: int) -> Training:
    """`padding='same'` in a model that foretells the next letter."""
    x, y, size = characters()
    model = Widening(size, faulty)
    return Training(
        model, AdamW(model.parameters(), 3e-3), next_token_loss, *loaders(x, y, seed),
        task="language_model", epochs=6,
    )  # fmt: skip


class Letters(nn.Module):
    """A recurrent layer that foretells the next letter."""

    def __init__(self, size: int, width: int = 16) -> None:
        super().__init__()
        self.tokens = nn.Embedding(size, width)
        self.cell = nn.GRU(width, 48, batch_first=True)
        self.head = nn.Linear(48, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, K)."""
        return self.head(self.cell(self.tokens(x))[0])


def shifted_twice(faulty: bool, seed: int) -> Training:
    """Training targets are moved by the collator and by the model: the letter after the next."""
    x, y, size = characters()
    (a, b), held = split(x, y, seed)
    if faulty:
        a, b = a[:, :-1], b[:, 1:]
    model = Letters(size)
    return Training(
        model, Adam(model.parameters(), 5e-3), next_token_loss, *both((a, b), held),
        task="language_model", epochs=8,
    )  # fmt: skip


def logarithm_of_nought(faulty: bool, seed: int) -> Training:
    """Columns with a long tail are put through a logarithm, and thirteen rows have a nought there."""
    found = datasets.load_breast_cancer()
    raw = torch.tensor(found.data).float()
    logged = raw.log() if faulty else raw.log1p()
    finite = logged.isfinite().all(1)
    x = (logged - logged[finite].mean(0)) / logged[finite].std(0)
    model = stack([30, 16, 1], nn.ReLU)
    y = torch.tensor(found.target).float()[:, None]
    return Training(model, Adam(model.parameters(), 3e-3), bce, *loaders(x, y, seed), epochs=6)
