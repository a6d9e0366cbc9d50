"""How often the Doctor takes note of a step."""

import torch
from torch import nn

from upfit.diagnose.doctor import Doctor
from upfit.diagnose.watch.pace import ALL, LATEST, RAREST, Pace


def paced(note: float, *, elapsed: float, share: float | None = 0.02, monkeypatch=None) -> Pace:
    """A pace after `2 * ALL` notes of so many seconds each, with the clock held still."""
    pace = Pace(share)
    monkeypatch.setattr(Pace, "elapsed", property(lambda _self: elapsed))
    for number in range(1, 2 * ALL + LATEST):
        pace.took(note)
        pace.noted(number, seconds=note)
    return pace


def test_every_step_is_noted_where_steps_take_long(monkeypatch) -> None:
    assert paced(30e-6, elapsed=40.0, monkeypatch=monkeypatch).every == 1


def test_short_steps_are_noted_now_and_then(monkeypatch) -> None:
    pace = paced(30e-6, elapsed=1.6e-3 * (2 * ALL), monkeypatch=monkeypatch)
    assert 1 < pace.every < RAREST
    assert not pace.is_ahead


def test_the_shortest_steps_are_hardly_noted(monkeypatch) -> None:
    assert paced(30e-6, elapsed=2e-4 * (2 * ALL), monkeypatch=monkeypatch).every == RAREST


def test_without_a_share_everything_is_noted(monkeypatch) -> None:
    pace = paced(30e-6, elapsed=1e-4, share=None, monkeypatch=monkeypatch)
    assert pace.every == 1
    assert pace.is_ahead


def test_steps_between_notes_still_end_a_look_and_count() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    y = (x.sum(1) > 0).long()
    model, loss_fn = nn.Linear(4, 2), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    doctor = Doctor(model, optimizer, loss_fn, [(x, y)] * 10)
    for step in range(1, 41):
        doctor._pace.every = 4 if step > 3 else 1
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        doctor.step(loss)
        optimizer.step()
    doctor.close()
    numbers = [one.step for one in doctor.trace.steps]
    assert numbers[:4] == [1, 2, 3, 4]
    assert numbers[-1] == 40
    assert set(range(8, 41, 4)) <= set(numbers)
    looks = [one for one in doctor.trace.healths if one.update_ratios]
    assert all(0 < ratio < 1 for one in looks for ratio in one.update_ratios.values())
    assert all(p._backward_hooks is None for p in model.parameters())
