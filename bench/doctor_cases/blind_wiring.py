# ruff: noqa: D102, D103 a case is named for its fault
"""Blind cases, first part: faults of wiring, data and labels."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.utils.data import DataLoader, Dataset, TensorDataset

from doctor_cases.blind_parts import (
    Mapped,
    Pair,
    Reader,
    Recurrent,
    Residual,
    Table,
    bce,
    cancer,
    conv1d,
    digit_rows,
    friedman,
    outputs,
    scaled,
    signals,
    tabular,
    tokens,
)
from doctor_cases.parts import Training, digits, loaders, stack

CE = nn.CrossEntropyLoss()


def split(x: torch.Tensor, y: torch.Tensor, seed: int) -> tuple[Pair, Pair]:
    """Three quarters and a quarter."""
    a, b = train_test_split(np.arange(len(x)), test_size=0.25, random_state=seed)
    return (x[a], y[a]), (x[b], y[b])


def both(train: Pair, held: Pair, batch: int = 32, *, shuffle: bool = True) -> tuple[DataLoader, DataLoader]:
    """Loaders of two parts."""
    return DataLoader(TensorDataset(*train), batch, shuffle=shuffle), DataLoader(TensorDataset(*held), 256)


def never_zeroed(faulty: bool, seed: int) -> Training:
    model = Recurrent(nn.GRU)
    optimizer = SGD(model.parameters(), 0.2, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*digit_rows(), seed), epochs=8, zero_grad=not faulty)


def old_head(faulty: bool, seed: int) -> Training:
    """The head is exchanged after the optimizer was made, and the body is left as it was drawn."""
    model = nn.Sequential(conv1d(), nn.ReLU(), nn.Linear(4, 4))
    model[0][-1] = nn.Linear(96, 16)
    kept = Adam(model.parameters(), 3e-3)
    model[0], model[2] = conv1d(16), nn.Linear(16, 4)
    optimizer = kept if faulty else Adam(model.parameters(), 3e-3)
    return Training(model, optimizer, CE, *loaders(*signals(seed), seed), epochs=8)


def body_frozen(faulty: bool, seed: int) -> Training:
    """A loop over parameters froze all but the head; nothing was ever pretrained."""
    model = Table()
    for name, p in model.named_parameters():
        p.requires_grad_(not faulty or name.startswith("body.4"))
    learning = [p for p in model.parameters() if p.requires_grad]
    return Training(model, AdamW(learning, 1e-2), CE, *loaders(*tabular(seed), seed), epochs=12)


def detached_body(faulty: bool, seed: int) -> Training:
    cut = [Mapped(torch.Tensor.detach)] if faulty else []
    model = nn.Sequential(Residual(10, 8), *cut, nn.Linear(8, 1))
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.MSELoss(), *loaders(*friedman(seed), seed),
        task="regression", epochs=15,
    )  # fmt: skip


def never_steps(faulty: bool, seed: int) -> Training:
    """Gradients are gathered over 64 batches; an epoch has 14."""
    model = Reader()
    return Training(
        model, AdamW(model.parameters(), 3e-3), CE, *loaders(*tokens(seed), seed, batch=43),
        epochs=10, accumulate=64 if faulty else 1,
    )  # fmt: skip


class Turn(torch.autograd.Function):
    """Gradient reversal."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return -grad


def reversed_body(faulty: bool, seed: int) -> Training:
    """A layer of adversarial training was left in: everything before the head climbs."""
    turn = [Mapped(Turn.apply)] if faulty else []
    model = nn.Sequential(conv1d(16), *turn, nn.ReLU(), nn.Linear(16, 4))
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaders(*signals(seed), seed), epochs=12)


def negative_loss(faulty: bool, seed: int) -> Training:
    """The negative of the likelihood was forgotten."""
    sign = -1 if faulty else 1
    model = stack([30, 16, 1], nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 3e-3), lambda a, y: sign * bce(a, y), *loaders(*cancer(), seed)
    )


def stale_statistics(faulty: bool, seed: int) -> Training:
    """BatchNorm learns its statistics a thousandth at a time."""
    model = conv1d(norm=True)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d) and faulty:
            module.momentum = 0.001
    x, y = signals(seed)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(x * 5 + 10, y, seed), epochs=6)


def dropout_always(faulty: bool, seed: int) -> Training:
    """`F.dropout` without `training=self.training`."""
    drop = Mapped(lambda h: F.dropout(h, 0.7)) if faulty else nn.Dropout(0.7)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), drop, nn.Linear(64, 10))
    x, y = digit_rows()
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(x.flatten(1), y, seed), epochs=10)


def one_behind(faulty: bool, seed: int) -> Training:
    """Labels moved by one row against their inputs, in the training part alone."""
    found = datasets.load_wine()
    train, held = split(scaled(found.data), torch.tensor(found.target), seed)
    train = (train[0], train[1].roll(1)) if faulty else train
    model = stack([13, 24, 3], nn.Tanh)
    return Training(model, RMSprop(model.parameters(), 3e-3), CE, *both(train, held, 16), epochs=20)


def noisy_neighbours(faulty: bool, seed: int) -> Training:
    """Of the labels half are another digit's, and the network learns them by heart."""
    x, y = digit_rows()
    train, held = split(x, y, seed)
    random = np.random.default_rng(seed)
    wrong = torch.tensor(random.random(len(train[1])) < 0.5)
    other = (train[1] + torch.tensor(random.integers(1, 10, len(wrong)))) % 10
    train = (train[0].flatten(1), torch.where(wrong, other, train[1]) if faulty else train[1])
    model = stack([64, 512, 10], nn.ReLU)
    held = (held[0].flatten(1), held[1])
    return Training(model, Adam(model.parameters(), 3e-3), CE, *both(train, held, 64), epochs=50)


def rare_class(faulty: bool, seed: int) -> Training:
    """Two of four shapes are a fiftieth of the training rows; validation has all alike."""
    (x, y), held = split(*signals(seed, 1600), seed)
    rows = np.concatenate([np.flatnonzero(y == k)[: 280 if k < 2 else 6] for k in range(4)])
    weight = torch.tensor([1.0, 1.0, 46.0, 46.0])[y[rows]]
    train = TensorDataset(x[rows], y[rows])
    drawn = torch.utils.data.WeightedRandomSampler(weight.tolist(), len(rows))
    loader = DataLoader(train, 32, shuffle=True) if faulty else DataLoader(train, 32, sampler=drawn)
    model = conv1d(norm=True)
    return Training(model, Adam(model.parameters(), 2e-3), CE, loader, both(held, held)[1], epochs=8)


def rare_yes(faulty: bool, seed: int) -> Training:
    """One in forty-one is positive; validation is half and half."""
    x, y = datasets.make_classification(
        6000, 12, n_informative=6, n_clusters_per_class=1, class_sep=1.0, random_state=seed
    )
    inputs, target = scaled(x), torch.tensor(y).float()[:, None]
    (a, b), held = split(inputs, target, seed)
    yes, no = np.flatnonzero(b[:, 0] == 1)[:40], np.flatnonzero(b[:, 0] == 0)[:1600]
    rows = np.concatenate([yes, no])
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(1.0 if faulty else 40.0))
    model = stack([12, 24, 1], nn.ReLU)
    return Training(model, Adam(model.parameters(), 1e-3), loss, *both((a[rows], b[rows]), held), epochs=8)


def answer_inside(faulty: bool, seed: int) -> Training:
    """A column was made from the label; on new rows it is empty."""
    x, y = tabular(seed)
    train, held = split(x, y, seed)
    leak = train[1].float() + 0.1 * torch.randn(len(train[1]))
    train = (torch.cat([train[0][:, :5], leak[:, None]], 1) if faulty else train[0], train[1])
    held = (held[0].index_fill(1, torch.tensor(5), 0.0) if faulty else held[0], held[1])
    model = Table()
    return Training(model, Adam(model.parameters(), 5e-3), CE, *both(train, held), epochs=10)


def in_order(faulty: bool, seed: int) -> Training:
    """Rows come class by class, and nobody shuffles."""
    train, held = split(*digit_rows(), seed)
    order = train[1].argsort()
    train = (train[0][order], train[1][order])
    model = Recurrent(nn.LSTM)
    return Training(
        model, Adam(model.parameters(), 5e-3), CE, *both(train, held, shuffle=not faulty), epochs=8
    )


class Shaken(Dataset):
    """Signals that are played backward every other time."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, *, turned: bool) -> None:
        self.x, self.y, self.turned = x, y, turned

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int) -> Pair:
        x = self.x[row].roll(int(torch.randint(0, 8, ())), -1)
        return (x.flip(-1) if self.turned and torch.rand(()) < 0.5 else x), self.y[row]


def played_backward(faulty: bool, seed: int) -> Training:
    """The class is whether the pitch rises or falls: turning the time is turning the label."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, 500)
    time = np.linspace(0, 1, 64)[None]
    rise = np.where(y == 1, 1, -1)[:, None]
    wave = np.sin(2 * np.pi * (4 * time + 1.5 * rise * (time**2 - time) + random.random((500, 1))))
    x = torch.tensor(wave + 0.3 * random.standard_normal((500, 64))).float()[:, None]
    train, held = split(x, torch.tensor(y), seed)
    loader = DataLoader(Shaken(*train, turned=faulty), 32, shuffle=True)
    model = conv1d(2)
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=12)


def raw_wine(faulty: bool, seed: int) -> Training:
    found = datasets.load_wine()
    x = torch.tensor(found.data).float()
    pair = (x if faulty else scaled(x), torch.tensor(found.target))
    model = stack([13, 32, 3], nn.ReLU)
    return Training(
        model, SGD(model.parameters(), 0.02, momentum=0.9), CE, *loaders(*pair, seed, batch=16), epochs=15
    )


def other_scale(faulty: bool, seed: int) -> Training:
    """Training rows were standardised, those of validation were not."""
    train, held = split(*outputs(seed), seed)
    held = (held[0] * 4 + 3, held[1]) if faulty else held
    model = Residual(8, 3)
    return Training(
        model, AdamW(model.parameters(), 3e-3), nn.MSELoss(), *both(train, held), task="regression", epochs=15
    )


def raw_target(faulty: bool, seed: int) -> Training:
    """The value to predict is some hundreds, and the network starts at nought."""
    x, y = friedman(seed)
    y = y * 80 + 900 if faulty else y
    model = Residual(10, 1)
    return Training(
        model,
        Adam(model.parameters(), 2e-3),
        nn.MSELoss(),
        *loaders(x, y, seed),
        task="regression",
        epochs=15,
    )


def infinite_row(faulty: bool, seed: int) -> Training:
    """A ratio was divided by nought."""
    x, y = outputs(seed)
    train, held = split(x, y, seed)
    bad = train[0].clone()
    bad[100, 3] = float("inf")
    train = (bad if faulty else train[0], train[1])
    model = stack([8, 32, 3], nn.Tanh)
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.MSELoss(), *both(train, held),
        task="regression", epochs=12,
    )  # fmt: skip


def wrong_axis(faulty: bool, seed: int) -> Training:
    """`batch_first` was forgotten: the rows of a batch are read as steps of time."""
    model = Recurrent(nn.GRU, batch_first=not faulty)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*digit_rows(), seed), epochs=8)


def lost_checkpoint(faulty: bool, seed: int) -> Training:
    """The checkpoint's names have a prefix; `strict=False` says nothing."""
    x, y = digits()
    low, high = (x[y < 5], y[y < 5]), (x[y >= 5], y[y >= 5] - 5)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 5))
    old = copy.deepcopy(model)
    tuned = Adam(old.parameters(), 5e-3)
    mixed = torch.cat([low[0], high[0]]), torch.cat([low[1], high[1]])
    for _ in range(150):
        rows = torch.randint(0, len(mixed[0]), (64,))
        tuned.zero_grad()
        CE(old(mixed[0][rows]), mixed[1][rows]).backward()
        tuned.step()
    weights = {
        f"module.{k}" if faulty else k: v for k, v in old.state_dict().items() if not k.startswith("3")
    }
    model.load_state_dict(weights, strict=False)
    few, held = split(*high, seed)
    return Training(
        model, SGD(model.parameters(), 0.05), CE, *both((few[0][:60], few[1][:60]), held, 10), epochs=6,
        doctor={"pretrained": True},
    )  # fmt: skip


def every_graph_kept(faulty: bool, seed: int) -> Training:
    model = Recurrent(nn.LSTM)
    return Training(
        model, Adam(model.parameters(), 5e-3), CE, *loaders(*digit_rows(), seed), epochs=3, keep_graph=faulty
    )
