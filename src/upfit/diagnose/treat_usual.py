"""Where no cure of a finding is enough: the recipe that anybody would begin with, all of it at once.

Two faults that hide each other, or one that the rules did not name, leave nothing that a single Change could
gain. What trains most networks is known, though: AdamW at one of few rates, a warm-up, a rate that falls to
zero, four times as long; for a network that begins from drawn weights also standardised inputs, rectifiers,
normalisation and weights drawn to match. Like every cure it stays only where validation gains.

Source: Kingma, Ba 2015 and Loshchilov, Hutter 2019 (AdamW and its rate); He et al. 2015 (weights); Ioffe,
Szegedy 2015 (normalisation); Karpathy 2019, "A Recipe for Training Neural Networks" (Adam for a start).
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.optim import AdamW, Optimizer

from upfit.diagnose.job import Job
from upfit.diagnose.treat_candidates import Edits, Pick
from upfit.diagnose.treat_own import DRAW, EXCHANGE, NORMALISE, OPEN, SCALE, suits
from upfit.diagnose.treat_surgery import Anatomy
from upfit.values import Change, Finding

RATE = 1e-3
"""AdamW's own."""
DRAWN_RATES, GIVEN_RATES = (1e-2, RATE), (1e-2, RATE, 1e-4)
"""What is tried from weights that are drawn anew, and from those that `build` gives."""
LONGER = 4.0
WARMUP = 0.1
HELPED = frozenset({
    "bad_init", "clip_too_small", "dead_units", "exploding_gradient", "flipped_gradient",
    "loss_activation_mismatch", "lr_too_large", "lr_too_small", "nan_loss", "optimizer_model_mismatch",
    "optimizer_not_stepping", "oscillating_loss", "over_regularised", "slow_convergence", "underfit_budget",
    "underfit_capacity", "vanishing_gradient", "wrong_activation", "wrong_preprocessing",
})  # fmt: skip
"""Findings about how a network learns; what is wrong with examples or labels no recipe cures."""


def usual_recipes(
    job: Job, findings: Iterable[Finding], found: Anatomy | None, *, epochs: float
) -> tuple[Pick, ...]:
    """The usual recipes, several changes each; none where no finding is about how the network learns.

    Args:
        job: What is trained.
        findings: Of the run as it is, ranked.
        found: The network's modules; None where they cannot be seen, which rules out changes to them.
        epochs: How long they train.
    """
    ill = next((one for one in findings if one.kind in HELPED and one.severity != "info"), None)
    if ill is None:
        return ()
    rebuilt = tuple(change for change in (SCALE, EXCHANGE, NORMALISE, DRAW) if suits(change, job, found))
    rebuilt += (OPEN,) if found is not None and found.ends_in_rectifier else ()
    anew = [(ill, (*_recipe(rate, epochs), *rebuilt)) for rate in DRAWN_RATES]
    return (*anew, *((ill, _recipe(rate, epochs)) for rate in GIVEN_RATES))


def further(cured: Finding, *, epochs: float) -> tuple[Pick, ...]:
    """What may bring a short run further that is well by now: the usual recipe, its own weights and layers.

    Args:
        cured: What it was ill of.
        epochs: How long they train.
    """
    why = "Nothing is wrong any more; so short a run may have more to give."
    well = cured.replace(message=why)
    own = tuple(change for change in _recipe(RATE, epochs) if not change.path.startswith("optimizer."))
    return ((well, own), *((well, _recipe(rate, epochs)) for rate in DRAWN_RATES))


def optimizer_of(model: nn.Module, optimizer: Optimizer, changes: Iterable[Change]) -> Optimizer:
    """AdamW over all that learns where `optimizer.name` asks for it; else the optimizer itself.

    Args:
        model: Newly built.
        optimizer: The one that was built with it.
        changes: `optimizer.name`, `optimizer.lr` and `optimizer.weight_decay` count, the latest last, and
            `optimizer.parameters`: what learns and the optimizer does not hold joins it.

    >>> net = nn.Linear(2, 1)
    >>> sgd = __import__("torch").optim.SGD(net.parameters(), lr=0.1)
    >>> optimizer_of(net, sgd, [Change(path="optimizer.name", to="adamw")]).defaults["lr"]
    0.001
    """
    to = {change.path: change.to for change in changes}
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if to.get("optimizer.name") != "adamw":
        held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        missing = [parameter for parameter in learning if id(parameter) not in held]
        if missing and to.get("optimizer.parameters") == "all":
            optimizer.add_param_group({"params": missing})
        return optimizer
    return AdamW(learning, to.get("optimizer.lr", RATE), weight_decay=to.get("optimizer.weight_decay", 0.01))


def _recipe(rate: float, epochs: float) -> Edits:
    why = "the recipe that trains most networks, all at once"
    to = {
        "optimizer.name": "adamw",
        "optimizer.lr": rate,
        "optimizer.weight_decay": 0.01,
        "schedule.name": "cosine",
        "schedule.warmup": WARMUP,
        "techniques.clip.norm": 1.0,
        "stopping.epochs": epochs,
    }
    return tuple(Change(path=path, to=value, because=why) for path, value in to.items())
