"""Techniques that would begin after the end of the run: told before its first step, and only then."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import upfit
from upfit.train.too_short import too_short
from upfit.train.tune import Plan
from upfit.values import Change, Recipe, Silent


def recipe(**fields):
    changes = [Change(path=path.replace("__", "."), to=to) for path, to in fields.items()]
    return Recipe().apply(*changes)


@pytest.mark.parametrize(
    ("fields", "total", "every", "told"),
    [
        ({"schedule__warmup": "20 steps"}, 20, 5, "the full rate is never reached"),
        ({"schedule__warmup": "19 steps"}, 20, 5, ""),
        ({"schedule__name": "plateau"}, 20, 7, "it waits for 2 evaluations without progress"),
        ({"schedule__name": "plateau"}, 20, 5, ""),
        ({"schedule__name": "plateau", "schedule__patience": 2}, 20, 5, "has 4 in all"),
        ({"layers__train": "gradual"}, 10, 5, "never gets beyond its first stage: with every=1 epoch"),
        ({"layers__train": "gradual"}, 11, 5, ""),
        ({"layers__train": {"gradual": {"every": "plateau"}}}, 20, 10, "with every=plateau"),
        ({"layers__train": {"gradual": {"every": "plateau"}}}, 20, 7, ""),
        ({"layers__train": {"gradual": {"start": 9}}}, 10, 5, ""),
        ({}, 1, 1, ""),
    ],
)
def test_what_never_happens_is_told(fields, total, every, told):
    found = list(too_short(recipe(**fields), Plan(total, every, total), per_epoch=10, groups=4))
    assert [told in line for line in found] == ([True] if told else [])


class Listening(Silent):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def test_a_module_of_ones_own_is_told_too():
    torch.manual_seed(0)
    pairs = TensorDataset(torch.randn(24, 3), torch.arange(24) % 2)
    loaders, listening = [DataLoader(pairs, batch_size=8) for _ in range(2)], Listening()
    asked = recipe(stopping__steps=3, layers__train="gradual", schedule__warmup="1 epoch")
    network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    upfit.train(network, *loaders, asked, watcher=listening)
    assert sum("never gets beyond its first stage" in note for note in listening.notes) == 1
    assert sum("full rate is never reached" in note for note in listening.notes) == 1
