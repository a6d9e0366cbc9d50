"""Values to disk and back: run folders, checkpoints, journals, caches. The only writer of runs."""

from upfit.store.checkpoints import Checkpoints
from upfit.store.feature_cache import FeatureCache
from upfit.store.journal import Journal, read_trace
from upfit.store.run_folder import RunFolder

__all__ = ["Checkpoints", "FeatureCache", "Journal", "RunFolder", "read_trace"]
