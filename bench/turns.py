"""Two trainings that take turns in one process, block of steps by block of steps, each paid for separately.

A machine that is fast now and slow in a second slows both alike, which whole runs one after the other do not
have: their ratio wanders by a fifth where the cost in question is a hundredth.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


class Turns:
    """Hands the turn from one thread to the other.

    Args:
        runs: Name → what trains; it is given a function to call before every step.
        steps: Steps of a block.
    """

    def __init__(self, runs: dict[str, Callable[[Callable[[], None]], Any]], steps: int) -> None:
        self.runs = runs
        self.steps = steps
        self.seconds: dict[str, list[float]] = {name: [] for name in runs}
        self.results: dict[str, Any] = {}
        self._errors: list[BaseException] = []
        self._free = threading.Condition()
        self._order = list(runs)
        self._playing: list[str] = []
        self._random = dict.fromkeys(runs, torch.get_rng_state())
        self._begun = 0.0
        self._taken = dict.fromkeys(runs, 0)

    def play(self) -> dict[str, list[float]]:
        """Both runs to their ends; processor seconds of every block, start and end of the run included."""
        self._playing = [*self._order, *reversed(self._order)]
        threads = [threading.Thread(target=self._run, args=(name,)) for name in self.runs]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        if self._errors:
            raise self._errors[0]
        return self.seconds

    def _run(self, name: str) -> None:
        try:
            self._wait(name)
            self.results[name] = self.runs[name](lambda: self._step(name))
        except BaseException as error:
            self._errors.append(error)
        finally:
            self._pass(name, last=True)

    def _step(self, name: str) -> None:
        """Before a step of `name`: at the end of a block it is the other's turn."""
        if self._taken[name] and self._taken[name] % self.steps == 0:
            self._pass(name)
            self._wait(name)
        self._taken[name] += 1

    def _wait(self, name: str) -> None:
        with self._free:
            self._free.wait_for(lambda: self._playing[0] == name)
        torch.set_rng_state(self._random[name])
        self._begun = time.process_time()

    def _pass(self, name: str, *, last: bool = False) -> None:
        self.seconds[name].append(time.process_time() - self._begun)
        self._random[name] = torch.get_rng_state()
        with self._free:
            # A B B A: whoever plays twice in a row waits for nobody.
            self._playing = [*self._playing[1:], name] if not last else self._without(name)
            self._free.notify_all()

    def _without(self, name: str) -> list[str]:
        left = [one for one in self._playing[1:] if one != name]
        return left or [one for one in self._order if one != name]


def cost(watched: list[list[float]], plain: list[list[float]]) -> tuple[float, float, float]:
    """Watched over plain less one, with a 95 % interval over repetitions.

    Args:
        watched: Seconds of the blocks of each repetition, (repetitions, blocks).
        plain: The same of the run that is compared with.

    What a block usually takes is the median over repetitions: now and then another program takes a turn, too.
    """
    both = np.array([watched, plain])
    rng, count = np.random.default_rng(0), both.shape[1]
    drawn = [_ratio(both[:, rng.integers(count, size=count)]) for _ in range(2000)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return _ratio(both), float(low), float(high)


def _ratio(both: Any) -> float:
    usual = np.median(both, axis=1).sum(axis=1)
    return float(usual[0] / usual[1] - 1)
