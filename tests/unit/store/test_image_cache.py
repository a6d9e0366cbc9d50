"""Decoded images on disk: the very same pixels, whole or not at all, and never the end of a run."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from PIL import Image

from upfit.store import image_cache
from upfit.store.image_cache import ImageCache

ROWS = np.array([7, 2, 40])


def picture(row):
    rng = np.random.default_rng(row)
    return Image.fromarray(rng.integers(0, 255, (row + 1, 2 * row + 3, 3), dtype=np.uint8))


def same(one, other):
    return one.mode == other.mode and np.array_equal(np.asarray(one), np.asarray(other))


def test_what_is_read_is_what_was_kept(tmp_path):
    told = []
    assert ImageCache(tmp_path).keep("key", ROWS, picture, advance=lambda *done: told.append(done))
    kept = ImageCache(tmp_path).find("key")
    assert len(kept) == 3
    assert told == [(1, 3), (2, 3), (3, 3)]
    for one in (kept, pickle.loads(pickle.dumps(kept))):
        assert all(same(one.get(row), picture(row)) for row in (40, 2, 7, 2))
        assert all(one.get(row) is None for row in (0, 8, 41))


def test_nothing_is_found_under_another_key_or_before_the_index_is_there(tmp_path):
    cache = ImageCache(tmp_path / "deep" / "below")
    assert cache.find("key") is None
    assert cache.keep("key", ROWS, picture)
    assert cache.find("other") is None
    next(cache.folder.glob("*.npy")).unlink()
    assert cache.find("key") is None


@pytest.mark.parametrize("suffix", ["pixels", "npy"])
def test_damaged_files_count_as_none_and_are_written_anew(tmp_path, suffix):
    cache = ImageCache(tmp_path)
    cache.keep("key", ROWS, picture)
    path = tmp_path / f"key.{suffix}"
    path.write_bytes(path.read_bytes()[:-5])
    assert cache.find("key") is None
    assert cache.keep("key", ROWS, picture)
    assert same(cache.find("key").get(7), picture(7))


def test_what_does_not_fit_is_not_kept_and_leaves_nothing_behind(tmp_path):
    cache = ImageCache(tmp_path, limit_bytes=2000)
    assert not cache.keep("key", ROWS, picture)
    assert cache.find("key") is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_no_reason_to_stop(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert not ImageCache(tmp_path / "file").keep("key", ROWS, picture)


def test_an_image_that_cannot_be_decoded_leaves_nothing_behind(tmp_path):
    def broken(row):
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        ImageCache(tmp_path).keep("key", ROWS, broken)
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_sets_go_and_a_run_that_reads_them_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(image_cache, "LIMIT", 20_000)
    cache = ImageCache(tmp_path, limit_bytes=15_000)
    cache.keep("old", ROWS, picture)
    reading = cache.find("old")
    assert same(reading.get(2), picture(2))
    os.utime(tmp_path / "old.npy", (0, 0))
    cache.keep("new", ROWS, picture)
    assert {path.stem for path in tmp_path.iterdir()} == {"new"}
    assert same(reading.get(40), picture(40))
