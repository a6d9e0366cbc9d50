"""`upfit augment`: what is tried, what is written, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import upfit
from upfit.cli import main
from upfit.commands.augment import run_augment
from upfit.errors import InputError
from upfit.testing import docstring_sentences
from upfit.values import Recipe


@pytest.fixture(scope="module")
def found(digits):
    """Two transforms tried on eight digits a class."""
    return upfit.augment(digits, only=["flip", "colour"], rows=40)


def test_trials_policy_and_change_agree(found):
    names = {one.effect.transform.name for one in found.trials}
    assert names == {"flip", "colour"}
    accepted = {one.effect.transform.name for one in found.trials if one.accepted}
    # Together they are used, or not at all.
    assert {one.name for one in found.policy} in (accepted, set())
    recipe = Recipe().apply(found.change)
    assert recipe.augment.policy == (found.policy or "none")
    assert len(found.sentences()) == len(found.trials) + bool(found.whole.sentence)


def test_only_training_rows_are_varied(found, digits):
    split = upfit.make_split(found.data, seed=0)
    assert np.isin(found.rows, split.train).all()


def test_the_folder_holds_sheet_recipe_and_json(digits, tmp_path):
    out = tmp_path / "sheet"
    settings = {"only": ["flip"], "rows": 40, "parts": None}
    text = run_augment(str(digits), out, overwrite=False, as_json=False, settings=settings)
    assert "flip" in text
    assert str(out / "recipe.yaml") in text
    page = (out / "augment.html").read_text()
    assert page.count("<img") == 16
    assert "http" not in page.replace("http-equiv", "")
    Recipe.from_yaml((out / "recipe.yaml").read_text())
    assert json.loads((out / "augment.json").read_text())["varied"] == 40
    with pytest.raises(InputError, match="holds an augmentation already"):
        run_augment(str(digits), out, overwrite=False, as_json=False, settings=settings)


def test_texts_are_varied_and_escaped(tmp_path):
    frame = docstring_sentences(task="binary", per_class=40)
    frame.loc[:, "text"] += " <script>alert(1)</script>"
    found = upfit.augment(frame, only=["drop"], rows=40)
    from upfit.curate.augment_files import write_augmentation

    page = write_augmentation(found, tmp_path / "texts")["augment.html"].read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_what_was_found_of_all_together_is_on_the_page():
    from upfit.report.augment_page import augment_page

    data = upfit.read(docstring_sentences(task="binary", per_class=5))
    page = augment_page(data, np.arange(5), (), ("together they <lose>",), setting="--recipe r.yaml")
    assert "Together they &lt;lose&gt;." in page


def test_bad_input_says_what_to_do(digits, capsys, tmp_path):
    with pytest.raises(InputError, match="flipp") as error:
        upfit.augment(digits, only=["flipp"])
    assert "--only flip" in str(error.value)
    assert main(["augment"]) == 2
    assert "nothing to vary" in capsys.readouterr().err
    with pytest.raises(InputError, match="training rows tell nothing"):
        upfit.augment(docstring_sentences(task="binary", per_class=12))
