"""Retraining from the page: `upfit fit` with the corrections, in a process of its own, and what it earned."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from upfit.errors import InputError, Interrupted, UpfitError
from upfit.review.compare import compare
from upfit.store.atomic import write_text
from upfit.values import Run

Loads = Callable[[Path], Run]


@dataclass(frozen=True)
class Plan:
    """What retraining needs to know.

    Args:
        request: What a run was asked for, or would be: the fields of a run folder's `request.json`.
        corrections: The file of decisions.
        folder: Where runs go.
        before: The run to compare with; None trains it first, on the data as they are.
    """

    request: Mapping[str, Any]
    corrections: Path
    folder: Path
    before: Path | None = None

    @property
    def baseline(self) -> Path:
        """The run that `after` is compared with."""
        return self.before or self.folder / "before"

    def next_run(self) -> Path:
        """The first free folder for a run with corrections."""
        number = 1
        while (self.folder / f"after-{number}").exists():
            number += 1
        return self.folder / f"after-{number}"


@dataclass
class Progress:
    """How far retraining is."""

    stage: Literal["idle", "before", "after", "comparing", "done", "failed", "stopped"] = "idle"
    line: str = ""
    began: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)


class Retraining:
    """At most one retraining at a time.

    Args:
        plan: What to train.
        load: Reads a finished run.
    """

    def __init__(self, plan: Plan, load: Loads) -> None:
        self.plan = plan
        self.load = load
        self._progress = Progress()
        self._starting = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._stopping = False

    def state(self) -> dict[str, Any]:
        """The progress as plain values."""
        now = self._progress
        return {
            "stage": now.stage,
            "line": now.line,
            "seconds": time.time() - now.began if self.runs else 0.0,
            "budget": self.plan.request.get("budget"),
            "trains_before": not (self.plan.baseline / "result.json").is_file(),
            "result": now.result,
        }

    @property
    def runs(self) -> bool:
        """Whether something is being trained."""
        return self._progress.stage in ("before", "after", "comparing")

    def start(self) -> None:
        """Begin in the background.

        Raises:
            InputError: It runs already, or the data are not in files.
        """
        with self._starting:
            if self.runs:
                raise InputError("a retraining is under way already")
            self._stopping = False
            self._progress = Progress("before", began=time.time())
        threading.Thread(target=self._work, daemon=True).start()

    def stop(self) -> None:
        """Interrupt what is being trained; its run folder can be resumed."""
        with self._starting:
            self._stopping = True
            if self._process is not None:
                _let_go(self._process)

    def _work(self) -> None:
        try:
            baseline, after = self.plan.baseline, self.plan.next_run()
            if not (baseline / "result.json").is_file():
                self._fit(baseline, corrected=False)
            self._progress.stage = "after"
            self._fit(after, corrected=True)
            self._progress.stage, self._progress.line = "comparing", ""
            found = compare(self.load(baseline), self.load(after))
            self._progress.result = {**found, "run": str(after), "report": str(after / "report.html")}
            self._progress.stage = "done"
        except (UpfitError, OSError, ValueError) as error:
            self._progress.line = str(error)
            self._progress.stage = "stopped" if self._stopping else "failed"

    def _fit(self, out: Path, *, corrected: bool) -> None:
        """Train in a process of its own; its last lines are the progress."""
        self.plan.folder.mkdir(parents=True, exist_ok=True)
        recipe = self.plan.folder / "recipe.yaml"
        if self.plan.request.get("recipe"):
            write_text(recipe, str(self.plan.request["recipe"]))
        words = fit_words(self.plan.request, recipe=recipe, out=out)
        if corrected:
            words += ["--corrections", str(self.plan.corrections)]
        elif out.exists():
            words += ["--overwrite"]  # a baseline that was interrupted: it is of our own making
        process = self._begun(words)
        last: list[str] = []
        for line in process.stderr or ():
            if line.strip():
                self._progress.line = line.strip()[:300]
                last = [*last, line.rstrip()][-6:]
        if process.wait() != 0:
            raise InputError("\n".join(last) or f"upfit fit ended with code {process.returncode}")

    def _begun(self, words: list[str]) -> subprocess.Popen[str]:
        """`upfit` with these words in a process of its own, which ends soon when this one is gone."""
        with self._starting:
            if self._stopping:
                raise Interrupted("stopped")
            self._process = subprocess.Popen(
                [sys.executable, "-m", "upfit.review.leash", *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                # Ctrl-C must not reach it beside `stop`: asked twice, a run stops where it is.
                start_new_session=True,
            )
            return self._process


def _let_go(process: subprocess.Popen[str]) -> None:
    """Close our end of the pipe that a process watches; safe to call twice."""
    if process.stdin is not None:
        process.stdin.close()


def fit_words(request: Mapping[str, Any], *, recipe: Path, out: Path) -> list[str]:
    """The arguments of `upfit fit` for what a run was asked for.

    >>> request = {"data": "a.csv", "target": "stars", "kinds": {"x": "text"}, "budget": 60.0}
    >>> fit_words(request, recipe=Path("r.yaml"), out=Path("runs/a"))[:6]
    ['fit', 'a.csv', '--target', 'stars', '--kind', 'x=text']
    """
    parts = request.get("parts") or {}
    words = ["fit", *([str(request["data"])] if request.get("data") else [])]
    target = request.get("target")
    named = {**parts, "target": ",".join(target) if isinstance(target, list) else target}
    named |= {name: request.get(name) for name in ("task", "group", "time", "split", "metric")}
    for name, value in named.items():
        words += [f"--{name}", str(value)] if value is not None else []
    for name, kind in (request.get("kinds") or {}).items():
        words += ["--kind", f"{name}={kind}"]
    if request.get("budget") is not None:
        words += ["--budget", f"{request['budget']:g}s"]
    if request.get("repair_splits"):
        words += ["--repair-splits"]
    if request.get("clean"):
        words += ["--clean", "auto"]
    if request.get("recipe"):
        words += ["--recipe", str(recipe)]
    return [*words, "--out", str(out)]
