"""Runs on varied examples and growing inputs: stopped and resumed, the very same weights."""

from __future__ import annotations

import pytest

from upfit.errors import Interrupted
from upfit.values import Change


@pytest.fixture
def check_resumes(tmp_path, stop_after, same):
    """`check_resumes(parts, steps=…, stop=…)`: in two parts it ends as in one; the run in one is returned."""

    def check(parts, *, steps, stop):
        whole = parts().tune(tmp_path / "whole", steps, evaluate_every=steps)
        stopper = stop_after(stop)
        with pytest.raises(Interrupted):
            parts().tune(tmp_path / "parted", steps, every=0, asked_to_stop=stopper, evaluate_every=steps)
        resumed = parts().tune(tmp_path / "parted", steps, evaluate_every=steps)
        assert same(resumed.weights, whole.weights)
        return whole

    return check


def test_images_with_a_strong_policy_and_growing_sides(parts, digits, quickly, tmp_path, same, check_resumes):
    changes = quickly(
        stopping__steps=6,
        inputs__image_size=48,
        augment__policy="strong",
        augment__flip=True,
        techniques__progressive_resize={"start": 0.5, "until": 0.9, "stages": 2},
    )
    whole = check_resumes(lambda: parts(digits, "auto", changes), steps=6, stop=3)
    plain = parts(digits, "auto", quickly(stopping__steps=6, inputs__image_size=48)).tune(
        tmp_path / "plain", 6, evaluate_every=6
    )
    assert not same(whole.weights, plain.weights)


def test_texts_with_a_medium_policy_hidden_tokens_and_growing_lengths(
    parts, sentences, small_text_model, quickly, tmp_path, same, check_resumes
):
    changes = quickly(
        stopping__steps=8,
        augment__policy="medium",
        techniques__token_dropout={"rate": 0.2},
        techniques__length_warmup={"start": 6, "full": 16, "until": 0.8},
    )
    source = sentences("multiclass")
    whole = check_resumes(lambda: parts(source, small_text_model, changes), steps=8, stop=4)
    for path in ("augment.policy", "techniques.token_dropout", "techniques.length_warmup"):
        to = "none" if path == "augment.policy" else "off"
        other = parts(source, small_text_model, (*changes, Change(path=path, to=to)))
        folder = tmp_path / path.replace(".", "_")
        assert not same(whole.weights, other.tune(folder, 8, evaluate_every=8).weights), path
