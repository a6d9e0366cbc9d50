"""Technique: a part of a recipe by name, with its settings."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, model_serializer, model_validator

from upfit.values.base import Value
from upfit.values.named import named


class Technique(Value):
    """A named part with settings, e.g. `Technique(name="ema", decay=0.99)`.

    The room `techniques/` knows the names and checks the settings.
    """

    model_config = ConfigDict(extra="allow")
    name: str

    @property
    def settings(self) -> dict[str, Any]:
        """The settings without the name."""
        return dict(self.__pydantic_extra__ or {})

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, given: Any) -> Any:
        """Accept `ema` and `{ema: {decay: 0.99}}` beside the full form."""
        return named(given, what="technique")

    @model_serializer
    def _to_yaml(self) -> dict[str, Any]:
        return {"name": self.name, **dict(sorted(self.settings.items()))}
