"""Plain measurements of every row, named for people: length, brightness, a column's number."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.data.source import HEIGHT, WIDTH

Floats = npt.NDArray[np.float64]
_MOST_VALUES = 12


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
            found[f"share of {name} = {value}"] = (values == value).astype(float)
    return found


def _share(text: str, pattern: str) -> float:
    return len(re.findall(pattern, text)) / max(1, len(text))
