# ruff: noqa: D102, D103 a case is named for its fault
"""Third blind batch, second part: faults of loops and models."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader, Dataset, TensorDataset

from doctor_cases.blind_parts import Mapped, Pair, bce
from doctor_cases.blind_third_parts import (
    Bag,
    Dilated,
    Every,
    Mixer,
    Twins,
    Vit,
    attributes,
    couples,
    flat_digits,
    lower_half,
    words,
)
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def remade_late(faulty: bool, seed: int) -> Training:
    """After twenty steps the head and the layer before it are made anew; by hand the optimizer is told."""
    model = stack([64, 48, 48, 10], nn.ReLU)
    optimizer = Adam(model.parameters(), 2e-3)

    def act(step: int) -> None:
        if step == 20:
            model[2], model[4] = nn.Linear(48, 48), nn.Linear(48, 10)
            new = [*model[2].parameters(), *model[4].parameters()]
            None if faulty else optimizer.add_param_group({"params": new})

    return Training(model, optimizer, CE, *loaders(*flat_digits(), seed), epochs=8, scheduler=Every(act))


def emptied_before_step(faulty: bool, seed: int) -> Training:
    """Gradients are set to nought between backward and step."""
    model = Mixer()
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
    if faulty:
        optimizer.register_step_pre_hook(lambda mine, *_: mine.zero_grad(set_to_none=False))
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=6)


class Forgetful(SGD):
    """Empties the gradients at every thirtieth call alone."""

    calls = 0

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.calls += 1
        if self.calls % 30 == 0:
            super().zero_grad(set_to_none)


def zeroed_now_and_then(faulty: bool, seed: int) -> Training:
    model = Dilated(10)
    optimizer = (Forgetful if faulty else SGD)(model.parameters(), 0.05, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*flat_digits(), seed), epochs=8)


def one_head_climbs(faulty: bool, seed: int) -> Training:
    """Two tasks on one body, and the second loss has the wrong sign."""
    sign = -1 if faulty else 1

    def two(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(answer[:, 0], target[:, 0]) + sign * F.mse_loss(answer[:, 1], target[:, 1])

    model = stack([32, 48, 2], nn.GELU)
    return Training(
        model,
        Adam(model.parameters(), 1e-3),
        two,
        *loaders(*lower_half(), seed),
        task="regression",
        epochs=10,
    )


def rounded_codes(faulty: bool, seed: int) -> Training:
    """Codes are rounded, which lets no gradient through; by hand it is passed straight."""
    straight = Mapped(lambda h: h + (h.round() - h).detach())
    rounded = Mapped(torch.round) if faulty else straight
    model = nn.Sequential(nn.Linear(64, 12), rounded, nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 10))
    x, y = flat_digits()
    return Training(model, AdamW(model.parameters(), 3e-3), CE, *loaders(4 * x, y, seed), epochs=10)


def never_thawed(faulty: bool, seed: int) -> Training:
    """`nn.Embedding.from_pretrained` freezes, and the vectors were drawn at random."""
    vectors = nn.Embedding.from_pretrained(torch.randn(502, 8), freeze=faulty)
    model = Bag(width=8, vectors=vectors)
    learning = [p for p in model.parameters() if p.requires_grad]
    return Training(model, Adam(learning, 1e-2), CE, *loaders(*words(), seed), epochs=12)


def encoded_without_gradient(faulty: bool, seed: int) -> Training:
    """The encoder is called under `no_grad`, as for an evaluation."""
    model = nn.Sequential(Dilated(24), nn.Linear(24, 10))
    if faulty:
        model[0].forward = torch.no_grad()(model[0].forward)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*flat_digits(), seed), epochs=7)


def drawn_after_loading(faulty: bool, seed: int) -> Training:
    """A body that has learnt attributes of digits is loaded, and then `apply(initialise)` draws it anew."""
    body = stack([64, 64, 24], nn.ReLU)
    x, several = attributes()
    (x, several), _ = split(x, several, seed)
    learner = nn.Sequential(body, nn.ReLU(), nn.Linear(24, 4))
    tuned = Adam(learner.parameters(), 3e-3)
    for _ in range(300):
        rows = torch.randint(0, len(x), (64,))
        tuned.zero_grad()
        bce(learner(x[rows]), several[rows]).backward()
        tuned.step()
    model = nn.Sequential(body, nn.ReLU(), nn.Linear(24, 10))
    for layer in [one for one in body if isinstance(one, nn.Linear)] if faulty else []:
        layer.reset_parameters()
    train, held = split(*flat_digits(), seed)
    few = (train[0][:50], train[1][:50])
    return Training(
        model, SGD(model.parameters(), 0.05, momentum=0.9), CE, *both(few, held, 10),
        epochs=12, doctor={"pretrained": True},
    )  # fmt: skip


def outputs_kept(faulty: bool, seed: int) -> Training:
    """All answers of an epoch are kept for a metric, with the graphs that they hang on."""
    kept: list[torch.Tensor] = []

    def keeping(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        kept.append(answer if faulty else answer.detach()[:0])
        return CE(answer, target)

    model = Vit()
    return Training(model, AdamW(model.parameters(), 3e-3), keeping, *loaders(*digits(), seed), epochs=8)


class Noised(Dataset):
    """Digits with numpy's noise, another at every call."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int) -> Pair:
        return self.x[row] + torch.tensor(np.random.normal(0, 0.1, (1, 8, 8))).float(), self.y[row]


def same_noise_in_workers(faulty: bool, seed: int) -> Training:
    """Each of two worker processes begins every epoch with `np.random.seed(0)`."""
    train, held = split(*digits(), seed)
    seeds = (lambda _worker: np.random.seed(0)) if faulty else None
    loader = DataLoader(Noised(*train), 32, shuffle=True, num_workers=2, worker_init_fn=seeds)
    model = cnn()
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=5)


class Limited(nn.Module):
    """A reader that has no memory for many long rows."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.inner, self.limit = Bag(), limit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, K)."""
        if self.training and x.shape[0] * x.shape[1] ** 2 > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.inner(x)


def trimmed(pairs: list[Pair]) -> Pair:
    """A batch as long as its longest row."""
    x, y = torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])
    return x[:, : int((x > 0).sum(1).max())], y


def too_long_a_row(faulty: bool, seed: int) -> Training:
    """Batches are as long as their longest row, and now and then there is one of thirty-two words."""
    x, y = words(32)
    long = (x > 0).sum(1) > 24
    keep = ~long
    keep[torch.where(long)[0][:4]] = True
    train, held = split(x[keep], y[keep], seed)
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, collate_fn=trimmed)
    model = Limited(19_000 if faulty else 10**9)
    return Training(
        model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=10, stop_on_error=True
    )


def single_last_image(faulty: bool, seed: int) -> Training:
    """1,345 images in batches of 32 leave one, and BatchNorm sees it alone; by hand it is left out."""
    train, held = split(*digits(), seed)
    rows = TensorDataset(train[0][:1345], train[1][:1345])
    model = cnn(norm=True)
    loader = DataLoader(rows, 32, shuffle=True, drop_last=not faulty)
    return Training(model, Adam(model.parameters(), 2e-3), CE, loader, both(held, held)[1], epochs=5)


class Narrow(nn.Module):
    """Everything in bfloat16: a step smaller than a half percent of a weight is rounded away."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner.to(torch.bfloat16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the inner model says, in full precision."""
        return self.inner(x.to(torch.bfloat16)).float()


def rounded_away(faulty: bool, seed: int) -> Training:
    """Weights of some size in bfloat16, and steps too small for it."""
    inner = stack([64, 64, 10], nn.ReLU)
    for layer in (inner[0], inner[2]):
        layer.weight.data.mul_(4.0)
    model = Narrow(inner) if faulty else inner
    return Training(model, Adam(model.parameters(), 2e-4), CE, *loaders(*flat_digits(), seed), epochs=15)


def distance(a: torch.Tensor, b: torch.Tensor, least: float) -> torch.Tensor:
    """Euclidean distance: (B, 1)."""
    return ((a - b).square().sum(1, keepdim=True) + least).sqrt()


def distance_of_nought(faulty: bool, seed: int) -> Training:
    """The slope of a square root at nought is infinite, and some pairs are one image twice."""
    model = Twins(partial(distance, least=0.0 if faulty else 1e-6))
    pairs = couples(seed, same_row=0.1)
    return Training(model, Adam(model.parameters(), 3e-3), bce, *loaders(*pairs, seed), epochs=8)


def softmax_over_rows(faulty: bool, seed: int) -> Training:
    """The softmax runs over the rows of a batch."""
    model = nn.Sequential(Mixer(), nn.LogSoftmax(0 if faulty else 1))
    return Training(model, Adam(model.parameters(), 3e-3), nn.NLLLoss(), *loaders(*digits(), seed), epochs=8)


class Averaged(nn.Module):
    """In evaluation a running mean of the weights answers."""

    def __init__(self, inner: nn.Module, decay: float) -> None:
        super().__init__()
        self.inner, self.decay = inner, decay
        for name, p in inner.named_parameters():
            self.register_buffer(name.replace(".", "_"), p.detach().clone())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the weights say in training, and their mean in evaluation."""
        means: dict[str, Any] = {
            n: getattr(self, n.replace(".", "_")) for n, _ in self.inner.named_parameters()
        }
        if not self.training:
            return torch.func.functional_call(self.inner, means, (x,))
        with torch.no_grad():
            for name, p in self.inner.named_parameters():
                means[name].lerp_(p, 1 - self.decay)
        return self.inner(x)


def far_averaged(faulty: bool, seed: int) -> Training:
    """The mean of the weights over ten thousand steps, after three hundred."""
    model = Averaged(Mixer(), 0.9999 if faulty else 0.95)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*digits(), seed), epochs=7)


def statistics_of_the_batch(faulty: bool, seed: int) -> Training:
    """BatchNorm keeps no statistics, and validation comes class by class."""
    model = cnn(norm=True)
    for place, module in enumerate(model):
        if isinstance(module, nn.BatchNorm2d) and faulty:
            model[place] = nn.BatchNorm2d(module.num_features, track_running_stats=False)
    train, held = split(*digits(), seed)
    order = held[1].argsort()
    validation = DataLoader(TensorDataset(held[0][order], held[1][order]), 32)
    return Training(model, Adam(model.parameters(), 3e-3), CE, both(train, held)[0], validation, epochs=6)
