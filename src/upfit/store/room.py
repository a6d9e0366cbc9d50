"""Whether a folder can be made: asked before minutes of work, not after them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from upfit.errors import RunFolderError


def require_room(folder: Path) -> None:
    """Refuse a folder that cannot be made or written to; nothing is left behind.

    Args:
        folder: Where results are to go; it need not be there yet.

    Raises:
        RunFolderError: The file system refuses, or something on the way is a file.

    Example:
        >>> require_room(Path("results/of/nobody"))
        >>> Path("results").exists()
        False
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(None, "it cannot be written to")
    except OSError as error:
        raise RunFolderError(
            f"cannot create the folder {folder}: {error.strerror}", hint="choose another --out"
        ) from None
    finally:
        for place in made:
            with contextlib.suppress(OSError):
                place.rmdir()
