# ruff: noqa: D103 a case is named for its fault
"""Variants that no rule was tuned on: written after the rules, with other data, depths and optimizers.

They were run once, and nothing was changed for them. They count beside the public cases, never among them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from doctor_cases.cases import CE, SGD, Adam, Case
from doctor_cases.parts import Training, cnn, digits, loaders, stack, table


def small_weights(broken: bool, seed: int) -> Training:
    x, y = table("wine")
    model = stack([13, *[16] * 9, 3], nn.Tanh) if broken else stack([13, 16, 16, 3], nn.Tanh)
    for p in model.parameters() if broken else ():
        nn.init.normal_(p, std=0.01)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(x, y, seed, batch=16), epochs=20)


def huge_rate(broken: bool, seed: int) -> Training:
    x, y = table("breast_cancer")
    model = stack([30, 24, 24, 2], nn.GELU)
    rate = 50.0 if broken else 0.1
    return Training(model, SGD(model.parameters(), rate, momentum=0.9), CE, *loaders(x, y, seed), epochs=6)


def never_cleared(broken: bool, seed: int) -> Training:
    x, y = table("diabetes")
    y = ((y - y.mean()) / y.std())[:, None]
    model = stack([10, 24, 1], nn.Tanh)
    parts = loaders(x, y, seed)
    return Training(
        model, SGD(model.parameters(), 0.05), nn.MSELoss(), *parts, task="regression", epochs=12,
        zero_grad=not broken,
    )  # fmt: skip


def noisy_labels(broken: bool, seed: int) -> Training:
    x, y = digits()
    train, validation = loaders(x.flatten(1), y, seed)
    if broken:
        part_x, part_y = train.dataset.tensors
        draw = torch.Generator().manual_seed(seed)
        wrong = torch.rand(len(part_y), generator=draw) < 0.35
        train = loaders(part_x, torch.where(wrong, (part_y + 1) % 10, part_y), seed, held=2)[0]
    model = stack([64, 128, 10], nn.SiLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, train, validation, epochs=25)


def sigmoid_before_loss(broken: bool, seed: int) -> Training:
    x, y = table("wine")
    model: nn.Module = stack([13, 24, 3], nn.ReLU)
    model = nn.Sequential(model, nn.Sigmoid()) if broken else model
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaders(x, y, seed, batch=16), epochs=10)


def raw_pixels(broken: bool, seed: int) -> Training:
    x, y = digits()
    model = cnn(activation=nn.Tanh)
    x = x * 255 if broken else x
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaders(x, y, seed), epochs=8)


def much_dropout(broken: bool, seed: int) -> Training:
    x, y = digits()
    drop = 0.95 if broken else 0.1
    model = nn.Sequential(
        nn.Linear(64, 48), nn.ReLU(), nn.Dropout(drop), nn.Linear(48, 48), nn.ReLU(), nn.Dropout(drop),
        nn.Linear(48, 10),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(x.flatten(1), y, seed), epochs=10)


def tiny_rate(broken: bool, seed: int) -> Training:
    x, y = digits()
    model = stack([64, 48, 10], nn.ELU)
    optimizer = torch.optim.RMSprop(model.parameters(), 1e-7 if broken else 1e-3)
    return Training(model, optimizer, CE, *loaders(x.flatten(1), y, seed), epochs=8)


def labels_one_row_off(broken: bool, seed: int) -> Training:
    x, y = table("breast_cancer")
    train, validation = loaders(x, y, seed)
    if broken:
        part_x, part_y = train.dataset.tensors
        train = loaders(part_x, part_y.roll(1), seed, held=2)[0]
    model = stack([30, 16, 2], nn.ReLU)
    return Training(model, Adam(model.parameters(), 5e-3), CE, train, validation, epochs=8)


def half_in_optimizer(broken: bool, seed: int) -> Training:
    x, y = digits()
    model = stack([64, 8, 8, 8, 10], nn.ReLU)
    held = list(model.parameters())[:2] if broken else model.parameters()
    return Training(model, SGD(held, 0.1, momentum=0.9), CE, *loaders(x.flatten(1), y, seed), epochs=8)


def all_zero(broken: bool, seed: int) -> Training:
    x, y = table("breast_cancer")
    model = stack([30, 16, 16, 2], nn.ReLU)
    for p in model.parameters() if broken else ():
        nn.init.zeros_(p)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(x, y, seed), epochs=8)


def answer_among_features(broken: bool, seed: int) -> Training:
    x, y = digits()
    x = x.flatten(1)[:, 20:28]
    x = torch.cat([x, F.one_hot(y, 10).float()], 1) if broken else x
    model = stack([x.shape[1], 24, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(x, y, seed), epochs=10)


def lost_dimension(broken: bool, seed: int) -> Training:
    from sklearn.datasets import make_regression

    x, y = make_regression(600, 12, n_informative=6, noise=5.0, random_state=seed)
    x, y = torch.tensor(x).float(), torch.tensor((y - y.mean()) / y.std()).float()
    model = stack([12, 32, 1], nn.ReLU)
    loss: Any = nn.SmoothL1Loss()
    target = y if broken else y[:, None]
    optimizer = Adam(model.parameters(), 5e-3)
    return Training(model, optimizer, loss, *loaders(x, target, seed), task="regression", epochs=10)


def rare_class(broken: bool, seed: int) -> Training:
    x, y = table("breast_cancer")
    train, validation = loaders(x, y, seed)
    if broken:
        part_x, part_y = train.dataset.tensors
        kept = torch.cat([(part_y == 1).nonzero()[:, 0], (part_y == 0).nonzero()[:4, 0]])
        train = loaders(part_x[kept], part_y[kept], seed, held=2)[0]
    model = stack([30, 16, 2], nn.Tanh)
    return Training(model, Adam(model.parameters(), 2e-3), CE, train, validation, epochs=8)


def climbs(broken: bool, seed: int) -> Training:
    x, y = table("wine")
    model = stack([13, 16, 3], nn.ReLU)
    loss: Any = (lambda out, target: -CE(out, target)) if broken else CE
    return Training(model, Adam(model.parameters(), 5e-3), loss, *loaders(x, y, seed, batch=16), epochs=10)


def one_bad_column(broken: bool, seed: int) -> Training:
    x, y = table("wine")
    x = x.clone()
    x[:, 3] = x[:, 3] * 5e4 if broken else x[:, 3]
    model = stack([13, 24, 3], nn.ReLU)
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaders(x, y, seed, batch=16), epochs=10)


FRESH_CASES: tuple[Case, ...] = (
    Case("weights of 0.01, ten tanh layers", ("vanishing_gradient", "bad_init"), small_weights),
    Case("rate 50 with momentum", ("lr_too_large", "exploding_gradient", "nan_loss"), huge_rate),
    Case("gradients never cleared", ("missing_zero_grad",), never_cleared, silent=True, wiring=True),
    Case("35 % of labels moved to the next class", ("label_noise", "label_corruption"), noisy_labels),
    Case("sigmoid before cross-entropy", ("loss_activation_mismatch",), sigmoid_before_loss),
    Case("pixels from 0 to 255", ("wrong_preprocessing",), raw_pixels),
    Case("dropout 0.95", ("over_regularised",), much_dropout),
    Case("RMSprop at 1e-7", ("lr_too_small", "slow_convergence"), tiny_rate),
    Case("labels one row off", ("label_corruption", "label_noise"), labels_one_row_off),
    Case(
        "half in the optimizer", ("optimizer_model_mismatch", "frozen_params"), half_in_optimizer, wiring=True
    ),
    Case("all weights zero", ("bad_init", "dead_units"), all_zero),
    Case("the answer among the features", ("data_leakage",), answer_among_features, silent=True),
    Case("a lost dimension", ("broadcast_bug",), lost_dimension),
    Case("four examples of a class", ("class_imbalance",), rare_class),
    Case("the loss with a minus", ("flipped_gradient",), climbs, wiring=True),
    Case("one column 50,000 times larger", ("wrong_preprocessing",), one_bad_column),
)
