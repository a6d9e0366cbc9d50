"""The catalogue of checks, and the one function that runs them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from upfit.audit.balance import balance
from upfit.audit.columns import columns
from upfit.audit.conflicts import conflicts
from upfit.audit.duplicates import duplicates
from upfit.audit.files import files
from upfit.audit.formats import formats
from upfit.audit.giveaways import giveaways
from upfit.audit.image_quality import image_quality
from upfit.audit.label_errors import label_errors
from upfit.audit.label_names import label_names
from upfit.audit.leaks import leaks
from upfit.audit.missing import missing
from upfit.audit.near_duplicates import near_duplicates
from upfit.audit.order import order
from upfit.audit.outliers import outliers
from upfit.audit.ranges import ranges
from upfit.audit.shift import shift
from upfit.audit.slices import slices
from upfit.audit.subject import Subject
from upfit.audit.text_quality import text_quality
from upfit.errors import InputError, MissingExtraError, nearest
from upfit.values import Finding

Check = Callable[[Subject], tuple[Finding, ...]]
"""One check: what it found, or nothing. A check that does not apply to the data finds nothing."""

CHECKS: tuple[Check, ...] = (
    leaks,
    label_errors,
    label_names,
    conflicts,
    giveaways,
    duplicates,
    near_duplicates,
    balance,
    files,
    image_quality,
    text_quality,
    outliers,
    missing,
    columns,
    formats,
    ranges,
    shift,
    order,
    slices,
)

CHEAPEST: tuple[Check, ...] = (label_names, balance)
CHEAP: tuple[Check, ...] = (*CHEAPEST, conflicts, duplicates, missing, formats, ranges)
"""Those that take a moment and need no features; for very many rows, the first two."""

_GRAVITY = {"error": 0, "warning": 1, "info": 2}


def run_checks(
    subject: Subject, checks: Sequence[Check] = CHECKS, *, noted: Callable[[str], None] = lambda name: None
) -> tuple[Finding, ...]:
    """Run checks and rank what they found: the gravest first, then by how many rows are concerned.

    Args:
        subject: The data.
        checks: Which ones.
        noted: Told the name of each check before it runs.
    """
    found: list[Finding] = list(subject.data.findings)
    for check in checks:
        noted(check.__name__.replace("_", " "))
        try:
            found += check(subject)
        except MissingExtraError as error:
            # The other checks are worth having all the same.
            message = f"not looked for: {error.message}; pip install 'upfit[data]'"
            found.append(Finding(kind="not_checked", severity="info", message=message))
    return ranked(found)


def ranked(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The gravest first, then those that concern the most rows; equal ones once."""
    unique = tuple(dict.fromkeys(findings))
    return tuple(sorted(unique, key=lambda one: (_GRAVITY[one.severity], -one.evidence.get("rows", 0.0))))


def named(names: Sequence[str]) -> tuple[Check, ...]:
    """Checks by their names.

    Raises:
        InputError: There is no such check.

    >>> [check.__name__ for check in named(["leaks", "balance"])]
    ['leaks', 'balance']
    """
    known = {check.__name__: check for check in CHECKS}
    for name in names:
        if name not in known:
            guess = nearest(name, known)
            raise InputError(
                f"there is no check {name!r}",
                expected=", ".join(known),
                hint=f"--check {guess}" if guess else "",
            )
    return tuple(known[name] for name in names)
