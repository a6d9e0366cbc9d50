"""The range test on live networks: everything is as before, and the rate that it finds trains."""

from __future__ import annotations

import copy
import random
from itertools import count

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import upfit
from upfit.data.own_loader import OwnSource
from upfit.errors import Interrupted, TrainingError
from upfit.models.own import OwnNetwork, parted
from upfit.techniques.losses import cross_entropy
from upfit.train.range_test import Trial, range_test
from upfit.train.settle import own_rates, settle_own
from upfit.train.world import World
from upfit.values import Change, Recipe

PIXELS, LABELS = load_digits(return_X_y=True)
X, Y = torch.tensor(PIXELS / 16, dtype=torch.float32), torch.tensor(LABELS)
BATCHES = list(zip(X[:640].split(32), Y[:640].split(32), strict=True))


def network():
    torch.manual_seed(0)
    layers = nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 10)
    return OwnNetwork(nn.Sequential(*layers))


def tried(net, *, trial=None, loss=cross_entropy, held_out=None, batches=BATCHES, **changes):
    fields = {"optimizer.lr": "range_test"} | {path.replace("__", "."): to for path, to in changes.items()}
    recipe = settle_own(Recipe().apply(*(Change(path=p, to=to) for p, to in fields.items())), count=640)
    return range_test(
        recipe,
        net,
        net.groups,
        source=OwnSource(batches, part=parted, seed=0, encode=lambda target: target),
        loss=loss,
        ours=own_rates(recipe.optimizer),
        world=World(),
        trial=trial or Trial(rates=40, repeats=2),
        held_out=held_out,
    )


def unseen(net):
    """The loss on rows that are not trained on."""
    with torch.no_grad():
        return float(cross_entropy(net.eval()({"inputs": X[1000:1400]}), Y[1000:1400]).mean())


def test_weights_gradients_mode_and_random_streams_are_as_before():
    net = network().eval()
    before, streams = copy.deepcopy(net.state_dict()), (torch.get_rng_state(), random.getstate())
    numpy_state = np.random.get_state()[1].copy()
    tried(net)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())
    assert not net.training
    assert torch.equal(torch.get_rng_state(), streams[0])
    assert random.getstate() == streams[1]
    assert np.array_equal(np.random.get_state()[1], numpy_state)


def test_the_same_test_finds_the_same_rate():
    one, other = (tried(network()) for _ in range(2))
    assert one.choice.rate == other.choice.rate
    assert np.array_equal(one.losses_RN, other.losses_RN, equal_nan=True)
    assert not np.array_equal(one.losses_RN[0], one.losses_RN[1])


def test_it_stops_where_the_loss_explodes():
    found = tried(network(), techniques__clip="off", optimizer__name="sgd")
    assert found.steps < 2 * 40
    assert np.isnan(found.losses_RN[:, -1]).all()


def test_the_rate_found_trains_better_than_a_tenth_of_it_and_than_thirty_times_it():
    rate = tried(network()).choice.rate
    final = {}
    for factor in (0.1, 1.0, 30.0):
        run = upfit.train(
            network().module,
            BATCHES,
            [(X[1000:1600], Y[1000:1600])],
            Recipe().apply(
                Change(path="optimizer.lr", to=rate * factor),
                Change(path="stopping.steps", to=80),
                Change(path="stopping.evaluations", to=1),
            ),
        )
        final[factor] = run.validation["log_loss"].value
    assert final[1.0] < final[0.1]
    assert final[1.0] < final[30.0]


def test_a_rate_that_would_overfit_is_held_back():
    """Ninety-six digits, half of their labels drawn by chance."""
    drawn = torch.randint(0, 10, (96,), generator=torch.Generator().manual_seed(0))
    labels = torch.where(torch.arange(96) % 2 == 0, drawn, Y[:96])
    wrong = list(zip(X[:96].split(32), labels.split(32), strict=True))
    trial = Trial(rates=40, repeats=1, hold=60, total=2000)
    found = tried(network(), trial=trial, held_out=unseen, batches=wrong)
    assert found.hold is not None
    assert found.hold.turned is not None
    assert found.choice.rate < found.hold.rate
    assert found.choice.rate * 0.5 * 2000 == pytest.approx(found.hold.turned, rel=0.05)
    assert "would overfit long before the run's end" in found.finding().message
    assert found.finding().evidence["climbs_rate"] == found.hold.rate


def test_a_rate_that_does_not_overfit_is_kept():
    trial = Trial(rates=40, repeats=1, hold=40, total=2000)
    found = tried(network(), trial=trial, held_out=unseen)
    assert found.hold is not None
    assert found.choice.rate == found.hold.rate == tried(network(), trial=trial).choice.rate
    assert found.steps == 80
    assert "would overfit" not in found.finding().message


def test_somebody_may_stop_it():
    asked = count()
    with pytest.raises(Interrupted, match="during the range test"):
        tried(network(), trial=Trial(rates=40, repeats=2, asked_to_stop=lambda: next(asked) >= 2))


def test_no_climb_begins_after_the_time_is_up():
    assert tried(network(), trial=Trial(rates=40, repeats=3, seconds=0.0)).losses_RN.shape == (1, 40)


def test_a_loss_that_nothing_changes_has_no_rate():
    with pytest.raises(TrainingError, match="no rate at which the loss falls"):
        tried(network(), loss=lambda logits, targets: 0 * logits.sum(1) + 1)


@pytest.mark.parametrize("lr", ["range_test", "auto"])
def test_a_run_records_its_test_and_goes_by_it(lr):
    """`auto` means the test for optimizers that nobody has measured a default for."""
    changes = {"optimizer.name": "sgd", "optimizer.lr": lr, "stopping.steps": 20}
    recipe = Recipe().apply(*(Change(path=path, to=to) for path, to in changes.items()))
    run = upfit.train(network().module, BATCHES, [(X[1000:1400], Y[1000:1400])], recipe)
    [finding] = run.findings
    assert (finding.kind, finding.evidence["rate"]) == ("range_test", run.recipe.optimizer.lr)
    assert "the loss fell fastest at" in finding.message
    assert run.recipe.optimizer.head_lr == run.recipe.optimizer.lr
    assert max(one.lr for one in run.trace.steps) == pytest.approx(run.recipe.optimizer.lr)


def test_a_test_takes_four_percent_of_a_run_but_forty_steps_at_least():
    for total in (2_000, 10_000):
        trial = Trial.within(total)
        assert trial.rates * trial.repeats <= 0.04 * total
    assert Trial.within(100).rates == 40
