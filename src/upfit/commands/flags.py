"""What a flag's text means: recipe changes, kinds of columns, recipe files."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, get_args

import yaml

from upfit.data.paths import existing
from upfit.errors import DataError, RecipeError, nearest
from upfit.values import Change, Kind, Recipe


def sources(*given: str | None) -> None:
    """Refuse paths that lead nowhere now, before anything heavy is loaded."""
    for one in given:
        if one is not None:
            existing(one)


def change(text: str) -> Change:
    """`optimizer.lr=1e-4` as a Change; the value is read as YAML."""
    path, equals, value = text.partition("=")
    if not (equals and path):
        raise RecipeError(
            f"--set {text!r} sets nothing", expected="PATH=VALUE", hint="--set optimizer.lr=1e-4"
        )
    return Change(path=path, to=_scalar(value, path), because="--set")


def _scalar(text: str, path: str) -> Any:
    """A YAML value; 1e-4 is a number here, which YAML 1.1 would leave a text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise RecipeError(f"--set {path}: the value is not YAML", got=text) from None
    if isinstance(value, str) and value[:1] in set("+-.0123456789"):
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def check(changes: tuple[Change, ...], recipe: Recipe | None) -> None:
    """Fail on a wrong `--set` now, before anything heavy is loaded."""
    (recipe or Recipe()).apply(*changes)


def kind(text: str) -> tuple[str, Any]:
    """`price=number` as a pair; `ignore` leaves a column out."""
    column, _, name = text.rpartition("=")
    known = (*get_args(Kind), "ignore")
    if not column or name not in known:
        guess = nearest(name, known)
        raise DataError(
            f"--kind {text!r} names no kind of column",
            expected="COL=KIND with KIND one of " + ", ".join(known),
            hint=f"--kind {column or 'COL'}={guess or 'text'}",
        )
    return column, name


def kinds(texts: list[str] | None) -> dict[str, Any] | None:
    """All `--kind` flags; None where there is none."""
    return dict(kind(text) for text in texts or ()) or None


def read_recipe(source: Path) -> Recipe:
    """The recipe in a file, or that of a run folder."""
    path = source / "recipe.yaml" if source.is_dir() else source
    try:
        return Recipe.from_yaml(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise RecipeError(
            f"cannot read the recipe {path}: {reason}", hint="upfit show > recipe.yaml"
        ) from None


def as_planned(recipe: Recipe, source: Path) -> Recipe:
    """The recipe with the steps that a run was planned for, where `source` is a run folder with a plan."""
    try:
        plan = json.loads((source / "plan.json").read_text(encoding="utf-8"))["plan"]
        steps = int(plan["total_steps"])
    except (OSError, ValueError, KeyError, TypeError):
        return recipe
    return recipe.replace(stopping=recipe.stopping.replace(steps=steps))
