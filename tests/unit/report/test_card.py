"""The model card: front matter that parses, words that hold, names that break nothing."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from upfit.report.card import escaped, model_card
from upfit.values import Recipe

from .runs import digits_run


def front_matter(card):
    assert card.startswith("---\n")
    return yaml.safe_load(card.split("\n---\n")[0])


@pytest.mark.parametrize("task", ["multiclass", "binary", "regression", "multilabel"])
def test_every_task_has_a_card(every_task, task):
    run, _ = every_task[task]
    card = model_card(run)
    front = front_matter(card)
    measured = {one["type"]: one["value"] for one in front["model-index"][0]["results"][0]["metrics"]}
    assert measured == {name: pytest.approx(one.value, abs=1e-6) for name, one in run.test.items()}
    assert front["tags"][-1] == task
    for heading in ("## How to use it", "## Evaluation", "## Training data", "## Training", "## Limits"):
        assert f"\n{heading}\n" in card


def test_tables_keep_their_columns_whatever_the_names():
    names = ["a|b", "```", "line\nbreak", "<script>", "[x](javascript:1)", "---", *"ghij"]
    card = model_card(digits_run(classes=names)[0])
    rows = [line for line in card.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} <= {4, 5}
    assert "<script>" not in card
    assert card.count("\n---\n") == 1


def test_names_are_escaped_for_markdown_and_html():
    assert escaped("<img> `x` [a](b)") == r"&lt;img&gt; \`x\` \[a\](b)"
    assert escaped("y" * 100) == "y" * 79 + "…"


def test_a_hub_backbone_is_named_as_the_base_model(digits):
    run, _ = digits
    hub = dataclasses.replace(run, recipe=Recipe(backbone="hf:sentence-transformers/all-MiniLM-L6-v2"))
    assert front_matter(model_card(hub))["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert "base_model" not in front_matter(model_card(run))


def test_a_folder_cannot_end_the_code_block(digits):
    run, _ = digits
    card = model_card(dataclasses.replace(run, folder=Path("a```b")))
    assert "````python" in card


def test_without_a_test_part_the_card_speaks_of_validation(digits):
    run, _ = digits
    card = model_card(dataclasses.replace(run, test=None, test_openings=0, predictions=None, candidates=()))
    assert front_matter(card)["model-index"][0]["results"][0]["dataset"]["split"] == "validation"
    assert "there is no test part" in card
