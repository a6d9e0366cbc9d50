"""Techniques against their formulas, and at strength zero against nothing at all."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from upfit.errors import InputError, RecipeError
from upfit.techniques import Clip, Ema, build, check
from upfit.techniques.batch_norm import freeze_batch_norm
from upfit.techniques.crop_flip import CropFlip, random_crop, random_turn
from upfit.techniques.ema import average_weights
from upfit.techniques.layer_rates import layer_rates, parameter_groups
from upfit.techniques.losses import binary_cross_entropy, cross_entropy, squared_error
from upfit.techniques.swa import Swa
from upfit.values import Recipe, Technique


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def parameters(*values):
    made = [nn.Parameter(torch.zeros(len(value))) for value in values]
    for parameter, value in zip(made, values, strict=True):
        parameter.grad = torch.tensor(value)
    return made


def test_clipping_scales_all_gradients_by_one_factor():
    made = parameters([3.0, 0.0], [4.0])
    assert float(Clip(norm=1.0).on_grads(made, torch.Generator(), 0.0)) == pytest.approx(5.0)
    assert made[0].grad.tolist() == pytest.approx([0.6, 0.0])
    assert made[1].grad.tolist() == pytest.approx([0.8])


def test_gradients_within_the_norm_are_left_alone():
    made = parameters([0.3, 0.4])
    assert float(Clip(norm=1.0).on_grads(made, torch.Generator(), 0.0)) == pytest.approx(0.5)
    assert made[0].grad.tolist() == pytest.approx([0.3, 0.4])


@torch.no_grad()
def test_the_average_follows_its_formula():
    network = nn.Linear(2, 2)
    ema = Ema(decay=0.9, every=1)
    average = ema.init(network)
    expected = network.weight.clone()
    for step in range(1, 40):
        network.weight += 1
        ema.update(network, average, step=step, total=5000)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * network.weight
    torch.testing.assert_close(average["weight"], expected)
    assert not torch.equal(average["weight"], network.weight)


@torch.no_grad()
def test_updating_every_nth_step_raises_the_decay_to_match():
    network = nn.Linear(2, 2)
    ema = Ema(decay=0.9, every=4)
    average = ema.init(network)
    before = average["weight"].clone()
    network.weight += 1
    for step in (1, 2, 3):
        ema.update(network, average, step=step, total=5000)
        assert torch.equal(average["weight"], before)
    ema.update(network, average, step=4000, total=5000)
    torch.testing.assert_close(average["weight"], before * 0.9**4 + network.weight * (1 - 0.9**4))


@torch.no_grad()
def test_an_average_without_memory_is_the_present():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    ema = Ema(decay=0.0, every=1)
    average = ema.init(network)
    network[0].weight += 1
    network[1].num_batches_tracked += 3
    ema.update(network, average, step=1, total=5000)
    state = network.state_dict()
    assert all(torch.equal(average[name], value) for name, value in state.items())


def test_whole_numbers_are_copied_and_not_averaged():
    average, current = {"count": torch.tensor(1)}, {"count": torch.tensor(7)}
    average_weights(average, current, 0.5)
    assert average["count"] == 7


@pytest.mark.parametrize(("steps", "decay"), [(5, 0.0), (100, 0.9), (1000, 0.99), (10**6, 0.999)])
def test_an_average_settles_on_a_tenth_of_the_run(steps, decay):
    assert Ema().settle(steps) == Ema(decay=decay, every=min(4, max(1, steps // 10)))
    assert Ema(decay=0.5).settle(steps) == Ema(decay=0.5)


@pytest.mark.parametrize("total", [1, 3, 6, 10])
@torch.no_grad()
def test_in_a_short_run_the_average_is_what_was_learned_last(total):
    network = nn.Linear(2, 2)
    ema = Ema().settle(total)
    average = ema.init(network)
    for step in range(1, total + 1):
        network.weight += 1
        ema.update(network, average, step=step, total=total)
    assert torch.equal(average["weight"], network.weight)


@torch.no_grad()
def test_the_last_step_is_in_the_average_wherever_the_run_ends():
    network = nn.Linear(2, 2)
    ema = Ema(decay=0.5, every=4)
    average = ema.init(network)
    before = average["weight"].clone()
    network.weight += 1
    for step in (1, 2, 3, 4, 5, 6):
        ema.update(network, average, step=step, total=6)
    early, late = (5 / 14) ** 4, (7 / 16) ** 2
    torch.testing.assert_close(network.weight - average["weight"], early * late * torch.ones(2, 2))
    assert not torch.equal(average["weight"], before)


@pytest.mark.parametrize("total", [1, 2, 3, 5, 7, 16, 40])
@torch.no_grad()
def test_a_mean_of_the_last_quarter_is_made_in_short_runs_too(total):
    network = nn.Linear(2, 2)
    swa = Swa().settle(total)
    kept = swa.init(network)
    for step in range(1, total + 1):
        network.weight.fill_(step)
        swa.update(network, kept, step=step, total=total)
    taken = [step for step in range(1, total + 1) if step > 0.75 * total and step % swa.every == 0]
    assert len(taken) >= min(4, total - int(0.75 * total))
    torch.testing.assert_close(swa.read(kept)["weight"], torch.full((2, 2), sum(taken) / len(taken)))


def test_cross_entropy_follows_its_formula_and_zero_smoothing_is_none():
    logits, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    logs = logits.log_softmax(1)
    plain = -logs[range(5), targets]
    torch.testing.assert_close(cross_entropy(logits, targets), plain)
    assert torch.equal(cross_entropy(logits, targets, label_smoothing=0.0), cross_entropy(logits, targets))
    smoothed = 0.9 * plain - 0.1 * logs.mean(1)
    torch.testing.assert_close(cross_entropy(logits, targets, label_smoothing=0.1), smoothed)


def test_binary_cross_entropy_follows_its_formula_and_zero_smoothing_is_none():
    logits, targets = torch.randn(5, 3), torch.randint(0, 2, (5, 3)).float()
    plain = functional.binary_cross_entropy(logits.sigmoid(), targets, reduction="none").mean(1)
    torch.testing.assert_close(binary_cross_entropy(logits, targets), plain)
    soft = binary_cross_entropy(logits, targets, label_smoothing=0.2)
    expected = functional.binary_cross_entropy(logits.sigmoid(), targets * 0.8 + 0.1, reduction="none").mean(
        1
    )
    torch.testing.assert_close(soft, expected)


def test_squared_error_follows_its_formula():
    outputs, targets = torch.randn(4, 1), torch.randn(4)
    torch.testing.assert_close(squared_error(outputs, targets), (outputs[:, 0] - targets) ** 2)


def test_layer_rates_fall_towards_the_input_and_a_decay_of_one_is_none():
    assert layer_rates(4, lr=1.0, head_lr=5.0, decay=0.5) == [0.25, 0.5, 1.0, 5.0]
    assert layer_rates(4, lr=1.0, head_lr=5.0, decay=1.0) == [1.0, 1.0, 1.0, 5.0]
    assert layer_rates(1, lr=1.0, head_lr=5.0, decay=0.5) == [5.0]


def test_vectors_are_not_decayed_and_frozen_parameters_not_listed():
    network = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))
    network[0].weight.requires_grad_(False)
    named = dict(network.named_parameters())
    groups = [("0.weight", "0.bias"), ("1.weight", "1.bias"), ("2.weight", "2.bias")]
    made = parameter_groups(named, groups, [1.0, 2.0, 3.0], weight_decay=0.1)
    seen = [(len(group["params"]), group["lr"], group["weight_decay"]) for group in made]
    assert seen == [(1, 1.0, 0.0), (2, 2.0, 0.0), (1, 3.0, 0.1), (1, 3.0, 0.0)]
    assert all(group["base_lr"] == group["lr"] for group in made)


def test_frozen_batch_norm_normalises_with_what_it_knows():
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)).train()
    freeze_batch_norm(network)
    before = network[1].running_mean.clone()
    network(torch.randn(8, 2) + 5)
    assert torch.equal(network[1].running_mean, before)
    assert network[2].training
    assert network[1].weight.requires_grad


def picture(width=40, height=30):
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))


def test_augmentation_at_strength_zero_is_absent():
    image = picture()
    varied = CropFlip(scale=1.0, degrees=0.0, flip=False)(image, np.random.default_rng(0))
    assert np.array_equal(np.asarray(varied), np.asarray(image))


def test_augmentation_is_decided_by_its_generator():
    image = picture()
    once, again, other = (
        np.asarray(CropFlip(flip=True)(image, np.random.default_rng(k)).resize((16, 16))) for k in (1, 1, 2)
    )
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_crops_lie_within_the_image_and_keep_their_share():
    image = picture()
    rng = np.random.default_rng(0)
    for _ in range(300):
        crop = random_crop(image, rng, scale=0.5)
        assert 1 <= crop.width <= 40
        assert 1 <= crop.height <= 30
        # A crop that would stick out at one side is cut there, by a factor of at most √(4/3).
        assert crop.width * crop.height >= 0.5 * 40 * 30 / math.sqrt(4 / 3) - 40


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_the_tiniest_images_are_augmented_too(size):
    assert CropFlip(flip=True)(picture(*size), np.random.default_rng(0)).width >= 1


def test_corners_of_a_turned_image_have_the_colour_of_its_border():
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[...] = (200, 30, 90)
    turned = np.asarray(random_turn(Image.fromarray(pixels), np.random.default_rng(1), degrees=45))
    assert np.array_equal(turned, pixels)


def test_half_of_all_images_are_mirrored():
    image = picture()
    mirror = np.asarray(image)[:, ::-1]
    flip = CropFlip(scale=1.0, degrees=0.0, flip=True)
    rng = np.random.default_rng(0)
    mirrored = [np.array_equal(np.asarray(flip(image, rng)), mirror) for _ in range(400)]
    assert 160 < sum(mirrored) < 240


def test_techniques_are_built_by_name_with_their_settings():
    assert build(Technique(name="ema", decay=0.5)) == Ema(decay=0.5)
    assert build(Technique(name="clip", norm=2)) == Clip(norm=2.0)
    check(Recipe())


@pytest.mark.parametrize(
    ("technique", "message"),
    [
        (Technique(name="emma"), "no technique 'emma'(?s:.*)techniques.ema"),
        (Technique(name="focal"), "no technique 'focal'(?s:.*)--set loss.name=focal"),
        (Technique(name="lora"), "no technique 'lora'(?s:.*)--set layers.adapter=lora"),
        (Technique(name="ema", decya=1), r"Ema has no field 'decya'; did you mean 'decay'\?"),
        (Technique(name="clip", norm=0), r"Clip\.norm: input should be greater than 0"),
        (Technique(name="ema", decay=1.5), r"Ema\.decay"),
        (Technique(name="ema", decay=-0.1), r"Ema\.decay"),
        (Technique(name="ema", every=0), r"Ema\.every"),
    ],
)
def test_techniques_that_make_no_sense_are_refused(technique, message):
    with pytest.raises(RecipeError, match=message):
        build(technique)


def test_an_average_without_a_decay_says_how_to_give_one():
    network = nn.Linear(2, 2)
    with pytest.raises(InputError, match="settle"):
        Ema().update(network, Ema().init(network), step=1, total=10)
