"""A `forward` of the user's own: it gets the loader's batches, and its target counts."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from upfit import Doctor, Job
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.treat_attempt import attempt

Point = namedtuple("Point", ("x", "weight", "y"))
Made = tuple[Any, Any]
SHAPES: dict[str, tuple[Callable[..., Any], Callable[[nn.Module, Any], Made]]] = {
    "pair": (lambda x, w, y: (x, y), lambda model, b: (model(b[0]), b[1])),
    "three": (lambda x, w, y: (x, w, y), lambda model, b: (model(b[0]), b[2])),
    "target first": (lambda x, w, y: (y, x), lambda model, b: (model(b[1]), b[0])),
    "named tuple": (lambda x, w, y: Point(x, w, y), lambda model, b: (model(b.x), b.y)),
    "nested": (lambda x, w, y: ({"x": x, "w": w}, y), lambda model, b: (model(b[0]["x"]), b[1])),
    "nested target": (lambda x, w, y: (x, {"y": y, "w": w}), lambda model, b: (model(b[0]), b[1]["y"])),
    "other names": (lambda x, w, y: {"x": x, "kind": y}, lambda model, b: (model(b["x"]), b["kind"])),
    "worked out": (lambda x, w, y: {"x": x, "kind": y + 1}, lambda model, b: (model(b["x"]), b["kind"] - 1)),
}


def _points() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(128, 4, generator=generator)
    noise = torch.randn(128, generator=generator)
    return x, torch.rand(128, generator=generator), (x.sum(1) + noise > 0).long()


@pytest.mark.parametrize("shape", ["three", "worked out"])
def test_every_one_step_test_runs_whatever_the_batch_looks_like(shape: str) -> None:
    make, forward = SHAPES[shape]
    loader = DataLoader([make(*row) for row in zip(*_points(), strict=True)], batch_size=32)
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    doctor = Doctor(model, optimizer, nn.CrossEntropyLoss(), loader, loader, forward=forward)
    doctor.preflight(seconds=0.05)

    assert "Could not run" not in doctor.report()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_batch_taken_apart_is_answered_and_judged_as_its_forward_does(shape: str) -> None:
    make, forward = SHAPES[shape]
    batch = make(*_points())
    model, loss_fn = nn.Linear(4, 2), nn.CrossEntropyLoss()
    calls = Calls(model, loss_fn, forward)
    output, target = forward(model, batch)

    example = calls.split(batch)
    answer, loss = calls.measured(example)

    assert torch.equal(example.target, target)
    assert torch.equal(answer, output)
    assert torch.equal(loss, loss_fn(output, target))


def test_what_is_target_and_input_at_once_stays_an_input() -> None:
    x = _points()[0]
    calls = Calls(nn.Linear(4, 4), nn.MSELoss(), lambda model, batch: (model(batch[0]), batch[0]))

    example = calls.split((x, torch.zeros(len(x))))

    assert example.target is example.inputs[0]


def test_looking_for_the_target_changes_neither_statistics_nor_modes_nor_random_numbers() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random = torch.get_rng_state()

    Calls(model, nn.CrossEntropyLoss(), SHAPES["three"][1]).split(_points())

    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert torch.equal(torch.get_rng_state(), random)


def test_a_job_is_trained_and_judged_by_the_target_of_forward() -> None:
    x = _points()[0]
    pairs = DataLoader(TensorDataset(x, 150 + 75 * x[:, 0]), batch_size=32)

    def build(changes: Any) -> Any:
        model = nn.Linear(4, 1)
        return model, torch.optim.Adam(model.parameters(), lr=0.05), nn.MSELoss()

    def standardised(model: nn.Module, batch: Any) -> Made:
        return model(batch[0])[:, 0], (batch[1] - 150) / 75

    job = Job(build, pairs, pairs, epochs=25, task="regression", forward=standardised)
    tried = attempt(job, (), seed=0)

    assert tried.end is not None
    with torch.no_grad():
        errors = tried.model(x)[:, 0] - x[:, 0]
    assert tried.end.loss == pytest.approx(float(errors.square().mean()), rel=1e-3)
    assert tried.end.loss < 0.1
