"""Plain measurements of every row, named for people: length, brightness, a column's number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.data.source import HEIGHT, WIDTH

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
_MOST_VALUES = 12
OF_CATEGORY = "share of "
"""Before `COLUMN = VALUE` in the name of a measurement that is 1 where the column has the value."""


def measurements(subject: Subject) -> dict[str, Floats]:
    """Name → (N,) values; NaN where a cell is missing. Nothing here reads a label."""
    found: dict[str, Floats] = {}
    schema = subject.data.schema
    if subject.pictures is not None:
        pictures = subject.pictures
        found |= {"brightness": pictures.light.astype(float), "contrast": pictures.contrast.astype(float)}
        found |= {"sharpness": pictures.sharpness.astype(float)}
        found["width (pixels)"] = np.asarray(cells(subject.data, WIDTH), float)
        found["height (pixels)"] = np.asarray(cells(subject.data, HEIGHT), float)
    if schema.of_kind("text"):
        texts = subject.written
        found["words"] = np.array([len(text.split()) for text in texts], float)
        found["share of capitals"] = np.array([_share(text, "[A-Z]") for text in texts])
        found["share of digits"] = np.array([_share(text, r"\d") for text in texts])
    for name in schema.of_kind("number"):
        found[name] = np.asarray(cells(subject.data, name).to_numpy(zero_copy_only=False), float)
    for name in schema.of_kind("category"):
        values = np.array([str(cell) for cell in cells(subject.data, name).to_pylist()], dtype=object)
        names, counts = np.unique(values, return_counts=True)
        for value in names[np.argsort(-counts)][:_MOST_VALUES]:
            found[f"{OF_CATEGORY}{name} = {value}"] = (values == value).astype(float)
    return found


def bands(measured: Mapping[str, Floats]) -> Iterator[tuple[str, Mask]]:
    """Named groups of rows: the lowest and the highest quarter of each measurement, values of categories.

    >>> [name for name, _ in bands({"words": np.arange(8.0), "share of size = L": np.array([0.0, 1.0] * 4)})]
    ['words up to 1.75', 'words of 5.25 and more', 'size = L']
    """
    for name, values in measured.items():
        known = values[np.isfinite(values)]
        if name.startswith(OF_CATEGORY) and set(np.unique(known)) <= {0.0, 1.0}:
            yield name.removeprefix(OF_CATEGORY), values == 1.0
            continue
        if len(np.unique(known)) < 4:
            continue
        low, high = np.quantile(known, (0.25, 0.75))
        yield f"{name} up to {low:.3g}", values <= low
        yield f"{name} of {high:.3g} and more", values >= high
        if not np.isfinite(values).all():
            yield f"{name} missing", ~np.isfinite(values)


def _share(text: str, pattern: str) -> float:
    return len(re.findall(pattern, text)) / max(1, len(text))
