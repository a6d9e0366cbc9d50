"""`upfit augment` behind its flags: try transforms, write, and the text for stdout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from upfit.commands.again import next_command
from upfit.curate.audit_files import own_folder
from upfit.curate.augment_files import RECIPE, RESULT, SHEET, write_augmentation
from upfit.curate.augmentation import augment
from upfit.store.free_name import claimed_name, free_name


def run_augment(
    data: str | None, out: Path | None, *, overwrite: bool, as_json: bool, settings: Mapping[str, Any]
) -> str:
    """Try transforms, write the folder, and return what to print.

    Raises:
        InputError: Something about the data, the flags or the folder.
    """
    source = data or settings["parts"]["train"]
    holds = (SHEET, RECIPE, RESULT)
    own_folder(out, free_name("augments", source), holds=holds, overwrite=overwrite)
    found = augment(data, **settings)
    paths = write_augmentation(found, out or claimed_name("augments", source))
    if as_json:
        return json.dumps(found.to_dict(), indent=1)
    used = ", ".join(f"{one.name} {one.strength:g}" for one in found.policy) or "none"
    return "\n".join(
        [
            *found.sentences(),
            "",
            f"policy: {used}",
            f"contact sheet: {paths[SHEET]}",
            "to use it: " + next_command("fit", data, settings, "--recipe", str(paths[RECIPE])),
        ]
    )
