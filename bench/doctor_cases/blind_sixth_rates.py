"""Sixth blind batch, second part: rates, schedules and budgets, of nets from scratch and of fine-tuning."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, RMSprop
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from doctor_cases.blind_fourth_training import moons
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import Reader, tokens
from doctor_cases.blind_sixth_parts import halves_of_digits
from doctor_cases.blind_third_parts import Every, Writer, letters, placewise
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def nesterov_at_one(faulty: bool, seed: int) -> Training:
    """Momentum that looks ahead, at a rate of one."""
    model = stack([64, 48, 48, 10], nn.ReLU)
    optimizer = SGD(model.parameters(), 1.0 if faulty else 0.01, momentum=0.9, nesterov=True)
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=12)


def rates_by_depth_turned_round(faulty: bool, seed: int) -> Training:
    """What was learnt before gets the head's large rate, and the head the small one."""
    train, held, body = halves_of_digits(seed)
    model = nn.Sequential(body, nn.Linear(32, 10))
    rates = (0.2, 3e-4) if faulty else (3e-4, 1e-2)
    groups = [{"params": part.parameters(), "lr": rate} for part, rate in zip(model, rates, strict=True)]
    return Training(model, Adam(groups), CE, *both(train, held), epochs=10, doctor={"pretrained": True})


def squares_that_swing(faulty: bool, seed: int) -> Training:
    """RMSprop at a rate that lets it learn, and throws it back every few steps."""
    model = cnn()
    optimizer = RMSprop(model.parameters(), 0.05 if faulty else 1e-3)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=10)


def rate_of_a_large_model(faulty: bool, seed: int) -> Training:
    """An encoder that nobody has trained before, at the 2e-5 of one that was."""
    model = Reader()
    optimizer = AdamW(model.parameters(), 2e-5 if faulty else 3e-3)
    return Training(model, optimizer, CE, *loaders(*tokens(seed), seed), epochs=8)


def head_at_the_bodys_rate(faulty: bool, seed: int) -> Training:
    """A new head gets the rate that is meant for what was learnt before."""
    train, held, body = halves_of_digits(seed)
    model = nn.Sequential(body, nn.Linear(32, 10))
    groups = [
        {"params": body.parameters(), "lr": 1e-5},
        {"params": model[1].parameters(), "lr": 1e-5 if faulty else 1e-2},
    ]
    return Training(model, AdamW(groups), CE, *both(train, held), epochs=12, doctor={"pretrained": True})


def falls_when_it_gets_better(faulty: bool, seed: int) -> Training:
    """`ReduceLROnPlateau` watches the accuracy of each pass, and takes it for a loss."""
    model = stack([64, 64, 10], nn.ReLU)
    optimizer = SGD(model.parameters(), 0.04)
    plan = ReduceLROnPlateau(optimizer, mode="min" if faulty else "max", patience=1)
    train, held = loaders(*flat(), seed)
    right: list[float] = []

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if model.training:
            right.append(float((answer.argmax(1) == target).float().mean()))
        return CE(answer, target)

    def follow(step: int) -> None:
        if step % len(train) == 0:
            plan.step(sum(right[-len(train) :]) / len(train))

    return Training(model, optimizer, loss, train, held, epochs=25, scheduler=Every(follow))


def dampened(faulty: bool, seed: int) -> Training:
    """Momentum of 0.9, and a dampening of 0.98."""
    model = stack([2, 32, 32, 2], nn.ReLU)
    optimizer = SGD(model.parameters(), 0.02, momentum=0.9, dampening=0.98 if faulty else 0.0)
    return Training(model, optimizer, CE, *loaders(*moons(seed), seed), epochs=25)


def two_batches_a_pass(faulty: bool, seed: int) -> Training:
    """A limit on the batches of a pass was left in from a day of looking for errors."""
    train, held = split(*digits(), seed)
    rows = TensorDataset(*train)
    loaded: Any = DataLoader(rows, 32, sampler=RandomSampler(rows, num_samples=64)) if faulty else None
    whole, validation = both(train, held)
    model = cnn(activation=nn.SiLU)
    return Training(model, Adam(model.parameters(), 2e-3), CE, loaded or whole, validation, epochs=8)


def attention_clipped_to_nothing(faulty: bool, seed: int) -> Training:
    """The norm of all gradients is clipped to a two-thousandth, before plain descent with momentum."""
    text = letters()
    model = Writer(nn.Transformer.generate_square_subsequent_mask)
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
    return Training(
        model, optimizer, placewise, *loaders(text[:, :-1], text[:, 1:], seed), task="language_model",
        epochs=8, clip=5e-4 if faulty else 1.0,
    )  # fmt: skip
