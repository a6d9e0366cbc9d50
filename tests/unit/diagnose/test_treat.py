"""treat: a planted fault is named, cured and proved; a healthy run is left alone."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from upfit import Change, Estimate, Finding, InputError, Job, treat
from upfit.diagnose.treat_attempt import Attempt, Limits, attempt
from upfit.diagnose.treat_candidates import candidates, incurable
from upfit.diagnose.treat_course import Course, course_of, cut_up
from upfit.diagnose.treat_judge import best_alone, judged, judging_metric
from upfit.diagnose.treat_scores import Scored
from upfit.values import Cure

CE = nn.CrossEntropyLoss()


def digits_job(*, lr, epochs=4, rows=256, model=None, batch=32, climb=False, optimizer=None):
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
    train = DataLoader(TensorDataset(x[:rows], y[:rows]), batch_size=batch, shuffle=True)
    validation = DataLoader(TensorDataset(x[1000:1300], y[1000:1300]), batch_size=150)

    def build(changes):
        settings = {"optimizer.lr": lr} | {change.path: change.to for change in changes}
        net = model() if model else nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))
        made = optimizer or partial(torch.optim.SGD, maximize=climb)
        return net, made(net.parameters(), lr=settings["optimizer.lr"]), CE

    return Job(build, train, validation, epochs=epochs)


def test_a_rate_far_too_large_is_named_cured_and_proved():
    run = treat(digits_job(lr=100.0))
    cure = next(one for one in run.ledger if one.is_kept)
    assert cure.kind == "lr_too_large"
    assert cure.changes[0].path == "optimizer.lr"
    assert cure.changes[0].to < 1
    assert cure.before < 0.3 < cure.after
    assert cure.gain.low > 0
    assert run.validation["accuracy"].value >= cure.after
    assert run.recipe.optimizer.lr < 1
    assert all(one.why for one in run.ledger)


class Recurrent(nn.Module):
    """Reads a digit row by row."""

    def __init__(self):
        super().__init__()
        self.cells, self.head = nn.LSTM(8, 32, batch_first=True), nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.cells(x.view(-1, 8, 8))[0][:, -1])


def test_a_lower_rate_that_is_behind_at_first_has_its_turn_over_a_whole_run():
    run = treat(digits_job(lr=0.3, rows=1000, model=Recurrent, epochs=8, optimizer=torch.optim.Adam))
    rates = [cure for cure in run.ledger if cure.changes and cure.changes[0].path == "optimizer.lr"]
    assert len({cure.steps for cure in rates}) > 1
    assert any(cure.is_kept for cure in rates)


def test_a_healthy_run_is_the_run_without_a_doctor():
    job = digits_job(lr=0.3, epochs=15)
    run = treat(job, seed=3)
    plain = attempt(job, (), seed=3)
    assert run.ledger == ()
    for name, value in plain.model.state_dict().items():
        assert torch.equal(value, run.module.state_dict()[name]), name


class Detached(nn.Module):
    """Its first layer gets no gradient."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(64, 24), nn.Linear(24, 10)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)).detach())


def test_an_illness_that_no_change_can_cure_says_what_can():
    run = treat(digits_job(lr=0.3, epochs=2, model=Detached))
    lines = {cure.kind: cure for cure in run.ledger}
    assert lines["detached_graph"].outcome == "impossible"
    assert ".detach()" in lines["detached_graph"].why


def test_an_optimizer_that_climbs_is_replaced():
    run = treat(digits_job(lr=0.01, epochs=2, climb=True))
    line = next(cure for cure in run.ledger if cure.is_kept)
    assert (line.kind, line.changes[0].path) == ("flipped_gradient", "optimizer.name")
    assert line.gain.low > 0


class Hungry(nn.Module):
    """Has memory for eight examples."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(64, 10)

    def forward(self, x):
        if self.training and len(x) > 8:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.line(x)


def test_a_batch_that_memory_does_not_hold_goes_through_in_pieces():
    run = treat(digits_job(lr=0.3, model=Hungry, epochs=2))
    cure = next(one for one in run.ledger if one.is_kept)
    assert (cure.kind, cure.changes[0].path) == ("out_of_memory", "batching.micro_size")
    assert cure.changes[0].to <= 8
    assert cure.before is None
    assert run.validation["accuracy"].value > 0.3


def test_pieces_of_a_batch_add_up_to_the_batch():
    whole = attempt(digits_job(lr=0.3, epochs=1), (), seed=0)
    pieces = attempt(digits_job(lr=0.3, epochs=1), (Change(path="batching.micro_size", to=5),), seed=0)
    for one, other in zip(whole.model.parameters(), pieces.model.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)
    parts = cut_up((torch.zeros(7, 2), torch.zeros(7)), 3)
    assert [len(part[1]) for part, _ in parts] == [3, 3, 1]
    assert sum(share for _, share in parts) == pytest.approx(1)


def test_a_budget_ends_the_first_run_early():
    job = digits_job(lr=0.3, epochs=100_000)
    assert treat(job, 0.5).trace.steps[-1].step < 20_000


def test_patience_keeps_the_best_weights():
    job = digits_job(lr=3.0, epochs=6)
    patient = attempt(job, (Change(path="stopping.patience", to=99),), seed=0)
    plain = attempt(job, (), seed=0)
    assert patient.steps == plain.steps
    assert patient.end.loss <= plain.end.loss
    assert attempt(job, (Change(path="stopping.patience", to=1),), seed=0).steps <= plain.steps


def test_the_course_follows_the_changes():
    job = digits_job(lr=0.3, batch=32)
    changes = {
        "stopping.epochs": 9,
        "schedule.warmup": 0.5,
        "schedule.name": "cosine",
        "techniques.clip.norm": 1.0,
        "batching.size": 64,
        "model.init": "he",
    }
    course = course_of(job, [Change(path=path, to=to) for path, to in changes.items()])
    assert course == Course(9.0, clip=1.0, warmup=0.5, cosine=True, gather=2, reset=True)
    assert course.total(10) == 45
    rates = [course.rate(step, 10) for step in range(10)]
    assert rates[:5] == sorted(rates[:5])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[5] == 1.0


def test_candidates_take_causes_first_and_nothing_twice():
    one, two = Change(path="optimizer.lr", to=0.1), Change(path="schedule.warmup", to=0.1)
    first = Finding(kind="lr_too_large", severity="error", message="a", cures=(one, two))
    second = Finding(kind="nan_loss", severity="error", message="b", cures=(one,), causes=("lr_too_large",))
    none = Finding(kind="label_noise", severity="warning", message="c", advice="d")
    found = candidates([first, second, none])
    assert [change for _, change in found] == [one, two]
    assert candidates([first, second], tried=[one, two]) == ()
    assert [cure.kind for cure in incurable([first, second, none])] == ["label_noise"]


def test_one_seed_without_a_gain_is_noise():
    assert judged([Estimate(0.2, 0.1, 0.3), Estimate(0.2, 0.05, 0.3)])[1]
    assert not judged([Estimate(0.6, 0.5, 0.7), Estimate(-0.1, -0.2, 0.0)])[1]
    assert not judged([Estimate(0.1, 0.0, 0.2)])[1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"build": None}, "needs build"),
        ({"epochs": 0}, "some epochs"),
        ({"train": iter([])}, "more than once"),
        ({"build": lambda changes: nn.Linear(2, 2)}, "wrong things"),
    ],
)
def test_a_job_that_cannot_be_done_is_refused(wrong, message):
    job = digits_job(lr=0.1)
    fields = {"build": job.build, "train": job.train, "validation": job.validation, "epochs": 1} | wrong
    with pytest.raises(InputError, match=message):
        attempt(Job(**fields), (), seed=0, limits=Limits(fraction=0.1))


def test_while_neither_side_answers_better_than_guessing_the_log_loss_judges_longer_training():
    truth = np.arange(40) % 2
    sure = np.where(np.eye(2)[truth] > 0, 0.9, 0.1).astype(np.float32)
    unsure = np.tile(np.array([[0.6, 0.4]], np.float32), (40, 1))
    calmer = np.tile(np.array([[0.51, 0.49]], np.float32), (40, 1))
    knows, guesses, less = (
        Attempt((), nn.Identity(), Scored("binary", scores, truth, 0.7)) for scores in (sure, unsure, calmer)
    )
    assert judging_metric("underfit_budget", guesses, less, "accuracy") == "log_loss"
    assert judging_metric("underfit_budget", guesses, knows, "accuracy") == "accuracy"
    assert judging_metric("lr_too_large", guesses, less, "accuracy") == "accuracy"
    assert less.gain(guesses, "log_loss").value > 0


def test_what_gains_in_the_metric_goes_before_what_gains_in_the_log_loss():
    lines = [
        Cure(kind="underfit_budget", outcome="kept", metric=metric, gain=Estimate(gain, 0.01, 1.0))
        for metric, gain in (("log_loss", 0.6), ("accuracy", 0.1))
    ]
    assert [line.outcome for line in best_alone(lines, lost="")] == ["undone", "kept"]


def test_what_is_no_job_is_explained():
    with pytest.raises(InputError, match="what is to be treated is a Job"):
        treat(lambda changes: None)


def test_a_budget_that_ends_the_first_run_is_told(caplog):
    treat(digits_job(lr=1e-5, epochs=4000), budget=4)
    assert "of 32000 steps" in caplog.text
