"""Every technique that a recipe may list keeps the contracts of `upfit.testing.contracts`."""

from __future__ import annotations

import pytest

from upfit.techniques import TECHNIQUES
from upfit.testing.contracts import check_resumes_bit_for_bit, check_strength_zero_is_absent

STRONG = {"clip": {"norm": 0.1}, "ema": {"decay": 0.9, "every": 3}}
IDLE = {"clip": {"norm": 1e9}, "ema": {"decay": 0.0, "every": 1}}


def test_every_technique_is_listed_here():
    assert set(STRONG) == set(IDLE) == set(TECHNIQUES)


@pytest.mark.parametrize("name", TECHNIQUES)
def test_it_resumes_bit_for_bit(name):
    check_resumes_bit_for_bit(name, **STRONG[name])


@pytest.mark.parametrize("name", TECHNIQUES)
def test_at_strength_zero_it_is_absent(name):
    check_strength_zero_is_absent(name, **IDLE[name])


@pytest.mark.parametrize("name", TECHNIQUES)
def test_a_technique_with_strength_is_told_from_none(name):
    with pytest.raises(AssertionError, match="is not absent"):
        check_strength_zero_is_absent(name, **STRONG[name])
