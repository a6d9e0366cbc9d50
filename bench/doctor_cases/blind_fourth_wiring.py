# ruff: noqa: D102 a case is named for its fault
"""Fourth blind batch, second part: what silently is not trained, not called, not stepped or not let go."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader, Dataset

from doctor_cases.blind_fourth_training import spirals, wave
from doctor_cases.blind_parts import Pair
from doctor_cases.blind_wiring import CE, both, split
from doctor_cases.parts import Training, cnn, digits, loaders, stack


def flat() -> Pair:
    """Digits as 64 numbers."""
    x, y = digits()
    return x.flatten(1), y


def matrices_frozen(faulty: bool, seed: int) -> Training:
    """A loop that was to spare biases from decay froze all that has two axes."""
    model = cnn()
    for p in model.parameters() if faulty else ():
        p.requires_grad = p.ndim < 2
    learning = [p for p in model.parameters() if p.requires_grad]
    return Training(model, Adam(learning, 3e-3), CE, *loaders(*digits(), seed), epochs=6)


class Listed(nn.Module):
    """Blocks in a list: a plain one hides them from `parameters()`."""

    def __init__(self, holder: Any) -> None:
        super().__init__()
        self.blocks = holder([nn.Linear(2, 12), nn.Linear(12, 12), nn.Linear(12, 12)])
        self.head = nn.Linear(12, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 2) → (B, 2)."""
        for block in self.blocks:
            x = torch.tanh(block(x))
        return self.head(x)


def plain_list(faulty: bool, seed: int) -> Training:
    """Layers in a Python list are not in the model's parameters, nor in its optimizer."""
    model = Listed(list if faulty else nn.ModuleList)
    return Training(model, Adam(model.parameters(), 1e-2), CE, *loaders(*spirals(seed), seed), epochs=40)


def drawn_anew_later(faulty: bool, seed: int) -> Training:
    """New `nn.Parameter`s are put into the layers after the optimizer had collected the old ones."""
    model = stack([64, 32, 32, 10], nn.ReLU)
    early = SGD(model.parameters(), 0.05, momentum=0.9)
    for layer in model:
        if isinstance(layer, nn.Linear):
            layer.weight = nn.Parameter(nn.init.orthogonal_(torch.empty_like(layer.weight)))
    optimizer = early if faulty else SGD(model.parameters(), 0.05, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=6)


def loss_made_anew(faulty: bool, seed: int) -> Training:
    """`torch.tensor(loss.item(), requires_grad=True)`: backward runs, and reaches nothing."""

    def remade(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss = CE(answer, target)
        return torch.tensor(loss.item(), requires_grad=True) if faulty else loss

    model = cnn()
    return Training(model, Adam(model.parameters(), 3e-3), remade, *loaders(*digits(), seed), epochs=4)


class HeadOnly(SGD):
    """Zeroes the gradients of its last group alone."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        for p in self.param_groups[-1]["params"]:
            p.grad = None


def head_zeroed_alone(faulty: bool, seed: int) -> Training:
    """Two groups, and only the gradients of one of them are ever cleared."""
    model = stack([64, 64, 32, 10], nn.ReLU)
    groups = [{"params": model[:-1].parameters()}, {"params": model[-1].parameters()}]
    optimizer = (HeadOnly if faulty else SGD)(groups, 0.05, momentum=0.9)
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=8)


class Tired(Adam):
    """Its steps are left out after the first twelve, as by a scaler that found a non-finite gradient."""

    taken = 0

    def step(self, closure: Any = None) -> Any:
        self.taken += 1
        return super().step(closure) if self.taken <= 12 else None


def steps_left_out(faulty: bool, seed: int) -> Training:
    """The optimizer soon does nothing any more."""
    model = stack([64, 32, 10], nn.ReLU)
    optimizer = (Tired if faulty else Adam)(model.parameters(), 2e-3)
    return Training(model, optimizer, CE, *loaders(*flat(), seed), epochs=10)


def determination_made_small(faulty: bool, seed: int) -> Training:
    """R² is a score, and here it is minimised."""

    def loss(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        lost = (answer - target).square().sum() / (target - target.mean()).square().sum()
        return 1 - lost if faulty else lost

    model = stack([1, 32, 1], nn.Tanh)
    return Training(
        model, Adam(model.parameters(), 5e-3), loss, *loaders(*wave(seed), seed), task="regression", epochs=10
    )


def asleep_while_learning(faulty: bool, seed: int) -> Training:
    """A metric inside the loss calls `model.eval()` and nobody calls `train()` before the next pass."""
    model = nn.Sequential(
        nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10)
    )

    def measured(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        model.eval() if faulty else None
        return CE(answer, target)

    return Training(model, Adam(model.parameters(), 2e-3), measured, *loaders(*flat(), seed), epochs=6)


class Stepped(nn.Module):
    """One where it is above nought: no slope anywhere."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Element by element."""
        return (x > 0).float()


def steps_between(faulty: bool, seed: int) -> Training:
    """A hard threshold between the layers lets no gradient through."""
    activation = Stepped if faulty else nn.ReLU
    model = stack([64, 12, 12, 10], activation)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*flat(), seed), epochs=10)


def module_in_every_name(faulty: bool, seed: int) -> Training:
    """A checkpoint of a wrapped model, whose names all begin with `module.`, loaded with `strict=False`."""
    train, held = split(*digits(), seed)
    teacher = cnn()
    tuned = Adam(teacher.parameters(), 3e-3)
    for _ in range(250):
        rows = torch.randint(0, len(train[1]), (64,))
        loss = CE(teacher(train[0][rows]), train[1][rows] // 2)
        tuned.zero_grad()
        loss.backward()
        tuned.step()
    kept = {name: value for name, value in teacher.state_dict().items() if not name.startswith("7.")}
    before = "module." if faulty else ""
    model = cnn()
    model.load_state_dict({before + name: value for name, value in kept.items()}, strict=False)
    few = train[0][:60], train[1][:60]
    return Training(
        model, SGD(model.parameters(), 0.02, momentum=0.9), CE, *both(few, held, 16), epochs=10,
        doctor={"pretrained": True},
    )  # fmt: skip


class Shaken(Dataset):
    """Digits moved by a generator that every worker copies."""

    def __init__(self, x: torch.Tensor, y: torch.Tensor, shared: bool) -> None:
        self.x, self.y = x, y
        self.random = np.random.default_rng(0) if shared else None

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int) -> Pair:
        draw = self.random.normal(0, 0.1, (1, 8, 8)) if self.random else np.random.normal(0, 0.1, (1, 8, 8))
        return self.x[row] + torch.tensor(draw).float(), self.y[row]


def one_generator_copied(faulty: bool, seed: int) -> Training:
    """The data set owns a generator, and each worker process gets the same copy at every pass."""
    train, held = split(*digits(), seed)
    loader = DataLoader(Shaken(*train, faulty), 32, shuffle=True, num_workers=2)
    model = cnn()
    return Training(model, Adam(model.parameters(), 3e-3), CE, loader, both(held, held)[1], epochs=4)


def losses_in_a_list(faulty: bool, seed: int) -> Training:
    """Every loss is put into a list for the curve, graph and all."""
    curve: list[torch.Tensor] = []

    def noted(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        loss = CE(answer, target)
        curve.append(loss if faulty else loss.detach())
        return loss

    model = stack([64, 128, 10], nn.ReLU)
    return Training(model, Adam(model.parameters(), 2e-3), noted, *loaders(*flat(), seed), epochs=6)


class Greedy(nn.Sequential):
    """Cannot hold more than sixteen examples with their gradients."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 64) → (B, K)."""
        if self.training and len(x) > 16:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: "
                "you tried to allocate 8589934592 bytes. Error code 12 (Cannot allocate memory)"
            )
        return super().forward(x)


def no_room_for_sixty_four(faulty: bool, seed: int) -> Training:
    """The allocator of the processor says no."""
    model = Greedy(*stack([64, 32, 10], nn.ReLU))
    loaded = loaders(*flat(), seed, batch=64 if faulty else 16)
    return Training(model, SGD(model.parameters(), 0.05), CE, *loaded, epochs=4, stop_on_error=True)


class TwoSided(nn.Module):
    """Two branches, of which one is cut from its gradient."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(2, 24), stack([2, 24, 24], nn.Tanh)
        self.head, self.cut = nn.Linear(24, 2), cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 2) → (B, 2)."""
        right = self.right(x)
        return self.head(torch.tanh(self.left(x)) * 0.1 + (right.data if self.cut else right))


def branch_cut(faulty: bool, seed: int) -> Training:
    """`.data` of one branch, left from a day of looking for errors."""
    model = TwoSided(faulty)
    return Training(model, Adam(model.parameters(), 3e-3), CE, *loaders(*spirals(seed), seed), epochs=25)


def turned_by_view(faulty: bool, seed: int) -> Training:
    """`view` where the axes were to be exchanged: rows of one image end up in others."""

    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = nn.GRU(8, 32), nn.Linear(32, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """(B, 1, 8, 8) → (B, 10)."""
            x = x[:, 0]
            timed = x.reshape(8, len(x), 8) if faulty else x.transpose(0, 1)
            return self.head(self.cell(timed)[0][-1])

    model = Rows()
    return Training(model, Adam(model.parameters(), 5e-3), CE, *loaders(*digits(), seed), epochs=6)
