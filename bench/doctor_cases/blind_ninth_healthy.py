"""Ninth blind batch, controls: what a simple rule would alarm on, and is well."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, LambdaLR
from torch.utils.data import DataLoader, TensorDataset, default_collate

from doctor_cases.blind_eighth_parts import MSE, classes, tale
from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_ninth_parts import (
    BCE,
    Letters,
    Nearer,
    Rescaled,
    Together,
    grades,
    margin,
    pictures,
    triples,
)
from doctor_cases.blind_parts import Residual, conv1d, friedman, scaled, signals
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, next_token_loss, stack, table


def body_stays_as_it_came(seed: int) -> Training:
    """A body that knows signals stays as it is on purpose; a new head learns what runs backward."""
    (x, y), held = split(*signals(seed, 900), seed)
    body = learnt(*signals(seed + 30), conv1d(), 200)[:-1]
    for p in body.parameters():
        p.requires_grad = False
    model = nn.Sequential(body, nn.Linear(96, 4))
    told = tuple(name for name, p in model.named_parameters() if not p.requires_grad)
    return Training(
        model, Adam(model[1].parameters(), 5e-3), CE, *both((x.flip(2), y), (held[0].flip(2), held[1])),
        epochs=12, doctor={"pretrained": True, "frozen": told},
    )  # fmt: skip


def millions_in_the_loss(seed: int) -> Training:
    """Prices are foretold in spreads and told in thousands: squared errors begin at millions, and fall."""
    x, y = friedman(seed, 700)
    price = 250_000 + 3_000 * y
    model = Rescaled(stack([10, 48, 1], nn.GELU), price)
    optimizer = Adam(model.parameters(), 5e-3)
    return Training(model, optimizer, MSE, *loaders(x, price, seed), task="regression", epochs=25)


def margins_are_kept(seed: int) -> Training:
    """A body that learns which of two rows is nearer; most of them soon ask for nothing more."""
    model = Nearer()
    return Training(model, Adam(model.parameters(), 1e-3), margin, *loaders(*triples(seed), seed), epochs=12)


def four_rows_a_step(seed: int) -> Training:
    """Four rows a step and plain descent: the loss jumps, and falls."""
    model = stack([64, 32, 10], nn.Tanh)
    loaded = loaders(*flat(), seed, batch=4)
    return Training(model, SGD(model.parameters(), 0.03), CE, *loaded, epochs=6)


def nothing_then_everything(seed: int) -> Training:
    """Whether four columns of ones and minus ones multiply to one: nothing is learnt at first, then all."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 2, (1600, 8), generator=random).float() * 2 - 1
    y = (x[:, 0] * x[:, 3] * x[:, 5] * x[:, 6] > 0).long()
    model = stack([8, 64, 2], nn.Tanh)
    return Training(model, SGD(model.parameters(), 0.02, momentum=0.9), CE, *loaders(x, y, seed), epochs=30)


class Mixing:
    """Rows of a batch are mixed in twos, and so are their labels."""

    def __call__(self, rows: list[Any]) -> Any:
        """Rows → (B, ...), (B, K)."""
        x, y = default_collate(rows)
        share, order = float(np.random.beta(0.4, 0.4)), torch.randperm(len(y))
        sure = nn.functional.one_hot(y, 10).float()
        return share * x + (1 - share) * x[order], share * sure + (1 - share) * sure[order]


def mixed_in_twos(seed: int) -> Training:
    """Rows are mixed while it learns, so that its loss stays far above that of rows held out."""
    train, held = split(*digits(), seed)
    model = cnn()
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, collate_fn=Mixing())
    return Training(model, Adam(model.parameters(), 2e-3), CE, loader, both(train, held)[1], epochs=10)


def one_in_sixteen_and_well(seed: int) -> Training:
    """One row in sixteen is of the rare kind, which is found as well as the other."""
    x, y = datasets.make_classification(
        1600, 8, n_informative=6, n_redundant=0, n_clusters_per_class=1, weights=[0.9375], class_sep=2.2,
        flip_y=0.0, random_state=seed,
    )  # fmt: skip
    model = stack([8, 24, 2], nn.ReLU)
    loaded = loaders(scaled(x), torch.tensor(y), seed)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=8)


def down_and_up_three_times(seed: int) -> Training:
    """The rate goes down to nothing and starts again, three times."""
    model = cnn(norm=True)
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9)
    loaded = loaders(*digits(), seed, batch=33)
    rate = CosineAnnealingWarmRestarts(optimizer, T_0=3 * len(loaded[0]))
    return Training(model, optimizer, CE, *loaded, epochs=9, scheduler=rate)


def letters_undeclared(seed: int) -> Training:
    """A recurrent net foretells letters, and nobody says that this is a language model."""
    model = Letters()
    loaded = loaders(*tale(seed), seed, batch=16)
    return Training(model, AdamW(model.parameters(), 6e-3), next_token_loss, *loaded, epochs=9)


def letters_tied_and_declared(seed: int) -> Training:
    """Letters come in and go out by one matrix; the task is told."""
    model = Letters(width=40, state=40, tied=True)
    loaded = loaders(*tale(seed), seed, batch=16)
    return Training(
        model, Adam(model.parameters(), 5e-3), next_token_loss, *loaded, task="language_model", epochs=9
    )


def fourths_gathered(seed: int) -> Training:
    """Eight rows at a time, and a step after each four times."""
    model = cnn()
    loaded = loaders(*digits(), seed, batch=8)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=5, accumulate=4)


def two_that_step_together(seed: int) -> Training:
    """Matrices by descent with momentum, all the rest by Adam: two optimizers, one after the other."""
    model = Residual(10, 4)
    flat_ones = [p for p in model.parameters() if p.ndim < 2]
    matrices = [p for p in model.parameters() if p.ndim == 2]
    optimizer = Together(SGD(matrices, 0.02, momentum=0.9), Adam(flat_ones, 2e-3))
    return Training(model, optimizer, CE, *loaders(*classes(seed, apart=1.5), seed), epochs=10)


def norms_and_biases_spared(seed: int) -> Training:
    """A decay of a half for matrices, none for biases and norms."""
    model = Residual(10, 1)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim == 2], "weight_decay": 0.5},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = AdamW(groups, 3e-3)
    return Training(model, optimizer, MSE, *loaders(*friedman(seed), seed), task="regression", epochs=15)


def more_than_each_grade(seed: int) -> Training:
    """Grades as four questions, each if there is more than that: ordinal answers with thresholds."""
    x, y = grades(seed)
    asked = (y > torch.arange(4)).float()
    model = stack([5, 32, 4], nn.ReLU)
    loaded = loaders(x, asked, seed)
    return Training(model, Adam(model.parameters(), 6e-3), BCE, *loaded, task="multilabel", epochs=12)


class Hidden(nn.Module):
    """Hides a part of each picture while it learns."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, F)."""
        return x * (torch.rand_like(x) > 0.3) if self.training else x


def pictures_with_holes(seed: int) -> Training:
    """Pictures of which a third is hidden are to be drawn whole: errors cannot come to nought."""
    model = nn.Sequential(Hidden(), *stack([64, 96, 32, 96, 64], nn.ReLU))
    loaded = loaders(*pictures(), seed)
    return Training(model, Adam(model.parameters(), 3e-3), MSE, *loaded, task="regression", epochs=12)


def lines_with_a_margin(seed: int) -> Training:
    """One linear layer and a margin: nothing deeper is needed for wine."""
    model = nn.Linear(13, 3)
    loaded = loaders(*table("wine"), seed, batch=16)
    optimizer = SGD(model.parameters(), 0.1, weight_decay=1e-3)
    return Training(model, optimizer, nn.MultiMarginLoss(), *loaded, epochs=10)


class Words(nn.Module):
    """The mean of the vectors of words, of which there are many."""

    def __init__(self, known: int, answers: int) -> None:
        super().__init__()
        self.words, self.head = nn.EmbeddingBag(known, 24), nn.Linear(24, answers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, K)."""
        return self.head(self.words(x))


def words_seldom_heard(seed: int) -> Training:
    """Two thousand vectors of words, of which most are never heard, and some in each batch."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 4, 900)
    own = random.integers(0, 40, (900, 20)) + 500 * y[:, None]
    x = np.where(random.random((900, 20)) < 0.4, own, 5 * random.integers(0, 400, (900, 20)))
    model = Words(2000, 4)
    loaded = loaders(torch.tensor(x), torch.tensor(y), seed)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaded, epochs=12)


def long_way_up_and_down(seed: int) -> Training:
    """The rate rises for two fifths of the run and falls to nothing at its end."""
    model, passes = stack([64, 64, 10], nn.ReLU), 10
    loaded = loaders(*flat(), seed)
    whole = passes * len(loaded[0])
    optimizer = AdamW(model.parameters(), 4e-3)

    def rate(step: int) -> float:
        done = step / whole
        return done / 0.4 if done < 0.4 else 0.5 * (1 + math.cos(math.pi * min(1.0, (done - 0.4) / 0.6)))

    falling = LambdaLR(optimizer, rate)
    return Training(model, optimizer, CE, *loaded, epochs=passes, scheduler=falling)


NINTH_CONTROLS = {
    build.__name__: build
    for build in (
        body_stays_as_it_came,
        millions_in_the_loss,
        margins_are_kept,
        four_rows_a_step,
        nothing_then_everything,
        mixed_in_twos,
        one_in_sixteen_and_well,
        down_and_up_three_times,
        letters_undeclared,
        letters_tied_and_declared,
        fourths_gathered,
        two_that_step_together,
        norms_and_biases_spared,
        more_than_each_grade,
        pictures_with_holes,
        lines_with_a_margin,
        words_seldom_heard,
        long_way_up_and_down,
    )
}
