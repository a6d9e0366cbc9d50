"""Work in threads: results in order, no more at once than are taken, errors in their turn."""

from __future__ import annotations

import pytest

from upfit.data.threads import AHEAD, THREADS, in_threads


def test_results_come_in_order_whoever_is_first():
    def work(number):
        sum(range(20_000 * (number % 3)))
        return -number

    assert list(in_threads(iter([]), work)) == []
    assert list(in_threads(range(50), work)) == [-number for number in range(50)]


def test_only_a_few_are_asked_for_ahead():
    asked = []

    def items():
        for number in range(1000):
            asked.append(number)
            yield number

    results = in_threads(items(), lambda number: number)
    assert [next(results), next(results)] == [0, 1]
    assert len(asked) <= AHEAD * THREADS + 3
    results.close()


def test_an_error_comes_in_its_turn():
    def work(number):
        if number == 3:
            raise OSError("broken")
        return number

    results = in_threads(range(100), work)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="broken"):
        next(results)
