"""The policy as a whole: kept where it gains beyond noise, else weakened, dropped where even that loses."""

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


def test_real_heads_decide(ground):
    found = whole_policy(ground, (_kept(1),))
    ((policy, gain),) = found.tried
    assert policy == (Transform(name="turn", strength=1),)
    assert abs(gain.value) < 0.1, "a turn of one degree changes little"
    assert found.policy == (policy if gain.value >= 0 else ())


@pytest.mark.parametrize(
    ("gains", "policy", "word"),
    [
        ((0.11,), STRONG, ""),
        ((0.05, 0.01), WEAK, "weaker"),
        ((-0.3, 0.01), WEAK, "weaker"),
        ((0.05, -0.01), (), "none"),
    ],
    ids=["gains", "within noise", "gains when weak", "loses"],
)
def test_a_gain_within_noise_weakens_the_policy_and_a_loss_drops_it(ground, monkeypatch, gains, policy, word):
    answers = iter(gains)

    def gain(*args, **options):
        value = next(answers)
        return Estimate(value=value, low=value - 0.1, high=value + 0.1)

    monkeypatch.setattr(module, "paired_training", gain)
    found = whole_policy(ground, (_kept(5), _kept(20)))
    assert found.policy == policy
    assert found.sentence.endswith(word)
