"""Processes that no longer hold the same weights; nobody waits for a process that tells nothing."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.distributed as dist
from torch import nn

from upfit import Doctor
from upfit.diagnose.watch.replicas import Replicas


@pytest.fixture
def pair():
    """`pair(drift)`: two copies of a model with a store between them, after a step; one may drift."""

    def make(drift):
        torch.manual_seed(0)
        first = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
        models = first, copy.deepcopy(first)
        store = dist.HashStore()
        watched = [Replicas(m, store=store, rank=rank, world=2) for rank, m in enumerate(models)]
        for number in (1, 2):
            for one in watched:
                one.step(number)
            for model in models:
                model[0].weight.data -= 0.1
            models[1][1].weight.data += drift
        for one in watched:
            one.step(3)
        return watched

    return make


def test_copies_that_stay_equal_are_compared_and_well(pair):
    for one in pair(0.0):
        assert one.facts() == {"replicas.compared": 3.0}


def test_a_gradient_that_is_not_exchanged_shows_after_the_first_step(pair):
    for one in pair(0.01):
        assert one.facts()["replicas.differ_at"] == 1.0
        assert one.facts()["replicas.difference"] > 1e-3


def test_a_process_alone_waits_for_nobody():
    alone = Replicas(nn.Linear(2, 2), store=dist.HashStore(), rank=0, world=8)
    alone.step(1)
    assert alone.facts() == {}


def test_without_processes_nothing_is_measured():
    model = nn.Linear(4, 2)
    doctor = Doctor(model, torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss())
    loss = model(torch.ones(3, 4)).sum()
    loss.backward()
    doctor.step(loss)
    assert "replica_divergence" in doctor.diagnosis.not_measured
