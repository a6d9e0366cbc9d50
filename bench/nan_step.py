"""A NaN at step 37 of a real run: taken back and finished, the same when killed; named when only detecting.

    python bench/nan_step.py                  # about 5 minutes; writes bench/results/nan_step.md

The default recipe on sentences of docstrings with the packaged text model, 50 steps of 8 examples. A layer in
the middle takes the logarithm of -1 whenever the batch of step 37 comes by (as a broken kernel or an overflow
would). Each run is a process of its own; `killed` ends itself with SIGKILL after step 42 and is resumed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from common import (
    RAW,
    RESULTS,
    append_line,
    machine,
    machine_line,
    markdown_table,
    packaged_data,
    read_lines,
    run_child,
    script,
    write_result,
)

LINES = RAW / "nan_step.jsonl"
STEP, STEPS, KILLED = 37, 50, 42
LAYER = "backbone.net.encoder.layer.2"


def child(data: Path, folder: Path, mode: str) -> dict[str, Any]:
    """One run, or what is left of it."""
    import torch
    from setting import lay_out

    from upfit.data.read import read
    from upfit.errors import TrainingError
    from upfit.store.feature_cache import tensors_digest
    from upfit.train.feed import feed_of
    from upfit.train.settle import settle_techniques
    from upfit.train.stages import fresh_network, validation_measure
    from upfit.train.tune import Places, Plan, tune
    from upfit.values import Change, Recipe

    watch = Change(path="watch", to="detect" if mode == "detect" else "repair")
    recipe = Recipe().apply(watch, Change(path="batching.size", to=8))
    bench, backbone = lay_out(read(data), folder, recipe=recipe)
    bench = bench.with_recipe(settle_techniques(bench.recipe, STEPS))
    network = fresh_network(bench, backbone)
    feed = feed_of(bench, network)
    epoch, start = divmod(STEP - 1, len(feed.source))
    bad = set(next(islice(feed.source.epoch(epoch, start=start), 1))["position"].tolist())
    seen = {"bad": False, "steps": 0}

    def note(_module: Any, given: Any) -> None:
        training = torch.is_grad_enabled() and "position" in given[0]
        seen["bad"] = training and mode != "healthy" and set(given[0]["position"].tolist()) == bad

    def spoil(_module: Any, _given: Any, output: Any) -> Any:
        if not seen["bad"]:
            return output
        first = output[0] if isinstance(output, tuple) else output
        spoilt = first + torch.log(torch.full_like(first, -1.0))
        return (spoilt, *output[1:]) if isinstance(output, tuple) else spoilt

    network.register_forward_pre_hook(note)
    network.get_submodule(LAYER).register_forward_hook(spoil)
    trace = folder / "trace.jsonl"

    def kill() -> bool:
        steps = trace.read_text().count('"kind_of_record": "step"') if trace.is_file() else 0
        if mode == "killed" and steps >= KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    try:
        tuned = tune(
            bench.recipe,
            feed.model,
            feed.groups,
            source=feed.source,
            loss=bench.objective.loss(bench.recipe.loss),
            measure=validation_measure(bench, feed.validation),
            metric="accuracy",
            plan=Plan(STEPS, 20, STEPS),
            world=bench.world,
            watcher=bench.watcher,
            places=Places(folder, 5.0, kill),
            moved=feed.moved,
        )
    except TrainingError as error:
        return {"said": error.message}
    events = [one for one in tuned.trace.events if one.kind == "rolled_back"]
    return {
        "steps": len(tuned.trace.steps),
        "accuracy": max(one.metrics["accuracy"] for one in tuned.trace.evaluations),
        "said": "; ".join(one.text for one in events),
        "weights": tensors_digest(tuned.weights)[:12],
        "resumed": sum(one.kind == "resumed" for one in tuned.trace.events),
    }


RUNS = {
    "repair": ["repair"],
    "repair, killed and resumed": ["killed", "repair"],
    "detect": ["detect"],
    "without the NaN": ["healthy"],
}
"""Line of the table → the processes that it takes."""


def rows_of(data: str, places: Path, only: str) -> Iterator[list[str]]:
    """The runs whose name has `only` in it, a line each."""
    for name, modes in RUNS.items():
        if only not in name:
            continue
        folder = places / name.replace(" ", "-").replace(",", "")
        folder.mkdir()
        runs = [run_child(script("nan_step.py", "--child", data, folder, mode)) for mode in modes]
        if modes[0] == "killed" and runs[0].code != -signal.SIGKILL:
            raise SystemExit("the run that should be killed ended by itself")
        found = runs[-1].json()
        yield [
            name,
            str(found.get("steps", "–")),
            f"{found['accuracy']:.3f}" if "accuracy" in found else "–",
            found.get("weights", "–"),
            found["said"] or "–",
        ]


def main() -> None:
    """Run the children, write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=40, help="examples per class")
    parser.add_argument("--only", default="", help="runs with this in their name; the others' lines stay")
    parser.add_argument("--child", nargs=3, metavar=("DATA", "FOLDER", "MODE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        data, folder, mode = args.child
        print(json.dumps(child(Path(data), Path(folder), mode)))
        return
    about = machine()
    head = ["run", "steps recorded", "best accuracy", "weights (digest)", "what the trace or the error says"]
    intro = "\n".join(str(__doc__).splitlines()[4:]).strip()
    command = f"python bench/nan_step.py --rows {args.rows}"
    text = f"## A NaN at step {STEP}\n\n{intro}\n\nCommand: `{command}`. {machine_line(about)}\n\n"
    with tempfile.TemporaryDirectory() as aside:
        for row in rows_of(packaged_data("text", aside, args.rows), Path(aside), args.only):
            append_line(LINES, {"rows": args.rows, "line": row})
            # After each line: a run that is cut off leaves what it found.
            known = {one["line"][0]: one["line"] for one in read_lines(LINES) if one["rows"] == args.rows}
            ordered = [known[name] for name in RUNS if name in known]
            write_result(RESULTS / "nan_step.md", text + markdown_table(head, ordered))


if __name__ == "__main__":
    main()
