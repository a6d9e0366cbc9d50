"""How somebody else's model is called, and its loss, whatever their shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from upfit.diagnose.preflight.place import Place, at, mapped, place_of, usual_path
from upfit.diagnose.preflight.untouched import untouched
from upfit.errors import InputError

OUTPUT_KEYS = ("logits", "prediction_logits", "out", "output", "outputs", "prediction", "pred", "scores")
Forward = Callable[[nn.Module, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Example:
    """A batch, taken apart: what the model is given, and what it should have answered."""

    inputs: Any
    target: Any


@dataclass(eq=False)
class Calls:
    """Calls a model the way its own loop does.

    Understood are batches `(x, y)`, `(x1, x2, …, y)`, a dict with `labels` or `target`, and a lone tensor
    (then it is its own target); outputs that are tensors, tuples, dicts or objects with `logits` or `loss`.

    Args:
        model: The model.
        loss_fn: `loss_fn(model(x), y)`; None for models that return their loss.
        forward: `forward(model, batch) -> (output, target)` for models that need to be called otherwise.
            It gets the batches as the loader gives them, on the model's device, and its target counts.
        place: Where those batches hold the target, for who knows; found by trying otherwise.
    """

    model: nn.Module
    loss_fn: Callable[..., Any] | None
    forward: Forward | None = None
    place: Place | None = None
    _style: str = field(default="", repr=False)

    def device(self) -> torch.device:
        """Where the model lives."""
        first = next(iter(self.model.parameters()), None)
        return torch.device("cpu") if first is None else first.device

    def split(self, batch: Any) -> Example:
        """A batch taken apart and moved to the model's device."""
        batch = moved(batch, self.device())
        if self.forward is not None:
            return self._apart(batch)
        if isinstance(batch, Mapping):
            path = usual_path(batch)
            target = None if path is None else at(batch, path)
            if self.loss_fn is None or path is None:
                return Example(batch, target)
            return Example({name: value for name, value in batch.items() if name != path[0]}, target)
        if isinstance(batch, list | tuple) and len(batch) >= 2:
            *inputs, target = batch
            return Example(inputs[0] if len(inputs) == 1 else tuple(inputs), target)
        alone = batch[0] if isinstance(batch, list | tuple) else batch
        return Example(alone, alone)

    def raw(self, example: Example) -> Any:
        """What the model returns."""
        if self.forward is not None:
            place = self.place or Place(None)
            return self.forward(self.model, place.joined(example.inputs, example.target))[0]
        styles = {
            "one": lambda x: self.model(x),
            "words": lambda x: self.model(**x),
            "many": lambda x: self.model(*x),
        }
        likely = (
            "words" if isinstance(example.inputs, Mapping) else "many" if _is_many(example.inputs) else "one"
        )
        if self._style:
            return styles[self._style](example.inputs)
        try:
            answer = styles[likely](example.inputs)
        except TypeError:
            if likely == "one":
                raise
            likely, answer = "one", self.model(example.inputs)
        self._style = likely
        return answer

    def loss(self, raw: Any, target: Any) -> torch.Tensor:
        """The scalar loss of an answer; raises what the loss function raises."""
        if self.loss_fn is None:
            value = _named(raw, ("loss",))
            if value is None:
                raise InputError("the model returns no loss", expected="loss_fn, or an output with `loss`")
        else:
            value = self._apply(self.loss_fn, raw, target)
        return scalar(value)

    def _apart(self, batch: Any) -> Example:
        """A batch of who brings a `forward`: what it answers with as target, and the rest."""
        if self.place is None:
            try:
                _, target = self._tried(batch)
                self.place = place_of(batch, target, lambda one: main_tensor(self._tried(one)[0]))
            except Exception:
                # What is wrong is told by the tests that need an answer; looks at the data go on.
                return Example(batch, _usual_target(batch))
        if self.place.path is not None:
            return Example(self.place.inputs(batch), at(batch, self.place.path))
        target = self._tried(batch)[1]
        return Example(batch, _usual_target(batch) if target is None else target)

    @torch.no_grad()
    def _tried(self, batch: Any) -> tuple[Any, Any]:
        """Output and target of a batch in evaluation mode; nothing is changed by it."""
        assert self.forward is not None
        with untouched(self.model):
            self.model.eval()
            return self.forward(self.model, batch)

    def _apply(self, loss_fn: Callable[..., Any], raw: Any, target: Any) -> Any:
        if isinstance(raw, torch.Tensor):
            return loss_fn(raw, target)
        try:
            return loss_fn(raw, target)
        except (TypeError, AttributeError, KeyError, IndexError):
            return loss_fn(main_tensor(raw), target)

    def asked(self, batch: Any) -> tuple[Any, Any]:
        """What the model returns for a batch as its loader gives it, and the target: one pass."""
        if self.forward is None:
            example = self.split(batch)
            return self.raw(example), example.target
        batch = moved(batch, self.device())
        raw, target = self.forward(self.model, batch)
        return raw, _usual_target(batch) if target is None else target

    def answer(self, example: Example) -> torch.Tensor:
        """The model's main output, a tensor whose first dimension is the batch."""
        return main_tensor(self.raw(example))

    def measured(self, example: Example) -> tuple[torch.Tensor, torch.Tensor]:
        """Main output and loss of one batch."""
        raw = self.raw(example)
        return main_tensor(raw), self.loss(raw, example.target)


def main_tensor(raw: Any) -> torch.Tensor:
    """The tensor that holds the predictions: the answer itself, what is called logits, or the first."""
    if isinstance(raw, torch.Tensor):
        return raw
    named = _named(raw, OUTPUT_KEYS)
    if isinstance(named, torch.Tensor):
        return named
    values = list(raw.values()) if isinstance(raw, Mapping) else list(raw) if _is_many(raw) else []
    tensors = [value for value in values if isinstance(value, torch.Tensor) and value.ndim]
    if not tensors:
        raise InputError("the model's output holds no tensor", got=type(raw).__name__)
    return tensors[0]


def scalar(value: Any) -> torch.Tensor:
    """One number of what a loss function returns: `loss` of a dict, else the sum; the first of a tuple."""
    if isinstance(value, torch.Tensor):
        return value if value.ndim == 0 else value.mean()
    if isinstance(value, Mapping):
        total = value.get("loss")
        value = total if total is not None else sum(v for v in value.values() if isinstance(v, torch.Tensor))
    elif isinstance(value, list | tuple):
        value = value[0]
    if not isinstance(value, torch.Tensor):
        value = torch.as_tensor(float(value))
    number: torch.Tensor = value if value.ndim == 0 else value.mean()
    return number


def moved(batch: Any, device: torch.device) -> Any:
    """Every tensor of a nested batch on a device."""
    return mapped(batch, lambda tensor: tensor.to(device))


def tensors_in(thing: Any) -> list[torch.Tensor]:
    """All tensors of a nested batch, in order."""
    if isinstance(thing, torch.Tensor):
        return [thing]
    inside = (
        thing.values() if isinstance(thing, Mapping) else thing if isinstance(thing, list | tuple) else ()
    )
    return [tensor for one in inside for tensor in tensors_in(one)]


def _usual_target(batch: Any) -> Any:
    path = usual_path(batch)
    return None if path is None else at(batch, path)


def _is_many(thing: Any) -> bool:
    return isinstance(thing, list | tuple)


def _named(raw: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        value = raw.get(name) if isinstance(raw, Mapping) else getattr(raw, name, None)
        if value is not None and not callable(value):
            return value
    return None
