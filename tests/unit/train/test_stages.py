"""Stages say what a recipe asks for and a run cannot give."""

from __future__ import annotations

from dataclasses import replace

import pytest

from upfit.testing.small import SHORT, small_backbone, small_bench
from upfit.train.stages import fresh_network, tune_stage
from upfit.train.tune import Places, Plan
from upfit.values import Change, Silent


class Listening(Silent):
    """Keeps what is said."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.mark.parametrize(("warmup", "said"), [("99 steps", 1), ("3 steps", 1), ("1 step", 0), (0.3, 0)])
def test_a_warm_up_that_is_not_over_before_the_run_is_gets_a_note(warmup, said):
    recipe = SHORT.apply(Change(path="schedule.warmup", to=warmup))
    bench = small_bench(recipe, modality="text", task="multiclass", steps=3)
    bench = replace(bench, watcher=Listening())
    network = fresh_network(bench, small_backbone("text"))
    tune_stage(bench, network, plan=Plan(3, 3, 3), places=Places(), metric="accuracy")
    told = [note for note in bench.watcher.notes if "full rate is never reached" in note]
    assert len(told) == said
