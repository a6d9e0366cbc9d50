"""`clean`: a plan, read and cut down by a person, applied to a copy of the data."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from upfit.audit.clean import cleaned
from upfit.audit.finding import times
from upfit.data.export import export, require_new
from upfit.data.read import read_once
from upfit.errors import InputError
from upfit.report.deeds import brief
from upfit.store.atomic import write_text
from upfit.store.corrections_file import read_corrections
from upfit.store.room import require_room
from upfit.values import Data, Logged, Plan, Task, Watcher
from upfit.values.corrections import Corrections


def clean(
    data: Any = None,
    *,
    plan: Plan | str | Path,
    out: str | Path,
    target: str | Iterable[str] | None = None,
    task: Task | None = None,
    kinds: Mapping[str, str] | None = None,
    train: Any = None,
    validation: Any = None,
    test: Any = None,
    group: str | None = None,
    time: str | None = None,
    watcher: Watcher | None = None,
) -> Path:
    """Apply a plan to a copy of the data.

    The copy holds what upfit reads: files that cannot be read and rows without a target are not in it.

    Args:
        data: What the plan was made for, given exactly as to `audit`.
        plan: A plan, or the file of one.
        out: A new folder.
        target: As for `audit`, like all that follow.
        task: Inferred where missing.
        kinds: Column kinds that were inferred wrongly.
        train: Training part.
        validation: Validation part.
        test: Test part.
        group: Column whose equal values belong together.
        time: Column of time.
        watcher: Is told what was done.

    Returns:
        The folder; `upfit fit` reads it.

    Raises:
        InputError: The plan is for other data, or names rows, columns or values that are not there; the
            folder is not new, or lies within the data. What stops it half-way, a kill too, leaves no half
            of a copy.

    Example:
        >>> import pandas
        >>> frame = pandas.DataFrame({"text": ["so good", "so bad"] * 8, "label": ["yes", "no"] * 8})
        >>> from upfit.data.read import read
        >>> data = read(frame)
        >>> from upfit.values import Action
        >>> plan = Plan(fingerprint=data.fingerprint, actions=(Action(do="drop", rows=(0, 1)),))
        >>> len(read(clean(data, plan=plan, out="cleaned")))
        14
    """
    folder = Path(out)
    require_new(folder)
    _require_outside(folder, (data, train, validation, test))
    require_room(folder)
    agreed = plan if isinstance(plan, Plan) else _read(Path(plan))
    table = read_once(
        data,
        train=train,
        validation=validation,
        test=test,
        target=target,
        task=task,
        kinds=kinds,
        group=group,
        time=time,
    )
    if isinstance(agreed, Corrections):
        # People decided about rows of data that an audit never saw: their own complaint says what helps.
        agreed.require(table.fingerprint)
        agreed = agreed.plan()
    rows = cleaned(table, agreed)
    with _whole_folder(folder) as unfinished:
        export(rows, table.schema, unfinished)
        write_text(unfinished / "plan.yaml", agreed.to_yaml())
    for line in accounts(table, agreed, len(rows)):
        (watcher or Logged()).note(line)
    return folder


def accounts(data: Data, plan: Plan, stay: int) -> Iterator[str]:
    """What was done with how many rows, and what was not done, a sentence each.

    Args:
        data: As they were read.
        plan: That was applied.
        stay: Rows of the copy.

    Example:
        >>> import pandas
        >>> from upfit.data.read import read
        >>> from upfit.values import Action
        >>> data = read(pandas.DataFrame({"text": ["so good", "so bad"] * 8, "label": ["yes", "no"] * 8}))
        >>> plan = Plan(fingerprint="", actions=(Action(do="drop", rows=(1,), doubtful=True),))
        >>> list(accounts(data, plan, 16))
        ['16 of 16 rows are in the copy', 'not done, since marked as doubtful: drop, 1 row']
    """
    done = "; ".join(brief(one) for one in plan.done)
    yield f"{stay:,} of {times(len(data), 'row')} are in the copy{f', after: {done}' if done else ''}"
    for one in data.findings:
        if one.kind in ("unreadable_file", "missing_target"):
            yield f"not in the copy: {one.message}"
    doubtful = "; ".join(brief(one) for one in plan.actions if one.doubtful)
    if doubtful:
        yield f"not done, since marked as doubtful: {doubtful}"
    if any(one.do == "collect" for one in plan.actions):
        yield "left to you: examples to collect"


def _require_outside(folder: Path, sources: Iterable[Any]) -> None:
    """Refuse a copy within a folder of data, of which it would be read as a part ever after.

    Raises:
        InputError: It lies within one of them.
    """
    for source in sources:
        if not isinstance(source, str | Path) or not Path(source).is_dir():
            continue
        if folder.resolve().is_relative_to(Path(source).resolve()):
            raise InputError(
                f"{folder} lies within the data, and would be read as a part of them",
                expected=f"a folder outside of {source}",
                hint="--out ANOTHER",
            )


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside it, which takes its name when the block ends well.

    A copy of half the data looks like all of them, so there never is one under its name, not even after a
    kill; what a kill left is cleared away by the next attempt.
    """
    home = folder.resolve()
    unfinished = home.with_name(f".{home.name}.upfit-unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        yield unfinished
        if home.exists():
            home.rmdir()
        unfinished.rename(home)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _read(path: Path) -> Plan | Corrections:
    """A plan, or a file of corrections (`.jsonl`, from `upfit review`)."""
    return read_corrections(path) if path.suffix == ".jsonl" else read_plan(path)


def read_plan(path: Path) -> Plan:
    """The plan in a file.

    Raises:
        InputError: It cannot be read, or is none.
    """
    try:
        return Plan.from_yaml(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the plan {path} cannot be read: {error}") from None
