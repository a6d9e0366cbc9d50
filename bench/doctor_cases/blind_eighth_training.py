"""Eighth blind batch, first part: starting weights, rates, budgets, answers and losses that do not fit."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import LambdaLR

from doctor_cases.blind_eighth_parts import (
    BCE,
    MSE,
    ByHand,
    Deep,
    Writer,
    classes,
    first_of,
    strokes,
    tale,
)
from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_fourth_training import moons
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import (
    Mapped,
    Reader,
    Recurrent,
    Residual,
    conv1d,
    digit_rows,
    friedman,
    outputs,
    signals,
    tokens,
)
from doctor_cases.blind_sixth_parts import Recaller
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, next_token_loss, stack, table


def drawn_as_in_a_paper(faulty: bool, seed: int) -> Training:
    """Six convolutions whose weights have the spread of 0.01 that an old paper names, and no norms."""
    layers: list[nn.Module] = []
    for number in range(6):
        layers += [nn.Conv2d(12 if number else 1, 12, 3, padding=1), nn.GELU()]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(192, 10))
    for p in model.parameters():
        if p.ndim > 1:
            nn.init.normal_(p, std=0.01) if faulty else nn.init.kaiming_normal_(p)
    optimizer = SGD(model.parameters(), 0.01, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=6)


def forgets_the_first_step(faulty: bool, seed: int) -> Training:
    """The matrix from state to state is drawn so narrowly that nothing is left of the first step."""
    model = Recaller(nn.RNN, inputs=8, answers=4, pooled=False)
    nn.init.orthogonal_(model.cell.weight_hh_l0, 0.05 if faulty else 1.0)
    optimizer = Adam(model.parameters(), 2e-3)
    return Training(model, optimizer, CE, *loaders(*first_of(seed, 30), seed), epochs=12)


def cubes_between_layers(faulty: bool, seed: int) -> Training:
    """Each hidden layer raises its values to the third power."""
    model = stack([10, 48, 48, 48, 48, 1], lambda: Mapped(lambda x: x**3) if faulty else nn.ReLU())
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
    optimizer = SGD(model.parameters(), 0.03)
    loaded = loaders(*friedman(seed), seed)
    return Training(model, optimizer, MSE, *loaded, task="regression", epochs=30)


def blocks_that_add_up(faulty: bool, seed: int) -> Training:
    """Each of sixteen blocks adds as much again as went through; by hand: at first they add nothing."""
    model = Deep(10, 4)
    for block in model.blocks:
        nn.init.kaiming_normal_(block[0].weight)
        nn.init.kaiming_normal_(block[2].weight) if faulty else nn.init.zeros_(block[2].weight)
    loaded = loaders(*classes(seed), seed)
    return Training(model, SGD(model.parameters(), 0.01, momentum=0.9), CE, *loaded, epochs=12)


def uniform_minus_one(faulty: bool, seed: int) -> Training:
    """Weights were to be between −1 and 1, and `2 *` was forgotten."""
    model = stack([64, 48, 48, 48, 10], nn.ReLU)
    for layer in model[:-1]:
        if isinstance(layer, nn.Linear):
            drawn = torch.rand_like(layer.weight) - 1 if faulty else 2 * torch.rand_like(layer.weight) - 1
            layer.weight.data = drawn * (6 / layer.in_features) ** 0.5
    optimizer = SGD(model.parameters(), 0.02, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=8)


def tuning_rate_from_nothing(faulty: bool, seed: int) -> Training:
    """A small encoder with random weights, at the rate that guides name for pretrained ones."""
    model = Reader()
    optimizer = AdamW(model.parameters(), 1e-5 if faulty else 2e-3)
    return Training(model, optimizer, CE, *loaders(*tokens(seed), seed), epochs=12)


def margin_of_nought_and_one(faulty: bool, seed: int) -> Training:
    """The soft margin is made for −1 and 1; labels are 0 and 1, and those of 0 ask for nothing."""
    margin = nn.SoftMarginLoss()
    model = stack([30, 24, 1], nn.ReLU)
    x, y = table("breast_cancer")
    return Training(
        model, Adam(model.parameters(), 3e-3), margin if faulty else lambda a, b: margin(a, 2 * b - 1),
        *loaders(x, y.float()[:, None], seed), epochs=12,
    )  # fmt: skip


def likelihood_of_raw_scores(faulty: bool, seed: int) -> Training:
    """`NLLLoss` on what the last layer says, with no logarithm of a softmax between."""
    model = nn.Sequential(*conv1d(), *([] if faulty else [nn.LogSoftmax(1)]))
    optimizer = Adam(model.parameters(), 3e-3)
    return Training(model, optimizer, nn.NLLLoss(), *loaders(*signals(seed), seed), epochs=10)


def recurrent_net_by_hand(faulty: bool, seed: int) -> Training:
    """A recurrent cell with `randn` for weights, squared errors against one-hot, and a rate of one."""

    def errors(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(answer, F.one_hot(y, 10).float())

    model = ByHand(8, 10, spread=faulty)
    optimizer = SGD(model.parameters(), 1.0) if faulty else Adam(model.parameters(), 3e-3)
    return Training(model, optimizer, errors if faulty else CE, *loaders(*digit_rows(), seed), epochs=10)


def one_share_for_all_rows(faulty: bool, seed: int) -> Training:
    """Answers are flattened to (B,), so that the softmax shares one between the rows of a batch."""
    model = stack([2, 24, 24, 1], nn.ReLU)
    model = nn.Sequential(*model, nn.Flatten(0), *([nn.Softmax(0)] if faulty else []))
    x, y = moons(seed)
    loss = nn.BCELoss() if faulty else BCE
    return Training(model, Adam(model.parameters(), 5e-3), loss, *loaders(x, y.float(), seed), epochs=12)


def two_passes_of_a_gru(faulty: bool, seed: int) -> Training:
    """Two passes over the rows of digits, as in the snippet that it was copied from."""
    model = Recurrent(nn.GRU)
    loaded = loaders(*digit_rows(), seed, batch=64)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=2 if faulty else 20)


def softmax_of_three_values(faulty: bool, seed: int) -> Training:
    """Three values of any sign and size, foretold by a head that was written for three classes."""
    model = Residual(8, 3, depth=2)
    model = nn.Sequential(model, nn.Softmax(1)) if faulty else model
    loaded = loaders(*outputs(seed), seed)
    return Training(model, AdamW(model.parameters(), 3e-3), MSE, *loaded, task="regression", epochs=12)


def strokes_share_one_softmax(faulty: bool, seed: int) -> Training:
    """Up to seven strokes are lit at once, and a softmax lets them compete for one."""
    model = stack([64, 48, 7], nn.ReLU)
    model = nn.Sequential(*model, nn.Softmax(1)) if faulty else model
    loaded = loaders(*strokes(), seed)
    loss = nn.BCELoss() if faulty else BCE
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaded, task="multilabel", epochs=10)


def tuned_with_descent_of_two(faulty: bool, seed: int) -> Training:
    """Digits are known upright; a few that lie on their side are to be learnt, at a rate of two."""
    (x, y), (x_held, y_held) = split(*digits(), seed)
    model = learnt(x[:900], y[:900], cnn(), 250)
    optimizer = SGD(model.parameters(), 2.0 if faulty else 5e-3, momentum=0.9)
    loaded = both((x[900:].mT, y[900:]), (x_held.mT, y_held), 16)
    return Training(model, optimizer, CE, *loaded, epochs=10, doctor={"pretrained": True})


def softmax_behind_blocks(faulty: bool, seed: int) -> Training:
    """Shares go into a cross-entropy that makes shares of them again; eight kinds, plain descent."""
    model = Residual(10, 8, depth=3)
    model = nn.Sequential(model, nn.Softmax(1)) if faulty else model
    loaded = loaders(*classes(seed, 8, rows=1200, apart=2.0), seed)
    return Training(model, SGD(model.parameters(), 0.03), CE, *loaded, epochs=24)


def decay_inside_the_gradient(faulty: bool, seed: int) -> Training:
    """A decay that suits AdamW is given to Adam, whose steps make as much of it as of the loss."""
    model = conv1d()
    optimizer = Adam(model.parameters(), 3e-3, weight_decay=0.2 if faulty else 1e-4)
    return Training(model, optimizer, CE, *loaders(*signals(seed), seed), epochs=12)


def channels_mostly_dropped(faulty: bool, seed: int) -> Training:
    """Nine of ten channels are dropped behind both convolutions."""
    dropped = 0.9 if faulty else 0.05
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Dropout2d(dropped), nn.Conv2d(12, 16, 3), nn.ReLU(),
        nn.Dropout2d(dropped), nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*digits(), seed), epochs=8)


def mean_without_spread(faulty: bool, seed: int) -> Training:
    """`normal_(weight, 0.02, 0)`: the two numbers changed places, and all weights are 0.02."""
    model = stack([13, 24, 24, 3], nn.Tanh)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, 0.02, 0.0) if faulty else nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimizer = RMSprop(model.parameters(), 1e-3)
    return Training(model, optimizer, CE, *loaders(*table("wine"), seed, batch=16), epochs=12)


def adams_rate_for_descent(faulty: bool, seed: int) -> Training:
    """3e-4 without momentum, for Adam was exchanged for plain descent and nothing else."""
    model = cnn(norm=True)
    optimizer = SGD(model.parameters(), 3e-4 if faulty else 0.05)
    return Training(model, optimizer, CE, *loaders(*digits(), seed, batch=50), epochs=8)


def warms_up_for_ever(faulty: bool, seed: int) -> Training:
    """The warm-up of a large model, 20,000 steps, in a training of 190."""
    model, steps = Reader(), 20_000 if faulty else 20
    optimizer = AdamW(model.parameters(), 2e-3)
    rising = LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / steps))
    loaded = loaders(*tokens(seed), seed)
    return Training(model, optimizer, CE, *loaded, epochs=10, scheduler=rising)


def two_updates_a_pass(faulty: bool, seed: int) -> Training:
    """The batch was made as large as memory allows: two updates a pass, ten passes."""
    model = cnn()
    loaded = loaders(*digits(), seed, batch=700 if faulty else 32)
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaded, epochs=10)


def norm_of_a_thousandth(faulty: bool, seed: int) -> Training:
    """The clipping of a recurrent net to a norm of 0.001, with momentum."""
    model = Recurrent(nn.LSTM)
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
    clip = 1e-3 if faulty else 1.0
    return Training(model, optimizer, CE, *loaders(*digit_rows(), seed), epochs=10, clip=clip)


def writer_in_a_hurry(faulty: bool, seed: int) -> Training:
    """A transformer that is normalised behind its blocks, with Adam at 0.05 from the first step."""
    model = Writer()
    optimizer = Adam(model.parameters(), 0.05 if faulty else 3e-3)
    return Training(model, optimizer, next_token_loss, *loaders(*tale(seed), seed, batch=16), epochs=14)
