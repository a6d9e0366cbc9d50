"""Does `upfit augment` refuse what changes labels, and is its policy never worse than none?

    python bench/augment.py verdicts digits omniglot136 clothing_small hwu64_5shot
    python bench/augment.py wholes digits omniglot136 clothing_small hwu64_5shot --rows 200
    python bench/augment.py heads digits omniglot136 clothing_small hwu64_5shot
    python bench/augment.py runs digits --epochs 4 --seeds 2

`verdicts` runs the command on the training part. `wholes` judges the policies anew that it tried as a whole.
`heads` compares linear heads on frozen features that learnt
from the training rows alone, and from them and four variations of each by the chosen policy, on the same
held-out rows. `runs` compares whole runs with the policy and without, of the same seeds and lengths, on the
same test rows. Results go to `results/augment.md` as they come; what is there already is not repeated.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, SETS, append_line, machine, machine_line, markdown_table, read_lines, write_result

from upfit.curate.augmentation import augment, ground_of
from upfit.curate.embedding import embedder
from upfit.data.read import read
from upfit.data.targets import targets
from upfit.measure import paired_gain
from upfit.split.make import make_split
from upfit.testing import digits_folder
from upfit.train.label_keeping import varied_by
from upfit.train.objective import Objective
from upfit.train.probe import fit_probe
from upfit.train.whole_policy import together
from upfit.values import Change, Data, Silent, Transform

RAW = RESULTS / "augment.jsonl"
HEAD_ROWS, HELD, COPIES = 600, 1000, 4
"""Rows that heads learn from and are judged on, and variations of each."""


class Said(Silent):
    """Prints stages."""

    def stage(self, name: str) -> None:
        """A stage begins."""
        print(name, flush=True)


def data_of(name: str, folder: Path) -> Data:
    """A shared set, or scikit-learn's digits as the demo has them."""
    return read(str(digits_folder(folder / "digits"))) if name == "digits" else read(**SETS[name].reading())


def verdicts(name: str, data: Data, rows: int) -> list[dict[str, Any]]:
    """One record: what `upfit augment` says."""
    found = augment(data, rows=rows, watcher=Said())
    return [{"what": "verdicts", "set": name, **found.to_dict()}]


def wholes(name: str, data: Data, rows: int) -> list[dict[str, Any]]:
    """One record: what the policies that `verdicts` tried as a whole earn, by today's rule."""
    known = next(one for one in read_lines(RAW) if (one["what"], one["set"]) == ("verdicts", name))
    ground = ground_of(data, make_split(data, seed=0), rows=rows, seed=0, watcher=Said())
    policies = [tuple(Transform.model_validate(each) for each in one["policy"]) for one in known["together"]]
    tried = [together(ground, policy) for policy in policies]
    chosen = next((one.policy for one in tried if one.pays), ())
    return [
        {
            "what": "wholes",
            "set": name,
            "policy": [each.model_dump() for each in chosen],
            "tried": [
                {
                    "strength": "strongest" if one is tried[0] else "weakest",
                    "gain": list(vars(one.gain).values()),
                    "held": None if one.held is None else list(vars(one.held).values()),
                    "rows": 0 if ground.held is None else len(ground.held.targets),
                    "pays": one.pays,
                }
                for one in tried
            ],
        }
    ]


def heads(name: str, data: Data) -> list[dict[str, Any]]:
    """One record: heads that learnt from variations too, against heads that did not."""
    policy = policy_known(name)
    if not policy:
        return []
    split = make_split(data, seed=0)
    rng = np.random.default_rng(0)
    learnt = np.sort(rng.permutation(split.train)[:HEAD_ROWS])
    held = np.sort(rng.permutation(np.concatenate([split.validation, split.test]))[:HELD])
    backbone = embedder(data)
    assert backbone is not None
    known, true = targets(data, learnt), targets(data, held)
    plain, judged = backbone.features(learnt), backbone.features(held)
    varied = [
        varied_by(backbone.bench, backbone.backbone, learnt, policy, view=view) for view in range(COPIES)
    ]
    objective = Objective.of(data.schema.task, known, data.schema.classes)
    outputs = data.schema.outputs
    alone = fit_probe(plain, known, objective, outputs=outputs)
    # Folds that hold copies of one another would choose far too weak a penalty: it is that of the plain rows,
    # and five views of a row count as one row.
    both = fit_probe(
        np.concatenate([plain, *varied]),
        np.tile(known, 1 + COPIES),
        objective,
        outputs=outputs,
        firmness=alone.firmness,
        weights=np.full((1 + COPIES) * len(known), 1 / (1 + COPIES)),
    )
    scores = [objective.scores(probe.logits(judged)) for probe in (both, alone)]
    return [
        {
            "what": "heads",
            "set": name,
            "rows": len(learnt),
            "held": len(held),
            "none": float((scores[1].argmax(1) == true).mean()),
            **{
                metric: list(vars(paired_gain(data.schema.task, metric, *scores, true)).values())
                for metric in ("accuracy", "log_loss")
            },
        }
    ]


def runs(name: str, data: Data, *, epochs: float, seed: int) -> list[dict[str, Any]]:
    """One record: a whole run with the policy against one without."""
    import upfit

    policy = policy_known(name)
    if not policy:
        return []
    length = Change(path="stopping.epochs", to=epochs)
    scores, settings = [], {"policy": [one.model_dump() for one in policy] or "none", "none": "none"}
    for how in ("policy", "none"):
        changes = [length, Change(path="augment.policy", to=settings[how])]
        with tempfile.TemporaryDirectory() as folder:
            run = upfit.fit(data.source, changes=changes, seed=seed, out=Path(folder) / "run")
            assert run.predictions is not None
            scores.append(run.predictions)
    gain = paired_gain(data.schema.task, "accuracy", scores[0].scores, scores[1].scores, scores[0].targets)
    none = float((scores[1].scores.argmax(1) == scores[1].targets).mean())
    held = len(scores[0].targets)
    return [
        {
            "what": f"run, {epochs:g} epochs",
            "set": name,
            "seed": seed,
            "held": held,
            "none": none,
            "accuracy": [gain.value, gain.low, gain.high],
        }
    ]


def policy_known(name: str) -> tuple[Transform, ...]:
    """The policy that `wholes` chose, or `verdicts` where that was not asked."""
    for one in read_lines(RAW):
        if (one["what"], one["set"]) == ("wholes", name):
            return tuple(Transform.model_validate(each) for each in one["policy"])
    for one in read_lines(RAW):
        if (one["what"], one["set"]) == ("verdicts", name):
            return tuple(Transform.model_validate(each) for each in one["policy"])
    raise SystemExit(f"run `verdicts {name}` first")


def report(records: list[dict[str, Any]]) -> str:
    """All results as Markdown."""
    found = [one for one in records if "trials" in one]
    wholes = [one for one in records if "tried" in one]
    compared = [one for one in records if "trials" not in one and "tried" not in one]
    tables = ("## What is accepted", _accepted(found), "## The policy as a whole", _wholes(wholes))
    tables = (*tables, "## The policy against none", _compared(compared, _refused(wholes)))
    return "\n\n".join(tables)


def _accepted(records: list[dict[str, Any]]) -> str:
    head = ("set", "varied", "transform", "verdict", "metric before, and change (95 %)", "answers the same")
    head = (*head, "gain of heads that learn from it (95 %)")
    lines = []
    for one in records:
        for trial in one["trials"]:
            value, low, high = trial["loss"]
            loss = f"{trial['before']:.3f}, {value:+.3f} ({low:+.3f} to {high:+.3f})"
            same = "–" if trial["same"] is None else f"{trial['same'][0]:.3f}"
            name = f"{trial['transform']} {trial['tried']:g}"
            lines.append(
                (one["set"], one["varied"], name, trial["verdict"], loss, same, _range(trial["gain"]))
            )
    return markdown_table(head, lines)


def _wholes(records: list[dict[str, Any]]) -> str:
    head = ("set", "policy", "gain in log-loss, training rows out of fold (95 %)")
    head = (*head, "on validation (95 %)", "validation rows", "used")
    lines = [
        (
            one["set"],
            each["strength"],
            _range(each["gain"]),
            _range(each["held"]),
            each["rows"],
            "yes" if each["pays"] else "no",
        )
        for one in records
        for each in one["tried"]
    ]
    return markdown_table(head, lines)


def _refused(wholes: list[dict[str, Any]]) -> set[str]:
    """Sets of which no policy is used: what was measured of one there, is of one that is not used today."""
    return {one["set"] for one in wholes if not one["policy"]}


def _compared(records: list[dict[str, Any]], refused: set[str]) -> str:
    head = ("set", "policy", "model", "seed", "held out", "accuracy with none", "gain of the policy (95 %)")
    head = (*head, "gain in log-loss (95 %)")
    lines = [
        (
            one["set"],
            "refused: none is used" if one["set"] in refused else "used",
            one["what"] if "rows" not in one else f"head on {one['rows']} rows",
            one.get("seed", "–"),
            one["held"],
            f"{one['none']:.3f}",
            _range(one["accuracy"]),
            _range(one.get("log_loss")),
        )
        for one in records
    ]
    return markdown_table(head, lines)


def _range(ends: list[float] | None) -> str:
    return "–" if ends is None else f"{ends[0]:+.3f} ({ends[1]:+.3f} to {ends[2]:+.3f})"


def main() -> None:
    """Measure what is missing, then write the tables of everything measured so far."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["verdicts", "wholes", "heads", "runs"])
    parser.add_argument("sets", nargs="+", choices=["digits", *SETS])
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--epochs", type=float, default=4)
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    for name in given.sets:
        with tempfile.TemporaryDirectory() as folder:
            data = data_of(name, Path(folder))
            for seed in range(given.seeds if given.what == "runs" else 1):
                what = f"run, {given.epochs:g} epochs" if given.what == "runs" else given.what
                if any(
                    (one["what"], one["set"], one.get("seed", 0)) == (what, name, seed)
                    for one in read_lines(RAW)
                ):
                    continue
                if given.what == "verdicts":
                    fresh = verdicts(name, data, given.rows)
                elif given.what == "wholes":
                    fresh = wholes(name, data, given.rows)
                elif given.what == "heads":
                    fresh = heads(name, data)
                else:
                    fresh = runs(name, data, epochs=given.epochs, seed=seed)
                for one in fresh:
                    append_line(RAW, one)
                text = "# Augmentation: what is accepted, and what the policy earns\n\n"
                text += "`python bench/augment.py verdicts|wholes|heads|runs SET …`\n\n"
                text += report(read_lines(RAW)) + "\n\n" + machine_line(machine())
                write_result(RESULTS / "augment.md", text)


if __name__ == "__main__":
    main()
