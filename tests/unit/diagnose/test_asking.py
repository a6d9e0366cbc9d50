"""The same examples asked for twice: what counts as the same, and what can be asked at all."""

from __future__ import annotations

import pytest
import torch
from torch.utils.data import IterableDataset, TensorDataset

from upfit.diagnose.preflight.asking import alike, can_be_asked

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([1.0, NAN, INF], [1.0, NAN, INF], True),
        ([0.0], [NAN], False),
        ([INF], [-INF], False),
        ([1.0], [1.0 + 1e-6], False),
        ([1.0], [1.0, 1.0], False),
        ([1], [1], True),
        ([1], [1.0], False),
        ([True, False], [True, True], False),
    ],
)
def test_the_same_numbers(one, other, same):
    assert alike([torch.tensor(one)], [torch.tensor(other)]) is same


def test_another_count_of_tensors_is_not_the_same():
    assert not alike([torch.ones(1)], [])


def test_streams_cannot_be_asked():
    class Stream(IterableDataset):
        def __getitem__(self, row):
            raise AssertionError("streams have no numbers")

        def __iter__(self):
            yield 1

    assert can_be_asked(TensorDataset(torch.ones(3)))
    assert can_be_asked([1, 2])
    assert not can_be_asked(Stream())
    assert not can_be_asked(iter([1]))
