"""The policy as a whole: kept where it gains beyond noise and validation agrees, else weakened or dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import load_digits

from upfit.testing.small import SHORT, small_backbone, small_bench
from upfit.train.features import cached_features
from upfit.train.label_keeping import Effect
from upfit.train.objective import Objective
from upfit.train.policy_probe import Ground, Held, Paired, Trial, sampled
from upfit.train.whole_policy import Whole, whole_policy
from upfit.values import Estimate, Transform

STRONG, WEAK = (Transform(name="turn", strength=20),), (Transform(name="turn", strength=5),)


def _kept(strength):
    same = Estimate(value=1.0, low=1.0, high=1.0)
    effect = Effect(
        Transform(name="turn", strength=strength), same, None, Estimate(value=0, low=0, high=0), 0.3
    )
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
    (one,) = found.tried
    assert one.policy == (Transform(name="turn", strength=1),)
    assert abs(one.gain.value) < 0.1, "a turn of one degree changes little"
    assert found.policy == (one.policy if one.pays else ())


@pytest.mark.parametrize(
    ("gains", "policy", "word"),
    [
        ((0.11,), STRONG, ""),
        ((0.05, 0.11), WEAK, "weaker"),
        ((-0.3, 0.11), WEAK, "weaker"),
        ((0.05, 0.05), (), "none"),
    ],
    ids=["gains", "within noise", "gains when weak", "never beyond noise"],
)
def test_only_a_gain_beyond_noise_pays(ground, monkeypatch, gains, policy, word):
    answers = iter(gains)
    monkeypatch.setattr(Paired, "out_of_fold", lambda self: _around(next(answers)))
    found = whole_policy(ground, (_kept(5), _kept(20)))
    assert found.policy == policy
    assert found.sentence.endswith(word)


@pytest.mark.parametrize(("held", "policy"), [(0.0, STRONG), (-0.01, ())])
def test_validation_may_gainsay_a_gain(ground, monkeypatch, held, policy):
    monkeypatch.setattr(Paired, "out_of_fold", lambda self: _around(0.2))
    monkeypatch.setattr(Paired, "on", lambda self, rows: _around(held))
    found = whole_policy(replace(ground, held=_held(ground)), (_kept(5), _kept(20)))
    assert found.policy == policy
    assert ("not on validation" in found.sentence) == (not policy)


def test_heads_are_judged_on_validation_rows(ground):
    sample, held = ground.sample, _held(ground)
    same = Paired.of(sample, sample.features_ND[sample.varied], ground.objective, outputs=ground.outputs)
    assert same.on(held).value == pytest.approx(0, abs=1e-2), "each example twice, at half the weight"


def test_nonsense_harms_digits():
    x, y = load_digits(return_X_y=True)
    x = x.astype(np.float32)
    objective = Objective.of("multiclass", y[:400], tuple("0123456789"))
    nonsense = np.random.default_rng(0).permutation(x[:400])
    paired = Paired(x[:400], nonsense, y[:400], objective, 10)
    assert paired.out_of_fold().high < 0
    assert paired.on(Held(x[400:600], y[400:600])).high < 0


def _held(ground):
    rows = ground.bench.split.validation
    features_ND, _ = cached_features(ground.bench, ground.backbone, rows)
    return Held(np.asarray(features_ND), ground.bench.validation_targets)


def _around(value):
    return Estimate(value=value, low=value - 0.1, high=value + 0.1)
