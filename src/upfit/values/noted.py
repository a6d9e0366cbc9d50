"""Notes that were shown: each is shown once."""

from __future__ import annotations


class Noted:
    """Remembers notes.

    >>> noted = Noted()
    >>> [noted.is_new("the first"), noted.is_new("the first"), noted.is_new("another")]
    [True, False, True]
    """

    def __init__(self) -> None:
        self._texts = set[str]()

    def is_new(self, text: str) -> bool:
        """Whether a note comes for the first time; from now on it does not."""
        new = text not in self._texts
        self._texts.add(text)
        return new
