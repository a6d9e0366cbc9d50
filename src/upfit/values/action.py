"""Action: one edit of the data, and why; a Plan is a list of them for one table."""

from __future__ import annotations

from typing import Any, Literal

import yaml
from pydantic import Field

from upfit.errors import InputError
from upfit.values.base import Value

Deed = Literal["drop", "relabel", "merge", "fill", "convert", "normalise"]


class Action(Value):
    """One edit of the data. It is always applied to a copy.

    Args:
        do: `drop` rows or (with `column` and no rows) a column; `relabel` rows; `merge` values of a column
            into one; `fill` missing cells; `convert` a column to numbers or dates; `normalise` a column.
        column: The column concerned; empty for rows as a whole.
        rows: Row indices in the table as upfit reads it.
        values: For `merge`: the values that become `to`.
        to: New labels, one a row (`relabel`); the value that stays (`merge`); `median`, `mode`, `iterative`
            or a token (`fill`); `number`, `date` or `missing` (`convert`); `winsorise`, `whitespace`,
            `lowercase`, `boilerplate` or `markup` (`normalise`).
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


class Plan(Value):
    """Edits of one table, in order.

    Args:
        fingerprint: Of the data that the rows count in.
        actions: What is to be done; those that are doubtful stand there to be looked at, and are not done.
    """

    fingerprint: str
    actions: tuple[Action, ...] = Field(default=())

    def to_yaml(self) -> str:
        """The plan as a file to edit; the number of rows stands beside each action."""
        lines = [
            "# upfit clean DATA --plan THIS --out FOLDER applies this to a copy; your files stay the same.",
            "# Delete whole entries, or single rows, that should not be done. Entries with `doubtful`",
            "# are not done: look at their rows, delete those that should stay as they are, and that line.",
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
        try:
            fields = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise InputError(f"the plan is not YAML: {error}") from None
        if not isinstance(fields, dict):
            raise InputError("the plan is no mapping", expected="fingerprint: … and actions: …")
        given = fields.get("actions") or ()
        if not isinstance(given, list | tuple) or not all(isinstance(one, dict) for one in given):
            raise InputError("the plan's actions are no list of mappings", expected="- do: drop …")
        known = {name: value for name, value in fields.items() if name != "actions"}
        return cls(**known, actions=tuple(Action(**one) for one in given))


def _entry(action: Action) -> str:
    """One action as a list item, its short fields on lines of their own and its rows on one."""
    count = f"  # {len(action.rows):,} rows" if action.rows else ""
    fields: dict[str, Any] = {"do": action.do, "because": action.because}
    fields |= {name: value for name in ("column", "to") if (value := getattr(action, name)) not in ("", None)}
    fields |= {"doubtful": True} if action.doubtful else {}
    fields |= {name: list(value) for name in ("values", "rows") if (value := getattr(action, name))}
    lines = [f"{name}: {_inline(value)}" for name, value in fields.items()]
    lines[0] += count
    return "\n".join(("  - " if number == 0 else "    ") + line for number, line in enumerate(lines))


def _inline(value: Any) -> str:
    """A value as YAML on one line: a list of a thousand rows reads better so than a row a line."""
    written = yaml.safe_dump([value], default_flow_style=True, width=10**9, allow_unicode=True)
    return str(written).strip()[1:-1]
