"""The same words at the beginning or the end of many texts: headers, signatures, disclaimers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import pyarrow.compute as pc

from upfit.audit.finding import of_rows, times
from upfit.audit.subject import Subject
from upfit.data.cells import cells
from upfit.values import Action, Finding

LONG_LINE = 40
"""Characters that a shared beginning or ending needs to count as boilerplate."""
Where = Literal["begin", "end"]


def boilerplate(subject: Subject) -> tuple[Finding, ...]:
    """One finding a text column with the same words at the beginning or the end of many different texts."""
    names = subject.data.schema.of_kind("text")
    return tuple(one for name in names if (one := _finding(subject, name)) is not None)


def shared_line(texts: Sequence[str], where: Where) -> str:
    """The longest beginning or ending that texts share, of whole words.

    >>> shared_line(["Sent from my phone: yes", "Sent from my phone: yesterday"], "begin")
    'Sent from my phone:'
    """
    if where == "end":
        return shared_line([text[::-1] for text in texts], "begin")[::-1]
    low, high = min(texts), max(texts)
    # What the first and the last in the alphabet share, all others share too.
    same = next((k for k, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    line = low[:same]
    if line[-1:].isalnum() and any(text[same : same + 1].isalnum() for text in texts):
        line = line.rpartition(" ")[0]
    return line.strip()


def _finding(subject: Subject, column: str) -> Finding | None:
    written = [text.strip() for text in pc.fill_null(cells(subject.data, column), "").to_pylist()]
    texts = list(dict.fromkeys(text for text in written if text))
    ends: tuple[Where, ...] = ("begin", "end")
    lines = [(where, line) for where in ends for line in _lines(texts, where, len(written))]
    found = [(sum(_has(text, where, line) for text in texts), where, line) for where, line in lines]
    if not found:
        return None
    found.sort(key=lambda one: -one[0])
    count, where, line = found[0]
    rows = [
        row for row, text in enumerate(written) if any(_has(text, where, line) for _, where, line in found)
    ]
    clean = Action(
        do="normalise",
        column=column,
        to="boilerplate",
        values=tuple(line for _, _, line in found),
        because="the same words in every text say nothing",
    )
    return of_rows(
        subject,
        "boilerplate",
        "info",
        f"{times(count, 'text')} {where} with the same words: “{' '.join(line[:200].split())}”",
        rows=rows,
        examples=[f"{count} texts {where} with “{line[:200]}”" for count, where, line in found],
        actions=[clean],
    )


def _lines(texts: Sequence[str], where: Where, rows: int) -> list[str]:
    """What texts of at least one row in fifty begin or end with, the most frequent three."""
    cut = slice(LONG_LINE) if where == "begin" else slice(-LONG_LINE, None)
    long = [text for text in texts if len(text) >= 2 * LONG_LINE]
    counts = Counter(text[cut] for text in long)
    kept = [line for line, count in counts.most_common(3) if count >= max(5, 0.02 * rows)]
    lines = [shared_line([text for text in long if text[cut] == line], where) for line in kept]
    return [line for line in dict.fromkeys(lines) if len(line) >= LONG_LINE // 2]


def _has(text: str, where: Where, line: str) -> bool:
    return text.startswith(line) if where == "begin" else text.endswith(line)
