"""What the callbacks cost in Hugging Face's Trainer and in Lightning, and whether they name a planted fault.

    python bench/integrations.py            # some minutes; writes bench/results/integrations.md
    python bench/integrations.py --pairs 2 --dry

Watched and unwatched runs take turns in one process (A B B A …), so that a machine that slows down slows
both. The network is a small convolutional one on scikit-learn's digits, made 32 pixels wide, so that a step
takes as long as one of a small pretrained model.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
import warnings
from typing import Any

from common import RESULTS, machine, machine_line, markdown_table, write_result

FAULTS = ("none", "rate", "frozen head", "labels")


def main() -> None:
    """Measure both trainers, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=4, help="pairs of runs")
    parser.add_argument("--steps", type=int, default=40, help="steps a run")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    about = machine()
    rows = []
    for name, run in (("Trainer", trainer_run), ("Lightning", lightning_run)):
        rows.append(line(name, run, given))
        show(rows, given, machine_line(about))


def show(rows: list[list[str]], given: argparse.Namespace, about: str) -> None:
    """The table so far."""
    head = ["trainer", "cost of watching", "pairs", "same weights", *FAULTS[1:], "alarms of the healthy run"]
    text = (
        "# The Doctor in other people's trainers\n\n"
        f"`python bench/integrations.py --pairs {given.pairs} --steps {given.steps}` · {about}\n\n"
        "Cost: median over pairs of processor seconds watched over unwatched, less one, with the least and "
        "the greatest of the pairs; the one-step tests are not part of it. Faults: the first finding.\n\n"
        + markdown_table(head, rows)
    )
    print(text) if given.dry else write_result(RESULTS / "integrations.md", text)


def line(name: str, run: Any, given: argparse.Namespace) -> list[str]:
    """A line of the table."""
    run("none", watched=True, steps=10)
    ratios, same = [], True
    for pair in range(given.pairs):
        order = (True, False) if pair % 2 else (False, True)
        found = {watched: run("none", watched=watched, steps=given.steps) for watched in order}
        ratios.append(found[True][0] / found[False][0] - 1)
        same = same and found[True][1] == found[False][1]
    span = f"{statistics.median(ratios):+.1%} ({min(ratios):+.1%} to {max(ratios):+.1%})"
    faults = [run(fault, watched=True, steps=12)[2][:1] for fault in FAULTS[1:]]
    healthy = run("none", watched=True, steps=given.steps, preflight=0.5)[2]
    shown = [", ".join(kinds) or "–" for kinds in (*faults, healthy)]
    return [name, span, str(given.pairs), "yes" if same else "no", *shown]


def digits(fault: str) -> tuple[Any, Any]:
    """Images (N, 1, 32, 32) and labels."""
    import torch
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    images = torch.tensor(x / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    wide = torch.nn.functional.interpolate(images, scale_factor=4, mode="bilinear")
    return wide, torch.tensor(y // 255 if fault == "labels" else y)


def network(fault: str) -> tuple[Any, Any]:
    """Body and head, from one seed."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.1),
    )  # fmt: skip
    head = nn.Linear(48 * 64, 10)
    head.requires_grad_(fault != "frozen head")
    return body, head


def trainer_run(
    fault: str, *, watched: bool, steps: int, preflight: float = 0.0
) -> tuple[float, float, list[str]]:
    """Processor seconds, a checksum of the weights, and the findings."""
    from torch import nn
    from transformers import Trainer, TrainingArguments

    from upfit.integrations import TrainerDoctor

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = network(fault)

        def forward(self, x: Any, labels: Any = None) -> dict[str, Any]:
            logits = self.head(self.body(x))
            return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    x, y = digits(fault)
    rows = [{"x": one, "labels": int(label)} for one, label in zip(x, y, strict=True)]
    doctor = TrainerDoctor(preflight=_tests(fault, preflight))
    settings = TrainingArguments(
        output_dir=tempfile.mkdtemp(),
        max_steps=steps,
        per_device_train_batch_size=32,
        learning_rate=5.0 if fault == "rate" else 1e-3,
        save_strategy="no",
        eval_strategy="steps",
        eval_steps=max(1, steps // 3),
        report_to=[],
        disable_tqdm=True,
        logging_steps=10_000,
        use_cpu=True,
        seed=0,
    )
    model = Classifier()
    trainer = Trainer(
        model, settings, train_dataset=rows[:1200], eval_dataset=rows[1200:1328],
        callbacks=[doctor] if watched else [],
    )  # fmt: skip
    begun = time.process_time()
    trainer.train()
    return time.process_time() - begun, _sum(model), [one.kind for one in doctor.findings]


def lightning_run(
    fault: str, *, watched: bool, steps: int, preflight: float = 0.0
) -> tuple[float, float, list[str]]:
    """Processor seconds, a checksum of the weights, and the findings."""
    import lightning
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    from upfit.integrations import LightningDoctor

    loss_fn = nn.CrossEntropyLoss()

    class Classifier(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = network(fault)

        def forward(self, x: Any) -> Any:
            return self.head(self.body(x))

        def training_step(self, batch: Any, _index: int) -> Any:
            return loss_fn(self(batch[0]), batch[1])

        def validation_step(self, batch: Any, _index: int) -> None:
            self.log("val_accuracy", (self(batch[0]).argmax(1) == batch[1]).float().mean())

        def configure_optimizers(self) -> Any:
            learning = [p for p in self.parameters() if p.requires_grad]
            return torch.optim.Adam(learning, lr=5.0 if fault == "rate" else 1e-3)

    x, y = digits(fault)
    train = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=32, shuffle=True)
    validation = DataLoader(TensorDataset(x[1200:1328], y[1200:1328]), batch_size=64)
    doctor = LightningDoctor(loss_fn=loss_fn, preflight=_tests(fault, preflight))
    model = Classifier()
    trainer = lightning.Trainer(
        max_steps=steps, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, val_check_interval=max(1, min(37, steps // 3)),
        callbacks=[doctor] if watched else [],
    )  # fmt: skip
    torch.manual_seed(0)
    begun = time.process_time()
    trainer.fit(model, train, validation)
    return time.process_time() - begun, _sum(model), [one.kind for one in doctor.findings]


def _tests(fault: str, asked: float) -> float:
    """A rate and labels are judged before the first step; what is frozen shows at the first."""
    return 0.3 if fault in ("rate", "labels") else asked


def _sum(model: Any) -> float:
    return float(sum(p.double().abs().sum() for p in model.parameters()))


if __name__ == "__main__":
    main()
