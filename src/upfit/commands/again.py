"""The next command to type, with every flag that says how the data are read."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

PARTS = ("train", "validation", "test")
FLAGS = ("target", "task", "group", "time")


def next_command(name: str, data: str | None, reading: Mapping[str, Any], *more: str) -> str:
    """A command line that reads the same data in the same way.

    Args:
        name: The command.
        data: DATA as it was given; None where parts were named.
        reading: Target, task, kinds, group, time, and the parts, by themselves or under `parts`.
        more: Flags behind them.

    Example:
        >>> next_command("clean", "my data.csv", {"target": "a", "kinds": {"b": "text"}}, "--out", "X")
        "upfit clean 'my data.csv' --target a --kind b=text --out X"
    """
    words = ["upfit", name, *([data] if data else [])]
    given = {**reading, **(reading.get("parts") or {})}
    for flag in (*PARTS, *FLAGS):
        value = given.get(flag)
        if value is not None:
            words += [f"--{flag}", value if isinstance(value, str) else ",".join(value)]
    for column, kind in (given.get("kinds") or {}).items():
        words += ["--kind", f"{column}={kind}"]
    return shlex.join([*words, *more])
