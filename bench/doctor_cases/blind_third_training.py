# ruff: noqa: D103 a case is named for its fault
"""Third blind batch, first part: rates, schedules, initialisation, losses, capacity, regularisation."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adadelta, Adafactor, Adam, AdamW, NAdam, RMSprop
from torch.optim.lr_scheduler import LambdaLR

from doctor_cases.blind_parts import Mapped, Recurrent, bce, digit_rows
from doctor_cases.blind_third_parts import (
    LETTERS,
    Bag,
    Dilated,
    Follower,
    Mixer,
    Twins,
    Vit,
    attributes,
    brightness,
    couples,
    diabetes,
    flat_digits,
    letters,
    photographs,
    placewise,
    words,
)
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def vit_too_fast(faulty: bool, seed: int) -> Training:
    model = Vit()
    rate = 0.1 if faulty else 3e-3
    return Training(model, AdamW(model.parameters(), rate), CE, *loaders(*digits(), seed), epochs=8)


def scaled_with_the_batch(faulty: bool, seed: int) -> Training:
    """Somebody multiplied the rate by the batch size."""
    model = Mixer()
    rate = 0.1 * (64 if faulty else 1)
    optimizer = SGD(model.parameters(), rate, momentum=0.9, nesterov=True)
    return Training(model, optimizer, CE, *loaders(*digits(), seed, batch=64), epochs=10)


def hot_squares(faulty: bool, seed: int) -> Training:
    """RMSprop at 0.3 on a network over time."""
    model = Dilated(10)
    optimizer = RMSprop(model.parameters(), 0.3 if faulty else 2e-3)
    return Training(model, optimizer, CE, *loaders(*flat_digits(), seed), epochs=7)


def two_at_a_time(faulty: bool, seed: int) -> Training:
    """Batches of two at the rate of batches of sixty-four."""
    model = stack([10, 32, 1], nn.GELU)
    optimizer = SGD(model.parameters(), 0.1 if faulty else 2e-3, momentum=0.9)
    return Training(
        model, optimizer, nn.MSELoss(), *loaders(*diabetes(), seed, batch=2), task="regression", epochs=10
    )


def text_too_slow(faulty: bool, seed: int) -> Training:
    model = Bag()
    optimizer = Adafactor(model.parameters(), 1e-5 if faulty else 2e-2)
    return Training(model, optimizer, CE, *loaders(*words(), seed), epochs=15)


def adadelta_like_adam(faulty: bool, seed: int) -> Training:
    """Adadelta wants 1.0 and was given what Adam gets."""
    model = cnn()
    optimizer = Adadelta(model.parameters(), 1e-3 if faulty else 1.0)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=8)


def warms_forever(faulty: bool, seed: int) -> Training:
    """The warm-up was told in steps of another run."""
    model = Vit()
    optimizer = AdamW(model.parameters(), 3e-3)
    plan = LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / (200_000 if faulty else 40)))
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=8, scheduler=plan)


def falls_at_a_tenth(faulty: bool, seed: int) -> Training:
    """The schedule ends after a tenth of the first pass, and stays at nought."""
    model = Follower(502, 5, last=True)
    optimizer = NAdam(model.parameters(), 3e-3)
    train, validation = loaders(*words(), seed)
    total = len(train) * (0.3 if faulty else 12)
    plan = LambdaLR(optimizer, lambda step: max(0.0, 1 - step / total))
    return Training(model, optimizer, CE, train, validation, epochs=12, scheduler=plan)


def divided_by_the_rows(faulty: bool, seed: int) -> Training:
    """A mean loss is divided by the number of rows once more."""
    train, validation = loaders(*digits(), seed)
    divisor = len(train.dataset) if faulty else 1
    model = Mixer()
    return Training(
        model, SGD(model.parameters(), 0.1, momentum=0.9), lambda a, y: CE(a, y) / divisor, train, validation
    )


def clamped_gradients(faulty: bool, seed: int) -> Training:
    """Every gradient is clamped to a hundred-thousandth."""
    model = cnn(activation=nn.SiLU)
    for p in model.parameters():
        p.register_hook(lambda grad: grad.clamp(-1e-5, 1e-5) if faulty else grad)
    optimizer = SGD(model.parameters(), 0.1, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=8)


def clipped_before_backward(faulty: bool, seed: int) -> Training:
    """The gradient is clipped where there is none yet: sixty-four steps of time, and nothing holds them."""
    model = Recurrent(lambda i, h, **k: nn.RNN(i, h, nonlinearity="relu", **k))
    model.cell.weight_hh_l0.data.copy_(1.03 * torch.eye(32))
    x, y = digit_rows()
    return Training(
        model, SGD(model.parameters(), 0.2), CE, *loaders(x.repeat_interleave(4, 1), y, seed), epochs=8,
        clip=None if faulty else 0.5,
    )  # fmt: skip


def one_pass_over_letters(faulty: bool, seed: int) -> Training:
    text = letters()
    model = Follower(len(LETTERS), len(LETTERS), width=48)
    return Training(
        model, Adam(model.parameters(), 2e-3), placewise, *loaders(text[:, :-1], text[:, 1:], seed),
        task="language_model", epochs=1 if faulty else 15,
    )  # fmt: skip


class Deep(nn.Module):
    """Blocks whose way past them is multiplied by `skip`."""

    def __init__(self, skip: float, depth: int) -> None:
        super().__init__()
        self.skip, self.first, self.last = skip, nn.Linear(64, 32), nn.Linear(32, 10)
        self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(32, 32), nn.GELU()) for _ in range(depth)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 64) → (B, 10)."""
        hidden = self.first(x)
        for block in self.blocks:
            hidden = self.skip * hidden + block(hidden)
        return self.last(hidden)


def skips_forgotten(faulty: bool, seed: int) -> Training:
    """Sixteen blocks, and no way past them."""
    model = Deep(0.0 if faulty else 1.0, 16)
    return Training(model, Adam(model.parameters(), 5e-4), CE, *loaders(*flat_digits(), seed), epochs=6)


def skips_doubled(faulty: bool, seed: int) -> Training:
    """What goes past a block is added twice: after sixteen blocks it is 65,536 times itself."""
    model = Deep(2.0 if faulty else 1.0, 16)
    optimizer = SGD(model.parameters(), 0.01)
    return Training(model, optimizer, CE, *loaders(*flat_digits(), seed), epochs=8)


def forgetful(faulty: bool, seed: int) -> Training:
    """The forget gates start shut, and between any two rows of a digit there is an empty one."""
    model = Recurrent(nn.LSTM)
    for name, p in model.cell.named_parameters():
        if "bias" in name:
            p.data[32:64] = -8.0 if faulty else 1.0
    x, y = digit_rows()
    wide = torch.stack([x, torch.zeros_like(x), torch.zeros_like(x)], 2).flatten(1, 2)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaders(wide, y, seed), epochs=8)


def saturated_clamps(faulty: bool, seed: int) -> Training:
    """Hard tanh behind weights eighty times too wide."""
    model = stack([64, 64, 64, 64, 10], nn.Hardtanh)
    for layer in (model[0], model[2], model[4]):
        layer.weight.data.mul_(80.0 if faulty else 1.0)
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaders(*flat_digits(), seed), epochs=10)


def silent_logits(faulty: bool, seed: int) -> Training:
    """A rectifier behind the last layer, in front of cross-entropy."""
    last = [nn.ReLU()] if faulty else []
    model = nn.Sequential(cnn(), *last)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*digits(), seed), epochs=6)


def probabilities_as_logarithms(faulty: bool, seed: int) -> Training:
    """Probabilities go where their logarithms belong."""
    last = nn.Softmax(1) if faulty else nn.LogSoftmax(1)
    model = nn.Sequential(*stack([64, 32, 10], nn.ReLU), last)
    return Training(
        model, SGD(model.parameters(), 0.05), nn.NLLLoss(), *loaders(*flat_digits(), seed), epochs=10
    )


def one_choice_of_attributes(faulty: bool, seed: int) -> Training:
    """Cross-entropy over attributes of which several are true."""
    loss = nn.CrossEntropyLoss() if faulty else nn.BCEWithLogitsLoss()
    model = stack([64, 48, 4], nn.ReLU)
    return Training(
        model,
        Adam(model.parameters(), 3e-3),
        loss,
        *loaders(*attributes(), seed),
        task="multilabel",
        epochs=10,
    )


def decayed_patches(faulty: bool, seed: int) -> Training:
    """Decay of 60 on every parameter, norms and places among them."""
    model = Vit(2, channels=3)
    optimizer = AdamW(model.parameters(), 3e-3, weight_decay=60.0 if faulty else 0.01)
    return Training(model, optimizer, CE, *loaders(*photographs(), seed), epochs=6)


def punished(faulty: bool, seed: int) -> Training:
    """The sum of all weights' sizes, weighed with 0.05."""
    model = cnn()

    def sparse(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return CE(answer, target) + (0.05 if faulty else 1e-6) * sum(
            p.abs().sum() for p in model.parameters()
        )

    return Training(model, Adam(model.parameters(), 3e-3), sparse, *loaders(*digits(), seed), epochs=8)


def dropped_words(faulty: bool, seed: int) -> Training:
    """Of the values between two layers, 97 in a hundred are dropped."""
    model = Bag()
    model.body[1] = nn.Sequential(nn.ReLU(), nn.Dropout(0.97 if faulty else 0.2))
    return Training(model, AdamW(model.parameters(), 5e-3), CE, *loaders(*words(), seed), epochs=15)


def only_points(faulty: bool, seed: int) -> Training:
    """Convolutions of one pixel by one, and a mean: how much ink is all that they see."""
    size = 1 if faulty else 3
    model = nn.Sequential(
        nn.Conv2d(1, 24, size), nn.ReLU(), nn.Conv2d(24, 24, size), nn.ReLU(), nn.Conv2d(24, 24, size),
        nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*digits(), seed), epochs=10)


def difference_is_linear(faulty: bool, seed: int) -> Training:
    """Whether two are the same cannot be told from a linear function of their difference."""
    compare = (lambda a, b: a - b) if faulty else (lambda a, b: (a - b).abs())
    model = Twins(compare)
    if faulty:
        model.encoder = nn.Linear(64, 24)
    return Training(model, Adam(model.parameters(), 3e-3), bce, *loaders(*couples(seed), seed), epochs=10)


def patients_by_heart(faulty: bool, seed: int) -> Training:
    """Eighty passes of a wide net over two hundred patients; by hand: few passes, slowly."""
    (x, y), held = split(*diabetes(), seed)
    model = stack([10, 200, 200, 1], nn.SiLU)
    optimizer = Adam(model.parameters(), 2e-3 if faulty else 1e-3)
    return Training(
        model, optimizer, nn.MSELoss(), *both((x[:200], y[:200]), held, 20), task="regression",
        epochs=80 if faulty else 10,
    )  # fmt: skip


def twenty_digits(faulty: bool, seed: int) -> Training:
    """Twenty digits to learn from; by hand: more were labelled."""
    train, held = split(*digits(), seed)
    train = (train[0][:20], train[1][:20]) if faulty else train
    model = Mixer()
    return Training(
        model, Adam(model.parameters(), 3e-3), CE, *both(train, held, 10 if faulty else 32),
        epochs=60 if faulty else 8,
    )  # fmt: skip


def series_too_slow(faulty: bool, seed: int) -> Training:
    """The next pixel of a line, from eleven before it, at a rate of a millionth."""
    lines = brightness()
    model = Dilated(1, depth=3)
    optimizer = AdamW(model.parameters(), 1e-6 if faulty else 3e-3)
    return Training(
        model,
        optimizer,
        nn.HuberLoss(),
        *loaders(lines[:, :-1], lines[:, -1:], seed),
        task="regression",
        epochs=6,
    )


def squashed_brightness(faulty: bool, seed: int) -> Training:
    """Standardised brightness from a softplus, which is never below nought."""
    lines = brightness()
    last = [Mapped(F.softplus)] if faulty else []
    model = nn.Sequential(Dilated(1, depth=3), *last)
    return Training(
        model, Adam(model.parameters(), 3e-3), nn.MSELoss(), *loaders(lines[:, :-1], lines[:, -1:], seed),
        task="regression", epochs=6,
    )  # fmt: skip
