"""Recorded losses of a short run: a change that means to change nothing must not move them.

Recorded on a CPU in fp32; another processor or library version may round differently, hence the tolerance.
To record anew after a change that is meant: print the losses and say in the commit why they moved.
"""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import upfit
from upfit.values import Change, Recipe

LOSSES = (
    2.344815, 2.320936, 2.368936, 2.374434, 2.303805, 2.253515, 2.277761, 2.323377,
    2.288058, 2.265592, 2.306967, 2.319983, 2.253853, 2.213541, 2.245377, 2.295159,
)  # fmt: skip


def test_losses_are_those_on_record():
    x, y = (torch.tensor(part) for part in load_digits(return_X_y=True))
    x = x.float()[:320] / 16
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
    batches = [(x[k : k + 32], y[k : k + 32]) for k in range(0, 256, 32)]
    fields = {"stopping.steps": 16, "stopping.evaluations": 4, "optimizer.lr": 0.001}
    recipe = Recipe().apply(*(Change(path=path, to=to) for path, to in fields.items()))
    run = upfit.train(module, batches, [(x[256:], y[256:320])], recipe)
    assert [one.loss for one in run.trace.steps] == pytest.approx(list(LOSSES), rel=1e-4)
