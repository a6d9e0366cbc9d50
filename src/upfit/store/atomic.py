"""Write aside, fsync, rename: a kill at any instant leaves the old file or the new one, never half of one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from upfit.errors import RunFolderError


@contextmanager
def aside(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed onto it when the block ends well.

    Raises:
        RunFolderError: The disk is full or the folder cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    except Exception as error:
        reason = _refused(error)
        if reason is None:
            raise
        raise RunFolderError(
            f"cannot write {path}: {reason}",
            hint="free some space or choose another place with --out; what was saved before is intact",
        ) from error
    finally:
        # Where not even the folder is there, the reason given above is the one to tell.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _refused(error: Exception) -> str | None:
    """Why the system refused to write; None for any other fault.

    Libraries written in Rust (safetensors) name the system's error in the text of an exception of their own.
    """
    if isinstance(error, OSError):
        return error.strerror or str(error)
    number = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(number[1])) if number else None


def is_leftover(name: str, names: Iterable[str]) -> bool:
    """Whether a file is the half of one of `names` that a kill left beside it.

    >>> is_leftover(".audit.html.4711.tmp", ["audit.html"]), is_leftover("notes.tmp", ["audit.html"])
    (True, False)
    """
    return any(re.fullmatch(rf"\.{re.escape(one)}\.\d+\.tmp", name) for one in names)


def write_text(path: Path, text: str) -> None:
    """Replace the file's content with `text` (UTF-8)."""
    write_with(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_with(path: Path, write: Callable[[Path], object]) -> None:
    """Replace the file with what `write(temporary_path)` wrote."""
    with aside(path) as temporary:
        write(temporary)


def sync(path: Path) -> None:
    """Flush a file's content, or the names in a folder, to the disk: they survive a power cut then."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
