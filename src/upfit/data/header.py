"""Is the first line of a file a line of names? Without one, its first row is taken for them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from upfit.values import Finding

HEADLESS = "no_header"
SPACES = 3
"""A name with so many spaces reads like a sentence."""


class Header:
    """Counts how often names of columns are also values of their columns.

    Args:
        names: What stands in the first line.

    Example:
        >>> header = Header(["I want a refund, please", "complaint"])
        >>> rows = [["So good", "Never again", "Broken"], ["praise", "complaint", "complaint"]]
        >>> header.see(pa.record_batch(rows, names=["a", "b"]))
        >>> [finding.kind for finding in header.findings("reviews.csv")]
        ['no_header']
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.counts = [0] * len(self.names)

    def see(self, batch: pa.RecordBatch) -> None:
        """Count in some more rows, as strings."""
        for place, (name, column) in enumerate(zip(self.names, batch.columns, strict=True)):
            self.counts[place] += pc.sum(pc.equal(column, name)).as_py() or 0

    def findings(self, file: str) -> tuple[Finding, ...]:
        """A warning where one name is a value again and again, and all others read like values, too.

        A column `spam` with the values spam and ham is nothing: the other column is called text. Nor are
        names that are numbers throughout, as tables without names have them, nor those of a line that comes
        again whole, where files with headers were put together.
        """
        count = max(self.counts)
        like_values = (
            seen or _is_like_a_value(name) for name, seen in zip(self.names, self.counts, strict=True)
        )
        if all(map(_is_number, self.names)):
            return ()
        if count < 2 or len(self.names) < 2 or len(set(self.counts)) == 1 or not all(like_values):
            return ()
        name = self.names[self.counts.index(count)]
        message = (
            f"the first line of {file} reads like a row, not like names of columns: {name!r} is a value of "
            f"{count:,} rows, too"
        )
        advice = "put a line with the columns' names above it, such as text,label"
        evidence = {"rows": float(count)}
        return (
            Finding(
                kind=HEADLESS,
                severity="warning",
                message=message,
                evidence=evidence,
                examples=self.names[:8],
                advice=advice,
            ),
        )


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def _is_like_a_value(name: str) -> bool:
    """Whether a name is a number, a sentence that is no question, or the path of a file."""
    sentence = name.count(" ") >= SPACES and not name.endswith(("?", ":"))
    return sentence or "/" in name.strip("/") or _is_number(name)
