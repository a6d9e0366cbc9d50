from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upfit.errors import RecipeError
from upfit.values.budget import seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90s", 90),
        ("10m", 600),
        ("1h", 3600),
        ("1.5h", 5400),
        ("1h30m", 5400),
        (" 2 M ", 120),
        ("45", 45),
        (12.5, 12.5),
        (3, 3),
    ],
)
def test_times_are_read(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize(
    "text", ["-5", "0", "abc", "", "5x", "m", "nan", "inf", "-1m", "1h-5m", True, "10 m s"]
)
def test_what_is_no_time_is_explained(text):
    with pytest.raises(RecipeError) as caught:
        seconds(text)
    assert repr(text) in str(caught.value)
    assert "expected: a time above zero" in str(caught.value)
    assert caught.value.exit_code == 2


@given(st.integers(0, 99), st.integers(0, 59), st.integers(1, 59))
def test_pieces_add_up(hours, minutes, rest):
    assert seconds(f"{hours}h{minutes}m{rest}s") == hours * 3600 + minutes * 60 + rest


@given(st.text(max_size=12))
def test_any_text_is_a_positive_time_or_a_recipe_error(text):
    with contextlib.suppress(RecipeError):
        assert 0 < seconds(text) < float("inf")
