"""`kill -9` at random instants of a short real run: it resumes and ends with the very same weights."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def tasks(digits, sentences, small_text_model):
    """A short run on images and one on text, with everything random switched on."""
    common = {"batching.size": 8, "stopping.evaluations": 4, "precision": "fp32"}
    image = {
        "inputs.image_size": 32,
        "stopping.steps": 10,
        "layers.batch_norm": "updated",
        "augment.flip": True,
    }
    text = {"inputs.max_length": 16, "stopping.steps": 40, "layers.dropout": 0.2, "head.dropout": 0.1}
    return {
        "image": {"data": str(digits), "model": "auto", "changes": common | image, "every": 0.2},
        "text": {"data": str(sentences("multiclass")), "model": small_text_model,
                 "changes": common | text, "every": 0.1},
    }  # fmt: skip


@pytest.mark.parametrize("modality", ["image", "text"])
def test_three_kills(server, tasks, tmp_path, modality):
    server.survive(tasks[modality], tmp_path, kills=3, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("modality", ["image", "text"])
def test_fifteen_kills(server, tasks, tmp_path, modality):
    server.survive(tasks[modality], tmp_path, kills=15, seed=2)
