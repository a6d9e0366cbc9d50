"""Which layers learn: stages of unfreezing, frozen layers that stand still, adapters."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from upfit.errors import RecipeError
from upfit.models import Head, Network, load_backbone
from upfit.techniques.adapters import adaptable, add_adapters, has_adapters, is_adapter, merge_adapters
from upfit.techniques.frozen import frozen_prefix, hold_frozen
from upfit.techniques.unfreezing import after_plateau, learning_count
from upfit.train.adapting import check_layers
from upfit.train.learning import freeze, learning_from, learning_names
from upfit.values import Adapter, Change, Gradual, Recipe


def counts(gradual, *, groups=6, total=100, per_epoch=10):
    return [
        learning_count(gradual, groups=groups, step=step, total=total, per_epoch=per_epoch)
        for step in range(total)
    ]


@pytest.mark.parametrize(
    ("gradual", "joins"),
    [
        (Gradual(), [10, 20, 30]),  # 2 at a time: all learn by half of the run
        (Gradual(groups=1), [10, 20, 30, 40, 50, 60]),
        (Gradual(every=0.05, groups=3), [5, 10]),
        (Gradual(every="7 steps", groups=2, start=3), [7, 14]),
    ],
)
def test_groups_join_at_the_stages_that_were_asked_for(gradual, joins):
    found = counts(gradual)
    assert found[0] == gradual.start
    assert [step for step in range(1, 100) if found[step] > found[step - 1]] == joins
    assert found[-1] == 6
    assert found == sorted(found)


def test_a_plateau_ends_a_stage():
    gradual = Gradual(every="plateau", patience=2)
    assert after_plateau(gradual, groups=6, learning=1, stale=1) == 1
    assert after_plateau(gradual, groups=6, learning=1, stale=2) == 3
    assert after_plateau(gradual, groups=6, learning=6, stale=9) == 6


@pytest.fixture(scope="module")
def text():
    return Network(load_backbone("auto", "text"), Head(384, 3))


@pytest.fixture(scope="module")
def image():
    return Network(load_backbone("auto", "image"), Head(1280, 3))


def test_names_and_patterns_choose_what_learns(text):
    groups = text.groups
    last = learning_names(groups, ("encoder.layer.5",))
    assert last == {name for group in groups[-2:] for name in group.parameters}
    biases = learning_names(groups, ("*.bias",))
    assert {name.rpartition(".")[2] for name in biases - set(groups[-1].parameters)} == {"bias"}
    assert learning_names(groups, ("encoder.layer.5", "*.bias")) == last | biases


def test_a_name_that_nothing_goes_by_is_refused_with_the_nearest(text):
    with pytest.raises(RecipeError, match=r"'encoder.layer.9'(?s:.*)did you mean encoder.layer"):
        learning_names(text.groups, ("encoder.layer.9",))


def test_what_learns_now_is_part_of_what_ever_learns(text):
    freeze(text, text.groups, Gradual())
    assert frozen_prefix(text, text.groups) == 0
    for count, prefix in ((0, 7), (2, 5), (7, 0)):
        learning_from(text, text.groups, Gradual(), count)
        assert frozen_prefix(text, text.groups) == prefix


def test_a_frozen_prefix_runs_in_evaluation_mode_and_the_rest_does_not(text):
    freeze(text, text.groups, 2)
    text.train()
    hold_frozen(text, text.groups)
    layers = text.backbone.net.encoder.layer
    modes = [{module.training for module in layer.modules()} for layer in layers]
    assert modes == [{False}] * 4 + [{True}] * 2
    assert {module.training for module in text.backbone.net.embeddings.modules()} == {False}
    assert text.head.dropout.training


def test_nothing_stands_still_where_everything_learns(image):
    freeze(image, image.groups, "all")
    image.train()
    hold_frozen(image, image.groups)
    assert {module.training for module in image.modules()} == {True}


def test_batch_norm_of_frozen_layers_stands_still_behind_the_prefix_too(image):
    freeze(image, image.groups, ("blocks.1.0",))
    image.train()
    hold_frozen(image, image.groups)
    blocks = dict(image.backbone.net.named_modules())
    still = lambda path: {m.training for m in blocks[path].modules() if isinstance(m, nn.BatchNorm2d)}  # noqa: E731
    assert (still("blocks.0.0"), still("blocks.1.0"), still("blocks.5.0")) == ({False}, {True}, {False})


KINDS = [Adapter(name=name, rank=4) for name in ("lora", "dora", "ia3")]


@pytest.mark.parametrize("adapter", KINDS, ids=lambda adapter: adapter.name)
@pytest.mark.parametrize("modality", ["text", "image"])
def test_adapters_change_nothing_at_first_and_merge_without_a_trace(adapter, modality):
    backbone = load_backbone("auto", modality).eval()
    rng = torch.Generator().manual_seed(0)
    ids = torch.randint(5, 900, (2, 9), generator=rng)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    batch = batch if modality == "text" else {"image": torch.randn(2, 3, 48, 48, generator=rng)}
    plain, names = backbone(batch), list(backbone.state_dict())
    chosen = [name for group in backbone.groups[-2:] for name in group.parameters]
    add_adapters(backbone.net, adapter, chosen)
    assert torch.equal(backbone(batch), plain)
    with torch.no_grad():
        for name, parameter in backbone.named_parameters():
            if is_adapter(name):
                parameter += 0.05 * torch.randn(parameter.shape, generator=rng)
    moved = backbone(batch)
    assert (moved - plain).abs().max() > 0.01
    merge_adapters(backbone.net)
    assert not has_adapters(backbone)
    assert list(backbone.state_dict()) == names
    torch.testing.assert_close(backbone(batch), moved, rtol=1e-4, atol=1e-4)


def test_adapters_start_alike_whatever_was_drawn_before():
    def started():
        net = nn.Sequential(nn.Linear(4, 4))
        add_adapters(net, KINDS[0], ["0.weight"], seed=3)
        return dict(net.named_parameters())["0.lora_A.default.weight"]

    one = started()
    torch.rand(5)
    assert torch.equal(one, started())


def test_adapters_without_a_layer_to_sit_on_are_refused():
    with pytest.raises(RecipeError, match="no layer that learns can take an adapter"):
        add_adapters(nn.Sequential(nn.LayerNorm(4)), KINDS[0], ["0.weight"])


def test_convolutions_that_the_library_would_not_follow_get_no_adapter():
    """peft does not know dilation and padding by reflection: a RuntimeError, or a wrong merge."""
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 4, 1, dilation=2),
    )
    every = [name for name, _ in net.named_parameters()]
    assert adaptable(net, every) == ["2", "3"]
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    plain = net(images)
    add_adapters(net, KINDS[0], every)
    assert torch.equal(net(images), plain)
    with pytest.raises(RecipeError, match="without groups and dilation"):
        add_adapters(nn.Sequential(nn.Conv2d(3, 4, 3, dilation=2)), KINDS[0], ["0.weight"])


@pytest.mark.parametrize(
    ("train", "adapter", "fits"),
    [("all", "none", True), ("gradual", "none", True), (7, "none", True), (["*.bias"], "none", True),
     (2, "none", False), (["encoder.layer.5"], "none", False), ("all", "lora", False)],
)  # fmt: skip
def test_noise_on_embeddings_that_stand_still_is_refused(train, adapter, fits, text):
    recipe = Recipe().apply(
        Change(path="layers.train", to=train),
        Change(path="layers.adapter", to=adapter),
        Change(path="techniques.neftune", to={}),
    )
    if fits:
        check_layers(recipe, text.backbone)
    else:
        with pytest.raises(RecipeError, match=r"embeddings of tokens, and here they are frozen"):
            check_layers(recipe, text.backbone)


@pytest.mark.parametrize("pattern", ["*.foo", "head.*", "backbone.*", "*bias"])
def test_a_pattern_of_rates_that_fits_nothing_is_refused_before_any_work(pattern, text):
    recipe = Recipe(optimizer={"rates": {pattern: 1e-3}})
    if pattern == "*.foo":
        with pytest.raises(RecipeError, match=r"optimizer\.rates: no parameter fits '\*\.foo'"):
            check_layers(recipe, text.backbone)
    else:
        check_layers(recipe, text.backbone)
