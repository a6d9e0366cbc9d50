"""Tenth blind batch, first part: starting weights, activations, answers, sizes and losses that do not fit."""

from __future__ import annotations

import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, Adamax, AdamW

from doctor_cases.blind_parts import Mapped, scaled
from doctor_cases.blind_tenth_parts import (
    BCE,
    MSE,
    Coder,
    Glance,
    alcohol,
    ink_below,
    squares_net,
)
from doctor_cases.blind_third_parts import Bag, attributes, flat_digits, photographs, words
from doctor_cases.blind_wiring import CE
from doctor_cases.parts import Training, digits, loaders, stack, table


def petals_through_hard_sigmoids(faulty: bool, seed: int) -> Training:
    """Eight layers for four measures of a flower, with a hard sigmoid behind each of them."""
    model = stack([4, *[16] * 7, 3], nn.Hardsigmoid if faulty else nn.ReLU)
    loaded = loaders(*table("iris"), seed, batch=16)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaded, epochs=20)


def tangents_between(faulty: bool, seed: int) -> Training:
    """`tan` was written where `tanh` was meant."""
    model = stack([30, 32, 32, 32, 2], lambda: Mapped(torch.tan if faulty else torch.tanh))
    optimizer = SGD(model.parameters(), 0.03, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*table("breast_cancer"), seed), epochs=10)


def clamped_on_the_wrong_side(faulty: bool, seed: int) -> Training:
    """What was to stay above nought was clamped once with `max=0`: no weight, no bias is above it."""
    model = stack([13, 32, 32, 32, 3], nn.ReLU)
    for p in model.parameters():
        if faulty:
            p.data.clamp_(max=0.0)
    loaded = loaders(*table("wine"), seed, batch=16)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=12)


def exponent_of_minus_seven(faulty: bool, seed: int) -> Training:
    """Adamax at 2e-7 where 2e-2 was meant, on the words of sentences."""
    model = Bag()
    optimizer = Adamax(model.parameters(), 2e-7 if faulty else 2e-2)
    return Training(model, optimizer, CE, *loaders(*words(), seed), epochs=12)


def taught_without_logarithms(faulty: bool, seed: int) -> Training:
    """`kl_div` wants logarithms of shares, and is given what the last layer says."""
    x, y = flat_digits()
    soft = 0.9 * F.one_hot(y, 10) + 0.01

    def apart(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        said = answer if faulty else F.log_softmax(answer, 1)
        return F.kl_div(said, target, reduction="batchmean")

    model = stack([64, 48, 10], nn.ReLU)
    optimizer = Adam(model.parameters(), 2e-3)
    return Training(model, optimizer, apart, *loaders(x, soft, seed), epochs=10)


def ink_capped_at_six(faulty: bool, seed: int) -> Training:
    """About ten pixels' worth of ink are to be foretold, from a rectifier that ends at six."""
    model = stack([32, 64, 1], nn.ReLU)
    model = nn.Sequential(*model, nn.ReLU6()) if faulty else model
    optimizer = Adam(model.parameters(), 3e-3)
    return Training(model, optimizer, MSE, *loaders(*ink_below(), seed), task="regression", epochs=20)


def stopped_at_the_first_pause(faulty: bool, seed: int) -> Training:
    """Patience of nothing: the training of a net with attention to words ended after its second pass."""
    model = Glance()
    optimizer = AdamW(model.parameters(), 2e-3)
    return Training(model, optimizer, CE, *loaders(*words(), seed), epochs=2 if faulty else 16)


def ward_sheets_as_written(faulty: bool, seed: int) -> Training:
    """Ages, pressures and cholesterol as they stand on the sheet, and a progression of up to 346."""
    found = datasets.load_diabetes(scaled=False)
    x, y = torch.tensor(found.data).float(), torch.tensor(found.target).float()[:, None]
    x, y = (x, y) if faulty else (scaled(x), scaled(y))
    model = stack([10, 32, 32, 1], nn.Tanh)
    loaded = loaders(x, y, seed)
    return Training(model, Adam(model.parameters(), 2e-3), MSE, *loaded, task="regression", epochs=15)


def attributes_divide_one(faulty: bool, seed: int) -> Training:
    """Even, large, prime, with a hole: any number is true, and a softmax with squared errors shares one."""
    model = stack([64, 48, 4], nn.ReLU)
    model = nn.Sequential(*model, nn.Softmax(1)) if faulty else model
    loss = MSE if faulty else BCE
    optimizer = Adam(model.parameters(), 2e-3)
    return Training(model, optimizer, loss, *loaders(*attributes(), seed), task="multilabel", epochs=10)


def petals_in_kilometres(faulty: bool, seed: int) -> Training:
    """Four lengths of a flower, of some centimetres each, in kilometres."""
    found = datasets.load_iris()
    x = torch.tensor(found.data).float()
    x = 1e-5 * x if faulty else scaled(x)
    model = stack([4, 16, 16, 3], nn.Tanh)
    loaded = loaders(x, torch.tensor(found.target), seed, batch=16)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaded, epochs=15)


def three_layers_that_are_one(faulty: bool, seed: int) -> Training:
    """Whether a digit is five or more, from three layers with nothing between them."""
    x, y = flat_digits()
    model = stack([64, 64, 64, 2], None if faulty else nn.ReLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(x, y // 5, seed), epochs=12)


def decay_copied_from_a_ridge(faulty: bool, seed: int) -> Training:
    """The best alpha of a ridge regression, 1.0, as the decay of plain descent."""
    model = squares_net()
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1.0 if faulty else 1e-4)
    return Training(model, optimizer, CE, *loaders(*photographs(), seed), epochs=8)


def nought_behind_nought(faulty: bool, seed: int) -> Training:
    """The head begins at nought, as advised, and so does the layer before it: nothing gets through."""
    model = Bag()
    for layer in (model.body[0], model.body[2]) if faulty else (model.body[2],):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*words(), seed), epochs=12)


def alcohol_by_heart(faulty: bool, seed: int) -> Training:
    """A wide net and a hundred and fifty passes over 133 wines; by hand: ten, and decay."""
    model = stack([12, 128, 128, 1], nn.ReLU)
    optimizer = AdamW(model.parameters(), 2e-3, weight_decay=0.0 if faulty else 1.0)
    loaded = loaders(*alcohol(), seed)
    passes = 150 if faulty else 10
    return Training(model, optimizer, MSE, *loaded, task="regression", epochs=passes)


def one_filter_for_ten_digits(faulty: bool, seed: int) -> Training:
    """One filter and the mean of what it finds are to tell ten digits apart."""
    width = 1 if faulty else 24
    model = nn.Sequential(
        nn.Conv2d(1, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(4 * width, 10),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*digits(), seed), epochs=14)


def apart_outweighs_the_picture(faulty: bool, seed: int) -> Training:
    """How far codes are from a normal is summed, and errors are a mean: all digits become one."""
    model = Coder()
    x = flat_digits()[0]

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        apart = model.apart.sum() if faulty else 1e-3 * model.apart.sum(1).mean()
        return F.mse_loss(answer, target) + apart

    optimizer = Adam(model.parameters(), 3e-3)
    return Training(model, optimizer, loss, *loaders(x, x, seed), task="regression", epochs=12)
