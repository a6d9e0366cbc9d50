"""Fifth blind batch, third part: faults of labels, data and what is made of them."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, TensorDataset

from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import Pair, cancer, friedman, scaled
from doctor_cases.blind_third_parts import Bag, Follower, words
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, blobs, circle, cnn, digits, loaders, stack


def noise_on_what_is_learnt(faulty: bool, seed: int) -> Training:
    """Training images are stored with noise of twice their own spread; validation is clean."""
    train, held = split(*digits(), seed)
    if faulty:
        train = train[0] + 1.5 * torch.randn_like(train[0]), train[1]
    model = cnn()
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both(train, held), epochs=8)


def pairs_that_overlap(faulty: bool, seed: int) -> Training:
    """Six in ten of the fours are called nine, of the ones seven, of the threes eight, of the noughts six."""
    (x, y), held = split(*flat(), seed)
    if faulty:
        chosen = torch.rand(len(y)) < 0.6
        for one, other in ((4, 9), (1, 7), (3, 8), (0, 6)):
            y = torch.where(chosen & (y == one), other, y)
    model = stack([64, 64, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both((x, y), held), epochs=12)


def two_encoders(faulty: bool, seed: int) -> Training:
    """Labels of training and validation were numbered by two encoders, each in its own order."""
    (x, y), held = split(*digits(), seed)
    if faulty:
        y = torch.tensor([3, 7, 0, 9, 5, 1, 8, 2, 6, 4])[y]
    model = cnn()
    return Training(model, Adam(model.parameters(), 2e-3), CE, *both((x, y), held), epochs=6)


def shuffled_in_part(faulty: bool, seed: int) -> Training:
    """Two files are read in different orders: two of three rows have another row's label."""
    (x, y), held = split(*flat(), seed)
    if faulty:
        moved = torch.randperm(len(y))[: 2 * len(y) // 3]
        y = y.clone()
        y[moved] = y[moved.roll(1)]
    model = stack([64, 96, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *both((x, y), held), epochs=25)


def few_of_the_inner_ring(faulty: bool, seed: int) -> Training:
    """Six points of the inner ring beside three hundred of the outer; as many of both in validation."""
    (x, y), held = split(*circle(seed), seed)
    if faulty:
        keep = torch.cat([torch.where(y == 1)[0][:6], torch.where(y == 0)[0]])
        x, y = x[keep], y[keep]
    model = stack([2, 24, 2], nn.Tanh)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *both((x, y), held), epochs=20)


def cloud_after_cloud(faulty: bool, seed: int) -> Training:
    """Rows sorted by class, never shuffled."""
    (x, y), held = split(*blobs(seed, classes=5), seed)
    order = y.argsort()
    model = stack([2, 24, 24, 5], nn.ReLU)
    loaded = both((x[order], y[order]), held, 16, shuffle=not faulty)
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaded, epochs=15)


def validation_seen_before(faulty: bool, seed: int) -> Training:
    """The training part is all rows, those of validation among them."""
    x, y = cancer()
    train, held = split(x, y, seed)
    model = stack([30, 32, 1], nn.ReLU)
    loaded = both((x, y) if faulty else train, held)
    return Training(model, Adam(model.parameters(), 2e-3), nn.BCEWithLogitsLoss(), *loaded, epochs=8)


def answer_in_a_column(faulty: bool, seed: int) -> Training:
    """One of the columns was computed from the answer."""
    x, y = friedman(seed, noise=2.0)
    column = y + 0.05 * torch.randn_like(y) if faulty else torch.randn_like(y)
    model = stack([11, 32, 1], nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 5e-3), nn.MSELoss(), *loaders(torch.cat([x, column], 1), y, seed),
        task="regression", epochs=10,
    )  # fmt: skip


class Still(nn.Sequential):
    """A body that stays as it was learnt: its BatchNorm too."""

    def train(self, mode: bool = True) -> Still:
        """Evaluation mode, always."""
        return super().train(False)


def ink_and_paper(faulty: bool, seed: int) -> Training:
    """The body was learnt on light ink, and is given dark ink; only the head is tuned."""
    (x, y), held = split(*digits(), seed)
    learnt = cnn(norm=True)
    early = Adam(learnt.parameters(), 3e-3)
    for _ in range(150):
        rows = torch.randint(0, 700, (64,))
        early.zero_grad()
        CE(learnt(x[rows]), y[rows] // 2).backward()
        early.step()
    body = Still(*list(learnt.children())[:-1])
    for p in body.parameters():
        p.requires_grad, p.grad = False, None
    model = nn.Sequential(body, nn.Linear(32, 10))
    turn = (lambda images: 1 - images) if faulty else (lambda images: images)
    loaded = both((turn(x[700:]), y[700:]), (turn(held[0]), held[1]))
    return Training(
        model, Adam(model[-1].parameters(), 4e-3), CE, *loaded, epochs=12, doctor={"pretrained": True}
    )


def values_not_measured(faulty: bool, seed: int) -> Training:
    """Three patients' progression was not measured, and stands as NaN."""
    found = datasets.load_diabetes()
    train, held = split(scaled(found.data), scaled(found.target)[:, None], seed)
    y = train[1].clone()
    y[[5, 90, 200]] = float("nan")
    keep = y[:, 0].isfinite()
    pair = (train[0], y) if faulty else (train[0][keep], y[keep])
    model = stack([10, 16, 1], nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.MSELoss(), *both(pair, held), task="regression", epochs=12
    )


def padded_longer_at_evaluation(faulty: bool, seed: int) -> Training:
    """Padding is averaged in as if it were words, and evaluation pads to eighty instead of sixteen."""

    class Mean(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens, self.head = nn.Embedding(502, 24), stack([24, 32, 5], nn.ReLU)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """(B, T) → (B, 5)."""
            return self.head(self.tokens(x).mean(1))

    train, (x, y) = split(*words(), seed)
    held = (nn.functional.pad(x, (0, 64)), y) if faulty else (x, y)
    model = Mean()
    return Training(model, Adam(model.parameters(), 5e-3), CE, *both(train, held), epochs=8)


def padded_behind(faulty: bool, seed: int) -> Training:
    """The last state is read, and it stands behind fifty places of padding."""
    x, y = words(12)
    pad = x == 0
    left = torch.stack([torch.cat([row[gone], row[~gone]]) for row, gone in zip(x, pad, strict=True)])
    wide = nn.functional.pad(x, (0, 50)) if faulty else left
    model = Follower(502, 5, last=True)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(wide, y, seed), epochs=8)


def cut_after_two_words(faulty: bool, seed: int) -> Training:
    """`max_length` of two words."""
    x, y = words()
    model = Bag()
    x = x[:, :2] if faulty else x
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(x, y, seed), epochs=8)


def turned_any_way(faulty: bool, seed: int) -> Training:
    """Digits are mirrored and turned by quarters at random while learning."""

    def turned(pairs: list[Pair]) -> Pair:
        turns, mirrored = np.random.randint(0, 4, len(pairs)), np.random.random(len(pairs)) < 0.5
        images = [
            torch.rot90(x.flip(2) if mirror else x, int(turn), (1, 2)) if faulty else x
            for (x, _), turn, mirror in zip(pairs, turns, mirrored, strict=True)
        ]
        return torch.stack(images), torch.stack([y for _, y in pairs])

    train, held = split(*digits(), seed)
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, collate_fn=turned)
    model = cnn()
    return Training(model, Adam(model.parameters(), 2e-3), CE, loader, both(held, held)[1], epochs=8)


def years_beside_shares(faulty: bool, seed: int) -> Training:
    """A year of four figures and an income in units beside shares: linear regression by descent."""
    random = np.random.default_rng(seed)
    year, income = random.uniform(1950, 2020, 600), random.lognormal(10, 0.5, 600)
    share = random.random((600, 4))
    y = 0.05 * (year - 1985) + 1.2 * np.log(income) + share @ np.array([1.0, -2.0, 3.0, 0.5])
    x = np.column_stack([year, income, share])
    model = stack([6, 24, 1], nn.ReLU)
    inputs = torch.tensor(x).float() if faulty else scaled(x)
    return Training(
        model, Adam(model.parameters(), 5e-3), nn.MSELoss(), *loaders(inputs, scaled(y)[:, None], seed),
        task="regression", epochs=20,
    )  # fmt: skip
