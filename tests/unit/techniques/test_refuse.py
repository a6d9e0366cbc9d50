"""Combinations that make no sense are refused by name, with the reason and a way out."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import upfit
from upfit.errors import RecipeError
from upfit.techniques import check_fits, refuse
from upfit.techniques.idle import idle
from upfit.techniques.sam import Sam
from upfit.values import Change, Recipe


def asked(*, off=(), **changes):
    """The default recipe with changes, `__` standing for dots, and techniques switched off."""
    made = [Change(path=f"techniques.{name}", to="off") for name in off]
    made += [Change(path=path.replace("__", "."), to=to) for path, to in changes.items()]
    return Recipe().apply(*made)


REFUSED = [
    ("text", "multiclass", {"techniques__mixup": {}}, "mixup blends pixels, and texts have none"),
    ("text", "binary", {"techniques__cutmix": {}}, "cutmix swaps rectangles of images, and texts have none"),
    (
        "image",
        "multiclass",
        {"techniques__mixup": {}, "layers__train": "head"},
        "layers.train=head sees cached features only",
    ),
    ("image", "regression", {"techniques__mixup": {}}, "mixup is off for regression"),
    ("image", "regression", {"techniques__cutmix": {}}, "half an image does not have half its value"),
    ("text", "regression", {"techniques__mixup_features": {}}, "mixup_features is off for regression"),
    (
        "image",
        "multiclass",
        {"techniques__mixup": {"probability": 1}, "techniques__cutmix": {}},
        "mixup mixes every batch, so cutmix would never act",
    ),
    ("own", "multiclass", {"techniques__mixup_features": {}}, "a module of one's own does not show that"),
    (
        "text",
        "multiclass",
        {"techniques__mixup_features": {}, "batching__micro_size": 3},
        "micro-batches of 3 tear them apart",
    ),
    ("image", "multiclass", {"techniques__neftune": {}}, "images have none"),
    (
        "text",
        "multiclass",
        {"techniques__neftune": {}, "layers__train": "head"},
        "with layers.train=head that does not run",
    ),
    (
        "image",
        "multiclass",
        {"techniques__stochastic_depth": {}, "layers__train": "head"},
        "skips layers of the backbone",
    ),
    (
        "image",
        "multiclass",
        {"techniques__l2_sp": {}, "layers__train": "head"},
        "holds the backbone near its pretrained weights",
    ),
    ("image", "multiclass", {"techniques__r_drop": {}}, "nothing here drops anything"),
    (
        "text",
        "multiclass",
        {"techniques__r_drop": {}, "layers__train": "head"},
        "nothing here drops anything",
    ),
    ("text", "multiclass", {"techniques__r_drop": {}, "layers__dropout": 0.0}, "nothing here drops anything"),
    ("image", "multiclass", {"stopping__patience": None, "stopping__min_delta": 0.1}, "nobody asks"),
]


@pytest.mark.parametrize(
    ("modality", "task", "changes", "reason"), REFUSED, ids=lambda value: str(value)[:40]
)
def test_it_is_refused_by_name(modality, task, changes, reason):
    with pytest.raises(RecipeError, match=reason) as refused:
        check_fits(asked(**changes), task=task, modality=modality)
    assert "  try: " in str(refused.value) or "cutmix" in str(refused.value)


def test_an_average_that_would_never_be_read_is_refused():
    recipe = asked(off=["ema"], techniques__swa={}).apply(Change(path="techniques.ema.decay", to=0.9))
    with pytest.raises(RecipeError, match="swa stands before ema"):
        check_fits(recipe, task="multiclass", modality="image")


def test_two_techniques_cannot_both_make_the_gradients():
    # There is but one of them in the package: the second comes from somewhere else.
    parts = {"sam": Sam(), "another": Sam(adaptive=True)}
    with pytest.raises(RecipeError, match="sam and another both decide how gradients are made"):
        refuse(Recipe(), parts, task="multiclass", modality="image")


FINE = [
    ("image", "multiclass", {"techniques__mixup": {}, "techniques__cutmix": {}}),
    ("image", "regression", {"techniques__mixup": {"regression": True}}),
    ("text", "multiclass", {"techniques__mixup_features": {}, "layers__train": "head"}),
    ("text", "multiclass", {"techniques__mixup_features": {}, "batching__micro_size": 4}),
    ("text", "multiclass", {"techniques__r_drop": {}, "techniques__sam": {}, "techniques__swa": {}}),
    ("image", "multiclass", {"techniques__r_drop": {}, "techniques__stochastic_depth": {}}),
    ("text", "multiclass", {"techniques__r_drop": {}, "layers__train": "head", "head__dropout": 0.1}),
    ("own", "multiclass", {"techniques__r_drop": {}, "techniques__mixup": {}, "techniques__neftune": {}}),
]


@pytest.mark.parametrize(("modality", "task", "changes"), FINE, ids=lambda value: str(value)[:40])
def test_what_makes_sense_is_not_refused(modality, task, changes):
    check_fits(asked(**changes), task=task, modality=modality)


@pytest.mark.parametrize(
    ("modality", "changes", "told"),
    [
        ("text", {"inputs__image_size": 64}, "image_size=64 does nothing: it is for images"),
        ("image", {"inputs__max_length": 64}, "max_length=64 does nothing: it is for texts"),
        ("own", {"layers__cache": "fp32"}, "layers.cache=fp32 does nothing"),
        ("own", {"layers__dropout": 0.5}, "layers.dropout=0.5 does nothing: a module of one's own"),
        ("own", {"batching__size": 8}, "batching.size=8 does nothing: the loader makes the batches"),
        ("own", {"layers__train": "auto"}, "layers.train=auto does nothing"),
        ("own", {"layers__train": "head", "batching__micro_size": 4}, ""),
        ("image", {"inputs__image_size": 64, "layers__cache": "fp32"}, ""),
        ("image", {"layers__train": 2, "layers__cache": "fp32"}, ""),
        ("text", {"layers__train": "gradual", "layers__cache": "fp32"}, ""),
        ("image", {"layers__train": "head", "augment__policy": "strong"}, "every example is seen as it is"),
        ("image", {"layers__train": "all", "augment__policy": "strong"}, ""),
        ("text", {"layers__train": "head", "optimizer__layer_decay": 0.5}, "one layer learns"),
        ("text", {"schedule__milestones": [0.1]}, "is for schedule multi_step, and this one is cosine"),
        ("text", {"schedule__name": "multi_step", "schedule__milestones": [0.1]}, ""),
        ("own", {"schedule__factor": 0.5}, "schedule step, multi_step, exponential or plateau"),
        ("text", {"layers__adapter": {"name": "none", "rank": 4}}, "is for lora and dora"),
        ("text", {"layers__adapter": {"name": "lora", "rank": 4}}, ""),
    ],
)
def test_what_does_nothing_is_told(modality, changes, told):
    found = idle(asked(**changes), modality)
    assert [told in line for line in found] == ([True] if told else [])


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_a_batch_of_one_has_nothing_to_mix(name):
    with pytest.raises(RecipeError, match="batches of 1 have nothing to mix"):
        check_fits(
            asked(batching__size=1, **{f"techniques__{name}": {}}), task="multiclass", modality="image"
        )


def test_swa_is_one_field():
    check_fits(asked(techniques__swa="on"), task="multiclass", modality="text")


def test_a_journey_refuses_before_there_is_a_folder(sentences, tmp_path):
    changes = [Change(path="techniques.cutmix", to="on")]
    with pytest.raises(RecipeError, match="cutmix swaps rectangles"):
        upfit.fit(sentences("binary"), out=tmp_path / "run", changes=changes)
    assert not (tmp_path / "run").exists()


def test_train_refuses_before_the_first_step():
    module = nn.Linear(2, 3)
    before = module.weight.detach().clone()
    batches = [(torch.randn(4, 2), torch.tensor([0, 1, 2, 0]))]
    recipe = asked(techniques__mixup_features={})
    with pytest.raises(RecipeError, match="does not show that"):
        upfit.train(module, batches, batches, recipe)
    assert torch.equal(module.weight, before)


def test_neftune_needs_tokens_and_stochastic_depth_residual_blocks():
    module, batches = nn.Linear(2, 3), [(torch.randn(4, 2), torch.tensor([0, 1, 2, 0]))]
    with pytest.raises(RecipeError, match="embeddings of tokens, and this network has none"):
        upfit.train(module, batches, batches, asked(techniques__neftune={}))
    with pytest.raises(RecipeError, match="neither drop paths nor a stack of layers"):
        upfit.train(module, batches, batches, asked(techniques__stochastic_depth={}))
