"""Cards as text: what a reader sees, with and without figures."""

from __future__ import annotations

import json

import pytest

from upfit.report.cards import card_text, catalogue_markdown, catalogue_text, quoted, verdicts
from upfit.techniques import measured as figures
from upfit.techniques.card import Card

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
