"""The Doctor in plain loops: wiring faults by the second step, quiet where wiring is merely unusual."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from upfit import Doctor, InputError
from upfit.diagnose.preflight.calls import Calls
from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.watch.looks import Looks

CE = nn.CrossEntropyLoss()


def batches(rows=192, size=16):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(rows, 6, generator=generator)
    return DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), size, shuffle=True)


def network(*more):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), *more, nn.Linear(16, 2))


def kinds(doctor):
    return [finding.kind for finding in doctor.findings]


def loop(model, optimizer, loader, doctor=None, *, steps=12, every=1, clear=True, train=True):
    """A plain loop; `every` accumulates."""
    done = 0
    while done < steps:
        for x, y in loader:
            loss = CE(model(x), y)
            loss.backward()
            done += 1
            if doctor is not None:
                doctor.step(loss)
            if done % every == 0:
                if train:
                    optimizer.step()
                if clear:
                    optimizer.zero_grad()
            if done == steps:
                break


def test_a_watched_run_is_bit_for_bit_the_unwatched_one():
    def final(watched):
        model = network(nn.BatchNorm1d(16), nn.Dropout(0.2))
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        loader = batches()
        doctor = Doctor(model, optimizer, CE, loader, loader) if watched else None
        if doctor is not None:
            doctor.preflight(seconds=0.3)
        loop(model, optimizer, loader, doctor, steps=30)
        if doctor is not None:
            doctor.validated({"loss": 0.5, "accuracy": 0.8})
            doctor.report()
        loop(model, optimizer, loader, doctor, steps=5)
        return model, doctor

    (plain, _), (watched, doctor) = final(False), final(True)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name
    assert torch.equal(torch.get_rng_state(), (final(False), torch.get_rng_state())[1])
    doctor.close()
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in watched.modules())
    assert not any(p._backward_hooks for p in watched.parameters())


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("missing_zero_grad", {"clear": False}), ("optimizer_not_stepping", {"train": False})],
)
def test_loop_faults_are_named_at_the_second_step(kind, settings):
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    doctor = Doctor(model, optimizer, CE)
    loop(model, optimizer, batches(), doctor, steps=2, **settings)
    assert kinds(doctor)[0] == kind


@pytest.mark.parametrize("every", [1, 4])
def test_a_sound_loop_raises_no_wiring_alarm(every):
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    doctor = Doctor(model, optimizer, CE, batches())
    doctor.preflight(seconds=0.2)
    loop(model, optimizer, batches(), doctor, steps=16, every=every)
    assert kinds(doctor) == []


def test_a_look_once_a_step_of_several_backward_passes_is_sound():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    doctor = Doctor(model, optimizer, CE)
    for number, (x, y) in enumerate(batches(), 1):
        loss = CE(model(x), y)
        (loss / 3).backward()
        if number % 3 == 0:
            doctor.step(loss)
            optimizer.step()
            optimizer.zero_grad()
    assert kinds(doctor) == []


def test_clearing_before_backward_and_in_place_is_sound():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    doctor = Doctor(model, optimizer, CE)
    for x, y in batches():
        loss = CE(model(x), y)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        doctor.step(loss)
        optimizer.step()
    assert kinds(doctor) == []


def test_a_warm_up_that_begins_at_nought_is_sound():
    model, loader = network(), batches()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    plan = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 10))
    with Doctor(model, optimizer, CE, loader) as doctor:
        for x, y in loader:
            loss = CE(model(x), y)
            loss.backward()
            doctor.step(loss)
            optimizer.step()
            plan.step()
            optimizer.zero_grad()
    assert "optimizer_not_stepping" not in kinds(doctor)


def test_blocks_and_a_head_that_start_at_nought_are_sound():
    """Below a head of zeros the first gradients are zero: that those weights stay is no fault of the loop."""
    layers = [layer for _ in range(7) for layer in (nn.Linear(24, 24), nn.Tanh())]
    model, loader = nn.Sequential(nn.Linear(6, 24), *layers, nn.Linear(24, 3)), batches()
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-3].weight)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    with Doctor(model, optimizer, CE, loader) as doctor:
        before = [one.kind for one in doctor.preflight(seconds=0.2)]
        loop(model, optimizer, loader, doctor)
    assert not {"optimizer_not_stepping", "pretrained_not_loaded"} & {*before, *kinds(doctor)}


def test_a_report_looks_inside_as_findings_do():
    model, loader = network(), batches()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    doctor = Doctor(model, optimizer, CE, loader)
    loop(model, optimizer, loader, doctor, steps=30)
    with torch.no_grad():
        model[0].bias.fill_(-1e3)
    loop(model, optimizer, loader, doctor, steps=30)
    assert "never fire" in doctor.report()


def test_two_optimizers_that_take_turns_are_sound():
    made, judge = network(), network()
    first, second = torch.optim.SGD(made.parameters(), 0.05), torch.optim.SGD(judge.parameters(), 0.05)
    both = nn.ModuleList([made, judge])
    doctor = Doctor(both, (first, second), CE)
    for x, y in batches():
        second.zero_grad()
        loss = CE(judge(made(x).repeat(1, 3).detach()), y)
        loss.backward()
        doctor.step(loss)
        second.step()
        first.zero_grad()
        loss = CE(judge(made(x).repeat(1, 3)), y)  # leaves gradients in the judge, which clears them later
        loss.backward()
        doctor.step(loss)
        first.step()
    assert "missing_zero_grad" not in kinds(doctor)
    assert "optimizer_not_stepping" not in kinds(doctor)


def test_an_optimizer_of_another_copy():
    model = network()
    optimizer = torch.optim.Adam(copy.deepcopy(model).parameters())
    doctor = Doctor(model, optimizer, CE)
    loop(model, optimizer, batches(), doctor, steps=1)
    assert kinds(doctor)[0] == "optimizer_model_mismatch"


def test_graphs_that_are_kept():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    doctor, total = Doctor(model, optimizer, CE), torch.zeros(())
    for x, y in batches():
        loss = CE(model(x), y)
        loss.backward()
        doctor.step(loss)
        total = total + loss
        optimizer.step()
        optimizer.zero_grad()
    assert kinds(doctor) == ["memory_leak"]


@pytest.mark.parametrize("evaluates", [True, False])
def test_validation_in_training_mode(evaluates):
    model = network(nn.Dropout(0.5))
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    doctor = Doctor(model, optimizer, CE)
    loop(model, optimizer, batches(), doctor)
    model.train(not evaluates)
    with torch.no_grad():
        model(torch.randn(8, 6))
    model.train()
    doctor.validated({"val_accuracy": 0.9})
    assert ("eval_mode_bug" in kinds(doctor)) is not evaluates


def test_memory_that_runs_out_in_a_block_is_named_and_passed_on():
    model = network()
    with pytest.raises(torch.cuda.OutOfMemoryError), Doctor(model) as doctor:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    assert kinds(doctor) == ["out_of_memory"]


class Keywords(nn.Module):
    """Wants keywords, and returns a dict with a loss."""

    def __init__(self):
        super().__init__()
        self.body = network()

    def forward(self, *, features, labels=None):
        logits = self.body(features)
        return {"logits": logits, "loss": None if labels is None else CE(logits, labels)}


def dicts():
    return [{"features": x, "labels": y} for x, y in batches()]


@pytest.mark.parametrize("loss_fn", [None, lambda output, target: CE(output["logits"], target)])
def test_models_with_keywords_and_dicts(loss_fn):
    model = Keywords()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    doctor = Doctor(model, optimizer, loss_fn, dicts(), dicts())
    found = doctor.preflight(seconds=0.3)
    assert [one.kind for one in found] == ["data_leakage"]  # the same rows on both sides, and nothing else
    facts = doctor.trace.facts()
    assert facts["one_batch.end"] < facts["one_batch.start"]


def endless():
    while True:
        yield from batches(64)


class Endless:
    """A loader without an end that can be passed over anew."""

    def __iter__(self):
        return endless()


def test_loaders_without_end_and_generators():
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    assert Doctor(model, optimizer, CE, Endless()).preflight(seconds=0.2) == ()
    generator = endless()
    doctor = Doctor(model, optimizer, CE, generator)
    doctor.preflight()
    assert "label_noise" in doctor.diagnosis.not_measured
    first = next(generator)
    assert len(first[0]) == 16


@pytest.mark.parametrize("loader", [batches(16, 16), batches(1, 1)], ids=["one batch", "one example"])
def test_short_loaders(loader):
    model = network()
    doctor = Doctor(model, torch.optim.Adam(model.parameters(), 1e-2), CE, loader)
    doctor.preflight(seconds=0.1)
    loop(model, doctor._subject.optimizers[0], loader, doctor, steps=2)
    assert doctor.report()


def test_a_loader_without_batches_is_warned_of():
    model = network()
    doctor = Doctor(model, torch.optim.Adam(model.parameters(), 1e-2), CE, [])
    with pytest.warns(UserWarning, match="the training loader gives no batches"):
        doctor.preflight(seconds=0.1)
    assert doctor.report()


def test_shared_parameters_scaled_losses_and_a_copy_of_the_model():
    model = network()
    model.add_module("again", nn.Sequential(nn.Linear(2, 2)))
    model.again[0].weight = nn.Parameter(torch.eye(2))
    model.again.add_module("twice", model.again[0])
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    doctor = Doctor(model, optimizer, CE)
    for x, y in batches():
        loss = CE(model(x), y)
        scaler.scale(loss).backward()
        doctor.step(loss)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
    assert kinds(doctor) == []
    twin = copy.deepcopy(model)
    twin(torch.randn(4, 6))
    assert doctor._modes._modes == []


def test_layers_frozen_on_purpose_raise_no_alarm():
    model = network()
    loop(model, torch.optim.Adam(model.parameters(), 1e-2), batches(), steps=60)
    model[-1] = nn.Linear(16, 2)
    model[0].requires_grad_(False)
    optimizer = torch.optim.Adam(model[-1].parameters(), 1e-2)
    doctor = Doctor(model, optimizer, CE, batches())
    assert doctor.preflight(seconds=0.2) == ()


def test_wrong_arguments_get_a_suggestion():
    with pytest.raises(InputError, match="regression"):
        Doctor(network(), task="regresion")
    with pytest.raises(InputError, match=r"torch\.nn\.Module"):
        Doctor(lambda x: x)


def test_a_loss_that_adds_up_is_no_worse_in_evaluation_than_in_training():
    model, total = network(), nn.CrossEntropyLoss(reduction="sum")
    looks = Looks(Subject(Calls(model, total), (), "classification", train=batches()))
    looks.probe(1)
    [made] = looks.made
    assert made.evaluation_mode_loss == pytest.approx(made.train_mode_loss, rel=1e-4)
