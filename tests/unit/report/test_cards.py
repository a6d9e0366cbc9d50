"""Cards as text: what a reader sees, with and without figures."""

from __future__ import annotations

import json

import pytest

from upfit.errors import RecipeError
from upfit.report.cards import (
    card_lines,
    card_text,
    catalogue_markdown,
    catalogue_text,
    quoted,
    verdicts,
)
from upfit.techniques import measured as figures
from upfit.techniques.card import Card
from upfit.techniques.catalogue import CARDS, card_of

CARD = Card(
    name="mixup",
    switch="techniques.mixup={alpha: 0.2}",
    row="T3",
    what="Mixes pairs of examples. Both labels count.",
    when="Small data.",
    when_not="Regression.",
    source="Zhang et al. 2018",
)
ROW = {
    "card": "mixup", "switch": CARD.switch, "data": "digits", "metric": "accuracy",
    "gain": 0.012, "low": 0.004, "high": 0.02, "seeds": 5, "cost": 1.1,
}  # fmt: skip


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    noise = ROW | {"data": "text", "low": -0.01}
    file = tmp_path / "measured.json"
    file.write_text(json.dumps([ROW, noise, ROW | {"card": "other"}]))
    monkeypatch.setattr(figures, "FILE", file)


def test_without_figures_a_card_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(figures, "FILE", tmp_path / "absent.json")
    text = card_text(CARD)
    assert text.startswith("mixup (T3)\nwhat")
    assert "measured   not measured yet" in text
    assert "combine" not in text
    assert "--set 'techniques.mixup={alpha: 0.2}'" in text


def test_figures_are_quoted_with_interval_and_noise_is_called_noise(recorded):
    text = card_text(CARD)
    assert "digits: accuracy +0.012 (+0.004 to +0.020, 5 seeds); 1.10 times the training time" in text
    assert "text: accuracy +0.012 (-0.010 to +0.020, 5 seeds), inside the noise" in text
    assert verdicts(CARD) == "+0.012 digits, noise on text"


def test_the_list_has_a_line_each(recorded):
    assert catalogue_text([CARD]) == "mixup  Mixes pairs of examples.  [+0.012 digits, noise on text]"


def test_markdown_has_a_section_each(recorded):
    section = catalogue_markdown([CARD])
    assert section.startswith("### mixup\n\n- **what**: Mixes")
    assert "- **switch on**: `--set 'techniques.mixup={alpha: 0.2}'`" in section


@pytest.mark.parametrize(
    ("switch", "shown"), [("loss.name=focal", "loss.name=focal"), ("a={b: 1}", "'a={b: 1}'")]
)
def test_switches_are_quoted_for_a_shell(switch, shown):
    assert quoted(switch) == shown


def test_a_figure_says_what_was_switched_where_the_card_leaves_it_open(monkeypatch, tmp_path):
    file = tmp_path / "measured.json"
    other = ROW | {"switch": "techniques.mixup={alpha: 2}"}
    file.write_text(json.dumps([ROW, other, ROW | {"switch": "techniques.mixup=off", "left_out": True}]))
    monkeypatch.setattr(figures, "FILE", file)
    same, different, without = card_text(CARD).splitlines()[-3:]
    assert same.endswith("1.10 times the training time")
    assert different.endswith("; with techniques.mixup={alpha: 2}")
    assert without.endswith("; the default against techniques.mixup=off")


def test_every_switch_that_a_card_shows_can_be_copied():
    for card in CARDS:
        shown = dict(card_lines(card))["switch on"]
        assert shown == card.python or not shown.endswith("="), card.name


def test_what_cannot_be_measured_says_why():
    assert "the gains of other cards are differences from it" in card_text(card_of("adamw"))
    assert "not measured yet" not in card_text(card_of("out_of_memory"))
    assert "upfit.fit(…, loss=…)" in card_text(card_of("own_loss"))
    assert "--set" not in card_text(card_of("own_loss"))


def test_policies_of_images_are_measured_on_images_and_those_of_texts_on_texts():
    images = {"omniglot136", "clothing_small", "clothing_small_flipped"}
    assert {one.data for one in figures.measured("augment_images")} <= images
    assert not {one.data for one in figures.measured("augment_text")} & images


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("EMA", "ema"),
        ("one-cycle", "one_cycle"),
        ("warmup", "warm_up"),
        ("Label Smoothing", "label_smoothing"),
    ],
)
def test_a_card_is_found_however_its_name_is_spelt(asked, found):
    assert card_of(asked).name == found


@pytest.mark.parametrize(
    ("asked", "named"),
    [("lora", "adapters"), ("lion", "other_optimizers"), ("nesterov", "sgd"), ("early", "early_stopping"),
     ("focl", "focal"), ("тест", "upfit techniques, which lists them")],
)  # fmt: skip
def test_an_unknown_name_leads_to_the_cards_that_speak_of_it(asked, named):
    with pytest.raises(RecipeError, match=f"no technique '{asked}'") as refused:
        card_of(asked)
    assert named in str(refused.value)
