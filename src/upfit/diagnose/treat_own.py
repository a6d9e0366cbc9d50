"""Cures that the treating loop makes by itself: for modules of one's own; a recipe has no words for them."""

from __future__ import annotations

from collections.abc import Callable

from upfit.diagnose.job import Job
from upfit.diagnose.treat_surgery import NORMS, Anatomy
from upfit.values import Change

DRAW = Change(path="model.init", to="he", because="weights of the right size carry signals through")
EXCHANGE = Change(
    path="model.activation", to="relu", because="rectifiers between layers, with weights drawn to match"
)
NORMALISE = Change(
    path="model.norm", to="batch", because="signals of one size after every layer, whatever its weights"
)
OPEN = Change(path="model.output", to="linear", because="the loss takes what the last layer gives")
ONE_EACH = Change(path="model.output", to="sigmoid", because="each output says yes or no by itself")
SCALE = Change(
    path="inputs.scale", to="standardise", because="inputs of mean 0 and spread 1 suit every starting point"
)
FILL = Change(path="inputs.fill", to="mean", because="a mean in place of what is no number")

OWN: dict[str, tuple[Change, ...]] = {
    "bad_init": (DRAW, NORMALISE),
    "dead_units": (DRAW, NORMALISE),
    "vanishing_gradient": (EXCHANGE, NORMALISE, DRAW),
    "exploding_gradient": (EXCHANGE, NORMALISE, DRAW),
    "wrong_activation": (EXCHANGE, OPEN),
    "loss_activation_mismatch": (OPEN, ONE_EACH),
    "wrong_preprocessing": (SCALE,),
    "nan_input": (FILL,),
}
"""Kind of finding → changes, best first."""


def own_cures(job: Job, kind: str, found: Anatomy | None) -> tuple[Change, ...]:
    """What the loop itself can do about a finding, for this network.

    Args:
        job: What is trained.
        kind: Of the finding.
        found: The network's modules; None where they cannot be seen, which rules out changes to them.
    """
    size = getattr(job.train, "batch_size", None)
    if kind == "out_of_memory" and size:
        why = "the batch stays as it is, and goes through in pieces"
        parts = dict.fromkeys(max(1, size // cut) for cut in (2, 8, size))
        return tuple(Change(path="batching.micro_size", to=part, because=why) for part in parts)
    return tuple(change for change in OWN.get(kind, ()) if _suits(change, job, found))


def _suits(change: Change, job: Job, found: Anatomy | None) -> bool:
    if change.path.startswith("inputs."):
        return job.forward is None
    check = SUITS.get(change.path)
    return check is None or (found is not None and check(found))


def _can_be_normalised(found: Anatomy) -> bool:
    there = any(isinstance(one, NORMS) for one in found.modules)
    return not there and any(len(found.shapes[place]) in (2, 4) for place in found.inner_layers)


SUITS: dict[str, Callable[[Anatomy], bool]] = {
    "model.activation": lambda found: bool(found.bad_activations or found.bare_layers),
    "model.norm": _can_be_normalised,
    "model.output": lambda found: found.last_activation is not None,
}
