"""One pass over a text file, a block at a time: its digest, and what its bytes say about its encoding."""

from __future__ import annotations

import codecs
import hashlib
from dataclasses import dataclass
from pathlib import Path

from upfit.errors import DataError

BLOCK = 1 << 20
LONGEST_LINE = 16 << 20
"""Bytes. A longer line is not a table row; reading stops there instead of filling the memory."""

_KEPT_BYTES = 1 << 16


@dataclass
class Scan:
    """What one pass found.

    Args:
        digest: SHA-256 (hex) of the whole file.
        bom: The encoding that a byte order mark names, or "".
        utf8: Whether every byte is valid UTF-8.
        head: The first 64 KiB.
        foreign: Up to 64 KiB of lines that are not ASCII, for guessing the encoding.
        longest: Bytes in the longest line.
    """

    digest: str = ""
    bom: str = ""
    utf8: bool = True
    head: bytes = b""
    foreign: bytes = b""
    longest: int = 0

    @property
    def wide(self) -> bool:
        """Whether the bytes come in pairs: a UTF-16 mark, or a zero in every other byte of the head."""
        return self.bom.startswith("utf-16") or self.head.count(0) > len(self.head) * 0.2


def scan(path: Path) -> Scan:
    """Read a file once, never holding more than a block of it.

    Raises:
        DataError: The file is empty, or has a line of more than 16 MiB.
    """
    found, sha, current = Scan(), hashlib.sha256(), 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if not found.head:
                found.head, found.bom = block[:_KEPT_BYTES], _bom(block)
            sha.update(block)
            current = _measure_lines(block, current, found)
            if current > LONGEST_LINE * (2 if found.wide else 1):
                raise _too_long(path)
            _check_encoding(block, decoder, found)
    if not found.head:
        raise DataError(f"{path} is empty", expected="a header line and rows")
    found.utf8 = found.utf8 and _ends_whole(decoder)
    found.digest = sha.hexdigest()
    return found


def _bom(block: bytes) -> str:
    marks = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
    return next((name for mark, name in marks if block.startswith(mark)), "")


def _measure_lines(block: bytes, current: int, found: Scan) -> int:
    """Bytes of the line that the block leaves open; `found.longest` is raised where a line beats it."""
    newline = b"\n" if b"\n" in block else b"\r"
    lines = block.split(newline)
    lengths = [current + len(lines[0]), *map(len, lines[1:])]
    found.longest = max(found.longest, *lengths)
    return lengths[-1] if len(lines) > 1 else current + len(block)


def _check_encoding(block: bytes, decoder: codecs.IncrementalDecoder, found: Scan) -> None:
    """Note whether the block is UTF-8, and keep some of its lines that are not ASCII."""
    if found.utf8:
        try:
            decoder.decode(block)
        except UnicodeDecodeError:
            found.utf8 = False
    if len(found.foreign) < _KEPT_BYTES and not block.isascii():
        lines = [line for line in block.splitlines(keepends=True) if not line.isascii()]
        found.foreign = (found.foreign + b"".join(lines))[:_KEPT_BYTES]


def _ends_whole(decoder: codecs.IncrementalDecoder) -> bool:
    """Whether no character was cut off at the end of the file."""
    return decoder.getstate()[0] == b""


def _too_long(path: Path) -> DataError:
    limit = LONGEST_LINE >> 20
    return DataError(
        f"{path} has a line of more than {limit} MiB, which is no row of a table",
        expected="one row a line (CSV), or one JSON object a line (JSONL)",
        hint="check that the file has line breaks, and that no quote is left open",
    )
