"""Watching from inside: it records what the rules need, changes nothing, and survives a stop."""

from __future__ import annotations

import math

import pytest
import torch

from upfit.diagnose import diagnose
from upfit.diagnose.seen import Seen
from upfit.errors import Interrupted
from upfit.store import read_trace
from upfit.values import Change

OFF = Change(path="watch", to="off")
MORE = (Change(path="techniques.r_drop", to={}), Change(path="batching.micro_size", to=12))


@pytest.mark.parametrize("changes", [(), MORE], ids=["plain", "read twice, in pieces"])
def test_a_watched_run_is_bit_for_bit_the_unwatched_one(train_small, tmp_path, changes, same):
    _, watched = train_small(tmp_path / "on", *changes, steps=120)
    drawn = torch.get_rng_state()
    _, plain = train_small(tmp_path / "off", *changes, OFF, steps=120)
    assert watched.trace.healths
    assert not plain.trace.healths
    assert same(watched.weights, plain.weights)
    assert [one.loss for one in watched.trace.steps] == [one.loss for one in plain.trace.steps]
    assert torch.equal(drawn, torch.get_rng_state())


def test_what_the_rules_need_is_recorded(train_small, tmp_path):
    train_small(tmp_path, steps=300)
    trace = read_trace(tmp_path / "trace.jsonl")
    seen = Seen(trace)
    needs = (
        "loss",
        "gradient_norm",
        "memory",
        "validation",
        "layers",
        "updates",
        "activations",
        "mode_losses",
    )
    assert [need for need in needs if not seen.has(need)] == []
    look = trace.healths[0]
    assert list(look.gradient_norms) == ["stem.0", "body.0", "head"]
    assert all(0 < ratio < 0.5 for ratio in look.update_ratios.values())
    assert look.seconds > 0
    probed = [one for one in trace.healths if one.examples]
    assert all(0 <= one.train_metric <= 1 and one.evaluation_mode_loss > 0 for one in probed)
    assert probed[-1].train_mode_loss != probed[-1].evaluation_mode_loss
    assert any(one.every for one in trace.healths)


def test_gradients_are_looked_at_before_they_are_clipped(train_small, tmp_path):
    clip = Change(path="techniques.clip", to={"norm": 1e-3})
    _, tuned = train_small(tmp_path, clip, steps=5)
    norms = {one.step: one.gradient_norm for one in tuned.trace.steps}
    for look in tuned.trace.healths:
        whole = math.sqrt(sum(one**2 for one in look.gradient_norms.values()))
        assert 0.5 * norms[look.step] < whole <= norms[look.step] * 1.001


def test_without_clipping_a_look_measures_the_norm(train_small, tmp_path):
    _, tuned = train_small(tmp_path, Change(path="techniques.clip", to="off"), steps=5)
    known = [one.step for one in tuned.trace.steps if math.isfinite(one.gradient_norm)]
    assert known == [one.step for one in tuned.trace.healths]


def test_a_stopped_run_goes_on_to_look_at_the_same_steps(train_small, tmp_path, stop_after, same):
    _, whole = train_small(tmp_path / "whole")
    with pytest.raises(Interrupted):
        train_small(tmp_path / "parted", asked_to_stop=stop_after(30))
    every = {one.every for one in read_trace(tmp_path / "parted" / "trace.jsonl").healths} - {0}
    _, resumed = train_small(tmp_path / "parted")
    assert same(resumed.weights, whole.weights)
    assert every <= {one.every for one in resumed.trace.healths}
    steps = [one.step for one in resumed.trace.healths if one.gradient_norms]
    assert steps == sorted(set(steps))


def test_what_was_not_recorded_is_not_called_healthy(train_small, tmp_path):
    _, tuned = train_small(tmp_path, OFF, steps=5)
    diagnosis = diagnose(tuned.trace)
    assert {"dead_units", "vanishing_gradient"} <= set(diagnosis.not_measured)
    assert not {"dead_units", "vanishing_gradient"} & set(diagnosis.healthy)
