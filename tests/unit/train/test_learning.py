"""Layers that learn in stages, beside adapters, and behind kept activations: killed, resumed, the same."""

from __future__ import annotations

import pytest
import torch

from upfit.errors import Interrupted, RecipeError
from upfit.models.groups import LayerGroup
from upfit.techniques.adapters import has_adapters
from upfit.train.adapting import without_adapters
from upfit.train.layer_choice import candidates, decide
from upfit.train.learning import learning_names
from upfit.train.settle import settle_cache
from upfit.values import Estimate, Recipe

STAGES = {"every": "3 steps", "groups": 1}
PLATEAU = {"every": "plateau", "groups": 1}
STILL = {"optimizer__lr": 1e-12, "optimizer__head_lr": 1e-12}
CASES = {
    "stages": {"layers__train": STAGES},
    "stages without the cache": {"layers__train": STAGES, "layers__cache": "off"},
    "plateaus": {"layers__train": PLATEAU, "layers__cache": "bf16", **STILL},
    "the last group": {"layers__train": 1},
    "lora": {"layers__train": 1, "layers__adapter": {"lora": {"rank": 2, "dropout": 0.1}}},
    "dora": {"layers__adapter": {"dora": {"rank": 2}}},
    "ia3": {"layers__adapter": "ia3"},
}


@pytest.fixture
def run_of(parts, sentences, small_text_model, quickly):
    """`run_of(layers__train=1)`: parts of a run on a text backbone of one layer, with dropout and EMA."""

    def made(**fields):
        changes = quickly(stopping__steps=10, layers__dropout=0.2, techniques__ema__every=3, **fields)
        return parts(sentences("multiclass"), small_text_model, changes)

    return made


@pytest.mark.parametrize("case", CASES)
def test_stopped_and_resumed_it_ends_with_the_very_same_weights(run_of, case, tmp_path, stop_after):
    whole = run_of(**CASES[case]).tune(tmp_path / "whole", 10, evaluate_every=2)
    with pytest.raises(Interrupted):
        run_of(**CASES[case]).tune(tmp_path / "parted", 10, asked_to_stop=stop_after(5), evaluate_every=2)
    resumed = run_of(**CASES[case]).tune(tmp_path / "parted", 10, evaluate_every=2)
    assert whole.weights.keys() == resumed.weights.keys()
    assert all(torch.equal(value, resumed.weights[name]) for name, value in whole.weights.items())
    assert [one.loss for one in resumed.trace.steps] == [one.loss for one in whole.trace.steps]
    joined = [(e.step, e.text) for e in whole.trace.events if e.kind == "unfreeze"]
    assert joined == [(e.step, e.text) for e in resumed.trace.events if e.kind == "unfreeze"]
    assert len(joined) == (2 if isinstance(CASES[case].get("layers__train"), dict) else 0)


def test_a_group_moves_from_the_step_on_at_which_it_joins(run_of, tmp_path):
    run = run_of(layers__train={"every": "4 steps", "groups": 1}, techniques__ema="off")
    before = {name: value.clone() for name, value in run.network.state_dict().items()}

    def moved(steps, folder):
        after = run.tune(tmp_path / folder, steps, evaluate_every=steps).weights
        changed = [name for name in after if not torch.equal(after[name], before[name])]
        return {name.split(".")[2] for name in changed if name.startswith("backbone")}

    assert moved(4, "four") == set()
    assert moved(6, "six") == {"encoder"}
    assert moved(9, "nine") == {"encoder", "embeddings"}


def test_adapters_learn_alone_and_leave_nothing_behind(run_of, tmp_path):
    run = run_of(layers__adapter={"lora": {"rank": 2}}, techniques__ema="off")
    names = list(run.network.state_dict())
    words = run.network.backbone.net.embeddings.word_embeddings.weight.clone()
    query = run.network.backbone.net.encoder.layer[0].attention.self.query.weight.clone()
    run.tune(tmp_path, 6)
    assert has_adapters(run.network)
    without_adapters(run.network)
    assert list(run.network.state_dict()) == names
    assert torch.equal(run.network.backbone.net.embeddings.word_embeddings.weight, words)
    assert not torch.equal(run.network.backbone.net.encoder.layer[0].attention.self.query.weight, query)


def test_adapters_that_are_dropped_leave_the_weights_bit_for_bit(run_of):
    from upfit.train.feed import feed_of

    run = run_of(layers__adapter={"dora": {"rank": 2}})
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    feed_of(run.bench, run.network)
    assert has_adapters(run.network)
    without_adapters(run.network, keep=False)
    after = run.network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_the_cache_is_left_out_where_it_does_not_pay():
    def settled(*, epochs=5.0, views=None, once=1.0, left=100.0):
        recipe = Recipe(stopping={"epochs": epochs}, augment={"views": views})
        return settle_cache(recipe, once=once, left=left).layers.cache

    assert settled() == "fp32"
    assert settled(left=None, once=1e6) == "fp32"
    assert settled(once=16) == "off"
    assert settled(epochs=1.0) == "off"
    assert settled(views=5) == "off"
    assert settled(views=4, once=5) == "off"


def test_only_a_gain_beyond_noise_is_chosen_over_all_layers():
    noise, sure, surer = Estimate(0.09, -0.01, 0.2), Estimate(0.03, 0.01, 0.05), Estimate(0.05, 0.01, 0.09)
    assert decide({"head": noise}, "accuracy", 50).train == "all"
    choice = decide({"head": noise, 1: sure, 2: surer}, "accuracy", 50)
    assert choice.train == 2
    assert "the head +0.090 (-0.010 to +0.200)" in choice.finding.message
    assert choice.finding.evidence["gain_2"] == 0.05


def test_candidates_come_once_each():
    assert candidates(1, by_signal=1) == ("head", "all")
    assert candidates(17, by_signal=9) == ("head", 1, 9, "all")


def test_more_layer_groups_than_there_are_are_refused():
    groups = (LayerGroup("stem", ("a",)), LayerGroup("block", ("b",)), LayerGroup("head", ("c",)))
    assert learning_names(groups, 2) == {"a", "b", "c"}
    with pytest.raises(RecipeError, match=r"layers\.train=99: there are 2 layer groups below the head"):
        learning_names(groups, 99)
