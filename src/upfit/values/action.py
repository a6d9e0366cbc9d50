"""Action: one edit of the data, and why; a Plan is a list of them for one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, field_validator

from upfit.errors import InputError
from upfit.values.base import Value
from upfit.values.inline import inline
from upfit.values.plain_yaml import read_yaml

Deed = Literal["drop", "relabel", "merge", "fill", "convert", "normalise", "collect"]


class Action(Value):
    """One edit of the data. It is always applied to a copy.

    Args:
        do: `drop` rows or (with `column` and no rows) a column; `relabel` rows; `merge` values of a column
            into one; `fill` missing cells; `convert` a column to numbers or dates; `normalise` a column;
            `collect` more examples, which only a person can do.
        column: The column concerned; empty for rows as a whole.
        rows: Row indices in the table as upfit reads it; for `collect`, those that the new ones resemble.
        values: For `merge`: the values that become `to`; for `collect`: those that are wanted.
        to: New labels, one a row (`relabel`); the value that stays (`merge`); `median`, `mode`, `iterative`
            or a token (`fill`); `number`, `date` or `missing` (`convert`); `winsorise`, `whitespace`,
            `lowercase`, `boilerplate`, `markup` or `lookalikes` (`normalise`); how many more (`collect`).
        because: The reason, for the person who decides.
        doubtful: Only for some of the rows, which a person has to look at: left out unless that was done.

    >>> Action(do="merge", column="label", values=("Cat",), to="cat", because="one name")
    Action(do='merge', column='label', rows=(), values=('Cat',), to='cat', because='one name', doubtful=False)
    """

    do: Deed
    column: str = ""
    rows: tuple[int, ...] = ()
    values: tuple[str, ...] = ()
    to: Any = None
    because: str = ""
    doubtful: bool = False

    @field_validator("rows", mode="before")
    @classmethod
    def _numbers(cls, given: Any) -> Any:
        """YAML reads `yes` and `on` as True, and pydantic True as row 1."""
        if isinstance(given, list | tuple) and any(isinstance(row, bool) for row in given):
            raise ValueError("rows are numbers of rows")
        return given


class Plan(Value):
    """Edits of one table, in order.

    Args:
        fingerprint: Of the data that the rows count in.
        actions: What is to be done; those that are doubtful stand there to be looked at, and are not done.
    """

    fingerprint: str
    actions: tuple[Action, ...] = Field(default=())

    @property
    def done(self) -> tuple[Action, ...]:
        """The actions that are done when the plan is applied: neither doubtful nor left to people."""
        return tuple(one for one in self.actions if not one.doubtful and one.do != "collect")

    @classmethod
    def proposed(cls, fingerprint: str, actions: Iterable[Action]) -> Plan:
        """A plan of edits that checks propose one by one: what fills gaps comes after what makes them.

        A code such as -1 that is converted to a gap, or a number that is cut, has to be gone before a median
        is learnt and gaps are filled.

        >>> fill = Action(do="fill", column="age", to="median")
        >>> code = Action(do="convert", column="age", values=("-1",), to="missing")
        >>> [one.do for one in Plan.proposed("0", (fill, code)).actions]
        ['convert', 'fill']
        """
        return cls(fingerprint=fingerprint, actions=tuple(sorted(actions, key=lambda one: one.do == "fill")))

    def to_yaml(self) -> str:
        """The plan as a file to edit; the number of rows stands beside each action."""
        lines = [
            "# upfit clean DATA --plan THIS --out FOLDER applies this to a copy; your files stay the same.",
            "# Delete whole entries, or single rows, that should not be done. Entries with `doubtful`",
            "# are not done: look at their rows, delete those that should stay as they are, and that line.",
            "# Nor is `collect`: it says which examples to look for outside.",
            f'fingerprint: "{self.fingerprint}"',
            "actions:" if self.actions else "actions: []",
        ]
        return "\n".join([*lines, *(_entry(action) for action in self.actions)]) + "\n"

    @classmethod
    def from_yaml(cls, text: str) -> Plan:
        """Read a plan strictly.

        Raises:
            InputError: Not YAML, or a field that there is not.
        """
        fields = read_yaml(text, "the plan")
        if not isinstance(fields, dict):
            raise InputError("the plan is no mapping", expected="fingerprint: … and actions: …")
        given = fields.get("actions") or ()
        if not isinstance(given, list | tuple) or not all(isinstance(one, dict) for one in given):
            raise InputError("the plan's actions are no list of mappings", expected="- do: drop …")
        if not all(isinstance(name, str) for one in (fields, *given) for name in one):
            raise InputError("the plan has a field whose name is no text", expected="fingerprint, actions")
        known = {name: value for name, value in fields.items() if name != "actions"}
        return cls(**known, actions=tuple(_read(one, number) for number, one in enumerate(given, start=1)))


def _read(fields: dict[str, Any], number: int) -> Action:
    try:
        return Action(**fields)
    except InputError as error:
        raise error.at(f"action {number} of the plan") from None


def _entry(action: Action) -> str:
    """One action as a list item, its short fields on lines of their own and its rows on one."""
    count = f"  # {len(action.rows):,} rows" if action.rows else ""
    fields: dict[str, Any] = {"do": action.do, "because": action.because}
    fields |= {name: value for name in ("column", "to") if (value := getattr(action, name)) not in ("", None)}
    fields |= {"doubtful": True} if action.doubtful else {}
    fields |= {name: list(value) for name in ("values", "rows") if (value := getattr(action, name))}
    lines = [f"{name}: {inline(value)}" for name, value in fields.items()]
    lines[0] += count
    return "\n".join(("  - " if number == 0 else "    ") + line for number, line in enumerate(lines))
