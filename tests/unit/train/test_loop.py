"""The loop: resumed bit for bit, stopped and saved, early stopping, divergence, memory."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from upfit.errors import Interrupted, TrainingError
from upfit.store import Checkpoints, read_trace
from upfit.values import Change


@pytest.fixture
def text_parts(parts, sentences, small_text_model, quickly):
    """Everything random at once: dropout, EMA, clipping, length buckets."""
    changes = quickly(stopping__steps=20, layers__dropout=0.2, head__dropout=0.1, techniques__ema__every=3)
    return lambda *more: parts(sentences("multiclass"), small_text_model, (*changes, *more))


@pytest.fixture
def image_parts(parts, digits, quickly):
    """Augmented images, BatchNorm statistics that move."""
    changes = quickly(stopping__steps=6, layers__batch_norm="updated", augment__flip=True)
    return lambda *more: parts(digits, "auto", (*changes, *more))


def test_text_stopped_and_resumed_ends_with_the_very_same_weights(text_parts, tmp_path, stop_after, same):
    """A damaged newest checkpoint on top: it costs steps, but not the result."""
    whole = text_parts().tune(tmp_path / "whole", 20)
    with pytest.raises(Interrupted, match="stopped at step 12 of 20"):
        text_parts().tune(tmp_path / "parted", 20, every=0, asked_to_stop=stop_after(12))
    newest = max((tmp_path / "parted" / "checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-100])
    resumed = text_parts().tune(tmp_path / "parted", 20)
    skipped, back = resumed.trace.events
    assert (skipped.kind, back.kind, back.step) == ("checkpoint_skipped", "resumed", 11)
    assert "fell back to the one before" in skipped.text
    assert same(resumed.weights, whole.weights)
    assert [one.loss for one in resumed.trace.steps] == [one.loss for one in whole.trace.steps]
    assert [e.metrics for e in resumed.trace.evaluations] == [e.metrics for e in whole.trace.evaluations]


def test_images_stopped_and_resumed_end_with_the_very_same_weights(image_parts, tmp_path, stop_after, same):
    whole = image_parts().tune(tmp_path / "whole", 6, evaluate_every=2)
    with pytest.raises(Interrupted):
        image_parts().tune(tmp_path / "parted", 6, asked_to_stop=stop_after(3), evaluate_every=2)
    resumed = image_parts().tune(tmp_path / "parted", 6, evaluate_every=2)
    assert same(resumed.weights, whole.weights)
    assert [one.loss for one in resumed.trace.steps] == [one.loss for one in whole.trace.steps]


def test_the_trace_in_the_file_is_the_trace_in_memory(text_parts, tmp_path):
    tuned = text_parts().tune(tmp_path, 7)
    assert read_trace(tmp_path / "trace.jsonl") == tuned.trace
    assert [one.step for one in tuned.trace.steps] == list(range(1, 8))
    assert [one.step for one in tuned.trace.evaluations] == [5, 7]
    assert all(one.gradient_norm > 0 for one in tuned.trace.steps)


def test_a_plan_change_is_replayed_at_the_same_step(text_parts, tmp_path, stop_after):
    """A run that was slowed down and then killed follows the schedule that it had."""
    with pytest.raises(Interrupted):
        text_parts().tune(tmp_path, 20, asked_to_stop=stop_after(4))
    line = '{"kind_of_record": "event", "step": 6, "kind": "plan", "text": "", "data": {"total_steps": 9}}\n'
    with (tmp_path / "trace.jsonl").open("a") as file:
        file.write(line)
    resumed = text_parts().tune(tmp_path, 20)
    assert resumed.trace.steps[-1].step == 9
    assert [(e.kind, e.step) for e in resumed.trace.events] == [("resumed", 4), ("plan", 6)]


def test_the_best_weights_are_kept_and_progress_that_ends_stops_the_run(text_parts, tmp_path):
    frozen = (Change(path="optimizer.lr", to=1e-12), Change(path="optimizer.head_lr", to=1e-12))
    tuned = text_parts(*frozen, Change(path="stopping.patience", to=2)).tune(tmp_path, 20, evaluate_every=2)
    assert tuned.trace.evaluations[0].best
    assert tuned.trace.events[-1].kind == "early_stop"
    assert tuned.trace.events[-1].text == "no progress in 2 evaluations"
    assert tuned.trace.steps[-1].step < 20


def test_a_loss_that_is_not_finite_ends_the_run_with_a_hint(text_parts, tmp_path):
    hot = Change(path="optimizer.head_lr", to=1e30), Change(path="optimizer.lr", to=1e30)
    with pytest.raises(TrainingError, match=r"the loss became (nan|inf) at step \d+(?s:.*)a lower rate"):
        text_parts(*hot, Change(path="techniques.clip", to="off")).tune(tmp_path, 20)


def test_a_frozen_layer_never_changes_and_a_trained_one_does(text_parts, tmp_path):
    run = text_parts(Change(path="layers.train", to=1))
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    after = run.tune(tmp_path, 5).weights
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert moved
    assert all(name.startswith(("head.", "backbone.net.encoder.layer.0.")) for name in moved)


def test_frozen_batch_norm_keeps_its_statistics(image_parts, tmp_path):
    run = image_parts(Change(path="layers.batch_norm", to="frozen"), Change(path="techniques.ema", to="off"))
    before = {name: value.clone() for name, value in run.network.state_dict().items()}
    after = run.tune(tmp_path, 2, evaluate_every=1).weights
    statistics = [name for name in before if "running_" in name]
    assert statistics
    assert all(torch.equal(before[name], after[name]) for name in statistics)
    assert not torch.equal(before["backbone.net.bn1.weight"], after["backbone.net.bn1.weight"])


def test_checkpoints_hold_the_newest_state(text_parts, tmp_path, stop_after):
    with pytest.raises(Interrupted):
        text_parts().tune(tmp_path, 20, asked_to_stop=stop_after(3))
    saved, damaged = Checkpoints(tmp_path / "checkpoints").load()
    assert (saved["counters"]["step"], damaged) == (3, ())
    assert set(saved) == {"network", "optimizer", "remembered", "counters", "best", "random"}


def test_memory_is_flat_in_the_number_of_steps(parts, sentences, small_text_model, quickly):
    """Hundreds of steps of a head on cached features: records grow, tensors must not."""
    from upfit.data.examples import FeatureExamples
    from upfit.data.loader import Loader
    from upfit.models.groups import find_groups
    from upfit.techniques.losses import cross_entropy
    from upfit.train.settle import settle_own, settle_techniques
    from upfit.train.tune import Places, Plan, tune
    from upfit.train.world import World
    from upfit.values import Recipe, Silent

    class Wide(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(256, 1000)

        def forward(self, batch):
            return self.linear(batch["features"])

    rng = np.random.default_rng(0)
    features, labels = rng.standard_normal((512, 256), dtype=np.float32), rng.integers(0, 1000, 512)
    network = Wide()
    recipe = settle_techniques(settle_own(Recipe(optimizer={"lr": 0.001}), count=512), 600)
    tuned = tune(
        recipe,
        network,
        find_groups(network),
        source=Loader(FeatureExamples(features), labels, size=64),
        loss=cross_entropy,
        measure=lambda net: (1.0, {"accuracy": 0.5}),
        metric="accuracy",
        plan=Plan(600, 700, 600),
        world=World(),
        watcher=Silent(),
        places=Places(),
    )
    steps = [one for one in tuned.trace.steps if one.step > 200]
    slope = np.polyfit([one.step for one in steps], [one.rss_mb for one in steps], 1)[0]
    # One kept logits tensor a step would be 0.25 MiB, one kept graph more.
    assert slope < 0.02
