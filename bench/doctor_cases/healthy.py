# ruff: noqa: D103 a control is named for what it controls
"""Controls in which nothing is wrong, though something looks unusual. No alarm may sound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from doctor_cases.cases import CE, SGD, Adam, _pretrained, _upper
from doctor_cases.parts import Training, blobs, circle, cnn, digits, loaders, run, stack, table


def small_sgd(seed: int) -> Training:
    model = stack([64, 32, 10], nn.ReLU)
    x, y = digits()
    return Training(model, SGD(model.parameters(), 0.1, momentum=0.9), CE, *loaders(x.flatten(1), y, seed))


def small_adam(seed: int) -> Training:
    model = stack([2, 16, 16, 3], nn.ReLU)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(*blobs(seed), seed))


def large_fine_sgd(seed: int) -> Training:
    model = cnn(norm=True)
    return Training(model, SGD(model.parameters(), 0.5), CE, *loaders(*digits(), seed), epochs=6)


def batch_8(seed: int) -> Training:
    model = cnn()
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed, batch=8), epochs=4)


def linear_probe(seed: int) -> Training:
    model = _pretrained(seed)
    for p in model[:-1].parameters():
        p.requires_grad_(False)
    return Training(model, Adam(model[-1].parameters(), 1e-2), CE, *_upper(seed), epochs=25)


def accumulation(seed: int) -> Training:
    model = cnn()
    train, validation = loaders(*digits(), seed, batch=8)
    return Training(model, Adam(model.parameters(), 2e-3), CE, train, validation, epochs=6, accumulate=4)


def sparse_embedding(seed: int) -> Training:
    random = np.random.default_rng(seed)
    y = random.integers(0, 4, 800)
    x = np.where(random.random((800, 12)) < 0.4, y[:, None] * 25, 0) + random.integers(0, 25, (800, 12))
    bag = nn.EmbeddingBag(100, 16, sparse=True)
    model = nn.Sequential(bag, nn.ReLU(), nn.Linear(16, 4))
    train, validation = loaders(torch.tensor(x), torch.tensor(y), seed)
    return Training(model, SGD(model.parameters(), 1.0), CE, train, validation, epochs=25)


def imbalance_3_to_1(seed: int) -> Training:
    x, y = table("breast_cancer")
    keep = torch.rand(len(y), generator=torch.Generator().manual_seed(seed)) < torch.where(y == 0, 0.55, 1.0)
    model = stack([30, 16, 2], nn.ReLU)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(x[keep], y[keep], seed), epochs=8)


def label_noise_5(seed: int) -> Training:
    x, y = digits()
    wrong = torch.rand(len(y), generator=torch.Generator().manual_seed(seed)) < 0.05
    y = torch.where(wrong, (y + 3) % 10, y)
    model = cnn(dropout=0.25)
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(x, y, seed), epochs=8)


def low_ceiling(seed: int) -> Training:
    random = np.random.default_rng(seed)
    x = random.normal(size=(1500, 10))
    y = (x[:, :3].sum(1) + random.normal(size=1500) * 4 > 0).astype(int)
    model = stack([10, 16, 2], nn.ReLU)
    train, validation = loaders(torch.tensor(x).float(), torch.tensor(y), seed)
    return Training(model, Adam(model.parameters(), 1e-3), CE, train, validation, epochs=8)


def dropout_25(seed: int) -> Training:
    model = cnn(dropout=0.25)
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=10)


def deep_batch_norm(seed: int) -> Training:
    layers: list[nn.Module] = [nn.Linear(64, 32)]
    for _ in range(8):
        layers += [nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32)]
    model = nn.Sequential(*layers, nn.ReLU(), nn.Linear(32, 10))
    x, y = digits()
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(x.flatten(1), y, seed), epochs=10)


def regression(seed: int) -> Training:
    x, y = table("diabetes")
    y = ((y - y.mean()) / y.std())[:, None]
    model = stack([10, 16, 1], nn.ReLU)
    return Training(
        model,
        Adam(model.parameters(), 5e-3),
        nn.MSELoss(),
        *loaders(x, y, seed),
        task="regression",
        epochs=10,
    )


def decayed_to_zero(seed: int) -> Training:
    model = cnn()
    train, validation = loaders(*digits(), seed)
    optimizer = SGD(model.parameters(), 0.2)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 8 * len(train))
    return Training(model, optimizer, CE, train, validation, epochs=8, scheduler=plan)


def warm_restarts(seed: int) -> Training:
    model = cnn()
    train, validation = loaders(*digits(), seed)
    optimizer = Adam(model.parameters(), 3e-3)
    plan = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2 * len(train))
    return Training(model, optimizer, CE, train, validation, epochs=8, scheduler=plan)


def starts_at_90(seed: int) -> Training:
    model = cnn()
    run(Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=5))
    return Training(model, Adam(model.parameters(), 3e-4), CE, *loaders(*digits(), seed), epochs=5)


def plateau_then_breakthrough(seed: int) -> Training:
    x, y = circle(seed, 1000)
    model = stack([2, 8, 8, 8, 8, 2], nn.Tanh)
    return Training(model, SGD(model.parameters(), 0.1, momentum=0.5), CE, *loaders(x, y, seed), epochs=40)


def distillation(seed: int) -> Training:
    x, y = digits()
    teacher = cnn()
    run(Training(teacher, Adam(teacher.parameters(), 2e-3), CE, *loaders(x, y, seed), epochs=6))
    with torch.no_grad():
        soft = F.softmax(teacher.eval()(x) / 2, 1)
    student = stack([64, 24, 10], nn.ReLU)

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.kl_div(F.log_softmax(answer / 2, 1), target, reduction="batchmean") * 4

    return Training(
        student, Adam(student.parameters(), 3e-3), loss, *loaders(x.flatten(1), soft, seed), epochs=10
    )


def sigmoid_binary(seed: int) -> Training:
    x, y = table("breast_cancer")
    model = nn.Sequential(stack([30, 8, 1], nn.Tanh), nn.Sigmoid())
    train, validation = loaders(x, y.float()[:, None], seed)
    return Training(model, Adam(model.parameters(), 1e-2), nn.BCELoss(), train, validation, epochs=10)


def log_softmax_nll(seed: int) -> Training:
    x, y = table("iris")
    model = nn.Sequential(stack([4, 16, 3], nn.GELU), nn.LogSoftmax(1))
    return Training(
        model, Adam(model.parameters(), 1e-2), nn.NLLLoss(), *loaders(x, y, seed, batch=16), epochs=25
    )


def logistic_regression(seed: int) -> Training:
    x, y = table("wine")
    model = nn.Sequential(nn.Linear(13, 3))
    return Training(model, Adam(model.parameters(), 2e-2), CE, *loaders(x, y, seed, batch=16), epochs=20)


HEALTHY: dict[str, Callable[[int], Training]] = {
    made.__name__: made
    for made in (
        small_sgd,
        small_adam,
        large_fine_sgd,
        batch_8,
        linear_probe,
        accumulation,
        sparse_embedding,
        imbalance_3_to_1,
        label_noise_5,
        low_ceiling,
        dropout_25,
        deep_batch_norm,
        regression,
        decayed_to_zero,
        warm_restarts,
        starts_at_90,
        plateau_then_breakthrough,
        distillation,
        sigmoid_binary,
        log_softmax_nll,
        logistic_regression,
    )
}
