"""Our loop against a hand-written one in plain PyTorch: the very same weights, bit for bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import upfit
from upfit.values import Change, Recipe

STEPS, SIZE, LR = 20, 16, 1e-2


def digits_tensors():
    pixels, labels = load_digits(return_X_y=True)
    return torch.tensor(pixels[:400], dtype=torch.float32) / 16, torch.tensor(labels[:400])


def network():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 10))


def recipe(**more):
    fields = {
        "stopping.steps": STEPS,
        "stopping.evaluations": 1,
        "optimizer.lr": LR,
        "optimizer.weight_decay": 0.1,
        "techniques.ema": "off",
        "techniques.clip": "off",
    }
    changes = [Change(path=path, to=to) for path, to in (fields | more).items()]
    return Recipe().apply(*changes)


def plain_loop(module, batches, *, clip=None):
    """AdamW, warm-up and cosine as anybody would write them."""
    decayed = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=LR, fused=True
    )
    module.train()
    torch.manual_seed(0)
    losses = []
    for step, (x, y) in enumerate(batches):
        rate = (step + 1) / 3 if step < 2 else 0.5 * (1 + math.cos(math.pi * (step - 2) / (STEPS - 2)))
        for group in optimizer.param_groups:
            group["lr"] = LR * rate
        loss = functional.cross_entropy(module(x), y)
        loss.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("clip", [None, 0.5])
def test_twenty_steps_are_those_of_a_plain_loop(clip):
    x, y = digits_tensors()
    batches = [(x[k * SIZE : (k + 1) * SIZE], y[k * SIZE : (k + 1) * SIZE]) for k in range(STEPS)]
    theirs, ours = network(), network()
    losses = plain_loop(theirs, batches, clip=clip)
    more = {} if clip is None else {"techniques.clip.norm": clip}
    run = upfit.train(ours, batches, [(x[320:], y[320:])], recipe(**more))
    assert [one.step for one in run.trace.steps] == list(range(1, STEPS + 1))
    assert [one.loss for one in run.trace.steps] == pytest.approx(losses, rel=1e-6)
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


def test_metrics_are_those_of_scikit_learn():
    from sklearn.metrics import accuracy_score, log_loss

    x, y = digits_tensors()
    train = DataLoader(TensorDataset(x[:320], y[:320]), batch_size=32, shuffle=True)
    module = network()
    run = upfit.train(module, train, DataLoader(TensorDataset(x[320:], y[320:]), batch_size=50), recipe())
    with torch.no_grad():
        scores = module.eval()(x[320:]).softmax(1).numpy()
    assert run.validation["accuracy"].value == pytest.approx(accuracy_score(y[320:], scores.argmax(1)))
    assert run.validation["log_loss"].value == pytest.approx(
        log_loss(y[320:], scores, labels=range(10)), rel=1e-5
    )
    assert np.allclose(run.predictions.scores, scores, atol=1e-6)


@pytest.mark.parametrize("technique", ["ema", "clip"])
def test_a_technique_at_strength_zero_is_absent(technique):
    """Zero strength: an average without memory, a norm that nothing reaches."""
    x, y = digits_tensors()
    batches = [(x[k * SIZE : (k + 1) * SIZE], y[k * SIZE : (k + 1) * SIZE]) for k in range(STEPS)]
    zero = {"ema": {"decay": 0.0, "every": 1}, "clip": {"norm": 1e9}}[technique]
    modules = network(), network()
    for module, setting in zip(modules, ("off", zero), strict=True):
        upfit.train(module, batches, [(x[320:], y[320:])], recipe(**{f"techniques.{technique}": setting}))
    one, other = (module.state_dict() for module in modules)
    assert all(torch.equal(value, other[name]) for name, value in one.items())
