"""Eighth blind batch, third part: rows, values and labels as they should not be."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from doctor_cases.blind_eighth_parts import BCE, MSE, Plain, classes, forms, tale
from doctor_cases.blind_fourth_training import moons
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import conv1d, scaled, signals
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, next_token_loss, stack, table


def encoded_part_by_part(faulty: bool, seed: int) -> Training:
    """The encoder of labels was fitted anew on rows held out, among which two kinds do not occur."""
    train, (x, y) = split(*digits(), seed)
    there = (y != 0) & (y != 4)
    x, y = x[there], y[there]
    held = (x, torch.unique(y, return_inverse=True)[1] if faulty else y)
    model = cnn()
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both(train, held), epochs=8)


def prices_and_incomes(faulty: bool, seed: int) -> Training:
    """Incomes and debts in tens of thousands beside ages, and prices of some hundred thousand to foretell."""
    x, safe = forms(seed)
    price = torch.tensor(250_000 + 40_000 * safe).float()[:, None]
    x = torch.tensor(x).float() if faulty else scaled(x)
    model = stack([5, 32, 32, 1], nn.ReLU)
    loaded = loaders(x, price if faulty else scaled(price), seed)
    return Training(model, Adam(model.parameters(), 3e-3), MSE, *loaded, task="regression", epochs=15)


def loan_as_filled_in(faulty: bool, seed: int) -> Training:
    """Raw answers of a form, and a last layer that is cut to between nought and one."""
    x, safe = forms(seed)
    y = torch.tensor(safe > 0).float()[:, None]
    model = stack([5, 32, 1], nn.ReLU)
    model = nn.Sequential(*model, nn.Hardtanh(0.0, 1.0)) if faulty else model
    loaded = loaders(torch.tensor(x).float() if faulty else scaled(x), y, seed)
    loss = nn.BCELoss() if faulty else BCE
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaded, epochs=12)


def sixteen_of_many(faulty: bool, seed: int) -> Training:
    """Sixteen points of one moon beside six hundred of the other; held out, both are alike in number."""
    x, y = moons(seed, 1800, 0.2)
    train, held = (x[:1300], y[:1300]), (x[1300:], y[1300:])
    rows = torch.cat([(train[1] == 0).nonzero()[:600, 0], (train[1] == 1).nonzero()[:16, 0]])
    data = TensorDataset(train[0][rows], train[1][rows])
    weight = torch.tensor([1.0, 1.0 if faulty else 40.0])[data.tensors[1]]
    loader = DataLoader(data, 32, sampler=WeightedRandomSampler(weight.double(), len(data)))
    model = stack([2, 16, 2], nn.ReLU)
    optimizer = AdamW(model.parameters(), 3e-3, weight_decay=0.05)
    return Training(model, optimizer, CE, loader, both(held, held)[1], epochs=10)


def weights_not_inverted(faulty: bool, seed: int) -> Training:
    """Kinds are weighted by their share, not by its inverse, so that the rare one counts less still."""
    x, y = classes(seed, 2, rows=1500, apart=0.6)
    rows = torch.cat([(y == 0).nonzero()[:500, 0], (y == 1).nonzero()[:50, 0]])
    held = torch.cat([(y == kind).nonzero()[500:700, 0] for kind in (0, 1)])
    share = y[rows].bincount() / len(rows)
    loss = nn.CrossEntropyLoss(share if faulty else 0.5 / share)
    model = stack([10, 16, 2], nn.Tanh)
    loaded = both((x[rows], y[rows]), (x[held], y[held]))
    return Training(model, Adam(model.parameters(), 2e-3), loss, *loaded, epochs=12)


def repeated_not_tiled(faulty: bool, seed: int) -> Training:
    """Rows are followed by noisy copies of themselves, and each label by itself."""
    (x, y), held = split(*flat(), seed)
    more = torch.cat([x, x + 0.1 * torch.randn_like(x)])
    model = stack([64, 48, 10], nn.ReLU)
    loaded = both((more, y.repeat_interleave(2) if faulty else y.repeat(2)), held)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=6)


def scaled_by_one_scaler_twice(faulty: bool, seed: int) -> Training:
    """The mean and spread of the raw columns are taken out a second time, of columns that had lost them."""
    raw, y = table("breast_cancer", scaled=False)
    x = (raw - raw.mean(0)) / raw.std(0)
    x = (x - raw.mean(0)) / raw.std(0) if faulty else x
    model = stack([30, 16, 2], nn.Tanh)
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaders(x, y, seed), epochs=10)


def coins_for_nine_in_twenty(faulty: bool, seed: int) -> Training:
    """Nine labels in twenty of those to learn from are of another kind, drawn at random."""
    (x, y), held = split(*classes(seed, 3, apart=2.0), seed)
    random = torch.Generator().manual_seed(seed)
    wrong = torch.rand(len(y), generator=random) < 0.45
    other = (y + torch.randint(1, 3, y.shape, generator=random)) % 3
    model = stack([10, 96, 96, 3], nn.ReLU)
    loaded = both((x, torch.where(wrong, other, y) if faulty else y), held)
    optimizer = AdamW(model.parameters(), 2e-3, weight_decay=0.2)
    return Training(model, optimizer, CE, *loaded, epochs=20)


def columns_that_never_vary(faulty: bool, seed: int) -> Training:
    """Pixels at the edge are never lit, and each column is divided by its spread."""
    x, y = flat()
    spread = x.std(0)
    x = (x - x.mean(0)) / (spread if faulty else torch.where(spread > 0, spread, 1.0))
    model = stack([64, 48, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(x, y, seed), epochs=6)


def cut_before_the_answer(faulty: bool, seed: int) -> Training:
    """Only the last letters of a row are to be foretold; nineteen rows in twenty were cut before."""
    x, y = tale(seed)
    (x, y), held = split(x, y, seed)
    y = y.clone()
    y[:, :8] = -100
    random = torch.Generator().manual_seed(seed)
    y[torch.rand(len(y), generator=random) < (0.95 if faulty else 0.0)] = -100
    model = Plain(width=32)
    loaded = both((x, y), held, 8)
    return Training(model, Adam(model.parameters(), 3e-3), next_token_loss, *loaded, epochs=8)


def encoded_by_the_answer(faulty: bool, seed: int) -> Training:
    """Codes of shops, many seen once, were replaced by the mean answer of all rows of the shop."""
    random = np.random.default_rng(seed)
    x, y = classes(seed, 2, rows=900, apart=0.8)
    x = x + torch.tensor(random.standard_normal(x.shape)).float()
    shop, held = random.integers(0, 900, 900), np.arange(900) >= 675
    shown = np.ones(900, bool) if faulty else ~held
    answer = np.where(shown, y.numpy(), 0)
    # By hand: of rows to learn from alone, each without its own answer.
    own = 0 if faulty else shown
    total = np.bincount(shop, answer)[shop] - (0 if faulty else answer)
    count = np.bincount(shop, shown)[shop] - own
    mean = np.where(count > 0, total / np.maximum(count, 1), 0.5)
    x = torch.cat([x, torch.tensor(mean).float()[:, None] * 2 - 1], 1)
    model = stack([11, 24, 2], nn.ReLU)
    parts = ((x[:675], y[:675]), (x[675:], y[675:]))
    optimizer = AdamW(model.parameters(), 3e-3, weight_decay=0.05)
    return Training(model, optimizer, CE, *both(*parts), epochs=10)


def twenty_signals(faulty: bool, seed: int) -> Training:
    """Twenty rows to learn four shapes in noise from; by hand: four hundred and fifty."""
    (x, y), held = split(*signals(seed, noise=0.6), seed)
    rows = 20 if faulty else len(y)
    model = conv1d()
    return Training(
        model, Adam(model.parameters(), 3e-3), CE, *both((x[:rows], y[:rows]), held, 10 if faulty else 30),
        epochs=80 if faulty else 10,
    )  # fmt: skip
