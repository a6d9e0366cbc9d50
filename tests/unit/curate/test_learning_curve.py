"""The verdict of a learning curve, and what is too little for one."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from upfit.curate.learning_curve import curve, curve_of
from upfit.data.read import read
from upfit.errors import InputError


@pytest.fixture(scope="module")
def iris():
    frame = load_iris(as_frame=True).frame.sample(frac=1, random_state=0)
    return frame.assign(target=[f"kind {one}" for one in frame["target"]])


def test_few_rows_are_refused(iris):
    with pytest.raises(InputError, match="training rows are too few for a curve") as refused:
        curve(iris.head(20), target="target")
    assert "expected: 20 or more" in str(refused.value)


def test_no_verdict_from_a_handful_of_validation_rows(iris):
    data = read(iris, target="target")
    features = iris.drop(columns="target").to_numpy(np.float32)
    labels = iris["target"].str[-1].astype(int).to_numpy()

    def verdict(held):
        found = curve_of(data, (features[:90], labels[:90]), (features[-held:], labels[-held:]))
        return " ".join(found.sentences())

    assert "5 validation rows are too few to tell" in verdict(5)
    assert "too few" not in verdict(60)


def test_regression_is_told_in_shares_of_the_deviation(iris):
    numbers = iris.drop(columns="target")
    found = curve(numbers, target="petal width (cm)")
    assert found.sentences()[0].startswith("off by ")
    assert " % of the target's deviation with " in found.sentences()[0]
