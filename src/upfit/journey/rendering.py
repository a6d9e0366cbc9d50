"""Write the report of a finished run again, from what its folder holds."""

from __future__ import annotations

from pathlib import Path

from upfit.errors import InputError
from upfit.journey.runs import data_of, load_run
from upfit.report.card import model_card
from upfit.report.html import html_report
from upfit.store import RunFolder
from upfit.values import Data


def rewrite_report(path: Path) -> Path:
    """Render `report.html` and `model_card.md` anew and return the report's path.

    Where the data are gone or have changed, the report is made without their thumbnails and texts.

    Raises:
        RunFolderError: Not a run folder, of a newer version, or not finished.
    """
    run = load_run(path)
    folder = RunFolder.open(path)
    environment = folder.read_json("environment.json")
    folder.write_text("report.html", html_report(run, _data_if_there(folder), environment=environment))
    folder.write_text("model_card.md", model_card(run))
    return path / "report.html"


def _data_if_there(folder: RunFolder) -> Data | None:
    try:
        return data_of(folder)
    except InputError:
        return None
