"""What the callbacks cost in Hugging Face's Trainer and in Lightning, and whether they name a planted fault.

    python bench/integrations.py            # two minutes; writes bench/results/integrations.md
    python bench/integrations.py --pairs 1 --dry

The watched and the unwatched run take turns in one process, ten steps by ten steps (A B B A …), so that a
machine that slows down slows both. The network is a small convolutional one on scikit-learn's digits, made 32
pixels wide, so that a step takes as long as one of a small pretrained model.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

from common import RESULTS, machine, machine_line, markdown_table, write_result
from turns import Turns, cost

FAULTS = ("none", "rate", "frozen head", "labels")
BLOCK = 10
"""Steps of a turn."""


def main() -> None:
    """Measure both trainers, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=7, help="pairs of runs")
    parser.add_argument("--steps", type=int, default=150, help="steps a run")
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
    head = [
        "trainer",
        "cost of watching",
        "pairs of runs",
        "same weights",
        *FAULTS[1:],
        "alarms of the healthy run",
    ]
    text = (
        "# The Doctor in other people's trainers\n\n"
        f"`python bench/integrations.py --pairs {given.pairs} --steps {given.steps}` · {about}\n\n"
        f"Cost: processor seconds watched over unwatched, less one, from the medians of each block of "
        f"{BLOCK} steps, with a 95 % interval over pairs of runs; the looks of the first steps, evaluations, "
        "and what the callback does at the start and the end are part of it, the one-step tests are not. "
        "Faults: the first finding.\n\n" + markdown_table(head, rows)
    )
    print(text) if given.dry else write_result(RESULTS / "integrations.md", text)


def line(name: str, run: Any, given: argparse.Namespace) -> list[str]:
    """A line of the table."""
    for watched in (True, False):
        run("none", watched=watched, steps=BLOCK)
    seconds: dict[str, list[list[float]]] = {"watched": [], "plain": []}
    same = True
    for _ in range(given.pairs):
        turns = Turns({name: taking_turns(run, name == "watched", given.steps) for name in seconds}, BLOCK)
        for one, taken in turns.play().items():
            seconds[one].append(taken)
        same = same and turns.results["watched"] == turns.results["plain"]
    found = cost(seconds["watched"], seconds["plain"])
    span = f"{found[0]:+.1%} ({found[1]:+.1%} to {found[2]:+.1%})"
    faults = [run(fault, watched=True, steps=12)[1]()[:1] for fault in FAULTS[1:]]
    healthy = run("none", watched=True, steps=given.steps, preflight=0.5)[1]()
    shown = [", ".join(kinds) or "–" for kinds in (*faults, healthy)]
    return [name, span, str(given.pairs), "yes" if same else "no", *shown]


def taking_turns(run: Any, watched: bool, steps: int) -> Callable[[Callable[[], None]], float]:
    """A run for `Turns`: the checksum of its weights."""
    return lambda before_step: run("none", watched=watched, steps=steps, before_step=before_step)[0]


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
    fault: str,
    *,
    watched: bool,
    steps: int,
    preflight: float = 0.0,
    before_step: Callable[[], None] = lambda: None,
) -> tuple[float, Callable[[], list[str]]]:
    """A checksum of the weights, and what asks for the findings: that may look into the network once more."""
    from torch import nn
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from upfit.integrations import TrainerDoctor

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = network(fault)

        def forward(self, x: Any, labels: Any = None) -> dict[str, Any]:
            logits = self.head(self.body(x))
            return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}

    class Steps(TrainerCallback):
        def on_step_begin(self, *_given: Any, **_named: Any) -> None:
            before_step()

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
        callbacks=[Steps(), doctor] if watched else [Steps()],
    )  # fmt: skip
    trainer.train()
    return _sum(model), lambda: [one.kind for one in doctor.findings]


def lightning_run(
    fault: str,
    *,
    watched: bool,
    steps: int,
    preflight: float = 0.0,
    before_step: Callable[[], None] = lambda: None,
) -> tuple[float, Callable[[], list[str]]]:
    """A checksum of the weights, and what asks for the findings: that may look into the network once more."""
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

        def on_train_batch_start(self, _batch: Any, _index: int) -> None:
            before_step()

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
    trainer.fit(model, train, validation)
    return _sum(model), lambda: [one.kind for one in doctor.findings]


def _tests(fault: str, asked: float) -> float:
    """A rate and labels are judged before the first step; what is frozen shows at the first."""
    return 0.3 if fault in ("rate", "labels") else asked


def _sum(model: Any) -> float:
    return float(sum(p.double().abs().sum() for p in model.parameters()))


if __name__ == "__main__":
    main()
