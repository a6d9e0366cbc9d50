"""Copies of a picture are told from pictures of like things, by what is fine in them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from upfit.audit.near_duplicates import LEAST_LIKENESS
from upfit.audit.same_picture import likeness


@pytest.fixture(scope="module")
def pieces():
    """Pieces of a photograph of a temple that share nothing, 96 pixels each side, without the sky."""
    photo = load_sample_images().images[0]
    cuts = [(96 * row, 96 * column) for row in range(4) for column in range(6)]
    every = [Image.fromarray(photo[top : top + 96, left : left + 96]) for top, left in cuts]
    return [one for one in every if np.asarray(one.convert("L"), float).std() > 25]


def compared(left, right):
    """Likeness of images, pair by pair."""
    grey = [
        np.asarray(one.convert("L").resize((64, 64), Image.Resampling.BICUBIC)) for one in [*left, *right]
    ]
    places = np.arange(len(left))
    return likeness(np.stack(grey), np.stack([places, places + len(left)], axis=1))


def recompressed(image):
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=45)
    return Image.open(kept)


def test_crops_recompressions_and_other_light_are_copies(pieces):
    crops = [image.crop((4, 1, 93, 94)) for image in pieces]
    lighter = [image.point(lambda value: value * 0.7 + 40) for image in pieces]
    assert (compared(pieces, crops) > LEAST_LIKENESS).mean() >= 0.85
    assert (compared(pieces, [recompressed(image) for image in pieces]) > LEAST_LIKENESS).all()
    assert (compared(pieces, lighter) > 0.95).all()


def test_alike_in_everything_coarse_is_no_copy(pieces):
    """Pictures of one brightness all over, but with the details of different pieces."""

    def coarse(image, side):
        small = image.convert("L").resize((side, side), Image.Resampling.BOX)
        return np.asarray(small.resize((96, 96), Image.Resampling.BICUBIC), float)

    def with_detail(image, other):
        detail = np.asarray(other.convert("L"), float) - coarse(other, 12)
        return Image.fromarray((coarse(image, 12) + detail).clip(0, 255).astype(np.uint8))

    one = [with_detail(image, pieces[place - 1]) for place, image in enumerate(pieces)]
    two = [with_detail(image, pieces[place - 2]) for place, image in enumerate(pieces)]
    alike = [
        np.corrcoef(coarse(a, 6).ravel(), coarse(b, 6).ravel())[0, 1] for a, b in zip(one, two, strict=True)
    ]
    assert np.median(alike) > 0.95
    assert (compared(one, two) < LEAST_LIKENESS).all()


def test_nothing_to_compare():
    assert likeness(np.zeros((3, 64, 64), np.uint8), np.empty((0, 2), np.int64)).shape == (0,)
    blank = likeness(np.full((2, 64, 64), 90, np.uint8), np.array([[0, 1]]))
    assert np.isfinite(blank).all()
