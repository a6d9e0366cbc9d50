"""The page over suspects that a test names, in a process of its own: python server.py FOLDER.

FOLDER holds `about.json`: {"data": …, "suspects": [[row, kind, to, like], …], or null for all rows}. The
address is the only line on stdout.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from upfit.data.read import read
from upfit.review.app import application
from upfit.review.desk import Desk
from upfit.review.pictures import Pictures, roots_of
from upfit.review.reasons import Reason, gathered
from upfit.review.retrain import Plan, Retraining
from upfit.review.serve import listen, serve
from upfit.store.corrections_file import Ledger
from upfit.values.corrections import Corrections


def _load(folder: Path):
    from upfit.journey.runs import (
        load_run,  # with it comes torch, which a page without training does not need
    )

    return load_run(folder)


def main(folder: Path) -> None:
    about = json.loads((folder / "about.json").read_text())
    data = read(about["data"], **about.get("reading", {}))
    named = about.get("suspects") or [[row, "label", None, []] for row in range(len(data))]
    found = [
        (row, Reason(kind, f"planted {kind}", -at, to, tuple(like)))
        for at, (row, kind, to, like) in enumerate(named)
    ]
    header = Corrections(fingerprint=data.fingerprint, target=data.schema.target[0], source=data.source)
    ledger = Ledger(folder / "corrections.jsonl", header)
    request = {"data": about["data"], **about.get("request", {})}
    desk = Desk(data, gathered(found, open_rows=range(len(data))), ledger, by="ada")
    retraining = Retraining(Plan(request, ledger.path, folder / "runs"), _load)
    app = application(desk, Pictures(data, roots_of(request)), retraining)
    serve(app, listen(0), opens=False, announce=lambda address: print(address, flush=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
