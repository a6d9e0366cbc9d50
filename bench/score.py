"""Score the test part with the model of a finished run: `score.py RUN SCORES.npz` prints its metrics.

All of the test part: a run with too little time looks at a sample of it only, and the baselines at all.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from setting import keep_scores

from upfit.journey.runs import data_of
from upfit.journey.saved_model import SavedModel
from upfit.split.make import make_split
from upfit.store import RunFolder


def main(run: str, out: str) -> None:
    """Load, score, keep, print."""
    folder = RunFolder.open(Path(run))
    data = data_of(folder)
    rows = make_split(data, seed=folder.read_recipe().seed).test
    scores = SavedModel.load(folder.path / "model").scores(data, rows)
    print(json.dumps({"test": keep_scores(Path(out), data, rows, scores)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
