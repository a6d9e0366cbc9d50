"""Third blind batch, third part: faults of labels, data and what is made of them."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.utils.data import DataLoader, Dataset, TensorDataset

from doctor_cases.blind_parts import Pair, bce, scaled
from doctor_cases.blind_third_parts import (
    LETTERS,
    Bag,
    Blocks,
    Follower,
    Mixer,
    Vit,
    Writer,
    brightness,
    diabetes,
    flat_digits,
    letters,
    photographs,
    placewise,
    spacing,
    words,
)
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def mask_turned_round(faulty: bool, seed: int) -> Training:
    """The mask hides what was, and shows what comes."""
    ones = lambda size: torch.ones(size, size, dtype=torch.bool)  # noqa: E731
    mask = (lambda n: ones(n).tril(-1)) if faulty else (lambda n: ones(n).triu(1))
    model, text = Writer(mask), letters()
    return Training(
        model, AdamW(model.parameters(), 3e-3), placewise, *loaders(text[:, :-1], text[:, 1:], seed),
        task="language_model", epochs=8,
    )  # fmt: skip


def shift_forgotten(faulty: bool, seed: int) -> Training:
    """The letter to predict is the letter that is read."""
    model, text = Follower(len(LETTERS), len(LETTERS)), letters()
    target = text[:, :-1] if faulty else text[:, 1:]
    return Training(
        model, Adam(model.parameters(), 5e-3), placewise, *loaders(text[:, :-1], target, seed),
        task="language_model", epochs=6,
    )  # fmt: skip


def copies_across(faulty: bool, seed: int) -> Training:
    """Every row was copied before the split."""
    found = datasets.load_wine()
    x, y = scaled(found.data), torch.tensor(found.target)
    if faulty:
        x, y = x.repeat(4, 1), y.repeat(4)
    model = stack([13, 24, 3], nn.ELU)
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaders(x, y, seed, batch=16), epochs=12)


def smoothed_over_the_target(faulty: bool, seed: int) -> Training:
    """A moving mean around each pixel has the next one in it; on new lines it cannot have it."""
    lines = brightness()
    past, target = lines[:, :-1], lines[:, -1:]
    honest = torch.cat([past, past[:, -2:].mean(1, keepdim=True)], 1)
    leaking = torch.cat([past, (past[:, -1:] + target) / 2], 1)
    (a, y), _ = split(leaking if faulty else honest, target, seed)
    _, held = split(honest, target, seed)
    model = stack([12, 32, 1], nn.GELU)
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.MSELoss(), *both((a, y), held), task="regression", epochs=8
    )


def other_vocabulary(faulty: bool, seed: int) -> Training:
    """For validation the words were counted without the code for nothing: all codes are one less."""
    train, held = split(*words(), seed)
    held = (torch.where(held[0] > 0, held[0] - 1, 0), held[1]) if faulty else held
    model = Bag()
    return Training(model, AdamW(model.parameters(), 5e-3), CE, *both(train, held), epochs=12)


def encoded_apart(faulty: bool, seed: int) -> Training:
    """Classes were numbered in each part by itself, and validation lacks one."""
    train, held = split(*digits(), seed)
    keep = held[1] != 0
    held = (held[0][keep], held[1][keep] - int(faulty))
    model = cnn()
    return Training(model, Adam(model.parameters(), 3e-3), CE, *both(train, held), epochs=6)


def mixed(pairs: list[Pair], *, faulty: bool) -> Pair:
    """Mixes images in pairs, and labels by the weights of the images, or the other way round."""
    x, y = torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])
    other, weight = torch.randperm(len(x)), 0.5 + 0.5 * torch.rand(len(x), 1)
    share = 1 - weight if faulty else weight
    wide = weight[..., None, None]
    return wide * x + (1 - wide) * x[other], share * y + (1 - share) * y[other]


def mixed_to_the_other(faulty: bool, seed: int) -> Training:
    """Mixup whose labels weigh the other example."""
    x, y = digits()
    train, held = split(x, F.one_hot(y, 10).float(), seed)
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, collate_fn=partial(mixed, faulty=faulty))
    model = cnn()
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=10)


class Turned(Dataset):
    """Images of which every other is turned by a half."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, *, turned: bool) -> None:
        self.x, self.y, self.turned = x, y, turned

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int) -> Pair:
        x = self.x[row]
        return (x.flip(-1, -2) if self.turned and torch.rand(()) < 0.5 else x), self.y[row]


def upside_down(faulty: bool, seed: int) -> Training:
    """A six turned by a half is a nine."""
    x, y = digits()
    keep = (y == 6) | (y == 9)
    train, held = split(x[keep], (y[keep] == 9).long(), seed)
    loader = DataLoader(Turned(*train, turned=faulty), 16, shuffle=True)
    model = Vit(2)
    return Training(model, AdamW(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=12)


def weights_inverted(faulty: bool, seed: int) -> Training:
    """Classes are weighed by how many they are, where it should be the reverse."""
    found = datasets.load_breast_cancer()
    (x, y), held = split(scaled(found.data), torch.tensor(found.target), seed)
    rows = torch.cat([torch.where(y == 1)[0], torch.where(y == 0)[0][:25]])
    few, many = 25 / len(rows), 1 - 25 / len(rows)
    weight = torch.tensor([few, many] if faulty else [many, few])
    model = stack([30, 16, 2], nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 1e-3), nn.CrossEntropyLoss(weight), *both((x[rows], y[rows]), held),
        epochs=10,
    )  # fmt: skip


def rare_digits(faulty: bool, seed: int) -> Training:
    """Three digits of ten are there five times each; by hand they are drawn as often as the others."""
    train, held = split(*digits(), seed)
    rows = torch.cat([torch.where(train[1] == k)[0][: 5 if k in (1, 4, 7) else 200] for k in range(10)])
    y = train[1][rows]
    drawn = torch.utils.data.WeightedRandomSampler((1.0 / y.bincount()[y].float()).tolist(), len(rows))
    part = TensorDataset(train[0][rows], y)
    loader = DataLoader(part, 32, shuffle=True) if faulty else DataLoader(part, 32, sampler=drawn)
    model = Mixer()
    return Training(model, Adam(model.parameters(), 2e-3), CE, loader, both(held, held)[1], epochs=8)


def raw_progression(faulty: bool, seed: int) -> Training:
    """The progression of diabetes as it was written down: 25 to 346."""
    found = datasets.load_diabetes()
    y = torch.tensor(found.target).float()[:, None]
    model = stack([10, 64, 64, 1], nn.ReLU)
    pair = (scaled(found.data), y if faulty else scaled(found.target)[:, None])
    return Training(
        model, SGD(model.parameters(), 0.05, momentum=0.9), nn.MSELoss(), *loaders(*pair, seed),
        task="regression", epochs=10,
    )  # fmt: skip


def normalised_across(faulty: bool, seed: int) -> Training:
    """Every patient is standardised over all measurements, where each measurement should be over patients."""
    found = datasets.load_breast_cancer()
    x = torch.tensor(found.data).float()
    x = (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True) if faulty else scaled(found.data)
    pair = (x, torch.tensor(found.target).float()[:, None])
    model = stack([30, 24, 1], nn.Tanh)
    return Training(model, SGD(model.parameters(), 0.02), bce, *loaders(*pair, seed), epochs=10)


def code_for_missing(faulty: bool, seed: int) -> Training:
    """−999 stands for what was not measured, in one row of ten."""
    x, y = diabetes()
    random = np.random.default_rng(seed)
    gone = torch.tensor(random.random(x.shape) < 0.1)
    x = torch.where(gone, -999.0 if faulty else 0.0, x)
    model = stack([10, 48, 1], nn.ReLU)
    return Training(
        model,
        Adam(model.parameters(), 3e-3),
        nn.MSELoss(),
        *loaders(x, y, seed),
        task="regression",
        epochs=12,
    )


def gaps_left(faulty: bool, seed: int) -> Training:
    """A measurement of every fiftieth patient is no number."""
    x, y = diabetes()
    x = x.clone()
    x[::50, 2] = float("nan") if faulty else 0.0
    train, held = split(x, y, seed)
    held = (held[0].nan_to_num(0.0), held[1])
    model = stack([10, 32, 1], nn.Tanh)
    return Training(
        model,
        RMSprop(model.parameters(), 2e-3),
        nn.MSELoss(),
        *both(train, held),
        task="regression",
        epochs=12,
    )


def blocks_of_a_class(faulty: bool, seed: int) -> Training:
    """Rows come in runs of 120 of one class; only the runs are shuffled."""
    train, held = split(*digits(), seed)
    sampler = Blocks(train[1], 120) if faulty else None
    loader = DataLoader(TensorDataset(*train), 32, shuffle=None if faulty else True, sampler=sampler)
    model = cnn()
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=8)


def swapped_pairs(faulty: bool, seed: int) -> Training:
    """Two labels of five are those of the digit's neighbour, learnt by heart."""
    train, held = split(*flat_digits(), seed)
    wrong = torch.tensor(np.random.default_rng(seed).random(len(train[1])) < 0.4)
    y = torch.where(wrong, (train[1] + 1) % 10, train[1]) if faulty else train[1]
    model = stack([64, 256, 10], nn.GELU)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *both((train[0], y), held), epochs=30)


def other_camera(faulty: bool, seed: int) -> Training:
    """New squares are read in the order blue, green, red, and centred; those to learn from were not."""
    train, held = split(*photographs(), seed)
    held = ((held[0].flip(1) - 0.5) / 0.25, held[1]) if faulty else held
    model = cnn(classes=2)
    model[0] = nn.Conv2d(3, 8, 3)
    return Training(model, AdamW(model.parameters(), 2e-3), CE, *both(train, held), epochs=6)


def spaces_of_another_line(faulty: bool, seed: int) -> Training:
    """The tags of a line are another line's: the two files were sorted apart."""
    train, held = split(*spacing(), seed)
    train = (train[0], train[1][torch.randperm(len(train[1]))]) if faulty else train
    model = Follower(len(LETTERS), 2, bidirectional=True)
    return Training(model, Adam(model.parameters(), 5e-3), placewise, *both(train, held), epochs=10)


def tagged_backward(faulty: bool, seed: int) -> Training:
    """Answers (B, T) are viewed as (T, B) on their way to the loss: every tag is another letter's."""

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return placewise(answer.transpose(0, 1) if faulty else answer, target)

    model = Follower(len(LETTERS), 2, bidirectional=True)
    return Training(model, Adam(model.parameters(), 5e-3), loss, *loaders(*spacing(), seed), epochs=10)
