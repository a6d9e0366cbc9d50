"""How training examples are varied: a named policy or a list of transforms, and fields that override it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_serializer, model_validator

from upfit.values.base import Value

Auto = Literal["auto"]
Share = Annotated[float, Field(ge=0, le=1)]
PolicyName = Literal["none", "light", "medium", "strong", "trivial", "rand", "aug_mix", "measured", "auto"]


class Transform(Value):
    """A named way to vary an example and how strongly; at strength 0 it is absent.

    The units belong to the name: see `techniques/image_transforms.py` and `techniques/text_transforms.py`.

    Args:
        name: What is done.
        strength: How strongly.
        without: Kinds of change that an automatic policy leaves out: `turn`, `colour`.

    >>> Transform.model_validate({"turn": 10}) == Transform(name="turn", strength=10)
    True
    >>> Transform.model_validate(["crop", 0.3])
    Transform(name='crop', strength=0.3, without=())
    """

    name: str
    strength: float = Field(ge=0, allow_inf_nan=False)
    without: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, given: Any) -> Any:
        """Accept `{turn: 10}` and `[turn, 10]` beside the full form."""
        if isinstance(given, list | tuple) and len(given) == 2:
            return {"name": given[0], "strength": given[1]}
        if isinstance(given, Mapping) and len(given) == 1 and "name" not in given:
            [(name, strength)] = given.items()
            return {"name": name, "strength": strength}
        return given

    @model_serializer
    def _to_yaml(self) -> dict[str, Any]:
        if self.without:
            return {"name": self.name, "strength": self.strength, "without": list(self.without)}
        return {self.name: self.strength}


class Augment(Value):
    """How training examples are varied.

    Args:
        policy: A name, or transforms in the order in which they are done. `measured` tries transforms on the
            data before training, and uses those that keep the label.
        flip: Mirror half of all images; `auto` asks the probe whether labels survive it.
        scale: Least share of the area that a crop keeps, 1 for no crops. This field and those below replace
            what the policy does of their kind; at `auto` the policy stands.
        degrees: Greatest angle that an image is turned by.
        colour: Changes of brightness, contrast, saturation and hue, 0 (none) to 1.
        erase: Probability that a rectangle is erased.
        views: Variations of each example, seen in turn; None for a new one in every epoch. With so many and
            no more, the activations of frozen layers can be kept for each of them.
    """

    policy: PolicyName | tuple[Transform, ...] = "auto"
    flip: bool | Auto = "auto"
    scale: Annotated[float, Field(gt=0, le=1)] | Auto = "auto"
    degrees: Annotated[float, Field(ge=0, le=180)] | Auto = "auto"
    colour: Share | Auto = "auto"
    erase: Share | Auto = "auto"
    views: Annotated[int, Field(ge=1, le=64)] | None = None

    @property
    def asks_for_flip(self) -> bool:
        """Whether the probe is asked about mirroring: a list of transforms says itself what it wants."""
        named = isinstance(self.policy, str) and self.policy not in ("none", "measured")
        return named and self.flip == "auto"

    def until_settled(self, policy: PolicyName) -> Augment:
        """The same, with a named policy in the place of one that is not chosen yet."""
        return self.replace(policy=policy) if self.policy in ("auto", "measured") else self
