"""The catalogue of one-step tests, and the run through it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from upfit.diagnose.preflight import (
    causal,
    coverage,
    decay,
    descent,
    gradients,
    inputs,
    labels,
    leaks,
    mixing,
    modes,
    narrow,
    near,
    norms,
    one_batch,
    order,
    output,
    outside,
    padding,
    placing,
    rates,
    recall,
    reference,
    shapes,
    shared_out,
    silence,
    slope,
    start,
    transfer,
    units,
    varied,
    weights,
    workers,
)
from upfit.diagnose.preflight.failures import facts_of_failure
from upfit.diagnose.preflight.subject import Subject
from upfit.diagnose.preflight.untouched import untouched

Test = Callable[[Subject], dict[str, float]]

TESTS: tuple[tuple[str, Test], ...] = (
    ("coverage", coverage.measure),
    ("weights", weights.measure),
    ("outside", outside.measure),
    ("inputs", inputs.measure),
    ("labels", labels.measure),
    ("order", order.measure),
    ("leaks", leaks.measure),
    ("near", near.measure),
    ("workers", workers.measure),
    ("start", start.measure),
    ("modes", modes.measure),
    ("norms", norms.measure),
    ("narrow", narrow.measure),
    ("padding", padding.measure),
    ("mixing", mixing.measure),
    ("causal", causal.measure),
    ("shapes", shapes.measure),
    ("output", output.measure),
    ("shared_out", shared_out.measure),
    ("silence", silence.measure),
    ("placing", placing.measure),
    ("units", units.measure),
    ("gradients", gradients.measure),
    ("recall", recall.measure),
    ("descent", descent.measure),
    ("slope", slope.measure),
    ("decay", decay.measure),
    ("one_batch", one_batch.measure),
    ("rates", rates.measure),
    ("reference", reference.measure),
    ("transfer", transfer.measure),
    ("augment", varied.measure),
)
"""Cheap ones first. Each runs inside `untouched`."""

NO_TIME = "there was no time for it"

DATA_ONLY = {"inputs", "labels", "order", "leaks", "near", "reference", "workers", "augment", "transfer"}
"""Tests that read the loader; those without a loader that can be read twice are left out."""


@dataclass(frozen=True)
class Measured:
    """What the tests found: numbers by name, and a line on each test that could not run."""

    facts: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def measure_all(subject: Subject, *, only: tuple[str, ...] = (), until: float | None = None) -> Measured:
    """Run the tests; the subject's model, optimizers, random states are afterwards as they were before.

    Args:
        subject: What to test.
        only: Names of tests; empty for all.
        until: `time.monotonic()` after which no further test begins; what is left out says so.
    """
    measured, longest = Measured(), 0.0
    with untouched(subject.model, subject.optimizers, loaders=(subject.train, subject.validation)):
        _recognise(subject)
        for name, test in TESTS:
            if only and name not in only:
                continue
            begun = time.monotonic()
            if until is not None and begun + longest > until:
                measured.skipped[name] = NO_TIME
                continue
            _run(name, test, subject, measured)
            longest = max(longest, time.monotonic() - begun)
    return measured


def _recognise(subject: Subject) -> None:
    """Classification of every next token is what a language model does."""
    if subject.task != "classification" or subject.train is None:
        return
    try:
        if subject.batches and causal.foretells(subject.batches[0]):
            subject.task = "language_model"
    except Exception:
        # A loader that cannot be passed is told of by the tests that need it.
        return


def _run(name: str, test: Test, subject: Subject, measured: Measured) -> None:
    try:
        with untouched(subject.model, subject.optimizers):
            found = test(subject)
    except Exception as error:
        # Whatever a stranger's model, loss or loader raises, the other tests can still speak.
        measured.skipped[name] = f"{type(error).__name__}: {error}".splitlines()[0]
        measured.facts.update(facts_of_failure(error))
        return
    measured.facts.update({key: float(value) for key, value in found.items() if math.isfinite(value)})
