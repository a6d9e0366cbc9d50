"""When the user began to wait: budgets include the loading of libraries."""

from __future__ import annotations

import time

STARTED = time.time()
