"""A run of every task, built once."""

import pytest

from . import runs


@pytest.fixture(scope="session")
def digits():
    return runs.digits_run()


@pytest.fixture(scope="session")
def every_task(digits):
    """{task: (run, data)}."""
    return {
        "multiclass": digits,
        "binary": runs.text_run(),
        "regression": runs.regression_run(),
        "multilabel": runs.multilabel_run(),
    }


@pytest.fixture
def environment():
    return runs.ENVIRONMENT
