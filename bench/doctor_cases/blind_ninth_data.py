"""Ninth blind batch, third part: rows, values, labels and loaders as they should not be."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler

from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_ninth_parts import BCE, MSE, Twins, beats, pairs, series, windows
from doctor_cases.blind_parts import Pair, Reader, Table, conv1d, friedman, scaled, signals, tabular, tokens
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, loaders, stack, table


def powers_as_they_come(faulty: bool, seed: int) -> Training:
    """A number and its powers up to the sixth as columns, which end at a quarter of a million."""
    random = np.random.default_rng(seed)
    x = random.uniform(-8, 8, (800, 1))
    y = scaled(np.sin(x) + 0.03 * x**2 + 0.1 * random.standard_normal(x.shape))
    columns = np.concatenate([x**power for power in range(1, 7)], 1)
    columns = torch.tensor(columns).float() if faulty else scaled(columns)
    model = stack([6, 48, 48, 1], nn.Tanh)
    loaded = loaders(columns, y, seed)
    return Training(model, Adam(model.parameters(), 5e-3), MSE, *loaded, task="regression", epochs=25)


def on_top_of_the_air(faulty: bool, seed: int) -> Training:
    """Faint waves on top of a pressure of 1,013, as the sensor writes them."""
    x, y = signals(seed)
    x = 1013 + 2 * x if faulty else x
    model = conv1d()
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(x, y, seed), epochs=12)


def a_tongue_seldom_heard(faulty: bool, seed: int) -> Training:
    """One of three kinds of rows of tokens has fourteen rows of 414; held out, all are alike in number."""
    x, y = tokens(seed, 1600, 40)
    train, held = (x[:1100], y[:1100]), (x[1100:], y[1100:])
    rows = torch.cat([(train[1] == kind).nonzero()[:number, 0] for kind, number in enumerate((200, 200, 14))])
    data = TensorDataset(train[0][rows], train[1][rows])
    weight = torch.tensor([1.0, 1.0, 1.0 if faulty else 14.0])[data.tensors[1]]
    loader = DataLoader(data, 32, sampler=WeightedRandomSampler(weight.double(), len(data)))
    model = Reader(depth=1, dropout=0.2)
    optimizer = AdamW(model.parameters(), 2e-3, weight_decay=0.1)
    return Training(model, optimizer, CE, loader, both(held, held)[1], epochs=8)


def sorted_by_one_column_alone(faulty: bool, seed: int) -> Training:
    """Rows to learn from were sorted by a column in one file, and values in the other were not."""
    (x, y), held = split(*friedman(seed, 700), seed)
    order = x[:, 3].argsort()
    loaded = both((x[order], y if faulty else y[order]), held)
    model = stack([10, 32, 1], nn.ReLU)
    optimizer = AdamW(model.parameters(), 3e-3, weight_decay=0.1)
    return Training(model, optimizer, MSE, *loaded, task="regression", epochs=18)


def every_second_form_guessed(faulty: bool, seed: int) -> Training:
    """Half of the forms were labelled by somebody who guessed."""
    (x, y), held = split(*tabular(seed, 1400), seed)
    random = torch.Generator().manual_seed(seed)
    guessed = torch.rand(len(y), generator=random) < 0.6
    guess = torch.randint(0, 3, y.shape, generator=random)
    loaded = both((x, torch.where(guessed, guess, y) if faulty else y), held)
    model = Table()
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaded, epochs=16)


def not_measured_here_and_there(faulty: bool, seed: int) -> Training:
    """One value in thirty of a chemist's table was not measured, and came as `nan`."""
    x, y = table("wine")
    random = torch.Generator().manual_seed(seed)
    gone = torch.rand(x.shape, generator=random) < 1 / 30
    x = x.masked_fill(gone, float("nan") if faulty else 0.0)
    model = stack([13, 24, 3], nn.ReLU)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(x, y, seed, batch=16), epochs=8)


def learnt_by_heart_in_time(faulty: bool, seed: int) -> Training:
    """Values in much noise, a wide net and a hundred and fifty passes; by hand: six, and decay."""
    x, y = friedman(seed, 400, 5.0)
    model = stack([10, 128, 128, 1], nn.ReLU)
    optimizer = AdamW(model.parameters(), 1e-3, weight_decay=0.0 if faulty else 1.0)
    loaded = loaders(x, y, seed, batch=32, held=0.35)
    return Training(model, optimizer, MSE, *loaded, task="regression", epochs=150 if faulty else 6)


def pairs_mostly_unlike(faulty: bool, seed: int) -> Training:
    """Pairs were drawn at random, so that one in twenty-one is alike; held out, one in two is."""
    x, y = pairs(seed, 240, 4800, held=False)
    held = pairs(seed, 250, 250, held=True)
    weight = torch.where(y[:, 0] > 0, 1.0 if faulty else 20.0, 1.0)
    loader = DataLoader(TensorDataset(x, y), 32, sampler=WeightedRandomSampler(weight.double(), len(y)))
    model = Twins()
    optimizer = AdamW(model.parameters(), 1e-3, weight_decay=0.3)
    return Training(model, optimizer, BCE, loader, both(held, held)[1], epochs=4)


def from_left_to_right(faulty: bool, seed: int) -> Training:
    """Points of a curve lie from left to right, and are drawn as they lie: the left is soon forgotten."""
    random = np.random.default_rng(seed)
    x = np.sort(random.uniform(-3, 3, (900, 1)), 0)
    y = np.sin(2 * x) + 0.1 * random.standard_normal(x.shape)
    held = np.arange(900) % 4 == 0
    parts = [(scaled(x)[rows], scaled(y)[rows]) for rows in (~held, held)]
    model = stack([1, 48, 48, 1], nn.Tanh)
    loaded = both(*parts, 16, shuffle=not faulty)
    return Training(
        model, SGD(model.parameters(), 0.01, momentum=0.9), MSE, *loaded, task="regression", epochs=25
    )


class Moved(Dataset):
    """Rows that are moved along by any number of steps each time somebody asks for them."""

    def __init__(self, rows: Pair, *, moved: bool) -> None:
        self.rows, self.moved = rows, moved

    def __len__(self) -> int:
        """How many rows."""
        return len(self.rows[1])

    def __getitem__(self, row: int) -> Pair:
        """(1, T) and a label."""
        steps = int(torch.randint(0, 64, ())) if self.moved else 0
        return self.rows[0][row].roll(steps, -1), self.rows[1][row]


def moved_along_at_random(faulty: bool, seed: int) -> Training:
    """In which quarter of a row the beat falls was asked, and each row is moved along at random."""
    train, held = split(*beats(seed), seed)
    model = conv1d()
    loader = DataLoader(Moved(train, moved=faulty), 32, shuffle=True)
    optimizer = Adam(model.parameters(), 3e-3)
    return Training(model, optimizer, CE, loader, both(train, held)[1], epochs=10)


def smoothed_with_tomorrow(faulty: bool, seed: int) -> Training:
    """A series was smoothed by a mean of what came before and after, and then cut into windows."""
    values = series(seed)
    kernel = np.ones(5) / 5
    smooth = np.convolve(values, kernel, "same" if faulty else "full")[: len(values)]
    cut = windows(smooth)[0]
    asked = windows(values)[1]
    x, y = cut.float(), asked
    held = np.arange(len(x)) >= 900
    model = stack([24, 48, 1], nn.ReLU)
    optimizer = AdamW(model.parameters(), 3e-3, weight_decay=0.05)
    loaded = both((x[~held], y[~held]), (x[held], y[held]))
    return Training(model, optimizer, MSE, *loaded, task="regression", epochs=15)


class Contrast(nn.Module):
    """Each picture is divided by its own spread before anything else."""

    def __init__(self, body: nn.Module, *, floor: float) -> None:
        super().__init__()
        self.body, self.floor = body, floor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, K)."""
        x = x - x.mean(1, keepdim=True)
        return self.body(x / (x.square().mean(1, keepdim=True) + self.floor).sqrt())


def blank_pictures(faulty: bool, seed: int) -> Training:
    """A model divides each picture by its own spread, and a few pictures are blank."""
    (x, y), held = split(*flat(), seed)
    x = x.clone()
    x[::150] = 0
    model = Contrast(stack([64, 48, 10], nn.ReLU), floor=0.0 if faulty else 1e-4)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both((x, y), held), epochs=7)
