"""Numbers with units, decimal commas and dates are found under all their writings, and made one."""

from __future__ import annotations

import numpy as np
import pytest

from upfit.audit.clean import cleaned
from upfit.audit.dates import dates
from upfit.audit.formats import formats
from upfit.audit.quantities import quantities
from upfit.data.read import read
from upfit.errors import InputError
from upfit.values import Action, Plan


@pytest.fixture(scope="module")
def mixed(sentences_frame):
    """Real sentences, each with a weight in two units, a price, and a date in two writings."""
    count = len(sentences_frame)
    grams = np.random.default_rng(0).integers(200, 9000, count)
    weights = [f"{one} g" if k % 4 == 0 else f"{one / 1000:g} kg" for k, one in enumerate(grams)]
    prices = [f"{one:,} EUR" for one in grams]
    days = [f"{1 + k % 28:02d}/03/2024" if k % 3 else f"2024-03-{1 + k % 28:02d}" for k in range(count)]
    return sentences_frame.assign(weight=weights, price=prices, day=days), grams


def plan(data, *actions):
    return Plan(fingerprint=data.fingerprint, actions=actions)


def test_every_column_is_named_with_its_writings(mixed, subject_of):
    found = {one.actions[0].column: one for one in formats(subject_of(mixed[0], target="label"))}
    assert set(found) == {"weight", "price", "day"}
    assert "kg (180), g (60)" in found["weight"].message
    assert "2 ways: 31/01/2024 (160), 2024-01-31 (80)" in found["day"].message
    assert not any(one.actions[0].doubtful for one in found.values())


def test_prose_numbers_and_codes_are_left_alone(sentences_frame, subject_of):
    count = len(sentences_frame)
    frame = sentences_frame.assign(
        plain=np.arange(count) / 7,
        flat=[f"{1 + k % 40}{'ABCDEFGHJKLM'[k % 12]}" for k in range(count)],
        term=["36 months", "60 months"] * (count // 2),
        day=[f"2024-03-{1 + k % 28:02d}" for k in range(count)],
    )
    assert not formats(subject_of(frame, target="label"))


def test_the_plan_makes_one_unit_and_one_writing(mixed, subject_of):
    frame, grams = mixed
    subject = subject_of(frame, target="label")
    actions = [action for one in formats(subject) for action in one.actions]
    found = cleaned(subject.data, plan(subject.data, *actions))
    assert found["weight"].to_numpy() == pytest.approx(grams / 1000)
    assert found["price"].to_numpy() == pytest.approx(grams)
    assert found["day"][:3].tolist() == ["2024-03-01", "2024-03-02", "2024-03-03"]
    assert "weight" in read(found.drop(columns="__part__"), target="label").schema.of_kind("number")


def test_marks_mean_what_the_column_shows():
    assert quantities(["3,50", "12,25", "1.200,00"]).values.tolist() == [3.5, 12.25, 1200]
    assert quantities(["1,200", "3,400.50"]).values.tolist() == [1200, 3400.5]
    assert quantities(["1.200.000", "3.400.000"]).values.tolist() == [1_200_000, 3_400_000]
    both = quantities(["3,50", "4.25"] * 10)
    assert both.values[:2].tolist() == [3.5, 4.25]
    assert not both.sure


def test_what_does_not_join_is_not_joined():
    assert quantities(["3 kg", "4 km"]) is None
    assert quantities(["3 EUR", "4 USD"]) is None
    assert not quantities(["3 EUR", "4"]).sure


def test_which_number_is_the_day():
    assert dates(["13/02/2024", "01/02/2024"]).values == ["2024-02-13", "2024-02-01"]
    assert dates(["02/13/2024", "02/01/2024"]).values == ["2024-02-13", "2024-02-01"]
    assert not dates(["01/02/2024", "2024-02-01"]).sure
    assert not dates(["13/02/2024", "02/13/2024"]).sure
    assert dates(["31 Jan 2024", "Feb 1, 2024"]).values == ["2024-01-31", "2024-02-01"]


def test_what_is_no_number_is_refused(mixed):
    data = read(mixed[0], target="label")
    with pytest.raises(InputError, match="'text' holds no numbers"):
        cleaned(data, plan(data, Action(do="convert", column="text", to="number")))
    with pytest.raises(InputError, match="number, date, or missing"):
        cleaned(data, plan(data, Action(do="convert", column="text", to="numbers")))


def test_years_of_two_digits():
    found = dates(["31.01.24", "2024-02-05", "28/02/98"])
    assert found.values == ["2024-01-31", "2024-02-05", "1998-02-28"]
    assert not found.sure, "10.11.12 may begin with its year"
