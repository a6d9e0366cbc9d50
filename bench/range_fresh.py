"""Tasks that nothing about the range test was settled on: other data, seen once it stood."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import numpy as np
import torch
from common import DATA
from PIL import Image
from range_nets import Rows, Task, digits, perceptron
from sklearn.datasets import load_breast_cancer, load_wine

from upfit.models import load_backbone

MOST = 600
SIDE = 64


def tasks() -> list[Task]:
    """Frozen features of texts and images from the shared sets, two tables, digits with wrong labels."""
    return [
        Task("yoruba news, frozen text backbone", lambda: head(yoruba), yoruba, "adamw", 32, 200),
        Task("yoruba news, frozen text backbone", lambda: head(yoruba), yoruba, "sgd", 32, 200),
        Task("hwu64 5-shot, frozen text backbone", lambda: head(hwu64), hwu64, "adamw", 32, 200),
        Task("spam, frozen text backbone", lambda: head(spam), spam, "sgd", 16, 200),
        Task("clothing, frozen image backbone", lambda: head(clothing), clothing, "adamw", 32, 200),
        Task("breast cancer", lambda: head(cancer), cancer, "adamw", 16, 250),
        Task("wine", lambda: head(wine), wine, "sgd", 16, 200),
        Task("digits, 30 % wrong labels", lambda: head(wrong_digits), wrong_digits, "adam", 32, 250),
        Task("digits, 30 % wrong labels", lambda: head(wrong_digits), wrong_digits, "sgd", 16, 250),
    ]


def head(rows: object) -> torch.nn.Module:
    """One hidden layer on features."""
    x, y = rows()  # type: ignore[operator]
    return perceptron(x.shape[1], int(y.max()) + 1, hidden=32)


@cache
def yoruba() -> Rows:
    """Frozen features of news headlines whose labels were made by rules, some of them wrong."""
    return _texts(DATA / "yoruba_topic_realnoise" / "train.csv")


@cache
def hwu64() -> Rows:
    """Five requests of each of 64 intents."""
    return _texts(DATA / "hwu64" / "train_5shot.csv")


@cache
def spam() -> Rows:
    """Messages, few of them spam."""
    return _texts(DATA / "sms_spam_imbalanced" / "train.csv")


@cache
def clothing() -> Rows:
    """Photographs of clothes."""
    files = sorted((DATA / "clothing_small" / "train").glob("*/*"))
    names = sorted({file.parent.name for file in files})
    backbone = load_backbone("auto", "image").eval()
    chosen = [files[i] for i in torch.randperm(len(files), generator=_seeded())[:MOST]]
    found = []
    with torch.no_grad():
        for at in range(0, len(chosen), 50):
            images = torch.stack([_image(file) for file in chosen[at : at + 50]])
            found.append(backbone({"image": images}))
    return _scaled(torch.cat(found)), torch.tensor([names.index(file.parent.name) for file in chosen])


@cache
def cancer() -> Rows:
    """Thirty measurements of cells."""
    return _table(load_breast_cancer(return_X_y=True))


@cache
def wine() -> Rows:
    """Thirteen measurements of wines."""
    return _table(load_wine(return_X_y=True))


@cache
def wrong_digits() -> Rows:
    """Digits, of which three in ten have a label drawn by chance."""
    x, y = digits()
    drawn = torch.rand(len(y), generator=_seeded()) < 0.3
    return x, torch.where(drawn, torch.randint(0, 10, y.shape, generator=_seeded()), y)


def _texts(path: Path) -> Rows:
    with path.open(encoding="utf-8") as file:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    rows = [rows[i] for i in torch.randperm(len(rows), generator=_seeded())[:MOST]]
    names = sorted({label for _, label in rows})
    backbone = load_backbone("auto", "text").eval()
    tokenizer, found = backbone.inputs.tokenizer, []
    with torch.no_grad():
        for at in range(0, len(rows), 40):
            texts = [text for text, _ in rows[at : at + 40]]
            tokens = tokenizer(texts, padding=True, truncation=True, max_length=32, return_tensors="pt")
            found.append(backbone(dict(tokens)))
    return _scaled(torch.cat(found)), torch.tensor([names.index(label) for _, label in rows])


def _table(given: tuple[np.ndarray, np.ndarray]) -> Rows:
    x, y = given
    order = torch.randperm(len(y), generator=_seeded())
    scaled = (x - x.mean(0)) / x.std(0)
    return torch.tensor(scaled, dtype=torch.float32)[order], torch.tensor(y)[order]


def _image(file: Path) -> torch.Tensor:
    pixels = np.asarray(Image.open(file).convert("RGB").resize((SIDE, SIDE)), dtype=np.float32)
    return (torch.from_numpy(pixels).permute(2, 0, 1) / 255 - 0.5) / 0.25


def _scaled(features: torch.Tensor) -> torch.Tensor:
    return (features - features.mean()) / features.std()


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)
