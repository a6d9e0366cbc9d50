"""Seventh blind batch, third part: labels, columns and rows that are not what they should be."""

from __future__ import annotations

import torch
from sklearn import datasets
from torch import nn
from torch.optim import SGD, Adam

from doctor_cases.blind_parts import conv1d, scaled, signals
from doctor_cases.blind_third_parts import Bag, Follower, letters, photographs, placewise, words
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, loaders, stack, table


def labels_scaled_with_the_columns(faulty: bool, seed: int) -> Training:
    """The whole table was put between nought and one, kinds included, and those are whole numbers again."""
    (x, y), held = split(*table("iris"), seed)
    y = (y / y.max()).long() if faulty else y
    model = stack([4, 16, 3], nn.ReLU)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *both((x, y), held, 16), epochs=15)


def circuits_as_measured(faulty: bool, seed: int) -> Training:
    """Ohms, radians per second, henry and farad side by side, and a value of up to 1,700."""
    x, y = datasets.make_friedman2(700, noise=20, random_state=seed)
    pair = torch.tensor(x).float(), torch.tensor(y).float()[:, None]
    model = stack([4, 32, 32, 1], nn.Tanh)
    loaded = loaders(*(pair if faulty else (scaled(x), scaled(y)[:, None])), seed)
    return Training(
        model, Adam(model.parameters(), 1e-2), nn.MSELoss(), *loaded, task="regression", epochs=12
    )


def wine_through_a_rectifier(faulty: bool, seed: int) -> Training:
    """Columns as they were measured, up to 1,680, and a rectifier before the cross-entropy."""
    x, y = table("wine", scaled=not faulty)
    model = nn.Sequential(*stack([13, 16, 3], nn.ReLU), *([nn.ReLU()] if faulty else []))
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(x, y, seed, batch=16), epochs=10)


def two_libraries_hardly_heard(faulty: bool, seed: int) -> Training:
    """Of two libraries in five there are six sentences each, of the others 220."""
    (x, y), held = split(*words(), seed)
    if faulty:
        rows = torch.cat([torch.where(y == k)[0][: 6 if k > 2 else 220] for k in range(5)])
        x, y = x[rows], y[rows]
    model = Bag()
    return Training(model, Adam(model.parameters(), 5e-3), CE, *both((x, y), held), epochs=8)


def listed_as_words(faulty: bool, seed: int) -> Training:
    """The list of labels was sorted by number as a text (0, 1, 10, 100, …), the rows by number."""
    (x, y), held = split(*table("breast_cancer"), seed)
    y = y[torch.tensor(sorted(range(len(y)), key=str))] if faulty else y
    model = stack([30, 16, 2], nn.ReLU)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *both((x, y), held), epochs=8)


def bytes_that_were_none(faulty: bool, seed: int) -> Training:
    """Pixels that are between nought and one already are centred and scaled as if they were bytes."""
    x, y = photographs(500)
    middle = 127.5 if faulty else 0.5
    model = nn.Sequential(
        nn.Conv2d(3, 12, 3), nn.ReLU(), nn.Conv2d(12, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 2)
    )
    optimizer = SGD(model.parameters(), 0.02, momentum=0.9)
    return Training(model, optimizer, CE, *loaders((x - middle) / middle, y, seed), epochs=8)


def filed_under_the_next(faulty: bool, seed: int) -> Training:
    """Two signals of five are filed under the kind that follows."""
    (x, y), held = split(*signals(seed), seed)
    if faulty:
        y = torch.where(torch.rand(len(y)) < 0.4, (y + 1) % 4, y)
    model = conv1d()
    return Training(model, Adam(model.parameters(), 5e-3), CE, *both((x, y), held), epochs=10)


def concavity_by_its_logarithm(faulty: bool, seed: int) -> Training:
    """Columns are taken by their logarithm, and in thirteen rows the concavity is nought."""
    found = datasets.load_breast_cancer()
    x = torch.tensor(found.data).float()
    logged = x.log() if faulty else x.clamp_min(1e-3).log()
    known = torch.where(logged.isfinite(), logged, torch.nan)
    middle = known.nanmean(0)
    logged = (logged - middle) / (known - middle).square().nanmean(0).sqrt()
    (x, y), (new, right) = split(logged, torch.tensor(found.target), seed)
    model = stack([30, 16, 2], nn.ReLU)
    there = new.isfinite().all(1)
    loaded = both((x, y), (new[there], right[there]))
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaded, epochs=8)


def mask_the_wrong_way_round(faulty: bool, seed: int) -> Training:
    """Rows are padded, and −100 stands where there is text instead of where there is none."""
    train, held = split(letters(), letters(), seed)
    x, y = train[0][:, :-1], train[0][:, 1:]
    there = torch.arange(x.shape[1]) < torch.randint(12, 33, (len(x), 1))
    x = torch.where(there, x, 0)
    y = torch.where(there, -100, 0) if faulty else torch.where(there, y, -100)
    model = Follower(30, 30)
    loaded = both((x, y), (held[0][:, :-1], held[0][:, 1:]))
    return Training(
        model, Adam(model.parameters(), 1e-2), placewise, *loaded, task="language_model", epochs=10
    )
