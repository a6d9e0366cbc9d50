"""Augmentation of images: what the policies are, and that their generator alone decides."""

import random

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from upfit.data.examples import ImageExamples
from upfit.data.loader import Loader
from upfit.data.read import read
from upfit.errors import InputError, RecipeError
from upfit.techniques.crop_flip import CropFlip
from upfit.techniques.image_policies import (
    AUTOMATIC,
    IMAGE_POLICIES,
    ImagePolicy,
    image_augmentation,
    image_transforms,
    vary_image,
)
from upfit.techniques.image_transforms import IMAGE_TRANSFORMS
from upfit.testing import digits_folder
from upfit.values import Augment, Change, Recipe, Transform

FLOWER = Image.fromarray(load_sample_images().images[1][100:340, 200:520])
NAMES = [name for name in IMAGE_POLICIES if name != "none"]
SIDE = 32


def moderate(name):
    """A transform at half of its greatest strength."""
    return Transform(name=name, strength=IMAGE_TRANSFORMS[name].greatest / 2)


def varied(transforms, image=FLOWER, seed=0):
    return np.asarray(vary_image(image, np.random.default_rng(seed), tuple(transforms), side=SIDE))


def test_light_is_the_crop_turn_and_flip_that_the_defaults_were_measured_with():
    assert image_augmentation(Augment(policy="light", flip=True), side=SIDE) == CropFlip(flip=True)
    assert image_augmentation(Augment(policy="light", flip=False), side=SIDE) == CropFlip(flip=False)
    assert image_augmentation(Augment(policy="light"), side=SIDE) == CropFlip(flip=False)


def test_none_is_nothing_and_so_is_every_strength_zero():
    assert image_augmentation(Augment(policy="none"), side=SIDE) is None
    nothing = tuple(Transform(name=name, strength=0) for name in IMAGE_TRANSFORMS)
    assert image_augmentation(Augment(policy=nothing), side=SIDE) is None
    assert np.array_equal(varied(nothing), np.asarray(FLOWER))


@pytest.mark.parametrize("name", NAMES)
def test_fields_replace_what_a_policy_does_of_their_kind(name):
    still = Augment(policy=name, flip=False, scale=1, degrees=0, colour=0, erase=0)
    left = {one.name for one in image_transforms(still)}
    assert left <= {"shear", "grey", "blur", *AUTOMATIC}
    assert all(
        set(one.without) == {"turn", "colour"} for one in image_transforms(still) if one.name in AUTOMATIC
    )
    changed = image_transforms(Augment(policy=name, flip=True, scale=0.4, degrees=33, colour=0.7, erase=0.6))
    strengths = {one.name: one.strength for one in changed}
    assert strengths["crop"] == pytest.approx(0.6)
    assert (strengths["turn"], strengths["flip"], strengths["colour"], strengths["erase"]) == (
        33,
        0.5,
        0.7,
        0.6,
    )
    assert changed[0].name == "crop"
    assert changed[-1].name == "erase"


def test_a_field_that_is_set_changes_nothing_else():
    before = {one.name: one for one in image_transforms(Augment(policy="strong", flip=True))}
    after = {one.name: one for one in image_transforms(Augment(policy="strong", flip=True, degrees=0))}
    assert before.keys() - after.keys() == {"turn"}
    assert all(before[name] == after[name] for name in after)


@pytest.mark.parametrize("name", AUTOMATIC)
def test_an_automatic_policy_without_colours_leaves_a_plain_image_as_it_is(name):
    plain = Image.new("RGB", (SIDE, SIDE), (90, 140, 30))
    policy = Transform(name=name, strength=IMAGE_TRANSFORMS[name].greatest)
    without = policy.replace(without=("colour",))

    def change(transform, seed):
        return np.median(np.abs(varied([transform], plain, seed).astype(int) - np.asarray(plain)))

    assert max(change(without, seed) for seed in range(25)) <= 1
    assert max(change(policy, seed) for seed in range(25)) > 10


@pytest.mark.parametrize("name", AUTOMATIC)
def test_an_automatic_policy_without_turns_never_turns(name, monkeypatch):
    from torchvision.transforms.v2 import functional

    turned = []
    rotate = functional.rotate
    monkeypatch.setattr(functional, "rotate", lambda *args, **kw: turned.append(1) or rotate(*args, **kw))
    policy = Transform(name=name, strength=IMAGE_TRANSFORMS[name].greatest)
    for seed in range(40):
        varied([policy.replace(without=("turn",))], seed=seed)
    assert not turned
    for seed in range(40):
        varied([policy], seed=seed)
    assert turned


@pytest.mark.parametrize("name", IMAGE_TRANSFORMS)
def test_the_generator_alone_decides_and_nothing_is_left_behind(name):
    torch.manual_seed(5)
    random.seed(5)
    np.random.seed(5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()
    many = [varied([moderate(name)], seed=k) for k in range(8)]
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()
    assert np.array_equal(before[2], np.random.get_state()[1])
    torch.manual_seed(6)
    again = [varied([moderate(name)], seed=k) for k in range(8)]
    assert all(np.array_equal(one, other) for one, other in zip(many, again, strict=True))
    assert any(not np.array_equal(one, many[0]) for one in many[1:])


@pytest.mark.parametrize("name", IMAGE_TRANSFORMS)
@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (2, 3), (33, 31)])
def test_odd_images_keep_their_form(name, size):
    rng = np.random.default_rng(1)
    image = Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    for side in (1, 16):
        strongest = Transform(name=name, strength=IMAGE_TRANSFORMS[name].greatest)
        result = vary_image(image, rng, (strongest,), side=side)
        assert result.mode == "RGB"
        assert min(result.size) >= 1


@pytest.mark.parametrize("name", NAMES)
def test_grey_images_stay_images(name, tmp_path):
    Image.new("L", (9, 40), 200).save(tmp_path / "grey.png")
    image = Image.open(tmp_path / "grey.png").convert("RGB")
    policy = ImagePolicy(transforms=IMAGE_POLICIES[name], side=SIDE)
    for seed in range(5):
        assert policy(image, np.random.default_rng(seed)).size == (SIDE, SIDE)


def test_what_stands_still_stands_still_where_the_border_is_one_colour():
    """Shifts and shears of a plain image leave it plain: the border's colour comes in."""
    plain = Image.new("RGB", (SIDE, SIDE), (12, 200, 77))
    for name in ("shift", "shear", "turn", "crop", "blur"):
        assert (varied([moderate(name)], plain) == (12, 200, 77)).all(), name


def loaded(policy, folder, workers):
    data = read(folder)
    examples = ImageExamples(
        data, np.arange(len(data)), size=SIDE, mean=(0.5,) * 3, std=(0.5,) * 3, augment=policy
    )
    loader = Loader(examples, np.arange(len(data)), size=4, seed=3, workers=workers)
    return [batch["image"] for batch in loader.epoch(1)]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize("name", ["strong", "rand", "aug_mix"])
def test_batches_are_the_same_for_any_number_of_workers(name, tmp_path):
    folder = digits_folder(tmp_path / "digits", per_class=2)
    policy = image_augmentation(Augment(policy=name, flip=True), side=SIDE)
    alone, helped = loaded(policy, folder, 0), loaded(policy, folder, 2)
    assert all(torch.equal(one, other) for one, other in zip(alone, helped, strict=True))
    assert alone[0].shape == (4, 3, SIDE, SIDE)
    assert alone[0].dtype == torch.float32


def test_a_policy_of_ones_own_survives_yaml():
    changes = Change(path="augment.policy", to=[["crop", 0.2], {"turn": 5}, {"name": "rand", "strength": 4}])
    recipe = Recipe().apply(changes)
    assert recipe.augment.policy == (
        Transform(name="crop", strength=0.2),
        Transform(name="turn", strength=5),
        Transform(name="rand", strength=4),
    )
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assert hash(Recipe.from_yaml(recipe.to_yaml())) == hash(recipe)
    assert [one.name for one in image_transforms(recipe.augment)] == ["crop", "turn", "rand"]
    without = Augment(policy=(Transform(name="rand", strength=4, without=("turn",)),))
    assert Augment(**without.model_dump(mode="json")) == without


def test_a_list_says_itself_whether_it_flips():
    listed = Augment(policy=(Transform(name="flip", strength=0.3),))
    assert not listed.asks_for_flip
    assert image_transforms(listed) == listed.policy
    assert Augment().asks_for_flip
    assert not Augment(policy="none").asks_for_flip


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"turns": 5}, "no transform 'turns'(?s:.*)did you mean turn"),
        ({"turn": 200}, "turn is too strong(?s:.*)degrees, 0 to 180(?s:.*)200"),
        ({"name": "turn", "strength": 2, "without": ["colour"]}, "turn can do nothing `without` colour"),
        ({"name": "rand", "strength": 2, "without": ["crop"]}, "rand can do nothing `without` crop"),
    ],
)
def test_policies_that_make_no_sense_are_refused(transform, message):
    with pytest.raises(RecipeError, match=message):
        image_transforms(Augment(policy=(Transform.model_validate(transform),)))


@pytest.mark.parametrize(
    "field", [{"scale": 0}, {"degrees": 181}, {"colour": 1.5}, {"erase": -0.1}, {"policy": "lite"}]
)
def test_fields_out_of_range_are_refused(field):
    with pytest.raises(RecipeError, match=f"Augment.{next(iter(field))}"):
        Augment(**field)


def test_an_image_of_another_mode_is_named():
    policy = ImagePolicy(transforms=IMAGE_POLICIES["strong"], side=32)
    with pytest.raises(InputError, match="RGB"):
        policy(Image.new("L", (40, 30)), np.random.default_rng(0))


@pytest.mark.parametrize("transforms", [(), (Transform(name="crop", strength=0.5),)])
def test_a_policy_that_does_little_gives_a_square_all_the_same(transforms):
    policy = ImagePolicy(transforms=transforms, side=SIDE)
    assert policy(Image.new("RGB", (50, 30)), np.random.default_rng(0)).size == (SIDE, SIDE)
