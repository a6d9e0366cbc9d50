"""Loss: the training objective by name, with whatever settings that loss takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from upfit.errors import nearest
from upfit.values.base import Value
from upfit.values.named import named

ClassWeights = Literal["none", "auto"] | dict[str, float] | tuple[float, ...]


class Loss(Value):
    """The training objective; `auto` follows the task.

    What else a loss takes stands beside these fields, e.g. `Loss(name="focal", gamma=2.0)`. The room
    `techniques/losses/` knows the names and checks the settings.

    Args:
        name: Of the loss; `own` is a callable given from Python.
        label_smoothing: Fraction of a target that is spread over all classes.
        class_weights: `auto` balances classes; or a weight per class, by name or in order.

    >>> Loss.model_validate("focal") == Loss(name="focal")
    True
    >>> Loss(class_weights={1: 3})
    Loss(name='auto', label_smoothing='auto', class_weights={'1': 3.0})
    """

    model_config = ConfigDict(extra="allow")
    name: str = "auto"
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] | Literal["auto"] = "auto"
    class_weights: ClassWeights = "none"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that belong to this loss alone."""
        return dict(self.__pydantic_extra__ or {})

    def replace(self, **fields: Any) -> Self:
        """A copy with some fields changed; with another name, the old loss's settings are left out."""
        kept = {name: getattr(self, name) for name in type(self).model_fields} | self.settings
        if fields.get("name", self.name) != self.name:
            kept = {"class_weights": self.class_weights}
        return type(self)(**{**kept, **fields})

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, given: Any) -> Any:
        """Accept `focal` and `{focal: {gamma: 1}}` beside the full form."""
        fields = given if isinstance(given, Mapping) else {}
        alone = len(fields) == 1 and not set(fields) & set(cls.model_fields)
        whole = alone and all(isinstance(settings, Mapping) for settings in fields.values())
        return named(given, what="loss") if whole or isinstance(given, str) else given

    @field_validator("class_weights", mode="before")
    @classmethod
    def _weights(cls, given: Any) -> Any:
        """Class names are texts, whatever YAML makes of `1` and `yes`; weights are not negative."""
        if isinstance(given, str):
            return _word(given)
        if isinstance(given, Mapping):
            return {str(name): _weight(weight) for name, weight in given.items()}
        if isinstance(given, list | tuple):
            return tuple(_weight(weight) for weight in given)
        raise ValueError("class weights are none, auto, {class: weight} or a list of weights")


def _word(given: str) -> str:
    if given not in ("none", "auto"):
        guess = nearest(given, ("none", "auto"))
        meant = f"; did you mean {guess!r}?" if guess else ""
        raise ValueError(f"class weights are none, auto, {{class: weight}} or a list of weights{meant}")
    return given


def _weight(given: Any) -> float:
    number = isinstance(given, int | float) and not isinstance(given, bool)
    if not number or not math.isfinite(given) or given < 0:
        raise ValueError(f"a class weight is a number of at least 0, and {given!r} is not")
    return float(given)
