"""Whose rate is to blame, what is changed then, and that symptoms do not undo it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from upfit.diagnose import diagnose
from upfit.diagnose.group_rates import GroupRates
from upfit.diagnose.seen import Seen
from upfit.testing.traces import falling, made_trace
from upfit.values.trace import Health


def run_with(body, head, *, body_step, head_step):
    """Forty steps up and down again, the score at chance; looks early, and late after the decay."""
    looks = [
        Health(
            step,
            gradient_norms={"low": 1.0, "top": 1.0, "head": 1.0},
            update_ratios={"low": share * body_step, "top": share * body_step, "head": share * head_step},
            rates={"low": share * body / 2, "top": share * body, "head": share * head},
        )
        for step, share in ((1, 0.5), (2, 1.0), (8, 1.0), (30, 0.01), (40, 0.0001))
    ]
    facts = {"reference.score": 0.8, "validation.examples": 200.0}
    made = made_trace(
        [2.3] * 3 + [9.0] * 17 + falling(9.0, 1.9, 20),
        validation=[(9.0, 0.1)] * 4,
        facts=facts,
        healths=looks,
    )
    return replace(made, steps=tuple(replace(one, lr=head) for one in made.steps))


@pytest.mark.parametrize(
    ("body", "head", "body_step", "head_step", "path", "words"),
    [
        (10.0, 1e-3, 5.0, 0.5, "optimizer.lr", "of the layers below the head (1.0e+01)"),
        (1e-3, 10.0, 1e-3, 5.0, "optimizer.head_lr", "of the head (1.0e+01)"),
        (0.3, 0.3, 0.5, 0.9, "optimizer.lr", "The learning rate (3.0e-01)"),
    ],
)
def test_the_rate_that_is_too_large_is_named_and_changed(body, head, body_step, head_step, path, words):
    found = diagnose(run_with(body, head, body_step=body_step, head_step=head_step)).findings[0]
    assert found.kind == "lr_too_large"
    assert words in found.message
    cure = found.cures[0]
    assert cure.path == path
    # Down to where a step is a hundredth of the weights.
    large, steps = (head, head_step) if path.endswith("head_lr") else (body, body_step)
    assert cure.to == pytest.approx(large * 0.01 / steps, rel=0.05)


def test_a_symptom_of_a_rate_too_large_does_not_ask_for_a_larger_one():
    findings = diagnose(run_with(0.3, 0.3, body_step=0.5, head_step=0.9)).findings
    explained = [one for one in findings if "lr_too_large" in one.causes]
    assert explained
    for one in explained:
        assert not [c for c in one.cures if c.path.endswith("lr") and c.to > 0.3], one.kind


def test_rates_that_only_the_head_has_are_its_own():
    looks = [Health(1, gradient_norms={"head": 1.0}, update_ratios={"head": 0.1}, rates={"head": 1e-3})]
    rates = GroupRates.of(Seen(made_trace([1.0] * 3, healths=looks)))
    assert rates.too_small() == "head"
    assert math.isnan(rates.body)
    assert rates.main == rates.head == 1e-3
