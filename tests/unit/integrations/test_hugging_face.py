"""TrainerDoctor in the real Trainer: healthy runs as without it, planted faults named, hooks gone."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from transformers import Trainer, TrainingArguments

from upfit.errors import InputError
from upfit.integrations import TrainerDoctor


class Classifier(nn.Module):
    def __init__(self, returns_loss=True):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Dropout(0.1))
        self.head = nn.Linear(24, 10)
        self.returns_loss = returns_loss

    def forward(self, x, labels=None):
        logits = self.head(self.body(x))
        if labels is None or not self.returns_loss:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def rows(start, count, divide=1):
    x, y = load_digits(return_X_y=True)
    y = y // divide
    x = torch.tensor(x / 16, dtype=torch.float32)
    return [{"x": x[i], "labels": int(y[i])} for i in range(start, start + count)]


def trained(folder, *, doctor=None, lr=3e-3, steps=24, model=None, prepare=lambda model: None, divide=1):
    torch.manual_seed(0)
    model = model or Classifier()
    prepare(model)
    settings = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=16,
        learning_rate=lr,
        eval_strategy="steps",
        eval_steps=8,
        logging_steps=4,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
        seed=1,
    )
    callbacks = [] if doctor is None else [doctor]
    trainer = Trainer(
        model, settings, train_dataset=rows(0, 192, divide), eval_dataset=rows(900, 64), callbacks=callbacks
    )
    trainer.train()
    return model


def kinds(doctor):
    return [finding.kind for finding in doctor.findings]


def test_a_watched_run_is_bit_for_bit_the_unwatched_one(tmp_path):
    doctor = TrainerDoctor(preflight=0.05)
    plain, watched = trained(tmp_path), trained(tmp_path, doctor=doctor)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name
    assert len(doctor.doctor.trace.steps) == 24
    assert len(doctor.doctor.trace.evaluations) == 3
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in watched.modules())
    assert not any(p._backward_hooks for p in watched.parameters())
    assert not {"lr_too_large", "frozen_params", "label_corruption"} & set(kinds(doctor))


def test_a_rate_far_too_large_is_named(tmp_path):
    doctor = TrainerDoctor(preflight=0.1)
    trained(tmp_path, doctor=doctor, lr=3.0)
    assert "lr_too_large" in kinds(doctor)


def test_a_head_frozen_by_mistake_is_named(tmp_path):
    doctor = TrainerDoctor()
    trained(tmp_path, doctor=doctor, steps=3, prepare=lambda model: model.head.requires_grad_(False))
    assert kinds(doctor)[0] == "frozen_params"


def test_labels_scaled_like_pixels_are_named(tmp_path):
    doctor = TrainerDoctor(preflight=0.1)
    trained(tmp_path, doctor=doctor, steps=8, divide=255)
    assert "label_corruption" in kinds(doctor)


def test_a_loss_of_the_trainer_itself_has_to_be_told(tmp_path):
    class OwnLoss(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **_):
            outputs = model(**inputs)
            loss = nn.functional.cross_entropy(outputs["logits"], inputs["labels"])
            return (loss, outputs) if return_outputs else loss

    def run(doctor):
        settings = TrainingArguments(
            str(tmp_path), max_steps=2, report_to=[], disable_tqdm=True, use_cpu=True, save_strategy="no"
        )
        model = Classifier(returns_loss=False)
        OwnLoss(model, settings, train_dataset=rows(0, 64), callbacks=[doctor]).train()

    with pytest.raises(InputError, match="no loss to watch"):
        run(TrainerDoctor())
    doctor = TrainerDoctor(loss_fn=nn.CrossEntropyLoss())
    run(doctor)
    assert len(doctor.doctor.trace.steps) == 2
