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

        A column `spam` with the values spam and ham is nothing: the other column is called text.
        """
        count, place = max((count, -place) for place, count in enumerate(self.counts))
        like_values = (
            seen or _is_like_a_value(name) for name, seen in zip(self.names, self.counts, strict=True)
        )
        if count < 2 or len(self.names) < 2 or self._are_places() or not all(like_values):
            return ()
        name = self.names[-place]
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

    def _are_places(self) -> bool:
        """Whether the names are 0, 1, 2 …, as tables without names have them."""
        places = [str(place) for place in range(len(self.names) + 1)]
        return list(self.names) in (places[:-1], places[1:])


def _is_like_a_value(name: str) -> bool:
    """Whether a name is a number, a sentence, or the path of a file."""
    try:
        float(name)
    except ValueError:
        return name.count(" ") >= SPACES or "/" in name.strip("/")
    return True
