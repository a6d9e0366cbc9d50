"""Cures inside a network of one's own and of its inputs: they do what they say, only where they suit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from upfit import Change, Job
from upfit.diagnose.preflight.calls import Calls, Example
from upfit.diagnose.treat_attempt import anatomy, attempt
from upfit.diagnose.treat_course import course_of
from upfit.diagnose.treat_inputs import statistics
from upfit.diagnose.treat_own import own_cures
from upfit.diagnose.treat_scores import scored
from upfit.diagnose.treat_surgery import anatomy_of, operate

CE = nn.CrossEntropyLoss()


class Cube(nn.Module):
    """An activation that nobody has heard of."""

    def forward(self, x):
        return x**3


def change(path, to):
    return Change(path=path, to=to)


def rows(count=96, *, scale=1.0, move=0.0):
    x = torch.randn(count, 4, generator=torch.Generator().manual_seed(0)) * scale + move
    return x, (x[:, 0] > move).long()


def job_of(network, x, y, *, loss=CE, task="classification", rate=0.05, epochs=3):
    def build(_changes):
        net = network()
        return net, torch.optim.SGD(net.parameters(), rate), loss

    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    return Job(build, loader, DataLoader(TensorDataset(x, y), batch_size=48), epochs=epochs, task=task)


def operated(net, *changes):
    example = Example(torch.randn(5, 4), None)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    operate(net, optimizer, changes, anatomy_of(net, Calls(net, None), example))
    return net, optimizer


def test_whatever_fades_or_explodes_between_layers_becomes_a_rectifier():
    net = nn.Sequential(nn.Linear(4, 8), Cube(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 2), nn.Sigmoid())
    operated(net, change("model.activation", "relu"))
    assert [type(one).__name__ for one in net] == ["Linear", "ReLU", "Linear", "GELU", "Linear", "Sigmoid"]


def test_layers_without_anything_between_them_get_rectifiers():
    net, _ = operated(nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2)), change("model.activation", "relu"))
    assert [type(one).__name__ for one in net.modules() if not list(one.children())] == [
        "Linear", "ReLU", "Linear",
    ]  # fmt: skip


def test_normalisation_stands_behind_inner_layers_and_is_trained():
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    net, optimizer = operated(net, change("model.norm", "batch"))
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    norms = [one for one in net.modules() if isinstance(one, nn.BatchNorm1d)]
    assert len(norms) == 1
    assert all(id(p) in held for p in norms[0].parameters())


@pytest.mark.parametrize(("to", "kind"), [("linear", nn.Identity), ("sigmoid", nn.Sigmoid)])
def test_the_last_activation_is_exchanged(to, kind):
    inner = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    operated(nn.Sequential(inner), change("model.output", to))
    assert isinstance(inner[1], kind)


def test_statistics_that_stood_still_move_again():
    net, _ = operated(
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8, momentum=0.0), nn.Linear(8, 2)),
        change("model.norm_momentum", 0.1),
    )
    net.train()(torch.randn(64, 4) + 5)
    assert float(net[1].running_mean.abs().max()) > 0


def test_a_loss_of_logits_gets_logits():
    net, _ = operated(nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), change("loss.name", "cross_entropy"))
    assert isinstance(net[1], nn.Identity)


def test_a_look_at_the_anatomy_changes_nothing():
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.get_rng_state()
    anatomy_of(net, Calls(net, None), Example(torch.randn(5, 4, generator=torch.Generator()), None))
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in before.items())
    assert torch.equal(torch.get_rng_state(), state)
    assert net.training
    assert not any(one._forward_hooks for one in net.modules())


def test_cures_are_offered_only_where_they_suit():
    x, y = rows()
    healthy = job_of(
        lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)), x, y
    )
    found = anatomy(healthy, healthy.build(())[0])
    paths = {
        one.path
        for kind in ("vanishing_gradient", "wrong_activation")
        for one in own_cures(healthy, kind, found)
    }
    assert paths == {"model.init"}
    assert own_cures(healthy, "nan_input", None)[0].path == "inputs.fill"
    assert [one.to for one in own_cures(healthy, "loss_activation_mismatch", found)] == ["cross_entropy"]
    assert own_cures(healthy, "no_shuffle", found)[0].path == "batching.shuffle"
    batches = replace(healthy, train=list(healthy.train))
    assert own_cures(batches, "no_shuffle", found) == ()
    assert own_cures(healthy, "overfit", found) == ()


def test_inputs_in_raw_units_are_standardised_and_the_model_takes_raw_ones():
    x, y = rows(scale=1e4, move=5e4)
    job = job_of(lambda: nn.Linear(4, 2), x, y, rate=0.5, epochs=6)
    run = attempt(job, (change("inputs.scale", "standardise"),), seed=0)
    assert run.value("accuracy") > 0.9
    assert float((run.model(x).argmax(1) == y).float().mean()) > 0.9


def test_values_are_predicted_in_their_own_units():
    x, _ = rows()
    y = 1e4 + 1e3 * x[:, :1]
    job = job_of(lambda: nn.Linear(4, 1), x, y, loss=nn.MSELoss(), task="regression", epochs=8)
    run = attempt(job, (change("inputs.scale", "standardise"),), seed=0)
    assert abs(float(run.model(x).detach().mean()) - 1e4) < 500
    assert run.value("rmse") < 300


def test_gaps_are_filled_with_the_mean():
    x, y = rows()
    x[3, 1] = float("nan")
    job = job_of(lambda: nn.Linear(4, 2), x, y)
    assert attempt(job, (), seed=0).end is None or attempt(job, (), seed=0).failure
    run = attempt(job, (change("inputs.fill", "mean"),), seed=0)
    assert not run.failure
    assert torch.isfinite(run.model(x)).all()


def test_statistics_leave_random_states_alone():
    job = job_of(lambda: nn.Linear(4, 2), *rows(scale=3.0, move=1.0))
    state = torch.get_rng_state()
    (mean, spread), values = statistics(job)
    assert torch.equal(torch.get_rng_state(), state)
    assert values is None
    assert float(spread.mean()) == pytest.approx(3.0, rel=0.2)
    assert float(mean.mean()) == pytest.approx(1.0, abs=0.5)


def test_a_smaller_batch_makes_more_steps():
    job = job_of(lambda: nn.Linear(4, 2), *rows())
    course = course_of(job, [change("batching.size", 4)])
    assert (course.apart, course.gather, course.cut) == (4, 1, 1)
    assert attempt(job, (change("batching.size", 4),), seed=0).steps == 4 * attempt(job, (), seed=0).steps


def test_probabilities_are_judged_as_such_and_logits_as_logits():
    x, y = rows()
    loader = [(x, y.float()[:, None])]
    shares, logits = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), nn.Linear(4, 1)
    for net, loss in ((shares, nn.BCELoss()), (logits, nn.BCEWithLogitsLoss())):
        layer = net[0] if isinstance(net, nn.Sequential) else net
        layer.weight.data = torch.tensor([[9.0, 0, 0, 0]])
        layer.bias.data.zero_()
        found = scored(Calls(net, loss), loader, "classification")
        assert (found.scores.argmax(1) == y.numpy()).all()


def test_outputs_that_are_no_numbers_say_nothing():
    net = nn.Linear(4, 2)
    nn.init.constant_(net.weight, float("nan"))
    x, y = rows(8)
    found = scored(Calls(net, CE), [(x, y)], "classification")
    assert (found.scores == 0.5).all()
