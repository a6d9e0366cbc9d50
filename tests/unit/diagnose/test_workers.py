"""Random numbers of loader processes, and examples that are varied beyond recognition."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from upfit.diagnose.diagnosis import diagnose
from upfit.diagnose.preflight import varied, workers
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import Subject
from upfit.testing.traces import healthy_trace

X, Y = (part[np.random.default_rng(0).permutation(1797)] for part in load_digits(return_X_y=True))


class Noisy(Dataset):
    """Digits with noise; a generator of one's own is copied to every process."""

    def __init__(self, *, own: bool, strength: float) -> None:
        self.random = np.random.default_rng(0) if own else None
        self.strength = strength

    def __len__(self) -> int:
        return 1200

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        draw = self.random.standard_normal if self.random is not None else np.random.standard_normal
        return torch.tensor(X[row] / 16 + self.strength * draw(64)).float(), int(Y[row])


def subject(dataset: Dataset, *, processes: int = 0) -> Subject:
    """Digits for one linear layer."""
    with warnings.catch_warnings():  # of a machine with one core
        warnings.simplefilter("ignore")
        train = DataLoader(dataset, 32, shuffle=True, num_workers=processes)
    pairs = TensorDataset(torch.tensor(X[1200:] / 16).float(), torch.tensor(Y[1200:]))
    calls = Calls(nn.Linear(64, 10), nn.CrossEntropyLoss(), None)
    np.random.seed(0)
    return Subject(calls, (), "classification", train, DataLoader(pairs, 256), looking=60.0)


@pytest.mark.parametrize(("own", "expected"), [(True, 1.0), (False, 0.0)])
def test_processes_with_one_stream(own: bool, expected: float) -> None:
    facts = workers.measure(subject(Noisy(own=own, strength=0.1), processes=2))
    assert facts["workers.vary"] == 1.0
    assert facts["workers.same_stream"] == expected
    kinds = [one.kind for one in diagnose(healthy_trace(**facts)).findings]
    assert ("worker_seed_bug" in kinds) is bool(expected)


def test_plain_examples_and_a_single_process_are_no_bug() -> None:
    plain = TensorDataset(torch.tensor(X[:1200]).float(), torch.tensor(Y[:1200]))
    assert workers.measure(subject(plain, processes=2))["workers.same_stream"] == 0.0
    assert workers.measure(subject(Noisy(own=True, strength=0.1))) == {}
    assert varied.measure(subject(plain)) == {"augment.varies": 0.0}


def test_noise_that_hides_the_digit_teaches_less() -> None:
    strong = varied.measure(subject(Noisy(own=False, strength=1.5)))
    mild = varied.measure(subject(Noisy(own=False, strength=0.1)))
    assert strong["augment.taught_varied"] < strong["augment.taught_plain"] - 0.1
    assert mild["augment.taught_varied"] > mild["augment.taught_plain"] - 0.05
