"""What gives targets away, and what only looks like it: two values in turn, rows that meet by chance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from upfit import Doctor
from upfit.diagnose.preflight.leaks import _correlation

SORTED = np.arange(200.0)


def test_two_values_in_turn_say_nothing_of_sorted_targets():
    assert _correlation(np.arange(200) % 2.0, SORTED) < 0.05


def test_order_counts_and_not_its_sign():
    assert _correlation(-np.exp(SORTED / 50), SORTED) == pytest.approx(1)


def test_a_constant_column_says_nothing():
    assert _correlation(np.ones(200), SORTED) == 0


@pytest.mark.parametrize(("bits", "told"), [(9, False), (40, True)])
def test_rows_of_a_few_bits_meet_in_any_two_parts(bits, told):
    drawn = torch.randint(0, 2, (400, bits), generator=torch.manual_seed(0)).float()
    train, held = drawn[:300], torch.cat([drawn[300:], drawn[:60]])
    model = torch.nn.Linear(bits, 2)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    labels = drawn[:, :3].sum(1).long() % 2
    parts = [
        DataLoader(TensorDataset(x, y), 32)
        for x, y in ((train, labels[:300]), (held, torch.cat([labels[300:], labels[:60]])))
    ]
    doctor = Doctor(model, optimizer, torch.nn.CrossEntropyLoss(), *parts)
    found = [one.kind for one in doctor.preflight(seconds=0.2)]
    assert ("data_leakage" in found) == told
