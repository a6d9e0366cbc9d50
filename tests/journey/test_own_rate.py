"""The rate of one's own module: `auto` is tested, kept for whoever goes on, and told where it cannot be."""

from __future__ import annotations

import logging
import os
import signal
import time

import pytest
import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.utils.data import DataLoader

import upfit
from upfit.errors import Interrupted, RunFolderError
from upfit.values import Recipe, Silent

X, Y = (torch.as_tensor(part) for part in load_iris(return_X_y=True))
PAIRS = list(zip(X.float(), Y, strict=True))


def loaders():
    return [DataLoader(PAIRS[k::2], batch_size=16, shuffle=not k) for k in (0, 1)]


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(4, 3)


class Stop(Silent):
    """Ctrl-C in the middle."""

    def step(self, record, total_steps):
        if record.step == 20:
            os.kill(os.getpid(), signal.SIGINT)


class Uncopyable(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = linear()

    def forward(self, x):
        return self.layer(x)

    def __deepcopy__(self, memo):
        raise TypeError("cannot be copied")


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_a_rate_that_nobody_stated_is_tested(name):
    run = upfit.train(linear(), *loaders(), Recipe(optimizer={"name": name}))
    # At 0.001, what AdamW's users begin with, a third of them is right.
    assert run.validation["accuracy"].value > 0.9
    assert run.recipe.optimizer.lr > 0.005
    assert [finding.kind for finding in run.findings] == ["range_test"]


def test_a_run_that_goes_on_has_the_rate_that_it_began_with(tmp_path):
    whole = upfit.train(linear(), *loaders(), out=tmp_path / "whole")
    with pytest.raises(Interrupted):
        upfit.train(linear(), *loaders(), out=tmp_path / "parted", watcher=Stop())
    # Other new weights, on which a test would find another rate: those of the checkpoint are taken.
    again = upfit.train(linear(seed=5), *loaders(), out=tmp_path / "parted")
    assert again.recipe.optimizer.lr == whole.recipe.optimizer.lr
    assert [one.loss for one in again.trace.steps] == [one.loss for one in whole.trace.steps]
    said = [run.findings[0].message.partition(" (")[0] for run in (again, whole)]
    assert said[0] == said[1]


def test_a_run_that_goes_on_with_little_time_keeps_the_rate_that_was_tested(tmp_path):
    with pytest.raises(Interrupted):
        upfit.train(linear(), *loaders(), out=tmp_path / "run", watcher=Stop())
    again = upfit.train(linear(), *loaders(), out=tmp_path / "run", budget=0.01)
    assert again.recipe.optimizer.lr > 0.005
    assert [finding.kind for finding in again.findings] == ["range_test"]


def test_a_module_that_cannot_be_copied_is_trained_at_a_usual_rate_and_it_is_said(caplog):
    run = upfit.train(Uncopyable(), *loaders(), Recipe(stopping={"steps": 40}))
    assert run.recipe.optimizer.lr == 0.001
    assert "cannot be copied" in run.findings[0].message
    assert any("cannot be copied" in one.getMessage() for one in caplog.records)


class Slow(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = linear()

    def forward(self, x):
        time.sleep(0.05)
        return self.layer(x)


def test_a_run_that_is_shorter_than_a_test_or_has_no_time_for_one_does_without():
    short = upfit.train(linear(), *loaders(), Recipe(stopping={"steps": 10}))
    hurried = upfit.train(Slow(), *loaders(), budget=3)
    assert [run.recipe.optimizer.lr for run in (short, hurried)] == [0.001, 0.001]
    assert short.findings == hurried.findings == ()


def test_a_run_does_not_go_on_with_another_recipe(tmp_path):
    asked = Recipe(optimizer={"lr": 0.1})
    with pytest.raises(Interrupted):
        upfit.train(linear(), *loaders(), asked, out=tmp_path / "run", watcher=Stop())
    for other in (Recipe(optimizer={"lr": 0.01}), Recipe(optimizer={"name": "sgd", "lr": 0.1})):
        with pytest.raises(RunFolderError, match="begun with another recipe"):
            upfit.train(linear(), *loaders(), other, out=tmp_path / "run")
    run = upfit.train(linear(), *loaders(), asked, out=tmp_path / "run")
    assert run.trace.steps[-1].step > 20


def test_what_does_nothing_is_said_to_who_gave_no_watcher(caplog):
    with caplog.at_level(logging.INFO, logger="upfit"):
        fields = {"schedule": {"cycles": 2}, "stopping": {"steps": 2}, "optimizer": {"lr": 0.1}}
        upfit.train(linear(), *loaders(), Recipe(**fields))
    warned = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert any("schedule.cycles=2 does nothing" in line for line in warned)
    assert any("validation at step 2" in one.getMessage() for one in caplog.records)
