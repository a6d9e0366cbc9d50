"""Neighbours: exact ones are those of scikit-learn, approximate ones are nearly always the same."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import NearestNeighbors

from upfit.audit.minhash import jaccard, near_pairs, shingles, signatures
from upfit.audit.near_duplicates import groups_of
from upfit.audit.neighbours import nearest
from upfit.testing import docstring_sentences


@pytest.fixture(scope="module")
def unit():
    pixels = load_digits(return_X_y=True)[0].astype(np.float32)
    pixels -= pixels.mean(0)
    return pixels / np.linalg.norm(pixels, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def truth(unit):
    distances, places = NearestNeighbors(metric="cosine").fit(unit).kneighbors(n_neighbors=5)
    return places, 1 - distances


def test_exact_neighbours_are_the_nearest(unit, truth):
    places, cosines = nearest(unit, 5)
    np.testing.assert_allclose(cosines, truth[1], atol=1e-5)
    assert (places == np.arange(len(unit))[:, None]).sum() == 0


def test_approximate_neighbours_are_nearly_always_the_same(unit, truth):
    pytest.importorskip("hnswlib")
    places, cosines = nearest(unit, 5, most_exact=100)
    assert places.shape == (len(unit), 5)
    assert (places == np.arange(len(unit))[:, None]).sum() == 0
    found = np.mean(
        [len(np.intersect1d(one, other)) / 5 for one, other in zip(places, truth[0], strict=True)]
    )
    assert found > 0.98
    assert (np.diff(cosines, axis=1) <= 1e-6).all()
    again, _ = nearest(unit, 5, most_exact=100)
    np.testing.assert_array_equal(places, again)


def test_signatures_agree_as_often_as_texts_share_shingles():
    """The share of equal hashes estimates the Jaccard similarity, without bias (Broder 1997)."""
    texts = docstring_sentences(task="binary", per_class=60)["text"].tolist()
    edited = [text[: len(text) // 2] + " and now something else" for text in texts]
    flags = shingles([*texts, *edited])
    pairs = np.stack([np.arange(len(texts)), len(texts) + np.arange(len(texts))], axis=1)
    true = jaccard(flags, pairs)
    signed = signatures(flags)
    estimated = (signed[pairs[:, 0]] == signed[pairs[:, 1]]).mean(1)
    assert np.abs(estimated - true).max() < 0.25
    assert abs(float((estimated - true).mean())) < 0.02


def test_near_groups_are_those_of_comparing_all():
    texts = [text for text in docstring_sentences(task="binary", per_class=80)["text"] if len(text) > 40]
    texts += [text + " Indeed." for text in texts[:25]]
    found = near_pairs(texts, least=0.7)[0]
    everyone = np.stack(np.triu_indices(len(texts), 1), axis=1)
    true = everyone[jaccard(shingles(texts), everyone) >= 0.7]
    # Of three that are alike, two pairs tell as much as three.
    same = [groups_of(pairs, len(texts)) for pairs in (found, true)]
    assert len(np.unique(np.stack(same), axis=1).T) == len(np.unique(same[0])) == len(np.unique(same[1]))
    assert {(k, len(texts) - 25 + k) for k in range(25)} <= {tuple(pair) for pair in true.tolist()}
