"""What names and texts from data may do to a terminal or a page: nothing."""

from __future__ import annotations

import re

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and newline, and those that turn the direction of all that follows."""


def printable(text: str) -> str:
    r"""The text with all characters that command a terminal written out.

    An escape sequence in a class name could clear the screen, set its title, or hide a line.

    >>> print(printable("cat\x1b[2J"))
    cat\x1b[2J
    """
    return _COMMANDS.sub(lambda found: ascii(found[0])[1:-1], text)
