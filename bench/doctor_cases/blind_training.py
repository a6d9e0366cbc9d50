# ruff: noqa: D103 a case is named for its fault
"""Blind cases, second part: rates, losses, initialisation, capacity, budget and regularisation."""

from __future__ import annotations

import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adagrad, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import CyclicLR, StepLR

from doctor_cases.blind_parts import (
    Reader,
    Recurrent,
    Residual,
    Table,
    bce,
    cancer,
    conv1d,
    digit_rows,
    friedman,
    outputs,
    scaled,
    several_labels,
    signals,
    tabular,
    tokens,
)
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, digits, loaders, stack


def lstm_too_fast(faulty: bool, seed: int) -> Training:
    model = Recurrent(nn.LSTM)
    rate = 0.3 if faulty else 5e-3
    return Training(model, Adam(model.parameters(), rate), CE, *loaders(*digit_rows(), seed), epochs=8)


def summed_loss(faulty: bool, seed: int) -> Training:
    """`reduction="sum"` with the rate of a mean."""
    model = conv1d()
    loss = nn.CrossEntropyLoss(reduction="sum" if faulty else "mean")
    return Training(model, SGD(model.parameters(), 0.1), loss, *loaders(*signals(seed), seed), epochs=10)


def undivided(faulty: bool, seed: int) -> Training:
    """Sixteen batches are added up, not averaged, at momentum of 0.9."""
    x, y = outputs(seed, 800)
    train, validation = loaders(x, y, seed, batch=4)
    weight = 16.0 if faulty else 1.0
    model = stack([8, 32, 32, 3], nn.ReLU)
    return Training(
        model, SGD(model.parameters(), 0.1, momentum=0.9), lambda a, t: weight * F.mse_loss(a, t),
        train, validation, task="regression", epochs=10, accumulate=16,
    )  # fmt: skip


def cycled_too_high(faulty: bool, seed: int) -> Training:
    """A triangle whose top is a hundred times what suits."""
    model = Reader()
    optimizer = SGD(model.parameters(), 0.01, momentum=0.9)
    top = 10.0 if faulty else 0.1
    plan = CyclicLR(optimizer, 0.01, top, step_size_up=20)
    return Training(model, optimizer, CE, *loaders(*tokens(seed), seed), epochs=10, scheduler=plan)


def heavy_momentum(faulty: bool, seed: int) -> Training:
    """Batches of four with momentum .99 at a rate that suits none."""
    found = datasets.load_wine()
    x, y = scaled(found.data), torch.tensor(found.target)
    model = stack([13, 32, 32, 3], nn.ReLU)
    optimizer = SGD(model.parameters(), 0.1, momentum=0.99 if faulty else 0.5)
    return Training(model, optimizer, CE, *loaders(x, y, seed, batch=4), epochs=15)


def conv_too_slow(faulty: bool, seed: int) -> Training:
    model = conv1d()
    optimizer = RMSprop(model.parameters(), 2e-6 if faulty else 2e-3)
    return Training(model, optimizer, CE, *loaders(*signals(seed), seed), epochs=10)


def moderately_slow(faulty: bool, seed: int) -> Training:
    model = stack([64, 32, 10], nn.ReLU)
    x, y = digit_rows()
    optimizer = SGD(model.parameters(), 1e-3 if faulty else 0.2)
    return Training(model, optimizer, CE, *loaders(x.flatten(1), y, seed), epochs=10)


def dying_adagrad(faulty: bool, seed: int) -> Training:
    model = Table()
    optimizer = Adagrad(model.parameters(), 1e-4 if faulty else 5e-2)
    return Training(model, optimizer, CE, *loaders(*tabular(seed), seed), epochs=12)


def gone_at_once(faulty: bool, seed: int) -> Training:
    """The rate falls to a tenth every five steps: it was meant to be every five epochs."""
    model = conv1d(norm=True)
    optimizer = AdamW(model.parameters(), 1e-3)
    plan = StepLR(optimizer, 5 if faulty else 100, 0.1)
    return Training(model, optimizer, CE, *loaders(*signals(seed), seed), epochs=10, scheduler=plan)


def tight_clip(faulty: bool, seed: int) -> Training:
    model = Recurrent(nn.GRU)
    return Training(
        model, SGD(model.parameters(), 0.3, momentum=0.9), CE, *loaders(*digit_rows(), seed), epochs=8,
        clip=1e-4 if faulty else 1.0,
    )  # fmt: skip


def two_epochs(faulty: bool, seed: int) -> Training:
    model = Residual(8, 3)
    return Training(
        model, Adam(model.parameters(), 3e-4), nn.MSELoss(), *loaders(*outputs(seed, 300), seed, batch=64),
        task="regression", epochs=2 if faulty else 60,
    )  # fmt: skip


def faint_tanh(faulty: bool, seed: int) -> Training:
    """Ten layers drawn with a spread of 0.02."""
    model = stack([13] + [24] * 9 + [3], nn.Tanh)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.02) if faulty else nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    found = datasets.load_wine()
    pair = (scaled(found.data), torch.tensor(found.target))
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(*pair, seed, batch=16), epochs=12)


def sigmoid_convolutions(faulty: bool, seed: int) -> Training:
    """Six convolutions over time with sigmoids between them."""
    kind = nn.Sigmoid if faulty else nn.ReLU
    layers: list[nn.Module] = []
    for width in (1, 12, 12, 12, 12, 12):
        layers += [nn.Conv1d(width, 12, 5, padding=2), kind()]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(48, 4))
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(*signals(seed), seed))


def growing_states(faulty: bool, seed: int) -> Training:
    """A recurrent layer with rectifiers whose recurrent weights stretch what they hold."""
    model = Recurrent(lambda i, h, **k: nn.RNN(i, h, nonlinearity="relu", **k))
    nn.init.orthogonal_(model.cell.weight_hh_l0)
    x, y = digit_rows()
    long = x.repeat_interleave(2, 1)
    with torch.no_grad():
        model.cell.weight_hh_l0.mul_(3.0 if faulty else 1.0)
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(long, y, seed), epochs=10)


def shifted_down(faulty: bool, seed: int) -> Training:
    """Biases of the hidden layers start at −4."""
    model = stack([30, 48, 48, 1], nn.ReLU)
    for layer in (model[0], model[2]):
        nn.init.constant_(layer.bias, -4.0 if faulty else 0.0)
    return Training(model, SGD(model.parameters(), 0.05), bce, *loaders(*cancer(), seed), epochs=12)


def loud_head(faulty: bool, seed: int) -> Training:
    """The head is drawn with a spread of 20."""
    model = Residual(64, 10, width=48)
    nn.init.normal_(model.last.weight, std=20.0) if faulty else None
    x, y = digit_rows()
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaders(x.flatten(1), y, seed), epochs=6)


def all_alike(faulty: bool, seed: int) -> Training:
    """Every weight of a block is 0.05."""
    model = stack([10, 32, 32, 1], nn.Tanh)
    for p in model.parameters():
        nn.init.constant_(p, 0.05) if faulty else None
    return Training(
        model, Adam(model.parameters(), 5e-3), nn.MSELoss(), *loaders(*friedman(seed), seed),
        task="regression", epochs=25,
    )  # fmt: skip


def bounded_values(faulty: bool, seed: int) -> Training:
    """Values of spread 4 from a tanh."""
    x, y = outputs(seed)
    last = [nn.Tanh()] if faulty else []
    model = nn.Sequential(Residual(8, 3), *last)
    return Training(
        model, Adam(model.parameters(), 5e-3), nn.SmoothL1Loss(), *loaders(x, y * 4, seed),
        task="regression", epochs=15,
    )  # fmt: skip


def rectified_values(faulty: bool, seed: int) -> Training:
    """Standardised values, half of them below nought, from a rectifier."""
    last = [nn.ReLU()] if faulty else []
    model = nn.Sequential(*stack([10, 32, 1], nn.ReLU), *last)
    return Training(
        model, Adam(model.parameters(), 5e-3), nn.MSELoss(), *loaders(*friedman(seed), seed),
        task="regression", epochs=20,
    )  # fmt: skip


def one_of_many(faulty: bool, seed: int) -> Training:
    """Five labels at once, from a softmax into binary cross-entropy."""
    last = nn.Softmax(1) if faulty else nn.Sigmoid()
    model = nn.Sequential(*stack([16, 32, 5], nn.ReLU), last)
    return Training(
        model, Adam(model.parameters(), 5e-3), nn.BCELoss(), *loaders(*several_labels(seed), seed),
        task="multilabel", epochs=15,
    )  # fmt: skip


def sigmoid_scores(faulty: bool, seed: int) -> Training:
    """Sigmoids on ten scores before cross-entropy, with a plain optimizer."""
    last = [nn.Sigmoid()] if faulty else []
    model = nn.Sequential(nn.Flatten(), *stack([64, 32, 10], nn.ReLU), *last)
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaders(*digits(), seed), epochs=8)


def log_of_nought(faulty: bool, seed: int) -> Training:
    """log(sigmoid) by hand, of answers that can be far out."""

    def by_hand(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        p = answer.sigmoid()
        return -(target * p.log() + (1 - target) * (1 - p).log()).mean()

    model = stack([30, 64, 1], nn.ReLU)
    x, y = cancer()
    return Training(
        model, SGD(model.parameters(), 0.1, momentum=0.9), by_hand if faulty else bce,
        *loaders(x * 20, y, seed), epochs=10,
    )  # fmt: skip


def one_against_all(faulty: bool, seed: int) -> Training:
    """(B, 1) beside (B,) in a robust loss."""
    x, y = friedman(seed)
    target = y[:, 0] if faulty else y
    model = Residual(10, 1)
    return Training(
        model, AdamW(model.parameters(), 3e-3), nn.L1Loss(), *loaders(x, target, seed),
        task="regression", epochs=15,
    )  # fmt: skip


def by_heart(faulty: bool, seed: int) -> Training:
    """Sixty rows, a large net, two hundred passes; by hand: stopped early and decayed."""
    (x, y), held = split(*friedman(seed, 400, noise=3.5), seed)
    model = stack([10, 256, 256, 1], nn.ReLU)
    optimizer = AdamW(model.parameters(), 3e-3 if faulty else 1e-3, weight_decay=0.0 if faulty else 3.0)
    return Training(
        model, optimizer, nn.MSELoss(), *both((x[:60], y[:60]), held, 20), task="regression",
        epochs=150 if faulty else 16,
    )  # fmt: skip


def nearly_all_dropped(faulty: bool, seed: int) -> Training:
    drop = 0.92 if faulty else 0.1
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Dropout(drop), nn.Linear(48, 48), nn.ReLU(),
        nn.Dropout(drop), nn.Linear(48, 10),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*digits(), seed), epochs=10)


def decayed_away(faulty: bool, seed: int) -> Training:
    model = Residual(8, 3)
    optimizer = AdamW(model.parameters(), 1e-2, weight_decay=20.0 if faulty else 0.01)
    return Training(
        model, optimizer, nn.MSELoss(), *loaders(*outputs(seed), seed), task="regression", epochs=15
    )


def straight_line(faulty: bool, seed: int) -> Training:
    """Shells around a middle, and one linear layer."""
    x, y = datasets.make_gaussian_quantiles(n_samples=800, n_features=4, n_classes=3, random_state=seed)
    model = nn.Linear(4, 3) if faulty else stack([4, 48, 48, 3], nn.ReLU)
    pair = (torch.tensor(x).float(), torch.tensor(y))
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(*pair, seed), epochs=20)


def through_one(faulty: bool, seed: int) -> Training:
    """Everything goes through one hidden unit."""
    width = 1 if faulty else 32
    x, y = digit_rows()
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, width), nn.ReLU(), nn.Linear(width, 10))
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(x.flatten(1), y, seed), epochs=15)


class Ahead(nn.Module):
    """Convolutions over letters that see as far ahead as behind, or only behind."""

    def __init__(self, *, causal: bool) -> None:
        super().__init__()
        self.tokens, self.causal = nn.Embedding(12, 16), causal
        self.first, self.second = nn.Conv1d(16, 32, 5), nn.Conv1d(32, 32, 5)
        self.head = nn.Linear(32, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, T, 12)."""
        hidden = self.tokens(x).transpose(1, 2)
        sides = (4, 0) if self.causal else (2, 2)
        for layer in (self.first, self.second):
            hidden = layer(F.pad(hidden, sides)).relu()
        return self.head(hidden.transpose(1, 2))


def sees_ahead(faulty: bool, seed: int) -> Training:
    """The next of a chain of letters, from a net that can read it."""
    generator = torch.Generator().manual_seed(seed)
    chain = (torch.randn(12, 12, generator=generator) * 1.5).softmax(1)
    rows = [torch.randint(0, 12, (400,), generator=generator)]
    for _ in range(20):
        rows.append(torch.multinomial(chain[rows[-1]], 1, generator=generator)[:, 0])
    text = torch.stack(rows, 1)
    model = Ahead(causal=not faulty)
    loss = lambda a, y: F.cross_entropy(a.reshape(-1, 12), y.reshape(-1))  # noqa: E731
    return Training(
        model, Adam(model.parameters(), 3e-3), loss, *loaders(text[:, :-1], text[:, 1:], seed),
        task="language_model", epochs=8,
    )  # fmt: skip


def softmax_inside(faulty: bool, seed: int) -> Training:
    """Softmax as the activation between layers."""
    kind = nn.Softmax(-1) if faulty else nn.ReLU()
    model = nn.Sequential(nn.Linear(64, 32), kind, nn.Linear(32, 32), kind, nn.Linear(32, 10))
    x, y = digit_rows()
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(x.flatten(1), y, seed), epochs=10)
