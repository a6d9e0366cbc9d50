"""Compiled steps: the same training, resumed too; measured before use, refused where they mislead."""

from __future__ import annotations

import shutil
from functools import partial

import pytest
import torch
from torch import nn

from upfit.errors import Interrupted, RecipeError
from upfit.techniques import check_fits
from upfit.train.compiling import ROUNDS, SECONDS, SHARE, Compiled, pays, settle_compile
from upfit.train.costs import step_seconds
from upfit.train.world import World
from upfit.values import Change, Recipe

ON = Change(path="compile", to="on")
RUNS = {"plain": (), "fast": (ON,)}
ENOUGH = SECONDS / SHARE + 1
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler here")


@pytest.fixture
def run(train_small, small_net, tmp_path):
    """`run(place, dropout, *changes, …)`: what came of six steps."""

    def tuned(place, dropout, *changes, **options):
        network = small_net()
        network.stem[3].p = dropout
        size = Change(path="batching.size", to=32)
        return train_small(tmp_path / place, size, *changes, steps=6, network=network, **options)[1]

    return tuned


@needs_compiler
def test_compiled_steps_train_the_same_network(run):
    plain, fast = ([step.loss for step in run(name, 0.0, *on).trace.steps] for name, on in RUNS.items())
    assert fast == pytest.approx(plain, rel=1e-5)
    assert fast != plain, "nothing was compiled"


@needs_compiler
def test_a_compiled_run_resumes_to_the_same_weights(run, stop_after, same):
    whole = run("whole", 0.5, ON).weights
    with pytest.raises(Interrupted):
        run("parted", 0.5, ON, every=0, asked_to_stop=stop_after(3))
    # As in a new process: what was compiled is not at hand any more.
    torch.compiler.reset()
    assert same(run("parted", 0.5, ON).weights, whole)


class Sums(nn.Module):
    """Reads batches as networks do."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, batch):
        return self.linear(batch["features"])


class Batches:
    """One batch an epoch."""

    def epoch(self, epoch, *, start=0):
        yield {**batch_of(4), "share": 4}


def squared(logits, targets):
    return (logits.sum(1) - targets) ** 2


def batch_of(rows):
    return {"features": torch.ones(rows, 3), "target": torch.zeros(rows)}


def test_only_whole_batches_in_training_run_compiled():
    seen = []
    fast = Compiled(Sums(), 8)
    fast._faster = (lambda batch: seen.append(len(batch["features"])),)
    for rows, training in ((8, True), (5, True), (8, False)):
        fast.train(training)(batch_of(rows))
    assert seen == [8]


@pytest.mark.parametrize("verdict", ["on", "off"])
def test_a_long_run_is_decided_by_measurement(verdict):
    settled = settle_compile(Recipe(), World(), seconds=ENOUGH, measure=lambda: verdict)
    assert settled.compile == verdict


def never():
    raise AssertionError("measured")


def test_a_short_run_is_not_measured():
    assert settle_compile(Recipe(), World(), seconds=60, measure=never).compile == "off"


def test_what_was_asked_for_is_not_measured():
    asked = Recipe(compile="on")
    assert settle_compile(asked, World(), seconds=ENOUGH, measure=never) == asked


def test_randomness_inside_the_network_is_not_compiled():
    inside = Recipe().apply(Change(path="techniques.stochastic_depth", to={}))
    assert settle_compile(inside, World(), seconds=ENOUGH, measure=never).compile == "off"
    with pytest.raises(RecipeError, match="stochastic_depth works inside the network"):
        check_fits(inside.replace(compile="on"), task="multiclass", modality="image")


def test_the_owner_of_a_module_compiles_it():
    with pytest.raises(RecipeError, match="by its owner"):
        check_fits(Recipe(compile="on"), task="multiclass", modality="own")


def verdict(network, seconds):
    return pays(Compiled(network, 4), batch_of(4), seconds=seconds, name="x")


def test_a_verdict_is_remembered(monkeypatch, tmp_path):
    monkeypatch.setenv("UPFIT_CACHE", str(tmp_path))
    asked = []

    def seconds(network):
        asked.append(network)
        return 1.0 if isinstance(network, Compiled) else 2.0

    assert [verdict(Sums(), seconds) for _ in range(2)] == ["on", "on"]
    assert len(asked) == 1 + 2 * ROUNDS


def test_what_is_no_faster_is_not_compiled(monkeypatch, tmp_path):
    monkeypatch.setenv("UPFIT_CACHE", str(tmp_path))
    assert verdict(Sums(), lambda network: 1.0) == "off"


def test_where_nothing_compiles_nothing_is_compiled(monkeypatch, tmp_path, caplog):
    def broken(network):
        def fails(batch):
            raise RuntimeError("no compiler")

        return fails

    monkeypatch.setenv("UPFIT_CACHE", str(tmp_path))
    monkeypatch.setattr(torch, "compile", broken)
    network = Sums()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    step = partial(step_seconds, source=Batches(), loss=squared, world=World())
    assert verdict(network, step) == "off"
    assert "no compiler" in caplog.text
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_yaml_spells_it_on_and_off():
    assert [Recipe.from_yaml(f"compile: {word}").compile for word in ("on", "off")] == ["on", "off"]
