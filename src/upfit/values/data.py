"""Data: the user's table, what its columns mean, and a fingerprint of its content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from upfit.values.base import Value

if TYPE_CHECKING:
    import datasets

    from upfit.values.run import Finding

Kind = Literal["image", "text", "number", "category"]
Task = Literal["binary", "multiclass", "multilabel", "regression"]
Part = Literal["train", "validation", "test"]

PART = "__part__"
"""Name of the table column that says which given part a row came from ("" where none was given)."""


class Column(Value):
    """An input column: its name in the table and what it holds."""

    name: str
    kind: Kind


class Schema(Value):
    """What the columns of a table mean.

    `columns` are the inputs in table order; `target` names one column, or one 0/1 column per class for a
    multilabel table; `classes` is empty for regression; `ignored` names the columns that are neither.
    """

    columns: tuple[Column, ...]
    target: tuple[str, ...]
    task: Task
    classes: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    ignored: tuple[str, ...] = ()

    def of_kind(self, *kinds: Kind) -> tuple[str, ...]:
        """Names of the input columns of these kinds, in table order."""
        return tuple(column.name for column in self.columns if column.kind in kinds)

    @property
    def modality(self) -> Literal["image", "text", "table"]:
        """What the backbone has to read: images before text before bare columns."""
        if self.of_kind("image"):
            return "image"
        return "text" if self.of_kind("text") else "table"

    @property
    def outputs(self) -> int:
        """Number of outputs a head needs: one for regression, else one per class."""
        return 1 if self.task == "regression" else len(self.classes)


@dataclass(frozen=True, eq=False)
class Data:
    """An Arrow-backed table with its meaning; rows are addressed by their index in `table`.

    Args:
        table: The rows, memory-mapped; an image cell is `{"path": str | None, "bytes": bytes | None}`.
        schema: What the columns mean.
        fingerprint: SHA-256 (hex) over the schema and the content; equal data have equal fingerprints.
        source: What the user typed, for display only.
        findings: What reading already noticed (files skipped, rows without a target …).
    """

    table: datasets.Dataset
    schema: Schema
    fingerprint: str
    source: str = ""
    findings: tuple[Finding, ...] = ()

    def __len__(self) -> int:
        return len(self.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Data) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)
