"""The drawing of a schedule: the recipe still reads back, and heights are the multipliers."""

from __future__ import annotations

import xml.dom.minidom

import pytest

from upfit.cli import main
from upfit.report.schedule import COLUMNS, LINES, length, multipliers, schedule_svg, schedule_text
from upfit.techniques.schedules import SCHEDULES
from upfit.values import Change, Recipe


def recipe(**changes):
    return Recipe().apply(*(Change(path=p.replace("__", "."), to=to) for p, to in changes.items()))


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_recipe_with_its_drawing_reads_back(name):
    made = recipe(schedule__name=name, optimizer__lr=0.003)
    text = schedule_text(made)
    assert Recipe.from_yaml(made.to_yaml() + text) == made
    assert f"schedule {name} over 1,000 steps of 10 epochs; highest rate: 0.003" in text
    assert ("not drawn" in text) == (name == "plateau")


def test_a_rate_of_the_head_is_told_beside_it():
    recipe = Recipe(optimizer={"lr": 0.001, "head_lr": 0.02})
    assert "highest rate: 0.001, the head's 0.02" in schedule_text(recipe)
    assert "head" not in schedule_text(Recipe(optimizer={"lr": 0.02, "head_lr": 0.02})).splitlines()[0]


def test_the_length_without_epochs_is_told_in_steps_alone():
    first = schedule_text(Recipe(stopping={"steps": 6})).splitlines()[0]
    assert first == "# schedule cosine over 6 steps; highest rate: auto"


def test_the_drawing_falls_with_the_rate():
    rows = schedule_text(recipe(schedule__name="linear", schedule__warmup=0.0)).splitlines()[1 : LINES + 1]
    widths = [len(row) - len("#      │") for row in rows]
    assert widths == sorted(widths)
    assert widths[0] == pytest.approx(COLUMNS / LINES, abs=1)
    assert widths[-1] >= COLUMNS - 2


@pytest.mark.parametrize("steps", [1, 3, 64, 1000])
def test_runs_of_any_length_are_drawn(steps):
    made = recipe(stopping__steps=steps)
    assert (length(made)[0], len(multipliers(made))) == (steps, steps)
    assert all(len(line) <= COLUMNS + 8 for line in schedule_text(made).splitlines()[1 : LINES + 2])


def test_the_length_is_the_recipes_where_it_says():
    assert length(recipe(stopping__epochs=3)) == (300, 100)
    assert length(recipe(stopping__epochs=4, stopping__steps=200)) == (200, 50)


def test_the_svg_stands_by_itself():
    svg = schedule_svg(recipe(optimizer__lr=0.01))
    root = xml.dom.minidom.parseString(svg).documentElement
    assert root.tagName == "svg"
    assert root.getAttribute("xmlns") == "http://www.w3.org/2000/svg"
    assert "learning rate" in svg


def test_show_draws_a_files_schedule_and_writes_it(capsys, tmp_path):
    path, out = tmp_path / "mine.yaml", tmp_path / "plot.svg"
    path.write_text("schedule: {name: wsd}\n")
    assert main(["show", str(path), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert Recipe.from_yaml(text).schedule.name == "wsd"
    assert "█" in text
    assert out.read_text().startswith("<svg")
    assert main(["show", str(path), "--out", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("techniques: {focal: {gamma: 2}}", "focal"),
        ("loss: {focal: {gamma: 1}, huber: {delta: 1}}", "one loss"),
    ],
)
def test_show_refuses_what_a_run_would(capsys, tmp_path, text, why):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert main(["show", str(path)]) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert not said.out


def test_a_run_without_end_is_drawn_from_some_of_its_steps():
    made = recipe(stopping__steps=10**15, schedule__name="linear", schedule__warmup=0.0)
    drawn = multipliers(made)
    assert len(drawn) <= 10_000
    assert all(rate == pytest.approx(1 - step / 10**15) for step, rate in drawn.items())
    assert schedule_svg(made).startswith("<svg")
