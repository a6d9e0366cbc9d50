"""`python -m bench` (or `make bench`): what takes minutes; the long one is named at the end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

QUICK = (("overhead.py",), ("head_only.py",), ("compare.py", "--table"))
LONG = "hours, over every image and text set: python bench/compare.py"


def main() -> int:
    """Run each script in a process of its own; 1 if any failed."""
    here = Path(__file__).parent
    codes = []
    for name, *arguments in QUICK:
        print(f"bench/{name}", *arguments, flush=True)
        codes.append(subprocess.run([sys.executable, str(here / name), *arguments]).returncode)
    print(LONG)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
