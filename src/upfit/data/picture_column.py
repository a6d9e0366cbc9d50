"""Image columns: paths, encoded files or structs become image cells that were looked at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from upfit.data.arrays import is_text
from upfit.data.cache import Notes, cached, digest_of, stream_writer
from upfit.data.image_folder import IMAGE, image_array
from upfit.data.source import HEIGHT, PIXELS, WIDTH
from upfit.data.verify import Advance, Verified, verify
from upfit.values import Finding

Spans = Sequence[tuple[Any, int, int, Path | None]]
_LOOKED_AT = pa.schema(
    [("pixels", pa.string()), ("width", pa.int32()), ("height", pa.int32()), ("fault", pa.string())]
)


def as_images(column: pa.ChunkedArray, spans: Spans) -> pa.ChunkedArray:
    """The column as image cells; relative paths start at the folder of the table they came from."""
    if is_text(column.type):
        chunks = [_from_paths(column[start:stop], folder) for _, start, stop, folder in spans]
        return pa.chunked_array(chunks, IMAGE)
    if pa.types.is_struct(column.type):
        return pa.chunked_array([_from_structs(chunk, spans[0][3]) for chunk in column.chunks], IMAGE)
    return pa.chunked_array([_from_bytes(chunk) for chunk in column.chunks], IMAGE)


def _from_paths(column: pa.ChunkedArray, folder: Path | None) -> pa.Array:
    return image_array([_absolute(cell, folder) for cell in column.to_pylist()])


def _absolute(cell: str | None, folder: Path | None) -> str | None:
    """The path of an image; addresses stay as they are, and are refused when opened."""
    if cell is None or "://" in cell or not cell.strip():
        return cell or None
    path = Path(cell.strip().replace("\\", "/") if os.sep == "/" and "/" not in cell else cell.strip())
    return str(path if path.is_absolute() else (folder or Path.cwd()).absolute() / path)


def _from_structs(chunk: pa.StructArray, folder: Path | None) -> pa.Array:
    contents = chunk.field(chunk.type.get_field_index("bytes")).cast(pa.binary())
    place = chunk.type.get_field_index("path")
    paths: list[str | None] = chunk.field(place).to_pylist() if place >= 0 else [None] * len(chunk)
    inside = pc.is_valid(contents).to_pylist()
    kept = [path if known else _absolute(path, folder) for path, known in zip(paths, inside, strict=True)]
    return pa.StructArray.from_arrays([pa.array(kept, pa.string()), contents], fields=list(IMAGE))


def _from_bytes(chunk: pa.Array) -> pa.Array:
    none = pa.nulls(len(chunk), pa.string())
    return pa.StructArray.from_arrays([none, chunk.cast(pa.binary())], fields=list(IMAGE))


def look_at(images: pa.ChunkedArray, *, key: str | None, advance: Advance | None = None) -> Verified:
    """Decode every image once.

    What was seen is cached until a file changes; `key` stands for the bytes, and None asks for no cache.
    """
    if key is None:
        return verify(_cells(images), total=len(images), advance=advance)
    digest = digest_of("pixels", key, _stats(images))
    table, _ = cached(digest, lambda aside: _look(images, aside, advance))
    faults = table["fault"].to_pylist()
    return Verified(
        pixels=np.asarray(table["pixels"].to_numpy(), dtype="S64"),
        width=table["width"].to_numpy(),
        height=table["height"].to_numpy(),
        faults={row: fault for row, fault in enumerate(faults) if fault},
    )


def _look(images: pa.ChunkedArray, aside: Path, advance: Advance | None) -> Notes:
    seen = verify(_cells(images), total=len(images), advance=advance)
    faults = [seen.faults.get(row, "") for row in range(len(images))]
    columns = [
        pa.array(seen.pixels.astype(str)),
        pa.array(seen.width),
        pa.array(seen.height),
        pa.array(faults),
    ]
    with stream_writer(aside, _LOOKED_AT) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=_LOOKED_AT))
    return Notes()


def _cells(images: pa.ChunkedArray) -> Iterator[dict[str, Any]]:
    """Image cells one by one, a few in memory at a time."""
    for chunk in images.chunks:
        for start in range(0, len(chunk), 64):
            yield from (cell or {} for cell in chunk[start : start + 64].to_pylist())


def _stats(images: pa.ChunkedArray) -> str:
    """Path, size and time of change of every file, as one string; cells with bytes count as the key does."""
    paths = pc.struct_field(images, "path").to_pylist()
    return "\n".join(f"{path}|{_stat(path)}" for path in paths)


def _stat(path: str | None) -> str:
    try:
        status = Path(path).stat() if path else None
    except (OSError, ValueError):
        return "gone"
    return f"{status.st_size}|{status.st_mtime_ns}" if status else ""


def unreadable(
    faults: dict[int, str], total: int, *, limit: int = 20, so: str = "were left out"
) -> tuple[Finding, ...]:
    """What to tell about images that cannot be read; `so` says what became of them."""
    if not faults:
        return ()
    message = f"{len(faults)} of {total} images cannot be read and {so}"
    evidence = {"files": float(len(faults)), "files_read": float(total - len(faults))}
    shown = tuple(list(faults.values())[:limit])
    return (
        Finding(
            kind="unreadable_file", severity="warning", message=message, evidence=evidence, examples=shown
        ),
    )


def pixel_columns(looks: Sequence[Verified]) -> dict[str, pa.Array]:
    """The hidden columns of rows with images: hashes of their pixels, and the first image's size."""
    pixels = pa.array(_combined_pixels(looks).astype(str))
    return {PIXELS: pixels, WIDTH: pa.array(looks[0].width), HEIGHT: pa.array(looks[0].height)}


def _combined_pixels(looks: Sequence[Verified]) -> npt.NDArray[np.bytes_]:
    """One hash a row: the image's own, or a digest over those of several image columns."""
    if len(looks) == 1:
        return looks[0].pixels
    joined = zip(*(look.pixels.astype(str) for look in looks), strict=True)
    return np.array([digest_of(*cells) for cells in joined], dtype="S64")
