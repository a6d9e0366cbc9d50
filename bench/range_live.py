"""Six live range tests, each beside a grid of whole trainings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from range_nets import (
    Task,
    convolutions,
    digits,
    image_features,
    perceptron,
    residual,
    text_features,
)

from upfit.data.own_loader import OwnSource
from upfit.models.own import OwnNetwork, parted
from upfit.techniques.losses import cross_entropy
from upfit.train.range_test import Tested, Trial, range_test
from upfit.train.settle import own_rates, settle_own
from upfit.train.world import World
from upfit.values import Change, Recipe

RUN = 3_000
"""Steps of the run whose test is made: 60 rates, 2 repeats, held for 60. The grid's runs are shorter."""


def _image_head() -> torch.nn.Module:
    return perceptron(image_features()[0].shape[1], hidden=48)


def _text_head() -> torch.nn.Module:
    return perceptron(text_features()[0].shape[1], int(text_features()[1].max()) + 1, hidden=48)


TASKS = (
    Task("digits, perceptron of 40", lambda: perceptron(64, hidden=40), digits, "adamw", 24, 250),
    Task("digits, convolutions", convolutions, digits, "sgd", 32, 250),
    Task("digits, residual", residual, digits, "lion", 32, 200),
    Task("digits, residual", residual, digits, "sgd", 64, 200),
    Task("sentences, packaged text backbone frozen", _text_head, text_features, "radam", 24, 200),
    Task("digits, packaged image backbone frozen", _image_head, image_features, "sgd", 24, 200),
)


def live_test(task: Task) -> Tested:
    """The test as `optimizer.lr=range_test` makes it, on a network of its own."""
    x, y = task.rows()
    count = int(0.7 * len(y))
    order = torch.randperm(count, generator=torch.Generator().manual_seed(5))
    batches = [(x[rows], y[rows]) for rows in order[: count - count % task.size].split(task.size)]
    recipe = settle_own(
        Recipe().apply(
            Change(path="optimizer.name", to=task.optimizer),
            Change(path="optimizer.lr", to="range_test"),
            Change(path="techniques.ema", to="off"),
        ),
        count=count,
    )
    torch.manual_seed(7)
    network = OwnNetwork(task.make())
    return range_test(
        recipe,
        network,
        network.groups,
        source=OwnSource(batches, part=parted, seed=0, encode=lambda target: target),
        loss=cross_entropy,
        ours=own_rates(recipe.optimizer),
        world=World(),
        trial=replace(Trial.within(RUN), total=task.steps),
        held_out=lambda tried: validation_loss(tried, x[count:], y[count:]),
    )


@torch.no_grad()
def validation_loss(network: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """On the rows that the grid is judged on."""
    was_training = network.training
    found = float(cross_entropy(network.eval()({"inputs": x}), y).mean())
    network.train(was_training)
    return found


def live(task: Task, grid: list[float], validation: Any) -> dict[str, Any]:
    """A task with the losses of its grid, the live test's curve, its hold and its choice."""
    tested = live_test(task)
    assert tested.hold is not None
    return {
        "task": task.name,
        "optimizer": task.optimizer,
        "size": task.size,
        "steps": task.steps,
        "grid": grid,
        "validation": validation,
        "rates": tested.choice.rates_N.tolist(),
        "losses": tested.losses_RN,
        "climbed": tested.hold.rate,
        "chosen": tested.choice.rate,
        "hold": {
            "travelled": tested.hold.travelled_S.tolist(),
            "held": tested.hold.held_S.tolist(),
            "means": tested.hold.losses_S.tolist(),
        },
        "seconds": tested.seconds,
        "test_steps": tested.steps,
    }
