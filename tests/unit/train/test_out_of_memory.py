"""Out of memory: recognised, survived in smaller pieces with nothing done twice, resumed, explained."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

import upfit
from upfit.data.own_loader import OwnSource
from upfit.errors import Interrupted, MemoryExhausted
from upfit.models.own import OwnNetwork, parted
from upfit.techniques.losses import cross_entropy
from upfit.train.backward import use_smaller_pieces
from upfit.train.out_of_memory import forward_in_pieces, is_out_of_memory
from upfit.train.settle import settle_own
from upfit.train.tune import Places, Plan, prepare, surroundings, tune
from upfit.train.world import World
from upfit.values import Change, Recipe, Silent

PIXELS, LABELS = load_digits(return_X_y=True)
X, Y = torch.tensor(PIXELS / 16, dtype=torch.float32), torch.tensor(LABELS)
STEPS = 12


class Crowded(nn.Module):
    """Has no memory for more than `most` examples, from the `since`-th call on."""

    def __init__(self, most, since=0):
        super().__init__()
        self.most, self.calls, self.since = most, 0, since

    def forward(self, x):
        self.calls += self.training
        if self.training and self.calls > self.since and len(x) > self.most:
            torch.empty(10**15)
        return x


def trained(places, *, most=1000, since=0, micro_size="auto", dropout=0.2, norms="updated", techniques=()):
    """A small network on digits; BatchNorm moves before memory runs out, and dropout has drawn."""
    torch.manual_seed(0)
    layers = nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Dropout(dropout), Crowded(most, since)
    network = OwnNetwork(nn.Sequential(*layers, nn.Linear(16, 10)))
    fields = {
        "optimizer.lr": 0.01,
        "batching.micro_size": micro_size,
        "layers.batch_norm": norms,
        **{f"techniques.{name}": {} for name in techniques},
    }
    recipe = Recipe().apply(*(Change(path=path, to=to) for path, to in fields.items()))
    tuned = tune(
        settle_own(recipe, count=100),
        network,
        network.groups,
        # Three batches of 30 and one of 10.
        source=OwnSource(
            list(zip(X[:100].split(30), Y[:100].split(30), strict=True)),
            part=parted,
            seed=0,
            encode=lambda y: y,
        ),
        loss=cross_entropy,
        measure=lambda net: (0.0, {"accuracy": 0.0}),
        metric="accuracy",
        plan=Plan(STEPS, STEPS, STEPS),
        world=World(),
        watcher=Silent(),
        places=places,
    )
    return network.state_dict(), tuned.trace


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def of_memory(trace):
    return [(one.step, one.data["micro_size"]) for one in trace.events if one.kind == "out_of_memory"]


def caught(function):
    try:
        function()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("function", "verdict"),
    [
        (lambda: torch.empty(10**15), True),
        (lambda: bytearray(10**15), True),
        (lambda: torch.zeros(2, 3) @ torch.zeros(4, 5), False),
        (lambda: torch.zeros(2)[5], False),
        (lambda: int("one"), False),
    ],
)
def test_real_errors_are_told_apart(function, verdict):
    assert is_out_of_memory(caught(function)) is verdict


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.25 GiB",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_what_cuda_says_is_known(text):
    assert is_out_of_memory(RuntimeError(text))
    assert not is_out_of_memory(ValueError(text))


def test_what_onednn_says_is_told_from_what_it_does_not_support():
    """The first was seen under RLIMIT_AS, in the backward pass of a text backbone."""
    assert is_out_of_memory(RuntimeError("could not create a primitive"))
    assert not is_out_of_memory(
        RuntimeError("could not create a primitive descriptor for a matmul primitive")
    )


@pytest.mark.parametrize("techniques", [(), ("mixup",), ("sam",), ("r_drop",)])
def test_a_step_that_is_repeated_is_the_step_of_smaller_pieces_bit_for_bit(techniques):
    """Random streams, BatchNorm's statistics, gradients: as if the failed tries had never been."""
    limited, trace = trained(Places(), most=8, techniques=techniques)
    given, _ = trained(Places(), micro_size=8, techniques=techniques)
    assert of_memory(trace) == [(1, 16), (1, 8)]
    assert equal(limited, given)


def test_in_mid_run_it_goes_on_with_the_same_examples():
    """BatchNorm is frozen: what is left is rounding."""
    limited, trace = trained(Places(), most=20, since=6, dropout=0.0, norms="frozen")
    whole, other = trained(Places(), dropout=0.0, norms="frozen")
    assert of_memory(trace) == [(7, 16)]
    assert [one.examples for one in trace.steps] == [one.examples for one in other.steps]
    assert [one.loss for one in trace.steps] == pytest.approx([one.loss for one in other.steps], rel=1e-5)
    assert all(torch.allclose(value, whole[name], atol=1e-5) for name, value in limited.items())


def test_a_resumed_run_cuts_where_the_killed_one_did(tmp_path):
    """With memory to spare when it is resumed: the weights are those of the run that ran out of it."""
    for name in ("whole", "parted"):
        (tmp_path / name).mkdir()
    whole, trace = trained(Places(tmp_path / "whole"), most=20, since=6)
    asked = iter(range(1, 100))
    with pytest.raises(Interrupted):
        trained(Places(tmp_path / "parted", asked_to_stop=lambda: next(asked) == 4), most=20, since=6)
    lines = (tmp_path / "whole" / "trace.jsonl").read_text().splitlines()
    ahead = [line for line in lines if "out_of_memory" in line]
    with (tmp_path / "parted" / "trace.jsonl").open("a") as file:
        file.write("\n".join(ahead) + "\n")
    resumed, again = trained(Places(tmp_path / "parted"))
    assert len(ahead) == 1
    assert equal(resumed, whole)
    assert [one.loss for one in again.steps] == [one.loss for one in trace.steps]


def test_smaller_pieces_are_kept_over_a_resume(tmp_path):
    whole, _ = trained(Places(), most=8, since=2)
    asked = iter(range(1, 100))
    with pytest.raises(Interrupted):
        trained(Places(tmp_path, asked_to_stop=lambda: next(asked) == 7), most=8, since=2)
    resumed, trace = trained(Places(tmp_path))
    assert equal(resumed, whole)
    assert [step for step, _ in of_memory(trace)] == [3, 3]


def test_not_even_one_example_fits():
    with pytest.raises(MemoryExhausted, match=r"not enough memory for a step with a single(?s:.*)image_size"):
        trained(Places(), most=0, norms="frozen")


def test_an_error_of_another_kind_is_not_swallowed():
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        forward_in_pieces(lambda batch: batch["x"] @ torch.zeros(5, 5), {"x": torch.zeros(4, 3)}, None)


def test_evaluation_goes_on_in_halves_and_remembers():
    network, x = nn.Linear(64, 10).eval(), X[:30]

    def forward(batch):
        if len(batch["inputs"]) > 8:
            torch.empty(10**15)
        return network(batch["inputs"])

    with torch.no_grad():
        found, size = forward_in_pieces(forward, {"inputs": x}, None)
        assert size == 8
        assert torch.allclose(found, network(x), atol=1e-6)
        assert forward_in_pieces(forward, {"inputs": x[:5]}, size)[1] == 8


class Hungry(nn.Module):
    """A layer for which more than eight rows are too many."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        if len(x) > 8:
            torch.empty(10**15)
        return self.head(x)


def test_a_batch_that_does_not_fit_is_checked_in_part():
    x = torch.randn(30, 8)
    batch = [(x, (x[:, 0] > 0).long())]
    run = upfit.train(Hungry(), batch, batch, Recipe().apply(Change(path="stopping.steps", to=2)))
    assert "out_of_memory" in [one.kind for one in run.trace.events]


LIMITED = """
import resource, sys
import torch
from torch import nn
import upfit
from upfit.values import Change, Recipe

class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(8, 8)
        self.head = nn.Linear(8, 2)
    def forward(self, x):
        wide = self.inner(x).unsqueeze(2).expand(-1, -1, 40_000)
        return self.head(wide.sin().sin().sin().sin().mean(2))

torch.manual_seed(0)
x = torch.randn(128, 8)
y = (x[:, 0] > 0).long()
batches = [(x[:64], y[:64]), (x[64:], y[64:])]
fields = {
    "stopping.steps": 4,
    "stopping.evaluations": 1,
    "techniques.ema": "off",
    "optimizer.lr": 0.01,
    "batching.micro_size": int(sys.argv[2]) if sys.argv[2].isdigit() else "auto",
}
recipe = Recipe().apply(*(Change(path=path, to=to) for path, to in fields.items()))
module, train = Wide(), upfit.train
# What is loaded when it is needed counts as memory as well: it is there before the limit is.
train(nn.Linear(8, 2), [(x[:8], y[:8])], [(x[:8], y[:8])], recipe)
if sys.argv[1] != "none":
    used = int(open("/proc/self/statm").read().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[1]) * 2**20,) * 2)
run = train(module, batches, [(x[:8], y[:8])], recipe)
print([one.data["micro_size"] for one in run.trace.events if one.kind == "out_of_memory"])
print(module.head.weight.flatten().tolist())
print(run.recipe.batching.micro_size)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits and /proc are Linux's")
def test_under_a_real_limit_of_memory_a_run_ends_as_without(tmp_path):
    """A batch of 64 needs about 400 MiB, one of 32 half of it: cut in mid-run, or planned so at the start."""
    script = tmp_path / "limited.py"
    script.write_text(LIMITED)
    found = []
    for flags in (("none", "auto"), ("350", "64"), ("350", "auto")):
        command = [sys.executable, script, *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append([json.loads(line) for line in done.stdout.splitlines()])
    (none, whole, all_at_once), (events, cut, _), (_, planned, size) = found
    assert (none, all_at_once) == ([], 64)
    assert events
    assert size < 64
    assert cut == pytest.approx(whole, rel=1e-4)
    assert planned == pytest.approx(whole, rel=1e-4)


def test_the_copy_of_the_first_state_is_given_up_first():
    network = OwnNetwork(nn.Linear(64, 10))
    plan, recipe = Plan(4, 4, 4), settle_own(Recipe(optimizer={"lr": 0.001}), count=100)
    state, _ = prepare(recipe, network, network.groups, plan, World())
    around = surroundings(World(), Silent(), plan, Places())
    around.start.keep(state)
    assert around.start.copy() is not None
    batch = {"input": X[:8], "target": Y[:8], "count": torch.tensor(8), "share": torch.tensor(8)}
    use_smaller_pieces(state, around, batch)
    assert state.micro_size == 4
    assert around.start.copy() is None
