"""Schedules and optimizers in the loop: killed half-way and gone on with, the weights are the very same."""

from __future__ import annotations

from itertools import count

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from upfit.data.own_loader import OwnSource
from upfit.errors import Interrupted
from upfit.models.own import OwnNetwork, parted
from upfit.techniques.losses import cross_entropy
from upfit.train.settle import settle_own
from upfit.train.tune import Places, Plan, tune
from upfit.train.world import World
from upfit.values import Change, Recipe, Silent

STEPS, STOP = 40, 17
PIXELS, LABELS = load_digits(return_X_y=True)
X, Y = torch.tensor(PIXELS / 16, dtype=torch.float32), torch.tensor(LABELS)


def trained(changes, places, *, values=None):
    """A small network on the digits; `values` stands for what validation measures."""
    batches = list(zip(X[:320].split(32), Y[:320].split(32), strict=True))
    torch.manual_seed(0)
    network = OwnNetwork(nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 10)))

    def measure(net):
        if values is not None:
            return 0.0, {"accuracy": next(values)}
        with torch.no_grad():
            logits = net.eval()({"inputs": X[1000:]})
        return float(cross_entropy(logits, Y[1000:]).mean()), {
            "accuracy": float((logits.argmax(1) == Y[1000:]).float().mean())
        }

    fixed = {"optimizer.lr": 0.01, "techniques.ema": "off", "stopping.patience": None} | changes
    recipe = Recipe().apply(*(Change(path=path, to=to) for path, to in fixed.items()))
    tuned = tune(
        settle_own(recipe, count=320),
        network,
        network.groups,
        source=OwnSource(batches, part=parted, seed=0, encode=lambda target: target),
        loss=cross_entropy,
        measure=measure,
        metric="accuracy",
        plan=Plan(STEPS, 4, STEPS),
        world=World(),
        watcher=Silent(),
        places=places,
    )
    return network.state_dict(), tuned.trace


def killed_and_resumed(changes, folder):
    asked = count(1)
    with pytest.raises(Interrupted):
        trained(changes, Places(folder, asked_to_stop=lambda: next(asked) == STOP))
    return trained(changes, Places(folder))


CASES = {
    "plateau": {"schedule.name": "plateau", "schedule.patience": 0, "optimizer.lr": 0.3},
    "cosine_restarts": {"schedule.name": "cosine_restarts"},
    "one_cycle": {"schedule.name": "one_cycle", "schedule.warmup": "1 epoch"},
    "wsd": {"schedule.name": "wsd", "schedule.warmup_shape": "cosine"},
    "sgd": {"optimizer.name": "sgd"},
    "adam": {"optimizer.name": "adam"},
    "lion": {"optimizer.name": "lion", "optimizer.lr": 1e-3},
    "lamb": {"optimizer.name": "lamb"},
    "muon": {"optimizer.name": "muon", "optimizer.lr": 1e-3},
    "adafactor": {"optimizer.name": "adafactor"},
    "rates": {"optimizer.rates": {"*0.weight": 1e-3}},
}


@pytest.mark.parametrize("name", CASES)
def test_killed_half_way_and_resumed_the_weights_are_the_very_same(name, tmp_path):
    whole, trace = trained(CASES[name], Places())
    again, resumed = killed_and_resumed(CASES[name], tmp_path)
    assert all(torch.equal(value, again[key]) for key, value in whole.items())
    assert [one.lr for one in resumed.steps] == [one.lr for one in trace.steps]
    assert [one.loss for one in resumed.steps] == [one.loss for one in trace.steps]
    if name == "plateau":
        cuts = [event.step for event in trace.events]
        assert any(step <= STOP for step in cuts)
        assert any(step > STOP for step in cuts)


def test_a_plateau_cuts_the_rate_and_says_so():
    values = iter([0.5, 0.6, 0.6, 0.55, 0.7, 0.6, 0.6, 0.6, 0.6, 0.6])
    changes = {"schedule.name": "plateau", "schedule.warmup": 0.0, "schedule.factor": 0.5}
    _, trace = trained(changes, Places(), values=values)
    assert [(e.step, e.kind, e.data["factor"]) for e in trace.events] == [
        (16, "plateau", 0.5),
        (28, "plateau", 0.25),
        (36, "plateau", 0.125),
    ]
    lrs = [one.lr for one in trace.steps]
    assert (lrs[15], lrs[16], lrs[27], lrs[28], lrs[36]) == (0.01, 0.005, 0.005, 0.0025, 0.00125)


def test_rates_of_their_own_reach_the_parameters():
    """A rate of zero for a layer holds it where it is."""
    still, _ = trained({"optimizer.rates": {"module.0.*": 0.0}}, Places())
    torch.manual_seed(0)
    fresh = OwnNetwork(nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 10)))
    assert torch.equal(still["module.0.weight"], fresh.state_dict()["module.0.weight"])
    assert not torch.equal(still["module.3.weight"], fresh.state_dict()["module.3.weight"])
