"""Cures that the treating loop makes by itself: for modules of one's own; a recipe has no words for them."""

from __future__ import annotations

from collections.abc import Callable

from upfit.diagnose.job import Job
from upfit.diagnose.treat_loader import PATHS as LOADER_PATHS
from upfit.diagnose.treat_loader import has_examples
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
LOGITS = Change(path="loss.name", to="cross_entropy", because="logits, and the loss that takes them")
LABELS = Change(path="loss.name", to="binary_cross_entropy", because="each label is true or not by itself")
EQUAL = Change(path="loss.shapes", to="equal", because="each answer is compared with its own target alone")
SHUFFLE = Change(path="batching.shuffle", to=True, because="batches that hold all kinds of examples")
DROP = Change(path="batching.drop_last", to=True, because="a last batch of few examples is left out")
CLEAN = Change(
    path="data.clean", to="auto", because="labels that contradict all that is near them are left out"
)
HOLD = Change(
    path="optimizer.parameters", to="all", because="the optimizer has to hold the weights that the loss meets"
)
ADAMW = Change(path="optimizer.name", to="adamw", because="an optimizer that walks downhill")
MOMENTUM = Change(
    path="model.norm_momentum", to=0.1, because="statistics have to follow what evaluation is to use"
)
FILL = Change(path="inputs.fill", to="mean", because="a mean in place of what is no number")

OWN: dict[str, tuple[Change, ...]] = {
    "bad_init": (DRAW, NORMALISE),
    "dead_units": (DRAW, NORMALISE),
    "vanishing_gradient": (EXCHANGE, NORMALISE, DRAW),
    "exploding_gradient": (EXCHANGE, NORMALISE, DRAW),
    "wrong_activation": (EXCHANGE, OPEN),
    "loss_activation_mismatch": (OPEN, ONE_EACH, LOGITS, LABELS),
    "broadcast_bug": (EQUAL, LOGITS),
    "no_shuffle": (SHUFFLE,),
    "tiny_last_batch": (DROP,),
    "label_noise": (CLEAN,),
    "optimizer_model_mismatch": (HOLD,),
    "optimizer_not_stepping": (HOLD, ADAMW),
    "frozen_params": (HOLD,),
    "flipped_gradient": (ADAMW, LOGITS),
    "eval_mode_bug": (MOMENTUM,),
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
    return tuple(change for change in OWN.get(kind, ()) if suits(change, job, found))


def suits(change: Change, job: Job, found: Anatomy | None) -> bool:
    """Whether a change can be made to this job and network at all."""
    if change.path.startswith(("inputs.", "loss.")):
        return job.forward is None and TASKS.get(change, job.task) == job.task
    if change.path in LOADER_PATHS:
        return has_examples(job.train)
    check = SUITS.get(change.path)
    return check is None or (found is not None and check(found))


def _can_be_normalised(found: Anatomy) -> bool:
    there = any(isinstance(one, NORMS) for one in found.modules)
    return not there and any(len(found.shapes[place]) in (2, 4) for place in found.inner_layers)


TASKS = {LOGITS: "classification", LABELS: "multilabel"}
"""The tasks that losses are for."""
SUITS: dict[str, Callable[[Anatomy], bool]] = {
    "model.activation": lambda found: bool(found.bad_activations or found.bare_layers),
    "model.norm": _can_be_normalised,
    "model.output": lambda found: found.last_activation is not None,
}
