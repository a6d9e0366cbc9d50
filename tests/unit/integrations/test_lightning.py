"""LightningDoctor in the real Trainer: healthy runs as without it, planted faults named, hooks gone."""

from __future__ import annotations

import warnings

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from upfit.integrations import LightningDoctor

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightning

pytestmark = pytest.mark.filterwarnings("ignore")
CE = nn.CrossEntropyLoss()


class Classifier(lightning.LightningModule):
    def __init__(self, lr=3e-3):
        super().__init__()
        self.lr = lr
        self.body = nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Dropout(0.1))
        self.head = nn.Linear(24, 10)

    def forward(self, x):
        return self.head(self.body(x))

    def training_step(self, batch, _index):
        x, y = batch
        loss = CE(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _index):
        x, y = batch
        logits = self(x)
        self.log("val_loss", CE(logits, y))
        self.log("val_accuracy", (logits.argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=self.lr)


def loaders(divide=1):
    x, y = load_digits(return_X_y=True)
    x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y // divide)
    train = DataLoader(TensorDataset(x[:192], y[:192]), batch_size=16, shuffle=True)
    return train, DataLoader(TensorDataset(x[900:964], y[900:964]), batch_size=64)


def trained(folder, *, doctor=None, lr=3e-3, epochs=2, prepare=lambda model: None, divide=1):
    torch.manual_seed(0)
    model = Classifier(lr)
    prepare(model)
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[doctor] if doctor else [],
    )
    torch.manual_seed(1)
    trainer.fit(model, *loaders(divide))
    return model, trainer


def kinds(doctor):
    return [finding.kind for finding in doctor.findings]


@pytest.mark.parametrize("loss_fn", [None, CE], ids=["training_step", "loss_fn"])
def test_a_watched_run_is_bit_for_bit_the_unwatched_one(tmp_path, loss_fn):
    doctor = LightningDoctor(preflight=0.05, loss_fn=loss_fn)
    (plain, without), (watched, beside) = trained(tmp_path), trained(tmp_path, doctor=doctor)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name
    assert without.callback_metrics == beside.callback_metrics
    assert len(doctor.doctor.trace.steps) == 24
    assert len(doctor.doctor.trace.evaluations) == 2
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in watched.modules())
    assert not any(p._backward_hooks for p in watched.parameters())
    assert not {"lr_too_large", "frozen_params", "label_corruption"} & set(kinds(doctor))


def test_a_rate_far_too_large_is_named(tmp_path):
    doctor = LightningDoctor(preflight=0.1)
    trained(tmp_path, doctor=doctor, lr=3.0)
    assert "lr_too_large" in kinds(doctor)


def test_a_head_frozen_by_mistake_is_named(tmp_path):
    doctor = LightningDoctor()
    trained(tmp_path, doctor=doctor, epochs=1, prepare=lambda model: model.head.requires_grad_(False))
    assert kinds(doctor)[0] == "frozen_params"


def test_labels_scaled_like_pixels_are_named(tmp_path):
    doctor = LightningDoctor(preflight=0.1, loss_fn=CE)
    trained(tmp_path, doctor=doctor, epochs=1, divide=255)
    assert "label_corruption" in kinds(doctor)


def test_an_error_in_training_takes_the_hooks_away(tmp_path):
    doctor = LightningDoctor()

    def full(*_batch, **_named):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    def breaks(model):
        model.training_step = full

    with pytest.raises(torch.cuda.OutOfMemoryError):
        trained(tmp_path, doctor=doctor, prepare=breaks)
    assert "out_of_memory" in kinds(doctor)
    assert not any(p._backward_hooks for p in doctor.doctor._model.parameters())
