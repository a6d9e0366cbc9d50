"""What people decided by hand, on its way into a run: read, applied to training rows, kept for `resume`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from upfit.curate.corrected import corrected
from upfit.split.make import make_split
from upfit.store import RunFolder
from upfit.store.corrections_file import read_corrections
from upfit.values import Data, Recipe, Split
from upfit.values.corrections import Corrections

KEPT_AS = "corrections.jsonl"


def corrections_of(given: Corrections | str | Path | None) -> Corrections | None:
    """The corrections, read where they are in a file.

    Raises:
        InputError: The file cannot be read, or holds something else.
    """
    return read_corrections(given) if isinstance(given, str | Path) else given


def keep_corrections(folder: RunFolder, decided: Corrections | None) -> None:
    """A copy in the run folder: people go on deciding while a run is interrupted."""
    if decided is not None:
        folder.write_text(KEPT_AS, decided.to_lines())


def kept_corrections(folder: RunFolder) -> Corrections | None:
    """What `keep_corrections` wrote."""
    return read_corrections(folder.path / KEPT_AS) if folder.has(KEPT_AS) else None


def corrected_request(
    request: Mapping[str, Any],
    data: Data,
    recipe: Recipe,
    decided: Corrections | None,
    earlier: Split | None = None,
) -> tuple[Data, Split | None]:
    """Data and split as the request wants them: without leaks, with what was decided by hand.

    The split is made from the labels as they were, so that it is that of a run without corrections. None
    leaves it to be made as usual.

    Args:
        request: What was asked for.
        data: As they were read.
        recipe: Its seed decides the split.
        decided: Corrections, if there are any.
        earlier: The split of the run that is resumed.
    """
    repair = bool(request.get("repair_splits"))
    split = earlier
    if split is None and (repair or decided is not None):
        split = make_split(data, ratio=request["split"], seed=recipe.seed, repair=repair)
    if decided is None or split is None:
        return data, split
    data, split, finding = corrected(data, split, decided)
    return replace(data, findings=(*data.findings, finding)), split
