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


def test_what_is_faster_is_taken_and_remembered(sizes, monkeypatch):
    found = sizes()
    found.backbone.net = Slow(found.backbone.net)
    assert found.fastest_of([32, 64], usual=32) == 64
    monkeypatch.setattr(BatchSizes, "seconds", lambda *_, **__: pytest.fail("measured twice"))
    assert found.fastest_of([32, 64], usual=32) == 64


@pytest.mark.parametrize("scarce", ["room", "torch.empty"])
def test_nothing_is_taken_that_memory_does_not_hold(sizes, monkeypatch, scarce):
    found = sizes()
    found.backbone.net = Slow(found.backbone.net)
    if scarce == "room":
        monkeypatch.setattr(fitting, "room", lambda: 0.0)
    else:
        # What the optimizer will need is more than there is.
        monkeypatch.setattr(fitting, "BESIDE", 10**9)
    assert found.fastest_of([32, 64], usual=32) == 32


@pytest.mark.parametrize(
    "changes", [(), (Change(path="layers.train", to="head"),)], ids=["all", "a head alone"]
)
def test_no_clock_decides_on_a_processor(sizes, monkeypatch, changes):
    monkeypatch.setattr(BatchSizes, "seconds", lambda *_, **__: pytest.fail("measured"))
    assert sizes(*changes).chosen("auto", usual=32, left=None) == 32


def test_measuring_has_to_be_a_small_part_of_the_time_left(sizes):
    found = sizes()
    assert found._pays([32, 64], None)
    assert found._pays([32, 64], 100.0)
    assert not found._pays([32, 64], 1.0)
    assert not found._pays([32], None)


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
