"""Where no cure of a finding is enough: usual recipes, a whole optimizer, a loss that fits."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from upfit import Change, Finding, Job, treat
from upfit.diagnose.treat_attempt import anatomy
from upfit.diagnose.treat_loss import mended_loss, of_classes
from upfit.diagnose.treat_usual import optimizer_of, usual_recipes

CE = nn.CrossEntropyLoss()


def job_of(x, y, network, made, *, loss=CE, epochs=4, task="classification", batch=32):
    cut = 3 * len(x) // 4

    def build(changes):
        net = network()
        to = {change.path: change.to for change in changes}
        optimizer = made(net)
        for group in optimizer.param_groups:
            group["lr"] = to.get("optimizer.lr", group["lr"])
        return net, optimizer, loss

    train = DataLoader(TensorDataset(x[:cut], y[:cut]), batch_size=batch, shuffle=True)
    validation = DataLoader(TensorDataset(x[cut:], y[cut:]), batch_size=64)
    return Job(build, train, validation, epochs=epochs, task=task)


def crossed(rows=240):
    """Four clouds of which those that face each other are of one class."""
    random = np.random.default_rng(0)
    side = random.integers(0, 2, (rows, 2))
    x = 2 * side - 1 + 0.35 * random.standard_normal((rows, 2))
    return torch.tensor(x).float(), torch.tensor(side[:, 0] ^ side[:, 1])


def small(inputs=2, outputs=2):
    return nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(), nn.Linear(16, outputs))


def test_where_neither_rate_nor_length_alone_is_enough_the_usual_recipe_is_tried():
    def network():
        layers = nn.Linear(2, 16), nn.Sigmoid(), nn.Linear(16, 16), nn.Sigmoid(), nn.Linear(16, 2)
        return nn.Sequential(*layers)

    run = treat(job_of(*crossed(), network, lambda net: torch.optim.SGD(net.parameters(), 1e-2)))
    kept = [cure for cure in run.ledger if cure.is_kept]
    paths = [change.path for change in kept[-1].changes]
    assert len(kept[-1].changes) > 5
    assert {"optimizer.name", "optimizer.lr", "stopping.epochs"} <= set(paths)
    assert kept[-1].gain.low > 0
    assert run.validation["accuracy"].value > 0.9
    assert any(not cure.is_kept and len(cure.changes) == 1 for cure in run.ledger)


def test_recipes_are_for_findings_about_learning_and_changes_for_networks_that_they_suit():
    job = job_of(*crossed(), small, lambda net: torch.optim.SGD(net.parameters(), 0.1))
    found = anatomy(job, job.build(())[0])
    slow = Finding(kind="slow_convergence", severity="warning", message="slow")
    recipes = usual_recipes(job, [slow], found, epochs=16)
    assert {"model.norm", "model.init", "inputs.scale"} <= {change.path for change in recipes[0][1]}
    assert {change.path for change in recipes[-1][1]} & {"model.norm", "model.init"} == set()
    assert not [change for change in recipes[0][1] if change.path == "model.output"]
    assert usual_recipes(job, [slow.replace(kind="data_leakage")], found, epochs=16) == ()
    assert usual_recipes(job, [slow.replace(severity="info")], found, epochs=16) == ()
    ends = job_of(*crossed(), lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU()), lambda net: None)
    bent = anatomy(ends, nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    changes = usual_recipes(ends, [slow], bent, epochs=16)[0][1]
    assert [change.to for change in changes if change.path == "model.output"] == ["linear"]


def test_an_optimizer_made_before_the_head_was_exchanged_gets_the_new_head():
    x, y = load_wine(return_X_y=True)
    x = torch.tensor((x - x.mean(0)) / x.std(0)).float()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))

    def late(net):
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        for place in (0, 2):
            net[place] = nn.Linear(net[place].in_features, net[place].out_features)
        return optimizer

    job = job_of(x[order], torch.tensor(y)[order], partial(small, 13, 3), late, epochs=10)
    run = treat(job)
    kept = [change for cure in run.ledger if cure.is_kept for change in cure.changes]
    assert ("optimizer.parameters", "all") in [(change.path, change.to) for change in kept]
    assert run.validation["accuracy"].value > 0.9


def test_an_optimizer_keeps_its_settings_when_weights_join_it():
    net, other = small(), small()
    optimizer = torch.optim.SGD(other.parameters(), 0.3, momentum=0.9)
    same = optimizer_of(net, optimizer, [Change(path="optimizer.parameters", to="all")])
    assert same is optimizer
    assert (same.param_groups[1]["lr"], same.param_groups[1]["momentum"]) == (0.3, 0.9)
    assert len(same.param_groups[1]["params"]) == 4
    net[0].weight.requires_grad_(False)
    fresh = optimizer_of(net, optimizer, [Change(path="optimizer.name", to="adamw")])
    assert isinstance(fresh, torch.optim.AdamW)
    assert len(fresh.param_groups[0]["params"]) == 3


def test_one_output_in_a_loss_of_several_gets_the_loss_of_one():
    x, y = crossed()
    run = treat(
        job_of(
            x,
            y.float()[:, None],
            partial(small, 2, 1),
            lambda net: torch.optim.Adam(net.parameters(), 1e-2),
            epochs=12,
        )
    )
    kept = [change for cure in run.ledger if cure.is_kept for change in cure.changes]
    assert kept[0].to == "cross_entropy"
    assert run.validation["accuracy"].value > 0.9


def test_labels_that_compete_for_one_share_are_set_free():
    x, y = crossed()
    marks = torch.stack([x[:, 0] > 0, x[:, 1] > 0, x.sum(1) > 0, y == 0], 1).float()

    def network():
        return nn.Sequential(*small(2, 4), nn.Softmax(1))

    made = partial(torch.optim.Adam, lr=1e-2)
    job = job_of(
        x, marks, network, lambda net: made(net.parameters()), loss=nn.BCELoss(), task="multilabel", epochs=12
    )
    run = treat(job)
    kept = next(cure for cure in run.ledger if cure.is_kept)
    assert (kept.kind, kept.metric) == ("loss_activation_mismatch", "micro_f1")
    assert run.validation["micro_f1"].value > 0.8 > kept.before


def test_losses_of_logits_take_any_usual_shape():
    logits, classes = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    expected = F.cross_entropy(logits, classes)
    assert torch.allclose(of_classes(logits, classes[:, None].float()), expected)
    assert torch.allclose(of_classes(logits, F.one_hot(classes)), expected)
    steps = torch.randn(2, 5, 3)
    places = torch.randint(3, (2, 5))
    by_hand = F.cross_entropy(steps.reshape(10, 3), places.reshape(10))
    assert torch.allclose(of_classes(steps, places), by_hand)
    assert torch.allclose(of_classes(steps.movedim(2, 1), places), by_hand)
    assert mended_loss(CE, []) is CE
