"""Read whatever the user has into Data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from upfit.data.build import Wishes, build
from upfit.data.combine import combine
from upfit.data.part_column import divided
from upfit.data.sources import open_parts, open_sources
from upfit.data.verify import Advance
from upfit.errors import DataError
from upfit.values import Data, Task


def read(
    source: Any = None,
    *,
    target: str | Iterable[str] | None = None,
    task: Task | None = None,
    kinds: Mapping[str, str] | None = None,
    parts: Mapping[str, Any] | None = None,
    group: str | None = None,
    time: str | None = None,
    advance: Advance | None = None,
) -> Data:
    """Read files or objects into Data: an Arrow table on disk, memory-mapped, and its schema.

    Args:
        source: A folder of class folders (also under train/, validation/, test/), a CSV, TSV, JSONL or
            Parquet file, a folder of such files named train, validation, test, a DataFrame, a
            datasets.Dataset or DatasetDict, a torch Dataset or DataLoader. None where `parts` is given.
        target: The column to predict, or several 0/1 columns (a sequence, or `"a,b,c"`).
        task: binary, multiclass, multilabel or regression; inferred from the target's cells when None.
        kinds: Column → image, text, number, category or ignore, where inference would be wrong.
        parts: "train", "validation", "test" → a source each.
        group: A column whose equal values must stay on one side of every split.
        time: A column of dates or numbers; later rows are kept for validation and test.
        advance: Told how many of how many images were looked at, which takes minutes for many.

    Returns:
        Data with what was noticed in `findings`. The user's files are only read.

    Raises:
        DataError: Nothing there, nothing readable, or no clear target.

    Example:
        >>> import pandas
        >>> frame = pandas.DataFrame({"text": ["so good", "so bad"] * 8, "label": ["yes", "no"] * 8})
        >>> read(frame).schema.classes
        ('no', 'yes')
    """
    if (source is None) == (not parts):
        if source is None:
            raise DataError("nothing to read", expected="DATA, or --train FILE (train=... from Python)")
        raise DataError(
            "data and parts were given", expected="DATA alone, or --train FILE with --validation and --test"
        )
    wanted = target if target is None or isinstance(target, str) else tuple(target)
    if parts:
        sources = open_parts(parts)
    else:
        sources = divided(open_sources(source), target=wanted, others=(*(kinds or {}), group, time))
    wishes = Wishes(task=task, kinds=dict(kinds or {}), group=group, time=time)
    return build(combine(sources, wanted), wishes, source=_shown(source, parts), advance=advance)


def read_once(
    data: Any, *, train: Any = None, validation: Any = None, test: Any = None, **reading: Any
) -> Data:
    """Data as they are, or read from wherever they lie; the parts may be named one by one.

    Args:
        data: `Data`, or a source as for `read`; None where the parts are given.
        train: Source of the training part.
        validation: Source of the validation part.
        test: Source of the test part.
        reading: More arguments of `read`.
    """
    if isinstance(data, Data):
        return data
    return read(data, parts=given_parts(train, validation, test), **reading)


def given_parts(train: Any, validation: Any, test: Any) -> dict[str, Any] | None:
    """The parts that were named, by name; None where none was.

    >>> given_parts("a.csv", None, "b.csv")
    {'train': 'a.csv', 'test': 'b.csv'}
    """
    parts = {"train": train, "validation": validation, "test": test}
    return {name: part for name, part in parts.items() if part is not None} or None


def _shown(source: Any, parts: Mapping[str, Any] | None) -> str:
    """The source in a few words."""
    if parts:
        return ", ".join(
            f"{name}={_shown(given, None)}" for name, given in parts.items() if given is not None
        )
    return str(source) if isinstance(source, str | Path) else f"a {type(source).__name__}"
