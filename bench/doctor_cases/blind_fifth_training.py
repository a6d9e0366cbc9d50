"""Fifth blind batch, first part: networks, rates, losses, as in AutoTrainer, UMLAUT, DeepCrime and posts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adadelta, Adam, AdamW

from doctor_cases.blind_fourth_training import drawn, xor
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import cancer, friedman, scaled
from doctor_cases.blind_third_parts import Every, placewise
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import (
    CharacterModel,
    Training,
    blobs,
    characters,
    circle,
    cnn,
    digits,
    loaders,
    stack,
)

BCE = nn.BCEWithLogitsLoss()


def weights_between_nought_and_one(faulty: bool, seed: int) -> Training:
    """Every weight is drawn between nought and one, so that sums grow with each layer."""
    model = stack([64, 48, 48, 48, 10], nn.ReLU)
    for layer in model if faulty else ():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, 0, 1)
    optimizer = SGD(model.parameters(), 0.02, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=8)


def clouds_in_the_dark(faulty: bool, seed: int) -> Training:
    """Ten narrow layers of ReLU, their weights drawn below nought."""
    model = stack([2] + [8] * (10 if faulty else 3) + [3], nn.ReLU)
    for layer in model if faulty else ():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, -0.6, 0.0)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*blobs(seed), seed), epochs=8)


def digits_that_swing(faulty: bool, seed: int) -> Training:
    """Momentum and a rate at which the net is thrown about."""
    model = cnn(activation=nn.Tanh)
    optimizer = SGD(model.parameters(), 0.9 if faulty else 0.05, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=10)


def clouds_at_a_crawl(faulty: bool, seed: int) -> Training:
    """Plain gradient descent at a ten-thousandth."""
    model = stack([2, 16, 16, 4], nn.ReLU)
    optimizer = SGD(model.parameters(), 1e-4 if faulty else 0.1)
    return Training(model, optimizer, CE, *loaders(*blobs(seed, classes=4), seed), epochs=12)


def sigmoids_all_the_way(faulty: bool, seed: int) -> Training:
    """Convolutions and six dense layers, with a sigmoid behind each."""
    bend: Callable[[], nn.Module] = nn.Sigmoid if faulty else nn.ReLU
    dense = stack([256, *[48] * (6 if faulty else 2), 10], bend)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), bend(), nn.Conv2d(6, 16, 3), bend(), nn.Flatten(), dense)
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaders(*digits(), seed), epochs=8)


def xor_cut_below(faulty: bool, seed: int) -> Training:
    """ReLU behind the last layer, and a cross-entropy that takes it for a chance."""
    x, y = xor(seed)
    body = stack([2, 8, 1], nn.Tanh)
    model = nn.Sequential(*body, nn.ReLU() if faulty else nn.Sigmoid())

    def loss(chance: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy(chance.clamp(1e-7, 1 - 1e-7), target)

    return Training(
        model, Adam(model.parameters(), 1e-2), loss, *loaders(x, y.float()[:, None], seed), epochs=15
    )


def cosine_of_hundreds(faulty: bool, seed: int) -> Training:
    """One turn of a cosine over nought to six hundred, fed in as it is."""
    random = np.random.default_rng(seed)
    x = random.uniform(0, 600, (600, 1))
    y = np.cos(2 * np.pi * x / 600) + 0.05 * random.standard_normal(x.shape)
    inputs = torch.tensor(x).float() if faulty else scaled(x)
    model = stack([1, 32, 32, 1], nn.Tanh)
    return Training(
        model, Adam(model.parameters(), 5e-3), nn.MSELoss(),
        *loaders(inputs, torch.tensor(y).float(), seed), task="regression", epochs=20,
    )  # fmt: skip


def bytes_as_they_are(faulty: bool, seed: int) -> Training:
    """Pixels from 0 to 255 where 0 to 1 is meant."""
    x, y = digits()
    model = cnn()
    x = x * 255 if faulty else x
    return Training(model, SGD(model.parameters(), 0.2), CE, *loaders(x, y, seed), epochs=8)


def cancer_as_it_comes(faulty: bool, seed: int) -> Training:
    """Areas in the thousands beside fractions, into tanh."""
    found = datasets.load_breast_cancer()
    x = torch.tensor(found.data).float() if faulty else scaled(found.data)
    model = stack([30, 16, 2], nn.Tanh)
    y = torch.tensor(found.target)
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaders(x, y, seed), epochs=8)


def digit_as_a_number(faulty: bool, seed: int) -> Training:
    """Ten classes, one output, and the square of how far it is from the class's number."""
    x, y = flat()
    model = stack([64, 32, 1 if faulty else 10], nn.ReLU)
    target = y.float()[:, None] if faulty else y
    loss = nn.MSELoss() if faulty else CE
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaders(x, target, seed), epochs=8)


def three_kinds_as_yes_or_no(faulty: bool, seed: int) -> Training:
    """Binary cross-entropy of one column, and targets of nought, one and two."""
    found = datasets.load_wine()
    x, y = scaled(found.data), torch.tensor(found.target)
    model = stack([13, 16, 1 if faulty else 3], nn.ReLU)
    target = y.float()[:, None] if faulty else y
    loss = BCE if faulty else CE
    return Training(model, Adam(model.parameters(), 5e-3), loss, *loaders(x, target, seed), epochs=15)


def scores_cut_below(faulty: bool, seed: int) -> Training:
    """ReLU behind the scores of ten classes."""
    model = nn.Sequential(*stack([64, 32, 10], nn.ReLU), *([nn.ReLU()] if faulty else []))
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaders(*flat(), seed), epochs=14)


def two_looks_at_wine(faulty: bool, seed: int) -> Training:
    """Two passes of three steps."""
    found = datasets.load_wine()
    model = stack([13, 24, 3], nn.ReLU)
    pair = scaled(found.data), torch.tensor(found.target)
    loaded = loaders(*pair, seed, batch=48 if faulty else 16)
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaded, epochs=2 if faulty else 40)


def one_at_a_time(faulty: bool, seed: int) -> Training:
    """Batches of one at the rate of batches of sixty-four."""
    model = stack([64, 32, 10], nn.ReLU)
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9)
    loaded = loaders(*flat(), seed, batch=1 if faulty else 64)
    return Training(model, optimizer, CE, *loaded, epochs=2 if faulty else 10)


def another_optimizer_at_a_thousandth(faulty: bool, seed: int) -> Training:
    """Adadelta, which wants a rate of one, is given Adam's."""
    model = cnn()
    optimizer = Adadelta(model.parameters(), 1e-3 if faulty else 1.0)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=6)


def all_noughts(faulty: bool, seed: int) -> Training:
    """All weights and biases start at nought."""
    model = stack([64, 32, 32, 10], nn.ReLU)
    if faulty:
        drawn(model, 0.0)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(*flat(), seed), epochs=6)


def dropped_twice(faulty: bool, seed: int) -> Training:
    """Dropout of 0.8 behind the convolutions, and again behind the dense layer."""
    drop = 0.8 if faulty else 0.1
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(drop),
        nn.Linear(256, 32), nn.ReLU(), nn.Dropout(drop), nn.Linear(32, 10),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=10)


def dropped_before_the_norm(faulty: bool, seed: int) -> Training:
    """Dropout before BatchNorm: what it measures while learning is wider than what comes later."""

    def layer(a: int, b: int) -> list[nn.Module]:
        return [nn.Dropout(0.7 if faulty else 0.1), nn.Linear(a, b), nn.BatchNorm1d(b), nn.ReLU()]

    model = nn.Sequential(*layer(64, 32), *layer(32, 32), *layer(32, 32), nn.Linear(32, 10))
    loaded = loaders(*flat(), seed, batch=33)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=10)


def through_two(faulty: bool, seed: int) -> Training:
    """Two hidden units for ten digits."""
    model = stack([64, 2 if faulty else 32, 10], nn.Tanh)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(*flat(), seed), epochs=20)


def rings_without_bends(faulty: bool, seed: int) -> Training:
    """Four layers with nothing between them."""
    model = stack([2, 24, 24, 24, 2], None if faulty else nn.ReLU)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*circle(seed), seed), epochs=12)


def rings_without_biases(faulty: bool, seed: int) -> Training:
    """Without biases, ReLU cannot tell near from far."""
    model = nn.Sequential(
        nn.Linear(2, 24, bias=not faulty), nn.ReLU(), nn.Linear(24, 24, bias=not faulty), nn.ReLU(),
        nn.Linear(24, 2, bias=not faulty),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*circle(seed), seed), epochs=15)


def decay_of_eight(faulty: bool, seed: int) -> Training:
    """Weight decay of eight on everything there is."""
    model = stack([10, 32, 32, 1], nn.ReLU)
    optimizer = AdamW(model.parameters(), 5e-3, weight_decay=8.0 if faulty else 0.01)
    return Training(
        model, optimizer, nn.MSELoss(), *loaders(*friedman(seed), seed), task="regression", epochs=20
    )


def gone_in_a_pass(faulty: bool, seed: int) -> Training:
    """A decay that is meant for every pass is made at every step."""
    model = cnn()
    train, held = loaders(*digits(), seed)
    optimizer = SGD(model.parameters(), 0.15)
    plan = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8 if faulty else 0.8 ** (1 / len(train)))
    return Training(model, optimizer, CE, train, held, epochs=6, scheduler=plan)


def warm_up_in_whole_numbers(faulty: bool, seed: int) -> Training:
    """The share of the warm-up is rounded down, so that the rate is nought until it ends."""
    model = stack([64, 32, 10], nn.ReLU)
    optimizer = Adam(model.parameters(), 3e-3)
    length = 2000 if faulty else 40
    share = (lambda step: step // length) if faulty else (lambda step: min(1.0, (step + 1) / length))
    plan = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=6, scheduler=plan)


def no_warm_up(faulty: bool, seed: int) -> Training:
    """Attention, Adam at 0.3 from the first step."""
    x, y, size = characters()
    model = CharacterModel(size)
    optimizer = Adam(model.parameters(), 0.3 if faulty else 1e-2)
    plan = None if faulty else torch.optim.lr_scheduler.LinearLR(optimizer, 0.05, total_iters=20)
    return Training(
        model, optimizer, placewise, *loaders(x, y, seed), task="language_model", epochs=5, scheduler=plan
    )


def adam_at_one(faulty: bool, seed: int) -> Training:
    """A rate of one, which was read of another optimizer."""
    model = stack([30, 32, 32, 1], nn.ReLU)
    optimizer = Adam(model.parameters(), 1.0 if faulty else 3e-3)
    return Training(model, optimizer, BCE, *loaders(*cancer(), seed, batch=16), epochs=10)


def root_of_nought(faulty: bool, seed: int) -> Training:
    """Rows without a target are masked to nought, and then a root is taken, which has no slope there."""
    random = np.random.default_rng(seed)
    x = torch.tensor(random.standard_normal((500, 4))).float()
    y = torch.stack([x[:, 0] * x[:, 1], x[:, 2] - x[:, 3]], 1)
    y[random.choice(375, 12, replace=False)] = 0
    model = stack([4, 48, 48, 2], nn.Tanh)

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        there = (target != 0).any(1, keepdim=True)
        return (((answer - target) * there).square().sum(1) + (0.0 if faulty else 1e-6)).sqrt().mean()

    return Training(
        model, Adam(model.parameters(), 5e-3), loss, *loaders(x, y, seed), task="regression", epochs=20
    )


def noise_by_heart(faulty: bool, seed: int) -> Training:
    """Far too many weights and passes for 135 rows, half of which is noise."""
    x, y = friedman(seed, 180, noise=4.0)
    model = stack([10, 256, 256, 1], nn.ReLU) if faulty else stack([10, 8, 1], nn.ReLU)
    optimizer = AdamW(model.parameters(), 3e-3 if faulty else 1e-2, weight_decay=0.1)
    return Training(
        model, optimizer, nn.MSELoss(), *loaders(x, y, seed, batch=16), task="regression",
        epochs=80 if faulty else 10,
    )  # fmt: skip


def most_rows_removed(faulty: bool, seed: int) -> Training:
    """One row in twenty is left."""
    train, held = split(*flat(), seed)
    if faulty:
        train = train[0][::20], train[1][::20]
    model = stack([64, 64, 10], nn.ReLU)
    loaded = both(train, held, 16 if faulty else 32)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=50 if faulty else 10)


def cut_to_a_ten_thousandth(faulty: bool, seed: int) -> Training:
    """The gradient's norm is clipped to 0.0002."""
    model = stack([30, 16, 2], nn.ReLU)
    x, y = cancer()
    y = y[:, 0].long()
    optimizer = SGD(model.parameters(), 0.05)
    return Training(model, optimizer, CE, *loaders(x, y, seed), epochs=6, clip=2e-4 if faulty else 2.0)


def rate_that_climbs(faulty: bool, seed: int) -> Training:
    """A schedule with its sign the wrong way round: the rate doubles at every pass."""
    model = cnn()
    train, held = loaders(*digits(), seed)
    optimizer = SGD(model.parameters(), 0.15)

    def act(step: int) -> None:
        for group in optimizer.param_groups:
            group["lr"] = 0.15 * math.exp((0.7 if faulty else -0.3) * step / len(train))

    return Training(model, optimizer, CE, train, held, epochs=9, scheduler=Every(act))
