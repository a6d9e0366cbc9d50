"""The validation examples that the model got most wrong, ready to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np

from upfit.data.texts import texts
from upfit.measure import example_losses
from upfit.measure.arrays import Array, Floats
from upfit.report.thumbnails import thumbnail
from upfit.report.words import number
from upfit.values import Data, Predictions, Schema

SHOWN = 12
LONGEST_TEXT = 1200

Answer = tuple[str, str]


@dataclass(frozen=True)
class Example:
    """One example: what it shows, what it is, what the model said, and how far that is off.

    Args:
        name: Its file, or its row in the table.
        images: `data:` addresses of its pictures.
        texts: Its text, category and number cells.
        true: What the data say, and the probability that the model gave it.
        said: What the model said, and its probability.
        loss: How wrong that is.
        wrong: Whether the prediction is wrong, or right but unsure.
    """

    name: str
    images: tuple[str, ...]
    texts: tuple[str, ...]
    true: tuple[str, str]
    said: tuple[str, str]
    loss: str
    wrong: bool


def worst_examples(data: Data, predictions: Predictions, *, count: int = SHOWN) -> tuple[Example, ...]:
    """The examples of largest loss, worst first."""
    task = data.schema.task
    losses = example_losses(task, predictions.scores, predictions.targets)
    places = np.argsort(-losses, kind="stable")[:count]
    rows = np.asarray(predictions.rows)[places]
    written = texts(data, rows)
    found = []
    for place, row, cells in zip(places, rows, written, strict=True):
        true, said, wrong = _words(data.schema, predictions.scores[place], predictions.targets[place])
        record: Mapping[str, Any] = data.table[int(row)]
        pictures = [record[name] for name in data.schema.of_kind("image") if record.get(name)]
        found.append(
            Example(
                name=_name(pictures, int(row)),
                images=tuple(one for one in map(thumbnail, pictures) if one),
                texts=tuple(text[:LONGEST_TEXT] for text in cells if text),
                true=true,
                said=said,
                loss=number(float(losses[place])),
                wrong=wrong,
            )
        )
    return tuple(found)


def _words(schema: Schema, scores: Floats, target: Array) -> tuple[Answer, Answer, bool]:
    """(true, said, wrong) of one example, the answers with their probabilities."""
    if schema.task == "regression":
        return (number(float(target)), ""), (number(float(scores[0])), ""), True
    if schema.task == "multilabel":
        said, true = scores >= 0.5, np.asarray(target) > 0.5
        return (_labels(schema, true), ""), (_labels(schema, said), ""), bool((said != true).any())
    best, right = int(scores.argmax()), int(target)
    answers = [(schema.classes[k], f"{scores[k]:.2f}") for k in (right, best)]
    return answers[0], answers[1], best != right


def _labels(schema: Schema, present: Array) -> str:
    return ", ".join(name for name, here in zip(schema.classes, present, strict=True) if here) or "none"


def _name(pictures: list[Mapping[str, Any]], row: int) -> str:
    """The file and the folder it is in, else the row."""
    paths = [one["path"] for one in pictures if one.get("path")]
    return "/".join(PurePath(paths[0]).parts[-2:]) if paths else f"row {row}"
