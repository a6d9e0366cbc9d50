# ruff: noqa: D102 a case is named for its fault
"""Fifth blind batch, second part: what is silently not trained, not stepped, not the same or not let go."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, Dataset

from doctor_cases.blind_fourth_data import Letters
from doctor_cases.blind_fourth_training import moons, spirals
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import Pair, cancer
from doctor_cases.blind_third_parts import Every, placewise
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, characters, cnn, digits, loaders, stack


def gradients_dropped_on_the_way(faulty: bool, seed: int) -> Training:
    """A hook that was to clip answers nought instead."""
    model = stack([2, 12, 12, 12, 2], nn.Tanh)
    for p in model[:-1].parameters() if faulty else ():
        p.register_hook(torch.zeros_like)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*spirals(seed), seed), epochs=50)


def groups_of_another_name(faulty: bool, seed: int) -> Training:
    """Groups are chosen by the beginnings of names, and the convolutions are called something else."""
    model = cnn()
    starts = ("conv", "7.") if faulty else ("0.", "2.", "5.", "7.")
    groups = [
        {"params": [p for name, p in model.named_parameters() if name.startswith(start)]} for start in starts
    ]
    return Training(model, Adam(groups, 1e-3), CE, *loaders(*digits(), seed), epochs=6)


class Asleep(nn.Sequential):
    """Stays in evaluation mode whatever is asked."""

    def train(self, mode: bool = True) -> Asleep:
        return super().train(False)


def never_wakes(faulty: bool, seed: int) -> Training:
    """BatchNorm and dropout never see training mode."""
    layers = stack([64, 48, 48, 10], nn.ReLU)
    parts = [layers[0], nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.2), *layers[2:]]
    model = (Asleep if faulty else nn.Sequential)(*parts)
    loaded = loaders(*flat(), seed, batch=33)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=6)


def tie_that_broke(faulty: bool, seed: int) -> Training:
    """The head was to share its weights with the embedding, and got a copy that nobody trains."""
    x, y, size = characters()
    model = Letters(size, 48)
    nn.init.normal_(model.tokens.weight, std=0.2)
    optimizer = Adam([p for name, p in model.named_parameters() if name != "head.weight"], 3e-3)
    if faulty:
        model.head.weight = nn.Parameter(torch.randn(size, 48) * 0.02)
    else:
        model.head.weight = model.tokens.weight
    return Training(model, optimizer, placewise, *loaders(x, y, seed), task="language_model", epochs=5)


class Cleared(Adam):
    """Clears the gradients before it would use them."""

    def step(self, closure: Any = None) -> Any:
        self.zero_grad()
        return super().step(closure)


def cleared_before_the_step(faulty: bool, seed: int) -> Training:
    """`zero_grad` stands between `backward` and `step`."""
    model = stack([30, 16, 1], nn.ReLU)
    optimizer = (Cleared if faulty else Adam)(model.parameters(), 3e-3)
    return Training(model, optimizer, nn.BCEWithLogitsLoss(), *loaders(*cancer(), seed), epochs=5)


class ByNumpy(nn.Module):
    """Features go through NumPy, or not, before the head."""

    def __init__(self, leaves: bool) -> None:
        super().__init__()
        self.body, self.head, self.leaves = stack([2, 10, 10, 10], nn.Tanh), nn.Linear(10, 2), leaves

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 2) → (B, 2)."""
        hidden = self.body(x)
        if self.leaves:
            hidden = torch.from_numpy(np.clip(hidden.detach().numpy(), -3, 3))
        return self.head(hidden)


def numpy_on_the_way(faulty: bool, seed: int) -> Training:
    """`np.clip` in the middle of the network."""
    model = ByNumpy(faulty)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(*spirals(seed), seed), epochs=40)


class Averaged(nn.Module):
    """Learns with one net, answers with the running average of it."""

    def __init__(self, live: nn.Module) -> None:
        super().__init__()
        self.live, self.average = live, copy.deepcopy(live)
        for p in self.average.parameters():
            p.requires_grad = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.live if self.training else self.average)(x)

    @torch.no_grad()
    def follow(self, _step: int) -> None:
        for mine, theirs in zip(self.average.parameters(), self.live.parameters(), strict=True):
            mine.lerp_(theirs, 0.05)


def average_left_behind(faulty: bool, seed: int) -> Training:
    """The averaged copy is evaluated, and nobody updates it."""
    model = Averaged(cnn())
    plan = None if faulty else Every(model.follow)
    return Training(
        model, Adam(model.live.parameters(), 2e-3), CE, *loaders(*digits(), seed), epochs=6, scheduler=plan
    )


class Wrapped(nn.Module):
    """Computes with a copy of what it registers, or with that itself."""

    def __init__(self, module: nn.Module, copied: bool) -> None:
        super().__init__()
        self.module = module
        self.used = [copy.deepcopy(module) if copied else module]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.used[0](x)


def copy_for_the_device(faulty: bool, seed: int) -> Training:
    """A wrapper computes with its own copy of the weights."""
    model = Wrapped(stack([2, 24, 24, 2], nn.ReLU), faulty)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*moons(seed), seed), epochs=10)


class OncePerPass(SGD):
    """Only every fortieth call of `zero_grad` does anything."""

    called = 0

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.called += 1
        if self.called % 40 == 0:
            super().zero_grad(set_to_none)


def zeroed_once_a_pass(faulty: bool, seed: int) -> Training:
    """`zero_grad` stands outside the loop over batches."""
    model = stack([64, 64, 10], nn.ReLU)
    optimizer = (OncePerPass if faulty else SGD)(model.parameters(), 0.05, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=6)


def minus_forgotten(faulty: bool, seed: int) -> Training:
    """The mean of the logarithms of the right chances, without the minus."""
    sign = 1 if faulty else -1

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return sign * answer.log_softmax(1).gather(1, target[:, None]).mean()

    model = cnn()
    return Training(model, Adam(model.parameters(), 2e-3), loss, *loaders(*digits(), seed), epochs=5)


def softmax_over_the_batch(faulty: bool, seed: int) -> Training:
    """`dim=0`: examples compete with one another, classes do not."""
    model = nn.Sequential(*stack([64, 32, 10], nn.ReLU), nn.LogSoftmax(0 if faulty else 1))
    return Training(
        model, Adam(model.parameters(), 2e-3), nn.NLLLoss(), *loaders(*flat(), seed, batch=16), epochs=6
    )


def loaded_then_drawn(faulty: bool, seed: int) -> Training:
    """Weights are loaded, and then the constructor's own initialisation is run once more."""
    train, held = split(*digits(), seed)
    model = cnn()
    tuned = Adam(model.parameters(), 3e-3)
    for _ in range(200):
        rows = torch.randint(0, 700, (64,))
        tuned.zero_grad()
        CE(model(train[0][rows]), train[1][rows]).backward()
        tuned.step()
    tuned.zero_grad()
    for layer in model if faulty else ():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
    rest = train[0][700:], train[1][700:]
    return Training(
        model, SGD(model.parameters(), 0.01, momentum=0.9), CE, *both(rest, held), epochs=6,
        doctor={"pretrained": True},
    )  # fmt: skip


def answers_kept_for_the_metric(faulty: bool, seed: int) -> Training:
    """Answers are gathered for a metric of the whole pass, and nobody ever empties the list."""
    kept: list[torch.Tensor] = []

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if answer.requires_grad:
            kept.append(answer if faulty else answer.argmax(1))
        return CE(answer, target)

    model = cnn()
    return Training(model, Adam(model.parameters(), 2e-3), loss, *loaders(*digits(), seed), epochs=5)


class Seeded(Dataset):
    """Digits that are shifted by a pixel, by NumPy's own generator."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int) -> Pair:
        noise = np.random.standard_normal((1, 8, 8)) * 0.1
        return self.x[row] + torch.tensor(noise).float(), self.y[row]


def seed_of_forty_two(_worker: int) -> None:
    """Every worker, at every pass."""
    np.random.seed(42)


def every_worker_seeded_alike(faulty: bool, seed: int) -> Training:
    """`worker_init_fn` gives the same seed to all workers, for the sake of reproducibility."""
    train, held = split(*digits(), seed)
    start = seed_of_forty_two if faulty else None
    loader = DataLoader(Seeded(*train), 32, shuffle=True, num_workers=2, worker_init_fn=start)
    model = cnn()
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=4)


class Crowded(nn.Sequential):
    """Has no room for more than twelve examples at once."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, 8, 8) → (B, K)."""
        if self.training and len(x) > 12:
            raise RuntimeError(
                "MPS backend out of memory (MPS allocated: 17.90 GB, other allocations: 128.00 KB, max "
                "allowed: 18.13 GB). Tried to allocate 512.00 MB on private pool."
            )
        return super().forward(x)


def no_room_on_the_laptop(faulty: bool, seed: int) -> Training:
    """Another device, with other words for the same."""
    model = Crowded(*cnn())
    loaded = loaders(*digits(), seed, batch=32 if faulty else 12)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=3, stop_on_error=True)


def one_row_left(faulty: bool, seed: int) -> Training:
    """385 rows in batches of 32 leave one, of which BatchNorm cannot take a spread."""
    (x, y), held = split(*cancer(), seed)
    rows = torch.utils.data.TensorDataset(x[:385], y[:385])
    model = nn.Sequential(nn.Linear(30, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 1))
    loader = DataLoader(rows, 32, shuffle=True, drop_last=not faulty)
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.BCEWithLogitsLoss(), loader, both(held, held)[1], epochs=10,
        stop_on_error=True,
    )  # fmt: skip


class Ordered(nn.Module):
    """A transformer over codes that knows its places, or does not."""

    def __init__(self, places: bool, length: int = 10, width: int = 24) -> None:
        super().__init__()
        self.tokens = nn.Embedding(12, width)
        self.places = nn.Parameter(0.3 * torch.randn(1, length, width)) if places else None
        self.layer = nn.TransformerEncoderLayer(width, 2, 48, 0.0, batch_first=True, norm_first=True)
        self.head = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, 2)."""
        hidden = self.tokens(x)
        hidden = hidden if self.places is None else hidden + self.places
        return self.head(self.layer(hidden).mean(1))


def places_left_out(faulty: bool, seed: int) -> Training:
    """Which of two codes comes first cannot be told by attention that knows no places."""
    random = np.random.default_rng(seed)
    x = random.integers(2, 12, (900, 10))
    first, second = np.sort(random.permuted(np.tile(np.arange(10), (900, 1)), axis=1)[:, :2], axis=1).T
    y = random.integers(0, 2, 900)
    x[np.arange(900), first], x[np.arange(900), second] = y, 1 - y
    model = Ordered(not faulty)
    loaded = loaders(torch.tensor(x), torch.tensor(y), seed)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaded, epochs=15)


def asked_of_the_target(faulty: bool, seed: int) -> Training:
    """The loss is of log-chances from a copy of the answer that has been turned into a tensor anew."""

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        chance = F.log_softmax(answer, 1)
        hard = F.one_hot(answer.argmax(1), 10).float().log().clamp_min(-20)
        return F.nll_loss(hard + 0 * chance if faulty else chance, target)

    model = stack([64, 32, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaders(*flat(), seed), epochs=5)
