"""What one-step tests measure on small networks and real data: copies, memories, silence, thin matrices."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from upfit import Doctor
from upfit.diagnose.preflight import measure_all
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import Subject
from upfit.models import load_backbone

CE = nn.CrossEntropyLoss()


def pairs(x, y):
    return DataLoader(TensorDataset(x, y), 16)


def facts(model, loader, *tests, loss=CE, task="classification", **more):
    torch.manual_seed(0)
    subject = Subject(Calls(model, loss, None), (), task, train=loader, **more)
    return measure_all(subject, only=tests).facts


def cancer():
    found = load_breast_cancer()
    x = torch.tensor(found.data).float()
    return (x - x.mean(0)) / x.std(0), torch.tensor(found.target)


def test_copies_with_noise_are_told_from_neighbours():
    x, y = cancer()
    model = nn.Linear(30, 2)
    apart = facts(model, pairs(x[:400], y[:400]), "near", validation=pairs(x[400:], y[400:]))
    assert apart["leaks.near"] < 0.1
    torch.manual_seed(0)
    copied = pairs(x[:100] + 0.02 * torch.randn(100, 30), y[:100])
    assert facts(model, pairs(x[:400], y[:400]), "near", validation=copied)["leaks.near"] > 0.9


class Last(nn.Module):
    """The last answer of a recurrent layer, classified; or the mean of all of them."""

    def __init__(self, *, pooled):
        super().__init__()
        self.layer, self.head, self.pooled = nn.RNN(4, 16, batch_first=True), nn.Linear(16, 3), pooled

    def forward(self, x):
        answers, _ = self.layer(x)
        return self.head(answers.mean(1) if self.pooled else answers[:, -1])


@pytest.mark.parametrize(("pooled", "least", "most"), [(False, 0.0, 1e-5), (True, 0.1, 10.0)])
def test_what_reaches_the_answer_from_the_beginning(pooled, least, most):
    torch.manual_seed(0)
    loader = pairs(torch.randn(64, 60, 4), torch.arange(64) % 3)
    assert least <= facts(Last(pooled=pooled), loader, "recall")["recall.first_over_last"] < most


def hinge(coded):
    def loss(answer, target):
        return F.relu(1 - coded(target) * answer).mean()

    return loss


def test_a_hinge_that_is_given_noughts_says_nothing_of_their_class():
    x, y = cancer()
    loader, model = pairs(x, y.float()[:, None]), nn.Linear(30, 1)
    assert facts(model, loader, "silence", loss=hinge(lambda y: y))["silence.classes"] == 1
    assert facts(model, loader, "silence", loss=hinge(lambda y: 2 * y - 1))["silence.classes"] == 0
    # Sure answers have no slope, and their class is heard all the same.
    nn.init.constant_(model.weight, 1e4)
    assert facts(model, loader, "silence", loss=F.binary_cross_entropy_with_logits)["silence.classes"] == 0


def test_values_that_were_wrapped_round_lie_apart_from_others():
    found = load_diabetes()
    x, y = torch.tensor(found.data).float(), torch.tensor(found.target).float()[:, None]
    told = {"loss": nn.MSELoss(), "task": "regression", "validation": pairs(x[300:], y[300:])}
    assert facts(nn.Linear(10, 1), pairs(x[:300], y[:300]), "labels", **told)["labels.apart"] < 0.1
    wrapped = (y[:300] + 128) % 256 - 128
    assert facts(nn.Linear(10, 1), pairs(x[:300], wrapped), "labels", **told)["labels.apart"] > 0.3


def test_targets_that_are_missing_may_be_left_out_by_the_loss():
    x, y = cancer()
    gaps = torch.where(torch.rand(len(y), 1) < 0.3, torch.nan, x[:, :1])

    def masked(answer, target):
        there = target.isfinite()
        return F.mse_loss(answer[there], target[there])

    told = {"task": "regression"}
    assert facts(nn.Linear(30, 1), pairs(x, gaps), "labels", loss=masked, **told)["labels.gaps_left_out"] == 1
    plain = facts(nn.Linear(30, 1), pairs(x, gaps), "labels", loss=nn.MSELoss(), **told)
    assert plain["labels.gaps_left_out"] == 0


def test_one_absurd_value_in_a_column_squashes_the_others():
    x, y = cancer()
    assert facts(nn.Linear(30, 2), pairs(x, y), "inputs")["inputs.squashed"] == 0
    x[torch.arange(30), torch.arange(30)] = 1e4
    assert facts(nn.Linear(30, 2), pairs(x, y), "inputs")["inputs.squashed"] == 1


class Adapted(nn.Module):
    """A frozen layer with a thin pair of matrices beside it."""

    def __init__(self, layer, *, spread):
        super().__init__()
        self.layer = layer.requires_grad_(requires_grad=False)
        self.down = nn.Parameter(spread * torch.randn(4, layer.in_features))
        self.up = nn.Parameter(torch.zeros(layer.out_features, 4))

    def forward(self, x):
        return self.layer(x) + x @ self.down.T @ self.up.T


@pytest.mark.parametrize(("spread", "nought"), [(0.1, 0.5), (0.0, 1.0)])
def test_adapters_beside_frozen_layers_are_meant(spread, nought):
    x, y = cancer()
    torch.manual_seed(0)
    model = nn.Sequential(
        Adapted(nn.Linear(30, 16), spread=spread), nn.ReLU(), Adapted(nn.Linear(16, 2), spread=spread)
    )
    found = facts(model, pairs(x, y), "coverage", "weights")
    assert found["trainable.last_frozen"] == 0
    assert found["weights.nought"] == nought
    model[2].down.requires_grad_(requires_grad=False)
    model[2].up.requires_grad_(requires_grad=False)
    body = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), model[2].layer)
    assert facts(body, pairs(x, y), "coverage")["trainable.last_frozen"] == 1


class Keeping(nn.Module):
    """Asks its body while evaluating, and remembers what it said while training."""

    def __init__(self):
        super().__init__()
        self.body, self.head, self.known = nn.Linear(30, 16), nn.Linear(16, 2), None

    def forward(self, x):
        if not self.training:
            return self.head(self.body(x))
        if self.known is None or len(self.known) != len(x):
            self.known = torch.zeros(len(x), 16)
        return self.head(self.known)


def test_layers_that_run_in_evaluation_alone_are_asleep():
    x, y = cancer()
    assert facts(Keeping(), pairs(x, y), "gradients")["gradients.asleep"] > 0.9
    assert facts(nn.Linear(30, 2), pairs(x, y), "gradients")["gradients.asleep"] == 0


@pytest.mark.parametrize("kept", [False, True])
def test_activations_that_a_hook_keeps_are_a_leak(kept):
    x, y = cancer()
    model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    held = []
    if kept:
        model[1].register_forward_hook(lambda _module, _inputs, answer: held.append(answer))
    optimizer, loader = torch.optim.SGD(model.parameters(), 0.1), pairs(x, y)
    doctor = Doctor(model, optimizer, CE, loader, loader)
    for inputs, labels in loader:
        loss = CE(model(inputs), labels)
        loss.backward()
        doctor.step(loss)
        optimizer.step()
        optimizer.zero_grad()
    assert ("memory_leak" in [one.kind for one in doctor.findings]) == kept


def test_a_pretrained_network_with_bounded_rectifiers_is_drawn_well():
    """ReLU6 rests at nought as any rectifier; and steep first layers are usual below normalised ones."""
    found = load_digits()
    images = torch.tensor(found.images[:128], dtype=torch.float32)[:, None] / 16
    images = F.interpolate(images, size=(32, 32), mode="bilinear").expand(-1, 3, -1, -1) * 2 - 1
    backbone = load_backbone("auto", "image")
    model = nn.Sequential(backbone.net, nn.Linear(backbone.width, 10))
    train, held = (pairs(images[i : i + 64], torch.tensor(found.target[i : i + 64])) for i in (0, 64))
    doctor = Doctor(model, torch.optim.AdamW(model.parameters(), 3e-4), CE, train, held)
    assert not [one for one in doctor.preflight(seconds=0.3) if one.severity == "error"]
