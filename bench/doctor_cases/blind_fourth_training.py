"""Fourth blind batch, first part: networks, losses, rates, as in AutoTrainer's families and in posts."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader

from doctor_cases.blind_parts import Mapped, Pair, cancer, scaled
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, blobs, circle, cnn, digits, loaders, stack


def xor(seed: int, rows: int = 600) -> Pair:
    """Four clouds on the corners of a square; the class is whether the signs differ."""
    random = np.random.default_rng(seed)
    corner = random.choice([-1.0, 1.0], (rows, 2))
    x = corner + 0.25 * random.standard_normal((rows, 2))
    return torch.tensor(x).float(), torch.tensor((corner[:, 0] != corner[:, 1]).astype(int))


def moons(seed: int, rows: int = 600, noise: float = 0.15) -> Pair:
    """Two half-moons."""
    x, y = datasets.make_moons(rows, noise=noise, random_state=seed)
    return scaled(x), torch.tensor(y)


def spirals(seed: int, rows: int = 800) -> Pair:
    """Two arms that wind round each other."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, rows)
    turn = np.sqrt(random.random(rows)) * 3 * np.pi
    x = np.stack([np.cos(turn + np.pi * y), np.sin(turn + np.pi * y)], 1) * turn[:, None]
    return scaled(x + 0.2 * random.standard_normal((rows, 2))), torch.tensor(y)


def wave(seed: int, rows: int = 500) -> Pair:
    """A sine with a little noise: (B, 1) and (B, 1)."""
    random = np.random.default_rng(seed)
    x = random.uniform(-3, 3, (rows, 1))
    return torch.tensor(x).float(), torch.tensor(np.sin(x) + 0.05 * random.standard_normal(x.shape)).float()


def drawn(model: nn.Sequential, std: float, bias: float = 0.0) -> nn.Sequential:
    """All linear layers drawn with one spread."""
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=std)
            nn.init.constant_(layer.bias, bias)
    return model


def rings_of_tanh(faulty: bool, seed: int) -> Training:
    """Nine layers of tanh drawn far too narrow."""
    model = stack([2] + [8] * 9 + [2], nn.Tanh)
    if faulty:
        drawn(model, 0.1)
    else:
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.init.orthogonal_(layer.weight, 5 / 3)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*circle(seed), seed), epochs=12)


def rings_gone_dark(faulty: bool, seed: int) -> Training:
    """ReLU with biases so far below nought that hardly a unit answers."""
    model = stack([2, 16, 16, 16, 2], nn.ReLU)
    if faulty:
        drawn(model, 0.3, -2.0)
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaders(*circle(seed), seed), epochs=25)


def killed_by_the_rate(faulty: bool, seed: int) -> Training:
    """One large step, and the network says the same of everything."""
    model = cnn()
    optimizer = SGD(model.parameters(), 5.0 if faulty else 0.1)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=6)


def blob_blows_up(faulty: bool, seed: int) -> Training:
    """Eight layers, every weight with a spread of one."""
    model = stack([2] + [32] * 8 + [3], nn.ReLU)
    if faulty:
        drawn(model, 1.0)
    else:
        for layer in model:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight)
    return Training(model, SGD(model.parameters(), 0.02), CE, *loaders(*blobs(seed), seed), epochs=10)


def swings_on_moons(faulty: bool, seed: int) -> Training:
    """It learns, and jumps out again."""
    model = stack([2, 32, 32, 2], nn.Tanh)
    optimizer = SGD(model.parameters(), 3.0 if faulty else 0.1, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*moons(seed), seed), epochs=20)


def xor_at_a_crawl(faulty: bool, seed: int) -> Training:
    """Plain gradient descent at the rate that the tutorial had, for thirty passes."""
    model = stack([2, 8, 1], nn.Sigmoid)
    x, y = xor(seed)
    optimizer = SGD(model.parameters(), 0.01) if faulty else Adam(model.parameters(), 0.05)
    return Training(
        model, optimizer, nn.BCEWithLogitsLoss(), *loaders(x, y.float()[:, None], seed), epochs=30
    )  # fmt: skip


def xor_without_bends(faulty: bool, seed: int) -> Training:
    """Three layers, and nothing between them."""
    model = stack([2, 16, 16, 2], None if faulty else nn.ReLU)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(*xor(seed), seed), epochs=15)


def spiral_with_three(faulty: bool, seed: int) -> Training:
    """Three hidden units for a spiral."""
    model = stack([2, 3, 2], nn.Tanh) if faulty else stack([2, 48, 48, 2], nn.Tanh)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(*spirals(seed), seed), epochs=60)


def wave_cut_off(faulty: bool, seed: int) -> Training:
    """A ReLU behind the last layer, and half of the targets lie below nought."""
    model = nn.Sequential(*stack([1, 32, 32, 1], nn.Tanh), *([nn.ReLU()] if faulty else []))
    return Training(
        model, Adam(model.parameters(), 1e-2), nn.MSELoss(), *loaders(*wave(seed), seed),
        task="regression", epochs=20,
    )  # fmt: skip


def one_column_categorical(faulty: bool, seed: int) -> Training:
    """Categorical cross-entropy of a single column is nought whatever the column says."""
    model = stack([30, 16, 1], nn.ReLU)
    loss = CE if faulty else nn.BCEWithLogitsLoss()
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaders(*cancer(), seed), epochs=6)


def nll_of_scores(faulty: bool, seed: int) -> Training:
    """`NLLLoss` on scores that never went through a logarithm of softmax."""
    model = nn.Sequential(*stack([64, 32, 10], nn.ReLU), *([] if faulty else [nn.LogSoftmax(1)]))
    x, y = digits()
    return Training(
        model, SGD(model.parameters(), 0.1), nn.NLLLoss(), *loaders(x.flatten(1), y, seed), epochs=8
    )


def prices_as_they_are(faulty: bool, seed: int) -> Training:
    """Areas in square metres and prices in thousands, plain gradient descent."""
    random = np.random.default_rng(seed)
    area, rooms = random.uniform(30, 250, 600), random.integers(1, 7, 600)
    price = 3.2 * area + 15 * rooms + 40 * np.sin(area / 20) + 10 * random.standard_normal(600)
    x, y = torch.tensor(np.stack([area, rooms], 1)).float(), torch.tensor(price).float()[:, None]
    if not faulty:
        x, y = scaled(x), scaled(y)
    model = stack([2, 32, 1], nn.ReLU)
    return Training(
        model, SGD(model.parameters(), 0.01), nn.MSELoss(), *loaders(x, y, seed),
        task="regression", epochs=20,
    )  # fmt: skip


def row_against_column(faulty: bool, seed: int) -> Training:
    """The targets keep a column that the answers have lost."""
    squeeze = Mapped(lambda answer: answer.squeeze(1))
    model = nn.Sequential(*stack([1, 32, 32, 1], nn.Tanh), *([squeeze] if faulty else []))
    return Training(
        model, Adam(model.parameters(), 1e-2), nn.SmoothL1Loss(), *loaders(*wave(seed), seed),
        task="regression", epochs=15,
    )  # fmt: skip


def four_looks_at_moons(faulty: bool, seed: int) -> Training:
    """Four passes of four steps each at the rate that is a default."""
    model = stack([2, 16, 16, 2], nn.ReLU)
    optimizer = Adam(model.parameters(), 1e-3)
    loaded = loaders(*moons(seed), seed, batch=128 if faulty else 32)
    return Training(model, optimizer, CE, *loaded, epochs=4 if faulty else 80)


def softmax_by_hand(faulty: bool, seed: int) -> Training:
    """A softmax at a temperature of a two-hundredth, written out: exponents leave the range of floats."""

    def loss(score: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if not faulty:
            return CE(score / 0.005, target)
        chance = (score / 0.005).exp()
        return -(chance / chance.sum(1, keepdim=True)).log()[torch.arange(len(target)), target].mean()

    model = stack([64, 32, 10], nn.ReLU)
    x, y = digits()
    return Training(model, Adam(model.parameters(), 1e-3), loss, *loaders(x.flatten(1), y, seed), epochs=8)


def drawn_five_wide(faulty: bool, seed: int) -> Training:
    """Weights with a spread of five, and all tanh are at their ends."""
    model = stack([64, 32, 32, 10], nn.Tanh)
    if faulty:
        drawn(model, 5.0)
    x, y = digits()
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(x.flatten(1), y, seed), epochs=10)


def nine_of_ten_dropped(faulty: bool, seed: int) -> Training:
    """Dropout of 0.95 behind both hidden layers."""
    drop = 0.95 if faulty else 0.1
    model = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Dropout(drop), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(drop),
        nn.Linear(64, 10),
    )  # fmt: skip
    x, y = digits()
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(x.flatten(1), y, seed), epochs=12)


def diabetes_by_heart(faulty: bool, seed: int) -> Training:
    """A large network and a hundred passes for three hundred patients."""
    found = datasets.load_diabetes()
    pair = scaled(found.data), scaled(found.target)[:, None]
    model = stack([10, 128, 128, 1], nn.ReLU) if faulty else stack([10, 16, 1], nn.ReLU)
    optimizer = Adam(model.parameters(), 3e-3, weight_decay=0.0 if faulty else 1e-3)
    return Training(
        model, optimizer, nn.MSELoss(), *loaders(*pair, seed), task="regression",
        epochs=80 if faulty else 12,
    )  # fmt: skip


def forty_digits(faulty: bool, seed: int) -> Training:
    """Forty images to learn ten digits from."""
    train, held = split(*digits(), seed)
    if faulty:
        train = train[0][:40], train[1][:40]
    model = cnn()
    loaded = both(train, held, 8 if faulty else 32)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=40 if faulty else 10)


def cut_to_a_thousandth(faulty: bool, seed: int) -> Training:
    """The gradient's norm is clipped to 0.001."""
    model = stack([1, 32, 32, 1], nn.Tanh)
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9)
    return Training(
        model, optimizer, nn.MSELoss(), *loaders(*wave(seed), seed), task="regression", epochs=25,
        clip=1e-3 if faulty else 1.0,
    )  # fmt: skip


def last_two_rows(faulty: bool, seed: int) -> Training:
    """386 rows in batches of 64 leave two, which BatchNorm sees alone; by hand they are left out."""
    (x, y), held = split(*cancer(), seed)
    rows = torch.utils.data.TensorDataset(x[:386], y[:386])
    model = nn.Sequential(nn.Linear(30, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 1))
    loader = DataLoader(rows, 64, shuffle=True, drop_last=not faulty)
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.BCEWithLogitsLoss(), loader, both(held, held)[1], epochs=10
    )
