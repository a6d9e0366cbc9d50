"""An attempt that a change breaks ends; without changes, errors are the caller's."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from upfit import Change, Job
from upfit.diagnose.treat_attempt import attempt


def job(*more):
    x = torch.randn(33, 4, generator=torch.Generator().manual_seed(0))
    loader = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), 16)  # a lone example is left over

    def build(_changes):
        model = nn.Sequential(nn.Linear(4, 8), *more, nn.ReLU(), nn.Linear(8, 2))
        return model, torch.optim.SGD(model.parameters(), 0.1), nn.CrossEntropyLoss()

    return Job(build, loader, loader, epochs=1)


def test_what_a_change_breaks_ends_its_attempt():
    tried = attempt(job(), (Change(path="model.norm", to="batch"),), seed=0)
    assert tried.end is None
    assert "more than 1 value per channel" in tried.failure


def test_what_is_broken_without_changes_is_raised():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        attempt(job(nn.BatchNorm1d(8)), (), seed=0)
