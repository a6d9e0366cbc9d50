"""Spellings: names that are one name, written in several ways."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping


def folded(name: str) -> str:
    """A name without the differences that a person would not mean.

    >>> folded(" Ice-Cream") == folded("ice cream") == folded("ICE_CREAM ")
    True
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    # Signs that carry meaning (+5, C++, <=50K, 3.5) stay.
    return re.sub(r"[\s_\-]+", " ", plain).strip(" .,;:!'\"")


def spellings(counts: Mapping[str, int]) -> list[list[str]]:
    """Names that fold to one, the most frequent first.

    >>> spellings({"Cat": 2, "dog": 9, "cat ": 5})
    [['cat ', 'Cat']]
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in counts:
        groups[folded(name)].append(name)
    return [sorted(group, key=lambda one: -counts[one]) for group in groups.values() if len(group) > 1]


def are_letters(names: list[str]) -> bool:
    """Whether names are single letters, of which a large and a small one may well be two classes.

    >>> are_letters(["a", "A"]), are_letters(["yes", "Yes"])
    (True, False)
    """
    return all(len(name.strip()) == 1 for name in names)
