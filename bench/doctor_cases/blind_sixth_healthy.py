"""Sixth blind batch, controls: unusual, and well."""

from __future__ import annotations

from typing import Any

import torch
from sklearn import datasets
from torch import nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW
from torch.utils.data import DataLoader, TensorDataset

from doctor_cases.blind_fifth_wiring import Averaged
from doctor_cases.blind_fourth_training import moons, wave
from doctor_cases.blind_fourth_wiring import flat
from doctor_cases.blind_parts import Mapped, Pair, friedman, outputs
from doctor_cases.blind_sixth_parts import adapted, messages, mirrored_digits
from doctor_cases.blind_third_parts import Bag, Every, Follower, letters, placewise, words
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def adapters_alone(seed: int) -> Training:
    """All that was learnt is frozen on purpose; adapters learn, and one of their factors starts at nought."""
    train, held, base = mirrored_digits(seed)
    model = adapted(base)
    new = [p for p in model.parameters() if p.requires_grad]
    return Training(model, AdamW(new, 3e-3), CE, *both(train, held), epochs=15, doctor={"pretrained": True})


class Turned(torch.autograd.Function):
    """Lets values through, and turns their gradient round."""

    @staticmethod
    def forward(_context: Any, x: torch.Tensor) -> torch.Tensor:
        """The same."""
        return x.clone()

    @staticmethod
    def backward(_context: Any, *grads: torch.Tensor) -> torch.Tensor:
        """A tenth, with the other sign."""
        return -0.1 * grads[0]


def told_not_to_know(seed: int) -> Training:
    """A second head guesses whether the image was dimmed, and the body is taught not to say so."""

    class Blindfolded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head, self.guess = (
                stack([64, 48, 32], nn.ReLU),
                nn.Linear(32, 10),
                nn.Linear(32, 1),
            )
            self.dim: Any = None

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """(B, 64) → (B, 10)."""
            dimmed = (x.amax(1) < 0.8).float()[:, None]
            hidden = self.body(x).relu()
            self.dim = F.binary_cross_entropy_with_logits(self.guess(Turned.apply(hidden)), dimmed)
            return self.head(hidden)

    x, y = flat()
    x = torch.where(torch.arange(len(x))[:, None] % 2 == 0, 0.7 * x, x)
    model = Blindfolded()

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return CE(answer, target) + 0.3 * model.dim

    return Training(model, Adam(model.parameters(), 2e-3), loss, *loaders(x, y, seed), epochs=10)


def answered_by_the_average(seed: int) -> Training:
    """Learns with one net, answers with its running average, which has no gradients."""
    model = Averaged(cnn())
    plan = Every(model.follow)
    return Training(
        model, Adam(model.live.parameters(), 2e-3), CE, *loaders(*digits(), seed), epochs=8, scheduler=plan
    )


def letters_left_out(seed: int) -> Training:
    """A letter of each four is hidden, and a net that reads both ways foretells those alone."""
    text = letters().reshape(-1, 11)
    hidden = torch.rand(text.shape) < 0.25
    x = torch.where(hidden, 0, text)
    y = torch.where(hidden, text, -100)
    model = Follower(30, 30, bidirectional=True)
    loaded = loaders(x, y, seed, batch=128)
    return Training(
        model, Adam(model.parameters(), 1e-2), placewise, *loaded, task="language_model", epochs=10
    )


def mixed_and_weighed(seed: int) -> Training:
    """Two images are mixed, and so are their labels: nothing that is learnt from is as it will be."""

    def mixed(pairs: list[Pair]) -> Pair:
        x, y = torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])
        share = float(torch.distributions.Beta(0.4, 0.4).sample())
        order = torch.randperm(len(y))
        targets = F.one_hot(y, 10).float()
        return share * x + (1 - share) * x[order], share * targets + (1 - share) * targets[order]

    train, held = split(*digits(), seed)
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, collate_fn=mixed)
    model = cnn(activation=nn.GELU)
    return Training(model, AdamW(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=12)


def waves_of_sines(seed: int) -> Training:
    """Sines between the layers, drawn as their inventors wanted."""
    model = stack([1, 32, 32, 1], lambda: Mapped(torch.sin))
    for number, layer in enumerate(one for one in model if isinstance(one, nn.Linear)):
        wide = 3.0 if number == 0 else (6 / 32) ** 0.5
        nn.init.uniform_(layer.weight, -wide, wide)
    return Training(
        model, Adam(model.parameters(), 2e-3), nn.MSELoss(), *loaders(*wave(seed), seed), task="regression",
        epochs=20,
    )  # fmt: skip


def scaled_inside(seed: int) -> Training:
    """Raw measures and raw values of some hundreds: the network scales both itself."""
    found = datasets.load_diabetes(scaled=False)
    x, y = torch.tensor(found.data).float(), torch.tensor(found.target).float()[:, None]
    before, after = (x.mean(0), x.std(0)), (y.mean(), y.std())
    model = nn.Sequential(
        Mapped(lambda rows: (rows - before[0]) / before[1]), stack([10, 12, 1], nn.ReLU),
        Mapped(lambda values: after[0] + after[1] * values),
    )  # fmt: skip
    return Training(
        model,
        Adam(model.parameters(), 3e-3),
        nn.MSELoss(),
        *loaders(x, y, seed),
        task="regression",
        epochs=14,
    )


def missing_values_left_out(seed: int) -> Training:
    """A third of the values to learn from were not measured, and the loss leaves them out."""
    train, held = split(*outputs(seed, 700), seed)
    y = torch.where(torch.rand(train[1].shape) < 1 / 3, torch.nan, train[1])

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        there = target.isfinite()
        return F.mse_loss(answer[there], target[there])

    model = stack([8, 32, 3], nn.GELU)
    return Training(
        model, Adam(model.parameters(), 5e-3), loss, *both((train[0], y), held), task="regression", epochs=20
    )


class Signs(SGD):
    """Moves each weight by the sign of its averaged gradient."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        """One step of Lion."""
        for group in self.param_groups:
            for p in group["params"]:
                kept = self.state[p].setdefault("mean", torch.zeros_like(p))
                p.sub_((0.9 * kept + 0.1 * p.grad).sign(), alpha=group["lr"])
                kept.lerp_(p.grad, 0.01)


def moved_by_signs(seed: int) -> Training:
    """An optimizer that somebody wrote: each weight moves by the same amount."""
    model = cnn()
    return Training(model, Signs(model.parameters(), 5e-4), CE, *loaders(*digits(), seed), epochs=15)


class Deep(nn.Module):
    """Six blocks, of which some are passed by while learning."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 32), nn.Linear(32, 10)
        self.blocks = nn.ModuleList(
            [nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32), nn.GELU()) for _ in range(6)]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 64) → (B, 10)."""
        hidden = self.first(x)
        for block in self.blocks:
            if not self.training:
                hidden = hidden + 0.8 * block(hidden)
            elif float(torch.rand(())) < 0.8:
                hidden = hidden + block(hidden)
        return self.last(hidden)


def blocks_passed_by(seed: int) -> Training:
    """Stochastic depth: a block has no gradient in one step of five."""
    model = Deep()
    return Training(model, AdamW(model.parameters(), 1e-3), CE, *loaders(*flat(), seed), epochs=15)


def spam_in_focus(seed: int) -> Training:
    """Few messages are spam, and the loss looks at what is not yet right."""

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        each = F.binary_cross_entropy_with_logits(answer, target, reduction="none")
        return ((1 - (-each).exp()) ** 2 * each).mean()

    model = Bag(classes=1)
    return Training(model, Adam(model.parameters(), 3e-3), loss, *loaders(*messages(), seed), epochs=7)


def in_sixteen_bits(seed: int) -> Training:
    """The network computes in bfloat16, its weights and its loss do not."""

    class Short(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = stack([10, 48, 48, 1], nn.ReLU)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """(B, 10) → (B, 1)."""
            with torch.autocast("cpu", torch.bfloat16):
                answer = self.body(x)
            return answer.float()

    model = Short()
    return Training(
        model, AdamW(model.parameters(), 2e-3), nn.MSELoss(), *loaders(*friedman(seed, 800), seed),
        task="regression", epochs=18,
    )  # fmt: skip


def twenty_times_a_small_loss(seed: int) -> Training:
    """Plain descent at a rate of twenty, for a loss that is a hundredth of the usual."""
    model = stack([2, 24, 24, 2], nn.ReLU)

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return 0.01 * CE(answer, target)

    return Training(model, SGD(model.parameters(), 20.0), loss, *loaders(*moons(seed), seed), epochs=25)


def words_dropped_whole(seed: int) -> Training:
    """A fifth of all words is hidden at random while learning, none later."""

    def hidden(pairs: list[Pair]) -> Pair:
        x = torch.stack([x for x, _ in pairs])
        return torch.where(torch.rand(x.shape) < 0.2, 0, x), torch.stack([y for _, y in pairs])

    train, held = split(*words(), seed)
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, collate_fn=hidden)
    model = Bag()
    return Training(model, Adam(model.parameters(), 5e-3), CE, loader, both(held, held)[1], epochs=12)


SIXTH_CONTROLS = {
    build.__name__: build
    for build in (
        adapters_alone,
        told_not_to_know,
        answered_by_the_average,
        letters_left_out,
        mixed_and_weighed,
        waves_of_sines,
        scaled_inside,
        missing_values_left_out,
        moved_by_signs,
        blocks_passed_by,
        spam_in_focus,
        in_sixteen_bits,
        twenty_times_a_small_loss,
        words_dropped_whole,
    )
}
