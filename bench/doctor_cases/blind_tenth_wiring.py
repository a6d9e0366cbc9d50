"""Tenth blind batch, second part: rates, schedules, optimizers, gradients, modes, shapes and masks."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adagrad, Adam, AdamW, NAdam
from torch.optim.lr_scheduler import LambdaLR, PolynomialLR
from torch.utils.checkpoint import checkpoint

from doctor_cases.blind_fifth_healthy import learnt
from doctor_cases.blind_parts import Recurrent, digit_rows
from doctor_cases.blind_sixth_parts import adapted, mirrored_digits
from doctor_cases.blind_tenth_parts import Glance, Lines, next_letters, squares_net, worst_area
from doctor_cases.blind_third_parts import (
    LETTERS,
    Bag,
    Follower,
    Mixer,
    brightness,
    flat_digits,
    photographs,
    placewise,
    words,
)
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def nadam_at_three_tenths(faulty: bool, seed: int) -> Training:
    """NAdam at the rate that suited plain descent."""
    model = squares_net()
    optimizer = NAdam(model.parameters(), 0.3 if faulty else 2e-3)
    return Training(model, optimizer, CE, *loaders(*photographs(), seed), epochs=6)


def a_head_at_ten(faulty: bool, seed: int) -> Training:
    """The body knows digits and is tuned gently; the fresh head was to learn faster, and has ten."""
    train, held, model = mirrored_digits(seed)
    model[-1] = nn.Linear(32, 10)
    groups = [
        {"params": model[:-1].parameters(), "lr": 1e-2},
        {"params": model[-1].parameters(), "lr": 10.0 if faulty else 0.05},
    ]
    optimizer = SGD(groups, 1e-2, momentum=0.9)
    return Training(model, optimizer, CE, *both(train, held), epochs=8, doctor={"pretrained": True})


def adapters_a_thousandfold(faulty: bool, seed: int) -> Training:
    """What adapters add counts a thousandfold, for their alpha was not divided by anything."""
    (x, y), held = split(*flat_digits(), seed)
    body = learnt(x, y // 2, stack([64, 64, 64, 10], nn.ReLU))
    model = adapted(body, spread=100.0 if faulty else 0.1)
    told = tuple(name for name, p in model.named_parameters() if not p.requires_grad)
    optimizer = AdamW([p for p in model.parameters() if p.requires_grad], 1e-2)
    more = {"pretrained": True, "frozen": told}
    return Training(model, optimizer, CE, *both((x, y), held), epochs=10, doctor=more)


def adagrad_forgets_its_rate(faulty: bool, seed: int) -> Training:
    """Adagrad, which slows down by itself, is told to divide its rate by the number of the step as well."""
    model = Mixer()
    optimizer = Adagrad(model.parameters(), 0.02, lr_decay=1.0 if faulty else 0.0)
    return Training(model, optimizer, CE, *loaders(*digits(), seed), epochs=12)


def rate_multiplied_by_the_rate(faulty: bool, seed: int) -> Training:
    """`LambdaLR` was given the rate that is wanted, and multiplies the first rate by it."""
    model = Recurrent(nn.LSTM)
    optimizer = Adam(model.parameters(), 5e-3)
    rate = LambdaLR(optimizer, lambda step: 5e-3 if faulty else 1.0)
    loaded = loaders(*digit_rows(), seed)
    return Training(model, optimizer, CE, *loaded, epochs=10, scheduler=rate)


def polynomial_of_passes(faulty: bool, seed: int) -> Training:
    """A rate that falls on a line to nought was told how many passes there are, and counts batches."""
    model, passes = Follower(len(LETTERS), len(LETTERS)), 8
    loaded = loaders(*next_letters(), seed, batch=16)
    optimizer = AdamW(model.parameters(), 6e-3)
    line = PolynomialLR(optimizer, passes if faulty else passes * len(loaded[0]))
    return Training(
        model, optimizer, placewise, *loaded, task="language_model", epochs=passes, scheduler=line
    )


class Cautious(SGD):
    """Descent whose gradients are made nought where there are none yet, and nowhere else."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """The condition is the wrong way round."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    p.grad = torch.zeros_like(p)


def cleared_where_there_is_none(faulty: bool, seed: int) -> Training:
    """`if p.grad is None` in a `zero_grad` by hand, where `is not None` was meant."""
    model = squares_net()
    optimizer = (Cautious if faulty else SGD)(model.parameters(), 0.03, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*photographs(), seed), epochs=8)


def vocabulary_grown_too_late(faulty: bool, seed: int) -> Training:
    """The table of words was made longer when the optimizer already held the shorter one."""
    model = Bag(width=4)
    grown = model.tokens
    model.tokens = nn.Embedding(202, 4)
    if not faulty:
        model.tokens = grown
    optimizer = Adam(model.parameters(), 1e-2)
    model.tokens = grown
    return Training(model, optimizer, CE, *loaders(*words(), seed), epochs=15)


def attention_that_always_drops(faulty: bool, seed: int) -> Training:
    """`dropout_p` of the functional attention holds in evaluation as well, unless somebody asks."""
    model = Glance(dropped=0.8, minds=not faulty)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*words(), seed), epochs=15)


class Restoring(Adam):
    """Adam, behind which weights are put back to those that an average had stored at the start."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, lr)
        self.stored = [p.detach().clone() for group in self.param_groups for p in group["params"]]

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """A step, and back."""
        super().step()
        several = [p for group in self.param_groups for p in group["params"]]
        for p, kept in zip(several, self.stored, strict=True):
            p.data.copy_(kept)


def put_back_after_each_step(faulty: bool, seed: int) -> Training:
    """`average.restore()` stands behind every step, and `store()` was called but once."""
    model = stack([10, 32, 1], nn.ReLU)
    optimizer = (Restoring if faulty else Adam)(model.parameters(), 3e-3)
    return Training(
        model, optimizer, nn.MSELoss(), *loaders(*worst_area(), seed), task="regression", epochs=12
    )


def kept_one_level_down(faulty: bool, seed: int) -> Training:
    """What was saved is a dictionary with the weights under "model"; `strict=False` finds none of them."""
    (x, y), held = split(*flat_digits(), seed)
    kept = learnt(x[:1150], y[:1150], stack([64, 96, 96, 10], nn.ReLU), 300).state_dict()
    saved = {"model": kept, "passes": 7}
    model = stack([64, 96, 96, 10], nn.ReLU)
    model.load_state_dict(saved if faulty else saved["model"], strict=False)
    loaded = both((x[1150:], y[1150:]), held, 16)
    optimizer = AdamW(model.parameters(), 2e-4)
    return Training(model, optimizer, CE, *loaded, epochs=5, doctor={"pretrained": True})


def likelihood_of_a_square(faulty: bool, seed: int) -> Training:
    """A likelihood by hand: means are (B, 1), values (B,): each row is held against all."""

    def likelihood(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        y = y.squeeze(1) if faulty else y
        width = torch.tensor(0.3)
        return 0.5 * (((answer - y) / width) ** 2).mean() + width.log()

    model = stack([10, 48, 1], nn.GELU)
    optimizer = Adam(model.parameters(), 2e-3)
    return Training(model, optimizer, likelihood, *loaders(*worst_area(), seed), task="regression", epochs=12)


def focus_turned_round(faulty: bool, seed: int) -> Training:
    """A focal loss with (p − 1)³ where (1 − p)³ belongs: its sign is the other one."""

    def focal(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        said = F.log_softmax(answer, 1).gather(1, y[:, None])
        far = said.exp() - 1 if faulty else 1 - said.exp()
        return -(far**3 * said).mean()

    model = cnn()
    return Training(model, Adam(model.parameters(), 1e-3), focal, *loaders(*digits(), seed), epochs=7)


class Unscaling(SGD):
    """Descent that divides gradients by what the loss was multiplied by, as a scaler does."""

    scale = 65536.0

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Divide, then step."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.grad.div_(self.scale)
        super().step()


def clipped_before_it_was_unscaled(faulty: bool, seed: int) -> Training:
    """Gradients are clipped to one while they are 65,536 times themselves; `unscale_` is missing."""

    def scaled_up(answer: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss = F.mse_loss(answer, y)
        return loss + (Unscaling.scale - 1) * (loss - loss.detach())

    rows = brightness()
    model = stack([11, 32, 1], nn.ReLU)
    optimizer = Unscaling(model.parameters(), 0.02, momentum=0.9)
    loaded = loaders(rows[:, :-1], rows[:, -1:], seed)
    clip = 1.0 if faulty else Unscaling.scale
    return Training(model, optimizer, scaled_up, *loaded, task="regression", epochs=6, clip=clip)


def mask_of_noughts_and_ones(faulty: bool, seed: int) -> Training:
    """Noughts and ones were written as numbers: they are added to attention, and hide nothing."""
    seen = torch.ones(32, 32).tril()
    model = Lines(seen if faulty else seen.log())
    loaded = loaders(*next_letters(), seed, batch=16)
    return Training(
        model, AdamW(model.parameters(), 4e-3), placewise, *loaded, task="language_model", epochs=8
    )


class Hooked(nn.Module):
    """A net that notes what its first layer says; the hook may be put on anew each time."""

    def __init__(self, *, anew: bool) -> None:
        super().__init__()
        self.body, self.anew = stack([64, 64, 10], nn.ReLU), anew
        self.noted: list[torch.Tensor] = []

    def note(self, layer: nn.Module, given: Any, said: torch.Tensor) -> None:
        """Keep what the layer said."""
        self.noted.append(said if self.anew else said.detach().mean())
        self.noted = self.noted if self.anew else self.noted[-1:]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 64) → (B, 10)."""
        hook = self.body[0].register_forward_hook(self.note)
        answer = self.body(x)
        if not self.anew:
            hook.remove()
        return answer


def a_hook_for_every_batch(faulty: bool, seed: int) -> Training:
    """A hook that notes activations is put on in every batch and never taken off, graphs and all."""
    model = Hooked(anew=faulty)
    loaded = loaders(*flat_digits(), seed, batch=128)
    return Training(model, Adam(model.parameters(), 2e-3), CE, *loaded, epochs=6)


class Spared(nn.Module):
    """A body whose answers are computed anew on the way back, to spare memory, and a head."""

    def __init__(self, *, reentrant: bool) -> None:
        super().__init__()
        self.body, self.head = stack([64, 12, 8, 8], nn.ReLU), nn.Linear(8, 10)
        self.reentrant = reentrant

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 64) → (B, 10)."""
        return self.head(torch.relu(checkpoint(self.body, x, use_reentrant=self.reentrant)))


def checkpointed_from_the_first_layer(faulty: bool, seed: int) -> Training:
    """The older kind of checkpoint wants an input with a gradient, or none comes out of it."""
    model = Spared(reentrant=faulty)
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*flat_digits(), seed), epochs=15)


def teacher_and_pupil_are_one(faulty: bool, seed: int) -> Training:
    """The teacher was to be frozen, and no copy had been made of the pupil; its head came later."""
    pupil = Recurrent(nn.GRU, width=12)
    teacher = pupil if faulty else Recurrent(nn.GRU, width=12)
    for p in teacher.parameters():
        p.requires_grad = False
    pupil.head = nn.Linear(12, 10)
    optimizer = Adam([p for p in pupil.parameters() if p.requires_grad], 6e-3)
    return Training(pupil, optimizer, CE, *loaders(*digit_rows(), seed), epochs=14)
