"""Edit: a recipe with one field replaced, found by its dotted path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from upfit.errors import RecipeError, nearest
from upfit.values.base import Value
from upfit.values.loss import Loss
from upfit.values.technique import Technique

V = TypeVar("V", bound=Value)


def edited(value: V, path: str, to: Any) -> V:
    """A record with the field at `path` replaced, checked again; a technique is addressed by its name.

    Args:
        value: A recipe.
        path: Dotted: `optimizer.lr`, `techniques.ema.decay`, `techniques.ema`.
        to: The new value. A whole technique takes `on`, `off` or its settings.

    Raises:
        RecipeError: There is nothing at that path, or the value does not fit.
    """
    changed: V = _set(value, path.split("."), to, path)
    return changed


def _set(value: Any, parts: list[str], to: Any, path: str) -> Any:
    """`value` with the field at `parts` replaced, rebuilt from the inside out."""
    name, *rest = parts
    if isinstance(value, tuple):
        return _set_technique(value, name, rest, to, path)
    if isinstance(value, dict) and name:
        return {**value, name: _set(value.get(name), rest, to, path) if rest else to}
    known = type(value).model_fields if isinstance(value, Value) else {}
    open_ended = isinstance(value, Technique | Loss) and name not in known
    if name not in known and not open_ended:
        raise RecipeError(
            f"a recipe has nothing at {path!r}: no field {name!r}",
            expected="one of " + ", ".join(known) if known else "a shorter path",
            hint=_meant(value, name, path) or "upfit show prints every field",
        )
    new = _set(getattr(value, name, None), rest, to, path) if rest else to
    if open_ended and isinstance(value, Technique):
        return Technique(name=value.name, **{**value.settings, name: new})
    return value.replace(**{name: new})


def _set_technique(
    techniques: tuple[Technique, ...], name: str, rest: list[str], to: Any, path: str
) -> tuple[Technique, ...]:
    """Set a technique's field; whole ones are switched on or off, or given their settings, in their place."""
    found = next((one for one in techniques if one.name == name), Technique(name=name))
    if not rest and (to is None or to is False or to == "off"):
        return tuple(one for one in techniques if one.name != name)
    if rest:
        found = _set(found, rest, to, path)
    elif isinstance(to, Mapping):
        found = Technique.model_validate({"name": name, **to})
    elif not (to is True or to == "on"):
        # A bare number could be any of its settings: taken for `on`, it would be lost without a word.
        raise RecipeError(
            f"{path} is a whole technique, and {to!r} is none of its settings by itself",
            expected=f"on, off, or its settings, as in {path}={{field: value}}",
            hint=f"upfit techniques {name}",
        )
    kept = tuple(found if one.name == name else one for one in techniques)
    return kept if found in kept else (*kept, found)


def _meant(value: Any, name: str, path: str) -> str:
    """The path that was probably meant: a field beside it, else one of that name deeper down."""
    known = type(value).model_fields if isinstance(value, Value) else {}
    guess = nearest(name.lower(), known)
    inside = dict(_below(value))
    if not guess or path == name:
        deeper = nearest(name.lower(), inside)
        # `batch_size` is nearer to batching.size than to batching.
        guess = inside[deeper] if deeper else guess
    return path.replace(name, guess) if guess and name else ""


def _below(value: Any, above: str = "") -> Iterator[tuple[str, str]]:
    """What people may call each field inside a record, and its path: `lr`, `optimizer_lr`."""
    for name in type(value).model_fields if isinstance(value, Value) else {}:
        path = f"{above}{name}"
        yield name, path
        yield path.replace(".", "_"), path
        yield from _below(getattr(value, name), f"{path}.")
