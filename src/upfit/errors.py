"""Every error upfit raises on purpose.

The tree, with the exit code that the command line gives it::

    UpfitError                 1    something upfit promised did not happen
    ├── TrainingError          1    a run could not go on (it is kept, and can be resumed)
    │   └── MemoryExhausted    1    not even a single example fits into memory
    ├── InputError             2    what the user gave cannot be used as it is
    │   ├── DataError          2      the data: files, columns, targets
    │   ├── RecipeError        2      a recipe, or a change to one
    │   ├── BackboneError      2      a pretrained model: its name, weights or digest
    │   ├── RunFolderError     2      a run folder: taken, newer, damaged, unwritable
    │   └── MissingExtraError  2      an optional dependency that is not installed
    └── Interrupted            130  stopped by the user; the run is saved
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UpfitError(Exception):
    """Base of all errors that upfit raises on purpose.

    Args:
        message: What went wrong, in one sentence.
        expected: What would have been fine.
        got: What came instead.
        hint: What to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, *, expected: str = "", got: str = "", hint: str = "") -> None:
        self.message = message
        self._more = {"expected": expected, "got": got, "hint": hint}
        lines = [message]
        lines += [f"  expected: {expected}"] if expected else []
        lines += [f"  got:      {got}"] if got else []
        lines += [f"  try:      {hint}"] if hint else []
        super().__init__("\n".join(lines))


class TrainingError(UpfitError):
    """A run could not go on; what it had reached is saved."""


class MemoryExhausted(TrainingError):
    """There is not enough memory, however small the pieces that a batch is cut into."""


class InputError(UpfitError):
    """What the user gave cannot be used as it is."""

    exit_code = 2

    def at(self, where: str) -> InputError:
        """The same complaint about input, with its place before it.

        >>> print(InputError("no such class", hint="spell it as in the data").at("a.jsonl, line 3"))
        a.jsonl, line 3: no such class
          try:      spell it as in the data
        """
        return InputError(f"{where}: {self.message}", **self._more)


class DataError(InputError):
    """Files, columns or targets that cannot be used."""


class RecipeError(InputError):
    """A recipe, or a change to one, that does not make sense."""


class BackboneError(InputError):
    """A pretrained model that cannot be found, verified or read safely."""


class RunFolderError(InputError):
    """A run folder that is taken, newer than this upfit, damaged or unwritable."""


class MissingExtraError(InputError):
    """An optional dependency that is not installed."""

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed",
            hint=f"pip install 'upfit[{extra}]'",
        )


class Interrupted(UpfitError):
    """Stopped by the user (SIGINT or SIGTERM); the run is saved and can be resumed."""

    exit_code = 130


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that `name` was probably meant to be, or an empty string.

    >>> nearest("learing_rate", ["learning_rate", "momentum"])
    'learning_rate'
    """
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else ""
