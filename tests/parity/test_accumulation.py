"""Accumulation: 1×32, 2×16 and 8×4 examples take the same twenty steps, to rounding.

Padding that differs from piece to piece, class weights, a short last batch. The packaged backbone, all six
layers of it, is in `bench/accumulation.py`; here one of them keeps the test short.
"""

from __future__ import annotations

import pytest
import torch

from upfit.data.loader import Loader
from upfit.models import Head, Network, load_backbone
from upfit.techniques.losses import Facts, build
from upfit.train.settle import settle_own
from upfit.train.tune import Places, Plan, tune
from upfit.train.world import World
from upfit.values import Change, Recipe, Silent
from upfit.values.loss import Loss

ROWS, STEPS = 75, 20


@pytest.fixture(scope="module")
def examples(sentences, small_text_model):
    """Real sentences of two to forty-eight tokens, and three unequal classes."""
    import numpy as np

    from upfit.data.examples import TextExamples
    from upfit.data.read import read

    data = read(sentences("multiclass"))
    backbone = load_backbone(small_text_model, "text")
    rows = np.random.default_rng(0).permutation(len(data))[:ROWS]
    targets = np.minimum(np.arange(ROWS) % 7, 2)
    return TextExamples(data, rows, tokenizer=backbone.inputs.tokenizer, max_length=48), targets


def trained(examples, small_text_model, micro_size):
    texts, targets = examples
    torch.manual_seed(0)
    backbone = load_backbone(small_text_model, "text")
    network = Network(backbone, Head(backbone.width, 3))
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    fields = {"optimizer.name": "sgd", "optimizer.lr": 0.05, "batching.micro_size": micro_size}
    recipe = Recipe().apply(*(Change(path=path, to=to) for path, to in fields.items()))
    tuned = tune(
        settle_own(recipe, count=ROWS),
        network,
        network.groups,
        source=Loader(texts, targets, size=32, bucket=False),
        loss=build(Loss(name="cross_entropy", class_weights="auto"), Facts.of("multiclass", targets)),
        measure=lambda net: (0.0, {"accuracy": 0.0}),
        metric="accuracy",
        plan=Plan(STEPS, STEPS, STEPS),
        world=World(),
        watcher=Silent(),
        places=Places(),
    )
    return (
        network.state_dict(),
        [one.examples for one in tuned.trace.steps],
        [one.loss for one in tuned.trace.steps],
    )


def test_pieces_of_any_size_take_the_same_steps(examples, small_text_model):
    whole, counts, losses = trained(examples, small_text_model, 32)
    assert counts[:3] == [32, 32, 11]
    assert losses[-1] < losses[0]
    for size in (16, 4):
        weights, other, others = trained(examples, small_text_model, size)
        assert other == counts
        assert others == pytest.approx(losses, rel=1e-5)
        assert relative_distance(weights, whole) < 1e-7
        for name, value in whole.items():
            # A bias that started at zero is still close to it.
            assert torch.allclose(weights[name], value, rtol=1e-6, atol=3e-7), name


def relative_distance(one, other):
    """Norm of the difference over the norm, all weights together."""
    pairs = [
        (one[name].double(), value.double()) for name, value in other.items() if value.is_floating_point()
    ]
    return (sum((a - b).square().sum() for a, b in pairs) / sum(b.square().sum() for _, b in pairs)).sqrt()
