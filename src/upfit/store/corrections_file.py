"""A file of corrections on disk: read it, or append to it so that not even a power cut loses a decision."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from typing import Any

from upfit.errors import InputError
from upfit.store.atomic import sync
from upfit.values.corrections import Correction, Corrections, Fits, Standing, line_of


def read_corrections(path: str | Path, *, fits: Fits | None = None) -> Corrections:
    """The corrections in a file.

    Args:
        path: The file.
        fits: Raises `InputError` for a decision that cannot be one about the data.

    Raises:
        InputError: It cannot be read, or holds something else, or what does not fit.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InputError(f"the corrections {path} cannot be read: {reason}") from None
    return Corrections.from_lines(text, str(path), fits=fits)


class Ledger:
    """An open file of corrections. Each decision is on the disk before `add` returns.

    Lines are only ever appended. A file is locked while it is open, so that two pages do not write into one.

    Args:
        path: The file; made where there is none.
        about: Corrections without entries: the data that they belong to.
        fits: Raises `InputError` for a decision that cannot be one about the data.

    Raises:
        InputError: It belongs to other data, is in use, is damaged, cannot be written, or holds a decision
            that does not fit; it stays as it was.

    Example:
        >>> import tempfile
        >>> about = Corrections(fingerprint="f", target="label")
        >>> ledger = Ledger(Path(tempfile.mkdtemp(), "corrections.jsonl"), about)
        >>> _ = ledger.add(Correction(row=3, do="drop", by="ada"))
        >>> read_corrections(ledger.path).final()[3].do
        'drop'
        >>> ledger.close()
    """

    def __init__(self, path: Path, about: Corrections, fits: Fits | None = None) -> None:
        self.path = path
        self._fits = fits
        self._writing = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what a full disk refused must not be written with the next decision.
            self._file = path.open("a+b", buffering=0)
        except OSError as error:
            raise _unwritable(path, error) from None
        try:
            self._take()
            self._about = self._opened(about)
        except BaseException:
            self.close()
            raise
        self._entries = list(self._about.entries)
        self.standing = Standing(self._entries)

    @property
    def corrections(self) -> Corrections:
        """All that was decided so far."""
        return self._about.model_copy(update={"entries": tuple(self._entries)})

    def add(self, correction: Correction) -> Correction:
        """Append a decision, and wait until the disk has it; returns it with its time.

        Raises:
            InputError: The disk is full or gone; nothing was decided then.
        """
        with self._writing:
            # A clock that was set back must not put a decision before an earlier one.
            last = self._entries[-1].time if self._entries else 0.0
            stamped = correction.replace(time=max(time.time(), last + 1e-6))
            self._append(line_of(stamped))
            self._entries.append(stamped)
            self.standing.add(stamped)
            return stamped

    def close(self) -> None:
        """Let others have the file; safe to call twice."""
        self._file.close()

    def _take(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            hint = "close the other review page, or --corrections ANOTHER and --merge later"
            raise InputError(f"{self.path} is in use by another upfit review", hint=hint) from None

    def _opened(self, about: Corrections) -> Corrections:
        """What the file holds; a new one gets its header, a torn last line is cut off."""
        self._file.seek(0)
        content = self._file.readall()
        if not content.strip():
            self._append(about.header())
            sync(self.path.parent)
            return about
        try:
            made = read_corrections(self.path, fits=self._fits)
        except InputError:
            # What does not fit these data may well be about others: that is said first.
            read_corrections(self.path).require(about.fingerprint)
            raise
        made.require(about.fingerprint)
        if not content.endswith(b"\n"):
            self._mend(content, made)
        return made

    def _mend(self, content: bytes, made: Corrections) -> None:
        """End the last line, or cut it off where a kill left half of one."""
        whole = content[: content.rfind(b"\n") + 1]
        if len(Corrections.from_lines(whole.decode("utf-8-sig")).entries) == len(made.entries):
            self._file.truncate(len(whole))
        else:
            self._append("\n")

    def _append(self, text: str) -> None:
        before = os.fstat(self._file.fileno()).st_size
        try:
            rest = text.encode()
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._forget(before)
            raise _unwritable(self.path, error) from None

    def _forget(self, size: int) -> None:
        """Take back what a full disk let through of a line."""
        try:
            os.ftruncate(self._file.fileno(), size)
        except OSError:
            return


def _unwritable(path: Path, error: Any) -> InputError:
    reason = error.strerror or error
    return InputError(f"cannot write {path}: {reason}", hint="free some space, or --corrections ANOTHER")
