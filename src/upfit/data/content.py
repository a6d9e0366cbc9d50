"""Content keys: equal for rows whose inputs are exact duplicates, whatever their targets."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from upfit.data.cells import blocks
from upfit.data.source import PIXELS
from upfit.values import Data


def content_keys(data: Data) -> npt.NDArray[np.bytes_]:
    """(N,) keys of 64 bytes: a hash of decoded pixels, normalised text and the other inputs of each row.

    Text is normalised in Unicode form, letter case and white space; pixels count after orientation and
    conversion to RGB, so that a PNG and a BMP of one picture are duplicates.
    """
    columns = [column for column in data.schema.columns if column.kind != "image"]
    names = [column.name for column in columns]
    texts = [column.kind == "text" for column in columns]
    if data.schema.of_kind("image"):
        names, texts = [PIXELS, *names], [False, *texts]
    found = [_digests(block, texts, pixels=names == [PIXELS]) for block in blocks(data, names)]
    return np.concatenate(found)


def _digests(block: Sequence[pa.Array], texts: Sequence[bool], *, pixels: bool) -> npt.NDArray[np.bytes_]:
    """Keys of a block of rows; hashes of pixels alone are keys as they are."""
    if pixels:
        return np.array(block[0].to_pylist(), dtype="S64")
    columns = [_cells(column, text) for column, text in zip(block, texts, strict=True)]
    return np.array([_digest(row) for row in zip(*columns, strict=True)], dtype="S64")


def _cells(column: pa.Array, text: bool) -> list[str]:
    values = column.to_pylist()
    if text:
        return [normalised(value or "") for value in values]
    return ["" if value is None else str(value) for value in values]


def normalised(text: str) -> str:
    r"""Text without the differences that do not make it another text.

    >>> normalised("  Caf\u0065\u0301\n NOIR ") == "caf\u00e9 noir"
    True
    """
    folded = text.casefold()
    composed = folded if folded.isascii() else unicodedata.normalize("NFC", folded)
    return " ".join(composed.split())


def _digest(row: Sequence[str]) -> str:
    joined = "\x1f".join(row).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=32).hexdigest()
