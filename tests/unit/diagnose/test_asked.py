"""What a Doctor cannot work with is said when it is asked, and what it could not test is said, too."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from upfit import Doctor, InputError

MODEL = nn.Linear(4, 2)
SGD = torch.optim.SGD(MODEL.parameters(), lr=0.1)


@pytest.mark.parametrize(
    ("optimizer", "loss_fn", "said"),
    [
        ("adam", None, "no optimizer"),
        (list(MODEL.parameters()), None, "no optimizer"),
        (nn.CrossEntropyLoss(), SGD, "no loss function"),
        (SGD, "cross_entropy", "no loss function"),
    ],
)
def test_an_optimizer_or_a_loss_that_is_none_is_refused(optimizer, loss_fn, said):
    with pytest.raises(InputError, match=said):
        Doctor(MODEL, optimizer, loss_fn)


@pytest.mark.parametrize("metrics", [0.3, {"accuracy": None}, {"accuracy": "good"}, {"f1": torch.ones(3)}])
def test_metrics_are_numbers_by_name(metrics):
    with pytest.raises(InputError, match="metric"):
        Doctor(MODEL, SGD).validated(metrics)


def test_a_model_that_cannot_be_called_with_the_batches_is_warned_of():
    rows = TensorDataset(torch.randn(64, 7), torch.arange(64) % 2)
    doctor = Doctor(MODEL, SGD, nn.CrossEntropyLoss(), DataLoader(rows, batch_size=16))
    with pytest.warns(UserWarning, match="could not run: RuntimeError: .*shapes cannot be multiplied"):
        doctor.preflight(seconds=0.05)
