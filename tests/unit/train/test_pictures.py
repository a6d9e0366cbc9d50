"""Images decoded once: the same batches as without, in every way of keeping them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from upfit.data.decoding import Decoder, at_most
from upfit.data.read import read
from upfit.store.image_cache import ImageCache
from upfit.techniques.image_policies import source_side
from upfit.train.keeping import choose_keeping
from upfit.train.pictures import with_pictures
from upfit.values import Augment, Change


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Two dozen pieces of two photographs: JPEG, one of them lying on its side, one grey, one a PNG."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name, pixels in zip(("china", "flower"), load_sample_images().images, strict=True):
        (folder / name).mkdir()
        whole = Image.fromarray(pixels)
        for number in range(12):
            width, height = (int(side) for side in rng.integers(150, 400, 2))
            left, top = int(rng.integers(0, 640 - width)), int(rng.integers(0, 427 - height))
            piece = whole.crop((left, top, left + width, top + height))
            piece = piece.convert("L") if number == 3 else piece
            exif = Image.Exif()
            exif[0x0112] = 6 if number == 4 else 1
            suffix = "png" if number == 5 else "jpg"
            piece.save(folder / name / f"{number}.{suffix}", exif=exif)
    return folder


def batches(bench, backbone):
    """All that is seen: a varied epoch of training and validation as it is."""
    training = bench.training_loader(bench.examples(backbone, bench.split.train, varied=True))
    validation = bench.evaluation_loader(bench.examples(backbone, bench.split.validation))
    return [batch["image"] for batch in (*training.epoch(1), *validation.once())]


def equal(ones, others):
    return all(torch.equal(one, other) for one, other in zip(ones, others, strict=True))


@pytest.mark.parametrize("keeping", ["exact", "compact"])
@pytest.mark.parametrize("policy", ["light", "strong"])
def test_batches_are_equal_with_and_without_kept_images(lay_out, photos, quickly, tmp_path, keeping, policy):
    changes = quickly(augment__flip=True, augment__policy=policy, inputs__cache=keeping)
    bench, backbone = lay_out(photos, "auto", changes)
    cache = ImageCache(tmp_path / "images")
    kept = with_pictures(bench, backbone, cache)
    assert len(kept.pictures) == len(bench.split.train) + len(bench.split.validation)
    assert equal(batches(kept, backbone), batches(bench, backbone))
    again = with_pictures(bench, backbone, cache)
    assert np.array_equal(again.pictures.index, kept.pictures.index)
    assert len(list(cache.folder.glob("*.npy"))) == 1


def test_exact_is_what_is_seen_without_a_cache(lay_out, photos, quickly, tmp_path):
    off, backbone = lay_out(photos, "auto", quickly(inputs__cache="off", augment__flip=False))
    exact = with_pictures(
        off.with_recipe(off.recipe.apply(Change(path="inputs.cache", to="exact"))),
        backbone,
        ImageCache(tmp_path),
    )
    assert equal(batches(exact, backbone), batches(off, backbone))
    assert with_pictures(off, backbone, ImageCache(tmp_path)).pictures is None


def test_compact_images_are_close_to_the_others(lay_out, photos, quickly):
    """Shrunk twice instead of once: a fiftieth of the range of values on average, at a side of 32."""
    off, backbone = lay_out(photos, "auto", quickly(inputs__cache="off"))
    compact = off.with_recipe(off.recipe.apply(Change(path="inputs.cache", to="compact")))
    seen = [
        np.stack([bench.examples(backbone, off.split.train).get(k, None) for k in range(18)]).astype(float)
        for bench in (off, compact)
    ]
    assert np.abs(seen[0] - seen[1]).mean() < 255 / 50
    assert np.abs(seen[0] - seen[1]).max() > 0


def test_images_that_are_small_already_are_not_touched_by_compact():
    small = Image.new("RGB", (30, 90))
    assert at_most(small, 30) is small
    assert at_most(small, 15).size == (15, 45)
    assert at_most(Image.new("RGB", (1, 900)), 1).size == (1, 900)


def test_what_is_kept_follows_from_what_there_is(photos, digits):
    data = read(photos)
    rows = np.arange(len(data))

    def chosen(limit, data=data, rows=rows, **augment):
        return choose_keeping(data, rows, size=32, augment=Augment(**augment), limit=limit)

    def size_of(side):
        decoder = Decoder.of(data, size=32, shrink=side)
        return sum(np.asarray(decoder.decode(int(row))).nbytes for row in rows)

    exact, light = size_of(None), size_of(source_side(Augment(policy="light"), size=32))
    assert chosen(int(1.5 * exact)) == "exact"
    assert chosen(int(1.5 * light)) == "compact"
    # Strong crops keep a quarter of the area, and need twice the side.
    assert chosen(int(1.5 * light), policy="strong") == "off"
    assert chosen(1000) == "off"
    tiny = read(digits)
    assert chosen(2**30, tiny, np.arange(len(tiny))) == "off"
