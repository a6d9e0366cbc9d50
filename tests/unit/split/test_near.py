"""Nearly equal texts never straddle a new split; a given one that leaks is mended on request."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from upfit.data.read import read
from upfit.split.make import make_split
from upfit.split.near import near_groups
from upfit.testing import docstring_sentences


@pytest.fixture(scope="module")
def twins():
    """Long sentences, the first 30 of them a second time with a word more."""
    frame = docstring_sentences(task="binary", per_class=150)
    long = frame[frame["text"].str.len() > 70].reset_index(drop=True)
    copies = long[:30].assign(text=long["text"][:30] + " Indeed.")
    return pd.concat([long, copies], ignore_index=True), len(long)


def test_twins_stay_together(twins):
    frame, count = twins
    data = read(frame)
    for seed in range(3):
        split = make_split(data, seed=seed, ratio="6:2:2")
        part = {
            row: name for name in ("train", "validation", "test") for row in getattr(split, name).tolist()
        }
        assert all(part[k] == part[count + k] for k in range(30))


def test_a_template_of_many_rows_is_not_bound():
    frame = docstring_sentences(task="binary", per_class=100)
    numbered = "please send the long report about item number " + frame.index.astype(str).str.zfill(3)
    data = read(frame.assign(text=frame["text"].where(frame.index >= 60, numbered)))
    groups = near_groups(data, np.arange(200))
    assert groups is None or np.bincount(groups[:60]).max() <= 10


def test_leaks_of_a_given_split_are_mended_on_request(twins):
    frame, count = twins
    data = read(parts={"train": frame[:count], "test": frame[count:]})
    assert len(make_split(data).test) == 30
    mended = make_split(data, repair=True)
    assert len(mended.test) == 30
    assert not set(range(30)) & set(mended.train.tolist())
    assert "leaking rows left out" in mended.how


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Patches of two real photographs, the first 12 of them again as a weak JPEG or slightly cropped."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    folder = tmp_path_factory.mktemp("patches")
    patches = []
    for label, image in enumerate(load_sample_images().images):
        for top in range(0, 400, 80):
            for left in range(0, 600, 80):
                patch = image[top : top + 80, left : left + 80]
                # Sky beside sky is nearly the same, truly.
                if patch.std() > 40:
                    patches.append((label, Image.fromarray(patch)))
    for number, (label, patch) in enumerate(patches):
        (folder / str(label)).mkdir(exist_ok=True)
        patch.save(folder / str(label) / f"{number:03}.png")
        if number < 12:
            copy = patch.crop((2, 1, 79, 78)) if number % 2 else patch
            copy.save(folder / str(label) / f"copy{number:03}.jpg", quality=50)
    return folder


def test_copies_of_images_stay_together(photographs):
    data = read(photographs)
    names = [row["image"]["path"].rsplit("/", 1)[1] for row in data.table]
    groups = near_groups(data, np.arange(len(data)))
    assert groups is not None
    pairs = [(names.index(f"{k:03}.png"), names.index(f"copy{k:03}.jpg")) for k in range(12)]
    together = [groups[one] == groups[other] for one, other in pairs]
    assert np.mean(together) >= 0.8
    split = make_split(data, ratio="6:2:2")
    part = {row: name for name in ("train", "validation", "test") for row in getattr(split, name).tolist()}
    assert all(part[one] == part[other] for (one, other), kept in zip(pairs, together, strict=True) if kept)
    assert np.bincount(groups).max() <= 10
