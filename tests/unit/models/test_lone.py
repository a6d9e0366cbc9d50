"""A single example in training: BatchNorm uses its running statistics instead of ending the run."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import upfit
from upfit.models.lone import lone_example
from upfit.values import Change, Recipe

ONE, TWO = {"target": torch.zeros(1)}, {"target": torch.zeros(2)}


def test_one_value_per_channel_is_normalised_by_the_running_statistics():
    network = nn.Sequential(nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm1d(3)))
    row, before = torch.rand(1, 3), {name: value.clone() for name, value in network.state_dict().items()}
    with lone_example(network, ONE):
        found = network(row)
    torch.testing.assert_close(found, network.eval()(row))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_network_is_as_it_was_afterwards_even_when_it_fails():
    network = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3).eval(), nn.Linear(2, 2))
    with pytest.raises(RuntimeError), lone_example(network, ONE):
        network(torch.rand(1, 3))
    assert [module.training for module in network] == [True, False, True]
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_maps_of_several_pixels_and_larger_batches_keep_their_own_statistics():
    norm = nn.BatchNorm2d(3)
    with lone_example(norm, ONE):
        norm(torch.rand(1, 3, 4, 4))
    assert int(norm.num_batches_tracked) == 1
    flat = nn.BatchNorm1d(3)
    with lone_example(flat, TWO):
        flat(torch.rand(2, 3))
    assert int(flat.num_batches_tracked) == 1


@pytest.mark.parametrize(("rows", "micro"), [(33, "auto"), (32, 1)])
def test_a_short_last_batch_and_pieces_of_one_example_do_not_end_a_run(rows, micro):
    x, y = (torch.as_tensor(part) for part in load_digits(return_X_y=True))
    x = (x / 16).float()
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(64, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))
    loaders = [DataLoader(TensorDataset(x[k:][:rows], y[k:][:rows]), batch_size=32) for k in (0, 100)]
    recipe = Recipe().apply(Change(path="stopping.steps", to=4), Change(path="batching.micro_size", to=micro))
    run = upfit.train(module, *loaders, recipe)
    assert len(run.trace.steps) == 4
    assert module[1].running_mean.isfinite().all()
