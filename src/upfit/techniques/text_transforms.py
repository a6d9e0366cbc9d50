"""Ways to vary a text, each with one strength; at 0 they do nothing.

A text is taken apart into words, and joined again to the very same text where nothing was changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Rng = np.random.Generator
Words = list[str]
"""The words of a text, each with the white space behind it."""

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
"""Japanese, Chinese and Thai letters: written without spaces, so each counts as a word."""
_WORD = re.compile(rf"(?:[{_UNSPACED}]|[^\s{_UNSPACED}]+)\s*|\s+")
_LETTER = re.compile(r"[^\W\d_][\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0900-\u0903\u093a-\u094f]*")
"""A letter with the marks on it."""
_STOPS = ".,;:!?…"


def words_of(text: str) -> Words:
    r"""The words of a text with their white space; joined, they are the text.

    >>> words_of("two  words\n"), words_of("我想飞")
    (['two  ', 'words\n'], ['我', '想', '飞'])
    """
    return _WORD.findall(text)


def drop_words(words: Words, rng: Rng, *, rate: float) -> Words:
    """Without each word, with probability `rate`; one that is drawn stays where all would go."""
    kept = rng.random(len(words)) >= rate
    if not kept.any():
        kept[rng.integers(len(words))] = True
    return [word for word, keep in zip(words, kept, strict=True) if keep]


def swap_words(words: Words, rng: Rng, *, rate: float) -> Words:
    """Neighbours exchanged: about `rate` of all words end up in another place."""
    swapped = list(words)
    place = 0
    while place < len(words) - 1:
        # A pair moves two words, hence half the rate.
        if rng.random() < rate / 2:
            swapped[place], swapped[place + 1] = _exchanged(words[place], words[place + 1])
            place += 1
        place += 1
    return swapped


def mistype(words: Words, rng: Rng, *, rate: float) -> Words:
    """Slips of the finger in `rate` of the words of four letters or more: swapped, left out or doubled."""
    return [_mistyped(word, rng) if rng.random() < rate else word for word in words]


def change_case(words: Words, rng: Rng, *, rate: float) -> Words:
    """Each word in lower case, in upper case or capitalised, with probability `rate`."""
    changes: tuple[Callable[[str], str], ...] = (str.lower, str.upper, str.capitalize)
    return [changes[rng.integers(3)](word) if rng.random() < rate else word for word in words]


def change_stops(words: Words, rng: Rng, *, rate: float) -> Words:
    """Punctuation behind a word taken away, or put there where there is none, with probability `rate`."""
    return [_restopped(word, rng) if rng.random() < rate else word for word in words]


@dataclass(frozen=True)
class TextTransform:
    """A transform of the table.

    Args:
        apply: (words, rng, rate=strength) → words.
        greatest: Strength beyond which nothing sensible is left.
        unit: What strength counts.
    """

    apply: Callable[..., Words]
    greatest: float
    unit: str


TEXT_TRANSFORMS: dict[str, TextTransform] = {
    "drop": TextTransform(drop_words, 0.9, "probability of a word to go"),
    "swap": TextTransform(swap_words, 1.0, "share of words that move"),
    "typos": TextTransform(mistype, 1.0, "probability of a slip in a word"),
    "case": TextTransform(change_case, 1.0, "probability of a word to change its case"),
    "stops": TextTransform(change_stops, 1.0, "probability of punctuation to come or go"),
}
"""Every transform of texts by the name that recipes use, in the order in which they are best done."""


def _split(word: str) -> tuple[str, str]:
    """A word and the white space behind it."""
    bare = word.rstrip()
    return bare, word[len(bare) :]


def _exchanged(first: str, second: str) -> tuple[str, str]:
    """Two words the other way round; white space stays where it was."""
    (one, between), (other, after) = _split(first), _split(second)
    return other + between, one + after


def _mistyped(word: str, rng: Rng) -> str:
    letters = list(_LETTER.finditer(word))
    if len(letters) < 4:
        return word
    # The first letter stays: people see to that, and so do readers.
    place = int(rng.integers(1, len(letters) - 1))
    one, next_one = letters[place], letters[place + 1]
    slip = int(rng.integers(3))
    if slip == 0 and one.end() == next_one.start():
        middle = next_one.group() + one.group()
        return word[: one.start()] + middle + word[next_one.end() :]
    middle = one.group() * 2 if slip == 1 else ""
    return word[: one.start()] + middle + word[one.end() :]


def _restopped(word: str, rng: Rng) -> str:
    bare, space = _split(word)
    plain = bare.rstrip(_STOPS)
    if plain and plain != bare:
        return plain + space
    if bare and bare[-1].isalnum():
        return bare + _STOPS[rng.integers(len(_STOPS) - 1)] + space
    return word
