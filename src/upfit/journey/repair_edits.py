"""What a cure means for a recipe of ours: one Change may need company, and some would change nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from upfit.diagnose.group_rates import Blamed, GroupRates
from upfit.diagnose.treat_candidates import MOST, Candidate, Edits, Pick
from upfit.errors import InputError
from upfit.techniques.batch_scaling import scaled_rate
from upfit.techniques.optimizers import ADAM_LIKE
from upfit.values import Change, Finding, Recipe

RATES = {"optimizer.lr": "lr", "optimizer.head_lr": "head_lr"}
FUTILE = frozenset({"stopping.patience"})
"""The loop keeps the best weights by validation: stopping earlier gives the same model."""
TOO_SLOW = frozenset({"lr_too_small", "slow_convergence"})
"""Illnesses of steps that lead nowhere: a larger batch takes larger steps with it, then."""
ADAMW = Change(
    path="optimizer.name", to="adamw", because="AdamW with upfit's own rates was measured to do well"
)
OUR_OPTIMIZER: dict[str, Any] = {
    "lr": "auto",
    "head_lr": "auto",
    "weight_decay": "auto",
    "betas": None,
    "momentum": None,
    "options": {},
}
"""What goes with it; options of the other optimizer would not be understood."""


def edits_of(recipe: Recipe, pick: Candidate, rates: GroupRates) -> Edits:
    """Everything that a cure changes in a settled recipe.

    A rate takes those with it that are to blame too, in proportion; a batch that is larger because steps led
    nowhere takes rates that suit it; dropout in the head goes with that in the backbone; where steps were
    stated, more epochs are more steps.

    Args:
        recipe: Settled, of the sick run.
        pick: The finding and its cure.
        rates: What the sick run's rates were, which the cure refers to.

    >>> from upfit.values.recipe import Optimizer
    >>> sick = Recipe(optimizer=Optimizer(lr=0.3, head_lr=1.0))
    >>> ill = Finding(kind="exploding_gradient", severity="error", message="")
    >>> cure = Change(path="optimizer.lr", to=0.03)
    >>> [(one.path, one.to) for one in edits_of(sick, (ill, cure), GroupRates(0.3, 1.0))]
    [('optimizer.lr', 0.03), ('optimizer.head_lr', 0.1)]
    """
    finding, change = pick
    if change.path in RATES:
        return _rates(recipe, change, rates, _blamed(finding, change, rates))
    if change.path == "head.dropout" and change.to == 0 and recipe.layers.dropout not in ("auto", 0.0):
        return (change, change.replace(path="layers.dropout"))
    if change.path == "augment.policy" and change.to == "none":
        return (change, *_nothing_varied(recipe, change))
    if change.path == "layers.train" and recipe.optimizer.name.lower() in ADAM_LIKE:
        # The rates stated for a head that learns alone say nothing about all layers.
        return (change, *(change.replace(path=path, to="auto") for path in RATES))
    if change.path == "batching.size" and finding.kind in TOO_SLOW:
        return (change, *_carried_over(recipe, int(change.to)))
    if change == ADAMW:
        return (change, *(change.replace(path=f"optimizer.{n}", to=to) for n, to in OUR_OPTIMIZER.items()))
    stated = recipe.stopping.steps
    if change.path == "stopping.epochs" and stated is not None:
        epochs = float(finding.evidence.get("epochs", 0.0)) or float(change.to) / 4
        return (change.replace(path="stopping.steps", to=round(stated * float(change.to) / epochs)),)
    return (change,)


def worth_trying(
    recipe: Recipe,
    picks: Iterable[Candidate],
    rates: GroupRates,
    *,
    tried: Collection[Edits] = (),
    settle: Callable[[Recipe], Recipe] = lambda recipe: recipe,
) -> tuple[Pick, ...]:
    """Findings with edits, at most so many, that change something and were not tried before.

    Args:
        recipe: Settled, of the sick run.
        picks: Findings with a cure each.
        rates: What the sick run's rates were.
        tried: Edits that were tried before.
        settle: Fills in what an edit leaves to us: `auto` may be what the sick run had.

    >>> light = Change(path="augment.policy", to="light")
    >>> ill = Finding(kind="overfit", severity="warning", message="")
    >>> recipe = Recipe().apply(light)
    >>> worth_trying(recipe, [(ill, light), (ill, Change(path="stopping.patience", to=3))], GroupRates())
    ()
    """
    known = {_plain(edits) for edits in tried}
    found: list[Pick] = []
    for finding, change in picks:
        edits = edits_of(recipe, (finding, change), rates)
        if change.path not in FUTILE and _plain(edits) not in known and _changes(recipe, edits, settle):
            known.add(_plain(edits))
            found.append((finding, edits))
    return tuple(found[:MOST])


def with_our_rates(recipe: Recipe, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Where a rate is to blame, what was measured to do well comes first: our rates, or AdamW with them.

    Other optimizers have no rate that was measured, or, as SGD, only for gradients that are clipped.
    """
    ours = recipe.optimizer.name.lower() in ADAM_LIKE
    return tuple(
        one.replace(cures=(_ours(path) if ours else ADAMW, *one.cures))
        if (path := next((cure.path for cure in one.cures if cure.path in RATES), None))
        else one
        for one in findings
    )


def _ours(path: str) -> Change:
    return Change(path=path, to="auto", because="upfit's own rates were measured to do well")


def _blamed(finding: Finding, change: Change, rates: GroupRates) -> Blamed:
    if change.path == "optimizer.head_lr":
        return "head"
    return "body" if finding.kind == "lr_too_large" and rates.too_large() == "body" else "both"


def _nothing_varied(recipe: Recipe, change: Change) -> Edits:
    """What a recipe adds to its policy goes with it."""
    mirrors = (change.replace(path="augment.flip", to=False),) if recipe.augment.flip is True else ()
    added = [
        name for name in ("scale", "degrees", "colour", "erase") if getattr(recipe.augment, name) != "auto"
    ]
    return (*mirrors, *(change.replace(path=f"augment.{name}", to="auto") for name in added))


def _rates(recipe: Recipe, change: Change, rates: GroupRates, blamed: Blamed) -> Edits:
    fields = {"body": ("lr",), "head": ("head_lr",), "both": ("lr", "head_lr")}[blamed]
    if change.to == "auto":
        return tuple(change.replace(path=f"optimizer.{name}") for name in fields)
    reference = rates.head if blamed == "head" else rates.main
    factor = float(change.to) / reference
    made = [
        change.replace(path=f"optimizer.{name}", to=float(f"{value * factor:.3g}"))
        for name in fields
        if isinstance(value := getattr(recipe.optimizer, name), float | int)
    ]
    own = recipe.optimizer.rates
    if own and blamed == "both":
        moved = {name: float(f"{value * factor:.3g}") for name, value in own.items()}
        made.append(change.replace(path="optimizer.rates", to=moved))
    return tuple(made)


def _plain(edits: Edits) -> str:
    """What is changed, whatever for."""
    return repr([(one.path, one.to) for one in edits])


def _carried_over(recipe: Recipe, size: int) -> Edits:
    """The recipe's rates for batches of another size."""
    before, name = recipe.batching.size, recipe.optimizer.name
    assert not isinstance(before, str), "the recipe has to be settled first"
    rates = {path: getattr(recipe.optimizer, field) for path, field in RATES.items()}
    return tuple(
        Change(
            path=path,
            to=float(f"{scaled_rate(rate, size, optimizer=name, reference=before):.3g}"),
            because=f"batches of {size} bear other steps than batches of {before}",
        )
        for path, rate in rates.items()
        if not isinstance(rate, str)
    )


def _changes(recipe: Recipe, edits: Edits, settle: Callable[[Recipe], Recipe]) -> bool:
    """Whether the recipe is another one with them; one that is refused is not worth a trial."""
    try:
        return settle(recipe.apply(*edits)) != recipe
    except InputError:
        return False
