"""Which encoding a text file is in, and a stream that reads it as UTF-8."""

from __future__ import annotations

import codecs
import io
import re
from pathlib import Path

from charset_normalizer import from_bytes
from typing_extensions import Buffer

from upfit.data.scan import Scan
from upfit.values import Finding

_MIXED = "upfit-mixed"


def _single_byte(error: UnicodeError) -> tuple[str, int]:
    """Read bytes that are not UTF-8 as Windows-1252, or Latin-1 where that has no character."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    try:
        return wrong.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return wrong.decode("latin-1"), error.end


codecs.register_error(_MIXED, _single_byte)


def detect(found: Scan) -> tuple[str, str]:
    """The name of a file's encoding, and how to treat bytes that do not fit it.

    Looks for a byte order mark, then valid UTF-8, then UTF-16 without a mark, then a file that is UTF-8 but
    for a few lines, then Chinese (GB 18030), then what charset-normalizer makes of it.
    """
    if found.bom:
        return found.bom, "replace"
    if found.utf8 and not found.wide:
        return "utf-8", "strict"
    if found.wide:
        big = found.head[0::2].count(0) > found.head[1::2].count(0)
        return ("utf-16-be" if big else "utf-16-le"), "replace"
    if _mostly_utf8(found.foreign):
        return "utf-8", _MIXED
    return _legacy(found.foreign), "replace"


def _mostly_utf8(sample: bytes) -> bool:
    """Whether more of the lines that are not ASCII are UTF-8 than not."""
    lines = sample.splitlines()
    return sum(_decodes(line, "utf-8") for line in lines) * 2 > len(lines)


def _legacy(sample: bytes) -> str:
    """An encoding from before UTF-8."""
    lines = [line for line in sample.splitlines() if line]
    if lines and all(_decodes(line, "gb18030") for line in lines[:-1]) and _is_chinese(lines):
        return "gb18030"
    western = "cp1252" if _decodes(sample, "cp1252") else "latin-1"
    if _is_western(sample.decode(western)):
        return western
    best = from_bytes(sample, cp_isolation=_SINGLE_OR_ASIAN).best()
    return western if best is None else best.encoding


def _is_western(text: str) -> bool:
    """Whether a reading as Western European gives words: mostly plain letters, no signs inside words.

    Cyrillic read so is all accents; Polish read so has a superscript three for its crossed l.
    """
    letters = [character for character in text if character.isalpha()]
    accented = sum(not character.isascii() for character in letters)
    signs = sum(not sign.isalpha() and sign not in _TYPOGRAPHIC for sign in _INSIDE_WORD.findall(text))
    return accented < 0.3 * len(letters) and signs <= 0.1 * accented


_TYPOGRAPHIC = "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u00ad\u00b7\u00a0"
_INSIDE_WORD = re.compile(r"(?<=[^\W\d_])([^\x00-\x7f])(?=[^\W\d_])")
_SINGLE_OR_ASIAN = ["cp1250", "cp1251", "koi8_r", "cp1253", "cp932", "euc_jp", "euc_kr", "big5"]


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _is_chinese(lines: list[bytes]) -> bool:
    """Whether most characters beyond ASCII are everyday Chinese ones (GB 2312 level one and punctuation)."""
    text = b"\n".join(lines).decode("gb18030", "ignore")
    foreign = [character for character in text if not character.isascii()]
    common = sum(_is_common(character) for character in foreign)
    return common > 0.7 * len(foreign)


def _is_common(character: str) -> bool:
    """Level one of GB 2312 (3,755 characters in everyday use) has lead bytes B0 to D7."""
    encoded = character.encode("gb18030")
    return len(encoded) == 2 and (0xB0 <= encoded[0] <= 0xD7 or 0xA1 <= encoded[0] <= 0xA3)


class Utf8Stream(io.RawIOBase):
    """A text file of any encoding, read as UTF-8 bytes a block at a time."""

    def __init__(self, path: Path, encoding: str, errors: str) -> None:
        self._file = path.open("rb")
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._left = b""
        self._ended = False

    def readable(self) -> bool:
        """Always: this is a stream to read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Fill the buffer with UTF-8 bytes, less only at the end of the file."""
        view = memoryview(buffer)
        while len(self._left) < len(view):
            block = self._file.read(1 << 20)
            text = self._decoder.decode(block, final=not block)
            self._left += text.encode("utf-8", "replace")
            if not block:
                self._end_line()
                break
        count = min(len(view), len(self._left))
        view[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _end_line(self) -> None:
        """Close the last line where the file leaves it open: Arrow refuses a file of one open line."""
        if not self._ended and self._left:
            self._left += b"" if self._left.endswith(b"\n") else b"\n"
        self._ended = True

    def close(self) -> None:
        """Close the file below."""
        self._file.close()
        super().close()


def encoding_findings(path: Path, encoding: str, errors: str) -> tuple[Finding, ...]:
    """A note where the encoding had to be guessed, a warning where one file mixes two."""
    if errors == _MIXED:
        message = f"{path.name} is UTF-8 with some lines in another encoding; those were read as Windows-1252"
        return (Finding(kind="mixed_encoding", severity="warning", message=message),)
    if encoding.startswith(("utf-8", "utf-16")):
        return ()
    message = f"{path.name} is not UTF-8; it was read as {encoding}"
    return (Finding(kind="guessed_encoding", severity="info", message=message),)
