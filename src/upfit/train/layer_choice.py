"""`layers.train: auto`: short trials say which layers to train, and the paired rule decides."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from upfit.errors import RecipeError
from upfit.measure import paired_gain
from upfit.models import Backbone, Network
from upfit.train.adapting import without_adapters
from upfit.train.costs import step_seconds
from upfit.train.feed import feed_of
from upfit.train.infer import outputs
from upfit.train.settle import settle_techniques
from upfit.train.stages import fresh_network, validation_measure
from upfit.train.tune import Places, Plan, tune
from upfit.train.workbench import Workbench
from upfit.values import Estimate, Finding, Layers
from upfit.values.layers import Trained

SHARE = 0.1
"""Part of the time left that all trials may take together."""
LEAST, MOST = 20, 100
"""Steps of a trial: with fewer nothing can be told, and more are not needed."""
SIGNAL = 0.8
"""Part of the relative gradient signal that the layer groups of the candidate `by signal` hold."""
LOOKS = 4
"""Batches that the signal is averaged over."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What to train, and the Finding that says why."""

    train: Trained
    finding: Finding


def choose_layers(
    bench: Workbench,
    backbone: Backbone,
    *,
    metric: str,
    left: float | None,
    asked_to_stop: Callable[[], bool] = lambda: False,
) -> Choice:
    """Train each candidate for a few steps and take one that beats `all` on validation; else `all`.

    The candidates: the head, the last layer group, the last half, as many groups from the output down as
    hold most of the relative gradient signal, and all. Same seed, batches and schedule for each.

    Args:
        bench: With a recipe settled but for `layers.train`.
        backbone: Loaded; stays as it is.
        metric: What decides.
        left: Seconds left; None for no limit.
        asked_to_stop: Polled during the trials.
    """
    names = candidates(len(backbone.groups), groups_by_signal(_with(bench, "all"), backbone))
    steps = _affordable(_with(bench, "all"), backbone, len(names), left)
    if steps < LEAST:
        text = (
            f"the budget leaves {steps} steps for each trial of layers, {LEAST} are needed: all layers train"
        )
        return Choice("all", Finding(kind="layers_chosen", severity="info", message=text))
    scores = {}
    for number, train in enumerate(names):
        bench.watcher.stage(f"trial {number + 1} of {len(names)}: training {said(train)}")
        try:
            scores[train] = tried(_with(bench, train), backbone, steps, metric, asked_to_stop)
        except RecipeError:
            # A technique that acts inside the backbone has nothing to act on where only the head learns.
            if train == "all":
                raise
    whole = scores.pop("all")
    task, truth = bench.data.schema.task, bench.validation_targets
    gains = {train: paired_gain(task, metric, found, whole, truth) for train, found in scores.items()}
    return decide(gains, metric, steps)


def candidates(groups: int, by_signal: int) -> tuple[Any, ...]:
    """What is tried, fewest layers first, each once.

    >>> candidates(7, by_signal=2)
    ('head', 1, 2, 4, 'all')
    """
    counts = sorted({1, (groups + 1) // 2, by_signal} - {0, groups})
    return ("head", *counts, "all")


def decide(gains: dict[Any, Estimate], metric: str, steps: int) -> Choice:
    """The candidate with the greatest gain over `all` among those beyond noise; `all` where there is none.

    Args:
        gains: Candidate → what it gains over training all layers, with its interval.
        metric: What was measured.
        steps: Steps of each trial.
    """
    better = {train: gain for train, gain in gains.items() if gain.low > 0}
    chosen: Any = max(better, key=lambda train: better[train].value) if better else "all"
    shown = "; ".join(f"{said(t)} {g.value:+.3f} ({g.low:+.3f} to {g.high:+.3f})" for t, g in gains.items())
    text = f"{said(chosen)} will be trained; gains in {metric} over all layers, {steps} steps each: {shown}"
    evidence = {f"gain_{train}": gain.value for train, gain in gains.items()}
    evidence |= {f"low_{train}": gain.low for train, gain in gains.items()}
    return Choice(chosen, Finding(kind="layers_chosen", severity="info", message=text, evidence=evidence))


def groups_by_signal(bench: Workbench, backbone: Backbone) -> int:
    """How many layer groups, from the output down, hold most of the relative gradient signal.

    The signal of a group is its squared gradient over its squared weights, averaged over some batches: what
    a step of one size would change most, in proportion (an empirical Fisher information per weight).
    """
    network = fresh_network(bench, copy.deepcopy(backbone))
    feed = feed_of(bench, network)
    loss = bench.objective.loss(bench.recipe.loss)
    network.to(bench.world.device).eval()
    signals: npt.NDArray[np.float64] = np.zeros(len(network.groups) - 1)
    for batch in islice(feed.source.epoch(0), LOOKS):
        batch = bench.world.move(batch)
        with bench.world.autocast():
            logits = network(batch)
        loss(logits.float(), batch["target"]).mean().backward()
        signals += _signals(network)
        network.zero_grad(set_to_none=True)
    held = np.cumsum(signals[::-1]) / max(float(signals.sum()), 1e-30)
    return int(np.searchsorted(held, SIGNAL) + 1)


def said(train: Any) -> str:
    """What is trained, in words.

    >>> said("head"), said(1), said(4), said("all")
    ('the head', 'the last layer group', 'the last 4 layer groups', 'all layers')
    """
    words = {"head": "the head", "all": "all layers", 1: "the last layer group"}
    return words.get(train, f"the last {train} layer groups")


def _signals(network: Network) -> npt.NDArray[np.float64]:
    parameters = dict(network.named_parameters())
    found = []
    for group in network.groups[:-1]:
        members = [parameters[name] for name in group.parameters]
        gradient = sum(float(p.grad.float().square().sum()) for p in members if p.grad is not None)
        weight = sum(float(p.detach().float().square().sum()) for p in members)
        found.append(gradient / max(weight, 1e-12))
    return np.array(found)


def _with(bench: Workbench, train: Trained) -> Workbench:
    layers: Layers = bench.recipe.layers
    return bench.with_recipe(bench.recipe.replace(layers=layers.replace(train=train)))


def _affordable(bench: Workbench, backbone: Backbone, trials: int, left: float | None) -> int:
    """Steps of each trial, as if all layers learned in each."""
    if left is None:
        return MOST
    network = fresh_network(bench, copy.deepcopy(backbone))
    feed = feed_of(bench, network)
    loss = bench.objective.loss(bench.recipe.loss)
    step = step_seconds(feed.model, feed.source, loss, bench.world)
    return bench.world.agree(min(MOST, int(SHARE * left / (trials * step))))


def tried(
    bench: Workbench, backbone: Backbone, steps: int, metric: str, asked_to_stop: Callable[[], bool]
) -> npt.NDArray[np.float32]:
    """Validation scores of a recipe after a short training on a copy of the backbone."""
    bench = bench.with_recipe(settle_techniques(bench.recipe, steps))
    network = fresh_network(bench, copy.deepcopy(backbone))
    feed = feed_of(bench, network)
    tune(
        bench.recipe,
        feed.model,
        feed.groups,
        source=feed.source,
        loss=bench.objective.loss(bench.recipe.loss),
        measure=validation_measure(bench, feed.validation),
        metric=metric,
        plan=Plan(steps, steps, steps),
        world=bench.world,
        watcher=bench.watcher,
        places=Places(asked_to_stop=asked_to_stop),
        moved=feed.moved,
    )
    without_adapters(network)
    logits = torch.from_numpy(outputs(feed.model, feed.validation, bench.world))
    return bench.objective.scores(logits)
