"""One-step tests: each measures some numbers about a model and its data before it trains."""

from upfit.diagnose.preflight.catalogue import TESTS, Measured, measure_all
from upfit.diagnose.preflight.untouched import untouched

__all__ = ["TESTS", "Measured", "measure_all", "untouched"]
