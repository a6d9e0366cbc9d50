"""How the command line says that something went wrong, and with which exit code it leaves."""

from __future__ import annotations

import errno
import os
import re
import sys
import tempfile
import traceback
from collections.abc import Iterable
from typing import Any

from upfit.errors import InputError, Interrupted, RunFolderError, UpfitError, nearest
from upfit.report.printable import printable

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
BROKEN_PIPE = 141
"""128 + SIGPIPE: whoever read our output has stopped reading, as in `upfit show | head -1`."""


def complain(error: BaseException, *, debug: bool = False) -> int:
    """Write what went wrong to stderr and return the exit code."""
    if isinstance(error, BrokenPipeError):
        _discard_output()
        return BROKEN_PIPE
    if isinstance(error, KeyboardInterrupt):
        hint = "the same command again; features that were computed are kept"
        error = Interrupted("interrupted", hint=hint)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        error = RunFolderError(f"cannot write: {error.strerror}", got=str(error.filename or "the output"))
    if debug:
        traceback.print_exception(error)
    elif isinstance(error, UpfitError):
        _say(str(error))
    else:
        _say(_unexpected(error))
    return error.exit_code if isinstance(error, UpfitError) else 1


def usage_error(error: Any, app: Any) -> InputError:
    """A command line that could not be parsed, with the nearest thing that could be."""
    context = error.ctx
    command = context.command_path if context else "upfit"
    option = getattr(error, "option_name", None)
    if option and getattr(error, "possibilities", None) is not None:
        return _unknown("flag", option, _flags(context), command)
    unknown = re.match(r"No such command '(.*)'", error.message)
    if unknown:
        return _unknown("command", unknown[1], app.commands, command)
    message = error.format_message().rstrip(".").replace("Value error, ", "")
    return InputError(message[:1].lower() + message[1:], hint=f"{command} --help")


def _unknown(what: str, name: str, known: Iterable[str], command: str) -> InputError:
    guess = nearest(name, known)
    meant = f"; did you mean {guess}?" if guess else ""
    hint = f"{command} {guess}" if guess and what == "command" else f"{command} --help"
    return InputError(f"{command} has no {what} {name!r}{meant}", hint=hint)


def _flags(context: Any) -> list[str]:
    """Every flag that the command of this context knows."""
    return [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]


def _unexpected(error: BaseException) -> str:
    """One line for a fault of ours, with the traceback kept beside it."""
    lines = str(error).strip().splitlines() or ["no message"]
    line = f"upfit failed: {type(error).__name__}: {lines[0]}"
    try:
        handle, path = tempfile.mkstemp(prefix="upfit-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return f"{line}\n  try:      upfit --debug … to see where"
    return f"{line}\n  details:  {path}\n  try:      reporting it with that file; upfit --debug … prints it"


def _say(message: str) -> None:
    """Print to stderr: the first line marked and, in a terminal, red."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    first, _, rest = printable(message).partition("\n")
    console.print(Text.assemble(("error: ", "bold red"), (first, "bold"), f"\n{rest}" if rest else ""))


def _discard_output() -> None:
    """Point stdout at nothing, so that closing it at exit does not fail a second time."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
