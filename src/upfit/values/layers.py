"""Layers: which layer groups of a backbone learn, when, and by what means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_serializer, model_validator

from upfit.errors import RecipeError, nearest
from upfit.values.base import Value
from upfit.values.length import Length
from upfit.values.named import named

Auto = Literal["auto"]
Count = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
ADAPTERS = ("none", "lora", "dora", "ia3")
WORDS = ("head", "all", "auto", "gradual")


class Gradual(Value):
    """Gradual unfreezing: the head first, then layer group by layer group, from the output down.

    Args:
        every: Length of a stage, as a fraction of the run, `1 epoch`, `200 steps`; or `plateau`: a stage
            ends after `patience` evaluations without progress.
        groups: Layer groups that join at each stage; `auto` has all of them learn by half of the run.
        start: Layer groups below the head that learn from the first step.
        patience: Evaluations without progress that end a stage (`every: plateau`).
    """

    every: Literal["plateau"] | Length = "1 epoch"
    groups: Count | Auto = "auto"
    start: Annotated[int, Field(ge=0)] = 0
    patience: Count = 1


class Adapter(Value):
    """Small matrices that learn beside frozen weights, and are merged into them at the end.

    Args:
        name: `lora`, `dora` (LoRA on directions, with magnitudes of their own) or `ia3` (one factor a unit).
        rank: lora, dora: rank of the update.
        alpha: lora, dora: the update is scaled by alpha / rank.
        dropout: lora, dora: rate on what the update reads.

    >>> Adapter.model_validate({"lora": {"rank": 4}}) == Adapter(name="lora", rank=4)
    True
    """

    name: Literal["none", "lora", "dora", "ia3"] = "none"
    rank: Count = 8
    alpha: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 16.0
    dropout: Fraction = 0.0

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, given: Any) -> Any:
        """Accept `lora` and `{lora: {rank: 4}}` beside the full form."""
        return named(given, what="adapter", known=ADAPTERS)

    @model_serializer
    def _to_yaml(self) -> dict[str, Any]:
        if self.name in ("none", "ia3"):
            return {"name": self.name}
        return {"name": self.name, "rank": self.rank, "alpha": self.alpha, "dropout": self.dropout}


def _gradual_or_names(given: Any) -> Any:
    """Accept `gradual` and `{gradual: {groups: 2}}`, and refuse what is no way of choosing layers."""
    if given == "gradual":
        return Gradual()
    if isinstance(given, str) and given not in WORDS:
        guess = nearest(given.lower(), WORDS)
        meant = f"; did you mean {guess!r}?" if guess else ""
        raise ValueError(
            f"what learns is {', '.join(WORDS)}, a number of layer groups or a list of names, "
            f"as in [{given}]{meant}"
        )
    if isinstance(given, int) and given < 1:
        raise ValueError("a number of layer groups is at least 1, and `head` trains none of them")
    if isinstance(given, Mapping):
        fields = dict(named(given, what="layers.train", known=("gradual",)))
        fields.pop("name", None)
        return Gradual(**fields)
    if isinstance(given, list | tuple):
        if not given or not all(isinstance(name, str) and name for name in given):
            raise RecipeError(
                "layers.train: a list holds names of layer groups or patterns of parameter names",
                expected="e.g. [encoder.layer.5, '*.bias']",
                got=repr(given),
            )
        return tuple(given)
    return given


Trained = Annotated[
    Literal["head", "all", "auto"] | Count | Gradual | tuple[str, ...], BeforeValidator(_gradual_or_names)
]
"""What learns: a word, a number of layer groups, stages, or names."""


class Layers(Value):
    """Which layers learn. The head always does.

    Args:
        train: `head`; `all`; n, the last n layer groups; a list of names of layer groups and patterns of
            parameter names (`"*.bias"`); `gradual` unfreezing and its settings; `auto` tries some out.
        adapter: What learns instead of the weights of those layers.
        batch_norm: Statistics of BatchNorm layers that learn; those of frozen layers never move.
        dropout: The rate of every dropout layer of the backbone. A frozen prefix runs without.
        cache: Whether the activations that leave a frozen prefix are computed once and kept: in fp32, in
            bf16 (half the room), or not at all. `auto` does where it pays.
    """

    train: Trained = "all"
    adapter: Adapter = Adapter()
    batch_norm: Literal["frozen", "updated", "auto"] = "auto"
    dropout: Fraction | Auto = "auto"
    cache: Literal["auto", "off", "fp32", "bf16"] = "auto"
