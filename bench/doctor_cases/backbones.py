# ruff: noqa: D103 a case is named for its fault
"""The same kinds of faults on the packaged backbones, fine-tuned in a plain loop with few examples.

Text: MiniLM on sentences of docstrings; images: EfficientNet-Lite0 on scikit-learn's digits, 32 pixels wide.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from doctor_cases.cases import CE, Case
from doctor_cases.parts import Training, digits

AdamW = torch.optim.AdamW
LENGTH, PER_CLASS, SIDE = 16, 24, 32


class TextClassifier(nn.Module):
    """MiniLM, mean-pooled, with a fresh head; `reads` says what the head is given."""

    def __init__(self, classes: int, *, dropout: float = 0.1, reads: str = "all") -> None:
        super().__init__()
        self.net = copy.deepcopy(_text().net)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(self.net.config.hidden_size, classes)
        self.reads = reads

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(B, T) tokens → (B, K) scores."""
        mask = (ids != 0).long()
        hidden = self.net(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.reads == "start":
            # The start token before any layer: the same for every text.
            hidden = self.net.embeddings(input_ids=ids)[:, :1]
            return self.head(self.drop(hidden.mean(1)))
        pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(self.drop(pooled))


class ImageClassifier(nn.Module):
    """EfficientNet-Lite0 with a fresh head; images are normalised as the backbone was trained."""

    def __init__(self, classes: int = 10, *, normalise: bool = True) -> None:
        super().__init__()
        self.net = copy.deepcopy(_image().net)
        self.head = nn.Linear(_image().width, classes)
        seen = _image().inputs
        mean, std = (seen.mean, seen.std) if normalise else ((-50.0,) * 3, (0.02,) * 3)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) from 0 to 1 → (B, K) scores."""
        return self.head(self.net((x - self.mean) / self.std))


@cache
def _text() -> Any:
    from upfit.models import load_backbone

    return load_backbone("auto", "text")


@cache
def _image() -> Any:
    from upfit.models import load_backbone

    return load_backbone("auto", "image")


@cache
def sentences() -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens (N, T) and classes (N,) of sentences of installed libraries' docstrings."""
    from upfit.testing import docstring_sentences

    rows = docstring_sentences(per_class=PER_CLASS)
    texts, labels = rows["text"].tolist(), rows["label"].tolist()
    known = sorted(set(labels))
    tokens = _text().inputs.tokenizer(
        texts, truncation=True, max_length=LENGTH, padding="max_length", return_tensors="pt"
    )["input_ids"]
    return tokens, torch.tensor([known.index(label) for label in labels])


def pictures(per_class: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """Digits (N, 3, 32, 32) from 0 to 1, as many of each."""
    x, y = digits()
    kept = torch.cat([(y == label).nonzero()[:per_class, 0] for label in range(10)])
    wide = F.interpolate(x[kept], size=(SIDE, SIDE), mode="bilinear").expand(-1, 3, -1, -1).contiguous()
    return wide, y[kept]


def split(x: torch.Tensor, y: torch.Tensor, seed: int, *, batch: int = 16) -> tuple[DataLoader, DataLoader]:
    from doctor_cases.parts import loaders

    return loaders(x, y, seed, batch=batch)


def text(
    seed: int,
    *,
    rate: float = 1e-4,
    decay: float = 0.01,
    epochs: int = 3,
    head_rate: float = 1e-3,
    data: Any = None,
    **net: Any,
) -> Training:
    x, y = sentences()
    model = TextClassifier(int(y.max()) + 1, **net)
    groups = [
        {"params": model.net.parameters(), "lr": rate},
        {"params": model.head.parameters(), "lr": head_rate},
    ]
    optimizer = AdamW(groups, weight_decay=decay)
    return Training(model, optimizer, CE, *(data or split(x, y, seed)), epochs=epochs)


def image(seed: int, *, epochs: int = 3, data: Any = None, **net: Any) -> Training:
    model = ImageClassifier(**net)
    groups = [
        {"params": model.net.parameters(), "lr": 3e-4},
        {"params": model.head.parameters(), "lr": 3e-3},
    ]
    return Training(model, AdamW(groups), CE, *(data or split(*pictures(), seed)), epochs=epochs)


def rate_too_large(broken: bool, seed: int) -> Training:
    return text(seed, rate=1e-2 if broken else 1e-4, head_rate=0.1 if broken else 1e-3)


def rate_too_small(broken: bool, seed: int) -> Training:
    return text(seed, rate=1e-7 if broken else 1e-4, head_rate=1e-6 if broken else 1e-3)


def frozen(broken: bool, seed: int) -> Training:
    training = text(seed)
    if broken:
        training.model.head.requires_grad_(False)
        for p in list(training.model.net.parameters())[:-4]:
            p.requires_grad_(False)
    return training


def wrong_features(broken: bool, seed: int) -> Training:
    return text(seed, reads="start" if broken else "all")


def wrong_normalisation(broken: bool, seed: int) -> Training:
    return image(seed, normalise=not broken)


def label_noise(broken: bool, seed: int) -> Training:
    train, validation = split(*sentences(), seed)
    if broken:
        x, y = train.dataset.tensors
        draw = torch.Generator().manual_seed(seed)
        wrong = torch.rand(len(y), generator=draw) < 0.4
        other = (y + torch.randint(1, int(y.max()) + 1, y.shape, generator=draw)) % (int(y.max()) + 1)
        train = DataLoader(TensorDataset(x, torch.where(wrong, other, y)), 16, shuffle=True)
    return text(seed, data=(train, validation), epochs=6)


def imbalance(broken: bool, seed: int) -> Training:
    train, validation = split(*sentences(), seed)
    x, y = train.dataset.tensors
    if broken:
        kept = torch.cat(
            [(y == k).nonzero()[: None if k == 0 else 1, 0] for k in range(int(y.max()) + 1)]
        ).repeat(2)
        train = DataLoader(TensorDataset(x[kept], y[kept]), 16, shuffle=True)
    return text(seed, data=(train, validation))


def sixty_examples(broken: bool, seed: int) -> Training:
    train, validation = split(*pictures(20 if broken else 12), seed)
    if broken:
        part_x, part_y = train.dataset.tensors
        kept = np.random.default_rng(seed).permutation(len(part_y))[:60]
        train = DataLoader(TensorDataset(part_x[kept], part_y[kept]), 16, shuffle=True)
    return image(seed, data=(train, validation), epochs=12 if broken else 3)


def four_tokens(broken: bool, seed: int) -> Training:
    x, y = sentences()
    x = torch.where(torch.arange(x.shape[1]) < 4, x, 0) if broken else x
    return text(seed, data=split(x, y, seed))


def much_dropout(broken: bool, seed: int) -> Training:
    training = text(seed)
    if broken:
        for module in training.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.8
    return training


def much_decay(broken: bool, seed: int) -> Training:
    if not broken:
        return text(seed)
    x, y = sentences()
    model = TextClassifier(int(y.max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, weight_decay=1.0)
    return Training(model, optimizer, CE, *split(x, y, seed), epochs=3)


def nan_image(broken: bool, seed: int) -> Training:
    train, validation = split(*pictures(), seed)
    if broken:
        x, y = train.dataset.tensors
        x = x.clone()
        x[7, :, 3, 3] = float("nan")
        train = DataLoader(TensorDataset(x, y), 16, shuffle=True)
    return image(seed, data=(train, validation))


def sorted_data(broken: bool, seed: int) -> Training:
    train, validation = split(*sentences(), seed)
    x, y = train.dataset.tensors
    order = y.argsort()
    if broken:
        train = DataLoader(TensorDataset(x[order], y[order]), 16)
    return text(seed, data=(train, validation))


def validation_from_train(broken: bool, seed: int) -> Training:
    train, validation = split(*sentences(), seed)
    return text(seed, data=(train, DataLoader(train.dataset, 64) if broken else validation))


def not_loaded(broken: bool, seed: int) -> Training:
    training = image(seed)
    training.doctor["pretrained"] = True
    if broken:
        for module in training.model.net.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    return training


BACKBONE_CASES: tuple[Case, ...] = (
    Case("rate 100 times too large", ("lr_too_large", "exploding_gradient"), rate_too_large),
    Case("rate 1000 times too small", ("lr_too_small", "slow_convergence"), rate_too_small),
    Case("frozen by mistake", ("frozen_params",), frozen, wiring=True),
    Case(
        "head on the wrong features",
        ("frozen_params", "detached_graph", "underfit_capacity"),
        wrong_features,
    ),
    Case("wrong normalisation", ("wrong_preprocessing",), wrong_normalisation),
    Case("40 % label noise", ("label_noise",), label_noise),
    Case("50:1 imbalance", ("class_imbalance",), imbalance),
    Case("60 training examples", ("too_little_data", "overfit"), sixty_examples),
    Case("text cut off after 4 tokens", ("wrong_preprocessing", "underfit_capacity"), four_tokens),
    Case("dropout 0.8", ("over_regularised",), much_dropout),
    Case("weight decay 1", ("over_regularised",), much_decay),
    Case("NaN image", ("nan_input", "nan_loss"), nan_image),
    Case("sorted data", ("no_shuffle",), sorted_data),
    Case("validation copied from train", ("data_leakage",), validation_from_train, silent=True),
    Case("checkpoint not loaded", ("pretrained_not_loaded",), not_loaded),
)
"""Flips of letters happen inside a loop's data, where a Doctor cannot see them; `upfit check` does."""

MENDED = {"text": text, "image": image}
"""What all cases are when they are repaired: one run stands for all of them."""
IMAGES = {"wrong normalisation", "60 training examples", "NaN image", "checkpoint not loaded"}
