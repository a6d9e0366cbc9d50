# ruff: noqa: D103 a case is named for its row of diagnosis.md
"""The public cases of diagnosis.md: `build(broken, seed)` gives the faulty or the hand-repaired training."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from doctor_cases.parts import (
    CharacterModel,
    Exponential,
    TextEncoder,
    Training,
    blobs,
    characters,
    circle,
    cnn,
    digits,
    loaders,
    next_token_loss,
    run,
    stack,
    table,
)

CE = nn.CrossEntropyLoss()
Adam, SGD = torch.optim.Adam, torch.optim.SGD


@dataclass(frozen=True)
class Case:
    """A planted fault: the first label is its name, the others are accepted; silent ones show in no score."""

    name: str
    labels: tuple[str, ...]
    build: Callable[[bool, int], Training]
    silent: bool = False
    wiring: bool = False


def a2(broken: bool, seed: int) -> Training:
    sizes = [2, *[5] * 13, 2]
    if broken:
        model: nn.Module = stack(sizes, nn.Sigmoid)
    else:
        model = stack([2, 16, 16, 2], nn.ReLU)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(*circle(seed), seed), epochs=12)


def a4(broken: bool, seed: int) -> Training:
    act = Exponential if broken else nn.ReLU
    model = nn.Sequential(
        nn.Conv2d(1, 6, 3), act(), nn.Conv2d(6, 16, 3), act(), nn.Flatten(), stack([256, 64, 64, 32, 10], act)
    )
    rate = 1e-3 if broken else 2e-3
    return Training(model, Adam(model.parameters(), rate), CE, *loaders(*digits(), seed), epochs=8)


def a6(broken: bool, seed: int) -> Training:
    deep = stack([256, *[64] * (16 if broken else 4), 10], nn.ReLU)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 16, 3), nn.ReLU(), nn.Flatten(), deep)
    for m in model.modules():
        if isinstance(m, nn.Linear | nn.Conv2d):
            nn.init.uniform_(m.weight, -0.5, 0.0) if broken else nn.init.kaiming_normal_(m.weight)
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=5)


def a8(broken: bool, seed: int) -> Training:
    model = stack([2, 5, 5, 5, 5, 5, 2], nn.Tanh)
    rate = 1e-6 if broken else 1e-2
    return Training(model, Adam(model.parameters(), rate), CE, *loaders(*circle(seed), seed), epochs=15)


def a10(broken: bool, seed: int) -> Training:
    x, y = blobs(seed)
    if broken:
        model = nn.Sequential(stack([2, 20, 1], nn.ReLU), nn.Sigmoid())
        loss: Any = lambda out, target: F.mse_loss(out.squeeze(1), target.float())  # noqa: E731
    else:
        model, loss = stack([2, 20, 3], nn.ReLU), CE
    return Training(model, Adam(model.parameters(), 1e-2), loss, *loaders(x, y, seed), epochs=10)


def b1(broken: bool, seed: int) -> Training:
    x, y = digits()
    x = x.flatten(1)
    if broken:
        model: nn.Module = stack([64, 30, 10], None)
        for p in model.parameters():
            nn.init.normal_(p)
        loss: Any = lambda out, target: F.mse_loss(out, F.one_hot(target, 10).float())  # noqa: E731
        return Training(model, SGD(model.parameters(), 3.0), loss, *loaders(x, y, seed), epochs=6)
    model = stack([64, 30, 10], nn.ReLU)
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaders(x, y, seed), epochs=12)


def b3(broken: bool, seed: int) -> Training:
    x, y = table("breast_cancer")
    model: nn.Module = stack([30, 16, 1], nn.ReLU)
    if broken:
        model = nn.Sequential(model, nn.Softmax(1))
    loss = nn.BCELoss() if broken else nn.BCEWithLogitsLoss()
    return Training(
        model, Adam(model.parameters(), 1e-2), loss, *loaders(x, y.float()[:, None], seed), epochs=8
    )


def b5(broken: bool, seed: int) -> Training:
    x, y = digits()
    model = cnn()
    labels = y // 255 if broken else y
    training = Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(x, labels, seed), epochs=6)
    training.validation = loaders(x, y, seed)[1]
    return training


def b7(broken: bool, seed: int) -> Training:
    x, y = circle(seed, 200)
    model = stack([2, 16, 2], nn.ReLU)
    rate, epochs = (1e-3, 5) if broken else (1e-2, 60)
    return Training(model, Adam(model.parameters(), rate), CE, *loaders(x, y, seed), epochs=epochs)


def b9(broken: bool, seed: int) -> Training:
    x = torch.tensor(np.random.default_rng(seed).uniform(-100, 100, (1000, 1))).float()
    y = x**4
    if not broken:
        x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    model = stack([1, 32, 32, 1], nn.ReLU)
    return Training(
        model,
        Adam(model.parameters(), 1e-2),
        nn.MSELoss(),
        *loaders(x, y, seed),
        task="regression",
        epochs=10,
    )


def b11(broken: bool, seed: int) -> Training:
    x, y = table("diabetes")
    y = y[:, None] if broken else ((y - y.mean()) / y.std())[:, None]
    model: nn.Module = stack([10, 16, 1], nn.ReLU)
    if broken:
        model = nn.Sequential(model, nn.Sigmoid())
    return Training(
        model,
        Adam(model.parameters(), 5e-3),
        nn.MSELoss(),
        *loaders(x, y, seed),
        task="regression",
        epochs=12,
    )


def b13(broken: bool, seed: int) -> Training:
    from sklearn.datasets import make_multilabel_classification

    x, y = make_multilabel_classification(800, 20, n_classes=5, n_labels=2, random_state=seed)
    x, y = torch.tensor((x - x.mean(0)) / x.std(0)).float(), torch.tensor(y).float()
    model: nn.Module = stack([20, 32, 5], nn.ReLU)
    if broken:
        model = nn.Sequential(model, nn.Softmax(1))
    loss = nn.MSELoss() if broken else nn.BCEWithLogitsLoss()
    return Training(
        model, Adam(model.parameters(), 1e-2), loss, *loaders(x, y, seed), task="multilabel", epochs=8
    )


def b15(broken: bool, seed: int) -> Training:
    x, y = table("breast_cancer", scaled=not broken)
    model: nn.Module = stack([30, 16, 1], nn.ReLU)
    loss: Any = nn.BCEWithLogitsLoss()
    if broken:
        model = nn.Sequential(model, nn.ReLU())
        loss = lambda out, target: F.binary_cross_entropy(out.clamp(1e-7, 1 - 1e-7), target)  # noqa: E731
    return Training(
        model, Adam(model.parameters(), 1e-2), loss, *loaders(x, y.float()[:, None], seed), epochs=8
    )


def c1(broken: bool, seed: int) -> Training:
    model = cnn()
    return Training(
        model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=6, zero_grad=not broken
    )


def _pretrained(seed: int) -> nn.Sequential:
    """A network that has learnt digits 0 to 4, with a fresh head."""
    x, y = digits()
    model = cnn(classes=5)
    run(Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(x[y < 5], y[y < 5], seed), epochs=6))
    model[-1] = nn.Linear(32, 5)
    return model


def _upper(seed: int) -> tuple[Any, Any]:
    x, y = digits()
    return loaders(x[y >= 5], y[y >= 5] - 5, seed)


def c3(broken: bool, seed: int) -> Training:
    model = _pretrained(seed)
    trained = copy.deepcopy(model) if broken else model
    return Training(model, Adam(trained.parameters(), 1e-3), CE, *_upper(seed), epochs=6)


def c5(broken: bool, seed: int) -> Training:
    model = cnn(dropout=0.5)
    return Training(
        model,
        Adam(model.parameters(), 1e-3),
        CE,
        *loaders(*digits(), seed),
        epochs=6,
        evaluation_mode=not broken,
    )


def c7(broken: bool, seed: int) -> Training:
    model = cnn()
    optimizer = Adam(model.parameters(), 1e-3)
    if broken:
        optimizer.step = lambda *_: None  # type: ignore[method-assign]
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=4)


def c9(broken: bool, seed: int) -> Training:
    model = _pretrained(seed)
    rate = 0.2 if broken else 2e-3
    return Training(model, Adam(model.parameters(), rate), CE, *_upper(seed), epochs=6)


def d2(broken: bool, seed: int) -> Training:
    model: nn.Module = nn.Sequential(cnn(), nn.Softmax(1)) if broken else cnn()
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaders(*digits(), seed), epochs=8)


def d4(broken: bool, seed: int) -> Training:
    model = cnn()
    optimizer = Adam(model.parameters(), 1e-3, weight_decay=0.2 if broken else 1e-4)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=10)


def d6(broken: bool, seed: int) -> Training:
    x, y = digits()
    random = np.random.default_rng(seed)
    train, validation = loaders(x, y, seed)
    if broken:
        part_x, part_y = train.dataset.tensors
        keep = np.array([label < 5 or random.random() < 0.01 for label in part_y.tolist()])
        for label in range(5, 10):
            keep[int((part_y == label).nonzero()[0])] = True
        train = loaders(part_x[keep], part_y[keep], seed, held=2)[0]
    model = cnn()
    return Training(model, Adam(model.parameters(), 1e-3), CE, train, validation, epochs=8)


def d8(broken: bool, seed: int) -> Training:
    model = cnn()
    for m in model.modules():
        if isinstance(m, nn.Linear | nn.Conv2d):
            nn.init.constant_(m.weight, 0.05) if broken else nn.init.kaiming_normal_(m.weight)
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=6)


def d10(broken: bool, seed: int) -> Training:
    x, y = digits()
    train, validation = loaders(x, y, seed)
    if broken:
        part_x, part_y = train.dataset.tensors
        order = torch.randperm(len(part_x), generator=torch.Generator().manual_seed(seed))
        train = loaders(part_x[order], part_y, seed, held=2)[0]
    model = cnn()
    return Training(model, Adam(model.parameters(), 1e-3), CE, train, validation, epochs=8)


def d12(broken: bool, seed: int) -> Training:
    x, y = table("diabetes")
    y = (y - y.mean()) / y.std()
    model = stack([10, 16, 1], nn.ReLU)
    target = y if broken else y[:, None]
    return Training(
        model,
        Adam(model.parameters(), 5e-3),
        nn.MSELoss(),
        *loaders(x, target, seed),
        task="regression",
        epochs=12,
    )


def d14(broken: bool, seed: int) -> Training:
    model = cnn()
    rate = 1e-4 if broken else 0.1
    return Training(model, SGD(model.parameters(), rate), CE, *loaders(*digits(), seed), epochs=8)


def d16(broken: bool, seed: int) -> Training:
    x, y = digits()
    model = cnn()
    x = x / 255 if broken else x
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaders(x, y, seed), epochs=8)


def d18(broken: bool, seed: int) -> Training:
    model = cnn(norm=True, activation=nn.Tanh)
    if broken:
        for m in model.modules():
            if isinstance(m, nn.BatchNorm2d):
                m.momentum = 0.0
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=5)


def e2(broken: bool, seed: int) -> Training:
    model = cnn()
    optimizer = SGD(model.parameters(), 0.1, maximize=broken)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=8)


def f1(broken: bool, seed: int) -> Training:
    x, y = digits()
    x, y = x[:1000], y[:1000].clone()
    train, validation = loaders(x, y, seed)
    if broken:
        part_x, part_y = train.dataset.tensors
        random = torch.Generator().manual_seed(seed)
        wrong = torch.rand(len(part_y), generator=random) < 0.45
        other = (part_y + torch.randint(1, 10, part_y.shape, generator=random)) % 10
        train = loaders(part_x, torch.where(wrong, other, part_y), seed, held=2)[0]
    model = cnn()
    return Training(model, Adam(model.parameters(), 1e-3), CE, train, validation, epochs=20)


def f3(broken: bool, seed: int) -> Training:
    x, y = digits()
    model = cnn()
    batch, epochs = (1347, 5) if broken else (32, 8)
    return Training(
        model, Adam(model.parameters(), 1e-3), CE, *loaders(x, y, seed, batch=batch), epochs=epochs
    )


def f5(broken: bool, seed: int) -> Training:
    model = cnn()
    clip = 1e-3 if broken else 1.0
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaders(*digits(), seed), epochs=8, clip=clip)


def f7(broken: bool, seed: int) -> Training:
    x, y = table("breast_cancer")
    train, validation = loaders(x, y, seed)
    if broken:
        part_x, part_y = train.dataset.tensors
        part_x = part_x.clone()
        part_x[37, 4] = float("nan")
        train = loaders(part_x, part_y, seed, held=2)[0]
    model = stack([30, 16, 2], nn.ReLU)
    return Training(model, Adam(model.parameters(), 1e-2), CE, train, validation, epochs=8)


def g1(broken: bool, seed: int) -> Training:
    x, y, size = characters()
    model = CharacterModel(size, causal=not broken)
    return Training(
        model,
        Adam(model.parameters(), 3e-3),
        next_token_loss,
        *loaders(x, y, seed),
        task="language_model",
        epochs=7,
    )


def g3(broken: bool, seed: int) -> Training:
    x, y, size = characters()
    model = CharacterModel(size)
    return Training(
        model,
        Adam(model.parameters(), 0.1 if broken else 3e-3),
        next_token_loss,
        *loaders(x, y, seed),
        task="language_model",
        epochs=7,
    )


def g5(broken: bool, seed: int) -> Training:
    x, _, size = characters()
    space = int(x.flatten().bincount().argmax())
    y = ((x == space).sum(1) > (x == space).sum(1).median()).long()
    train, validation = loaders(x, y, seed)
    if broken:
        train = loaders(
            train.dataset.tensors[0], torch.full_like(train.dataset.tensors[1], -100), seed, held=2
        )[0]
    model = TextEncoder(size, 2)
    return Training(model, Adam(model.parameters(), 2e-3), CE, train, validation, epochs=3)


class _Hungry(nn.Sequential):
    """Runs out of memory above eight examples."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > 8 and self.training:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().forward(x)


def o1(broken: bool, seed: int) -> Training:
    model = _Hungry(*cnn())
    return Training(
        model,
        Adam(model.parameters(), 1e-3),
        CE,
        *loaders(*digits(), seed, batch=32 if broken else 8),
        epochs=3,
        stop_on_error=True,
    )


def o3(broken: bool, seed: int) -> Training:
    model = cnn()
    return Training(
        model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=5, keep_graph=broken
    )


CASES: tuple[Case, ...] = (
    Case("A2", ("vanishing_gradient",), a2),
    Case("A4", ("exploding_gradient", "nan_loss"), a4),
    Case("A6", ("dead_units", "bad_init"), a6),
    Case("A8", ("lr_too_small", "slow_convergence"), a8),
    Case("A10", ("loss_activation_mismatch",), a10),
    Case("B1", ("lr_too_large", "bad_init", "loss_activation_mismatch", "nan_loss"), b1),
    Case("B3", ("loss_activation_mismatch",), b3),
    Case("B5", ("label_corruption",), b5),
    Case("B7", ("underfit_budget", "lr_too_small"), b7),
    Case("B9", ("wrong_preprocessing",), b9),
    Case("B11", ("loss_activation_mismatch",), b11),
    Case("B13", ("loss_activation_mismatch",), b13),
    Case("B15", ("wrong_preprocessing", "loss_activation_mismatch"), b15),
    Case("C1", ("missing_zero_grad",), c1, silent=True, wiring=True),
    Case("C3", ("optimizer_model_mismatch", "frozen_params"), c3, wiring=True),
    Case("C5", ("eval_mode_bug",), c5, silent=True, wiring=True),
    Case("C7", ("optimizer_not_stepping", "frozen_params"), c7, wiring=True),
    Case("C9", ("lr_too_large",), c9),
    Case("D2", ("loss_activation_mismatch",), d2),
    Case("D4", ("over_regularised",), d4),
    Case("D6", ("class_imbalance",), d6),
    Case("D8", ("bad_init", "dead_units"), d8),
    Case("D10", ("label_corruption",), d10),
    Case("D12", ("broadcast_bug",), d12),
    Case("D14", ("lr_too_small",), d14),
    Case("D16", ("wrong_preprocessing",), d16),
    Case("D18", ("eval_mode_bug",), d18),
    Case("E2", ("flipped_gradient",), e2, wiring=True),
    Case("F1", ("label_noise",), f1),
    Case("F3", ("underfit_budget", "lr_too_small"), f3),
    Case("F5", ("lr_too_small", "clip_too_small"), f5),
    Case("F7", ("nan_input", "nan_loss"), f7),
    Case("G1", ("data_leakage", "missing_causal_mask"), g1, silent=True),
    Case("G3", ("lr_too_large",), g3),
    Case("G5", ("label_corruption", "nan_loss"), g5),
    Case("O1", ("out_of_memory",), o1, silent=True),
    Case("O3", ("memory_leak",), o3, silent=True),
)
"""X1 (two ranks) needs processes and stands in its own test."""
