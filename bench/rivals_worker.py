"""One contestant of rivals.py: takes blocks of steps when told to on stdin, and prints what each took."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from loops import OurLoop, PlainLoop, _Rows, plain_batches
from overhead_worker import BARE
from setting import lay_out
from torch import nn
from torch.utils.data import DataLoader

from upfit.data.read import read
from upfit.models import text_backbone
from upfit.models.network import Network
from upfit.techniques.batch_norm import freeze_batch_norm
from upfit.train.recorder import peak_rss_mb
from upfit.train.stages import fresh_network, training_parts
from upfit.values import Change, Data, Recipe

LR, CLIP = 3e-4, 1.0


class Gate:
    """Stands at the end of every step: times a block, reports it, and waits to be told to go on.

    Args:
        steps: Steps per block.
    """

    def __init__(self, steps: int) -> None:
        self.steps, self.left = steps, 0

    def wait(self) -> None:
        """Until the next block is asked for."""
        if not sys.stdin.readline():
            raise SystemExit(0)
        self.left, self.began, self.worked = self.steps, time.perf_counter(), time.process_time()

    def step(self, count: int = 1) -> None:
        """A step is over, or so many."""
        self.left -= count
        if self.left:
            return
        seconds, worked = time.perf_counter() - self.began, time.process_time() - self.worked
        print(json.dumps({"seconds": seconds, "cpu": worked, "peak_mb": peak_rss_mb()}), flush=True)
        self.wait()


class Steady(nn.Module):
    """The network with its BatchNorm statistics frozen whenever a library calls `train()`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def train(self, mode: bool = True) -> Steady:
        """Training mode, but for BatchNorm."""
        super().train(mode)
        freeze_batch_norm(self)
        return self

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Logits (B, K)."""
        logits: torch.Tensor = self.network(batch)
        return logits


class AsWritten(nn.Module):
    """The network as a tutorial puts it together: timm's or transformers' own layout, the same weights."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.contiguous_format)
        # Past the faster dropout of our text backbones, as past the forward pass of our image backbones.
        text_backbone.FastDropout = nullcontext  # type: ignore[attr-defined,misc,assignment]
        self.images = network.backbone.modality == "image"

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Logits (B, K)."""
        # Past an image backbone's own forward pass, which would bring images into its layout.
        network = self.network
        logits: torch.Tensor = (
            network.head(network.backbone.net(batch["image"].contiguous()))  # type: ignore[operator]
            if self.images
            else network(batch)
        )
        return logits


class Mixed(nn.Module):
    """A network in mixed precision, as a hand-written loop has it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Logits (B, K), float32."""
        with torch.autocast("cpu", torch.bfloat16):
            logits: torch.Tensor = self.network(batch)
        return logits.float()


class Setting:
    """The same network, examples and loss for every contestant.

    Args:
        data: What to train on.
        folder: For files of the run.
        ours: With our defaults instead of everybody's work.
        as_written: Rivals get the network and the optimizer that their users write.
        mixed: In bf16 instead of fp32.
    """

    def __init__(self, data: Data, folder: Path, *, ours: bool, as_written: bool, mixed: bool) -> None:
        self.mixed = mixed
        recipe = Recipe(precision="bf16" if mixed else "fp32").apply(
            Change(path="head.init", to="fresh"),
            Change(path="loss.label_smoothing", to=0.0),
            Change(path="augment.flip", to=False),
            Change(path="optimizer.layer_decay", to=1.0),
            Change(path="optimizer.lr", to=LR),
            Change(path="optimizer.head_lr", to=LR),
            Change(path="schedule.warmup", to=0.0),
        )
        if not ours:
            clip = next(technique for technique in recipe.techniques if technique.name == "clip")
            recipe = recipe.apply(*BARE).replace(techniques=(clip,))
        self.folder = folder
        self.bench, backbone = lay_out(data, folder, recipe=recipe)
        # Lightning keeps the mode that modules come in, and transformers loads them in evaluation mode.
        self.network = fresh_network(self.bench, backbone).train()
        self.rival = AsWritten(self.network) if as_written else self.network
        # What a rival's AdamW is told; each library's default where nothing is.
        self.fused = None if as_written else True
        self.loss = self.bench.objective.loss(self.bench.recipe.loss)
        self.examples = self.bench.examples(backbone, self.bench.split.train)
        self.targets = torch.as_tensor(self.bench.objective.encode(self.bench.train_targets))
        self.size: int = self.bench.recipe.batching.size  # type: ignore[assignment]

    def loader(self, collate: Callable[[list[Any]], Any] | None = None) -> DataLoader[Any]:
        """Shuffled batches, as people write it."""
        rows = Sized(self.examples, self.targets)
        return DataLoader(rows, batch_size=self.size, shuffle=True, collate_fn=collate or rows.collate)


class Sized(_Rows):
    """Rows with a length."""

    def __len__(self) -> int:
        return len(self.targets)


def ours(setting: Setting, gate: Gate, total: int) -> None:
    """`upfit.train.loop`."""
    _, source = training_parts(setting.bench, setting.network)
    loop = OurLoop(
        setting.bench,
        setting.network,
        setting.network.groups,
        source=source,
        loss=setting.loss,
        folder=setting.folder,
        total_steps=total,
    )
    gate.wait()
    while True:
        # A block at a time: what the loop does once an epoch is not to be done at every step.
        loop.run(gate.steps)
        gate.step(gate.steps)


def plain(setting: Setting, gate: Gate, total: int) -> None:
    """The loop that a user writes."""
    batches = plain_batches(setting.examples, setting.targets, size=setting.size, seed=0)
    loop = PlainLoop(
        Mixed(setting.rival) if setting.mixed else setting.rival,
        batches,
        setting.loss,
        lr=LR,
        total_steps=total,
        freeze_norms=True,
        clip=CLIP,
        fused=setting.fused,
    )
    gate.wait()
    while True:
        loop.run(1)
        gate.step()


def trainer(setting: Setting, gate: Gate, total: int) -> None:
    """Hugging Face Trainer."""
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Turns(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            gate.wait()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            gate.step()

    class WithLoss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steady = Steady(setting.rival)

        def forward(self, **batch: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = self.steady(batch)
            return {"loss": setting.loss(logits, batch["target"]).mean(), "logits": logits}

    rows = Sized(setting.examples, setting.targets)
    arguments = TrainingArguments(
        output_dir=str(setting.folder / "trainer"),
        per_device_train_batch_size=setting.size,
        max_steps=total,
        learning_rate=LR,
        weight_decay=0.05,
        max_grad_norm=CLIP,
        lr_scheduler_type="cosine",
        optim="adamw_torch_fused",
        use_cpu=True,
        bf16=setting.mixed,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    Trainer(
        WithLoss(), arguments, data_collator=rows.collate, train_dataset=rows, callbacks=[Turns()]
    ).train()


def lightning(setting: Setting, gate: Gate, total: int) -> None:
    """Lightning."""
    from lightning import LightningModule, Trainer

    class Module(LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.steady = Steady(setting.rival)

        def training_step(self, batch: dict[str, torch.Tensor], number: int) -> torch.Tensor:
            return setting.loss(self.steady(batch), batch["target"]).mean()

        def on_train_start(self) -> None:
            gate.wait()

        def on_train_batch_end(self, *args: Any) -> None:
            gate.step()

        def configure_optimizers(self) -> dict[str, Any]:
            optimizer = torch.optim.AdamW(self.parameters(), lr=LR, weight_decay=0.05, fused=setting.fused)
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    Trainer(
        max_steps=total,
        accelerator="cpu",
        precision="bf16-mixed" if setting.mixed else "32-true",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        # Its AdamW is fused, and Lightning clips by norm all the same.
        gradient_clip_val=CLIP,
    ).fit(Module(), setting.loader())


def fastai(setting: Setting, gate: Gate, total: int) -> None:
    """fastai."""
    from fastai.callback.core import Callback
    from fastai.callback.schedule import ParamScheduler, SchedCos
    from fastai.callback.training import GradientClip
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import OptimWrapper

    class Turns(Callback):  # type: ignore[misc]
        def before_fit(self) -> None:
            gate.wait()

        def after_batch(self) -> None:
            gate.step()

    rows = Sized(setting.examples, setting.targets)

    def pairs(items: list[Any]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        batch = rows.collate(items)
        return batch, batch["target"]

    loader = setting.loader(pairs)
    learner = Learner(
        DataLoaders(loader, loader, device=torch.device("cpu")),
        Steady(setting.rival),
        loss_func=lambda logits, target: setting.loss(logits, target).mean(),
        opt_func=partial(OptimWrapper, opt=partial(torch.optim.AdamW, fused=setting.fused)),
        lr=LR,
        wd=0.05,
        cbs=[GradientClip(CLIP), ParamScheduler({"lr": SchedCos(LR, 0.0)}), Turns()],
    )
    # Longer than will be asked for: validation after an epoch is not part of a step.
    epochs = 1 + total // max(1, len(loader))
    learner.validate = lambda *args, **kwargs: None
    learner._do_epoch_validate = lambda *args, **kwargs: None
    with learner.no_bar():
        learner.fit(epochs, LR)


SIDES = {"ours": ours, "ours, defaults": ours, "plain": plain}
SIDES |= {"trainer": trainer, "lightning": lightning, "fastai": fastai}


def main() -> None:
    """Set up, then take blocks for as long as they are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=list(SIDES))
    parser.add_argument("kind")
    parser.add_argument("data", type=Path)
    parser.add_argument("--as-written", action="store_true")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--blocks", type=int, required=True)
    args = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as place:
        own_work, rival = args.name == "ours, defaults", not args.name.startswith("ours")
        as_written = args.as_written and rival
        data = read(args.data)
        setting = Setting(data, Path(place), ours=own_work, as_written=as_written, mixed=args.bf16)
        SIDES[args.name](setting, Gate(args.steps), args.steps * args.blocks + 1)


if __name__ == "__main__":
    main()
