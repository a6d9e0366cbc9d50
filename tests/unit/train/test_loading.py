"""Loader processes: none for a CPU, on a GPU as many as keep it busy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from upfit.data.examples import FeatureExamples
from upfit.data.loader import Loader
from upfit.train.loading import MOST, batch_seconds, enough_workers, workers_for
from upfit.train.settle import settle_own
from upfit.values import Change, Recipe


@pytest.fixture
def loader():
    return Loader(FeatureExamples(np.zeros((32, 4), np.float32)), np.zeros(32), size=8)


def test_a_cpu_prepares_its_batches_itself(loader):
    assert workers_for(loader, 1e-9, torch.device("cpu")) == 0


def test_what_preparing_takes_is_measured(loader):
    assert 0 < batch_seconds(loader) < 5
    assert workers_for(loader, 1e9, torch.device("cuda")) == 0


@pytest.mark.parametrize(
    ("load", "cores", "workers"),
    [(0.0, 8, 0), (0.04, 8, 0), (0.5, 8, 2), (5.0, 8, 6), (5.0, 4, 3), (5.0, 1, 0)],
)
def test_workers_keep_pace_with_the_steps_as_far_as_there_are_cores(load, cores, workers):
    assert enough_workers(load, 1.0, cores=cores) == workers
    assert enough_workers(1000.0, 1.0, cores=200) == MOST


def test_before_they_are_settled_there_are_none():
    assert Recipe().batching.loaders == 0
    stated = Recipe().apply(Change(path="batching.workers", to=3))
    assert stated.batching.loaders == 3
    assert settle_own(stated, count=10).batching.workers == 3
    assert settle_own(Recipe(), count=10).batching.workers == 0
