"""What everything has to pass, and what a trained normalisation is given."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from upfit.diagnose.preflight import measure_all
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import Subject
from upfit.models import load_backbone

CE = nn.CrossEntropyLoss()


def facts(model, x, y, *tests):
    subject = Subject(Calls(model, CE, None), (), "classification", train=DataLoader(TensorDataset(x, y), 16))
    return measure_all(subject, only=tests).facts


def columns():
    torch.manual_seed(0)
    return torch.randn(64, 8), torch.arange(64) % 3


def through(width):
    return nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.Linear(width, 3))


class Gated(nn.Module):
    """A narrow gate beside a wide path: not everything passes it."""

    def __init__(self):
        super().__init__()
        self.wide, self.gate, self.head = nn.Linear(8, 32), nn.Linear(8, 1), nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.wide(x) * self.gate(x))


@pytest.mark.parametrize(("model", "width"), [(through(1), 1), (through(2), 2), (through(32), None)])
def test_the_narrowest_passage_is_measured(model, width):
    assert facts(model, *columns(), "narrow").get("narrow.width") == width


def test_a_gate_is_no_passage():
    assert "narrow.width" not in facts(Gated(), *columns(), "narrow")


class Prepared(nn.Module):
    """The packaged image network behind a preparation of its inputs."""

    def __init__(self, mean, std):
        super().__init__()
        self.net = load_backbone("auto", "image").net
        self.mean, self.std = mean, std

    def forward(self, x):
        return self.net((x - self.mean) / self.std)


@pytest.mark.parametrize(
    ("mean", "std", "least", "most"),
    [(0.5, 0.5, 0.5, 2.0), (0.0, 1.0, 0.0, 0.4), (0.45, 0.225, 2.5, 20.0), (0.0, 1 / 255, 1000.0, 1e9)],
    ids=["as it was trained", "from 0 to 1", "the mean and spread of others", "from 0 to 255"],
)
def test_a_trained_network_knows_the_scale_of_its_inputs(mean, std, least, most):
    found = load_digits()
    images = torch.tensor(found.images[:48], dtype=torch.float32)[:, None] / 16
    images = F.interpolate(images, size=(32, 32), mode="bilinear").expand(-1, 3, -1, -1)
    ratio = facts(Prepared(mean, std), images, torch.tensor(found.target[:48]), "norms")["norms.ratio"]
    assert least < ratio < most


def test_a_normalisation_that_has_learnt_nothing_tells_nothing():
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))
    x, y = columns()
    assert "norms.ratio" not in facts(model, x, y, "norms")
    model(x)
    assert facts(model.train(), x, y, "norms")["norms.ratio"] < 2
