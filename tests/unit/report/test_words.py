"""Numbers and verdicts in words."""

import dataclasses

import pytest

from upfit.report.verdict import verdict
from upfit.report.words import duration, number, with_interval
from upfit.values import Estimate
from upfit.values.shortened import shortened


@pytest.mark.parametrize(
    ("estimate", "metric", "expected"),
    [
        (Estimate(0.97, 0.95, 1.0), "accuracy", "0.970 (0.950 to 1.000)"),
        (Estimate(52.913, 43.9, 61.92), "rmse", "52.91 (43.90 to 61.92)"),
        (Estimate(123456.7, 120000.0, 130000.0), "mae", "123457 (120000 to 130000)"),
        (Estimate(0.00123, 0.001, 0.002), "mae", "0.001230 (0.001000 to 0.002000)"),
        (Estimate(0.0, 0.0, 0.0), "mae", "0.000 (0.000 to 0.000)"),
        (Estimate(-0.0001, -0.1, 0.1), "r2", "0.000 (-0.100 to 0.100)"),
        (Estimate(3e12, 1e12, 4e12), "mae", "3.000e+12 (1.000e+12 to 4.000e+12)"),
    ],
)
def test_intervals(estimate, metric, expected):
    assert with_interval(estimate, metric) == expected


def test_numbers_that_are_none():
    assert number(float("nan")) == number(float("inf"), "accuracy") == "–"
    assert duration(float("nan")) == "–"
    assert duration(9.95) == "9.9 s"
    assert duration(59.9) == "1 min 0 s"


def test_shortened_text_keeps_to_one_line():
    assert shortened("a\n\n b", 10) == "a b"


def test_the_verdict_judges_every_margin(digits):
    run, _ = digits
    base, probe, tuned = run.candidates
    level = dataclasses.replace(probe, margin=Estimate(0.0, -0.01, 0.01))
    chance = dataclasses.replace(probe, name="refitted", margin=Estimate(0.01, -0.01, 0.03))
    found = verdict(dataclasses.replace(run, candidates=(base, level, chance, tuned)))
    assert found.part == "test"
    assert [gain.inside_noise for gain in found.gains] == [True, True, False]
    assert found.sentences[1].startswith("Level with the linear probe on validation: the difference is 0.000")
    assert found.sentences[2].endswith("on validation, inside the noise.")
    assert found.sentences[3].startswith("Better than the majority class by 0.838")


def test_the_verdict_falls_back_on_validation(digits):
    run, _ = digits
    found = verdict(dataclasses.replace(run, test=None, candidates=()))
    assert found.sentences == (
        f"The model reached accuracy {with_interval(run.validation['accuracy'], 'accuracy')} "
        "on validation (there is no test part).",
    )
