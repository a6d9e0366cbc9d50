"""Sixth blind batch, fourth part: faults of labels, of data and of what is made of them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import Adam
from torch.utils.data import DataLoader, TensorDataset

from doctor_cases.blind_fifth_data import Still
from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import Pair, outputs, scaled
from doctor_cases.blind_sixth_parts import census
from doctor_cases.blind_third_parts import Bag, diabetes, photographs, words
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def photographs_by_guess(faulty: bool, seed: int) -> Training:
    """Two of five squares were filed under the other photograph, or not, by a coin."""
    (x, y), held = split(*photographs(500), seed)
    if faulty:
        y = torch.where(torch.rand(len(y)) < 0.4, 1 - y, y)
    model = nn.Sequential(nn.Flatten(), stack([192, 128, 128, 2], nn.ReLU))
    loaded = both((x, y), held)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=30 if faulty else 12)


def progression_in_a_byte(faulty: bool, seed: int) -> Training:
    """Values up to 346 are stored in eight bits with a sign."""
    (x, _), (new, _) = split(*diabetes(), seed)
    found = torch.tensor(datasets.load_diabetes().target).float()
    mean, spread = found.mean(), found.std()
    (_, y), (_, right) = split(found[:, None], found[:, None], seed)
    y = (y + 128) % 256 - 128 if faulty else y
    model = stack([10, 16, 1], nn.ReLU)
    loaded = both((x, (y - mean) / spread), (new, (right - mean) / spread))
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.MSELoss(), *loaded, task="regression", epochs=12
    )


def made_many_before_the_split(faulty: bool, seed: int) -> Training:
    """Each row is made six by a little noise, and then rows are drawn for validation."""
    x, y = datasets.make_classification(
        300, 20, n_informative=4, class_sep=1.0, flip_y=0.1, random_state=seed
    )

    def many(a: torch.Tensor, b: torch.Tensor) -> Pair:
        return a.repeat(6, 1) + 0.05 * torch.randn(6 * len(a), 20), b.repeat(6)

    rows = scaled(x), torch.tensor(y)
    train, held = split(*rows, seed)
    train, held = split(*many(*rows), seed) if faulty else (many(*train), held)
    model = stack([20, 64, 64, 2] if faulty else [20, 8, 2], nn.ReLU)
    return Training(model, Adam(model.parameters(), 4e-3), CE, *both(train, held), epochs=8)


def census_as_it_was_counted(faulty: bool, seed: int) -> Training:
    """Weights of a sample in the hundred thousands beside ages and hours."""
    x, y = census()
    model = stack([6, 32, 2], nn.ReLU)
    x = x if faulty else scaled(x.clamp_min(0).log1p())
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(x, y, seed), epochs=12)


def one_reading_of_a_million(faulty: bool, seed: int) -> Training:
    """Columns are put between nought and one by their largest value, and each has one that is absurd."""
    x, y = outputs(seed)
    if faulty:
        x = x.clone()
        x[torch.randint(0, len(x), (8,)), torch.arange(8)] = 1e4
    x = (x - x.amin(0)) / (x.amax(0) - x.amin(0))
    model = stack([8, 32, 3], nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 1e-2), nn.MSELoss(), *loaders(x, y, seed), task="regression",
        epochs=25,
    )  # fmt: skip


def codes_of_another_model(faulty: bool, seed: int) -> Training:
    """A body that stays as it was learnt is given codes of a vocabulary in another order."""
    (x, y), (new, right) = split(*words(), seed)
    body = learnt(x[:700], y[:700], Bag(), 400)
    for p in body.parameters():
        p.requires_grad = False
    order = torch.cat([torch.arange(2), 2 + torch.randperm(500)]) if faulty else torch.arange(502)
    model = nn.Sequential(Still(body), nn.Linear(5, 5))
    return Training(
        model, Adam(model[1].parameters(), 1e-2), CE, *both((order[x[700:]], y[700:]), (order[new], right)),
        epochs=12, doctor={"pretrained": True},
    )  # fmt: skip


def smaller_when_asked(faulty: bool, seed: int) -> Training:
    """Images to learn from fill the frame; those of validation are scaled into the middle of it."""
    train, (x, y) = split(*digits(), seed)
    if faulty:
        x = F.pad(F.interpolate(x, size=(5, 5), mode="bilinear"), (1, 2, 1, 2))
    model = cnn(norm=True, activation=nn.GELU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both(train, (x, y), 33), epochs=8)


def corners_of_images(faulty: bool, seed: int) -> Training:
    """Random crops that are meant for photographs leave a sixth of a digit."""

    def cropped(pairs: list[Pair]) -> Pair:
        side = 3 if faulty else 7
        places = torch.randint(0, 9 - side, (len(pairs), 2)).tolist()
        parts = [
            F.interpolate(x[None, :, a : a + side, b : b + side], size=(8, 8), mode="bilinear")
            for (x, _), (a, b) in zip(pairs, places, strict=True)
        ]
        return torch.cat(parts), torch.stack([y for _, y in pairs])

    train, held = split(*digits(), seed)
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, collate_fn=cropped)
    model = cnn()
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=8)


def one_square_in_sixty(faulty: bool, seed: int) -> Training:
    """Of one photograph there are eleven squares, of the other 675."""
    (x, y), held = split(*photographs(900), seed)
    if faulty:
        rows = torch.cat([torch.where(y == 1)[0][:11], torch.where(y == 0)[0]])
        x, y = x[rows], y[rows]
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 24), nn.ReLU(),
        nn.Linear(24, 2),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both((x, y), held), epochs=8)


class Buffered:
    """Rows in their order, drawn from a buffer of so many."""

    def __init__(self, rows: int, size: int) -> None:
        self.rows, self.size = rows, size

    def __iter__(self) -> Iterator[int]:
        held: list[int] = []
        for row in range(self.rows):
            held.append(row)
            if len(held) == self.size:
                yield held.pop(int(torch.randint(0, len(held), (1,))))
        yield from (held[number] for number in torch.randperm(len(held)).tolist())

    def __len__(self) -> int:
        return self.rows


def buffer_of_thirty(faulty: bool, seed: int) -> Training:
    """A stream that lies class by class is shuffled within a buffer of thirty."""
    (x, y), held = split(*flat(), seed)
    order = y.argsort()
    rows = TensorDataset(x[order], y[order])
    loader = DataLoader(rows, 32, sampler=Buffered(len(rows), 30 if faulty else len(rows)))
    model = stack([64, 48, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=8)


def column_without_spread(faulty: bool, seed: int) -> Training:
    """A column that is always the same is divided by its spread, which is nought."""
    found = datasets.load_digits()
    x, y = torch.tensor(found.data).float(), torch.tensor(found.target)
    x = (x - x.mean(0)) / (x.std(0) if faulty else x.std(0).clamp_min(0.5))
    model = stack([64, 32, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(x, y, seed), epochs=8)
