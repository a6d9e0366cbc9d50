"""The edits that a finding proposes, in words."""

from __future__ import annotations

from upfit.audit.finding import times
from upfit.values import Action, Finding
from upfit.values.shortened import shortened


def deeds(finding: Finding) -> tuple[str, ...]:
    """The proposed edits of a finding, a sentence each.

    >>> want = Action(do="collect", column="label", values=("cat",), to=20, because="weak on it")
    >>> deeds(Finding(kind="weak_slice", severity="info", message="", actions=(want,)))
    ("collect 20 more with 'label' = cat: weak on it",)
    """
    return tuple(
        f"{brief(one)}{', once looked at' if one.doubtful else ''}: {one.because}" for one in finding.actions
    )


def brief(action: Action) -> str:
    """What an action does, without its reason.

    >>> brief(Action(do="fill", column="age", to="median"))
    "fill 'age'"
    """
    if action.do == "collect":
        return _wish(action)
    column = f" {shortened(action.column)!r}" if action.column else ""
    return f"{action.do}{column}{f', {_rows(action)}' if action.rows else ''}"


def _wish(action: Action) -> str:
    count = f" {action.to:,}" if isinstance(action.to, int) else ""
    named = ", ".join(map(shortened, action.values))
    which = f" with {shortened(action.column)!r} = {named}" if named else ""
    like = f" like {_rows(action)}" if action.rows and not action.values else ""
    return f"collect{count} more{which}{like}"


def _rows(action: Action) -> str:
    return times(len(set(action.rows)), "row")
