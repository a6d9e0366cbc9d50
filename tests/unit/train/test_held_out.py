"""Looks at held-out examples: the validation loss, whatever the network runs on; the stage that uses it."""

from __future__ import annotations

import pytest

from upfit.testing.small import SHORT, small_backbone, small_bench
from upfit.train import held_out
from upfit.train.feed import feed_of
from upfit.train.held_out import held_out_loss
from upfit.train.rate_stage import rate_stage
from upfit.train.stages import fresh_network, validation_measure
from upfit.values import Change

FEEDS = {"whole": "all", "behind a frozen prefix": 1, "head alone": "head"}


def laid_out(modality, train, *changes):
    fields = {"layers.train": train, "layers.cache": "fp32"} | dict(changes)
    recipe = SHORT.apply(*(Change(path=path, to=to) for path, to in fields.items()))
    bench = small_bench(recipe, modality=modality, task="multiclass", steps=3)
    return bench, small_backbone(modality)


@pytest.mark.parametrize("modality", ["image", "text"])
@pytest.mark.parametrize("train", FEEDS.values(), ids=FEEDS)
def test_few_rows_are_all_of_them(modality, train):
    bench, backbone = laid_out(modality, train)
    feed = feed_of(bench, fresh_network(bench, backbone))
    feed.model.eval()
    whole, _ = validation_measure(bench, feed.validation)(feed.model)
    assert held_out_loss(bench, feed)(feed.model) == pytest.approx(whole, rel=1e-5)


def test_of_many_rows_some_are_drawn(monkeypatch):
    monkeypatch.setattr(held_out, "ROWS", 5)
    bench, backbone = laid_out("text", "all")
    feed = feed_of(bench, fresh_network(bench, backbone))
    whole, _ = validation_measure(bench, feed.validation)(feed.model)
    few = held_out_loss(bench, feed)
    assert few(feed.model) == few(feed.model) != pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize(("modality", "train"), [("image", "all"), ("text", 1), ("text", "head")])
def test_the_stage_holds_the_rate_that_it_found(modality, train):
    bench, backbone = laid_out(modality, train, ("optimizer.name", "sgd"))
    optimizer = bench.recipe.optimizer.replace(lr="range_test", head_lr="auto")
    bench = bench.with_recipe(bench.recipe.replace(optimizer=optimizer))
    rated = rate_stage(bench, backbone, total=60, seconds=None, asked_to_stop=lambda: False)
    assert rated.tested is not None
    assert rated.tested.hold is not None
    assert rated.recipe.optimizer.lr == rated.tested.choice.rate <= rated.tested.hold.rate
    assert rated.tested.to_json()["hold"]["rate"] == rated.finding.evidence["climbs_rate"]
