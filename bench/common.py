"""What all benchmarks share: the sets, child processes with their peak memory, results on disk.

Nothing heavy is imported here, so that a script can start children while it is small itself.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "bench"
RESULTS = BENCH / "results"
RAW = RESULTS / "raw"
DATA = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class BenchSet:
    """A data set of `../shared/data`, as a user names it on the command line.

    Args:
        name: What the tables call it.
        folder: Below `../shared/data`; read whole where `parts` is empty.
        parts: train / validation / test → file in that folder.
        target: The column to predict, where it is not `label`.
    """

    name: str
    folder: str
    parts: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None

    def flags(self) -> list[str]:
        """Arguments of `upfit fit`."""
        home = DATA / self.folder
        given = [str(home)] if not self.parts else []
        for part, file in self.parts.items():
            given += [f"--{part}", str(home / file)]
        return given + (["--target", self.target] if self.target else [])

    def reading(self) -> dict[str, Any]:
        """Arguments of `upfit.data.read.read`."""
        home = DATA / self.folder
        parts = {part: str(home / file) for part, file in self.parts.items()}
        return {"source": None if parts else str(home), "parts": parts or None, "target": self.target}


def _hwu(name: str, train: str) -> BenchSet:
    return BenchSet(name, "hwu64", {"train": train, "validation": "valid.csv", "test": "test.csv"})


TWO = {"train": "train.csv", "test": "test.csv"}
THREE = {"train": "train.csv", "validation": "valid.csv", "test": "test.csv"}
SETS = {
    one.name: one
    for one in (
        _hwu("hwu64_5shot", "train_5shot.csv"),
        _hwu("hwu64_10shot", "train_10shot.csv"),
        _hwu("hwu64", "train.csv"),
        BenchSet("yoruba_topic_realnoise", "yoruba_topic_realnoise", THREE),
        BenchSet("sms_spam_imbalanced", "sms_spam_imbalanced", TWO),
        BenchSet("complex_lcp", "complex_lcp", TWO, target="complexity"),
        BenchSet("clothing_small", "clothing_small"),
        BenchSet("omniglot136", "omniglot136"),
    )
}


@dataclass(frozen=True)
class Child:
    """A finished process: what it printed, wall seconds, peak resident memory in MiB, exit code."""

    output: str
    seconds: float
    peak_rss_mb: float
    code: int

    def json(self) -> Any:
        """The last line of its output, parsed; for a document over several lines, the whole."""
        text = self.output.strip()
        return json.loads(text if text.startswith("{\n") else text.splitlines()[-1])


def run_child(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
    """Run a command from the repository's root; what it says on stderr is shown only if it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdout=out, stderr=err, cwd=ROOT, env={**os.environ, **(environment or {})}
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            sys.stderr.write(err.read().decode(errors="replace")[-4000:])
        return Child(out.read().decode(), seconds, usage.ru_maxrss / 1024, process.returncode)


def script(name: str, *arguments: object) -> list[str]:
    """The command that runs a script of this folder."""
    return [sys.executable, str(BENCH / name), *map(str, arguments)]


def packaged_data(kind: str, folder: str, rows: int) -> str:
    """Have real data of a kind written below `folder`; returns their path."""
    child = run_child(script("setting.py", kind, folder, rows))
    if child.code:
        raise SystemExit(f"cannot write the {kind} data")
    return child.output.strip().splitlines()[-1]


def machine() -> dict[str, Any]:
    """What a measurement was made on, and how busy that was when it began."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    cores = len(os.sched_getaffinity(0))
    return {
        "cpu": name or "unknown processor",
        "cores": cores,
        "threads": int(os.environ.get("OMP_NUM_THREADS", cores)),
        "load": round(os.getloadavg()[0], 1),
        "torch": version("torch"),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def machine_line(about: Mapping[str, Any]) -> str:
    """`machine()` in a sentence."""
    return (
        f"{about['cpu']}, {about['cores']} cores, {about['threads']} threads, torch {about['torch']}; "
        f"{about['date']}, load before the start {about['load']}."
    )


def proportion(hits: int, count: int) -> str:
    """`1 of 50, 2.0 % (0.4 to 10.5)`: with the 95 % interval of the share, in percent."""
    from upfit.measure.proportions import wilson

    if count == 0:
        return "–"
    found = wilson(hits, count)
    return f"{hits} of {count}, {found.value:.1%} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval (Student's t) of values, one a seed or a round."""
    from scipy.stats import t

    mean, error = statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values))
    half = float(t.ppf(0.975, len(values) - 1)) * error
    return mean, mean - half, mean + half


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write a JSON-lines file anew."""
    path.unlink(missing_ok=True)
    for record in records:
        append_line(path, record)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSON-lines file; none where there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Add a record to a JSON-lines file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def write_result(path: Path, text: str) -> None:
    """Print a result, replace its file and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.rstrip() + "\n", encoding="utf-8")
    print(text)
    print(f"written: {path}")


def write_section(path: Path, heading: str, text: str) -> None:
    """Print a section of a page, and put it in the place of the one of that heading; else at the end."""
    sections = sections_of(path)
    sections[heading] = text.strip()
    first = sections.pop("", "")
    written = "\n\n".join([first, *(f"## {name}\n\n{body}" for name, body in sections.items())])
    write_result(path, written)


def sections_of(path: Path) -> dict[str, str]:
    """The parts of a page below each `## heading`; what stands before the first is under ""."""
    page = path.read_text(encoding="utf-8") if path.is_file() else ""
    first, *others = page.split("\n## ")
    found = {"": first.strip()}
    for one in others:
        heading, _, body = one.partition("\n")
        found[heading.strip()] = body.strip()
    return found
