"""Recipe: everything that decides a training run, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import Field, field_validator, model_validator

from upfit.errors import RecipeError
from upfit.values.augment import Augment
from upfit.values.base import Value
from upfit.values.change import Change
from upfit.values.edit import edited
from upfit.values.layers import Layers
from upfit.values.length import Length, LengthBelowOne
from upfit.values.loss import Loss
from upfit.values.named import named
from upfit.values.plain_yaml import read_yaml
from upfit.values.technique import Technique

Auto = Literal["auto"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
SHORTHANDS = {"optimizer": "name", "batching": "size", "augment": "policy", "layers": "train"}
"""What a word probably means that stands where a record belongs: `optimizer=sgd`."""


class Inputs(Value):
    """How examples are shown to the backbone: side in pixels, length in tokens.

    `cache` keeps decoded images on disk: `exact` as they are, `compact` made as small as crops allow, which
    shows the backbone slightly softer images; `off` decodes them in every epoch.
    """

    image_size: Annotated[int, Field(ge=16, le=2048)] | Auto = "auto"
    max_length: Annotated[int, Field(ge=4, le=8192)] | Auto = "auto"
    cache: Literal["exact", "compact", "off", "auto"] = "auto"


class Head(Value):
    """The fresh output layer: where its weights start, and dropout before it."""

    init: Literal["probe", "fresh", "auto"] = "auto"
    dropout: Fraction = 0.0


class Optimizer(Value):
    """The optimizer and its rates. `layer_decay` multiplies the rate once per layer group below the head.

    `lr: range_test` tries rates before training. Any optimizer of `torch.optim` or `timm.optim` goes by its
    name; `betas` and `momentum` left out are its own (0.9 for sgd); `options` holds whatever else it takes.
    `rates` gives parameters a rate of their own, by patterns of their names: `{"*.embed*": 1e-5}`.
    """

    name: str = "adamw"
    lr: Positive | Literal["auto", "range_test"] = "auto"
    head_lr: Positive | Auto = "auto"
    layer_decay: Annotated[float, Field(gt=0, le=1)] | Auto = "auto"
    rates: dict[str, NotNegative] = Field(default_factory=dict)
    weight_decay: NotNegative | Auto = "auto"
    betas: tuple[Fraction, Fraction] | None = None
    momentum: Fraction | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class Schedule(Value):
    """How the rate moves: a warm-up, then what `name` says.

    Lengths are fractions of the run, or texts such as `200 steps` and `1.5 epochs`.

    Args:
        warmup: Length of the rise to the full rate.
        warmup_shape: A straight line, or half a cosine.
        floor: The least multiplier of the rate that a decay comes down to.
        factor: step, multi_step, exponential, plateau: what the rate is multiplied by each time.
        every: step, exponential: how long until the next time.
        milestones: multi_step: when, counted from the first step of the run.
        power: polynomial: 1 is a straight line, 2 a parabola.
        cycles: cosine_restarts: how many cosines follow each other.
        growth: cosine_restarts: how much longer each is than the one before.
        decay: wsd: length of the decay at the end.
        patience: plateau: evaluations without progress that are borne.
    """

    name: Literal[
        "constant",
        "step",
        "multi_step",
        "exponential",
        "linear",
        "polynomial",
        "cosine",
        "cosine_restarts",
        "one_cycle",
        "wsd",
        "plateau",
    ] = "cosine"
    warmup: LengthBelowOne = 0.1
    warmup_shape: Literal["linear", "cosine"] = "linear"
    floor: Fraction = 0.0
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    every: Length = 1 / 3
    milestones: tuple[Length, ...] = (0.5, 0.75)
    power: Positive = 2.0
    cycles: Annotated[int, Field(ge=1, le=1_000)] = 3
    growth: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 2.0
    decay: Length = 0.2
    patience: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, given: Any) -> Any:
        """Accept `cosine` and `{step: {every: 0.2}}` beside the full form."""
        return named(given, what="schedule", known=get_args(cls.model_fields["name"].annotation))


class Batching(Value):
    """Examples per step (over all processes) and per evaluation batch; how rows are drawn; loaders.

    A `size` of `auto` is 32, or more on a GPU where examples go faster in larger batches; `largest` is
    the largest power of two that memory holds. `micro_size` is how many examples go through the network at
    once, in each process: gradients of the pieces are added up to those of the batch; `auto` takes the whole
    batch wherever it fits. `workers` are processes that prepare batches: `auto` takes as many as keep a GPU
    busy, none where the CPU trains.
    """

    size: Count | Literal["auto", "largest"] = "auto"
    micro_size: Count | Auto = "auto"
    evaluation_size: Count = 64
    bucket: bool = True
    sampler: Literal["shuffled", "balanced", "square_root"] = "shuffled"
    workers: Annotated[int, Field(ge=0)] | Auto = "auto"

    @field_validator("size", mode="before")
    @classmethod
    def _word(cls, given: Any) -> Any:
        if isinstance(given, str) and given not in ("auto", "largest"):
            raise ValueError(f"a batch size is a number, auto or largest, not {given!r}")
        return given

    @property
    def loaders(self) -> int:
        """Loader processes; none before `workers` is settled."""
        return 0 if self.workers == "auto" else self.workers


class Stopping(Value):
    """When a run ends: `epochs` (or `steps`), or after `patience` evaluations without progress.

    `min_delta` is the least gain in the metric, in its own units, that counts as progress. A patience of
    `off` (or null) never ends a run early.
    """

    epochs: Annotated[float, Field(gt=0, le=1_000_000)] | Auto = "auto"
    steps: Count | None = None
    evaluations: Count | Auto = "auto"
    patience: Count | None = 5
    min_delta: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0

    @field_validator("patience", mode="before")
    @classmethod
    def _off(cls, given: Any) -> Any:
        """`off` and `none` mean what `null` does; YAML reads a bare `off` as False."""
        return None if given is False or given in ("off", "none") else given


class Recipe(Value):
    """Everything that decides a training run. `auto` fields are settled before the first step.

    `watch`: with `detect` the network is looked into while it trains, and a bad step (a loss or gradient that
    is no number, or one that threw the weights away) ends the run with the name of the operation; with
    `repair` it is taken back, cured, and the run goes on; `off` looks at losses only.

    `compile`: whether whole batches run through `torch.compile`. `auto` measures that in runs of more than an
    hour and a half, and does without in shorter ones, which could not earn back the compiling.

    >>> Recipe().apply(Change(path="optimizer.lr", to=1e-4)).optimizer.lr
    0.0001
    >>> Recipe.from_yaml(Recipe(seed=3).to_yaml()) == Recipe(seed=3)
    True
    """

    backbone: str = "auto"
    inputs: Inputs = Inputs()
    head: Head = Head()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    layers: Layers = Layers()
    augment: Augment = Augment()
    techniques: tuple[Technique, ...] = (
        Technique.model_validate({"clip": {"norm": 1.0}}),
        Technique.model_validate("ema"),
    )
    batching: Batching = Batching()
    stopping: Stopping = Stopping()
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    compile: Literal["auto", "on", "off"] = "auto"
    watch: Literal["repair", "detect", "off"] = "repair"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @field_validator("watch", "compile", mode="before")
    @classmethod
    def _switch_of_yaml(cls, given: Any) -> Any:
        """YAML reads a bare `off` as False, and `on` as True."""
        return {False: "off", True: "on"}[given] if isinstance(given, bool) else given

    @field_validator("techniques", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        """Accept `{ema: on, swa: off, mixup: {alpha: 0.2}}` beside a list of them."""
        if not isinstance(given, Mapping) or "name" in given:
            return given
        return tuple({name: settings} for name, settings in given.items() if settings not in (False, "off"))

    @field_validator("techniques")
    @classmethod
    def _once_each(cls, techniques: tuple[Technique, ...]) -> tuple[Technique, ...]:
        names = [technique.name for technique in techniques]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"technique {twice[0]!r} is listed twice")
        return techniques

    def technique(self, name: str) -> Technique | None:
        """The technique of that name, or None when the recipe does without."""
        return next((one for one in self.techniques if one.name == name), None)

    def apply(self, *changes: Change) -> Recipe:
        """The recipe with changes made, in order; raises `RecipeError` for a path or value that is wrong."""
        recipe = self
        changes = tuple(_by_name(change) for change in changes)
        # Another loss leaves the old one's settings behind, but not those that come with it.
        for change in sorted(changes, key=lambda change: change.path != "loss.name"):
            try:
                recipe = edited(recipe, change.path, change.to)
            except RecipeError as error:
                raise _as_asked(error, change) from None
        return recipe

    def to_yaml(self) -> str:
        """The recipe as YAML, every field written out."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)

    @classmethod
    def from_yaml(cls, text: str) -> Recipe:
        """Read a recipe; fields left out keep their defaults, unknown ones raise `RecipeError`."""
        fields = read_yaml(text, "the recipe", RecipeError)
        if fields is None:
            return cls()
        if not isinstance(fields, dict):
            raise RecipeError("a recipe is a mapping", got=type(fields).__name__)
        unknown = next((name for name in fields if not isinstance(name, str)), None)
        if unknown is not None:
            raise RecipeError(f"recipe fields have names, got {unknown!r}")
        word = next((name for name in SHORTHANDS if isinstance(fields.get(name), str)), None)
        if word is not None:
            hint = f"{word}: {{{SHORTHANDS[word]}: {fields[word]}}}"
            raise RecipeError(f"{word} is a mapping of settings", got=repr(fields[word]), hint=hint)
        return cls(**fields)


def _by_name(change: Change) -> Change:
    """`loss=focal` as `loss.name=focal`: what else is asked of it stays."""
    is_word = change.path in ("loss", "schedule") and isinstance(change.to, str)
    return change.replace(path=f"{change.path}.name") if is_word else change


def _as_asked(error: RecipeError, change: Change) -> RecipeError:
    """An error about `Optimizer.lr` as one about `optimizer.lr`, which is what was written."""
    path = change.path
    kind, _, rest = str(error).partition(":")
    if not rest or not kind[:1].isupper() or not f".{path}".endswith(kind[kind.find(".") :]):
        return error
    field = SHORTHANDS.get(path) if isinstance(change.to, str) else None
    hint = f"{path}.{field}={change.to}" if field else "upfit show prints every field and its value"
    return RecipeError(f"{path}:{rest}", hint=hint)
