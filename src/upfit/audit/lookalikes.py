"""Words with letters of two scripts that look the same: p\u0430ypal, written with a Cyrillic a."""

from __future__ import annotations

import re

import pyarrow.compute as pc

from upfit.audit.finding import Severity, of_rows, percent, times
from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.values import Action, Finding

_PAIRS = {
    "Cyrillic": (
        "aceijopsxyhABCEHIJKMOPSTX",
        "\u0430\u0441\u0435\u0456\u0458\u043e\u0440\u0455\u0445\u0443\u04bb"
        "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425",
    ),
    "Greek": (
        "ovABEZHIKMNOPTYX",
        "\u03bf\u03bd\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7",
    ),
}
"""Latin letters, and those that look the same."""
_TO_LATIN = {
    other: latin for latins, others in _PAIRS.values() for latin, other in zip(latins, others, strict=True)
}
_FROM_LATIN = {name: dict(zip(latins, others, strict=True)) for name, (latins, others) in _PAIRS.items()}
_WORD = re.compile(r"[^\W\d_]{2,}")
_OTHER = re.compile("[\u0370-\u03ff\u0400-\u04ff]")
_MIXED = re.compile("[A-Za-z][\u0370-\u04ff]|[\u0370-\u04ff][A-Za-z]")
"""Two neighbours of two scripts: a quick look that passes over nearly all texts."""


def lookalikes(subject: Subject) -> Finding | None:
    """Texts in which words are put together from two scripts; a model reads other tokens than people do."""
    rows = [row for row, text in enumerate(subject.written) if not text.isascii() and without(text) != text]
    if not rows:
        return None
    share = len(rows) / len(subject.written)
    words = [_mixed_words(subject.written[row])[0] for row in rows[:12]]
    severity: Severity = "warning" if share >= 0.01 else "info"
    has = times(len(rows), "text has", "texts have")
    message = f"{has} words with letters of two scripts that look the same ({percent(share)})"
    because = "letters of another script within a word make it another word for a model"
    names = subject.data.schema.of_kind("text")
    actions = [
        Action(do="normalise", column=name, to="lookalikes", because=because)
        for name in names
        if any(text and without(text) != text for text in pc.unique(cells(subject.data, name)).to_pylist())
    ]
    examples = [f"row {row}: {word!a} for {without(word)}" for row, word in zip(rows, words, strict=False)]
    return of_rows(subject, "mixed_scripts", severity, message, rows=rows, examples=examples, actions=actions)


def without(text: str) -> str:
    r"""A text with the odd letters of each word written in the script of its others.

    >>> without("p\u0430ypal"), without("10 \u00b5m") == "10 \u00b5m"
    ('paypal', True)
    """
    return _WORD.sub(lambda found: _one_script(found.group()), text) if _MIXED.search(text) else text


def _mixed_words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if _one_script(word) != word]


def _one_script(word: str) -> str:
    """A word in the script of most of its letters, if that can be done letter by letter."""
    if not _MIXED.search(word):
        return word
    others = _OTHER.findall(word)
    if 2 * len(others) <= len(word):
        made = "".join(_TO_LATIN.get(sign, sign) for sign in word)
        return made if not _OTHER.search(made) else word
    name = "Greek" if "\u0370" <= others[0] <= "\u03ff" else "Cyrillic"
    made = "".join(_FROM_LATIN[name].get(sign, sign) for sign in word)
    return word if _MIXED.search(made) else made
