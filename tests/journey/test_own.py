"""`upfit.train`: one's own module and loaders, every task, resumed where it was stopped."""

from __future__ import annotations

import math
import os
import signal

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import upfit
from upfit.errors import DataError, InputError, Interrupted, RecipeError, RunFolderError, TrainingError
from upfit.values import Change, Recipe, Silent

X, Y = (torch.tensor(part) for part in load_digits(return_X_y=True))
X = X.float()[:300] / 16
Y = Y[:300]
TARGETS = {
    "binary": (Y > 4).long(),
    "multiclass": Y,
    "regression": Y.float(),
    "multilabel": torch.stack([Y > 4, Y % 2 == 0, Y % 3 == 0], 1).float(),
}
OUTPUTS = {"binary": 1, "multiclass": 10, "regression": 1, "multilabel": 3}


def module(outputs=10):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, outputs))


def loaders(targets=Y, workers=0):
    """Shuffled training batches, and validation in order."""
    train = TensorDataset(X[:240], targets[:240])
    validation = TensorDataset(X[240:], targets[240:])
    return DataLoader(train, batch_size=16, shuffle=True, num_workers=workers), DataLoader(
        validation, batch_size=30
    )


def recipe(steps=40, **more):
    fields = {"stopping.steps": steps, "optimizer.lr": 0.01, **more}
    return Recipe().apply(*(Change(path=path, to=to) for path, to in fields.items()))


class InterruptAt(Silent):
    """Sends this process the signal of Ctrl-C once training has come so far."""

    def __init__(self, step):
        self.at = step

    def step(self, record, total_steps):
        if record.step == self.at:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("task", TARGETS)
def test_every_task_is_told_from_its_targets_and_learned(task):
    net = module(OUTPUTS[task])
    run = upfit.train(net, *loaders(TARGETS[task]), recipe(150))
    assert (run.schema.task, run.module) == (task, net)
    scores = {"binary": "accuracy", "multiclass": "accuracy", "regression": "r2", "multilabel": "map"}
    least = {"binary": 0.75, "multiclass": 0.75, "regression": 0.4, "multilabel": 0.75}
    assert run.validation[scores[task]].value > least[task]
    assert run.trace.steps[-1].loss < run.trace.steps[0].loss


def test_a_signal_stops_it_and_the_same_call_ends_with_the_very_same_weights(tmp_path):
    whole, parted = module(), module()
    expected = upfit.train(whole, *loaders(), recipe(), out=tmp_path / "whole")
    with pytest.raises(Interrupted, match="the run is saved"):
        upfit.train(parted, *loaders(), recipe(), out=tmp_path / "parted", watcher=InterruptAt(20))
    again = module()
    resumed = upfit.train(again, *loaders(), recipe(), out=tmp_path / "parted")
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())
    assert [one.loss for one in resumed.trace.steps] == [one.loss for one in expected.trace.steps]
    assert [one.step for one in resumed.trace.evaluations] == [one.step for one in expected.trace.evaluations]
    assert "resumed" in [event.kind for event in resumed.trace.events]


def test_a_loader_with_a_generator_of_its_own_is_resumed_to_the_very_same_weights(tmp_path):
    def seeded():
        train, validation = loaders()
        again = {"batch_size": train.batch_size, "shuffle": True}
        return DataLoader(train.dataset, generator=torch.Generator().manual_seed(5), **again), validation

    whole, parted, again = module(), module(), module()
    upfit.train(whole, *seeded(), recipe(), out=tmp_path / "whole")
    with pytest.raises(Interrupted):
        upfit.train(parted, *seeded(), recipe(), out=tmp_path / "parted", watcher=InterruptAt(20))
    upfit.train(again, *seeded(), recipe(), out=tmp_path / "parted")
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())


def test_loader_workers_change_nothing():
    modules = module(), module()
    for net, workers in zip(modules, (0, 2), strict=True):
        upfit.train(net, *loaders(workers=workers), recipe(6))
    one, other = (net.state_dict() for net in modules)
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_the_callers_random_streams_go_into_the_loader_alone():
    torch.manual_seed(7)
    one = upfit.train(module(), *loaders(), recipe(6))
    torch.manual_seed(8)
    other = upfit.train(module(), *loaders(), recipe(6))
    assert [a.loss for a in one.trace.steps] == [b.loss for b in other.trace.steps]


def test_the_module_ends_with_the_best_weights():
    net = module()
    run = upfit.train(net, *loaders(), recipe(30, **{"stopping.evaluations": 6}))
    best = max(run.trace.evaluations, key=lambda one: (one.metrics["accuracy"], -one.loss))
    assert run.validation["accuracy"].value == best.metrics["accuracy"]


def test_a_budget_ends_it():
    run = upfit.train(module(), *loaders(), recipe(10**6), budget=3)
    assert run.trace.steps[-1].step < 10**6
    assert run.trace.evaluations


def test_an_existing_folder_is_not_written_over(tmp_path):
    (tmp_path / "thesis.txt").write_text("five years")
    with pytest.raises(RunFolderError, match="is not a run folder, and holds other files"):
        upfit.train(module(), *loaders(), recipe(2), out=tmp_path)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ([], "a loader gives no batches"),
        ([torch.rand(3, 64)], "a batch has no target"),
        (iter([(X[:8], Y[:8])]), "the training loader has no length"),
        (TensorDataset(X, Y), "this gives single examples, not batches"),
        ([(X[:8], Y[:8] - 1)], "a target is no class"),
        ([(X[:8], torch.rand(8, 2))], "several numbers a row cannot be predicted"),
    ],
)
def test_loaders_that_cannot_be_used_are_explained(train, message):
    with pytest.raises(DataError, match=message):
        upfit.train(module(), train, loaders()[1], recipe(2))


class Detached(nn.Linear):
    """Answers that no parameter has a part in."""

    def forward(self, inputs):
        return super().forward(inputs).detach()


class Sequences(nn.Linear):
    """One answer for each of three places."""

    def forward(self, inputs):
        return super().forward(inputs)[:, None].expand(-1, 3, -1)


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        (nn.Identity(), "nothing in the module learns"),
        (nn.Linear(64, 10).requires_grad_(False), "nothing in the module learns"),
        (torch.sin, "this is no module"),
        (nn.Linear(64, 5), r"logits of shape \(16, 10\) or more columns\n  got:      shape \(16, 5\)"),
        (Sequences(64, 10), r"got:      shape \(16, 3, 10\)"),
        (Detached(64, 10), "no parameter that learns has a part"),
        (nn.Bilinear(64, 64, 10), "the module cannot be called with a batch: TypeError"),
        (
            nn.Linear(9, 10),
            r"cannot be called with a batch: RuntimeError: .*\n.*\n  got:      Tensor \(16, 64\)",
        ),
    ],
)
def test_modules_that_cannot_be_trained_are_explained(odd, message):
    with pytest.raises(InputError, match=message):
        upfit.train(odd, *loaders(), recipe(2))


def test_a_recipe_that_is_none_is_explained():
    with pytest.raises(RecipeError, match="the recipe is none"):
        upfit.train(module(), *loaders(), {"optimizer": {"lr": 0.1}})


def test_its_folder_is_told_from_a_run_of_fit(tmp_path):
    upfit.train(module(), *loaders(), recipe(2), out=tmp_path / "own")
    for opening in (upfit.load_run, upfit.resume):
        with pytest.raises(RunFolderError, match=r"is of upfit\.train, and holds a journal"):
            opening(tmp_path / "own")


def test_cutmix_wants_images():
    with pytest.raises(RecipeError, match="cutmix swaps rectangles of images"):
        upfit.train(module(), *loaders(), recipe(**{"techniques.cutmix": {"alpha": 1.0}}))


class Undone(nn.Module):
    """Answers with numbers while it trains, and with none when it is judged."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x):
        return self.layer(x) if self.training else self.layer(x) * math.nan


def test_a_network_that_answers_with_no_numbers_has_diverged():
    with pytest.raises(TrainingError, match=r"training diverged: .* 60 of 60 validation examples"):
        upfit.train(Undone(), *loaders(), Recipe(stopping={"steps": 4}, watch="off"))
