# ruff: noqa: D103 a control is named for what is unusual about it
"""Third blind batch, controls: odd, and nothing wrong."""

from __future__ import annotations

import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adadelta, Adam, AdamW, NAdam, RMSprop, Rprop
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from doctor_cases.blind_parts import Mapped, bce
from doctor_cases.blind_third_parts import (
    LETTERS,
    Bag,
    Dilated,
    Follower,
    Mixer,
    Twins,
    Vit,
    Writer,
    brightness,
    couples,
    flat_digits,
    letters,
    lower_half,
    photographs,
    placewise,
    spacing,
    words,
)
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def vit_smoothed_by_four_tenths(seed: int) -> Training:
    model = Vit()
    loss = nn.CrossEntropyLoss(label_smoothing=0.4)
    return Training(model, AdamW(model.parameters(), 3e-3), loss, *loaders(*digits(), seed), epochs=12)


def adadelta_at_one(seed: int) -> Training:
    model = cnn(activation=nn.Mish)
    return Training(model, Adadelta(model.parameters(), 1.0), CE, *loaders(*digits(), seed), epochs=8)


def row_by_row(seed: int) -> Training:
    """Batches of one."""
    found = datasets.load_iris()
    x = torch.tensor(found.data).float()
    pair = ((x - x.mean(0)) / x.std(0), torch.tensor(found.target))
    model = stack([4, 24, 3], nn.SiLU)
    return Training(model, SGD(model.parameters(), 0.01), CE, *loaders(*pair, seed, batch=1), epochs=12)


def whole_set_at_once(seed: int) -> Training:
    """Rprop, which wants all rows in one batch."""
    model = stack([64, 32, 10], nn.Tanh)
    return Training(
        model, Rprop(model.parameters(), 1e-3), CE, *loaders(*flat_digits(), seed, batch=2000), epochs=80
    )


def words_frozen_on_purpose(seed: int) -> Training:
    """Fixed random vectors, said to be so."""
    model = Bag(width=96, vectors=nn.Embedding.from_pretrained(torch.randn(502, 96)))
    learning = [p for p in model.parameters() if p.requires_grad]
    return Training(
        model, AdamW(learning, 3e-3, weight_decay=0.1), CE, *loaders(*words(), seed), epochs=12,
        doctor={"frozen": ("tokens",)},
    )  # fmt: skip


def margins_kept(seed: int) -> Training:
    """Contrastive: pairs that are far enough apart have no gradient."""
    model = Twins(lambda a, b: (a - b).square().sum(1, keepdim=True))
    model.head = nn.Linear(1, 1)
    return Training(
        model, Adam(model.parameters(), 2e-3), lambda a, y: (1 - (2 * y - 1) * a).relu().mean(),
        *loaders(*couples(seed), seed), epochs=8,
    )  # fmt: skip


def through_eight(seed: int) -> Training:
    """An autoencoder with eight units in its middle: it cannot say all, and need not."""
    x, _ = flat_digits()
    model = stack([64, 48, 8, 48, 64], nn.GELU)
    return Training(
        model,
        Adam(model.parameters(), 3e-3),
        nn.MSELoss(),
        *loaders(x, x, seed),
        task="regression",
        epochs=15,
    )


def straight_through(seed: int) -> Training:
    """Rounded codes whose gradient is passed by."""
    model = nn.Sequential(
        nn.Linear(64, 48), Mapped(lambda h: h + (h.round() - h).detach()), nn.Linear(48, 10)
    )
    x, y = flat_digits()
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(4 * x, y, seed), epochs=8)


def blocks_from_nought(seed: int) -> Training:
    """The last layer of each block, and the head, start at nought."""
    model = Mixer()
    for block in (*model.across, *model.down):
        nn.init.zeros_(block[-1].weight)
        nn.init.zeros_(block[-1].bias)
    nn.init.zeros_(model.head.weight)
    return Training(model, AdamW(model.parameters(), 3e-3), CE, *loaders(*digits(), seed), epochs=10)


def clipped_at_a_hundredth(seed: int) -> Training:
    """Clipped to 0.01 at every step, in front of Adam, which does not mind."""
    model = Dilated(10)
    return Training(
        model, Adam(model.parameters(), 3e-3), CE, *loaders(*flat_digits(), seed), epochs=8, clip=0.01
    )


def letters_low_ceiling(seed: int) -> Training:
    """A small causal reader of letters: most cannot be foretold."""
    model = Writer(lambda n: torch.ones(n, n, dtype=torch.bool).triu(1))
    text = letters()
    return Training(
        model, AdamW(model.parameters(), 3e-3), placewise, *loaders(text[:, :-1], text[:, 1:], seed),
        task="language_model", epochs=10,
    )  # fmt: skip


def raw_behind_a_norm(seed: int) -> Training:
    """Raw measurements, which BatchNorm scales first."""
    found = datasets.load_breast_cancer()
    pair = (torch.tensor(found.data).float(), torch.tensor(found.target).float()[:, None])
    model = nn.Sequential(nn.BatchNorm1d(30), *stack([30, 24, 1], nn.ReLU))
    loaded = loaders(*pair, seed, batch=25)
    return Training(model, AdamW(model.parameters(), 3e-3), bce, *loaded, epochs=10)


def drawn_by_selu(seed: int) -> Training:
    """Twelve layers of SELU with LeCun's weights, and nothing that norms."""
    model = stack([64] + [32] * 11 + [10], nn.SELU)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)
    x, y = flat_digits()
    return Training(
        model, SGD(model.parameters(), 0.02, momentum=0.9), CE, *loaders(2 * x - 0.6, y, seed), epochs=10
    )


def tags_of_spaces(seed: int) -> Training:
    """One letter of six is tagged."""
    model = Follower(len(LETTERS), 2, bidirectional=True)
    return Training(model, NAdam(model.parameters(), 3e-3), placewise, *loaders(*spacing(), seed), epochs=10)


def two_tasks(seed: int) -> Training:
    """Two values from one body; one of the losses counts for a tenth."""

    def two(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.l1_loss(answer[:, 0], target[:, 0]) + 0.1 * F.mse_loss(answer[:, 1], target[:, 1])

    model = stack([32, 64, 2], nn.SiLU)
    return Training(
        model, RMSprop(model.parameters(), 1e-3), two, *loaders(*lower_half(), seed), task="regression",
        epochs=15,
    )  # fmt: skip


def noised_strongly(seed: int) -> Training:
    """Noise as loud as the signal is put on what is learnt from, and the rate ends at nought."""
    train, held = split(*photographs(), seed)
    noisy = lambda pairs: (  # noqa: E731
        torch.stack([x + 0.3 * torch.randn_like(x) for x, _ in pairs]),
        torch.stack([y for _, y in pairs]),
    )
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, collate_fn=noisy)
    model = Vit(2, channels=3)
    optimizer = AdamW(model.parameters(), 3e-3, weight_decay=0.3)
    plan = LambdaLR(optimizer, lambda step: max(0.0, 1 - step / (8 * len(loader))))
    return Training(model, optimizer, CE, loader, both(held, held)[1], epochs=8, scheduler=plan)


def next_pixel(seed: int) -> Training:
    """A line of a photograph foretold; the last pixel says nearly all."""
    lines = brightness()
    model = Dilated(1, depth=3)
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.HuberLoss(), *loaders(lines[:, :-1], lines[:, -1:], seed),
        task="regression", epochs=8,
    )  # fmt: skip


THIRD_CONTROLS = {
    build.__name__: build
    for build in (
        vit_smoothed_by_four_tenths,
        adadelta_at_one,
        row_by_row,
        whole_set_at_once,
        words_frozen_on_purpose,
        margins_kept,
        through_eight,
        straight_through,
        blocks_from_nought,
        clipped_at_a_hundredth,
        letters_low_ceiling,
        raw_behind_a_norm,
        drawn_by_selu,
        tags_of_spaces,
        two_tasks,
        noised_strongly,
        next_pixel,
    )
}
