"""Given parts that hold the same pictures: with `repair_splits` none of the test part is trained on."""

from __future__ import annotations

import shutil

import pytest

import upfit
from upfit.testing import digits_folder

LEAKED = 3
"""Test pictures of each digit that are training pictures too."""


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    """Real digits in three parts; of each class some test pictures lie in train as well."""
    home = tmp_path_factory.mktemp("parts")
    for folder in sorted(digits_folder(home / "digits", per_class=20).iterdir()):
        pictures = sorted(folder.iterdir())
        test = pictures[16:]
        for part, names in (
            ("train", pictures[:12] + test[:LEAKED]),
            ("val", pictures[12:16]),
            ("test", test),
        ):
            place = home / "parted" / part / folder.name
            place.mkdir(parents=True)
            for name in names:
                shutil.copy(name, place / name.name)
    return home / "parted"


def _held_by_both(run, data) -> int:
    """Training rows whose pixels a validation or test row has too."""
    pixels = upfit.read(data).table["__pixels__"]
    held = {pixels[int(row)] for row in (*run.split.validation, *run.split.test)}
    return sum(pixels[int(row)] in held for row in run.split.train)


def test_leaking_rows_are_told_of_and_left_out_on_request(leaking, tmp_path, quickly):
    asked = {"changes": quickly(layers__train="head"), "seed": 1}
    plain = upfit.fit(leaking, out=tmp_path / "plain", **asked)
    assert _held_by_both(plain, leaking) == 10 * LEAKED
    (told,) = [one.message for one in plain.findings if one.kind == "data_leakage"]
    assert told.startswith("30 of 40 test rows are also in train")
    repaired = upfit.fit(leaking, out=tmp_path / "repaired", repair_splits=True, **asked)
    assert _held_by_both(repaired, leaking) == 0
    assert len(repaired.split.test) == len(plain.split.test) == 40
    assert len(repaired.split.train) <= len(plain.split.train) - 10 * LEAKED
    assert "leaking rows left out" in repaired.split.how
    assert not [one for one in repaired.findings if one.kind == "data_leakage"]
