"""Bad steps: taken back and left out, cured by a lower rate, named, given up; the same after a stop."""

from __future__ import annotations

import math

import pytest
import torch

from upfit.diagnose import diagnose
from upfit.errors import Interrupted, TrainingError
from upfit.store import read_trace
from upfit.train.rollback_plan import healthy_until, retake
from upfit.train.rollback_signs import BadStep, Signs
from upfit.values import Change, Event, Step

DETECT = Change(path="watch", to="detect")
BARE = Change(path="techniques.clip", to="off")


@pytest.fixture
def faulty(small_net):
    """`faulty(step)`: a network whose body answers NaN whenever one certain batch comes by."""

    class Faulty(small_net):
        def __init__(self, step):
            super().__init__()
            self.passes, self.bad, self.print_of = 0, step, None

        def forward(self, batch):
            hidden = self.stem(batch["features"])
            if self.training:
                # The batch is known by its content: it comes by again when the run goes back.
                seen = hash(batch["features"].numpy().tobytes())
                self.passes += 1
                if self.passes == self.bad and self.print_of is None:
                    self.print_of = seen
                if seen == self.print_of:
                    hidden = hidden * torch.log(hidden.detach().amin() - 1)
            return self.head(self.body(hidden))

    return Faulty


def print_of(train_small, faulty, folder, step):
    """What marks the batch of a step."""
    network = faulty(step)
    train_small(folder, network=network, steps=60)
    return network.print_of


def test_a_nan_at_step_37_is_taken_back_and_the_run_finishes(train_small, faulty, tmp_path):
    _, tuned = train_small(tmp_path, network=faulty(37))
    steps = [one.step for one in tuned.trace.steps]
    assert steps == [step for step in range(1, 61) if step != 37]
    assert all(math.isfinite(one.loss) for one in tuned.trace.steps)
    (event,) = [one for one in tuned.trace.events if one.kind == "rolled_back"]
    assert event.step == 37
    assert "the loss became nan at step 37" in event.text
    assert "comes from log)" in event.text
    first, *_, last = tuned.trace.evaluations
    assert last.metrics["accuracy"] > first.metrics["accuracy"]
    (finding,) = [one for one in diagnose(tuned.trace).findings if one.kind == "nan_loss"]
    assert (finding.step, finding.severity) == (37, "warning")


def test_the_run_up_to_the_bad_step_is_that_of_a_healthy_one(train_small, faulty, tmp_path):
    _, tuned = train_small(tmp_path / "bad", network=faulty(37))
    _, whole = train_small(tmp_path / "good")
    before = [one.loss for one in whole.trace.steps][:36]
    assert [one.loss for one in tuned.trace.steps][:36] == before


@pytest.mark.parametrize("stop", [20, 36, 50])
def test_a_stopped_run_takes_back_the_same_step(train_small, faulty, tmp_path, stop, stop_after, same):
    _, whole = train_small(tmp_path / "whole", network=faulty(37))
    mark = print_of(train_small, faulty, tmp_path / "mark", 37)

    def again():
        network = faulty(0)
        network.print_of = mark
        return network

    with pytest.raises(Interrupted):
        train_small(tmp_path / "parted", network=again(), asked_to_stop=stop_after(stop))
    _, resumed = train_small(tmp_path / "parted", network=again())
    assert same(resumed.weights, whole.weights)
    assert [one.loss for one in resumed.trace.steps] == [one.loss for one in whole.trace.steps]
    assert [one.step for one in resumed.trace.events if one.kind == "rolled_back"] == [37]


def test_detecting_only_ends_the_run_and_names_the_operation(train_small, faulty, tmp_path):
    with pytest.raises(
        TrainingError, match="nan at step 37: the first value that is no number comes from log"
    ):
        train_small(tmp_path, DETECT, network=faulty(37))


def test_an_operation_is_named_with_its_module(train_small, small_net, tmp_path):
    network = small_net()
    network.body.register_forward_pre_hook(lambda module, given: None)
    network.body[1] = Root()
    with pytest.raises(TrainingError, match=r"comes from sqrt in body\.1 \(Root\)"):
        train_small(tmp_path, DETECT, network=network)


class Root(torch.nn.Module):
    """Not defined below zero."""

    def forward(self, hidden):
        return hidden.sqrt()


def spoil(inputs):
    inputs[700, 3] = float("nan")


def test_a_training_example_that_is_no_number_is_left_out_in_every_epoch(train_small, tmp_path):
    _, tuned = train_small(tmp_path, steps=114, spoilt=spoil)
    events = [one for one in tuned.trace.events if one.kind == "rolled_back"]
    assert len(events) == 3
    assert all("training example 700" in one.text for one in events)
    assert "went back" in events[0].text
    assert "went back" not in events[1].text
    (finding,) = [one for one in diagnose(tuned.trace).findings if one.kind == "nan_input"]
    assert (finding.step, finding.evidence["first_example"]) == (events[0].step, 700)


@pytest.mark.parametrize("clip", [(), (BARE,)], ids=["clipped", "bare"])
def test_a_rate_that_blows_up_is_lowered(train_small, tmp_path, clip):
    hot = (
        Change(path="optimizer.name", to="sgd"),
        *(Change(path=f"optimizer.{n}", to=3e3) for n in ("lr", "head_lr")),
    )
    _, tuned = train_small(tmp_path, *hot, *clip, steps=80)
    events = [one for one in tuned.trace.events if one.kind == "rolled_back"]
    assert events
    assert any("rate" in one.data for one in events)
    assert all(math.isfinite(one.loss) for one in tuned.trace.steps)


def test_a_hopeless_run_is_given_up_with_a_hint(train_small, tmp_path):
    hot = [Change(path=f"optimizer.{name}", to=1e35) for name in ("lr", "head_lr")]
    with pytest.raises(TrainingError, match=r"at step \d+(?s:.*)a lower rate"):
        train_small(tmp_path, *hot, BARE, steps=30)


def steps_of(losses):
    return [Step(k, 0.0, loss, 0.1, 1.0, 8, 0.0, 1.0) for k, loss in enumerate(losses, 1)]


def test_a_spike_is_no_single_hard_batch():
    signs = Signs()
    losses = [1.0] * 40 + [50.0] + [1.0] * 40
    assert all(signs.spike(step, loss) is None for step, loss in enumerate(losses, 1))


def test_small_losses_may_double():
    signs = Signs()
    losses = [0.01] * 50 + [0.06] * 50
    assert all(signs.spike(step, loss) is None for step, loss in enumerate(losses, 1))


def test_restarts_and_slow_rises_are_no_spikes():
    signs = Signs()
    restarts = [2.0 * math.exp(-step / 20) + 0.3 + abs(math.sin(step / 15)) for step in range(400)]
    assert all(signs.spike(step, loss) is None for step, loss in enumerate(restarts, 1))


def test_each_attempt_goes_further_back_and_the_last_gives_up():
    steps = steps_of([2.0] * 30 + [90.0] * 5)
    events, places = [], []
    while (plan := retake(BadStep(36, math.nan), steps, events, has_clip=True)) is not None:
        events.append(plan.event)
        places.append(plan.to)
    assert places == [35, 29, 19, 9, 0, 0]


def test_where_nothing_clipped_the_cure_clips_at_the_usual_norm():
    spike = BadStep(31, 90.0, is_spike=True)
    plan = retake(spike, steps_of([2.0] * 30 + [90.0] * 5), [], has_clip=False)
    assert (plan.to, plan.event.step) == (29, 30)
    assert plan.event.data == {"bad_step": 31.0, "rate": 0.3, "spike": 1.0, "clip": 1.0}


def test_nothing_was_healthy():
    assert healthy_until([], 1) == 0


def test_the_trace_in_the_file_tells_of_it(train_small, faulty, tmp_path):
    train_small(tmp_path, network=faulty(5), steps=12)
    trace = read_trace(tmp_path / "trace.jsonl")
    assert [type(one) for one in trace.events] == [Event]
