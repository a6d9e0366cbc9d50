"""Augmentation policies for images: named lists of transforms, and how a recipe's fields change them."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from upfit.data.decoding import working_side
from upfit.errors import InputError, RecipeError
from upfit.techniques.auto_policies import OPERATIONS
from upfit.techniques.card import Card
from upfit.techniques.crop_flip import CropFlip
from upfit.techniques.image_transforms import IMAGE_TRANSFORMS
from upfit.techniques.known_transform import known_transform
from upfit.values import Augment, Transform, Value

AUTOMATIC = ("trivial", "rand", "aug_mix")
"""Transforms that choose among operations by themselves."""


def _listed(**strengths: float) -> tuple[Transform, ...]:
    return tuple(Transform(name=name, strength=strength) for name, strength in strengths.items())


IMAGE_POLICIES: dict[str, tuple[Transform, ...]] = {
    "none": (),
    "light": _listed(crop=0.3, turn=10, flip=0.5),
    "medium": _listed(crop=0.5, turn=15, flip=0.5, colour=0.2, erase=0.1),
    "strong": _listed(crop=0.75, turn=25, flip=0.5, shear=8, colour=0.4, grey=0.1, blur=1.0, erase=0.3),
    "trivial": _listed(crop=0.3, flip=0.5, trivial=1.0),
    "rand": _listed(crop=0.3, flip=0.5, rand=9),
    "aug_mix": _listed(crop=0.3, flip=0.5, aug_mix=3),
}
"""What each policy does, in order. `flip` is left out wherever mirroring would change the label."""


def vary_image(
    image: Image.Image, rng: np.random.Generator, transforms: tuple[Transform, ...], *, side: int
) -> Image.Image:
    """The image after all transforms, one behind the other.

    Crops see all the pixels there are; what comes after the first crops works on a square of `side`, so that
    its strength does not depend on the resolution of the file, and costs no more than it must. After nothing,
    or crops alone, it has the size that these leave.
    """
    for transform in transforms:
        if transform.strength == 0:
            continue
        if transform.name != "crop":
            image = _squared(image, side)
        kept = {"without": transform.without} if transform.without else {}
        image = IMAGE_TRANSFORMS[transform.name].apply(image, rng, transform.strength, **kept)
    return image


def _squared(image: Image.Image, side: int) -> Image.Image:
    square = (side, side)
    if image.size == square:
        return image
    return image.resize(square, Image.Resampling.BICUBIC, reducing_gap=2.0)


class ImagePolicy(Value):
    """A list of transforms with the side of the square that the backbone reads, in pixels.

    Example:
        >>> policy = ImagePolicy(transforms=IMAGE_POLICIES["strong"], side=32)
        >>> policy(Image.new("RGB", (40, 30)), np.random.default_rng(0)).size
        (32, 32)
    """

    transforms: tuple[Transform, ...]
    side: int

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """One varied image.

        Raises:
            InputError: An image that is not in RGB.
        """
        if image.mode != "RGB":
            hint = 'image.convert("RGB")'
            raise InputError("this image cannot be varied", expected="RGB", got=image.mode, hint=hint)
        return _squared(vary_image(image, rng, self.transforms, side=self.side), self.side)


def image_transforms(augment: Augment) -> tuple[Transform, ...]:
    """The transforms that a settled recipe asks for: its policy, with the fields it states put in place.

    Example:
        >>> image_transforms(Augment(policy="light", flip=False, degrees=0))
        (Transform(name='crop', strength=0.3, without=()),)

    Raises:
        RecipeError: A transform that does not exist, or is too strong.
    """
    assert augment.policy != "auto", "the recipe has to be settled first"
    named = isinstance(augment.policy, str)
    transforms = IMAGE_POLICIES[augment.policy] if isinstance(augment.policy, str) else augment.policy
    for transform in transforms:
        check_transform(transform)
    for name, strength in _stated(augment, named=named).items():
        transforms = _replaced(transforms, name, strength)
    return tuple(one for one in transforms if one.strength > 0)


def image_augmentation(augment: Augment, *, side: int) -> CropFlip | ImagePolicy | None:
    """What varies a training image, or None; crops, turns and flips alone take the fastest way."""
    transforms = image_transforms(augment)
    strengths = {one.name: one.strength for one in transforms}
    if not transforms:
        return None
    quick = [name for name in ("crop", "turn", "flip") if name in strengths]
    if quick == [one.name for one in transforms] and strengths.get("flip", 0.5) == 0.5:
        return CropFlip(
            scale=1 - strengths.get("crop", 0.0),
            degrees=strengths.get("turn", 0.0),
            flip="flip" in strengths,
        )
    return ImagePolicy(transforms=transforms, side=side)


def source_side(augment: Augment, *, size: int) -> int:
    """The shorter side that images need, in pixels, so that no crop of the policy has to be enlarged.

    Example:
        >>> source_side(Augment(policy="none"), size=100), source_side(Augment(scale=0.7), size=100)
        (100, 120)
    """
    # A measured policy may crop as much as the medium one.
    settled = augment.until_settled("medium" if augment.policy == "measured" else "light")
    crops = (one.strength for one in image_transforms(settled) if one.name == "crop")
    return working_side(size, least_share=math.prod(1 - crop for crop in crops))


def check_transform(transform: Transform) -> None:
    """Raise `RecipeError` unless images can be varied so."""
    known = known_transform(transform, IMAGE_TRANSFORMS, of="images")
    if transform.strength > known.greatest:
        raise RecipeError(
            f"augment.policy: {transform.name} is too strong",
            expected=f"{known.unit}, 0 to {known.greatest:g}",
            got=f"{transform.strength:g}",
        )
    wrong = [kind for kind in transform.without if kind not in OPERATIONS]
    if wrong or (transform.without and transform.name not in AUTOMATIC):
        raise RecipeError(
            f"augment.policy: {transform.name} can do nothing `without` {', '.join(transform.without)}",
            expected=f"one of {', '.join(OPERATIONS)}, for one of {', '.join(AUTOMATIC)}",
        )


def _stated(augment: Augment, *, named: bool) -> dict[str, float]:
    """Strengths by name of what the recipe's fields state."""
    stated: dict[str, float] = {}
    if augment.scale != "auto":
        stated["crop"] = 1 - augment.scale
    if augment.degrees != "auto":
        stated["turn"] = augment.degrees
    # A list of transforms holds its own flip; a name means flips wherever labels survive them.
    if named or augment.flip != "auto":
        stated["flip"] = 0.5 if augment.flip is True else 0.0
    if augment.colour != "auto":
        stated["colour"] = augment.colour
    if augment.erase != "auto":
        stated["erase"] = augment.erase
    return stated


def _replaced(transforms: tuple[Transform, ...], name: str, strength: float) -> tuple[Transform, ...]:
    """Transforms with everything of one kind replaced by one of the strength given, where the first stood."""
    without = [
        one.replace(without=tuple(sorted({*one.without, name})))
        if one.name in AUTOMATIC and name in OPERATIONS
        else one
        for one in transforms
    ]
    places = [place for place, one in enumerate(without) if one.name == name]
    others = [one for one in without if one.name != name]
    new = Transform(name=name, strength=strength)
    return (*others[: _place(name, places, others)], new, *others[_place(name, places, others) :])


def _place(name: str, places: list[int], others: list[Transform]) -> int:
    """Where it stood; else where it comes in the table, erasing last."""
    if places:
        return places[0]
    order = [*IMAGE_TRANSFORMS]
    return sum(order.index(one.name) < order.index(name) for one in others)


CARD = Card(
    name="augment_images",
    switch="augment.policy=medium",
    row="D4",
    what=(
        "Varies every training image anew in each epoch. Policies: none; light (crops, slight turns); "
        "medium (and colours, erasing); strong (and shearing, grey, blur). Fields beside the policy "
        "(scale, degrees, flip, colour, erase) replace what it does of their kind; a list of transforms "
        "and strengths is a policy too."
    ),
    when="Photographs, few images, many epochs. Light is the default; the others need longer runs.",
    when_not=(
        "What varies must not tell the label: no flips and large turns of letters, no colours where the "
        "colour is the class. Short runs underfit with strong policies."
    ),
    combine="With mixup and cutmix, choose a policy one step lighter.",
    source="Szegedy et al. 2015 (crops); Zhong et al. 2020 (erasing); torchvision",
)
