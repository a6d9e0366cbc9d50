"""Logging to a real local MLflow store."""

import dataclasses
import sys

import pytest

from upfit.errors import MissingExtraError, RunFolderError
from upfit.report.mlflow import check_mlflow, log_run, parameters

from .runs import digits_run


@pytest.fixture
def client_of():
    tracking = pytest.importorskip("mlflow.tracking", reason="mlflow is an extra that is not installed")
    return lambda uri: tracking.MlflowClient(tracking_uri=uri)


def test_a_run_is_logged_whole(client_of, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "report.html").write_text("<p>report</p>")
    (folder / "model_card.md").write_text("# card")
    run, _ = digits_run(folder=folder)
    uri = (tmp_path / "mlruns").as_uri()
    check_mlflow(uri)
    key = log_run(run, uri)
    client = client_of(uri)
    logged = client.get_run(key)
    assert logged.info.status == "FINISHED"
    assert logged.info.run_name == "run"
    assert logged.data.params["optimizer.lr"] == "auto"
    assert logged.data.params["techniques.clip.norm"] == "1.0"
    accuracy = run.test["accuracy"]
    assert logged.data.metrics["final_test/accuracy"] == pytest.approx(accuracy.value)
    assert logged.data.metrics["final_test/accuracy_low"] == pytest.approx(accuracy.low)
    losses = client.get_metric_history(key, "train/loss")
    assert [one.step for one in losses] == list(range(1, 241))
    assert {one.path for one in client.list_artifacts(key)} == {"report.html", "model_card.md"}


def test_two_runs_share_the_experiment(client_of, tmp_path, digits):
    run, _ = digits
    uri = (tmp_path / "mlruns").as_uri()
    first, second = log_run(run, uri), log_run(dataclasses.replace(run, test=None), uri)
    client = client_of(uri)
    assert client.get_run(first).info.experiment_id == client.get_run(second).info.experiment_id


def test_an_address_that_cannot_be_used_is_refused_before_training(client_of):
    with pytest.raises(RunFolderError, match="MLflow cannot use 'gopher://x'"):
        check_mlflow("gopher://x")


def test_without_mlflow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow.tracking", None)
    with pytest.raises(MissingExtraError, match=r"upfit\[mlflow\]"):
        check_mlflow()


def test_parameters_are_flat_text(digits):
    found = parameters(digits[0])
    assert found["seed"] == "0"
    assert all(isinstance(value, str) and "{" not in value for value in found.values())
