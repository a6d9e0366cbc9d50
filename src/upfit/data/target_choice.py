"""Which column is the target: the one asked for, one named like a target, or the only possible one."""

from __future__ import annotations

from collections.abc import Sequence

from upfit.data.kinds import kind_of, sample_of
from upfit.data.source import Source
from upfit.errors import DataError, nearest

SURE_NAMES = ("label", "labels", "target", "targets", "class", "classes", "y")
"""Names that mean "target" wherever they stand; the first found wins."""

LIKELY_NAMES = (
    *("category", "categories", "sentiment", "intent", "topic", "topics", "tags"),
    *("rating", "score", "price", "outcome"),
)
"""Names that mean "target" where only one of them is there."""


def choose_target(source: Source, asked: str | Sequence[str] | None) -> tuple[str, ...]:
    """Names of the target columns.

    Args:
        source: The training rows.
        asked: A column, several (a sequence, or `"a,b,c"`), or None to go by convention: a column called one
            of `SURE_NAMES`, else the only one called one of `LIKELY_NAMES`, else the last column when no
            other column could be the target.

    Raises:
        DataError: No such column, or none that is clearly the target.
    """
    names = source.table.column_names
    if asked is not None:
        return _asked(source, asked)
    if source.target:
        return source.target
    found = _by_name(names) or _last(source)
    if not found:
        raise DataError(
            f"which column of {source.name} is the target?",
            expected="a column named " + ", ".join(SURE_NAMES[:4]) + " …",
            got=", ".join(names),
            hint=f"--target {names[-1]}",
        )
    return (found,)


def asked_columns(asked: str | Sequence[str] | None, names: Sequence[str]) -> list[str]:
    """The columns that were asked for: one of `names`, several in a row, or several with commas between.

    >>> asked_columns("a, b", ["a", "b"]), asked_columns("a, b", ["a, b"]), asked_columns(None, ["a"])
    (['a', 'b'], ['a, b'], [])
    """
    if not isinstance(asked, str):
        return list(asked or ())
    return [asked] if asked in names else [one.strip() for one in asked.split(",") if one.strip()]


def _asked(source: Source, asked: str | Sequence[str]) -> tuple[str, ...]:
    names = source.table.column_names
    wanted = asked_columns(asked, names)
    for one in wanted or [str(asked)]:
        if one not in names:
            guess = nearest(one, names)
            raise DataError(
                f"{source.name} has no column {one!r} to be the target",
                expected="one of " + ", ".join(names),
                hint=f"--target {guess or names[-1]}",
            )
    return tuple(dict.fromkeys(wanted))


def _by_name(names: list[str]) -> str:
    lowered = {name.lower().strip(): name for name in reversed(names)}
    for sure in SURE_NAMES:
        if sure in lowered:
            return lowered[sure]
    likely = [lowered[name] for name in LIKELY_NAMES if name in lowered]
    return likely[0] if len(likely) == 1 else ""


def _last(source: Source) -> str:
    """The last column, where it and no other one could be predicted."""
    rows = source.table.num_rows
    names = source.table.column_names
    possible = [
        name
        for name in names
        if name in source.lists
        or kind_of(name, sample_of(source.table[name], rows=rows)) in ("category", "number")
    ]
    return names[-1] if possible == [names[-1]] and len(names) > 1 else ""
