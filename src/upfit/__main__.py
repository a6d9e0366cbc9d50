"""`python -m upfit`, which is also what `accelerate launch -m upfit` runs."""

import sys

from upfit.cli import main

sys.exit(main())
