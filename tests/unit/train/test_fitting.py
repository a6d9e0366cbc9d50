"""How many examples go through at once: counted on a CPU, tried on a device that runs out."""

from __future__ import annotations

import os
import resource

import psutil
import pytest
import torch
from torch import nn

from upfit.data.own_loader import OwnSource
from upfit.models.own import OwnNetwork, parted
from upfit.techniques.losses import cross_entropy
from upfit.train.fitting import fitting_size, kept_bytes, planned_size, room, tried_size
from upfit.train.world import World

X, Y = torch.randn(32, 8, generator=torch.Generator().manual_seed(0)), torch.arange(32) % 3
BATCH = {"inputs": X, "target": Y, "share": torch.tensor(32), "count": torch.tensor(32)}


class Crowded(nn.Module):
    def __init__(self, most):
        super().__init__()
        self.most = most

    def forward(self, x):
        if len(x) > self.most:
            torch.empty(10**15)
        return x


def network(most=1000):
    torch.manual_seed(0)
    return OwnNetwork(
        nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(), Crowded(most), nn.Linear(16, 3))
    )


def test_bytes_kept_for_the_backward_pass_grow_with_the_batch_and_leave_out_weights():
    net = OwnNetwork(nn.Sequential(nn.Linear(8, 1000), nn.Tanh(), nn.Linear(1000, 3)))
    # The inputs, and what tanh gave, which the second layer needs as well.
    assert kept_bytes(net, {"inputs": X}) == 4 * 32 * (8 + 1000)
    assert kept_bytes(net, {"inputs": X[:2]}) == 4 * 2 * (8 + 1000)


def test_a_plan_halves_until_the_step_is_expected_to_fit():
    net = OwnNetwork(nn.Sequential(nn.Linear(8, 1000), nn.Tanh(), nn.Linear(1000, 3)))
    each = 4 * 1008
    assert planned_size(net, BATCH, 1e12) == 32
    assert planned_size(net, BATCH, 2.5 * each * 20) == 16
    assert planned_size(net, BATCH, 0.0) == 1


@pytest.mark.parametrize(("most", "sizes"), [(1000, {32, 16}), (31, {16, 8}), (5, {4, 2})])
def test_trying_finds_what_goes_through(most, sizes):
    assert tried_size(network(most), BATCH, cross_entropy, World()) in sizes


def test_looking_leaves_everything_as_it_was():
    net, world = network(), World()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    source = OwnSource([(X, Y)], part=parted, seed=0, encode=lambda target: target)
    random = torch.get_rng_state()
    assert fitting_size(net.eval(), source, cross_entropy, world) == 32
    assert not net.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.grad is None for parameter in net.parameters())


def test_inputs_that_cannot_be_cut_go_through_whole():
    class Summing(nn.Module):
        def forward(self, x):
            return x.view(4, -1, 3).sum(1)

    source = OwnSource([(torch.zeros(12, 3), Y[:4])], part=parted, seed=0, encode=lambda target: target)
    assert fitting_size(OwnNetwork(Summing()), source, cross_entropy, World()) == 4


def test_a_limit_of_the_process_counts():
    assert room() > 2**28
    child = os.fork()
    if child == 0:
        used = psutil.Process().memory_info().vms
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**27, used + 2**27))
        os._exit(0 if room() <= 2**27 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
