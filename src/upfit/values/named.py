"""Shorthand of recipes: a part given by its name alone, or by its name and settings, becomes a record."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def named(given: Any, *, what: str, known: Collection[str] | None = None) -> Any:
    """`lora` and `{lora: {rank: 4}}` as the fields `{name: lora, rank: 4}`; anything else as it is.

    Args:
        given: What a recipe says.
        what: What it names, in a message.
        known: The names there are; a mapping of another single field is left to pydantic. None takes all.

    Raises:
        ValueError: The settings are no mapping; pydantic makes a `RecipeError` of it.

    Example:
        >>> named("ema", what="technique"), named({"ema": {"decay": 0.9}}, what="technique")
        ({'name': 'ema'}, {'name': 'ema', 'decay': 0.9})
        >>> named({"ema": True}, what="technique")
        {'name': 'ema'}
        >>> named({"ema": 0.9}, what="technique")
        Traceback (most recent call last):
        ValueError: the settings of technique ema are a mapping, as in {ema: {field: value}}, not 0.9
    """
    if isinstance(given, str):
        return {"name": given}
    if not isinstance(given, Mapping) or "name" in given or len(given) != 1:
        return given
    [(name, settings)] = given.items()
    if known is not None and name not in known:
        return given
    if settings is True:
        # YAML's `ema: on`.
        return {"name": name}
    if not isinstance(settings, Mapping | None):
        shape = f"{{{name}: {{field: value}}}}"
        raise ValueError(f"the settings of {what} {name} are a mapping, as in {shape}, not {settings!r}")
    if settings and "name" in settings:
        raise ValueError(f"{what} {name} is named twice: {settings['name']!r} stands among its settings")
    return {"name": name, **(settings or {})}
