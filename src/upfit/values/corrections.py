"""Corrections: what people decided about single rows, kept as lines that are only ever appended."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from upfit.errors import InputError
from upfit.values.action import Action, Plan
from upfit.values.base import Value

VERSION = 1
SEVERAL = ","
"""Between the columns of a target, as on the command line."""
LAST = 32_503_680_000
"""The year 3000 in seconds: no decision comes from beyond it, and clocks have no name for what is."""


class Correction(Value):
    """One decision about one row.

    Args:
        row: Row of the table as upfit reads it.
        do: `keep` it as it is, `relabel` or `drop` it, or `undo` the same person's newest decision about it.
        to: The new label, where it is relabelled; names of classes where rows have several.
        by: Who decided.
        time: When, in seconds since 1970.
    """

    row: int = Field(ge=0, strict=True)
    do: Literal["keep", "relabel", "drop", "undo"]
    to: Any = None
    by: str = ""
    time: float = Field(default=0.0, ge=0, le=LAST)

    @field_validator("to")
    @classmethod
    def _frozen(cls, to: Any) -> Any:
        return tuple(to) if isinstance(to, list) else to

    @model_validator(mode="after")
    def _says_what(self) -> Correction:
        if (self.do == "relabel") != (self.to is not None):
            raise ValueError("relabel needs `to`, and nothing else takes it")
        return self

    @property
    def verdict(self) -> tuple[str, Any]:
        """What was decided, whoever did and whenever."""
        return self.do, self.to


Fits = Callable[[Correction], None]
"""Raises `InputError` for a decision that cannot be one about the data."""


class Corrections(Value):
    """Decisions about the rows of one table, in the order in which they were made.

    Args:
        fingerprint: Of the data that the rows count in.
        target: The column that relabelling changes; several 0/1 columns with commas between them.
        source: What the data were called, for people who read the file.
        entries: The decisions.

    >>> first = Correction(row=3, do="relabel", to="cat", by="ada", time=1)
    >>> made = Corrections(fingerprint="f", target="label", entries=(first,))
    >>> made.plan().actions[0].rows
    (3,)
    """

    fingerprint: str
    target: str
    source: str = ""
    entries: tuple[Correction, ...] = ()

    def final(self) -> dict[int, Correction]:
        """The decision that stands for each row that has one: the newest that nobody took back."""
        return Standing(self.entries).all()

    def plan(self, rows: Collection[int] | None = None) -> Plan:
        """The decisions as a cleaning plan; with `rows`, for these rows alone.

        A row that is kept needs no action.
        """
        known = None if rows is None else set(rows)
        stands = {row: one for row, one in sorted(self.final().items()) if known is None or row in known}
        dropped = tuple(row for row, one in stands.items() if one.do == "drop")
        changed = {row: one.to for row, one in stands.items() if one.do == "relabel"}
        actions = []
        if changed:
            actions += _relabels(self.target, changed)
        if dropped:
            actions += [Action(do="drop", rows=dropped, because="dropped on the review page")]
        return Plan(fingerprint=self.fingerprint, actions=tuple(actions))

    def require(self, fingerprint: str) -> None:
        """Refuse data other than those that the decisions were made about.

        Raises:
            InputError: Their fingerprints differ.
        """
        if self.fingerprint != fingerprint:
            raise InputError(
                "these corrections were made for other data",
                expected=f"fingerprint {fingerprint[:16]}…",
                got=f"{self.fingerprint[:16]}…" + (f" ({self.source})" if self.source else ""),
                hint="give the data as they were reviewed (with the same --target, --task and --kind); "
                "data that have changed since have other rows, and are reviewed anew: upfit review DATA",
            )

    def header(self) -> str:
        """The first line of a file of corrections."""
        about = {"corrections": VERSION, "fingerprint": self.fingerprint}
        return json.dumps({**about, "target": self.target, "source": self.source}, ensure_ascii=False) + "\n"

    def to_lines(self) -> str:
        """The file: a header, and one decision a line."""
        return self.header() + "".join(map(line_of, self.entries))

    @classmethod
    def from_lines(cls, text: str, name: str = "the file", *, fits: Fits | None = None) -> Corrections:
        """Read a file of corrections; a last line that a kill cut short is left out.

        Files that were simply joined are read as well, as long as all speak of the same data.

        Args:
            text: What is in the file.
            name: Its name, for complaints.
            fits: Raises `InputError` for a decision that cannot be one about the data.

        Raises:
            InputError: No corrections, of a newer upfit, damaged, or of several sets of data; or one of them
                does not fit.
        """
        head: Mapping[str, Any] | None = None
        entries = []
        *lines, last = text.split("\n")
        for number, line in enumerate([*lines, *_whole(last)], start=1):
            fields = _fields(line, f"{name}, line {number}")
            if "corrections" not in fields:
                if head is None:
                    break
                entries.append(_entry(fields, f"{name}, line {number}", fits))
                continue
            _check_head(fields, head, name)
            head = head or fields
        if head is None:
            raise InputError(f"{name} holds no corrections", expected="a file that upfit review wrote")
        about = {key: str(head.get(key) or "") for key in ("fingerprint", "target", "source")}
        return cls(**about, entries=tuple(entries))


def _relabels(target: str, changed: Mapping[int, Any]) -> list[Action]:
    """New labels as an edit of the target, of every one of its columns where there are several."""
    because = "relabelled on the review page"
    # The name of a single column may have a comma in it; one label a row tells them apart.
    listed = all(isinstance(to, tuple) for to in changed.values())
    columns = target.split(SEVERAL) if listed else [target]
    if len(columns) == 1:
        cells = {target: [list(to) if isinstance(to, tuple) else to for to in changed.values()]}
    else:
        strange = [name for to in changed.values() for name in to if name not in columns]
        if strange:
            raise InputError(f"there is no class {strange[0]!r}", expected=", ".join(columns))
        cells = {name: [int(name in to) for to in changed.values()] for name in columns}
    rows = tuple(changed)
    return [
        Action(do="relabel", column=name, rows=rows, to=to, because=because) for name, to in cells.items()
    ]


def line_of(correction: Correction) -> str:
    """A decision as a line of the file."""
    fields = correction.model_dump(mode="json")
    return json.dumps({key: value for key, value in fields.items() if value is not None}) + "\n"


class Standing:
    """What stands of decisions that come one after the other.

    `undo` takes back the same person's newest decision about the row; what was decided before stands again.

    >>> standing = Standing([Correction(row=2, do="drop"), Correction(row=2, do="undo")])
    >>> standing.of(2) is None
    True
    """

    def __init__(self, entries: Iterable[Correction] = ()) -> None:
        self._made: dict[int, list[Correction]] = {}
        for one in entries:
            self.add(one)

    def add(self, one: Correction) -> None:
        """Take in the next decision."""
        made = self._made.setdefault(one.row, [])
        if one.do != "undo":
            made.append(one)
            return
        mine = [place for place, earlier in enumerate(made) if earlier.by == one.by]
        if mine:
            del made[mine[-1]]

    def of(self, row: int) -> Correction | None:
        """The decision about a row, or None."""
        made = self._made.get(row)
        return made[-1] if made else None

    def all(self) -> dict[int, Correction]:
        """The decision about each row that has one."""
        return {row: made[-1] for row, made in self._made.items() if made}


def merged(parts: Iterable[Corrections]) -> tuple[Corrections, dict[int, tuple[Correction, ...]]]:
    """The decisions of several people about the same data, and the rows about which they disagree.

    The newest decision about a row stands. Decisions that are in several of them count once.

    Args:
        parts: One from each file.

    Returns:
        All decisions in the order of time; and for each disputed row the decision of each file.

    Raises:
        InputError: They were made for different data.

    >>> none = Corrections(fingerprint="f", target="y")
    >>> ada = none.replace(entries=(Correction(row=1, do="keep", by="ada", time=1),))
    >>> bob = none.replace(entries=(Correction(row=1, do="drop", by="bob", time=2),))
    >>> both, disputed = merged([ada, bob])
    >>> both.final()[1].do, list(disputed)
    ('drop', [1])
    """
    given = tuple(parts)
    first = given[0]
    for one in given[1:]:
        one.require(first.fingerprint)
    entries = dict.fromkeys(entry for one in given for entry in one.entries)
    finals = [one.final() for one in given]
    disputed = {}
    for row in sorted(set().union(*finals)):
        said = tuple(final[row] for final in finals if row in final)
        if len({json.dumps(one.verdict) for one in said}) > 1:
            disputed[row] = said
    ordered = sorted(entries, key=lambda entry: entry.time)
    return first.replace(entries=tuple(ordered)), disputed


def _whole(last: str) -> list[str]:
    """The line after the last line break, unless a kill cut it short: then it is no JSON."""
    try:
        return [last] if isinstance(json.loads(last), dict) else []
    except ValueError:
        return []


def _fields(line: str, where: str) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InputError(f"{where}: this is no line of corrections", got=line[:60])
    return fields


def _entry(fields: dict[str, Any], where: str, fits: Fits | None) -> Correction:
    try:
        made = Correction(**fields)
        if fits is not None:
            fits(made)
    except InputError as error:
        raise error.at(where) from None
    return made


def _check_head(fields: Mapping[str, Any], before: Mapping[str, Any] | None, name: str) -> None:
    version = fields["corrections"]
    if not isinstance(version, int) or version > VERSION:
        hint = "pip install --upgrade upfit"
        raise InputError(f"{name} was written by a newer upfit", got=f"version {version}", hint=hint)
    if before is not None and before.get("fingerprint") != fields.get("fingerprint"):
        raise InputError(f"{name} holds corrections of several sets of data")
