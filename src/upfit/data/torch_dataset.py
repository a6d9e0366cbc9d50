"""torch Datasets and DataLoaders of (PIL image, uint8 tensor or text; label)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset

from upfit.data.cache import cache_folder, mapped, stream_writer
from upfit.data.fingerprint import table_key
from upfit.data.frame import encoded
from upfit.data.image_folder import image_array
from upfit.data.source import Source
from upfit.errors import DataError

_BATCH_ROWS = 200
_EXPECTED = "(PIL image, uint8 tensor, 0..1 float tensor or str; int, str, float or 0/1 vector)"


def read_torch(given: Dataset[Any] | DataLoader[Any]) -> Source:
    """Read every example of a map-style dataset once, in order; images are kept as PNG.

    A DataLoader's dataset is read without its sampler and collation, which belong to training.

    Raises:
        DataError: No length, no examples, or examples of another shape.
    """
    dataset = given.dataset if isinstance(given, DataLoader) else given
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        raise DataError("an iterable dataset cannot be split", expected="a map-style torch Dataset")
    if not len(dataset):
        raise DataError("the torch dataset has no examples")
    table = _written(dataset)
    name = "image" if pa.types.is_struct(table.schema.field(0).type) else "text"
    table = table.rename_columns([name, "label"])
    kind = table.schema.field("label").type
    return Source(
        table,
        key=table_key(table),
        name="a torch dataset",
        lists=frozenset(["label"] if pa.types.is_list(kind) else []),
        target=("label",),
        classes=frozenset([] if pa.types.is_floating(kind) else ["label"]),
    )


def _written(dataset: Any) -> pa.Table:
    """The examples in a file that is mapped and then unlinked: it lives as long as the table."""
    aside = cache_folder() / f".torch-{uuid.uuid4().hex}.part"
    batches = _batches(dataset, _class_names(dataset))
    first = next(batches)
    try:
        with stream_writer(aside, first.schema) as writer:
            for batch in chain([first], batches):
                writer.write_batch(batch)
        return mapped(aside)
    except pa.ArrowInvalid as error:
        raise DataError(f"the examples are not all of one shape: {error}", expected=_EXPECTED) from None
    finally:
        aside.unlink(missing_ok=True)


def _class_names(dataset: Any) -> list[str]:
    """Names of the classes as torchvision's datasets carry them; empty where there are none."""
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    names = getattr(dataset, "classes", None) or []
    return [str(name) for name in names]


def _batches(dataset: Any, classes: list[str]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(dataset), _BATCH_ROWS):
        rows = [_pair(dataset[row], row) for row in range(start, min(start + _BATCH_ROWS, len(dataset)))]
        inputs = _inputs([first for first, _ in rows])
        labels = _labels([second for _, second in rows], classes)
        yield pa.RecordBatch.from_arrays([inputs, labels], names=["input", "label"])


def _pair(example: Any, row: int) -> tuple[Any, Any]:
    if isinstance(example, tuple | list) and len(example) == 2:
        return example[0], example[1]
    got = f"{type(example).__name__} at index {row}"
    raise DataError("an example is not an (input, label) pair", expected=_EXPECTED, got=got)


def _inputs(cells: list[Any]) -> pa.Array:
    if all(isinstance(cell, str) for cell in cells):
        return pa.array(cells, pa.string())
    return image_array([None] * len(cells), [encoded(_as_image(cell)) for cell in cells])


def _as_image(cell: Any) -> Image.Image:
    """A PIL image from a PIL image, a (C, H, W) or (H, W) tensor, or an (H, W, C) array."""
    if isinstance(cell, Image.Image):
        return cell
    if isinstance(cell, torch.Tensor) and cell.ndim in (2, 3):
        cell = cell.permute(1, 2, 0).numpy(force=True) if cell.ndim == 3 else cell.numpy(force=True)
    if not isinstance(cell, np.ndarray) or cell.ndim not in (2, 3):
        raise DataError("an input cannot be read", expected=_EXPECTED, got=_shape(cell))
    if cell.ndim == 3 and cell.shape[2] == 1:
        cell = cell[:, :, 0]
    return Image.fromarray(_eight_bits(cell))


def _eight_bits(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """uint8 as it is; floats within 0..1, as torchvision's ToTensor makes them, times 255."""
    if pixels.dtype == np.uint8:
        return pixels
    if np.issubdtype(pixels.dtype, np.floating) and pixels.min() >= 0 and pixels.max() <= 1:
        scaled: np.ndarray[Any, Any] = np.rint(pixels * 255).astype(np.uint8)
        return scaled
    span = f"{pixels.dtype} from {pixels.min():g} to {pixels.max():g}"
    hint = "give the dataset without normalisation and augmentation: upfit does both"
    raise DataError("a tensor is no plain image", expected=_EXPECTED, got=span, hint=hint)


def _shape(cell: Any) -> str:
    shape = getattr(cell, "shape", None)
    return type(cell).__name__ + (f" of shape {tuple(shape)}" if shape is not None else "")


def _labels(cells: list[Any], names: list[str]) -> pa.Array:
    """Labels as class names, as lists of class names (0/1 vectors), or as floats."""
    plain = [
        cell.tolist() if isinstance(cell, torch.Tensor | np.ndarray | np.generic) else cell for cell in cells
    ]
    if any(isinstance(cell, list) for cell in plain):
        return pa.array([_marked(cell, names) for cell in plain], pa.list_(pa.string()))
    if any(isinstance(cell, float) for cell in plain):
        return pa.array(plain, pa.float64())
    return pa.array([_class_name(cell, names) for cell in plain], pa.string())


def _class_name(cell: Any, names: list[str]) -> str | None:
    if isinstance(cell, int) and not isinstance(cell, bool) and 0 <= cell < len(names):
        return names[cell]
    return None if cell is None else str(cell)


def _marked(vector: Any, names: list[str]) -> list[str]:
    """Names of the classes whose entry in a 0/1 vector is 1."""
    if not isinstance(vector, list) or any(entry not in (0, 1) for entry in vector):
        raise DataError("a label vector may only hold 0 and 1", got=repr(vector)[:80])
    return [_class_name(place, names) or "" for place, entry in enumerate(vector) if entry]
