"""Eighth blind batch, controls: what a simple rule would alarm on, and is well."""

from __future__ import annotations

from itertools import chain

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import CyclicLR

from doctor_cases.blind_eighth_parts import MSE, Plain, Signs, classes, strokes, tale
from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_fourth_training import moons
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import Recurrent, Residual, conv1d, digit_rows, outputs, scaled, signals
from doctor_cases.blind_sixth_parts import halves_of_digits
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, next_token_loss, stack, table


def half_dropped_at_each_layer(seed: int) -> Training:
    """Half of a wide net is dropped at each layer: better on rows held out than on those it learns from."""
    model = nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(256, 10),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*flat(), seed), epochs=12)


def all_rows_in_one_batch(seed: int) -> Training:
    """One update a pass, and enough passes."""
    model = stack([13, 24, 3], nn.ReLU)
    loaded = loaders(*table("wine"), seed, batch=1000)
    return Training(model, Adam(model.parameters(), 0.02), CE, *loaded, epochs=60)


class LowRank(nn.Module):
    """A layer that stays, and a product of two thin matrices that learns beside it."""

    def __init__(self, kept: nn.Linear, rank: int = 4) -> None:
        super().__init__()
        self.kept = kept
        self.down = nn.Parameter(torch.randn(rank, kept.in_features) / kept.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(kept.out_features, rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, G)."""
        return self.kept(x) + x @ self.down.T @ self.up.T


def thin_matrices_beside(seed: int) -> Training:
    """A pretrained body that stays on purpose; low-rank matrices that begin at nought, and a new head."""
    train, held, body = halves_of_digits(seed)
    for p in body.parameters():
        p.requires_grad = False
    body[5] = LowRank(body[5])
    model = nn.Sequential(body, nn.Linear(32, 10))
    told = tuple(name for name, p in model.named_parameters() if not p.requires_grad)
    learning = [p for p in model.parameters() if p.requires_grad]
    return Training(
        model, AdamW(learning, 5e-3), CE, *both(train, held), epochs=15,
        doctor={"pretrained": True, "frozen": told},
    )  # fmt: skip


def norms_and_head_learn(seed: int) -> Training:
    """Of pretrained blocks only the scales and shifts of their normalisations learn, and the head."""
    (x, y), held = split(*classes(seed, rows=1600, apart=2.0), seed)
    model = learnt(x[:600], y[:600] // 2, Residual(10, 4), 400)
    for name, p in model.named_parameters():
        p.requires_grad = ".0." in name or "last" in name
    told = tuple(name for name, p in model.named_parameters() if not p.requires_grad)
    learning = [p for p in model.parameters() if p.requires_grad]
    return Training(
        model, AdamW(learning, 5e-3), CE, *both((x[600:], y[600:]), held), epochs=15,
        doctor={"pretrained": True, "frozen": told},
    )  # fmt: skip


def rate_up_and_down(seed: int) -> Training:
    """The rate goes up to ten times its floor and down again in every second pass."""
    model = stack([10, 48, 4], nn.ReLU)
    optimizer = SGD(model.parameters(), 0.03)
    rate = CyclicLR(optimizer, 0.03, 0.3, step_size_up=19, cycle_momentum=False)
    loaded = loaders(*classes(seed, apart=2.0), seed)
    return Training(model, optimizer, CE, *loaded, epochs=16, scheduler=rate)


def two_rows_a_step(seed: int) -> Training:
    """Two rows a step: the loss jumps about all the time, and the net learns."""
    model = stack([2, 32, 32, 2], nn.Tanh)
    loaded = loaders(*moons(seed, 500, 0.25), seed, batch=2)
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaded, epochs=12)


def descent_at_one(seed: int) -> Training:
    """Plain descent at a rate of one: the mean over strokes makes gradients small."""
    model = stack([64, 32, 7], nn.Tanh)
    loaded = loaders(*strokes(), seed)
    loss = nn.BCEWithLogitsLoss()
    return Training(model, SGD(model.parameters(), 1.0), loss, *loaded, task="multilabel", epochs=15)


def one_in_nine_and_well(seed: int) -> Training:
    """One row in nine is of the rare kind, which lies far from the other."""
    x, y = datasets.make_classification(
        1200, 10, n_informative=6, weights=[0.89], class_sep=2.0, flip_y=0.0, random_state=seed
    )
    model = stack([10, 24, 2], nn.ReLU)
    loaded = loaders(scaled(x), torch.tensor(y), seed)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=12)


def twenty_rows_to_look_at(seed: int) -> Training:
    """Twenty rows held out: each is a twentieth of the score, which jumps."""
    x, y = classes(seed, 4, apart=1.2)
    model = stack([10, 32, 4], nn.ReLU)
    loaded = loaders(x, y, seed, held=0.025)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaded, epochs=18)


def labels_smoothed_by_three_tenths(seed: int) -> Training:
    """The loss can never come below 1.2, and every third of it is meant."""
    model = cnn()
    loss = nn.CrossEntropyLoss(label_smoothing=0.3)
    return Training(model, Adam(model.parameters(), 2e-3), loss, *loaders(*digits(), seed), epochs=8)


def one_matrix_in_and_out(seed: int) -> Training:
    """Letters come in and go out by the same matrix."""
    model = Plain(tied=True)
    return Training(
        model,
        Adam(model.parameters(), 4e-3),
        next_token_loss,
        *loaders(*tale(seed), seed, batch=16),
        epochs=10,
    )


class Trusted(nn.Module):
    """Errors of three values, each weighted by a trust that is learnt; it comes far below nought."""

    def __init__(self) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.zeros(3))

    def forward(self, answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """(B, 3), (B, 3) → ()."""
        errors = (answer - y).square().mean(0)
        return (errors * torch.exp(-self.spread) + self.spread).mean()


def loss_below_nought(seed: int) -> Training:
    """Several values; the loss has parameters of its own, and falls below nought."""
    model, loss = stack([8, 64, 64, 3], nn.GELU), Trusted()
    optimizer = Adam(chain(model.parameters(), loss.parameters()), 4e-3)
    return Training(model, optimizer, loss, *loaders(*outputs(seed), seed), task="regression", epochs=20)


def adam_under_a_tight_clip(seed: int) -> Training:
    """Gradients are clipped to a norm of 0.01, which Adam divides out again."""
    model = Recurrent(nn.GRU)
    return Training(
        model, Adam(model.parameters(), 3e-3), CE, *loaders(*digit_rows(), seed), epochs=12, clip=0.01
    )


def shares_by_their_logarithm(seed: int) -> Training:
    """`LogSoftmax` before a cross-entropy: said twice, and the same as said once."""
    model = nn.Sequential(*stack([10, 32, 4], nn.ReLU), nn.LogSoftmax(1))
    loaded = loaders(*classes(seed, apart=2.0), seed)
    return Training(model, RMSprop(model.parameters(), 3e-3), CE, *loaded, epochs=12)


def mixed_once_and_for_all(seed: int) -> Training:
    """Rows were mixed before they were written down, and are read in the same order in each pass."""
    model = cnn()
    loaded = loaders(*digits(), seed, shuffle=False)
    return Training(model, SGD(model.parameters(), 0.05, momentum=0.9), CE, *loaded, epochs=6)


def only_signs(seed: int) -> Training:
    """Every weight moves by the same step, as in Lion."""
    model = stack([30, 32, 32, 2], nn.ReLU)
    loaded = loaders(*table("breast_cancer"), seed)
    return Training(model, Signs(model.parameters(), 1e-3), CE, *loaded, epochs=9)


def head_begins_at_nought(seed: int) -> Training:
    """The head begins at nought: an even guess, and nothing comes back to the body in the first step."""
    model = conv1d()
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-1].bias)
    return Training(model, AdamW(model.parameters(), 3e-3), CE, *loaders(*signals(seed), seed), epochs=12)


def sixteenths_gathered(seed: int) -> Training:
    """One row at a time, and a step after each sixteen."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((400, 6))
    y = scaled(np.sin(x[:, :1]) + x[:, 1:2] * x[:, 2:3] + 0.1 * random.standard_normal((400, 1)))
    model = stack([6, 48, 48, 1], nn.Tanh)
    loaded = loaders(torch.tensor(x).float(), y, seed, batch=1)
    return Training(
        model, Adam(model.parameters(), 8e-3), MSE, *loaded, task="regression", epochs=20, accumulate=16
    )


EIGHTH_CONTROLS = {
    build.__name__: build
    for build in (
        half_dropped_at_each_layer,
        all_rows_in_one_batch,
        thin_matrices_beside,
        norms_and_head_learn,
        rate_up_and_down,
        two_rows_a_step,
        descent_at_one,
        one_in_nine_and_well,
        twenty_rows_to_look_at,
        labels_smoothed_by_three_tenths,
        one_matrix_in_and_out,
        loss_below_nought,
        adam_under_a_tight_clip,
        shares_by_their_logarithm,
        mixed_once_and_for_all,
        only_signs,
        head_begins_at_nought,
        sixteenths_gathered,
    )
}
