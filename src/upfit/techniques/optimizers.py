"""Optimizers by name: those of torch, and those of timm that torch lacks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from upfit.errors import RecipeError, nearest
from upfit.techniques.batch_scaling import LINEAR
from upfit.techniques.card import Card
from upfit.values import recipe as values

Make = Callable[..., Optimizer]

ADAM_LIKE = frozenset({"adam", "adamw", "nadam", "nadamw", "radam", "radamw", "adamc", "adamax", "lamb"})
"""Optimizers whose steps have about the size of the rate, so that AdamW's default rates hold for them."""
COUPLED = frozenset(
    {"sgd", "asgd", "adam", "nadam", "radam", "adamax", "adagrad", "adadelta", "rmsprop", "rmsproptf"}
    | {"momentum", "nesterov", "lars", "nlars", "larc", "nlarc", "sgdp", "madgrad", "adabelief", "adahessian"}
)
"""Optimizers that add weight decay to the gradient (L2), where far less of it does as much."""
_WITHOUT_MOMENTUM = LINEAR | {"lars", "larc", "nlars", "nlarc"}
"""Optimizers that have none by default, and hardly anybody uses without."""
_COMPILED = frozenset({"kron", "kronc", "kronw"})
"""Optimizers that compile themselves at their first step, for minutes."""
_TIMM_ONLY = frozenset({"Muon"})
"""Torch's takes matrices alone; timm's falls back to AdamW for vectors."""
_OTHERWISE = {
    "lbfgs": "it evaluates the loss several times a step",
    "sparseadam": "it takes sparse gradients alone",
    "adahessian": "it needs second derivatives",
}
_STATED = {
    "lr": "optimizer.lr",
    "betas": "optimizer.betas",
    "momentum": "optimizer.momentum",
    "weight_decay": "optimizer.weight_decay",
}


def make_optimizer(
    name: str,
    groups: Sequence[Mapping[str, Any]],
    *,
    betas: tuple[float, float] | None = None,
    momentum: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> Optimizer:
    """An optimizer of `torch.optim`, or of `timm.optim` where torch has none of that name.

    Fused kernels are used where the optimizer has them. SGD has Nesterov momentum of 0.9 unless told
    otherwise.

    Args:
        name: E.g. `adamw`, `sgd`, `lion`.
        groups: Parameter groups, each with its `lr` and `weight_decay`.
        betas: For optimizers that have them; their own where missing.
        momentum: The same.
        options: Whatever else the optimizer takes.

    Raises:
        RecipeError: Nobody knows the name, or the optimizer does not take an option or its value.

    Example:
        >>> weight = nn.Parameter(torch.zeros(2))
        >>> sgd = make_optimizer("sgd", [{"params": [weight], "lr": 0.1}], options={"dampening": 0.0})
        >>> sgd.defaults["momentum"], sgd.defaults["nesterov"]
        (0.9, True)
    """
    make = _maker(name)
    given = _settings(name, make, betas=betas, momentum=momentum, options=options or {})
    try:
        return _fused(make, groups, given)
    except (TypeError, ValueError, AssertionError, ImportError) as error:
        raise RecipeError(f"optimizer {name} cannot be made: {error}", hint="optimizer.options") from None


def of_recipe(chosen: values.Optimizer, groups: Sequence[Mapping[str, Any]]) -> Optimizer:
    """The optimizer that a recipe asks for, with these parameter groups."""
    return make_optimizer(
        chosen.name, groups, betas=chosen.betas, momentum=chosen.momentum, options=chosen.options
    )


def check_optimizer(chosen: values.Optimizer) -> None:
    """Raise `RecipeError` unless the optimizer can be made and takes a step on a matrix and a vector."""
    parameters = [nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2))]
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    made = of_recipe(chosen, [{"params": parameters, "lr": 1e-3, "weight_decay": 0.01}])
    if chosen.name.lower() in _COMPILED:
        return
    random = torch.get_rng_state()
    try:
        made.step()
    except Exception as error:
        raise RecipeError(f"optimizer {chosen.name} takes no step in this loop: {error}") from None
    finally:
        torch.set_rng_state(random)


def default_weight_decay(name: str) -> float:
    """What `weight_decay: auto` means: 0.05 decoupled from the gradient, 0.0001 as part of it."""
    return 1e-4 if name.lower() in COUPLED else 0.05


def _maker(name: str) -> Make:
    """The class of that name; torch's own comes first."""
    low = name.lower()
    if low in _OTHERWISE:
        raise RecipeError(f"optimizer {name} does not fit this loop: {_OTHERWISE[low]}", hint="adamw, sgd")
    classes = _torch_classes()
    if low in classes:
        return classes[low]
    # Loading timm takes seconds, and the usual optimizers need none of it.
    import timm.optim

    known = [str(one) for one in timm.optim.list_optimizers()]  # type: ignore[attr-defined]
    if low not in known:
        names = [*classes, *known]
        guess = nearest(low, names)
        raise RecipeError(
            f"no optimizer {name!r}",
            expected="one of torch.optim or timm.optim, e.g. adamw, adam, sgd, lion",
            hint=f"optimizer.name={guess}" if guess else "",
        )
    try:
        made: Make = timm.optim.get_optimizer_class(low, bind_defaults=True)  # type: ignore[attr-defined]
    except AssertionError as error:
        raise RecipeError(f"optimizer {name} cannot be used here: {error}") from None
    return made


def _torch_classes() -> dict[str, Make]:
    members = {name: getattr(torch.optim, name) for name in dir(torch.optim)}
    return {
        name.lower(): member
        for name, member in members.items()
        if inspect.isclass(member)
        and issubclass(member, Optimizer)
        and name not in _TIMM_ONLY | {"Optimizer"}
    }


def _settings(
    name: str,
    make: Make,
    *,
    betas: tuple[float, float] | None,
    momentum: float | None,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Keyword arguments for the constructor, checked against what it takes."""
    taken = inspect.signature(make).parameters
    for option in options:
        if option in _STATED:
            raise RecipeError(f"optimizer.options.{option} has a field of its own", hint=_STATED[option])
        if option not in taken or option == "params":
            guess = nearest(option, taken)
            raise RecipeError(
                f"optimizer {name} has no option {option!r}",
                expected=", ".join(sorted(set(taken) - set(_STATED) - {"params"})),
                hint=f"optimizer.options.{guess}" if guess else "",
            )
    stated = {"betas": betas, "momentum": momentum}
    for setting, value in stated.items():
        if value is not None and setting not in taken:
            raise RecipeError(f"optimizer {name} has no {setting}", hint=f"leave optimizer.{setting} out")
    given: dict[str, Any] = {setting: value for setting, value in stated.items() if value is not None}
    if name.lower() in _WITHOUT_MOMENTUM and "momentum" in taken:
        given.setdefault("momentum", 0.9)
    if name.lower() == "sgd":
        # Nesterov without momentum is refused by torch, and means nothing.
        given["nesterov"] = given["momentum"] > 0
    return {**given, **options}


def _fused(make: Make, groups: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> Optimizer:
    """One kernel for all parameters, where the optimizer and the device have one."""
    listed = [dict(group) for group in groups]
    chosen = any(name in given for name in ("fused", "foreach", "differentiable", "capturable"))
    if "fused" in inspect.signature(make).parameters and not chosen:
        try:
            return make(listed, **given, fused=True)
        except RuntimeError:
            # Not for this device or type of numbers.
            pass
    return make(listed, **given)


ADAMW = Card(
    name="adamw",
    switch="optimizer.name=adamw",
    row="T2",
    what="Adam with weight decay decoupled from the gradient; fused where the machine can. The default.",
    when="Nearly always, transformers above all.",
    when_not="Memory for two more copies of the weights is not there: sgd, lion.",
    combine="Everything. Rates for another batch size scale with its square root.",
    source="Loshchilov and Hutter 2019, arXiv:1711.05101; torch.optim.AdamW",
    unmeasured="the default: the gains of other cards are differences from it",
)
ADAM = Card(
    name="adam",
    switch="optimizer.name=adam",
    row="T2",
    what="Adam; weight decay, where set, is part of the gradient (L2).",
    when="To repeat a published recipe.",
    when_not="With weight decay: adamw decays all weights alike, adam those with small gradients most.",
    combine="Everything. Rates for another batch size scale with its square root.",
    source="Kingma and Ba 2015, arXiv:1412.6980; torch.optim.Adam",
)
SGD = Card(
    name="sgd",
    switch="optimizer.name=sgd",
    row="T2",
    what="Stochastic gradient descent with Nesterov momentum 0.9 (optimizer.momentum, "
    "optimizer.options={nesterov: false}).",
    when="Convolutional networks with much data and many epochs; little memory.",
    when_not="Transformers, and layers whose gradients differ much in size: one rate does not fit all.",
    combine="clip: lr: auto has measured rates for a norm of 1 (0.1 for images, 0.03 for texts), and means "
    "range_test without. one_cycle. Rates scale with the batch size.",
    source="Sutskever et al. 2013; torch.optim.SGD",
)
OTHERS = Card(
    name="other_optimizers",
    switch="optimizer.name=",
    example="optimizer.name=radam",
    row="T2",
    what="Any optimizer of torch.optim or timm.optim by its name: radam, nadam, lion, lamb, adan, muon, "
    "adafactor; optimizer.options holds what else it takes.",
    when="To repeat a published recipe, or to save memory (lion, adafactor).",
    when_not="Hoping for accuracy: tuned equally well, most are within noise of adamw.",
    combine="optimizer.lr=range_test, which lr: auto means where adamw's rates do not hold.",
    source="torch.optim, timm.optim; Schmidt et al. 2021, arXiv:2007.01547",
)
