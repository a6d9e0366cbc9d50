"""What a command never uses is not loaded for it: starting takes longer than a short command may."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SAY = "\nimport json, sys\nprint(json.dumps(sorted(name for name in sys.modules if '.' not in name)))"


def loaded(program, **settings):
    """The packages that a program of its own ends up with."""
    made = subprocess.run(
        [sys.executable, "-c", program + SAY], capture_output=True, text=True, check=True, **settings
    )
    return set(json.loads(made.stdout.splitlines()[-1]))


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["show"], ["--version"]])
def test_help_and_recipes_load_nothing_heavy(words):
    found = loaded(f"from upfit.cli import main; assert main({words!r}) == 0")
    assert not found & {"torch", "scipy", "sklearn", "pandas", "pyarrow", "datasets", "transformers"}


def test_the_list_of_techniques_needs_no_pretrained_models():
    found = loaded("from upfit.cli import main; assert main(['techniques']) == 0")
    assert not found & {"timm", "torchvision", "transformers", "datasets", "pandas", "sklearn", "accelerate"}


def test_text_loads_nothing_for_images_and_images_nothing_for_text():
    load = "from upfit.models import load_backbone; load_backbone('auto', {!r})"
    assert not loaded("import upfit.journey.fit") & {"timm", "torchvision", "transformers"}
    checked = "; from upfit.techniques import check; from upfit.values import Recipe; check(Recipe())"
    assert "timm" not in loaded(load.format("text") + checked)
    assert "transformers" not in loaded(load.format("image"))
