"""Whatever the one-step tests do, everything is afterwards bit for bit as before."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from timm.optim import Lookahead
from torch import nn
from torch.utils.data import DataLoader, Dataset

from upfit.diagnose.preflight import TESTS, measure_all, untouched
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import Subject


class Noisy(Dataset):
    """Examples that are varied by a generator of their own."""

    def __init__(self):
        self.random = np.random.default_rng(5)
        self.x = torch.randn(200, 6)
        self.y = (self.x.sum(1) > 0).long()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i] + float(self.random.normal()) * 0.1, self.y[i]


class Counting(nn.Sequential):
    """Counts its calls and keeps its last output, as models do."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        self.last = super().forward(x)
        return self.last


@pytest.fixture
def subject():
    torch.manual_seed(0)
    model = Counting(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    loader = DataLoader(Noisy(), 16, shuffle=True, generator=torch.Generator().manual_seed(3))
    for x, y in loader:
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return Subject(
        Calls(model, nn.CrossEntropyLoss()), (optimizer,), "classification", loader, loader, seconds=0.3
    )


def everything(subject):
    """All that a training could notice."""
    model, [optimizer] = subject.model, subject.optimizers
    return (
        [p.detach().clone() for p in model.state_dict().values()],
        [p.grad.clone() for p in model.parameters()],
        [p.requires_grad for p in model.parameters()],
        [m.training for m in model.modules()],
        model.calls,
        id(model.last),
        [value.clone() for state in optimizer.state.values() for value in state.values()],
        [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups],
        torch.get_rng_state(),
        np.random.get_state()[1],
        random.getstate(),
        subject.train.generator.get_state(),
        str(subject.train.dataset.random.bit_generator.state),
        [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()],
    )


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


@pytest.mark.parametrize("name", [name for name, _ in TESTS])
def test_one_step_tests_leave_everything_as_it_was(subject, name):
    before = everything(subject)
    measured = measure_all(subject, only=(name,))
    assert not measured.skipped
    for one, (a, b) in enumerate(zip(before, everything(subject), strict=True)):
        assert same(a, b), one


def test_gradients_that_were_none_are_none_again(subject):
    subject.optimizers[0].zero_grad()
    measure_all(subject, only=("gradients",))
    assert all(p.grad is None for p in subject.model.parameters())


def spoil(subject):
    with untouched(subject.model, subject.optimizers, loaders=(subject.train,)):
        subject.model.eval()
        subject.model[0].weight.data.zero_()
        next(iter(subject.train))
        raise RuntimeError("stop")


def test_everything_comes_back_after_an_error(subject):
    before = everything(subject)
    with pytest.raises(RuntimeError, match="stop"):
        spoil(subject)
    assert all(same(a, b) for a, b in zip(before, everything(subject), strict=True))


class Together(torch.optim.Optimizer):
    """Two optimizers that step one after the other, as one object."""

    def __init__(self, *several):
        super().__init__([group for one in several for group in one.param_groups], {})
        self.several = several

    def step(self, closure=None):
        for one in self.several:
            one.step()


def together(model):
    lower, upper = model[0].parameters(), model[2].parameters()
    return Together(torch.optim.SGD(lower, 0.05, momentum=0.9), torch.optim.Adam(upper, 0.01))


def looking_ahead(model):
    return Lookahead(torch.optim.Adam(model.parameters(), 0.01), k=3)


@pytest.mark.parametrize("optimizer_of", [together, looking_ahead])
def test_optimizers_that_hold_others_go_on_as_if_nobody_had_looked(optimizer_of):
    def trained(looks):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
        optimizer = optimizer_of(model)
        loader = DataLoader(Noisy(), 16)
        calls = Calls(model, nn.CrossEntropyLoss())
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
            if looks:
                subject = Subject(calls, (optimizer,), "classification", loader, loader, seconds=0.3)
                measure_all(subject, only=("descent", "rates", "one_batch"))
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    assert torch.equal(trained(looks=False), trained(looks=True))
