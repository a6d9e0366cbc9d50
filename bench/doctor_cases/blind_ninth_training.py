"""Ninth blind batch, first part: starting weights, activations, answers and losses that do not fit."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW

from doctor_cases.blind_eighth_parts import classes, first_of
from doctor_cases.blind_ninth_parts import BCE, MSE, counts, grades, pictures
from doctor_cases.blind_parts import (
    Mapped,
    Reader,
    Recurrent,
    conv1d,
    digit_rows,
    friedman,
    several_labels,
    signals,
    tokens,
)
from doctor_cases.blind_sixth_parts import Recaller
from doctor_cases.blind_wiring import CE
from doctor_cases.parts import Training, cnn, digits, loaders, stack, table


def drawn_again_through_sigmoids(faulty: bool, seed: int) -> Training:
    """An autoencoder of eight layers with a sigmoid behind each of them."""
    sizes = [64, 48, 40, 32, 24, 32, 40, 48, 64] if faulty else [64, 64, 32, 64, 64]
    model = stack(sizes, nn.Sigmoid if faulty else nn.ReLU)
    loaded = loaders(*pictures(), seed)
    return Training(model, Adam(model.parameters(), 3e-3), MSE, *loaded, task="regression", epochs=8)


def hyperbolic_sine_between(faulty: bool, seed: int) -> Training:
    """`sinh` was written where `tanh` was meant."""
    model = stack([10, 64, 64, 64, 64, 4], lambda: Mapped(torch.sinh) if faulty else nn.Tanh())
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_normal_(layer.weight, gain=1.6)
    loaded = loaders(*classes(seed, apart=1.2), seed)
    return Training(model, SGD(model.parameters(), 0.02, momentum=0.9), CE, *loaded, epochs=10)


def drawn_mostly_below(faulty: bool, seed: int) -> Training:
    """Weights of a convolutional net between −0.4 and 0, for the limits were given as (-a, 0)."""
    model = cnn()
    for p in model.parameters():
        if p.ndim > 1:
            nn.init.uniform_(p, -0.4, 0.0) if faulty else nn.init.kaiming_uniform_(p)
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=7)


def grades_by_one_share(faulty: bool, seed: int) -> Training:
    """Grades of 0 to 4, foretold by a sigmoid that ends at one."""
    x, y = grades(seed)
    model = stack([5, 32, 32, 1], nn.ReLU)
    model = nn.Sequential(*model, nn.Sigmoid()) if faulty else model
    loaded = loaders(x, y, seed)
    return Training(model, Adam(model.parameters(), 4e-3), MSE, *loaded, task="regression", epochs=14)


def reader_of_ones_own(faulty: bool, seed: int) -> Training:
    """A transformer all of whose matrices were drawn by `randn`, and descent at one half."""
    model = Reader()
    for p in model.parameters():
        if faulty and p.ndim > 1:
            nn.init.normal_(p)
    optimizer = SGD(model.parameters(), 0.5) if faulty else Adam(model.parameters(), 1e-3)
    return Training(model, optimizer, CE, *loaders(*tokens(seed, 1200, 32), seed), epochs=7)


def one_value_of_length_one(faulty: bool, seed: int) -> Training:
    """`F.normalize` from a net for retrieval, behind a head with one answer: only its sign is left."""
    model = stack([2, 24, 24, 1], nn.ReLU)
    model = nn.Sequential(*model, Mapped(F.normalize)) if faulty else model
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(700, 2, generator=random)
    y = (x[:, :1] * x[:, 1:] > 0).float()
    return Training(model, Adam(model.parameters(), 5e-3), BCE, *loaders(x, y, seed), epochs=15)


def cut_off_at_one(faulty: bool, seed: int) -> Training:
    """Values with a spread of six, and an answer that was cut to between −1 and 1."""
    x, y = friedman(seed, 700)
    model = stack([10, 48, 48, 1], nn.Tanh)
    model = nn.Sequential(*model, nn.Softsign()) if faulty else model
    optimizer = Adam(model.parameters(), 5e-3)
    return Training(model, optimizer, MSE, *loaders(x, 6 * y, seed), task="regression", epochs=25)


def logarithms_of_shares(faulty: bool, seed: int) -> Training:
    """`LogSoftmax` out of habit, before a loss that asks of each label by itself: none can be said yes to."""
    model = stack([16, 48, 5], nn.ReLU)
    model = nn.Sequential(*model, nn.LogSoftmax(1)) if faulty else model
    loaded = loaders(*several_labels(seed), seed)
    return Training(model, AdamW(model.parameters(), 4e-3), BCE, *loaded, task="multilabel", epochs=12)


def every_gate_alike(faulty: bool, seed: int) -> Training:
    """All weights of a recurrent layer are 0.1, and so all units of it do the same for ever."""
    model = Recurrent(nn.GRU)
    for name, p in model.named_parameters():
        if faulty:
            nn.init.constant_(p, 0.1)
        elif "cell.weight" in name:
            nn.init.xavier_uniform_(p)
    return Training(model, Adam(model.parameters(), 4e-3), CE, *loaders(*digit_rows(), seed), epochs=12)


def gate_that_forgets(faulty: bool, seed: int) -> Training:
    """The bias of the forget gate is −4: after some steps nothing is left of the first."""
    model = Recaller(nn.LSTM, inputs=8, answers=4, pooled=False)
    width = model.cell.hidden_size
    nn.init.zeros_(model.cell.bias_hh_l0)
    nn.init.constant_(model.cell.bias_ih_l0[width : 2 * width].data, -4.0 if faulty else 2.0)
    optimizer = Adam(model.parameters(), 2e-3)
    loaded = loaders(*first_of(seed, 24, 1000), seed)
    return Training(model, optimizer, CE, *loaded, epochs=12, clip=1.0)


def shrunk_to_nought(faulty: bool, seed: int) -> Training:
    """`Softshrink(3)` as the activation: nearly nothing that is smaller than three gets through."""
    model = conv1d(activation=(lambda: nn.Softshrink(3.0)) if faulty else nn.GELU)
    optimizer = Adam(model.parameters(), 3e-3)
    return Training(model, optimizer, CE, *loaders(*signals(seed), seed), epochs=12)


def exponential_of_an_exponential(faulty: bool, seed: int) -> Training:
    """The net answers with a rate, and the loss for counts takes it for the logarithm of one."""
    model = nn.Sequential(*stack([6, 32, 32, 1], nn.ReLU), Mapped(torch.exp))
    loss = nn.PoissonNLLLoss(log_input=faulty)
    optimizer = Adam(model.parameters(), 3e-3)
    return Training(model, optimizer, loss, *loaders(*counts(seed), seed), task="regression", epochs=15)


def gains_of_nought(faulty: bool, seed: int) -> Training:
    """The gain of every BatchNorm begins at nought, a trick for blocks with a way round; there is none."""
    model = cnn(norm=True)
    for layer in model:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.constant_(layer.weight, 0.0 if faulty else 1.0)
    loaded = loaders(*digits(), seed, batch=33)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=7)


def values_dropped_at_the_end(faulty: bool, seed: int) -> Training:
    """Dropout of 0.8 behind the last layer: four of five answers are nought while it learns."""
    x, y = friedman(seed, 700)
    model = nn.Sequential(*stack([10, 48, 48, 1], nn.ReLU), nn.Dropout(0.8 if faulty else 0.0))
    optimizer = Adam(model.parameters(), 4e-3)
    return Training(model, optimizer, MSE, *loaders(x, y, seed), task="regression", epochs=18)


def errors_beyond_a_hair(faulty: bool, seed: int) -> Training:
    """Huber's loss whose delta is a thousandth: every gradient is a thousandth of itself."""
    x, y = table("diabetes")
    y = (y[:, None] - y.mean()) / y.std()
    model = stack([10, 24, 1], nn.Tanh)
    loss = nn.HuberLoss(delta=1e-3 if faulty else 1.0)
    optimizer = SGD(model.parameters(), 0.02)
    return Training(model, optimizer, loss, *loaders(x, y, seed), task="regression", epochs=15)
