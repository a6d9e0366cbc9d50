"""`upfit` on a leash: `python -m upfit.review.leash fit …` ends, resumable, with its standard input.

A page that is killed cannot stop the training that it began, but the system then closes the page's end of the
pipe between them. Watching that end needs no process id, which another process may have had meanwhile.
"""

from __future__ import annotations

import os
import runpy
import signal
import threading
import time

PATIENCE_SECONDS = 30.0
"""What does not stop by itself within this time is ended; a run survives that as it survives a kill."""


def fasten() -> None:
    """From now on the end of standard input is as good as Ctrl-C."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    # Not through sys.stdin, whose lock a thread must not hold when the interpreter leaves.
    while os.read(0, 1024):
        pass
    # Nobody reads what is said any more; a line that finds a broken pipe would be a fault of its own.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(PATIENCE_SECONDS)
    os._exit(128 + signal.SIGINT)


if __name__ == "__main__":
    fasten()
    runpy.run_module("upfit", run_name="__main__", alter_sys=True)
