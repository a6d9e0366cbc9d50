"""Where an augmentation policy goes on disk: the contact sheet, a recipe that uses it, everything as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from upfit.curate.augmentation import Augmentation
from upfit.report.augment_page import augment_page
from upfit.store.atomic import write_text
from upfit.values import Recipe

SHEET, RECIPE, RESULT = "augment.html", "recipe.yaml", "augment.json"


def write_augmentation(found: Augmentation, folder: Path) -> dict[str, Path]:
    """Write the sheet, the recipe and the JSON; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    notes = found.sentences()
    contents = {
        SHEET: augment_page(
            found.data, found.rows, found.trials, notes, setting=f"--recipe {folder / RECIPE}"
        ),
        RECIPE: Recipe().apply(found.change).to_yaml(),
        RESULT: json.dumps(found.to_dict(), indent=1),
    }
    for name, text in contents.items():
        write_text(folder / name, text)
    return {name: folder / name for name in contents}
