"""`python -m upfit`, which is also what `accelerate launch -m upfit` runs, and the command `upfit`."""

from __future__ import annotations

import sys


def run() -> int:
    """Run the command line; Ctrl-C while it is still being loaded is an interruption like any other."""
    try:
        from upfit.cli import main

        return main()
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(run())
