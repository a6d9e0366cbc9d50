"""`upfit diagnose`: what is said where there is nothing to see."""

from __future__ import annotations

from upfit.diagnose.command import ONLY_PROBE, explain
from upfit.store import RunFolder


def _folder(path, *, over):
    folder = RunFolder.create(path)
    (path / "trace.jsonl").write_text("")
    if over:
        folder.write_json("result.json", {})
    folder.unlock()
    return path


def test_a_run_that_fitted_a_probe_alone_is_called_that(tmp_path):
    assert explain(_folder(tmp_path / "run", over=True), None).startswith(ONLY_PROBE)


def test_of_a_run_that_has_just_begun_nothing_is_said(tmp_path):
    said = explain(_folder(tmp_path / "run", over=False), None)
    assert said.startswith("Nothing was measured")
