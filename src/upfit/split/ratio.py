"""Ratios as users type them: `8:1:1`, `7:3`, `9:1`."""

from __future__ import annotations

from upfit.errors import DataError

Weights = tuple[float, ...]
"""Shares of train, validation and test (or of folds); they add up to 1."""

VALIDATION_SHARE = 0.1
"""Of the training rows, where a ratio names only train and test."""


def parse_ratio(ratio: str) -> Weights:
    """Shares of train, validation and test.

    Three numbers are train : validation : test. Two are train : test, and 10 % of train then serves as
    validation: a test set that also chose the model would judge too kindly.

    Raises:
        DataError: Not two or three numbers, or a share that cannot be.

    >>> parse_ratio("8:1:1"), [round(share, 2) for share in parse_ratio("7:3")]
    ((0.8, 0.1, 0.1), [0.63, 0.07, 0.3])
    """
    numbers = _numbers(ratio)
    if len(numbers) == 2:
        train, test = numbers
        numbers = [train * (1 - VALIDATION_SHARE), train * VALIDATION_SHARE, test]
    train, validation, test = numbers
    if train <= 0 or validation <= 0 or test < 0:
        raise _wrong(ratio)
    total = sum(numbers)
    return train / total, validation / total, test / total


def _numbers(ratio: str) -> list[float]:
    try:
        numbers = [float(part) for part in str(ratio).replace("/", ":").split(":")]
    except ValueError:
        raise _wrong(ratio) from None
    if len(numbers) not in (2, 3) or not all(0 <= number < 1e9 for number in numbers):
        raise _wrong(ratio)
    return numbers


def _wrong(ratio: str) -> DataError:
    expected = "train:validation:test like 8:1:1, or train:test like 7:3; train and validation above 0"
    return DataError(f"{ratio!r} is no split ratio", expected=expected, hint="--split 8:1:1")


def filled(weights: Weights) -> int:
    """How many parts are to have rows."""
    return sum(weight > 0 for weight in weights)
