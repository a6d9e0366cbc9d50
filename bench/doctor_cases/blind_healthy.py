# ruff: noqa: D103 a control is named for what is unusual about it
"""Blind controls: unusual, and nothing wrong. Each is judged good by its score, without a rule."""

from __future__ import annotations

import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, LambdaLR, OneCycleLR
from torch.utils.data import DataLoader

from doctor_cases.blind_parts import (
    Mapped,
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
    several_labels,
    signals,
    tabular,
    tokens,
)
from doctor_cases.blind_wiring import CE, Shaken, both, split
from doctor_cases.parts import Training, digits, loaders, stack


def dropout_of_six_tenths(seed: int) -> Training:
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.6), nn.Linear(256, 10))
    x, y = digit_rows()
    return Training(model, AdamW(model.parameters(), 3e-3), CE, *loaders(x.flatten(1), y, seed), epochs=12)


def large_net_few_rows(seed: int) -> Training:
    (x, y), held = split(*cancer(), seed)
    model = stack([30, 512, 512, 1], nn.ReLU)
    return Training(model, SGD(model.parameters(), 0.02), bce, *both((x[:80], y[:80]), held, 8), epochs=12)


def random_features(seed: int) -> Training:
    """Two thousand random features, declared to be frozen, and a linear head."""
    body = nn.Linear(64, 2000)
    body.requires_grad_(False)
    model = nn.Sequential(body, nn.ReLU(), nn.Linear(2000, 10))
    x, y = digit_rows()
    return Training(
        model, Adam(model[2].parameters(), 1e-3), CE, *loaders(x.flatten(1), y, seed), epochs=8,
        doctor={"frozen": ("0.",)},
    )  # fmt: skip


def noise_to_remove(seed: int) -> Training:
    """A denoising autoencoder: another noise at every pass, and the loss swings with it."""
    x, _ = digit_rows()
    flat = x.flatten(1)
    noise = Mapped(lambda h: h + 0.5 * torch.randn_like(h))
    model = nn.Sequential(noise, nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 64))
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.MSELoss(), *loaders(flat, flat, seed, batch=16),
        task="regression", epochs=8,
    )  # fmt: skip


def pairs_of_rows(seed: int) -> Training:
    model = stack([13, 32, 3], nn.Tanh)
    found = datasets.load_wine()
    pair = (scaled(found.data), torch.tensor(found.target))
    return Training(model, SGD(model.parameters(), 0.01), CE, *loaders(*pair, seed, batch=2), epochs=10)


def smoothed_restarts(seed: int) -> Training:
    model = conv1d(norm=True)
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True)
    plan = CosineAnnealingWarmRestarts(optimizer, 30, 2)
    loss = nn.CrossEntropyLoss(label_smoothing=0.15)
    return Training(model, optimizer, loss, *loaders(*signals(seed), seed), epochs=15, scheduler=plan)


def warmed_from_nought(seed: int) -> Training:
    model = Reader(dropout=0.1)
    optimizer = AdamW(model.parameters(), 3e-3, weight_decay=0.05)
    plan = LambdaLR(optimizer, lambda step: min(step / 60, max(0.0, (240 - step) / 180)))
    return Training(model, optimizer, CE, *loaders(*tokens(seed), seed), epochs=12, scheduler=plan)


def strongly_varied(seed: int) -> Training:
    """Signals turned backward, where that changes no class, moved and in more noise."""
    (x, y), held = split(*signals(seed, 800), seed)
    keep = y < 2
    mine = held[1] < 2
    train = Shaken(x[keep], y[keep], turned=True)
    model = conv1d(2, norm=True)
    loader = DataLoader(train, 32, shuffle=True)
    validation = both((x, y), (held[0][mine], held[1][mine]))[1]
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, validation, epochs=12)


def plateau_then_progress(seed: int) -> Training:
    """The sign of a product of two inputs of eight: nothing at first, then all at once."""
    x = torch.randn(1500, 8, generator=torch.Generator().manual_seed(seed))
    y = (x[:, 0] * x[:, 1] > 0).long()
    model = stack([8, 64, 64, 2], nn.Tanh)
    return Training(model, SGD(model.parameters(), 0.1, momentum=0.9), CE, *loaders(x, y, seed), epochs=25)


def adding_clipped(seed: int) -> Training:
    """An LSTM reads digits with its gradient clipped at nearly every step."""
    model = Recurrent(nn.LSTM, width=48)
    return Training(
        model, RMSprop(model.parameters(), 3e-3), CE, *loaders(*digit_rows(), seed), epochs=10, clip=0.5
    )


def quantiles(seed: int) -> Training:
    """Three quantiles of a value that is mostly noise."""
    x, y = friedman(seed, 800, noise=4.0)

    def pinball(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        level = torch.tensor([0.1, 0.5, 0.9])
        miss = target - answer
        return torch.maximum(level * miss, (level - 1) * miss).mean()

    model = stack([10, 32, 3], nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 3e-3), pinball, *loaders(x, y.repeat(1, 3), seed),
        task="regression", epochs=10,
    )  # fmt: skip


def fast_adagrad(seed: int) -> Training:
    model = Table()
    return Training(model, Adagrad(model.parameters(), 0.05), CE, *loaders(*tabular(seed), seed), epochs=15)


def weighted_labels(seed: int) -> Training:
    model = stack([16, 32, 5], nn.SiLU)
    x, y = several_labels(seed, 900)
    loss = nn.BCEWithLogitsLoss(pos_weight=(1 - y).sum(0) / y.sum(0))
    return Training(
        model, AdamW(model.parameters(), 5e-3), loss, *loaders(x, y, seed), task="multilabel", epochs=12
    )


def steps_of_a_scale(seed: int) -> Training:
    """Ordinal: four thresholds of a value, each a yes or a no."""
    x, y = friedman(seed, 700)
    above = (y > torch.tensor([[-1.0, -0.3, 0.3, 1.0]])).float()
    model = Residual(10, 4, depth=2)
    return Training(
        model, AdamW(model.parameters(), 3e-3), F.binary_cross_entropy_with_logits,
        *loaders(x, above, seed), task="multilabel", epochs=15,
    )  # fmt: skip


def weighted_eight_to_one(seed: int) -> Training:
    """Eight of one for one of the other, and the loss weighs for it."""
    (x, y), held = split(*signals(seed, 1200), seed)
    keep = torch.cat([torch.where(y == 0)[0], torch.where(y == 1)[0][:30]])
    mine = held[1] < 2
    loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 8.0]))
    model = conv1d(2, norm=True)
    loaded = both((x[keep], y[keep]), (held[0][mine], held[1][mine]), 16)
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaded, epochs=10)


def one_great_cycle(seed: int) -> Training:
    model = Residual(64, 10, width=48, depth=6)
    x, y = digit_rows()
    optimizer = AdamW(model.parameters(), 1e-3)
    train, validation = loaders(x.flatten(1), y, seed)
    plan = OneCycleLR(optimizer, 1e-2, total_steps=10 * len(train))
    return Training(model, optimizer, CE, train, validation, epochs=10, scheduler=plan)


def gathered_batches(seed: int) -> Training:
    x, y = outputs(seed, 800)
    train, validation = loaders(x, y, seed, batch=4)
    model = stack([8, 48, 3], nn.ELU)
    return Training(
        model, SGD(model.parameters(), 0.1, momentum=0.9), nn.MSELoss(), train, validation,
        task="regression", epochs=12, accumulate=8,
    )  # fmt: skip


def low_ceiling(seed: int) -> Training:
    """Half of what decides the class is not to be seen."""
    x, y = datasets.make_classification(1500, 10, n_informative=5, flip_y=0.4, random_state=seed)
    model = stack([10, 16, 2], nn.ReLU)
    pair = (scaled(x), torch.tensor(y))
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*pair, seed), epochs=10)


def nearly_silent_units(seed: int) -> Training:
    """Wide, rectified and decayed by L1: most units are quiet for most rows, and all is well."""
    model = nn.Sequential(nn.Flatten(), *stack([64, 300, 300, 10], nn.ReLU))
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9, weight_decay=1e-3)

    def sparse(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return CE(answer, target) + 1e-5 * sum(p.abs().sum() for p in model.parameters())

    return Training(model, optimizer, sparse, *loaders(*digits(), seed), epochs=8)


CONTROLS = {
    build.__name__: build
    for build in (
        dropout_of_six_tenths,
        large_net_few_rows,
        random_features,
        noise_to_remove,
        pairs_of_rows,
        smoothed_restarts,
        warmed_from_nought,
        strongly_varied,
        plateau_then_progress,
        adding_clipped,
        quantiles,
        fast_adagrad,
        weighted_labels,
        steps_of_a_scale,
        weighted_eight_to_one,
        one_great_cycle,
        gathered_batches,
        low_ceiling,
        nearly_silent_units,
    )
}
