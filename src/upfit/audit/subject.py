"""Subject: the data under audit, with what several checks look at worked out once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from upfit.audit.pictures import Coarse, Pictures, coarse_bytes, look
from upfit.audit.spellings import are_letters, spellings
from upfit.data.cells import cells
from upfit.data.content import content_keys
from upfit.data.targets import targets
from upfit.data.texts import texts
from upfit.values import PART, Data, Rows

Features = npt.NDArray[np.float32]
JUDGED = (("train", "test"), ("train", "validation"), ("validation", "test"))
"""Parts between which rows leak: what is learnt or chosen by, and what judges it."""


@dataclass(frozen=True, eq=False)
class Subject:
    """Data under audit.

    Labels of a test part that came with the data are sealed: no check reads them. Its inputs are read, to
    find duplicates, leaks and shift.

    Args:
        data: The user's.
        embedded: (E,) rows that have features, sorted.
        features_ED: Their features from a frozen backbone; for bare tables, scaled columns. None without any.
        token_counts_E: Tokens of these rows before any is cut off; None where the input is no text.
        most_tokens: How many the backbone reads; 0 where that does not matter.
    """

    data: Data
    embedded: Rows = field(default_factory=lambda: np.empty(0, np.int64))
    features_ED: Features | None = None
    token_counts_E: npt.NDArray[np.int64] | None = None
    most_tokens: int = 0

    @cached_property
    def part_of(self) -> npt.NDArray[np.str_]:
        """(N,) "train", "validation" or "test"; everything is train where no parts were given."""
        return np.array([name or "train" for name in cells(self.data, PART).to_pylist()], dtype="U10")

    @cached_property
    def divided(self) -> bool:
        """Whether the data came in parts."""
        return len(np.unique(self.part_of)) > 1

    def rows_of(self, *parts: str) -> Rows:
        """Sorted rows of some parts."""
        return np.flatnonzero(np.isin(self.part_of, parts)).astype(np.int64)

    @cached_property
    def open_rows(self) -> Rows:
        """Rows whose labels may be read: train and validation."""
        return self.rows_of("train", "validation")

    @cached_property
    def labels(self) -> npt.NDArray[Any]:
        """Targets of `open_rows`, encoded as `upfit.data.targets` does."""
        return targets(self.data, self.open_rows)

    @cached_property
    def classes_of_rows(self) -> npt.NDArray[np.int64]:
        """(N,) class index of every open row; -1 for sealed rows and for tasks without single classes.

        Names that are one name written in several ways are one class here: a "Cat" among cats is no wrong
        label, and no conflict with the same picture of a "cat".
        """
        found = np.full(len(self.data), -1, np.int64)
        if self.single_class:
            found[self.open_rows] = self._meant[self.labels]
        return found

    @cached_property
    def label_codes(self) -> npt.NDArray[np.int64]:
        """A code for each of `open_rows`, equal for equal classes, lists of labels or values.

        Names that are one name written in several ways are one class here, too.
        """
        labels = self.classes_of_rows[self.open_rows] if self.single_class else self.labels
        return np.unique(labels, axis=0, return_inverse=True)[1].reshape(-1)

    @cached_property
    def _meant(self) -> npt.NDArray[np.int64]:
        """(K,) the class that each class is another spelling of, or itself."""
        classes = self.data.schema.classes
        found = np.arange(len(classes))
        counts = np.bincount(self.labels, minlength=len(classes)).tolist()
        for names in spellings(dict(zip(classes, counts, strict=True))):
            if not are_letters(names):
                found[[classes.index(name) for name in names]] = classes.index(names[0])
        return found

    @property
    def single_class(self) -> bool:
        """Whether each row has exactly one class."""
        return self.data.schema.task in ("binary", "multiclass")

    @cached_property
    def keys(self) -> npt.NDArray[np.bytes_]:
        """(N,) equal for rows with the same inputs."""
        return content_keys(self.data)

    @cached_property
    def pictures(self) -> Pictures | None:
        """What looking at every image once showed; None without an image column."""
        columns = self.data.schema.of_kind("image")
        return look(self.data, columns[0]) if columns else None

    @cached_property
    def coarse(self) -> Coarse | None:
        """What tells that two images are the same picture, kept for next time; None without images."""
        columns = self.data.schema.of_kind("image")
        if not columns:
            return None
        if "pictures" in self.__dict__ and self.pictures is not None:
            return Coarse(self.pictures.grey, self.pictures.hashes)
        from upfit.store.feature_cache import FeatureCache, content_key

        key = content_key("coarse 1", np.ascontiguousarray(self.keys).tobytes(), columns[0])
        kept, _ = FeatureCache().get(key, lambda: coarse_bytes(self.data, columns[0]))  # type: ignore[arg-type, return-value]
        return Coarse.unpacked(kept)  # type: ignore[arg-type]

    @cached_property
    def written(self) -> list[str]:
        """The text columns of every row, joined; empty strings where there are none."""
        names = self.data.schema.of_kind("text")
        columns = [pc.fill_null(cells(self.data, name), "").to_pylist() for name in names]
        return [" ".join(row) for row in zip(*columns, strict=True)] if columns else [""] * len(self.data)

    @cached_property
    def unit_features_ED(self) -> Features:
        """Features of `embedded`, centred and of length 1, so that products are cosines."""
        assert self.features_ED is not None
        centred = self.features_ED - self.features_ED.mean(0)
        return np.asarray(
            centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12), np.float32
        )

    def show(self, row: int) -> str:
        """A row in a few words: its image's path, or the beginning of its text."""
        images = self.data.schema.of_kind("image")
        if images:
            path = self.data.table[int(row)][images[0]]["path"]
            return "/".join(path.replace("\\", "/").split("/")[-3:]) if path else f"row {row}"
        return f"row {row}: " + " | ".join(texts(self.data, np.array([row]))[0])[:120]

    def label(self, row: int) -> str:
        """The target of an open row in words; "?" for a sealed one."""
        place = int(np.searchsorted(self.open_rows, row))
        if place == len(self.open_rows) or self.open_rows[place] != row:
            return "?"
        value, schema = self.labels[place], self.data.schema
        if schema.task == "regression":
            return f"{value:g}"
        if schema.task == "multilabel":
            return ", ".join(schema.classes[one] for one in np.flatnonzero(value)) or "none"
        return schema.classes[int(value)]
