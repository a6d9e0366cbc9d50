"""Examples: rows of the data as the backbone reads them, one at a time and as batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from PIL import Image

from upfit.data.decoding import Decoder, at_least
from upfit.data.texts import texts
from upfit.data.tokens import tokenise
from upfit.values import Data, Rows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Batch = dict[str, torch.Tensor]
OnImage = Callable[[Image.Image, np.random.Generator], Image.Image]
"""The seam `on_example` for images: (image, rng) → image."""
OnText = Callable[[str, np.random.Generator], str]
"""The seam `on_example` for texts: (text, rng) → text."""


class Examples(Protocol):
    """Prepared examples, addressed by position (0 … count-1)."""

    @property
    def lengths(self) -> npt.NDArray[np.int64] | None:
        """Tokens per example, where lengths differ."""

    def __len__(self) -> int:
        """How many there are."""

    def get(self, position: int, rng: np.random.Generator | None) -> Any:
        """One example; varied when a random generator is given."""

    def collate(self, examples: Sequence[Any]) -> Batch:
        """A batch of examples."""


class ImageExamples:
    """Images of some rows, decoded when asked for, resized to a square and normalised.

    Args:
        data: With an image column; the first one is read.
        rows: Which rows.
        size: Side of the square, in pixels.
        mean: Per-channel mean, of values in 0 to 1.
        std: Per-channel divisor.
        augment: Varies an image when a random generator is given.
        always: Done to every image, evaluation included.
        decoder: Where images come from; by default their files.
    """

    lengths = None

    def __init__(
        self,
        data: Data,
        rows: Rows,
        *,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        augment: OnImage | None = None,
        always: Callable[[Image.Image], Image.Image] | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        self.always = always
        self.decoder = decoder or Decoder.of(data, size=size)
        self.rows = rows
        self.size = size
        self.augment = augment
        self.mean = torch.tensor(mean)
        self.std = torch.tensor(std)

    def __len__(self) -> int:
        return len(self.rows)

    def get(self, position: int, rng: np.random.Generator | None) -> npt.NDArray[np.uint8]:
        """One image (H, W, 3), uint8."""
        image = self.decoder(int(self.rows[position]))
        if self.always is not None:
            image = self.always(image)
        if rng is not None and self.augment is not None:
            # Crops and turns of a few pixels are coarse: small images are enlarged first.
            image = self.augment(at_least(image, self.size), rng)
        side = (self.size, self.size)
        if image.size != side:
            image = image.resize(side, Image.Resampling.BICUBIC, reducing_gap=2.0)
        return np.asarray(image)

    def collate(self, examples: Sequence[npt.NDArray[np.uint8]]) -> Batch:
        """`image` (B, 3, H, W) float32; pixels stay uint8 up to here, which is a quarter to move."""
        image_BHWC = torch.from_numpy(np.stack(examples)).float().div_(255)
        width = image_BHWC.shape[2]
        # Whole rows of pixels at a time: three channels at a time are too few to be fast.
        image_BHWC.flatten(2).sub_(self.mean.repeat(width)).div_(self.std.repeat(width))
        return {"image": image_BHWC.permute(0, 3, 1, 2)}


class TextExamples:
    """Texts of some rows, tokenised once.

    Args:
        data: With text columns.
        rows: Which rows.
        tokenizer: The backbone's.
        max_length: Tokens per example at most.
        segments: How many parts the backbone pools apart (see `segment_count`); 1 joins all columns.
    """

    def __init__(
        self,
        data: Data,
        rows: Rows,
        *,
        tokenizer: PreTrainedTokenizerBase,
        max_length: int,
        segments: int = 1,
    ) -> None:
        self.data, self.rows = data, rows
        self.tokenizer = tokenizer
        self.max_length, self.segments = max_length, segments
        self.augment: OnText | None = None
        self.raw: list[pa.ChunkedArray] | None = None
        encoded: list[npt.NDArray[np.int32]] = []
        for chunk in _chunks(data, rows):
            encoded += tokenise(chunk, tokenizer, max_length=max_length, segments=segments)
        self.lengths = np.array([ids.shape[1] for ids in encoded], dtype=np.int64)
        # One flat array: a million rows of Python lists would take gigabytes.
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)])
        self.flat = np.concatenate(encoded, axis=1) if encoded else np.zeros((2, 0), np.int32)

    def __len__(self) -> int:
        return len(self.lengths)

    def varied(self, augment: OnText | None) -> TextExamples:
        """The same examples, whose text columns are varied when a random generator is given."""
        other = copy.copy(self)
        other.augment = augment
        if augment is not None and self.raw is None:
            # As Arrow columns, for the same reason as `flat`.
            chunks = [_columns(chunk) for chunk in _chunks(self.data, self.rows)]
            other.raw = pa.concat_tables(chunks).combine_chunks().columns
        return other

    def get(self, position: int, rng: np.random.Generator | None) -> npt.NDArray[np.int32]:
        """Token ids and their segments (2, T) of one example."""
        if rng is not None and self.augment is not None:
            return self._varied_tokens(position, rng, self.augment)
        return self.flat[:, self.starts[position] : self.starts[position + 1]]

    def _varied_tokens(
        self, position: int, rng: np.random.Generator, augment: OnText
    ) -> npt.NDArray[np.int32]:
        """Tokens of an example whose texts were varied; those known before where nothing came of it."""
        assert self.raw is not None
        before = tuple(column[position].as_py() for column in self.raw)
        count = len(self.data.schema.of_kind("text"))
        after = (*(augment(text, rng) for text in before[:count]), *before[count:])
        if after == before:
            return self.get(position, None)
        limits = {"max_length": self.max_length, "segments": self.segments}
        [tokens] = tokenise([after], self.tokenizer, **limits)
        return tokens

    def collate(self, examples: Sequence[npt.NDArray[np.int32]]) -> Batch:
        """`input_ids`, `attention_mask` and `segments` (B, T), padded to the longest of the batch.

        Segments count from 1; 0 is padding.
        """
        longest = max(example.shape[1] for example in examples)
        pad = int(self.tokenizer.pad_token_id or 0)
        ids_BT = np.full((len(examples), longest), pad, dtype=np.int64)
        segments_BT = np.zeros((len(examples), longest), dtype=np.int64)
        for row, (ids, segments) in enumerate(examples):
            ids_BT[row, : len(ids)] = ids
            segments_BT[row, : len(ids)] = segments
        return {
            "input_ids": torch.from_numpy(ids_BT),
            "attention_mask": torch.from_numpy((segments_BT > 0).astype(np.int64)),
            "segments": torch.from_numpy(segments_BT),
        }


class FeatureExamples:
    """Features that were computed before: training a head on them never runs the backbone."""

    lengths = None

    def __init__(self, features_ND: npt.NDArray[np.float32]) -> None:
        self.features_ND = features_ND

    def __len__(self) -> int:
        return len(self.features_ND)

    def get(self, position: int, rng: np.random.Generator | None) -> npt.NDArray[np.float32]:
        """Features (D,) of one example."""
        features_D: npt.NDArray[np.float32] = self.features_ND[position]
        return features_D

    def collate(self, examples: Sequence[npt.NDArray[np.float32]]) -> Batch:
        """`features` (B, D)."""
        return {"features": torch.from_numpy(np.stack(examples))}


def _columns(chunk: list[tuple[str, ...]]) -> pa.Table:
    """Rows of texts as a table of one column a segment."""
    columns = [pa.array(column, pa.large_string()) for column in zip(*chunk, strict=True)]
    return pa.table(columns, names=[str(number) for number in range(len(columns))])


def _chunks(data: Data, rows: Rows, size: int = 10_000) -> list[list[tuple[str, ...]]]:
    """The rows' texts, some thousands at a time: every text column, then all other columns as one."""
    count = len(data.schema.of_kind("text"))
    rest = data.schema.of_kind("category", "number")
    whole = [texts(data, rows[start : start + size]) for start in range(0, len(rows), size)]
    if not rest:
        return whole
    return [[(*row[:count], "; ".join(filter(None, row[count:]))) for row in chunk] for chunk in whole]
