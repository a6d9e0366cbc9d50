"""Seventh blind batch, first part: networks, starting weights, losses, rates and budgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adadelta, Adam, AdamW
from torch.optim.lr_scheduler import ExponentialLR

from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_fourth_training import moons
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import (
    Pair,
    Recurrent,
    cancer,
    conv1d,
    digit_rows,
    friedman,
    scaled,
    signals,
    tokens,
)
from doctor_cases.blind_third_parts import Every
from doctor_cases.blind_wiring import CE
from doctor_cases.parts import TextEncoder, Training, loaders, stack, table

MSE, BCE = nn.MSELoss(), nn.BCEWithLogitsLoss()


def linear_layers(model: nn.Module) -> list[nn.Linear]:
    """The linear layers of a model, in order."""
    return [layer for layer in model.modules() if isinstance(layer, nn.Linear)]


def tanh_drawn_narrowly(faulty: bool, seed: int) -> Training:
    """Ten tanh layers whose weights have the spread of 0.05 that another library draws by default."""
    model = stack([13, *[16] * 10, 3], nn.Tanh)
    for layer in linear_layers(model):
        nn.init.normal_(layer.weight, std=0.05) if faulty else nn.init.xavier_normal_(layer.weight, 5 / 3)
        nn.init.zeros_(layer.bias)
    optimizer = SGD(model.parameters(), 0.01, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*table("wine"), seed, batch=16), epochs=10)


def weights_drawn_wide(faulty: bool, seed: int) -> Training:
    """Seven rectified layers whose weights have a spread of one, whatever the width."""
    model = stack([30, *[32] * 6, 2], nn.ReLU)
    for layer in linear_layers(model):
        nn.init.normal_(layer.weight) if faulty else nn.init.kaiming_normal_(layer.weight)
    loaded = loaders(*table("breast_cancer"), seed)
    return Training(model, SGD(model.parameters(), 0.01), CE, *loaded, epochs=8)


def biases_far_below(faulty: bool, seed: int) -> Training:
    """Biases begin at −3, where no rectifier lets anything through."""
    model = stack([2, 32, 32, 32, 2], nn.ReLU)
    for layer in linear_layers(model)[:-1] if faulty else ():
        nn.init.constant_(layer.bias, -3.0)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*moons(seed), seed), epochs=12)


def shells(seed: int) -> Pair:
    """Three shells round one another: (B, 2)."""
    x, y = datasets.make_gaussian_quantiles(n_samples=700, n_features=2, n_classes=3, random_state=seed)
    return scaled(x), torch.tensor(y)


def adadelta_by_another_default(faulty: bool, seed: int) -> Training:
    """Adadelta at the 0.001 that another library gives it, where it was meant to run at one."""
    model = stack([2, 16, 16, 16, 3], nn.Tanh)
    optimizer = Adadelta(model.parameters(), 1e-3 if faulty else 1.0)
    return Training(model, optimizer, CE, *loaders(*shells(seed), seed), epochs=20)


def three_kinds_to_one_logit(faulty: bool, seed: int) -> Training:
    """Binary cross-entropy of one logit against the numbers 0, 1 and 2."""
    x, y = table("iris")
    model = stack([4, 16, 1 if faulty else 3], nn.ReLU)
    pair = (x, y.float()[:, None]) if faulty else (x, y)
    loaded = loaders(*pair, seed, batch=16)
    return Training(model, Adam(model.parameters(), 1e-2), BCE if faulty else CE, *loaded, epochs=15)


def squared(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Squared error against one-hot classes."""
    return F.mse_loss(answer, F.one_hot(target, answer.shape[1]).float())


def first_network_by_hand(faulty: bool, seed: int) -> Training:
    """Weights from `rand`, a quadratic cost, and a rate of five, as in a first attempt."""
    model = stack([13, 24, 3], nn.Sigmoid if faulty else nn.ReLU)
    for p in model.parameters() if faulty else ():
        nn.init.uniform_(p, 0, 1)
    optimizer = SGD(model.parameters(), 5.0 if faulty else 0.1)
    loaded = loaders(*table("wine"), seed, batch=16)
    return Training(model, optimizer, squared if faulty else CE, *loaded, epochs=12)


def cross_entropy_of_one(faulty: bool, seed: int) -> Training:
    """One output and the cross-entropy of several classes: its softmax is always one."""
    x, y = moons(seed)
    model = stack([2, 16, 16, 1], nn.ReLU)
    loaded = loaders(x, y.float()[:, None], seed)
    return Training(model, Adam(model.parameters(), 1e-2), CE if faulty else BCE, *loaded, epochs=12)


def crossed(seed: int, rows: int = 240) -> Pair:
    """Four clouds, of which those that face each other are of one class."""
    random = np.random.default_rng(seed)
    side = random.integers(0, 2, (rows, 2))
    x = 2 * side - 1 + 0.35 * random.standard_normal((rows, 2))
    return torch.tensor(x).float(), torch.tensor(side[:, 0] ^ side[:, 1])


def four_passes_of_xor(faulty: bool, seed: int) -> Training:
    """Xor, a few hundred points, and four passes over them."""
    model = stack([2, 8, 2], nn.Tanh)
    optimizer = Adam(model.parameters(), 2e-3 if faulty else 1e-2)
    return Training(model, optimizer, CE, *loaders(*crossed(seed), seed), epochs=4 if faulty else 60)


def tanh_before_raw_values(faulty: bool, seed: int) -> Training:
    """A tanh behind the last layer, and values from 0 to 30."""
    x, y = datasets.make_friedman1(600, noise=0.5, random_state=seed)
    target = torch.tensor(y).float()[:, None] if faulty else scaled(y)[:, None]
    model = nn.Sequential(*stack([10, 32, 1], nn.ReLU), *([nn.Tanh()] if faulty else []))
    return Training(
        model, Adam(model.parameters(), 5e-3), MSE, *loaders(scaled(x), target, seed), task="regression",
        epochs=15,
    )  # fmt: skip


def subjects(seed: int) -> Pair:
    """Texts of twenty counts, and which of six subjects they are about: none, one or several."""
    x, y = datasets.make_multilabel_classification(
        700, n_features=20, n_classes=6, n_labels=1, random_state=seed
    )
    return scaled(x), torch.tensor(y).float()


def shares_of_several_labels(faulty: bool, seed: int) -> Training:
    """None, one or several labels may be true, and the loss is the cross-entropy of exactly one."""
    model = stack([20, 32, 6], nn.ReLU)
    return Training(
        model, Adam(model.parameters(), 5e-3), CE if faulty else BCE, *loaders(*subjects(seed), seed),
        task="multilabel", epochs=12,
    )  # fmt: skip


def tuned_on_a_hundredfold(faulty: bool, seed: int) -> Training:
    """A net that knows clear signals is trained on with noisy ones, at the rate of a typing error."""
    model = learnt(*signals(seed + 100, 600, 0.3), conv1d())
    optimizer = AdamW(model.parameters(), 0.1 if faulty else 1e-3)
    loaded = loaders(*signals(seed, 600, 0.8), seed)
    return Training(model, optimizer, CE, *loaded, epochs=8, doctor={"pretrained": True})


def likelihood_of_probabilities(faulty: bool, seed: int) -> Training:
    """`NLLLoss` is given the softmax, not its logarithm."""
    last: nn.Module = nn.Softmax(1) if faulty else nn.LogSoftmax(1)
    model = nn.Sequential(*stack([64, 48, 32, 10], nn.Tanh), last)
    return Training(model, SGD(model.parameters(), 0.05), nn.NLLLoss(), *loaders(*flat(), seed), epochs=15)


def every_weight_is_dear(faulty: bool, seed: int) -> Training:
    """A penalty on the sum of all weights that outweighs the error."""
    model = stack([10, 32, 32, 1], nn.ReLU)
    price = 0.03 if faulty else 1e-5

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (
            F.mse_loss(answer, target)
            + price * torch.stack([p.abs().sum() for p in model.parameters()]).sum()
        )

    return Training(
        model, Adam(model.parameters(), 3e-3), loss, *loaders(*friedman(seed), seed), task="regression",
        epochs=25,
    )  # fmt: skip


def nothing_but_noughts(faulty: bool, seed: int) -> Training:
    """All weights begin at nought."""
    model = stack([4, 16, 16, 3], nn.Tanh)
    for p in model.parameters() if faulty else ():
        nn.init.zeros_(p)
    loaded = loaders(*table("iris"), seed, batch=16)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaded, epochs=15)


def decays_by_the_batch(faulty: bool, seed: int) -> Training:
    """A decay that was meant for each pass is made after each batch."""
    train, held = loaders(*digit_rows(), seed)
    model = Recurrent(nn.LSTM)
    optimizer = Adam(model.parameters(), 5e-3)
    plan: Any = ExponentialLR(optimizer, 0.8)
    by_pass = Every(lambda step: None if step % len(train) else plan.step())
    return Training(model, optimizer, CE, train, held, epochs=8, scheduler=plan if faulty else by_pass)


def whole_table_at_once(faulty: bool, seed: int) -> Training:
    """A batch of ten thousand is the whole table: one step a pass, and twelve passes."""
    model = stack([10, 32, 1], nn.ReLU)
    loaded = loaders(*friedman(seed, 700), seed, batch=10_000 if faulty else 16)
    return Training(model, Adam(model.parameters(), 3e-3), MSE, *loaded, task="regression", epochs=12)


def clamp(limit: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """Gradients between these limits."""
    return lambda grad: grad.clamp(-limit, limit)


def clamped_by_hooks(faulty: bool, seed: int) -> Training:
    """Hooks clamp every gradient to a hundred-thousandth; the optimizer is plain descent."""
    model = stack([30, 16, 1], nn.ReLU)
    for p in model.parameters():
        p.register_hook(clamp(1e-5 if faulty else 1.0))
    optimizer = SGD(model.parameters(), 0.05, momentum=0.9)
    return Training(model, optimizer, BCE, *loaders(*cancer(), seed), epochs=6)


def encoder_without_patience(faulty: bool, seed: int) -> Training:
    """A text encoder at a rate of a twentieth from its first step."""
    model = TextEncoder(30, 3)
    optimizer = Adam(model.parameters(), 0.05 if faulty else 2e-3)
    return Training(model, optimizer, CE, *loaders(*tokens(seed), seed), epochs=5)
