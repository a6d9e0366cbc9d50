"""Losses and samplers from end to end: each learns digits; one of one's own; what is refused, and when."""

from __future__ import annotations

import json
import os
import signal

import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import upfit
from upfit.cli import main
from upfit.errors import Interrupted, RecipeError
from upfit.techniques.losses import fitting
from upfit.values import Change, Recipe, Silent

X, Y = (torch.tensor(part) for part in load_digits(return_X_y=True))
X = X.float()[:300] / 16
Y = Y[:300]
TARGETS = {
    "multiclass": Y,
    "binary": (Y > 4).long(),
    "regression": Y.float() * 100,
    "multilabel": torch.stack([Y > 4, Y % 2 == 0, Y % 3 == 0], 1).float(),
}
OUTPUTS = {"multiclass": 10, "binary": 1, "regression": 1, "multilabel": 3}
EVERY = [(task, name) for task in TARGETS if task != "binary" for name in fitting(task)]
SCORES = {"multiclass": "accuracy", "regression": "mae", "multilabel": "map"}


def trained(task, steps=100, **loss):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, OUTPUTS[task]))
    targets = TARGETS[task]
    train = DataLoader(TensorDataset(X[:240], targets[:240]), batch_size=16, shuffle=True)
    validation = DataLoader(TensorDataset(X[240:], targets[240:]), batch_size=60)
    own = loss.pop("own", None)
    fields = {"stopping.steps": steps, "optimizer.lr": 0.01} | ({} if own else {"loss": loss})
    changes = (Change(path=path, to=to) for path, to in fields.items())
    return upfit.train(net, train, validation, Recipe().apply(*changes), loss=own)


@pytest.mark.parametrize(("task", "name"), EVERY)
def test_every_loss_learns(task, name):
    run = trained(task, name=name)
    # Ten classes by order alone are learned late; 257 is the mean distance from the mean.
    least = {"multiclass": 0.3 if name == "ordinal" else 0.7, "multilabel": 0.7}
    found = run.validation[SCORES[task]].value
    assert found < 200 if task == "regression" else found > least[task]
    assert run.recipe.loss.name == name
    losses = [one.loss for one in run.trace.steps]
    assert sum(losses[-5:]) < sum(losses[:5])


@pytest.mark.parametrize("task", ["multiclass", "binary", "multilabel"])
def test_weights_of_classes_reach_the_loop(task):
    plain, even = trained(task, steps=10), trained(task, steps=10, class_weights={"0": 1})
    heavy = trained(task, steps=10, class_weights={"0": 50})
    assert [one.loss for one in even.trace.steps] == pytest.approx([one.loss for one in plain.trace.steps])
    assert heavy.trace.steps[3].loss != pytest.approx(plain.trace.steps[3].loss)
    assert heavy.trace.evaluations[-1].loss > plain.trace.evaluations[-1].loss


def squared_entropy(logits, targets):
    return functional.cross_entropy(logits, targets, reduction="none") ** 2


def test_a_loss_of_ones_own_learns_and_its_name_is_kept():
    run = trained("multiclass", own=squared_entropy)
    assert run.validation["accuracy"].value > 0.7
    assert run.recipe.loss.settings["function"].endswith(":squared_entropy")


def test_a_loss_of_a_wrong_shape_is_refused_before_the_first_step():
    with pytest.raises(RecipeError, match=r"shape \(3,\)(.|\n)*got: +shape \(\)"):
        trained("multiclass", own=functional.cross_entropy)


def test_ones_own_loader_decides_what_is_drawn():
    recipe = Recipe().apply(Change(path="batching.sampler", to="balanced"))
    with pytest.raises(RecipeError, match=r"the training loader decides(.|\n)*WeightedRandomSampler"):
        upfit.train(nn.Linear(64, 10), [(X, Y)], [(X, Y)], recipe)


class InterruptAt(Silent):
    def step(self, record, total_steps):
        if record.step == 2:
            os.kill(os.getpid(), signal.SIGINT)


def test_resuming_asks_for_ones_own_loss_again(sentences, small_text_model, quickly, tmp_path):
    given = {"model": small_text_model, "changes": quickly(), "seed": 1, "loss": squared_entropy}
    whole = upfit.fit(sentences("multiclass"), out=tmp_path / "whole", **given)
    with pytest.raises(Interrupted):
        upfit.fit(sentences("multiclass"), out=tmp_path / "parted", watcher=InterruptAt(), **given)
    with pytest.raises(RecipeError, match=r"squared_entropy, which has to be given again(.|\n)*upfit.resume"):
        upfit.resume(tmp_path / "parted")
    assert main(["resume", str(tmp_path / "parted")]) == 2
    resumed = upfit.resume(tmp_path / "parted", loss=squared_entropy)
    assert [one.loss for one in resumed.trace.steps] == [one.loss for one in whole.trace.steps]


@pytest.fixture(scope="module")
def skewed(tmp_path_factory, sentences):
    """Real sentences, one class of which has a fifth of the rows of the other."""
    frame = pd.read_csv(sentences("binary"))
    name = frame.columns[-1] if frame[frame.columns[-1]].nunique() == 2 else frame.columns[0]
    rare = frame[frame[name] == frame[name].iloc[-1]]
    path = tmp_path_factory.mktemp("skewed") / "skewed.csv"
    pd.concat([frame.drop(rare.index), rare.iloc[:6]]).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "class_balanced"},
        {"loss": {"name": "focal", "class_weights": "auto"}},
        {"loss": "logit_adjusted"},
        {"batching__sampler": "balanced"},
        {"batching__sampler": "square_root", "layers__train": "head"},
    ],
)
def test_a_whole_fit_on_skewed_classes(changes, skewed, small_text_model, quickly, tmp_path):
    run = upfit.fit(
        skewed, out=tmp_path / "run", model=small_text_model, changes=quickly(**changes), metric="macro_f1"
    )
    assert run.metric == "macro_f1"
    assert len(run.trace.steps) == 4
    written = Recipe.from_yaml((tmp_path / "run" / "recipe.yaml").read_text())
    assert written == run.recipe
    assert "beta" in written.loss.settings or changes != {"loss": "class_balanced"}
    assert json.loads((tmp_path / "run" / "result.json").read_text())


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--set", "loss.name=focl"], "loss.name=focal"),
        (["--set", "loss.name=huber"], "loss huber does not fit binary"),
        (["--set", "loss.class_weights={spm: 2}"], "no class 'spm'"),
        (["--set", "loss.name=focal", "--set", "loss.gama=2"], "did you mean 'gamma'"),
        (["--set", "batching.sampler=balanced", "--set", "loss.name=logit_adjusted"], "both correct"),
        (["--set", "loss.name=own"], "given again"),
    ],
)
def test_what_does_not_fit_is_refused_before_there_is_a_run_folder(flags, message, skewed, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["fit", str(skewed), "--out", str(out), *flags]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


def test_a_quantile_is_what_all_candidates_compete_for(sentences, small_text_model, quickly, tmp_path):
    run = upfit.fit(
        sentences("regression"),
        out=tmp_path / "run",
        model=small_text_model,
        changes=quickly(loss={"name": "quantile", "quantile": 0.9}, stopping__steps=12),
    )
    assert run.metric == "pinball_90"
    assert {"pinball_90", "rmse"} <= set(run.validation) & set(run.test)
    assert all("pinball_90" in one.metrics for one in run.trace.evaluations)
    # A model of the mean would lie above about half of all values.
    assert (run.predictions.scores[:, 0] > run.predictions.targets).mean() > 0.7
    report = (tmp_path / "run" / "report.html").read_text()
    assert "Pinball loss at 0.9" in report
    assert upfit.load_run(tmp_path / "run").metric == "pinball_90"
