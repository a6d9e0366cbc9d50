"""Fifth blind batch, controls: unusual, and well."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, RMSprop, SparseAdam
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, LambdaLR

from doctor_cases.blind_fourth_training import moons, xor
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import cancer, friedman, scaled
from doctor_cases.blind_third_parts import words
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, blobs, circle, cnn, digits, loaders, stack


def learnt(x: torch.Tensor, y: torch.Tensor, model: nn.Module, steps: int = 200) -> nn.Module:
    """The model after some steps on these rows."""
    early = Adam(model.parameters(), 3e-3)
    for _ in range(steps):
        rows = torch.randint(0, len(y), (64,))
        early.zero_grad()
        CE(model(x[rows]), y[rows]).backward()
        early.step()
    early.zero_grad()
    return model


def clouds_by_descent(seed: int) -> Training:
    """Nothing but gradient descent, a hidden layer and three clouds."""
    model = stack([2, 16, 3], nn.ReLU)
    return Training(model, SGD(model.parameters(), 0.1), CE, *loaders(*blobs(seed), seed), epochs=15)


def digits_by_rmsprop(seed: int) -> Training:
    """RMSprop at its usual rate."""
    model = cnn(activation=nn.LeakyReLU)
    return Training(model, RMSprop(model.parameters(), 1e-3), CE, *loaders(*digits(), seed), epochs=8)


def half_behind_a_norm(seed: int) -> Training:
    """A rate that only BatchNorm can bear."""
    model = nn.Sequential(
        nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 48), nn.BatchNorm1d(48), nn.ReLU(),
        nn.Linear(48, 10),
    )  # fmt: skip
    return Training(model, SGD(model.parameters(), 0.5), CE, *loaders(*flat(), seed, batch=33), epochs=10)


def cancer_by_eights(seed: int) -> Training:
    """Batches of eight."""
    model = stack([30, 16, 1], nn.Tanh)
    loss = nn.BCEWithLogitsLoss()
    return Training(model, Adam(model.parameters(), 1e-3), loss, *loaders(*cancer(), seed, batch=8), epochs=8)


def head_on_what_was_learnt(seed: int) -> Training:
    """A linear probe: the body was learnt on pairs of digits and is meant to stay."""
    train, held = split(*digits(), seed)
    body = learnt(train[0][:700], train[1][:700] // 2, cnn(classes=5))
    body[-1] = nn.Identity()
    for p in body.parameters():
        p.requires_grad = False
    model = nn.Sequential(body, nn.Linear(32, 10))
    return Training(
        model, Adam(model[-1].parameters(), 1e-2), CE, *both(train, held), epochs=15,
        doctor={"pretrained": True},
    )  # fmt: skip


def gathered_over_four(seed: int) -> Training:
    """Batches of eight, gathered over four, and the loss is divided."""
    model = stack([64, 32, 10], nn.ReLU)
    loaded = loaders(*flat(), seed, batch=8)
    return Training(model, AdamW(model.parameters(), 3e-3), CE, *loaded, epochs=8, accumulate=4)


def words_by_sparse_adam(seed: int) -> Training:
    """Only the vectors of the words that occur are moved."""

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.EmbeddingBag(502, 5, sparse=True, mode="sum", padding_idx=0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """(B, T) → (B, 5)."""
            return self.tokens(x)

    model = Sum()
    nn.init.normal_(model.tokens.weight, std=0.1)
    return Training(model, SparseAdam(model.parameters(), 1e-2), CE, *loaders(*words(), seed), epochs=8)


def three_of_one_moon(seed: int) -> Training:
    """Three to one."""
    x, y = moons(seed, 900)
    keep = (y == 0) | (torch.rand(len(y)) < 1 / 3)
    model = stack([2, 24, 24, 2], nn.ReLU)
    loaded = loaders(x[keep], y[keep], seed)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaded, epochs=15)


def one_in_twenty_is_wrong(seed: int) -> Training:
    """Five in a hundred labels are another's, as in most collections."""
    (x, y), held = split(*flat(), seed)
    y = torch.where(torch.rand(len(y)) < 0.05, torch.randint(0, 10, y.shape), y)
    model = stack([64, 32, 10], nn.ReLU)
    optimizer = AdamW(model.parameters(), 2e-3, weight_decay=0.05)
    return Training(model, optimizer, CE, *both((x, y), held), epochs=8)


def coin_with_a_lean(seed: int) -> Training:
    """Two in three can be told, and nobody can do better."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((1600, 6))
    y = random.random(1600) < 1 / (1 + np.exp(-0.9 * x[:, 0]))
    model = stack([6, 12, 2], nn.Tanh)
    loaded = loaders(torch.tensor(x).float(), torch.tensor(y).long(), seed)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=8)


def quarter_dropped_twice(seed: int) -> Training:
    """Dropout of a quarter behind both hidden layers."""
    model = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.25), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.25),
        nn.Linear(64, 10),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(*flat(), seed), epochs=12)


def ten_convolutions(seed: int) -> Training:
    """Ten convolutions, each with BatchNorm and ReLU."""
    layers: list[nn.Module] = []
    for number in range(10):
        layers += [nn.Conv2d(8 if number else 1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*digits(), seed, batch=33), epochs=4)


def friedman_standardised(seed: int) -> Training:
    """Values of mean nought and spread one."""
    model = stack([10, 48, 48, 1], nn.SiLU)
    return Training(
        model, AdamW(model.parameters(), 3e-3), nn.MSELoss(), *loaders(*friedman(seed, 800), seed),
        task="regression", epochs=20,
    )  # fmt: skip


def straight_down_to_nought(seed: int) -> Training:
    """The rate falls on a line and ends at nought."""
    model = stack([64, 32, 10], nn.GELU)
    train, held = loaders(*flat(), seed)
    optimizer = AdamW(model.parameters(), 5e-3)
    last = 10 * len(train)
    plan = LambdaLR(optimizer, lambda step: max(0.0, 1 - step / last))
    return Training(model, optimizer, CE, train, held, epochs=10, scheduler=plan)


def rings_with_restarts(seed: int) -> Training:
    """A cosine that begins anew every three passes."""
    model = stack([2, 32, 32, 2], nn.ReLU)
    train, held = loaders(*circle(seed), seed)
    optimizer = SGD(model.parameters(), 0.2, momentum=0.9)
    plan = CosineAnnealingWarmRestarts(optimizer, 3 * len(train))
    return Training(model, optimizer, CE, train, held, epochs=12, scheduler=plan)


def nine_tenths_at_the_start(seed: int) -> Training:
    """Knows most already, and is tuned gently."""
    train, held = split(*digits(), seed)
    model = learnt(train[0][:800], train[1][:800], cnn())
    return Training(
        model, AdamW(model.parameters(), 3e-4), CE, *both(train, held), epochs=6, doctor={"pretrained": True}
    )


def corners_after_a_while(seed: int) -> Training:
    """Signs that have to differ: nothing happens for passes, and then all of it."""
    model = stack([2, 6, 6, 1], nn.Tanh)
    x, y = xor(seed, 800)
    optimizer = SGD(model.parameters(), 0.1, momentum=0.5)
    return Training(
        model, optimizer, nn.BCEWithLogitsLoss(), *loaders(x, y.float()[:, None], seed), epochs=40
    )


def taught_by_another(seed: int) -> Training:
    """Half of the loss is the label's, half the teacher's at a temperature of three."""
    train, held = split(*flat(), seed)
    teacher = learnt(*train, stack([64, 96, 10], nn.ReLU)).eval()

    class Pupil(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.seen = stack([64, 16, 10], nn.ReLU), None

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """(B, 64) → (B, 10)."""
            with torch.no_grad():
                self.seen = teacher(x)
            return self.body(x)

    model = Pupil()

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        soft = F.softmax(model.seen / 3, 1)
        kept = F.kl_div(F.log_softmax(answer / 3, 1), soft, reduction="batchmean") * 9
        return 0.5 * CE(answer, target) + 0.5 * kept

    return Training(model, Adam(model.parameters(), 3e-3), loss, *both(train, held), epochs=12)


def wine_by_a_line(seed: int) -> Training:
    """Softmax regression: one layer is enough."""
    found = datasets.load_wine()
    model = nn.Sequential(nn.Linear(13, 3))
    pair = scaled(found.data), torch.tensor(found.target)
    return Training(model, SGD(model.parameters(), 0.3), CE, *loaders(*pair, seed, batch=16), epochs=15)


FIFTH_CONTROLS = {
    build.__name__: build
    for build in (
        clouds_by_descent,
        digits_by_rmsprop,
        half_behind_a_norm,
        cancer_by_eights,
        head_on_what_was_learnt,
        gathered_over_four,
        words_by_sparse_adam,
        three_of_one_moon,
        one_in_twenty_is_wrong,
        coin_with_a_lean,
        quarter_dropped_twice,
        ten_convolutions,
        friedman_standardised,
        straight_down_to_nought,
        rings_with_restarts,
        nine_tenths_at_the_start,
        corners_after_a_while,
        taught_by_another,
        wine_by_a_line,
    )
}
