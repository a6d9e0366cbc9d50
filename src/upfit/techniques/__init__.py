"""Parts that fit a seam of the loop. `TECHNIQUES` names those that a recipe may list."""

from __future__ import annotations

from upfit.errors import RecipeError, nearest
from upfit.techniques import losses
from upfit.techniques.augmentation import check_augmentation
from upfit.techniques.clip import Clip
from upfit.techniques.cutmix import CutMix
from upfit.techniques.ema import Ema
from upfit.techniques.gradient_noise import GradientNoise
from upfit.techniques.l1 import L1
from upfit.techniques.l2 import L2
from upfit.techniques.l2_sp import L2Sp
from upfit.techniques.length_warmup import LengthWarmup
from upfit.techniques.mixup import Mixup
from upfit.techniques.mixup_features import MixupFeatures
from upfit.techniques.neftune import Neftune
from upfit.techniques.optimizers import check_optimizer
from upfit.techniques.parts import Parts
from upfit.techniques.progressive_resize import ProgressiveResize
from upfit.techniques.r_drop import RDrop
from upfit.techniques.refuse import Modality, refuse
from upfit.techniques.sam import Sam
from upfit.techniques.seams import Settles
from upfit.techniques.stochastic_depth import StochasticDepth
from upfit.techniques.swa import Swa
from upfit.techniques.token_dropout import TokenDropout
from upfit.values import Recipe, Task, Technique, Value

TECHNIQUES: dict[str, type[Value]] = {
    "clip": Clip,
    "ema": Ema,
    "swa": Swa,
    "l1": L1,
    "l2": L2,
    "l2_sp": L2Sp,
    "stochastic_depth": StochasticDepth,
    "neftune": Neftune,
    "mixup": Mixup,
    "cutmix": CutMix,
    "mixup_features": MixupFeatures,
    "r_drop": RDrop,
    "sam": Sam,
    "gradient_noise": GradientNoise,
    "progressive_resize": ProgressiveResize,
    "length_warmup": LengthWarmup,
    "token_dropout": TokenDropout,
}


def build(technique: Technique) -> Value:
    """The part that a recipe's technique names; raises `RecipeError` for a wrong name or setting."""
    if technique.name not in TECHNIQUES:
        guess = nearest(technique.name, TECHNIQUES)
        hint = _elsewhere(technique.name) or (f"techniques.{guess}" if guess else "")
        expected = ", ".join(TECHNIQUES)
        raise RecipeError(f"no technique {technique.name!r}", expected=expected, hint=hint)
    return TECHNIQUES[technique.name](**technique.settings)


def _elsewhere(name: str) -> str:
    """How a technique is switched on that is another field of the recipe than `techniques`."""
    # Cards are made beside the parts, and import this package.
    from upfit.techniques.catalogue import cards_about

    switches = [card.switch for card in cards_about(name) if not card.switch.startswith("techniques.")]
    return " or ".join(f"--set {switch}" for switch in switches[:2])


def parts_of(recipe: Recipe, total_steps: int) -> Parts:
    """The recipe's techniques at their places in the loop, for a run of so many steps."""
    return Parts({technique.name: settled(technique, total_steps) for technique in recipe.techniques})


def settled(technique: Technique, total_steps: int) -> Value:
    """The part that a technique names, with settings that depend on the run's length filled in."""
    part = build(technique)
    return part.settle(total_steps) if isinstance(part, Settles) else part


def check(recipe: Recipe) -> None:
    """Raise `RecipeError` unless the loss, the optimizer and every technique of the recipe can be built."""
    losses.check(recipe.loss)
    check_optimizer(recipe.optimizer)
    for technique in recipe.techniques:
        build(technique)


def check_fits(recipe: Recipe, *, task: Task, modality: Modality) -> None:
    """Raise `RecipeError` where the recipe contradicts itself, the task or what the network reads."""
    parts = {technique.name: build(technique) for technique in recipe.techniques}
    refuse(recipe, parts, task=task, modality=modality)
    check_augmentation(recipe, modality=modality)


__all__ = ["TECHNIQUES", "Clip", "Ema", "Parts", "build", "check", "check_fits", "parts_of", "settled"]
