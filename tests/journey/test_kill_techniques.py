"""`kill -9` amid a run with many techniques at once on text: it ends with the very same weights."""

from __future__ import annotations

import pytest

SHORT = {
    "batching.size": 8,
    "stopping.steps": 10,
    "stopping.evaluations": 3,
    "stopping.patience": None,
    "inputs.max_length": 16,
    "precision": "fp32",
    "layers.dropout": 0.2,
    "head.dropout": 0.1,
}
TOGETHER = {
    "techniques.sam": {"rho": 0.05},
    "techniques.swa": {"start": 0.4, "every": 2},
    "techniques.r_drop": {"alpha": 1.0},
    "techniques.mixup_features": {"alpha": 0.4},
    "techniques.neftune": {"alpha": 5.0},
    "techniques.stochastic_depth": {"rate": 0.2},
    "techniques.l2_sp": {"strength": 0.01},
    "techniques.gradient_noise": {"strength": 0.1},
}
RUNS = {
    "restarts": TOGETHER | {"schedule.name": "cosine_restarts", "schedule.cycles": 2},
    "plateau": TOGETHER | {"schedule.name": "plateau", "schedule.patience": 0, "layers.train": "gradual"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_many_techniques_at_once_survive_a_kill(server, sentences, tmp_path, name):
    """On the packaged text backbone, as a user runs it."""
    task = {
        "data": str(sentences("multiclass")),
        "model": "auto",
        "changes": SHORT | RUNS[name],
        "every": 0.2,
    }
    server.survive(task, tmp_path, kills=1, seed=4)
