# ruff: noqa: D103 a case is named for its fault
"""A second blind batch: written together with the first, run only after rules were mended with that."""

from __future__ import annotations

import math

import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.utils.data import DataLoader, TensorDataset

from doctor_cases.blind_parts import (
    Blind,
    Reader,
    Recurrent,
    Residual,
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
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def reader_too_fast(faulty: bool, seed: int) -> Training:
    model = Reader()
    rate = 0.2 if faulty else 3e-3
    return Training(model, AdamW(model.parameters(), rate), CE, *loaders(*tokens(seed), seed), epochs=10)


def gru_too_slow(faulty: bool, seed: int) -> Training:
    model = Recurrent(nn.GRU)
    rate = 1e-5 if faulty else 5e-3
    return Training(model, AdamW(model.parameters(), rate), CE, *loaders(*digit_rows(), seed), epochs=8)


def turned_labels(faulty: bool, seed: int) -> Training:
    """Two rows of five have another class's label, and a wide net learns them by heart."""
    train, held = split(*tabular(seed, 700), seed)
    wrong = torch.rand(len(train[1])) < 0.4
    train = (train[0], torch.where(wrong, (train[1] + 1) % 3, train[1]) if faulty else train[1])
    model = stack([6, 256, 256, 3], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *both(train, held), epochs=30)


def certain_of_one(faulty: bool, seed: int) -> Training:
    """A softmax over a single answer is always one."""
    last = nn.Softmax(1) if faulty else nn.Sigmoid()
    model = nn.Sequential(*stack([30, 24, 1], nn.ReLU), last)
    return Training(model, RMSprop(model.parameters(), 3e-3), nn.BCELoss(), *loaders(*cancer(), seed))


def bytes_as_they_are(faulty: bool, seed: int) -> Training:
    """Pixels of 0 to 255."""
    x, y = digits()
    model = cnn(activation=nn.Tanh)
    pair = (x * 255 if faulty else x, y)
    return Training(model, SGD(model.parameters(), 0.1, momentum=0.9), CE, *loaders(*pair, seed), epochs=6)


def coupled_decay(faulty: bool, seed: int) -> Training:
    """Adam's own decay, which is added to the gradient, at 0.3."""
    model = conv1d()
    optimizer = Adam(model.parameters(), 3e-3, weight_decay=0.3 if faulty else 1e-4)
    return Training(model, optimizer, CE, *loaders(*signals(seed), seed), epochs=8)


def validated_while_training(faulty: bool, seed: int) -> Training:
    """No `model.eval()` before validation; dropout of 0.5."""
    model = nn.Sequential(nn.Dropout(0.5), Residual(8, 3), nn.Dropout(0.3))
    return Training(
        model, AdamW(model.parameters(), 5e-3), nn.MSELoss(), *loaders(*outputs(seed), seed),
        task="regression", epochs=15, evaluation_mode=not faulty,
    )  # fmt: skip


def half_in_the_optimizer(faulty: bool, seed: int) -> Training:
    """The optimizer was given the head alone, and nothing is frozen."""
    model = Recurrent(nn.LSTM)
    given = model.head.parameters() if faulty else model.parameters()
    return Training(model, Adam(given, 5e-3), CE, *loaders(*digit_rows(), seed), epochs=8)


def diabetes_by_heart(faulty: bool, seed: int) -> Training:
    """Eighty patients and a wide residual net; by hand: fewer passes, and decay."""
    found = datasets.load_diabetes()
    (x, y), held = split(scaled(found.data), scaled(found.target)[:, None], seed)
    model = Residual(10, 1, width=128)
    optimizer = AdamW(model.parameters(), 2e-3 if faulty else 3e-4, weight_decay=0.0 if faulty else 1.0)
    return Training(
        model, optimizer, nn.MSELoss(), *both((x[:80], y[:80]), held, 16), task="regression",
        epochs=40 if faulty else 8,
    )  # fmt: skip


def wild_weights(faulty: bool, seed: int) -> Training:
    """Eight rectified layers drawn four times as wide as He's."""
    model = stack([64] + [40] * 8 + [10], nn.ReLU)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            layer.weight.data.mul_(4.0 if faulty else 1.0)
    x, y = digit_rows()
    return Training(model, SGD(model.parameters(), 0.01), CE, *loaders(x.flatten(1), y, seed), epochs=10)


def sorted_by_value(faulty: bool, seed: int) -> Training:
    """Rows come in the order of what is to be predicted."""
    (x, y), held = split(*friedman(seed), seed)
    order = y[:, 0].argsort()
    train = (x[order], y[order])
    model = stack([10, 32, 32, 1], nn.ReLU)
    loaded = both(train, held, 16, shuffle=not faulty)
    return Training(
        model,
        SGD(model.parameters(), 0.05, momentum=0.9),
        nn.MSELoss(),
        *loaded,
        task="regression",
        epochs=10,
    )


def one_pass(faulty: bool, seed: int) -> Training:
    x, y = digit_rows()
    model = stack([64, 48, 10], nn.ReLU)
    return Training(
        model, SGD(model.parameters(), 0.02), CE, *loaders(x.flatten(1), y, seed), epochs=1 if faulty else 40
    )


def logarithm_of_a_debt(faulty: bool, seed: int) -> Training:
    """Squared logarithms of answers that may be below nought."""
    x, y = friedman(seed)
    positive = (y + 3.0).clamp_min(0.1)

    def logarithmic(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (torch.log(answer) - torch.log(target)).square().mean()

    last = [] if faulty else [nn.Softplus()]
    model = nn.Sequential(*stack([10, 32, 1], nn.ReLU), *last)
    return Training(
        model, Adam(model.parameters(), 5e-3), logarithmic, *loaders(x, positive, seed),
        task="regression", epochs=15,
    )  # fmt: skip


class Tied(nn.Module):
    """An autoencoder whose decoder is its encoder, turned."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(64, 24)
        self.middle = nn.Parameter(torch.zeros(64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 64) → (B, 64)."""
        return F.linear(self.inner(x).relu(), self.inner.weight.T, self.middle)


def tied_weights(seed: int) -> Training:
    flat = digit_rows()[0].flatten(1)
    model = Tied()
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.MSELoss(), *loaders(flat, flat, seed), task="regression",
        epochs=10,
    )  # fmt: skip


def likelihood_below_nought(seed: int) -> Training:
    """A Gaussian likelihood of known spread: the loss falls below nought, and all is well."""

    def likelihood(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (0.5 * ((answer - target) / 0.3).square() + math.log(0.3)).mean()

    model = Residual(8, 3)
    return Training(
        model, Adam(model.parameters(), 3e-3), likelihood, *loaders(*outputs(seed), seed), task="regression",
        epochs=15,
    )  # fmt: skip


def great_batches(seed: int) -> Training:
    x, y = digit_rows()
    model = stack([64, 64, 10], nn.ReLU)
    optimizer = SGD(model.parameters(), 0.5, momentum=0.9)
    loaded = loaders(x.flatten(1), y, seed, batch=450)
    return Training(model, optimizer, CE, *loaded, epochs=40)


def normed_in_fours(seed: int) -> Training:
    """BatchNorm over batches of four."""
    train, held = split(*signals(seed, 400), seed)
    model = conv1d(norm=True)
    loader = DataLoader(TensorDataset(*train), 4, shuffle=True)
    return Training(model, SGD(model.parameters(), 0.01), CE, loader, both(held, held)[1], epochs=8)


def some_labels_wrong(seed: int) -> Training:
    train, held = split(*digit_rows(), seed)
    other = torch.where(torch.rand(len(train[1])) < 0.08, torch.randint(0, 10, train[1].shape), train[1])
    model = Recurrent(nn.GRU)
    return Training(
        model, Adam(model.parameters(), 5e-3), CE, *both((train[0], other), held), epochs=8, clip=1.0
    )


def steps_of_nought(seed: int) -> Training:
    """Hinge loss: once the margin is kept, most examples have no gradient at all."""
    model = stack([30, 32, 1], nn.Tanh)
    x, y = cancer()

    def hinge(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (1 - (2 * target - 1) * answer).relu().mean()

    return Training(model, SGD(model.parameters(), 0.1), hinge, *loaders(x, y, seed), epochs=12)


OWN = "user's loop or model"
SECOND = (
    Blind("reader_too_fast", ("lr_too_large", "oscillating_loss", "exploding_gradient"), reader_too_fast),
    Blind("gru_too_slow", ("lr_too_small", "slow_convergence", "underfit_budget"), gru_too_slow),
    Blind("turned_labels", ("label_noise", "label_corruption", "overfit"), turned_labels, "labels"),
    Blind("certain_of_one", ("loss_activation_mismatch", "wrong_activation"), certain_of_one),
    Blind("bytes_as_they_are", ("wrong_preprocessing", "lr_too_large"), bytes_as_they_are),
    Blind("coupled_decay", ("over_regularised",), coupled_decay),
    Blind("validated_while_training", ("eval_mode_bug", "train_eval_skew"), validated_while_training, OWN),
    Blind("half_in_the_optimizer", ("optimizer_model_mismatch", "frozen_params"), half_in_the_optimizer, OWN),
    Blind("diabetes_by_heart", ("overfit", "too_little_data"), diabetes_by_heart),
    Blind("wild_weights", ("bad_init", "exploding_gradient", "nan_loss", "dead_units"), wild_weights),
    Blind("sorted_by_value", ("no_shuffle",), sorted_by_value, "the user's loader"),
    Blind("one_pass", ("underfit_budget", "lr_too_small", "slow_convergence"), one_pass),
    Blind("logarithm_of_a_debt", ("nan_loss", "loss_activation_mismatch", "wrong_activation"),
          logarithm_of_a_debt, "user's loss"),
)  # fmt: skip
SECOND_CONTROLS = {
    build.__name__: build
    for build in (
        tied_weights,
        likelihood_below_nought,
        great_batches,
        normed_in_fours,
        some_labels_wrong,
        steps_of_nought,
    )
}
