"""Fourth blind batch, controls: unusual, and well."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from doctor_cases.blind_fourth_data import Letters
from doctor_cases.blind_fourth_training import moons, wave, xor
from doctor_cases.blind_parts import cancer, scaled, several_labels
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import (
    Training,
    characters,
    circle,
    cnn,
    digits,
    loaders,
    next_token_loss,
    stack,
    table,
)


def rings_by_large_steps(seed: int) -> Training:
    """Plain gradient descent at a rate of one, which suits two small layers of tanh."""
    model = stack([2, 16, 2], nn.Tanh)
    return Training(model, SGD(model.parameters(), 1.0), CE, *loaders(*circle(seed), seed), epochs=25)


def corners_all_at_once(seed: int) -> Training:
    """The whole set is one batch, three hundred times."""
    model = stack([2, 8, 1], nn.Tanh)
    x, y = xor(seed, 200)
    loaded = loaders(x, y.float()[:, None], seed, batch=200)
    return Training(model, Adam(model.parameters(), 0.05), nn.BCEWithLogitsLoss(), *loaded, epochs=150)


def wave_between_ones(seed: int) -> Training:
    """Targets between −1 and 1, and a tanh at the end that suits them."""
    model = stack([1, 32, 32, 1], nn.SiLU)
    x, y = wave(seed)
    return Training(
        nn.Sequential(*model, nn.Tanh()), Adam(model.parameters(), 5e-3), nn.L1Loss(),
        *loaders(x, y.clamp(-1, 1), seed), task="regression", epochs=25,
    )  # fmt: skip


def up_and_down_once(seed: int) -> Training:
    """One cycle to a high rate and down to nothing."""
    model = cnn(norm=True)
    optimizer = SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True)
    train, held = loaders(*digits(), seed, batch=33)
    plan = OneCycleLR(optimizer, 0.3, total_steps=8 * len(train) + 1)
    return Training(model, optimizer, CE, train, held, epochs=8, scheduler=plan)


def chances_and_their_loss(seed: int) -> Training:
    """A sigmoid at the end, and the loss that wants chances."""
    model = nn.Sequential(*stack([30, 16, 1], nn.ReLU), nn.Sigmoid())
    return Training(model, Adam(model.parameters(), 3e-3), nn.BCELoss(), *loaders(*cancer(), seed), epochs=10)


def weighed_logarithms(seed: int) -> Training:
    """Log-probabilities, and a loss that counts some classes threefold."""
    model = nn.Sequential(*stack([64, 48, 10], nn.ReLU), nn.LogSoftmax(1))
    x, y = digits()
    loss = nn.NLLLoss(weight=torch.tensor([1.0, 3.0] * 5))
    return Training(model, AdamW(model.parameters(), 3e-3), loss, *loaders(x.flatten(1), y, seed), epochs=12)


def rare_tags_count_more(seed: int) -> Training:
    """Several labels, and a yes weighs twice."""
    model = stack([16, 48, 5], nn.ReLU)
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.full((5,), 2.0))
    return Training(
        model, Adam(model.parameters(), 5e-3), loss, *loaders(*several_labels(seed), seed),
        task="multilabel", epochs=20,
    )  # fmt: skip


def counts_by_poisson(seed: int) -> Training:
    """Counts, with a loss whose answer is the logarithm of a rate."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((700, 4))
    y = random.poisson(np.exp(1.2 + 0.6 * x[:, 0] - 0.4 * x[:, 1] * x[:, 2]))
    pair = torch.tensor(x).float(), torch.tensor(y).float()[:, None]

    class Rate(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = stack([4, 32, 1], nn.Tanh)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """(B, 4) → (B, 1)."""
            return F.softplus(self.body(x))

    model = Rate()
    return Training(
        model, Adam(model.parameters(), 1e-2), nn.PoissonNLLLoss(log_input=False), *loaders(*pair, seed),
        task="regression", epochs=25,
    )  # fmt: skip


def upper_quantile(seed: int) -> Training:
    """The seventh tenth is foretold instead of the mean."""

    def pinball(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        short = target - answer
        return torch.maximum(0.7 * short, -0.3 * short).mean()

    model = stack([1, 32, 32, 1], nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 5e-3), pinball, *loaders(*wave(seed), seed), task="regression",
        epochs=20,
    )  # fmt: skip


def tied_letters(seed: int) -> Training:
    """The embedding is the head."""
    x, y, size = characters()
    model = Letters(size, 48)
    nn.init.normal_(model.tokens.weight, std=0.2)
    model.head.weight = model.tokens.weight
    return Training(
        model, AdamW(model.parameters(), 3e-3), next_token_loss, *loaders(x, y, seed),
        task="language_model", epochs=8,
    )  # fmt: skip


def gathered_over_eight(seed: int) -> Training:
    """Batches of four, gathered over eight."""
    model = stack([13, 32, 3], nn.ReLU)
    return Training(
        model, SGD(model.parameters(), 0.1, momentum=0.9), CE, *loaders(*table("wine"), seed, batch=4),
        epochs=20, accumulate=8,
    )  # fmt: skip


def moons_that_overlap(seed: int) -> Training:
    """Nobody can do better than three of four."""
    model = stack([2, 24, 2], nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 5e-3), CE, *loaders(*moons(seed, 900, 0.7), seed), epochs=15
    )


def evened_by_a_sampler(seed: int) -> Training:
    """One in seven is rare, and is drawn as often as the others."""
    x, y = datasets.make_classification(
        900, 10, n_informative=5, weights=[0.86], class_sep=1.5, flip_y=0.02, random_state=seed
    )
    train, held = split(torch.tensor(x).float(), torch.tensor(y), seed)
    weight = 1 / train[1].bincount().float()
    sampler = WeightedRandomSampler(weight[train[1]].tolist(), len(train[1]))
    loader = DataLoader(TensorDataset(*train), 32, sampler=sampler)
    model = stack([10, 32, 2], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=12)


def margins_of_classes(seed: int) -> Training:
    """A multi-class hinge, whose gradient is nought where all is well."""
    model = cnn(activation=nn.ELU)
    return Training(
        model, SGD(model.parameters(), 0.05, momentum=0.9), nn.MultiMarginLoss(),
        *loaders(*digits(), seed), epochs=10,
    )  # fmt: skip


def rates_by_depth(seed: int) -> Training:
    """A net that has learnt most already, tuned with a tenth of the rate below its head."""
    train, held = split(*digits(), seed)
    model = cnn(dropout=0.1)
    early = Adam(model.parameters(), 3e-3)
    for _ in range(150):
        rows = torch.randint(0, 600, (64,))
        early.zero_grad()
        CE(model(train[0][rows]), train[1][rows]).backward()
        early.step()
    early.zero_grad()
    groups = [{"params": model[:-1].parameters(), "lr": 1e-4}, {"params": model[-1].parameters()}]
    return Training(
        model, AdamW(groups, 1e-3, weight_decay=0.05), CE, *both(train, held), epochs=6,
        doctor={"pretrained": True},
    )  # fmt: skip


def diabetes_in_few_passes(seed: int) -> Training:
    """Half of what there is to say cannot be said, and the training stops when it is said."""
    found = datasets.load_diabetes()
    pair = scaled(found.data), scaled(found.target)[:, None]
    model = stack([10, 12, 1], nn.Tanh)
    return Training(
        model, AdamW(model.parameters(), 3e-3, weight_decay=0.1), nn.HuberLoss(),
        *loaders(*pair, seed, batch=16), task="regression", epochs=12,
    )  # fmt: skip


FOURTH_CONTROLS = {
    build.__name__: build
    for build in (
        rings_by_large_steps,
        corners_all_at_once,
        wave_between_ones,
        up_and_down_once,
        chances_and_their_loss,
        weighed_logarithms,
        rare_tags_count_more,
        counts_by_poisson,
        upper_quantile,
        tied_letters,
        gathered_over_eight,
        moons_that_overlap,
        evened_by_a_sampler,
        margins_of_classes,
        rates_by_depth,
        diabetes_in_few_passes,
    )
}
