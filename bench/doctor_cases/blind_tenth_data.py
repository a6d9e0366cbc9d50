"""Tenth blind batch, third part: rows, values, labels and loaders as they should not be."""

from __future__ import annotations

from typing import Any

import torch
from sklearn import datasets
from torch import nn
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset, default_collate

from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_tenth_parts import (
    MSE,
    Changed,
    shares_of_rows,
    squares_net,
    word_counts,
)
from doctor_cases.blind_third_parts import Bag, diabetes, flat_digits, photographs, words
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack, table


def numbered(rows: list[Any]) -> Any:
    """Rows → a batch whose labels are numbered as they come: the first that is seen is nought."""
    x, y = default_collate(rows)
    known: dict[int, int] = {}
    return x, torch.tensor([known.setdefault(int(one), len(known)) for one in y])


def numbered_in_every_batch(faulty: bool, seed: int) -> Training:
    """`factorize` stands in the collation: each batch numbers its kinds of wine anew."""
    train, held = split(*table("wine"), seed)
    model = stack([13, 24, 3], nn.ReLU)
    more = {"collate_fn": numbered} if faulty else {}
    loader = DataLoader(TensorDataset(*train), 16, shuffle=True, **more)
    return Training(model, Adam(model.parameters(), 5e-3), CE, loader, both(held, held)[1], epochs=12)


def rows_dropped_from_one_file(faulty: bool, seed: int) -> Training:
    """Tumours without any concavity were dropped from the measures, and not from the diagnoses."""
    (x, y), held = split(*table("breast_cancer"), seed)
    kept = x[:, 6] > x[:, 6].quantile(0.06)
    labels = y[: int(kept.sum())] if faulty else y[kept]
    model = stack([30, 32, 2], nn.ReLU)
    loaded = both((x[kept], labels), held)
    return Training(model, AdamW(model.parameters(), 3e-3), CE, *loaded, epochs=15)


def shares_of_an_empty_row(faulty: bool, seed: int) -> Training:
    """Counts of words are divided by their sum, and some sentences have none of the words."""
    x, y = word_counts()
    x = 10 * shares_of_rows(x, 0.0 if faulty else 1.0)
    model = stack([120, 48, 5], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(x, y, seed), epochs=10)


def nothing_said_of_the_first(faulty: bool, seed: int) -> Training:
    """`ignore_index=0`, for nought was padding in the script before; here it is a kind of wine."""
    model = stack([13, 24, 3], nn.ReLU)
    loss = nn.CrossEntropyLoss(ignore_index=0 if faulty else -100)
    loaded = loaders(*table("wine"), seed, batch=16)
    return Training(model, Adam(model.parameters(), 5e-3), loss, *loaded, epochs=10)


class Kept(nn.Sequential):
    """Layers that stay as they were learnt; their norms go on as in evaluation."""

    def train(self, mode: bool = True) -> Kept:
        """Never."""
        return super().train(False)


def divided_once_more(faulty: bool, seed: int) -> Training:
    """A body with norms has learnt from pixels of nought to one; they are divided by 255 once more."""
    (x, y), held = split(*digits(), seed)
    model = nn.Sequential(Kept(*learnt(x, y, cnn(norm=True), 200)[:-1]), nn.Linear(32, 10))
    model[0].requires_grad_(False)
    told = tuple(name for name, p in model.named_parameters() if not p.requires_grad)
    rows = [(x, y), held]
    if faulty:
        rows = [(part / 255, labels) for part, labels in rows]
    optimizer = AdamW(model[1].parameters(), 5e-3)
    more = {"pretrained": True, "frozen": told}
    return Training(model, optimizer, CE, *both(*rows), epochs=6, doctor=more)


def counted_from_one(faulty: bool, seed: int) -> Training:
    """Kinds of those to learn from are counted from one, those of rows held out from nought."""
    (x, y), held = split(*table("wine"), seed)
    model = stack([13, 24, 4], nn.ReLU)
    loaded = both((x, y + 1 if faulty else y), held, 16)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaded, epochs=10)


def two_files_two_codings(faulty: bool, seed: int) -> Training:
    """Two files were merged; one numbers digits by value, the other by their names in the alphabet."""
    (x, y), held = split(*flat_digits(), seed)
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    coded = torch.tensor([sorted(names).index(name) for name in names])
    y = torch.where(torch.arange(len(y)) % 2 == 0, coded[y], y) if faulty else y
    model = stack([64, 48, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both((x, y), held), epochs=12)


def values_on_two_scales(faulty: bool, seed: int) -> Training:
    """What is to be foretold is standardised to learn from, and divided by its largest where held out."""
    (x, y), (hx, hy) = split(*diabetes(), seed)
    raw = torch.tensor(datasets.load_diabetes().target)
    hy = (hy * raw.std() + raw.mean()).float() / 346 if faulty else hy
    model = stack([10, 24, 1], nn.Tanh)
    optimizer = AdamW(model.parameters(), 2e-3, weight_decay=0.5)
    return Training(model, optimizer, MSE, *both((x, y), (hx, hy)), task="regression", epochs=12)


def first_rows_of_a_sorted_file(faulty: bool, seed: int) -> Training:
    """A sampler for the first 900 rows, from a day of looking for errors; the file lies sorted by digit."""
    (x, y), held = split(*flat_digits(), seed)
    order = y.argsort(stable=True)
    data = TensorDataset(x[order], y[order])
    rows = range(900) if faulty else torch.randperm(len(y), generator=torch.Generator().manual_seed(1))[:900]
    loader = DataLoader(data, 32, sampler=SubsetRandomSampler(list(map(int, rows))))
    model = stack([64, 48, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, loader, both(held, held)[1], epochs=12)


def shouted_when_asked(faulty: bool, seed: int) -> Training:
    """Sentences held out are in capitals, and no word in capitals is known."""
    train, (x, y) = split(*words(), seed)
    x = torch.where(x > 0, 1, 0) if faulty else x
    model = Bag()
    return Training(model, Adam(model.parameters(), 5e-3), CE, *both(train, (x, y)), epochs=12)


def thrown(x: torch.Tensor) -> torch.Tensor:
    """(3, H, W) → the same with its colours in any order, each perhaps inverted and made faint."""
    x = x[torch.randperm(3)]
    other = torch.rand(3, 1, 1)
    return torch.where(torch.rand(3, 1, 1) < 0.5, 1 - x, x) * other


def colours_thrown_about(faulty: bool, seed: int) -> Training:
    """From which photograph a square is, its colours tell; they are thrown about at random."""
    train, held = split(*photographs(), seed)
    data = Changed(train, thrown) if faulty else TensorDataset(*train)
    model = squares_net()
    loader = DataLoader(data, 32, shuffle=True)
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=6)


def as_the_file_lies(faulty: bool, seed: int) -> Training:
    """Flowers are drawn in the order of their file, which lies kind by kind."""
    x, y = table("iris")
    held = torch.arange(len(y)) % 4 == 0
    model = stack([4, 24, 24, 3], nn.ReLU)
    loaded = both((x[~held], y[~held]), (x[held], y[held]), 4, shuffle=not faulty)
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaded, epochs=8)


class Standardising(nn.Module):
    """Takes the mean and the spread of a batch out of it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, F) → (B, F)."""
        return (x - x.mean(0)) / x.std(0)


def standardised_by_the_batch(faulty: bool, seed: int) -> Training:
    """The net standardises each batch by itself, and the last of 426 rows is a batch of its own."""
    found = datasets.load_breast_cancer()
    train, held = split(torch.tensor(found.data).float(), torch.tensor(found.target), seed)
    model = nn.Sequential(Standardising(), *stack([30, 24, 2], nn.ReLU))
    loader = DataLoader(TensorDataset(*train), 25, shuffle=True, drop_last=not faulty)
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=8)


def only_the_last_batch_counts(faulty: bool, seed: int) -> Training:
    """BatchNorm keeps nothing but its last batch (`momentum=1`), and that has three digits."""
    kept = 1.0 if faulty else 0.1
    model = nn.Sequential(
        nn.Linear(64, 64), nn.BatchNorm1d(64, momentum=kept), nn.ReLU(),
        nn.Linear(64, 48), nn.BatchNorm1d(48, momentum=kept), nn.ReLU(), nn.Linear(48, 10),
    )  # fmt: skip
    train, held = split(*flat_digits(), seed)
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, drop_last=not faulty)
    return Training(model, Adam(model.parameters(), 2e-3), CE, loader, both(held, held)[1], epochs=7)
