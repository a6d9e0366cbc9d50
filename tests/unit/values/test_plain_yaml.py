"""YAML from outside: bombs, endless nesting and the like end in a message, at once."""

from __future__ import annotations

import pytest

from upfit.errors import InputError, RecipeError
from upfit.values import Plan, Recipe
from upfit.values.plain_yaml import read_yaml

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
"""Nine lines that stand for 9 ** 9 letters."""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{LAUGHS}fingerprint: *i\nactions: []\n", "repeats itself"),
        ("fingerprint: f\nactions: &a [*a]\n", "repeats itself"),
        ("[" * 5000, "nested too deeply"),
        ("actions: " + "[" * 900 + "]" * 900, "nested too deeply"),
        (f"fingerprint: f\nactions: [{{do: drop, rows: [1{'0' * 5000}]}}]", "cannot be read"),
        ("fingerprint: f\nactions: [{do: drop, rows: [1], rows: [2]}]", "'rows' twice, below line 2"),
        ("fingerprint: f\nactions: [{do: drop, rows: [yes]}]", "rows are numbers of rows"),
        ("fingerprint: f\n1: 2\n", "name is no text"),
        ("fingerprint: f\nactions: [{1: 2}]\n", "name is no text"),
        ("actions: !!python/object/apply:os.system ['true']", "not valid YAML"),
        ("a\0b", "not valid YAML"),
    ],
)
def test_a_plan_gone_wrong_is_refused(text, message):
    with pytest.raises(InputError) as refused:
        Plan.from_yaml(text)
    assert message in str(refused.value)
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize("text", [f"{LAUGHS}backbone: *i\n", "[" * 5000])
def test_so_is_a_recipe(text):
    with pytest.raises(RecipeError, match="the recipe"):
        Recipe.from_yaml(text)


def test_what_is_repeated_a_few_times_is_fine():
    assert read_yaml("a: &a [1, 2]\nb: *a\n", "it") == {"a": [1, 2], "b": [1, 2]}


def test_what_came_is_told_briefly():
    with pytest.raises(RecipeError) as refused:
        Plan(fingerprint=[["x"] * 1000] * 1000)
    assert len(str(refused.value)) < 400
