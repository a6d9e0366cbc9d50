"""What one-step tests see does not depend on who else uses the processor."""

from itertools import islice

from upfit.diagnose.preflight import allowance
from upfit.diagnose.preflight.allowance import within


class Clock:
    """Seconds that pass as a test says."""

    def __init__(self, share):
        self.share, self.now = share, 0.0

    def monotonic(self):
        return self.now

    def thread_time(self):
        return self.now * self.share


def turns(monkeypatch, share, each=0.125):
    clock = Clock(share)
    monkeypatch.setattr(allowance, "time", clock)
    taken = 0
    for _ in islice(within(1.0), 1000):
        clock.now += each
        taken += 1
    return taken


def test_on_a_shared_processor_the_same_is_seen(monkeypatch):
    assert turns(monkeypatch, share=1.0) == 8
    assert turns(monkeypatch, share=0.5, each=0.25) == 8


def test_waiting_has_an_end(monkeypatch):
    assert turns(monkeypatch, share=0.0) == 24
