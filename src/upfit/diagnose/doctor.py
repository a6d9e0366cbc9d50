"""Doctor: the diagnosis inside a training loop that is not ours."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import psutil
import torch
from torch import nn
from torch.optim import Optimizer

from upfit.data.own_loader import length_of
from upfit.diagnose.asked import loss_of, numbers_of, optimizers_of, task_of
from upfit.diagnose.diagnosis import Diagnosis, diagnose
from upfit.diagnose.preflight import coverage
from upfit.diagnose.preflight.calls import Calls, Forward, scalar
from upfit.diagnose.preflight.catalogue import DATA_ONLY, TESTS, measure_all
from upfit.diagnose.preflight.failures import facts_of_failure
from upfit.diagnose.preflight.subject import Subject, can_be_repeated
from upfit.diagnose.preflight.untouched import untouched
from upfit.diagnose.seen import Seen
from upfit.diagnose.text import report_text
from upfit.diagnose.watch.evaluations import Evaluations
from upfit.diagnose.watch.graphs import Graphs
from upfit.diagnose.watch.looks import Looks
from upfit.diagnose.watch.pace import Pace
from upfit.diagnose.watch.replicas import Replicas
from upfit.diagnose.watch.standing import Standing
from upfit.diagnose.watch.wiring import Wiring
from upfit.errors import InputError
from upfit.values import Evaluation, Event, Finding, Step, Trace

WIRED = 8
"""Steps over which the wiring is watched."""
ALWAYS = {1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000}
PROBED = {20, 100, 500, 2000, 10000}
SHARE = 0.02
"""Fraction of the loop's time that looking may take, where nobody says otherwise."""
FIRST = 3
"""Steps that are looked at whatever it costs: what is wired wrongly shows there."""
AGAIN = 20
"""Steps after which a question for findings is worth another look inside."""
MEMORY_EVERY, MEMORY_SECONDS = 10, 0.05
"""Steps and seconds between looks at the process's memory, each of which asks the system."""


class Doctor:
    """Watches a plain PyTorch loop and says what is wrong with it. It changes nothing.

    A watched run is bit for bit the unwatched one. The hooks that it needs are removed by `close()`, or at
    the end of a `with` block.

    Args:
        model: The model that is trained.
        optimizer: Its optimizer, or several.
        loss_fn: `loss_fn(model(x), y)`; None for models that return their loss.
        train_loader: Batches `(x, y)`, `(x1, x2, …, y)` or dicts; passed over anew by `preflight`. One
            that can be passed only once is left alone, and what it would tell is not measured.
        validation_loader: The same for validation.
        task: `classification`, `regression`, `multilabel` or `language_model`.
        forward: `forward(model, batch) -> (output, target)`, for models that are called otherwise.
        pretrained: Say True if the weights were to be loaded from a checkpoint.
        frozen: Name prefixes of parameters that are frozen on purpose.
        share: Fraction of the loop's time that looking inside may take, beyond the first steps. None makes
            all early looks whatever they cost, which short runs feel.

    Example:
        >>> from torch.utils.data import DataLoader, TensorDataset
        >>> _ = torch.manual_seed(0)
        >>> x = torch.randn(256, 4)
        >>> loader = DataLoader(TensorDataset(x, (x.sum(1) > 0).long()), batch_size=32)
        >>> model = nn.Linear(4, 2)
        >>> optimizer = torch.optim.SGD(nn.Linear(4, 2).parameters(), lr=0.1)  # of another model
        >>> doctor = Doctor(model, optimizer, nn.CrossEntropyLoss(), loader, task="classification")
        >>> [finding.kind for finding in doctor.preflight()][0]
        'optimizer_model_mismatch'
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer | Iterable[Optimizer] | None = None,
        loss_fn: Callable[..., Any] | None = None,
        train_loader: Any = None,
        validation_loader: Any = None,
        *,
        task: str = "classification",
        forward: Forward | None = None,
        pretrained: bool | None = None,
        frozen: Iterable[str] = (),
        share: float | None = SHARE,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise InputError("a Doctor needs a model", expected="a torch.nn.Module", got=type(model).__name__)
        self._subject = Subject(
            calls=Calls(model, loss_of(loss_fn), forward),
            optimizers=optimizers_of(optimizer),
            task=task_of(task),
            train=train_loader if can_be_repeated(train_loader) else None,
            validation=validation_loader if can_be_repeated(validation_loader) else None,
            pretrained=pretrained,
            frozen=tuple(frozen),
        )
        self._model = model
        self._facts: dict[str, float] = {}
        self._skipped: dict[str, str] = {}
        self._losses: list[tuple[int, torch.Tensor | float, float, float, float, float]] = []
        self._steps: list[Step] = []
        self._evaluations: list[Evaluation] = []
        self._wiring = Wiring(model, self._subject.optimizers)
        self._modes = Evaluations(model)
        self._standing = Standing(model, self._subject.optimizers)
        self._graphs = Graphs()
        self._replicas = Replicas(model)
        self._looks = Looks(self._subject)
        self._process = psutil.Process()
        self._batches = length_of(train_loader) or 0
        self._batch_size = int(getattr(train_loader, "batch_size", 0) or 0)
        self._taken = 0
        self._memory_at = (-MEMORY_EVERY, -math.inf)
        self._pace = Pace(share)

    @property
    def is_busy(self) -> bool:
        """Whether passes through the model are the Doctor's own at this moment."""
        return self._modes.paused

    def preflight(self, *, seconds: float = 2.0) -> tuple[Finding, ...]:
        """Run the one-step tests and return what they find, causes first.

        Args:
            seconds: What each test that trains for some steps may take of the processor; where others use it
                too, up to thrice as long by the clock.

        Model, optimizers, gradients, buffers and random states are bit for bit the same afterwards. A model
        that cannot be called with what the loader gives is warned of: nearly nothing is tested then.
        """
        self._subject.seconds = seconds
        if self._subject.train is None:
            known = tuple(name for name, _ in TESTS if name in {"coverage", "weights"} - DATA_ONLY)
        else:
            known = ()
        with self._paused():
            measured = measure_all(self._subject, only=known)
        self._facts.update(measured.facts)
        self._skipped = measured.skipped
        findings, why = self.findings, measured.skipped.get("gradients")
        if why and not findings:
            warnings.warn(f"most one-step tests could not run: {why} (see report())", stacklevel=2)
        return findings

    def step(self, loss: torch.Tensor) -> None:
        """Look at one step: call it after `backward` and before `optimizer.step`.

        Args:
            loss: The loss of the step; several (a tuple or a dict) are summed up as one.
        """
        self._taken = number = self._taken + 1
        self._modes.stepped()
        self._replicas.step(number)
        if number % self._pace.every and not self._looks.is_open:
            return
        self._pace.begin()
        begun = time.perf_counter()
        loss = scalar(loss)
        if number == 1:
            self._first(loss)
        self._standing.step()
        if self._wiring.is_open:
            self._wiring.step()
            if number >= WIRED:
                self._wiring.close()
        kept = self._graphs.note(loss)
        if kept > self._facts.get("wiring.kept_graphs", 0.0):
            self._facts |= {"wiring.kept_graphs": float(kept), "wiring.kept_graphs_at": float(number)}
        self._looks.settle()
        looked = time.perf_counter()
        norm = self._inside(number)
        inside = time.perf_counter() - looked
        self._note(number, _kept(loss), norm)
        seconds = time.perf_counter() - begun
        self._pace.took(seconds)
        self._pace.noted(number, seconds=seconds - inside)

    def validated(self, metrics: Mapping[str, Any]) -> None:
        """Take note of an evaluation, after each.

        Args:
            metrics: By name, `loss` among them if there is one: `{"loss": 0.3, "accuracy": 0.91}`.
        """
        begun = time.perf_counter()
        values = numbers_of(metrics)
        loss = values.pop("loss", math.nan)
        self._modes.validated()
        self._standing.validated()
        # Layers may have been exchanged since the optimizer was made.
        self._facts.update(coverage.held(self._subject))
        if self._may_probe(len(self._evaluations) < 3 or self._pace.is_ahead):
            self._probe()
        epoch, seconds = self._epoch(self._taken), self._pace.elapsed
        self._evaluations.append(Evaluation(self._taken, epoch, loss, values, False, seconds))
        self._pace.took(time.perf_counter() - begun)

    def failed(self, error: BaseException) -> tuple[Finding, ...]:
        """Say what an exception of the loop means; a `with` block does it by itself, and lets it pass on."""
        self._facts.update(facts_of_failure(error))
        return self.findings

    @property
    def trace(self) -> Trace:
        """What was observed so far."""
        self._flush()
        facts = {**self._facts, **self._wiring.facts, **self._modes.facts, **self._replicas.facts()}
        facts |= self._standing.facts
        event = Event(self._taken, "measured", "one-step tests", facts)
        healths = tuple(sorted(self._looks.flush(), key=lambda health: health.step))
        return Trace(tuple(self._steps), tuple(self._evaluations), (event,), healths)

    @property
    def diagnosis(self) -> Diagnosis:
        """Findings, and what could not be judged, after another look inside if the last is long ago."""
        if self._pace.share is not None and self._taken - self._pace.probed_at >= AGAIN:
            self._probe()
        return diagnose(self.trace)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong, causes first."""
        return self.diagnosis.findings

    @property
    def overhead(self) -> float:
        """Fraction of the loop's time that went into watching."""
        elapsed = self._pace.elapsed
        return self._pace.spent / elapsed if elapsed > 0 else 0.0

    def report(self) -> str:
        """The diagnosis as text."""
        return report_text(self.diagnosis, Seen(self.trace), self._skipped)

    def close(self) -> None:
        """Remove all hooks; safe to call twice."""
        self._wiring.close()
        self._modes.close()

    def __enter__(self) -> Doctor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.failed(error)
        elif self._taken:
            self._facts["run.ended"] = 1.0
        self.close()

    def _first(self, loss: torch.Tensor) -> None:
        """What the first step alone can tell, where nobody asked for the one-step tests."""
        self._facts.update(coverage.measure(self._subject))
        if "gradients.attached" not in self._facts:
            wanted = [p for p in self._model.parameters() if p.requires_grad]
            self._facts["gradients.attached"] = float(loss.requires_grad)
            self._facts["gradients.wanted"] = float(len(wanted))

    def _inside(self, number: int) -> float:
        """Look inside the network where it is time; the norm of all gradients, NaN where it is not."""
        norm = math.nan
        if self._is_due(number):
            norm = self._looks.norms(number)
            if not math.isfinite(norm):
                self._facts.setdefault("wiring.bad_gradient_step", float(number))
        if self._may_probe(number in PROBED):
            self._probe()
        return norm

    def _is_due(self, number: int) -> bool:
        if self._pace.share is None:
            return number <= FIRST or number in ALWAYS
        return number <= FIRST or self._pace.is_ahead

    def _may_probe(self, wanted: bool) -> bool:
        return self._subject.train is not None and self._pace.may_probe(self._taken, wanted)

    def _probe(self) -> None:
        self._pace.probed_at = self._taken
        if self._subject.train is None:
            return
        begun = time.perf_counter()
        loaders = (self._subject.train,)
        with self._paused(), untouched(self._model, loaders=loaders):
            try:
                self._looks.probe(self._taken)
            except Exception as error:
                # A model that cannot be asked for its probe is watched without it.
                self._skipped["probe"] = f"{type(error).__name__}: {error}"
        self._pace.probe_seconds = time.perf_counter() - begun

    def _note(self, number: int, loss: torch.Tensor | float, norm: float) -> None:
        rate = max(
            (float(g.get("lr", math.nan)) for one in self._subject.optimizers for g in one.param_groups),
            default=math.nan,
        )
        seconds, memory = self._pace.elapsed, math.nan
        last, at = self._memory_at
        if number - last >= MEMORY_EVERY and seconds - at >= MEMORY_SECONDS:
            self._memory_at = number, seconds
            memory = self._process.memory_info().rss / 2**20
        self._losses.append((number, loss, rate, norm, memory, seconds))
        if len(self._losses) >= 100:
            self._flush()

    def _flush(self) -> None:
        """Read the losses that are still on the device."""
        for number, loss, rate, norm, memory, seconds in self._losses:
            epoch = self._epoch(number)
            self._steps.append(
                Step(number, epoch, float(loss), rate, norm, self._batch_size, seconds, memory)
            )
        self._losses.clear()

    def _epoch(self, number: int) -> float:
        return number / self._batches if self._batches else math.nan

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Our own passes are not the loop's."""
        self._wiring.paused = self._modes.paused = True
        try:
            yield
        finally:
            self._wiring.paused = self._modes.paused = False


def _kept(loss: torch.Tensor) -> torch.Tensor | float:
    """A loss until it is read: at once, unless a device would have to be waited for.

    A small tensor that outlives its step lies in the way of the large ones of the next: memory then goes back
    to the system and is fetched anew in every step, which costs more than all looks together.
    """
    return loss.item() if loss.device.type == "cpu" else loss.detach().clone()
