"""How much of two texts is the same, in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

LEAST_EQUAL = 0.85
"""The part of both that has to stand in the same order: with the words turned round it is another one."""
SETTLED = 0.92
"""Share in common from which on whole runs are not compared any more: they say the same."""
SHORTEST = 25
"""Characters of the longer text below which similar texts are the nature of the data (commands, names)."""
LONG = 400
"""Characters beyond which texts are compared word by word."""


def nearly_equal(one: str, other: str) -> bool:
    """Whether most of two normalised texts is the same, in the same order; short ones have to be equal.

    >>> nearly_equal("what is the weather like today", "what is the weather like todays")
    True
    >>> nearly_equal("play some jazz in the kitchen", "in the kitchen play some jazz")
    False
    """
    longest = max(len(one), len(other))
    if one == other or longest < SHORTEST:
        return one == other
    pieces: tuple[Sequence[str], Sequence[str]] = (one, other)
    if longest > LONG:
        pieces = (one.split(), other.split())
    # What is common letter by letter is at least what is common run by run, and is found much faster.
    share = 2 * longest_common(*pieces) / max(1, len(pieces[0]) + len(pieces[1]))
    if share < LEAST_EQUAL or share >= SETTLED:
        return share >= SETTLED
    return SequenceMatcher(None, *pieces, autojunk=False).ratio() >= LEAST_EQUAL


def longest_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, all of a row of the table in one integer.

    Hyyrö 2004, "Bit-parallel LCS-length computation revisited".

    >>> longest_common("kitten", "sitting"), longest_common("abc", "")
    (4, 0)
    """
    places: dict[str, int] = {}
    for place, piece in enumerate(one):
        places[piece] = places.get(piece, 0) | (1 << place)
    full = (1 << len(one)) - 1
    row = full
    for piece in other:
        if (here := places.get(piece)) is not None:
            met = row & here
            row = ((row + met) | (row - met)) & full
    return len(one) - row.bit_count()
