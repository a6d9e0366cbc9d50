"""Whether a module, its batches and the targets go together: asked once, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from upfit.data.generators import generators_in
from upfit.data.own_loader import moved
from upfit.errors import DataError, InputError, RecipeError, UpfitError
from upfit.models.own import OwnNetwork, parted
from upfit.techniques.mixing import pixels_of
from upfit.techniques.refuse import PIXEL_MIXERS
from upfit.train.micro import pieces, row_count
from upfit.train.out_of_memory import empty_cache, halved, is_out_of_memory
from upfit.values import Recipe, Task


@dataclass(frozen=True, eq=False)
class Seen:
    """What a loader was found to hold: the task, all targets, and its first batch."""

    task: Task
    targets: npt.NDArray[Any]
    first: Any = None


def check_module(module: nn.Module, recipe: Recipe) -> None:
    """A module that can learn, and a recipe that is one.

    Raises:
        InputError: Something else, or nothing in it learns.
        RecipeError: The recipe is none.
    """
    if not isinstance(recipe, Recipe):
        raise RecipeError(
            "the recipe is none", expected="upfit.Recipe(optimizer={...})", got=type(recipe).__name__
        )
    if not isinstance(module, nn.Module):
        raise InputError("this is no module", expected="a torch.nn.Module", got=type(module).__name__)
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise InputError(
            "nothing in the module learns",
            expected="a parameter with requires_grad=True",
            got=f"{sum(1 for _ in module.parameters())} parameters, all frozen",
        )


def check_targets(targets: npt.NDArray[Any], task: Task) -> None:
    """Classes numbered from 0, labels of 0 and 1.

    Raises:
        DataError: Others.
    """
    if task in ("binary", "multiclass") and targets.min() < 0:
        raise DataError(
            "a target is no class", expected="classes numbered 0, 1, 2 …", got=f"{int(targets.min())}"
        )
    if task == "multilabel" and not np.isin(targets, (0, 1)).all():
        raise DataError(
            "several numbers a row cannot be predicted",
            expected="one number a row, or labels of 0 and 1",
            got=f"for instance {targets[~np.isin(targets, (0, 1))][0]:g}",
        )


def look(loader: Any, task: Task | None) -> Seen:
    """Go through a loader once: its task and its targets. Generators in it end up where they were.

    Raises:
        DataError: It is empty, or holds no targets.
    """
    targets, first, back = [], None, generators_in(loader)
    for batch in loader:
        first = batch if first is None else first
        targets.append(parted(batch)[1].detach().cpu())
        if not targets[-1].ndim:
            raise DataError(
                "this gives single examples, not batches",
                expected="a loader of (inputs, target) batches",
                hint="torch.utils.data.DataLoader(dataset, batch_size=32)",
            )
    for restore in back:
        restore()
    if not targets:
        raise DataError("a loader gives no batches", expected="at least one batch")
    whole = torch.cat(targets)
    task = task or _task(whole)
    found = plain(whole, task)
    check_targets(found, task)
    return Seen(task, found, first)


def _task(targets: torch.Tensor) -> Task:
    if targets.ndim > 1 and targets.shape[1] > 1:
        return "multilabel"
    if targets.is_floating_point():
        return "regression"
    return "binary" if int(targets.max()) <= 1 else "multiclass"


def class_names(task: Task, *seen: Seen) -> tuple[str, ...]:
    """Classes by number, as many as any loader holds; none for regression."""
    if task == "regression":
        return ()
    if task == "multilabel":
        return tuple(str(k) for k in range(seen[0].targets.shape[1]))
    most = max(int(one.targets.max()) for one in seen)
    return tuple(str(k) for k in range(max(2, most + 1)))


def plain(targets: torch.Tensor, task: Task) -> npt.NDArray[Any]:
    """Targets as `measure` wants them."""
    array = targets.detach().cpu().numpy()
    if task == "multilabel":
        return array.astype(np.float32)
    return array.reshape(len(array)).astype(np.float32 if task == "regression" else np.int64)


def check_outputs(network: OwnNetwork, batch: Any, *, task: Task, outputs: int) -> None:
    """One batch through the network, in evaluation mode: its logits have to fit the targets.

    Args:
        network: Around the user's module.
        batch: One of the user's.
        task: What is predicted.
        outputs: Logits a row that the targets need.

    Raises:
        InputError: The module cannot be called so, or its logits have another shape or no gradient.
    """
    inputs, target = parted(batch)
    rows, logits = _called(network, inputs, len(target))
    while logits is None:
        # Of a batch that does not fit into memory a part tells as much; training will cut it, too.
        empty_cache()
        rows, logits = _called(network, inputs, halved(rows))
    wanted = f"({rows}, {outputs})" + (" or more columns" if task == "multiclass" else "")
    fits = logits.ndim == 2 and len(logits) == rows
    columns = logits.shape[1] if fits else 0
    if not fits or columns < outputs or (columns > outputs and task != "multiclass"):
        raise InputError(
            f"the module's outputs do not fit the targets of this {task} task",
            expected=f"logits of shape {wanted}",
            got=f"shape {tuple(logits.shape)}",
            hint="task= says what is predicted, where it was told wrongly from the targets",
        )
    if not logits.requires_grad:
        raise InputError(
            "no parameter that learns has a part in the module's outputs",
            hint="stay in torch: no .detach(), .item(), .argmax() or numpy on the way",
        )


def check_mixers(recipe: Recipe, batch: Any) -> None:
    """Inputs that can be mixed, where a technique is to mix them.

    Raises:
        InputError: They are no tensor of real numbers.
        RecipeError: `cutmix` on inputs that are no images.
    """
    inputs, _ = parted(batch)
    for name in PIXEL_MIXERS:
        if not recipe.technique(name):
            continue
        pixels_of({"inputs": inputs}, name)
        if name == "cutmix" and inputs.ndim != 4:
            raise RecipeError(
                "cutmix swaps rectangles of images, and these inputs are none",
                expected="inputs of shape (B, C, H, W)",
                got=_shown(inputs),
                hint="techniques.mixup, which blends any real numbers",
            )


def _called(network: OwnNetwork, inputs: Any, most: int) -> tuple[int, torch.Tensor | None]:
    """How many rows were asked, and their logits in evaluation mode; None for want of memory.

    Random streams are afterwards as they were.
    """
    was_training, stream = network.training, torch.get_rng_state()
    try:
        with torch.enable_grad():
            device = next(network.parameters()).device
            batch = {"inputs": moved(inputs, device)}
            batch = batch if most >= row_count(batch) else pieces(batch, most)[0]
            most = row_count(batch)
            return most, cast(torch.Tensor, network.eval()(batch))
    except UpfitError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            return most, None
        lines = str(error).strip().splitlines() or ["no message"]
        raise InputError(
            f"the module cannot be called with a batch: {type(error).__name__}: {lines[0]}",
            expected="module(x) for (x, y), module(x1, x2) for (x1, x2, y), module(**x) for mappings",
            got=_shown(inputs),
        ) from error
    finally:
        network.train(was_training)
        torch.set_rng_state(stream)


def _shown(inputs: Any) -> str:
    """Types and shapes of what a module was called with."""
    if isinstance(inputs, Mapping):
        return ", ".join(f"{name}={_shown(value)}" for name, value in inputs.items())
    if isinstance(inputs, tuple):
        return ", ".join(map(_shown, inputs))
    shape = getattr(inputs, "shape", None)
    return f"{type(inputs).__name__}" + (f" {tuple(shape)}" if shape is not None else "")
