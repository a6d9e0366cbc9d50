"""The feature cache: hits, damage, bounds, and that it never ends a run."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from torch import nn

from upfit.store import FeatureCache
from upfit.store.feature_cache import cache_home, content_key, weights_digest

FEATURES = np.arange(6, dtype=np.float32).reshape(2, 3)


def never():
    raise AssertionError("this was cached and must not be computed again")


def test_features_are_computed_once(tmp_path):
    cache = FeatureCache(tmp_path)
    first, hit = cache.get("key", lambda: FEATURES)
    again, hit_again = FeatureCache(tmp_path).get("key", never)
    assert (hit, hit_again) == (False, True)
    assert np.array_equal(first, FEATURES)
    assert np.array_equal(again, FEATURES)


def test_other_keys_are_other_features(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.get("key", lambda: FEATURES)
    other, hit = cache.get("other", lambda: FEATURES + 1)
    assert not hit
    assert np.array_equal(other, FEATURES + 1)


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\x93NUMPY\x01\x00", "cut", "pickled"])
def test_a_damaged_file_is_computed_again(tmp_path, damage):
    cache = FeatureCache(tmp_path)
    cache.get("key", lambda: FEATURES)
    path = tmp_path / "key.npy"
    if damage == "pickled":
        np.save(path, np.array([{"not": "numbers"}], dtype=object), allow_pickle=True)
    else:
        path.write_bytes(path.read_bytes()[:-4] if damage == "cut" else damage)
    again, hit = cache.get("key", lambda: FEATURES)
    assert not hit
    assert np.array_equal(again, FEATURES)
    assert cache.get("key", never)[1]


def test_the_oldest_are_dropped_beyond_the_limit(tmp_path):
    size = len(np.lib.format.MAGIC_PREFIX) and 128 + FEATURES.nbytes
    cache = FeatureCache(tmp_path, limit_bytes=2 * size)
    for age, key in enumerate("abc"):
        cache.get(key, lambda: FEATURES)
        os.utime(tmp_path / f"{key}.npy", (age, age))
    cache.get("d", lambda: FEATURES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.npy", "d.npy"]


def test_a_cache_that_cannot_be_written_to_costs_only_time(tmp_path):
    (tmp_path / "file").write_text("in the way")
    features, hit = FeatureCache(tmp_path / "file" / "cache").get("key", lambda: FEATURES)
    assert not hit
    assert np.array_equal(features, FEATURES)


def test_the_environment_says_where_caches_lie(tmp_path, monkeypatch):
    monkeypatch.setenv("UPFIT_CACHE", str(tmp_path))
    assert FeatureCache().folder == tmp_path / "features"
    monkeypatch.delenv("UPFIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_home() == tmp_path / "xdg" / "upfit"


def test_a_key_depends_on_order_and_borders():
    keys = {content_key("ab", "c"), content_key("a", "bc"), content_key("c", "ab"), content_key("abc")}
    assert len(keys) == 4
    assert content_key("ab", b"c") == content_key("ab", "c")


def test_the_digest_of_weights_sees_every_tensor_and_buffer():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = weights_digest(network)
    assert weights_digest(network) == before
    network[1].running_mean[1] += 1
    assert weights_digest(network) != before


def test_what_was_not_used_for_longest_goes_first(tmp_path):
    def write(array):
        array[...] = 7

    cache = FeatureCache(tmp_path, limit_bytes=2500)
    for age, key in enumerate(("a", "b")):
        cache.fill(key, (256,), "float32", write)
        os.utime(tmp_path / f"{key}.npy", (1000 + age, 1000 + age))
    cache.fill("a", (256,), "float32", write)
    filled = cache.fill("c", (256,), "float32", write)
    assert sorted(file.stem for file in tmp_path.glob("*.npy")) == ["a", "c"]
    assert isinstance(filled, np.memmap)
    assert (filled == 7).all()


def test_an_array_of_another_shape_is_filled_anew(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.fill("a", (4,), "float32", lambda array: array.fill(1))
    assert (cache.fill("a", (5,), "float32", lambda array: array.fill(2)) == 2).all()
