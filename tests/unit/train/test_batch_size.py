"""Batch sizes that are measured: by memory and by speed, on a real backbone and real sentences."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from torch import nn

from upfit.testing import docstring_sentences
from upfit.train import fitting
from upfit.train.batch_size import BatchSizes
from upfit.values import Change

SHORT = Change(path="inputs.max_length", to=16)
STEPS = Change(path="stopping.steps", to=4)


class Slow(nn.Module):
    """A network whose passes wait as long for one example as for many, as on a GPU."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, **inputs):
        time.sleep(1.5)
        return self.net(**inputs)


@pytest.fixture
def sizes(tmp_path, lay_out, monkeypatch):
    """`sizes(*changes)`: 640 training rows, so that 32 and 64 may be chosen."""
    monkeypatch.setenv("UPFIT_CACHE", str(tmp_path / "home"))

    def made(*changes):
        docstring_sentences(tmp_path / "sentences.csv", per_class=160)
        bench, backbone = lay_out(tmp_path / "sentences.csv", "auto", (SHORT, STEPS, *changes))
        rows = bench.split.train[:520]
        bench = replace(
            bench, split=replace(bench.split, train=rows), train_targets=bench.train_targets[:520]
        )
        return BatchSizes(bench, backbone, forward=0.001)

    return made


def test_the_largest_is_what_memory_holds(sizes, monkeypatch):
    found = sizes()
    assert found.chosen("largest", usual=32, left=None) == 64
    with found._trained(64) as (model, source):
        batch = fitting.longest(source)
        each = fitting.kept_bytes(model, batch) / 64
    monkeypatch.setattr(fitting, "room", lambda: 50 * each * fitting.WORKING / fitting.USABLE)
    assert found.chosen("largest", usual=32, left=None) == 32
    monkeypatch.setattr(fitting, "room", lambda: 10 * each * fitting.WORKING / fitting.USABLE)
    assert found.chosen("largest", usual=32, left=None) == 32, "the usual size, in pieces"


def test_auto_takes_what_is_faster_and_remembers_it(sizes, monkeypatch):
    found = sizes()
    found.backbone.net = Slow(found.backbone.net)
    assert found.chosen("auto", usual=32, left=None) == 64
    monkeypatch.setattr(BatchSizes, "seconds", lambda *_, **__: pytest.fail("measured twice"))
    assert found.chosen("auto", usual=32, left=None) == 64


def test_auto_takes_nothing_that_memory_does_not_hold(sizes, monkeypatch):
    found = sizes()
    found.backbone.net = Slow(found.backbone.net)
    monkeypatch.setattr(fitting, "room", lambda: 0.0)
    assert found.chosen("auto", usual=32, left=None) == 32


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ((), 1.0),
        ((Change(path="layers.train", to="head"),), None),
    ],
    ids=["no time", "a head alone"],
)
def test_nothing_is_measured_where_that_would_not_pay(sizes, monkeypatch, changes, left):
    monkeypatch.setattr(BatchSizes, "seconds", lambda *_, **__: pytest.fail("measured"))
    assert sizes(*changes).chosen("auto", usual=32, left=left) == 32


@pytest.mark.parametrize("train", ["auto", "gradual"])
def test_layers_that_join_later_count_from_the_beginning(sizes, train):
    found = sizes(Change(path="layers.train", to=train))
    with found._trained(32) as (model, _):
        assert all(one.requires_grad for one in model.parameters())


def test_adapters_are_measured_and_taken_out_again(sizes):
    found = sizes(Change(path="layers.adapter", to="lora"))
    before = {name for name, _ in found.backbone.named_parameters()}
    assert found.seconds(32) > 0
    assert {name for name, _ in found.backbone.named_parameters()} == before
