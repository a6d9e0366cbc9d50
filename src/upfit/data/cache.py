"""Arrow files that upfit keeps between runs: written aside, renamed when whole, found by their key."""

from __future__ import annotations

import atexit
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pyarrow as pa
from pydantic import Field

from upfit.errors import DataError
from upfit.values import Finding, Value

VERSION = "2"
"""Part of every key: raised when what is written changes, so that old files are not mistaken for new."""

KEEP_SECONDS = 30 * 24 * 3600.0
"""Files that nobody opened for this long are removed when a new one is written."""


class Notes(Value):
    """What is kept beside a cached table: what its reader noticed, and facts by name."""

    findings: tuple[Finding, ...] = ()
    facts: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def cache_folder() -> Path:
    """The folder for cached tables: `$UPFIT_CACHE/data`, or `~/.cache/upfit/data`.

    Falls back to a private temporary folder where the first cannot be written.
    """
    chosen = os.environ.get("UPFIT_CACHE")
    folder = Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "upfit"
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if chosen:
            raise DataError(f"the cache folder {folder} cannot be written: {error.strerror}") from None
        return _temporary()
    return folder / "data" if os.access(folder / "data", os.W_OK) else _temporary()


@cache
def _temporary() -> Path:
    """A folder for this process alone, removed when it ends."""
    folder = tempfile.TemporaryDirectory(prefix="upfit-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def digest_of(*parts: str) -> str:
    """SHA-256 (hex) over strings; a part's end is unmistakable."""
    return hashlib.sha256("\x00".join((VERSION, *parts)).encode("utf-8", "surrogatepass")).hexdigest()


def cache_path(key: str) -> Path:
    """Where the table of that key is kept, or will be."""
    return cache_folder() / f"{key}.arrow"


def cached(key: str, write: Callable[[Path], Notes]) -> tuple[pa.Table, Notes]:
    """The table kept under `key`, memory-mapped, and its notes; `write` makes both where they are missing.

    Raises:
        DataError: The disk is full or cannot be written.
    """
    path = cache_path(key)
    notes = path.with_suffix(".json")
    if path.exists() and notes.exists():
        with suppress(OSError):
            os.utime(path)
        return mapped(path), Notes.model_validate_json(notes.read_text("utf-8"))
    with _written_aside(path) as aside, _written_aside(notes) as notes_aside:
        noted = write(aside)
        notes_aside.write_text(noted.model_dump_json(), "utf-8")
    _forget_old(path.parent)
    return mapped(path), noted


@contextmanager
def _written_aside(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that takes its place when the block ends well."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        yield aside
        aside.replace(path)
    except OSError as error:
        hint = "free some space, or set UPFIT_CACHE to a folder on a larger disk"
        raise DataError(f"cannot write {path.parent}: {error.strerror or error}", hint=hint) from error
    finally:
        with suppress(OSError):
            aside.unlink()


def _forget_old(folder: Path) -> None:
    """Remove tables that have not been opened for a month; a table in use stays readable while mapped."""
    oldest = time.time() - KEEP_SECONDS
    for path in folder.glob("*.arrow"):
        with suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
                path.with_suffix(".json").unlink()


@contextmanager
def stream_writer(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatchStreamWriter]:
    """An Arrow stream file to write batches to."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        yield writer


def mapped(path: Path) -> pa.Table:
    """The table in an Arrow stream file, memory-mapped: no cell is read before it is asked for."""
    return pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
