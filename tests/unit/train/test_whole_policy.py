"""The policy as a whole: kept where it gains, weakened where it does not, dropped where it does harm."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.testing.small import SHORT, small_backbone, small_bench
from upfit.train import whole_policy as module
from upfit.train.features import cached_features
from upfit.train.label_keeping import Effect
from upfit.train.policy_probe import Ground, Trial, sampled
from upfit.train.whole_policy import Whole, whole_policy
from upfit.values import Estimate, Transform

STRONG, WEAK = (Transform(name="turn", strength=20),), (Transform(name="turn", strength=5),)


def _kept(strength):
    same = Estimate(value=1.0, low=1.0, high=1.0)
    effect = Effect(Transform(name="turn", strength=strength), same, Estimate(value=0, low=0, high=0), 0.3)
    return Trial(effect, None, "keeps", strength)


@pytest.fixture
def ground():
    bench = small_bench(SHORT, modality="image", task="multiclass", steps=1)
    backbone, rows = small_backbone("image").eval(), bench.split.train
    features_ND, _ = cached_features(bench, backbone, rows)
    return Ground(
        bench, backbone, sampled(rows, np.asarray(features_ND), bench.train_targets), bench.objective
    )


def test_nothing_accepted_is_no_policy(ground):
    assert whole_policy(ground, ()) == Whole()


def test_a_policy_that_changes_little_is_kept(ground):
    found = whole_policy(ground, (_kept(1),))
    assert found.policy == (Transform(name="turn", strength=1),)
    ((policy, gain),) = found.tried
    assert policy == found.policy
    assert gain.high >= 0
    assert found.sentence == ""


@pytest.mark.parametrize(
    ("gains", "policy", "word"),
    [
        ((0.01,), STRONG, ""),
        ((-0.01, -0.01), WEAK, "weaker"),
        ((-0.3, 0.01), WEAK, "weaker"),
        ((-0.01, -0.3), (), "none"),
    ],
    ids=["gains", "within noise", "gains when weak", "harmful"],
)
def test_no_gain_weakens_the_policy_and_harm_drops_it(ground, monkeypatch, gains, policy, word):
    answers = iter(gains)

    def gain(*args, **options):
        value = next(answers)
        return Estimate(value=value, low=value - 0.1, high=value + 0.1)

    monkeypatch.setattr(module, "paired_training", gain)
    found = whole_policy(ground, (_kept(5), _kept(20)))
    assert found.policy == policy
    assert found.sentence.endswith(word)
