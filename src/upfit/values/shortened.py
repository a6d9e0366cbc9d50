"""Names and texts from data within a line of our own."""

from __future__ import annotations


def shortened(text: str, length: int = 60) -> str:
    """Text on one line, cut with an ellipsis.

    >>> shortened("a very long name", 8)
    'a very …'
    """
    # Of a text of many megabytes no more is looked at than could be shown.
    line = " ".join(text[: 10 * length].split())
    return line if len(line) <= length and len(text) <= 10 * length else line[: length - 1] + "…"
