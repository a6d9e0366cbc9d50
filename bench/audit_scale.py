"""What an audit of many rows costs: processor seconds a check and peak memory, half the rows beside it.

    python bench/audit_scale.py text 100000
    python bench/audit_scale.py image 20000 --features 500

Rows are made from real ones: a text is two to three sentences of hwu64 of one intent behind one another, an
image a crop of one of clothing_small, mirrored or not, in another light. Each audit runs in a process of its
own. `--features` caps the rows that get features (the command's own cap is 20,000, whatever the size of the
data, so that this part does not grow with it). `--made FOLDER` keeps the rows for another time;
`--alone` leaves out half the rows. Results go to `results/audit_scale.md`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import (
    DATA,
    RESULTS,
    machine,
    machine_line,
    markdown_table,
    read_lines,
    run_child,
    script,
    write_lines,
    write_section,
)

RAW = RESULTS / "audit_scale.jsonl"
NOTE = """Processor seconds (a shared core does not change them), each audit in a process of its own with an
empty cache. The ratio is of what grows with the rows: all but loading libraries and features."""
SLOWEST = 6
"""Stages that a line of the table names."""


def write_texts(folder: Path, rows: int) -> Path:
    """A CSV of so many texts made of real ones."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    real = pd.read_csv(DATA / "hwu64" / "train.csv")
    column, target = real.columns[0], real.columns[-1]
    groups = {name: group[column].to_numpy() for name, group in real.groupby(target)}
    names = np.array(list(groups))
    labels = names[rng.integers(0, len(names), rows)]
    texts = [". ".join(rng.choice(groups[name], int(rng.integers(2, 4)))) for name in labels]
    path = folder / "texts.csv"
    pd.DataFrame({"text": texts, "label": labels}).to_csv(path, index=False)
    return path


def write_images(folder: Path, rows: int) -> Path:
    """A folder of class folders of so many images made of real ones."""
    import numpy as np
    from PIL import Image, ImageEnhance, ImageOps

    rng = np.random.default_rng(0)
    real = sorted((DATA / "clothing_small" / "train").rglob("*.jpg"))
    for number in range(rows):
        path = real[number % len(real)]
        target = folder / "images" / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        side = float(rng.uniform(0.6, 0.95))
        width, height = int(side * image.width), int(side * image.height)
        left, top = (int(rng.integers(0, 1 + most)) for most in (image.width - width, image.height - height))
        image = image.crop((left, top, left + width, top + height))
        image = ImageOps.mirror(image) if rng.random() < 0.5 else image
        image = ImageEnhance.Brightness(image).enhance(float(rng.uniform(0.7, 1.3)))
        image.save(target / f"{number:06}.jpg", quality=85)
    return folder / "images"


def audit_in_this_process(source: str, features: int) -> dict[str, Any]:
    """Processor seconds of every stage of an audit."""
    from upfit.curate.audit import audit
    from upfit.values import Silent

    class Clocked(Silent):
        """Notes when each stage began."""

        def __init__(self) -> None:
            self.began = [("loading libraries", 0.0)]

        def stage(self, name: str) -> None:
            """A stage begins."""
            self.began.append((name, time.process_time()))

    watcher = Clocked()
    found = audit(source, rows=features, watcher=watcher)
    ends = [*(moment for _, moment in watcher.began[1:]), time.process_time()]
    spent = {name: round(end - start, 2) for (name, start), end in zip(watcher.began, ends, strict=True)}
    return {
        "rows": len(found.data),
        "stages": spent,
        "total": sum(spent.values()),
        "kinds": len(found.findings),
    }


def made(kind: str, rows: int, folder: Path) -> Path:
    """So many rows, made if they are not there."""
    found = folder / ("texts.csv" if kind == "text" else "images")
    if found.exists():
        return found
    folder.mkdir(parents=True, exist_ok=True)
    return (write_texts if kind == "text" else write_images)(folder, rows)


def measure(kind: str, rows: int, features: int, keep: Path | None) -> dict[str, Any]:
    """One audit in a child process."""
    with tempfile.TemporaryDirectory() as folder:
        source = made(kind, rows, keep / f"{kind}-{rows}" if keep else Path(folder))
        cache = {"UPFIT_CACHE": str(Path(folder) / "cache")}
        child = run_child(script("audit_scale.py", "--worker", source, "--features", features), cache)
    if child.code:
        raise SystemExit(child.code)
    return {
        "kind": kind,
        "asked": rows,
        "features": features,
        "seconds": child.seconds,
        "peak_mb": child.peak_rss_mb,
        **child.json(),
    }


def table(records: list[dict[str, Any]]) -> str:
    """The results as Markdown, each beside half its rows."""
    head = ("data", "rows", "with features", "processor s", "without features", "× half the rows", "peak MiB")
    head = (*head, "dearest stages (processor s)")
    lines = []
    for one in sorted(records, key=lambda one: (one["kind"], one["asked"])):
        half = [
            other
            for other in records
            if (other["kind"], other["features"]) == (one["kind"], one["features"])
            and 2 * other["asked"] == one["asked"]
        ]
        ratio = f"{_rest(one) / _rest(half[0]):.2f}" if half else "–"
        dearest = sorted(one["stages"].items(), key=lambda item: -item[1])[:SLOWEST]
        lines.append(
            (
                one["kind"],
                f"{one['rows']:,}",
                f"{one['features']:,}",
                f"{one['total']:.0f}",
                f"{_rest(one):.0f}",
                ratio,
                f"{one['peak_mb']:,.0f}",
                ", ".join(f"{name} {seconds:.1f}" for name, seconds in dearest),
            )
        )
    return markdown_table(head, lines)


def _rest(one: dict[str, Any]) -> float:
    """Processor seconds that grow with the rows: without loading libraries, and without features."""
    left_out = ("loading libraries", "features of the frozen backbone")
    return sum(spent for name, spent in one["stages"].items() if name not in left_out)


def main() -> None:
    """Measure a size and its half, then write the table of everything measured so far."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", nargs="?", choices=["text", "image"])
    parser.add_argument("rows", nargs="?", type=int)
    parser.add_argument("--features", type=int, default=2000)
    parser.add_argument("--made", type=Path)
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--worker")
    given = parser.parse_args()
    if given.worker:
        print(json.dumps(audit_in_this_process(given.worker, given.features)))
        return
    if given.kind is None:
        print(table(read_lines(RAW)))
        return
    for rows in (given.rows,) if given.alone else (given.rows // 2, given.rows):
        fresh = measure(given.kind, rows, given.features, given.made)
        same = ("kind", "asked", "features")
        kept = [one for one in read_lines(RAW) if any(one[name] != fresh[name] for name in same)]
        write_lines(RAW, [*kept, fresh])
        text = f"# Audit: what many rows cost\n\n`python bench/audit_scale.py {' '.join(sys.argv[1:])}`\n\n"
        text += NOTE + "\n\n"
        write_section(
            RESULTS / "audit_scale.md", "", text + table(read_lines(RAW)) + "\n\n" + machine_line(machine())
        )


if __name__ == "__main__":
    main()
