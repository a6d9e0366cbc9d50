"""A run folder: every file of a run, its version, and its lock."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from upfit.errors import RecipeError, RunFolderError
from upfit.store.atomic import write_text, write_with
from upfit.store.journal import read_trace
from upfit.store.run_mark import MARK, VERSION, parse_json, require_run
from upfit.values import Cure, Estimate, Finding, Predictions, Recipe, Split


class RunFolder:
    """Reads and writes the files of one run.

    Args:
        path: The folder.
        writes: False in processes that only help (all but the first of several): they write nothing.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path = path
        self.writes = writes
        self._lock: IO[str] | None = None

    @classmethod
    def create(cls, path: Path, *, overwrite: bool = False, writes: bool = True) -> RunFolder:
        """A new, empty run folder; an existing one is replaced only with `overwrite`, and only if a run."""
        folder = cls(path, writes=writes)
        if writes:
            cls.require_free(path, overwrite=overwrite)
            if (path / MARK).is_file():
                before = cls(path)
                before.lock()
                before._clear()
                before.unlock()
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RunFolderError(f"cannot create the run folder {path}: {error.strerror}") from error
            folder.write_json(MARK, {"version": VERSION, "created": time.time()})
            folder.lock()
        return folder

    def _clear(self) -> None:
        """Delete the folder, its mark last: a kill leaves what is known as a run's and may be replaced."""
        for name in [entry.name for entry in self.path.iterdir() if entry.name != MARK]:
            self.remove(name)
        shutil.rmtree(self.path)

    @staticmethod
    def require_free(path: Path, *, overwrite: bool) -> None:
        """Raise `RunFolderError` unless a run may be created here: before any work, with nothing touched."""
        if path.exists() and not path.is_dir():
            raise RunFolderError(f"{path} is a file", hint="choose another --out")
        if path.is_dir() and any(path.iterdir()):
            if not (path / MARK).is_file():
                kept = ", so --overwrite does not delete it" if overwrite else ", and holds other files"
                raise RunFolderError(f"{path} is not a run folder{kept}", hint="choose another --out")
            if not overwrite:
                raise RunFolderError(
                    f"{path} exists already",
                    hint=f"upfit resume {path}, another --out, or --overwrite to replace it",
                )
        parent = next(one for one in (path, *path.absolute().parents) if one.is_dir())
        if not os.access(parent, os.W_OK):
            raise RunFolderError(f"{parent} cannot be written to", hint="choose another --out")

    @classmethod
    def open(cls, path: Path, *, writes: bool = True) -> RunFolder:
        """An existing run folder; raises `RunFolderError` when it is none, or of a newer version."""
        require_run(path)
        return cls(path, writes=writes)

    def lock(self) -> None:
        """Hold the folder until `unlock`, or until this process ends; whoever else wants it is told so."""
        self._lock = (self.path / ".lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.unlock()
            raise RunFolderError(f"{self.path} is in use by another upfit process") from error

    def unlock(self) -> None:
        """Let others have the folder; safe to call twice."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def has(self, name: str) -> bool:
        """Whether the file or folder is there."""
        return (self.path / name).exists()

    def remove(self, name: str) -> None:
        """Delete a file or folder of the run, if it is there."""
        path = self.path / name
        if not self.writes or not path.exists():
            return
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def read_json(self, name: str) -> Any:
        """A JSON file's content."""
        return parse_json(self.path / name)

    def write_json(self, name: str, content: Any) -> None:
        """Replace a JSON file."""
        self.write_text(name, json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False))

    def write_text(self, name: str, text: str) -> None:
        """Replace a text file."""
        if self.writes:
            write_text(self.path / name, text)

    def read_recipe(self) -> Recipe:
        """The settled recipe."""
        path = self.path / "recipe.yaml"
        try:
            return Recipe.from_yaml(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, RecipeError) as error:
            raise RunFolderError(f"{path} is missing or damaged: {error}") from error

    def write_split(self, split: Split) -> None:
        """`split.parquet`: one row per example, its part by name."""
        parts = {"train": split.train, "validation": split.validation, "test": split.test}
        rows = np.concatenate(list(parts.values()))
        names = [name for name, members in parts.items() for _ in members]
        table = pa.table({"row": rows, "part": names}).replace_schema_metadata({"how": split.how})
        if self.writes:
            write_with(self.path / "split.parquet", lambda aside: pq.write_table(table, aside))

    def read_split(self) -> Split:
        """The split that `write_split` wrote."""
        table = pq.read_table(self.path / "split.parquet")
        rows = table["row"].to_numpy()
        names = np.asarray(table["part"].to_pylist(), dtype=object)
        of = {name: rows[names == name].astype(np.int64) for name in ("train", "validation", "test")}
        how = (table.schema.metadata or {}).get(b"how", b"").decode()
        return Split(of["train"], of["validation"], of["test"], how)

    def write_predictions(self, predictions: Predictions) -> None:
        """`predictions.parquet`: row, scores, target, on validation."""
        table = pa.table(
            {
                "row": predictions.rows,
                "scores": predictions.scores.astype(np.float32).tolist(),
                "target": predictions.targets.tolist(),
            }
        )
        if self.writes:
            write_with(self.path / "predictions.parquet", lambda aside: pq.write_table(table, aside))

    def read_predictions(self) -> Predictions | None:
        """What `write_predictions` wrote, or None."""
        if not self.has("predictions.parquet"):
            return None
        table = pq.read_table(self.path / "predictions.parquet")
        scores = np.array(table["scores"].to_pylist(), dtype=np.float32)
        return Predictions(table["row"].to_numpy(), scores, np.array(table["target"].to_pylist()))

    def write_findings(self, findings: tuple[Finding, ...]) -> None:
        """`findings.jsonl`, one a line."""
        lines = [finding.model_dump_json() for finding in findings]
        self.write_text("findings.jsonl", "".join(line + "\n" for line in lines))

    def read_findings(self) -> tuple[Finding, ...]:
        """What `write_findings` wrote."""
        if not self.has("findings.jsonl"):
            return ()
        lines = (self.path / "findings.jsonl").read_text(encoding="utf-8").splitlines()
        return tuple(Finding(**json.loads(line)) for line in lines)

    def write_ledger(self, ledger: tuple[Cure, ...]) -> None:
        """`ledger.jsonl`: the repairs that were tried, one a line."""
        self.write_text("ledger.jsonl", "".join(cure.model_dump_json() + "\n" for cure in ledger))

    def read_ledger(self) -> tuple[Cure, ...]:
        """What `write_ledger` wrote."""
        if not self.has("ledger.jsonl"):
            return ()
        lines = (self.path / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
        return tuple(Cure(**json.loads(line)) for line in lines)

    def write_seconds(self, spent: float) -> None:
        """Remember the seconds that the run has used so far."""
        self.write_json("clock.json", {"seconds": spent, "trace_seconds": self._trace_seconds()})

    def seconds_spent(self) -> float:
        """Seconds used by earlier sessions: as last remembered, and the training since then."""
        if not self.has("clock.json"):
            return 0.0
        clock = self.read_json("clock.json")
        since = max(0.0, self._trace_seconds() - float(clock["trace_seconds"]))
        return float(clock["seconds"]) + since

    def _trace_seconds(self) -> float:
        trace = read_trace(self.path / "trace.jsonl")
        return trace.steps[-1].seconds if trace.steps else 0.0

    def count_opening(self) -> int:
        """Record that the test labels are about to be read; returns how often that was, this one included."""
        if self.writes:
            with (self.path / "test_openings.jsonl").open("a") as file:
                file.write(json.dumps({"time": time.time()}) + "\n")
        return self.openings()

    def openings(self) -> int:
        """How often the test part was opened."""
        path = self.path / "test_openings.jsonl"
        return len(path.read_text().splitlines()) if path.is_file() else 0


def estimates_to_json(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, float]]:
    """`{metric: {"value", "low", "high"}}`."""
    return {name: {"value": one.value, "low": one.low, "high": one.high} for name, one in estimates.items()}


def estimates_from_json(content: dict[str, dict[str, float]]) -> dict[str, Estimate]:
    """The reverse of `estimates_to_json`."""
    return {name: Estimate(**one) for name, one in content.items()}
