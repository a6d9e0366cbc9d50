"""Sixth blind batch, first part: networks, activations and losses, as in AutoTrainer, DeepCrime and posts."""

from __future__ import annotations

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam

from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import Mapped, cancer, friedman, scaled
from doctor_cases.blind_sixth_parts import Recaller, adapted, messages, mirrored_digits
from doctor_cases.blind_third_parts import Bag, Every, Writer, letters, placewise, words
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack

BCE = nn.BCEWithLogitsLoss()


def values_through_sigmoids(faulty: bool, seed: int) -> Training:
    """Eight dense layers of sigmoids on the way to a value."""
    model = stack([10, *[24] * (8 if faulty else 2), 1], nn.Sigmoid if faulty else nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 5e-3), nn.MSELoss(), *loaders(*friedman(seed, 700), seed),
        task="regression", epochs=20,
    )  # fmt: skip


def first_step_forgotten(faulty: bool, seed: int) -> Training:
    """What decides stands in the first of forty steps, and a plain recurrent layer is asked at the last."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 4, 600)
    x = 0.3 * random.standard_normal((600, 40, 4))
    x[np.arange(600), 0, y] += 3
    model = Recaller(nn.RNN if faulty else nn.GRU, inputs=4, answers=4, pooled=not faulty)
    pair = torch.tensor(x).float(), torch.tensor(y)
    return Training(model, Adam(model.parameters(), 6e-3), CE, *loaders(*pair, seed, batch=64), epochs=12)


def squares_between_layers(faulty: bool, seed: int) -> Training:
    """Every layer's answer is squared before the next."""
    model = stack([64, 48, 48, 48, 48, 10], (lambda: Mapped(torch.square)) if faulty else nn.ReLU)
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
    return Training(model, SGD(model.parameters(), 0.02), CE, *loaders(*flat(), seed), epochs=15)


def weights_above_pixels_below(faulty: bool, seed: int) -> Training:
    """Pixels run from −1 to 0, and all weights were drawn above nought."""
    x, y = flat()
    model = stack([64, 48, 48, 10], nn.ReLU)
    for layer in model if faulty else ():
        if isinstance(layer, nn.Linear):
            nn.init.uniform_(layer.weight, 0, 0.15)
    return Training(model, Adam(model.parameters(), 1e-3), CE, *loaders(x - 1, y, seed), epochs=12)


def tied_to_loud_vectors(faulty: bool, seed: int) -> Training:
    """The vectors of letters are the head as well, and were drawn far too long for that."""
    text = letters()
    model = Writer(lambda t: nn.Transformer.generate_square_subsequent_mask(t))
    nn.init.normal_(model.tokens.weight, std=4.0 if faulty else 0.1)
    model.head.weight = model.tokens.weight
    return Training(
        model, Adam(model.parameters(), 3e-3), placewise, *loaders(text[:, :-1], text[:, 1:], seed),
        task="language_model", epochs=10,
    )  # fmt: skip


def adapters_of_two_noughts(faulty: bool, seed: int) -> Training:
    """Both factors of every adapter start at nought, where one of them has to be drawn."""
    train, held, learnt = mirrored_digits(seed)
    model = adapted(learnt, spread=0.0 if faulty else 0.1)
    new = [p for p in model.parameters() if p.requires_grad]
    return Training(model, Adam(new, 3e-3), CE, *both(train, held), epochs=15, doctor={"pretrained": True})


def softmax_over_channels(faulty: bool, seed: int) -> Training:
    """Softmax behind every convolution and dense layer, where a rectifier was."""
    model = cnn(activation=(lambda: nn.Softmax(1)) if faulty else nn.ReLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(*digits(), seed), epochs=8)


def sigmoid_twice(faulty: bool, seed: int) -> Training:
    """A sigmoid at the end, and a loss that has one in it."""
    model = nn.Sequential(Bag(classes=1), *([nn.Sigmoid()] if faulty else []))
    return Training(model, Adam(model.parameters(), 4e-3), BCE, *loaders(*messages(), seed), epochs=10)


def margins_of_noughts_and_ones(faulty: bool, seed: int) -> Training:
    """A hinge that wants −1 and 1 is given 0 and 1."""

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        side = target if faulty else 2 * target - 1
        return F.relu(1 - side * answer).mean()

    model = stack([30, 16, 1], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaders(*cancer(), seed), epochs=10)


def vectors_of_one_number(faulty: bool, seed: int) -> Training:
    """Each word is one number."""
    model = Bag(width=1 if faulty else 24)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*words(), seed), epochs=9)


def kept_within_two_hundredths(faulty: bool, seed: int) -> Training:
    """Weights are clamped after each step, as the critic of another paper wanted it."""
    model = stack([64, 48, 10], nn.Tanh)
    widest = 0.02 if faulty else 2.0

    @torch.no_grad()
    def clamp(_step: int) -> None:
        for p in model.parameters():
            p.clamp_(-widest, widest)

    return Training(
        model, Adam(model.parameters(), 3e-3), CE, *loaders(*flat(), seed), epochs=12, scheduler=Every(clamp)
    )


def sparse_by_heart(faulty: bool, seed: int) -> Training:
    """Four of sixty columns matter; a wide net and sixty passes learn the others by heart."""
    x, y = datasets.make_sparse_uncorrelated(400, 60, random_state=seed)
    wide = stack([60, 192, 192, 1], nn.ReLU)
    model = wide if faulty else nn.Sequential(nn.Linear(60, 1))
    optimizer = Adam(model.parameters(), 2e-3 if faulty else 2e-2)
    return Training(
        model, optimizer, nn.MSELoss(), *loaders(scaled(x), scaled(y)[:, None], seed),
        task="regression", epochs=60 if faulty else 12,
    )  # fmt: skip


def twenty_five_sentences(faulty: bool, seed: int) -> Training:
    """Five sentences of each library; by hand, all that there are."""
    (x, y), held = split(*words(), seed)
    if faulty:
        rows = torch.cat([torch.where(y == k)[0][:5] for k in range(5)])
        x, y = x[rows], y[rows]
    model = Bag()
    loaded = both((x, y), held, 8 if faulty else 32)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaded, epochs=40 if faulty else 9)


def exponents_beyond_half(faulty: bool, seed: int) -> Training:
    """The softmax is written out in half precision, whose largest number is 65,504."""

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        scores = answer.half() if faulty else answer
        whole = scores.exp().sum(1).log() if faulty else scores.logsumexp(1)
        return (whole - scores.gather(1, target[:, None])[:, 0]).float().mean()

    model = stack([64, 64, 64, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaders(*flat(), seed), epochs=12)


class Masked(nn.Module):
    """Attention over words that leaves padding out, written by hand."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.tokens, self.norm = nn.Embedding(502, width), nn.LayerNorm(width)
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.head = nn.Linear(width, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T) → (B, 5)."""
        hidden, pad = self.tokens(x), x == 0
        alike = self.query(hidden) @ self.key(hidden).transpose(1, 2) / hidden.shape[2] ** 0.5
        seen = alike.masked_fill(pad[:, None], -torch.inf).softmax(2)
        hidden = self.norm(hidden + seen @ hidden)
        there = (~pad).float()[..., None]
        return self.head((hidden * there).sum(1) / there.sum(1).clamp_min(1))


def nothing_but_padding(faulty: bool, seed: int) -> Training:
    """A few texts are empty, and a softmax over nothing is no number."""
    (x, y), held = split(*words(), seed)
    x = x.clone()
    x[::150] = 0
    keep = torch.ones(len(y), dtype=torch.bool) if faulty else (x > 0).any(1)
    model = Masked()
    loaded = both((x[keep], y[keep]), held)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaded, epochs=7)
