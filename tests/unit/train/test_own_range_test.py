"""The range test in a loop of one's own: it finds what the run's own test finds, and leaves no trace."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import upfit
from upfit.errors import InputError, TrainingError

PIXELS, LABELS = load_digits(return_X_y=True)
X, Y = torch.tensor(PIXELS / 16, dtype=torch.float32), torch.tensor(LABELS)
LOADER = DataLoader(TensorDataset(X[:640], Y[:640]), batch_size=32, shuffle=True)


def network():
    torch.manual_seed(0)
    layers = nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 10)
    return nn.Sequential(*layers)


def tried(model, optimizer, *, loss=None, **options):
    return upfit.range_test(model, LOADER, loss or nn.CrossEntropyLoss(), optimizer, rates=40, **options)


def test_everything_is_as_before():
    model = network().eval()
    model[1].train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.3)
    nn.functional.cross_entropy(model(X[:32]), Y[:32]).backward()
    optimizer.step()
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    modes, stream = [module.training for module in model.modules()], torch.get_rng_state()
    tried(model, optimizer)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    again = optimizer.state_dict()
    assert again["param_groups"] == state["param_groups"]
    for number, kept in state["state"].items():
        assert all(torch.equal(again["state"][number][name], value) for name, value in kept.items())
    assert [module.training for module in model.modules()] == modes
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(torch.get_rng_state(), stream)


def test_the_same_test_finds_the_same_rate_whatever_the_rate_was():
    found = []
    for lr in (1e-5, 1.0):
        model = network()
        found.append(tried(model, torch.optim.AdamW(model.parameters(), lr=lr)).rate)
    assert found[0] == found[1]
    assert 1e-3 < found[0] < 0.3


def test_groups_keep_the_ratios_of_their_rates():
    model = network()
    groups = [{"params": model[0].parameters(), "lr": 0.0}, {"params": model[4].parameters(), "lr": 2.0}]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    before = model[0].weight.clone()
    choice = tried(model, optimizer)
    assert choice.rates_N[0] == pytest.approx(1e-4)
    assert choice.steepest <= choice.lowest
    assert [group["lr"] for group in optimizer.param_groups] == [0.0, 2.0]
    assert torch.equal(model[0].weight, before)


def test_the_rate_found_trains_better_than_a_tenth_of_it_and_than_a_hundred_times_it():
    model = network()
    rate = tried(model, torch.optim.SGD(model.parameters(), lr=1.0)).rate
    losses = {}
    for factor in (0.1, 1.0, 100.0):
        net = network()
        optimizer = torch.optim.SGD(net.parameters(), lr=rate * factor)
        torch.manual_seed(1)
        for x, y in [batch for _ in range(3) for batch in LOADER]:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            optimizer.step()
        losses[factor] = nn.functional.cross_entropy(net.eval()(X[1000:]), Y[1000:]).item()
    assert losses[1.0] < losses[0.1]
    assert not losses[100.0] <= losses[1.0]


def test_a_loss_per_example_and_one_number_are_the_same():
    choices = []
    for reduction in ("mean", "none"):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        choices.append(tried(model, optimizer, loss=nn.CrossEntropyLoss(reduction=reduction)))
    assert np.allclose(choices[0].smoothed_N, choices[1].smoothed_N, rtol=1e-4, equal_nan=True)


def test_weights_are_put_back_after_an_error_too():
    model = network()
    before = copy.deepcopy(model.state_dict())
    calls = iter(range(5))

    def breaks(logits, target):
        next(calls)
        return nn.functional.cross_entropy(logits, target)

    with pytest.raises(StopIteration):
        tried(model, torch.optim.SGD(model.parameters(), lr=1.0), loss=breaks)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_rate_that_would_overfit_is_held_back_and_nothing_stays_behind():
    drawn = torch.randint(0, 10, (96,), generator=torch.Generator().manual_seed(0))
    labels = torch.where(torch.arange(96) % 2 == 0, drawn, Y[:96])
    few = list(zip(X[:96].split(32), labels.split(32), strict=True))
    model = network()
    before, optimizer = copy.deepcopy(model.state_dict()), torch.optim.AdamW(model.parameters())
    loss, unseen = nn.CrossEntropyLoss(), [(X[1000:1200], Y[1000:1200]), (X[1200:1400], Y[1200:1400])]
    plain = upfit.range_test(model, few, loss, optimizer)
    held = upfit.range_test(model, few, loss, optimizer, held_out=unseen, steps=2000)
    assert held.rate < plain.rate
    assert held.lowest == plain.lowest
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert optimizer.state_dict()["state"] == {}
    with pytest.raises(InputError, match="held_out and steps go together"):
        upfit.range_test(model, few, loss, optimizer, steps=2000)


def test_what_cannot_be_tested_is_refused():
    model = network()
    with pytest.raises(InputError, match=r"no rate above 0(?s:.*)lr=1.0"):
        tried(model, torch.optim.SGD(model.parameters(), lr=0.0))
    with pytest.raises(InputError, match="moves no parameter of the model that learns"):
        tried(model, torch.optim.SGD(network().parameters(), lr=1.0))
    with pytest.raises(InputError, match="at least eight rates"):
        upfit.range_test(model, LOADER, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters()), rates=5)
    with pytest.raises(TrainingError, match="no rate at which the loss falls"):
        tried(model, torch.optim.SGD(model.parameters()), loss=lambda logits, y: 0 * logits.sum(1) + 1)


class Counting(nn.Linear):
    """Counts its passes in a buffer that no state dict holds, on modules in place or exchanged."""

    def __init__(self) -> None:
        super().__init__(64, 10)
        self.register_buffer("passes", torch.zeros(()), persistent=False)

    def forward(self, x):
        self.passes += 1
        return super().forward(x)


def test_generators_of_the_loader_and_buffers_that_are_not_kept_are_as_before():
    generator = torch.Generator().manual_seed(5)
    loader = DataLoader(TensorDataset(X[:640], Y[:640]), batch_size=32, shuffle=True, generator=generator)
    model, before, rates = Counting(), generator.get_state(), []
    for _ in range(2):
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        rates.append(upfit.range_test(model, loader, nn.CrossEntropyLoss(), optimizer, rates=20).rate)
    assert torch.equal(generator.get_state(), before)
    assert rates[0] == rates[1]
    assert model.passes == 0


class Endless(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter(zip(X, Y, strict=True))


CE = nn.CrossEntropyLoss()
MISUSED = {
    "the model is none": {"model": "resnet"},
    "the loss is none": {"loss": "ce"},
    "the optimizer is none": {"optimizer": "sgd"},
    "the loss returns no tensor": {"loss": lambda output, target: 1.0},
    "has no length": {"loader": DataLoader(Endless(), batch_size=32)},
    "gives no batches": {"loader": []},
    "held_out has to be passed over": {"held_out": iter(LOADER), "steps": 100},
    "held_out gives no batches": {"held_out": [], "steps": 100},
    "steps is the length": {"held_out": LOADER, "steps": "100"},
}


@pytest.mark.parametrize("said", MISUSED)
def test_what_it_cannot_work_with_is_named(said):
    model = network()
    given = {"model": model, "loader": LOADER, "loss": CE}
    given |= {"optimizer": torch.optim.SGD(model.parameters(), lr=1.0), "rates": 8, **MISUSED[said]}
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(upfit.UpfitError, match=said):
        upfit.range_test(
            given.pop("model"), given.pop("loader"), given.pop("loss"), given.pop("optimizer"), **given
        )
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("seed", [3, 6, 14, 20])
def test_batches_that_are_unlike_are_no_divergence(seed):
    # The first batch costs a third of the second, at rates that move nothing.
    torch.manual_seed(seed)
    x = torch.randn(48, 8)
    model = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 1))
    loader = DataLoader(TensorDataset(x, x[:, :1]), batch_size=8, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters())
    choice = upfit.range_test(model, loader, nn.MSELoss(), optimizer, repeats=1)
    assert 1e-3 < choice.rate < 1
