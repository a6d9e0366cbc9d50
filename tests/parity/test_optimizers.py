"""Our optimizers against those made by hand with torch and timm: the very same weights."""

from __future__ import annotations

import pytest
import timm.optim
import torch
from torch import nn

from upfit.techniques.optimizers import make_optimizer

LR, DECAY = 0.05, 0.1
PAIRS = {
    "adamw": lambda p: torch.optim.AdamW(p, lr=LR, weight_decay=DECAY, fused=True),
    "adam": lambda p: torch.optim.Adam(p, lr=LR, weight_decay=DECAY, fused=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=LR, momentum=0.9, nesterov=True, weight_decay=DECAY, fused=True),
    "nadam": lambda p: torch.optim.NAdam(p, lr=LR, weight_decay=DECAY),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=LR, weight_decay=DECAY),
    "lion": lambda p: timm.optim.Lion(p, lr=LR, weight_decay=DECAY),
    "sgdw": lambda p: timm.optim.SGDW(p, lr=LR, momentum=0.9, nesterov=True, weight_decay=DECAY),
}


def trained(make):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))
    x, y = torch.randn(64, 5), torch.randint(0, 3, (64,))
    optimizer = make(list(network.parameters()))
    for step in range(10):
        rows = slice(6 * step, 6 * step + 6)
        nn.functional.cross_entropy(network(x[rows]), y[rows]).backward()
        optimizer.step()
        optimizer.zero_grad()
    return network.state_dict()


@pytest.mark.parametrize("name", PAIRS)
def test_ten_steps_are_those_of_the_library(name):
    ours = trained(
        lambda p: make_optimizer(name, [{"params": p, "lr": LR, "base_lr": LR, "weight_decay": DECAY}])
    )
    theirs = trained(PAIRS[name])
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
